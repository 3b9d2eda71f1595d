/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * listing.c - what `stapc -p2` prints: globals, functions and probes of the
 * whole program with their types, as SystemTap lists them. A probe is a site,
 * with the point that it was written as and, outwards, the aliases it came from.
 */
#include "points/family.h"

static void list_keys(struct text *t, const struct var *v)
{
	int i;

	for (i = 0; i < v->nkeys; i++)
		text_printf(t, "%s%s", i ? ", " : " [",
			    type_name_of(v->key_types[i]));
	if (v->nkeys > 0)
		text_putc(t, ']');
}

static void list_function(struct text *t, const struct function *f)
{
	const struct var *v;

	text_printf(t, "%s:%s (", f->name,
		    f->is_void ? "unknown" : type_name_of(f->type));
	for (v = f->params; v; v = v->next)
		text_printf(t, "%s:%s%s", v->name, type_name_of(v->type),
			    v->next ? ", " : "");
	text_puts(t, ")\n");
}

static void list_site(struct text *t, const struct site *s)
{
	const struct var *v;
	const struct use *u;

	text_printf(t, "%s /* <- ", s->name);
	dump_point(t, s->point);
	for (u = s->point->use; u; u = u->outer)
		text_printf(t, " <- %s", u->name);
	text_puts(t, " */\n");
	if (s->probe->locals)
		text_puts(t, "  # locals\n");
	for (v = s->probe->locals; v; v = v->next)
		text_printf(t, "  %s:%s\n", v->name, type_name_of(v->type));
}

void dump_listing(struct job *j, FILE *out)
{
	struct text t = { .mem = &j->mem };
	const struct function *f;
	const struct var *v;
	size_t i;

	text_puts(&t, j->script->globals ? "# globals\n" : "");
	for (v = j->script->globals; v; v = v->next) {
		text_printf(&t, "%s:%s", v->name, type_name_of(v->type));
		list_keys(&t, v);
		text_putc(&t, '\n');
	}
	text_puts(&t, j->script->functions ? "# functions\n" : "");
	for (f = j->script->functions; f; f = f->next)
		list_function(&t, f);
	text_puts(&t, j->sites.n ? "# probes\n" : "");
	for (i = 0; i < j->sites.n; i++)
		list_site(&t, j->sites.v[i]);
	fwrite(t.s, 1, t.n, out);
}
