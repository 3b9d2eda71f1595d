/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kmod.h - between the two parts of a module: what the script's part tells of
 * itself (struct stb_script), and what the generic part does for it. Kernel C.
 *
 * What holds: nothing here sleeps or takes a lock of the kernel's but where it
 * says so, so that handlers may run wherever a probe can be, in an NMI too.
 * Locks are words that are tried a bounded number of times.
 */
#ifndef STB_KMOD_H
#define STB_KMOD_H

#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/perf_event.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/uprobes.h>

#define STB_ABI_NO_STDINT
#ifndef INT64_MAX
/* not by way of the kernel's s64: handlers have slots of that name */
#define INT64_MAX 0x7fffffffffffffffLL
#define INT64_MIN (-INT64_MAX - 1)
#endif
#include "../abi.h"
#include "uapi.h"

/* --- arrays: map.c ---------------------------------------------------------- */

/*
 * Nodes are numbered from 0; their memory is there from the start. A node is in
 * the chain of its bucket and in the list of insertion, or in the list of those
 * that are free, whose oldest is taken first: who looked one up just before it
 * was taken out still finds what it was for a while.
 *
 *	+--------------+-----------------+-------------------+
 *	| struct       | key: key_size   | value: value_size |
 *	| stb_node     |                 | (seq first, if    |
 *	|              |                 |  not hidden)      |
 *	+--------------+-----------------+-------------------+
 *
 * Aggregates have their values beside, a block each CPU; what is in the node is
 * their seq alone. Who reads takes no lock; who puts in or takes out does.
 */
struct stb_node {
	u32 chain;		/* the next, or STB_END | bucket */
	u32 prev, next;		/* in the list; STB_END: none */
	u32 used;
};
#define STB_END 0x80000000u

struct stb_map {
	/* by the script's part */
	const char *name, *keys;	/* "ls16" */
	char value;			/* 'l' 's' 'x' */
	u32 key_size, value_size, max_entries;
	u32 flags;			/* STB_MAP_* below */
	u32 stat_ops;
	s64 hist_lo, hist_hi, hist_step;
	/* by map.c */
	u32 mask, stride, count;
	u32 first, last, free_first, free_last;
	u32 lock;			/* 0, or 1: someone has it */
	u32 *heads;
	char *nodes;
	char **percpu;			/* by CPU: value_size each node */
	u64 seq;			/* of the last insertion */
};
enum { STB_MAP_HIDDEN = 1, STB_MAP_WRAPS = 2, STB_MAP_SCALAR = 16 };

int stb_map_init(struct stb_map *m);
void stb_map_free(struct stb_map *m);
/* The node's value, made with `init` bytes of value (NULL: zeroes) if there is
   none; NULL: full. `hash` is the key's. */
char *stb_map_insert(struct stb_map *m, const u64 *key, u64 hash,
		     const void *init, u32 size);
void stb_map_delete(struct stb_map *m, const u64 *key, u64 hash);
void stb_map_clear(struct stb_map *m);
u64 stb_hash(const u64 *key, u32 size);
long stb_map_next(struct stb_map *m, const struct stb_kmod_next *a);
long stb_map_ask(struct stb_map *m, const struct stb_kmod_map *a);
/* All CPUs' parts of one: into `to`, struct stb_stat and buckets. 0: nothing
   is in it. */
s64 stb_stat_count(struct stb_map *m, const char *value);
long stb_stat_get(struct stb_map *m, const char *value, int what, s64 *dst);
long stb_stat_bucket(struct stb_map *m, const char *value, s64 bucket,
		     s64 *dst);
u32 stb_stat_buckets(const struct stb_map *m);
u64 stb_stat_bucket_sum(struct stb_map *m, const char *value, u32 i);

static __always_inline struct stb_node *stb_node_at(const struct stb_map *m,
						    u32 i)
{
	return (struct stb_node *)(m->nodes + (u64)i * m->stride);
}

static __always_inline u64 *stb_key_of(struct stb_node *n)
{
	return (u64 *)(n + 1);
}

static __always_inline char *stb_value_of(const struct stb_map *m,
					  struct stb_node *n)
{
	return (char *)(n + 1) + m->key_size;
}

