/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * encode.h - what a session tells, in another form than text (--format): lines
 * of JSON, a Chrome trace, folded stacks. docs/output.md is the schema.
 *
 * A file is a head, one line for each thing that is told, and a tail; any of its
 * lines makes sense by itself.
 */
#ifndef LOADER_ENCODE_H
#define LOADER_ENCODE_H

#include "loader/format.h"

/* By name; false: there is none of that name. */
bool form_of(const char *name, enum form *to);
const char *form_name(enum form f);

/* A format that was printed and its arguments. */
struct printed {
	const struct arg *args;
	uint32_t nargs;
	const char *value;	/* STB_VALUE: its format; or NULL */
};
/* An aggregate whose chart was printed. */
struct charted {
	const char *name;
	bool is_log;
	int64_t lo, step;	/* linear */
	const uint64_t *buckets;
	uint32_t n;
};

void encode_head(const struct output *o, struct sink *to, unsigned file);
void encode_tail(const struct output *o, struct sink *to);	/* of a file */
/* o->text, which came out of a channel; p and c: what it was made of, or NULL. */
void encode_message(struct output *o, struct sink *to, enum stb_channel channel,
		    const struct printed *p, const struct charted *c);
/* Something is counted: "lost", "skipped": so many more than last told. */
void encode_count(const struct output *o, struct sink *to, const char *what,
		  uint64_t more, uint64_t all);
struct tally {
	int status;
	uint64_t events, errors, skipped, lost, bad;
};
void encode_end(const struct output *o, struct sink *to, const struct tally *t);
/* A reader was too slow for what lies between: where `text` is lines. */
void encode_gap(const struct output *o, struct sink *to, uint64_t bytes);

#endif
