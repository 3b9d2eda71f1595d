/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * index.c - names of one binary, scanned once per build-id and kept in
 * $XDG_CACHE_HOME/stb/index as a file that is mapped and used as it is.
 *
 *	+------+---------+-------+------------+-------+-------+---------+
 *	| head | strings | funcs | func names | types | enums | ... x 9 |
 *	+------+---------+-------+------------+-------+-------+---------+
 *
 * The head says where each part lies and holds a checksum of all behind it.
 * Parts are arrays of the structs of facts.h, native and aligned to 8: a
 * cache is no exchange format. A file that is damaged, of another version or
 * made from another debug file is made again.
 */
#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INDEX_VERSION = 10 };

enum part { P_STRINGS, P_FUNCS, P_FUNC_NAMES, P_TYPES, P_ENUMS, P_GLOBALS,
	    P_SYMBOLS, P_TRACES, P_INSTS, NPARTS };

struct ix_head {
	char magic[8];
	uint32_t version, release;	/* release: a string, kernels */
	uint64_t size, sum;		/* of the file; of all behind the head */
	uint64_t debug_size;		/* of the file that was scanned */
	uint8_t id[24];			/* build-id and its length */
	struct {
		uint64_t off, n;	/* bytes from the start; entries */
	} part[NPARTS];
};
_Static_assert(sizeof(struct ix_head) % 8 == 0, "parts are aligned");

static const size_t entry_size[NPARTS] = {
	1, sizeof(struct ix_func), sizeof(uint32_t), sizeof(struct ix_type),
	sizeof(struct ix_enum), sizeof(struct ix_global),
	sizeof(struct ix_symbol), sizeof(struct ix_trace),
	sizeof(struct ix_inst),
};

/* --- strings, each kept once ------------------------------------------------ */

struct ix_intern {
	uint32_t *slots;
	size_t n, cap;
};

static uint64_t hash_text(const char *s)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3;
	return h ^ h >> 32;
}

static uint32_t *intern_slot(const struct ix_build *b, const char *s)
{
	const struct ix_intern *in = b->interned;
	size_t i = hash_text(s) & (in->cap - 1);

	while (in->slots[i] && strcmp(b->strings.s + in->slots[i], s))
		i = (i + 1) & (in->cap - 1);
	return &in->slots[i];
}

uint32_t ix_string(struct ix_build *b, const char *s)
{
	struct ix_intern *in = b->interned;
	uint32_t *slot, *old;
	size_t i, cap;

	if (!s || !*s)
		return 0;
	if (in->n * 2 >= in->cap) {
		old = in->slots;
		cap = in->cap;
		in->cap = cap ? cap * 2 : 1 << 12;
		in->slots = NEW_ARRAY(&b->mem, uint32_t, in->cap);
		for (i = 0; i < cap; i++)
			if (old[i])
				*intern_slot(b, b->strings.s + old[i]) = old[i];
	}
	slot = intern_slot(b, s);
	if (!*slot) {
		if (b->strings.n > UINT32_MAX / 2)
			die("too many names for an index");
		*slot = (uint32_t)b->strings.n;
		text_add(&b->strings, s, strlen(s) + 1);
		in->n++;
	}
	return *slot;
}

/* --- gathering: what ELF and the kernel's own tables add --------------------- */

struct range {
	uint64_t from, to;
};

struct gather {
	struct ix_build *b;
	const struct object *main;
	/* kernel: sections and tables by the symbols at their ends */
	struct range init, exit_text, noinstr, entry, kprobes, cpuidle;
	struct range mcount, blacklist, events;
	struct range ksymtab[2];
	uint64_t banner;
	struct dict traced;	/* event's tracepoint address, as text */
};

static void add_symbol(void *arg, const struct symbol *s)
{
	struct ix_build *b = arg;

	vec_push(&b->mem, &b->symbols,
		 ((struct ix_symbol){ .addr = s->addr, .size = s->size,
		 .name = ix_string(b, s->name),
		 .flags = (s->is_func ? 1u : 0) | (s->is_global ? 2u : 0) }));
}

static const char *str(const struct ix_build *b, uint32_t off)
{
	return b->strings.s + off;
}

