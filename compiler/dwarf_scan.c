/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dwarf_scan.c - one walk over the outermost DIEs of every unit, for the
 * index: functions, the first definition of each named type, enumerators,
 * global variables. Blocks, locals and members are never looked at.
 *
 * Line number programs are not run: only the table of file names at their
 * start is read, by hand, for "declared in".
 */
#include "facts.h"
#include "dwarf_in.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

/* --- bytes from outside: an error sticks, checked once ---------------------- */

struct cursor {
	const uint8_t *p, *end;
	bool bad;
};

static uint64_t take(struct cursor *c, size_t n)
{
	uint64_t v = 0;

	if ((size_t)(c->end - c->p) < n) {
		c->bad = true;
		c->p = c->end;
		return 0;
	}
	memcpy(&v, c->p, n);
	c->p += n;
	return v;
}

static uint64_t take_leb(struct cursor *c)
{
	uint64_t v = 0, b;
	unsigned shift = 0;

	do {
		b = take(c, 1);
		if (shift < 64)
			v |= (b & 0x7f) << shift;
		shift += 7;
	} while (b & 0x80);
	return v;
}

static const char *take_text(struct cursor *c)
{
	const char *s = (const char *)c->p;
	const uint8_t *nul = memchr(c->p, 0, (size_t)(c->end - c->p));

	if (!nul) {
		c->bad = true;
		c->p = c->end;
		return "";
	}
	c->p = nul + 1;
	return s;
}

static const char *text_at(const struct bytes *b, uint64_t off)
{
	if (off >= b->n || !memchr(b->p + off, 0, b->n - off))
		return "";
	return (const char *)b->p + off;
}

/* --- file names of a unit --------------------------------------------------- */

struct name_entry {
	const char *name;
	uint64_t dir;
	uint32_t path;		/* in the index; 0: not made yet */
};

struct scan {
	struct ix_build *b;
	Dwarf *dw;
	uint64_t bits;		/* of offsets in this file (dwarf_in.h) */
	struct scan *alt;	/* that file's, of the main one; or NULL */
	struct bytes line, line_str, str;
	/* of the unit at hand */
	Dwarf_CU *cu;
	const char *comp_dir;
	VEC(struct name_entry) dirs, files;
	bool from_zero;		/* DWARF 5 counts files from 0 */
	struct seen_set *seen;
};

/* One value of a DWARF 5 entry: text in *s or a number in *n. */
static void take_form(struct scan *s, struct cursor *c, uint64_t form,
		      unsigned osize, const char **text, uint64_t *n)
{
	switch (form) {
	case DW_FORM_string: *text = take_text(c); break;
	case DW_FORM_line_strp:
		*text = text_at(&s->line_str, take(c, osize));
		break;
	case DW_FORM_strp: *text = text_at(&s->str, take(c, osize)); break;
	case DW_FORM_udata: *n = take_leb(c); break;
	case DW_FORM_data1: *n = take(c, 1); break;
	case DW_FORM_data2: *n = take(c, 2); break;
	case DW_FORM_data4: *n = take(c, 4); break;
	case DW_FORM_data8: *n = take(c, 8); break;
	case DW_FORM_data16: take(c, 8); take(c, 8); break;
	default: c->bad = true;
	}
}

static void take_entries(struct scan *s, struct cursor *c, unsigned osize,
			 bool is_files)
{
	uint64_t format[8][2], count, i;
	unsigned nformat = (unsigned)take(c, 1), f;

	if (nformat > COUNT_OF(format)) {
		c->bad = true;
		return;
	}
	for (f = 0; f < nformat; f++) {
		format[f][0] = take_leb(c);
		format[f][1] = take_leb(c);
	}
	count = take_leb(c);
	for (i = 0; i < count && !c->bad; i++) {
		struct name_entry e = { .name = "" };

		for (f = 0; f < nformat; f++) {
			const char *text = NULL;
			uint64_t n = 0;

			take_form(s, c, format[f][1], osize, &text, &n);
			if (format[f][0] == DW_LNCT_path && text)
				e.name = text;
			if (format[f][0] == DW_LNCT_directory_index)
				e.dir = n;
		}
		if (is_files)
			vec_push(&s->b->mem, &s->files, e);
		else
			vec_push(&s->b->mem, &s->dirs, e);
	}
}

