/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read.c - fuzzes the reader of bundles the way the loader uses it: all that it
 * gives out must be readable, and what it validated must hold.
 *
 * Digests and compression would keep a fuzzer at the door, so an input is one
 * of: 'F' and a file as it is; 'S' and sections, which are compressed and put
 * into a right file here; 'Z' and sections that are stored frames. A section
 * is u8 kind, u8 flags, u32 raw size (Z), u16 size, bytes.
 *
 * 'Y' is followed by the tables of a section of symbols, 'M' by those of a
 * kernel module's.
 *
 * links: bundler -lzstd -lsodium
 */
#include "runtime/abi.h"
#include "tests/bundle/make.h"

#include <stdio.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { MAX_RAW = 1 << 20 };	/* larger ones are not worth the time */

static void check(bool ok)
{
	if (!ok)
		abort();
}

static volatile uint8_t sink;

static void touch(const void *p, size_t n)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + ((const uint8_t *)p)[i]);
	sink = sum;
}

/* Every row of every table, and any string. */
static void touch_set(const struct stb_set *s)
{
	uint32_t n, stride;

	for (uint32_t kind = 0; kind < 100; kind++) {
		const uint8_t *p = stb_table(s, kind, 1, &n, &stride);

		check(!p == !n);
		for (uint32_t i = 0; i < n; i++)
			touch(p + (size_t)stride * i, stride);
	}
	for (stb_str i = 0; i < 64; i++)
		touch(stb_string(s, i), strlen(stb_string(s, i)) + 1);
	check(!*stb_string(s, UINT32_MAX));
}

/* Times that timers add up. */
static void use_handlers(const struct stb_set *meta)
{
	uint32_t n, stride;
	const void *rows = stb_table(meta, STB_T_HANDLERS,
				     sizeof(struct stb_handler), &n, &stride);

	for (uint32_t i = 0; i < n; i++) {
		const struct stb_handler *h =
			STB_ROW(struct stb_handler, rows, stride, i);

		check(h->when != STB_TIMER ||
		      (h->period_ns && h->random_ns <= h->period_ns &&
		       h->period_ns <= INT64_MAX / 4));
	}
}

/* What the loader relies on after stb_validate. */
static void use_variant(const struct stb_set *meta, const struct stb_set *k)
{
	uint32_t nprogs, pstride, ninsns, istride, nrel, rstride;
	const void *progs = stb_table(meta, STB_T_PROGS,
				      sizeof(struct stb_prog), &nprogs,
				      &pstride);
	const uint8_t *insns = stb_table(k, STB_T_INSNS, 8, &ninsns,
					 &istride);
	const void *rels = stb_table(k, STB_T_RELOCS,
				     sizeof(struct stb_reloc), &nrel,
				     &rstride);

	for (uint32_t i = 0; i < nprogs; i++) {
		const struct stb_prog *p =
			STB_ROW(struct stb_prog, progs, pstride, i);
		const uint8_t *code = insns + (size_t)p->insn_first * 8;

		touch(code, (size_t)p->insn_count * 8);
		for (uint32_t j = 0; j < p->reloc_count; j++) {
			const struct stb_reloc *rel =
				STB_ROW(struct stb_reloc, rels, rstride,
					p->reloc_first + j);

			check(rel->insn + 1 < p->insn_count);
			check(code[(size_t)rel->insn * 8] == 0x18);
			touch(code + (size_t)rel->insn * 8, 16);
		}
	}
}

static void use_index(struct stb_reader *r, const struct stb_set *sets)
{
	uint32_t n, stride;
	const void *rows = stb_table(&sets[0], STB_T_VARIANTS,
				     sizeof(struct stb_variant), &n, &stride);

	for (uint32_t i = 0; i < n && i < 4; i++) {
		const struct stb_variant *v =
			STB_ROW(struct stb_variant, rows, stride, i);

		check(v->meta < MAKE_SECTIONS && v->kcode < MAKE_SECTIONS &&
		      v->ucode < MAKE_SECTIONS);
		if (stb_validate(r, &sets[v->meta],
				 v->kcode ? &sets[v->kcode] : NULL,
				 v->ucode ? &sets[v->ucode] : NULL)) {
			use_variant(&sets[v->meta],
				    v->kcode ? &sets[v->kcode] : NULL);
			use_handlers(&sets[v->meta]);
		}
	}
}

