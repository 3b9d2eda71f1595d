/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_pretty.c - text of target variables, as SystemTap has it: $x$, $x$$,
 * $$vars, $$parms, $$locals, $$return.
 *
 * What cannot be read makes the text of its variable "ERROR"; the address of
 * what should be a string stands for it. Where the loader formats, both are
 * groups of the format, told by a number which of two texts it is; where the
 * handler formats, the text is made within `try`.
 */
#include "lower_target.h"

#include <string.h>

enum { MAX_SHOWN = 32 };	/* as many values as SystemTap shows of one */

/* One $x$ being put together. */
struct pretty {
	struct shape_of_text *sh;
	bool deep;		/* $x$$ */
	unsigned n;		/* values so far */
	struct ir_slot *text;	/* where the handler formats: what it has, */
	struct ir_slot *piece;	/* and the next piece of it */
};

enum { MAX_HELD = 6 };		/* values of a piece: they lie on the stack */

static bool is_char(const struct ctype *t)
{
	return t && t->size == 1 &&
		(t->kind == TY_CHAR ||
		 (t->kind == TY_INT && t->name && strstr(t->name, "char")));
}

/* --- what is tried ------------------------------------------------------------- */

static bool may_fault(const struct ir_stmt *s)
{
	for (; s; s = s->next)
		if (s->err >= 0 ||
		    (s->kind != IR_TRY && may_fault(s->body)) ||
		    may_fault(s->other))
			return true;
	return false;
}

static bool writes(const struct ir_stmt *s, const struct ir_slot *slot)
{
	for (; s; s = s->next)
		if (s->dst == slot || writes(s->body, slot) ||
		    writes(s->other, slot))
			return true;
	return false;
}

/* try { list } catch { the values of sh that it makes are none; flag = 1 } */
static void add_try(struct lower *l, struct span at, struct ir_stmt *list,
		    const struct shape_of_text *sh, struct ir_slot *flag)
{
	struct ir_stmt *s;
	struct block back;
	size_t i;

	add_move(l, at, flag, num_opnd(0));
	s = add(l, IR_TRY, at);
	s->body = list;
	back = enter(l, &s->other);
	add_move(l, at, flag, num_opnd(1));
	for (i = 0; i < sh->args.n; i++) {
		struct ir_opnd *o = &sh->args.v[i];

		if (o->kind != IR_SLOT || !writes(list, o->slot))
			continue;
		add_move(l, at, o->slot, o->slot->type == IR_LONG ?
			 num_opnd(0) : lit_opnd("", 0));
	}
	leave(l, back);
}

static void append(struct lower *l, struct ir_stmt *list)
{
	*l->tail = list;
	while (*l->tail)
		l->tail = &(*l->tail)->next;
}

static void splice(struct lower *l, struct shape_of_text *to,
		   const struct shape_of_text *from)
{
	size_t i;

	text_add(&to->format, from->format.s, from->format.n);
	text_puts(&to->types, from->types.s);
	for (i = 0; i < from->args.n; i++)
		vec_push(l->mem, &to->args, from->args.v[i]);
}

/* --- strings ------------------------------------------------------------------- */

/* dst = the string at a; flag: there is none. */
static void try_string(struct lower *l, struct span at, struct ir_opnd a,
		       struct ir_opnd n, enum ir_space space,
		       struct ir_slot *dst, struct ir_slot *flag)
{
	struct ir_stmt *s = add(l, IR_TRY, at);
	struct block back = enter(l, &s->body);

	load_string(l, at, a, n, space, dst);
	leave(l, back);
	back = enter(l, &s->other);
	if (space == IR_KERNEL_MEM) {	/* ... or of the program */
		try_string(l, at, a, n, IR_USER_MEM, dst, flag);
	} else {
		add_move(l, at, flag, num_opnd(1));
		add_move(l, at, dst, lit_opnd("", 0));
	}
	leave(l, back);
}

static void add_format(struct lower *l, struct span at, const char *format,
		       struct ir_opnd o, struct ir_slot *dst)
{
	struct shape_of_text sh;

