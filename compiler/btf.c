/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * btf.c - facts out of BTF, the only file that includes libbpf's btf.h: ids
 * of functions of any kernel, and all that is known of a running kernel
 * without debuginfo: functions with their parameters, types, tracepoints.
 */
#include "facts.h"

#include <bpf/btf.h>
#include <stdlib.h>
#include <string.h>

struct btf_facts {
	struct arena *mem;
	struct btf *btf;
	struct ctype **types;	/* by id, made when asked */
};

static struct btf_facts *wrap(struct arena *mem, struct btf *btf)
{
	struct btf_facts *bf = NEW(mem, struct btf_facts);

	if (!btf)
		return NULL;
	bf->mem = mem;
	bf->btf = btf;
	bf->types = NEW_ARRAY(mem, struct ctype *, btf__type_cnt(btf));
	return bf;
}

struct btf_facts *btf_open(struct arena *mem, const void *data, size_t size)
{
	return wrap(mem, btf__new(data, (uint32_t)size));
}

struct btf_facts *btf_open_host(struct arena *mem)
{
	return wrap(mem, btf__parse("/sys/kernel/btf/vmlinux", NULL));
}

void btf_close(struct btf_facts *bf)
{
	btf__free(bf->btf);
}

static const char *text(const struct btf_facts *bf, uint32_t off)
{
	const char *s = btf__name_by_offset(bf->btf, off);

	return s ? s : "";
}

/* --- types ------------------------------------------------------------------ */

static const char *tag_word(enum type_kind kind)
{
	return kind == TY_UNION ? "union" : kind == TY_ENUM ? "enum" : "struct";
}

static void tagged(struct btf_facts *bf, struct ctype *t, enum type_kind kind,
		   const struct btf_type *bt)
{
	const char *name = text(bf, bt->name_off);

	t->kind = kind;
	t->size = bt->size;
	t->tag = *name ? name : NULL;
	t->name = arena_printf(bf->mem, "%s %s", tag_word(kind),
			       *name ? name : "{...}");
}

static struct ctype *type_of(struct btf_facts *bf, struct binary *b,
			     uint32_t id);

static void fill_int(struct btf_facts *bf, struct ctype *t,
		     const struct btf_type *bt)
{
	uint8_t enc = btf_int_encoding(bt);

	t->kind = enc & BTF_INT_BOOL ? TY_BOOL :
		enc & BTF_INT_CHAR ? TY_CHAR : TY_INT;
	t->name = text(bf, bt->name_off);
	/* pahole does not tell char from signed char: names do */
	if (!strcmp(t->name, "char") || !strcmp(t->name, "unsigned char") ||
	    !strcmp(t->name, "signed char"))
		t->kind = TY_CHAR;
	t->size = bt->size;
	t->is_signed = enc & BTF_INT_SIGNED || !strcmp(t->name, "char");
}

static void fill_array(struct btf_facts *bf, struct binary *b, struct ctype *t,
		       const struct btf_type *bt)
{
	const struct btf_array *a = btf_array(bt);

	t->kind = TY_ARRAY;
	t->to = type_of(bf, b, a->type);
	t->count = a->nelems;
	t->size = a->nelems * t->to->size;
	t->name = arena_printf(bf->mem, "%s[%u]", t->to->name, a->nelems);
}

static void fill(struct btf_facts *bf, struct binary *b, struct ctype *t,
		 const struct btf_type *bt)
{
	switch (btf_kind(bt)) {
	case BTF_KIND_INT: fill_int(bf, t, bt); break;
	case BTF_KIND_FLOAT:
		t->kind = TY_FLOAT;
		t->name = text(bf, bt->name_off);
		t->size = bt->size;
		break;
	case BTF_KIND_PTR:
		t->kind = TY_POINTER;
		t->size = 8;
		t->to = type_of(bf, b, bt->type);
		t->name = arena_printf(bf->mem, "%s *", t->to->name);
		break;
	case BTF_KIND_ARRAY: fill_array(bf, b, t, bt); break;
	case BTF_KIND_STRUCT: tagged(bf, t, TY_STRUCT, bt); break;
	case BTF_KIND_UNION: tagged(bf, t, TY_UNION, bt); break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		tagged(bf, t, TY_ENUM, bt);
		t->is_signed = btf_kflag(bt);
		break;
	case BTF_KIND_FWD:
		tagged(bf, t, btf_kflag(bt) ? TY_UNION : TY_STRUCT, bt);
		t->size = 0;
		break;
	case BTF_KIND_FUNC_PROTO:
		t->kind = TY_FUNC;
		t->name = "function";
		break;
	default:
		t->kind = TY_OTHER;
		t->name = "?";
	}
}

