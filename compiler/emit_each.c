/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit_each.c - foreach, clearing and arrays that wrap, as C for handlers in the
 * kernel: calls of runtime/bpf/each.h. A foreach there has a function that the
 * kernel calls for every element, `turn`, and an iterator in the frame; the body
 * takes from the iterator, and calls for more when there is none left in it.
 */
#include "emit.h"

#include <inttypes.h>

#define text(e, ...) arena_printf((e)->mem, __VA_ARGS__)

/* sizeof(struct rt_each) of runtime/bpf/each.h */
enum { EACH_SIZE = 4 * 8 + 17 * 32 };

bool emit_walks(const struct emit *e)
{
	return e->kernel && !e->module;
}

uint32_t emit_each_size(struct emit *e, const struct ir_stmt *s)
{
	return EACH_SIZE + (s->each->slice ? emit_map(e, s->global)->key_size :
					     0);
}

void emit_each_frame(struct emit *e, const struct unit *u)
{
	size_t i;

	for (i = 0; i < u->walks.n; i++) {
		emit_line(e, "struct rt_each each%zu;", i + 1);
		if (u->walks.v[i]->each->slice)
			emit_line(e, "struct m%d_key slice%zu;",
				  u->walks.v[i]->global->index, i + 1);
	}
}

/* --- what the kernel calls for every element ---------------------------------- */

static const char *seq_of(const struct ir_global *g)
{
	return g->value == IR_V_STAT ? "RT_STAT_SEQ_OF" : "RT_SEQ_OF";
}

/* Sorted by a string? */
static bool by_string(const struct ir_stmt *s)
{
	int key = s->each->sort_key;

	return key ? s->global->keys[key - 1] == IR_STRING :
		     s->global->value == IR_V_STRING;
}

static const char *how(const struct ir_stmt *s)
{
	if (!s->each->sort_dir)
		return "RT_EACH_OLDEST";
	if (by_string(s))
		return s->each->sort_dir > 0 ? "RT_EACH_STR_UP" :
					       "RT_EACH_STR_DOWN";
	return s->each->sort_dir > 0 ? "RT_EACH_UP" : "RT_EACH_DOWN";
}

/* `one.rank`, where it is sorted. */
static void emit_rank(struct emit *e, const struct ir_stmt *s)
{
	int key = s->each->sort_key;

	if (!s->each->sort_dir)
		return;
	if (key)
		emit_line(e, "one.rank = (i64)k->k%d;", key - 1);
	else if (s->global->value == IR_V_STAT)
		emit_line(e, "m%d_read(k, %d, &one.rank);", s->global->index,
			  s->each->sort_stat);
	else if (s->global->value == IR_V_STRING)
		emit_line(e, "one.rank = (i64)(v + RT_SEQ);");
	else
		emit_line(e, "one.rank = *(i64 *)(v + RT_SEQ);");
}

static void emit_slice(struct emit *e, const struct ir_stmt *s, unsigned it)
{
	size_t i;

	for (i = 0; s->each->slice && i < s->global->nkeys; i++) {
		if (s->each->slice[i].kind == IR_NONE)
			continue;
		if (s->global->keys[i] == IR_LONG)
			emit_line(e, "if (k->k%zu != f->slice%u.k%zu)", i, it,
				  i);
		else
			emit_line(e, "if (!RT_EACH_SAME(k->k%zu, "
				  "f->slice%u.k%zu))", i, it, i);
		emit_line(e, "\treturn 0;");
	}
}

