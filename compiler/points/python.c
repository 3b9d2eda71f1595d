/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * python.c - how Python's objects lie in an interpreter's memory: constants, by
 * its debuginfo, for tapsets/python.stp.
 */
#include "python.h"
#include "../python.h"

#include <string.h>

static const struct fact {
	const char *name, *type, *member;
} facts[] = {
#define FACT(name, type, member) { "__py_" name, type, member },
	PYTHON_FACTS(FACT)
#undef FACT
};
_Static_assert(COUNT_OF(facts) < PYTHON_FACTS_MOST, "room for all facts");

/* "state.ascii" of t, in bits */
static bool bits_of(struct ctype *t, const char *path, int64_t *out)
{
	struct member outer, inner;
	const char *dot = strchr(path, '.');
	char first[32] = "";

	memcpy(first, path, (size_t)(dot - path));
	if (!type_member(t, first, &outer) ||
	    !type_member(outer.type, dot + 1, &inner) || !inner.bit_size)
		return false;
	*out = (int64_t)(8 * (outer.offset + inner.offset) + inner.bit_offset);
	return true;
}

static bool fact_of(struct job *j, struct binary *b, const struct fact *f,
		    int64_t *out)
{
	struct ctype *t = target_type(j->target, b, f->type);
	struct member m;

	if (!t)
		return false;
	if (f->member && strchr(f->member, '.'))
		return bits_of(t, f->member, out);
	if (f->member && !type_member(t, f->member, &m))
		return false;
	*out = (int64_t)(f->member ? m.offset : t->size);
	return true;
}

void python_facts(struct job *j, struct binary *b, struct given *g)
{
	struct ctype *type = target_type(j->target, b, "unsigned long");
	int64_t of[COUNT_OF(facts)];
	size_t i;

	for (i = 0; i < COUNT_OF(facts); i++)
		if (!type || !fact_of(j, b, &facts[i], &of[i]))
			return;
	for (i = 0; i < COUNT_OF(facts); i++) {
		struct locstep *step = NEW(&j->mem, struct locstep);

		*step = (struct locstep){ L_NUM, of[i] };
		g->v[g->n++] = (struct variable){
			.name = facts[i].name, .type = type, .param_index = -1,
			.abi_arg = -1, .loc = { .kind = LOC_VALUE,
						.steps = step, .nsteps = 1 } };
	}
}
