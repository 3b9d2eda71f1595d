/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit_stmt.c - statements as C. What holds: every statement leaves through
 * emit_leave() when it faults; a body of a loop is a C function of its own,
 * which returns 1 for break, for a fault and for what leaves the unit, and the
 * statement behind the loop looks which it was.
 */
#include "emit.h"
#include "regex.h"

#include <inttypes.h>
#include <string.h>

/* --- control ----------------------------------------------------------------- */

/* Of a unit at its top. */
static void goto_end(struct emit *e)
{
	if (e->u->h && e->u->h->lock_at && !e->u->locked) {
		e->u->early_used = true;
		emit_line(e, "goto early;");
	} else {
		e->u->out_used = true;
		emit_line(e, "goto out;");
	}
}

void emit_leave(struct emit *e)
{
	if (e->reg->catcher) {
		e->reg->catcher->used = true;
		emit_line(e, "goto caught%u;", e->reg->catcher->label);
	} else if (e->reg->id || e->u->fn) {
		emit_line(e, "return 1;");
	} else {
		goto_end(e);
	}
}

void emit_fault(struct emit *e, const struct ir_stmt *s, const char *value)
{
	const char *args = e->ir->formats.v[s->err].args;

	if (value && args && args[0] == 'l')
		emit_line(e, "RT_FAULT_ARG(%d, %s);", s->err, value);
	else
		emit_line(e, "RT_FAULT(%d);", s->err);
	emit_leave(e);
}

/* if (cond) fault; or the bare call where a statement cannot fault. */
static void emit_try_call(struct emit *e, const struct ir_stmt *s,
			  const char *call, const char *value)
{
	if (s->err < 0) {
		emit_line(e, "%s;", call);
		return;
	}
	emit_line(e, "if (%s) {", call);
	e->depth++;
	emit_fault(e, s, value);
	e->depth--;
	emit_line(e, "}");
}

#define text(e, ...) arena_printf((e)->mem, __VA_ARGS__)

/* --- values ------------------------------------------------------------------ */

static uint32_t cap_of(struct emit *e, const struct ir_slot *s)
{
	return s->cap ? s->cap : e->ir->string_len;
}

static void copy_string(struct emit *e, const char *dst, uint32_t cap,
			const struct ir_opnd *src)
{
	if (src->kind == IR_LIT && src->len < SMALL_STRING && src->len < cap)
		emit_line(e, "RT_COPY_LIT(%s, %s);", dst, emit_opnd(e, src));
	else
		emit_line(e, "rt_copy(%s, %u, %s);", dst, cap,
			  emit_opnd(e, src));
}

static void emit_move(struct emit *e, const struct ir_stmt *s)
{
	if (s->dst->type == IR_LONG)
		emit_line(e, "%s = %s;", emit_slot(e, s->dst),
			  emit_opnd(e, &s->a));
	else
		copy_string(e, emit_slot(e, s->dst), cap_of(e, s->dst), &s->a);
}

/* A flat switch. */
static const char *binary(struct emit *e, enum ir_op op, const char *a,
			  const char *b)
{
	switch (op) {
	case IR_ADD: return text(e, "%s + %s", a, b);
	case IR_SUB: return text(e, "%s - %s", a, b);
	case IR_MUL: return text(e, "%s * %s", a, b);
	case IR_DIV: return text(e, "rt_div(%s, %s)", a, b);
	case IR_MOD: return text(e, "rt_mod(%s, %s)", a, b);
	case IR_AND: return text(e, "%s & %s", a, b);
	case IR_OR: return text(e, "%s | %s", a, b);
	case IR_XOR: return text(e, "%s ^ %s", a, b);
	case IR_SHL: return text(e, "(i64)((u64)%s << (%s & 63))", a, b);
	case IR_SHR: return text(e, "(i64)%s >> (%s & 63)", a, b);
	case IR_USHR: return text(e, "(i64)((u64)%s >> (%s & 63))", a, b);
	case IR_EQ: return text(e, "%s == %s", a, b);
	case IR_NE: return text(e, "%s != %s", a, b);
	case IR_LT: return text(e, "%s < %s", a, b);
	case IR_LE: return text(e, "%s <= %s", a, b);
	case IR_GT: return text(e, "%s > %s", a, b);
	case IR_GE: return text(e, "%s >= %s", a, b);
	case IR_ULT: return text(e, "(u64)%s < (u64)%s", a, b);
	case IR_ULE: return text(e, "(u64)%s <= (u64)%s", a, b);
	case IR_NEG: case IR_NOT: case IR_LNOT:
		break;
	}
	bug("operator %d with two operands", op);
}

static void emit_binary(struct emit *e, const struct ir_stmt *s)
{
	const char *b = emit_opnd(e, &s->b);

	if (s->err >= 0 && (s->op == IR_DIV || s->op == IR_MOD))
		emit_try_call(e, s, text(e, "%s == 0", b), NULL);
	emit_line(e, "%s = %s;", emit_slot(e, s->dst),
		  binary(e, s->op, text(e, "%s%s", s->a.kind == IR_NUM ?
					"(i64)" : "", emit_opnd(e, &s->a)), b));
}

