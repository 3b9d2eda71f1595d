/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan.c - reads the plan that stapc writes (docs/plan.md).
 *
 * In: a text file. Out: struct plan, complete: every word known, every key
 * known and of its type, those that must be there there, names and indices
 * pointing to something. Each word is a row of data below.
 */
#include "bundler/bundle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool wrong(const char *file, unsigned line, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s: %s:", argv0, file);
	if (line)
		fprintf(stderr, "%u:", line);
	fputc(' ', stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return false;
}

/* --- what may be in a plan ------------------------------------------------ */

struct choice {
	const char *name;
	uint32_t value;
};

/* One key of a word: where its value goes. */
struct key {
	const char *name;
	enum {
		K_TEXT,		/* const char * */
		K_BYTES,	/* the same, may hold NULs; u32 length at off2 */
		K_PATH,		/* const char *, relative to the plan */
		K_U32, K_U64, K_I64,
		K_LETTER,	/* one of `letters`, to a u32 */
		K_CHOICE,	/* a name of `choices`, to a u32 */
		K_BUILD_ID,	/* hex, to a struct stb_build_id */
	} kind;
	size_t off;
	bool needed;
	const char *letters;
	const struct choice *choices;
	size_t off2;
};

static const struct choice map_types[] = {
	{ "hash", STB_MAP_HASH },
	{ "percpu_hash", STB_MAP_PERCPU_HASH },
	{ "percpu_array", STB_MAP_PERCPU_ARRAY },
	{ "ringbuf", STB_MAP_RINGBUF },
	{ "loader", STB_MAP_LOADER },
	{ "pages", STB_MAP_PAGES },
	{ 0 }
};
static const struct choice channels[] = {
	{ "out", STB_OUT }, { "error", STB_ERROR }, { "warn", STB_WARN },
	{ "log", STB_LOG }, { "system", STB_SYSTEM },
	{ "switch", STB_SWITCH }, { "value", STB_VALUE }, { 0 }
};
static const struct choice prog_types[] = {
	{ "kprobe", STB_PROG_KPROBE }, { "fentry", STB_PROG_FENTRY },
	{ "fexit", STB_PROG_FEXIT }, { "raw_tp", STB_PROG_RAW_TP },
	{ "perf_event", STB_PROG_PERF_EVENT },
	{ "netfilter", STB_PROG_NETFILTER },
	{ "tasks", STB_PROG_TASKS }, { 0 }
};
static const struct choice attaches[] = {
	{ "kprobe", STB_AT_KPROBE }, { "kretprobe", STB_AT_KRETPROBE },
	{ "fentry", STB_AT_FENTRY }, { "fexit", STB_AT_FEXIT },
	{ "raw_tp", STB_AT_RAW_TP }, { "uprobe", STB_AT_UPROBE },
	{ "uretprobe", STB_AT_URETPROBE },
	{ "perf_event", STB_AT_PERF_EVENT },
	{ "netfilter", STB_AT_NETFILTER },
	{ "tasks", STB_AT_TASKS }, { 0 }
};
static const struct choice whens[] = {
	{ "begin", STB_BEGIN }, { "end", STB_END }, { "error", STB_ON_ERROR },
	{ "timer", STB_TIMER }, { "read", STB_READ }, { "write", STB_WRITE },
	{ "condition", STB_CONDITION },
	{ 0 }
};
static const struct choice binaries[] = {
	{ "kernel", STB_BIN_KERNEL }, { "module", STB_BIN_MODULE },
	{ "program", STB_BIN_PROGRAM }, { 0 }
};
static const struct choice build_kinds[] = {
	{ "program", STB_BUILD_PROGRAM }, { "module", STB_BUILD_MODULE },
	{ "path", STB_BUILD_PATH }, { 0 }
};
static const struct choice privileges[] = {
	{ "stapdev", STB_STAPDEV }, { "stapsys", STB_STAPSYS },
	{ "stapusr", STB_STAPUSR }, { 0 }
};
enum engine { ENGINE_BPF, ENGINE_USER, ENGINE_MODULE };
static const struct choice engines[] = {
	{ "bpf", ENGINE_BPF }, { "user", ENGINE_USER },
	{ "module", ENGINE_MODULE }, { 0 }
};

struct plan_object {
	uint32_t engine;
	const char *file;
};

