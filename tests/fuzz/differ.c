/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * differ.c - the same instructions in the loader's interpreter and in the kernel
 * (a program of type SYSCALL, BPF_PROG_TEST_RUN): all registers must be equal at
 * the end. What the verifier refuses is no difference.
 *
 * An input is the values of the ten registers, then instructions of 8 bytes that
 * are folded into what may stand there: arithmetic, immediates of 64 bits, jumps
 * forward and, as often as a word of the stack says, back, loads, stores and
 * atomics of a few words of the stack, calls of two functions. Registers begin as
 * memory that the verifier knows nothing of, so that the processor has to do it all.
 *
 * links: loader bundler -lzstd -lsodium
 */
#include "loader/bpf.h"
#include "tests/loader/vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const char *argv0 = "differ";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { REGS = 10, BODY = 96, MOST = 2 * BODY + 192, JUMPS = 14, CALLS = 4,
       /* rounds multiply what the verifier has to look at */
       LOOPS = 2, ROUNDS = 3, LOOPING_JUMPS = 5,
       /* of the stack: the context, words to work with, one to spare, rounds */
       CONTEXT = -8, WORDS = 8, FIRST_WORD = -8 - 8 * WORDS,
       SPARE = FIRST_WORD - 8, LEFT = SPARE - 8 };
/* in `off` of an input's instruction */
enum { BACK = 0x100, FAR = 0x200, CALL = 0x4000, SECOND = 0x2000 };

#define LOAD(d, s, at) INSN(BPF_LDX | BPF_MEM | BPF_DW, d, s, at, 0)
#define STORE(d, at, s) INSN(BPF_STX | BPF_MEM | BPF_DW, d, s, at, 0)

struct program {
	struct bpf_insn code[MOST];
	uint32_t n;
	uint32_t starts[BODY + 1];	/* of each of the input */
	/* where which of the input, or which function, is meant */
	struct { uint32_t at, to; } jumps[BODY];
	uint32_t njumps, nloops, ncalls;
	uint32_t calls[CALLS], functions[CALLS];
};

static void add(struct program *p, struct bpf_insn i)
{
	p->code[p->n++] = i;
}

/* The context is in r1, in the kernel by itself. */
static void begin(struct program *p)
{
	add(p, INSN(BPF_ALU64 | BPF_MOV | BPF_X, 1, 1, 0, 0));
	add(p, INSN(BPF_ALU64 | BPF_MOV | BPF_X, 1, 1, 0, 0));
	add(p, STORE(10, CONTEXT, 1));
	for (int i = 0; i < WORDS; i++)
		add(p, INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0,
			    FIRST_WORD + 8 * i, i * 0x01010101));
	add(p, INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, LEFT, ROUNDS));
	for (int i = 0; i < REGS; i++)
		if (i != 1)
			add(p, LOAD(i, 1, 8 * i));
	add(p, LOAD(1, 1, 8));
}

static void end(struct program *p)
{
	add(p, STORE(10, SPARE, 9));
	add(p, LOAD(9, 10, CONTEXT));
	for (int i = 0; i < REGS - 1; i++)
		add(p, STORE(9, 8 * i, i));
	add(p, LOAD(0, 10, SPARE));
	add(p, STORE(9, 8 * (REGS - 1), 0));
	add(p, INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0));
	add(p, INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

static const uint8_t arithmetic[] = {
	BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR, BPF_AND, BPF_LSH, BPF_RSH,
	BPF_NEG, BPF_MOD, BPF_XOR, BPF_MOV, BPF_ARSH, BPF_END,
};
static const uint8_t conditions[] = {
	BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE, BPF_JSET,
	BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE, BPF_JA,
};
/* The first PLAIN fetch nothing. */
enum { PLAIN = 4 };
static const int atomics[] = {
	BPF_ADD, BPF_OR, BPF_AND, BPF_XOR, BPF_ADD | BPF_FETCH,
	BPF_OR | BPF_FETCH, BPF_AND | BPF_FETCH, BPF_XOR | BPF_FETCH,
	BPF_XCHG, BPF_CMPXCHG,
};
#define PICK(list, n) (list)[(n) % COUNT_OF(list)]
static bool fetches;		/* see kernel_fetches() */
static bool far;		/* it has jumps of 32 bits */

static struct bpf_insn make_alu(const struct bpf_insn *from, unsigned d,
				unsigned s)
{
	static const int widths[] = { 16, 32, 64 };
	unsigned op = PICK(arithmetic, from->code >> 4);
	unsigned class = from->code & 4 ? BPF_ALU64 : BPF_ALU;
	unsigned src = from->code & 8 ? BPF_X : BPF_K;
	int imm = from->imm;

	if (op == BPF_END)
		return INSN(BPF_ALU | BPF_END | src, d, 0, 0,
			    PICK(widths, (unsigned)imm));
	if (op == BPF_NEG)
		return INSN(class | BPF_NEG, d, 0, 0, 0);
	if (src == BPF_X)
		return INSN(class | op | BPF_X, d, s, 0, 0);
	if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH)
		imm &= class == BPF_ALU64 ? 63 : 31;
	if ((op == BPF_DIV || op == BPF_MOD) && !imm)
		imm = 1;
	return INSN(class | op | BPF_K, d, 0, 0, imm);
}

