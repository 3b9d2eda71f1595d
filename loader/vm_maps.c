/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vm_maps.c - arrays and aggregates of loader handlers. docs/runtime.md, "What
 * a loader handler sees", has the meaning.
 *
 * Of an array that is in the kernel a run sees each element as it was when it
 * first looked; foreach looks at all. What it stores is applied to the kernel
 * at once: where handlers in the kernel do nothing but add, as a difference,
 * so that what they add meanwhile stays. The kernel has no such operation for
 * us, so the element is taken out, changed, and put back unless one has come
 * in its place, which is then taken and added too.
 */
#include "loader/bpf.h"
#include "loader/vm_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_BYTES = 256 << 10, PUT_TRIES = 1000 };
enum { PUT_ANY = 0, PUT_NEW = 1 };	/* BPF_ANY, BPF_NOEXIST */

uint8_t *vm_value(const struct vm_map *m, struct entry *e)
{
	return table_value(&m->table, e);
}

static bool is_stat(const struct vm_map *m)
{
	return m->row->value == 'x';
}

/* In the kernel, and an array there: see struct vm_map. */
static bool is_fixed(const struct vm_map *m)
{
	return m->fd >= 0 && m->row->type == STB_MAP_PERCPU_ARRAY;
}

/* Do handlers in the kernel only add to it? */
static bool only_added(const struct vm_map *m)
{
	return is_stat(m) || (m->row->flags & STB_MAPF_ADDED);
}

struct vm_map *vm_map_at(struct vm *vm, uint64_t id, const char *kinds)
{
	for (uint32_t i = 0; i < vm->nmaps; i++)
		if (vm->maps[i].row->id == id && vm->maps[i].key &&
		    strchr(kinds, (char)vm->maps[i].row->value))
			return &vm->maps[i];
	vm_break(vm, "no map %llu of %s", (unsigned long long)id, kinds);
	return NULL;
}

/* Strings end with zeroes up to their width, so that equal keys are equal. */
const uint8_t *vm_key(struct vm *vm, struct vm_map *m, uint64_t addr)
{
	const char *keys = stb_string(vm->env.meta, m->row->keys);
	const uint8_t *from = vm_mem(vm, addr, m->table.key_size);
	uint32_t at = 0, width;

	if (!from)
		return NULL;
	memcpy(m->key, from, m->table.key_size);
	while (*keys) {
		bool string = *keys++ == 's';

		width = string ? vm->limits->string_len : 8;
		if (string && *keys >= '0' && *keys <= '9')
			width = (uint32_t)strtoul(keys, (char **)&keys, 10);
		if (string) {
			char *s = (char *)m->key + at;
			size_t n = strnlen(s, width);

			memset(s + n, 0, width - n);
		}
		at += width;
	}
	return m->key;
}

/* --- the kernel's side --------------------------------------------------------- */

static uint8_t *raw_part(const struct vm_map *m, uint8_t *raw, uint32_t i)
{
	return raw + (size_t)i * ((m->row->value_size + 7) & ~7u);
}

static size_t raw_size(const struct vm_map *m)
{
	return (size_t)m->parts * ((m->row->value_size + 7) & ~7u);
}

/* Parts into one value; the time of insertion. */
static uint64_t fold(const struct vm_map *m, uint8_t *raw, uint8_t *value)
{
	uint64_t seq = 0, part_seq;

	if (m->seq)
		memcpy(&seq, raw, 8);
	if (!is_stat(m)) {
		memcpy(value, raw + m->seq, m->table.value_size);
		return seq;
	}
	for (uint32_t i = 0; i < m->parts; i++) {
		uint8_t *part = raw_part(m, raw, i);

		stat_merge(m->row, value, part + m->seq);
		memcpy(&part_seq, part, 8);
		if (m->seq && part_seq && (!seq || part_seq < seq))
			seq = part_seq;
	}
	return seq;
}

static int put(struct vm_map *m, const uint8_t *key, uint64_t seq,
	       const void *value, uint64_t flags)
{
	memset(m->raw, 0, raw_size(m));
	if (m->seq)
		memcpy(m->raw, &seq, 8);
	memcpy(m->raw + m->seq, value, m->table.value_size);
	return bpf_map_update(m->fd, key, m->raw, flags);
}

