/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower.h - what the files of the lowering pass share: where they are in the
 * script and in the IR. lower.c has sites, handlers and statements,
 * lower_expr.c expressions, lower_print.c formats, lower_target.c target
 * variables, lower_ctype.c their types, lower_pretty.c their text.
 */
#ifndef STB_LOWER_H
#define STB_LOWER_H

#include "points/family.h"
#include "ir.h"

/* A value kept from a function's entry for its return: @entry(e), $param. */
struct capture {
	const struct expr *e;
	struct ir_global *map;	/* hidden, by key */
	struct ir_slot *value;	/* in the return handler */
	const char *text;	/* of e: equal ones are kept once */
	struct capture *next;
};

struct site_names {		/* what a table of names is of */
	const struct probe *probe;
	const char *what;	/* "pp" */
};

struct typed {			/* C type of what many handlers share */
	const void *of;		/* global, parameter, function */
	struct ctype *type;	/* NULL: none, or they do not agree */
	bool busy;		/* is being looked for */
};

/* One lowering of all of a job. */
struct lowering {
	struct job *j;
	struct arena *mem;
	struct ir *ir;
	struct ir_global **globals_tail;
	struct ir_function **functions_tail;
	struct ir_handler **handlers_tail;
	VEC(struct hidden *) hidden;
	VEC(struct site_names) names;	/* as ir->names */
	VEC(struct typed) typed;
	int nhandlers, nhidden;
	const struct probe *numbered;	/* whose sites are being numbered */
	uint64_t cookie;		/* of the last of them */
	bool many;			/* they share their handlers */
	bool sees_frames;	/* lower_caller.c: nothing may hide them */
	struct ir_global *tasks, *files;	/* lower_task.c's; NULL: none */
	struct span tasks_at;
	bool watches;		/* tasks: which executed their program */
	bool tells_seen;	/* tasks: which began in the session */
};

/* Inside of one handler or function. */
struct lower {
	struct lowering *all;
	struct job *j;
	struct arena *mem;
	struct ir *ir;
	struct site *site;	/* NULL in a function */
	const struct function *function;
	struct ir_function *ir_fn;
	const struct stmt *body;	/* whole script body: for types */
	enum ir_prog prog;
	bool is_return;		/* a handler at a function's return */
	bool at_entry;		/* the entry side of a return site */
	struct place *place;	/* whose variables are seen; or NULL */
	struct binary *bin;	/* types of @cast without a module */
	enum ir_space space;	/* of what variables point to */
	uint64_t cookie;	/* number of the site; 0: there is no need to
				   tell it from its probe's others */
	bool many;		/* shares its handler: names are looked up */
	bool needs_regs;	/* out: fentry or fexit will not do */
	struct span regs_at;	/* where they were wanted first */
	const char *reading;	/* what reads memory, for its faults; NULL: an
				   expression */
	bool is_condition;	/* of a point, as a handler of its own */
	bool peeking;		/* the condition of a kernel point: reads of
				   scalars take no lock */
	bool quiet, failed;	/* a trial: complaints only set failed */
	struct capture *captures, **captures_tail;
	struct ir_stmt **tail;	/* where the next statement goes */
	VEC(struct ir_stmt *) known;	/* reads whose values can be used again:
					   those before, of the blocks around */
	struct ir_slot *slots, **slots_tail;
	int nslots;
	unsigned nbusy;		/* string temporaries of this statement */
	VEC(struct var *) vars;		/* locals that have a slot here */
	VEC(const struct var *) typing;	/* whose C type is being looked for */
};

/* --- lower.c --------------------------------------------------------------- */

struct ir_opnd num_opnd(int64_t n);
struct ir_opnd slot_opnd(struct ir_slot *s);
struct ir_opnd lit_opnd(const char *s, size_t n);
/* A literal of the script as a value, cut at MAXSTRINGLEN. */
struct ir_opnd text_opnd(struct lower *l, const char *s, size_t n);
/* A new statement at the end of what is being made. */
struct ir_stmt *add(struct lower *l, enum ir_kind kind, struct span at);
/* lower_symbols.c: a function of the kernel's runtime, of one number or none. */
struct ir_stmt *lower_kernel_call(struct lower *l, struct span at,
				  const char *name, struct ir_slot *dst,
				  const struct ir_opnd *arg);
