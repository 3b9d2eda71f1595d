/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symtab.c - the names of a binary's addresses, for the loader that prints
 * stacks: in, symbol table and line tables; out, a file of symbols as
 * docs/plan.md has it, for the bundler.
 *
 * Of several names of one address the kernel's own choice is taken, which
 * scripts/kallsyms.c makes: what the loader prints and what the kernel would.
 */
#include "facts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct range {
	const char *name;
	uint64_t addr, end;
};

struct named {
	struct symbol s;
	size_t order;		/* in the symbol table */
};

struct line {
	uint64_t addr;
	uint32_t file, line;
	uint32_t order;		/* rows of one address: the last one holds */
};

struct symtab {
	struct arena *mem;
	bool is_module;
	VEC(struct range) ranges;
	VEC(struct named) symbols;
	VEC(struct line) lines;
	struct dict files;		/* name -> number + 1 */
	VEC(const char *) names;	/* of files */
	const char *last;		/* the file of the row before */
	uint32_t last_number;
};

static bool in_range(const struct symtab *s, uint64_t addr)
{
	size_t i;

	for (i = 0; i < s->ranges.n; i++)
		if (addr >= s->ranges.v[i].addr && addr < s->ranges.v[i].end)
			return true;
	return false;
}

/* --- symbols --------------------------------------------------------------------- */

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* Names that the kernel's build makes for itself and leaves out of kallsyms. */
static bool is_left_out(const char *name)
{
	static const char *const begins[] = {
		"__cfi_", ".L", "$", "__kstrtab_", "__kstrtabns_",
		"__crc_", "__ksymtab_",
	};
	size_t i;

	for (i = 0; i < COUNT_OF(begins); i++)
		if (starts(name, begins[i]))
			return true;
	return false;
}

static void take_symbol(void *arg, const struct symbol *sym)
{
	struct symtab *s = arg;

	if (sym->section && in_range(s, sym->addr) && !is_left_out(sym->name))
		vec_push(s->mem, &s->symbols, ((struct named) { *sym,
			 s->symbols.n }));
}

static bool from_linker(const char *name)
{
	return starts(name, "__start_") || starts(name, "__stop_") ||
	       starts(name, "__end_") || starts(name, "__cpu_");
}

static size_t underscores(const char *name)
{
	return strspn(name, "_");
}

static int better_name(const struct symbol *x, const struct symbol *y)
{
	size_t u = underscores(x->name), v = underscores(y->name);

	if (x->is_weak != y->is_weak)
		return x->is_weak ? 1 : -1;
	if (from_linker(x->name) != from_linker(y->name))
		return from_linker(x->name) ? 1 : -1;
	if (u != v)
		return u < v ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->addr != y->addr ? (x->addr < y->addr ? -1 : 1) :
	       better_name(x, y);
}

/* In modules the kernel takes the first of the table. */
static int by_address_and_order(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	return x->s.addr != y->s.addr ? (x->s.addr < y->s.addr ? -1 : 1) :
	       x->order < y->order ? -1 : x->order > y->order;
}

static void put_symbols(struct symtab *s, struct text *out)
{
	size_t i;

	if (s->symbols.n)
		qsort(s->symbols.v, s->symbols.n, sizeof(*s->symbols.v),
		      s->is_module ? by_address_and_order : by_address);
	for (i = 0; i < s->symbols.n; i++) {
		const struct named *n = &s->symbols.v[i];

		if (!i || n[-1].s.addr != n->s.addr)
			text_printf(out, "s %" PRIx64 " %s\n", n->s.addr,
				    n->s.name);
	}
}

/* --- lines ----------------------------------------------------------------------- */

/* The kernel's DWARF has files as the compiler saw them: from the top of the
   kernel's tree, or with the folder where it was built. */
static uint32_t file_number(struct symtab *s, const char *file)
{
	uintptr_t number;

	if (s->last && !strcmp(s->last, file))
		return s->last_number;
	number = (uintptr_t)dict_get(&s->files, file);
	if (!number) {
		/* libdw's strings go away with its handle */
		file = arena_strdup(s->mem, file);
		vec_push(s->mem, &s->names, file);
		number = s->names.n;
		*dict_at(&s->files, file) = (void *)number;
	}
	s->last_number = (uint32_t)number - 1;
	s->last = s->names.v[s->last_number];
	return s->last_number;
}