static __always_inline u32 stb_index_of(const struct stb_map *m,
					const char *value)
{
	return (u32)((u64)(value - m->nodes) / m->stride);
}

/* --- foreach: each.c --------------------------------------------------------- */

struct stb_item {
	u32 node, order;
	u64 seq;
	s64 weight;
};
struct stb_each {
	u32 busy;
	u32 n, at;
	struct stb_map *map;
	const char *buckets;	/* value of the aggregate, over its buckets */
	char *value;		/* of the element it is at */
	struct stb_item *items;
};
int stb_each_init(u32 count, u32 items);
void stb_each_exit(void);
/* NULL: all are in use; it was counted. flags: RT_EACH of engine.h. */
struct stb_each *stb_each(struct stb_map *m, u64 flags, s64 limit,
			  const void *slice);
struct stb_each *stb_each_bucket(struct stb_map *m, const char *value,
				 s64 limit);
long stb_each_next(struct stb_each *e, void *key);
s64 stb_each_value(struct stb_each *e);
const char *stb_each_string(struct stb_each *e);
void stb_each_end(struct stb_each *e);

/* --- strings: text.c -------------------------------------------------------------- */

/* The last byte of a string's room is NUL for ever: nothing is written there but
   that. So who reads one of a global stays in its room, whatever another writes. */
/* Up to the NUL and cap - 1 bytes; how long it became. */
u32 stb_copy(char *dst, u32 cap, const char *src);
int stb_strcmp(const char *a, const char *b);
u32 stb_strlen(const char *s);
s64 stb_find(const char *s, const char *what);	/* -1: is not in it */
s64 stb_strtol(const char *s, u64 base);
/* `old` becomes `new`, through `room` bytes of `to`: dst may be one of them. */
void stb_replace_in(char *to, u32 room, char *dst, u32 cap, const char *s,
		    const char *old, const char *new);
void stb_change_case(char *dst, u32 cap, const char *s, int upper);

/* --- memory.c ------------------------------------------------------------------- */

/* At most cap - 1 bytes before the NUL; < 0: a bad address. */
long stb_read_str(char *dst, u64 cap, u64 address, int user);
long stb_read(void *dst, u64 size, u64 address, int user);
long stb_write(const void *src, u64 size, u64 address, int user);
s64 stb_random(s64 n);			/* below n */
s64 stb_ppid(void);

/* --- stack.c ---------------------------------------------------------------------- */

/* Up to `most` addresses, from the registers or (NULL) from the caller of this
   module; how many. */
u32 stb_stack(struct pt_regs *regs, u64 *to, u32 most);
s64 stb_uaddr(void);
void stb_symname(char *dst, u32 cap, u64 a);
void stb_symdata(char *dst, u32 cap, u64 a);
u32 stb_symline(char *dst, u32 cap, u64 a);
long stb_modname(char *dst, u32 cap, u64 a);	/* 1: nothing is known */

/* --- user.c: programs, for ../stacks.h -------------------------------------------- */

struct rt_user;
extern struct stb_map stb_builds;
int stb_user_init(void);
void stb_user_exit(void);
long stb_user_pages(const struct stb_kmod_pages *a);
void *stb_user_page(u32 number);
void stb_user_run_by(struct task_struct *task);	/* NULL: it is over */
void stb_user_put(const struct stb_build_key *key, const struct stb_build *b);
void stb_user_place(struct stb_kmod_place *a);
long stb_user_vma(struct rt_user *u, u64 addr);
long stb_user_regs(u64 *to, u32 words);

/* --- format.c: text as the loader makes it ----------------------------------------- */

/* SystemTap's printf, as loader/format.c has it; args: numbers, or addresses of
   strings, as `types` says. How long it became. */
u32 stb_format(char *dst, u32 cap, const char *format, const char *types,
	       const u64 *args);

/* The chart of a histogram: into dst (cap bytes with the NUL), or to put() in
   parts. 1: it is empty. */
long stb_chart(struct stb_map *m, const char *value, char *dst, u32 cap,
	       void (*put)(void *arg, const char *s, u32 n), void *arg);

/* --- records: ring.c ----------------------------------------------------------- */

