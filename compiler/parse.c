/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parse.c - tokens to AST, by recursive descent. In: a source. Out: its probes,
 * aliases, functions and globals in the order written, names not yet looked
 * up. After a mistake the parser is in panic: nothing more is complained of
 * until the next statement or declaration, where it goes on.
 */
#include "parse.h"
#include "lex.h"

#include <string.h>

struct parser {
	struct job *j;
	const struct source *src;
	const struct token *t;		/* the next one; TK_END stays */
	const struct token *last;	/* the one before */
	struct script *script;
	bool panic;
	int depth;			/* of statements and expressions */
	struct probe **probes_end, **aliases_end;
	struct function **functions_end;
	struct var **globals_end;
};

enum { MAX_NESTING = 400, MAX_HEIGHT = 1500, MAX_POINTS = 4096 };

static struct expr *expression(struct parser *p);
static struct stmt *statement(struct parser *p);

/* --- tokens ---------------------------------------------------------------- */

static bool is_op(struct parser *p, const char *s)
{
	return token_is(p->t, TK_OP, s);
}

static bool is_word(struct parser *p, const char *s)
{
	return token_is(p->t, TK_KEYWORD, s);
}

static const struct token *take(struct parser *p)
{
	p->last = p->t;
	if (p->t->kind != TK_END)
		p->t++;
	return p->last;
}

/* Complains about the next token and falls into panic; false. */
static bool expected(struct parser *p, const char *what)
{
	if (!p->panic)
		complain(p->j, p->t->at, E_SYNTAX, "expected %s", what);
	p->panic = true;
	return false;
}

static bool accept(struct parser *p, const char *op)
{
	if (p->panic || !is_op(p, op))
		return false;
	take(p);
	return true;
}

static bool accept_word(struct parser *p, const char *word)
{
	if (p->panic || !is_word(p, word))
		return false;
	take(p);
	return true;
}

static bool expect(struct parser *p, const char *op)
{
	char what[16];

	if (accept(p, op))
		return true;
	snprintf(what, sizeof(what), "'%s'", op);
	return expected(p, what);
}

static bool is_plain_name(const struct token *t)
{
	return t->kind == TK_NAME && t->s[0] != '$' && t->s[0] != '@';
}

static const struct token *expect_name(struct parser *p, const char *what)
{
	if (p->panic || !is_plain_name(p->t)) {
		expected(p, what);
		return NULL;
	}
	return take(p);
}

static bool enter(struct parser *p)
{
	if (++p->depth <= MAX_NESTING)
		return true;
	if (!p->panic)
		complain(p->j, p->t->at, E_SYNTAX, "nested too deeply");
	p->panic = true;
	return false;
}

static struct expr *new_expr(struct parser *p, enum expr_kind kind,
			     struct span at)
{
	struct expr *e = NEW(&p->j->mem, struct expr);

	e->kind = kind;
	e->at = at;
	return e;
}

/* Sets a node's height from its parts; too high a tree is refused. */
static struct expr *built(struct parser *p, struct expr *e)
{
	struct expr *parts[] = { e->a, e->b, e->c }, *arg;
	size_t i;

	for (i = 0; i < COUNT_OF(parts); i++)
		if (parts[i] && parts[i]->height >= e->height)
			e->height = parts[i]->height + 1;
	for (arg = e->args; arg; arg = arg->next)
		if (arg->height >= e->height)
			e->height = arg->height + 1;
	if (e->height > MAX_HEIGHT && !p->panic) {
		complain(p->j, e->at, E_SYNTAX, "nested too deeply");
		p->panic = true;
	}
	return e;
}

static struct expr *nothing(struct parser *p)
{
	return new_expr(p, X_NUMBER, p->t->at);
}

static void append(struct expr *list, struct expr ***end, struct expr *e)
{
	**end = e;
	*end = &e->next;
	list->nargs++;
}

/* --- literals -------------------------------------------------------------- */

/* "a" "b" is "ab". */
static struct expr *string_literal(struct parser *p)
{
	struct text t = { .mem = &p->j->mem };
	struct expr *e = new_expr(p, X_STRING, p->t->at);

	if (p->panic || p->t->kind != TK_STRING) {
		expected(p, "literal string");
		e->str = "";
		return e;
	}
	while (p->t->kind == TK_STRING) {
		text_add(&t, p->t->s, p->t->len);
		take(p);
	}
	e->str = t.s;
	e->len = t.n;
	return e;
}

static struct expr *number_literal(struct parser *p)
{
	struct expr *e = new_expr(p, X_NUMBER, p->t->at);
	bool minus = accept(p, "-");

	if (p->panic || p->t->kind != TK_NUMBER) {
		expected(p, "literal number");
		return e;
	}
	e->num = take(p)->num;
	if (minus)
		e->num = (int64_t)-(uint64_t)e->num;
	return e;
}

static struct expr *literal(struct parser *p)
{
	if (p->t->kind == TK_STRING)
		return string_literal(p);
	if (p->t->kind == TK_NUMBER || is_op(p, "-"))
		return number_literal(p);
	expected(p, "literal string or number");
	return nothing(p);
}

/* --- target variables ------------------------------------------------------ */

/* Takes trailing '$'s off a name: 0, 1 for x$, 2 for x$$. */
static int cut_pretty(struct parser *p, const char **name)
{
	size_t n = strlen(*name);
	int pretty = 0;

	while (n > 1 && pretty < 2 && (*name)[n - 1] == '$') {
		n--;
		pretty++;
	}
	*name = arena_strndup(&p->j->mem, *name, n);
	return pretty;
}

