/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vm.h - a variant by hand for tests of the interpreter: limits, arrays of
 * each kind, formats, literals, and the instructions of two handlers.
 */
#ifndef STB_TEST_VM_H
#define STB_TEST_VM_H

#include "loader/vm_in.h"
#include "tests/bundle/make.h"

#include <linux/bpf.h>

enum { STRING_LEN = 32, GLOBALS = 256, MAX_NESTING = 3, ROWS = 12 };
enum { BY_LONG, BY_TEXT, TEXTS, WRAPS, STATS, LOGS, LINEAR, ONCE, TWO_KEYS,
       RING, HIDDEN, ADDED };

/* Offsets:                         1  3    7     11       18 */
static const char meta_strings[] = "\0l\0s16\0s8l\0%d %s\n\0mine %d";
static const struct stb_format format_rows[2] = {
	{ .text = 11, .text_len = 6, .args = 0 },
	{ .text = 18, .text_len = 7, .args = 1 },
};

static const struct stb_map map_rows[ROWS] = {
	{ .id = BY_LONG, .keys = 1, .key_size = 8, .value = 'l',
	  .value_size = 16, .max_entries = 4, .type = STB_MAP_LOADER },
	{ .id = BY_TEXT, .keys = 3, .key_size = 16, .value = 'l',
	  .value_size = 16, .max_entries = 100, .type = STB_MAP_LOADER },
	{ .id = TEXTS, .keys = 1, .key_size = 8, .value = 's',
	  .value_size = 24, .max_entries = 4, .type = STB_MAP_LOADER },
	{ .id = WRAPS, .keys = 1, .key_size = 8, .value = 'l',
	  .value_size = 16, .max_entries = 3, .type = STB_MAP_LOADER,
	  .flags = STB_MAPF_WRAP },
	{ .id = STATS, .keys = 1, .key_size = 8, .value = 'x',
	  .value_size = 56, .max_entries = 4, .type = STB_MAP_LOADER,
	  .stat_ops = 0x3f },
	{ .id = LOGS, .keys = 1, .key_size = 8, .value = 'x',
	  .value_size = 56 + 8 * STB_LOG_BUCKETS, .max_entries = 4,
	  .type = STB_MAP_LOADER, .stat_ops = 1 << STB_ST_HIST_LOG },
	{ .id = LINEAR, .keys = 1, .key_size = 8, .value = 'x',
	  .value_size = 56 + 8 * 5, .max_entries = 4, .type = STB_MAP_LOADER,
	  .stat_ops = 1 << STB_ST_HIST_LINEAR, .hist_hi = 20,
	  .hist_step = 10 },
	{ .id = ONCE, .keys = 0, .key_size = 4, .value = 'x',
	  .value_size = 56 + 8 * STB_LOG_BUCKETS, .max_entries = 1,
	  .type = STB_MAP_LOADER, .stat_ops = 0x5f },
	{ .id = TWO_KEYS, .keys = 7, .key_size = 16, .value = 'l',
	  .value_size = 16, .max_entries = 10, .type = STB_MAP_LOADER },
	{ .id = RING, .type = STB_MAP_RINGBUF, .max_entries = 4096 },
	{ .id = HIDDEN, .keys = 1, .key_size = 8, .value = 'l',
	  .value_size = 8, .max_entries = 4, .type = STB_MAP_LOADER,
	  .flags = STB_MAPF_HIDDEN },
	{ .id = ADDED, .keys = 1, .key_size = 8, .value = 'l',
	  .value_size = 16, .max_entries = 4, .type = STB_MAP_LOADER,
	  .flags = STB_MAPF_ADDED },
};

struct test {
	struct stb_set meta, ucode;
	struct output out;
	char text[65536], errors[1024];
	uint64_t globals[GLOBALS / 8];
	int fds[ROWS];
	struct vm *vm;
};

