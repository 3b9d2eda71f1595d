/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netfilter.c - netfilter.hook("H").pf("P") with .priority("N"): packets on their
 * way through the network stack, seen by a program of BPF. $skb is the packet,
 * $in, $out and $hooknum are of the hook's state. Packets go on, unless $verdict
 * says that one is dropped.
 */
#include "family.h"

#include <stdlib.h>
#include <string.h>

enum { HOOK_FIRST = 0, PF_FIRST = 1, PRIORITY = 2 };	/* shapes' data */
enum { IPV4 = 2, IPV6 = 10 };			/* NFPROTO_... */
enum { STATE, SKB };				/* what the program gets */

struct named {
	const char *name;
	int value;
};

static const struct named families_of_packets[] = {
	{ "NFPROTO_IPV4", IPV4 }, { "PF_INET", IPV4 }, { "AF_INET", IPV4 },
	{ "NFPROTO_IPV6", IPV6 }, { "PF_INET6", IPV6 }, { "AF_INET6", IPV6 },
	{ "NFPROTO_ARP", 3 }, { "NFPROTO_BRIDGE", 7 }, { NULL, 0 }
};

static const struct named hooks[] = {
	{ "PRE_ROUTING", 0 }, { "LOCAL_IN", 1 }, { "FORWARD", 2 },
	{ "LOCAL_OUT", 3 }, { "POST_ROUTING", 4 }, { NULL, 0 }
};

static bool find_named(const struct named *list, const char *name, int *value)
{
	for (; list->name; list++)
		if (!strcmp(list->name, name)) {
			*value = list->value;
			return true;
		}
	return false;
}

static bool family_of_packets(struct job *j, const struct expr *e, int *pf)
{
	if (!find_named(families_of_packets, e->str, pf))
		return complain(j, e->at, E_PROBE_ARG, "\"%s\" is no family of "
				"protocols: NFPROTO_IPV4, NFPROTO_IPV6, "
				"NFPROTO_ARP, NFPROTO_BRIDGE", e->str);
	return *pf == IPV4 || *pf == IPV6 ||
		complain(j, e->at, E_UNSUPPORTED, "packets of %s are not seen; "
			 "those of NFPROTO_IPV4 and NFPROTO_IPV6 are", e->str);
}

/* NF_INET_LOCAL_IN, or as the families call it. */
static bool hook_of(struct job *j, const struct expr *e, int pf, int *hook)
{
	const char *own = pf == IPV4 ? "NF_IP_" : "NF_IP6_", *name = e->str;

	if (!strncmp(name, "NF_INET_", 8))
		name += 8;
	else if (!strncmp(name, own, strlen(own)))
		name += strlen(own);
	return find_named(hooks, name, hook) ||
		complain(j, e->at, E_PROBE_ARG, "\"%s\" is no hook: "
			 "NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, "
			 "NF_INET_FORWARD, NF_INET_LOCAL_OUT, "
			 "NF_INET_POST_ROUTING", e->str);
}

/* A number, or the kernel's name of one; its first and last are its own. */
static bool priority_of(struct job *j, const struct expr *e, int64_t *n)
{
	char *end;

	*n = strtoll(e->str, &end, 0);
	if (*end || end == e->str)
		if (strncmp(e->str, "NF_IP", 5) ||
		    !target_enum(j->target, target_kernel(j->target), e->str,
				 n))
			return complain(j, e->at, E_PROBE_ARG, "\"%s\" is no "
					"priority: a number, or a name such as "
					"NF_IP_PRI_FILTER", e->str);
	return (*n > INT32_MIN && *n < INT32_MAX) ||
		complain(j, e->at, E_PROBE_ARG, "a priority is between %d and "
			 "%d", INT32_MIN + 1, INT32_MAX - 1);
}

/* The arguments of the hook, as those of a tracepoint. */
static struct tracepoint *arguments(struct job *j, struct point *pt)
{
	struct binary *k = target_kernel(j->target);
	struct tracepoint *tp = NEW(&j->mem, struct tracepoint);
	static const char *const types[] = {
		[STATE] = "nf_hook_state", [SKB] = "sk_buff",
	};
	static const char *const names[] = { [STATE] = "state", [SKB] = "skb" };
	size_t i;

	tp->system = "";
	tp->name = "netfilter";
	tp->bin = k;
	tp->nargs = COUNT_OF(types);
	tp->args = NEW_ARRAY(&j->mem, struct tracearg, tp->nargs);
	for (i = 0; i < tp->nargs; i++) {
		struct ctype *p = NEW(&j->mem, struct ctype);

		p->kind = TY_POINTER;
		p->name = arena_printf(&j->mem, "struct %s *", types[i]);
		p->size = 8;
		p->bin = k;
		p->to = target_type(j->target, k, arena_printf(&j->mem,
							"struct %s", types[i]));
		if (!p->to) {
			complain(j, pt->at, E_UNKNOWN_TYPE, "kernel \"%s\" "
				 "has no %s", target_name(j->target), types[i]);
			return NULL;
		}
		tp->args[i].name = names[i];
		tp->args[i].type = p;
	}
	return tp;
}

