/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * library.c - what names mean. In: the user's script as parsed. Out: every
 * probe point is a real one (aliases expanded, their bodies copied into the
 * probe), every name has its variable and every call its function, from the
 * script, the built-ins or tapsets/ *.stp, of which only the files needed are
 * there; functions and globals that nobody uses are gone. Where globals are
 * written and never read, a last `probe end` is added for check.c to fill.
 */
#include "library.h"
#include "parse.h"
#include "python.h"
#include "syscalls.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

struct tapset {
	struct source *src;
	struct script script;
	bool pulled;
	struct tapset *next;
};

struct lib {
	struct job *j;
	struct script *script;
	struct tapset *tapsets;
	bool tapsets_read;
	struct dict syscalls;	/* whose aliases are made */
	/* aliases that there are, all and by their first part; not for long:
	   what is pulled or made changes it */
	struct arena index;
	struct known_aliases known;
	struct dict heads;
	bool indexed;
	/* the body being resolved */
	struct probe *probe;
	struct function *fn;
	bool globals_only;
};

enum usage { READ, WRITE, READ_WRITE, EFFECT };

static void resolve_expr(struct lib *l, struct expr *e, enum usage use);
static void resolve_stmts(struct lib *l, struct stmt *s);

/* --- tapsets ---------------------------------------------------------------- */

static void read_tapset(struct lib *l, const char *path)
{
	struct arena *mem = &l->j->mem;
	struct tapset *t = NEW(mem, struct tapset), **end = &l->tapsets;

	t->src = NEW(mem, struct source);
	t->src->name = path;
	t->src->is_tapset = true;
	t->src->text = read_file(mem, path, &t->src->size);
	if (!t->src->text)
		die("%s: %m", path);
	parse_source(l->j, t->src, &t->script);
	while (*end)
		end = &(*end)->next;
	*end = t;
}

/* `wanted`: a folder that -I named. */
static void read_folder(struct lib *l, const char *dir, bool wanted)
{
	struct dirent **names;
	int i, n = scandir(dir, &names, NULL, alphasort);

	if (n < 0 && (wanted || errno != ENOENT))
		die("%s: %m", dir);
	for (i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.' &&
		    glob_match("*.stp", names[i]->d_name))
			read_tapset(l, arena_printf(&l->j->mem, "%s/%s", dir,
						    names[i]->d_name));
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

/* All tapsets, read when the first name is missed. */
static struct tapset *tapsets(struct lib *l)
{
	const char *share = l->j->opt->share_dir;
	struct utsname host;
	size_t i;

	if (l->tapsets_read)
		return l->tapsets;
	l->tapsets_read = true;
	for (i = 0; i < l->j->opt->tapset_dirs.n; i++)
		read_folder(l, l->j->opt->tapset_dirs.v[i], true);
	if (!share)
		return l->tapsets;
	read_folder(l, arena_printf(&l->j->mem, "%s/tapsets", share), false);
	if (uname(&host) == 0)
		read_folder(l, arena_printf(&l->j->mem, "%s/tapsets/arch/%s",
					    share, host.machine), false);
	return l->tapsets;
}

#define APPEND(list, more) do { \
	__typeof__(&(list)) end_ = &(list); \
	while (*end_) \
		end_ = &(*end_)->next; \
	*end_ = (more); \
} while (0)

static void check_unique(struct lib *l, const struct var *more);

void library_pull(struct lib *l, struct tapset *t)
{
	if (t->pulled)
		return;
	t->pulled = true;
	l->indexed = false;
	check_unique(l, t->script.globals);
	APPEND(l->script->embedded, t->script.embedded);
	APPEND(l->script->globals, t->script.globals);
	APPEND(l->script->functions, t->script.functions);
	APPEND(l->script->aliases, t->script.aliases);
	APPEND(l->script->probes, t->script.probes);
}

/* --- looking up -------------------------------------------------------------- */

