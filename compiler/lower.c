/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower.c - the waist: sites and typed AST to IR. In: j->sites, j->script,
 * j->target. Out: j->ir, finished (ir_finish). Each site's probe body is
 * lowered with what is known at that place; sites whose handlers come out
 * equal share one. Here: sites, handlers, functions, slots, statements.
 */
#include "lower.h"
#include "syscalls.h"

#include <string.h>

enum { EVENT_HZ = 1, EVENT_TARGET = 2 };		/* docs/stb-format.md, EVENTS: flags */
enum { MANY_SITES = 8 };	/* of one point: share one kprobe program */

struct hidden {			/* array of values kept from entry to return */
	const struct probe *probe;
	const char *text;	/* of the expression kept */
	int keyed_by;
	struct ir_global *map;
};
enum { BY_CTX, BY_STACK, BY_THREAD, BY_THREAD_AND_STACK };

enum { DWARF_RSP = 7 };

/* --- making statements ------------------------------------------------------- */

struct ir_opnd num_opnd(int64_t n)
{
	return (struct ir_opnd) { .kind = IR_NUM, .num = n };
}

struct ir_opnd slot_opnd(struct ir_slot *s)
{
	return (struct ir_opnd) { .kind = IR_SLOT, .slot = s };
}

struct ir_opnd text_opnd(struct lower *l, const char *s, size_t n)
{
	size_t most = l->ir->string_len - 1;

	return lit_opnd(s, n < most ? n : most);
}

struct ir_opnd lit_opnd(const char *s, size_t n)
{
	return (struct ir_opnd) { .kind = IR_LIT, .lit = s, .len = n };
}

struct ir_stmt *add(struct lower *l, enum ir_kind kind, struct span at)
{
	struct ir_stmt *s = NEW(l->mem, struct ir_stmt);

	s->kind = kind;
	s->at = at;
	s->err = -1;
	s->space = l->space;
	s->link = l->tail;
	*l->tail = s;
	l->tail = &s->next;
	return s;
}

struct ir_stmt *add_into(struct lower *l, enum ir_kind kind, struct span at,
			 struct ir_slot *dst)
{
	struct ir_stmt *s = add(l, kind, at);

	s->dst = dst;
	return s;
}

void add_move(struct lower *l, struct span at, struct ir_slot *dst,
	      struct ir_opnd a)
{
	if (a.kind == IR_SLOT && a.slot == dst)
		return;
	add_into(l, IR_MOVE, at, dst)->a = a;
}

struct ir_opnd add_bin(struct lower *l, struct span at, enum ir_op op,
		       struct ir_opnd a, struct ir_opnd b)
{
	struct ir_stmt *s = add_into(l, IR_BIN, at, temp_slot(l, IR_LONG));

	s->op = op;
	s->a = a;
	s->b = b;
	return read_once(l, s);
}

struct block enter(struct lower *l, struct ir_stmt **list)
{
	struct block back = { l->tail, l->known.n };

	l->tail = list;
	return back;
}

void leave(struct lower *l, struct block back)
{
	l->tail = back.tail;
	l->known.n = back.nknown;
}

static bool same_opnd(const struct ir_opnd *a, const struct ir_opnd *b)
{
	return a->kind == b->kind && a->num == b->num && a->slot == b->slot;
}

static bool same_read(const struct ir_stmt *a, const struct ir_stmt *b)
{
	return a->kind == b->kind && a->num == b->num && a->size == b->size &&
	       a->is_signed == b->is_signed && a->space == b->space &&
	       a->name == b->name && a->op == b->op &&
	       same_opnd(&a->a, &b->a) && same_opnd(&a->b, &b->b);
}

/* Can its value change in a run? */
static bool is_variable(const struct lower *l, const struct ir_opnd *o)
{
	const struct ir_slot *s = o->slot;
	size_t i;

	if (o->kind != IR_SLOT)
		return false;
	for (i = 0; i < l->vars.n; i++)
		if (l->vars.v[i]->lowered == s)
			return true;
	for (i = 0; l->ir_fn && i < l->ir_fn->nparams; i++)
		if (l->ir_fn->params[i] == s)
			return true;
	return false;
}

struct ir_opnd read_once(struct lower *l, struct ir_stmt *s)
{
	size_t i;

	if (is_variable(l, &s->a) || is_variable(l, &s->b))
		return slot_opnd(s->dst);
	for (i = l->known.n; i--;) {
		if (!same_read(l->known.v[i], s))
			continue;
		l->tail = s->link;
		*l->tail = NULL;
		return slot_opnd(l->known.v[i]->dst);
	}
	vec_push(l->mem, &l->known, s);
	return slot_opnd(s->dst);
}

int fault(struct lower *l, struct span at, const char *what, const char *args)
{
	struct text t = { .mem = l->mem }, place = { .mem = l->mem };
	size_t i;
	int id;

	if (at.src)
		span_describe(&place, at);
	text_printf(&t, "%s near ", what);
	for (i = 0; i < place.n; i++) {		/* operator '%' */
		if (place.s[i] == '%')
			text_putc(&t, '%');
		text_putc(&t, place.s[i]);
	}
	id = ir_format_id(l->mem, l->ir, t.s, t.n, args, IR_ERROR_MESSAGE);
	l->ir->formats.v[id].caught_len = strlen(what);
	return id;
}

/* --- slots --------------------------------------------------------------------- */

struct ir_slot *new_slot(struct lower *l, enum ir_type type, const char *name)
{
	struct ir_slot *s = NEW(l->mem, struct ir_slot);

	s->type = type;
	s->number = l->nslots++;
	s->name = name ? arena_printf(l->mem, "%s_%d", name, s->number) :
			 arena_printf(l->mem, "s%d", s->number);
	*l->slots_tail = s;
	l->slots_tail = &s->next;
	return s;
}

/* Strings are large: what one statement has for them is used by the next. */
struct ir_slot *temp_slot(struct lower *l, enum ir_type type)
{
	struct ir_slot *s = new_slot(l, type, NULL);

	if (type == IR_STRING)
		s->pool = ++l->nbusy;
	return s;
}