/* Adds what is taken out of the kernel to `value`; its time of insertion. */
static void take(struct vm_map *m, const uint8_t *key, void *value,
		 uint64_t *seq)
{
	uint8_t *taken;
	uint64_t t;

	if (bpf_map_take(m->fd, key, m->raw))
		return;
	taken = array(1, m->table.value_size);
	t = fold(m, m->raw, taken);
	if (!*seq || (t && t < *seq))
		*seq = t;
	if (is_stat(m))
		stat_merge(m->row, value, taken);
	else
		*(int64_t *)value += *(int64_t *)taken;
	free(taken);
}

/* Puts a value into the kernel, together with whatever comes in between. */
static int put_back(struct vm_map *m, const uint8_t *key, void *value,
		    uint64_t seq)
{
	int err = -EEXIST;

	for (int i = 0; err == -EEXIST && i < PUT_TRIES; i++) {
		if (i)
			take(m, key, value, &seq);
		err = put(m, key, seq ? seq : now_ns(), value, PUT_NEW);
	}
	return err != 0;
}

/* The kernel's element changes by `value`, a long or an aggregate. */
static int kernel_add(struct vm_map *m, const uint8_t *key, void *value)
{
	uint64_t seq = 0;

	if (is_fixed(m)) {
		if (!m->own)
			m->own = array(1, m->table.value_size);
		stat_merge(m->row, m->own, value);
		return 0;
	}
	take(m, key, value, &seq);
	return put_back(m, key, value, seq);
}

/* --- what a run has seen --------------------------------------------------------- */

static struct entry *see(struct vm_map *m, const uint8_t *key, uint8_t *raw)
{
	struct entry *e = table_add(&m->table, key, 0);

	e->seq = fold(m, raw, vm_value(m, e));
	if (m->gone)
		stat_subtract(m->row, vm_value(m, e), m->gone);
	if (m->own)
		stat_merge(m->row, vm_value(m, e), m->own);
	return e;
}

struct entry *vm_find(struct vm *vm, struct vm_map *m, const uint8_t *key)
{
	struct entry *e = table_find(&m->table, key);

	if (e || m->fd < 0 || m->complete ||
	    bpf_map_lookup(m->fd, key, m->raw))
		return e;
	return see(m, key, m->raw);
}

static int by_seq(const void *pa, const void *pb)
{
	const struct entry *a = *(struct entry *const *)pa;
	const struct entry *b = *(struct entry *const *)pb;

	return (a->seq > b->seq) - (a->seq < b->seq);
}

/* The list of the table in order of insertion. */
static void put_in_order(struct table *t)
{
	struct entry **all = array(t->n, sizeof(*all)), *e;
	uint32_t n = 0;

	for (e = t->first; e; e = e->next)
		all[n++] = e;
	qsort(all, n, sizeof(*all), by_seq);
	for (uint32_t i = 0; i < n; i++) {
		all[i]->prev = i ? all[i - 1] : NULL;
		all[i]->next = i + 1 < n ? all[i + 1] : NULL;
	}
	t->first = n ? all[0] : NULL;
	t->last = n ? all[n - 1] : NULL;
	free(all);
}

static void see_batch(struct vm_map *m, uint8_t *keys, uint8_t *values,
		      uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint8_t *key = keys + (size_t)i * m->table.key_size;

		if (!table_find(&m->table, key))
			see(m, key, values + i * raw_size(m));
	}
}

void vm_see_all(struct vm *vm, struct vm_map *m)
{
	size_t one = m->table.key_size + raw_size(m);
	uint32_t room = (uint32_t)(BATCH_BYTES / one) + 16, n;
	uint8_t *buf = NULL, *cursor;
	bool first = true;
	int err = -ENOSPC;

	if (m->fd < 0 || m->complete)
		return;
	if (is_fixed(m)) {
		memset(m->key, 0, m->table.key_size);
		m->complete = vm_find(vm, m, m->key);
		return;
	}
	cursor = array(1, m->table.key_size + 8);
	do {
		if (err == -ENOSPC) {	/* a bucket is larger than that */
			room *= buf ? 2 : 1;
			free(buf);
			buf = array(room, one);
		}
		n = room;
		err = bpf_map_lookup_batch(m->fd, first, cursor, buf,
			buf + (size_t)room * m->table.key_size, &n);
		if (err && err != -ENOENT)
			continue;
		see_batch(m, buf, buf + (size_t)room * m->table.key_size, n);
		first = false;
	} while (!err || err == -ENOSPC || err == -EINTR);
	free(buf);
	free(cursor);
	put_in_order(&m->table);
	m->complete = true;
}

