/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plt.c - process("PATH").plt("NAME") and .plt("NAME").return: the entries of a
 * program's procedure linkage table, through which it calls what its libraries
 * have. No debuginfo is needed, and there are no variables but $return.
 */
#include "process.h"

#include <string.h>

struct expansion {
	const struct in_program *in;
	bool is_return;
};

/* The register that numbers and addresses are returned in. */
static const struct variable *returned(struct job *j, struct binary *b)
{
	struct variable *v = NEW(&j->mem, struct variable);
	struct ctype *t = NEW(&j->mem, struct ctype);
	struct locstep *step = NEW(&j->mem, struct locstep);

	*t = (struct ctype){ .kind = TY_INT, .name = "long", .size = 8,
			     .is_signed = true, .bin = b };
	*step = (struct locstep){ L_REG, 0 };
	*v = (struct variable){ .name = "return", .type = t, .abi_arg = -1,
		.loc = { .kind = LOC_VALUE, .steps = step, .nsteps = 1 } };
	return v;
}

static void add_site(void *arg, const char *name, uint64_t addr)
{
	struct expansion *x = arg;
	const struct in_program *in = x->in;
	struct job *j = in->j;
	struct given *g = NEW(&j->mem, struct given);
	struct site *s;

	s = site_new(j, in->pr, in->pt, &family_process, x->is_return ?
		     AT_URETPROBE : AT_UPROBE, arena_printf(&j->mem,
		     "%s.plt(\"%s\")%s", in->prefix, name, x->is_return ?
		     ".return" : ""));
	g->name = name;
	if (x->is_return) {
		g->v = (struct variable *)returned(j, in->b);
		g->n = 1;
	}
	s->given = g;
	s->is_user = true;
	s->is_return = x->is_return;
	s->place = target_place_code(j->target, in->b, addr, name);
}

struct nearest {
	const char *wanted, *name;
	unsigned far;
};

static void look_near(void *arg, const char *name, uint64_t addr)
{
	struct nearest *q = arg;
	unsigned d = edit_distance(q->wanted, name, q->far);

	if (d < q->far) {
		q->far = d;
		q->name = name;
	}
}

bool plt_sites(const struct in_program *in, struct expr *arg, bool is_return)
{
	struct job *j = in->j;
	struct expansion x = { .in = in, .is_return = is_return };
	const char *glob = arg ? arg->str : "*";
	struct nearest q = { .wanted = glob, .far = 8 };
	size_t any;

	if (!target_features(j->target)->uprobes)
		return no_uprobes(j, in->pt);
	if (target_plt(j->target, in->b, glob, add_site, &x) || in->may_miss)
		return true;
	any = target_plt(j->target, in->b, "*", look_near, &q);
	return site_missing(j, in->pt, arg ? arg->at : in->pt->at, !any ?
			    "%s calls no library through a linkage table" :
			    q.name && !strpbrk(glob, "*?[") ?
			    "%s calls no \"%s\" of a library (similar: %s)" :
			    "%s calls no \"%s\" of a library", in->b->name,
			    glob, q.name);
}
