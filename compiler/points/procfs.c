/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * procfs.c - procfs("PATH").read and .write, with .umask(N) and .maxsize(N):
 * files that the loader makes and serves. $value, which is what is read or was
 * written, becomes calls of the loader's functions; a script cannot write to
 * it where it was written. The file "__stdin" is the loader's standard input,
 * a character at a time.
 */
#include "family.h"
#include "../../bundler/served.h"

#include <string.h>

enum { READ = 0, WRITE = 1, UMASK = 2, MAXSIZE = 4 };	/* shapes' data */

/* --- $value -------------------------------------------------------------------- */

struct rewriting {
	struct job *j;
	bool is_write;
};

static bool is_value(const struct expr *e)
{
	return e->kind == X_TARGET && e->target->kind == TR_VAR &&
	       !e->target->path && !e->target->address_of &&
	       !e->target->pretty && !strcmp(e->target->name, "value");
}

static void make_call(struct expr *e, const char *name, struct expr *arg)
{
	e->kind = X_CALL;
	e->op = OP_NONE;
	e->str = name;
	e->len = strlen(name);
	e->a = e->b = NULL;
	e->args = arg;
	e->nargs = arg != NULL;
	e->target = NULL;
	e->builtin = builtin_find(name, e->nargs);
}

static void rewrite_change(struct rewriting *w, struct expr *e)
{
	if (!w->is_write && e->kind == X_ASSIGN && e->op == OP_NONE) {
		make_call(e, "__file_set", e->b);
		return;
	}
	if (!w->is_write && e->kind == X_ASSIGN && e->op == OP_CAT) {
		make_call(e, "__file_add", e->b);
		return;
	}
	if (w->is_write)
		complain(w->j, e->at, E_NOT_LVALUE, "$value is what was "
			 "written: it cannot be changed");
	else
		complain(w->j, e->at, E_TYPE_MISMATCH, "$value is a string: "
			 "it is set by '=' and '.='");
	make_call(e, "__file_value", NULL);
}

static void rewrite(const struct expr *seen, void *arg)
{
	struct expr *e = (struct expr *)seen;

	if ((e->kind == X_ASSIGN || e->kind == X_INCDEC) && is_value(e->a))
		rewrite_change(arg, e);
	else if (is_value(e))
		make_call(e, "__file_value", NULL);
}

/* --- points ---------------------------------------------------------------------- */

/* SystemTap's: what there is a probe for may be done, by its owner. */
static uint32_t mode_of(const struct expr *umask, bool is_write)
{
	uint32_t all = is_write ? 0222 : 0444;

	return all & ~(umask ? (uint32_t)umask->num : 0077u);
}

/* One reader there can be. */
static bool fits_others(struct job *j, const struct point *pt,
			const struct site *new)
{
	const struct site *s;
	size_t i;

	for (i = 0; i < j->sites.n; i++) {
		s = j->sites.v[i];
		if (s == new || !s->file || strcmp(s->file->path,
						   new->file->path))
			continue;
		if (s->attach == AT_FILE_READ && s->attach == new->attach)
			return complain(j, pt->at, E_REDEFINED, "a second probe "
					"of reading \"%s\"", s->file->path);
	}
	return true;
}

static bool args_ok(struct job *j, const struct expr *path,
		    const struct expr *umask, const struct expr *max)
{
	if (path && !served_path_ok(path->str))
		return complain(j, path->at, E_PROBE_ARG, "\"%s\" is no path of "
				"a file below the session's folder", path->str);
	if (umask && (umask->num < 0 || umask->num > 0777))
		return complain(j, umask->at, E_PROBE_ARG,
				"a umask is between 0 and 0777");
	if (max && (max->num < 1 || max->num > STB_MAX_FILE))
		return complain(j, max->at, E_PROBE_ARG,
				"maxsize must be between 1 and %d", STB_MAX_FILE);
	return true;
}

static bool expand(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	struct rewriting w = { j, shape->data & WRITE };
	const struct expr *umask = shape->data & UMASK ? args[1] : NULL;
	const struct expr *max = shape->data & MAXSIZE ?
		args[umask ? 2 : 1] : NULL;
	struct site_file *f = NEW(&j->mem, struct site_file);
	struct text name = { .mem = &j->mem };
	struct site *s;

	if (!args_ok(j, args[0], umask, max))
		return false;
	f->path = args[0] ? args[0]->str : "command";
	f->mode = mode_of(umask, w.is_write);
	f->max_size = max ? (uint32_t)max->num :
		      (uint32_t)j->opt->limits.maxstringlen;
	dump_point(&name, pt);
	s = site_new(j, pr, pt, &family_procfs, w.is_write ? AT_FILE_WRITE :
		     AT_FILE_READ, name.s);
	s->file = f;
	walk_stmts(pr->body, rewrite, &w);
	return fits_others(j, pt, s);
}

static const struct shape shapes[] = {
	{ "procfs(s?).read", expand, READ },
	{ "procfs(s?).read.maxsize(n)", expand, READ | MAXSIZE },
	{ "procfs(s?).maxsize(n).read", expand, READ | MAXSIZE },
	{ "procfs(s?).umask(n).read", expand, READ | UMASK },
	{ "procfs(s?).umask(n).read.maxsize(n)", expand,
	  READ | UMASK | MAXSIZE },
	{ "procfs(s?).umask(n).maxsize(n).read", expand,
	  READ | UMASK | MAXSIZE },
	{ "procfs(s?).write", expand, WRITE },
	{ "procfs(s?).umask(n).write", expand, WRITE | UMASK },
	{ NULL, NULL, 0 }
};

const struct family family_procfs = { "procfs", shapes };