static bool is_pretty_mark(const struct token *t)
{
	return t->kind == TK_NAME && (!strcmp(t->s, "$") || !strcmp(t->s, "$$"));
}

static const char *member_name(struct parser *p, struct target_ref *r)
{
	const char *name;

	if (p->panic || (p->t->kind != TK_KEYWORD && !is_plain_name(p->t))) {
		expected(p, "member name");
		return "";
	}
	name = take(p)->s;
	r->pretty = cut_pretty(p, &name);
	return name;
}

/* ->member, [index] and a last $ or $$, as many as there are. */
static void access_path(struct parser *p, struct expr *e)
{
	struct target_ref *r = e->target;
	struct access **end = &r->path, *a;
	unsigned steps = 0;

	while (*end)
		end = &(*end)->next;
	while (!p->panic && !r->pretty) {
		if (is_pretty_mark(p->t)) {
			r->pretty = (int)strlen(take(p)->s);
			break;
		}
		if (!is_op(p, "->") && !is_op(p, "["))
			break;
		a = NEW(&p->j->mem, struct access);
		*end = a;
		end = &a->next;
		if (accept(p, "->")) {
			a->at = p->t->at;
			a->member = member_name(p, r);
		} else {
			a->at = take(p)->at;
			a->index = expression(p);
			expect(p, "]");
			if (a->index->height >= e->height)
				e->height = a->index->height + 1;
		}
		if (++steps > MAX_NESTING) {
			expected(p, "fewer steps");
			break;
		}
	}
	built(p, e);
}

static struct expr *new_target(struct parser *p, int kind, struct span at)
{
	struct expr *e = new_expr(p, X_TARGET, at);

	e->target = NEW(&p->j->mem, struct target_ref);
	e->target->kind = kind;
	return e;
}

/* $name, $$vars. */
static struct expr *dollar(struct parser *p)
{
	const struct token *t = take(p);
	bool context = t->len > 2 && t->s[1] == '$';
	struct expr *e = new_target(p, context ? TR_CONTEXT : TR_VAR, t->at);
	const char *name = t->s + (context ? 2 : 1);

	e->target->pretty = cut_pretty(p, &name);
	e->target->name = name;
	if (!name[strspn(name, "$")]) {
		p->t = t;
		expected(p, "name of a target variable");
	}
	if (!context)
		access_path(p, e);
	return e;
}

/* @cast(base, "type"[, "module"]), @var("name"[, "module"]) */
static struct expr *cast_or_var(struct parser *p)
{
	const struct token *t = take(p);
	bool cast = !strcmp(t->s, "@cast");
	struct expr *e = new_target(p, cast ? TR_CAST : TR_ATVAR, t->at);

	expect(p, "(");
	if (cast) {
		e->target->base = e->a = expression(p);
		expect(p, ",");
		e->target->type_name = string_literal(p)->str;
	} else {
		e->target->name = string_literal(p)->str;
	}
	if (accept(p, ","))
		e->target->module = string_literal(p)->str;
	expect(p, ")");
	access_path(p, e);
	return e;
}

/* --- @words ---------------------------------------------------------------- */

static const struct {
	const char *name;
	enum stat_op op;
	int nparams;			/* numbers behind the aggregate */
} stat_words[] = {
	{ "@count", ST_COUNT, 0 }, { "@sum", ST_SUM, 0 },
	{ "@min", ST_MIN, 0 }, { "@max", ST_MAX, 0 }, { "@avg", ST_AVG, 0 },
	{ "@variance", ST_VARIANCE, 1 }, { "@hist_log", ST_HIST_LOG, 0 },
	{ "@hist_linear", ST_HIST_LINEAR, 3 },
};

static int find_stat(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT_OF(stat_words); i++)
		if (!strcmp(stat_words[i].name, name))
			return (int)i;
	return -1;
}

/* @count(a), @hist_linear(a, lo, hi, step), @hist_log(a)[b] */
static struct expr *stat(struct parser *p, int word)
{
	struct expr *e = new_expr(p, X_STAT, take(p)->at), **end = &e->args;
	struct expr *bucket;
	int want = stat_words[word].nparams;

	e->stat = stat_words[word].op;
	expect(p, "(");
	e->a = expression(p);
	while (accept(p, ","))
		append(e, &end, number_literal(p));
	if (e->stat == ST_VARIANCE ? e->nargs > 1 : (int)e->nargs != want)
		expected(p, want ? "the parameters lo, hi, step" : "')'");
	expect(p, ")");
	built(p, e);
	if (e->stat < ST_HIST_LOG || !accept(p, "["))
		return e;
	bucket = new_expr(p, X_HIST_INDEX, e->at);
	bucket->a = e;
	bucket->b = expression(p);
	expect(p, "]");
	return built(p, bucket);
}

/* @probewrite(x), which alias.c makes a number of: a call till then */
static struct expr *probewrite(struct parser *p, const struct token *word)
{
	struct expr *e = new_expr(p, X_CALL, word->at);
	const struct token *t;

	e->str = word->s;
	e->len = word->len;
	expect(p, "(");
	t = expect_name(p, "name of a variable");
	expect(p, ")");
	e->args = new_expr(p, X_NAME, t ? t->at : word->at);
	e->args->str = t ? t->s : "";
	e->args->len = strlen(e->args->str);
	e->nargs = 1;
	return e;
}

