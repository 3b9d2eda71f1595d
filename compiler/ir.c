/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ir.c - the IR as text (--dump=ir, and what lower.c compares handlers by),
 * and its table of formats. docs/ir.md tells how to read it.
 */
#include "ir.h"
#include "regex.h"

#include <inttypes.h>
#include <string.h>

int ir_format_id(struct arena *mem, struct ir *ir, const char *text, size_t len,
		 const char *args, int channel)
{
	struct ir_format f = { text, len, args, channel, 0 };
	size_t i;

	for (i = 0; i < ir->formats.n; i++) {
		const struct ir_format *o = &ir->formats.v[i];

		if (o->len == len && !memcmp(o->text, text, len) &&
		    !strcmp(o->args, args) && o->channel == channel)
			return (int)i;
	}
	vec_push(mem, &ir->formats, f);
	return (int)i;
}

/* --- operands -------------------------------------------------------------- */

static const char *op_sign(enum ir_op op)
{
	switch (op) {
	case IR_ADD: return "+";
	case IR_SUB: return "-";
	case IR_MUL: return "*";
	case IR_DIV: return "/";
	case IR_MOD: return "%";
	case IR_AND: return "&";
	case IR_OR: return "|";
	case IR_XOR: return "^";
	case IR_SHL: return "<<";
	case IR_SHR: return ">>";
	case IR_USHR: return ">>>";
	case IR_EQ: return "==";
	case IR_NE: return "!=";
	case IR_LT: return "<";
	case IR_LE: return "<=";
	case IR_GT: return ">";
	case IR_GE: return ">=";
	case IR_ULT: return "<u";
	case IR_ULE: return "<=u";
	case IR_NEG: return "-";
	case IR_NOT: return "~";
	case IR_LNOT: return "!";
	}
	bug("operator %d", op);
}

static const char *stat_name(int stat)
{
	static const char *const names[] = {
		"count", "sum", "min", "max", "avg", "variance", "hist_log",
		"hist_linear",
	};

	if (stat < 0 || (size_t)stat >= COUNT_OF(names))
		bug("statistic %d", stat);
	return names[stat];
}

static void put_num(struct text *t, int64_t n)
{
	if (n >= -0xffff && n <= 0xfffff)
		text_printf(t, "%" PRId64, n);
	else if (n == INT64_MIN || n > 0)
		text_printf(t, "0x%" PRIx64, n);
	else
		text_printf(t, "-0x%" PRIx64, -n);
}

static void put_opnd(struct text *t, struct ir_opnd o)
{
	switch (o.kind) {
	case IR_NONE:
		text_putc(t, '*');
		return;
	case IR_NUM:
		put_num(t, o.num);
		return;
	case IR_SLOT:
		text_puts(t, o.slot->name);
		return;
	case IR_LIT:
		text_quote(t, o.lit, o.len);
		return;
	}
}

static void put_list(struct text *t, const struct ir_stmt *s)
{
	size_t i;

	for (i = 0; i < s->nargs; i++) {
		text_puts(t, i ? ", " : "");
		put_opnd(t, s->args[i]);
	}
}

/* g or g[k, k] */
static void put_element(struct text *t, const struct ir_stmt *s)
{
	text_puts(t, s->global->name);
	if (!s->nargs)
		return;
	text_putc(t, '[');
	put_list(t, s);
	text_putc(t, ']');
}

static void put_binary(struct text *t, const struct ir_stmt *s)
{
	put_opnd(t, s->a);
	text_printf(t, " %s ", op_sign(s->op));
	put_opnd(t, s->b);
}

static void put_address(struct text *t, const struct ir_stmt *s)
{
	text_puts(t, s->space == IR_KERNEL_MEM ? " kernel " : " user ");
	put_opnd(t, s->a);
	text_putc(t, s->num < 0 ? '-' : '+');
	text_printf(t, "%" PRId64, s->num < 0 ? -s->num : s->num);
}

static void put_modify(struct text *t, const struct ir_stmt *s,
		       const char *sign)
{
	if (s->want_old)
		text_puts(t, "old ");
	put_element(t, s);
	text_printf(t, " %s ", sign);
	put_opnd(t, s->a);
}

static void put_op_modify(struct text *t, const struct ir_stmt *s)
{
	char sign[8];

	snprintf(sign, sizeof(sign), "%s=", op_sign(s->op));
	put_modify(t, s, sign);
}

/* --- statements -------------------------------------------------------------- */

static void put_value(struct text *t, const struct ir_stmt *s);

