/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stap.h - the SystemTap language as data: the AST that lex.c and parse.c
 * make, library.c completes with aliases and tapset functions, check.c types,
 * and points/ and lower.c read. And struct job, which carries one compile of
 * one script for one kernel target down the pipeline.
 */
#ifndef STB_STAP_H
#define STB_STAP_H

#include "base.h"

/* Error tags: one line each; every one has a test in tests/bad. */
#define ERROR_TAGS(T) \
	T(SYNTAX, "syntax", "parse error") \
	T(LITERAL, "literal", "parse error") \
	T(SCRIPT_ARG, "script-arg", "parse error") \
	T(CONDITION, "condition", "parse error") \
	T(MACRO, "macro", "parse error") \
	T(REDEFINED, "redefined", "semantic error") \
	T(UNKNOWN_FUNCTION, "unknown-function", "semantic error") \
	T(ARGUMENT_COUNT, "argument-count", "semantic error") \
	T(TYPE_MISMATCH, "type-mismatch", "semantic error") \
	T(UNTYPED, "untyped", "semantic error") \
	T(ARITY, "arity", "semantic error") \
	T(NOT_ARRAY, "not-array", "semantic error") \
	T(NOT_LVALUE, "not-lvalue", "semantic error") \
	T(MISPLACED, "misplaced", "semantic error") \
	T(FORMAT, "format", "semantic error") \
	T(AGGREGATE, "aggregate", "semantic error") \
	T(UNKNOWN_PROBE, "unknown-probe", "semantic error") \
	T(PROBE_ARG, "probe-arg", "semantic error") \
	T(NO_MATCH, "no-match", "semantic error") \
	T(NO_TARGET_VAR, "no-target-var", "semantic error") \
	T(UNKNOWN_VARIABLE, "unknown-variable", "semantic error") \
	T(UNKNOWN_MEMBER, "unknown-member", "semantic error") \
	T(NOT_STRUCT, "not-struct", "semantic error") \
	T(OPTIMIZED_OUT, "optimized-out", "semantic error") \
	T(UNKNOWN_TYPE, "unknown-type", "semantic error") \
	T(REGEX, "regex", "semantic error") \
	T(ENGINE, "engine", "semantic error") \
	T(EMBEDDED_C, "embedded-c", "semantic error") \
	T(UNSUPPORTED, "unsupported", "semantic error") \
	T(PRIVILEGE, "privilege", "semantic error") \
	T(WARNINGS, "warnings", "semantic error")
#define T(id, name, kind) extern const struct tag E_##id[1];
ERROR_TAGS(T)
#undef T

bool is_keyword(const char *s, size_t n);	/* complain.c; used by lex.c */

/* --- expressions ---------------------------------------------------------- */

enum type { T_UNKNOWN, T_LONG, T_STRING, T_STATS };

enum expr_kind {
	X_NUMBER,	/* num */
	X_STRING,	/* str (len bytes) */
	X_NAME,		/* str; var set by library (local or global) */
	X_INDEX,	/* a[keys]: str, var, args (X_ANY arg = '*') */
	X_ANY,		/* the '*' of a slice */
	X_TARGET,	/* target: $x, @var, @cast, p->f with a typed p */
	X_UNARY,	/* op, a: - ! ~ + */
	X_BINARY,	/* op, a, b: arithmetic, comparison, . concat, && || */
	X_TERNARY,	/* a ? b : c */
	X_ASSIGN,	/* op, a (lvalue), b: OP_NONE is =, else += ... .= <<< */
	X_INCDEC,	/* op, a; prefix or postfix */
	X_IN,		/* args in str[]: var */
	X_CALL,		/* str(args): fn (script) or builtin */
	X_PRINT,	/* printf family: print, args */
	X_STAT,		/* @count(a) ...: stat, a is X_NAME/X_INDEX, args */
	X_HIST_INDEX,	/* @hist_log(a)[b]: a is X_STAT */
	X_ENTRY,	/* @entry(a) */
	X_DEFINED,	/* @defined(a) */
	X_MATCH,	/* a =~ "re" / !~ : op, a, str; b: the literal */
	X_PERF,		/* @perf("name"): str */
	X_REGISTER,	/* @kregister(n) @uregister(n): op, a */
	X_DEREF,	/* @kderef(n, addr) @uderef: op, a, b */
	X_CONST,	/* @const("..."): str */
	X_ENUM,		/* @enum("..."): str */
	X_EMBEDDED,	/* %{ C %} as a value: str; check.c refuses it */
};

