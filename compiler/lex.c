/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lex.c - text to tokens. In: a source. Out: its tokens in order with their
 * spans, TK_END last. What is no token is complained about and left out.
 */
#include "lex.h"

#include <ctype.h>
#include <string.h>

struct lexer {
	struct job *j;
	const struct source *src;
	const char *p, *end;
	struct tokens *out;
	bool glued;
};

/* Longest first where one begins another. */
static const char *const operators[] = {
	">>>=", "<<<", ">>>", "<<=", ">>=",
	"%(", "%?", "%:", "%)", "%=",
	"++", "--", "->", "==", "!=", "<=", ">=", "<<", ">>", "&&", "||",
	"+=", "-=", "*=", "/=", "&=", "|=", "^=", ".=", "=~", "!~",
	"+", "-", "*", "/", "%", "=", "<", ">", "!", "~", "&", "|", "^", "?",
	":", ";", ",", ".", "(", ")", "[", "]", "{", "}",
};

bool token_is(const struct token *t, enum token_kind kind, const char *s)
{
	return t->kind == kind && !strcmp(t->s, s);
}

static struct span span_of(struct lexer *l, const char *from, const char *to)
{
	return (struct span){ .src = l->src,
		.off = (uint32_t)(from - l->src->text),
		.len = (uint32_t)(to - from) };
}

static struct token *add(struct lexer *l, enum token_kind kind,
			 const char *from)
{
	struct token t = { .kind = kind, .glued = l->glued };

	t.at = span_of(l, from, l->p);
	t.len = (size_t)(l->p - from);
	t.s = arena_strndup(&l->j->mem, from, t.len);
	l->glued = true;
	vec_push(&l->j->mem, &l->out->t, t);
	return &l->out->t.v[l->out->t.n - 1];
}

static int at(struct lexer *l, size_t i)
{
	return (size_t)(l->end - l->p) > i ? (unsigned char)l->p[i] : 0;
}

static void skip_block_comment(struct lexer *l)
{
	const char *from = l->p;

	for (l->p += 2; l->p < l->end; l->p++)
		if (at(l, 0) == '*' && at(l, 1) == '/') {
			l->p += 2;
			return;
		}
	complain(l->j, span_of(l, from, from + 2), E_LITERAL,
		 "comment without end");
}

static void skip_blank(struct lexer *l)
{
	const char *from = l->p;

	for (;;) {
		if (l->p < l->end && (isspace(at(l, 0)) || !*l->p))
			l->p++;
		else if (at(l, 0) == '#' || (at(l, 0) == '/' && at(l, 1) == '/'))
			while (l->p < l->end && *l->p != '\n')
				l->p++;
		else if (at(l, 0) == '/' && at(l, 1) == '*')
			skip_block_comment(l);
		else
			break;
	}
	if (l->p != from)
		l->glued = false;
}

static int hex_digit(int c)
{
	return isdigit(c) ? c - '0' : tolower(c) - 'a' + 10;
}

