/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack.h - the kernel's stack where a probe fired, as handlers see it; see
 * `way` in rt.h. runtime/bpf/stack.h says the same for the other engine.
 */
#ifndef STB_KMOD_STACK_H
#define STB_KMOD_STACK_H

enum { RT_FRAMES_MOST = 20, RT_TRACE_DEPTH = 4, RT_ADDRESS_TEXT = 19 };

/* The entry of the function that is entered or returns: kprobes stand behind
   its endbr64, which the kernel overwrites where nothing calls it indirectly. */
#define rt_func_ip(r) rt_entry_of((r)->func)
RT_INLINE i64 rt_entry_of(u64 at)
{
	u32 before = 0;

	if (!stb_read(&before, 4, at - 4, 0) &&
	    (before == 0xfa1e0ff3 || before == 0x001f0f66 ||
	     before == 0xd6401f0f))
		at -= 4;
	return (i64)at;
}

#define rt_uaddr(r) stb_uaddr()

#ifdef RT_TRACES
/* Frames in front of the tracepoint's: its own functions. */
RT_INLINE u32 rt_trace_skip(const u64 *f, u32 n, u64 way)
{
	static const u64 ranges[][6] = { RT_TRACES };
	u64 trace = way - RT_WAY_TRACE, a;
	u32 skip = 0, i;

	if (trace >= sizeof(ranges) / sizeof(ranges[0]))
		return 0;
	for (i = 0; i < n && i < RT_TRACE_DEPTH; i++) {
		a = f[i] - RT_SHARED->slide - 1;	/* behind the call */
		if (a - ranges[trace][0] < ranges[trace][1] ||
		    a - ranges[trace][2] < ranges[trace][3] ||
		    a - ranges[trace][4] < ranges[trace][5])
			skip = i + 1;
	}
	return skip;
}
#elif defined(RT_TRACES_BY_NAME)
RT_INLINE u32 rt_trace_skip(const u64 *f, u32 n, u64 way)
{
	u32 skip = 0, i;
	char name[16];

	for (i = 0; i < n && i < RT_TRACE_DEPTH; i++) {
		memset(name, 0, sizeof(name));
		stb_symname(name, sizeof(name), f[i] - 1);
		if (RT_IS_TRACE(name))
			skip = i + 1;
	}
	return skip;
}
#else
#define rt_trace_skip(f, n, way) 0
#endif

/* `most` addresses from number skip on; how many. */
RT_OUTLINE u32 rt_stack_of(struct rt_run *r, u64 *to, u32 most, u64 skip,
			   u64 way)
{
	u64 f[RT_FRAMES_MOST + RT_TRACE_DEPTH], own = skip;
	bool trace = way >= RT_WAY_TRACE && way < RT_WAY_ADDRESS;
	u32 n;

	if (way == RT_WAY_NONE || skip >= RT_FRAMES_MOST || r->task)
		return 0;
	n = stb_stack(trace ? NULL : r->ctx, f, ARRAY_SIZE(f));
	if (trace)
		skip += rt_trace_skip(f, n, way);
	if (skip >= n)
		return 0;
	n = min3(n - (u32)skip, most, (u32)RT_FRAMES_MOST);
	memcpy(to, f + skip, n * 8);
	if (!own && way == RT_WAY_PC)
		to[0]--;
	else if (!own && (i64)way < 0)
		to[0] = way;
	return n;
}

RT_INLINE void rt_raw_stack(struct rt_run *r, char *dst, u32 cap, i64 way)
{
	__builtin_memset(dst, 0, cap);
	rt_stack_of(r, (u64 *)dst, cap / 8, 0, (u64)way);
}

RT_INLINE long rt_stack(struct rt_run *r, i64 *dst, i64 n, i64 way)
{
	u64 a = 0;

	if (!rt_stack_of(r, &a, 1, (u64)n, (u64)way) || !a)
		return 1;
	*dst = (i64)a;
	return 0;
}

/* "0x", 16 digits, a blank; no NUL behind it. */
RT_INLINE void rt_put_address(char *at, u64 a)
{
	u32 k;

	at[0] = '0';
	at[1] = 'x';
	for (k = 0; k < 16; k++)
		at[2 + k] = "0123456789abcdef"[a >> (60 - 4 * k) & 15];
	at[18] = ' ';
}

/* How many. */
RT_OUTLINE u32 rt_backtrace(struct rt_run *r, char *dst, u32 cap, i64 way)
{
	u64 f[RT_FRAMES_MOST];
	u32 n, i;

	dst[0] = 0;
	n = rt_stack_of(r, f, min((cap - 1) / RT_ADDRESS_TEXT,
				  (u32)RT_FRAMES_MOST), 0, (u64)way);
	for (i = 0; i < n; i++) {
		rt_put_address(dst + i * RT_ADDRESS_TEXT, f[i]);
		dst[(i + 1) * RT_ADDRESS_TEXT] = 0;
	}
	return n;
}

/* The first n + 1, or all of them for -1. */
#define rt_callers(r, dst, cap, n, way) \
	rt_cut_callers(dst, cap, rt_backtrace(r, dst, cap, way), n)
RT_INLINE long rt_cut_callers(char *dst, u32 cap, u64 count, i64 n)
{
	if (n != -1 && (u64)n >= count)
		return 1;
	if (count)
		dst[(n == -1 ? count : (u64)n + 1) * RT_ADDRESS_TEXT - 1] = 0;
	return 0;
}

/* A line each. */
#define rt_sprint_backtrace(r, dst, cap, way) \
	rt_sprint_stack_of(r, dst, cap, (u64)(way))
RT_OUTLINE int rt_sprint_stack_of(struct rt_run *r, char *dst, u32 cap, u64 way)
{
	u64 f[RT_FRAMES_MOST];
	u32 n = rt_stack_of(r, f, RT_FRAMES_MOST, 0, way), i, at = 0;

	dst[0] = 0;
	for (i = 0; i < n; i++)
		at += stb_symline(dst + at, cap - at, f[i]);
	return 0;
}

#define rt_symname(r, dst, cap, a) stb_symname(dst, cap, (u64)(a))
#define rt_symdata(r, dst, cap, a) stb_symdata(dst, cap, (u64)(a))
#define rt_modname(r, dst, cap, a) stb_modname(dst, cap, (u64)(a))

#endif
