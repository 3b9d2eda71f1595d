/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vm.c - any instructions as a loader handler: whatever they do, the
 * interpreter stays in its memory, comes to an end, and gives locks back.
 *
 * An input is eight bytes:
 *
 *	0	what else it has: WITH_*
 *	1	ROWS: how many rows of arrays are changed; KERNEL: what is of the
 *		flags of those of longs
 *	2	FORMAT: bytes of its text, 3: letters of its arguments
 *	4	KERNEL: how many elements are put in by others
 *	5	VALUE: room of $value
 *	6	the width of strings
 *	7	FLIP: which byte of the globals changes, too
 *
 * then changes of rows (struct stb_map, to be xored), text, letters, elements
 * (struct filling) and instructions.
 *
 * links: loader bundler -lzstd -lsodium
 */
#include "loader/bpf.h"
#include "loader/symbols.h"
#include "tests/loader/vm.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

const char *argv0 = "vm";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { MOST = 512, JUMPS = 1 << 12, FLIPPED_RUNS = 8, HEAD = 8, PAGE = 4096,
       MAX_WIDTH = 1 << 16 };
enum { WITH_KERNEL = 1, WITH_ROWS = 2, WITH_VALUE = 4, WITH_FORMAT = 8,
       WITH_FLIP = 16, WITH_NAMES = 32 };

/* An element as a program in the kernel may leave it. */
struct filling {
	uint8_t map, key;
	uint8_t how;		/* FILL_* */
	uint8_t byte;		/* of the value */
};
enum { FILL_KEY = 1, FILL_COUNT = 2 };	/* all bytes of the key; of the value
					   each is one more */

/* What outlives an input. */
static struct {
	int fds[ROWS];		/* of arrays in the kernel */
	struct stb_map rows[ROWS];	/* ... and what they are */
	bool has_kernel;	/* we may have some */
	struct namer names;
	uint8_t *globals;	/* the end of a page, nothing behind it */
} kept;

struct input {
	const uint8_t *p, *end;
	uint8_t head[HEAD];
	struct stb_map rows[ROWS];
	const struct filling *fillings;
	uint32_t nfillings;
	struct test_extra extra;
	struct stb_format formats[COUNT_OF(format_rows) + 1];
	char strings[sizeof(meta_strings) + 2 * 256];
	struct bpf_insn code[MOST];
	uint32_t n;
};

static bool has(const struct input *in, unsigned what)
{
	return in->head[0] & what;
}

/* --- what is kept --------------------------------------------------------- */

static uint32_t kernel_type(const struct stb_map *m)
{
	switch ((enum stb_map_type)m->type) {
	case STB_MAP_PERCPU_HASH:
		return BPF_MAP_TYPE_PERCPU_HASH;
	case STB_MAP_PERCPU_ARRAY:
		return BPF_MAP_TYPE_PERCPU_ARRAY;
	case STB_MAP_HASH: case STB_MAP_RINGBUF: case STB_MAP_GLOBALS:
	case STB_MAP_RODATA: case STB_MAP_LOADER: case STB_MAP_PAGES:
		break;
	}
	return BPF_MAP_TYPE_HASH;
}

static void make_maps(void)
{
	kept.has_kernel = true;
	for (int i = 0; i < ROWS; i++) {
		struct stb_map *m = &kept.rows[i];

		*m = map_rows[i];
		kept.fds[i] = -1;
		if (!m->value || !kept.has_kernel)
			continue;
		m->type = m->value != 'x' ? STB_MAP_HASH : i == ONCE ?
			  STB_MAP_PERCPU_ARRAY : STB_MAP_PERCPU_HASH;
		kept.fds[i] = bpf_map_new(kernel_type(m), "fuzz", m->key_size,
					  m->value_size, m->max_entries, 0);
		kept.has_kernel = kept.fds[i] >= 0;
	}
}

/* A kernel, and a program, with two functions and a line each. */
static void make_names(void)
{
	static const struct stb_sym_range range = { 0x1000, 0x100, 0, 0 };
	static const uint8_t addrs[] = { 0, 8 }, lines[] = { 1, 0, 20, 4, 3 };
	static const char names[] = "a\0b", files[] = "c.c";
	static struct symbols *all;
	static struct stb_set set;

	set = set_of((struct made_table[]){
		ONE(STB_T_SYM_RANGES, range), BYTES(STB_T_SYM_ADDRS, addrs),
		BYTES(STB_T_SYM_NAMES, names), BYTES(STB_T_SYM_FILES, files),
		BYTES(STB_T_SYM_LINES, lines), { 0 } });
	symbols_add(&all, "kernel", NULL, &set, 0, 0);
	symbols_add(&all, "/bin/x", NULL, &set, 0, 1);
	kept.names = symbols_namer(all, NULL);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(p + PAGE, PAGE, PROT_NONE);
	kept.globals = p + PAGE - GLOBALS;
	make_maps();
	if (!kept.has_kernel)
		say("no right to make BPF maps: arrays are the loader's alone");
	make_names();
	return 0;
}

/* --- an input ------------------------------------------------------------- */

