/* SPDX-License-Identifier: GPL-2.0-or-later */
/* builtins.h - the built-in functions of the language, in a module. */
#ifndef STB_KMOD_BUILTINS_H
#define STB_KMOD_BUILTINS_H

#define rt_pid(r) ((i64)current->tgid)
#define rt_tid(r) ((i64)current->pid)
#define rt_ppid(r) stb_ppid()
#define rt_uid(r) ((i64)from_kuid(&init_user_ns, current_uid()))
#define rt_gid(r) ((i64)from_kgid(&init_user_ns, current_gid()))
#define rt_euid(r) ((i64)from_kuid(&init_user_ns, current_euid()))
#define rt_egid(r) ((i64)from_kgid(&init_user_ns, current_egid()))
#define rt_cpu(r) ((i64)raw_smp_processor_id())
#define rt_task_current(r) ((i64)current)
#define rt_target(r) ((i64)RT_SHARED->target_pid)
#define rt_execname(r, dst, cap) stb_copy(dst, cap, current->comm)
#define rt_wall(r) ((i64)ktime_get_mono_fast_ns() + RT_SHARED->wall_offset)
#define rt_gettimeofday_ns(r) rt_wall(r)
#define rt_gettimeofday_us(r) ((i64)((u64)rt_wall(r) / 1000))
#define rt_gettimeofday_ms(r) ((i64)((u64)rt_wall(r) / 1000000))
#define rt_gettimeofday_s(r) ((i64)((u64)rt_wall(r) / 1000000000))
#define rt_jiffies(r) ((i64)get_jiffies_64())
#define rt_ktime_get_ns(r) ((i64)ktime_get_mono_fast_ns())
#define rt_get_cycles(r) ((i64)get_cycles())
#define rt_randint(r, n) stb_random(n)

/* --- strings ------------------------------------------------------------------ */

#define rt_strlen(r, s) ((i64)stb_strlen(s))
#define rt_strpos(r, s, what) ((i64)stb_find(s, what))
#define rt_isinstr(r, s, what) ((i64)(stb_find(s, what) >= 0))
#define rt_strtol(r, s, base) ((i64)stb_strtol(s, (u64)(base)))
#define rt_str_replace(r, dst, cap, s, old, new) \
	stb_replace_in(RT_HEAD(r)->cat, RT_STRING_LEN, dst, cap, s, old, new)
#define rt_tolower(r, dst, cap, s) stb_change_case(dst, cap, s, 0)
#define rt_toupper(r, dst, cap, s) stb_change_case(dst, cap, s, 1)

/* substr(): characters of s from start, at most length of them. */
RT_OUTLINE int rt_substr_of(char *dst, u32 cap, const char *s, i64 start,
			    i64 length)
{
	if (start < 0 || length <= 0 || start >= (i64)stb_strlen(s)) {
		dst[0] = 0;
		return 0;
	}
	stb_copy(dst, (u64)length < cap ? (u32)length + 1 : cap, s + start);
	return 0;
}
#define rt_substr(r, dst, cap, s, start, length) \
	rt_substr_of(dst, cap, s, start, length)

/* stringat(s, i) and stringat(s, from, to) */
#define RT_PICK(_1, _2, _3, _4, _5, name, ...) name
#define rt_stringat(r, ...) \
	RT_PICK(__VA_ARGS__, rt_stringat_range, , rt_stringat_one, , ) \
	(__VA_ARGS__)
RT_INLINE long rt_stringat_one(i64 *dst, const char *s, i64 i)
{
	if (i < 0 || i >= (i64)stb_strlen(s))
		return 1;
	*dst = (unsigned char)s[i];
	return 0;
}

RT_INLINE long rt_stringat_range(char *dst, u32 cap, const char *s, i64 from,
				 i64 to)
{
	if (from < 0 || to < from || to >= (i64)stb_strlen(s))
		return 1;
	rt_substr_of(dst, cap, s, from, to - from + 1);
	return 0;
}

#endif
