/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elide.c - what a script does for nothing. In: an AST whose names are known.
 * Out: the same without assignments to locals that nobody reads, without
 * expressions that do nothing and whose value nobody wants, and without locals
 * of which nothing is left. The user is told of his own; what aliases and
 * tapsets set in vain goes quietly, and with it what it would have cost.
 */
#include "library.h"

#include <string.h>

enum { MAX_ROUNDS = 20 };	/* each may leave more that is unread */

struct elide {
	struct job *j;
	const struct expr *target;	/* of the assignment being walked */
	const struct stmt *body;	/* all of what is being looked at */
	bool effect;			/* found one */
	unsigned mark;			/* of functions being looked at */
	bool changed;
};

/* --- who reads what -------------------------------------------------------------- */

static void count_read(const struct expr *e, void *arg)
{
	struct elide *el = arg;

	if (e->kind == X_ASSIGN && e->op == OP_NONE)
		el->target = e->a;
	if (e->kind != X_NAME || !e->var || e->var->is_global)
		return;
	e->var->is_used = true;
	if (e != el->target)
		e->var->is_read = true;
}

static void forget(struct var *v)
{
	for (; v; v = v->next)
		v->is_read = v->is_used = false;
}

static void count_reads(struct elide *el)
{
	const struct function *f;
	const struct probe *pr;

	for (f = el->j->script->functions; f; f = f->next) {
		forget(f->locals);
		forget(f->params);
		walk_stmts(f->body, count_read, el);
	}
	for (pr = el->j->script->probes; pr; pr = pr->next) {
		forget(pr->locals);
		walk_stmts(pr->body, count_read, el);
	}
}

/* --- what does something ---------------------------------------------------------- */

static void find_effect(const struct expr *e, void *arg);

static void stmt_effects(struct elide *el, const struct stmt *s)
{
	for (; s; s = s->next) {
		el->effect |= s->kind == S_DELETE || s->kind == S_NEXT ||
			s->kind == S_WHILE || s->kind == S_FOR;
		stmt_effects(el, s->body);
		stmt_effects(el, s->other);
	}
}

static bool call_has_effect(struct elide *el, const struct expr *e)
{
	struct function *f = e->fn;

	if (!f)
		return !e->builtin || e->builtin->result == 'v' ||
			e->builtin->flags & BF_EFFECT;
	if (f->c_body)
		return !strstr(f->c_body, "/* pure */");
	if (f->mark == el->mark)
		return false;		/* being looked at */
	f->mark = el->mark;
	stmt_effects(el, f->body);
	walk_stmts(f->body, find_effect, el);
	return false;			/* or told already */
}

/* Locals are nobody else's: writing to them is no effect in a function. */
static void find_effect(const struct expr *e, void *arg)
{
	struct elide *el = arg;

	if (el->effect)
		return;
	if (e->kind == X_ASSIGN || e->kind == X_INCDEC)
		el->effect = e->a->kind != X_NAME || !e->a->var ||
			e->a->var->is_global;
	else if (e->kind == X_PRINT)
		el->effect = !e->print->to_string;
	else if (e->kind == X_CALL)
		el->effect |= call_has_effect(el, e);
	else if (e->kind == X_EMBEDDED)
		el->effect = !strstr(e->str, "/* pure */");
	else if (e->kind == X_MATCH)
		el->effect = true;	/* matched() sees it */
}

static void find_write(const struct expr *e, void *arg)
{
	struct elide *el = arg;

	el->effect |= e->kind == X_ASSIGN || e->kind == X_INCDEC;
}

static bool does_nothing(struct elide *el, const struct expr *e)
{
	el->effect = false;
	el->mark++;
	walk_expr(e, find_write, el);
	walk_expr(e, find_effect, el);
	return !el->effect;
}

/* --- taking out ------------------------------------------------------------------- */

/* x = value, x being read by nobody: the value alone. */
static void elide_assignment(const struct expr *seen, void *arg)
{
	struct expr *e = (struct expr *)seen, *next = e->next;
	struct elide *el = arg;
	const struct expr *lv = e->a;

	while (e->kind == X_ASSIGN && e->op == OP_NONE &&
	       lv->kind == X_NAME && lv->var && !lv->var->is_global &&
	       !lv->var->is_read) {
		if (!e->at.src->is_tapset)
			warn_at(el->j, e->at, "Eliding assignment to '%s'",
				lv->str);
		*e = *e->b;
		e->next = next;
		lv = e->a;
		el->changed = true;
	}
}

