/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * make.h - bundles made by hand, for the tests of the reader: sections are
 * given as bytes or as rows, and the file around them is right unless the test
 * makes it wrong. Not the bundler's code: the two must agree.
 */
#ifndef STB_TEST_MAKE_H
#define STB_TEST_MAKE_H

#include "bundler/stb.h"

#include <assert.h>
#include <sodium/crypto_generichash_blake2b.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum { MAKE_SECTIONS = 16, MAKE_TABLES = 16 };

struct made_section {
	uint32_t kind, flags;
	const void *stored;	/* a frame, or what passes for one */
	size_t size;
	uint64_t raw_size;
};

struct made {
	uint8_t *data;		/* malloced, so 16-aligned */
	size_t size;
};

static inline void make_digest(uint8_t *to, const void *a, size_t na,
			       const void *b, size_t nb)
{
	crypto_generichash_blake2b_state s;

	crypto_generichash_blake2b_init(&s, NULL, 0, STB_DIGEST_SIZE);
	crypto_generichash_blake2b_update(&s, a, na);
	crypto_generichash_blake2b_update(&s, b, nb);
	crypto_generichash_blake2b_final(&s, to, STB_DIGEST_SIZE);
}

/* Makes the digest of header and table right again. */
static inline void make_seal(struct made *m)
{
	struct stb_header *h = (struct stb_header *)m->data;

	make_digest(h->toc_digest, h, 32, m->data + h->toc_offset,
		    (size_t)h->toc_count * h->toc_entry_size);
}

static inline struct made make_bundle(const struct made_section *s, size_t n)
{
	size_t at = 64 + n * sizeof(struct stb_toc), i, size = at;
	struct made m = { 0 };
	struct stb_toc *toc;

	for (i = 0; i < n; i++)
		size = ((size + 7) & ~(size_t)7) + s[i].size;
	m.size = size;
	m.data = calloc(1, size + 8);
	*(struct stb_header *)m.data = (struct stb_header){
		.magic = STB_MAGIC, .major = STB_MAJOR, .minor = STB_MINOR,
		.toc_offset = 64, .toc_count = (uint32_t)n,
		.toc_entry_size = sizeof(struct stb_toc),
	};
	toc = (struct stb_toc *)(m.data + 64);
	for (i = 0; i < n; i++) {
		at = (at + 7) & ~(size_t)7;
		if (s[i].size)
			memcpy(m.data + at, s[i].stored, s[i].size);
		toc[i] = (struct stb_toc){
			.kind = s[i].kind, .flags = s[i].flags, .offset = at,
			.size = s[i].size, .raw_size = s[i].raw_size,
		};
		make_digest(toc[i].digest, s[i].stored, s[i].size, "", 0);
		at += s[i].size;
	}
	make_seal(&m);
	return m;
}

/* A section out of raw bytes. */
static inline struct made_section make_section(uint32_t kind, const void *raw,
					       size_t size)
{
	size_t room = ZSTD_compressBound(size);
	void *frame = malloc(room);
	size_t n = ZSTD_compress(frame, room, raw, size, 1);

	assert(!ZSTD_isError(n));
	return (struct made_section){
		.kind = kind, .stored = frame, .size = n, .raw_size = size,
	};
}

/* One table of a set; rows end the list when kind is 0. */
struct made_table {
	uint32_t kind, entry_size;
	const void *rows;
	uint32_t count;
};

/* A table set; *size bytes, malloced. */
static inline uint8_t *make_set(const struct made_table *t, size_t *size)
{
	uint32_t n = 0, i;
	uint8_t *p;
	size_t end;

	while (t[n].kind)
		n++;
	end = 8 + n * sizeof(struct stb_table);
	for (i = 0; i < n; i++)
		end += ((size_t)t[i].entry_size * t[i].count + 7) & ~7ul;
	p = calloc(1, end);
	((struct stb_tables *)p)->count = n;
	*size = end;
	end = 8 + n * sizeof(struct stb_table);
	for (i = 0; i < n; i++) {
		size_t bytes = (size_t)t[i].entry_size * t[i].count;

		((struct stb_table *)(p + 8))[i] = (struct stb_table){
			.kind = t[i].kind, .entry_size = t[i].entry_size,
			.offset = (uint32_t)end, .count = t[i].count,
		};
		memcpy(p + end, t[i].rows, bytes);
		end += (bytes + 7) & ~7ul;
	}
	return p;
}

#define ONE(kind, row) { kind, sizeof(row), &(row), 1 }
#define BYTES(kind, array) { kind, 1, array, sizeof(array) }

/* Rows of a small variant that has something in every table. */
struct example {
	struct stb_bundle bundle;
	struct stb_variant variant;
	struct stb_limits limits;
	struct stb_map maps[3];
	struct stb_global global;
	struct stb_format format;
	struct stb_program_build build;
	struct stb_prog prog;
	struct stb_site sites[2];
	struct stb_event event;
	struct stb_handler handler;
	struct stb_file file;
	uint64_t kinsns[6], uinsns[4];
	struct stb_reloc krelocs[2], ureloc;
	struct stb_func_info func;
};

