/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_syscall.c - what the aliases of system calls ask of their place: the
 * arguments as the registers of the program's ABI have them, the number, the
 * result. Numbers of registers begin with 0.
 */
#include "lower.h"

#include <string.h>

enum { NARGS = 6, NUMBER = 6 };

struct ir_opnd read_call_arg(struct lower *l, struct span at, int64_t n)
{
	struct ir_stmt *s = add_into(l, IR_ARG, at, temp_slot(l, IR_LONG));

	s->num = n;
	return read_once(l, s);
}

static struct ir_opnd extended(struct lower *l, struct span at,
			       struct ir_opnd v, int bits, bool is_signed)
{
	if (!is_signed)
		return add_bin(l, at, IR_AND, v, num_opnd((1ll << bits) - 1));
	v = add_bin(l, at, IR_SHL, v, num_opnd(64 - bits));
	return add_bin(l, at, IR_SHR, v, num_opnd(64 - bits));
}

/* 64 bits in two registers of a 32-bit program, the low half first. */
static struct ir_opnd read_pair(struct lower *l, struct span at, int64_t n)
{
	struct ir_opnd low = read_call_arg(l, at, n), high;

	high = add_bin(l, at, IR_SHL, read_call_arg(l, at, n + 1), num_opnd(32));
	return add_bin(l, at, IR_OR, low, high);
}

static struct ir_opnd argument(struct lower *l, const struct expr *e,
			       const char *kind)
{
	bool compat = l->site->is_compat;
	struct span at = e->at;
	int64_t n;

	if (!fold(l, e->args, &n) || n < 0 || n >= NARGS)
		bug("%s of what", e->builtin->name);
	if (!strcmp(kind, "pair"))
		return read_pair(l, at, n);
	if (!strcmp(kind, "int"))
		return extended(l, at, read_call_arg(l, at, n), 32, true);
	if (!strcmp(kind, "int16"))
		return extended(l, at, read_call_arg(l, at, n), 16, true);
	if (!strcmp(kind, "uint"))
		return compat ? read_call_arg(l, at, n) :
			extended(l, at, read_call_arg(l, at, n), 32, false);
	if (!strcmp(kind, "long") && compat)
		return extended(l, at, read_call_arg(l, at, n), 32, true);
	return read_call_arg(l, at, n);
}

struct ir_opnd call_result(struct lower *l, struct span at)
{
	return read_once(l, add_into(l, IR_RETVAL, at, temp_slot(l, IR_LONG)));
}

/* $return, which SystemTap has from the function that does the call. */
bool is_call_result(const struct lower *l, const struct expr *e)
{
	const struct target_ref *r = e->target;

	return l->prog == IR_SYSCALL && l->site && l->site->is_return &&
		r->kind == TR_VAR && !strcmp(r->name, "return") && !r->path &&
		!r->address_of && !r->pretty;
}

bool lower_syscall(struct lower *l, const struct expr *e, struct ir_opnd *v)
{
	const char *name = e->builtin->name;
	bool arg = !strncmp(name, "__arg_", 6);

	if (!arg && strcmp(name, "__retval") && strcmp(name, "__syscall_nr"))
		return false;
	*v = num_opnd(0);
	if (l->prog != IR_SYSCALL) {
		complain(l->j, e->at, E_MISPLACED,
			 "%s() is for the aliases of system calls", name);
	} else if (arg) {
		*v = argument(l, e, name + 6);
	} else if (!strcmp(name, "__syscall_nr")) {
		*v = read_call_arg(l, e->at, NUMBER);
	} else {
		*v = call_result(l, e->at);
	}
	return true;
}
