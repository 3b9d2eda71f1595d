/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * listing_points.c - what there is, for people who write scripts: -l and -L, and
 * the --dump options. A listing is of one target. It prints as SystemTap does:
 * sorted, each thing once, a point by the alias that was asked for or else by
 * where it is. What is wrong with a point, or with one of many, is not told.
 */
#include "points/family.h"

#include <stdlib.h>
#include <string.h>

struct lines {
	struct arena *mem;
	VEC(const char *) v;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_lines(struct lines *l, FILE *out)
{
	size_t i;

	if (l->v.n)
		qsort(l->v.v, l->v.n, sizeof(*l->v.v), by_text);
	for (i = 0; i < l->v.n; i++)
		if (!i || strcmp(l->v.v[i - 1], l->v.v[i]))
			fprintf(out, "%s\n", l->v.v[i]);
}

/* --- points ----------------------------------------------------------------------- */

struct named {
	const char *name;
	const struct site *site;
	size_t rank;
};

static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = x->name == y->name ? 0 : strcmp(x->name, y->name);

	return c ? c : x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* Sites of points that share a name; variables that all of them have. */
struct shared {
	struct arena *mem;
	struct dict count;		/* "name:type" to a number + 1 */
	VEC(const char *) v;		/* in the order they were met */
	VEC(size_t) n;
};

static void note_variable(struct shared *s, const char *text)
{
	void **slot = dict_at(&s->count, text);
	size_t i = (uintptr_t)*slot;

	if (!i) {
		vec_push(s->mem, &s->v, text);
		vec_push(s->mem, &s->n, 0);
		i = s->v.n;
		*slot = (void *)i;
	}
	s->n.v[i - 1]++;
}

static void print_shared(const struct shared *s, size_t sites, FILE *out)
{
	size_t i;

	for (i = 0; i < s->v.n; i++)
		if (s->n.v[i] == sites)
			fprintf(out, " %s", s->v.v[i]);
}

static const char *typed(struct job *j, const char *name, const char *type)
{
	return arena_printf(&j->mem, "$%s:%s", name, type);
}

static void note_targets(struct job *j, const struct site *s,
			 struct shared *all)
{
	struct variable *v;
	size_t i;

