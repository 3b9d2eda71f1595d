/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alias.c - probe points that stand for others. In: a probe, some of whose
 * points name an alias. Out: for each use a probe of its own at the alias's
 * points, whose body is prologue, body and epilogue in one; points after the
 * alias's own name (vfs.read.return of vfs.read) are passed on. Each remembers
 * the use, so that '!' and a use without sites mean what they say.
 */
#include "library.h"

#include <string.h>

static bool has_wildcard(const char *s)
{
	return strpbrk(s, "*?[") != NULL;
}

static const char *dotted(struct arena *mem, const struct component *c)
{
	struct text t = { .mem = mem };

	for (; c; c = c->next)
		text_printf(&t, "%s%s", c->name, c->next ? "." : "");
	return t.s;
}

static bool same_arg(const struct expr *a, const struct expr *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind)
		return false;
	return a->kind == X_NUMBER ? a->num == b->num :
		!strcmp(a->str, b->str);
}

/*
 * Does the alias begin the point? *rest: what of the point is behind it. A
 * pattern must name the whole of it; '**' stands for many components.
 */
static bool matches(struct arena *mem, const struct component *point,
		    const struct component *alias, struct component **rest)
{
	const struct component *p, *a;
	bool wild = false, deep = false;

	for (p = point; p; p = p->next) {
		wild |= has_wildcard(p->name);
		deep |= strstr(p->name, "**") != NULL;
	}
	*rest = NULL;
	if (deep)
		return glob_match(dotted(mem, point), dotted(mem, alias));
	for (p = point, a = alias; p && a; p = p->next, a = a->next)
		if (!glob_match(p->name, a->name) || !same_arg(p->arg, a->arg))
			return false;
	*rest = (struct component *)p;
	return !a && !(wild && p);
}

/* All whose whole name it is; if there is none, the longest that begin it. */
static struct known_aliases find(struct job *j, struct lib *l,
				 const struct point *pt)
{
	const struct known_aliases *all;
	struct known_aliases got = { 0 };
	struct component *rest, *c;
	size_t i, n, least = SIZE_MAX;
	struct arena scratch = { 0 };	/* a point may be one of thousands */
	const char *head = has_wildcard(pt->parts->name) ? NULL :
			   pt->parts->name;

	library_syscalls(l, pt->parts);
	all = library_aliases(l, head);
	for (i = 0; i < all->v.n; i++) {
		if (!matches(&scratch, pt->parts, all->v.v[i].alias->alias,
			     &rest))
			continue;
		for (n = 0, c = rest; c; c = c->next)
			n++;
		if (n < least)
			got.v.n = 0;
		if (n <= least) {
			least = n;
			vec_push(&j->mem, &got.v, all->v.v[i]);
		}
	}
	arena_free(&scratch);
	return got;
}

static struct component *join(struct arena *mem, const struct component *a,
			      const struct component *b)
{
	struct component *list = NULL, **end = &list;
	const struct component *from[] = { a, b }, *c;
	size_t i;

	for (i = 0; i < COUNT_OF(from); i++)
		for (c = from[i]; c; c = c->next) {
			*end = NEW(mem, struct component);
			**end = *c;
			end = &(*end)->next;
		}
	*end = NULL;
	return list;
}

static struct expr *both(struct arena *mem, struct expr *a, struct expr *b)
{
	struct expr *e;

	if (!a || !b)
		return a ? a : b;
	e = NEW(mem, struct expr);
	e->kind = X_BINARY;
	e->op = OP_ANDAND;
	e->at = a->at;
	e->a = a;
	e->b = b;
	return e;
}

/* As a listing names it: the alias, and what the use has behind its name. */
static const char *full_name(struct arena *mem, const struct probe *alias,
			     const struct component *rest)
{
	struct text t = { .mem = mem };

	dump_components(&t, alias->alias);
	if (rest) {
		text_putc(&t, '.');
		dump_components(&t, rest);
	}
	return t.s;
}

