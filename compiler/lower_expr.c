/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_expr.c - expressions to operands. Left before right; && || ?: only as
 * far as needed; what is known at compile time leaves no statements, so that
 * code behind @defined of what is not there is never looked at.
 */
#include "lower_target.h"
#include "syscalls.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- known at compile time ------------------------------------------------------ */

static bool fold_binary(enum op op, int64_t a, int64_t b, int64_t *v)
{
	uint64_t ua = (uint64_t)a, ub = (uint64_t)b;

	switch (op) {
	case OP_ADD: *v = (int64_t)(ua + ub); return true;
	case OP_SUB: *v = (int64_t)(ua - ub); return true;
	case OP_MUL: *v = (int64_t)(ua * ub); return true;
	case OP_DIV:
		if (!b)
			return false;
		*v = b == -1 ? (int64_t)-ua : a / b;
		return true;
	case OP_MOD:
		if (!b)
			return false;
		*v = b == -1 ? 0 : a % b;
		return true;
	case OP_SHL: *v = (int64_t)(ua << (ub & 63)); return true;
	case OP_SHR: *v = a >> (ub & 63); return true;
	case OP_USHR: *v = (int64_t)(ua >> (ub & 63)); return true;
	case OP_AND: *v = a & b; return true;
	case OP_OR: *v = a | b; return true;
	case OP_XOR: *v = a ^ b; return true;
	case OP_LT: *v = a < b; return true;
	case OP_LE: *v = a <= b; return true;
	case OP_GT: *v = a > b; return true;
	case OP_GE: *v = a >= b; return true;
	case OP_EQ: *v = a == b; return true;
	case OP_NE: *v = a != b; return true;
	case OP_NONE: case OP_ANDAND: case OP_OROR: case OP_CAT: case OP_STAT:
	case OP_NEG: case OP_NOT: case OP_BITNOT: case OP_PLUS:
	case OP_PREINC: case OP_PREDEC: case OP_POSTINC: case OP_POSTDEC:
	case OP_MATCH: case OP_NOMATCH: case OP_KERNEL: case OP_USER:
		return false;
	}
	return false;
}

/* "a" == "a": names of probes compared with literals, mostly. */
static bool fold_strings(struct lower *l, const struct expr *e, int64_t *v)
{
	const char *a, *b;
	size_t an, bn;
	int order;

	a = fold_string(l, e->a, &an);
	b = a ? fold_string(l, e->b, &bn) : NULL;
	if (!b)
		return false;
	order = memcmp(a, b, an < bn ? an : bn);
	if (!order)
		order = an < bn ? -1 : an > bn;
	return fold_binary(e->op, order, 0, v);
}

static bool fold_pair(struct lower *l, const struct expr *e, int64_t *v)
{
	int64_t a, b;

	if (e->a->type == T_STRING || e->b->type == T_STRING)
		return fold_strings(l, e, v);
	if (!fold(l, e->a, &a))
		return false;
	if ((e->op == OP_ANDAND && !a) || (e->op == OP_OROR && a)) {
		*v = e->op == OP_OROR;
		return true;
	}
	if (!fold(l, e->b, &b))
		return false;
	if (e->op == OP_ANDAND || e->op == OP_OROR) {
		*v = b != 0;
		return true;
	}
	return fold_binary(e->op, a, b, v);
}

static bool fold_unary(struct lower *l, const struct expr *e, int64_t *v)
{
	int64_t a;

	if (!fold(l, e->a, &a))
		return false;
	if (e->op == OP_NEG)
		*v = (int64_t)-(uint64_t)a;
	else if (e->op == OP_NOT)
		*v = !a;
	else
		*v = e->op == OP_BITNOT ? ~a : a;
	return true;
}

/* @const("NAME"), @const("42") */
static bool fold_const(struct lower *l, const struct expr *e, int64_t *v)
{
	char *end;

	*v = strtoll(e->str, &end, 0);
	if (*e->str && !*end)
		return true;
	return l->bin && target_enum(l->j->target, l->bin, e->str, v);
}

/* Of what is no target variable SystemTap says that it is not, too. */
static bool is_defined(struct lower *l, const struct expr *e)
{
	int64_t unused;

	if (e->kind == X_ENTRY)
		return is_defined(l, e->a);
	if (e->kind == X_CONST || e->kind == X_ENUM)
		return fold_const(l, e, &unused);
	return e->kind == X_TARGET && target_is_defined(l, e);
}

bool fold(struct lower *l, const struct expr *e, int64_t *v)
{
	int64_t cond;

	if (e->kind == X_NUMBER) {
		*v = e->num;
		return true;
	}
	if (e->kind == X_UNARY)
		return fold_unary(l, e, v);
	if (e->kind == X_MATCH)
		return fold_match(l, e, v);
	if (e->kind == X_BINARY)
		return fold_pair(l, e, v);
	if (e->kind == X_TERNARY && fold(l, e->a, &cond))
		return fold(l, cond ? e->b : e->c, v);
	if (e->kind == X_DEFINED) {
		*v = is_defined(l, e->a);
		return true;
	}
	if (e->kind == X_CONST || e->kind == X_ENUM)
		return fold_const(l, e, v);
	return false;
}

static const char *function_name(const struct lower *l)
{
	if (l->site->place)
		return l->site->place->func->name;
	if (l->site->call)
		return arena_printf(l->mem, "sys_%s",
				    l->site->call->kernel);
	return l->site->tp ? l->site->tp->name : l->site->name;
}

/* symname(addr()): of a place without registers, that of 0. NULL: it is another
   at each hit. */
static const char *symbol_name(const struct lower *l)
{
	const struct place *p = l->site->place;

	if (l->prog == IR_PERF_EVENT)
		return NULL;
	if (l->prog == IR_SYSCALL && l->site->call)
		return arena_printf(l->mem, "__x64_sys_%s",
				    l->site->call->name);
	return !p ? "0x0" : p->func->bin->kind == BIN_PROGRAM ? p->func->name :
	       p->code ? p->code->linkage : p->func->linkage;
}

