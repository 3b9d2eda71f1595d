/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * data.c - kernel.data("SYMBOL") and kernel.data(ADDRESS) with .length(N), .write
 * and .rw: a debug register of each CPU watches those bytes. An address of the
 * kernel's image is one of where it was linked to be, any other is taken as it
 * is. The same of process("PATH") and process(PID): in the processes that run it,
 * at addresses of the program as it was linked.
 */
#include "process.h"

#include <string.h>

enum { BREAKPOINT = 5 };		/* of perf_event_open(2) */
enum { ON_WRITE = 2, ON_ACCESS = 3 };	/* HW_BREAKPOINT_W, _RW */
enum { MOST = 8, REGISTERS = 4 };	/* x86-64: bytes of one; how many */

struct watched {
	uint64_t addr, size;	/* size 0: not known */
	bool is_linked;		/* moves with the kernel */
};

/* The largest that fits there and is no longer than size. */
static unsigned fitting(uint64_t addr, uint64_t size)
{
	unsigned n = MOST;

	while (n > 1 && (n > size || addr % n))
		n /= 2;
	return n;
}

static bool find_symbol(struct job *j, struct point *pt, struct expr *arg,
			struct watched *w)
{
	struct binary *k = target_kernel(j->target);

	w->addr = target_symbol(j->target, k, arg->str);
	w->size = target_symbol_size(j->target, k, arg->str);
	w->is_linked = true;
	if (!w->addr)
		return site_missing(j, pt, arg->at, "kernel \"%s\" has no "
				    "symbol \"%s\"%s", target_name(j->target),
				    arg->str, k->file ? "" : " that is known: "
				    "its vmlinux is not at hand");
	if (target_is_per_cpu(j->target, k, w->addr))
		return complain(j, arg->at, E_UNSUPPORTED, "\"%s\" is per CPU: "
				"there is one at another address on each",
				arg->str);
	return true;
}

static void take_address(struct job *j, uint64_t addr, struct watched *w)
{
	struct binary *k = target_kernel(j->target);

	w->addr = addr;
	w->is_linked = addr >= target_symbol(j->target, k, "_stext") &&
		       addr < target_symbol(j->target, k, "_end");
}

/* Bytes to watch; 0: complained. Other lengths are made one that there is. */
static unsigned length_of(struct job *j, const struct watched *w,
			  const struct expr *length)
{
	unsigned n = 1;

	if (!length)
		return w->size ? fitting(w->addr, w->size) : 1;
	if (length->num < 1 || length->num > MOST)
		return complain(j, length->at, E_PROBE_ARG, "a debug register "
				"watches between 1 and %d bytes", MOST);
	while (n < (unsigned)length->num)
		n *= 2;
	if (w->addr % n)
		return complain(j, length->at, E_PROBE_ARG, "%u bytes at "
				"0x%jx cannot be watched: the address is no "
				"multiple of that", n, (uintmax_t)w->addr);
	return n;
}

/* More than there are registers are never all attached. */
static bool any_register_left(struct job *j, const struct point *pt)
{
	unsigned used = 0;
	size_t i;

	for (i = 0; i < j->sites.n; i++)
		used += j->sites.v[i]->event &&
			j->sites.v[i]->event->type == BREAKPOINT;
	return used < REGISTERS || complain(j, pt->at, E_ENGINE, "too many "
		"hardware breakpoints: a processor has %d registers for them",
		REGISTERS);
}

/* The site's name: args are what is watched, and the length or NULL. */
static const char *name_of(struct job *j, const char *prefix, uint64_t addr,
			   struct expr **args, unsigned access)
{
	struct text name = { .mem = &j->mem };

	if (args[0]->kind == X_NUMBER)
		text_printf(&name, "%s.data(0x%jx)", prefix, (uintmax_t)addr);
	else
		text_printf(&name, "%s.data(\"%s\")", prefix, args[0]->str);
	if (args[1])
		text_printf(&name, ".length(%jd)", (intmax_t)args[1]->num);
	text_puts(&name, access == ON_WRITE ? ".write" : ".rw");
	return name.s;
}

