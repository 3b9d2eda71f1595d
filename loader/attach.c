/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attach.c - sites to places. In: loaded programs, builds that were looked at.
 * Out: one descriptor a site, whose closing (detach.c) detaches it.
 *
 * A program that is not on this host yet is waited for: its folder, or the
 * nearest one above it that is there, is watched, and when the file appears
 * its build-id decides whether the sites are armed. Not all is seen so: a folder
 * farther up gets another name, something is mounted; so it is looked for now and
 * then as well.
 */
#include "loader/bpf.h"
#include "loader/kmod.h"
#include "loader/loader.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
	MOST_PROGRAMS = 64,	/* at one place of the network's stack */
	LOOK_MS = 1000,		/* how long a program that came may go unseen */
	FAILED_ONCE = 1, FAILED_TOLD = 2,	/* in told_builds */
};

static const struct stb_site *site_at(const struct loader *l, uint32_t i)
{
	return ROW(struct stb_site, l->sites, i);
}

static const char *path_of(const struct loader *l, uint32_t build)
{
	return stb_string(&l->meta, ROW(struct stb_program_build, l->builds,
					build)->path);
}

static bool is_uprobe(const struct stb_site *s)
{
	return s->attach == STB_AT_UPROBE || s->attach == STB_AT_URETPROBE;
}

static bool in_module(const struct stb_site *s)
{
	return s->flags & STB_SITE_IN_MODULE;
}

/* Where in the file it is; 0: none. The kernel counts it up in each process that
   has the file, and down again, however we end. */
static uint32_t semaphore_of(const struct stb_site *s)
{
	return s->flags & STB_SITE_SEMAPHORE ? s->maxactive : 0;
}

/* A path to the file whose build-id was read, whatever lies at its own now. */
static const char *open_path(const struct loader *l, const struct stb_site *s,
			     char path[32])
{
	snprintf(path, 32, "/proc/self/fd/%d", l->build_fds[s->build]);
	return path;
}

/* --- one site ------------------------------------------------------------- */

static int pmu_type(int *type, const char *path)
{
	if (!*type)
		*type = (int)read_number(path);
	return *type;
}

#define PMU "/sys/bus/event_source/devices/"

/* "vfs_read"; "ext4:ext4_file_open" of a module. */
static const char *symbol_of(const struct loader *l, const struct stb_site *s,
			     char *to, size_t size)
{
	const char *symbol = stb_string(&l->meta, s->symbol);

	if (!in_module(s))
		return symbol;
	snprintf(to, size, "%s:%s", path_of(l, s->build), symbol);
	return to;
}

/* The event that the program hangs on; all processes, all CPUs. */
static int probe_event(struct loader *l, const struct stb_site *s)
{
	struct perf_event_attr a = { .size = sizeof(a) };
	char path[32], symbol[640];
	int type;

	if (is_uprobe(s)) {
		type = pmu_type(&l->uprobe_pmu, PMU "uprobe/type");
		a.uprobe_path = (uintptr_t)open_path(l, s, path);
		a.probe_offset = s->offset;
	} else {
		type = pmu_type(&l->kprobe_pmu, PMU "kprobe/type");
		if (s->flags & STB_SITE_BY_ADDRESS) {
			a.kprobe_addr = s->addr + s->offset +
				(s->flags & STB_SITE_ABSOLUTE ? 0 : l->slide);
		} else {
			a.kprobe_func = (uintptr_t)symbol_of(l, s, symbol,
							     sizeof(symbol));
			a.probe_offset = s->offset;
		}
	}
	if (type < 0)
		return type;
	a.type = type;
	/* format/ref_ctr_offset is config:32-63 */
	a.config = (uint64_t)semaphore_of(s) << 32;
	/* format/retprobe is config:0 in every kernel */
	a.config |= s->attach == STB_AT_KRETPROBE ||
		    s->attach == STB_AT_URETPROBE;
	return sys_perf_event(&a, -1, 0);
}

static int attach_event(struct loader *l, const struct stb_site *s, int prog)
{
	int event = probe_event(l, s), link;

	if (event < 0)
		return event;
	link = bpf_hang_on(prog, event, s->cookie);
	if (link != event)
		close(event);	/* the link holds it */
	return link;
}

