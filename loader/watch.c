/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch.c - sites that watch data of a program: debug registers of each process
 * that runs it, and not of processors, since each process has the program at
 * another address. In: the array of tasks (tasks.c), in which those that executed
 * a program, or were there, are told from those that were made by such, which have
 * what their makers have. Out: a breakpoint in each of the first.
 */
#include "loader/bpf.h"
#include "loader/kmod.h"
#include "loader/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_MS = 10 };		/* how long a new process may go unseen */

struct watch {
	uint32_t site;
	int fd;			/* or the number that the module gave */
};

struct watches {
	struct watch *v;
	size_t n, cap;
	uint64_t next_look;
	bool *live;		/* of each site: a process of its program is there */
	bool told;		/* that one was not watched */
};

static const struct stb_site *site_at(const struct loader *l, uint32_t i)
{
	return ROW(struct stb_site, l->sites, i);
}

static bool is_watch(const struct stb_site *s)
{
	return s->flags & STB_SITE_IN_TASKS;
}

static const char *path_of(const struct loader *l, uint32_t build)
{
	return stb_string(&l->meta, ROW(struct stb_program_build, l->builds,
					build)->path);
}

/* Where the file that a task executes begins in its memory, if it is the one that
   fd is open to; 0: it is not. */
static uint64_t start_of(pid_t tid, int fd)
{
	char path[48], exe[4096], line[4096 + 128];
	unsigned long long from, offset;
	struct stat its, ours;
	uint64_t start = 0;
	ssize_t n;
	FILE *f;
	int name;

	snprintf(path, sizeof(path), "/proc/%d/exe", tid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n <= 0 || stat(path, &its) || fstat(fd, &ours) ||
	    its.st_ino != ours.st_ino || its.st_dev != ours.st_dev)
		return 0;
	exe[n] = 0;
	snprintf(path, sizeof(path), "/proc/%d/maps", tid);
	f = fopen(path, "re");
	while (f && !start && fgets(line, sizeof(line), f)) {
		name = 0;
		line[strcspn(line, "\n")] = 0;
		if (sscanf(line, "%llx-%*x %*s %llx %*s %*s %n", &from, &offset,
			   &name) == 2 && name && !offset &&
		    !strcmp(line + name, exe))
			start = from;
	}
	if (f)
		fclose(f);
	return start;
}

/* Of the task and of those that it makes, until it executes something else. */
static int open_watch(struct loader *l, uint32_t site, pid_t tid, uint64_t addr)
{
	const struct stb_site *s = site_at(l, site);
	const struct stb_event *e = ROW(struct stb_event, l->events, s->event);
	struct perf_event_attr a = {
		.size = sizeof(a), .type = e->type, .bp_type = e->access,
		.bp_addr = addr, .bp_len = e->length, .sample_period = 1,
		.inherit = 1, .remove_on_exec = 1,
	};
	int fd, link;

	if (in_kmod(l))
		return kmod_watch(l, site, tid, addr);
	fd = sys_perf_event(&a, tid, -1);
	if (fd < 0)
		return fd;
	link = bpf_hang_on(l->prog_fds[s->prog], fd, s->cookie);
	if (link != fd)
		close(fd);
	return link;
}

static void add_watch(struct loader *l, uint32_t site, pid_t tid)
{
	const struct stb_site *s = site_at(l, site);
	struct watches *w = l->watches;
	uint64_t start = l->build_state[s->build] == BUILD_HERE ?
		start_of(tid, l->build_fds[s->build]) : 0;
	int fd;

	if (!start)
		return;
	fd = open_watch(l, site, tid, start + (s->addr - s->offset));
	if (fd < 0) {
		if (fd != -ESRCH && !w->told)
			say("%s is not watched in process %d: %s",
			    stb_string(&l->meta, s->name), tid, fd == -ENOSPC ?
			    "others have the processor's debug registers" :
			    strerror(-fd));
		w->told |= fd != -ESRCH;
		return;
	}
	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 16;
		w->v = realloc(w->v, w->cap * sizeof(*w->v));
		if (!w->v)
			die(EXIT_AGAIN, "out of memory");
	}
	w->v[w->n++] = (struct watch){ site, fd };
}

static void close_watch(struct loader *l, const struct watch *w)
{
	if (in_kmod(l))
		kmod_unwatch(l, w->fd);
	else
		close(w->fd);
}

/* A task that runs row `build` of the programs, or one of the same path. */
static void look_at_task(struct loader *l, pid_t tid, uint32_t build, bool is_new)
{
	for (uint32_t i = 0; build < l->builds.n && i < l->sites.n; i++) {
		if (!is_watch(site_at(l, i)) ||
		    strcmp(path_of(l, build), path_of(l, site_at(l, i)->build)))
			continue;
		l->watches->live[i] = true;
		if (is_new)
			add_watch(l, i, tid);
	}
}

/* Those of a program that nobody runs any more; who made others may be gone before
   them, and what it has is theirs. */
static void drop_dead(struct loader *l)
{
	struct watches *w = l->watches;
	size_t kept = 0;

	for (size_t i = 0; i < w->n; i++)
		if (w->live[w->v[i].site])
			w->v[kept++] = w->v[i];
		else
			close_watch(l, &w->v[i]);
	w->n = kept;
}

void watches_begin(struct loader *l)
{
	bool any = false;

	for (uint32_t i = 0; i < l->sites.n; i++)
		any = any || is_watch(site_at(l, i));
	if (!any || !l->tasks_fd)
		return;
	l->watches = zalloc(sizeof(*l->watches));
	l->watches->live = zalloc(l->sites.n);
	watches_tick(l);
}

void watches_tick(struct loader *l)
{
	uint64_t now = now_ns();

	if (!l->watches || now < l->watches->next_look)
		return;
	l->watches->next_look = now + LOOK_MS * 1000000ull;
	memset(l->watches->live, 0, l->sites.n);
	tasks_each(l, look_at_task);
	drop_dead(l);
}

uint64_t watches_due(const struct loader *l)
{
	return l->watches ? l->watches->next_look : UINT64_MAX;
}

void watches_end(struct loader *l)
{
	if (!l->watches)
		return;
	memset(l->watches->live, 0, l->sites.n);
	drop_dead(l);
}
