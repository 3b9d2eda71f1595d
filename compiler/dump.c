/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dump.c - tokens and AST as text, for --dump and the tests. Every operator
 * stands in brackets, so that a dump shows precedence; the typed AST also says
 * what each variable is.
 */
#include "lex.h"

#include <string.h>

void dump_tokens(struct job *j, FILE *out)
{
	static const char *const kinds[] = {
		"end", "name", "keyword", "number", "string", "op", "embedded",
	};
	struct source src = { .name = j->opt->script_name,
			      .text = j->opt->script_text };
	struct tokens tokens = { 0 };
	struct text t = { .mem = &j->mem };
	unsigned line, col;
	size_t i;

	if (src.text)
		src.size = strlen(src.text);
	else
		src.text = read_file(&j->mem, src.name, &src.size);
	if (!src.text)
		die("%s: %m", src.name);
	expand_source(j, &src, &tokens);
	for (i = 0; i < tokens.t.n; i++) {
		const struct token *tok = &tokens.t.v[i];

		span_line_col(tok->at, &line, &col);
		text_printf(&t, "%u:%u\t%s", line, col, kinds[tok->kind]);
		if (tok->kind == TK_STRING || tok->kind == TK_EMBEDDED) {
			text_putc(&t, ' ');
			text_quote(&t, tok->s, tok->len);
		} else if (tok->kind == TK_NUMBER) {
			text_printf(&t, " %lld", (long long)tok->num);
		} else if (tok->kind != TK_END) {
			text_printf(&t, " %s", tok->s);
		}
		if (tok->at.via)
			text_printf(&t, " (%s)", tok->at.via->what);
		text_putc(&t, '\n');
	}
	fwrite(t.s, 1, t.n, out);
}

/* --- expressions ----------------------------------------------------------- */

static const char *const op_names[] = {
	[OP_NONE] = "", [OP_ADD] = "+", [OP_SUB] = "-", [OP_MUL] = "*",
	[OP_DIV] = "/", [OP_MOD] = "%", [OP_SHL] = "<<", [OP_SHR] = ">>",
	[OP_USHR] = ">>>", [OP_AND] = "&", [OP_OR] = "|", [OP_XOR] = "^",
	[OP_LT] = "<", [OP_LE] = "<=", [OP_GT] = ">", [OP_GE] = ">=",
	[OP_EQ] = "==", [OP_NE] = "!=", [OP_ANDAND] = "&&",
	[OP_OROR] = "||", [OP_CAT] = ".", [OP_STAT] = "<<<",
	[OP_NEG] = "-", [OP_NOT] = "!", [OP_BITNOT] = "~", [OP_PLUS] = "+",
	[OP_PREINC] = "++", [OP_PREDEC] = "--", [OP_POSTINC] = "++",
	[OP_POSTDEC] = "--", [OP_MATCH] = "=~", [OP_NOMATCH] = "!~",
	[OP_KERNEL] = "k", [OP_USER] = "u",
};

static const char *const stat_names[] = {
	"count", "sum", "min", "max", "avg", "variance", "hist_log",
	"hist_linear",
};

const char *op_name(enum op op)
{
	return op_names[op];
}

const char *stat_name(enum stat_op op)
{
	return stat_names[op];
}

static void dump_list(struct text *t, const struct expr *e)
{
	for (; e; e = e->next) {
		dump_expr(t, e);
		if (e->next)
			text_puts(t, ", ");
	}
}

static void dump_target(struct text *t, const struct target_ref *r)
{
	const struct access *a;

	if (r->address_of)
		text_putc(t, '&');
	switch (r->kind) {
	case TR_VAR:
		text_printf(t, "$%s", r->name);
		break;
	case TR_CONTEXT:
		text_printf(t, "$$%s", r->name);
		break;
	case TR_AUTOCAST:
		text_putc(t, '(');
		dump_expr(t, r->base);
		text_putc(t, ')');
		break;
	case TR_ATVAR:
	case TR_CAST:
		text_puts(t, r->kind == TR_CAST ? "@cast(" : "@var(");
		if (r->kind == TR_CAST) {
			dump_expr(t, r->base);
			text_puts(t, ", ");
		}
		text_printf(t, "\"%s\"", r->kind == TR_CAST ?
			    r->type_name : r->name);
		if (r->module)
			text_printf(t, ", \"%s\"", r->module);
		text_putc(t, ')');
		break;
	}
	for (a = r->path; a; a = a->next) {
		if (a->member) {
			text_printf(t, "->%s", a->member);
		} else {
			text_putc(t, '[');
			dump_expr(t, a->index);
			text_putc(t, ']');
		}
	}
	text_puts(t, r->pretty == 2 ? "$$" : r->pretty ? "$" : "");
}

