/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chain.c - a stack to walk: main, one library, a function of this program,
 * another library, one of this program that a signal interrupts, its handler,
 * the C library's qsort, and at last deepest(). Built without frame pointers.
 */
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int outer_call(int (*f)(int), int n);
int inner_call(int (*f)(int), int n);

volatile int sink;

/* A system call out of the kernel's own code in the process, [vdso]. */
__attribute__((noinline)) int deepest(int n)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	sink += n;
	return sink + n;
}

static int compare(const void *a, const void *b)
{
	char room[100 + *(const int *)a % 3];	/* where rsp is not enough */

	room[0] = 1;
	sink += room[0];
	return deepest(*(const int *)a - *(const int *)b) + sink;
}

static void handler(int sig)
{
	int v[2] = { 3, 4 };

	(void)sig;
	qsort(v, 2, sizeof(v[0]), compare);
	sink += v[0];
}

/* Realigns its stack. */
__attribute__((noinline)) static int raiser(int n)
{
	_Alignas(64) volatile char aligned[64] = { 0 };

	aligned[n & 63] = (char)n;
	kill(getpid(), SIGUSR1);
	return n + sink + aligned[1];
}

__attribute__((noinline)) static int middle(int n)
{
	return inner_call(raiser, n + 1) + sink;
}

int main(void)
{
	signal(SIGUSR1, handler);
	outer_call(middle, 1);
	return 0;
}
