/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * show.c - says what is inside a bundle: for people, or as JSON whose shape is
 * written down in docs/stb-format.md. In: a bundle that was checked as a whole.
 * What it prints of the bundle's text has no control characters in it.
 */
#include "bundler/bundle.h"

#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

/* --- looking at tables ------------------------------------------------------ */

struct rows {
	const struct stb_set *set;
	const void *base;
	uint32_t n, stride;
};
#define ROW(t, type, i) STB_ROW(type, (t)->base, (t)->stride, i)

static struct rows rows_of(const struct stb_set *set, uint32_t kind,
			   size_t size)
{
	struct rows t = { .set = set };

	t.base = stb_table(set, kind, size, &t.n, &t.stride);
	return t;
}

/* Everything a variant holds. */
struct variant {
	const struct bundle *b;
	const struct stb_variant *row;
	const struct stb_set *meta;
	struct rows maps, globals, builds, progs, sites, events, files,
		handlers;
};

static uint32_t variant_count(const struct bundle *b)
{
	return rows_of(&b->sets[0], STB_T_VARIANTS,
		       sizeof(struct stb_variant)).n;
}

static struct variant variant_at(const struct bundle *b, uint32_t i)
{
	struct rows t = rows_of(&b->sets[0], STB_T_VARIANTS,
				sizeof(struct stb_variant));
	struct variant v = { .b = b, .row = ROW(&t, struct stb_variant, i) };
	const struct stb_set *m = v.meta = bundle_set(b, v.row->meta);

	v.maps = rows_of(m, STB_T_MAPS, sizeof(struct stb_map));
	v.globals = rows_of(m, STB_T_GLOBALS, sizeof(struct stb_global));
	v.builds = rows_of(m, STB_T_BUILDS, sizeof(struct stb_program_build));
	v.progs = rows_of(m, STB_T_PROGS, sizeof(struct stb_prog));
	v.sites = rows_of(m, STB_T_SITES, sizeof(struct stb_site));
	v.events = rows_of(m, STB_T_EVENTS, sizeof(struct stb_event));
	v.files = rows_of(m, STB_T_FILES, sizeof(struct stb_file));
	v.handlers = rows_of(m, STB_T_HANDLERS, sizeof(struct stb_handler));
	return v;
}

static const struct stb_bundle *bundle_row(const struct bundle *b)
{
	struct rows t = rows_of(&b->sets[0], STB_T_BUNDLE, STB_BUNDLE_FIRST);

	return ROW(&t, struct stb_bundle, 0);
}

/* Words for numbers; out of range cannot be: read.c has checked. */
static const char *attach_name(uint32_t attach)
{
	static const char *const names[] = {
		[STB_AT_KPROBE] = "kprobe", [STB_AT_KRETPROBE] = "kretprobe",
		[STB_AT_FENTRY] = "fentry", [STB_AT_FEXIT] = "fexit",
		[STB_AT_RAW_TP] = "raw_tp", [STB_AT_UPROBE] = "uprobe",
		[STB_AT_URETPROBE] = "uretprobe",
		[STB_AT_PERF_EVENT] = "perf_event",
		[STB_AT_NETFILTER] = "netfilter",
		[STB_AT_TASKS] = "tasks",
	};

	return attach < COUNT_OF(names) && names[attach] ? names[attach] : "?";
}

static const char *when_name(uint32_t when)
{
	static const char *const names[] = {
		[STB_BEGIN] = "begin", [STB_END] = "end",
		[STB_ON_ERROR] = "error", [STB_TIMER] = "timer",
		[STB_READ] = "read", [STB_WRITE] = "write",
		[STB_CONDITION] = "condition",
	};

	return when < COUNT_OF(names) && names[when] ? names[when] : "?";
}

