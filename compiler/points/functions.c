/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * functions.c - functions, statements, labels and calls by DWARF, of a kernel,
 * a module or a program: what stands behind kernel., module(). and process().
 * In: a pattern and one binary. Out: sites named as SystemTap names them.
 *
 * A pattern is NAME, NAME@FILE, NAME@FILE:LINES or NAME@FILE+LINE; LINES are
 * '*' or numbers and ranges with commas between, "+N" counting from the line
 * that the function is declared in.
 */
#include "functions_in.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* --- patterns --------------------------------------------------------------- */

static bool has_wildcard(const char *s)
{
	return strpbrk(s, "*?[") != NULL;
}

/* "12", "+12": *p moves behind it. */
static bool take_line(const char **p, unsigned *line, bool *relative)
{
	char *end;

	*relative = **p == '+';
	*p += *relative;
	if (!isdigit((unsigned char)**p))
		return false;
	*line = (unsigned)strtoul(*p, &end, 10);
	*p = end;
	return true;
}

static bool take_range(struct job *j, const char **p, struct func_pattern *out)
{
	struct line_range r;
	bool relative;

	if (!take_line(p, &r.from, &r.relative))
		return false;
	r.to = r.from;
	if (**p == '-') {
		++*p;
		if (!take_line(p, &r.to, &relative) ||
		    (relative && !r.relative) || r.to < r.from)
			return false;
	}
	vec_push(&j->mem, &out->ranges, r);
	return **p == ',' ? take_range(j, (++*p, p), out) : !**p;
}

/* Where the lines begin that follow a file's name, or NULL. */
static char *lines_of(char *file)
{
	char *colon = strrchr(file, ':'), *plus = strrchr(file, '+');

	if (colon)
		return colon;
	return plus && isdigit((unsigned char)plus[1]) ? plus : NULL;
}

static bool take_lines(struct job *j, char *file, struct func_pattern *out)
{
	char *lines = lines_of(file);
	const char *p;
	bool ok;

	if (!lines)
		return true;
	p = *lines == '+' ? arena_strdup(&j->mem, lines) : lines + 1;
	*lines = 0;
	out->all_lines = !strcmp(p, "*");
	ok = out->all_lines || take_range(j, &p, out);
	return ok || complain(j, out->arg->at, E_PROBE_ARG, "no line number "
			      "behind ':' in \"%s\": 12, +12, 12-20, 12,15-20 "
			      "and * are", out->arg->str);
}

bool func_pattern(struct job *j, struct expr *arg, struct func_pattern *out)
{
	char *at, *s = arena_strdup(&j->mem, arg->str);

	*out = (struct func_pattern){ .arg = arg, .name = s };
	at = strchr(s, '@');
	if (at) {
		*at = 0;
		out->file = at + 1;
		if (!take_lines(j, at + 1, out))
			return false;
	}
	if (!*s)
		return complain(j, arg->at, E_PROBE_ARG,
				"no function's name in \"%s\"", arg->str);
	out->is_exact = !has_wildcard(s);
	return true;
}

/* Is that line of f's file asked for? */
static bool line_matches(const struct func_pattern *p, const struct func *f,
			 unsigned line)
{
	size_t i;

	for (i = 0; i < p->ranges.n; i++) {
		const struct line_range *r = &p->ranges.v[i];
		unsigned from = r->relative ? f->line : 0;

		if (line >= from + r->from && line <= from + r->to)
			return true;
	}
	return p->all_lines;
}

/* --- functions that match ------------------------------------------------------ */

struct func_search {
	struct job *j;
	const struct func_pattern *p;
	struct func_list *out;
};

static bool file_matches(struct job *j, const char *glob, const char *file)
{
	return file && (glob_match(glob, file) ||
			glob_match(arena_printf(&j->mem, "*/%s", glob), file));
}

bool func_file_matches(struct job *j, const struct func_pattern *p,
		       const struct func *f)
{
	return !p->file || file_matches(j, p->file, f->file);
}

