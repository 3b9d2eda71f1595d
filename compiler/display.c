/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * display.c - globals that a script writes and never reads are shown when it
 * ends. In: the types. Out: the body of the probe that library.c added,
 * written as script text and parsed, for the message needs no second path
 * through the compiler:
 *	x=5   s="text"   a["key",1]=2 (largest first)
 *	n @count=2 @min=1 @max=3 @sum=4 @avg=2
 */
#include "check.h"
#include "parse.h"

#include <string.h>

static void show_stats(struct text *t, const char *what, const char *args,
		       const char *ref)
{
	static const char *const ops[] = { "count", "min", "max", "sum", "avg" };
	size_t i;

	text_printf(t, "if (@count(%s)) printf(\"%s", ref, what);
	for (i = 0; i < COUNT_OF(ops); i++)
		text_printf(t, " @%s=%%d", ops[i]);
	text_printf(t, "\\n\"%s", args);
	for (i = 0; i < COUNT_OF(ops); i++)
		text_printf(t, ", @%s(%s)", ops[i], ref);
	text_printf(t, ")\nelse printf(\"%s @count=0x0\\n\"%s)\n", what, args);
}

static void show_value(struct text *t, const struct var *v, const char *what,
		       const char *args, const char *ref)
{
	if (v->type == T_STATS)
		show_stats(t, what, args, ref);
	else
		text_printf(t, "printf(\"%s=%s\\n\"%s, %s)\n", what,
			    v->type == T_STRING ? "\\\"%#s\\\"" : "%d", args, ref);
}

static void show(struct job *j, struct text *t, const struct var *v)
{
	struct text what = { .mem = &j->mem }, args = what, keys = what;
	int i;

	if (v->nkeys <= 0) {
		show_value(t, v, v->name, "", v->name);
		return;
	}
	text_printf(&what, "%s[", v->name);
	text_puts(&args, ", ");
	for (i = 0; i < v->nkeys; i++) {
		text_printf(&what, "%s%s", i ? "," : "",
			    v->key_types[i] == T_STRING ? "\\\"%#s\\\"" : "%d");
		text_printf(&keys, "%skey%d_of_%s", i ? ", " : "", i + 1,
			    v->name);
	}
	text_puts(&what, "]");
	text_puts(&args, keys.s);
	text_printf(t, "foreach ([%s] in %s-)\n", keys.s, v->name);
	show_value(t, v, what.s, args.s,
		   arena_printf(&j->mem, "%s[%s]", v->name, keys.s));
}

struct bind {
	struct job *j;
	struct probe *pr;
};

static void bind(const struct expr *seen, void *arg)
{
	struct expr *e = (struct expr *)seen;
	struct bind *b = arg;
	struct var *v, **end;

	if (e->kind != X_NAME && e->kind != X_INDEX)
		return;
	for (v = b->j->script->globals; v; v = v->next)
		if (!strcmp(v->name, e->str) && display_wanted(v))
			break;
	for (end = &b->pr->locals; !v && *end; end = &(*end)->next)
		if (!strcmp((*end)->name, e->str))
			v = *end;
	if (!v) {
		v = *end = NEW(&b->j->mem, struct var);
		v->name = e->str;
		v->at = e->at;
		v->is_read = v->is_written = true;
	}
	e->var = v;
}

void fill_display(struct job *j, struct probe *pr)
{
	struct source *src = NEW(&j->mem, struct source);
	struct text t = { .mem = &j->mem };
	struct bind b = { j, pr };
	struct script made = { 0 };
	struct var *v;

	text_puts(&t, "probe end {\n");
	for (v = j->script->globals; v; v = v->next)
		if (display_wanted(v))
			show(j, &t, v);
	text_puts(&t, "}\n");
	*src = (struct source){ .name = "<display of globals>", .text = t.s,
				.size = t.n, .is_tapset = true };
	if (!parse_source(j, src, &made))
		bug("display of globals does not parse:\n%s", t.s);
	pr->body = made.probes->body;
	walk_stmts(pr->body, bind, &b);
}
