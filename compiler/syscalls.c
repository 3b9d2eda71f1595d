/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * syscalls.c - tapsets/syscalls.table to aliases. In: the table. Out: for each
 * call that a script asks for the text of two aliases, at a point of
 * points/syscall.c: their bodies set name, the variables of the arguments,
 * argstr, or retval and retstr. What a script does not use of them is elided,
 * and what it prints is formatted by the loader (lower_lazy.c).
 */
#include "syscalls.h"

#include <stdlib.h>
#include <string.h>

enum { ARGS = 6 };

/* --- reading the table ---------------------------------------------------------- */

struct reader {
	struct job *j;
	struct source *src;
	struct syscalls *all;
	const char *p;		/* in src->text */
};

/* The next word of the line; NULL: its end. */
static char *word(struct reader *r)
{
	const char *start;

	while (*r->p == ' ' || *r->p == '\t')
		r->p++;
	start = r->p;
	while (*r->p && !strchr(" \t\n", *r->p))
		r->p++;
	return r->p == start ? NULL : arena_strndup(&r->j->mem, start,
						    (size_t)(r->p - start));
}

static void wrong(struct reader *r, const char *what)
{
	struct span at = { .src = r->src,
			   .off = (uint32_t)(r->p - r->src->text) };
	unsigned line, col;

	span_line_col(at, &line, &col);
	die("%s:%u: %s", r->src->name, line, what);
}

/* "106,195" or "-" */
static void read_numbers(struct reader *r, struct syscall *c, int abi)
{
	char *s = word(r), *end;
	unsigned long n;

	if (!s)
		wrong(r, "a number is missing");
	while (strcmp(s, "-")) {
		n = strtoul(s, &end, 10);
		if (end == s || (*end && *end != ',') || n >= UINT16_MAX)
			wrong(r, "no number of a system call");
		vec_push(&r->j->mem, &c->numbers[abi], (uint16_t)n);
		if (!*end)
			return;
		s = end + 1;
	}
}

/* VARIABLE[/TEXT]:KIND[(OF)] */
static void read_arg(struct reader *r, struct syscall *c, char *s)
{
	struct syscall_arg a = { .var = s };
	char *colon = strchr(s, ':'), *slash, *paren;

	if (!colon || !colon[1])
		wrong(r, "an argument without a kind");
	*colon = 0;
	a.kind = colon + 1;
	slash = strchr(s, '/');
	if (slash) {
		*slash = 0;
		a.text = slash + 1;
	}
	paren = strchr(colon + 1, '(');
	if (paren) {
		*paren = 0;
		a.of = arena_strndup(&r->j->mem, paren + 1,
				     strcspn(paren + 1, ")"));
	}
	vec_push(&r->j->mem, &c->args, a);
}

static void read_call(struct reader *r)
{
	struct syscall *c = NEW(&r->j->mem, struct syscall);
	char *s = word(r), *by;

	if (!s)
		wrong(r, "a name is missing");
	c->alias = c->name = c->kernel = s;
	by = strpbrk(s, "=!");
	if (by) {
		c->kernel = by + 1;
		if (*by == '!')
			c->name = by + 1;
		*by = 0;
	}
	c->result = 'd';
	read_numbers(r, c, 0);
	read_numbers(r, c, 1);
	while ((s = word(r)) && strcmp(s, "="))
		read_arg(r, c, s);
	if (s) {
		s = word(r);
		if (!s || !strchr("xo-", *s))
			wrong(r, "a result is x, o or -");
		c->result = *s;
	}
	vec_push(&r->j->mem, &r->all->calls, c);
	c->id = (unsigned)r->all->calls.n;
}

static void read_table(struct reader *r)
{
	char *name = word(r);
	size_t n = strcspn(r->p, "\n");

	if (!name)
		wrong(r, "a name is missing");
	r->p += strspn(r->p, " \t");
	n = strcspn(r->p, "\n");
	*dict_at(&r->all->tables, name) = arena_strndup(&r->j->mem, r->p, n);
	r->p += n;
}

static void read_lines(struct reader *r)
{
	const char *what;

	while (*r->p) {
		what = word(r);
		if (!what || *what == '#')
			;
		else if (!strcmp(what, "call"))
			read_call(r);
		else if (!strcmp(what, "table"))
			read_table(r);
		else
			wrong(r, "neither a call nor a table");
		r->p += strcspn(r->p, "\n");
		r->p += *r->p == '\n';
	}
}

