/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target_marks.c - static markers of programs: the notes that sys/sdt.h leaves
 * in .note.stapsdt. In: a binary and two globs. Out: each marker that fits,
 * where it is, where its semaphore is, and its arguments, of which the notes
 * have the assembler's operands: registers, numbers, memory.
 */
#include "facts.h"

#include <ctype.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

enum { NT_STAPSDT = 3, RIP = 16 };

/* --- registers ---------------------------------------------------------------- */

struct reg {
	int n;			/* DWARF's */
	unsigned bytes;
	unsigned shift;		/* %ah */
};

/* r8 r8d r8w r8b */
static bool numbered_reg(const char *s, size_t n, struct reg *r)
{
	char *end;
	long k;

	if (n < 2 || *s != 'r' || !isdigit((unsigned char)s[1]))
		return false;
	k = strtol(s + 1, &end, 10);
	if (k < 8 || k > 15 || (size_t)(end - s) + 1 < n)
		return false;
	*r = (struct reg){ (int)k, 8, 0 };
	if ((size_t)(end - s) == n)
		return true;
	r->bytes = *end == 'd' ? 4 : *end == 'w' ? 2 : *end == 'b' ? 1 : 0;
	return r->bytes;
}

static bool named_reg(const char *s, size_t n, struct reg *r)
{
	static const struct {
		const char *name[4];	/* 8, 4, 2 and 1 bytes */
		int n;
	} regs[] = {
		{ { "rax", "eax", "ax", "al" }, 0 },
		{ { "rdx", "edx", "dx", "dl" }, 1 },
		{ { "rcx", "ecx", "cx", "cl" }, 2 },
		{ { "rbx", "ebx", "bx", "bl" }, 3 },
		{ { "rsi", "esi", "si", "sil" }, 4 },
		{ { "rdi", "edi", "di", "dil" }, 5 },
		{ { "rbp", "ebp", "bp", "bpl" }, 6 },
		{ { "rsp", "esp", "sp", "spl" }, 7 },
		{ { "rip", "eip", "", "" }, RIP },
	};
	static const char high[][3] = { "ah", "dh", "ch", "bh" };
	size_t i, k;

	for (i = 0; i < COUNT_OF(regs); i++)
		for (k = 0; k < 4; k++)
			if (strlen(regs[i].name[k]) == n && n &&
			    !memcmp(regs[i].name[k], s, n)) {
				*r = (struct reg){ regs[i].n, 8u >> k, 0 };
				return true;
			}
	for (i = 0; i < COUNT_OF(high); i++)
		if (n == 2 && !memcmp(high[i], s, 2)) {
			*r = (struct reg){ (int)i, 1, 8 };
			return true;
		}
	return numbered_reg(s, n, r);
}

/* --- operands ------------------------------------------------------------------ */

struct operand {
	struct target *t;
	struct binary *b;
	const char *p, *end;
	VEC(struct locstep) steps;
	bool bad;
};

static void step(struct operand *o, enum loc_op op, int64_t n)
{
	vec_push(target_mem(o->t), &o->steps, ((struct locstep){ op, n }));
}

static bool take(struct operand *o, char c)
{
	if (o->p == o->end || *o->p != c)
		return false;
	o->p++;
	return true;
}

/* Without its '%', which was taken. */
static bool take_reg(struct operand *o, struct reg *r)
{
	const char *s = o->p;

	while (o->p < o->end && isalnum((unsigned char)*o->p))
		o->p++;
	return named_reg(s, (size_t)(o->p - s), r);
}

static bool is_symbol_char(char c)
{
	return isalnum((unsigned char)c) || strchr("_.$@", c);
}

/* What a displacement is made of: numbers and symbols, added up. */
struct sum {
	int64_t n;
	uint64_t symbol;	/* link-time addresses */
	bool any, has_symbol;
};

static bool take_term(struct operand *o, struct sum *s, bool minus)
{
	const char *from = o->p;
	struct arena *mem = target_mem(o->t);
	uint64_t addr, n;
	char *end;

	if (o->p < o->end && isdigit((unsigned char)*o->p)) {
		n = strtoull(o->p, &end, 0);
		o->p = end;
		s->n = (int64_t)(minus ? (uint64_t)s->n - n :
				 (uint64_t)s->n + n);
		return s->any = true;
	}
	while (o->p < o->end && is_symbol_char(*o->p))
		o->p++;
	if (o->p == from || minus || s->has_symbol || !index_of(o->b))
		return false;
	addr = target_symbol(o->t, o->b, arena_strndup(mem, from,
						       (size_t)(o->p - from)));
	s->symbol = addr;
	s->any = s->has_symbol = true;
	return addr;
}