static struct ctype *type_of(struct btf_facts *bf, struct binary *b,
			     uint32_t id)
{
	const struct btf_type *bt;
	struct ctype *t;
	int depth = 0;

	for (;;) {
		bt = btf__type_by_id(bf->btf, id);
		if (!bt || !(btf_is_mod(bt) || btf_is_typedef(bt) ||
			     btf_is_type_tag(bt)) || depth++ > 64)
			break;
		id = bt->type;
	}
	if (bt && id && bf->types[id])
		return bf->types[id];
	t = NEW(bf->mem, struct ctype);
	t->bin = b;
	t->impl = (void *)(uintptr_t)id;
	if (!bt || !id) {
		t->kind = TY_VOID;
		t->name = "void";
		return t;
	}
	bf->types[id] = t;
	fill(bf, b, t, bt);
	return t;
}

static struct btf_facts *facts_of(const struct ctype *t)
{
	return target_btf(((struct facts *)t->bin->impl)->t);
}

bool btf_member_at(struct ctype *t, size_t i, struct member *out)
{
	struct btf_facts *bf = facts_of(t);
	const struct btf_type *bt;
	const struct btf_member *m;
	uint32_t bits, off;
	const char *name;

	if (t->kind != TY_STRUCT && t->kind != TY_UNION)
		return false;
	bt = btf__type_by_id(bf->btf, (uint32_t)(uintptr_t)t->impl);
	if (!btf_is_composite(bt) || i >= btf_vlen(bt))
		return false;
	m = &btf_members(bt)[i];
	name = text(bf, m->name_off);
	bits = btf_member_bitfield_size(bt, (uint32_t)i);
	off = btf_member_bit_offset(bt, (uint32_t)i);
	memset(out, 0, sizeof(*out));
	out->name = *name ? name : NULL;
	out->type = type_of(bf, t->bin, m->type);
	out->bit_size = (uint16_t)bits;
	out->offset = off / 8;
	if (bits && out->type->size) {
		uint64_t unit = out->type->size * 8;

		if (off % unit + bits <= unit)
			out->offset = off / unit * out->type->size;
		out->bit_offset = (uint16_t)(off - out->offset * 8);
	}
	return true;
}

static bool enumerator(struct btf_facts *bf, const struct btf_type *bt,
		       size_t i, const char **name, int64_t *value)
{
	if (!bt || !btf_is_any_enum(bt) || i >= btf_vlen(bt))
		return false;
	if (btf_is_enum64(bt)) {
		const struct btf_enum64 *e = &btf_enum64(bt)[i];

		*name = text(bf, e->name_off);
		*value = (int64_t)btf_enum64_value(e);
	} else {
		const struct btf_enum *e = &btf_enum(bt)[i];

		*name = text(bf, e->name_off);
		*value = btf_kflag(bt) ? e->val : (int64_t)(uint32_t)e->val;
	}
	return true;
}

bool btf_enumerator_at(struct ctype *t, size_t i, const char **name,
		       int64_t *value)
{
	struct btf_facts *bf = facts_of(t);

	return enumerator(bf, btf__type_by_id(bf->btf, (uint32_t)
			  (uintptr_t)t->impl), i, name, value);
}

bool btf_enum_named(struct btf_facts *bf, const char *wanted, int64_t *value)
{
	uint32_t id, n = btf__type_cnt(bf->btf);
	const char *name;
	size_t i;

	for (id = 1; id < n; id++)
		for (i = 0; enumerator(bf, btf__type_by_id(bf->btf, id), i,
				       &name, value); i++)
			if (!strcmp(name, wanted))
				return true;
	return false;
}

