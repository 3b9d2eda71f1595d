/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check.c - types. In: an AST whose names are known. Out: every variable, array
 * key, function and expression is long, string or (globals) stats; arrays
 * have their number of keys; what cannot be is complained about.
 *
 * Types flow both ways, from values to variables and from uses to variables,
 * so the whole program is walked until nothing new is learned, then once more
 * to say what is still unknown.
 */
#include "check.h"

#include <string.h>

struct walking {
	const struct var *array;
	struct walking *outer;
};

static enum type check_expr(struct check *c, struct expr *e, enum type want);
static void check_stmts(struct check *c, struct stmt *s);

/* --- what is known of variables ----------------------------------------------- */

static void mismatch(struct check *c, struct span at, enum type want,
		     enum type got)
{
	complain(c->j, at, E_TYPE_MISMATCH,
		 "type mismatch: expected %s but found %s", type_name_of(want),
		 type_name_of(got));
}

/* v holds values of that type; tells what it holds. */
static enum type var_type(struct check *c, const struct expr *e, struct var *v,
			  enum type type)
{
	if (type == T_UNKNOWN || v->type == type)
		return v->type;
	if (v->type == T_UNKNOWN) {
		if (type == T_STATS && !v->is_global) {
			complain(c->j, e->at, E_AGGREGATE,
				 "aggregates are globals only; '%s' is local",
				 v->name);
			return T_STATS;
		}
		v->type = type;
		v->typed_at = e->at;
		c->changed = true;
		return type;
	}
	mismatch(c, e->at, type, v->type);
	if (v->typed_at.src)
		note_at(c->j, v->typed_at, "'%s' first seen as %s here",
			v->name, type_name_of(v->type));
	return v->type;
}

/* v is an array of that many keys (0: none). */
static bool var_keys(struct check *c, const struct expr *e, struct var *v,
		     unsigned n)
{
	if (v->nkeys < 0 && v->is_global) {
		v->nkeys = (int)n;
		v->key_types = NEW_ARRAY(&c->j->mem, enum type, n + 1);
		v->keyed_at = e->at;
		c->changed = true;
	}
	if (v->nkeys == (int)n || (!v->is_global && !n))
		return true;
	if (!v->is_global)
		return complain(c->j, e->at, E_NOT_ARRAY,
				"'%s' is local: arrays are globals only",
				v->name);
	complain(c->j, e->at, E_ARITY, "inconsistent arity (%u vs %d)", n,
		 v->nkeys);
	if (v->keyed_at.src)
		note_at(c->j, v->keyed_at, "'%s' first used %s here", v->name,
			v->nkeys ? "with other keys" : "without keys");
	return false;
}

static enum type key_type(struct check *c, const struct expr *e, struct var *v,
			  unsigned i, enum type type)
{
	enum type *known = &v->key_types[i];

	if (type == T_UNKNOWN || *known == type)
		return *known;
	if (*known == T_UNKNOWN) {
		*known = type;
		c->changed = true;
	} else {
		mismatch(c, e->at, *known, type);
		if (v->keyed_at.src)
			note_at(c->j, v->keyed_at,
				"key %u of '%s' is %s since here", i + 1,
				v->name, type_name_of(*known));
	}
	return *known;
}

/* The keys in brackets behind e->var. */
static void check_keys(struct check *c, struct expr *e, struct var *v)
{
	struct expr *k;
	unsigned i = 0;
	bool ok = var_keys(c, e, v, e->nargs);

	for (k = e->args; k; k = k->next, i++) {
		if (k->kind == X_ANY)
			continue;
		if (!ok)
			check_value(c, k, T_UNKNOWN);
		else
			key_type(c, k, v, i,
				 check_value(c, k, v->key_types[i]));
	}
}

/* A scalar, an element, or (stats) what is aggregated into. */
static enum type check_var(struct check *c, struct expr *e, enum type want)
{
	if (e->kind == X_INDEX)
		check_keys(c, e, e->var);
	else
		var_keys(c, e, e->var, 0);
	return e->type = var_type(c, e, e->var, want);
}

static void no_slices(struct check *c, const struct expr *e)
{
	const struct expr *k;

	for (k = e->kind == X_INDEX ? e->args : NULL; k; k = k->next)
		if (k->kind == X_ANY)
			complain(c->j, k->at, E_MISPLACED,
				 "'*' as a key is for foreach, delete and in");
}