/* --- changes ------------------------------------------------------------------------ */

static void take_out(struct vm *vm, struct vm_map *m, struct entry *e)
{
	table_unlink(&m->table, e);
	if (!vm->niterating) {
		free(e);
		return;
	}
	e->dead = 1;
	e->chain = vm->grave;
	vm->grave = e;
}

/* The element, new if it is not there; NULL: full. */
static struct entry *element(struct vm *vm, struct vm_map *m,
			     const uint8_t *key)
{
	struct entry *e = vm_find(vm, m, key);

	if (e)
		return e;
	if (m->fd < 0 && m->table.n >= m->row->max_entries) {
		if (!(m->row->flags & STB_MAPF_WRAP))
			return NULL;
		take_out(vm, m, m->table.first);
	}
	return table_add(&m->table, key, now_ns());
}

/* Makes room in a full array that wraps: the oldest but `keep` goes. */
static bool evict(struct vm *vm, struct vm_map *m, const struct entry *keep)
{
	struct entry *oldest;

	if (!(m->row->flags & STB_MAPF_WRAP))
		return false;
	vm_see_all(vm, m);
	oldest = m->table.first;
	if (oldest == keep)
		oldest = oldest->next;
	if (!oldest)
		return false;
	bpf_map_delete(m->fd, oldest->bytes);
	take_out(vm, m, oldest);
	return true;
}

/* A new element that the kernel has no room for is not there. */
static int settle(struct vm *vm, struct vm_map *m, struct entry *e, bool was,
		  int full)
{
	if (full && !was)
		take_out(vm, m, e);
	return full;
}

int vm_store(struct vm *vm, struct vm_map *m, const uint8_t *key,
	     const void *value)
{
	bool was = vm_find(vm, m, key);
	struct entry *e = element(vm, m, key);
	int64_t delta;
	int full = 0;

	if (!e)
		return 1;
	do {
		if (m->fd >= 0 && only_added(m)) {
			delta = (int64_t)(*(const uint64_t *)value -
					  *(uint64_t *)vm_value(m, e));
			full = kernel_add(m, e->bytes, &delta);
		} else if (m->fd >= 0) {
			full = put(m, e->bytes, e->seq, value, PUT_ANY) != 0;
		}
	} while (full && evict(vm, m, e));
	if (!full)
		memcpy(vm_value(m, e), value, m->table.value_size);
	return settle(vm, m, e, was, full);
}

int vm_add(struct vm *vm, struct vm_map *m, const uint8_t *key, int64_t delta)
{
	bool was = vm_find(vm, m, key);
	struct entry *e = element(vm, m, key);
	uint64_t value;
	int full = 0;

	if (!e)
		return 1;
	value = *(uint64_t *)vm_value(m, e) + (uint64_t)delta;
	do {
		if (m->fd >= 0 && only_added(m))
			full = kernel_add(m, e->bytes, &delta);
		else if (m->fd >= 0)
			full = put(m, e->bytes, e->seq, &value, PUT_ANY) != 0;
	} while (full && evict(vm, m, e));
	if (!full)
		memcpy(vm_value(m, e), &value, 8);
	return settle(vm, m, e, was, full);
}

int vm_stat_add(struct vm *vm, struct vm_map *m, const uint8_t *key, int64_t v)
{
	bool was = vm_find(vm, m, key);
	struct entry *e = element(vm, m, key);
	void *one;
	int full = 0;

	if (!e)
		return 1;
	if (m->fd >= 0) {
		one = array(1, m->table.value_size);
		stat_enter(m->row, one, v);
		do
			full = kernel_add(m, e->bytes, one);
		while (full && evict(vm, m, e));
		free(one);
	}
	if (!full)
		stat_enter(m->row, vm_value(m, e), v);
	return settle(vm, m, e, was, full);
}

static bool is_zero(const struct vm_map *m, const void *value)
{
	return is_stat(m) ? !stat_count(m->row, value) :
			    !*(const int64_t *)value;
}

/*
 * The same of an aggregate without keys. What the kernel had when it was seen
 * does not count from here. It does not forget extremes by itself, so where
 * they are wanted all is cleared there, between two looks as close as can be.
 */
static void subtract_fixed(struct vm_map *m, const uint8_t *key,
			   struct entry *e)
{
	bool extremes = m->row->stat_ops & (1u << STB_ST_MIN | 1u << STB_ST_MAX);
	uint8_t *seen = array(1, m->table.value_size);
	uint8_t *now = array(1, m->table.value_size);

