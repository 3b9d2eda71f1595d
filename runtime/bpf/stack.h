/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack.h - the kernel's stack where a probe fired, and names of addresses, for
 * handlers in the kernel. The kernel unwinds, with its own tables. What of the
 * stack is not the probe's own, the way tells (`way`, rt.h): frames of what
 * called the program are left out, and the first address is the probed one.
 *
 * Names are those of the kernel's own table, through bpf_snprintf("%ps"), which
 * asks nobody for rights to see addresses and knows modules, too.
 */
#ifndef STB_BPF_STACK_H
#define STB_BPF_STACK_H

static long (*const bpf_get_stack)(void *, void *, u32, u64) = (void *)67;
static u64 (*const bpf_get_func_ip)(void *) = (void *)173;
static void *(*const bpf_get_current_task_btf)(void) = (void *)158;
static void *(*const bpf_task_pt_regs)(void *) = (void *)175;

/* The entry of the function that is entered or returns. */
#define rt_func_ip(r) ((i64)bpf_get_func_ip((r)->ctx))

/* Where the task was in its program; 0: it has none. */
RT_INLINE i64 rt_uaddr(struct rt_run *r)
{
	u64 regs = (u64)bpf_task_pt_regs(bpf_get_current_task_btf());
	struct rt_regs u;

	if (bpf_probe_read_kernel(&u, sizeof(u), regs) || (u.cs & 3) != 3)
		return 0;
	return (i64)u.ip;
}

/* --- the stack -------------------------------------------------------------- */

enum { RT_FRAMES_MOST = 20, RT_TRACE_DEPTH = 10 };

#ifdef RT_TRACES
/* Frames in front of the tracepoint's: the program, the kernel's function that
   runs programs, the tracepoint's own two functions. */
RT_INLINE u64 rt_trace_skip(void *ctx, u64 way)
{
	static const u64 ranges[][6] RT_CONST = { RT_TRACES };
	u64 f[RT_TRACE_DEPTH] = { 0 }, skip = 0, n = way - RT_WAY_TRACE, a;

	if (n >= sizeof(ranges) / sizeof(ranges[0]))
		return 0;
	bpf_get_stack(ctx, f, sizeof(f), 0);
#pragma unroll
	for (u64 i = 0; i < RT_TRACE_DEPTH; i++) {
		a = f[i] - RT_SHARED->slide - 1;	/* behind the call */
		if (a - ranges[n][0] < ranges[n][1] ||
		    a - ranges[n][2] < ranges[n][3] ||
		    a - ranges[n][4] < ranges[n][5])
			skip = i + 1;
	}
	return skip;
}
#elif defined(RT_TRACES_BY_NAME)
RT_INLINE u64 rt_trace_skip(void *ctx, u64 way)
{
	static const char format[] __attribute__((nodebug)) = "%ps";
	u64 f[RT_TRACE_DEPTH] = { 0 }, skip = 0, a;
	char name[16];

	bpf_get_stack(ctx, f, sizeof(f), 0);
#pragma unroll
	for (u64 i = 0; i < RT_TRACE_DEPTH; i++) {
		a = f[i] - 1;		/* behind the call */
		rt_zero(name, sizeof(name));
		bpf_snprintf(name, sizeof(name), format, &a, sizeof(a));
		if (RT_IS_TRACE(name))
			skip = i + 1;
	}
	return skip;
}
#else
#define rt_trace_skip(ctx, way) 0
#endif

/* A program's function returns: the kernel's stack is not looked at there. */
#define rt_user_returns_by(way) ((u64)(way) >> 47 == 1 << 16)

/* Addresses from number skip on, to `size` bytes; how many bytes. */
RT_OUTLINE long rt_stack_of(void *ctx, u64 *to, u32 size, u64 skip, u64 way)
{
	u64 own = skip;
	long n;

	if (way == RT_WAY_NONE || rt_user_returns_by(way) ||
	    skip >= RT_FRAMES_MOST)
		return 0;
	if (way >= RT_WAY_TRACE && way < RT_WAY_ADDRESS)
		skip += rt_trace_skip(ctx, way);
	n = bpf_get_stack(ctx, to, size, skip & 0xff);
	if (n < 8)
		return 0;
	if (own)
		return n;
	if (way == RT_WAY_PC)
		to[0]--;
	else if ((i64)way < 0)
		to[0] = way;
	return n;
}

