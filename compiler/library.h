/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * library.h - what library.c (names, tapsets) and alias.c (probe points that
 * stand for others) share, and "did you mean" for both and for check.c.
 */
#ifndef STB_LIBRARY_H
#define STB_LIBRARY_H

#include "stap.h"

struct lib;
struct tapset;

/* An alias of the script (from NULL), or of a tapset not pulled in yet. */
struct known_alias {
	struct probe *alias;
	struct tapset *from;
};
struct known_aliases {
	VEC(struct known_alias) v;
};
/* Those whose first part is `head`, or all where that is NULL; until one is
   pulled. */
const struct known_aliases *library_aliases(struct lib *l, const char *head);
/* Makes those of system calls that the point may mean. */
void library_syscalls(struct lib *l, const struct component *point);
void library_pull(struct lib *l, struct tapset *t);

/*
 * Puts probes of what aliases stand for in the place of *pr's points that name
 * one. True: *pr has real points only. False: the list at *pr is another.
 */
bool expand_aliases(struct job *j, struct lib *l, struct probe **pr);

/* context.c: what only probes know, given to the functions that ask. */
void pass_context(struct job *j);

/* elide.c: takes out what is done for nothing, and tells. */
void elide(struct job *j);

/* Up to five names near one, nearest first: " (similar: a, b)", or "". */
struct similar {
	const char *names[5];
	unsigned far[5], n;
};
void similar_add(struct similar *s, const char *wanted, const char *name);
const char *similar_text(struct arena *mem, const struct similar *s);

#endif