static void read_file(const uint8_t *data, size_t size)
{
	struct stb_set sets[MAKE_SECTIONS] = { 0 };
	void *bufs[MAKE_SECTIONS] = { 0 };
	struct stb_reader r;
	uint32_t i, n;

	if (stb_open(&r, data, size)) {
		n = stb_toc_count(&r);
		check(n > 0);
		for (i = 0; !r.error && i < n && i < MAKE_SECTIONS; i++) {
			size_t raw = stb_section_size(&r, i);

			if (raw > MAX_RAW)
				break;
			bufs[i] = malloc(raw ? raw : 1);
			if (stb_section_read(&r, i, bufs[i], raw, &sets[i]))
				touch_set(&sets[i]);
		}
		if (!r.error && i == n && stb_validate_index(&r, &sets[0]))
			use_index(&r, sets);
	}
	check(!r.error || r.error_in);
	touch(stb_error_text(r.error), 1);
	for (i = 0; i < MAKE_SECTIONS; i++)
		free(bufs[i]);
}

/* Sections as in the head comment, into a file. */
static void read_sections(const uint8_t *p, size_t left, bool frames)
{
	struct made_section s[MAKE_SECTIONS];
	size_t n = 0, i;
	struct made m;

	for (; left >= 8 && n < MAKE_SECTIONS; n++) {
		uint32_t raw, size;

		memcpy(&raw, p + 2, sizeof(raw));
		size = p[6] | (uint32_t)p[7] << 8;
		if (size > left - 8)
			size = (uint32_t)left - 8;
		if (frames)
			s[n] = (struct made_section){
				.stored = p + 8, .size = size, .raw_size = raw,
			};
		else
			s[n] = make_section(0, p + 8, size);
		s[n].kind = p[0];
		s[n].flags = p[1];
		p += 8 + size;
		left -= 8 + size;
	}
	m = make_bundle(s, n);
	read_file(m.data, m.size);
	free(m.data);
	for (i = 0; i < n && !frames; i++)
		free((void *)(uintptr_t)s[i].stored);
}

/* All that the loader does with symbols it does by these steps. */
static void walk_symbols(const struct stb_set *s)
{
	struct stb_sym_walk w = { 0 };
	uint32_t n, names, stride;

	w.p = stb_table(s, STB_T_SYM_ADDRS, 1, &n, &stride);
	w.name = stb_table(s, STB_T_SYM_NAMES, 1, &names, &stride);
	if (n && names) {
		w.end = w.p + n;
		w.names_end = w.name + names;
		while (stb_next_symbol(&w))
			touch(w.name, strlen(w.name) + 1);
	}
	w = (struct stb_sym_walk){ 0 };
	w.p = stb_table(s, STB_T_SYM_LINES, 1, &n, &stride);
	if (n) {
		w.end = w.p + n;
		while (stb_next_line(&w))
			;
	}
}

static void use_module(const struct stb_set *s)
{
	uint32_t n, stride;
	const struct stb_module *m = stb_table(s, STB_T_MODULE, sizeof(*m), &n,
					       &stride);

	check(n == 1 && strlen(stb_string(s, m->name)) <= STB_MAX_MODULE_NAME);
}