#define rt_raw_stack(r, dst, cap, way) \
	rt_raw_stack_of((r)->ctx, dst, cap, (u64)(way))
RT_INLINE void rt_raw_stack_of(void *ctx, char *dst, u32 cap, u64 way)
{
	rt_zero(dst, cap);
	rt_stack_of(ctx, (u64 *)dst, cap, 0, way);
}

#define rt_stack(r, dst, n, way) \
	rt_stack_at((r)->ctx, dst, (u64)(n), (u64)(way))
RT_INLINE long rt_stack_at(void *ctx, i64 *dst, u64 n, u64 way)
{
	u64 a = 0;

	if (rt_stack_of(ctx, &a, sizeof(a), n, way) < 8 || !a)
		return 1;
	*dst = (i64)a;
	return 0;
}

/* --- as text: "0x", 16 digits, a blank --------------------------------------- */

enum { RT_ADDRESS_TEXT = 19 };

/* The digits of 32 bits, in the order of memory. */
RT_INLINE u64 rt_hex(u64 v)
{
	const u64 ones = 0x0101010101010101;

	v = (v | v << 16) & 0x0000ffff0000ffff;
	v = (v | v << 8) & 0x00ff00ff00ff00ff;
	v = __builtin_bswap64((v | v << 4) & 15 * ones);
	return v + '0' * ones +
	       ((v + 6 * ones) >> 4 & ones) * ('a' - '0' - 10);
}

/* One address; no NUL behind it. */
RT_INLINE void rt_put_address(char *at, u64 a)
{
	*(uint16_t *)at = '0' | 'x' << 8;
	*(u64 *)(at + 2) = rt_hex(a >> 32);
	*(u64 *)(at + 10) = rt_hex((u32)a);
	*(uint16_t *)(at + 18) = ' ';
}

/* How many addresses there were. They lie at the end of the room until each
   becomes text, which never reaches the next. */
RT_INLINE u64 rt_stack_text(void *ctx, char *dst, u32 cap, u64 way)
{
	u32 room = cap & ~7u, most = (room - 1) / RT_ADDRESS_TEXT;
	u64 *raw, count = 0, a;

	if (most > RT_FRAMES_MOST)
		most = RT_FRAMES_MOST;
	raw = (u64 *)(dst + room - 8 * most);
	rt_zero((char *)raw, 8 * most);
	dst[0] = 0;
	if (!most || rt_stack_of(ctx, raw, 8 * most, 0, way) < 8)
		return 0;
#pragma unroll
	for (u32 i = 0; i < RT_FRAMES_MOST; i++) {
		char *at = dst + i * RT_ADDRESS_TEXT;

		if (i >= most)
			break;
		a = raw[i];
		if (!a)
			break;
		rt_put_address(at, a);
		count++;
	}
	return count;
}

/* Of the usual size: once a program. */
enum { RT_BACKTRACE_SIZE = 384 };
RT_OUTLINE u64 rt_stack_text_full(void *ctx, char *dst, u64 way)
{
	return rt_stack_text(ctx, dst, RT_BACKTRACE_SIZE, way);
}
#define rt_stack_text_of(ctx, dst, cap, way) \
	((cap) == RT_BACKTRACE_SIZE ? rt_stack_text_full(ctx, dst, way) : \
				      rt_stack_text(ctx, dst, cap, way))
#define rt_backtrace(r, dst, cap, way) \
	rt_stack_text_of((r)->ctx, dst, cap, (u64)(way))

/* The first n + 1, or all of them for -1. */
#define rt_callers(r, dst, cap, n, way) ({ \
	u64 count_ = rt_stack_text_of((r)->ctx, dst, cap, (u64)(way)); \
	rt_cut_callers(dst, cap, count_, n); })