static inline struct stb_set set_of(const struct made_table *tables)
{
	size_t size;
	uint8_t *p = make_set(tables, &size);
	struct stb_set s = {
		.data = p, .size = size, .count = ((uint32_t *)p)[0],
		.tables = (const struct stb_table *)(p + 8), .strings = "",
		.strings_size = 1,
	};
	uint32_t n, stride;
	const char *strings = stb_table(&s, STB_T_STRINGS, 1, &n, &stride);

	if (strings) {
		s.strings = strings;
		s.strings_size = n;
	}
	return s;
}

static const uint8_t literals[] = "lit\0no end";

/* Other than the usual. */
struct test_extra {
	uint32_t string_len;
	const struct stb_format *formats;	/* NULL: format_rows */
	uint32_t nformats;
	const char *strings;			/* of these formats */
	uint32_t nstrings;
	void *globals;				/* NULL: the test's own */
	bool validate;		/* rows that the reader refuses: no vm */
};

static inline struct test *new_test_with(const struct bpf_insn *code,
			uint32_t n, const struct stb_map *maps,
			const int *fds, unsigned ncpus,
			const struct test_extra *x)
{
	const struct stb_limits limits = {
		.string_len = x->string_len, .max_action_user = 1000,
		.max_nesting = MAX_NESTING, .globals_size = GLOBALS,
		.user_stack = 4096,
	};
	static const struct stb_handler handlers[2] = { { .when = 1 },
						       { .when = 2 } };
	static const struct stb_reloc reloc = {
		.insn = 0, .kind = STB_REL_MAP_VALUE,
		.target = STB_MAP_ID_RODATA, .addend = 1 };
	static const struct bpf_insn nothing = { .code = BPF_JMP | BPF_EXIT };
	struct test *t = calloc(1, sizeof(*t));
	struct vm_env env = {
		.meta = &t->meta, .ucode = &t->ucode,
		.globals = x->globals ? x->globals : t->globals,
		.map_fds = t->fds, .ncpus = ncpus, .out = &t->out,
	};

	for (int i = 0; i < ROWS; i++)
		t->fds[i] = fds ? fds[i] : -1;
	t->out.out = (struct sink){ t->text, 0, sizeof(t->text), NULL };
	t->out.err = (struct sink){ t->errors, 0, sizeof(t->errors), NULL };
	t->meta = set_of((struct made_table[]){
		ONE(STB_T_LIMITS, limits),
		{ STB_T_MAPS, sizeof(maps[0]), maps, ROWS },
		{ STB_T_FORMATS, sizeof(format_rows[0]),
		  x->formats ? x->formats : format_rows,
		  x->formats ? x->nformats : 2 },
		{ STB_T_HANDLERS, sizeof(handlers[0]), handlers, 2 },
		{ STB_T_STRINGS, 1, x->formats ? x->strings : meta_strings,
		  x->formats ? x->nstrings : sizeof(meta_strings) }, { 0 } });
	t->ucode = set_of((struct made_table[]){
		{ STB_T_INSNS, 8, code ? code : &nothing, code ? n : 1 },
		{ STB_T_RELOCS, sizeof(reloc), &reloc, n > 2 && code &&
		  code[0].src_reg == 2 },
		BYTES(STB_T_RODATA, literals), { 0 } });
	if (!x->validate || stb_validate(&(struct stb_reader){ 0 }, &t->meta,
					 NULL, &t->ucode))
		t->vm = vm_new(&env);
	return t;
}

static inline struct test *new_test(const struct bpf_insn *code, uint32_t n,
			     const struct stb_map *maps, const int *fds,
			     unsigned ncpus)
{
	return new_test_with(code, n, maps, fds, ncpus, &(struct test_extra){
			     .string_len = STRING_LEN });
}

static inline void end_test(struct test *t)
{
	if (t->vm)
		vm_free(t->vm);
	free((void *)t->meta.data);
	free((void *)t->ucode.data);
	free(t);
}

#endif