static void note_kernel_symbol(struct gather *g, const char *name,
			       uint64_t addr)
{
	const struct { const char *name; uint64_t *to; } ends[] = {
		{ "_sinittext", &g->init.from }, { "_einittext", &g->init.to },
		{ "__noinstr_text_start", &g->noinstr.from },
		{ "__noinstr_text_end", &g->noinstr.to },
		{ "__entry_text_start", &g->entry.from },
		{ "__entry_text_end", &g->entry.to },
		{ "__kprobes_text_start", &g->kprobes.from },
		{ "__kprobes_text_end", &g->kprobes.to },
		{ "__cpuidle_text_start", &g->cpuidle.from },
		{ "__cpuidle_text_end", &g->cpuidle.to },
		{ "__start_mcount_loc", &g->mcount.from },
		{ "__stop_mcount_loc", &g->mcount.to },
		{ "__start_kprobe_blacklist", &g->blacklist.from },
		{ "__stop_kprobe_blacklist", &g->blacklist.to },
		{ "__start_ftrace_events", &g->events.from },
		{ "__stop_ftrace_events", &g->events.to },
		{ "linux_banner", &g->banner },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(ends); i++)
		if (!strcmp(name, ends[i].name))
			*ends[i].to = addr;
}

static bool within(const struct range *r, uint64_t addr)
{
	return addr >= r->from && addr < r->to;
}