enum op {
	OP_NONE,
	OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MOD,
	OP_SHL, OP_SHR, OP_USHR, OP_AND, OP_OR, OP_XOR,
	OP_LT, OP_LE, OP_GT, OP_GE, OP_EQ, OP_NE,
	OP_ANDAND, OP_OROR, OP_CAT, OP_STAT,	/* OP_STAT: <<< */
	OP_NEG, OP_NOT, OP_BITNOT, OP_PLUS,
	OP_PREINC, OP_PREDEC, OP_POSTINC, OP_POSTDEC,
	OP_MATCH, OP_NOMATCH, OP_KERNEL, OP_USER,
};

enum stat_op {
	ST_COUNT, ST_SUM, ST_MIN, ST_MAX, ST_AVG, ST_VARIANCE,
	ST_HIST_LOG, ST_HIST_LINEAR,
};

/* One step of $x->f[i]->g: a member, or an index. */
struct access {
	struct access *next;
	struct span at;
	const char *member;	/* or NULL: */
	struct expr *index;
};

/* $name, @var("name@cu", "module"), @cast(base, "type", "module"). */
struct target_ref {
	enum { TR_VAR, TR_ATVAR, TR_CAST, TR_AUTOCAST, TR_CONTEXT } kind;
	const char *name;	/* without '$'; TR_CONTEXT: "vars" of $$vars */
	const char *module;	/* @var/@cast's last argument, or NULL */
	struct expr *base;	/* TR_CAST, TR_AUTOCAST: the pointer */
	const char *type_name;	/* TR_CAST */
	struct access *path;
	bool address_of;	/* &$x->f */
	int pretty;		/* 0; 1 for $x$, 2 for $x$$ */
};

enum print_kind { PR_PRINT, PR_PRINTLN, PR_PRINTD, PR_PRINTDLN, PR_PRINTF };
struct print {
	enum print_kind kind;
	bool to_string;		/* sprint* */
	const char *format;	/* PR_PRINTF; delimiter for PR_PRINTD(LN) */
	size_t format_len;
	struct span format_at;
	/* a histogram argument to print()/println() is args as X_STAT */
};

struct expr {
	enum expr_kind kind;
	enum type type;		/* set by check.c */
	struct span at;
	struct expr *next;	/* argument lists */
	enum op op;
	struct expr *a, *b, *c;
	struct expr *args;	/* linked by next */
	unsigned nargs;
	int64_t num;
	const char *str;
	size_t len;		/* of str */
	unsigned height;	/* of the tree below; parse.c bounds it */
	struct var *var;	/* X_NAME, X_INDEX, X_IN */
	struct function *fn;	/* X_CALL of a script function */
	const struct builtin *builtin;	/* X_CALL of a built-in */
	struct target_ref *target;
	struct print *print;
	enum stat_op stat;
};

/* --- statements ----------------------------------------------------------- */

enum stmt_kind {
	S_BLOCK,	/* body */
	S_EXPR,		/* e */
	S_IF,		/* e, body, other */
	S_WHILE,	/* e, body */
	S_FOR,		/* init, e, step (each may be NULL), body */
	S_FOREACH,	/* each, body */
	S_BREAK, S_CONTINUE,
	S_NEXT,		/* in a function: e, the call of the next candidate,
			   or NULL */
	S_RETURN,	/* e or NULL */
	S_DELETE,	/* e: X_NAME (scalar or whole array) or X_INDEX */
	S_TRY,		/* body, other, caught (or NULL) */
	S_EMPTY,
};

struct foreach {
	struct expr *keys;	/* X_NAME list */
	unsigned nkeys;
	struct expr *value;	/* foreach (v = [k] in a): X_NAME, or NULL */
	struct expr *array;	/* X_NAME, X_INDEX (slice), X_STAT histogram */
	int sort_dir;		/* 0 none, +1 ascending, -1 descending */
	int sort_key;		/* 0: by value; 1..: by that key */
	enum stat_op sort_stat;	/* of a stats array; default ST_COUNT */
	struct expr *limit;	/* or NULL */
};

