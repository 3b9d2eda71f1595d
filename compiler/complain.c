/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * complain.c - how the compiler tells that a script is wrong: the message, the
 * token it is about, its line with a caret, and the aliases and macros it came
 * through. The same message is told once; one that says the same of another
 * place is counted, and told with -v.
 */
#include "base.h"
#include "stap.h"

#include <ctype.h>
#include <string.h>

#define T(id, name, kind) const struct tag E_##id[1] = { { name, kind } };
ERROR_TAGS(T)
#undef T

/* Keywords of the language, for the lexer and for naming tokens. */
bool is_keyword(const char *s, size_t n)
{
	static const char *const words[] = {
		"probe", "global", "private", "function", "if", "else", "for",
		"foreach", "in", "limit", "return", "delete", "while", "break",
		"continue", "next", "string", "long", "try", "catch",
	};
	size_t i;

	for (i = 0; i < COUNT_OF(words); i++)
		if (strlen(words[i]) == n && !memcmp(words[i], s, n))
			return true;
	return false;
}

static bool is_word(int c)
{
	return isalnum(c) || c == '_' || c == '$' || c == '@';
}

/* "identifier 'x'", "operator '='", "string 'abc'": the token at a span. */
static void describe(struct text *t, struct span s)
{
	const char *p = s.src->text + s.off, *what;
	size_t n = s.len, i;

	if (s.off >= s.src->size || !n) {
		text_puts(t, "end of file");
		return;
	}
	if (*p == '"') {
		what = "string";
		p++;
		n -= n > 1 && p[n - 2] == '"' ? 2 : 1;
	} else if (isdigit((unsigned char)*p)) {
		what = "number";
	} else if (is_word((unsigned char)*p)) {
		what = is_keyword(p, n) ? "keyword" : "identifier";
	} else {
		what = *p == '%' && p[1] == '{' ? "embedded code" : "operator";
	}
	for (i = 0; i < n && p[i] != '\n' && i < 60; i++)
		;
	text_printf(t, "%s '%.*s'", what, (int)i, p);
}

static void show_place(struct text *t, struct span s, const char *name)
{
	unsigned line, col;

	span_line_col(s, &line, &col);
	text_printf(t, "%s:%u:%u", name, line, col);
}

static void tell_place(struct text *t, struct span s)
{
	describe(t, s);
	text_puts(t, " at ");
	show_place(t, s, s.src->name);
}

void span_describe(struct text *t, struct span s)
{
	describe(t, s);
	text_puts(t, " at ");
	show_place(t, s, base_name(s.src->name));
}

enum { MAX_COLUMNS = 400, MAX_ORIGINS = 8 };

/* The source line and a caret; `head` is right-aligned with the message. */
static void show_line(struct text *t, struct span s, const char *head)
{
	const char *text = s.src->text;
	size_t start, end, i;

	if (s.off >= s.src->size)
		return;
	start = s.off;
	end = start;
	while (start && text[start - 1] != '\n')
		start--;
	while (end < s.src->size && text[end] != '\n')
		end++;
	if (end - start > MAX_COLUMNS) {	/* what is near, then */
		if (s.off - start > MAX_COLUMNS / 2)
			start = s.off - MAX_COLUMNS / 2;
		if (end - start > MAX_COLUMNS)
			end = start + MAX_COLUMNS;
	}
	text_puts(t, head);
	for (i = start; i < end; i++)
		text_putc(t, (unsigned char)text[i] < ' ' && text[i] != '\t' ?
			  '?' : text[i]);
	text_putc(t, '\n');
	for (i = 0; head[i]; i++)
		text_putc(t, ' ');
	for (i = start; i < s.off && i < end; i++)
		text_putc(t, text[i] == '\t' ? '\t' : ' ');
	text_puts(t, "^\n");
}

static void show_origins(struct text *t, struct span s)
{
	const struct origin *o;
	int n;

	for (o = s.via, n = 0; o && n < MAX_ORIGINS; o = o->at.via, n++) {
		text_printf(t, "   note: %s", o->what);
		if (o->at.src) {
			text_puts(t, " at ");
			show_place(t, o->at, o->at.src->name);
		}
		text_putc(t, '\n');
		if (o->at.src)
			show_line(t, o->at, "        source: ");
	}
}

enum { MAX_TOLD = 100 };

/* After so many, messages are only counted. */
static bool enough(struct job *j)
{
	return j->told > MAX_TOLD;
}

/* False: it was there before. */
static bool is_new(struct job *j, char *text)
{
	void **slot;

	if (!j->complained.mem)
		j->complained.mem = &j->mem;
	slot = dict_at(&j->complained, text);
	if (*slot)
		return false;
	*slot = text;
	return true;
}

static void print(struct job *j, const struct text *t)
{
	FILE *to = j->messages ? j->messages : stderr;

	fflush(stdout);
	if (++j->told > MAX_TOLD)
		fputs("Too many messages: no more are shown.\n", to);
	else
		fwrite(t->s, 1, t->n + j->nul_messages, to);
}

