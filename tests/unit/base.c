/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base.c - arenas, arrays, text, dictionaries, patterns, files; out of memory.
 *
 * links: compiler
 */
#undef NDEBUG
#include "compiler/base.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void arenas(void)
{
	struct arena mem = { 0 };
	char *small, *big, *p;
	size_t i, k;

	small = arena_alloc(&mem, 1);
	big = arena_alloc(&mem, 1 << 20);
	p = arena_alloc(&mem, 1);
	assert(p == small + 16);	/* a big piece leaves the chunk open */
	assert((uintptr_t)big % 16 == 0);
	for (i = 0; i < 1 << 20; i++)
		assert(!big[i]);
	for (i = 1; i < 5000; i++) {
		p = arena_alloc(&mem, i);
		for (k = 0; k < i; k++)
			assert(!p[k]);
		memset(p, 0xff, i);
	}
	assert(!strcmp(arena_strdup(&mem, "abc"), "abc"));
	assert(!strcmp(arena_strndup(&mem, "abc", 2), "ab"));
	assert(!strcmp(arena_printf(&mem, "%d-%s", 5, "x"), "5-x"));
	arena_free(&mem);
	assert(!mem.head);
}

static void arrays(void)
{
	struct arena mem = { 0 };
	VEC(int) v = { 0 };
	int i;

	for (i = 0; i < 10000; i++)
		vec_push(&mem, &v, i);
	assert(v.n == 10000);
	for (i = 0; i < 10000; i++)
		assert(v.v[i] == i);
	arena_free(&mem);
}

static void texts(void)
{
	struct arena mem = { 0 };
	struct text t = { .mem = &mem };
	size_t i;

	for (i = 0; i < 1000; i++)
		text_printf(&t, "%zu,", i % 10);
	assert(t.n == 2000 && strlen(t.s) == 2000);
	assert(!strncmp(t.s + 1996, "8,9,", 5));
	t = (struct text){ .mem = &mem };
	text_quote(&t, "a\"\\\n\0" "1\x7f\xff?" "?=", 11);
	assert(!strcmp(t.s, "\"a\\\"\\\\\\n\\0001\\177\\377\\?" "?=\""));
	arena_free(&mem);
}

static void dicts(void)
{
	struct arena mem = { 0 };
	struct dict d = { .mem = &mem };
	char *key;
	size_t i, seen = 0;

	assert(!dict_get(&d, "x"));
	for (i = 1; i <= 1000; i++) {
		key = arena_printf(&mem, "key%zu", i);
		assert(!*dict_at(&d, key));
		*dict_at(&d, key) = (void *)i;
	}
	assert(d.n == 1000);
	for (i = 1; i <= 1000; i++)
		assert(dict_get(&d, arena_printf(&mem, "key%zu", i)) ==
		       (void *)i);
	for (i = 0; i < d.cap; i++)
		seen += dict_nth(&d, i) != NULL;
	assert(seen == 1000);
	assert(!dict_get(&d, "key1001"));
	arena_free(&mem);
}

static void words(void)
{
	assert(glob_match("vfs_*", "vfs_read"));
	assert(glob_match("*", ""));
	assert(glob_match("*a*b*", "xxaxxbxx"));
	assert(!glob_match("*a*b", "xxaxxbxx"));
	assert(glob_match("vfs_?ead", "vfs_read"));
	assert(!glob_match("vfs_?", "vfs_read"));
	assert(glob_match("[a-c]x[!0-9]", "bxz"));
	assert(!glob_match("[a-c]x[^0-9]", "bx1"));
	assert(glob_match("[]x]", "]"));
	assert(glob_match("a[", "a["));
	assert(glob_match("a\\*b", "a*b"));
	assert(!glob_match("a\\*b", "axb"));
	assert(!glob_match("", "a"));
	assert(edit_distance("kitten", "sitting", 5) == 3);
	assert(edit_distance("same", "same", 0) == 0);
	assert(edit_distance("a", "b", 0) == 1);
	assert(edit_distance("vfs_read", "vfs_write", 2) == 3);	/* capped */
	assert(edit_distance("", "abc", 9) == 3);
}

static void files(void)
{
	struct arena mem = { 0 };
	const char *tmp = getenv("TMPDIR");
	char *path = arena_printf(&mem, "%s/file", tmp ? tmp : "/tmp");
	char *big = arena_alloc(&mem, 100000), *got;
	size_t size = 0;

	memset(big, 'x', 100000);
	assert(write_file(path, big, 100000));
	got = read_file(&mem, path, &size);
	assert(got && size == 100000 && !memcmp(got, big, size) && !got[size]);
	assert(write_file(path, "", 0));
	got = read_file(&mem, path, &size);
	assert(got && !size && !*got);
	assert(!unlink(path));
	assert(!read_file(&mem, path, &size) && errno == ENOENT);
	assert(!read_file(&mem, "/", &size) && errno == EISDIR);
	assert(!write_file("/nowhere/at/all", "x", 1) && errno == ENOENT);
	arena_free(&mem);
}

static void spans(void)
{
	struct source src = { .name = "x", .text = "ab\ncd\n\nef", .size = 9 };
	unsigned line, col;

	span_line_col((struct span){ .src = &src, .off = 0 }, &line, &col);
	assert(line == 1 && col == 1);
	span_line_col((struct span){ .src = &src, .off = 4 }, &line, &col);
	assert(line == 2 && col == 2);
	span_line_col((struct span){ .src = &src, .off = 9 }, &line, &col);
	assert(line == 4 && col == 3);
}

/* The Nth chunk fails on request: one line, exit 1. */
static void no_memory(void)
{
	struct arena mem = { 0 };
	int status;
	pid_t pid = fork();

	assert(pid >= 0);
	if (!pid) {
		setenv("STB_FAIL_ALLOC", "3", 1);
		if (!freopen("/dev/null", "w", stderr))
			_exit(2);
		arena_alloc(&mem, 1 << 20);
		arena_alloc(&mem, 1 << 20);
		arena_alloc(&mem, 1 << 20);
		_exit(0);
	}
	assert(waitpid(pid, &status, 0) == pid);
	assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

int main(void)
{
	arenas();
	arrays();
	texts();
	dicts();
	words();
	files();
	spans();
	no_memory();
	return 0;
}
