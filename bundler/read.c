/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read.c - the one reader of bundles: bundler, loader and fuzzers share it.
 *
 * In: bytes that anyone may have written. Out: pointers to what lies inside
 * them, given out only after every offset, count and digest on the way there
 * was checked. It neither allocates nor writes anywhere but to buffers of the
 * caller. The first error sticks in the reader.
 */
#include "bundler/stb.h"
#include "bundler/served.h"
#include "runtime/abi.h"

#define ZSTD_STATIC_LINKING_ONLY
#include <sodium/crypto_generichash_blake2b.h>
#include <string.h>
#include <zstd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "structs are read in place: this machine must be little-endian");

enum {
	HEADER_DIGESTED = 32,	/* bytes of the header before its digest */
	MAX_TABLES = 64,
	MAX_KEY = 1 << 16,
	MAX_FRAME = 1 << 20,
	ZSTD_WORK = 128 << 10,	/* 96 KB wanted by zstd 1.5 */
	LD_IMM64 = 0x18,
};

static bool fail(struct stb_reader *r, enum stb_error e, const char *in,
		 uint64_t at)
{
	if (!r->error) {
		r->error = e;
		r->error_in = in;
		r->error_at = at;
	}
	return false;
}

const char *stb_error_text(enum stb_error e)
{
	switch (e) {
	case STB_OK:
		return "nothing wrong";
	case STB_E_TRUNCATED:
		return "the file is truncated";
	case STB_E_MAGIC:
		return "not a bundle";
	case STB_E_NEWER:
		return "written in a newer format than this program reads";
	case STB_E_DIGEST:
		return "damaged: bytes do not have the digest they were "
		       "written with";
	case STB_E_TOC:
		return "damaged: the table of contents makes no sense";
	case STB_E_ZSTD:
		return "damaged: not the compressed data that was promised";
	case STB_E_TABLE:
		return "damaged: a section's tables make no sense";
	case STB_E_SECTION:
		return "damaged: no such section";
	case STB_E_TOO_BIG:
		return "larger than this program accepts";
	case STB_E_VALUE:
		return "damaged: a table holds a value that makes no sense";
	}
	return "unknown error";
}

bool stb_unwrap(const void **data, size_t *size)
{
	struct stb_self t;
	size_t room = *size - sizeof(t);

	if (*size < sizeof(t))
		return false;
	memcpy(&t, (const uint8_t *)*data + room, sizeof(t));
	if (memcmp(t.magic, STB_SELF_MAGIC, sizeof(t.magic)) ||
	    t.offset > room || t.offset % 8)
		return false;
	*data = (const uint8_t *)*data + t.offset;
	*size = room - t.offset;
	return true;
}

/* --- header and table of contents ---------------------------------------- */

static bool all_zero(const uint8_t *p, size_t n)
{
	for (; n; n--)
		if (*p++)
			return false;
	return true;
}

static bool check_header(struct stb_reader *r)
{
	const struct stb_header *h = r->header;

	if (memcmp(r->data, STB_MAGIC,
		   r->size < sizeof(h->magic) ? r->size : sizeof(h->magic)))
		return fail(r, STB_E_MAGIC, "file offset", 0);
	if (r->size < sizeof(*h))
		return fail(r, STB_E_TRUNCATED, "file offset", r->size);
	if (h->major > STB_MAJOR || h->flags)
		return fail(r, STB_E_NEWER, "file offset",
			    offsetof(struct stb_header, major));
	if (!h->major || h->toc_offset < sizeof(*h) || h->toc_offset % 8 ||
	    h->toc_entry_size < sizeof(struct stb_toc) ||
	    h->toc_entry_size % 8 || h->toc_entry_size > 4096 || !h->toc_count)
		return fail(r, STB_E_TOC, "file offset",
			    offsetof(struct stb_header, toc_offset));
	if (h->toc_count > STB_MAX_SECTIONS)
		return fail(r, STB_E_TOO_BIG, "file offset",
			    offsetof(struct stb_header, toc_count));
	return true;
}

static uint64_t toc_end(const struct stb_header *h)
{
	return h->toc_offset + (uint64_t)h->toc_count * h->toc_entry_size;
}

static bool check_toc_digest(struct stb_reader *r)
{
	const struct stb_header *h = r->header;
	crypto_generichash_blake2b_state state;
	uint8_t digest[STB_DIGEST_SIZE];

	if (toc_end(h) > r->size)
		return fail(r, STB_E_TRUNCATED, "file offset", r->size);
	crypto_generichash_blake2b_init(&state, NULL, 0, sizeof(digest));
	crypto_generichash_blake2b_update(&state, r->data, HEADER_DIGESTED);
	crypto_generichash_blake2b_update(&state, r->data + h->toc_offset,
					  toc_end(h) - h->toc_offset);
	crypto_generichash_blake2b_final(&state, digest, sizeof(digest));
	if (memcmp(digest, h->toc_digest, sizeof(digest)))
		return fail(r, STB_E_DIGEST, "file offset", h->toc_offset);
	if (!all_zero(r->data + sizeof(*h), h->toc_offset - sizeof(*h)))
		return fail(r, STB_E_DIGEST, "file offset", sizeof(*h));
	return true;
}