struct ir_slot *var_slot(struct lower *l, struct var *v)
{
	if (!v->lowered) {
		v->lowered = new_slot(l, v->type == T_STRING ? IR_STRING :
				      IR_LONG, v->name);
		vec_push(l->mem, &l->vars, v);
	}
	return v->lowered;
}

struct ir_global *global_of(struct lower *l, struct var *v)
{
	if (!v->lowered)
		bug("global '%s' was not declared", v->name);
	return v->lowered;
}

/* --- variables that are read before they are set -------------------------------- */

static bool uses(const struct ir_stmt *s, const struct ir_slot *slot)
{
	size_t i;

	if ((s->a.kind == IR_SLOT && s->a.slot == slot) ||
	    (s->b.kind == IR_SLOT && s->b.slot == slot))
		return true;
	for (i = 0; i < s->nargs; i++)
		if (s->args[i].kind == IR_SLOT && s->args[i].slot == slot)
			return true;
	if (!s->each)
		return false;
	for (i = 0; s->each->slice && i < s->global->nkeys; i++)
		if (s->each->slice[i].kind == IR_SLOT &&
		    s->each->slice[i].slot == slot)
			return true;
	return s->each->limit.kind == IR_SLOT && s->each->limit.slot == slot;
}

/* Written by the statement for its body or its catch block alone. */
static bool sets_inside(const struct ir_stmt *s, const struct ir_slot *slot)
{
	size_t i, n;

	if (s->kind == IR_TRY)
		return s->dst == slot;
	if (s->kind != IR_FOREACH)
		return false;
	n = s->each->over_buckets ? 1 : s->global->nkeys;
	for (i = 0; i < n; i++)
		if (s->each->keys[i] == slot)
			return true;
	return s->each->value == slot;
}

static size_t mentions(const struct ir_stmt *s, const struct ir_slot *slot)
{
	size_t n = 0;

	for (; s; s = s->next)
		n += uses(s, slot) + (s->dst == slot) + sets_inside(s, slot) +
		     mentions(s->body, slot) + mentions(s->other, slot);
	return n;
}

/* May the slot be read in the list before something in it wrote it? */
static bool needs_start(const struct ir_stmt *s, const struct ir_slot *slot)
{
	size_t all = mentions(s, slot), body, other;

	for (; s; s = s->next) {
		if (uses(s, slot))
			return true;
		body = mentions(s->body, slot);
		other = mentions(s->other, slot);
		if (sets_inside(s, slot))
			return all != 1 + (s->kind == IR_TRY) +
				      (s->kind == IR_TRY ? other : body);
		if (s->dst == slot)
			return false;
		if (!body && !other)
			continue;
		if (body == all)
			return needs_start(s->body, slot);
		if (other == all)
			return needs_start(s->other, slot);
		return true;
	}
	return false;
}

/* Puts `x = 0` in front for the variables that need it; forgets the slots. */
static struct ir_stmt *with_starts(struct lower *l, struct ir_stmt *body)
{
	struct ir_stmt *list = NULL;
	struct block back = enter(l, &list);
	size_t i;

	for (i = 0; i < l->vars.n; i++) {
		struct var *v = l->vars.v[i];
		struct ir_slot *s = v->lowered;

		if (needs_start(body, s))
			add_move(l, v->at, s, s->type == IR_LONG ?
				 num_opnd(0) : lit_opnd("", 0));
		v->lowered = NULL;
	}
	*l->tail = body;
	leave(l, back);
	return list;
}

/* --- statements ------------------------------------------------------------------ */

/*
 * Script statements on the shortest way, not going into inner loops: what runs
 * within SystemTap's MAXACTION, which counts as it goes, runs within ours.
 */
static int cost_of(const struct stmt *s)
{
	int n = 0, a, b;

	for (; s; s = s->next) {
		a = b = 0;
		if (s->kind == S_BLOCK || s->kind == S_IF || s->kind == S_TRY) {
			a = cost_of(s->body);
			b = cost_of(s->other);
		}
		n += s->kind == S_IF ? (a < b ? a : b) : a;
		n += s->kind != S_BLOCK && s->kind != S_EMPTY;
	}
	return n;
}

static void lower_if(struct lower *l, const struct stmt *s)
{
	struct block back;
	struct ir_stmt *st;
	struct ir_opnd cond;
	int64_t known;

	if (fold(l, s->e, &known)) {
		lower_stmts(l, known ? s->body : s->other);
		return;
	}
	cond = lower_expr(l, s->e);
	st = add(l, IR_IF, s->at);
	st->a = cond;
	back = enter(l, &st->body);
	lower_stmts(l, s->body);
	leave(l, back);
	back = enter(l, &st->other);
	lower_stmts(l, s->other);
	leave(l, back);
}

/* Leaves the loop (IR_BREAK) or the handler (IR_NEXT) unless e holds. */
static void leave_unless(struct lower *l, enum ir_kind how,
			 const struct expr *e)
{
	struct ir_stmt *st, *not;
	struct block back;
	struct ir_opnd cond;
	int64_t known;

	if (!e || (fold(l, e, &known) && known))
		return;
	cond = lower_expr(l, e);
	not = add_into(l, IR_UN, e->at, temp_slot(l, IR_LONG));
	not->op = IR_LNOT;
	not->a = cond;
	st = add(l, IR_IF, e->at);
	st->a = slot_opnd(not->dst);
	back = enter(l, &st->body);
	add(l, how, e->at);
	leave(l, back);
}

/* What SystemTap names when a loop takes too long: its body. */
static int too_long(struct lower *l, const struct stmt *loop)
{
	const struct stmt *body = loop->body;

	if (body && body->kind == S_BLOCK && body->body && !body->body->next)
		body = body->body;
	return fault(l, body ? body->at : loop->at, "MAXACTION exceeded", "");
}

static void lower_loop(struct lower *l, const struct stmt *s)
{
	struct block back;
	struct ir_stmt *st;

	if (s->init)
		lower_effect(l, s->init);
	st = add(l, IR_LOOP, s->at);
	st->cost = cost_of(s->body) + 1;
	st->err = too_long(l, s);
	back = enter(l, &st->body);
	leave_unless(l, IR_BREAK, s->e);
	lower_stmts(l, s->body);
	leave(l, back);
	if (!s->step)
		return;
	back = enter(l, &st->other);
	lower_effect(l, s->step);
	leave(l, back);
}