struct stmt {
	enum stmt_kind kind;
	struct span at;
	struct stmt *next;
	struct stmt *body, *other;
	struct expr *e, *init, *step;
	struct foreach *each;
	struct expr *caught;	/* X_NAME, or NULL */
};

/* --- declarations --------------------------------------------------------- */

struct var {
	const char *name;
	struct span at;
	bool is_global;
	enum type type;		/* value type */
	/* arrays: globals only */
	int nkeys;		/* -1 unknown yet, 0 scalar */
	enum type *key_types;
	struct span typed_at, keyed_at;	/* where check.c learned it */
	struct expr *init;	/* literal, or NULL */
	int64_t max_entries;	/* 0: MAXMAPENTRIES */
	bool wraps;		/* global a[N]% */
	bool is_read, is_written, is_used, is_private;
	const struct source *src;	/* globals: declared there */
	/* stats: which extractors and which histogram are used anywhere */
	unsigned stat_ops;	/* 1u << enum stat_op */
	int64_t hist_lo, hist_hi, hist_step;
	struct var *next;
	const struct function *owner;	/* locals: NULL in a probe */
	void *lowered;		/* lower.c's slot or global */
	const struct expr *meaning;	/* lower_words.c: what it stands for */
};

struct function {
	const char *name;
	struct span at;
	struct var *params;	/* linked by next */
	unsigned nparams;
	struct var *locals;	/* linked by next; params not included */
	enum type type;		/* T_UNKNOWN until inferred; may stay void */
	bool type_given, is_void, returns_value;
	struct stmt *body;	/* NULL: embedded C */
	const char *c_body;
	struct span c_at;	/* of the %{ */
	int64_t priority;
	const struct source *src;
	bool is_private, is_used, is_recursive, is_resolved;
	bool may_look;		/* privilege.c: into the kernel, for what is
				   the process's own */
	unsigned mark;		/* library.c's, for walks */
	struct function *next;
	void *lowered;
};

struct component {		/* one dotted part: function("x") */
	struct component *next;
	struct span at;
	const char *name;	/* may hold * and ? */
	struct expr *arg;	/* X_NUMBER or X_STRING, or NULL */
};

/*
 * A point as written whose sites are found elsewhere: it names an alias, or
 * stands beside one with '!'. alias.c makes them, points/ asks and tells.
 */
struct use {
	struct span at;
	const char *name;
	bool optional, sufficient;
	unsigned rank;		/* in its list of points */
	unsigned *taken;	/* rank + 1 of the list's first '!' with sites */
	size_t sites;
	struct use *outer;	/* of the alias that this use stands in */
};
bool use_wanted(const struct use *u);	/* false: an earlier '!' was enough */
void use_found(struct use *u, size_t sites);
/* --missing: true where that is no error; told as it asks for. */
bool may_be_missing(struct job *j, struct span at, const char *said);
bool uses_found(struct job *j);		/* false: complained of empty ones */

struct point {			/* one probe point of a probe's list */
	struct point *next;
	struct use *use;	/* or NULL */
	struct span at;
	struct component *parts;
	bool optional, sufficient;	/* ? and ! */
	struct expr *condition;		/* if (...), or NULL */
	const char *alias;		/* outermost that led here, with what
					   was passed on; or NULL */
};

struct probe {			/* a probe, or an alias definition */
	struct probe *next;
	struct span at;
	struct point *points;
	struct component *alias;	/* NULL for a real probe */
	bool alias_epilogue;		/* += */
	struct stmt *body;
	struct stmt *epilogue;		/* = P { } , { } */
	struct var *locals;		/* linked by next */
	const struct source *src;
	const struct probe *outer, *of_alias;	/* what it was before, and the alias
				   that made this of it; or NULL */
	bool is_resolved;	/* library.c: names looked up */
	bool is_display;	/* check.c fills the body: globals shown at
				   the end */
};

struct embedded {		/* %{ C %} among declarations */
	struct embedded *next;
	struct span at;
	const char *c;
};

struct script {
	struct embedded *embedded;
	struct probe *probes, *aliases;
	struct function *functions;
	struct var *globals;
};

/*
 * A built-in function: a row of check.c's table, which lower.c turns into
 * IR_CALL of the same name (rt_NAME in the runtimes).
 */
