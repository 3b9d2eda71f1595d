/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.h - what stacks.h keeps, in the frame of a run that looks at its process.
 */
#ifndef STB_PROCESS_H
#define STB_PROCESS_H

/* What stacks.h knows of the process that a run is in. */
struct rt_user {
	struct stb_user_addr out[STB_STACK_MOST];
	u64 n;				/* of out */
	u64 pc, exact;			/* not behind a call */
	u64 regs[16];			/* as DWARF numbers them */
	/* uretprobes: what stands for return addresses, and the newest */
	u64 trampoline, returns;
	/* the mapping looked at last; end 0: none was found */
	u64 start, end, at;		/* at: offset in its file */
	u64 place;			/* of its start; 0: no build is known */
	struct stb_build build;
	/* a search in a table */
	u64 lo, hi, want;
	struct stb_unwind_rule rule;
	struct stb_build_symbol symbol;
	struct stb_build_key key;
	struct stb_build seen;
};
_Static_assert(sizeof(struct rt_user) == RT_USER_SIZE, "emit.c's");

#endif
