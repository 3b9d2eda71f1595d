/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * facts.h - what the files behind target.h share: open ELF files, the index
 * of one binary, its DWARF and its BTF. target.c puts them together; nothing
 * else of the compiler sees this.
 */
#ifndef STB_FACTS_H
#define STB_FACTS_H

#include "target.h"

/* --- ELF files (symbols.c) ----------------------------------------------- */

struct object {			/* an open ELF file */
	const char *path;
	int fd;
	struct Elf *elf;
	struct build_id id;
	uint64_t size;		/* of the file */
	bool has_dwarf, has_zstd;
	bool has_pool;		/* of addresses: units may be in .dwo files */
	bool is_partial;	/* some of these are not there */
	bool is_relocated;	/* a module: object_relocate was here */
};

struct bytes {			/* of a section, decompressed */
	const uint8_t *p;
	size_t n;
	uint64_t addr;
};

struct symbol {
	const char *name;
	uint64_t addr, size;
	bool is_func, is_global, is_weak;
	unsigned section;	/* its number; 0: an absolute number */
};

/* NULL, or why PATH is no ELF file of this architecture. */
const char *object_open(struct arena *mem, const char *path, struct object *o);
void object_close(struct object *o);
/* false: no such section, or nothing in it. */
bool object_section(const struct object *o, const char *name, struct bytes *b);
/* n bytes at a link-time address; false: not in the file. */
bool object_read(const struct object *o, uint64_t addr, void *to, size_t n);
/* Is it loaded where it was linked to be (ET_EXEC)? */
bool object_is_fixed(const struct object *o);
/* The offset in the file of a link-time address; 0: not loaded. */
uint64_t object_offset(const struct object *o, uint64_t addr);
/* Defined functions and objects of .symtab, else of .dynsym. */
void object_symbols(const struct object *o,
		    void (*each)(void *arg, const struct symbol *s), void *arg);
/*
 * What of it is loaded: its PT_LOADs, in order, and where one of them is cut in
 * two when the dynamic linker has relocated it. The count.
 */
struct load {
	uint64_t addr, offset, size;	/* link-time; in the file */
};
size_t object_loads(const struct object *o, struct load *v, size_t max);
/* The link-time address of the bytes of the build-id; 0: not loaded. */
uint64_t object_id_at(const struct object *o);
/* A section that is loaded: its addresses and name. Numbers count from 1. */
bool object_loaded_section(const struct object *o, size_t i, uint64_t *from,
			   uint64_t *to, const char **name);
/* The string that the which-th entry of a tag (DT_SONAME) names, or NULL. */
const char *object_dynamic(const struct object *o, int64_t tag, size_t which);
/* What it wants loaded beside itself: DT_NEEDED and the interpreter; NULL past
   the end. */
const char *object_needed(const struct object *o, size_t i);
/* Its search path, DT_RUNPATH or DT_RPATH; or NULL. */
const char *object_runpath(const struct object *o);
/* Its descriptor is not needed any more: what is read is mapped. */
void object_detach(struct object *o);
bool same_id(const struct build_id *a, const struct build_id *b);
const char *id_text(struct arena *mem, const struct build_id *id);
/*
 * The file that holds main's DWARF: `named` if not NULL, else main itself or
 * what .build-id trees and .gnu_debuglink lead to. NULL if there is none;
 * *refused (else left alone) says that one was found and is another build's.
 * Every place looked at is told in `looked`.
 */
const char *debug_find(struct arena *mem, const struct object *main,
		       const char *named, struct text *looked,
		       const char **refused);

/* --- modules: relocatable files (symbols_rel.c) ---------------------------- */

enum { MODULE_SHIFT = 28 };	/* address: section << that, and the offset */

bool object_is_relocatable(const struct object *o);
/* Contents as the link-time addresses make them; once. */
void object_relocate(struct object *o);
/* What the addresses of a symbol's section begin with; 0: it has none. */
uint64_t object_symbol_base(const struct object *o, size_t section);
/* How many sections there are, the one of number 0 too. */
size_t object_sections(const struct object *o);
/* Link-time addresses of section i, if it holds code that is loaded. */
bool object_code_section(const struct object *o, size_t i, uint64_t *from,
			 uint64_t *to);
/* The name of the section of a link-time address. */
const char *object_section_at(const struct object *o, uint64_t addr);
/* Link-time addresses of a section; false: no such. is_there: with contents. */
bool object_section_range(const struct object *o, const char *name,
			  uint64_t *from, uint64_t *to, bool *is_there);
/* n bytes at a link-time address. */
bool object_read_section(const struct object *o, uint64_t addr, void *to,
			 size_t n);
