/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dwarf_spell.c - types as their declarations spell them, typedefs and all: what
 * a listing shows behind a variable's name.
 */
#include "facts.h"
#include "dwarf_in.h"

#include <string.h>

enum { MAX_DEEP = 32 };

/* struct variants of va_list have a name that no source can write. */
static const char *own_name(struct arena *mem, Dwarf_Die *d, const char *word)
{
	const char *name = dwarf_diename(d);

	return arena_printf(mem, "%s%s", word, name ? name : "{unknown}");
}

static bool is_va_list(Dwarf_Die *d)
{
	const char *name = dwarf_diename(d);

	return dwarf_tag(d) == DW_TAG_structure_type && name &&
		!strcmp(name, "__va_list_tag");
}

static const char *spell(struct arena *mem, Dwarf_Die *d, int depth)
{
	Dwarf_Attribute a;
	Dwarf_Die of;
	const char *inner = "void", *suffix = "";

	switch (dwarf_tag(d)) {
	case DW_TAG_structure_type: return own_name(mem, d, "struct ");
	case DW_TAG_class_type: return own_name(mem, d, "class ");
	case DW_TAG_union_type: return own_name(mem, d, "union ");
	case DW_TAG_enumeration_type: return own_name(mem, d, "enum ");
	case DW_TAG_pointer_type: suffix = "*"; break;
	case DW_TAG_reference_type: suffix = "&"; break;
	case DW_TAG_rvalue_reference_type: suffix = "&&"; break;
	case DW_TAG_array_type: suffix = "[]"; break;
	case DW_TAG_const_type: suffix = " const"; break;
	case DW_TAG_volatile_type: suffix = " volatile"; break;
	case DW_TAG_restrict_type: suffix = " restrict"; break;
	case DW_TAG_atomic_type: suffix = " _Atomic"; break;
	case DW_TAG_subroutine_type: suffix = "()"; break;
	default: return own_name(mem, d, "");
	}
	if (depth < MAX_DEEP &&
	    dwarf_formref_die(dwarf_attr(d, DW_AT_type, &a), &of)) {
		if (is_va_list(&of))
			return "va_list";
		inner = spell(mem, &of, depth + 1);
	}
	return arena_printf(mem, "%s%s", inner, suffix);
}

const char *dwarf_spell(struct facts *f, uint64_t type)
{
	Dwarf_Die d;

	return dwarf_die_at(f, type, &d) ? spell(target_mem(f->t), &d, 0) : "void";
}
