/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_regs.c - functions that read the registers of the probed code: by name,
 * as arguments, as what was returned. In functions of the script they read what
 * the handler has that calls them: it must be one that has registers.
 */
#include "lower_target.h"

#include <string.h>

enum { RAX = 0, RSP = 7, CS = 51, USER_CS_32 = 0x23 };

static bool has_registers(const struct lower *l)
{
	return l->prog == IR_KPROBE || l->prog == IR_PERF_EVENT || l->ir_fn;
}

/* A register of the probed code, whole. */
static struct ir_opnd whole(struct lower *l, struct span at, int64_t n)
{
	struct ir_stmt *s;

	need_registers(l, at);
	s = add_into(l, IR_REG, at, temp_slot(l, IR_LONG));
	s->num = n;
	return read_once(l, s);
}

static struct ir_opnd extended(struct lower *l, struct span at,
			       struct ir_opnd v, unsigned bits, bool is_signed)
{
	if (bits == 64)
		return v;
	if (!is_signed)
		return add_bin(l, at, IR_AND, v,
			       num_opnd((int64_t)((1ull << bits) - 1)));
	v = add_bin(l, at, IR_SHL, v, num_opnd(64 - bits));
	return add_bin(l, at, IR_SHR, v, num_opnd(64 - bits));
}

/* --- register("rdi") --------------------------------------------------------- */

struct name {
	const char *name;
	int number;		/* DWARF's; IR_REG_ORIG_AX */
	unsigned bits, at;
};

/* a flat list */
static const struct name *find_register(const char *name)
{
	static const struct name names[] = {
		{ "rax", 0, 64, 0 }, { "rdx", 1, 64, 0 }, { "rcx", 2, 64, 0 },
		{ "rbx", 3, 64, 0 }, { "rsi", 4, 64, 0 }, { "rdi", 5, 64, 0 },
		{ "rbp", 6, 64, 0 }, { "rsp", 7, 64, 0 }, { "r8", 8, 64, 0 },
		{ "r9", 9, 64, 0 }, { "r10", 10, 64, 0 },
		{ "r11", 11, 64, 0 }, { "r12", 12, 64, 0 },
		{ "r13", 13, 64, 0 }, { "r14", 14, 64, 0 },
		{ "r15", 15, 64, 0 }, { "rip", 16, 64, 0 },
		{ "eflags", 49, 64, 0 }, { "xcs", 51, 64, 0 },
		{ "xss", 52, 64, 0 }, { "orig_rax", IR_REG_ORIG_AX, 64, 0 },
		{ "eax", 0, 32, 0 }, { "edx", 1, 32, 0 }, { "ecx", 2, 32, 0 },
		{ "ebx", 3, 32, 0 }, { "esi", 4, 32, 0 }, { "edi", 5, 32, 0 },
		{ "ebp", 6, 32, 0 }, { "esp", 7, 32, 0 },
		{ "eip", 16, 32, 0 },
		{ "orig_eax", IR_REG_ORIG_AX, 32, 0 },
		{ "ax", 0, 16, 0 }, { "dx", 1, 16, 0 }, { "cx", 2, 16, 0 },
		{ "bx", 3, 16, 0 }, { "si", 4, 16, 0 }, { "di", 5, 16, 0 },
		{ "bp", 6, 16, 0 }, { "sp", 7, 16, 0 }, { "ip", 16, 16, 0 },
		{ "cs", 51, 16, 0 }, { "ss", 52, 16, 0 },
		{ "flags", 49, 16, 0 }, { "orig_ax", IR_REG_ORIG_AX, 16, 0 },
		{ "al", 0, 8, 0 }, { "ah", 0, 8, 8 }, { "dl", 1, 8, 0 },
		{ "dh", 1, 8, 8 }, { "cl", 2, 8, 0 }, { "ch", 2, 8, 8 },
		{ "bl", 3, 8, 0 }, { "bh", 3, 8, 8 },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(names); i++)
		if (!strcmp(names[i].name, name))
			return &names[i];
	return NULL;
}

static struct ir_opnd by_name(struct lower *l, const struct expr *e,
			      bool is_signed)
{
	const struct name *r;
	struct ir_opnd v;
	const char *name;
	size_t len;

	name = fold_string(l, e->args, &len);
	r = name ? find_register(name) : NULL;
	if (!r) {
		oops(l, e->args->at, E_UNSUPPORTED, name ?
		     "no register \"%s\"" : "the name of a register must be "
		     "known when the script is compiled", name);
		return num_opnd(0);
	}
	v = whole(l, e->at, r->number);
	if (r->at)
		v = add_bin(l, e->at, IR_USHR, v, num_opnd(r->at));
	return extended(l, e->at, v, r->bits, is_signed);
}

/* --- int_arg(1) ---------------------------------------------------------------- */

/* Where x86-64 passes the first six. */
static const int arg_registers[] = { 5, 4, 1, 2, 8, 9 };

/* The program's arguments of a system call, which its registers hold at the return,
   too, as far as the call leaves them alone. */
static bool of_a_call(const struct lower *l)
{
	return l->prog == IR_SYSCALL && !l->ir_fn;
}

