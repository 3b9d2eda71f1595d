/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check.h - what check.c (types of everything) shares with format.c (format
 * strings against arguments) and display.c (globals shown at the end).
 */
#ifndef STB_CHECK_H
#define STB_CHECK_H

#include "stap.h"

struct check {
	struct job *j;
	bool changed;		/* something new is known: once more */
	bool final;		/* nothing more will be: complain */
	struct function *fn;	/* being walked, or */
	struct probe *probe;
	unsigned loops;
	bool in_entry, in_return_probe;
	struct walking *walking;	/* arrays that a foreach is in */
};

/* e is a value of that type (T_UNKNOWN: any); tells e's type. */
enum type check_value(struct check *c, struct expr *e, enum type want);

/* format.c: arguments of a printf; says what is wrong with the format. */
void check_format(struct check *c, struct expr *e);

/* display.c: the body of the last `probe end`, types being known. */
void fill_display(struct job *j, struct probe *pr);

#endif
