/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dwarf_code.c - what lies within a function's code: rows of the line table,
 * labels, what it calls and what is inlined there. Code is a DIE: a function's
 * copy out of line, or an instance of it inlined in another's.
 */
#include "dwarf_in.h"

#include <stdlib.h>
#include <string.h>

/* --- file names ------------------------------------------------------------- */

bool dwarf_keeps_folder(const char *dir)
{
	return *dir && *dir != '/' && strcmp(dir, ".");
}

const char *dwarf_short_path(struct facts *f, Dwarf_Die *unit,
			     const char *path)
{
	const struct split *s = f->dw ? dwarf_split_of(f->dw, unit->cu) : NULL;
	Dwarf_Die of = s ? s->skeleton : *unit;
	Dwarf_Attribute a;
	const char *dir = dwarf_formstring(dwarf_attr(&of, DW_AT_comp_dir,
						      &a));
	size_t n = dir ? strlen(dir) : 0;

	if (n && dwarf_keeps_folder(dir))
		return path;
	if (n && !strncmp(path, dir, n) && path[n] == '/')
		path += n + 1;
	while (!strncmp(path, "./", 2))
		path += 2;
	return path;
}

/* Not dwarf_decl_file(), which aborts in units of .dwo files (elfutils 0.188). */
static const char *declared_in(struct facts *f, Dwarf_Die *d)
{
	const char *path = NULL;
	Dwarf_Attribute a;
	Dwarf_Files *files;
	Dwarf_Die unit;
	Dwarf_Word n;
	size_t count;

	if (!dwarf_formudata(dwarf_attr_integrate(d, DW_AT_decl_file, &a),
			     &n) &&
	    dwarf_cu_die(a.cu, &unit, NULL, NULL, NULL, NULL, NULL, NULL) &&
	    !dwarf_getsrcfiles(&unit, &files, &count) && n < count)
		path = dwarf_filesrc(files, n, NULL, NULL);
	return path ? dwarf_short_path(f, &unit, path) : NULL;
}

/* --- rows ------------------------------------------------------------------- */

static int row_order(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

struct unit_rows {		/* of one unit and one file of it */
	const void *unit;
	const char *file;
	struct row *v;
	size_t n;
	struct unit_rows *next;
};

static void read_rows(struct facts *f, Dwarf_Die *unit, struct unit_rows *u)
{
	const char *last = NULL, *path;
	bool same = false, end;
	VEC(struct row) rows = { 0 };
	Dwarf_Lines *lines;
	size_t i, n;

	if (dwarf_getsrclines(unit, &lines, &n))
		return;
	for (i = 0; i < n; i++) {
		Dwarf_Line *l = dwarf_onesrcline(lines, i);
		Dwarf_Addr addr;
		int line;

		path = dwarf_linesrc(l, NULL, NULL);
		if (path != last)
			same = path && !strcmp(dwarf_short_path(f, unit, path),
					       u->file);
		last = path;
		if (!same || dwarf_lineendsequence(l, &end) || end ||
		    dwarf_lineno(l, &line) || dwarf_lineaddr(l, &addr) || !line)
			continue;
		vec_push(target_mem(f->t), &rows,
			 ((struct row){ addr, (unsigned)line }));
	}
	u->v = rows.v;
	u->n = rows.n;
	if (u->n)
		qsort(u->v, u->n, sizeof(*u->v), row_order);
}

static const struct unit_rows *rows_of(struct facts *f, Dwarf_Die *unit,
				       const char *file)
{
	struct dwarf *d = dwarf_of(f);
	struct unit_rows *u;

	for (u = d->rows; u; u = u->next)
		if (u->unit == unit->addr && !strcmp(u->file, file))
			return u;
	u = NEW(target_mem(f->t), struct unit_rows);
	u->unit = unit->addr;
	u->file = file;
	u->next = d->rows;
	d->rows = u;
	read_rows(f, unit, u);
	return u;
}

struct row *dwarf_rows(struct facts *f, uint64_t die, const char *file,
		       size_t *n)
{
	const struct unit_rows *u;
	VEC(struct row) out = { 0 };
	Dwarf_Die d, unit;
	size_t i;

	*n = 0;
	if (!file || !dwarf_die_at(f, die, &d) ||
	    !dwarf_diecu(&d, &unit, NULL, NULL))
		return NULL;
	u = rows_of(f, &unit, file);
	for (i = 0; i < u->n; i++) {
		if (out.n && out.v[out.n - 1].line == u->v[i].line)
			continue;
		if (dwarf_haspc(&d, u->v[i].addr) > 0)
			vec_push(target_mem(f->t), &out, u->v[i]);
	}
	*n = out.n;
	return out.v;
}

bool dwarf_is_row(struct facts *f, uint64_t addr, uint64_t *near)
{
	Dwarf_Addr at = 0, next;
	Dwarf_Lines *lines;
	Dwarf_Die unit;
	size_t i, n;

	*near = 0;
	if (!dwarf_addrdie(dwarf_of(f)->dw, addr, &unit) ||
	    dwarf_getsrclines(&unit, &lines, &n))
		return false;
	for (i = 0; i < n; i++)
		if (!dwarf_lineaddr(dwarf_onesrcline(lines, i), &next) &&
		    next <= addr && next > at)
			at = next;
	*near = at;
	return at == addr;
}

bool dwarf_has_pc(struct facts *f, uint64_t die, uint64_t addr)
{
	Dwarf_Die d;

	return dwarf_die_at(f, die, &d) && dwarf_haspc(&d, addr) > 0;
}

void dwarf_span(struct facts *f, uint64_t die, uint64_t *low, uint64_t *high)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t off = 0;
	Dwarf_Die d;

	*low = UINT64_MAX;
	*high = 0;
	if (!dwarf_die_at(f, die, &d))
		return;
	while ((off = dwarf_ranges(&d, off, &base, &start, &end)) > 0) {
		*low = start < *low ? start : *low;
		*high = end > *high ? end : *high;
	}
}

