/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * detach.c - closing what attach.c opened.
 *
 * To close a link waits for grace periods of the kernel, tens of milliseconds
 * each; 6.1 has one link a site. So where there are many, processes that have
 * our very descriptors close a part each: those who wait together share what
 * they wait for, unless they hold a mutex of the kernel's. For these the grace
 * periods themselves are made short, by the switch that the kernel has for it.
 *
 * Where there are very many, a process is there from the start that does it:
 * the keeper. It has our descriptors, so what we had attached stays until it
 * has been detached in this way, if we are killed, too.
 */
#include "loader/kmod.h"
#include "loader/loader.h"
#include "loader/record.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	CLOSERS = 16,		/* at most so many at a time */
	LINKS_EACH = 4,		/* fewer are not worth a process */
	HURRY_FROM = 64,	/* links that are worth short grace periods */
};

static void close_part(const struct loader *l, uint32_t *closed,
		       uint32_t part, uint32_t parts)
{
	for (uint32_t i = part; i < l->sites.n; i += parts) {
		int fd = l->links[i];

		if (fd < 0)
			continue;
		l->links[i] = NOT_ATTACHED;
		close(fd);
		__atomic_fetch_add(closed, 1, __ATOMIC_RELAXED);
	}
}

/* A process with our descriptors and a copy of our memory, as fork() has. */
static pid_t helper(void)
{
	return (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
}

static void close_together(const struct loader *l, uint32_t *closed,
			   uint32_t links)
{
	pid_t closers[CLOSERS];
	uint32_t parts = links / LINKS_EACH;

	if (parts > CLOSERS)
		parts = CLOSERS;
	for (uint32_t i = 0; i < parts; i++) {
		closers[i] = helper();
		if (!closers[i]) {
			close_part(l, closed, i, parts);
			_exit(0);
		}
	}
	for (uint32_t i = 0; i < parts; i++)
		if (closers[i] < 0)
			close_part(l, closed, i, parts);
		else
			waitpid(closers[i], NULL, 0);
}

/* --- switches of the kernel ----------------------------------------------- */

/* Both are for all of the kernel, and change how long something takes, nothing
   else: to make grace periods short; not to make jumps of probes' breakpoints
   while more are set, each of which would wait for that. */
#define HURRY "/sys/kernel/rcu_expedited"
#define JUMPS "/proc/sys/debug/kprobes-optimization"

/* The descriptor to put it back with; -1: it is so already, another loader is
   at it, or we may not. */
static int open_switch(const char *path, char from)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char was = 0;

	if (fd < 0)
		return -1;
	if (!flock(fd, LOCK_EX | LOCK_NB) && pread(fd, &was, 1, 0) == 1 &&
	    was == from)
		return fd;
	close(fd);
	return -1;
}

static void set_switch(int fd, const char *path, char to)
{
	if (fd >= 0 && pwrite(fd, &to, 1, 0) != 1)
		say("%s cannot be set to %c: %s", path, to, strerror(errno));
}

/* Until it has ended; or a signal that asks for the end: false. */
static bool wait_told(pid_t pid, const uint32_t *closed, uint32_t links)
{
	const struct timespec second = { 1, 0 };
	struct progress p = { .what = "detached" };
	sigset_t set;

	stop_signals_of(&set);
	sigaddset(&set, SIGCHLD);
	tell_progress(&p, 0, links);
	while (!waitpid(pid, NULL, WNOHANG)) {
		uint32_t n = __atomic_load_n(closed, __ATOMIC_RELAXED);
		int sig = sigtimedwait(&set, NULL, &second);

		tell_progress(&p, n, links);
		if (sig <= 0 || sig == SIGCHLD)
			continue;
		say("%u of %u sites are still attached and do nothing; "
		    "process %d detaches them", links - n, links, pid);
		/* they are the same as its, and may be a pipe's */
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
		return false;
	}
	return true;
}

/* All of them: the whole of what a process of its own does. */
static void close_links(const struct loader *l, uint32_t *closed,
			uint32_t links)
{
	int hurry = links >= HURRY_FROM ? open_switch(HURRY, '0') : -1;

	set_switch(hurry, HURRY, '1');
	close_together(l, closed, links);
	set_switch(hurry, HURRY, '0');
	if (hurry >= 0)
		close(hurry);
}

/* In a process of its own, which ends it though we are killed. */
static void close_and_wait(const struct loader *l, uint32_t *closed,
			   uint32_t links)
{
	pid_t pid = links >= LINKS_EACH ? helper() : -1;

	if (!pid) {
		close_links(l, closed, links);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	close_part(l, closed, 0, 1);	/* those that still are */
}

static uint32_t count_links(const struct loader *l)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->sites.n; i++)
		n += l->links[i] >= 0;
	return n;
}

/* Sites inside of functions. At the entry it is a call that is patched in. */
static uint32_t breakpoints(const struct loader *l)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->sites.n; i++) {
		const struct stb_site *s = ROW(struct stb_site, l->sites, i);

		n += s->attach == STB_AT_KPROBE &&
		     (s->offset || s->flags & STB_SITE_ABSOLUTE);
	}
	return n;
}