	for (i = 0; s->tp && !s->given && i < s->tp->nargs; i++)
		note_variable(all, typed(j, s->tp->args[i].name,
			target_spell(j->target, s->tp->args[i].type,
				     s->tp->args[i].spelled)));
	for (i = 0; s->given && i < s->given->n; i++)
		note_variable(all, typed(j, s->given->v[i].name, "long"));
	if (!s->place || s->no_variables || s->given)
		return;
	v = s->is_return ? place_return(j->target, s->place) : NULL;
	if (v)
		note_variable(all, typed(j, v->name,
			target_spell(j->target, v->type, v->spelled)));
	for (i = 0; (v = place_variable_at(j->target, s->place, i)); i++)
		if (v->loc.kind != LOC_ABSENT)
			note_variable(all, typed(j, v->name,
				target_spell(j->target, v->type, v->spelled)));
}

static void print_variables(struct job *j, const struct named *v, size_t n,
			    FILE *out)
{
	struct shared locals = { .mem = &j->mem, .count = { .mem = &j->mem } };
	struct shared targets = { .mem = &j->mem, .count = { .mem = &j->mem } };
	const struct var *l;
	size_t i;

	for (i = 0; i < n; i++) {
		for (l = v[i].site->probe->locals; l; l = l->next)
			note_variable(&locals, arena_printf(&j->mem, "%s:%s",
					l->name, type_name_of(l->type)));
		note_targets(j, v[i].site, &targets);
	}
	print_shared(&locals, n, out);
	print_shared(&targets, n, out);
}

static void print_points(struct job *j, struct named *v, size_t n, FILE *out)
{
	size_t i, k;

	if (n)
		qsort(v, n, sizeof(*v), by_name);
	for (i = 0; i < n; i = k) {
		for (k = i + 1; k < n && !strcmp(v[k].name, v[i].name); k++)
			;
		fputs(v[i].name, out);
		if (j->opt->listing == LIST_VARIABLES)
			print_variables(j, v + i, k - i, out);
		fputc('\n', out);
	}
}

/* By an alias, or by where it is and whether it had to be there. */
static const char *shown_name(struct job *j, const struct site *s)
{
	const struct point *pt = s->point;

	if (pt->alias)
		return pt->alias;
	return pt->optional || pt->sufficient ?
		arena_printf(&j->mem, "%s%c", s->name, pt->optional ? '?' :
			     '!') : s->name;
}

static bool list_points(struct job *j, FILE *out)
{
	struct named *v;
	size_t i, n = 0;

	if (!parse_script(j) || !pull_library(j))
		return false;
	expand_points(j);
	if (j->opt->listing == LIST_VARIABLES)
		check_types(j);
	v = NEW_ARRAY(&j->mem, struct named, j->sites.n + 1);
	for (i = 0; i < j->sites.n; i++) {
		const struct site *s = j->sites.v[i];

		if (!s->probe->src->is_tapset)
			v[n++] = (struct named){ shown_name(j, s), s, i };
	}
	print_points(j, v, n, out);
	return n > 0;
}

/* --- what there could be ------------------------------------------------------------ */

/* "timer.s(n)" is "timer.s(number)"; "begin(n?)" is two. */
static const char *spell_shape(struct arena *mem, const char *pattern,
			       bool with_optional)
{
	struct text t = { .mem = mem };

	for (; *pattern; pattern++) {
		if (*pattern != '(') {
			text_putc(&t, *pattern);
			continue;
		}
		if (pattern[2] != '?' || with_optional)
			text_puts(&t, pattern[1] == 's' ? "(string)" :
				  "(number)");
		pattern = strchr(pattern, ')');
	}
	return t.s;
}

static bool list_types(struct job *j, FILE *out)
{
	struct lines all = { .mem = &j->mem };
	const struct family *const *f;
	const struct shape *s;

	for (f = families; *f; f++)
		for (s = (*f)->shapes; s->pattern; s++) {
			if (s->pattern[0] == '_')
				continue;
			vec_push(&j->mem, &all.v, spell_shape(&j->mem,
							      s->pattern, true));
			vec_push(&j->mem, &all.v, spell_shape(&j->mem,
							      s->pattern, false));
		}
	print_lines(&all, out);
	return true;
}

/* Names that begin with '_' are the tapsets' own affair. */
static void note_aliases(void *arg, const struct script *s)
{
	struct lines *all = arg;
	const struct probe *pr;
	const struct point *pt;

	for (pr = s->aliases; pr; pr = pr->next) {
		struct text t = { .mem = all->mem };

		if (pr->alias->name[0] == '_')
			continue;
		dump_components(&t, pr->alias);
		text_puts(&t, pr->alias_epilogue ? " += " : " = ");
		for (pt = pr->points; pt; pt = pt->next) {
			dump_point(&t, pt);
			text_puts(&t, pt->next ? ", " : "");
		}
		vec_push(all->mem, &all->v, t.s);
	}
}

/* "this_name:string (of:long)" */
static void note_functions(void *arg, const struct script *s)
{
	struct lines *all = arg;
	const struct function *f;
	const struct var *p;

	for (f = s->functions; f; f = f->next) {
		struct text t = { .mem = all->mem };

		if (f->is_private || f->name[0] == '_')
			continue;
		text_printf(&t, "%s:%s (", f->name, type_name_of(f->type));
		for (p = f->params; p; p = p->next)
			text_printf(&t, "%s:%s%s", p->name,
				    type_name_of(p->type), p->next ? ", " : "");
		text_putc(&t, ')');
		vec_push(all->mem, &all->v, t.s);
	}
}

/* "substr:string (string, long, long)", and where it can be called. */
static void note_builtins(struct lines *all)
{
	const struct builtin *b;
	const char *a;
	size_t i;

	for (i = 0; (b = builtin_at(i)); i++) {
		struct text t = { .mem = all->mem };

		if (b->name[0] == '_' || b->flags & BF_INTERNAL)
			continue;
		text_printf(&t, "%s:%s (", b->name, b->result == 'l' ? "long" :
			    b->result == 's' ? "string" : "unknown");
		for (a = b->args; *a; a++)
			text_printf(&t, "%s%s", *a == 'l' ? "long" : "string",
				    a[1] ? ", " : "");
		text_printf(&t, ") /*%s%s */", b->flags & BF_REGISTERS ?
			    " registers" : b->flags & BF_BPF ? " kernel" :
			    "", b->flags & BF_USER ? " loader" : "");
		vec_push(all->mem, &all->v, t.s);
	}
}

bool list_wanted(struct job *j, FILE *out)
{
	struct lines all = { .mem = &j->mem };

	switch (j->opt->listing) {
	case LIST_NOTHING:
		break;
	case LIST_POINTS:
	case LIST_VARIABLES:
		return list_points(j, out);
	case LIST_TYPES:
		return list_types(j, out);
	case LIST_FUNCTIONS:
		note_builtins(&all);
		each_tapset(j, note_functions, &all);
		break;
	case LIST_ALIASES:
		each_tapset(j, note_aliases, &all);
		break;
	}
	print_lines(&all, out);
	return all.v.n > 0;
}
