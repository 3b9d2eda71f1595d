/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pack.c - turns plans into one bundle.
 *
 * In: plans and the objects they name, one plan a kernel. Out: one .stb file,
 * written at once or not at all, whose bytes depend on nothing but the inputs:
 * tables stand in fixed order, strings in order of first use, sections in
 * order of plans, and equal sections are one. What was written is read back
 * through read.c before it is let out.
 */
#include "bundler/bundle.h"

#include <errno.h>
#include <getopt.h>
#include <sodium/crypto_generichash_blake2b.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

/* Sections of symbols have megabytes: there the last level takes ten times as long
   for a twelfth less. */
enum { LEVEL = 19, LARGE_LEVEL = 9, LARGE = 1 << 20, MAX_SET_TABLES = 16 };

/* --- table sets ----------------------------------------------------------- */

struct set {
	struct arena *mem;
	struct text strings;
	struct dict seen;	/* string -> offset + 1 */
	struct stb_table tables[MAX_SET_TABLES];
	const void *rows[MAX_SET_TABLES];
	uint32_t count;
};

static struct set *new_set(struct arena *mem)
{
	struct set *s = NEW(mem, struct set);

	s->mem = s->strings.mem = s->seen.mem = mem;
	text_add(&s->strings, "", 1);
	*dict_at(&s->seen, "") = (void *)1;
	return s;
}

static stb_str put_bytes(struct set *s, const char *p, size_t n)
{
	stb_str at = (stb_str)s->strings.n;

	text_add(&s->strings, p, n);
	text_add(&s->strings, "", 1);
	return at;
}

/* Each string once; NULL is "". */
static stb_str put_string(struct set *s, const char *text)
{
	void **at = dict_at(&s->seen, text ? text : "");

	if (!*at)
		*at = (void *)(uintptr_t)(put_bytes(s, text, strlen(text)) + 1);
	return (stb_str)(uintptr_t)*at - 1;
}

static void put_table(struct set *s, enum stb_table_kind kind, size_t size,
		      const void *rows, size_t n)
{
	if (!n)
		return;
	if (s->count == MAX_SET_TABLES || n > UINT32_MAX)
		bug("table %d: too many", kind);
	s->rows[s->count] = rows;
	s->tables[s->count++] = (struct stb_table){
		.kind = kind, .entry_size = (uint32_t)size,
		.count = (uint32_t)n,
	};
}

static void pad(struct text *t)
{
	while (t->n % 8)
		text_putc(t, 0);
}

static struct text finish_set(struct set *s)
{
	struct text t = { .mem = s->mem };
	uint64_t end;

	if (s->strings.n > 1)
		put_table(s, STB_T_STRINGS, 1, s->strings.s, s->strings.n);
	end = sizeof(struct stb_tables) +
	      (uint64_t)s->count * sizeof(struct stb_table);
	for (uint32_t i = 0; i < s->count; i++) {
		s->tables[i].offset = (uint32_t)end;
		end += (uint64_t)s->tables[i].entry_size * s->tables[i].count;
		end = (end + 7) & ~7ull;
	}
	if (end > STB_MAX_RAW)
		die("a section would have %llu bytes: too many",
		    (unsigned long long)end);
	text_add(&t, (const char *)&(struct stb_tables){ .count = s->count },
		 sizeof(struct stb_tables));
	text_add(&t, (const char *)s->tables,
		 s->count * sizeof(struct stb_table));
	for (uint32_t i = 0; i < s->count; i++) {
		text_add(&t, s->rows[i], (size_t)s->tables[i].entry_size *
			 s->tables[i].count);
		pad(&t);
	}
	return t;
}

/* --- sections -------------------------------------------------------------- */

struct section {
	enum stb_section_kind kind;
	struct text raw;
};

struct pack {
	struct arena *mem;
	const char *out;
	uint64_t epoch;
	uint32_t generation;
	VEC(struct section) sections;	/* 0 is the index */
	VEC(struct stb_variant) variants;
	struct set *index;
};

/* Its number; an equal one that is there already is taken instead. */
static uint32_t put_section(struct pack *k, enum stb_section_kind kind,
			    struct set *set)
{
	struct section s = { .kind = kind, .raw = finish_set(set) };