/* DWARF 2 to 4: lists ended by an empty name; both count from 1. */
static void take_old(struct scan *s, struct cursor *c)
{
	struct name_entry e = { .name = s->comp_dir };
	const char *name;

	vec_push(&s->b->mem, &s->dirs, e);
	while (*(name = take_text(c))) {
		e = (struct name_entry){ .name = name };
		vec_push(&s->b->mem, &s->dirs, e);
	}
	while (!c->bad && *(name = take_text(c))) {
		e = (struct name_entry){ .name = name };
		e.dir = take_leb(c);
		take_leb(c);
		take_leb(c);
		vec_push(&s->b->mem, &s->files, e);
	}
}

static void read_names(struct scan *s, uint64_t off)
{
	struct cursor c;
	uint64_t len;
	unsigned osize = 4, version;

	s->files.n = s->dirs.n = 0;
	if (off >= s->line.n)
		return;
	c = (struct cursor){ s->line.p + off, s->line.p + s->line.n, false };
	len = take(&c, 4);
	if (len == 0xffffffff) {
		osize = 8;
		len = take(&c, 8);
	}
	if (len < (uint64_t)(c.end - c.p))
		c.end = c.p + len;
	version = (unsigned)take(&c, 2);
	s->from_zero = version >= 5;
	if (version >= 5)
		take(&c, 2);		/* address and segment size */
	take(&c, osize);		/* header length */
	take(&c, version >= 4 ? 5 : 4);
	len = take(&c, 1);		/* opcode base */
	while (len-- > 1)
		take(&c, 1);
	if (version >= 5) {
		take_entries(s, &c, osize, false);
		take_entries(s, &c, osize, true);
	} else {
		take_old(s, &c);
	}
}

/* "fs/read_write.c": relative to where it was compiled, where it is. */
static uint32_t path_of(struct scan *s, uint64_t n)
{
	const char *dir = "", *path, *d = s->comp_dir;
	struct name_entry *e;
	size_t len = strlen(d);

	if (!s->from_zero)
		n--;
	if (n >= s->files.n)
		return 0;
	e = &s->files.v[n];
	if (e->path)
		return e->path;
	if (e->dir && e->dir < s->dirs.n)
		dir = s->dirs.v[e->dir].name;
	else if (dwarf_keeps_folder(d))
		dir = d;
	path = e->name;
	if (*dir && path[0] != '/')
		path = arena_printf(&s->b->mem, "%s/%s", dir, path);
	if (dwarf_keeps_folder(d))
		return e->path = ix_string(s->b, path);
	if (len && !strncmp(path, d, len) && path[len] == '/')
		path += len + 1;
	while (!strncmp(path, "./", 2))
		path += 2;
	return e->path = ix_string(s->b, path);
}

static void enter_unit(struct scan *s, Dwarf_Die *unit)
{
	Dwarf_Attribute a;
	Dwarf_Word off = UINT64_MAX;

	s->cu = unit->cu;
	s->comp_dir = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &a));
	if (!s->comp_dir)
		s->comp_dir = "";
	if (!dwarf_attr(unit, DW_AT_stmt_list, &a) ||
	    dwarf_formudata(&a, &off))
		off = UINT64_MAX;
	read_names(s, off);
}

