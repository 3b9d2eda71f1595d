/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elf.c - flattens what `clang -target bpf` wrote, so that the loader needs to
 * know nothing of ELF.
 *
 * In: a relocatable object. Out (struct code): instructions with every call and
 * callback resolved, and the few relocations that only the loader can fill in.
 * An ld_imm64 with a relocation carries BPF_PSEUDO_MAP_FD or
 * BPF_PSEUDO_MAP_VALUE with the addend in its second half, as the kernel wants
 * it; only the map's fd is missing.
 *
 *	object                          struct code
 *	+-------+  p/h0: function h0    +----+-------+----+  insns of program h0:
 *	| p/h0  |------------+--------->| h0 | sub   | cb |  the function, then
 *	+-------+            |          +----+-------+----+  what it reaches
 *	| .text | sub cb ... +
 *	+-------+                       section "globals" -> globals
 *	| data  |---------------------> .rodata*          -> rodata, one after
 *	+-------+                                            the other
 */
#include "bundler/bundle.h"

#include <errno.h>
#include <gelf.h>
#include <inttypes.h>
#include <libelf.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

/* Debian's elf.h has these by other names. */
enum { REL_LD_IMM64 = 1, REL_CALL = 10 };
enum { LD_IMM64 = BPF_LD | BPF_IMM | BPF_DW, CALL = BPF_JMP | BPF_CALL };
#define NOWHERE UINT32_MAX

struct section {
	const char *name;
	GElf_Shdr h;
	const uint8_t *data;	/* NULL: none, or all zero */
	size_t size;
	uint32_t rodata_at;	/* in code.rodata */
	const GElf_Rel **rels;	/* by instruction; NULL: no relocations */
	bool is_rodata, is_globals;
};

struct func {
	const char *name;
	uint32_t section;
	uint32_t first, count;	/* instructions of the section */
	uint32_t type;		/* BTF id of its FUNC, 0: unknown */
	uint32_t base;		/* where it was put, NOWHERE: not yet */
};

struct object {
	struct arena *mem;
	const char *path;
	Elf *elf;
	struct section *sections;
	size_t nsections;
	const GElf_Sym *syms;
	size_t nsyms, symtab;
	VEC(struct func) funcs;
	struct code *out;
};

/* Where an instruction points to. */
struct ref {
	enum { REF_NONE, REF_FUNC, REF_MAP, REF_VALUE } kind;
	uint32_t target;	/* function, or map id */
	uint32_t addend;
};

/* --- reading ----------------------------------------------------------------- */

static const char *sym_name(struct object *o, const GElf_Sym *sym)
{
	const char *s = NULL;

	if (GELF_ST_TYPE(sym->st_info) == STT_SECTION &&
	    sym->st_shndx < o->nsections)
		return o->sections[sym->st_shndx].name;
	if (o->sections[o->symtab].h.sh_link < o->nsections)
		s = elf_strptr(o->elf, o->sections[o->symtab].h.sh_link,
			       sym->st_name);
	return s ? s : "?";
}

static bool read_sections(struct object *o)
{
	size_t names;

	if (elf_getshdrnum(o->elf, &o->nsections) ||
	    elf_getshdrstrndx(o->elf, &names))
		return wrong(o->path, 0, "%s", elf_errmsg(-1));
	o->sections = NEW_ARRAY(o->mem, struct section, o->nsections + 1);
	for (size_t i = 1; i < o->nsections; i++) {
		struct section *s = &o->sections[i];
		Elf_Scn *scn = elf_getscn(o->elf, i);
		Elf_Data *d = NULL;

		if (!scn || !gelf_getshdr(scn, &s->h) ||
		    !(s->name = elf_strptr(o->elf, names, s->h.sh_name)))
			return wrong(o->path, 0, "%s", elf_errmsg(-1));
		s->size = s->h.sh_size;
		if (s->h.sh_type != SHT_NOBITS &&
		    !(d = elf_getdata(scn, NULL)))
			return wrong(o->path, 0, "section %s: %s", s->name,
				     elf_errmsg(-1));
		s->data = d && d->d_buf ? d->d_buf : NULL;
		if (s->data)
			s->size = d->d_size;
		s->is_globals = !strcmp(s->name, "globals");
		s->is_rodata = !strcmp(s->name, ".rodata") ||
			       !strncmp(s->name, ".rodata.", 8);
		if (s->h.sh_type == SHT_SYMTAB)
			o->symtab = i;
	}
	return true;
}

