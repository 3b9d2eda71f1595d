/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vm_in.h - what the files of the interpreter share: vm.c runs instructions,
 * vm_call.c the services that they call, vm_maps.c arrays and aggregates,
 * vm_shared.c those in the kernel, vm_table.c the elements themselves,
 * vm_each.c foreach, vm_peek.c memory of the kernel.
 */
#ifndef LOADER_VM_IN_H
#define LOADER_VM_IN_H

#include "loader/vm.h"
#include "runtime/abi.h"
#include "runtime/user/services.h"

/* --- elements ---------------------------------------------------------------- */

/*
 * Key, then value: a long, string bytes, or struct stb_stat and its buckets,
 * of all CPUs together. In order of insertion; what is taken out while a
 * foreach runs stays in memory until the run ends.
 */
struct entry {
	struct entry *chain;		/* of the hash */
	struct entry *prev, *next;	/* in order */
	uint64_t seq;
	uint64_t flags;			/* of who has the table */
	uint8_t bytes[];		/* key, then value, each 8-aligned */
};

struct table {
	uint32_t key_size, value_size;
	uint32_t n, nbuckets;		/* nbuckets: 0 or a power of 2 */
	struct entry **buckets;
	struct entry *first, *last;
};

void *table_value(const struct table *t, struct entry *e);
struct entry *table_find(const struct table *t, const void *key);
/* A new element, last in order, value zero; the key is not there yet. */
struct entry *table_add(struct table *t, const void *key, uint64_t seq);
void table_unlink(struct table *t, struct entry *e);
void table_clear(struct table *t);	/* frees all */

enum { ENTRY_DEAD = 1 };		/* taken out of vm_map.table */

/* --- arrays and aggregates ------------------------------------------------------ */

/*
 * One row of STB_T_MAPS. In the loader alone (fd -1), `table` is the array. In
 * the kernel, it is what this run has seen of it, which stays as it was then;
 * what the run stores goes to both.
 */
struct vm_map {
	const struct stb_map *row;
	int fd;
	uint32_t seq;			/* bytes before the value: 8 or 0 */
	uint32_t parts;			/* per-CPU values: CPUs, else 1 */
	uint32_t in_kernel;		/* elements at the last look */
	struct table table;
	bool complete;			/* the table has all there was */
	uint8_t *key;			/* a key made canonical; NULL: not an
					   array that code may name */
	uint8_t *raw;			/* parts, as the kernel gives them */
	uint8_t *value;			/* one on its way */
	int reset_fd;			/* see vm_shared.c; 0: not tried yet */
	struct table account;		/* see vm_shared.c: gone, then own */
};

enum { NO_LIMIT = -1 };
struct iterator {
	bool used;
	struct vm_map *map;
	struct entry **items;		/* in the order to go; or: */
	uint64_t *buckets;		/* of a copy, by number */
	uint32_t n, at;			/* at: of the next */
};

enum {
	MAX_ARGS = 128, MAX_LOCKS = 256, MAX_ITERATORS = 256, MESSAGE_SIZE = 4096,
	FRAME_BYTES = 512,	/* BPF stack of one function */
	VM_LOOK = 1 << 16,	/* work between two looks whether to go on */
};

struct frame_link;
struct vm {
	struct vm_env env;
	const struct stb_limits *limits;
	struct rows handlers, formats;
	const struct bpf_insn *insns;
	uint32_t ninsns;
	/* regions */
	uint8_t *stack, *frames, *globals;
	const uint8_t *rodata;
	uint32_t stack_size, frames_size, frames_used, globals_size;
	uint32_t rodata_size;
	uint32_t nesting;
	struct vm_map *maps;
	uint32_t nmaps;
	struct entry *grave;		/* taken out during this run, by chain */
	struct iterator iterators[MAX_ITERATORS];
	uint32_t niterating;
	struct arg args[MAX_ARGS];
	uint32_t nargs;
	struct { uint32_t number, mode; } held[MAX_LOCKS];
	uint32_t nheld;
	int had_policy;			/* of the scheduler, before we held any */
	bool is_shared;			/* the kernel's handlers run, too */
	struct frame_link *links;	/* of calls, by depth */
	uint64_t patience;		/* jumps that a run may take */
	uint64_t work;			/* since the last look, as jumps */
	uint64_t end;			/* see vm_set_end(); 0: none */
	uint64_t lock_wait_ns;		/* how long it waits for a lock */
	uint64_t quiet_ns;		/* see vm_shared.c */
	bool failed, skipped;
	bool armed;			/* a condition was asked, and holds */
	bool broken;			/* the code did what no code of ours
					   does; vm_message() says what */
	char message[MESSAGE_SIZE];
	size_t message_len;
	struct vm_value *value;		/* of the file that is served */
	char *text;			/* string_len bytes to work in */
	char *token_text, *token;	/* of tokenize(), what is left of it */
	uint64_t seed;
	uint64_t jiffy_ns;		/* 0: not known yet */
	int64_t first_jiffy;		/* when the clock was 0 */
	int peek_fd;			/* see vm_peek.c; 0: not tried yet */
};

