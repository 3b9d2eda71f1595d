/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flood.c - what tests of load and faults do to a session.
 *
 *	flood calls N [PER_MS]	N times getppid, so many in a millisecond;
 *				the argument counts them
 *	flood count TEXT	how many lines of standard input end so, how many
 *				do not; those that begin with "hits" it prints
 *	flood left		how many BPF programs and maps the kernel has
 */
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void calls(long n, long per_ms)
{
	long start = now_us();

	for (long i = 0; i < n; i++) {
		if (per_ms && i % per_ms == 0)
			while (now_us() - start < i / per_ms * 1000)
				usleep(200);
		syscall(SYS_getppid, i);
	}
}

static int count(int next)
{
	union bpf_attr a;
	int n = 0;

	memset(&a, 0, sizeof(a));
	while (!syscall(SYS_bpf, next, &a, sizeof(a))) {
		a.start_id = a.next_id;
		n++;
	}
	return n;
}

static int count_lines(const char *end)
{
	char line[256];
	size_t n, want = strlen(end);
	long good = 0, bad = 0;

	while (fgets(line, sizeof(line), stdin)) {
		n = strlen(line);
		if (!strncmp(line, "hits ", 5))
			fputs(line, stdout);
		else if (n > want && line[n - 1] == '\n' &&
			 !strncmp(line + n - 1 - want, end, want))
			good++;
		else
			bad++;
	}
	printf("printed %ld bad %ld\n", good, bad);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "calls"))
		calls(atol(argv[2]), argc > 3 ? atol(argv[3]) : 0);
	else if (argc > 2 && !strcmp(argv[1], "count"))
		return count_lines(argv[2]);
	else
		printf("programs %d maps %d\n", count(BPF_PROG_GET_NEXT_ID),
		       count(BPF_MAP_GET_NEXT_ID));
	return 0;
}
