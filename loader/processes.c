/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/processes.h"
#include "loader/bpf.h"
#include "loader/kmod.h"
#include "loader/loader.h"
#include "runtime/kmod/uapi.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST_LOADS = 64 };	/* ways that one offset of a file is mapped, which
				   handlers try */

/* --- tables in pages ------------------------------------------------------------ */

struct pages {
	uint8_t *p;
	size_t n, cap;
};

/* Zeroed, at the end; which page it is. */
static uint32_t new_page(struct pages *g)
{
	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 64;
		g->p = realloc(g->p, g->cap * STB_TABLE_PAGE);
		if (!g->p)
			die(EXIT_AGAIN, "out of memory");
	}
	memset(g->p + g->n * STB_TABLE_PAGE, 0, STB_TABLE_PAGE);
	return (uint32_t)g->n++;
}

/* Rows, of which none lies across two pages: their first page. */
static uint32_t put_rows(struct pages *g, struct rows t, uint32_t size)
{
	uint32_t first = (uint32_t)g->n, each = STB_TABLE_PAGE / size, page = 0;

	for (uint32_t i = 0; i < t.n; i++) {
		if (i % each == 0)
			page = new_page(g);
		memcpy(g->p + (size_t)page * STB_TABLE_PAGE + i % each * size,
		       ROW(void, t, i), size);
	}
	return first;
}

/* A string that is in one page: its offset from page `first`. */
static uint32_t put_name(struct pages *g, uint32_t first, uint32_t *at,
			 const char *s)
{
	size_t n = strnlen(s, 255);
	uint32_t where;

	if (g->n == first || *at + n >= STB_TABLE_PAGE) {
		new_page(g);
		*at = 0;
	}
	where = (uint32_t)(g->n - 1 - first) * STB_TABLE_PAGE + *at;
	memcpy(g->p + (size_t)first * STB_TABLE_PAGE + where, s, n);
	*at += (uint32_t)n + 1;
	return where;
}

static struct stb_sym_walk symbols_of(const struct stb_set *t)
{
	struct rows ranges = rows_of(t, STB_T_SYM_RANGES,
				     sizeof(struct stb_sym_range));
	struct rows addrs = rows_of(t, STB_T_SYM_ADDRS, 1);
	struct rows names = rows_of(t, STB_T_SYM_NAMES, 1);
	struct stb_sym_walk w = { 0 };

	if (!ranges.n || !addrs.n)
		return w;
	w.addr = ROW(struct stb_sym_range, ranges, 0)->addr;
	w.p = addrs.base;
	w.end = w.p + addrs.n;
	w.name = (const char *)names.base;
	w.names_end = w.name + names.n;
	return w;
}

/* Where a symbol ends that reaches to the next one at most. */
static uint64_t end_of(const struct rows *ranges, uint64_t addr, uint64_t next)
{
	for (uint32_t i = 0; i < ranges->n; i++) {
		const struct stb_sym_range *r =
			ROW(struct stb_sym_range, *ranges, i);

		if (addr - r->addr < r->size)
			return next > addr && next - r->addr < r->size ? next :
				r->addr + r->size;
	}
	return addr;
}

static uint32_t count_symbols(struct stb_sym_walk w)
{
	uint32_t n = 0;

	while (stb_next_symbol(&w))
		n++;
	return n;
}

/* Rows of symbols, then their names, of which the build's own is the first. */
static void put_symbols(struct pages *g, const struct stb_set *t,
			const char *path, struct stb_build *b)
{
	struct rows ranges = rows_of(t, STB_T_SYM_RANGES,
				     sizeof(struct stb_sym_range));
	struct stb_sym_walk w = symbols_of(t), next;
	uint32_t n = count_symbols(w), at = 0, i = 0;
	struct stb_build_symbol *v = array(n + 1, sizeof(*v));
	const char *slash = strrchr(path, '/');
	struct rows rows = { .base = (void *)v, .stride = sizeof(*v) };

	b->names = (uint32_t)g->n;
	put_name(g, b->names, &at, path);
	b->short_name = put_name(g, b->names, &at, slash ? slash + 1 : path);
	for (; stb_next_symbol(&w); i++) {
		next = w;
		v[i].addr = (uint32_t)(w.addr - b->base);
		v[i].size = (uint32_t)(end_of(&ranges, w.addr,
				stb_next_symbol(&next) ? next.addr : 0) -
				w.addr);
		v[i].name = put_name(g, b->names, &at, w.name);
	}
	rows.n = n;
	b->nsymbols = n;
	b->symbols = put_rows(g, rows, sizeof(*v));
	free(v);
}

static bool is_programs(const struct loader *l, uint32_t i)
{
	return ROW(struct stb_symbols, l->tables, i)->kind == STB_BIN_PROGRAM;
}

static struct rows loads_of(const struct stb_set *t)
{
	return rows_of(t, STB_T_SYM_LOADS, sizeof(struct stb_sym_load));
}

static void put_build(struct loader *l, struct pages *g, uint32_t i, bool names)
{
	const struct stb_set *t = &l->table_sets[i];
	struct stb_build *b = &l->user_builds[i];
	struct rows loads = loads_of(t), rows, rules;

	if (!loads.n)
		return;
	b->number = i + 1;
	b->base = ROW(struct stb_sym_load, loads, 0)->addr;
	rows = rows_of(t, STB_T_SYM_UNWIND, sizeof(struct stb_unwind_row));
	rules = rows_of(t, STB_T_SYM_RULES, sizeof(struct stb_unwind_rule));
	b->nrows = rows.n;
	b->rows = put_rows(g, rows, sizeof(struct stb_unwind_row));
	b->nrules = rules.n;
	b->rules = put_rows(g, rules, sizeof(struct stb_unwind_rule));
	if (names)
		put_symbols(g, t, stb_string(&l->meta, ROW(struct stb_symbols,
			    l->tables, i)->name), b);
}

