/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch.c - sites that watch data of a program: debug registers of each process
 * that runs it, and not of processors, since each process has the program at
 * another address. In: the array of tasks (tasks.c), in which those that executed
 * a program, or were there, are told from those that were made by such, which have
 * what their makers have. Out: a breakpoint in each of the first, until it and all
 * that have it from there are gone.
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
	uint64_t origin;	/* whose it is: struct runner */
	bool unseen;		/* nobody had it when it was looked */
};

/* A task of a program. Those that executed it, or were there, are counted: it is
   one of these, or came of the one, of whose watches it has what was left; of
   which is not known where `last` is another than `first`. */
struct runner {
	pid_t tid;
	uint64_t first, last;	/* 0: it was not looked for yet */
};

struct runners {		/* in the order of their numbers */
	struct runner *v;
	size_t n, cap;
};

struct watches {
	struct watch *v;	/* in the order of their origins */
	size_t n, cap;
	struct runners was, now;
	uint64_t origins;	/* how many there were */
	uint64_t next_look;
	uint64_t failed;	/* to be set */
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
   fd is open to; 0: it is not, or *error says why that is not known. */
static uint64_t start_of(pid_t tid, int fd, int *error)
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
	*error = f || errno == ENOENT || errno == ESRCH ? 0 : errno;
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

static void tell_failed(struct loader *l, uint32_t site, pid_t tid, int error)
{
	const char *name = stb_string(&l->meta, site_at(l, site)->name);

	if (l->watches->failed++)
		return;
	if (error == EMFILE)
		say("%s is not watched in process %d: %s: allow more (ulimit "
		    "-n)", name, tid, strerror(error));
	else
		say("%s is not watched in process %d: %s", name, tid,
		    error == ENOSPC ? "others have the processor's debug "
		    "registers" : strerror(error));
}

static void add_watch(struct loader *l, uint32_t site, pid_t tid,
		      uint64_t origin)
{
	const struct stb_site *s = site_at(l, site);
	struct watches *w = l->watches;
	int fd, error = 0;
	uint64_t start = l->build_state[s->build] == BUILD_HERE ?
		start_of(tid, l->build_fds[s->build], &error) : 0;

	if (start) {
		fd = open_watch(l, site, tid, start + (s->addr - s->offset));
		error = fd < 0 ? -fd : 0;
	}
	if (error && error != ESRCH)
		tell_failed(l, site, tid, error);
	if (!start || error)
		return;
	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 16;
		w->v = realloc(w->v, w->cap * sizeof(*w->v));
		if (!w->v)
			die(EXIT_AGAIN, "out of memory");
	}
	w->v[w->n++] = (struct watch){ site, fd, origin, false };
}

static void close_watch(struct loader *l, const struct watch *w)
{
	if (in_kmod(l))
		kmod_unwatch(l, w->fd);
	else
		close(w->fd);
}

/* --- who has which ---------------------------------------------------------- */

static void add_runner(struct runners *r, pid_t tid, uint64_t origin)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 64;
		r->v = realloc(r->v, r->cap * sizeof(*r->v));
		if (!r->v)
			die(EXIT_AGAIN, "out of memory");
	}
	r->v[r->n++] = (struct runner){ tid, origin, origin };
}

/* Of one task those that executed it are first, and the last time. */
static int by_tid(const void *a, const void *b)
{
	const struct runner *x = a, *y = b;

	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	return x->first > y->first ? -1 : x->first < y->first;
}

static struct runner *find_runner(const struct runners *r, pid_t tid)
{
	size_t low = 0, high = r->n, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (r->v[mid].tid < tid)
			low = mid + 1;
		else
			high = mid;
	}
	return low < r->n && r->v[low].tid == tid ? &r->v[low] : NULL;
}

/* A task may be told of more than once. */
static void sort_runners(struct runners *r)
{
	size_t n = 0;

	qsort(r->v, r->n, sizeof(*r->v), by_tid);
	for (size_t i = 0; i < r->n; i++)
		if (!n || r->v[n - 1].tid != r->v[i].tid)
			r->v[n++] = r->v[i];
	r->n = n;
}

