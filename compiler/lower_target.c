/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_target.c - target variables to registers, arguments and loads:
 * $x->f[i], @var, @cast, p->f, &$x. Behind this file all of DWARF's locations
 * and types have become numbers.
 */
#include "lower_target.h"

#include <stdarg.h>
#include <string.h>

enum { DWARF_RIP = 16, MAX_STACK = 64 };

bool oops(struct lower *l, struct span at, const struct tag *tag,
	  const char *fmt, ...)
{
	va_list ap;

	l->failed = true;
	if (l->quiet)
		return false;
	va_start(ap, fmt);
	complain(l->j, at, tag, "%s", arena_vprintf(l->mem, fmt, ap));
	va_end(ap);
	return false;
}

/* --- memory -------------------------------------------------------------------------- */

static int read_fault(struct lower *l, struct span at)
{
	return fault(l, at, !l->reading ?
		     "read fault [man error::fault] at 0x%x" :
		     arena_printf(l->mem, "%s copy fault at 0x%%x "
				  "[man error::fault]", l->reading), "l");
}

struct ir_opnd load_number(struct lower *l, struct span at, struct ir_opnd a,
			   int64_t offset, unsigned size, bool is_signed,
			   enum ir_space space)
{
	struct ir_stmt *s = add_into(l, IR_LOAD, at, temp_slot(l, IR_LONG));

	s->a = a;
	s->num = offset;
	s->size = (uint8_t)size;
	s->is_signed = is_signed;
	s->space = space;
	s->err = read_fault(l, at);
	return read_once(l, s);
}

struct ir_opnd load_string(struct lower *l, struct span at, struct ir_opnd a,
			   struct ir_opnd n, enum ir_space space,
			   struct ir_slot *want)
{
	struct ir_stmt *s;

	s = add_into(l, IR_LOAD_STR, at, want && want->type == IR_STRING ?
		     want : temp_slot(l, IR_STRING));
	s->a = a;
	s->b = n.kind == IR_NONE ? num_opnd(l->ir->string_len - 1) : n;
	s->space = space;
	s->err = read_fault(l, at);
	return slot_opnd(s->dst);
}

static struct ir_opnd plus(struct lower *l, struct span at, struct ir_opnd a,
			   int64_t n)
{
	if (!n)
		return a;
	if (a.kind == IR_NUM)
		return num_opnd((int64_t)((uint64_t)a.num + (uint64_t)n));
	return add_bin(l, at, IR_ADD, a, num_opnd(n));
}

/* Bits [at, at+n) of v, extended to 64. */
static struct ir_opnd take_bits(struct lower *l, struct span sp,
				struct ir_opnd v, unsigned at, unsigned n,
				bool is_signed)
{
	if (n >= 64)
		return v;
	if (v.kind == IR_NUM) {
		uint64_t x = (uint64_t)v.num << (64 - at - n);

		return num_opnd(is_signed ? (int64_t)x >> (64 - n) :
				(int64_t)(x >> (64 - n)));
	}
	if (is_signed) {
		if (at + n < 64)
			v = add_bin(l, sp, IR_SHL, v, num_opnd(64 - at - n));
		return add_bin(l, sp, IR_SHR, v, num_opnd(64 - n));
	}
	if (at)
		v = add_bin(l, sp, IR_USHR, v, num_opnd(at));
	return at + n == 64 ? v :
		add_bin(l, sp, IR_AND, v, num_opnd((int64_t)((1ull << n) - 1)));
}

static unsigned load_size(unsigned bits)
{
	return bits <= 8 ? 1 : bits <= 16 ? 2 : bits <= 32 ? 4 : 8;
}

/* --- locations ----------------------------------------------------------------------------- */

struct term {			/* of a location's stack: v + n */
	struct ir_opnd v;	/* IR_NONE: the number alone */
	int64_t n;
};

static struct ir_opnd term_value(struct lower *l, struct span at,
				 struct term t)
{
	if (t.v.kind == IR_NONE)
		return num_opnd(t.n);
	return plus(l, at, t.v, t.n);
}

static struct ir_opnd add_source(struct lower *l, struct span at,
				 enum ir_kind kind, int64_t n)
{
	struct ir_stmt *s = add_into(l, kind, at, temp_slot(l, IR_LONG));

	s->num = n;
	return read_once(l, s);
}

bool need_registers(struct lower *l, struct span at)
{
	if (l->ir_fn) {		/* its callers' matter */
		l->ir_fn->needs_regs = true;
		return true;
	}
	if (l->prog == IR_KPROBE || l->prog == IR_PERF_EVENT)
		return true;
	if (!l->needs_regs)
		l->regs_at = at;
	l->needs_regs = true;
	return false;
}

static struct ir_opnd read_register(struct lower *l, struct span at, int64_t n)
{
	if (l->is_return && !l->at_entry && n == 0 && l->prog != IR_LOADER)
		return add_source(l, at, IR_RETVAL, 0);
	if (!need_registers(l, at))
		return num_opnd(0);
	return add_source(l, at, IR_REG, n);
}

