/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * regex.h - extended regular expressions as tables. In: what a script writes
 * behind =~, POSIX's ERE without collating symbols and back-references. Out: a
 * DFA that finds the leftmost, of these the longest match, in one pass and
 * without going back, so that every engine can step it. Tagged ones also tell
 * where the groups are. Everything lives in the arena.
 */
#ifndef STB_REGEX_H
#define STB_REGEX_H

#include "base.h"

enum {
	REGEX_MAX_SIZE = 60000,	/* entries of the table: states * classes */
	REGEX_MAX_PROGRAM = 4000, /* steps of the expression, {n,m} unrolled */
	REGEX_MAX_GROUPS = 16,	/* the whole match is one */
	REGEX_MAX_REGS = 120,
	REGEX_MAX_OPS = 255,
};

/* One step of an op: tag or register `dst` = register `src`, or: */
enum { REGEX_HERE = -1, REGEX_UNSET = -2 };
struct regex_copy {
	bool final;		/* dst is a tag: 2n, 2n + 1 of group n */
	int16_t dst, src;
};
struct regex_op {
	const struct regex_copy *v;
	size_t n;
};

/*
 * A state is a row of nclasses entries and is named by its first entry's
 * index. Row 0 has no way on. Untagged: row 1, at nclasses, says that there is
 * a match, row 0 that there is none; both end it. Tagged: row 0 ends it, and
 * there is a match if tag 1 was set. The end of the text is the byte 0, whose
 * class is 0 and which leads to a row that ends it.
 */
struct regex {
	const char *text;
	size_t len;
	bool tagged;
	unsigned ngroups;	/* with the whole match */
	unsigned nclasses;
	uint8_t classes[256];
	uint16_t *next;
	size_t size;
	uint16_t first;
	uint8_t *op;		/* tagged: as next, index of ops, taken on the
				   way, after the byte */
	uint8_t first_op;	/* taken before the first byte */
	VEC(struct regex_op) ops;	/* 0: nothing */
	unsigned nregs;
};

/* NULL and *why, *at (offset in text) where it is no expression we know. */
struct regex *regex_make(struct arena *mem, const char *text, size_t len,
			 bool tagged, const char **why, size_t *at);
/* Text has no NUL. Tags, 2 * ngroups, are -1 where unset; NULL: not wanted. */
bool regex_match(const struct regex *re, const char *s, size_t n, int *tags);

#endif
