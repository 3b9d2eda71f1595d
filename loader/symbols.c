/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbols.c - addresses to names, as SystemTap prints them. The streams of a
 * section are walked once, and every so many steps a mark is kept; a look-up
 * goes to the mark in front of the address and walks from there. Of what is in
 * no table (modules that are not packed, code made at run time) the running
 * kernel knows the name.
 */
#include "loader/symbols.h"
#include "loader/processes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARK_EVERY = 64 };

struct marks {
	struct stb_sym_walk *v;	/* behind 1, 1 + MARK_EVERY, ... steps */
	size_t n;
};

struct symbols {
	const char *name;
	uint64_t slide;
	const struct stb_build_id *id;	/* a module's; else NULL */
	uint32_t number;	/* a program's, as handlers know it; else 0 */
	struct stb_sym_walk start;
	struct rows ranges;
	struct marks symbols, lines;
	const char **files;
	struct symbols *next;
};

/* All that is known of an address. */
struct place {
	const char *name, *module, *file;
	uint64_t offset, size;
	unsigned line;		/* 0: not known */
};

typedef bool step(struct stb_sym_walk *w);

static void mark(struct marks *m, struct stb_sym_walk w, step *next)
{
	size_t i, n = 0;
	struct stb_sym_walk count = w;

	while (next(&count))
		n++;
	m->v = array(n / MARK_EVERY + 1, sizeof(*m->v));
	for (i = 0; i < n && next(&w); i++)
		if (i % MARK_EVERY == 0)
			m->v[m->n++] = w;
}

