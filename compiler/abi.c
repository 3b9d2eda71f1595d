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

int abi_register(int i)
{
	return i >= 0 && i < NINTEGER ? integer_registers[i] : -1;
}

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

void abi_classify(struct variable **params, size_t n, bool struct_return)
{
	int ints = struct_return, sses = 0, want_ints, want_sses;
	enum class c[2];
	size_t i;

	for (i = 0; i < n; i++) {
		struct variable *v = params[i];

		v->param_index = (int)i;
		v->abi_arg = -1;
		classify(v->type, c);
		if (c[0] == C_MEMORY)
			continue;
		want_ints = (c[0] == C_INTEGER) + (c[1] == C_INTEGER);
		want_sses = (c[0] == C_SSE) + (c[1] == C_SSE);
		if (ints + want_ints > NINTEGER || sses + want_sses > NSSE)
			continue;	/* on the stack */
		if (want_ints == 1 && !want_sses &&
		    v->type->kind != TY_STRUCT && v->type->kind != TY_UNION)
			v->abi_arg = ints;
		ints += want_ints;
		sses += want_sses;
	}
}

void abi_return(struct arena *mem, struct variable *v)
{
	static const struct locstep rax = { L_REG, RAX }, rdx = { L_REG, RDX };
	enum class c[2];
	struct loc *low, *high;

	v->param_index = v->abi_arg = -1;
	classify(v->type, c);
	if (c[0] == C_MEMORY &&
	    (v->type->kind == TY_STRUCT || v->type->kind == TY_UNION)) {
		/* rax holds the address that the caller gave */
		v->loc = loc_steps(mem, LOC_MEMORY, &rax, 1);
		return;
	}
	if (c[0] != C_INTEGER || c[1] == C_SSE)
		return;			/* LOC_ABSENT: SSE registers */
	low = NEW(mem, struct loc);
	high = NEW(mem, struct loc);
	*low = loc_steps(mem, LOC_VALUE, &rax, 1);
	if (c[1] == C_NONE) {
		v->loc = *low;
		return;
	}
	*high = loc_steps(mem, LOC_VALUE, &rdx, 1);
	v->loc.kind = LOC_PIECES;
	v->loc.npieces = 2;
	v->loc.pieces = NEW_ARRAY(mem, struct piece, 2);
	v->loc.pieces[0] = (struct piece){ low, 64 };
	v->loc.pieces[1] = (struct piece){
		high, (uint32_t)(v->type->size - 8) * 8 };
}