static const struct stb_toc *toc_row(const struct stb_reader *r, uint32_t i)
{
	return (const void *)(r->data + r->header->toc_offset +
			      (size_t)i * r->header->toc_entry_size);
}

/* One row; sections stand in the order of the table, after `end`. */
static bool check_toc_row(struct stb_reader *r, uint32_t i, uint64_t end)
{
	const struct stb_toc *t = toc_row(r, i);

	if (t->flags & ~STB_MAY_IGNORE)
		return fail(r, STB_E_NEWER, "section", i);
	if ((t->kind < STB_SEC_INDEX || (t->kind > STB_SEC_SYMBOLS &&
	     t->kind != STB_SEC_MODULE)) &&
	    !(t->flags & STB_MAY_IGNORE))
		return fail(r, STB_E_NEWER, "section", i);
	if ((t->kind == STB_SEC_INDEX) != (i == 0) || t->offset % 8 ||
	    t->offset < end || t->offset - end >= 8)
		return fail(r, STB_E_TOC, "section", i);
	if (t->raw_size > STB_MAX_RAW ||
	    (t->raw_size > STB_FREE_RAW &&
	     t->raw_size / STB_MAX_RATIO > t->size))
		return fail(r, STB_E_TOO_BIG, "section", i);
	if (t->offset > r->size || t->size > r->size - t->offset)
		return fail(r, STB_E_TRUNCATED, "section", i);
	return true;
}

/* No more than the file can be of, together: `raw` bytes. */
static bool total_ok(const struct stb_reader *r, uint64_t raw)
{
	return raw <= STB_MAX_RAW || (raw <= STB_MAX_ALL &&
				      raw / STB_MAX_RATIO <= r->size);
}

bool stb_open(struct stb_reader *r, const void *data, size_t size)
{
	uint64_t end, raw = 0;

	*r = (struct stb_reader){
		.data = data, .size = size, .header = data,
	};
	if (!check_header(r) || !check_toc_digest(r))
		return false;
	end = toc_end(r->header);
	for (uint32_t i = 0; i < r->header->toc_count; i++) {
		if (!check_toc_row(r, i, end))
			return false;
		end = toc_row(r, i)->offset + toc_row(r, i)->size;
		raw += toc_row(r, i)->raw_size;
		if (!total_ok(r, raw))
			return fail(r, STB_E_TOO_BIG, "section", i);
	}
	return true;
}

const struct stb_toc *stb_toc_at(struct stb_reader *r, uint32_t i)
{
	if (r->error)
		return NULL;
	if (i >= r->header->toc_count) {
		fail(r, STB_E_SECTION, "section", i);
		return NULL;
	}
	return toc_row(r, i);
}

uint32_t stb_toc_count(const struct stb_reader *r)
{
	return r->error ? 0 : r->header->toc_count;
}

/* --- sections --------------------------------------------------------------- */

size_t stb_section_size(struct stb_reader *r, uint32_t i)
{
	const struct stb_toc *t = stb_toc_at(r, i);

	if (t && t->raw_size < sizeof(struct stb_tables)) {
		fail(r, STB_E_TABLE, "section", i);
		return 0;
	}
	return t ? t->raw_size : 0;
}

bool stb_section_verify(struct stb_reader *r, uint32_t i)
{
	const struct stb_toc *t = stb_toc_at(r, i);
	uint8_t digest[STB_DIGEST_SIZE];
	uint64_t end, next;

	if (!t)
		return false;
	crypto_generichash_blake2b(digest, sizeof(digest), r->data + t->offset,
				   t->size, NULL, 0);
	if (memcmp(digest, t->digest, sizeof(digest)))
		return fail(r, STB_E_DIGEST, "section", i);
	end = t->offset + t->size;
	next = i + 1 < stb_toc_count(r) ? toc_row(r, i + 1)->offset : end;
	if (!all_zero(r->data + end, next - end))
		return fail(r, STB_E_DIGEST, "section", i);
	return true;
}

/* One frame, of the current format, that states its size and fills the
   section: nothing behind it that no one would look at. */
static bool frame_ok(const struct stb_toc *t, const uint8_t *frame)
{
	uint32_t magic = 0;

	if (t->size >= sizeof(magic))
		memcpy(&magic, frame, sizeof(magic));
	return magic == ZSTD_MAGICNUMBER &&
	       ZSTD_getFrameContentSize(frame, t->size) == t->raw_size &&
	       ZSTD_findFrameCompressedSize(frame, t->size) == t->size;
}

static bool decompress(struct stb_reader *r, uint32_t i, void *buf)
{
	const struct stb_toc *t = toc_row(r, i);
	_Alignas(16) uint8_t work[ZSTD_WORK];
	ZSTD_DCtx *dctx = ZSTD_initStaticDCtx(work, sizeof(work));

	if (!dctx || !frame_ok(t, r->data + t->offset) || ZSTD_decompressDCtx(dctx, buf, t->raw_size,
					 r->data + t->offset,
					 t->size) != t->raw_size)
		return fail(r, STB_E_ZSTD, "section", i);
	return true;
}