/* --- the keeper ----------------------------------------------------------- */

/* Until it is asked, or its parent is no more. */
_Noreturn static void keeper(const struct loader *l, pid_t parent)
{
	sigset_t all, asked;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&asked);
	sigaddset(&asked, SIGUSR1);
	leave_folder();
	prctl(PR_SET_NAME, "stap-keeper");
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
	if (getppid() == parent)
		sigwaitinfo(&asked, NULL);
	if (getppid() != parent) {
		/* who reads our output need not wait */
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
		record_forsake(l);
	}
	set_switch(*l->jumps, JUMPS, '1');
	close_links(l, l->closed, count_links(l));
	_exit(0);
}

/* What both see. Two more words than there are sites: closed, and jumps. */
static int *shared_links(uint32_t n)
{
	size_t size = (n + 2) * sizeof(int);
	int *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die(EXIT_AGAIN, "wanted %zu bytes of memory, got none: try "
		    "again when more is free", size);
	memset(p, 0xff, size);
	return p;
}

void keep_links(struct loader *l)
{
	pid_t self = getpid(), pid;

	l->links = shared_links(l->sites.n);
	l->closed = (uint32_t *)&l->links[l->sites.n];
	*l->closed = 0;
	l->jumps = &l->links[l->sites.n + 1];
	if (l->sites.n < HURRY_FROM || in_kmod(l))
		return;
	pid = helper();
	if (!pid)
		keeper(l, self);
	l->keeper = pid < 0 ? 0 : pid;
	if (l->keeper && breakpoints(l) >= HURRY_FROM)
		*l->jumps = open_switch(JUMPS, '1');
	set_switch(*l->jumps, JUMPS, '0');
}

void links_kept(struct loader *l)
{
	set_switch(*l->jumps, JUMPS, '1');
	if (*l->jumps >= 0)
		close(*l->jumps);
	*l->jumps = -1;
}

/* Asks it; false: it is not there. */
static bool ask_keeper(const struct loader *l)
{
	return l->keeper && !waitpid(l->keeper, NULL, WNOHANG) &&
	       !kill(l->keeper, SIGUSR1);
}

/* --- the end --------------------------------------------------------------- */

/* False: it goes on without us. */
static bool leave(const struct loader *l, uint32_t links)
{
	pid_t pid = l->keeper;
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	if (!ask_keeper(l)) {
		pid = helper();
		if (!pid) {
			close_links(l, l->closed, links);
			_exit(0);
		}
	}
	return pid < 0 || wait_told(pid, l->closed, links);
}

void detach_all(struct loader *l)
{
	uint32_t links;

	if (in_kmod(l) && l->shared)
		kmod_end(l);
	if (!l->links || in_kmod(l))
		return;
	for (uint32_t i = 0; i < l->sites.n; i++)
		if (l->links[i] == ON_CPUS)
			events_disarm(l, i);
	links = count_links(l);
	l->armed = 0;
	if ((l->keeper || links >= 2 * LINKS_EACH) && !leave(l, links))
		return;
	l->keeper = 0;
	close_part(l, l->closed, 0, 1);		/* those that still are */
	for (uint32_t i = 0; i < l->sites.n; i++)
		l->links[i] = NOT_ATTACHED;
}

static bool is_of_build(const struct stb_site *s, uint32_t build)
{
	return s->flags & STB_SITE_IN_MODULE && s->build == build;
}

static bool is_of_prog(const struct stb_site *s, uint32_t prog)
{
	return s->prog == prog;
}

/* Some links, as detach_all() closes all. */
static void disarm_some(struct loader *l, uint32_t what,
			bool (*is_one)(const struct stb_site *s, uint32_t what))
{
	int *links = l->links, *gone = array(l->sites.n, sizeof(*gone));
	struct loader part = *l;
	uint32_t closed = 0, n = 0;

	for (uint32_t i = 0; i < l->sites.n; i++) {
		gone[i] = NOT_ATTACHED;
		if (!is_one(ROW(struct stb_site, l->sites, i), what))
			continue;
		gone[i] = links[i];
		links[i] = NOT_ATTACHED;
		n += gone[i] >= 0;
		l->armed -= gone[i] >= 0 || gone[i] == IN_GROUP ||
			    gone[i] == ON_CPUS || gone[i] == IN_MODULE;
		if (gone[i] == ON_CPUS)
			events_disarm(l, i);
		if (gone[i] == IN_MODULE)
			kmod_disarm(l, i);
	}
	part.links = gone;
	close_and_wait(&part, &closed, n);
	free(gone);
}

void disarm_build(struct loader *l, uint32_t build)
{
	disarm_some(l, build, is_of_build);
}

void disarm_prog(struct loader *l, uint32_t prog)
{
	disarm_some(l, prog, is_of_prog);
}
