/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_print.c - printf and its family. A format is put together from as much
 * as can be told at compile time: strings that are themselves formatted
 * (sprintf, $$parms, $x$, concatenations, literals, pp()) become part of the
 * outer format, so that a probe that prints formats nothing: the loader does.
 */
#include "lower.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void shape_init(struct lower *l, struct shape_of_text *sh)
{
	*sh = (struct shape_of_text) { .format = { .mem = l->mem },
				       .types = { .mem = l->mem } };
	text_puts(&sh->format, "");
	text_puts(&sh->types, "");
}

void shape_text(struct shape_of_text *sh, const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (s[i] == '%')
			text_putc(&sh->format, '%');
		text_putc(&sh->format, s[i]);
	}
}

void shape_value(struct lower *l, struct shape_of_text *sh,
		 const char *directive, struct ir_opnd o, char type)
{
	struct ir_slot *copy;

	if (sh->hold && o.kind == IR_SLOT) {
		copy = temp_slot(l, o.slot->type);
		add_move(l, (struct span) { 0 }, copy, o);
		o = slot_opnd(copy);
	}
	text_puts(&sh->format, directive);
	text_putc(&sh->types, type);
	vec_push(l->mem, &sh->args, o);
}

static bool is_histogram(const struct expr *e)
{
	return e->args && e->args->kind == X_STAT &&
	       (e->args->stat == ST_HIST_LOG || e->args->stat ==
		ST_HIST_LINEAR);
}

static bool is_sprint(const struct expr *e)
{
	return e->kind == X_PRINT && e->print->to_string && !is_histogram(e);
}

static void shape_print(struct lower *l, struct shape_of_text *sh,
			const struct expr *e);

/* What a string is here. A site's name is no value where many sites share the
   handler, but it can be a part of the format: they may differ in that. */
static const char *known_text(struct lower *l, const struct shape_of_text *sh,
			      const struct expr *e, size_t *len)
{
	bool many = l->many;
	const char *s;

	if (l->prog == IR_SYSCALL && !sh->early)
		l->many = false;
	s = fold_string(l, e, len);
	l->many = many;
	return s;
}

/* The most bytes that e's text can have, as far as one can see here. */
static size_t longest(struct lower *l, const struct expr *e)
{
	const struct expr *a;
	size_t n, most = l->ir->string_len - 1;

	if (e->type != T_STRING)
		return 20;
	if (fold_string(l, e, &n))
		return n;
	if (e->kind == X_BINARY && e->op == OP_CAT)
		return longest(l, e->a) + longest(l, e->b);
	if (e->kind == X_CALL && e->builtin)
		return !strcmp(e->builtin->name, "execname") ? 15 : most;
	if (!is_sprint(e) || e->print->kind != PR_PRINTF ||
	    strcspn(e->print->format, "123456789*bmM") !=
	    e->print->format_len)
		return most;
	n = e->print->format_len;
	for (a = e->args; a; a = a->next)
		n += longest(l, a) + 4;		/* signs, 0x, octal */
	return n;
}

/* Of a concatenation; what is one itself need not be cut by itself. */
static void shape_operands(struct lower *l, struct shape_of_text *sh,
			   const struct expr *e)
{
	size_t len;

	if (e->type != T_STRING || e->kind != X_BINARY || e->op != OP_CAT ||
	    fold_string(l, e, &len)) {
		shape_expr(l, sh, e);
		return;
	}
	shape_operands(l, sh, e->a);
	shape_operands(l, sh, e->b);
}

/* What would be a string by itself is cut as one. */
static void shape_string_value(struct lower *l, struct shape_of_text *sh,
			       const struct expr *e)
{
	bool cut = !sh->early && longest(l, e) > l->ir->string_len - 1;

	if (cut)
		shape_value(l, sh, arena_printf(l->mem, "%%.%u(",
			    l->ir->string_len - 1), num_opnd(0), 'l');
	if (e->kind == X_BINARY)
		shape_operands(l, sh, e);
	else
		shape_print(l, sh, e);
	if (cut)
		text_puts(&sh->format, "%)");
}

