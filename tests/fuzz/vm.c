/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vm.c - any instructions as a loader handler: whatever they do, the
 * interpreter stays in its memory, comes to an end, and gives locks back.
 *
 * links: loader bundler -lzstd -lsodium
 */
#include "tests/loader/vm.h"

const char *argv0 = "vm";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 512, JUMPS = 1 << 12 };

/*
 * Random bytes hardly ever name a register, an address or a service that there
 * is, so those are folded into what there is: an input gets somewhere. Not to
 * what is behind the last of these: services that write into the kernel's logs.
 */
static void fold(struct bpf_insn *i, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		i[k].dst_reg %= 11;
		i[k].src_reg %= 11;
		if (i[k].code == (BPF_JMP | BPF_CALL) && i[k].src_reg > 1)
			i[k].src_reg = 0;
		if (i[k].code == (BPF_JMP | BPF_CALL) && !i[k].src_reg)
			i[k].imm = (int)((uint32_t)i[k].imm %
					 (STB_SVC_FILE_ADD + 1));
		if (i[k].code == (BPF_LD | BPF_IMM | BPF_DW) && k + 1 < n &&
		    (i[k].imm & 1))
			i[k + 1].imm = 1 + (int)((uint32_t)i[k + 1].imm % 4);
	}
}

/* Nobody else is there to hold a lock; what is in the words may say so. */
static void free_locks(struct test *t)
{
	memset((char *)t->globals + sizeof(struct stb_shared), 0, 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = size / sizeof(struct bpf_insn);
	struct bpf_insn code[MOST];
	struct test *t;

	if (!n || n > MOST)
		return 0;
	memcpy(code, data, n * sizeof(*code));
	fold(code, n);
	t = new_test(code, (uint32_t)n, map_rows, NULL, 1);
	t->vm->patience = JUMPS;
	t->vm->lock_wait_ns = 0;
	for (int i = 0; i < 2; i++) {
		free_locks(t);
		vm_run(t->vm, 0);
		if (t->vm->nheld || t->vm->niterating || t->vm->grave)
			abort();
	}
	end_test(t);
	return 0;
}