	for (size_t i = 1; i < k->sections.n; i++) {
		const struct section *o = &k->sections.v[i];

		if (o->kind == kind && o->raw.n == s.raw.n &&
		    !memcmp(o->raw.s, s.raw.s, s.raw.n))
			return (uint32_t)i;
	}
	vec_push(k->mem, &k->sections, s);
	return (uint32_t)k->sections.n - 1;
}

static struct text compress(struct arena *mem, const struct text *raw)
{
	struct text t = { .mem = mem };
	size_t room = ZSTD_compressBound(raw->n), n;
	char *buf = arena_alloc(mem, room);

	n = ZSTD_compress(buf, room, raw->s, raw->n,
			  raw->n < LARGE ? LEVEL : LARGE_LEVEL);
	if (ZSTD_isError(n))
		bug("zstd: %s", ZSTD_getErrorName(n));
	text_add(&t, buf, n);
	return t;
}

static void seal(struct stb_header *h, const void *toc, size_t size)
{
	crypto_generichash_blake2b_state state;

	crypto_generichash_blake2b_init(&state, NULL, 0, STB_DIGEST_SIZE);
	crypto_generichash_blake2b_update(&state, (const void *)h,
					  offsetof(struct stb_header,
						   toc_digest));
	crypto_generichash_blake2b_update(&state, toc, size);
	crypto_generichash_blake2b_final(&state, h->toc_digest,
					 STB_DIGEST_SIZE);
}

static struct text assemble(struct pack *k)
{
	size_t n = k->sections.n;
	struct stb_toc *toc = NEW_ARRAY(k->mem, struct stb_toc, n);
	struct text t = { .mem = k->mem }, body = { .mem = k->mem };
	struct stb_header h = {
		.major = STB_MAJOR, .minor = STB_MINOR,
		.toc_offset = sizeof(h), .toc_count = (uint32_t)n,
		.toc_entry_size = sizeof(*toc),
	};

	memcpy(h.magic, STB_MAGIC, sizeof(h.magic));
	for (size_t i = 0; i < n; i++) {
		struct text z = compress(k->mem, &k->sections.v[i].raw);

		pad(&body);
		toc[i] = (struct stb_toc){
			.kind = k->sections.v[i].kind,
			/* who does not know it takes a variant without */
			.flags = k->sections.v[i].kind == STB_SEC_MODULE ?
				STB_MAY_IGNORE : 0,
			.offset = sizeof(h) + n * sizeof(*toc) + body.n,
			.size = z.n, .raw_size = k->sections.v[i].raw.n,
		};
		crypto_generichash_blake2b(toc[i].digest, STB_DIGEST_SIZE,
					   (const void *)z.s, z.n, NULL, 0);
		text_add(&body, z.s, z.n);
	}
	seal(&h, toc, n * sizeof(*toc));
	text_add(&t, (const char *)&h, sizeof(h));
	text_add(&t, (const char *)toc, n * sizeof(*toc));
	text_add(&t, body.s, body.n);
	return t;
}

/* --- a plan's sections ------------------------------------------------------- */

/* A plan and its objects while they become a variant. */
struct work {
	struct plan plan;
	struct code kcode, ucode;
	struct module module;	/* instead, if the plan has one */
	struct text globals;	/* the image both objects agree on */
};

/* Rows of a list of the plan as an array of what goes into the file; `row` is
   how the loop's body names the one to fill in, `p` its plan row. */
#define ROWS(type, list, kind, body) do {				\
	struct type *rows = NEW_ARRAY(s->mem, struct type, list.n + 1);	\
	for (size_t i = 0; i < list.n; i++) {				\
		__typeof__(list.v) p = &list.v[i];			\
		struct type *row = &rows[i];				\
		*row = p->row;						\
		body							\
	}								\
	put_table(s, kind, sizeof(struct type), rows, list.n);		\
} while (0)

static bool uses(const struct code *c, uint32_t map)
{
	for (size_t i = 0; i < c->relocs.n; i++)
		if (c->relocs.v[i].target == map)
			return true;
	return false;
}

