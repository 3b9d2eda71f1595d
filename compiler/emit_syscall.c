/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit_syscall.c - one program for all probes of system calls at a tracepoint.
 * In: handlers of kind IR_SYSCALL, written as functions. Out: a table from
 * number and ABI to the set of handlers that want the call, and the program
 * that looks there and calls them in the script's order.
 */
#include "emit.h"

#include <string.h>

/* Of a program: the verifier takes 256, some of them the runtime's. */
enum { MAX_FUNCTIONS = 200 };
/* And of statements: the verifier takes what is never reached out of a program
   instruction by instruction, and moves all that is behind it each time. */
enum { MAX_STATEMENTS = 6000 };

struct set {			/* of handlers, as numbers want them */
	VEC(const struct ir_handler *) v;
};

struct dispatch {
	struct emit *e;
	enum ir_attach at;
	const struct ir_handler *first, *end;	/* of those in the program */
	size_t n;		/* numbers of one ABI; the last: any other */
	uint16_t *set, *site;	/* by number, 32-bit programs' behind */
	VEC(struct set) sets;	/* [0]: nobody */
};

static bool is_there(const struct ir_handler *h, enum ir_attach at)
{
	return h->prog == IR_SYSCALL && h->sites->attach == at;
}

/* Bodies of loops, each a function of its own. */
static size_t loops_in(const struct ir_stmt *s)
{
	size_t n = 0;

	for (; s; s = s->next)
		n += (s->kind == IR_LOOP) + loops_in(s->body) +
			loops_in(s->other) +
			(s->kind == IR_CALL_FN ? loops_in(s->fn->body) : 0);
	return n;
}

static size_t statements_in(const struct ir_stmt *s)
{
	size_t n = 0;

	for (; s; s = s->next)
		n += 1 + statements_in(s->body) + statements_in(s->other);
	return n;
}

/* The first handler of program `part` at the tracepoint, from 0. */
static const struct ir_handler *first_of(const struct ir *ir,
					 enum ir_attach at, size_t part)
{
	size_t sum = 0, now = 0, size = 0, n, more;
	const struct ir_handler *h;

	for (h = ir->handlers; h; h = h->next) {
		if (!is_there(h, at))
			continue;
		n = 1 + loops_in(h->body);
		more = statements_in(h->body);
		if (sum && (sum + n > MAX_FUNCTIONS ||
			    size + more > MAX_STATEMENTS)) {
			sum = size = 0;
			now++;
		}
		if (now == part)
			return h;
		sum += n;
		size += more;
	}
	return NULL;
}

size_t emit_calls(const struct ir *ir, enum ir_attach at)
{
	const struct ir_handler *h;
	size_t n = 0;

	for (h = ir->handlers; h; h = h->next)
		n += is_there(h, at);
	return n;
}

const char *emit_calls_point(enum ir_attach at)
{
	return at == IR_AT_SYS_ENTER ? "sys_enter" : "sys_exit";
}

const char *emit_calls_name(struct arena *mem, const struct ir *ir,
			    enum ir_attach at, size_t part)
{
	if (!first_of(ir, at, part))
		return NULL;
	return part ? arena_printf(mem, "%s_%zu", emit_calls_point(at),
				   part + 1) : emit_calls_point(at);
}

static void size_table(struct dispatch *d)
{
	const struct ir_handler *h;
	const struct ir_site *s;
	size_t i;

	for (h = d->first; h != d->end; h = h->next)
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

static void put_part(struct emit *e, enum ir_attach at, size_t part)
{
	struct dispatch d = { .e = e, .at = at,
			      .first = first_of(e->ir, at, part),
			      .end = first_of(e->ir, at, part + 1) };
	const char *name = emit_calls_name(e->mem, e->ir, at, part);
	const struct ir_handler *h;
	struct set nobody = { { 0 } };

	vec_push(e->mem, &d.sets, nobody);
	size_table(&d);
	for (h = d.first; h != d.end; h = h->next)
		if (is_there(h, at))
			add_handler(&d, h);
	put_table(&d, name);
	put_program(&d, name);
}

void emit_dispatch(struct emit *e, enum ir_attach at, struct text *out)
{
	struct region code = { .code.mem = e->mem }, *was = e->reg;
	size_t part;

	e->reg = &code;
	e->depth = 0;
	text_puts(&code.code, "");
	for (part = 0; e->kernel && first_of(e->ir, at, part); part++)
		put_part(e, at, part);
	text_puts(out, code.code.s);
	e->reg = was;
}
