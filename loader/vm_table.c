/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elements of one array: a hash table whose elements are in a list, too. */
#include "loader/vm_in.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a by 8 bytes: keys are multiples of 4, mostly of 8. */
static uint32_t hash(const uint8_t *key, uint32_t size)
{
	uint64_t h = 0xcbf29ce484222325ull, word;

	for (; size >= 8; size -= 8, key += 8) {
		memcpy(&word, key, 8);
		h = (h ^ word) * 0x100000001b3ull;
		h ^= h >> 32;
	}
	for (; size; size--)
		h = (h ^ *key++) * 0x100000001b3ull;
	return (uint32_t)(h ^ h >> 29);
}

struct entry *table_find(const struct table *t, const void *key)
{
	struct entry *e;

	if (!t->nbuckets)
		return NULL;
	e = t->buckets[hash(key, t->key_size) & (t->nbuckets - 1)];
	while (e && memcmp(e->bytes, key, t->key_size))
		e = e->chain;
	return e;
}

static size_t value_at(const struct table *t)
{
	return (t->key_size + 7) & ~7u;
}

void *table_value(const struct table *t, struct entry *e)
{
	return e->bytes + value_at(t);
}

static void grow(struct table *t)
{
	uint32_t n = t->nbuckets ? 2 * t->nbuckets : 64;

	free(t->buckets);
	t->buckets = array(n, sizeof(*t->buckets));
	t->nbuckets = n;
	for (struct entry *e = t->first; e; e = e->next) {
		struct entry **b = &t->buckets[hash(e->bytes, t->key_size) &
					       (n - 1)];

		e->chain = *b;
		*b = e;
	}
}

struct entry *table_add(struct table *t, const void *key, uint64_t seq)
{
	struct entry *e, **b;

	if (t->n >= t->nbuckets)
		grow(t);
	e = array(1, sizeof(*e) + value_at(t) + t->value_size);
	memcpy(e->bytes, key, t->key_size);
	e->seq = seq;
	b = &t->buckets[hash(e->bytes, t->key_size) & (t->nbuckets - 1)];
	e->chain = *b;
	*b = e;
	e->prev = t->last;
	if (t->last)
		t->last->next = e;
	else
		t->first = e;
	t->last = e;
	t->n++;
	return e;
}

void table_unlink(struct table *t, struct entry *e)
{
	struct entry **b = &t->buckets[hash(e->bytes, t->key_size) &
				       (t->nbuckets - 1)];

	while (*b != e)
		b = &(*b)->chain;
	*b = e->chain;
	if (e->prev)
		e->prev->next = e->next;
	else
		t->first = e->next;
	if (e->next)
		e->next->prev = e->prev;
	else
		t->last = e->prev;
	t->n--;
}

void table_clear(struct table *t)
{
	struct entry *e, *next;

	for (e = t->first; e; e = next) {
		next = e->next;
		free(e);
	}
	free(t->buckets);
	t->buckets = NULL;
	t->first = t->last = NULL;
	t->n = t->nbuckets = 0;
}
