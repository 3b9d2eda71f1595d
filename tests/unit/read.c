/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read.c - the reader of bundles: a good one is read, and each way in which one
 * can be bad is refused with the error that says so.
 *
 * links: bundler -lzstd -lsodium
 */
#include "bundler/served.h"
#include "tests/bundle/make.h"

#include <stdio.h>

static unsigned failures;
#define EXPECT(what, got, want) do {					\
	unsigned long got_ = (unsigned long)(got);			\
	unsigned long want_ = (unsigned long)(want);			\
	if (got_ != want_) {						\
		printf("%s:%d: %s: %lu, not %lu\n", __FILE__, __LINE__,	\
		       what, got_, want_);				\
		failures++;						\
	}								\
} while (0)

/* Reads all of a bundle as a loader would: the error it ends with. */
static enum stb_error read_bundle(const void *data, size_t size)
{
	struct stb_set set[MAKE_SECTIONS] = { 0 };
	void *buf[MAKE_SECTIONS] = { 0 };
	struct stb_reader r;
	uint32_t n, i;

	if (stb_open(&r, data, size)) {
		n = stb_toc_count(&r);
		for (i = 0; !r.error && i < n && i < MAKE_SECTIONS; i++) {
			size_t raw;

			if (stb_toc_at(&r, i)->flags & STB_MAY_IGNORE)
				continue;
			raw = stb_section_size(&r, i);
			buf[i] = malloc(raw ? raw : 1);
			stb_section_read(&r, i, buf[i], raw, &set[i]);
		}
		if (!r.error && stb_validate_index(&r, &set[0]) && n >= 4)
			stb_validate(&r, &set[1], &set[2], &set[3]);
	}
	for (i = 0; i < MAKE_SECTIONS; i++)
		free(buf[i]);
	return r.error;
}

static struct made example_bundle(struct example *e)
{
	struct made_section s[5];
	uint8_t *raw[5];
	size_t size[5];
	struct made m;

	example_raw(e, raw, size);
	for (int i = 0; i < 5; i++) {
		s[i] = make_section(example_kinds[i], raw[i], size[i]);
		free(raw[i]);
	}
	m = make_bundle(s, 5);
	for (int i = 0; i < 5; i++)
		free((void *)(uintptr_t)s[i].stored);
	return m;
}

/* The example with something changed that the reader must see or not mind. */
#define ROWS(want, change) do {						\
	struct example e = make_example();				\
	struct made m;							\
	change;								\
	m = example_bundle(&e);						\
	EXPECT(#change, read_bundle(m.data, m.size), want);		\
	free(m.data);							\
} while (0)

static void of_events(struct example *e)
{
	e->prog.type = STB_PROG_PERF_EVENT;
	e->sites[0].attach = e->sites[1].attach = STB_AT_PERF_EVENT;
}

static void event_rows(void)
{
	ROWS(STB_OK, of_events(&e));
	ROWS(STB_E_VALUE, (of_events(&e), e.prog.type = STB_PROG_KPROBE));
	ROWS(STB_E_VALUE, (of_events(&e), e.sites[1].event = 1));
	ROWS(STB_E_VALUE, (of_events(&e), e.event.rate = 0));
	ROWS(STB_E_VALUE, (of_events(&e), e.event.flags = 4));
	ROWS(STB_E_VALUE, (of_events(&e), e.event.type = 5));
	ROWS(STB_OK, (of_events(&e), e.event.type = 5, e.event.access = 2,
		      e.event.length = 4));
	ROWS(STB_E_VALUE, (of_events(&e), e.event.type = 5,
			   e.event.access = 2, e.event.length = 9));
}

static void of_hooks(struct example *e)
{
	e->prog.type = STB_PROG_NETFILTER;
	e->sites[0].attach = e->sites[1].attach = STB_AT_NETFILTER;
}

static void hook_rows(void)
{
	ROWS(STB_OK, of_hooks(&e));
	ROWS(STB_OK, (of_hooks(&e), e.event.rate = (uint64_t)-5));
	ROWS(STB_E_VALUE, (of_hooks(&e), e.event.rate = 1ull << 32));
	ROWS(STB_E_VALUE, (of_hooks(&e), e.event.type = 256));
	ROWS(STB_E_VALUE, (of_hooks(&e), e.event.config = 256));
	ROWS(STB_E_VALUE, (of_hooks(&e), e.sites[0].event = 1));
	ROWS(STB_E_VALUE, (of_hooks(&e), e.prog.type = STB_PROG_KPROBE));
}

