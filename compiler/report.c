/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report.c - targets side by side, from what cover.c left in their folders: the
 * table and the JSON of --coverage, and what --compare tells of two kernels.
 */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FIELDS = 5 };

struct record {			/* a line: PLACE \t POINT \t ... */
	const char *f[MAX_FIELDS];
	bool met;
};
enum { F_PLACE, F_POINT, F_STATUS, F_TEXT, F_NOTE };	/* cover.rows */
enum { F_SITE = 2, F_ATTACH, F_VARIABLES };		/* cover.sites */

struct records {
	VEC(struct record) v;
};

static void read_records(struct arena *mem, const char *dir, const char *name,
			 struct records *out)
{
	char *p = read_file(mem, arena_printf(mem, "%s/%s", dir, name), NULL);
	char *line, *field;
	size_t i;

	out->v.n = 0;
	while (p && (line = strsep(&p, "\n")) && *line) {
		struct record r = { .met = false };

		for (i = 0; i < MAX_FIELDS; i++) {
			field = line ? strsep(&line, "\t") : NULL;
			r.f[i] = field ? field : "";
		}
		vec_push(mem, &out->v, r);
	}
}

static bool same_point(const struct record *a, const struct record *b)
{
	return !strcmp(a->f[F_PLACE], b->f[F_PLACE]) &&
		!strcmp(a->f[F_POINT], b->f[F_POINT]);
}

static struct record *find_point(struct records *in, const struct record *r)
{
	size_t i;

	for (i = 0; i < in->v.n; i++)
		if (same_point(&in->v.v[i], r))
			return &in->v.v[i];
	return NULL;
}

/* --- coverage ----------------------------------------------------------------- */

static const char *cell(struct arena *mem, const struct record *r)
{
	if (!r)
		return "-";
	if (!strcmp(r->f[F_STATUS], "resolved"))
		return r->f[F_TEXT];
	return *r->f[F_TEXT] ? arena_printf(mem, "%s: %s", r->f[F_STATUS],
					    r->f[F_TEXT]) : r->f[F_STATUS];
}

static void pad(FILE *out, const char *s, size_t width)
{
	fprintf(out, "%-*s", (int)width + 2, s);
}

/* Points of all targets, in the order they are met. */
static void all_points(struct arena *mem, const struct records *of, int n,
		       struct records *all)
{
	size_t k;
	int i;

	for (i = 0; i < n; i++)
		for (k = 0; k < of[i].v.n; k++)
			if (!find_point(all, &of[i].v.v[k]))
				vec_push(mem, &all->v, of[i].v.v[k]);
}

static void print_row(struct arena *mem, struct records *of, int n,
		      const size_t *width, const struct record *r, FILE *out)
{
	int i;

	pad(out, arena_printf(mem, "%s %s", r->f[F_PLACE], r->f[F_POINT]),
	    width[n]);
	for (i = 0; i < n; i++)
		pad(out, cell(mem, find_point(&of[i], r)),
		    i == n - 1 ? 0 : width[i]);
	fputc('\n', out);
}

static void widen(size_t *width, const char *s)
{
	if (strlen(s) > *width)
		*width = strlen(s);
}

void report_table(struct arena *mem, const struct target_dir *t, int n,
		  FILE *out)
{
	struct records *of = NEW_ARRAY(mem, struct records, (size_t)n);
	size_t *width = NEW_ARRAY(mem, size_t, (size_t)n + 1), k;
	struct records all = { 0 };
	int i;

	for (i = 0; i < n; i++)
		read_records(mem, t[i].dir, "cover.rows", &of[i]);
	all_points(mem, of, n, &all);
	for (k = 0; k < all.v.n; k++) {
		const struct record *r = &all.v.v[k];

		widen(&width[n], arena_printf(mem, "%s %s", r->f[F_PLACE],
					      r->f[F_POINT]));
		for (i = 0; i < n; i++)
			widen(&width[i], cell(mem, find_point(&of[i], r)));
	}
	pad(out, "", width[n]);
	for (i = 0; i < n; i++) {
		widen(&width[i], t[i].kernel->name);
		pad(out, t[i].kernel->name, i == n - 1 ? 0 : width[i]);
	}
	fputc('\n', out);
	for (k = 0; k < all.v.n; k++)
		print_row(mem, of, n, width, &all.v.v[k], out);
	for (i = 0; i < n; i++)
		for (k = 0; k < of[i].v.n; k++)
			if (*of[i].v.v[k].f[F_NOTE])
				fprintf(out, "%s: %s: %s\n", t[i].kernel->name,
					of[i].v.v[k].f[F_POINT],
					of[i].v.v[k].f[F_NOTE]);
}

