/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perf.c - perf.type(N).config(M) with .sample(N), .hz(N) and .process: events
 * that the kernel counts, by perf_event_open(2)'s numbers; the loader finds out
 * whether a machine has them. On every CPU, or with .process where the process of
 * -c or -x and its children run. With .process("PATH") on every CPU, too, since
 * tasks come and go: what interrupts another program is left out by the handler,
 * which knows what each task runs (lower_task.c).
 */
#include "family.h"

#include <string.h>

enum { TRACEPOINT = 2, BREAKPOINT = 5 };	/* other families' */
enum { EVERY = 1000000 };		/* SystemTap's .sample */
enum { ALL = 0, HZ = 1, SAMPLE = 2, TARGET = 4, OF_PATH = 8 };	/* shapes' data */

static bool type_ok(struct job *j, const struct expr *type)
{
	if (type->num == TRACEPOINT)
		return complain(j, type->at, E_PROBE_ARG, "events of type 2 "
				"are tracepoints: probe kernel.trace");
	if (type->num == BREAKPOINT)
		return complain(j, type->at, E_PROBE_ARG, "events of type 5 "
				"are breakpoints: probe kernel.data");
	return (type->num >= 0 && type->num <= UINT32_MAX) ||
		complain(j, type->at, E_PROBE_ARG, "an event's type is a "
			 "number of 32 bits");
}

static bool expand(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	struct site_event *e = NEW(&j->mem, struct site_event);
	bool rated = shape->data & (HZ | SAMPLE);
	const struct expr *rate = rated ? args[2] : NULL;
	struct text name = { .mem = &j->mem };
	struct site_tasks *of;
	struct site *s;

	if (!event_possible(j, pt) || !type_ok(j, args[0]))
		return false;
	if (rate && rate->num < 1)
		return complain(j, rate->at, E_PROBE_ARG,
				"%s must be 1 at least", shape->data & HZ ?
				"the frequency" : "the sample's period");
	*e = (struct site_event) {
		.type = (uint32_t)args[0]->num,
		.config = (uint64_t)args[1]->num,
		.rate = rate ? (uint64_t)rate->num : EVERY,
		.per_second = shape->data & HZ,
		.of_target = shape->data & TARGET,
	};
	dump_point(&name, pt);
	s = site_new(j, pr, pt, &family_perf, AT_PERF_EVENT, name.s);
	s->event = e;
	if (shape->data & OF_PATH) {
		of = NEW(&j->mem, struct site_tasks);
		of->path = args[2 + rated]->str;
		s->tasks = of;
	}
	return true;
}

/* SystemTap counts where a program runs, whatever CPU and thread. */
static bool refuse(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	return complain(j, pt->at, E_UNSUPPORTED, "a program of BPF reads a "
			"counter of its CPU or of one thread, no counter of a "
			"process (bpf_perf_event_read_value), and no module "
			"here does: count events with .sample(N).process");
}

#define PERF "perf.type(n).config(n)"

static const struct shape shapes[] = {
	{ PERF, expand, ALL },
	{ PERF ".sample(n)", expand, SAMPLE },
	{ PERF ".hz(n)", expand, HZ },
	{ PERF ".process", expand, TARGET },
	{ PERF ".sample(n).process", expand, SAMPLE | TARGET },
	{ PERF ".hz(n).process", expand, HZ | TARGET },
	{ PERF ".process(s)", expand, OF_PATH },
	{ PERF ".sample(n).process(s)", expand, SAMPLE | OF_PATH },
	{ PERF ".hz(n).process(s)", expand, HZ | OF_PATH },
	{ PERF ".counter(s)", refuse, 0 },
	{ PERF ".process(s).counter(s)", refuse, 0 },
	{ PERF ".process.counter(s)", refuse, 0 },
	{ NULL, NULL, 0 }
};

const struct family family_perf = { "perf", shapes };
