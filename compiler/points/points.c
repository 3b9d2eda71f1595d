/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * points.c - probe points become sites. In: probes whose aliases are expanded.
 * Out: j->sites, in the order of the script. Holds afterwards: every point
 * that is not optional has a site at least, or was complained of.
 *
 * A point is matched against the shapes of all families; its components may
 * hold wildcards. What a shape means is its family's affair.
 */
#include "family.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const struct family *const families[] = {
	&family_begin, &family_timer, &family_data, &family_procfs, &family_perf, &family_netfilter, &family_kernel, &family_trace,
	&family_process, &family_syscall, &family_module,
	&family_tasks,
	&family_kprobe, &family_script, NULL
};

/* Points of SystemTap that have no family yet: refused, but known. */
static const char *const later[] = {
	"kernel.mark(s)",
	"python2", "debuginfod", NULL
};

enum { MAX_ARGS = 8, MAX_DEPTH = 6 };	/* depth: components of a shape */

/* --- matching a point against a pattern ------------------------------------- */

struct part {			/* of a pattern: name(s) name(n) name(n?) */
	const char *name;
	size_t len;
	char arg;		/* 's', 'n' or 0 */
	bool arg_optional;
};

/* The next part of a pattern; *p moves behind it. false: the end. */
static bool next_part(const char **p, struct part *out)
{
	const char *s = *p;

	if (!*s)
		return false;
	*out = (struct part){ .name = s, .len = strcspn(s, ".(") };
	s += out->len;
	if (*s == '(') {
		out->arg = s[1];
		out->arg_optional = s[2] == '?';
		s = strchr(s, ')') + 1;
	}
	*p = *s == '.' ? s + 1 : s;
	return true;
}

static bool name_matches(struct job *j, const struct component *c,
			 const struct part *part)
{
	return glob_match(c->name, arena_strndup(&j->mem, part->name,
						 part->len));
}

static bool arg_matches(const struct component *c, const struct part *part)
{
	if (!c->arg)
		return !part->arg || part->arg_optional;
	return part->arg && c->arg->kind ==
		(part->arg == 's' ? X_STRING : X_NUMBER);
}

enum fit {
	FIT,
	FIT_NAMES,		/* but for an argument */
	FIT_NOT,
};

/* *bad: the first component that does not fit, the last one if too few. */
static enum fit match(struct job *j, const struct point *pt,
		      const char *pattern, struct expr **args,
		      const struct component **bad, size_t *depth)
{
	const struct component *c = pt->parts, *last = c;
	const char *p = pattern;
	struct part part;
	enum fit fit = FIT;
	size_t n = 0;

	*bad = NULL;
	for (*depth = 0; next_part(&p, &part); (*depth)++) {
		if (!c || !name_matches(j, c, &part)) {
			*bad = c ? c : last;
			return FIT_NOT;
		}
		if (!arg_matches(c, &part)) {
			if (fit == FIT)
				*bad = c;
			fit = FIT_NAMES;
		}
		if (part.arg && n < MAX_ARGS)
			args[n++] = c->arg;
		last = c;
		c = c->next;
	}
	if (c)
		*bad = c;
	return c ? FIT_NOT : fit;
}

/* --- what is wrong with a point that fits nothing ------------------------------ */

struct misfit {
	struct job *j;
	const struct point *pt;
	const struct component *bad;	/* furthest one got */
	size_t depth;
	const char *pattern;		/* whose names fit */
	VEC(const char *) could;	/* names that could stand there */
};

static void could_be(struct misfit *m, const char *pattern, size_t depth)
{
	struct part part;
	const char *name;
	size_t i;

	for (; next_part(&pattern, &part); depth--) {
		if (depth)
			continue;
		name = arena_strndup(&m->j->mem, part.name, part.len);
		for (i = 0; i < m->could.n; i++)
			if (!strcmp(m->could.v[i], name))
				return;
		vec_push(&m->j->mem, &m->could, name);
		return;
	}
}

static void consider(struct misfit *m, const char *pattern)
{
	struct expr *args[MAX_ARGS] = { NULL };
	const struct component *bad;
	size_t depth;
	enum fit fit = match(m->j, m->pt, pattern, args, &bad, &depth);

	if (fit == FIT_NAMES && m->pattern && bad == m->pt->parts)
		return;		/* another says more */
	if (fit == FIT_NAMES) {
		m->pattern = pattern;
		m->bad = bad;
		return;
	}
	if (m->pattern || depth < m->depth)
		return;
	if (depth > m->depth)
		m->could.n = 0;
	m->depth = depth;
	m->bad = bad;
	could_be(m, pattern, depth);
}