static bool read_symbols(struct object *o)
{
	const struct section *s = &o->sections[o->symtab];

	if (!o->symtab || !s->data || s->h.sh_entsize != sizeof(GElf_Sym))
		return wrong(o->path, 0, "no symbols");
	o->syms = (const void *)s->data;	/* ELF64, this byte order */
	o->nsyms = s->size / sizeof(GElf_Sym);
	return true;
}

static bool is_code(const struct section *s)
{
	return s->h.sh_type == SHT_PROGBITS &&
	       (s->h.sh_flags & SHF_EXECINSTR) && s->data;
}

static bool read_functions(struct object *o)
{
	for (size_t i = 0; i < o->nsyms; i++) {
		const GElf_Sym *sym = &o->syms[i];
		const struct section *s;

		if (GELF_ST_TYPE(sym->st_info) != STT_FUNC ||
		    sym->st_shndx >= o->nsections ||
		    !is_code(&o->sections[sym->st_shndx]))
			continue;
		s = &o->sections[sym->st_shndx];
		if (sym->st_value % 8 || sym->st_size % 8 || !sym->st_size ||
		    sym->st_value > s->size ||
		    sym->st_size > s->size - sym->st_value)
			return wrong(o->path, 0, "function %s lies outside of "
				     "its section", sym_name(o, sym));
		vec_push(o->mem, &o->funcs, ((struct func){
			.name = sym_name(o, sym),
			.section = sym->st_shndx,
			.first = (uint32_t)(sym->st_value / 8),
			.count = (uint32_t)(sym->st_size / 8),
			.base = NOWHERE,
		}));
	}
	return true;
}

/* Files the relocations of code by the instruction that they are for. */
static bool read_relocs(struct object *o)
{
	for (size_t i = 1; i < o->nsections; i++) {
		const struct section *r = &o->sections[i];
		const GElf_Rel *rel = (const void *)r->data;
		struct section *s;

		if ((r->h.sh_type != SHT_REL && r->h.sh_type != SHT_RELA) ||
		    r->h.sh_info >= o->nsections)
			continue;
		s = &o->sections[r->h.sh_info];
		if (s->is_globals || s->is_rodata)
			return wrong(o->path, 0, "section %s holds a pointer: "
				     "there are none in data", s->name);
		if (!is_code(s))
			continue;	/* debuginfo's, BTF's */
		if (r->h.sh_type != SHT_REL)
			return wrong(o->path, 0, "section %s: relocations "
				     "with addends are not BPF's", r->name);
		s->rels = NEW_ARRAY(o->mem, const GElf_Rel *, s->size / 8);
		for (size_t n = r->size / sizeof(*rel); n; n--, rel++) {
			if (rel->r_offset % 8 || rel->r_offset >= s->size ||
			    GELF_R_SYM(rel->r_info) >= o->nsyms)
				return wrong(o->path, 0, "section %s: damaged "
					     "relocation", r->name);
			s->rels[rel->r_offset / 8] = rel;
		}
	}
	return true;
}

/* Writable data has one place, and that is section "globals". */
static bool read_data(struct object *o)
{
	struct text *ro = &o->out->rodata;

	for (size_t i = 1; i < o->nsections; i++) {
		struct section *s = &o->sections[i];

		if (!(s->h.sh_flags & SHF_ALLOC) || !s->size)
			continue;
		if (s->is_globals && s->data) {
			text_add(&o->out->globals, (const char *)s->data,
				 s->size);
		} else if (s->is_globals) {
			for (size_t n = s->size; n; n--)
				text_putc(&o->out->globals, 0);
		} else if (s->is_rodata && s->data) {
			while (ro->n % 16)
				text_putc(ro, 0);
			s->rodata_at = (uint32_t)ro->n;
			text_add(ro, (const char *)s->data, s->size);
		}
	}
	return true;
}

static void found_type(void *arg, const char *section, uint32_t offset,
		       uint32_t type)
{
	struct object *o = arg;

	for (size_t i = 0; i < o->funcs.n; i++) {
		struct func *f = &o->funcs.v[i];

		if (f->first * 8 == offset &&
		    !strcmp(o->sections[f->section].name, section))
			f->type = type;
	}
}

static const struct section *section_named(const struct object *o,
					   const char *name)
{
	for (size_t i = 1; i < o->nsections; i++)
		if (!strcmp(o->sections[i].name, name) && o->sections[i].data)
			return &o->sections[i];
	return NULL;
}

static bool read_types(struct object *o)
{
	const struct section *btf = section_named(o, ".BTF");
	const struct section *ext = section_named(o, ".BTF.ext");

	if (!btf || !ext)
		return true;	/* complained about where it matters */
	return btf_func_info(o->path, btf->data, btf->size, ext->data,
			     ext->size, found_type, o);
}