static void file_rows(void)
{
	ROWS(STB_OK, e.handler.when = STB_READ);
	ROWS(STB_OK, e.handler.when = STB_WRITE);
	ROWS(STB_E_VALUE, e.handler.when = STB_WRITE + 1);
	ROWS(STB_E_VALUE, (e.handler.when = STB_READ, e.handler.file = 1));
	ROWS(STB_E_VALUE, (e.handler.when = STB_READ, e.file.path = 0));
	ROWS(STB_E_VALUE, (e.handler.when = STB_READ, e.file.mode = 01000));
	ROWS(STB_E_VALUE, (e.handler.when = STB_READ, e.file.max_size = 0));
	ROWS(STB_E_VALUE, (e.handler.when = STB_READ,
			   e.file.max_size = STB_MAX_FILE + 1));
	ROWS(STB_E_VALUE, (e.handler.when = STB_WRITE, e.file.path = 18));
	ROWS(STB_E_VALUE, (e.handler.when = STB_WRITE, e.file.path = 21));
	ROWS(STB_OK, (e.handler.when = STB_WRITE, e.file.path = 26));
}

/* The code of it is in a module: rows name nothing of KCODE and UCODE. */
static void in_module(struct example *e)
{
	e->limits.needs = STB_NEEDS_MODULE;
	e->prog.insn_first = e->prog.insn_count = e->prog.reloc_count =
		e->prog.func_count = 0;
	e->handler.entry = 0;
}

static void module_rows(void)
{
	ROWS(STB_OK, in_module(&e));
	ROWS(STB_E_VALUE, (in_module(&e), e.prog.insn_count = 1));
	ROWS(STB_E_VALUE, (in_module(&e), e.prog.reloc_count = 1));
	ROWS(STB_E_VALUE, (in_module(&e), e.handler.entry = 1));
	/* nobody runs those */
	ROWS(STB_OK, e.handler.when = STB_CONDITION);
	ROWS(STB_E_VALUE, (in_module(&e), e.handler.when = STB_CONDITION));
	ROWS(STB_E_VALUE, e.variant.module = 3);
	ROWS(STB_E_VALUE, e.variant.module = 99);
}

/* A section of a module, with what is changed of it. */
static enum stb_error module_section(struct stb_module *m, uint32_t object,
				     stb_str symbol)
{
	static const char strings[] = "\0stb_1\0""6.1 SMP \0a/b\0"
		"0123456789012345678901234567890123456789012345678901234567";
	struct stb_version v = { .symbol = symbol, .crc = 1 };
	uint8_t bytes[64] = { 0 }, buf[4096];
	struct made_section s[2];
	struct stb_reader r;
	struct stb_set set;
	struct made b;
	size_t size;
	uint8_t *raw = make_set((struct made_table[]){
		{ STB_T_MODULE, sizeof(*m), m, 1 },
		{ STB_T_VERSIONS, sizeof(v), &v, 1 },
		{ STB_T_OBJECT, 1, bytes, object },
		{ STB_T_STRINGS, 1, strings, sizeof(strings) }, { 0 } },
		&size);

	s[0] = make_section(STB_SEC_INDEX, raw, size);
	s[1] = make_section(STB_SEC_MODULE, raw, size);
	b = make_bundle(s, 2);
	if (stb_open(&r, b.data, b.size) &&
	    stb_section_read(&r, 1, buf, stb_section_size(&r, 1), &set))
		stb_validate_module(&r, &set, 1);
	free(b.data);
	free(raw);
	free((void *)(uintptr_t)s[0].stored);
	free((void *)(uintptr_t)s[1].stored);
	return r.error;
}

#define MODULE(want, object, symbol, change) do {			\
	struct stb_module m = { .name = 1, .vermagic = 7 };		\
	change;								\
	EXPECT(#change, module_section(&m, object, symbol), want);	\
} while (0)

