/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ir.h - the waist: handlers as structured, operand-flat statements. lower.c
 * makes it from the typed AST and the sites' facts; all DWARF is gone. emit.c
 * turns it into C and sees nothing else. ir.c prints it (--dump=ir), checks
 * it, and decides what only the whole program tells: which global needs a
 * lock, who owns a frame, what an engine cannot do.
 *
 * docs/ir.md lists every statement with its meaning and faults.
 */
#ifndef STB_IR_H
#define STB_IR_H

#include "base.h"

struct regex;

enum ir_type { IR_LONG, IR_STRING };

/*
 * A typed place for one value. Longs are C locals (or in the frame when a
 * handler has loops and many of them); strings are string_len bytes in the
 * handler's frame, or point at a literal.
 */
struct ir_slot {
	const char *name;	/* "s3", or "x_5" after a script local x */
	enum ir_type type;
	int number;		/* within its handler or function */
	uint32_t cap;		/* strings: most bytes it can need with the NUL
				   (<= string_len): "execname" 16 */
	bool in_frame;		/* a long that is best in the frame, if there is
				   one: of what is there the verifier knows
				   nothing, and has not to follow each value */
	unsigned pool;		/* strings of one pool are never in use at the
				   same time, they can share memory; 0: alone */
	struct ir_slot *next;
};

enum ir_opnd_kind { IR_NONE, IR_NUM, IR_SLOT, IR_LIT };
struct ir_opnd {
	enum ir_opnd_kind kind;
	int64_t num;
	struct ir_slot *slot;
	const char *lit;	/* IR_LIT: string literal */
	size_t len;
};

enum ir_op {			/* IR_BIN, IR_SET of globals and maps */
	IR_ADD, IR_SUB, IR_MUL, IR_DIV, IR_MOD,	/* DIV, MOD fault on 0 */
	IR_AND, IR_OR, IR_XOR, IR_SHL, IR_SHR, IR_USHR,
	IR_EQ, IR_NE, IR_LT, IR_LE, IR_GT, IR_GE,
	IR_ULT, IR_ULE,
	IR_NEG, IR_NOT, IR_LNOT,		/* unary: ~ is NOT */
};

enum ir_space { IR_KERNEL_MEM, IR_USER_MEM };

/*
 * Faults: a statement marked (F) may raise; `err` is then the format id of
 * its message (with the script's file:line:col) and control goes to the
 * innermost IR_TRY's handler or ends the run with a soft error.
 */
