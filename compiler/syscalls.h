/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * syscalls.h - the system calls that tapsets/syscalls.table knows: their
 * numbers, arguments and names of flags, and the aliases made of them. Which of
 * them a kernel has is told by points/syscall.c.
 */
#ifndef STB_SYSCALLS_H
#define STB_SYSCALLS_H

#include "stap.h"

struct syscall_arg {
	const char *var, *text;	/* names of variables; text may be NULL */
	const char *kind;	/* "i", "f", "b" ... */
	const char *of;		/* f(of), b(of), or NULL */
};

struct syscall {		/* a `call` line */
	unsigned id;		/* its place in the table, from 1 */
	const char *alias, *name, *kernel;
	VEC(uint16_t) numbers[2];	/* of 64-bit and 32-bit programs */
	VEC(struct syscall_arg) args;
	char result;		/* 'd', 'x', 'o'; '-': does not return */
	const char *real;	/* what the kernel calls it */
	VEC(struct syscall *) parts;	/* it, for each such name; each has an
				   id of its own, behind those of lines */
};

struct syscall_name {
	uint16_t number;
	const char *name;
};

struct syscalls {
	VEC(struct syscall *) calls;
	VEC(struct syscall_name) names[2];	/* where those are others */
	struct dict tables;	/* by name: the text of a `table`, */
	struct dict structs;	/* of a `struct` */
	enum { UNKNOWN, PROBED, NOT_PROBED } tracepoints;	/* of the
				   kernel; points/syscall.c asks once */
};

/* Read once for each job; no file, no calls. */
struct syscalls *syscalls_of(struct job *j);

/*
 * Aliases HEAD.NAME and HEAD.NAME.return of every call whose name matches the
 * glob, as a tapset's text; but for those in `made`, where they then are.
 */
char *syscalls_aliases(struct job *j, const char *head, const char *glob,
		       struct dict *made);

#endif
