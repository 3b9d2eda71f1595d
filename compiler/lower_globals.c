/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_globals.c - globals of the script, and the limits of its runs, as the
 * IR has them.
 */
#include "lower.h"

static void init_global(struct ir_global *g, const struct expr *e)
{
	if (!e)
		return;
	if (e->kind == X_STRING)
		g->init_str = e->str;
	else if (e->kind == X_NUMBER)
		g->init_num = e->num;
	else if (e->kind == X_UNARY && e->op == OP_NEG &&
		 e->a->kind == X_NUMBER)
		g->init_num = -(uint64_t)e->a->num;
}

void declare_global(struct lowering *all, struct var *v)
{
	struct ir_global *g = NEW(all->mem, struct ir_global);
	int i;

	g->name = v->name;
	g->at = v->at;
	g->value = v->type == T_STATS ? IR_V_STAT :
		   v->type == T_STRING ? IR_V_STRING : IR_V_LONG;
	g->nkeys = v->nkeys > 0 ? (size_t)v->nkeys : 0;
	g->keys = NEW_ARRAY(all->mem, enum ir_type, g->nkeys + 1);
	for (i = 0; i < (int)g->nkeys; i++)
		g->keys[i] = v->key_types[i] == T_STRING ? IR_STRING : IR_LONG;
	g->max_entries = v->max_entries ? v->max_entries :
			 all->ir->max_entries;
	g->wraps = v->wraps;
	g->stat_ops = v->stat_ops;
	g->hist_lo = v->hist_lo;
	g->hist_hi = v->hist_hi;
	g->hist_step = v->hist_step;
	init_global(g, v->init);
	v->lowered = g;
	*all->globals_tail = g;
	all->globals_tail = &g->next;
}

void init_limits(struct ir *ir, const struct limits *lim)
{
	ir->string_len = (uint32_t)lim->maxstringlen;
	ir->max_action = lim->maxaction;
	ir->max_action_user = lim->maxaction_user ? lim->maxaction_user :
						    lim->maxaction * 10;
	ir->max_entries = lim->maxmapentries;
	ir->max_errors = lim->maxerrors;
	ir->max_skipped = lim->maxskipped;
	ir->overload_interval = lim->overload_interval;
	ir->overload_most = lim->overload_most;
	if (!lim->untimed)
		return;
	/* what BPF and the loader's engine can count; a module goes on */
	ir->untimed = true;
	ir->max_action = 1 << 20;
	ir->max_action_user = UINT32_MAX;
	ir->overload_interval = 0;
}

/* SystemTap gives a cycle of functions that many calls when none are set. */
void limit_nesting(struct ir *ir, const struct limits *lim)
{
	const struct ir_function *fn;

	ir->max_nesting = lim->maxnesting;
	if (ir->max_nesting)
		return;
	ir->max_nesting = 12;
	for (fn = ir->functions; fn; fn = fn->next)
		ir->max_nesting += fn->recursive;
}
