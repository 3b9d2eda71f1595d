/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine.h - the kernel's BPF engine, see rt.h. Everything that is shaped for
 * the verifier is in this folder. What holds:
 *
 * - A handler with strings, loops or more than one record owns a *frame* for
 *   its run: one of RT_LEVELS elements of a per-CPU array, taken by setting
 *   its `busy`. The verifier knows nothing of what is in a frame, so numbers
 *   that cross a turn of a loop live there: kernels before 6.7 believe the
 *   first turn's values of what is on the stack.
 * - Strings end with a NUL within their caps. They are read by address, with
 *   probe_read_kernel_str, so that a pointer that went through memory and is
 *   but a number to the verifier is as good as any.
 * - Functions return nonzero for a fault and have then written nothing.
 */
#ifndef STB_BPF_ENGINE_H
#define STB_BPF_ENGINE_H

#define RT_KERNEL 1

/* --- the kernel's functions: numbers are those of linux/bpf.h ------------- */

static void *(*const bpf_map_lookup_elem)(void *, const void *) = (void *)1;
static long (*const bpf_map_update_elem)(void *, const void *, const void *,
					 u64) = (void *)2;
static long (*const bpf_map_delete_elem)(void *, const void *) = (void *)3;
static u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static u32 (*const bpf_get_prandom_u32)(void) = (void *)7;
static long (*const bpf_send_signal_thread)(u32) = (void *)117;
static u32 (*const bpf_get_smp_processor_id)(void) = (void *)8;
static u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static u64 (*const bpf_get_current_uid_gid)(void) = (void *)15;
static long (*const bpf_get_current_comm)(void *, u32) = (void *)16;
static long (*const bpf_trace_printk)(const char *, u32, ...) = (void *)6;
static u64 (*const bpf_get_current_task)(void) = (void *)35;
static u64 (*const bpf_jiffies64)(void) = (void *)118;
static long (*const bpf_probe_read_user)(void *, u32, u64) = (void *)112;
static long (*const bpf_probe_read_kernel)(void *, u32, u64) = (void *)113;
static long (*const bpf_probe_read_user_str)(void *, u32, u64) = (void *)114;
static long (*const bpf_probe_read_kernel_str)(void *, u32, u64) = (void *)115;
static long (*const bpf_ringbuf_output)(void *, void *, u64, u64) =
	(void *)130;
static void *(*const bpf_ringbuf_reserve)(void *, u64, u64) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *, u64) = (void *)132;
static long (*const bpf_snprintf)(char *, u32, const char *, u64 *, u32) =
	(void *)165;
static long (*const bpf_loop)(u32, void *, void *, u64) = (void *)181;
static u64 (*const bpf_get_attach_cookie)(void *) = (void *)174;
static void *(*const bpf_map_lookup_percpu_elem)(void *, const void *, u32) =
	(void *)195;
static long (*const bpf_get_func_arg)(void *, u32, u64 *) = (void *)183;
static long (*const bpf_get_func_ret)(void *, u64 *) = (void *)184;

enum { BPF_ANY, BPF_NOEXIST };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };

#define RT_SECTION(name) __attribute__((section(#name), used))
#define RT_MAP_DECL(n) extern char map_##n __attribute__((nodebug))
#define RT_MAP(n) (&map_##n)

/* A zero that the verifier takes for any number: for what a body of a loop
   reads of an earlier turn on the stack. Of 64 bits, and only modules set it: of
   one of 32 the verifier would know a bound, and follow loops turn by turn. */
#define rt_some_zero() RT_VOLATILE(RT_SHARED->overload)

/* Keeps clang from moving or merging what the verifier must see in order. */
#define rt_opaque(x) __asm__ volatile("" : "+r"(x))

/* x, or 0 where it is more than max: in one piece, or clang compares one copy
   of x and uses another, of which the verifier then knows nothing. */
#ifdef __bpf__
#define rt_bound(x, max) __asm__ volatile("if %0 <= %1 goto +1\n\t%0 = 0" \
					  : "+r"(x) : "r"((u64)(max)))
#else	/* tests/engines */
#define rt_bound(x, max) ((x) = (x) <= (u64)(max) ? (x) : 0)
#endif

/* --- runs ----------------------------------------------------------------- */

/* struct pt_regs of x86-64. */
struct rt_regs {
	u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	u64 orig_ax, ip, cs, flags, sp, ss;
};

/* Bytes for records, and for the stamp behind them. */
#define RT_STAMPED(size) ((size) ? (size) + sizeof(struct stb_stamp) : 0)

#ifdef RT_USER
#include "../process.h"
#endif

#ifdef RT_TOKENS
struct rt_tokens {		/* of tokenize() */
	u64 at;			/* behind the last one, from 1; 0: there is none */
	unsigned char delims[32];	/* a bit each */
	char text[RT_STRING_LEN];
};
#endif

/* The head of every frame; the handlers' slots follow in struct frame. */
struct rt_frame {
	u32 busy, unused;
	struct rt_state state;
	char raise[RT_STAMPED(RT_RAISE_SIZE)];
	char cat[RT_CAT_SIZE];
	char key[RT_KEY_SIZE];
	char value[RT_VALUE_SIZE];
	char out[RT_STAMPED(RT_OUT_SIZE)];
#ifdef RT_MATCH_TAGS
	struct rt_match match;
#endif
#ifdef RT_TOKENS
	struct rt_tokens tokens;
#endif
#ifdef RT_USER
	struct rt_user user;
#endif
#ifdef RT_WORDS
	char words[RT_WORDS] __attribute__((aligned(8)));
#endif
};
struct frame;

struct rt_run {
	void *ctx;
	u64 call;			/* RT_SYSCALL: what rt_call() gave */
#ifdef RT_TASK_PID
	u64 task;			/* that it runs for; 0: the current */
#endif
	struct rt_state *state;		/* in the frame, if there is one */
	struct frame *frame;
};

