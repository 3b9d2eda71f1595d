/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dwarf_inline.c - which functions were inlined, and where: the part of the
 * scan that looks into the code of functions. Every unit that inlines a
 * function of a header has an abstract one of its own; those of one name, file
 * and line are one function of the index.
 */
#include "dwarf_in.h"

#include <string.h>

struct ix_places {		/* of abstract functions in b->funcs, + 1 */
	uint32_t *slots;
	size_t n, cap;
};

static uint32_t *place_slot(const struct ix_build *b, const struct ix_func *f)
{
	const struct ix_places *at = b->abstract_at;
	uint64_t h = f->name * 0x9e3779b97f4a7c15 ^
		(f->file * 0xff51afd7ed558ccd + f->line);
	size_t i = (h ^ h >> 29) & (at->cap - 1);

	for (; at->slots[i]; i = (i + 1) & (at->cap - 1)) {
		const struct ix_func *g = &b->funcs.v[at->slots[i] - 1];

		if (g->name == f->name && g->file == f->file &&
		    g->line == f->line)
			break;
	}
	return &at->slots[i];
}

static void grow(struct ix_build *b)
{
	struct ix_places *at = b->abstract_at;
	uint32_t *old = at->slots;
	size_t i, cap = at->cap;

	at->cap = cap ? cap * 2 : 1 << 12;
	at->slots = NEW_ARRAY(&b->mem, uint32_t, at->cap);
	for (i = 0; i < cap; i++)
		if (old[i])
			*place_slot(b, &b->funcs.v[old[i] - 1]) = old[i];
}

bool inline_abstract(struct ix_build *b, const struct ix_func *f)
{
	struct ix_places *at = b->abstract_at;
	bool is_new;
	uint32_t *slot;

	if (!at)
		at = b->abstract_at = NEW(&b->mem, struct ix_places);
	if (at->n * 2 >= at->cap)
		grow(b);
	slot = place_slot(b, f);
	is_new = !*slot;
	if (is_new) {
		*slot = (uint32_t)b->funcs.n + 1;	/* where it will be */
		at->n++;
	}
	vec_push(&b->mem, &b->abstracts, ((struct ix_abstract){
		.die = f->die, .first = is_new ? f->die :
		b->funcs.v[*slot - 1].die }));
	return is_new;
}

bool dwarf_entry_of(Dwarf_Die *d, Dwarf_Addr *addr)
{
	Dwarf_Addr base, end;

	return (!dwarf_entrypc(d, addr) ||
		dwarf_ranges(d, 0, &base, addr, &end) > 0) && *addr;
}

static void add_instance(struct ix_build *b, Dwarf_Die *d, uint64_t bits)
{
	struct ix_inlined in = { .die = dwarf_dieoffset(d) | bits };
	Dwarf_Attribute a;
	Dwarf_Addr addr;
	Dwarf_Die of;

	if (!dwarf_entry_of(d, &addr) ||
	    !dwarf_formref_die(dwarf_attr(d, DW_AT_abstract_origin, &a), &of))
		return;
	in.addr = addr;
	in.abstract = dwarf_dieoffset(&of) |
		(dwarf_cu_getdwarf(of.cu) == dwarf_cu_getdwarf(d->cu) ? bits :
		 DIE_ALT);
	vec_push(&b->mem, &b->inlined, in);
}

void inline_instances(struct ix_build *b, Dwarf_Die *code, uint64_t bits)
{
	Dwarf_Die d;
	int tag;

	if (dwarf_child(code, &d))
		return;
	do {
		tag = dwarf_tag(&d);
		if (tag == DW_TAG_inlined_subroutine)
			add_instance(b, &d, bits);
		if (tag == DW_TAG_inlined_subroutine ||
		    tag == DW_TAG_lexical_block)
			inline_instances(b, &d, bits);
	} while (!dwarf_siblingof(&d, &d));
}
