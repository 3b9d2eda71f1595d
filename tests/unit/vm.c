/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interpreter of loader handlers: each instruction does what the kernel's
 * BPF does, what code must not do ends the run with a message, and services
 * keep arrays as SystemTap does.
 *
 * links: loader bundler -lzstd -lsodium
 */
#include "loader/bpf.h"
#include "tests/loader/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

const char *argv0 = "vm";

static unsigned failures;
#define EXPECT(what, got, want) do {					\
	long long got_ = (long long)(got), want_ = (long long)(want);	\
	if (got_ != want_) {						\
		printf("%s:%d: %s: %lld (%#llx), not %lld (%#llx)\n",	\
		       __FILE__, __LINE__, what, got_, got_, want_,	\
		       want_);						\
		failures++;						\
	}								\
} while (0)

static void expect_text(int line, const char *what, const char *got,
			const char *want)
{
	if (!strcmp(got, want))
		return;
	printf("%s:%d: %s: \"%s\", not \"%s\"\n", __FILE__, line, what, got,
	       want);
	failures++;
}

/* --- instructions --------------------------------------------------------------- */

#define OP(op, d, s) INSN(BPF_ALU64 | BPF_X | (op), d, s, 0, 0)
#define OP32(op, d, s) INSN(BPF_ALU | BPF_X | (op), d, s, 0, 0)
#define OPI(op, d, i) INSN(BPF_ALU64 | BPF_K | (op), d, 0, 0, i)
#define OPI32(op, d, i) INSN(BPF_ALU | BPF_K | (op), d, 0, 0, i)
#define LD64(d, v) INSN(BPF_LD | BPF_IMM | BPF_DW, d, 0, 0, (uint64_t)(v)), \
	INSN(0, 0, 0, 0, (uint64_t)(v) >> 32)
#define LOAD(size, d, s, o) INSN(BPF_LDX | BPF_MEM | (size), d, s, o, 0)
#define STORE(size, d, o, s) INSN(BPF_STX | BPF_MEM | (size), d, s, o, 0)
#define STOREI(size, d, o, i) INSN(BPF_ST | BPF_MEM | (size), d, 0, o, i)
#define ATOM(size, d, o, s, op) INSN(BPF_STX | BPF_ATOMIC | (size), d, s, o, op)
#define JUMP(op, d, s, o) INSN(BPF_JMP | BPF_X | (op), d, s, o, 0)
#define JUMPI(op, d, i, o) INSN(BPF_JMP | BPF_K | (op), d, 0, o, i)
#define JUMPI32(op, d, i, o) INSN(BPF_JMP32 | BPF_K | (op), d, 0, o, i)
#define GO(o) INSN(BPF_JMP | BPF_JA, 0, 0, o, 0)
#define CALL(to) INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, to)
#define SERVICE(n) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, n)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define AT(region, o) ((uint64_t)(region) << 32 | (o))
#define G(o) AT(STB_REGION_GLOBALS, o)
#define BUG "internal: a handler of the loader is wrong, please report it: "

/* r0 at the end of the code; behind it the test stores it where we can look. */
static uint64_t result_of(int line, const struct bpf_insn *code, size_t n)
{
	struct bpf_insn all[64];
	struct test *t;
	uint64_t r;

	memcpy(all, code, n * sizeof(*code));
	memcpy(all + n, ((struct bpf_insn[]){ LD64(1, G(248)),
		STORE(BPF_DW, 1, 0, 0), EXIT }), 4 * sizeof(*code));
	t = new_test(all, (uint32_t)n + 4, map_rows, NULL, 1);
	if (vm_run(t->vm, 0) != VM_DONE) {
		printf("%s:%d: %s\n", __FILE__, line, vm_message(t->vm));
		failures++;
	}
	r = t->globals[31];
	end_test(t);
	return r;
}
#define RESULT(want, ...) do {						\
	struct bpf_insn code_[] = { __VA_ARGS__ };			\
	EXPECT(#__VA_ARGS__, result_of(__LINE__, code_,			\
				       COUNT_OF(code_)), want);		\
} while (0)

static void arithmetic(void)
{
	const uint64_t a = 0x8123456789abcdefull, b = 0xfedcba9876543211ull;

#define TWO LD64(0, a), LD64(2, b)
	RESULT(a + b, TWO, OP(BPF_ADD, 0, 2));
	RESULT(a - b, TWO, OP(BPF_SUB, 0, 2));
	RESULT(a * b, TWO, OP(BPF_MUL, 0, 2));
	RESULT(b / a, TWO, OP(BPF_DIV, 2, 0), OP(BPF_MOV, 0, 2));
	RESULT(b % a, TWO, OP(BPF_MOD, 2, 0), OP(BPF_MOV, 0, 2));
	RESULT(a & b, TWO, OP(BPF_AND, 0, 2));
	RESULT(a | b, TWO, OP(BPF_OR, 0, 2));
	RESULT(a ^ b, TWO, OP(BPF_XOR, 0, 2));
	RESULT(a << 17, TWO, OP(BPF_LSH, 0, 2));	/* 0x..11 & 63 */
	RESULT(a >> 17, TWO, OP(BPF_RSH, 0, 2));
	RESULT((int64_t)a >> 17, TWO, OP(BPF_ARSH, 0, 2));
	RESULT(-a, TWO, OPI(BPF_NEG, 0, 0));
	RESULT(a + (uint64_t)-5, TWO, OPI(BPF_ADD, 0, -5));
	RESULT(0, TWO, OPI(BPF_DIV, 0, 0));
	RESULT(a, TWO, OPI(BPF_MOD, 0, 0));
	RESULT(UINT64_MAX / 7, LD64(0, UINT64_MAX), OPI(BPF_DIV, 0, 7));
#define U(x) ((uint32_t)(x))
	RESULT(U(U(a) + U(b)), TWO, OP32(BPF_ADD, 0, 2));
	RESULT(U(U(a) - U(b)), TWO, OP32(BPF_SUB, 0, 2));
	RESULT(U(U(a) * U(b)), TWO, OP32(BPF_MUL, 0, 2));
	RESULT(U(a) / U(b), TWO, OP32(BPF_DIV, 0, 2));
	RESULT(U(a) % U(b), TWO, OP32(BPF_MOD, 0, 2));
	RESULT(U(U(a) << 17), TWO, OP32(BPF_LSH, 0, 2));
	RESULT(U(a) >> 17, TWO, OP32(BPF_RSH, 0, 2));
	RESULT(U((int32_t)a >> 17), TWO, OP32(BPF_ARSH, 0, 2));
	RESULT(U(-U(a)), TWO, OPI32(BPF_NEG, 0, 0));
	RESULT(U(b), TWO, OP32(BPF_MOV, 0, 2));
	RESULT(U(-1), TWO, OPI32(BPF_MOV, 0, -1));
	RESULT(-1, TWO, OPI(BPF_MOV, 0, -1));
	RESULT(0, TWO, OPI32(BPF_DIV, 0, 0));
	RESULT(U(a), TWO, OPI32(BPF_MOD, 0, 0));
#define END(to, bits) INSN(BPF_ALU | BPF_END | (to), 0, 0, 0, bits)
	RESULT(0xefcd, TWO, END(BPF_TO_BE, 16));
	RESULT(0xefcdab89, TWO, END(BPF_TO_BE, 32));
	RESULT(__builtin_bswap64(a), TWO, END(BPF_TO_BE, 64));
	RESULT(0xcdef, TWO, END(BPF_TO_LE, 16));
	RESULT(0x89abcdef, TWO, END(BPF_TO_LE, 32));
	RESULT(a, TWO, END(BPF_TO_LE, 64));
}

