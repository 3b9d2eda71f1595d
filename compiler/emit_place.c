/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit_place.c - where slots live and what a unit needs of the run.
 *
 * In: a unit's statements. Out: u->slot, u->loops, u->needs_frame, u->direct,
 * and the largest of each buffer that frames have, in e->need. What holds: a
 * slot that is used in one region (the top, or one body of a loop) is written
 * there before it is read, so it can be a C local of that region.
 */
#include "emit.h"

#include <string.h>

enum { TEXT_ROOM = 160 };	/* RT_TEXT_ROOM of runtime/text.h */
enum {
	LOCAL_STRINGS = 128,	/* bytes of strings on the 512 of a stack */
	LOCAL_LONGS = 96,	/* that many in one region: the rest, frame */
	OUT_GATHER = 4096,	/* records of loops gather up to here */
};

struct placer {
	struct emit *e;
	struct unit *u;
	int region;
	uint32_t records, largest;	/* of prints: sum, maximum */
	unsigned prints;
	bool loop_prints, each;
	bool cat, text, key, value, raise, process;
};

uint32_t emit_round(uint32_t size)
{
	return (size + 7) & ~7u;
}

bool emit_small_key(struct emit *e, const struct ir_global *g)
{
	return e->kernel && emit_map(e, g)->key_size <= SMALL_KEY;
}

static uint32_t operand_size(struct emit *e, const struct ir_opnd *o)
{
	if (o->kind == IR_LIT)
		return 8 + emit_round((uint32_t)o->len + 1);
	if (o->kind == IR_SLOT && o->slot->type == IR_STRING)
		return 8 + emit_round(o->slot->cap);
	return 8;
}

uint32_t emit_record_size(struct emit *e, const struct ir_stmt *s)
{
	uint32_t size = sizeof(struct stb_record);
	size_t i;

	for (i = 0; i < s->nargs; i++)
		size += operand_size(e, &s->args[i]);
	return size;
}

static void use(struct placer *p, const struct ir_slot *s)
{
	if (!s)
		return;
	if (p->u->slot[s->number].place == IN_NOTHING) {
		p->u->slot[s->number].place = IN_LOCAL;
		p->u->slot[s->number].region = p->region;
	} else if (p->u->slot[s->number].region != p->region) {
		p->u->slot[s->number].crosses = true;
	}
}

static void use_opnd(struct placer *p, const struct ir_opnd *o)
{
	if (o->kind == IR_SLOT)
		use(p, o->slot);
}

static bool has_strings(const struct ir_global *g)
{
	size_t i;

	for (i = 0; i < g->nkeys; i++)
		if (g->keys[i] == IR_STRING)
			return true;
	return false;
}

static void need_of_call(struct placer *p, const char *name)
{
	bool bpf = !p->e->module;

	if (!strcmp(name, "str_replace") ||
	    (bpf && (!strcmp(name, "tolower") || !strcmp(name, "toupper"))))
		p->cat = true;
	if (bpf && !strcmp(name, "tokenize"))
		p->e->need.tokens = true;
}

/* What the statement needs of the frame's buffers. */
static void need(struct placer *p, const struct ir_stmt *s)
{
	uint32_t size;

	if (s->kind == IR_CAT || s->kind == IR_MAP_CAT ||
	    s->kind == IR_WORDS || emit_is_wide_format(p->e, s))
		p->cat = true;
	if (s->kind == IR_CALL && !strcmp(s->name, "text_strn"))
		p->cat = p->text = true;
	if (p->e->kernel && s->kind == IR_CALL)
		need_of_call(p, s->name);
	p->process |= s->kind == IR_CALL && s->in_process;
	if (s->kind == IR_MAP_CAT ||
	    (s->kind == IR_MAP_SET && s->global->value == IR_V_STRING))
		p->value = true;
	if (s->global && s->global->nkeys && has_strings(s->global) &&
	    !emit_small_key(p->e, s->global))
		p->key = true;
	if (s->kind == IR_PRINT) {
		size = emit_record_size(p->e, s);
		p->prints++;
		p->loop_prints |= p->region > 0;
		p->records += size;
		if (size > p->largest)
			p->largest = size;
	}
	if (s->kind == IR_RAISE && !emit_simple_raise(s)) {
		size = emit_record_size(p->e, s);
		p->raise = true;
		if (size > p->e->need.raise)
			p->e->need.raise = size;
	}
	if (s->kind == IR_CALL_FN) {
		struct unit *callee = emit_unit_of(p->e, s->fn);

		p->u->needs_frame |= callee->needs_frame;
		p->u->prints |= callee->prints;
	}
}

static void walk(struct placer *p, const struct ir_stmt *s);

static void walk_loop(struct placer *p, const struct ir_stmt *s)
{
	int outer = p->region;
	size_t i;

	p->u->loops = true;
	p->each |= s->kind == IR_FOREACH;
	if (emit_walks(p->e) && s->kind == IR_FOREACH)
		p->u->each_size += emit_each_size(p->e, s);
	p->region = (int)++p->u->nregions;
	for (i = 0; s->each && i < s->global->nkeys && s->each->keys; i++)
		if (!s->each->over_buckets || !i)
			use(p, s->each->keys[i]);
	if (s->each)
		use(p, s->each->value);
	walk(p, s->body);
	walk(p, s->other);
	p->region = outer;
}