void shape_expr(struct lower *l, struct shape_of_text *sh,
		const struct expr *e)
{
	const char *s;
	int64_t cond;
	size_t len;

	if (e->kind == X_NAME && e->var->meaning) {
		shape_expr(l, sh, e->var->meaning);
	} else if (sh->early && is_words_now(l, e)) {
		shape_value(l, sh, "%s", words_now(l, e, NULL), 's');
	} else if (is_words(e)) {
		shape_words(l, sh, e);
	} else if (e->type != T_STRING && fold(l, e, &cond)) {
		text_printf(&sh->format, "%" PRId64, cond);
	} else if (e->type != T_STRING) {
		shape_value(l, sh, "%d", lower_expr(l, e), 'l');
	} else if ((s = known_text(l, sh, e, &len))) {
		shape_text(sh, s, len);
	} else if ((e->kind == X_BINARY && e->op == OP_CAT) || is_sprint(e)) {
		shape_string_value(l, sh, e);
	} else if (e->kind == X_TERNARY && fold(l, e->a, &cond)) {
		shape_expr(l, sh, cond ? e->b : e->c);
	} else if (target_is_text(e)) {
		shape_target(l, sh, e);
	} else if (!shape_symbols(l, sh, e)) {
		shape_value(l, sh, "%s", lower_expr(l, e), 's');
	}
}

/* --- printf ------------------------------------------------------------------------- */

/* Length of the directive at s, which begins with '%'. */
static size_t directive_length(const char *s, size_t n)
{
	size_t i = 1;

	while (i < n && strchr("-+ #0123456789.*hlLqjzt", s[i]))
		i++;
	return i < n ? i + 1 : n;
}

static size_t count_stars(const char *s, size_t n)
{
	size_t i, stars = 0;

	for (i = 0; i < n; i++)
		stars += s[i] == '*';
	return stars;
}

/* An operand of a directive as it is, not spliced. */
static void shape_plain(struct lower *l, struct shape_of_text *sh,
			const struct expr *e)
{
	shape_value(l, sh, "", lower_expr(l, e),
		    e->type == T_STRING ? 's' : 'l');
}

/* A directive of a constant is the text it prints, where C and SystemTap agree
   on what that is. */
static bool shape_constant(struct lower *l, struct shape_of_text *sh,
			   const char *d, size_t n, const struct expr *e)
{
	char spec[32], out[512];
	const char *s;
	size_t len;
	int64_t v;
	int got;

	if (n + 2 >= sizeof(spec) || strspn(d + 1, e->type == T_STRING ?
			"-123456789." : "-+ 0123456789") != n - 2)
		return false;
	if (e->type == T_STRING) {
		s = d[n - 1] == 's' ? fold_string(l, e, &len) : NULL;
		if (!s || strlen(s) != len)
			return false;
		snprintf(spec, sizeof(spec), "%.*s", (int)n, d);
		got = snprintf(out, sizeof(out), spec, s);
	} else {
		if (!strchr("dxXo", d[n - 1]) || !fold(l, e, &v))
			return false;
		snprintf(spec, sizeof(spec), "%.*sll%c", (int)n - 1, d,
			 d[n - 1]);
		got = snprintf(out, sizeof(out), spec, (long long)v);
	}
	if (got < 0 || (size_t)got >= sizeof(out))
		return false;
	shape_text(sh, out, (size_t)got);
	return true;
}

/* A slot with `n`, at least 1 and at most `most`. */
static struct ir_opnd clamped(struct lower *l, struct span at,
			      struct ir_opnd n, int64_t most)
{
	struct ir_slot *to = new_slot(l, IR_LONG, "bytes");
	struct ir_stmt *s;
	struct block back;

	add_move(l, at, to, n);
	for (int i = 0; i < 2; i++) {
		struct ir_opnd end = num_opnd(i ? most : 1);
		struct ir_opnd out = add_bin(l, at, i ? IR_GT : IR_LT,
					     slot_opnd(to), end);

		s = add(l, IR_IF, at);
		s->a = out;
		back = enter(l, &s->body);
		add_move(l, at, to, end);
		leave(l, back);
	}
	return slot_opnd(to);
}

/* How many bytes a %m takes: its precision, 1 where there is none. */
static struct ir_opnd bytes_of(struct lower *l, const char *d, size_t n,
			       const struct expr **args, uint32_t *cap)
{
	const char *dot = memchr(d, '.', n);
	const struct expr *e = *args;
	struct ir_opnd bytes;
	long size;

	*cap = l->ir->string_len;
	if (dot && dot[1] == '*' && e) {
		*args = e->next;
		bytes = lower_expr(l, e);
		if (bytes.kind == IR_SLOT)
			return clamped(l, e->at, bytes, *cap);
		size = bytes.num;
	} else {
		size = dot ? strtol(dot + 1, NULL, 10) : 1;
	}
	if (size > *cap && *args)
		complain(l->j, (*args)->at, E_UNSUPPORTED, "%ld bytes of "
			 "memory in one directive: at most MAXSTRINGLEN (%u)",
			 size, *cap);
	if (size < *cap)
		*cap = size > 1 ? (uint32_t)size : 1;
	return num_opnd(*cap);
}