/* NULL: SystemTap does not know it either. */
static const char *module_of_site(const struct lower *l)
{
	const struct place *p = l->site->place;

	return p && p->func->bin->kind != BIN_PROGRAM ? p->func->bin->name :
							NULL;
}

/* pp() and the like, which a site knows; NULL: another function. */
static const char *name_of_site(struct lower *l, const struct expr *e)
{
	const char *name = e->builtin->name;
	struct text t = { .mem = l->mem };

	if (!l->site)
		return NULL;
	if (!strcmp(name, "pp"))
		return l->site->name;
	if (!strcmp(name, "__syscall_name") && l->prog == IR_SYSCALL)
		return !l->site->call ? "" : l->site->by_alias ?
			l->site->call->name : l->site->call->real;
	if (!strcmp(name, "ppfunc"))
		return function_name(l);
	if (!strcmp(name, "probefunc"))
		return symbol_name(l);
	if (!strcmp(name, "probemod"))
		return module_of_site(l);
	if (strcmp(name, "pn") || !l->site->point)
		return NULL;
	dump_point(&t, l->site->point);
	return t.s;
}

/* The table of this name of the sites of the probe; new ones at the end. */
static size_t table_of_names(struct lower *l, const char *what)
{
	/* calls have the same numbers in all probes */
	struct site_names new = { l->prog == IR_SYSCALL ? NULL :
				  l->site->probe, what };
	struct ir_names names = { .cap = 1 };
	size_t i;

	for (i = 0; i < l->all->names.n; i++)
		if (l->all->names.v[i].probe == new.probe &&
		    !strcmp(l->all->names.v[i].what, what))
			return i;
	vec_push(l->mem, &l->all->names, new);
	vec_push(l->mem, &l->ir->names, names);
	return i;
}

/* A name that the handler looks up when it runs: many sites share it. */
static struct ir_opnd look_up_name(struct lower *l, const struct expr *e,
				   const char *name)
{
	/* of a call they differ by these alone */
	size_t table = table_of_names(l, l->prog == IR_SYSCALL ?
			arena_printf(l->mem, "%s%s%s", e->builtin->name,
				     l->site->by_alias ? "" : " of any",
				     l->is_return ? ".return" : "") :
			e->builtin->name);
	struct ir_names *n = &l->ir->names.v[table];
	struct ir_stmt *s;

	while (n->v.n <= l->cookie)
		vec_push(l->mem, &n->v, "");
	n->v.v[l->cookie] = name;
	if (n->cap < strlen(name) + 1)
		n->cap = (uint32_t)strlen(name) + 1;
	s = add_into(l, IR_SITE_NAME, e->at, temp_slot(l, IR_STRING));
	s->num = (int64_t)table;
	return slot_opnd(s->dst);
}

/* The table of names that a literal lists, with commas between. */
static size_t table_of_list(struct lower *l, const char *list)
{
	struct site_names new = { NULL, list };
	struct ir_names names = { .cap = 1 };
	size_t i, n;

	for (i = 0; i < l->all->names.n; i++)
		if (!l->all->names.v[i].probe &&
		    !strcmp(l->all->names.v[i].what, list))
			return i;
	vec_push(l->mem, &l->all->names, new);
	vec_push(l->mem, &names.v, "");
	for (;; list += n + 1) {
		n = strcspn(list, ",");
		vec_push(l->mem, &names.v, arena_strndup(l->mem, list, n));
		if (names.cap < n + 1)
			names.cap = (uint32_t)n + 1;
		if (!list[n])
			break;
	}
	vec_push(l->mem, &l->ir->names, names);
	return i;
}

struct ir_opnd listed_name(struct lower *l, struct span at, struct ir_opnd n,
			   const char *list)
{
	struct ir_stmt *s = add_into(l, IR_SITE_NAME, at,
				     temp_slot(l, IR_STRING));

	s->num = (int64_t)table_of_list(l, list);
	s->a = n;
	return slot_opnd(s->dst);
}

/* __name_of(n, "a,b,c"): the tapsets' own. */
static struct ir_opnd name_of_number(struct lower *l, const struct expr *e)
{
	struct ir_opnd n = lower_expr(l, e->args);
	const char *list;
	size_t len;

	list = fold_string(l, e->args->next, &len);
	if (!list) {
		complain(l->j, e->args->next->at, E_UNSUPPORTED,
			 "the list must be a literal");
		return lit_opnd("", 0);
	}
	return listed_name(l, e->at, n, list);
}

const char *fold_string(struct lower *l, const struct expr *e, size_t *len)
{
	const char *s = NULL;
	int64_t cond;

	if (e->kind == X_STRING) {
		*len = e->len;
		return e->str;
	}
	if (e->kind == X_NAME && e->var->meaning)
		return fold_string(l, e->var->meaning, len);
	if (e->kind == X_TERNARY && fold(l, e->a, &cond))
		return fold_string(l, cond ? e->b : e->c, len);
	if (e->kind == X_CALL && e->builtin && !l->many)
		s = name_of_site(l, e);
	if (s)
		*len = strlen(s);
	return s;
}

/* --- order ------------------------------------------------------------------------ */

static void find_change(const struct expr *e, void *arg)
{
	if ((e->kind == X_ASSIGN || e->kind == X_INCDEC) &&
	    e->a->kind == X_NAME && !e->a->var->is_global)
		*(bool *)arg = true;
}

bool changes_locals(const struct expr *e)
{
	bool found = false;

	walk_expr(e, find_change, &found);
	return found;
}