/* Bytes that a row has at least; 0: a kind this reader does not know. */
static size_t row_size(uint32_t kind)
{
	switch ((enum stb_table_kind)kind) {
	case STB_T_STRINGS:
	case STB_T_GLOBALS_IMAGE:
	case STB_T_RODATA:
	case STB_T_BTF:
	case STB_T_SOURCE:
	case STB_T_SYM_ADDRS:
	case STB_T_SYM_NAMES:
	case STB_T_SYM_FILES:
	case STB_T_SYM_LINES:
	case STB_T_OBJECT:
		return 1;
	case STB_T_BUNDLE:
		return STB_BUNDLE_FIRST;
	case STB_T_VARIANTS:
		return sizeof(struct stb_variant);
	case STB_T_LIMITS:
		return sizeof(struct stb_limits);
	case STB_T_MAPS:
		return sizeof(struct stb_map);
	case STB_T_GLOBALS:
		return sizeof(struct stb_global);
	case STB_T_FORMATS:
		return sizeof(struct stb_format);
	case STB_T_BUILDS:
		return sizeof(struct stb_program_build);
	case STB_T_PROGS:
		return sizeof(struct stb_prog);
	case STB_T_SITES:
		return sizeof(struct stb_site);
	case STB_T_HANDLERS:
		return sizeof(struct stb_handler);
	case STB_T_EVENTS:
		return sizeof(struct stb_event);
	case STB_T_SYMBOLS:
		return sizeof(struct stb_symbols);
	case STB_T_SYM_LOADS:
		return sizeof(struct stb_sym_load);
	case STB_T_SYM_RULES:
		return sizeof(struct stb_unwind_rule);
	case STB_T_SYM_UNWIND:
		return sizeof(struct stb_unwind_row);
	case STB_T_SYM_RANGES:
		return sizeof(struct stb_sym_range);
	case STB_T_FILES:
		return sizeof(struct stb_file);
	case STB_T_INSNS:
		return sizeof(uint64_t);
	case STB_T_RELOCS:
		return sizeof(struct stb_reloc);
	case STB_T_FUNC_INFO:
		return sizeof(struct stb_func_info);
	case STB_T_MODULE:
		return sizeof(struct stb_module);
	case STB_T_VERSIONS:
		return sizeof(struct stb_version);
	}
	return 0;
}

/* Is the row size one that a reader can take its part of? */
static bool row_size_ok(const struct stb_table *t)
{
	size_t known = row_size(t->kind);

	if (known == 1 || t->kind == STB_T_INSNS || t->kind == STB_T_FUNC_INFO)
		return t->entry_size == known;
	if (!known && t->entry_size == 1)
		return true;
	return t->entry_size && t->entry_size % 8 == 0 &&
	       t->entry_size >= known;
}

static const struct stb_table *find_table(const struct stb_set *s,
					  uint32_t kind)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->tables[i].kind == kind)
			return &s->tables[i];
	return NULL;
}

static bool tables_ok(const struct stb_set *s)
{
	uint64_t end = sizeof(struct stb_tables) +
		       (uint64_t)s->count * sizeof(struct stb_table);

	if (s->count > MAX_TABLES || end > s->size)
		return false;
	for (uint32_t i = 0; i < s->count; i++) {
		const struct stb_table *t = &s->tables[i];
		uint64_t size = (uint64_t)t->entry_size * t->count;

		if (t->offset % 8 || t->offset < end || !row_size_ok(t) ||
		    t->offset > s->size || size > s->size - t->offset)
			return false;
		if (find_table(s, t->kind) != t)
			return false;	/* there twice */
		end = t->offset + size;
	}
	return true;
}

static bool find_strings(struct stb_set *s)
{
	const struct stb_table *t = find_table(s, STB_T_STRINGS);

	s->strings = "";
	s->strings_size = 1;
	if (!t)
		return true;
	s->strings = (const char *)s->data + t->offset;
	s->strings_size = t->count;
	return t->count && !s->strings[0] && !s->strings[t->count - 1];
}

bool stb_section_read(struct stb_reader *r, uint32_t i, void *buf, size_t size,
		      struct stb_set *set)
{
	size_t raw = stb_section_size(r, i);

	*set = (struct stb_set){ .strings = "", .strings_size = 1 };
	if (!raw)
		return false;
	if (size < raw)
		return fail(r, STB_E_TOO_BIG, "section", i);
	if (!stb_section_verify(r, i) || !decompress(r, i, buf))
		return false;
	set->data = buf;
	set->size = raw;
	set->count = ((const struct stb_tables *)buf)->count;
	set->tables = (const struct stb_table *)
		(set->data + sizeof(struct stb_tables));
	if (!tables_ok(set) || !find_strings(set)) {
		*set = (struct stb_set){ .strings = "", .strings_size = 1 };
		return fail(r, STB_E_TABLE, "section", i);
	}
	return true;
}