/*
 * %m, %M: memory is read here, its bytes are an argument of the record. A
 * number of bytes known only now goes with it, as a precision.
 */
static const struct expr *shape_memory(struct lower *l,
				       struct shape_of_text *sh,
				       const char *d, size_t n,
				       const struct expr *args)
{
	struct ir_opnd bytes, at;
	struct ir_stmt *s;
	uint32_t cap;
	size_t i = 1;

	text_putc(&sh->format, '%');
	for (; i < n && strchr("-+ #0123456789", d[i]); i++)
		if (d[i] != '#')
			text_putc(&sh->format, d[i]);
	if (d[i] == '*' && args) {
		text_putc(&sh->format, '*');
		shape_plain(l, sh, args);
		args = args->next;
	}
	bytes = bytes_of(l, d, n, &args, &cap);
	if (!args)
		return NULL;
	at = lower_expr(l, args);
	s = add_into(l, IR_LOAD_MEM, args->at, new_slot(l, IR_STRING, "mem"));
	s->a = at;
	s->b = bytes;
	s->cap = cap;
	s->space = memchr(d, '#', n) ? IR_USER_MEM : IR_KERNEL_MEM;
	s->err = fault(l, args->at, "read fault [man error::fault] at 0x%x",
		       "l");
	if (bytes.kind == IR_SLOT)
		shape_value(l, sh, ".*", bytes, 'l');
	text_putc(&sh->format, d[n - 1]);
	text_putc(&sh->types, 'm');
	vec_push(l->mem, &sh->args, slot_opnd(s->dst));
	return args->next;
}

/* One directive and what of the arguments it takes; gives the rest. */
static const struct expr *shape_directive(struct lower *l,
					  struct shape_of_text *sh,
					  const char *d, size_t n,
					  const struct expr *args)
{
	size_t stars = count_stars(d, n);

	if (args && shape_raw(l, sh, d, n, args))
		return args->next;
	if (n == 2 && args && d[1] == (args->type == T_STRING ? 's' : 'd')) {
		shape_expr(l, sh, args);
		return args->next;
	}
	if (args && (shape_constant(l, sh, d, n, args) ||
		     shape_padded_symbol(l, sh, d, n, args)))
		return args->next;
	if (d[n - 1] == 'm' || d[n - 1] == 'M')
		return shape_memory(l, sh, d, n, args);
	text_add(&sh->format, d, n);
	if (d[n - 1] == '%')
		return args;
	for (stars++; stars && args; stars--, args = args->next)
		shape_plain(l, sh, args);
	return args;
}

static void shape_printf(struct lower *l, struct shape_of_text *sh,
			 const struct expr *e)
{
	const char *f = e->print->format;
	size_t n = e->print->format_len, i, d;
	const struct expr *args = e->args;

	for (i = 0; i < n; i += d) {
		d = 1;
		if (f[i] != '%') {
			text_putc(&sh->format, f[i]);
			continue;
		}
		d = directive_length(f + i, n - i);
		args = shape_directive(l, sh, f + i, d, args);
	}
}

static void shape_list(struct lower *l, struct shape_of_text *sh,
		       const struct expr *e)
{
	const struct print *p = e->print;
	bool delimited = p->kind == PR_PRINTD || p->kind == PR_PRINTDLN;
	const struct expr *a;

	for (a = e->args; a; a = a->next) {
		if (delimited && a != e->args)
			shape_text(sh, p->format, p->format_len);
		shape_expr(l, sh, a);
	}
	if (p->kind == PR_PRINTLN || p->kind == PR_PRINTDLN)
		text_putc(&sh->format, '\n');
}

static void shape_print(struct lower *l, struct shape_of_text *sh,
			const struct expr *e)
{
	if (e->print->kind == PR_PRINTF)
		shape_printf(l, sh, e);
	else
		shape_list(l, sh, e);
}

/* --- what becomes of a format ----------------------------------------------------------- */

/* A format without directives as the text that it prints. */
static struct ir_opnd literal(struct lower *l, const struct text *format)
{
	struct text t = { .mem = l->mem };
	size_t i;