static void leave(struct job *j, struct func_list *out, const struct func *f,
		  const char *why)
{
	site_left(j, f->bin->kind != BIN_MODULE ? func_place_name(j, f) :
		  arena_printf(&j->mem, "%s:%s", f->bin->name,
			       func_place_name(j, f)), why);
	if (!out->left)
		out->left = arena_printf(&j->mem, "%s (%s:%u): %s", f->name,
					 f->file ? f->file : "?", f->line, why);
}

static void consider_func(void *arg, struct func *f)
{
	struct func_search *q = arg;
	const struct func_pattern *p = q->p;
	struct func_list *out = q->out;

	if (!func_file_matches(q->j, p, f))
		return;
	if (f->is_inline_only)
		vec_push(&q->j->mem, &out->inlined, f);
	else if (f->forbidden)
		leave(q->j, out, f, f->forbidden);
	else if (!out->v.n || out->v.v[out->v.n - 1]->addr != f->addr ||
		 !f->addr)
		vec_push(&q->j->mem, &out->v, f);
}

static void search(struct job *j, struct binary *b,
		   const struct func_pattern *p, struct func_list *out)
{
	struct func_search q = { j, p, out };

	target_functions(j->target, b, p->name, consider_func, &q);
}

static size_t count_declared(const struct func_pattern *p, struct func **v,
			     size_t n)
{
	size_t i, found = 0;

	for (i = 0; i < n; i++)
		found += line_matches(p, v[i], v[i]->line);
	return found;
}

static size_t those_declared(const struct func_pattern *p, struct func **v,
			     size_t n)
{
	size_t i, kept = 0;

	for (i = 0; i < n; i++)
		if (line_matches(p, v[i], v[i]->line))
			v[kept++] = v[i];
	return kept;
}

/*
 * Those declared in the lines of p, if it has any. Where none is that goes by
 * that very name, its line counts for nothing, as with SystemTap: in another
 * version of the kernel the function has moved.
 */
static void keep_declared(const struct func_pattern *p, struct func_list *out)
{
	if (!p->ranges.n || (p->is_exact &&
	    !count_declared(p, out->v.v, out->v.n) &&
	    !count_declared(p, out->inlined.v, out->inlined.n)))
		return;
	out->v.n = those_declared(p, out->v.v, out->v.n);
	out->inlined.n = those_declared(p, out->inlined.v, out->inlined.n);
}

void func_find(struct job *j, struct binary *b, const struct func_pattern *p,
	       struct func_list *out)
{
	search(j, b, p, out);
	keep_declared(p, out);
	if (!out->v.n && out->inlined.n)
		leave(j, out, out->inlined.v[0],
		      "it was inlined wherever it is called");
}

const char *func_place_name(struct job *j, const struct func *f)
{
	if (!f->file)
		return f->name;
	return arena_printf(&j->mem, "%s@%s:%u", f->name, f->file, f->line);
}

const char *func_similar(struct job *j, struct binary *b,
			 const struct func_pattern *p)
{
	struct text t = { .mem = &j->mem };
	const char *near[5];
	size_t i, n;

	n = p->is_exact ? target_similar(j->target, b, p->name, near,
					 COUNT_OF(near)) : 0;
	for (i = 0; i < n; i++)
		if (strcmp(near[i], p->name))
			text_printf(&t, "%s%s", t.n ? ", " : "", near[i]);
	return t.n ? arena_printf(&j->mem, " (similar: %s)", t.s) : "";
}

/* --- sites -------------------------------------------------------------------- */

static bool is_program(const struct func_query *q)
{
	return q->b->kind == BIN_PROGRAM;
}

/* The binary, as a message begins. */
static const char *where(const struct find *f)
{
	if (f->q->b->kind == BIN_MODULE)
		return arena_printf(&f->j->mem, "module \"%s\" of kernel "
				    "\"%s\"", f->q->b->name,
				    target_name(f->j->target));
	return f->q->b->kind == BIN_PROGRAM ? f->q->b->name :
		arena_printf(&f->j->mem, "kernel \"%s\"",
			     target_name(f->j->target));
}

