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
 * All of this is done by a process of its own. What becomes of us meanwhile, a
 * second ^C or a kill, does not matter to it.
 */
#include "loader/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
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
		if (l->links[i] < 0)
			continue;
		close(l->links[i]);
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

/*
 * Makes grace periods short, for all of the kernel and for as long as we keep
 * the descriptor, which has what to put back. -1: it is so already, another
 * loader is at it, or we may not.
 */
static int begin_hurry(void)
{
	int fd = open("/sys/kernel/rcu_expedited", O_RDWR | O_CLOEXEC);
	char was = 0;

	if (fd < 0)
		return -1;
	if (!flock(fd, LOCK_EX | LOCK_NB) && pread(fd, &was, 1, 0) == 1 &&
	    was == '0' && pwrite(fd, "1", 1, 0) == 1)
		return fd;
	close(fd);
	return -1;
}

static void end_hurry(int fd)
{
	if (fd < 0)
		return;
	if (pwrite(fd, "0", 1, 0) != 1)
		say("/sys/kernel/rcu_expedited stays 1, and was 0");
	close(fd);
}

/* Until it has ended; a signal that asks for the end is heard. */
static void wait_told(pid_t pid, const uint32_t *closed, uint32_t links)
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
		return;
	}
}

static void leave(const struct loader *l, uint32_t links)
{
	uint32_t *closed = mmap(NULL, sizeof(*closed), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t mine = 0;
	sigset_t child;
	pid_t pid;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	pid = closed == MAP_FAILED ? -1 : helper();
	if (pid < 0) {
		close_part(l, &mine, 0, 1);
		return;
	}
	if (!pid) {
		int hurry = links >= HURRY_FROM ? begin_hurry() : -1;

		close_together(l, closed, links);
		end_hurry(hurry);
		_exit(0);
	}
	wait_told(pid, closed, links);
	munmap(closed, sizeof(*closed));
}

void detach_all(struct loader *l)
{
	uint32_t links = 0, closed = 0;

	if (!l->links)
		return;
	for (uint32_t i = 0; i < l->sites.n; i++)
		links += l->links[i] >= 0;
	if (links < 2 * LINKS_EACH)
		close_part(l, &closed, 0, 1);
	else
		leave(l, links);
	for (uint32_t i = 0; i < l->sites.n; i++) {
		if (l->links[i] == ON_CPUS)
			events_disarm(l, i);
		l->links[i] = NOT_ATTACHED;
	}
	l->armed = 0;
}

/* The links of a module that went, as detach_all() closes all. */
void disarm_build(struct loader *l, uint32_t build)
{
	int *links = l->links, *gone = array(l->sites.n, sizeof(*gone));
	struct loader part = *l;
	uint32_t closed = 0, n = 0;
	int hurry = -1;

	for (uint32_t i = 0; i < l->sites.n; i++) {
		const struct stb_site *s = ROW(struct stb_site, l->sites, i);
		bool is_of_it = s->flags & STB_SITE_IN_MODULE &&
				s->build == build;

		gone[i] = is_of_it ? links[i] : NOT_ATTACHED;
		if (is_of_it)
			links[i] = NOT_ATTACHED;
		n += gone[i] >= 0;
	}
	part.links = gone;
	if (n >= HURRY_FROM)
		hurry = begin_hurry();
	if (n >= LINKS_EACH)
		close_together(&part, &closed, n);
	else
		close_part(&part, &closed, 0, 1);
	end_hurry(hurry);
	l->armed -= n;
	free(gone);
}
