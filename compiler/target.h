/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target.h - all that the compiler may know of a target: one kernel with its
 * modules, and the program builds declared beside it. Functions, places,
 * variables and how to reach them, types, tracepoints, symbols, BTF ids,
 * config. Answered by dwarf.c (libdw; the only file that includes it), btf.c
 * (a host without debuginfo) and index.c (names, scanned once per build-id).
 *
 * Addresses are link-time addresses of the binary (vmlinux: as in its symbol
 * table; programs: ELF virtual addresses); file offsets are given apart.
 * Everything returned lives in the target's arena.
 */
#ifndef STB_TARGET_H
#define STB_TARGET_H

#include "base.h"

/* Complaints that are not about the script; stap.h has the others. */
extern const struct tag E_MANIFEST[1];	/* manifest.c */
extern const struct tag E_BINARY[1];	/* target.c: files of a target */

/* --- manifest (manifest.c) ---------------------------------------------- */

struct kernel_decl {
	const char *name;	/* label */
	const char *release;
	const char *vmlinux;	/* absolute paths from here on; NULL: none */
	const char *modules, *headers, *config, *system_map;
	bool is_host;		/* the running kernel: BTF, no debuginfo */
	const char *where;	/* "FILE:LINE" for messages */
};

struct program_decl {
	const char *path;	/* on the target */
	const char *file;	/* here */
	const char *debug;	/* or NULL: looked for */
	const char *where;
};

struct manifest {
	VEC(struct kernel_decl *) kernels;
	VEC(struct program_decl *) programs;
};

/* Adds FILE's declarations to m; false: complained (line and column). */
bool manifest_read(struct job *j, const char *file, struct manifest *m);
/* No manifest: the running kernel, programs taken as the script names them. */
void manifest_host(struct job *j, struct manifest *m);

/* --- a target ------------------------------------------------------------- */

struct build_id {
	uint8_t bytes[20];
	uint8_t len;
};

enum binary_kind { BIN_KERNEL, BIN_MODULE, BIN_PROGRAM };

struct binary {
	enum binary_kind kind;
	const char *name;	/* "kernel", "ext4", "/usr/bin/victim" */
	const char *file, *debug;	/* read here; debug may be == file */
	struct build_id id;
	bool has_dwarf;
	const char *looked;	/* where DWARF was looked for, for messages */
	void *impl;		/* struct facts */
};

/*
 * Opens the facts of one kernel and all program builds. Checks that each
 * debug file's build-id is its binary's. false: complained by name.
 */
struct target *target_open(struct job *j, const struct kernel_decl *k,
			   const struct manifest *m);
const char *target_name(const struct target *t);
const char *target_release(const struct target *t);
struct binary *target_kernel(struct target *t);
/* Builds declared for PATH (exact, or glob); fills out, returns the count. */
size_t target_programs(struct target *t, const char *path,
		       struct binary **out, size_t max);
/*
 * Builds of the shared libraries that a program is linked with, also through
 * others, whose paths or names match the glob; *out lives as long as t.
 */
size_t target_libraries(struct target *t, struct binary *program,
			const char *glob, struct binary ***out);
/* What PATH is called as the name of a process's program: from the root, of this
   host without symbolic links. */
const char *target_program_path(struct target *t, const char *path);
/* The path of what a process of this host runs; NULL: it is not there. */
const char *target_process_path(struct target *t, int64_t pid);
/*
 * Builds of the kernel modules whose names match the glob ('-' is '_' in
 * them), by name; *out lives as long as t. One that cannot be read is
 * complained of (*bad). Returns the count.
 */
size_t target_modules(struct target *t, const char *glob,
		      struct binary ***out, bool *bad);
/* Where they were looked for, for messages; NULL: the target has no folder. */
const char *target_modules_folder(const struct target *t);
/*
 * Bytes of a module's code that say where a section of its data is: what
 * `size` bytes at link-time address `at` hold, sign-extended, is where
 * link-time address `value` is; is_relative: as a distance from `at`.
 */