struct builtin {
	const char *name;	/* as scripts write it: "pid" */
	const char *args;	/* types of the arguments: "ls" long, string */
	char result;		/* 'l', 's' or 'v' */
	unsigned flags;		/* BF_* */
};
enum {
	BF_FAULTS = 1,		/* may raise a run-time error */
	BF_BPF = 2,		/* runs in a kernel BPF handler */
	BF_USER = 4,		/* runs in the loader */
	BF_LOWERED = 8,		/* lower.c has its own translation */
	BF_EFFECT = 16,		/* must not be dropped when unused */
	BF_WAY = 32,		/* gets the way the probe fires as one argument
				   more: context.c */
	BF_PROCESS = 4096,	/* looks at the process: lower_user.c */
	BF_INTERNAL = 64,	/* with that argument; no script's to call */
	BF_REGISTERS = 1024,	/* of the probed code: where there are any */
	BF_POINT = 2048,	/* numbers with a point: runtime/fp.h */
};
/* Overloads by arity are rows of their own; NULL if there is none. */
const struct builtin *builtin_find(const char *name, unsigned nargs);
/* The row that a BF_WAY one becomes, and the one that gives the way. */
const struct builtin *builtin_with_way(const struct builtin *b);
const struct builtin *builtin_way(bool of_process);
/* The i-th built-in, NULL past the end: for listings and lint. */
const struct builtin *builtin_at(size_t i);

/* --- one compile ---------------------------------------------------------- */

enum listing {			/* instead of a compile */
	LIST_NOTHING,
	LIST_POINTS,			/* -l */
	LIST_VARIABLES,			/* -L */
	LIST_TYPES, LIST_ALIASES, LIST_FUNCTIONS,	/* --dump-probe-types
				   --dump-probe-aliases --dump-functions */
};

/* What runs the probes of the kernel: docs/design.md. */
enum engine {
	ENGINE_AUTO,	/* of a command: bpf where that can do the script */
	ENGINE_BPF,
	ENGINE_MODULE,	/* all probes, begin and timers too */
	ENGINE_BOTH,	/* of a command: each */
};

/* --privilege: who is to be able to run it; the bundle's privilege is the same
   number (bundler/stb.h). privilege.c */
enum privilege { PRIVILEGE_STAPDEV, PRIVILEGE_STAPSYS, PRIVILEGE_STAPUSR };
extern const char *const privilege_names[];

struct options {
	enum listing listing;
	const char *script_name;	/* "<input>" for -e, else the path */
	const char *script_text;	/* -e, or NULL */
	char **args;			/* $1 @1 ... */
	int nargs;
	const char *dump;		/* stop after this pass and print */
	const char *out_dir;		/* this target's objects and plan */
	const char *share_dir;		/* runtime/ and tapsets/ */
	VEC(const char *) tapset_dirs;	/* -I: more tapsets */
	const char *clang;
	enum engine engine;
	const char *command;		/* -c: what process alone is of; or: */
	int64_t target_pid;		/* -x */
	int verbose;
	bool guru;			/* -g */
	enum privilege privilege;	/* --privilege */
	bool unoptimized;		/* -u: nothing is elided */
	bool warnings_fail;		/* -W */
	bool no_warnings;
	bool no_global_display;
	bool cover, cover_sites;	/* --coverage, --compare: cover.c writes */
	enum missing { MISSING_ERROR, MISSING_WARN, MISSING_IGNORE } missing;
	VEC(const char *) globals;	/* -G NAME=VALUE, as given */
	VEC(const char *) symbols;	/* -d MODULE: whose symbols to pack */
	bool all_modules;		/* --all-modules */
	bool ldd;			/* --ldd: of programs' libraries, too */
	struct limits {			/* SystemTap's names and defaults */
		int64_t maxstringlen;	/* 512 */
		int64_t maxaction;	/* 1000 */
		int64_t maxaction_user;	/* begin, end, timers; 0: 10 times that */
		int64_t maxnesting, maxmapentries, maxerrors, maxskipped;
		/* cycles of a CPU, of which a module's handlers may take
		   `most` in each `interval`; 0: as many as they like */
		int64_t overload_interval, overload_most;
		bool untimed;		/* --suppress-time-limits */
	} limits;
};

