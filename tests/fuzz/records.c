/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * records.c - anything in a ring: samples, records, arguments, stamps, through
 * every directive of the formatter, into each form of output. The forms made of
 * lines must come out as valid JSON, whatever the bytes.
 *
 * An input is a byte (the form; with 128: u8 size, a text, u8 size, letters, of
 * the last format, as a hostile bundle would have them), then samples: u16 size,
 * bytes.
 *
 * links: loader bundler -lzstd -lsodium -ljansson
 */
#include "loader/encode.h"
#include "loader/loader.h"

#include <jansson.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

const char *argv0 = "records";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE = 65536 };

/* Text, then the letters of its arguments; the number is the format's. */
static const char *const texts[][2] = {
	{ "%d %s\n", "ls" }, { "plain\n", "" }, { "%5c|%-7x|%#o|%+.3d %u %p", "llllll" },
	{ "%Q %.5q %M %8.4M %S %b %2b", "sssssll" }, { "%A %.0A %K%.4K %H", "llsss" },
	{ "%{f1 R,2 W%} %P %E %(%d%:that %s%)\n", "llllls" },
	{ "%*d %-*s %.*s", "lllslls" }, { "%s", "s" },
};
/* The last one is the input's. */
enum { OWN = sizeof(texts) / sizeof(texts[0]), FORMATS, STRINGS = 1024,
       OWN_TEXT = STRINGS - 2 * 256, OWN_ARGS = STRINGS - 256 };

static struct stb_format formats[FORMATS];
static char strings[STRINGS];

static void make_formats(void)
{
	uint32_t at = 1;

	for (uint32_t i = 0; i < OWN; i++) {
		formats[i].text = at;
		formats[i].text_len = (uint32_t)strlen(texts[i][0]);
		strcpy(strings + at, texts[i][0]);
		at += formats[i].text_len + 1;
		formats[i].args = at;
		strcpy(strings + at, texts[i][1]);
		at += (uint32_t)strlen(texts[i][1]) + 1;
		/* one is an error, one a warning */
		formats[i].channel = i == 1 ? STB_ERROR : i == 7 ? STB_WARN :
				     STB_OUT;
	}
}

/* The reader has seen to it that the text is followed by a NUL and that the
   arguments end in one, and to nothing else. Gives what is left of the input. */
static const uint8_t *make_own(uint8_t form, const uint8_t *p,
			       const uint8_t *end)
{
	static const enum stb_channel channels[] = {
		STB_OUT, STB_VALUE, STB_ERROR, STB_WARN,
	};
	struct stb_format *f = &formats[OWN];

	*f = (struct stb_format){ .text = OWN_TEXT, .args = OWN_ARGS,
				  .channel = channels[(form >> 2) % 4] };
	memset(strings + OWN_TEXT, 0, STRINGS - OWN_TEXT);
	for (int i = 0; i < 2; i++) {
		size_t n = p < end ? *p++ : 0;

		if (n > (size_t)(end - p))
			n = (size_t)(end - p);
		memcpy(strings + (i ? OWN_ARGS : OWN_TEXT), p, n);
		if (!i)
			f->text_len = (uint32_t)n;
		p += n;
	}
	return p;
}

struct ringed {
	struct loader l;
	uint64_t consumer, producer;
	uint8_t data[2 * SIZE];
	struct stb_shared shared;
};

/* Nothing of text: a width can be two billions. */
static struct { char *s; size_t n, cap; bool drop; } said;

static void keep(struct sink *s)
{
	if (!s->n || said.drop) {
		s->n = 0;
		return;
	}
	if (said.n + s->n > said.cap) {
		said.cap = 2 * (said.n + s->n);
		said.s = realloc(said.s, said.cap);
	}
	memcpy(said.s + said.n, s->buf, s->n);
	said.n += s->n;
	s->n = 0;
}

static void put(struct ringed *r, const uint8_t *p, uint32_t n)
{
	uint32_t head[2] = { n, 0 };

	for (uint32_t i = 0; i < 8 + n; i++) {
		uint64_t at = (r->producer + i) % SIZE;

		r->data[at] = r->data[at + SIZE] = i < 8 ?
			((uint8_t *)head)[i] : p[i - 8];
	}
	r->producer += (8 + n + 7) & ~7u;
}

static void check_lines(enum form form)
{
	const char *p = said.s, *end = p ? p + said.n : p;

	for (; p < end; p++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = nl ? (size_t)(nl - p) : 0;
		json_t *j;

		if (!nl)
			abort();
		if (form == FORM_CHROME && n-- && p[n] != ',')
			abort();
		j = json_loadb(p, n, JSON_ALLOW_NUL, NULL);
		if (!json_is_object(j))
			abort();
		json_decref(j);
		p = nl;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ringed *r;
	static uint8_t copy[SIZE];
	const uint8_t *p;
	enum form form;

	if (!size)
		return 0;
	if (!r) {
		r = calloc(1, sizeof(*r));
		make_formats();
	}
	form = data[0] % 4;
	r->consumer = r->producer = said.n = 0;
	r->l.formats = (struct rows){ (void *)formats, FORMATS,
				      sizeof(*formats) };
	r->l.meta.strings = strings;
	r->l.meta.strings_size = sizeof(strings);
	r->l.shared = &r->shared;
	r->shared.stamps = 1;
	r->l.ring = (struct ring){ &r->consumer, &r->producer, r->data, SIZE };
	if (!r->l.out.out.buf) {
		output_init(&r->l.out, -1);
		output_form(&r->l.out, FORM_FOLDED);	/* has all there is */
		r->l.out.detached = true;		/* nobody sees stderr */
		r->l.out.out.full = keep;
	}
	r->l.out.form = form;
	said.drop = form == FORM_TEXT;
	p = make_own(data[0], data + 1, data[0] & 128 ? data + size : data + 1);
	if (!(data[0] & 128))
		p = data + 1;
	for (size -= (size_t)(p - data), data = p; size >= 2; ) {
		uint32_t n = data[0] | (uint32_t)data[1] << 8;

		data += 2;
		size -= 2;
		if (n > size)
			n = (uint32_t)size;
		if (r->producer + n + 16 > SIZE)
			break;
		/* in a place of its own size, where reading on is seen */
		memcpy(copy, data, n);
		put(r, copy, n);
		data += n;
		size -= n;
	}
	ring_drain(&r->l);
	if (r->consumer != r->producer)
		abort();
	if (r->l.out.fold)
		fold_end(r->l.out.fold);
	keep(&r->l.out.out);
	if (form == FORM_NDJSON || form == FORM_CHROME)
		check_lines(form);
	return 0;
}
