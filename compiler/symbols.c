/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbols.c - ELF files: build-ids, sections, symbols, what is loaded where,
 * and the search for the file that holds a binary's DWARF.
 */
#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- opening -------------------------------------------------------------- */

bool same_id(const struct build_id *a, const struct build_id *b)
{
	return a->len == b->len && a->len &&
		!memcmp(a->bytes, b->bytes, a->len);
}

const char *id_text(struct arena *mem, const struct build_id *id)
{
	char *s = arena_alloc(mem, 2 * sizeof(id->bytes) + 1);
	unsigned i;

	for (i = 0; i < id->len; i++)
		sprintf(s + 2 * i, "%02x", id->bytes[i]);
	return id->len ? s : "none";
}

/* The GNU build-id among notes; other notes may stand before it. */
static bool find_id(Elf_Data *d, struct build_id *id)
{
	size_t off = 0, next, name, desc;
	GElf_Nhdr n;

	while ((next = gelf_getnote(d, off, &n, &name, &desc)) > 0) {
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 &&
		    !memcmp((char *)d->d_buf + name, "GNU", 4) &&
		    n.n_descsz && n.n_descsz <= sizeof(id->bytes)) {
			memcpy(id->bytes, (char *)d->d_buf + desc, n.n_descsz);
			id->len = (uint8_t)n.n_descsz;
			return true;
		}
		off = next;
	}
	return false;
}

static const char *section_name(Elf *elf, const GElf_Shdr *sh)
{
	size_t strings;
	const char *s;

	if (elf_getshdrstrndx(elf, &strings) < 0)
		return "";
	s = elf_strptr(elf, strings, sh->sh_name);
	return s ? s : "";
}

static void look_over(struct object *o)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	GElf_Chdr ch;
	const char *name;

	while ((scn = elf_nextscn(o->elf, scn))) {
		if (!gelf_getshdr(scn, &sh))
			continue;
		name = section_name(o->elf, &sh);
		if (sh.sh_type == SHT_NOTE && !o->id.len) {
			Elf_Data *d = elf_getdata(scn, NULL);

			if (d)
				find_id(d, &o->id);
		}
		if (sh.sh_type != SHT_NOBITS &&
		    (!strcmp(name, ".debug_info") ||
		     !strcmp(name, ".zdebug_info"))) {
			o->has_dwarf = true;
			if (sh.sh_flags & SHF_COMPRESSED &&
			    gelf_getchdr(scn, &ch))
				o->has_zstd = ch.ch_type != ELFCOMPRESS_ZLIB;
		}
		if (!strcmp(name, ".debug_addr"))
			o->has_pool = true;
	}
}

/* As depmod knows them: modules may be compressed as a whole. */
static bool is_packed(const char *path)
{
	static const char *const ends[] = { ".ko.xz", ".ko.gz", ".ko.zst" };
	size_t n = strlen(path), k, i;

	for (i = 0; i < COUNT_OF(ends); i++) {
		k = strlen(ends[i]);
		if (n > k && !strcmp(path + n - k, ends[i]))
			return true;
	}
	return false;
}

