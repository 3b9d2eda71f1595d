/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cover.c - what became of each probe point that the script names, for the
 * target at hand: its sites and how they attach, what was left out, what was
 * wrong. Gathered while points are expanded and lowered; cover_write() leaves
 * it in the target's folder for report.c, which puts the targets side by side.
 *
 *	OUT_DIR/cover.json	an object of docs/stapc.md's "coverage" schema
 *	OUT_DIR/cover.rows	PLACE \t POINT \t STATUS \t TEXT \t NOTE
 *	OUT_DIR/cover.sites	PLACE \t POINT \t SITE \t ATTACH \t VARIABLES
 */
#include "points/family.h"

#include <string.h>

struct covered {
	const struct site *site;
	const char *attach;
};

struct cover {
	const char *point, *place;	/* as written; "x.stp:1:7" */
	const struct point *pt;
	const struct use *use;		/* outermost; or NULL */
	bool optional, is_skipped, is_gone;
	const struct tag *tag;		/* of the first complaint */
	const char *said;
	size_t left, partly;
	const char *why;		/* of the first that was left */
	VEC(struct covered) sites;
};

static const struct use *outermost(const struct use *u)
{
	while (u && u->outer)
		u = u->outer;
	return u;
}

static struct cover *new_cover(struct job *j, const struct point *pt,
			       const struct use *use)
{
	struct cover *c = NEW(&j->mem, struct cover);
	struct text name = { .mem = &j->mem };
	struct span at = use ? use->at : pt->at;
	unsigned line, col;

	c->pt = pt;
	c->use = use;
	c->optional = use ? use->optional || use->sufficient :
		pt->optional || pt->sufficient;
	if (use)
		text_puts(&name, use->name);
	else
		dump_components(&name, pt->parts);
	c->point = name.s;
	span_line_col(at, &line, &col);
	c->place = arena_printf(&j->mem, "%s:%u:%u", base_name(at.src->name),
				line, col);
	vec_push(&j->mem, &j->covers, c);
	return c;
}

void cover_complaint(struct job *j, const struct tag *tag, const char *said)
{
	if (!j->cover || j->cover->tag)
		return;
	j->cover->tag = tag;
	j->cover->said = said;
}

void cover_point(struct job *j, const struct point *pt)
{
	const struct use *use = pt ? outermost(pt->use) : NULL;
	size_t i;

	j->cover = NULL;
	if (!pt || !pt->at.src)
		return;
	for (i = 0; i < j->covers.n; i++) {
		struct cover *c = j->covers.v[i];

		if (use ? c->use == use : c->pt == pt)
			j->cover = c;
	}
	if (!j->cover)
		j->cover = new_cover(j, pt, use);
	j->heard = cover_complaint;
}

void cover_left(struct job *j, const char *what, const char *why)
{
	if (!j->cover)
		return;
	if (!j->cover->left++)
		j->cover->why = arena_printf(&j->mem, "%s: %s", what, why);
}

void cover_partly(struct job *j, const char *what)
{
	if (j->cover && !j->cover->partly++)
		j->cover->why = what;
}

void cover_gone(struct job *j)
{
	if (j->cover)
		j->cover->is_gone = true;
}

void cover_skipped(struct job *j)
{
	if (j->cover)
		j->cover->is_skipped = true;
}

void cover_site(struct job *j, const struct site *s, const char *attach)
{
	cover_point(j, s->point);
	if (j->cover)
		vec_push(&j->mem, &j->cover->sites,
			 ((struct covered){ s, attach }));
}

/* --- as text ------------------------------------------------------------------ */

static const char *status_of(const struct cover *c)
{
	if (c->tag == E_OPTIMIZED_OUT || (c->is_gone && !c->sites.n))
		return "optimised away";
	if (c->tag && (c->tag != E_NO_MATCH || c->left))
		return "refused";
	if (c->sites.n)
		return c->left || c->partly ? "approximated" : "resolved";
	return c->is_skipped ? "not needed" : c->left ? "refused" : "absent";
}

/* The number of the i-th's kind, counted at the first of them; else 0. */
static size_t kind_count(const struct cover *c, size_t i)
{
	size_t k, n = 0;

	for (k = 0; k < c->sites.n; k++)
		if (!strcmp(c->sites.v[k].attach, c->sites.v[i].attach)) {
			if (k < i)
				return 0;
			n++;
		}
	return n;
}