static bool take_sum(struct operand *o, struct sum *s)
{
	bool minus;

	*s = (struct sum){ 0 };
	while (o->p < o->end && *o->p != '(') {
		minus = take(o, '-');
		if (!minus && !take(o, '+') && s->any)
			return false;
		if (!take_term(o, s, minus))
			return false;
	}
	return true;
}

static void add_scaled(struct operand *o, const struct reg *r, int64_t scale)
{
	step(o, L_REG, r->n);
	if (scale != 1) {
		step(o, L_NUM, scale);
		step(o, L_MUL, 0);
	}
	step(o, L_PLUS, 0);
}

/* "(%base,%index,scale)", each of which may be missing, added to what the steps
   leave. A symbol is already relative to no instruction: (%rip) adds nothing. */
static bool take_base(struct operand *o, const struct sum *s)
{
	struct reg r;
	int64_t scale = 1;
	char *end;

	if (!take(o, '('))
		return true;
	if (take(o, '%')) {
		if (!take_reg(o, &r) || r.bytes != 8 ||
		    (r.n == RIP && !s->has_symbol))
			return false;
		if (r.n != RIP)
			add_scaled(o, &r, 1);
	}
	if (take(o, ',')) {
		if (!take(o, '%') || !take_reg(o, &r) || r.bytes != 8)
			return false;
		if (take(o, ',')) {
			scale = strtol(o->p, &end, 10);
			o->p = end;
		}
		add_scaled(o, &r, scale);
	}
	return take(o, ')');
}

static bool take_memory(struct operand *o)
{
	struct sum s;

	if (!take_sum(o, &s))
		return false;
	if (s.has_symbol)
		step(o, L_ADDR, (int64_t)(s.symbol + (uint64_t)s.n));
	else
		step(o, L_NUM, s.n);
	return take_base(o, &s) && o->p == o->end;
}

/* "%eax"; without a size, all of the register. */
static bool take_register(struct operand *o, unsigned *bytes)
{
	struct reg r;

	if (!take_reg(o, &r) || o->p != o->end)
		return false;
	step(o, L_REG, r.n);
	if (r.shift) {
		step(o, L_NUM, r.shift);
		step(o, L_SHR, 0);
	}
	if (!*bytes)
		*bytes = r.bytes;
	return true;
}

static bool take_number(struct operand *o)
{
	struct sum s;

	if (!take_sum(o, &s) || o->p != o->end)
		return false;
	if (s.has_symbol)
		step(o, L_ADDR, (int64_t)(s.symbol + (uint64_t)s.n));
	else
		step(o, L_NUM, s.n);
	return true;
}

/* --- arguments ------------------------------------------------------------------ */

static struct ctype *number_type(struct target *t, struct binary *b,
				 unsigned bytes, bool is_signed)
{
	struct ctype *c = NEW(target_mem(t), struct ctype);

	c->kind = TY_INT;
	c->name = "long";
	c->size = bytes;
	c->is_signed = is_signed;
	c->bin = b;
	return c;
}

/* "-4@%eax", "8f@%xmm0"; the size may be missing. *bytes: 0 then. */
static const char *take_size(const char *s, const char *end, unsigned *bytes,
			     bool *is_signed, bool *is_float)
{
	const char *at = memchr(s, '@', (size_t)(end - s));

	*bytes = 0;
	*is_signed = *is_float = false;
	if (!at || (!isdigit((unsigned char)*s) && *s != '-'))
		return s;
	*is_signed = *s == '-';
	*bytes = (unsigned)strtoul(s + *is_signed, NULL, 10);
	*is_float = memchr(s, 'f', (size_t)(at - s));
	return at + 1;
}