#define RT_KPROBE(name) RT_SECTION(name) int name##_probe(struct rt_regs *ctx)
#define RT_FENTRY(name) RT_SECTION(name) int name##_probe(u64 *ctx)
#define RT_FEXIT(name) RT_SECTION(name) int name##_probe(u64 *ctx)
/* A handler of system calls, which the program at a tracepoint calls. */
#ifdef RT_ONE_SYSCALL
#define RT_SYSCALL(name) RT_INLINE int name##_call(u64 *ctx, u64 call)
#else
#define RT_SYSCALL(name) RT_OUTLINE int name##_call(u64 *ctx, u64 call)
#endif
#define RT_RAW_TP(name) RT_SECTION(name) int name##_probe(u64 *ctx)
/* struct bpf_perf_event_data, which begins with the registers */
/* What it returns is the verdict: packets go on (NF_ACCEPT), unless the handler
   says that this one does not. */
#define RT_NETFILTER(name) \
	static inline __attribute__((always_inline)) \
	int name##_run(u64 *ctx, _Bool *dropped); \
	RT_SECTION(name) int name##_probe(u64 *ctx) \
	{ \
		_Bool dropped = 0; \
\
		name##_run(ctx, &dropped); \
		return dropped ? 0 : 1; \
	} \
	static inline __attribute__((always_inline)) \
	int name##_run(u64 *ctx, _Bool *dropped)
/* 1: it is none of the two that there are for programs */
#define rt___verdict(r, n) \
	((u64)(n) > 1 ? 1 : (*dropped = !(n), 0))
#define RT_PERF_EVENT(name) RT_SECTION(name) \
	int name##_probe(struct rt_regs *ctx)

/*
 * A bundle for one's own processes (stapc --privilege=stapusr) asks that of each
 * hit: all user ids of the task are those of who started the loader, and it may
 * be looked at (struct mm_struct: MMF_DUMPABLE is SUID_DUMP_USER), which a
 * program that was given more rights may not.
 */
#ifdef RT_OWN_CRED
RT_OUTLINE int rt_is_mine(void)
{
	u64 task = bpf_get_current_task(), cred = 0, mm = 0, flags = 0;
	u32 owner = RT_SHARED->owner, suid = ~owner, euid = ~owner;

	if ((u32)bpf_get_current_uid_gid() != owner)
		return 0;
	bpf_probe_read_kernel(&cred, 8, task + RT_OWN_CRED);
	bpf_probe_read_kernel(&mm, 8, task + RT_OWN_MM);
	bpf_probe_read_kernel(&suid, 4, cred + RT_OWN_SUID);
	bpf_probe_read_kernel(&euid, 4, cred + RT_OWN_EUID);
	bpf_probe_read_kernel(&flags, 8, mm + RT_OWN_FLAGS);
	return suid == owner && euid == owner && (flags & 3) == 1;
}
#else
#define rt_is_mine() 1
#endif

/* Nobody starts a run while the session does not run. */
#define rt_running() (RT_VOLATILE(RT_SHARED->state) == STB_RUNNING && \
		      rt_is_mine())

/* What a sample ends with where the loader wants it. */
enum { RT_STAMP = sizeof(struct stb_stamp) };
#define rt_stamped() RT_VOLATILE(RT_SHARED->stamps)
RT_INLINE void rt_stamp(void *at)
{
	struct stb_stamp *s = at;

	s->record = (struct stb_record){ RT_STAMP, STB_REC_STAMP, 0 };
	s->time = bpf_ktime_get_ns();
	s->task = bpf_get_current_pid_tgid();
	s->cpu = bpf_get_smp_processor_id();
	s->reserved = 0;
}

RT_INLINE int rt_wake_here(void)
{
	struct stb_record record = { sizeof(record), STB_REC_WAKE, 0 };

	bpf_ringbuf_output(&RT_RING, &record, sizeof(record),
			   BPF_RB_FORCE_WAKEUP);
	return 0;
}

RT_OUTLINE int rt_wake(void)
{
	return rt_wake_here();
}

/* The deepest of calls, whose stacks are added up: none of its own. */
RT_OUTLINE int rt_stop(u32 state)
{
	if (__sync_val_compare_and_swap(&RT_SHARED->state, STB_RUNNING,
					state) != STB_RUNNING)
		return 0;
	__sync_fetch_and_add(&RT_SHARED->stops, 1);
	return rt_wake_here();
}

RT_INLINE void rt_exit(void)
{
	RT_VOLATILE(RT_SHARED->exit_asked) = 1;
	rt_stop(STB_STOPPING);
}

/* A sample wakes the loader when it sleeps: see struct stb_shared. */
RT_INLINE u64 rt_wakeup(void)
{
	if (!RT_VOLATILE(RT_SHARED->waiting))
		return BPF_RB_NO_WAKEUP;
	RT_VOLATILE(RT_SHARED->waiting) = 0;
	return BPF_RB_FORCE_WAKEUP;
}

RT_OUTLINE int rt_lost(void)
{
	__sync_fetch_and_add(&RT_SHARED->lost, 1);
	return 0;
}

RT_OUTLINE int rt_skip(u64 *count)
{
	if (__sync_fetch_and_add(count, 1) >= RT_MAX_SKIPPED)
		rt_stop(STB_FAILED);
	return 0;
}
#define rt_skip_frame() rt_skip(&RT_SHARED->skipped_frame)

/* The loader's own doings while it holds locks: see struct stb_shared. */
RT_INLINE int rt_is_holder(void)
{
	u64 holder = RT_VOLATILE(RT_SHARED->holder);

	return holder && holder == bpf_get_current_pid_tgid();
}

RT_OUTLINE int rt_skip_lock(void)
{
	return rt_is_holder() ? 0 : rt_skip(&RT_SHARED->skipped_lock);
}