static const char *map_type_name(uint32_t type)
{
	static const char *const names[] = {
		[STB_MAP_HASH] = "hash", [STB_MAP_PERCPU_HASH] = "percpu_hash",
		[STB_MAP_PERCPU_ARRAY] = "percpu_array",
		[STB_MAP_RINGBUF] = "ringbuf", [STB_MAP_GLOBALS] = "globals",
		[STB_MAP_RODATA] = "rodata", [STB_MAP_LOADER] = "loader",
		[STB_MAP_PAGES] = "pages",
	};

	return type < COUNT_OF(names) && names[type] ? names[type] : "?";
}

static const char *section_name(uint32_t kind)
{
	static const char *const names[] = {
		[STB_SEC_INDEX] = "index", [STB_SEC_META] = "meta",
		[STB_SEC_KCODE] = "kcode", [STB_SEC_UCODE] = "ucode",
		[STB_SEC_SCRIPT] = "script", [STB_SEC_SYMBOLS] = "symbols",
		[STB_SEC_MODULE] = "module",
	};

	return kind < COUNT_OF(names) && names[kind] ? names[kind] : "unknown";
}

static const char *type_name(uint32_t letter)
{
	return letter == 'l' ? "long" : letter == 's' ? "string" :
	       letter == 'x' ? "stats" : "internal";
}

/* The letters of "ls16l", one after the other. */
static const char *first_key(const struct variant *v, const struct stb_map *m)
{
	return stb_string(v->meta, m->keys);
}

static const char *next_key(const char *k)
{
	do
		k++;
	while (isdigit((unsigned char)*k));
	return k;
}

static const char *id_text(struct arena *mem, const struct stb_build_id *id)
{
	return id->len ? hex_text(mem, id->bytes, id->len) : "not known";
}

static const char *str(struct arena *mem, const struct stb_set *set,
		       stb_str off)
{
	return plain(mem, stb_string(set, off));
}

/* --- for people ------------------------------------------------------------- */

/* "1:0 every 4000000", "1:0, 100 a second" */
static const char *event_place(struct arena *mem, const struct variant *v,
			       const struct stb_site *s)
{
	const struct stb_event *e = ROW(&v->events, struct stb_event, s->event);

	if (s->attach == STB_AT_NETFILTER)
		return arena_printf(mem, "family %u hook %" PRIu64
				    " priority %d", e->type, e->config,
				    (int)e->rate);
	if (e->type == STB_EVENT_BREAKPOINT)
		return arena_printf(mem, "%u bytes at %#" PRIx64 ", when %s",
				    e->length, s->addr, e->access == 2 ?
				    "written" : "accessed");
	return arena_printf(mem, e->flags & STB_EVENT_HZ ?
			    "%u:%" PRIu64 ", %" PRIu64 " a second%s" :
			    "%u:%" PRIu64 " every %" PRIu64 "%s", e->type,
			    e->config, e->rate, e->flags & STB_EVENT_TARGET ?
			    ", of the target" : "");
}

/* Where a site attaches: "vfs_read", "vfs_read+0x12", "/bin/x+0x1136". */
static const char *place(struct arena *mem, const struct variant *v,
			 const struct stb_site *s)
{
	const struct stb_program_build *b;

	switch ((enum stb_attach)s->attach) {
	case STB_AT_UPROBE:
	case STB_AT_URETPROBE:
		b = ROW(&v->builds, struct stb_program_build, s->build);
		return arena_printf(mem, "%s+%#" PRIx64,
				    str(mem, v->meta, b->path), s->offset);
	case STB_AT_PERF_EVENT:
	case STB_AT_NETFILTER:
		return event_place(mem, v, s);
	case STB_AT_KPROBE:
	case STB_AT_KRETPROBE:
	case STB_AT_FENTRY:
	case STB_AT_FEXIT:
	case STB_AT_RAW_TP:
		break;
	case STB_AT_TASKS:
		return "tasks";
	}
	if (s->flags & STB_SITE_IN_MODULE) {
		b = ROW(&v->builds, struct stb_program_build, s->build);
		return arena_printf(mem, s->offset ? "%s:%s+%#" PRIx64 :
				    "%s:%s", str(mem, v->meta, b->path),
				    str(mem, v->meta, s->symbol), s->offset);
	}
	if (s->flags & STB_SITE_BY_ADDRESS)
		return arena_printf(mem, "%s at %#" PRIx64,
				    str(mem, v->meta, s->symbol), s->addr);
	if (s->offset)
		return arena_printf(mem, "%s+%#" PRIx64,
				    str(mem, v->meta, s->symbol), s->offset);
	return str(mem, v->meta, s->symbol);
}

