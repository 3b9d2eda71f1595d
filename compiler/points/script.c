/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * script.c - functions of languages that another program runs: Python's, by the
 * markers function__entry and function__return of its interpreter, and Java's, by
 * method__entry and method__return of its virtual machine. Each hit of such a
 * marker is a call of any function; the handler runs for those whose names fit.
 */
#include "process.h"
#include "python.h"

#include <ctype.h>
#include <string.h>

enum { MAX_BUILDS = 256 };
enum { RETURN = 1, OF_PID = 2 };	/* shape->data */

struct language {
	const char *what;		/* for messages */
	const char *provider, *entry, *back;
	const char *programs[4];	/* whose names begin so */
	const char *host;		/* where no builds are declared */
	const char *names[8];		/* of the markers' arguments */
};

static const struct language python = {
	.what = "Python interpreter", .provider = "python",
	.entry = "function__entry", .back = "function__return",
	.programs = { "python3", "libpython3" }, .host = "/usr/bin/python3",
	.names = { "filename", "function", "lineno" },
};
static const struct language java = {
	.what = "Java virtual machine", .provider = "hotspot",
	.entry = "method__entry", .back = "method__return",
	.programs = { "libjvm.so" }, .host = "java",
	.names = { "thread", "class", "class_length", "method",
		   "method_length", "signature", "signature_length" },
};

struct expansion {
	struct job *j;
	struct probe *pr;
	struct point *pt;
	struct binary *b;
	const struct language *of;
	const char *name;
	const struct text_filter *filters;
	size_t nfilters;
	int64_t pid;		/* 0: any */
	const struct code *code;	/* of the interpreter's loop */
	size_t found;
};

/* --- values ---------------------------------------------------------------------------- */

/* A value that is being computed, as a loc of steps. */
struct value {
	struct arena *mem;
	VEC(struct locstep) steps;
	bool ok;
};

static void put_step(struct value *v, enum loc_op op, int64_t n)
{
	vec_push(v->mem, &v->steps, ((struct locstep){ op, n }));
}

/* What the frame variable holds at a place. */
static struct value frame_at(struct expansion *x, struct place *p)
{
	struct value v = { .mem = &x->j->mem };
	struct variable *f = place_variable(x->j->target, p, "frame");
	size_t i;

	if (!f || (f->loc.kind != LOC_VALUE && f->loc.kind != LOC_MEMORY))
		return v;
	for (i = 0; i < f->loc.nsteps; i++)
		vec_push(v.mem, &v.steps, f->loc.steps[i]);
	if (f->loc.kind == LOC_MEMORY)
		put_step(&v, L_LOAD, 8);
	v.ok = true;
	return v;
}

static void name_value(struct given *g, const struct value *v,
		       struct ctype *type, const char *name)
{
	g->v[g->n++] = (struct variable){
		.name = name, .type = type, .param_index = -1, .abi_arg = -1,
		.loc = { .kind = LOC_VALUE, .steps = v->steps.v,
			 .nsteps = v->steps.n } };
}

/* What tapsets/python.stp reads at p: nothing where debuginfo does not tell. */
static void add_frame(struct expansion *x, struct place *p, struct given *g)
{
	struct ctype *type = target_type(x->j->target, x->b, "unsigned long");
	struct value v = frame_at(x, p);

	if (!v.ok || !type)
		return;
	name_value(g, &v, type, "__py_frame");
	python_facts(x->j, x->b, g);
}

/* --- markers --------------------------------------------------------------------------- */

/* arg1, arg2 ... and the same by name. */
static struct given *given_of(struct expansion *x, const struct marker *m)
{
	struct given *g = NEW(&x->j->mem, struct given);
	size_t i;

	*g = (struct given){ .n = m->nargs, .name = m->name,
			     .provider = m->provider };
	g->v = NEW_ARRAY(&x->j->mem, struct variable,
			 2 * m->nargs + 2 + PYTHON_FACTS_MOST);
	memcpy(g->v, m->args, m->nargs * sizeof(*g->v));
	for (i = 0; i < m->nargs && i < COUNT_OF(x->of->names) &&
		    x->of->names[i]; i++) {
		g->v[g->n] = m->args[i];
		g->v[g->n++].name = x->of->names[i];
	}
	return g;
}