struct ir_stmt *add_into(struct lower *l, enum ir_kind kind, struct span at,
			 struct ir_slot *dst);
void add_move(struct lower *l, struct span at, struct ir_slot *dst,
	      struct ir_opnd a);
struct ir_opnd add_bin(struct lower *l, struct span at, enum ir_op op,
		       struct ir_opnd a, struct ir_opnd b);
struct ir_slot *new_slot(struct lower *l, enum ir_type type, const char *name);
struct ir_slot *temp_slot(struct lower *l, enum ir_type type);
struct ir_slot *var_slot(struct lower *l, struct var *v);
struct ir_global *global_of(struct lower *l, struct var *v);
/* Statements go to *list until leave(); NULL-ended. */
struct block {
	struct ir_stmt **tail;
	size_t nknown;
};
struct block enter(struct lower *l, struct ir_stmt **list);
void leave(struct lower *l, struct block back);
/*
 * The last statement, which reads what does not change in a run (registers,
 * memory, pid()): its value, or that of an equal one before, in whose place it
 * is then taken back.
 */
struct ir_opnd read_once(struct lower *l, struct ir_stmt *s);
/* Format of a fault: "WHAT near TOKEN at PLACE"; its argument types. */
int fault(struct lower *l, struct span at, const char *what, const char *args);
void lower_stmts(struct lower *l, const struct stmt *s);
/* As if the function, or the site's handler, were being lowered: to look at
   expressions of theirs. */
void look_from_function(struct lower *l, struct lowering *all,
			const struct function *f);
void look_from_site(struct lower *l, struct lowering *all, struct site *site);
struct ir_function *function_of(struct lower *l, struct function *f);
/* Is it set by a loop, a catch or a delete of the body? */
bool writes_loop_variable(const struct stmt *body, const struct var *v);
/* The value that e had at the entry, for handlers at a return. */
struct ir_opnd captured(struct lower *l, const struct expr *e);

/* --- lower_share.c ------------------------------------------------------------ */

/* Keeps the handler, or gives its site to one that does the same. */
struct ir_handler *keep_shared(struct lowering *all, struct ir_handler *h);

/* lower_globals.c */
void declare_global(struct lowering *all, struct var *v);
void init_limits(struct ir *ir, const struct limits *lim);
void limit_nesting(struct ir *ir, const struct limits *lim);


/* --- lower_expr.c ------------------------------------------------------------ */

/*
 * The value of e. Where that needs a place and `want` is not NULL (and not an
 * operand itself), the value is made there; the caller moves it otherwise.
 */
struct ir_opnd lower_into(struct lower *l, const struct expr *e,
			  struct ir_slot *want);
struct ir_opnd lower_expr(struct lower *l, const struct expr *e);
/* For what it does; the value is dropped. */
void lower_effect(struct lower *l, const struct expr *e);
/* dst = e */
void lower_assign(struct lower *l, const struct expr *e, struct ir_slot *dst);
/* A list of arguments; their types ("ls") too, if wanted. */
struct ir_opnd *lower_args(struct lower *l, const struct expr *args,
			   size_t n, const char **types);
/* Known at compile time (@defined, numbers, operators on them)? */
bool fold(struct lower *l, const struct expr *e, int64_t *value);
/* A string known at compile time, NULL if it is not. */
const char *fold_string(struct lower *l, const struct expr *e, size_t *len);
/* The name of number n in a list of literals, "a,b,c"; "" where there is none. */
struct ir_opnd listed_name(struct lower *l, struct span at, struct ir_opnd n,
			   const char *list);
/* Does evaluating e change locals? */
bool changes_locals(const struct expr *e);
/* X_STAT: its global and keys, into s. */
void stat_target(struct lower *l, const struct expr *e, struct ir_stmt *s);

/* Raises `what` if a <= b, as unsigned numbers. */
void raise_if_le(struct lower *l, struct span at, struct ir_opnd a,
		 struct ir_opnd b, const char *what);

/* --- lower_regex.c ----------------------------------------------------------- */