static const char *period(struct arena *mem, uint64_t ns)
{
	static const struct {
		uint64_t ns;
		const char *name;
	} units[] = { { 1000000000, "s" }, { 1000000, "ms" }, { 1000, "us" },
		      { 1, "ns" } };
	size_t i = 0;

	while (ns % units[i].ns)
		i++;
	return arena_printf(mem, "%" PRIu64 " %s", ns / units[i].ns,
			    units[i].name);
}

static void show_probes(struct arena *mem, const struct variant *v)
{
	uint32_t i;

	printf("  probes in the kernel: %u\n", v->sites.n);
	for (i = 0; i < v->sites.n; i++) {
		const struct stb_site *s = ROW(&v->sites, struct stb_site, i);

		printf("    %s: %s %s%s\n", str(mem, v->meta, s->name),
		       attach_name(s->attach), place(mem, v, s),
		       s->flags & STB_SITE_OPTIONAL ? ", optional" : "");
	}
	printf("  probes %s: %u\n", v->row->module ?
	       "that the loader runs in the module" : "in the loader",
	       v->handlers.n);
	for (i = 0; i < v->handlers.n; i++) {
		const struct stb_handler *h =
			ROW(&v->handlers, struct stb_handler, i);

		printf("    %s", when_name(h->when));
		if (h->when == STB_TIMER)
			printf(" every %s", period(mem, h->period_ns));
		if (plan_has_file(h->when))
			printf(" of %s, mode %04o", str(mem, v->meta,
			       ROW(&v->files, struct stb_file, h->file)->path),
			       ROW(&v->files, struct stb_file, h->file)->mode);
		if (h->when == STB_CONDITION)
			printf(" of program %u", h->file);
		if (h->random_ns)
			printf(", give or take %s", period(mem, h->random_ns));
		printf("\n");
	}
}

static void show_data(struct arena *mem, const struct variant *v)
{
	uint32_t i;

	for (i = 0; i < v->globals.n; i++) {
		const struct stb_global *g =
			ROW(&v->globals, struct stb_global, i);

		printf("%s%s (%s)", i ? ", " : "  globals that can be set: ",
		       str(mem, v->meta, g->name), type_name(g->type));
	}
	if (i)
		printf("\n");
	for (i = 0; i < v->maps.n; i++) {
		const struct stb_map *m = ROW(&v->maps, struct stb_map, i);

		if (m->flags & (STB_MAPF_INTERNAL | STB_MAPF_HIDDEN))
			continue;
		if (!*first_key(v, m)) {
			printf("  aggregate %s\n", str(mem, v->meta, m->name));
			continue;
		}
		printf("  array %s[", str(mem, v->meta, m->name));
		for (const char *k = first_key(v, m); *k; k = next_key(k))
			printf("%s%s", type_name((unsigned char)*k),
			       *next_key(k) ? ", " : "");
		printf("] of %s, at most %u entries%s\n", type_name(m->value),
		       m->max_entries,
		       m->flags & STB_MAPF_WRAP ? ", oldest go first" : "");
	}
	for (i = 0; i < v->builds.n; i++) {
		const struct stb_program_build *b =
			ROW(&v->builds, struct stb_program_build, i);

		printf("  %s %s, build-id %s\n",
		       b->kind == STB_BUILD_MODULE ? "module" : "program",
		       str(mem, v->meta, b->path), id_text(mem, &b->id));
	}
}