/* After a backslash, at its next character; leaves p behind the escape. */
static char escape(struct lexer *l)
{
	static const char names[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
	int c = at(l, 0), value = 0, i;
	const char *known;

	l->p++;
	known = c ? strchr(names, c) : NULL;
	if (known)
		return values[known - names];
	if (c == 'x' && isxdigit(at(l, 0))) {
		for (i = 0; i < 2 && isxdigit(at(l, 0)); i++, l->p++)
			value = value * 16 + hex_digit(at(l, 0));
		return (char)value;
	}
	if (c < '0' || c > '7')
		return (char)c;
	value = c - '0';
	for (i = 1; i < 3 && at(l, 0) >= '0' && at(l, 0) <= '7'; i++, l->p++)
		value = value * 8 + at(l, 0) - '0';
	return (char)value;
}

static void lex_string(struct lexer *l)
{
	const char *from = l->p++;
	struct text t = { .mem = &l->j->mem };
	struct token *tok;

	text_puts(&t, "");
	while (l->p < l->end && *l->p != '"' && *l->p != '\n') {
		if (*l->p != '\\') {
			text_putc(&t, *l->p++);
			continue;
		}
		if (++l->p >= l->end)
			break;
		if (*l->p == '\n')	/* line goes on */
			l->p++;
		else
			text_putc(&t, escape(l));
	}
	if (l->p >= l->end || *l->p != '"')
		complain(l->j, span_of(l, from, l->p), E_LITERAL,
			 "string without closing quote");
	else
		l->p++;
	tok = add(l, TK_STRING, from);
	tok->s = t.s;
	tok->len = t.n;
}

/* Decimal, 0x hexadecimal, 0 octal; to 2^64 - 1, wrapping to negative. */
static void lex_number(struct lexer *l)
{
	const char *from = l->p, *p;
	unsigned base = 10;
	uint64_t value = 0;
	bool ok = true;
	struct token *tok;

	while (isalnum(at(l, 0)) || at(l, 0) == '_')
		l->p++;
	p = from;
	if (*p == '0' && l->p > p + 1) {
		base = tolower((unsigned char)p[1]) == 'x' ? 16 : 8;
		p += base == 16 ? 2 : 1;
		ok = p < l->p;
	}
	for (; ok && p < l->p; p++) {
		unsigned d = isxdigit((unsigned char)*p) ?
			(unsigned)hex_digit((unsigned char)*p) : 99;

		ok = d < base && !__builtin_mul_overflow(value, base, &value) &&
		     !__builtin_add_overflow(value, d, &value);
	}
	if (!ok)
		complain(l->j, span_of(l, from, l->p), E_LITERAL,
			 "number invalid");
	tok = add(l, TK_NUMBER, from);
	tok->num = (int64_t)value;
}

static bool starts_name(int c)
{
	return isalpha(c) || c == '_' || c == '$' || c == '@';
}

static void lex_name(struct lexer *l)
{
	const char *from = l->p++;

	if (at(l, 0) == '#' && (*from == '$' || *from == '@')) {
		l->p++;
		add(l, TK_NAME, from);
		return;
	}
	while (isalnum(at(l, 0)) || at(l, 0) == '_' || at(l, 0) == '$')
		l->p++;
	if (*from == '@' && l->p == from + 1)
		complain(l->j, span_of(l, from, l->p), E_SYNTAX,
			 "expected a name behind '@'");
	else
		add(l, is_keyword(from, (size_t)(l->p - from)) ?
		    TK_KEYWORD : TK_NAME, from);
}

static void lex_embedded(struct lexer *l)
{
	const char *from = l->p, *body = l->p += 2;
	struct token *tok;
	size_t n;

	while (l->p < l->end && !(at(l, 0) == '%' && at(l, 1) == '}'))
		l->p++;
	n = (size_t)(l->p - body);
	if (l->p >= l->end)
		complain(l->j, span_of(l, from, body), E_LITERAL,
			 "embedded C without closing '%%}'");
	else
		l->p += 2;
	tok = add(l, TK_EMBEDDED, from);
	tok->s = arena_strndup(&l->j->mem, body, n);
	tok->len = n;
}

static void lex_operator(struct lexer *l)
{
	size_t left = (size_t)(l->end - l->p), i, n;

	for (i = 0; i < COUNT_OF(operators); i++) {
		n = strlen(operators[i]);
		if (n <= left && !memcmp(l->p, operators[i], n)) {
			l->p += n;
			add(l, TK_OP, l->p - n);
			return;
		}
	}
	complain(l->j, span_of(l, l->p, l->p + 1), E_SYNTAX,
		 isprint(at(l, 0)) ? "no token begins with '%c'" :
		 "no token begins with byte 0x%02x", at(l, 0));
	l->p++;
}

void lex_source(struct job *j, const struct source *src, struct tokens *out)
{
	struct lexer l = { .j = j, .src = src, .p = src->text,
			   .end = src->text + src->size, .out = out };

	if (src->size > UINT32_MAX - 16) {
		complain(j, (struct span){ 0 }, E_LITERAL,
			 "%s: larger than 4 GB", src->name);
		l.end = l.p;
	}
	for (;;) {
		skip_blank(&l);
		if (l.p >= l.end)
			break;
		if (*l.p == '"')
			lex_string(&l);
		else if (isdigit(at(&l, 0)))
			lex_number(&l);
		else if (starts_name(at(&l, 0)))
			lex_name(&l);
		else if (*l.p == '%' && at(&l, 1) == '{')
			lex_embedded(&l);
		else
			lex_operator(&l);
	}
	add(&l, TK_END, l.p);
}
