// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stack.c - the kernel's stack where a probe fired, by the kernel's own
 * unwinder, and names of addresses, by its own table.
 */
#include "kmod.h"
#include "core.h"

#include <linux/kallsyms.h>
#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <asm/unwind.h>

/* From the registers, or from here: then what is this module's is left out. */
u32 stb_stack(struct pt_regs *regs, u64 *to, u32 most)
{
	struct unwind_state state;
	unsigned long a;
	u32 n = 0;

	if (regs && (user_mode(regs) || !most))
		return 0;
	if (regs)		/* the unwinder begins with the caller */
		to[n++] = regs->ip;
	for (unwind_start(&state, current, regs, NULL);
	     !unwind_done(&state) && n < most; unwind_next_frame(&state)) {
		a = unwind_get_return_address(&state);
		if (!a)
			break;
		if (!regs && !n && within_module(a, THIS_MODULE))
			continue;
		to[n++] = a;
	}
	return n;
}

/* Where the task was in its program; 0: it has none. */
s64 stb_uaddr(void)
{
	struct pt_regs *regs = current->flags & PF_KTHREAD ? NULL :
			       task_pt_regs(current);

	return regs && user_mode(regs) ? (s64)regs->ip : 0;
}

/* --- names --------------------------------------------------------------------- */

static bool is_number(const char *s)
{
	return s[0] == '0' && s[1] == 'x';
}

/* "name", or "name [module]" of which the name is wanted */
void stb_symname(char *dst, u32 cap, u64 a)
{
	char text[KSYM_SYMBOL_LEN];

	sprint_symbol_no_offset(text, a);
	strreplace(text, ' ', 0);
	stb_copy(dst, cap, text);
}

/* The kernel says nothing of itself. */
void stb_symdata(char *dst, u32 cap, u64 a)
{
	char text[KSYM_SYMBOL_LEN + 16];

	sprint_symbol(text, a);
	if (!is_number(text) && !strchr(text, ' '))
		strlcat(text, " [kernel]", sizeof(text));
	stb_copy(dst, cap, text);
}

/* "name+0x12 [module]" and an end of line; how long it became. */
u32 stb_symline(char *dst, u32 cap, u64 a)
{
	char text[KSYM_SYMBOL_LEN + 16], *slash, *blank;

	stb_symdata(text, sizeof(text), a);
	slash = strchr(text, '/');
	blank = slash ? strchr(slash, ' ') : NULL;
	if (blank)
		memmove(slash, blank, strlen(blank) + 1);
	strlcat(text, "\n", sizeof(text));
	return stb_copy(dst, cap, text);
}

/* What stands in brackets, or "kernel"; 1: nothing is known. */
long stb_modname(char *dst, u32 cap, u64 a)
{
	char text[KSYM_SYMBOL_LEN], *at;

	sprint_symbol_no_offset(text, a);
	if (is_number(text))
		return 1;
	at = strchr(text, '[');
	if (at)
		strreplace(at, ']', 0);
	stb_copy(dst, cap, at ? at + 1 : "kernel");
	return 0;
}
