/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_c.c - the script's own C, which goes through as text: modules alone have
 * it (guru.c). In: blocks, functions, values. Out: the same in the IR, with what
 * its macros need to know.
 */
#include "lower.h"

/* C is what it is; its arguments have the room that SystemTap gives them. */
void lower_c_function(struct lower *l, struct ir_function *fn,
		      const struct function *f)
{
	const struct var *v;
	size_t i = 0;

	fn->c_body = f->c_body;
	fn->c_at = f->c_at;
	fn->c_err = fault(l, f->at, "%s", "s");
	fn->param_names = NEW_ARRAY(l->mem, const char *, f->nparams + 1);
	for (v = f->params; v; v = v->next)
		fn->param_names[i++] = v->name;
}

/* %{ C %} as a value: strings have all the room there is. */
struct ir_opnd lower_c(struct lower *l, const struct expr *e)
{
	struct ir_stmt *s = add_into(l, IR_C, e->at, temp_slot(l,
			e->type == T_STRING ? IR_STRING : IR_LONG));

	s->name = e->str;
	return slot_opnd(s->dst);
}

void lower_c_blocks(struct lowering *all)
{
	const struct embedded *c;

	for (c = all->j->script->embedded; c; c = c->next)
		vec_push(all->mem, &all->ir->c,
			 ((struct ir_c){ c->c, c->at }));
}