static void add_site(void *arg, const struct marker *m)
{
	struct expansion *x = arg;
	struct site *s = site_new(x->j, x->pr, x->pt, &family_script,
				  AT_UPROBE, x->name);
	struct given *g = given_of(x, m);

	s->given = g;
	s->semaphore = m->semaphore;
	s->is_user = true;
	s->place = target_place_code(x->j->target, x->b, m->addr, "");
	if (x->of == &python)
		add_frame(x, s->place, g);
	s->filters = x->filters;
	s->nfilters = x->nfilters;
	s->pid = x->pid;
	x->found++;
}

/* --- Python 3.11 and later: where the interpreter begins with a frame ---------------- */

/*
 * There function__entry is passed only while Python traces itself. What all calls
 * pass is the label resume_frame of the interpreter's loop; so do returns into a
 * frame and generators that go on, of which the frame's last instruction tells.
 */
static const char eval[] = "_PyEval_EvalFrameDefault";
static const char resume[] = "resume_frame";

/* v is a pointer to a TYPE: its member's address, or what is there. */
static void member_of(struct expansion *x, struct value *v, const char *type,
		      const char *name, int64_t load)
{
	struct ctype *t = target_type(x->j->target, x->b, type);
	struct member m;

	if (!t || !type_member(t, name, &m)) {
		v->ok = false;
		return;
	}
	put_step(v, L_NUM, (int64_t)m.offset);
	put_step(v, L_PLUS, 0);
	if (load)
		put_step(v, L_LOAD, load);
}

/* A string of the frame's code: where its bytes are, if it is an ASCII one. */
static bool code_text(struct expansion *x, struct place *p, struct given *g,
		      const char *member, const char *const names[2])
{
	struct ctype *t = target_type(x->j->target, x->b, "PyASCIIObject");
	struct ctype *type = target_type(x->j->target, x->b, "unsigned long");
	struct value v = frame_at(x, p);

	member_of(x, &v, "_PyInterpreterFrame", "f_code", 8);
	member_of(x, &v, "PyCodeObject", member, 8);
	if (!v.ok || !t || !type)
		return false;
	put_step(&v, L_NUM, (int64_t)t->size);
	put_step(&v, L_PLUS, 0);
	name_value(g, &v, type, names[0]);
	name_value(g, &v, type, names[1]);
	return true;
}

static bool code_line(struct expansion *x, struct place *p, struct given *g)
{
	struct ctype *type = target_type(x->j->target, x->b, "int");
	struct value v = frame_at(x, p);

	member_of(x, &v, "_PyInterpreterFrame", "f_code", 8);
	member_of(x, &v, "PyCodeObject", "co_firstlineno", 4);
	if (!v.ok || !type)
		return false;
	name_value(g, &v, type, "arg3");
	name_value(g, &v, type, "lineno");
	return true;
}

/* 0 where nothing of the frame's code has run. */
static bool code_progress(struct expansion *x, struct place *p, struct given *g)
{
	struct ctype *type = target_type(x->j->target, x->b, "unsigned long");
	struct value v = frame_at(x, p), code = frame_at(x, p);
	size_t i;

	member_of(x, &v, "_PyInterpreterFrame", "prev_instr", 8);
	member_of(x, &code, "_PyInterpreterFrame", "f_code", 8);
	member_of(x, &code, "PyCodeObject", "co_code_adaptive", 0);
	if (!v.ok || !code.ok || !type)
		return false;
	for (i = 0; i < code.steps.n; i++)
		vec_push(v.mem, &v.steps, code.steps.v[i]);
	put_step(&v, L_MINUS, 0);
	put_step(&v, L_NUM, 2);
	put_step(&v, L_PLUS, 0);
	name_value(g, &v, type, "__progress");
	return true;
}