static bool visible(const char *name, bool is_private, const struct source *of,
		    const char *wanted, const struct source *from)
{
	return !strcmp(name, wanted) && (!is_private || of == from);
}

static struct var *known_global(struct lib *l, const struct expr *e)
{
	struct var *v, *got = NULL;

	for (v = l->script->globals; v; v = v->next) {
		/* what an alias or a tapset's function sets is no global
		   of the script's */
		if (e->at.src->is_tapset && !v->src->is_tapset)
			continue;
		if (visible(v->name, v->is_private, v->src, e->str, e->at.src) &&
		    (!got || v->is_private))
			got = v;
	}
	return got;
}

/* Also one of a tapset that is not here yet. */
static struct var *find_global(struct lib *l, const struct expr *e)
{
	struct var *got = known_global(l, e), *v;
	struct tapset *t;

	for (t = tapsets(l); t && !got; t = t->next)
		for (v = t->script.globals; v && !t->pulled; v = v->next)
			if (!v->is_private && !strcmp(v->name, e->str)) {
				library_pull(l, t);
				got = v;
				break;
			}
	return got;
}

static struct var *find_local(struct var *v, const char *name)
{
	while (v && strcmp(v->name, name))
		v = v->next;
	return v;
}

/* Two public globals of one name, or two of one file. */
static void check_unique(struct lib *l, const struct var *more)
{
	const struct var *v, *w;

	for (v = more; v; v = v->next)
		for (w = l->script->globals; w && w != v; w = w->next) {
			if (strcmp(v->name, w->name) || (v->src != w->src &&
			    (v->is_private || w->is_private)))
				continue;
			complain(l->j, v->at, E_REDEFINED,
				 "duplicate global '%s'", v->name);
			note_at(l->j, w->at, "first declared");
		}
}

void similar_add(struct similar *s, const char *wanted, const char *name)
{
	unsigned cap = (unsigned)(strlen(wanted) + 1) / 3, d, i;

	d = edit_distance(wanted, name, cap);
	if (d > cap || !d)
		return;
	for (i = 0; i < s->n; i++)
		if (!strcmp(s->names[i], name))
			return;
	for (i = s->n; i > 0 && s->far[i - 1] > d; i--)
		if (i < COUNT_OF(s->names)) {
			s->names[i] = s->names[i - 1];
			s->far[i] = s->far[i - 1];
		}
	if (i < COUNT_OF(s->names)) {
		s->names[i] = name;
		s->far[i] = d;
		s->n += s->n < COUNT_OF(s->names);
	}
}

const char *similar_text(struct arena *mem, const struct similar *s)
{
	struct text t = { .mem = mem };
	unsigned i;

	text_puts(&t, s->n ? " (similar: " : "");
	for (i = 0; i < s->n; i++)
		text_printf(&t, "%s%s", i ? ", " : "", s->names[i]);
	text_puts(&t, s->n ? ")" : "");
	return t.s;
}

/* --- functions --------------------------------------------------------------- */

/*
 * The function of that name and arity, of the script or of tapsets pulled in;
 * *any tells if one has the name.
 */
static struct function *find_function(struct lib *l, const struct expr *e,
				      bool tapset, struct function **any)
{
	struct function *f, *got = NULL;

	for (f = l->script->functions; f; f = f->next) {
		if (!visible(f->name, f->is_private, f->src, e->str,
			     e->at.src) ||
		    (f->src->is_tapset && !f->is_private) != tapset)
			continue;
		*any = f;
		if (f->nparams == e->nargs &&
		    (!got || f->priority < got->priority ||
		     (f->is_private && !got->is_private)))
			got = f;
	}
	return got;
}

static struct tapset *function_tapset(struct lib *l, const char *name)
{
	const struct function *f;
	struct tapset *t;

	for (t = tapsets(l); t; t = t->next)
		for (f = t->script.functions; f && !t->pulled; f = f->next)
			if (!f->is_private && !strcmp(f->name, name))
				return t;
	return NULL;
}