/*
 * Prints what was not printed before; true if it was new. What was said of such
 * a token at another place is only counted, in *similar, and so is what was said
 * of it with other alternatives: an inlined function has others in each place.
 */
static bool tell(struct job *j, struct text *t, const char *said,
		 struct span at, unsigned *similar)
{
	struct text key = { .mem = &j->mem };
	const char *others = strstr(said, " (alternatives: ");

	if (!is_new(j, t->s))
		return false;
	text_printf(&key, "%.*s", others ? (int)(others - said) :
		    (int)strlen(said), said);
	if (at.src)
		describe(&key, at);
	j->silent = !is_new(j, key.s) && at.src &&
		!(j->opt && j->opt->verbose);
	if (j->silent)
		++*similar;
	else
		print(j, t);
	return true;
}

void complaints_end(struct job *j)
{
	struct text t = { .mem = &j->mem };

	if (j->similar_errors)
		text_printf(&t, "Number of similar error messages suppressed: "
			    "%u.\n", j->similar_errors);
	if (j->similar_warnings)
		text_printf(&t, "Number of similar warning messages "
			    "suppressed: %u.\n", j->similar_warnings);
	if (!t.n)
		return;
	text_puts(&t, "Rerun with -v to see them.\n");
	j->told = 0;
	print(j, &t);
}

/* Of a listing or comparison, what is wrong with points is for -v alone. */
static bool is_unwanted(const struct job *j, const struct tag *tag)
{
	return j->opt && !j->opt->verbose &&
		(j->opt->listing || (j->opt->cover_sites && j->cover)) &&
		!strcmp(tag->kind, "semantic error");
}

/* What cannot be done, without what to do instead, and where. */
static const char *at_place(struct job *j, const char *said, struct span at)
{
	struct text t = { .mem = &j->mem };

	text_add(&t, said, strcspn(said, ";"));
	if (at.src) {
		text_puts(&t, ": ");
		tell_place(&t, at);
	}
	return t.s;
}

bool complain(struct job *j, struct span at, const struct tag *tag,
	      const char *fmt, ...)
{
	bool parse = !strcmp(tag->kind, "parse error");
	struct text t = { .mem = &j->mem };
	const char *said;
	va_list ap;

	va_start(ap, fmt);
	said = arena_vprintf(&j->mem, fmt, ap);
	va_end(ap);
	if (j->heard)
		j->heard(j, tag, said);
	if (tag == E_NO_MATCH && j->cannot)
		;	/* a point that an engine has not, by its alias's name */
	else if (tag != E_ENGINE)
		j->otherwise_wrong = true;
	else if (!j->cannot)
		j->cannot = at_place(j, said, at);
	if (enough(j) || is_unwanted(j, tag)) {
		j->silent = true;
		j->errors++;
		return false;
	}
	text_printf(&t, "%s: %s", tag->kind, said);
	if (j->opt && j->opt->verbose)
		text_printf(&t, " [%s]", tag->name);
	if (at.src) {
		text_puts(&t, parse ? "\n        saw: " : ": ");
		tell_place(&t, at);
		text_putc(&t, '\n');
		show_line(&t, at, parse ? "     source: " :
					  "        source: ");
		show_origins(&t, at);
	} else {
		text_putc(&t, '\n');
	}
	if (tell(j, &t, said, at, &j->similar_errors))
		j->errors++;
	return false;
}

void warn_at(struct job *j, struct span at, const char *fmt, ...)
{
	struct text t = { .mem = &j->mem };
	const char *said;
	va_list ap;

	if (enough(j) || (j->opt && j->opt->no_warnings))
		return;
	va_start(ap, fmt);
	said = arena_vprintf(&j->mem, fmt, ap);
	va_end(ap);
	text_printf(&t, "WARNING: %s", said);
	if (at.src) {
		text_puts(&t, ": ");
		tell_place(&t, at);
		text_putc(&t, '\n');
		show_line(&t, at, " source: ");
		show_origins(&t, at);
	} else {
		text_putc(&t, '\n');
	}
	if (tell(j, &t, said, at, &j->similar_warnings))
		j->warnings++;
}

void note_at(struct job *j, struct span at, const char *fmt, ...)
{
	struct text t = { .mem = &j->mem };
	va_list ap;

	if (enough(j) || j->silent)
		return;
	va_start(ap, fmt);
	text_printf(&t, "   note: %s", arena_vprintf(&j->mem, fmt, ap));
	va_end(ap);
	if (at.src) {
		text_puts(&t, " at ");
		show_place(&t, at, at.src->name);
	}
	text_putc(&t, '\n');
	if (at.src)
		show_line(&t, at, "        source: ");
	if (is_new(j, t.s))
		print(j, &t);
}
