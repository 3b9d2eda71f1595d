/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ast.c - the AST walked and copied. Copies share nothing that a later pass
 * writes to; their spans say through what (an alias) they came.
 */
#include "stap.h"

static void walk_list(const struct expr *e, void (*each)(const struct expr *e,
		      void *arg), void *arg)
{
	for (; e; e = e->next)
		walk_expr(e, each, arg);
}

void walk_expr(const struct expr *e, void (*each)(const struct expr *e,
	       void *arg), void *arg)
{
	const struct access *a;

	each(e, arg);
	if (e->a)
		walk_expr(e->a, each, arg);
	if (e->b)
		walk_expr(e->b, each, arg);
	if (e->c)
		walk_expr(e->c, each, arg);
	walk_list(e->args, each, arg);
	for (a = e->target ? e->target->path : NULL; a; a = a->next)
		if (a->index)
			walk_expr(a->index, each, arg);
}

void walk_stmts(const struct stmt *s, void (*each)(const struct expr *e,
		void *arg), void *arg)
{
	for (; s; s = s->next) {
		if (s->init)
			walk_expr(s->init, each, arg);
		if (s->each) {
			walk_list(s->each->keys, each, arg);
			if (s->each->value)
				walk_expr(s->each->value, each, arg);
			walk_expr(s->each->array, each, arg);
			if (s->each->limit)
				walk_expr(s->each->limit, each, arg);
		}
		if (s->e)
			walk_expr(s->e, each, arg);
		if (s->step)
			walk_expr(s->step, each, arg);
		if (s->caught)
			walk_expr(s->caught, each, arg);
		walk_stmts(s->body, each, arg);
		walk_stmts(s->other, each, arg);
	}
}

/* The span as seen through `via`, which goes behind what it came through. */
struct span copied_span(struct arena *mem, struct span at,
			const struct origin *via)
{
	struct origin *o;

	if (!via)
		return at;
	if (at.via) {
		o = NEW(mem, struct origin);
		*o = *at.via;
		o->at = copied_span(mem, o->at, via);
		via = o;
	}
	at.via = via;
	return at;
}

static struct expr *copy_list(struct arena *mem, const struct expr *e,
			      const struct origin *via)
{
	struct expr *list = NULL, **end = &list;

	for (; e; e = e->next) {
		*end = copy_expr(mem, e, via);
		end = &(*end)->next;
	}
	return list;
}

static struct target_ref *copy_target(struct arena *mem, const struct expr *e,
				      struct expr *base,
				      const struct origin *via)
{
	struct target_ref *r = NEW(mem, struct target_ref);
	struct access **end = &r->path;
	const struct access *a;

	*r = *e->target;
	r->base = base;
	for (a = e->target->path; a; a = a->next) {
		*end = NEW(mem, struct access);
		**end = *a;
		(*end)->at = copied_span(mem, a->at, via);
		if (a->index)
			(*end)->index = copy_expr(mem, a->index, via);
		end = &(*end)->next;
	}
	return r;
}

struct expr *copy_expr(struct arena *mem, const struct expr *e,
		       const struct origin *via)
{
	struct expr *n = NEW(mem, struct expr);

	*n = *e;
	n->next = NULL;
	n->at = copied_span(mem, e->at, via);
	n->a = e->a ? copy_expr(mem, e->a, via) : NULL;
	n->b = e->b ? copy_expr(mem, e->b, via) : NULL;
	n->c = e->c ? copy_expr(mem, e->c, via) : NULL;
	n->args = copy_list(mem, e->args, via);
	if (e->target)
		n->target = copy_target(mem, e, n->a, via);
	if (e->print) {
		n->print = NEW(mem, struct print);
		*n->print = *e->print;
		n->print->format_at = copied_span(mem, e->print->format_at,
						  via);
	}
	return n;
}

static struct foreach *copy_foreach(struct arena *mem, const struct foreach *f,
				    const struct origin *via)
{
	struct foreach *n = NEW(mem, struct foreach);

	*n = *f;
	n->keys = copy_list(mem, f->keys, via);
	n->value = f->value ? copy_expr(mem, f->value, via) : NULL;
	n->array = copy_expr(mem, f->array, via);
	n->limit = f->limit ? copy_expr(mem, f->limit, via) : NULL;
	return n;
}

struct stmt *copy_stmt(struct arena *mem, const struct stmt *s,
		       const struct origin *via)
{
	struct stmt *n = NEW(mem, struct stmt), **end = &n->body;
	const struct stmt *b;

	*n = *s;
	n->next = NULL;
	n->at = copied_span(mem, s->at, via);
	for (b = s->body; b; b = b->next) {
		*end = copy_stmt(mem, b, via);
		end = &(*end)->next;
	}
	n->other = s->other ? copy_stmt(mem, s->other, via) : NULL;
	n->e = s->e ? copy_expr(mem, s->e, via) : NULL;
	n->init = s->init ? copy_expr(mem, s->init, via) : NULL;
	n->step = s->step ? copy_expr(mem, s->step, via) : NULL;
	n->caught = s->caught ? copy_expr(mem, s->caught, via) : NULL;
	n->each = s->each ? copy_foreach(mem, s->each, via) : NULL;
	return n;
}
