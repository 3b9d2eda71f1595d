/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dwarf_loc.c - DWARF locations, valid at one program counter, as programs of
 * loc_op: registers, frame base and CFA resolved, location lists looked up.
 * What cannot be told (implicit pointers, floats, another thread's storage)
 * is absent, never guessed.
 */
#include "dwarf_in.h"

#include <stdlib.h>
#include <string.h>

struct builder {
	struct facts *f;
	struct arena *mem;
	Dwarf_Die *function;	/* NULL: a global */
	uint64_t pc;
	bool at_entry;
	Dwarf_Attribute *attr;	/* that the operations came from */
	VEC(struct locstep) steps;
	VEC(struct piece) pieces;
	bool is_value, is_absent;
	int depth;
};

static bool translate(struct builder *b, const Dwarf_Op *ops, size_t n);

static void step(struct builder *b, enum loc_op op, int64_t n)
{
	vec_push(b->mem, &b->steps, ((struct locstep){ op, n }));
}

static void plus(struct builder *b, int64_t n)
{
	if (n) {
		step(b, L_NUM, n);
		step(b, L_PLUS, 0);
	}
}

/* The canonical frame address: from .debug_frame, else .eh_frame. */
static bool add_cfa(struct builder *b)
{
	struct dwarf *d = dwarf_of(b->f);
	Dwarf_CFI *cfi[2] = { d->cfi, d->eh_cfi };
	Dwarf_Frame *frame;
	Dwarf_Op *ops;
	size_t i, n;
	bool ok;

	for (i = 0; i < 2; i++) {
		frame = NULL;
		if (!cfi[i] || dwarf_cfi_addrframe(cfi[i], b->pc, &frame))
			continue;
		ok = !dwarf_frame_cfa(frame, &ops, &n) && n &&
			translate(b, ops, n);
		free(frame);
		return ok;
	}
	if (!b->at_entry)
		return false;
	step(b, L_REG, 7);	/* rsp points to the return address */
	plus(b, 8);
	return true;
}

static bool add_frame_base(struct builder *b)
{
	Dwarf_Attribute a, *keep = b->attr;
	size_t n;
	Dwarf_Op *ops;
	bool ok;

	if (!b->function ||
	    !dwarf_attr_integrate(b->function, DW_AT_frame_base, &a) ||
	    dwarf_getlocation_addr(&a, b->pc, &ops, &n, 1) != 1)
		return false;
	b->attr = &a;
	ok = translate(b, ops, n);
	b->attr = keep;
	b->is_value = false;	/* a register's content is the address */
	return ok;
}

/* What a register held when the function was entered: at entry, now. */
static bool add_entry_value(struct builder *b, const Dwarf_Op *op)
{
	Dwarf_Attribute a, *keep = b->attr;
	Dwarf_Op *ops;
	size_t n;
	bool ok, was_value = b->is_value;

	if (!b->at_entry || dwarf_getlocation_attr(b->attr, op, &a) ||
	    dwarf_getlocation(&a, &ops, &n))
		return false;
	b->attr = &a;
	ok = translate(b, ops, n);
	b->attr = keep;
	b->is_value = was_value;
	return ok;
}

/* Makes the value one of the type that op names; only integers. */
static bool narrow(struct builder *b, const Dwarf_Op *op)
{
	Dwarf_Attribute a;
	Dwarf_Word enc = 0;
	Dwarf_Die die;
	int size;

	if (dwarf_getlocation_die(b->attr, op, &die))
		return false;
	size = dwarf_bytesize(&die);
	dwarf_formudata(dwarf_attr(&die, DW_AT_encoding, &a), &enc);
	if (size <= 0 || size > 8 || enc == DW_ATE_float)
		return false;
	if (size == 8)
		return true;
	step(b, L_NUM, 64 - size * 8);
	step(b, L_SHL, 0);
	step(b, L_NUM, 64 - size * 8);
	step(b, enc == DW_ATE_signed || enc == DW_ATE_signed_char ?
	     L_SHRA : L_SHR, 0);
	return true;
}

static bool add_implicit(struct builder *b, const Dwarf_Op *op)
{
	Dwarf_Block block;
	int64_t v = 0;

	if (dwarf_getlocation_implicit_value(b->attr, op, &block) ||
	    block.length > 8)
		return false;
	memcpy(&v, block.data, block.length);
	step(b, L_NUM, v);
	b->is_value = true;
	return true;
}

static bool add_address(struct builder *b, const Dwarf_Op *op)
{
	Dwarf_Attribute a;
	Dwarf_Addr addr;

	if (op->atom == DW_OP_addr) {
		addr = op->number;
	} else if (dwarf_getlocation_attr(b->attr, op, &a) ||
		   dwarf_formaddr(&a, &addr)) {
		return false;
	}
	step(b, L_ADDR, (int64_t)addr);
	return true;
}

static struct loc finish(struct builder *b)
{
	if (b->is_absent || !b->steps.n)
		return (struct loc){ .kind = LOC_ABSENT };
	return loc_steps(b->mem, b->is_value ? LOC_VALUE : LOC_MEMORY,
			 b->steps.v, b->steps.n);
}

static void end_piece(struct builder *b, uint64_t bits)
{
	struct loc *l = NEW(b->mem, struct loc);

	*l = finish(b);
	vec_push(b->mem, &b->pieces, ((struct piece){ l, (uint32_t)bits }));
	b->steps.n = 0;
	b->is_value = b->is_absent = false;
}

/* Operations that are one step of ours; -1: not such. */
static int plain_step(unsigned atom)
{
	static const struct { uint8_t atom, op; } same[] = {
		{ DW_OP_plus, L_PLUS }, { DW_OP_minus, L_MINUS },
		{ DW_OP_mul, L_MUL }, { DW_OP_div, L_DIV },
		{ DW_OP_mod, L_MOD }, { DW_OP_and, L_AND },
		{ DW_OP_or, L_OR }, { DW_OP_xor, L_XOR },
		{ DW_OP_shl, L_SHL }, { DW_OP_shr, L_SHR },
		{ DW_OP_shra, L_SHRA }, { DW_OP_neg, L_NEG },
		{ DW_OP_not, L_NOT }, { DW_OP_dup, L_DUP },
		{ DW_OP_swap, L_SWAP }, { DW_OP_drop, L_DROP },
		{ DW_OP_over, L_OVER }, { DW_OP_rot, L_ROT },
		{ DW_OP_abs, L_ABS }, { DW_OP_eq, L_EQ }, { DW_OP_ne, L_NE },
		{ DW_OP_lt, L_LT }, { DW_OP_le, L_LE }, { DW_OP_gt, L_GT },
		{ DW_OP_ge, L_GE },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(same); i++)
		if (same[i].atom == atom)
			return same[i].op;
	return -1;
}

/* Registers: DW_OP_regN is a place, DW_OP_bregN a number to go on with. */
static bool add_register(struct builder *b, const Dwarf_Op *op)
{
	if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31) {
		step(b, L_REG, op->atom - DW_OP_reg0);
		b->is_value = true;
	} else if (op->atom == DW_OP_regx) {
		step(b, L_REG, (int64_t)op->number);
		b->is_value = true;
	} else if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
		step(b, L_REG, op->atom - DW_OP_breg0);
		plus(b, (int64_t)op->number);
	} else {
		step(b, L_REG, (int64_t)op->number);
		plus(b, (int64_t)op->number2);
	}
	return b->steps.v[b->steps.n - 1].op != L_REG ||
		b->steps.v[b->steps.n - 1].n <= 16;
}

