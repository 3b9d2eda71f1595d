/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vm.h - the interpreter of loader-run handlers (engine "user").
 *
 * In: a variant's META and UCODE sets, validated; the globals region; file
 * descriptors of maps that are in the kernel. Out: text into `out`, exit()
 * into the shared state. Whatever the code does, it stays in its memory.
 */
#ifndef LOADER_VM_H
#define LOADER_VM_H

#include "loader/format.h"
#include "loader/sys.h"

struct vm_env {
	const struct stb_set *meta, *ucode;
	void *globals;		/* limits.globals_size bytes, initialised; the
				   kernel's handlers may see the same bytes */
	const int *map_fds;	/* one a row of STB_T_MAPS; -1: it is the VM's
				   own (STB_MAP_LOADER, or no kernel code) */
	unsigned ncpus;		/* possible CPUs: parts of a per-CPU value */
	struct output *out;
};

struct vm *vm_new(const struct vm_env *env);
void vm_free(struct vm *vm);

struct vm_value {	/* $value of a file's probe */
	char *text;	/* cap bytes, n of them in use */
	size_t n, cap;
};
/* When it is over (now_ns()), soon after which a run ends; 0: never. */
void vm_set_end(struct vm *vm, uint64_t ns);
void vm_set_value(struct vm *vm, struct vm_value *v);	/* NULL: none */

enum vm_end {
	VM_DONE,
	VM_ERROR,	/* error() that nobody caught; the caller prints
			   vm_message() and counts it */
	VM_SKIPPED,	/* could not get a lock; the VM has counted it */
};
enum vm_end vm_run(struct vm *vm, uint32_t handler);	/* row of HANDLERS */
const char *vm_message(const struct vm *vm);
bool vm_armed(const struct vm *vm);	/* what ran was a condition that holds */

/*
 * Every element of every array and aggregate of the script as it is now, between
 * two runs: value is a long, value_size - 8 bytes of a string, or what the
 * functions below read.
 */
void vm_each_element(struct vm *vm,
		     void (*element)(void *arg, const struct stb_map *row,
				     const uint8_t *key, const void *value),
		     void *arg);
/* @count, @sum... by STB_ST_*; false: it was not asked for, or is empty. */
bool vm_stat(const struct stb_map *row, const void *value, int what,
	     int64_t *to);
uint32_t vm_stat_buckets(const struct stb_map *row);	/* 0: no histogram */
uint64_t vm_stat_bucket(const void *value, uint32_t i);

#endif
