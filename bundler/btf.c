/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * btf.c - the BTF of our own programs, reduced to what the kernel needs to
 * accept func_info (callbacks are refused without it): functions, prototypes
 * and the types these name. Variables and data sections, which kernels are
 * particular about, are thereby gone.
 *
 * In: .BTF and .BTF.ext as clang wrote them. Out: a new .BTF, and which
 * function starts where. Types keep their order, so equal inputs give equal
 * bytes.
 */
#include "bundler/bundle.h"

#include <linux/btf.h>
#include <string.h>

struct btf_in {
	const char *path;
	const uint8_t *types, *strings;
	uint32_t types_size, strings_size;
	VEC(uint32_t) at;	/* offset of type id - 1 */
	uint32_t *new_id;	/* by id; 0 not kept, KEEP not numbered yet */
};
#define KEEP UINT32_MAX

struct btf_out {
	struct text types, strings;
	struct dict seen;	/* string -> offset + 1 */
};

static bool damaged(const char *path)
{
	return wrong(path, 0, "damaged BTF");
}

/* Bytes behind struct btf_type; -1: a kind not known here. */
static int extra_size(const struct btf_type *t)
{
	int n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return n * (int)sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return n * (int)sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return n * (int)sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return n * (int)sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return n * (int)sizeof(struct btf_var_secinfo);
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	}
	return -1;
}

static const char *name_at(const struct btf_in *in, uint32_t off)
{
	return off < in->strings_size ? (const char *)in->strings + off : "";
}

static bool open_btf(struct btf_in *in, const uint8_t *raw, size_t size)
{
	struct btf_header h;

	if (size < sizeof(h))
		return damaged(in->path);
	memcpy(&h, raw, sizeof(h));
	if (h.magic != BTF_MAGIC || h.hdr_len < sizeof(h) ||
	    h.hdr_len > size || h.type_off % 4 || h.hdr_len % 4 ||
	    h.type_off > size - h.hdr_len ||
	    h.type_len > size - h.hdr_len - h.type_off ||
	    h.str_off > size - h.hdr_len ||
	    h.str_len > size - h.hdr_len - h.str_off || !h.str_len ||
	    raw[h.hdr_len + h.str_off + h.str_len - 1])
		return damaged(in->path);
	in->types = raw + h.hdr_len + h.type_off;
	in->types_size = h.type_len;
	in->strings = raw + h.hdr_len + h.str_off;
	in->strings_size = h.str_len;
	return true;
}

static bool find_types(struct arena *mem, struct btf_in *in)
{
	uint32_t off = 0;

	while (off < in->types_size) {
		const struct btf_type *t = (const void *)(in->types + off);
		uint32_t left = in->types_size - off;

		if (left < sizeof(*t) || extra_size(t) < 0 ||
		    left - sizeof(*t) < (uint32_t)extra_size(t))
			return damaged(in->path);
		vec_push(mem, &in->at, off);
		off += (uint32_t)sizeof(*t) + (uint32_t)extra_size(t);
	}
	return true;
}

static const struct btf_type *type_at(const struct btf_in *in, uint32_t id)
{
	return id && id <= in->at.n ?
		(const void *)(in->types + in->at.v[id - 1]) : NULL;
}

/*
 * Calls visit for each type id that t holds, in the copy that follows t in
 * memory; visit may rewrite it.
 */
static void each_ref(struct btf_type *t,
		     void (*visit)(struct btf_in *, uint32_t *),
		     struct btf_in *in)
{
	uint32_t i, n = BTF_INFO_VLEN(t->info);
	struct btf_array *array = (void *)(t + 1);
	struct btf_member *members = (void *)(t + 1);
	struct btf_param *params = (void *)(t + 1);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_ARRAY:
		visit(in, &array->type);
		visit(in, &array->index_type);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		for (i = 0; i < n; i++)
			visit(in, &members[i].type);
		break;
	case BTF_KIND_FUNC_PROTO:
		for (i = 0; i < n; i++)
			visit(in, &params[i].type);
		visit(in, &t->type);
		break;
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_TYPE_TAG:
		visit(in, &t->type);
		break;
	}
}

static void mark(struct btf_in *in, uint32_t *id)
{
	if (type_at(in, *id))
		in->new_id[*id] = KEEP;
}

static void renumber(struct btf_in *in, uint32_t *id)
{
	*id = type_at(in, *id) ? in->new_id[*id] : 0;
}

/* References go both ways in the table: until nothing is added. */
static void mark_reached(struct btf_in *in)
{
	uint32_t id, last = UINT32_MAX, now = 0;

	while (now != last) {
		last = now;
		for (id = 1, now = 0; id <= in->at.n; id++)
			if (in->new_id[id]) {
				each_ref((void *)(uintptr_t)type_at(in, id),
					 mark, in);
				now++;
			}
	}
}

