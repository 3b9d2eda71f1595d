/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format.h - SystemTap's printf, its charts, and where text goes. One
 * formatter for records of the kernel's handlers and for the interpreter.
 */
#ifndef LOADER_FORMAT_H
#define LOADER_FORMAT_H

#include <signal.h>

#include "bundler/fold.h"
#include "loader/sys.h"
#include "runtime/abi.h"
#include "runtime/sink.h"

struct files;
struct history;

void sink_put(struct sink *s, const char *text, size_t n);
void sink_puts(struct sink *s, const char *text);
void sink_pad(struct sink *s, char c, int64_t n);

/* Who knows what is at an address: symbols.c. Writes it; false: nothing is
   known, in the one style that has no number for it. */
struct namer {
	bool (*put)(const struct namer *n, struct sink *to, uint64_t addr,
		    enum stb_sym_style style);
	/* The same of a process's; place: runtime/abi.h. */
	bool (*put_user)(const struct namer *n, struct sink *to,
			 struct stb_user_addr at, enum stb_sym_style style);
	const void *data;	/* tables */
	const int *builds;	/* what handlers know of processes, or NULL */
	void *kernel;		/* who to ask of what is in none */
};
/*
 * Directives of SystemTap's printf; docs/language.md has them. `*` takes a
 * number from the arguments. %m and %M take the bytes as a string. Too few
 * arguments count as zeroes: the compiler has checked.
 */
void format_text(struct sink *to, const struct namer *names, const char *text,
		 size_t text_len, const struct arg *args, uint32_t nargs);
/* Numbers in hexadecimal with blanks between, a line each; a sink that has no
   more room gets whole lines. */
void format_addresses(struct sink *to, const struct namer *names,
		      const char *s, size_t n, enum stb_sym_style style);
/* The same of a process's; pid 0: of whatever process they were seen in. */
void format_user_addresses(struct sink *to, const struct namer *names,
			   const char *s, size_t n, int64_t pid,
			   enum stb_sym_style style);

/* print(@hist_log(x)), print(@hist_linear(x, lo, hi, step)): the chart, with
   an empty line behind. n buckets as in runtime/abi.h. */
void format_hist_log(struct sink *to, const uint64_t *buckets, uint32_t n);
void format_hist_linear(struct sink *to, const uint64_t *buckets, uint32_t n,
			int64_t lo, int64_t step);

/* --format; encode.h */
enum form { FORM_TEXT = 0, FORM_NDJSON, FORM_FOLDED, FORM_CHROME };

/* Where what is printed came from, if it came with a stamp. */
struct origin {
	bool known;
	uint64_t time;		/* CLOCK_MONOTONIC, ns */
	int32_t pid, tid;
	uint32_t cpu;
};

struct printed;
struct charted;

/* Where a session's text goes: -o FILE or stdout, and stderr, in order. */
struct output {
	struct sink out, err;	/* first, so that `full` finds its output */
	struct sink command;	/* of system() */
	struct sink head;	/* of a file, or its tail */
	int fd;
	bool broken;		/* the reader went away or the disk is full */
	int error;		/* why, an errno */
	int stuck;		/* an errno: a recorder's file takes no more, and it
				   goes on in memory until the next file does */
	struct namer names;	/* of addresses */
	/* a reader may be slow: with this mask a write can be interrupted, and
	   from the second signal counted on, what has no room is left unwritten;
	   NULL: not wanted */
	const sigset_t *mask;
	const volatile sig_atomic_t *stops;
	/* -F: all text goes here, too; detached: nobody sees stderr, errors go
	   where the output goes */
	struct history *history;
	bool detached;
	struct history *warnings;	/* instead of stderr, or NULL */
	int shell;		/* runner.c's, for system(); -1: none */
	struct files *files;	/* where fd gets its next file from, or NULL */
	uint64_t messages;	/* so far */
	/* of forms other than text */
	enum form form;
	struct sink text;	/* the message on its way */
	struct fold *fold;
	const char *identity;	/* members of JSON for a head, or NULL */
	struct origin from;
	int64_t wall_offset;	/* CLOCK_REALTIME - CLOCK_MONOTONIC, ns */
	int32_t pid;
	struct bulk *bulk;	/* -b, or NULL; bulk.h */
};
void output_init(struct output *o, int fd);
/* Another form than text, from before the first message on. */
void output_form(struct output *o, enum form form);
/* The first file's head, once it is sure that there will be output. */
void output_start(struct output *o);
/* Where lines about the session go, in forms that have them. */
static inline bool output_has_lines(const struct output *o)
{
	return o->form == FORM_NDJSON || o->form == FORM_CHROME;
}
/* A line about the session begins and ends; its sink. */
struct sink *output_line(struct output *o);
void output_line_end(struct output *o);
/* It begins the next file, if this one is full: to be called between samples. */
void output_flush(struct output *o);
bool output_is_full(const struct output *o);
/* To a file of o's; what fails breaks o. */
void output_write(struct output *o, int fd, const char *p, size_t n);
/* false: the next file cannot be opened, the present one goes on. */
bool output_next_file(struct output *o);
/* The sink of a channel, ready for the text of one message: what the other
   stream holds is written first. ERROR and WARN go to stderr with their prefix
   and end a line; LOG goes to the output as a line of its own; SYSTEM is run by
   the shell when it ends, and nobody waits for it. */
struct sink *output_begin(struct output *o, enum stb_channel channel);
void output_end(struct output *o, enum stb_channel channel);
/* The same, of a chart. */
void output_end_chart(struct output *o, const struct charted *c);
/* Message of a format of the bundle, begun and ended. */
void output_print(struct output *o, const struct stb_set *meta,
		  const struct stb_format *f, const struct arg *args,
		  uint32_t nargs);

#endif