static void emit_unary(struct emit *e, const struct ir_stmt *s)
{
	const char *op = s->op == IR_NEG ? "-" : s->op == IR_NOT ? "~" : "!";

	emit_line(e, "%s = %s(i64)%s;", emit_slot(e, s->dst), op,
		  emit_opnd(e, &s->a));
}

static void emit_strcmp(struct emit *e, const struct ir_stmt *s)
{
	const struct ir_opnd *a = &s->a, *b = &s->b;
	const char *dst = emit_slot(e, s->dst);
	bool equal = s->op == IR_EQ || s->op == IR_NE;

	if (equal && a->kind == IR_LIT && b->kind == IR_SLOT) {
		a = &s->b;
		b = &s->a;
	}
	if (e->kernel && equal && a->kind == IR_SLOT && b->kind == IR_LIT &&
	    b->len < 32) {
		if (b->len >= emit_round(cap_of(e, a->slot)))
			emit_line(e, "%s = %d;", dst, s->op == IR_NE);
		else
			emit_line(e, "%s = %sRT_EQUALS(%s, %s);", dst,
				  s->op == IR_NE ? "!" : "", emit_opnd(e, a),
				  emit_opnd(e, b));
		return;
	}
	emit_line(e, "%s = %s;", dst,
		  binary(e, s->op, text(e, "RT_STRCMP(%s, %s)",
					emit_opnd(e, &s->a),
					emit_opnd(e, &s->b)), "0"));
}

/* A table that needs no byte to say yes is no table. */
static void emit_match(struct emit *e, const struct ir_stmt *s)
{
	const struct regex *re = e->ir->regexes.v[s->num];

	if (!re->tagged && re->first <= re->nclasses)
		emit_line(e, "%s = %d;", emit_slot(e, s->dst),
			  re->first == re->nclasses);
	else
		emit_line(e, "%s = RT_MATCH(r, %" PRId64 ", %s);",
			  emit_slot(e, s->dst), s->num, emit_opnd(e, &s->a));
}

/* --- the probe's context and memory ------------------------------------------- */

static const char *memory_type(const struct ir_stmt *s)
{
	switch (s->size) {
	case 1: return s->is_signed ? "int8_t" : "uint8_t";
	case 2: return s->is_signed ? "int16_t" : "uint16_t";
	case 4: return s->is_signed ? "int32_t" : "uint32_t";
	case 8: return s->is_signed ? "int64_t" : "uint64_t";
	}
	bug("load of %d bytes", s->size);
}

static const char *address(struct emit *e, const struct ir_stmt *s)
{
	if (!s->num)
		return emit_opnd(e, &s->a);
	return text(e, "%s %c %" PRIu64, emit_opnd(e, &s->a),
		    s->num < 0 ? '-' : '+', s->num < 0 ? -(uint64_t)s->num :
		    (uint64_t)s->num);
}

static void emit_load(struct emit *e, const struct ir_stmt *s)
{
	const char *at = address(e, s);

	emit_try_call(e, s, text(e, "RT_LOAD(%s, %s, %s, %s)", memory_type(s),
				 emit_slot(e, s->dst), at,
				 s->space == IR_USER_MEM ? "user" : "kernel"),
		      at);
}

static void emit_store(struct emit *e, const struct ir_stmt *s)
{
	const char *at = address(e, s);

	emit_try_call(e, s, text(e, "RT_STORE(%s, %s, %s, %s)", memory_type(s),
				 at, emit_opnd(e, &s->b),
				 s->space == IR_USER_MEM ? "user" : "kernel"),
		      at);
}

static void emit_load_str(struct emit *e, const struct ir_stmt *s)
{
	const char *at = address(e, s);

	emit_try_call(e, s, text(e, "rt_load_str(%s, %u, %s, %s, %d)",
				 emit_slot(e, s->dst), cap_of(e, s->dst),
				 s->b.kind == IR_NONE ? "RT_STRING_LEN" :
				 emit_opnd(e, &s->b), at,
				 s->space == IR_USER_MEM), at);
}

static void emit_load_mem(struct emit *e, const struct ir_stmt *s)
{
	const char *at = address(e, s);

	emit_try_call(e, s, text(e, "rt_load_mem(%s, %u, %s, %s, %d)",
				 emit_slot(e, s->dst), s->cap,
				 emit_opnd(e, &s->b), at,
				 s->space == IR_USER_MEM), at);
}

static const char *register_name(int64_t number)
{
	static const char *const names[] = {	/* DWARF's order */
		"ax", "dx", "cx", "bx", "si", "di", "bp", "sp", "r8", "r9",
		"r10", "r11", "r12", "r13", "r14", "r15", "ip",
	};

	switch (number) {
	case 49: return "flags";
	case 51: return "cs";
	case 52: return "ss";
	case IR_REG_ORIG_AX: return "orig_ax";
	default: break;
	}
	if (number < 0 || number >= (int64_t)COUNT_OF(names))
		bug("register %" PRId64, number);
	return names[number];
}