static void no_function(struct lib *l, const struct expr *e,
			const struct function *any)
{
	const struct builtin *b;
	struct similar s = { .n = 0 };
	struct function *f;
	struct tapset *t;
	size_t i;

	for (i = 0; (b = builtin_at(i)); i++) {
		if (!strcmp(b->name, e->str)) {
			complain(l->j, e->at, E_ARGUMENT_COUNT,
				 "%s() wants %zu argument%s, got %u", b->name,
				 strlen(b->args), b->args[0] && !b->args[1] ?
				 "" : "s", e->nargs);
			return;
		}
		similar_add(&s, e->str, b->name);
	}
	if (e->str[0] == '@') {
		complain(l->j, e->at, E_MISPLACED,
			 "%s is for the bodies of aliases", e->str);
		return;
	}
	if (any) {
		complain(l->j, e->at, E_ARGUMENT_COUNT,
			 "%s() wants %u argument%s, got %u", any->name,
			 any->nparams, any->nparams == 1 ? "" : "s", e->nargs);
		note_at(l->j, any->at, "defined");
		return;
	}
	for (f = l->script->functions; f; f = f->next)
		similar_add(&s, e->str, f->name);
	for (t = l->tapsets; t; t = t->next)
		for (f = t->script.functions; f && !t->pulled; f = f->next)
			similar_add(&s, e->str, f->name);
	complain(l->j, e->at, E_UNKNOWN_FUNCTION, "unresolved function%s",
		 similar_text(&l->j->mem, &s));
}

/* Do the handlers of the probe being resolved run in the loader? */
static bool in_loader(const struct lib *l)
{
	static const char *const points[] = {
		"begin", "end", "error", "never", "timer",
	};
	const struct point *pt = l->probe ? l->probe->points : NULL;
	bool all = pt != NULL;
	size_t i;

	for (; pt && all; pt = pt->next)
		for (i = 0, all = false; i < COUNT_OF(points); i++)
			all |= !strcmp(pt->parts->name, points[i]);
	return all;
}

/*
 * What comes behind the script's functions: built-ins, then tapsets, whose
 * functions come first where only the loader has the built-in.
 */
static void resolve_library(struct lib *l, struct expr *e,
			    struct function **any)
{
	const struct builtin *b = builtin_find(e->str, e->nargs);
	struct tapset *t;

	if (b && (b->flags & BF_BPF || in_loader(l))) {
		e->builtin = b;
		return;
	}
	e->fn = find_function(l, e, true, any);
	while (!e->fn && (t = function_tapset(l, e->str))) {
		library_pull(l, t);
		e->fn = find_function(l, e, true, any);
	}
	if (!e->fn)
		e->builtin = b;
}

static void resolve_call(struct lib *l, struct expr *e)
{
	struct function *any = NULL;
	struct expr *a;

	for (a = e->args; a; a = a->next)
		resolve_expr(l, a, READ);
	e->fn = find_function(l, e, false, &any);
	if (!e->fn)
		resolve_library(l, e, &any);
	if (e->fn)
		e->fn->is_used = true;
	else if (!e->builtin)
		no_function(l, e, any);
}

/* The candidate after f of its name and arity, of the script or of tapsets. */
static struct function *function_after(struct lib *l, const struct function *f,
				       bool tapset)
{
	struct function *g, *got = NULL;
	bool behind = false, later;

	for (g = l->script->functions; g; g = g->next) {
		behind |= g == f;
		if (g == f || g->nparams != f->nparams ||
		    !visible(g->name, g->is_private, g->src, f->name, f->src) ||
		    (g->src->is_tapset && !g->is_private) != tapset)
			continue;
		later = g->is_private != f->is_private ? f->is_private :
			g->priority != f->priority ?
			g->priority > f->priority : behind;
		if (later && (!got || (g->is_private && !got->is_private) ||
			      (g->is_private == got->is_private &&
			       g->priority < got->priority)))
			got = g;
	}
	return got;
}