/* A kernel that can probe there at all. */
static bool can_probe(struct find *f, const struct place *p)
{
	const struct kernel_features *k = target_features(f->j->target);
	const struct func *fn = p->func;
	struct point *pt = f->q->pt;

	if (is_program(f->q) ? k->uprobes : k->kprobes ||
	    (k->fentry && fn->traceable && fn->btf_id && p->when != AT_PC))
		return true;
	f->failed = true;
	if (pt->optional)
		return false;
	if (is_program(f->q))
		return complain(f->j, pt->at, E_ENGINE, "kernel \"%s\" has no "
				"uprobes", target_name(f->j->target));
	return complain(f->j, pt->at, E_ENGINE, "kernel \"%s\" cannot probe "
			"function %s: it has no kprobes%s",
			target_name(f->j->target), fn->name,
			!k->fentry ? " and no fentry" : p->when == AT_PC ?
			", and fentry does not stop within one" :
			", and fentry does not suit the function");
}

/* What keeps the kernel from probing there; NULL: nothing known. */
static const char *refused(const struct find *f, const struct place *p)
{
	const char *symbol;
	uint64_t offset;

	if (is_program(f->q) && p->when == AT_RETURN &&
	    target_moves_stacks(f->q->b))
		return "Go moves its stacks, a return probe would break it";
	if (is_program(f->q))
		return target_why_not(f->j->target, f->q->b, p->addr);
	if (p->code && p->code->forbidden)
		return p->code->forbidden;
	if (f->q->what & FN_RETURN && p->func->addr && !p->func->is_unique &&
	    !target_is_symbol(f->j->target, f->q->b, p->func->addr))
		return "its symbol is that of a function which replaces it";
	if (f->q->b->kind == BIN_MODULE &&
	    !target_anchor(f->j->target, f->q->b, p->addr, &symbol, &offset))
		return "no symbol before it has its name alone";
	return p->when == AT_PC ? target_why_not(f->j->target, f->q->b,
						 p->addr) : NULL;
}

struct site *func_site(struct find *f, struct place *p, const char *name)
{
	const struct func_query *q = f->q;
	bool ret = q->what & FN_RETURN, kprobes;
	const char *why = refused(f, p);
	struct site *s;

	if (why) {
		site_left(f->j, name, why);
		if (!f->left)
			f->left = arena_printf(&f->j->mem, "%s (%s:%u) at "
				"0x%jx: %s", p->func->name, p->func->file ?
				p->func->file : "?", p->func->line,
				(uintmax_t)p->addr, why);
		return NULL;
	}
	if (f->failed || !can_probe(f, p))
		return NULL;
	kprobes = target_features(f->j->target)->kprobes;
	s = site_new(f->j, q->pr, q->pt, q->family, is_program(q) ?
		     ret ? AT_URETPROBE : AT_UPROBE : kprobes ?
		     ret ? AT_KRETPROBE : AT_KPROBE :
		     ret ? AT_FEXIT : AT_FENTRY, name);
	s->is_user = is_program(q);
	s->is_return = ret;
	s->maxactive = q->maxactive ? q->maxactive->num : 0;
	s->place = p;
	f->sites++;
	return s;
}

/* What follows function(...) or statement(...) in the names of sites. */
const char *func_suffix(const struct func_query *q)
{
	if (q->maxactive)
		return arena_printf(&q->j->mem, ".return.maxactive(%jd)",
				    (intmax_t)q->maxactive->num);
	if (q->what & FN_STATEMENT)
		return q->what & FN_NEAREST ? ".nearest" : "";
	return q->what & FN_RETURN ? ".return" :
		q->what & FN_EXPORTED ? ".exported" :
		!(q->what & FN_INLINED) ? ".call" :
		!(q->what & FN_COPY) ? ".inline" : "";
}

