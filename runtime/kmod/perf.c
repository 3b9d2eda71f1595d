// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * perf.c - clocks, counters and watchpoints: a perf event on each CPU, or of
 * one task, whose overflow is the hit.
 */
#include "kmod.h"
#include "core.h"

#include <linux/cpu.h>
#include <linux/hw_breakpoint.h>
#include <linux/pid.h>
#include <linux/slab.h>

enum { EVENT_HZ = 1 };			/* of STB_EVENT_* */

static void attr_of(const struct stb_kmod_attach *a, struct perf_event_attr *to)
{
	memset(to, 0, sizeof(*to));
	to->size = sizeof(*to);
	to->type = a->event_type;
	to->config = a->config;
	to->pinned = 1;
	if (a->event_type == PERF_TYPE_BREAKPOINT) {
		to->bp_type = a->access;
		to->bp_addr = a->address + a->offset;
		to->bp_len = a->length;
		to->sample_period = 1;
	} else if (a->event_flags & EVENT_HZ) {
		to->freq = 1;
		to->sample_freq = a->rate;
	} else {
		to->sample_period = a->rate;
	}
}

static int add(struct stb_site *s, struct perf_event_attr *attr, int cpu,
	       struct task_struct *task)
{
	struct perf_event *e;

	e = perf_event_create_kernel_counter(attr, cpu, task,
					     s->prog->perf_event, s);
	if (IS_ERR(e))
		return (int)PTR_ERR(e);
	s->events[s->nevents++] = e;
	return 0;
}

static int add_task(struct stb_site *s, struct perf_event_attr *attr, pid_t pid)
{
	struct pid *p = find_get_pid(pid);
	struct task_struct *task = p ? get_pid_task(p, PIDTYPE_PID) : NULL;
	int error = -ESRCH;

	if (task) {
		attr->inherit = 1;
#ifdef STB_HAVE_REMOVE_ON_EXEC
		attr->remove_on_exec = attr->type == PERF_TYPE_BREAKPOINT;
#endif
		error = add(s, attr, -1, task);
		put_task_struct(task);
	}
	put_pid(p);
	return error;
}

/* Without the lock of CPUs that come and go: the kernel takes it for an event of
   its software's, and behind who waits to write it nobody gets it twice. A CPU that
   has gone meanwhile is no error. */
static int add_cpus(struct stb_site *s, struct perf_event_attr *attr, int cpu)
{
	int error = 0, i;

	if (cpu >= 0)
		return add(s, attr, cpu, NULL);
	for_each_online_cpu(i) {
		error = add(s, attr, i, NULL);
		if (error == -ENODEV && !cpu_online(i))
			error = 0;
		if (error)
			break;
	}
	return error;
}

int stb_perf_arm(struct stb_site *s, const struct stb_kmod_attach *a)
{
	struct perf_event_attr attr;
	int error;

	attr_of(a, &attr);
	s->events = kcalloc(nr_cpu_ids, sizeof(*s->events), GFP_KERNEL);
	if (!s->events)
		return -ENOMEM;
	error = a->pid > 0 ? add_task(s, &attr, a->pid) :
		add_cpus(s, &attr, a->cpu);
	if (error)
		stb_perf_disarm(s);
	return error;
}

void stb_perf_disarm(struct stb_site *s)
{
	u32 i;

	for (i = 0; i < s->nevents; i++)
		perf_event_release_kernel(s->events[i]);
	kfree(s->events);
	s->events = NULL;
	s->nevents = 0;
}
