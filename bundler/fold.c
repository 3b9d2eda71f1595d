/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundler/fold.h"

#include <string.h>

void fold_init(struct fold *f, void (*put)(void *, const char *, size_t),
	       void *arg)
{
	f->put = put;
	f->arg = arg;
	f->n = f->root_n = f->names_n = f->nframes = 0;
	f->ended = false;
}

/* --- what a line is ---------------------------------------------------------- */

struct words {			/* what is left of a line */
	const char *p, *end;
};

static void skip_blanks(struct words *w)
{
	while (w->p < w->end && (*w->p == ' ' || *w->p == '\t'))
		w->p++;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

/* 0x and digits, then a blank or the end: how long; 0: it is none. */
static size_t hex_word(const struct words *w)
{
	const char *p = w->p;

	if (w->end - p < 3 || p[0] != '0' || (p[1] | 32) != 'x')
		return 0;
	for (p += 2; p < w->end && is_hex(*p); p++)
		;
	return p - w->p > 2 && (p == w->end || *p == ' ') ?
		(size_t)(p - w->p) : 0;
}

/* A decimal number that is all of the line. */
static bool is_count(struct words w, uint64_t *count)
{
	const char *p;

	skip_blanks(&w);
	p = w.p;
	for (*count = 0; w.p < w.end && is_digit(*w.p) && w.p - p < 19; w.p++)
		*count = *count * 10 + (uint64_t)(*w.p - '0');
	if (w.p == p)
		return false;
	skip_blanks(&w);
	return w.p == w.end;
}

/* "name+0x12": how long the name is; 0: it is none. */
static size_t name_with_offset(const struct words *w)
{
	const char *p;

	for (p = w->p; w->end - p > 3 && *p != ' '; p++)
		if (p[0] == '+' && p[1] == '0' && p[2] == 'x' && is_hex(p[3]))
			return (size_t)(p - w->p);
	return 0;
}

/* "0xADDR : NAME+0x1/0x2 [MODULE]", "NAME+0x1/0x2 [MODULE]": its name. */
static bool is_frame(struct words w, const char **name, size_t *n)
{
	size_t address;

	skip_blanks(&w);
	*name = w.p;
	*n = address = hex_word(&w);
	if (!address) {
		*n = name_with_offset(&w);
		return *n;
	}
	w.p += address;
	skip_blanks(&w);
	if (w.p == w.end || *w.p != ':')
		return false;
	w.p++;
	skip_blanks(&w);
	if (w.p == w.end || hex_word(&w))
		return true;	/* the address is what is known */
	*name = w.p;
	*n = name_with_offset(&w);
	if (!*n)
		while (w.p + *n < w.end && w.p[*n] != ' ')
			++*n;
	return true;
}

/* --- stacks ------------------------------------------------------------------ */

static void push(struct fold *f, const char *name, size_t n)
{
	if (f->nframes == FOLD_FRAMES || n > FOLD_NAMES - f->names_n)
		return;		/* the outermost are left out */
	memcpy(f->names + f->names_n, name, n);
	f->frames[f->nframes].at = (uint32_t)f->names_n;
	f->frames[f->nframes++].n = (uint32_t)n;
	f->names_n += n;
}

struct line {
	char text[FOLD_NAMES + FOLD_LINE + FOLD_FRAMES + 32];
	size_t n;
};

/* ';' separates, so it cannot be in a name; nor can what is no text. */
static void add(struct line *l, const char *s, size_t n)
{
	if (l->n)
		l->text[l->n++] = ';';
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		l->text[l->n++] = c == ';' ? ':' : c < ' ' || c > 126 ? '?' :
				  s[i];
	}
}

static void emit(struct fold *f, uint64_t count)
{
	struct line l;
	char digits[20];
	size_t n = sizeof(digits);

	l.n = 0;
	if (f->root_n)
		add(&l, f->root, f->root_n);
	for (uint32_t i = f->nframes; i; i--)
		add(&l, f->names + f->frames[i - 1].at, f->frames[i - 1].n);
	do
		digits[--n] = (char)('0' + count % 10);
	while (count /= 10);
	l.text[l.n++] = ' ';
	memcpy(l.text + l.n, digits + n, sizeof(digits) - n);
	l.n += sizeof(digits) - n;
	l.text[l.n++] = '\n';
	f->put(f->arg, l.text, l.n);
	f->nframes = 0;
	f->names_n = f->root_n = 0;
	f->ended = false;
}

/* A stack that is one line, "0x1 0x2 0x3" or with a count behind. */
static bool is_flat(struct fold *f, struct words w)
{
	struct words first = w;
	uint64_t count = 1;
	size_t n, frames = 0;

	for (skip_blanks(&w); (n = hex_word(&w)); skip_blanks(&w)) {
		w.p += n;
		frames++;
	}
	if (!frames || (w.p < w.end && !is_count(w, &count)))
		return false;
	if (f->nframes)
		emit(f, 1);
	for (skip_blanks(&first); (n = hex_word(&first)); skip_blanks(&first)) {
		push(f, first.p, n);
		first.p += n;
	}
	f->ended = true;
	if (w.p < w.end)
		emit(f, count);
	return true;
}

static void take_line(struct fold *f)
{
	struct words w = { f->line, f->line + f->n };
	const char *name;
	uint64_t count;
	size_t n;

	if (is_frame(w, &name, &n)) {
		if (f->ended && f->nframes)
			emit(f, 1);
		push(f, name, n);
		return;
	}
	if (f->nframes && is_count(w, &count)) {
		emit(f, count);
		return;
	}
	if (is_flat(f, w))
		return;
	if (f->nframes)
		emit(f, 1);
	f->root_n = is_count(w, &count) ? 0 : f->n;
	memcpy(f->root, f->line, f->root_n);
	while (f->root_n && f->root[f->root_n - 1] == ' ')
		f->root_n--;
}

void fold_text(struct fold *f, const char *text, size_t n)
{
	while (n) {
		const char *nl = memchr(text, '\n', n);
		size_t part = nl ? (size_t)(nl - text) : n;
		size_t room = FOLD_LINE - f->n;

		memcpy(f->line + f->n, text, part < room ? part : room);
		f->n += part < room ? part : room;
		if (!nl)
			return;
		take_line(f);
		f->n = 0;
		text += part + 1;
		n -= part + 1;
	}
}

void fold_border(struct fold *f)
{
	f->ended = f->nframes != 0;
}

void fold_end(struct fold *f)
{
	if (f->n)
		take_line(f);
	f->n = 0;
	if (f->nframes)
		emit(f, 1);
	f->root_n = 0;
}