/*
 * Where code of the section that `code` is in holds an address of the section
 * that `addr` is in: what is there when the module is loaded, less value, is
 * what that section was moved by (is_relative: and where it is is added).
 * false: there is none.
 */
bool object_code_pointer(const struct object *o, uint64_t code, uint64_t addr,
			 struct code_pointer *out);

/* --- the index (index.c, scanned by dwarf_scan.c) ------------------------ */

enum {				/* ix_func.flags */
	IXF_INLINE = 1,		/* inlined: stands for the instances; a copy out
				   of line is an entry of its own */
	IXF_STATIC = 2,
	IXF_EXPORTED = 4,
	IXF_TRACEABLE = 8,
	IXF_SYMBOL = 16,	/* of the symbol table: no DWARF */
	IXF_UNIQUE = 32,	/* no other symbol has this linkage name */
	IXF_INLINED = 64,	/* a copy, and there are instances */
	IXF_WHY = 8,		/* shift: enum ix_why */
};
enum ix_why { WHY_NOT, WHY_INIT, WHY_EXIT, WHY_BLACKLIST, WHY_NOINSTR,
	      WHY_ENTRY, WHY_KPROBES };

/* Strings are offsets into the part of strings; 0 is "". */
struct ix_func {
	uint64_t addr, size, die;	/* die: offset in .debug_info, 0 none */
	uint32_t name, linkage, file, line;
	uint32_t flags, btf_id;
	int32_t btf_nargs, nparams;
	uint32_t first, ninst;		/* IXF_INLINE: of insts */
};
struct ix_inst {			/* where a function was inlined */
	uint64_t addr, die;		/* its entry */
	uint32_t func, unused;
};
enum { IXT_BASE, IXT_STRUCT, IXT_UNION, IXT_ENUM, IXT_TYPEDEF };
struct ix_type {
	uint64_t die;
	uint32_t name, kind;
};
struct ix_enum {
	int64_t value;
	uint32_t name, unused;
};
struct ix_global {
	uint64_t die;
	uint32_t name, file;
};
struct ix_symbol {
	uint64_t addr, size;
	uint32_t name, flags;		/* 1 function, 2 global */
};
struct ix_trace {
	uint64_t addr;
	uint32_t name, system;
};

struct index {
	const char *str;
	const struct ix_func *funcs;	/* by address, inline ones last */
	const uint32_t *func_names;	/* funcs by name, then address */
	const struct ix_type *types;	/* the others: by name */
	const struct ix_enum *enums;
	const struct ix_global *globals;
	const struct ix_symbol *symbols;
	const struct ix_trace *traces;
	const struct ix_inst *insts;	/* by function, then address */
	size_t nfuncs, ntypes, nenums, nglobals, nsymbols, ntraces, ninsts;
	const char *release;		/* kernels: as linux_banner says */
};

/*
 * Inlining as a scan finds it: units have an abstract function of their own
 * each, and one of those of the same name, file and line stands for all.
 */
struct ix_abstract {
	uint64_t die, first;		/* first: die of its struct ix_func */
};
struct ix_inlined {
	uint64_t addr, abstract, die;	/* abstract: a DIE's offset */
};

/* What a scan gathers; see index.c for how it becomes a file. */
struct ix_build {
	struct arena mem;
	struct text strings;
	struct ix_intern *interned;
	VEC(struct ix_func) funcs;
	VEC(struct ix_type) types;
	VEC(struct ix_enum) enums;
	VEC(struct ix_global) globals;
	VEC(struct ix_symbol) symbols;
	VEC(struct ix_trace) traces;
	VEC(struct ix_abstract) abstracts;
	VEC(struct ix_inlined) inlined;
	VEC(struct ix_inst) insts;	/* made of these two */
	struct ix_places *abstract_at;	/* dwarf_inline.c's */
	/* offsets of members that tracepoints are found by; -1: none */
	int64_t call_class, call_tp, class_system;
	uint32_t release;
};
uint32_t ix_string(struct ix_build *b, const char *s);

/*
 * The index of a binary, out of the cache or made now (and left there).
 * main and debug may be one. NULL and *why: DWARF could not be read.
 */
struct index *index_open(struct arena *mem, enum binary_kind kind,
			 const struct object *main, const struct object *debug,
			 const char **why);
/* [*first, return): funcs of that name, as positions in func_names. */
size_t index_func_range(const struct index *ix, const char *name,
			size_t *first);
/* First entry of that name, or -1; more may follow. */
long index_type_find(const struct index *ix, const char *name);
long index_enum_find(const struct index *ix, const char *name);
long index_global_find(const struct index *ix, const char *name);
const struct ix_symbol *index_symbol(const struct index *ix, const char *name);
const struct ix_func *index_func_at(const struct index *ix, uint64_t addr);
/* The function whose code, of one piece, has that address; NULL: none. */
const struct ix_func *index_func_around(const struct index *ix, uint64_t addr);