/* The record of a fault that nobody caught. */
RT_OUTLINE int rt_report(u32 id, u64 nargs, u64 arg)
{
	struct {
		struct stb_record record;
		u64 arg[1 + RT_STAMP / 8];
	} e = { { nargs ? 16 : 8, STB_REC_PRINT, (uint16_t)id } };

	/* behind it zeroes, which end a sample, or a stamp */
	if (nargs)
		e.arg[0] = arg;
	if (rt_stamped() && nargs)
		rt_stamp(&e.arg[1]);
	else if (rt_stamped())
		rt_stamp(&e.arg[0]);
	if (bpf_ringbuf_output(&RT_RING, &e, sizeof(e), rt_wakeup()))
		rt_lost();
	if (__sync_fetch_and_add(&RT_SHARED->errors, 1) >= RT_MAX_ERRORS)
		rt_stop(STB_FAILED);
	return 0;
}
#define rt_report_fault(s) rt_report((s)->err - 1, (s)->err_args, (s)->err_arg)

/* --- frames --------------------------------------------------------------- */

#ifdef RT_FRAMES
RT_INLINE struct rt_frame *rt_frame_try(u32 level)
{
	struct rt_frame *f = bpf_map_lookup_elem(&RT_FRAMES, &level);

	if (f && !__sync_val_compare_and_swap(&f->busy, 0, 1))
		return f;
	return 0;
}

RT_OUTLINE struct rt_frame *rt_frame_deeper(void)
{
	struct rt_frame *f = 0;

#pragma unroll
	for (u32 level = 1; level < RT_LEVELS; level++)
		if (!f)
			f = rt_frame_try(level);
	return f;
}

/* NULL: all levels are in use, the run must be skipped. */
RT_INLINE struct frame *rt_frame(void)
{
	struct rt_frame *f = rt_frame_try(0);

	if (!f)
		f = rt_frame_deeper();
	if (f) {
		f->state.err = 0;
		f->state.leave = 0;
		f->state.raised = 0;
		f->state.actions = 0;
		f->state.out_n = 0;
#ifdef RT_MATCH_TAGS
		f->match.groups = 0;
#endif
#ifdef RT_TOKENS
		f->tokens.at = 0;
#endif
	}
	return (struct frame *)f;
}

#define RT_RUN_FRAME(name) \
	if (!rt_running()) \
		return 0; \
	struct rt_run run_ = { .ctx = ctx, .frame = rt_frame() }, *r = &run_; \
	struct rt_state *s; \
	if (!r->frame) \
		return rt_skip_frame(); \
	s = r->state = &((struct rt_frame *)r->frame)->state; \
	(void)s
#define RT_FRAME_OF(r, name) (&(r)->frame->name)
#define RT_END_FRAME do { \
	rt_finish(r); \
	RT_VOLATILE(((struct rt_frame *)r->frame)->busy) = 0; \
	return 0; \
} while (0)
#define RT_END_BUSY_FRAME do { \
	rt_skip_lock(); \
	RT_VOLATILE(((struct rt_frame *)r->frame)->busy) = 0; \
	return 0; \
} while (0)
#endif

/* A run without a frame: its faults have one number at most. */
#define RT_RUN(name) \
	if (!rt_running()) \
		return 0; \
	RT_RUN_EARLY(name)
/* Whatever the session's state: what keeps track of tasks. */
#define RT_RUN_EARLY(name) \
	struct rt_state state_ = { 0 }, *s = &state_; \
	struct rt_run run_ = { .ctx = ctx, .state = s }, *r = &run_; \
	(void)r
#define RT_END do { \
	if (s->err) \
		rt_report_fault(s); \
	return 0; \
} while (0)
#define RT_END_BUSY return rt_skip_lock()

#define RT_IN_FUNCTION struct rt_state *s = r->state; (void)s
#define RT_IN_BODY struct rt_state *s = r->state; (void)s

/* --- locks: see runtime/abi.h --------------------------------------------- */

#define RT_LOCK_WORD(n) ((u32 *)((char *)&G + sizeof(struct stb_shared)) + (n))
enum { RT_LOCK_TRIES = 20000 };

/* 0: got it. */
RT_INLINE long rt_lock_once(u32 *word, enum rt_lock_mode mode)
{
	if (mode == RT_WRITE)
		return __sync_val_compare_and_swap(word, 0, STB_LOCK_WRITER);
	if (__sync_fetch_and_add(word, 1) < STB_LOCK_WRITER)
		return 0;
	__sync_fetch_and_sub(word, 1);
	return 1;
}

struct rt_try {
	u32 *word;
	u32 mode, busy;
};

RT_BODY rt_lock_turn(u32 turn, struct rt_try *t)
{
	t->busy = rt_lock_once(t->word, t->mode) != 0;
	return !t->busy;
}

RT_OUTLINE int rt_lock_wait(u32 *word, enum rt_lock_mode mode)
{
	struct rt_try t = { word, mode, 1 };

	if (rt_is_holder())
		return 1;
	bpf_loop(RT_LOCK_TRIES, rt_lock_turn, &t, 0);
	return t.busy;
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

/* --- loops ---------------------------------------------------------------- */

/* A turn takes at least one action, so that MAXACTION ends it first. */
#define RT_ACTIONS(s, cost) (((s)->actions += (cost)) > RT_MAX_ACTION)
#define RT_LOOP(r, body) bpf_loop(RT_MAX_ACTION + 2, body, r, 0)

/* --- the probe's context --------------------------------------------------- */

/* Reads of several branches are not to become one of a chosen place, which the
   verifier refuses. */
#define RT_REG(r, name) ({						\
	i64 value_;							\
	asm("%0 = *(u64 *)(%1 + %2)" : "=r"(value_) : "r"((r)->ctx),	\
	    "i"(__builtin_offsetof(struct rt_regs, name)));		\
	value_;								\
})
#define RT_CTX_WORD(r, n) ((i64)((u64 *)(r)->ctx)[n])

/* Of struct bpf_perf_event_data: what was touched, behind the sample's period. */
#define rt_event_address(r) \
	((i64)((u64 *)((struct rt_regs *)(r)->ctx + 1))[1])

#define rt_cookie(r) ((i64)bpf_get_attach_cookie((r)->ctx))

/* As a number, where the verifier sees a pointer: of struct bpf_nf_ctx, and what
   an iterator is called with. */