struct code_pointer {
	uint64_t at, value;
	unsigned size;
	bool is_relative;
};
/* The link-time address of a module's .text. */
uint64_t target_text(struct target *t, struct binary *b);
/* `code` is an address of the code, `addr` one of module b; size 0: both are
   in one section. */
bool target_code_pointer(struct target *t, struct binary *b, uint64_t code,
			 uint64_t addr, struct code_pointer *out);
/* "y" "m" a string, or NULL: not set. */
const char *target_config(struct target *t, const char *key);

/* Link-time address of a symbol of b's symbol table; 0: none, or unknown. */
uint64_t target_symbol(struct target *t, const struct binary *b,
		       const char *name);
/* Its size as the symbol table has it; 0: none, or unknown. */
uint64_t target_symbol_size(struct target *t, const struct binary *b,
			    const char *name);
/* Does one begin at an address? True if there is no telling. */
bool target_is_symbol(struct target *t, const struct binary *b, uint64_t addr);

/*
 * symtab.c: the names of b's addresses as a file of symbols (docs/plan.md),
 * with the lines of the source and with how a program's frames are left, if
 * wanted. false: there are none to be had.
 */
enum { SYMTAB_LINES = 1, SYMTAB_UNWIND = 2 };
bool target_symbol_file(struct target *t, struct binary *b, unsigned what,
			struct text *out);
/* The code that the kernel gives to each process ("vdso"), as a program's
   build; NULL: it has none, or it is not to be had. */
struct binary *target_vdso(struct target *t);
/*
 * The build of a file that lies at PATH from the program that the shell finds as
 * NAME, where programs are taken as the script names them.
 */
size_t target_beside(struct target *t, const char *name, const char *path,
		     struct binary **out, size_t max);
/* All program builds that are declared. */
size_t target_all_programs(struct target *t, struct binary ***out);
/*
 * What b wants loaded beside itself (number i), of those that are declared or,
 * where programs are taken as the script names them, on this machine: *n builds
 * in out. NULL past the end; else what it asks for.
 */
const char *target_needed(struct target *t, const struct binary *b, size_t i,
			  struct binary **out, size_t max, size_t *n);

/* The link-time address of a program's file as it begins. */
uint64_t target_start(struct binary *b);
/* A library: who maps it nothing tells. */
bool target_is_library(struct binary *b);
/* FUNC, in the kernel's BTF, of its iterator over tasks; 0: it has none. */
uint32_t target_task_iterator(struct target *t);

/* --- functions ------------------------------------------------------------ */

struct func {
	struct binary *bin;
	const char *name;	/* source name */
	const char *linkage;	/* symbol name: "vfs_read", "f.isra.0" */
	const char *file;	/* declaring source file, or NULL */
	unsigned line;
	uint64_t addr, size;	/* 0: no out-of-line copy */
	uint64_t file_offset;	/* of addr in bin->file; programs */
	bool is_exported, is_static;
	bool is_unique;		/* linkage names it and no other symbol of the binary */
	bool is_inline_only;	/* stands for the instances inlined elsewhere;
				   a copy out of line is another func */
	bool is_also_inlined;	/* a copy, and there are instances */
	/* kernel: why it cannot be probed, or NULL ("__init", "blacklisted") */
	const char *forbidden;
	bool traceable;		/* kernel: has an fentry call site */
	uint32_t btf_id;	/* FUNC in vmlinux BTF, 0: none */
	int btf_nargs;		/* of its prototype; -1 unknown */
	void *impl;
};

/*
 * Calls back for every function whose name matches the glob. Names without
 * wildcards are looked up. Order: by address. Functions split by the compiler
 * (.part .isra .constprop .cold) are reported under the source name with
 * their linkage name; .cold parts are not reported. Returns the count.
 */
