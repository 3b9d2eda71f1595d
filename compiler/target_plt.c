/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target_plt.c - the procedure linkage table of a program: what jumps to the
 * functions of its libraries. In: a binary and a glob of names. Out: each entry
 * that fits. Entries are told by the slot that they jump through, which the
 * dynamic linker's relocations name; so those of .plt.sec and .plt.got are found
 * as well as those of .plt.
 */
#include "facts.h"

#include <gelf.h>
#include <string.h>

struct slots {
	struct arena *mem;
	struct dict names;	/* of functions, by "ADDRESS" */
};

static const char *key_of(struct slots *s, uint64_t addr)
{
	return arena_printf(s->mem, "%jx", (uintmax_t)addr);
}

static void read_relocations(Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh,
			     struct slots *out)
{
	Elf_Scn *dynsym = elf_getscn(elf, sh->sh_link);
	Elf_Data *d = elf_getdata(scn, NULL), *syms;
	GElf_Shdr ssh;
	GElf_Rela r;
	GElf_Sym sym;
	const char *name;
	size_t i, n = sh->sh_entsize ? sh->sh_size / sh->sh_entsize : 0;

	if (!d || !dynsym || !gelf_getshdr(dynsym, &ssh) ||
	    !(syms = elf_getdata(dynsym, NULL)))
		return;
	for (i = 0; i < n; i++) {
		if (!gelf_getrela(d, (int)i, &r) ||
		    (GELF_R_TYPE(r.r_info) != R_X86_64_JUMP_SLOT &&
		     GELF_R_TYPE(r.r_info) != R_X86_64_GLOB_DAT) ||
		    !gelf_getsym(syms, (int)GELF_R_SYM(r.r_info), &sym))
			continue;
		name = elf_strptr(elf, ssh.sh_link, sym.st_name);
		if (name && *name)
			*dict_at(&out->names, key_of(out, r.r_offset)) =
				(void *)name;
	}
}

static void read_slots(const struct object *o, struct slots *out)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(o->elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_RELA &&
		    sh.sh_flags & SHF_ALLOC)
			read_relocations(o->elf, scn, &sh, out);
}

/* The slot that the entry at addr jumps through: [endbr64] [bnd] jmp *n(%rip). */
static bool jumps_through(const uint8_t *p, size_t n, uint64_t addr,
			  uint64_t *slot)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	int32_t distance;
	size_t at = 0;

	if (n >= 4 && !memcmp(p, endbr64, 4))
		at = 4;
	if (at < n && p[at] == 0xf2)
		at++;
	if (at + 6 > n || p[at] != 0xff || p[at + 1] != 0x25)
		return false;
	memcpy(&distance, p + at + 2, 4);
	*slot = addr + at + 6 + (uint64_t)(int64_t)distance;
	return true;
}

size_t target_plt(struct target *t, struct binary *b, const char *glob,
		  void (*each)(void *arg, const char *name, uint64_t addr),
		  void *arg)
{
	static const char *const sections[] = { ".plt", ".plt.sec", ".plt.got" };
	enum { STEP = 8 };
	struct facts *f = b->impl;
	struct slots slots = { .mem = target_mem(t) };
	const char *name;
	struct bytes code;
	size_t i, at, n = 0;
	uint64_t slot;

	slots.names.mem = slots.mem;
	read_slots(&f->main, &slots);
	for (i = 0; i < COUNT_OF(sections); i++) {
		if (!object_section(&f->main, sections[i], &code))
			continue;
		for (at = 0; at < code.n; at += STEP) {
			if (!jumps_through(code.p + at, code.n - at,
					   code.addr + at, &slot))
				continue;
			name = dict_get(&slots.names, key_of(&slots, slot));
			if (!name || !glob_match(glob, name))
				continue;
			each(arg, name, code.addr + at);
			n++;
		}
	}
	return n;
}
