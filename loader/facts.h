/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * facts.h - what this host is, for bundler/host.h's judge and for --describe.
 */
#ifndef LOADER_FACTS_H
#define LOADER_FACTS_H

#include "bundler/host.h"
#include "loader/loader.h"

/* What a few files of /proc and /sys tell, and a system call or two. */
void facts_read(struct host *h);
/* What has to be tried: with small programs of our own, which are gone then. */
void facts_try(struct host *h);
/* May the caller have programs loaded that are none of a bundle's? */
static inline bool is_trusted_caller(const struct loader *l)
{
	return l->rights.level == STB_STAPDEV;
}
/* The build at b->path, or of the module of that name, that is here. */
void facts_program(struct host_build *b);
void facts_module(struct host_build *b);
/* The builds that the bundle asks for, as they are here; nothing is said. */
void facts_builds(const struct loader *l, struct host *h);

/* --describe [PROGRAM...]: JSON on stdout; an exit code. */
int describe_host(struct loader *l);
/* --check: prints what is judged, an exit code. */
int check_told(struct loader *l, const struct host *h,
	       const struct host_bundle *b);

/* check.c: the run-time address of _stext where kallsyms shows it, or 0. */
uint64_t stext_shown(void);
/* The build-id of an open ELF file: its length, 0 when it has none. */
int file_build_id(int fd, uint8_t *id, size_t max);

#endif