/* --- values -------------------------------------------------------------------- */

static bool is_void(const struct expr *e)
{
	if (e->kind == X_PRINT)
		return !e->print->to_string;
	if (e->kind != X_CALL)
		return false;
	return e->builtin ? e->builtin->result == 'v' :
		e->fn && e->fn->is_void;
}

enum type check_value(struct check *c, struct expr *e, enum type want)
{
	enum type got;

	if (e->kind == X_PRINT && !e->print->to_string) {
		complain(c->j, e->at, E_TYPE_MISMATCH, "%s() has no value",
			 e->str);
		return T_UNKNOWN;
	}
	got = check_expr(c, e, want);
	if (is_void(e))
		complain(c->j, e->at, E_TYPE_MISMATCH, "%s() has no value",
			 e->str);
	else if (got == T_STATS)
		complain(c->j, e->at, E_AGGREGATE,
			 "an aggregate has no value of its own: use @count, "
			 "@sum, @min, @max, @avg");
	else if (want != T_UNKNOWN && got != T_UNKNOWN && want != got &&
		 e->kind != X_NAME && e->kind != X_INDEX)
		mismatch(c, e->at, want, got);
	return got;
}

/* `done && exit()`: what only does something counts as 0 there. */
static void check_condition(struct check *c, struct expr *e)
{
	if (e->kind == X_CALL && e->builtin && e->builtin->result == 'v') {
		check_expr(c, e, T_LONG);
		e->type = T_LONG;
	} else {
		check_value(c, e, T_LONG);
	}
}

/* Both of one type, whichever is known. */
static enum type check_both(struct check *c, struct expr *a, struct expr *b,
			    enum type want)
{
	enum type t = check_value(c, a, want), u;

	u = check_value(c, b, t != T_UNKNOWN ? t : want);
	if (t == T_UNKNOWN && u != T_UNKNOWN)
		t = check_value(c, a, u);
	return t;
}

static enum type check_binary(struct check *c, struct expr *e)
{
	switch (e->op) {
	case OP_CAT:
		check_value(c, e->a, T_STRING);
		check_value(c, e->b, T_STRING);
		return T_STRING;
	case OP_LT: case OP_LE: case OP_GT: case OP_GE: case OP_EQ: case OP_NE:
		check_both(c, e->a, e->b, T_UNKNOWN);
		return T_LONG;
	case OP_ADD: case OP_SUB: case OP_MUL: case OP_DIV: case OP_MOD:
	case OP_SHL: case OP_SHR: case OP_USHR: case OP_AND: case OP_OR:
	case OP_XOR:
		check_value(c, e->a, T_LONG);
		check_value(c, e->b, T_LONG);
		return T_LONG;
	case OP_ANDAND: case OP_OROR:
		check_condition(c, e->a);
		check_condition(c, e->b);
		return T_LONG;
	case OP_NONE: case OP_STAT: case OP_NEG: case OP_NOT: case OP_BITNOT:
	case OP_PLUS: case OP_PREINC: case OP_PREDEC: case OP_POSTINC:
	case OP_POSTDEC: case OP_MATCH: case OP_NOMATCH: case OP_KERNEL:
	case OP_USER:
		break;
	}
	bug("operator %s of two operands", op_name(e->op));
}

static bool check_lvalue(struct check *c, const struct expr *e,
			 const struct expr *lv)
{
	const struct walking *w;

	if (lv->kind != X_NAME && lv->kind != X_INDEX)
		return complain(c->j, e->at, E_NOT_LVALUE,
				"only variables and elements of arrays can be "
				"assigned to");
	no_slices(c, lv);
	for (w = c->walking; w; w = w->outer)
		if (w->array == lv->var)
			return complain(c->j, lv->at, E_MISPLACED,
				"variable '%s' modified during 'foreach' "
				"iteration", lv->var->name);
	return true;
}

/*
 * $x = value: $value of procfs probes is a string; others are numbers. What may
 * be written is known when its place is: guru.c, lower_target.c.
 */
static enum type check_target_write(struct check *c, struct expr *e)
{
	enum type t = check_value(c, e->b, e->op == OP_NONE ? T_UNKNOWN :
				  e->op == OP_CAT ? T_STRING : T_LONG);

