/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit_syscall.c - one program for all probes of system calls at a tracepoint.
 * In: handlers of kind IR_SYSCALL, written as functions. Out: a table from
 * number and ABI to the set of handlers that want the call, and the program
 * that looks there and calls them in the script's order.
 */
#include "emit.h"

#include <string.h>

struct set {			/* of handlers, as numbers want them */
	VEC(const struct ir_handler *) v;
};

struct dispatch {
	struct emit *e;
	enum ir_attach at;
	size_t n;		/* numbers of one ABI; the last: any other */
	uint16_t *set, *site;	/* by number, 32-bit programs' behind */
	VEC(struct set) sets;	/* [0]: nobody */
};

static bool is_there(const struct ir_handler *h, enum ir_attach at)
{
	return h->prog == IR_SYSCALL && h->sites->attach == at;
}

size_t emit_calls(const struct ir *ir, enum ir_attach at)
{
	const struct ir_handler *h;
	size_t n = 0;

	for (h = ir->handlers; h; h = h->next)
		n += is_there(h, at);
	return n;
}

const char *emit_calls_name(enum ir_attach at)
{
	return at == IR_AT_SYS_ENTER ? "sys_enter" : "sys_exit";
}

static void size_table(struct dispatch *d)
{
	const struct ir_handler *h;
	const struct ir_site *s;
	size_t i;

	for (h = d->e->ir->handlers; h; h = h->next)
		for (s = is_there(h, d->at) ? h->sites : NULL; s; s = s->next)
			for (i = 0; i < s->ncalls; i++)
				if (d->n <= s->calls[i])
					d->n = s->calls[i] + 1u;
	d->n++;
	d->set = NEW_ARRAY(d->e->mem, uint16_t, 2 * d->n);
	d->site = NEW_ARRAY(d->e->mem, uint16_t, 2 * d->n);
}

/* The set with h behind those of `old`. */
static uint16_t set_with(struct dispatch *d, uint16_t old,
			 const struct ir_handler *h)
{
	struct arena *mem = d->e->mem;
	struct set new = { { 0 } };
	size_t i, n = d->sets.v[old].v.n;

	for (i = 0; i < n; i++)
		vec_push(mem, &new.v, d->sets.v[old].v.v[i]);
	vec_push(mem, &new.v, h);
	for (i = 0; i < d->sets.n; i++)
		if (d->sets.v[i].v.n == n + 1 &&
		    !memcmp(d->sets.v[i].v.v, new.v.v, (n + 1) *
			    sizeof(*new.v.v)))
			return (uint16_t)i;
	vec_push(mem, &d->sets, new);
	return (uint16_t)i;
}

static void add_number(struct dispatch *d, const struct ir_handler *h,
		       const struct ir_site *s, size_t number)
{
	size_t i = number + (s->compat ? d->n : 0);

	d->set[i] = set_with(d, d->set[i], h);
	d->site[i] = (uint16_t)s->cookie;
}

/* Is that number a call that a site of h has? */
static bool is_named(const struct ir_handler *h, bool compat, size_t number)
{
	const struct ir_site *s;
	size_t i;

	for (s = h->sites; s; s = s->next)
		for (i = 0; s->compat == compat && i < s->ncalls; i++)
			if (s->calls[i] == number)
				return true;
	return false;
}

static void add_handler(struct dispatch *d, const struct ir_handler *h)
{
	const struct ir_site *s;
	struct ir_site other;
	size_t i;

	for (s = h->sites; s; s = s->next) {
		for (i = 0; i < s->ncalls; i++)
			add_number(d, h, s, s->calls[i]);
		if (s->calls)
			continue;
		other = *s;
		for (i = 0; i < 2 * d->n; i++) {
			other.compat = i >= d->n;
			if (!is_named(h, other.compat, i % d->n))
				add_number(d, h, &other, i % d->n);
		}
	}
}

static void put_table(struct dispatch *d, const char *name)
{
	size_t i;

	emit_line(d->e, "static const struct rt_call %s_calls[%zu] RT_CONST = "
		  "{", name, 2 * d->n);
	for (i = 0; i < 2 * d->n; i++)
		if (d->set[i])
			emit_line(d->e, "\t[%zu] = { %u, %u },", i, d->set[i],
				  d->site[i]);
	emit_line(d->e, "};\n");
}

static void put_program(struct dispatch *d, const char *name)
{
	struct emit *e = d->e;
	size_t i, k;

	emit_line(e, "RT_RAW_TP(%s)\n{", name);
	emit_line(e, "\tu64 call;\n");
	emit_line(e, "\tif (!rt_running())\n\t\treturn 0;");
	emit_line(e, "\tcall = rt_call(%s_calls, %zu, %s, %lld);", name, d->n,
		  d->at == IR_AT_SYS_ENTER ? "ctx[1]" :
		  "rt_regs_word(ctx, RT_REGS_WORD(orig_ax))",
		  (long long)e->ir->task_status);
	emit_line(e, "\tswitch (RT_CALL_HANDLERS(call)) {");
	for (i = 1; i < d->sets.n; i++) {
		emit_line(e, "\tcase %zu:", i);
		for (k = 0; k < d->sets.v[i].v.n; k++)
			emit_line(e, "\t\t%s_call(ctx, call);",
				  d->sets.v[i].v.v[k]->name);
		emit_line(e, "\t\tbreak;");
	}
	emit_line(e, "\t}\n\treturn 0;\n}\n");
}

void emit_dispatch(struct emit *e, enum ir_attach at, struct text *out)
{
	struct region code = { .code.mem = e->mem }, *was = e->reg;
	struct dispatch d = { .e = e, .at = at };
	const struct ir_handler *h;
	struct set nobody = { { 0 } };

	if (!e->kernel || !emit_calls(e->ir, at))
		return;
	e->reg = &code;
	e->depth = 0;
	vec_push(e->mem, &d.sets, nobody);
	size_table(&d);
	for (h = e->ir->handlers; h; h = h->next)
		if (is_there(h, at))
			add_handler(&d, h);
	put_table(&d, emit_calls_name(at));
	put_program(&d, emit_calls_name(at));
	text_puts(out, code.code.s);
	e->reg = was;
}
