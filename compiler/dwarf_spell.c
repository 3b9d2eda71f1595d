/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dwarf_spell.c - types as their declarations spell them, typedefs and all: what
 * a listing shows behind a variable's name.
 */
#include "facts.h"
#include "dwarf_in.h"

#include <string.h>

enum { MAX_DEEP = 32 };

static const char *own_name(struct arena *mem, Dwarf_Die *d, const char *word)
{
	const char *name = dwarf_diename(d);

	return arena_printf(mem, "%s%s", word, name ? name : "{unknown}");
}

/* gcc makes a struct of what sources call va_list. */
static bool is_va_list(Dwarf_Die *d)
{
	const char *name = dwarf_diename(d);

	return dwarf_tag(d) == DW_TAG_structure_type && name &&
		!strcmp(name, "__va_list_tag");
}

static const char *spell(struct arena *mem, Dwarf_Die *d, int depth);

/* DW_AT_type of d; NULL: void, or it is too deep. */
static Dwarf_Die *declared_type(Dwarf_Die *d, Dwarf_Die *of, int depth)
{
	Dwarf_Attribute a;

	return depth < MAX_DEEP ?
		dwarf_formref_die(dwarf_attr(d, DW_AT_type, &a), of) : NULL;
}

static const char *spell_type_of(struct arena *mem, Dwarf_Die *d, int depth)
{
	Dwarf_Die of;

	return declared_type(d, &of, depth) ? spell(mem, &of, depth + 1) : "void";
}

/* "int (*) (unsigned int, void*)"; inner is "*" here. */
static const char *spell_function(struct arena *mem, Dwarf_Die *d,
				  const char *inner, int depth)
{
	struct text t = { .mem = mem };
	bool any = false;
	Dwarf_Die c;
	int tag;

	text_printf(&t, "%s (%s) (", spell_type_of(mem, d, depth), inner);
	if (!dwarf_child(d, &c))
		do {
			tag = dwarf_tag(&c);
			if (tag != DW_TAG_formal_parameter &&
			    tag != DW_TAG_unspecified_parameters)
				continue;
			text_printf(&t, "%s%s", any ? ", " : "",
				    tag == DW_TAG_formal_parameter ?
				    spell_type_of(mem, &c, depth) : "...");
			any = true;
		} while (!dwarf_siblingof(&c, &c));
	text_puts(&t, any ? ")" : dwarf_hasattr(d, DW_AT_prototyped) ?
		  "void)" : ")");
	return t.s;
}

/* What points to functions is spelled around the stars. */
static const char *spell_pointer(struct arena *mem, Dwarf_Die *d, int depth)
{
	Dwarf_Die of = *d;
	struct text stars = { .mem = mem };
	int n = depth;

	do
		text_putc(&stars, '*');
	while (declared_type(&of, &of, n++) &&
	       dwarf_tag(&of) == DW_TAG_pointer_type);
	if (n <= MAX_DEEP && dwarf_tag(&of) == DW_TAG_subroutine_type)
		return spell_function(mem, &of, stars.s, n);
	return arena_printf(mem, "%s*", spell_type_of(mem, d, depth));
}

static const char *spell(struct arena *mem, Dwarf_Die *d, int depth)
{
	const char *suffix;
	Dwarf_Die of;

	switch (dwarf_tag(d)) {
	case DW_TAG_structure_type: return own_name(mem, d, "struct ");
	case DW_TAG_class_type: return own_name(mem, d, "class ");
	case DW_TAG_union_type: return own_name(mem, d, "union ");
	case DW_TAG_enumeration_type: return own_name(mem, d, "enum ");
	case DW_TAG_subroutine_type:
		return spell_function(mem, d, "", depth);
	case DW_TAG_pointer_type:
		if (declared_type(d, &of, depth) && is_va_list(&of))
			return "va_list";
		return spell_pointer(mem, d, depth);
	case DW_TAG_reference_type: suffix = "&"; break;
	case DW_TAG_rvalue_reference_type: suffix = "&&"; break;
	case DW_TAG_array_type: suffix = "[]"; break;
	case DW_TAG_const_type: suffix = " const"; break;
	case DW_TAG_volatile_type: suffix = " volatile"; break;
	case DW_TAG_restrict_type: suffix = " restrict"; break;
	case DW_TAG_atomic_type: suffix = " _Atomic"; break;
	default: return own_name(mem, d, "");
	}
	return arena_printf(mem, "%s%s", spell_type_of(mem, d, depth), suffix);
}

const char *dwarf_spell(struct facts *f, uint64_t type)
{
	Dwarf_Die d;

	return dwarf_die_at(f, type, &d) ? spell(target_mem(f->t), &d, 0) : "void";
}