/* " (similar: a, b)": names near that, all if they are few. */
static const char *near_names(struct misfit *m)
{
	struct text t = { .mem = &m->j->mem };
	size_t i;

	for (i = 0; i < m->could.n; i++)
		if (m->depth ||
		    edit_distance(m->bad->name, m->could.v[i], 2) <= 2)
			text_printf(&t, "%s%s", t.n ? ", " : "",
				    m->could.v[i]);
	return t.n ? arena_printf(&m->j->mem, " (similar: %s)", t.s) : "";
}

/* Does the point begin with that pattern, arguments and all? */
static bool begins_with(struct job *j, const struct point *pt,
			const char *pattern)
{
	const struct component *c = pt->parts;
	struct part part;

	for (; next_part(&pattern, &part); c = c->next)
		if (!c || !name_matches(j, c, &part) || !arg_matches(c, &part))
			return false;
	return true;
}

/* Did all of its components fit, and more were wanted? */
static bool ends_early(const struct point *pt, size_t depth)
{
	const struct component *c;

	for (c = pt->parts; c && depth; c = c->next)
		depth--;
	return !c;
}

static bool complain_misfit(struct job *j, const struct point *pt)
{
	struct misfit m = { .j = j, .pt = pt, .bad = pt->parts };
	bool is_known = false;
	const struct family *const *f;
	const struct shape *s;
	const struct probe *a;
	size_t i;

	for (f = families; *f; f++)
		for (s = (*f)->shapes; s->pattern; s++)
			consider(&m, s->pattern);
	for (i = 0; later[i]; i++)
		is_known |= begins_with(j, pt, later[i]);
	for (a = j->script->aliases; a; a = a->next)
		if (!m.depth)
			could_be(&m, a->alias->name, 0);
	if (is_known && !m.pattern)
		return complain(j, pt->at, E_UNSUPPORTED,
				"this probe point is not supported yet");
	if (m.pattern)
		return complain(j, m.bad->at, E_PROBE_ARG,
				"the argument of '%s' does not fit %s",
				m.bad->name, m.pattern);
	if (m.depth && ends_early(pt, m.depth))
		return complain(j, m.bad->at, E_UNKNOWN_PROBE,
				"no probe point ends with '%s'%s",
				m.bad->name, near_names(&m));
	return complain(j, m.bad->at, E_UNKNOWN_PROBE,
			"no probe point has '%s' there%s", m.bad->name,
			near_names(&m));
}

/* --- expanding ---------------------------------------------------------------- */

struct site *site_new(struct job *j, struct probe *pr, struct point *pt,
		      const struct family *f, enum attach attach,
		      const char *name)
{
	struct site *s = NEW(&j->mem, struct site);

	s->probe = pr;
	s->point = pt;
	s->family = f;
	s->attach = attach;
	s->name = name;
	vec_push(&j->mem, &j->sites, s);
	return s;
}

bool site_missing(struct job *j, const struct point *pt, struct span at,
		  const char *fmt, ...)
{
	const char *said;
	va_list ap;

	va_start(ap, fmt);
	said = arena_vprintf(&j->mem, fmt, ap);
	va_end(ap);
	cover_complaint(j, E_NO_MATCH, said);
	if (pt->optional || pt->sufficient)
		return true;
	return may_be_missing(j, at, said);
}

void site_left(struct job *j, const char *what, const char *why)
{
	cover_left(j, what, why);
	if (j->opt->listing && j->opt->verbose)
		fprintf(stderr, "left out: %s: %s\n", what, why);
}

bool event_possible(struct job *j, const struct point *pt)
{
	if (target_features(j->target)->perf_events)
		return true;
	if (j->engine == ENGINE_MODULE)
		return complain(j, pt->at, E_ENGINE, "kernel \"%s\" has no "
				"perf events (CONFIG_PERF_EVENTS)",
				target_name(j->target));
	return complain(j, pt->at, E_ENGINE, "kernel \"%s\" has no perf "
			"events that run BPF (CONFIG_PERF_EVENTS and "
			"CONFIG_BPF_EVENTS); the module engine will do it",
			target_name(j->target));
}

