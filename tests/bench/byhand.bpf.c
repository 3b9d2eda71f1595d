// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * byhand.bpf.c - what someone who knows libbpf well would write for the jobs
 * that the benchmark compares: counts per process, latency histograms, a line
 * to user space. byhand.c attaches those that it is told to.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, __u32);
	__type(value, __u64);
} hits SEC(".maps"), started SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} histogram SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");

static __always_inline int count(void)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	__u64 *n = bpf_map_lookup_elem(&hits, &pid), one = 1;

	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&hits, &pid, &one, BPF_NOEXIST);
	return 0;
}

static __always_inline int enter(void)
{
	__u32 tid = bpf_get_current_pid_tgid();
	__u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&started, &tid, &now, BPF_ANY);
	return 0;
}

static __always_inline __u32 log2_of(__u64 v)
{
	__u32 r = 0, s;

	s = (v > 0xffffffff) << 5; v >>= s; r |= s;
	s = (v > 0xffff) << 4; v >>= s; r |= s;
	s = (v > 0xff) << 3; v >>= s; r |= s;
	s = (v > 0xf) << 2; v >>= s; r |= s;
	s = (v > 0x3) << 1; v >>= s; r |= s;
	return r | v >> 1;
}

static __always_inline int leave(void)
{
	__u32 tid = bpf_get_current_pid_tgid(), bucket;
	__u64 *start = bpf_map_lookup_elem(&started, &tid), *n;

	if (!start)
		return 0;
	bucket = log2_of(bpf_ktime_get_ns() - *start);
	bpf_map_delete_elem(&started, &tid);
	n = bpf_map_lookup_elem(&histogram, &bucket);
	if (n)
		__sync_fetch_and_add(n, 1);
	return 0;
}

SEC("kprobe/vfs_read") int kprobe_count(void *ctx) { return count(); }
SEC("fentry/vfs_read") int fentry_count(void *ctx) { return count(); }
SEC("raw_tp/sys_enter") int rawtp_count(void *ctx) { return count(); }
SEC("tp/raw_syscalls/sys_enter") int tp_count(void *ctx) { return count(); }
SEC("uprobe") int uprobe_count(void *ctx) { return count(); }
SEC("kprobe/vfs_read") int kprobe_enter(void *ctx) { return enter(); }
SEC("kretprobe/vfs_read") int kprobe_leave(void *ctx) { return leave(); }
SEC("fentry/vfs_read") int fentry_enter(void *ctx) { return enter(); }
SEC("fexit/vfs_read") int fentry_leave(void *ctx) { return leave(); }
SEC("uprobe") int uprobe_enter(void *ctx) { return enter(); }
SEC("uretprobe") int uprobe_leave(void *ctx) { return leave(); }

SEC("raw_tp/sys_enter") int rawtp_say(void *ctx)
{
	__u64 pid = bpf_get_current_pid_tgid() >> 32;

	bpf_ringbuf_output(&ring, &pid, sizeof(pid), 0);
	return 0;
}
