/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.h - what the points behind process("PATH") have in common: process.c
 * finds the builds, a file for each kind of point makes sites in one of them.
 */
#ifndef STB_PROCESS_H
#define STB_PROCESS_H

#include "functions.h"

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

#endif
