/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kmod.h - a variant whose code is a kernel module (engine "module"). The
 * module gives what BPF maps and programs, links and the interpreter give
 * otherwise; runtime/kmod/uapi.h is what it is asked with. kmod.c
 */
#ifndef LOADER_KMOD_H
#define LOADER_KMOD_H

#include "loader/loader.h"
#include "loader/vm.h"

static inline bool in_kmod(const struct loader *l)
{
	return l->variant->module;
}

/* May this process load modules here? Which ones, is judged (bundler/host.h). */
bool kmod_allowed(void);
/* Into the kernel: the module, its ring and globals region. */
void kmod_load(struct loader *l);
/* A site: 0, or an errno. */
int kmod_arm(struct loader *l, uint32_t site);
void kmod_disarm(struct loader *l, uint32_t site);
/* A site that is a breakpoint, in a task: a number for kmod_unwatch(), or -errno. */
int kmod_watch(struct loader *l, uint32_t site, pid_t tid, uint64_t addr);
void kmod_unwatch(struct loader *l, int number);
/* An element of an array of longs by longs, from `node` on: the number of the next;
   0: there is none. */
uint32_t kmod_next(const struct loader *l, uint32_t map, uint32_t node,
		   uint64_t *key, uint64_t *value);
/* A row of HANDLERS, in the kernel; what it prints is printed when this comes
   back. value: of a file's probe, or NULL. */
void kmod_run(struct loader *l, uint32_t handler, struct vm_value *value);
/* Prints what is in the ring, and what had no room there. */
void kmod_drain(struct loader *l);
/* Until no handler is in the middle of a run. */
void kmod_settle(const struct loader *l);
/* An element of an array that is the compiler's own, by the row of MAPS; what:
   STB_KMOD_GET... of uapi.h. 0, or an errno, negative. */
int kmod_map(const struct loader *l, uint32_t map, uint32_t what,
	     const void *key, void *value);
/* Each element of each of the script's arrays, in the order of insertion; values
   without their time. false: there is no memory for all of one. */
bool kmod_each_element(const struct loader *l,
		       void (*element)(void *arg, const struct stb_map *row,
				       const uint8_t *key, const void *value),
		       void *arg);
/* Tables of programs: n pages. The same. */
int kmod_pages(const struct loader *l, const void *pages, uint32_t n);
/* Hits that the kernel did not tell the module of. */
uint64_t kmod_missed(const struct loader *l);
/* All its probes; what it knows is there still. */
void kmod_detach(struct loader *l);
/* Detaches and unloads. */
void kmod_end(struct loader *l);

#endif