static bool add_typed(struct builder *b, const Dwarf_Op *op)
{
	switch (op->atom) {
	case DW_OP_convert:
	case DW_OP_GNU_convert:
	case DW_OP_reinterpret:
	case DW_OP_GNU_reinterpret:
		return !op->number /* the generic type */ || narrow(b, op);
	case DW_OP_regval_type:
	case DW_OP_GNU_regval_type:
		step(b, L_REG, (int64_t)op->number);
		return op->number <= 16 && narrow(b, op);
	case DW_OP_deref_type:
	case DW_OP_GNU_deref_type:
		step(b, L_LOAD, (int64_t)op->number);
		return narrow(b, op);
	default:
		return false;
	}
}

static bool translate_op(struct builder *b, const Dwarf_Op *op)
{
	int same = plain_step(op->atom);

	if (same >= 0) {
		step(b, (enum loc_op)same, 0);
		return true;
	}
	if ((op->atom >= DW_OP_reg0 && op->atom <= DW_OP_breg31) ||
	    op->atom == DW_OP_regx || op->atom == DW_OP_bregx)
		return add_register(b, op);
	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31) {
		step(b, L_NUM, op->atom - DW_OP_lit0);
		return true;
	}
	switch (op->atom) {
	case DW_OP_nop:
		return true;
	case DW_OP_addr: case DW_OP_addrx: case DW_OP_GNU_addr_index:
		return add_address(b, op);
	case DW_OP_const1u: case DW_OP_const1s: case DW_OP_const2u:
	case DW_OP_const2s: case DW_OP_const4u: case DW_OP_const4s:
	case DW_OP_const8u: case DW_OP_const8s: case DW_OP_constu:
	case DW_OP_consts:
		step(b, L_NUM, (int64_t)op->number);
		return true;
	case DW_OP_plus_uconst:
		plus(b, (int64_t)op->number);
		return true;
	case DW_OP_deref:
		step(b, L_LOAD, 8);
		return true;
	case DW_OP_deref_size:
		step(b, L_LOAD, (int64_t)op->number);
		return true;
	case DW_OP_fbreg:
		if (!add_frame_base(b))
			return false;
		plus(b, (int64_t)op->number);
		return true;
	case DW_OP_call_frame_cfa:
		return add_cfa(b);
	case DW_OP_stack_value:
		b->is_value = true;
		return true;
	case DW_OP_implicit_value:
		return add_implicit(b, op);
	case DW_OP_entry_value: case DW_OP_GNU_entry_value:
		return add_entry_value(b, op);
	default:
		return add_typed(b, op);
	}
}