static bool is_empty(const struct stmt *s)
{
	for (; s; s = s->next)
		if (s->kind == S_BLOCK ? !is_empty(s->body) :
		    s->kind != S_EMPTY)
			return false;
	return true;
}

struct uses {
	const struct var *of;
	unsigned n;
};

static void count_use(const struct expr *e, void *arg)
{
	struct uses *u = arg;

	u->n += e->kind == X_NAME && e->var == u->of;
}

/* What a loop sets and nothing else looks at. */
static bool is_of_loop_alone(struct elide *el, const struct expr *key)
{
	struct uses u = { .of = key->var };

	if (key->kind != X_NAME || !u.of || u.of->is_global)
		return false;
	walk_stmts(el->body, count_use, &u);
	return u.n == 1;
}

static void make_empty(struct elide *el, struct stmt *s)
{
	if (!s->at.src->is_tapset)
		warn_at(el->j, s->at, "Eliding side-effect-free %s statement",
			s->kind == S_IF ? "if" : "foreach");
	s->kind = S_EMPTY;
	s->e = NULL;
	s->each = NULL;
	s->body = s->other = NULL;
	el->changed = true;
}

static void elide_if(struct elide *el, struct stmt *s)
{
	if (is_empty(s->body) && is_empty(s->other) && does_nothing(el, s->e))
		make_empty(el, s);
}

static void elide_foreach(struct elide *el, struct stmt *s)
{
	const struct foreach *f = s->each;
	const struct expr *key;

	if (!is_empty(s->body) || !does_nothing(el, f->array) ||
	    (f->limit && !does_nothing(el, f->limit)) ||
	    (f->value && !is_of_loop_alone(el, f->value)))
		return;
	for (key = f->keys; key; key = key->next)
		if (!is_of_loop_alone(el, key))
			return;
	make_empty(el, s);
}

/* of a for: the first part or the last, which are as statements are */
static void elide_head(struct elide *el, struct expr **e)
{
	if (!*e)
		return;
	walk_expr(*e, elide_assignment, el);
	if (!does_nothing(el, *e))
		return;
	*e = NULL;
	el->changed = true;
}

static void elide_stmts(struct elide *el, struct stmt *s)
{
	enum expr_kind was;

	for (; s; s = s->next) {
		if (s->kind == S_EXPR) {
			was = s->e->kind;
			walk_expr(s->e, elide_assignment, el);
			if (does_nothing(el, s->e)) {
				if (was == s->e->kind &&
				    !s->at.src->is_tapset)
					warn_at(el->j, s->at, "Eliding side-"
						"effect-free expression");
				s->kind = S_EMPTY;
				s->e = NULL;
				el->changed = true;
			}
		} else {
			if (s->e)
				walk_expr(s->e, elide_assignment, el);
			elide_head(el, &s->init);
			elide_head(el, &s->step);
		}
		elide_stmts(el, s->body);
		elide_stmts(el, s->other);
		if (s->kind == S_FOREACH)
			elide_foreach(el, s);
		else if (s->kind == S_IF)
			elide_if(el, s);
	}
}

static void elide_body(struct elide *el, struct stmt *body)
{
	el->body = body;
	elide_stmts(el, body);
}

static void drop_locals(struct var **v)
{
	while (*v) {
		if ((*v)->is_used)
			v = &(*v)->next;
		else
			*v = (*v)->next;
	}
}

void elide(struct job *j)
{
	struct elide el = { .j = j };
	struct function *f;
	struct probe *pr;
	int round = 0;

	do {
		el.changed = false;
		count_reads(&el);
		for (f = j->script->functions; f; f = f->next)
			elide_body(&el, f->body);
		for (pr = j->script->probes; pr; pr = pr->next)
			elide_body(&el, pr->body);
	} while (el.changed && ++round < MAX_ROUNDS);
	count_reads(&el);
	for (f = j->script->functions; f; f = f->next)
		drop_locals(&f->locals);
	for (pr = j->script->probes; pr; pr = pr->next)
		drop_locals(&pr->locals);
	for (f = j->script->functions; f; f = f->next)
		f->mark = 0;
}
