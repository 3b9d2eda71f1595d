/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/bpf.h"
#include "loader/rights.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Who has a map's descriptor may; before 5.19 not even he. */
static bool is_of_elements(int cmd)
{
	return cmd == BPF_MAP_LOOKUP_ELEM || cmd == BPF_MAP_UPDATE_ELEM ||
	       cmd == BPF_MAP_DELETE_ELEM || cmd == BPF_MAP_GET_NEXT_KEY ||
	       cmd == BPF_MAP_LOOKUP_AND_DELETE_ELEM ||
	       cmd == BPF_MAP_LOOKUP_BATCH;
}

static int call_bpf(int cmd, union bpf_attr *attr, unsigned size)
{
	long n;

	do	/* the verifier gives up when a signal is pending */
		n = syscall(SYS_bpf, cmd, attr, size);
	while (n < 0 && errno == EAGAIN && cmd == BPF_PROG_LOAD);
	return n < 0 ? -errno : (int)n;
}

int sys_bpf(int cmd, union bpf_attr *attr, unsigned size)
{
	bool raised = !is_of_elements(cmd) && rights_raise();
	int n = call_bpf(cmd, attr, size);

	if (n == -EPERM && !raised) {
		raised = rights_raise();
		if (raised)
			n = call_bpf(cmd, attr, size);
	}
	rights_lower(raised);
	return n;
}

int sys_perf_event(struct perf_event_attr *attr, pid_t pid, int cpu)
{
	bool raised = rights_raise();
	long fd = syscall(SYS_perf_event_open, attr, pid, cpu, -1,
			  PERF_FLAG_FD_CLOEXEC);

	fd = fd < 0 ? -errno : fd;
	rights_lower(raised);
	return (int)fd;
}

/*
 * A union bpf_attr is cleared by hand: an initializer clears one member only with
 * some compilers, and the kernel refuses what is not 0 behind it.
 */

/* Kernel object names: 15 of [A-Za-z0-9_.] */
static void set_name(char *to, const char *from)
{
	for (size_t i = 0; i < BPF_OBJ_NAME_LEN - 1 && from[i]; i++) {
		char c = from[i];

		to[i] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '.' ? c : '_';
	}
}

int bpf_map_new(uint32_t type, const char *name, uint32_t key_size,
		uint32_t value_size, uint32_t max_entries, uint32_t flags)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = type;
	a.key_size = key_size;
	a.value_size = value_size;
	a.max_entries = max_entries;
	a.map_flags = flags;
	set_name(a.map_name, name);
	return sys_bpf(BPF_MAP_CREATE, &a, sizeof(a));
}

int bpf_map_freeze(int fd)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = fd;
	return sys_bpf(BPF_MAP_FREEZE, &a, sizeof(a));
}

int bpf_btf_new(const void *data, uint32_t size)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.btf = (uintptr_t)data;
	a.btf_size = size;
	return sys_bpf(BPF_BTF_LOAD, &a, sizeof(a));
}

int bpf_prog_new(const struct bpf_prog_spec *s, char *log, uint32_t log_size)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.prog_type = s->type;
	a.expected_attach_type = s->attach_type;
	a.attach_btf_id = s->attach_btf_id;
	a.prog_flags = s->flags;
	a.insns = (uintptr_t)s->insns;
	a.insn_cnt = s->insn_count;
	a.license = (uintptr_t)"GPL";
	a.log_level = log ? 1 : 0;
	a.log_buf = (uintptr_t)log;
	a.log_size = log_size;
	set_name(a.prog_name, s->name);
	if (s->btf_fd >= 0) {
		a.prog_btf_fd = s->btf_fd;
		a.func_info_rec_size = 8;
		a.func_info = (uintptr_t)s->funcs;
		a.func_info_cnt = s->func_count;
	}
	return sys_bpf(BPF_PROG_LOAD, &a, sizeof(a));
}

int bpf_prog_run(int fd, void *ctx, uint32_t size)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.test.prog_fd = fd;
	a.test.ctx_in = (uintptr_t)ctx;
	a.test.ctx_size_in = size;
	return sys_bpf(BPF_PROG_TEST_RUN, &a, sizeof(a));
}

