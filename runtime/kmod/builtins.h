/* SPDX-License-Identifier: GPL-2.0-or-later */
/* builtins.h - the built-in functions of the language, in a module. */
#ifndef STB_KMOD_BUILTINS_H
#define STB_KMOD_BUILTINS_H

#include "../python.h"

#ifdef RT_TASK_PID
#define rt_task(r) ((r)->other ?: current)
#else
#define rt_task(r) current
#endif
#define rt_pid(r) ((i64)rt_task(r)->tgid)
#define rt_tid(r) ((i64)rt_task(r)->pid)
#define rt_ppid(r) stb_ppid()
#define rt_uid(r) ((i64)from_kuid(&init_user_ns, current_uid()))
#define rt_gid(r) ((i64)from_kgid(&init_user_ns, current_gid()))
#define rt_euid(r) ((i64)from_kuid(&init_user_ns, current_euid()))
#define rt_egid(r) ((i64)from_kgid(&init_user_ns, current_egid()))
#define rt_cpu(r) ((i64)raw_smp_processor_id())
#define rt_task_current(r) ((i64)rt_task(r))
#define rt_target(r) ((i64)RT_SHARED->target_pid)
#define rt_session_runs(r) ((i64)rt_running())
#define rt_execname(r, dst, cap) stb_copy(dst, cap, rt_task(r)->comm)
#define rt_wall(r) ((i64)ktime_get_mono_fast_ns() + RT_SHARED->wall_offset)
#define rt_gettimeofday_ns(r) rt_wall(r)
#define rt_gettimeofday_us(r) ((i64)((u64)rt_wall(r) / 1000))
#define rt_gettimeofday_ms(r) ((i64)((u64)rt_wall(r) / 1000000))
#define rt_gettimeofday_s(r) ((i64)((u64)rt_wall(r) / 1000000000))
#define rt_jiffies(r) ((i64)get_jiffies_64())
#define rt_ktime_get_ns(r) ((i64)ktime_get_mono_fast_ns())
#define rt_get_cycles(r) ((i64)get_cycles())
#define rt___tz_gmtoff(r) ((i64)RT_SHARED->west)
#define rt___tz_name(r, dst, cap) stb_copy(dst, cap, RT_SHARED->zone)
#define rt_randint(r, n) stb_random(n)

/* Lines of the kernel's log, at a level, and of its trace. */
RT_INLINE long rt_printk_of(i64 level, const char *s)
{
	char head[] = KERN_SOH "0";

	head[1] = (char)('0' + (level & 7));
	printk("%s%s\n", head, s);
	return 0;
}
#define rt_printk(r, level, s) rt_printk_of(level, s)
#ifdef CONFIG_TRACING
#define rt_ftrace(r, s) ((void)__trace_puts(_THIS_IP_, s, \
					    (int)stb_strlen(s)), 0L)
#else
#define rt_ftrace(r, s) 0L
#endif

/* --- $value of a file --------------------------------------------------------------- */

#define rt___file_value(r, dst, cap) rt_file(r, dst, cap, NULL, 0)
#define rt___file_set(r, dst, cap, s) rt_file(r, dst, cap, s, 0)
#define rt___file_add(r, dst, cap, s) rt_file(r, dst, cap, s, 1)
RT_OUTLINE int rt_file(struct rt_run *r, char *dst, u32 cap, const char *s,
		       int behind)
{
	struct stb_task *t = r->task;
	u32 at, n;

	dst[0] = 0;
	if (!t || !t->value)
		return 0;
	if (s) {
		at = behind ? t->value_len : 0;
		n = min(stb_strlen(s), t->value_cap - at);
		memcpy(t->value + at, s, n);
		t->value_len = at + n;
	}
	t->value[t->value_len] = 0;
	stb_copy(dst, cap, t->value);
	return 0;
}

/*
 * v, the return address at a slot of the stack; see runtime/bpf/engine.h.
 */
RT_OUTLINE i64 rt_return_address_of(i64 v, i64 slot, i64 trampoline, i64 list,
				    i64 link, i64 back, i64 frame)
{
	u64 node = 0, at = 0;
	int i;

	if (v != trampoline)
		return v;
	stb_read(&node, 8, (u64)current + list, 0);
	for (i = 0; i < 64 && node && v == trampoline; i++) {
		stb_read(&at, 8, node - link + frame, 0);
		if ((i64)at == slot)
			stb_read(&v, 8, node - link + back, 0);
		if (stb_read(&node, 8, node, 0))
			break;
	}
	return v;
}
#define rt_return_address(r, v, ...) rt_return_address_of(v, __VA_ARGS__)

/* the line of a frame of Python's: __py_line(table, size, unit, first line) */

RT_INLINE i64 rt_line_of(u64 table, u64 size, i64 unit, i64 first)
{
	struct rt_lines w = { .at = table, .unit = unit, .line = first };
	u64 i;

	for (i = 0; unit >= 0 && i < size && i < RT_MOST_TABLE; i++) {
		unsigned char byte;

		if (stb_read(&byte, 1, w.at++, rt_space_user) ||
		    rt_lines_step(&w, byte))
			break;
	}
	return w.line;
}
#define rt___py_line(r, table, size, unit, first) \
	rt_line_of((u64)(table), (u64)(size), (i64)(unit), (i64)(first))

#endif
