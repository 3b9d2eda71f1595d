/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tasks.c - which tasks run which program, and which are the target's: the
 * bundle's handlers keep track of them in a map (STB_MAPF_TASKS), this puts in
 * those that there are already. In: the target, paths of programs. A program is
 * known by the numbers of its file; one that comes later, or in the place of
 * another, is looked for at each tick.
 */
#include "loader/bpf.h"
#include "loader/kmod.h"
#include "loader/loader.h"
#include "runtime/kmod/uapi.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>


struct known_file {		/* as the map's keys are */
	uint64_t number, device;
};

/* --- the arrays ----------------------------------------------------------- */

static void get(const struct loader *l, int map, const void *key,
		uint64_t *value)
{
	if (in_kmod(l))
		kmod_map(l, (uint32_t)map - 1, STB_KMOD_GET, key, value);
	else
		bpf_map_lookup(map, key, value);
}

/* 0 or an errno, negative. */
static int put(const struct loader *l, int map, const void *key,
	       uint64_t value, bool new_ones)
{
	return in_kmod(l) ? kmod_map(l, (uint32_t)map - 1, new_ones ?
				     STB_KMOD_ADD : STB_KMOD_SET, key, &value) :
		bpf_map_update(map, key, &value, new_ones ? BPF_NOEXIST :
			       BPF_ANY);
}

/* --- programs ------------------------------------------------------------- */

/* The device of a mount of a process's (0: ours) as the kernel has it, which stat()
   may not tell. */
static bool device_of(pid_t pid, int mount, uint64_t *device)
{
	char path[48] = "/proc/self/mountinfo", line[4096];
	unsigned major, minor;
	bool found = false;
	FILE *f;
	int id;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		found = sscanf(line, "%d %*d %u:%u", &id, &major, &minor) == 3 &&
			id == mount;
		if (found)
			*device = (uint64_t)major << 20 | minor;
	}
	if (f)
		fclose(f);
	return found;
}

/* A path of ours, which leads to where the process `pid` is, whose mounts may be
   others; or to a mount that neither has any more. */
static bool look_at_file(const char *path, pid_t pid, struct known_file *out)
{
	int fd = open(path, O_PATH | O_CLOEXEC), mount = -1;
	unsigned long long number = 0;
	char name[32], info[512], *p;
	struct stat st;
	bool is_there;

	if (fd < 0)
		return false;
	is_there = !fstat(fd, &st);
	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	if (read_small(name, info, sizeof(info)) > 0) {
		p = strstr(info, "mnt_id:");
		mount = p ? atoi(p + 7) : -1;
		p = strstr(info, "ino:");
		number = p ? strtoull(p + 4, NULL, 10) : 0;
	}
	close(fd);
	out->number = number ? number : st.st_ino;
	if (is_there && !device_of(pid, mount, &out->device) &&
	    (!pid || !device_of(0, mount, &out->device)))
		out->device = (uint64_t)major(st.st_dev) << 20 |
			minor(st.st_dev);
	return is_there;
}

/* The program of which a process may be, and that it was executed, as they are in the
   value of a task; 0: none. */
static uint64_t program_of(struct loader *l, const struct known_file *f)
{
	uint64_t value = 0;

	if (l->files_fd)
		get(l, l->files_fd, f, &value);
	return value << STB_TASK_FILE;
}

/* In the map of files: that row's program, which was executed. */
static uint64_t executed(uint32_t row)
{
	return ((uint64_t)row + 1) << 1 | 1;
}

/* What was at the path of a row is so no more, unless it is at another's: who gets
   its number next is another program. */
static void forget_file(struct loader *l, uint32_t row)
{
	const struct known_file was = l->known[row], none = { 0 };

	l->known[row] = none;
	if (!was.number)
		return;
	for (uint32_t i = 0; i < l->builds.n; i++)
		if (!memcmp(&l->known[i], &was, sizeof(was))) {
			put(l, l->files_fd, &was, executed(i), false);
			return;
		}
	if (in_kmod(l))
		put(l, l->files_fd, &was, 0, false);
	else
		bpf_map_delete(l->files_fd, &was);
}