/* `next` in a function: s->e is a call of the next candidate with what this
   one was called with; NULL: there is none. */
static void resolve_next(struct lib *l, struct stmt *s)
{
	struct expr *e = NEW(&l->j->mem, struct expr), **arg = &e->args;
	struct function *f = l->fn, *any = NULL;
	bool tapset = f->src->is_tapset && !f->is_private;
	struct var *p;

	e->kind = X_CALL;
	e->at = s->at;
	e->str = f->name;
	e->nargs = f->nparams;
	for (p = f->params; p; p = p->next, arg = &(*arg)->next) {
		*arg = NEW(&l->j->mem, struct expr);
		(*arg)->kind = X_NAME;
		(*arg)->at = s->at;
		(*arg)->str = p->name;
		(*arg)->var = p;
	}
	e->fn = function_after(l, f, tapset);
	if (!e->fn && !tapset)
		resolve_library(l, e, &any);
	if (e->fn)
		e->fn->is_used = true;
	if (e->fn || e->builtin)
		s->e = e;
}

/* --- variables --------------------------------------------------------------- */

static void mark(struct var *v, enum usage use)
{
	v->is_read |= use == READ || use == READ_WRITE;
	v->is_written |= use != READ;
	v->is_used = true;
}

static struct var *new_local(struct lib *l, const struct expr *e)
{
	struct var *v = NEW(&l->j->mem, struct var);
	struct var **list = l->fn ? &l->fn->locals : &l->probe->locals;

	v->name = e->str;
	v->at = e->at;
	v->owner = l->fn;
	APPEND(*list, v);
	return v;
}

static struct var *local_of(struct lib *l, const char *name)
{
	struct var *v = l->fn ? find_local(l->fn->params, name) : NULL;

	return v ? v : find_local(l->fn ? l->fn->locals : l->probe->locals,
				  name);
}

/* A plain name: parameter, local, global; else a new local. */
static void resolve_name(struct lib *l, struct expr *e, enum usage use)
{
	struct var *v = l->globals_only ? NULL : local_of(l, e->str);

	if (!v)
		v = find_global(l, e);
	if (!v && l->globals_only) {
		use = READ_WRITE;
		complain(l->j, e->at, E_UNKNOWN_VARIABLE,
			 "unresolved global '%s': a condition of a probe point "
			 "sees globals only", e->str);
	}
	if (!v)
		v = new_local(l, e);
	e->var = v;
	mark(v, use);
}

/* The array of a[..], `in a`, foreach: a global. */
static void resolve_array(struct lib *l, struct expr *e, enum usage use)
{
	struct similar s = { .n = 0 };
	struct var *v = find_global(l, e);

	if (!v) {
		for (v = l->script->globals; v; v = v->next)
			similar_add(&s, e->str, v->name);
		if (local_of(l, e->str))
			complain(l->j, e->at, E_NOT_ARRAY,
				 "'%s' is local: arrays are globals only",
				 e->str);
		else
			complain(l->j, e->at, E_UNKNOWN_VARIABLE,
				 "unresolved array '%s', missing global "
				 "declaration?%s", e->str,
				 similar_text(&l->j->mem, &s));
		v = NEW(&l->j->mem, struct var);
		*v = (struct var){ .name = e->str, .at = e->at, .src = e->at.src,
			.is_global = true, .nkeys = -1 };
		APPEND(l->script->globals, v);
	}
	e->var = v;
	mark(v, use);
}

static void resolve_list(struct lib *l, struct expr *e)
{
	for (; e; e = e->next)
		resolve_expr(l, e, READ);
}

static void resolve_target(struct lib *l, struct expr *e)
{
	struct access *a;

	if (e->target->base)
		resolve_expr(l, e->target->base, READ);
	for (a = e->target->path; a; a = a->next)
		if (a->index)
			resolve_expr(l, a->index, READ);
}