#define AT(type, field) offsetof(struct type, field)
#define MAY(n, k, at, ...) { .name = n, .kind = k, .off = at, ##__VA_ARGS__ }
#define MUST(n, k, at, ...) MAY(n, k, at, .needed = true, ##__VA_ARGS__)

static const struct key kernel_keys[] = {
	MUST("name", K_TEXT, AT(plan, name)),
	MUST("release", K_TEXT, AT(plan, release)),
	MAY("build-id", K_BUILD_ID, AT(plan, kernel.kernel)),
	MAY("stext", K_U64, AT(plan, kernel.stext)),
	MAY("notes", K_U32, AT(plan, kernel.notes)),
	{ 0 }
};
static const struct key script_keys[] = {
	MUST("name", K_TEXT, AT(plan, script)),
	MAY("file", K_PATH, AT(plan, script_file)),
	MAY("compiler", K_TEXT, AT(plan, compiler)),
	MAY("privilege", K_CHOICE, AT(plan, privilege), .choices = privileges),
	{ 0 }
};
static const struct key limits_keys[] = {
	MUST("string_len", K_U32, AT(plan, limits.string_len)),
	MAY("max_errors", K_U32, AT(plan, limits.max_errors)),
	MAY("max_skipped", K_U32, AT(plan, limits.max_skipped)),
	MAY("max_action_user", K_U32, AT(plan, limits.max_action_user)),
	MAY("max_nesting", K_U32, AT(plan, limits.max_nesting)),
	MAY("globals_size", K_U32, AT(plan, limits.globals_size)),
	MAY("frame_size", K_U32, AT(plan, limits.frame_size)),
	MAY("frame_levels", K_U32, AT(plan, limits.frame_levels)),
	MAY("user_stack", K_U32, AT(plan, limits.user_stack)),
	MAY("needs", K_U32, AT(plan, limits.needs)),
	{ 0 }
};
static const struct key object_keys[] = {
	MUST("engine", K_CHOICE, AT(plan_object, engine),
	  .choices = engines),
	MUST("file", K_PATH, AT(plan_object, file)),
	{ 0 }
};
static const struct key map_keys[] = {
	MUST("id", K_U32, AT(plan_map, row.id)),
	MUST("name", K_TEXT, AT(plan_map, name)),
	MUST("type", K_CHOICE, AT(plan_map, row.type),
	  .choices = map_types),
	MAY("flags", K_U32, AT(plan_map, row.flags)),
	MAY("keys", K_TEXT, AT(plan_map, keys)),
	MAY("value", K_LETTER, AT(plan_map, row.value), .letters = "lsx"),
	MAY("key_size", K_U32, AT(plan_map, row.key_size)),
	MAY("value_size", K_U32, AT(plan_map, row.value_size)),
	MAY("max_entries", K_U32, AT(plan_map, row.max_entries)),
	MAY("stat_ops", K_U32, AT(plan_map, row.stat_ops)),
	MAY("hist_lo", K_I64, AT(plan_map, row.hist_lo)),
	MAY("hist_hi", K_I64, AT(plan_map, row.hist_hi)),
	MAY("hist_step", K_I64, AT(plan_map, row.hist_step)),
	{ 0 }
};
static const struct key global_keys[] = {
	MUST("name", K_TEXT, AT(plan_global, name)),
	MUST("type", K_LETTER, AT(plan_global, row.type),
	  .letters = "ls"),
	MUST("offset", K_U32, AT(plan_global, row.offset)),
	MUST("size", K_U32, AT(plan_global, row.size)),
	{ 0 }
};
static const struct key format_keys[] = {
	MUST("text", K_BYTES, AT(plan_format, text),
	  .off2 = AT(plan_format, row.text_len)),
	MAY("args", K_TEXT, AT(plan_format, args)),
	MAY("channel", K_CHOICE, AT(plan_format, row.channel),
	  .choices = channels),
	{ 0 }
};
static const struct key build_keys[] = {
	MUST("path", K_TEXT, AT(plan_build, path)),
	MAY("build-id", K_BUILD_ID, AT(plan_build, row.id)),
	MAY("kind", K_CHOICE, AT(plan_build, row.kind),
	  .choices = build_kinds),
	{ 0 }
};
static const struct key prog_keys[] = {
	MUST("name", K_TEXT, AT(plan_prog, name)),
	MUST("type", K_CHOICE, AT(plan_prog, row.type),
	  .choices = prog_types),
	MAY("btf_id", K_U32, AT(plan_prog, row.btf_id)),
	{ 0 }
};
static const struct key site_keys[] = {
	MUST("name", K_TEXT, AT(plan_site, name)),
	MUST("prog", K_TEXT, AT(plan_site, prog)),
	MUST("attach", K_CHOICE, AT(plan_site, row.attach),
	  .choices = attaches),
	MAY("flags", K_U32, AT(plan_site, row.flags)),
	MAY("symbol", K_TEXT, AT(plan_site, symbol)),
	MAY("build", K_U32, AT(plan_site, row.build)),
	MAY("addr", K_U64, AT(plan_site, row.addr)),
	MAY("offset", K_U64, AT(plan_site, row.offset)),
	MAY("cookie", K_U64, AT(plan_site, row.cookie)),
	MAY("maxactive", K_U32, AT(plan_site, row.maxactive)),
	MAY("semaphore", K_U32, AT(plan_site, row.maxactive)),
	MAY("event", K_U32, AT(plan_site, event.type)),
	MAY("event_flags", K_U32, AT(plan_site, event.flags)),
	MAY("config", K_U64, AT(plan_site, event.config)),
	MAY("rate", K_U64, AT(plan_site, event.rate)),
	MAY("access", K_U32, AT(plan_site, event.access)),
	MAY("length", K_U32, AT(plan_site, event.length)),
	{ 0 }
};
static const struct key handler_keys[] = {
	MUST("name", K_TEXT, AT(plan_handler, name)),
	MUST("when", K_CHOICE, AT(plan_handler, row.when),
	  .choices = whens),
	MAY("order", K_I64, AT(plan_handler, row.order)),
	MAY("period_ns", K_U64, AT(plan_handler, row.period_ns)),
	MAY("random_ns", K_U64, AT(plan_handler, row.random_ns)),
	MAY("file", K_TEXT, AT(plan_handler, path)),
	MAY("prog", K_TEXT, AT(plan_handler, prog)),
	MAY("mode", K_U32, AT(plan_handler, file.mode)),
	MAY("max_size", K_U32, AT(plan_handler, file.max_size)),
	{ 0 }
};
static const struct key symbols_keys[] = {
	MUST("name", K_TEXT, AT(plan_symbols, name)),
	MUST("kind", K_CHOICE, AT(plan_symbols, row.kind),
	  .choices = binaries),
	MUST("file", K_PATH, AT(plan_symbols, text)),
	MAY("build-id", K_BUILD_ID, AT(plan_symbols, row.id)),
	{ 0 }
};