static void walk(struct placer *p, const struct ir_stmt *s)
{
	size_t i;

	for (; s; s = s->next) {
		use(p, s->dst);
		use_opnd(p, &s->a);
		use_opnd(p, &s->b);
		for (i = 0; i < s->nargs; i++)
			use_opnd(p, &s->args[i]);
		for (i = 0; s->each && s->each->slice &&
			    i < s->global->nkeys; i++)
			use_opnd(p, &s->each->slice[i]);
		if (s->each)
			use_opnd(p, &s->each->limit);
		need(p, s);
		if (s->kind == IR_LOOP || s->kind == IR_FOREACH) {
			walk_loop(p, s);
			continue;
		}
		walk(p, s->body);
		walk(p, s->other);
	}
}

/* The local string of the same region that s can share, or itself. */
static const struct ir_slot *sharer(const struct unit *u,
				    const struct ir_slot *s)
{
	const struct ir_slot *o;

	for (o = u->slots; o != s; o = o->next)
		if (s->pool && o->pool == s->pool && u->slot[o->number].as == o &&
		    u->slot[o->number].place == IN_LOCAL &&
		    u->slot[o->number].region == u->slot[s->number].region)
			return o;
	return s;
}

/* A string on the stack, if there is room; bytes of all that are there. */
static bool settle_local(struct unit *u, const struct ir_slot *s,
			 uint32_t *strings)
{
	const struct ir_slot *as = sharer(u, s);
	uint32_t *room = &u->slot[as->number].room;
	uint32_t more = emit_round(s->cap) > *room ?
			emit_round(s->cap) - *room : 0;

	if (!s->cap || s->cap > SMALL_STRING || *strings + more > LOCAL_STRINGS)
		return false;
	u->slot[s->number].as = as;
	*room += more;
	*strings += more;
	return true;
}

/* Locals become frame slots where they cross regions or are too large. */
static void settle(struct placer *p)
{
	struct unit *u = p->u;
	uint32_t strings = 0, longs = 0;
	const struct ir_slot *s;

	u->slots_in_frame |= u->each_size > 0;
	for (s = u->slots; s; s = s->next) {
		enum place *place = &u->slot[s->number].place;

		u->slot[s->number].as = s;
		if (*place == IN_NOTHING && !u->fn)
			continue;
		if (!p->e->kernel || u->fn || u->slot[s->number].crosses ||
		    (s->in_frame && u->h->needs_frame))
			*place = IN_FRAME;
		else if (s->type == IR_LONG)
			*place = ++longs > LOCAL_LONGS ? IN_FRAME : IN_LOCAL;
		else if (!settle_local(u, s, &strings))
			*place = IN_FRAME;
		u->slots_in_frame |= *place == IN_FRAME;
	}
}

static bool in_frame(const struct unit *u, const struct ir_slot *s)
{
	return u->fn || u->slot[s->number].place == IN_FRAME;
}

/* Is it the first of its pool in the frame? Then *room is what all need. */
bool emit_first_of_pool(const struct unit *u, const struct ir_slot *s,
			uint32_t *room, unsigned *members)
{
	const struct ir_slot *o;

	*members = 0;
	*room = s->type == IR_LONG ? 8 : 0;
	if (!in_frame(u, s))
		return false;
	for (o = u->slots; o; o = o->next) {
		if (o != s && (!s->pool || o->pool != s->pool ||
			       !in_frame(u, o)))
			continue;
		if (!*members && o != s)
			return false;
		++*members;
		if (s->type == IR_STRING && *room < emit_round(o->cap))
			*room = emit_round(o->cap);
	}
	return true;
}

static void grow(uint32_t *to, uint32_t size)
{
	if (*to < size)
		*to = size;
}

/* Functions with strings or loops keep their slots in the run's frame; the
   others get theirs from the caller's stack. */
static bool function_in_frame(const struct unit *u)
{
	const struct ir_slot *s;

	for (s = u->slots; s; s = s->next)
		if (s->type == IR_STRING)
			return true;
	return u->loops || u->fn->recursive || u->fn->c_body ||
	       (u->fn->has_result && u->fn->result == IR_STRING);
}

void emit_place(struct emit *e, struct unit *u)
{
	struct placer p = { .e = e, .u = u };
	struct sizes *n = &e->need;
	uint32_t out;

	walk(&p, u->body);
	settle(&p);
	u->slots_in_frame |= p.each && e->module;
	if (u->fn)
		u->slots_in_frame = !e->kernel || function_in_frame(u);
	u->direct = u->h && !emit_is_task(e, u->h) && p.prints == 1 && !p.loop_prints && !u->prints &&
		    p.largest <= SMALL_RECORD;
	u->prints |= p.prints > 0;
	if (p.prints && !u->direct)
		u->needs_frame = true;
	u->needs_frame |= u->loops || u->slots_in_frame || p.cat || p.key ||
			  p.value || p.raise || p.process;
	if (p.cat)
		grow(&n->cat, 2 * emit_round(e->ir->string_len) +
		     (p.text ? TEXT_ROOM : 0));
	if (u->fn && u->fn->c_body) {	/* it may print and raise */
		u->prints = u->needs_frame = true;
		grow(&n->raise, 16 + emit_round(e->ir->string_len));
	}
	if (p.prints && !u->direct) {
		out = p.records;
		if (p.loop_prints || out > OUT_GATHER || u->fn)
			out = OUT_GATHER;
		grow(&n->out, out > p.largest ? out : p.largest);
	}
}
