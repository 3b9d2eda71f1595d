/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sys.h - what every part of the loader stands on: exit codes, messages,
 * memory, time, and rows of a bundle's tables.
 */
#ifndef LOADER_SYS_H
#define LOADER_SYS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundler/stb.h"

#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

extern const char *argv0;

/* docs/stap-load.md has the meaning of each. */
enum exit_code {
	EXIT_DONE = 0, EXIT_SCRIPT_ERROR = 1, EXIT_USE = 64, EXIT_DAMAGED = 65,
	EXIT_NO_FILE = 66, EXIT_NO_MATCH = 69, EXIT_OURS = 70,
	EXIT_KERNEL = 71, EXIT_OUTPUT = 73, EXIT_AGAIN = 75, EXIT_DENIED = 77,
	/* whom and what this host trusts */
	EXIT_NO_GROUP = 67, EXIT_STRANGER = 68, EXIT_RECALLED = 72,
	EXIT_UNPROVEN = 76, EXIT_SETTINGS = 78,
};

/* "stap-load: MESSAGE" on stderr; say() goes on, die() does not. What the
   message holds: wanted, found, what to do. */
void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
_Noreturn void die(enum exit_code code, const char *fmt, ...)
	PRINTF_LIKE(2, 3);

/* Zeroed memory; both die when there is none. zalloc: what is not touched costs
   nothing; for zfree, of the same size. array: for free. */
void *zalloc(size_t size);
void zfree(void *p, size_t size);
void *array(size_t n, size_t size);
uint64_t now_ns(void);		/* CLOCK_MONOTONIC */

/* INT, TERM, HUP, QUIT: what asks for the end. Is one pending, blocked? */
void stop_signals_of(sigset_t *set);
bool stop_pending(void);

/* What takes long is told: after a second, then at twice the time each. */
struct progress {
	const char *what;	/* "attached" 17 of 900 sites */
	uint64_t start, next;	/* zero before the first call */
};
void tell_progress(struct progress *p, uint32_t done, uint32_t all);

/* A small file into buf, NUL-terminated: bytes, or -errno. */
long read_small(const char *path, void *buf, size_t size);
/* The same of an open one, which is closed. */
long read_rest(int fd, void *buf, size_t size);
/* The number that a small file begins with, or -errno. */
long read_number(const char *path);
unsigned possible_cpus(void);
unsigned long own_kb(void);	/* of this process, not of files */
const char *hex(char *to, const uint8_t *bytes, size_t n); /* 2n+1 bytes */

struct rows {
	const uint8_t *base;
	uint32_t n, stride;
};
struct rows rows_of(const struct stb_set *s, uint32_t kind, size_t known);
#define ROW(type, rows, i) STB_ROW(type, (rows).base, (rows).stride, i)

/* Closes all from that one on. */
void close_from(int fd);
/* Into "/": the file system that this process began in can be unmounted. */
void leave_folder(void);

/* sh -c COMMAND, which goes on by itself with that signal mask (or NULL: ours). */
void run_shell(const char *command, const sigset_t *mask);

#endif
