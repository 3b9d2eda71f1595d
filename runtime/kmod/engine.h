/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine.h - the module's engine, see rt.h: the script's part of a module, as
 * kernel C. What must be quick is inline here; the rest is the generic part's
 * (kmod.h). What holds:
 *
 * - A run has preemption off, which its entry sees to where the kernel does
 *   not, but for runs in the loader's context that take no locks. It owns a frame
 *   where it needs one: of its CPU, the first that is free, since an interrupt's
 *   may come in between; or the loader's.
 * - Functions return nonzero for a fault and have then written nothing.
 */
#ifndef STB_KMOD_ENGINE_H
#define STB_KMOD_ENGINE_H

#include <linux/cred.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/timekeeping.h>
#include <linux/uidgid.h>
#include <asm/tsc.h>

#define RT_KERNEL 1

#define RT_MAP_DECL(n) static struct stb_map map_##n
#define RT_MAP(n) (&map_##n)

/* --- runs ----------------------------------------------------------------------- */

/* struct pt_regs of x86-64. */
struct rt_regs {
	u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	u64 orig_ax, ip, cs, flags, sp, ss;
};

#ifdef RT_USER
#include "../process.h"
#endif
struct rt_frame {
	u32 busy, depth;		/* depth: of recursive functions */
	struct rt_state state;
	char raise[RT_RAISE_SIZE];
	char cat[RT_CAT_SIZE];
	char key[RT_KEY_SIZE];
	char value[RT_VALUE_SIZE];
	char out[RT_OUT_SIZE];
	struct rt_tokens {		/* of tokenize() */
		u32 at;			/* what is next, from 1; 0: nothing */
		char text[RT_STRING_LEN];
	} tokens;
#ifdef RT_MATCH_TAGS
	struct rt_match match;
#endif
#ifdef RT_USER
	struct rt_user user;
#endif
#ifdef RT_WORDS
	char words[RT_WORDS] __aligned(8);
#endif
};
struct frame;

struct rt_run {
	void *ctx;
	u64 call;			/* RT_SYSCALL: what rt_call() gave */
	struct rt_state *state;		/* in the frame, if there is one */
	struct frame *frame;
	u64 cookie;
	u64 func;			/* kprobes: of the function's entry */
	u64 began;			/* cycles; of runs whose time is taken */
	struct stb_task *task;		/* in the loader's context; else NULL */
#ifdef RT_TASK_PID
	struct task_struct *other;	/* the run is for one that is being
					   made, in its parent */
#endif
};

/* What a handler that has no site of its own takes for its cookie. */
enum { cookie = 0, func = 0 };

#define RT_KPROBE(name) \
	RT_INLINE int name##_run(struct rt_regs *ctx, u64 cookie, u64 func)
#define RT_RAW_TP(name) RT_INLINE int name##_run(u64 *ctx, u64 cookie)
/* func: the address of a breakpoint. */
#define RT_PERF_EVENT(name) \
	RT_INLINE int name##_run(struct rt_regs *ctx, u64 cookie, u64 func)
#define rt_event_address(r) ((i64)(r)->func)
#define RT_NETFILTER(name) RT_INLINE int name##_run(u64 *ctx, u64 cookie)
#define RT_SYSCALL(name) RT_OUTLINE int name##_call(u64 *ctx, u64 call)
#define RT_LOADER(name) static int name##_run(struct stb_task *ctx, u64 cookie)

/* How the kernel calls them, one for each kind of site that a handler has. */
#define RT_ENTRY_kprobe(name) \
static int name##_kprobe(struct kprobe *p, struct pt_regs *regs) \
{ \
	name##_run((struct rt_regs *)regs, \
		   container_of(p, struct stb_site, kp)->cookie, \
		   (u64)p->addr); \
	return 0; \
}
#define RT_ENTRY_kretprobe(name) \
static int name##_kretprobe(struct kretprobe_instance *ri, \
			    struct pt_regs *regs) \
{ \
	struct kretprobe *rp = get_kretprobe(ri); \
 \
	if (rp) \
		name##_run((struct rt_regs *)regs, \
			   container_of(rp, struct stb_site, rp)->cookie, \
			   (u64)rp->kp.addr); \
	return 0; \
}
#define RT_ENTRY_uprobe(name) \
static int name##_uprobe(struct stb_site *site, struct pt_regs *regs, \
			 u64 func) \
{ \
	return name##_run((struct rt_regs *)regs, site->cookie, func); \
}
/* By the ABI's own rules for arguments, of which a tracepoint has as many as it
   has: what is behind them is read as it is, and not looked at. Those of system
   calls may be preempted (since 6.13). */