/* @defined(e), @perf("s"), @kderef(n, e): a word and its parts */
static struct expr *at_word(struct parser *p)
{
	static const struct {
		const char *name, *parts;	/* e expression, s string */
		enum expr_kind kind;
		enum op op;
	} words[] = {
		{ "@entry", "e", X_ENTRY, OP_NONE },
		{ "@defined", "e", X_DEFINED, OP_NONE },
		{ "@perf", "s", X_PERF, OP_NONE },
		{ "@const", "s", X_CONST, OP_NONE },
		{ "@enum", "s", X_ENUM, OP_NONE },
		{ "@kregister", "e", X_REGISTER, OP_KERNEL },
		{ "@uregister", "e", X_REGISTER, OP_USER },
		{ "@kderef", "ee", X_DEREF, OP_KERNEL },
		{ "@uderef", "ee", X_DEREF, OP_USER },
	};
	const struct token *t = take(p);
	struct expr *e;
	size_t i;

	if (!strcmp(t->s, "@probewrite"))
		return probewrite(p, t);
	for (i = 0; i < COUNT_OF(words) && strcmp(words[i].name, t->s); i++)
		;
	if (i == COUNT_OF(words)) {
		complain(p->j, t->at, E_UNSUPPORTED, "'%s' is not supported",
			 t->s);
		p->panic = true;
		return nothing(p);
	}
	e = new_expr(p, words[i].kind, t->at);
	e->op = words[i].op;
	expect(p, "(");
	if (words[i].parts[0] == 's') {
		e->str = string_literal(p)->str;
		e->len = strlen(e->str);
	} else {
		e->a = expression(p);
	}
	if (words[i].parts[1]) {
		expect(p, ",");
		e->b = expression(p);
	}
	expect(p, ")");
	return built(p, e);
}

/* The C of the next token, which only guru mode lets a user write. */
static const struct token *embedded_c(struct parser *p)
{
	if (!p->src->is_tapset && !p->j->opt->guru)
		complain(p->j, p->t->at, E_SYNTAX,
			 "embedded C in a script wants guru mode (-g)");
	return take(p);
}

/* --- names, calls ---------------------------------------------------------- */

static const struct {
	const char *name;
	enum print_kind kind;
	bool to_string;
} prints[] = {
	{ "print", PR_PRINT, false }, { "sprint", PR_PRINT, true },
	{ "println", PR_PRINTLN, false }, { "sprintln", PR_PRINTLN, true },
	{ "printd", PR_PRINTD, false }, { "sprintd", PR_PRINTD, true },
	{ "printdln", PR_PRINTDLN, false }, { "sprintdln", PR_PRINTDLN, true },
	{ "printf", PR_PRINTF, false }, { "sprintf", PR_PRINTF, true },
};

/* Arguments behind '(' up to and with ')'. */
static void arguments(struct parser *p, struct expr *e)
{
	struct expr **end = &e->args;

	if (accept(p, ")"))
		return;
	do
		append(e, &end, expression(p));
	while (accept(p, ","));
	if (!p->panic && !is_op(p, ")"))
		expected(p, "',' or ')'");
	expect(p, ")");
}

static struct expr *print_call(struct parser *p, size_t which, struct span at)
{
	struct expr *e = new_expr(p, X_PRINT, at), *format;

	e->print = NEW(&p->j->mem, struct print);
	e->print->kind = prints[which].kind;
	e->print->to_string = prints[which].to_string;
	e->str = prints[which].name;
	e->len = strlen(e->str);
	if (e->print->kind >= PR_PRINTD) {
		format = string_literal(p);
		e->print->format = format->str;
		e->print->format_len = format->len;
		e->print->format_at = format->at;
		if (!p->panic && !is_op(p, ")") && !accept(p, ","))
			expected(p, "',' or ')'");
	}
	arguments(p, e);
	return built(p, e);
}

/* The keys of a[..] behind '['; '*' is X_ANY. */
static void keys(struct parser *p, struct expr *e)
{
	struct expr **end = &e->args;

	do {
		if (is_op(p, "*"))
			append(e, &end, new_expr(p, X_ANY, take(p)->at));
		else
			append(e, &end, expression(p));
	} while (accept(p, ","));
	if (!p->panic && !is_op(p, "]"))
		expected(p, "',' or ']'");
	expect(p, "]");
}

static struct expr *name(struct parser *p)
{
	const struct token *t = take(p);
	struct expr *e;
	size_t i;

	for (i = 0; i < COUNT_OF(prints); i++)
		if (!strcmp(prints[i].name, t->s)) {
			expect(p, "(");
			return print_call(p, i, t->at);
		}
	if (accept(p, "(")) {
		e = new_expr(p, X_CALL, t->at);
		arguments(p, e);
	} else if (accept(p, "[")) {
		e = new_expr(p, X_INDEX, t->at);
		keys(p, e);
	} else {
		e = new_expr(p, X_NAME, t->at);
	}
	e->str = t->s;
	e->len = t->len;
	return built(p, e);
}

/* --- expressions, from the tightest ---------------------------------------- */

static struct expr *primary(struct parser *p)
{
	struct expr *e;
	int word;

	if (p->panic)
		return nothing(p);
	if (accept(p, "(")) {
		e = expression(p);
		expect(p, ")");
		return e;
	}
	if (p->t->kind == TK_NUMBER || p->t->kind == TK_STRING)
		return literal(p);
	if (p->t->kind == TK_EMBEDDED) {
		e = new_expr(p, X_EMBEDDED, p->t->at);
		e->str = embedded_c(p)->s;
		e->len = p->last->len;
		return e;
	}
	if (p->t->kind != TK_NAME) {
		expected(p, "literal string or number");
		return nothing(p);
	}
	if (p->t->s[0] == '$')
		return dollar(p);
	if (p->t->s[0] != '@')
		return name(p);
	word = find_stat(p->t->s);
	if (word >= 0)
		return stat(p, word);
	if (!strcmp(p->t->s, "@cast") || !strcmp(p->t->s, "@var"))
		return cast_or_var(p);
	return at_word(p);
}

