/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dwarf_unwind.c - how each instruction's frame is left: call frame information
 * (.eh_frame, and .debug_frame for what that has not) as rules that a probe's
 * handler can follow. In: the frame descriptions. Out: in ascending order, each
 * address from which on another rule holds.
 *
 * A rule is what compilers for x86-64 make of the general form: the canonical
 * frame address is a register and an offset, or what is stored there, and each
 * register that must be restored is at a distance from one base. Of expressions
 * those are known that occur: the stack that was realigned, entries of a PLT,
 * frames of signals. What is none of these has no rule, and stacks end there.
 */
#include "dwarf_in.h"
#include "runtime/abi.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { RBX = 3, RBP = 6, RSP = 7, R12 = 12, RIP = 16 };

struct fde {
	uint64_t from, to;
};

struct descriptions {		/* of one section */
	struct arena *mem;
	struct bytes bytes;
	const unsigned char *ident;
	bool is_eh;
	Dwarf_Off cie;		/* the one looked at last */
	uint8_t encoding;	/* of its FDEs' addresses */
	VEC(struct fde) v;
};

/* --- where the descriptions are ------------------------------------------------ */

/* The size of an address so encoded; 0: it is not one that is known here. */
static size_t encoded_size(uint8_t encoding)
{
	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr: case DW_EH_PE_udata8: case DW_EH_PE_sdata8:
		return 8;
	case DW_EH_PE_udata4: case DW_EH_PE_sdata4:
		return 4;
	default:
		return 0;
	}
}

static uint64_t encoded(const uint8_t *p, uint8_t encoding)
{
	uint64_t wide;
	uint32_t v;

	if (encoded_size(encoding) == 8) {
		memcpy(&wide, p, 8);
		return wide;
	}
	memcpy(&v, p, 4);
	return (encoding & 0x0f) == DW_EH_PE_sdata4 ?
		(uint64_t)(int64_t)(int32_t)v : v;
}

/* What follows 'R' in a CIE's augmentation; 0xff: it cannot be told. */
static uint8_t encoding_of(const Dwarf_CIE *cie)
{
	const uint8_t *p = cie->augmentation_data;
	const uint8_t *end = p + cie->augmentation_data_size;
	const char *s = cie->augmentation;
	size_t n;

	if (*s++ != 'z')
		return DW_EH_PE_absptr;
	for (; *s && p < end; s++) {
		if (*s == 'R')
			return *p;
		if (*s == 'L')
			p++;
		if (*s == 'P') {
			n = encoded_size(*p);
			if (!n)
				return 0xff;
			p += 1 + n;
		}
	}
	return DW_EH_PE_absptr;
}

static int next_entry(const struct descriptions *d, Dwarf_Off at,
		      Dwarf_Off *next, Dwarf_CFI_Entry *e)
{
	Elf_Data data = { .d_buf = (void *)d->bytes.p, .d_size = d->bytes.n,
			  .d_type = ELF_T_BYTE, .d_version = EV_CURRENT };

	return dwarf_next_cfi(d->ident, &data, d->is_eh, at, next, e);
}

static void look_at_cie(struct descriptions *d, Dwarf_Off at)
{
	Dwarf_CFI_Entry e;
	Dwarf_Off next;

	if (d->cie == at)
		return;
	d->cie = at;
	d->encoding = 0xff;
	if (!next_entry(d, at, &next, &e) && dwarf_cfi_cie_p(&e))
		d->encoding = d->is_eh ? encoding_of(&e.cie) : DW_EH_PE_absptr;
}

static void take_fde(struct descriptions *d, const Dwarf_FDE *fde)
{
	struct fde new;
	size_t n;

	look_at_cie(d, fde->CIE_pointer);
	n = encoded_size(d->encoding);
	if (!n || d->encoding & 0x60 || fde->start + 2 * n > fde->end)
		return;
	new.from = encoded(fde->start, d->encoding);
	if (d->encoding & DW_EH_PE_pcrel)
		new.from += d->bytes.addr + (uint64_t)(fde->start -
						       d->bytes.p);
	new.to = new.from + encoded(fde->start + n, d->encoding & 0x0f & ~8);
	if (new.from && new.to > new.from)
		vec_push(d->mem, &d->v, new);
}

