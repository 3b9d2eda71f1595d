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

const char *target_why_not(struct target *t, struct binary *b, uint64_t addr)
{
	struct refusal key = { addr, NULL }, *r;
	const struct refusals *all;

	if (b->kind == BIN_PROGRAM || !b->file)
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
