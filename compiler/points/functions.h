/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * functions.h - what kernel., module(). and process(). have in common: points
 * of functions by DWARF. A family says which binary and how it is called.
 */
#ifndef STB_FUNCTIONS_H
#define STB_FUNCTIONS_H

#include "family.h"

enum {				/* struct shape's data, of these points */
	FN_COPY = 1,		/* copies out of line */
	FN_INLINED = 2,		/* and instances inlined elsewhere */
	FN_RETURN = 4,
	FN_EXPORTED = 8,
	FN_STATEMENT = 16,
	FN_NEAREST = 32,
	FN_LABEL = 64,
	FN_NUMBER = 128,	/* an address instead of a pattern */
	FN_CALLEE = 256,	/* what it calls, and has inlined */
	FN_CALLEES = 512,
	FN_ABSOLUTE = 1024,	/* as the running kernel has it, unchecked */
};

/* Rows of struct shape: all such points behind a prefix. */
#define FUNCTION_SHAPES(prefix, expand) FUNCTION_SHAPES_AND(prefix, expand, 0)
#define FUNCTION_SHAPES_AND(prefix, expand, more) \
	{ prefix ".function(s)", expand, FN_COPY | FN_INLINED | (more) }, \
	{ prefix ".function(s).call", expand, FN_COPY | (more) }, \
	{ prefix ".function(s).inline", expand, FN_INLINED | (more) }, \
	{ prefix ".function(s).exported", expand, \
	  FN_COPY | FN_EXPORTED | (more) }, \
	{ prefix ".function(s).return", expand, FN_COPY | FN_RETURN | (more) }, \
	{ prefix ".function(s).return.maxactive(n)", expand, \
	  FN_COPY | FN_RETURN | (more) }, \
	{ prefix ".function(s).label(s)", expand, \
	  FN_COPY | FN_INLINED | FN_LABEL | (more) }, \
	{ prefix ".function(s).callee(s)", expand, \
	  FN_COPY | FN_INLINED | FN_CALLEE | (more) }, \
	{ prefix ".function(s).callee(s).call", expand, \
	  FN_COPY | FN_CALLEE | (more) }, \
	{ prefix ".function(s).callee(s).return", expand, \
	  FN_COPY | FN_CALLEE | FN_RETURN | (more) }, \
	{ prefix ".function(s).callee(s).return.maxactive(n)", expand, \
	  FN_COPY | FN_CALLEE | FN_RETURN | (more) }, \
	{ prefix ".function(s).callees(n?)", expand, \
	  FN_COPY | FN_INLINED | FN_CALLEE | FN_CALLEES | (more) }, \
	{ prefix ".function(n)", expand, \
	  FN_COPY | FN_INLINED | FN_NUMBER | (more) }, \
	{ prefix ".function(n).call", expand, FN_COPY | FN_NUMBER | (more) }, \
	{ prefix ".function(n).inline", expand, \
	  FN_INLINED | FN_NUMBER | (more) }, \
	{ prefix ".function(n).exported", expand, \
	  FN_COPY | FN_EXPORTED | FN_NUMBER | (more) }, \
	{ prefix ".function(n).return", expand, \
	  FN_COPY | FN_RETURN | FN_NUMBER | (more) }, \
	{ prefix ".function(n).return.maxactive(n)", expand, \
	  FN_COPY | FN_RETURN | FN_NUMBER | (more) }, \
	{ prefix ".statement(n)", expand, \
	  FN_COPY | FN_INLINED | FN_STATEMENT | FN_NUMBER | (more) }, \
	{ prefix ".statement(n).nearest", expand, FN_COPY | FN_INLINED | \
	  FN_STATEMENT | FN_NEAREST | FN_NUMBER | (more) }, \
	{ prefix ".statement(s)", expand, \
	  FN_COPY | FN_INLINED | FN_STATEMENT | (more) }, \
	{ prefix ".statement(s).nearest", expand, \
	  FN_COPY | FN_INLINED | FN_STATEMENT | FN_NEAREST | (more) }

struct func_query {
	struct job *j;
	struct probe *pr;
	struct point *pt;
	const struct family *family;
	struct binary *b;
	const char *prefix;	/* of names: "kernel", "process(\"/bin/x\")" */
	int what;		/* FN_* */
	struct expr *arg;	/* of function or statement */
	struct expr *extra;	/* of label, callee, callees; NULL: none */
	struct expr *maxactive;	/* or NULL */
	bool may_miss;		/* one of several: says nothing if it has none */
};
/* args[0 .. 2] of a shape above, as the pattern has them, into q. */
void func_arguments(struct func_query *q, struct expr **args);
/* module.c: builds of the modules that arg names; NULL: *ok tells whether that
   will do. And: none of modules args[0] has code such as args[1]. */
struct binary **find_modules(struct job *j, struct point *pt,
			     const struct expr *arg, size_t *n, bool *ok);
bool no_module_has(struct job *j, struct point *pt, struct expr **args);

/* Sites of all that matches in q->b. false: complained. */
bool func_sites(const struct func_query *q);

#endif