static void module_sections(void)
{
	MODULE(STB_OK, 64, 7, (void)0);
	MODULE(STB_E_VALUE, 63, 7, (void)0);
	MODULE(STB_E_VALUE, 64, 700, (void)0);
	MODULE(STB_E_VALUE, 64, 7, m.name = 0);		/* none */
	MODULE(STB_E_VALUE, 64, 7, m.name = 16);		/* a/b */
	MODULE(STB_E_VALUE, 64, 7, m.name = 20);		/* too long */
	MODULE(STB_OK, 64, 7, m.name = 23);
	MODULE(STB_E_VALUE, 64, 7, m.srcversion = 700);
	MODULE(STB_E_VALUE, 64, 7, m.compiler = 700);
}

static void rows(void)
{
	ROWS(STB_OK, (void)0);
	ROWS(STB_E_VALUE, e.bundle.script = 1000);
	ROWS(STB_E_VALUE, e.variant.name = 1000);
	ROWS(STB_E_VALUE, e.variant.meta = 0);
	ROWS(STB_E_VALUE, e.variant.meta = 2);
	ROWS(STB_E_VALUE, e.variant.kcode = 99);
	ROWS(STB_E_VALUE, e.variant.kernel.len = 21);
	ROWS(STB_E_VALUE, e.limits.string_len = 0);
	ROWS(STB_E_VALUE, e.limits.frame_levels = 1000);
	ROWS(STB_E_VALUE, e.limits.globals_size = 8);
	ROWS(STB_E_NEWER, e.limits.needs = 1u << 31);
	ROWS(STB_E_VALUE, e.maps[0].type = 77);
	ROWS(STB_E_VALUE, e.maps[0].id = 1);
	ROWS(STB_E_VALUE, e.maps[0].key_size = 16);
	ROWS(STB_E_VALUE, e.maps[0].value_size = 4);
	ROWS(STB_E_VALUE, e.maps[0].max_entries = 0);
	ROWS(STB_E_VALUE, e.maps[0].keys = 1);
	ROWS(STB_E_VALUE, e.maps[0].value = 'z');
	ROWS(STB_E_VALUE, e.maps[1].value_size = 48);
	ROWS(STB_E_VALUE, e.maps[1].hist_step = 0);
	ROWS(STB_E_VALUE, e.maps[1].hist_hi = INT64_MAX);
	/* 2^61 + 5 buckets: times 8, 64 bits make 40 of it */
	ROWS(STB_E_VALUE, (e.maps[1].hist_hi = (1ll << 61) + 2,
			   e.maps[1].hist_step = 1));
	ROWS(STB_E_VALUE, (e.maps[1].hist_lo = INT64_MIN,
			   e.maps[1].hist_hi = INT64_MAX,
			   e.maps[1].hist_step = 1));
	ROWS(STB_E_VALUE, e.maps[1].value_size = 56 + 5 * 8 + 4);
	ROWS(STB_E_VALUE, e.maps[2].value_size = 4096);
	ROWS(STB_E_VALUE, e.maps[2].value = 'x');
	ROWS(STB_E_VALUE, e.global.offset = 60);
	ROWS(STB_E_VALUE, e.global.offset = UINT32_MAX - 7);
	ROWS(STB_E_VALUE, e.global.size = 16);
	ROWS(STB_E_VALUE, e.format.text_len = 100);
	ROWS(STB_E_VALUE, e.format.text = 100);
	ROWS(STB_E_VALUE, e.format.channel = 9);
	ROWS(STB_E_VALUE, e.build.path = 100);
	ROWS(STB_E_VALUE, e.build.kind = 2);
	/* of a module: a name that is no path */
	ROWS(STB_E_VALUE, e.build.kind = STB_BUILD_MODULE);
	ROWS(STB_E_VALUE, e.build.id.len = 255);
	ROWS(STB_E_VALUE, e.prog.type = 9);
	ROWS(STB_E_VALUE, e.prog.insn_count = 7);
	ROWS(STB_E_VALUE, e.prog.insn_count = 0);
	ROWS(STB_E_VALUE, e.prog.insn_first = UINT32_MAX);
	ROWS(STB_E_VALUE, e.prog.reloc_count = 3);
	ROWS(STB_E_VALUE, e.prog.func_first = 1);
	ROWS(STB_E_VALUE, e.func.insn = 1);
	ROWS(STB_E_VALUE, e.krelocs[0].insn = 5);
	ROWS(STB_E_VALUE, e.krelocs[0].insn = 4);
	ROWS(STB_E_VALUE, e.krelocs[0].target = 2);
	ROWS(STB_E_VALUE, e.krelocs[1].addend = 64);
	ROWS(STB_E_VALUE, e.krelocs[1].target = 0);
	ROWS(STB_E_VALUE, e.krelocs[1].kind = 3);
	ROWS(STB_E_VALUE, e.ureloc.kind = STB_REL_MAP);
	ROWS(STB_E_VALUE, e.ureloc.addend = 5);
	ROWS(STB_E_VALUE, e.ureloc.target = 0);
}

