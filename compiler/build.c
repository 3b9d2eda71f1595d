/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * build.c - IR to files: C through the emitter, objects through clang, and the
 * plan that tells the bundler what they are (docs/plan.md). In: j->ir. Out:
 * in j->opt->out_dir k.c, u.c, k.o, u.o (what there is), script.stp, plan.
 * Nothing of the build host is in them: paths are mapped away.
 */
#include "ir.h"
#include "kmod.h"
#include "stap.h"
#include "target.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* docs/plan.md: limits needs=, site flags= */
enum { NEEDS_SLIDE = 1, NEEDS_MEMORY = 2, NEEDS_MODULES = 4, NEEDS_PROGRAMS = 8,
       NEEDS_CONDITIONS = 64 };
enum { NEEDS_PROCESSES = 16 };
enum { SITE_BY_ADDRESS = 1, SITE_IN_MODULE = 4, SITE_ABSOLUTE = 8 };
enum { SITE_SEMAPHORE = 32, SITE_WITH_TARGET = 64, SITE_IN_TASKS = 128 };
/* exit statuses of a child that could not start clang, as shells have them */
enum { CANNOT_RUN = 126, NOT_FOUND = 127 };

bool emit_sources(struct job *j)
{
	const char *name = base_name(j->opt->script_name);
	struct ir_layout lay = { 0 };

	j->c_kernel.mem = j->c_user.mem = &j->mem;
	emit_layout(&j->mem, j->ir, &lay);
	if (lay.frame_size > IR_MAX_FRAME)
		return complain(j, j->ir->handlers->at, E_ENGINE,
				"the strings of one handler need %u bytes, and "
				"the bpf engine has %d: make MAXSTRINGLEN "
				"smaller (-D), or the handler",
				lay.frame_size, IR_MAX_FRAME);
	if (j->ir->has_kernel)
		emit_c(&j->mem, j->ir, &lay, true, name, &j->c_kernel);
	if (j->ir->has_loader)
		emit_c(&j->mem, j->ir, &lay, false, name, &j->c_user);
	return true;
}

/* --- clang ---------------------------------------------------------------------- */

struct unit {			/* one call of clang */
	const char *c, *o;	/* in out_dir */
	const char *engine;	/* folder of runtime/ */
	pid_t pid;
	int status;		/* of the compiler, when it is done */
};

static char *in_out_dir(struct job *j, const char *name)
{
	return arena_printf(&j->mem, "%s/%s", j->opt->out_dir, name);
}

static void write_out(struct job *j, const char *name, const char *s, size_t n)
{
	char *path = in_out_dir(j, name);

	if (!write_file(path, s, n))
		die("%s: %m", path);
}

/* In the child, and in out_dir, so that no path gets into the object. */
static _Noreturn void exec_clang(struct job *j, const struct unit *u)
{
	const char *clang = j->opt->clang;
	VEC(const char *) argv = { 0 };
	char *share = realpath(j->opt->share_dir, NULL);
	size_t i;

	if (!share)
		die("%s: %m", j->opt->share_dir);
	vec_push(&j->mem, &argv, clang);
	for (i = 0; emit_clang_flags[i]; i++)
		vec_push(&j->mem, &argv, emit_clang_flags[i]);
	vec_push(&j->mem, &argv, arena_printf(&j->mem, "-I%s/runtime/%s",
					      share, u->engine));
	vec_push(&j->mem, &argv, arena_printf(&j->mem, "-I%s/runtime", share));
	vec_push(&j->mem, &argv, arena_printf(&j->mem,
					      "-ffile-prefix-map=%s/=", share));
	vec_push(&j->mem, &argv, "-fdebug-compilation-dir=.");
	vec_push(&j->mem, &argv, "-c");
	vec_push(&j->mem, &argv, "-o");
	vec_push(&j->mem, &argv, u->o);
	vec_push(&j->mem, &argv, u->c);
	vec_push(&j->mem, &argv, NULL);
	if (chdir(j->opt->out_dir))
		die("%s: %m", j->opt->out_dir);
	execvp(clang, (char **)argv.v);
	_exit(errno == ENOENT ? NOT_FOUND : CANNOT_RUN);
}

static void start_clang(struct job *j, struct unit *u, const struct text *c)
{
	write_out(j, u->c, c->s, c->n);
	u->pid = fork_child();
	if (!u->pid)
		exec_clang(j, u);
}

/* Both are waited for before one is judged: the folder goes when we die. */
static void wait_clang(struct unit *u)
{
	while (waitpid(u->pid, &u->status, 0) < 0)
		if (errno != EINTR)
			die("waitpid: %m");
}

