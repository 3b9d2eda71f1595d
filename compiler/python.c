/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * python.c - target variables of Python's functions. In: the body of a probe whose
 * points are real ones. Out: where all of them are python3.module().function(),
 * $x is a call of __python_variable("x"), $x[i] of __python_item("x", i), $$vars of
 * __python_variables(), all of which look at the interpreter's frame when they run.
 */
#include "python.h"

#include <string.h>

/* What the point itself has, by these names: points/script.c. */
static bool is_of_point(const char *name)
{
	static const char *const own[] = { "arg1", "arg2", "arg3", "filename",
					   "function", "lineno", "frame" };
	size_t i;

	for (i = 0; i < COUNT_OF(own); i++)
		if (!strcmp(name, own[i]))
			return true;
	return false;
}

static struct expr *literal(struct job *j, const struct expr *e, const char *s)
{
	struct expr *x = NEW(&j->mem, struct expr);

	x->kind = s ? X_STRING : X_NUMBER;
	x->at = e->at;
	x->str = s;
	x->len = s ? strlen(s) : 0;
	return x;
}

static void become_call(struct expr *e, const char *name, struct expr *args)
{
	e->kind = X_CALL;
	e->str = name;
	e->len = strlen(name);
	e->args = args;
	e->target = NULL;
	for (e->nargs = 0; args; args = args->next)
		e->nargs++;
}

static void become_variable(struct job *j, struct expr *e)
{
	const struct target_ref *t = e->target;
	struct expr *name = literal(j, e, t->name);

	if (t->address_of || (t->path && (t->path->member || t->path->next))) {
		complain(j, e->at, E_UNSUPPORTED, "of a variable of Python its "
			 "text is known, and that of an element: $%s, $%s[0]",
			 t->name, t->name);
		return;
	}
	if (t->path)
		name->next = t->path->index;
	become_call(e, t->path ? "__python_item" : "__python_variable", name);
}

static void translate(const struct expr *seen, void *arg)
{
	static const char *const which[] = { "parms", "locals", "vars" };
	struct expr *e = (struct expr *)seen, *n;
	struct job *j = arg;
	size_t i;

	if (e->kind != X_TARGET)
		return;
	if (e->target->kind == TR_VAR && !is_of_point(e->target->name)) {
		become_variable(j, e);
		return;
	}
	for (i = 0; i < COUNT_OF(which) && e->target->kind == TR_CONTEXT; i++) {
		if (strcmp(e->target->name, which[i]))
			continue;
		n = literal(j, e, NULL);
		n->num = (int64_t)i;
		become_call(e, "__python_variables", n);
		return;
	}
}

void python_words(struct job *j, struct probe *pr)
{
	const struct point *pt;

	for (pt = pr->points; pt; pt = pt->next)
		if (strcmp(pt->parts->name, "python3"))
			return;
	if (pr->points)
		walk_stmts(pr->body, translate, j);
}