	shape_init(l, &sh);
	sh.early = true;
	shape_value(l, &sh, format, o,
		    o.kind == IR_SLOT && o.slot->type == IR_STRING ? 's' : 'l');
	add_move(l, at, dst, shape_string(l, &sh, at, dst));
}

static void shape_chars(struct lower *l, struct pretty *p,
			const struct object *o, struct ir_opnd a, uint64_t max)
{
	struct ir_slot *dst = temp_slot(l, IR_STRING), *text;
	struct ir_slot *flag = temp_slot(l, IR_LONG);
	struct ir_opnd n = { 0 };
	struct block back;
	struct ir_stmt *s;

	p->n++;
	if (max > 1 && max < l->ir->string_len)
		n = num_opnd((int64_t)max);
	add_move(l, o->at, flag, num_opnd(0));
	try_string(l, o->at, a, n, o->space, dst, flag);
	if (!p->sh->early) {
		shape_value(l, p->sh, "%(", slot_opnd(flag), 'l');
		shape_value(l, p->sh, "%Q", slot_opnd(dst), 's');
		shape_value(l, p->sh, "%:0x%x%)", a, 'l');
		return;
	}
	text = temp_slot(l, IR_STRING);
	s = add(l, IR_IF, o->at);
	s->a = slot_opnd(flag);
	back = enter(l, &s->body);
	add_format(l, o->at, "0x%x", a, text);
	leave(l, back);
	back = enter(l, &s->other);
	add_format(l, o->at, "\"%s\"", slot_opnd(dst), text);
	leave(l, back);
	shape_value(l, p->sh, "%s", slot_opnd(text), 's');
}

/* --- types --------------------------------------------------------------------- */

static void shape_object(struct lower *l, struct pretty *p,
			 const struct object *o, bool top);

static void shape_number(struct lower *l, struct pretty *p,
			 const char *directive, struct ir_opnd v)
{
	shape_value(l, p->sh, directive, v, 'l');
	p->n++;
}

/* Of what the handler formats: text .= what was put together since. */
static void shape_piece(struct lower *l, struct pretty *p, struct span at)
{
	struct shape_of_text *sh = p->sh;
	struct ir_opnd v;
	struct ir_stmt *s;
	bool hold = sh->hold;

	if (!p->text) {
		p->text = temp_slot(l, IR_STRING);
		p->piece = temp_slot(l, IR_STRING);
		add_move(l, at, p->text, shape_string(l, sh, at, p->text));
	} else {
		v = shape_string(l, sh, at, p->piece);
		s = add_into(l, IR_CAT, at, p->text);
		s->a = slot_opnd(p->text);
		s->b = v;
	}
	shape_init(l, sh);
	sh->hold = hold;
	sh->early = true;
}

static void shape_members(struct lower *l, struct pretty *p,
			  const struct object *o)
{
	struct text *f = &p->sh->format;
	struct object in;
	struct member m;
	size_t i;

	for (i = 0; type_member_at(o->type, i, &m); i++) {
		text_puts(f, i ? ", " : "");
		if (p->n >= MAX_SHOWN) {
			text_puts(f, "...");
			return;
		}
		if (p->sh->early && p->sh->args.n >= MAX_HELD)
			shape_piece(l, p, o->at);
		in = *o;
		in.type = m.type;
		in.bits = m.bit_size;
		if (o->as == AS_MEMORY) {
			in.offset += (int64_t)m.offset;
			in.bit_at = m.bit_offset;
		} else {
			in.bit_at += (unsigned)m.offset * 8 + m.bit_offset;
		}
		if (m.name)
			text_printf(f, ".%s=", m.name);
		else
			text_puts(f, m.type->kind == TY_UNION ? "<union>=" :
				  "<class>=");
		shape_object(l, p, &in, false);
	}
}

static void shape_struct(struct lower *l, struct pretty *p,
			 const struct object *o, bool top)
{
	struct member m;

	text_putc(&p->sh->format, '{');
	if ((top || p->deep) && (o->type->size ||
				 type_member_at(o->type, 0, &m)))
		shape_members(l, p, o);
	else
		text_puts(&p->sh->format, "...");
	text_putc(&p->sh->format, '}');
}

