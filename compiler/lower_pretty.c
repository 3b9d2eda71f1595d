/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_pretty.c - text of target variables, as SystemTap has it: $x$, $x$$,
 * $$vars, $$parms, $$locals, $$return.
 */
#include "lower_target.h"

#include <string.h>

enum { MAX_PRETTY = 32, MAX_ELEMENTS = 8 };

/* --- text of objects: $x$, $$vars ---------------------------------------------------------------------- */

static bool is_char(const struct ctype *t)
{
	return t && (t->kind == TY_CHAR || t->kind == TY_INT) && t->size == 1 &&
	       t->name && !strcmp(t->name, "char");
}

/* Arrays of it are text, as everybody's names are. */
static bool is_text(const struct ctype *t)
{
	return is_char(t) || (t && (t->kind == TY_CHAR || t->kind == TY_INT) &&
			      t->size == 1 && t->name &&
			      !strcmp(t->name, "unsigned char"));
}

/* "..." of memory; what cannot be read does not fault. */
static void shape_chars(struct lower *l, struct shape_of_text *sh,
			const struct object *o, struct ir_opnd a, int64_t max)
{
	struct ir_slot *dst = temp_slot(l, IR_STRING);
	struct ir_opnd n = { 0 };
	struct block back;
	struct ir_stmt *s;

	if (max > 0 && max < l->ir->string_len)
		n = num_opnd(max);
	s = add(l, IR_TRY, o->at);
	back = enter(l, &s->body);
	load_string(l, o->at, a, n, o->space, dst);
	leave(l, back);
	back = enter(l, &s->other);
	add_move(l, o->at, dst, lit_opnd("<unknown>", 9));
	leave(l, back);
	shape_value(l, sh, "\"%s", slot_opnd(dst), 's');
	text_putc(&sh->format, '"');
}

static void shape_object(struct lower *l, struct shape_of_text *sh,
			 const struct object *o, int depth, bool top);

static bool shape_members(struct lower *l, struct shape_of_text *sh,
			  const struct object *o, int depth, bool first)
{
	struct member m;
	struct object in;
	size_t i;

	for (i = 0; type_member_at(o->type, i, &m); i++) {
		in = *o;
		in.type = m.type;
		in.bits = m.bit_size;
		if (o->as == AS_MEMORY) {
			in.offset += (int64_t)m.offset;
			in.bit_at = m.bit_offset;
		} else {
			in.bit_at += (unsigned)m.offset * 8 + m.bit_offset;
		}
		if (!m.name) {
			first = shape_members(l, sh, &in, depth, first);
			continue;
		}
		text_puts(&sh->format, first ? "" : ", ");
		first = false;
		if (sh->args.n >= MAX_PRETTY) {
			text_puts(&sh->format, "...");
			return first;
		}
		text_printf(&sh->format, ".%s=", m.name);
		shape_object(l, sh, &in, depth - 1, false);
	}
	return first;
}

static void shape_array(struct lower *l, struct shape_of_text *sh,
			const struct object *o, int depth)
{
	struct object in = *o;
	uint64_t i;

	if (o->as != AS_MEMORY || !o->type->to) {
		text_putc(&sh->format, '?');
		return;
	}
	if (is_text(o->type->to)) {
		shape_chars(l, sh, o, address_of(l, o),
			    (int64_t)o->type->count);
		return;
	}
	text_putc(&sh->format, '[');
	in.type = o->type->to;
	for (i = 0; i < o->type->count; i++) {
		text_puts(&sh->format, i ? ", " : "");
		if (i >= MAX_ELEMENTS || sh->args.n >= MAX_PRETTY) {
			text_puts(&sh->format, "...");
			break;
		}
		shape_object(l, sh, &in, depth - 1, false);
		in.offset += (int64_t)in.type->size;
	}
	text_putc(&sh->format, ']');
}

static void shape_pointer(struct lower *l, struct shape_of_text *sh,
			  const struct object *o, int depth, bool top)
{
	struct object to = *o;

	if (is_char(o->type->to)) {
		shape_chars(l, sh, o, value_of(l, o), 0);
	} else if (top && o->type->to && (o->type->to->kind == TY_STRUCT ||
					  o->type->to->kind == TY_UNION)) {
		follow(l, &to);
		shape_object(l, sh, &to, depth, false);
	} else {
		shape_value(l, sh, "0x%x", value_of(l, o), 'l');
	}
}

