/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vm_peek.c - memory that is not the code's own: the kernel's, and the loader's
 * as a task has it. A small program of type SYSCALL reads it, so that a bad
 * address is a fault of the script and nothing else.
 */
#include "loader/vm_in.h"
#include "loader/bpf.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { PEEK_BYTES = 256 };
enum peek_kind { KERNEL_BYTES, USER_BYTES, KERNEL_TEXT, USER_TEXT, CURRENT };

struct peek {			/* the program's context */
	uint64_t address, size, kind;
	int64_t result;
	uint8_t bytes[PEEK_BYTES];
};

#define LOAD(d, field) INSN(BPF_LDX | BPF_MEM | BPF_DW, d, 6, \
			    offsetof(struct peek, field), 0)
#define MOVE(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define NUMBER(d, n) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, n)

/* if (kind == k) call helper, then on; r1 to r3 are its arguments. */
static uint32_t add_kind(struct bpf_insn *to, enum peek_kind k, int helper)
{
	to[0] = INSN(BPF_JMP | BPF_JNE | BPF_K, 8, 0, 2, k);
	to[1] = INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper);
	to[2] = INSN(BPF_JMP | BPF_JA, 0, 0, 0, 0);
	return 3;
}

/* What was read, from the stack into the context. */
static uint32_t add_answer(struct bpf_insn *to)
{
	uint32_t n = 0, at;

	to[n++] = INSN(BPF_STX | BPF_MEM | BPF_DW, 6, 0,
		       offsetof(struct peek, result), 0);
	for (at = 0; at < PEEK_BYTES; at += 8) {
		to[n++] = INSN(BPF_LDX | BPF_MEM | BPF_DW, 0, 10,
			       (int)at - PEEK_BYTES, 0);
		to[n++] = INSN(BPF_STX | BPF_MEM | BPF_DW, 6, 0,
			       offsetof(struct peek, bytes) + at, 0);
	}
	to[n++] = NUMBER(0, 0);
	to[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return n;
}

static int new_peek(void)
{
	static const int helpers[] = {
		[KERNEL_BYTES] = BPF_FUNC_probe_read_kernel,
		[USER_BYTES] = BPF_FUNC_probe_read_user,
		[KERNEL_TEXT] = BPF_FUNC_probe_read_kernel_str,
		[USER_TEXT] = BPF_FUNC_probe_read_user_str,
		[CURRENT] = BPF_FUNC_get_current_task,
	};
	struct bpf_insn code[3 * PEEK_BYTES / 8 + 64];
	struct bpf_prog_spec s = {
		.type = BPF_PROG_TYPE_SYSCALL, .flags = BPF_F_SLEEPABLE,
		.name = "stb_peek", .insns = code, .btf_fd = -1,
	};
	uint32_t n = 0, at, first;
	int k;

	code[n++] = MOVE(6, 1);
	code[n++] = NUMBER(0, 0);
	for (at = 0; at < PEEK_BYTES; at += 8)
		code[n++] = INSN(BPF_STX | BPF_MEM | BPF_DW, 10, 0,
				 (int)at - PEEK_BYTES, 0);
	code[n++] = LOAD(8, kind);
	code[n++] = MOVE(1, 10);
	code[n++] = INSN(BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, -PEEK_BYTES);
	code[n++] = LOAD(2, size);
	code[n++] = INSN(BPF_JMP | BPF_JLE | BPF_K, 2, 0, 1, PEEK_BYTES);
	code[n++] = NUMBER(2, 0);
	code[n++] = LOAD(3, address);
	first = n;
	for (k = KERNEL_BYTES; k <= CURRENT; k++)
		n += add_kind(code + n, (enum peek_kind)k, helpers[k]);
	for (at = first; at < n; at += 3)	/* behind the last */
		code[at + 2].off = (int16_t)(n - at - 3);
	n += add_answer(code + n);
	s.insn_count = n;
	return bpf_prog_new(&s, NULL, 0);
}

/* False: the program could not be made, and the run ends. */
static bool ask(struct vm *vm, struct peek *p)
{
	int err;

	if (!vm->peek_fd)
		vm->peek_fd = new_peek();
	err = vm->peek_fd < 0 ? -vm->peek_fd :
	      -bpf_prog_run(vm->peek_fd, p, sizeof(*p));
	if (err <= 0)
		return true;
	vm_cannot(vm, "reading memory of the kernel: %s (it needs CAP_BPF and "
		 "CAP_PERFMON, and no lockdown=confidentiality)",
		 strerror(err));
	return false;
}

uint64_t vm_peek(struct vm *vm, const uint64_t a[5])
{
	struct peek p = { .address = a[0], .size = a[1] & 15,
			  .kind = a[1] >> 8 ? USER_BYTES : KERNEL_BYTES };
	void *dst = vm_mem_write(vm, a[2], 8);

	if (!dst || !ask(vm, &p) || p.result)
		return 1;
	memcpy(dst, p.bytes, 8);
	return 0;
}

/* Piece by piece: what is left unread behind a piece may not be there. */
uint64_t vm_peek_text(struct vm *vm, const uint64_t a[5])
{
	uint64_t most = vm->limits->string_len - 1, n = 0;
	struct peek p = { .kind = a[4] ? USER_TEXT : KERNEL_TEXT };

	if ((int64_t)a[2] < 0)
		most = 0;
	else if (a[2] < most)
		most = a[2];
	do {
		p.address = a[3] + n;
		p.size = most - n + 1 < PEEK_BYTES ? most - n + 1 : PEEK_BYTES;
		if (!ask(vm, &p) || p.result <= 0 || p.result > PEEK_BYTES)
			return 1;
		memcpy(vm->text + n, p.bytes, (size_t)p.result - 1);
		n += (uint64_t)p.result - 1;
	} while (p.result == PEEK_BYTES && n < most);
	vm_put(vm, a[0], a[1], vm->text, n);
	return 0;
}

uint64_t vm_current_task(struct vm *vm)
{
	struct peek p = { .kind = CURRENT };

	return ask(vm, &p) ? (uint64_t)p.result : 0;
}

void vm_peek_close(struct vm *vm)
{
	if (vm->peek_fd > 0)
		close(vm->peek_fd);
}