	memcpy(seen, vm_value(m, e), m->table.value_size);
	if (m->own)
		stat_subtract(m->row, seen, m->own);
	if (m->gone)
		stat_merge(m->row, seen, m->gone);
	free(m->own);
	free(m->gone);
	m->own = m->gone = NULL;
	if (extremes && !bpf_map_lookup(m->fd, key, m->raw)) {
		fold(m, m->raw, now);
		memset(m->raw, 0, raw_size(m));
		bpf_map_update(m->fd, key, m->raw, PUT_ANY);
		stat_subtract(m->row, now, seen);
		m->own = now;
		free(seen);
		return;
	}
	m->gone = seen;
	free(now);
}

/* What the run has seen goes, what came since stays. */
static void subtract(struct vm_map *m, const uint8_t *key, struct entry *e)
{
	uint8_t *value;
	uint64_t seq = 0;

	if (is_fixed(m)) {
		subtract_fixed(m, key, e);
		return;
	}
	value = array(1, m->table.value_size);
	take(m, key, value, &seq);
	if (is_stat(m))
		stat_subtract(m->row, value, vm_value(m, e));
	else
		*(uint64_t *)value -= *(uint64_t *)vm_value(m, e);
	if (!is_zero(m, value))
		put_back(m, key, value, seq);
	free(value);
}

void vm_delete(struct vm *vm, struct vm_map *m, const uint8_t *key)
{
	struct entry *e = is_fixed(m) ? vm_find(vm, m, key) :
			  table_find(&m->table, key);

	if (m->fd >= 0 && e && only_added(m))
		subtract(m, key, e);
	else if (m->fd >= 0)
		bpf_map_delete(m->fd, key);
	if (e)
		take_out(vm, m, e);
}

void vm_clear(struct vm *vm, struct vm_map *m)
{
	vm_see_all(vm, m);
	while (m->table.first)
		vm_delete(vm, m, m->table.first->bytes);
}

/* --- opening, forgetting -------------------------------------------------------------- */

/* Bytes that a value must have: see bundler/stb.h. */
static uint64_t value_need(const struct stb_map *row)
{
	if (row->value == 'x')
		return sizeof(struct stb_stat) + 8ull * stat_buckets(row);
	return 8;
}

static void open_map(struct vm *vm, struct vm_map *m)
{
	const struct stb_map *row = m->row;

	m->seq = row->flags & STB_MAPF_HIDDEN ? 0 : 8;
	if (!row->value || !row->key_size ||
	    row->value_size < m->seq + value_need(row))
		return;
	m->parts = row->type == STB_MAP_PERCPU_HASH ||
		   row->type == STB_MAP_PERCPU_ARRAY ? vm->env.ncpus : 1;
	m->table.key_size = row->key_size;
	m->table.value_size = row->value_size - m->seq;
	m->key = array(1, row->key_size);
	m->raw = m->fd >= 0 ? array(1, raw_size(m)) : NULL;
}

void vm_maps_open(struct vm *vm)
{
	struct rows rows = rows_of(vm->env.meta, STB_T_MAPS,
				   sizeof(struct stb_map));

	vm->nmaps = rows.n;
	vm->maps = array(rows.n, sizeof(*vm->maps));
	for (uint32_t i = 0; i < rows.n; i++) {
		vm->maps[i].row = ROW(struct stb_map, rows, i);
		vm->maps[i].fd = vm->env.map_fds ? vm->env.map_fds[i] : -1;
		open_map(vm, &vm->maps[i]);
	}
}

void vm_maps_forget(struct vm *vm)
{
	struct entry *e;

	while ((e = vm->grave)) {
		vm->grave = e->chain;
		free(e);
	}
	for (uint32_t i = 0; i < vm->nmaps; i++)
		if (vm->maps[i].fd >= 0) {
			table_clear(&vm->maps[i].table);
			vm->maps[i].complete = false;
		}
}

void vm_maps_close(struct vm *vm)
{
	vm_maps_forget(vm);
	for (uint32_t i = 0; i < vm->nmaps; i++) {
		table_clear(&vm->maps[i].table);
		free(vm->maps[i].key);
		free(vm->maps[i].raw);
		free(vm->maps[i].gone);
		free(vm->maps[i].own);
	}
	free(vm->maps);
}
