/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * builtins.c - the functions that the runtimes give, as rows. `args` and
 * `result` are types: l long, s string, v nothing. One name may have several
 * rows, one per number of arguments. What a row does is its runtime's:
 * rt_NAME(), or lower.c's where it says BF_LOWERED. A row that is the loader's
 * alone may have a tapset function of its name, which is then called from
 * everywhere but begin, end, error and timer probes.
 */
#include "python.h"

#include <string.h>

enum {
	BOTH = BF_BPF | BF_USER,
	PURE = BOTH,
	POINT = BOTH | BF_POINT,
	LOW = BOTH | BF_LOWERED,
	LOWERR = LOW | BF_FAULTS,
	LOWACT = LOW | BF_EFFECT,
	CALL = BF_BPF | BF_LOWERED,
	STACK = BF_BPF | BF_WAY,
	STACK_IN = BF_BPF | BF_INTERNAL,
	REGS = BF_BPF | BF_LOWERED | BF_REGISTERS,
	PROC = BF_PROCESS,
	USTACK = STACK | BF_PROCESS,
	USTACK_IN = STACK_IN | BF_PROCESS,
	UFROM = BF_BPF | BF_LOWERED | BF_EFFECT | BF_PROCESS,
	READS = BOTH | BF_LOWERED | BF_FAULTS,
};