enum { NAME_WORK = 1024 };	/* of a look for an address's name */
/* Of looking at so many bytes, as jumps. */
static inline uint64_t vm_work(uint64_t bytes)
{
	return bytes / 16;
}

/* Memory of the running code; NULL, and the run ends: vm_break() was called. */
void *vm_mem(struct vm *vm, uint64_t addr, uint64_t size);
void *vm_mem_write(struct vm *vm, uint64_t addr, uint64_t size);
/* A string; its length too. */
const char *vm_str(struct vm *vm, uint64_t addr, size_t *len);
void vm_put(struct vm *vm, uint64_t addr, uint64_t cap, const char *s, size_t n);
PRINTF_LIKE(2, 3) void vm_break(struct vm *vm, const char *fmt, ...);
/* The run ends: this host does not let us. */
PRINTF_LIKE(2, 3) void vm_cannot(struct vm *vm, const char *fmt, ...);

void vm_locks_release(struct vm *vm);
/* The service's result. */
uint64_t vm_call(struct vm *vm, uint32_t service, const uint64_t a[5]);
uint64_t vm_call_builtin(struct vm *vm, uint32_t service, const uint64_t a[5]);

void vm_maps_open(struct vm *vm);
void vm_maps_close(struct vm *vm);
void vm_maps_forget(struct vm *vm);	/* after a run: what it had seen */
/* kinds: of "lsx", those of values that will do. NULL: broken. */
struct vm_map *vm_map_at(struct vm *vm, uint64_t id, const char *kinds);
/* The key at an address, strings padded: m->key; NULL: broken. */
const uint8_t *vm_key(struct vm *vm, struct vm_map *m, uint64_t addr);
/* Element as this run sees it; NULL: none. */
struct entry *vm_find(struct vm *vm, struct vm_map *m, const uint8_t *key);
uint8_t *vm_value(const struct vm_map *m, struct entry *e);
/* Nonzero: full. */
int vm_store(struct vm *vm, struct vm_map *m, const uint8_t *key,
	     const void *value);
int vm_add(struct vm *vm, struct vm_map *m, const uint8_t *key, int64_t delta);
int vm_stat_add(struct vm *vm, struct vm_map *m, const uint8_t *key, int64_t v);
void vm_delete(struct vm *vm, struct vm_map *m, const uint8_t *key);
void vm_clear(struct vm *vm, struct vm_map *m);

/* vm_shared.c, for arrays in the kernel. With an account, what is ours is kept
   here; without, it is put into the kernel. */
bool vm_has_account(const struct vm_map *m);
size_t vm_raw_size(const struct vm_map *m);
struct entry *vm_share_look(struct vm_map *m, const uint8_t *key);
void vm_see_all(struct vm *vm, struct vm_map *m);	/* nothing for others */
void vm_share_add(struct vm_map *m, const uint8_t *key, const void *value);
int vm_share_put(struct vm_map *m, struct entry *e, const void *value);
void vm_share_delete(struct vm_map *m, struct entry *e);
void vm_share_close(struct vm_map *m);

/* Reading aggregates. 1: empty. */
int stat_get(const struct stb_map *row, const void *value, int what,
	     int64_t *to);
int64_t stat_count(const struct stb_map *row, const void *value);
uint32_t stat_buckets(const struct stb_map *row);	/* 0: no histogram */
uint64_t *stat_bucket(const void *value, uint32_t i);
void stat_enter(const struct stb_map *row, void *value, int64_t v);
void stat_merge(const struct stb_map *row, void *to, const void *from);
/* to -= seen; to: what was there when it was taken out. */
void stat_subtract(const struct stb_map *row, void *to, const void *seen);

/* vm_peek.c: STB_SVC_LOAD, STB_SVC_LOAD_STR, STB_SVC_TASK. */
uint64_t vm_peek(struct vm *vm, const uint64_t a[5]);
uint64_t vm_peek_text(struct vm *vm, const uint64_t a[5]);
uint64_t vm_current_task(struct vm *vm);
void vm_peek_close(struct vm *vm);

uint64_t vm_each(struct vm *vm, uint64_t map, uint64_t flags, int64_t limit,
		 uint64_t slice);
uint64_t vm_each_bucket(struct vm *vm, uint64_t map, uint64_t key,
			int64_t limit);
uint64_t vm_next(struct vm *vm, uint64_t it, uint64_t key);
struct entry *vm_element(struct vm *vm, uint64_t it, struct iterator **i);
void vm_each_end(struct vm *vm, uint64_t it);

#endif
