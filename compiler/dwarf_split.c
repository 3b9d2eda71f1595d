/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dwarf_split.c - debuginfo of gcc's and clang's -gsplit-dwarf. In: a unit that
 * is a skeleton: it has the addresses and lines, and says in which .dwo file the
 * rest is. Out: that file's unit, which libdw opens where the program's file is,
 * or where it was compiled, if the unit's number is the one wanted; and what the
 * offsets of DIEs there are that tell them from those of other files.
 */
#include "dwarf_in.h"

#include <string.h>
#include <unistd.h>

uint64_t split_bits(Dwarf_CU *skeleton, Dwarf_Die *unit)
{
	Dwarf_Die die;
	uint8_t type;

	if (dwarf_cu_info(skeleton, NULL, &type, &die, unit, NULL, NULL,
			  NULL) || type != DW_UT_skeleton || !unit->addr ||
	    dwarf_dieoffset(&die) >= UINT64_C(1) << 30)
		return 0;
	return DIE_SPLIT | dwarf_dieoffset(&die) << 32;
}

const struct split *dwarf_split_of(const struct dwarf *d, const Dwarf_CU *cu)
{
	Dwarf *dw = dwarf_cu_getdwarf((Dwarf_CU *)cu);
	size_t i;

	for (i = 0; i < d->splits.n; i++)
		if (d->splits.v[i].dw == dw)
			return &d->splits.v[i];
	return NULL;
}

bool split_die_at(struct facts *f, uint64_t off, Dwarf_Die *d)
{
	struct dwarf *all = dwarf_of(f);
	struct split s;
	Dwarf_Die unit;

	if (!dwarf_offdie(all->dw, off >> 32 & 0x3fffffff, &s.skeleton))
		return false;
	s.bits = split_bits(s.skeleton.cu, &unit);
	if (!s.bits)
		die("%s: a .dwo file of its units went away", f->bin->debug);
	s.dw = dwarf_cu_getdwarf(unit.cu);
	if (!dwarf_split_of(all, unit.cu))
		vec_push(target_mem(f->t), &all->splits, s);
	return dwarf_offdie(s.dw, (uint32_t)off, d);
}

/* Where a skeleton's .dwo file was when it was compiled. */
static const char *written_to(struct arena *mem, Dwarf_Die *skeleton)
{
	Dwarf_Attribute a;
	const char *name, *dir;

	name = dwarf_formstring(dwarf_attr(skeleton, DW_AT_dwo_name, &a));
	if (!name)
		name = dwarf_formstring(dwarf_attr(skeleton,
						   DW_AT_GNU_dwo_name, &a));
	dir = dwarf_formstring(dwarf_attr(skeleton, DW_AT_comp_dir, &a));
	if (!name)
		return "?";
	return name[0] == '/' || !dir ? arena_strdup(mem, name) :
		arena_printf(mem, "%s/%s", dir, name);
}

void dwarf_split_units(struct arena *mem, const struct object *debug,
		       struct split_units *out)
{
	const char *why;
	Dwarf *dw = dwarf_handle(mem, debug, &why);
	Dwarf_Die skeleton, unit;
	Dwarf_CU *cu = NULL;
	Dwarf_Half version;
	uint8_t type;

	memset(out, 0, sizeof(*out));
	out->package = arena_printf(mem, "%s.dwp", debug->path);
	if (access(out->package, F_OK))
		out->package = NULL;
	while (dw && !dwarf_get_units(dw, cu, &cu, &version, &type, &skeleton,
				      NULL)) {
		if (type != DW_UT_skeleton) {
			out->whole += type == DW_UT_compile;
			continue;
		}
		out->n++;
		if (split_bits(cu, &unit))
			continue;
		out->missing++;
		if (!out->first)
			out->first = written_to(mem, &skeleton);
	}
	if (dw)
		dwarf_end(dw);
}