/* Where x86-64 passes the first six. */
static struct ir_opnd read_argument(struct lower *l, struct span at, int64_t n)
{
	static const int registers[] = { 5, 4, 1, 2, 8, 9 };

	if (l->prog != IR_KPROBE)
		return add_source(l, at, IR_ARG, n);
	if (n < 0 || (size_t)n >= COUNT_OF(registers)) {
		oops(l, at, E_UNSUPPORTED, "argument %d is not in a register",
		     (int)n + 1);
		return num_opnd(0);
	}
	return read_register(l, at, registers[n]);
}

/*
 * Where a function's first instruction lies now; as a kprobe of a module sees
 * it: target_probe_ip.
 */
static struct ir_opnd read_entry_ip(struct lower *l, struct span at)
{
	struct expr *ip;

	if (!l->is_return || l->at_entry)
		return read_register(l, at, DWARF_RIP);
	ip = NEW(l->mem, struct expr);	/* kept from the entry */
	ip->kind = X_REGISTER;
	ip->op = l->bin->kind == BIN_PROGRAM ? OP_USER : OP_KERNEL;
	ip->type = T_LONG;
	ip->at = at;
	ip->a = NEW(l->mem, struct expr);
	*ip->a = (struct expr) { .kind = X_NUMBER, .type = T_LONG, .at = at,
				 .num = DWARF_RIP };
	return captured(l, ip);
}

/*
 * A link-time address of a module as it is now: each of its sections may lie
 * anywhere. That of the code is told by the instruction pointer, and code that
 * the kernel has relocated tells those of the others.
 */
static struct ir_opnd module_address(struct lower *l, struct span at,
				     const struct place *entry, int64_t n)
{
	uint64_t ip = target_probe_ip(l->j->target, entry);
	struct ir_opnd code = read_entry_ip(l, at), v;
	struct code_pointer p;

	if (!target_code_pointer(l->j->target, l->bin, ip, (uint64_t)n, &p)) {
		oops(l, at, E_UNSUPPORTED, "a variable that no code of %s "
		     "tells the address of", l->bin->name);
		return num_opnd(0);
	}
	if (!p.size)
		return plus(l, at, code, (int64_t)((uint64_t)n - ip));
	v = load_number(l, at, code, (int64_t)(p.at - ip), p.size, true,
			IR_KERNEL_MEM);
	if (p.is_relative)
		v = add_bin(l, at, IR_ADD, v,
			    plus(l, at, code, (int64_t)(p.at - ip)));
	return plus(l, at, v, (int64_t)((uint64_t)n - p.value));
}

/*
 * A link-time address of l->bin as it is now. Of a program that may lie
 * anywhere: from the instruction pointer at the probe, whose link-time address
 * is known.
 */
struct ir_opnd read_address(struct lower *l, struct span at, int64_t n)
{
	struct place *entry = l->place;

	if (l->bin && l->bin->kind != BIN_PROGRAM &&
	    target_is_per_cpu(l->j->target, l->bin, (uint64_t)n)) {
		oops(l, at, E_UNSUPPORTED, "a per-CPU variable, of which there "
		     "is one at another address on each CPU");
		return num_opnd(0);
	}
	if (l->bin && l->bin->kind == BIN_KERNEL) {
		l->ir->needs_slide = true;
		return add_source(l, at, IR_KADDR, n);
	}
	if (l->bin && target_is_fixed(l->bin))
		return num_opnd(n);
	if (l->site && l->site->event && l->site->event->of == l->bin &&
	    l->prog == IR_PERF_EVENT) {
		struct ir_stmt *st = lower_kernel_call(l, at, "event_address",
					temp_slot(l, IR_LONG), NULL);

		return plus(l, at, slot_opnd(st->dst), (int64_t)((uint64_t)n -
			    l->site->event->addr));
	}
	if (!entry || entry->func->bin != l->bin) {
		oops(l, at, E_UNSUPPORTED, "where %s has been loaded is known "
		     "in probes of its own functions and data only",
		     l->bin ? l->bin->name : "it");
		return num_opnd(0);
	}
	if (l->is_return && !l->at_entry)
		entry = target_place(l->j->target, entry->func, AT_ENTRY);
	if (l->bin->kind == BIN_MODULE)
		return module_address(l, at, entry, n);
	return plus(l, at, read_entry_ip(l, at),
		    (int64_t)((uint64_t)n - entry->addr));
}

/* @kregister(n), @uregister(n): by DWARF's numbers, of the probed code. */
struct ir_opnd lower_register(struct lower *l, const struct expr *e)
{
	bool user = e->op == OP_USER, regs = l->prog == IR_KPROBE ||
		l->prog == IR_FENTRY || l->prog == IR_FEXIT;
	int64_t n;

