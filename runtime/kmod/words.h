/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * words.h - what ../words.h asks of this engine.
 */
#ifndef STB_KMOD_WORDS_H
#define STB_KMOD_WORDS_H

#define RT_TURNS(n, f, arg) do { \
	for (u32 i_ = 0; i_ < (n) && !f(i_, arg); i_++) \
		; \
} while (0)
#define rt_bound(x, max) ((void)((x) > (max) ? (x) = 0 : 0))
#define rt_words_at(r) ((struct rt_words *)RT_HEAD(r)->words)
#define rt_words_to(r) (RT_HEAD(r)->cat)
#define RT_SAY(dst, cap, format, ...) snprintf(dst, cap, format, __VA_ARGS__)
#define rt_get(dst, n, at, user) stb_read(dst, n, at, user)
#define rt_get_str(dst, cap, at, user) stb_read_str(dst, cap, at, user)

#include "../words.h"

#endif
