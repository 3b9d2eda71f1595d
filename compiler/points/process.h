/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.h - what the points behind process("PATH") have in common: process.c
 * finds the builds, a file for each kind of point makes sites in one of them.
 */
#ifndef STB_PROCESS_H
#define STB_PROCESS_H

#include "functions.h"

/* The process that a component names: by path, by number, or that of -c, -x. */
struct named_process {
	const char *path;	/* as target_programs takes it; NULL: any */
	int64_t pid;		/* 0: any */
	struct expr *arg;	/* for messages; NULL: of none */
};
/* By the arguments of a shape that begins with process, process(s), process(n),
   and by the options where it is the first. false: complained. */
bool process_named(struct job *j, struct point *pt, struct expr *arg,
		   bool want_path, struct named_process *out);
/* "process(17)", as the names of sites begin; path of a build, or NULL. */
const char *process_prefix(struct job *j, const struct named_process *p,
			   const char *path);

struct in_program {		/* a build in which a point is looked for */
	struct job *j;
	struct probe *pr;
	struct point *pt;
	struct binary *b;
	const char *prefix;	/* process("/bin/x") */
	bool may_miss;		/* one of several: says nothing if it has none */
};

/* Complains that the kernel has none, unless the point is optional. */
bool no_uprobes(struct job *j, const struct point *pt);

/* mark.c; provider: NULL for any. false: complained. */
bool mark_sites(const struct in_program *in, const char *provider,
		struct expr *arg);

/* plt.c; arg: NULL for all. */
bool plt_sites(const struct in_program *in, struct expr *arg, bool is_return);


#endif
