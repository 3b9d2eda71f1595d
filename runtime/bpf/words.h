/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * words.h - what ../words.h asks of this engine.
 */
#ifndef STB_BPF_WORDS_H
#define STB_BPF_WORDS_H

#define RT_TURNS(n, f, arg) bpf_loop(n, f, arg, 0)
#define rt_words_at(r) \
	((struct rt_words *)((struct rt_frame *)(r)->frame)->words)
#define rt_words_to(r) (((struct rt_frame *)(r)->frame)->cat)
#define RT_SAY(dst, cap, format, ...) \
	(RT_FORMAT(dst, cap, format, __VA_ARGS__) - 1)

RT_INLINE long rt_get(void *dst, u64 n, u64 at, int user)
{
	return user ? bpf_probe_read_user(dst, (u32)n, at) :
		      bpf_probe_read_kernel(dst, (u32)n, at);
}

RT_INLINE long rt_get_str(char *dst, u64 cap, u64 at, int user)
{
	return (user ? bpf_probe_read_user_str(dst, (u32)cap, at) :
		       bpf_probe_read_kernel_str(dst, (u32)cap, at)) - 1;
}

#include "../words.h"

_Static_assert(sizeof(struct rt_words) == RT_WORDS, "the compiler's");

#endif
