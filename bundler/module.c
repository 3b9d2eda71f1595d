/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * module.c - what a kernel module says of itself. In: a .ko. Out: its name, its
 * vermagic, what it was compiled by, the versions of the kernel's symbols that
 * it wants, and its bytes as they are.
 */
#include "bundler/bundle.h"

#include <errno.h>
#include <gelf.h>
#include <string.h>

/* struct modversion_info of 64-bit kernels */
struct modversion {
	uint64_t crc;
	char name[56];
};

struct reader {
	struct arena *mem;
	const char *file;
	Elf *elf;
	size_t names;		/* section of section names */
	struct module *out;
};

/* The section of that name; NULL: there is none. */
static Elf_Data *section(const struct reader *r, const char *name)
{
	Elf_Scn *s = NULL;
	const char *have;
	GElf_Shdr h;

	while ((s = elf_nextscn(r->elf, s))) {
		if (!gelf_getshdr(s, &h))
			continue;
		have = elf_strptr(r->elf, r->names, h.sh_name);
		if (have && !strcmp(have, name))
			return elf_getdata(s, NULL);
	}
	return NULL;
}

/* "KEY=" among NUL-terminated strings; "": it is not there. */
static const char *value_of(const struct reader *r, const Elf_Data *d,
			    const char *key)
{
	size_t at = 0, len, n = strlen(key);
	const char *s = d->d_buf;

	while (at < d->d_size) {
		len = strnlen(s + at, d->d_size - at);
		if (len > n && !memcmp(s + at, key, n) && s[at + n] == '=')
			return arena_strndup(r->mem, s + at + n + 1,
					     len - n - 1);
		at += len + 1;
	}
	return "";
}

static const char *compiler_of(const struct reader *r)
{
	const Elf_Data *d = section(r, ".comment");
	const char *s = d ? d->d_buf : "";
	size_t n = d ? d->d_size : 0;

	while (n && !*s)
		s++, n--;
	return arena_strndup(r->mem, s, strnlen(s, n));
}

static bool read_versions(struct reader *r)
{
	const Elf_Data *d = section(r, "__versions");
	struct modversion v;
	size_t i;

	for (i = 0; d && i + sizeof(v) <= d->d_size; i += sizeof(v)) {
		struct module_version row;

		memcpy(&v, (const char *)d->d_buf + i, sizeof(v));
		row.symbol = arena_strndup(r->mem, v.name,
					   strnlen(v.name, sizeof(v.name)));
		row.crc = (uint32_t)v.crc;
		vec_push(r->mem, &r->out->versions, row);
	}
	return !d || i == d->d_size ||
	       wrong(r->file, 0, "section __versions has no whole rows");
}

static bool read_elf(struct reader *r)
{
	const Elf_Data *info;

	if (!r->elf || elf_kind(r->elf) != ELF_K_ELF ||
	    elf_getshdrstrndx(r->elf, &r->names))
		return wrong(r->file, 0, "not a kernel module: %s",
			     elf_errmsg(-1));
	info = section(r, ".modinfo");
	if (!info || !section(r, ".gnu.linkonce.this_module"))
		return wrong(r->file, 0, "not a kernel module: no section "
			     ".modinfo, or none of the module itself");
	r->out->name = value_of(r, info, "name");
	r->out->vermagic = value_of(r, info, "vermagic");
	r->out->srcversion = value_of(r, info, "srcversion");
	r->out->compiler = compiler_of(r);
	return read_versions(r);
}

bool module_read(struct arena *mem, const char *file, struct module *out)
{
	struct reader r = { .mem = mem, .file = file, .out = out };
	bool ok;

	*out = (struct module){ .object = { .mem = mem } };
	out->object.s = read_file(mem, file, &out->object.n);
	if (!out->object.s)
		return wrong(file, 0, "%s", strerror(errno));
	elf_version(EV_CURRENT);
	r.elf = elf_memory(out->object.s, out->object.n);
	ok = read_elf(&r);
	elf_end(r.elf);
	return ok;
}
