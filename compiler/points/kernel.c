/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel.c - functions of vmlinux. kernel.function("PATTERN") and the points
 * like it are functions.c's; which of kprobe and fentry it will be is settled
 * when the variables that the handler uses are known.
 */
#include "functions.h"

static bool expand(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	struct func_query q = {
		.j = j, .pr = pr, .pt = pt, .family = &family_kernel,
		.b = target_kernel(j->target), .prefix = "kernel",
		.what = shape->data,
	};

	func_arguments(&q, args);
	return func_sites(&q);
}

static const struct shape shapes[] = {
	FUNCTION_SHAPES("kernel", expand),
	{ "kernel.statement(n).absolute", expand, FN_STATEMENT | FN_NUMBER |
	  FN_ABSOLUTE },
	{ NULL, NULL, 0 }
};

const struct family family_kernel = { "kernel", shapes };
