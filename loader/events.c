/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * events.c - sites that are perf events: one on each CPU that is online, or one
 * of the target, each with the site's program. In: a loaded program, a row of EVENTS. Out: a
 * descriptor a CPU. CPUs that come and go later are looked for by events_tick.
 */
#include "loader/bpf.h"
#include "loader/loader.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
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

static int open_event(const struct loader *l, const struct stb_site *s,
		      int cpu)
{
	const struct stb_event *e = event_of(l, s);
	struct perf_event_attr a = {
		.size = sizeof(a), .type = e->type, .config = e->config,
		.freq = e->flags & STB_EVENT_HZ ? 1 : 0,
		.sample_period = e->rate,
	};

	if (e->type == STB_EVENT_BREAKPOINT) {
		a.bp_type = e->access;
		a.bp_addr = s->addr;
		if (s->flags & STB_SITE_BY_ADDRESS)
			a.bp_addr += l->slide;
		a.bp_len = e->length;
	}
	a.inherit = is_of_target(e);
	return sys_perf_event(&a, a.inherit ? (pid_t)l->shared->target_pid : -1,
			      a.inherit ? -1 : cpu);
}

/* Armed on one CPU; -ENODEV: it is offline. The target's event, which is on
   whatever CPU it runs, counts as the first one's. */
static int open_on(const struct loader *l, const struct stb_site *s, int cpu)
{
	int fd = cpu && is_of_target(event_of(l, s)) ? -ENODEV :
		 open_event(l, s, cpu), link;

	if (fd < 0)
		return fd;
	link = bpf_hang_on(l->prog_fds[s->prog], fd, s->cookie);
	if (link != fd)
		close(fd);	/* the link holds it */
	return link;
}

static void close_fds(int *fds, unsigned n)
{
	for (unsigned i = 0; fds && i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(fds);
}

int events_arm(struct loader *l, uint32_t site)
{
	const struct stb_site *s = ROW(struct stb_site, l->sites, site);
	int *fds = array(l->ncpus, sizeof(*fds)), error = -ENODEV;
	unsigned i, n = 0;

	if (is_of_target(event_of(l, s)) && !l->shared->target_pid)
		die(EXIT_USE, "%s is of the process of -c or -x: give one of "
		    "them", stb_string(&l->meta, s->name));

	for (i = 0; i < l->ncpus; i++) {
		fds[i] = open_on(l, s, (int)i);
		if (fds[i] >= 0)
			n++;
		else if (fds[i] != -ENODEV)
			break;
	}
	if (i < l->ncpus || !n) {
		if (i < l->ncpus)
			error = fds[i];
		close_fds(fds, i);
		return -error;
	}
	if (!l->event_fds)
		l->event_fds = array(l->sites.n, sizeof(*l->event_fds));
	l->event_fds[site] = fds;
	return 0;
}

void events_disarm(struct loader *l, uint32_t site)
{
	close_fds(l->event_fds[site], l->ncpus);
	l->event_fds[site] = NULL;
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
	int *fds = l->event_fds[site];

	if (is_of_target(event_of(l, s)))
		return;
	for (unsigned i = 0; fds && i < l->ncpus; i++) {
		bool is_on = in_list(online, i);

		if (fds[i] >= 0 && !is_on) {
			close(fds[i]);
			fds[i] = -ENODEV;
		} else if (fds[i] < 0 && is_on) {
			fds[i] = open_on(l, s, (int)i);
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

	if (!l->event_fds || now < l->next_look)
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