/* Numbers of a kernel table, as 64-bit words. */
static const uint64_t *table(struct gather *g, const struct range *r,
			     size_t *n)
{
	uint64_t *v;

	*n = r->to > r->from && r->to - r->from < 1 << 26 ?
		(r->to - r->from) / 8 : 0;
	v = NEW_ARRAY(&g->b->mem, uint64_t, *n + 1);
	if (*n && !object_read(g->main, r->from, v, *n * 8))
		*n = 0;
	return v;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool has_number(const uint64_t *v, size_t n, uint64_t x)
{
	return bsearch(&x, v, n, sizeof(x), by_number) != NULL;
}

static int func_order(const void *a, const void *b)
{
	const struct ix_func *x = a, *y = b;
	bool ix = x->flags & IXF_INLINE, iy = y->flags & IXF_INLINE;

	if (ix != iy)
		return ix ? 1 : -1;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->die < y->die ? -1 : x->die > y->die;
}

static struct ix_func *func_at(struct ix_build *b, uint64_t addr)
{
	size_t lo = 0, hi = b->funcs.n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (!(b->funcs.v[mid].flags & IXF_INLINE) &&
		    b->funcs.v[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < b->funcs.n && b->funcs.v[lo].addr == addr &&
		!(b->funcs.v[lo].flags & IXF_INLINE) ? &b->funcs.v[lo] : NULL;
}

/* A name and a suffix of the compiler's: "f.isra.0" of f; not f.cold. */
static bool is_clone(const char *linkage, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(linkage, name, n) && linkage[n] == '.' &&
		!strstr(linkage + n, ".cold");
}

/*
 * Names functions by the symbols at their addresses, adds those that the
 * symbol table alone knows, and drops inlined ones that have a copy.
 */
static void join_symbols(struct ix_build *b)
{
	size_t i, n, known;
	struct ix_func *f;

	if (b->funcs.n)
		qsort(b->funcs.v, b->funcs.n, sizeof(*b->funcs.v),
		      func_order);
	known = b->funcs.n;
	for (i = 0; i < b->symbols.n; i++) {
		const struct ix_symbol *s = &b->symbols.v[i];
		const char *name = str(b, s->name);

		if (!(s->flags & 1) || !s->addr)
			continue;
		n = b->funcs.n;
		b->funcs.n = known;
		f = func_at(b, s->addr);
		b->funcs.n = n;
		if (f && f->linkage == f->name &&
		    is_clone(name, str(b, f->name)))
			f->linkage = s->name;
		if (f || strstr(name, ".cold"))
			continue;
		vec_push(&b->mem, &b->funcs, ((struct ix_func){
			.addr = s->addr, .size = s->size, .name = s->name,
			.linkage = s->name, .btf_nargs = -1, .nparams = -1,
			.flags = IXF_SYMBOL |
				(s->flags & 2 ? 0 : IXF_STATIC) }));
	}
	if (b->funcs.n)
		qsort(b->funcs.v, b->funcs.n, sizeof(*b->funcs.v),
		      func_order);
}

static int abstract_order(const void *a, const void *b)
{
	const struct ix_abstract *x = a, *y = b;

	return x->die < y->die ? -1 : x->die > y->die;
}

/* The inlined function that an instance is of; they are last, by DIE. */
static struct ix_func *func_of(struct ix_build *b, const struct ix_inlined *in)
{
	struct ix_abstract key = { .die = in->abstract }, *a;
	size_t lo = 0, hi = b->funcs.n, mid;

	a = bsearch(&key, b->abstracts.v, b->abstracts.n, sizeof(key),
		    abstract_order);
	while (a && lo < hi) {
		const struct ix_func *f;

		mid = (lo + hi) / 2;
		f = &b->funcs.v[mid];
		if (!(f->flags & IXF_INLINE) || f->die < a->first)
			lo = mid + 1;
		else
			hi = mid;
	}
	return a && lo < b->funcs.n && b->funcs.v[lo].die == a->first ?
		&b->funcs.v[lo] : NULL;
}

static void count_instances(struct ix_build *b)
{
	struct ix_func *f;
	size_t i;

	if (b->abstracts.n)
		qsort(b->abstracts.v, b->abstracts.n, sizeof(*b->abstracts.v),
		      abstract_order);
	for (i = 0; i < b->inlined.n; i++) {
		f = func_of(b, &b->inlined.v[i]);
		if (f)
			f->ninst++;
	}
}

static int inst_order(const void *a, const void *b)
{
	const struct ix_inst *x = a, *y = b;

	if (x->func != y->func)
		return x->func < y->func ? -1 : 1;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->die < y->die ? -1 : x->die > y->die;
}

/* Functions are where they stay: instances find theirs. */
static void list_instances(struct ix_build *b)
{
	struct ix_func *f;
	size_t i;

	for (i = 0; i < b->inlined.n; i++) {
		const struct ix_inlined *in = &b->inlined.v[i];

		f = func_of(b, in);
		if (f)
			vec_push(&b->mem, &b->insts, ((struct ix_inst){
				.addr = in->addr, .die = in->die,
				.func = (uint32_t)(f - b->funcs.v) }));
	}
	if (b->insts.n)
		qsort(b->insts.v, b->insts.n, sizeof(*b->insts.v), inst_order);
	for (i = b->insts.n; i-- > 0; )
		b->funcs.v[b->insts.v[i].func].first = (uint32_t)i;
}

/* Doubles go, and functions without instances that have a copy. */
static void drop_doubles(struct ix_build *b)
{
	size_t nstr = b->strings.n, i, kept = 0;
	uint8_t *copied = arena_alloc(&b->mem, nstr);
	uint8_t *inlined = arena_alloc(&b->mem, nstr);
	struct ix_func *v = b->funcs.v;

	for (i = 0; i < b->funcs.n; i++) {
		if (v[i].flags & IXF_INLINE) {
			inlined[v[i].name] |= v[i].ninst != 0;
			if (copied[v[i].name] && !v[i].ninst)
				continue;
		} else if (kept && v[kept - 1].addr == v[i].addr &&
			   v[kept - 1].name == v[i].name) {
			continue;
		}
		copied[v[i].name] = 1;
		v[kept++] = v[i];
	}
	b->funcs.n = kept;
	for (i = 0; i < kept; i++)
		if (inlined[v[i].name] && !(v[i].flags & IXF_INLINE))
			v[i].flags |= IXF_INLINED;
}

static uint32_t why_not(const struct gather *g, const uint64_t *black,
			size_t nblack, uint64_t addr)
{
	const struct { const struct range *r; enum ix_why why; } areas[] = {
		{ &g->init, WHY_INIT }, { &g->exit_text, WHY_EXIT },
		{ &g->noinstr, WHY_NOINSTR }, { &g->cpuidle, WHY_NOINSTR },
		{ &g->entry, WHY_ENTRY }, { &g->kprobes, WHY_KPROBES },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(areas); i++)
		if (within(areas[i].r, addr))
			return areas[i].why;
	return has_number(black, nblack, addr) ? WHY_BLACKLIST : WHY_NOT;
}

/* Which kernel functions may be probed, and have a call of fentry. */
static void mark_probeable(struct gather *g)
{
	struct ix_build *b = g->b;
	size_t nmcount, nblack, i;
	uint64_t *mcount = (uint64_t *)table(g, &g->mcount, &nmcount);
	uint64_t *black = (uint64_t *)table(g, &g->blacklist, &nblack);

	qsort(mcount, nmcount, 8, by_number);
	qsort(black, nblack, 8, by_number);
	for (i = 0; i < b->funcs.n; i++) {
		struct ix_func *f = &b->funcs.v[i];

		if (f->flags & IXF_INLINE)
			continue;
		f->flags |= why_not(g, black, nblack, f->addr) << IXF_WHY;
		/* endbr64 stands before the call where the kernel has IBT */
		if (has_number(mcount, nmcount, f->addr) ||
		    has_number(mcount, nmcount, f->addr + 4))
			f->flags |= IXF_TRACEABLE;
	}
}

static bool read_text(const struct gather *g, uint64_t addr, char *to,
		      size_t size)
{
	size_t n;

	/* the string may end where the file does: read what there is */
	for (n = size - 1; n; n--)
		if (object_read(g->main, addr, to, n))
			break;
	to[n] = 0;
	return n != 0;
}

/* trace_event_call → its tracepoint, and its class's system. */
static void name_systems(struct gather *g, struct dict *systems)
{
	struct ix_build *b = g->b;
	size_t n, i;
	const uint64_t *calls = table(g, &g->events, &n);
	uint64_t class, tp, system;
	char text[128];

	if (b->call_class < 0 || b->call_tp < 0 || b->class_system < 0)
		return;
	for (i = 0; i < n; i++) {
		if (!object_read(g->main, calls[i] + (uint64_t)b->call_class,
				 &class, 8) ||
		    !object_read(g->main, calls[i] + (uint64_t)b->call_tp,
				 &tp, 8) ||
		    !object_read(g->main, class + (uint64_t)b->class_system,
				 &system, 8) ||
		    !read_text(g, system, text, sizeof(text)))
			continue;
		*dict_at(systems, arena_printf(&b->mem, "%jx", (uintmax_t)tp)) =
			arena_strdup(&b->mem, text);
	}
}

static void add_tracepoints(struct gather *g)
{
	static const char prefix[] = "__tracepoint_";
	struct ix_build *b = g->b;
	struct dict systems = { .mem = &b->mem };
	size_t i;

	name_systems(g, &systems);
	for (i = 0; i < b->symbols.n; i++) {
		const struct ix_symbol *s = &b->symbols.v[i];
		const char *name = str(b, s->name), *system;
		struct ix_trace t = { .addr = s->addr };

		if (strncmp(name, prefix, sizeof(prefix) - 1))
			continue;
		system = dict_get(&systems, arena_printf(&b->mem, "%jx",
							 (uintmax_t)s->addr));
		t.name = ix_string(b, arena_strdup(&b->mem, name +
						   sizeof(prefix) - 1));
		t.system = ix_string(b, system);
		vec_push(&b->mem, &b->traces, t);
	}
}

/* "Linux version 6.1.0-56-cloud-amd64 (...": the third word. */
static void read_release(struct gather *g)
{
	char text[200], *p = text, *end;

	if (!g->banner || !read_text(g, g->banner, text, sizeof(text)) ||
	    strncmp(text, "Linux version ", 14))
		return;
	p += 14;
	end = strchr(p, ' ');
	if (end) {
		*end = 0;
		g->b->release = ix_string(g->b, p);
	}
}

struct btf_name {
	uint32_t id;
	int nargs, count;
};

static void note_btf_func(void *arg, const char *name, uint32_t id, int nargs)
{
	struct dict *d = arg;
	struct btf_name *n = *dict_at(d, name);

	if (!n) {
		n = NEW(d->mem, struct btf_name);
		*dict_at(d, name) = n;
	}
	n->id = id;
	n->nargs = nargs;
	n->count++;
}

/* Linkage names that no other symbol of the file has, if it is where the function
   is: of a weak function that another one replaces the code is still there, its
   name is the other's. */
static void mark_unique(struct ix_build *b)
{
	uint64_t *at = NEW_ARRAY(&b->mem, uint64_t, b->strings.n);
	struct ix_func *f;
	uint64_t *one;
	size_t i;

	for (i = 0; i < b->symbols.n; i++) {
		one = &at[b->symbols.v[i].name];
		*one = *one ? UINT64_MAX : b->symbols.v[i].addr;
	}
	for (i = 0; i < b->funcs.n; i++) {
		f = &b->funcs.v[i];
		if (!(f->flags & IXF_INLINE) && f->addr &&
		    at[f->linkage] == f->addr)
			f->flags |= IXF_UNIQUE;
	}
}

/*
 * The kernel finds an fentry's function by its name: ids are kept where the
 * name is one symbol's alone.
 */
static void add_btf(struct gather *g)
{
	struct ix_build *b = g->b;
	struct dict ids = { .mem = &b->mem };
	struct btf_facts *bf;
	struct bytes data;
	size_t i;

	mark_unique(b);
	if (!object_section(g->main, ".BTF", &data))
		return;
	bf = btf_open(&b->mem, data.p, data.n);
	if (!bf)
		return;
	btf_each_func(bf, note_btf_func, &ids);	/* names are bf's */
	for (i = 0; i < b->funcs.n; i++) {
		struct ix_func *f = &b->funcs.v[i];
		struct btf_name *n;

		if (!(f->flags & IXF_UNIQUE))
			continue;
		n = dict_get(&ids, str(b, f->linkage));
		/* pahole takes one of several static functions of a name */
		if (n && n->count == 1 && n->nargs == f->nparams) {
			f->btf_id = n->id;
			f->btf_nargs = n->nargs;
		}
	}
	btf_close(bf);
}

static void mark_exported(struct ix_build *b)
{
	static const char prefix[] = "__ksymtab_";
	uint8_t *exported = arena_alloc(&b->mem, b->strings.n);
	size_t i;

	for (i = 0; i < b->symbols.n; i++) {
		const char *s = str(b, b->symbols.v[i].name);

		if (!strncmp(s, prefix, sizeof(prefix) - 1)) {
			uint32_t *slot = intern_slot(b, s + sizeof(prefix) - 1);

			exported[*slot] = 1;
		}
	}
	for (i = 0; i < b->funcs.n; i++)
		if (b->funcs.v[i].linkage && exported[b->funcs.v[i].linkage])
			b->funcs.v[i].flags |= IXF_EXPORTED;
}

static void gather_kernel(struct ix_build *b, const struct object *main)
{
	struct gather g = { .b = b, .main = main };
	struct bytes sect;
	size_t i;

	for (i = 0; i < b->symbols.n; i++)
		note_kernel_symbol(&g, str(b, b->symbols.v[i].name),
				   b->symbols.v[i].addr);
	if (object_section(main, ".exit.text", &sect))
		g.exit_text = (struct range){ sect.addr, sect.addr + sect.n };
	mark_probeable(&g);
	mark_exported(b);
	add_btf(&g);
	add_tracepoints(&g);
	read_release(&g);
}

/* --- what a module has ------------------------------------------------------- */

static bool section(const struct gather *g, const char *name, struct range *r)
{
	bool is_there = false;

	return object_section_range(g->main, name, &r->from, &r->to,
				    &is_there) && is_there;
}

static void gather_module(struct ix_build *b, const struct object *main)
{
	struct gather g = { .b = b, .main = main };
	struct range r;
	bool is_there;
	size_t i;

	object_section_range(main, ".init.text", &g.init.from, &g.init.to,
			     &is_there);
	object_section_range(main, ".noinstr.text", &g.noinstr.from,
			     &g.noinstr.to, &is_there);
	object_section_range(main, ".kprobes.text", &g.kprobes.from,
			     &g.kprobes.to, &is_there);
	section(&g, "_kprobe_blacklist", &g.blacklist);
	section(&g, "_ftrace_events", &g.events);
	if (!section(&g, "__mcount_loc", &g.mcount) &&
	    object_section_range(main, ".text", &r.from, &r.to, &is_there) &&
	    !is_there)
		/* debuginfo alone: the loader will find out */
		for (i = 0; i < b->funcs.n; i++)
			b->funcs.v[i].flags |= IXF_TRACEABLE;
	mark_probeable(&g);
	mark_exported(b);
	mark_unique(b);
	add_tracepoints(&g);
}

/* --- as a file -------------------------------------------------------------- */

static int name_order(const void *a, const void *b, void *strings)
{
	const char *s = strings;

	return strcmp(s + *(const uint32_t *)a, s + *(const uint32_t *)b);
}

/* Struct types begin with 8 bytes, or 16, and then the name. */
static int type_order(const void *a, const void *b, void *strings)
{
	const struct ix_type *x = a, *y = b;
	int c = name_order(&x->name, &y->name, strings);

	return c ? c : x->die < y->die ? -1 : x->die > y->die;
}

static int enum_order(const void *a, const void *b, void *strings)
{
	const struct ix_enum *x = a, *y = b;

	return name_order(&x->name, &y->name, strings);
}

static int global_order(const void *a, const void *b, void *strings)
{
	const struct ix_global *x = a, *y = b;
	int c = name_order(&x->name, &y->name, strings);

	return c ? c : x->die < y->die ? -1 : x->die > y->die;
}

static int symbol_order(const void *a, const void *b, void *strings)
{
	const struct ix_symbol *x = a, *y = b;
	int c = name_order(&x->name, &y->name, strings);

	return c ? c : x->addr < y->addr ? -1 : x->addr > y->addr;
}

static int trace_order(const void *a, const void *b, void *strings)
{
	const struct ix_trace *x = a, *y = b;

	return name_order(&x->name, &y->name, strings);
}

static int func_name_order(const void *a, const void *b, void *arg)
{
	const struct ix_build *ix = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int c = name_order(&ix->funcs.v[x].name, &ix->funcs.v[y].name,
			   ix->strings.s);

	return c ? c : x < y ? -1 : x > y;
}

static uint64_t checksum(const void *p, size_t n)
{
	const uint64_t *v = p;
	uint64_t a = 0x9e3779b97f4a7c15, b = 0xc2b2ae3d27d4eb4f;
	size_t i;

	for (i = 0; i + 1 < n / 8; i += 2) {
		a = (a ^ v[i]) * 0xff51afd7ed558ccd;
		b = (b ^ v[i + 1]) * 0xc4ceb9fe1a85ec53;
		a ^= a >> 32;
		b ^= b >> 29;
	}
	if (i < n / 8)
		a = (a ^ v[i]) * 0xff51afd7ed558ccd;
	return a ^ (b << 1 | b >> 63) ^ n;
}

static void sort_parts(struct ix_build *b)
{
	char *s = b->strings.s;

#define SORT(part, order) \
	((part).n ? qsort_r((part).v, (part).n, sizeof(*(part).v), order, s) : \
	 (void)0)
	SORT(b->types, type_order);
	SORT(b->enums, enum_order);
	SORT(b->globals, global_order);
	SORT(b->symbols, symbol_order);
	SORT(b->traces, trace_order);
#undef SORT
}

/* The finished file, in memory. */
static struct ix_head *lay_out(struct arena *mem, struct ix_build *b,
			       const struct object *main,
			       const struct object *debug)
{
	uint32_t *names = NEW_ARRAY(&b->mem, uint32_t, b->funcs.n + 1);
	const struct { const void *p; size_t n; } parts[NPARTS] = {
		{ b->strings.s, b->strings.n }, { b->funcs.v, b->funcs.n },
		{ names, b->funcs.n }, { b->types.v, b->types.n },
		{ b->enums.v, b->enums.n }, { b->globals.v, b->globals.n },
		{ b->symbols.v, b->symbols.n }, { b->traces.v, b->traces.n },
		{ b->insts.v, b->insts.n },
	};
	struct ix_head *h;
	size_t size = sizeof(*h), i;

	for (i = 0; i < b->funcs.n; i++)
		names[i] = (uint32_t)i;
	qsort_r(names, b->funcs.n, sizeof(*names), func_name_order, b);
	for (i = 0; i < NPARTS; i++)
		size += (parts[i].n * entry_size[i] + 7) & ~7ul;
	h = arena_alloc(mem, size);
	memcpy(h->magic, "stbindex", 8);
	h->version = INDEX_VERSION;
	h->release = b->release;
	h->size = size;
	h->debug_size = debug->size;
	memcpy(h->id, main->id.bytes, sizeof(main->id.bytes));
	h->id[20] = main->id.len;
	size = sizeof(*h);
	for (i = 0; i < NPARTS; i++) {
		h->part[i].off = size;
		h->part[i].n = parts[i].n;
		if (parts[i].n)
			memcpy((char *)h + size, parts[i].p,
			       parts[i].n * entry_size[i]);
		size += (parts[i].n * entry_size[i] + 7) & ~7ul;
	}
	h->sum = checksum(h + 1, size - sizeof(*h));
	return h;
}

static struct ix_head *build(struct arena *mem, enum binary_kind kind,
			     const struct object *main,
			     const struct object *debug, const char **why)
{
	struct ix_build b = { .call_class = -1, .call_tp = -1,
			      .class_system = -1 };
	struct ix_intern in = { 0 };
	struct ix_head *h = NULL;

	b.strings.mem = &b.mem;
	b.interned = &in;
	text_add(&b.strings, "", 1);
	*why = debug->has_dwarf ? dwarf_scan(&b, debug) : NULL;
	if (*why) {
		*why = arena_printf(mem, "%s: %s", debug->path, *why);
		goto out;
	}
	object_symbols(debug->has_dwarf ? debug : main, add_symbol, &b);
	if (!b.symbols.n)
		object_symbols(main, add_symbol, &b);
	join_symbols(&b);
	count_instances(&b);
	drop_doubles(&b);
	list_instances(&b);
	switch (kind) {
	case BIN_KERNEL: gather_kernel(&b, main); break;
	case BIN_MODULE: gather_module(&b, main); break;
	case BIN_PROGRAM: break;
	}
	sort_parts(&b);
	h = lay_out(mem, &b, main, debug);
out:
	arena_free(&b.mem);
	return h;
}

/* --- the cache --------------------------------------------------------------- */

static bool make_folders(char *path)
{
	char *p;

	for (p = path + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		if (mkdir(path, 0777) < 0 && errno != EEXIST)
			return false;
		*p = '/';
	}
	return true;
}

static char *cache_path(struct arena *mem, const struct object *main)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (cache && cache[0] == '/')
		return arena_printf(mem, "%s/stb/index/%s-v%d", cache,
				    id_text(mem, &main->id), INDEX_VERSION);
	return arena_printf(mem, "%s/.cache/stb/index/%s-v%d",
			    home ? home : "/tmp", id_text(mem, &main->id),
			    INDEX_VERSION);
}

static bool is_sound(const struct ix_head *h, size_t size,
		     const struct object *main, const struct object *debug)
{
	size_t i;

	if (size < sizeof(*h) || memcmp(h->magic, "stbindex", 8) ||
	    h->version != INDEX_VERSION || h->size != size ||
	    h->debug_size != debug->size || h->id[20] != main->id.len ||
	    memcmp(h->id, main->id.bytes, main->id.len))
		return false;
	for (i = 0; i < NPARTS; i++)
		if (h->part[i].off % 8 || h->part[i].off > size ||
		    h->part[i].n > (size - h->part[i].off) / entry_size[i])
			return false;
	return checksum(h + 1, size - sizeof(*h)) == h->sum;
}

/* The mapping stays until the process ends. */
static const struct ix_head *map_cached(const char *path,
					const struct object *main,
					const struct object *debug)
{
	const struct ix_head *h = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ,
			 MAP_PRIVATE | MAP_POPULATE, fd, 0);
		if (p != MAP_FAILED) {
			if (is_sound(p, (size_t)st.st_size, main, debug))
				h = p;
			else
				munmap(p, (size_t)st.st_size);
		}
	}
	close(fd);
	return h;
}