static void put_body(struct text *t, const struct ir_stmt *s, int depth);

static void indent(struct text *t, int depth)
{
	while (depth--)
		text_putc(t, '\t');
}

static void put_block(struct text *t, const struct ir_stmt *s, int depth)
{
	text_puts(t, "{\n");
	put_body(t, s, depth + 1);
	indent(t, depth);
	text_putc(t, '}');
}

static void put_foreach(struct text *t, const struct ir_stmt *s)
{
	const struct ir_foreach *e = s->each;
	size_t i, nkeys = e->over_buckets ? 1 : s->global->nkeys;

	text_puts(t, "foreach ");
	for (i = 0; i < nkeys; i++)
		text_printf(t, "%s%s", i ? ", " : "",
			    e->keys[i] ? e->keys[i]->name : "*");
	if (e->value)
		text_printf(t, " -> %s", e->value->name);
	text_printf(t, " in %s", e->over_buckets ? "buckets " : "");
	put_element(t, s);
	if (e->slice) {
		text_puts(t, " slice [");
		for (i = 0; i < nkeys; i++) {
			text_puts(t, i ? ", " : "");
			put_opnd(t, e->slice[i]);
		}
		text_putc(t, ']');
	}
	if (e->sort_dir) {
		text_printf(t, " sort %s ", e->sort_dir > 0 ? "up" : "down");
		if (e->sort_key)
			text_printf(t, "key %d", e->sort_key);
		else if (s->global->value == IR_V_STAT)
			text_printf(t, "@%s", stat_name(e->sort_stat));
		else
			text_puts(t, "value");
	}
	if (e->limit.kind != IR_NONE) {
		text_puts(t, " limit ");
		put_opnd(t, e->limit);
	}
	text_printf(t, " cost %d ", s->cost);
}

/* Statements that hold others; false: it is not one. */
static bool put_structured(struct text *t, const struct ir_stmt *s, int depth)
{
	if (s->kind == IR_IF) {
		text_puts(t, "if ");
		put_opnd(t, s->a);
		text_putc(t, ' ');
		put_block(t, s->body, depth);
		if (s->other) {
			text_puts(t, " else ");
			put_block(t, s->other, depth);
		}
	} else if (s->kind == IR_LOOP) {
		text_printf(t, "loop cost %d ", s->cost);
		put_block(t, s->body, depth);
		if (s->other) {
			text_puts(t, " step ");
			put_block(t, s->other, depth);
		}
	} else if (s->kind == IR_FOREACH) {
		put_foreach(t, s);
		put_block(t, s->body, depth);
	} else if (s->kind == IR_TRY) {
		text_puts(t, "try ");
		put_block(t, s->body, depth);
		text_printf(t, " catch %s%s", s->dst ? s->dst->name : "",
			    s->dst ? " " : "");
		put_block(t, s->other, depth);
	} else {
		return false;
	}
	return true;
}

static void put_stmt(struct text *t, const struct ir_stmt *s, int depth)
{
	indent(t, depth);
	if (!put_structured(t, s, depth)) {
		if (s->dst)
			text_printf(t, "%s = ", s->dst->name);
		put_value(t, s);
	}
	if (s->err >= 0)
		text_printf(t, "\t!%d", s->err);
	text_putc(t, '\n');
}

static void put_body(struct text *t, const struct ir_stmt *s, int depth)
{
	for (; s; s = s->next)
		put_stmt(t, s, depth);
}

static void put_call(struct text *t, const char *head, const struct ir_stmt *s)
{
	text_printf(t, "%s(", head);
	put_list(t, s);
	text_putc(t, ')');
}

static void put_format(struct text *t, const char *head,
		       const struct ir_stmt *s)
{
	if (s->by_site)
		text_printf(t, "%s by site(", head);
	else
		text_printf(t, "%s %d(", head, s->format);
	put_list(t, s);
	text_putc(t, ')');
}

