// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * core.c - the module as a whole: its file in /proc, what the loader asks of it
 * (uapi.h), memory. In: the script's part, struct stb_script. What holds: when
 * nobody has the file open there is no probe, unless it was told to stay.
 */
#include "kmod.h"
#include "core.h"

#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/umh.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

enum { RING_MOST = 1 << 30, VALUE_MOST = 1 << 20, TRIES_MS = 1000 };

char **stb_frames;
DEFINE_PER_CPU(struct stb_load, stb_load);

static struct {
	struct mutex mutex;	/* one call at a time */
	bool open, ready;
	bool ended;		/* the loader detached: it will unload us */
	u32 flags;		/* STB_KMOD_STAY */
	void *task_frame;
} me = { .mutex = __MUTEX_INITIALIZER(me.mutex) };

/* --- memory ------------------------------------------------------------------ */

static void free_all(void)
{
	u32 i;

	for (i = 0; i < stb_script.nmaps; i++)
		stb_map_free(stb_script.maps[i]);
	for (i = 0; stb_frames && i < nr_cpu_ids; i++)
		vfree(stb_frames[i]);
	kfree(stb_frames);
	stb_frames = NULL;
	vfree(me.task_frame);
	me.task_frame = NULL;
	stb_each_exit();
	if (stb_script.user)
		stb_user_exit();
	stb_ring_exit();
	me.ready = false;
}

static int make_frames(void)
{
	u64 size = (u64)stb_script.frame_size * stb_script.levels;
	int cpu;

	me.task_frame = vzalloc(stb_script.frame_size);
	stb_frames = kcalloc(nr_cpu_ids, sizeof(*stb_frames), GFP_KERNEL);
	if (!stb_frames || !me.task_frame)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		stb_frames[cpu] = vzalloc_node(size, cpu_to_node(cpu));
		if (!stb_frames[cpu])
			return -ENOMEM;
	}
	return 0;
}

/* Loops over arrays: those of a run, on each CPU where probes have them. */
static int make_each(void)
{
	u32 n = stb_script.neach, items = STB_LOG_BUCKETS, i;

	if (!n)
		return 0;
	for (i = 0; i < stb_script.nmaps; i++)
		items = max3(items, stb_script.maps[i]->max_entries,
			     stb_stat_buckets(stb_script.maps[i]));
	if (stb_script.each_in_probes)
		n *= num_possible_cpus() + 1;
	return stb_each_init(n, items);
}

static long setup(const struct stb_kmod_setup *s)
{
	int error;
	u32 i;

	if (me.ready)
		return -EBUSY;
	if (s->ring_size < PAGE_SIZE || s->ring_size > RING_MOST ||
	    s->ring_size & (s->ring_size - 1))
		return -EINVAL;
	error = stb_ring_init(s->ring_size);
	for (i = 0; !error && i < stb_script.nmaps; i++)
		error = stb_map_init(stb_script.maps[i]);
	if (!error)
		error = make_frames();
	if (!error)
		error = make_each();
	if (!error && stb_script.user)
		error = stb_user_init();
	if (error) {
		free_all();
		return error;
	}
	me.flags = s->flags;
	me.ready = true;
	return 0;
}

/* --- handlers in the loader's context ------------------------------------------- */

/* One that did not get its locks tries again: the loader can wait. */
static int run_task(const struct stb_prog *p, struct stb_task *t)
{
	struct stb_shared *g = stb_script.shared;
	int result, i;

	t->may_sleep = !p->locks;
	for (i = 0; i < TRIES_MS; i++) {
		if (p->locks) {
			WRITE_ONCE(g->holder, (u64)current->tgid << 32 |
				   (u32)current->pid);
			preempt_disable();
		}
		stb_user_run_by(current);
		result = p->task(t, 0);
		stb_user_run_by(NULL);
		if (p->locks) {
			preempt_enable();
			WRITE_ONCE(g->holder, 0);
		}
		if (result != STB_KMOD_SKIPPED)
			return result;
		usleep_range(500, 1000);
	}
	stb_count(&g->skipped_lock);
	return STB_KMOD_SKIPPED;
}

static long run(struct stb_kmod_run *r)
{
	struct stb_task t = { .frame = me.task_frame };
	void __user *value = (void __user *)r->value;
	long error = 0;

	if (!me.ready || r->handler >= stb_script.ntasks ||
	    r->value_cap > VALUE_MOST || r->value_len > r->value_cap)
		return -EINVAL;
	if (value) {
		t.value = vzalloc(r->value_cap + 1);
		if (!t.value)
			return -ENOMEM;
		t.value_cap = r->value_cap;
		t.value_len = r->value_len;
		if (copy_from_user(t.value, value, r->value_len))
			error = -EFAULT;
	}
	if (!error)
		r->result = (u32)run_task(&stb_script.tasks[r->handler], &t);
	r->value_len = t.value_len;
	if (!error && value && copy_to_user(value, t.value, t.value_len))
		error = -EFAULT;
	vfree(t.value);
	return error;
}

/* --- the file ---------------------------------------------------------------------- */

static long info(void __user *to)
{
	struct stb_kmod_info i = {
		.version = STB_KMOD_VERSION,
		.globals_size = stb_script.globals_size,
		.nprogs = stb_script.nprogs, .nhandlers = stb_script.ntasks,
		.nmaps = stb_script.nmaps, .user = stb_script.user,
	};

	return copy_to_user(to, &i, sizeof(i)) ? -EFAULT : 0;
}