/* A task that runs row `build` of the programs, or one of the same path. */
static void look_at_task(struct loader *l, pid_t tid, uint32_t build, bool is_new)
{
	struct watches *w = l->watches;
	bool watched = false;

	for (uint32_t i = 0; build < l->builds.n && i < l->sites.n; i++) {
		if (!is_watch(site_at(l, i)) ||
		    strcmp(path_of(l, build), path_of(l, site_at(l, i)->build)))
			continue;
		if (!watched && is_new)
			w->origins++;
		watched = true;
		if (is_new)
			add_watch(l, i, tid, w->origins);
	}
	if (watched)
		add_runner(&w->now, tid, is_new ? w->origins : 0);
}

/* The process of a thread; the parent of a process; 0: it is gone. */
static pid_t maker_of(pid_t tid)
{
	char path[48], status[4096], *p, *q;
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	if (read_small(path, status, sizeof(status)) <= 0)
		return 0;
	p = strstr(status, "\nTgid:");
	q = strstr(status, "\nPPid:");
	pid = p ? atoi(p + 6) : 0;
	return pid == tid ? q ? atoi(q + 6) : 0 : pid;
}

/* Of one that was made. Its maker may have executed the program since, so that is
   asked for what it was when we looked before. */
static void find_origin(struct watches *w, struct runner *r)
{
	struct runner *was = find_runner(&w->was, r->tid);

	if (!was)
		was = find_runner(&w->was, maker_of(r->tid));
	r->first = was ? was->first : 1;
	r->last = was ? was->last : w->origins;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Those that no task has, twice in a row: one that was just made may be missed
   once, and by then who made it. */
static void drop_dead(struct loader *l)
{
	struct watches *w = l->watches;
	uint64_t *live = array(w->now.n, sizeof(*live)), doubt = 0;
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < w->now.n; i++) {
		const struct runner *r = &w->now.v[i];

		if (r->first == r->last)
			live[n++] = r->first;
		else if (r->last > doubt)
			doubt = r->last;
	}
	qsort(live, n, sizeof(*live), by_number);
	for (size_t i = 0; i < w->n; i++) {
		struct watch *at = &w->v[i];
		bool seen = at->origin <= doubt || bsearch(&at->origin, live, n,
					sizeof(*live), by_number);

		if (seen || !at->unseen) {
			at->unseen = !seen;
			w->v[kept++] = *at;
		} else {
			close_watch(l, at);
		}
	}
	w->n = kept;
	free(live);
}

/* --- all -------------------------------------------------------------------- */

void watches_begin(struct loader *l)
{
	bool any = false;

	for (uint32_t i = 0; i < l->sites.n; i++)
		any = any || is_watch(site_at(l, i));
	if (!any || !l->tasks_fd)
		return;
	l->watches = zalloc(sizeof(*l->watches));
	watches_tick(l);
}

void watches_tick(struct loader *l)
{
	struct watches *w = l->watches;
	uint64_t now = now_ns();
	struct runners was;

	if (!w || now < w->next_look)
		return;
	w->next_look = now + LOOK_MS * 1000000ull;
	was = w->was;
	w->was = w->now;
	w->now = (struct runners){ was.v, 0, was.cap };
	tasks_each(l, look_at_task);
	sort_runners(&w->now);
	for (size_t i = 0; i < w->now.n; i++)
		if (!w->now.v[i].first)
			find_origin(w, &w->now.v[i]);
	drop_dead(l);
}

uint64_t watches_due(const struct loader *l)
{
	return l->watches ? l->watches->next_look : UINT64_MAX;
}

void watches_end(struct loader *l)
{
	struct watches *w = l->watches;

	if (!w)
		return;
	for (size_t i = 0; i < w->n; i++)
		close_watch(l, &w->v[i]);
	w->n = 0;
	if (w->failed > 1)
		say("%llu times in all data of a process was not watched",
		    (unsigned long long)w->failed);
}
