/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record.h - the flight recorder (-F): a session that runs on by itself, keeps
 * its last output in memory, and answers those who ask for it.
 *
 * A recorder listens on /run/stap-load/NAME (rights_folder). Who connects sends one line:
 *
 *	status		one line of NAME=VALUE words comes back
 *	attach		what it keeps comes back, then all that is new
 *	dump		docs/dump.md comes back
 *	rotate		-o goes on in its next file; "ok" or why not
 *	stop		the session ends; what it still prints comes back
 *
 * A reader that is slow loses output, and the session never waits for it.
 */
#ifndef LOADER_RECORD_H
#define LOADER_RECORD_H

#include "loader/loader.h"

#include <poll.h>
#include <time.h>

enum { MAX_CLIENTS = 16 };

#define RECORD_NO_FILE "it has no -o FILE"	/* "rotate" is of no use */

/* Bytes that a terminal obeys become '?', in place. */
void record_clean(char *name);

/* The path of a recorder's socket; false: it is too long. An empty name: the
   folder of them. */
bool recorder_path(char *to, uint32_t size, const char *name);

/* main.c, before a file is opened: takes the name. */
void record_claim(struct loader *l);
/* Before anything is loaded: goes on in a child. What was the process waits, and
   ends as the child says. */
void record_start(struct loader *l);
/* The probes are armed: whoever started us may go. */
void record_ready(struct loader *l);
/* Descriptors to wait for: how many. max: MAX_CLIENTS + 1 at least. */
int record_poll(const struct loader *l, struct pollfd *fds);
/* When new clients will be let in; UINT64_MAX: they are. */
uint64_t record_due(const struct loader *l);
/* Serves who came; fds as record_poll() filled them. */
void record_serve(struct loader *l, const struct pollfd *fds, int n);
/* No more comes but what end probes print. */
void record_last_words(struct loader *l);
/* The session is over, with that exit status: sends what there is left to send.
   One that ended by itself and has no files goes on to answer until it is stopped. */
void record_end(struct loader *l, int status);
bool record_has_ended(const struct loader *l, int *status);

/* Of one whose process is gone: who still has its descriptors does not answer for it. */
void record_forsake(const struct loader *l);

time_t record_since(const struct loader *l);

/* control.c: the verbs that talk to recorders; an exit code. */
int control(const struct options *o);

/* dump.c: all that a recorder knows, as docs/dump.md has it; malloc'ed. */
#define END_OF_DUMP "{\"end\":true}\n"
char *dump_session(struct loader *l, size_t *size);

#endif