static const char *told(const struct cover *c)
{
	return c->said ? c->said : c->why ? c->why : "";
}

static void row_text(struct text *t, const struct cover *c)
{
	const char *status = status_of(c);
	size_t i, n;
	bool any = false;

	text_printf(t, "%s\t%s\t%s\t", c->place, c->point, status);
	for (i = 0; i < c->sites.n && !c->tag; i++) {
		n = kind_count(c, i);
		if (n)
			text_printf(t, "%s%zu %s", any ? ", " : "", n,
				    c->sites.v[i].attach);
		any |= n != 0;
	}
	if (any && c->left)
		text_printf(t, ", %zu left out", c->left);
	text_printf(t, "\t%s\n", told(c));
}

static void json_string(struct text *t, const char *s)
{
	text_putc(t, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			text_putc(t, '\\');
		if ((unsigned char)*s < ' ')
			text_printf(t, "\\u%04x", (unsigned char)*s);
		else
			text_putc(t, *s);
	}
	text_putc(t, '"');
}

static void json_point(struct text *t, const struct cover *c)
{
	bool any = false;
	size_t i, n;

	text_puts(t, "{\"point\": ");
	json_string(t, c->point);
	text_puts(t, ", \"place\": ");
	json_string(t, c->place);
	text_printf(t, ", \"optional\": %s, \"status\": \"%s\", \"sites\": %zu, "
		    "\"attach\": {", c->optional ? "true" : "false",
		    status_of(c), c->sites.n);
	for (i = 0; i < c->sites.n; i++) {
		n = kind_count(c, i);
		if (n)
			text_printf(t, "%s\"%s\": %zu", any ? ", " : "",
				    c->sites.v[i].attach, n);
		any |= n != 0;
	}
	text_printf(t, "}, \"left_out\": %zu, \"why\": ", c->left);
	json_string(t, told(c));
	text_putc(t, '}');
}

static void site_text(struct job *j, struct text *t, const struct cover *c,
		      const struct covered *s)
{
	const struct site *site = s->site;
	struct variable *v;
	size_t i;

	text_printf(t, "%s\t%s\t%s\t%s\t", c->place, c->point, site->name,
		    s->attach);
	for (i = 0; site->tp && i < site->tp->nargs; i++)
		text_printf(t, "$%s:%s;", site->tp->args[i].name,
			    target_spell(j->target, site->tp->args[i].type,
					 site->tp->args[i].spelled));
	for (i = 0; site->place && !site->no_variables &&
	     (v = place_variable_at(j->target, site->place, i)); i++)
		text_printf(t, "$%s:%s%s;", v->name,
			    target_spell(j->target, v->type, v->spelled),
			    v->loc.kind == LOC_ABSENT ? " (optimised away)" :
			    "");
	text_putc(t, '\n');
}

static void put_file(struct job *j, const char *name, const struct text *t)
{
	char *path = arena_printf(&j->mem, "%s/%s", j->opt->out_dir, name);
	FILE *f = fopen(path, "w");

	if (!f || fwrite(t->s, 1, t->n, f) != t->n || fclose(f))
		die("%s: %m", path);
}

void cover_write(struct job *j, bool built)
{
	struct text json = { .mem = &j->mem }, rows = json, sites = json;
	size_t i, k;

	/* it did not come to lowering: they are there, no more is known */
	for (i = 0; !j->ir && i < j->sites.n; i++)
		cover_site(j, j->sites.v[i], "site");
	text_puts(&rows, "");
	text_puts(&sites, "");
	text_puts(&json, "{\"name\": ");
	json_string(&json, j->kernel->name);
	text_puts(&json, ", \"release\": ");
	json_string(&json, j->kernel->release);
	text_printf(&json, ", \"built\": %s, \"points\": [",
		    built ? "true" : "false");
	for (i = 0; i < j->covers.n; i++) {
		const struct cover *c = j->covers.v[i];

		text_puts(&json, i ? ",\n    " : "\n    ");
		json_point(&json, c);
		row_text(&rows, c);
		for (k = 0; j->opt->cover_sites && k < c->sites.n; k++)
			site_text(j, &sites, c, &c->sites.v[k]);
	}
	text_puts(&json, "]}");
	put_file(j, "cover.json", &json);
	put_file(j, "cover.rows", &rows);
	put_file(j, "cover.sites", &sites);
}