const void *stb_table(const struct stb_set *s, uint32_t kind, size_t known,
		      uint32_t *count, uint32_t *stride)
{
	const struct stb_table *t = s ? find_table(s, kind) : NULL;

	*count = 0;
	*stride = 0;
	if (!t || t->entry_size < known || !t->count)
		return NULL;
	*count = t->count;
	*stride = t->entry_size;
	return s->data + t->offset;
}

const char *stb_string(const struct stb_set *s, stb_str off)
{
	return off < s->strings_size ? s->strings + off : "";
}

/* --- what rows say ------------------------------------------------------------ */

/* A table while it is looked at; ROW(&rows, type, i). */
struct rows {
	const void *base;
	uint32_t n, stride;
};
#define ROW(t, type, i) STB_ROW(type, (t)->base, (t)->stride, i)

static struct rows rows_of(const struct stb_set *s, uint32_t kind)
{
	struct rows t;

	t.base = stb_table(s, kind, row_size(kind), &t.n, &t.stride);
	return t;
}

/* Rows may share a string, of which a program makes one for each of them. */
static bool str_ok(struct stb_reader *r, const struct stb_set *s, stb_str off)
{
	if (off >= s->strings_size)
		return false;
	r->strings += strlen(stb_string(s, off));
	return total_ok(r, r->strings) ||
	       fail(r, STB_E_TOO_BIG, "strings of rows, bytes", r->strings);
}

static bool id_ok(const struct stb_build_id *id)
{
	return id->len <= sizeof(id->bytes);
}

static bool range_ok(uint32_t first, uint32_t count, uint32_t n)
{
	return first <= n && count <= n - first;
}

uint32_t stb_generation(const struct stb_set *index)
{
	struct rows b = rows_of(index, STB_T_BUNDLE);

	return b.n && b.stride >= sizeof(struct stb_bundle) ?
		ROW(&b, struct stb_bundle, 0)->generation : 0;
}

uint32_t stb_privilege(const struct stb_set *index)
{
	struct rows b = rows_of(index, STB_T_BUNDLE);

	return b.n && b.stride >= sizeof(struct stb_bundle) ?
		ROW(&b, struct stb_bundle, 0)->privilege : STB_STAPDEV;
}

/* Section number i of a variant: 0, or of that kind. */
static bool section_is(const struct stb_reader *r, uint32_t i, uint32_t kind)
{
	return !i || (i < r->header->toc_count && toc_row(r, i)->kind == kind);
}

bool stb_validate_index(struct stb_reader *r, const struct stb_set *index)
{
	struct rows b = rows_of(index, STB_T_BUNDLE);
	struct rows v = rows_of(index, STB_T_VARIANTS);

	if (r->error)
		return false;
	r->strings = 0;
	if (b.n != 1 ||
	    !str_ok(r, index, ROW(&b, struct stb_bundle, 0)->script) ||
	    !str_ok(r, index, ROW(&b, struct stb_bundle, 0)->compiler) ||
	    stb_privilege(index) > STB_STAPUSR)
		return fail(r, STB_E_VALUE, "bundle row", 0);
	for (uint32_t i = 0; i < v.n; i++) {
		const struct stb_variant *p = ROW(&v, struct stb_variant, i);

		if (!str_ok(r, index, p->name) ||
		    !str_ok(r, index, p->release) ||
		    !id_ok(&p->kernel) || !p->meta ||
		    !section_is(r, p->meta, STB_SEC_META) ||
		    !section_is(r, p->kcode, STB_SEC_KCODE) ||
		    !section_is(r, p->ucode, STB_SEC_UCODE) ||
		    !section_is(r, p->module, STB_SEC_MODULE) ||
		    (p->module && (p->kcode || p->ucode)) ||
		    !section_is(r, p->script, STB_SEC_SCRIPT))
			return fail(r, STB_E_VALUE, "variant", i);
	}
	return true;
}

/* A variant while it is checked. */
struct variant {
	struct stb_reader *r;
	const struct stb_set *meta, *kcode, *ucode;
	const struct stb_limits *limits;
	struct rows maps, progs;
};

static bool named(const struct variant *v, stb_str off)
{
	return str_ok(v->r, v->meta, off);
}

static bool check_limits(struct variant *v)
{
	struct rows t = rows_of(v->meta, STB_T_LIMITS);
	struct rows image = rows_of(v->meta, STB_T_GLOBALS_IMAGE);
	const struct stb_limits *l;

	if (t.n != 1)
		return fail(v->r, STB_E_VALUE, "limits row", t.n);
	v->limits = l = ROW(&t, struct stb_limits, 0);
	if (l->needs & ~(STB_NEEDS_SLIDE | STB_NEEDS_MEMORY |
			 STB_NEEDS_MODULES | STB_NEEDS_PROGRAMS |
			 STB_NEEDS_MODULE | STB_NEEDS_CONDITIONS |
			 STB_NEEDS_PROCESSES))
		return fail(v->r, STB_E_NEWER, "limits row", 0);
	if (l->string_len < 2 || l->string_len > MAX_KEY ||
	    l->frame_size > MAX_FRAME || l->frame_levels > 64 ||
	    l->max_nesting > 1024 || l->user_stack > STB_MAX_RAW ||
	    l->globals_size > STB_MAX_RAW || image.n > l->globals_size)
		return fail(v->r, STB_E_VALUE, "limits row", 0);
	return true;
}