/* Any value followed by -> is a pointer whose type is known from its making. */
static struct expr *value(struct parser *p)
{
	bool address = !p->panic && is_op(p, "&");
	struct span at = p->t->at;
	struct expr *e, *base;

	if (address)
		take(p);
	e = primary(p);
	if (e->kind == X_TARGET && !e->target->address_of &&
	    e->target->kind != TR_CONTEXT)
		access_path(p, e);	/* ($x)->y, (@cast(...))[1] */
	if (!p->panic && is_op(p, "->")) {
		base = e;
		e = new_target(p, TR_AUTOCAST, p->t->at);
		e->target->base = e->a = base;
		access_path(p, e);
	}
	if (!address)
		return e;
	if (e->kind == X_TARGET && e->target->kind != TR_CONTEXT) {
		e->target->address_of = true;
	} else if (!p->panic) {
		complain(p->j, at, E_SYNTAX,
			 "expected a target variable behind '&'");
		p->panic = true;
	}
	return e;
}

static struct expr *incdec(struct parser *p)
{
	struct span at = p->t->at;
	struct expr *e, *a;
	enum op op = accept(p, "++") ? OP_PREINC :
		accept(p, "--") ? OP_PREDEC : OP_NONE;

	a = value(p);
	if (op == OP_NONE) {
		at = p->t->at;
		if (accept(p, "++"))
			op = OP_POSTINC;
		else if (accept(p, "--"))
			op = OP_POSTDEC;
		else
			return a;
	}
	e = new_expr(p, X_INCDEC, at);
	e->op = op;
	e->a = a;
	return built(p, e);
}

static struct expr *unary(struct parser *p)
{
	static const struct {
		const char *s;
		enum op op;
	} ops[] = {
		{ "-", OP_NEG }, { "!", OP_NOT }, { "~", OP_BITNOT },
		{ "+", OP_PLUS },
	};
	struct expr *e;
	size_t i;

	for (i = 0; i < COUNT_OF(ops); i++) {
		if (p->panic || !is_op(p, ops[i].s))
			continue;
		e = new_expr(p, X_UNARY, take(p)->at);
		e->op = ops[i].op;
		e->a = enter(p) ? unary(p) : nothing(p);
		p->depth--;
		if (e->op == OP_NEG && e->a->kind == X_NUMBER) {
			e->a->num = (int64_t)-(uint64_t)e->a->num;
			e->a->at = e->at;
			return e->a;
		}
		return built(p, e);
	}
	return incdec(p);
}

/* Loosest first; SystemTap's own order, where & ^ | are looser than < and ==,
   all comparisons are equal, and . is looser than +. */
enum { L_OROR, L_ANDAND, L_OR, L_XOR, L_AND, L_IN, L_CMP, L_SHIFT, L_CAT,
       L_ADD, L_MUL, L_UNARY };

static const struct binary_op {
	const char *s;
	enum op op;
	int level;
} binary_ops[] = {
	{ "||", OP_OROR, L_OROR }, { "&&", OP_ANDAND, L_ANDAND },
	{ "|", OP_OR, L_OR }, { "^", OP_XOR, L_XOR }, { "&", OP_AND, L_AND },
	{ "<", OP_LT, L_CMP }, { "<=", OP_LE, L_CMP }, { ">", OP_GT, L_CMP },
	{ ">=", OP_GE, L_CMP }, { "==", OP_EQ, L_CMP }, { "!=", OP_NE, L_CMP },
	{ "=~", OP_MATCH, L_CMP }, { "!~", OP_NOMATCH, L_CMP },
	{ "<<", OP_SHL, L_SHIFT }, { ">>", OP_SHR, L_SHIFT },
	{ ">>>", OP_USHR, L_SHIFT }, { ".", OP_CAT, L_CAT },
	{ "+", OP_ADD, L_ADD }, { "-", OP_SUB, L_ADD },
	{ "*", OP_MUL, L_MUL }, { "/", OP_DIV, L_MUL }, { "%", OP_MOD, L_MUL },
};

static const struct binary_op *binary_op(struct parser *p, int level)
{
	size_t i;

	if (p->panic || p->t->kind != TK_OP)
		return NULL;
	for (i = 0; i < COUNT_OF(binary_ops); i++)
		if (binary_ops[i].level == level && is_op(p, binary_ops[i].s))
			return &binary_ops[i];
	return NULL;
}

/* `in` and an array name behind one key or [a, b]. */
static struct expr *in_array(struct parser *p, struct expr *list)
{
	struct expr *e = new_expr(p, X_IN, take(p)->at);
	const struct token *t = expect_name(p, "array name");
	struct expr *k;

	e->args = list;
	for (k = list; k; k = k->next)
		e->nargs++;
	e->str = t ? t->s : "";
	e->len = strlen(e->str);
	if (t)
		e->at = t->at;
	return built(p, e);
}

static struct expr *binary(struct parser *p, int level);

static struct expr *membership(struct parser *p)
{
	struct expr list = { 0 }, *e;

	if (!p->panic && is_op(p, "[")) {
		take(p);
		keys(p, &list);
		if (!p->panic && !is_word(p, "in"))
			expected(p, "'in'");
		return p->panic ? nothing(p) : in_array(p, list.args);
	}
	e = binary(p, L_CMP);
	while (!p->panic && is_word(p, "in"))
		e = in_array(p, e);
	return e;
}