/* A map that the loader fills, as the compiler makes it. */
static void filled(struct example *e, uint32_t flag, uint32_t key)
{
	e->maps[0].flags = STB_MAPF_HIDDEN | flag;
	e->maps[0].key_size = key;
	e->maps[0].value_size = 8;
	e->maps[0].keys = 0;
}

static void map_rows(void)
{
	ROWS(STB_OK, filled(&e, STB_MAPF_TASKS, 8));
	ROWS(STB_E_VALUE, filled(&e, STB_MAPF_TASKS, 16));
	ROWS(STB_E_VALUE, (filled(&e, STB_MAPF_TASKS, 8),
			   e.maps[0].value_size = 16));
	ROWS(STB_E_VALUE, (filled(&e, STB_MAPF_TASKS, 8),
			   e.maps[0].type = STB_MAP_PERCPU_HASH));
	ROWS(STB_OK, filled(&e, STB_MAPF_FILES, 16));
	ROWS(STB_E_VALUE, filled(&e, STB_MAPF_FILES, 8));
	ROWS(STB_E_VALUE, (filled(&e, STB_MAPF_FILES, 16),
			   e.maps[0].value_size = 2048));
	ROWS(STB_E_VALUE, filled(&e, STB_MAPF_FILES | STB_MAPF_TASKS, 16));
	ROWS(STB_E_VALUE, filled(&e, STB_MAPF_BUILDS, 8));
	ROWS(STB_E_VALUE, e.maps[2].flags |= STB_MAPF_FILES);
	/* an array of processors has numbers for keys */
	ROWS(STB_E_VALUE, e.maps[1].type = STB_MAP_PERCPU_ARRAY);
	ROWS(STB_OK, (e.maps[1].type = STB_MAP_PERCPU_ARRAY,
		      e.maps[1].key_size = 4, e.maps[1].keys = 0));
	/* no array of the script's, and its number one of no histogram's */
	ROWS(STB_OK, (e.maps[0].type = STB_MAP_RINGBUF, e.maps[0].value = 0));
	ROWS(STB_E_VALUE, e.maps[0].type = STB_MAP_RINGBUF);
}

static void site_rows(void)
{
	/* in processes: breakpoints alone are */
	ROWS(STB_E_VALUE, e.sites[0].flags = STB_SITE_IN_TASKS);
	ROWS(STB_E_VALUE, e.sites[1].flags = STB_SITE_IN_TASKS);
	ROWS(STB_E_VALUE, e.sites[0].prog = 1);
	ROWS(STB_E_VALUE, e.sites[0].attach = STB_AT_FENTRY);
	ROWS(STB_E_VALUE, e.sites[0].symbol = 0);
	ROWS(STB_OK, (e.sites[0].symbol = 0, e.sites[0].flags = 1));
	ROWS(STB_E_VALUE, e.sites[1].build = 1);
	/* in a module, which the build is not */
	ROWS(STB_E_VALUE, e.sites[0].flags = STB_SITE_IN_MODULE);
	/* an iterator's program, and a breakpoint in no program */
	ROWS(STB_E_VALUE, e.sites[0].attach = STB_AT_TASKS);
	ROWS(STB_E_VALUE, e.prog.type = STB_PROG_TASKS);
	ROWS(STB_E_VALUE, (e.prog.type = STB_PROG_PERF_EVENT,
	     e.sites[0].attach = STB_AT_PERF_EVENT,
	     e.sites[0].flags = STB_SITE_IN_TASKS));
	ROWS(STB_E_VALUE, e.handler.entry = 4);
	ROWS(STB_E_VALUE, e.handler.period_ns = 0);
	ROWS(STB_OK, e.handler.period_ns = STB_MAX_PERIOD);
	ROWS(STB_E_VALUE, e.handler.period_ns = STB_MAX_PERIOD + 1ull);
	ROWS(STB_OK, e.handler.random_ns = 5);
	ROWS(STB_E_VALUE, e.handler.random_ns = 6);
	ROWS(STB_E_VALUE, e.handler.when = 0);
}

