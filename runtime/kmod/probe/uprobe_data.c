/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A uprobe's handlers get a place that entry and return share: since 6.13. */
#include <linux/uprobes.h>

int (*stb_try(struct uprobe_consumer *c))(struct uprobe_consumer *,
					  struct pt_regs *, __u64 *);
int (*stb_try(struct uprobe_consumer *c))(struct uprobe_consumer *,
					  struct pt_regs *, __u64 *)
{
	return c->handler;
}