/*
 * A variable that a statement writes: its slot; where it is a global, a slot
 * for it, and *after gets the variable for store_after().
 */
static struct ir_slot *written_slot(struct lower *l, const struct expr *name,
				    enum ir_type type)
{
	if (!name || name->kind != X_NAME)
		return NULL;
	if (name->var->is_global)
		return new_slot(l, type, name->var->name);
	return var_slot(l, name->var);
}

static void store_global(struct lower *l, const struct expr *name,
			 struct ir_slot *slot)
{
	struct ir_stmt *st;

	if (!name || name->kind != X_NAME || !name->var->is_global)
		return;
	st = add(l, IR_SET, name->at);
	st->global = global_of(l, name->var);
	st->a = slot_opnd(slot);
}

static void foreach_source(struct lower *l, const struct expr *array,
			   struct ir_stmt *st)
{
	struct ir_foreach *e = st->each;
	const struct expr *k;
	size_t i = 0;

	if (array->kind == X_STAT) {
		e->over_buckets = true;
		stat_target(l, array, st);
		st->stat = (int)array->stat;
		return;
	}
	st->global = global_of(l, array->var);
	if (array->kind != X_INDEX)
		return;
	e->slice = NEW_ARRAY(l->mem, struct ir_opnd, st->global->nkeys);
	for (k = array->args; k && i < st->global->nkeys; k = k->next, i++)
		if (k->kind != X_ANY)
			e->slice[i] = lower_expr(l, k);
}

static void lower_foreach(struct lower *l, const struct stmt *s)
{
	const struct foreach *each = s->each;
	struct ir_stmt fore = { .each = NEW(l->mem, struct ir_foreach) }, *st;
	struct ir_foreach *e = fore.each;
	struct block back;
	const struct expr *k;
	size_t i = 0, n;

	foreach_source(l, each->array, &fore);
	n = e->over_buckets ? 1 : fore.global->nkeys;
	e->keys = NEW_ARRAY(l->mem, struct ir_slot *, n + 1);
	for (k = each->keys; k && i < n; k = k->next, i++)
		e->keys[i] = written_slot(l, k, e->over_buckets ? IR_LONG :
					  fore.global->keys[i]);
	e->value = written_slot(l, each->value, !e->over_buckets &&
				fore.global->value == IR_V_STRING ?
				IR_STRING : IR_LONG);
	e->sort_dir = e->over_buckets ? 0 : each->sort_dir;
	e->sort_key = each->sort_key;
	e->sort_stat = (int)each->sort_stat;
	if (each->limit)
		e->limit = lower_expr(l, each->limit);
	st = add(l, IR_FOREACH, s->at);
	st->each = e;
	st->global = fore.global;
	st->args = fore.args;
	st->nargs = fore.nargs;
	st->stat = fore.stat;
	st->cost = cost_of(s->body) + 1;
	st->err = too_long(l, s);
	back = enter(l, &st->body);
	for (k = each->keys, i = 0; k && i < n; k = k->next, i++)
		store_global(l, k, e->keys[i]);
	store_global(l, each->value, e->value);
	lower_stmts(l, s->body);
	leave(l, back);
}

/* delete a[k, *]: every element that fits. */
static void delete_slice(struct lower *l, const struct expr *e)
{
	struct ir_foreach *each = NEW(l->mem, struct ir_foreach);
	struct ir_stmt fore = { .each = each }, *st, *del;
	struct block back;
	size_t i, n;

	foreach_source(l, e, &fore);
	n = fore.global->nkeys;
	each->keys = NEW_ARRAY(l->mem, struct ir_slot *, n + 1);
	st = add(l, IR_FOREACH, e->at);
	st->each = each;
	st->global = fore.global;
	st->cost = 1;
	st->err = fault(l, e->at, "MAXACTION exceeded", "");
	back = enter(l, &st->body);
	del = add(l, IR_MAP_DEL, e->at);
	del->global = fore.global;
	del->args = NEW_ARRAY(l->mem, struct ir_opnd, n);
	del->nargs = n;
	for (i = 0; i < n; i++) {
		each->keys[i] = new_slot(l, fore.global->keys[i], "key");
		del->args[i] = slot_opnd(each->keys[i]);
	}
	leave(l, back);
}

static bool has_any(const struct expr *keys)
{
	for (; keys; keys = keys->next)
		if (keys->kind == X_ANY)
			return true;
	return false;
}

static void delete_scalar(struct lower *l, const struct expr *e)
{
	struct ir_opnd zero = e->var->type == T_STRING ? lit_opnd("", 0) :
							  num_opnd(0);
	struct ir_global *g;
	struct ir_stmt *st;

	if (!e->var->is_global) {
		add_move(l, e->at, var_slot(l, e->var), zero);
		return;
	}
	g = global_of(l, e->var);
	st = add(l, g->nkeys || g->value == IR_V_STAT ? IR_MAP_CLEAR : IR_SET,
		 e->at);
	st->global = g;
	if (st->kind == IR_SET)
		st->a = zero;
}

static void lower_delete(struct lower *l, const struct stmt *s)
{
	const struct expr *e = s->e;
	struct ir_opnd *args;
	struct ir_stmt *st;

	if (e->kind == X_NAME) {
		delete_scalar(l, e);
	} else if (e->kind != X_INDEX) {
		complain(l->j, e->at, E_NOT_LVALUE,
			 "delete wants a variable or an array element");
	} else if (has_any(e->args)) {
		delete_slice(l, e);
	} else {
		args = lower_args(l, e->args, e->nargs, NULL);
		st = add(l, IR_MAP_DEL, e->at);
		st->global = global_of(l, e->var);
		st->args = args;
		st->nargs = e->nargs;
	}
}

static void lower_try(struct lower *l, const struct stmt *s)
{
	struct ir_stmt *st = add(l, IR_TRY, s->at);
	struct block back;

	st->dst = written_slot(l, s->caught, IR_STRING);
	back = enter(l, &st->body);
	lower_stmts(l, s->body);
	leave(l, back);
	back = enter(l, &st->other);
	store_global(l, s->caught, st->dst);
	lower_stmts(l, s->other);
	leave(l, back);
}

