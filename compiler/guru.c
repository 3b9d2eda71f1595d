/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guru.c - what only a kernel module can do. In: the typed AST. C in the script
 * (the parser wanted -g for it) and writing to target variables are refused for
 * the bpf engine; the latter, without -g, for being what it is.
 */
#include "stap.h"

static void refuse_c(struct job *j, struct span at)
{
	if (j->engine != ENGINE_MODULE)
		complain(j, at, E_ENGINE, "embedded C runs in a kernel module "
			 "alone (--engine=module)");
}

static void refuse_expr(const struct expr *e, void *arg)
{
	struct job *j = arg;
	const struct expr *lv = e->a;

	if (e->kind == X_EMBEDDED)
		refuse_c(j, e->at);
	if ((e->kind != X_ASSIGN && e->kind != X_INCDEC) ||
	    lv->kind != X_TARGET)
		return;
	if (j->opt->guru && j->engine != ENGINE_MODULE)
		complain(j, lv->at, E_ENGINE, "writing to target variables is "
			 "for a kernel module alone (--engine=module)");
	else if (!j->opt->guru)
		complain(j, lv->at, E_UNSUPPORTED,
			 "target variables can be written in guru mode only "
			 "(-g)");
}

bool refuse_guru(struct job *j)
{
	const struct embedded *c;
	const struct function *f;
	const struct probe *pr;

	for (c = j->script->embedded; c; c = c->next)
		refuse_c(j, c->at);
	for (f = j->script->functions; f; f = f->next) {
		if (f->c_body)
			refuse_c(j, f->c_at);
		walk_stmts(f->body, refuse_expr, j);
	}
	for (pr = j->script->probes; pr; pr = pr->next)
		walk_stmts(pr->body, refuse_expr, j);
	return !j->errors;
}
