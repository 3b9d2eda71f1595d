/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dwarf.c - types, parameters and variables out of DWARF, by the offsets of
 * DIEs that the index knows. Where they lie is dwarf_loc.c's work.
 */
#include "dwarf_in.h"

#include <elfutils/libdwelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- opening -------------------------------------------------------------- */

/* The file that dwz moved shared DIEs to: by path, else by build-id. */
static Dwarf *open_alt(struct arena *mem, const char *debug, const char *name,
		       const struct build_id *id)
{
	const char *slash = strrchr(debug, '/'), *text = id_text(mem, id);
	const char *paths[] = {
		name[0] == '/' ? name :
		arena_printf(mem, "%.*s%s", slash ? (int)(slash - debug) + 1 :
			     0, debug, name),
		arena_printf(mem, "%.*s.build-id/%.2s/%s.debug",
			     slash ? (int)(slash - debug) + 1 : 0, debug,
			     text, text + 2),
		arena_printf(mem, "/usr/lib/debug/.build-id/%.2s/%s.debug",
			     text, text + 2),
		arena_printf(mem, "/usr/lib/debug/.dwz/%s",
			     base_name(name)),
	};
	size_t i;

	for (i = 0; i < COUNT_OF(paths); i++) {
		struct object *o = NEW(mem, struct object);
		Dwarf *dw;

		if (object_open(mem, paths[i], o))
			continue;
		dw = same_id(&o->id, id) ?
			dwarf_begin_elf(o->elf, DWARF_C_READ, NULL) : NULL;
		if (dw)
			return dw;
		object_close(o);
	}
	return NULL;
}

struct Elf *dwarf_unpack(int fd)
{
	return dwelf_elf_begin(fd);
}

Dwarf *dwarf_handle(struct arena *mem, const struct object *debug,
		    const char **why)
{
	Dwarf *dw = NULL, *alt;
	struct build_id id = { .len = 0 };
	const char *name;
	const void *bytes;
	ssize_t n;

	*why = NULL;
	if (debug->has_zstd)
		*why = "its debug sections are compressed with zstd, which "
			"elfutils before 0.189 cannot read: try objcopy "
			"--decompress-debug-sections";
	else
		dw = dwarf_begin_elf(debug->elf, DWARF_C_READ, NULL);
	if (!dw) {
		if (!*why)
			*why = dwarf_errmsg(-1);
		return NULL;
	}
	n = dwelf_dwarf_gnu_debugaltlink(dw, &name, &bytes);
	if (n <= 0)
		return dw;
	if ((size_t)n <= sizeof(id.bytes)) {
		memcpy(id.bytes, bytes, (size_t)n);
		id.len = (uint8_t)n;
	}
	alt = open_alt(mem, debug->path, name, &id);
	if (alt) {
		dwarf_setalt(dw, alt);
		return dw;
	}
	dwarf_end(dw);
	*why = arena_printf(mem, "its .gnu_debugaltlink %s (build-id %s) is "
			    "not there", name, id_text(mem, &id));
	return NULL;
}

struct dwarf *dwarf_of(struct facts *f)
{
	struct arena *mem = target_mem(f->t);
	const char *why;

	if (f->dw)
		return f->dw;
	f->dw = NEW(mem, struct dwarf);
	if (!target_reopen(f->bin))
		die("%s went away", f->bin->debug);
	f->dw->dw = dwarf_handle(mem, f->same_file ? &f->main : &f->debug,
				 &why);
	if (!f->dw->dw)
		die("%s: %s", f->bin->debug, why);
	f->dw->cfi = dwarf_getcfi(f->dw->dw);
	f->dw->eh_cfi = dwarf_getcfi_elf(f->main.elf);
	return f->dw;
}

bool dwarf_die_at(struct facts *f, uint64_t off, Dwarf_Die *d)
{
	Dwarf *dw = dwarf_of(f)->dw;

	if (off & DIE_SPLIT)
		return split_die_at(f, off, d);
	if (off & DIE_ALT)
		dw = dwarf_getalt(dw);
	return dw && dwarf_offdie(dw, off & ~DIE_ALT, d);
}

uint64_t dwarf_die_offset(struct facts *f, Dwarf_Die *d)
{
	const struct dwarf *all = dwarf_of(f);
	const struct split *s = dwarf_split_of(all, d->cu);
	uint64_t off = dwarf_dieoffset(d);

	if (s)
		return off | s->bits;
	return dwarf_cu_getdwarf(d->cu) == all->dw ? off : off | DIE_ALT;
}

