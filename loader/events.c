/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * events.c - sites that are perf events: one on each CPU that is online, or one
 * of each thread that the target and its children have, and of all that these make,
 * each with the site's program. In: a loaded program, a row of EVENTS. Out: a
 * descriptor a CPU or thread; of a module, which has those of CPUs itself, its number.
 * CPUs that come and go later are looked for by events_tick.
 */
#include "loader/bpf.h"
#include "loader/kmod.h"
#include "loader/loader.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_MS = 250 };	/* how long a change of CPUs may go unseen */

static const struct stb_event *event_of(const struct loader *l,
					const struct stb_site *s)
{
	return ROW(struct stb_event, l->events, s->event);
}

static bool is_of_target(const struct stb_event *e)
{
	return e->flags & STB_EVENT_TARGET;
}

bool events_of_target(const struct loader *l, const struct stb_site *s)
{
	return s->attach == STB_AT_PERF_EVENT && is_of_target(event_of(l, s));
}

/* On one CPU (tid is -1), or of one thread on all (cpu is -1). */
static int open_event(const struct loader *l, const struct stb_site *s,
		      int cpu, pid_t tid)
{
	const struct stb_event *e = event_of(l, s);
	struct perf_event_attr a = {
		.size = sizeof(a), .type = e->type, .config = e->config,
		.freq = e->flags & STB_EVENT_HZ ? 1 : 0,
		.sample_period = e->rate, .inherit = cpu < 0,
	};

	if (e->type == STB_EVENT_BREAKPOINT) {
		a.bp_type = e->access;
		a.bp_addr = s->addr;
		if (s->flags & STB_SITE_BY_ADDRESS)
			a.bp_addr += l->slide;
		a.bp_len = e->length;
	}
	return sys_perf_event(&a, tid, cpu);
}

/* Armed; -ENODEV: the CPU is offline, -ESRCH: the thread is gone. */
static int open_on(const struct loader *l, const struct stb_site *s, int cpu,
		   pid_t tid)
{
	int fd = open_event(l, s, cpu, tid), link;

	if (fd < 0)
		return fd;
	link = bpf_hang_on(l->prog_fds[s->prog], fd, s->cookie);
	if (link != fd)
		close(fd);	/* the link holds it */
	return link;
}

void events_disarm(struct loader *l, uint32_t site)
{
	struct events *e = l->armed_events[site];

	for (size_t i = 0; e && i < e->n; i++)
		if (e->fds[i] >= 0 && in_kmod(l))
			kmod_unwatch(l, e->fds[i]);
		else if (e->fds[i] >= 0)
			close(e->fds[i]);
	free(e);
	l->armed_events[site] = NULL;
}

/* Each that can be; one that may be missing says so by that error. */
static int open_all(struct loader *l, uint32_t site, const pid_t *tids,
		    int missing)
{
	const struct stb_site *s = ROW(struct stb_site, l->sites, site);
	struct events *e = l->armed_events[site];
	size_t armed = 0;

	for (size_t i = 0; i < e->n; i++)
		e->fds[i] = -missing;
	for (size_t i = 0; i < e->n; i++) {
		e->fds[i] = !tids ? open_on(l, s, (int)i, -1) :
			in_kmod(l) ? kmod_watch(l, site, tids[i], 0) :
			open_on(l, s, -1, tids[i]);
		if (e->fds[i] < 0 && e->fds[i] != -missing)
			return -e->fds[i];
		armed += e->fds[i] >= 0;
	}
	return armed ? 0 : missing;
}

int events_arm(struct loader *l, uint32_t site)
{
	const struct stb_site *s = ROW(struct stb_site, l->sites, site);
	size_t n = l->ncpus;
	pid_t *tids = NULL;
	int error;

	if (events_of_target(l, s)) {
		if (!l->shared->target_pid)
			die(EXIT_USE, "%s is of the process of -c or -x: give "
			    "one of them", stb_string(&l->meta, s->name));
		tids = tasks_of_target(l, &n);
	}
	if (!l->armed_events)
		l->armed_events = array(l->sites.n,
					sizeof(*l->armed_events));
	l->armed_events[site] = array(1, sizeof(**l->armed_events) + n * sizeof(int));
	l->armed_events[site]->n = n;
	error = open_all(l, site, tids, tids ? ESRCH : ENODEV);
	if (error)
		events_disarm(l, site);
	free(tids);
	return error;
}

/* --- CPUs that come and go ---------------------------------------------------- */

/* Is cpu in a list such as "0-3,8"? */
static bool in_list(const char *list, unsigned cpu)
{
	char *p = (char *)list;

	while (*p >= '0' && *p <= '9') {
		unsigned long from = strtoul(p, &p, 10), to = from;

		if (*p == '-')
			to = strtoul(p + 1, &p, 10);
		if (cpu >= from && cpu <= to)
			return true;
		if (*p == ',')
			p++;
	}
	return false;
}

/* An event of a CPU that went does not come back with it. */
static void follow_cpus(struct loader *l, uint32_t site, const char *online)
{
	const struct stb_site *s = ROW(struct stb_site, l->sites, site);
	struct events *e = l->armed_events[site];
	int *fds = e ? e->fds : NULL;

	if (events_of_target(l, s))
		return;
	for (unsigned i = 0; fds && i < l->ncpus; i++) {
		bool is_on = in_list(online, i);

		if (fds[i] >= 0 && !is_on) {
			close(fds[i]);
			fds[i] = -ENODEV;
		} else if (fds[i] < 0 && is_on) {
			fds[i] = open_on(l, s, (int)i, -1);
			if (fds[i] < 0)
				say("%s is not probed on processor %u, which "
				    "came online: %s", stb_string(&l->meta,
				    s->name), i, strerror(-fds[i]));
		}
	}
}

void events_tick(struct loader *l)
{
	char online[sizeof(l->online)];
	uint64_t now = now_ns();

	if (!l->armed_events || now < l->next_look)
		return;
	l->next_look = now + LOOK_MS * 1000000ull;
	if (read_small("/sys/devices/system/cpu/online", online,
		       sizeof(online)) <= 0 || !strcmp(online, l->online))
		return;
	if (*l->online)
		for (uint32_t i = 0; i < l->sites.n; i++)
			follow_cpus(l, i, online);
	memcpy(l->online, online, sizeof(online));
}
