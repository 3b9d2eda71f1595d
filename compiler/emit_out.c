/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit_out.c - statements that print, format and raise. Kernel handlers write
 * records: the only one of a run straight into the ring, others into the
 * frame, sent together at the end. Loader handlers pass arguments one by one
 * to the loader, which has the formats.
 */
#include "emit.h"

#include <inttypes.h>
#include <string.h>

static bool is_string(const struct ir_opnd *o)
{
	return o->kind == IR_LIT ||
	       (o->kind == IR_SLOT && o->slot->type == IR_STRING);
}

static bool is_small_literal(const struct ir_opnd *o)
{
	return o->kind == IR_LIT && o->len < SMALL_STRING;
}

/* Bytes that a string argument has room for in a record. */
static uint32_t room(struct emit *e, const struct ir_opnd *o)
{
	if (o->kind == IR_LIT)
		return emit_round((uint32_t)o->len + 1);
	return emit_round(o->slot->cap ? o->slot->cap : e->ir->string_len);
}

/* Bytes with no NUL: all that the slot has. */
static bool is_memory(const struct ir_stmt *s, size_t i)
{
	return s->arg_types && s->arg_types[i] == 'm';
}

/* The id of a print's format, as C: of a table, where sites differ in it. */
const char *emit_format_id(struct emit *e, const struct ir_stmt *s)
{
	const struct ir_formats *f = s->by_site;
	struct text *t = &e->u->bodies;
	unsigned n = ++e->u->nformats;
	size_t i;

	if (!f)
		return arena_printf(e->mem, "%d", s->format);
	text_printf(t, "static const uint16_t %s_formats%u[%zu] RT_CONST = {",
		    e->u->name, n, f->v.n);
	for (i = 0; i < f->v.n; i++)
		if (f->v.v[i] > 0)
			text_printf(t, "\n\t[%zu] = %d,", i, f->v.v[i]);
	text_puts(t, "\n};\n\n");
	return arena_printf(e->mem, "%s_formats%u[rt_call_site(r, %zu)]",
			    e->u->name, n, f->v.n);
}

/* --- the only record of a run --------------------------------------------------- */

static void print_direct(struct emit *e, const struct ir_stmt *s)
{
	size_t i;

	emit_line(e, "struct {");
	emit_line(e, "\tstruct stb_record record;");
	for (i = 0; i < s->nargs; i++)
		if (is_string(&s->args[i]))
			emit_line(e, "\tRT_ROOM(a%zu, %u);", i,
				  room(e, &s->args[i]));
		else
			emit_line(e, "\ti64 a%zu;", i);
	emit_line(e, "} *p = RT_RESERVE(p);\n");
	emit_line(e, "if (p) {");
	e->depth++;
	emit_line(e, "RT_HEADER(p, %s);", emit_format_id(e, s));
	for (i = 0; i < s->nargs; i++) {
		const char *v = emit_opnd(e, &s->args[i]);

		if (is_memory(s, i))
			emit_line(e, "RT_FILL_MEM(p->a%zu, %s, %u);", i, v,
				  s->args[i].slot->cap);
		else if (is_small_literal(&s->args[i]))
			emit_line(e, "RT_FILL_LIT(p->a%zu, %s);", i, v);
		else if (is_string(&s->args[i]))
			emit_line(e, "RT_FILL(p->a%zu, %s);", i, v);
		else
			emit_line(e, "p->a%zu = %s;", i, v);
	}
	emit_line(e, "rt_submit(p);");
	e->depth--;
	emit_line(e, "} else {");
	emit_line(e, "\trt_lost();");
	emit_line(e, "}");
}

/* --- one of several ------------------------------------------------------------- */

