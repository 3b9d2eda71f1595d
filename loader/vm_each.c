/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * foreach: the elements there were at its start, in the order of insertion or
 * sorted; equal ones stay in order. An element that is taken out meanwhile is
 * left out.
 */
#include "loader/vm_in.h"

#include <stdlib.h>
#include <string.h>

/* --- keys by parts ------------------------------------------------------------ */

/* Width of the part at *keys, which goes on behind it; its type. */
static char part(const struct vm *vm, const char **keys, uint32_t *width)
{
	char type = *(*keys)++;

	*width = type == 'l' ? 8 : vm->limits->string_len;
	if (type == 's' && **keys >= '0' && **keys <= '9')
		*width = (uint32_t)strtoul(*keys, (char **)keys, 10);
	return type;
}

static bool matches(const struct vm *vm, const struct vm_map *m,
		    const struct entry *e, const uint8_t *slice, uint32_t mask)
{
	const char *keys = stb_string(vm->env.meta, m->row->keys);
	uint32_t at = 0, width;

	for (uint32_t i = 0; *keys; i++, at += width) {
		part(vm, &keys, &width);
		if (i < 32 && mask >> i & 1 &&
		    memcmp(e->bytes + at, slice + at, width))
			return false;
	}
	return true;
}

/* --- sorting --------------------------------------------------------------------- */

struct item {
	struct entry *e;
	const char *s;		/* by strings, else NULL; maybe without NUL: */
	uint32_t width;		/* ... bytes at most */
	int64_t n;
	uint32_t order;
};

static int upwards(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;
	int c = a->s ? strncmp(a->s, b->s, a->width) :
		       (a->n > b->n) - (a->n < b->n);

	return c ? c : (a->order > b->order) - (a->order < b->order);
}

static int downwards(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;
	int c = a->s ? strncmp(b->s, a->s, a->width) :
		       (b->n > a->n) - (b->n < a->n);

	return c ? c : (a->order > b->order) - (a->order < b->order);
}

/* What an element is sorted by: key 0 is the value. */
static void weigh(const struct vm *vm, const struct vm_map *m, struct item *i,
		  uint32_t key, int stat)
{
	const char *keys = stb_string(vm->env.meta, m->row->keys);
	uint32_t at = 0, width = m->table.value_size;
	char type = (char)m->row->value;
	const uint8_t *v = vm_value(m, i->e);

	if (key) {
		for (width = 0; key && *keys; key--) {
			at += width;
			type = part(vm, &keys, &width);
		}
		v = i->e->bytes + at;
	}
	i->width = width;
	if (type == 's')
		i->s = (const char *)v;
	else if (type == 'x')
		stat_get(m->row, v, stat, &i->n);
	else
		memcpy(&i->n, v, 8);
}

/* --- iterators --------------------------------------------------------------------- */

static struct iterator *take(struct vm *vm, uint64_t *id)
{
	for (*id = 0; *id < MAX_ITERATORS; ++*id)
		if (!vm->iterators[*id].used) {
			struct iterator *i = &vm->iterators[*id];

			*i = (struct iterator){ .used = true };
			vm->niterating++;
			return i;
		}
	vm_break(vm, "more than %d loops over arrays at once", MAX_ITERATORS);
	return NULL;
}

static struct iterator *iterator_at(struct vm *vm, uint64_t id)
{
	if (id < MAX_ITERATORS && vm->iterators[id].used)
		return &vm->iterators[id];
	vm_break(vm, "no iterator %llu", (unsigned long long)id);
	return NULL;
}

static void collect(struct vm *vm, struct iterator *it, uint64_t flags,
		    const uint8_t *slice)
{
	struct item *items = array(it->map->table.n, sizeof(*items));
	uint32_t mask = (uint32_t)(flags >> 32);
	int dir = (int)(flags & 0xff) - 1;

	for (struct entry *e = it->map->table.first; e; e = e->next) {
		if (mask && !matches(vm, it->map, e, slice, mask))
			continue;
		items[it->n] = (struct item){ .e = e, .order = it->n };
		if (dir)
			weigh(vm, it->map, &items[it->n], flags >> 8 & 0xff,
			      (int)(flags >> 16 & 0xff));
		it->n++;
	}
	if (dir)
		qsort(items, it->n, sizeof(*items),
		      dir > 0 ? upwards : downwards);
	it->items = array(it->n, sizeof(*it->items));
	for (uint32_t i = 0; i < it->n; i++)
		it->items[i] = items[i].e;
	free(items);
}

static void cut(struct iterator *it, int64_t limit)
{
	if (limit != NO_LIMIT && limit < (int64_t)it->n)
		it->n = limit > 0 ? (uint32_t)limit : 0;
}

uint64_t vm_each(struct vm *vm, uint64_t map, uint64_t flags, int64_t limit,
		 uint64_t slice)
{
	struct vm_map *m = vm_map_at(vm, map, "lsx");
	const uint8_t *key = NULL;
	struct iterator *it;
	uint64_t id;

	if (!m || (slice && !(key = vm_key(vm, m, slice))) ||
	    !(it = take(vm, &id)))
		return 0;
	it->map = m;
	vm_see_all(vm, m);
	collect(vm, it, key ? flags : (uint32_t)flags, key);
	vm->work += m->table.n * (1 + vm_work(m->table.key_size +
					      m->table.value_size));
	cut(it, limit);
	return id;
}

uint64_t vm_each_bucket(struct vm *vm, uint64_t map, uint64_t key,
			int64_t limit)
{
	struct vm_map *m = vm_map_at(vm, map, "x");
	const uint8_t *k = m ? vm_key(vm, m, key) : NULL;
	struct iterator *it;
	struct entry *e;
	uint64_t id;

	if (!k || !(it = take(vm, &id)))
		return 0;
	it->map = m;
	it->n = stat_buckets(m->row);
	it->buckets = array(it->n, sizeof(*it->buckets));
	e = vm_find(vm, m, k);
	if (e)
		memcpy(it->buckets, stat_bucket(vm_value(m, e), 0),
		       it->n * sizeof(*it->buckets));
	cut(it, limit);
	return id;
}

uint64_t vm_next(struct vm *vm, uint64_t id, uint64_t key)
{
	struct iterator *it = iterator_at(vm, id);
	uint64_t number;
	uint32_t size;
	void *to;

	while (it && it->items && it->at < it->n &&
	       (it->items[it->at]->flags & ENTRY_DEAD))
		it->at++;
	if (!it || it->at >= it->n)
		return 0;
	size = it->buckets ? 8 : it->map->table.key_size;
	to = vm_mem_write(vm, key, size);
	if (!to)
		return 0;
	number = it->at;
	memcpy(to, it->buckets ? (void *)&number : it->items[it->at]->bytes,
	       size);
	it->at++;
	return 1;
}

struct entry *vm_element(struct vm *vm, uint64_t id, struct iterator **i)
{
	struct iterator *it = *i = iterator_at(vm, id);

	return it && it->items && it->at ? it->items[it->at - 1] : NULL;
}

void vm_each_end(struct vm *vm, uint64_t id)
{
	struct iterator *it = iterator_at(vm, id);

	if (!it)
		return;
	free(it->items);
	free(it->buckets);
	it->used = false;
	vm->niterating--;
}
