/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_c.c - what modules alone can do (guru.c): the script's own C, which goes
 * through as text, with what its macros need to know; and writing to target
 * variables.
 */
#include "lower_target.h"

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

/* --- guru mode: $x = value ------------------------------------------------------ */

/* The register that a variable is, whole; -1: it is none. */
static int64_t register_of(struct lower *l, const struct expr *e)
{
	const struct target_ref *r = e->target;
	const struct variable *v = r->kind == TR_VAR && !r->path ?
		find_variable(l, r->name) : NULL;

	if (!v || v->loc.kind != LOC_VALUE || v->loc.nsteps != 1 ||
	    v->loc.steps[0].op != L_REG)
		return -1;
	return v->loc.steps[0].n;
}

/* What was read before may be another thing now. */
static void forget_reads(struct lower *l)
{
	static struct ir_stmt nothing = { .kind = IR_EXIT };
	size_t i;

	for (i = 0; i < l->known.n; i++)
		l->known.v[i] = &nothing;
}

static struct ir_opnd cannot_write(struct lower *l, const struct expr *e,
				   const char *why)
{
	complain(l->j, e->at, E_NOT_LVALUE, "this cannot be written: %s", why);
	return num_opnd(0);
}

static void write_memory(struct lower *l, const struct expr *e,
			 const struct object *o, struct ir_opnd value)
{
	struct ir_stmt *s = add(l, IR_STORE, e->at);

	s->a = o->v;
	s->num = o->offset;
	s->b = value;
	s->size = (uint8_t)o->type->size;
	s->space = o->space;
	s->err = fault(l, e->at, o->space == IR_USER_MEM ?
		       "user write fault [man error::fault] at 0x%x" :
		       "kernel write fault [man error::fault] at 0x%x", "l");
}

/* A value as the register of a smaller type has it. */
static struct ir_opnd as_register(struct lower *l, const struct expr *e,
				  const struct ctype *t, struct ir_opnd value)
{
	if (t->size >= 8)
		return value;
	return add_bin(l, e->at, IR_AND, value,
		       num_opnd((int64_t)((1ull << 8 * t->size) - 1)));
}

struct ir_opnd lower_write(struct lower *l, const struct expr *e, enum op op,
			   const struct expr *by, bool want_old)
{
	struct ir_opnd value = by ? lower_expr(l, by) : num_opnd(1), old;
	int64_t reg = register_of(l, e->a);
	struct ir_stmt *s;
	struct object o;

	if (!find_object(l, e->a, &o))
		return num_opnd(0);
	if (!is_number(o.type) || e->a->target->pretty ||
	    e->a->target->address_of || e->a->type == T_STRING)
		return cannot_write(l, e->a, "it is no number");
	if (o.bits)
		return cannot_write(l, e->a, "it is part of a word");
	if (o.as != AS_MEMORY && reg < 0)
		return cannot_write(l, e->a, "it has no place of its own here");
	old = num_opnd(0);
	if (op != OP_NONE) {
		old = value_of(l, &o);
		value = arithmetic(l, e->at, binary_op(op), old, value, NULL);
	}
	if (o.as == AS_MEMORY) {
		write_memory(l, e, &o, value);
	} else {
		value = as_register(l, e, o.type, value);
		s = add(l, IR_SET_REG, e->at);
		s->num = reg;
		s->a = value;
	}
	forget_reads(l);
	return want_old ? old : value;
}