static const char *site_name(const struct find *f, const char *at)
{
	return arena_printf(&f->j->mem, "%s.%s(\"%s\")%s", f->q->prefix,
			    f->q->what & FN_STATEMENT ? "statement" :
			    "function", at, func_suffix(f->q));
}

/* kernel.function(0xffffffff81234560) */
static const char *number_name(const struct find *f, uint64_t addr)
{
	return arena_printf(&f->j->mem, "%s.%s(0x%jx)%s", f->q->prefix,
			    f->q->what & FN_STATEMENT ? "statement" :
			    "function", (uintmax_t)addr, func_suffix(f->q));
}

static void entry_site(struct find *f, const struct code *c, const char *name)
{
	struct target *t = f->j->target;

	func_site(f, f->q->what & FN_RETURN ? target_place(t, c->func,
							  AT_RETURN) :
		 target_place_at(t, c, c->addr), name);
}

static void take_code(void *arg, const struct code *c)
{
	struct find *f = arg;

	vec_push(&f->j->mem, &f->code, *c);
}

static void gather_code(struct find *f)
{
	struct target *t = f->j->target;
	int what = f->q->what & FN_CALLEE ? FN_COPY | FN_INLINED : f->q->what;
	size_t i;

	for (i = 0; what & FN_COPY && i < f->found.v.n; i++)
		if (!(what & FN_EXPORTED) || !f->found.v.v[i]->is_static)
			target_code(t, f->found.v.v[i], take_code, f);
	for (i = 0; what & FN_INLINED && i < f->found.inlined.n; i++)
		target_code(t, f->found.inlined.v[i], take_code, f);
}

static void entries(struct find *f)
{
	const struct func *of = NULL;
	const char *name = NULL;
	size_t i, before = 0;

	for (i = 0; i < f->code.n; i++) {
		const struct code *c = &f->code.v[i];

		if (c->func != of) {
			of = c->func;
			name = site_name(f, func_place_name(f->j, of));
			before = f->sites;
		} else if (f->sites > before &&
			   f->j->opt->listing == LIST_POINTS) {
			continue;	/* it is on the list */
		}
		entry_site(f, c, name);
	}
	for (i = 0; !(f->q->what & FN_INLINED) && i < f->found.v.n; i++)
		if (f->found.v.v[i]->is_also_inlined)
			cover_partly(f->j, "inlined in some places too, which "
				     "are not probed");
	if (f->q->what & FN_RETURN && f->p.is_exact)
		for (i = 0; i < f->found.v.n; i++)
			if (f->found.v.v[i]->is_also_inlined)
				warn_at(f->j, f->p.arg->at, "function %s was "
					"inlined in some places too; they have "
					"no return to probe",
					f->found.v.v[i]->name);
}

/* --- statements ------------------------------------------------------------------ */

/*
 * With ':*' a function's lines are those up to where the next one of its file
 * is declared: what is inlined into it has lines elsewhere. Of an inlined one
 * the line of its name is the call.
 */
static bool is_own_line(struct find *f, const struct code *c, unsigned line,
			unsigned next)
{
	return !f->p.all_lines || (line >= c->func->line + c->is_inlined &&
				     line < next);
}