/* Bytes that keys or values of that type take; 0: no such type. */
static uint32_t type_size(const struct variant *v, int type)
{
	return type == 'l' ? 8 : type == 's' ? v->limits->string_len : 0;
}

static bool key_ok(const struct variant *v, const struct stb_map *m)
{
	const char *keys = stb_string(v->meta, m->keys);
	uint64_t size = 0, width;

	while (*keys && size <= MAX_KEY) {
		width = type_size(v, *keys);
		if (*keys++ == 's' && *keys >= '0' && *keys <= '9')
			for (width = 0; *keys >= '0' && *keys <= '9' &&
					width <= MAX_KEY; keys++)
				width = width * 10 + (uint64_t)(*keys - '0');
		if (!width || width % 8)
			return false;
		size += width;
	}
	return size ? m->key_size == size : true;
}

/* What a value of the script's takes at least, without the time of insertion;
   0: makes no sense. Histograms: see struct stb_stat in runtime/abi.h. */
static uint64_t value_need(const struct variant *v, const struct stb_map *m)
{
	enum { STAT = 48, LOG_BUCKETS = 129, HIST_LOG = 1 << 6,
	       HIST_LINEAR = 1 << 7 };
	uint64_t need = STAT, steps;

	if (m->value != 'x')
		return m->value == 'l' || m->value == 's' ? 8 : 0;
	if (m->stat_ops & HIST_LOG)
		need += LOG_BUCKETS * 8;
	if (m->stat_ops & HIST_LINEAR) {
		if (m->hist_step <= 0 || m->hist_hi <= m->hist_lo)
			return 0;
		steps = ((uint64_t)m->hist_hi - (uint64_t)m->hist_lo) /
			(uint64_t)m->hist_step;
		if (steps > STB_MAX_RAW / 8)
			return 0;
		need += (steps + 3) * 8;
	}
	return need;
}

/* One that the loader fills, which knows what is in there. */
static bool filled_ok(const struct stb_map *m)
{
	const uint32_t what = m->flags & (STB_MAPF_TASKS | STB_MAPF_FILES |
					  STB_MAPF_BUILDS);
	bool plain = m->type == STB_MAP_HASH;

	switch (what) {
	case 0:
		return true;
	case STB_MAPF_TASKS:
		return plain && m->key_size == 8 && m->value_size == 8;
	case STB_MAPF_FILES:
		return plain && m->key_size == 16 && m->value_size == 8;
	case STB_MAPF_BUILDS:
		return plain && !m->value &&
		       m->key_size == sizeof(struct stb_build_key) &&
		       m->value_size == sizeof(struct stb_build);
	}
	return false;
}

static bool map_ok(const struct variant *v, const struct stb_map *m)
{
	uint64_t need;

	if (!named(v, m->name) || !named(v, m->keys) ||
	    m->key_size > MAX_KEY || m->value_size > STB_MAX_RAW ||
	    !filled_ok(m))
		return false;
	switch ((enum stb_map_type)m->type) {
	case STB_MAP_RINGBUF:
		return !m->value;
	case STB_MAP_GLOBALS:
		return m->id == STB_MAP_ID_GLOBALS && m->key_size == 4 &&
		       m->max_entries == 1 && !m->value &&
		       m->value_size == v->limits->globals_size;
	case STB_MAP_RODATA:
		return m->id == STB_MAP_ID_RODATA && m->key_size == 4 &&
		       m->max_entries == 1 && v->kcode && !m->value &&
		       m->value_size == rows_of(v->kcode, STB_T_RODATA).n;
	case STB_MAP_PAGES:
		return m->id < STB_MAP_ID_GLOBALS && m->key_size == 4 &&
		       m->value_size == STB_TABLE_PAGE && !m->value;
	case STB_MAP_HASH:
	case STB_MAP_PERCPU_HASH:
	case STB_MAP_PERCPU_ARRAY:
	case STB_MAP_LOADER:
		if (m->id >= STB_MAP_ID_GLOBALS || !m->max_entries ||
		    !m->key_size || !m->value_size ||
		    (m->type == STB_MAP_PERCPU_ARRAY && m->key_size != 4))
			return false;
		if (!m->value)
			return true;
		need = value_need(v, m);
		return need && need <= m->value_size &&
		       m->value_size % 8 == 0 && key_ok(v, m);
	}
	return false;
}

static const struct stb_map *map_by_id(const struct variant *v, uint32_t id)
{
	for (uint32_t i = 0; i < v->maps.n; i++)
		if (ROW(&v->maps, struct stb_map, i)->id == id)
			return ROW(&v->maps, struct stb_map, i);
	return NULL;
}

