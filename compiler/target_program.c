/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target_program.c - programs of this host, where no manifest declares any. In:
 * what a script calls one. Out: its path from the root without symbolic links,
 * opened: as the shell finds it; of a script the interpreter; of a process what
 * it runs; of a pattern all that fit.
 */
#include "facts.h"

#include <fcntl.h>
#include <gelf.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the shell would find it, from the root. */
static const char *on_path(struct arena *mem, const char *name)
{
	const char *path = getenv("PATH"), *end, *full;
	char cwd[4096];

	if (strchr(name, '/'))
		return name[0] == '/' || !getcwd(cwd, sizeof(cwd)) ? name :
			arena_printf(mem, "%s/%s", cwd, name);
	for (; path && *path; path = *end ? end + 1 : end) {
		end = strchrnul(path, ':');
		full = arena_printf(mem, "%.*s/%s", (int)(end - path), path,
				    name);
		if (!access(full, X_OK))
			return full;
	}
	return name;
}

/* The program of "#!/bin/sh -e", and of "#!/usr/bin/env python3"; else path. */
static const char *interpreter_of(struct arena *mem, const char *path)
{
	char line[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	char *word, *next;

	if (fd >= 0)
		close(fd);
	if (n < 3 || memcmp(line, "#!", 2))
		return path;
	line[n] = 0;
	line[strcspn(line, "\n")] = 0;
	word = strtok_r(line + 2, " \t", &next);
	if (word && !strcmp(word, "/usr/bin/env"))
		word = strtok_r(NULL, " \t", &next);
	return word ? on_path(mem, arena_strdup(mem, word)) : path;
}

static const char *real_path(struct arena *mem, const char *path)
{
	char real[PATH_MAX];

	return realpath(path, real) ? arena_strdup(mem, real) : path;
}

static void open_once(struct target *t, const char *path)
{
	struct binary **all;
	size_t i, n = target_all_programs(t, &all);

	for (i = 0; i < n; i++)
		if (!strcmp(all[i]->name, path))
			return;
	target_add_program(t, path, path);
}

/* Those of a pattern that are programs; it is then asked for once more. */
static void open_all(struct target *t, const char *pattern)
{
	struct arena *mem = target_mem(t);
	struct object o;
	glob_t g;
	size_t i;

	if (glob(pattern, 0, NULL, &g))
		return;
	for (i = 0; i < g.gl_pathc; i++) {
		const char *path = g.gl_pathv[i];

		if (strcmp(real_path(mem, path), path) ||
		    object_open(mem, path, &o))
			continue;
		object_close(&o);
		if (o.id.len)
			open_once(t, arena_strdup(mem, path));
	}
	globfree(&g);
}

const char *target_find_programs(struct target *t, const char *name)
{
	struct arena *mem = target_mem(t);
	const char *path = on_path(mem, name);

	if (strpbrk(name, "*?[")) {
		open_all(t, path);
		return path;
	}
	path = real_path(mem, interpreter_of(mem, path));
	if (!access(path, F_OK))
		open_once(t, path);
	return path;
}

const char *target_program_path(struct target *t, const char *path)
{
	struct arena *mem = target_mem(t);

	return !target_is_open(t) ? path :
		real_path(mem, interpreter_of(mem, on_path(mem, path)));
}

uint64_t target_start(struct binary *b)
{
	struct facts *f = b->impl;
	struct load first;

	return object_loads(&f->main, &first, 1) ? first.addr - first.offset : 0;
}

bool target_is_library(struct binary *b)
{
	struct facts *f = b->impl;

	return object_dynamic(&f->main, DT_SONAME, 0) != NULL;
}

const char *target_process_path(struct target *t, int64_t pid)
{
	struct arena *mem = target_mem(t);
	const char *link = arena_printf(mem, "/proc/%jd/exe", (intmax_t)pid);
	char path[PATH_MAX];
	ssize_t n = readlink(link, path, sizeof(path));

	return n > 0 && (size_t)n < sizeof(path) ?
		arena_strndup(mem, path, (size_t)n) : NULL;
}