/* --- the text -------------------------------------------------------------- */

struct reader {
	struct arena *mem;
	struct plan *plan;
	const char *p;		/* what is left of the line */
	unsigned line;
	unsigned seen;		/* bit of each word that was there */
};

static bool bad(const struct reader *r, const char *fmt, ...)
	PRINTF_LIKE(2, 3);
static bool bad(const struct reader *r, const char *fmt, ...)
{
	struct arena mem = { 0 };
	va_list ap;

	va_start(ap, fmt);
	wrong(r->plan->file, r->line, "%s", arena_vprintf(&mem, fmt, ap));
	va_end(ap);
	arena_free(&mem);
	return false;
}

static void skip_blanks(struct reader *r)
{
	while (*r->p == ' ' || *r->p == '\t')
		r->p++;
	if (*r->p == '#')	/* a comment: to the end of the line */
		r->p += strlen(r->p);
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Behind a backslash: as in C. */
static bool escape(struct reader *r, struct text *t)
{
	static const char names[] = "abfnrtv\"\\?'";
	static const char means[] = "\a\b\f\n\r\t\v\"\\?'";
	const char *hit = *r->p ? strchr(names, *r->p) : NULL;
	int base = *r->p == 'x' ? 16 : 8, most = base == 16 ? 2 : 3;
	int n = 0, value = 0;

	if (hit) {
		text_putc(t, means[hit - names]);
		r->p++;
		return true;
	}
	if (base == 16)
		r->p++;
	for (; n < most && digit(*r->p) < base; n++)
		value = value * base + digit(*r->p++);
	if (!n || value > 255)
		return bad(r, "unknown escape in a string");
	text_putc(t, (char)value);
	return true;
}

/* A bare word up to a blank, or a C string literal. */
static bool value(struct reader *r, struct text *t)
{
	*t = (struct text){ .mem = r->mem };
	text_puts(t, "");
	if (*r->p != '"') {
		size_t n = strcspn(r->p, " \t\"");

		text_add(t, r->p, n);
		r->p += n;
		return *r->p != '"' || bad(r, "quote inside a word");
	}
	for (r->p++; *r->p && *r->p != '"';) {
		if (*r->p != '\\') {
			text_putc(t, *r->p++);
			continue;
		}
		r->p++;
		if (!escape(r, t))
			return false;
	}
	if (*r->p++ != '"')
		return bad(r, "string without an end");
	return !*r->p || *r->p == ' ' || *r->p == '\t' ||
	       bad(r, "string goes on behind its end");
}

/* Decimal or 0x...; a sign where `sign`. */
static bool number(const char *s, bool sign, uint64_t max, uint64_t *n)
{
	bool minus = sign && *s == '-';
	char *end;

	s += minus;
	if (digit(*s) > 9)
		return false;
	errno = 0;
	*n = strtoull(s, &end, s[0] == '0' && s[1] == 'x' ? 16 : 10);
	if (*end || errno || *n > max + minus)
		return false;
	if (minus)
		*n = -*n;
	return true;
}

static bool build_id(const char *s, struct stb_build_id *id)
{
	size_t i, n = strlen(s);

	if (n % 2 || n < 8 || n / 2 > sizeof(id->bytes))
		return false;
	for (i = 0; i < n / 2; i++) {
		if (digit(s[2 * i]) > 15 || digit(s[2 * i + 1]) > 15)
			return false;
		id->bytes[i] = (uint8_t)(digit(s[2 * i]) * 16 +
					 digit(s[2 * i + 1]));
	}
	id->len = (uint8_t)(n / 2);
	return true;
}

static const char *beside(struct reader *r, const char *path)
{
	const char *slash = strrchr(r->plan->file, '/');

	if (*path == '/' || !slash)
		return path;
	return arena_printf(r->mem, "%.*s/%s", (int)(slash - r->plan->file),
			    r->plan->file, path);
}

static bool choose(struct reader *r, const struct key *k, const char *s,
		   uint32_t *to)
{
	const struct choice *c;
	struct text all = { .mem = r->mem };

	for (c = k->choices; c->name; c++) {
		if (!strcmp(c->name, s)) {
			*to = c->value;
			return true;
		}
		text_printf(&all, "%s%s", all.n ? ", " : "", c->name);
	}
	return bad(r, "%s=%s: one of %s", k->name, s, all.s);
}

/* Puts the value of key k into `row`. */
static bool store(struct reader *r, const struct key *k, struct text *t,
		  char *row)
{
	void *to = row + k->off;
	uint64_t n = 0;
	bool ok = true;

	if (k->kind != K_BYTES && strlen(t->s) != t->n)
		return bad(r, "%s holds a NUL", k->name);
	switch (k->kind) {
	case K_BYTES:
		*(uint32_t *)(void *)(row + k->off2) = (uint32_t)t->n;
		*(const char **)to = t->s;
		break;
	case K_TEXT:
		*(const char **)to = t->s;
		break;
	case K_PATH:
		*(const char **)to = beside(r, t->s);
		break;
	case K_U32:
		ok = number(t->s, false, UINT32_MAX, &n);
		*(uint32_t *)to = (uint32_t)n;
		break;
	case K_U64:
		ok = number(t->s, false, UINT64_MAX, to);
		break;
	case K_I64:
		ok = number(t->s, true, INT64_MAX, to);
		break;
	case K_LETTER:
		ok = t->n == 1 && strchr(k->letters, t->s[0]);
		*(uint32_t *)to = (unsigned char)t->s[0];
		break;
	case K_CHOICE:
		return choose(r, k, t->s, to);
	case K_BUILD_ID:
		ok = build_id(t->s, to);
		break;
	}
	return ok || bad(r, "%s=%s makes no sense", k->name, t->s);
}

/* key=value... to the end of the line, into `row`. */
static bool read_keys(struct reader *r, const char *word,
		      const struct key *keys, void *row)
{
	unsigned long seen = 0;

	for (skip_blanks(r); *r->p; skip_blanks(r)) {
		size_t i = 0, n = strcspn(r->p, "= \t");
		const char *name = arena_strndup(r->mem, r->p, n);
		struct text t;

		if (r->p[n] != '=')
			return bad(r, "\"%s\" is not key=value", name);
		while (keys[i].name && strcmp(keys[i].name, name))
			i++;
		if (!keys[i].name)
			return bad(r, "%s: unknown key \"%s\"", word, name);
		if (seen >> i & 1)
			return bad(r, "%s: %s twice", word, name);
		seen |= 1ul << i;
		r->p += n + 1;
		if (!value(r, &t) || !store(r, &keys[i], &t, row))
			return false;
	}
	for (size_t i = 0; keys[i].name; i++)
		if (keys[i].needed && !(seen >> i & 1))
			return bad(r, "%s: no %s", word, keys[i].name);
	return true;
}

/* --- words ----------------------------------------------------------------- */

enum word_id { W_KERNEL, W_SCRIPT, W_LIMITS, W_OBJECT, W_MAP, W_GLOBAL,
	       W_FORMAT, W_BUILD, W_PROG, W_SITE, W_HANDLER, W_SYMBOLS };
static const struct word {
	const char *name;
	const struct key *keys;
	bool once;
} words[] = {
	[W_KERNEL] = { "kernel", kernel_keys, true },
	[W_SCRIPT] = { "script", script_keys, true },
	[W_LIMITS] = { "limits", limits_keys, true },
	[W_OBJECT] = { "object", object_keys, false },
	[W_MAP] = { "map", map_keys, false },
	[W_GLOBAL] = { "global", global_keys, false },
	[W_FORMAT] = { "format", format_keys, false },
	[W_BUILD] = { "build", build_keys, false },
	[W_PROG] = { "prog", prog_keys, false },
	[W_SITE] = { "site", site_keys, false },
	[W_HANDLER] = { "handler", handler_keys, false },
	[W_SYMBOLS] = { "symbols", symbols_keys, false },
};

static bool read_object(struct reader *r, const struct word *w)
{
	struct plan_object o = { 0 };
	const char **to;

	if (!read_keys(r, w->name, w->keys, &o))
		return false;
	to = o.engine == ENGINE_BPF ? &r->plan->kernel_object :
	     o.engine == ENGINE_USER ? &r->plan->user_object :
				       &r->plan->module;
	if (*to)
		return bad(r, "a second object for engine %s",
			   engines[o.engine].name);
	*to = o.file;
	return true;
}

/* Reads a row of that type and adds it to that list of the plan. */
#define ROW(type, list)							\
	do {								\
		struct type row = { .line = r->line };			\
									\
		if (!read_keys(r, w->name, w->keys, &row))		\
			return false;					\
		vec_push(r->mem, &r->plan->list, row);			\
	} while (0)

static bool read_row(struct reader *r, enum word_id id)
{
	const struct word *w = &words[id];

	if (w->once && (r->seen >> id & 1))
		return bad(r, "a second %s", w->name);
	r->seen |= 1u << id;
	switch (id) {
	case W_KERNEL:
	case W_SCRIPT:
	case W_LIMITS:
		return read_keys(r, w->name, w->keys, r->plan);
	case W_OBJECT:
		return read_object(r, w);
	case W_MAP:
		ROW(plan_map, maps);
		break;
	case W_GLOBAL:
		ROW(plan_global, globals);
		break;
	case W_FORMAT:
		ROW(plan_format, formats);
		break;
	case W_BUILD:
		ROW(plan_build, builds);
		break;
	case W_PROG:
		ROW(plan_prog, progs);
		break;
	case W_SITE:
		ROW(plan_site, sites);
		break;
	case W_HANDLER:
		ROW(plan_handler, handlers);
		break;
	case W_SYMBOLS:
		ROW(plan_symbols, symbols);
		break;
	}
	return true;
}

static bool read_line(struct reader *r)
{
	size_t n, i;
	const char *name;

	skip_blanks(r);
	if (!*r->p)
		return true;
	n = strcspn(r->p, " \t");
	name = arena_strndup(r->mem, r->p, n);
	r->p += n;
	for (i = 0; i < COUNT_OF(words); i++)
		if (!strcmp(words[i].name, name))
			return read_row(r, (enum word_id)i);
	return bad(r, "unknown word \"%s\"", name);
}

/* --- what rows say of each other --------------------------------------------- */

static bool check_maps(struct plan *p)
{
	for (size_t i = 0; i < p->maps.n; i++) {
		struct plan_map *m = &p->maps.v[i];

		if (m->row.id >= STB_MAP_ID_GLOBALS)
			return wrong(p->file, m->line, "map id %u is too "
				     "large", m->row.id);
		for (size_t k = 0; k < i; k++)
			if (p->maps.v[k].row.id == m->row.id)
				return wrong(p->file, m->line, "map id %u is "
					     "taken by \"%s\"", m->row.id,
					     p->maps.v[k].name);
	}
	return true;
}

static bool check_conditions(struct plan *p, struct dict *progs)
{
	for (size_t i = 0; i < p->handlers.n; i++) {
		struct plan_handler *h = &p->handlers.v[i];
		struct plan_prog *prog = h->prog ? dict_get(progs, h->prog) :
			NULL;

		if ((h->row.when == STB_CONDITION) != !!h->prog)
			return wrong(p->file, h->line, "prog= is of "
				     "conditions, which have one");
		if (h->prog && !prog)
			return wrong(p->file, h->line, "no prog %s", h->prog);
		h->row.file = prog ? (uint32_t)(prog - p->progs.v) : 0;
	}
	return true;
}

static bool check_progs(struct arena *mem, struct plan *p)
{
	struct dict by_name = { .mem = mem };

	for (size_t i = 0; i < p->progs.n; i++) {
		void **at = dict_at(&by_name, p->progs.v[i].name);

		if (*at)
			return wrong(p->file, p->progs.v[i].line,
				     "a second prog %s", p->progs.v[i].name);
		*at = &p->progs.v[i];
	}
	for (size_t i = 0; i < p->sites.n; i++) {
		struct plan_site *s = &p->sites.v[i];
		struct plan_prog *prog = dict_get(&by_name, s->prog);
		bool user = s->row.attach == STB_AT_UPROBE ||
			    s->row.attach == STB_AT_URETPROBE;
		bool module = s->row.flags & STB_SITE_IN_MODULE;

		if (!prog)
			return wrong(p->file, s->line, "no prog %s", s->prog);
		if ((user || module) && s->row.build >= p->builds.n)
			return wrong(p->file, s->line, "no build %u",
				     s->row.build);
		if (module && p->builds.v[s->row.build].row.kind !=
			      STB_BUILD_MODULE)
			return wrong(p->file, s->line, "build %u is no module",
				     s->row.build);
		s->row.prog = (uint32_t)(prog - p->progs.v);
	}
	return check_conditions(p, &by_name);
}

static bool check_plan(struct arena *mem, struct plan *p, unsigned seen)
{
	static const enum word_id must[] = { W_KERNEL, W_SCRIPT, W_LIMITS };

	for (size_t i = 0; i < COUNT_OF(must); i++)
		if (!(seen >> must[i] & 1))
			return wrong(p->file, 0, "no %s",
				     words[must[i]].name);
	if (p->module && (p->kernel_object || p->user_object))
		return wrong(p->file, 0, "an object of engine module, and "
			     "another");
	if (p->module)
		return check_maps(p) && check_progs(mem, p);
	if (p->progs.n && !p->kernel_object)
		return wrong(p->file, p->progs.v[0].line,
			     "progs, but no object of engine bpf");
	if (p->handlers.n && !p->user_object)
		return wrong(p->file, p->handlers.v[0].line,
			     "handlers, but no object of engine user");
	return check_maps(p) && check_progs(mem, p);
}

bool plan_read(struct arena *mem, const char *file, struct plan *p)
{
	struct reader r = { .mem = mem, .plan = p };
	char *text = read_file(mem, file, NULL), *next;

	*p = (struct plan){ .file = file, .compiler = "" };
	if (!text)
		return wrong(file, 0, "%s", strerror(errno));
	for (; text; text = next) {
		next = strchr(text, '\n');
		if (next)
			*next++ = 0;
		r.line++;
		r.p = text;
		if (r.line == 1) {
			if (strcmp(text, "stb-plan 1"))
				return wrong(file, 1, "not a plan: the first "
					     "line is \"stb-plan 1\"");
		} else if (!read_line(&r)) {
			return false;
		}
	}
	return check_plan(mem, p, r.seen);
}
