/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bundle.h - what the parts of the bundler share: a plan as read (plan.c), an
 * object as flattened (elf.c, btf.c), and the verbs of the program.
 *
 * Everything lives in the arena that is passed in. What is wrong with an input
 * is said once, by wrong(), at the place where it is found; functions then
 * return false and their callers only pass that on.
 */
#ifndef STB_BUNDLE_H
#define STB_BUNDLE_H

#include "bundler/stb.h"
#include "compiler/base.h"
#include "runtime/abi.h"

/* Exit codes. */
enum {
	EXIT_USAGE = 64, EXIT_DATA = 65, EXIT_NO_INPUT = 66, EXIT_BUG = 70,
	EXIT_CANT_WRITE = 73,
};

/* "stb: FILE:LINE: ..." on stderr; without the line when it is 0. False. */
bool wrong(const char *file, unsigned line, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* plain.c: text without control characters, which become '?'. */
const char *plain(struct arena *mem, const char *s);
/* strftime's, in UTC; NULL: no calendar has that time. */
const char *time_text(char *to, size_t size, const char *form, int64_t seconds);
/* The last second that dates of four digits have. */
#define LAST_EPOCH UINT64_C(253402300799)

/* --- a plan (docs/plan.md) ----------------------------------------------- */

/*
 * Rows hold the struct that goes into the bundle and, as text, the strings
 * whose offsets it gets there. `line` is where the row stands in the plan.
 */
struct plan_map {
	struct stb_map row;
	const char *name, *keys;
	unsigned line;
};
struct plan_global {
	struct stb_global row;
	const char *name;
	unsigned line;
};
struct plan_format {
	struct stb_format row;	/* text_len is set */
	const char *text, *args;
	unsigned line;
};
struct plan_build {
	struct stb_program_build row;
	const char *path;
	unsigned line;
};
struct plan_prog {
	struct stb_prog row;	/* type, btf_id */
	const char *name;
	unsigned line;
};
struct plan_site {
	struct stb_site row;	/* prog is set */
	struct stb_event event;
	const char *name, *symbol, *prog;
	unsigned line;
};
struct plan_handler {
	struct stb_handler row;
	struct stb_file file;
	const char *path;
	const char *prog;	/* conditions: whose sites; row.file is set */
	const char *name;
	unsigned line;
};
struct plan_symbols {
	struct stb_symbols row;
	const char *name, *text;	/* text: a file, full path */
	unsigned line;
};

struct plan {
	const char *file;	/* as given; messages name it */
	struct stb_variant kernel;	/* build-id, stext */
	const char *name, *release;
	const char *script, *script_file, *compiler;	/* file: full path */
	uint32_t privilege;
	struct stb_limits limits;
	const char *kernel_object, *user_object;	/* full path, or NULL */
	const char *module;		/* the same; instead of both */
	VEC(struct plan_map) maps;
	VEC(struct plan_global) globals;
	VEC(struct plan_format) formats;
	VEC(struct plan_build) builds;
	VEC(struct plan_prog) progs;
	VEC(struct plan_site) sites;
	VEC(struct plan_handler) handlers;
	VEC(struct plan_symbols) symbols;
};

bool plan_read(struct arena *mem, const char *file, struct plan *p);
/* Do handlers of that kind have a row of FILES? */
static inline bool plan_has_file(uint32_t when)
{
	return when == STB_READ || when == STB_WRITE;
}
/* Do sites that attach so have a row of EVENTS? */
static inline bool plan_has_event(uint32_t attach)
{
	return attach == STB_AT_PERF_EVENT || attach == STB_AT_NETFILTER;
}

/* --- an object, flattened ------------------------------------------------- */

/* Ranges of the arrays in struct code that are one program's (or handler's:
   there only insn_first is of use, the code is one blob). */
struct code_prog {
	uint32_t insn_first, insn_count;
	uint32_t reloc_first, reloc_count;
	uint32_t func_first, func_count;
};

struct code {
	VEC(uint64_t) insns;
	VEC(struct stb_reloc) relocs;
	VEC(struct stb_func_info) funcs;
	VEC(struct code_prog) progs;	/* in the order of the names */
	struct text rodata, globals, btf;	/* bytes */
};

/*
 * A program is the function of its name, or else the one function of the
 * section of its name. Each program gets its own copy of what it calls.
 */
bool flatten_progs(struct arena *mem, const char *path,
		   const char *const *names, size_t n, struct code *out);
/* Handlers share one blob of code, in which each has its entry; no BTF. */
bool flatten_handlers(struct arena *mem, const char *path,
		      const char *const *names, size_t n, struct code *out);

/*
 * The part of a program's BTF that its kernel must see: the types of ids[n]
 * (FUNCs) and what they refer to. ids are renumbered in place.
 */
bool btf_keep(struct arena *mem, const char *path, const uint8_t *raw,
	      size_t size, uint32_t *ids, size_t n, struct text *out);
/* .BTF.ext's func_info: calls `found` with section name, byte offset, type. */
bool btf_func_info(const char *path, const uint8_t *btf, size_t btf_size,
		   const uint8_t *ext, size_t ext_size,
		   void (*found)(void *, const char *, uint32_t, uint32_t),
		   void *arg);

/* --- a kernel module (module.c) --------------------------------------------- */

/* What a module says of itself; object is the file as it is. */
struct module {
	const char *name, *vermagic, *srcversion, *compiler;
	struct text object;
	VEC(struct module_version { const char *symbol; uint32_t crc; }) versions;
};
bool module_read(struct arena *mem, const char *file, struct module *out);

/* --- symbols (symbols.c) --------------------------------------------------- */

/* A file of symbols (docs/plan.md) as the tables of its section. */
struct symbols {
	struct text addrs, names, files, lines;
	VEC(struct stb_sym_range) ranges;
	VEC(const char *) sections;	/* names of the ranges */
	VEC(struct stb_sym_load) loads;
	VEC(struct stb_unwind_rule) rules;
	VEC(struct stb_unwind_row) unwind;
};
bool symbols_read(struct arena *mem, const char *file, struct symbols *out);

/* --- a whole bundle in memory (open.c) ------------------------------------ */

struct bundle {
	const char *file;	/* for messages */
	struct stb_reader r;
	struct stb_set *sets;	/* by section; of kinds not known: empty */
	unsigned at;		/* what was looked at when it failed: variant
				   number + 1, or 0 */
	const char *signer;	/* bundle_load: id of the key that an attached
				   signature names, nobody checked; or NULL */
};
/* A bundle's bytes, with what is attached to it: of its file, or of one that
   runs itself. NULL and errno. */
const char *bundle_file(struct arena *mem, const char *file, size_t *size);
/* One file, by whatever names? */
bool same_file(const char *a, const char *b);
/* Reads, verifies and validates all of it. False, and said why. */
bool bundle_check(struct arena *mem, const char *file, const void *data,
		  size_t size, struct bundle *b);
/* The same for a file: 0 or the exit code. */
int bundle_load(struct arena *mem, const char *file, struct bundle *b);
/* Says why read_file() gave nothing; the exit code. */
int cannot_read(const char *file);
/* Set of that section number, NULL for 0. */
const struct stb_set *bundle_set(const struct bundle *b, uint32_t section);

/* The bundle's id, as hexadecimal digits. */
const char *bundle_id(struct arena *mem, const struct bundle *b);
/* 0: none was given. */
uint32_t bundle_generation(const struct bundle *b);
const char *hex_text(struct arena *mem, const uint8_t *p, size_t n);

/* --- verbs: argv[0] is the verb; the exit code ---------------------------- */

int verb_pack(int argc, char **argv);
/* selfrun.c: FILE.stb and a loader as one program OUT; the exit code. */
int pack_self_running(const char *out, const char *file, const char *loader);
/* render.c: a dump of a flight recorder */
bool is_dump(const char *data, size_t size);
int show_dump(const char *file, const char *data, size_t size);
/* ... or what a session told, in one of view.h's forms; the exit code */
int render_data(const char *file, const char *data, size_t size,
		const char *form);
int verb_render(int argc, char **argv);
int verb_show(int argc, char **argv);
int verb_verify(int argc, char **argv);
/* check.c: the bundle's bytes with what is attached, facts of a host; the exit
   code */
int check_facts(struct arena *mem, struct bundle *b, const void *data,
		size_t size, const char *file, const char *facts,
		size_t facts_size, bool as_json);
int verb_check(int argc, char **argv);
int verb_merge(int argc, char **argv);
/* modsign.c: the kernel modules in a bundle; a part of `sign`. */
bool is_module_signing(int argc, char **argv);
int sign_modules(int argc, char **argv);
/* pack.c: a bundle once more, to `out`, with other bytes of its modules:
   objects by section, s NULL where it stays. The exit code. */
int pack_again(struct arena *mem, const struct bundle *b,
	       const struct text *objects, const char *out);
/* sign.c */
int verb_keygen(int argc, char **argv);
int verb_sign(int argc, char **argv);
int verb_digest(int argc, char **argv);
int verb_attach(int argc, char **argv);
int verb_detach(int argc, char **argv);
/* provenance.c */
int verb_sbom(int argc, char **argv);
int verb_provenance(int argc, char **argv);

#endif