RT_INLINE i64 rt_ctx_number(struct rt_run *r, u32 n)
{
	u64 v = 0;

	bpf_probe_read_kernel(&v, sizeof(v), (u64)r->ctx + 8 * n);
	return (i64)v;
}

/* Which of n sites it is; 0: none. */
RT_INLINE u64 rt_site(struct rt_run *r, u64 n)
{
	u64 site = bpf_get_attach_cookie(r->ctx);

	rt_bound(site, n - 1);
	return site;
}

/* i + 1 where that is less than n, else 0. */
RT_INLINE u64 rt_index(i64 i, u64 n)
{
	u64 at = (u64)i + 1;

	rt_bound(at, n - 1);
	return at;
}

RT_INLINE i64 rt_func_arg(struct rt_run *r, u32 n)
{
	u64 v = 0;

	bpf_get_func_arg(r->ctx, n, &v);
	return (i64)v;
}

RT_INLINE i64 rt_func_ret(struct rt_run *r)
{
	u64 v = 0;

	bpf_get_func_ret(r->ctx, &v);
	return (i64)v;
}

/* --- system calls ---------------------------------------------------------- */

/* What a number means: handlers, 0 if there are none, and which site it is. */
struct rt_call {
	uint16_t handlers, site;
};
enum { RT_TS_COMPAT = 2 };		/* asm/thread_info.h */
#define RT_REGS_WORD(name) __builtin_offsetof(struct rt_regs, name)

RT_INLINE u64 rt_regs_word(u64 *ctx, u32 offset)
{
	u64 v = 0;

	bpf_probe_read_kernel(&v, sizeof(v), ctx[0] + offset);
	return v;
}

/* Was it made as 32-bit programs do? `status`: where task_struct tells. */
RT_INLINE int rt_is_compat(u32 status)
{
	u32 v = 0;

	if (!status)
		return 0;
	bpf_probe_read_kernel(&v, sizeof(v), bpf_get_current_task() + status);
	return (v & RT_TS_COMPAT) != 0;
}

/*
 * calls[] is n numbers of 64-bit programs and n of 32-bit ones; the last of each
 * n stands for all others. Its entry, and from bit 32 on whether it is one of a
 * 32-bit program.
 */
RT_INLINE u64 rt_call(const struct rt_call *calls, u64 n, u64 number,
		      u32 status)
{
	u64 compat;

	if (number >= n)
		number = n - 1;
	rt_bound(number, n - 1);
	if (!calls[number].handlers && !calls[n + number].handlers)
		return 0;
	compat = rt_is_compat(status);
	if (compat)
		number += n;
	rt_bound(number, 2 * n - 1);
	return calls[number].handlers | (u64)calls[number].site << 16 |
	       compat << 32;
}

#define RT_CALL_HANDLERS(call) ((call) & 0xffff)

RT_INLINE u64 rt_call_site(struct rt_run *r, u64 n)
{
	u64 site = r->call >> 16 & 0xffff;

	rt_bound(site, n - 1);
	return site;
}

/* Argument n, from 0; 6 is the call's number. */
RT_INLINE i64 rt_call_arg(struct rt_run *r, u32 n)
{
	static const u32 words[2][7] RT_CONST = {
		{ RT_REGS_WORD(di), RT_REGS_WORD(si), RT_REGS_WORD(dx),
		  RT_REGS_WORD(r10), RT_REGS_WORD(r8), RT_REGS_WORD(r9),
		  RT_REGS_WORD(orig_ax) },
		{ RT_REGS_WORD(bx), RT_REGS_WORD(cx), RT_REGS_WORD(dx),
		  RT_REGS_WORD(si), RT_REGS_WORD(di), RT_REGS_WORD(bp),
		  RT_REGS_WORD(orig_ax) },
	};
	if (r->call >> 32)
		return (i64)(u32)rt_regs_word(r->ctx, words[1][n]);
	return (i64)rt_regs_word(r->ctx, words[0][n]);
}

/* --- memory --------------------------------------------------------------- */

#define RT_LOAD(type, dst, address, space) ({ \
	type v_; \
	long e_ = bpf_probe_read_##space(&v_, sizeof(v_), (u64)(address)); \
	(dst) = (i64)v_; \
	e_; })

/* At most `max` bytes and a NUL. */
RT_INLINE long rt_load_str(char *dst, u32 cap, i64 max, u64 address, int user)
{
	u64 size = cap;
	long n;

	if (max < 0)
		max = 0;
	if ((u64)max + 1 < size) {
		size = (u64)max + 1;
		rt_opaque(size);
		if (size > cap)
			size = cap;
	}
	n = user ? bpf_probe_read_user_str(dst, size, address) :
		   bpf_probe_read_kernel_str(dst, size, address);
	return n < 0;
}

/* n bytes, 1 to cap. */
RT_INLINE long rt_load_mem(char *dst, u32 cap, i64 n, u64 address, int user)
{
	u64 size = (u64)n;

	rt_opaque(size);
	if (size > cap)
		size = cap;
	return user ? bpf_probe_read_user(dst, size, address) :
		      bpf_probe_read_kernel(dst, size, address);
}

RT_INLINE void rt_zero(char *p, u32 n)
{
	if (n <= 64)
		__builtin_memset(p, 0, n);
	else	/* an address that it refuses: it then clears */
		bpf_probe_read_kernel(p, n, 0);
}

/* --- strings -------------------------------------------------------------- */

RT_INLINE void rt_copy(char *dst, u32 cap, const char *src)
{
	bpf_probe_read_kernel_str(dst, cap, (u64)src);
}
#define RT_COPY_LIT(dst, lit) __builtin_memcpy(dst, lit, sizeof(lit))

/* Through the frame's buffer: what the verifier knows of a length is not
   enough to let the second half be written in place. */
#define rt_cat(r, dst, cap, a, b) \
	rt_cat_in(((struct rt_frame *)(r)->frame)->cat, dst, cap, a, b)
