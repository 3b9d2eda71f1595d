/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * user.h - what runtime/stacks.h wants, of BPF: maps that the loader fills, and
 * helpers. RT_VMA_... are offsets in the target kernel's structs.
 */
#ifndef STB_BPF_USER_H
#define STB_BPF_USER_H

static long (*const bpf_find_vma)(void *, u64, void *, void *, u64) =
	(void *)180;

#define RT_TURNS(n, body, w) bpf_loop(n, body, w, 0)
#define RT_USER_TEXT(dst, cap, format, types, ...) \
	(RT_FORMAT(dst, cap, format, __VA_ARGS__) - 1)
#define rt_user_string(dst, cap, s) bpf_probe_read_kernel_str(dst, cap, s)
#define rt_user_move(dst, n, p) bpf_probe_read_kernel(dst, n, (u64)(p))
#define rt_user_read(dst, n, address) bpf_probe_read_user(dst, n, address)
#define rt_user_find(key) bpf_map_lookup_elem(&RT_BUILDS, key)
#define rt_user_put(key, b) bpf_map_update_elem(&RT_BUILDS, key, b, BPF_ANY)
#define rt_user_page(number) bpf_map_lookup_elem(&RT_PAGES, &(number))
#define rt_user_task() bpf_get_current_task()
#define rt_user_pid() ((u32)(bpf_get_current_pid_tgid() >> 32))
#define rt_user_regs_of(g) \
	bpf_probe_read_kernel(g, sizeof(*(g)), \
		(u64)bpf_task_pt_regs(bpf_get_current_task_btf()))
/* handlers in the kernel are all in the process that they look at */
#define rt_user_is_seen(u) 0
#define rt_upid(r) rt_pid(r)

RT_INLINE u64 rt_user_word(u64 address)
{
	u64 v = 0;

	bpf_probe_read_kernel(&v, sizeof(v), address);
	return v;
}

struct rt_user_walk;
static long rt_take_vma(void *task, void *vma, struct rt_user_walk *w);
#define rt_user_vma(w, address) \
	bpf_find_vma(bpf_get_current_task_btf(), address, rt_take_vma, w, 0)

#include "../stacks.h"

RT_BODY rt_take_vma(void *task, void *vma, struct rt_user_walk *w)
{
	struct rt_user *u = w->u;

	bpf_probe_read_kernel(&u->start, 8, (u64)vma + RT_VMA_START);
	bpf_probe_read_kernel(&u->end, 8, (u64)vma + RT_VMA_END);
	bpf_probe_read_kernel(&u->at, 8, (u64)vma + RT_VMA_PGOFF);
	u->at <<= 12;
	return 0;
}

#ifdef RT_UNWIND
/* The function that returns where a uretprobe fires. Newer kernels tell; older ones
   have it first in the task's list until the handler is done. */
#define rt_ufunc_ip(r) rt_ufunc_ip_of((r)->ctx, rt_user_of(r))
RT_INLINE i64 rt_ufunc_ip_of(void *ctx, struct rt_user *u)
{
	i64 ip = (i64)bpf_get_func_ip(ctx);

	if (ip || !rt_user_regs(u))
		return ip;
	rt_user_returns(u);
	return (i64)rt_returning(u);
}
#endif

#endif