void report_json(struct arena *mem, const char *script,
		 const struct target_dir *t, int n, const char *path)
{
	FILE *out = fopen(path, "w");
	const char *s;
	bool bad;
	int i;

	if (!out)
		die("%s: %m", path);
	fputs("{\"schema\": \"stb-coverage-1\", \"script\": \"", out);
	for (s = script; *s; s++)
		fprintf(out, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
	fputs("\", \"targets\": [", out);
	for (i = 0; i < n; i++) {
		s = read_file(mem, arena_printf(mem, "%s/cover.json",
						t[i].dir), NULL);
		if (s)
			fprintf(out, "%s\n  %s", i ? "," : "", s);
		else
			fprintf(out, "%s\n  {\"name\": \"%s\", \"release\": "
				"\"%s\", \"built\": false, \"points\": []}",
				i ? "," : "", t[i].kernel->name,
				t[i].kernel->release);
	}
	fputs("\n]}\n", out);
	bad = ferror(out);
	if (fclose(out) || bad)
		die("%s: %m", path);
}

/* --- two kernels ------------------------------------------------------------------ */

struct compare {
	struct arena *mem;
	struct records rows[2], sites[2];
	const struct record *point;	/* whose changes are told */
	const char *label[2];
	bool headed;
	size_t changes;
	FILE *out;
};

static void change(struct compare *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void change(struct compare *c, const char *fmt, ...)
{
	va_list ap;

	if (!c->headed)
		fprintf(c->out, "%s %s\n", c->point->f[F_PLACE],
			c->point->f[F_POINT]);
	c->headed = true;
	c->changes++;
	fputs("  ", c->out);
	va_start(ap, fmt);
	vfprintf(c->out, fmt, ap);
	va_end(ap);
	fputc('\n', c->out);
}

/* A site's name without "@file:line", and that file. */
static const char *bare_name(struct arena *mem, const char *name,
			     const char **file)
{
	const char *at = strchr(name, '@'), *quote, *colon;

	*file = "";
	quote = at ? strchr(at, '"') : NULL;
	if (!quote)
		return name;
	for (colon = quote; colon > at && *colon != ':'; colon--)
		;
	if (colon == at)
		colon = quote;
	*file = arena_strndup(mem, at + 1, (size_t)(colon - at - 1));
	return arena_printf(mem, "%.*s%s", (int)(at - name), name, quote);
}

/* Type of $name in "$a:t;$b:t;", or NULL. */
static const char *type_in(struct arena *mem, const char *list, size_t n,
			   const char *name)
{
	const char *end;

	for (; *list; list = end + 1) {
		end = strchrnul(list, ';');
		if (!strncmp(list, name, n) && list[n] == ':')
			return arena_strndup(mem, list + n + 1,
					     (size_t)(end - list) - n - 1);
		if (!*end)
			break;
	}
	return NULL;
}

static void compare_variables(struct compare *c, const char *what,
			      const char *a, const char *b, bool back)
{
	const char *end, *colon, *old, *new;

	for (; *a; a = end + 1) {
		end = strchrnul(a, ';');
		colon = memchr(a, ':', (size_t)(end - a));
		if (!*end || !colon)
			return;
		old = type_in(c->mem, a, (size_t)(colon - a), a);
		new = type_in(c->mem, b, (size_t)(colon - a), a);
		if (back && !new)
			change(c, "%s: %.*s is new: %s", what, (int)(colon - a),
			       a, old);
		else if (!back && !new)
			change(c, "%s: %.*s is gone", what, (int)(colon - a), a);
		else if (!back && strcmp(old, new))
			change(c, "%s: %.*s was %s, is %s", what,
			       (int)(colon - a), a, old, new);
	}
}

/* How many sites of the point have that bare name; *first of them. */
static size_t count_sites(struct compare *c, int side, const char *bare,
			  struct record **first)
{
	struct records *in = &c->sites[side];
	const char *file;
	size_t i, n = 0;

	*first = NULL;
	for (i = 0; i < in->v.n; i++) {
		struct record *r = &in->v.v[i];

		if (!same_point(r, c->point) ||
		    strcmp(bare_name(c->mem, r->f[F_SITE], &file), bare))
			continue;
		if (!n++)
			*first = r;
		r->met = true;
	}
	return n;
}

static void compare_site(struct compare *c, const char *bare)
{
	const char *file[2];
	struct record *r[2];
	size_t n[2];

	n[0] = count_sites(c, 0, bare, &r[0]);
	n[1] = count_sites(c, 1, bare, &r[1]);
	if (!n[0] || !n[1]) {
		change(c, "%s: %s", n[0] ? "gone" : "new",
		       r[n[0] ? 0 : 1]->f[F_SITE]);
		return;
	}
	bare_name(c->mem, r[0]->f[F_SITE], &file[0]);
	bare_name(c->mem, r[1]->f[F_SITE], &file[1]);
	if (strcmp(file[0], file[1]))
		change(c, "%s: moved from %s to %s", bare, file[0], file[1]);
	if (n[0] != n[1])
		change(c, "%s: %zu places, now %zu (inlined, or several of a "
		       "name)", bare, n[0], n[1]);
	if (strcmp(r[0]->f[F_ATTACH], r[1]->f[F_ATTACH]))
		change(c, "%s: was %s, is %s", bare, r[0]->f[F_ATTACH],
		       r[1]->f[F_ATTACH]);
	compare_variables(c, bare, r[0]->f[F_VARIABLES],
			  r[1]->f[F_VARIABLES], false);
	compare_variables(c, bare, r[1]->f[F_VARIABLES],
			  r[0]->f[F_VARIABLES], true);
}

static void compare_point(struct compare *c)
{
	const struct record *a = find_point(&c->rows[0], c->point);
	const struct record *b = find_point(&c->rows[1], c->point);
	const char *file;
	size_t i;
	int side;

	c->headed = false;
	if (!a || !b)
		change(c, "only for %s", c->label[a ? 0 : 1]);
	else if (strcmp(a->f[F_STATUS], b->f[F_STATUS]))
		change(c, "was %s, is %s%s%s", a->f[F_STATUS], b->f[F_STATUS],
		       *b->f[F_NOTE] || *a->f[F_NOTE] ? ": " : "",
		       *b->f[F_NOTE] ? b->f[F_NOTE] : a->f[F_NOTE]);
	for (side = 0; side < 2; side++)
		for (i = 0; i < c->sites[side].v.n; i++) {
			struct record *r = &c->sites[side].v.v[i];

			if (!r->met && same_point(r, c->point))
				compare_site(c, bare_name(c->mem,
							  r->f[F_SITE], &file));
		}
}

size_t report_compare(struct arena *mem, const struct target_dir *t, FILE *out)
{
	struct compare c = { .mem = mem, .out = out };
	struct records all = { 0 };
	size_t i;
	int k;

	for (k = 0; k < 2; k++) {
		c.label[k] = t[k].kernel->name;
		read_records(mem, t[k].dir, "cover.rows", &c.rows[k]);
		read_records(mem, t[k].dir, "cover.sites", &c.sites[k]);
	}
	all_points(mem, c.rows, 2, &all);
	for (i = 0; i < all.v.n; i++) {
		c.point = &all.v.v[i];
		compare_point(&c);
	}
	return c.changes;
}