/* The first element stands for all, of all dimensions. */
static void shape_array(struct lower *l, struct pretty *p,
			const struct object *o, bool top)
{
	struct ctype *of = o->type->to;
	struct object in = *o;

	while (of && of->kind == TY_ARRAY)
		of = of->to;
	if (!top && !p->deep) {
		text_puts(&p->sh->format, "[...]");
	} else if (o->as != AS_MEMORY || !of) {
		text_putc(&p->sh->format, '?');
	} else if (is_char(of)) {
		shape_chars(l, p, o, address_of(l, o), o->type->count);
	} else {
		in.type = of;
		text_putc(&p->sh->format, '[');
		shape_object(l, p, &in, false);
		text_puts(&p->sh->format, ", ...]");
	}
}

/* At the top it is what it points to; of numbers, alas, its own value. */
static void shape_pointer(struct lower *l, struct pretty *p,
			  const struct object *o, bool top)
{
	struct object to = *o;

	if (is_char(o->type->to)) {
		shape_chars(l, p, o, value_of(l, o), 0);
		return;
	}
	if (!top || !o->type->to || o->type->to->kind == TY_VOID) {
		shape_number(l, p, "0x%x", value_of(l, o));
		return;
	}
	switch (o->type->to->kind) {
	case TY_FUNC:
		shape_number(l, p, "<function>:0x%x", value_of(l, o));
		return;
	case TY_INT: case TY_CHAR: case TY_BOOL: case TY_ENUM: case TY_FLOAT:
		shape_number(l, p, o->type->to->is_signed ||
			     o->type->to->kind == TY_BOOL ? "%d" : "%u",
			     value_of(l, o));
		return;
	case TY_VOID: case TY_POINTER: case TY_ARRAY: case TY_STRUCT:
	case TY_UNION: case TY_OTHER:
		follow(l, &to);
		shape_object(l, p, &to, true);
		return;
	}
}

/* A byte as a character; where the handler formats, all but print in octal. */
static void shape_char(struct lower *l, struct pretty *p, struct ir_opnd v)
{
	struct ir_slot *text;
	struct ir_opnd odd, digit;
	struct shape_of_text sh;
	struct block back;
	struct ir_stmt *s;
	struct span at = { 0 };
	int shift;

	if (!p->sh->early) {
		shape_number(l, p, "'%#c'", v);
		return;
	}
	text = temp_slot(l, IR_STRING);
	v = add_bin(l, at, IR_AND, v, num_opnd(255));
	odd = add_bin(l, at, IR_ADD, v, num_opnd(-' '));
	odd = add_bin(l, at, IR_ULE, num_opnd('~' - ' ' + 1), odd);
	s = add(l, IR_IF, at);
	s->a = odd;
	back = enter(l, &s->body);
	shape_init(l, &sh);
	sh.early = true;
	for (shift = 6; shift >= 0; shift -= 3) {
		digit = add_bin(l, at, IR_USHR, v, num_opnd(shift));
		digit = add_bin(l, at, IR_AND, digit, num_opnd(7));
		shape_value(l, &sh, shift == 6 ? "'\\%u" : "%u", digit, 'l');
	}
	add_move(l, at, text, shape_string(l, &sh, at, text));
	leave(l, back);
	back = enter(l, &s->other);
	add_format(l, at, "'%c", v, text);
	leave(l, back);
	shape_value(l, p->sh, "%s'", slot_opnd(text), 's');
	p->n++;
}

static void shape_object(struct lower *l, struct pretty *p,
			 const struct object *o, bool top)
{
	const struct ctype *t = o->type;

	switch (t->kind) {
	case TY_POINTER:
		shape_pointer(l, p, o, top);
		return;
	case TY_ARRAY:
		shape_array(l, p, o, top);
		return;
	case TY_STRUCT: case TY_UNION:
		shape_struct(l, p, o, top);
		return;
	case TY_CHAR: case TY_INT: case TY_BOOL: case TY_ENUM:
		if (t->size > 8)
			text_putc(&p->sh->format, '?');
		else if (is_char(t) && !o->bits)
			shape_char(l, p, value_of(l, o));
		else
			shape_number(l, p, t->is_signed || t->kind == TY_BOOL ?
				     "%d" : "%u", value_of(l, o));
		return;
	case TY_VOID: case TY_FLOAT: case TY_FUNC: case TY_OTHER:
		text_putc(&p->sh->format, '?');
		return;
	}
}