static void shape_object(struct lower *l, struct shape_of_text *sh,
			 const struct object *o, int depth, bool top)
{
	switch (o->type->kind) {
	case TY_POINTER:
		shape_pointer(l, sh, o, depth, top);
		return;
	case TY_ARRAY:
		shape_array(l, sh, o, depth);
		return;
	case TY_STRUCT: case TY_UNION:
		text_putc(&sh->format, '{');
		if (depth > 0)
			shape_members(l, sh, o, depth, true);
		else
			text_puts(&sh->format, "...");
		text_putc(&sh->format, '}');
		return;
	case TY_CHAR: case TY_INT: case TY_BOOL: case TY_ENUM:
		if (is_char(o->type) && !o->bits) {
			shape_value(l, sh, "'%c", value_of(l, o), 'l');
			text_putc(&sh->format, '\'');
			return;
		}
		shape_value(l, sh, o->type->is_signed ? "%d" : "%u",
			    value_of(l, o), 'l');
		return;
	case TY_VOID: case TY_FLOAT: case TY_FUNC: case TY_OTHER:
		text_putc(&sh->format, '?');
		return;
	}
}

/* How deep $x$ and $x$$ look into structs. */
static int depth_of(int pretty)
{
	return pretty > 1 ? 8 : 1;
}

/* $name of the entry of a return probe. */
static struct expr *entry_variable(struct lower *l, const struct expr *e,
				   const char *name)
{
	struct expr *v = NEW(l->mem, struct expr);

	v->kind = X_TARGET;
	v->at = e->at;
	v->target = NEW(l->mem, struct target_ref);
	v->target->kind = TR_VAR;
	v->target->name = name;
	v->target->pretty = e->target->pretty;
	v->type = v->target->pretty ? T_STRING : T_LONG;
	return v;
}

static void shape_variable(struct lower *l, struct shape_of_text *sh,
			   const struct expr *e, struct variable *v)
{
	int pretty = e->target->pretty;
	struct object o;

	text_printf(&sh->format, "%s=", v->name);
	if (v->loc.kind == LOC_ABSENT || !v->type ||
	    (!pretty && !is_number(v->type) && v->type->kind != TY_ARRAY)) {
		text_putc(&sh->format, '?');
	} else if (l->is_return && !l->at_entry && pretty &&
		   v->type->kind != TY_POINTER &&
		   kept_argument(l, e->at, v, &o)) {
		shape_object(l, sh, &o, 1, true);
	} else if (l->is_return && !l->at_entry && strcmp(v->name, "return")) {
		shape_value(l, sh, pretty ? "%s" : "0x%x",
			    lower_target(l, entry_variable(l, e, v->name)),
			    pretty ? 's' : 'l');
	} else if (!from_variable(l, e->at, v, &o)) {
		text_putc(&sh->format, '?');
	} else if (pretty) {
		shape_object(l, sh, &o, depth_of(pretty), true);
	} else {
		shape_value(l, sh, "0x%x", value_of(l, &o), 'l');
	}
}

/* $$vars $$parms $$locals $$return */
static void shape_context(struct lower *l, struct shape_of_text *sh,
			  const struct expr *e)
{
	const char *which = e->target->name;
	bool parms = strcmp(which, "locals"), locals = strcmp(which, "parms");
	struct lower seen = *l;
	struct variable *v;
	size_t i, n = 0;

	if (!strcmp(which, "return") && has_variables(l)) {
		v = l->is_return && !l->at_entry ?
			place_return(l->j->target, l->site->place) : NULL;
		if (v)
			shape_variable(l, sh, e, v);
		return;
	}
	if (strcmp(which, "vars") && locals && parms) {
		oops(l, e->at, E_UNKNOWN_VARIABLE, "no '$$%s' "
		     "(alternatives: $$vars $$parms $$locals $$return)", which);
		return;
	}
	if (!has_variables(l)) {
		no_variable(l, e->at, which);
		return;
	}
	see_entry(&seen);
	for (i = 0; (v = variable_at(&seen, i)); i++) {
		if (!(v->is_param ? parms : locals) || (l->is_return &&
							!v->is_param))
			continue;
		text_puts(&sh->format, n++ ? " " : "");
		shape_variable(l, sh, e, v);
	}
}

bool target_is_text(const struct expr *e)
{
	return e->kind == X_TARGET && (e->target->kind == TR_CONTEXT ||
				       e->target->pretty);
}

/* Is it of the entry, and has to be kept until the return? */
bool is_of_entry(const struct lower *l, const struct expr *e)
{
	return l->is_return && !l->at_entry && e->target->kind == TR_VAR &&
	       !is_return_value(e);
}

void shape_target(struct lower *l, struct shape_of_text *sh,
		  const struct expr *e)
{
	struct object o;

	if (e->target->kind == TR_CONTEXT)
		shape_context(l, sh, e);
	else if (is_of_entry(l, e))
		shape_value(l, sh, "%s", captured(l, e), 's');
	else if (find_object(l, e, &o))
		shape_object(l, sh, &o, depth_of(e->target->pretty), true);
}