static void judge_clang(struct job *j, const struct unit *u)
{
	const char *clang = j->opt->clang;
	int status = u->status;

	if (WIFSIGNALED(status))
		die("%s was killed: %s", clang, strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) == NOT_FOUND)
		die("%s: not found; install clang, or name it with --clang",
		    clang);
	if (WEXITSTATUS(status) == CANNOT_RUN)
		die("%s: cannot be run; name another with --clang", clang);
	if (WEXITSTATUS(status))
		bug("%s did not compile %s (stapc -k keeps it)", clang,
		    in_out_dir(j, u->c));
}

static bool run_clang(struct job *j)
{
	struct unit kernel = { "k.c", "k.o", "bpf", 0, 0 };
	struct unit user = { "u.c", "u.o", "user", 0, 0 };

	if (j->c_kernel.n)
		start_clang(j, &kernel, &j->c_kernel);
	if (j->c_user.n)
		start_clang(j, &user, &j->c_user);
	if (j->c_kernel.n)
		wait_clang(&kernel);
	if (j->c_user.n)
		wait_clang(&user);
	if (j->c_kernel.n)
		judge_clang(j, &kernel);
	if (j->c_user.n)
		judge_clang(j, &user);
	return true;
}

bool run_compilers(struct job *j)
{
	return j->engine == ENGINE_MODULE ? kmod_build(j) : run_clang(j);
}

/* --- the plan --------------------------------------------------------------------- */

static void put_text(struct text *t, const char *key, const char *s)
{
	text_printf(t, " %s=", key);
	text_quote(t, s, strlen(s));
}

static void put_id(struct text *t, const uint8_t *id, size_t n)
{
	size_t i;

	if (n)
		text_puts(t, " build-id=");
	for (i = 0; i < n; i++)
		text_printf(t, "%02x", id[i]);
}

static bool needs_slide(const struct ir *ir)
{
	const struct ir_handler *h;
	const struct ir_site *s;

	for (h = ir->handlers; h; h = h->next)
		for (s = h->sites; s; s = s->next)
			if (s->by_address)
				return true;
	return ir->needs_slide;
}

static bool has_conditions(const struct ir *ir)
{
	const struct ir_handler *h;

	for (h = ir->handlers; h; h = h->next)
		if (h->when == IR_CONDITION)
			return true;
	return false;
}

static bool has_modules(const struct ir *ir)
{
	size_t i;

	for (i = 0; i < ir->builds.n; i++)
		if (ir->builds.v[i].is_module)
			return true;
	return false;
}

static bool needs_programs(const struct ir *ir)
{
	const struct ir_handler *h;
	const struct ir_global *g;
	const struct ir_site *s;

	for (g = ir->globals; g; g = g->next)
		if (g->filled)
			return true;
	for (h = ir->handlers; h; h = h->next)
		for (s = h->sites; s; s = s->next)
			if (s->semaphore)
				return true;
	return false;
}

static void plan_head(struct job *j, const struct ir_layout *lay,
		      struct text *t)
{
	const struct binary *k = target_kernel(j->target);
	const struct ir *ir = j->ir;
	uint64_t stext = target_symbol(j->target, k, "_stext");
	uint64_t notes = target_symbol(j->target, k, "__start_notes");

	text_puts(t, "stb-plan 1\nkernel");
	put_text(t, "name", target_name(j->target));
	put_text(t, "release", target_release(j->target));
	put_id(t, k->id.bytes, k->id.len);
	if (stext)
		text_printf(t, " stext=0x%" PRIx64, stext);
	if (stext && notes > stext && notes - stext <= UINT32_MAX)
		text_printf(t, " notes=0x%" PRIx64, notes - stext);
	text_puts(t, "\nscript");
	put_text(t, "name", base_name(j->opt->script_name));
	text_puts(t, " file=script.stp compiler=\"stapc 0.1\"");
	if (j->opt->privilege)
		text_printf(t, " privilege=%s",
			    privilege_names[j->opt->privilege]);
	text_putc(t, '\n');
	text_printf(t, "limits string_len=%u max_errors=%" PRId64
		    " max_skipped=%" PRId64 " max_action_user=%" PRId64
		    " max_nesting=%" PRId64 " globals_size=%u frame_size=%u"
		    " frame_levels=%u user_stack=%u needs=%u\n",
		    ir->string_len, ir->max_errors, ir->max_skipped,
		    ir->max_action_user, ir->max_nesting, lay->globals_size,
		    lay->frame_size, lay->frame_levels, lay->user_stack,
		    (needs_slide(ir) ? NEEDS_SLIDE : 0) |
		    (ir->loader_reads ? NEEDS_MEMORY : 0) |
		    (has_modules(ir) ? NEEDS_MODULES : 0) |
		    (needs_programs(ir) ? NEEDS_PROGRAMS : 0) |
		    (has_conditions(ir) ? NEEDS_CONDITIONS : 0) |
		    (ir->user ? NEEDS_PROCESSES : 0));
	if (j->engine == ENGINE_MODULE) {
		text_puts(t, "object engine=module file=k.ko\n");
		return;
	}
	if (ir->has_kernel)
		text_puts(t, "object engine=bpf file=k.o\n");
	if (ir->has_loader)
		text_puts(t, "object engine=user file=u.o\n");
}