static void show_section(const struct bundle *b, const char *name, uint32_t i)
{
	const struct stb_toc *t;

	if (!i)
		return;
	t = stb_toc_at((struct stb_reader *)&b->r, i);
	printf("%s %" PRIu64 " bytes (%" PRIu64 " stored, section %u)", name,
	       t->raw_size, t->size, i);
}

static void show_module(struct arena *mem, const struct variant *v)
{
	const struct stb_set *s = bundle_set(v->b, v->row->module);
	struct rows t = rows_of(s, STB_T_MODULE, sizeof(struct stb_module));
	const struct stb_module *m = ROW(&t, struct stb_module, 0);

	printf("  kernel module %s: vermagic %s, %u versions, %s%s%s\n",
	       str(mem, s, m->name), str(mem, s, m->vermagic),
	       rows_of(s, STB_T_VERSIONS, sizeof(struct stb_version)).n,
	       str(mem, s, m->compiler), *stb_string(s, m->srcversion) ?
	       ", srcversion " : "", str(mem, s, m->srcversion));
}

static void show_variant(struct arena *mem, const struct variant *v)
{
	const struct stb_set *index = &v->b->sets[0];

	printf("\nkernel %s: %s, build-id %s\n",
	       str(mem, index, v->row->name), str(mem, index, v->row->release),
	       id_text(mem, &v->row->kernel));
	if (v->row->module)
		show_module(mem, v);
	show_probes(mem, v);
	show_data(mem, v);
	printf("  sizes:");
	show_section(v->b, " tables", v->row->meta);
	show_section(v->b, ", kernel code", v->row->kcode);
	show_section(v->b, ", loader code", v->row->ucode);
	show_section(v->b, ", module", v->row->module);
	printf("\n");
}

static const char *privilege_name(const struct bundle *b)
{
	static const char *const names[] = { "stapdev", "stapsys", "stapusr" };

	return names[stb_privilege(&b->sets[0])];
}

static void show_people(struct arena *mem, const struct bundle *b)
{
	const struct stb_bundle *row = bundle_row(b);
	uint32_t i, n = variant_count(b);

	printf("bundle %s\n", bundle_id(mem, b));
	printf("  format %u.%u, %zu bytes, %u sections, %s%s\n",
	       b->r.header->major, b->r.header->minor, b->r.size,
	       stb_toc_count(&b->r), b->signer ? "signed with key " :
	       "not signed", b->signer ? b->signer : "");
	printf("  script %s, compiled by %s\n",
	       str(mem, &b->sets[0], row->script),
	       *stb_string(&b->sets[0], row->compiler) ?
	       str(mem, &b->sets[0], row->compiler) : "something unnamed");
	if (stb_privilege(&b->sets[0]))
		printf("  privilege %s\n", privilege_name(b));
	if (bundle_generation(b))
		printf("  generation %u\n", bundle_generation(b));
	if (row->epoch)
		printf("  dated %" PRIu64 " (seconds since 1970)\n",
		       row->epoch);
	for (i = 0; i < n; i++) {
		struct variant v = variant_at(b, i);
		struct arena own = { 0 };	/* there may be many */

		show_variant(&own, &v);
		arena_free(&own);
	}
}

/* --- for machines ------------------------------------------------------------- */

/* JSON is UTF-8; bytes that are not come out as '?'. */
static json_t *text(struct arena *mem, const char *s)
{
	json_t *j = json_string(s);
	char *p;

	if (j)
		return j;
	p = arena_strdup(mem, s);
	for (char *q = p; *q; q++)
		if ((unsigned char)*q > 0x7e)
			*q = '?';
	return json_string(p);
}

static json_t *name_of(struct arena *mem, const struct variant *v, stb_str s)
{
	return text(mem, stb_string(v->meta, s));
}

static json_t *id_json(struct arena *mem, const struct stb_build_id *id)
{
	return id->len ? json_string(hex_text(mem, id->bytes, id->len)) :
			 json_null();
}

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