/* o as it is now, whatever `behind` does to the variable that it is. */
static struct ir_opnd held(struct lower *l, struct ir_opnd o,
			   const struct expr *behind)
{
	struct ir_slot *copy;

	if (o.kind != IR_SLOT || !changes_locals(behind))
		return o;
	copy = temp_slot(l, o.slot->type);
	add_move(l, behind->at, copy, o);
	return slot_opnd(copy);
}

/* Where to put a result: `want`, or a new slot where want is an operand. */
static struct ir_slot *result(struct lower *l, enum ir_type type,
			      struct ir_slot *want, const struct ir_opnd *args,
			      size_t n)
{
	size_t i;

	if (!want || want->type != type)
		return temp_slot(l, type);
	for (i = 0; type == IR_STRING && i < n; i++)
		if (args[i].kind == IR_SLOT && args[i].slot == want)
			return temp_slot(l, type);
	return want;
}

struct ir_opnd *lower_args(struct lower *l, const struct expr *args,
			   size_t n, const char **types)
{
	struct ir_opnd *v = NEW_ARRAY(l->mem, struct ir_opnd, n + 1);
	struct text t = { .mem = l->mem };
	const struct expr *a, *b;
	size_t i = 0;

	text_puts(&t, "");
	for (a = args; a && i < n; a = a->next, i++) {
		v[i] = lower_expr(l, a);
		for (b = a->next; b; b = b->next)
			v[i] = held(l, v[i], b);
		text_putc(&t, a->type == T_STRING ? 's' : 'l');
	}
	if (types)
		*types = t.s;
	return v;
}

static enum ir_type type_of(const struct expr *e)
{
	return e->type == T_STRING ? IR_STRING : IR_LONG;
}

/* --- operators ---------------------------------------------------------------------- */

enum ir_op binary_op(enum op op)
{
	switch (op) {
	case OP_ADD: return IR_ADD;
	case OP_SUB: return IR_SUB;
	case OP_MUL: return IR_MUL;
	case OP_DIV: return IR_DIV;
	case OP_MOD: return IR_MOD;
	case OP_SHL: return IR_SHL;
	case OP_SHR: return IR_SHR;
	case OP_USHR: return IR_USHR;
	case OP_AND: return IR_AND;
	case OP_OR: return IR_OR;
	case OP_XOR: return IR_XOR;
	case OP_LT: return IR_LT;
	case OP_LE: return IR_LE;
	case OP_GT: return IR_GT;
	case OP_GE: return IR_GE;
	case OP_EQ: return IR_EQ;
	case OP_NE: return IR_NE;
	case OP_NONE: case OP_ANDAND: case OP_OROR: case OP_CAT: case OP_STAT:
	case OP_NEG: case OP_NOT: case OP_BITNOT: case OP_PLUS:
	case OP_PREINC: case OP_PREDEC: case OP_POSTINC: case OP_POSTDEC:
	case OP_MATCH: case OP_NOMATCH: case OP_KERNEL: case OP_USER:
		break;
	}
	bug("operator %d", op);
}

struct ir_opnd arithmetic(struct lower *l, struct span at, enum ir_op op,
			  struct ir_opnd a, struct ir_opnd b,
			  struct ir_slot *want)
{
	struct ir_stmt *s;

	s = add_into(l, IR_BIN, at, result(l, IR_LONG, want, NULL, 0));
	s->op = op;
	s->a = a;
	s->b = b;
	if ((op == IR_DIV || op == IR_MOD) &&
	    !(b.kind == IR_NUM && b.num))
		s->err = fault(l, at, "division by 0", "");
	return slot_opnd(s->dst);
}

static struct ir_opnd concat(struct lower *l, struct span at, struct ir_opnd a,
			     struct ir_opnd b, struct ir_slot *want)
{
	struct ir_stmt *s;

	if (a.kind == IR_LIT && !a.len)
		return b;
	if (b.kind == IR_LIT && !b.len)
		return a;
	s = add_into(l, IR_CAT, at, result(l, IR_STRING, want, &b, 1));
	s->a = a;
	s->b = b;
	return slot_opnd(s->dst);
}

/* Is it 0 or 1 as it is? */
static bool is_truth(const struct expr *e)
{
	return (e->kind == X_BINARY && ((e->op >= OP_LT && e->op <= OP_NE) ||
		e->op == OP_ANDAND || e->op == OP_OROR)) ||
	       (e->kind == X_UNARY && e->op == OP_NOT) || e->kind == X_IN;
}

/* dst = e != 0 */
static void assign_truth(struct lower *l, const struct expr *e,
			 struct ir_slot *dst)
{
	struct ir_opnd v;

	if (is_truth(e)) {
		lower_assign(l, e, dst);
		return;
	}
	v = lower_expr(l, e);
	if (v.kind == IR_NUM) {
		add_move(l, e->at, dst, num_opnd(v.num != 0));
		return;
	}
	arithmetic(l, e->at, IR_NE, v, num_opnd(0), dst);
}

static struct ir_opnd short_circuit(struct lower *l, const struct expr *e)
{
	struct ir_slot *dst = temp_slot(l, IR_LONG);
	struct block back;
	struct ir_stmt *s;
	int64_t known;

	if (fold(l, e->a, &known)) {	/* the right side decides */
		assign_truth(l, e->b, dst);
		return slot_opnd(dst);
	}
	assign_truth(l, e->a, dst);
	s = add(l, IR_IF, e->at);
	s->a = slot_opnd(dst);
	back = enter(l, e->op == OP_ANDAND ? &s->body : &s->other);
	assign_truth(l, e->b, dst);
	leave(l, back);
	return slot_opnd(dst);
}

static struct ir_opnd lower_binary(struct lower *l, const struct expr *e,
				   struct ir_slot *want)
{
	struct ir_opnd a, b;
	struct ir_stmt *s;