/* Registers, arguments, return values, addresses. */
static void emit_context(struct emit *e, const struct ir_stmt *s)
{
	const char *dst = emit_slot(e, s->dst);
	enum ir_prog prog = e->u->h ? e->u->h->prog : IR_LOADER;

	if (s->kind == IR_REG)
		emit_line(e, "%s = RT_REG(r, %s);", dst,
			  register_name(s->num));
	else if (s->kind == IR_ARG && prog == IR_SYSCALL)
		emit_line(e, "%s = rt_call_arg(r, %" PRId64 ");", dst, s->num);
	else if (s->kind == IR_ARG && (prog == IR_NETFILTER ||
				       emit_is_iterator(e->u->h)))
		emit_line(e, "%s = rt_ctx_number(r, %" PRId64 ");", dst,
			  s->num);
	else if (s->kind == IR_ARG && prog == IR_RAW_TP)
		emit_line(e, "%s = RT_CTX_WORD(r, %" PRId64 ");", dst, s->num);
	else if (s->kind == IR_ARG)
		emit_line(e, "%s = rt_func_arg(r, %" PRId64 ");", dst, s->num);
	else if (s->kind == IR_RETVAL && prog == IR_FEXIT)
		emit_line(e, "%s = rt_func_ret(r);", dst);
	else if (s->kind == IR_RETVAL && prog == IR_SYSCALL)
		emit_line(e, "%s = RT_CTX_WORD(r, 1);", dst);
	else if (s->kind == IR_RETVAL)
		emit_line(e, "%s = RT_REG(r, ax);", dst);
	else if (s->kind == IR_CTX)
		emit_line(e, "%s = (i64)r->ctx;", dst);
	else if (s->kind == IR_COOKIE)
		emit_line(e, "%s = rt_cookie(r);", dst);
	else if (s->kind == IR_SITE_NAME && s->a.kind != IR_NONE)
		emit_line(e, "rt_copy(%s, %u, names_%" PRId64
			  "[rt_index(%s, %zu)]);", dst, cap_of(e, s->dst),
			  s->num, emit_opnd(e, &s->a),
			  e->ir->names.v[s->num].v.n);
	else if (s->kind == IR_SITE_NAME && prog == IR_SYSCALL)
		emit_line(e, "rt_copy(%s, %u, names_%" PRId64
			  "[rt_call_site(r, %zu)]);", dst,
			  cap_of(e, s->dst), s->num,
			  e->ir->names.v[s->num].v.n);
	else if (s->kind == IR_SITE_NAME)
		emit_line(e, "rt_copy(%s, %u, names_%" PRId64
			  "[rt_site(r, %zu)]);", dst, cap_of(e, s->dst),
			  s->num, e->ir->names.v[s->num].v.n);
	else
		emit_line(e, "%s = (i64)(0x%" PRIx64 " + RT_SHARED->slide);",
			  dst, (uint64_t)s->num);
}

/* --- calls --------------------------------------------------------------------- */

static void emit_call(struct emit *e, const struct ir_stmt *s)
{
	struct text t = { .mem = e->mem };
	const char *dst = s->dst ? emit_slot(e, s->dst) : NULL;
	bool string = dst && s->dst->type == IR_STRING;
	bool by_value = dst && !string && s->err < 0;
	size_t i;

	text_printf(&t, "rt_%s(r", s->name);
	if (string)
		text_printf(&t, ", %s, %u", dst, cap_of(e, s->dst));
	else if (dst && !by_value)
		text_printf(&t, ", &%s", dst);
	for (i = 0; i < s->nargs; i++)
		text_printf(&t, ", %s", emit_opnd(e, &s->args[i]));
	text_putc(&t, ')');
	if (by_value)
		emit_line(e, "%s = %s;", dst, t.s);
	else
		emit_try_call(e, s, t.s, s->err >= 0 &&
			      e->ir->formats.v[s->err].args[0] == 'l' ?
			      emit_opnd(e, &s->args[0]) : NULL);
}

/* The callee's frame: of the run's, of the stack, or a fresh one. */
static void open_callee(struct emit *e, const struct ir_stmt *s,
			const struct unit *callee)
{
	if (e->module && callee->fn->recursive) {
		emit_open_nested(e, s, callee);
	} else if (!e->kernel) {
		emit_line(e, "struct %s_frame *n = rt_push(sizeof(*n), %d);",
			  callee->name, s->fn->recursive);
		if (s->err >= 0)
			emit_try_call(e, s, "!n", NULL);
	} else if (callee->slots_in_frame) {
		emit_line(e, "struct %s_frame *n = RT_FRAME_OF(r, %s);",
			  callee->name, callee->name);
	} else {
		emit_line(e, "struct %s_frame n_ = { 0 }, *n = &n_;",
			  callee->name);
	}
}