static bool check_maps(struct variant *v)
{
	v->maps = rows_of(v->meta, STB_T_MAPS);
	if (v->maps.n > STB_MAX_MAPS)
		return fail(v->r, STB_E_TOO_BIG, "map", v->maps.n);
	for (uint32_t i = 0; i < v->maps.n; i++) {
		const struct stb_map *m = ROW(&v->maps, struct stb_map, i);

		if (map_by_id(v, m->id) != m || !map_ok(v, m))
			return fail(v->r, STB_E_VALUE, "map", i);
	}
	return true;
}

static bool check_globals(struct variant *v)
{
	struct rows t = rows_of(v->meta, STB_T_GLOBALS);

	for (uint32_t i = 0; i < t.n; i++) {
		const struct stb_global *g = ROW(&t, struct stb_global, i);

		if (!named(v, g->name) || !g->size || g->size % 8 ||
		    (g->type != 's' && (g->type != 'l' || g->size != 8)) ||
		    g->offset % 8 ||
		    !range_ok(g->offset, g->size, v->limits->globals_size))
			return fail(v->r, STB_E_VALUE, "global", i);
	}
	return true;
}

static bool check_formats(struct variant *v)
{
	struct rows t = rows_of(v->meta, STB_T_FORMATS);

	for (uint32_t i = 0; i < t.n; i++) {
		const struct stb_format *f = ROW(&t, struct stb_format, i);

		if (!named(v, f->text) || !named(v, f->args) ||
		    f->text_len >= v->meta->strings_size - f->text ||
		    f->channel > STB_VALUE)
			return fail(v->r, STB_E_VALUE, "format", i);
	}
	return true;
}

/* A module's name becomes a part of paths in /sys. */
static bool module_ok(const struct variant *v,
		      const struct stb_program_build *b)
{
	const char *name = stb_string(v->meta, b->path);

	return b->id.len && *name && *name != '.' && !strpbrk(name, "/:") &&
	       strlen(name) < 64;
}

static bool check_builds(struct variant *v)
{
	struct rows t = rows_of(v->meta, STB_T_BUILDS);

	for (uint32_t i = 0; i < t.n; i++) {
		const struct stb_program_build *b =
			ROW(&t, struct stb_program_build, i);

		if (!named(v, b->path) || !id_ok(&b->id) ||
		    b->kind > STB_BUILD_PATH ||
		    (b->kind == STB_BUILD_PATH && b->id.len) ||
		    (b->kind == STB_BUILD_MODULE && !module_ok(v, b)))
			return fail(v->r, STB_E_VALUE, "program build", i);
	}
	return true;
}

static bool check_symbols(struct variant *v)
{
	struct rows t = rows_of(v->meta, STB_T_SYMBOLS);
	uint64_t raw = 0;	/* one section may be of several */

	for (uint32_t i = 0; i < t.n; i++) {
		const struct stb_symbols *s = ROW(&t, struct stb_symbols, i);

		if (!named(v, s->name) || !id_ok(&s->id) ||
		    s->kind < STB_BIN_KERNEL || s->kind > STB_BIN_PROGRAM ||
		    !s->section ||
		    !section_is(v->r, s->section, STB_SEC_SYMBOLS))
			return fail(v->r, STB_E_VALUE, "symbols row", i);
		raw += toc_row(v->r, s->section)->raw_size;
		if (!total_ok(v->r, raw))
			return fail(v->r, STB_E_TOO_BIG, "symbols row", i);
	}
	return true;
}

/* Relocation against an ld_imm64 within count instructions at code. */
static bool reloc_ok(const struct variant *v, const struct stb_reloc *rel,
		     const uint8_t *code, uint32_t count, bool kernel)
{
	const struct stb_map *m;
	uint32_t size;

	if (!range_ok(rel->insn, 2, count) ||
	    code[(size_t)rel->insn * 8] != LD_IMM64)
		return false;
	if (kernel) {
		m = map_by_id(v, rel->target);
		if (!m || m->type == STB_MAP_LOADER)
			return false;
		if (rel->kind == STB_REL_MAP)
			return true;
		size = m->type == STB_MAP_GLOBALS ||
		       m->type == STB_MAP_RODATA ? m->value_size : 0;
	} else {
		size = rel->target == STB_MAP_ID_GLOBALS ?
			v->limits->globals_size :
			rel->target == STB_MAP_ID_RODATA ?
			rows_of(v->ucode, STB_T_RODATA).n : 0;
	}
	return rel->kind == STB_REL_MAP_VALUE && rel->addend < size;
}

static bool prog_type_ok(uint32_t type)
{
	switch ((enum stb_prog_type)type) {
	case STB_PROG_KPROBE:
	case STB_PROG_FENTRY:
	case STB_PROG_FEXIT:
	case STB_PROG_RAW_TP:
	case STB_PROG_PERF_EVENT:
	case STB_PROG_NETFILTER:
	case STB_PROG_TASKS:
		return true;
	}
	return false;
}