static void plan_map(struct text *t, const struct ir_layout_map *m)
{
	text_printf(t, "map id=%u", m->id);
	put_text(t, "name", m->name);
	text_printf(t, " type=%s", m->type);
	if (*m->keys)
		text_printf(t, " keys=%s", m->keys);
	if (m->value)
		text_printf(t, " value=%c", m->value);
	text_printf(t, " key_size=%u value_size=%u max_entries=%u flags=%u",
		    m->key_size, m->value_size, m->max_entries, m->flags);
	if (m->stat_ops)
		text_printf(t, " stat_ops=%u hist_lo=%" PRId64 " hist_hi=%"
			    PRId64 " hist_step=%" PRId64, m->stat_ops,
			    m->hist_lo, m->hist_hi, m->hist_step);
	text_putc(t, '\n');
}

static void plan_memory(const struct ir_layout *lay, struct text *t)
{
	size_t i;

	for (i = 0; i < lay->maps.n; i++)
		plan_map(t, &lay->maps.v[i]);
	for (i = 0; i < lay->globals.n; i++) {
		const struct ir_layout_global *g = &lay->globals.v[i];

		text_puts(t, "global");
		put_text(t, "name", g->global->name);
		text_printf(t, " type=%c offset=%u size=%u\n",
			    g->global->value == IR_V_STRING ? 's' : 'l',
			    g->offset, g->size);
	}
}

static void plan_tables(const struct ir *ir, struct text *t)
{
	static const char *const channels[] = { "out", "error", "warn", "log",
		"system", "switch", "value" };
	size_t i;

	for (i = 0; i < ir->formats.n; i++) {
		const struct ir_format *f = &ir->formats.v[i];

		text_puts(t, "format text=");
		text_quote(t, f->text, f->len);
		if (*f->args)
			text_printf(t, " args=%s", f->args);
		text_printf(t, " channel=%s\n", channels[f->channel]);
	}
	for (i = 0; i < ir->builds.n; i++) {
		text_puts(t, "build");
		put_text(t, "path", ir->builds.v[i].path);
		put_id(t, ir->builds.v[i].id, ir->builds.v[i].id_len);
		if (ir->builds.v[i].is_module)
			text_puts(t, " kind=module");
		if (ir->builds.v[i].is_path)
			text_puts(t, " kind=path");
		text_putc(t, '\n');
	}
}

static unsigned flags_of(const struct ir_site *s)
{
	return (s->by_address ? SITE_BY_ADDRESS : 0) |
	       (s->in_module ? SITE_IN_MODULE : 0) |
	       (s->is_absolute ? SITE_ABSOLUTE : 0) |
	       (s->semaphore ? SITE_SEMAPHORE : 0) |
	       (s->with_target ? SITE_WITH_TARGET : 0) |
	       (s->in_tasks ? SITE_IN_TASKS : 0);
}

static void plan_site(const struct ir_handler *h, const struct ir_site *s,
		      struct text *t)
{
	text_puts(t, "site");
	put_text(t, "name", s->name);
	text_printf(t, " prog=%s attach=%s", h->name,
		    ir_attach_name(s->attach));
	if (flags_of(s))
		text_printf(t, " flags=%u", flags_of(s));
	if (s->symbol)
		put_text(t, "symbol", s->symbol);
	if (s->build >= 0)
		text_printf(t, " build=%d", s->build);
	text_printf(t, " addr=0x%" PRIx64 " offset=0x%" PRIx64 " cookie=%"
		    PRIu64, s->addr, s->offset, s->cookie);
	if (s->event)
		text_printf(t, " event=%u event_flags=%u config=0x%" PRIx64
			    " rate=%" PRIu64, s->event->type, s->event->flags,
			    s->event->config, s->event->rate);
	if (s->event && s->event->length)
		text_printf(t, " access=%u length=%u", s->event->access,
			    s->event->length);
	if (s->semaphore)
		text_printf(t, " semaphore=0x%" PRIx64, s->semaphore);
	else if (s->maxactive)
		text_printf(t, " maxactive=%" PRId64, s->maxactive);
	text_putc(t, '\n');
}

