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


print(greet("you", 21))
print(Cat().meow(2), sum(count(3)))