enum ir_kind {
	/* values */
	IR_MOVE,	/* dst = a (long or string) */
	IR_UN,		/* dst = op a */
	IR_BIN,		/* dst = a op b		(F: DIV MOD) */
	IR_CAT,		/* dst = a . b, cut at cap; dst may be a: append */
	IR_STRCMP,	/* dst = a op b for strings: 0 or 1 */
	IR_MATCH,	/* dst = a matches regexes[num]: 0 or 1 */
	IR_LOAD,	/* dst = size bytes at a + num in space, sign or zero
			   extended (F: the address is err's argument) */
	IR_LOAD_STR,	/* dst = string at a + num in space, at most b bytes
			   before its NUL (F: the same) */
	IR_LOAD_MEM,	/* dst = b bytes (1 ... cap) at a in space, no string
			   but an argument of type 'm' of a PRINT (F: the
			   same) */
	IR_REG,		/* dst = register num (DWARF number) of the probe */
	IR_ARG,		/* dst = argument num (fentry, raw_tp, syscall: 6 is
			   the number of the call) */
	IR_RETVAL,	/* dst = integer return value (return handlers) */
	IR_CTX,		/* dst = address of the context (fentry, fexit): the
			   same at entry and return of one call */
	IR_COOKIE,	/* dst = number of the site among those of its probe */
	IR_SITE_NAME,	/* dst = string of table num for the site's cookie, or
			   for the number a; "" where there is none */
	IR_KADDR,	/* dst = link-time kernel address num, relocated */
	IR_CALL,	/* dst = builtin name(args)	(F if the row says so) */
	IR_CALL_FN,	/* dst = fn(args)		(F: MAXNESTING) */
	/* globals */
	IR_GET,		/* dst = global */
	IR_SET,		/* global = a */
	IR_MODIFY,	/* global op= a; dst (or none) = new value, or the old
			   one when want_old: one atomic step. Longs only; op
			   is one of ADD SUB AND OR XOR */
	IR_MAP_GET,	/* dst = global[keys], 0 or "" if absent */
	IR_MAP_SET,	/* global[keys] = a		(F: full) */
	IR_MAP_MODIFY,	/* global[keys] op= a; dst as IR_MODIFY (F: full) */
	IR_MAP_CAT,	/* global[keys] .= a; dst	(F: full) */
	IR_MAP_IN,	/* dst = keys in global */
	IR_MAP_DEL,	/* delete global[keys] */
	IR_MAP_CLEAR,	/* delete global (array, scalar or aggregate) */
	IR_STAT_ADD,	/* global[keys] <<< a		(F: full) */
	IR_STAT_GET,	/* dst = @stat(global[keys]) (F: empty, unless COUNT) */
	IR_STAT_BUCKET,	/* dst = bucket a of the histogram of global[keys] */
	/* output */
	IR_PRINT,	/* format id, args: a record */
	IR_PRINT_HIST,	/* print of the histogram of global[keys]; its text to
			   dst, if there is one */
	IR_FORMAT,	/* dst = sprintf(format id, args) */
	IR_WORDS,	/* dst = text of a system call's arguments: pieces from
			   number `format` on; two args at most */
	/* control */
	IR_IF,		/* a != 0: body, else other */
	IR_LOOP,	/* body again and again until IR_BREAK; cost actions a
			   turn (F: MAXACTION). IR_CONTINUE goes to `other`,
			   the step, which follows the body too */
	IR_FOREACH,	/* over global, see struct ir_foreach */
	IR_BREAK, IR_CONTINUE,
	IR_TRY,		/* body; on a fault: dst (or none) = message, other */
	IR_RAISE,	/* error(a): err is the format id, args its values (F) */
	IR_RETURN,	/* from a function: a or none */
	IR_NEXT,	/* end of the handler's run */
	IR_EXIT,	/* exit(): asks the session to stop; goes on */
	IR_STORE,	/* size bytes at a + num in space = b (F: the address):
			   modules alone */
	IR_SET_REG,	/* register num of the probe = a: modules alone */
	IR_C,		/* dst = the expression `name`, in C: modules alone */
};

/* IR_REG: of what DWARF has no number for. */
enum { IR_REG_ORIG_AX = 128 };

struct ir_formats {		/* by cookie; -1: no such site */
	VEC(int) v;
};

struct ir_foreach {
	struct ir_slot **keys;	/* one each key of the global; NULL: unwanted */
	struct ir_slot *value;	/* or NULL */
	struct ir_opnd *slice;	/* nkeys; IR_NONE where '*'; or NULL */
	int sort_dir, sort_key;	/* as struct foreach; key 0: value */
	int sort_stat;		/* STB_ST_*, aggregates by value */
	struct ir_opnd limit;	/* IR_NONE: all */
	bool over_buckets;	/* foreach (b in @hist(global[args])) */
};

struct ir_stmt {
	enum ir_kind kind;
	struct span at;
	struct ir_stmt *next;
	struct ir_slot *dst;	/* or NULL */
	enum ir_op op;
	struct ir_opnd a, b;
	struct ir_opnd *args;	/* keys, call and print arguments */
	size_t nargs;
	struct ir_global *global;
	struct ir_function *fn;
	const char *name;	/* IR_CALL: built-in; also args' types: */
	const char *arg_types;	/* IR_CALL, IR_PRINT, IR_FORMAT: "lsl" */
	unsigned where;		/* IR_CALL: IR_IN_KERNEL, IR_IN_LOADER */
	int64_t num;		/* register, argument, address, offset */
	uint8_t size;		/* IR_LOAD: 1 2 4 8 */
	bool is_signed, want_old;
	bool in_process;	/* IR_CALL: looks at the process, in the frame */
	bool peek;		/* IR_GET of a long: without the lock */
	uint32_t cap;		/* strings out of IR_CALL: most bytes with the
				   NUL; 0: string_len. IR_LOAD_MEM: bytes */
	enum ir_space space;
	int stat;		/* STB_ST_* */
	int format;		/* IR_PRINT, IR_FORMAT */
	struct ir_formats *by_site;	/* IR_PRINT, IR_WORDS: format of each
				   site, where sites that share the handler
				   differ in it */
	int err;		/* format id of the fault's message; -1: it
				   cannot fault */
	int cost;		/* IR_LOOP, IR_FOREACH: script statements a
				   turn */
	struct ir_stmt *body, *other;
	struct ir_foreach *each;
	struct ir_stmt **link;	/* lower.c: what points to it */
};