/* The plan's maps, and the two that stand for sections of the object. */
static void put_maps(struct set *s, const struct work *w)
{
	size_t n = w->plan.maps.n, i;
	struct stb_map *rows = NEW_ARRAY(s->mem, struct stb_map, n + 2);

	for (i = 0; i < n; i++) {
		const struct plan_map *p = &w->plan.maps.v[i];

		rows[i] = p->row;
		rows[i].name = put_string(s, p->name);
		rows[i].keys = put_string(s, p->keys);
	}
	if (w->plan.progs.n && w->plan.limits.globals_size && !w->plan.module)
		rows[n++] = (struct stb_map){
			.id = STB_MAP_ID_GLOBALS, .type = STB_MAP_GLOBALS,
			.name = put_string(s, "stb_globals"),
			.flags = STB_MAPF_INTERNAL, .key_size = 4,
			.value_size = w->plan.limits.globals_size,
			.max_entries = 1,
		};
	if (uses(&w->kcode, STB_MAP_ID_RODATA))
		rows[n++] = (struct stb_map){
			.id = STB_MAP_ID_RODATA, .type = STB_MAP_RODATA,
			.name = put_string(s, "stb_rodata"),
			.flags = STB_MAPF_INTERNAL, .key_size = 4,
			.value_size = (uint32_t)w->kcode.rodata.n,
			.max_entries = 1,
		};
	put_table(s, STB_T_MAPS, sizeof(*rows), rows, n);
}

static void put_progs(struct set *s, const struct work *w)
{
	static const struct code_prog in_module = { 0 };

	ROWS(stb_prog, w->plan.progs, STB_T_PROGS, {
		const struct code_prog *c = w->plan.module ? &in_module :
			&w->kcode.progs.v[i];

		row->name = put_string(s, p->name);
		row->insn_first = c->insn_first;
		row->insn_count = c->insn_count;
		row->reloc_first = c->reloc_first;
		row->reloc_count = c->reloc_count;
		row->func_first = c->func_first;
		row->func_count = c->func_count;
	});
}

/* A row for each site that has one, which numbers them. */
static void put_events(struct set *s, const struct work *w)
{
	size_t n = w->plan.sites.n, nevents = 0;
	struct stb_event *rows = NEW_ARRAY(s->mem, struct stb_event, n + 1);

	for (size_t i = 0; i < n; i++)
		if (plan_has_event(w->plan.sites.v[i].row.attach))
			rows[nevents++] = w->plan.sites.v[i].event;
	put_table(s, STB_T_EVENTS, sizeof(*rows), rows, nevents);
}

static struct set *symbols_set(struct arena *mem, const struct symbols *y)
{
	struct set *s = new_set(mem);

	for (size_t i = 0; i < y->ranges.n; i++)
		y->ranges.v[i].section = put_string(s, y->sections.v[i]);
	put_table(s, STB_T_SYM_RANGES, sizeof(*y->ranges.v), y->ranges.v,
		  y->ranges.n);
	put_table(s, STB_T_SYM_ADDRS, 1, y->addrs.s, y->addrs.n);
	put_table(s, STB_T_SYM_NAMES, 1, y->names.s, y->names.n);
	put_table(s, STB_T_SYM_FILES, 1, y->files.s, y->files.n);
	put_table(s, STB_T_SYM_LINES, 1, y->lines.s, y->lines.n);
	put_table(s, STB_T_SYM_LOADS, sizeof(*y->loads.v), y->loads.v,
		  y->loads.n);
	put_table(s, STB_T_SYM_RULES, sizeof(*y->rules.v), y->rules.v,
		  y->rules.n);
	put_table(s, STB_T_SYM_UNWIND, sizeof(*y->unwind.v), y->unwind.v,
		  y->unwind.n);
	return s;
}

/* The plan's rows get to know their sections. */
static bool put_symbols(struct pack *k, struct plan *p)
{
	struct symbols y;

	for (size_t i = 0; i < p->symbols.n; i++) {
		if (!symbols_read(k->mem, p->symbols.v[i].text, &y))
			return false;
		p->symbols.v[i].row.section =
			put_section(k, STB_SEC_SYMBOLS,
				    symbols_set(k->mem, &y));
	}
	return true;
}

static void put_files(struct set *s, const struct work *w)
{
	size_t n = w->plan.handlers.n, nfiles = 0;
	struct stb_file *rows = NEW_ARRAY(s->mem, struct stb_file, n + 1);

	for (size_t i = 0; i < n; i++) {
		const struct plan_handler *p = &w->plan.handlers.v[i];

		if (!plan_has_file(p->row.when))
			continue;
		rows[nfiles] = p->file;
		rows[nfiles++].path = put_string(s, p->path);
	}
	put_table(s, STB_T_FILES, sizeof(*rows), rows, nfiles);
}

static struct set *meta_set(struct arena *mem, const struct work *w)
{
	struct set *s = new_set(mem);
	const struct plan *plan = &w->plan;
	uint32_t nevents = 0, nfiles = 0;

