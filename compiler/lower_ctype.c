/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_ctype.c - the C types of script expressions, so that `p->f` works where
 * p was given a value that has one; and what can be tried out without leaving
 * a trace: @defined.
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
	if (e->target->address_of)
		return pointer_to(l, o.type);
	if (o.type->kind == TY_ARRAY && o.type->to)
		return pointer_to(l, o.type->to);
	return o.type;
}

struct assignments {
	const struct var *var;
	VEC(const struct expr *) to;
	struct arena *mem;
};

static void note_assignment(const struct expr *e, void *arg)
{
	struct assignments *a = arg;

	if (e->kind == X_ASSIGN && e->op == OP_NONE && e->a->kind == X_NAME &&
	    e->a->var == a->var)
		vec_push(a->mem, &a->to, e->b);
}

/* A local has the type of the first thing with a type that is put into it. */
static struct ctype *type_of_local(struct lower *l, const struct var *v)
{
	struct assignments a = { .var = v, .mem = l->mem };
	struct ctype *t = NULL;
	size_t i;

	for (i = 0; i < l->typing.n; i++)
		if (l->typing.v[i] == v)
			return NULL;
	vec_push(l->mem, &l->typing, v);
	walk_stmts(l->body, note_assignment, &a);
	for (i = 0; i < a.to.n && !t; i++)
		t = ctype_of(l, a.to.v[i]);
	l->typing.n--;
	return t;
}

struct ctype *ctype_of(struct lower *l, const struct expr *e)
{
	struct ctype *t;

	switch (e->kind) {
	case X_NAME:
		return e->var && !e->var->is_global ?
			type_of_local(l, e->var) : NULL;
	case X_TARGET:
		return e->target->kind == TR_CONTEXT || e->target->pretty ?
			NULL : type_of_target(l, e);
	case X_ASSIGN:
		return ctype_of(l, e->b);
	case X_TERNARY:
		t = ctype_of(l, e->b);
		return t ? t : ctype_of(l, e->c);
	case X_BINARY:
		if (e->op != OP_ADD && e->op != OP_SUB)
			return NULL;
		t = ctype_of(l, e->a);
		return t && t->kind == TY_POINTER ? t : NULL;
	case X_ENTRY:
		return ctype_of(l, e->a);
	case X_NUMBER: case X_STRING: case X_INDEX: case X_ANY: case X_UNARY:
	case X_INCDEC: case X_IN: case X_CALL: case X_PRINT: case X_STAT:
	case X_HIST_INDEX: case X_DEFINED: case X_MATCH: case X_PERF:
	case X_REGISTER: case X_DEREF: case X_CONST: case X_ENUM:
	case X_EMBEDDED:
		return NULL;
	}
	return NULL;
}

bool target_is_defined(struct lower *l, const struct expr *e)
{
	struct ir_stmt *list = NULL;
	struct object o = { 0 };
	struct lower trial;
	bool ok;

	start_trial(l, &trial, &list);
	if (e->target->kind == TR_CONTEXT) {
		ok = has_variables(l) &&
			(strcmp(e->target->name, "return") || l->is_return);
	} else {
		if (!is_return_value(e) && e->target->kind == TR_VAR)
			see_entry(&trial);
		ok = find_object(&trial, e, &o) && !trial.failed;
	}
	end_trial(l, &trial);
	return ok;
}