#define RT_ENTRY_raw_tp(name) \
static void name##_raw_tp(struct stb_site *site, u64 a0, u64 a1, u64 a2, \
			  u64 a3, u64 a4, u64 a5, u64 a6, u64 a7, u64 a8, \
			  u64 a9, u64 a10, u64 a11) \
{ \
	u64 ctx[] = { a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11 }; \
 \
	preempt_disable_notrace(); \
	name##_run(ctx, site->cookie); \
	preempt_enable_notrace(); \
}
#define RT_ENTRY_perf_event(name) \
static void name##_perf_event(struct perf_event *e, \
			      struct perf_sample_data *d, \
			      struct pt_regs *regs) \
{ \
	name##_run((struct rt_regs *)regs, \
		   ((struct stb_site *)e->overflow_handler_context)->cookie, \
		   e->attr.bp_addr); \
}
/* Who sends may be preempted. */
#define RT_ENTRY_netfilter(name) \
static unsigned int name##_netfilter(void *site, void *skb, \
				     const void *state) \
{ \
	u64 ctx[] = { (u64)state, (u64)skb, 1 }; \
 \
	preempt_disable(); \
	name##_run(ctx, ((struct stb_site *)site)->cookie); \
	preempt_enable(); \
	return ctx[2]; \
}
/* Dropped or accepted, as where programs decide; 1: neither. */
#define rt___verdict(r, n) \
	((u64)(n) > 1 ? 1 : (((u64 *)(r)->ctx)[2] = (n), 0))

/* Nobody starts a run while the session does not run. */
#define rt_running() (READ_ONCE(RT_SHARED->state) == STB_RUNNING)

RT_OUTLINE int rt_stop(u32 state)
{
	if (cmpxchg(&RT_SHARED->state, STB_RUNNING, state) != STB_RUNNING)
		return 0;
	__sync_fetch_and_add(&RT_SHARED->stops, 1);
	stb_wake();
	return 0;
}

RT_INLINE void rt_exit(void)
{
	WRITE_ONCE(RT_SHARED->exit_asked, 1);
	rt_stop(STB_STOPPING);
}

RT_OUTLINE int rt_lost(void)
{
	stb_count(&RT_SHARED->lost);
	return 0;
}

RT_OUTLINE int rt_skip(uint64_t *count)
{
	if (__sync_fetch_and_add(count, 1) >= RT_MAX_SKIPPED)
		rt_stop(STB_FAILED);
	return 0;
}
#define rt_skip_frame() rt_skip(&RT_SHARED->skipped_frame)

/* The loader's own doings while it holds locks: see struct stb_shared. */
RT_INLINE int rt_is_holder(void)
{
	u64 holder = READ_ONCE(RT_SHARED->holder);

	return holder && holder == ((u64)current->tgid << 32 |
				    (u32)current->pid);
}

RT_OUTLINE int rt_skip_lock(void)
{
	return rt_is_holder() ? 0 : rt_skip(&RT_SHARED->skipped_lock);
}

/*
 * The guard against overload: what runs took of this CPU, looked at once an
 * interval. A run without a frame is over before the probe's own trap is: its time is
 * taken only where handlers may have less of it than that.
 */
#define RT_GUARDS_ALL (RT_OVERLOAD_MOST < RT_OVERLOAD_INTERVAL / 4)
#define RT_CYCLES(guarded) ((guarded) ? get_cycles() : 0)