/* The last step at or before addr, and where the next one is; false: none. */
static bool find(const struct marks *m, uint64_t addr, step *next,
		 struct stb_sym_walk *at, uint64_t *end)
{
	size_t lo = 0, hi = m->n, mid;
	struct stb_sym_walk w;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (m->v[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return false;
	for (w = *at = m->v[lo - 1]; next(&w) && w.addr <= addr;)
		*at = w;
	*end = w.addr > addr ? w.addr : UINT64_MAX;
	return true;
}

static struct stb_sym_walk start(const struct stb_set *t, uint32_t kind,
				 uint64_t addr)
{
	struct rows bytes = rows_of(t, kind, 1);
	struct rows names = rows_of(t, STB_T_SYM_NAMES, 1);
	struct stb_sym_walk w = { .addr = addr };

	if (!bytes.n)
		return w;
	w.p = bytes.base;
	w.end = w.p + bytes.n;
	if (names.n) {
		w.name = (const char *)names.base;
		w.names_end = w.name + names.n;
	}
	return w;
}

static void list_files(struct symbols *s, const struct stb_set *t)
{
	struct rows bytes = rows_of(t, STB_T_SYM_FILES, 1);
	const char *p = (const char *)bytes.base;
	size_t n = 0;

	for (uint32_t i = 0; i < bytes.n; i++)
		n += !p[i];
	s->files = array(n + 1, sizeof(*s->files));
	for (size_t i = 0; i < n; i++, p += strlen(p) + 1)
		s->files[i] = p;
}

void symbols_add(struct symbols **list, const char *name,
		 const struct stb_build_id *module,
		 const struct stb_set *tables, uint64_t slide, uint32_t number)
{
	struct symbols *s = zalloc(sizeof(*s));
	uint64_t first;

	s->name = name;
	s->slide = slide;
	s->ranges = rows_of(tables, STB_T_SYM_RANGES,
			    sizeof(struct stb_sym_range));
	first = ROW(struct stb_sym_range, s->ranges, 0)->addr;
	s->id = module;
	s->number = number;
	s->start = start(tables, STB_T_SYM_ADDRS, first);
	mark(&s->symbols, s->start, stb_next_symbol);
	mark(&s->lines, start(tables, STB_T_SYM_LINES, first), stb_next_line);
	list_files(s, tables);
	s->next = *list;
	*list = s;
}

static const struct stb_sym_range *range_of(const struct symbols *s,
					    uint64_t addr)
{
	for (uint32_t i = 0; i < s->ranges.n; i++) {
		const struct stb_sym_range *r =
			ROW(struct stb_sym_range, s->ranges, i);

		if (addr - r->addr < r->size)
			return r;
	}
	return NULL;
}

static void look_for_line(const struct symbols *s,
			  const struct stb_sym_range *r, uint64_t addr,
			  struct place *p)
{
	struct stb_sym_walk w;
	uint64_t end;

	if (find(&s->lines, addr, stb_next_line, &w, &end) &&
	    w.addr >= r->addr && w.line) {
		p->line = (unsigned)w.line;
		p->file = s->files[w.file];
	}
}

static void look_in(const struct symbols *s, const struct stb_sym_range *r,
		    uint64_t addr, struct place *p)
{
	struct stb_sym_walk w;
	uint64_t end;

	p->module = s->name;
	if (find(&s->symbols, addr, stb_next_symbol, &w, &end) &&
	    w.addr >= r->addr) {
		if (end > r->addr + r->size)
			end = r->addr + r->size;
		p->name = w.name;
		p->offset = addr - w.addr;
		p->size = end - w.addr;
	}
	look_for_line(s, r, addr, p);
}

/* Is that build of the module loaded? */
static bool is_loaded(const struct symbols *s)
{
	char path[128];
	uint8_t notes[512];
	long n;

	snprintf(path, sizeof(path), "/sys/module/%s/notes/.note.gnu.build-id",
		 s->name);
	n = read_small(path, notes, sizeof(notes));
	return n > 0 && s->id->len && memmem(notes, (size_t)n, s->id->bytes,
					     s->id->len);
}

/* The kernel has said what it is; its table has the symbol's place, too, and so
   the line, wherever the module was loaded. */
static void line_in_module(const struct symbols *s, struct place *p)
{
	struct stb_sym_walk w;
	const struct stb_sym_range *r;

	for (; s; s = s->next) {
		if (!s->id || strcmp(s->name, p->module) || !is_loaded(s))
			continue;
		for (w = s->start; stb_next_symbol(&w);)
			if (!strcmp(w.name, p->name))
				break;
		if (!w.started)
			return;		/* it has none */
		r = range_of(s, w.addr + p->offset);
		if (!w.bad && w.p <= w.end && r &&
		    !strcmp(w.name, p->name))
			look_for_line(s, r, w.addr + p->offset, p);
		return;
	}
}

/* "name+0x12/0x34 [module]", taken apart in place. Without a module it is the
   kernel's own, or else what was made at run time. */
static void take_apart(char *text, const char *own, struct place *p)
{
	char *plus = strrchr(text, '+'), *bracket = strstr(text, " [");
	char *slash;

	if (!plus)
		return;
	p->name = text;
	p->module = own;
	*plus = 0;
	p->offset = strtoull(plus + 1, &slash, 16);
	if (*slash == '/')
		p->size = strtoull(slash + 1, NULL, 16);
	if (!bracket)
		return;
	p->module = bracket + 2;
	bracket[2 + strcspn(bracket + 2, "]")] = 0;
}

static struct place look_up(const struct namer *n, uint64_t addr)
{
	const struct stb_sym_range *r;
	const struct symbols *s = n->data;
	struct place p = { 0 };
	bool has_table = false;
	char *text = NULL;

	for (; s && !p.module; s = s->next) {
		has_table |= !s->id && !s->number;
		r = s->id || s->number ? NULL : range_of(s, addr - s->slide);
		if (r)
			look_in(s, r, addr - s->slide, &p);
	}
	if (!p.module && addr >> 63 && n->kernel)
		text = kernel_name(n->kernel, addr);
	if (text)	/* with its table, the kernel's own were found there */
		take_apart(text, has_table ? NULL : "kernel", &p);
	if (text && p.name && p.module)
		line_in_module(n->data, &p);
	return p;
}

/* --- of processes ---------------------------------------------------------------- */

static const struct symbols *program(const struct symbols *s, uint64_t number)
{
	while (s && s->number != number)
		s = s->next;
	return s;
}

/* In no table: what the process has there, if it is still there. */
static void look_in_process(struct stb_user_addr at, struct place *p)
{
	struct process_mapping m;

	if (!processes_mapping((uint32_t)at.place, at.addr, &m))
		return;
	p->module = m.name;
	p->offset = at.addr - m.start;
	p->size = m.size;
}

/* Of an address behind a call, what the call is in. */
static struct place look_up_user(const struct namer *n, struct stb_user_addr at)
{
	const uint64_t mask = (1ull << STB_PLACE_ADDR) - 1;
	uint64_t number = at.place >> STB_PLACE_ADDR & STB_PLACE_PID, addr;
	bool call = at.place & STB_PLACE_CALL;
	const struct stb_sym_range *r;
	const struct symbols *s;
	struct place p = { 0 };

	if (!number || number == STB_PLACE_PID) {
		addr = processes_place(n->builds ? *n->builds : -1,
				       (uint32_t)at.place, at.addr);
		if (!addr && number)
			look_in_process(at, &p);
		at.place = addr;
		number = addr >> STB_PLACE_ADDR;
	}
	s = number ? program(n->data, number) : NULL;
	if (!s)
		return p;
	addr = (at.place & mask) - call;
	p.module = s->name;
	r = range_of(s, addr);
	if (r)
		look_in(s, r, addr, &p);
	p.offset += p.name ? call : 0;
	return p;
}

/* --- text ------------------------------------------------------------------------ */

static void put_hex(struct sink *to, uint64_t n)
{
	char text[24];

	sink_put(to, text, (size_t)snprintf(text, sizeof(text), "0x%llx",
					    (unsigned long long)n));
}

static void put_line(struct sink *to, const struct place *p)
{
	char text[16];

	sink_puts(to, p->file);
	sink_put(to, text, (size_t)snprintf(text, sizeof(text), ":%u",
					    p->line));
}

static void put_offset(struct sink *to, const struct place *p, bool size)
{
	sink_puts(to, "+");
	put_hex(to, p->offset);
	if (!size)
		return;
	sink_puts(to, "/");
	put_hex(to, p->size);
}

/* "vfs_read+0x12/0x190 [kernel]", or as much as is known and wanted. */
static void put_place(struct sink *to, const struct place *p, uint64_t addr,
		      bool size, bool line)
{
	if (p->name) {
		sink_puts(to, p->name);
		put_offset(to, p, size);
	} else {
		put_hex(to, addr);
	}
	if (line && p->line) {
		sink_puts(to, " at ");
		put_line(to, p);
	}
	if (p->module) {
		sink_puts(to, " [");
		sink_puts(to, p->module);
		if (!p->name && p->size)	/* a mapping of a process */
			put_offset(to, p, size);
		sink_puts(to, "]");
	}
}

static void put_frame(struct sink *to, const struct place *p, uint64_t addr,
		      bool line)
{
	sink_puts(to, " ");
	if (p->name) {
		put_hex(to, addr);
		sink_puts(to, " : ");
	}
	put_place(to, p, addr, true, line);
	sink_puts(to, "\n");
}

static void put_number(struct sink *to, unsigned n)
{
	char text[16];

	sink_put(to, text, (size_t)snprintf(text, sizeof(text), "%u", n));
}

static bool put_found(struct sink *to, struct place p, uint64_t addr,
		      enum stb_sym_style style)
{
	const char *slash = p.module ? strrchr(p.module, '/') : NULL;

	switch (style) {
	case STB_SYM_BRIEF:
		p.module = NULL;
		put_place(to, &p, addr, false, false);
		sink_puts(to, "\n");
		return true;
	case STB_SYM_DATA:
	case STB_SYM_SIMPLE:
		if (slash && style == STB_SYM_SIMPLE)
			p.module = slash + 1;
		put_place(to, &p, addr, style == STB_SYM_DATA, false);
		if (style == STB_SYM_SIMPLE)
			sink_puts(to, "\n");
		return true;
	case STB_SYM_FULL:
	case STB_SYM_FULLER:
		put_frame(to, &p, addr, style == STB_SYM_FULLER);
		return true;
	case STB_SYM_NAME:
		if (p.name)
			sink_puts(to, p.name);
		break;
	case STB_SYM_MODULE:
		if (p.module)
			sink_puts(to, p.module);
		return p.module != NULL;
	case STB_SYM_FILE:
		if (p.line)
			sink_puts(to, p.file);
		break;
	case STB_SYM_LINE:
		if (p.line)
			put_number(to, p.line);
		break;
	case STB_SYM_FILELINE:
		if (p.line)
			put_line(to, &p);
		break;
	case STB_SYM_HEX:
		put_hex(to, addr);
		sink_puts(to, " ");
		return true;
	}
	if (style == STB_SYM_NAME ? !p.name : !p.line)
		put_hex(to, addr);
	return true;
}

static bool put(const struct namer *n, struct sink *to, uint64_t addr,
		enum stb_sym_style style)
{
	return put_found(to, look_up(n, addr), addr, style);
}

static bool put_user(const struct namer *n, struct sink *to,
		     struct stb_user_addr at, enum stb_sym_style style)
{
	return put_found(to, look_up_user(n, at), at.addr, style);
}

struct namer symbols_namer(const struct symbols *s,
			   struct kernel_names *kernel)
{
	return (struct namer){ .put = put, .put_user = put_user, .data = s,
			       .kernel = kernel };
}