static const struct builtin rows[] = {
	/* the tapsets' own */
	{ "__name_of", "ls", 's', LOW },
	{ "__raise", "l", 'v', BF_BPF | BF_EFFECT | BF_FAULTS },
	/* who runs */
	{ "pid", "", 'l', PURE },
	{ "tid", "", 'l', PURE },
	{ "uid", "", 'l', PURE },
	{ "gid", "", 'l', PURE },
	{ "task_current", "", 'l', PURE },
	/* in kernel handlers these are tapsets/task.stp's */
	{ "ppid", "", 'l', BF_USER },
	{ "euid", "", 'l', BF_USER },
	{ "egid", "", 'l', BF_USER },
	{ "execname", "", 's', PURE },
	{ "cpu", "", 'l', PURE },
	{ "target", "", 'l', PURE },
	/* registers of the probed code */
	{ "register", "s", 'l', REGS },
	{ "u_register", "s", 'l', REGS },
	{ "int_arg", "l", 'l', REGS },
	{ "uint_arg", "l", 'l', REGS },
	{ "long_arg", "l", 'l', REGS },
	{ "ulong_arg", "l", 'l', REGS },
	{ "longlong_arg", "l", 'l', REGS },
	{ "ulonglong_arg", "l", 'l', REGS },
	{ "pointer_arg", "l", 'l', REGS },
	{ "s32_arg", "l", 'l', REGS },
	{ "u32_arg", "l", 'l', REGS },
	{ "s64_arg", "l", 'l', REGS },
	{ "u64_arg", "l", 'l', REGS },
	{ "returnval", "", 'l', REGS },
	{ "probing_32bit_app", "", 'l', LOW },
	{ "registers_valid", "", 'l', LOW },
	{ "is_return", "", 'l', LOW },
	/* when */
	{ "gettimeofday_ns", "", 'l', PURE },
	{ "gettimeofday_us", "", 'l', PURE },
	{ "gettimeofday_ms", "", 'l', PURE },
	{ "gettimeofday_s", "", 'l', PURE },
	{ "jiffies", "", 'l', PURE },
	{ "ktime_get_ns", "", 'l', PURE },
	{ "get_cycles", "", 'l', BF_USER },
	{ "__tz_gmtoff", "", 'l', BF_USER },
	{ "__tz_name", "", 's', BF_USER },
	/* numbers */
	{ "randint", "l", 'l', PURE },
	/* numbers with a point: runtime/fp.h, and tapsets/floatingpoint.stp */
	{ "fp_add", "ll", 'l', POINT },
	{ "fp_sub", "ll", 'l', POINT },
	{ "fp_mul", "ll", 'l', POINT },
	{ "fp_div", "ll", 'l', POINT },
	{ "fp_rem", "ll", 'l', POINT },
	{ "fp_sqrt", "l", 'l', POINT },
	{ "fp_eq", "ll", 'l', POINT },
	{ "fp_lt", "ll", 'l', POINT },
	{ "fp_le", "ll", 'l', POINT },
	{ "fp_to_long", "lll", 'l', POINT },
	{ "long_to_fp", "l", 'l', POINT },
	{ "fp32_to_fp64", "l", 'l', POINT },
	{ "__fp_decimal", "lll", 'l', POINT },
	{ "__string_to_fp", "s", 'l', POINT },
	/* strings */
	{ "strlen", "s", 'l', PURE },
	{ "substr", "sll", 's', PURE },
	{ "isinstr", "ss", 'l', PURE },
	{ "strpos", "ss", 'l', PURE },
	{ "strtol", "sl", 'l', PURE },
	{ "stringat", "sl", 'l', PURE | BF_FAULTS },
	{ "stringat", "sll", 's', PURE | BF_FAULTS },
	{ "text_strn", "sll", 's', PURE },
	{ "str_replace", "sss", 's', PURE },
	{ "tolower", "s", 's', PURE },
	{ "toupper", "s", 's', PURE },
	{ "tokenize", "ss", 's', BOTH | BF_EFFECT },
	{ "tokenize", "s", 's', BOTH | BF_EFFECT },
	{ "matched", "l", 's', LOWERR },
	{ "matched_str", "", 's', LOWERR },
	{ "ngroups", "", 'l', LOWERR },
	/* the session */
	{ "asmlinkage", "", 'v', LOWACT },
	{ "fastcall", "", 'v', LOWACT },
	{ "exit", "", 'v', LOWACT },
	{ "error", "s", 'v', LOWACT | BF_FAULTS },
	{ "warn", "s", 'v', LOWACT },
	{ "log", "s", 'v', LOWACT },
	{ "system", "s", 'v', LOWACT },
	{ "switch_file", "", 'v', LOWACT },
	{ "abort", "", 'v', LOWACT },
	{ "printk", "ls", 'v', BF_USER | BF_EFFECT | BF_FAULTS },
	{ "ftrace", "s", 'v', BOTH | BF_EFFECT | BF_FAULTS },
	/* the probe */
	{ "pp", "", 's', LOW },
	{ "ppfunc", "", 's', LOW },
	{ "probefunc", "", 's', LOW },
	{ "pn", "", 's', LOW },
	{ "user_mode", "", 'l', LOW },
	/* the system call, for its aliases: see syscalls.c */
	{ "__syscall_name", "", 's', CALL },
	{ "__syscall_nr", "", 'l', CALL },
	{ "__retval", "", 'l', CALL },
	{ "__return_address", "l", 'l', CALL },	/* lower_caller.c's */
	{ "__arg_int", "l", 'l', CALL },
	{ "__arg_int16", "l", 'l', CALL },
	{ "__arg_uint", "l", 'l', CALL },
	{ "__arg_long", "l", 'l', CALL },
	{ "__arg_ulong", "l", 'l', CALL },
	{ "__arg_pair", "l", 'l', CALL },
	{ "__pointer", "l", 's', CALL },
	{ "__words", "ls", 's', CALL },
	{ "__quoted", "l", 's', CALL },
	{ "__buffer", "ll", 's', CALL },
	{ "__mode", "ll", 's', CALL },
	{ "__struct", "ls", 's', CALL },
	{ "__sockaddr", "ll", 's', CALL },
	{ "__strings", "l", 's', CALL },
	{ "__result", "ls", 's', CALL },
	{ "probemod", "", 's', LOWERR },
	{ "module_name", "", 's', LOW },
	{ "addr", "", 'l', LOW },
	{ "uaddr", "", 'l', BF_BPF },
	{ "__way", "", 'l', LOW | BF_INTERNAL },
	/* the kernel's addresses */
	{ "symname", "l", 's', PURE },
	{ "symdata", "l", 's', PURE },
	{ "symfile", "l", 's', BF_USER },
	{ "symline", "l", 's', BF_USER },
	{ "symfileline", "l", 's', BF_USER },
	{ "modname", "l", 's', PURE | BF_FAULTS },
	{ "print_syms", "s", 'v', LOWACT },
	{ "print_stack", "s", 'v', LOWACT },
	{ "print_syms_fileline", "s", 'v', LOWACT },
	{ "sprint_syms", "s", 's', BF_USER },
	{ "sprint_stack", "s", 's', BF_USER },
	/* the same of programs */
	{ "usymname", "l", 's', PROC | BF_BPF | BF_USER },
	{ "usymdata", "l", 's', PROC | BF_BPF | BF_USER },
	{ "usymfile", "l", 's', PROC | BF_USER },
	{ "usymline", "l", 's', PROC | BF_USER },
	{ "usymfileline", "l", 's', PROC | BF_USER },
	{ "umodname", "l", 's', PROC | BF_BPF | BF_USER | BF_FAULTS },
	{ "print_usyms", "s", 'v', PROC | LOWACT },
	{ "print_ustack", "s", 'v', PROC | LOWACT },
	{ "sprint_usyms", "s", 's', PROC | BF_USER },
	{ "sprint_ustack", "s", 's', PROC | BF_USER },
	{ "ubacktrace", "", 's', USTACK },
	{ "ubacktrace", "l", 's', USTACK_IN },
	{ "ustack", "l", 'l', USTACK | BF_FAULTS },
	{ "ustack", "ll", 'l', USTACK_IN | BF_FAULTS },
	{ "ucallers", "l", 's', USTACK | BF_FAULTS },
	{ "ucallers", "ll", 's', USTACK_IN | BF_FAULTS },
	{ "print_ubacktrace", "", 'v', USTACK },
	{ "print_ubacktrace", "l", 'v', USTACK_IN | BF_LOWERED | BF_EFFECT },
	{ "print_ubacktrace", "lll", 'v', UFROM },
	{ "print_ubacktrace_brief", "", 'v', USTACK },
	{ "print_ubacktrace_brief", "l", 'v',
	  USTACK_IN | BF_LOWERED | BF_EFFECT },
	{ "print_ubacktrace_fileline", "", 'v', USTACK },
	{ "print_ubacktrace_fileline", "l", 'v',
	  USTACK_IN | BF_LOWERED | BF_EFFECT },
	{ "print_ubacktrace_fileline", "lll", 'v', UFROM },
	{ "sprint_ubacktrace", "", 's', USTACK },
	{ "sprint_ubacktrace", "l", 's', USTACK_IN },
	{ "__uway", "", 'l', LOW | BF_INTERNAL },
	/* the kernel's stack; tapsets/stack.stp has more */
	{ "backtrace", "", 's', STACK },
	{ "backtrace", "l", 's', STACK_IN },
	{ "stack", "l", 'l', STACK | BF_FAULTS },
	{ "stack", "ll", 'l', STACK_IN | BF_FAULTS },
	{ "callers", "l", 's', STACK | BF_FAULTS },
	{ "callers", "ll", 's', STACK_IN | BF_FAULTS },
	{ "print_backtrace", "", 'v', STACK },
	{ "print_backtrace", "l", 'v', STACK_IN | BF_LOWERED | BF_EFFECT },
	{ "print_backtrace_fileline", "", 'v', STACK },
	{ "print_backtrace_fileline", "l", 'v',
	  STACK_IN | BF_LOWERED | BF_EFFECT },
	{ "sprint_backtrace", "", 's', STACK },
	{ "sprint_backtrace", "l", 's', BF_INTERNAL },
	/* Python's frames and objects, for tapsets/python.stp */
	{ "__py_frame", "", 'l', LOW },
	{ "__py_line", "llll", 'l', BF_BPF },
#define FACT(name, type, member) { "__py_" name, "", 'l', LOW },
	PYTHON_FACTS(FACT)
#undef FACT
	/* $verdict, see points/netfilter.c */
	{ "__verdict", "l", 'v', BF_BPF | BF_EFFECT | BF_FAULTS },
	/* $value of a file's probe, see points/procfs.c */
	{ "__file_value", "", 's', BF_USER },
	{ "__file_set", "s", 's', BF_USER | BF_EFFECT },
	{ "__file_add", "s", 's', BF_USER | BF_EFFECT },
	/* memory */
	{ "kernel_string", "l", 's', READS },
	{ "kernel_string", "ls", 's', READS },
	{ "kernel_string_n", "ll", 's', READS },
	{ "kernel_char", "l", 'l', READS },
	{ "kernel_short", "l", 'l', READS },
	{ "kernel_int", "l", 'l', READS },
	{ "kernel_long", "l", 'l', READS },
	{ "kernel_pointer", "l", 'l', READS },
	{ "user_string", "l", 's', READS },
	{ "user_string", "ls", 's', READS },
	{ "user_string_n", "ll", 's', READS },
	{ "user_string_n", "lls", 's', READS },
	{ "user_char", "l", 'l', READS },
	{ "user_short", "l", 'l', READS },
	{ "user_ushort", "l", 'l', READS },
	{ "user_int", "l", 'l', READS },
	{ "user_uint32", "l", 'l', READS },
	{ "user_long", "l", 'l', READS },
	{ "user_int8", "l", 'l', READS },
	{ "user_uint8", "l", 'l', READS },
	{ "user_int16", "l", 'l', READS },
	{ "user_uint16", "l", 'l', READS },
	{ "user_int32", "l", 'l', READS },
	{ "user_int64", "l", 'l', READS },
	{ "user_uint64", "l", 'l', READS },
	{ "user_ulong", "l", 'l', READS },
	{ "user_char_error", "l", 'l', READS },
	{ "user_short_error", "l", 'l', READS },
	{ "user_ushort_error", "l", 'l', READS },
	{ "user_int_error", "l", 'l', READS },
	{ "user_long_error", "l", 'l', READS },
	{ "user_ulong_error", "l", 'l', READS },
	{ "user_int8_error", "l", 'l', READS },
	{ "user_uint8_error", "l", 'l', READS },
	{ "user_int16_error", "l", 'l', READS },
	{ "user_uint16_error", "l", 'l', READS },
	{ "user_int32_error", "l", 'l', READS },
	{ "user_uint32_error", "l", 'l', READS },
	{ "user_int64_error", "l", 'l', READS },
	{ "user_uint64_error", "l", 'l', READS },
};

const struct builtin *builtin_at(size_t i)
{
	return i < COUNT_OF(rows) ? &rows[i] : NULL;
}

static const struct builtin *find(const char *name, unsigned nargs,
				  bool internal)
{
	size_t i;

	for (i = 0; i < COUNT_OF(rows); i++)
		if (!strcmp(rows[i].name, name) &&
		    strlen(rows[i].args) == nargs &&
		    !(rows[i].flags & BF_INTERNAL) == !internal)
			return &rows[i];
	return NULL;
}

const struct builtin *builtin_find(const char *name, unsigned nargs)
{
	return find(name, nargs, false);
}

const struct builtin *builtin_with_way(const struct builtin *b)
{
	return find(b->name, (unsigned)strlen(b->args) + 1, true);
}

const struct builtin *builtin_way(bool of_process)
{
	return find(of_process ? "__uway" : "__way", 0, true);
}