struct index *index_open(struct arena *mem, enum binary_kind kind,
			 const struct object *main, const struct object *debug,
			 const char **why)
{
	struct index *ix = NEW(mem, struct index);
	char *path = cache_path(mem, main);
	const struct ix_head *h = debug->is_partial ? NULL :
		map_cached(path, main, debug);

	if (!h) {
		h = build(mem, kind, main, debug, why);
		if (!h)
			return NULL;
		/* a cache that cannot be written costs time, nothing else */
		if (!debug->is_partial && make_folders(path))
			write_file(path, h, h->size);
	}
#define PART(p, field, count) \
	(ix->field = (const void *)((const char *)h + h->part[p].off), \
	 ix->count = h->part[p].n)
	ix->str = (const char *)h + h->part[P_STRINGS].off;
	PART(P_FUNCS, funcs, nfuncs);
	PART(P_FUNC_NAMES, func_names, nfuncs);
	PART(P_TYPES, types, ntypes);
	PART(P_ENUMS, enums, nenums);
	PART(P_GLOBALS, globals, nglobals);
	PART(P_SYMBOLS, symbols, nsymbols);
	PART(P_TRACES, traces, ntraces);
	PART(P_INSTS, insts, ninsts);
#undef PART
	ix->release = ix->str + h->release;
	return ix;
}

