/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * driver.h - what main.c was asked for, and driver.c, which has each kernel of
 * the manifest compiled by a process of its own and the plans packed.
 */
#ifndef STB_DRIVER_H
#define STB_DRIVER_H

#include "stap.h"
#include "target.h"

struct command {
	struct arena mem;
	struct options opt;		/* of every compile; out_dir by driver */
	struct job setup;		/* reads the manifests, owns their text */
	struct manifest manifest;
	const char *out;		/* x.stb */
	const char *out_dir;		/* NULL: a temporary one */
	const char *generation;		/* --generation, or NULL */
	const char *only;		/* --target-only, or NULL */
	bool tell;			/* -p4: print the bundle's path */
	const char *exe_dir;		/* stapc's own folder */
	int jobs;
	bool keep;			/* -k: the temporary folder stays */
};

/* The passes for one kernel; an exit status of stapc. main.c */
int compile(const struct command *cmd, const struct kernel_decl *k,
	    const char *out_dir, bool nul_messages);

/* All kernels of the manifest, then the bundle; an exit status. */
int drive(struct command *cmd);

#endif