static void emit_call_fn(struct emit *e, const struct ir_stmt *s)
{
	const struct unit *callee = emit_unit_of(e, s->fn);
	const char *close = !e->kernel ? "rt_pop(n);" : e->module &&
		s->fn->recursive ? "RT_UNNEST(r);" : NULL;
	size_t i;

	emit_line(e, "{");
	e->depth++;
	open_callee(e, s, callee);
	for (i = 0; i < s->fn->nparams; i++) {
		const struct ir_slot *p = s->fn->params[i];
		const char *to = text(e, "n->%s", p->name);

		if (p->type == IR_LONG)
			emit_line(e, "%s = %s;", to,
				  emit_opnd(e, &s->args[i]));
		else
			copy_string(e, to, cap_of(e, p), &s->args[i]);
	}
	emit_line(e, "if (%s(r, n)) {", callee->name);
	e->depth++;
	if (close)
		emit_line(e, "%s", close);
	emit_leave(e);
	e->depth--;
	emit_line(e, "}");
	if (s->dst && s->dst->type == IR_LONG)
		emit_line(e, "%s = n->result;", emit_slot(e, s->dst));
	else if (s->dst)
		emit_line(e, "rt_copy(%s, %u, n->result);",
			  emit_slot(e, s->dst), cap_of(e, s->dst));
	if (close)
		emit_line(e, "%s", close);
	e->depth--;
	emit_line(e, "}");
}

/* --- scalars --------------------------------------------------------------------- */

static const char *op_name(enum ir_op op)
{
	switch (op) {
	case IR_ADD: return "RT_ADD";
	case IR_SUB: return "RT_SUB";
	case IR_AND: return "RT_AND";
	case IR_OR: return "RT_OR";
	case IR_XOR: return "RT_XOR";
	case IR_MUL: case IR_DIV: case IR_MOD: case IR_SHL: case IR_SHR:
	case IR_USHR: case IR_EQ: case IR_NE: case IR_LT: case IR_LE:
	case IR_GT: case IR_GE: case IR_ULT: case IR_ULE: case IR_NEG:
	case IR_NOT: case IR_LNOT:
		break;
	}
	bug("operator %d in one step", op);
}

/* Loader handlers see what the kernel adds to as it was when they began, and
   store differences. */
static bool is_seen(struct emit *e, const struct ir_global *g)
{
	return !e->kernel && g->only_added && g->value == IR_V_LONG &&
	       !g->nkeys;
}

static void emit_get(struct emit *e, const struct ir_stmt *s)
{
	if (s->global->value == IR_V_STRING)
		emit_line(e, "rt_copy(%s, %u, G.g_%s);", emit_slot(e, s->dst),
			  cap_of(e, s->dst), s->global->name);
	else if (is_seen(e, s->global))
		emit_line(e, "%s = RT_SEEN(r)->g_%s;", emit_slot(e, s->dst),
			  s->global->name);
	else
		emit_line(e, "%s = RT_VOLATILE(G.g_%s);", emit_slot(e, s->dst),
			  s->global->name);
}

static void set_long(struct emit *e, const struct ir_global *g, const char *v)
{
	if (is_seen(e, g)) {
		emit_line(e, "rt_modify(&G.g_%s, RT_ADD, %s - "
			  "RT_SEEN(r)->g_%s, 0);", g->name, v, g->name);
		emit_line(e, "RT_SEEN(r)->g_%s = %s;", g->name, v);
	} else {
		emit_line(e, "RT_VOLATILE(G.g_%s) = %s;", g->name, v);
	}
}

static void emit_set(struct emit *e, const struct ir_stmt *s)
{
	if (s->global->value == IR_V_STRING)
		copy_string(e, text(e, "G.g_%s", s->global->name),
			    e->ir->string_len, &s->a);
	else
		set_long(e, s->global, emit_opnd(e, &s->a));
}

static void emit_modify(struct emit *e, const struct ir_stmt *s)
{
	const char *name = s->global->name, *a = emit_opnd(e, &s->a);
	const char *to = s->dst ? text(e, "%s = ", emit_slot(e, s->dst)) : "";

	if (!is_seen(e, s->global)) {
		emit_line(e, "%srt_modify(&G.g_%s, %s, %s, %d);", to, name,
			  op_name(s->op), a, s->want_old);
		return;
	}
	emit_line(e, "rt_modify(&G.g_%s, %s, %s, 0);", name, op_name(s->op),
		  a);
	emit_line(e, "%srt_modify(&RT_SEEN(r)->g_%s, %s, %s, %d);", to, name,
		  op_name(s->op), a, s->want_old);
}

/* --- arrays ------------------------------------------------------------------------ */

/* A local of few words, all of which the key has room for. */
static bool is_short_key(struct emit *e, const struct ir_global *g, size_t i,
			 const struct ir_opnd *key)
{
	uint32_t width = emit_round(g->key_caps ? g->key_caps[i] : 0);

	return e->kernel && !e->u->fn && key->kind == IR_SLOT && width &&
	       width <= SHORT_KEY && e->u->slot[key->slot->number].place ==
	       IN_LOCAL && e->u->slot[e->u->slot[key->slot->number].as->number]
	       .room >= width;
}