RT_OUTLINE int rt_took(u64 began)
{
	struct stb_load *l = this_cpu_ptr(&stb_load);
	u64 now = get_cycles(), turns;

	if (!l->from)
		l->from = began;
	if (now > began)
		l->taken += now - began;
	turns = now < l->from ? 1 :
		(now - l->from) / (RT_OVERLOAD_INTERVAL ?: 1);
	if (!turns)
		return 0;
	if (l->taken / turns > RT_OVERLOAD_MOST) {
		RT_SHARED->overload_most = RT_OVERLOAD_MOST * turns;
		RT_SHARED->overload_interval = RT_OVERLOAD_INTERVAL * turns;
		WRITE_ONCE(RT_SHARED->overload, l->taken);
		rt_stop(STB_FAILED);
	}
	l->from = now;
	l->taken = 0;
	return 0;
}
#define RT_TOOK(r, guarded) ((guarded) ? rt_took((r)->began) : 0)

/* Nonzero: there was no room. */
RT_INLINE long rt_write(struct rt_run *r, const void *p, u32 size)
{
	return r->task ? stb_output_kept(p, size) : stb_output(p, size);
}

/* The record of a fault that nobody caught; lost: there was no room for it. */
RT_OUTLINE int rt_report(long lost)
{
	if (lost)
		rt_lost();
	if (__sync_fetch_and_add(&RT_SHARED->errors, 1) >= RT_MAX_ERRORS)
		rt_stop(STB_FAILED);
	return 0;
}

/* By value, so that a run without a frame has its state in registers. */
RT_OUTLINE int rt_report_fault(bool task, u32 err, u32 nargs, u64 arg)
{
	struct {
		struct stb_record record;
		u64 arg;
	} e = { { nargs ? 16 : 8, STB_REC_PRINT, (uint16_t)(err - 1) }, arg };

	return rt_report(task ? stb_output_kept(&e, e.record.size) :
			 stb_output(&e, e.record.size));
}

/* --- frames ----------------------------------------------------------------------- */

RT_INLINE struct rt_state *rt_frame_ready(struct rt_frame *f)
{
	f->depth = 0;
	f->state.err = 0;
	f->state.leave = 0;
	f->state.raised = 0;
	f->state.actions = 0;
	f->state.out_n = 0;
#ifdef RT_MATCH_TAGS
	f->match.groups = 0;
#endif
	return &f->state;
}

/* NULL: all levels are in use, the run must be skipped. */
RT_INLINE struct frame *rt_frame_of(u32 size)
{
	char *f = stb_frames[raw_smp_processor_id()];
	u32 level;

	for (level = 0; level < RT_LEVELS; level++, f += size)
		if (!xchg(&((struct rt_frame *)f)->busy, 1))
			return (struct frame *)f;
	return NULL;
}
#define rt_frame() rt_frame_of(sizeof(struct frame))
#define RT_HEAD(r) ((struct rt_frame *)(r)->frame)
#define rt_match_of(r) (&RT_HEAD(r)->match)

#define RT_RUN_FRAME(name) \
	if (!rt_running()) \
		return 0; \
	struct rt_run run_ = { .ctx = ctx, .frame = rt_frame(), .func = func, \
			       .cookie = cookie, \
			       .began = RT_CYCLES(RT_OVERLOAD_INTERVAL) }, \
		      *r = &run_; \
	struct rt_state *s; \
	if (!r->frame) \
		return rt_skip_frame(); \
	s = r->state = rt_frame_ready(RT_HEAD(r)); \
	s->max_actions = RT_MAX_ACTION
#define RT_FRAME_OF(r, name) (&(r)->frame->name)
#define RT_END_FRAME do { \
	rt_finish(r); \
	smp_store_release(&RT_HEAD(r)->busy, 0); \
	return RT_TOOK(r, RT_OVERLOAD_INTERVAL); \
} while (0)
#define RT_END_BUSY_FRAME do { \
	rt_skip_lock(); \
	smp_store_release(&RT_HEAD(r)->busy, 0); \
	return RT_TOOK(r, RT_OVERLOAD_INTERVAL); \
} while (0)

/* In the loader's context: whether the session runs is its matter. */
#define RT_RUN_TASK(name) \
	struct rt_run run_ = { .ctx = ctx, .frame = ctx->frame, \
			       .task = ctx }, *r = &run_; \
	struct rt_state *s = r->state = rt_frame_ready(RT_HEAD(r)); \
	s->max_actions = RT_MAX_ACTION_TASK