enum { IR_IN_KERNEL = 1, IR_IN_LOADER = 2 };

/* Arrays of the compiler's own that the loader fills: tasks by tid, programs by
   the numbers of their files and devices (lower_task.c). */
enum ir_filled { IR_FILLED_NOT, IR_FILLED_TASKS, IR_FILLED_FILES };
enum ir_value { IR_V_LONG, IR_V_STRING, IR_V_STAT };
struct ir_global {
	const char *name;
	struct span at;
	int index;		/* map id for arrays and aggregates */
	enum ir_value value;
	size_t nkeys;		/* 0: scalar (or scalar aggregate) */
	enum ir_type *keys;
	int64_t max_entries;
	bool wraps, hidden;	/* hidden: made by the compiler (@entry) */
	enum ir_filled filled;
	int64_t init_num;
	const char *init_str;
	unsigned stat_ops;	/* 1u << STB_ST_* */
	int64_t hist_lo, hist_hi, hist_step;
	/* by ir.c: */
	bool in_kernel, in_loader;	/* who touches it */
	bool read_in_kernel;		/* an aggregate, by a kernel handler */
	bool walked_in_kernel;		/* foreach, by a kernel handler */
	bool cleared_in_kernel;		/* deleted as a whole, the same */
	bool evicts_in_kernel;		/* it wraps, and kernel handlers store */
	bool constant;		/* no handler writes it */
	bool only_added;	/* shared, no lock: kernel handlers write it by
				   IR_MODIFY ADD and SUB alone, so that what a
				   loader handler stores is a difference */
	int lock;		/* number of its lock, -1: none needed */
	uint32_t *key_caps;	/* arrays, string keys: bytes with the NUL that
				   are enough for every key used */
	uint32_t value_cap;	/* the same of string values */
	struct ir_global *next;
};

struct ir_function {
	const char *name;
	struct span at;
	struct ir_slot **params;
	size_t nparams;
	bool has_result;
	enum ir_type result;
	struct ir_slot *slots;	/* all, params too */
	int nslots;
	struct ir_stmt *body;
	bool recursive;
	bool may_look;		/* privilege.c: into the kernel, for what is
				   the process's own */
	bool needs_regs;	/* it or what it calls reads registers */
	bool in_kernel, in_loader;	/* by ir.c */
	const char *c_body;	/* in C, without statements: modules alone */
	struct span c_at;
	const char **param_names;	/* ... what the script calls them */
	int c_err;		/* ... format id of what it raises: a string */
	uint32_t result_cap;		/* by ir.c: strings, with the NUL */
	bool needs_frame;		/* by ir.c: has strings, itself or below */
	struct ir_function *next;
};

/* How a handler is reached; the words of docs/plan.md. */
enum ir_prog {
	IR_LOADER,		/* begin end error timer */
	IR_KPROBE,		/* pt_regs: kprobe kretprobe uprobe uretprobe */
	IR_FENTRY, IR_FEXIT, IR_RAW_TP,
	IR_PERF_EVENT,		/* struct bpf_perf_event_data */
	IR_NETFILTER,		/* struct bpf_nf_ctx */
	IR_SYSCALL,		/* called by one of two raw_tp programs, by
				   the number of the system call */
};
enum ir_when { IR_WHEN_NONE, IR_BEGIN, IR_END, IR_ERROR, IR_TIMER,
	       IR_READ, IR_WRITE,
	       IR_CONDITION };	/* whether to attach the sites of `guards` */