const char *emit_key(struct emit *e, const struct ir_global *g,
		     const struct ir_opnd *keys)
{
	const struct ir_layout_map *m = emit_map(e, g);
	bool small = emit_small_key(e, g);
	size_t i;

	if (!g->nkeys) {
		emit_line(e, "u32 k = 0;\n");
		return "&k";
	}
	if (small)
		emit_line(e, "struct m%u_key k_, *k = &k_;", m->id);
	else
		emit_line(e, "struct m%u_key *k = RT_KEY_SPACE(r, "
			  "struct m%u_key);", m->id, m->id);
	emit_line(e, "%s", "");
	for (i = 0; i < g->nkeys; i++) {
		const char *v = keys[i].kind == IR_NONE ? NULL :
				emit_opnd(e, &keys[i]);

		if (!v)
			continue;
		if (g->keys[i] == IR_LONG)
			emit_line(e, "k->k%zu = %s;", i, v);
		else if (keys[i].kind == IR_LIT && keys[i].len < SMALL_STRING &&
			 keys[i].len < m->key_size)
			emit_line(e, "RT_KEY_LIT(k->k%zu, %s);", i, v);
		else if (is_short_key(e, g, i, &keys[i]))
			emit_line(e, "RT_KEY_SHORT(k->k%zu, %s);", i, v);
		else
			emit_line(e, "rt_key_str(k->k%zu, sizeof(k->k%zu), "
				  "%s);", i, i, v);
	}
	return "k";
}

static const char *seq(const struct ir_global *g)
{
	return g->hidden ? "RT_PLAIN" : "RT_SEQ";
}

/* Not 0: the array is full. */
static void map_store(struct emit *e, const struct ir_stmt *s,
		      const char *call)
{
	emit_try_call(e, s, emit_each_store(e, s->global, call), NULL);
}

static void map_get(struct emit *e, const struct ir_stmt *s, const char *k)
{
	const struct ir_global *g = s->global;
	const char *dst = emit_slot(e, s->dst);

	if (g->value == IR_V_STRING)
		emit_line(e, "rt_map_get_str(RT_MAP(%d), %s, %s, %s, %u);",
			  g->index, k, seq(g), dst, cap_of(e, s->dst));
	else
		emit_line(e, "%s = rt_map_get(RT_MAP(%d), %s, %s);", dst,
			  g->index, k, seq(g));
}

static void map_set(struct emit *e, const struct ir_stmt *s, const char *k)
{
	const struct ir_global *g = s->global;
	const char *a = emit_opnd(e, &s->a);

	if (g->value == IR_V_STRING)
		map_store(e, s, text(e, "rt_map_set_str(r, RT_MAP(%d), %s, "
			   "%s, %u, %s)", g->index, k, seq(g),
			   emit_map(e, g)->value_size - (g->hidden ? 0 : 8),
			   a));
	else
		map_store(e, s, text(e, "rt_map_set(RT_MAP(%d), %s, %s, %s)",
			   g->index, k, seq(g), a));
}

static void map_modify(struct emit *e, const struct ir_stmt *s, const char *k)
{
	const struct ir_global *g = s->global;

	map_store(e, s, text(e, "RT_MAP_MODIFY(RT_MAP(%d), %s, %s, %s, %s, "
		   "v, %d)", g->index, k, seq(g), op_name(s->op),
		   emit_opnd(e, &s->a), s->want_old));
	if (s->dst)
		emit_line(e, "%s = v;", emit_slot(e, s->dst));
}

static void map_cat(struct emit *e, const struct ir_stmt *s, const char *k)
{
	const struct ir_global *g = s->global;

	map_store(e, s, text(e, "rt_map_cat(r, RT_MAP(%d), %s, %s, %u, %s)",
		   g->index, k, seq(g), emit_map(e, g)->value_size -
		   (g->hidden ? 0 : 8), emit_opnd(e, &s->a)));
	if (s->dst)
		map_get(e, s, k);
}

static void stat_add(struct emit *e, const struct ir_stmt *s, const char *k)
{
	const struct ir_global *g = s->global;

	map_store(e, s, text(e, "RT_STAT_ADD(RT_MAP(%d), %s, struct "
		   "m%d_value, &m%d_none, %s, %s, 0x%x, %" PRId64 ", %"
		   PRId64 ", %" PRId64 ")", g->index, k, g->index, g->index,
		   seq(g), emit_opnd(e, &s->a), g->stat_ops, g->hist_lo,
		   g->hist_hi, g->hist_step));
}

static void stat_get(struct emit *e, const struct ir_stmt *s, const char *k)
{
	const struct ir_global *g = s->global;
	const char *dst = emit_slot(e, s->dst);

	if (e->kernel && !e->module && s->kind == IR_STAT_BUCKET)
		emit_try_call(e, s, text(e, "m%d_bucket(%s, (u64)%s, &%s)",
			      g->index, k, emit_opnd(e, &s->a), dst), NULL);
	else if (e->kernel && !e->module)
		emit_try_call(e, s, text(e, "m%d_read(%s, %d, &%s)", g->index,
			      k, s->stat, dst), NULL);
	else if (s->kind == IR_STAT_BUCKET)
		emit_try_call(e, s, text(e, "rt_stat_bucket(RT_MAP(%d), %s, "
			      "%s, &%s)", g->index, k, emit_opnd(e, &s->a),
			      dst), NULL);
	else
		emit_try_call(e, s, text(e, "rt_stat_get(RT_MAP(%d), %s, %d, "
			      "%s, &%s)", g->index, k, s->stat,
			      s->b.kind == IR_NONE ? "0" :
			      emit_opnd(e, &s->b), dst), NULL);
}