	put_table(s, STB_T_LIMITS, sizeof(plan->limits), &plan->limits, 1);
	put_maps(s, w);
	ROWS(stb_global, plan->globals, STB_T_GLOBALS, {
		row->name = put_string(s, p->name);
	});
	ROWS(stb_format, plan->formats, STB_T_FORMATS, {
		row->text = put_bytes(s, p->text, row->text_len);
		row->args = put_string(s, p->args);
	});
	ROWS(stb_program_build, plan->builds, STB_T_BUILDS, {
		row->path = put_string(s, p->path);
	});
	put_progs(s, w);
	ROWS(stb_site, plan->sites, STB_T_SITES, {
		row->event = plan_has_event(row->attach) ? nevents++ : 0;
		row->name = put_string(s, p->name);
		row->symbol = put_string(s, p->symbol);
	});
	put_events(s, w);
	ROWS(stb_handler, plan->handlers, STB_T_HANDLERS, {
		row->name = put_string(s, p->name);
		row->entry = plan->module ? 0 : w->ucode.progs.v[i].insn_first;
		row->file = plan_has_file(row->when) ? nfiles++ :
			    p->row.file;
	});
	put_files(s, w);
	put_table(s, STB_T_GLOBALS_IMAGE, 1, w->globals.s, w->globals.n);
	ROWS(stb_symbols, plan->symbols, STB_T_SYMBOLS, {
		row->name = put_string(s, p->name);
	});
	return s;
}

static struct set *code_set(struct arena *mem, const struct code *c)
{
	struct set *s = new_set(mem);

	put_table(s, STB_T_INSNS, sizeof(*c->insns.v), c->insns.v, c->insns.n);
	put_table(s, STB_T_RELOCS, sizeof(*c->relocs.v), c->relocs.v,
		  c->relocs.n);
	if (uses(c, STB_MAP_ID_RODATA))
		put_table(s, STB_T_RODATA, 1, c->rodata.s, c->rodata.n);
	put_table(s, STB_T_BTF, 1, c->btf.s, c->btf.n);
	put_table(s, STB_T_FUNC_INFO, sizeof(*c->funcs.v), c->funcs.v,
		  c->funcs.n);
	return s;
}

static struct set *module_set(struct arena *mem, const struct module *m)
{
	struct set *s = new_set(mem);
	struct stb_module *row = NEW(mem, struct stb_module);
	struct stb_version *v = NEW_ARRAY(mem, struct stb_version,
					  m->versions.n + 1);

	*row = (struct stb_module){
		.name = put_string(s, m->name),
		.vermagic = put_string(s, m->vermagic),
		.srcversion = put_string(s, m->srcversion),
		.compiler = put_string(s, m->compiler),
	};
	for (size_t i = 0; i < m->versions.n; i++)
		v[i] = (struct stb_version){
			.symbol = put_string(s, m->versions.v[i].symbol),
			.crc = m->versions.v[i].crc,
		};
	put_table(s, STB_T_MODULE, sizeof(*row), row, 1);
	put_table(s, STB_T_VERSIONS, sizeof(*v), v, m->versions.n);
	put_table(s, STB_T_OBJECT, 1, m->object.s, m->object.n);
	return s;
}

/* --- from plan to variant ----------------------------------------------------- */

static bool flatten(struct arena *mem, struct work *w)
{
	const struct plan *p = &w->plan;
	size_t np = p->progs.n, nh = p->handlers.n;
	const char **names = NEW_ARRAY(mem, const char *, np + nh + 1);

	if (p->module)
		return module_read(mem, p->module, &w->module);
	for (size_t i = 0; i < np; i++)
		names[i] = p->progs.v[i].name;
	for (size_t i = 0; i < nh; i++)
		names[np + i] = p->handlers.v[i].name;
	return (!np || flatten_progs(mem, p->kernel_object, names, np,
				     &w->kcode)) &&
	       (!nh || flatten_handlers(mem, p->user_object, names + np, nh,
					&w->ucode));
}