enum ir_attach { IR_AT_NONE, IR_AT_KPROBE, IR_AT_KRETPROBE, IR_AT_FENTRY,
		 IR_AT_FEXIT, IR_AT_RAW_TP, IR_AT_UPROBE, IR_AT_URETPROBE,
		 IR_AT_PERF_EVENT, IR_AT_NETFILTER, IR_AT_SYS_ENTER, IR_AT_SYS_EXIT,
		 IR_AT_TASKS };

const char *ir_attach_name(enum ir_attach a);	/* ir.c: "kprobe" */

struct ir_event {		/* docs/stb-format.md, EVENTS */
	uint32_t type, flags;
	uint64_t config, rate;
	uint32_t access, length;	/* breakpoints */
};

struct ir_file {		/* docs/stb-format.md, FILES */
	const char *path;
	uint32_t mode, max_size;
};

struct ir_site {		/* where a handler is attached; plan `site` */
	const char *name;	/* canonical probe point */
	enum ir_attach attach;
	const char *symbol;	/* kernel symbol, tracepoint name, or NULL */
	bool by_address, optional;
	bool is_absolute;	/* by address: it is where it is, not moved */
	bool within;		/* a kernel function, not at its entry: one
				   call cannot attach many of those */
	bool in_module;		/* symbol and offset are those of build */
	uint64_t addr, offset;
	int build;		/* index of ir->builds, -1 */
	int64_t maxactive;
	uint64_t cookie;	/* IR_COOKIE's value */
	const struct ir_event *event;	/* IR_AT_PERF_EVENT, _NETFILTER */
	uint64_t semaphore;	/* IR_AT_UPROBE: in the file; 0: none */
	const uint16_t *calls;	/* IR_AT_SYS_*: numbers; NULL: all that
				   no other site has */
	size_t ncalls;
	bool compat;		/* ... of 32-bit programs */
	bool with_target;	/* attached in sessions with a target alone */
	bool in_tasks;		/* IR_AT_PERF_EVENT: in processes of build, whose
				   start was linked to offset */
	bool at_end;		/* of a task: before it is forgotten */
	struct ir_site *next;
};

enum ir_lock_mode { IR_LOCK_READ, IR_LOCK_WRITE };
struct ir_lock {
	struct ir_global *global;
	enum ir_lock_mode mode;
};

struct ir_handler {
	const char *name;	/* "h0" */
	struct span at;
	enum ir_prog prog;
	uint32_t btf_id;
	int nargs_btf;		/* fexit: index of the return value */
	enum ir_when when;
	int64_t order;
	uint64_t period_ns, random_ns;
	struct ir_file file;	/* IR_READ, IR_WRITE */
	const struct ir_handler *guards;	/* IR_CONDITION */
	bool guarded;
	struct ir_site *sites, **sites_tail;
	struct ir_slot *slots;
	int nslots;
	struct ir_stmt *body;
	const char *printed;	/* the body as text, formats left out where
				   sites may differ in them */
	size_t nprinted;
	bool user_regs;		/* uprobe: registers and memory are the task's */
	bool is_early;		/* runs from when it is attached on, whatever
				   the session's state */
	int task_arg;		/* of a tracepoint: the argument that is the task
				   it runs for; 0: the current one */
	/* by ir.c: */
	struct ir_lock *locks;	/* by ascending lock number */
	size_t nlocks;
	struct ir_stmt *lock_at;	/* taken before this one, of the body;
					   NULL: before the first */
	bool needs_frame;	/* strings, or long slots that must live there */
	bool one_print;		/* exactly one IR_PRINT, not in a loop */
	struct ir_handler *next;
};

/* IR_SYSTEM: a command for the shell; IR_SWITCH: the next file of output;
   IR_VALUE: a global that is shown at the end (display.c) */
enum ir_channel { IR_OUT, IR_ERROR_MESSAGE, IR_WARN, IR_LOG, IR_SYSTEM,
		  IR_SWITCH, IR_VALUE };

struct ir_format {
	const char *text;
	size_t len;
	const char *args;	/* "lsl" */
	int channel;		/* enum ir_channel */
	size_t caught_len;	/* of a fault's message: what catch gets of it,
				   without the place; 0: all */
};

struct ir_names {		/* of sites that share a handler, by cookie */
	VEC(const char *) v;	/* [0] is ""; cookies begin with 1 */
	uint32_t cap;		/* of the longest, with the NUL */
};