static void emit_map_stmt(struct emit *e, const struct ir_stmt *s)
{
	int id = s->global->index;
	const char *k;

	emit_line(e, "{");
	e->depth++;
	if (s->kind == IR_MAP_MODIFY)
		emit_line(e, "i64 v;");
	k = emit_key(e, s->global, s->args);
	if (s->kind == IR_MAP_GET)
		map_get(e, s, k);
	else if (s->kind == IR_MAP_SET)
		map_set(e, s, k);
	else if (s->kind == IR_MAP_MODIFY)
		map_modify(e, s, k);
	else if (s->kind == IR_MAP_CAT)
		map_cat(e, s, k);
	else if (s->kind == IR_MAP_IN)
		emit_line(e, "%s = rt_map_in(RT_MAP(%d), %s);",
			  emit_slot(e, s->dst), id, k);
	else if (s->kind == IR_MAP_DEL)
		emit_line(e, "rt_map_del(RT_MAP(%d), %s);", id, k);
	else if (s->kind == IR_STAT_ADD)
		stat_add(e, s, k);
	else if (s->kind == IR_PRINT_HIST && s->dst)
		emit_try_call(e, s, text(e, "rt_format_hist(RT_MAP(%d), %s, "
			      "%s, %u)", id, k, emit_slot(e, s->dst),
			      cap_of(e, s->dst)), NULL);
	else if (s->kind == IR_PRINT_HIST)
		emit_try_call(e, s, text(e, "rt_print_hist(RT_MAP(%d), %s)",
			      id, k), NULL);
	else
		stat_get(e, s, k);
	e->depth--;
	emit_line(e, "}");
}

static void emit_clear(struct emit *e, const struct ir_stmt *s)
{
	const struct ir_global *g = s->global;

	if (g->nkeys || g->value == IR_V_STAT)
		emit_each_clear(e, g);
	else if (g->value == IR_V_STRING)
		emit_line(e, "G.g_%s[0] = 0;", g->name);
	else
		set_long(e, g, "0");
}

/* --- loops ------------------------------------------------------------------------- */

/* Whether a body leaves the unit: `next`, `return`. */
static bool leaves(const struct ir_stmt *s)
{
	for (; s; s = s->next)
		if (s->kind == IR_NEXT || s->kind == IR_RETURN ||
		    leaves(s->body) || leaves(s->other))
			return true;
	return false;
}

static void emit_actions(struct emit *e, const struct ir_stmt *s)
{
	emit_line(e, "if (RT_ACTIONS(s, %d)) {", s->cost > 0 ? s->cost : 1);
	e->depth++;
	if (s->err >= 0)
		emit_fault(e, s, NULL);
	else
		emit_leave(e);
	e->depth--;
	emit_line(e, "}");
}

/* Keys and value of this turn's element into their slots. */
static void emit_element(struct emit *e, const struct ir_stmt *s, unsigned it,
			 const char *name)
{
	const struct ir_foreach *each = s->each;
	const struct ir_global *g = s->global;
	const char *type = each->over_buckets ? "i64" :
			   text(e, "struct m%d_key", g->index);
	size_t i;

	if (emit_walks(e)) {
		emit_each_element(e, s, it, name);
		return;
	}
	emit_line(e, "%s *k = RT_KEY_SPACE(r, %s);", type, type);
	emit_line(e, "%s", "");
	emit_line(e, "if (!rt_each_next(f->each%u, k))", it);
	emit_line(e, "\treturn 1;");
	if (each->over_buckets && each->keys && each->keys[0])
		emit_line(e, "%s = *k;", emit_slot(e, each->keys[0]));
	for (i = 0; !each->over_buckets && i < g->nkeys; i++) {
		const struct ir_slot *to = each->keys ? each->keys[i] : NULL;

		if (to && to->type == IR_LONG)
			emit_line(e, "%s = k->k%zu;", emit_slot(e, to), i);
		else if (to)
			emit_line(e, "rt_copy(%s, %u, k->k%zu);",
				  emit_slot(e, to), cap_of(e, to), i);
	}
	if (each->value && each->value->type == IR_LONG)
		emit_line(e, "%s = rt_each_value(f->each%u);",
			  emit_slot(e, each->value), it);
	else if (each->value)
		emit_line(e, "rt_each_string(f->each%u, %s, %u);", it,
			  emit_slot(e, each->value), cap_of(e, each->value));
}

