/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/bulk.h"
#include "loader/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER = 32768, MOST_LINE = 64 << 20 };

struct part {
	struct sink sink;	/* first: `full` finds the rest */
	struct output *out;
	int fd;
	uint64_t size, whole;	/* bytes in the file, and of its whole frames */
	bool full;		/* it took no more */
};

struct bulk {
	struct part *parts;
	unsigned n;
	uint32_t number;	/* of the last frame */
	struct sink line;
};

struct bulk *bulk_open(const char *pattern, unsigned ncpus)
{
	struct bulk *b = array(1, sizeof(*b));
	struct files f = { .pattern = pattern };

	b->n = ncpus;
	b->parts = array(ncpus, sizeof(*b->parts));
	for (unsigned i = 0; i < ncpus; i++)
		b->parts[i].fd = files_open_part(&f, i);
	return b;
}

bool bulk_start(const struct bulk *b)
{
	for (unsigned i = 0; i < b->n; i++)
		if (ftruncate(b->parts[i].fd, 0) && errno != EINVAL)
			return false;
	return true;
}

/* A line of JSON: six bytes for one of a message, at most. */
static void grow(struct sink *s)
{
	size_t cap = s->cap ? 2 * s->cap : 4096;
	char *buf = cap <= MOST_LINE ? realloc(s->buf, cap) : NULL;

	if (!buf)
		die(EXIT_AGAIN, "wanted %zu bytes of memory for a line of "
		    "output, got none: try again when more is free", cap);
	s->buf = buf;
	s->cap = cap;
}

struct sink *bulk_line(struct bulk *b)
{
	b->line.full = grow;
	b->line.n = 0;
	return &b->line;
}

/* It ends in a whole frame, where it has `size` bytes: the buffer begins with one,
   or is a piece of one. */
static void cut(struct part *p, uint64_t size)
{
	size_t at = 0;
	uint32_t head[2];

	while (p->whole == p->size + at && at + sizeof(head) <= p->sink.n) {
		memcpy(head, p->sink.buf + at, sizeof(head));
		if (p->whole + sizeof(head) + head[1] > size)
			break;
		at += sizeof(head) + head[1];
		p->whole += sizeof(head) + head[1];
	}
	p->full = !ftruncate(p->fd, (off_t)p->whole) || errno == EINVAL;
}

static void part_full(struct sink *s)
{
	struct part *p = (struct part *)s;
	off_t at;

	if (!p->full)
		output_write(p->out, p->fd, s->buf, s->n);
	at = p->out->broken && !p->full ? lseek(p->fd, 0, SEEK_CUR) : -1;
	if (at >= 0 && (uint64_t)at < p->size + s->n)
		cut(p, (uint64_t)at);
	p->size += s->n;
	s->n = 0;
}

void bulk_end(struct output *o, const char *text, size_t n)
{
	struct bulk *b = o->bulk;
	unsigned cpu = o->from.known && o->from.cpu < b->n ? o->from.cpu : 0;
	struct part *p = &b->parts[cpu];
	uint32_t head[2] = { ++b->number, (uint32_t)n };

	if (!p->sink.buf) {
		p->sink = (struct sink){ zalloc(BUFFER), 0, BUFFER, part_full };
		p->out = o;
	}
	/* what is written begins with a frame, or goes on with one that is long */
	if (p->sink.n + sizeof(head) + n > BUFFER && p->sink.n)
		part_full(&p->sink);
	if (!p->sink.n)
		p->whole = p->size;
	sink_put(&p->sink, (const char *)head, sizeof(head));
	sink_put(&p->sink, text, n);
	if (sizeof(head) + n > BUFFER)
		part_full(&p->sink);
}

void bulk_line_end(struct output *o)
{
	bulk_end(o, o->bulk->line.buf, o->bulk->line.n);
}

void bulk_flush(struct output *o)
{
	for (unsigned i = 0; i < o->bulk->n; i++)
		if (o->bulk->parts[i].sink.n)
			part_full(&o->bulk->parts[i].sink);
}
