/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_python.c - __py_NAME(), by which tapsets/python.stp knows the frame and how an
 * interpreter's objects lie, as the variable of the probe's place of that name.
 */
#include "lower_target.h"

#include <string.h>

static bool is_there(const struct lower *l, const char *name)
{
	const struct given *g = l->site ? l->site->given : NULL;
	size_t i;

	for (i = 0; g && i < g->n; i++)
		if (!strcmp(g->v[i].name, name))
			return true;
	return false;
}

bool lower_python(struct lower *l, const struct expr *e, struct ir_opnd *v)
{
	struct target_ref t = { .kind = TR_VAR, .name = e->builtin->name };
	struct expr x = { .kind = X_TARGET, .type = T_LONG, .at = e->at,
			  .target = &t };

	if (strncmp(t.name, "__py_", 5))
		return false;
	if (is_there(l, t.name))
		*v = lower_expr(l, &x);
	else
		oops(l, e->at, E_NO_TARGET_VAR, "Python's frames are known in "
		     "probes of python3.module().function() alone, with the "
		     "debuginfo of a Python 3.11 (python3.11-dbg)");
	return true;
}