/* Both objects see the same globals region, so they must say the same of it. */
static bool join_globals(struct work *w)
{
	const struct text *k = &w->kcode.globals, *u = &w->ucode.globals;
	struct plan *p = &w->plan;

	w->globals = k->n ? *k : *u;
	if (k->n && u->n && (k->n != u->n || memcmp(k->s, u->s, k->n)))
		return wrong(p->file, 0, "section globals differs between %s "
			     "and %s", p->kernel_object, p->user_object);
	if (!p->limits.globals_size)
		p->limits.globals_size = (uint32_t)(w->globals.n + 7) & ~7u;
	if (w->globals.n > p->limits.globals_size)
		return wrong(p->file, 0, "section globals has %zu bytes, more "
			     "than globals_size=%u", w->globals.n,
			     p->limits.globals_size);
	return true;
}

static bool put_script(struct pack *k, const struct plan *p, uint32_t *number)
{
	struct set *s = new_set(k->mem);
	size_t size;
	char *text;

	*number = 0;
	if (!p->script_file)
		return true;
	text = read_file(k->mem, p->script_file, &size);
	if (!text)
		return wrong(p->script_file, 0, "%s", strerror(errno));
	put_table(s, STB_T_SOURCE, 1, text, size);
	*number = put_section(k, STB_SEC_SCRIPT, s);
	return true;
}

static bool same_script(struct pack *k, const struct plan *p,
			struct stb_bundle *b)
{
	stb_str name = put_string(k->index, base_name(p->script));
	stb_str compiler = put_string(k->index, p->compiler);

	if (k->variants.n && (name != b->script || compiler != b->compiler))
		return wrong(p->file, 0, "is of another script or compiler "
			     "than the plans before it");
	/* what any of the variants wants */
	if (!k->variants.n || p->privilege < b->privilege)
		b->privilege = p->privilege;
	b->script = name;
	b->compiler = compiler;
	return true;
}

static bool add_plan(struct pack *k, const char *file, struct stb_bundle *b)
{
	struct work *w = NEW(k->mem, struct work);
	struct stb_variant v;

	if (!plan_read(k->mem, file, &w->plan) ||
	    !same_script(k, &w->plan, b) || !flatten(k->mem, w) ||
	    !join_globals(w) || !put_symbols(k, &w->plan))
		return false;
	v = w->plan.kernel;
	v.name = put_string(k->index, w->plan.name);
	v.release = put_string(k->index, w->plan.release);
	if (w->plan.module)
		w->plan.limits.needs |= STB_NEEDS_MODULE;
	v.meta = put_section(k, STB_SEC_META, meta_set(k->mem, w));
	if (w->plan.module)
		v.module = put_section(k, STB_SEC_MODULE,
				       module_set(k->mem, &w->module));
	else if (w->plan.progs.n)
		v.kcode = put_section(k, STB_SEC_KCODE,
				      code_set(k->mem, &w->kcode));
	if (w->plan.handlers.n && !w->plan.module)
		v.ucode = put_section(k, STB_SEC_UCODE,
				      code_set(k->mem, &w->ucode));
	if (!put_script(k, &w->plan, &v.script))
		return false;
	vec_push(k->mem, &k->variants, v);
	return true;
}

/* Reads back what is about to be written: a plan that makes no sense (a key
   of another size than its types have) shows here. */
static bool check(struct pack *k, char **plans, const struct text *file)
{
	struct bundle b;

	if (bundle_check(k->mem, "what these plans would make", file->s,
			 file->n, &b))
		return true;
	return b.at ? wrong(plans[b.at - 1], 0, "this one") : false;
}

static int pack(struct pack *k, char **plans, int n)
{
	struct stb_bundle b = { .epoch = k->epoch,
				.generation = k->generation };
	struct text file;

	k->index = new_set(k->mem);
	vec_push(k->mem, &k->sections,
		 (struct section){ .kind = STB_SEC_INDEX });
	for (int i = 0; i < n; i++) {
		if (access(plans[i], R_OK)) {
			wrong(plans[i], 0, "%s", strerror(errno));
			return EXIT_NO_INPUT;
		}
		if (!add_plan(k, plans[i], &b))
			return EXIT_DATA;
	}
	put_table(k->index, STB_T_BUNDLE, sizeof(b), &b, 1);
	put_table(k->index, STB_T_VARIANTS, sizeof(*k->variants.v),
		  k->variants.v, k->variants.n);
	k->sections.v[0].raw = finish_set(k->index);
	file = assemble(k);
	if (!check(k, plans, &file))
		return EXIT_DATA;
	if (!write_file(k->out, file.s, file.n)) {
		wrong(k->out, 0, "%s", strerror(errno));
		return EXIT_CANT_WRITE;
	}
	return 0;
}