static const void *take(struct input *in, size_t n)
{
	const uint8_t *p = in->p;

	if (n > (size_t)(in->end - p))
		return NULL;
	in->p += n;
	return p;
}

/* The rows of a hostile bundle. Large ones are not worth the time. */
static bool take_rows(struct input *in)
{
	uint32_t n = in->head[1] % (ROWS + 1);
	const uint8_t *with = take(in, n * sizeof(in->rows[0]));

	if (!with)
		return false;
	for (size_t i = 0; i < n * sizeof(in->rows[0]); i++)
		((uint8_t *)in->rows)[i] ^= with[i];
	for (uint32_t i = 0; i < n; i++)
		if (in->rows[i].value_size > MAX_WIDTH)
			return false;
	return true;
}

static void kernel_rows(struct input *in)
{
	memcpy(in->rows, kept.rows, sizeof(in->rows));
	for (int i = 0; i < ROWS; i++)
		if (in->rows[i].value == 'l')
			in->rows[i].flags ^= in->head[1] & (STB_MAPF_WRAP |
							    STB_MAPF_ADDED);
}

static bool take_format(struct input *in)
{
	enum { OWN = COUNT_OF(format_rows) };
	static const enum stb_channel channels[] = {
		STB_OUT, STB_LOG, STB_ERROR, STB_WARN,
	};
	uint32_t at = sizeof(meta_strings), n = in->head[2];
	uint32_t nargs = in->head[3];
	const uint8_t *text = take(in, n), *args = take(in, nargs);

	if (!text || !args)
		return false;
	memcpy(in->strings, meta_strings, at);
	memcpy(in->strings + at, text, n);
	memcpy(in->strings + at + n + 1, args, nargs);
	memcpy(in->formats, format_rows, sizeof(format_rows));
	in->formats[OWN] = (struct stb_format){
		.text = at, .text_len = n, .args = at + n + 1,
		.channel = channels[n % COUNT_OF(channels)],
	};
	in->extra.formats = in->formats;
	in->extra.nformats = OWN + 1;
	in->extra.strings = in->strings;
	in->extra.nstrings = sizeof(in->strings);
	return true;
}

/*
 * Random bytes hardly ever name a register, an address or a service that there
 * is, so those are folded into what there is: an input gets somewhere. Not to
 * services that write into the logs of this host's kernel.
 */
static void fold(struct bpf_insn *i, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		i[k].dst_reg %= 11;
		i[k].src_reg %= 11;
		if (i[k].code == (BPF_JMP | BPF_CALL) && i[k].src_reg > 1)
			i[k].src_reg = 0;
		if (i[k].code == (BPF_JMP | BPF_CALL) && !i[k].src_reg) {
			i[k].imm = (int)((uint32_t)i[k].imm %
					 (STB_SVC_ARMED + 1));
			if (i[k].imm == STB_SVC_PRINTK ||
			    i[k].imm == STB_SVC_FTRACE)
				i[k].imm = STB_SVC_STRLEN;
		}
		if (i[k].code == (BPF_LD | BPF_IMM | BPF_DW) && k + 1 < n &&
		    (i[k].imm & 1))
			i[k + 1].imm = 1 + (int)((uint32_t)i[k + 1].imm % 4);
	}
	/* the literal's relocation, which a reader wants at such a one */
	if (i[0].src_reg == 2 && (n < 3 || i[0].code != (BPF_LD | BPF_IMM |
							 BPF_DW)))
		i[0].src_reg = 1;
}

static bool take_all(struct input *in)
{
	static const uint32_t widths[] = { STRING_LEN, 2, 8, 256 };
	const uint8_t *head = take(in, HEAD), *code;

	if (!head)
		return false;
	memcpy(in->head, head, HEAD);
	if (!kept.has_kernel || has(in, WITH_ROWS))
		in->head[0] &= ~WITH_KERNEL;
	memcpy(in->rows, map_rows, sizeof(in->rows));
	if (has(in, WITH_KERNEL))
		kernel_rows(in);
	in->extra.string_len = widths[in->head[6] % COUNT_OF(widths)];
	if ((has(in, WITH_ROWS) && !take_rows(in)) ||
	    (has(in, WITH_FORMAT) && !take_format(in)))
		return false;
	if (has(in, WITH_KERNEL)) {
		in->nfillings = in->head[4];
		in->fillings = take(in, in->nfillings * sizeof(*in->fillings));
		if (!in->fillings)
			return false;
	}
	in->n = (uint32_t)((size_t)(in->end - in->p) / sizeof(*in->code));
	code = take(in, in->n * sizeof(*in->code));
	if (!in->n || in->n > MOST)
		return false;
	memcpy(in->code, code, in->n * sizeof(*in->code));
	fold(in->code, in->n);
	return true;
}

/* --- a run ------------------------------------------------------------------- */

static void empty(uint32_t map)
{
	uint8_t key[64];

	while (!bpf_map_next_key(kept.fds[map], NULL, key) &&
	       !bpf_map_delete(kept.fds[map], key))
		;
}