static void lower_return(struct lower *l, const struct stmt *s)
{
	struct ir_opnd value = { 0 };

	if (!l->ir_fn) {
		complain(l->j, s->at, E_MISPLACED,
			 "return is for functions; next ends a probe");
		return;
	}
	if (s->e && l->ir_fn->has_result)
		value = lower_expr(l, s->e);
	else if (s->e)
		lower_effect(l, s->e);
	add(l, IR_RETURN, s->at)->a = value;
}

/* `next` in a function: returns what the next candidate does with what this
   one was called with. */
static void lower_next(struct lower *l, const struct stmt *s)
{
	struct ir_function *fn = l->ir_fn;
	struct ir_opnd value = { 0 };
	struct ir_slot **now;
	struct var *v;
	struct ir_stmt *st;
	size_t i;

	if (!s->e) {
		st = add(l, IR_RAISE, s->at);
		st->err = fault(l, s->at, "all functions exhausted", "");
		st->arg_types = "";
		return;
	}
	now = NEW_ARRAY(l->mem, struct ir_slot *, fn->nparams + 1);
	for (v = l->function->params, i = 0; v; v = v->next, i++) {
		now[i] = v->lowered;
		v->lowered = fn->params[i];
	}
	if (fn->has_result)
		value = lower_expr(l, s->e);
	else
		lower_effect(l, s->e);
	add(l, IR_RETURN, s->at)->a = value;
	for (v = l->function->params, i = 0; v; v = v->next, i++)
		v->lowered = now[i];
}

/* A flat switch over every kind of statement. */
static void lower_stmt(struct lower *l, const struct stmt *s)
{
	switch (s->kind) {
	case S_BLOCK:
		lower_stmts(l, s->body);
		return;
	case S_EXPR:
		if (!sets_meaning(s->e))
			lower_effect(l, s->e);
		return;
	case S_IF:
		lower_if(l, s);
		return;
	case S_WHILE: case S_FOR:
		lower_loop(l, s);
		return;
	case S_FOREACH:
		lower_foreach(l, s);
		return;
	case S_BREAK:
		add(l, IR_BREAK, s->at);
		return;
	case S_CONTINUE:
		add(l, IR_CONTINUE, s->at);
		return;
	case S_NEXT:
		if (l->ir_fn)
			lower_next(l, s);
		else
			add(l, IR_NEXT, s->at);
		return;
	case S_RETURN:
		lower_return(l, s);
		return;
	case S_DELETE:
		lower_delete(l, s);
		return;
	case S_TRY:
		lower_try(l, s);
		return;
	case S_EMPTY:
		return;
	}
	bug("statement %d", s->kind);
}

void lower_stmts(struct lower *l, const struct stmt *s)
{
	unsigned busy = l->nbusy;

	for (; s; s = s->next) {
		lower_stmt(l, s);
		l->nbusy = busy;
	}
}

/* --- functions -------------------------------------------------------------------- */

static void start(struct lower *l, struct lowering *all)
{
	*l = (struct lower) { .all = all, .j = all->j, .mem = all->mem,
			      .ir = all->ir };
	l->slots_tail = &l->slots;
	l->captures_tail = &l->captures;
	l->bin = all->j->target ? target_kernel(all->j->target) : NULL;
	l->space = IR_KERNEL_MEM;
}

void look_from_function(struct lower *l, struct lowering *all,
			const struct function *f)
{
	start(l, all);
	l->quiet = true;
	l->function = f;
	l->body = f->body;
}

struct finding {
	const struct var *var;
	bool found;
};

static void find_write(const struct expr *e, void *arg)
{
	struct finding *f = arg;

	if ((e->kind == X_ASSIGN || e->kind == X_INCDEC) &&
	    e->a->kind == X_NAME && e->a->var == f->var)
		f->found = true;
}

bool writes_loop_variable(const struct stmt *s, const struct var *v)
{
	const struct expr *k;

	for (; s; s = s->next) {
		for (k = s->each ? s->each->keys : NULL; k; k = k->next)
			if (k->var == v)
				return true;
		if ((s->each && s->each->value && s->each->value->var == v) ||
		    (s->caught && s->caught->var == v) ||
		    (s->kind == S_DELETE && s->e->var == v))
			return true;
		if (writes_loop_variable(s->body, v) ||
		    writes_loop_variable(s->other, v))
			return true;
	}
	return false;
}

static bool writes_var(const struct stmt *body, const struct var *v)
{
	struct finding f = { v, false };

	walk_stmts(body, find_write, &f);
	return f.found || writes_loop_variable(body, v);
}

static bool has_next(const struct stmt *s)
{
	for (; s; s = s->next)
		if (s->kind == S_NEXT || has_next(s->body) ||
		    has_next(s->other))
			return true;
	return false;
}

/* String parameters are the caller's, and `next` passes on what the function
   got: one that is written gets a copy. */
static void add_params(struct lower *l, struct ir_function *fn,
		       const struct function *f)
{
	struct ir_slot *copy;
	struct var *v;
	size_t i = 0;

	fn->params = NEW_ARRAY(l->mem, struct ir_slot *, f->nparams + 1);
	for (v = f->params; v; v = v->next)
		fn->params[i++] = new_slot(l, v->type == T_STRING ? IR_STRING :
					   IR_LONG, v->name);
	fn->nparams = i;
	for (v = f->params, i = 0; v; v = v->next, i++) {
		v->lowered = fn->params[i];
		if ((v->type != T_STRING && !has_next(f->body)) ||
		    !writes_var(f->body, v))
			continue;
		copy = new_slot(l, fn->params[i]->type, v->name);
		add_move(l, v->at, copy, slot_opnd(fn->params[i]));
		v->lowered = copy;
	}
}

static bool ends_in_return(const struct ir_stmt *s)
{
	while (s && s->next)
		s = s->next;
	return s && s->kind == IR_RETURN;
}

/* Overloads get a number: f, f__2. */
static const char *function_name(struct lower *l, const struct function *f)
{
	const struct function *g;
	int n = 1;

	for (g = l->j->script->functions; g && g != f; g = g->next)
		n += !strcmp(g->name, f->name);
	return n == 1 ? f->name : arena_printf(l->mem, "%s__%d", f->name, n);
}

