/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target_library.c - the shared libraries that a program is linked with, and
 * those that these are. In: a program's build and a glob. Out: the builds of
 * the libraries that fit: declared ones by their names, those that lie beside
 * the program, and on this host those that its dynamic linker would take.
 */
#include "facts.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *folder_of(struct arena *mem, const char *path)
{
	return arena_strndup(mem, path, (size_t)(base_name(path) - path));
}

struct libraries {
	struct target *t;
	struct arena *mem;
	VEC(struct binary *) v;		/* the program first */
};

static void add_library(struct libraries *l, struct binary *b)
{
	size_t i;

	for (i = 0; i < l->v.n; i++)
		if (l->v.v[i] == b)
			return;
	vec_push(l->mem, &l->v, b);
}

static bool add_path(struct libraries *l, const char *path)
{
	struct binary *b[16];
	size_t i, n = target_programs(l->t, path, b, COUNT_OF(b));

	for (i = 0; i < n; i++)
		add_library(l, b[i]);
	return n;
}

/* Declared under a path that ends so, or that says so itself. */
static bool add_declared(struct libraries *l, const char *name)
{
	struct binary **all;
	const char *soname;
	size_t i, n = target_all_programs(l->t, &all);
	bool any = false;

	for (i = 0; i < n; i++) {
		struct facts *f = all[i]->impl;

		if (strcmp(base_name(all[i]->name), name)) {
			soname = object_dynamic(&f->main, DT_SONAME, 0);
			if (!soname || strcmp(soname, name))
				continue;
		}
		add_library(l, all[i]);
		any = true;
	}
	return any;
}

static void add_needed(struct libraries *l, struct binary *of,
		       const char *name)
{
	struct facts *f = of->impl;
	const char *here = folder_of(l->mem, f->main.path), *file;

	if (add_declared(l, name))
		return;
	if (target_is_open(l->t)) {
		file = target_find_library(l->t, of, name);
		if (file)
			add_path(l, file);
		return;
	}
	file = arena_printf(l->mem, "%s%s", here, name);
	if (access(file, R_OK))
		return;
	target_add_program(l->t, arena_printf(l->mem, "%s%s",
			   folder_of(l->mem, of->name), name), file);
	add_declared(l, name);
}

/* By its path, its file's name, or what programs call it. */
static bool fits(struct libraries *l, const char *glob, struct binary *b)
{
	struct facts *f = b->impl;
	const char *soname = object_dynamic(&f->main, DT_SONAME, 0);

	if (glob_match(glob, b->name) || glob_match(glob, base_name(b->name)))
		return true;
	return soname && glob_match(glob, soname);
}

size_t target_libraries(struct target *t, struct binary *program,
			const char *glob, struct binary ***out)
{
	struct libraries l = { .t = t, .mem = target_mem(t) };
	VEC(struct binary *) found = { 0 };
	size_t i, k;

	add_library(&l, program);
	for (i = 0; i < l.v.n; i++) {
		struct facts *f = l.v.v[i]->impl;
		const char *name;

		for (k = 0; (name = object_dynamic(&f->main, DT_NEEDED, k)); k++)
			add_needed(&l, l.v.v[i], name);
	}
	for (i = 1; i < l.v.n; i++)
		if (fits(&l, glob, l.v.v[i]))
			vec_push(l.mem, &found, l.v.v[i]);
	if (!found.n && *glob == '/' && !strpbrk(glob, "*?["))
		if (add_path(&l, glob))
			vec_push(l.mem, &found, l.v.v[l.v.n - 1]);
	*out = found.v;
	return found.n;
}