static void look_at_label(void *arg, const char *name, unsigned line,
			  uint64_t addr)
{
	static const char *const file[2] = { "arg1", "filename" };
	static const char *const function[2] = { "arg2", "function" };
	struct expansion *x = arg;
	struct given *g;
	struct place *p;
	struct site *s;

	(void)line;
	if (strcmp(name, resume))
		return;
	p = target_place_at(x->j->target, x->code, addr);
	g = NEW(&x->j->mem, struct given);
	*g = (struct given){ .name = x->of->entry, .provider = x->of->provider };
	g->v = NEW_ARRAY(&x->j->mem, struct variable, 8 + PYTHON_FACTS_MOST);
	if (!code_text(x, p, g, "co_filename", file) ||
	    !code_text(x, p, g, "co_name", function) || !code_line(x, p, g) ||
	    !code_progress(x, p, g))
		return;
	add_frame(x, p, g);
	s = site_new(x->j, x->pr, x->pt, &family_script, AT_UPROBE, x->name);
	s->given = g;
	s->is_user = true;
	s->place = p;
	s->filters = x->filters;
	s->nfilters = x->nfilters;
	s->zero = "__progress";
	x->found++;
}

static void look_at_code(void *arg, const struct code *c)
{
	struct expansion *x = arg;

	x->code = c;
	target_labels(x->j->target, c, look_at_label, x);
}

static void look_at_loop(void *arg, struct func *f)
{
	struct expansion *x = arg;

	if (f->addr)
		target_code(x->j->target, f, look_at_code, x);
}

/* --- where such a language runs ----------------------------------------------------- */

static bool is_of(const struct language *of, const struct binary *b)
{
	const char *name = base_name(b->name);
	size_t i;

	for (i = 0; i < COUNT_OF(of->programs) && of->programs[i]; i++)
		if (!strncmp(name, of->programs[i], strlen(of->programs[i])))
			return true;
	return false;
}

static size_t builds_of(struct job *j, const struct language *of,
			struct binary **out)
{
	struct binary **all;
	size_t i, k = 0, n = target_all_programs(j->target, &all);

	for (i = 0; i < n && k < MAX_BUILDS; i++)
		if (is_of(of, all[i]))
			out[k++] = all[i];
	if (!k && of == &python)
		k = target_programs(j->target, of->host, out, MAX_BUILDS);
	if (!k && of == &java)
		k = target_beside(j->target, of->host, "../lib/server/libjvm.so",
				  out, MAX_BUILDS);
	return k;
}

static bool add_sites(struct expansion *x, int what)
{
	struct binary *builds[MAX_BUILDS];
	size_t i, n = builds_of(x->j, x->of, builds);

	if (!target_features(x->j->target)->uprobes)
		return no_uprobes(x->j, x->pt);
	for (i = 0; i < n; i++) {
		size_t before = x->found;

		x->b = builds[i];
		if (x->of == &python && !(what & RETURN) && x->b->has_dwarf)
			target_functions(x->j->target, x->b, eval, look_at_loop,
					 x);
		if (x->found > before)
			continue;
		target_marks(x->j->target, x->b, x->of->provider,
			     what & RETURN ? x->of->back : x->of->entry,
			     add_site, x);
	}
	if (x->found)
		return true;
	return site_missing(x->j, x->pt, x->pt->at, n ?
			    "%s has no markers \"%s\"" :
			    "no build of a %s is declared or there",
			    n ? builds[0]->name : x->of->what, x->of->entry);
}

/* --- names that fit -------------------------------------------------------------------- */

/* A glob as a part of a regular expression; '.' of names becomes `dot`. */
static void put_glob(struct text *t, const char *glob, const char *dot)
{
	for (; *glob; glob++) {
		if (*glob == '*')
			text_puts(t, ".*");
		else if (*glob == '?')
			text_putc(t, '.');
		else if (*glob == '.')
			text_puts(t, dot);
		else if (isalnum((unsigned char)*glob) || *glob == '_' ||
			 *glob == '/' || (unsigned char)*glob >= 0x80)
			text_putc(t, *glob);
		else
			text_printf(t, "\\%c", *glob);
	}
}