/* --- scopes ----------------------------------------------------------------- */

/* The block or instance below d that has addr takes its place. */
static bool descend(Dwarf_Die *d, uint64_t addr)
{
	Dwarf_Die c;
	int tag;

	if (dwarf_child(d, &c))
		return false;
	do {
		tag = dwarf_tag(&c);
		if ((tag == DW_TAG_lexical_block ||
		     tag == DW_TAG_inlined_subroutine) &&
		    dwarf_haspc(&c, addr) > 0) {
			*d = c;
			return true;
		}
	} while (!dwarf_siblingof(&c, &c));
	return false;
}

bool dwarf_inlined_at(struct facts *f, uint64_t die, uint64_t addr,
		      struct call *out)
{
	Dwarf_Die d, in;
	Dwarf_Addr entry;
	bool found = false;
	int line = 0;

	if (!dwarf_die_at(f, die, &d))
		return false;
	while (descend(&d, addr))
		if (dwarf_tag(&d) == DW_TAG_inlined_subroutine) {
			in = d;
			found = true;
		}
	if (!found || !dwarf_diename(&in) || dwarf_entrypc(&in, &entry))
		return false;
	dwarf_decl_line(&in, &line);
	*out = (struct call){ .name = dwarf_diename(&in),
			      .file = declared_in(f, &in),
			      .line = (unsigned)line,
			      .is_inlined = true, .addr = entry,
			      .die = dwarf_die_offset(f, &in) };
	return true;
}

/* What was declared before it was defined, or inlined: that is where it is. */
static Dwarf_Die declared_at(Dwarf_Die d)
{
	Dwarf_Attribute a;
	Dwarf_Die of;

	while (dwarf_formref_die(dwarf_attr(&d, DW_AT_abstract_origin, &a),
				 &of) ||
	       dwarf_formref_die(dwarf_attr(&d, DW_AT_specification, &a), &of))
		d = of;
	return d;
}

size_t dwarf_scopes(struct facts *f, uint64_t die, const char **names,
		    size_t max)
{
	Dwarf_Die d, *scopes = NULL;
	const char *name;
	size_t found = 0;
	int i, n;

	if (!dwarf_die_at(f, die, &d))
		return 0;
	d = declared_at(d);
	n = dwarf_getscopes_die(&d, &scopes);
	for (i = 1; i < n && found < max; i++)
		switch (dwarf_tag(&scopes[i])) {
		case DW_TAG_namespace:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
			name = dwarf_diename(&scopes[i]);
			if (name)
				names[found++] = name;
		}
	free(scopes);
	return found;
}