static void emit_turn(struct emit *e, const struct ir_stmt *s, const char *name,
		      unsigned it)
{
	struct region turn = { .code.mem = e->mem }, *outer = e->reg;
	int depth = e->depth, m = s->global->index;

	e->reg = &turn;
	e->depth = 0;
	emit_line(e, "RT_BODY %s_turn(void *map, struct m%d_key *k, char *v, "
		  "struct rt_run *r)\n{", name, m);
	e->depth = 1;
	emit_line(e, "struct %s_frame *f = RT_FRAME_OF(r, %s);", e->u->name,
		  e->u->name);
	emit_line(e, "struct rt_each_one one = { 0, 0, (u64)k, (u64)v };\n");
	emit_slice(e, s, it);
	emit_line(e, "one.seq = %s(%d, k, v);", seq_of(s->global), m);
	emit_rank(e, s);
	emit_line(e, "rt_each_offer(&f->each%u, &one, %s);", it, how(s));
	emit_line(e, "return 0;");
	text_puts(&turn.code, "}\n\n");
	e->reg = outer;
	e->depth = depth;
	text_add(&e->u->bodies, turn.code.s, turn.code.n);
}

/* --- the loop ------------------------------------------------------------------- */

void emit_each_start(struct emit *e, const struct ir_stmt *s, unsigned it,
		     const char *limit)
{
	const char *k;

	if (s->each->slice) {
		k = emit_key(e, s->global, s->each->slice);
		emit_line(e, "bpf_probe_read_kernel(&f->slice%u, "
			  "sizeof(f->slice%u), (u64)%s);", it, it, k);
	}
	emit_line(e, "rt_each_start(&f->each%u, %s);", it, limit);
}

/* Where in a key its part i begins. */
static uint32_t part_at(const struct ir_global *g, size_t i)
{
	uint32_t at = 0;
	size_t k;

	for (k = 0; k < i; k++)
		at += g->keys[k] == IR_STRING ? emit_round(g->key_caps[k]) : 8;
	return at;
}

static void emit_part(struct emit *e, const struct ir_slot *to, const char *of,
		      uint32_t at)
{
	if (!to)
		return;
	if (to->type == IR_LONG)
		emit_line(e, "%s = rt_each_long(o->%s + %u);",
			  emit_slot(e, to), of, at);
	else
		emit_line(e, "rt_copy(%s, %u, (const char *)(o->%s + %u));",
			  emit_slot(e, to), to->cap ? to->cap :
			  e->ir->string_len, of, at);
}

/* At the start of the body: this turn's element into its slots. */
void emit_each_element(struct emit *e, const struct ir_stmt *s, unsigned it,
		       const char *name)
{
	const struct ir_foreach *each = s->each;
	size_t i;

	vec_push(e->mem, &e->u->walks, s);
	emit_turn(e, s, name, it);
	emit_line(e, "struct rt_each_one o_, *o = &o_;\n");
	emit_line(e, "if (RT_EACH_NEXT(r, &f->each%u, RT_MAP(%d), %s_turn, o))",
		  it, s->global->index, name);
	emit_line(e, "\treturn 1;");
	for (i = 0; each->keys && i < s->global->nkeys; i++)
		emit_part(e, each->keys[i], "key", part_at(s->global, i));
	emit_part(e, each->value, "value", 8);
}

/* --- clearing, making room -------------------------------------------------------- */

/* Functions of an array, behind its types. */
void emit_each_types(struct emit *e, const struct ir_global *g)
{
	bool stat = g->value == IR_V_STAT;

	if (stat && g->nkeys && (g->walked_in_kernel || g->evicts_in_kernel))
		emit_line(e, "RT_STAT_SEQ(%d)", g->index);
	if (stat && !g->nkeys && g->cleared_in_kernel)
		emit_line(e, "RT_STAT_CLEARER(%d)", g->index);
	if (g->evicts_in_kernel)
		emit_line(e, "RT_EVICTER(%d, %s)", g->index, seq_of(g));
}

void emit_each_clear(struct emit *e, const struct ir_global *g)
{
	if (emit_walks(e) && !g->nkeys)
		emit_line(e, "m%d_clear();", g->index);
	else
		emit_line(e, "rt_map_clear(RT_MAP(%d));", g->index);
}

const char *emit_each_store(struct emit *e, const struct ir_global *g,
			    const char *store)
{
	return emit_walks(e) && g->wraps ? text(e, "RT_WRAP(%d, %s)", g->index,
					    store) : store;
}