static struct expr *binary(struct parser *p, int level)
{
	const struct binary_op *op;
	struct expr *left, *e;

	if (level == L_UNARY)
		return unary(p);
	left = level == L_IN ? membership(p) : binary(p, level + 1);
	while ((op = binary_op(p, level))) {
		e = new_expr(p, op->op == OP_MATCH || op->op == OP_NOMATCH ?
			     X_MATCH : X_BINARY, take(p)->at);
		e->op = op->op;
		e->a = left;
		if (e->kind == X_MATCH) {
			struct expr *re = string_literal(p);

			e->str = re->str;
			e->len = re->len;
			e->b = re;	/* where it stands */
		} else {
			e->b = binary(p, level + 1);
		}
		left = built(p, e);
	}
	return left;
}

static struct expr *ternary(struct parser *p)
{
	struct expr *cond = binary(p, L_OROR), *e;

	if (p->panic || !is_op(p, "?"))
		return cond;
	e = new_expr(p, X_TERNARY, take(p)->at);
	e->a = cond;
	e->b = expression(p);
	expect(p, ":");
	e->c = expression(p);
	return built(p, e);
}

static struct expr *expression(struct parser *p)
{
	static const struct {
		const char *s;
		enum op op;
	} ops[] = {
		{ "=", OP_NONE }, { "<<<", OP_STAT }, { "+=", OP_ADD },
		{ "-=", OP_SUB }, { "*=", OP_MUL }, { "/=", OP_DIV },
		{ "%=", OP_MOD }, { "<<=", OP_SHL }, { ">>=", OP_SHR },
		{ ">>>=", OP_USHR }, { "&=", OP_AND }, { "^=", OP_XOR },
		{ "|=", OP_OR }, { ".=", OP_CAT },
	};
	struct expr *left, *e;
	size_t i;

	if (!enter(p)) {
		p->depth--;
		return nothing(p);
	}
	left = ternary(p);
	for (i = 0; i < COUNT_OF(ops) && !p->panic; i++)
		if (is_op(p, ops[i].s)) {
			e = new_expr(p, X_ASSIGN, take(p)->at);
			e->op = ops[i].op;
			e->a = left;
			e->b = expression(p);
			left = built(p, e);
			break;
		}
	p->depth--;
	return left;
}

/* --- statements ------------------------------------------------------------ */

static struct stmt *new_stmt(struct parser *p, enum stmt_kind kind,
			     struct span at)
{
	struct stmt *s = NEW(&p->j->mem, struct stmt);

	s->kind = kind;
	s->at = at;
	return s;
}

static bool starts_declaration(struct parser *p)
{
	return is_word(p, "probe") || is_word(p, "global") ||
	       is_word(p, "function") || is_word(p, "private");
}

static bool starts_statement(struct parser *p)
{
	static const char *const words[] = {
		"if", "while", "for", "foreach", "return", "delete", "next",
		"break", "continue", "try",
	};
	size_t i;

	for (i = 0; i < COUNT_OF(words); i++)
		if (is_word(p, words[i]))
			return true;
	return false;
}

/* Out of panic: to where the next statement of this block may begin. */
static void recover(struct parser *p, const struct token *start)
{
	int depth = 0;

	if (p->t == start)
		take(p);
	for (; p->t->kind != TK_END && !starts_declaration(p); take(p)) {
		if (!depth && (is_op(p, "}") || starts_statement(p)))
			break;
		if (is_op(p, "{"))
			depth++;
		else if (is_op(p, "}"))
			depth--;
		else if (!depth && is_op(p, ";")) {
			take(p);
			break;
		}
	}
	p->panic = false;
}

static struct stmt *block(struct parser *p)
{
	struct stmt *s = new_stmt(p, S_BLOCK, p->t->at), **end = &s->body;
	const struct token *start;

	expect(p, "{");
	while (!p->panic && !is_op(p, "}") && p->t->kind != TK_END &&
	       !starts_declaration(p)) {
		start = p->t;
		*end = statement(p);
		end = &(*end)->next;
		if (p->panic)
			recover(p, start);
	}
	expect(p, "}");
	return s;
}

static struct expr *condition(struct parser *p)
{
	struct expr *e;

	expect(p, "(");
	e = expression(p);
	expect(p, ")");
	return e;
}

static void for_head(struct parser *p, struct stmt *s)
{
	expect(p, "(");
	if (!p->panic && !is_op(p, ";"))
		s->init = expression(p);
	expect(p, ";");
	if (!p->panic && !is_op(p, ";"))
		s->e = expression(p);
	expect(p, ";");
	if (!p->panic && !is_op(p, ")"))
		s->step = expression(p);
	expect(p, ")");
}

/* + or -, or nothing; `key` is what is sorted by. */
static void sort_mark(struct parser *p, struct foreach *each, int key)
{
	int dir = p->panic ? 0 : is_op(p, "+") ? 1 : is_op(p, "-") ? -1 : 0;

	if (!dir)
		return;
	if (each->sort_dir) {
		expected(p, "one sort direction only");
		return;
	}
	take(p);
	each->sort_dir = dir;
	each->sort_key = key;
}

static struct expr *loop_name(struct parser *p)
{
	const struct token *t = expect_name(p, "name of a loop variable");
	struct expr *e = new_expr(p, X_NAME, t ? t->at : p->t->at);

	e->str = t ? t->s : "";
	e->len = strlen(e->str);
	return e;
}

