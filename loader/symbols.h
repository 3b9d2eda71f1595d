/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbols.h - what is at an address of the kernel, from the tables of symbols
 * in the bundle.
 */
#ifndef LOADER_SYMBOLS_H
#define LOADER_SYMBOLS_H

#include "loader/format.h"
#include "loader/kernel.h"

struct symbols;

/* One section (of validated tables): the kernel's, loaded `slide` above its
   link-time addresses, a module's, of that build, or (number not 0) a program's.
   All live on. */
void symbols_add(struct symbols **s, const char *name,
		 const struct stb_build_id *module,
		 const struct stb_set *tables, uint64_t slide, uint32_t number);
/* What format_text() wants. Who is in none of s is asked for in the kernel, if it
   may be: kernel is not NULL. */
struct namer symbols_namer(const struct symbols *s,
			   struct kernel_names *kernel);

#endif
