/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * regex_in.h - between regex.c, which reads expressions, and regex_dfa.c,
 * which makes tables of them: the expression as a program that tries all ways
 * at once, the ones it prefers first.
 */
#ifndef STB_REGEX_IN_H
#define STB_REGEX_IN_H

#include "regex.h"

enum re_step {
	RE_SET,		/* a byte of `set`, then the next step */
	RE_SPLIT,	/* x, and if that fails y */
	RE_JUMP,	/* x */
	RE_TAG,		/* tag x is here */
	RE_BEGIN,	/* ^ */
	RE_END,		/* $ */
	RE_MATCH,
};

struct re_set {
	uint8_t bits[32];
};

struct re_inst {
	enum re_step step;
	int x, y;
	const struct re_set *set;
};

struct re_program {
	struct arena *mem;
	VEC(struct re_inst) v;
	unsigned ngroups;
	unsigned work;		/* nodes visited */
	bool tagged, too_long;
};

static inline bool re_has(const struct re_set *s, unsigned byte)
{
	return s->bits[byte >> 3] >> (byte & 7) & 1;
}

/* false: it would be too large; *why says in what. */
bool regex_tables(const struct re_program *p, struct regex *re,
		  const char **why);

#endif
