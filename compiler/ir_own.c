/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ir_own.c - of a program for its user's own processes alone: does it read any
 * memory but theirs? privilege.c has named what the script may call; this is
 * about what became of it, and does not trust that list: only functions marked
 * as looking into the kernel for what is the process's own do so.
 */
#include "ir.h"

extern const struct tag E_PRIVILEGE[1];

struct own {
	struct job *j;
	bool in_loader, ok;
};

static void refuse(struct own *o, struct span at, const char *what)
{
	o->ok = complain(o->j, at, E_PRIVILEGE, "%s is not allowed with "
			 "--privilege=stapusr, which is for one's own "
			 "processes", what);
}

static void own_body(struct own *o, const struct ir_stmt *s)
{
	for (; s; s = s->next) {
		bool reads = s->kind == IR_LOAD || s->kind == IR_LOAD_STR ||
			s->kind == IR_LOAD_MEM;

		if (s->kind == IR_KADDR)
			refuse(o, s->at, "an address of the kernel");
		else if (reads && s->space != IR_USER_MEM)
			refuse(o, s->at, "reading memory of the kernel");
		else if (reads && o->in_loader)
			refuse(o, s->at, "reading memory in a begin, end, "
			       "error or timer probe");
		own_body(o, s->body);
		own_body(o, s->other);
	}
}

bool ir_own_check(struct job *j, const struct ir *ir)
{
	struct own o = { .j = j, .ok = true };
	const struct ir_function *fn;
	const struct ir_handler *h;

	for (fn = ir->functions; fn; fn = fn->next) {
		o.in_loader = fn->in_loader;
		if (!fn->may_look)
			own_body(&o, fn->body);
	}
	for (h = ir->handlers; h; h = h->next) {
		o.in_loader = h->prog == IR_LOADER;
		/* those that keep track of tasks are the compiler's */
		if (!h->is_early)
			own_body(&o, h->body);
	}
	return o.ok;
}
