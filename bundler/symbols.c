/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbols.c - a file of symbols, as stapc writes it beside the plan, into the
 * streams of numbers and names that a SYMBOLS section has.
 *
 * In: lines of text (docs/plan.md). Out: the tables; what they say of each
 * other is checked when the bundle is read back.
 */
#include "bundler/bundle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct writer {
	struct arena *mem;
	const char *file;
	unsigned line;
	struct symbols *out;
	uint64_t symbol_at, line_at;	/* addresses of those before */
	uint64_t nfiles, last_file;
	int64_t last_line;
};

static void put_number(struct text *t, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		text_putc(t, (char)(n | 0x80));
	text_putc(t, (char)n);
}

/* Bit 0 is the sign. */
static void put_difference(struct text *t, int64_t n)
{
	put_number(t, (uint64_t)n << 1 ^ (uint64_t)(n >> 63));
}

static bool bad(const struct writer *w)
{
	return wrong(w->file, w->line, "makes no sense");
}

/* A number in front of a blank or the end; what is behind the blank. */
static const char *number(const char *p, int base, uint64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoull(p, &end, base);
	if (errno || end == p || (*end && *end != ' '))
		return NULL;
	return *end ? end + 1 : end;
}

static bool take_range(struct writer *w, const char *p)
{
	struct stb_sym_range r = { 0 };
	const char *name;

	p = number(p, 16, &r.addr);
	name = p ? number(p, 16, &r.size) : NULL;
	if (!name || !*name)
		return bad(w);
	if (!w->out->ranges.n)
		w->symbol_at = w->line_at = r.addr;
	vec_push(w->mem, &w->out->ranges, r);
	vec_push(w->mem, &w->out->sections, name);
	return true;
}

static bool take_symbol(struct writer *w, const char *p)
{
	const char *name;
	uint64_t addr;

	name = number(p, 16, &addr);
	if (!name || !*name || addr < w->symbol_at)
		return bad(w);
	put_number(&w->out->addrs, addr - w->symbol_at);
	text_add(&w->out->names, name, strlen(name) + 1);
	w->symbol_at = addr;
	return true;
}

static bool take_file(struct writer *w, const char *p)
{
	text_add(&w->out->files, p, strlen(p) + 1);
	w->nfiles++;
	return true;
}

static bool take_line(struct writer *w, const char *p)
{
	uint64_t addr, file, line, by;

	p = number(p, 16, &addr);
	p = p ? number(p, 10, &file) : NULL;
	p = p ? number(p, 10, &line) : NULL;
	if (!p || addr < w->line_at || file >= w->nfiles || line > INT32_MAX)
		return bad(w);
	by = addr - w->line_at;
	put_number(&w->out->lines, by << 1 | (file != w->last_file));
	if (file != w->last_file)
		put_number(&w->out->lines, file);
	put_difference(&w->out->lines, (int64_t)line - w->last_line);
	w->line_at = addr;
	w->last_file = file;
	w->last_line = (int64_t)line;
	return true;
}

/* --- of programs ------------------------------------------------------------ */

static bool take_load(struct writer *w, const char *p)
{
	struct stb_sym_load load;

	p = number(p, 16, &load.addr);
	p = p ? number(p, 16, &load.size) : NULL;
	p = p ? number(p, 16, &load.offset) : NULL;
	if (!p || !number(p, 16, &load.id))
		return bad(w);
	vec_push(w->mem, &w->out->loads, load);
	return true;
}

/* A signed number in front of a blank or the end. */
static const char *signed_number(const char *p, int64_t most, int64_t *n)
{
	uint64_t u;
	bool minus = *p == '-';

	p = number(p + minus, 10, &u);
	if (!p || u > (uint64_t)most)
		return NULL;
	*n = minus ? -(int64_t)u : (int64_t)u;
	return p;
}

static bool take_rule(struct writer *w, const char *p)
{
	static const int64_t most[] = { UINT8_MAX, UINT8_MAX, INT32_MAX,
		UINT8_MAX, UINT8_MAX, INT32_MAX, INT16_MAX, INT16_MAX,
		INT16_MAX, INT16_MAX, INT16_MAX, INT16_MAX, INT32_MAX };
	struct stb_unwind_rule r = { 0 };
	int64_t n[COUNT_OF(most)] = { 0 };
	size_t i;

	for (i = 0; p && i < COUNT_OF(most); i++)
		p = signed_number(p, most[i], &n[i]);
	if (!p)
		return bad(w);
	r.cfa = (uint8_t)n[0];
	r.reg = (uint8_t)n[1];
	r.off = (int32_t)n[2];
	r.base = (uint8_t)n[3];
	r.flags = (uint8_t)n[4];
	r.ra = (int32_t)n[5];
	for (i = 0; i < STB_UNWIND_SAVED; i++)
		r.saved[i] = (int16_t)n[6 + i];
	r.more = (int32_t)n[6 + STB_UNWIND_SAVED];
	vec_push(w->mem, &w->out->rules, r);
	return true;
}

static bool take_unwind(struct writer *w, const char *p)
{
	struct stb_unwind_row row;
	uint64_t addr, rule, base = w->out->loads.n ?
				    w->out->loads.v[0].addr : 0;

	p = number(p, 16, &addr);
	p = p ? number(p, 10, &rule) : NULL;
	if (!p || addr < base || addr - base > UINT32_MAX ||
	    rule >= w->out->rules.n)
		return bad(w);
	row.addr = (uint32_t)(addr - base);
	row.rule = (uint32_t)rule;
	vec_push(w->mem, &w->out->unwind, row);
	return true;
}

static bool take(struct writer *w, const char *p)
{
	if (!*p || p[1] != ' ')
		return bad(w);
	switch (*p) {
	case 'p':
		return take_load(w, p + 2);
	case 'k':
		return take_rule(w, p + 2);
	case 'u':
		return take_unwind(w, p + 2);
	case 'r':
		return take_range(w, p + 2);
	case 's':
		return w->out->ranges.n ? take_symbol(w, p + 2) : bad(w);
	case 'f':
		return take_file(w, p + 2);
	case 'l':
		return w->out->ranges.n ? take_line(w, p + 2) : bad(w);
	default:
		return bad(w);
	}
}

bool symbols_read(struct arena *mem, const char *file, struct symbols *out)
{
	struct writer w = { .mem = mem, .file = file, .out = out };
	char *text = read_file(mem, file, NULL), *next;

	*out = (struct symbols){ .addrs.mem = mem, .names.mem = mem,
				 .files.mem = mem, .lines.mem = mem };
	if (!text)
		return wrong(file, 0, "%s", strerror(errno));
	for (; *text; text = next) {
		next = text + strcspn(text, "\n");
		if (*next)
			*next++ = 0;
		w.line++;
		if (w.line == 1 ? strcmp(text, "stb-symbols 1") :
				  !take(&w, text))
			return w.line > 1 ? false :
			       wrong(file, 1, "not a file of symbols");
	}
	return true;
}
