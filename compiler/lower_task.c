/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_task.c - which processes a handler is for. In: sites of processes. Out:
 * what stands first in their handlers and turns others away, and the handlers
 * that keep track of tasks.
 *
 * An array of the compiler's own has a number for each task that matters, by its
 * tid: STB_TASK_*, and the program that it runs, of those that the script names. The
 * loader puts in the target and what runs already; three handlers at the
 * scheduler's tracepoints do the rest: a new task gets what its parent has, a
 * program that is executed is looked up by its file, and a task that exits is
 * forgotten. In a second array the loader keeps which files those programs are.
 *
 * Where nobody asks for programs, these handlers are attached in sessions with a
 * target alone. Ends come before them, beginnings behind.
 */
#include "lower_target.h"
#include "runtime/abi.h"

#include <string.h>

enum { MOST_TASKS = 32768, MOST_FILES = 1024 };

bool ends_task(const struct site *s)
{
	return s->tasks && (s->tasks->event == TASK_EXECED ||
			    s->tasks->event == TASK_EXITS ||
			    s->tasks->event == THREAD_EXITS);
}

int forks_task(const struct site *s)
{
	enum { CHILD = 1 };

	return s->tasks && (s->tasks->event == TASK_FORKED ||
			    s->tasks->event == THREAD_FORKED ||
			    s->attach == AT_TASKS) ? CHILD : 0;
}

/* --- the arrays ------------------------------------------------------------------ */

static struct ir_global *new_array(struct lowering *all, const char *name,
				   size_t nkeys, int64_t max_entries,
				   enum ir_filled filled)
{
	struct ir_global *g = NEW(all->mem, struct ir_global);

	g->name = name;
	g->hidden = true;
	g->value = IR_V_LONG;
	g->nkeys = nkeys;
	g->keys = NEW_ARRAY(all->mem, enum ir_type, nkeys);
	g->max_entries = max_entries;
	g->filled = filled;
	*all->globals_tail = g;
	all->globals_tail = &g->next;
	return g;
}

static struct ir_global *tasks_of(struct lower *l)
{
	struct lowering *all = l->all;

	if (!all->tasks) {
		all->tasks = new_array(all, "tasks", 1, MOST_TASKS,
				       IR_FILLED_TASKS);
		all->tasks_at = l->site->point->at;
	}
	return all->tasks;
}

/* The number of a program; the loader knows its file by the row of builds. */
static int64_t program_number(struct lower *l, const char *path)
{
	struct ir_build b = { .path = path, .is_path = true };
	size_t i;

	if (!l->all->files)
		l->all->files = new_array(l->all, "files", 2, MOST_FILES,
					  IR_FILLED_FILES);
	for (i = 0; i < l->ir->builds.n; i++)
		if (l->ir->builds.v[i].is_path &&
		    !strcmp(l->ir->builds.v[i].path, path))
			return (int64_t)i + 1;
	vec_push(l->mem, &l->ir->builds, b);
	return (int64_t)i + 1;
}

/* --- statements -------------------------------------------------------------------- */

static struct ir_opnd call(struct lower *l, struct span at, const char *name)
{
	struct ir_stmt *st = add_into(l, IR_CALL, at, temp_slot(l, IR_LONG));

	st->name = name;
	st->arg_types = "";
	st->where = IR_IN_KERNEL | IR_IN_LOADER;
	return slot_opnd(st->dst);
}

static struct ir_stmt *on_array(struct lower *l, enum ir_kind kind,
				struct span at, struct ir_global *g,
				struct ir_opnd key)
{
	struct ir_stmt *st = add(l, kind, at);

	st->global = g;
	st->args = NEW_ARRAY(l->mem, struct ir_opnd, 2);
	st->args[0] = key;
	st->nargs = 1;
	return st;
}

static struct ir_opnd looked_up(struct lower *l, struct span at,
				struct ir_global *g, struct ir_opnd key)
{
	struct ir_slot *to = temp_slot(l, IR_LONG);

	on_array(l, IR_MAP_GET, at, g, key)->dst = to;
	return slot_opnd(to);
}

