/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target_needed.c - what is in a process beside the program itself: the
 * libraries that it wants loaded, and the code that the kernel gives it.
 */
#include "facts.h"
#include "stap.h"

#include <elf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

/* --- the kernel's own part of each process -------------------------------------------- */

enum { VDSO_MOST = 1 << 20 };

/* The image that lies in the kernel, at vdso_image_64: where, and its size. */
static void *out_of_kernel(struct target *t, size_t *size)
{
	const struct binary *k = target_kernel(t);
	const struct facts *f = k->impl;
	uint64_t image = target_symbol(t, k, "vdso_image_64"), v[2];
	void *p;

	if (!image || !object_read(&f->main, image, v, sizeof(v)) ||
	    v[1] > VDSO_MOST)
		return NULL;
	*size = v[1];
	p = arena_alloc(target_mem(t), *size);
	return object_read(&f->main, v[0], p, *size) ? p : NULL;
}

/* This process has one of the running kernel. */
static void *of_this_process(struct target *t, size_t *size)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);
	void *p;

	if (!eh || memcmp(eh->e_ident, ELFMAG, SELFMAG))
		return NULL;
	*size = eh->e_shoff + (size_t)eh->e_shentsize * eh->e_shnum;
	p = arena_alloc(target_mem(t), *size);
	memcpy(p, eh, *size);
	return p;
}

struct binary *target_vdso(struct target *t)
{
	struct binary *b = target_new_binary(t, BIN_PROGRAM, "vdso");
	const char *tmp = getenv("TMPDIR");
	struct facts *f = b->impl;
	size_t size;
	char *path;
	void *p;
	int fd;

	p = target_kernel(t)->file ? out_of_kernel(t, &size) :
				     of_this_process(t, &size);
	path = arena_printf(target_mem(t), "%s/stapc-vdso.XXXXXX",
			    tmp && *tmp ? tmp : "/tmp");
	fd = p ? mkstemp(path) : -1;
	if (fd < 0)
		return NULL;
	close(fd);
	if (write_file(path, p, size) &&
	    !object_open(target_mem(t), path, &f->main) && f->main.id.len)
		b->id = f->main.id;
	unlink(path);
	b->file = path;
	f->same_file = true;
	return b->id.len ? b : NULL;
}

/* --- libraries ------------------------------------------------------------------------- */

static const char *in_folder(struct target *t, const char *folder, size_t n,
			     const char *name, const char *origin)
{
	const char *path, *slash = strrchr(origin, '/');

	if (!strncmp(folder, "$ORIGIN", 7) && n >= 7 && slash)
		path = arena_printf(target_mem(t), "%.*s%.*s/%s",
				    (int)(slash - origin), origin,
				    (int)(n - 7), folder + 7, name);
	else
		path = arena_printf(target_mem(t), "%.*s/%s", (int)n, folder,
				    name);
	return n && !access(path, R_OK) ? path : NULL;
}

const char *target_find_library(struct target *t, const struct binary *b,
				const char *name)
{
	static const char usual[] = "/lib/x86_64-linux-gnu:"
		"/usr/lib/x86_64-linux-gnu:/lib64:/usr/lib64:/lib:/usr/lib:"
		"/usr/local/lib";
	const struct facts *f = b->impl;
	const char *lists[] = { object_runpath(&f->main),
				getenv("LD_LIBRARY_PATH"), usual };
	const char *p, *found;
	size_t i, n;

	if (strchr(name, '/'))
		return access(name, R_OK) ? NULL : name;
	for (i = 0; i < COUNT_OF(lists); i++)
		for (p = lists[i]; p && *p; p += n + (p[n] == ':')) {
			n = strcspn(p, ":");
			found = in_folder(t, p, n, name, b->file);
			if (found)
				return found;
		}
	return NULL;
}

/* Of the declared ones those that have this path, or are called so. */
static size_t declared(struct target *t, const char *name, struct binary **out,
		       size_t max)
{
	struct binary **all;
	size_t i, k = 0, n = target_all_programs(t, &all);

	for (i = 0; i < n && k < max; i++)
		if (!strcmp(all[i]->name, name) ||
		    !strcmp(base_name(all[i]->name), base_name(name)))
			out[k++] = all[i];
	return k;
}

const char *target_needed(struct target *t, const struct binary *b, size_t i,
			  struct binary **out, size_t max, size_t *n)
{
	const struct facts *f = b->impl;
	const char *name = object_needed(&f->main, i), *path;
	char real[PATH_MAX];

	*n = 0;
	if (!name)
		return NULL;
	if (!target_is_open(t)) {
		*n = declared(t, name, out, max);
		return name;
	}
	path = target_find_library(t, b, name);
	if (path && realpath(path, real))
		*n = target_programs(t, arena_strdup(target_mem(t), real), out,
				     max);
	return name;
}

size_t target_beside(struct target *t, const char *name, const char *path,
		     struct binary **out, size_t max)
{
	const char *p = getenv("PATH"), *file, *slash;
	char real[PATH_MAX], beside[PATH_MAX];
	size_t n;

	for (; target_is_open(t) && p && *p; p += n + (p[n] == ':')) {
		n = strcspn(p, ":");
		file = arena_printf(target_mem(t), "%.*s/%s", (int)n, p, name);
		slash = realpath(file, real) ? strrchr(real, '/') : NULL;
		if (!slash)
			continue;
		file = arena_printf(target_mem(t), "%.*s/%s",
				    (int)(slash - real), real, path);
		return realpath(file, beside) ?
			target_programs(t, arena_strdup(target_mem(t), beside),
					out, max) : 0;
	}
	return 0;
}