static struct pages make_pages(struct loader *l, bool names)
{
	struct pages g = { 0 };

	l->user_builds = zalloc((l->tables.n + 1) * sizeof(*l->user_builds));
	new_page(&g);
	for (uint32_t i = 0; i < l->tables.n && i < STB_PLACE_MOST; i++)
		if (is_programs(l, i))
			put_build(l, &g, i, names);
	return g;
}

int processes_pages(struct loader *l, const char *name, bool names)
{
	struct pages g = make_pages(l, names);
	void *to;
	int fd;

	fd = bpf_map_new(BPF_MAP_TYPE_ARRAY, name, 4, STB_TABLE_PAGE,
			 (uint32_t)g.n, BPF_F_MMAPABLE);
	if (fd < 0) {
		free(g.p);
		return fd;
	}
	to = mmap(NULL, g.n * STB_TABLE_PAGE, PROT_READ | PROT_WRITE,
		  MAP_SHARED, fd, 0);
	if (to != MAP_FAILED) {
		memcpy(to, g.p, g.n * STB_TABLE_PAGE);
		munmap(to, g.n * STB_TABLE_PAGE);
	}
	free(g.p);
	return to == MAP_FAILED ? -ENOMEM : fd;
}

/* --- builds ------------------------------------------------------------------------ */

static int get_build(const struct loader *l, int fd,
		     struct stb_build_key *key, struct stb_build *b)
{
	return in_kmod(l) ? kmod_map(l, STB_KMOD_BUILDS, STB_KMOD_GET, key, b) :
		bpf_map_lookup(fd, key, b);
}

static int set_build(const struct loader *l, int fd,
		     struct stb_build_key *key, struct stb_build *b)
{
	return in_kmod(l) ? kmod_map(l, STB_KMOD_BUILDS, STB_KMOD_SET, key, b) :
		bpf_map_update(fd, key, b, BPF_ANY);
}

/* One way that a part of a file is mapped, unless it is known already. */
static int put_load(const struct loader *l, int fd,
		    const struct stb_sym_load *load, uint32_t id_size)
{
	struct stb_build_key key = { .at = load->offset & ~UINT64_C(4095) };
	struct stb_build b = { .linked = load->addr - (load->offset & 4095),
			       .id_size = id_size }, was;

	b.note = (int64_t)(load->id - b.linked);
	for (uint32_t i = 0; i < MOST_LOADS; i++) {
		key.kind = STB_BUILD_FILE + i;
		if (get_build(l, fd, &key, &was) < 0)
			return set_build(l, fd, &key, &b);
		if (!memcmp(&was, &b, sizeof(b)))
			return 0;
	}
	return 0;
}

int processes_builds(struct loader *l, int fd)
{
	int error = 0;

	for (uint32_t i = 0; i < l->tables.n && !error; i++) {
		const struct stb_symbols *s =
			ROW(struct stb_symbols, l->tables, i);
		struct rows loads = loads_of(&l->table_sets[i]);
		struct stb_build_key key = { .kind = STB_BUILD_ID };

		if (!is_programs(l, i) || !l->user_builds[i].number)
			continue;
		memcpy(key.id, s->id.bytes, s->id.len);
		error = set_build(l, fd, &key, &l->user_builds[i]);
		for (uint32_t k = 0; k < loads.n && !error; k++) {
			const struct stb_sym_load *load =
				ROW(struct stb_sym_load, loads, k);

			if (load->id)
				error = put_load(l, fd, load, s->id.len);
		}
	}
	return error;
}

int processes_module(struct loader *l, bool names)
{
	struct pages g = make_pages(l, names);
	int error = kmod_pages(l, g.p, (uint32_t)g.n);

	free(g.p);
	return error ? error : processes_builds(l, -1);
}

/* --- what handlers left ---------------------------------------------------------------- */

uint64_t processes_place(int builds, uint32_t pid, uint64_t addr)
{
	struct stb_kmod_place asked = { .addr = addr, .pid = pid };
	struct stb_build_key key, next;
	struct stb_build b;
	const void *at = NULL;
	uint64_t place = 0;

	/* a module's file, or a map, which knows of no such question */
	if (builds >= 0 && !ioctl(builds, (int)STB_KMOD_PLACE, &asked))
		return asked.place;
	while (builds >= 0 && !bpf_map_next_key(builds, at, &next)) {
		key = next;
		at = &key;
		if (key.kind != STB_BUILD_SEEN || addr < key.at ||
		    (pid && key.pid != pid) ||
		    bpf_map_lookup(builds, &key, &b) < 0 || addr >= b.end)
			continue;
		place = b.place + (addr - key.at);
	}
	return place;
}

bool processes_mapping(uint32_t pid, uint64_t addr, struct process_mapping *m)
{
	static char line[4096 + 128];
	char path[32];
	FILE *f;
	unsigned long long from, to;
	int name;

	m->name = NULL;
	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	f = fopen(path, "re");
	while (f && !m->name && fgets(line, sizeof(line), f)) {
		name = 0;
		if (sscanf(line, "%llx-%llx %*s %*s %*s %*s %n", &from, &to,
			   &name) < 2 || addr < from || addr >= to)
			continue;
		m->name = line + name;
		line[name + (int)strcspn(line + name, "\n")] = 0;
		m->start = from;
		m->size = to - from;
	}
	if (f)
		fclose(f);
	return m->name && *m->name;
}
