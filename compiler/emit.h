/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit.h - what the files of the emitter share. emit.c lays the program out
 * and writes declarations, handlers and functions; emit_place.c decides where
 * slots live; emit_stmt.c writes statements, emit_out.c those that print.
 */
#ifndef STB_EMIT_H
#define STB_EMIT_H

#include "ir.h"
#include "runtime/abi.h"

/*
 * Where a slot lives. Kernel handlers keep what they can in C locals; what
 * crosses the body of a loop, and long strings, are in the frame. In the
 * loader, and in functions, all slots are in the frame, reached by `f`.
 */
enum place { IN_NOTHING, IN_LOCAL, IN_FRAME };

/* A handler or a function on its way into C. */
struct unit {
	const char *name;		/* "h0", "f_name" */
	const struct ir_handler *h;	/* one of the two */
	const struct ir_function *fn;
	const struct ir_slot *slots;
	const struct ir_stmt *body;
	struct {
		enum place place;
		int region;		/* of the first use */
		bool crosses;		/* used in more than one region */
		const struct ir_slot *as;	/* local of the same pool that it
					   shares, or itself */
		uint32_t room;		/* bytes, where it is not shared away */
	} *slot;			/* by number */
	bool loops;			/* has outlined bodies of loops */
	bool slots_in_frame;		/* any slot is there */
	bool needs_frame;		/* the run needs one: a kernel matter */
	bool prints;			/* itself or in what it calls */
	bool direct;			/* its one record goes to the ring */
	uint32_t each_size;		/* bytes of the frame for iterators */
	VEC(const struct ir_stmt *) walks;	/* foreach in the kernel */
	unsigned nregions, nlabels, nloops, neach, nformats;
	struct text bodies;		/* outlined, in order */
	bool locked;			/* its locks are taken, by here */
	bool out_used, early_used;	/* labels: the end; behind the locks' */
};

/* The innermost try around a statement, within its region. */
struct catcher {
	unsigned label;
	bool used;
	struct catcher *up;
};

/* The C function being written: the top of a unit or the body of a loop. */
struct region {
	int id;				/* 0: the top */
	struct text code;
	struct catcher *catcher;
	unsigned step;			/* label of `continue`; 0: none */
	bool step_used;
};

struct emit {
	struct arena *mem;
	const struct ir *ir;
	const struct ir_layout *lay;
	bool kernel;
	bool module;			/* kernel, too: all handlers in one file */
	struct unit *u;
	struct region *reg;
	int depth;			/* tabs */
	unsigned line;			/* of the last #line */
	struct unit *units;		/* functions first, then handlers */
	size_t nunits;
	struct sizes {			/* of the frame's buffers */
		uint32_t raise, cat, key, value, out;
		bool tokens;		/* what tokenize() keeps */
	} need;
};

/* --- emit.c ---------------------------------------------------------------- */