size_t target_functions(struct target *t, struct binary *b, const char *glob,
			void (*each)(void *arg, struct func *f), void *arg);
/*
 * An address of a module's code by a symbol that has its name alone, and what
 * to add to that. false: there is none before it.
 */
bool target_anchor(struct target *t, struct binary *b, uint64_t addr,
		   const char **symbol, uint64_t *offset);
/* Up to max names near NAME, nearest first. */
size_t target_similar(struct target *t, struct binary *b, const char *name,
		      const char **out, size_t max);

/* Is that a function or a symbol of the kernel? By name alone: no DWARF needed. */
bool target_has_function(struct target *t, const char *name);
/* Where task_struct tells that a 32-bit system call is being made; 0: the kernel
   runs no 32-bit programs. */
int64_t target_compat_status(struct target *t);

/* --- types ------------------------------------------------------------------ */

enum type_kind {
	TY_VOID, TY_INT, TY_BOOL, TY_CHAR, TY_FLOAT, TY_POINTER, TY_ARRAY,
	TY_STRUCT, TY_UNION, TY_ENUM, TY_FUNC, TY_OTHER,
};

struct ctype {			/* typedefs and qualifiers are looked through */
	enum type_kind kind;
	const char *name;	/* "unsigned int", "struct file *" : spelled */
	const char *tag;	/* "file" for struct file, or NULL */
	uint64_t size;		/* bytes */
	bool is_signed;
	struct ctype *to;	/* pointer, array: element; enum: underlying */
	uint64_t count;		/* array; 0: flexible or unknown */
	struct binary *bin;
	void *impl;
};

struct member {
	const char *name;	/* NULL: anonymous struct or union */
	struct ctype *type;
	uint64_t offset;	/* bytes from the start of the outer type */
	uint16_t bit_offset;	/* bit-field: within the bytes at offset, */
	uint16_t bit_size;	/*   from the least significant; 0: no bit-field */
	bool in_anonymous;
};

/*
 * A variable's type as its declaration spells it, with typedefs and qualifiers,
 * in the words of SystemTap's listings: "size_t", "struct file*".
 */
const char *target_spell(struct target *t, struct ctype *type,
			 uint64_t spelled);
/* By name, through anonymous members. false: there is none. */
bool type_member(struct ctype *t, const char *name, struct member *out);
/* Members in order (anonymous ones as such); false past the end. */
bool type_member_at(struct ctype *t, size_t i, struct member *out);
/* Enumerators in order. */
bool type_enumerator_at(struct ctype *t, size_t i, const char **name,
			int64_t *value);
/* "struct file", "unsigned long", "file": NULL if there is none. */
struct ctype *target_type(struct target *t, struct binary *b, const char *name);
/* Names of types near NAME ("struct file"), as target_similar. */
size_t target_similar_types(struct target *t, struct binary *b,
			    const char *name, const char **out, size_t max);
/*
 * The types that a header of this machine declares ("<sys/types.h>"): compiled
 * here, by cc -g. NULL: it was not compiled; *why tells.
 */
struct binary *target_header(struct target *t, const char *header,
			     const char **why);
/* Value of a named enumerator anywhere in b. */
bool target_enum(struct target *t, struct binary *b, const char *name,
		 int64_t *value);

/* --- places and variables ------------------------------------------------- */

enum place_when { AT_ENTRY, AT_RETURN, AT_PC };

/*
 * A place is where a probe fires. For AT_ENTRY, addr is where the probe goes:
 * the function's first instruction (past endbr64 where that is sound, for
 * programs), and locations are evaluated there.
 */
struct place {
	struct func *func;
	enum place_when when;
	uint64_t addr;
	struct func *code;	/* the function whose code has addr, which an
				   inlined one has not; NULL: in a part of it
				   that lies apart (.cold) */
	uint64_t file_offset;	/* programs */
	void *impl;
};

/* The link-time address that the instruction pointer stands for when a kprobe
   there runs its handler. */