/* As this process sees it, we or the target. */
static void add_file(struct loader *l, uint32_t row, pid_t pid)
{
	const struct stb_program_build *b =
		ROW(struct stb_program_build, l->builds, row);
	struct known_file f;
	char path[4352], root[32];

	if (b->kind != STB_BUILD_PATH)
		return;
	snprintf(root, sizeof(root), "/proc/%d/root", pid);
	snprintf(path, sizeof(path), "%s%s", pid ? root : "",
		 stb_string(&l->meta, b->path));
	if (!look_at_file(path, pid, &f)) {
		if (!pid && errno == ENOENT)
			forget_file(l, row);
		return;
	}
	if (!pid && !memcmp(&f, &l->known[row], sizeof(f)))
		return;
	if (!pid)
		forget_file(l, row);
	if (!put(l, l->files_fd, &f, executed(row), false) && !pid)
		l->known[row] = f;
}

static void add_files(struct loader *l, pid_t pid)
{
	for (uint32_t i = 0; l->files_fd && i < l->builds.n; i++)
		add_file(l, i, pid);
}

/* --- tasks ---------------------------------------------------------------- */

/* What a handler has put in meanwhile is newer. */
static void add_task(struct loader *l, uint64_t tid, uint64_t value)
{
	if (value)
		put(l, l->tasks_fd, &tid, value, true);
}

struct pids {
	pid_t *v;
	size_t n, cap;
};

static void add_pid(struct pids *to, pid_t pid)
{
	if (to->n == to->cap) {
		to->cap = to->cap ? 2 * to->cap : 64;
		to->v = realloc(to->v, to->cap * sizeof(*to->v));
		if (!to->v)
			die(EXIT_AGAIN, "out of memory");
	}
	to->v[to->n++] = pid;
}

/* The entries of a folder that are numbers. */
static struct pids numbers_in(const char *path)
{
	struct pids all = { 0 };
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (atoi(e->d_name) > 0)
			add_pid(&all, atoi(e->d_name));
	if (d)
		closedir(d);
	return all;
}

static struct pids threads_of(pid_t pid)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	return numbers_in(path);
}

static void add_process(struct loader *l, pid_t pid, uint64_t followed)
{
	struct known_file f;
	struct pids threads;
	uint64_t value = followed;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (l->files_fd && look_at_file(path, pid, &f))
		value |= program_of(l, &f);
	if (!value)
		return;
	threads = threads_of(pid);
	for (size_t i = 0; i < threads.n; i++)
		add_task(l, threads.v[i], value);
	free(threads.v);
}

enum { PID_MOST = 1 << 22 };	/* the kernel's PID_MAX_LIMIT */

/* The processes that the threads of one have made, but those that were seen. */
static void add_children(struct pids *all, uint8_t *seen, pid_t pid)
{
	struct pids threads = threads_of(pid);
	char path[64];
	pid_t child;
	FILE *f;

	for (size_t i = 0; i < threads.n; i++) {
		snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid,
			 threads.v[i]);
		f = fopen(path, "re");
		while (f && fscanf(f, "%d", &child) == 1) {
			if (child <= 0 || child >= PID_MOST ||
			    seen[child / 8] >> child % 8 & 1)
				continue;
			seen[child / 8] |= 1 << child % 8;
			add_pid(all, child);
		}
		if (f)
			fclose(f);
	}
	free(threads.v);
}

/* A process and all that came of it. */
static struct pids family_of(pid_t pid)
{
	uint8_t *seen = zalloc(PID_MOST / 8);
	struct pids all = { 0 };

	add_pid(&all, pid);
	if (pid > 0 && pid < PID_MOST)
		seen[pid / 8] |= 1 << pid % 8;
	for (size_t i = 0; i < all.n; i++)
		add_children(&all, seen, all.v[i]);
	zfree(seen, PID_MOST / 8);
	return all;
}

static void add_all(struct loader *l, struct pids all, uint64_t followed)
{
	for (size_t i = 0; i < all.n; i++)
		add_process(l, all.v[i], followed);
	free(all.v);
}

/* --- what is wanted ------------------------------------------------------- */

/* The inode number of the first namespace of processes, in every kernel. */
#define FIRST_NUMBERS 0xeffffffcu

/* Are the numbers of processes that we see others than handlers do? */
static bool has_own_numbers(void)
{
	struct stat st;

	return !stat("/proc/self/ns/pid", &st) && st.st_ino != FIRST_NUMBERS;
}

static bool tracks_tasks(const struct loader *l)
{
	for (uint32_t i = 0; i < l->maps.n; i++)
		if (ROW(struct stb_map, l->maps, i)->flags & STB_MAPF_TASKS)
			return true;
	return false;
}