RT_INLINE void rt_cat_in(char *to, char *dst, u32 cap, const char *a,
			 const char *b)
{
	u64 n = bpf_probe_read_kernel_str(to, RT_STRING_LEN, (u64)a);

	n--;
	rt_bound(n, RT_STRING_LEN - 1);
	bpf_probe_read_kernel_str(to + n, RT_STRING_LEN, (u64)b);
	bpf_probe_read_kernel_str(dst, cap, (u64)to);
}

struct rt_cmp {
	u64 a, b;
	i64 result;
};

RT_BODY rt_cmp_turn(u32 turn, struct rt_cmp *c)
{
	unsigned char a[8], b[8];

	bpf_probe_read_kernel(a, 8, c->a + turn * 8ul);
	bpf_probe_read_kernel(b, 8, c->b + turn * 8ul);
#pragma unroll
	for (int i = 0; i < 8; i++) {
		c->result = (i64)a[i] - (i64)b[i];
		if (c->result || !a[i])
			return 1;
	}
	return 0;
}

/* < 0, 0, > 0, by bytes. */
RT_OUTLINE i64 rt_strcmp(u64 a, u64 b)
{
	struct rt_cmp c = { a, b, 0 };

	bpf_loop(RT_STRING_LEN / 8, rt_cmp_turn, &c, 0);
	return c.result;
}
#define RT_STRCMP(a, b) rt_strcmp((u64)(a), (u64)(b))

/* Whether a string whose room is n bytes, in words, equals a literal. */
#define RT_EQUALS(s, lit) rt_equals(s, lit, sizeof(lit))
RT_INLINE i64 rt_equals(const char *s, const char *lit, u32 n)
{
	u64 differ = 0, word, want;

#pragma unroll
	for (u32 i = 0; i < 32; i += 8) {
		if (i >= n)
			break;
		word = *(const u64 *)(s + i);
		want = 0;
		if (n - i >= 8) {
			__builtin_memcpy(&want, lit + i, 8);
		} else {
			__builtin_memcpy(&want, lit + i, n - i);
			word &= (1ul << 8 * (n - i)) - 1;
		}
		differ |= word ^ want;
	}
	return !differ;
}

/* A string part of a key, padded with zeroes to its width. */
RT_INLINE void rt_key_str(char *dst, u32 width, const char *src)
{
	rt_zero(dst, width);
	bpf_probe_read_kernel_str(dst, width, (u64)src);
}

/* The same of a short string on the stack that has room for as many bytes: by
   words, which are cut behind their first zero byte. */
#define RT_KEY_SHORT(dst, src) rt_key_short((u64 *)(dst), \
					    (const u64 *)(src), sizeof(dst) / 8)
RT_INLINE void rt_key_short(u64 *dst, const u64 *src, u32 words)
{
	u64 more = ~0ul, zeros, w;

#pragma unroll
	for (u32 i = 0; i < 4; i++) {
		if (i >= words)
			break;
		w = src[i];
		zeros = (w - 0x0101010101010101) & ~w & 0x8080808080808080;
		dst[i] = w & ((zeros & -zeros) - 1) & more;
		more &= zeros ? 0 : ~0ul;
	}
}
#define RT_KEY_LIT(dst, lit) \
	(rt_zero(dst, sizeof(dst)), __builtin_memcpy(dst, lit, sizeof(lit)))
#define RT_KEY_SPACE(r, type) \
	((type *)((struct rt_frame *)(r)->frame)->key)

/* Strings are arguments by their address. */
#define RT_FORMAT(dst, cap, format, ...) ({ \
	static const char f_[] __attribute__((nodebug)) = format; \
	u64 a_[] = { __VA_ARGS__ }; \
	bpf_snprintf(dst, cap, f_, a_, sizeof(a_)); })
#define RT_FORMAT_NONE(dst, cap, format) ({ \
	static const char f_[] __attribute__((nodebug)) = format; \
	bpf_snprintf(dst, cap, f_, 0, 0); })

/* --- regular expressions: see compiler/regex.h ----------------------------- */

struct rt_step {
	u64 s, at;
};

/* 8 bytes; rows 0 and 1 end it. */
RT_INLINE long rt_step(u32 turn, struct rt_step *w,
		       const unsigned char *classes, const uint16_t *next,
		       u64 size, u64 nclasses)
{
	unsigned char s[8];
	u64 at = w->at;

	bpf_probe_read_kernel(s, 8, w->s + turn * 8ul);
#pragma unroll
	for (int i = 0; i < 8; i++) {
		at += classes[s[i]];
		rt_opaque(at);
		if (at >= size)
			return 1;
		at = next[at];
		if (at <= nclasses)
			break;
	}
	w->at = at;
	return at <= nclasses;
}