/* Every byte of the file counts, and so does every length of it. */
static void damage(void)
{
	struct example e = make_example();
	struct made m = example_bundle(&e);
	uint8_t *copy;
	size_t i;

	for (i = 0; i < m.size; i++) {
		m.data[i] ^= 0x10;
		if (read_bundle(m.data, m.size) == STB_OK)
			EXPECT("a flipped byte goes unseen", i, SIZE_MAX);
		m.data[i] ^= 0x10;
	}
	for (i = 0; i < m.size; i++) {
		copy = malloc(i + 1);
		memcpy(copy, m.data, i);
		EXPECT("cut", read_bundle(copy, i), STB_E_TRUNCATED);
		free(copy);
	}
	EXPECT("text", read_bundle("#!/bin/sh\necho", 14), STB_E_MAGIC);
	free(m.data);
}

/* The header and table changed, then sealed again. */
#define TOC(want, change) do {						\
	struct example e = make_example();				\
	struct made m = example_bundle(&e);				\
	struct stb_header *h = (void *)m.data;				\
	struct stb_toc *t = (void *)(m.data + 64);			\
	change;								\
	make_seal(&m);							\
	(void)h;							\
	(void)t;							\
	EXPECT(#change, read_bundle(m.data, m.size), want);		\
	free(m.data);							\
} while (0)

static void table_of_contents(void)
{
	TOC(STB_OK, h->minor = 7);
	TOC(STB_E_NEWER, h->major = 2);
	TOC(STB_E_NEWER, h->flags = 1);
	TOC(STB_E_TOC, h->major = 0);
	TOC(STB_E_TOC, h->toc_count = 0);
	TOC(STB_E_NEWER, t[4].flags = 2);
	TOC(STB_E_NEWER, t[4].kind = 99);
	TOC(STB_E_VALUE, (t[4].kind = 99, t[4].flags = STB_MAY_IGNORE));
	TOC(STB_E_TOC, t[4].kind = STB_SEC_INDEX);
	TOC(STB_E_TOC, t[0].kind = STB_SEC_META);
	TOC(STB_E_TOC, t[1].offset = t[0].offset);
	TOC(STB_E_TOC, t[1].offset += 4);
	TOC(STB_E_TOC, t[4].offset = UINT64_MAX - 7);
	TOC(STB_E_TRUNCATED, t[4].size = UINT64_MAX);
	TOC(STB_E_DIGEST, t[4].size--);
	TOC(STB_E_TOO_BIG, t[1].raw_size = STB_MAX_RAW + 1ull);
	TOC(STB_E_ZSTD, t[1].raw_size++);
	TOC(STB_E_TOO_BIG, t[1].raw_size = STB_MAX_RAW);
	TOC(STB_E_ZSTD, t[1].raw_size = STB_FREE_RAW);
	TOC(STB_E_TOO_BIG, t[1].raw_size = STB_FREE_RAW + 256);
	TOC(STB_E_TABLE, t[1].raw_size = 0);
}

/* A bundle of an index alone, stored as `frame`. */
static enum stb_error index_of(const void *frame, size_t n, uint64_t raw)
{
	struct made_section s = {
		.kind = STB_SEC_INDEX, .stored = frame, .size = n,
		.raw_size = raw,
	};
	struct made m = make_bundle(&s, 1);
	enum stb_error e = read_bundle(m.data, m.size);

	free(m.data);
	return e;
}

/* Refused by its sizes alone, which are true: nothing is decompressed. */
static void bomb(void)
{
	size_t n = STB_FREE_RAW + 4096;
	uint8_t *zeroes = calloc(1, n);
	struct made_section s = make_section(STB_SEC_INDEX, zeroes, n);

	EXPECT("a true bomb", index_of(s.stored, s.size, n), STB_E_TOO_BIG);
	free((void *)(uintptr_t)s.stored);
	free(zeroes);
}

/* A bundle's sections that say to be of 16 MiB each; nobody looks into them. */
static enum stb_error many(uint32_t n)
{
	struct made_section s[32];
	struct stb_reader r;
	struct made m;