	check_expr(c, e->a, t);
	if (e->op == OP_STAT)
		complain(c->j, e->a->at, E_AGGREGATE,
			 "a target variable is no aggregate");
	e->a->type = t;
	return t;
}

static enum type check_assign(struct check *c, struct expr *e, enum type want)
{
	struct expr *lv = e->a;
	enum type t, got;

	if (lv->kind == X_TARGET)
		return check_target_write(c, e);
	if (!check_lvalue(c, e, lv)) {
		check_value(c, e->b, T_UNKNOWN);
		return T_UNKNOWN;
	}
	if (e->op == OP_STAT) {
		check_var(c, lv, T_STATS);
		check_value(c, e->b, T_LONG);
		return T_LONG;
	}
	if (e->op != OP_NONE) {
		t = e->op == OP_CAT ? T_STRING : T_LONG;
		check_var(c, lv, t);
		check_value(c, e->b, t);
		return t;
	}
	t = check_var(c, lv, want);
	if (t == T_STATS) {
		complain(c->j, e->at, E_AGGREGATE,
			 "an aggregate takes values by '<<<' only");
		return T_UNKNOWN;
	}
	got = check_value(c, e->b, t);
	if (t == T_UNKNOWN || got == T_UNKNOWN)
		return got == T_UNKNOWN ? t : check_var(c, lv, got);
	if (t != got && lv->var->typed_at.src)
		note_at(c->j, lv->var->typed_at, "'%s' first seen as %s here",
			lv->var->name, type_name_of(t));
	return t;
}

/* --- aggregates ----------------------------------------------------------------- */

/* A histogram of v like the others of v? */
static bool check_hist(struct check *c, const struct expr *e, struct var *v)
{
	const struct expr *lo = e->args;
	const struct expr *hi = lo ? lo->next : NULL;
	const struct expr *step = hi ? hi->next : NULL;
	unsigned hists = v->stat_ops >> ST_HIST_LOG & 3;
	bool linear = e->stat == ST_HIST_LINEAR;

	if (hists && hists != (linear ? 2 : 1))
		return complain(c->j, e->at, E_AGGREGATE,
				"'%s' cannot have two kinds of histogram",
				v->name);
	if (!linear)
		return true;
	if (step->num <= 0 || lo->num >= hi->num ||
	    (uint64_t)hi->num - (uint64_t)lo->num > INT64_MAX)
		return complain(c->j, e->at, E_AGGREGATE,
				"@hist_linear wants low < high and a step "
				"above 0");
	if ((hi->num - lo->num) / step->num > 126)
		return complain(c->j, e->at, E_AGGREGATE,
				"@hist_linear would have %lld buckets, at most "
				"126", (long long)((hi->num - lo->num) /
						   step->num));
	if (!hists) {
		v->hist_lo = lo->num;
		v->hist_hi = hi->num;
		v->hist_step = step->num;
	}
	return (v->hist_lo == lo->num && v->hist_hi == hi->num &&
		v->hist_step == step->num) ||
		complain(c->j, e->at, E_AGGREGATE,
			 "'%s' already has a histogram from %lld to %lld by "
			 "%lld", v->name, (long long)v->hist_lo,
			 (long long)v->hist_hi, (long long)v->hist_step);
}

/* @op(global or element); histograms as a whole only where they are wanted. */
static enum type check_stat(struct check *c, struct expr *e, bool hist_wanted)
{
	struct var *v;

	if (e->a->kind != X_NAME && e->a->kind != X_INDEX) {
		complain(c->j, e->at, E_AGGREGATE,
			 "@%s wants an aggregate", stat_name(e->stat));
		return T_LONG;
	}
	v = e->a->var;
	no_slices(c, e->a);
	if (v->type != T_UNKNOWN && v->type != T_STATS) {
		complain(c->j, e->a->at, E_AGGREGATE,
			 "@%s wants an aggregate, '%s' is %s",
			 stat_name(e->stat), v->name, type_name_of(v->type));
		return T_LONG;
	}
	check_var(c, e->a, T_STATS);
	if (e->stat >= ST_HIST_LOG) {
		if (!check_hist(c, e, v))
			return T_LONG;
		if (!hist_wanted)
			complain(c->j, e->at, E_AGGREGATE,
				 "a histogram can be printed, indexed and "
				 "walked by foreach only");
	}
	v->stat_ops |= 1u << e->stat;
	return T_LONG;
}