#define RT_REGEX(n, nclasses, size, first) \
RT_BODY re##n##_turn(u32 turn, struct rt_step *w) \
{ \
	return rt_step(turn, w, re##n##_classes, re##n##_next, size, \
		       nclasses); \
} \
RT_OUTLINE i64 re##n##_of(u64 s) \
{ \
	struct rt_step w = { s, first + rt_some_zero() }; \
 \
	bpf_loop(RT_STRING_LEN / 8, re##n##_turn, &w, 0); \
	return w.at == nclasses; \
}

#ifndef RT_MATCH_TAGS
#define RT_MATCH(r, n, s) re##n##_of((u64)(s))
#else
struct rt_walk_tags {
	struct rt_match *m;
	u64 at;
};

#define RT_REGEX_TAGGED(n, ngroups, size, first, first_op) \
RT_BODY re##n##_turn(u32 turn, struct rt_walk_tags *w) \
{ \
	struct rt_match *m = w->m; \
	unsigned char c; \
	u64 at = w->at; \
 \
	if (turn >= RT_STRING_LEN) \
		return 1; \
	c = (unsigned char)m->s[turn]; \
	at += re##n##_classes[c]; \
	rt_opaque(at); \
	if (at >= size) \
		return 1; \
	re##n##_do(m, re##n##_op[at], (int)turn + (c != 0)); \
	w->at = at = re##n##_next[at]; \
	return !at; \
} \
RT_OUTLINE i64 re##n##_of(struct rt_match *m, u64 s) \
{ \
	struct rt_walk_tags w = { m, first + rt_some_zero() }; \
 \
	m->groups = 0; \
	bpf_probe_read_kernel_str(m->s, RT_STRING_LEN, s); \
	for (int i = 0; i < 2 * ngroups; i++) \
		m->tags[i] = -1; \
	re##n##_do(m, first_op, 0); \
	if (first) \
		bpf_loop(RT_STRING_LEN, re##n##_turn, &w, 0); \
	if (m->tags[1] < 0) \
		return 0; \
	m->groups = ngroups; \
	return 1; \
}
#define rt_match_of(r) (&((struct rt_frame *)(r)->frame)->match)
#define RT_MATCH(r, n, s) re##n##_of(rt_match_of(r), (u64)(s))
#define rt_ngroups(r) (rt_match_of(r)->groups)

RT_OUTLINE int rt_group(struct rt_match *m, char *dst, u32 cap, u64 n)
{
	u64 from, to;

	dst[0] = 0;
	if (n >= RT_MATCH_TAGS / 2)
		return 0;
	from = (u32)m->tags[2 * n];
	to = (u32)m->tags[2 * n + 1];
	rt_opaque(from);
	if (from < RT_STRING_LEN && from < to)
		rt_load_str(dst, cap, (i64)(to - from), (u64)m->s + from, 0);
	return 0;
}
#define rt_matched(r, dst, cap, n) rt_group(rt_match_of(r), dst, cap, (u64)(n))
#endif

/* --- arrays: nonzero where one is full ------------------------------------ */

RT_INLINE long rt_map_new(void *map, const void *key, u32 at, i64 v)
{
	u64 value[2] = { at == RT_SEQ ? bpf_ktime_get_ns() : 0, (u64)v };

	return bpf_map_update_elem(map, key, (char *)value + 8 - at,
				   BPF_NOEXIST);
}

RT_INLINE i64 rt_map_get(void *map, const void *key, u32 at)
{
	char *p = bpf_map_lookup_elem(map, key);

	return p ? RT_VOLATILE(*(i64 *)(p + at)) : 0;
}

/* What the compiler's own arrays (at == RT_PLAIN) get is new as a rule. */
RT_INLINE long rt_map_set(void *map, const void *key, u32 at, i64 v)
{
	char *p;

	if (at == RT_PLAIN)
		return bpf_map_update_elem(map, key, &v, BPF_ANY);
	p = bpf_map_lookup_elem(map, key);
	if (!p) {
		if (!rt_map_new(map, key, at, v))
			return 0;
		p = bpf_map_lookup_elem(map, key);
		if (!p)
			return 1;
	}
	RT_VOLATILE(*(i64 *)(p + at)) = v;
	return 0;
}

#define RT_MAP_MODIFY(map, key, at, op, a, dst, want_old) ({ \
	char *p_ = bpf_map_lookup_elem(map, key); \
	i64 a_ = (a); \
	long e_ = 0; \
	if (!p_) { \
		i64 v_ = (op) == RT_SUB ? -a_ : (op) == RT_AND ? 0 : a_; \
		e_ = rt_map_new(map, key, at, v_); \
		if (!e_) \
			(dst) = (want_old) ? 0 : v_; \
		else \
			p_ = bpf_map_lookup_elem(map, key); \
	} \
	if (p_) { \
		(dst) = rt_modify((i64 *)(p_ + (at)), op, a_, want_old); \
		e_ = 0; \
	} \
	e_; })

RT_INLINE i64 rt_map_in(void *map, const void *key)
{
	return bpf_map_lookup_elem(map, key) != 0;
}

RT_INLINE void rt_map_del(void *map, const void *key)
{
	bpf_map_delete_elem(map, key);
}

RT_INLINE void rt_map_get_str(void *map, const void *key, u32 at, char *dst,
			      u32 cap)
{
	char *p = bpf_map_lookup_elem(map, key);

	if (p)
		bpf_probe_read_kernel_str(dst, cap, (u64)(p + at));
	else
		dst[0] = 0;
}

#define rt_map_set_str(r, map, key, at, width, src) \
	rt_map_set_str_in(((struct rt_frame *)(r)->frame)->value, map, key, \
			  at, width, src)
RT_INLINE long rt_map_set_str_in(char *value, void *map, const void *key,
				 u32 at, u32 width, const char *src)
{
	char *p = bpf_map_lookup_elem(map, key);

	if (p) {
		bpf_probe_read_kernel_str(p + at, width, (u64)src);
		return 0;
	}
	*(u64 *)value = bpf_ktime_get_ns();
	rt_key_str(value + 8, width, src);
	return bpf_map_update_elem(map, key, value + 8 - at, BPF_ANY);
}

#define rt_map_cat(r, map, key, at, width, src) \
	rt_map_cat_in((struct rt_frame *)(r)->frame, map, key, at, width, src)
RT_INLINE long rt_map_cat_in(struct rt_frame *f, void *map, const void *key,
			     u32 at, u32 width, const char *src)
{
	char *p = bpf_map_lookup_elem(map, key);

	if (!p)
		return rt_map_set_str_in(f->value, map, key, at, width, src);
	rt_cat_in(f->cat, p + at, width, p + at, src);
	return 0;
}

/* --- aggregates ----------------------------------------------------------- */

#include "../stat.h"

/* True when the larger is there; else a handler came in between. */
RT_INLINE int rt_stat_try(u64 *p, u64 *seen, u64 v)
{
	u64 was = *seen;

	if (was >= v)
		return 1;
	*seen = __sync_val_compare_and_swap(p, was, v);
	return *seen == was;
}

RT_INLINE void rt_stat_raise(u64 *p, u64 v)
{
	u64 seen = RT_VOLATILE(*p);

	if (!rt_stat_try(p, &seen, v) && !rt_stat_try(p, &seen, v))
		rt_stat_try(p, &seen, v);
}