/* Functions, types, enumerators, globals of FILE's DWARF into b. */
const char *dwarf_scan(struct ix_build *b, const struct object *debug);

/* --- one binary's facts (target.c) ---------------------------------------- */

struct facts {			/* binary.impl */
	struct target *t;
	struct binary *bin;
	struct object main, debug;
	bool same_file;		/* debug is main */
	struct index *ix;	/* NULL: BTF answers */
	struct dwarf *dw;	/* opened when first asked */
	struct refusals *refused;	/* target_refuse.c's */
};
struct arena *target_mem(struct target *t);
struct job *target_job(struct target *t);
/* NULL: there is none, or it was complained of. */
struct index *index_of(struct binary *b);
struct func *make_func(struct binary *b, const struct ix_func *x);
/* A header's types, opened before; NULL: not yet. */
struct binary *target_opened_header(struct target *t, const char *header);
/* ... out of FILE, which nobody needs afterwards. */
struct binary *target_open_header(struct target *t, const char *header,
				  const char *file);
/*
 * The files of a module are closed once its index is there, there are many of
 * them: opened again, with their contents relocated. Of others: nothing.
 */
bool target_reopen(struct binary *b);
void target_close(struct binary *b);
/* Those modules that have tracepoints; the count. */
size_t target_tracing_modules(struct target *t, struct binary ***out);
bool target_is_per_cpu_section(const struct binary *b, uint64_t addr);
/* target.c, for those of programs */
bool target_is_open(const struct target *t);	/* to any program: no manifest */
bool target_add_program(struct target *t, const char *path, const char *file);
/* target_program.c: what NAME stands for on this host, opened; its path, which
   may be a pattern. */
const char *target_find_programs(struct target *t, const char *name);
/* target_needed.c: where the dynamic linker of this machine would find a library
   that a binary wants; NULL: nowhere. */
const char *target_find_library(struct target *t, const struct binary *of,
				const char *name);
/* target.c, for target_module.c */
const struct kernel_decl *target_decl(const struct target *t);
struct modules **target_module_list(struct target *t);
struct binary *target_new_binary(struct target *t, enum binary_kind kind,
				 const char *name);
/* Opens file and the file that holds its DWARF, and compares build-ids. */
bool target_open_files(struct target *t, struct binary *b, const char *file,
		       const char *debug);
struct btf_facts *target_btf(struct target *t);	/* NULL: none */

/* target_scope.c: those of a pattern with "::" in it. */
size_t target_scoped_functions(struct target *t, struct binary *b,
			       const char *pattern,
			       void (*each)(void *arg, struct func *f),
			       void *arg);

/* --- DWARF (dwarf*.c) ---------------------------------------------------- */

/*
 * dwarf_split.c: the units of a file that has debuginfo in .dwo files. How many
 * there are, of which how many are not there, of which *first is one; how many
 * have their own debuginfo, as all of other files.
 */
struct split_units {
	size_t n, missing, whole;
	const char *first;
	const char *package;	/* a .dwp file that may have them; or NULL */
};
void dwarf_split_units(struct arena *mem, const struct object *debug,
		       struct split_units *out);
/* An ELF file out of a compressed one; NULL: it is none. */
struct Elf *dwarf_unpack(int fd);
struct ctype *dwarf_type_at(struct facts *f, uint64_t die);
bool dwarf_member_at(struct ctype *t, size_t i, struct member *out);
bool dwarf_enumerator_at(struct ctype *t, size_t i, const char **name,
			 int64_t *value);
/* The function's parameters in order; names and types. */
struct variable **dwarf_params(struct facts *f, uint64_t die, size_t *n);
/* All variables in scope at p, parameters first; die is p's function. */
struct variable **dwarf_variables(struct facts *f, struct place *p,
				  uint64_t die, size_t *n);
/*
 * dwarf_code.c: within code, which is the DIE of a function or of an instance
 * of one inlined. Rows are those of FILE, the first of each line by address.
 */
struct row *dwarf_rows(struct facts *f, uint64_t die, const char *file,
		       size_t *n);
bool dwarf_has_pc(struct facts *f, uint64_t die, uint64_t addr);
void dwarf_span(struct facts *f, uint64_t die, uint64_t *low, uint64_t *high);
/* Does a row of the line table begin at addr? Else *near is one before. */
bool dwarf_is_row(struct facts *f, uint64_t addr, uint64_t *near);
struct call;
/* The innermost instance within a function's code that has addr. */
bool dwarf_inlined_at(struct facts *f, uint64_t die, uint64_t addr,
		      struct call *out);