/* "v =", "v- =" in front of the keys. `v+=` is one token. */
static void foreach_value(struct parser *p, struct foreach *each)
{
	const struct token *op = p->t + 1;
	bool joined;

	if (p->panic || !is_plain_name(p->t))
		return;
	if (token_is(op, TK_OP, "+") || token_is(op, TK_OP, "-"))
		op++;
	joined = token_is(op, TK_OP, "+=") || token_is(op, TK_OP, "-=");
	if (!joined && !token_is(op, TK_OP, "="))
		return;
	each->value = loop_name(p);
	if (joined) {
		each->sort_dir = op->s[0] == '+' ? 1 : -1;
		take(p);
		return;
	}
	sort_mark(p, each, 0);
	expect(p, "=");
}

static void foreach_keys(struct parser *p, struct foreach *each)
{
	struct expr **end = &each->keys;
	bool many = accept(p, "[");

	do {
		*end = loop_name(p);
		end = &(*end)->next;
		each->nkeys++;
		sort_mark(p, each, (int)each->nkeys);
	} while (many && accept(p, ","));
	if (many)
		expect(p, "]");
}

/* a, a[x, *], @hist_log(a); then @sum and + or -. */
static void foreach_array(struct parser *p, struct foreach *each)
{
	int word = p->t->kind == TK_NAME ? find_stat(p->t->s) : -1;

	if (!p->panic && word >= 0 && stat_words[word].op >= ST_HIST_LOG) {
		each->array = stat(p, word);
		sort_mark(p, each, 0);
		return;
	}
	each->array = loop_name(p);
	if (accept(p, "[")) {
		each->array->kind = X_INDEX;
		keys(p, each->array);
		built(p, each->array);
	}
	word = !p->panic && p->t->kind == TK_NAME ? find_stat(p->t->s) : -1;
	if (word >= 0 && stat_words[word].op <= ST_VARIANCE) {
		each->sort_stat = stat_words[word].op;
		take(p);
		if (!is_op(p, "+") && !is_op(p, "-"))
			expected(p, "sort direction, '+' or '-'");
	}
	sort_mark(p, each, 0);
}

static void foreach_head(struct parser *p, struct stmt *s)
{
	struct foreach *each = s->each = NEW(&p->j->mem, struct foreach);

	expect(p, "(");
	foreach_value(p, each);
	foreach_keys(p, each);
	if (!accept_word(p, "in"))
		expected(p, "'in'");
	foreach_array(p, each);
	if (accept_word(p, "limit"))
		each->limit = expression(p);
	expect(p, ")");
}

/* A statement within another that is no block of its own. */
static struct stmt *inner(struct parser *p)
{
	return p->panic ? new_stmt(p, S_EMPTY, p->t->at) : statement(p);
}

static struct stmt *if_statement(struct parser *p)
{
	struct stmt *s = new_stmt(p, S_IF, take(p)->at);

	s->e = condition(p);
	s->body = inner(p);
	if (accept_word(p, "else"))
		s->other = inner(p);
	return s;
}

static struct stmt *loop_statement(struct parser *p)
{
	struct stmt *s = new_stmt(p, S_WHILE, p->t->at);

	if (accept_word(p, "while")) {
		s->e = condition(p);
	} else if (accept_word(p, "for")) {
		s->kind = S_FOR;
		for_head(p, s);
	} else {
		take(p);
		s->kind = S_FOREACH;
		foreach_head(p, s);
	}
	s->body = inner(p);
	return s;
}

static struct stmt *try_statement(struct parser *p)
{
	struct stmt *s = new_stmt(p, S_TRY, take(p)->at);

	s->body = block(p);
	if (!accept_word(p, "catch"))
		expected(p, "'catch'");
	if (accept(p, "(")) {
		s->caught = loop_name(p);
		expect(p, ")");
	}
	s->other = block(p);
	return s;
}

/* next break continue return delete, or an expression */
static struct stmt *simple_statement(struct parser *p)
{
	struct stmt *s = new_stmt(p, S_EXPR, p->t->at);

	if (accept_word(p, "next")) {
		s->kind = S_NEXT;
	} else if (accept_word(p, "break")) {
		s->kind = S_BREAK;
	} else if (accept_word(p, "continue")) {
		s->kind = S_CONTINUE;
	} else if (accept_word(p, "return")) {
		s->kind = S_RETURN;
		if (!is_op(p, ";") && !is_op(p, "}"))
			s->e = expression(p);
	} else if (accept_word(p, "delete")) {
		s->kind = S_DELETE;
		s->e = value(p);
	} else if (p->t->kind == TK_KEYWORD) {
		expected(p, "statement");
	} else {
		s->e = expression(p);
	}
	accept(p, ";");
	return s;
}

static struct stmt *statement(struct parser *p)
{
	struct stmt *s;

	if (!enter(p))
		s = new_stmt(p, S_EMPTY, p->t->at);
	else if (is_op(p, "{"))
		s = block(p);
	else if (is_op(p, ";"))
		s = new_stmt(p, S_EMPTY, take(p)->at);
	else if (is_word(p, "if"))
		s = if_statement(p);
	else if (is_word(p, "while") || is_word(p, "for") ||
		 is_word(p, "foreach"))
		s = loop_statement(p);
	else if (is_word(p, "try"))
		s = try_statement(p);
	else
		s = simple_statement(p);
	p->depth--;
	return s;
}

/* --- probe points ---------------------------------------------------------- */

/* One dotted path; braces make several of one piece of text. */
struct path {
	VEC(struct component *) parts;
	bool optional, sufficient;	/* of one alternative */
};
struct paths {
	VEC(struct path) v;
};

