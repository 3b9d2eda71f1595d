/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.c - process("PATH") and the points behind it that are places in code:
 * functions and the like, which are functions.c's, markers (mark.c). In every
 * build of PATH that is declared.
 */
#include "process.h"

enum { MAX_BUILDS = 256 };
enum {				/* shape->data, beside FN_* */
	MARK = 1 << 16,
	PROVIDER = 1 << 17,
	KINDS = MARK,
};

bool no_uprobes(struct job *j, const struct point *pt)
{
	if (pt->optional || pt->sufficient)
		return true;
	return complain(j, pt->at, E_ENGINE, "kernel \"%s\" has no uprobes",
			target_name(j->target));
}

static bool function_sites(const struct in_program *in, int what,
			   struct expr **args)
{
	struct func_query q = {
		.j = in->j, .pr = in->pr, .pt = in->pt,
		.family = &family_process, .what = what, .b = in->b,
		.prefix = in->prefix, .may_miss = in->may_miss,
	};

	func_arguments(&q, args);
	return func_sites(&q);
}

/* args: those behind the program. */
static bool sites_in(const struct in_program *in, int what, struct expr **args)
{
	if (!(what & KINDS))
		return function_sites(in, what, args);
	return what & PROVIDER ? mark_sites(in, args[0]->str, args[1]) :
		mark_sites(in, NULL, args[0]);
}

static bool expand(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	struct in_program in = { .j = j, .pr = pr, .pt = pt };
	struct binary *builds[MAX_BUILDS];
	size_t i, n = target_programs(j->target, args[0]->str, builds,
				      MAX_BUILDS);
	bool ok = true;

	if (!n)
		return site_missing(j, pt, args[0]->at,
				    "no build of \"%s\" is declared or there",
				    args[0]->str);
	for (i = 0; i < n; i++) {
		in.b = builds[i];
		in.prefix = arena_printf(&j->mem, "process(\"%s\")",
					 builds[i]->name);
		ok &= sites_in(&in, shape->data, args + 1);
	}
	return ok;
}

#define PROGRAM_SHAPES(prefix, expand) \
	FUNCTION_SHAPES(prefix, expand), \
	{ prefix ".mark(s)", expand, MARK }, \
	{ prefix ".provider(s).mark(s)", expand, MARK | PROVIDER }

static const struct shape shapes[] = {
	PROGRAM_SHAPES("process(s)", expand),
	{ NULL, NULL, 0 }
};

const struct family family_process = { "process", shapes };