struct ir_function *function_of(struct lower *l, struct function *f)
{
	struct ir_function *fn = f->lowered;
	struct lower in;

	if (fn)
		return fn;
	f->lowered = fn = NEW(l->mem, struct ir_function);
	fn->name = function_name(l, f);
	fn->at = f->at;
	fn->has_result = !f->is_void && f->type != T_UNKNOWN;
	fn->result = f->type == T_STRING ? IR_STRING : IR_LONG;
	fn->recursive = f->is_recursive;
	fn->may_look = f->may_look;
	start(&in, l->all);
	in.function = f;
	in.ir_fn = fn;
	in.body = f->body;
	in.tail = &fn->body;
	add_params(&in, fn, f);
	if (f->c_body)
		lower_c_function(&in, fn, f);
	lower_stmts(&in, f->body);
	if (fn->has_result && f->body && !ends_in_return(fn->body))
		add(&in, IR_RETURN, f->at)->a = fn->result == IR_STRING ?
			lit_opnd("", 0) : num_opnd(0);
	fn->body = with_starts(&in, fn->body);
	fn->slots = in.slots;
	fn->nslots = in.nslots;
	*l->all->functions_tail = fn;
	l->all->functions_tail = &fn->next;
	return fn;
}

/* --- from entry to return ------------------------------------------------------------ */

static int keyed_by(const struct lower *l)
{
	if (l->prog == IR_FEXIT || l->prog == IR_FENTRY)
		return BY_CTX;
	if (l->prog == IR_SYSCALL)
		return BY_THREAD;
	return l->space == IR_USER_MEM ? BY_THREAD_AND_STACK : BY_STACK;
}

/* Copies of one probe, for several aliases. */
static bool same_written(const struct probe *a, const struct probe *b)
{
	return a->at.src == b->at.src && a->at.off == b->at.off;
}

static struct ir_global *hidden_map(struct lower *l, const struct expr *e,
				    const char *text)
{
	struct lowering *all = l->all;
	struct ir_global *g;
	struct hidden *h;
	size_t i;

	for (i = 0; i < all->hidden.n; i++) {
		h = all->hidden.v[i];
		if ((l->prog == IR_SYSCALL ? same_written(h->probe,
		     l->site->probe) : h->probe == l->site->probe) &&
		    h->keyed_by == keyed_by(l) &&
		    !strcmp(h->text, text))
			return h->map;
	}
	g = NEW(l->mem, struct ir_global);
	g->at = e->at;
	g->hidden = true;
	g->value = e->type == T_STRING ? IR_V_STRING : IR_V_LONG;
	g->nkeys = keyed_by(l) == BY_THREAD_AND_STACK ? 2 : 1;
	g->keys = NEW_ARRAY(l->mem, enum ir_type, g->nkeys);
	g->max_entries = l->ir->max_entries;
	h = NEW(l->mem, struct hidden);
	*h = (struct hidden) { l->site->probe, text, keyed_by(l), g };
	vec_push(l->mem, &all->hidden, h);
	return g;
}

/* Joins the program when a handler that uses it is kept. */
static void declare_hidden(struct lower *l, struct ir_global *g)
{
	if (g->name)
		return;
	g->name = arena_printf(l->mem, "entry%d", l->all->nhidden++);
	*l->all->globals_tail = g;
	l->all->globals_tail = &g->next;
}

struct ir_opnd captured(struct lower *l, const struct expr *e)
{
	struct text t = { .mem = l->mem };
	struct capture *c;

	dump_expr(&t, e);
	for (c = l->captures; c; c = c->next)
		if (!strcmp(c->text, t.s))
			return slot_opnd(c->value);
	c = NEW(l->mem, struct capture);
	c->e = e;
	c->text = t.s;
	c->map = hidden_map(l, e, t.s);
	c->value = new_slot(l, e->type == T_STRING ? IR_STRING : IR_LONG,
			    "entry");
	*l->captures_tail = c;
	l->captures_tail = &c->next;
	return slot_opnd(c->value);
}

/*
 * The stack pointer, and which site it is: a function that ends in a jump to
 * another has the same stack pointer as that one. Addresses of the kernel's
 * stacks differ below their top 16 bits, those of programs have none there.
 */
static struct ir_opnd stack_key(struct lower *l, struct span at)
{
	struct ir_stmt *st = add_into(l, IR_REG, at, temp_slot(l, IR_LONG));
	struct ir_opnd sp = slot_opnd(st->dst);

	st->num = DWARF_RSP;
	if (l->at_entry)	/* the return address is still on the stack */
		sp = add_bin(l, at, IR_ADD, sp, num_opnd(8));
	if (!l->cookie)
		return sp;
	st = add_into(l, IR_COOKIE, at, temp_slot(l, IR_LONG));
	return add_bin(l, at, IR_OR, add_bin(l, at, IR_SHL, sp, num_opnd(16)),
		       slot_opnd(st->dst));
}

/* What is the same at the entry and the return of one call, and of no other
   that is going on. */
static struct ir_opnd *call_key(struct lower *l, struct span at, size_t *n)
{
	struct ir_opnd *key = NEW_ARRAY(l->mem, struct ir_opnd, 2);
	struct ir_stmt *st;

	*n = 0;
	if (keyed_by(l) == BY_CTX) {
		st = add_into(l, IR_CTX, at, temp_slot(l, IR_LONG));
		key[(*n)++] = slot_opnd(st->dst);
		return key;
	}
	if (keyed_by(l) >= BY_THREAD) {
		st = add_into(l, IR_CALL, at, temp_slot(l, IR_LONG));
		st->name = "tid";
		st->arg_types = "";
		st->where = IR_IN_KERNEL | IR_IN_LOADER;
		key[(*n)++] = slot_opnd(st->dst);
	}
	if (keyed_by(l) != BY_THREAD)
		key[(*n)++] = stack_key(l, at);
	return key;
}

/* A call that was going on when the session began, whose entry was skipped, or
   that another process made (fork's child returns, too), has nothing kept: its
   return is nobody's. A number that is not 0 was kept, which spares the look. */
