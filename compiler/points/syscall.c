/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * syscall.c - __syscall(N)[.return], which the aliases of system calls stand
 * on (compiler/syscalls.c), N being a line of tapsets/syscalls.table, and
 * __syscall.any[.return]. A site is a call as 64-bit programs make it, or as
 * 32-bit ones do: that there is such a call is known from the kernel's
 * function for it. All sites together are two programs, at the tracepoints
 * sys_enter and sys_exit; the emitter makes the table by which they find the
 * handlers of a call.
 */
#include "family.h"
#include "../syscalls.h"

#include <string.h>

enum { ENTRY, RETURN };

static void look(void *arg, struct tracepoint *tp)
{
}

static bool has_tracepoints(struct job *j)
{
	struct syscalls *all = syscalls_of(j);
	struct target *t = j->target;

	if (all->tracepoints == UNKNOWN)
		all->tracepoints =
			target_tracepoints(t, "raw_syscalls:sys_enter", look,
					   NULL) &&
			target_tracepoints(t, "raw_syscalls:sys_exit", look,
					   NULL) ? PROBED : NOT_PROBED;
	return all->tracepoints == PROBED;
}

/* Has the kernel code for the call? */
static bool is_there(struct job *j, const struct syscall *c, bool compat)
{
	static const char *const wrappers[2][4] = {
		{ "__x64_sys_", "__do_sys_", NULL },
		{ "__ia32_compat_sys_", "__ia32_sys_", "__do_sys_", NULL },
	};
	size_t i;

	for (i = 0; wrappers[compat][i]; i++)
		if (target_has_function(j->target, arena_printf(&j->mem,
				"%s%s", wrappers[compat][i], c->kernel)))
			return true;
	return false;
}

/* by_alias: of one call; else of all, under the kernel's names */
static void add_site(struct job *j, struct probe *pr, struct point *pt,
		     const struct syscall *c, bool compat, bool is_return,
		     bool by_alias)
{
	struct site *s;

	s = site_new(j, pr, pt, &family_syscall, AT_SYSCALL,
		     arena_printf(&j->mem, "syscall%s%s%s", by_alias ? "." :
				  "_any", by_alias ? c->alias : "",
				  is_return ? ".return" : ""));
	s->call = c;
	s->by_alias = by_alias;
	s->is_compat = compat;
	s->is_return = is_return;
}

/* Both kinds of program, a site for each of the kernel's names; false: the kernel
   has no such call. */
static bool add_call(struct job *j, struct probe *pr, struct point *pt,
		     const struct syscall *c, bool is_return, bool by_alias)
{
	const struct syscall *part;
	bool any = false;
	int compat;
	size_t i;

	for (compat = 0; compat < 2; compat++) {
		if (!c->numbers[compat].n || !is_there(j, c, compat) ||
		    (compat && !target_compat_status(j->target)))
			continue;
		for (i = 0; i < c->parts.n; i++) {
			part = c->parts.v[i];
			if (part->numbers[compat].n)
				add_site(j, pr, pt, part, compat, is_return,
					 by_alias);
		}
		any = true;
	}
	return any;
}

static bool no_tracepoints(struct job *j, const struct point *pt)
{
	if (pt->optional || pt->sufficient)
		return true;
	return complain(j, pt->at, E_ENGINE, "kernel \"%s\" has no tracepoints "
			"sys_enter and sys_exit: its system calls cannot be "
			"probed", target_name(j->target));
}

static bool expand(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	const struct syscalls *all = syscalls_of(j);
	const struct syscall *c;

	if (args[0]->num < 1 || (uint64_t)args[0]->num > all->calls.n)
		return site_missing(j, pt, args[0]->at,
				    "tapsets/syscalls.table has %zu calls",
				    all->calls.n);
	c = all->calls.v[args[0]->num - 1];
	if (!has_tracepoints(j))
		return no_tracepoints(j, pt);
	if (add_call(j, pr, pt, c, shape->data == RETURN, true))
		return true;
	return site_missing(j, pt, pt->at, "kernel \"%s\" has no system call "
			    "%s", target_name(j->target), c->name);
}

static bool expand_any(struct job *j, struct probe *pr, struct point *pt,
		       const struct shape *shape, struct expr **args)
{
	const struct syscalls *all = syscalls_of(j);
	size_t i;

	if (!has_tracepoints(j))
		return no_tracepoints(j, pt);
	add_site(j, pr, pt, NULL, false, shape->data == RETURN, false);
	for (i = 0; i < all->calls.n; i++)
		add_call(j, pr, pt, all->calls.v[i], shape->data == RETURN,
			 false);
	return true;
}

static const struct shape shapes[] = {
	{ "__syscall(n)", expand, ENTRY },
	{ "__syscall(n).return", expand, RETURN },
	{ "__syscall.any", expand_any, ENTRY },
	{ "__syscall.any.return", expand_any, RETURN },
	{ NULL, NULL, 0 }
};

const struct family family_syscall = { "syscall", shapes };
