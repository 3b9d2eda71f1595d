/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel.c - functions of vmlinux. kernel.function("PATTERN") and the points
 * like it are functions.c's; which of kprobe and fentry it will be is settled
 * when the variables that the handler uses are known. kprobe.function("PATTERN")
 * with .call, .return and .return.maxactive(N) is always a kprobe and has no
 * variables.
 */
#include "functions.h"

static bool expand(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	struct func_query q = {
		.j = j, .pr = pr, .pt = pt, .family = &family_kernel,
		.b = target_kernel(j->target), .prefix = "kernel",
		.what = shape->data,
	};

	func_arguments(&q, args);
	return func_sites(&q);
}

/* --- kprobe.function ------------------------------------------------------------ */

enum { ENTRY, CALL, RETURN };

static void add_site(struct job *j, struct probe *pr, struct point *pt,
		     int what, int64_t maxactive, struct func *f)
{
	struct text name = { .mem = &j->mem };
	struct site *s;

	text_printf(&name, "kprobe.function(\"%s\")%s", f->linkage,
		    what == CALL ? ".call" : what == RETURN ? ".return" : "");
	if (maxactive)
		text_printf(&name, ".maxactive(%jd)", (intmax_t)maxactive);
	s = site_new(j, pr, pt, &family_kernel, what == RETURN ? AT_KRETPROBE :
		     AT_KPROBE, name.s);
	s->is_return = what == RETURN;
	s->maxactive = maxactive;
	s->no_variables = true;
	s->place = target_place(j->target, f, what == RETURN ? AT_RETURN :
				AT_ENTRY);
}

static bool expand_kprobe(struct job *j, struct probe *pr, struct point *pt,
			  const struct shape *shape, struct expr **args)
{
	struct binary *kernel = target_kernel(j->target);
	struct func_list found = { .left = NULL };
	struct func_pattern p;
	size_t i;

	if (!func_pattern(j, args[0], &p))
		return false;
	if (args[1] && args[1]->num < 1)
		return complain(j, args[1]->at, E_PROBE_ARG,
				"maxactive must be 1 at least");
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
		add_site(j, pr, pt, shape->data, args[1] ? args[1]->num : 0,
			 found.v.v[i]);
	return true;
}

static const struct shape shapes[] = {
	FUNCTION_SHAPES("kernel", expand),
	{ "kernel.statement(n).absolute", expand, FN_STATEMENT | FN_NUMBER |
	  FN_ABSOLUTE },
	{ "kprobe.function(s)", expand_kprobe, ENTRY },
	{ "kprobe.function(s).call", expand_kprobe, CALL },
	{ "kprobe.function(s).return", expand_kprobe, RETURN },
	{ "kprobe.function(s).return.maxactive(n)", expand_kprobe, RETURN },
	{ NULL, NULL, 0 }
};

const struct family family_kernel = { "kernel", shapes };