static bool read_object(struct object *o)
{
	GElf_Ehdr h;
	size_t size;
	char *image = read_file(o->mem, o->path, &size);

	if (!image)
		return wrong(o->path, 0, "%s", strerror(errno));
	elf_version(EV_CURRENT);
	o->elf = elf_memory(image, size);
	if (!o->elf || !gelf_getehdr(o->elf, &h))
		return wrong(o->path, 0, "not an ELF object: %s",
			     elf_errmsg(-1));
	if (h.e_machine != EM_BPF || h.e_type != ET_REL ||
	    h.e_ident[EI_CLASS] != ELFCLASS64 ||
	    h.e_ident[EI_DATA] != ELFDATA2LSB)
		return wrong(o->path, 0, "not an object of `clang -target "
			     "bpf`, little-endian");
	return read_sections(o) && read_symbols(o) && read_functions(o) &&
	       read_relocs(o) && read_data(o);
}

/* --- what points where ---------------------------------------------------------- */

static struct bpf_insn insn_at(const struct object *o, const struct func *f,
			       uint32_t i)
{
	struct bpf_insn insn;

	memcpy(&insn, o->sections[f->section].data +
	       ((size_t)f->first + i) * 8, sizeof(insn));
	return insn;
}

static bool at_insn(const struct object *o, const struct func *f, uint32_t i,
		    const char *what)
{
	return wrong(o->path, 0, "function %s, instruction %u: %s", f->name, i,
		     what);
}

static bool ref_func(const struct object *o, const struct func *f, uint32_t i,
		     size_t section, int64_t insn, struct ref *ref)
{
	for (size_t n = 0; n < o->funcs.n; n++)
		if (o->funcs.v[n].section == section &&
		    o->funcs.v[n].first == insn) {
			ref->kind = REF_FUNC;
			ref->target = (uint32_t)n;
			return true;
		}
	return at_insn(o, f, i, "there is no function where this leads");
}

/* "map_7": 7 */
static bool map_number(const char *name, uint32_t *id)
{
	unsigned long n;
	char *end;

	if (strncmp(name, "map_", 4) || name[4] < '0' || name[4] > '9')
		return false;
	errno = 0;
	n = strtoul(name + 4, &end, 10);
	*id = (uint32_t)n;
	return !*end && !errno && n < STB_MAP_ID_GLOBALS;
}

static bool ref_data(struct object *o, const struct func *f, uint32_t i,
		     const GElf_Sym *sym, int64_t off, struct ref *ref)
{
	const struct section *s;
	int64_t addend;

	if (sym->st_shndx == SHN_UNDEF) {
		if (off || !map_number(sym_name(o, sym), &ref->target))
			return wrong(o->path, 0, "function %s: %s is not "
				     "defined", f->name, sym_name(o, sym));
		ref->kind = REF_MAP;
		return true;
	}
	if (sym->st_shndx >= o->nsections)
		return at_insn(o, f, i, "a symbol without a section");
	s = &o->sections[sym->st_shndx];
	off += (int64_t)sym->st_value;
	if (is_code(s))
		return off % 8 ? at_insn(o, f, i, "no function") :
			ref_func(o, f, i, sym->st_shndx, off / 8, ref);
	if (!s->is_globals && !s->is_rodata)
		return wrong(o->path, 0, "function %s uses %s in section %s: "
			     "data lies in section globals or is read-only",
			     f->name, sym_name(o, sym), s->name);
	addend = off + s->rodata_at;
	if (off < 0 || off > (int64_t)s->size || addend > INT32_MAX)
		return at_insn(o, f, i, "address outside of its section");
	ref->kind = REF_VALUE;
	ref->target = s->is_globals ? STB_MAP_ID_GLOBALS : STB_MAP_ID_RODATA;
	ref->addend = (uint32_t)addend;
	return true;
}

static bool ref_call(struct object *o, const struct func *f, uint32_t i,
		     const GElf_Sym *sym, struct bpf_insn insn,
		     struct ref *ref)
{
	if (!sym && !insn.src_reg)
		return true;	/* a helper, by number */
	if (!sym && insn.src_reg == BPF_PSEUDO_CALL)
		return ref_func(o, f, i, f->section,
				(int64_t)f->first + i + insn.imm + 1, ref);
	if (!sym)
		return at_insn(o, f, i, "a call of a kind not known here");
	if (sym->st_shndx == SHN_UNDEF)
		return wrong(o->path, 0, "function %s calls %s, which is not "
			     "defined", f->name, sym_name(o, sym));
	return ref_func(o, f, i, sym->st_shndx,
			(int64_t)(sym->st_value / 8) + insn.imm + 1, ref);
}