	if (!l->ir_fn && (!l->site || (l->prog != IR_PERF_EVENT && (!l->place ||
	    !regs || user != (l->site->place->func->bin->kind ==
			      BIN_PROGRAM))))) {
		oops(l, e->at, E_UNSUPPORTED, "@%cregister is for probes of "
		     "%s, and of events", user ? 'u' : 'k',
		     user ? "programs' functions" : "kernel functions");
		return num_opnd(0);
	}
	if (!fold(l, e->a, &n) || n < 0 || n > DWARF_RIP) {
		oops(l, e->a->at, E_UNSUPPORTED, "a register is one of the "
		     "numbers 0 to %d, as DWARF has them", DWARF_RIP);
		return num_opnd(0);
	}
	return read_register(l, e->at, n);
}

static bool loc_binary(enum loc_op op, enum ir_op *out)
{
	switch (op) {
	case L_PLUS: *out = IR_ADD; return true;
	case L_MINUS: *out = IR_SUB; return true;
	case L_MUL: *out = IR_MUL; return true;
	case L_AND: *out = IR_AND; return true;
	case L_OR: *out = IR_OR; return true;
	case L_XOR: *out = IR_XOR; return true;
	case L_SHL: *out = IR_SHL; return true;
	case L_SHR: *out = IR_USHR; return true;
	case L_SHRA: *out = IR_SHR; return true;
	case L_EQ: *out = IR_EQ; return true;
	case L_NE: *out = IR_NE; return true;
	case L_LT: *out = IR_LT; return true;
	case L_LE: *out = IR_LE; return true;
	case L_GT: *out = IR_GT; return true;
	case L_GE: *out = IR_GE; return true;
	case L_DIV: *out = IR_DIV; return true;
	case L_MOD: *out = IR_MOD; return true;
	case L_REG: case L_ARG: case L_NUM: case L_ADDR: case L_LOAD:
	case L_NEG: case L_NOT: case L_DUP: case L_SWAP: case L_DROP:
	case L_OVER: case L_ABS: case L_ROT:
		return false;
	}
	return false;
}

static struct term divide(struct lower *l, struct span at, struct ir_opnd a,
			  struct ir_opnd b)
{
	struct ir_stmt *s = add_into(l, IR_BIN, at, temp_slot(l, IR_LONG));

	s->op = IR_DIV;
	s->a = a;
	s->b = b;
	s->err = fault(l, at, "division by 0", "");
	return (struct term) { slot_opnd(s->dst), 0 };
}

static struct term combine(struct lower *l, struct span at, enum ir_op op,
			   struct term a, struct term b)
{
	struct ir_opnd v;

	if (op == IR_ADD && (a.v.kind == IR_NONE || b.v.kind == IR_NONE))
		return (struct term) { a.v.kind == IR_NONE ? b.v : a.v,
				       a.n + b.n };
	if (op == IR_SUB && b.v.kind == IR_NONE)
		return (struct term) { a.v, a.n - b.n };
	if (op == IR_MOD)	/* DWARF's is unsigned */
		oops(l, at, E_UNSUPPORTED, "a location with a remainder");
	if (op == IR_DIV)
		return divide(l, at, term_value(l, at, a),
			      term_value(l, at, b));
	v = add_bin(l, at, op, term_value(l, at, a), term_value(l, at, b));
	return (struct term) { v, 0 };
}

/* One operand to one result. */
static struct term loc_unary(struct lower *l, struct span at,
			     const struct locstep *step, struct term a)
{
	struct ir_stmt *s;

	if (step->op == L_LOAD) {
		struct ir_opnd base = a.v.kind == IR_NONE ? num_opnd(a.n) : a.v;

		return (struct term) { load_number(l, at, base,
				a.v.kind == IR_NONE ? 0 : a.n,
				(unsigned)step->n, false, l->space), 0 };
	}
	if (step->op == L_ABS) {
		struct ir_opnd v = term_value(l, at, a);
		struct ir_opnd sign = add_bin(l, at, IR_SHR, v, num_opnd(63));

		v = add_bin(l, at, IR_XOR, v, sign);
		return (struct term) { add_bin(l, at, IR_SUB, v, sign), 0 };
	}
	s = add(l, IR_UN, at);
	s->a = term_value(l, at, a);
	s->dst = temp_slot(l, IR_LONG);
	s->op = step->op == L_NEG ? IR_NEG : IR_NOT;
	return (struct term) { slot_opnd(s->dst), 0 };
}

struct loc_stack {
	struct term v[MAX_STACK];
	size_t n;
};

/* Steps that only move what is there; false: it is another. */
static bool loc_move(struct loc_stack *st, enum loc_op op)
{
	struct term *top = st->v + st->n, t;

	if (op == L_DUP) {
		*top = top[-1];
		st->n++;
	} else if (op == L_OVER) {
		*top = top[-2];
		st->n++;
	} else if (op == L_DROP) {
		st->n--;
	} else if (op == L_SWAP) {
		t = top[-1];
		top[-1] = top[-2];
		top[-2] = t;
	} else if (op == L_ROT) {
		t = top[-1];
		top[-1] = top[-2];
		top[-2] = top[-3];
		top[-3] = t;
	} else {
		return false;
	}
	return true;
}