static bool expand(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	struct site_event *e = NEW(&j->mem, struct site_event);
	struct watched w = { .addr = 0 };
	struct site *s;

	if (!event_possible(j, pt) || !any_register_left(j, pt))
		return false;
	if (args[0]->kind == X_NUMBER)
		take_address(j, (uint64_t)args[0]->num, &w);
	else if (!find_symbol(j, pt, args[0], &w))
		return false;
	else if (!w.addr)
		return true;	/* it may be missing */
	*e = (struct site_event) { .type = BREAKPOINT, .rate = 1,
		.access = (uint32_t)shape->data, .addr = w.addr,
		.is_linked = w.is_linked };
	e->length = length_of(j, &w, args[1]);
	if (!e->length)
		return false;
	s = site_new(j, pr, pt, &family_data, AT_PERF_EVENT,
		     name_of(j, "kernel", w.addr, args, e->access));
	s->event = e;
	return true;
}

/* --- of programs ------------------------------------------------------------------ */

/* In the processes of one build. */
static bool watch_build(const struct in_program *in,
			const struct named_process *p, struct expr **args,
			unsigned access)
{
	struct job *j = in->j;
	struct site_event *e = NEW(&j->mem, struct site_event);
	struct site_tasks *t = NEW(&j->mem, struct site_tasks);
	struct watched w = { .addr = (uint64_t)args[0]->num };
	struct site *s;

	if (target_is_library(in->b))
		return complain(j, in->pt->at, E_UNSUPPORTED, "%s is a "
				"library: data is watched in the processes "
				"of a program, and nothing tells which map "
				"it", in->b->name);
	if (args[0]->kind == X_STRING) {
		w.addr = target_symbol(j->target, in->b, args[0]->str);
		w.size = target_symbol_size(j->target, in->b, args[0]->str);
		if (!w.addr)
			return in->may_miss || site_missing(j, in->pt,
				args[0]->at, "%s has no symbol \"%s\"",
				in->b->name, args[0]->str);
	}
	*e = (struct site_event) { .type = BREAKPOINT, .rate = 1,
		.access = access, .addr = w.addr, .of = in->b };
	e->length = length_of(j, &w, args[1]);
	if (!e->length)
		return false;
	*t = (struct site_tasks){ .pid = p->pid, .path = in->b->name };
	s = site_new(j, in->pr, in->pt, &family_data, AT_PERF_EVENT,
		     name_of(j, in->prefix, w.addr, args, access));
	s->event = e;
	s->tasks = t;
	s->is_user = true;
	return true;
}

static bool expand_program(struct job *j, struct probe *pr, struct point *pt,
			   const struct shape *shape, struct expr **args)
{
	struct in_program in = { .j = j, .pr = pr, .pt = pt };
	struct named_process p;
	struct binary *builds[16];
	size_t i, n;
	bool ok = true;

	if (!event_possible(j, pt) || !any_register_left(j, pt) ||
	    !process_named(j, pt, args[0], true, &p))
		return false;
	if (!p.path)
		return true;
	n = target_programs(j->target, p.path, builds, COUNT_OF(builds));
	if (!n)
		return site_missing(j, pt, args[0]->at, "no build of \"%s\" is "
				    "declared or there", p.path);
	in.may_miss = n > 1;
	for (i = 0; i < n && ok; i++) {
		in.b = builds[i];
		in.prefix = process_prefix(j, &p, builds[i]->name);
		ok = watch_build(&in, &p, args + 1, (unsigned)shape->data);
	}
	return ok;
}

#define OF(arg) \
	{ "kernel.data(" arg ").write", expand, ON_WRITE }, \
	{ "kernel.data(" arg ").rw", expand, ON_ACCESS }, \
	{ "kernel.data(" arg ").length(n).write", expand, ON_WRITE }, \
	{ "kernel.data(" arg ").length(n).rw", expand, ON_ACCESS }

#define DATA_OF(program, arg) \
	{ program ".data(" arg ").write", expand_program, ON_WRITE }, \
	{ program ".data(" arg ").rw", expand_program, ON_ACCESS }, \
	{ program ".data(" arg ").length(n).write", expand_program, ON_WRITE }, \
	{ program ".data(" arg ").length(n).rw", expand_program, ON_ACCESS }
#define IN(program) DATA_OF(program, "s"), DATA_OF(program, "n")

static const struct shape shapes[] = {
	OF("s"), OF("n"),
	IN("process(s)"), IN("process(n)"),
	{ NULL, NULL, 0 }
};

const struct family family_data = { "data", shapes };