	text_puts(&t, "");
	for (i = 0; i < format->n; i++) {
		text_putc(&t, format->s[i]);
		if (format->s[i] == '%')
			i++;
	}
	return text_opnd(l, t.s, t.n);
}

enum { MAX_FORMATTED = 12 };	/* values, by the kernel at once */

/* Length of a format's beginning that takes n values. */
static size_t first_values(const char *format, size_t n)
{
	size_t i, len = strlen(format);

	for (i = 0; i < len; i++) {
		if (format[i] != '%')
			continue;
		if (format[i + 1] != '%' && n-- == 0)
			break;
		i += directive_length(format + i, len - i) - 1;
	}
	return i;
}

/* In several steps, each of no more values than the kernel formats. */
static struct ir_opnd format_by_parts(struct lower *l,
				      struct shape_of_text *sh,
				      struct span at)
{
	struct ir_slot *all = temp_slot(l, IR_STRING);
	size_t done = 0, n, len;
	const char *f = sh->format.s;
	struct shape_of_text part;
	struct ir_opnd v;
	struct ir_stmt *s;

	for (; done < sh->args.n; done += n, f += len) {
		n = sh->args.n - done < MAX_FORMATTED ? sh->args.n - done :
							MAX_FORMATTED;
		len = n == sh->args.n - done ? strlen(f) : first_values(f, n);
		shape_init(l, &part);
		text_add(&part.format, f, len);
		text_add(&part.types, sh->types.s + done, n);
		part.args.v = sh->args.v + done;
		part.args.n = n;
		v = shape_string(l, &part, at, NULL);
		if (!done) {
			add_move(l, at, all, v);
			continue;
		}
		s = add_into(l, IR_CAT, at, all);
		s->a = slot_opnd(all);
		s->b = v;
	}
	return slot_opnd(all);
}

/* The first n bytes of a string. */
static struct ir_opnd cut_string(struct lower *l, struct span at,
				 struct ir_opnd s, int64_t n)
{
	struct ir_stmt *st = add_into(l, IR_CALL, at,
				      temp_slot(l, IR_STRING));

	st->name = "substr";
	st->arg_types = "sll";
	st->nargs = 3;
	st->args = NEW_ARRAY(l->mem, struct ir_opnd, 3);
	st->args[0] = s;
	st->args[1] = num_opnd(0);
	st->args[2] = num_opnd(n);
	st->where = IR_IN_KERNEL | IR_IN_LOADER;
	return slot_opnd(st->dst);
}

/*
 * A directive of sprintf in words that the kernel's snprintf knows: numbers
 * with 0x and no width, strings with a precision. False: as it is.
 */
static bool part_directive(struct lower *l, struct shape_of_text *new,
			   struct span at, const char *d, size_t n,
			   struct ir_opnd arg)
{
	size_t flags = 1 + strspn(d + 1, "-+ #0");
	const char *dot = memchr(d, '.', n);
	char what = d[n - 1];

	if (flags == n - 1 && (what == 'p' || ((what == 'x' || what == 'X') &&
					       memchr(d, '#', flags)))) {
		shape_value(l, new, what == 'X' ? "0X%X" : "0x%x", arg, 'l');
		return true;
	}
	if (what == 'o' && flags == n - 1 && !l->ir_fn && l->prog != IR_LOADER &&
	    !strspn(d + 1, "-+ 0")) {
		shape_value(l, new, "%s", octal_now(l, at, arg, n > 2), 's');
		return true;
	}
	if (what != 's' || !dot || !isdigit((unsigned char)dot[1]) ||
	    memchr(d, '*', n))
		return false;
	text_add(&new->format, d, (size_t)(dot - d));
	shape_value(l, new, "s", cut_string(l, at, arg,
					    strtol(dot + 1, NULL, 10)), 's');
	return true;
}

/*
 * The kernel's snprintf takes nothing but blanks and signs behind %s: text
 * there becomes an argument of its own.
 */
static void part_strings(struct lower *l, struct shape_of_text *sh,
			 struct span at)
{
	struct shape_of_text new;
	const char *f = sh->format.s;
	size_t i, d, arg = 0, end;