/* --- calls ------------------------------------------------------------------------ */

static enum type type_of(char letter)
{
	return letter == 'l' ? T_LONG : letter == 's' ? T_STRING : T_UNKNOWN;
}

static enum type check_call(struct check *c, struct expr *e, enum type want)
{
	struct function *f = e->fn;
	struct var *p;
	struct expr *a;
	enum type t;
	unsigned i;

	if (!f) {
		for (a = e->args, i = 0; a; a = a->next, i++)
			check_value(c, a, type_of(e->builtin->args[i]));
		return type_of(e->builtin->result);
	}
	for (a = e->args, p = f->params; a; a = a->next, p = p->next) {
		t = check_value(c, a, p->type);
		if (p->type == T_UNKNOWN)
			var_type(c, a, p, t);
	}
	if (f->type == T_UNKNOWN && want != T_UNKNOWN && want != T_STATS) {
		f->type = want;
		c->changed = true;
	}
	return f->type;
}

static enum type check_print(struct check *c, struct expr *e)
{
	bool hist = e->args && e->args->kind == X_STAT &&
		e->args->stat >= ST_HIST_LOG;
	struct expr *a;

	if (e->print->kind == PR_PRINTF) {
		check_format(c, e);
		return T_STRING;
	}
	if (hist && e->print->kind <= PR_PRINTLN && e->nargs == 1) {
		e->args->type = check_stat(c, e->args, true);
		return T_STRING;
	}
	if (!e->nargs && e->print->kind != PR_PRINTLN)
		complain(c->j, e->at, E_ARGUMENT_COUNT,
			 "%s() wants an argument", e->str);
	for (a = e->args; a; a = a->next)
		check_value(c, a, T_UNKNOWN);
	return T_STRING;
}

/* --- target variables --------------------------------------------------------------- */

/* $value of a procfs probe is what was written to it, or will be read. */
static bool is_procfs_text(const struct check *c, const struct target_ref *r)
{
	return r->kind == TR_VAR && c->probe && !strcmp(r->name, "value") &&
		!strcmp(c->probe->points->parts->name, "procfs");
}

static enum type check_target(struct check *c, struct expr *e)
{
	struct target_ref *r = e->target;
	struct access *a;

	if (c->fn && (r->kind == TR_VAR || r->kind == TR_CONTEXT))
		complain(c->j, e->at, E_MISPLACED,
			 "target variable '%s%s' in a function: pass it as an "
			 "argument", r->kind == TR_VAR ? "$" : "$$", r->name);
	if (r->base)
		check_value(c, r->base, T_LONG);
	for (a = r->path; a; a = a->next)
		if (a->index)
			check_value(c, a->index, T_LONG);
	return r->pretty || r->kind == TR_CONTEXT || is_procfs_text(c, r) ?
		T_STRING : T_LONG;
}

static void find_local(const struct expr *e, void *arg)
{
	const struct expr **found = arg;

	if (e->kind == X_NAME && !e->var->is_global)
		*found = e;
}

static enum type check_entry(struct check *c, struct expr *e, enum type want)
{
	const struct expr *local = NULL;
	enum type t;

	if (c->fn || !c->in_return_probe)
		complain(c->j, e->at, E_MISPLACED,
			 "@entry is only valid in .return probes");
	if (c->in_entry)
		complain(c->j, e->at, E_MISPLACED, "@entry within @entry");
	walk_expr(e->a, find_local, &local);
	if (local)
		complain(c->j, local->at, E_MISPLACED,
			 "local variable '%s' in @entry, which is evaluated "
			 "when the function is entered", local->str);
	c->in_entry = true;
	t = check_value(c, e->a, want);
	c->in_entry = false;
	return t;
}

/* --- expressions ---------------------------------------------------------------------- */

