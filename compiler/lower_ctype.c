/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_ctype.c - the C types of script expressions, so that `p->f` works where
 * p was given a value that has one; and what can be tried out without leaving
 * a trace: @defined. A variable has the type that all values with one agree
 * on that are put into it.
 */
#include "lower_target.h"

#include <string.h>

/* --- the C type of a script expression --------------------------------------------------------------- */

/* Tries out: nothing of it stays. */
static void start_trial(const struct lower *l, struct lower *trial,
			struct ir_stmt **list)
{
	*trial = *l;
	trial->quiet = true;
	trial->failed = false;
	trial->tail = list;
	trial->slots = NULL;
	trial->slots_tail = &trial->slots;
	trial->captures = NULL;
	trial->captures_tail = &trial->captures;
	trial->nbusy = 0;
}

static void end_trial(const struct lower *l, const struct lower *trial)
{
	size_t i;

	for (i = l->vars.n; i < trial->vars.n; i++)
		trial->vars.v[i]->lowered = NULL;
}

/* In a return probe, variables are those of the entry. */
void see_entry(struct lower *l)
{
	if (!l->is_return || l->at_entry || !l->place)
		return;
	l->at_entry = true;
	l->place = target_place(l->j->target, l->place->func, AT_ENTRY);
}

bool is_return_value(const struct expr *e)
{
	return e->target->kind == TR_VAR && !strcmp(e->target->name, "return");
}

/* &@cast(p, "type") is where p points to: its value, a pointer. */
bool is_address_of_object(const struct expr *e)
{
	return e->target->address_of &&
		(e->target->kind != TR_CAST || e->target->path);
}

static struct ctype *type_of_target(struct lower *l, const struct expr *e)
{
	struct ir_stmt *list = NULL;
	struct object o = { 0 };
	struct lower trial;
	bool ok;

	start_trial(l, &trial, &list);
	if (!is_return_value(e) && e->target->kind == TR_VAR)
		see_entry(&trial);
	ok = find_object(&trial, e, &o) && !trial.failed;
	end_trial(l, &trial);
	if (!ok)
		return NULL;
	if (is_address_of_object(e))
		return pointer_to(l, o.type);
	if (o.type->kind == TY_ARRAY && o.type->to)
		return pointer_to(l, o.type->to);
	return o.type;
}

/* --- what is put into variables ------------------------------------------------ */

static bool same_type(const struct ctype *a, const struct ctype *b)
{
	if (a == b)
		return true;
	if (a->kind != b->kind || a->bin != b->bin || a->size != b->size)
		return false;
	if (a->kind == TY_POINTER && a->to && b->to)
		return same_type(a->to, b->to);
	if (a->tag || b->tag)
		return a->tag && b->tag && !strcmp(a->tag, b->tag);
	return a->name && b->name && !strcmp(a->name, b->name);
}

/* A type being put together of all that has one. */
struct agreement {
	struct ctype *type;
	bool broken;		/* they do not agree */
};

static void agree(struct lower *l, struct agreement *a, const struct expr *e)
{
	struct ctype *t = a->broken ? NULL : ctype_of(l, e);

	if (t && a->type && !same_type(t, a->type))
		a->broken = true;
	else if (t)
		a->type = t;
}

static struct ctype *agreed(const struct agreement *a)
{
	return a->broken ? NULL : a->type;
}

/* What to look for in bodies: what is put into var, also as parameter number
   `param` of fn; or what fn returns. */
struct search {
	struct lower *l;
	const struct var *var;
	const struct function *fn;
	int param;
	struct agreement found;
};

static void look_at(const struct expr *e, void *arg)
{
	struct search *s = arg;
	const struct expr *a;
	int i = 0;

	if (e->kind == X_ASSIGN && e->op == OP_NONE && s->var &&
	    (e->a->kind == X_NAME || e->a->kind == X_INDEX) &&
	    e->a->var == s->var)
		agree(s->l, &s->found, e->b);
	if (e->kind == X_CALL && e->fn && e->fn == s->fn && s->var) {
		for (a = e->args; a && i < s->param; a = a->next)
			i++;
		if (a)
			agree(s->l, &s->found, a);
	}
}

/* Of a foreach, the array is what is put into its value. */
static void look_at_loops(struct search *s, const struct stmt *st)
{
	for (; st && s->var; st = st->next) {
		if (st->kind == S_FOREACH && st->each->value &&
		    st->each->value->var == s->var)
			agree(s->l, &s->found, st->each->array);
		look_at_loops(s, st->body);
		look_at_loops(s, st->other);
	}
}

static void look_at_returns(struct search *s, const struct stmt *st)
{
	for (; st; st = st->next) {
		if (st->kind == S_RETURN && st->e)
			agree(s->l, &s->found, st->e);
		look_at_returns(s, st->body);
		look_at_returns(s, st->other);
	}
}

static void look_into(struct search *s, const struct stmt *body)
{
	walk_stmts(body, look_at, s);
	look_at_loops(s, body);
}

