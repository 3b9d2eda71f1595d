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
	bool table;			/* --coverage */
	const char *json;		/* --coverage=FILE, or NULL */
	const char *compare[2];		/* --compare A B */
	bool sbom, provenance;		/* written beside the bundle */
	bool keep;			/* -k: the temporary folder stays */
};

/* The passes for one kernel and one engine (BPF or MODULE). main.c */
struct attempt {
	enum engine engine;
	bool nul_messages;		/* each ends in NUL */
	FILE *messages;			/* NULL: stderr */
	char *cannot;			/* out, malloc()ed: what the engine
					   cannot do of it, where nothing else
					   is wrong; else NULL */
};
bool compile_once(const struct command *cmd, const struct kernel_decl *k,
		  const char *out_dir, struct attempt *a);

/* engine.c: for one kernel, as the command wants; an exit status of stapc. */
int compile(const struct command *cmd, const struct kernel_decl *k,
	    const char *out_dir, enum engine engine, bool nul_messages);

/* report.c: of what cover.c left in the folders of compiles. */
struct target_dir {
	const struct kernel_decl *kernel;
	const char *dir;
};
void report_table(struct arena *mem, const struct target_dir *t, int n,
		  FILE *out);
void report_json(struct arena *mem, const char *script,
		 const struct target_dir *t, int n, const char *path);
/* How much is different for the second of two. */
size_t report_compare(struct arena *mem, const struct target_dir *t, FILE *out);

/* All kernels of the manifest, then the bundle; an exit status. */
int drive(struct command *cmd);

#endif
