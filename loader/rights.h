/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rights.h - who started the loader and what he may run; docs/trust.md tells of
 * the groups. Where it is installed set-user-ID root or with file capabilities it
 * has more rights than its caller: it makes itself safe first of all, becomes
 * the caller but for a few capabilities, which it takes up for single calls, and
 * gives those back that a bundle does not need before it writes anything.
 */
#ifndef LOADER_RIGHTS_H
#define LOADER_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>

struct loader;

struct rights {
	bool raised;		/* more than the caller's own */
	uint32_t level;		/* enum stb_privilege: the least demanding
				   level of bundle that he may run */
	bool member;		/* of stapusr, if raised */
	char **environ;		/* the caller's, for what he has us run */
};

/* First of all: environment, descriptors, signals, limits; who it is. */
void rights_start(struct rights *r);
/* What is left of the rights is in force for single calls of the kernel, so that
   whatever is opened, read or written is so as the caller. Was it taken up, for
   rights_lower()? The caller's own is in force all the time. */
bool rights_raise(void);
void rights_lower(bool raised);
/* Dies where he is in no group that may use the loader. */
void rights_member(const struct rights *r);
/* ... where the options ask for what his level may not. */
void rights_options(const struct loader *l);
/* ... where the bundle's level is above his. */
void rights_bundle(struct loader *l);
/* Gives all back: where nothing is loaded. */
void rights_drop(const struct rights *r);
/* Keeps what the bundle needs to be loaded; for the run: to go on. */
void rights_keep(const struct loader *l, bool for_run);

/* A folder for sockets and pipes of this user's, which is made; false, and
   errno: it cannot be had. */
bool rights_folder(char *to, uint32_t size);

/* confine.c: from now on only system calls of a session are allowed. */
void confine(const struct loader *l);

/* runner.c: runs shell commands for a session that cannot any more: its
   socket. Has the caller's environment and none of the loader's rights. */
int runner_start(const struct loader *l);
/* What there is of -F goes to the background: so does what commands print. */
void runner_detach(int fd);
void runner_run(int fd, const char *command);

#endif
