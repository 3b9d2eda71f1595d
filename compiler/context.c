/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * context.c - pp(), ppfunc(), addr() and their like in functions. In: an AST whose
 * names are known. Out: only probes call these; a function that did, or that
 * calls one that did, has a parameter of that name more, and its callers an
 * argument. What looks at the kernel's stack has such an argument, too: how the
 * probe fires (__way), which tells what of the stack is the probe's own.
 */
#include "library.h"
#include "python.h"

#include <string.h>

struct context {
	struct job *j;
	const char *name;		/* "ppfunc" */
	const struct builtin *builtin;
	enum type type;			/* of what it gives */
	struct function *fn;		/* being walked, or NULL: a probe */
	bool found, changed;
};

/* The function's parameter that stands for the name, or NULL. */
static struct var *param_of(const struct context *c, const struct function *f)
{
	struct var *v;

	for (v = f->params; v; v = v->next)
		if (v->name == c->name)
			return v;
	return NULL;
}

static void find_need(const struct expr *e, void *arg)
{
	struct context *c = arg;

	if (e->kind == X_CALL)
		c->found |= e->fn ? param_of(c, e->fn) != NULL :
			e->builtin == c->builtin;
}

static void add_params(struct context *c)
{
	struct function *f;
	struct var **end;

	for (f = c->j->script->functions; f; f = f->next) {
		if (param_of(c, f))
			continue;
		c->found = false;
		walk_stmts(f->body, find_need, c);
		if (!c->found)
			continue;
		for (end = &f->params; *end; end = &(*end)->next)
			;
		*end = NEW(&c->j->mem, struct var);
		**end = (struct var){ .name = c->name, .at = f->at, .owner = f,
			.type = c->type, .is_used = true, .is_read = true,
			.is_written = true };
		f->nparams++;
		c->changed = true;
	}
}

static void name_param(const struct context *c, struct expr *e)
{
	e->kind = X_NAME;
	e->str = c->name;
	e->len = strlen(c->name);
	e->var = param_of(c, c->fn);
}

static void pass_on(const struct expr *seen, void *arg)
{
	struct expr *e = (struct expr *)seen, **end = &e->args;
	struct context *c = arg;

	if (e->kind != X_CALL)
		return;
	if (!e->fn && e->builtin == c->builtin && c->fn)
		name_param(c, e);
	if (!e->fn || !param_of(c, e->fn))
		return;
	while (*end)
		end = &(*end)->next;
	*end = NEW(&c->j->mem, struct expr);
	(*end)->kind = X_CALL;
	(*end)->at = e->at;
	(*end)->str = c->name;
	(*end)->len = strlen(c->name);
	(*end)->builtin = c->builtin;	/* or else, when walked, the name */
	e->nargs++;
}

/* In all functions and probes; c->fn is the function. */
static void walk_script(struct context *c, void (*each)(const struct expr *e,
			void *arg))
{
	const struct probe *pr;
	const struct point *pt;

	for (c->fn = c->j->script->functions; c->fn; c->fn = c->fn->next)
		walk_stmts(c->fn->body, each, c);
	for (pr = c->j->script->probes; pr; pr = pr->next) {
		walk_stmts(pr->body, each, c);
		for (pt = pr->points; pt; pt = pt->next)
			if (pt->condition)
				walk_expr(pt->condition, each, c);
	}
}

/* backtrace() becomes backtrace(__way()) */
static void add_way(const struct expr *seen, void *arg)
{
	struct expr *e = (struct expr *)seen, **end = &e->args;
	struct context *c = arg;

	if (e->kind != X_CALL || e->fn || !e->builtin ||
	    !(e->builtin->flags & BF_WAY) ||
	    builtin_way(e->builtin->flags & BF_PROCESS) != c->builtin)
		return;
	while (*end)
		end = &(*end)->next;
	*end = NEW(&c->j->mem, struct expr);
	(*end)->kind = X_CALL;
	(*end)->at = e->at;
	(*end)->str = c->name;
	(*end)->len = strlen(c->name);
	(*end)->builtin = c->builtin;
	e->nargs++;
	e->builtin = builtin_with_way(e->builtin);
}

static void pass_name(struct context *c)
{
	do {
		c->changed = false;
		add_params(c);
	} while (c->changed);
	walk_script(c, pass_on);
}

void pass_context(struct job *j)
{
	static const char *const names[] = { "pp", "ppfunc", "probefunc", "pn",
					     "user_mode", "is_return",
					     "probing_32bit_app",
					     "registers_valid", "probemod",
					     "addr", "__py_frame",
#define FACT(name, type, member)	     "__py_" name,
					     PYTHON_FACTS(FACT)
#undef FACT
	};
	size_t i;

	for (i = 0; i < 2; i++) {
		struct context way = { .j = j, .builtin = builtin_way(i),
				       .type = T_LONG };

		way.name = way.builtin->name;
		walk_script(&way, add_way);
		pass_name(&way);
	}
	for (i = 0; i < COUNT_OF(names); i++) {
		struct context c = { .j = j, .name = names[i],
			.builtin = builtin_find(names[i], 0) };

		c.type = c.builtin->result == 's' ? T_STRING : T_LONG;
		pass_name(&c);
	}
}
