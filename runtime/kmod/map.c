// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * map.c - arrays and aggregates. In: what the script's part says of each. Out:
 * elements in chains by hash and in one list by insertion; see kmod.h.
 */
#include "kmod.h"
#include "core.h"

#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "../number.h"
#include "../stat.h"

/* --- memory ------------------------------------------------------------------ */

u32 stb_stat_buckets(const struct stb_map *m)
{
	if (m->stat_ops >> STB_ST_HIST_LOG & 1)
		return STB_LOG_BUCKETS;
	if (m->stat_ops >> STB_ST_HIST_LINEAR & 1)
		return (u32)(((u64)m->hist_hi - (u64)m->hist_lo) /
			     (u64)m->hist_step + 3);
	return 0;
}

static void reset(struct stb_map *m)
{
	u32 i, n = m->max_entries;

	for (i = 0; i <= m->mask; i++)
		m->heads[i] = STB_END | i;
	for (i = 0; i < n; i++) {
		stb_node_at(m, i)->next = i + 1 < n ? i + 1 : STB_END;
		stb_node_at(m, i)->used = 0;
	}
	m->free_first = 0;
	m->free_last = n - 1;
	m->first = m->last = STB_END;
	m->count = 0;
}

static int init_percpu(struct stb_map *m)
{
	int cpu;

	m->percpu = kcalloc(nr_cpu_ids, sizeof(*m->percpu), GFP_KERNEL);
	if (!m->percpu)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		m->percpu[cpu] = vzalloc_node((u64)m->max_entries *
					      m->value_size, cpu_to_node(cpu));
		if (!m->percpu[cpu])
			return -ENOMEM;
	}
	return 0;
}

int stb_map_init(struct stb_map *m)
{
	if (m->flags & STB_MAP_SCALAR)
		m->max_entries = 1;
	m->mask = (u32)roundup_pow_of_two(m->max_entries) - 1;
	m->stride = sizeof(struct stb_node) + m->key_size +
		    (m->value == 'x' ? 8 : ALIGN(m->value_size, 8));
	m->heads = vmalloc(sizeof(u32) * ((u64)m->mask + 1));
	m->nodes = vzalloc((u64)m->max_entries * m->stride);
	if (!m->heads || !m->nodes || (m->value == 'x' && init_percpu(m))) {
		stb_map_free(m);
		return -ENOMEM;
	}
	reset(m);
	return 0;
}

void stb_map_free(struct stb_map *m)
{
	int cpu;

	if (m->percpu)
		for_each_possible_cpu(cpu)
			vfree(m->percpu[cpu]);
	kfree(m->percpu);
	vfree(m->heads);
	vfree(m->nodes);
	m->percpu = NULL;
	m->heads = NULL;
	m->nodes = NULL;
}

/* --- elements ------------------------------------------------------------------- */