void emit_line(struct emit *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "f->x_1", or "x_1"; an operand as C: a number, a slot, a literal. */
const char *emit_slot(struct emit *e, const struct ir_slot *s);
const char *emit_opnd(struct emit *e, const struct ir_opnd *o);
const struct ir_layout_map *emit_map(struct emit *e,
				     const struct ir_global *g);
void emit_locals(struct emit *e, int region);
struct unit *emit_unit_of(struct emit *e, const struct ir_function *fn);

/* --- emit_module.c ---------------------------------------------------------- */

/* Does the handler run in the loader's context, of the module engine? */
bool emit_is_task(const struct emit *e, const struct ir_handler *h);
/* Called for each task that there is, not at a tracepoint. */
bool emit_is_iterator(const struct ir_handler *h);
/* Behind the handlers: how the kernel calls them, and the tables by which the
   generic part of a module finds everything. */
void emit_tables(struct emit *e, struct text *out);
/* A recursive function's frames, one a call. */
void emit_open_nested(struct emit *e, const struct ir_stmt *s,
		      const struct unit *callee);

/* --- emit_c.c: the script's own C --------------------------------------------- */

void emit_c_blocks(struct emit *e);
void emit_c_value(struct emit *e, const struct ir_stmt *s);	/* IR_C */
/* The body of a function in C, with the macros it may use. */
void emit_c_body(struct emit *e, const struct unit *u);

/* --- emit_place.c ---------------------------------------------------------- */

enum { SMALL_STRING = 64, SMALL_KEY = 64, SHORT_KEY = 32, SMALL_RECORD = 1024 };

void emit_place(struct emit *e, struct unit *u);
/* Is the slot in the frame, and the first there of those of its pool, which
   share `room` bytes? */
bool emit_first_of_pool(const struct unit *u, const struct ir_slot *s,
			uint32_t *room, unsigned *members);
uint32_t emit_round(uint32_t size);	/* up to a multiple of 8 */
/* Most bytes that the record of a statement's format takes. */
uint32_t emit_record_size(struct emit *e, const struct ir_stmt *s);
bool emit_small_key(struct emit *e, const struct ir_global *g);

/* --- emit_each.c: foreach and the like in the kernel ------------------------- */

/* Is it the kernel's BPF, where foreach is walks? */
bool emit_walks(const struct emit *e);
/* Bytes of the frame that a foreach has, and their declaration. */
uint32_t emit_each_size(struct emit *e, const struct ir_stmt *s);
void emit_each_frame(struct emit *e, const struct unit *u);
/* Before the loop, and at the start of its body `name`; `it` is its number. */
void emit_each_start(struct emit *e, const struct ir_stmt *s, unsigned it,
		     const char *limit);
void emit_each_element(struct emit *e, const struct ir_stmt *s, unsigned it,
		       const char *name);
/* What walks need of an array's types; `delete g`; a store, as C that is not 0
   where the array is full: what wraps makes room. */
void emit_each_types(struct emit *e, const struct ir_global *g);
void emit_each_clear(struct emit *e, const struct ir_global *g);
const char *emit_each_store(struct emit *e, const struct ir_global *g,
			    const char *store);

/* --- emit_regex.c ----------------------------------------------------------- */

/* What a frame has for the last match: bytes; and its sizes, as C. */
uint32_t emit_match_size(struct emit *e);
void emit_match_room(struct emit *e);
void emit_regexes(struct emit *e);

/* --- emit_syscall.c ---------------------------------------------------------- */

/* The program at a tracepoint of all calls, and the table by which it finds the
   handlers of one; behind them. */
void emit_dispatch(struct emit *e, enum ir_attach at, struct text *out);

/* --- emit_stmt.c, emit_out.c ----------------------------------------------- */

void emit_body(struct emit *e, const struct ir_stmt *s);
/* Control to where a fault of this place goes. */
void emit_leave(struct emit *e);
void emit_locks(struct emit *e);	/* of the handler */
/* Fault of a statement; value: C text of the message's argument, or NULL. */
void emit_fault(struct emit *e, const struct ir_stmt *s, const char *value);
/* Declares the key of a statement; C text of its address. */
const char *emit_key(struct emit *e, const struct ir_global *g,
		     const struct ir_opnd *keys);
void emit_print(struct emit *e, const struct ir_stmt *s);
void emit_format(struct emit *e, const struct ir_stmt *s);
/* One that the kernel's snprintf cannot do at once: it wants the frame's buffer. */
bool emit_is_wide_format(struct emit *e, const struct ir_stmt *s);
void emit_raise(struct emit *e, const struct ir_stmt *s);
/* Message of the caught fault of `s`, a try, into its dst. */
void emit_caught(struct emit *e, const struct ir_stmt *s);
/* error() whose record needs no buffer: no arguments, or one number. */
bool emit_simple_raise(const struct ir_stmt *s);

/* The id of a statement's format, as C: of a table, where sites differ in it. */
const char *emit_format_id(struct emit *e, const struct ir_stmt *s);

/* emit_words.c: arguments of system calls in words: what they are made of, bytes of
   each frame, the statement. */
void emit_word_tables(struct emit *e);
uint32_t emit_words_size(const struct ir *ir);
void emit_words(struct emit *e, const struct ir_stmt *s);

/* emit_user.c: what handlers need that look at the process: maps, bytes of each
   frame, offsets. */
void emit_user_maps(struct arena *mem, const struct ir *ir, uint32_t id,
		    struct ir_layout *lay);
uint32_t emit_user_size(const struct ir *ir);
void emit_user(struct emit *e);

#endif