	if (e->op == OP_ANDAND || e->op == OP_OROR)
		return short_circuit(l, e);
	a = held(l, lower_expr(l, e->a), e->b);
	b = lower_expr(l, e->b);
	if (e->op == OP_CAT)
		return concat(l, e->at, a, b, want);
	if (e->a->type != T_STRING)
		return arithmetic(l, e->at, binary_op(e->op), a, b, want);
	s = add_into(l, IR_STRCMP, e->at, result(l, IR_LONG, want, NULL, 0));
	s->op = binary_op(e->op);
	s->a = a;
	s->b = b;
	return slot_opnd(s->dst);
}

static struct ir_opnd lower_unary(struct lower *l, const struct expr *e,
				  struct ir_slot *want)
{
	struct ir_opnd a = lower_expr(l, e->a);
	struct ir_stmt *s;

	if (e->op == OP_PLUS)
		return a;
	s = add_into(l, IR_UN, e->at, result(l, IR_LONG, want, NULL, 0));
	s->op = e->op == OP_NEG ? IR_NEG : e->op == OP_NOT ? IR_LNOT : IR_NOT;
	s->a = a;
	return slot_opnd(s->dst);
}

static struct ir_opnd lower_ternary(struct lower *l, const struct expr *e,
				    struct ir_slot *want)
{
	struct block back;
	struct ir_stmt *s;
	struct ir_slot *dst;
	struct ir_opnd cond;
	int64_t known;

	if (fold(l, e->a, &known))
		return lower_into(l, known ? e->b : e->c, want);
	cond = lower_expr(l, e->a);
	dst = result(l, type_of(e), want, NULL, 0);
	s = add(l, IR_IF, e->at);
	s->a = cond;
	back = enter(l, &s->body);
	lower_assign(l, e->b, dst);
	leave(l, back);
	back = enter(l, &s->other);
	lower_assign(l, e->c, dst);
	leave(l, back);
	return slot_opnd(dst);
}

/* --- globals ----------------------------------------------------------------------------- */

struct place_of_value {		/* an lvalue: global or element of one */
	struct ir_global *global;
	struct ir_opnd *keys;
	size_t nkeys;
};

static struct ir_stmt *add_access(struct lower *l, enum ir_kind kind,
				  struct span at,
				  const struct place_of_value *p)
{
	struct ir_stmt *s = add(l, kind, at);

	s->global = p->global;
	s->args = p->keys;
	s->nargs = p->nkeys;
	return s;
}

static bool find_place(struct lower *l, const struct expr *e,
		       struct place_of_value *p)
{
	const struct expr *k;

	*p = (struct place_of_value) { .global = global_of(l, e->var) };
	if (e->kind != X_INDEX)
		return true;
	for (k = e->args; k; k = k->next)
		if (k->kind == X_ANY)
			return complain(l->j, k->at, E_MISPLACED,
					"'*' is for foreach, delete and in");
	p->nkeys = e->nargs;
	p->keys = lower_args(l, e->args, e->nargs, NULL);
	return true;
}

static int full(struct lower *l, const struct expr *lvalue)
{
	const struct var *v = lvalue->var;

	return fault(l, lvalue->at, v && v->max_entries ?
		     arena_printf(l->mem, "Array overflow, check size limit "
				  "(%" PRId64 ")", v->max_entries) :
		     "Array overflow, check MAXMAPENTRIES", "");
}

/* MODIFY exists in one atomic step? */
static bool is_atomic(enum op op)
{
	return op == OP_ADD || op == OP_SUB || op == OP_AND || op == OP_OR ||
	       op == OP_XOR;
}

static struct ir_opnd get(struct lower *l, struct span at,
			  const struct place_of_value *p, struct ir_slot *want)
{
	enum ir_type type = p->global->value == IR_V_STRING ? IR_STRING :
							      IR_LONG;
	struct ir_stmt *s = add_access(l, p->nkeys ? IR_MAP_GET : IR_GET, at,
				       p);

	s->peek = l->peeking && !p->nkeys && type == IR_LONG;
	s->dst = result(l, type, want, p->keys, p->nkeys);
	return slot_opnd(s->dst);
}

static void set(struct lower *l, const struct expr *lvalue,
		const struct place_of_value *p, struct ir_opnd v)
{
	struct ir_stmt *s = add_access(l, p->nkeys ? IR_MAP_SET : IR_SET,
				       lvalue->at, p);

	s->a = v;
	if (p->nkeys)
		s->err = full(l, lvalue);
}

/* global op= v; the result where it is used. */
static struct ir_opnd modify(struct lower *l, const struct expr *lvalue,
			     const struct place_of_value *p, enum op op,
			     struct ir_opnd v, bool used, bool old)
{
	struct ir_stmt *s;
	struct ir_opnd was, now;

	if (is_atomic(op)) {
		s = add_access(l, p->nkeys ? IR_MAP_MODIFY : IR_MODIFY,
			       lvalue->at, p);
		s->op = binary_op(op);
		s->a = v;
		s->want_old = used && old;
		if (used)
			s->dst = temp_slot(l, IR_LONG);
		if (p->nkeys)
			s->err = full(l, lvalue);
		return used ? slot_opnd(s->dst) : num_opnd(0);
	}
	was = get(l, lvalue->at, p, NULL);
	now = op == OP_CAT ? concat(l, lvalue->at, was, v, NULL) :
	      arithmetic(l, lvalue->at, binary_op(op), was, v, NULL);
	set(l, lvalue, p, now);
	return old ? was : now;
}

static void add_stat(struct lower *l, const struct expr *e,
		     const struct place_of_value *p, struct ir_opnd v)
{
	struct ir_stmt *s = add_access(l, IR_STAT_ADD, e->at, p);

	s->a = v;
	if (p->nkeys)
		s->err = full(l, e->a);
}

