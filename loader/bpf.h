/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf.h - bpf(2) by itself. Functions return -errno where they return int.
 */
#ifndef LOADER_BPF_H
#define LOADER_BPF_H

#include "loader/sys.h"

#include <sys/types.h>

union bpf_attr;
struct perf_event_attr;
/* With what rights there are; -errno. */
int sys_bpf(int cmd, union bpf_attr *attr, unsigned size);
int sys_perf_event(struct perf_event_attr *attr, pid_t pid, int cpu);

/* A kernel's map; key_size 0 for a ring, whose max_entries is bytes. */
int bpf_map_new(uint32_t type, const char *name, uint32_t key_size,
		uint32_t value_size, uint32_t max_entries, uint32_t flags);
int bpf_map_freeze(int fd);
int bpf_btf_new(const void *data, uint32_t size);

struct bpf_prog_spec {
	uint32_t type, attach_type, attach_btf_id, flags;
	const char *name;
	const void *insns;
	uint32_t insn_count;
	int btf_fd;		/* with func_info; -1: none */
	const void *funcs;	/* of 8 bytes */
	uint32_t func_count;
};
/* log: the verifier's, NUL-terminated; NULL and 0 when not wanted. */
int bpf_prog_new(const struct bpf_prog_spec *s, char *log, uint32_t log_size);
uint64_t bpf_prog_misses(int fd);
/* Times that it ran, and the ns that this took, while statistics are on. */
void bpf_prog_stats(int fd, uint64_t *runs, uint64_t *ns);
/* They are, as long as what this returns is open; -errno. */
int bpf_enable_stats(void);
/* What did not even get to the program; kernels before 6.7 do not tell. */
uint64_t bpf_link_misses(int fd);
/* Runs a program of type SYSCALL. */
int bpf_prog_run(int fd, void *ctx, uint32_t size);

/* An instruction of a program of ours; with <linux/bpf.h>. */
#define INSN(c, d, s, o, i) (struct bpf_insn){ .code = (c), .dst_reg = (d), \
	.src_reg = (s), .off = (int16_t)(o), .imm = (int32_t)(i) }

/* Links: what they return holds the attachment until it is closed. */
int bpf_link_perf(int prog, int perf_fd, uint64_t cookie);
/* The same, or without a link where the kernel has none of that kind, by the
   event, which is then what is returned: kernels before 5.15 do. */
int bpf_hang_on(int prog, int perf_fd, uint64_t cookie);
int bpf_link_trace(int prog, uint32_t attach_type, uint64_t cookie);
/* Many places at once; kernels from 6.6 on for uprobes, with CONFIG_FPROBE for
   functions. The program must have been loaded for it. */
enum { BPF_AT_KPROBE_MULTI = 42, BPF_AT_UPROBE_MULTI = 48 };
int bpf_link_uprobes(int prog, const char *path, const uint64_t *offsets,
		     const uint64_t *cookies, const uint64_t *semaphores,
		     uint32_t n, bool at_return);
/* Either symbols or addresses. */
int bpf_link_kprobes(int prog, const char *const *symbols,
		     const uint64_t *addresses, const uint64_t *cookies,
		     uint32_t n, bool at_return);
bool bpf_has_uprobe_multi(void);
/* Of the network namespace that this process is in; kernels from 6.4 on. */
enum { BPF_TYPE_NETFILTER = 32, BPF_AT_NETFILTER = 45 };
int bpf_link_netfilter(int prog, uint32_t family, uint32_t hook,
		       int32_t priority);
int bpf_raw_tp_open(int prog, const char *name);
/* Who reads what this returns runs the program for each of the kernel's things. */
int bpf_iterator(int prog);

/* --- elements of maps, for the interpreter's services ------------------- */

/* Per-CPU maps: `value` is one part a possible CPU, each padded to 8 bytes. */
int bpf_map_lookup(int fd, const void *key, void *value);
int bpf_map_update(int fd, const void *key, const void *value, uint64_t flags);
int bpf_map_delete(int fd, const void *key);
/* Looks up and deletes in one step. */
int bpf_map_take(int fd, const void *key, void *value);
int bpf_map_next_key(int fd, const void *key, void *next);
/*
 * Up to *count elements from behind *cursor, which holds 8 bytes or a key,
 * whichever is longer; first: from the start. -ENOENT: those were the last.
 */
int bpf_map_lookup_batch(int fd, bool first, void *cursor, void *keys,
			 void *values, uint32_t *count);

#endif
