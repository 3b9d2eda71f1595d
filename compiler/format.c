/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format.c - the directives of a printf against its arguments, when compiling.
 * In: X_PRINT with a format. Out: every argument has the type its directive
 * wants; the format is as the loader reads it (no 'l' and 'h', which change
 * nothing here).
 *
 *	%[- + space 0 #][width or *][.precision or .*] one of
 *	b (and 1 2 4 8)  c d i o p u x X  m M  s  %
 */
#include "check.h"

#include <ctype.h>
#include <string.h>

struct reader {
	struct check *c;
	struct expr *e, *arg;	/* arg: the next one */
	const char *p, *end;
	struct text out;
	bool ok;
};

static void wrong(struct reader *r, const char *what)
{
	complain(r->c->j, r->e->print->format_at, E_FORMAT, "%s", what);
	r->ok = false;
}

static int look(struct reader *r)
{
	return r->p < r->end ? (unsigned char)*r->p : 0;
}

static void keep(struct reader *r)
{
	text_putc(&r->out, *r->p++);
}

static void argument(struct reader *r, enum type want)
{
	struct expr *a = r->arg;

	if (!a) {
		wrong(r, "too few arguments for the format");
		return;
	}
	r->arg = a->next;
	check_value(r->c, a, want);
}

/* A number, or '*' which takes an argument. */
static void number(struct reader *r)
{
	int digits = 0;

	if (look(r) == '*') {
		keep(r);
		argument(r, T_LONG);
		return;
	}
	for (; isdigit(look(r)); digits++)
		keep(r);
	if (digits > 6)
		wrong(r, "width or precision out of range");
}

/* Behind '%'. */
static void directive(struct reader *r)
{
	while (look(r) && strchr("-+ 0#", look(r)))
		keep(r);
	number(r);
	if (look(r) == '.') {
		keep(r);
		number(r);
	}
	while (look(r) == 'l' || look(r) == 'h')
		r->p++;
	if (!r->ok)
		return;
	switch (look(r)) {
	case 'b':
		keep(r);
		if (look(r) && strchr("1248", look(r)))
			keep(r);
		argument(r, T_LONG);
		return;
	case 'c': case 'd': case 'i': case 'o': case 'p': case 'u':
	case 'x': case 'X': case 'm': case 'M':
		keep(r);
		argument(r, T_LONG);
		return;
	case 's':
		keep(r);
		argument(r, T_STRING);
		return;
	case 0:
		wrong(r, "format ends in the middle of a directive");
		return;
	default:
		wrong(r, arena_printf(&r->c->j->mem,
				      isprint(look(r)) ?
				      "unknown directive '%%%c'" :
				      "unknown directive 0x%02x", look(r)));
	}
}

void check_format(struct check *c, struct expr *e)
{
	struct reader r = { .c = c, .e = e, .arg = e->args, .ok = true,
		.p = e->print->format,
		.end = e->print->format + e->print->format_len,
		.out.mem = &c->j->mem };

	text_puts(&r.out, "");
	while (r.ok && r.p < r.end) {
		bool percent = *r.p == '%';

		keep(&r);
		if (!percent)
			continue;
		if (look(&r) == '%')
			keep(&r);
		else
			directive(&r);
	}
	if (r.ok && r.arg) {
		complain(c->j, r.arg->at, E_FORMAT,
			 "too many arguments for the format");
		r.ok = false;
	}
	if (c->final && r.ok) {
		e->print->format = r.out.s;
		e->print->format_len = r.out.n;
	}
}