static void leave_unseen(struct lower *l, struct ir_opnd *key, size_t n)
{
	struct span at = l->captures->e->at;
	struct ir_stmt *s, *in;
	struct block zero, back;

	if (l->captures->value->type == IR_LONG) {
		s = add(l, IR_IF, at);
		s->a = slot_opnd(l->captures->value);
		zero = enter(l, &s->other);
	}
	in = add_into(l, IR_MAP_IN, at, temp_slot(l, IR_LONG));
	in->global = l->captures->map;
	in->args = key;
	in->nargs = n;
	s = add(l, IR_IF, at);
	s->a = slot_opnd(in->dst);
	back = enter(l, &s->other);
	add(l, IR_NEXT, at);
	leave(l, back);
	if (l->captures->value->type == IR_LONG)
		leave(l, zero);
}

/* In front of a return handler's body: the values kept, taken out. */
static struct ir_stmt *with_captures(struct lower *l, struct ir_stmt *body)
{
	struct ir_stmt *list = NULL, *st;
	struct block back;
	struct ir_opnd *key;
	struct capture *c;
	size_t n;

	if (!l->captures)
		return body;
	back = enter(l, &list);
	key = call_key(l, l->captures->e->at, &n);
	for (c = l->captures; c; c = c->next) {
		st = add_into(l, IR_MAP_GET, c->e->at, c->value);
		st->global = c->map;
		st->args = key;
		st->nargs = n;
		if (c == l->captures)
			leave_unseen(l, key, n);
		st = add(l, IR_MAP_DEL, c->e->at);
		st->global = c->map;
		st->args = key;
		st->nargs = n;
	}
	*l->tail = body;
	leave(l, back);
	return list;
}

/* The body of the handler at the entry: what the one at the return wants. */
static void lower_captures(struct lower *l, struct capture *c)
{
	struct ir_opnd *key, value;
	struct ir_stmt *st;
	size_t n;

	key = call_key(l, c->e->at, &n);
	for (; c; c = c->next) {
		value = lower_expr(l, c->e);
		st = add(l, IR_MAP_SET, c->e->at);
		st->global = c->map;
		st->args = key;
		st->nargs = n;
		st->a = value;
		st->err = fault(l, c->e->at,
				"too many calls at once for @entry, check "
				"MAXMAPENTRIES", "");
	}
}

/* --- handlers ---------------------------------------------------------------------------- */

static int build_of(struct lower *l, const struct binary *b)
{
	struct ir_build build = { .path = b->name, .id_len = b->id.len,
				  .is_module = b->kind == BIN_MODULE };
	size_t i;

	memcpy(build.id, b->id.bytes, sizeof(build.id));
	for (i = 0; i < l->ir->builds.n; i++)
		if (!strcmp(l->ir->builds.v[i].path, b->name) &&
		    !memcmp(l->ir->builds.v[i].id, build.id,
			    sizeof(build.id)) &&
		    l->ir->builds.v[i].is_module == build.is_module)
			return (int)i;
	vec_push(l->mem, &l->ir->builds, build);
	return (int)i;
}

static enum ir_attach attach_of(const struct lower *l)
{
	bool ret = l->is_return && !l->at_entry;

	switch (l->prog) {
	case IR_LOADER:
		return IR_AT_NONE;
	case IR_FENTRY:
		return IR_AT_FENTRY;
	case IR_FEXIT:
		return IR_AT_FEXIT;
	case IR_RAW_TP:
		return l->site->attach == AT_TASKS ? IR_AT_TASKS : IR_AT_RAW_TP;
	case IR_PERF_EVENT:
		return IR_AT_PERF_EVENT;
	case IR_NETFILTER:
		return IR_AT_NETFILTER;
	case IR_SYSCALL:
		return ret ? IR_AT_SYS_EXIT : IR_AT_SYS_ENTER;
	case IR_KPROBE:
		if (l->space == IR_USER_MEM)
			return ret ? IR_AT_URETPROBE : IR_AT_UPROBE;
		return ret ? IR_AT_KRETPROBE : IR_AT_KPROBE;
	}
	bug("program %d", l->prog);
}

static const struct ir_event *event_of(struct lower *l)
{
	const struct site_event *from = l->site->event;
	struct ir_event *e;

	if (!from)
		return NULL;
	e = NEW(l->mem, struct ir_event);
	e->type = from->type;
	e->flags = (from->per_second ? EVENT_HZ : 0) |
		   (from->of_target ? EVENT_TARGET : 0);
	e->config = from->config;
	e->rate = from->rate;
	e->access = from->access;
	e->length = from->length;
	return e;
}

static void trace_site(struct lower *l, const struct tracepoint *tp,
		       struct ir_site *s)
{
	s->symbol = tp->name;
	if (tp->bin->kind != BIN_MODULE)
		return;
	s->build = build_of(l, tp->bin);
	s->in_module = true;
}

static struct ir_site *new_site(struct lower *l)
{
	struct ir_site *s = NEW(l->mem, struct ir_site);
	const struct place *p = l->place;
	const struct func *f;

	s->name = l->site->name;
	s->attach = attach_of(l);
	s->build = -1;
	s->maxactive = l->site->maxactive;
	s->cookie = l->cookie;
	s->optional = l->site->point && l->site->point->optional;
	s->event = event_of(l);
	if (s->event) {
		s->addr = l->site->event->addr;
		s->by_address = l->site->event->is_linked;
		if (l->site->event->of) {
			s->build = build_of(l, l->site->event->of);
			s->offset = target_start(l->site->event->of);
			s->in_tasks = true;
		}
	}
	if (l->site->tp)
		trace_site(l, l->site->tp, s);
	s->compat = l->site->is_compat;
	s->at_end = ends_task(l->site);
	if (l->site->call) {
		s->calls = l->site->call->numbers[s->compat].v;
		s->ncalls = l->site->call->numbers[s->compat].n;
	}
	if (l->site->absolute) {
		s->addr = l->site->absolute;
		s->by_address = s->is_absolute = s->within = true;
	}
	if (!p)
		return s;
	if (p->func->bin->kind == BIN_MODULE) {
		s->build = build_of(l, p->func->bin);
		s->in_module = true;
		if (!target_anchor(l->j->target, p->func->bin, p->addr,
				   &s->symbol, &s->offset))
			bug("%s has no anchor", s->name);
		return s;
	}
	s->addr = p->addr;
	if (p->func->bin->kind == BIN_PROGRAM) {
		s->build = build_of(l, p->func->bin);
		s->offset = p->file_offset;
		s->semaphore = l->site->semaphore;
		return s;
	}
	f = p->code ? p->code : p->func;
	s->symbol = f->linkage;
	if (p->code) {
		s->addr = f->addr;
		s->offset = p->addr - f->addr;
	}
	s->by_address = p->addr && (!p->code || !f->is_unique);
	s->within = p->when == AT_PC;
	return s;
}

