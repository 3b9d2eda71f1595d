/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink.h - text on its way, and what printf is given: of the loader, and of
 * modules. Types are the includer's (stdint.h, linux/types.h).
 */
#ifndef STB_SINK_H
#define STB_SINK_H

struct sink {
	char *buf;
	size_t n, cap;
	void (*full)(struct sink *);	/* makes room; NULL: the rest is cut */
};

/* One argument; a string when `s` is not NULL, `len` bytes, no NUL needed. */
struct arg {
	const char *s;
	uint64_t len;
	int64_t num;
};

#endif
