/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * measure.c - measure [-n RUNS] [-f] CMD...: run CMD, print medians of
 *
 *	MICROSECONDS KILOBYTES
 *
 * from exec to its end and its peak resident memory; with -f from exec to the
 * first byte that it prints, and the peak until then without what is mapped of
 * BPF maps (it is then interrupted).
 *
 * links: -static
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct result {
	long us, kb;
};

static long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000L + ts.tv_nsec / 1000;
}

static int by_us(const void *a, const void *b)
{
	const struct result *x = a, *y = b;

	return (x->us > y->us) - (x->us < y->us);
}

static int by_kb(const void *a, const void *b)
{
	const struct result *x = a, *y = b;

	return (x->kb > y->kb) - (x->kb < y->kb);
}

static FILE *proc_file(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return fopen(path, "r");
}

/* What of a process's memory is BPF maps (its ring), in kilobytes. */
static long rings_of(pid_t pid)
{
	FILE *f = proc_file(pid, "smaps");
	long kb = 0, one;
	char line[256];
	int ring = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (strchr(line, '-') && strchr(line, '-') < strchr(line, ' '))
			ring = !!strstr(line, "bpf-map");
		else if (ring && sscanf(line, "Rss: %ld", &one) == 1)
			kb += one;
	}
	if (f)
		fclose(f);
	return kb;
}

/* VmHWM of a living process without its rings, in kilobytes. */
static long peak_of(pid_t pid)
{
	FILE *f = proc_file(pid, "status");
	char line[256];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb < 0 ? kb : kb - rings_of(pid);
}

static int run(char **argv, int first, struct result *r)
{
	int out[2], status;
	struct rusage use;
	char buf[65536];
	long start;
	pid_t pid;

	if (pipe(out))
		return -1;
	start = now_us();
	pid = fork();
	if (!pid) {
		dup2(out[1], 1);
		close(out[0]);
		close(out[1]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(out[1]);
	if (first) {
		if (read(out[0], buf, sizeof(buf)) <= 0)
			return -1;
		r->us = now_us() - start;
		r->kb = peak_of(pid);
		kill(pid, SIGINT);
	}
	while (read(out[0], buf, sizeof(buf)) > 0)
		;
	wait4(pid, &status, 0, &use);
	close(out[0]);
	if (!first) {
		r->us = now_us() - start;
		r->kb = use.ru_maxrss;
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int opt, runs = 1, first = 0, i;
	struct result *r;

	while ((opt = getopt(argc, argv, "+n:f")) != -1) {
		if (opt == 'n')
			runs = atoi(optarg);
		else if (opt == 'f')
			first = 1;
		else
			return 64;
	}
	if (optind >= argc || runs < 1)
		return 64;
	r = calloc((size_t)runs, sizeof(*r));
	for (i = 0; i < runs; i++)
		if (run(argv + optind, first, &r[i])) {
			fprintf(stderr, "measure: %s failed\n", argv[optind]);
			return 1;
		}
	qsort(r, (size_t)runs, sizeof(*r), by_us);
	printf("%ld ", r[runs / 2].us);
	qsort(r, (size_t)runs, sizeof(*r), by_kb);
	printf("%ld\n", r[runs / 2].kb);
	return 0;
}
