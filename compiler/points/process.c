/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.c - process("PATH"), process(PID) and process alone, with .library("L")
 * behind it or not, and the points in code behind that: functions and the like,
 * which are functions.c's, markers (mark.c), calls of libraries (plt.c). In every
 * build that is declared.
 */
#include "process.h"

#include <string.h>

enum { MAX_BUILDS = 256 };
enum {				/* shape->data, beside FN_* */
	MARK = 1 << 16,
	PROVIDER = 1 << 17,
	PLT = 1 << 18,
	KINDS = MARK | PLT,
	BY_PATH = 1 << 20,	/* how many arguments the prefix has */
	LIBRARY = 1 << 21,
};

bool no_uprobes(struct job *j, const struct point *pt)
{
	if (pt->optional || pt->sufficient)
		return true;
	return complain(j, pt->at, E_ENGINE, "kernel \"%s\" has no uprobes",
			target_name(j->target));
}

/* --- which processes, which builds --------------------------------------------- */

/* The program of a command: its first word. */
static const char *program_of(struct job *j, const char *command)
{
	command += strspn(command, " \t");
	return arena_strndup(&j->mem, command, strcspn(command, " \t"));
}

static bool path_of_pid(struct job *j, struct point *pt, struct expr *arg,
			struct named_process *out)
{
	out->path = target_process_path(j->target, out->pid);
	return out->path || site_missing(j, pt, arg ? arg->at : pt->at,
					 "there is no process %jd here whose "
					 "program could be read",
					 (intmax_t)out->pid);
}

bool process_named(struct job *j, struct point *pt, struct expr *arg,
		   bool want_path, struct named_process *out)
{
	const struct options *o = j->opt;

	*out = (struct named_process){ .arg = arg };
	if (arg && arg->kind == X_STRING) {
		out->path = arg->str;
		return true;
	}
	if (arg) {
		out->pid = arg->num;
		if (out->pid < 1)
			return complain(j, arg->at, E_PROBE_ARG, "%jd is no "
					"number of a process",
					(intmax_t)out->pid);
		return !want_path || path_of_pid(j, pt, arg, out);
	}
	if (!want_path)
		return true;
	if (o->command)
		out->path = program_of(j, o->command);
	else if (o->target_pid) {
		out->pid = o->target_pid;
		if (!path_of_pid(j, pt, arg, out))
			return false;
		out->pid = 0;
	} else
		return complain(j, pt->at, E_PROBE_ARG, "process without a "
				"path is the program of -c CMD or -x PID: "
				"give stapc one of them, or a path");
	return true;
}

const char *process_prefix(struct job *j, const struct named_process *p,
			   const char *path)
{
	if (p->pid)
		return arena_printf(&j->mem, "process(%jd)", (intmax_t)p->pid);
	return path ? arena_printf(&j->mem, "process(\"%s\")", path) :
		"process";
}

/* --- in one build ---------------------------------------------------------------- */

static bool function_sites(const struct in_program *in, int what,
			   struct expr **args)
{
	struct func_query q = {
		.j = in->j, .pr = in->pr, .pt = in->pt,
		.family = &family_process, .what = what, .b = in->b,
		.prefix = in->prefix, .may_miss = in->may_miss,
	};

	func_arguments(&q, args);
	return func_sites(&q);
}

/* args: those behind the program and the library. */
static bool sites_in(const struct in_program *in, int what, struct expr **args)
{
	if (what & MARK)
		return what & PROVIDER ?
			mark_sites(in, args[0]->str, args[1]) :
			mark_sites(in, NULL, args[0]);
	if (what & PLT)
		return plt_sites(in, args[0], what & FN_RETURN);
	return function_sites(in, what & ~(BY_PATH | LIBRARY), args);
}

/* In all libraries of a build that fit; false: complained. */
static bool library_sites(struct in_program in, int what, struct expr **args)
{
	struct job *j = in.j;
	struct binary **libs;
	size_t i, n, before = j->sites.n;
	const char *prefix = in.prefix;
	bool ok = true;

	n = target_libraries(j->target, in.b, args[0]->str, &libs);
	if (!n)
		return in.may_miss || site_missing(j, in.pt, args[0]->at,
			"%s is linked with no library \"%s\" that is declared "
			"or there", in.b->name, args[0]->str);
	in.may_miss |= n > 1;
	for (i = 0; i < n; i++) {
		in.b = libs[i];
		in.prefix = arena_printf(&j->mem, "%s.library(\"%s\")", prefix,
					 libs[i]->name);
		ok &= sites_in(&in, what, args + 1);
	}
	if (!ok || j->sites.n > before || n == 1)
		return ok;
	return site_missing(j, in.pt, in.pt->at, "none of the %zu libraries "
			    "\"%s\" has it", n, args[0]->str);
}

/* Whose processes they are for: a library is mapped by others, too. */
static void set_tasks(struct job *j, const struct named_process *p, int what,
		      const char *path, size_t from)
{
	struct site_tasks *t = NEW(&j->mem, struct site_tasks);

	t->pid = p->pid;
	if (what & LIBRARY && !p->pid)
		t->path = path;
	for (; from < j->sites.n; from++)
		j->sites.v[from]->tasks = t;
}

static bool expand(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	struct in_program in = { .j = j, .pr = pr, .pt = pt };
	struct binary *builds[MAX_BUILDS];
	bool by_arg = shape->data & BY_PATH, ok = true;
	struct named_process p;
	size_t i, n, before;

	if (!process_named(j, pt, by_arg ? args[0] : NULL, true, &p))
		return false;
	if (!p.path)
		return true;
	n = target_programs(j->target, p.path, builds, MAX_BUILDS);
	if (!n)
		return site_missing(j, pt, p.arg ? p.arg->at : pt->at,
				    "no build of \"%s\" is declared or there",
				    p.path);
	in.may_miss = n > 1 && strpbrk(p.path, "*?[");
	for (i = 0; i < n; i++) {
		before = j->sites.n;
		in.b = builds[i];
		in.prefix = process_prefix(j, &p, builds[i]->name);
		if (shape->data & LIBRARY)
			ok &= library_sites(in, shape->data, args + by_arg);
		else
			ok &= sites_in(&in, shape->data, args + by_arg);
		set_tasks(j, &p, shape->data, builds[i]->name, before);
	}
	return ok;
}

/* --- shapes ------------------------------------------------------------------------ */

#define IN_PROGRAM(prefix, more) \
	FUNCTION_SHAPES_AND(prefix, expand, more), \
	{ prefix ".mark(s)", expand, MARK | (more) }, \
	{ prefix ".provider(s).mark(s)", expand, MARK | PROVIDER | (more) }, \
	{ prefix ".plt(s?)", expand, PLT | (more) }, \
	{ prefix ".plt(s?).return", expand, PLT | FN_RETURN | (more) }

static const struct shape shapes[] = {
	IN_PROGRAM("process(s)", BY_PATH),
	IN_PROGRAM("process(n)", BY_PATH),
	IN_PROGRAM("process", 0),
	IN_PROGRAM("process(s).library(s)", BY_PATH | LIBRARY),
	IN_PROGRAM("process(n).library(s)", BY_PATH | LIBRARY),
	IN_PROGRAM("process.library(s)", LIBRARY),
	{ NULL, NULL, 0 }
};

const struct family family_process = { "process", shapes };