#define RT_STAT_ADD(map, key, type, zero, at, v, ops, lo, hi, step) ({ \
	type *p_ = bpf_map_lookup_elem(map, key); \
	if (!p_) { \
		long e_ = bpf_map_update_elem(map, key, zero, BPF_NOEXIST); \
		p_ = bpf_map_lookup_elem(map, key); \
		if (p_ && !e_) \
			*(u64 *)p_ = bpf_ktime_get_ns(); \
	} \
	if (p_) \
		rt_stat_add((struct stb_stat *)((char *)p_ + (at)), v, ops, \
			    lo, hi, step); \
	!p_; })

/* All CPUs' parts of one. */
struct rt_stat_sum {
	const void *key;
	struct stb_stat all;
	u64 bucket, in_bucket;	/* which, and what is in it */
};

RT_INLINE void rt_stat_merge(struct rt_stat_sum *w, const struct stb_stat *p,
			     u32 nbuckets, u32 ops)
{
	u64 at = w->bucket;

	if (nbuckets) {
		rt_bound(at, nbuckets - 1);
		w->in_bucket += ((const u64 *)(p + 1))[at];
	}
	rt_stat_join(&w->all, p, nbuckets, ops);
}

enum { RT_MOST_CPUS = 8192 };

#define RT_STAT_READER(n, nbuckets, ops) \
RT_BODY m##n##_read_turn(u32 cpu, struct rt_stat_sum *w) \
{ \
	char *p = bpf_map_lookup_percpu_elem(RT_MAP(n), w->key, cpu); \
 \
	if (!p) \
		return 1; \
	rt_stat_merge(w, &((struct m##n##_value *)p)->stat, nbuckets, ops); \
	return 0; \
} \
RT_INLINE void m##n##_sum(struct rt_stat_sum *w, const void *key, u64 bucket) \
{ \
	u64 zero = rt_some_zero(); \
 \
	*w = (struct rt_stat_sum){ key, { (i64)zero, (i64)zero, zero, zero, \
					  zero, zero }, bucket, zero }; \
	bpf_loop(RT_MOST_CPUS, m##n##_read_turn, w, 0); \
} \
RT_OUTLINE long m##n##_read(const void *key, u32 what, i64 *dst) \
{ \
	struct rt_stat_sum w; \
 \
	m##n##_sum(&w, key, 0); \
	return rt_stat_result(&w.all, what, dst); \
} \
RT_OUTLINE long m##n##_bucket(const void *key, u64 bucket, i64 *dst) \
{ \
	struct rt_stat_sum w; \
 \
	m##n##_sum(&w, key, bucket); \
	*dst = bucket < (nbuckets) ? (i64)w.in_bucket : 0; \
	return w.all.count <= 0; \
}

/* --- records -------------------------------------------------------------- */

/* A sample was sent while the loader went to sleep: it looks at the ring after
   it has set `waiting`, so one of the two sees the other. */
RT_INLINE void rt_sent(u64 flags)
{
	if (flags != BPF_RB_FORCE_WAKEUP && RT_VOLATILE(RT_SHARED->waiting))
		rt_wake();
}

/* One record of a known size, written where the loader will read it. */
#define RT_ROOM(name, size) struct { u32 len, room; char s[size]; } name
#define RT_RESERVE(p) rt_reserve(sizeof(*(p)))
#define RT_HEADER(p, format) ((p)->record = (struct stb_record){ \
	sizeof(*(p)), STB_REC_PRINT, format })
RT_INLINE void *rt_reserve(u64 size)
{
	u64 with = size + RT_STAMP;
	char *p;

	if (!rt_stamped())
		return bpf_ringbuf_reserve(&RT_RING, size, 0);
	rt_opaque(with);
	p = bpf_ringbuf_reserve(&RT_RING, with, 0);
	if (p)
		rt_stamp(p + size);
	return p;
}

#define RT_FILL(field, src) do { \
	long n_ = bpf_probe_read_kernel_str((field).s, sizeof((field).s), \
					    (u64)(src)); \
	(field).len = n_ > 0 ? (u32)n_ - 1 : 0; \
	(field).room = sizeof((field).s); \
} while (0)
#define RT_FILL_MEM(field, src, n) do { \
	bpf_probe_read_kernel((field).s, n, (u64)(src)); \
	(field).len = n; \
	(field).room = sizeof((field).s); \
} while (0)
#define RT_FILL_LIT(field, lit) do { \
	(field).len = sizeof(lit) - 1; \
	(field).room = sizeof((field).s); \
	__builtin_memcpy((field).s, lit, sizeof(lit)); \
} while (0)

RT_INLINE void rt_submit(void *p)
{
	u64 flags = rt_wakeup();

	bpf_ringbuf_submit(p, flags);
	rt_sent(flags);
}

/* All records that a run has gathered, in one sample. */
RT_OUTLINE int rt_send(char *out, u64 n)
{
	u64 flags = rt_wakeup();

	if (n > RT_OUT_SIZE)
		return 0;
	if (rt_stamped()) {
		rt_stamp(out + n);
		n += RT_STAMP;
	}
	if (bpf_ringbuf_output(&RT_RING, out, n, flags))
		rt_lost();
	else
		rt_sent(flags);
	return 0;
}

/* Where a record of at most `max` bytes begins in `out`. */
#define rt_record(r, max) rt_record_in((struct rt_frame *)(r)->frame, max)
RT_INLINE u64 rt_record_in(struct rt_frame *f, u64 max)
{
	u64 n = f->state.out_n;

	rt_opaque(n);
	if (n > RT_OUT_SIZE - max) {
		rt_send(f->out, n);
		f->state.out_n = 0;
		n = 0;
	}
	rt_bound(n, RT_OUT_SIZE - max);
	return n;
}

#define RT_OUT(r) (((struct rt_frame *)(r)->frame)->out)
RT_INLINE u64 rt_put_long(char *out, u64 n, i64 v)
{
	*(i64 *)(out + n) = v;
	return n + 8;
}