static struct ir_opnd cat_element(struct lower *l, const struct expr *lvalue,
				  const struct place_of_value *p,
				  struct ir_opnd v, bool used)
{
	struct ir_stmt *s = add_access(l, IR_MAP_CAT, lvalue->at, p);

	s->a = v;
	s->err = full(l, lvalue);
	if (!used)
		return lit_opnd("", 0);
	s->dst = temp_slot(l, IR_STRING);
	return slot_opnd(s->dst);
}

static struct ir_opnd assign_global(struct lower *l, const struct expr *e,
				    bool used)
{
	struct place_of_value p;
	struct ir_opnd v;
	size_t i;

	if (!find_place(l, e->a, &p))
		return num_opnd(0);
	for (i = 0; i < p.nkeys; i++)
		p.keys[i] = held(l, p.keys[i], e->b);
	v = lower_expr(l, e->b);
	if (e->op == OP_STAT) {
		add_stat(l, e, &p, v);
		return v;
	}
	if (e->op == OP_NONE) {
		set(l, e->a, &p, v);
		return v;
	}
	if (e->op == OP_CAT && p.nkeys)
		return cat_element(l, e->a, &p, v, used);
	return modify(l, e->a, &p, e->op, v, used, false);
}

static struct ir_opnd assign_local(struct lower *l, const struct expr *e)
{
	struct ir_slot *x = var_slot(l, e->a->var);
	struct ir_opnd was, v;

	if (e->op == OP_NONE) {
		lower_assign(l, e->b, x);
		return slot_opnd(x);
	}
	was = held(l, slot_opnd(x), e->b);
	v = lower_expr(l, e->b);
	if (e->op == OP_CAT)
		v = concat(l, e->at, was, v, x);
	else
		v = arithmetic(l, e->at, binary_op(e->op), was, v, x);
	add_move(l, e->at, x, v);
	return slot_opnd(x);
}

static struct ir_opnd lower_assignment(struct lower *l, const struct expr *e,
				       bool used)
{
	if (e->a->kind == X_NAME && !e->a->var->is_global)
		return assign_local(l, e);
	if (e->a->kind == X_NAME || e->a->kind == X_INDEX)
		return assign_global(l, e, used);
	if (e->a->kind == X_TARGET)
		return lower_write(l, e, e->op, e->b, false);
	complain(l->j, e->at, E_NOT_LVALUE, "this cannot be assigned to");
	return num_opnd(0);
}

static struct ir_opnd lower_incdec(struct lower *l, const struct expr *e,
				   bool used)
{
	bool old = e->op == OP_POSTINC || e->op == OP_POSTDEC;
	enum op op = e->op == OP_PREINC || e->op == OP_POSTINC ? OP_ADD :
								 OP_SUB;
	struct place_of_value p;
	struct ir_slot *x, *was = NULL;

	if (e->a->kind == X_NAME && !e->a->var->is_global) {
		x = var_slot(l, e->a->var);
		if (used && old) {
			was = temp_slot(l, IR_LONG);
			add_move(l, e->at, was, slot_opnd(x));
		}
		arithmetic(l, e->at, binary_op(op), slot_opnd(x), num_opnd(1),
			   x);
		return slot_opnd(was ? was : x);
	}
	if (e->a->kind == X_TARGET)
		return lower_write(l, e, op, NULL, old);
	if (e->a->kind != X_NAME && e->a->kind != X_INDEX) {
		complain(l->j, e->at, E_NOT_LVALUE,
			 "this cannot be changed here");
		return num_opnd(0);
	}
	if (!find_place(l, e->a, &p))
		return num_opnd(0);
	return modify(l, e->a, &p, op, num_opnd(1), used, old);
}

/* [k, *] in a: is there an element that fits? */
static struct ir_opnd in_slice(struct lower *l, const struct expr *e)
{
	struct ir_foreach *each = NEW(l->mem, struct ir_foreach);
	struct ir_slot *found = temp_slot(l, IR_LONG);
	struct block back;
	struct ir_stmt *s;
	const struct expr *k;
	size_t i = 0;

	each->slice = NEW_ARRAY(l->mem, struct ir_opnd, e->nargs + 1);
	each->keys = NEW_ARRAY(l->mem, struct ir_slot *, e->nargs + 1);
	for (k = e->args; k; k = k->next, i++)
		if (k->kind != X_ANY)
			each->slice[i] = lower_expr(l, k);
	add_move(l, e->at, found, num_opnd(0));
	s = add(l, IR_FOREACH, e->at);
	s->global = global_of(l, e->var);
	s->each = each;
	s->cost = 1;
	s->err = fault(l, e->at, "MAXACTION exceeded", "");
	back = enter(l, &s->body);
	add_move(l, e->at, found, num_opnd(1));
	add(l, IR_BREAK, e->at);
	leave(l, back);
	return slot_opnd(found);
}

static struct ir_opnd lower_in(struct lower *l, const struct expr *e)
{
	const struct expr *k;
	struct ir_opnd *keys;
	struct ir_stmt *s;

	for (k = e->args; k; k = k->next)
		if (k->kind == X_ANY)
			return in_slice(l, e);
	keys = lower_args(l, e->args, e->nargs, NULL);
	s = add_into(l, IR_MAP_IN, e->at, temp_slot(l, IR_LONG));
	s->global = global_of(l, e->var);
	s->args = keys;
	s->nargs = e->nargs;
	return slot_opnd(s->dst);
}

static struct ir_opnd lower_name(struct lower *l, const struct expr *e,
				 struct ir_slot *want)
{
	struct place_of_value p;

	if (e->kind == X_NAME && !e->var->is_global)
		return slot_opnd(var_slot(l, e->var));
	if (!find_place(l, e, &p))
		return num_opnd(0);
	return get(l, e->at, &p, want);
}

/* --- aggregates ------------------------------------------------------------------------------ */

