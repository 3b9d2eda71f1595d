/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_regex.c - =~ and what is asked of the last match. Expressions become
 * tables here (regex.h), one for equal ones. They are tagged, and what was
 * matched is kept, only if the program asks for groups somewhere.
 */
#include "lower.h"
#include "regex.h"

#include <string.h>

static bool asks_for_groups(const struct expr *e)
{
	static const char *const names[] = {
		"matched", "matched_str", "ngroups",
	};
	size_t i;

	if (e->kind != X_CALL || !e->builtin)
		return false;
	for (i = 0; i < COUNT_OF(names); i++)
		if (!strcmp(names[i], e->builtin->name))
			return true;
	return false;
}

static void find_asking(const struct expr *e, void *arg)
{
	if (asks_for_groups(e))
		*(bool *)arg = true;
}

void find_groups(struct lowering *all)
{
	const struct function *f;
	const struct probe *p;

	for (p = all->j->script->probes; p; p = p->next)
		walk_stmts(p->body, find_asking, &all->ir->keeps_matches);
	for (f = all->j->script->functions; f; f = f->next)
		walk_stmts(f->body, find_asking, &all->ir->keeps_matches);
}

/* Its number; -1: complained. */
static int64_t regex_of(struct lower *l, const struct expr *e)
{
	const struct regex *re;
	const char *why;
	size_t i, at;

	for (i = 0; i < l->ir->regexes.n; i++) {
		re = l->ir->regexes.v[i];
		if (re->len == e->len && !memcmp(re->text, e->str, e->len))
			return (int64_t)i;
	}
	re = regex_make(l->mem, e->str, e->len, l->ir->keeps_matches, &why,
			&at);
	if (!re) {
		complain(l->j, e->b->at, E_REGEX,
			 "no regular expression (at position %zu): %s", at,
			 why);
		return -1;
	}
	vec_push(l->mem, &l->ir->regexes, re);
	return (int64_t)i;
}

bool fold_match(struct lower *l, const struct expr *e, int64_t *v)
{
	const char *s;
	size_t len;
	int64_t i;

	if (l->ir->keeps_matches || !(s = fold_string(l, e->a, &len)))
		return false;
	i = regex_of(l, e);
	*v = i >= 0 && regex_match(l->ir->regexes.v[i], s, strnlen(s, len),
				   NULL) == (e->op == OP_MATCH);
	return true;
}

struct ir_opnd lower_match(struct lower *l, const struct expr *e)
{
	struct ir_opnd a = lower_expr(l, e->a);
	int64_t i = regex_of(l, e);
	struct ir_stmt *s;

	if (i < 0)
		return num_opnd(0);
	s = add_into(l, IR_MATCH, e->at, temp_slot(l, IR_LONG));
	s->a = a;
	s->num = i;
	if (e->op == OP_MATCH)
		return slot_opnd(s->dst);
	a = slot_opnd(s->dst);
	s = add_into(l, IR_UN, e->at, temp_slot(l, IR_LONG));
	s->op = IR_LNOT;
	s->a = a;
	return slot_opnd(s->dst);
}

struct ir_opnd match_text(struct lower *l, struct span at, struct ir_opnd text,
			  const char *regex)
{
	struct expr where = { .at = at };
	struct expr e = { .at = at, .b = &where, .str = regex,
			  .len = strlen(regex) };
	int64_t i = regex_of(l, &e);
	struct ir_stmt *s;

	if (i < 0)
		return num_opnd(0);
	s = add_into(l, IR_MATCH, at, temp_slot(l, IR_LONG));
	s->a = text;
	s->num = i;
	return slot_opnd(s->dst);
}

/* --- groups ------------------------------------------------------------------- */

static struct ir_stmt *call(struct lower *l, const struct expr *e,
			    const char *name, struct ir_slot *dst,
			    const char *types, const struct ir_opnd *n)
{
	struct ir_stmt *s = add_into(l, IR_CALL, e->at, dst);

	s->name = name;
	s->arg_types = types;
	s->where = IR_IN_KERNEL | IR_IN_LOADER;
	if (!n)
		return s;
	s->args = NEW(l->mem, struct ir_opnd);
	s->args[0] = *n;
	s->nargs = 1;
	return s;
}

bool lower_group(struct lower *l, const struct expr *e, struct ir_slot *want,
		 struct ir_opnd *v)
{
	struct ir_opnd n = num_opnd(0), groups;
	struct ir_stmt *s;

	if (!asks_for_groups(e))
		return false;
	if (e->args)
		n = lower_expr(l, e->args);
	s = call(l, e, "ngroups", temp_slot(l, IR_LONG), "", NULL);
	groups = slot_opnd(s->dst);
	raise_if_le(l, e->at, groups, num_opnd(0),
		    "groups of a match that failed");
	*v = groups;
	if (!strcmp(e->builtin->name, "ngroups"))
		return true;
	if (n.kind != IR_NUM || n.num)
		raise_if_le(l, e->at, groups, n,
			    "no such group in the expression that matched");
	s = call(l, e, "matched", want && want->type == IR_STRING ? want :
		 temp_slot(l, IR_STRING), "l", &n);
	*v = slot_opnd(s->dst);
	return true;
}