static struct point *copy_points(struct arena *mem, const struct probe *alias,
				 const struct point *use,
				 const struct component *rest, struct use *as,
				 const struct origin *via)
{
	const char *name = use->alias ? use->alias :
		full_name(mem, alias, rest);
	struct point *list = NULL, **end = &list;
	const struct point *pt;

	for (pt = alias->points; pt; pt = pt->next) {
		struct point *n = *end = NEW(mem, struct point);

		n->alias = name;
		n->at = copied_span(mem, pt->at, via);
		n->parts = join(mem, pt->parts, rest);
		n->use = as;
		n->optional = pt->optional || use->optional ||
			use->sufficient;
		n->sufficient = pt->sufficient;
		n->condition = both(mem,
			pt->condition ? copy_expr(mem, pt->condition, via) :
			NULL,
			use->condition ? copy_expr(mem, use->condition, NULL) :
			NULL);
		end = &n->next;
	}
	return list;
}

struct written {
	const char *name;
	bool found;
};

static void find_write(const struct expr *e, void *arg)
{
	struct written *w = arg;

	if ((e->kind == X_ASSIGN || e->kind == X_INCDEC) &&
	    e->a->kind == X_NAME && !e->at.src->is_tapset)
		w->found |= !strcmp(e->a->str, w->name);
}

/* @probewrite(x) of an alias: 1 if the probe itself writes x. */
static void decide_write(const struct expr *seen, void *body)
{
	struct expr *e = (struct expr *)seen;
	struct written w = { .found = false };

	if (e->kind != X_CALL || strcmp(e->str, "@probewrite"))
		return;
	w.name = e->args->str;
	walk_stmts(body, find_write, &w);
	e->kind = X_NUMBER;
	e->num = w.found;
	e->args = NULL;
}

static struct stmt *merged(struct arena *mem, const struct probe *pr,
			   const struct probe *alias, const struct origin *via)
{
	struct stmt *s = NEW(mem, struct stmt), **end = &s->body;

	s->kind = S_BLOCK;
	s->at = pr->body->at;
	if (!alias->alias_epilogue) {
		*end = copy_stmt(mem, alias->body, via);
		end = &(*end)->next;
	}
	*end = copy_stmt(mem, pr->body, NULL);
	end = &(*end)->next;
	if (alias->alias_epilogue)
		*end = copy_stmt(mem, alias->body, via);
	else if (alias->epilogue)
		*end = copy_stmt(mem, alias->epilogue, via);
	walk_stmts(s, decide_write, pr->body);
	return s;
}

static bool came_through(const struct probe *pr, const struct probe *alias)
{
	for (; pr; pr = pr->outer)
		if (pr->of_alias == alias)
			return true;
	return false;
}

static struct probe *use_alias(struct job *j, const struct probe *pr,
			       const struct point *pt, struct use *as,
			       const struct probe *alias)
{
	struct origin *via = NEW(&j->mem, struct origin);
	struct probe *n = NEW(&j->mem, struct probe);
	struct component *rest;

	*via = (struct origin){
		arena_printf(&j->mem, "in alias '%s'",
			     dotted(&j->mem, alias->alias)), pt->at };
	matches(&j->mem, pt->parts, alias->alias, &rest);
	n->at = pr->at;
	n->src = pr->src;
	n->outer = pr;
	n->of_alias = alias;
	n->points = copy_points(&j->mem, alias, pt, rest, as, via);
	n->body = merged(&j->mem, pr, alias, via);
	if (came_through(pr, alias)) {
		complain(j, pt->at, E_UNKNOWN_PROBE,
			 "alias '%s' leads back to itself",
			 dotted(&j->mem, alias->alias));
		return NULL;
	}
	return n;
}

