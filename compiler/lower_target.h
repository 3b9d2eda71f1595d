/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_target.h - what the files about target variables share: objects on
 * their way to being values, and where they begin.
 */
#ifndef STB_LOWER_TARGET_H
#define STB_LOWER_TARGET_H

#include "lower.h"

/* An object on its way to being a value. */
struct object {
	enum { AS_NUMBER, AS_MEMORY, AS_PIECES, AS_NOTHING } as;
	struct ctype *type;
	struct ir_opnd v;	/* number, or address */
	int64_t offset;		/* memory: from v */
	unsigned bit_at, bits;	/* part of a number or of what is in memory;
				   bits 0: all of the type */
	const struct loc *pieces;
	enum ir_space space;
	struct span at;		/* of the last step */
};

/* --- lower_target.c -------------------------------------------------------- */

/* Complains, unless it is a trial; false. */
bool PRINTF_LIKE(4, 5) oops(struct lower *l, struct span at,
			    const struct tag *tag, const char *fmt, ...);
bool is_number(const struct ctype *t);
struct ir_opnd address_of(struct lower *l, const struct object *o);
/* A link-time address of l->bin as it is now. */
struct ir_opnd read_address(struct lower *l, struct span at, int64_t n);
/* The object as a number: what a script sees of it. */
struct ir_opnd value_of(struct lower *l, const struct object *o);
/* What a pointer points to, as an object. */
bool follow(struct lower *l, struct object *o);
/* Are there target variables, of a place or of a tracepoint? */
bool has_variables(const struct lower *l);
/* What can be seen here, in order; NULL past the end. */
struct variable *variable_at(struct lower *l, size_t i);
bool no_variable(struct lower *l, struct span at, const char *name);
bool from_variable(struct lower *l, struct span at, const struct variable *v,
		   struct object *o);
/* A whole parameter at a return, which fexit still has; false: it is not. */
bool kept_argument(struct lower *l, struct span at, const struct variable *v,
		   struct object *o);
struct variable *find_variable(struct lower *l, const char *name);
/* All of a path; false: complained. */
bool find_object(struct lower *l, const struct expr *e, struct object *o);
enum ir_space space_of(const struct lower *l, const struct binary *b);
struct ctype *pointer_to(struct lower *l, struct ctype *to);

/* --- lower_ctype.c --------------------------------------------------------- */

/* The C type that e's value has; NULL: not known. */
struct ctype *ctype_of(struct lower *l, const struct expr *e);
/* Variables of a return probe are those of the entry. */
void see_entry(struct lower *l);
bool is_return_value(const struct expr *e);
/* Is it the address of what find_object() finds? */
bool is_address_of_object(const struct expr *e);

/* --- lower_pretty.c -------------------------------------------------------- */

/* Is it of the entry, and has to be kept until the return? */
bool is_of_entry(const struct lower *l, const struct expr *e);

/* False: this kind of handler has no registers, and l->needs_regs says so. */
bool need_registers(struct lower *l, struct span at);

#endif