static void print_gathered(struct emit *e, const struct ir_stmt *s)
{
	size_t i;

	emit_line(e, "char *out = RT_OUT(r);");
	emit_line(e, "u64 from = rt_record(r, %u), n = from + 8;\n",
		  emit_record_size(e, s));
	for (i = 0; i < s->nargs; i++) {
		const struct ir_opnd *o = &s->args[i];
		const char *v = emit_opnd(e, o);

		if (is_memory(s, i))
			emit_line(e, "n = rt_put_mem(out, n, %s, %u);", v,
				  o->slot->cap);
		else if (is_small_literal(o))
			emit_line(e, "n = RT_PUT_LIT(out, n, %s);", v);
		else if (is_string(o))
			emit_line(e, "n = rt_put_str(out, n, %s, %u);", v,
				  room(e, o));
		else
			emit_line(e, "n = rt_put_long(out, n, %s);", v);
	}
	emit_line(e, "rt_record_end(r, from, n, %s);", emit_format_id(e, s));
}

/* --- the loader's ---------------------------------------------------------------- */

static void pass_args(struct emit *e, const struct ir_stmt *s)
{
	size_t i;

	for (i = 0; i < s->nargs; i++)
		emit_line(e, "rt_arg_%s(%s);", is_string(&s->args[i]) ?
			  "string" : "long", emit_opnd(e, &s->args[i]));
}

void emit_print(struct emit *e, const struct ir_stmt *s)
{
	if (!e->kernel) {
		pass_args(e, s);
		emit_line(e, "rt_print(%d);", s->format);
		return;
	}
	emit_line(e, "{");
	e->depth++;
	if (e->u->direct)
		print_direct(e, s);
	else
		print_gathered(e, s);
	e->depth--;
	emit_line(e, "}");
}

/* --- text ------------------------------------------------------------------------- */

/* SystemTap's directives as the kernel's: numbers are 64 bits wide. ir.c has
   refused what the kernel cannot do. */
static const char *kernel_format(struct emit *e, const char *f, size_t len)
{
	struct text to = { .mem = e->mem }, quoted = { .mem = e->mem };
	size_t i;

	text_puts(&to, "");
	for (i = 0; i < len; i++) {
		text_putc(&to, f[i]);
		if (f[i] != '%')
			continue;
		for (i++; i < len && strchr("-+ #0123456789lh", f[i]); i++)
			if (!strchr("#lh", f[i]))
				text_putc(&to, f[i]);
		if (i < len && strchr("diuxX", f[i]))
			text_puts(&to, "ll");
		if (i < len)
			text_putc(&to, f[i]);
	}
	text_quote(&quoted, to.s, to.n);
	return quoted.s;
}

/* The module has the loader's own formatter. */
static const char *module_format(struct emit *e, int id)
{
	const struct ir_format *f = &e->ir->formats.v[id];
	struct text quoted = { .mem = e->mem };

	text_quote(&quoted, f->text, f->caught_len ? f->caught_len : f->len);
	return quoted.s;
}

static void format_into(struct emit *e, const struct ir_slot *dst, int id,
			const char *args)
{
	const struct ir_format *f = &e->ir->formats.v[id];
	uint32_t cap = dst->cap ? dst->cap : e->ir->string_len;
	size_t len = f->caught_len ? f->caught_len : f->len;

	if (e->module && *args)
		emit_line(e, "RT_FORMAT(%s, %u, %s, \"%s\", %s);",
			  emit_slot(e, dst), cap, module_format(e, id),
			  e->ir->formats.v[id].args, args);
	else if (e->module)
		emit_line(e, "RT_FORMAT_NONE(%s, %u, %s);", emit_slot(e, dst),
			  cap, module_format(e, id));
	else if (*args)
		emit_line(e, "RT_FORMAT(%s, %u, %s, %s);", emit_slot(e, dst),
			  cap, kernel_format(e, f->text, len), args);
	else
		emit_line(e, "RT_FORMAT_NONE(%s, %u, %s);", emit_slot(e, dst),
			  cap, kernel_format(e, f->text, len));
}

/*
 * The kernel's snprintf first gathers its arguments in 512 bytes, and makes no text
 * at all where they do not fit.
 */
