/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lex.h - tokens: what lex.c reads out of text, macro.c expands (script
 * arguments, @define macros, %( conditionals %)) and parse.c parses.
 */
#ifndef STB_LEX_H
#define STB_LEX_H

#include "stap.h"

enum token_kind {
	TK_END,		/* one at the end of every list */
	TK_NAME,	/* x $x $$x @x, and the arguments $1 @1 $# @# */
	TK_KEYWORD,
	TK_NUMBER,
	TK_STRING,
	TK_OP,
	TK_EMBEDDED,	/* %{ C %} */
};

struct token {
	enum token_kind kind;
	bool glued;		/* nothing between it and the one before */
	struct span at;
	const char *s;		/* text; TK_STRING decoded, TK_EMBEDDED body */
	size_t len;		/* of s */
	int64_t num;
};

struct tokens {
	VEC(struct token) t;
};

/* The tokens of src as written, TK_END last. Complains and goes on. */
void lex_source(struct job *j, const struct source *src, struct tokens *out);

/*
 * The tokens of src as parsed: lexed, macros and arguments put in, branches
 * of %( %) chosen for j->target.
 */
void expand_source(struct job *j, const struct source *src, struct tokens *out);

bool token_is(const struct token *t, enum token_kind kind, const char *s);

#endif