/* x op= y reads x only if somebody wants the result. */
static enum usage lvalue_use(enum op op, enum usage use)
{
	if (op == OP_NONE || op == OP_STAT || use == EFFECT)
		return WRITE;
	return READ_WRITE;
}

/* a flat switch */
static void resolve_expr(struct lib *l, struct expr *e, enum usage use)
{
	switch (e->kind) {
	case X_NUMBER:
	case X_STRING:
	case X_ANY:
	case X_PERF:
	case X_CONST:
	case X_ENUM:
	case X_EMBEDDED:
		break;
	case X_NAME:
		resolve_name(l, e, use == EFFECT ? READ : use);
		break;
	case X_INDEX:
		resolve_list(l, e->args);
		resolve_array(l, e, use == EFFECT ? READ : use);
		break;
	case X_IN:
		resolve_list(l, e->args);
		resolve_array(l, e, READ);
		break;
	case X_TARGET:
		resolve_target(l, e);
		break;
	case X_UNARY:
	case X_MATCH:
	case X_ENTRY:
	case X_DEFINED:
	case X_REGISTER:
		resolve_expr(l, e->a, READ);
		break;
	case X_BINARY:
	case X_DEREF:
	case X_HIST_INDEX:
		resolve_expr(l, e->a, READ);
		resolve_expr(l, e->b, READ);
		break;
	case X_TERNARY:
		resolve_expr(l, e->a, READ);
		resolve_expr(l, e->b, use == EFFECT ? EFFECT : READ);
		resolve_expr(l, e->c, use == EFFECT ? EFFECT : READ);
		break;
	case X_ASSIGN:
		resolve_expr(l, e->b, READ);
		resolve_expr(l, e->a, lvalue_use(e->op, use));
		break;
	case X_INCDEC:
		resolve_expr(l, e->a, use == EFFECT ? WRITE : READ_WRITE);
		break;
	case X_CALL:
		resolve_call(l, e);
		break;
	case X_PRINT:
		resolve_list(l, e->args);
		break;
	case X_STAT:
		resolve_expr(l, e->a, READ);
		resolve_list(l, e->args);
		break;
	}
}

static void resolve_foreach(struct lib *l, struct foreach *each)
{
	struct expr *k;

	for (k = each->keys; k; k = k->next)
		resolve_name(l, k, WRITE);
	if (each->value)
		resolve_name(l, each->value, WRITE);
	if (each->array->kind == X_NAME)
		resolve_array(l, each->array, READ);
	else
		resolve_expr(l, each->array, READ);
	if (each->limit)
		resolve_expr(l, each->limit, READ);
}

static void resolve_stmt(struct lib *l, struct stmt *s)
{
	if (s->init)
		resolve_expr(l, s->init, EFFECT);
	if (s->each)
		resolve_foreach(l, s->each);
	if (s->kind == S_DELETE && s->e->kind == X_NAME &&
	    find_global(l, s->e)) {
		s->e->var = find_global(l, s->e);
		s->e->var->is_used = true;
	} else if (s->e) {
		resolve_expr(l, s->e, s->kind == S_EXPR ? EFFECT :
			     s->kind == S_DELETE ? WRITE : READ);
	}
	if (s->kind == S_NEXT && l->fn)
		resolve_next(l, s);
	if (s->step)
		resolve_expr(l, s->step, EFFECT);
	resolve_stmts(l, s->body);
	if (s->caught)
		resolve_name(l, s->caught, WRITE);
	resolve_stmts(l, s->other);
}

static void resolve_stmts(struct lib *l, struct stmt *s)
{
	for (; s; s = s->next)
		resolve_stmt(l, s);
}