/* The rows of a module's section, but for the object. */
static struct module module_of(struct arena *mem, const struct stb_set *s)
{
	uint32_t n, stride, i;
	const struct stb_module *row = stb_table(s, STB_T_MODULE, sizeof(*row),
						 &n, &stride);
	struct module m = {
		.name = stb_string(s, row->name),
		.vermagic = stb_string(s, row->vermagic),
		.srcversion = stb_string(s, row->srcversion),
		.compiler = stb_string(s, row->compiler),
	};
	const void *rows = stb_table(s, STB_T_VERSIONS,
				     sizeof(struct stb_version), &n, &stride);

	for (i = 0; i < n; i++) {
		const struct stb_version *v =
			STB_ROW(struct stb_version, rows, stride, i);

		vec_push(mem, &m.versions, ((struct module_version){
			.symbol = stb_string(s, v->symbol), .crc = v->crc }));
	}
	return m;
}

int pack_again(struct arena *mem, const struct bundle *b,
	       const struct text *objects, const char *out)
{
	struct pack k = { .mem = mem, .out = out };
	uint32_t i, n = stb_toc_count(&b->r);
	struct text file;

	for (i = 0; i < n; i++) {
		const struct stb_set *set = &b->sets[i];
		struct section s = {
			.kind = stb_toc_at((struct stb_reader *)&b->r, i)->kind,
			.raw = { .mem = mem },
		};

		if (!set->data) {
			wrong(b->file, 0, "section %u is of a kind that this "
			      "program does not know: take a newer stb", i);
			return EXIT_DATA;
		}
		if (objects[i].s) {
			struct module m = module_of(mem, set);

			m.object = objects[i];
			s.raw = finish_set(module_set(mem, &m));
		} else {
			text_add(&s.raw, (const char *)set->data, set->size);
		}
		vec_push(mem, &k.sections, s);
	}
	file = assemble(&k);
	if (write_file(out, file.s, file.n))
		return 0;
	wrong(out, 0, "%s", strerror(errno));
	return EXIT_CANT_WRITE;
}

static bool read_epoch(const char *s, uint64_t *epoch)
{
	char *end;

	errno = 0;
	*epoch = strtoull(s, &end, 10);
	return *s >= '0' && *s <= '9' && !*end && !errno &&
	       *epoch <= LAST_EPOCH;
}

static bool read_generation(const char *s, uint32_t *generation)
{
	uint64_t n;

	if (!read_epoch(s, &n) || !n || n > UINT32_MAX) {
		fprintf(stderr, "%s: --generation %s: wanted a number from 1 "
			"to %u\n", argv0, s, UINT32_MAX);
		return false;
	}
	*generation = (uint32_t)n;
	return true;
}

int verb_pack(int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "epoch", required_argument, NULL, 'e' },
		{ "generation", required_argument, NULL, 'g' },
		{ "self-running", no_argument, NULL, 'S' },
		{ "loader", required_argument, NULL, 'L' },
		{ 0 }
	};
	struct arena mem = { 0 };
	struct pack k = { .mem = &mem };
	const char *epoch = getenv("SOURCE_DATE_EPOCH"), *loader = NULL;
	bool self_running = false;
	int c, status;

	while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		if (c == 'o')
			k.out = optarg;
		else if (c == 'e')
			epoch = optarg;
		else if (c == 'S')
			self_running = true;
		else if (c == 'L')
			loader = optarg;
		else if (c == 'g' && read_generation(optarg, &k.generation))
			continue;
		else
			return EXIT_USAGE;
	}
	if (epoch && *epoch && !read_epoch(epoch, &k.epoch)) {
		fprintf(stderr, "%s: %s is no time in seconds of "
			"the years up to 9999\n", argv0,
			epoch);
		return EXIT_USAGE;
	}
	if (!k.out || optind == argc ||
	    (self_running && argc - optind != 1)) {
		fprintf(stderr, "usage: %s pack -o OUT.stb [--epoch=SECONDS] "
			"[--generation=N] PLAN...\n       %s pack "
			"--self-running [--loader=STAP-LOAD] -o OUT "
			"FILE.stb\n", argv0, argv0);
		return EXIT_USAGE;
	}
	if (self_running)
		return pack_self_running(k.out, argv[optind], loader);
	status = pack(&k, argv + optind, argc - optind);
	arena_free(&mem);
	return status;
}