/* --- labels ----------------------------------------------------------------- */

struct label_walk {
	void (*each)(void *arg, const char *name, unsigned line, uint64_t addr);
	void *arg;
};

static void walk_labels(const struct label_walk *w, Dwarf_Die *code)
{
	Dwarf_Attribute a;
	Dwarf_Addr addr;
	Dwarf_Die d;
	int line;

	if (dwarf_child(code, &d))
		return;
	do {
		line = 0;
		if (dwarf_tag(&d) == DW_TAG_lexical_block)
			walk_labels(w, &d);
		else if (dwarf_tag(&d) == DW_TAG_label && dwarf_diename(&d) &&
			 !dwarf_formaddr(dwarf_attr(&d, DW_AT_low_pc, &a),
					 &addr) && addr) {
			dwarf_decl_line(&d, &line);
			w->each(w->arg, dwarf_diename(&d), (unsigned)line,
				addr);
		}
	} while (!dwarf_siblingof(&d, &d));
}

void dwarf_labels(struct facts *f, uint64_t die,
		  void (*each)(void *arg, const char *name, unsigned line,
			       uint64_t addr), void *arg)
{
	struct label_walk w = { each, arg };
	Dwarf_Die d;

	if (dwarf_die_at(f, die, &d))
		walk_labels(&w, &d);
}

/* --- calls ------------------------------------------------------------------ */

struct call_walk {
	struct facts *f;
	void (*each)(void *arg, const struct call *c);
	void *arg;
};

static void tell_call(const struct call_walk *w, Dwarf_Die *d, Dwarf_Die *of,
		      bool is_inlined)
{
	struct call c = { .name = dwarf_diename(of), .is_inlined = is_inlined };
	Dwarf_Attribute a;
	Dwarf_Addr addr;
	Dwarf_Die def = *of;
	int line = 0;

	if (!c.name)
		return;
	c.is_declared = dwarf_hasattr(of, DW_AT_declaration);
	c.file = declared_in(w->f, &def);
	dwarf_decl_line(&def, &line);
	c.line = (unsigned)line;
	if (is_inlined) {
		if (!dwarf_entry_of(d, &addr))
			return;
		c.die = dwarf_die_offset(w->f, d);
	} else if (!dwarf_attr(d, DW_AT_call_return_pc, &a) ?
		   dwarf_formaddr(dwarf_attr(d, DW_AT_low_pc, &a), &addr) :
		   dwarf_formaddr(&a, &addr)) {
		return;
	}
	c.addr = addr;
	c.is_tail = dwarf_hasattr(d, DW_AT_call_tail_call) ||
		dwarf_hasattr(d, DW_AT_GNU_tail_call);
	w->each(w->arg, &c);
}

static void walk_calls(const struct call_walk *w, Dwarf_Die *code)
{
	Dwarf_Attribute a;
	Dwarf_Die d, of;

	if (dwarf_child(code, &d))
		return;
	do {
		switch (dwarf_tag(&d)) {
		case DW_TAG_lexical_block:
			walk_calls(w, &d);
			break;
		case DW_TAG_inlined_subroutine:
			if (dwarf_formref_die(dwarf_attr(&d,
					DW_AT_abstract_origin, &a), &of))
				tell_call(w, &d, &of, true);
			break;
		case DW_TAG_call_site:
		case DW_TAG_GNU_call_site:
			if (dwarf_formref_die(dwarf_attr(&d, DW_AT_call_origin,
							 &a), &of) ||
			    dwarf_formref_die(dwarf_attr(&d,
					DW_AT_abstract_origin, &a), &of))
				tell_call(w, &d, &of, false);
			break;
		}
	} while (!dwarf_siblingof(&d, &d));
}

void dwarf_calls(struct facts *f, uint64_t die,
		 void (*each)(void *arg, const struct call *c), void *arg)
{
	struct call_walk w = { f, each, arg };
	Dwarf_Die d;

	if (dwarf_die_at(f, die, &d))
		walk_calls(&w, &d);
}