static struct block begin_if(struct lower *l, struct span at,
			     struct ir_opnd cond)
{
	struct ir_stmt *st = add(l, IR_IF, at);

	st->a = cond;
	return enter(l, &st->body);
}

static void next_unless(struct lower *l, struct span at, struct ir_opnd cond)
{
	struct ir_stmt *st = add(l, IR_IF, at);
	struct block back;

	st->a = cond;
	back = enter(l, &st->other);
	add(l, IR_NEXT, at);
	leave(l, back);
}

/* --- what a handler begins with ------------------------------------------------------ */

/* Threads and processes fork and exit at the same tracepoints: a process is its
   first thread. */
static void tell_apart(struct lower *l, struct span at, enum task_event event)
{
	bool thread = event == THREAD_FORKED || event == THREAD_EXITS ||
		event == THREAD_THERE;

	if (thread || event == TASK_FORKED || event == TASK_EXITS ||
	    event == TASK_THERE)
		next_unless(l, at, add_bin(l, at, thread ? IR_NE : IR_EQ,
					   call(l, at, "pid"),
					   call(l, at, "tid")));
}

/* In a session with a target, only its processes. */
static void leave_strangers(struct lower *l, struct span at)
{
	struct ir_global *tasks = tasks_of(l);
	struct block back = begin_if(l, at, call(l, at, "target"));

	next_unless(l, at, add_bin(l, at, IR_AND, looked_up(l, at, tasks,
				   call(l, at, "tid")),
				   num_opnd(STB_TASK_FOLLOWED)));
	leave(l, back);
}

static struct ir_opnd argument(struct lower *l, struct span at, int64_t n)
{
	struct ir_stmt *st = add_into(l, IR_ARG, at, temp_slot(l, IR_LONG));

	st->num = n;
	return slot_opnd(st->dst);
}

/* A member of a struct of the kernel, which lies at `base`; false: there is none. */
static bool member_at(struct lower *l, struct span at, struct ir_opnd base,
		      const char *type, const char *name, struct ir_opnd *out)
{
	struct ctype *of = target_type(l->j->target,
				       target_kernel(l->j->target), type);
	struct member m;

	if (!of || !type_member(of, name, &m))
		return false;
	*out = load_number(l, at, base, (int64_t)m.offset,
			   (unsigned)m.type->size, false, IR_KERNEL_MEM);
	return true;
}

/* Of those that the iterator gives, which gives none at last: programs' that did
   not begin in this session. */
static void leave_seen(struct lower *l, struct span at)
{
	struct ir_opnd task = argument(l, at, 1), mm;

	l->all->tells_seen = true;
	next_unless(l, at, task);
	if (member_at(l, at, task, "struct task_struct", "mm", &mm))
		next_unless(l, at, mm);
	next_unless(l, at, add_bin(l, at, IR_EQ, num_opnd(0),
		    add_bin(l, at, IR_AND, looked_up(l, at, tasks_of(l),
			    call(l, at, "tid")), num_opnd(STB_TASK_SEEN))));
}

void leave_other_tasks(struct lower *l)
{
	const struct site_tasks *t = l->site->tasks;
	struct ir_opnd program;
	struct span at;

	if (!t)
		return;
	at = l->site->point->at;
	if (l->site->attach == AT_TASKS)
		leave_seen(l, at);
	tell_apart(l, at, t->event);
	if (l->site->event && l->site->event->of) {
		tasks_of(l);
		program_number(l, t->path);	/* the loader looks for it */
		l->all->watches = true;
	}
	if (t->pid) {
		next_unless(l, at, add_bin(l, at, IR_EQ, call(l, at, "pid"),
					   num_opnd(t->pid)));
		return;
	}
	leave_strangers(l, at);
	if (!t->path)
		return;
	program = add_bin(l, at, IR_USHR, looked_up(l, at, tasks_of(l),
			  call(l, at, "tid")), num_opnd(STB_TASK_PROGRAM));
	next_unless(l, at, add_bin(l, at, IR_EQ, program,
				   num_opnd(program_number(l, t->path))));
}

/* --- the handlers that keep track ------------------------------------------------------ */

struct tracker {
	struct lower l;
	struct span at;
	struct ir_stmt *body;
	struct ir_handler *made, **made_tail;
	bool failed;
};