static int attach_trace(const struct stb_site *s, int prog)
{
	if (!s->cookie)
		return bpf_raw_tp_open(prog, NULL);
	return bpf_link_trace(prog, s->attach == STB_AT_FENTRY ?
			      BPF_TRACE_FENTRY : BPF_TRACE_FEXIT, s->cookie);
}

/* A hook has one program of BPF at each priority: the next that is free. */
static int attach_hook(const struct loader *l, const struct stb_site *s,
		       int prog)
{
	const struct stb_event *e = ROW(struct stb_event, l->events, s->event);
	int32_t priority = (int32_t)e->rate;
	int fd;

	do
		fd = bpf_link_netfilter(prog, e->type, (uint32_t)e->config,
					priority);
	while (fd == -EBUSY && priority++ < (int32_t)e->rate + MOST_PROGRAMS &&
	       priority < INT32_MAX);
	return fd;
}

static int attach_site(struct loader *l, const struct stb_site *s)
{
	int prog = l->prog_fds[s->prog];

	switch ((enum stb_attach)s->attach) {
	case STB_AT_KPROBE:
	case STB_AT_KRETPROBE:
	case STB_AT_UPROBE:
	case STB_AT_URETPROBE:
		prog = plain_prog(l, s->prog);
		return prog < 0 ? prog : attach_event(l, s, prog);
	case STB_AT_FENTRY:
	case STB_AT_FEXIT:
		return attach_trace(s, prog);
	case STB_AT_RAW_TP:
		return bpf_raw_tp_open(prog, stb_string(&l->meta, s->symbol));
	case STB_AT_NETFILTER:
		return attach_hook(l, s, prog);
	case STB_AT_TASKS:
		return bpf_iterator(prog);
	case STB_AT_PERF_EVENT:
		break;		/* events.c */
	}
	return -EINVAL;
}

static const char *reason(const struct stb_site *s, int error)
{
	if (s->attach == STB_AT_PERF_EVENT && error == ENOSPC)
		return "others have the processor's debug registers, a "
		       "debugger perhaps";
	if (s->attach == STB_AT_PERF_EVENT && (error == ENOENT ||
	    error == ENODEV || error == EOPNOTSUPP || error == EINVAL))
		return "this machine has no such event, which virtual "
		       "machines often have not, or does not count it so";
	if (error == EPERM || error == EACCES)
		return "the kernel does not allow it here: no CAP_SYS_ADMIN, "
		       "lockdown, a security module or a container; see its "
		       "log";
	if (error == ENOENT && !is_uprobe(s))
		return "it is not in this kernel: its module may not be "
		       "loaded";
	if (error == EINVAL || error == EILSEQ || error == EADDRNOTAVAIL ||
	    error == EBUSY || error == ENOTSUP || error == 524)
		return "the kernel cannot be probed there: leave this point "
		       "out";
	return "see docs/stap-load.md";
}

static int arm_site(struct loader *l, uint32_t i)
{
	const struct stb_site *s = site_at(l, i);
	bool is_event = s->attach == STB_AT_PERF_EVENT;
	int fd;

	if (in_kmod(l) && !events_of_target(l, s)) {
		fd = kmod_arm(l, i);
		l->links[i] = fd ? NOT_ATTACHED : IN_MODULE;
		l->armed += !fd;
		return fd;
	}
	fd = is_event ? -events_arm(l, i) : attach_site(l, s);

	if (is_event && !fd)
		fd = ON_CPUS;
	else if (fd < 0)
		return -fd;
	l->links[i] = fd;
	l->armed++;
	return 0;
}

static void disarm(struct loader *l, uint32_t i)
{
	if (l->links[i] == IN_MODULE)
		kmod_disarm(l, i);
	if (l->links[i] >= 0)
		close(l->links[i]);
	if (l->links[i] >= 0 || l->links[i] == IN_GROUP ||
	    l->links[i] == ON_CPUS || l->links[i] == IN_MODULE)
		l->armed--;
	l->links[i] = NOT_ATTACHED;
}

/* --- many sites ----------------------------------------------------------- */

/* Can one call take it, with others? Of the kernel's functions the entry. */
static bool is_groupable(const struct stb_site *s)
{
	return is_uprobe(s) ||
	       !(s->offset || s->flags & STB_SITE_ABSOLUTE);
}

/* Do a and b belong into one call? */
static bool same_group(const struct stb_site *a, const struct stb_site *b)
{
	return a->prog == b->prog && a->attach == b->attach &&
	       is_groupable(b) &&
	       (!is_uprobe(a) || a->build == b->build);
}