/* What each comparison says of two numbers, as bits. */
static void jumps(void)
{
	static const uint8_t ops[] = { BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE,
		BPF_JLT, BPF_JLE, BPF_JSET, BPF_JSGT, BPF_JSGE, BPF_JSLT,
		BPF_JSLE };
	static const struct { int64_t a; int32_t b; bool only32; unsigned want; }
	cases[] = {
		{ 5, 5, false, 1 << 0 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 8 |
		  1 << 10 },
		{ 4, 3, false, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 7 | 1 << 8 },
		{ -1, 2, false, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9 |
		  1 << 10 },
		{ 0x1ffffffff, -1, true, 1 << 0 | 1 << 3 | 1 << 5 | 1 << 6 |
		  1 << 8 | 1 << 10 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		for (size_t op = 0; op < COUNT_OF(ops); op++)
			for (int narrow = 0; narrow < 2; narrow++) {
				uint8_t class = narrow ? BPF_JMP32 : BPF_JMP;

				if (cases[i].only32 && !narrow)
					continue;
				RESULT(cases[i].want >> op & 1,
				       LD64(2, cases[i].a), OPI(BPF_MOV, 0, 1),
				       INSN(class | BPF_K | ops[op], 2, 0, 1,
					    cases[i].b),
				       OPI(BPF_MOV, 0, 0));
				RESULT(cases[i].want >> op & 1,
				       LD64(2, cases[i].a), OPI(BPF_MOV, 0, 1),
				       OPI(BPF_MOV, 3, cases[i].b),
				       INSN(class | BPF_X | ops[op], 2, 3, 1,
					    0),
				       OPI(BPF_MOV, 0, 0));
			}
	/* 1 + 2 + ... + 10, backwards */
	RESULT(55, OPI(BPF_MOV, 0, 0), OPI(BPF_MOV, 2, 10), OP(BPF_ADD, 0, 2),
	       OPI(BPF_SUB, 2, 1), JUMPI(BPF_JNE, 2, 0, -3));
	RESULT(1, OPI(BPF_MOV, 0, 1), GO(1), OPI(BPF_MOV, 0, 2));
}

static void memory(void)
{
	RESULT(0x1122334455667788, LD64(2, 0x1122334455667788),
	       STORE(BPF_DW, 10, -8, 2), LOAD(BPF_DW, 0, 10, -8));
	RESULT(0x55667788, LD64(2, 0x1122334455667788),
	       STORE(BPF_DW, 10, -8, 2), LOAD(BPF_W, 0, 10, -8));
	RESULT(0x5566, LD64(2, 0x1122334455667788),
	       STORE(BPF_DW, 10, -8, 2), LOAD(BPF_H, 0, 10, -6));
	RESULT(0x44, LD64(2, 0x1122334455667788),
	       STORE(BPF_DW, 10, -8, 2), LOAD(BPF_B, 0, 10, -4));
	RESULT(0x11223344aa667788, LD64(2, 0x1122334455667788),
	       STORE(BPF_DW, 10, -8, 2), STOREI(BPF_B, 10, -5, 0xaa),
	       LOAD(BPF_DW, 0, 10, -8));
	RESULT(-2, STOREI(BPF_DW, 10, -8, -2), LOAD(BPF_DW, 0, 10, -8));
	RESULT(0xfffe, STOREI(BPF_DW, 10, -8, 0), STOREI(BPF_H, 10, -8, -2),
	       LOAD(BPF_DW, 0, 10, -8));
	/* the last bytes of a region, and an odd place in it */
	RESULT(7, LD64(2, G(GLOBALS - 8)), STOREI(BPF_DW, 2, 0, 7),
	       LOAD(BPF_DW, 0, 2, 0));
	RESULT(9, LD64(2, G(131)), STOREI(BPF_DW, 2, 0, 9),
	       LOAD(BPF_DW, 0, 2, 0));
	/* "it": a literal by relocation */
	RESULT('i', INSN(BPF_LD | BPF_IMM | BPF_DW, 2, 2, 0, 0),
	       INSN(0, 0, 0, 0, 1), LOAD(BPF_B, 0, 2, 0));
}

static void atomics(void)
{
#define CELL(v) LD64(2, G(128)), LD64(4, v), STORE(BPF_DW, 2, 0, 4), \
	OPI(BPF_MOV, 3, 5)
#define SEE LOAD(BPF_DW, 0, 2, 0)
	RESULT(12, CELL(7), ATOM(BPF_DW, 2, 0, 3, BPF_ADD), SEE);
	RESULT(5, CELL(7), ATOM(BPF_DW, 2, 0, 3, BPF_AND), SEE);
	RESULT(13, CELL(8), ATOM(BPF_DW, 2, 0, 3, BPF_OR), SEE);
	RESULT(2, CELL(7), ATOM(BPF_DW, 2, 0, 3, BPF_XOR), SEE);
	RESULT(7, CELL(7), ATOM(BPF_DW, 2, 0, 3, BPF_ADD | BPF_FETCH),
	       OP(BPF_MOV, 0, 3));
	RESULT(7, CELL(7), ATOM(BPF_DW, 2, 0, 3, BPF_XCHG),
	       OP(BPF_MOV, 0, 3));
	RESULT(5, CELL(7), ATOM(BPF_DW, 2, 0, 3, BPF_XCHG), SEE);
	RESULT(5, CELL(7), OPI(BPF_MOV, 0, 7),
	       ATOM(BPF_DW, 2, 0, 3, BPF_CMPXCHG), SEE);
	RESULT(7, CELL(7), OPI(BPF_MOV, 0, 6),
	       ATOM(BPF_DW, 2, 0, 3, BPF_CMPXCHG), SEE);
	RESULT(7, CELL(7), OPI(BPF_MOV, 0, 6),
	       ATOM(BPF_DW, 2, 0, 3, BPF_CMPXCHG));
	/* 32 bits: the other half stays */
	RESULT(0xffffffff00000004, CELL(-1ll),
	       ATOM(BPF_W, 2, 0, 3, BPF_ADD), SEE);
	RESULT(0xffffffff, CELL(-1ll),
	       ATOM(BPF_W, 2, 0, 3, BPF_ADD | BPF_FETCH), OP(BPF_MOV, 0, 3));
}

static void calls(void)
{
	/* r6 to r9 and the stack are each function's own */
	RESULT(3 + 40, OPI(BPF_MOV, 6, 3), STOREI(BPF_DW, 10, -8, 40), CALL(5),
	       LOAD(BPF_DW, 2, 10, -8), OP(BPF_ADD, 2, 6),
	       OP(BPF_MOV, 0, 2), GO(4),
	       EXIT, OPI(BPF_MOV, 6, 9), STOREI(BPF_DW, 10, -8, 9), EXIT,
	       OP(BPF_MOV, 0, 2));
	/* a caller's memory can be named */
	RESULT(6, STOREI(BPF_DW, 10, -16, 5), OP(BPF_MOV, 1, 10), CALL(2),
	       LOAD(BPF_DW, 0, 10, -16), GO(4),
	       LOAD(BPF_DW, 2, 1, -16), OPI(BPF_ADD, 2, 1),
	       STORE(BPF_DW, 1, -16, 2), EXIT, OPI(BPF_ADD, 0, 0));
	/* fact(5) by recursion */
	RESULT(120, OPI(BPF_MOV, 1, 5), CALL(1), GO(8),
	       JUMPI(BPF_JSGT, 1, 1, 2), OPI(BPF_MOV, 0, 1), EXIT,
	       OP(BPF_MOV, 6, 1), OPI(BPF_SUB, 1, 1), CALL(-6),
	       OP(BPF_MUL, 0, 6), EXIT);
}

/* --- what code must not do --------------------------------------------------------- */

static void fails(int line, const struct bpf_insn *code, size_t n,
		  const char *why)
{
	struct test *t = new_test(code, (uint32_t)n, map_rows, NULL, 1);
	enum vm_end end;

	t->vm->patience = 1 << 20;
	end = vm_run(t->vm, 0);
	if (end != VM_ERROR || strncmp(vm_message(t->vm), BUG, strlen(BUG)) ||
	    !strstr(vm_message(t->vm), why)) {
		printf("%s:%d: ends with %d: %s\n", __FILE__, line, end,
		       vm_message(t->vm));
		failures++;
	}
	end_test(t);
}
#define FAILS(why, ...) do {						\
	struct bpf_insn code_[] = { __VA_ARGS__ };			\
	fails(__LINE__, code_, COUNT_OF(code_), why);		\
} while (0)

static void bad_memory(void)
{
	FAILS("address 0", LD64(2, 0), LOAD(BPF_DW, 0, 2, 0), EXIT);
	FAILS("address 0x", LD64(2, 8), STOREI(BPF_B, 2, 0, 1), EXIT);
	FAILS("address 0x300000100", LD64(2, G(GLOBALS)),
	      LOAD(BPF_B, 0, 2, 0), EXIT);
	FAILS("address 0x3000000f9", LD64(2, G(GLOBALS - 7)),
	      LOAD(BPF_DW, 0, 2, 0), EXIT);
	FAILS("address 0x3000000ff", LD64(2, G(GLOBALS - 1)),
	      STOREI(BPF_H, 2, 0, 1), EXIT);
	FAILS("address 0x2ffffffff", LD64(2, G(0)),
	      LOAD(BPF_B, 0, 2, -1), EXIT);
	FAILS("address 0x7000000000", LD64(2, AT(0x70, 0)),
	      LOAD(BPF_B, 0, 2, 0), EXIT);
	FAILS("address 0xffffffffffffffff", LD64(2, -1ll),
	      LOAD(BPF_B, 0, 2, 0), EXIT);
	FAILS("address 0xffffffff", LD64(2, AT(STB_REGION_STACK, 0)),
	      LOAD(BPF_DW, 0, 2, -1), EXIT);
	FAILS("write to a literal", LD64(2, AT(STB_REGION_RODATA, 0)),
	      STOREI(BPF_B, 2, 0, 1), EXIT);
	FAILS("write to a literal", LD64(2, AT(STB_REGION_RODATA, 0)),
	      ATOM(BPF_W, 2, 0, 0, BPF_ADD), EXIT);
	FAILS("atomic access", LD64(2, G(4)),
	      ATOM(BPF_DW, 2, 0, 0, BPF_ADD), EXIT);
	FAILS("atomic access", LD64(2, G(4)),
	      ATOM(BPF_B, 2, 0, 0, BPF_ADD), EXIT);
	FAILS("atomic 0x77", LD64(2, G(8)),
	      ATOM(BPF_DW, 2, 0, 0, 0x77), EXIT);
	FAILS("no string", LD64(1, AT(STB_REGION_RODATA, 4)),
	      SERVICE(STB_SVC_ARG_STRING), LD64(1, AT(STB_REGION_RODATA, 99)),
	      SERVICE(STB_SVC_ARG_STRING), EXIT);
}

static void bad_code(void)
{
	FAILS("no instruction 1", OPI(BPF_MOV, 0, 0));
	FAILS("no instruction", GO(-9), EXIT);
	FAILS("no instruction", GO(9), EXIT);
	FAILS("no instruction", CALL(99), EXIT);
	FAILS("instruction 0x18", INSN(BPF_LD | BPF_IMM | BPF_DW, 0, 0, 0, 0));
	FAILS("instruction 0", INSN(0, 0, 0, 0, 0), EXIT);
	FAILS("instruction 0xe7", INSN(0xe7, 0, 0, 0, 0), EXIT);
	FAILS("load 0x81", LD64(2, G(0)),
	      INSN(BPF_LDX | 0x80, 0, 2, 0, 0), EXIT);
	FAILS("store 0x82", LD64(2, G(0)),
	      INSN(BPF_ST | 0x80, 2, 0, 0, 0), EXIT);
	FAILS("jump 0xe5", INSN(0xe5, 0, 0, 0, 0), EXIT);
	/* those of newer kernels, which have the codes of others */
	FAILS("instruction 0x3f", INSN(BPF_ALU64 | BPF_DIV | BPF_X, 0, 2, 1, 0),
	      EXIT);
	FAILS("instruction 0xbf", INSN(BPF_ALU64 | BPF_MOV | BPF_X, 0, 2, 8, 0),
	      EXIT);
	FAILS("instruction 0x94", INSN(BPF_ALU | BPF_MOD | BPF_K, 0, 0, 1, 3),
	      EXIT);
	FAILS("instruction 0xd7", INSN(BPF_ALU64 | BPF_END, 0, 0, 0, 64), EXIT);
	FAILS("jump 0x85", INSN(BPF_JMP | BPF_CALL, 0, 2, 0, STB_SVC_PID),
	      EXIT);
	FAILS("register", OP(BPF_MOV, 11, 0), EXIT);
	FAILS("register", OP(BPF_MOV, 0, 15), EXIT);
	FAILS("service 0", SERVICE(0), EXIT);
	FAILS("service 100000", SERVICE(100000), EXIT);
	FAILS("service", SERVICE(-1), EXIT);
	FAILS("nested calls", CALL(-1), EXIT);
	FAILS("it does not end", GO(-1), EXIT);
	FAILS("it does not end", CALL(1), GO(-2), EXIT);
}

#define ARG(n, v) LD64(n, v)
static void bad_services(void)
{
	static const uint32_t by_map[] = { STB_SVC_GET, STB_SVC_SET,
		STB_SVC_MODIFY, STB_SVC_IN, STB_SVC_DELETE, STB_SVC_STAT_ADD,
		STB_SVC_STAT_GET, STB_SVC_STAT_BUCKET, STB_SVC_PRINT_HIST,
		STB_SVC_FORMAT_HIST,
		STB_SVC_GET_STRING, STB_SVC_SET_STRING, STB_SVC_CAT_STRING,
		STB_SVC_EACH, STB_SVC_EACH_BUCKET, STB_SVC_CLEAR };
	static const struct { uint32_t map, service; } kinds[] = {
		{ STATS, STB_SVC_GET }, { STATS, STB_SVC_SET },
		{ TEXTS, STB_SVC_SET }, { TEXTS, STB_SVC_MODIFY },
		{ BY_LONG, STB_SVC_STAT_ADD }, { BY_LONG, STB_SVC_STAT_GET },
		{ TEXTS, STB_SVC_STAT_BUCKET }, { BY_LONG, STB_SVC_PRINT_HIST },
		{ STATS, STB_SVC_SET_STRING }, { BY_LONG, STB_SVC_GET_STRING },
		{ BY_LONG, STB_SVC_CAT_STRING },
		{ BY_LONG, STB_SVC_EACH_BUCKET },
	};

	for (size_t i = 0; i < COUNT_OF(by_map); i++) {
		FAILS("no map", ARG(1, 4711), ARG(2, G(128)), ARG(3, G(136)),
		      ARG(4, G(136)), ARG(5, G(136)), SERVICE(by_map[i]),
		      EXIT);
		FAILS("no map", ARG(1, RING), ARG(2, G(128)), ARG(3, G(136)),
		      ARG(4, G(136)), ARG(5, G(136)), SERVICE(by_map[i]),
		      EXIT);
	}
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		FAILS("no map", ARG(1, kinds[i].map), ARG(2, G(128)),
		      ARG(3, G(136)), ARG(4, G(136)), ARG(5, G(136)),
		      SERVICE(kinds[i].service), EXIT);
	FAILS("address", ARG(1, BY_LONG), ARG(2, G(GLOBALS - 7)),
	      SERVICE(STB_SVC_GET), EXIT);
	FAILS("format 2", ARG(1, 2), SERVICE(STB_SVC_PRINT), EXIT);
	FAILS("no iterator", ARG(1, 0), SERVICE(STB_SVC_NEXT), EXIT);
	FAILS("no iterator", ARG(1, -1), SERVICE(STB_SVC_EACH_END), EXIT);
	FAILS("no frame", ARG(1, G(8)), SERVICE(STB_SVC_POP), EXIT);
	FAILS("for frames", ARG(1, 4096), ARG(2, 0), SERVICE(STB_SVC_PUSH),
	      EXIT);
	FAILS("for frames", ARG(1, -99), ARG(2, 0), SERVICE(STB_SVC_PUSH),
	      EXIT);
	FAILS("is not held", ARG(1, 0), ARG(2, 1), SERVICE(STB_SVC_UNLOCK),
	      EXIT);
	FAILS("address", ARG(1, 1 << 20), ARG(2, 1), SERVICE(STB_SVC_LOCK),
	      EXIT);
	FAILS("more than", SERVICE(STB_SVC_ARG_LONG), GO(-2), EXIT);
}

/* --- services, called from here -------------------------------------------------------- */

/* Addresses in the frames' region for what is passed. */
enum { KEY = 0, OUT = 512, TEXT = 1024, TEXT2 = 1536 };
#define F(o) AT(STB_REGION_FRAMES, o)

static uint64_t svc(struct test *t, uint32_t number, uint64_t a, uint64_t b,
		    uint64_t c, uint64_t d, uint64_t e)
{
	uint64_t r = vm_call(t->vm, number, (uint64_t[]){ a, b, c, d, e });

	if (t->vm->broken) {
		printf("service %u: %s\n", number, vm_message(t->vm));
		failures++;
		t->vm->broken = t->vm->failed = false;
	}
	return r;
}

static uint64_t long_key(struct test *t, int64_t k)
{
	memcpy(t->vm->frames + KEY, &k, 8);
	return F(KEY);
}

static uint64_t text(struct test *t, uint32_t at, const char *s)
{
	strcpy((char *)t->vm->frames + at, s);
	return F(at);
}

static const char *out_text(struct test *t)
{
	return (const char *)t->vm->frames + OUT;
}

static int64_t out_long(struct test *t)
{
	int64_t v;

	memcpy(&v, t->vm->frames + OUT, 8);
	return v;
}

static int64_t get(struct test *t, uint32_t map, int64_t k)
{
	return (int64_t)svc(t, STB_SVC_GET, map, long_key(t, k), 0, 0, 0);
}

static uint64_t set(struct test *t, uint32_t map, int64_t k, int64_t v)
{
	return svc(t, STB_SVC_SET, map, long_key(t, k), (uint64_t)v, 0, 0);
}

static uint64_t add(struct test *t, uint32_t map, int64_t k, int64_t v)
{
	return svc(t, STB_SVC_STAT_ADD, map, long_key(t, k), (uint64_t)v, 0,
		   0);
}

static void del(struct test *t, uint32_t map, int64_t k)
{
	svc(t, STB_SVC_DELETE, map, long_key(t, k), 0, 0, 0);
}

/* Keys (long) of a foreach, as text. */
static const char *order(struct test *t, uint32_t map, uint64_t flags,
			 int64_t limit, uint64_t slice)
{
	static char s[256];
	uint64_t it = svc(t, STB_SVC_EACH, map, flags, (uint64_t)limit, slice,
			  0);

	for (s[0] = 0; svc(t, STB_SVC_NEXT, it, F(OUT), 0, 0, 0); )
		sprintf(s + strlen(s), "%lld ", (long long)out_long(t));
	svc(t, STB_SVC_EACH_END, it, 0, 0, 0, 0);
	return s;
}
#define ORDER(map, dir, key, stat, limit, want) \
	expect_text(__LINE__, #map, order(t, map, STB_EACH(dir, key, stat, 0), \
					  limit, 0), want)