static void dump_print(struct text *t, const struct expr *e)
{
	text_printf(t, "%s(", e->str);
	if (e->print->format) {
		text_quote(t, e->print->format, e->print->format_len);
		if (e->args)
			text_puts(t, ", ");
	}
	dump_list(t, e->args);
	text_putc(t, ')');
}

/* word(a, b, "str", args): the @words and the like */
static void dump_call(struct text *t, const char *word, const struct expr *e,
		      bool str)
{
	text_printf(t, "%s(", word);
	if (e->a)
		dump_expr(t, e->a);
	if (e->b) {
		text_puts(t, ", ");
		dump_expr(t, e->b);
	}
	if (str)
		text_quote(t, e->str, e->len);
	if (e->args && (e->a || str))
		text_puts(t, ", ");
	dump_list(t, e->args);
	text_putc(t, ')');
}

static void dump_operator(struct text *t, const struct expr *e)
{
	bool post = e->op == OP_POSTINC || e->op == OP_POSTDEC;

	text_putc(t, '(');
	if (e->kind == X_UNARY || (e->kind == X_INCDEC && !post))
		text_puts(t, op_names[e->op]);
	dump_expr(t, e->a);
	if (post)
		text_puts(t, op_names[e->op]);
	if (e->kind == X_BINARY || e->kind == X_MATCH)
		text_printf(t, " %s ", op_names[e->op]);
	if (e->kind == X_ASSIGN)
		text_printf(t, " %s%s ", op_names[e->op],
			    e->op == OP_STAT ? "" : "=");
	if (e->kind == X_TERNARY)
		text_puts(t, " ? ");
	if (e->b)
		dump_expr(t, e->b);
	if (e->c) {
		text_puts(t, " : ");
		dump_expr(t, e->c);
	}
	text_putc(t, ')');
}

/* a flat switch */
void dump_expr(struct text *t, const struct expr *e)
{
	switch (e->kind) {
	case X_NUMBER:
		text_printf(t, "%lld", (long long)e->num);
		break;
	case X_STRING:
		text_quote(t, e->str, e->len);
		break;
	case X_NAME:
		text_puts(t, e->str);
		break;
	case X_INDEX:
		text_printf(t, "%s[", e->str);
		dump_list(t, e->args);
		text_putc(t, ']');
		break;
	case X_ANY:
		text_putc(t, '*');
		break;
	case X_TARGET:
		dump_target(t, e->target);
		break;
	case X_UNARY:
	case X_BINARY:
	case X_TERNARY:
	case X_ASSIGN:
	case X_INCDEC:
	case X_MATCH:
		dump_operator(t, e);
		break;
	case X_IN:
		text_puts(t, "([");
		dump_list(t, e->args);
		text_printf(t, "] in %s)", e->str);
		break;
	case X_CALL:
		dump_call(t, e->str, e, false);
		break;
	case X_PRINT:
		dump_print(t, e);
		break;
	case X_STAT:
		text_putc(t, '@');
		dump_call(t, stat_names[e->stat], e, false);
		break;
	case X_HIST_INDEX:
		dump_expr(t, e->a);
		text_putc(t, '[');
		dump_expr(t, e->b);
		text_putc(t, ']');
		break;
	case X_ENTRY:
		dump_call(t, "@entry", e, false);
		break;
	case X_DEFINED:
		dump_call(t, "@defined", e, false);
		break;
	case X_PERF:
		dump_call(t, "@perf", e, true);
		break;
	case X_CONST:
		dump_call(t, "@const", e, true);
		break;
	case X_ENUM:
		dump_call(t, "@enum", e, true);
		break;
	case X_REGISTER:
		dump_call(t, e->op == OP_USER ? "@uregister" : "@kregister",
			  e, false);
		break;
	case X_DEREF:
		dump_call(t, e->op == OP_USER ? "@uderef" : "@kderef", e,
			  false);
		break;
	case X_EMBEDDED:
		text_printf(t, "%%{%s%%}", e->str);
		break;
	}
}

/* --- statements ------------------------------------------------------------ */