static void plan_handler(const struct ir_handler *h, struct text *t)
{
	static const char *const progs[] = {
		[IR_LOADER] = "",
		[IR_KPROBE] = "kprobe", [IR_FENTRY] = "fentry",
		[IR_FEXIT] = "fexit", [IR_RAW_TP] = "raw_tp",
		[IR_PERF_EVENT] = "perf_event",
		[IR_NETFILTER] = "netfilter",
		[IR_SYSCALL] = "",
	};
	static const char *const whens[] = {
		"", "begin", "end", "error", "timer", "read", "write",
		"condition",
	};
	const struct ir_site *s;

	if (h->prog == IR_LOADER) {
		text_printf(t, "handler name=%s when=%s order=%" PRId64
			    " period_ns=%" PRIu64 " random_ns=%" PRIu64,
			    h->name, whens[h->when], h->order, h->period_ns,
			    h->random_ns);
		if (h->guards)
			put_text(t, "prog", h->guards->name);
		if (h->file.path) {
			put_text(t, "file", h->file.path);
			text_printf(t, " mode=%u max_size=%u", h->file.mode,
				    h->file.max_size);
		}
		text_putc(t, '\n');
		return;
	}
	if (h->prog == IR_SYSCALL)
		return;
	text_printf(t, "prog name=%s type=%s btf_id=%u\n", h->name, h->sites &&
		    h->sites->attach == IR_AT_TASKS ? "tasks" :
		    progs[h->prog], h->btf_id);
	for (s = h->sites; s; s = s->next)
		plan_site(h, s, t);
}

/* All handlers of system calls are one program at each of two tracepoints. */
static void plan_calls(const struct ir *ir, enum ir_attach at, struct text *t)
{
	const char *name, *point = emit_calls_point(at);
	size_t part;

	for (part = 0; (name = emit_calls_name(t->mem, ir, at, part)); part++)
		text_printf(t, "prog name=%s type=raw_tp btf_id=0\nsite "
			    "name=\"kernel.trace(\\\"raw_syscalls:%s\\\")\" "
			    "prog=%s attach=raw_tp symbol=\"%s\"\n", name,
			    point, name, point);
}

/* A module may have several builds: their tables are files of their own. */
static const char *short_id(struct arena *mem, const struct binary *b)
{
	return arena_printf(mem, "%02x%02x%02x", b->id.bytes[0],
			    b->id.bytes[1], b->id.bytes[2]);
}

/* One binary's table; false: there is nothing known of it. */
static bool plan_table(struct job *j, struct binary *b, struct text *t)
{
	struct text file = { .mem = &j->mem };
	const char *name = arena_printf(&j->mem, "%s.%s.sym",
					base_name(b->name),
					short_id(&j->mem, b));
	unsigned user = j->ir->user, what = 0;

	if (b->kind == BIN_PROGRAM)
		what = (user & IR_USER_LINES ? SYMTAB_LINES : 0) |
		       (user & IR_USER_UNWIND ? SYMTAB_UNWIND : 0);
	else if (j->ir->symbols & IR_SYM_LINES)
		what = SYMTAB_LINES;
	if (!target_symbol_file(j->target, b, what, &file))
		return false;
	write_out(j, name, file.s, file.n);
	text_puts(t, "symbols");
	put_text(t, "name", b->name);
	text_printf(t, " kind=%s", b->kind == BIN_KERNEL ? "kernel" :
		    b->kind == BIN_MODULE ? "module" : "program");
	put_text(t, "file", name);
	put_id(t, b->id.bytes, b->id.len);
	text_putc(t, '\n');
	return true;
}

static bool plan_modules(struct job *j, const char *glob, struct text *t)
{
	struct binary **found;
	bool bad = false;
	size_t i, n = target_modules(j->target, glob, &found, &bad);

	if (bad)
		return false;
	for (i = 0; i < n; i++)
		plan_table(j, found[i], t);
	return n > 0;
}

/* --- tables of programs ----------------------------------------------------------- */

enum { MOST_BUILDS = 4096 };
struct packed {			/* builds whose tables are wanted */
	struct job *j;
	VEC(struct binary *) v;
};