static void arrays(void)
{
	struct test *t = new_test(NULL, 0, map_rows, NULL, 1);

	EXPECT("none", get(t, BY_LONG, 7), 0);
	EXPECT("reading makes none", svc(t, STB_SVC_IN, BY_LONG,
					 long_key(t, 7), 0, 0, 0), 0);
	EXPECT("set", set(t, BY_LONG, 30, 3), 0);
	EXPECT("set", set(t, BY_LONG, -1, 1), 0);
	EXPECT("set", set(t, BY_LONG, 20, 2), 0);
	EXPECT("set", set(t, BY_LONG, 25, 2), 0);
	EXPECT("again", set(t, BY_LONG, 20, 9), 0);
	EXPECT("full", set(t, BY_LONG, 50, 5), 1);
	EXPECT("full", svc(t, STB_SVC_MODIFY, BY_LONG, long_key(t, 50), 0, 1,
			   F(OUT)), 1);
	EXPECT("not there", get(t, BY_LONG, 50), 0);
	EXPECT("is there", svc(t, STB_SVC_IN, BY_LONG, long_key(t, -1), 0, 0,
			       0), 1);
	ORDER(BY_LONG, 0, 0, 0, -1, "30 -1 20 25 ");
	ORDER(BY_LONG, 1, 1, 0, -1, "-1 20 25 30 ");
	ORDER(BY_LONG, -1, 1, 0, 2, "30 25 ");
	set(t, BY_LONG, 20, 2);
	ORDER(BY_LONG, 1, 0, 0, -1, "-1 20 25 30 ");	/* equal: in order */
	ORDER(BY_LONG, -1, 0, 0, -1, "30 20 25 -1 ");
	ORDER(BY_LONG, 0, 0, 0, 0, "");
	del(t, BY_LONG, 20);
	del(t, BY_LONG, 21);
	set(t, BY_LONG, 20, 4);
	ORDER(BY_LONG, 0, 0, 0, -1, "30 -1 25 20 ");
	svc(t, STB_SVC_CLEAR, BY_LONG, 0, 0, 0, 0);
	ORDER(BY_LONG, 0, 0, 0, -1, "");
	/* as many as there may be, many times: what goes leaves nothing */
	for (int i = 0; i < 10000; i++) {
		EXPECT("room", set(t, BY_LONG, i, i), 0);
		if (i >= 3)
			del(t, BY_LONG, i - 3);
	}
	ORDER(BY_LONG, 0, 0, 0, -1, "9997 9998 9999 ");
	end_test(t);
}

