/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kprobe.c - kprobe.function("PATTERN") and kprobe.module("NAME")
 * .function("PATTERN"), with .call, .return and .return.maxactive(N): always
 * kprobes, found by their symbols, without variables. And
 * kprobe.statement(ADDRESS).absolute.
 */
#include "functions.h"

enum { ENTRY = 0, CALL = 1, RETURN = 2, MODULE = 4 };	/* shapes' data */

struct kprobes {		/* a point, and what its sites have in common */
	struct job *j;
	struct probe *pr;
	struct point *pt;
	int what;
	const struct expr *maxactive;	/* or NULL */
};

static void add_site(const struct kprobes *k, struct func *f)
{
	struct job *j = k->j;
	bool is_return = k->what & RETURN;
	struct text name = { .mem = &j->mem };
	struct site *s;

	text_puts(&name, "kprobe");
	if (k->what & MODULE)
		text_printf(&name, ".module(\"%s\")", f->bin->name);
	text_printf(&name, ".function(\"%s\")%s", f->linkage,
		    k->what & CALL ? ".call" : is_return ? ".return" : "");
	if (k->maxactive)
		text_printf(&name, ".maxactive(%jd)",
			    (intmax_t)k->maxactive->num);
	s = site_new(j, k->pr, k->pt, &family_kprobe, is_return ?
		     AT_KRETPROBE : AT_KPROBE, name.s);
	s->is_return = is_return;
	s->maxactive = k->maxactive ? k->maxactive->num : 0;
	s->no_variables = true;
	s->place = target_place(j->target, f, is_return ? AT_RETURN : AT_ENTRY);
}

static bool maxactive_ok(struct job *j, const struct expr *n)
{
	return !n || n->num >= 1 || complain(j, n->at, E_PROBE_ARG,
					     "maxactive must be 1 at least");
}

static bool expand(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	struct kprobes k = { j, pr, pt, shape->data, args[1] };
	struct binary *kernel = target_kernel(j->target);
	struct func_list found = { .left = NULL };
	struct func_pattern p;
	size_t i;

	if (!func_pattern(j, args[0], &p) || !maxactive_ok(j, args[1]))
		return false;
	func_find(j, kernel, &p, &found);
	if (!found.v.n && found.left)
		return site_missing(j, pt, args[0]->at, "function %s",
				    found.left);
	if (!found.v.n)
		return site_missing(j, pt, args[0]->at, "kernel \"%s\" has no "
				    "function \"%s\"%s", target_name(j->target),
				    args[0]->str, func_similar(j, kernel, &p));
	if (!target_features(j->target)->kprobes)
		return pt->optional || complain(j, pt->at, E_ENGINE,
				"kernel \"%s\" has no kprobes; "
				"kernel.function may do",
				target_name(j->target));
	for (i = 0; i < found.v.n; i++)
		add_site(&k, found.v.v[i]);
	return true;
}

static bool expand_module(struct job *j, struct probe *pr, struct point *pt,
			  const struct shape *shape, struct expr **args)
{
	struct kprobes k = { j, pr, pt, shape->data, args[2] };
	struct func_list found = { .left = NULL };
	size_t i, n, before = j->sites.n;
	struct func_pattern p;
	struct binary **b;
	const char *symbol;
	uint64_t offset;
	bool ok;

	if (!func_pattern(j, args[1], &p) || !maxactive_ok(j, args[2]))
		return false;
	b = find_modules(j, pt, args[0], &n, &ok);
	if (!b)
		return ok;
	for (i = 0; i < n; i++)
		func_find(j, b[i], &p, &found);
	for (i = 0; i < found.v.n; i++)
		if (target_anchor(j->target, found.v.v[i]->bin,
				  found.v.v[i]->addr, &symbol, &offset))
			add_site(&k, found.v.v[i]);
	if (j->sites.n > before)
		return true;
	return found.left ? site_missing(j, pt, args[1]->at, "function %s",
					 found.left) :
		no_module_has(j, pt, args);
}

static bool expand_absolute(struct job *j, struct probe *pr, struct point *pt,
			    const struct shape *shape, struct expr **args)
{
	struct func_query q = {
		.j = j, .pr = pr, .pt = pt, .family = &family_kprobe,
		.b = target_kernel(j->target), .prefix = "kprobe",
		.what = FN_STATEMENT | FN_NUMBER | FN_ABSOLUTE,
	};

	func_arguments(&q, args);
	return func_sites(&q);
}

static const struct shape shapes[] = {
	{ "kprobe.function(s)", expand, ENTRY },
	{ "kprobe.function(s).call", expand, CALL },
	{ "kprobe.function(s).return", expand, RETURN },
	{ "kprobe.function(s).return.maxactive(n)", expand, RETURN },
	{ "kprobe.module(s).function(s)", expand_module, MODULE | ENTRY },
	{ "kprobe.module(s).function(s).call", expand_module, MODULE | CALL },
	{ "kprobe.module(s).function(s).return", expand_module,
	  MODULE | RETURN },
	{ "kprobe.module(s).function(s).return.maxactive(n)", expand_module,
	  MODULE | RETURN },
	{ "kprobe.statement(n).absolute", expand_absolute, 0 },
	{ NULL, NULL, 0 }
};

const struct family family_kprobe = { "kprobe", shapes };
