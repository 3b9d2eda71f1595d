/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core.h - between the files of the generic part. */
#ifndef STB_KMOD_CORE_H
#define STB_KMOD_CORE_H

#include "stb_config.h"

#include <linux/mm.h>
#include <linux/wait.h>

extern wait_queue_head_t stb_waiters;	/* in poll() */
int stb_ring_mmap(struct vm_area_struct *vma);
bool stb_ring_waits(void);		/* is there something to read? */

static inline void stb_vm_flags(struct vm_area_struct *vma, vm_flags_t set,
				vm_flags_t clear)
{
#ifdef STB_HAVE_VM_FLAGS_MOD
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#endif
}

#endif