/* How a probe fires, for what looks at the kernel's stack: as in runtime/rt.h.
   At a function's entry it is the function's address, at its return the same
   with IR_WAY_RETURN set to 0. Of a program's stack it is 0, or at a return
   IR_WAY_RETURN set to 1. */
enum ir_way { IR_WAY_NONE, IR_WAY_PC, IR_WAY_REGS, IR_WAY_TRACE };
#define IR_WAY_RETURN INT64_MIN
struct ir_trace {		/* link-time addresses of what a tracepoint calls
				   on the way to a program; 0: not known */
	uint64_t from[3], size[3];
};
enum { IR_SYM_NAMES = 1, IR_SYM_LINES = 2 };

/* What handlers ask of the process that they run in. */
enum {
	IR_USER_PLACES = 1,	/* which build an address is of */
	IR_USER_UNWIND = 2,	/* the stack */
	IR_USER_NAMES = 4,	/* names, in kernel handlers */
	IR_USER_SEEN = 8,	/* loader handlers ask, too */
	IR_USER_LINES = 16,	/* names with lines, printed */
};
struct ir_user {		/* offsets in the kernel's structs */
	int64_t vma_start, vma_end, vma_pgoff;
	int64_t task_mm, mm_xol, xol_vaddr, task_utask, utask_returns;
	int64_t return_next, return_stack, return_address, return_func;
	bool has_returns;	/* all but the first three are known */
};

struct ir_build {
	const char *path;
	uint8_t id[20];
	uint8_t id_len;
	bool is_module;		/* of the kernel; path is its name */
	bool is_path;		/* whatever build is there: no places in it */
};

/*
 * Text of a system call's arguments as a value (runtime/words.h): one piece after
 * the other, up to IR_W_END. A value comes from register 0 to 6 of the call, an
 * operand, or the struct that the last IR_W_STRUCT has read; `cut` is how much of it.
 */
enum ir_piece_kind {
	IR_W_END,
	IR_W_TEXT,	/* texts from `at` on */
	IR_W_NUMBER,	/* how: d u x o */
	IR_W_POINTER,	/* "NULL" or hexadecimal */
	IR_W_FLAGS,	/* n entries of the table from `at` on */
	IR_W_NAME,	/* the same, in order; how: what has no name */
	IR_W_BITS,	/* the same: "[A B]" */
	IR_W_QUOTED,	/* a string, or its address */
	IR_W_BUFFER,	/* of from2 bytes */
	IR_W_MODE,	/* how open()'s flags, from2, are */
	IR_W_STRUCT,	/* `offset` bytes; else its address, and n pieces less */
	IR_W_STRINGS,	/* how: bytes of a pointer */
	IR_W_SOCKADDR,
	IR_W_RESULT,	/* how: d x o; the table of errors */
};
enum { IR_W_OPERAND = 8, IR_W_MEMBER = 16 };	/* from */
enum { IR_W_ALL, IR_W_INT, IR_W_UINT, IR_W_INT16, IR_W_PAIR,	/* cut */
       IR_W_SIGNED = 0x80 };		/* of a member: its bytes, and this */
struct ir_piece {
	enum ir_piece_kind kind;
	uint8_t from, cut, how, from2, cut2;
	uint16_t offset;
	uint32_t at, n;
};
struct ir_word {
	uint64_t mask, value;
	uint32_t name;		/* where it is in texts */
};
struct ir_words {
	struct text texts;
	VEC(struct ir_word) table;
	VEC(struct ir_piece) pieces;	/* [0] is an end */
	struct dict tables, known;	/* where each begins, +1 */
};

struct ir_c {			/* C among the script's declarations */
	const char *text;
	struct span at;
};