/* Zeroes where the kernel does not tell. */
static void prog_info(int fd, struct bpf_prog_info *info)
{
	union bpf_attr a;

	memset(info, 0, sizeof(*info));
	memset(&a, 0, sizeof(a));
	a.info.bpf_fd = fd;
	a.info.info_len = sizeof(*info);
	a.info.info = (uintptr_t)info;
	if (sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &a, sizeof(a)) < 0)
		memset(info, 0, sizeof(*info));
}

uint64_t bpf_prog_misses(int fd)
{
	struct bpf_prog_info info;

	prog_info(fd, &info);
	return info.recursion_misses;
}

void bpf_prog_stats(int fd, uint64_t *runs, uint64_t *ns)
{
	struct bpf_prog_info info;

	prog_info(fd, &info);
	*runs = info.run_cnt;
	*ns = info.run_time_ns;
}

int bpf_enable_stats(void)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.enable_stats.type = BPF_STATS_RUN_TIME;
	return sys_bpf(BPF_ENABLE_STATS, &a, sizeof(a));
}

/* struct bpf_link_info as far as it is looked at; <linux/bpf.h> may be older. */
struct link_info {
	uint32_t type, id, prog_id, pad;
	union {
		struct {
			uint64_t addrs;
			uint32_t count, flags;
			uint64_t missed;
		} multi;
		struct {
			uint32_t type, pad;
			uint64_t name;
			uint32_t name_len, offset;
			uint64_t addr, missed;
		} perf;
	};
};
enum { LINK_PERF = 7, LINK_KPROBES = 8, PERF_KPROBE = 3, PERF_KRETPROBE = 4 };

uint64_t bpf_link_misses(int fd)
{
	struct link_info info = { 0 };
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.info.bpf_fd = fd;
	a.info.info_len = sizeof(info);
	a.info.info = (uintptr_t)&info;
	if (sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &a, sizeof(a)) < 0)
		return 0;
	if (info.type == LINK_KPROBES)
		return info.multi.missed;
	if (info.type == LINK_PERF && (info.perf.type == PERF_KPROBE ||
				       info.perf.type == PERF_KRETPROBE))
		return info.perf.missed;
	return 0;
}

int bpf_link_perf(int prog, int perf_fd, uint64_t cookie)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.link_create.prog_fd = prog;
	a.link_create.target_fd = perf_fd;
	a.link_create.attach_type = BPF_PERF_EVENT;
	a.link_create.perf_event.bpf_cookie = cookie;
	return sys_bpf(BPF_LINK_CREATE, &a, sizeof(a));
}

int bpf_hang_on(int prog, int perf_fd, uint64_t cookie)
{
	int link = bpf_link_perf(prog, perf_fd, cookie);

	if (link == -EINVAL && !cookie &&
	    !ioctl(perf_fd, PERF_EVENT_IOC_SET_BPF, prog))
		return perf_fd;
	return link;
}

int bpf_link_trace(int prog, uint32_t attach_type, uint64_t cookie)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.link_create.prog_fd = prog;
	a.link_create.attach_type = attach_type;
	a.link_create.tracing.cookie = cookie;
	return sys_bpf(BPF_LINK_CREATE, &a, sizeof(a));
}

/* The part of union bpf_attr that headers of older kernels do not have. */
struct multi_attr {
	uint32_t prog, target, attach_type, link_flags;
	union {
		struct {
			uint64_t path, offsets, ref_ctr_offsets, cookies;
			uint32_t count, flags, pid;
		} uprobe;
		struct {
			uint32_t flags, count;
			uint64_t symbols, addresses, cookies;
		} kprobe;
		struct {
			uint32_t family, hook;
			int32_t priority;
			uint32_t flags;
		} netfilter;
	};
};

static int link_multi(const struct multi_attr *m)
{
	union { union bpf_attr a; struct multi_attr m; } u;

	memset(&u, 0, sizeof(u));
	u.m = *m;
	return sys_bpf(BPF_LINK_CREATE, &u.a, sizeof(u));
}

int bpf_link_uprobes(int prog, const char *path, const uint64_t *offsets,
		     const uint64_t *cookies, const uint64_t *semaphores,
		     uint32_t n, bool at_return)
{
	struct multi_attr m = {
		.prog = prog, .attach_type = BPF_AT_UPROBE_MULTI,
		.uprobe = {
			.path = (uintptr_t)path,
			.offsets = (uintptr_t)offsets,
			.ref_ctr_offsets = (uintptr_t)semaphores,
			.cookies = (uintptr_t)cookies,
			.count = n, .flags = at_return,
		},
	};

	return link_multi(&m);
}