#define RT_END_TASK do { \
	rt_finish(r); \
	return s->err ? STB_KMOD_FAULT : STB_KMOD_DONE; \
} while (0)
#define RT_END_BUSY_TASK return STB_KMOD_SKIPPED

/* A run without a frame: its faults have one number at most. */
#define RT_RUN(name) \
	if (!rt_running()) \
		return 0; \
	RT_RUN_EARLY(name)
/* ... or one that runs before the session does. */
#define RT_RUN_EARLY(name) \
	struct rt_state state_ = { .max_actions = RT_MAX_ACTION }; \
	struct rt_state *s = &state_; \
	struct rt_run run_ = { .ctx = ctx, .state = s, .cookie = cookie, \
			       .func = func, \
			       .began = RT_CYCLES(RT_GUARDS_ALL) }; \
	struct rt_run *r = &run_; \
	(void)r
#define RT_END do { \
	if (s->err) \
		rt_report_fault(false, s->err, s->err_args, s->err_arg); \
	return RT_TOOK(r, RT_GUARDS_ALL); \
} while (0)
#define RT_END_BUSY return rt_skip_lock() | RT_TOOK(r, RT_GUARDS_ALL)

#define RT_IN_FUNCTION struct rt_state *s = r->state; (void)s
#define RT_IN_BODY struct rt_state *s = r->state; (void)s

/* Frames of a recursive function, one a call that goes on. */
#define RT_NEST(r, name) (RT_HEAD(r)->depth >= RT_MAX_NESTING ? NULL : \
	&(r)->frame->name[RT_HEAD(r)->depth++])
#define RT_NESTED(r, name) (&(r)->frame->name[RT_HEAD(r)->depth - 1])
#define RT_UNNEST(r) (RT_HEAD(r)->depth--)

/* --- locks: see runtime/abi.h --------------------------------------------------------- */

#define RT_LOCK_WORD(n) ((u32 *)((char *)&G + sizeof(struct stb_shared)) + (n))
enum { RT_LOCK_TRIES = 20000 };

/* 0: got it. */
RT_INLINE long rt_lock_once(u32 *word, enum rt_lock_mode mode)
{
	if (mode == RT_WRITE)
		return cmpxchg(word, 0, STB_LOCK_WRITER);
	if (__sync_fetch_and_add(word, 1) < STB_LOCK_WRITER)
		return 0;
	__sync_fetch_and_sub(word, 1);
	return 1;
}

RT_OUTLINE int rt_lock_wait(u32 *word, enum rt_lock_mode mode)
{
	u32 i;

	if (rt_is_holder())
		return 1;
	for (i = 0; i < RT_LOCK_TRIES; i++) {
		cpu_relax();
		if (!READ_ONCE(*word) || mode == RT_READ)
			if (!rt_lock_once(word, mode))
				return 0;
	}
	return 1;
}

RT_INLINE int rt_lock(u32 n, enum rt_lock_mode mode)
{
	return rt_lock_once(RT_LOCK_WORD(n), mode) &&
	       rt_lock_wait(RT_LOCK_WORD(n), mode);
}

RT_INLINE void rt_unlock(u32 n, enum rt_lock_mode mode)
{
	__sync_fetch_and_sub(RT_LOCK_WORD(n),
			     mode == RT_WRITE ? STB_LOCK_WRITER : 1);
}

/* --- loops ------------------------------------------------------------------------------ */

#define RT_ACTIONS(s, cost) (((s)->actions += (cost)) > (s)->max_actions)
#define RT_LOOP(r, body) do { \
	while (!body(0, r)) \
		if ((r)->task) \
			rt_breathe(r); \
} while (0)

/* A run in the loader's context may be long: others get the processor, and who
   is killed has no actions left. */
RT_INLINE void rt_breathe(struct rt_run *r)
{
	if (r->task->may_sleep)
		cond_resched();
	if (fatal_signal_pending(current))
		r->state->actions = r->state->max_actions;
}