/* --- one variable ---------------------------------------------------------------- */

/* What makes the object, and then its text, into sh. */
struct subject {
	const struct expr *e;		/* a path, or */
	const struct variable *v;	/* a variable, or */
	const struct object *kept;	/* what is there already */
};

static bool shape_subject(struct lower *l, struct pretty *p,
			  const struct subject *of)
{
	struct object o;

	if (of->kept) {
		shape_object(l, p, of->kept, true);
		return true;
	}
	if (of->v ? !from_variable(l, of->e->at, of->v, &o) :
	    !find_object(l, of->e, &o))
		return false;
	shape_object(l, p, &o, true);
	if (p->text)
		shape_piece(l, p, of->e->at);
	return true;
}

/* The text made here, as one string. */
static void shape_now(struct lower *l, struct shape_of_text *sh,
		      struct span at, const struct pretty *p,
		      struct ir_stmt *list)
{
	struct ir_slot *text = p->text ? p->text : temp_slot(l, IR_STRING);
	struct ir_stmt *s = add(l, IR_TRY, at);
	struct block back;
	struct ir_stmt **end = &s->body;

	s->body = list;
	while (*end)
		end = &(*end)->next;
	back = enter(l, end);
	if (!p->text)
		add_move(l, at, text, shape_string(l, p->sh, at, text));
	leave(l, back);
	back = enter(l, &s->other);
	add_move(l, at, text, lit_opnd("ERROR", 5));
	leave(l, back);
	shape_value(l, sh, "%s", slot_opnd(text), 's');
}

/* What p->sh has put together in list, ERROR where that faults, into sh. */
static void shape_tried(struct lower *l, struct shape_of_text *sh,
			struct span at, const struct pretty *p,
			struct ir_stmt *list)
{
	struct ir_slot *flag;

	if (!may_fault(list) && !p->text) {
		append(l, list);
		splice(l, sh, p->sh);
	} else if (sh->early) {
		shape_now(l, sh, at, p, list);
	} else {
		flag = temp_slot(l, IR_LONG);
		add_try(l, at, list, p->sh, flag);
		shape_value(l, sh, arena_printf(l->mem, "%%.%u(",
			    (unsigned)l->ir->string_len - 1),
			    slot_opnd(flag), 'l');
		splice(l, sh, p->sh);
		text_puts(&sh->format, "%:ERROR%)");
	}
}

static void shape_begin(struct lower *l, struct shape_of_text *part,
			const struct shape_of_text *of)
{
	shape_init(l, part);
	part->early = of->early;
	part->hold = of->hold;
}

static bool shape_pretty(struct lower *l, struct shape_of_text *sh,
			 const struct subject *of, int pretty)
{
	struct shape_of_text part;
	struct pretty p = { .sh = &part, .deep = pretty > 1 };
	struct ir_stmt *list = NULL;
	struct block back = enter(l, &list);
	bool ok;

	shape_begin(l, &part, sh);
	ok = shape_subject(l, &p, of);
	leave(l, back);
	shape_tried(l, sh, of->e->at, &p, list);
	return ok;
}

/* May it be that it cannot be read? What lies in the function's frame can. */
static bool is_unsure(const struct loc *loc)
{
	bool has_register = false;
	size_t i;

	for (i = 0; i < loc->nsteps; i++) {
		if (loc->steps[i].op == L_LOAD)
			return true;
		has_register |= loc->steps[i].op == L_REG;
	}
	return loc->kind == LOC_MEMORY && !has_register;
}

static bool shape_plain(struct lower *l, struct shape_of_text *sh,
			const struct expr *e, const struct variable *v)
{
	struct shape_of_text part;
	struct pretty p = { .sh = &part };
	struct ir_stmt *list = NULL;
	struct ir_opnd n = { 0 };
	struct object o;
	struct block back = { 0 };
	bool unsure = is_unsure(&v->loc), ok;

	if (unsure) {
		shape_begin(l, &part, sh);
		back = enter(l, &list);
	}
	ok = from_variable(l, e->at, v, &o);
	if (ok)
		n = value_of(l, &o);
	ok = ok && !l->failed;
	if (ok)
		shape_value(l, unsure ? &part : sh, "0x%x", n, 'l');
	if (unsure)
		leave(l, back);
	if (unsure && ok)
		shape_tried(l, sh, e->at, &p, list);
	return ok;
}

