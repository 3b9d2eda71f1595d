/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core.h - between the files of the generic part. */
#ifndef STB_KMOD_CORE_H
#define STB_KMOD_CORE_H

#include "stb_config.h"

#include <linux/wait.h>

struct vm_area_struct;

extern wait_queue_head_t stb_waiters;	/* in poll() */
int stb_ring_mmap(struct vm_area_struct *vma);
bool stb_ring_waits(void);		/* is there something to read? */

#endif