#define RT_EACH(dir, key, stat, mask) ((u64)((dir) + 1) | (u64)(key) << 8 | \
	(u64)(stat) << 16 | (u64)(mask) << 32)
#define rt_each(map, flags, limit, slice) \
	((u64)stb_each(map, flags, limit, (const void *)(slice)))
#define rt_each_bucket(map, key, limit) \
	((u64)stb_each_bucket(map, RT_FIND(map, key), limit))
#define rt_each_next(e, key) stb_each_next((struct stb_each *)(e), key)
#define rt_each_value(e) stb_each_value((struct stb_each *)(e))
#define rt_each_string(e, dst, cap) \
	stb_copy(dst, cap, stb_each_string((struct stb_each *)(e)))
#define rt_each_end(e) stb_each_end((struct stb_each *)(e))

/* --- the probe's context ------------------------------------------------------------------ */

#define RT_REG(r, name) ((i64)((struct rt_regs *)(r)->ctx)->name)
#define RT_CTX_WORD(r, n) ((i64)((u64 *)(r)->ctx)[n])
#define rt_ctx_number(r, n) RT_CTX_WORD(r, n)
#define rt_cookie(r) ((i64)(r)->cookie)

/* Which of n sites it is; 0: none. */
RT_INLINE u64 rt_site(struct rt_run *r, u64 n)
{
	return r->cookie < n ? r->cookie : 0;
}

/* i + 1 where that is less than n, else 0. */
RT_INLINE u64 rt_index(i64 i, u64 n)
{
	return (u64)i + 1 < n ? (u64)i + 1 : 0;
}

/* --- system calls --------------------------------------------------------------------------- */

/* What a number means: handlers, 0 if there are none, and which site it is. */
struct rt_call {
	uint16_t handlers, site;
};
enum { RT_TS_COMPAT = 2 };		/* asm/thread_info.h */
#define RT_REGS_WORD(name) __builtin_offsetof(struct rt_regs, name)
#define rt_regs_word(ctx, offset) (*(u64 *)((ctx)[0] + (offset)))

/* Was it made as 32-bit programs do? */
#define rt_is_compat(status) \
	((status) && *(u32 *)((u64)current + (status)) & RT_TS_COMPAT)

/* As in runtime/bpf. */
RT_INLINE u64 rt_call(const struct rt_call *calls, u64 n, u64 number,
		      u32 status)
{
	u64 compat;

	if (number >= n)
		number = n - 1;
	if (!calls[number].handlers && !calls[n + number].handlers)
		return 0;
	compat = rt_is_compat(status);
	if (compat)
		number += n;
	return calls[number].handlers | (u64)calls[number].site << 16 |
	       compat << 32;
}

#define RT_CALL_HANDLERS(call) ((call) & 0xffff)

RT_INLINE u64 rt_call_site(struct rt_run *r, u64 n)
{
	u64 site = r->call >> 16 & 0xffff;

	return site < n ? site : 0;
}

/* Argument n, from 0; 6 is the call's number. */
RT_INLINE i64 rt_call_arg(struct rt_run *r, u32 n)
{
	static const u32 words[2][7] = {
		{ RT_REGS_WORD(di), RT_REGS_WORD(si), RT_REGS_WORD(dx),
		  RT_REGS_WORD(r10), RT_REGS_WORD(r8), RT_REGS_WORD(r9),
		  RT_REGS_WORD(orig_ax) },
		{ RT_REGS_WORD(bx), RT_REGS_WORD(cx), RT_REGS_WORD(dx),
		  RT_REGS_WORD(si), RT_REGS_WORD(di), RT_REGS_WORD(bp),
		  RT_REGS_WORD(orig_ax) },
	};
	u64 *ctx = r->ctx;

	if (r->call >> 32)
		return (i64)(u32)rt_regs_word(ctx, words[1][n]);
	return (i64)rt_regs_word(ctx, words[0][n]);
}

/* --- memory ------------------------------------------------------------------------------------ */