uint64_t target_probe_ip(struct target *t, const struct place *p);
struct place *target_place(struct target *t, struct func *f,
			   enum place_when when);

/* A function's code: its copy out of line, or an instance inlined elsewhere. */
struct code {
	struct func *func;	/* as declared */
	uint64_t addr;		/* of its first instruction */
	uint64_t die;
	bool is_inlined;
};
/* The copy, or each instance of one that stands for those. */
size_t target_code(struct target *t, struct func *f,
		   void (*each)(void *arg, const struct code *c), void *arg);
/* Innermost at an address; false: no function is known there. */
bool target_code_at(struct target *t, struct binary *b, uint64_t addr,
		    struct code *c);
/* The function out of line whose code has that address, or NULL. */
struct func *target_func_around(struct target *t, struct binary *b,
				uint64_t addr);
bool code_has(const struct code *c, uint64_t addr);
/* All of it lies in [*low, *high), not without gaps. */
void code_span(const struct code *c, uint64_t *low, uint64_t *high);
/* The first line below f's of its file that a function is declared in. */
unsigned target_next_line(struct target *t, struct binary *b,
			  const struct func *f);
/* At an address of the code; the entry of a copy is AT_ENTRY. */
struct place *target_place_at(struct target *t, const struct code *c,
			      uint64_t addr);

/* Is it a Go program, whose functions' returns cannot be probed: the return address on
   a stack that is moved would be another? */
bool target_moves_stacks(const struct binary *b);
/* Why the kernel refuses to probe an instruction within a function, or any of a
   program; NULL: not known to. */
const char *target_why_not(struct target *t, struct binary *b, uint64_t addr);

/*
 * Rows of the line table within code that are of its func's file: by line,
 * each once, where it begins first.
 */
struct row {
	uint64_t addr;
	unsigned line;
};
size_t target_rows(struct target *t, const struct code *c, struct row **out);
/* Does a row of any line begin there? If not, *near is one before it, or 0. */
bool target_is_row(struct target *t, struct binary *b, uint64_t addr,
		   uint64_t *near);
/* Labels of the source with a place in the code, and their lines. */
void target_labels(struct target *t, const struct code *c,
		   void (*each)(void *arg, const char *name, unsigned line,
				uint64_t addr), void *arg);
/*
 * Where, when the program counter is addr, the return address of the function
 * lies whose code that is: at register + offset. false: it is computed.
 */
bool target_return_at(struct target *t, struct binary *b, uint64_t addr,
		      int *reg, int64_t *off);
/* What the code calls by name, once a call, or has inlined into it. */
struct callee {
	struct code code;
	uint64_t back;		/* where a call returns to */
	bool is_tail;		/* a jump: it returns to the caller's caller */
};
void target_callees(struct target *t, const struct code *c,
		    void (*each)(void *arg, const struct callee *c), void *arg);

/*
 * How to compute a location or value: a postfix program, DWARF-free.
 *	reg N	push register N (DWARF number of the architecture) as it was
 *		when the probe fired
 *	arg N	push the Nth parameter as the ABI passed it (fentry, entry)
 *	num K, addr K (link-time address: relocated when loaded, KASLR)
 *	load N	pop address, push N bytes read there, zero-extended
 *	plus minus mul and or xor shl shr shra neg not	as in DWARF
 */
enum loc_op {
	L_REG, L_ARG, L_NUM, L_ADDR, L_LOAD,
	L_PLUS, L_MINUS, L_MUL, L_DIV, L_MOD, L_AND, L_OR, L_XOR,
	L_SHL, L_SHR, L_SHRA, L_NEG, L_NOT, L_DUP, L_SWAP, L_DROP, L_OVER,
	L_EQ, L_NE, L_LT, L_LE, L_GT, L_GE, L_ABS, L_ROT,
};
struct locstep {
	enum loc_op op;
	int64_t n;
};