/* The body as a function of its own, before the unit. */
static void emit_loop_body(struct emit *e, const struct ir_stmt *s,
			   const char *name, int id, unsigned it)
{
	struct region in = { .id = id, .code.mem = e->mem };
	struct region *outer = e->reg;
	int depth = e->depth;

	in.step = ++e->u->nlabels;
	e->reg = &in;
	e->depth = 0;
	emit_line(e, "RT_BODY %s(u32 turn, struct rt_run *r)\n{", name);
	e->depth = 1;
	emit_line(e, "RT_IN_BODY;");
	if (e->module && e->u->fn && e->u->fn->recursive)
		emit_line(e, "struct %s_frame *f = RT_NESTED(r, %s);",
			  e->u->name, e->u->name);
	else if (e->u->slots_in_frame || !e->kernel)
		emit_line(e, "struct %s_frame *f = RT_FRAME_OF(r, %s);",
			  e->u->name, e->u->name);
	emit_locals(e, id);
	if (s->kind == IR_FOREACH)
		emit_element(e, s, it, name);
	emit_line(e, "%s", "");
	e->line = 0;
	emit_actions(e, s);
	emit_body(e, s->body);
	if (in.step_used)
		emit_line(e, "step%u: ;", in.step);
	emit_body(e, s->other);
	emit_line(e, "return 0;");
	text_puts(&in.code, "}\n\n");
	e->reg = outer;
	e->depth = depth;
	e->line = 0;
	text_add(&e->u->bodies, in.code.s, in.code.n);
}

static void emit_after_loop(struct emit *e, const struct ir_stmt *s)
{
	emit_line(e, "if (s->err) {");
	e->depth++;
	emit_leave(e);
	e->depth--;
	emit_line(e, "}");
	if (!leaves(s->body) && !leaves(s->other))
		return;
	emit_line(e, "if (s->leave) {");
	e->depth++;
	if (e->reg->id) {
		emit_line(e, "return 1;");
	} else if (e->u->fn) {
		emit_line(e, "s->leave = RT_STAY;");
		emit_line(e, "return 0;");
	} else {
		goto_end(e);
	}
	e->depth--;
	emit_line(e, "}");
}

static void emit_loop(struct emit *e, const struct ir_stmt *s, int id)
{
	const char *name = text(e, "%s_loop%d", e->u->name, id);

	emit_loop_body(e, s, name, id, 0);
	emit_line(e, "RT_LOOP(r, %s);", name);
	emit_after_loop(e, s);
}

/* How foreach goes, in one number: see enum rt_each of runtime/user. */
static const char *each_flags(struct emit *e, const struct ir_stmt *s)
{
	const struct ir_foreach *each = s->each;
	struct text t = { .mem = e->mem };
	size_t i;

	text_printf(&t, "RT_EACH(%d, %d, %d, 0x", each->sort_dir,
		    each->sort_key, each->sort_stat);
	uint64_t mask = 0;
	for (i = 0; each->slice && i < s->global->nkeys; i++)
		if (each->slice[i].kind != IR_NONE)
			mask |= 1ull << i;
	text_printf(&t, "%" PRIx64 ")", mask);
	return t.s;
}

static void emit_foreach(struct emit *e, const struct ir_stmt *s, int id)
{
	const char *name = text(e, "%s_each%d", e->u->name, id);
	const struct ir_foreach *each = s->each;
	unsigned it = ++e->u->neach;
	const char *k = "0", *limit = "-1";

	if (each->limit.kind != IR_NONE)
		limit = text(e, "RT_LIMIT(%s)", emit_opnd(e, &each->limit));
	else if (emit_walks(e))
		limit = "INT64_MAX";

	emit_loop_body(e, s, name, id, it);
	emit_line(e, "{");
	e->depth++;
	if (emit_walks(e))
		emit_each_start(e, s, it, limit);
	else if (each->slice || each->over_buckets)
		k = emit_key(e, s->global, each->over_buckets ? s->args :
			     each->slice);
	if (!emit_walks(e) && each->over_buckets)
		emit_line(e, "f->each%u = rt_each_bucket(RT_MAP(%d), %s, %s);",
			  it, s->global->index, k, limit);
	else if (!emit_walks(e))
		emit_line(e, "f->each%u = rt_each(RT_MAP(%d), %s, %s, %s);",
			  it, s->global->index, each_flags(e, s), limit, k);
	e->depth--;
	emit_line(e, "}");
	emit_line(e, "RT_LOOP(r, %s);", name);
	if (!emit_walks(e))
		emit_line(e, "rt_each_end(f->each%u);", it);
	emit_after_loop(e, s);
}

/* --- the rest ---------------------------------------------------------------------- */

static void emit_if(struct emit *e, const struct ir_stmt *s)
{
	emit_line(e, "if (%s) {", emit_opnd(e, &s->a));
	e->depth++;
	emit_body(e, s->body);
	e->depth--;
	if (s->other) {
		emit_line(e, "} else {");
		e->depth++;
		emit_body(e, s->other);
		e->depth--;
	}
	emit_line(e, "}");
}

/* Numbers of loops are given in order, whether they are written or not. */
static void skip_loops(struct emit *e, const struct ir_stmt *s)
{
	for (; s; s = s->next) {
		e->u->nloops += s->kind == IR_LOOP || s->kind == IR_FOREACH;
		skip_loops(e, s->body);
		skip_loops(e, s->other);
	}
}

