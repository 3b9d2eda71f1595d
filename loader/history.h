/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history.h - the last output of a session, in memory of a fixed size. Bytes
 * have numbers, from 0 for the first that ever came; readers keep the number
 * of the one that they want next.
 */
#ifndef LOADER_HISTORY_H
#define LOADER_HISTORY_H

#include <stddef.h>
#include <stdint.h>

struct history {
	char *data;
	uint64_t size;		/* a power of two */
	uint64_t end;		/* number of the next byte to come */
};

void history_init(struct history *h, uint64_t size);
void history_put(struct history *h, const char *p, size_t n);
/* Number of the oldest byte that is still there. */
uint64_t history_begin(const struct history *h);
/* How many bytes from *at on lie in a row, and where; moves *at forward to what
   is still there. 0: there is nothing yet. */
size_t history_read(const struct history *h, uint64_t *at, const char **p);

/* Where the line ends that has byte `at`: behind its newline, or the end. */
uint64_t history_line(const struct history *h, uint64_t at);
/* Behind the last whole line. */
uint64_t history_last_line(const struct history *h);

#endif
