/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * privilege.c - what --privilege lets a script do. In: the typed AST and its
 * sites. Out: proof that the script keeps to its level, or a complaint that
 * names what does not:
 *
 *	stapdev		everything
 *	stapsys		all but guru mode
 *	stapusr		begin, end, error, timers, and probes of processes, which
 *			the emitted code lets see those of its user alone; the
 *			functions below
 *
 * A function that is not listed is not allowed. ir_own.c proves the same of what
 * became of it: that no memory is read but that of the process.
 */
#include "points/family.h"

#include <string.h>

const char *const privilege_names[] = { "stapdev", "stapsys", "stapusr" };

/* Built-ins that tell of one's own process, of the session, of strings. */
static const char *const allowed[] = {
	"pid", "tid", "uid", "gid", "euid", "egid", "ppid", "execname", "cpu",
	"target",
	"register", "u_register", "int_arg", "uint_arg", "long_arg",
	"ulong_arg", "longlong_arg", "ulonglong_arg", "pointer_arg", "s32_arg",
	"u32_arg", "s64_arg", "u64_arg", "returnval", "probing_32bit_app",
	"registers_valid", "is_return", "user_mode", "asmlinkage", "fastcall",
	"gettimeofday_ns", "gettimeofday_us", "gettimeofday_ms",
	"gettimeofday_s", "jiffies", "ktime_get_ns", "get_cycles",
	"__tz_gmtoff", "__tz_name",
	"randint", "strlen", "substr", "isinstr", "strpos", "strtol",
	"stringat", "text_strn", "str_replace", "tolower", "toupper",
	"tokenize", "matched", "matched_str", "ngroups",
	"fp_add", "fp_sub", "fp_mul", "fp_div", "fp_rem", "fp_sqrt", "fp_eq",
	"fp_lt", "fp_le", "fp_to_long", "long_to_fp", "fp32_to_fp64",
	"__fp_decimal", "__string_to_fp",
	"exit", "error", "warn", "log", "abort", "switch_file", "__raise",
	"__name_of", "__way",
	/* of points that are refused as such */
	"__file_value", "__file_set", "__file_add",
	"pp", "ppfunc", "probefunc", "pn", "probemod", "module_name", "addr",
	"uaddr",
	"usymname", "usymdata", "usymfile", "usymline", "usymfileline",
	"umodname", "print_usyms", "print_ustack", "sprint_usyms",
	"sprint_ustack", "ubacktrace", "ustack", "ucallers",
	"print_ubacktrace", "print_ubacktrace_brief",
	"print_ubacktrace_fileline", "sprint_ubacktrace",
	"user_string", "user_string_n", "user_char", "user_short",
	"user_ushort", "user_int", "user_uint32", "user_long", "user_int8",
	"user_uint8", "user_int16", "user_uint16", "user_int32", "user_int64",
	"user_uint64", "user_ulong", "user_char_error", "user_short_error",
	"user_ushort_error", "user_int_error", "user_long_error",
	"user_ulong_error", "user_int8_error", "user_uint8_error",
	"user_int16_error", "user_uint16_error", "user_int32_error",
	"user_uint32_error", "user_int64_error", "user_uint64_error",
};

/* Of the tapsets: they look into the kernel for what is the process's own. */
static const char *const blessed[] = {
	"ppid", "pexecname", "euid", "egid", "pgrp", "sid", "stp_pid",
	"is_myproc", "cmdline_arg", "cmdline_args", "cmdline_str", "env_var",
};

static bool is_in(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i], name))
			return true;
	return false;
}

/* Of those that are installed: what -I names is the user's. */
static bool is_blessed(const struct job *j, const struct function *f)
{
	const char *dir = j->opt->share_dir;

	return dir && f->src->is_tapset &&
	       !strncmp(f->src->name, dir, strlen(dir)) &&
	       is_in(blessed, COUNT_OF(blessed), f->name);
}

/* It, and what it calls: who calls that himself is told. */
static void bless(const struct expr *e, void *arg)
{
	if (!e->fn || e->kind != X_CALL || e->fn->may_look)
		return;
	e->fn->may_look = true;
	walk_stmts(e->fn->body, bless, arg);
}

struct proof {
	struct job *j;
	VEC(const struct function *) calls;	/* that are being looked at */
	const char *why;	/* of a tapset's function: the first thing
				   found in it; NULL: nothing, or told at once */
	bool in_tapset;
};

