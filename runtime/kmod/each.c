// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * each.c - foreach: the elements there were at its start, in the order of
 * insertion or sorted; equal ones stay in order. An element that is taken out
 * meanwhile is left out: its seq is another one then. Loops take their memory
 * from a pool that was there before the first probe.
 */
#include "kmod.h"
#include "core.h"

#include <linux/sort.h>
#include <linux/vmalloc.h>

static struct {
	struct stb_each *each;
	u32 count, room;
} pool;

int stb_each_init(u32 count, u32 items)
{
	u32 i;

	if (!count)
		return 0;
	pool.each = vzalloc(count * sizeof(*pool.each));
	if (!pool.each)
		return -ENOMEM;
	pool.count = count;
	pool.room = items;
	for (i = 0; i < count; i++) {
		pool.each[i].items = vmalloc((u64)items *
					     sizeof(struct stb_item));
		if (!pool.each[i].items)
			return -ENOMEM;
	}
	return 0;
}

void stb_each_exit(void)
{
	u32 i;

	for (i = 0; i < pool.count; i++)
		vfree(pool.each[i].items);
	vfree(pool.each);
	memset(&pool, 0, sizeof(pool));
}

static struct stb_each *take(void)
{
	u32 i;

	for (i = 0; i < pool.count; i++)
		if (!READ_ONCE(pool.each[i].busy) &&
		    !cmpxchg(&pool.each[i].busy, 0, 1))
			return &pool.each[i];
	stb_count(&stb_script.shared->skipped_frame);
	return NULL;
}

/* --- keys by parts -------------------------------------------------------------- */

/* Width of the part at *keys, which goes on behind it; its type. */
static char part(const char **keys, u32 *width)
{
	char type = *(*keys)++;

	*width = type == 'l' ? 8 : 0;
	while (**keys >= '0' && **keys <= '9')
		*width = *width * 10 + (u32)(*(*keys)++ - '0');
	return type;
}

static bool matches(const struct stb_map *m, struct stb_node *n,
		    const char *slice, u32 mask)
{
	const char *keys = m->keys, *key = (const char *)stb_key_of(n);
	u32 at = 0, width, i;

	for (i = 0; *keys; i++, at += width) {
		part(&keys, &width);
		if (i < 32 && mask >> i & 1 &&
		    memcmp(key + at, slice + at, width))
			return false;
	}
	return true;
}

/* --- sorting ----------------------------------------------------------------------- */

struct order {
	struct stb_map *map;
	int dir;
	bool strings;
};

static int compare(const void *pa, const void *pb, const void *arg)
{
	const struct stb_item *a = pa, *b = pb;
	const struct order *o = arg;
	int c = o->strings ? strcmp((const char *)a->weight,
				    (const char *)b->weight) :
		(a->weight > b->weight) - (a->weight < b->weight);

	if (c)
		return o->dir > 0 ? c : -c;
	return (a->order > b->order) - (a->order < b->order);
}

/* What an element is sorted by: key 0 is the value. Of a string its address. */
static s64 weigh(struct stb_map *m, struct stb_node *n, u32 key, int stat,
		 char *type)
{
	const char *keys = m->keys, *v = stb_value_of(m, n) + 8;
	u32 at = 0, width = 0;
	s64 weight;

	*type = m->value;
	if (key) {
		for (; key && *keys; key--) {
			at += width;
			*type = part(&keys, &width);
		}
		v = (const char *)stb_key_of(n) + at;
	}
	if (*type == 's')
		return (s64)v;
	if (*type == 'l')
		return *(const s64 *)v;
	stb_stat_get(m, stb_value_of(m, n), stat, &weight);
	return weight;
}

static void sort_items(struct stb_each *e, u64 flags)
{
	struct order o = { .map = e->map, .dir = (int)(flags & 0xff) - 1 };
	char type = 'l';
	u32 i;

	if (!o.dir)
		return;
	for (i = 0; i < e->n; i++)
		e->items[i].weight = weigh(e->map, stb_node_at(e->map,
					   e->items[i].node), flags >> 8 & 0xff,
					   (int)(flags >> 16 & 0xff), &type);
	o.strings = type == 's';
	sort_r(e->items, e->n, sizeof(*e->items), compare, NULL, &o);
}

/* --- loops -------------------------------------------------------------------------- */

static void collect(struct stb_each *e, u64 flags, const void *slice)
{
	u32 mask = slice ? (u32)(flags >> 32) : 0, i;
	struct stb_map *m = e->map;
	unsigned long irq;

	if (!stb_try_lock(&m->lock, &irq)) {
		stb_count(&stb_script.shared->skipped_lock);
		return;
	}
	for (i = m->first; i != STB_END && e->n < pool.room;
	     i = stb_node_at(m, i)->next) {
		struct stb_node *n = stb_node_at(m, i);

		if (mask && !matches(m, n, slice, mask))
			continue;
		e->items[e->n] = (struct stb_item){
			.node = i, .order = e->n,
			.seq = *(u64 *)stb_value_of(m, n),
		};
		e->n++;
	}
	stb_unlock(&m->lock, irq);
}

static struct stb_each *start(struct stb_map *m)
{
	struct stb_each *e = take();

	if (e) {
		e->map = m;
		e->n = e->at = 0;
		e->buckets = NULL;
		e->value = NULL;
	}
	return e;
}

static void cut(struct stb_each *e, s64 limit)
{
	if (limit != -1 && limit < (s64)e->n)
		e->n = limit > 0 ? (u32)limit : 0;
}

struct stb_each *stb_each(struct stb_map *m, u64 flags, s64 limit,
			  const void *slice)
{
	struct stb_each *e = start(m);

	if (!e)
		return NULL;
	collect(e, flags, slice);
	sort_items(e, flags);
	cut(e, limit);
	return e;
}

struct stb_each *stb_each_bucket(struct stb_map *m, const char *value,
				 s64 limit)
{
	struct stb_each *e = start(m);
	u32 i;

	if (!e)
		return NULL;
	e->n = min(stb_stat_buckets(m), pool.room);
	for (i = 0; i < e->n; i++)
		e->items[i].weight = value ?
			(s64)stb_stat_bucket_sum(m, value, i) : 0;
	e->buckets = value ? value : "";
	cut(e, limit);
	return e;
}

long stb_each_next(struct stb_each *e, void *key)
{
	struct stb_node *n;

	if (e && e->buckets && e->at < e->n) {
		*(s64 *)key = e->at++;
		return 1;
	}
	while (e && !e->buckets && e->at < e->n) {
		const struct stb_item *i = &e->items[e->at++];

		n = stb_node_at(e->map, i->node);
		e->value = stb_value_of(e->map, n);
		memcpy(key, stb_key_of(n), e->map->key_size);
		if (READ_ONCE(n->used) && *(u64 *)e->value == i->seq)
			return 1;
	}
	return 0;
}

s64 stb_each_value(struct stb_each *e)
{
	s64 v;

	if (!e || !e->at)
		return 0;
	if (e->buckets)
		return e->items[e->at - 1].weight;
	if (e->map->value != 'x')
		return *(s64 *)(e->value + 8);
	stb_stat_get(e->map, e->value, STB_ST_COUNT, &v);
	return v;
}

const char *stb_each_string(struct stb_each *e)
{
	return e && e->value ? e->value + 8 : "";
}

void stb_each_end(struct stb_each *e)
{
	if (e)
		smp_store_release(&e->busy, 0);
}
