/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * callees.c - .callee("f") and .callees(N): what a function calls by name, and
 * what is inlined into it. An inlined one is probed where it is. A call is
 * probed at the entry of what is called, and the site says which return
 * addresses must lie on the stack for it to be this call: frame by frame out
 * to the function that was asked for, by the rules of unwinding that hold
 * where each call returns to.
 */
#include "functions_in.h"

#include <string.h>

enum { RSP = 7, RBP = 6, MAX_DEPTH = 16, MAX_STEPS = 100000 };

/* Of the function whose frame it is: the call that led there. NULL: any. */
struct context {
	uint64_t back;			/* it returns there, */
	const struct context *outer;	/* in a frame of this context */
};

struct walk {
	struct find *f;
	struct func_pattern p;		/* of the callees */
	size_t first;			/* of j->sites: those made here */
	unsigned steps;
	bool told;
};

struct level {				/* code whose callees are looked at */
	struct walk *w;
	const struct code *code;
	const struct context *context;
	int64_t depth;
};

/* Told once; the other calls are probed. */
static bool give_up(struct walk *w, const char *why)
{
	if (!w->told)
		warn_at(w->f->j, w->f->q->arg->at, "some calls are not "
			"probed: %s", why);
	w->told = true;
	return false;
}

/*
 * The frames of c, from the one whose return address lies at reg + off.
 * is_fresh: the probe is at a function's first instruction, where other
 * registers still are the caller's.
 */
static bool frames(struct walk *w, const struct context *c, int reg,
		   int64_t off, bool is_fresh, struct call_chain *out)
{
	struct find *f = w->f;
	int64_t away;
	int base;

	for (;;) {
		vec_push(&f->j->mem, &out->frames, ((struct call_frame){
			reg, off, c->back }));
		if (!c->outer)
			return true;
		/* a call is the last that some functions do */
		if (!target_return_at(f->j->target, f->q->b, c->back - 1,
				      &base, &away) ||
		    (base != RSP && !(base == RBP && is_fresh)))
			return give_up(w, arena_printf(&f->j->mem, "where "
				"the function at 0x%jx was called from is "
				"known when it runs only",
				(uintmax_t)c->back));
		off = base == RSP ? off + 8 + away : away;
		reg = base == RSP ? reg : base;
		is_fresh = false;
		c = c->outer;
	}
}

static bool chain_to(struct walk *w, const struct callee *c,
		     const struct context *context, struct call_chain *out)
{
	struct find *f = w->f;
	int64_t off;
	int reg;

	if (!context)
		return true;
	if (!c->code.is_inlined)
		return frames(w, context, RSP, 0, true, out);
	if (!target_return_at(f->j->target, f->q->b, c->code.addr, &reg, &off))
		return give_up(w, "an inlined function's frame is computed");
	return frames(w, context, reg, off, false, out);
}

static struct site *find_site(const struct walk *w, const char *name,
			      uint64_t addr)
{
	struct job *j = w->f->j;
	size_t i;

	for (i = w->first; i < j->sites.n; i++)
		if (j->sites.v[i]->place->addr == addr &&
		    !strcmp(j->sites.v[i]->name, name))
			return j->sites.v[i];
	return NULL;
}

/* One more way to come to the site of c below `caller`. */
static void add_way(struct walk *w, const struct func *caller,
		    const struct callee *c, const struct context *context)
{
	struct call_chain chain = { .frames = { 0 } };
	struct find *f = w->f;
	struct target *t = f->j->target;
	struct place *p = f->q->what & FN_RETURN ?
		target_place(t, c->code.func, AT_RETURN) :
		target_place_at(t, &c->code, c->code.addr);
	bool is_new;
	const char *name = arena_printf(&f->j->mem,
		"%s.function(\"%s\").callee(\"%s\")%s", f->q->prefix,
		func_place_name(f->j, caller),
		func_place_name(f->j, c->code.func), func_suffix(f->q));
	struct site *s = find_site(w, name, p->addr);

	if (!chain_to(w, c, context, &chain))
		return;
	is_new = !s;
	if (is_new)
		s = func_site(f, p, name);
	/* without chains it always runs */
	if (s && chain.frames.n && (is_new || s->chains.n))
		vec_push(&f->j->mem, &s->chains, chain);
}

static bool is_wanted(const struct walk *w, const struct callee *c)
{
	const struct func *f = c->code.func;

	return c->code.is_inlined ? w->f->q->what & FN_INLINED :
		!f->is_inline_only;
}

static void look_at(void *arg, const struct callee *c)
{
	struct level *at = arg, below;
	struct walk *w = at->w;
	struct context *context = NEW(&w->f->j->mem, struct context);
	struct func *f = c->code.func;

	if (c->is_tail)
		return;
	if (++w->steps > MAX_STEPS) {
		give_up(w, "there are too many");
		return;
	}
	*context = (struct context){ c->back, at->context };
	below = (struct level){ w, &c->code, c->code.is_inlined ?
				at->context : context, at->depth - 1 };
	if (is_wanted(w, c) && glob_match(w->p.name, f->name) &&
	    func_file_matches(w->f->j, &w->p, f))
		add_way(w, at->code->func, c, below.context);
	if (below.depth > 0)
		target_callees(w->f->j->target, &c->code, look_at, &below);
}

bool callee_sites(struct find *f)
{
	const struct func_query *q = f->q;
	struct walk w = { .f = f, .first = f->j->sites.n };
	struct level top = { .w = &w, .depth = 1 };
	size_t i;

	if (q->what & FN_CALLEES) {
		w.p.name = "*";
		top.depth = q->extra ? q->extra->num : 1;
		if (top.depth < 1 || top.depth > MAX_DEPTH)
			return complain(f->j, q->extra->at, E_PROBE_ARG,
					"callees(N): N is 1 to %d", MAX_DEPTH);
	} else if (!func_pattern(f->j, q->extra, &w.p)) {
		return false;
	}
	for (i = 0; i < f->code.n; i++) {
		top.code = &f->code.v[i];
		target_callees(f->j->target, top.code, look_at, &top);
	}
	return true;
}