static void read_tables(const uint8_t *data, size_t size, uint32_t kind)
{
	static const uint64_t nothing;
	struct made_section s[2] = {
		make_section(STB_SEC_INDEX, &nothing, sizeof(nothing)),
		make_section(kind, data, size),
	};
	struct made m = make_bundle(s, 2);
	void *raw = malloc(size ? size : 1);
	struct stb_reader r;
	struct stb_set set;

	check(stb_open(&r, m.data, m.size));
	if (stb_section_size(&r, 1) &&
	    stb_section_read(&r, 1, raw, size, &set)) {
		touch_set(&set);
		if (kind == STB_SEC_SYMBOLS) {
			stb_validate_symbols(&r, &set, 1);
			walk_symbols(&set);
		} else if (stb_validate_module(&r, &set, 1)) {
			use_module(&set);
		}
	}
	free(raw);
	free(m.data);
	free((void *)(uintptr_t)s[0].stored);
	free((void *)(uintptr_t)s[1].stored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	if (!size || (*data != 'F' && *data != 'S' && *data != 'Z' &&
		      *data != 'Y' && *data != 'M'))
		return 0;
	copy = malloc(size);	/* aligned, and exactly as long */
	memcpy(copy, data + 1, size - 1);
	if (*data == 'F')
		read_file(copy, size - 1);
	else if (*data == 'Y')
		read_tables(copy, size - 1, STB_SEC_SYMBOLS);
	else if (*data == 'M')
		read_tables(copy, size - 1, STB_SEC_MODULE);
	else
		read_sections(copy, size - 1, *data == 'Z');
	free(copy);
	return 0;
}

/* --- the first corpus: the example, in each of the three forms -------------- */

static void put(FILE *f, uint32_t kind, uint32_t raw, const void *p, size_t n)
{
	uint8_t head[8] = { (uint8_t)kind };

	memcpy(head + 2, &raw, sizeof(raw));
	head[6] = (uint8_t)n;
	head[7] = (uint8_t)(n >> 8);
	fwrite(head, 1, sizeof(head), f);
	fwrite(p, 1, n, f);
}

static void write_seed(const char *folder, char form)
{
	struct example e = make_example();
	struct made_section s[5];
	uint8_t *raw[5];
	size_t size[5];
	char path[4096];
	struct made m;
	FILE *f;

	snprintf(path, sizeof(path), "%s/seed-%c", folder, form);
	f = fopen(path, "w");
	if (!f)
		return;
	fputc(form, f);
	example_raw(&e, raw, size);
	for (int i = 0; i < 5; i++) {
		s[i] = make_section(example_kinds[i], raw[i], size[i]);
		if (form == 'S')
			put(f, example_kinds[i], 0, raw[i], size[i]);
		if (form == 'Z')
			put(f, example_kinds[i], (uint32_t)size[i],
			    s[i].stored, s[i].size);
	}
	m = make_bundle(s, 5);
	if (form == 'F')
		fwrite(m.data, 1, m.size, f);
	fclose(f);
	free(m.data);
	for (int i = 0; i < 5; i++) {
		free(raw[i]);
		free((void *)(uintptr_t)s[i].stored);
	}
}

static void write_tables_seed(const char *folder, char letter,
			      const struct made_table *t)
{
	char path[4096];
	uint8_t *raw;
	size_t size;
	FILE *f;

	raw = make_set(t, &size);
	snprintf(path, sizeof(path), "%s/seed-%c", folder, letter);
	f = fopen(path, "w");
	if (f) {
		fputc(letter, f);
		fwrite(raw, 1, size, f);
		fclose(f);
	}
	free(raw);
}

static void write_module_seed(const char *folder)
{
	static const struct stb_module m = { 1, 3, 5, 0 };
	static const struct stb_version v[] = { { 1, 7 }, { 3, 8 } };
	static const char object[64], strings[] = "\0a\0b\0c";

	write_tables_seed(folder, 'M', (struct made_table[]){
		ONE(STB_T_MODULE, m), { STB_T_VERSIONS, sizeof(*v), v, 2 },
		BYTES(STB_T_OBJECT, object), BYTES(STB_T_STRINGS, strings),
		{ 0 } });
}

static void write_symbols_seed(const char *folder)
{
	static const struct stb_sym_range range = { 0x1000, 0x100, 0, 0 };
	static const uint8_t addrs[] = { 0, 8 }, lines[] = { 1, 0, 20, 4, 3 };
	static const char names[] = "a\0b", files[] = "c.c";
	static const struct stb_sym_load load = { 0x1000, 0x100, 0, 0x1080 };
	static const struct stb_unwind_rule rule = { .cfa = STB_CFA_REG };
	static const struct stb_unwind_row row = { 8, 0 };

	write_tables_seed(folder, 'Y', (struct made_table[]){
		ONE(STB_T_SYM_RANGES, range), BYTES(STB_T_SYM_ADDRS, addrs),
		BYTES(STB_T_SYM_NAMES, names), BYTES(STB_T_SYM_FILES, files),
		BYTES(STB_T_SYM_LINES, lines), ONE(STB_T_SYM_LOADS, load),
		ONE(STB_T_SYM_RULES, rule), ONE(STB_T_SYM_UNWIND, row),
		{ 0 } });
}

/* The corpus folder is the argument that is one. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct stat st;

	for (int i = 1; i < *argc; i++)
		if (!stat((*argv)[i], &st) && S_ISDIR(st.st_mode)) {
			write_seed((*argv)[i], 'F');
			write_seed((*argv)[i], 'S');
			write_seed((*argv)[i], 'Z');
			write_symbols_seed((*argv)[i]);
			write_module_seed((*argv)[i]);
			break;
		}
	return 0;
}