enum { GATHERED = 512 };
static uint32_t gathered(struct emit *e, const struct ir_opnd *o)
{
	return is_string(o) ? room(e, o) : 8;
}

bool emit_is_wide_format(struct emit *e, const struct ir_stmt *s)
{
	uint32_t sum = 0;
	size_t i;

	if (s->kind != IR_FORMAT || !e->kernel || e->module || s->nargs < 2)
		return false;
	for (i = 0; i < s->nargs; i++)
		sum += gathered(e, &s->args[i]);
	return sum > GATHERED;
}

/* Then by pieces, one behind the other, in the frame's buffer. */
static void format_by_pieces(struct emit *e, const struct ir_stmt *s)
{
	const struct ir_format *f = &e->ir->formats.v[s->format];
	size_t len = f->caught_len ? f->caught_len : f->len;
	size_t from = 0, i, next, arg = 0;
	struct text args = { .mem = e->mem };
	uint32_t sum = 0, size;

	text_puts(&args, "");
	emit_line(e, "RT_PIECES(r);");
	for (i = 0; i < len; i = next) {
		next = i + 1;
		if (f->text[i] != '%')
			continue;
		next += strspn(f->text + next, "-+ #0123456789lh") + 1;
		if (f->text[next - 1] == '%')
			continue;
		size = gathered(e, &s->args[arg]);
		if (*args.s && sum + size > GATHERED) {
			emit_line(e, "RT_PIECE(%s%s);",
				  kernel_format(e, f->text + from, i - from), args.s);
			args.n = 0;
			text_puts(&args, "");
			from = i;
			sum = 0;
		}
		sum += size;
		text_printf(&args, ", (u64)%s", emit_opnd(e, &s->args[arg++]));
	}
	emit_line(e, "RT_PIECE(%s%s);", kernel_format(e, f->text + from, len - from),
		  args.s);
	emit_line(e, "RT_PIECES_DONE(%s, %u);", emit_slot(e, s->dst),
		  s->dst->cap ? s->dst->cap : e->ir->string_len);
}

void emit_format(struct emit *e, const struct ir_stmt *s)
{
	struct text args = { .mem = e->mem };
	size_t i;

	if (!e->kernel) {
		pass_args(e, s);
		emit_line(e, "rt_format(%s, %u, %d);", emit_slot(e, s->dst),
			  s->dst->cap ? s->dst->cap : e->ir->string_len,
			  s->format);
		return;
	}
	if (emit_is_wide_format(e, s)) {
		format_by_pieces(e, s);
		return;
	}
	text_puts(&args, "");
	for (i = 0; i < s->nargs; i++)
		text_printf(&args, "%s(u64)%s", i ? ", " : "",
			    emit_opnd(e, &s->args[i]));
	format_into(e, s->dst, s->format, args.s);
}

/* --- error() ----------------------------------------------------------------------- */

bool emit_simple_raise(const struct ir_stmt *s)
{
	return s->nargs == 0 || (s->nargs == 1 && !is_string(&s->args[0]));
}

/* In the kernel the record is laid out at once, in the frame, with room for
   the longest strings, so that a catch finds every argument at its place. */
static void raise_record(struct emit *e, const struct ir_stmt *s)
{
	uint32_t at = sizeof(struct stb_record);
	size_t i;

	for (i = 0; i < s->nargs; i++) {
		const char *v = emit_opnd(e, &s->args[i]);

		if (is_string(&s->args[i])) {
			emit_line(e, "rt_raise_str(r, %u, %u, %s);", at,
				  room(e, &s->args[i]), v);
			at += 8 + room(e, &s->args[i]);
		} else {
			emit_line(e, "rt_raise_long(r, %u, %s);", at, v);
			at += 8;
		}
	}
	emit_line(e, "rt_raise(r, %d, %u);", s->err, at);
}