static void warn_unassigned(struct lib *l, const struct var *locals)
{
	const struct var *v, *w;
	struct similar s;

	for (v = locals; v; v = v->next) {
		if (v->is_written || v->at.src->is_tapset)
			continue;
		s = (struct similar){ .n = 0 };
		for (w = locals; w; w = w->next)
			similar_add(&s, v->name, w->name);
		for (w = l->script->globals; w; w = w->next)
			similar_add(&s, v->name, w->name);
		warn_at(l->j, v->at, "never-assigned local variable '%s'%s%s",
			v->name, similar_text(&l->j->mem, &s),
			builtin_find(v->name, 0) ?
			": a function is called as NAME()" : "");
	}
}

static void resolve_probe(struct lib *l, struct probe *pr)
{
	struct point *pt;

	l->probe = pr;
	l->fn = NULL;
	l->globals_only = true;
	for (pt = pr->points; pt; pt = pt->next)
		if (pt->condition)
			resolve_expr(l, pt->condition, READ);
	l->globals_only = false;
	python_words(l->j, pr);
	resolve_stmts(l, pr->body);
	warn_unassigned(l, pr->locals);
}

static void resolve_function(struct lib *l, struct function *f)
{
	struct var *v, *w;

	l->probe = NULL;
	l->fn = f;
	for (v = f->params; v; v = v->next)
		for (w = f->params; w != v; w = w->next)
			if (!strcmp(v->name, w->name))
				complain(l->j, v->at, E_REDEFINED,
					 "duplicate parameter '%s'", v->name);
	resolve_stmts(l, f->body);
	warn_unassigned(l, f->locals);
}

/* --- what is used ------------------------------------------------------------ */

/*
 * Everything reachable: probes, and the functions they call, to a fixpoint, as
 * each may pull in a tapset with probes and aliases of its own. The user's
 * own functions are looked at even when nobody calls them.
 */
static void resolve_all(struct lib *l)
{
	struct function *f;
	struct probe **pr;
	bool more = true;

	while (more) {
		more = false;
		for (pr = &l->script->probes; *pr; pr = &(*pr)->next) {
			if ((*pr)->is_resolved)
				continue;
			more = true;
			if (!expand_aliases(l->j, l, pr))
				break;
			(*pr)->is_resolved = true;
			resolve_probe(l, *pr);
		}
		for (f = l->script->functions; f; f = f->next) {
			if (f->is_resolved ||
			    (f->src->is_tapset && !f->is_used))
				continue;
			f->is_resolved = more = true;
			resolve_function(l, f);
		}
	}
}

static void used_by_stmts(const struct stmt *s, void *arg);

/* Calls of functions, for walk_stmts(): marks them and what they call. */
static void used_by_expr(const struct expr *e, void *arg)
{
	if (e->kind != X_CALL || !e->fn || e->fn->is_used)
		return;
	e->fn->is_used = true;
	if (e->fn->body)
		used_by_stmts(e->fn->body, arg);
}

static void used_by_stmts(const struct stmt *s, void *arg)
{
	walk_stmts(s, used_by_expr, arg);
}

static void warn_never_set(struct lib *l, const struct var *v)
{
	if (v->is_read && !v->is_written && !v->init && !v->src->is_tapset)
		warn_at(l->j, v->at, "never-assigned global variable '%s'",
			v->name);
}

/* *arg: there is C, which may name any. */
static void still_used(const struct expr *e, void *arg)
{
	bool *has_c = arg;

	if (e->var)
		e->var->is_used = true;
	*has_c |= e->kind == X_EMBEDDED;
}

static bool mark_used(struct lib *l)
{
	const struct function *f;
	const struct point *p;
	const struct probe *pr;
	bool has_c = false;

	for (f = l->script->functions; f; f = f->next) {
		has_c |= f->c_body != NULL;
		walk_stmts(f->body, still_used, &has_c);
	}
	for (pr = l->script->probes; pr; pr = pr->next) {
		walk_stmts(pr->body, still_used, &has_c);
		for (p = pr->points; p; p = p->next)
			if (p->condition)
				walk_expr(p->condition, still_used, &has_c);
	}
	return has_c;
}