/* Over at most 7 instructions of the input, and no farther than the end. */
static void make_jump(struct program *p, const struct bpf_insn *from,
		      unsigned d, unsigned s, uint32_t i, uint32_t n)
{
	unsigned op = PICK(conditions, from->code >> 4);
	unsigned class = from->code & 4 && op != BPF_JA ? BPF_JMP32 : BPF_JMP;
	uint32_t to = i + 1 + ((uint32_t)from->off & 7);

	p->jumps[p->njumps].at = p->n;
	p->jumps[p->njumps++].to = to > n ? n : to;
	if (op == BPF_JA)
		add(p, INSN(far && from->off & FAR ? BPF_JMP32 | BPF_JA :
			    BPF_JMP | BPF_JA, 0, 0, 0, 0));
	else if (from->code & 8)
		add(p, INSN(class | op | BPF_X, d, s, 0, 0));
	else
		add(p, INSN(class | op | BPF_K, d, 0, 0, from->imm));
}

/* Back over at most 7, while there are rounds left. */
static void make_loop(struct program *p, const struct bpf_insn *from,
		      unsigned d, uint32_t i)
{
	uint32_t by = (uint32_t)from->off & 7;

	add(p, LOAD(d, 10, LEFT));
	add(p, INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, -1));
	add(p, STORE(10, LEFT, d));
	p->jumps[p->njumps].at = p->n;
	p->jumps[p->njumps++].to = i - (by > i ? i : by);
	add(p, INSN(BPF_JMP | BPF_JSGT | BPF_K, d, 0, 0, 0));
	p->nloops++;
}

/* A call leaves r1 to r5 as nobody may rely on. */
static void make_call(struct program *p, const struct bpf_insn *from)
{
	p->functions[p->ncalls] = (uint16_t)from->off / SECOND % 2;
	p->calls[p->ncalls++] = p->n;
	add(p, INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0));
	for (unsigned r = 1; r <= 5; r++) {
		add(p, INSN(BPF_ALU64 | BPF_MOV | BPF_X, r, 0, 0, 0));
		add(p, INSN(BPF_ALU64 | BPF_XOR | BPF_K, r, 0, 0,
			    (int)((uint32_t)from->imm + r)));
	}
}

#define ALU(op, d, s) INSN(BPF_ALU64 | BPF_X | (op), d, s, 0, 0)
/* The first uses all that is its own; the second calls it. */
static void add_functions(struct program *p, uint32_t at[2])
{
	const struct bpf_insn own[] = {
		ALU(BPF_MOV, 6, 1), ALU(BPF_MOV, 7, 2), ALU(BPF_MOV, 8, 3),
		ALU(BPF_MOV, 9, 4), STORE(10, -8, 5), ALU(BPF_ADD, 6, 7),
		ALU(BPF_MUL, 7, 8), ALU(BPF_XOR, 8, 9), LOAD(0, 10, -8),
		ALU(BPF_SUB, 0, 6), ALU(BPF_XOR, 0, 7), ALU(BPF_ADD, 0, 8),
		INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -8, -1),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	const struct bpf_insn calls[] = {
		ALU(BPF_MOV, 6, 1), ALU(BPF_MOV, 7, 5), STORE(10, -8, 2),
		INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0,
		     -(int)COUNT_OF(own) - 4),
		LOAD(1, 10, -8), ALU(BPF_ADD, 0, 6), ALU(BPF_XOR, 0, 7),
		ALU(BPF_ADD, 0, 1), INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	at[0] = p->n;
	for (size_t i = 0; i < COUNT_OF(own); i++)
		add(p, own[i]);
	at[1] = p->n;
	for (size_t i = 0; i < COUNT_OF(calls); i++)
		add(p, calls[i]);
}