struct syscalls *syscalls_of(struct job *j)
{
	struct reader r = { .j = j };
	struct source *src;

	if (j->syscalls)
		return j->syscalls;
	j->syscalls = NEW(&j->mem, struct syscalls);
	j->syscalls->tables.mem = &j->mem;
	if (!j->opt->share_dir)
		return j->syscalls;
	r.src = src = NEW(&j->mem, struct source);
	src->name = arena_printf(&j->mem, "%s/tapsets/syscalls.table",
				 j->opt->share_dir);
	src->text = read_file(&j->mem, src->name, &src->size);
	if (!src->text)
		die("%s: %m", src->name);
	r.all = j->syscalls;
	r.p = src->text;
	read_lines(&r);
	return j->syscalls;
}

/* --- variables -------------------------------------------------------------------- */

/* A kind: the function that reads the argument, and how argstr shows it. */
static const struct kind {
	const char *name, *reader, *directive;
} kinds[] = {
	{ "i", "__arg_int", "%d" }, { "u", "__arg_uint", "%u" },
	{ "i16", "__arg_int16", "%d" },
	{ "l", "__arg_long", "%d" }, { "z", "__arg_ulong", "%u" },
	{ "ll", "__arg_pair", "%d" },
	{ "x", "__arg_ulong", "%#x" }, { "o", "__arg_uint", "%#o" },
	{ "p", "__arg_ulong", "%#x" },
};

static const struct kind *find_kind(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT_OF(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return &kinds[COUNT_OF(kinds) - 1];
}

/* Assignments of the arguments' variables, and what argstr is made of. */
static void put_args(const struct syscall *c, struct text *body,
		     struct text *format, struct text *values)
{
	const struct kind *k;
	unsigned reg = 0;
	size_t i;

	for (i = 0; i < c->args.n; i++) {
		const struct syscall_arg *a = &c->args.v[i];

		k = find_kind(a->kind);
		if (!strcmp(a->kind, "h"))
			continue;
		text_printf(body, "\t%s = %s(%u)\n", a->var, k->reader, reg);
		text_printf(format, "%s%s", format->n ? ", " : "",
			    k->directive);
		text_printf(values, ", %s", a->var);
		reg += strcmp(a->kind, "ll") ? 1 : 2;
	}
}

static void put_entry(struct job *j, const struct syscall *c, const char *head,
		      struct text *out)
{
	struct text format = { .mem = &j->mem }, values = { .mem = &j->mem };

	text_puts(&format, "");
	text_puts(&values, "");
	text_printf(out, "probe %s.%s = __syscall(%u) ? {\n"
		    "\tname = __syscall_name()\n", head, c->alias, c->id);
	put_args(c, out, &format, &values);
	if (format.n)
		text_printf(out, "\targstr = sprintf(\"%s\"%s)\n}\n", format.s,
			    values.s);
	else
		text_puts(out, "\targstr = \"\"\n}\n");
}

static void put_return(const struct syscall *c, const char *head,
		       struct text *out)
{
	text_printf(out, "probe %s.%s.return = __syscall(%u).return ? {\n"
		    "\tname = __syscall_name()\n\tretval = __retval()\n"
		    "\tretstr = sprintf(\"%s\", retval)\n}\n", head, c->alias,
		    c->id, c->result == 'x' ? "%#x" : c->result == 'o' ?
		    "%#o" : "%d");
}

char *syscalls_aliases(struct job *j, const char *head, const char *glob,
		       struct dict *made)
{
	const struct syscalls *all = syscalls_of(j);
	struct text t = { .mem = &j->mem };
	void **seen;
	size_t i;

	text_puts(&t, "");
	for (i = 0; i < all->calls.n; i++) {
		const struct syscall *c = all->calls.v[i];

		if (!glob_match(glob, c->alias))
			continue;
		seen = dict_at(made, arena_printf(&j->mem, "%s.%u", head,
						  c->id));
		if (*seen)
			continue;
		*seen = (void *)c;
		put_entry(j, c, head, &t);
		put_return(c, head, &t);
	}
	return t.s;
}