void stat_target(struct lower *l, const struct expr *e, struct ir_stmt *s)
{
	struct place_of_value p;

	if (!find_place(l, e->a, &p))
		return;
	s->global = p.global;
	s->args = p.keys;
	s->nargs = p.nkeys;
	s->stat = (int)e->stat;
}

static int empty(struct lower *l, const struct expr *e)
{
	return fault(l, e->at, "empty aggregate", "");
}

static struct ir_opnd lower_stat(struct lower *l, const struct expr *e)
{
	struct ir_stmt at = { 0 }, *s;
	struct ir_opnd shift = { 0 };

	stat_target(l, e, &at);
	if (e->stat == ST_VARIANCE && e->args)
		shift = lower_expr(l, e->args);
	s = add_into(l, IR_STAT_GET, e->at, temp_slot(l, IR_LONG));
	s->global = at.global;
	s->args = at.args;
	s->nargs = at.nargs;
	s->stat = at.stat;
	s->b = shift;
	if (e->stat != ST_COUNT && e->stat != ST_SUM)
		s->err = empty(l, e);
	return slot_opnd(s->dst);
}

void raise_if_le(struct lower *l, struct span at, struct ir_opnd a,
		 struct ir_opnd b, const char *what)
{
	struct ir_opnd bad = add_bin(l, at, IR_ULE, a, b);
	struct ir_stmt *s = add(l, IR_IF, at);
	struct block back;

	s->a = bad;
	back = enter(l, &s->body);
	s = add(l, IR_RAISE, at);
	s->err = fault(l, at, what, "");
	s->arg_types = "";
	leave(l, back);
}

static int64_t number_of_buckets(const struct ir_global *g, int stat)
{
	enum { LOG_BUCKETS = 128 };	/* STB_LOG_BUCKETS */

	return stat == ST_HIST_LOG ? LOG_BUCKETS :
		(g->hist_hi - g->hist_lo) / g->hist_step + 3;
}

static struct ir_opnd lower_bucket(struct lower *l, const struct expr *e)
{
	struct ir_stmt at = { 0 }, *s;
	struct ir_opnd index;
	int64_t n;

	stat_target(l, e->a, &at);
	index = lower_expr(l, e->b);
	s = add_into(l, IR_STAT_BUCKET, e->at, temp_slot(l, IR_LONG));
	s->global = at.global;
	s->args = at.args;
	s->nargs = at.nargs;
	s->stat = at.stat;
	s->a = index;
	s->err = empty(l, e);
	n = number_of_buckets(at.global, at.stat);
	if (index.kind != IR_NUM || (uint64_t)index.num >= (uint64_t)n)
		raise_if_le(l, e->at, num_opnd(n), index,
			    "histogram index out of range");
	return slot_opnd(s->dst);
}

/* --- calls --------------------------------------------------------------------------------------- */

static struct ir_opnd call_function(struct lower *l, const struct expr *e,
				    struct ir_slot *want, bool used)
{
	struct ir_opnd *args = lower_args(l, e->args, e->nargs, NULL);
	struct ir_function *fn = function_of(l, e->fn);
	struct ir_stmt *s;

	if (fn->needs_regs)
		need_registers(l, e->at);
	s = add(l, IR_CALL_FN, e->at);
	s->fn = fn;
	s->name = e->str;
	s->args = args;
	s->nargs = e->nargs;
	if (fn->recursive)
		s->err = fault(l, e->at, "MAXNESTING exceeded", "");
	if (!fn->has_result || !used)
		return num_opnd(0);
	s->dst = result(l, fn->result, want, args, e->nargs);
	return slot_opnd(s->dst);
}

static uint32_t cap_of_builtin(const char *name)
{
	static const struct { const char *name; uint32_t cap; } caps[] = {
		{ "execname", 16 }, { "__tz_name", 64 }, { "stringat", 2 },
		/* names are 127 long at most, addresses 19 with a blank */
		{ "symname", 128 }, { "modname", 72 }, { "symdata", 256 },
		{ "backtrace", 384 }, { "callers", 384 },
		{ "ubacktrace", 384 }, { "ucallers", 384 },
		{ "usymname", 256 }, { "umodname", 256 },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(caps); i++)
		if (!strcmp(caps[i].name, name))
			return caps[i].cap;
	return 0;
}

/* The same all through a run of a handler. */
static bool is_steady(const struct builtin *b)
{
	static const char *const names[] = {
		"pid", "tid", "ppid", "uid", "euid", "gid", "egid", "target",
	};
	size_t i;

	for (i = 0; i < COUNT_OF(names); i++)
		if (!strcmp(names[i], b->name))
			return true;
	return false;
}

static void call_fails(struct lower *l, const struct expr *e,
		       struct ir_stmt *s)
{
	const char *args = "", *what = symbol_failure(e->builtin, &args);

	if (!what && !strcmp(e->builtin->name, "__verdict"))
		what = "packets are dropped (0) or accepted (1), nothing else";
	if (!what)
		what = arena_printf(l->mem, "%s() failed", e->builtin->name);
	s->err = fault(l, e->at, what, args);
}

static struct ir_opnd call_runtime(struct lower *l, const struct expr *e,
				   struct ir_slot *want, bool used)
{
	const struct builtin *b = e->builtin;
	struct ir_opnd *args;
	struct ir_stmt *s;

	args = lower_args(l, e->args, e->nargs, NULL);
	if (!used && !(b->flags & (BF_EFFECT | BF_FAULTS)))
		return num_opnd(0);
	s = add(l, IR_CALL, e->at);
	s->name = b->name;
	s->arg_types = b->args;
	s->args = args;
	s->nargs = e->nargs;
	s->cap = cap_of_builtin(b->name);
	s->in_process = b->flags & BF_PROCESS;
	l->ir->has_points |= b->flags & BF_POINT;
	s->where = (b->flags & BF_BPF ? IR_IN_KERNEL : 0) |
		   (b->flags & BF_USER ? IR_IN_LOADER : 0);
	if (b->flags & BF_FAULTS)
		call_fails(l, e, s);
	if (b->result == 'v')
		return num_opnd(0);
	s->dst = result(l, b->result == 's' ? IR_STRING : IR_LONG, want, args,
			e->nargs);
	return s->dst != want && is_steady(b) ? read_once(l, s) :
						slot_opnd(s->dst);
}