/* What one call takes, for sites[0 .. n). */
struct group {
	uint64_t *places, *cookies, *semaphores;
	const char **symbols;
	bool by_address;
};

static void free_group(struct group *g)
{
	free(g->places);
	free(g->cookies);
	free(g->semaphores);
	free(g->symbols);
}

static void fill_group(const struct loader *l, const uint32_t *sites,
		       uint32_t n, struct group *g)
{
	g->places = array(n, sizeof(*g->places));
	g->cookies = array(n, sizeof(*g->cookies));
	g->semaphores = array(n, sizeof(*g->semaphores));
	g->symbols = array(n, sizeof(*g->symbols));
	for (uint32_t i = 0; i < n; i++) {
		const struct stb_site *s = site_at(l, sites[i]);

		g->places[i] = is_uprobe(s) ? s->offset : s->addr + l->slide;
		g->cookies[i] = s->cookie;
		g->semaphores[i] = semaphore_of(s);
		g->symbols[i] = stb_string(&l->meta, s->symbol);
		if (s->flags & STB_SITE_BY_ADDRESS)
			g->by_address = true;
	}
}

static int link_sites(struct loader *l, const uint32_t *sites, uint32_t n)
{
	const struct stb_site *s = site_at(l, sites[0]);
	int prog = l->prog_fds[s->prog], fd;
	struct group g = { 0 };
	char path[32];

	fill_group(l, sites, n, &g);
	if (is_uprobe(s))
		fd = bpf_link_uprobes(prog, open_path(l, s, path), g.places,
				      g.cookies, g.semaphores, n,
				      s->attach == STB_AT_URETPROBE);
	else
		fd = bpf_link_kprobes(prog, g.by_address ? NULL : g.symbols,
				      g.by_address ? g.places : NULL,
				      g.cookies, n,
				      s->attach == STB_AT_KRETPROBE);
	free_group(&g);
	return fd;
}

/* One call for all, else for each half: what cannot be probed is found so. */
static int arm_sites(struct loader *l, const uint32_t *sites, uint32_t n)
{
	const struct stb_site *s = site_at(l, sites[0]);
	int fd = link_sites(l, sites, n), error;

	if (fd >= 0) {
		for (uint32_t i = 0; i < n; i++)
			l->links[sites[i]] = i ? IN_GROUP : fd;
		l->armed += n;
		return 0;
	}
	if (fd == -EOPNOTSUPP || fd == -EPERM || fd == -ENOMEM)
		return -fd;
	if (n > 1) {
		error = arm_sites(l, sites, n / 2);
		return error ? error : arm_sites(l, sites + n / 2, n - n / 2);
	}
	if (!(s->flags & STB_SITE_OPTIONAL))
		return -fd;
	l->links[sites[0]] = LEFT_OUT;
	if (l->opt.verbose)
		say("not attached: %s: %s", stb_string(&l->meta, s->name),
		    strerror(-fd));
	return 0;
}

/* Is a's function one of those? One call would probe it once. */
static bool has_place(const struct loader *l, const uint32_t *sites,
		      uint32_t n, const struct stb_site *a)
{
	const char *symbol = stb_string(&l->meta, a->symbol);

	for (uint32_t i = 0; i < n; i++) {
		const struct stb_site *b = site_at(l, sites[i]);

		if (a->addr && b->addr ? a->addr == b->addr :
		    !strcmp(symbol, stb_string(&l->meta, b->symbol)))
			return true;
	}
	return false;
}

/* All sites like the first; what must wait for another call stays. */
static int arm_group(struct loader *l, uint32_t first)
{
	uint32_t *sites = array(l->sites.n - first, sizeof(*sites)), n = 0;
	int error;

	for (uint32_t i = first; i < l->sites.n; i++) {
		const struct stb_site *s = site_at(l, i);

		if (l->links[i] == NOT_ATTACHED &&
		    same_group(site_at(l, first), s) &&
		    (is_uprobe(s) || !has_place(l, sites, n, s)))
			sites[n++] = i;
	}
	error = arm_sites(l, sites, n);
	free(sites);
	return error;
}