static void found(struct proof *p, struct span at, const char *what)
{
	if (p->in_tapset) {
		if (!p->why)
			p->why = what;
		return;
	}
	complain(p->j, at, E_PRIVILEGE, "%s is not allowed with "
		 "--privilege=stapusr, which is for one's own processes", what);
}

static void prove_expr(const struct expr *e, void *arg);

/* What a tapset's function does; NULL: nothing that is not allowed. */
static const char *why_not(struct proof *p, const struct function *f)
{
	struct proof in = { .j = p->j, .calls = { p->calls.v, p->calls.n,
			    p->calls.cap }, .in_tapset = true };
	size_t i;

	if (is_blessed(p->j, f))
		return NULL;
	for (i = 0; i < in.calls.n; i++)
		if (in.calls.v[i] == f)
			return NULL;
	vec_push(&p->j->mem, &in.calls, f);
	walk_stmts(f->body, prove_expr, &in);
	return in.why;
}

static void prove_call(struct proof *p, const struct expr *e)
{
	struct arena *mem = &p->j->mem;
	const char *why;

	if (e->builtin && !is_in(allowed, COUNT_OF(allowed), e->builtin->name))
		found(p, e->at, arena_printf(mem, "function %s()", e->str));
	if (!e->fn || !e->fn->src->is_tapset)
		return;
	why = why_not(p, e->fn);
	if (why)
		found(p, e->at, arena_printf(mem, "function %s(), which uses %s,",
					     e->str, why));
}

static bool is_kernel(const char *module)
{
	return module && !strncmp(module, "kernel", 6);
}

static void prove_expr(const struct expr *e, void *arg)
{
	struct proof *p = arg;

	if (e->kind == X_CALL)
		prove_call(p, e);
	else if (e->kind == X_TARGET && is_kernel(e->target->module))
		found(p, e->at, e->target->kind == TR_CAST ?
		      "@cast to memory of the kernel" :
		      "@var of the kernel");
	else if (e->kind == X_DEREF && e->op == OP_KERNEL)
		found(p, e->at, "@kderef");
	else if (e->kind == X_REGISTER && e->op == OP_KERNEL)
		found(p, e->at, "@kregister");
	else if (e->kind == X_PERF)
		found(p, e->at, "@perf");
}

static bool may_probe(const struct site *s)
{
	switch (s->attach) {
	case AT_BEGIN: case AT_END: case AT_ERROR: case AT_NEVER:
	case AT_TIMER:
		return true;
	case AT_UPROBE: case AT_URETPROBE:
		return s->is_user;
	case AT_KPROBE: case AT_KRETPROBE: case AT_FENTRY: case AT_FEXIT:
	case AT_RAW_TP: case AT_TASKS: case AT_PERF_EVENT: case AT_FILE_READ:
	case AT_FILE_WRITE: case AT_NETFILTER: case AT_SYSCALL:
		return false;
	}
	bug("attach %d", s->attach);
}

static void prove_sites(struct job *j)
{
	const struct point *told = NULL;
	struct text name = { .mem = &j->mem };
	size_t i;

	for (i = 0; i < j->sites.n; i++) {
		const struct site *s = j->sites.v[i];

		if (may_probe(s) || s->point == told)
			continue;
		told = s->point;
		name.n = 0;
		dump_point(&name, s->point);
		complain(j, s->point->at, E_PRIVILEGE, "probe point %s is not "
			 "allowed with --privilege=stapusr, which is for "
			 "begin, end, error, timers (but timer.profile) and "
			 "functions and statements of processes", name.s);
	}
}

static void prove_body(struct proof *p, const struct source *src,
		       const struct stmt *body)
{
	if (!src->is_tapset)
		walk_stmts(body, prove_expr, p);
}

bool prove_privilege(struct job *j)
{
	struct proof p = { .j = j };
	struct function *f;
	const struct probe *pr;
	const struct point *pt;

	if (j->opt->privilege != PRIVILEGE_STAPUSR)
		return true;
	prove_sites(j);
	for (f = j->script->functions; f; f = f->next) {
		if (is_blessed(j, f)) {
			f->may_look = true;
			walk_stmts(f->body, bless, NULL);
		}
		prove_body(&p, f->src, f->body);
	}
	for (pr = j->script->probes; pr; pr = pr->next) {
		/* a tapset's alias has the user's probe around it */
		walk_stmts(pr->body, prove_expr, &p);
		for (pt = pr->points; pt; pt = pt->next)
			if (pt->condition)
				walk_expr(pt->condition, prove_expr, &p);
	}
	return !j->errors;
}