/* error("..."): the message is formatted only when it is wanted. */
static void raise_error(struct lower *l, const struct expr *e)
{
	struct shape_of_text sh;
	struct ir_stmt *s;

	shape_init(l, &sh);
	sh.early = true;
	shape_expr(l, &sh, e->args);
	if (strchr(sh.types.s, 'm'))
		complain(l->j, e->at, E_UNSUPPORTED,
			 "%%m in the message of an error");
	s = add(l, IR_RAISE, e->at);
	s->err = ir_format_id(l->mem, l->ir, sh.format.s, sh.format.n,
			      sh.types.s, IR_ERROR_MESSAGE);
	s->args = sh.args.v;
	s->nargs = sh.args.n;
	s->arg_types = sh.types.s;
}

/* kernel_int(p) and their like: how much is read, and how. */
struct reader {
	const char *name;	/* without kernel_ or user_ */
	unsigned size;
	bool is_signed;
};

static const struct reader *find_reader(const char *name)
{
	static const struct reader readers[] = {
		{ "char", 1, true }, { "short", 2, true }, { "int", 4, true },
		{ "long", 8, true }, { "pointer", 8, false },
		{ "ushort", 2, false }, { "ulong", 8, false },
		{ "int8", 1, true }, { "int16", 2, true },
		{ "int32", 4, true }, { "int64", 8, true },
		{ "uint8", 1, false }, { "uint16", 2, false },
		{ "uint32", 4, false }, { "uint64", 8, false },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(readers); i++)
		if (!strcmp(readers[i].name, name))
			return &readers[i];
	return NULL;
}

/* kernel_string(p, "what if not"), user_string_n(p, n, "what if not") */
static struct ir_opnd read_string(struct lower *l, const struct expr *e,
				  enum ir_space space, struct ir_slot *want)
{
	bool counted = strstr(e->builtin->name, "_n") != NULL;
	const struct expr *behind = counted ? e->args->next : e->args;
	const struct expr *fallback = behind->next;
	struct ir_opnd a, n = { 0 }, v;
	struct block back;
	struct ir_stmt *s;
	struct ir_slot *dst;

	a = held(l, lower_expr(l, e->args), behind);
	if (counted)
		n = lower_expr(l, behind);
	if (!fallback) {
		l->reading = space == IR_USER_MEM ? "user string" :
						    "kernel string";
		v = load_string(l, e->at, a, n, space, want);
		l->reading = NULL;
		return v;
	}
	dst = result(l, IR_STRING, want, NULL, 0);
	s = add(l, IR_TRY, e->at);
	back = enter(l, &s->body);
	v = load_string(l, e->at, a, n, space, dst);
	add_move(l, e->at, dst, v);
	leave(l, back);
	back = enter(l, &s->other);
	lower_assign(l, fallback, dst);
	leave(l, back);
	return slot_opnd(dst);
}

/* kernel_long(), user_long_error() and their like; others give 0 for a fault. */
static struct ir_opnd read_number(struct lower *l, const struct expr *e,
				  const struct reader *r, enum ir_space space,
				  bool faults)
{
	struct ir_opnd a = lower_expr(l, e->args), v;
	struct block back;
	struct ir_stmt *s;
	struct ir_slot *dst;

	if (faults) {
		if (space == IR_KERNEL_MEM)
			l->reading = arena_printf(l->mem, "kernel %s", r->name);
		v = load_number(l, e->at, a, 0, r->size, r->is_signed, space);
		l->reading = NULL;
		return v;
	}
	dst = temp_slot(l, IR_LONG);
	s = add(l, IR_TRY, e->at);
	back = enter(l, &s->body);
	v = load_number(l, e->at, a, 0, r->size, r->is_signed, space);
	add_move(l, e->at, dst, v);
	leave(l, back);
	back = enter(l, &s->other);
	add_move(l, e->at, dst, num_opnd(0));
	leave(l, back);
	return slot_opnd(dst);
}

static bool read_memory(struct lower *l, const struct expr *e,
			struct ir_slot *want, struct ir_opnd *v)
{
	const char *name = e->builtin->name;
	const struct reader *r;
	enum ir_space space;
	const char *error;

	if (!strncmp(name, "kernel_", 7)) {
		space = IR_KERNEL_MEM;
		name += 7;
	} else if (!strncmp(name, "user_", 5)) {
		space = IR_USER_MEM;
		name += 5;
	} else {
		return false;
	}
	if (!strncmp(name, "string", 6)) {
		*v = read_string(l, e, space, want);
		return true;
	}
	error = strstr(name, "_error");
	r = find_reader(arena_strndup(l->mem, name, error ? (size_t)(error -
			name) : strlen(name)));
	if (r)
		*v = read_number(l, e, r, space, space == IR_KERNEL_MEM ||
				 error);
	return r != NULL;
}

static struct ir_opnd lower_call(struct lower *l, const struct expr *e,
				 struct ir_slot *want, bool used)
{
	struct ir_opnd v = num_opnd(0);
	const char *name, *s;
	size_t len;

