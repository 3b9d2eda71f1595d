/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_texts.c - handlers that run where strings of the process fit: names of
 * functions of languages whose interpreter is what is probed.
 */
#include "lower_target.h"

#include <string.h>

/* $name, as the probe begins */
static struct ir_opnd variable(struct lower *l, struct span at,
			       const char *name)
{
	struct expr *e = NEW(l->mem, struct expr);

	e->kind = X_TARGET;
	e->type = T_LONG;
	e->at = at;
	e->target = NEW(l->mem, struct target_ref);
	e->target->kind = TR_VAR;
	e->target->name = name;
	return lower_expr(l, e);
}

static void leave_if(struct lower *l, struct span at, struct ir_opnd cond)
{
	struct ir_stmt *s = add(l, IR_IF, at);
	struct block back;

	s->a = cond;
	back = enter(l, &s->body);
	add(l, IR_NEXT, at);
	leave(l, back);
}

void leave_other_texts(struct lower *l)
{
	const struct site *s = l->site;
	struct span at = s->point->at;
	struct ir_opnd none = { .kind = IR_NONE }, n, text;
	struct ir_stmt *pid;
	size_t i;

	if (s->pid) {
		pid = add_into(l, IR_CALL, at, temp_slot(l, IR_LONG));
		pid->name = "pid";
		pid->arg_types = "";
		pid->where = IR_IN_KERNEL;
		leave_if(l, at, add_bin(l, at, IR_NE, slot_opnd(pid->dst),
					num_opnd(s->pid)));
	}
	if (s->zero)
		leave_if(l, at, add_bin(l, at, IR_NE, variable(l, at, s->zero),
					num_opnd(0)));
	for (i = 0; i < s->nfilters; i++) {
		const struct text_filter *f = &s->filters[i];

		n = f->length ? variable(l, at, f->length) : none;
		text = load_string(l, at, variable(l, at, f->text), n,
				   IR_USER_MEM, NULL);
		leave_if(l, at, add_bin(l, at, IR_EQ,
			 match_text(l, at, text, f->regex), num_opnd(0)));
	}
}