/* What instruction i of f refers to. */
static bool resolve(struct object *o, const struct func *f, uint32_t i,
		    struct ref *ref)
{
	const struct section *s = &o->sections[f->section];
	const GElf_Rel *rel = s->rels ? s->rels[f->first + i] : NULL;
	const GElf_Sym *sym = rel ? &o->syms[GELF_R_SYM(rel->r_info)] : NULL;
	uint32_t type = rel ? (uint32_t)GELF_R_TYPE(rel->r_info) : 0;
	struct bpf_insn insn = insn_at(o, f, i);

	*ref = (struct ref){ .kind = REF_NONE };
	if (insn.code == CALL && (!rel || type == REL_CALL))
		return ref_call(o, f, i, sym, insn, ref);
	if (insn.code == LD_IMM64 && i + 1 >= f->count)
		return at_insn(o, f, i, "half an instruction");
	if (!rel)
		return true;
	if (insn.code == LD_IMM64 && type == REL_LD_IMM64)
		return ref_data(o, f, i, sym, insn.imm, ref);
	return at_insn(o, f, i, "relocation of a kind not known here");
}

/* --- laying out ------------------------------------------------------------------ */

typedef VEC(uint32_t) func_list;

/* Puts f behind what is there already; `total` instructions so far. */
static void place(struct object *o, func_list *list, uint32_t f,
		  uint32_t *total)
{
	if (o->funcs.v[f].base != NOWHERE)
		return;
	o->funcs.v[f].base = *total;
	*total += o->funcs.v[f].count;
	vec_push(o->mem, list, f);
}

/* ld_imm64 takes two places; the second is never looked at on its own. */
static uint32_t insn_width(struct bpf_insn insn)
{
	return insn.code == LD_IMM64 ? 2 : 1;
}

/* Adds to the list all that is reached from those already in it. */
static bool place_reached(struct object *o, func_list *list, uint32_t *total)
{
	for (size_t n = 0; n < list->n; n++) {
		struct func *f = &o->funcs.v[list->v[n]];
		struct ref ref;

		for (uint32_t i = 0; i < f->count;
		     i += insn_width(insn_at(o, f, i))) {
			if (!resolve(o, f, i, &ref))
				return false;
			if (ref.kind == REF_FUNC)
				place(o, list, ref.target, total);
		}
	}
	return true;
}

static void put_insn(struct object *o, struct bpf_insn insn)
{
	uint64_t word;

	memcpy(&word, &insn, sizeof(word));
	vec_push(o->mem, &o->out->insns, word);
}

/* Writes instruction i of f, which refers to ref. */
static void put_ref(struct object *o, const struct func *f, uint32_t i,
		    struct bpf_insn insn, const struct ref *ref)
{
	uint32_t here = f->base + i;
	bool wide = insn.code == LD_IMM64;
	struct bpf_insn high = wide ? insn_at(o, f, i + 1) :
		(struct bpf_insn){ 0 };

	switch (ref->kind) {
	case REF_NONE:
		break;
	case REF_FUNC:
		insn.src_reg = wide ? BPF_PSEUDO_FUNC : BPF_PSEUDO_CALL;
		insn.imm = (int32_t)(o->funcs.v[ref->target].base - here - 1);
		high.imm = 0;
		break;
	case REF_MAP:
	case REF_VALUE:
		insn.src_reg = ref->kind == REF_MAP ?
			BPF_PSEUDO_MAP_FD : BPF_PSEUDO_MAP_VALUE;
		insn.imm = 0;
		high.imm = (int32_t)ref->addend;
		vec_push(o->mem, &o->out->relocs, ((struct stb_reloc){
			.insn = here,
			.kind = ref->kind == REF_MAP ?
				STB_REL_MAP : STB_REL_MAP_VALUE,
			.target = ref->target,
			.addend = ref->addend,
		}));
		break;
	}
	put_insn(o, insn);
	if (wide)
		put_insn(o, high);
}

static bool put_function(struct object *o, const struct func *f)
{
	struct ref ref;

	for (uint32_t i = 0; i < f->count;) {
		struct bpf_insn insn = insn_at(o, f, i);

		if (!resolve(o, f, i, &ref))
			return false;
		put_ref(o, f, i, insn, &ref);
		i += insn_width(insn);
	}
	return true;
}