#define rt_space_kernel 0
#define rt_space_user 1
#define RT_LOAD(type, dst, address, space) ({ \
	type v_ = 0; \
	long e_ = stb_read(&v_, sizeof(v_), (u64)(address), \
			   rt_space_##space); \
	(dst) = (i64)v_; \
	e_; })

#define RT_STORE(type, address, v, space) ({ \
	type v_ = (type)(v); \
	stb_write(&v_, sizeof(v_), (u64)(address), rt_space_##space); })
#define RT_SET_REG(r, name, v) \
	(((struct rt_regs *)(r)->ctx)->name = (u64)(v))

/* At most `max` bytes and a NUL. */
RT_INLINE long rt_load_str(char *dst, u32 cap, i64 max, u64 address, int user)
{
	u64 size = cap;

	if (max < 0)
		max = 0;
	if ((u64)max + 1 < size)
		size = (u64)max + 1;
	return stb_read_str(dst, size, address, user) < 0;
}

/* n bytes, 1 to cap. */
RT_INLINE long rt_load_mem(char *dst, u32 cap, i64 n, u64 address, int user)
{
	return stb_read(dst, (u64)n > cap ? cap : (u64)n, address, user);
}

#include "strings.h"

/* --- formats ---------------------------------------------------------------------------------------- */

/* types: "ls", as the arguments are; strings by their addresses. */
#define RT_FORMAT(dst, cap, format, types, ...) \
	stb_format(dst, cap, format, types, (const u64[]){ __VA_ARGS__ })
#define RT_FORMAT_NONE(dst, cap, format) stb_format(dst, cap, format, "", NULL)

/* --- arrays: nonzero where one is full ----------------------------------------------------------------- */

/* Of a key whose size the compiler knows, in words; a u32 is the key of what
   has none. */
RT_INLINE u64 rt_hash(const u64 *key, u32 words)
{
	u64 h = 0;
	u32 i;

	for (i = 0; i < words; i++) {
		h = (h ^ key[i]) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
	}
	return h;
}

/* The value; NULL: there is none. A chain that ends in another bucket's end was
   left with a node that was taken out and put in elsewhere. */
RT_INLINE char *rt_find(const struct stb_map *m, const u64 *key, u32 words,
			u64 hash)
{
	u32 i, k, tries;
	struct stb_node *n;

	for (tries = 0; tries < 8; tries++) {
		i = READ_ONCE(m->heads[hash & m->mask]);
		while (!(i & STB_END)) {
			n = stb_node_at(m, i);
			for (k = 0; k < words; k++)
				if (stb_key_of(n)[k] != key[k])
					break;
			if (k == words)
				return (char *)(stb_key_of(n) + words);
			i = READ_ONCE(n->chain);
		}
		if (i == (STB_END | (u32)(hash & m->mask)))
			return NULL;
	}
	return NULL;
}

#define RT_KEY_WORDS(key) (sizeof(*(key)) / 8)
#define RT_HASH(key) rt_hash((const u64 *)(key), RT_KEY_WORDS(key))
#define RT_FIND(m, key) (RT_KEY_WORDS(key) ? \
	rt_find(m, (const u64 *)(key), RT_KEY_WORDS(key), RT_HASH(key)) : \
	(m)->nodes + sizeof(struct stb_node))
/* ... made if it is not there, with a number for its value. */
#define RT_INSERT(m, key, v) ({ \
	i64 new_ = (v); \
	stb_map_insert(m, (const u64 *)(key), RT_HASH(key), &new_, 8); })

#define rt_map_get(map, key, at) ({ \
	char *p_ = RT_FIND(map, key); \
	p_ ? READ_ONCE(*(i64 *)(p_ + (at))) : 0; })

#define rt_map_set(map, key, at, v) ({ \
	i64 v_ = (v); \
	char *p_ = RT_FIND(map, key); \
	if (!p_) \
		p_ = RT_INSERT(map, key, v_); \
	if (p_) \
		WRITE_ONCE(*(i64 *)(p_ + (at)), v_); \
	!p_; })

#define RT_MAP_MODIFY(map, key, at, op, a, dst, want_old) ({ \
	char *p_ = RT_FIND(map, key); \
	i64 a_ = (a); \
	if (!p_) \
		p_ = RT_INSERT(map, key, 0); \
	if (p_) \
		(dst) = rt_modify((i64 *)(p_ + (at)), op, a_, want_old); \
	!p_; })