/* Of globals that only elided statements used nothing is left. */
static void forget_elided(struct lib *l)
{
	struct var *v;

	if (mark_used(l))
		return;
	for (v = l->script->globals; v; v = v->next)
		v->is_used = false;
	mark_used(l);
}

static void drop_unused(struct lib *l)
{
	struct function *f, **fp;
	struct probe *pr;
	struct var **vp;

	for (f = l->script->functions; f; f = f->next)
		f->is_used = false;
	for (pr = l->script->probes; pr; pr = pr->next)
		used_by_stmts(pr->body, NULL);
	for (fp = &l->script->functions; *fp;) {
		if ((*fp)->is_used) {
			fp = &(*fp)->next;
			continue;
		}
		if (!(*fp)->src->is_tapset)
			warn_at(l->j, (*fp)->at, "Eliding unused function '%s'",
				(*fp)->name);
		*fp = (*fp)->next;
	}
	forget_elided(l);
	for (vp = &l->script->globals; *vp;) {
		if ((*vp)->is_used) {
			warn_never_set(l, *vp);
			vp = &(*vp)->next;
			continue;
		}
		if (!(*vp)->src->is_tapset)
			warn_at(l->j, (*vp)->at, "Eliding unused variable '%s'",
				(*vp)->name);
		*vp = (*vp)->next;
	}
}

struct reach {
	struct function *from;
	unsigned mark;
	bool found;
};

static void reach_expr(const struct expr *e, void *arg)
{
	struct reach *r = arg;

	if (e->kind != X_CALL || !e->fn)
		return;
	r->found |= e->fn == r->from;
	if (r->found || e->fn->mark == r->mark || !e->fn->body)
		return;
	e->fn->mark = r->mark;
	walk_stmts(e->fn->body, reach_expr, r);
}

static void find_recursion(struct lib *l)
{
	struct reach r = { 0 };
	struct function *f;

	for (f = l->script->functions; f; f = f->next) {
		if (!f->body)
			continue;
		r.from = f;
		r.mark++;
		r.found = false;
		walk_stmts(f->body, reach_expr, &r);
		f->is_recursive = r.found;
	}
}

bool display_wanted(const struct var *v)
{
	return v->is_written && !v->is_read && !v->src->is_tapset;
}

/* A `probe end` of no body yet, if there is a global to display. */
static void add_display(struct lib *l)
{
	struct arena *mem = &l->j->mem;
	const struct var *v;
	struct probe *pr;

	for (v = l->script->globals; v; v = v->next)
		if (display_wanted(v))
			break;
	if (!v || l->j->opt->no_global_display)
		return;
	pr = NEW(mem, struct probe);
	pr->at = v->at;
	pr->src = v->src;
	pr->is_display = true;
	pr->is_resolved = true;
	pr->points = NEW(mem, struct point);
	pr->points->at = v->at;
	pr->points->parts = NEW(mem, struct component);
	pr->points->parts->at = v->at;
	pr->points->parts->name = "end";
	pr->body = NEW(mem, struct stmt);
	pr->body->kind = S_BLOCK;
	pr->body->at = v->at;
	APPEND(l->script->probes, pr);
}

static void index_alias(struct lib *l, struct probe *alias, struct tapset *from)
{
	struct known_alias k = { alias, from };
	void **of = dict_at(&l->heads, alias->alias->name);

	if (!*of)
		*of = NEW(&l->index, struct known_aliases);
	vec_push(&l->index, &((struct known_aliases *)*of)->v, k);
	vec_push(&l->index, &l->known.v, k);
}

