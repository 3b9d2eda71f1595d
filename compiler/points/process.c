/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.c - process("PATH").function("PATTERN") and the points like it, which
 * are functions.c's, in every build of PATH that is declared.
 */
#include "functions.h"

enum { MAX_BUILDS = 256 };

static bool expand(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	struct binary *builds[MAX_BUILDS];
	struct func_query q = {
		.j = j, .pr = pr, .pt = pt, .family = &family_process,
		.what = shape->data,
	};
	size_t i, n = target_programs(j->target, args[0]->str, builds,
				      MAX_BUILDS);
	bool ok = true;

	func_arguments(&q, args + 1);
	if (!n)
		return site_missing(j, pt, args[0]->at,
				    "no build of \"%s\" is declared or there",
				    args[0]->str);
	for (i = 0; i < n; i++) {
		q.b = builds[i];
		q.prefix = arena_printf(&j->mem, "process(\"%s\")",
					builds[i]->name);
		ok &= func_sites(&q);
	}
	return ok;
}

static const struct shape shapes[] = {
	FUNCTION_SHAPES("process(s)", expand),
	{ NULL, NULL, 0 }
};

const struct family family_process = { "process", shapes };
