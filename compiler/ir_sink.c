/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ir_sink.c - where a kernel handler takes its locks. In: handlers with locks.
 * Out: lock_at, behind the tests that a handler begins with. Hits that these
 * turn away take no lock then, and are never skipped for want of one:
 *
 *	if (pid() != target()) next		if (pid() == target()) {
 *	reads[execname()] = $count			...
 *						}
 *
 * The second is made into the first. What stands before the locks does nothing
 * that could be seen, so a run that is skipped has done nothing.
 */
#include "ir.h"

static bool is_pure(const struct ir_stmt *s);

static bool all_pure(const struct ir_stmt *s)
{
	for (; s; s = s->next)
		if (!is_pure(s))
			return false;
	return true;
}

/* Changes nothing, but for slots, and looks at nothing that others change, or
   only to decide whether to run at all (peek); may fault, or end the run: a flat switch. */
static bool is_pure(const struct ir_stmt *s)
{
	switch (s->kind) {
	case IR_MOVE: case IR_UN: case IR_BIN: case IR_CAT: case IR_STRCMP:
	case IR_MATCH: case IR_LOAD: case IR_LOAD_STR: case IR_LOAD_MEM:
	case IR_REG: case IR_ARG: case IR_RETVAL: case IR_CTX: case IR_COOKIE:
	case IR_SITE_NAME: case IR_KADDR: case IR_FORMAT: case IR_WORDS:
	case IR_NEXT: case IR_RETURN:
		return true;
	case IR_CALL:		/* those that act give nothing */
		return s->dst != NULL;
	case IR_CALL_FN:
		return !s->fn->recursive && !s->fn->c_body &&
		       all_pure(s->fn->body);
	case IR_GET: case IR_MAP_GET: case IR_MAP_IN:
		return s->global->constant || s->peek;
	case IR_IF:
		return all_pure(s->body) && all_pure(s->other);
	case IR_SET: case IR_MODIFY: case IR_MAP_SET: case IR_MAP_MODIFY:
	case IR_MAP_CAT: case IR_MAP_DEL: case IR_MAP_CLEAR: case IR_STAT_ADD:
	case IR_STAT_GET: case IR_STAT_BUCKET: case IR_PRINT:
	case IR_PRINT_HIST: case IR_LOOP: case IR_FOREACH: case IR_BREAK:
	case IR_CONTINUE: case IR_TRY: case IR_RAISE: case IR_C: case IR_STORE:
	case IR_SET_REG: case IR_EXIT:
		return false;
	}
	bug("statement %d", s->kind);
}

/* The last statement, an `if` of whose ways one is pure: that one ends the run,
   the other goes on behind it. */
static bool flatten(struct arena *mem, struct ir_stmt *s)
{
	bool body = all_pure(s->body), other = all_pure(s->other);
	struct ir_stmt **end = body ? &s->body : &s->other;
	struct ir_stmt *next;

	if (s->kind != IR_IF || s->next || body == other)
		return false;
	s->next = body ? s->other : s->body;
	*(body ? &s->other : &s->body) = NULL;
	while (*end)
		end = &(*end)->next;
	next = NEW(mem, struct ir_stmt);
	next->kind = IR_NEXT;
	next->at = s->at;
	next->err = -1;
	*end = next;
	return true;
}

void ir_sink_locks(struct ir *ir)
{
	struct ir_handler *h;
	struct ir_stmt *s;

	for (h = ir->handlers; h; h = h->next) {
		if (h->prog == IR_LOADER || !h->nlocks)
			continue;
		for (s = h->body; s; s = s->next)
			if (!is_pure(s) && !flatten(ir->mem, s))
				break;
		h->lock_at = s;
	}
}