static bool loc_source(struct lower *l, struct span at, struct loc_stack *st,
		       const struct locstep *step)
{
	struct term *top = &st->v[st->n];

	*top = (struct term) { 0 };
	if (step->op == L_NUM)
		top->n = step->n;
	else if (step->op == L_REG)
		top->v = read_register(l, at, step->n);
	else if (step->op == L_ARG)
		top->v = read_argument(l, at, step->n);
	else if (step->op == L_ADDR)
		top->v = read_address(l, at, step->n);
	else
		return false;
	if (top->v.kind == IR_NUM) {
		top->n += top->v.num;	/* a fixed address */
		top->v.kind = IR_NONE;
	}
	st->n++;
	return true;
}

static size_t loc_needs(enum loc_op op)
{
	enum ir_op unused;

	if (op == L_ROT)
		return 3;
	if (loc_binary(op, &unused) || op == L_SWAP || op == L_OVER)
		return 2;
	return op != L_REG && op != L_ARG && op != L_NUM && op != L_ADDR;
}

static struct term run_location(struct lower *l, struct span at,
				const struct loc *loc)
{
	struct loc_stack st = { .n = 0 };
	enum ir_op op;
	size_t i;

	for (i = 0; i < loc->nsteps; i++) {
		const struct locstep *step = &loc->steps[i];

		if (st.n < loc_needs(step->op) || st.n + 1 >= MAX_STACK)
			bug("location: step %zu has %zu values", i, st.n);
		if (loc_source(l, at, &st, step) || loc_move(&st, step->op))
			continue;
		if (loc_binary(step->op, &op)) {
			st.v[st.n - 2] = combine(l, at, op, st.v[st.n - 2],
						 st.v[st.n - 1]);
			st.n--;
		} else {
			st.v[st.n - 1] = loc_unary(l, at, step,
						   st.v[st.n - 1]);
		}
	}
	if (!st.n)
		bug("location leaves nothing");
	return st.v[st.n - 1];
}

/* --- values of objects ------------------------------------------------------------------------ */

static struct ir_opnd piece_value(struct lower *l, struct span at,
				  const struct piece *p, enum ir_space space)
{
	struct term t;

	if (p->loc->kind == LOC_VALUE)
		return term_value(l, at, run_location(l, at, p->loc));
	if (p->loc->kind != LOC_MEMORY) {
		oops(l, at, E_OPTIMIZED_OUT, "a part of it is optimised out");
		return num_opnd(0);
	}
	t = run_location(l, at, p->loc);
	return load_number(l, at, t.v.kind == IR_NONE ? num_opnd(t.n) : t.v,
			   t.v.kind == IR_NONE ? 0 : t.n, load_size(p->bits),
			   false, space);
}

/* Bits [at, at+n) of what lies in several places, low part first. */
static struct ir_opnd join_pieces(struct lower *l, const struct object *o,
				  unsigned at, unsigned n)
{
	struct ir_opnd sum = num_opnd(0), v;
	unsigned start = 0, from, to;
	size_t i;

	for (i = 0; i < o->pieces->npieces; i++) {
		const struct piece *p = &o->pieces->pieces[i];

		from = at > start ? at : start;
		to = at + n < start + p->bits ? at + n : start + p->bits;
		if (from < to) {
			v = piece_value(l, o->at, p, o->space);
			v = take_bits(l, o->at, v, from - start, to - from,
				      false);
			if (from > at)
				v = add_bin(l, o->at, IR_SHL, v,
					    num_opnd(from - at));
			sum = sum.kind == IR_NUM ? v :
				add_bin(l, o->at, IR_OR, sum, v);
		}
		start += p->bits;
	}
	return sum;
}

struct ir_opnd address_of(struct lower *l, const struct object *o)
{
	return plus(l, o->at, o->v, o->offset);
}

bool is_number(const struct ctype *t)
{
	switch (t->kind) {
	case TY_INT: case TY_BOOL: case TY_CHAR: case TY_POINTER: case TY_ENUM:
	case TY_FLOAT:
		return true;
	case TY_VOID: case TY_ARRAY: case TY_STRUCT: case TY_UNION:
	case TY_FUNC: case TY_OTHER:
		return false;
	}
	return false;
}

static struct ir_opnd memory_value(struct lower *l, const struct object *o,
				   unsigned size)
{
	struct ir_opnd v;
	unsigned whole;

	if (!o->bits)
		return load_number(l, o->at, o->v, o->offset, size,
				   o->type->is_signed, o->space);
	whole = load_size(o->bit_at + o->bits);
	v = load_number(l, o->at, o->v, o->offset, whole, false, o->space);
	return take_bits(l, o->at, v, o->bit_at, o->bits, o->type->is_signed);
}

/* The object as a number: what a script sees of it. */
struct ir_opnd value_of(struct lower *l, const struct object *o)
{
	unsigned size = (unsigned)o->type->size;

