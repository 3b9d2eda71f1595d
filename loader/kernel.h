/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel.h - asking the kernel what it shows in no file: small programs of type
 * SYSCALL, which the loader writes itself. They need CAP_BPF and CAP_PERFMON, as
 * all that is loaded, and do not care for kptr_restrict.
 */
#ifndef LOADER_KERNEL_H
#define LOADER_KERNEL_H

#include "loader/sys.h"

enum { KERNEL_PEEK = 64, KERNEL_NAME = 248 };

/* A program that reads memory: its fd, or -errno. */
int kernel_peeker(void);
/* KERNEL_PEEK bytes at an address; zeroes where nothing can be read. */
bool kernel_peek(int peeker, uint64_t addr, void *to);

/*
 * What kallsyms makes of an address, "name+0x12/0x34 [module]", in whose text
 * nothing is behind the name where it is the kernel's own. NULL: no name, or it
 * cannot be asked. The text is good until the next call.
 */
struct kernel_names;
struct kernel_names *kernel_names(void);	/* nothing is loaded yet */
char *kernel_name(struct kernel_names *k, uint64_t addr);

#endif