/* DW_AT_decl_file, of this DIE or the one it completes. */
static uint32_t declared_in(struct scan *s, Dwarf_Die *d)
{
	Dwarf_CU *cu = s->cu;
	struct scan *of = s;
	Dwarf_Attribute a;
	Dwarf_Word n;
	Dwarf_Die unit;
	uint32_t path;

	if (!dwarf_attr_integrate(d, DW_AT_decl_file, &a) ||
	    dwarf_formudata(&a, &n))
		return 0;
	if (a.cu == cu)
		return path_of(s, n);
	/* the number is another unit's: link-time optimisation, or dwz */
	if (dwarf_cu_getdwarf(a.cu) != s->dw)
		of = s->alt;
	if (!of)
		return 0;
	if (of->cu != a.cu) {
		dwarf_cu_die(a.cu, &unit, NULL, NULL, NULL, NULL, NULL, NULL);
		enter_unit(of, &unit);
	}
	path = path_of(of, n);
	if (of == s) {
		dwarf_cu_die(cu, &unit, NULL, NULL, NULL, NULL, NULL, NULL);
		enter_unit(s, &unit);
	}
	return path;
}

/* --- what was seen already ------------------------------------------------- */

/*
 * Most strings of .debug_str are merged, so a name's address says most of the
 * time whether a type was seen: millions of them need no comparison.
 */
struct seen {
	const char *name;
	unsigned tag;
};

struct seen_set {
	struct seen *v;
	size_t n, cap;
};

static struct seen *seen_slot(struct seen *v, size_t cap, const char *name,
			      unsigned tag)
{
	size_t i = (((uintptr_t)name >> 1) * 0x9e3779b97f4a7c15 >> 20) + tag;

	for (;; i++) {
		i &= cap - 1;
		if (!v[i].name || (v[i].name == name && v[i].tag == tag))
			return &v[i];
	}
}

static bool seen_before(struct scan *s, const char *name, unsigned tag)
{
	struct seen_set *set = s->seen;
	struct seen *e, *old = set->v;
	size_t i, cap = set->cap;

	if (set->n * 2 >= cap) {
		set->cap = cap ? cap * 2 : 1 << 12;
		set->v = NEW_ARRAY(&s->b->mem, struct seen, set->cap);
		for (i = 0; i < cap; i++)
			if (old[i].name)
				*seen_slot(set->v, set->cap, old[i].name,
					   old[i].tag) = old[i];
	}
	e = seen_slot(set->v, set->cap, name, tag);
	if (e->name)
		return true;
	e->name = name;
	e->tag = tag;
	set->n++;
	return false;
}

static bool was_seen(const struct scan *s, const char *name, unsigned tag)
{
	return s->seen->cap &&
		seen_slot(s->seen->v, s->seen->cap, name, tag)->name;
}

/* --- DIEs ------------------------------------------------------------------- */

static const char *own_name(Dwarf_Die *d)
{
	Dwarf_Attribute a;

	return dwarf_formstring(dwarf_attr(d, DW_AT_name, &a));
}

static uint64_t offset(const struct scan *s, Dwarf_Die *d)
{
	return dwarf_dieoffset(d) | s->bits;
}

static void add_enumerators(struct scan *s, Dwarf_Die *d)
{
	const char *name, *type = own_name(d);
	Dwarf_Attribute a;
	Dwarf_Sword v;
	Dwarf_Die c;

	if (dwarf_child(d, &c))
		return;
	do {
		name = own_name(&c);
		if (dwarf_tag(&c) != DW_TAG_enumerator || !name)
			continue;
		if (seen_before(s, name, DW_TAG_enumerator)) {
			if (!type)	/* an unnamed one, met before */
				return;
			continue;
		}
		if (!dwarf_formsdata(dwarf_attr(&c, DW_AT_const_value, &a), &v))
			vec_push(&s->b->mem, &s->b->enums,
				 ((struct ix_enum){ .value = v,
				 .name = ix_string(s->b, name) }));
	} while (!dwarf_siblingof(&c, &c));
}