struct ctype *btf_type_named(struct btf_facts *bf, struct binary *b,
			     const char *name)
{
	static const struct { const char *word; uint32_t kind; } words[] = {
		{ "struct ", BTF_KIND_STRUCT }, { "union ", BTF_KIND_UNION },
		{ "enum ", BTF_KIND_ENUM },
	};
	static const uint32_t kinds[] = {
		BTF_KIND_TYPEDEF, BTF_KIND_INT, BTF_KIND_STRUCT,
		BTF_KIND_UNION, BTF_KIND_ENUM, BTF_KIND_ENUM64,
	};
	size_t i;
	int id;

	for (i = 0; i < COUNT_OF(words); i++) {
		size_t n = strlen(words[i].word);

		if (strncmp(name, words[i].word, n))
			continue;
		id = btf__find_by_name_kind(bf->btf, name + n, words[i].kind);
		return id > 0 ? type_of(bf, b, (uint32_t)id) : NULL;
	}
	for (i = 0; i < COUNT_OF(kinds); i++) {
		id = btf__find_by_name_kind(bf->btf, name, kinds[i]);
		if (id > 0)
			return type_of(bf, b, (uint32_t)id);
	}
	return NULL;
}

/* --- functions --------------------------------------------------------------- */

/* Integers, enums and pointers: one 64-bit slot of fentry's arguments. */
static bool is_simple(struct btf_facts *bf, uint32_t id)
{
	const struct btf_type *bt = btf__type_by_id(bf->btf, id);
	int depth = 0;

	while (bt && (btf_is_mod(bt) || btf_is_typedef(bt) ||
		      btf_is_type_tag(bt)) && depth++ < 64)
		bt = btf__type_by_id(bf->btf, bt->type);
	return bt && (btf_is_ptr(bt) || btf_is_any_enum(bt) ||
		      (btf_is_int(bt) && bt->size <= 8));
}

/* What a trampoline of any kernel with fentry can pass on. */
static bool suits_fentry(struct btf_facts *bf, const struct btf_type *proto)
{
	const struct btf_param *p = btf_params(proto);
	unsigned i, n = btf_vlen(proto);

	if (n > 6 || (proto->type && !is_simple(bf, proto->type)))
		return false;
	for (i = 0; i < n; i++)
		if (!p[i].type || !is_simple(bf, p[i].type))
			return false;
	return true;
}

void btf_each_func(struct btf_facts *bf,
		   void (*each)(void *arg, const char *name, uint32_t id,
				int nargs), void *arg)
{
	uint32_t id, n = btf__type_cnt(bf->btf);
	const struct btf_type *bt, *proto;

	for (id = 1; id < n; id++) {
		bt = btf__type_by_id(bf->btf, id);
		if (!btf_is_func(bt))
			continue;
		proto = btf__type_by_id(bf->btf, bt->type);
		if (!proto || !btf_is_func_proto(proto))
			continue;
		each(arg, text(bf, bt->name_off),
		     suits_fentry(bf, proto) ? id : 0, btf_vlen(proto));
	}
}

static const struct btf_type *proto_of(struct btf_facts *bf, uint32_t id)
{
	const struct btf_type *bt = btf__type_by_id(bf->btf, id);

	if (bt && btf_is_func(bt))
		bt = btf__type_by_id(bf->btf, bt->type);
	return bt && btf_is_func_proto(bt) ? bt : NULL;
}

int btf_func_id(struct btf_facts *bf, const char *name)
{
	int id = btf__find_by_name_kind(bf->btf, name, BTF_KIND_FUNC);

	return id > 0 ? id : 0;
}

struct variable **btf_params_of(struct btf_facts *bf, struct binary *b,
				uint32_t id, size_t *n)
{
	const struct btf_type *proto = proto_of(bf, id);
	struct abi_slot *slots;
	struct ctype *result;
	struct variable **v;
	size_t i;

	*n = proto ? btf_vlen(proto) : 0;
	v = NEW_ARRAY(bf->mem, struct variable *, *n + 1);
	for (i = 0; i < *n; i++) {
		const struct btf_param *p = &btf_params(proto)[i];

		v[i] = NEW(bf->mem, struct variable);
		v[i]->name = text(bf, p->name_off);
		v[i]->type = type_of(bf, b, p->type);
		v[i]->spelled = p->type;
		v[i]->is_param = true;
	}
	if (!proto)
		return v;
	result = type_of(bf, b, proto->type);
	slots = NEW_ARRAY(bf->mem, struct abi_slot, *n + 1);
	abi_classify(v, *n, abi_in_memory(result), slots);
	for (i = 0; i < *n; i++)
		v[i]->loc = abi_location(bf->mem, &slots[i], v[i]->type);
	return v;
}