static enum ir_when when_of(enum attach attach)
{
	return attach == AT_BEGIN ? IR_BEGIN : attach == AT_END ? IR_END :
	       attach == AT_ERROR ? IR_ERROR :
	       attach == AT_FILE_READ ? IR_READ :
	       attach == AT_FILE_WRITE ? IR_WRITE : IR_TIMER;
}

/* What is kept: it, or an equal one that there is. */
static struct ir_handler *keep_handler(struct lower *l, struct ir_stmt *body)
{
	struct ir_handler *h = NEW(l->mem, struct ir_handler);

	h->at = l->site->probe->at;
	h->prog = l->prog;
	h->body = body;
	h->slots = l->slots;
	h->nslots = l->nslots;
	h->user_regs = l->space == IR_USER_MEM;
	h->task_arg = forks_task(l->site);
	if (l->prog == IR_FENTRY || l->prog == IR_FEXIT) {
		h->btf_id = l->place->func->btf_id;
		h->nargs_btf = l->place->func->btf_nargs;
	}
	if (l->site->attach == AT_TASKS)
		h->btf_id = target_task_iterator(l->j->target);
	if (l->prog != IR_LOADER) {
		h->sites = new_site(l);
		h->sites_tail = &h->sites->next;
	}
	if (!l->at_entry)
		cover_site(l->j, l->site, l->prog == IR_LOADER ? "loader" :
			   ir_attach_name(h->sites->attach));
	if (l->prog != IR_LOADER)
		return keep_shared(l->all, h);
	h->order = l->site->order;
	h->period_ns = l->site->timer_ns;
	h->random_ns = l->site->timer_random_ns;
	h->when = when_of(l->site->attach);
	if (l->site->file)
		h->file = (struct ir_file) { l->site->file->path,
			l->site->file->mode, l->site->file->max_size };
	return keep_shared(l->all, h);
}

static void start_site(struct lower *l, struct lowering *all,
		       struct site *site, enum ir_prog prog)
{
	start(l, all);
	l->site = site;
	l->prog = prog;
	l->is_return = site->is_return;
	l->place = site->place;
	l->body = site->probe->body;
	l->cookie = all->cookie;
	l->many = all->many && (prog == IR_KPROBE || prog == IR_SYSCALL);
	if (site->is_user)
		l->space = IR_USER_MEM;
	if (site->place)
		l->bin = site->place->func->bin;
	else if (site->tp)
		l->bin = site->tp->bin;
	else if (site->event && site->event->of)
		l->bin = site->event->of;
}

void look_from_site(struct lower *l, struct lowering *all, struct site *site)
{
	start_site(l, all, site, site->attach == AT_NETFILTER ? IR_NETFILTER :
		   site->tp ? IR_RAW_TP : site->place || site->absolute ?
		   IR_KPROBE : site->event ? IR_PERF_EVENT : site->attach ==
		   AT_SYSCALL ? IR_SYSCALL : IR_LOADER);
	l->quiet = true;
}

/* The handler at the entry of a return site that wants values kept; *body
   stays NULL where none are. */
static bool lower_entry_side(struct lowering *all, const struct lower *ret,
			     struct lower *l, struct ir_stmt **body)
{
	const struct syscall *call = ret->site->call;

	*body = NULL;
	if (!ret->captures || (call && call->result == '-'))
		return true;
	start_site(l, all, ret->site, ret->prog == IR_FEXIT ? IR_FENTRY :
		   ret->prog);
	l->at_entry = true;
	if (l->place)
		l->place = target_place(l->j->target, l->place->func,
					AT_ENTRY);
	l->tail = body;
	leave_other_tasks(l);
	lower_captures(l, ret->captures);
	*body = with_starts(l, *body);
	return !l->needs_regs;
}

/* First of all, and of globals as they are: whether the point is armed. */
static void leave_at_condition(struct lower *l)
{
	l->peeking = l->prog != IR_LOADER || l->is_condition;
	leave_unless(l, IR_NEXT, l->site->point->condition);
	l->peeking = false;
}

/*
 * A handler of the loader that says whether the condition of h's sites holds:
 * those are detached where it does not. All system calls are one site, which is
 * not.
 */
static void guard(struct lowering *all, struct site *site,
		  struct ir_handler *h)
{
	const struct expr *e = site->point ? site->point->condition : NULL;
	struct ir_stmt *body = NULL, *st;
	struct ir_handler *c;
	struct lower l;

	if (!e || all->ir->module || h->guarded || h->prog == IR_LOADER || h->prog == IR_SYSCALL)
		return;
	start_site(&l, all, site, IR_LOADER);
	l.is_condition = true;
	l.tail = &body;
	leave_at_condition(&l);
	st = add(&l, IR_CALL, e->at);
	st->name = "armed";
	st->arg_types = "";
	st->where = IR_IN_LOADER;
	c = NEW(all->mem, struct ir_handler);
	c->at = site->probe->at;
	c->body = with_starts(&l, body);
	c->slots = l.slots;
	c->nslots = l.nslots;
	c->when = IR_CONDITION;
	c->guards = h;
	h->guarded = true;
	keep_shared(all, c);
}

/* false: this kind of program will not do, and nothing was kept. */
static bool lower_with(struct lowering *all, struct site *site,
		       enum ir_prog prog)
{
	struct ir_stmt *body = NULL, *entry_body;
	struct lower l, entry;
	struct capture *c;