static bool same(const u64 *a, const u64 *b, u32 size)
{
	u32 i;

	for (i = 0; i < size / 8; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/* Under the lock. */
static u32 *link_to(struct stb_map *m, const u64 *key, u64 hash)
{
	u32 *link = &m->heads[hash & m->mask];

	while (!(*link & STB_END)) {
		struct stb_node *n = stb_node_at(m, *link);

		if (same(stb_key_of(n), key, m->key_size))
			return link;
		link = &n->chain;
	}
	return NULL;
}

static void append(struct stb_map *m, u32 i)
{
	struct stb_node *n = stb_node_at(m, i);

	n->prev = m->last;
	n->next = STB_END;
	if (m->last == STB_END)
		m->first = i;
	else
		stb_node_at(m, m->last)->next = i;
	m->last = i;
	m->count++;
}

static void take_out(struct stb_map *m, u32 *link)
{
	u32 i = *link;
	struct stb_node *n = stb_node_at(m, i);

	WRITE_ONCE(*link, n->chain);
	if (n->prev == STB_END)
		m->first = n->next;
	else
		stb_node_at(m, n->prev)->next = n->next;
	if (n->next == STB_END)
		m->last = n->prev;
	else
		stb_node_at(m, n->next)->prev = n->prev;
	n->used = 0;
	m->count--;
	n->next = STB_END;
	if (m->free_last == STB_END || m->free_first == STB_END)
		m->free_first = i;
	else
		stb_node_at(m, m->free_last)->next = i;
	m->free_last = i;
}

u64 stb_hash(const u64 *key, u32 size)
{
	u64 h = 0;
	u32 i;

	for (i = 0; i < size / 8; i++) {
		h = (h ^ key[i]) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
	}
	return h;
}

static void evict_oldest(struct stb_map *m)
{
	const u64 *key = stb_key_of(stb_node_at(m, m->first));
	u32 *link = link_to(m, key, stb_hash(key, m->key_size));

	if (link)
		take_out(m, link);
}

static void clear_percpu(struct stb_map *m, u32 i)
{
	int cpu;

	if (m->percpu)
		for_each_possible_cpu(cpu)
			memset(m->percpu[cpu] + (u64)i * m->value_size, 0,
			       m->value_size);
}

static struct stb_node *put_in(struct stb_map *m, const u64 *key, u64 hash,
			       const void *init, u32 size)
{
	u32 *head = &m->heads[hash & m->mask], i = m->free_first, at;
	u32 room = m->value == 'x' ? 8 : m->value_size;
	struct stb_node *n;
	char *value;

	if (i == STB_END && m->flags & STB_MAP_WRAPS && m->first != STB_END) {
		evict_oldest(m);
		i = m->free_first;
	}
	if (i == STB_END)
		return NULL;
	n = stb_node_at(m, i);
	m->free_first = n->next;
	memcpy(stb_key_of(n), key, m->key_size);
	value = stb_value_of(m, n);
	at = m->flags & STB_MAP_HIDDEN ? 0 : 8;
	memset(value, 0, room);
	if (at)
		*(u64 *)value = ++m->seq;
	if (init && size <= room - at)
		memcpy(value + at, init, size);
	clear_percpu(m, i);
	n->used = 1;
	append(m, i);
	n->chain = *head;
	smp_store_release(head, i);
	return n;
}

char *stb_map_insert(struct stb_map *m, const u64 *key, u64 hash,
		     const void *init, u32 size)
{
	struct stb_node *n;
	unsigned long flags;
	u32 *link;

	if (!stb_try_lock(&m->lock, &flags)) {
		stb_count(&stb_script.shared->skipped_lock);
		return NULL;
	}
	link = link_to(m, key, hash);
	n = link ? stb_node_at(m, *link) : put_in(m, key, hash, init, size);
	stb_unlock(&m->lock, flags);
	return n ? stb_value_of(m, n) : NULL;
}

void stb_map_delete(struct stb_map *m, const u64 *key, u64 hash)
{
	unsigned long flags;
	u32 *link;

	if (!stb_try_lock(&m->lock, &flags)) {
		stb_count(&stb_script.shared->skipped_lock);
		return;
	}
	link = link_to(m, key, hash);
	if (link)
		take_out(m, link);
	stb_unlock(&m->lock, flags);
}

void stb_map_clear(struct stb_map *m)
{
	unsigned long flags;

	if (!stb_try_lock(&m->lock, &flags)) {
		stb_count(&stb_script.shared->skipped_lock);
		return;
	}
	if (m->flags & STB_MAP_SCALAR)
		clear_percpu(m, 0);
	else
		reset(m);
	stb_unlock(&m->lock, flags);
}

/* --- for the loader ------------------------------------------------------------- */

enum { ASKED_MOST = 4096 };

static long answer(struct stb_map *m, const struct stb_kmod_map *a, u64 *key)
{
	u64 hash = stb_hash(key, m->key_size);
	char *value = (char *)key + m->key_size, *p = NULL;
	unsigned long flags;
	u32 *link;

	if (!stb_try_lock(&m->lock, &flags))
		return -EAGAIN;
	link = link_to(m, key, hash);
	if (link)
		p = stb_value_of(m, stb_node_at(m, *link));
	stb_unlock(&m->lock, flags);
	if (a->what == STB_KMOD_GET)
		return !p ? -ENOENT : copy_to_user((void __user *)a->value, p,
						   m->value_size) ? -EFAULT : 0;
	if (p && a->what == STB_KMOD_ADD)
		return -EEXIST;
	if (!p)
		return stb_map_insert(m, key, hash, value, m->value_size) ? 0 :
			-ENOSPC;
	memcpy(p, value, m->value_size);
	return 0;
}

long stb_map_ask(struct stb_map *m, const struct stb_kmod_map *a)
{
	long error = -EFAULT;
	u64 *key;

	if (!(m->flags & STB_MAP_HIDDEN) || m->value == 'x' ||
	    m->key_size + m->value_size > ASKED_MOST)
		return -EINVAL;
	key = kzalloc(m->key_size + m->value_size, GFP_KERNEL);
	if (!key)
		return -ENOMEM;
	if (!copy_from_user(key, (void __user *)a->key, m->key_size) &&
	    (a->what == STB_KMOD_GET ||
	     !copy_from_user((char *)key + m->key_size, (void __user *)a->value,
			     m->value_size)))
		error = answer(m, a, key);
	kfree(key);
	return error;
}

/* --- aggregates -------------------------------------------------------------------- */

static const struct stb_stat *part_of(const struct stb_map *m, u32 i, int cpu)
{
	return (const struct stb_stat *)(m->percpu[cpu] +
					 (u64)i * m->value_size +
					 (m->flags & STB_MAP_HIDDEN ? 0 : 8));
}

static void merge(struct stb_map *m, const char *value, struct stb_stat *to)
{
	u32 i = stb_index_of(m, value), n = stb_stat_buckets(m);
	int cpu;

	memset(to, 0, sizeof(*to));
	for_each_possible_cpu(cpu)
		rt_stat_join(to, part_of(m, i, cpu), n, ~0u);
}

s64 stb_stat_count(struct stb_map *m, const char *value)
{
	struct stb_stat s;

	merge(m, value, &s);
	return s.count;
}

long stb_stat_get(struct stb_map *m, const char *value, int what, s64 *dst)
{
	struct stb_stat s = { 0 };

	if (value)
		merge(m, value, &s);
	return rt_stat_result(&s, (u32)what, dst);
}

u64 stb_stat_bucket_sum(struct stb_map *m, const char *value, u32 b)
{
	u32 i = stb_index_of(m, value);
	u64 n = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		n += ((const u64 *)(part_of(m, i, cpu) + 1))[b];
	return n;
}

long stb_stat_bucket(struct stb_map *m, const char *value, s64 bucket,
		     s64 *dst)
{
	*dst = 0;
	if (!value || stb_stat_count(m, value) <= 0)
		return 1;
	if (bucket >= 0 && bucket < stb_stat_buckets(m))
		*dst = (s64)stb_stat_bucket_sum(m, value, (u32)bucket);
	return 0;
}

/* --- one by one, for the loader ----------------------------------------------------- */

/* All processors' parts as one, in the layout of a part. */
static void put_together(struct stb_map *m, const char *value, struct stb_stat *to)
{
	u32 n = stb_stat_buckets(m), b;

	merge(m, value, to);
	for (b = 0; b < n; b++)
		((u64 *)(to + 1))[b] = stb_stat_bucket_sum(m, value, b);
}

/* 1: it is there, and `to` has it, the key first. */
static int take_element(struct stb_map *m, u32 i, char *to)
{
	struct stb_node *n = stb_node_at(m, i);
	char *value = stb_value_of(m, n);
	u32 at = m->flags & STB_MAP_HIDDEN ? 0 : 8;
	unsigned long flags;
	bool there;

	if (!stb_try_lock(&m->lock, &flags))
		return 0;
	there = n->used || m->flags & STB_MAP_SCALAR;
	if (there) {
		memcpy(to, stb_key_of(n), m->key_size);
		memcpy(to + m->key_size, value, m->value == 'x' ? at :
		       m->value_size);
	}
	if (there && m->value == 'x')
		put_together(m, value, (void *)(to + m->key_size + at));
	stb_unlock(&m->lock, flags);
	return there;
}

long stb_map_next(struct stb_map *m, const struct stb_kmod_next *a)
{
	char *p = kvzalloc((u64)m->key_size + m->value_size, GFP_KERNEL);
	long found = 0;
	u32 i;

	if (!p)
		return -ENOMEM;
	for (i = a->node; i < m->max_entries && !found; i++) {
		if (!take_element(m, i, p))
			continue;
		found = (long)i + 1;
		if (copy_to_user((void __user *)a->key, p, m->key_size) ||
		    copy_to_user((void __user *)a->value, p + m->key_size,
				 m->value_size))
			found = -EFAULT;
	}
	kvfree(p);
	return found;
}
