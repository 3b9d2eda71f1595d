/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engines.h - built-in functions of strings as each engine has them, in one
 * program: the sources of runtime/bpf and runtime/kmod compiled for it, and the
 * interpreter's. What the kernel would do for them is in the files that do so.
 */
#ifndef STB_TEST_ENGINES_H
#define STB_TEST_ENGINES_H

#include <stdint.h>

#define ENGINE_STRING 32		/* MAXSTRINGLEN */
#define ENGINE_ROOM (ENGINE_STRING + 8)	/* what is read by words */

enum asked_what { ASK_STRLEN, ASK_SUBSTR, ASK_STRINGAT, ASK_STRINGAT_RANGE,
		  ASK_STRPOS, ASK_ISINSTR, ASK_STRTOL, ASK_STR_REPLACE,
		  ASK_TOLOWER, ASK_TOUPPER, ASK_TOKENIZE, ASK_CAT, ASK_COPY,
		  ASK_STRCMP, ASK_TO_FP, ASK_TEXT, ASK_N };

struct asked {
	enum asked_what what;
	const char *s[3];	/* each with a NUL, in ENGINE_ROOM bytes */
	int64_t n[2];
	uint32_t cap;		/* of what it becomes, the NUL as well: 2 and more */
};

struct answered {
	int64_t n;		/* a number; of stringat() whether it is a fault */
	int64_t value;		/* the character */
	char text[4][ENGINE_ROOM];	/* a string; of tokenize() several */
};

void ask_bpf(const struct asked *a, struct answered *to);
void ask_kmod(const struct asked *a, struct answered *to);

#endif
