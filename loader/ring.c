/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring.c - what kernel handlers print. A sample is one handler run's output:
 * records as runtime/abi.h has them, which also says who wakes whom when.
 */
#include "loader/loader.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_ARGS = 64 };

void ring_open(struct ring *r, int fd, uint64_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	uint8_t *p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  0);
	uint8_t *q = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, fd,
			  page);

	if (p == MAP_FAILED || q == MAP_FAILED)
		die(EXIT_AGAIN, "cannot map the ring of %llu bytes: %s: try "
		    "a smaller -s", (unsigned long long)size,
		    strerror(errno));
	r->consumer = (uint64_t *)p;
	r->producer = (const uint64_t *)q;
	r->data = q + page;
	r->size = size;
}

/* Arguments of a record, as its format's types say: how many, -1: bad. */
static int arguments(const char *types, const uint8_t *p, size_t size,
		     struct arg *args)
{
	int n = 0;

	for (; *types; types++, n++) {
		struct { uint32_t len, room; } string;

		if (n == MAX_ARGS || size < 8)
			return -1;
		memcpy(&args[n].num, p, 8);
		memcpy(&string, p, 8);
		p += 8;
		size -= 8;
		args[n].s = NULL;
		if (*types == 'l')
			continue;
		if (*types != 's' || string.room > size ||
		    string.room % 8 || string.len > string.room)
			return -1;
		args[n].s = (const char *)p;
		args[n].len = string.len;
		p += string.room;
		size -= string.room;
	}
	return n;
}

static bool print_record(struct loader *l, uint32_t id, const uint8_t *p,
			 size_t size)
{
	const struct stb_format *f;
	struct arg args[MAX_ARGS];
	int n;

	if (id >= l->formats.n)
		return false;
	f = ROW(struct stb_format, l->formats, id);
	n = arguments(stb_string(&l->meta, f->args), p, size, args);
	if (n < 0)
		return false;
	output_print(&l->out, &l->meta, f, args, n);
	return true;
}

/* The next record of what is left of a sample; false: that was the last, or
   (*bad) what is there makes no sense. */
static bool next_record(const uint8_t *p, size_t size, struct stb_record *r,
			bool *bad)
{
	if (size < sizeof(*r))
		return false;
	memcpy(r, p, sizeof(*r));
	*bad = r->size && (r->size < sizeof(*r) || r->size > size);
	return r->size && !*bad;	/* 0: the rest is not used */
}

/* Where it came from: the stamp is behind what it is of. */
static struct origin origin_of(const uint8_t *p, size_t size)
{
	struct stb_record r;
	struct stb_stamp s;
	bool bad;

	for (; next_record(p, size, &r, &bad); p += r.size, size -= r.size) {
		if (r.kind != STB_REC_STAMP || r.size < sizeof(s))
			continue;
		memcpy(&s, p, sizeof(s));
		return (struct origin){
			.known = true, .time = s.time, .cpu = s.cpu,
			.pid = (int32_t)(s.task >> 32), .tid = (int32_t)s.task,
		};
	}
	return (struct origin){ 0 };
}

/* Text that is made in the kernel. */
static bool print_text(struct loader *l, const uint8_t *p, size_t size,
		       size_t n)
{
	if (n > size)
		return false;
	sink_put(output_begin(&l->out, STB_OUT), (const char *)p, n);
	output_end(&l->out, STB_OUT);
	return true;
}

static bool print_records(struct loader *l, const uint8_t *p, size_t size)
{
	struct stb_record r;
	bool bad = false, good = true;

	for (; good && next_record(p, size, &r, &bad);
	     p += r.size, size -= r.size) {
		const uint8_t *payload = p + sizeof(r);

		if (r.kind == STB_REC_PRINT)
			good = print_record(l, r.id, payload,
					    r.size - sizeof(r));
		else if (r.kind == STB_REC_TEXT)
			good = print_text(l, payload, r.size - sizeof(r), r.id);
	}
	return good && !bad;
}

static bool print_sample(struct loader *l, const uint8_t *p, size_t size)
{
	bool good;

	if (l->out.form != FORM_TEXT || l->out.bulk)
		l->out.from = origin_of(p, size);
	good = print_records(l, p, size);
	l->out.from.known = false;
	return good;
}

/* Up to where it is filled now: what we print may itself hit probes. */
uint64_t ring_drain(struct loader *l)
{
	struct ring *r = &l->ring;
	uint64_t at, start, given, end;

	if (!r->consumer)
		return 0;
	at = start = given = *r->consumer;
	end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
	while (at < end) {
		const uint8_t *p = r->data + (at & (r->size - 1));
		uint32_t len = __atomic_load_n((const uint32_t *)p,
					       __ATOMIC_ACQUIRE);

		if (len & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(len & BPF_RINGBUF_DISCARD_BIT) &&
		    !print_sample(l, p + BPF_RINGBUF_HDR_SZ, len))
			l->bad_records++;
		if (output_is_full(&l->out))
			output_flush(&l->out);
		len &= ~BPF_RINGBUF_DISCARD_BIT;
		at += (len + BPF_RINGBUF_HDR_SZ + 7) & ~7ull;
		if (at - given > r->size / 16) {
			__atomic_store_n(r->consumer, at, __ATOMIC_RELEASE);
			given = at;
		}
	}
	__atomic_store_n(r->consumer, at, __ATOMIC_RELEASE);
	return at - start;
}

bool ring_is_empty(const struct ring *r)
{
	return !r->consumer || *r->consumer ==
		__atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
}

unsigned long memory_kb(const struct loader *l)
{
	return own_kb() + (l->ring.consumer ? l->ring.size >> 10 : 0);
}
