/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rawtp.c - the least that a program on raw bpf(2) can do to print a line on
 * the first system call: a ring buffer, a raw tracepoint program written as
 * instructions, attach, wait, print. Static musl, as stap-load is.
 */
#include <linux/bpf.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING (1u << 20)

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

#define INSN(c, d, s, o, i) \
	{ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) }

/* u64 pid = current >> 32; bpf_ringbuf_output(&ring, &pid, 8, 0); return 0 */
static int load(int ring)
{
	struct bpf_insn p[] = {
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0,
		     BPF_FUNC_get_current_pid_tgid),
		INSN(BPF_ALU64 | BPF_RSH | BPF_K, 0, 0, 0, 32),
		INSN(BPF_STX | BPF_MEM | BPF_DW, 10, 0, -8, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, ring),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -8),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 8),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ringbuf_output),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
		.insns = (uintptr_t)p,
		.insn_cnt = sizeof(p) / sizeof(p[0]),
		.license = (uintptr_t)"GPL",
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

int main(void)
{
	union bpf_attr make = { .map_type = BPF_MAP_TYPE_RINGBUF,
				.max_entries = RING };
	union bpf_attr open = { .raw_tracepoint.name = (uintptr_t)"sys_enter" };
	volatile uint64_t *tail, *head;
	struct pollfd pfd;
	char *data;
	int ring;

	ring = bpf(BPF_MAP_CREATE, &make);
	open.raw_tracepoint.prog_fd = (uint32_t)load(ring);
	head = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);
	data = mmap(NULL, 4096 + 2 * RING, PROT_READ, MAP_SHARED, ring, 4096);
	if (head == MAP_FAILED || data == MAP_FAILED ||
	    bpf(BPF_RAW_TRACEPOINT_OPEN, &open) < 0) {
		perror("bpf");
		return 71;
	}
	tail = (volatile uint64_t *)data;
	pfd = (struct pollfd){ .fd = ring, .events = POLLIN };
	for (;;) {
		poll(&pfd, 1, -1);
		while (*head < *tail) {
			printf("hit by %llu\n", *(unsigned long long *)
			       (data + 4096 + (*head & (RING - 1)) + 8));
			fflush(stdout);
			*head += 16;
		}
	}
}