static void emit_try(struct emit *e, const struct ir_stmt *s)
{
	struct catcher c = { ++e->u->nlabels, false, e->reg->catcher };

	e->reg->catcher = &c;
	emit_line(e, "/* try */ {");
	e->depth++;
	emit_body(e, s->body);
	e->depth--;
	e->reg->catcher = c.up;
	emit_line(e, "}");
	if (!c.used) {		/* nothing in it can fault */
		skip_loops(e, s->other);
		return;
	}
	emit_line(e, "goto tried%u;", c.label);
	emit_line(e, "caught%u:", c.label);
	emit_line(e, "/* catch */ {");
	e->depth++;
	emit_caught(e, s);
	emit_body(e, s->other);
	e->depth--;
	emit_line(e, "}");
	emit_line(e, "tried%u: ;", c.label);
}

static void emit_return(struct emit *e, const struct ir_stmt *s)
{
	if (s->a.kind != IR_NONE && e->u->fn->has_result) {
		if (e->u->fn->result == IR_LONG)
			emit_line(e, "f->result = %s;", emit_opnd(e, &s->a));
		else
			copy_string(e, "f->result", e->u->fn->result_cap ?
				    e->u->fn->result_cap : e->ir->string_len,
				    &s->a);
	}
	if (e->reg->id)
		emit_line(e, "s->leave = RT_RETURN;");
	emit_line(e, "return %d;", e->reg->id != 0);
}

static void emit_next(struct emit *e)
{
	if (e->reg->id) {
		emit_line(e, "s->leave = RT_NEXT;");
		emit_line(e, "return 1;");
	} else {
		goto_end(e);
	}
}

static void emit_place_line(struct emit *e, const struct ir_stmt *s)
{
	struct text t = { .mem = e->mem };
	unsigned line, col;

	if (!s->at.src)
		return;
	span_line_col(s->at, &line, &col);
	if (line == e->line)
		return;
	e->line = line;
	text_quote(&t, s->at.src->name, strlen(s->at.src->name));
	text_printf(&e->reg->code, "#line %u %s\n", line, t.s);
}

/* A flat switch. */
static void emit_stmt(struct emit *e, const struct ir_stmt *s)
{
	int id;

	switch (s->kind) {
	case IR_MOVE: emit_move(e, s); break;
	case IR_UN: emit_unary(e, s); break;
	case IR_BIN: emit_binary(e, s); break;
	case IR_CAT:
		emit_line(e, "rt_cat(r, %s, %u, %s, %s);", emit_slot(e, s->dst),
			  cap_of(e, s->dst), emit_opnd(e, &s->a),
			  emit_opnd(e, &s->b));
		break;
	case IR_STRCMP: emit_strcmp(e, s); break;
	case IR_MATCH: emit_match(e, s); break;
	case IR_LOAD: emit_load(e, s); break;
	case IR_LOAD_STR: emit_load_str(e, s); break;
	case IR_LOAD_MEM: emit_load_mem(e, s); break;
	case IR_REG: case IR_ARG: case IR_RETVAL: case IR_CTX: case IR_KADDR:
	case IR_COOKIE: case IR_SITE_NAME:
		emit_context(e, s);
		break;
	case IR_CALL: emit_call(e, s); break;
	case IR_CALL_FN: emit_call_fn(e, s); break;
	case IR_GET: emit_get(e, s); break;
	case IR_SET: emit_set(e, s); break;
	case IR_MODIFY: emit_modify(e, s); break;
	case IR_MAP_GET: case IR_MAP_SET: case IR_MAP_MODIFY: case IR_MAP_CAT:
	case IR_MAP_IN: case IR_MAP_DEL: case IR_STAT_ADD: case IR_STAT_GET:
	case IR_STAT_BUCKET: case IR_PRINT_HIST:
		emit_map_stmt(e, s);
		break;
	case IR_MAP_CLEAR: emit_clear(e, s); break;
	case IR_PRINT: emit_print(e, s); break;
	case IR_FORMAT: emit_format(e, s); break;
	case IR_WORDS: emit_words(e, s); break;
	case IR_IF: emit_if(e, s); break;
	case IR_LOOP: case IR_FOREACH:
		id = (int)++e->u->nloops;
		if (s->kind == IR_LOOP)
			emit_loop(e, s, id);
		else
			emit_foreach(e, s, id);
		break;
	case IR_BREAK: emit_line(e, "return 1;"); break;
	case IR_CONTINUE:
		e->reg->step_used = true;
		emit_line(e, "goto step%u;", e->reg->step);
		break;
	case IR_TRY: emit_try(e, s); break;
	case IR_RAISE: emit_raise(e, s); break;
	case IR_RETURN: emit_return(e, s); break;
	case IR_NEXT: emit_next(e); break;
	case IR_EXIT: emit_line(e, "rt_exit();"); break;
	case IR_C: emit_c_value(e, s); break;
	case IR_STORE: emit_store(e, s); break;
	case IR_SET_REG:
		emit_line(e, "RT_SET_REG(r, %s, %s);", register_name(s->num),
			  emit_opnd(e, &s->a));
		break;
	}
}

void emit_body(struct emit *e, const struct ir_stmt *s)
{
	for (; s; s = s->next) {
		if (e->u->h && s == e->u->h->lock_at)
			emit_locks(e);
		emit_place_line(e, s);
		emit_stmt(e, s);
	}
}