static void begin_tracker(struct tracker *t, struct lowering *all)
{
	struct lower *l = &t->l;

	*l = (struct lower) { .all = all, .j = all->j, .mem = all->mem,
			      .ir = all->ir, .prog = IR_RAW_TP };
	l->slots_tail = &l->slots;
	l->captures_tail = &l->captures;
	l->bin = target_kernel(all->j->target);
	l->space = IR_KERNEL_MEM;
	t->body = NULL;
	l->tail = &t->body;
	t->at = all->tasks_at;
}

static void end_tracker(struct tracker *t, const char *tracepoint)
{
	struct lower *l = &t->l;
	struct ir_handler *h = NEW(l->mem, struct ir_handler);
	struct ir_site *s = NEW(l->mem, struct ir_site);

	s->name = arena_printf(l->mem, "kernel.trace(\"sched:%s\")",
			       tracepoint);
	s->attach = IR_AT_RAW_TP;
	s->symbol = tracepoint;
	s->build = -1;
	s->with_target = !l->all->files && !l->all->tells_seen;
	h->name = arena_printf(l->mem, "h%d", l->all->nhandlers++);
	h->at = t->at;
	h->prog = IR_RAW_TP;
	h->body = t->body;
	h->slots = l->slots;
	h->nslots = l->nslots;
	h->is_early = true;
	h->sites = s;
	h->sites_tail = &s->next;
	*t->made_tail = h;
	t->made_tail = &h->next;
}

static struct ir_opnd member(struct tracker *t, struct ir_opnd base,
			     const char *type, const char *name)
{
	struct ir_opnd v = num_opnd(0);

	if (!member_at(&t->l, t->at, base, type, name, &v))
		t->failed = true;
	return v;
}

/* What a task that begins now has besides: that it was seen. */
static struct ir_opnd with_seen(struct tracker *t, struct ir_opnd v)
{
	struct lower *l = &t->l;

	return !l->all->tells_seen ? v : add_bin(l, t->at, IR_OR, v,
		add_bin(l, t->at, IR_MUL, call(l, t->at, "session_runs"),
			num_opnd(STB_TASK_SEEN)));
}

static struct ir_opnd tid_of(struct tracker *t, struct ir_opnd task)
{
	return member(t, task, "struct task_struct", "pid");
}

static void set_task(struct tracker *t, struct ir_opnd tid, struct ir_opnd v)
{
	struct ir_stmt *st = on_array(&t->l, IR_MAP_SET, t->at,
				      t->l.all->tasks, tid);

	st->a = v;
	st->err = fault(&t->l, t->at, "too many tasks to keep track of", "");
}

/* sched_process_fork(parent, child): the child, which may be a thread. */
static void track_fork(struct tracker *t)
{
	struct ir_opnd v = looked_up(&t->l, t->at, t->l.all->tasks,
				     tid_of(t, argument(&t->l, t->at, 0)));
	struct block back;

	if (t->l.all->tells_seen || t->l.all->watches)
		v = with_seen(t, add_bin(&t->l, t->at, IR_AND, v,
				 num_opnd(~(int64_t)(STB_TASK_SEEN |
						     STB_TASK_EXECED))));
	back = begin_if(&t->l, t->at, v);
	set_task(t, tid_of(t, argument(&t->l, t->at, 1)), v);
	leave(&t->l, back);
}

/* Which of the programs named the task runs now; 0: none of them. */
static struct ir_opnd program_of(struct tracker *t, struct ir_opnd task)
{
	struct ir_opnd inode, number, device;
	struct lower *l = &t->l;
	struct ir_stmt *st;

	inode = member(t, task, "struct task_struct", "mm");
	inode = member(t, inode, "struct mm_struct", "exe_file");
	inode = member(t, inode, "struct file", "f_inode");
	number = member(t, inode, "struct inode", "i_ino");
	device = member(t, member(t, inode, "struct inode", "i_sb"),
			"struct super_block", "s_dev");
	st = on_array(l, IR_MAP_GET, t->at, l->all->files, number);
	st->args[st->nargs++] = device;
	st->dst = temp_slot(l, IR_LONG);
	return slot_opnd(st->dst);
}