static inline struct example make_example(void)
{
	/* strings: see example_strings */
	return (struct example){
		.bundle = { .script = 1, .compiler = 7, .epoch = 1 },
		.variant = { .name = 1, .release = 7, .kernel = { .len = 20 },
			     .meta = 1, .kcode = 2, .ucode = 3, .script = 4 },
		.limits = { .string_len = 128, .globals_size = 64,
			    .frame_size = 256, .frame_levels = 4,
			    .max_nesting = 10, .user_stack = 65536 },
		.maps = {
			{ .id = 0, .name = 1, .type = STB_MAP_HASH,
			  .key_size = 24, .value_size = 16, .max_entries = 8,
			  .keys = 11, .value = 'l' },
			{ .id = 1, .name = 1, .type = STB_MAP_PERCPU_HASH,
			  .key_size = 8, .value_size = 56 + 5 * 8,
			  .max_entries = 8, .keys = 16, .value = 'x',
			  .stat_ops = 1 << 7, .hist_hi = 10, .hist_step = 5 },
			{ .id = STB_MAP_ID_GLOBALS, .type = STB_MAP_GLOBALS,
			  .flags = STB_MAPF_INTERNAL, .key_size = 4,
			  .value_size = 64, .max_entries = 1 },
		},
		.global = { .name = 1, .type = 'l', .offset = 8, .size = 8 },
		.format = { .text = 7, .args = 16, .text_len = 3 },
		.build = { .path = 1, .id = { .len = 4 } },
		.prog = { .name = 1, .type = STB_PROG_KPROBE, .insn_count = 6,
			  .reloc_count = 2, .func_count = 1 },
		.sites = {
			{ .name = 1, .attach = STB_AT_KPROBE, .symbol = 1 },
			{ .name = 1, .attach = STB_AT_UPROBE, .build = 0 },
		},
		.event = { .type = 1, .rate = 1000 },
		.handler = { .name = 1, .when = STB_TIMER, .period_ns = 5,
			     .entry = 2 },
		.file = { .path = 1, .mode = 0600, .max_size = 512 },
		.kinsns = { 0x18, 0, 0x18, 0, 0xb7, 0x95 },
		.uinsns = { 0x18, 0, 0xb7, 0x95 },
		.krelocs = {
			{ .insn = 0, .kind = STB_REL_MAP, .target = 1 },
			{ .insn = 2, .kind = STB_REL_MAP_VALUE,
			  .target = STB_MAP_ID_GLOBALS, .addend = 63 },
		},
		.ureloc = { .insn = 0, .kind = STB_REL_MAP_VALUE,
			    .target = STB_MAP_ID_RODATA, .addend = 4 },
		.func = { .insn = 0, .type_id = 1 },
	};
}

/* Offsets:                             0 1      7    11    16 18  21    26 */
static const char example_strings[] = "\0hello\0abc\0ls16\0l\0/x\0a/..\0a/b";

/* The raw sections of an example: kinds[5], bytes malloced. */
static inline void example_raw(struct example *e, uint8_t *raw[5],
			       size_t size[5])
{
	static const uint8_t image[16] = { 1 }, rodata[5] = "text";

	raw[0] = make_set((struct made_table[]){
		ONE(STB_T_BUNDLE, e->bundle), ONE(STB_T_VARIANTS, e->variant),
		BYTES(STB_T_STRINGS, example_strings), { 0 } }, &size[0]);
	raw[1] = make_set((struct made_table[]){
		ONE(STB_T_LIMITS, e->limits),
		{ STB_T_MAPS, sizeof(e->maps[0]), e->maps, 3 },
		ONE(STB_T_GLOBALS, e->global), ONE(STB_T_FORMATS, e->format),
		ONE(STB_T_BUILDS, e->build), ONE(STB_T_PROGS, e->prog),
		{ STB_T_SITES, sizeof(e->sites[0]), e->sites, 2 },
		ONE(STB_T_HANDLERS, e->handler),
		BYTES(STB_T_GLOBALS_IMAGE, image),
		ONE(STB_T_EVENTS, e->event), ONE(STB_T_FILES, e->file),
		BYTES(STB_T_STRINGS, example_strings), { 0 } }, &size[1]);
	raw[2] = make_set((struct made_table[]){
		{ STB_T_INSNS, 8, e->kinsns, 6 },
		{ STB_T_RELOCS, sizeof(e->krelocs[0]), e->krelocs, 2 },
		ONE(STB_T_FUNC_INFO, e->func), { 0 } }, &size[2]);
	raw[3] = make_set((struct made_table[]){
		{ STB_T_INSNS, 8, e->uinsns, 4 },
		ONE(STB_T_RELOCS, e->ureloc), BYTES(STB_T_RODATA, rodata),
		{ 0 } }, &size[3]);
	raw[4] = make_set((struct made_table[]){
		{ STB_T_SOURCE, 1, "probe", 5 }, { 0 } }, &size[4]);
}

static const uint32_t example_kinds[5] = {
	STB_SEC_INDEX, STB_SEC_META, STB_SEC_KCODE, STB_SEC_UCODE,
	STB_SEC_SCRIPT,
};

#endif