static int mark_order(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	if (x->row.addr != y->row.addr)
		return x->row.addr < y->row.addr ? -1 : 1;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* Rows asked for, by address, of which each has one line: the first found
   with ':*', the lowest else. */
static void mark_rows(struct find *f)
{
	struct target *t = f->j->target;
	struct mark *v;
	struct row *rows;
	unsigned next;
	size_t i, k, n;

	for (i = 0; i < f->code.n; i++) {
		const struct code *c = &f->code.v[i];

		n = target_rows(t, c, &rows);
		next = f->p.all_lines ? target_next_line(t, f->q->b, c->func) :
			0;
		for (k = 0; k < n; k++)
			if (line_matches(&f->p, c->func, rows[k].line) &&
			    is_own_line(f, c, rows[k].line, next))
				vec_push(&f->j->mem, &f->marks, ((struct mark){
					 rows[k], f->p.all_lines ?
					 f->marks.n : rows[k].line }));
	}
	v = f->marks.v;
	if (!f->marks.n)
		return;
	qsort(v, f->marks.n, sizeof(*v), mark_order);
	for (i = n = 0; i < f->marks.n; i++)
		if (!n || v[n - 1].row.addr != v[i].row.addr)
			v[n++] = v[i];
	f->marks.n = n;
}

static size_t first_mark(const struct find *f, uint64_t addr)
{
	size_t lo = 0, hi = f->marks.n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (f->marks.v[mid].row.addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* A row is a statement of each function whose code it is in. */
static void mark_sites(struct find *f, const struct code *c)
{
	struct target *t = f->j->target;
	uint64_t low, high;
	size_t i;

	code_span(c, &low, &high);
	for (i = first_mark(f, low); i < f->marks.n; i++) {
		const struct row *r = &f->marks.v[i].row;

		if (r->addr >= high)
			break;
		if (code_has(c, r->addr))
			func_site(f, target_place_at(t, c, r->addr),
				 site_name(f, arena_printf(&f->j->mem,
					"%s@%s:%u", c->func->name,
					c->func->file, r->line)));
	}
}

static unsigned distance(unsigned a, unsigned b)
{
	return a < b ? b - a : a - b;
}

/* Of all rows the line nearest to that one; the higher of two. 0: none. */
static unsigned nearest_line(struct find *f, unsigned line)
{
	unsigned best = 0;
	struct row *rows;
	size_t i, k, n;

	for (i = 0; i < f->code.n; i++) {
		n = target_rows(f->j->target, &f->code.v[i], &rows);
		for (k = 0; k < n; k++) {
			unsigned old = distance(best, line);
			unsigned new = distance(rows[k].line, line);

			if (!best || new < old ||
			    (new == old && rows[k].line > best))
				best = rows[k].line;
		}
	}
	return best;
}

/* Each line asked for becomes the nearest that has code. */
static void nearest_lines(struct find *f)
{
	struct func_pattern near = { .name = NULL };
	size_t i;

	for (i = 0; i < f->p.ranges.n; i++) {
		const struct line_range *r = &f->p.ranges.v[i];
		unsigned from = r->relative && f->code.n ?
			f->code.v[0].func->line : 0, n = from + r->from, best;

		for (; n <= from + r->to && n - from - r->from < 10000; n++) {
			best = nearest_line(f, n);
			if (best && !line_matches(&near, NULL, best))
				vec_push(&f->j->mem, &near.ranges,
					 ((struct line_range){ best, best,
					 false }));
		}
	}
	f->p.ranges.v = near.ranges.v;
	f->p.ranges.n = near.ranges.n;
}

static void statements(struct find *f)
{
	size_t i;

	if (!f->p.ranges.n && !f->p.all_lines) {
		entries(f);
		return;
	}
	if (f->q->what & FN_NEAREST)
		nearest_lines(f);
	mark_rows(f);
	for (i = 0; i < f->code.n; i++)
		mark_sites(f, &f->code.v[i]);
}

/* --- labels ---------------------------------------------------------------------- */

struct label_find {
	struct find *f;
	const struct code *c;
};

static void label_site(void *arg, const char *name, unsigned line,
		       uint64_t addr)
{
	struct label_find *q = arg;
	struct find *f = q->f;

	if (glob_match(f->q->extra->str, name))
		func_site(f, target_place_at(f->j->target, q->c, addr),
			 arena_printf(&f->j->mem, "%s.function(\"%s@%s:%u\")."
				      "label(\"%s\")", f->q->prefix,
				      q->c->func->name, q->c->func->file ?
				      q->c->func->file : "?", line, name));
}

static void labels(struct find *f)
{
	struct label_find q = { .f = f };
	size_t i;

	for (i = 0; i < f->code.n; i++) {
		q.c = &f->code.v[i];
		target_labels(f->j->target, q.c, label_site, &q);
	}
}

/* --- nothing found ----------------------------------------------------------------- */

/* " (it has code for lines 5, 7, 9)" near those asked for. */
static const char *lines_there(struct find *f)
{
	unsigned first = f->p.ranges.v[0].from, near, line, n = 0;
	struct text t = { .mem = &f->j->mem };

	if (f->p.ranges.v[0].relative)
		first += f->code.v[0].func->line;
	near = nearest_line(f, first);
	for (line = near > 4 ? near - 4 : 1; near && line <= near + 4; line++)
		if (nearest_line(f, line) == line)
			text_printf(&t, "%s%u", n++ ? ", " : "", line);
	return t.n ? arena_printf(&f->j->mem, " (near: %s)", t.s) : "";
}

static bool no_lines(struct find *f)
{
	return site_missing(f->j, f->q->pt, f->p.arg->at, "%s has no code for "
			    "the lines of \"%s\"%s", where(f), f->p.arg->str,
			    f->p.ranges.n ? lines_there(f) : "");
}

static const char *no_dwarf(const struct find *f)
{
	const struct binary *b = f->q->b;

	return b->has_dwarf || b->kind == BIN_KERNEL ? "" :
		arena_printf(&f->j->mem, "; it has no debuginfo (looked at %s)",
			     b->looked ? b->looked : b->file);
}

/* All that matches was of the wrong kind. */
static const char *wrong_kind(const struct find *f)
{
	int what = f->q->what;

	if (what & FN_EXPORTED)
		return "it is static";
	if (!(what & FN_INLINED) && f->found.inlined.n)
		return what & FN_RETURN ? "it was inlined wherever it is "
			"called, which has no return to probe" :
			"it was inlined wherever it is called: without .call "
			"that can be probed";
	if (!(what & FN_COPY) && f->found.v.n)
		return "it was not inlined anywhere";
	return "it was inlined nowhere and has no copy of its own";
}

static bool missing(struct find *f)
{
	const struct func_query *q = f->q;
	struct func *some = f->found.v.n ? f->found.v.v[0] :
		f->found.inlined.n ? f->found.inlined.v[0] : NULL;

	if (f->failed)
		return q->pt->optional;
	if (q->may_miss)
		return true;
	if (f->left || f->found.left)
		return site_missing(f->j, q->pt, f->p.arg->at, "%s%sfunction "
				    "%s", is_program(q) ? where(f) : "",
				    is_program(q) ? ": " : "", f->left ?
				    f->left : f->found.left);
	if (!f->code.n && some) {
		if (!(q->what & FN_EXPORTED))
			cover_gone(f->j);
		leave(f->j, &f->found, some, wrong_kind(f));
		return missing(f);
	}
	if (some && q->what & FN_STATEMENT)
		return no_lines(f);
	if (some && q->what & FN_CALLEES)
		return site_missing(f->j, q->pt, f->p.arg->at, "function %s "
				    "calls nothing by name that can be probed",
				    some->name);
	if (some)
		return site_missing(f->j, q->pt, q->extra->at, "function %s "
				    "has no %s \"%s\" there", some->name,
				    q->what & FN_LABEL ? "label" : "callee",
				    q->extra->str);
	return site_missing(f->j, q->pt, f->p.arg->at, "%s has no function "
			    "\"%s\"%s%s", where(f), f->p.arg->str,
			    func_similar(f->j, q->b, &f->p), no_dwarf(f));
}

/* --- addresses --------------------------------------------------------------------- */

/* A statement at an address is of the innermost function that is there. */
static bool statement_at(struct find *f, uint64_t addr, const struct code *c)
{
	const struct func_query *q = f->q;
	uint64_t near;

	if (!target_is_row(f->j->target, q->b, addr, &near) &&
	    !(q->what & FN_NEAREST && near))
		return complain(f->j, q->arg->at, E_PROBE_ARG, "address 0x%jx "
				"is not where a statement begins%s",
				(uintmax_t)addr, near ?
				arena_printf(&f->j->mem, "; 0x%jx is",
					     (uintmax_t)near) : "");
	addr = q->what & FN_NEAREST ? near : addr;
	func_site(f, target_place_at(f->j->target, c, addr),
		 number_name(f, addr));
	return true;
}

/* Whatever is there: the compiler cannot know, so the user must. */
static bool absolute_site(struct find *f, uint64_t addr)
{
	const struct func_query *q = f->q;
	struct site *s;

	if (!f->j->opt->guru)
		return complain(f->j, q->arg->at, E_PROBE_ARG, "an absolute "
				"address cannot be checked: only with -g");
	if (!addr)
		return complain(f->j, q->arg->at, E_PROBE_ARG,
				"0 is no address of the kernel");
	if (!target_features(f->j->target)->kprobes)
		return q->pt->optional || complain(f->j, q->pt->at, E_ENGINE,
				"kernel \"%s\" has no kprobes",
				target_name(f->j->target));
	s = site_new(f->j, q->pr, q->pt, q->family, AT_KPROBE,
		     arena_printf(&f->j->mem, "%s.statement(0x%jx).absolute",
				  q->prefix, (uintmax_t)addr));
	s->absolute = addr;
	s->no_variables = true;
	return true;
}

static bool sites_at(struct find *f)
{
	const struct func_query *q = f->q;
	uint64_t addr = (uint64_t)q->arg->num;
	struct code c;

	f->p.arg = q->arg;
	if (q->what & FN_ABSOLUTE)
		return absolute_site(f, addr);
	if (!target_code_at(f->j->target, q->b, addr, &c))
		return site_missing(f->j, q->pt, q->arg->at, "%s has no "
				    "function at 0x%jx", where(f),
				    (uintmax_t)addr);
	if (q->what & FN_STATEMENT) {
		if (!statement_at(f, addr, &c))
			return q->pt->optional;
	} else if (!(q->what & (c.is_inlined ? FN_INLINED : FN_COPY)) ||
		   (q->what & FN_EXPORTED && c.func->is_static)) {
		leave(f->j, &f->found, c.func, c.is_inlined ?
		      "it is inlined there" : q->what & FN_EXPORTED ?
		      "it is static" : "it is not inlined there");
	} else {
		entry_site(f, &c, number_name(f, c.addr));
	}
	return f->sites || missing(f);
}

static bool needs_dwarf(const struct find *f)
{
	return !(f->q->what & FN_COPY) || f->q->what & (FN_LABEL | FN_CALLEE) ||
		f->p.ranges.n || f->p.all_lines;
}

void func_arguments(struct func_query *q, struct expr **args)
{
	bool two = q->what & (FN_LABEL | FN_CALLEE);

	q->arg = args[0];
	q->extra = two ? args[1] : NULL;
	q->maxactive = q->what & FN_RETURN ? args[1 + two] : NULL;
}

bool func_sites(const struct func_query *q)
{
	struct find f = { .j = q->j, .q = q };

	if (!(q->what & FN_NUMBER) && !func_pattern(q->j, q->arg, &f.p))
		return false;
	if (q->maxactive && q->maxactive->num < 1)
		return complain(q->j, q->maxactive->at, E_PROBE_ARG,
				"maxactive must be 1 at least");
	if (q->what & FN_NUMBER)
		return sites_at(&f);
	if (!q->b->has_dwarf && needs_dwarf(&f))
		return q->may_miss || site_missing(q->j, q->pt, q->arg->at, "there is no "
				    "debuginfo of %s, which alone tells of "
				    "inlining, lines and labels", where(&f));
	search(q->j, q->b, &f.p, &f.found);
	if (!(q->what & FN_STATEMENT))
		keep_declared(&f.p, &f.found);
	gather_code(&f);
	if (q->what & FN_CALLEE && !callee_sites(&f))
		return false;
	if (q->what & FN_CALLEE)
		return f.sites || missing(&f);
	if (q->what & FN_STATEMENT)
		statements(&f);
	else if (q->what & FN_LABEL)
		labels(&f);
	else
		entries(&f);
	return f.sites ? true : missing(&f);
}