static bool in_component(const struct token *t)
{
	return t->kind == TK_KEYWORD || t->kind == TK_NUMBER ||
	       is_plain_name(t) || token_is(t, TK_OP, "*");
}

/* name, na*me, name(literal) */
static struct component *component(struct parser *p)
{
	struct component *c = NEW(&p->j->mem, struct component);
	struct text t = { .mem = &p->j->mem };

	c->at = p->t->at;
	if (p->panic || !in_component(p->t) || p->t->kind == TK_NUMBER) {
		expected(p, "probe point component");
		c->name = "";
		return c;
	}
	do
		text_puts(&t, take(p)->s);
	while (p->t->glued && in_component(p->t));
	c->name = t.s;
	if (accept(p, "(")) {
		c->arg = literal(p);
		expect(p, ")");
	}
	return c;
}

static void add_path(struct parser *p, struct paths *to, const struct path *a,
		     const struct path *b)
{
	struct path both = { .optional = a->optional || b->optional,
			     .sufficient = a->sufficient || b->sufficient };
	size_t i;

	for (i = 0; i < a->parts.n; i++)
		vec_push(&p->j->mem, &both.parts, a->parts.v[i]);
	for (i = 0; i < b->parts.n; i++)
		vec_push(&p->j->mem, &both.parts, b->parts.v[i]);
	vec_push(&p->j->mem, &to->v, both);
	if (to->v.n > MAX_POINTS || both.parts.n > MAX_NESTING)
		expected(p, "fewer alternatives");
}

static struct paths dotted(struct parser *p);

/* {a.b, c}: the paths of every alternative. */
static struct paths alternatives(struct parser *p)
{
	struct paths all = { 0 }, some;
	struct path end;
	size_t i;

	take(p);
	do {
		some = dotted(p);
		end = (struct path){ .optional = accept(p, "?") };
		end.sufficient = accept(p, "!");
		for (i = 0; i < some.v.n && !p->panic; i++)
			add_path(p, &all, &some.v.v[i], &end);
	} while (accept(p, ","));
	expect(p, "}");
	return all;
}

static struct paths dotted(struct parser *p)
{
	struct paths all = { 0 }, next, product;
	struct path one = { 0 };
	size_t i, k;

	vec_push(&p->j->mem, &all.v, one);
	if (!enter(p)) {
		p->depth--;
		return all;
	}
	do {
		next = (struct paths){ 0 };
		one = (struct path){ 0 };
		if (is_op(p, "{")) {
			next = alternatives(p);
		} else {
			vec_push(&p->j->mem, &one.parts, component(p));
			vec_push(&p->j->mem, &next.v, one);
		}
		product = (struct paths){ 0 };
		for (i = 0; i < all.v.n; i++)
			for (k = 0; k < next.v.n && !p->panic; k++)
				add_path(p, &product, &all.v.v[i],
					 &next.v.v[k]);
		all = product;
	} while (accept(p, "."));
	p->depth--;
	return all;
}

/* One point as written; with braces, several in the list. */
static struct point **point(struct parser *p, struct point **end)
{
	struct span at = p->t->at;
	struct paths all = dotted(p);
	bool optional = accept(p, "?"), sufficient = !optional && accept(p, "!");
	struct expr *cond = accept_word(p, "if") ? condition(p) : NULL;
	struct component **part;
	size_t i, k;

	for (i = 0; i < all.v.n && !p->panic; i++) {
		struct point *pt = *end = NEW(&p->j->mem, struct point);

		pt->at = at;
		pt->optional = optional || all.v.v[i].optional;
		pt->sufficient = sufficient || all.v.v[i].sufficient;
		pt->condition = cond;
		part = &pt->parts;
		for (k = 0; k < all.v.v[i].parts.n; k++) {
			*part = NEW(&p->j->mem, struct component);
			**part = *all.v.v[i].parts.v[k];
			part = &(*part)->next;
		}
		end = &pt->next;
	}
	return end;
}

static struct point *points(struct parser *p)
{
	struct point *list = NULL, **end = &list;

	do
		end = point(p, end);
	while (accept(p, ","));
	return list;
}

/* --- declarations ---------------------------------------------------------- */

static bool alias_sign(struct parser *p, bool *epilogue)
{
	*epilogue |= !p->panic && is_op(p, "+=");
	return accept(p, "=") || accept(p, "+=");
}

/* Behind the sign: more names with more signs, then what they stand for. */
static void alias(struct parser *p, struct span at, struct point *names,
		  bool epilogue)
{
	struct probe pr = { .at = at, .src = p->src, .alias_epilogue = epilogue };
	struct point **end = &names;
	struct probe *a;

	pr.points = points(p);
	while (alias_sign(p, &epilogue)) {
		while (*end)
			end = &(*end)->next;
		*end = pr.points;
		pr.points = points(p);
	}
	pr.body = block(p);
	if (!pr.alias_epilogue && accept(p, ","))
		pr.epilogue = block(p);
	for (; names && !p->panic; names = names->next) {
		a = *p->aliases_end = NEW(&p->j->mem, struct probe);
		p->aliases_end = &a->next;
		*a = pr;
		a->at = names->at;
		a->alias = names->parts;
	}
}

static void probe(struct parser *p)
{
	struct span at = take(p)->at;
	struct point *list = points(p);
	bool epilogue = false;
	struct probe *pr;

	if (alias_sign(p, &epilogue)) {
		alias(p, at, list, epilogue);
		return;
	}
	if (!p->panic && !is_op(p, "{"))
		expected(p, "one of '. , ( ? ! { = +='");
	pr = *p->probes_end = NEW(&p->j->mem, struct probe);
	p->probes_end = &pr->next;
	pr->at = at;
	pr->src = p->src;
	pr->points = list;
	pr->body = block(p);
}

