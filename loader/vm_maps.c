/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vm_maps.c - arrays and aggregates of loader handlers. docs/runtime.md, "What
 * a loader handler sees", has the meaning.
 * Those that are in the kernel are seen through vm_shared.c.
 */
#include "loader/vm_in.h"

#include <stdlib.h>
#include <string.h>

uint8_t *vm_value(const struct vm_map *m, struct entry *e)
{
	return table_value(&m->table, e);
}

struct vm_map *vm_map_at(struct vm *vm, uint64_t id, const char *kinds)
{
	struct vm_map *m;

	for (uint32_t i = 0; i < vm->nmaps; i++) {
		m = &vm->maps[i];
		if (m->row->id != id || !m->key ||
		    !strchr(kinds, (char)m->row->value))
			continue;
		/* elements: hashes may all be equal */
		vm->work += vm_work(m->table.key_size + (uint64_t)m->parts *
				    m->table.value_size) + m->table.n / 64;
		return m;
	}
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

/* --- changes ------------------------------------------------------------------------ */

struct entry *vm_find(struct vm *vm, struct vm_map *m, const uint8_t *key)
{
	struct entry *e = table_find(&m->table, key);

	if (e || m->fd < 0 || m->complete)
		return e;
	return vm_share_look(m, key);
}

static void take_out(struct vm *vm, struct vm_map *m, struct entry *e)
{
	table_unlink(&m->table, e);
	if (!vm->niterating) {
		free(e);
		return;
	}
	e->flags = ENTRY_DEAD;
	e->chain = vm->grave;
	vm->grave = e;
}

/* Makes room where the oldest goes, which is not `keep`. */
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
	vm_delete(vm, m, oldest->bytes);
	return true;
}

/* A new element is one too many where the kernel does not say so. */
static bool is_full(struct vm *vm, struct vm_map *m)
{
	if (m->fd >= 0 && !vm_has_account(m))
		return false;
	vm_see_all(vm, m);
	return m->table.n > m->row->max_entries;
}

/*
 * The element changes to `value`, which is `delta` more than it is now; NULL
 * where there are no differences. 1: full, and nothing has changed.
 */
static int change(struct vm *vm, struct vm_map *m, const uint8_t *key,
		  const void *value, const void *delta)
{
	struct entry *e = vm_find(vm, m, key);
	bool is_new = !e;

	if (is_new)
		e = table_add(&m->table, key, now_ns());
	while ((is_new && is_full(vm, m)) ||
	       (m->fd >= 0 && !vm_has_account(m) && vm_share_put(m, e, value)))
		if (!evict(vm, m, e)) {
			if (is_new)
				take_out(vm, m, e);
			return 1;
		}
	if (vm_has_account(m))
		vm_share_add(m, e->bytes, delta);
	memcpy(vm_value(m, e), value, m->table.value_size);
	return 0;
}

int vm_store(struct vm *vm, struct vm_map *m, const uint8_t *key,
	     const void *value)
{
	struct entry *e = vm_find(vm, m, key);
	uint64_t delta = 0;

	if (m->row->value == 'l')
		delta = *(const uint64_t *)value -
			(e ? *(const uint64_t *)vm_value(m, e) : 0);
	return change(vm, m, key, value, &delta);
}

int vm_add(struct vm *vm, struct vm_map *m, const uint8_t *key, int64_t delta)
{
	struct entry *e = vm_find(vm, m, key);
	uint64_t value = (e ? *(const uint64_t *)vm_value(m, e) : 0) +
			 (uint64_t)delta;

	return change(vm, m, key, &value, &delta);
}

int vm_stat_add(struct vm *vm, struct vm_map *m, const uint8_t *key, int64_t v)
{
	struct entry *e = vm_find(vm, m, key);
	uint8_t *value, *one;
	int full;

	if (m->fd < 0 && e) {
		stat_enter(m->row, vm_value(m, e), v);
		return 0;
	}
	value = array(2, m->table.value_size);
	one = value + m->table.value_size;
	if (e)
		memcpy(value, vm_value(m, e), m->table.value_size);
	stat_enter(m->row, value, v);
	stat_enter(m->row, one, v);
	full = change(vm, m, key, value, one);
	free(value);
	return full;
}

void vm_delete(struct vm *vm, struct vm_map *m, const uint8_t *key)
{
	struct entry *e = vm_find(vm, m, key);

	if (!e)
		return;
	if (m->fd >= 0)
		vm_share_delete(m, e);
	take_out(vm, m, e);
}

void vm_clear(struct vm *vm, struct vm_map *m)
{
	vm_see_all(vm, m);
	vm->work += m->table.n;
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
	/* behind a number nothing is looked at */
	m->table.value_size = row->value == 'l' ? 8 : row->value_size - m->seq;
	m->key = array(1, row->key_size);
	if (m->fd < 0)
		return;
	m->account.key_size = row->key_size;
	m->account.value_size = 2 * m->table.value_size;
	m->value = array(1, m->table.value_size);
	m->raw = array(1, vm_raw_size(m));
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
		vm->is_shared |= vm->maps[i].fd >= 0;
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
		table_clear(&vm->maps[i].account);
		free(vm->maps[i].key);
		free(vm->maps[i].raw);
		free(vm->maps[i].value);
		vm_share_close(&vm->maps[i]);
	}
	free(vm->maps);
}

/* --- from outside ----------------------------------------------------------------- */

void vm_each_element(struct vm *vm,
		     void (*element)(void *arg, const struct stb_map *row,
				     const uint8_t *key, const void *value),
		     void *arg)
{
	for (uint32_t i = 0; i < vm->nmaps; i++) {
		struct vm_map *m = &vm->maps[i];

		if (!m->key || m->row->flags & (STB_MAPF_HIDDEN |
						STB_MAPF_INTERNAL))
			continue;
		vm_see_all(vm, m);
		for (struct entry *e = m->table.first; e; e = e->next)
			element(arg, m->row, e->bytes, vm_value(m, e));
	}
	vm_maps_forget(vm);
}

bool vm_stat(const struct stb_map *row, const void *value, int what,
	     int64_t *to)
{
	return row->stat_ops >> what & 1 && !stat_get(row, value, what, to);
}

uint32_t vm_stat_buckets(const struct stb_map *row)
{
	return stat_buckets(row);
}

uint64_t vm_stat_bucket(const void *value, uint32_t i)
{
	return *stat_bucket(value, i);
}