static void take_line(void *arg, uint64_t addr, const char *file, unsigned line)
{
	struct symtab *s = arg;
	struct line row = { .addr = addr, .line = line,
			    .order = (uint32_t)s->lines.n };

	if (!in_range(s, addr))
		return;
	if (line)
		row.file = file_number(s, file);
	vec_push(s->mem, &s->lines, row);
}

/* The end of a sequence is where another may begin, which holds then. */
static int by_line_address(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (!x->line != !y->line)
		return x->line ? 1 : -1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void put_lines(struct symtab *s, struct text *out)
{
	const struct line *last = NULL;
	size_t i;

	if (s->lines.n)
		qsort(s->lines.v, s->lines.n, sizeof(*s->lines.v),
		      by_line_address);
	for (i = 0; i < s->names.n; i++)
		text_printf(out, "f %s\n", s->names.v[i]);
	for (i = 0; i < s->lines.n; i++) {
		const struct line *row = &s->lines.v[i];

		if ((i + 1 < s->lines.n && row[1].addr == row->addr) ||
		    (last ? last->line == row->line &&
		     (last->file == row->file || !row->line) : !row->line))
			continue;
		text_printf(out, "l %" PRIx64 " %u %u\n", row->addr,
			    row->line ? row->file : last ? last->file : 0,
			    row->line);
		last = row;
	}
}

/* --- ranges ---------------------------------------------------------------------- */

static void add_range(struct symtab *s, const char *name, uint64_t addr,
		      uint64_t end)
{
	if (addr && addr < end)
		vec_push(s->mem, &s->ranges, ((struct range) { name, addr,
			 end }));
}

/* What stays when the kernel has started. */
static void kernel_ranges(struct target *t, struct binary *b, struct symtab *s)
{
	uint64_t etext = target_symbol(t, b, "_etext");
	uint64_t init = target_symbol(t, b, "__init_begin");
	uint64_t init_end = target_symbol(t, b, "__init_end");
	uint64_t end = target_symbol(t, b, "_end");

	add_range(s, ".text", target_symbol(t, b, "_stext"), etext);
	add_range(s, ".data", etext, init ? init : end);
	add_range(s, ".bss", init_end, end);
}

/* Code that stays when the module has started. */
static void module_ranges(const struct object *o, struct symtab *s)
{
	uint64_t from, to;
	const char *name;
	size_t i;

	for (i = 1; i < object_sections(o); i++) {
		if (!object_code_section(o, i, &from, &to))
			continue;
		name = object_section_at(o, from);
		if (!starts(name, ".init"))
			add_range(s, name, from, to);
	}
}

static bool read_tables(struct target *t, struct binary *b, bool lines,
			struct symtab *s)
{
	struct facts *f = b->impl;
	const struct object *o = f->same_file || !f->debug.has_dwarf ?
				 &f->main : &f->debug;

	if (s->is_module)
		module_ranges(o, s);
	else
		kernel_ranges(t, b, s);
	if (!s->ranges.n)
		return false;
	object_symbols(o, take_symbol, s);
	return !lines || dwarf_lines(f, take_line, s);
}

bool target_symbol_file(struct target *t, struct binary *b, bool lines,
			struct text *out)
{
	struct facts *f = b->impl;
	struct symtab s = { .mem = target_mem(t), .files.mem = target_mem(t),
			    .is_module = b->kind == BIN_MODULE };
	bool ok;
	size_t i;

	if ((!f->ix && !s.is_module) || b->kind == BIN_PROGRAM ||
	    !target_reopen(b))
		return false;
	ok = read_tables(t, b, lines && b->has_dwarf, &s);
	if (ok) {
		text_puts(out, "stb-symbols 1\n");
		for (i = 0; i < s.ranges.n; i++)
			text_printf(out, "r %" PRIx64 " %" PRIx64 " %s\n",
				    s.ranges.v[i].addr, s.ranges.v[i].end -
				    s.ranges.v[i].addr, s.ranges.v[i].name);
		put_symbols(&s, out);
		put_lines(&s, out);
	}
	if (s.is_module)
		target_close(b);
	return ok;
}