int bpf_link_netfilter(int prog, uint32_t family, uint32_t hook,
		       int32_t priority)
{
	struct multi_attr m = {
		.prog = prog, .attach_type = BPF_AT_NETFILTER,
		.netfilter = {
			.family = family, .hook = hook, .priority = priority,
		},
	};

	return link_multi(&m);
}

int bpf_link_kprobes(int prog, const char *const *symbols,
		     const uint64_t *addresses, const uint64_t *cookies,
		     uint32_t n, bool at_return)
{
	struct multi_attr m = {
		.prog = prog, .attach_type = BPF_AT_KPROBE_MULTI,
		.kprobe = {
			.flags = at_return, .count = n,
			.symbols = (uintptr_t)symbols,
			.addresses = (uintptr_t)addresses,
			.cookies = (uintptr_t)cookies,
		},
	};

	return link_multi(&m);
}

/* A kernel that has them looks at the path, and "/" is no file to probe;
   one that has not does not get as far. */
bool bpf_has_uprobe_multi(void)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct bpf_prog_spec s = {
		.type = BPF_PROG_TYPE_KPROBE,
		.attach_type = BPF_AT_UPROBE_MULTI, .name = "stb_probe",
		.insns = code, .insn_count = COUNT_OF(code), .btf_fd = -1,
	};
	uint64_t zero = 0;
	int prog = bpf_prog_new(&s, NULL, 0), error;

	if (prog < 0)
		return false;
	error = bpf_link_uprobes(prog, "/", &zero, &zero, &zero, 1, false);
	if (error >= 0)
		close(error);
	close(prog);
	return error == -EBADF;
}

int bpf_raw_tp_open(int prog, const char *name)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.raw_tracepoint.prog_fd = prog;
	a.raw_tracepoint.name = (uintptr_t)name;
	return sys_bpf(BPF_RAW_TRACEPOINT_OPEN, &a, sizeof(a));
}

int bpf_iterator(int prog)
{
	union bpf_attr a;
	int link = bpf_link_trace(prog, BPF_TRACE_ITER, 0), fd;

	if (link < 0)
		return link;
	memset(&a, 0, sizeof(a));
	a.iter_create.link_fd = (uint32_t)link;
	fd = sys_bpf(BPF_ITER_CREATE, &a, sizeof(a));
	close(link);
	return fd;
}

/* --- elements of maps ----------------------------------------------------- */

static int element(int cmd, int fd, const void *key, const void *value,
		   uint64_t flags)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = fd;
	a.key = (uintptr_t)key;
	a.value = (uintptr_t)value;
	a.flags = flags;
	return sys_bpf(cmd, &a, sizeof(a));
}

int bpf_map_lookup(int fd, const void *key, void *value)
{
	return element(BPF_MAP_LOOKUP_ELEM, fd, key, value, 0);
}

int bpf_map_update(int fd, const void *key, const void *value, uint64_t flags)
{
	return element(BPF_MAP_UPDATE_ELEM, fd, key, value, flags);
}

int bpf_map_delete(int fd, const void *key)
{
	return element(BPF_MAP_DELETE_ELEM, fd, key, NULL, 0);
}

int bpf_map_take(int fd, const void *key, void *value)
{
	return element(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, key, value, 0);
}

int bpf_map_next_key(int fd, const void *key, void *next)
{
	return element(BPF_MAP_GET_NEXT_KEY, fd, key, next, 0);
}

int bpf_map_lookup_batch(int fd, bool first, void *cursor, void *keys,
			 void *values, uint32_t *count)
{
	union bpf_attr a;
	int result;

	memset(&a, 0, sizeof(a));
	a.batch.in_batch = first ? 0 : (uintptr_t)cursor;
	a.batch.out_batch = (uintptr_t)cursor;
	a.batch.keys = (uintptr_t)keys;
	a.batch.values = (uintptr_t)values;
	a.batch.count = *count;
	a.batch.map_fd = fd;
	result = sys_bpf(BPF_MAP_LOOKUP_BATCH, &a, sizeof(a));
	*count = result < 0 && result != -ENOENT ? 0 : a.batch.count;
	return result;
}
