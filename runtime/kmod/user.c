// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * user.c - what is known of programs, for runtime/stacks.h. In: builds and pages of
 * tables, from the loader. Out: those, mappings of the task that runs, its
 * registers.
 */
#include "kmod.h"
#include "core.h"

#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>
#include <linux/vmalloc.h>
#define RT_USER_SIZE sizeof(struct rt_user)
#include "../process.h"

enum { BUILDS_MOST = 16384, PAGES_MOST = 1 << 18 };

struct stb_map stb_builds = {
	.name = "stb_builds", .keys = "", .value = 's',
	.key_size = sizeof(struct stb_build_key),
	.value_size = sizeof(struct stb_build),
	.max_entries = BUILDS_MOST, .flags = STB_MAP_HIDDEN,
};

/* A mapping's lock that was taken where no interrupt may come in is given back
   by one: who waits for it is then woken. */
struct unlock {
	struct irq_work work;
	struct mm_struct *mm;
};

static struct {
	char *pages;
	u32 npages;
	struct unlock __percpu *unlock;
	struct task_struct *runner;	/* is in a run of the loader's context */
} user;

/* --- what the loader fills --------------------------------------------------------- */

static void unlock_later(struct irq_work *w)
{
	mmap_read_unlock_non_owner(container_of(w, struct unlock, work)->mm);
}

int stb_user_init(void)
{
	int cpu, error = stb_map_init(&stb_builds);

	if (error)
		return error;
	user.unlock = alloc_percpu(struct unlock);
	if (!user.unlock)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		init_irq_work(&per_cpu_ptr(user.unlock, cpu)->work,
			      unlock_later);
	return 0;
}

void stb_user_exit(void)
{
	int cpu;

	if (user.unlock)
		for_each_possible_cpu(cpu)
			irq_work_sync(&per_cpu_ptr(user.unlock, cpu)->work);
	free_percpu(user.unlock);
	user.unlock = NULL;
	vfree(user.pages);
	user.pages = NULL;
	user.npages = 0;
	stb_map_free(&stb_builds);
}

long stb_user_pages(const struct stb_kmod_pages *a)
{
	if (!user.unlock || user.pages || !a->n || a->n > PAGES_MOST)
		return -EINVAL;
	user.pages = vmalloc((u64)a->n * STB_TABLE_PAGE);
	if (!user.pages)
		return -ENOMEM;
	if (copy_from_user(user.pages, (void __user *)a->address,
			   (u64)a->n * STB_TABLE_PAGE))
		return -EFAULT;
	smp_store_release(&user.npages, a->n);
	return 0;
}

void *stb_user_page(u32 number)
{
	return number < smp_load_acquire(&user.npages) ?
		user.pages + (u64)number * STB_TABLE_PAGE : NULL;
}

void stb_user_run_by(struct task_struct *task)
{
	WRITE_ONCE(user.runner, task);
}

/* --- mappings that handlers left ----------------------------------------------------- */

void stb_user_put(const struct stb_build_key *key, const struct stb_build *b)
{
	char *p = stb_map_insert(&stb_builds, (const u64 *)key,
				 stb_hash((const u64 *)key, sizeof(*key)), b,
				 sizeof(*b));

	if (p)
		memcpy(p, b, sizeof(*b));
}

/* Of process `pid`, or of any (0), the one that has the address. */
static struct stb_build_key *seen(u64 addr, u32 pid, struct stb_build **b)
{
	struct stb_build_key *k, *found = NULL;
	struct stb_build *one;
	struct stb_node *n;
	u32 i;

	for (i = 0; stb_builds.nodes && i < stb_builds.max_entries; i++) {
		n = stb_node_at(&stb_builds, i);
		k = (struct stb_build_key *)stb_key_of(n);
		if (!READ_ONCE(n->used) || k->kind != STB_BUILD_SEEN ||
		    addr < k->at || (pid && k->pid != pid))
			continue;
		one = (struct stb_build *)stb_value_of(&stb_builds, n);
		if (addr >= one->end)
			continue;
		*b = one;
		found = k;
	}
	return found;
}

void stb_user_place(struct stb_kmod_place *a)
{
	struct stb_build *b;
	struct stb_build_key *k = seen(a->addr, a->pid, &b);

	a->place = k ? b->place + (a->addr - k->at) : 0;
}

static bool find_number(u32 number, struct stb_build *to)
{
	struct stb_build_key *k;
	struct stb_build *b;
	struct stb_node *n;
	u32 i;

	for (i = 0; i < stb_builds.max_entries; i++) {
		n = stb_node_at(&stb_builds, i);
		k = (struct stb_build_key *)stb_key_of(n);
		b = (struct stb_build *)stb_value_of(&stb_builds, n);
		if (n->used && k->kind == STB_BUILD_ID && b->number == number) {
			*to = *b;
			return true;
		}
	}
	return false;
}

static long look_at_seen(struct rt_user *u, u64 addr)
{
	struct stb_build *b;
	struct stb_build_key *k = seen(addr, 0, &b);

	if (!k || !find_number((u32)(b->place >> STB_PLACE_ADDR), &u->build))
		return 1;
	u->start = k->at;
	u->end = b->end;
	u->place = b->place;
	return 0;
}

/* --- mappings of the current task -------------------------------------------------- */

static void take(struct rt_user *u, const struct vm_area_struct *v)
{
	u->start = v->vm_start;
	u->end = v->vm_end;
	u->at = (u64)v->vm_pgoff << PAGE_SHIFT;
}

long stb_user_vma(struct rt_user *u, u64 addr)
{
	bool later = irqs_disabled();
	struct mm_struct *mm = current->mm;
	const struct vm_area_struct *v;
	struct unlock *w;

	if (READ_ONCE(user.runner) == current)
		return look_at_seen(u, addr);
	w = this_cpu_ptr(user.unlock);
	if (!mm || in_nmi() || (later && irq_work_is_busy(&w->work)) ||
	    !mmap_read_trylock(mm))
		return 1;
	v = find_vma(mm, addr);
	if (v && addr >= v->vm_start)
		take(u, v);
	else
		v = NULL;
	if (later) {
		w->mm = mm;
		rwsem_release(&mm->mmap_lock.dep_map, _RET_IP_);
		irq_work_queue(&w->work);
	} else {
		mmap_read_unlock(mm);
	}
	return !v;
}

/* 0: where it was in its program. */
long stb_user_regs(u64 *to, u32 words)
{
	struct pt_regs *regs = current->flags & PF_KTHREAD ? NULL :
			       task_pt_regs(current);

	if (!regs)
		return 1;
	memcpy(to, regs, words * 8);
	return 0;
}