/* a, a%, a[10], a%[10], a[10]%, each with = literal */
static void global(struct parser *p, bool private)
{
	const struct token *t;
	struct var *v;
	bool init;

	accept_word(p, "global");
	do {
		t = expect_name(p, "name of a global");
		v = NEW(&p->j->mem, struct var);
		*v = (struct var){ .is_global = true, .nkeys = -1,
			.name = t ? t->s : "", .is_private = private, .src = p->src,
			.at = t ? t->at : p->t->at };
		v->wraps = accept(p, "%");
		if (accept(p, "[")) {
			v->max_entries = number_literal(p)->num;
			if (v->max_entries <= 0 && !p->panic)
				complain(p->j, p->last->at, E_LITERAL,
					 "array size out of range");
			expect(p, "]");
		}
		v->wraps = accept(p, "%") || v->wraps;
		init = accept(p, "=");
		if (accept(p, "%="))
			v->wraps = init = true;
		if (init && v->max_entries && !p->panic)
			complain(p->j, p->last->at, E_SYNTAX,
				 "only scalar globals can be initialized");
		if (init)
			v->init = literal(p);
		*p->globals_end = v;
		p->globals_end = &v->next;
	} while (accept(p, ","));
	accept(p, ";");
}

static enum type type_name(struct parser *p)
{
	if (accept_word(p, "long"))
		return T_LONG;
	if (accept_word(p, "string"))
		return T_STRING;
	expected(p, "'long' or 'string'");
	return T_UNKNOWN;
}

static void params(struct parser *p, struct function *f)
{
	struct var **end = &f->params, *v;
	const struct token *t;

	expect(p, "(");
	if (accept(p, ")"))
		return;
	do {
		t = expect_name(p, "name of a parameter");
		v = *end = NEW(&p->j->mem, struct var);
		end = &v->next;
		v->name = t ? t->s : "";
		v->at = t ? t->at : p->t->at;
		v->owner = f;
		f->nparams++;
		if (accept(p, ":"))
			v->type = type_name(p);
	} while (accept(p, ","));
	if (!p->panic && !is_op(p, ")"))
		expected(p, "',' or ')'");
	expect(p, ")");
}

static void function(struct parser *p, bool private)
{
	const struct token *t;
	struct function *f = NEW(&p->j->mem, struct function);

	take(p);
	t = expect_name(p, "name of a function");
	f->name = t ? t->s : "";
	f->at = t ? t->at : p->t->at;
	f->is_private = private;
	f->src = p->src;
	f->priority = p->src->is_tapset;
	if (accept(p, ":")) {
		f->type = type_name(p);
		f->type_given = true;
	}
	params(p, f);
	if (accept(p, ":")) {
		f->priority = number_literal(p)->num;
		if (f->priority <= 0 && !p->panic)
			complain(p->j, p->last->at, E_LITERAL,
				 "specified priority must be > 0");
	}
	f->c_at = p->t->at;
	if (!p->panic && p->t->kind == TK_EMBEDDED)
		f->c_body = embedded_c(p)->s;
	else
		f->body = block(p);
	*p->functions_end = f;
	p->functions_end = &f->next;
}

static void embedded(struct parser *p)
{
	struct embedded *e = NEW(&p->j->mem, struct embedded), **end;

	e->at = p->t->at;
	e->c = embedded_c(p)->s;
	for (end = &p->script->embedded; *end; end = &(*end)->next)
		;
	*end = e;
}

static void declaration(struct parser *p)
{
	bool private = accept_word(p, "private");

	if (is_word(p, "global") || (private && is_plain_name(p->t))) {
		global(p, private);
	} else if (is_word(p, "function")) {
		function(p, private);
	} else if (private) {
		expected(p, "'global', 'function' or a name");
	} else if (is_word(p, "probe")) {
		probe(p);
	} else if (p->t->kind == TK_EMBEDDED) {
		embedded(p);
	} else if (!accept(p, ";")) {
		expected(p, "'probe', 'global', 'private', 'function', "
			    "or '%{'");
	}
}

#define END_OF(list) ({ __typeof__(&(list)) e_ = &(list); 	while (*e_) e_ = &(*e_)->next; e_; })

bool parse_source(struct job *j, const struct source *src, struct script *out)
{
	struct parser p = { .j = j, .src = src, .script = out };
	struct tokens tokens = { 0 };
	const struct token *start;
	int before = j->errors;

	expand_source(j, src, &tokens);
	p.t = p.last = tokens.t.v;
	p.probes_end = END_OF(out->probes);
	p.aliases_end = END_OF(out->aliases);
	p.functions_end = END_OF(out->functions);
	p.globals_end = END_OF(out->globals);
	while (p.t->kind != TK_END) {
		start = p.t;
		declaration(&p);
		if (!p.panic)
			continue;
		if (p.t == start)
			take(&p);
		while (p.t->kind != TK_END && !starts_declaration(&p))
			take(&p);
		p.panic = false;
		p.depth = 0;
	}
	return j->errors == before;
}

bool parse_script(struct job *j)
{
	const struct options *opt = j->opt;
	struct source *src = NEW(&j->mem, struct source);

	src->name = opt->script_name;
	src->text = opt->script_text;
	if (src->text)
		src->size = strlen(src->text);
	else
		src->text = read_file(&j->mem, src->name, &src->size);
	if (!src->text)
		die("%s: %m", src->name);
	j->script = NEW(&j->mem, struct script);
	return parse_source(j, src, j->script);
}
