/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * task.h - which task a handler runs for: the current one, or, where there are
 * handlers of forks, one that is being made. Included by engine.h.
 */
#ifndef RT_TASK_H
#define RT_TASK_H

#ifdef RT_TASK_PID
/* Of a task that is being made the handler runs in its parent. */
RT_INLINE i64 rt_of_task(struct rt_run *r, u32 at, i64 current)
{
	u32 v = 0;

	if (!r->task)
		return current;
	bpf_probe_read_kernel(&v, sizeof(v), r->task + at);
	return v;
}
RT_INLINE void rt_execname(struct rt_run *r, char *dst, u32 cap)
{
	if (r->task)
		bpf_probe_read_kernel_str(dst, cap, r->task + RT_TASK_COMM);
	else
		bpf_get_current_comm(dst, cap);
}
#define rt_pid(r) rt_of_task(r, RT_TASK_PID, \
			     (i64)(bpf_get_current_pid_tgid() >> 32))
#define rt_tid(r) rt_of_task(r, RT_TASK_TID, \
			     (i64)(u32)bpf_get_current_pid_tgid())
#define rt_task_current(r) ((i64)((r)->task ? (r)->task : \
				  bpf_get_current_task()))
#else
#define rt_pid(r) ((i64)(bpf_get_current_pid_tgid() >> 32))
#define rt_tid(r) ((i64)(u32)bpf_get_current_pid_tgid())
#define rt_execname(r, dst, cap) bpf_get_current_comm(dst, cap)
#define rt_task_current(r) ((i64)bpf_get_current_task())
#endif

#endif
