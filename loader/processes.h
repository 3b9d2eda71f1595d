/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * processes.h - what handlers in the kernel have to know of programs to name
 * addresses of a process and to walk its stack, and what they leave for those of
 * the loader: runtime/abi.h, struct stb_build.
 */
#ifndef LOADER_PROCESSES_H
#define LOADER_PROCESSES_H

#include "loader/sys.h"
#include "runtime/abi.h"

struct loader;

/* A map of type PAGES with all tables: its fd, or -errno. */
int processes_pages(struct loader *l, const char *name, bool names);
/* The builds into the hash; 0 or -errno. */
int processes_builds(struct loader *l, int fd);
/* Tables and builds into the module that is loaded; 0 or -errno. */
int processes_module(struct loader *l, bool names);

/* Where an address of a process is, by what handlers have seen (builds: the hash's
   fd, or -1); pid 0: of any. 0: nobody knows. */
uint64_t processes_place(int builds, uint32_t pid, uint64_t addr);
/* The mapping of a process that has an address now. The name is good until the
   next call. */
struct process_mapping {
	const char *name;
	uint64_t start, size;
};
bool processes_mapping(uint32_t pid, uint64_t addr, struct process_mapping *m);

#endif
