/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.c - kernel.trace("SYSTEM:NAME"): tracepoints of the kernel with the
 * arguments that the kernel passes there.
 */
#include "family.h"

#include <string.h>

struct expansion {
	struct job *j;
	struct probe *pr;
	struct point *pt;
};

static const char *full_name(struct job *j, const struct tracepoint *tp)
{
	return *tp->system ? arena_printf(&j->mem, "%s:%s", tp->system,
					  tp->name) : tp->name;
}

static void add_site(void *arg, struct tracepoint *tp)
{
	struct expansion *x = arg;
	struct site *s;

	s = site_new(x->j, x->pr, x->pt, &family_trace, AT_RAW_TP,
		     arena_printf(&x->j->mem, "kernel.trace(\"%s\")",
				  full_name(x->j, tp)));
	s->tp = tp;
}

struct nearest {
	struct job *j;
	const char *wanted;
	unsigned far;
	const char *name;
};

static void look_near(void *arg, struct tracepoint *tp)
{
	struct nearest *q = arg;
	const char *full = full_name(q->j, tp);
	unsigned d = edit_distance(q->wanted, strchr(q->wanted, ':') ? full :
				   tp->name, q->far);

	if (d < q->far) {
		q->far = d;
		q->name = full;
	}
}

static bool expand(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	struct expansion x = { j, pr, pt };
	const char *glob = args[0]->str;
	struct nearest q = { .j = j, .wanted = glob, .far = 8 };

	if (target_tracepoints(j->target, glob, add_site, &x))
		return true;
	if (!strpbrk(glob, "*?["))
		target_tracepoints(j->target, "*", look_near, &q);
	return site_missing(j, pt, args[0]->at,
			    "kernel \"%s\" has no tracepoint \"%s\"%s",
			    target_name(j->target), glob, q.name ?
			    arena_printf(&j->mem, " (similar: %s)", q.name) :
			    "");
}

static const struct shape shapes[] = {
	{ "kernel.trace(s)", expand, 0 },
	{ NULL, NULL, 0 }
};

const struct family family_trace = { "trace", shapes };