static int by_address(const void *a, const void *b)
{
	const struct fde *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

static void list(struct descriptions *d, const struct object *o,
		 const char *section)
{
	Dwarf_Off at = 0, next;
	Dwarf_CFI_Entry e;
	int end;

	if (!object_section(o, section, &d->bytes))
		return;
	d->ident = (const unsigned char *)elf_getident(o->elf, NULL);
	d->cie = (Dwarf_Off)-1;
	for (; (end = next_entry(d, at, &next, &e)) != 1; at = next) {
		if (!end && !dwarf_cfi_cie_p(&e))
			take_fde(d, &e.fde);
		if (next <= at)		/* it stays where it is */
			break;
	}
	if (d->v.n)
		qsort(d->v.v, d->v.n, sizeof(*d->v.v), by_address);
}

/* --- rules ------------------------------------------------------------------------ */

/* A register and an offset. */
static bool is_breg(const Dwarf_Op *op, uint64_t *reg, int64_t *off)
{
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
		*reg = op->atom - DW_OP_breg0;
		*off = (int64_t)op->number;
		return true;
	}
	*reg = op->number;
	*off = (int64_t)op->number2;
	return op->atom == DW_OP_bregx;
}

/*
 * rsp + 8, and 8 more from byte lit of each 16 bytes on: in an entry of the PLT
 * that pushes its number before it jumps.
 */
static bool is_plt(const Dwarf_Op *ops, size_t n, struct stb_unwind_rule *r)
{
	static const uint8_t atoms[] = {
		DW_OP_breg7, DW_OP_breg16, DW_OP_lit15, DW_OP_and, 0,
		DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus,
	};
	size_t i;

	if (n != COUNT_OF(atoms) || ops[0].number != 8 || ops[1].number)
		return false;
	for (i = 0; i < n; i++)
		if (atoms[i] && ops[i].atom != atoms[i])
			return false;
	if (ops[4].atom < DW_OP_lit0 || ops[4].atom > DW_OP_lit31)
		return false;
	r->cfa = STB_CFA_PLT;
	r->reg = RSP;
	r->off = ops[4].atom - DW_OP_lit0;
	return true;
}

static bool cfa_of(Dwarf_Frame *frame, struct stb_unwind_rule *r)
{
	uint64_t reg;
	int64_t off;
	Dwarf_Op *ops;
	size_t n;

	if (dwarf_frame_cfa(frame, &ops, &n) || !n)
		return false;
	if (is_plt(ops, n, r))
		return true;
	if (n > 3 || !is_breg(ops, &reg, &off) || reg > 15 ||
	    (n > 1 && ops[1].atom != DW_OP_deref) ||
	    (n > 2 && ops[2].atom != DW_OP_plus_uconst) ||
	    off != (int32_t)off)
		return false;
	r->cfa = n > 1 ? STB_CFA_STORED : STB_CFA_REG;
	r->more = n > 2 ? (int32_t)ops[2].number : 0;
	r->reg = (uint8_t)reg;
	r->off = (int32_t)off;
	return true;
}

struct saved {			/* where a register's value is */
	enum { SAME, UNDEFINED, STORED, OTHERWISE } how;
	unsigned base;		/* STB_BASE_* */
	int64_t off;
};

static struct saved saved_of(Dwarf_Frame *frame, int reg)
{
	struct saved s = { .how = OTHERWISE };
	Dwarf_Op mem[3], *ops;
	uint64_t base;
	size_t n;

	if (dwarf_frame_register(frame, reg, mem, &ops, &n))
		return s;
	if (!n) {
		s.how = ops ? UNDEFINED : SAME;
		return s;
	}
	if (ops[0].atom != DW_OP_call_frame_cfa || n > 2)
		return s;
	s.how = STORED;
	if (n == 1)
		return s;
	if (ops[1].atom == DW_OP_plus_uconst) {
		s.off = (int64_t)ops[1].number;
	} else if (is_breg(&ops[1], &base, &s.off) &&
		   (base == RSP || base == RBP)) {
		s.base = base == RSP ? STB_BASE_SP : STB_BASE_FP;
	} else {
		s.how = OTHERWISE;
	}
	return s;
}