static void put_element(const struct filling *f)
{
	uint32_t map = f->map % ROWS, k = f->key;
	const struct stb_map *m = &kept.rows[map];
	uint8_t key[64] = { 0 }, value[8192];

	if (kept.fds[map] < 0)
		return;
	if (map == ONCE)
		k = 0;
	memcpy(key, &k, sizeof(k));
	if (f->how & FILL_KEY && map != ONCE)
		memset(key, f->key, m->key_size);
	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = (uint8_t)(f->byte + (f->how & FILL_COUNT ? i : 0));
	/* the test is of what is in there, not of whether there is room */
	bpf_map_update(kept.fds[map], key, value, 0);
}

static void fill(const struct input *in, bool first)
{
	static const uint8_t zeroes[8192];

	for (uint32_t i = 0; first && i < ROWS; i++)
		if (i == ONCE)
			bpf_map_update(kept.fds[i], &(uint32_t){ 0 }, zeroes, 0);
		else if (kept.fds[i] >= 0)
			empty(i);
	for (uint32_t i = 0; i < in->nfillings; i++)
		put_element(&in->fillings[i]);
}

/* What a program in the kernel may do meanwhile. */
struct flips {
	volatile uint8_t *last, *other;
	bool done;
};

static void *flip(void *p)
{
	struct flips *f = p;

	for (unsigned i = 0; !__atomic_load_n(&f->done, __ATOMIC_RELAXED); i++) {
		*f->last = i & 16 ? 'a' : 0;
		*f->other = (uint8_t)i;
	}
	return NULL;
}

static void run_once(struct test *t)
{
	/* nobody else is there to hold a lock; what is in the words may say so */
	memset(t->vm->globals + sizeof(struct stb_shared), 0, 64);
	vm_run(t->vm, 0);
	if (t->vm->nheld || t->vm->niterating || t->vm->grave)
		abort();
	t->out.out.n = t->out.err.n = 0;
}

static void run_flipped(struct test *t, const struct input *in)
{
	struct flips f = {
		.last = t->vm->globals + GLOBALS - 1,
		.other = t->vm->globals + sizeof(struct stb_shared) + 64 +
			 in->head[7] % 64,
	};
	pthread_t thread;

	memset(t->vm->globals + GLOBALS - 32, 'a', 31);
	if (pthread_create(&thread, NULL, flip, &f))
		abort();
	for (int i = 0; i < FLIPPED_RUNS; i++)
		run_once(t);
	__atomic_store_n(&f.done, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

/* As the end of a session looks at all there is. */
static void look(void *arg, const struct stb_map *row, const uint8_t *key,
		 const void *value)
{
	uint64_t sum = 0;
	int64_t v;

	for (uint32_t i = 0; i < row->key_size; i++)
		sum += key[i];
	if (row->value == 'x') {
		for (int i = 0; i <= STB_ST_VARIANCE; i++)
			sum += vm_stat(row, value, i, &v) ? (uint64_t)v : 0;
		for (uint32_t i = 0; i < vm_stat_buckets(row); i++)
			sum += vm_stat_bucket(value, i);
	} else if (row->value == 's') {
		sum += strnlen(value, row->value_size - 8);
	} else {
		memcpy(&v, value, sizeof(v));
		sum += (uint64_t)v;
	}
	*(volatile uint64_t *)arg = sum;
}

static void run(struct test *t, const struct input *in)
{
	struct vm_value value = { .cap = in->head[5] % 64 };
	volatile uint64_t sum;

	t->vm->patience = JUMPS;
	t->vm->lock_wait_ns = t->vm->quiet_ns = 0;
	t->out.fd = -1;
	t->out.detached = true;		/* nobody sees stderr */
	value.text = malloc(value.cap);
	if (has(in, WITH_VALUE))
		vm_set_value(t->vm, &value);
	if (has(in, WITH_NAMES))
		t->out.names = kept.names;
	for (int i = 0; i < 2; i++) {
		if (has(in, WITH_KERNEL))
			fill(in, !i);
		if (has(in, WITH_FLIP))
			run_flipped(t, in);
		else
			run_once(t);
		if (value.n > value.cap)
			abort();
	}
	vm_each_element(t->vm, look, (void *)(uintptr_t)&sum);
	free(value.text);
}

/* Nothing is written in front of the globals, either. */
static void check_globals(void)
{
	const uint8_t *p = kept.globals - (PAGE - GLOBALS);

	for (; p < kept.globals; p++)
		if (*p)
			abort();
	memset(kept.globals, 0, GLOBALS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .p = data, .end = data + size };
	struct test *t;

	if (!take_all(&in))
		return 0;
	in.extra.globals = kept.globals;
	in.extra.validate = true;
	t = new_test_with(in.code, in.n, in.rows,
			  has(&in, WITH_KERNEL) ? kept.fds : NULL,
			  has(&in, WITH_KERNEL) ? possible_cpus() : 1,
			  &in.extra);
	if (t->vm)
		run(t, &in);
	else if (!has(&in, WITH_ROWS))
		abort();	/* then it would be the test's fault */
	check_globals();
	end_test(t);
	return 0;
}