void dwarf_labels(struct facts *f, uint64_t die,
		  void (*each)(void *arg, const char *name, unsigned line,
			       uint64_t addr), void *arg);
struct call {			/* out of code, or inlined into it */
	const char *name, *file;	/* of what is called, as declared */
	unsigned line;
	bool is_inlined, is_tail;
	bool is_declared;		/* that is all the unit knows of it */
	uint64_t addr;			/* where it returns to; inlined: begins */
	uint64_t die;			/* inlined: the instance */
};
void dwarf_calls(struct facts *f, uint64_t die,
		 void (*each)(void *arg, const struct call *c), void *arg);
/* The canonical frame address at addr is reg + off; false: it is not so. */
bool dwarf_cfa_at(struct facts *f, uint64_t addr, int *reg, int64_t *off);
struct variable *dwarf_return(struct facts *f, uint64_t die);
struct variable *dwarf_global(struct facts *f, uint64_t die);
/* Each row of the line tables: from its address on, FILE and LINE (0: nothing
   is known there). Rows of one sequence ascend; sequences are in no order. */
bool dwarf_lines(struct facts *f, void (*each)(void *arg, uint64_t addr,
		 const char *file, unsigned line), void *arg);

/* dwarf_unwind.c: from each address on, how frames are left, in ascending order.
   false: nothing tells. */
struct stb_unwind_rule;		/* runtime/abi.h */
bool dwarf_unwind(struct facts *f, void (*each)(void *arg, uint64_t addr,
		  const struct stb_unwind_rule *r), void *arg);

/* dwarf_code.c: names of the namespaces and classes around a function, the
   innermost first; the count. */
size_t dwarf_scopes(struct facts *f, uint64_t die, const char **names,
		    size_t max);

/* dwarf_spell.c: how DW_AT_type of a variable reads. */
const char *dwarf_spell(struct facts *f, uint64_t type);

/* --- BTF (btf.c) --------------------------------------------------------- */

/* The kernel's BTF: of the running one, or out of vmlinux. NULL: none. */
struct btf_facts *btf_open(struct arena *mem, const void *data, size_t size);
struct btf_facts *btf_open_host(struct arena *mem);
void btf_close(struct btf_facts *bf);
/* The FUNC of that name; 0: none. */
int btf_func_id(struct btf_facts *bf, const char *name);
/*
 * Each FUNC: its id, 0 where its arguments are not such as fentry takes, and
 * the number of its arguments.
 */
void btf_each_func(struct btf_facts *bf,
		   void (*each)(void *arg, const char *name, uint32_t id,
				int nargs), void *arg);
struct ctype *btf_type_named(struct btf_facts *bf, struct binary *b,
			     const char *name);
bool btf_member_at(struct ctype *t, size_t i, struct member *out);
bool btf_enumerator_at(struct ctype *t, size_t i, const char **name,
		       int64_t *value);
bool btf_enum_named(struct btf_facts *bf, const char *name, int64_t *value);
struct variable **btf_params_of(struct btf_facts *bf, struct binary *b,
				uint32_t id, size_t *n);
struct variable *btf_return(struct btf_facts *bf, struct binary *b,
			    uint32_t id);
const char *btf_spell(struct btf_facts *bf, uint32_t type);
/* Each tracepoint: its name and the id of its function prototype. */
void btf_each_trace(struct btf_facts *bf,
		    void (*each)(void *arg, const char *name, uint32_t id),
		    void *arg);
/* The arguments of a prototype behind the first, unnamed ones "argN". */
struct tracearg *btf_trace_args(struct btf_facts *bf, struct binary *b,
				const char *name, uint32_t id, size_t *n);

/* --- shared by both ------------------------------------------------------- */

struct abi_slot {		/* how a value is passed */
	bool in_memory;		/* on the stack, or returned through memory */
	int reg[2];		/* of each eight bytes, as DWARF numbers
				   them; -1: none, or no integer register */
	bool is_float;		/* some of it is in SSE registers */
};
/* Fills param_index and abi_arg of parameters in order, and slots. */
void abi_classify(struct variable **params, size_t n, bool struct_return,
		  struct abi_slot *slots);
/* Where a value of type t in that slot is; absent in memory and SSE. */
struct loc abi_location(struct arena *mem, const struct abi_slot *slot,
			struct ctype *t);
/* Is a value of this type returned through memory? */
bool abi_in_memory(struct ctype *t);
/* Fills loc for a value of v->type just returned. */
void abi_return(struct arena *mem, struct variable *v);
struct loc loc_steps(struct arena *mem, enum loc_kind kind,
		     const struct locstep *s, size_t n);

#endif
