/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flatten.c - objects of every clang that is here are flattened, and what comes
 * out is loaded into this host's kernel, run there, and has done what the C
 * says. Without the right to load programs that part is skipped.
 *
 * links: bundler compiler -lelf
 */
#include "bundler/bundle.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

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

/* The globals section of the fixtures. */
struct globals {
	uint32_t state, gap;
	uint64_t hits, sum, last;
};

static const char *object(struct arena *mem, const char *clang,
			  const char *name)
{
	const char *tmp = getenv("TMPDIR");
	const char *out = arena_printf(mem, "%s/%s.o", tmp ? tmp : "/tmp",
				       name);

	if (system(arena_printf(mem, "%s -target bpf -mcpu=v3 -O2 -g -Wall "
				"-Werror -c tests/bundle/%s.bpf.c -o %s",
				clang, name, out)))
		die("%s does not compile", name);
	return out;
}

/* --- the kernel --------------------------------------------------------------- */

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int new_map(uint32_t size, uint32_t flags)
{
	union bpf_attr a = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4,
		.value_size = size, .max_entries = 1, .map_flags = flags,
	};

	return bpf(BPF_MAP_CREATE, &a);
}

static bool map_op(int cmd, int fd, void *value)
{
	uint32_t key = 0;
	union bpf_attr a = {
		.map_fd = (uint32_t)fd, .key = (uintptr_t)&key,
		.value = (uintptr_t)value,
	};

	return bpf(cmd, &a) == 0;
}

struct fds {
	int map, globals, rodata, btf;
};

static bool make_maps(struct code *c, struct fds *f)
{
	union bpf_attr a = { 0 };

	f->map = new_map(8, 0);
	f->globals = new_map((uint32_t)c->globals.n, BPF_F_MMAPABLE);
	f->rodata = new_map((uint32_t)c->rodata.n, BPF_F_RDONLY_PROG);
	if (f->map < 0 || f->globals < 0 || f->rodata < 0 ||
	    !map_op(BPF_MAP_UPDATE_ELEM, f->globals, c->globals.s) ||
	    !map_op(BPF_MAP_UPDATE_ELEM, f->rodata, c->rodata.s))
		return false;
	a.map_fd = (uint32_t)f->rodata;
	if (bpf(BPF_MAP_FREEZE, &a))
		return false;
	a = (union bpf_attr){
		.btf = (uintptr_t)c->btf.s, .btf_size = (uint32_t)c->btf.n,
	};
	f->btf = bpf(BPF_BTF_LOAD, &a);
	return f->btf >= 0;
}

/* As the loader does it: only the fds are filled in. */
static int load(struct code *c, const struct code_prog *p,
		const struct fds *f)
{
	static char log[1 << 16];
	struct bpf_insn *insns = (void *)(c->insns.v + p->insn_first);
	union bpf_attr a = {
		.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
		.insns = (uintptr_t)insns, .insn_cnt = p->insn_count,
		.license = (uintptr_t)"GPL", .log_level = 1,
		.log_buf = (uintptr_t)log, .log_size = sizeof(log),
		.prog_btf_fd = (uint32_t)f->btf, .func_info_rec_size = 8,
		.func_info = (uintptr_t)(c->funcs.v + p->func_first),
		.func_info_cnt = p->func_count,
	};
	int fd;

	for (uint32_t i = 0; i < p->reloc_count; i++) {
		const struct stb_reloc *r =
			&c->relocs.v[p->reloc_first + i];

		insns[r->insn].imm = r->target == 3 ? f->map :
			r->target == STB_MAP_ID_GLOBALS ? f->globals :
			r->target == STB_MAP_ID_RODATA ? f->rodata : -1;
	}
	fd = bpf(BPF_PROG_LOAD, &a);
	if (fd < 0)
		printf("%s: %s\n", strerror(errno), log);
	return fd;
}

static void run(int fd, uint64_t arg)
{
	uint64_t args[2] = { arg, 0 };
	union bpf_attr a = { .test = {
		.prog_fd = (uint32_t)fd, .ctx_in = (uintptr_t)args,
		.ctx_size_in = sizeof(args),
	} };

	if (bpf(BPF_PROG_TEST_RUN, &a)) {
		printf("run: %s\n", strerror(errno));
		failures++;
	}
}