/* --- all of them ------------------------------------------------------------------ */

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

/* NAME=VALUE, quietly "?" where there is none. */
static void shape_variable(struct lower *l, struct shape_of_text *sh,
			   const struct expr *e, struct variable *v)
{
	struct subject of = { .e = e, .v = v };
	int pretty = e->target->pretty;
	bool quiet = l->quiet, failed = l->failed, ok = true;
	struct object o;

	text_printf(&sh->format, "%s=", v->name);
	if (!pretty && v->type && (v->type->kind == TY_STRUCT ||
				   v->type->kind == TY_UNION)) {
		text_puts(&sh->format, "{...}");
		return;
	}
	if (!pretty && v->type && v->type->kind == TY_ARRAY) {
		text_puts(&sh->format, "[...]");
		return;
	}
	if (v->loc.kind == LOC_ABSENT || !v->type ||
	    (!pretty && !is_number(v->type))) {
		text_putc(&sh->format, '?');
		return;
	}
	if (l->is_return && !l->at_entry && pretty &&
	    v->type->kind != TY_POINTER && kept_argument(l, e->at, v, &o)) {
		of.kept = &o;
		shape_pretty(l, sh, &of, pretty);
		return;
	}
	if (l->is_return && !l->at_entry && strcmp(v->name, "return")) {
		shape_value(l, sh, pretty ? "%s" : "0x%x",
			    lower_target(l, entry_variable(l, e, v->name)),
			    pretty ? 's' : 'l');
		return;
	}
	l->quiet = true;
	l->failed = false;
	ok = pretty ? shape_pretty(l, sh, &of, pretty) :
		      shape_plain(l, sh, e, v);
	ok = ok && !l->failed;
	l->quiet = quiet;
	l->failed = failed;
	if (!ok)
		text_putc(&sh->format, '?');
}

/* $$name and $$provider of a marker; false: it is none of them. */
static bool shape_given(struct lower *l, struct shape_of_text *sh,
			const char *which)
{
	const struct given *g = l->site ? l->site->given : NULL;
	const char *s;

	s = !g ? NULL : !strcmp(which, "name") ? g->name :
	    !strcmp(which, "provider") ? g->provider : NULL;
	if (s)
		shape_text(sh, s, strlen(s));
	return s != NULL;
}

/* $$name and $$system of a tracepoint; false: it is none of them. */
static bool shape_tracepoint(struct lower *l, struct shape_of_text *sh,
			     const char *which)
{
	const struct tracepoint *tp = l->site ? l->site->tp : NULL;
	const char *s;

	if (!tp || l->prog != IR_RAW_TP)
		return false;
	s = !strcmp(which, "name") ? tp->name :
	    !strcmp(which, "system") ? tp->system : NULL;
	if (s)
		shape_text(sh, s, strlen(s));
	return s != NULL;
}

/* $$vars $$parms $$locals $$return, $$name $$system */
static void shape_context(struct lower *l, struct shape_of_text *sh,
			  const struct expr *e)
{
	const char *which = e->target->name;
	bool parms = strcmp(which, "locals"), locals = strcmp(which, "parms");
	struct lower seen = *l;
	struct variable *v;
	size_t i, n = 0;

	if (shape_tracepoint(l, sh, which) || shape_given(l, sh, which))
		return;
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
		if (!(v->is_param ? parms : locals))
			continue;
		text_puts(&sh->format, n++ ? " " : "");
		text_puts(&sh->format, l->site && l->site->given ? "$" : "");
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
	struct subject of = { .e = e };

	if (e->target->kind == TR_CONTEXT)
		shape_context(l, sh, e);
	else if (is_of_entry(l, e))
		shape_value(l, sh, "%s", captured(l, e), 's');
	else
		shape_pretty(l, sh, &of, e->target->pretty);
}