	if (e->fn)
		return call_function(l, e, want, used);
	name = e->builtin->name;
	if (!strncmp(name, "__file_", 7) && (!l->site || !l->site->file)) {
		complain(l->j, e->at, E_NO_TARGET_VAR,
			 "$value is known in probes of files alone");
		return lit_opnd("", 0);
	}
	s = fold_string(l, e, &len);
	if (s)
		return text_opnd(l, s, len);
	s = l->many ? name_of_site(l, e) : NULL;
	if (s)
		return look_up_name(l, e, s);
	if (read_memory(l, e, want, &v))
		return v;
	if (lower_symbols(l, e, &v))
		return v.kind == IR_NUM && e->type == T_STRING ?
			lit_opnd("", 0) : v;
	if (!(e->builtin->flags & BF_LOWERED))
		return call_runtime(l, e, want, used);
	if (lower_group(l, e, want, &v) || lower_syscall(l, e, &v) ||
	    lower_registers(l, e, &v) || lower_return_address(l, e, &v) ||
	    lower_python(l, e, &v))
		return v;
	if (is_words(e))
		return words_now(l, e, want);
	if (!strcmp(name, "exit"))
		add(l, IR_EXIT, e->at);
	else if (!strcmp(name, "abort") && !l->ir_fn)
		add(l, IR_EXIT, e->at), add(l, IR_NEXT, e->at);
	else if (!strcmp(name, "error"))
		raise_error(l, e);
	else if (!strcmp(name, "warn"))
		print_text(l, e->args, "", IR_WARN);
	else if (!strcmp(name, "log"))
		print_text(l, e->args, "\n", IR_OUT);
	else if (!strcmp(name, "system"))
		print_text(l, e->args, "", IR_SYSTEM);
	else if (!strcmp(name, "switch_file"))
		print_nothing(l, e->at, IR_SWITCH);
	else if (!strcmp(name, "__name_of"))
		return name_of_number(l, e);
	else
		complain(l->j, e->at, E_UNSUPPORTED,
			 "%s() is known in probes alone, not in functions",
			 name);
	return e->type == T_STRING ? lit_opnd("", 0) : v;
}

/* --- the rest ---------------------------------------------------------------------------------------- */

static struct ir_opnd lower_deref(struct lower *l, const struct expr *e)
{
	struct ir_opnd a;
	int64_t size;

	if (!fold(l, e->a, &size) || (size != 1 && size != 2 && size != 4 &&
				      size != 8)) {
		complain(l->j, e->a->at, E_UNSUPPORTED,
			 "the size must be one of the numbers 1, 2, 4, 8");
		return num_opnd(0);
	}
	a = lower_expr(l, e->b);
	return load_number(l, e->at, a, 0, (unsigned)size, false,
			   e->op == OP_USER ? IR_USER_MEM : IR_KERNEL_MEM);
}

static struct ir_opnd unknown_constant(struct lower *l, const struct expr *e)
{
	complain(l->j, e->at, E_UNKNOWN_TYPE,
		 "no enumerator or number \"%s\" (C expressions need the "
		 "module engine)", e->str);
	return num_opnd(0);
}

static struct ir_opnd lower_entry(struct lower *l, const struct expr *e)
{
	if (!l->is_return || l->at_entry) {
		complain(l->j, e->at, E_MISPLACED,
			 "@entry is for probes at a function's return");
		return num_opnd(0);
	}
	if (e->a->kind == X_TARGET)	/* kept at the entry as it is */
		return lower_target(l, e->a);
	return captured(l, e->a);
}

/* A flat switch over every kind of expression. */
static struct ir_opnd lower_any(struct lower *l, const struct expr *e,
				struct ir_slot *want, bool used)
{
	size_t len;
	int64_t n;

	if (e->type != T_STRING && fold(l, e, &n))
		return num_opnd(n);
	switch (e->kind) {
	case X_NUMBER:
		return num_opnd(e->num);
	case X_STRING:
		return text_opnd(l, e->str, e->len);
	case X_NAME: case X_INDEX:
		if (e->kind == X_NAME && e->var->meaning)
			return lower_any(l, e->var->meaning, want, used);
		return lower_name(l, e, want);
	case X_TARGET:
		return lower_target(l, e);
	case X_UNARY:
		return lower_unary(l, e, want);
	case X_BINARY:
		return lower_binary(l, e, want);
	case X_TERNARY:
		return lower_ternary(l, e, want);
	case X_ASSIGN:
		return lower_assignment(l, e, used);
	case X_INCDEC:
		return lower_incdec(l, e, used);
	case X_IN:
		return lower_in(l, e);
	case X_CALL:
		return lower_call(l, e, want, used);
	case X_PRINT:
		return lower_print(l, e, want);
	case X_STAT:
		return lower_stat(l, e);
	case X_HIST_INDEX:
		return lower_bucket(l, e);
	case X_ENTRY:
		return lower_entry(l, e);
	case X_DEREF:
		return lower_deref(l, e);
	case X_CONST: case X_ENUM:
		return unknown_constant(l, e);
	case X_DEFINED: case X_ANY:
		break;
	case X_MATCH:
		return lower_match(l, e);
	case X_PERF:
		complain(l->j, e->at, E_UNSUPPORTED, "@perf reads no "
			 "counter here: probe its event, with .sample(N)");
		return num_opnd(0);
	case X_REGISTER:
		return lower_register(l, e);
	case X_EMBEDDED:
		return lower_c(l, e);
	}
	if (fold_string(l, e, &len))
		return text_opnd(l, fold_string(l, e, &len), len);
	bug("expression %d", e->kind);
}

struct ir_opnd lower_into(struct lower *l, const struct expr *e,
			  struct ir_slot *want)
{
	return lower_any(l, e, want, true);
}

struct ir_opnd lower_expr(struct lower *l, const struct expr *e)
{
	return lower_any(l, e, NULL, true);
}

void lower_effect(struct lower *l, const struct expr *e)
{
	lower_any(l, e, NULL, false);
}

void lower_assign(struct lower *l, const struct expr *e, struct ir_slot *dst)
{
	add_move(l, e->at, dst, lower_any(l, e, dst, true));
}