/* All that are stored have one base, but for the return address. */
static bool registers_of(Dwarf_Frame *frame, struct stb_unwind_rule *r)
{
	static const int kept[STB_UNWIND_SAVED] = { RBX, RBP, 12, 13, 14, 15 };
	struct saved s = saved_of(frame, RIP);
	bool any = false;
	size_t i;

	if (s.how == UNDEFINED) {
		r->cfa = STB_CFA_END;
		return true;
	}
	if (s.how != STORED || s.base == STB_BASE_FP || s.off != (int32_t)s.off)
		return false;
	r->ra = (int32_t)s.off;
	r->flags = s.base == STB_BASE_SP ? STB_UNWIND_RA_SP : 0;
	for (i = 0; i < COUNT_OF(kept); i++) {
		s = saved_of(frame, kept[i]);
		if (s.how == SAME || s.how == UNDEFINED)
			continue;
		if (s.how != STORED || s.off % 8 || (any && s.base != r->base) ||
		    s.off / 8 != (int16_t)(s.off / 8) ||
		    s.off / 8 == STB_UNWIND_SAME)
			return false;
		any = true;
		r->base = (uint8_t)s.base;
		r->saved[i] = (int16_t)(s.off / 8);
	}
	return true;
}

static struct stb_unwind_rule rule_of(Dwarf_Frame *frame, bool is_signal)
{
	struct stb_unwind_rule r = { .cfa = STB_CFA_NONE };
	const struct stb_unwind_rule none = r;
	size_t i;

	for (i = 0; i < STB_UNWIND_SAVED; i++)
		r.saved[i] = STB_UNWIND_SAME;
	if (!cfa_of(frame, &r) || !registers_of(frame, &r))
		return none;
	if (r.cfa == STB_CFA_END)
		return (struct stb_unwind_rule){ .cfa = STB_CFA_END };
	if (is_signal)
		r.flags |= STB_UNWIND_SIGNAL;
	return r;
}

/* --- all of them ------------------------------------------------------------------- */

struct giver {
	void (*each)(void *arg, uint64_t addr,
		     const struct stb_unwind_rule *r);
	void *arg;
};

/* The rules of [from, to). */
static void give(const struct giver *g, Dwarf_CFI *cfi, uint64_t from,
		 uint64_t to)
{
	const struct stb_unwind_rule none = { .cfa = STB_CFA_NONE };

	while (from < to) {
		struct stb_unwind_rule r = none;
		Dwarf_Frame *frame = NULL;
		Dwarf_Addr start, end = 0;
		bool is_signal = false;

		if (!dwarf_cfi_addrframe(cfi, from, &frame)) {
			dwarf_frame_info(frame, &start, &end, &is_signal);
			r = rule_of(frame, is_signal);
			free(frame);
		}
		g->each(g->arg, from, &r);
		if (end <= from)
			break;
		from = end;
	}
	g->each(g->arg, to, &none);
}

/* Those of a that begin in [from, to), and of what is between them those of b. */
static void give_all(const struct giver *g, Dwarf_CFI **cfi,
		     const struct descriptions *d, uint64_t from, uint64_t to)
{
	size_t lo = 0, hi = d->v.n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (d->v.v[mid].from < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < d->v.n && d->v.v[lo].from < to; lo++) {
		const struct fde *f = &d->v.v[lo];

		if (f->from < from || f->to > to)
			continue;
		if (cfi[1] && f->from > from)
			give_all(g, cfi + 1, d + 1, from, f->from);
		give(g, cfi[0], f->from, f->to);
		from = f->to;
	}
	if (cfi[1])
		give_all(g, cfi + 1, d + 1, from, to);
}

bool dwarf_unwind(struct facts *f, void (*each)(void *arg, uint64_t addr,
		  const struct stb_unwind_rule *r), void *arg)
{
	struct arena *mem = target_mem(f->t);
	struct descriptions d[2] = { { .mem = mem, .is_eh = true },
				     { .mem = mem } };
	struct giver g = { each, arg };
	Dwarf_CFI *cfi[3] = { NULL };
	Dwarf *dw = NULL;
	const char *why;

	list(&d[0], &f->main, ".eh_frame");
	if (d[0].v.n)
		cfi[0] = dwarf_getcfi_elf(f->main.elf);
	if (f->bin->has_dwarf) {
		const struct object *o = f->same_file ? &f->main : &f->debug;

		list(&d[1], o, ".debug_frame");
		dw = d[1].v.n ? dwarf_handle(mem, o, &why) : NULL;
		cfi[1] = dw ? dwarf_getcfi(dw) : NULL;
	}
	if (!cfi[0] && cfi[1]) {
		cfi[0] = cfi[1];
		d[0] = d[1];
		cfi[1] = NULL;
	}
	if (cfi[0])
		give_all(&g, cfi, d, 0, UINT64_MAX);
	if (cfi[0] && d[0].is_eh)
		dwarf_cfi_end(cfi[0]);
	if (dw)
		dwarf_end(dw);
	return cfi[0] != NULL;
}