#define rt_map_in(map, key) ((i64)(RT_FIND(map, key) != NULL))
#define rt_map_del(map, key) \
	stb_map_delete(map, (const u64 *)(key), RT_HASH(key))
#define rt_map_clear(map) stb_map_clear(map)

#define rt_map_get_str(map, key, at, dst, cap) ({ \
	const char *p_ = RT_FIND(map, key); \
	stb_copy(dst, cap, p_ ? p_ + (at) : ""); })

#define RT_VALUE(map, key) ({ \
	char *p_ = RT_FIND(map, key); \
	p_ ? p_ : stb_map_insert(map, (const u64 *)(key), RT_HASH(key), \
				 NULL, 0); })
#define rt_map_set_str(r, map, key, at, width, src) ({ \
	char *p_ = RT_VALUE(map, key); \
	if (p_) \
		stb_copy(p_ + (at), width, src); \
	!p_; })
#define rt_map_cat(r, map, key, at, width, src) ({ \
	char *p_ = RT_VALUE(map, key); \
	if (p_) \
		rt_cat_in(RT_HEAD(r)->cat, p_ + (at), width, p_ + (at), src); \
	!p_; })

/* --- aggregates ------------------------------------------------------------------------------------------ */

#define rt_opaque(x) ((void)(x))
#include "../stat.h"

RT_INLINE void rt_stat_raise(u64 *p, u64 v)
{
	u64 seen = READ_ONCE(*p), was;

	while (seen < v) {
		was = cmpxchg(p, seen, v);
		if (was == seen)
			break;
		seen = was;
	}
}

/* This CPU's part of the element whose value is p. */
#define RT_PART(map, p, type) ((type *)((map)->percpu[raw_smp_processor_id()] + \
	(u64)stb_index_of(map, p) * sizeof(type)))
#define RT_STAT_ADD(map, key, type, zero, at, v, ops, lo, hi, step) ({ \
	char *p_ = RT_FIND(map, key); \
	if (!p_) \
		p_ = stb_map_insert(map, (const u64 *)(key), RT_HASH(key), \
				    NULL, 0); \
	if (p_) \
		rt_stat_add(&RT_PART(map, p_, type)->stat, v, ops, lo, hi, \
			    step); \
	!p_; })

#define rt_stat_get(map, key, what, shift, dst) \
	stb_stat_get(map, RT_FIND(map, key), what, dst)
#define rt_stat_bucket(map, key, bucket, dst) \
	stb_stat_bucket(map, RT_FIND(map, key), bucket, dst)
#define rt_print_hist(map, key) \
	rt_chart(r, map, RT_FIND(map, key))
#define rt_format_hist(map, key, dst, cap) \
	stb_chart(map, RT_FIND(map, key), dst, cap, NULL, NULL)

/* --- records --------------------------------------------------------------------------------------------- */

/* One record of a known size, written where the loader will read it. */
#define RT_ROOM(name, size) struct { u32 len, room; char s[size]; } name
#define RT_RESERVE(p) stb_reserve(sizeof(*(p)))
#define RT_HEADER(p, format) ((p)->record = (struct stb_record){ \
	sizeof(*(p)), STB_REC_PRINT, format })
#define RT_FILL(field, src) do { \
	(field).len = stb_copy((field).s, sizeof((field).s), src); \
	(field).room = sizeof((field).s); \
} while (0)
#define RT_FILL_MEM(field, src, n) do { \
	__builtin_memcpy((field).s, src, n); \
	(field).len = n; \
	(field).room = sizeof((field).s); \
} while (0)
#define RT_FILL_LIT(field, lit) do { \
	(field).len = sizeof(lit) - 1; \
	(field).room = sizeof((field).s); \
	__builtin_memcpy((field).s, lit, sizeof(lit)); \
} while (0)
#define rt_submit(p) stb_submit(p)

