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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void put(const struct loader *l, int map, const void *key,
		uint64_t value, bool new_ones)
{
	if (in_kmod(l))
		kmod_map(l, (uint32_t)map - 1, new_ones ? STB_KMOD_ADD :
			 STB_KMOD_SET, key, &value);
	else
		bpf_map_update(map, key, &value, new_ones ? BPF_NOEXIST :
			       BPF_ANY);
}

/* --- programs ------------------------------------------------------------- */

/* The device of a mount as the kernel has it, which stat() may not tell. */
static bool device_of(int mount, uint64_t *device)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	unsigned major, minor;
	char line[4096];
	bool found = false;
	int id;

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

static bool look_at_file(const char *path, struct known_file *out)
{
	int fd = open(path, O_PATH | O_CLOEXEC), mount = -1;
	unsigned long long number = 0;
	char name[32], info[512], *p;

	if (fd < 0)
		return false;
	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	if (read_small(name, info, sizeof(info)) > 0) {
		p = strstr(info, "mnt_id:");
		mount = p ? atoi(p + 7) : -1;
		p = strstr(info, "ino:");
		number = p ? strtoull(p + 4, NULL, 10) : 0;
	}
	close(fd);
	out->number = number;
	return number && device_of(mount, &out->device);
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

static void add_file(struct loader *l, uint32_t row, const char *root)
{
	const struct stb_program_build *b =
		ROW(struct stb_program_build, l->builds, row);
	uint64_t value = ((uint64_t)row + 1) << 1 | 1;	/* executed */
	struct known_file f;
	char path[4352];

	if (b->kind != STB_BUILD_PATH)
		return;
	snprintf(path, sizeof(path), "%s%s", root,
		 stb_string(&l->meta, b->path));
	if (!look_at_file(path, &f) ||
	    (!*root && !memcmp(&f, &l->known[row], sizeof(f))))
		return;
	if (!*root)
		l->known[row] = f;
	put(l, l->files_fd, &f, value, false);
}

static void add_files(struct loader *l, const char *root)
{
	for (uint32_t i = 0; l->files_fd && i < l->builds.n; i++)
		add_file(l, i, root);
}

/* --- tasks ---------------------------------------------------------------- */

/* What a handler has put in meanwhile is newer. */
static void add_task(struct loader *l, uint64_t tid, uint64_t value)
{
	if (value)
		put(l, l->tasks_fd, &tid, value, true);
}

/* Calls back for each entry of a folder that is a number. */
static void each_number(const char *path, void (*each)(struct loader *l,
			pid_t pid, pid_t n, uint64_t value),
			struct loader *l, pid_t pid, uint64_t value)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (atoi(e->d_name) > 0)
			each(l, pid, atoi(e->d_name), value);
	if (d)
		closedir(d);
}

static void add_thread(struct loader *l, pid_t pid, pid_t tid, uint64_t value)
{
	add_task(l, tid, value);
}

static void add_process(struct loader *l, pid_t pid, uint64_t followed)
{
	struct known_file f;
	uint64_t program = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (l->files_fd && look_at_file(path, &f))
		program = program_of(l, &f);
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	if (program || followed)
		each_number(path, add_thread, l, pid, program | followed);
}

static void add_running(struct loader *l, pid_t unused, pid_t pid,
			uint64_t value)
{
	add_process(l, pid, value);
}

static void add_target(struct loader *l, pid_t pid);

/* The processes that a thread has made. */
static void add_children(struct loader *l, pid_t pid, pid_t tid,
			 uint64_t value)
{
	char path[64], text[8192], *p = text, *end;
	long child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, tid);
	if (read_small(path, text, sizeof(text)) <= 0)
		return;
	while ((child = strtol(p, &end, 10)) > 0 && end != p) {
		add_target(l, (pid_t)child);
		p = end;
	}
}

static void add_target(struct loader *l, pid_t pid)
{
	char path[64];

	add_process(l, pid, STB_TASK_FOLLOWED);
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	each_number(path, add_children, l, pid, 0);
}

void tasks_begin(struct loader *l)
{
	pid_t target = (pid_t)l->shared->target_pid;
	char root[32];

	if (!l->tasks_fd)
		return;
	l->known = zalloc((l->builds.n + 1) * sizeof(*l->known));
	add_files(l, "");
	snprintf(root, sizeof(root), "/proc/%d/root", target);
	/* ours begin with the command that they become, or not at all */
	add_task(l, getpid(), STB_TASK_SEEN);
	if (target && l->opt.command)
		add_task(l, target, STB_TASK_SEEN | STB_TASK_FOLLOWED);
	if (target) {
		add_files(l, root);
		add_target(l, target);
	}
	if (l->files_fd)
		each_number("/proc", add_running, l, 0, 0);
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
		get(l, l->tasks_fd, &key, &value);
		tell_task(l, key, value, each);
	}
}

void tasks_tick(struct loader *l)
{
	if (l->tasks_fd)
		add_files(l, "");
}
