/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tasks.c - process.begin, .end, .thread.begin, .thread.end, .syscall[.return] of
 * process("PATH"), process(PID) or all processes: sites at the scheduler's and
 * the system calls' tracepoints. A process begins where it is forked and where
 * it executes another program, which is the end of the one before. The handler
 * of a fork runs in the parent, before the new task does, for the new task. Those that
 * are there when the session begins are gone through then.
 */
#include "process.h"

enum { OF_ARG = 1 << 8, RETURN = 1 << 9 };
enum { BEGIN, END, THREAD_BEGIN, THREAD_END, SYSCALL, INSN };

struct point_of_tasks {
	struct job *j;
	struct probe *pr;
	struct point *pt;
	const struct named_process *p;
	const char *name;
	const struct given *given;
};

static void take_tracepoint(void *arg, struct tracepoint *tp)
{
	struct tracepoint **out = arg;

	*out = tp;
}

static bool add_site(const struct point_of_tasks *x, enum task_event event,
		     const char *tracepoint)
{
	struct site_tasks *t = NEW(&x->j->mem, struct site_tasks);
	struct tracepoint *tp = NULL;
	struct site *s;

	target_tracepoints(x->j->target, tracepoint, take_tracepoint, &tp);
	if (!tp)
		return site_missing(x->j, x->pt, x->pt->at, "kernel \"%s\" has "
				    "no tracepoint %s", target_name(
				    x->j->target), tracepoint);
	s = site_new(x->j, x->pr, x->pt, &family_tasks, AT_RAW_TP, x->name);
	*t = (struct site_tasks){ .pid = x->p->pid, .path = x->p->path,
				  .event = event };
	if (event == TASK_THERE || event == THREAD_THERE)
		s->attach = AT_TASKS;
	s->tp = tp;
	s->tasks = t;
	s->given = x->given;
	return true;
}

/* By the kernel's iterator, which is called as a fork is: the task comes second. */
static bool add_there(const struct point_of_tasks *x, enum task_event event)
{
	return !target_task_iterator(x->j->target) ||
	       add_site(x, event, "sched:sched_process_fork");
}

/* --- variables ------------------------------------------------------------------- */

enum { REGS, NUMBER };	/* arguments of sys_enter; of sys_exit REGS, RESULT */
enum { RESULT = 1, ORIG_AX = 120 };	/* of struct pt_regs */

static struct variable *add_variable(struct job *j, struct given *g,
				     const char *name)
{
	struct variable *v = &g->v[g->n++];
	struct ctype *t = NEW(&j->mem, struct ctype);

	*t = (struct ctype){ .kind = TY_INT, .name = "long", .size = 8,
			     .is_signed = true,
			     .bin = target_kernel(j->target) };
	*v = (struct variable){ .name = name, .type = t, .is_param = true,
				.abi_arg = -1 };
	v->loc.kind = LOC_VALUE;
	v->loc.steps = NEW_ARRAY(&j->mem, struct locstep, 4);
	return v;
}

static void from_argument(struct variable *v, int64_t n)
{
	v->loc.steps[v->loc.nsteps++] = (struct locstep){ L_ARG, n };
}

/* What struct pt_regs, to which the first argument points, has at offset `at`. */
static void from_regs(struct variable *v, int64_t at)
{
	struct locstep *s = v->loc.steps;

	from_argument(v, REGS);
	s[1] = (struct locstep){ L_NUM, at };
	s[2] = (struct locstep){ L_PLUS, 0 };
	s[3] = (struct locstep){ L_LOAD, 8 };
	v->loc.nsteps = 4;
}

static const struct given *call_variables(struct job *j, bool is_return)
{
	/* di si dx r10 r8 r9 */
	static const int64_t at[] = { 112, 104, 96, 56, 72, 64 };
	struct given *g = NEW(&j->mem, struct given);
	size_t i;

	g->v = NEW_ARRAY(&j->mem, struct variable, COUNT_OF(at) + 1);
	if (is_return) {
		from_regs(add_variable(j, g, "syscall"), ORIG_AX);
		from_argument(add_variable(j, g, "return"), RESULT);
		return g;
	}
	from_argument(add_variable(j, g, "syscall"), NUMBER);
	for (i = 0; i < COUNT_OF(at); i++)
		from_regs(add_variable(j, g, arena_printf(&j->mem, "arg%zu",
							  i + 1)), at[i]);
	return g;
}

/* --- points ----------------------------------------------------------------------- */

static const char *name_of(struct job *j, const struct named_process *p,
			   int what)
{
	static const char *const names[] = {
		[BEGIN] = "begin", [END] = "end",
		[THREAD_BEGIN] = "thread.begin", [THREAD_END] = "thread.end",
		[SYSCALL] = "syscall",
	};

	return arena_printf(&j->mem, "%s.%s%s", process_prefix(j, p, p->path),
			    names[what & 15], what & RETURN ? ".return" : "");
}

static bool expand(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	struct point_of_tasks x = { .j = j, .pr = pr, .pt = pt };
	struct named_process p;

	if ((shape->data & 15) == INSN)
		return pt->optional || complain(j, pt->at, E_ENGINE,
			"process.insn would single-step the program, which "
			"neither the bpf nor the module engine does: probe "
			"the statements of interest");
	if (!process_named(j, pt, shape->data & OF_ARG ? args[0] : NULL,
			   false, &p))
		return false;
	if (p.path)
		p.path = target_program_path(j->target, p.path);
	x.p = &p;
	x.name = name_of(j, &p, shape->data);
	x.given = NEW(&j->mem, struct given);
	switch (shape->data & 15) {
	case BEGIN:
		return add_site(&x, TASK_FORKED, "sched:sched_process_fork") &&
		       add_site(&x, TASK_EXECS, "sched:sched_process_exec") &&
		       add_there(&x, TASK_THERE);
	case END:
		return add_site(&x, TASK_EXECED, "sched:sched_process_exec") &&
		       add_site(&x, TASK_EXITS, "sched:sched_process_exit");
	case THREAD_BEGIN:
		return add_site(&x, THREAD_FORKED, "sched:sched_process_fork") &&
		       add_there(&x, THREAD_THERE);
	case THREAD_END:
		return add_site(&x, THREAD_EXITS, "sched:sched_process_exit");
	default:
		x.given = call_variables(j, shape->data & RETURN);
		return add_site(&x, TASK_CALLS, shape->data & RETURN ?
				"raw_syscalls:sys_exit" :
				"raw_syscalls:sys_enter");
	}
}

#define OF(prefix, more) \
	{ prefix ".begin", expand, BEGIN | (more) }, \
	{ prefix ".end", expand, END | (more) }, \
	{ prefix ".thread.begin", expand, THREAD_BEGIN | (more) }, \
	{ prefix ".thread.end", expand, THREAD_END | (more) }, \
	{ prefix ".syscall", expand, SYSCALL | (more) }, \
	{ prefix ".syscall.return", expand, SYSCALL | RETURN | (more) }, \
	{ prefix ".insn", expand, INSN | (more) }, \
	{ prefix ".insn.block", expand, INSN | (more) }

static const struct shape shapes[] = {
	OF("process(s)", OF_ARG), OF("process(n)", OF_ARG), OF("process", 0),
	{ NULL, NULL, 0 }
};

const struct family family_tasks = { "tasks", shapes };