RT_INLINE long rt_cut_callers(char *dst, u32 cap, u64 count, i64 n)
{
	u64 end;

	if (n != -1 && (u64)n >= count)
		return 1;
	end = (n == -1 ? count : (u64)n + 1) * RT_ADDRESS_TEXT - 1;
	rt_bound(end, cap - 1);
	dst[end] = 0;
	return 0;
}

/* --- names ------------------------------------------------------------------- */

/* Where a byte is first in a string of at most 256; -1: nowhere. */
struct rt_seek {
	u64 s, c;
	i64 at;
};

RT_BODY rt_seek_turn(u32 turn, struct rt_seek *f)
{
	unsigned char s[8];

	bpf_probe_read_kernel(s, 8, f->s + turn * 8ul);
#pragma unroll
	for (int i = 0; i < 8; i++) {
		if (s[i] == f->c) {
			f->at = (i64)turn * 8 + i;
			return 1;
		}
		if (!s[i])
			return 1;
	}
	return 0;
}

RT_OUTLINE i64 rt_seek(u64 s, u64 c)
{
	struct rt_seek f = { s, c, -1 };

	bpf_loop(256 / 8, rt_seek_turn, &f, 0);
	return f.at;
}

/* Ends the string in front of the first c. */
#define rt_cut_at(dst, cap, c) do { \
	u64 at_ = (u64)rt_seek((u64)(dst), c); \
	if (at_ < (cap)) \
		(dst)[at_] = 0; \
} while (0)

RT_INLINE int rt_is_number(const char *s)
{
	return s[0] == '0' && s[1] == 'x';
}

/* Is it an address of the kernel itself, no module's? Where that is not known,
   what its name says tells. */
#ifdef RT_IMAGE
#define rt_in_image(a) ((u64)(a) - RT_SHARED->slide - RT_IMAGE < RT_IMAGE_SIZE)
#else
#define rt_in_image(a) 0
#endif

/* "name", or "name [module]" of which the name is wanted */
#define rt_symname(r, dst, cap, a) do { \
	RT_FORMAT(dst, cap, "%ps", (u64)(a)); \
	if (!rt_in_image(a)) \
		rt_cut_at(dst, cap, ' '); \
} while (0)

/* The kernel says nothing of itself. */
#ifdef RT_IMAGE
#define rt_symdata(r, dst, cap, a) do { \
	if (rt_in_image(a)) \
		RT_FORMAT(dst, cap, "%pS [kernel]", (u64)(a)); \
	else \
		RT_FORMAT(dst, cap, "%pS", (u64)(a)); \
} while (0)
#else
#define rt_symdata(r, dst, cap, a) do { \
	RT_FORMAT(dst, cap, "%pS", (u64)(a)); \
	if (!rt_is_number(dst) && rt_seek((u64)(dst), ' ') < 0) \
		RT_FORMAT(dst, cap, "%pS [kernel]", (u64)(a)); \
} while (0)
#endif

/* What stands in brackets, or "kernel"; 1: nothing is known. */
#define rt_modname(r, dst, cap, a) ({ \
	long none_ = rt_modname_in(dst, cap, (u64)(a)); \
	if (!none_) \
		rt_cut_at(dst, cap, ']'); \
	none_; })
RT_INLINE long rt_modname_in(char *dst, u32 cap, u64 a)
{
	char text[160] __attribute__((aligned(8)));
	i64 at;

	if (rt_in_image(a)) {
		RT_COPY_LIT(dst, "kernel");
		return 0;
	}
	RT_FORMAT(text, sizeof(text), "%ps", a);
	if (rt_is_number(text))
		return 1;
	at = rt_seek((u64)text, '[');
	if (at < 0)
		RT_COPY_LIT(dst, "kernel");
	else
		bpf_probe_read_kernel_str(dst, cap, (u64)text + (u64)at + 1);
	return 0;
}

#endif
