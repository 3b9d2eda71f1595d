/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.c - process("PATH").function("PATTERN") with .call and .return: a
 * function of every build of PATH that is declared.
 */
#include "family.h"

enum { ENTRY, CALL, RETURN, MAX_BUILDS = 256 };

static void add_site(struct job *j, struct probe *pr, struct point *pt,
		     int what, struct func *f)
{
	struct site *s;

	s = site_new(j, pr, pt, &family_process,
		     what == RETURN ? AT_URETPROBE : AT_UPROBE,
		     arena_printf(&j->mem, "process(\"%s\").function(\"%s\")%s",
				  f->bin->name, func_place_name(j, f),
				  what == CALL ? ".call" :
				  what == RETURN ? ".return" : ""));
	s->is_user = true;
	s->is_return = what == RETURN;
	s->place = target_place(j->target, f, what == RETURN ? AT_RETURN :
				AT_ENTRY);
}

static const char *no_dwarf(struct job *j, const struct binary *b)
{
	return b->has_dwarf ? "" : arena_printf(&j->mem, "; it has no "
		"debuginfo (looked at %s)", b->looked ? b->looked : b->file);
}

static bool missing(struct job *j, struct point *pt,
		    const struct func_pattern *p, struct binary *b,
		    const struct func_list *found)
{
	if (found->left)
		return site_missing(j, pt, p->arg->at, "%s: function %s",
				    b->name, found->left);
	return site_missing(j, pt, p->arg->at, "%s has no function \"%s\"%s%s",
			    b->name, p->arg->str, func_similar(j, b, p),
			    no_dwarf(j, b));
}

static bool expand(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	struct binary *builds[MAX_BUILDS];
	struct func_pattern p;
	size_t i, k, n;
	bool ok = true;

	if (!func_pattern(j, args[1], &p))
		return false;
	if (!target_features(j->target)->uprobes)
		return complain(j, pt->at, E_ENGINE,
				"kernel \"%s\" has no uprobes",
				target_name(j->target));
	n = target_programs(j->target, args[0]->str, builds, MAX_BUILDS);
	if (!n)
		return site_missing(j, pt, args[0]->at,
				    "no build of \"%s\" is declared or there",
				    args[0]->str);
	for (i = 0; i < n; i++) {
		struct func_list found = { .left = NULL };

		func_find(j, builds[i], &p, &found);
		if (!found.v.n)
			ok &= missing(j, pt, &p, builds[i], &found);
		for (k = 0; k < found.v.n; k++)
			add_site(j, pr, pt, shape->data, found.v.v[k]);
	}
	return ok;
}

static const struct shape shapes[] = {
	{ "process(s).function(s)", expand, ENTRY },
	{ "process(s).function(s).call", expand, CALL },
	{ "process(s).function(s).return", expand, RETURN },
	{ NULL, NULL, 0 }
};

const struct family family_process = { "process", shapes };