/* What stands behind "dst = ": a flat switch over every kind. */
static void put_value(struct text *t, const struct ir_stmt *s)
{
	switch (s->kind) {
	case IR_MOVE:
		put_opnd(t, s->a);
		return;
	case IR_UN:
		text_puts(t, op_sign(s->op));
		put_opnd(t, s->a);
		return;
	case IR_BIN:
		put_binary(t, s);
		return;
	case IR_CAT:
		put_opnd(t, s->a);
		text_puts(t, " . ");
		put_opnd(t, s->b);
		return;
	case IR_STRCMP:
		text_puts(t, "strcmp ");
		put_binary(t, s);
		return;
	case IR_LOAD:
		text_printf(t, "load %c%d", s->is_signed ? 'i' : 'u', s->size);
		put_address(t, s);
		return;
	case IR_LOAD_STR:
		text_puts(t, "str");
		put_address(t, s);
		text_puts(t, " max ");
		put_opnd(t, s->b);
		return;
	case IR_LOAD_MEM:
		text_puts(t, "mem");
		put_address(t, s);
		text_puts(t, " bytes ");
		put_opnd(t, s->b);
		return;
	case IR_REG:
		text_printf(t, "reg %" PRId64, s->num);
		return;
	case IR_ARG:
		text_printf(t, "arg %" PRId64, s->num);
		return;
	case IR_RETVAL:
		text_puts(t, "retval");
		return;
	case IR_MATCH:
		text_printf(t, "match %" PRId64 " ", s->num);
		put_opnd(t, s->a);
		return;
	case IR_SITE_NAME:
		text_printf(t, s->a.kind == IR_NONE ? "site name %" PRId64 :
			    "name %" PRId64 " of ", s->num);
		if (s->a.kind != IR_NONE)
			put_opnd(t, s->a);
		return;
	case IR_STORE:
		text_printf(t, "store %s%d ", s->space == IR_USER_MEM ?
			    "user " : "kernel ", s->size);
		put_opnd(t, s->a);
		text_printf(t, "+%" PRId64 " = ", s->num);
		put_opnd(t, s->b);
		return;
	case IR_SET_REG:
		text_printf(t, "reg %" PRId64 " = ", s->num);
		put_opnd(t, s->a);
		return;
	case IR_C:
		text_printf(t, "%%{%s%%}", s->name);
		return;
	case IR_COOKIE:
		text_puts(t, "cookie");
		return;
	case IR_CTX:
		text_puts(t, "ctx");
		return;
	case IR_KADDR:
		text_printf(t, "kaddr 0x%" PRIx64, s->num);
		return;
	case IR_CALL:
		put_call(t, s->name, s);
		return;
	case IR_CALL_FN:
		text_puts(t, "call ");
		put_call(t, s->fn->name, s);
		return;
	case IR_GET: case IR_MAP_GET:
		text_puts(t, s->peek ? "peek " : "");
		put_element(t, s);
		return;
	case IR_SET: case IR_MAP_SET:
		put_modify(t, s, "=");
		return;
	case IR_MODIFY: case IR_MAP_MODIFY:
		put_op_modify(t, s);
		return;
	case IR_MAP_CAT:
		put_modify(t, s, ".=");
		return;
	case IR_MAP_IN:
		text_putc(t, '[');
		put_list(t, s);
		text_printf(t, "] in %s", s->global->name);
		return;
	case IR_MAP_DEL:
		text_puts(t, "delete ");
		put_element(t, s);
		return;
	case IR_MAP_CLEAR:
		text_printf(t, "clear %s", s->global->name);
		return;
	case IR_STAT_ADD:
		put_modify(t, s, "<<<");
		return;
	case IR_STAT_GET:
		text_printf(t, "@%s ", stat_name(s->stat));
		put_element(t, s);
		if (s->b.kind != IR_NONE) {
			text_puts(t, " shift ");
			put_opnd(t, s->b);
		}
		return;
	case IR_STAT_BUCKET:
		text_puts(t, "@bucket ");
		put_opnd(t, s->a);
		text_putc(t, ' ');
		put_element(t, s);
		return;
	case IR_PRINT:
		put_format(t, "print", s);
		return;
	case IR_PRINT_HIST:
		text_printf(t, "%s @%s ", s->dst ? "sprint" : "print",
			    stat_name(s->stat));
		put_element(t, s);
		return;
	case IR_FORMAT:
		put_format(t, "sprintf", s);
		return;
	case IR_WORDS:
		put_format(t, "words", s);
		return;
	case IR_BREAK:
		text_puts(t, "break");
		return;
	case IR_CONTINUE:
		text_puts(t, "continue");
		return;
	case IR_RAISE:
		text_puts(t, s->nargs ? "raise " : "raise");
		put_list(t, s);
		return;
	case IR_RETURN:
		text_puts(t, "return");
		if (s->a.kind != IR_NONE) {
			text_putc(t, ' ');
			put_opnd(t, s->a);
		}
		return;
	case IR_NEXT:
		text_puts(t, "next");
		return;
	case IR_EXIT:
		text_puts(t, "exit");
		return;
	case IR_IF: case IR_LOOP: case IR_FOREACH: case IR_TRY:
		break;	/* put_structured() */
	}
	bug("statement %d", s->kind);
}

