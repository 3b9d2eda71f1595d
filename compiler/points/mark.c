/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mark.c - process("PATH").mark("NAME") and .provider("NAME").mark("NAME"): the
 * markers that a program was built with. A marker is one instruction that does
 * nothing, at as many places as it was compiled into; each is a site, with
 * $arg1 and so on where that place has them. A marker with a semaphore is passed
 * over by the program while nobody probes it: the kernel counts us in there.
 */
#include "process.h"

#include <string.h>

struct expansion {
	struct job *j;
	struct probe *pr;
	struct point *pt;
	struct binary *b;
	const char *prefix;	/* process("PATH") */
	const char *provider;	/* as written, or NULL */
};

static void add_site(void *arg, const struct marker *m)
{
	struct expansion *x = arg;
	struct given *g = NEW(&x->j->mem, struct given);
	struct site *s;

	s = site_new(x->j, x->pr, x->pt, &family_process, AT_UPROBE,
		     arena_printf(&x->j->mem, "%s%s.mark(\"%s\")", x->prefix,
				  !x->provider ? "" :
				  arena_printf(&x->j->mem, ".provider(\"%s\")",
					       m->provider), m->name));
	*g = (struct given){ m->args, m->nargs, m->name, m->provider };
	s->given = g;
	s->semaphore = m->semaphore;
	s->is_user = true;
	s->place = target_place_code(x->j->target, x->b, m->addr, "");
}

struct nearest {
	const char *wanted, *name;
	unsigned far;
};

static void look_near(void *arg, const struct marker *m)
{
	struct nearest *q = arg;
	unsigned d = edit_distance(q->wanted, m->name, q->far);

	if (d < q->far) {
		q->far = d;
		q->name = m->name;
	}
}

bool mark_sites(const struct in_program *in, const char *provider,
		struct expr *arg)
{
	struct job *j = in->j;
	struct expansion x = { j, in->pr, in->pt, in->b, in->prefix,
			       provider };
	struct nearest q = { .wanted = arg->str, .far = 8 };
	size_t any;

	if (!target_features(j->target)->uprobes)
		return no_uprobes(j, in->pt);
	if (target_marks(j->target, in->b, provider ? provider : "*",
			 arg->str, add_site, &x) || in->may_miss)
		return true;
	any = target_marks(j->target, in->b, "*", "*", look_near, &q);
	return site_missing(j, in->pt, arg->at, !any ? "%s has no markers" :
			    q.name && !strpbrk(arg->str, "*?[") ?
			    "%s has no marker \"%s\" (similar: %s)" :
			    "%s has no marker \"%s\"", in->b->name, arg->str,
			    q.name);
}
