/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel.c - kernel.function("PATTERN") with .call, .return and
 * .return.maxactive(N): the functions of vmlinux. Which of kprobe and fentry
 * it will be is settled when the variables that the handler uses are known.
 * kprobe.function("PATTERN") with the same suffixes is always a kprobe and has
 * no variables.
 */
#include "family.h"

enum { ENTRY, CALL, RETURN, WHAT = 3, KPROBE = 4 };

/* A kernel that can probe its functions at all. */
static bool can_probe(struct job *j, struct point *pt, int data,
		      const struct func *f)
{
	const struct kernel_features *k = target_features(j->target);

	if (k->kprobes || (!(data & KPROBE) && k->fentry && f->traceable &&
			   f->btf_id))
		return true;
	if (data & KPROBE)
		return complain(j, pt->at, E_ENGINE, "kernel \"%s\" has no "
				"kprobes; kernel.function may do",
				target_name(j->target));
	return complain(j, pt->at, E_ENGINE, "kernel \"%s\" cannot probe "
			"function %s: it has no kprobes%s",
			target_name(j->target), f->name,
			k->fentry ? ", and fentry does not suit the function" :
			" and no fentry");
}

static void add_site(struct job *j, struct probe *pr, struct point *pt,
		     int data, int64_t maxactive, struct func *f)
{
	bool kprobes = target_features(j->target)->kprobes;
	int what = data & WHAT;
	struct text name = { .mem = &j->mem };
	struct site *s;

	text_printf(&name, "%s.function(\"%s\")%s",
		    data & KPROBE ? "kprobe" : "kernel",
		    data & KPROBE ? f->linkage : func_place_name(j, f), what == CALL ? ".call" :
		    what == RETURN ? ".return" : "");
	if (maxactive)
		text_printf(&name, ".maxactive(%jd)", (intmax_t)maxactive);
	s = site_new(j, pr, pt, &family_kernel, what == RETURN ?
		     kprobes ? AT_KRETPROBE : AT_FEXIT :
		     kprobes ? AT_KPROBE : AT_FENTRY, name.s);
	s->is_return = what == RETURN;
	s->maxactive = maxactive;
	s->no_variables = data & KPROBE;
	s->place = target_place(j->target, f, what == RETURN ? AT_RETURN :
				AT_ENTRY);
}

static bool expand(struct job *j, struct probe *pr, struct point *pt,
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
	for (i = 0; i < found.v.n; i++) {
		if (!can_probe(j, pt, shape->data, found.v.v[i]))
			return pt->optional;
		add_site(j, pr, pt, shape->data, args[1] ? args[1]->num : 0,
			 found.v.v[i]);
	}
	return true;
}

static const struct shape shapes[] = {
	{ "kernel.function(s)", expand, ENTRY },
	{ "kernel.function(s).call", expand, CALL },
	{ "kernel.function(s).return", expand, RETURN },
	{ "kernel.function(s).return.maxactive(n)", expand, RETURN },
	{ "kprobe.function(s)", expand, KPROBE | ENTRY },
	{ "kprobe.function(s).call", expand, KPROBE | CALL },
	{ "kprobe.function(s).return", expand, KPROBE | RETURN },
	{ "kprobe.function(s).return.maxactive(n)", expand, KPROBE | RETURN },
	{ NULL, NULL, 0 }
};

const struct family family_kernel = { "kernel", shapes };