/* --- $verdict ------------------------------------------------------------------- */

static bool is_verdict(const struct expr *e)
{
	return e->kind == X_TARGET && e->target->kind == TR_VAR &&
	       !strcmp(e->target->name, "verdict");
}

/* $verdict = N becomes a call, where guru mode allows it. */
static void set_verdict(struct job *j, struct expr *e)
{
	if (!j->opt->guru) {
		complain(j, e->a->at, E_UNSUPPORTED, "target variables can be "
			 "written in guru mode only (-g)");
	} else if (e->kind != X_ASSIGN || e->op != OP_NONE) {
		complain(j, e->at, E_NOT_LVALUE, "$verdict is set by '='");
	} else {
		e->args = e->b;
		e->kind = X_CALL;
		e->a = e->b = NULL;
		e->str = "__verdict";
		e->len = strlen(e->str);
		e->nargs = 1;
		e->builtin = builtin_find(e->str, 1);
	}
}

static void in_loop(const struct expr *e, void *arg)
{
	if ((e->kind == X_ASSIGN || e->kind == X_INCDEC) && is_verdict(e->a))
		complain(arg, e->at, E_MISPLACED, "$verdict cannot be set "
			 "inside of a loop: set it behind the loop");
}

/* The body of a loop is a function of its own, which has no say. */
static void check_loops(struct job *j, const struct stmt *s)
{
	for (; s; s = s->next) {
		if (s->kind == S_WHILE || s->kind == S_FOR ||
		    s->kind == S_FOREACH) {
			walk_stmts(s->body, in_loop, j);
			continue;
		}
		check_loops(j, s->body);
		check_loops(j, s->other);
	}
}

/* $in is $state->in, and so on. */
static void rewrite(const struct expr *e, void *arg)
{
	static const struct { const char *name, *member; } of_state[] = {
		{ "in", "in" }, { "out", "out" }, { "hooknum", "hook" },
		{ "pf", "pf" },
	};
	struct target_ref *t = e->kind == X_TARGET ? e->target : NULL;
	struct job *j = arg;
	struct arena *mem = &j->mem;
	struct access *a;
	size_t i;

	if ((e->kind == X_ASSIGN || e->kind == X_INCDEC) && is_verdict(e->a))
		set_verdict(j, (struct expr *)e);
	if (!t || t->kind != TR_VAR)
		return;
	for (i = 0; i < COUNT_OF(of_state); i++) {
		if (strcmp(t->name, of_state[i].name))
			continue;
		a = NEW(mem, struct access);
		a->at = e->at;
		a->member = of_state[i].member;
		a->next = t->path;
		t->path = a;
		t->name = "state";
		return;
	}
}

static bool possible(struct job *j, const struct point *pt)
{
	return j->engine == ENGINE_MODULE ||
		target_features(j->target)->netfilter ||
		complain(j, pt->at, E_ENGINE, "kernel \"%s\" has no netfilter "
			 "hooks for BPF (CONFIG_NETFILTER_BPF_LINK): they need "
			 "the module engine", target_name(j->target));
}

static bool expand(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	bool pf_first = shape->data & PF_FIRST;
	const struct expr *hook_arg = args[pf_first], *pf_arg = args[!pf_first];
	struct site_event *e = NEW(&j->mem, struct site_event);
	struct text name = { .mem = &j->mem };
	int64_t priority = 0;
	struct site *s;
	int pf = 0, hook = 0;

	if (!possible(j, pt) || !family_of_packets(j, pf_arg, &pf) ||
	    !hook_of(j, hook_arg, pf, &hook) ||
	    ((shape->data & PRIORITY) && !priority_of(j, args[2], &priority)))
		return false;
	*e = (struct site_event) { .type = (uint32_t)pf,
		.config = (uint64_t)hook, .rate = (uint64_t)priority };
	dump_point(&name, pt);
	s = site_new(j, pr, pt, &family_netfilter, AT_NETFILTER, name.s);
	s->event = e;
	s->tp = arguments(j, pt);
	if (j->engine != ENGINE_MODULE)
		check_loops(j, pr->body);
	walk_stmts(pr->body, rewrite, j);
	return s->tp != NULL;
}

static const struct shape shapes[] = {
	{ "netfilter.hook(s).pf(s)", expand, HOOK_FIRST },
	{ "netfilter.hook(s).pf(s).priority(s)", expand,
	  HOOK_FIRST | PRIORITY },
	{ "netfilter.pf(s).hook(s)", expand, PF_FIRST },
	{ "netfilter.pf(s).hook(s).priority(s)", expand, PF_FIRST | PRIORITY },
	{ NULL, NULL, 0 }
};

const struct family family_netfilter = { "netfilter", shapes };
