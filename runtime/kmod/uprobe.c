// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * uprobe.c - sites in programs, through the interface that kernels have for
 * each other and change: STB_HAVE_UPROBE_STRUCT, STB_HAVE_UPROBE_DATA.
 * Handlers may be preempted there; ours are not.
 */
#include "kmod.h"
#include "core.h"

#include <linux/file.h>
#include <linux/fs.h>

enum { AT_URETPROBE = 7 };

static int fire(struct uprobe_consumer *c, struct pt_regs *regs, u64 func)
{
	struct stb_site *s = container_of(c, struct stb_site, uc);

	preempt_disable();
	s->prog->uprobe(s, regs, func);
	preempt_enable();
	return 0;
}

#ifdef STB_HAVE_UPROBE_DATA
static int on_entry(struct uprobe_consumer *c, struct pt_regs *regs, __u64 *data)
{
	return fire(c, regs, 0);
}

static int on_return(struct uprobe_consumer *c, unsigned long func,
		     struct pt_regs *regs, __u64 *data)
{
	return fire(c, regs, func);
}
#else
static int on_entry(struct uprobe_consumer *c, struct pt_regs *regs)
{
	return fire(c, regs, 0);
}

static int on_return(struct uprobe_consumer *c, unsigned long func,
		     struct pt_regs *regs)
{
	return fire(c, regs, func);
}
#endif

static int add(struct stb_site *s, loff_t semaphore)
{
#ifdef STB_HAVE_UPROBE_STRUCT
	struct uprobe *u = uprobe_register(s->inode, s->offset, semaphore,
					   &s->uc);

	if (IS_ERR(u))
		return (int)PTR_ERR(u);
	s->uprobe = u;
	return 0;
#else
	return uprobe_register_refctr(s->inode, s->offset, semaphore, &s->uc);
#endif
}

int stb_uprobe_arm(struct stb_site *s, const struct stb_kmod_attach *a)
{
	struct file *f = fget((unsigned int)a->fd);
	int error;

	if (!f)
		return -EBADF;
	s->inode = igrab(file_inode(f));
	fput(f);
	if (!s->inode)
		return -ENOENT;
	s->offset = a->offset;
	if (a->attach == AT_URETPROBE)
		s->uc.ret_handler = on_return;
	else
		s->uc.handler = on_entry;
	error = add(s, (loff_t)a->semaphore);
	if (error)
		iput(s->inode);
	return error;
}

void stb_uprobe_disarm(struct stb_site *s)
{
#ifdef STB_HAVE_UPROBE_STRUCT
	uprobe_unregister_nosync(s->uprobe, &s->uc);
	uprobe_unregister_sync();
#else
	uprobe_unregister(s->inode, s->offset, &s->uc);
#endif
	iput(s->inode);
}

void stb_uprobe_settle(void)
{
	synchronize_rcu();
}
