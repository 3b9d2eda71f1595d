/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_words.h - between lower_words.c, which leaves words to the loader, and
 * lower_words_now.c, which has them made where they are wanted as a value.
 */
#ifndef STB_LOWER_WORDS_H
#define STB_LOWER_WORDS_H

#include "lower.h"

/* What is shown of data, lists and their strings; also in runtime/words.h. */
enum { SHOWN_BYTES = 32, SHOWN_STRINGS = 8, STRING_BYTES = 64 };

/* lower_words.c: a struct as the call's ABI has it, with "@8.4d" where members
   are; and such a member, which s is at: where, of so many bytes, shown how (a
   character of a directive, or ':' and its table). Gives what is behind it. */
const char *struct_text(struct lower *l, const char *name);
struct words_member {
	unsigned offset, size;
	char how;
	const char *table;
};
const char *next_member(struct lower *l, const char *s, struct words_member *m);

#endif