	start_site(&l, all, site, prog);
	if (prog == IR_SYSCALL)
		find_meanings(site->probe->body);
	l.tail = &body;
	leave_other_callers(&l);
	leave_other_tasks(&l);
	leave_other_texts(&l);
	if (site->point)
		leave_at_condition(&l);
	lower_stmts(&l, site->probe->body);
	body = with_starts(&l, body);
	body = with_captures(&l, body);
	if (l.needs_regs && prog != IR_FENTRY && prog != IR_FEXIT)
		return complain(all->j, l.regs_at, E_MISPLACED,
				"registers are known in probes of functions "
				"alone");
	if (l.needs_regs)
		return false;
	if (!lower_entry_side(all, &l, &entry, &entry_body))
		return prog == IR_FENTRY || prog == IR_FEXIT ? false :
		       complain(all->j, entry.regs_at, E_MISPLACED,
				"registers are known in probes of functions "
				"alone");
	for (c = l.captures; c; c = c->next)
		declare_hidden(&l, c->map);
	if (entry_body)
		guard(all, site, keep_handler(&entry, entry_body));
	guard(all, site, keep_handler(&l, body));
	return true;
}

/* A system call's number is its place in the table, in whichever probe. */
static void number_call(struct lowering *all, const struct site *site)
{
	const struct probe *pr = site->probe;
	size_t i, n = 0;

	all->cookie = site->call ? site->call->id : 0;
	if (all->numbered == pr)
		return;
	all->numbered = pr;
	for (i = 0; i < all->j->sites.n && n <= MANY_SITES; i++) {
		n += all->j->sites.v[i]->attach == AT_SYSCALL &&
			same_written(all->j->sites.v[i]->probe, pr);
	}
	all->many = n > MANY_SITES;
}

/* Sites get numbers where returns are to be told from others of the probe,
   and where many share a handler. */
static void number_site(struct lowering *all, const struct site *site)
{
	size_t i, n = 0;

	if (site->attach == AT_SYSCALL) {
		number_call(all, site);
		return;
	}
	if (all->numbered == site->probe) {
		all->cookie += all->cookie != 0;
		return;
	}
	all->numbered = site->probe;
	for (i = 0; i < all->j->sites.n; i++)
		n += all->j->sites.v[i]->probe == site->probe;
	all->many = n > MANY_SITES;
	all->cookie = all->many || (n > 1 && site->is_return);
}

/* May the trampolines of BPF call the handler, with arguments by number? */
static bool may_use_fentry(struct lowering *all, const struct site *site,
			   size_t nsites)
{
	const struct kernel_features *k = target_features(all->j->target);
	const struct func *f = site->place ? site->place->func : NULL;

	return f && !all->ir->module && !site->no_variables &&
	       !all->sees_frames && k->fentry &&
	       f->traceable &&
	       f->btf_id &&
	       f->btf_nargs >= 0 && f->btf_nargs <= 6 &&
	       site->place->when != AT_PC && nsites <= MANY_SITES;
}

static void lower_kernel_site(struct lowering *all, struct site *site,
			      size_t nsites)
{
	const struct kernel_features *k = target_features(all->j->target);

	if (may_use_fentry(all, site, nsites) &&
	    lower_with(all, site, site->is_return ? IR_FEXIT : IR_FENTRY))
		return;
	if (!k->kprobes)
		complain(all->j, site->point->at, E_ENGINE,
			 "%s cannot be probed: kernel %s has no kprobes, and "
			 "fentry will not do here", site->name,
			 target_name(all->j->target));
	else
		lower_with(all, site, IR_KPROBE);
}

static void lower_site(struct lowering *all, struct site *site, size_t nsites)
{
	cover_point(all->j, site->point);
	number_site(all, site);
	switch (site->attach) {
	case AT_NEVER:
		return;
	case AT_BEGIN: case AT_END: case AT_ERROR: case AT_TIMER:
	case AT_FILE_READ: case AT_FILE_WRITE:
		lower_with(all, site, IR_LOADER);
		return;
	case AT_KPROBE: case AT_KRETPROBE: case AT_FENTRY: case AT_FEXIT:
		lower_kernel_site(all, site, nsites);
		return;
	case AT_RAW_TP: case AT_TASKS:
		lower_with(all, site, IR_RAW_TP);
		return;
	case AT_PERF_EVENT:
		lower_with(all, site, IR_PERF_EVENT);
		return;
	case AT_NETFILTER:
		lower_with(all, site, IR_NETFILTER);
		return;
	case AT_SYSCALL:
		lower_with(all, site, IR_SYSCALL);
		return;
	case AT_UPROBE: case AT_URETPROBE:
		lower_with(all, site, IR_KPROBE);
		return;
	}
	bug("attach %d", site->attach);
}

/* --- the pass --------------------------------------------------------------------------------- */

bool lower_probes(struct job *j)
{
	struct lowering all = { .j = j, .mem = &j->mem };
	size_t i, n, k;
	struct var *v;

	j->ir = all.ir = NEW(&j->mem, struct ir);
	all.ir->mem = &j->mem;
	all.ir->module = j->engine == ENGINE_MODULE;
	all.globals_tail = &all.ir->globals;
	all.functions_tail = &all.ir->functions;
	all.handlers_tail = &all.ir->handlers;
	init_limits(all.ir, &j->opt->limits);
	find_groups(&all);
	all.sees_frames = frames_seen(j);
	for (v = j->script->globals; v; v = v->next)
		declare_global(&all, v);
	for (i = 0; i < j->sites.n; i += n) {
		for (n = 1; i + n < j->sites.n && j->sites.v[i + n]->point ==
		     j->sites.v[i]->point; n++)
			;
		for (k = i; k < i + n; k++)
			lower_site(&all, j->sites.v[k], n);
	}
	cover_point(j, NULL);
	lower_c_blocks(&all);
	limit_nesting(all.ir, &j->opt->limits);
	find_task_members(&all);
	track_tasks(&all);
	all.ir->task_status = j->syscalls ? target_compat_status(j->target) : 0;
	if (j->opt->privilege == PRIVILEGE_STAPUSR)
		lower_own(j, &all.ir->own);
	return !j->errors && ir_finish(j, all.ir);
}

void dump_ir(struct job *j, FILE *out)
{
	ir_print(j->ir, out);
}