/* --- types ------------------------------------------------------------------ */

struct type_slot {
	const void *die;		/* its address in memory */
	struct ctype *type;
};

struct type_impl {			/* ctype.impl */
	Dwarf_Die die;
	bool read;			/* members and enumerators are */
	VEC(struct member) members;
	VEC(struct enumerator) enumerators;
};

struct enumerator {
	const char *name;
	int64_t value;
};

static struct type_slot *find_slot(struct type_slot *v, size_t cap,
				   const void *die)
{
	size_t i = ((uintptr_t)die * 0x9e3779b97f4a7c15 >> 20) & (cap - 1);

	while (v[i].die && v[i].die != die)
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static struct ctype **type_slot(struct facts *f, const void *die)
{
	struct dwarf *d = dwarf_of(f);
	struct type_slot *old = d->slots, *s;
	size_t i, n = d->cap;

	if (d->nslots * 2 >= n) {
		d->cap = n ? n * 2 : 256;
		d->slots = NEW_ARRAY(target_mem(f->t), struct type_slot,
				     d->cap);
		for (i = 0; i < n; i++)
			if (old[i].die)
				*find_slot(d->slots, d->cap, old[i].die) =
					old[i];
	}
	s = find_slot(d->slots, d->cap, die);
	if (!s->die) {
		s->die = die;
		d->nslots++;
	}
	return &s->type;
}

static struct ctype *new_type(struct facts *f, enum type_kind kind,
			      const char *name, uint64_t size)
{
	struct ctype *t = NEW(target_mem(f->t), struct ctype);

	t->kind = kind;
	t->name = name;
	t->size = size;
	t->bin = f->bin;
	return t;
}

/* A struct that this unit only declares: the definition of that name. */
static void complete(struct facts *f, Dwarf_Die *d)
{
	int tag = dwarf_tag(d);
	uint32_t kind = tag == DW_TAG_union_type ? IXT_UNION :
		tag == DW_TAG_enumeration_type ? IXT_ENUM : IXT_STRUCT;
	const char *name = dwarf_diename(d);
	long i;

	if (!dwarf_hasattr(d, DW_AT_declaration) || !name || !f->ix)
		return;
	i = index_type_find(f->ix, name);
	for (; i >= 0 && (size_t)i < f->ix->ntypes &&
	     !strcmp(f->ix->str + f->ix->types[i].name, name); i++)
		if (f->ix->types[i].kind == kind) {
			dwarf_die_at(f, f->ix->types[i].die, d);
			return;
		}
}

static uint64_t byte_size(Dwarf_Die *d)
{
	Dwarf_Word n;

	return dwarf_aggregate_size(d, &n) ? 0 : n;
}

static void fill_base(struct ctype *t, Dwarf_Die *d)
{
	Dwarf_Attribute a;
	Dwarf_Word enc = 0;

	dwarf_formudata(dwarf_attr(d, DW_AT_encoding, &a), &enc);
	t->kind = TY_INT;
	switch (enc) {
	case DW_ATE_boolean: t->kind = TY_BOOL; break;
	case DW_ATE_signed_char: t->is_signed = true; /* fall through */
	case DW_ATE_unsigned_char:
	case DW_ATE_UTF: t->kind = TY_CHAR; break;
	case DW_ATE_signed: t->is_signed = true; break;
	case DW_ATE_float: t->kind = TY_FLOAT; break;
	case DW_ATE_unsigned:
	case DW_ATE_address: break;
	default: t->kind = TY_OTHER;
	}
	t->name = dwarf_diename(d);
	if (!t->name)
		t->name = "?";
}

static void fill_tagged(struct facts *f, struct ctype *t, Dwarf_Die *d,
			enum type_kind kind, const char *word)
{
	t->kind = kind;
	t->tag = dwarf_diename(d);
	t->name = arena_printf(target_mem(f->t), "%s %s", word,
			       t->tag ? t->tag : "{...}");
}

static void fill_enum(struct facts *f, struct ctype *t, Dwarf_Die *d)
{
	Dwarf_Attribute a;
	Dwarf_Sword v;
	Dwarf_Die c;

	fill_tagged(f, t, d, TY_ENUM, "enum");
	if (dwarf_hasattr(d, DW_AT_type)) {
		t->to = type_of_attr(f, d);
		t->is_signed = t->to->is_signed;
		if (!t->size)
			t->size = t->to->size;
		return;
	}
	if (!dwarf_child(d, &c))
		do {
			if (!dwarf_formsdata(dwarf_attr(&c, DW_AT_const_value,
							&a), &v) && v < 0)
				t->is_signed = true;
		} while (!dwarf_siblingof(&c, &c));
}

/* Each dimension is an array of the next; the first one is t. */
static void fill_array(struct facts *f, struct ctype *t, Dwarf_Die *d)
{
	struct ctype *element = type_of_attr(f, d), *a;
	uint64_t counts[8], n;
	Dwarf_Attribute attr;
	Dwarf_Word v;
	Dwarf_Die c;
	size_t ndims = 0;

	if (!dwarf_child(d, &c))
		do {
			if (dwarf_tag(&c) != DW_TAG_subrange_type ||
			    ndims == COUNT_OF(counts))
				continue;
			n = 0;
			if (!dwarf_formudata(dwarf_attr(&c, DW_AT_count,
							&attr), &v))
				n = v;
			else if (!dwarf_formudata(dwarf_attr(&c,
					DW_AT_upper_bound, &attr), &v) &&
				 v + 1 < UINT64_MAX / 2)
				n = v + 1;
			counts[ndims++] = n;
		} while (!dwarf_siblingof(&c, &c));
	if (!ndims)
		counts[ndims++] = 0;
	while (ndims-- > 0) {
		a = ndims ? new_type(f, TY_ARRAY, NULL, 0) : t;
		a->kind = TY_ARRAY;
		a->to = element;
		a->count = counts[ndims];
		a->size = a->count * element->size;
		a->name = arena_printf(target_mem(f->t),
				       a->count ? "%s[%ju]" : "%s[]",
				       element->name, (uintmax_t)a->count);
		element = a;
	}
}

static void fill(struct facts *f, struct ctype *t, Dwarf_Die *d)
{
	switch (dwarf_tag(d)) {
	case DW_TAG_base_type: fill_base(t, d); break;
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		t->kind = TY_POINTER;
		t->size = 8;
		t->to = type_of_attr(f, d);
		t->name = arena_printf(target_mem(f->t), "%s *", t->to->name);
		break;
	case DW_TAG_array_type: fill_array(f, t, d); break;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
		fill_tagged(f, t, d, TY_STRUCT, "struct");
		break;
	case DW_TAG_union_type: fill_tagged(f, t, d, TY_UNION, "union"); break;
	case DW_TAG_enumeration_type: fill_enum(f, t, d); break;
	case DW_TAG_subroutine_type:
		t->kind = TY_FUNC;
		t->name = "function";
		break;
	case DW_TAG_unspecified_type:
		t->kind = TY_VOID;
		t->name = "void";
		break;
	default:
		t->kind = TY_OTHER;
		t->name = "?";
	}
}

struct ctype *type_of_die(struct facts *f, Dwarf_Die *d)
{
	struct type_impl *impl;
	struct ctype **slot, *t;
	Dwarf_Die die;

	if (!d || dwarf_peel_type(d, &die))
		return new_type(f, TY_VOID, "void", 0);
	complete(f, &die);
	slot = type_slot(f, die.addr);
	if (*slot)
		return *slot;
	t = *slot = new_type(f, TY_OTHER, "?", byte_size(&die));
	impl = NEW(target_mem(f->t), struct type_impl);
	impl->die = die;
	t->impl = impl;
	fill(f, t, &die);
	return t;
}

struct ctype *type_of_attr(struct facts *f, Dwarf_Die *d)
{
	Dwarf_Attribute a;
	Dwarf_Die die;

	return type_of_die(f, dwarf_formref_die(dwarf_attr_integrate(d,
			   DW_AT_type, &a), &die));
}

struct ctype *dwarf_type_at(struct facts *f, uint64_t off)
{
	Dwarf_Die die;

	return dwarf_die_at(f, off, &die) ?
		type_of_die(f, &die) : NULL;
}

/* --- members ------------------------------------------------------------------ */

static bool number(Dwarf_Die *d, unsigned name, Dwarf_Word *v)
{
	Dwarf_Attribute a;

	*v = 0;
	return !dwarf_formudata(dwarf_attr_integrate(d, name, &a), v);
}

/* Bits of DWARF 4 and 5 count from the start of the struct, older ones back
   from the most significant of the storage unit. */
static void place_bits(struct member *m, Dwarf_Die *d)
{
	Dwarf_Word bits, off, unit = m->type->size ? m->type->size : 4;

	if (!number(d, DW_AT_bit_size, &bits))
		return;
	m->bit_size = (uint16_t)bits;
	if (number(d, DW_AT_data_bit_offset, &off)) {
		m->offset = off / 8;
		if (off % (unit * 8) + bits <= unit * 8)
			m->offset = off / (unit * 8) * unit;
		m->bit_offset = (uint16_t)(off - m->offset * 8);
	} else if (number(d, DW_AT_bit_offset, &off)) {
		m->bit_offset = (uint16_t)(unit * 8 - off - bits);
	}
}

static void read_members(struct facts *f, struct type_impl *impl)
{
	struct arena *mem = target_mem(f->t);
	Dwarf_Die c;

	impl->read = true;
	if (dwarf_child(&impl->die, &c))
		return;
	do {
		struct member m = { .name = NULL };
		struct enumerator e;
		Dwarf_Attribute a;
		Dwarf_Word off;
		int tag = dwarf_tag(&c);

		if (tag == DW_TAG_enumerator &&
		    !dwarf_formsdata(dwarf_attr(&c, DW_AT_const_value, &a),
				     &e.value)) {
			e.name = dwarf_diename(&c);
			vec_push(mem, &impl->enumerators, e);
		}
		if ((tag != DW_TAG_member && tag != DW_TAG_inheritance) ||
		    dwarf_hasattr(&c, DW_AT_external))
			continue;	/* C++: a static member */
		m.name = tag == DW_TAG_member ? dwarf_diename(&c) : NULL;
		m.type = type_of_attr(f, &c);
		number(&c, DW_AT_data_member_location, &off);
		m.offset = off;
		place_bits(&m, &c);
		vec_push(mem, &impl->members, m);
	} while (!dwarf_siblingof(&c, &c));
}

static struct type_impl *impl_of(struct ctype *t)
{
	struct type_impl *impl = t->impl;

	if (impl && !impl->read)
		read_members(t->bin->impl, impl);
	return impl;
}

bool dwarf_member_at(struct ctype *t, size_t i, struct member *out)
{
	struct type_impl *impl;

	if (t->kind != TY_STRUCT && t->kind != TY_UNION)
		return false;
	impl = impl_of(t);
	if (!impl || i >= impl->members.n)
		return false;
	*out = impl->members.v[i];
	return true;
}

bool dwarf_enumerator_at(struct ctype *t, size_t i, const char **name,
			 int64_t *value)
{
	struct type_impl *impl = t->kind == TY_ENUM ? impl_of(t) : NULL;

	if (!impl || i >= impl->enumerators.n)
		return false;
	*name = impl->enumerators.v[i].name;
	*value = impl->enumerators.v[i].value;
	return true;
}

/* --- variables ------------------------------------------------------------------ */

/* The DIE that says name and type: of an inlined function, the abstract one. */
static Dwarf_Die origin(Dwarf_Die *d)
{
	Dwarf_Attribute a;
	Dwarf_Die die;

	if (dwarf_formref_die(dwarf_attr(d, DW_AT_abstract_origin, &a), &die))
		return die;
	return *d;
}

/* The DIE of its type, as dwarf_type_at() takes it; 0: void. */
static uint64_t declared_type(struct facts *f, Dwarf_Die *d)
{
	Dwarf_Attribute a;
	Dwarf_Die die;

	if (!dwarf_formref_die(dwarf_attr_integrate(d, DW_AT_type, &a), &die))
		return 0;
	return dwarf_die_offset(f, &die);
}

static struct variable *describe(struct facts *f, Dwarf_Die *d)
{
	struct variable *v = NEW(target_mem(f->t), struct variable);

	v->name = dwarf_diename(d);
	if (!v->name)
		v->name = "";
	v->type = type_of_attr(f, d);
	v->spelled = declared_type(f, d);
	v->param_index = v->abi_arg = -1;
	v->is_param = dwarf_tag(d) == DW_TAG_formal_parameter;
	return v;
}

struct found {
	const void *origin;		/* address of the DIE it is known by */
	Dwarf_Die die;			/* where it lies; !lies: nowhere */
	bool lies;
	struct variable *v;
};

struct scope {
	struct facts *f;
	struct arena *mem;
	Dwarf_Die function;		/* or an instance, inlined in: */
	Dwarf_Die frame;		/* the function that has the frame */
	uint64_t pc;
	VEC(struct found) found;
	struct abi_slot *slots;		/* of parameters */
	bool is_by_abi;			/* called as the convention says */
};

static void add_found(struct scope *s, Dwarf_Die *d, bool lies)
{
	Dwarf_Die o = origin(d);
	size_t i;

	if (dwarf_hasattr(d, DW_AT_declaration))
		return;
	for (i = 0; i < s->found.n; i++)
		if (s->found.v[i].origin == o.addr) {
			s->found.v[i].die = *d;
			s->found.v[i].lies = lies;
			return;
		}
	vec_push(s->mem, &s->found, ((struct found){
		.origin = o.addr, .die = *d, .lies = lies,
		.v = describe(s->f, d) }));
}

/* Variables of a function or block, and of its blocks around the pc. */
static void collect(struct scope *s, Dwarf_Die *block, bool lies)
{
	Dwarf_Die c;

	if (dwarf_child(block, &c))
		return;
	do {
		switch (dwarf_tag(&c)) {
		case DW_TAG_formal_parameter:
		case DW_TAG_variable:
			add_found(s, &c, lies);
			break;
		case DW_TAG_lexical_block:
			if (lies && dwarf_haspc(&c, s->pc) > 0)
				collect(s, &c, lies);
			break;
		default:
			break;
		}
	} while (!dwarf_siblingof(&c, &c));
}

static struct loc constant(struct scope *s, Dwarf_Attribute *a)
{
	struct locstep step = { L_NUM, 0 };
	struct loc absent = { .kind = LOC_ABSENT };
	Dwarf_Sword n;
	Dwarf_Block b;

	if (!dwarf_formsdata(a, &n)) {
		step.n = n;
	} else if (!dwarf_formblock(a, &b) && b.length <= 8) {
		memcpy(&step.n, b.data, b.length);
	} else {
		return absent;
	}
	return loc_steps(s->mem, LOC_VALUE, &step, 1);
}

/*
 * A parameter at a function's first instruction. In C the calling convention
 * tells better than DWARF: without optimisation DWARF gives one place for the
 * whole function, to which the prologue has yet to bring the value; with it
 * gcc's lists are at times those of a later instruction, or empty. Elsewhere
 * (clones, C++ with its hidden references) DWARF must say the same for the
 * register to be the argument.
 */
static void settle_param(struct scope *s, struct variable *v, bool unlisted)
{
	const struct abi_slot *slot = &s->slots[v->param_index];
	bool is_struct = v->type->kind == TY_STRUCT ||
		v->type->kind == TY_UNION;

	if (!slot->in_memory && !slot->is_float &&
	    ((unlisted && v->loc.kind == LOC_MEMORY) ||
	     (s->is_by_abi &&
	      (!is_struct || v->loc.kind == LOC_ABSENT))))
		v->loc = abi_location(s->mem, slot, v->type);
	if (slot->is_float && unlisted && v->loc.kind == LOC_MEMORY)
		v->loc.kind = LOC_ABSENT;	/* not on the stack yet */
	if (v->abi_arg >= 0 &&
	    (v->loc.kind != LOC_VALUE || v->loc.nsteps != 1 ||
	     v->loc.steps[0].op != L_REG ||
	     v->loc.steps[0].n != slot->reg[0]))
		v->abi_arg = -1;
}

static void locate(struct scope *s, struct found *e, bool at_entry)
{
	struct variable *v = e->v;
	bool unlisted = false;
	Dwarf_Attribute a;
	unsigned form;

	if (e->lies && dwarf_attr_integrate(&e->die, DW_AT_location, &a)) {
		form = dwarf_whatform(&a);
		unlisted = form == DW_FORM_exprloc || form == DW_FORM_block1;
		v->loc = dwarf_location(s->f, &a, &s->frame, s->pc, at_entry);
	} else if (e->lies &&
		   dwarf_attr_integrate(&e->die, DW_AT_const_value, &a)) {
		v->loc = constant(s, &a);
	}
	if (at_entry && v->is_param)
		settle_param(s, v, unlisted);
	if (!at_entry)
		v->abi_arg = -1;
}

/*
 * C, and no clone: ".lto_priv" is but a name; clang tells of a function whose
 * arguments it changed.
 */
static bool is_by_abi(Dwarf_Die *function, const struct func *f)
{
	const char *suffix = strchr(f->linkage, '.');
	Dwarf_Attribute a;
	Dwarf_Word cc = DW_CC_normal;
	Dwarf_Die unit;

	if (suffix && strncmp(suffix, ".lto_priv", 9))
		return false;
	dwarf_formudata(dwarf_attr(function, DW_AT_calling_convention, &a),
			&cc);
	if (cc == DW_CC_nocall || !dwarf_diecu(function, &unit, NULL, NULL))
		return false;
	switch (dwarf_srclang(&unit)) {
	case DW_LANG_C: case DW_LANG_C89: case DW_LANG_C99: case DW_LANG_C11:
		return true;
	}
	return false;
}

/* The function whose code an inlined instance is a part of. */
static Dwarf_Die frame_of(Dwarf_Die *d)
{
	Dwarf_Die *scopes = NULL, frame = *d;
	int i, n = 0;

	if (dwarf_tag(d) == DW_TAG_inlined_subroutine)
		n = dwarf_getscopes_die(d, &scopes);
	for (i = 0; i < n; i++)
		if (dwarf_tag(&scopes[i]) == DW_TAG_subprogram) {
			frame = scopes[i];
			break;
		}
	free(scopes);
	return frame;
}

static bool open_scope(struct scope *s, struct facts *f, uint64_t die)
{
	*s = (struct scope){ .f = f, .mem = target_mem(f->t) };
	if (!die || !dwarf_die_at(f, die, &s->function))
		return false;
	s->frame = frame_of(&s->function);
	return true;
}

/* Parameters of what was found, in order, classified. */
static struct variable **params_of(struct scope *s, size_t *n)
{
	struct variable **v = NEW_ARRAY(s->mem, struct variable *,
					s->found.n + 1);
	size_t i;

	*n = 0;
	for (i = 0; i < s->found.n; i++)
		if (s->found.v[i].v->is_param)
			v[(*n)++] = s->found.v[i].v;
	s->slots = NEW_ARRAY(s->mem, struct abi_slot, *n + 1);
	abi_classify(v, *n, abi_in_memory(type_of_attr(s->f, &s->function)),
		     s->slots);
	return v;
}

struct variable **dwarf_params(struct facts *f, uint64_t die, size_t *n)
{
	struct scope s;
	Dwarf_Die abstract;

	*n = 0;
	if (!open_scope(&s, f, die))
		return NULL;
	abstract = origin(&s.function);
	collect(&s, &abstract, false);
	return params_of(&s, n);
}

struct variable **dwarf_variables(struct facts *f, struct place *p,
				  uint64_t die, size_t *n)
{
	struct scope s;
	struct variable **v;
	Dwarf_Die abstract;
	size_t i;

	*n = 0;
	if (!open_scope(&s, f, die))
		return NULL;
	s.pc = p->addr;
	s.is_by_abi = is_by_abi(&s.function, p->func);
	abstract = origin(&s.function);
	if (abstract.addr != s.function.addr)
		collect(&s, &abstract, false);
	collect(&s, &s.function, true);
	v = params_of(&s, n);
	for (i = 0; i < s.found.n; i++) {
		locate(&s, &s.found.v[i], p->when != AT_PC);
		if (!s.found.v[i].v->is_param)
			v[(*n)++] = s.found.v[i].v;
	}
	return v;
}

struct variable *dwarf_return(struct facts *f, uint64_t die)
{
	struct scope s;
	struct variable *v;
	Dwarf_Attribute a;

	if (!open_scope(&s, f, die) ||
	    !dwarf_attr_integrate(&s.function, DW_AT_type, &a))
		return NULL;
	v = NEW(s.mem, struct variable);
	v->name = "return";
	v->type = type_of_attr(f, &s.function);
	v->spelled = declared_type(f, &s.function);
	if (v->type->kind == TY_VOID)
		return NULL;
	abi_return(s.mem, v);
	return v;
}

struct variable *dwarf_global(struct facts *f, uint64_t die)
{
	struct found e = { .lies = true };
	struct scope s;

	if (!open_scope(&s, f, die))
		return NULL;
	e.die = s.function;
	e.v = describe(f, &e.die);
	locate(&s, &e, false);
	return e.v;
}