	for (uint32_t i = 0; i < n; i++)
		s[i] = (struct made_section){
			.kind = i ? STB_SEC_SYMBOLS : STB_SEC_INDEX,
			.stored = "", .raw_size = STB_FREE_RAW };
	m = make_bundle(s, n);
	stb_open(&r, m.data, m.size);
	free(m.data);
	return r.error;
}

/* A variant whose rows name one section of 16 MiB again and again. */
static enum stb_error named(uint32_t n)
{
	struct stb_symbols rows[32] = { 0 };
	struct example e = make_example();
	struct made_section s[3];
	struct stb_reader r;
	struct stb_set set;
	struct made m;
	uint8_t *raw, buf[4096];
	size_t size;

	for (uint32_t i = 0; i < n; i++)
		rows[i] = (struct stb_symbols){ .kind = STB_BIN_KERNEL,
						.section = 2 };
	raw = make_set((struct made_table[]){
		ONE(STB_T_LIMITS, e.limits),
		{ STB_T_SYMBOLS, sizeof(rows[0]), rows, n }, { 0 } }, &size);
	s[0] = s[1] = make_section(STB_SEC_META, raw, size);
	s[0].kind = STB_SEC_INDEX;
	s[2] = (struct made_section){ .kind = STB_SEC_SYMBOLS, .stored = "",
				      .raw_size = STB_FREE_RAW };
	m = make_bundle(s, 3);
	if (stb_open(&r, m.data, m.size) &&
	    stb_section_read(&r, 1, buf, sizeof(buf), &set))
		stb_validate(&r, &set, NULL, NULL);
	free(m.data);
	free(raw);
	free((void *)(uintptr_t)s[0].stored);
	return r.error;
}

/* Rows that share one string of 16 KiB. */
static enum stb_error shared(uint32_t n)
{
	struct example e = make_example();
	struct stb_global *rows = calloc(n, sizeof(*rows));
	char *strings = calloc(1, (16 << 10) + 2);
	struct stb_reader r = { 0 };
	struct stb_set set = { .strings = strings,
			       .strings_size = (16 << 10) + 2 };

	memset(strings + 1, 'x', 16 << 10);
	for (uint32_t i = 0; i < n; i++)
		rows[i] = (struct stb_global){ 1, 'l', 0, 8 };
	set.data = make_set((struct made_table[]){
		ONE(STB_T_LIMITS, e.limits),
		{ STB_T_GLOBALS, sizeof(*rows), rows, n }, { 0 } }, &set.size);
	set.count = 2;
	set.tables = (const void *)(set.data + sizeof(struct stb_tables));
	stb_validate(&r, &set, NULL, NULL);
	free((void *)(uintptr_t)set.data);
	free(strings);
	free(rows);
	return r.error;
}

static void sums(void)
{
	EXPECT("strings of 256 MiB", shared(1 << 14), STB_OK);
	EXPECT("more", shared((1 << 14) + 1), STB_E_TOO_BIG);
	EXPECT("256 MiB", many(16), STB_OK);
	EXPECT("more", many(17), STB_E_TOO_BIG);
	EXPECT("named often", named(16), STB_OK);
	EXPECT("named too often", named(17), STB_E_TOO_BIG);
}

static void frames(void)
{
	struct example e = make_example();
	uint8_t *raw[5], twice[8192];
	struct made_section s;
	size_t size[5];

	example_raw(&e, raw, size);
	s = make_section(STB_SEC_INDEX, raw[0], size[0]);
	EXPECT("no frame", index_of("", 0, size[0]), STB_E_ZSTD);
	EXPECT("raw bytes", index_of(raw[0], size[0], size[0]), STB_E_ZSTD);
	EXPECT("a frame cut short", index_of(s.stored, s.size - 1, size[0]),
	       STB_E_ZSTD);
	memcpy(twice, s.stored, s.size);
	memcpy(twice + s.size, s.stored, s.size);
	EXPECT("two frames", index_of(twice, 2 * s.size, size[0]), STB_E_ZSTD);
	EXPECT("two frames, both counted",
	       index_of(twice, 2 * s.size, 2 * size[0]), STB_E_ZSTD);
	/* lies in the frame itself: its size field says one byte more */
	memcpy(twice, s.stored, s.size);
	twice[5]++;
	EXPECT("a bomb", index_of(twice, s.size, size[0] + 1), STB_E_ZSTD);
	EXPECT("a bomb", index_of(twice, s.size, size[0]), STB_E_ZSTD);
	bomb();
	for (int i = 0; i < 5; i++)
		free(raw[i]);
	free((void *)(uintptr_t)s.stored);
}

