/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/kernel.h"
#include "loader/bpf.h"

#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

/* What a program gets and gives back. */
struct question {
	uint64_t addr;
	uint8_t text[KERNEL_NAME];
};

#define MOV(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define SET(d, n) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, n)
#define ADD(d, n) INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, n)
#define LOAD(d, s, at) INSN(BPF_LDX | BPF_MEM | BPF_DW, d, s, at, 0)
#define STORE(d, at, s) INSN(BPF_STX | BPF_MEM | BPF_DW, d, s, at, 0)
#define CALL(f) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)

/* The answer lies at the end of the stack's first `size` bytes: to the
   question's text, and the end. */
static uint32_t give_back(struct bpf_insn *to, int size)
{
	uint32_t n = 0;

	for (int at = 0; at < size; at += 8) {
		to[n++] = LOAD(1, 10, at - size);
		to[n++] = STORE(6, offsetof(struct question, text) + at, 1);
	}
	to[n++] = SET(0, 0);
	to[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return n;
}

static int load(const struct bpf_insn *code, uint32_t n)
{
	struct bpf_prog_spec s = {
		.type = BPF_PROG_TYPE_SYSCALL, .flags = BPF_F_SLEEPABLE,
		.name = "stb_ask", .insns = code, .insn_count = n,
		.btf_fd = -1,
	};

	return bpf_prog_new(&s, NULL, 0);
}

int kernel_peeker(void)
{
	struct bpf_insn code[2 * KERNEL_PEEK / 8 + 16];
	uint32_t n = 0;

	code[n++] = MOV(6, 1);
	code[n++] = LOAD(3, 6, 0);
	code[n++] = MOV(1, 10);
	code[n++] = ADD(1, -KERNEL_PEEK);
	code[n++] = SET(2, KERNEL_PEEK);
	code[n++] = CALL(BPF_FUNC_probe_read_kernel);
	n += give_back(code + n, KERNEL_PEEK);
	return load(code, n);
}

bool kernel_peek(int peeker, uint64_t addr, void *to)
{
	struct question q = { .addr = addr };

	if (bpf_prog_run(peeker, &q, sizeof(q)) < 0)
		return false;
	memcpy(to, q.text, KERNEL_PEEK);
	return true;
}

/* --- names --------------------------------------------------------------------- */

struct kernel_names {
	int fd;			/* 0: not loaded yet; -1: it cannot be */
	struct question q;
};

/* The number's place is below the text's: the text ends the stack. */
static int new_namer(int format)
{
	struct bpf_insn code[2 * KERNEL_NAME / 8 + 24];
	uint32_t n = 0;

	code[n++] = MOV(6, 1);
	code[n++] = LOAD(1, 6, 0);
	code[n++] = STORE(10, -KERNEL_NAME - 8, 1);
	code[n++] = MOV(1, 10);
	code[n++] = ADD(1, -KERNEL_NAME);
	code[n++] = SET(2, KERNEL_NAME);
	code[n++] = INSN(BPF_LD | BPF_IMM | BPF_DW, 3, BPF_PSEUDO_MAP_VALUE,
			 0, format);
	code[n++] = INSN(0, 0, 0, 0, 0);
	code[n++] = MOV(4, 10);
	code[n++] = ADD(4, -KERNEL_NAME - 8);
	code[n++] = SET(5, 8);
	code[n++] = CALL(BPF_FUNC_snprintf);
	n += give_back(code + n, KERNEL_NAME);
	return load(code, n);
}

/* bpf_snprintf() takes its format from a map that nobody writes. */
static int format_map(void)
{
	char format[8] = "%pS";
	uint32_t zero = 0;
	int fd = bpf_map_new(BPF_MAP_TYPE_ARRAY, "stb_format", 4,
			     sizeof(format), 1, BPF_F_RDONLY_PROG);

	if (fd < 0 || bpf_map_update(fd, &zero, format, BPF_ANY) < 0 ||
	    bpf_map_freeze(fd) < 0)
		return -1;
	return fd;
}

struct kernel_names *kernel_names(void)
{
	return zalloc(sizeof(struct kernel_names));
}

static void load_namer(struct kernel_names *k)
{
	int format = format_map();

	k->fd = format < 0 ? -1 : new_namer(format);
	if (format >= 0)
		close(format);	/* the program holds it */
}

char *kernel_name(struct kernel_names *k, uint64_t addr)
{
	if (!k->fd)
		load_namer(k);
	k->q = (struct question){ .addr = addr };
	if (k->fd < 0 || bpf_prog_run(k->fd, &k->q, sizeof(k->q)) < 0)
		return NULL;
	k->q.text[sizeof(k->q.text) - 1] = 0;
	return k->q.text[0] && memcmp(k->q.text, "0x", 2) ?
		(char *)k->q.text : NULL;
}