	shape_init(l, &new);
	for (i = 0; i < sh->format.n; i += d) {
		d = 1;
		if (f[i] != '%') {
			text_putc(&new.format, f[i]);
			continue;
		}
		d = directive_length(f + i, sh->format.n - i);
		if (arg < sh->args.n && part_directive(l, &new, at, f + i, d,
						       sh->args.v[arg])) {
			arg++;
		} else {
			text_add(&new.format, f + i, d);
			end = count_stars(f + i, d) + (f[i + d - 1] != '%');
			for (; end; end--, arg++)
				shape_value(l, &new, "", sh->args.v[arg],
					    sh->types.s[arg]);
		}
		if (f[i + d - 1] != 's' || !isalnum((unsigned char)f[i + d]))
			continue;
		end = strcspn(f + i + d, "%");
		shape_value(l, &new, "%s", lit_opnd(arena_strndup(l->mem,
			    f + i + d, end), end), 's');
		d += end;
	}
	*sh = new;
}

struct ir_opnd shape_string(struct lower *l, struct shape_of_text *sh,
			    struct span at, struct ir_slot *want)
{
	struct ir_stmt *s;
	size_t i;

	if (!sh->args.n)
		return literal(l, &sh->format);
	if (sh->args.n > MAX_FORMATTED && !strchr(sh->format.s, '*'))
		return format_by_parts(l, sh, at);
	if (!strcmp(sh->format.s, "%s") && sh->types.s[0] == 's')
		return sh->args.v[0];
	part_strings(l, sh, at);
	for (i = 0; want && i < sh->args.n; i++)
		if (sh->args.v[i].kind == IR_SLOT &&
		    sh->args.v[i].slot == want)
			want = NULL;
	s = add_into(l, IR_FORMAT, at, want && want->type == IR_STRING ?
		     want : temp_slot(l, IR_STRING));
	s->format = ir_format_id(l->mem, l->ir, sh->format.s, sh->format.n,
				 sh->types.s, IR_OUT);
	s->args = sh->args.v;
	s->nargs = sh->args.n;
	s->arg_types = sh->types.s;
	return slot_opnd(s->dst);
}

void shape_out(struct lower *l, struct shape_of_text *sh, struct span at,
	       enum ir_channel channel)
{
	struct ir_stmt *s;

	char *types, *m;

	if (!sh->format.n && channel == IR_OUT)
		return;
	types = arena_strdup(l->mem, sh->types.s);
	for (m = types; *m; m++)	/* memory is a string in a record */
		if (*m == 'm')
			*m = 's';
	s = add(l, IR_PRINT, at);
	s->format = ir_format_id(l->mem, l->ir, sh->format.s, sh->format.n,
				 types, channel);
	s->args = sh->args.v;
	s->nargs = sh->args.n;
	s->arg_types = sh->types.s;
}

void print_nothing(struct lower *l, struct span at, enum ir_channel channel)
{
	struct shape_of_text sh;

	shape_init(l, &sh);
	shape_out(l, &sh, at, channel);
}

void print_text(struct lower *l, const struct expr *e, const char *behind,
		enum ir_channel channel)
{
	struct shape_of_text sh;

	shape_init(l, &sh);
	shape_expr(l, &sh, e);
	text_puts(&sh.format, behind);
	shape_out(l, &sh, e->at, channel);
}

static struct ir_opnd print_histogram(struct lower *l, const struct expr *e,
				      struct ir_slot *want)
{
	struct ir_stmt at = { 0 }, *s;

	stat_target(l, e->args, &at);
	s = add(l, IR_PRINT_HIST, e->at);
	if (e->print->to_string)
		s->dst = want && want->type == IR_STRING && !at.nargs ? want :
			 temp_slot(l, IR_STRING);
	s->global = at.global;
	s->args = at.args;
	s->nargs = at.nargs;
	s->stat = at.stat;
	s->err = fault(l, e->args->at, "empty aggregate", "");
	return s->dst ? slot_opnd(s->dst) : lit_opnd("", 0);
}

struct ir_opnd lower_print(struct lower *l, const struct expr *e,
			   struct ir_slot *want)
{
	struct shape_of_text sh;

	if (is_histogram(e))
		return print_histogram(l, e, want);
	if (is_words_now(l, e))
		return words_now(l, e, want);
	shape_init(l, &sh);
	sh.hold = changes_locals(e);
	sh.early = e->print->to_string;
	shape_print(l, &sh, e);
	if (e->print->to_string)
		return shape_string(l, &sh, e->at, want);
	shape_out(l, &sh, e->at, l->site && l->site->probe->is_display ?
		  IR_VALUE : IR_OUT);
	return lit_opnd("", 0);
}