/* All is where it stays: jumps and calls learn how far it is. */
static void resolve(struct program *p)
{
	uint32_t at[2];

	for (uint32_t i = 0; i < p->njumps; i++) {
		struct bpf_insn *j = &p->code[p->jumps[i].at];
		int by = (int)p->starts[p->jumps[i].to] -
			 (int)p->jumps[i].at - 1;

		if (j->code == (BPF_JMP32 | BPF_JA))
			j->imm = by;
		else
			j->off = (int16_t)by;
	}
	if (p->ncalls)
		add_functions(p, at);
	for (uint32_t i = 0; i < p->ncalls; i++)
		p->code[p->calls[i]].imm = (int)at[p->functions[i]] -
					   (int)p->calls[i] - 1;
}

static struct bpf_insn make_memory(const struct bpf_insn *from, unsigned d,
				   unsigned s)
{
	static const uint8_t sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
	static const uint8_t bytes[] = { 1, 2, 4, 8 };
	unsigned size = from->code >> 6 & 3, what = from->code >> 4 & 3;
	int at = FIRST_WORD + (from->off & (8 * WORDS - 1) & -bytes[size]);

	if (what == 0)
		return INSN(BPF_LDX | BPF_MEM | sizes[size], d, 10, at, 0);
	if (what == 1)
		return INSN(BPF_STX | BPF_MEM | sizes[size], 10, s, at, 0);
	if (what == 2)
		return INSN(BPF_ST | BPF_MEM | sizes[size], 10, 0, at,
			    from->imm);
	size |= 2;
	at &= -bytes[size];
	return INSN(BPF_STX | BPF_ATOMIC | sizes[size], 10, s, at,
		    atomics[(unsigned)from->imm %
			    (fetches ? COUNT_OF(atomics) : PLAIN)]);
}

static void make_body(struct program *p, const uint8_t *data, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct bpf_insn from;
		unsigned d, s, kind, most;

		memcpy(&from, data + 8 * i, sizeof(from));
		p->starts[i] = p->n;
		d = from.dst_reg % REGS;
		s = from.src_reg % REGS;
		kind = from.code & 3;
		most = p->nloops ? LOOPING_JUMPS : JUMPS;
		if (kind == 2 && from.off & BACK && p->nloops < LOOPS &&
		    p->njumps < LOOPING_JUMPS) {
			make_loop(p, &from, d, i);
		} else if (kind == 2 && p->njumps < most) {
			make_jump(p, &from, d, s, i, n);
		} else if (kind == 3 && from.off & CALL && p->ncalls < CALLS) {
			make_call(p, &from);
		} else if (kind < 2 && from.code >> 4 == 15) {
			add(p, INSN(BPF_LD | BPF_IMM | BPF_DW, d, 0, 0,
				    from.imm));
			add(p, INSN(0, 0, 0, 0, from.imm ^ from.off * 256));
		} else if (kind == 3) {
			add(p, make_memory(&from, d, s));
		} else {
			add(p, make_alu(&from, d, s));
		}
	}
	p->starts[n] = p->n;
}

static int load(const struct program *p, uint32_t flags)
{
	struct bpf_prog_spec s = {
		.type = BPF_PROG_TYPE_SYSCALL, .flags = BPF_F_SLEEPABLE | flags,
		.name = "differ", .insns = p->code, .insn_count = p->n,
		.btf_fd = -1,
	};

	return bpf_prog_new(&s, NULL, 0);
}

static void interpret(struct program *p, uint64_t *regs)
{
	enum { AT = sizeof(struct stb_shared) };
	struct test *t;

	p->code[0] = INSN(BPF_LD | BPF_IMM | BPF_DW, 1, 0, 0, AT);
	p->code[1] = INSN(0, 0, 0, 0, STB_REGION_GLOBALS);
	t = new_test(p->code, p->n, map_rows, NULL, 1);
	memcpy((char *)t->globals + AT, regs, 8 * REGS);
	if (vm_run(t->vm, 0) != VM_DONE) {
		fprintf(stderr, "the interpreter: %s\n", vm_message(t->vm));
		abort();
	}
	memcpy(regs, (char *)t->globals + AT, 8 * REGS);
	end_test(t);
}