/* False: this kernel does not let us. */
static bool in_kernel(struct code *c)
{
	struct globals g = { 0 };
	uint64_t value = 0;
	struct fds f;
	int h0, h1;

	if (!make_maps(c, &f)) {
		if (errno == EPERM)
			return false;
		printf("maps or BTF: %s\n", strerror(errno));
		failures++;
		return true;
	}
	h0 = load(c, &c->progs.v[0], &f);
	h1 = load(c, &c->progs.v[1], &f);
	if (h0 < 0 || h1 < 0) {
		failures++;
		return true;
	}
	run(h0, 7);
	run(h1, 2);
	map_op(BPF_MAP_LOOKUP_ELEM, f.globals, &g);
	map_op(BPF_MAP_LOOKUP_ELEM, f.map, &value);
	/* sum of 3 i + table[i & 3] + 3 for 0 <= i < 10 */
	EXPECT("sum", g.sum, 3 * 45 + 2 * 26 + 5 + 6 + 30);
	EXPECT("value in map 3", value, g.sum);
	EXPECT("hits", g.hits, 100 + 7 * 3 + 8);
	EXPECT("last", g.last, 77 + 't');
	EXPECT("state", g.state, 1);
	close(f.map), close(f.globals), close(f.rodata), close(f.btf);
	close(h0), close(h1);
	return true;
}

/* --- what can be seen without one ---------------------------------------------- */

static void check_types(const struct code *c)
{
	const struct btf_header *h = (const void *)c->btf.s;
	const uint8_t *types = (const uint8_t *)c->btf.s + h->hdr_len;
	const struct btf_type *t = (const void *)types;

	EXPECT("BTF header", c->btf.n,
	       h->hdr_len + h->type_len + h->str_len);
	/* functions and what they name; no variables, no sections */
	EXPECT("BTF is small", c->btf.n < 600, true);
	EXPECT("first type", BTF_INFO_KIND(t->info) != BTF_KIND_VAR, true);
	for (size_t i = 0; i < c->funcs.n; i++)
		EXPECT("func_info has a type", c->funcs.v[i].type_id != 0,
		       true);
}

static void progs(struct arena *mem, const char *clang, bool *skipped)
{
	static const char *const names[] = { "h0", "h1" };
	static const char *const bad[] = { "undefined", "data", "call",
					   "nothing" };
	const char *path = object(mem, clang, "prog");
	struct code c, again;

	EXPECT("flatten", flatten_progs(mem, path, names, 2, &c), true);
	if (failures)
		return;
	/* h0 reaches callback, global_sub and sub; h1 nothing */
	EXPECT("functions of h0", c.progs.v[0].func_count, 4);
	EXPECT("functions of h1", c.progs.v[1].func_count, 1);
	EXPECT("relocations of h1", c.progs.v[1].reloc_count, 2);
	EXPECT("globals", c.globals.n, sizeof(struct globals));
	EXPECT("initial value",
	       ((const struct globals *)(const void *)c.globals.s)->last, 77);
	check_types(&c);
	if (!in_kernel(&c))
		*skipped = true;
	/* alone: the types that one function names are there all the same */
	EXPECT("only h1", flatten_progs(mem, path, &names[1], 1, &again), true);
	EXPECT("BTF of h1", again.btf.n > 100 && again.btf.n < c.btf.n, true);
	flatten_progs(mem, path, names, 2, &again);
	EXPECT("size of BTF again", again.btf.n, c.btf.n);
	EXPECT("BTF again", memcmp(again.btf.s, c.btf.s, c.btf.n), 0);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		EXPECT(bad[i], flatten_progs(mem, path, &bad[i], 1, &c),
		       false);
}

static void handlers(struct arena *mem, const char *clang)
{
	static const char *const names[] = { "u0", "u1" };
	static const char *const map[] = { "u_map" };
	const char *path = object(mem, clang, "user");
	struct code c;

	EXPECT("flatten", flatten_handlers(mem, path, names, 2, &c), true);
	if (failures)
		return;
	EXPECT("entry of u0", c.progs.v[0].insn_first, 0);
	EXPECT("entry of u1", c.progs.v[1].insn_first,
	       c.progs.v[0].insn_count);
	/* sub stands once, behind both */
	EXPECT("instructions", c.insns.n > c.progs.v[0].insn_count +
	       c.progs.v[1].insn_count, true);
	EXPECT("relocations", c.relocs.n, 3);
	for (size_t i = 0; i < c.relocs.n; i++)
		EXPECT("kind", c.relocs.v[i].kind, STB_REL_MAP_VALUE);
	EXPECT("literal", strcmp(c.rodata.s, "literal"), 0);
	EXPECT("BTF", c.btf.n, 0);
	EXPECT("maps by number", flatten_handlers(mem, path, map, 1, &c),
	       false);
}

int main(void)
{
	static const char *const clangs[] = { "clang-14", "clang-19" };
	bool skipped = false;

	for (size_t i = 0; i < COUNT_OF(clangs); i++) {
		struct arena mem = { 0 };
		char look[64];

		snprintf(look, sizeof(look), "command -v %s >/dev/null",
			 clangs[i]);
		if (i && system(look))
			continue;
		progs(&mem, clangs[i], &skipped);
		handlers(&mem, clangs[i]);
		arena_free(&mem);
	}
	if (failures)
		return 1;
	if (skipped)
		printf("no right to load BPF programs: not run in a kernel\n");
	return skipped ? 77 : 0;
}