struct variable *btf_return(struct btf_facts *bf, struct binary *b,
			    uint32_t id)
{
	const struct btf_type *proto = proto_of(bf, id);
	struct variable *v;

	if (!proto || !proto->type)
		return NULL;
	v = NEW(bf->mem, struct variable);
	v->name = "return";
	v->type = type_of(bf, b, proto->type);
	v->spelled = proto->type;
	abi_return(bf->mem, v);
	return v;
}

/* As dwarf_spell.c does it. Tags ("__user") are not shown. */
static const char *spell(struct btf_facts *bf, uint32_t id, int depth)
{
	const struct btf_type *bt = btf__type_by_id(bf->btf, id);
	const char *suffix = "", *word = "", *name;

	if (!bt || !id || depth > 32)
		return "void";
	switch (btf_kind(bt)) {
	case BTF_KIND_STRUCT: word = "struct "; break;
	case BTF_KIND_UNION: word = "union "; break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64: word = "enum "; break;
	case BTF_KIND_FWD:
		word = btf_kflag(bt) ? "union " : "struct ";
		break;
	case BTF_KIND_TYPE_TAG: return spell(bf, bt->type, depth + 1);
	case BTF_KIND_PTR: suffix = "*"; break;
	case BTF_KIND_CONST: suffix = " const"; break;
	case BTF_KIND_VOLATILE: suffix = " volatile"; break;
	case BTF_KIND_RESTRICT: suffix = " restrict"; break;
	case BTF_KIND_FUNC_PROTO: suffix = "()"; break;
	case BTF_KIND_ARRAY:
		return arena_printf(bf->mem, "%s[]", spell(bf,
				    btf_array(bt)->type, depth + 1));
	default: break;
	}
	name = text(bf, bt->name_off);
	if (!*suffix)
		return arena_printf(bf->mem, "%s%s", word,
				    *name ? name : "{unknown}");
	return arena_printf(bf->mem, "%s%s", spell(bf, bt->type, depth + 1),
			    suffix);
}

const char *btf_spell(struct btf_facts *bf, uint32_t type)
{
	return spell(bf, type, 0);
}

/* --- tracepoints ------------------------------------------------------------- */

/* btf_trace_NAME is a typedef of a pointer to what handlers look like. */
void btf_each_trace(struct btf_facts *bf,
		    void (*each)(void *arg, const char *name, uint32_t id),
		    void *arg)
{
	static const char prefix[] = "btf_trace_";
	uint32_t id, n = btf__type_cnt(bf->btf);

	for (id = 1; id < n; id++) {
		const struct btf_type *bt = btf__type_by_id(bf->btf, id);
		const struct btf_type *ptr;
		const char *name;

		if (!btf_is_typedef(bt))
			continue;
		name = text(bf, bt->name_off);
		if (strncmp(name, prefix, sizeof(prefix) - 1))
			continue;
		ptr = btf__type_by_id(bf->btf, bt->type);
		if (ptr && btf_is_ptr(ptr) && proto_of(bf, ptr->type))
			each(arg, name + sizeof(prefix) - 1, ptr->type);
	}
}

struct tracearg *btf_trace_args(struct btf_facts *bf, struct binary *b,
				const char *name, uint32_t id, size_t *n)
{
	const struct btf_type *proto = proto_of(bf, id), *other = NULL;
	struct tracearg *args;
	size_t i;

	*n = proto && btf_vlen(proto) ? btf_vlen(proto) - 1u : 0;
	args = NEW_ARRAY(bf->mem, struct tracearg, *n + 1);
	for (i = 0; i < 2 && !other; i++) {	/* either has the names */
		int fn = btf_func_id(bf, i ?
			arena_printf(bf->mem, "__bpf_trace_%s", name) :
			arena_printf(bf->mem, "__traceiter_%s", name));

		other = fn ? proto_of(bf, (uint32_t)fn) : NULL;
		if (other && btf_vlen(other) != *n + 1)
			other = NULL;
	}
	for (i = 0; i < *n; i++) {
		const char *s = text(bf, btf_params(other ? other : proto)
				     [i + 1].name_off);

		args[i].spelled = btf_params(proto)[i + 1].type;
		args[i].type = type_of(bf, b, (uint32_t)args[i].spelled);
		args[i].name = *s ? s : arena_printf(bf->mem, "arg%zu", i + 1);
	}
	return args;
}