static void want_build(struct packed *p, struct binary *b)
{
	size_t i;

	for (i = 0; i < p->v.n; i++)
		if (p->v.v[i] == b)
			return;
	vec_push(&p->j->mem, &p->v, b);
}

/* Builds of a path, which may be a glob; how many. */
static size_t want_path(struct packed *p, const char *path)
{
	struct binary **found = NEW_ARRAY(&p->j->mem, struct binary *,
					  MOST_BUILDS);
	size_t i, n = target_programs(p->j->target, path, found, MOST_BUILDS);

	for (i = 0; i < n; i++)
		want_build(p, found[i]);
	return n;
}

/* What those that are wanted want loaded, and so on. */
static void want_needed(struct packed *p)
{
	struct binary *found[64];
	size_t b, i, k, n;

	for (b = 0; b < p->v.n; b++)
		for (i = 0; target_needed(p->j->target, p->v.v[b], i, found,
					  COUNT_OF(found), &n); i++)
			for (k = 0; k < n; k++)
				want_build(p, found[k]);
}

/* The programs that are probed where the script asks for names or stacks, and what
   -d, --ldd and --all-modules say. */
static void plan_programs(struct job *j, struct text *t)
{
	const struct options *o = j->opt;
	struct packed p = { .j = j };
	struct binary **all, *vdso;
	size_t i, n;

	for (i = 0; i < o->symbols.n; i++)
		if (strchr(o->symbols.v[i], '/') &&
		    !want_path(&p, o->symbols.v[i]))
			die("-d %s: no build of that is declared or there",
			    o->symbols.v[i]);
	for (i = 0; j->ir->user && i < j->ir->builds.n; i++)
		if (!j->ir->builds.v[i].is_module)
			want_path(&p, j->ir->builds.v[i].path);
	n = o->all_modules ? target_all_programs(j->target, &all) : 0;
	for (i = 0; i < n; i++)
		want_build(&p, all[i]);
	if (o->ldd)
		want_needed(&p);
	vdso = j->ir->user ? target_vdso(j->target) : NULL;
	if (vdso)
		want_build(&p, vdso);
	for (i = 0; i < p.v.n; i++)
		plan_table(j, p.v.v[i], t);
}

/* What the script needs, what -d names; of probed modules the kernel knows the
   names, but not the lines. */
static void plan_symbols(struct job *j, struct text *t)
{
	const struct options *o = j->opt;
	bool kernel = j->ir->symbols;
	size_t i;

	for (i = 0; i < o->symbols.n; i++)
		if (!strcmp(o->symbols.v[i], "kernel"))
			kernel = true;
		else if (!strchr(o->symbols.v[i], '/') &&
			 !plan_modules(j, o->symbols.v[i], t))
			die("-d %s: kernel %s has no module of that name%s%s",
			    o->symbols.v[i], target_name(j->target),
			    target_modules_folder(j->target) ? " in " : "",
			    target_modules_folder(j->target) ?
			    target_modules_folder(j->target) : "");
	if (o->all_modules)
		plan_modules(j, "*", t);
	for (i = 0; j->ir->symbols & IR_SYM_LINES && !o->all_modules &&
		    i < j->ir->builds.n; i++)
		if (j->ir->builds.v[i].is_module)
			plan_modules(j, j->ir->builds.v[i].path, t);
	if (kernel)
		plan_table(j, target_kernel(j->target), t);
	plan_programs(j, t);
}

static void write_script(struct job *j)
{
	const char *s = j->opt->script_text;
	size_t n;

	if (s) {
		n = strlen(s);
	} else {
		s = read_file(&j->mem, j->opt->script_name, &n);
		if (!s)
			die("%s: %m", j->opt->script_name);
	}
	write_out(j, "script.stp", s, n);
}

bool write_plan(struct job *j)
{
	struct text t = { .mem = &j->mem };
	const struct ir_handler *h;
	struct ir_layout lay = { 0 };

	emit_layout(&j->mem, j->ir, &lay);
	plan_head(j, &lay, &t);
	plan_memory(&lay, &t);
	plan_tables(j->ir, &t);
	for (h = j->ir->handlers; h; h = h->next)
		plan_handler(h, &t);
	plan_calls(j->ir, IR_AT_SYS_ENTER, &t);
	plan_calls(j->ir, IR_AT_SYS_EXIT, &t);
	plan_symbols(j, &t);
	write_script(j);
	write_out(j, "plan", t.s, t.n);
	return true;
}
