/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbols_load.c - ELF files of programs: what of them is loaded, where their
 * build-id is in memory, and what else they want loaded.
 */
#include "facts.h"

#include <gelf.h>
#include <string.h>

static const GElf_Phdr *header(const struct object *o, size_t i, uint32_t type,
			       GElf_Phdr *ph)
{
	return gelf_getphdr(o->elf, (int)i, ph) && ph->p_type == type ? ph :
		NULL;
}

static size_t headers(const struct object *o)
{
	size_t n = 0;

	elf_getphdrnum(o->elf, &n);
	return n;
}

/* Where the part ends that is made read-only behind the relocation; 0: there is
   none in it. */
static uint64_t read_only_until(const struct object *o, const GElf_Phdr *load)
{
	GElf_Phdr ph;
	uint64_t end;
	size_t i;

	for (i = 0; i < headers(o); i++) {
		if (!header(o, i, PT_GNU_RELRO, &ph) ||
		    ph.p_vaddr - load->p_vaddr >= load->p_memsz)
			continue;
		end = (ph.p_vaddr + ph.p_memsz) & ~UINT64_C(4095);
		if (end > load->p_vaddr &&
		    end - load->p_vaddr < load->p_filesz)
			return end;
	}
	return 0;
}

size_t object_loads(const struct object *o, struct load *v, size_t max)
{
	size_t i, n = 0;
	uint64_t cut;
	GElf_Phdr ph;

	for (i = 0; i < headers(o); i++) {
		if (!header(o, i, PT_LOAD, &ph) || !ph.p_filesz)
			continue;
		if (n < max)
			v[n++] = (struct load){ ph.p_vaddr, ph.p_offset,
						ph.p_filesz };
		cut = read_only_until(o, &ph);
		if (!cut || n == max)
			continue;
		v[n] = (struct load){ cut, ph.p_offset + (cut - ph.p_vaddr),
				      ph.p_vaddr + ph.p_filesz - cut };
		v[n - 1].size -= v[n].size;
		n++;
	}
	return n;
}

uint64_t object_id_at(const struct object *o)
{
	size_t i, off, next, name, desc;
	GElf_Phdr ph;
	GElf_Nhdr note;
	Elf_Data *d;

	for (i = 0; i < headers(o); i++) {
		if (!header(o, i, PT_NOTE, &ph))
			continue;
		d = elf_getdata_rawchunk(o->elf, (int64_t)ph.p_offset,
					 ph.p_filesz, ph.p_align == 8 ?
					 ELF_T_NHDR8 : ELF_T_NHDR);
		for (off = 0; d && (next = gelf_getnote(d, off, &note, &name,
							&desc)) > 0;
		     off = next)
			if (note.n_type == NT_GNU_BUILD_ID &&
			    note.n_descsz == o->id.len &&
			    !memcmp((char *)d->d_buf + desc, o->id.bytes,
				    o->id.len) &&
			    object_offset(o, ph.p_vaddr + desc))
				return ph.p_vaddr + desc;
	}
	return 0;
}

bool object_loaded_section(const struct object *o, size_t i, uint64_t *from,
			   uint64_t *to, const char **name)
{
	Elf_Scn *scn = elf_getscn(o->elf, i);
	size_t names;
	GElf_Shdr sh;

	if (!scn || !gelf_getshdr(scn, &sh) || !(sh.sh_flags & SHF_ALLOC) ||
	    sh.sh_flags & SHF_TLS || !sh.sh_addr || !sh.sh_size ||
	    elf_getshdrstrndx(o->elf, &names))
		return false;
	*name = elf_strptr(o->elf, names, sh.sh_name);
	*from = sh.sh_addr;
	*to = sh.sh_addr + sh.sh_size;
	return *name && **name && *to > *from;
}

/* --- what else it wants ----------------------------------------------------------- */

const char *object_dynamic(const struct object *o, int64_t tag, size_t which)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	GElf_Dyn dyn;
	Elf_Data *d;
	int i;

	while ((scn = elf_nextscn(o->elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_DYNAMIC)
			continue;
		d = elf_getdata(scn, NULL);
		for (i = 0; d && gelf_getdyn(d, i, &dyn) &&
			    dyn.d_tag != DT_NULL; i++)
			if (dyn.d_tag == tag && !which--)
				return elf_strptr(o->elf, sh.sh_link,
						  dyn.d_un.d_val);
	}
	return NULL;
}

static const char *interpreter(const struct object *o)
{
	struct bytes b;

	return object_section(o, ".interp", &b) && memchr(b.p, 0, b.n) ?
		(const char *)b.p : NULL;
}

const char *object_needed(const struct object *o, size_t i)
{
	const char *first = interpreter(o);

	if (!first)
		return object_dynamic(o, DT_NEEDED, i);
	return i ? object_dynamic(o, DT_NEEDED, i - 1) : first;
}

const char *object_runpath(const struct object *o)
{
	const char *path = object_dynamic(o, DT_RUNPATH, 0);

	return path ? path : object_dynamic(o, DT_RPATH, 0);
}