void tasks_check(const struct loader *l)
{
	bool tracks = tracks_tasks(l), wanted = tracks;

	for (uint32_t i = 0; i < l->builds.n; i++)
		wanted = wanted || is_program(l, i);
	if (wanted && access("/proc/self/fd", F_OK))
		die(EXIT_KERNEL, "wanted /proc, which tells what programs "
		    "processes run: mount it");
	if (!l->progs.n || !has_own_numbers())
		return;
	if (tracks && (l->opt.target || l->opt.command))
		die(EXIT_USE, "%s in a pid namespace: the kernel has other "
		    "numbers for its processes; run this outside of it, in a "
		    "container with the host's (--pid=host)",
		    l->opt.target ? "-x" : "-c");
	if (tracks)
		say("this is a pid namespace: programs that run already are "
		    "not seen, those that begin are");
	else if (l->opt.target || l->opt.command)
		say("this is a pid namespace: target() is the number that "
		    "the process has in it, pid() is the kernel's");
}

int64_t tasks_named(const char *text)
{
	char path[48], status[4096], *end, *p;
	long pid = strtol(text, &end, 10);

	if (end == text || *end || pid <= 0 || pid > INT32_MAX)
		die(EXIT_USE, "-x %s: wanted the number of a process", text);
	if (kill((pid_t)pid, 0) && errno == ESRCH)
		die(EXIT_USE, "-x %s: there is no such process", text);
	snprintf(path, sizeof(path), "/proc/%ld/status", pid);
	p = read_small(path, status, sizeof(status)) > 0 ?
		strstr(status, "\nTgid:") : NULL;
	if (p && strtol(p + 6, NULL, 10) != pid)
		die(EXIT_USE, "-x %s: it is a thread of process %ld: give that",
		    text, strtol(p + 6, NULL, 10));
	return pid;
}

pid_t *tasks_of_target(const struct loader *l, size_t *n)
{
	struct pids family = family_of((pid_t)l->shared->target_pid), threads;
	struct pids all = { 0 };

	for (size_t i = 0; i < family.n; i++) {
		threads = threads_of(family.v[i]);
		for (size_t k = 0; k < threads.n; k++)
			add_pid(&all, threads.v[k]);
		free(threads.v);
	}
	free(family.v);
	*n = all.n;
	return all.v;
}

/* --- all ------------------------------------------------------------------ */

void tasks_begin(struct loader *l)
{
	pid_t target = (pid_t)l->shared->target_pid;

	if (!l->tasks_fd)
		return;
	l->known = zalloc((l->builds.n + 1) * sizeof(*l->known));
	add_files(l, 0);
	if (has_own_numbers())
		return;
	/* ours begin with the command that they become, or not at all */
	add_task(l, getpid(), STB_TASK_SEEN);
	if (target && l->opt.command)
		add_task(l, target, STB_TASK_SEEN | STB_TASK_FOLLOWED);
	if (target) {
		add_files(l, target);
		add_all(l, family_of(target), STB_TASK_FOLLOWED);
	}
	if (l->files_fd)
		add_all(l, numbers_in("/proc"), 0);
}

static void tell_task(struct loader *l, uint64_t tid, uint64_t value,
		      void (*each)(struct loader *l, pid_t tid, uint32_t build,
				   bool is_new))
{
	if (!(value >> STB_TASK_PROGRAM))
		return;
	each(l, (pid_t)tid, (uint32_t)(value >> STB_TASK_PROGRAM) - 1,
	     value & STB_TASK_EXECED);
	value &= ~(uint64_t)STB_TASK_EXECED;
	if (in_kmod(l))
		put(l, l->tasks_fd, &tid, value, false);
	else
		bpf_map_update(l->tasks_fd, &tid, &value, BPF_EXIST);
}

void tasks_each(struct loader *l, void (*each)(struct loader *l, pid_t tid,
		uint32_t build, bool is_new))
{
	uint64_t key, next, value;
	const void *at = NULL;
	uint32_t node = 0;

	if (in_kmod(l)) {
		while ((node = kmod_next(l, (uint32_t)l->tasks_fd - 1, node,
					 &key, &value)))
			tell_task(l, key, value, each);
		return;
	}
	while (!bpf_map_next_key(l->tasks_fd, at, &next)) {
		key = next;
		at = &key;
		if (!bpf_map_lookup(l->tasks_fd, &key, &value))
			tell_task(l, key, value, each);
	}
}

void tasks_tick(struct loader *l)
{
	if (l->tasks_fd)
		add_files(l, 0);
}