void ir_print_body(const struct ir_stmt *s, struct text *t)
{
	put_body(t, s, 1);
}

/* --- declarations ------------------------------------------------------------ */

static const char *channel_name(int channel)
{
	static const char *const names[] = { "out", "error", "warn", "log",
		"system", "switch", "value" };

	return names[channel];
}

static void put_global(struct text *t, const struct ir_global *g)
{
	static const char *const values[] = { "long", "string", "stats" };
	size_t i;

	text_printf(t, "global %d %s", g->index, g->name);
	for (i = 0; i < g->nkeys; i++) {
		text_printf(t, "%s%s", i ? ", " : "[",
			    g->keys[i] == IR_LONG ? "long" : "string");
		if (g->keys[i] == IR_STRING && g->key_caps)
			text_printf(t, " %u", g->key_caps[i]);
	}
	text_printf(t, "%s %s", g->nkeys ? "]" : "", values[g->value]);
	if (g->nkeys && g->value == IR_V_STRING)
		text_printf(t, " %u", g->value_cap);
	if (g->nkeys)
		text_printf(t, " max %" PRId64 "%s", g->max_entries,
			    g->wraps ? " wraps" : "");
	if (g->init_str) {
		text_puts(t, " = ");
		text_quote(t, g->init_str, strlen(g->init_str));
	} else if (g->init_num) {
		text_printf(t, " = %" PRId64, g->init_num);
	}
	if (g->value == IR_V_STAT) {
		for (i = 0; i < 8; i++)
			if (g->stat_ops & 1u << i)
				text_printf(t, " @%s", stat_name((int)i));
		if (g->stat_ops & 1u << 7)
			text_printf(t, " %" PRId64 ":%" PRId64 ":%" PRId64,
				    g->hist_lo, g->hist_hi, g->hist_step);
	}
	text_printf(t, "%s%s%s%s", g->in_kernel ? " kernel" : "",
		    g->in_loader ? " loader" : "",
		    g->constant ? " constant" : "",
		    g->only_added ? " added" : "");
	if (g->lock >= 0)
		text_printf(t, " lock %d", g->lock);
	text_putc(t, '\n');
}

static void put_slots(struct text *t, const struct ir_slot *s)
{
	int n = 0;

	for (; s; s = s->next)
		if (s->type == IR_STRING)
			text_printf(t, "%s%s %u", n++ ? ", " : "\tstrings ",
				    s->name, s->cap);
	if (n)
		text_putc(t, '\n');
}

static void put_function(struct text *t, const struct ir_function *f)
{
	size_t i;

	text_printf(t, "\nfunction %s(", f->name);
	for (i = 0; i < f->nparams; i++)
		text_printf(t, "%s%s %s", i ? ", " : "", f->params[i]->name,
			    f->params[i]->type == IR_LONG ? "long" : "string");
	text_putc(t, ')');
	if (f->has_result)
		text_puts(t, f->result == IR_LONG ? " long" : " string");
	text_printf(t, "%s%s%s%s\n", f->in_kernel ? " kernel" : "",
		    f->in_loader ? " loader" : "",
		    f->recursive ? " recursive" : "",
		    f->needs_frame ? " frame" : "");
	put_slots(t, f->slots);
	put_body(t, f->body, 1);
}

const char *ir_attach_name(enum ir_attach a)
{
	static const char *const attach[] = {
		[IR_AT_NONE] = "none",
		[IR_AT_KPROBE] = "kprobe", [IR_AT_KRETPROBE] = "kretprobe",
		[IR_AT_FENTRY] = "fentry", [IR_AT_FEXIT] = "fexit",
		[IR_AT_RAW_TP] = "raw_tp", [IR_AT_TASKS] = "tasks",
		[IR_AT_UPROBE] = "uprobe", [IR_AT_URETPROBE] = "uretprobe",
		[IR_AT_PERF_EVENT] = "perf_event",
		[IR_AT_NETFILTER] = "netfilter",
		[IR_AT_SYS_ENTER] = "sys_enter", [IR_AT_SYS_EXIT] = "sys_exit",
	};

	return attach[a];
}