static int64_t member_offset(Dwarf_Die *type, const char *name)
{
	const char *member;
	Dwarf_Attribute a;
	Dwarf_Word off;
	Dwarf_Die c, inner;
	int64_t sub;

	if (dwarf_child(type, &c))
		return -1;
	do {
		if (dwarf_tag(&c) != DW_TAG_member)
			continue;
		off = 0;
		dwarf_formudata(dwarf_attr(&c, DW_AT_data_member_location, &a),
				&off);
		member = own_name(&c);
		if (member && !strcmp(member, name))
			return (int64_t)off;
		if (!member && dwarf_attr(&c, DW_AT_type, &a) &&
		    dwarf_formref_die(&a, &inner)) {
			sub = member_offset(&inner, name);
			if (sub >= 0)
				return (int64_t)off + sub;
		}
	} while (!dwarf_siblingof(&c, &c));
	return -1;
}

/* The two structs through which tracepoints tell their system. */
static void note_offsets(struct scan *s, Dwarf_Die *d, const char *name)
{
	if (!strcmp(name, "trace_event_call")) {
		s->b->call_class = member_offset(d, "class");
		s->b->call_tp = member_offset(d, "tp");
	} else if (!strcmp(name, "trace_event_class")) {
		s->b->class_system = member_offset(d, "system");
	}
}

static void add_type(struct scan *s, Dwarf_Die *d, unsigned tag, uint32_t kind)
{
	const char *name = own_name(d);

	if (!name) {
		if (tag == DW_TAG_enumeration_type)
			add_enumerators(s, d);
		return;
	}
	if (was_seen(s, name, tag) || dwarf_hasattr(d, DW_AT_declaration))
		return;
	seen_before(s, name, tag);
	vec_push(&s->b->mem, &s->b->types,
		 ((struct ix_type){ .die = offset(s, d), .kind = kind,
		 .name = ix_string(s->b, name) }));
	if (tag == DW_TAG_enumeration_type)
		add_enumerators(s, d);
	if (tag == DW_TAG_structure_type && !strncmp(name, "trace_event_c", 13))
		note_offsets(s, d, name);
}

static int32_t count_params(Dwarf_Die *d)
{
	Dwarf_Attribute a;
	Dwarf_Die die = *d, c;
	int32_t n = 0;

	dwarf_formref_die(dwarf_attr(d, DW_AT_abstract_origin, &a), &die);
	if (!dwarf_child(&die, &c))
		do {
			if (dwarf_tag(&c) != DW_TAG_formal_parameter)
				break;
			n++;
		} while (!dwarf_siblingof(&c, &c));
	return n;
}

static void add_function(struct scan *s, Dwarf_Die *d)
{
	struct ix_func f = { .btf_nargs = -1 };
	Dwarf_Addr base, start, end;
	Dwarf_Attribute a;
	const char *name;
	int line = 0;

	if (dwarf_hasattr(d, DW_AT_declaration))
		return;
	if (dwarf_ranges(d, 0, &base, &start, &end) > 0) {
		f.addr = start;
		f.size = end - start;
		if (!start)
			return;		/* the linker left it out */
	} else {
		/* with link-time optimisation, copies have an origin so too */
		f.flags |= IXF_INLINE;
	}
	name = dwarf_diename(d);
	if (!name)
		return;
	f.name = ix_string(s->b, name);
	name = dwarf_formstring(dwarf_attr_integrate(d, DW_AT_linkage_name,
						     &a));
	f.linkage = name ? ix_string(s->b, name) : f.name;
	if (!dwarf_attr_integrate(d, DW_AT_external, &a))
		f.flags |= IXF_STATIC;
	f.die = offset(s, d);
	f.nparams = f.flags & IXF_INLINE ? -1 : count_params(d);
	dwarf_decl_line(d, &line);
	f.line = (uint32_t)line;
	f.file = declared_in(s, d);
	if (!(f.flags & IXF_INLINE))
		inline_instances(s->b, d, s->bits);
	else if (!inline_abstract(s->b, &f))
		return;
	vec_push(&s->b->mem, &s->b->funcs, f);
}

static void add_global(struct scan *s, Dwarf_Die *d)
{
	const char *name;

	if (!dwarf_hasattr(d, DW_AT_location) &&
	    !dwarf_hasattr(d, DW_AT_const_value))
		return;
	name = dwarf_diename(d);
	if (name)
		vec_push(&s->b->mem, &s->b->globals,
			 ((struct ix_global){ .die = offset(s, d),
			 .name = ix_string(s->b, name),
			 .file = declared_in(s, d) }));
}