/* Before anything is lowered: does the program ask for groups? */
void find_groups(struct lowering *all);
struct ir_opnd lower_match(struct lower *l, const struct expr *e);
bool fold_match(struct lower *l, const struct expr *e, int64_t *v);
/* 1 where the text fits the expression, which must be one. */
struct ir_opnd match_text(struct lower *l, struct span at, struct ir_opnd text,
			  const char *regex);
/* matched(n) and its like; false: it is none of them. */
bool lower_group(struct lower *l, const struct expr *e, struct ir_slot *want,
		 struct ir_opnd *v);

struct shape_of_text;

/* --- lower_syscall.c --------------------------------------------------------- */

/* __arg_int(n) and its like; false: it is none of them. */
bool lower_syscall(struct lower *l, const struct expr *e, struct ir_opnd *v);
/* --- lower_regs.c ------------------------------------------------------------ */

/* int_arg(n), register("rdi") and their like; false: it is none of them. */
bool lower_registers(struct lower *l, const struct expr *e, struct ir_opnd *v);

/* --- lower_caller.c ---------------------------------------------------------- */

/*
 * Is there a site that asks who called its caller? The trampolines of fentry
 * and fexit hide that.
 */
bool frames_seen(const struct job *j);
/* Ends the run where the site is for callers, and this is another. */
void leave_other_callers(struct lower *l);
/* ... or for some functions of a script, and this is another: lower_texts.c. */
void leave_other_texts(struct lower *l);
/* __return_address(slot); false: it is another. */
/* lower_python.c: __py_NAME(), what the place of a Python function has. */
bool lower_python(struct lower *l, const struct expr *e, struct ir_opnd *v);
bool lower_return_address(struct lower *l, const struct expr *e,
			  struct ir_opnd *v);

/* --- lower_task.c ------------------------------------------------------------ */

/* Is a task over there? Does a new one begin, as which of the arguments? */
bool ends_task(const struct site *s);
int forks_task(const struct site *s);
/* Ends the run where the site is for other processes. */
void leave_other_tasks(struct lower *l);
/* When all sites are lowered: the handlers that keep track of tasks, where those
   are asked for. false: complained. */
bool track_tasks(struct lowering *all);
void find_task_members(struct lowering *all);

/* --- lower_words.c ----------------------------------------------------------- */

/* What variables that an alias of a system call sets stand for: var->meaning. */
void find_meanings(const struct stmt *body);
/* Is that the assignment of one? Nothing is to be done for it. */
bool sets_meaning(const struct expr *e);
/* __words() and its like: text of arguments. */
bool is_words(const struct expr *e);
/* A directive of an argument as it is in its register: the loader cuts it. False:
   it is no such argument. */
bool shape_raw(struct lower *l, struct shape_of_text *sh, const char *d,
	       size_t n, const struct expr *e);
void shape_words(struct lower *l, struct shape_of_text *sh,
		 const struct expr *e);
/* lower_syscall.c: $return of a system call, which has no other variables */
bool is_call_result(const struct lower *l, const struct expr *e);
struct ir_opnd call_result(struct lower *l, struct span at);
/* lower_syscall.c: register n */
struct ir_opnd read_call_arg(struct lower *l, struct span at, int64_t n);
/* lower_words_now.c: words, or the argstr of an alias, as a value */
bool is_words_now(struct lower *l, const struct expr *e);
struct ir_opnd words_now(struct lower *l, const struct expr *e,
			 struct ir_slot *want);
/* %o or %#o of v, as a string */
struct ir_opnd octal_now(struct lower *l, struct span at, struct ir_opnd v,
			 bool begins_with_0);

/* --- lower_print.c ----------------------------------------------------------- */

struct shape_of_text {		/* a format being put together */
	struct text format, types;
	VEC(struct ir_opnd) args;
	bool hold;	/* arguments may change variables read before them */
	bool early;	/* the handler formats it, not the loader: no groups */
};
void shape_init(struct lower *l, struct shape_of_text *sh);
void shape_text(struct shape_of_text *sh, const char *s, size_t n);
void shape_value(struct lower *l, struct shape_of_text *sh,
		 const char *directive, struct ir_opnd o, char type);