/* Addresses do not fit a JSON number everywhere: text. */
static json_t *address(uint64_t n)
{
	return json_sprintf("0x%" PRIx64, n);
}

static json_t *event_json(const struct variant *v, const struct stb_site *s)
{
	const struct stb_event *e = ROW(&v->events, struct stb_event, s->event);
	json_t *j = json_object();

	json_object_set_new(j, "type", number(e->type));
	json_object_set_new(j, "config", address(e->config));
	if (s->attach == STB_AT_NETFILTER) {
		json_object_set_new(j, "priority",
				    json_integer((int32_t)e->rate));
		return j;
	}
	json_object_set_new(j, e->flags & STB_EVENT_HZ ? "hz" : "every",
			    number(e->rate));
	if (e->type == STB_EVENT_BREAKPOINT) {
		json_object_set_new(j, "access", number(e->access));
		json_object_set_new(j, "length", number(e->length));
	}
	return j;
}

static json_t *site_json(struct arena *mem, const struct variant *v,
			 const struct stb_site *s)
{
	json_t *j = json_object();

	json_object_set_new(j, "name", name_of(mem, v, s->name));
	json_object_set_new(j, "attach", json_string(attach_name(s->attach)));
	if (s->attach == STB_AT_UPROBE || s->attach == STB_AT_URETPROBE)
		json_object_set_new(j, "program", number(s->build));
	else if (plan_has_event(s->attach))
		json_object_set_new(j, "event", event_json(v, s));
	else
		json_object_set_new(j, "symbol", name_of(mem, v, s->symbol));
	if (s->flags & STB_SITE_IN_MODULE)
		json_object_set_new(j, "program", number(s->build));
	json_object_set_new(j, "address", address(s->addr));
	json_object_set_new(j, "offset", address(s->offset));
	if (s->flags & STB_SITE_SEMAPHORE)
		json_object_set_new(j, "semaphore", address(s->maxactive));
	json_object_set_new(j, "by_address",
			    json_boolean(s->flags & STB_SITE_BY_ADDRESS));
	json_object_set_new(j, "optional",
			    json_boolean(s->flags & STB_SITE_OPTIONAL));
	return j;
}

static json_t *handler_json(struct arena *mem, const struct variant *v,
			    const struct stb_handler *h)
{
	json_t *j = json_object();
	const struct stb_file *f;

	json_object_set_new(j, "when", json_string(when_name(h->when)));
	json_object_set_new(j, "order", json_integer(h->order));
	json_object_set_new(j, "period_ns", number(h->period_ns));
	json_object_set_new(j, "random_ns", number(h->random_ns));
	if (!plan_has_file(h->when))
		return j;
	f = ROW(&v->files, struct stb_file, h->file);
	json_object_set_new(j, "file", name_of(mem, v, f->path));
	json_object_set_new(j, "mode", number(f->mode));
	json_object_set_new(j, "max_size", number(f->max_size));
	return j;
}

static json_t *map_json(struct arena *mem, const struct variant *v,
			const struct stb_map *m)
{
	json_t *j = json_object(), *keys = json_array();
	const char *k;

	for (k = first_key(v, m); *k; k = next_key(k))
		json_array_append_new(keys, json_string(
			type_name((unsigned char)*k)));
	json_object_set_new(j, "id", number(m->id));
	json_object_set_new(j, "name", name_of(mem, v, m->name));
	json_object_set_new(j, "type", json_string(map_type_name(m->type)));
	json_object_set_new(j, "internal", json_boolean(
		m->flags & (STB_MAPF_INTERNAL | STB_MAPF_HIDDEN)));
	json_object_set_new(j, "wraps", json_boolean(m->flags & STB_MAPF_WRAP));
	json_object_set_new(j, "keys", keys);
	json_object_set_new(j, "value", json_string(type_name(m->value)));
	json_object_set_new(j, "key_size", number(m->key_size));
	json_object_set_new(j, "value_size", number(m->value_size));
	json_object_set_new(j, "max_entries", number(m->max_entries));
	return j;
}

