/* SPDX-License-Identifier: GPL-2.0-or-later */
/* uprobe_register() gives a struct uprobe, which uprobe_unregister_nosync()
   takes: since 6.12. Before, both take an inode and an offset. */
#include <linux/uprobes.h>

struct uprobe *stb_try(struct inode *inode, struct uprobe_consumer *c);
struct uprobe *stb_try(struct inode *inode, struct uprobe_consumer *c)
{
	struct uprobe *u = uprobe_register(inode, 0, 0, c);

	uprobe_unregister_nosync(u, c);
	uprobe_unregister_sync();
	return u;
}
