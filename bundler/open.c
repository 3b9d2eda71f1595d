/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * open.c - a whole bundle in memory, for the verbs that look at all of it.
 * (The loader, which needs one variant, calls read.c itself.)
 */
#include "bundler/bundle.h"
#include "bundler/minisign.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

const struct stb_set *bundle_set(const struct bundle *b, uint32_t section)
{
	return section ? &b->sets[section] : NULL;
}

static bool say(const struct bundle *b)
{
	return wrong(b->file, 0, "%s (%s %" PRIu64 ")",
		     stb_error_text(b->r.error), b->r.error_in,
		     b->r.error_at);
}

static bool is_known(uint32_t kind)
{
	return (kind >= STB_SEC_INDEX && kind <= STB_SEC_SYMBOLS) ||
	       kind == STB_SEC_MODULE;
}

/* Sections of kinds not known here (they may be ignored) are only hashed. */
static bool read_all(struct arena *mem, struct bundle *b)
{
	uint32_t i, n = stb_toc_count(&b->r);

	b->sets = NEW_ARRAY(mem, struct stb_set, n + 1);
	for (i = 0; i < n; i++) {
		uint32_t kind = stb_toc_at(&b->r, i)->kind;
		size_t size;

		if (!is_known(kind)) {
			if (!stb_section_verify(&b->r, i))
				return false;
			continue;
		}
		size = stb_section_size(&b->r, i);
		if (!size || !stb_section_read(&b->r, i,
					       arena_alloc(mem, size), size,
					       &b->sets[i]))
			return false;
		if (kind == STB_SEC_SYMBOLS &&
		    !stb_validate_symbols(&b->r, &b->sets[i], i))
			return false;
		if (kind == STB_SEC_MODULE &&
		    !stb_validate_module(&b->r, &b->sets[i], i))
			return false;
	}
	return true;
}

static bool check_variants(struct bundle *b)
{
	uint32_t n, stride;
	const void *rows = stb_table(&b->sets[0], STB_T_VARIANTS,
				     sizeof(struct stb_variant), &n, &stride);

	for (uint32_t i = 0; i < n; i++) {
		const struct stb_variant *v =
			STB_ROW(struct stb_variant, rows, stride, i);

		b->at = i + 1;
		if (!stb_validate(&b->r, bundle_set(b, v->meta),
				  bundle_set(b, v->kcode),
				  bundle_set(b, v->ucode)))
			return false;
	}
	b->at = 0;
	return true;
}

bool bundle_check(struct arena *mem, const char *file, const void *data,
		  size_t size, struct bundle *b)
{
	*b = (struct bundle){ .file = file };
	return (stb_open(&b->r, data, size) && read_all(mem, b) &&
		stb_validate_index(&b->r, &b->sets[0]) &&
		check_variants(b)) || say(b);
}

const char *hex_text(struct arena *mem, const uint8_t *p, size_t n)
{
	struct text t = { .mem = mem };

	text_puts(&t, "");
	while (n--)
		text_printf(&t, "%02x", *p++);
	return t.s;
}

const char *bundle_id(struct arena *mem, const struct bundle *b)
{
	return hex_text(mem, b->r.header->toc_digest, STB_DIGEST_SIZE);
}

uint32_t bundle_generation(const struct bundle *b)
{
	return stb_generation(&b->sets[0]);
}

static const char *signer_of(struct arena *mem, const char *text, size_t n)
{
	struct minisign_sig s;

	return minisign_read_sig(text, n, &s) ?
		minisign_id(arena_alloc(mem, 17), s.key_id) : "unreadable";
}

const char *bundle_file(struct arena *mem, const char *file, size_t *size)
{
	const void *data = read_file(mem, file, size);

	if (data)
		stb_unwrap(&data, size);
	return data;
}

int cannot_read(const char *file)
{
	bool large = errno == EFBIG;

	wrong(file, 0, "%s", large ? "larger than this program accepts" :
	      strerror(errno));
	return large ? EXIT_DATA : EXIT_NO_INPUT;
}

int bundle_load(struct arena *mem, const char *file, struct bundle *b)
{
	size_t size, n;
	const char *text, *data = bundle_file(mem, file, &size);
	bool attached;

	if (!data)
		return cannot_read(file);
	attached = minisign_attached(data, size, &text, &n, &size);
	if (!bundle_check(mem, file, data, size, b))
		return EXIT_DATA;
	b->signer = attached ? signer_of(mem, text, n) : NULL;
	return 0;
}

bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}