static struct ir_opnd known_arg(struct lower *l, const struct expr *e,
				int64_t n)
{
	bool fast = l->prog == IR_FENTRY && !l->is_return &&
		    l->place->func->btf_nargs >= n && n >= 1;
	struct ir_stmt *s;

	if (of_a_call(l) && n >= 1 && n <= (int64_t)COUNT_OF(arg_registers))
		return read_call_arg(l, e->at, n - 1);
	if (fast) {
		s = add_into(l, IR_ARG, e->at, temp_slot(l, IR_LONG));
		s->num = n - 1;
		return read_once(l, s);
	}
	if (n >= 1 && n <= (int64_t)COUNT_OF(arg_registers))
		return whole(l, e->at, arg_registers[n - 1]);
	if (n < 1 || l->ir_fn || of_a_call(l)) {
		oops(l, e->args->at, E_UNSUPPORTED, "cannot access arg(%d)%s",
		     (int)n, n < 1 || of_a_call(l) ? "" : ", which is on the stack, but in a "
		     "probe itself");
		return num_opnd(0);
	}
	return load_number(l, e->at, whole(l, e->at, RSP), 8 * (n - 6), 8,
			   false, l->space);
}

/* n is known when it runs only: those in registers. */
static struct ir_opnd any_arg(struct lower *l, const struct expr *e)
{
	struct ir_opnd n = lower_expr(l, e->args), is;
	struct ir_slot *dst = new_slot(l, IR_LONG, "arg");
	struct block back, all[COUNT_OF(arg_registers)];
	struct ir_stmt *s;
	size_t i;

	for (i = 0; i < COUNT_OF(arg_registers); i++) {
		is = add_bin(l, e->at, IR_EQ, n, num_opnd((int64_t)i + 1));
		s = add(l, IR_IF, e->at);
		s->a = is;
		back = enter(l, &s->body);
		add_move(l, e->at, dst, of_a_call(l) ?
			 read_call_arg(l, e->at, (int64_t)i) :
			 whole(l, e->at, arg_registers[i]));
		leave(l, back);
		all[i] = enter(l, &s->other);
	}
	s = add(l, IR_RAISE, e->at);
	s->err = fault(l, e->at, "cannot access arg(%d)", "l");
	s->args = NEW_ARRAY(l->mem, struct ir_opnd, 1);
	s->args[0] = n;
	s->nargs = 1;
	s->arg_types = "l";
	while (i--)
		leave(l, all[i]);
	return slot_opnd(dst);
}

static struct ir_opnd argument(struct lower *l, const struct expr *e,
			       unsigned bits, bool is_signed)
{
	int64_t n;
	struct ir_opnd v = fold(l, e->args, &n) ? known_arg(l, e, n) :
						  any_arg(l, e);

	return extended(l, e->at, v, bits, is_signed);
}

/* --- all of them --------------------------------------------------------------- */

/* What the probe's kind tells; in a function of the script nobody knows it. */
static struct ir_opnd of_probe(struct lower *l, const struct expr *e, bool v)
{
	if (l->ir_fn)
		oops(l, e->at, E_UNSUPPORTED, "%s() is known in probes alone, "
		     "not in functions", e->builtin->name);
	return num_opnd(v);
}

static struct ir_opnd user_mode(struct lower *l, const struct expr *e,
				bool is_32bit)
{
	struct ir_opnd cs;

	if (!has_registers(l))
		return num_opnd(0);
	cs = whole(l, e->at, CS);
	if (is_32bit)
		return add_bin(l, e->at, IR_EQ, cs, num_opnd(USER_CS_32));
	cs = add_bin(l, e->at, IR_AND, cs, num_opnd(3));
	return add_bin(l, e->at, IR_NE, cs, num_opnd(0));
}

static struct ir_opnd returned(struct lower *l, const struct expr *e)
{
	if (l->is_return && !l->at_entry && !l->ir_fn) {
		struct ir_stmt *s = add_into(l, IR_RETVAL, e->at,
					     temp_slot(l, IR_LONG));

		return read_once(l, s);
	}
	return whole(l, e->at, RAX);
}

bool lower_registers(struct lower *l, const struct expr *e, struct ir_opnd *v)
{
	static const struct { const char *name; int bits; } args[] = {
		{ "int_arg", -32 }, { "s32_arg", -32 }, { "uint_arg", 32 },
		{ "u32_arg", 32 }, { "long_arg", 64 }, { "ulong_arg", 64 },
		{ "longlong_arg", 64 }, { "ulonglong_arg", 64 },
		{ "pointer_arg", 64 }, { "s64_arg", 64 }, { "u64_arg", 64 },
	};
	const char *name = e->builtin->name;
	size_t i;

	for (i = 0; i < COUNT_OF(args); i++)
		if (!strcmp(name, args[i].name)) {
			*v = argument(l, e, args[i].bits < 0 ? 32 :
				      (unsigned)args[i].bits, args[i].bits < 0);
			return true;
		}
	if (!strcmp(name, "register") || !strcmp(name, "u_register"))
		*v = by_name(l, e, name[0] == 'r');
	else if (!strcmp(name, "returnval"))
		*v = returned(l, e);
	else if (!strcmp(name, "user_mode"))
		*v = user_mode(l, e, false);
	else if (!strcmp(name, "probing_32bit_app"))
		*v = user_mode(l, e, true);
	else if (!strcmp(name, "registers_valid"))
		*v = of_probe(l, e, l->prog == IR_KPROBE ||
			      l->prog == IR_PERF_EVENT);
	else if (!strcmp(name, "is_return"))
		*v = of_probe(l, e, l->is_return);
	else if (strcmp(name, "asmlinkage") && strcmp(name, "fastcall"))
		return false;		/* there is one way on x86-64 */
	return true;
}