int stb_ring_init(u32 size);
void stb_ring_exit(void);
/* NULL: no room. What is written becomes a sample by stb_submit. */
void *stb_reserve(u32 size);
void stb_submit(void *p);
/* Nonzero: no room. */
long stb_output(const void *p, u32 size);
/* The same of a run in the loader's context: what has no room is kept. */
long stb_output_kept(const void *p, u32 size);
/* A record of text as it is: STB_REC_TEXT. */
long stb_output_text(const char *s, u32 n, bool kept);
u64 stb_flush_kept(void);
void stb_wake(void);			/* a record that says: look */

/* --- sites: attach.c, and a file each kind --------------------------------------- */

struct stb_site {
	u64 cookie;			/* first: what tracepoints get */
	const struct stb_prog *prog;
	u32 number, prog_number;
	u16 attach;
	union {
		struct kprobe kp;
		struct kretprobe rp;
		struct {
			struct uprobe_consumer uc;
			struct inode *inode;
			void *uprobe;
			u64 offset;
		};
		struct tracepoint *tp;
		struct {
			struct perf_event **events;
			u32 nevents;
		};
		void *hook;
	};
	char *symbol;			/* kprobes: their own copy */
};

struct stb_task {			/* a run in the loader's context */
	void *frame;
	bool may_sleep;			/* it takes no locks */
	char *value;			/* $value of a file; NULL: none */
	u32 value_len, value_cap;
};

struct stb_prog {
	const char *name;
	int (*kprobe)(struct kprobe *p, struct pt_regs *regs);
	int (*kretprobe)(struct kretprobe_instance *ri, struct pt_regs *regs);
	int (*uprobe)(struct stb_site *s, struct pt_regs *regs, u64 func);
	void *raw_tp;
	perf_overflow_handler_t perf_event;
	unsigned int (*netfilter)(void *site, void *skb, const void *state);
	int (*task)(struct stb_task *t, u64 cookie);
	bool locks;			/* a task that takes locks */
};

/* --- the script's part ------------------------------------------------------------ */

struct stb_script {
	struct stb_shared *shared;	/* the head of the globals region */
	u32 globals_size;
	u32 frame_size, levels;		/* of each CPU; 0: none */
	u32 task_frame_size;
	u32 neach;			/* loops over arrays that may be at
					   once: in a run */
	bool each_in_probes;
	u32 user;			/* STB_KMOD_PROGRAMS... */
	const struct stb_prog *progs, *tasks;
	u32 nprogs, ntasks;
	struct stb_map *const *maps;
	u32 nmaps;
};
extern const struct stb_script stb_script;

/* By CPU: `levels` frames, one behind the other. */
extern char **stb_frames;

/* What handlers took of a CPU, in cycles, since `from`. */
struct stb_load {
	u64 from, taken;
};
DECLARE_PER_CPU(struct stb_load, stb_load);

int stb_attach(const struct stb_kmod_attach *a);
long stb_detach(u32 site);
long stb_counts(struct stb_kmod_counts *c);
void stb_settle(void);

/* uprobe.c: 0 or an errno, negative. */
int stb_uprobe_arm(struct stb_site *s, const struct stb_kmod_attach *a);
void stb_uprobe_disarm(struct stb_site *s);
void stb_uprobe_settle(void);
int stb_perf_arm(struct stb_site *s, const struct stb_kmod_attach *a);
void stb_perf_disarm(struct stb_site *s);
int stb_netfilter_arm(struct stb_site *s, const struct stb_kmod_attach *a);
void stb_netfilter_disarm(struct stb_site *s);

/* --- locks of a word ----------------------------------------------------------------- */

static __always_inline bool stb_try_lock(u32 *word, unsigned long *flags)
{
	u32 i;

	raw_local_irq_save(*flags);
	for (i = 0; i < 1u << 16; i++) {
		if (!READ_ONCE(*word) && !cmpxchg(word, 0, 1))
			return true;
		cpu_relax();
	}
	raw_local_irq_restore(*flags);
	return false;
}

static __always_inline void stb_unlock(u32 *word, unsigned long flags)
{
	smp_store_release(word, 0);
	raw_local_irq_restore(flags);
}

static __always_inline void stb_count(uint64_t *n)
{
	__sync_fetch_and_add(n, 1);
}

#endif