void emit_raise(struct emit *e, const struct ir_stmt *s)
{
	if (emit_simple_raise(s) && s->nargs) {
		emit_line(e, "RT_FAULT_ARG(%d, %s);", s->err,
			  emit_opnd(e, &s->args[0]));
	} else if (!s->nargs) {
		emit_line(e, "RT_FAULT(%d);", s->err);
	} else if (e->kernel) {
		raise_record(e, s);
	} else {
		pass_args(e, s);
		emit_line(e, "rt_raise(r, %d);", s->err);
	}
	emit_leave(e);
}

struct errors {
	struct emit *e;
	const struct ir_stmt *catching;
	VEC(int) ids;
	VEC(const struct ir_function *) fns;	/* looked into */
};

/* One message that can arrive here, as a case. */
static void caught_case(struct errors *errs, const struct ir_stmt *s)
{
	struct emit *e = errs->e;
	struct text args = { .mem = e->mem };
	uint32_t at = sizeof(struct stb_record);
	const char *types = e->ir->formats.v[s->err].args;
	size_t i;

	if (s->kind == IR_LOOP || s->kind == IR_FOREACH)
		return;		/* MAXACTION: never caught */
	for (i = 0; i < errs->ids.n; i++)
		if (errs->ids.v[i] == s->err)
			return;
	vec_push(e->mem, &errs->ids, s->err);
	text_puts(&args, "");
	if (s->kind == IR_RAISE && !emit_simple_raise(s)) {
		for (i = 0; i < s->nargs; i++) {
			bool string = is_string(&s->args[i]);

			text_printf(&args, "%sRT_RAISED_%s(r, %u)",
				    i ? ", " : "", string ? "STR" : "LONG", at);
			at += 8 + (string ? room(e, &s->args[i]) : 0);
		}
	} else if (types && types[0] == 'l') {
		text_puts(&args, "s->err_arg");
	}
	emit_line(e, "case %d:", s->err);
	e->depth++;
	format_into(e, errs->catching->dst, s->err, args.s);
	emit_line(e, "break;");
	e->depth--;
}

static bool is_new(struct errors *errs, const struct ir_function *fn)
{
	size_t i;

	for (i = 0; i < errs->fns.n; i++)
		if (errs->fns.v[i] == fn)
			return false;
	vec_push(errs->e->mem, &errs->fns, fn);
	return true;
}

/* What a function in C raises: text, where the first string of error() is. */
static void caught_c(struct errors *errs, const struct ir_function *fn)
{
	struct emit *e = errs->e;

	if (!fn->c_body)
		return;
	emit_line(e, "case %d:", fn->c_err);
	e->depth++;
	format_into(e, errs->catching->dst, fn->c_err, "RT_RAISED_STR(r, 8)");
	emit_line(e, "break;");
	e->depth--;
}

static void caught_cases(struct errors *errs, const struct ir_stmt *s)
{
	for (; s; s = s->next) {
		if (s->err >= 0 && s->kind != IR_PRINT)
			caught_case(errs, s);
		if (s->kind == IR_CALL_FN && is_new(errs, s->fn)) {
			caught_c(errs, s->fn);
			caught_cases(errs, s->fn->body);
		}
		if (s->kind != IR_TRY)
			caught_cases(errs, s->body);
		caught_cases(errs, s->other);
	}
}

void emit_caught(struct emit *e, const struct ir_stmt *s)
{
	struct errors errs = { .e = e, .catching = s };

	emit_line(e, "if (s->actions > %s) {", e->module ? "s->max_actions" :
		  "RT_MAX_ACTION");
	e->depth++;
	emit_leave(e);
	e->depth--;
	emit_line(e, "}");
	if (s->dst && e->kernel) {
		emit_line(e, "switch (s->err - 1) {");
		caught_cases(&errs, s->body);
		emit_line(e, "}");
	} else if (s->dst) {
		emit_line(e, "rt_caught(s, %s, %u);", emit_slot(e, s->dst),
			  s->dst->cap ? s->dst->cap : e->ir->string_len);
	}
	emit_line(e, "s->err = s->raised = 0;");
}
