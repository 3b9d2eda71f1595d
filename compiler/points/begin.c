/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * begin.c - begin, end, error, never: what the loader runs when it starts and
 * ends. begin(N) and its like go in the order of N, 0 where there is none.
 */
#include "family.h"

static bool expand(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	static const char *const names[] = {
		[AT_BEGIN] = "begin", [AT_END] = "end", [AT_ERROR] = "error",
		[AT_NEVER] = "never",
	};
	const char *name = names[shape->data];
	struct site *s;

	if (args[0])
		name = arena_printf(&j->mem, "%s(%jd)", name,
				    (intmax_t)args[0]->num);
	s = site_new(j, pr, pt, &family_begin, (enum attach)shape->data, name);
	s->order = args[0] ? args[0]->num : 0;
	return true;
}

static const struct shape shapes[] = {
	{ "begin(n?)", expand, AT_BEGIN },
	{ "end(n?)", expand, AT_END },
	{ "error(n?)", expand, AT_ERROR },
	{ "never", expand, AT_NEVER },
	{ NULL, NULL, 0 }
};

const struct family family_begin = { "begin", shapes };