static json_t *build_json(struct arena *mem, const struct variant *v,
			  const struct stb_program_build *b)
{
	json_t *j = json_object();

	json_object_set_new(j, "module",
			    json_boolean(b->kind == STB_BUILD_MODULE));
	json_object_set_new(j, "path", name_of(mem, v, b->path));
	json_object_set_new(j, "build_id", id_json(mem, &b->id));
	return j;
}

static json_t *global_json(struct arena *mem, const struct variant *v,
			   const struct stb_global *g)
{
	json_t *j = json_object();

	json_object_set_new(j, "name", name_of(mem, v, g->name));
	json_object_set_new(j, "type", json_string(type_name(g->type)));
	return j;
}

/* An array of what `one` makes of each row. */
#define LIST(j, key, rows, type, one) do {				\
	json_t *list = json_array();					\
	for (uint32_t i = 0; i < (rows).n; i++) {			\
		const struct type *row = ROW(&(rows), struct type, i);	\
		json_array_append_new(list, one);			\
	}								\
	json_object_set_new(j, key, list);				\
} while (0)

static json_t *module_json(struct arena *mem, const struct variant *v)
{
	const struct stb_set *s = bundle_set(v->b, v->row->module);
	struct rows t = rows_of(s, STB_T_MODULE, sizeof(struct stb_module));
	struct rows versions = rows_of(s, STB_T_VERSIONS,
				       sizeof(struct stb_version));
	const struct stb_module *m = ROW(&t, struct stb_module, 0);
	json_t *j, *list;

	if (!v->row->module)
		return json_null();
	j = json_object();
	list = json_object();
	json_object_set_new(j, "name", text(mem, stb_string(s, m->name)));
	json_object_set_new(j, "vermagic",
			    text(mem, stb_string(s, m->vermagic)));
	json_object_set_new(j, "srcversion",
			    text(mem, stb_string(s, m->srcversion)));
	json_object_set_new(j, "compiler",
			    text(mem, stb_string(s, m->compiler)));
	for (uint32_t i = 0; i < versions.n; i++) {
		const struct stb_version *row =
			ROW(&versions, struct stb_version, i);

		json_object_set_new(list, stb_string(s, row->symbol),
				    json_sprintf("0x%08x", row->crc));
	}
	json_object_set_new(j, "versions", list);
	return j;
}

static json_t *variant_json(struct arena *mem, const struct variant *v)
{
	const struct stb_set *index = &v->b->sets[0];
	json_t *j = json_object(), *kernel = json_object();
	json_t *sections = json_object();

	json_object_set_new(j, "name",
			    text(mem, stb_string(index, v->row->name)));
	json_object_set_new(kernel, "release",
			    text(mem, stb_string(index, v->row->release)));
	json_object_set_new(kernel, "build_id",
			    id_json(mem, &v->row->kernel));
	json_object_set_new(j, "kernel", kernel);
	LIST(j, "sites", v->sites, stb_site, site_json(mem, v, row));
	LIST(j, "handlers", v->handlers, stb_handler, handler_json(mem, v, row));
	LIST(j, "globals", v->globals, stb_global, global_json(mem, v, row));
	LIST(j, "maps", v->maps, stb_map, map_json(mem, v, row));
	LIST(j, "programs", v->builds, stb_program_build,
	     build_json(mem, v, row));
	json_object_set_new(sections, "meta", number(v->row->meta));
	json_object_set_new(sections, "kcode", v->row->kcode ?
			    number(v->row->kcode) : json_null());
	json_object_set_new(sections, "ucode", v->row->ucode ?
			    number(v->row->ucode) : json_null());
	json_object_set_new(j, "module", module_json(mem, v));
	json_object_set_new(sections, "module", v->row->module ?
			    number(v->row->module) : json_null());
	json_object_set_new(sections, "script", v->row->script ?
			    number(v->row->script) : json_null());
	json_object_set_new(j, "sections", sections);
	return j;
}