/* With n components "*" in the place of the one that "**" ends. */
static struct point *stretched(struct job *j, const struct point *pt,
			       const struct component *deep, size_t n)
{
	struct point *p = NEW(&j->mem, struct point);
	struct component **end = &p->parts;
	const struct component *c;

	*p = *pt;
	for (c = pt->parts; c; c = c->next) {
		size_t i, len = strlen(c->name), copies = c == deep ? n : 1;

		for (i = 0; i < copies; i++, end = &(*end)->next) {
			*end = NEW(&j->mem, struct component);
			**end = *c;
			if (c == deep)
				(*end)->name = i ? "*" : arena_strndup(&j->mem,
							c->name, len - 1);
		}
	}
	*end = NULL;
	return p;
}

static const struct component *deep_part(const struct point *pt)
{
	const struct component *c;
	const char *stars;

	for (c = pt->parts; c; c = c->next) {
		stars = strstr(c->name, "**");
		if (stars && !stars[2] && !c->arg)
			break;
	}
	return c;
}

/* Sites of each shape that the point fits; *any: there was one. */
static bool expand_shapes(struct job *j, struct probe *pr, struct point *pt,
			  bool *any)
{
	const struct component *bad, *deep = deep_part(pt);
	const struct family *const *f;
	const struct shape *s;
	bool ok = true;
	size_t depth;

	for (depth = 1; deep && depth <= MAX_DEPTH; depth++)
		ok &= expand_shapes(j, pr, stretched(j, pt, deep, depth), any);
	if (deep)
		return ok;
	for (f = families; *f; f++)
		for (s = (*f)->shapes; s->pattern; s++) {
			struct expr *args[MAX_ARGS] = { NULL };

			if (match(j, pt, s->pattern, args, &bad, &depth) !=
			    FIT)
				continue;
			*any = true;
			ok &= s->expand(j, pr, pt, s, args);
		}
	return ok;
}

static bool expand_point(struct job *j, struct probe *pr, struct point *pt)
{
	bool any = false, ok = expand_shapes(j, pr, pt, &any);

	if (any)
		return ok;
	return pt->optional || complain_misfit(j, pt);
}

bool expand_points(struct job *j)
{
	struct probe *pr;
	struct point *pt;
	bool ok = true;
	size_t before;

	for (pr = j->script->probes; pr; pr = pr->next)
		for (pt = pr->points; pt; pt = pt->next) {
			cover_point(j, pt);
			if (!use_wanted(pt->use)) {
				cover_skipped(j);
				continue;
			}
			before = j->sites.n;
			ok &= expand_point(j, pr, pt);
			use_found(pt->use, j->sites.n - before);
			if (pt->sufficient && j->sites.n > before)
				break;
		}
	cover_point(j, NULL);
	return uses_found(j) && ok;
}

/* --- as text ---------------------------------------------------------------------- */

static const char *attach_name(enum attach a)
{
	switch (a) {
	case AT_BEGIN: return "begin";
	case AT_END: return "end";
	case AT_ERROR: return "error";
	case AT_NEVER: return "never";
	case AT_TIMER: return "timer";
	case AT_KPROBE: return "kprobe";
	case AT_KRETPROBE: return "kretprobe";
	case AT_FENTRY: return "fentry";
	case AT_FEXIT: return "fexit";
	case AT_RAW_TP: return "raw_tp";
	case AT_TASKS: return "tasks";
	case AT_UPROBE: return "uprobe";
	case AT_URETPROBE: return "uretprobe";
	case AT_PERF_EVENT: return "perf_event";
	case AT_NETFILTER: return "netfilter";
	case AT_FILE_READ: return "read";
	case AT_FILE_WRITE: return "write";
	case AT_SYSCALL: return "syscall";
	}
	bug("attach %d", (int)a);
}

