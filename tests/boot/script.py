# SPDX-License-Identifier: GPL-2.0-or-later
# script.py - functions for script.stp to see.


def greet(name, n):
    return helper(name, n * 2)


def helper(name, total):
    return "%s %d" % (name, total)


class Cat:
    def meow(self, times):
        return "meow " * times


def count(n):
    while n:
        yield n
        n -= 1


def values(half, yes, small, text, *rest, key, **more):
    inner = [1, "two", None, (3, 4)]

    def cell():
        return small

    return cell() + len(inner)


limit = 212
print(greet("you", 21))
print(Cat().meow(2), sum(count(3)))
print(values(-2.5, True, -7, "größe", {"a": 1, 2: []}, key=1 << 40, k=()))