/* --- looking up ------------------------------------------------------------- */

/* The first of n entries whose name is not less than NAME. */
static size_t lower_bound(const struct index *ix, const void *v, size_t n,
			  size_t size, size_t name_at, const char *name)
{
	size_t lo = 0, hi = n, mid;

	while (lo < hi) {
		uint32_t off;

		mid = (lo + hi) / 2;
		memcpy(&off, (const char *)v + mid * size + name_at,
		       sizeof(off));
		if (strcmp(ix->str + off, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

size_t index_func_range(const struct index *ix, const char *name,
			size_t *first)
{
	size_t lo = 0, hi = ix->nfuncs, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (strcmp(ix->str + ix->funcs[ix->func_names[mid]].name,
			   name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*first = lo;
	while (lo < ix->nfuncs &&
	       !strcmp(ix->str + ix->funcs[ix->func_names[lo]].name, name))
		lo++;
	return lo;
}

#define FIND(part, count, type) \
	size_t i = lower_bound(ix, ix->part, ix->count, sizeof(struct type), \
			       offsetof(struct type, name), name); \
	bool found = i < ix->count && \
		!strcmp(ix->str + ix->part[i].name, name)

long index_type_find(const struct index *ix, const char *name)
{
	FIND(types, ntypes, ix_type);
	return found ? (long)i : -1;
}

long index_enum_find(const struct index *ix, const char *name)
{
	FIND(enums, nenums, ix_enum);
	return found ? (long)i : -1;
}

long index_global_find(const struct index *ix, const char *name)
{
	FIND(globals, nglobals, ix_global);
	return found ? (long)i : -1;
}

const struct ix_symbol *index_symbol(const struct index *ix, const char *name)
{
	FIND(symbols, nsymbols, ix_symbol);
	return found ? &ix->symbols[i] : NULL;
}

const struct ix_func *index_func_at(const struct index *ix, uint64_t addr)
{
	size_t lo = 0, hi = ix->nfuncs, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (!(ix->funcs[mid].flags & IXF_INLINE) &&
		    ix->funcs[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < ix->nfuncs && ix->funcs[lo].addr == addr ?
		&ix->funcs[lo] : NULL;
}

const struct ix_func *index_func_around(const struct index *ix, uint64_t addr)
{
	size_t lo = 0, hi = ix->nfuncs, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (!(ix->funcs[mid].flags & IXF_INLINE) &&
		    ix->funcs[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* of several at one address the first: that is how it is found */
	while (lo > 1 && ix->funcs[lo - 2].addr == ix->funcs[lo - 1].addr)
		lo--;
	return lo && addr - ix->funcs[lo - 1].addr < ix->funcs[lo - 1].size ?
		&ix->funcs[lo - 1] : NULL;
}