static void modify(void)
{
	static const struct { int op; int64_t by, now; } steps[] = {
		{ 0, 12, 12 }, { 1, 2, 10 }, { 2, 6, 2 }, { 3, 5, 7 },
		{ 4, 2, 5 }, { 1, 6, -1 },
	};
	struct test *t = new_test(NULL, 0, map_rows, NULL, 1);
	int64_t old = 0;

	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		EXPECT("step", svc(t, STB_SVC_MODIFY, HIDDEN, long_key(t, 1),
				   (uint64_t)steps[i].op | (i & 1) << 8,
				   (uint64_t)steps[i].by, F(OUT)), 0);
		EXPECT("result", out_long(t), i & 1 ? old : steps[i].now);
		EXPECT("value", get(t, HIDDEN, 1), steps[i].now);
		old = steps[i].now;
	}
	end_test(t);
}

static void wrapping(void)
{
	struct test *t = new_test(NULL, 0, map_rows, NULL, 1);

	for (int i = 1; i <= 5; i++)
		EXPECT("wraps", set(t, WRAPS, i, i), 0);
	ORDER(WRAPS, 0, 0, 0, -1, "3 4 5 ");
	set(t, WRAPS, 3, 33);			/* is no insertion */
	set(t, WRAPS, 6, 6);
	ORDER(WRAPS, 0, 0, 0, -1, "4 5 6 ");
	end_test(t);
}

static void strings_and_keys(void)
{
	struct test *t = new_test(NULL, 0, map_rows, NULL, 1);
	uint64_t k;

	/* what is behind a key's NUL is no part of it */
	memset(t->vm->frames, 'x', 16);
	k = text(t, KEY, "name");
	svc(t, STB_SVC_SET, BY_TEXT, k, 5, 0, 0);
	memset(t->vm->frames, 'y', 16);
	k = text(t, KEY, "name");
	EXPECT("by text", svc(t, STB_SVC_GET, BY_TEXT, k, 0, 0, 0), 5);
	/* values are cut at their width, 16 */
	k = long_key(t, 1);
	svc(t, STB_SVC_SET_STRING, TEXTS, k, text(t, TEXT, "0123456789"), 0,
	    0);
	svc(t, STB_SVC_CAT_STRING, TEXTS, k, text(t, TEXT, "abcdefghij"), 0,
	    0);
	svc(t, STB_SVC_GET_STRING, TEXTS, k, F(OUT), STRING_LEN, 0);
	expect_text(__LINE__, "cut", out_text(t), "0123456789abcde");
	svc(t, STB_SVC_GET_STRING, TEXTS, k, F(OUT), 4, 0);
	expect_text(__LINE__, "cut", out_text(t), "012");
	k = long_key(t, 2);
	svc(t, STB_SVC_GET_STRING, TEXTS, k, F(OUT), 4, 0);
	expect_text(__LINE__, "none", out_text(t), "");
	svc(t, STB_SVC_CAT_STRING, TEXTS, k, text(t, TEXT, "A"), 0, 0);
	ORDER(TEXTS, -1, 0, 0, -1, "2 1 ");
	end_test(t);
}

static uint64_t pair(struct test *t, const char *s, int64_t n)
{
	memset(t->vm->frames + KEY, 0, 8);
	text(t, KEY, s);
	memcpy(t->vm->frames + KEY + 8, &n, 8);
	return F(KEY);
}

/* Second keys of what foreach gives. */
static const char *slice(struct test *t, const char *s, int64_t n, int mask)
{
	static char list[256];
	uint64_t it = svc(t, STB_SVC_EACH, TWO_KEYS, STB_EACH(0, 0, 0, mask),
			  (uint64_t)-1, pair(t, s, n), 0);
	int64_t k;

	for (list[0] = 0; svc(t, STB_SVC_NEXT, it, F(OUT), 0, 0, 0); ) {
		memcpy(&k, t->vm->frames + OUT + 8, 8);
		sprintf(list + strlen(list), "%s%lld=%lld ", out_text(t),
			(long long)k,
			(long long)svc(t, STB_SVC_VALUE, it, 0, 0, 0, 0));
	}
	svc(t, STB_SVC_EACH_END, it, 0, 0, 0, 0);
	return list;
}

static void slices(void)
{
	struct test *t = new_test(NULL, 0, map_rows, NULL, 1);
	static const struct { const char *s; int n; } keys[] = {
		{ "b", 2 }, { "a", 1 }, { "b", 1 }, { "ab", 1 } };
	uint64_t it;

	for (size_t i = 0; i < COUNT_OF(keys); i++)
		svc(t, STB_SVC_SET, TWO_KEYS, pair(t, keys[i].s, keys[i].n),
		    i + 1, 0, 0);
	expect_text(__LINE__, "[*, 1]", slice(t, "", 1, 2), "a1=2 b1=3 ab1=4 ");
	expect_text(__LINE__, "[b, *]", slice(t, "b", 0, 1), "b2=1 b1=3 ");
	expect_text(__LINE__, "[b, 1]", slice(t, "b", 1, 3), "b1=3 ");
	expect_text(__LINE__, "[c, *]", slice(t, "c", 1, 1), "");
	expect_text(__LINE__, "all", slice(t, "", 0, 0),
		    "b2=1 a1=2 b1=3 ab1=4 ");
	end_test(t);
	/* a key as wide as it can be ends there: both are equal */
	t = new_test(NULL, 0, map_rows, NULL, 1);
	svc(t, STB_SVC_SET, TWO_KEYS, pair(t, "abcdefgh", 2), 1, 0, 0);
	svc(t, STB_SVC_SET, TWO_KEYS, pair(t, "abcdefgh", 1), 2, 0, 0);
	it = svc(t, STB_SVC_EACH, TWO_KEYS, STB_EACH(1, 1, 0, 0), (uint64_t)-1,
		 0, 0);
	EXPECT("first", svc(t, STB_SVC_NEXT, it, F(OUT), 0, 0, 0), 1);
	EXPECT("first", svc(t, STB_SVC_VALUE, it, 0, 0, 0, 0), 1);
	svc(t, STB_SVC_EACH_END, it, 0, 0, 0, 0);
	end_test(t);
}

/* An array that the kernel does not let us read is not an empty one. */
static void unreadable(void)
{
	const struct bpf_insn code[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, BY_LONG),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, -1),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, STB_SVC_EACH),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	int fds[ROWS];
	struct test *t;

	for (int i = 0; i < ROWS; i++)
		fds[i] = -1;
	fds[BY_LONG] = open("/dev/null", O_RDONLY);
	t = new_test(code, COUNT_OF(code), map_rows, fds, 1);
	EXPECT("it fails", vm_run(t->vm, 0), VM_ERROR);
	EXPECT("and says why", strstr(vm_message(t->vm), "cannot be read: ") !=
	       NULL, true);
	close(fds[BY_LONG]);
	end_test(t);
}

