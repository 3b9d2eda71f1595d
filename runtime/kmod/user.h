/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * user.h - what runtime/stacks.h wants, in a module: user.c.
 */
#ifndef STB_KMOD_USER_H
#define STB_KMOD_USER_H

#define RT_TURNS(n, body, w) do { \
	u32 turn_; \
 \
	for (turn_ = 0; turn_ < (n) && !body(turn_, w); turn_++) \
		; \
} while (0)
#define RT_USER_TEXT(dst, cap, format, types, ...) ({ \
	const u64 args_[] = { RT_USER_ARGS(__VA_ARGS__) }; \
	(long)stb_format(dst, cap, format, types, args_); })
#define RT_USER_ARGS(...) RT_USER_PICK(__VA_ARGS__, RT_USER_4, RT_USER_3, \
				       RT_USER_2, RT_USER_1)(__VA_ARGS__)
#define RT_USER_PICK(_1, _2, _3, _4, name, ...) name
#define RT_USER_1(a) (u64)(a)
#define RT_USER_2(a, b) (u64)(a), (u64)(b)
#define RT_USER_3(a, b, c) (u64)(a), (u64)(b), (u64)(c)
#define RT_USER_4(a, b, c, d) (u64)(a), (u64)(b), (u64)(c), (u64)(d)

#define rt_opaque(x)
#define rt_bound(x, most)
#define rt_some_zero() 0
#define rt_zero(p, n) __builtin_memset(p, 0, n)
#define rt_user_returns_by(way) ((u64)(way) >> 47 == 1 << 16)
#define rt_user_string(dst, cap, s) stb_copy(dst, cap, (const char *)(s))
#define rt_user_move(dst, n, p) __builtin_memcpy(dst, p, n)
#define rt_user_read(dst, n, address) stb_read(dst, n, address, 1)
#define rt_user_find(key) \
	((const struct stb_build *)RT_FIND(&stb_builds, key))
#define rt_user_put(key, b) stb_user_put(key, b)
#define rt_user_page(number) stb_user_page(number)
#define rt_user_task() ((u64)current)
#define rt_user_pid() ((u32)current->tgid)
#define rt_user_regs_of(g) stb_user_regs((u64 *)(g), sizeof(*(g)) / 8)
#define rt_user_vma(w, address) stb_user_vma((w)->u, address)
/* ... as one that a handler of the process left, for one of the loader's */
#define rt_user_is_seen(u) ((u)->place != 0)
#define rt_upid(r) ((r)->task ? 0 : rt_pid(r))
#define rt_ufunc_ip(r) ((i64)(r)->func)

RT_INLINE u64 rt_user_word(u64 address)
{
	u64 v = 0;

	stb_read(&v, sizeof(v), address, 0);
	return v;
}

#include "../stacks.h"

#endif