/*
 * sched_process_exec(task, old_pid): any thread may do it, and has from then on
 * the number of the first.
 */
static void track_exec(struct tracker *t)
{
	struct lower *l = &t->l;
	struct ir_opnd task = argument(l, t->at, 0), tid = tid_of(t, task), v;
	struct ir_opnd old;
	struct ir_stmt *st;
	struct block back;

	old = add_bin(l, t->at, IR_AND, argument(l, t->at, 1),
		      num_opnd(0xffffffff));
	v = add_bin(l, t->at, IR_AND, looked_up(l, t->at, l->all->tasks, old),
		    num_opnd(STB_TASK_FOLLOWED));
	if (l->all->files)
		v = add_bin(l, t->at, IR_OR, v,
			    add_bin(l, t->at, IR_SHL, program_of(t, task),
				    num_opnd(STB_TASK_FILE)));
	v = with_seen(t, v);
	back = begin_if(l, t->at, add_bin(l, t->at, IR_NE, old, tid));
	on_array(l, IR_MAP_DEL, t->at, l->all->tasks, old);
	leave(l, back);
	st = add(l, IR_IF, t->at);
	st->a = v;
	back = enter(l, &st->body);
	set_task(t, tid, v);
	leave(l, back);
	back = enter(l, &st->other);
	on_array(l, IR_MAP_DEL, t->at, l->all->tasks, tid);
	leave(l, back);
}

/* sched_process_exit(task) */
static void track_exit(struct tracker *t)
{
	on_array(&t->l, IR_MAP_DEL, t->at, t->l.all->tasks,
		 tid_of(t, argument(&t->l, t->at, 0)));
}

static bool is_end(const struct ir_handler *h)
{
	return h->sites && h->sites->at_end;
}

/* Ends first, then the trackers, then the others: programs at one tracepoint run
   in the order in which they are attached. */
static void put_in_order(struct lowering *all, struct ir_handler *trackers,
			 struct ir_handler **trackers_tail)
{
	struct ir_handler *h, *ends = NULL, **ends_tail = &ends;
	struct ir_handler *rest = NULL, **rest_tail = &rest;

	for (h = all->ir->handlers; h; h = h->next) {
		struct ir_handler ***tail = is_end(h) ? &ends_tail : &rest_tail;

		**tail = h;
		*tail = &h->next;
	}
	*rest_tail = NULL;
	*trackers_tail = rest;
	*ends_tail = trackers;
	all->ir->handlers = ends;
	all->handlers_tail = rest ? rest_tail : trackers_tail;
}

bool track_tasks(struct lowering *all)
{
	static const struct {
		const char *tracepoint;
		void (*body)(struct tracker *t);
	} made[] = {
		{ "sched_process_fork", track_fork },
		{ "sched_process_exec", track_exec },
		{ "sched_process_exit", track_exit },
	};
	struct tracker t = { .failed = false };
	size_t i;

	if (!all->tasks)
		return true;
	t.made_tail = &t.made;
	for (i = 0; i < COUNT_OF(made); i++) {
		begin_tracker(&t, all);
		made[i].body(&t);
		end_tracker(&t, made[i].tracepoint);
	}
	if (t.failed)
		return complain(all->j, all->tasks_at, E_ENGINE, "kernel "
				"\"%s\": which tasks run what cannot be told "
				"without its types (BTF or debuginfo)",
				target_name(all->j->target));
	put_in_order(all, t.made, t.made_tail);
	return true;
}

/* Where a handler that runs for another task than the current one finds what. */
void find_task_members(struct lowering *all)
{
	static const char *const names[] = { "pid", "tgid", "comm" };
	int64_t *to[] = { &all->ir->task_tid, &all->ir->task_pid,
			  &all->ir->task_comm };
	struct binary *k = target_kernel(all->j->target);
	struct ctype *of = target_type(all->j->target, k, "struct task_struct");
	struct member m;
	size_t i;

	for (i = 0; i < COUNT_OF(names); i++)
		if (of && type_member(of, names[i], &m))
			*to[i] = (int64_t)m.offset;
}