enum loc_kind {
	LOC_ABSENT,		/* optimised away here */
	LOC_VALUE,		/* the program leaves the value itself */
	LOC_MEMORY,		/* ... leaves the address of the object */
	LOC_PIECES,		/* pieces, low part first */
};

struct loc {
	enum loc_kind kind;
	struct locstep *steps;
	size_t nsteps;
	struct piece {
		struct loc *loc;
		uint32_t bits;
	} *pieces;
	size_t npieces;
};

struct variable {
	const char *name;
	struct ctype *type;
	struct loc loc;
	bool is_param;
	int param_index;	/* 0-based, -1: not a parameter */
	/* entry of a function: the ABI passes it whole in integer register
	   or BTF argument number abi_arg; -1: not so */
	int abi_arg;
	uint64_t spelled;	/* the type as declared: target_spell() */
};

/* NULL: no such name in scope at the place. loc.kind may be LOC_ABSENT. */
struct variable *place_variable(struct target *t, struct place *p,
				const char *name);
/* All in scope: parameters first, in order. NULL past the end. */
struct variable *place_variable_at(struct target *t, struct place *p, size_t i);
/* The return value as a variable named "return"; NULL: void. */
struct variable *place_return(struct target *t, struct place *p);
/* A global variable of b ("name" or "name@file.c"). */
struct variable *target_global(struct target *t, struct binary *b,
			       const char *name);
/* Names of globals near NAME, as target_similar. */
size_t target_similar_globals(struct target *t, struct binary *b,
			      const char *name, const char **out, size_t max);
/* Is that link-time address one of a per-CPU variable? */
bool target_is_per_cpu(struct target *t, const struct binary *b,
		       uint64_t addr);
/* Is it loaded where it was linked to be? */
bool target_is_fixed(const struct binary *b);

/* --- markers of programs (target_marks.c) ---------------------------------- */

struct marker {			/* a note of sys/sdt.h */
	const char *provider, *name;
	uint64_t addr;		/* of its nop */
	uint64_t semaphore;	/* where in the file; 0: it has none */
	struct variable *args;	/* "arg1"...; absent: what is not understood */
	size_t nargs;
};
/* Those of b whose names match, in the order of the notes; the count. */
size_t target_marks(struct target *t, struct binary *b, const char *provider,
		    const char *name,
		    void (*each)(void *arg, const struct marker *m), void *arg);
/* Entries of b's table of jumps to other libraries; the count. */
size_t target_plt(struct target *t, struct binary *b, const char *glob,
		  void (*each)(void *arg, const char *name, uint64_t addr),
		  void *arg);
/* Any address of a program's code, whatever is known of it; name: of what is
   there if it is in no function. */
struct place *target_place_code(struct target *t, struct binary *b,
				uint64_t addr, const char *name);

/* --- tracepoints ----------------------------------------------------------- */

struct tracepoint {
	const char *system;	/* "sched", or "" when unknown */
	const char *name;	/* "sched_switch" */
	struct binary *bin;	/* the kernel, or the module it is in */
	size_t nargs;
	struct tracearg {
		const char *name;
		struct ctype *type;
		uint64_t spelled;
	} *args;
};
/*
 * Glob over "system:name" or plain "name". Modules are looked at where the name
 * has wildcards or the kernel has none such. Returns the count.
 */
size_t target_tracepoints(struct target *t, const char *glob,
			  void (*each)(void *arg, struct tracepoint *tp),
			  void *arg);

/* --- which engine facts a kernel has --------------------------------------- */

struct kernel_features {	/* from config, BTF and symbols, not versions */
	bool kprobes, fprobe_multi, fentry, uprobes, uprobe_multi, modules;
	bool btf;
	bool perf_events;	/* for BPF: with programs on them */
	bool netfilter;		/* the same of its hooks */
	int hz;
};
const struct kernel_features *target_features(struct target *t);

#endif
