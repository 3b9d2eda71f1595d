/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conditions.c - probe points with "if (...)": while the condition does not
 * hold, their sites are detached, and cost nothing. In: handlers that are
 * conditions, sites that are attached. They are asked ten times a second, and
 * behind each handler of the loader. Whether one holds at the very moment of a
 * hit is for the probe's own handler to look at, which does.
 *
 * Where a program has so many links that to take and to set them is longer than
 * that, they stay.
 */
#include "loader/loader.h"
#include "loader/vm.h"

#include <string.h>

enum {
	ASK_MS = 100,
	MOST_LINKS = 128,
};

static const struct stb_handler *handler_at(const struct loader *l, uint32_t i)
{
	return ROW(struct stb_handler, l->handlers, i);
}

static bool has_many(const struct loader *l, uint32_t prog)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->sites.n; i++)
		n += l->links[i] >= 0 &&
		     ROW(struct stb_site, l->sites, i)->prog == prog;
	return n > MOST_LINKS;
}

void conditions_open(struct loader *l)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->handlers.n; i++)
		n += handler_at(l, i)->when == STB_CONDITION;
	if (n)
		l->off = zalloc(l->progs.n);
	conditions_look(l);
}

/* Arms or disarms the sites of a program, if there is something to do. */
static void follow(struct loader *l, uint32_t prog, bool holds)
{
	uint64_t before = l->armed;

	if (l->off[prog] == !holds || (!holds && has_many(l, prog)))
		return;
	l->off[prog] = !holds;
	if (holds)
		arm_prog(l, prog);
	else
		disarm_prog(l, prog);
	if (l->opt.verbose)
		say("%s: %lld sites %s, its condition %s",
		    prog_probe(l, prog), holds ?
		    (long long)(l->armed - before) :
		    (long long)(before - l->armed), holds ? "attached" :
		    "detached", holds ? "holds" : "does not hold");
}

void conditions_look(struct loader *l)
{
	if (!l->off)
		return;
	for (uint32_t i = 0; i < l->handlers.n; i++) {
		const struct stb_handler *h = handler_at(l, i);

		/* what cannot be told is told by the handler itself */
		if (h->when == STB_CONDITION && vm_run(l->vm, i) == VM_DONE)
			follow(l, h->file, vm_armed(l->vm));
	}
	l->next_condition = now_ns() + ASK_MS * 1000000ull;
}

void conditions_tick(struct loader *l)
{
	if (l->off && now_ns() >= l->next_condition)
		conditions_look(l);
}

uint64_t conditions_due(const struct loader *l)
{
	return l->off ? l->next_condition : UINT64_MAX;
}