	if (o->as == AS_NOTHING)
		return num_opnd(0);
	if (o->as == AS_MEMORY && (o->type->kind == TY_ARRAY ||
				   o->type->kind == TY_FUNC))
		return address_of(l, o);
	if (!is_number(o->type)) {
		oops(l, o->at, E_NOT_STRUCT,
		     "'%s' is not a number; a member of it, or its address "
		     "with &, is", o->type->name);
		return num_opnd(0);
	}
	if (size != 1 && size != 2 && size != 4 && size != 8) {
		oops(l, o->at, E_UNSUPPORTED, "numbers of %u bytes ('%s')",
		     size, o->type->name);
		return num_opnd(0);
	}
	if (o->as == AS_MEMORY)
		return memory_value(l, o, size);
	if (o->as == AS_NUMBER)
		return take_bits(l, o->at, o->v, o->bit_at,
				 o->bits ? o->bits : size * 8,
				 o->type->is_signed);
	return take_bits(l, o->at, join_pieces(l, o, o->bit_at, o->bits ?
					       o->bits : size * 8),
			 0, o->bits ? o->bits : size * 8, o->type->is_signed);
}

/* --- steps along a path -------------------------------------------------------------------------- */

static void list_members(struct text *s, struct ctype *t, int depth)
{
	struct member m;
	size_t i;

	for (i = 0; type_member_at(t, i, &m) && i < 40; i++) {
		if (m.name)
			text_printf(s, "%s%s", s->n ? ", " : "", m.name);
		else if (depth < 16)
			list_members(s, m.type, depth + 1);
	}
}

static const char *members_of(struct lower *l, struct ctype *t)
{
	struct text s = { .mem = l->mem };

	text_puts(&s, "");
	list_members(&s, t, 0);
	return s.s;
}

/* What a pointer points to, as an object. */
bool follow(struct lower *l, struct object *o)
{
	struct ir_opnd p = value_of(l, o);

	*o = (struct object) { .as = AS_MEMORY, .type = o->type->to, .v = p,
			       .space = o->space, .at = o->at };
	return o->type != NULL;
}

static bool step_member(struct lower *l, struct object *o,
			const struct access *a)
{
	struct member m;

	if (o->type->kind == TY_POINTER && (!follow(l, o) ||
					    o->type->kind == TY_VOID))
		return oops(l, a->at, E_NOT_STRUCT,
			    "'%s' is a member of what a void pointer points "
			    "to: use @cast", a->member);
	if (o->type->kind != TY_STRUCT && o->type->kind != TY_UNION)
		return oops(l, a->at, E_NOT_STRUCT,
			    "'%s' is asked of '%s', which is no struct or "
			    "union", a->member, o->type->name);
	if (!type_member(o->type, a->member, &m))
		return oops(l, a->at, E_UNKNOWN_MEMBER,
			    "unable to find member '%s' for %s "
			    "(alternatives: %s)", a->member, o->type->name,
			    members_of(l, o->type));
	o->type = m.type;
	o->at = a->at;
	o->bits = m.bit_size;
	if (o->as == AS_MEMORY) {
		o->offset += (int64_t)m.offset;
		o->bit_at = m.bit_offset;
	} else {
		o->bit_at += (unsigned)m.offset * 8 + m.bit_offset;
	}
	return true;
}

static bool step_index(struct lower *l, struct object *o,
		       const struct access *a)
{
	struct ir_opnd i;
	int64_t size;

	if (o->type->kind == TY_POINTER) {
		if (!follow(l, o) || o->type->kind == TY_VOID)
			return oops(l, a->at, E_NOT_STRUCT,
				    "a void pointer cannot be indexed: "
				    "use @cast");
	} else if (o->type->kind == TY_ARRAY && o->as == AS_MEMORY) {
		o->type = o->type->to;
	} else {
		return oops(l, a->at, E_NOT_STRUCT,
			    "'%s' cannot be indexed here", o->type->name);
	}
	o->at = a->at;
	o->bits = 0;
	size = (int64_t)o->type->size;
	i = lower_expr(l, a->index);
	if (i.kind == IR_NUM) {
		o->offset += i.num * size;
		return true;
	}
	if (size != 1)
		i = add_bin(l, a->at, IR_MUL, i, num_opnd(size));
	o->v = add_bin(l, a->at, IR_ADD, o->v, i);
	return true;
}

static bool walk_path(struct lower *l, struct object *o,
		      const struct access *a)
{
	for (; a; a = a->next)
		if (!(a->member ? step_member(l, o, a) : step_index(l, o, a)))
			return false;
	return true;
}

/* --- where a path begins -------------------------------------------------------------------------- */

static struct variable *trace_variable(struct lower *l, size_t i)
{
	const struct tracearg *a;
	struct variable *v;

	if (i >= l->site->tp->nargs)
		return NULL;
	a = &l->site->tp->args[i];
	v = NEW(l->mem, struct variable);
	v->name = a->name;
	v->type = a->type;
	v->is_param = true;
	v->param_index = v->abi_arg = (int)i;
	v->loc.kind = LOC_VALUE;
	v->loc.nsteps = 1;
	v->loc.steps = NEW(l->mem, struct locstep);
	*v->loc.steps = (struct locstep) { L_ARG, (int64_t)i };
	return v;
}

/* The variables that the kind of point has by itself. */
static const struct given *given_of(const struct lower *l)
{
	return l->site ? l->site->given : NULL;
}