RT_INLINE u64 rt_put_str(char *out, u64 n, const char *src, u32 cap)
{
	long len = bpf_probe_read_kernel_str(out + n + 8, cap, (u64)src);
	u64 room;

	len = len > 0 ? len - 1 : 0;
	room = ((u64)len + 7) & ~7ul;
	*(u32 *)(out + n) = (u32)len;
	*(u32 *)(out + n + 4) = (u32)room;
	rt_bound(room, (cap + 6) & ~7u);
	return n + 8 + room;
}

RT_INLINE u64 rt_put_mem(char *out, u64 n, const char *src, u32 size)
{
	u32 room = (size + 7) & ~7u;

	*(u32 *)(out + n) = size;
	*(u32 *)(out + n + 4) = room;
	bpf_probe_read_kernel(out + n + 8, size, (u64)src);
	return n + 8 + room;
}

#define RT_PUT_LIT(out, n, lit) rt_put_lit(out, n, lit, sizeof(lit) - 1)
RT_INLINE u64 rt_put_lit(char *out, u64 n, const char *lit, u32 len)
{
	u32 room = (len + 7) & ~7u;

	*(u32 *)(out + n) = len;
	*(u32 *)(out + n + 4) = room;
	__builtin_memcpy(out + n + 8, lit, len);
	return n + 8 + room;
}

#define rt_record_end(r, from, to, format) \
	rt_record_end_in((struct rt_frame *)(r)->frame, from, to, format)
RT_INLINE void rt_record_end_in(struct rt_frame *f, u64 from, u64 to, u32 format)
{
	*(struct stb_record *)(f->out + from) = (struct stb_record){
		(u32)(to - from), STB_REC_PRINT, (uint16_t)format };
	f->state.out_n = to;
}

/* The record of error(), for the end of the run: arguments at fixed places. */
#define RT_RAISE(r) (((struct rt_frame *)(r)->frame)->raise)
#define rt_raise_long(r, at, v) (*(i64 *)(RT_RAISE(r) + (at)) = (v))
#define rt_raise_str(r, at, size, src) do { \
	long n_ = bpf_probe_read_kernel_str(RT_RAISE(r) + (at) + 8, size, \
					    (u64)(src)); \
	*(u32 *)(RT_RAISE(r) + (at)) = n_ > 0 ? (u32)n_ - 1 : 0; \
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
#define rt_finish(r) rt_finish_in((struct rt_frame *)(r)->frame)
RT_OUTLINE int rt_finish_in(struct rt_frame *f)
{
	u64 n = f->state.out_n;

	if (n)
		rt_send(f->out, n);
	if (!f->state.err)
		return 0;
	n = f->state.raised;
	if (!n)
		return rt_report_fault(&f->state);
	if (n > RT_RAISE_SIZE)
		return 0;
	if (rt_stamped()) {
		rt_stamp(f->raise + n);
		n += RT_STAMP;
	}
	if (bpf_ringbuf_output(&RT_RING, f->raise, n, BPF_RB_FORCE_WAKEUP))
		rt_lost();
	if (__sync_fetch_and_add(&RT_SHARED->errors, 1) >= RT_MAX_ERRORS)
		rt_stop(STB_FAILED);
	return 0;
}

/* --- built-in functions ---------------------------------------------------- */

#include "task.h"
#define rt_uid(r) ((i64)(u32)bpf_get_current_uid_gid())
#define rt_gid(r) ((i64)(bpf_get_current_uid_gid() >> 32))
#define rt_cpu(r) ((i64)bpf_get_smp_processor_id())
#define rt_target(r) (RT_SHARED->target_pid)
#define rt_session_runs(r) ((i64)(RT_VOLATILE(RT_SHARED->state) == STB_RUNNING))
/*
 * v, the return address at a slot of the stack; where a kretprobe's trampoline
 * is in its place, what was there before. The task's list of those that go on
 * has the newest first; several of one call have one slot. The last arguments
 * are offsets: of the list, and of members of its nodes.
 */
static inline __attribute__((always_inline)) i64
return_address(i64 v, i64 slot, i64 trampoline, i64 list, i64 link, i64 back,
	       i64 frame)
{
	u64 node = 0, at = 0;

	if (v != trampoline)
		return v;
	bpf_probe_read_kernel(&node, sizeof(node),
			      bpf_get_current_task() + list);
#pragma clang loop unroll(disable)
	for (int i = 0; i < 64 && node && v == trampoline; i++) {
		bpf_probe_read_kernel(&at, sizeof(at), node - link + frame);
		if ((i64)at == slot)
			bpf_probe_read_kernel(&v, sizeof(v),
					      node - link + back);
		bpf_probe_read_kernel(&node, sizeof(node), node);
	}
	return v;
}
#define rt_return_address(r, v, ...) return_address(v, __VA_ARGS__)

#define rt_wall(r) ((i64)bpf_ktime_get_ns() + RT_SHARED->wall_offset)
#define rt_gettimeofday_ns(r) rt_wall(r)
#define rt_gettimeofday_us(r) ((i64)((u64)rt_wall(r) / 1000))
#define rt_gettimeofday_ms(r) ((i64)((u64)rt_wall(r) / 1000000))
#define rt_gettimeofday_s(r) ((i64)((u64)rt_wall(r) / 1000000000))
#define rt_jiffies(r) ((i64)bpf_jiffies64())
#define rt_ktime_get_ns(r) ((i64)bpf_ktime_get_ns())

RT_INLINE i64 rt_randint(struct rt_run *r, i64 n)
{
	return n > 0 ? (i64)(bpf_get_prandom_u32() % (u64)n) : 0;
}

#define rt___raise(r, number) (bpf_send_signal_thread((u32)(number)) < 0)

/* The event bpf_trace_printk of the trace buffer. */
RT_INLINE long rt_ftrace_of(u64 s)
{
	static const char format[] RT_CONST = "%s";

	return bpf_trace_printk(format, sizeof(format), s) < 0;
}
#define rt_ftrace(r, s) rt_ftrace_of((u64)(s))

#include "strings.h"
#include "stack.h"
#ifdef RT_USER
#include "user.h"
#endif
#include "quote.h"
#include "python.h"
#include "each.h"
#ifdef RT_WORDS
#include "words.h"
#endif

#endif