static bool find_root(struct object *o, const char *name, uint32_t *root)
{
	size_t found = 0;

	for (uint32_t i = 0; i < o->funcs.n; i++)
		if (!strcmp(o->funcs.v[i].name, name)) {
			*root = i;
			return true;
		}
	for (uint32_t i = 0; i < o->funcs.n; i++)
		if (!strcmp(o->sections[o->funcs.v[i].section].name, name)) {
			*root = i;
			found++;
		}
	if (!found)
		return wrong(o->path, 0, "no function %s", name);
	return found == 1 ||
	       wrong(o->path, 0, "no function %s, and more than one in the "
		     "section of that name", name);
}

/* Lays out roots[n] and all that they reach as one range of instructions,
   numbered from its start. */
static bool put_range(struct object *o, const uint32_t *roots, size_t n,
		      struct code_prog *p)
{
	struct code *c = o->out;
	func_list list = { 0 };
	uint32_t total = 0;

	for (size_t i = 0; i < o->funcs.n; i++)
		o->funcs.v[i].base = NOWHERE;
	for (size_t i = 0; i < n; i++)
		place(o, &list, roots[i], &total);
	if (!place_reached(o, &list, &total))
		return false;
	*p = (struct code_prog){
		.insn_first = (uint32_t)c->insns.n, .insn_count = total,
		.reloc_first = (uint32_t)c->relocs.n,
		.func_first = (uint32_t)c->funcs.n,
	};
	for (size_t i = 0; i < list.n; i++) {
		const struct func *f = &o->funcs.v[list.v[i]];

		if (!put_function(o, f))
			return false;
		vec_push(o->mem, &c->funcs, ((struct stb_func_info){
			.insn = f->base, .type_id = f->type,
		}));
	}
	p->reloc_count = (uint32_t)c->relocs.n - p->reloc_first;
	p->func_count = (uint32_t)c->funcs.n - p->func_first;
	return true;
}

/* Functions have types or none has: a kernel takes nothing in between. */
static bool put_types(struct object *o)
{
	const struct section *btf = section_named(o, ".BTF");
	struct code *c = o->out;
	uint32_t *ids = NEW_ARRAY(o->mem, uint32_t, c->funcs.n + 1);

	for (size_t i = 0; i < c->funcs.n; i++) {
		ids[i] = c->funcs.v[i].type_id;
		if (!btf || !ids[i])
			return wrong(o->path, 0, "a function without a type: "
				     "compile with -g");
	}
	if (!c->funcs.n)
		return true;
	if (!btf_keep(o->mem, o->path, btf->data, btf->size, ids, c->funcs.n,
		      &c->btf))
		return false;
	for (size_t i = 0; i < c->funcs.n; i++)
		c->funcs.v[i].type_id = ids[i];
	return true;
}

static void start(struct object *o, struct arena *mem, const char *path,
		  struct code *out)
{
	*out = (struct code){
		.rodata.mem = mem, .globals.mem = mem, .btf.mem = mem,
	};
	*o = (struct object){ .mem = mem, .path = path, .out = out };
}

bool flatten_progs(struct arena *mem, const char *path,
		   const char *const *names, size_t n, struct code *out)
{
	struct object o;
	bool ok;

	start(&o, mem, path, out);
	ok = read_object(&o) && read_types(&o);
	for (size_t i = 0; ok && i < n; i++) {
		struct code_prog p;
		uint32_t root;

		ok = find_root(&o, names[i], &root) &&
		     put_range(&o, &root, 1, &p);
		if (ok)
			vec_push(mem, &out->progs, p);
	}
	ok = ok && put_types(&o);
	elf_end(o.elf);
	return ok;
}

bool flatten_handlers(struct arena *mem, const char *path,
		      const char *const *names, size_t n, struct code *out)
{
	uint32_t *roots = NEW_ARRAY(mem, uint32_t, n + 1);
	struct code_prog all;
	struct object o;
	bool ok;

	start(&o, mem, path, out);
	ok = read_object(&o);
	for (size_t i = 0; ok && i < n; i++)
		ok = find_root(&o, names[i], &roots[i]);
	ok = ok && put_range(&o, roots, n, &all);
	for (size_t i = 0; ok && i < n; i++)
		vec_push(mem, &out->progs, ((struct code_prog){
			.insn_first = o.funcs.v[roots[i]].base,
			.insn_count = o.funcs.v[roots[i]].count,
		}));
	for (size_t i = 0; ok && i < out->relocs.n; i++)
		if (out->relocs.v[i].kind == STB_REL_MAP)
			ok = wrong(path, 0, "map_%u: handlers that the loader "
				   "runs name maps by number",
				   out->relocs.v[i].target);
	out->funcs.n = 0;
	elf_end(o.elf);
	return ok;
}
