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
};
struct dwarf *dwarf_of(struct facts *f);
/* The DIE at an offset that the index tells. */
bool dwarf_die_at(struct facts *f, uint64_t off, Dwarf_Die *d);

/* A file's name as the index has it: relative to the folder of the unit's
   compilation, where it is in there. */
const char *dwarf_short_path(Dwarf_Die *unit, const char *path);
/* Is the folder of a compilation a relative one, which names then begin with? */
bool dwarf_keeps_folder(const char *dir);

/* Offsets of DIEs in the file that dwz shares among others have this bit. */
#define DIE_ALT (UINT64_C(1) << 63)

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
void inline_instances(struct ix_build *b, Dwarf_Die *code);

/*
 * dwarf_loc.c: the location of d (a variable with DW_AT_location) when the
 * program counter is pc; scope gives DW_OP_fbreg its meaning.
 */
struct loc dwarf_location(struct facts *f, Dwarf_Attribute *a,
			  Dwarf_Die *function, uint64_t pc, bool at_entry);

#endif
