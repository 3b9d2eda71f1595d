/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the loader makes of a ring's bytes: samples, records, arguments; what
 * makes no sense is counted and left out.
 *
 * links: loader bundler -lzstd -lsodium
 */
#include "loader/loader.h"

#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *argv0 = "ring";
enum { SIZE = 4096 };

static struct stb_format formats[] = {
	{ .text = 1, .text_len = 6, .args = 8 },
	{ .text = 11, .text_len = 5, .args = 17 },
};
static const char strings[] = "\0%d %s\n\0ls\0plain\0";

struct test {
	struct loader l;
	uint64_t consumer, producer;
	uint8_t data[2 * SIZE];
	char out[65536];
};

static struct test *new_test(void)
{
	struct test *t = calloc(1, sizeof(*t));

	t->l.formats = (struct rows){ (void *)formats, 2, sizeof(*formats) };
	t->l.meta.strings = strings;
	t->l.meta.strings_size = sizeof(strings);
	t->l.ring = (struct ring){
		.consumer = &t->consumer, .producer = &t->producer,
		.data = t->data, .size = SIZE,
	};
	t->l.out.out = (struct sink){ t->out, 0, sizeof(t->out), NULL };
	return t;
}

/* One sample, both where it is and where the second mapping shows it. */
static void put(struct test *t, const void *bytes, uint32_t n, uint32_t flags)
{
	uint32_t head[2] = { n | flags, 0 };

	for (uint32_t i = 0; i < 8 + n; i++) {
		uint64_t at = (t->producer + i) % SIZE;

		t->data[at] = t->data[at + SIZE] = i < 8 ?
			((uint8_t *)head)[i] : ((const uint8_t *)bytes)[i - 8];
	}
	t->producer += (8 + n + 7) & ~7u;
}

struct line {
	struct stb_record head;
	int64_t number;
	uint32_t len, room;
	char text[8];
};

static struct line line(int64_t n, const char *text)
{
	struct line p = {
		.head = { sizeof(p), STB_REC_PRINT, 0 }, .number = n,
		.len = strlen(text), .room = 8,
	};

	memcpy(p.text, text, strlen(text));
	return p;
}

static int expect(struct test *t, int at, const char *out, uint64_t bad)
{
	int failed = strcmp(t->out, out) || t->l.bad_records != bad;

	if (failed)
		printf("ring.c:%d: wanted \"%s\", %d bad; got \"%s\", %d\n",
		       at, out, (int)bad, t->out, (int)t->l.bad_records);
	free(t);
	return failed;
}

static int good(void)
{
	struct test *t = new_test();
	struct { struct line a; struct stb_record wake, b; } two = {
		line(1, "one"), { 8, STB_REC_WAKE, 0 },
		{ 8, STB_REC_PRINT, 1 },
	};
	struct line p = line(-2, "two");

	put(t, &two, sizeof(two), 0);
	put(t, &p, sizeof(p), BPF_RINGBUF_DISCARD_BIT);
	put(t, &p, sizeof(p), 0);
	put(t, &p, sizeof(p), BPF_RINGBUF_BUSY_BIT);
	put(t, &p, sizeof(p), 0);
	ring_drain(&t->l);
	if (t->consumer == t->producer || ring_is_empty(&t->l.ring)) {
		puts("went past a sample that is being written");
		return 1;
	}
	return expect(t, __LINE__, "1 one\nplain-2 two\n", 0);
}

/* round the ring many times, across its end */
static int round_and_round(void)
{
	struct test *t = new_test();

	for (int i = 0; i < 1000; i++) {
		struct line p = line(i, "x");

		put(t, &p, sizeof(p), 0);
		t->l.out.out.n = 0;
		memset(t->out, 0, 16);
		ring_drain(&t->l);
	}
	return expect(t, __LINE__, "999 x\n", 0);
}

static int bad(void)
{
	struct test *t = new_test();
	struct line p = line(1, "x");

	p.len = 9;			/* longer than its room */
	put(t, &p, sizeof(p), 0);
	p = line(1, "x");
	p.room = 16;			/* beyond the record */
	put(t, &p, sizeof(p), 0);
	p.room = 7;
	put(t, &p, sizeof(p), 0);
	p = line(1, "x");
	p.head.id = 2;			/* no such format */
	put(t, &p, sizeof(p), 0);
	p = line(1, "x");
	p.head.size = 4;
	put(t, &p, sizeof(p), 0);
	p.head.size = sizeof(p) + 8;	/* beyond the sample */
	put(t, &p, sizeof(p), 0);
	p = line(1, "x");
	p.head.size = 16;		/* without the string */
	put(t, &p, 16, 0);
	p = line(5, "good");
	put(t, &p, sizeof(p), 0);
	ring_drain(&t->l);
	return expect(t, __LINE__, "5 good\n", 7);
}

int main(void)
{
	return good() | round_and_round() | bad();
}