/* One call would not do: those of the program that are armed, one by one. */
static int arm_singly(struct loader *l, uint32_t prog)
{
	bool *was = array(l->sites.n, sizeof(*was));
	int error;

	for (uint32_t i = 0; i < l->sites.n; i++)
		if (site_at(l, i)->prog == prog &&
		    is_groupable(site_at(l, i)) &&
		    l->links[i] != NOT_ATTACHED) {
			was[i] = true;
			disarm(l, i);
		}
	error = reload_prog(l, prog);
	for (uint32_t i = 0; i < l->sites.n && !error; i++)
		if (was[i])
			error = arm_site(l, i);
	free(was);
	return error;
}

/* 0, or why not. A site whose group is armed is. */
static int arm(struct loader *l, uint32_t i, bool singly_else)
{
	const struct stb_site *s = site_at(l, i);
	int error;

	if (l->links[i] != NOT_ATTACHED || (l->off && l->off[s->prog]))
		return 0;
	if (l->multi[s->prog] && is_groupable(s)) {
		error = arm_group(l, i);
		if (!error || !singly_else)
			return error;
		if (l->opt.verbose)
			say("%s and others are attached one by one: %s",
			    stb_string(&l->meta, s->name), strerror(error));
		error = arm_singly(l, s->prog);
		if (error)
			return error;
	}
	return arm_site(l, i);
}

static void arm_or_die(struct loader *l, uint32_t i)
{
	const struct stb_site *s = site_at(l, i);
	const char *name = stb_string(&l->meta, s->name);
	int error = arm(l, i, true);
	const char *text = error == 524 ? "not supported" : strerror(error);

	if (!error)
		return;
	if (s->flags & STB_SITE_OPTIONAL) {
		if (l->opt.verbose)
			say("not attached: %s: %s", name, text);
		return;
	}
	if (error == EMFILE || error == ENFILE)
		die_limit(l, error);
	output_flush(&l->out);
	die(error == ENOMEM ? EXIT_AGAIN : EXIT_KERNEL, "the kernel refused to attach %s: %s: "
	    "%s", name, text, reason(s, error));
}

static bool is_here(const struct loader *l, const struct stb_site *s)
{
	if (s->attach == STB_AT_TASKS && in_kmod(l))
		return false;	/* it would not wait for visit_tasks() */
	if (s->flags & STB_SITE_IN_TASKS)
		return false;	/* watch.c's */
	if (s->flags & STB_SITE_WITH_TARGET && !l->shared->target_pid)
		return false;
	return (!is_uprobe(s) && !in_module(s)) ||
	       l->build_state[s->build] == BUILD_HERE;
}

void arm_prog(struct loader *l, uint32_t prog)
{
	bool told = false;
	int error;

	for (uint32_t i = 0; i < l->sites.n; i++) {
		const struct stb_site *s = site_at(l, i);

		if (s->prog != prog || !is_here(l, s))
			continue;
		error = arm(l, i, true);
		if (!error || told || s->flags & STB_SITE_OPTIONAL)
			continue;
		say("not attached: %s: %s: %s", stb_string(&l->meta, s->name),
		    strerror(error), reason(s, error));
		told = true;
	}
}

bool attach_all(struct loader *l)
{
	struct progress p = { .what = "attached" };

	keep_links(l);
	for (uint32_t i = 0; i < l->sites.n; i++) {
		if (is_here(l, site_at(l, i)))
			arm_or_die(l, i);
		if (stop_pending()) {
			links_kept(l);
			return false;
		}
		tell_progress(&p, i + 1, l->sites.n);
	}
	links_kept(l);
	if (l->opt.verbose && l->sites.n)
		say("%llu of %u sites attached", (unsigned long long)l->armed,
		    l->sites.n);
	return true;
}

/* An iterator runs the program while it is read; a module at once. */
void visit_tasks(struct loader *l)
{
	char byte;

	for (uint32_t i = 0; i < l->sites.n; i++) {
		const struct stb_site *s = site_at(l, i);
		int error = 0;

		if (s->attach != STB_AT_TASKS)
			continue;
		if (in_kmod(l))
			error = kmod_arm(l, i);
		else if (l->links[i] >= 0)
			while (read(l->links[i], &byte, 1) < 0)
				if (errno != EAGAIN && errno != EINTR) {
					error = errno;
					break;
				}
		if (error)
			say("%s: processes that are there already were not "
			    "gone through: %s", stb_string(&l->meta, s->name),
			    strerror(error));
	}
}