/* Are there target variables, of a place or of a tracepoint? */
bool has_variables(const struct lower *l)
{
	if (given_of(l))
		return true;
	if (l->site && (l->site->tp || l->site->no_variables))
		return l->site->tp != NULL;
	return l->place;
}

/* What can be seen here, in order; NULL past the end. */
struct variable *variable_at(struct lower *l, size_t i)
{
	const struct given *g = given_of(l);

	if (g)
		return i < g->n ? &g->v[i] : NULL;
	if (l->site && l->site->tp)
		return trace_variable(l, i);
	return has_variables(l) ? place_variable_at(l->j->target, l->place, i) : NULL;
}

static struct variable *local_variable(struct lower *l, const char *name)
{
	const struct given *g = given_of(l);
	struct variable *v;
	size_t i;

	for (i = 0; g && i < g->n; i++)
		if (!strcmp(g->v[i].name, name))
			return &g->v[i];
	if (g && !l->place)
		return NULL;
	if (has_variables(l) && !(l->site && l->site->tp)) {
		if (l->is_return && !strcmp(name, "return"))
			return place_return(l->j->target, l->site->place);
		return place_variable(l->j->target, l->place, name);
	}
	for (i = 0; (v = variable_at(l, i)); i++)
		if (!strcmp(v->name, name))
			return v;
	return NULL;
}

/* ... or a global one of the binary. */
struct variable *find_variable(struct lower *l, const char *name)
{
	struct variable *v = local_variable(l, name);

	if (!v && l->bin && l->place && has_variables(l))
		v = target_global(l->j->target, l->bin, name);
	return v;
}

static const char *here(const struct lower *l)
{
	if (l->place)
		return l->place->func->name;
	return l->site && l->site->tp ? l->site->tp->name : "this probe";
}

/* " (alternatives: $a, $b)" of what can be read. */
static const char *alternatives(struct lower *l)
{
	struct text t = { .mem = l->mem };
	struct variable *v;
	size_t i;

	text_puts(&t, "");
	for (i = 0; (v = variable_at(l, i)) && i < 40; i++)
		if (v->loc.kind != LOC_ABSENT)
			text_printf(&t, "%s$%s", t.n ? ", " : "", v->name);
	if (l->is_return && place_return(l->j->target, l->site->place))
		text_printf(&t, "%s$return", t.n ? ", " : "");
	return t.n ? arena_printf(l->mem, " (alternatives: %s)", t.s) : "";
}

bool no_variable(struct lower *l, struct span at, const char *name)
{
	if (!has_variables(l))
		return oops(l, at, E_NO_TARGET_VAR,
			    "there are no target variables here ('$%s')%s",
			    name, !l->site ?
			    ": a function is used by many probes" :
			    l->place ? ": kernel.function has them" : "");
	if (!strcmp(name, "return"))
		return oops(l, at, E_UNKNOWN_VARIABLE, l->is_return ?
			    "function '%s' returns nothing" :
			    "$return is for probes at the return, as "
			    "function(\"%s\").return", here(l));
	if (l->bin && l->bin->kind == BIN_PROGRAM && !l->bin->has_dwarf)
		return oops(l, at, E_UNKNOWN_VARIABLE,
			    "unable to find local '%s' in %s: %s has no "
			    "debuginfo (looked at %s)", name, here(l),
			    l->bin->name, l->bin->looked ? l->bin->looked :
			    l->bin->file);
	return oops(l, at, E_UNKNOWN_VARIABLE,
		    "unable to find local '%s' in %s%s", name, here(l),
		    alternatives(l));
}

bool from_variable(struct lower *l, struct span at, const struct variable *v,
		   struct object *o)
{
	struct term t;

	*o = (struct object) { .type = v->type, .space = l->space, .at = at };
	if (!v->type)
		return oops(l, at, E_UNKNOWN_TYPE, "'%s' has no known type",
			    v->name);
	if (l->prog == IR_FENTRY && v->is_param && v->abi_arg >= 0 &&
	    is_number(v->type)) {
		o->as = AS_NUMBER;
		o->v = add_source(l, at, IR_ARG, v->abi_arg);
		return true;
	}
	switch (v->loc.kind) {
	case LOC_ABSENT:
		return oops(l, at, E_OPTIMIZED_OUT,
			    "'%s' is optimised out in %s%s", v->name, here(l),
			    alternatives(l));
	case LOC_PIECES:
		o->as = AS_PIECES;
		o->pieces = &v->loc;
		return true;
	case LOC_VALUE:
		o->as = AS_NUMBER;
		o->v = term_value(l, at, run_location(l, at, &v->loc));
		return true;
	case LOC_MEMORY:
		t = run_location(l, at, &v->loc);
		o->as = AS_MEMORY;
		o->v = t.v.kind == IR_NONE ? num_opnd(t.n) : t.v;
		o->offset = t.v.kind == IR_NONE ? 0 : t.n;
		return true;
	}
	bug("location %d", v->loc.kind);
}

