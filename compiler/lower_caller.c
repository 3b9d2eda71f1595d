/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_caller.c - handlers that run for some callers only (.callee): the
 * return addresses on the stack are compared with those of the calls.
 */
#include "lower_target.h"

#include <string.h>

bool frames_seen(const struct job *j)
{
	size_t i, k;

	for (i = 0; i < j->sites.n; i++)
		for (k = 0; k < j->sites.v[i]->chains.n; k++)
			if (j->sites.v[i]->chains.v[k].frames.n > 1 ||
			    j->sites.v[i]->place->when == AT_PC)
				return true;
	return false;
}

/* Where a member is; -1: nobody knows. */
static int64_t offset_of(struct lower *l, const char *type, const char *member)
{
	struct binary *kernel = target_kernel(l->j->target);
	struct ctype *t = target_type(l->j->target, kernel, type);
	struct member m;

	return t && type_member(t, member, &m) ? (int64_t)m.offset : -1;
}

/*
 * The kernel's kretprobes put an address of their own in place of the one that
 * a function returns to; the list of those going on has what was there.
 */
static struct ir_opnd behind_kretprobes(struct lower *l, struct span at,
					struct ir_opnd v, struct ir_opnd slot)
{
	struct target *t = l->j->target;
	uint64_t trampoline = target_symbol(t, target_kernel(t),
					    "arch_rethook_trampoline");
	int64_t offsets[] = {
		offset_of(l, "struct task_struct", "rethooks"),
		offset_of(l, "struct rethook_node", "llist"),
		offset_of(l, "struct rethook_node", "ret_addr"),
		offset_of(l, "struct rethook_node", "frame"),
	};
	struct ir_opnd hook;
	struct ir_stmt *s;
	size_t i;

	for (i = 0; i < COUNT_OF(offsets); i++)
		if (!trampoline || offsets[i] < 0)
			return v;
	hook = read_address(l, at, (int64_t)trampoline);
	s = add_into(l, IR_CALL, at, temp_slot(l, IR_LONG));
	s->name = "return_address";
	s->arg_types = "lllllll";
	s->where = IR_IN_KERNEL;
	s->nargs = 3 + COUNT_OF(offsets);
	s->args = NEW_ARRAY(l->mem, struct ir_opnd, s->nargs);
	s->args[0] = v;
	s->args[1] = slot;
	s->args[2] = hook;
	for (i = 0; i < COUNT_OF(offsets); i++)
		s->args[3 + i] = num_opnd(offsets[i]);
	return slot_opnd(s->dst);
}

bool lower_return_address(struct lower *l, const struct expr *e,
			  struct ir_opnd *v)
{
	struct ir_opnd slot;

	if (strcmp(e->builtin->name, "__return_address"))
		return false;
	slot = lower_expr(l, e->args);
	*v = load_number(l, e->at, slot, 0, 8, false, l->space);
	if (l->space == IR_KERNEL_MEM)
		*v = behind_kretprobes(l, e->at, *v, slot);
	return true;
}

/* __return_address(@kregister(reg) + off), as the probe begins */
static struct expr *slot_of(struct lower *l, struct span at,
			    const struct call_frame *f)
{
	struct expr *e = NEW_ARRAY(l->mem, struct expr, 5);
	size_t i;

	for (i = 0; i < 5; i++) {
		e[i].at = at;
		e[i].type = T_LONG;
		e[i].kind = X_NUMBER;
	}
	e[0].kind = X_CALL;
	e[0].str = "__return_address";
	e[0].builtin = builtin_find(e[0].str, 1);
	e[0].args = f->off ? &e[1] : &e[2];
	e[0].nargs = 1;
	e[1].kind = X_BINARY;
	e[1].op = OP_ADD;
	e[1].a = &e[2];
	e[1].b = &e[4];
	e[2].kind = X_REGISTER;
	e[2].op = l->space == IR_USER_MEM ? OP_USER : OP_KERNEL;
	e[2].a = &e[3];
	e[3].num = f->reg;
	e[4].num = f->off;
	return e;
}

/* 1 where all of a chain's return addresses are there. */
static struct ir_opnd chain_holds(struct lower *l, struct span at,
				  const struct call_chain *c)
{
	struct ir_opnd all = num_opnd(1), same;
	size_t i;

	for (i = 0; i < c->frames.n; i++) {
		struct expr *e = slot_of(l, at, &c->frames.v[i]);

		same = l->is_return && !l->at_entry ? captured(l, e) :
			lower_expr(l, e);
		same = add_bin(l, at, IR_EQ, same, read_address(l, at,
					(int64_t)c->frames.v[i].back));
		all = i ? add_bin(l, at, IR_AND, all, same) : same;
	}
	return all;
}

void leave_other_callers(struct lower *l)
{
	const struct site *s = l->site;
	struct ir_opnd any = num_opnd(0), one;
	struct span at = s->point->at;
	struct ir_stmt *st;
	struct block back;
	size_t i;

	if (!s->chains.n)
		return;
	for (i = 0; i < s->chains.n; i++) {
		one = chain_holds(l, at, &s->chains.v[i]);
		any = i ? add_bin(l, at, IR_OR, any, one) : one;
	}
	any = add_bin(l, at, IR_EQ, any, num_opnd(0));
	st = add(l, IR_IF, at);
	st->a = any;
	back = enter(l, &st->body);
	add(l, IR_NEXT, at);
	leave(l, back);
}