/* Where the operand is what is not understood, the argument is not there. */
static void read_argument(struct target *t, struct binary *b, const char *s,
			  const char *end, struct variable *v)
{
	struct operand o = { .t = t, .b = b, .end = end };
	bool is_signed, is_float, ok, is_memory = false;
	unsigned bytes;

	o.p = take_size(s, end, &bytes, &is_signed, &is_float);
	if (take(&o, '%')) {
		ok = take_register(&o, &bytes);
	} else if (take(&o, '$')) {
		ok = take_number(&o);
	} else {
		ok = is_memory = take_memory(&o);
	}
	if (!bytes)
		bytes = 8;
	ok &= !is_float && (bytes == 1 || bytes == 2 || bytes == 4 ||
			    bytes == 8);
	v->type = number_type(t, b, ok ? bytes : 8, is_signed);
	v->is_param = true;
	v->abi_arg = -1;
	if (ok)
		v->loc = loc_steps(target_mem(t), is_memory ? LOC_MEMORY :
				   LOC_VALUE, o.steps.v, o.steps.n);
}

/* The end of an operand: at a blank, but for those inside of "( )". */
static const char *operand_end(const char *s)
{
	int depth = 0;

	for (; *s && (depth || *s != ' '); s++)
		depth += (*s == '(') - (*s == ')');
	return s;
}

static void read_arguments(struct target *t, struct marker *m, const char *s,
			   struct binary *b)
{
	VEC(struct variable) v = { 0 };
	struct arena *mem = target_mem(t);
	const char *end;

	while (*(s += strspn(s, " "))) {
		struct variable a = { .param_index = (int)v.n };

		end = operand_end(s);
		a.name = arena_printf(mem, "arg%zu", v.n + 1);
		read_argument(t, b, s, end, &a);
		vec_push(mem, &v, a);
		s = end;
	}
	m->args = v.v;
	m->nargs = v.n;
}

/* --- notes ---------------------------------------------------------------------- */

/* A string of the descriptor; *p moves behind it. NULL: it does not end. */
static const char *take_string(const char **p, const char *end)
{
	const char *s = *p, *nul = memchr(s, 0, (size_t)(end - s));

	if (nul)
		*p = nul + 1;
	return nul ? s : NULL;
}

struct notes {
	struct target *t;
	struct binary *b;
	const struct object *o;
	uint64_t base;		/* where .stapsdt.base is; 0: there is none */
	const char *provider, *name;
	void (*each)(void *arg, const struct marker *m);
	void *arg;
	size_t n;
};

/* pc, base and semaphore as they were linked, and three strings. */
static void read_note(struct notes *n, const uint8_t *desc, size_t size)
{
	const char *p = (const char *)desc + 24, *end = (const char *)desc + size;
	const char *args;
	struct marker m = { 0 };
	uint64_t word[3], moved;

	if (size < sizeof(word))
		return;
	memcpy(word, desc, sizeof(word));
	m.provider = take_string(&p, end);
	m.name = m.provider ? take_string(&p, end) : NULL;
	args = m.name ? take_string(&p, end) : NULL;
	if (!args || !glob_match(n->provider, m.provider) ||
	    !glob_match(n->name, m.name))
		return;
	moved = n->base && word[1] ? n->base - word[1] : 0;
	m.addr = word[0] + moved;
	m.semaphore = word[2] ? object_offset(n->o, word[2] + moved) : 0;
	if (!object_offset(n->o, m.addr) || (word[2] && !m.semaphore))
		return;
	read_arguments(n->t, &m, args, n->b);
	n->n++;
	n->each(n->arg, &m);
}

size_t target_marks(struct target *t, struct binary *b, const char *provider,
		    const char *name,
		    void (*each)(void *arg, const struct marker *m), void *arg)
{
	struct facts *f = b->impl;
	struct notes n = { .t = t, .b = b, .o = &f->main, .each = each,
			   .arg = arg, .provider = provider, .name = name };
	struct bytes notes, base;
	size_t off = 0, next, at, desc;
	Elf_Data d = { .d_type = ELF_T_NHDR, .d_version = EV_CURRENT,
		       .d_align = 4 };
	GElf_Nhdr h;

	if (!object_section(&f->main, ".note.stapsdt", &notes))
		return 0;
	if (object_section(&f->main, ".stapsdt.base", &base))
		n.base = base.addr;
	d.d_buf = (void *)notes.p;
	d.d_size = notes.n;
	while ((next = gelf_getnote(&d, off, &h, &at, &desc)) > 0) {
		if (h.n_type == NT_STAPSDT && h.n_namesz == 8 &&
		    !memcmp(notes.p + at, "stapsdt", 8))
			read_note(&n, notes.p + desc, h.n_descsz);
		off = next;
	}
	return n.n;
}