static void dump_stmts(struct text *t, const struct stmt *s, int depth);

static void indent(struct text *t, int depth)
{
	while (depth-- > 0)
		text_putc(t, '\t');
}

static void dump_foreach(struct text *t, const struct foreach *each)
{
	text_puts(t, "foreach (");
	if (each->value) {
		dump_expr(t, each->value);
		text_puts(t, " = ");
	}
	text_putc(t, '[');
	dump_list(t, each->keys);
	text_puts(t, "] in ");
	dump_expr(t, each->array);
	if (each->sort_dir) {
		text_printf(t, " sorted %s by ",
			    each->sort_dir > 0 ? "up" : "down");
		if (each->sort_key)
			text_printf(t, "key %d", each->sort_key);
		else
			text_printf(t, "value%s%s",
				    each->sort_stat ? " @" : "",
				    each->sort_stat ?
				    stat_names[each->sort_stat] : "");
	}
	if (each->limit) {
		text_puts(t, " limit ");
		dump_expr(t, each->limit);
	}
	text_puts(t, ")\n");
}

static void dump_for(struct text *t, const struct stmt *s)
{
	const struct expr *parts[] = { s->init, s->e, s->step };
	size_t i;

	text_puts(t, "for (");
	for (i = 0; i < COUNT_OF(parts); i++) {
		if (parts[i])
			dump_expr(t, parts[i]);
		text_puts(t, i < 2 ? "; " : ")\n");
	}
}

/* The body of if, while, ...: one level deeper, blocks laid open. */
static void dump_inner(struct text *t, const struct stmt *s, int depth)
{
	if (s->kind == S_BLOCK)
		dump_stmts(t, s->body, depth + 1);
	else
		dump_stmts(t, s, depth + 1);
}

static void dump_word(struct text *t, const char *word, const struct expr *e)
{
	text_puts(t, word);
	if (e) {
		if (*word)
			text_putc(t, ' ');
		dump_expr(t, e);
	}
	text_putc(t, '\n');
}

/* a flat switch */
static void dump_stmt(struct text *t, const struct stmt *s, int depth)
{
	indent(t, depth);
	switch (s->kind) {
	case S_BLOCK:
		text_puts(t, "block\n");
		dump_stmts(t, s->body, depth + 1);
		break;
	case S_EXPR:
		dump_word(t, "", s->e);
		break;
	case S_IF:
		dump_word(t, "if", s->e);
		dump_inner(t, s->body, depth);
		if (s->other) {
			indent(t, depth);
			text_puts(t, "else\n");
			dump_inner(t, s->other, depth);
		}
		break;
	case S_WHILE:
		dump_word(t, "while", s->e);
		dump_inner(t, s->body, depth);
		break;
	case S_FOR:
		dump_for(t, s);
		dump_inner(t, s->body, depth);
		break;
	case S_FOREACH:
		dump_foreach(t, s->each);
		dump_inner(t, s->body, depth);
		break;
	case S_BREAK:
		text_puts(t, "break\n");
		break;
	case S_CONTINUE:
		text_puts(t, "continue\n");
		break;
	case S_NEXT:
		text_puts(t, "next\n");
		break;
	case S_RETURN:
		dump_word(t, "return", s->e);
		break;
	case S_DELETE:
		dump_word(t, "delete", s->e);
		break;
	case S_TRY:
		text_puts(t, "try\n");
		dump_inner(t, s->body, depth);
		indent(t, depth);
		dump_word(t, "catch", s->caught);
		dump_inner(t, s->other, depth);
		break;
	case S_EMPTY:
		text_puts(t, ";\n");
		break;
	}
}

static void dump_stmts(struct text *t, const struct stmt *s, int depth)
{
	for (; s; s = s->next)
		dump_stmt(t, s, depth);
}

/* --- declarations ---------------------------------------------------------- */

const char *type_name_of(enum type type)
{
	switch (type) {
	case T_UNKNOWN:
		return "unknown";
	case T_LONG:
		return "long";
	case T_STRING:
		return "string";
	case T_STATS:
		return "stats";
	}
	return "?";
}

static void dump_stat_ops(struct text *t, const struct var *v)
{
	const char *sep = " ";
	unsigned i;

	for (i = 0; i < COUNT_OF(stat_names); i++)
		if (v->stat_ops & 1u << i) {
			text_printf(t, "%s@%s", sep, stat_names[i]);
			if (i == ST_HIST_LINEAR)
				text_printf(t, "(%lld, %lld, %lld)",
					    (long long)v->hist_lo,
					    (long long)v->hist_hi,
					    (long long)v->hist_step);
		}
}