const char *object_open(struct arena *mem, const char *path, struct object *o)
{
	GElf_Ehdr eh;
	struct stat st;

	memset(o, 0, sizeof(*o));
	elf_version(EV_CURRENT);
	o->path = path;
	o->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (o->fd < 0 || fstat(o->fd, &st) < 0)
		return arena_strdup(mem, strerror(errno));
	o->size = (uint64_t)st.st_size;
	o->elf = is_packed(path) ? dwarf_unpack(o->fd) :
		elf_begin(o->fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	if (!o->elf || elf_kind(o->elf) != ELF_K_ELF ||
	    !gelf_getehdr(o->elf, &eh)) {
		object_close(o);
		return "not an ELF file";
	}
	if (eh.e_machine != EM_X86_64 ||
	    eh.e_ident[EI_CLASS] != ELFCLASS64) {
		object_close(o);
		return "not an x86-64 file";
	}
	look_over(o);
	return NULL;
}

void object_close(struct object *o)
{
	if (o->elf)
		elf_end(o->elf);
	if (o->fd >= 0)
		close(o->fd);
	o->elf = NULL;
	o->fd = -1;
}

bool object_is_fixed(const struct object *o)
{
	GElf_Ehdr eh;

	return gelf_getehdr(o->elf, &eh) && eh.e_type == ET_EXEC;
}

/* --- sections and addresses ----------------------------------------------- */

/* ".debug_x" also finds ".zdebug_x", the older way to compress. */
static bool is_named(const char *name, const char *want)
{
	return !strcmp(name, want) ||
		(!strncmp(name, ".zdebug", 7) && !strcmp(name + 2, want + 1));
}

bool object_section(const struct object *o, const char *name, struct bytes *b)
{
	Elf_Scn *scn = NULL;
	Elf_Data *d;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(o->elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS ||
		    !is_named(section_name(o->elf, &sh), name))
			continue;
		if (sh.sh_flags & SHF_COMPRESSED &&
		    elf_compress(scn, 0, 0) < 0)
			return false;
		d = elf_rawdata(scn, NULL);
		if (d && d->d_size > 12 && !memcmp(d->d_buf, "ZLIB", 4)) {
			if (elf_compress_gnu(scn, 0, 0) < 0)
				return false;
			d = elf_rawdata(scn, NULL);
		}
		if (!d || !d->d_buf || !d->d_size)
			return false;
		b->p = d->d_buf;
		b->n = d->d_size;
		b->addr = sh.sh_addr;
		return true;
	}
	return false;
}

bool object_read(const struct object *o, uint64_t addr, void *to, size_t n)
{
	uint64_t off;

	if (o->is_relocated)
		return object_read_section(o, addr, to, n);
	off = object_offset(o, addr);
	return off && off + n <= o->size &&
		pread(o->fd, to, n, (off_t)off) == (ssize_t)n;
}

uint64_t object_offset(const struct object *o, uint64_t addr)
{
	size_t i, n = 0;
	GElf_Phdr ph;

	elf_getphdrnum(o->elf, &n);
	for (i = 0; i < n; i++)
		if (gelf_getphdr(o->elf, (int)i, &ph) &&
		    ph.p_type == PT_LOAD && addr >= ph.p_vaddr &&
		    addr - ph.p_vaddr < ph.p_filesz)
			return addr - ph.p_vaddr + ph.p_offset;
	return 0;
}

void object_detach(struct object *o)
{
	if (o->elf && !elf_cntl(o->elf, ELF_C_FDDONE) && o->fd >= 0) {
		close(o->fd);
		o->fd = -1;
	}
}

static Elf_Scn *symbol_table(const struct object *o, GElf_Shdr *sh)
{
	Elf_Scn *scn = NULL, *dynamic = NULL;

	while ((scn = elf_nextscn(o->elf, scn))) {
		if (!gelf_getshdr(scn, sh))
			continue;
		if (sh->sh_type == SHT_SYMTAB)
			return scn;
		if (sh->sh_type == SHT_DYNSYM)
			dynamic = scn;
	}
	return dynamic ? gelf_getshdr(dynamic, sh) ? dynamic : NULL : NULL;
}

void object_symbols(const struct object *o,
		    void (*each)(void *arg, const struct symbol *s), void *arg)
{
	GElf_Shdr sh;
	Elf_Scn *scn = symbol_table(o, &sh);
	Elf_Data *d = scn ? elf_getdata(scn, NULL) : NULL;
	size_t i, n = d && sh.sh_entsize ? sh.sh_size / sh.sh_entsize : 0;
	bool is_rel = object_is_relocatable(o);
	uint64_t base;

	for (i = 1; i < n; i++) {
		struct symbol s = { 0 };
		GElf_Sym sym;
		int type;

		if (!gelf_getsym(d, (int)i, &sym) ||
		    sym.st_shndx == SHN_UNDEF)
			continue;
		type = GELF_ST_TYPE(sym.st_info);
		if (type != STT_FUNC && type != STT_OBJECT &&
		    type != STT_NOTYPE && type != STT_GNU_IFUNC)
			continue;
		s.name = elf_strptr(o->elf, sh.sh_link, sym.st_name);
		if (!s.name || !s.name[0])
			continue;
		s.addr = sym.st_value;
		if (is_rel) {
			base = object_symbol_base(o, sym.st_shndx);
			if (!base)
				continue;
			s.addr += base;
		}
		s.size = sym.st_size;
		s.is_func = type == STT_FUNC;
		s.is_global = GELF_ST_BIND(sym.st_info) != STB_LOCAL;
		s.is_weak = GELF_ST_BIND(sym.st_info) == STB_WEAK;
		s.section = sym.st_shndx < SHN_LORESERVE ? sym.st_shndx : 0;
		each(arg, &s);
	}
}

