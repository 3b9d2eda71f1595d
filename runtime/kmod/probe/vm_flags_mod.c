/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vm_flags_mod(): since 6.3; before, vma->vm_flags is a member to be written. */
#include <linux/mm.h>

void stb_try(struct vm_area_struct *vma);
void stb_try(struct vm_area_struct *vma)
{
	vm_flags_mod(vma, VM_DONTCOPY, VM_MAYWRITE);
}