union argument {
	struct stb_kmod_setup setup;
	struct stb_kmod_run run;
	struct stb_kmod_attach attach;
	struct stb_kmod_detach detach;
	struct stb_kmod_counts counts;
	struct stb_kmod_map map;
	struct stb_kmod_pages pages;
	struct stb_kmod_place place;
	struct stb_kmod_next next;
};

static long fill(const struct stb_kmod_map *a)
{
	if (me.ready && a->map < stb_script.nmaps)
		return stb_map_ask(stb_script.maps[a->map], a);
	if (me.ready && a->map == STB_KMOD_BUILDS && stb_script.user)
		return stb_map_ask(&stb_builds, a);
	return -EINVAL;
}

static long call(unsigned int cmd, union argument *a)
{
	switch (cmd) {
	case STB_KMOD_SETUP:
		return setup(&a->setup);
	case STB_KMOD_RUN:
		return run(&a->run);
	case STB_KMOD_ATTACH:
		return me.ready ? stb_attach(&a->attach) : -EINVAL;
	case STB_KMOD_DETACH:
		me.ended = a->detach.site == STB_KMOD_ALL;
		return stb_detach(a->detach.site);
	case STB_KMOD_COUNTS:
		return stb_counts(&a->counts);
	case STB_KMOD_SETTLE:
		stb_settle();
		return 0;
	case STB_KMOD_MAP:
		return fill(&a->map);
	case STB_KMOD_PAGES:
		return me.ready ? stb_user_pages(&a->pages) : -EINVAL;
	case STB_KMOD_NEXT:
		return me.ready && a->next.map < stb_script.nmaps ?
			stb_map_next(stb_script.maps[a->next.map], &a->next) :
			-EINVAL;
	case STB_KMOD_PLACE:
		stb_user_place(&a->place);
		return 0;
	case STB_KMOD_FLUSH:
		return me.ready ? (long)stb_flush_kept() : 0;
	default:
		return -ENOTTY;
	}
}

static long on_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	u32 size = _IOC_SIZE(cmd);
	union argument a = { 0 };
	long r;

	if (cmd == STB_KMOD_INFO)
		return info(user);
	if (size > sizeof(a))
		return -ENOTTY;
	if (_IOC_DIR(cmd) & _IOC_WRITE && copy_from_user(&a, user, size))
		return -EFAULT;
	mutex_lock(&me.mutex);
	r = call(cmd, &a);
	mutex_unlock(&me.mutex);
	if (r >= 0 && _IOC_DIR(cmd) & _IOC_READ && copy_to_user(user, &a, size))
		return -EFAULT;
	return r;
}

static int map_globals(struct vm_area_struct *vma)
{
	unsigned long at = (unsigned long)stb_script.shared, i;
	unsigned long size = vma->vm_end - vma->vm_start;
	int error = 0;

	if (size > PAGE_ALIGN(stb_script.globals_size))
		return -EINVAL;
	for (i = 0; i < size && !error; i += PAGE_SIZE)
		error = vm_insert_page(vma, vma->vm_start + i,
				       vmalloc_to_page((void *)(at + i)));
	return error;
}

/* A child of the loader, -c's command, shall not hold us. */
static int on_mmap(struct file *file, struct vm_area_struct *vma)
{
	stb_vm_flags(vma, VM_DONTCOPY, 0);
	if (vma->vm_pgoff == STB_KMOD_GLOBALS >> PAGE_SHIFT)
		return map_globals(vma);
	return stb_ring_mmap(vma);
}

static __poll_t on_poll(struct file *file, struct poll_table_struct *wait)
{
	poll_wait(file, &stb_waiters, wait);
	return stb_ring_waits() ? EPOLLIN | EPOLLRDNORM : 0;
}

static int on_open(struct inode *inode, struct file *file)
{
	int error = 0;

	mutex_lock(&me.mutex);
	if (me.open)
		error = -EBUSY;
	else if (!try_module_get(THIS_MODULE))
		error = -ENODEV;
	else
		me.open = true;
	mutex_unlock(&me.mutex);
	return error;
}

static void stop(void)
{
	WRITE_ONCE(stb_script.shared->state, STB_STOPPING);
	stb_detach(STB_KMOD_ALL);
	stb_settle();
	free_all();
}

/* The loader was killed: nobody else would. It is waited for as far as to exec:
   its words are the module's, which somebody else may unload first. */
static void unload_later(void)
{
	static char *argv[] = { "/sbin/rmmod", NULL, NULL };
	static char *envp[] = { "HOME=/", "PATH=/sbin:/bin:/usr/sbin:/usr/bin",
				NULL };

	argv[1] = THIS_MODULE->name;
	call_usermodehelper(argv[0], argv, envp, UMH_WAIT_EXEC);
}

static int on_release(struct inode *inode, struct file *file)
{
	bool left = !me.ended;

	mutex_lock(&me.mutex);
	if (me.flags & STB_KMOD_STAY)
		left = false;
	else
		stop();
	me.open = false;
	mutex_unlock(&me.mutex);
	module_put(THIS_MODULE);
	if (left)
		unload_later();
	return 0;
}

static const struct proc_ops ops = {
	.proc_open = on_open,
	.proc_release = on_release,
	.proc_ioctl = on_ioctl,
	.proc_mmap = on_mmap,
	.proc_poll = on_poll,
	.proc_lseek = noop_llseek,
};

static int __init stb_init(void)
{
	return proc_create(THIS_MODULE->name, 0600, NULL, &ops) ? 0 : -ENOMEM;
}

static void __exit stb_exit(void)
{
	remove_proc_entry(THIS_MODULE->name, NULL);
	stop();
}

module_init(stb_init);
module_exit(stb_exit);
MODULE_LICENSE("GPL");
