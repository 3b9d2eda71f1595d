/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target_refuse.c - addresses within functions that the kernel's
 * register_kprobe() refuses, because it writes there itself or knows the
 * instruction by its address: jump labels, static calls and BUG()s. All three
 * are tables in the kernel image, whose entries say where by their distance.
 */
#include "facts.h"

#include <stdlib.h>
#include <string.h>

struct refusal {
	uint64_t addr;
	const char *why;
};

struct range {
	uint64_t from, to;
};

struct refusals {
	VEC(struct refusal) v;
	VEC(struct range) orphans;	/* see find_orphans() */
};

static const struct {
	const char *type, *member;	/* of an entry, and what says where */
	const char *start, *stop;	/* symbols at the table's ends */
	const char *section;		/* that it is in modules */
	const char *why;
} tables[] = {
	{ "struct jump_entry", "code", "__start___jump_table",
	  "__stop___jump_table", "__jump_table", "the kernel patches it, for a static key" },
	{ "struct static_call_site", "addr", "__start_static_call_sites",
	  "__stop_static_call_sites", ".static_call_sites", "the kernel patches it, for a static "
	  "call" },
	{ "struct bug_entry", "bug_addr_disp", "__start___bug_table",
	  "__stop___bug_table", "__bug_table", "it is where a BUG() or WARN() traps" },
};

