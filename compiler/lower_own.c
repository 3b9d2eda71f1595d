/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_own.c - where the kernel keeps what says whose a task is: the numbers
 * that a handler needs which runs for its user's own processes alone.
 */
#include "lower.h"

#include <string.h>

static bool offset_of(struct job *j, const char *type, const char *member,
		      uint64_t *out)
{
	struct ctype *t = target_type(j->target, target_kernel(j->target), type);
	struct member m;

	if (!t || !type_member(t, member, &m))
		return complain(j, (struct span){ 0 }, E_PRIVILEGE,
				"kernel %s has no %s.%s, by which a handler "
				"of --privilege=stapusr tells whose a process "
				"is", target_name(j->target), type, member);
	*out = m.offset;
	return true;
}

void lower_own(struct job *j, struct ir_own *own)
{
	own->on = offset_of(j, "struct task_struct", "cred", &own->cred) &&
		offset_of(j, "struct task_struct", "mm", &own->mm) &&
		offset_of(j, "struct cred", "suid", &own->suid) &&
		offset_of(j, "struct cred", "euid", &own->euid) &&
		offset_of(j, "struct mm_struct", "flags", &own->flags);
}