/* The build of a module that the probe is in, or else the first. */
static struct binary *named_module(struct lower *l, const char *name,
				   const char **why)
{
	struct binary **b;
	size_t i, n;
	bool bad;

	n = target_modules(l->j->target, name, &b, &bad);
	for (i = 0; i < n; i++)
		if (b[i] == l->bin)
			return b[i];
	if (!n)
		*why = arena_printf(l->mem, "kernel \"%s\" has no module "
				    "\"%s\"", target_name(l->j->target), name);
	return n ? b[0] : NULL;
}

/*
 * The binary that a part of @cast's or @var's last argument names. NULL: there
 * is none; *why then tells.
 */
static struct binary *named_binary(struct lower *l, const char *name,
				   const char **why)
{
	struct target *t = l->j->target;
	struct binary *b = NULL;
	size_t n = strlen(name);

	*why = NULL;
	if (!strcmp(name, "kernel") || (!strncmp(name, "kernel<", 7) &&
					name[n - 1] == '>'))
		return target_kernel(t);
	if (n > 2 && *name == '<' && name[n - 1] == '>')
		return target_header(t, name, why);
	if (strchr(name, '/')) {
		if (!target_programs(t, name, &b, 1))
			*why = arena_printf(l->mem, "no build of the program "
					    "\"%s\" is declared", name);
		return b;
	}
	return named_module(l, name, why);
}

struct ctype *pointer_to(struct lower *l, struct ctype *to)
{
	struct ctype *t = NEW(l->mem, struct ctype);

	t->kind = TY_POINTER;
	t->size = 8;
	t->to = to;
	t->bin = to->bin;
	t->name = arena_printf(l->mem, "%s *", to->name);
	return t;
}

enum ir_space space_of(const struct lower *l, const struct binary *b)
{
	if (!b)
		return l->space;
	return b->kind == BIN_PROGRAM ? IR_USER_MEM : IR_KERNEL_MEM;
}

/* "struct file", nearest first, behind a complaint. */
static const char *similar_types(struct lower *l, struct binary *b,
				 const char *name)
{
	struct text t = { .mem = l->mem };
	const char *near[5];
	size_t i, n = target_similar_types(l->j->target, b, name, near,
					   COUNT_OF(near));

	text_puts(&t, n ? " (similar types: " : "");
	for (i = 0; i < n; i++)
		text_printf(&t, "%s%s", i ? ", " : "", near[i]);
	text_puts(&t, n ? ")" : "");
	return t.s;
}

/* For globals: the same. */
static const char *similar_globals(struct lower *l, struct binary *b,
				   const char *name)
{
	struct text t = { .mem = l->mem };
	const char *near[5];
	size_t i, n;

	name = arena_strndup(l->mem, name, strcspn(name, "@"));
	n = target_similar_globals(l->j->target, b, name, near,
				   COUNT_OF(near));
	text_puts(&t, n ? " (similar: " : "");
	for (i = 0; i < n; i++)
		text_printf(&t, "%s%s", i ? ", " : "", near[i]);
	text_puts(&t, n ? ")" : "");
	return t.s;
}

static bool no_type(struct lower *l, const struct expr *e, struct binary *b,
		    const char *why)
{
	const struct target_ref *r = e->target;
	const char *module = r->module ? r->module : b ? b->name : "kernel";

	if (why)
		return oops(l, e->at, E_UNKNOWN_TYPE, "%s", why);
	return oops(l, e->at, E_UNKNOWN_TYPE,
		    "type definition '%s' not found in '%s'%s%s", r->type_name,
		    module, strstr(module, "kernel<") ? ", which is answered "
		    "from the kernel's debuginfo" : "",
		    b ? similar_types(l, b, r->type_name) : "");
}

/* In the first that has it of the modules "A:B:C". */
static struct ctype *cast_type(struct lower *l, const struct expr *e)
{
	const struct target_ref *r = e->target;
	const char *why = NULL, *no = NULL, *p = r->module;
	struct binary *b = l->bin, *first = NULL;
	struct ctype *t = NULL;
	size_t n;

	if (!p && b)
		t = target_type(l->j->target, b, r->type_name);
	for (; p && *p && !t; p += n + (p[n] == ':')) {
		n = strcspn(p, ":");
		b = named_binary(l, arena_strndup(l->mem, p, n), &why);
		if (b)
			t = target_type(l->j->target, b, r->type_name);
		first = first ? first : b;
		no = no ? no : why;
	}
	if (!t) {
		no_type(l, e, p ? first : b, first ? NULL : no);
		return NULL;
	}
	return t->kind == TY_POINTER ? t : pointer_to(l, t);
}

static bool from_cast(struct lower *l, const struct expr *e, struct object *o)
{
	struct ctype *t = cast_type(l, e);
	struct ir_opnd v = lower_expr(l, e->target->base);

	*o = (struct object) { .as = AS_NUMBER, .type = t, .v = v,
			       .at = e->at };
	o->space = t ? space_of(l, t->bin) : l->space;
	return t != NULL;
}

static bool from_autocast(struct lower *l, const struct expr *e,
			  struct object *o)
{
	struct ctype *t = ctype_of(l, e->target->base);

