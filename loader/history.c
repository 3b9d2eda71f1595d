/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/history.h"
#include "loader/sys.h"

#include <string.h>

void history_init(struct history *h, uint64_t size)
{
	*h = (struct history){ .data = zalloc(size), .size = size };
}

void history_put(struct history *h, const char *p, size_t n)
{
	while (n) {
		uint64_t at = h->end & (h->size - 1), room = h->size - at;
		size_t some = n < room ? n : room;

		memcpy(h->data + at, p, some);
		h->end += some;
		p += some;
		n -= some;
	}
}

uint64_t history_begin(const struct history *h)
{
	return h->end > h->size ? h->end - h->size : 0;
}

size_t history_read(const struct history *h, uint64_t *at, const char **p)
{
	uint64_t begin = history_begin(h), from, n;

	if (*at < begin)
		*at = begin;
	from = *at & (h->size - 1);
	n = h->end - *at;
	*p = h->data + from;
	return n < h->size - from ? n : h->size - from;
}

uint64_t history_line(const struct history *h, uint64_t at)
{
	while (at < h->end && h->data[at & (h->size - 1)] != '\n')
		at++;
	return at < h->end ? at + 1 : at;
}

uint64_t history_last_line(const struct history *h)
{
	uint64_t begin = history_begin(h), at = h->end;

	while (at > begin && h->data[(at - 1) & (h->size - 1)] != '\n')
		at--;
	return at;
}