/* --- where the DWARF of a binary lies -------------------------------------- */

/* Is PATH the debug file of main? Tells in `looked` what it found. */
static bool fits(struct arena *mem, const struct object *main,
		 const char *path, struct text *looked, const char **refused)
{
	struct object o;
	const char *why;
	bool ok = false;

	text_printf(looked, "%s%s", looked->n ? ", " : "", path);
	if (access(path, F_OK) < 0)
		return false;
	why = object_open(mem, path, &o);
	if (why) {
		*refused = arena_printf(mem, "%s: %s", path, why);
		return false;
	}
	if (!same_id(&o.id, &main->id))
		*refused = arena_printf(mem, "%s has build-id %s, %s has %s",
					path, id_text(mem, &o.id), main->path,
					id_text(mem, &main->id));
	else if (!o.has_dwarf)
		*refused = arena_printf(mem, "%s holds no DWARF", path);
	else
		ok = true;
	object_close(&o);
	return ok;
}

static const char *by_id(struct arena *mem, const struct object *main,
			 const char *folder, struct text *looked,
			 const char **refused)
{
	const char *tree[] = {
		arena_printf(mem, "%s/.build-id", folder),
		arena_printf(mem, "%s/.debug/.build-id", folder),
		"/usr/lib/debug/.build-id",
	};
	const char *id = id_text(mem, &main->id), *path;
	size_t i;

	for (i = 0; i < COUNT_OF(tree) && main->id.len > 1; i++) {
		path = arena_printf(mem, "%s/%.2s/%s.debug", tree[i], id,
				    id + 2);
		if (fits(mem, main, path, looked, refused))
			return path;
	}
	return NULL;
}

static const char *by_link(struct arena *mem, const struct object *main,
			   const char *folder, struct text *looked,
			   const char **refused)
{
	static const char *const before[] = { "", "", "/usr/lib/debug" };
	static const char *const after[] = { "", "/.debug", "" };
	struct bytes b;
	const char *path, *link;
	size_t i;

	if (!object_section(main, ".gnu_debuglink", &b) ||
	    !memchr(b.p, 0, b.n))
		return NULL;
	link = (const char *)b.p;
	for (i = 0; i < COUNT_OF(before); i++) {
		path = arena_printf(mem, "%s%s%s/%s", before[i], folder,
				    after[i], link);
		if (strcmp(path, main->path) &&
		    fits(mem, main, path, looked, refused))
			return path;
	}
	return NULL;
}

const char *debug_find(struct arena *mem, const struct object *main,
		       const char *named, struct text *looked,
		       const char **refused)
{
	const char *slash, *folder, *path, *why = NULL;
	char *real;

	if (named) {
		if (fits(mem, main, named, looked, &why))
			return named;
		*refused = why ? why : arena_printf(mem, "%s: no such file",
						    named);
		return NULL;
	}
	text_puts(looked, main->path);
	if (main->has_dwarf)
		return main->path;
	real = realpath(main->path, NULL);
	path = real ? real : main->path;
	slash = strrchr(path, '/');
	folder = slash ? arena_strndup(mem, path, (size_t)(slash - path)) : ".";
	free(real);
	path = by_id(mem, main, folder, looked, &why);
	if (!path)
		path = by_link(mem, main, folder, looked, &why);
	if (!path && why)
		*refused = why;
	return path;
}