static uint32_t put_string(struct btf_in *in, struct btf_out *out,
			   uint32_t off)
{
	const char *s = name_at(in, off);
	void **at = dict_at(&out->seen, s);

	if (!*at) {
		*at = (void *)(uintptr_t)(out->strings.n + 1);
		text_add(&out->strings, s, strlen(s) + 1);
	}
	return (uint32_t)(uintptr_t)*at - 1;
}

static void put_type(struct btf_in *in, struct btf_out *out, uint32_t id)
{
	const struct btf_type *from = type_at(in, id);
	size_t i, size = sizeof(*from) + (size_t)extra_size(from);
	size_t row = 0, at = out->types.n;
	struct btf_type *t;

	text_add(&out->types, (const char *)from, size);
	t = (void *)(out->types.s + at);
	t->name_off = put_string(in, out, t->name_off);
	each_ref(t, renumber, in);
	switch (BTF_INFO_KIND(t->info)) {	/* rows that begin with a name */
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		row = sizeof(struct btf_member);
		break;
	case BTF_KIND_ENUM:
		row = sizeof(struct btf_enum);
		break;
	case BTF_KIND_ENUM64:
		row = sizeof(struct btf_enum64);
		break;
	case BTF_KIND_FUNC_PROTO:
		row = sizeof(struct btf_param);
		break;
	}
	for (i = 0; row && i < BTF_INFO_VLEN(t->info); i++) {
		uint32_t *name = (void *)((char *)(t + 1) + i * row);

		*name = put_string(in, out, *name);
	}
}

bool btf_keep(struct arena *mem, const char *path, const uint8_t *raw,
	      size_t size, uint32_t *ids, size_t n, struct text *text)
{
	struct btf_in in = { .path = path };
	struct btf_out out = {
		.types.mem = mem, .strings.mem = mem, .seen.mem = mem,
	};
	struct btf_header h = {
		.magic = BTF_MAGIC, .version = BTF_VERSION,
		.hdr_len = sizeof(h),
	};
	uint32_t id, next = 1;

	if (!open_btf(&in, raw, size) || !find_types(mem, &in))
		return false;
	in.new_id = NEW_ARRAY(mem, uint32_t, in.at.n + 1);
	for (size_t i = 0; i < n; i++) {
		if (!type_at(&in, ids[i]))
			return damaged(path);
		mark(&in, &ids[i]);
	}
	mark_reached(&in);
	for (id = 1; id <= in.at.n; id++)
		if (in.new_id[id])
			in.new_id[id] = next++;
	text_add(&out.strings, "", 1);
	*dict_at(&out.seen, "") = (void *)1;
	for (id = 1; id <= in.at.n; id++)
		if (in.new_id[id])
			put_type(&in, &out, id);
	for (size_t i = 0; i < n; i++)
		renumber(&in, &ids[i]);
	h.type_len = h.str_off = (uint32_t)out.types.n;
	h.str_len = (uint32_t)out.strings.n;
	text_add(text, (const char *)&h, sizeof(h));
	text_add(text, out.types.s, out.types.n);
	text_add(text, out.strings.s, out.strings.n);
	return true;
}

/* .BTF.ext: a header, then for each section a name and a list of records. */
struct ext_header {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t hdr_len, func_off, func_len, line_off, line_len;
};
struct ext_section {
	uint32_t name, count;
};
struct ext_func {
	uint32_t offset, type;
};

/* What is left of the func_info part while it is read. */
struct cursor {
	const uint8_t *p;
	size_t left;
};

static bool take(struct cursor *c, void *to, size_t n, size_t skip)
{
	if (skip < n || c->left < skip)
		return false;
	memcpy(to, c->p, n);
	c->p += skip;
	c->left -= skip;
	return true;
}

bool btf_func_info(const char *path, const uint8_t *btf, size_t btf_size,
		   const uint8_t *ext, size_t ext_size,
		   void (*found)(void *, const char *, uint32_t, uint32_t),
		   void *arg)
{
	struct btf_in in = { .path = path };
	struct cursor c = { ext, ext_size };
	struct ext_header h;
	struct ext_section s;
	struct ext_func f;
	uint32_t row;

	if (!open_btf(&in, btf, btf_size))
		return false;
	if (!take(&c, &h, sizeof(h), sizeof(h)) || h.magic != BTF_MAGIC ||
	    h.hdr_len > ext_size || h.func_off > ext_size - h.hdr_len ||
	    h.func_len > ext_size - h.hdr_len - h.func_off)
		return damaged(path);
	c = (struct cursor){ ext + h.hdr_len + h.func_off, h.func_len };
	if (!c.left)
		return true;
	if (!take(&c, &row, sizeof(row), sizeof(row)))
		return damaged(path);
	while (c.left) {
		if (!take(&c, &s, sizeof(s), sizeof(s)))
			return damaged(path);
		while (s.count--) {
			if (!take(&c, &f, sizeof(f), row))
				return damaged(path);
			found(arg, name_at(&in, s.name), f.offset, f.type);
		}
	}
	return true;
}
