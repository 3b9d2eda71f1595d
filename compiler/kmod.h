/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kmod.h - kernel modules: what one kernel's are built with (kmod_kit.c), one
 * script's module (kmod_build.c), and whether it fits the kernel (kmod_fit.c).
 *
 * A *kit* is a folder in the user's cache, made once for a kernel's headers,
 * a compiler and the runtime's sources, and never changed afterwards: kbuild's
 * own commands as it ran them for a module of nothing, stb_config.h, and the
 * objects that all modules for that kernel share.
 */
#ifndef STB_KMOD_H
#define STB_KMOD_H

#include "stap.h"
#include "target.h"

/*
 * Every module is built under this name, which is as long as the one it gets
 * in the end: "stb_" and a digest of what it is.
 */
#define KMOD_NAME "stb_0000000000000000"
enum { KMOD_NAME_LEN = sizeof(KMOD_NAME) - 1 };

struct kit {
	const char *headers;	/* absolute; commands run there */
	const char *folder;
	const char *made_in;	/* the folder that its commands name; of those
				   of parts, the source part0.c */
	const char *cc;		/* compiles a part */
	const char *link;	/* parts, listed in NAME.mod, to NAME.o */
	const char *modpost;	/* NAME.o to NAME.mod.c */
	const char *cc_mod;	/* NAME.mod.c to NAME.mod.o */
	const char *final;	/* both to NAME.ko */
	const char *vermagic;
	VEC(const char *) parts;	/* objects, absolute */
};

/* Made if it is not there. NULL: complained. */
struct kit *kmod_kit(struct job *j);

/* j->c_kernel as out_dir/k.ko; false: complained. */
bool kmod_build(struct job *j);

/* --- kmod_kit.c: running what kbuild would ---------------------------------- */

struct task {			/* a shell command in the headers' folder */
	const char *command;
	const char *log;	/* file for what it says */
	pid_t pid;
	int status;		/* 0: it succeeded */
};
/* So many at a time as there are processors. */
void kmod_run(struct job *j, const struct kit *k, struct task *t, size_t n);
/* `command` with every `from` in it made `to`. */
char *kmod_replace(struct arena *mem, const char *command, const char *from,
		   const char *to);
/* The command that compiles FOLDER/NAME.c, with more flags. */
char *kmod_cc(struct arena *mem, const struct kit *k, const char *folder,
	      const char *name, const char *flags);
/* Flags for what includes the runtime's headers. */
char *kmod_flags(struct job *j, const char *config_folder);
/* Can kbuild and the shell take the path as it is? */
bool kmod_plain_path(const char *path);
/* What a command said, to where complaints go. */
void kmod_tell_log(struct job *j, const char *log);

/* --- kmod_fit.c -------------------------------------------------------------- */

/* Is the compiler the one that the kernel was built with? Warns where it is
   another; dies where there is none. The text that it calls itself by. */
const char *kmod_compiler(struct job *j);
/* Is that vermagic the kernel's? false: complained, the headers are others'. */
bool kmod_fits(struct job *j, const char *vermagic);
/* Are the CRCs that NAME.mod.c has those of the kernel? false: complained. */
bool kmod_versions_fit(struct job *j, const char *mod_c);

/* A digest that tells files apart, not one to trust anybody by. */
struct digest {
	uint64_t a, b;
};
void digest_init(struct digest *d);
void digest_add(struct digest *d, const void *p, size_t n);
void digest_text(struct digest *d, const char *s);	/* with its NUL */

#endif