static void dump_var(struct text *t, const struct var *v, bool typed)
{
	int i;

	text_puts(t, v->name);
	if (typed && v->nkeys > 0) {
		for (i = 0; i < v->nkeys; i++)
			text_printf(t, "%s%s", i ? ", " : "[",
				    type_name_of(v->key_types[i]));
		text_putc(t, ']');
	}
	if (typed || v->type != T_UNKNOWN)
		text_printf(t, ": %s", type_name_of(v->type));
	if (typed)
		dump_stat_ops(t, v);
	if (v->max_entries)
		text_printf(t, " max %lld", (long long)v->max_entries);
	if (v->wraps)
		text_puts(t, " wraps");
	if (v->init) {
		text_puts(t, " = ");
		dump_expr(t, v->init);
	}
}

static void dump_locals(struct text *t, const struct var *v, bool typed)
{
	for (; v; v = v->next) {
		text_puts(t, "\tlocal ");
		dump_var(t, v, typed);
		text_putc(t, '\n');
	}
}

static void dump_function(struct text *t, const struct function *f, bool typed)
{
	const struct var *v;

	text_printf(t, "%sfunction %s(", f->is_private ? "private " : "",
		    f->name);
	for (v = f->params; v; v = v->next) {
		dump_var(t, v, typed);
		if (v->next)
			text_puts(t, ", ");
	}
	text_putc(t, ')');
	if (f->is_void)
		text_puts(t, ": nothing");
	else if (typed || f->type != T_UNKNOWN)
		text_printf(t, ": %s", type_name_of(f->type));
	if (f->is_recursive)
		text_puts(t, " recursive");
	text_putc(t, '\n');
	dump_locals(t, f->locals, typed);
	if (f->body)
		dump_stmts(t, f->body->body, 1);
	else
		text_printf(t, "\t%%{%s%%}\n", f->c_body);
}

void dump_components(struct text *t, const struct component *c)
{
	for (; c; c = c->next) {
		text_puts(t, c->name);
		if (c->arg) {
			text_putc(t, '(');
			dump_expr(t, c->arg);
			text_putc(t, ')');
		}
		if (c->next)
			text_putc(t, '.');
	}
}

void dump_point(struct text *t, const struct point *pt)
{
	dump_components(t, pt->parts);
	text_puts(t, pt->optional ? "?" : pt->sufficient ? "!" : "");
	if (pt->condition) {
		text_puts(t, " if ");
		dump_expr(t, pt->condition);
	}
}

static void dump_probe(struct text *t, const struct probe *pr, bool typed)
{
	const struct point *pt;

	text_puts(t, "probe ");
	if (pr->alias) {
		dump_components(t, pr->alias);
		text_puts(t, pr->alias_epilogue ? " += " : " = ");
	}
	for (pt = pr->points; pt; pt = pt->next) {
		dump_point(t, pt);
		if (pt->next)
			text_puts(t, ", ");
	}
	text_putc(t, '\n');
	dump_locals(t, pr->locals, typed);
	dump_stmts(t, pr->body->body, 1);
	if (pr->epilogue) {
		text_puts(t, "epilogue\n");
		dump_stmts(t, pr->epilogue->body, 1);
	}
}

void dump_ast(struct job *j, FILE *out, bool typed)
{
	struct text t = { .mem = &j->mem };
	const struct embedded *c;
	const struct function *f;
	const struct probe *pr;
	const struct var *v;

	text_puts(&t, "");
	for (c = j->script->embedded; c; c = c->next)
		text_printf(&t, "%%{%s%%}\n", c->c);
	for (v = j->script->globals; v; v = v->next) {
		text_puts(&t, v->is_private ? "private global " : "global ");
		dump_var(&t, v, typed);
		text_putc(&t, '\n');
	}
	for (f = j->script->functions; f; f = f->next)
		dump_function(&t, f, typed);
	pr = j->script->probes;
	if (!pr || !pr->is_resolved)	/* else nothing refers to them */
		for (pr = j->script->aliases; pr; pr = pr->next)
			dump_probe(&t, pr, false);
	for (pr = j->script->probes; pr; pr = pr->next)
		dump_probe(&t, pr, typed);
	fwrite(t.s, 1, t.n, out);
}
