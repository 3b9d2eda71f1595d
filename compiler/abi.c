/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi.c - the x86-64 System V calling convention: which integer register a
 * parameter arrives in, and where a return value is left.
 */
#include "facts.h"

#include <string.h>

/* DWARF's numbers of rdi rsi rdx rcx r8 r9. */
static const int integer_registers[] = { 5, 4, 1, 2, 8, 9 };
enum { RAX = 0, RDX = 1, NINTEGER = COUNT_OF(integer_registers), NSSE = 8 };

enum class { C_NONE, C_INTEGER, C_SSE, C_MEMORY };

struct loc loc_steps(struct arena *mem, enum loc_kind kind,
		     const struct locstep *s, size_t n)
{
	struct loc l = { .kind = kind, .nsteps = n };

	l.steps = NEW_ARRAY(mem, struct locstep, n + 1);
	if (n)
		memcpy(l.steps, s, n * sizeof(*s));
	return l;
}

static void merge(enum class *c, enum class with)
{
	if (*c == C_MEMORY || with == C_NONE)
		return;
	if (*c == C_NONE || with == C_MEMORY || with == C_INTEGER)
		*c = with;
}

/* Classes of the two eight-bytes of what lies at `off` of an argument. */
static void fold(struct ctype *t, uint64_t off, enum class c[2], int depth)
{
	struct member m;
	uint64_t i;
	size_t n;

	if (off >= 16 || depth > 16) {
		c[0] = C_MEMORY;
		return;
	}
	switch (t->kind) {
	case TY_INT: case TY_BOOL: case TY_CHAR: case TY_POINTER: case TY_ENUM:
		if (t->size && off % (t->size > 8 ? 8 : t->size))
			c[0] = C_MEMORY;	/* packed */
		merge(&c[off / 8], C_INTEGER);
		if (t->size > 8)
			merge(&c[1], C_INTEGER);
		break;
	case TY_FLOAT:
		if (t->size > 8)
			c[0] = C_MEMORY;
		else
			merge(&c[off / 8], C_SSE);
		break;
	case TY_STRUCT: case TY_UNION:
		for (n = 0; type_member_at(t, n, &m); n++)
			if (m.bit_size)
				merge(&c[(off * 8 + m.offset * 8 +
					  m.bit_offset) / 64 & 1], C_INTEGER);
			else
				fold(m.type, off + m.offset, c, depth + 1);
		break;
	case TY_ARRAY:
		for (i = 0; i < t->count && i < 16; i++)
			fold(t->to, off + i * t->to->size, c, depth + 1);
		break;
	case TY_VOID: case TY_FUNC: case TY_OTHER:
		c[0] = C_MEMORY;
	}
}

static void classify(struct ctype *t, enum class c[2])
{
	c[0] = c[1] = C_NONE;
	if (t->size > 16 || !t->size)
		c[0] = C_MEMORY;
	else
		fold(t, 0, c, 0);
	if (c[0] == C_MEMORY || c[1] == C_MEMORY)
		c[0] = c[1] = C_MEMORY;
}

bool abi_in_memory(struct ctype *t)
{
	enum class c[2];

	if (t->kind != TY_STRUCT && t->kind != TY_UNION)
		return false;
	classify(t, c);
	return c[0] == C_MEMORY;
}

/* Takes registers of each class in order; -1: none needed. */
static struct abi_slot take(const enum class c[2], const int *registers,
			    int *next)
{
	struct abi_slot s = { .reg = { -1, -1 } };
	int i;

	for (i = 0; i < 2; i++) {
		if (c[i] == C_INTEGER)
			s.reg[i] = registers[(*next)++];
		s.is_float |= c[i] == C_SSE;
	}
	return s;
}

void abi_classify(struct variable **params, size_t n, bool struct_return,
		  struct abi_slot *slots)
{
	int ints = struct_return, sses = 0, want_ints, want_sses;
	enum class c[2];
	size_t i;

	for (i = 0; i < n; i++) {
		struct variable *v = params[i];

		v->param_index = (int)i;
		v->abi_arg = -1;
		slots[i] = (struct abi_slot){ .in_memory = true };
		classify(v->type, c);
		want_ints = (c[0] == C_INTEGER) + (c[1] == C_INTEGER);
		want_sses = (c[0] == C_SSE) + (c[1] == C_SSE);
		if (c[0] == C_MEMORY || ints + want_ints > NINTEGER ||
		    sses + want_sses > NSSE)
			continue;
		if (want_ints == 1 && !want_sses &&
		    v->type->kind != TY_STRUCT && v->type->kind != TY_UNION)
			v->abi_arg = ints;
		slots[i] = take(c, integer_registers, &ints);
		sses += want_sses;
	}
}

struct loc abi_location(struct arena *mem, const struct abi_slot *slot,
			struct ctype *t)
{
	struct locstep step[2] = { { L_REG, slot->reg[0] },
				   { L_REG, slot->reg[1] } };
	struct loc l = { .kind = LOC_ABSENT }, *half;
	int i;

	if (slot->in_memory || slot->is_float || slot->reg[0] < 0)
		return l;
	if (slot->reg[1] < 0)
		return loc_steps(mem, LOC_VALUE, &step[0], 1);
	half = NEW_ARRAY(mem, struct loc, 2);
	l.kind = LOC_PIECES;
	l.npieces = 2;
	l.pieces = NEW_ARRAY(mem, struct piece, 2);
	for (i = 0; i < 2; i++) {
		half[i] = loc_steps(mem, LOC_VALUE, &step[i], 1);
		l.pieces[i] = (struct piece){ &half[i], 64 };
	}
	l.pieces[1].bits = (uint32_t)(t->size - 8) * 8;
	return l;
}

void abi_return(struct arena *mem, struct variable *v)
{
	static const int registers[] = { RAX, RDX };
	static const struct locstep rax = { L_REG, RAX };
	struct abi_slot slot;
	enum class c[2];
	int next = 0;

	v->param_index = v->abi_arg = -1;
	classify(v->type, c);
	if (c[0] == C_MEMORY) {
		/* rax holds the address that the caller gave */
		if (v->type->kind == TY_STRUCT || v->type->kind == TY_UNION)
			v->loc = loc_steps(mem, LOC_MEMORY, &rax, 1);
		return;
	}
	slot = take(c, registers, &next);
	v->loc = abi_location(mem, &slot, v->type);
}