static void walk(struct scan *s, Dwarf_Die *parent)
{
	Dwarf_Die d;
	int tag;

	if (dwarf_child(parent, &d))
		return;
	do {
		tag = dwarf_tag(&d);
		switch (tag) {
		case DW_TAG_subprogram: add_function(s, &d); break;
		case DW_TAG_variable: add_global(s, &d); break;
		case DW_TAG_namespace: walk(s, &d); break;
		case DW_TAG_base_type: add_type(s, &d, tag, IXT_BASE); break;
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
			add_type(s, &d, DW_TAG_structure_type, IXT_STRUCT);
			break;
		case DW_TAG_union_type: add_type(s, &d, tag, IXT_UNION); break;
		case DW_TAG_typedef: add_type(s, &d, tag, IXT_TYPEDEF); break;
		case DW_TAG_enumeration_type:
			add_type(s, &d, tag, IXT_ENUM);
			break;
		}
	} while (!dwarf_siblingof(&d, &d));
}

/*
 * A unit in a .dwo file. Its names of files are in its own .debug_line.dwo, or,
 * where it has none, those of the skeleton.
 */
static void walk_split(struct scan *s, Dwarf_Die *skeleton, Dwarf_Die *unit,
		       uint64_t bits)
{
	struct scan in = { .b = s->b, .seen = s->seen, .bits = bits,
			   .dw = dwarf_cu_getdwarf(unit->cu) };
	struct object o = { .elf = dwarf_getelf(in.dw) };
	const char *own;
	Dwarf_Attribute a;

	enter_unit(s, skeleton);
	own = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &a));
	in.comp_dir = own ? own : s->comp_dir;
	in.cu = unit->cu;
	if (object_section(&o, ".debug_line.dwo", &in.line)) {
		object_section(&o, ".debug_str.dwo", &in.str);
		read_names(&in, 0);
	} else {
		in.files.v = s->files.v;
		in.files.n = s->files.n;
		in.dirs.v = s->dirs.v;
		in.dirs.n = s->dirs.n;
		in.from_zero = s->from_zero;
	}
	walk(&in, unit);
}

static void walk_units(struct scan *s)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Half version;
	Dwarf_Die die, sub;
	uint8_t type;
	uint64_t bits;
	int tag;

	while (!dwarf_get_units(s->dw, cu, &cu, &version, &type, &die, NULL)) {
		tag = dwarf_tag(&die);
		if (type == DW_UT_skeleton) {
			bits = split_bits(cu, &sub);
			if (bits)
				walk_split(s, &die, &sub, bits);
		} else if (tag == DW_TAG_partial_unit ||
			   tag == DW_TAG_compile_unit) {
			enter_unit(s, &die);
			walk(s, &die);
		}
	}
}

static void open_scan(struct scan *s, const struct object *o)
{
	s->comp_dir = "";
	object_section(o, ".debug_line", &s->line);
	object_section(o, ".debug_line_str", &s->line_str);
	object_section(o, ".debug_str", &s->str);
}

const char *dwarf_scan(struct ix_build *b, const struct object *debug)
{
	struct seen_set seen = { NULL, 0, 0 };
	struct scan main = { .b = b, .seen = &seen };
	struct scan alt = { .b = b, .seen = &seen, .bits = DIE_ALT };
	const char *why;

	main.dw = dwarf_handle(&b->mem, debug, &why);
	if (!main.dw)
		return why;
	open_scan(&main, debug);
	alt.dw = dwarf_getalt(main.dw);
	if (alt.dw) {
		struct object o = { .elf = dwarf_getelf(alt.dw) };

		main.alt = &alt;
		open_scan(&alt, &o);
		walk_units(&alt);
	}
	walk_units(&main);
	dwarf_end(main.dw);
	return NULL;
}