/* foreach goes over what there was; what is deleted meanwhile is left out. */
static void changing(void)
{
	struct test *t = new_test(NULL, 0, map_rows, NULL, 1);
	uint64_t it;

	for (int i = 0; i < 4; i++)
		set(t, BY_LONG, i, i);
	it = svc(t, STB_SVC_EACH, BY_LONG, STB_EACH(0, 0, 0, 0),
		 (uint64_t)-1, 0, 0);
	svc(t, STB_SVC_NEXT, it, F(OUT), 0, 0, 0);
	del(t, BY_LONG, 0);
	del(t, BY_LONG, 1);
	set(t, BY_LONG, 9, 9);
	set(t, BY_LONG, 1, 11);
	svc(t, STB_SVC_NEXT, it, F(OUT), 0, 0, 0);
	EXPECT("the next that is left", out_long(t), 2);
	set(t, BY_LONG, 3, 33);
	svc(t, STB_SVC_NEXT, it, F(OUT), 0, 0, 0);
	EXPECT("its value now", svc(t, STB_SVC_VALUE, it, 0, 0, 0, 0), 33);
	EXPECT("the end", svc(t, STB_SVC_NEXT, it, F(OUT), 0, 0, 0), 0);
	EXPECT("the end", svc(t, STB_SVC_NEXT, it, F(OUT), 0, 0, 0), 0);
	svc(t, STB_SVC_EACH_END, it, 0, 0, 0, 0);
	vm_run(t->vm, 0);			/* and bury them */
	ORDER(BY_LONG, 0, 0, 0, -1, "2 3 9 1 ");
	end_test(t);
}

static int64_t stat(struct test *t, uint32_t map, int64_t k, int what)
{
	if (svc(t, STB_SVC_STAT_GET, map, long_key(t, k), (uint64_t)what, 0,
		F(OUT)))
		return -4711;
	return out_long(t);
}

static void aggregates(void)
{
	struct test *t = new_test(NULL, 0, map_rows, NULL, 1);

	EXPECT("count of nothing", stat(t, STATS, 1, STB_ST_COUNT), 0);
	EXPECT("min of nothing", stat(t, STATS, 1, STB_ST_MIN), -4711);
	add(t, STATS, 1, -7);
	add(t, STATS, 1, 2);
	add(t, STATS, 1, INT64_MIN);
	EXPECT("count", stat(t, STATS, 1, STB_ST_COUNT), 3);
	EXPECT("sum", stat(t, STATS, 1, STB_ST_SUM), INT64_MIN - 5ull);
	EXPECT("min", stat(t, STATS, 1, STB_ST_MIN), INT64_MIN);
	EXPECT("max", stat(t, STATS, 1, STB_ST_MAX), 2);
	for (int v = 1; v <= 5; v++)
		add(t, STATS, 2, v * 10);
	EXPECT("avg", stat(t, STATS, 2, STB_ST_AVG), 30);
	EXPECT("variance", stat(t, STATS, 2, STB_ST_VARIANCE), 250);
	add(t, STATS, 3, 1);
	ORDER(STATS, 1, 0, STB_ST_COUNT, -1, "3 1 2 ");
	ORDER(STATS, -1, 0, STB_ST_MAX, -1, "2 1 3 ");
	ORDER(STATS, 1, 0, STB_ST_MIN, 1, "1 ");
	del(t, STATS, 2);
	EXPECT("deleted", stat(t, STATS, 2, STB_ST_AVG), -4711);
	end_test(t);
}

static int64_t bucket(struct test *t, uint32_t map, int64_t n)
{
	if (svc(t, STB_SVC_STAT_BUCKET, map, long_key(t, 0), (uint64_t)n,
		F(OUT), 0))
		return -1;
	return out_long(t);
}

static void histograms(void)
{
	static const int64_t logs[] = { 0, 1, 2, 3, 4, -1, -2, -3, INT64_MAX,
		INT64_MIN };
	struct test *t = new_test(NULL, 0, map_rows, NULL, 1);
	uint64_t it, sum = 0;

	EXPECT("empty", svc(t, STB_SVC_PRINT_HIST, LOGS, long_key(t, 0), 0, 0,
			    0), 1);
	for (size_t i = 0; i < COUNT_OF(logs); i++)
		add(t, LOGS, 0, logs[i]);
	EXPECT("0", bucket(t, LOGS, 64), 1);
	EXPECT("1", bucket(t, LOGS, 65), 1);
	EXPECT("2 3", bucket(t, LOGS, 66), 2);
	EXPECT("4", bucket(t, LOGS, 67), 1);
	EXPECT("-1", bucket(t, LOGS, 63), 1);
	EXPECT("-2 -3", bucket(t, LOGS, 62), 2);
	EXPECT("largest", bucket(t, LOGS, 127), 1);
	EXPECT("smallest", bucket(t, LOGS, 0), 1);
	EXPECT("no such bucket", bucket(t, LOGS, STB_LOG_BUCKETS), 0);
	EXPECT("no such bucket", bucket(t, LOGS, -1), 0);
	EXPECT("count by buckets", stat(t, LOGS, 0, STB_ST_COUNT), 10);
	for (int v = -1; v <= 31; v++)
		add(t, LINEAR, 0, v);
	EXPECT("below", bucket(t, LINEAR, 0), 1);
	EXPECT("0 - 9", bucket(t, LINEAR, 1), 10);
	EXPECT("10 - 19", bucket(t, LINEAR, 2), 10);
	EXPECT("20 - 29", bucket(t, LINEAR, 3), 10);
	EXPECT("above", bucket(t, LINEAR, 4), 2);
	it = svc(t, STB_SVC_EACH_BUCKET, LINEAR, long_key(t, 0),
		 (uint64_t)-1, 0, 0);
	for (int n = 0; svc(t, STB_SVC_NEXT, it, F(OUT), 0, 0, 0); n++) {
		EXPECT("number", out_long(t), n);
		sum += svc(t, STB_SVC_VALUE, it, 0, 0, 0, 0);
	}
	EXPECT("all", sum, 33);
	svc(t, STB_SVC_PRINT_HIST, LINEAR, long_key(t, 0), 0, 0, 0);
	EXPECT("a chart", strstr(t->text, "value |----") != NULL, true);
	EXPECT("scalar", svc(t, STB_SVC_STAT_ADD, ONCE, F(KEY), 3, 0, 0), 0);
	EXPECT("scalar", svc(t, STB_SVC_STAT_GET, ONCE, F(KEY), STB_ST_COUNT,
			     0, F(OUT)), 0);
	EXPECT("scalar", out_long(t), 1);
	end_test(t);
}

/* --- functions, locks ------------------------------------------------------------------ */

static void frames(void)
{
	struct test *t = new_test(NULL, 0, map_rows, NULL, 1);
	uint64_t f[MAX_NESTING], top;

	top = svc(t, STB_SVC_PUSH, 100, false, 0, 0, 0);
	for (int i = 0; i < MAX_NESTING; i++)
		f[i] = svc(t, STB_SVC_PUSH, 8, true, 0, 0, 0);
	EXPECT("MAXNESTING", svc(t, STB_SVC_PUSH, 8, true, 0, 0, 0), 0);
	EXPECT("not recursive", svc(t, STB_SVC_PUSH, 8, false, 0, 0, 0) != 0,
	       true);
	EXPECT("apart", f[0] >= top + 100 && f[1] >= f[0] + 8, true);
	EXPECT("aligned", (f[0] | f[1] | f[2] | top) % 8, 0);
	svc(t, STB_SVC_POP, f[2], 0, 0, 0, 0);
	EXPECT("again", svc(t, STB_SVC_PUSH, 8, true, 0, 0, 0), f[2]);
	end_test(t);
}

static void locks(void)
{
	static const struct bpf_insn code[] = {
		ARG(1, 1), ARG(2, 1), SERVICE(STB_SVC_LOCK),
		JUMPI(BPF_JEQ, 0, 0, 1), SERVICE(STB_SVC_SKIP), EXIT };
	struct test *t = new_test(code, COUNT_OF(code), map_rows, NULL, 1);
	uint32_t *word = (uint32_t *)((char *)t->globals +
				      sizeof(struct stb_shared)) + 1;

	EXPECT("taken", svc(t, STB_SVC_LOCK, 1, true, 0, 0, 0), 0);
	EXPECT("writer", *word, STB_LOCK_WRITER);
	svc(t, STB_SVC_UNLOCK, 1, true, 0, 0, 0);
	EXPECT("readers", svc(t, STB_SVC_LOCK, 1, false, 0, 0, 0), 0);
	EXPECT("two", svc(t, STB_SVC_LOCK, 1, false, 0, 0, 0), 0);
	EXPECT("readers", *word, 2);
	vm_locks_release(t->vm);
	EXPECT("free", *word, 0);
	/* what a run leaves is given back; what others hold makes it skip */
	EXPECT("run", vm_run(t->vm, 0), VM_DONE);
	EXPECT("free", *word, 0);
	*word = STB_LOCK_WRITER;
	EXPECT("run", vm_run(t->vm, 0), VM_SKIPPED);
	EXPECT("counted", ((struct stb_shared *)t->globals)->skipped_lock, 1);
	EXPECT("still theirs", *word, STB_LOCK_WRITER);
	end_test(t);
}

/* The longer the strings, the earlier it is seen. */
static void long_strings(void)
{
	static const struct bpf_insn code[] = {
		LD64(1, AT(STB_REGION_FRAMES, 0)), SERVICE(STB_SVC_STRLEN),
		LD64(1, G(248)), LOAD(BPF_DW, 2, 1, 0), OPI(BPF_ADD, 2, 1),
		STORE(BPF_DW, 1, 0, 2), GO(-9), EXIT };
	struct test *t = new_test(code, COUNT_OF(code), map_rows, NULL, 1);

	memset(t->vm->frames, 'a', 4000);
	EXPECT("stopped", vm_run(t->vm, 0), VM_DONE);
	EXPECT("looks", t->globals[31] > 0 && t->globals[31] < 400, true);
	end_test(t);
}

