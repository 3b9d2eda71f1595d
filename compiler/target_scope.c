/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target_scope.c - functions of C++ and Rust by the namespaces and classes that
 * they are declared in: "ns::Class::method", "*::method". In: such a pattern. Out:
 * the functions of the last name of whose scopes, from the innermost on, each fits
 * its part; a part that is empty stands before the outermost. Their names are those
 * of the parts, as SystemTap has it.
 */
#include "facts.h"

#include <string.h>

enum { MOST_SCOPES = 32 };

struct scoped {
	struct facts *f;
	struct arena *mem;
	const char *parts[MOST_SCOPES];	/* globs, the innermost first */
	size_t n;
	void (*each)(void *arg, struct func *f);
	void *arg;
	size_t found;
};

/* Those of a function that are asked for, as they are read; NULL: it fits not. */
static const char *scopes_of(struct scoped *s, uint64_t die)
{
	const char *names[MOST_SCOPES], *text = "";
	size_t i, n = dwarf_scopes(s->f, die, names, MOST_SCOPES);

	for (i = 0; i < s->n; i++) {
		if (!*s->parts[i])
			return i == n && i + 1 == s->n ?
				arena_printf(s->mem, "::%s", text) : NULL;
		if (i >= n || !glob_match(s->parts[i], names[i]))
			return NULL;
		text = arena_printf(s->mem, "%s::%s", names[i], text);
	}
	return text;
}

static void consider(void *arg, struct func *f)
{
	struct scoped *s = arg;
	const struct ix_func *x = f->impl;
	const char *scopes = x && x->die ? scopes_of(s, x->die) : NULL;

	if (!scopes)
		return;
	f->name = arena_printf(s->mem, "%s%s", scopes, f->name);
	s->found++;
	s->each(s->arg, f);
}

/* The start of the part that ends at `end`: behind a "::" outside of < >. */
static const char *part_before(const char *from, const char *end)
{
	int deep = 0;

	for (; end > from; end--) {
		deep += (end[-1] == '>') - (end[-1] == '<');
		if (!deep && end - from >= 2 && end[-1] == ':' && end[-2] == ':')
			return end;
	}
	return from;
}

size_t target_scoped_functions(struct target *t, struct binary *b,
			       const char *pattern,
			       void (*each)(void *arg, struct func *f), void *arg)
{
	struct scoped s = { .f = b->impl, .mem = target_mem(t), .each = each,
			    .arg = arg };
	const char *end = pattern + strlen(pattern);
	const char *last = part_before(pattern, end), *at = last;

	while (at > pattern && s.n < MOST_SCOPES) {
		end = at - 2;
		at = part_before(pattern, end);
		s.parts[s.n++] = arena_strndup(s.mem, at, (size_t)(end - at));
	}
	if (!s.n)
		return 0;
	target_functions(t, b, last, consider, &s);
	return s.found;
}