struct ir {
	struct arena *mem;	/* the job's */
	VEC(struct ir_c) c;
	struct ir_handler *handlers;
	struct ir_function *functions;	/* callees first */
	struct ir_global *globals;
	VEC(struct ir_format) formats;	/* index is the id; equal ones once */
	VEC(struct ir_build) builds;
	VEC(struct ir_names) names;
	VEC(struct ir_trace) traces;
	struct ir_words words;
	unsigned symbols;	/* IR_SYM_*: tables that the loader needs */
	unsigned user;		/* IR_USER_* */
	struct ir_user in_kernel;	/* ... where */
	uint64_t image, image_size;	/* of the kernel, for its symbols; 0: not
				   known */
	VEC(const struct regex *) regexes;	/* regex.h */
	bool keeps_matches;	/* they are tagged: a run knows its last match,
				   whose groups built-ins read */
	bool has_points;	/* numbers with one: runtime/fp.h */
	uint32_t string_len;
	int64_t max_action, max_action_user, max_nesting;
	int64_t max_entries, max_errors, max_skipped;
	int64_t overload_interval, overload_most;	/* cycles; 0: any */
	bool untimed;		/* handlers of a module have no most actions */
	int nlocks;
	bool module;		/* by lower.c: all handlers are a module's */
	bool needs_slide;
	int64_t task_status;	/* offset of thread_info.status in task_struct;
				   0: no 32-bit programs */
	struct ir_own {		/* handlers see their user's processes alone:
				   offsets in struct task_struct, cred and
				   mm_struct, for runtime/bpf/engine.h */
		bool on;
		uint64_t cred, suid, euid, mm, flags;
	} own;
	/* offsets in task_struct, for handlers with a task_arg */
	int64_t task_tid, task_pid, task_comm;
	bool loader_reads;	/* by ir.c: loader handlers read memory of the
				   kernel */
	/* kernel facts the emitter and ir_check may use */
	bool has_kernel, has_loader;
};

/* lower.c helpers */
int ir_format_id(struct arena *mem, struct ir *ir, const char *text, size_t len,
		 const char *args, int channel);

/* ir.c: fills the "by ir.c" fields; then complains of what the engine that a
   handler runs on cannot do (E_ENGINE, with the engine that can). */
bool ir_finish(struct job *j, struct ir *ir);
void ir_sink_locks(struct ir *ir);	/* a part of it */
/* ir_own.c, too: reads it memory of its user's processes alone? */
bool ir_own_check(struct job *j, const struct ir *ir);
/* Does C name the macro of that global, "STAP_GLOBAL_GET_" or "..._SET_"? */
bool ir_c_uses(const char *c, const char *macro, const char *global);
void ir_print(const struct ir *ir, FILE *out);
/* Statements alone: equal text, equal meaning. */
void ir_print_body(const struct ir_stmt *s, struct text *t);

/*
 * emit.c. Layout first: what the plan must say about memory, then C for the
 * kernel engine (kernel) and for the loader's, empty when there is nothing
 * for it. Both see the same layout.
 */
struct ir_layout_map {		/* a `map` line of the plan */
	uint32_t id;
	const char *name, *type, *keys;	/* "hash", "ls16" or "" */
	char value;			/* 'l' 's' 'x', 0: the runtime's */
	uint32_t key_size, value_size, max_entries, flags, stat_ops;
	int64_t hist_lo, hist_hi, hist_step;
	const struct ir_global *global;	/* NULL: the runtime's */
};
struct ir_layout_global {	/* a `global` line: scalars in the region */
	const struct ir_global *global;
	uint32_t offset, size;
};
struct ir_layout {
	uint32_t globals_size, frame_size, frame_levels, user_stack;
	VEC(struct ir_layout_map) maps;
	VEC(struct ir_layout_global) globals;
};
void emit_layout(struct arena *mem, const struct ir *ir, struct ir_layout *lay);
void emit_c(struct arena *mem, const struct ir *ir, const struct ir_layout *lay,
	    bool kernel, const char *script_name, struct text *out);
/* Handlers of system calls that are attached there, of which a program takes so
   many; the names of its parts, NULL behind the last, and of the tracepoint. */
size_t emit_calls(const struct ir *ir, enum ir_attach at);
const char *emit_calls_name(struct arena *mem, const struct ir *ir,
			    enum ir_attach at, size_t part);
const char *emit_calls_point(enum ir_attach at);
/* What clang needs besides -I runtime/bpf (or runtime/user) -I runtime: in
   this order, NULL at the end. */
extern const char *const emit_clang_flags[];
/* Largest frame that the kernel can give: more is E_ENGINE. */
enum { IR_MAX_FRAME = 32768 };

#endif
