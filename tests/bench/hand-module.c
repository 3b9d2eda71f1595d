// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hand-module.c - a kernel module as one writes it by hand to count calls of
 * vfs_read(): all of them (keyed=0), or by process (keyed=1).
 */
#include <linux/hash.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>

enum { BITS = 11, MOST = 1 << BITS };

static int keyed;
module_param(keyed, int, 0);
static atomic64_t hits;
static struct {
	int pid;
	atomic64_t n;
} slots[MOST];

static int count(struct kprobe *p, struct pt_regs *regs)
{
	atomic64_inc(&hits);
	return 0;
}

static int count_by_pid(struct kprobe *p, struct pt_regs *regs)
{
	int pid = current->tgid, was;
	u32 i, tries;

	i = hash_32((u32)pid, BITS);
	for (tries = 0; tries < MOST; tries++, i = (i + 1) & (MOST - 1)) {
		was = READ_ONCE(slots[i].pid);
		if (!was)
			was = cmpxchg(&slots[i].pid, 0, pid);
		if (was && was != pid)
			continue;
		atomic64_inc(&slots[i].n);
		break;
	}
	return 0;
}

static struct kprobe probe = { .symbol_name = "vfs_read" };

static int __init start(void)
{
	probe.pre_handler = keyed ? count_by_pid : count;
	return register_kprobe(&probe);
}

static void __exit end(void)
{
	s64 n = atomic64_read(&hits);
	int i;

	unregister_kprobe(&probe);
	for (i = 0; i < MOST; i++)
		n += atomic64_read(&slots[i].n);
	pr_info("%lld hits\n", n);
}

module_init(start);
module_exit(end);
MODULE_LICENSE("GPL");