static json_t *sections_json(struct arena *mem, struct bundle *b)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < stb_toc_count(&b->r); i++) {
		const struct stb_toc *t = stb_toc_at(&b->r, i);
		json_t *j = json_object();

		json_object_set_new(j, "kind",
				    json_string(section_name(t->kind)));
		json_object_set_new(j, "offset", number(t->offset));
		json_object_set_new(j, "size", number(t->size));
		json_object_set_new(j, "raw_size", number(t->raw_size));
		json_object_set_new(j, "digest", json_string(
			hex_text(mem, t->digest, STB_DIGEST_SIZE)));
		json_array_append_new(list, j);
	}
	return list;
}

static void show_json(struct arena *mem, struct bundle *b)
{
	const struct stb_bundle *row = bundle_row(b);
	const struct stb_set *index = &b->sets[0];
	json_t *j = json_object(), *variants = json_array();

	json_object_set_new(j, "schema", json_integer(1));
	json_object_set_new(j, "id", json_string(
		hex_text(mem, b->r.header->toc_digest, STB_DIGEST_SIZE)));
	json_object_set_new(j, "format", json_sprintf("%u.%u",
			    b->r.header->major, b->r.header->minor));
	json_object_set_new(j, "size", number(b->r.size));
	json_object_set_new(j, "signed", json_boolean(b->signer != NULL));
	json_object_set_new(j, "script",
			    text(mem, stb_string(index, row->script)));
	json_object_set_new(j, "compiler",
			    text(mem, stb_string(index, row->compiler)));
	json_object_set_new(j, "epoch", number(row->epoch));
	json_object_set_new(j, "privilege", json_string(privilege_name(b)));
	for (uint32_t i = 0; i < variant_count(b); i++) {
		struct variant v = variant_at(b, i);

		json_array_append_new(variants, variant_json(mem, &v));
	}
	json_object_set_new(j, "variants", variants);
	json_object_set_new(j, "sections", sections_json(mem, b));
	json_dumpf(j, stdout, JSON_INDENT(2));
	printf("\n");
	json_decref(j);
}

/* --- verbs ------------------------------------------------------------------- */

static int show_script(struct bundle *b)
{
	for (uint32_t i = 0; i < variant_count(b); i++) {
		struct variant v = variant_at(b, i);
		struct rows t = rows_of(bundle_set(b, v.row->script),
					STB_T_SOURCE, 1);

		if (!t.n)
			continue;
		fwrite(t.base, 1, t.n, stdout);
		return 0;
	}
	wrong(b->file, 0, "holds no script text");
	return EXIT_DATA;
}

static int not_of_dumps(const char *file)
{
	fprintf(stderr, "%s: --json and --script are for bundles: %s is a dump, "
		"whose lines are JSON already\n", argv0, file);
	return EXIT_USAGE;
}

int verb_show(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "script", no_argument, NULL, 's' },
		{ 0 }
	};
	struct arena mem = { 0 };
	struct bundle b;
	const char *data;
	size_t size;
	int c, how = 0, status;
	bool both = false;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return EXIT_USAGE;
		both |= how && how != c;
		how = c;
	}
	if (both || optind != argc - 1) {
		fprintf(stderr, "usage: %s show [--json | --script] FILE\n",
			argv0);
		return EXIT_USAGE;
	}
	data = read_file(&mem, argv[optind], &size);
	if (data && is_dump(data, size)) {
		status = how ? not_of_dumps(argv[optind]) :
			 show_dump(argv[optind], data, size);
		arena_free(&mem);
		return status;
	}
	status = bundle_load(&mem, argv[optind], &b);
	if (!status && how == 's')
		status = show_script(&b);
	else if (!status && how == 'j')
		show_json(&mem, &b);
	else if (!status)
		show_people(&mem, &b);
	arena_free(&mem);
	return status;
}