/* A table set whose descriptors were changed. */
#define SET(want, change) do {						\
	struct example e = make_example();				\
	uint8_t *raw[5];						\
	struct made_section s;						\
	struct stb_table *t;						\
	struct stb_tables *head;					\
	size_t size[5];							\
	example_raw(&e, raw, size);					\
	head = (void *)raw[1];						\
	t = (void *)(raw[1] + 8);					\
	(void)t;							\
	(void)head;							\
	change;								\
	s = make_section(STB_SEC_INDEX, raw[1], size[1]);		\
	EXPECT(#change, index_of(s.stored, s.size, size[1]), want);	\
	free((void *)(uintptr_t)s.stored);				\
	for (int i = 0; i < 5; i++)					\
		free(raw[i]);						\
} while (0)

static void table_sets(void)
{
	SET(STB_E_VALUE, (void)0);	/* good tables, but no index's */
	SET(STB_E_TABLE, head->count = UINT32_MAX);
	SET(STB_E_TABLE, head->count = 60);
	SET(STB_E_TABLE, t[0].offset = 8);
	SET(STB_E_TABLE, t[0].offset += 4);
	SET(STB_E_TABLE, t[1].count = UINT32_MAX);
	SET(STB_E_TABLE, t[1].count = 4);
	SET(STB_E_TABLE, t[1].entry_size = 56);
	SET(STB_E_TABLE, t[1].entry_size = 0);
	SET(STB_E_TABLE, t[1].entry_size = 68);
	SET(STB_E_TABLE, t[1].kind = STB_T_LIMITS);
	SET(STB_E_TABLE, t[head->count - 1].count = 0);
	SET(STB_E_TABLE, t[head->count - 1].count--);
	SET(STB_E_VALUE, t[1].kind = 12345);
}

/* Rows that a newer minor version made longer are read as far as known. */
static void longer_rows(void)
{
	struct { struct stb_bundle b; uint64_t more; } wide = {
		.b.script = 1,
	};
	struct made_table t[] = {
		ONE(STB_T_BUNDLE, wide), BYTES(STB_T_STRINGS, example_strings),
		{ 0 }
	};
	struct made_section s;
	uint8_t *raw;
	size_t size;

	raw = make_set(t, &size);
	s = make_section(STB_SEC_INDEX, raw, size);
	EXPECT("longer rows", index_of(s.stored, s.size, size), STB_OK);
	free((void *)(uintptr_t)s.stored);
	free(raw);
}

/* ... but for those that the kernel takes as they are. */
static void same_rows(void)
{
	struct { struct stb_func_info f; uint64_t more; } wide = { { 0, 1 }, 0 };
	struct made_section s;
	uint8_t *raw;
	size_t size;

	raw = make_set((struct made_table[]){ ONE(STB_T_FUNC_INFO, wide),
					      { 0 } }, &size);
	s = make_section(STB_SEC_INDEX, raw, size);
	EXPECT("wide rows", index_of(s.stored, s.size, size), STB_E_TABLE);
	free((void *)(uintptr_t)s.stored);
	free(raw);
}

/* After an error nothing is given out. */
static void sticks(void)
{
	struct example e = make_example();
	struct made m = example_bundle(&e);
	struct stb_reader r;

	EXPECT("open", stb_open(&r, m.data, m.size), true);
	EXPECT("sections", stb_toc_count(&r), 5);
	EXPECT("section 5", stb_section_size(&r, 5), 0);
	EXPECT("error", r.error, STB_E_SECTION);
	EXPECT("where", r.error_at, 5);
	EXPECT("section 0", stb_section_size(&r, 0), 0);
	EXPECT("sections", stb_toc_count(&r), 0);
	EXPECT("row", stb_toc_at(&r, 0) != NULL, false);
	free(m.data);
}

int main(void)
{
	rows();
	event_rows();
	hook_rows();
	module_rows();
	module_sections();
	file_rows();
	sums();
	map_rows();
	site_rows();
	damage();
	table_of_contents();
	frames();
	table_sets();
	longer_rows();
	same_rows();
	sticks();
	return failures != 0;
}