/* a flat switch */
static enum type expr_type(struct check *c, struct expr *e, enum type want)
{
	switch (e->kind) {
	case X_NUMBER:
		return T_LONG;
	case X_STRING:
		return T_STRING;
	case X_ANY:
		return T_UNKNOWN;
	case X_NAME:
	case X_INDEX:
		no_slices(c, e);
		return check_var(c, e, want);
	case X_TARGET:
		return check_target(c, e);
	case X_UNARY:
	case X_REGISTER:
	case X_MATCH:
		check_value(c, e->a, e->kind == X_MATCH ? T_STRING : T_LONG);
		return T_LONG;
	case X_BINARY:
		return check_binary(c, e);
	case X_TERNARY:
		check_value(c, e->a, T_LONG);
		return check_both(c, e->b, e->c, want);
	case X_ASSIGN:
		return check_assign(c, e, want);
	case X_INCDEC:
		if (e->a->kind == X_TARGET)
			check_value(c, e->a, T_LONG);
		else if (check_lvalue(c, e, e->a))
			check_var(c, e->a, T_LONG);
		return T_LONG;
	case X_IN:
		check_keys(c, e, e->var);
		return T_LONG;
	case X_CALL:
		return check_call(c, e, want);
	case X_PRINT:
		return check_print(c, e);
	case X_STAT:
		return check_stat(c, e, false);
	case X_HIST_INDEX:
		e->a->type = check_stat(c, e->a, true);
		check_value(c, e->b, T_LONG);
		return T_LONG;
	case X_ENTRY:
		return check_entry(c, e, want);
	case X_DEFINED:
		check_value(c, e->a, T_UNKNOWN);
		return T_LONG;
	case X_DEREF:
		check_value(c, e->a, T_LONG);
		check_value(c, e->b, T_LONG);
		return T_LONG;
	case X_PERF:
	case X_CONST:
	case X_ENUM:
		return T_LONG;
	case X_EMBEDDED:
		return strstr(e->str, "/* string */") ? T_STRING : T_LONG;
	}
	bug("expression of kind %d", e->kind);
}

static enum type check_expr(struct check *c, struct expr *e, enum type want)
{
	return e->type = expr_type(c, e, want);
}

/* --- statements ------------------------------------------------------------------------ */

/* foreach over the buckets of a histogram: one key, the bucket's number, and
   its count. They come in order; another that is asked for is not heard. */
static void check_buckets(struct check *c, struct foreach *each)
{
	each->array->type = check_stat(c, each->array, true);
	if (each->nkeys != 1)
		complain(c->j, each->array->at, E_AGGREGATE,
			 "foreach over a histogram has one variable, the "
			 "bucket's number");
	if (each->value)
		each->value->type = check_var(c, each->value, T_LONG);
	var_keys(c, each->keys, each->keys->var, 0);
	each->keys->type = var_type(c, each->keys, each->keys->var, T_LONG);
}

static void check_foreach_keys(struct check *c, struct foreach *each)
{
	struct var *v = each->array->var;
	struct expr *k;
	enum type t;
	unsigned i;

	for (k = each->keys, i = 0; k; k = k->next, i++) {
		if (k->var == v) {
			complain(c->j, k->at, E_MISPLACED,
				 "'%s' is what foreach walks over", k->str);
			continue;
		}
		var_keys(c, k, k->var, 0);
		t = var_type(c, k, k->var, v->key_types[i]);
		k->type = key_type(c, k, v, i, t);
	}
}

static void check_foreach(struct check *c, struct stmt *s)
{
	struct foreach *each = s->each;
	struct walking here = { each->array->var, c->walking };
	struct expr *a = each->array;
	struct var *v = a->var;
	bool ok;

	if (each->limit)
		check_value(c, each->limit, T_LONG);
	if (a->kind == X_STAT) {
		here.array = a->a->kind == X_NAME || a->a->kind == X_INDEX ?
			a->a->var : NULL;
		check_buckets(c, each);
	} else {
		if (a->kind == X_INDEX)
			check_keys(c, a, v);
		ok = var_keys(c, a, v, each->nkeys);
		if (ok)
			check_foreach_keys(c, each);
		a->type = v->type;
		if (each->sort_stat && v->type != T_STATS && v->type)
			complain(c->j, a->at, E_AGGREGATE,
				 "'%s' holds no aggregates to sort by @%s",
				 v->name, stat_name(each->sort_stat));
		else if (each->sort_dir && !each->sort_key && v->type == T_STATS)
			v->stat_ops |= 1u << each->sort_stat;
	}
	if (each->value && a->kind != X_STAT) {
		if (v->type == T_STATS)
			complain(c->j, each->value->at, E_AGGREGATE,
				 "an aggregate has no value of its own: use "
				 "@count(%s[...]) and the like", v->name);
		else
			each->value->type = check_var(c, each->value, v->type);
		if (each->value->type != T_STATS)
			var_type(c, a, v, each->value->type);
	}
	c->walking = &here;
	c->loops++;
	check_stmts(c, s->body);
	c->loops--;
	c->walking = here.outer;
}

