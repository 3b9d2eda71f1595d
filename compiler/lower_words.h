/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_words.h - between lower_words.c, which leaves words to the loader, and
 * lower_words_now.c, which makes them where they are wanted as a value.
 */
#ifndef STB_LOWER_WORDS_H
#define STB_LOWER_WORDS_H

#include "lower.h"

/* lower_words.c: statements of a piece, in a try: flag is 0 when they were all
   done, else those of `none` are 0 or "". */
struct trial {
	struct ir_slot *flag;
	struct ir_stmt *try;
	struct block back;
};
struct trial begin_trial(struct lower *l, struct span at);
void end_trial(struct lower *l, struct span at, struct trial *t,
	       struct ir_slot **none, size_t n);
/* A slot of its own for a value that a try makes. */
struct ir_slot *kept_slot(struct lower *l, struct span at, struct ir_opnd v);

/* lower_words_now.c: a string to append to, "" */
struct ir_slot *new_text(struct lower *l, struct span at);
/* "NULL" or hexadecimal */
struct ir_opnd pointer_now(struct lower *l, struct span at, struct ir_opnd v);
/* to .= sprintf(directive, v) unless flag */
void append_unless(struct lower *l, struct span at, struct ir_slot *to,
		   struct ir_slot *flag, const char *directive,
		   struct ir_opnd v);
/* `now`, which is put together between the two, is appended to `to` where
   flag is 0, else the address a. */
struct choice {
	struct shape_of_text now;
	struct ir_slot *to;
	struct block back;
};
struct choice begin_choice(struct lower *l, struct span at, struct ir_slot *to,
			   struct ir_slot *flag, struct ir_opnd a);
void end_choice(struct lower *l, struct span at, struct choice *c);

struct ir_opnd words_now(struct lower *l, struct span at, const char *table,
			 struct ir_opnd number);
struct ir_opnd mode_now(struct lower *l, struct span at, struct ir_opnd is_there,
			struct ir_opnd mode);
/* what: as the table of system calls has it */
struct ir_opnd result_now(struct lower *l, struct span at, struct ir_opnd v,
			  char what);
struct ir_opnd sockaddr_now(struct lower *l, struct span at, struct ir_opnd a);

#endif