/* The text of e, formatted as late as can be. */
void shape_expr(struct lower *l, struct shape_of_text *sh,
		const struct expr *e);
struct ir_opnd shape_string(struct lower *l, struct shape_of_text *sh,
			    struct span at, struct ir_slot *want);
struct ir_opnd lower_print(struct lower *l, const struct expr *e,
			   struct ir_slot *want);
/* A record of it, on a channel. */
void shape_out(struct lower *l, struct shape_of_text *sh, struct span at,
	       enum ir_channel channel);
/* A message without text on a channel: it is asked for something. */
void print_nothing(struct lower *l, struct span at, enum ir_channel channel);
/* print of text on a channel: warn(), log() */
void print_text(struct lower *l, const struct expr *e, const char *behind,
		enum ir_channel channel);

/* --- lower_symbols.c ---------------------------------------------------------- */

/* e if it is text of addresses, as a directive; false: it is none. */
bool shape_symbols(struct lower *l, struct shape_of_text *sh,
		   const struct expr *e);
/* The same for a directive d like "%-20s". */
bool shape_padded_symbol(struct lower *l, struct shape_of_text *sh,
			 const char *d, size_t n, const struct expr *e);
/* addr(), print_backtrace() and the like; false: the runtime's to call. */
bool lower_symbols(struct lower *l, const struct expr *e, struct ir_opnd *v);
/* The message of such a call that fails, its argument's type; NULL: another. */
const char *symbol_failure(const struct builtin *b, const char **args);

/* What a built-in tells of an address or a stack, and the row of one that a call is;
   rows end with a NULL name. */
struct symbol_word {
	const char *name;
	unsigned style;		/* enum stb_sym_style */
};
const struct symbol_word *symbol_word_of(const struct symbol_word *rows,
					 const struct expr *e);

/* --- lower_user.c -------------------------------------------------------------- */

/* The same of programs, which lower_symbols.c asks. */
bool shape_user_symbols(struct lower *l, struct shape_of_text *sh,
			const struct expr *e);
bool shape_padded_user_symbol(struct lower *l, struct shape_of_text *sh,
			      const char *d, size_t n, const struct expr *e);
bool lower_user(struct lower *l, const struct expr *e);
/* Where a function of a program returns: IR_WAY_RETURN and its address; else 0. */
struct ir_opnd user_way(struct lower *l, struct span at);
const char *user_failure(const struct builtin *b, const char **args);

/* --- lower_target.c ---------------------------------------------------------- */

struct ir_opnd lower_target(struct lower *l, const struct expr *e);
/* @kregister, @uregister */
struct ir_opnd lower_register(struct lower *l, const struct expr *e);
/* Pieces of $x$, $$vars, ... */
void shape_target(struct lower *l, struct shape_of_text *sh,
		  const struct expr *e);
bool target_is_text(const struct expr *e);
bool target_is_defined(struct lower *l, const struct expr *e);
/* dst = str of memory at a; n: at most, or IR_NONE. */
struct ir_opnd load_string(struct lower *l, struct span at, struct ir_opnd a,
			   struct ir_opnd n, enum ir_space space,
			   struct ir_slot *want);
struct ir_opnd load_number(struct lower *l, struct span at, struct ir_opnd a,
			   int64_t offset, unsigned size, bool is_signed,
			   enum ir_space space);

/* lower_own.c: complains where the kernel does not tell. */
void lower_own(struct job *j, struct ir_own *own);

/* --- lower_c.c: the script's own C -------------------------------------------- */

void lower_c_function(struct lower *l, struct ir_function *fn,
		      const struct function *f);
struct ir_opnd lower_c(struct lower *l, const struct expr *e);
void lower_c_blocks(struct lowering *all);
/* e->a, a target variable, op= by (NULL: 1); its new value, or the old one. */
struct ir_opnd lower_write(struct lower *l, const struct expr *e, enum op op,
			   const struct expr *by, bool want_old);

/* --- lower_expr.c, for it ------------------------------------------------------ */

enum ir_op binary_op(enum op op);
struct ir_opnd arithmetic(struct lower *l, struct span at, enum ir_op op,
			  struct ir_opnd a, struct ir_opnd b,
			  struct ir_slot *want);

#endif