/* All records that a run has gathered, in one sample. */
RT_OUTLINE int rt_send(struct rt_run *r)
{
	struct rt_frame *f = RT_HEAD(r);

	if (rt_write(r, f->out, (u32)f->state.out_n))
		rt_lost();
	f->state.out_n = 0;
	return 0;
}

/* Where a record of at most `max` bytes begins in `out`. */
RT_INLINE u64 rt_record(struct rt_run *r, u64 max)
{
	if (RT_HEAD(r)->state.out_n > RT_OUT_SIZE - max)
		rt_send(r);
	return RT_HEAD(r)->state.out_n;
}

#define RT_OUT(r) (RT_HEAD(r)->out)
RT_INLINE u64 rt_put_long(char *out, u64 n, i64 v)
{
	*(i64 *)(out + n) = v;
	return n + 8;
}

RT_INLINE u64 rt_put_room(char *out, u64 n, u32 len)
{
	*(u32 *)(out + n) = len;
	*(u32 *)(out + n + 4) = (len + 7) & ~7u;
	return n + 8 + ((len + 7) & ~7u);
}

RT_INLINE u64 rt_put_str(char *out, u64 n, const char *src, u32 cap)
{
	return rt_put_room(out, n, stb_copy(out + n + 8, cap, src));
}

RT_INLINE u64 rt_put_mem(char *out, u64 n, const char *src, u32 size)
{
	__builtin_memcpy(out + n + 8, src, size);
	return rt_put_room(out, n, size);
}

#define RT_PUT_LIT(out, n, lit) rt_put_mem(out, n, lit, sizeof(lit) - 1)

RT_INLINE void rt_record_end(struct rt_run *r, u64 from, u64 to, u32 format)
{
	*(struct stb_record *)(RT_OUT(r) + from) = (struct stb_record){
		(u32)(to - from), STB_REC_PRINT, (uint16_t)format };
	RT_HEAD(r)->state.out_n = to;
}

/* A histogram's chart, behind what was printed before: text, in parts. */
RT_INLINE void rt_chart_part(void *arg, const char *s, u32 n)
{
	struct rt_run *r = arg;

	if (stb_output_text(s, n, r->task != NULL))
		rt_lost();
}

RT_OUTLINE long rt_chart(struct rt_run *r, struct stb_map *m, const char *value)
{
	if (RT_HEAD(r)->state.out_n)
		rt_send(r);
	return stb_chart(m, value, NULL, 0, rt_chart_part, r);
}

/* The record of error(), for the end of the run: arguments at fixed places. */
#define RT_RAISE(r) (RT_HEAD(r)->raise)
#define rt_raise_long(r, at, v) (*(i64 *)(RT_RAISE(r) + (at)) = (v))
#define rt_raise_str(r, at, size, src) do { \
	*(u32 *)(RT_RAISE(r) + (at)) = \
		stb_copy(RT_RAISE(r) + (at) + 8, size, src); \
	*(u32 *)(RT_RAISE(r) + (at) + 4) = (size); \
} while (0)
#define rt_raise(r, id, size) do { \
	*(struct stb_record *)RT_RAISE(r) = (struct stb_record){ \
		size, STB_REC_PRINT, id }; \
	RT_FAULT(id); \
	s->raised = (size); \
} while (0)
#define RT_RAISED_LONG(r, at) (*(u64 *)(RT_RAISE(r) + (at)))
#define RT_RAISED_STR(r, at) ((u64)(RT_RAISE(r) + (at) + 8))

/* What a run with a frame leaves. The record of error() was laid out in the
   frame when it was raised: it may have been caught. */
RT_OUTLINE int rt_finish(struct rt_run *r)
{
	struct rt_frame *f = RT_HEAD(r);

	if (f->state.out_n)
		rt_send(r);
	if (!f->state.err)
		return 0;
	if (!f->state.raised)
		return rt_report_fault(r->task != NULL, f->state.err,
				       f->state.err_args, f->state.err_arg);
	return rt_report(rt_write(r, f->raise, f->state.raised));
}

#include "builtins.h"
#include "../plain.h"
#ifdef RT_WORDS
#include "words.h"
#endif
#include "stack.h"
#ifdef RT_USER
#include "user.h"
#endif

#endif