static void check_return(struct check *c, struct stmt *s)
{
	struct function *f = c->fn;
	enum type t;

	if (!f) {
		complain(c->j, s->at, E_MISPLACED,
			 "found 'return' not in function context");
		return;
	}
	if (!s->e) {
		if (f->type != T_UNKNOWN && c->final)
			complain(c->j, s->at, E_TYPE_MISMATCH,
				 "function '%s' returns a %s", f->name,
				 type_name_of(f->type));
		return;
	}
	f->returns_value = true;
	t = check_value(c, s->e, f->type);
	if (f->type == T_UNKNOWN && t != T_UNKNOWN && t != T_STATS) {
		f->type = t;
		c->changed = true;
	}
}

/* In a function: what the next candidate returns is returned. */
static void check_next(struct check *c, struct stmt *s)
{
	const struct function *next = s->e ? s->e->fn : NULL;
	struct function *f = c->fn;
	enum type t;

	f->returns_value |= next ? next->returns_value : true;
	if (!s->e)
		return;
	t = check_expr(c, s->e, f->type);
	if (f->type == T_UNKNOWN && t != T_UNKNOWN) {
		f->type = t;
		c->changed = true;
	} else if (t != T_UNKNOWN && t != f->type) {
		mismatch(c, s->at, f->type, t);
	}
}

static void check_delete(struct check *c, struct stmt *s)
{
	const struct walking *w;
	struct expr *e = s->e;

	if (e->kind != X_NAME && e->kind != X_INDEX) {
		complain(c->j, e->at, E_NOT_LVALUE,
			 "only variables and elements of arrays can be "
			 "deleted");
		return;
	}
	for (w = c->walking; w; w = w->outer)
		if (w->array == e->var)
			complain(c->j, e->at, E_MISPLACED,
				 "variable '%s' modified during 'foreach' "
				 "iteration", e->var->name);
	if (e->kind == X_INDEX)
		check_keys(c, e, e->var);
	e->type = e->var->type;
}

static void check_try(struct check *c, struct stmt *s)
{
	check_stmts(c, s->body);
	if (s->caught)
		check_var(c, s->caught, T_STRING);
	check_stmts(c, s->other);
}

static void check_jump(struct check *c, struct stmt *s, const char *word)
{
	if (!c->loops)
		complain(c->j, s->at, E_MISPLACED,
			 "found '%s' not in a loop", word);
}

static void check_loop(struct check *c, struct stmt *s)
{
	if (s->init)
		check_expr(c, s->init, T_UNKNOWN);
	if (s->e)
		check_value(c, s->e, T_LONG);
	if (s->step)
		check_expr(c, s->step, T_UNKNOWN);
	c->loops++;
	check_stmts(c, s->body);
	c->loops--;
}

/* `c ? print(a) : print(b)` as a statement is an if, since neither has a value. */
static bool choose_print(struct check *c, struct stmt *s)
{
	struct expr *e = s->e;

	if (e->kind != X_TERNARY || e->b->kind != X_PRINT ||
	    e->b->print->to_string || e->c->kind != X_PRINT)
		return false;
	s->body = NEW(&c->j->mem, struct stmt);
	s->body->kind = S_EXPR;
	s->body->at = e->b->at;
	s->body->e = e->b;
	s->other = NEW(&c->j->mem, struct stmt);
	s->other->kind = S_EXPR;
	s->other->at = e->c->at;
	s->other->e = e->c;
	s->kind = S_IF;
	s->e = e->a;
	return true;
}