/* A real point that an alias's '!' may make needless, in its place. */
static struct probe *keep_point(struct job *j, const struct probe *pr,
				const struct point *pt, struct use *as)
{
	struct probe *n = NEW(&j->mem, struct probe);

	*n = *pr;
	n->next = NULL;
	n->body = copy_stmt(&j->mem, pr->body, NULL);
	n->points = NEW(&j->mem, struct point);
	*n->points = *pt;
	n->points->next = NULL;
	n->points->use = as;
	n->points->optional |= pt->sufficient;
	n->points->sufficient = false;
	return n;
}

static struct use *new_use(struct job *j, const struct point *pt,
			   unsigned rank, unsigned *taken)
{
	struct use *u = NEW(&j->mem, struct use);

	*u = (struct use){ .at = pt->at, .name = dotted(&j->mem, pt->parts),
		.optional = pt->optional, .sufficient = pt->sufficient,
		.rank = rank, .taken = taken, .outer = pt->use };
	return u;
}

/* The probes of one point, in the place of *end; the new end. */
static struct probe **split(struct job *j, struct lib *l,
			    const struct probe *pr, const struct point *pt,
			    const struct known_aliases *got, struct use *as,
			    struct probe **end)
{
	size_t i;

	if (!got->v.n) {
		*end = keep_point(j, pr, pt, as);
		return &(*end)->next;
	}
	for (i = 0; i < got->v.n; i++) {
		if (got->v.v[i].from)
			library_pull(l, got->v.v[i].from);
		*end = use_alias(j, pr, pt, as, got->v.v[i].alias);
		if (*end)
			end = &(*end)->next;
	}
	return end;
}

bool expand_aliases(struct job *j, struct lib *l, struct probe **pr)
{
	unsigned rank = 0, *taken = NEW(&j->mem, unsigned);
	struct probe *old = *pr, *made = NULL, **end = &made;
	struct point **pp = &old->points, *pt;
	bool any = false, choice = false;
	bool one = old->points && !old->points->next;
	struct known_aliases got = { 0 };

	for (pt = old->points; pt; pt = pt->next) {
		got = find(j, l, pt);
		any |= got.v.n > 0;
		choice |= pt->sufficient;
	}
	while (any && (pt = *pp)) {
		if (!one)
			got = find(j, l, pt);
		if (!got.v.n && !choice) {
			pp = &pt->next;
			continue;
		}
		end = split(j, l, old, pt, &got,
			    new_use(j, pt, rank++, taken), end);
		*pp = pt->next;
	}
	if (!any && old->points)
		return true;
	*end = old->next;
	if (old->points)
		old->next = made;
	else
		*pr = made;
	return false;
}

/* --- what became of the uses --------------------------------------------------- */

bool use_wanted(const struct use *u)
{
	for (; u; u = u->outer)
		if (*u->taken && *u->taken <= u->rank)
			return false;
	return true;
}

void use_found(struct use *u, size_t sites)
{
	for (; u && sites; u = u->outer) {
		u->sites += sites;
		if (u->sufficient && !*u->taken)
			*u->taken = u->rank + 1;
	}
}

bool may_be_missing(struct job *j, struct span at, const char *said)
{
	switch (j->opt->missing) {
	case MISSING_ERROR:
		return complain(j, at, E_NO_MATCH, "%s", said);
	case MISSING_WARN:
		warn_at(j, at, "left out: %s", said);
		break;
	case MISSING_IGNORE:
		break;
	}
	return true;
}

bool uses_found(struct job *j)
{
	const struct probe *pr;
	const struct point *pt;
	const struct use *u;
	bool ok = true;

	for (pr = j->script->probes; pr; pr = pr->next)
		for (pt = pr->points; pt; pt = pt->next)
			for (u = pt->use; u && use_wanted(u); u = u->outer)
				if (!u->sites && !u->optional && !u->sufficient)
					ok &= may_be_missing(j, u->at,
						arena_printf(&j->mem,
						"no match for '%s'", u->name));
	return ok;
}
