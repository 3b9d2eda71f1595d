/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * module.c - functions of kernel modules, of every build that the target has
 * of each module that matches. module("NAME").function("PATTERN") and the points
 * like it are functions.c's. They are kprobes always: fentry would keep the
 * module from being unloaded.
 */
#include "functions.h"

#include <string.h>

static bool no_module(struct job *j, struct point *pt, const struct expr *arg)
{
	const char *folder = target_modules_folder(j->target);

	return site_missing(j, pt, arg->at, "kernel \"%s\" has no module "
			    "\"%s\": %s", target_name(j->target), arg->str,
			    folder ? arena_printf(&j->mem, "looked in %s",
						  folder) :
			    "the manifest names no folder of modules");
}

struct binary **find_modules(struct job *j, struct point *pt,
			     const struct expr *arg, size_t *n, bool *ok)
{
	struct binary **b;
	bool bad;

	*ok = false;
	if (!target_features(j->target)->kprobes) {
		*ok = pt->optional || complain(j, pt->at, E_ENGINE, "kernel "
			"\"%s\" has no kprobes, which functions of modules "
			"are probed by", target_name(j->target));
		return NULL;
	}
	*n = target_modules(j->target, arg->str, &b, &bad);
	if (bad)
		return NULL;
	if (!*n)
		*ok = no_module(j, pt, arg);
	return *n ? b : NULL;
}

bool no_module_has(struct job *j, struct point *pt, struct expr **args)
{
	return site_missing(j, pt, args[1]->at, "no module \"%s\" of kernel "
			    "\"%s\" has %s%s", args[0]->str,
			    target_name(j->target), args[1]->kind == X_STRING ?
			    "functions like " : "code at that address",
			    args[1]->kind == X_STRING ? args[1]->str : "");
}

static bool expand(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	struct func_query q = {
		.j = j, .pr = pr, .pt = pt, .family = &family_module,
		.what = shape->data,
	};
	struct expr number;
	size_t i, n, before = j->sites.n;
	struct binary **b;
	bool ok;

	b = find_modules(j, pt, args[0], &n, &ok);
	if (!b)
		return ok;
	func_arguments(&q, args + 1);
	q.may_miss = n > 1;
	for (i = 0, ok = true; i < n && ok; i++) {
		q.b = b[i];
		if (q.what & FN_NUMBER) {	/* counts from .text */
			number = *args[1];
			number.num += (int64_t)target_text(j->target, b[i]);
			q.arg = &number;
		}
		q.prefix = arena_printf(&j->mem, "module(\"%s\")", b[i]->name);
		ok = func_sites(&q);
	}
	return ok && (j->sites.n > before || n == 1 || no_module_has(j, pt, args));
}

static const struct shape shapes[] = {
	FUNCTION_SHAPES("module(s)", expand),
	{ NULL, NULL, 0 }
};

const struct family family_module = { "module", shapes };