static bool prog_ok(const struct variant *v, const struct stb_prog *p)
{
	struct rows insns = rows_of(v->kcode, STB_T_INSNS);
	struct rows relocs = rows_of(v->kcode, STB_T_RELOCS);
	struct rows funcs = rows_of(v->kcode, STB_T_FUNC_INFO);
	uint32_t last = 0;

	if (v->limits->needs & STB_NEEDS_MODULE)
		return named(v, p->name) && prog_type_ok(p->type) &&
		       !p->insn_count && !p->reloc_count && !p->func_count;
	if (!named(v, p->name) || !prog_type_ok(p->type) ||
	    !p->insn_count ||
	    !range_ok(p->insn_first, p->insn_count, insns.n) ||
	    !range_ok(p->reloc_first, p->reloc_count, relocs.n) ||
	    !range_ok(p->func_first, p->func_count, funcs.n))
		return false;
	for (uint32_t i = 0; i < p->reloc_count; i++)
		if (!reloc_ok(v, ROW(&relocs, struct stb_reloc,
				     p->reloc_first + i),
			      (const uint8_t *)insns.base +
			      (size_t)p->insn_first * 8, p->insn_count, true))
			return false;
	for (uint32_t i = 0; i < p->func_count; i++) {
		uint32_t at = ROW(&funcs, struct stb_func_info,
				  p->func_first + i)->insn;

		if (at >= p->insn_count || (i ? at <= last : at != 0))
			return false;
		last = at;
	}
	return true;
}

static bool check_progs(struct variant *v)
{
	uint32_t relocs = 0, funcs = 0;	/* in order: each is looked at once */

	v->progs = rows_of(v->meta, STB_T_PROGS);
	for (uint32_t i = 0; i < v->progs.n; i++) {
		const struct stb_prog *p = ROW(&v->progs, struct stb_prog, i);

		if (p->reloc_first < relocs || p->func_first < funcs ||
		    !prog_ok(v, p))
			return fail(v->r, STB_E_VALUE, "program", i);
		relocs = p->reloc_first + p->reloc_count;
		funcs = p->func_first + p->func_count;
	}
	return true;
}

static bool event_ok(const struct variant *v, uint32_t row)
{
	struct rows t = rows_of(v->meta, STB_T_EVENTS);
	const struct stb_event *e;

	if (row >= t.n)
		return false;
	e = ROW(&t, struct stb_event, row);
	if (e->type == STB_EVENT_BREAKPOINT &&
	    (!e->access || e->access > 3 || !e->length || e->length > 8))
		return false;
	return e->rate && !(e->flags & ~(STB_EVENT_HZ | STB_EVENT_TARGET));
}

/* What the kernel takes it will tell; numbers must fit its fields. */
static bool hook_ok(const struct variant *v, uint32_t row)
{
	struct rows t = rows_of(v->meta, STB_T_EVENTS);
	const struct stb_event *e;

	if (row >= t.n)
		return false;
	e = ROW(&t, struct stb_event, row);
	return e->type < 256 && e->config < 256 && !e->flags &&
	       (int64_t)e->rate == (int32_t)e->rate;
}

/* Of that kind, where a site says that it is in one. */
static bool in_build(const struct variant *v, const struct stb_site *s,
		     enum stb_build_kind kind)
{
	struct rows t = rows_of(v->meta, STB_T_BUILDS);

	return s->build < t.n &&
	       ROW(&t, struct stb_program_build, s->build)->kind == kind;
}

static bool module_site_ok(const struct variant *v, const struct stb_site *s)
{
	return in_build(v, s, STB_BUILD_MODULE) &&
	       (s->attach == STB_AT_KPROBE || s->attach == STB_AT_KRETPROBE ||
		s->attach == STB_AT_RAW_TP) &&
	       *stb_string(v->meta, s->symbol) &&
	       strlen(stb_string(v->meta, s->symbol)) < 512 &&
	       !(s->flags & STB_SITE_BY_ADDRESS);
}

/* Data of a program: in its processes alone. */
static bool watch_ok(const struct variant *v, const struct stb_site *s)
{
	struct rows t = rows_of(v->meta, STB_T_EVENTS);
	const struct stb_event *e = ROW(&t, struct stb_event, s->event);

	return e->type == STB_EVENT_BREAKPOINT && !e->flags &&
	       in_build(v, s, STB_BUILD_PROGRAM);
}

static bool site_ok(const struct variant *v, const struct stb_site *s)
{
	uint32_t type;

	if (!named(v, s->name) || !named(v, s->symbol) ||
	    s->prog >= v->progs.n)
		return false;
	if (s->flags & STB_SITE_IN_MODULE && !module_site_ok(v, s))
		return false;
	if (s->flags & STB_SITE_IN_TASKS && s->attach != STB_AT_PERF_EVENT)
		return false;
	type = ROW(&v->progs, struct stb_prog, s->prog)->type;
	switch ((enum stb_attach)s->attach) {
	case STB_AT_KPROBE:
	case STB_AT_KRETPROBE:
		return type == STB_PROG_KPROBE &&
		       (*stb_string(v->meta, s->symbol) ||
			(s->flags & STB_SITE_BY_ADDRESS));
	case STB_AT_FENTRY:
		return type == STB_PROG_FENTRY;
	case STB_AT_FEXIT:
		return type == STB_PROG_FEXIT;
	case STB_AT_RAW_TP:
		return type == STB_PROG_RAW_TP &&
		       *stb_string(v->meta, s->symbol);
	case STB_AT_UPROBE:
	case STB_AT_URETPROBE:
		if (s->flags & STB_SITE_SEMAPHORE && !s->maxactive)
			return false;
		return type == STB_PROG_KPROBE &&
		       in_build(v, s, STB_BUILD_PROGRAM);
	case STB_AT_PERF_EVENT:
		return type == STB_PROG_PERF_EVENT && event_ok(v, s->event) &&
		       (!(s->flags & STB_SITE_IN_TASKS) || watch_ok(v, s));
	case STB_AT_NETFILTER:
		return type == STB_PROG_NETFILTER && hook_ok(v, s->event);
	case STB_AT_TASKS:
		return type == STB_PROG_TASKS;
	}
	return false;
}