static void check_stmt(struct check *c, struct stmt *s)
{
	switch (s->kind) {
	case S_BLOCK:
		check_stmts(c, s->body);
		break;
	case S_EXPR:
		if (!choose_print(c, s)) {
			check_expr(c, s->e, T_UNKNOWN);
			break;
		}
		/* fallthrough */
	case S_IF:
		check_value(c, s->e, T_LONG);
		check_stmts(c, s->body);
		check_stmts(c, s->other);
		break;
	case S_WHILE:
	case S_FOR:
		check_loop(c, s);
		break;
	case S_FOREACH:
		check_foreach(c, s);
		break;
	case S_BREAK:
		check_jump(c, s, "break");
		break;
	case S_CONTINUE:
		check_jump(c, s, "continue");
		break;
	case S_NEXT:
		if (c->fn)
			check_next(c, s);
		break;
	case S_RETURN:
		check_return(c, s);
		break;
	case S_DELETE:
		check_delete(c, s);
		break;
	case S_TRY:
		check_try(c, s);
		break;
	case S_EMPTY:
		break;
	}
}

static void check_stmts(struct check *c, struct stmt *s)
{
	for (; s; s = s->next)
		check_stmt(c, s);
}

/* --- the whole program -------------------------------------------------------------------- */

static void untyped(struct check *c, const struct var *v)
{
	complain(c->j, v->at, E_UNTYPED,
		 "unresolved type: nothing says what '%s' holds", v->name);
}

static void check_locals(struct check *c, const struct var *v)
{
	for (; v && c->final; v = v->next)
		if (v->type == T_UNKNOWN)
			untyped(c, v);
}

static void check_function(struct check *c, struct function *f)
{
	c->fn = f;
	c->loops = 0;
	check_stmts(c, f->body);
	if (c->final) {
		f->is_void = f->type == T_UNKNOWN;
		check_locals(c, f->params);
		check_locals(c, f->locals);
	}
	c->fn = NULL;
}

/* All points .return; what a wildcard may mean is left to the sites. */
static bool is_return_probe(const struct probe *pr)
{
	const struct component *p;
	const struct point *pt;
	bool found = true;

	for (pt = pr->points; pt && found; pt = pt->next)
		for (p = pt->parts, found = false; p; p = p->next)
			found |= glob_match(p->name, "return");
	return found;
}

static void check_probe(struct check *c, struct probe *pr)
{
	struct point *pt;

	c->probe = pr;
	c->loops = 0;
	c->in_return_probe = is_return_probe(pr);
	for (pt = pr->points; pt; pt = pt->next)
		if (pt->condition)
			check_value(c, pt->condition, T_LONG);
	check_stmts(c, pr->body);
	check_locals(c, pr->locals);
	c->probe = NULL;
}

static void check_global(struct check *c, struct var *v)
{
	int i;

	if (v->init) {
		v->init->type = v->init->kind == X_STRING ? T_STRING : T_LONG;
		if (v->nkeys > 0 || v->type == T_STATS)
			complain(c->j, v->init->at, E_ARITY,
				 "only scalar globals can have a first value");
		else
			var_keys(c, v->init, v, 0);
		var_type(c, v->init, v, v->init->type);
	}
	if (!c->final)
		return;
	if (v->type == T_UNKNOWN)
		untyped(c, v);
	if (v->nkeys < 0)
		v->nkeys = 0;
	for (i = 0; i < v->nkeys; i++)
		if (v->key_types[i] == T_UNKNOWN)
			complain(c->j, v->at, E_UNTYPED,
				 "unresolved type: nothing says what key %d of "
				 "'%s' is", i + 1, v->name);
}

static void check_all(struct check *c)
{
	struct function *f;
	struct probe *pr;
	struct var *v;

	c->changed = false;
	for (v = c->j->script->globals; v; v = v->next)
		check_global(c, v);
	for (f = c->j->script->functions; f; f = f->next)
		check_function(c, f);
	for (pr = c->j->script->probes; pr; pr = pr->next)
		check_probe(c, pr);
}

bool check_types(struct job *j)
{
	struct check c = { .j = j };
	struct probe *pr;

	do
		check_all(&c);
	while (c.changed && !j->errors);
	if (!j->errors)
		for (pr = j->script->probes; pr; pr = pr->next)
			if (pr->is_display)
				fill_display(j, pr);
	do
		check_all(&c);
	while (c.changed && !j->errors);
	c.final = true;
	if (!j->errors)
		check_all(&c);
	return !j->errors;
}