struct job {
	struct arena mem;
	const struct options *opt;
	enum engine engine;		/* ENGINE_BPF or ENGINE_MODULE */
	/* main sets these two before load_target() */
	const struct kernel_decl *kernel;	/* the one to build for */
	const struct manifest *manifest;	/* all that was declared */
	struct target *target;		/* target.h */
	struct syscalls *syscalls;	/* syscalls.h; NULL: not asked for */
	struct script *script;
	VEC(struct site *) sites;	/* points/family.h */
	struct ir *ir;			/* ir.h */
	struct text c_kernel, c_user;	/* emitted C; empty: none needed */
	int errors, warnings;
	VEC(struct cover *) covers;	/* cover.c */
	struct cover *cover;		/* whose point is being looked at */
	/* told of each complaint, if not NULL; cover.c sets it */
	void (*heard)(struct job *j, const struct tag *tag, const char *said);
	struct dict complained;		/* messages told already */
	unsigned told, similar_errors, similar_warnings;
	bool silent;			/* notes on the last one, too */
	const char *cannot;		/* the first E_ENGINE; NULL: none */
	bool otherwise_wrong;		/* a complaint that was no E_ENGINE */
	bool nul_messages;		/* each ends in NUL: driver.c reads */
	FILE *messages;			/* NULL: stderr */
};

/*
 * cover.c: what becomes of a point. cover_point(), then what is found about it;
 * NULL: of none. A place of several may be left, or be reached but in part; gone
 * is what optimisation took away; skipped what an earlier '!' made needless.
 */
struct site;
void cover_point(struct job *j, const struct point *pt);
void cover_complaint(struct job *j, const struct tag *tag, const char *said);
void cover_left(struct job *j, const char *what, const char *why);
void cover_partly(struct job *j, const char *what);
void cover_gone(struct job *j);
void cover_skipped(struct job *j);
void cover_site(struct job *j, const struct site *s, const char *attach);
void cover_write(struct job *j, bool built);

/* The passes, in order; each false: complained, stop after it. */
bool load_target(struct job *j);	/* target.c: facts of j->target */
bool parse_script(struct job *j);	/* lex.c parse.c: AST */
bool pull_library(struct job *j);	/* library.c: aliases, tapsets, names,
					   -G values */
/* library.c: the tapsets of this target, one behind the other, unresolved. */
void each_tapset(struct job *j, void (*each)(void *arg,
		  const struct script *s), void *arg);
bool expand_points(struct job *j);	/* points/points.c: j->sites */
bool check_types(struct job *j);	/* check.c: typed AST */
bool refuse_guru(struct job *j);	/* guru.c: what needs a module */
bool prove_privilege(struct job *j);	/* privilege.c */
bool lower_probes(struct job *j);	/* lower.c: j->ir */
bool emit_sources(struct job *j);	/* emit.c: j->c_kernel, j->c_user */
bool run_compilers(struct job *j);	/* build.c: objects in out_dir */
bool write_plan(struct job *j);		/* build.c: out_dir/plan */

/*
 * ast.c: every expression below, outer ones first; of target_ref, the base
 * (which is also e->a) and the indices. Copies as through `via` (or NULL).
 */
void walk_expr(const struct expr *e, void (*each)(const struct expr *e,
	       void *arg), void *arg);
void walk_stmts(const struct stmt *s, void (*each)(const struct expr *e,
		void *arg), void *arg);
struct expr *copy_expr(struct arena *mem, const struct expr *e,
		       const struct origin *via);
struct stmt *copy_stmt(struct arena *mem, const struct stmt *s,
		       const struct origin *via);
struct span copied_span(struct arena *mem, struct span at,
			const struct origin *via);
/* A global of the user's that is written and never read: shown at the end. */
bool display_wanted(const struct var *v);

/* Text of each stage, for --dump and the tests. */
void dump_tokens(struct job *j, FILE *out);
void dump_ast(struct job *j, FILE *out, bool typed);
void dump_sites(struct job *j, FILE *out);
void dump_listing(struct job *j, FILE *out);
/* listing_points.c: what opt->listing asks for; false: there is none. */
bool list_wanted(struct job *j, FILE *out);
void dump_ir(struct job *j, FILE *out);
void dump_expr(struct text *t, const struct expr *e);
void dump_point(struct text *t, const struct point *pt);
void dump_components(struct text *t, const struct component *c);
const char *op_name(enum op op);		/* "<<<" */
const char *stat_name(enum stat_op op);		/* "hist_log" */
const char *type_name_of(enum type type);	/* "string" */

#endif