/* In every body of the program, each seen from where it runs. */
static void look_everywhere(struct search *s, struct lowering *all)
{
	struct lower *from = NEW(all->mem, struct lower);
	const struct function *f;
	size_t i;

	s->l = from;
	for (f = all->j->script->functions; f; f = f->next) {
		look_from_function(from, all, f);
		look_into(s, f->body);
	}
	for (i = 0; i < all->j->sites.n; i++) {
		struct site *site = all->j->sites.v[i];

		/* the first of a probe's sites speaks for all */
		if (i && all->j->sites.v[i - 1]->probe == site->probe)
			continue;
		look_from_site(from, all, site);
		look_into(s, site->probe->body);
	}
}

static struct typed *known_type(struct lowering *all, const void *of)
{
	size_t i;

	for (i = 0; i < all->typed.n; i++)
		if (all->typed.v[i].of == of)
			return &all->typed.v[i];
	vec_push(all->mem, &all->typed, ((struct typed) { .of = of }));
	return NULL;
}

/* A global, or a parameter of fn: of what all of the program puts into it. */
static struct ctype *type_of_shared(struct lower *l, const struct var *v,
				    const struct function *fn, int param)
{
	struct typed *known = known_type(l->all, v);
	struct search s = { .var = v, .fn = fn, .param = param };
	size_t i = l->all->typed.n - 1;

	if (known)
		return known->busy ? NULL : known->type;
	l->all->typed.v[i].busy = true;
	look_everywhere(&s, l->all);
	l->all->typed.v[i].busy = false;
	return l->all->typed.v[i].type = agreed(&s.found);
}

static struct ctype *type_of_result(struct lower *l, const struct function *f)
{
	struct typed *known = known_type(l->all, f);
	struct search s = { .fn = f };
	size_t i = l->all->typed.n - 1;
	struct lower from;

	if (known)
		return known->busy ? NULL : known->type;
	l->all->typed.v[i].busy = true;
	look_from_function(&from, l->all, f);
	s.l = &from;
	look_at_returns(&s, f->body);
	l->all->typed.v[i].busy = false;
	return l->all->typed.v[i].type = agreed(&s.found);
}

static struct ctype *type_of_local(struct lower *l, const struct var *v)
{
	struct search s = { .l = l, .var = v };
	size_t i;

	for (i = 0; i < l->typing.n; i++)
		if (l->typing.v[i] == v)
			return NULL;
	vec_push(l->mem, &l->typing, v);
	look_into(&s, l->body);
	l->typing.n--;
	return agreed(&s.found);
}

static struct ctype *type_of_var(struct lower *l, const struct var *v)
{
	const struct var *p;
	int i = 0;

	if (v->is_global)
		return type_of_shared(l, v, NULL, 0);
	for (p = l->function ? l->function->params : NULL; p; p = p->next, i++)
		if (p == v)
			return type_of_shared(l, v, l->function, i);
	return type_of_local(l, v);
}

struct ctype *ctype_of(struct lower *l, const struct expr *e)
{
	struct agreement both = { 0 };
	struct ctype *t;

	switch (e->kind) {
	case X_NAME: case X_INDEX:
		return e->var ? type_of_var(l, e->var) : NULL;
	case X_CALL:
		return e->fn ? type_of_result(l, e->fn) : NULL;
	case X_TARGET:
		return e->target->kind == TR_CONTEXT || e->target->pretty ?
			NULL : type_of_target(l, e);
	case X_ASSIGN:
		return ctype_of(l, e->b);
	case X_TERNARY:
		agree(l, &both, e->b);
		agree(l, &both, e->c);
		return agreed(&both);
	case X_BINARY:
		if (e->op != OP_ADD && e->op != OP_SUB)
			return NULL;
		t = ctype_of(l, e->a);
		return t && t->kind == TY_POINTER ? t : NULL;
	case X_ENTRY:
		return ctype_of(l, e->a);
	case X_NUMBER: case X_STRING: case X_ANY: case X_UNARY:
	case X_INCDEC: case X_IN: case X_PRINT: case X_STAT:
	case X_HIST_INDEX: case X_DEFINED: case X_MATCH: case X_PERF:
	case X_REGISTER: case X_DEREF: case X_CONST: case X_ENUM:
	case X_EMBEDDED:
		return NULL;
	}
	return NULL;
}

/* A struct has text and an address, a bit-field no address. */
static bool has_value(const struct expr *e, const struct object *o)
{
	if (e->target->pretty)
		return true;
	if (is_address_of_object(e))
		return o->as == AS_MEMORY && !o->bits;
	return o->type->kind == TY_ARRAY || o->type->kind == TY_FUNC ||
		is_number(o->type);
}

bool target_is_defined(struct lower *l, const struct expr *e)
{
	struct ir_stmt *list = NULL;
	struct object o = { 0 };
	struct lower trial;
	bool ok;

	if (is_call_result(l, e))
		return true;
	start_trial(l, &trial, &list);
	if (e->target->kind == TR_CONTEXT) {
		ok = has_variables(l) &&
			(strcmp(e->target->name, "return") || l->is_return);
	} else {
		if (!is_return_value(e) && e->target->kind == TR_VAR)
			see_entry(&trial);
		ok = find_object(&trial, e, &o) && !trial.failed &&
			has_value(e, &o);
	}
	end_trial(l, &trial);
	return ok;
}