const struct known_aliases *library_aliases(struct lib *l, const char *head)
{
	static const struct known_aliases none;
	const struct known_aliases *of;
	struct probe *alias;
	struct tapset *t;

	tapsets(l);
	if (!l->indexed) {
		arena_free(&l->index);
		l->known = none;
		l->heads = (struct dict){ .mem = &l->index };
		for (alias = l->script->aliases; alias; alias = alias->next)
			index_alias(l, alias, NULL);
		for (t = l->tapsets; t; t = t->next) {
			alias = t->pulled ? NULL : t->script.aliases;
			for (; alias; alias = alias->next)
				index_alias(l, alias, t);
		}
		l->indexed = true;
	}
	of = head ? dict_get(&l->heads, head) : &l->known;
	return of ? of : &none;
}

/* Aliases of one head, whose second part matches. */
static void make_syscalls(struct lib *l, const char *head, const char *glob)
{
	struct arena *mem = &l->j->mem;
	struct tapset *t;
	const char *text;

	l->syscalls.mem = mem;
	text = syscalls_aliases(l->j, head, glob, &l->syscalls);
	if (!*text)
		return;
	tapsets(l);
	t = NEW(mem, struct tapset);
	t->src = NEW(mem, struct source);
	t->src->name = arena_printf(mem, "%s.%s of syscalls.table", head, glob);
	t->src->is_tapset = true;
	t->src->text = text;
	t->src->size = strlen(t->src->text);
	parse_source(l->j, t->src, &t->script);
	APPEND(l->tapsets, t);
	l->indexed = false;
}

void library_syscalls(struct lib *l, const struct component *point)
{
	static const char *const heads[] = {
		"syscall", "nd_syscall", "tp_syscall", "dw_syscall",
	};
	const char *deep = strstr(point->name, "**");
	size_t i;

	if (!point->next && !deep)
		return;
	for (i = 0; i < COUNT_OF(heads); i++)
		if (glob_match(point->name, heads[i]))
			make_syscalls(l, heads[i], deep ? "*" :
				      point->next->name);
}

/* -G NAME=VALUE: the first value of a scalar global of the script's. */
static void set_global(struct lib *l, const char *set)
{
	struct arena *mem = &l->j->mem;
	size_t n = strcspn(set, "=");
	struct similar s = { .n = 0 };
	const char *name = arena_strndup(mem, set, n);
	struct expr *e = NEW(mem, struct expr);
	struct var *v;
	char *end;

	for (v = l->script->globals; v && strcmp(v->name, name); v = v->next)
		similar_add(&s, name, v->name);
	if (!v || !set[n]) {
		complain(l->j, (struct span){ 0 }, E_UNKNOWN_VARIABLE,
			 v ? "-G %s: a value is missing" :
			 "-G %s: the script has no such global%s", set,
			 similar_text(mem, &s));
		return;
	}
	e->str = set + n + 1;
	e->len = strlen(e->str);
	e->num = (int64_t)strtoull(e->str, &end, 0);
	e->kind = *e->str && !*end ? X_NUMBER : X_STRING;
	if (v->init && v->init->kind == X_STRING)
		e->kind = X_STRING;
	e->at = v->at;
	v->init = e;
}

void each_tapset(struct job *j, void (*each)(void *arg,
		  const struct script *s), void *arg)
{
	struct lib l = { .j = j };
	struct tapset *t;

	for (t = tapsets(&l); t; t = t->next)
		each(arg, &t->script);
}

bool pull_library(struct job *j)
{
	struct lib l = { .j = j, .script = j->script };
	size_t i;

	check_unique(&l, j->script->globals);
	if (!j->script->probes)
		complain(j, (struct span){ 0 }, E_NO_MATCH,
			 "no probes in the script");
	resolve_all(&l);
	arena_free(&l.index);
	if (j->errors)
		return false;
	for (i = 0; i < j->opt->globals.n; i++)
		set_global(&l, j->opt->globals.v[i]);
	if (!j->opt->unoptimized)
		elide(j);
	drop_unused(&l);
	pass_context(j);
	find_recursion(&l);
	add_display(&l);
	return true;
}
