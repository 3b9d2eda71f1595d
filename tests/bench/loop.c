/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loop.c - loop KIND N FILE: do N times what a probe is on, append to FILE how
 * many nanoseconds one took. KIND: read (vfs_read of one byte of /dev/zero, so
 * also a system call), call (the function probed() of this program), mark (passes a
 * marker that has a semaphore), empty (as that, without the marker).
 */
#define _SDT_HAS_SEMAPHORES 1
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sdt.h>
#include <time.h>
#include <unistd.h>

static volatile long sink;

__extension__ volatile unsigned short loop_turn_semaphore
	__attribute__((unused, section(".probes")));

/* What a turn leaves is not known to the compiler: it makes all of them. */
static long turn(long i, long sum)
{
	__asm__ volatile("" : "+r"(sum));
	return sum + i;
}

static __attribute__((noipa)) long probed(long a, long b)
{
	sink = a;
	return a + b;
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

int main(int argc, char **argv)
{
	int fd = open("/dev/zero", O_RDONLY);
	double start, spent;
	long i, n, sum = 0;
	char byte;
	FILE *out;

	if (argc != 4 || fd < 0)
		return 64;
	n = atol(argv[2]);
	start = now_ns();
	if (!strcmp(argv[1], "read"))
		for (i = 0; i < n; i++)
			sum += read(fd, &byte, 1);
	else if (!strcmp(argv[1], "empty"))
		for (i = 0; i < n; i++)
			sum = turn(i, sum);
	else if (!strcmp(argv[1], "mark"))
		for (i = 0; i < n; i++) {
			sum = turn(i, sum);
			if (loop_turn_semaphore)
				STAP_PROBE2(loop, turn, i, sum);
		}
	else
		for (i = 0; i < n; i++)
			sum += probed(i, sum);
	spent = now_ns() - start;
	out = fopen(argv[3], "a");
	if (!out)
		return 1;
	fprintf(out, "%.1f\n", spent / (double)n);
	fclose(out);
	return sum == -1;
}
