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
#include "runtime/abi.h"

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

struct rule {			/* how frames are left, from an address on */
	uint64_t addr;
	uint32_t number;
};

struct symtab {
	struct arena *mem;
	bool is_module, is_program;
	VEC(struct stb_unwind_rule) rules;
	VEC(struct rule) unwind;
	struct dict rule_numbers;	/* text of a rule -> number + 1 */
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

/* In programs what others can call comes first, and of such names the plainest. */
static int plainer_name(const struct symbol *x, const struct symbol *y)
{
	bool p = x->is_global || x->is_weak, q = y->is_global || y->is_weak;
	size_t u = underscores(x->name), v = underscores(y->name);

	if (p != q)
		return p ? -1 : 1;
	if (u != v)
		return u < v ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int by_plain_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->addr != y->addr ? (x->addr < y->addr ? -1 : 1) :
	       plainer_name(x, y);
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
		      s->is_module ? by_address_and_order :
		      s->is_program ? by_plain_address : by_address);
	for (i = 0; i < s->symbols.n; i++) {
		const struct named *n = &s->symbols.v[i];

		/* a program's may have a version: "puts@@GLIBC_2.2.5" */
		if (!i || n[-1].s.addr != n->s.addr)
			text_printf(out, "s %" PRIx64 " %.*s\n", n->s.addr,
				    s->is_program && *n->s.name != '@' ?
				    (int)strcspn(n->s.name, "@") :
				    (int)strlen(n->s.name), n->s.name);
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

static int by_range(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* Code and data of a program: the sections that are loaded. */
static void program_ranges(const struct object *o, struct symtab *s)
{
	uint64_t from, to;
	const char *name;
	size_t i, n = 0;

	for (i = 1; i < object_sections(o); i++)
		if (object_loaded_section(o, i, &from, &to, &name))
			add_range(s, name, from, to);
	if (s->ranges.n)
		qsort(s->ranges.v, s->ranges.n, sizeof(*s->ranges.v), by_range);
	for (i = 0; i < s->ranges.n; i++)
		if (!n || s->ranges.v[i].addr >= s->ranges.v[n - 1].end)
			s->ranges.v[n++] = s->ranges.v[i];
	s->ranges.n = n;
}

/* --- how frames are left ------------------------------------------------------------- */

static uint32_t rule_number(struct symtab *s, const struct stb_unwind_rule *r)
{
	const char *name = arena_printf(s->mem, "%u %u %d %u %u %d %d %d %d %d "
			"%d %d %d", r->cfa, r->reg, r->off, r->base, r->flags,
			r->ra, r->saved[0], r->saved[1], r->saved[2],
			r->saved[3], r->saved[4], r->saved[5], r->more);
	uintptr_t number = (uintptr_t)dict_get(&s->rule_numbers, name);

	if (!number) {
		vec_push(s->mem, &s->rules, *r);
		number = s->rules.n;
		*dict_at(&s->rule_numbers, name) = (void *)number;
	}
	return (uint32_t)number - 1;
}

static void take_rule(void *arg, uint64_t addr, const struct stb_unwind_rule *r)
{
	struct symtab *s = arg;
	struct rule row = { addr, rule_number(s, r) };

	if (s->unwind.n && s->unwind.v[s->unwind.n - 1].addr == addr)
		s->unwind.n--;
	if (!s->unwind.n || s->unwind.v[s->unwind.n - 1].number != row.number)
		vec_push(s->mem, &s->unwind, row);
}

static void put_unwind(struct symtab *s, struct text *out)
{
	size_t i;

	for (i = 0; i < s->rules.n; i++) {
		const struct stb_unwind_rule *r = &s->rules.v[i];

		text_printf(out, "k %u %u %d %u %u %d %d %d %d %d %d %d %d\n",
			    r->cfa, r->reg, r->off, r->base, r->flags, r->ra,
			    r->saved[0], r->saved[1], r->saved[2], r->saved[3],
			    r->saved[4], r->saved[5], r->more);
	}
	for (i = 0; i < s->unwind.n; i++)
		text_printf(out, "u %" PRIx64 " %u\n", s->unwind.v[i].addr,
			    s->unwind.v[i].number);
}

/* What is loaded of a program, and where its build-id is then. */
static void put_loads(const struct object *o, struct text *out)
{
	struct load v[32];
	size_t i, n = object_loads(o, v, COUNT_OF(v));

	for (i = 0; i < n; i++)
		text_printf(out, "p %" PRIx64 " %" PRIx64 " %" PRIx64 " %"
			    PRIx64 "\n", v[i].addr, v[i].size, v[i].offset,
			    object_id_at(o));
}

/* --- a binary ------------------------------------------------------------------------ */

static bool read_tables(struct target *t, struct binary *b, unsigned what,
			struct symtab *s)
{
	struct facts *f = b->impl;
	const struct object *o = f->same_file || !f->debug.has_dwarf ?
				 &f->main : &f->debug;

	if (b->kind == BIN_PROGRAM)
		program_ranges(&f->main, s);
	else if (s->is_module)
		module_ranges(o, s);
	else
		kernel_ranges(t, b, s);
	if (!s->ranges.n)
		return false;
	object_symbols(o, take_symbol, s);
	if (what & SYMTAB_UNWIND)
		dwarf_unwind(f, take_rule, s);
	return !(what & SYMTAB_LINES) || !b->has_dwarf ||
		dwarf_lines(f, take_line, s);
}

bool target_symbol_file(struct target *t, struct binary *b, unsigned what,
			struct text *out)
{
	struct facts *f = b->impl;
	struct symtab s = { .mem = target_mem(t), .files.mem = target_mem(t),
			    .rule_numbers.mem = target_mem(t),
			    .is_module = b->kind == BIN_MODULE,
			    .is_program = b->kind == BIN_PROGRAM };
	bool ok;
	size_t i;

	if ((!f->ix && b->kind == BIN_KERNEL) || !target_reopen(b))
		return false;
	ok = read_tables(t, b, what, &s);
	if (ok) {
		text_puts(out, "stb-symbols 1\n");
		for (i = 0; i < s.ranges.n; i++)
			text_printf(out, "r %" PRIx64 " %" PRIx64 " %s\n",
				    s.ranges.v[i].addr, s.ranges.v[i].end -
				    s.ranges.v[i].addr, s.ranges.v[i].name);
		if (b->kind == BIN_PROGRAM)
			put_loads(&f->main, out);
		put_symbols(&s, out);
		put_lines(&s, out);
		put_unwind(&s, out);
	}
	if (s.is_module)
		target_close(b);
	return ok;
}