static int by_address(const void *a, const void *b)
{
	const struct refusal *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static bool find_table(struct target *t, struct binary *b, size_t which,
		       uint64_t *from, uint64_t *to)
{
	struct facts *f = b->impl;
	bool is_there = false;

	if (b->kind == BIN_MODULE)
		return target_reopen(b) &&
			object_section_range(&f->main, tables[which].section,
					     from, to, &is_there) && is_there;
	*from = target_symbol(t, b, tables[which].start);
	*to = target_symbol(t, b, tables[which].stop);
	return true;
}

static void read_table(struct target *t, struct binary *b,
		       struct refusals *out, size_t which)
{
	const struct facts *f = b->impl;
	struct ctype *type = target_type(t, b, tables[which].type);
	uint64_t from, to, at;
	struct member m;
	uint8_t *bytes;
	int32_t away;

	if (!find_table(t, b, which, &from, &to))
		return;
	if (!type || !type->size || from >= to || to - from > 1 << 26 ||
	    !type_member(type, tables[which].member, &m) || m.type->size != 4)
		return;
	bytes = arena_alloc(target_mem(t), to - from);
	if (!object_read(&f->main, from, bytes, to - from))
		return;
	for (at = from; at + type->size <= to; at += type->size) {
		memcpy(&away, bytes + (at - from) + m.offset, 4);
		vec_push(target_mem(t), &out->v, ((struct refusal){
			at + m.offset + (uint64_t)(int64_t)away,
			tables[which].why }));
	}
}

/* Has f a call of ftrace? */
static bool is_traced(struct target *t, struct binary *b,
		      const struct index *ix, const char *name)
{
	uint64_t addr = target_symbol(t, b, name);
	const struct ix_func *f = addr ? index_func_at(ix, addr) : NULL;

	return f && f->flags & IXF_TRACEABLE;
}

/*
 * Code that was moved away, "f.cold", has no call of ftrace, so the kernel looks
 * whether f has. If not, or if there is no f any more, it is notrace.
 */
static void find_orphans(struct target *t, struct binary *b,
			 struct refusals *out)
{
	const struct facts *f = b->impl;
	const struct index *ix = f->ix;
	size_t i;

	for (i = 0; ix && i < ix->nsymbols; i++) {
		const struct ix_symbol *s = &ix->symbols[i];
		const char *name = ix->str + s->name;
		const char *cold = strstr(name, ".cold");

		if (cold && !is_traced(t, b, ix, arena_strndup(target_mem(t),
				name, strcspn(name, "."))))
			vec_push(target_mem(t), &out->orphans,
				 ((struct range){ s->addr,
						  s->addr + s->size }));
	}
}

static const struct refusals *refusals_of(struct target *t, struct binary *b)
{
	struct facts *f = b->impl;
	size_t i;

	if (f->refused)
		return f->refused;
	f->refused = NEW(target_mem(t), struct refusals);
	for (i = 0; i < COUNT_OF(tables); i++)
		read_table(t, b, f->refused, i);
	if (b->kind == BIN_KERNEL &&
	    !target_config(t, "CONFIG_KPROBE_EVENTS_ON_NOTRACE"))
		find_orphans(t, b, f->refused);
	if (f->refused->v.n)
		qsort(f->refused->v.v, f->refused->v.n,
		      sizeof(struct refusal), by_address);
	return f->refused;
}

/* --- programs: what uprobes cannot step or emulate (x86-64) ---------------------- */

enum { LONGEST_INSTRUCTION = 15, LOCK = 0xf0, VEX3 = 0xc4, VEX2 = 0xc5,
       EVEX = 0x62 };

static bool is_segment(uint8_t c)
{
	return c == 0x26 || c == 0x2e || c == 0x36 || c == 0x3e;
}

/* One byte before the opcode that uprobes do not mind, REX too. */
static bool is_prefix(uint8_t c)
{
	return (c >= 0x64 && c <= 0x67) || c == 0xf2 || c == 0xf3 ||
		(c & 0xf0) == 0x40;
}

/* Not one of the opcodes of one byte that the kernel's table has. */
static bool is_bad(uint8_t c)
{
	switch (c) {
	case 0x06: case 0x07: case 0x0e: case 0x16: case 0x17: case 0x1e:
	case 0x1f: case 0x27: case 0x2f: case 0x37: case 0x3f: case 0x60:
	case 0x61: case 0x62: case 0x6c: case 0x6d: case 0x6e: case 0x6f:
	case 0x82: case 0x9a: case 0xcc: case 0xcd: case 0xce: case 0xcf:
	case 0xd4: case 0xd6: case 0xe4: case 0xe5: case 0xe6: case 0xe7:
	case 0xea: case 0xec: case 0xed: case 0xee: case 0xef: case 0xf1:
	case 0xf4: case 0xfa: case 0xfb:
		return true;
	}
	return false;
}

/*
 * The kernel looks the opcode behind a vector instruction's prefix up in the table
 * for opcodes of one byte, so that it refuses vmovdqu as it does outs.
 */
static const char *uprobe_why_not(struct binary *b, uint64_t addr)
{
	struct facts *f = b->impl;
	uint8_t c, behind;
	size_t i, n;

	for (i = 0; i < LONGEST_INSTRUCTION; i++) {
		if (!object_read(&f->main, addr + i, &c, 1))
			return NULL;
		if (c == LOCK)
			return "the kernel's uprobes take no locked instruction";
		if (is_segment(c))
			return "the kernel's uprobes take no instruction with "
			       "a segment prefix (notrack)";
		if (!is_prefix(c))
			break;
	}
	n = c == EVEX ? 4 : c == VEX3 ? 3 : c == VEX2 ? 2 : 0;
	if (n)
		return object_read(&f->main, addr + i + n, &behind, 1) &&
			is_bad(behind) ? "the kernel's uprobes do not take this "
			"vector instruction" : NULL;
	return is_bad(c) ? "the kernel's uprobes do not take this instruction: "
		"it traps, or is privileged" : NULL;
}

bool target_moves_stacks(const struct binary *b)
{
	const struct facts *f = b->impl;
	struct bytes lines;

	return b->kind == BIN_PROGRAM &&
		object_section(&f->main, ".gopclntab", &lines);
}

const char *target_why_not(struct target *t, struct binary *b, uint64_t addr)
{
	struct refusal key = { addr, NULL }, *r;
	const struct refusals *all;

	if (b->kind == BIN_PROGRAM)
		return uprobe_why_not(b, addr);
	if (!b->file)
		return NULL;
	all = refusals_of(t, b);
	r = all->v.n ? bsearch(&key, all->v.v, all->v.n, sizeof(key),
			       by_address) : NULL;
	for (size_t i = 0; !r && i < all->orphans.n; i++)
		if (addr - all->orphans.v[i].from <
		    all->orphans.v[i].to - all->orphans.v[i].from)
			return "it was moved away from a function that is "
			       "notrace";
	return r ? r->why : NULL;
}