static bool translate(struct builder *b, const Dwarf_Op *ops, size_t n)
{
	bool ok = b->depth++ < 8;
	size_t i;

	for (i = 0; i < n && ok; i++) {
		if (ops[i].atom == DW_OP_piece) {
			end_piece(b, ops[i].number * 8);
		} else if (ops[i].atom == DW_OP_bit_piece) {
			if (ops[i].number2)
				b->is_absent = true;
			end_piece(b, ops[i].number);
		} else if (!translate_op(b, &ops[i])) {
			/* this piece is lost; the next may be there */
			while (i + 1 < n && ops[i + 1].atom != DW_OP_piece &&
			       ops[i + 1].atom != DW_OP_bit_piece)
				i++;
			b->is_absent = true;
			ok = i + 1 < n;
		}
	}
	b->depth--;
	return ok;
}

struct loc dwarf_location(struct facts *f, Dwarf_Attribute *a,
			  Dwarf_Die *function, uint64_t pc, bool at_entry)
{
	struct builder b = {
		.f = f, .mem = target_mem(f->t), .function = function,
		.pc = pc, .at_entry = at_entry, .attr = a,
	};
	struct loc l = { .kind = LOC_ABSENT };
	Dwarf_Op *ops;
	size_t n;

	if (dwarf_getlocation_addr(a, pc, &ops, &n, 1) != 1 || !n ||
	    !translate(&b, ops, n))
		return l;
	if (!b.pieces.n)
		return finish(&b);
	l.kind = LOC_PIECES;
	l.pieces = b.pieces.v;
	l.npieces = b.pieces.n;
	return l;
}

bool dwarf_cfa_at(struct facts *f, uint64_t addr, int *reg, int64_t *off)
{
	struct builder b = { .f = f, .mem = target_mem(f->t), .pc = addr };
	const struct locstep *s;

	if (!add_cfa(&b))
		return false;
	s = b.steps.v;
	if (s[0].op != L_REG || (b.steps.n != 1 &&
	    (b.steps.n != 3 || s[1].op != L_NUM || s[2].op != L_PLUS)))
		return false;
	*reg = (int)s[0].n;
	*off = b.steps.n == 3 ? s[1].n : 0;
	return true;
}