/* ^C ends a run that would go on, and is no error. */
static void signals(void)
{
	static const struct bpf_insn code[] = { GO(-1), EXIT };
	struct test *t = new_test(code, 2, map_rows, NULL, 1);
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGINT);
	EXPECT("stopped", vm_run(t->vm, 0), VM_DONE);
	end_test(t);
	long_strings();
	sigwait(&set, &sig);
}

/* --- built-in functions ------------------------------------------------------------------ */

static const char *put_text(struct test *t, uint32_t service, const char *s,
			    uint64_t d, uint64_t e)
{
	memset(t->vm->frames + OUT, '~', 64);
	svc(t, service, F(OUT), STRING_LEN, text(t, TEXT, s), d, e);
	return out_text(t);
}

static const char *replaced(struct test *t, const char *s, const char *old,
			    const char *new)
{
	text(t, TEXT2, old);
	text(t, TEXT2 + 256, new);
	return put_text(t, STB_SVC_STR_REPLACE, s, F(TEXT2), F(TEXT2 + 256));
}

static const char *token(struct test *t, const char *s, const char *delims)
{
	text(t, TEXT2, delims);
	if (s)
		return put_text(t, STB_SVC_TOKENIZE, s, F(TEXT2), 0);
	svc(t, STB_SVC_TOKENIZE_NEXT, F(OUT), STRING_LEN, F(TEXT2), 0, 0);
	return out_text(t);
}

/* $value: set, added to, and never more than the file may have. */
static void file_values(void)
{
	struct test *t = new_test(NULL, 0, map_rows, NULL, 1);
	char room[8];
	struct vm_value v = { .text = room, .cap = sizeof(room) };

	expect_text(__LINE__, "none", put_text(t, STB_SVC_FILE_SET, "x", 0, 0),
		    "");
	vm_set_value(t->vm, &v);
	expect_text(__LINE__, "set", put_text(t, STB_SVC_FILE_SET, "abc", 0,
					      0), "abc");
	expect_text(__LINE__, "add", put_text(t, STB_SVC_FILE_ADD, "defgh", 0,
					      0), "abcdefgh");
	expect_text(__LINE__, "full", put_text(t, STB_SVC_FILE_ADD, "ij", 0,
					       0), "abcdefgh");
	expect_text(__LINE__, "set", put_text(t, STB_SVC_FILE_SET,
					      "0123456789", 0, 0), "01234567");
	svc(t, STB_SVC_FILE_VALUE, F(OUT), STRING_LEN, 0, 0, 0);
	expect_text(__LINE__, "value", out_text(t), "01234567");
	end_test(t);
}

/* A condition says that it holds. */
static void conditions(void)
{
	struct test *t = new_test(NULL, 0, map_rows, NULL, 1);

	svc(t, STB_SVC_FILE_VALUE, F(OUT), STRING_LEN, 0, 0, 0);
	if (vm_armed(t->vm))
		expect_text(__LINE__, "armed", "yes", "no");
	svc(t, STB_SVC_ARMED, 0, 0, 0, 0, 0);
	if (!vm_armed(t->vm))
		expect_text(__LINE__, "armed", "no", "yes");
	end_test(t);
}

#define TEXT_IS(got, want) expect_text(__LINE__, #got, got, want)
static void strings(void)
{
	struct test *t = new_test(NULL, 0, map_rows, NULL, 1);

	TEXT_IS(put_text(t, STB_SVC_COPY, "abc", 0, 0), "abc");
	TEXT_IS(put_text(t, STB_SVC_SUBSTR, "abcdef", 2, 3), "cde");
	TEXT_IS(put_text(t, STB_SVC_SUBSTR, "abcdef", 4, 30), "ef");
	TEXT_IS(put_text(t, STB_SVC_SUBSTR, "abcdef", 6, 1), "");
	TEXT_IS(put_text(t, STB_SVC_SUBSTR, "abcdef", (uint64_t)-1, 3), "");
	TEXT_IS(put_text(t, STB_SVC_SUBSTR, "abcdef", 0, (uint64_t)-1), "");
	TEXT_IS(put_text(t, STB_SVC_TOUPPER, "aZ-z09", 0, 0), "AZ-Z09");
	TEXT_IS(put_text(t, STB_SVC_TOLOWER, "aZ-z09", 0, 0), "az-z09");
	TEXT_IS(replaced(t, "a.b.c", ".", "--"), "a--b--c");
	TEXT_IS(replaced(t, "aaa", "aa", "b"), "ba");
	TEXT_IS(replaced(t, "abc", "", "x"), "abc");
	TEXT_IS(replaced(t, "........", ".", "0123456789"),
		"0123456789012345678901234567890");
	TEXT_IS(token(t, ",one,,two;three", ",;"), "one");
	TEXT_IS(token(t, NULL, ",;"), "two");
	TEXT_IS(token(t, NULL, ",;"), "three");
	TEXT_IS(token(t, NULL, ",;"), "");
	TEXT_IS(token(t, NULL, ",;"), "");
	svc(t, STB_SVC_CAT, F(OUT), STRING_LEN, text(t, TEXT, "0123456789abcdef"),
	    text(t, TEXT2, "0123456789abcdefgh"), 0);
	TEXT_IS(out_text(t), "0123456789abcdef0123456789abcde");
	text(t, OUT, "x");
	svc(t, STB_SVC_CAT, F(OUT), STRING_LEN, F(OUT), text(t, TEXT, "y"), 0);
	TEXT_IS(out_text(t), "xy");
	svc(t, STB_SVC_CTIME, F(OUT), STRING_LEN, 1000000000, 0, 0);
	TEXT_IS(out_text(t), "Sun Sep  9 01:46:40 2001");
	EXPECT("strlen", svc(t, STB_SVC_STRLEN, text(t, TEXT, "four"), 0, 0, 0,
			     0), 4);
	EXPECT("isinstr", svc(t, STB_SVC_ISINSTR, text(t, TEXT, "needle"),
			      text(t, TEXT2, "eed"), 0, 0, 0), 1);
	EXPECT("strcmp", (int64_t)svc(t, STB_SVC_STRCMP, text(t, TEXT, "a"),
				      text(t, TEXT2, "ab"), 0, 0, 0) < 0, 1);
	EXPECT("stringat", svc(t, STB_SVC_STRINGAT, F(OUT),
			       text(t, TEXT, "\xff"), 0, 0, 0), 0);
	EXPECT("stringat", out_long(t), 255);
	EXPECT("stringat", svc(t, STB_SVC_STRINGAT, F(OUT), F(TEXT), 1, 0, 0),
	       1);
	end_test(t);
}

/*
 * A string in the globals region, at the end of all memory there is, and somebody
 * who takes its NUL away and gives it back: a handler in the kernel can.
 */
enum { PAGE = 4096, LENGTH = 48, RACE_NS = 40000000 };

static void *take_nul(void *last)
{
	volatile char *p = last;

	for (unsigned i = 0; p[-1] == 'a'; i++)
		*p = i & 16 ? 'a' : 0;
	return NULL;
}

static void racing(void)
{
	static const uint32_t services[] = {
		STB_SVC_STRPOS, STB_SVC_ISINSTR, STB_SVC_STRCMP, STB_SVC_STRTOL,
		STB_SVC_STR_REPLACE, STB_SVC_TOKENIZE, STB_SVC_TOKENIZE_NEXT,
	};
	struct test *t = new_test(NULL, 0, map_rows, NULL, 1);
	char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t s = G(GLOBALS - LENGTH), other = text(t, TEXT, "z");
	pthread_t thread;

	mprotect(page + PAGE, PAGE, PROT_NONE);
	t->vm->env.globals = t->vm->globals = (uint8_t *)page + PAGE - GLOBALS;
	memset(page + PAGE - LENGTH, 'a', LENGTH - 1);
	pthread_create(&thread, NULL, take_nul, page + PAGE - 1);
	for (size_t i = 0; i < COUNT_OF(services); i++) {
		bool dst = services[i] >= STB_SVC_STR_REPLACE &&
			   services[i] <= STB_SVC_TOKENIZE_NEXT;
		uint64_t a[5] = { s, s, other, other, s };

		if (services[i] == STB_SVC_STRTOL)
			a[1] = 16;
		else if (dst)
			memcpy(a, ((uint64_t[]){ F(OUT), STRING_LEN, s, s, s }),
			       sizeof(a));
		for (uint64_t end = now_ns() + RACE_NS; now_ns() < end; ) {
			vm_call(t->vm, services[i], a);
			t->vm->broken = t->vm->failed = false;
		}
	}
	page[PAGE - 2] = 'b';
	pthread_join(thread, NULL);
	munmap(page, 2 * PAGE);
	end_test(t);
}

