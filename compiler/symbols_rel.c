/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbols_rel.c - kernel modules are relocatable files (ET_REL): nothing has an
 * address before they are loaded, and their DWARF is not finished. In: an
 * open one. Out: link-time addresses by a rule of ours, and, when asked for,
 * contents that are finished with them, in memory.
 *
 * Byte n of section s has the link-time address (s << MODULE_SHIFT) + n: it
 * says by itself where in the file it belongs, whatever the kernel does with
 * the section.
 */
#include "facts.h"

#include <gelf.h>
#include <string.h>

bool object_is_relocatable(const struct object *o)
{
	GElf_Ehdr eh;

	return gelf_getehdr(o->elf, &eh) && eh.e_type == ET_REL;
}

/* Section s has addresses, if it is loaded. */
static uint64_t base_of(const struct object *o, size_t s)
{
	Elf_Scn *scn = elf_getscn(o->elf, s);
	GElf_Shdr sh;

	if (!scn || !gelf_getshdr(scn, &sh) || !(sh.sh_flags & SHF_ALLOC) ||
	    sh.sh_size >> MODULE_SHIFT)
		return 0;
	return (uint64_t)s << MODULE_SHIFT;
}

uint64_t object_symbol_base(const struct object *o, size_t section)
{
	return section < SHN_LORESERVE ? base_of(o, section) : 0;
}

const char *object_section_at(const struct object *o, uint64_t addr)
{
	Elf_Scn *scn = elf_getscn(o->elf, addr >> MODULE_SHIFT);
	const char *s = NULL;
	GElf_Shdr sh;
	size_t names;

	if (scn && gelf_getshdr(scn, &sh) &&
	    !elf_getshdrstrndx(o->elf, &names))
		s = elf_strptr(o->elf, names, sh.sh_name);
	return s ? s : "";
}

bool object_section_range(const struct object *o, const char *name,
			  uint64_t *from, uint64_t *to, bool *is_there)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	uint64_t base;

	while ((scn = elf_nextscn(o->elf, scn))) {
		base = base_of(o, elf_ndxscn(scn));
		if (!base || !gelf_getshdr(scn, &sh) ||
		    strcmp(object_section_at(o, base), name))
			continue;
		*from = base;
		*to = base + sh.sh_size;
		*is_there = sh.sh_type != SHT_NOBITS;
		return true;
	}
	return false;
}

bool object_read_section(const struct object *o, uint64_t addr, void *to,
			 size_t n)
{
	uint64_t at = addr & ((UINT64_C(1) << MODULE_SHIFT) - 1);
	Elf_Scn *scn = elf_getscn(o->elf, addr >> MODULE_SHIFT);
	Elf_Data *d = scn ? elf_getdata(scn, NULL) : NULL;
	GElf_Shdr sh;

	if (!d || !gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS ||
	    !d->d_buf || at > d->d_size || n > d->d_size - at)
		return false;
	memcpy(to, (const char *)d->d_buf + at, n);
	return true;
}

/* --- relocation ------------------------------------------------------------- */

struct relocation {
	const struct object *o;
	Elf_Data *symbols;
	uint8_t *to;			/* contents of the section */
	size_t size;
	uint64_t base;
};

/* What symbol i is worth; of another module or the kernel: nothing. */
static uint64_t worth(const struct relocation *r, size_t i)
{
	GElf_Sym sym;

	if (!gelf_getsym(r->symbols, (int)i, &sym))
		return 0;
	return sym.st_value + object_symbol_base(r->o, sym.st_shndx);
}

static void apply(const struct relocation *r, const GElf_Rela *a)
{
	uint64_t v = worth(r, GELF_R_SYM(a->r_info)) + (uint64_t)a->r_addend;
	size_t n = 4;

	switch (GELF_R_TYPE(a->r_info)) {
	case R_X86_64_64:
		n = 8;
		break;
	case R_X86_64_32:
	case R_X86_64_32S:
		break;
	case R_X86_64_PC64:
		n = 8;
		v -= r->base + a->r_offset;
		break;
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
		v -= r->base + a->r_offset;
		break;
	default:
		return;
	}
	if (a->r_offset <= r->size && n <= r->size - a->r_offset)
		memcpy(r->to + a->r_offset, &v, n);
}