	if (!t)
		return oops(l, e->at, E_UNKNOWN_TYPE,
			    "the C type of what stands before '->' is not "
			    "known, or not the same everywhere: use "
			    "@cast(..., \"type\")");
	*o = (struct object) { .as = AS_NUMBER, .type = t, .at = e->at,
			       .v = lower_expr(l, e->target->base),
			       .space = space_of(l, t->bin) };
	return true;
}

/* A variable of b, whatever the probe is of. */
static bool from_global(struct lower *l, const struct expr *e,
			struct binary *b, const struct variable *v,
			struct object *o)
{
	struct binary *bin = l->bin;
	enum ir_space space = l->space;
	bool ok;

	l->bin = b;
	l->space = space_of(l, b);
	ok = from_variable(l, e->at, v, o);
	l->bin = bin;
	l->space = space;
	return ok;
}

/* @var("name@file.c", "module"), or without: as $name. */
static bool from_atvar(struct lower *l, const struct expr *e,
		       struct object *o)
{
	const struct target_ref *r = e->target;
	struct variable *v = NULL;
	const char *why = NULL;
	struct binary *b = l->bin;

	if (!r->module && !strchr(r->name, '@') && has_variables(l))
		v = local_variable(l, r->name);
	if (v)
		return from_variable(l, e->at, v, o);
	if (r->module)
		b = named_binary(l, r->module, &why);
	if (b)
		v = target_global(l->j->target, b, r->name);
	if (v)
		return from_global(l, e, b, v, o);
	if (why)
		return oops(l, e->at, E_UNKNOWN_VARIABLE, "%s", why);
	if (b && !b->has_dwarf)
		return oops(l, e->at, E_UNKNOWN_VARIABLE, "'%s' cannot be "
			    "looked for: there is no debuginfo of %s", r->name,
			    b->name);
	return oops(l, e->at, E_UNKNOWN_VARIABLE,
		    "unable to find global '%s' in %s%s", r->name,
		    b ? b->name : "kernel", b ? similar_globals(l, b, r->name) :
		    "");
}

static bool from_base(struct lower *l, const struct expr *e, struct object *o)
{
	struct variable *v;

	switch (e->target->kind) {
	case TR_VAR:
		v = find_variable(l, e->target->name);
		if (!v)
			return no_variable(l, e->at, e->target->name);
		return from_variable(l, e->at, v, o);
	case TR_ATVAR:
		return from_atvar(l, e, o);
	case TR_CAST:
		return from_cast(l, e, o);
	case TR_AUTOCAST:
		return from_autocast(l, e, o);
	case TR_CONTEXT:
		break;
	}
	bug("target variable %d", e->target->kind);
}

bool find_object(struct lower *l, const struct expr *e, struct object *o)
{
	if (from_base(l, e, o) && walk_path(l, o, e->target->path))
		return true;
	o->as = AS_NOTHING;
	return false;
}

/* --- all together ------------------------------------------------------------------------------------------ */

bool kept_argument(struct lower *l, struct span at, const struct variable *v,
		   struct object *o)
{
	if (l->prog != IR_FEXIT || !v || v->abi_arg < 0 || !v->type ||
	    !is_number(v->type))
		return false;
	*o = (struct object) { .as = AS_NUMBER, .type = v->type, .at = at,
			       .space = l->space };
	o->v = add_source(l, at, IR_ARG, v->abi_arg);
	return true;
}

/*
 * A plain parameter at the return: fexit still has it; else it is kept at the
 * entry, as is all that must be read from memory then.
 */
static struct ir_opnd value_of_entry(struct lower *l, const struct expr *e)
{
	struct lower seen = *l;
	struct variable *v;
	struct object o;

	see_entry(&seen);
	v = seen.place ? place_variable(l->j->target, seen.place,
					e->target->name) : NULL;
	if (!e->target->path && !e->target->address_of && !e->target->pretty &&
	    kept_argument(l, e->at, v, &o))
		return value_of(l, &o);
	return captured(l, e);
}

static struct ir_opnd address_value(struct lower *l, const struct object *o)
{
	if (o->as == AS_MEMORY && !o->bits)
		return address_of(l, o);
	oops(l, o->at, E_NOT_STRUCT, "it lies in a register%s: there is no "
	     "address", o->bits ? " or in a part of a byte" : "");
	return num_opnd(0);
}

struct ir_opnd lower_target(struct lower *l, const struct expr *e)
{
	struct shape_of_text sh;
	struct object o;

	if (is_call_result(l, e))
		return call_result(l, e->at);
	if (target_is_text(e) && !is_of_entry(l, e)) {
		shape_init(l, &sh);
		sh.early = true;
		shape_target(l, &sh, e);
		return shape_string(l, &sh, e->at, NULL);
	}
	if (is_of_entry(l, e))
		return value_of_entry(l, e);
	if (!find_object(l, e, &o))
		return num_opnd(0);
	if (is_address_of_object(e))
		return address_value(l, &o);
	return value_of(l, &o);
}
