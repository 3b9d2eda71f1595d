/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host.h - what a host is, and whether a bundle runs there. The loader finds the
 * facts out on the spot, or writes them down (--describe); stb check reads them
 * elsewhere. Both ask the one judge: same facts, same answer, same words.
 *
 * Nothing here allocates. Shared with the loader.
 */
#ifndef STB_HOST_H
#define STB_HOST_H

#include "bundler/stb.h"

enum host_feature {
	HOST_BTF, HOST_KPROBES, HOST_UPROBES, HOST_KPROBE_MULTI,
	HOST_UPROBE_MULTI, HOST_FENTRY, HOST_NETFILTER, HOST_FEATURES
};
/* As JSON names them: "btf", "kprobe.multi". */
extern const char *const host_feature_names[HOST_FEATURES];

enum host_answer { HOST_UNKNOWN, HOST_NO, HOST_YES };

enum host_lockdown { LOCKDOWN_NONE, LOCKDOWN_INTEGRITY,
		     LOCKDOWN_CONFIDENTIALITY };
extern const char *const host_lockdown_names[3];

/* How the kernel's run-time address can be known. */
enum host_addresses { ADDRESSES_UNKNOWN, ADDRESSES_HIDDEN,
		      ADDRESSES_IN_MEMORY,	/* by its notes */
		      ADDRESSES_SHOWN };
extern const char *const host_addresses_names[4];

/* Does the kernel load modules? NONE: it was built without them. */
enum host_loading { LOADING_UNKNOWN, LOADING_NONE, LOADING_DISABLED,
		    LOADING_ALLOWED };
extern const char *const host_loading_names[4];

/* Names of enum stb_privilege: of what a bundle is for, and what a user may. */
extern const char *const host_level_names[3];

enum host_state { BUILD_NOT_LOOKED, BUILD_GONE, BUILD_UNREADABLE, BUILD_THERE };
struct host_build {		/* a program, or a module that is loaded */
	const char *path;
	bool is_module;
	enum host_state state;
	struct stb_build_id id;	/* len 0: it has none */
};

struct host {
	char release[65], machine[65], name[65];
	char version[65];	/* uname's; "": not known */
	struct stb_build_id kernel;
	uint32_t uid;
	uint32_t level;		/* enum stb_privilege: what that user may */
	uint64_t caps;		/* effective ones, a bit each */
	enum host_lockdown lockdown;
	enum host_answer sig_enforce;
	enum host_loading loading;
	enum host_answer features[HOST_FEATURES];
	enum host_addresses addresses;
	uint64_t nofile, nofile_max;	/* 0: not known */
	uint64_t memory_kb;
	uint32_t cpus;
	uint32_t nkeys;		/* trusted */
	const char *recalled;	/* text of HOST_RECALLED_FILE; NULL: not known */
	const struct host_build *builds;
	uint32_t nbuilds;
};

enum host_signature { SIGNATURE_NONE, SIGNATURE_GOOD, SIGNATURE_STRANGER,
		      SIGNATURE_BROKEN,
		      SIGNATURE_WAIVED };	/* none, and --unsigned */
struct host_bundle {		/* what is to run there */
	const struct stb_set *index;
	const struct stb_variant *variant;	/* or NULL, and no sets */
	const struct stb_set *meta, *kcode;	/* kcode may be NULL */
	const struct stb_set *module;	/* NULL: it is no kernel module */
	enum host_signature signature;
	const char *key_id;	/* of the signature, or NULL */
	const uint8_t *id;	/* STB_DIGEST_SIZE bytes */
};

/* Exit codes of what fails; as docs/stap-load.md has them. */
enum { HOST_DAMAGED = 65, HOST_STRANGER = 68, HOST_NO_MATCH = 69,
       HOST_KERNEL = 71, HOST_RECALLED = 72, HOST_AGAIN = 75, HOST_UNPROVEN = 76,
       HOST_DENIED = 77, HOST_SETTINGS = 78 };

enum host_result { CHECK_OK, CHECK_NOTE, CHECK_NO };
struct host_check {
	char name[160];		/* "kernel", "program /bin/x" */
	char subject[160];	/* a probe that is concerned, or "" */
	enum host_result result;
	int code;		/* CHECK_NO: an exit code */
	char wanted[1024], found[512], todo[256];
};

/* This kernel's variant, one of BPF code if there is; NULL: there is none. */
const struct stb_variant *host_variant(const struct stb_set *index,
				       const struct stb_build_id *kernel);
/*
 * recall.c: do the rules recall it? They are lines "id DIGITS" (16 and more of the
 * bundle's) and "script NAME generation N" (older ones are recalled), # begins a
 * comment; what is neither recalls all. Fills the check in.
 */
#define HOST_RECALLED_FILE "/etc/stap-load/recalled"
bool host_recalled(const char *rules, const struct host_bundle *b,
		   struct host_check *c);
/* Calls `put` for each check, in order; the first failure's code, or 0. */
int host_judge(const struct host *h, const struct host_bundle *b,
	       void (*put)(void *arg, const struct host_check *c), void *arg);
/* A line for people, without newline; its length. */
size_t host_line(const struct host_check *c, char *to, size_t size);
/* What die() says of a failure. */
size_t host_refusal(const struct host_check *c, char *to, size_t size);
const char *host_result_name(enum host_result r);	/* "ok" "note" "no" */

#endif