static void messages(void)
{
	struct test *t = new_test(NULL, 0, map_rows, NULL, 1);

	svc(t, STB_SVC_ARG_LONG, (uint64_t)-42, 0, 0, 0, 0);
	svc(t, STB_SVC_ARG_STRING, text(t, TEXT, "text"), 0, 0, 0, 0);
	svc(t, STB_SVC_PRINT, 0, 0, 0, 0, 0);
	TEXT_IS(t->text, "-42 text\n");
	svc(t, STB_SVC_ARG_LONG, 1, 0, 0, 0, 0);
	svc(t, STB_SVC_ARG_STRING, text(t, TEXT, "0123456789"), 0, 0, 0, 0);
	svc(t, STB_SVC_FORMAT, F(OUT), 8, 0, 0, 0);
	TEXT_IS(out_text(t), "1 01234");
	svc(t, STB_SVC_ARG_LONG, 7, 0, 0, 0, 0);
	svc(t, STB_SVC_RAISE, 1, 0, 0, 0, 0);
	svc(t, STB_SVC_CAUGHT, F(OUT), STRING_LEN, 0, 0, 0);
	TEXT_IS(out_text(t), "mine 7");
	svc(t, STB_SVC_MESSAGE, 1, 1, 8, 0, 0);
	TEXT_IS(vm_message(t->vm), "mine 8");
	svc(t, STB_SVC_EXIT, 0, 0, 0, 0, 0);
	EXPECT("exit", ((struct stb_shared *)t->globals)->exit_asked, 1);
	end_test(t);
}

static void numbers(void)
{
	static const struct { const char *s; int base; int64_t want; } cases[] = {
		{ "42", 10, 42 }, { "-42x", 10, -42 }, { "0x1F", 0, 31 },
		{ "0x1f", 16, 31 }, { "017", 0, 15 }, { "17", 0, 17 },
		{ "0xg", 0, 0 }, { "zz", 36, 35 * 36 + 35 }, { "", 10, 0 },
		{ "12", 2, 1 }, { "9223372036854775808", 10, INT64_MIN },
	};
	struct test *t = new_test(NULL, 0, map_rows, NULL, 1);
	bool seen[4] = { false };

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		EXPECT(cases[i].s, svc(t, STB_SVC_STRTOL,
				       text(t, TEXT, cases[i].s),
				       (uint64_t)cases[i].base, 0, 0, 0),
		       cases[i].want);
	for (int i = 0; i < 200; i++) {
		uint64_t n = svc(t, STB_SVC_RANDINT, 4, 0, 0, 0, 0);

		EXPECT("in range", n < 4, 1);
		seen[n & 3] = true;
	}
	EXPECT("all of them", seen[0] && seen[1] && seen[2] && seen[3], 1);
	EXPECT("of none", svc(t, STB_SVC_RANDINT, 0, 0, 0, 0, 0), 0);
	EXPECT("pid", svc(t, STB_SVC_PID, 0, 0, 0, 0, 0), getpid());
	EXPECT("uid", svc(t, STB_SVC_UID, 0, 0, 0, 0, 0), getuid());
	/* what is there is told; the tenth of a second is for a busy machine */
	if (!geteuid()) {
		char table[1 << 16] = "";
		const char *mark;

		read_small("/proc/timer_list", table, sizeof(table));
		mark = strstr(table, "\njiffies: ");
		if (mark)
			EXPECT("jiffies", svc(t, STB_SVC_JIFFIES, 0, 0, 0, 0,
					      0) - strtoull(mark + 10, NULL,
							    10) < 100, 1);
	}
	end_test(t);
}

/* --- arrays that are in the kernel ------------------------------------------------------- */

struct element {
	uint64_t seq;
	int64_t v;
};

static struct element in_kernel(int fd, int64_t k)
{
	struct element e = { 0, -4711 };

	if (bpf_map_lookup(fd, &k, &e))
		e.v = -4711;
	return e;
}

static void kernel_puts(int fd, int64_t k, uint64_t seq, int64_t v)
{
	struct element e = { seq, v };

	EXPECT("update", bpf_map_update(fd, &k, &e, 0), 0);
}

static void end_run(struct test *t)
{
	EXPECT("run", vm_run(t->vm, 0), VM_DONE);
}

/* Whoever is in the kernel may leave a string without a NUL. */
static void shared_texts(struct test *t)
{
	int64_t k = 1;
	char bytes[24];

	memset(bytes, 'A', sizeof(bytes));
	EXPECT("update", bpf_map_update(t->fds[TEXTS], &k, bytes, 0), 0);
	svc(t, STB_SVC_CAT_STRING, TEXTS, long_key(t, 1), text(t, TEXT, "bcd"),
	    0, 0);
	svc(t, STB_SVC_GET_STRING, TEXTS, long_key(t, 1), F(OUT), STRING_LEN, 0);
	expect_text(__LINE__, "cut", out_text(t), "AAAAAAAAAAAAAAA");
	k = 2;
	EXPECT("update", bpf_map_update(t->fds[TEXTS], &k, bytes, 0), 0);
	ORDER(TEXTS, 1, 0, 0, -1, "1 2 ");
	end_run(t);
}

static void shared_longs(struct test *t)
{
	int fd = t->fds[BY_LONG];

	set(t, BY_LONG, 1, 11);
	EXPECT("stored", in_kernel(fd, 1).v, 11);
	EXPECT("with its time", now_ns() - in_kernel(fd, 1).seq < 1000000000ull,
	       1);
	kernel_puts(fd, 2, 20, 22);
	kernel_puts(fd, 3, 10, 33);
	EXPECT("as it was", get(t, BY_LONG, 2), 22);
	kernel_puts(fd, 2, 20, 23);
	EXPECT("as it was", get(t, BY_LONG, 2), 22);
	ORDER(BY_LONG, 0, 0, 0, -1, "3 2 1 ");
	kernel_puts(fd, 4, 40, 44);
	ORDER(BY_LONG, 0, 0, 0, -1, "3 2 1 ");
	end_run(t);
	EXPECT("as it is", get(t, BY_LONG, 2), 23);
	ORDER(BY_LONG, 0, 0, 0, -1, "3 2 4 1 ");
	EXPECT("full", set(t, BY_LONG, 5, 55), 1);
	EXPECT("full", get(t, BY_LONG, 5), 0);
	set(t, BY_LONG, 2, 24);
	EXPECT("keeps its time", in_kernel(fd, 2).seq, 20);
	del(t, BY_LONG, 2);
	EXPECT("gone", in_kernel(fd, 2).v, -4711);
	EXPECT("gone", get(t, BY_LONG, 2), 0);
	svc(t, STB_SVC_CLEAR, BY_LONG, 0, 0, 0, 0);
	EXPECT("gone", in_kernel(fd, 4).v, -4711);
	end_run(t);
	ORDER(BY_LONG, 0, 0, 0, -1, "");
}

/* What handlers in the kernel add while one of ours looks is not lost. */
static void shared_counters(struct test *t)
{
	int fd = t->fds[ADDED];

	kernel_puts(fd, 1, 10, 5);
	kernel_puts(fd, 2, 20, 7);
	ORDER(ADDED, 0, 0, 0, -1, "1 2 ");
	kernel_puts(fd, 1, 10, 8);		/* += 3 */
	kernel_puts(fd, 3, 30, 1);		/* new */
	svc(t, STB_SVC_CLEAR, ADDED, 0, 0, 0, 0);
	EXPECT("cleared", get(t, ADDED, 1), 0);
	end_run(t);
	EXPECT("what came since", get(t, ADDED, 1), 3);
	EXPECT("nothing came", get(t, ADDED, 2), 0);
	EXPECT("came later", get(t, ADDED, 3), 1);
	/* a store is a difference, which the kernel need not know */
	kernel_puts(fd, 1, 10, 18);		/* += 10 */
	set(t, ADDED, 1, 100);
	EXPECT("ours", get(t, ADDED, 1), 100);
	EXPECT("theirs", in_kernel(fd, 1).v, 18);
	kernel_puts(fd, 1, 10, 19);		/* += 1 */
	svc(t, STB_SVC_MODIFY, ADDED, long_key(t, 1), 1, 50, F(OUT));
	EXPECT("ours", out_long(t), 50);
	end_run(t);
	EXPECT("both", get(t, ADDED, 1), 61);
	kernel_puts(fd, 1, 10, 20);		/* += 1 */
	del(t, ADDED, 1);
	end_run(t);
	EXPECT("what came since", get(t, ADDED, 1), 1);
	set(t, ADDED, 9, 9);
	EXPECT("ours alone", in_kernel(fd, 9).v, -4711);
	set(t, ADDED, 8, 8);
	EXPECT("full, 1 3 9 8", set(t, ADDED, 7, 7), 1);
	ORDER(ADDED, 1, 1, 0, -1, "1 3 8 9 ");
	end_run(t);
	ORDER(ADDED, 1, 1, 0, -1, "1 3 8 9 ");
	svc(t, STB_SVC_CLEAR, ADDED, 0, 0, 0, 0);
	end_run(t);
	ORDER(ADDED, 0, 0, 0, -1, "");
	end_run(t);
	EXPECT("is quiet", in_kernel(fd, 1).v, -4711);
	EXPECT("is quiet", in_kernel(fd, 3).v, -4711);
	EXPECT("settled", t->vm->maps[ADDED].account.n, 0);
	kernel_puts(fd, 1, 99, 2);
	EXPECT("anew", get(t, ADDED, 1), 2);
	end_run(t);
}