void arm_module(struct loader *l, uint32_t build)
{
	uint32_t n = 0, armed = 0, first = 0;
	int error = 0, e;

	for (uint32_t i = 0; i < l->sites.n; i++) {
		if (!in_module(site_at(l, i)) || site_at(l, i)->build != build)
			continue;
		n++;
		e = arm(l, i, true);
		armed += !e;
		if (e && !error && !(site_at(l, i)->flags & STB_SITE_OPTIONAL))
			error = e, first = i;
	}
	say("module %s came: %u of %u probes armed", path_of(l, build), armed,
	    n);
	if (error)
		say("not attached: %s: %s: %s", stb_string(&l->meta,
		    site_at(l, first)->name), strerror(error),
		    reason(site_at(l, first), error));
}

/* --- programs that come later --------------------------------------------- */

/* Watches the folder of path, or the nearest above it that is there. */
static void watch_path(struct loader *l, const char *path)
{
	char folder[4096];
	size_t n = strlen(path);
	int got = -1;

	if (n >= sizeof(folder))
		return;
	memcpy(folder, path, n + 1);
	do {
		while (n > 1 && folder[n - 1] != '/')
			n--;
		while (n > 1 && folder[n - 1] == '/')
			n--;
		folder[n] = 0;
		got = inotify_add_watch(l->watch_fd, folder, IN_CREATE |
					IN_CLOSE_WRITE | IN_MOVED_TO |
					IN_ATTRIB | IN_MOVE_SELF | IN_ONLYDIR);
	} while (got < 0 && n > 1);
	if (got < 0 && l->opt.verbose)
		say("cannot watch for %s: %s", path, strerror(errno));
}

/* False when one could not be armed: the file may still be written to. */
static bool arm_build(struct loader *l, uint32_t build)
{
	uint32_t n = 0;
	int error = 0;

	for (uint32_t i = 0; i < l->sites.n && !error; i++)
		if (is_uprobe(site_at(l, i)) && site_at(l, i)->build == build)
			error = arm(l, i, false), n++;
	if (!error) {
		say("%s came: %u probes armed", path_of(l, build), n);
		return true;
	}
	/* at first it may still be written to */
	if (l->told_builds[build] == FAILED_ONCE)
		say("%s came, but cannot be probed yet: %s: tried once a "
		    "second", path_of(l, build), strerror(error));
	if (l->told_builds[build] < FAILED_TOLD)
		l->told_builds[build]++;
	for (uint32_t i = 0; i < l->sites.n; i++)
		if (is_uprobe(site_at(l, i)) && site_at(l, i)->build == build)
			disarm(l, i);
	return false;
}

static bool is_awaited(const struct loader *l, uint32_t build)
{
	return is_program(l, build) &&
	       (l->build_state[build] == BUILD_ABSENT ||
		l->build_state[build] == BUILD_UNKNOWN);
}

static void watch_builds(struct loader *l)
{
	for (uint32_t i = 0; i < l->builds.n; i++)
		if (is_awaited(l, i))
			watch_path(l, path_of(l, i));
}

bool await_builds(struct loader *l)
{
	bool any = false;

	for (uint32_t i = 0; i < l->builds.n; i++)
		any = any || is_awaited(l, i);
	if (!any)
		return false;
	l->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (l->watch_fd < 0)
		say("cannot watch for programs: %s: they are looked for once a "
		    "second", errno == EMFILE ? "this user has "
		    "fs.inotify.max_user_instances already" : strerror(errno));
	l->next_arrival = 1;
	attach_arrived(l);
	return true;
}

void await_tick(struct loader *l)
{
	if (l->next_arrival && now_ns() >= l->next_arrival)
		attach_arrived(l);
}

void attach_arrived(struct loader *l)
{
	_Alignas(8) char events[4096];

	/* which file it was does not matter: all that wait are looked at,
	   after the folders nearest to them are watched */
	while (read(l->watch_fd, events, sizeof(events)) > 0)
		continue;
	if (l->next_arrival)
		l->next_arrival = now_ns() + LOOK_MS * 1000000ull;
	if (l->watch_fd >= 0)
		watch_builds(l);
	for (uint32_t i = 0; i < l->builds.n; i++) {
		if (!is_awaited(l, i))
			continue;
		l->build_state[i] = look_at_build(l, i, false);
		if (l->build_state[i] == BUILD_HERE && !arm_build(l, i)) {
			close(l->build_fds[i]);
			l->build_state[i] = BUILD_ABSENT;
		}
	}
}