static void put_site(struct text *t, const struct ir *ir,
		     const struct ir_site *s)
{
	size_t i;

	text_printf(t, "\tsite %s %s", s->name, ir_attach_name(s->attach));
	if (s->symbol)
		text_printf(t, " %s", s->symbol);
	if (s->build >= 0)
		text_printf(t, " %s", ir->builds.v[s->build].path);
	for (i = 0; i < s->ncalls; i++)
		text_printf(t, "%s%u", i ? "," : s->compat ? " 32:" : " ",
			    s->calls[i]);
	if (s->addr)
		text_printf(t, " 0x%" PRIx64, s->addr);
	if (s->offset)
		text_printf(t, " offset 0x%" PRIx64, s->offset);
	if (s->event && s->event->length)
		text_printf(t, " breakpoint %u length %u", s->event->access,
			    s->event->length);
	else if (s->event)
		text_printf(t, " event %u:%" PRIu64 " %s %" PRIu64,
			    s->event->type, s->event->config,
			    s->event->flags & 1 ? "hz" : "every", s->event->rate);
	if (s->cookie)
		text_printf(t, " cookie %" PRIu64, s->cookie);
	text_printf(t, "%s%s\n", s->by_address ? " by-address" : "",
		    s->optional ? " optional" : "");
}

static void put_handler(struct text *t, const struct ir *ir,
			const struct ir_handler *h)
{
	static const char *const progs[] = {
		[IR_LOADER] = "loader",
		[IR_KPROBE] = "kprobe", [IR_FENTRY] = "fentry",
		[IR_FEXIT] = "fexit", [IR_RAW_TP] = "raw_tp",
		[IR_PERF_EVENT] = "perf_event",
		[IR_NETFILTER] = "netfilter",
		[IR_SYSCALL] = "syscall",
	};
	static const char *const whens[] = {
		"", " begin", " end", " error", " timer", " read", " write",
		" condition",
	};
	const struct ir_site *s;
	const struct ir_stmt *at;
	size_t i;

	text_printf(t, "\nhandler %s %s%s", h->name, progs[h->prog],
		    whens[h->when]);
	if (h->guards)
		text_printf(t, " of %s", h->guards->name);
	if (h->order)
		text_printf(t, " order %" PRId64, h->order);
	if (h->period_ns)
		text_printf(t, " every %" PRIu64, h->period_ns);
	if (h->random_ns)
		text_printf(t, " random %" PRIu64, h->random_ns);
	if (h->file.path)
		text_printf(t, " file %s mode %04o most %u", h->file.path,
			    h->file.mode, h->file.max_size);
	if (h->btf_id)
		text_printf(t, " btf %u args %d", h->btf_id, h->nargs_btf);
	for (i = 0; i < h->nlocks; i++)
		text_printf(t, " %s %s", h->locks[i].mode == IR_LOCK_WRITE ?
			    "write" : "read", h->locks[i].global->name);
	text_printf(t, "%s%s%s\n", h->user_regs ? " user" : "",
		    h->needs_frame ? " frame" : "",
		    h->one_print ? " one-print" : "");
	for (s = h->sites; s; s = s->next)
		put_site(t, ir, s);
	if (h->is_early) {	/* offsets of this kernel, and always the same */
		text_puts(t, "\tkeeps track of tasks\n");
		return;
	}
	put_slots(t, h->slots);
	for (at = h->body; at; at = at->next) {
		if (at == h->lock_at && at != h->body)
			text_puts(t, "\tlock\n");
		put_stmt(t, at, 1);
	}
}

void ir_print(const struct ir *ir, FILE *out)
{
	struct arena mem = { 0 };
	struct text t = { .mem = &mem };
	const struct ir_function *f;
	const struct ir_handler *h;
	const struct ir_global *g;
	size_t i;

	for (g = ir->globals; g; g = g->next)
		put_global(&t, g);
	for (i = 0; i < ir->regexes.n; i++) {
		text_printf(&t, "regex %zu ", i);
		text_quote(&t, ir->regexes.v[i]->text, ir->regexes.v[i]->len);
		text_puts(&t, ir->keeps_matches ? " tagged\n" : "\n");
	}
	for (i = 0; i < ir->formats.n; i++) {
		const struct ir_format *o = &ir->formats.v[i];

		text_printf(&t, "format %zu %s ", i, channel_name(o->channel));
		text_quote(&t, o->text, o->len);
		text_printf(&t, "%s%s\n", *o->args ? " " : "", o->args);
	}
	for (f = ir->functions; f; f = f->next)
		put_function(&t, f);
	for (h = ir->handlers; h; h = h->next)
		put_handler(&t, ir, h);
	if (t.n)
		fwrite(t.s, 1, t.n, out);
	arena_free(&mem);
}
