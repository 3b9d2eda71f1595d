/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dwarf_in.h - what the files that use libdw share among themselves.
 */
#ifndef STB_DWARF_IN_H
#define STB_DWARF_IN_H

#include "facts.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

/* libdw's view of an open file, with its .gnu_debugaltlink; NULL: *why. */
Dwarf *dwarf_handle(struct arena *mem, const struct object *debug,
		    const char **why);

struct dwarf {			/* of one binary, opened when first asked */
	Dwarf *dw;
	Dwarf_CFI *cfi, *eh_cfi;
	struct type_slot *slots;	/* types by DIE */
	size_t nslots, cap;
	struct unit_rows *rows;		/* of line tables that were read */
	VEC(struct split) splits;
};
struct dwarf *dwarf_of(struct facts *f);
const struct split *dwarf_split_of(const struct dwarf *d, const Dwarf_CU *cu);
/* The DIE at an offset that the index tells. */
bool dwarf_die_at(struct facts *f, uint64_t off, Dwarf_Die *d);

bool split_die_at(struct facts *f, uint64_t off, Dwarf_Die *d);
/* The offset that tells a DIE: what dwarf_die_at() takes. */
uint64_t dwarf_die_offset(struct facts *f, Dwarf_Die *d);

/* A file's name as the index has it: relative to the folder of the unit's
   compilation, where it is in there. */
const char *dwarf_short_path(struct facts *f, Dwarf_Die *unit,
			     const char *path);
/* Is the folder of a compilation a relative one, which names then begin with? */
bool dwarf_keeps_folder(const char *dir);

/* Offsets of DIEs in the file that dwz shares among others have this bit. */
#define DIE_ALT (UINT64_C(1) << 63)

/*
 * Those in .dwo files (dwarf_split.c) have this one, the offset of the unit's
 * skeleton in bits 32 to 61, and in the others that in the .dwo file.
 */
#define DIE_SPLIT (UINT64_C(1) << 62)
/* The bits of a unit that stands for debuginfo elsewhere; its .dwo file's unit.
   0: it stands for none, or that is not there. */
uint64_t split_bits(Dwarf_CU *skeleton, Dwarf_Die *unit);
struct split {			/* a .dwo file that was asked for DIEs */
	Dwarf *dw;
	uint64_t bits;
	Dwarf_Die skeleton;
};

/*
 * dwarf_inline.c: where an instance is entered; where optimisation has taken
 * that place, the first code it has.
 */
bool dwarf_entry_of(Dwarf_Die *d, Dwarf_Addr *addr);

/* Peels typedefs and qualifiers; NULL: void. */
struct ctype *type_of_die(struct facts *f, Dwarf_Die *d);
/* The type that DW_AT_type of d names; void if it names none. */
struct ctype *type_of_attr(struct facts *f, Dwarf_Die *d);

/*
 * dwarf_inline.c, for the scan: an abstract function, false where one of its
 * name, file and line came before; the instances in a function's code.
 */
bool inline_abstract(struct ix_build *b, const struct ix_func *f);
/* bits: of offsets in the file that code is in. */
void inline_instances(struct ix_build *b, Dwarf_Die *code, uint64_t bits);

/*
 * dwarf_loc.c: the location of d (a variable with DW_AT_location) when the
 * program counter is pc; scope gives DW_OP_fbreg its meaning.
 */
struct loc dwarf_location(struct facts *f, Dwarf_Attribute *a,
			  Dwarf_Die *function, uint64_t pc, bool at_entry);

#endif