static bool check_sites(struct variant *v)
{
	struct rows t = rows_of(v->meta, STB_T_SITES);

	for (uint32_t i = 0; i < t.n; i++)
		if (!site_ok(v, ROW(&t, struct stb_site, i)))
			return fail(v->r, STB_E_VALUE, "site", i);
	return true;
}

static bool file_ok(const struct variant *v, uint32_t row)
{
	struct rows t = rows_of(v->meta, STB_T_FILES);
	const struct stb_file *f;

	if (row >= t.n)
		return false;
	f = ROW(&t, struct stb_file, row);
	return named(v, f->path) && f->mode <= 0777 && f->max_size &&
	       f->max_size <= STB_MAX_FILE &&
	       served_path_ok(stb_string(v->meta, f->path));
}

static bool when_ok(const struct variant *v, const struct stb_handler *h)
{
	switch ((enum stb_when)h->when) {
	case STB_BEGIN:
	case STB_END:
	case STB_ON_ERROR:
		return true;
	case STB_TIMER:
		return h->period_ns && h->period_ns <= STB_MAX_PERIOD &&
		       h->random_ns <= h->period_ns;
	case STB_READ:
	case STB_WRITE:
		return file_ok(v, h->file);
	case STB_CONDITION:
		return h->file < v->progs.n &&
		       !(v->limits->needs & STB_NEEDS_MODULE);
	}
	return false;
}

static bool check_handlers(struct variant *v)
{
	struct rows t = rows_of(v->meta, STB_T_HANDLERS);
	struct rows insns = rows_of(v->ucode, STB_T_INSNS);

	for (uint32_t i = 0; i < t.n; i++) {
		const struct stb_handler *h = ROW(&t, struct stb_handler, i);

		if (!named(v, h->name) || !when_ok(v, h) ||
		    (v->limits->needs & STB_NEEDS_MODULE ? h->entry :
		     h->entry >= insns.n))
			return fail(v->r, STB_E_VALUE, "handler", i);
	}
	return true;
}

static bool check_ucode(struct variant *v)
{
	struct rows insns = rows_of(v->ucode, STB_T_INSNS);
	struct rows relocs = rows_of(v->ucode, STB_T_RELOCS);

	for (uint32_t i = 0; i < relocs.n; i++)
		if (!reloc_ok(v, ROW(&relocs, struct stb_reloc, i), insns.base,
			      insns.n, false))
			return fail(v->r, STB_E_VALUE, "relocation", i);
	return true;
}

bool stb_validate(struct stb_reader *r, const struct stb_set *meta,
		  const struct stb_set *kcode, const struct stb_set *ucode)
{
	struct variant v = {
		.r = r, .meta = meta, .kcode = kcode, .ucode = ucode,
	};

	r->strings = 0;
	return !r->error && check_limits(&v) && check_maps(&v) &&
	       check_globals(&v) && check_formats(&v) && check_builds(&v) &&
	       check_symbols(&v) &&
	       check_progs(&v) && check_sites(&v) && check_handlers(&v) &&
	       check_ucode(&v);
}

bool stb_validate_module(struct stb_reader *r, const struct stb_set *s,
			 uint32_t section)
{
	struct rows m = rows_of(s, STB_T_MODULE);
	struct rows versions = rows_of(s, STB_T_VERSIONS);
	const struct stb_module *p;
	size_t len;

	if (r->error)
		return false;
	r->strings = 0;
	if (m.n != 1)
		return fail(r, STB_E_VALUE, "module in section", section);
	p = ROW(&m, struct stb_module, 0);
	if (!str_ok(r, s, p->name) || !str_ok(r, s, p->vermagic) ||
	    !str_ok(r, s, p->srcversion) || !str_ok(r, s, p->compiler) ||
	    rows_of(s, STB_T_OBJECT).n < 64)
		return fail(r, STB_E_VALUE, "module in section", section);
	len = strlen(stb_string(s, p->name));
	if (!len || len > STB_MAX_MODULE_NAME ||
	    strchr(stb_string(s, p->name), '/'))
		return fail(r, STB_E_VALUE, "module in section", section);
	for (uint32_t i = 0; i < versions.n; i++)
		if (!str_ok(r, s,
			    ROW(&versions, struct stb_version, i)->symbol))
			return fail(r, STB_E_VALUE, "module in section",
				    section);
	return true;
}