static void dump_loc(FILE *out, const struct loc *l)
{
	static const char *const ops[] = {
		[L_REG] = "reg", [L_ARG] = "arg", [L_NUM] = "num",
		[L_ADDR] = "addr", [L_LOAD] = "load", [L_PLUS] = "plus",
		[L_MINUS] = "minus", [L_MUL] = "mul", [L_DIV] = "div",
		[L_MOD] = "mod", [L_AND] = "and", [L_OR] = "or",
		[L_XOR] = "xor", [L_SHL] = "shl", [L_SHR] = "shr",
		[L_SHRA] = "shra", [L_NEG] = "neg", [L_NOT] = "not",
		[L_DUP] = "dup", [L_SWAP] = "swap", [L_DROP] = "drop",
		[L_OVER] = "over", [L_EQ] = "eq", [L_NE] = "ne",
		[L_LT] = "lt", [L_LE] = "le", [L_GT] = "gt", [L_GE] = "ge",
		[L_ABS] = "abs", [L_ROT] = "rot",
	};
	static const char *const kinds[] = {
		[LOC_ABSENT] = "optimised away", [LOC_VALUE] = "value",
		[LOC_MEMORY] = "memory at", [LOC_PIECES] = "pieces",
	};
	size_t i;

	fputs(kinds[l->kind], out);
	for (i = 0; i < l->nsteps; i++) {
		fprintf(out, " %s", ops[l->steps[i].op]);
		if (l->steps[i].op <= L_LOAD)
			fprintf(out, l->steps[i].op == L_ADDR ? " 0x%jx" :
				" %jd", (intmax_t)l->steps[i].n);
	}
	for (i = 0; i < l->npieces; i++) {
		fprintf(out, " [%u bits: ", l->pieces[i].bits);
		dump_loc(out, l->pieces[i].loc);
		fputc(']', out);
	}
}

static void dump_variable(FILE *out, const struct variable *v)
{
	fprintf(out, "\t$%s: %s, ", v->name, v->type->name);
	dump_loc(out, &v->loc);
	if (v->abi_arg >= 0)
		fprintf(out, ", argument %d", v->abi_arg);
	fputc('\n', out);
}

static void dump_event(const struct site_event *e, FILE *out)
{
	if (e->length)
		fprintf(out, "\tbreakpoint %u, %u bytes at 0x%jx%s\n",
			e->access, e->length, (uintmax_t)e->addr,
			e->is_linked ? ", linked" : "");
	else
		fprintf(out, "\tevent %u:%ju, %ju %s%s\n", e->type,
			(uintmax_t)e->config, (uintmax_t)e->rate,
			e->per_second ? "a second" : "from hit to hit",
			e->of_target ? ", of the target" : "");
}

static void dump_site(struct job *j, const struct site *s, FILE *out)
{
	struct variable *v;
	size_t i;

	fprintf(out, "%s %s\n", attach_name(s->attach), s->name);
	if (s->timer_ns) {
		fprintf(out, "\tevery %ju ns", (uintmax_t)s->timer_ns);
		if (s->timer_random_ns)
			fprintf(out, " +- %ju ns",
				(uintmax_t)s->timer_random_ns);
		fputc('\n', out);
	}
	if (s->attach == AT_NETFILTER)
		fprintf(out, "\tfamily %u, hook %ju, priority %jd\n",
			s->event->type, (uintmax_t)s->event->config,
			(intmax_t)s->event->rate);
	else if (s->event)
		dump_event(s->event, out);
	if (s->file)
		fprintf(out, "\tfile %s, mode %04o, at most %u bytes\n",
			s->file->path, s->file->mode, s->file->max_size);
	if (s->order)
		fprintf(out, "\torder %jd\n", (intmax_t)s->order);
	if (s->maxactive)
		fprintf(out, "\tmaxactive %jd\n", (intmax_t)s->maxactive);
	if (s->point->condition)
		fprintf(out, "\tif a condition holds\n");
	for (i = 0; s->tp && !s->given && i < s->tp->nargs; i++)
		fprintf(out, "\t$%s: %s\n", s->tp->args[i].name,
			s->tp->args[i].type->name);
	for (i = 0; s->given && i < s->given->n; i++)
		dump_variable(out, &s->given->v[i]);
	if (s->semaphore)
		fprintf(out, "\tsemaphore at 0x%jx of the file\n",
			(uintmax_t)s->semaphore);
	if (!s->place || s->no_variables)
		return;
	if (s->is_user)
		fprintf(out, "\tin %s\n", s->place->func->bin->name);
	if (s->place->when == AT_PC)
		fprintf(out, "\tat 0x%jx\n", (uintmax_t)s->place->addr);
	if (s->given)
		return;
	for (i = 0; (v = place_variable_at(j->target, s->place, i)); i++)
		dump_variable(out, v);
	v = s->is_return ? place_return(j->target, s->place) : NULL;
	if (v)
		dump_variable(out, v);
}

void dump_sites(struct job *j, FILE *out)
{
	size_t i;

	for (i = 0; i < j->sites.n; i++)
		dump_site(j, j->sites.v[i], out);
}