static const char *name_regex(struct arena *mem, const char *glob,
			      const char *dot)
{
	struct text t = { .mem = mem };

	text_puts(&t, "^");
	put_glob(&t, glob, dot);
	text_puts(&t, "$");
	return t.s;
}

/* The file of a module, or its folder's, or what is frozen into the interpreter. */
static const char *module_regex(struct arena *mem, const char *glob)
{
	struct text t = { .mem = mem };

	text_puts(&t, "(^|/)");
	put_glob(&t, glob, "/");
	text_puts(&t, "(/__init__)?\\.py$|^<frozen ");
	put_glob(&t, glob, "\\.");
	text_puts(&t, ">$");
	return t.s;
}

static bool expand_python(struct job *j, struct probe *pr, struct point *pt,
			  const struct shape *shape, struct expr **args)
{
	struct text_filter *f = NEW_ARRAY(&j->mem, struct text_filter, 2);
	struct expansion x = { .j = j, .pr = pr, .pt = pt, .of = &python,
			       .filters = f, .nfilters = 2 };

	f[0] = (struct text_filter){ "arg1", NULL,
				     module_regex(&j->mem, args[0]->str) };
	f[1] = (struct text_filter){ "arg2", NULL,
				     name_regex(&j->mem, args[1]->str, "\\.") };
	x.name = arena_printf(&j->mem, "python3.module(\"%s\").function(\"%s\")"
			      "%s", args[0]->str, args[1]->str,
			      shape->data & RETURN ? ".return" : "");
	return add_sites(&x, shape->data);
}

static bool expand_java(struct job *j, struct probe *pr, struct point *pt,
			const struct shape *shape, struct expr **args)
{
	struct text_filter *f = NEW_ARRAY(&j->mem, struct text_filter, 2);
	struct expansion x = { .j = j, .pr = pr, .pt = pt, .of = &java,
			       .filters = f, .nfilters = 2 };
	const char *method = arena_strndup(&j->mem, args[2]->str,
					   strcspn(args[2]->str, "("));

	if (strcspn(args[2]->str, "(") != strlen(args[2]->str))
		return complain(j, args[2]->at, E_UNSUPPORTED, "types of a "
				"method's parameters: the name alone is looked "
				"at, $signature has them");
	f[0] = (struct text_filter){ "arg2", "arg3",
				     name_regex(&j->mem, args[1]->str, "/") };
	f[1] = (struct text_filter){ "arg4", "arg5",
				     name_regex(&j->mem, method, "\\.") };
	if (shape->data & OF_PID)
		x.pid = args[0]->num;
	else if (strcmp(args[0]->str, "*"))
		return complain(j, args[0]->at, E_UNSUPPORTED, "names of Java "
				"programs are known to their virtual machine "
				"alone: java(PID), or java(\"*\") for all");
	x.name = arena_printf(&j->mem, "java(%s).class(\"%s\").method(\"%s\")%s",
			      shape->data & OF_PID ?
			      arena_printf(&j->mem, "%lld", (long long)x.pid) :
			      "\"*\"", args[1]->str, args[2]->str,
			      shape->data & RETURN ? ".return" : "");
	return add_sites(&x, shape->data);
}

static const struct shape shapes[] = {
	{ "python3.module(s).function(s)", expand_python, 0 },
	{ "python3.module(s).function(s).call", expand_python, 0 },
	{ "python3.module(s).function(s).return", expand_python, RETURN },
	{ "java(s).class(s).method(s)", expand_java, 0 },
	{ "java(s).class(s).method(s).return", expand_java, RETURN },
	{ "java(n).class(s).method(s)", expand_java, OF_PID },
	{ "java(n).class(s).method(s).return", expand_java, OF_PID | RETURN },
	{ NULL, NULL, 0 }
};

const struct family family_script = { "script", shapes };
