/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read_sym.c - the reader's part for sections of symbols: steps over their
 * streams of numbers, and the check of a whole one. Like read.c it trusts no
 * byte, allocates nothing and writes nowhere else.
 */
#include "bundler/stb.h"
#include "runtime/abi.h"

#include <string.h>

/* An unsigned LEB128 of at most 64 bits. */
static bool number(struct stb_sym_walk *w, uint64_t *n)
{
	unsigned shift;

	*n = 0;
	for (shift = 0; w->p < w->end && shift < 64; shift += 7) {
		uint8_t byte = *w->p++;

		if (shift == 63 && byte > 1)
			break;
		*n |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	w->bad = true;
	return false;
}

/* A number of which bit 0 is the sign, so that small ones are short. */
static bool difference(struct stb_sym_walk *w, int64_t *n)
{
	uint64_t u;

	if (!number(w, &u))
		return false;
	*n = (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
	return true;
}

static bool forward(struct stb_sym_walk *w, uint64_t by)
{
	w->bad |= w->addr + by < w->addr || (w->started && !by);
	w->started = true;
	w->addr += by;
	return !w->bad;
}

bool stb_next_symbol(struct stb_sym_walk *w)
{
	const char *end;
	uint64_t by;

	if (w->p >= w->end || w->bad)
		return false;
	if (w->started)
		w->name += strlen(w->name) + 1;
	end = w->name < w->names_end ?
	      memchr(w->name, 0, (size_t)(w->names_end - w->name)) : NULL;
	w->bad |= !end;
	return end && number(w, &by) && forward(w, by);
}

bool stb_next_line(struct stb_sym_walk *w)
{
	uint64_t by, file = w->file;
	int64_t line;

	if (w->p >= w->end || w->bad || !number(w, &by))
		return false;
	if ((by & 1 && !number(w, &file)) || !difference(w, &line))
		return false;
	w->line = (int64_t)((uint64_t)w->line + (uint64_t)line);
	w->file = (uint32_t)file;
	w->bad |= file > INT32_MAX || w->line < 0 || w->line > INT32_MAX;
	return forward(w, by >> 1);
}

/* --- a whole section --------------------------------------------------------- */

struct sym_rows {
	const void *base;
	uint32_t n, stride;
};

static struct sym_rows rows_of(const struct stb_set *s, uint32_t kind,
			       size_t size)
{
	struct sym_rows t;

	t.base = stb_table(s, kind, size, &t.n, &t.stride);
	return t;
}

static const struct stb_sym_range *range_at(const struct sym_rows *t,
					    uint32_t i)
{
	return STB_ROW(struct stb_sym_range, t->base, t->stride, i);
}

/* The end of the last; 0: they make no sense. */
static uint64_t check_ranges(const struct stb_set *s, const struct sym_rows *t)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		const struct stb_sym_range *r = range_at(t, i);

		if ((i && r->addr < end) || !r->size ||
		    r->addr + r->size < r->addr ||
		    r->section >= s->strings_size)
			return 0;
		end = r->addr + r->size;
	}
	return end;
}

static uint32_t count_strings(const struct sym_rows *t)
{
	const char *p = t->base;
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n; i++)
		n += !p[i];
	return n;
}

static bool symbols_ok(const struct stb_set *s, uint64_t first, uint64_t end)
{
	struct sym_rows addrs = rows_of(s, STB_T_SYM_ADDRS, 1);
	struct sym_rows names = rows_of(s, STB_T_SYM_NAMES, 1);
	struct stb_sym_walk w = { .addr = first };
	uint32_t n = 0;

	if (!addrs.n || !names.n)
		return addrs.n == names.n;
	w.p = addrs.base;
	w.end = w.p + addrs.n;
	w.name = names.base;
	w.names_end = w.name + names.n;

	while (stb_next_symbol(&w)) {
		n++;
		if (w.addr >= end)
			return false;
	}
	return !w.bad && n == count_strings(&names);
}

static bool lines_ok(const struct stb_set *s, uint64_t first, uint64_t end)
{
	struct sym_rows lines = rows_of(s, STB_T_SYM_LINES, 1);
	struct sym_rows files = rows_of(s, STB_T_SYM_FILES, 1);
	struct stb_sym_walk w = { .addr = first };
	uint32_t n = count_strings(&files);

	if (lines.n) {
		w.p = lines.base;
		w.end = w.p + lines.n;
	}

	while (stb_next_line(&w))
		if (w.file >= n || w.addr > end)
			return false;
	return !w.bad && (!files.n || !((const char *)files.base)[files.n - 1]);
}

/* What handlers follow in the kernel: nothing but its bounds can make it wrong. */
static bool unwind_ok(const struct stb_set *s)
{
	struct sym_rows rules = rows_of(s, STB_T_SYM_RULES,
					sizeof(struct stb_unwind_rule));
	struct sym_rows rows = rows_of(s, STB_T_SYM_UNWIND,
				       sizeof(struct stb_unwind_row));
	struct sym_rows loads = rows_of(s, STB_T_SYM_LOADS,
					sizeof(struct stb_sym_load));
	uint32_t last = 0;

	for (uint32_t i = 0; i < rows.n; i++) {
		const struct stb_unwind_row *r =
			STB_ROW(struct stb_unwind_row, rows.base, rows.stride,
				i);

		if (r->rule >= rules.n || (i && r->addr <= last))
			return false;
		last = r->addr;
	}
	for (uint32_t i = 0; i < loads.n; i++) {
		const struct stb_sym_load *l =
			STB_ROW(struct stb_sym_load, loads.base, loads.stride,
				i);
		const struct stb_sym_load *first =
			STB_ROW(struct stb_sym_load, loads.base, loads.stride,
				0);

		if (l->addr < first->addr || l->addr + l->size < l->addr ||
		    (l->addr + l->size) >> STB_PLACE_ADDR)
			return false;
	}
	return true;
}

bool stb_validate_symbols(struct stb_reader *r, const struct stb_set *s,
			  uint32_t section)
{
	struct sym_rows t = rows_of(s, STB_T_SYM_RANGES,
				    sizeof(struct stb_sym_range));
	uint64_t end = check_ranges(s, &t), first;

	if (r->error)
		return false;
	first = end ? range_at(&t, 0)->addr : 0;
	if (end && symbols_ok(s, first, end) && lines_ok(s, first, end) &&
	    unwind_ok(s))
		return true;
	r->error = STB_E_VALUE;
	r->error_in = "symbols of section";
	r->error_at = section;
	return false;
}
