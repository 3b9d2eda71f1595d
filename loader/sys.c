/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void message(const char *fmt, va_list ap)
{
	char line[2048];
	int n = snprintf(line, sizeof(line), "%s: ", argv0);

	n += vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	/* nothing can be done for a message that cannot be written */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(fmt, ap);
	va_end(ap);
}

void die(enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(fmt, ap);
	va_end(ap);
	_exit(code);
}

static void *must(void *p, size_t size)
{
	if (!p || p == MAP_FAILED)
		die(EXIT_AGAIN, "wanted %zu bytes of memory, got none: "
		    "try again when more is free", size);
	return p;
}

/* calloc() would look through pages that it has just got: they are zero. */
void *zalloc(size_t size)
{
	if (size < 4096)
		return must(calloc(1, size ? size : 1), size);
	return must(mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), size);
}

void zfree(void *p, size_t size)
{
	if (size < 4096)
		free(p);
	else if (p)
		munmap(p, size);
}

void *array(size_t n, size_t size)
{
	return must(calloc(n ? n : 1, size), n * size);
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

void stop_signals_of(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGQUIT);
}

bool stop_pending(void)
{
	sigset_t stops, pending;

	stop_signals_of(&stops);
	sigpending(&pending);
	for (int i = 1; i < 32; i++)
		if (sigismember(&stops, i) && sigismember(&pending, i))
			return true;
	return false;
}

void tell_progress(struct progress *p, uint32_t done, uint32_t all)
{
	const uint64_t second = 1000000000;
	uint64_t now = now_ns();

	if (!p->start) {
		p->start = now;
		p->next = now + second;
	}
	if (now < p->next || done >= all || !done)
		return;
	p->next = now + (now - p->start);
	say("%s %u of %u sites, some %llu s to go", p->what, done, all,
	    (unsigned long long)((now - p->start) / done * (all - done) /
				 second + 1));
}

long read_small(const char *path, void *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : read_rest(fd, buf, size);
}

long read_rest(int fd, void *buf, size_t size)
{
	size_t n = 0;
	ssize_t got;

	do {
		got = read(fd, (char *)buf + n, size - 1 - n);
		if (got > 0)
			n += got;
	} while (n < size - 1 && (got > 0 || (got < 0 && errno == EINTR)));
	((char *)buf)[n] = 0;
	long result = got < 0 ? -errno : (long)n;
	close(fd);
	return result;
}

long read_number(const char *path)
{
	char text[64];
	long n = read_small(path, text, sizeof(text));

	return n < 0 ? n : strtol(text, NULL, 10);
}

unsigned long own_kb(void)
{
	char text[128], *p;
	unsigned long resident;

	if (read_small("/proc/self/statm", text, sizeof(text)) <= 0)
		return 0;
	strtoul(text, &p, 10);
	resident = strtoul(p, &p, 10);
	return (resident - strtoul(p, NULL, 10)) *
		(unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

/* "0-3" or "0,2-5": the last number counts them. */
unsigned possible_cpus(void)
{
	char text[256];
	unsigned last = 0;

	if (read_small("/sys/devices/system/cpu/possible", text,
		       sizeof(text)) <= 0)
		die(EXIT_KERNEL, "wanted the number of processors from "
		    "/sys/devices/system/cpu/possible: is /sys mounted?");
	for (char *p = text; *p; ) {
		if (*p >= '0' && *p <= '9')
			last = strtoul(p, &p, 10);
		else
			p++;
	}
	return last + 1;
}

const char *hex(char *to, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		to[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		to[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	to[2 * n] = 0;
	return to;
}

struct rows rows_of(const struct stb_set *s, uint32_t kind, size_t known)
{
	struct rows r = { 0 };

	r.base = stb_table(s, kind, known, &r.n, &r.stride);
	if (!r.base)
		r.n = 0;
	return r;
}

void run_shell(const char *command, const sigset_t *mask)
{
	struct sched_param p = { 0 };
	pid_t child = fork();

	if (child < 0)
		say("fork: %s", strerror(errno));
	if (child > 0)
		waitpid(child, NULL, 0);
	if (child)
		return;
	if (fork())		/* its parent is init's business */
		_exit(0);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	if (mask)
		sigprocmask(SIG_SETMASK, mask, NULL);
	syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &p);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	say("/bin/sh: %s", strerror(errno));
	_exit(127);
}

void close_from(int fd)
{
#ifdef SYS_close_range
	if (!syscall(SYS_close_range, fd, ~0u, 0))
		return;
#endif
	for (int last = (int)sysconf(_SC_OPEN_MAX); last-- > fd; )
		close(last);
}

void leave_folder(void)
{
	if (chdir("/"))
		say("/: %s", strerror(errno));
}