static void compare(const struct program *p, const uint64_t *kernel,
		    const uint64_t *ours)
{
	if (!memcmp(kernel, ours, 8 * REGS))
		return;
	for (int i = 0; i < REGS; i++)
		fprintf(stderr, "r%d: kernel %#llx, interpreter %#llx\n", i,
			(unsigned long long)kernel[i],
			(unsigned long long)ours[i]);
	for (uint32_t i = 0; i < p->n; i++)
		fprintf(stderr, "%3u: %02x r%u r%u %d %#x\n", i,
			p->code[i].code, p->code[i].dst_reg,
			p->code[i].src_reg, p->code[i].off, p->code[i].imm);
	abort();
}

static uint64_t loaded, refused;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t kernel[REGS], ours[REGS];
	struct program p = { .n = 0 };
	int fd;

	if (size < sizeof(kernel) + 8 || size > sizeof(kernel) + 8 * BODY)
		return 0;
	memcpy(kernel, data, sizeof(kernel));
	memcpy(ours, data, sizeof(ours));
	begin(&p);
	make_body(&p, data + sizeof(kernel),
		  (uint32_t)(size - sizeof(kernel)) / 8);
	end(&p);
	resolve(&p);
	fd = load(&p, 0);
	if (fd < 0) {
		refused++;
		return 0;
	}
	loaded++;
	if (bpf_prog_run(fd, kernel, sizeof(kernel)) < 0)
		abort();
	close(fd);
	interpret(&p, ours);
	compare(&p, kernel, ours);
	return 0;
}

/* A fuzzer whose every program is refused finds nothing and says so. */
static void report(void)
{
	fprintf(stderr, "differ: %llu programs compared, %llu refused by the "
		"verifier\n", (unsigned long long)loaded,
		(unsigned long long)refused);
	if (loaded < refused)
		_exit(1);
}

/*
 * Does what an atomic fetches from the stack decide jumps rightly? Verifiers do
 * not look for where it came from when they find out what must be equal for two
 * states to be one: of two ways with different words on the stack the second is
 * taken to be as the first, and a jump that the first always takes becomes one that
 * is always taken (seen in 6.18). Such programs are left out then.
 */
static bool kernel_fetches(void)
{
	uint64_t word = 1000;
	struct program p = { .n = 0 };
	bool right;
	int fd;

	add(&p, INSN(BPF_ALU64 | BPF_MOV | BPF_X, 7, 1, 0, 0));
	add(&p, LOAD(6, 7, 0));
	add(&p, INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -8, 4));
	add(&p, INSN(BPF_JMP | BPF_JNE | BPF_K, 6, 0, 1, 0));
	add(&p, INSN(BPF_JMP | BPF_JA, 0, 0, 1, 0));
	add(&p, STORE(10, -8, 6));
	add(&p, INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 0));
	add(&p, INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 10, 1, -8,
		     BPF_ADD | BPF_FETCH));
	add(&p, INSN(BPF_JMP | BPF_JLE | BPF_K, 1, 0, 1, 100));
	add(&p, INSN(BPF_ST | BPF_MEM | BPF_DW, 7, 0, 0, 1));
	add(&p, INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0));
	add(&p, INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
	fd = load(&p, BPF_F_TEST_STATE_FREQ);	/* it looks at each jump */
	if (fd < 0 || bpf_prog_run(fd, &word, sizeof(word)) < 0)
		abort();
	close(fd);
	right = word == 1;
	if (!right)
		fprintf(stderr, "differ: this kernel's verifier is wrong "
			"about what atomics fetch: none do\n");
	return right;
}

static bool kernel_goes_far(void)
{
	struct program p = { .n = 0 };
	int fd;

	add(&p, INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0));
	add(&p, INSN(BPF_JMP32 | BPF_JA, 0, 0, 0, 0));
	add(&p, INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
	fd = load(&p, 0);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct program p = { .n = 0 };
	int fd;

	begin(&p);
	end(&p);
	fd = load(&p, 0);
	if (fd == -EPERM || fd == -EACCES) {
		fprintf(stderr, "the kernel lets us load no program: needs "
			"root\n");
		_exit(77);
	}
	if (fd < 0)
		abort();
	close(fd);
	fetches = kernel_fetches();
	far = kernel_goes_far();
	atexit(report);
	return 0;
}