static void relocate_by(const struct object *o, Elf_Scn *scn,
			const GElf_Shdr *sh)
{
	Elf_Scn *target = elf_getscn(o->elf, sh->sh_info);
	Elf_Scn *symtab = elf_getscn(o->elf, sh->sh_link);
	Elf_Data *relocs = elf_getdata(scn, NULL), *d;
	struct relocation r = { .o = o };
	GElf_Shdr to;
	GElf_Rela a;
	size_t i;

	if (!target || !symtab || !relocs || !gelf_getshdr(target, &to) ||
	    to.sh_type == SHT_NOBITS || to.sh_flags & SHF_EXECINSTR)
		return;		/* code stays as it is in the file */
	if (to.sh_flags & SHF_COMPRESSED && elf_compress(target, 0, 0) < 0)
		return;
	d = elf_getdata(target, NULL);
	r.symbols = elf_getdata(symtab, NULL);
	if (!d || !d->d_buf || !r.symbols)
		return;
	r.to = d->d_buf;
	r.size = d->d_size;
	r.base = base_of(o, elf_ndxscn(target));
	for (i = 0; i < sh->sh_size / sizeof(Elf64_Rela); i++)
		if (gelf_getrela(relocs, (int)i, &a))
			apply(&r, &a);
}

void object_relocate(struct object *o)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	if (o->is_relocated || !object_is_relocatable(o))
		return;
	o->is_relocated = true;
	while ((scn = elf_nextscn(o->elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_RELA)
			relocate_by(o, scn, &sh);
}

/* --- where data is, told by code ---------------------------------------------- */

enum { FAR = 32 };	/* bytes that probes at entries may change */

/* The furthest function's start at or below an address of code. */
static uint64_t start_below(Elf_Data *symbols, size_t n, size_t section,
			    uint64_t at)
{
	uint64_t best = 0;
	GElf_Sym sym;
	size_t i;

	for (i = 0; i < n; i++)
		if (gelf_getsym(symbols, (int)i, &sym) &&
		    sym.st_shndx == section && sym.st_value <= at &&
		    sym.st_value > best)
			best = sym.st_value;
	return best;
}

/* Does a relocation of code put an address of section `want` there? */
static bool tells(Elf_Data *symbols, const GElf_Rela *a, size_t want,
		  struct code_pointer *out)
{
	unsigned type = GELF_R_TYPE(a->r_info);
	GElf_Sym sym;

	if ((type != R_X86_64_32S && type != R_X86_64_PC32 &&
	     type != R_X86_64_64) ||
	    !gelf_getsym(symbols, (int)GELF_R_SYM(a->r_info), &sym) ||
	    sym.st_shndx != want)
		return false;
	out->size = type == R_X86_64_64 ? 8 : 4;
	out->is_relative = type == R_X86_64_PC32;
	out->value = sym.st_value + (uint64_t)a->r_addend +
		((uint64_t)want << MODULE_SHIFT);
	return true;
}

bool object_code_pointer(const struct object *o, uint64_t code, uint64_t addr,
			 struct code_pointer *out)
{
	size_t text = code >> MODULE_SHIFT, want = addr >> MODULE_SHIFT, i, n;
	Elf_Scn *scn = NULL, *symtab;
	Elf_Data *relocs, *symbols;
	GElf_Shdr sh, st;
	GElf_Rela a;

	while ((scn = elf_nextscn(o->elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_RELA ||
		    sh.sh_info != text)
			continue;
		symtab = elf_getscn(o->elf, sh.sh_link);
		relocs = elf_getdata(scn, NULL);
		symbols = symtab ? elf_getdata(symtab, NULL) : NULL;
		if (!relocs || !symbols || !gelf_getshdr(symtab, &st))
			return false;
		n = st.sh_size / sizeof(Elf64_Sym);
		for (i = 0; i < sh.sh_size / sizeof(Elf64_Rela); i++)
			if (gelf_getrela(relocs, (int)i, &a) &&
			    tells(symbols, &a, want, out) &&
			    a.r_offset - start_below(symbols, n, text,
						     a.r_offset) >= FAR) {
				out->at = ((uint64_t)text << MODULE_SHIFT) +
					a.r_offset;
				return true;
			}
	}
	return false;
}