/* What is deleted and may be busy stays in the kernel, and is not seen. */
static void shared_busy(struct test *t)
{
	int fd = t->fds[ADDED];

	t->vm->quiet_ns = UINT64_MAX;
	del(t, ADDED, 1);
	end_run(t);
	ORDER(ADDED, 0, 0, 0, -1, "");
	EXPECT("stays", in_kernel(fd, 1).v, 2);
	end_run(t);
	kernel_puts(fd, 1, 99, 5);
	EXPECT("what came since", get(t, ADDED, 1), 3);
	end_run(t);
	/* but not where it would be in the way of others */
	kernel_puts(fd, 2, 100, 1);
	kernel_puts(fd, 3, 101, 1);
	svc(t, STB_SVC_CLEAR, ADDED, 0, 0, 0, 0);
	EXPECT("makes room", in_kernel(fd, 1).v, -4711);
	EXPECT("makes room", in_kernel(fd, 3).v, -4711);
	end_run(t);
	ORDER(ADDED, 0, 0, 0, -1, "");
	EXPECT("settled", t->vm->maps[ADDED].account.n, 0);
	t->vm->quiet_ns = 0;
	end_run(t);
}

static void shared_wrapping(struct test *t)
{
	int fd = t->fds[WRAPS];

	for (int i = 1; i <= 3; i++)
		kernel_puts(fd, i, 100 - (uint64_t)i, i);
	EXPECT("room is made", set(t, WRAPS, 4, 4), 0);
	ORDER(WRAPS, 0, 0, 0, -1, "2 1 4 ");
	EXPECT("the oldest went", in_kernel(fd, 3).v, -4711);
	end_run(t);
	ORDER(WRAPS, 0, 0, 0, -1, "2 1 4 ");
	end_run(t);
}

struct part {
	uint64_t seq;
	struct stb_stat s;
	uint64_t buckets[STB_LOG_BUCKETS];
};

static void enter(struct part *p, uint64_t seq, int64_t v)
{
	uint64_t min = (uint64_t)INT64_MAX - (uint64_t)v;
	uint64_t max = (uint64_t)v - (uint64_t)INT64_MIN;

	p->seq = seq;
	p->s.count++;
	p->s.sum += v;
	if (p->s.min < min)
		p->s.min = min;
	if (p->s.max < max)
		p->s.max = max;
	p->buckets[v > 0 ? 128 - __builtin_clzll((uint64_t)v) : 64]++;
}

/* One sample on the first and one on the last CPU, of `size` bytes each. */
static void kernel_samples(struct test *t, uint32_t map, const void *key,
			   int64_t first, int64_t last)
{
	size_t size = map_rows[map].value_size;
	unsigned n = t->vm->env.ncpus;
	uint8_t *all = calloc(n, size);
	struct part *parts = calloc(n, sizeof(*parts));

	bpf_map_lookup(t->fds[map], key, all);
	for (unsigned i = 0; i < n; i++)
		memcpy(&parts[i], all + i * size, size);
	enter(&parts[0], 50, first);
	enter(&parts[n - 1], 40, last);
	for (unsigned i = 0; i < n; i++)
		memcpy(all + i * size, &parts[i], size);
	EXPECT("update", bpf_map_update(t->fds[map], key, all, 0), 0);
	free(parts);
	free(all);
}

static void shared_aggregates(struct test *t)
{
	int64_t k = 1;

	kernel_samples(t, STATS, &k, 5, -3);
	EXPECT("count", stat(t, STATS, 1, STB_ST_COUNT), 2);
	EXPECT("min", stat(t, STATS, 1, STB_ST_MIN), -3);
	EXPECT("max", stat(t, STATS, 1, STB_ST_MAX), 5);
	EXPECT("avg", stat(t, STATS, 1, STB_ST_AVG), 1);
	add(t, STATS, 1, 100);
	EXPECT("ours too", stat(t, STATS, 1, STB_ST_MAX), 100);
	end_run(t);
	EXPECT("ours too", stat(t, STATS, 1, STB_ST_SUM), 102);
	kernel_samples(t, STATS, &k, 7, 9);
	del(t, STATS, 1);
	end_run(t);
	EXPECT("what came since", stat(t, STATS, 1, STB_ST_COUNT), 2);
	EXPECT("what came since", stat(t, STATS, 1, STB_ST_SUM), 16);
	EXPECT("no extreme of old", stat(t, STATS, 1, STB_ST_MAX) < 10, 1);
	del(t, STATS, 1);
	end_run(t);
	EXPECT("nothing", stat(t, STATS, 1, STB_ST_MIN), -4711);
	end_run(t);
}

static int64_t once(struct test *t, int what)
{
	uint32_t k = 0;

	memcpy(t->vm->frames + KEY, &k, 4);
	if (svc(t, STB_SVC_STAT_GET, ONCE, F(KEY), (uint64_t)what, 0, F(OUT)))
		return -4711;
	return out_long(t);
}

static void shared_scalar(struct test *t)
{
	uint32_t k = 0;

	EXPECT("nothing", once(t, STB_ST_MIN), -4711);
	kernel_samples(t, ONCE, &k, 10, 1000);
	EXPECT("sum", once(t, STB_ST_SUM), 1010);
	svc(t, STB_SVC_STAT_ADD, ONCE, F(KEY), 5, 0, 0);
	EXPECT("ours too", once(t, STB_ST_MIN), 5);
	end_run(t);
	EXPECT("ours too", once(t, STB_ST_COUNT), 3);
	kernel_samples(t, ONCE, &k, 20, 30);
	svc(t, STB_SVC_CLEAR, ONCE, 0, 0, 0, 0);
	end_run(t);
	EXPECT("what came since", once(t, STB_ST_COUNT), 2);
	EXPECT("what came since", once(t, STB_ST_SUM), 50);
	EXPECT("no extreme of old", once(t, STB_ST_MAX) <= 30, 1);
	end_run(t);
	kernel_samples(t, ONCE, &k, 1, 2);
	EXPECT("goes on", once(t, STB_ST_COUNT), 4);
	EXPECT("goes on", once(t, STB_ST_MIN), 1);
	svc(t, STB_SVC_CLEAR, ONCE, 0, 0, 0, 0);
	EXPECT("nothing", once(t, STB_ST_COUNT), 0);
	end_run(t);
	EXPECT("nothing", once(t, STB_ST_MAX), -4711);
	end_run(t);
}

/* More than one call of the kernel gives. */
static void shared_many(struct test *t)
{
	enum { MANY = 30000 };
	struct element e = { 1, 1 };
	char key[16] = "";
	uint32_t n = 0;
	uint64_t it;

	for (int i = 0; i < MANY; i++) {
		e.seq = (uint64_t)i + 1;
		sprintf(key, "%d", i);
		bpf_map_update(t->fds[BY_TEXT], key, &e, 0);
	}
	it = svc(t, STB_SVC_EACH, BY_TEXT, STB_EACH(0, 0, 0, 0), (uint64_t)-1,
		 0, 0);
	for (; svc(t, STB_SVC_NEXT, it, F(OUT), 0, 0, 0); n++)
		if ((uint32_t)atoi(out_text(t)) != n)
			break;
	EXPECT("all, in order", n, MANY);
	svc(t, STB_SVC_EACH_END, it, 0, 0, 0, 0);
	end_run(t);
}

/* False: this kernel does not let us. */
static bool shared(void)
{
	struct stb_map maps[ROWS];
	int fds[ROWS];
	struct test *t;

	memcpy(maps, map_rows, sizeof(maps));
	for (int i = 0; i < ROWS; i++)
		fds[i] = -1;
	for (int i = 0; i < ROWS; i++) {
		uint32_t type = BPF_MAP_TYPE_HASH;

		if (maps[i].key_size == 0 || !maps[i].value)
			continue;
		maps[i].type = STB_MAP_HASH;
		if (maps[i].value == 'x') {
			type = i == ONCE ? BPF_MAP_TYPE_PERCPU_ARRAY :
				BPF_MAP_TYPE_PERCPU_HASH;
			maps[i].type = i == ONCE ? STB_MAP_PERCPU_ARRAY :
				STB_MAP_PERCPU_HASH;
		}
		fds[i] = bpf_map_new(type, "test", maps[i].key_size,
				     maps[i].value_size, i == BY_TEXT ?
				     30000 : maps[i].max_entries, 0);
		if (fds[i] == -EPERM)
			return false;
		EXPECT("map", fds[i] >= 0, true);
	}
	t = new_test(NULL, 0, maps, fds, possible_cpus());
	t->vm->quiet_ns = 0;
	shared_texts(t);
	shared_longs(t);
	shared_counters(t);
	shared_busy(t);
	shared_wrapping(t);
	shared_aggregates(t);
	shared_scalar(t);
	shared_many(t);
	end_test(t);
	for (int i = 0; i < ROWS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return true;
}

int main(void)
{
	arithmetic();
	jumps();
	memory();
	atomics();
	calls();
	bad_memory();
	bad_code();
	bad_services();
	arrays();
	modify();
	wrapping();
	strings_and_keys();
	slices();
	changing();
	unreadable();
	aggregates();
	histograms();
	frames();
	locks();
	signals();
	strings();
	file_values();
	conditions();
	racing();
	messages();
	numbers();
	if (!shared())
		printf("no right to make BPF maps: those were not tested\n");
	return failures != 0;
}
