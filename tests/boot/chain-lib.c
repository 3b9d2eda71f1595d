/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chain-lib.c - a library that calls back: see chain.c. WHICH is outer or inner. */
#define JOIN(a, b) a##b
#define NAME(a, b) JOIN(a, b)

volatile int NAME(WHICH, _sink);

__attribute__((noinline)) static int NAME(WHICH, _help)(int (*f)(int), int n)
{
	char room[64 + n % 7];

	room[0] = (char)n;
	NAME(WHICH, _sink) += room[0];
	return f(n) + NAME(WHICH, _sink);
}

int NAME(WHICH, _call)(int (*f)(int), int n)
{
	return NAME(WHICH, _help)(f, n + 1) + NAME(WHICH, _sink);
}
