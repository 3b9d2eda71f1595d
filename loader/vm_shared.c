/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vm_shared.c - arrays that are in the kernel, as loader handlers see them.
 *
 * A run sees each element as it was when the run first looked; foreach looks
 * at all. Where handlers in the kernel do more than add to an array, what ours
 * store goes to the kernel at once. Where all they do is add, nobody in the
 * kernel reads it, and an account is kept here, so that nothing that they add
 * is ever written over:
 *
 *	what a run sees = what is in the kernel - gone + own
 *
 * A handler in the kernel that has found an element adds to it even when it is
 * taken out meanwhile, and that would be lost. So one that is deleted stays in
 * the kernel, what it had is `gone`, and it is taken out when it has been quiet
 * for a while; sooner where the array gets full.
 */
#include "loader/bpf.h"
#include "loader/vm_in.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH_BYTES = 256 << 10, PUT_ANY = 0 /* BPF_ANY */ };

/* Elements in the kernel that leave it too little room. */
static bool is_crowded(const struct vm_map *m)
{
	return m->in_kernel > m->row->max_entries / 2 && m->in_kernel > 1;
}

static bool is_stat(const struct vm_map *m)
{
	return m->row->value == 'x';
}

/* Do handlers in the kernel only add to it? */
bool vm_has_account(const struct vm_map *m)
{
	return m->fd >= 0 && (is_stat(m) || (m->row->flags & STB_MAPF_ADDED));
}

/* --- values -------------------------------------------------------------------- */

static size_t part_size(const struct vm_map *m)
{
	return (m->row->value_size + 7) & ~7u;
}

size_t vm_raw_size(const struct vm_map *m)
{
	return m->parts * part_size(m);
}

/* Parts into one value; the time of insertion. */
static uint64_t fold(const struct vm_map *m, const uint8_t *raw, void *value)
{
	uint64_t seq = 0, part_seq;

	if (m->seq)
		memcpy(&seq, raw, 8);
	if (!is_stat(m)) {
		memcpy(value, raw + m->seq, m->table.value_size);
		return seq;
	}
	memset(value, 0, m->table.value_size);
	for (uint32_t i = 0; i < m->parts; i++, raw += part_size(m)) {
		stat_merge(m->row, value, raw + m->seq);
		memcpy(&part_seq, raw, 8);
		if (m->seq && part_seq && (!seq || part_seq < seq))
			seq = part_seq;
	}
	return seq;
}

static void plus(const struct vm_map *m, void *to, const void *from)
{
	if (is_stat(m))
		stat_merge(m->row, to, from);
	else
		*(uint64_t *)to += *(const uint64_t *)from;
}

static void minus(const struct vm_map *m, void *to, const void *from)
{
	if (is_stat(m))
		stat_subtract(m->row, to, from);
	else
		*(uint64_t *)to -= *(const uint64_t *)from;
}

static int64_t sum_of(const void *value)
{
	return ((const struct stb_stat *)value)->sum;
}

static bool same(const struct vm_map *m, const void *a, const void *b)
{
	if (is_stat(m))
		return stat_count(m->row, a) == stat_count(m->row, b) &&
		       sum_of(a) == sum_of(b);
	return *(const uint64_t *)a == *(const uint64_t *)b;
}

static bool is_nothing(const struct vm_map *m, const void *value)
{
	if (is_stat(m))
		return !stat_count(m->row, value) && !sum_of(value);
	return !*(const uint64_t *)value;
}

/* --- the account ----------------------------------------------------------------- */

enum { HAS_GONE = 1, HAS_OWN = 2 };

static uint8_t *gone_of(const struct vm_map *m, struct entry *a)
{
	return table_value(&m->account, a);
}

static uint8_t *own_of(const struct vm_map *m, struct entry *a)
{
	return gone_of(m, a) + m->table.value_size;
}

static struct entry *account(struct vm_map *m, const uint8_t *key)
{
	struct entry *a = table_find(&m->account, key);

	return a ? a : table_add(&m->account, key, now_ns());
}

static void close_account(struct vm_map *m, struct entry *a)
{
	table_unlink(&m->account, a);
	free(a);
}

/* What nobody in the kernel knows: to be added to what it has. */
static void set_own(struct vm_map *m, struct entry *a, const void *value)
{
	memcpy(own_of(m, a), value, m->table.value_size);
	a->flags = HAS_OWN;
	a->seq = now_ns();
}

void vm_share_add(struct vm_map *m, const uint8_t *key, const void *value)
{
	struct entry *a = account(m, key);

	if (!(a->flags & HAS_OWN))
		memset(own_of(m, a), 0, m->table.value_size);
	plus(m, own_of(m, a), value);
	a->flags |= HAS_OWN;
}

/* Takes the element out of the kernel: 0, or -ENOENT, or why that cannot be.
   What it had beyond `known` becomes ours. */
static int take(struct vm_map *m, const uint8_t *key, const void *known)
{
	int error = bpf_map_take(m->fd, key, m->raw);
	struct entry *a;

	if (error)
		return error;
	fold(m, m->raw, m->value);
	minus(m, m->value, known);
	a = table_find(&m->account, key);
	if (!is_nothing(m, m->value))
		set_own(m, a ? a : account(m, key), m->value);
	else if (a)
		close_account(m, a);
	return 0;
}

/* --- looking ----------------------------------------------------------------------- */

/* The element as this run sees it from here; raw: what the kernel has, NULL
   for nothing. NULL: there is none. */
static struct entry *see(struct vm_map *m, const uint8_t *key,
			 const uint8_t *raw)
{
	struct entry *a = table_find(&m->account, key), *e;
	bool there = raw != NULL;
	uint64_t seq = 0;

	memset(m->value, 0, m->table.value_size);
	if (raw)
		seq = fold(m, raw, m->value);
	if (a && (a->flags & HAS_GONE) && raw) {
		there = !same(m, m->value, gone_of(m, a));
		minus(m, m->value, gone_of(m, a));
		seq = a->seq;
	}
	if (a && (a->flags & HAS_OWN)) {
		plus(m, m->value, own_of(m, a));
		there = true;
		seq = seq ? seq : a->seq;
	}
	if (!there || (is_stat(m) && stat_count(m->row, m->value) <= 0))
		return NULL;
	e = table_add(&m->table, key, seq);
	memcpy(vm_value(m, e), m->value, m->table.value_size);
	return e;
}

struct entry *vm_share_look(struct vm_map *m, const uint8_t *key)
{
	bool there = !bpf_map_lookup(m->fd, key, m->raw);

	return see(m, key, there ? m->raw : NULL);
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
			see(m, key, values + i * vm_raw_size(m));
	}
}

/* 0, or an errno. */
static int see_kernel(struct vm_map *m)
{
	size_t one = m->table.key_size + vm_raw_size(m);
	uint32_t room = (uint32_t)(BATCH_BYTES / one) + 16, n;
	uint8_t *cursor = array(1, m->table.key_size + 8), *buf = NULL, *keys;
	bool first = true;
	int err = -ENOSPC;

	m->in_kernel = 0;
	do {
		if (err == -ENOSPC) {	/* a bucket is larger than that */
			room *= buf ? 2 : 1;
			free(buf);
			buf = array(room, one);
		}
		n = room;
		/* values first, which are to be aligned */
		keys = buf + room * vm_raw_size(m);
		err = bpf_map_lookup_batch(m->fd, first, cursor, keys, buf, &n);
		if (err && err != -ENOENT)
			continue;
		m->in_kernel += n;
		see_batch(m, keys, buf, n);
		first = false;
	} while (!err || err == -ENOSPC || err == -EINTR);
	free(buf);
	free(cursor);
	return err == -ENOENT ? 0 : -err;
}

/* What only we know is seen, too; what was deleted and has been quiet since
   leaves the kernel. */
static void settle_accounts(struct vm *vm, struct vm_map *m)
{
	uint64_t now = now_ns();
	struct entry *a, *next;

	for (a = m->account.first; a; a = next) {
		next = a->next;
		if (table_find(&m->table, a->bytes))
			continue;
		if (a->flags & HAS_OWN)
			see(m, a->bytes, NULL);
		else if (m->row->type != STB_MAP_PERCPU_ARRAY &&
			 (is_crowded(m) || now - a->seq >= vm->quiet_ns) &&
			 take(m, a->bytes, gone_of(m, a)) == -ENOENT)
			close_account(m, a);
	}
}

void vm_see_all(struct vm *vm, struct vm_map *m)
{
	int error = m->fd < 0 || m->complete ? 0 : see_kernel(m);

	if (error)
		vm_cannot(vm, "array \"%s\" cannot be read: %s",
			  stb_string(vm->env.meta, m->row->name),
			  strerror(error));
	if (error || m->fd < 0 || m->complete)
		return;
	settle_accounts(vm, m);
	put_in_order(&m->table);
	m->complete = true;
}

/* --- changing ---------------------------------------------------------------------- */

int vm_share_put(struct vm_map *m, struct entry *e, const void *value)
{
	memset(m->raw, 0, vm_raw_size(m));
	if (m->seq)
		memcpy(m->raw, &e->seq, 8);
	memcpy(m->raw + m->seq, value, m->table.value_size);
	return bpf_map_update(m->fd, e->bytes, m->raw, PUT_ANY) != 0;
}

/* What the kernel had of an element when this run looked, into `known`. */
static void recall(struct vm_map *m, struct entry *e, struct entry *a,
		   void *known)
{
	memcpy(known, vm_value(m, e), m->table.value_size);
	if (a && (a->flags & HAS_OWN))
		minus(m, known, own_of(m, a));
	if (a && (a->flags & HAS_GONE))
		plus(m, known, gone_of(m, a));
}

/* --- extremes ------------------------------------------------------------------------ */

/*
 * They cannot be subtracted, and we cannot write one field of an element. A
 * program of ours can: it makes a CPU's minimum and maximum zero, which is
 * none, unless they have changed.
 */
enum { RESET_KEY = 256 };
struct reset {
	uint64_t cpu, min, max;
	uint8_t key[RESET_KEY];
};

static void forget_word(struct bpf_insn *to, size_t ctx_at, size_t at)
{
	to[0] = INSN(BPF_LDX | BPF_MEM | BPF_DW, 0, 6, ctx_at, 0);
	to[1] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 0);
	to[2] = INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 7, 1, at, BPF_CMPXCHG);
}

/* The key to the stack: kernels before 6.1 take none from elsewhere. */
static uint32_t load_key(struct bpf_insn *to, uint32_t size)
{
	uint32_t n = 0, at;

	for (at = 0; at < size; at += 8) {
		to[n++] = INSN(BPF_LDX | BPF_MEM | BPF_DW, 0, 6,
			       offsetof(struct reset, key) + at, 0);
		to[n++] = INSN(BPF_STX | BPF_MEM | BPF_DW, 10, 0,
			       (int)at - RESET_KEY, 0);
	}
	return n;
}

static int new_reset(struct vm_map *m)
{
	struct bpf_insn code[2 * RESET_KEY / 8 + 24];
	struct bpf_prog_spec s = {
		.type = BPF_PROG_TYPE_SYSCALL, .flags = BPF_F_SLEEPABLE,
		.name = "stb_reset", .insns = code, .btf_fd = -1,
	};
	uint32_t n = 1;

	if (m->table.key_size > RESET_KEY)
		return -1;
	code[0] = INSN(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0);
	n += load_key(code + n, m->table.key_size);
	code[n++] = INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0,
			 m->fd);
	code[n++] = INSN(0, 0, 0, 0, 0);
	code[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0);
	code[n++] = INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -RESET_KEY);
	code[n++] = INSN(BPF_LDX | BPF_MEM | BPF_W, 3, 6, 0, 0);
	code[n++] = INSN(BPF_JMP | BPF_CALL, 0, 0, 0,
			 BPF_FUNC_map_lookup_percpu_elem);
	code[n++] = INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 7, 0);
	code[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_X, 7, 0, 0, 0);
	forget_word(code + n, offsetof(struct reset, min),
		    m->seq + offsetof(struct stb_stat, min));
	forget_word(code + n + 3, offsetof(struct reset, max),
		    m->seq + offsetof(struct stb_stat, max));
	n += 6;
	code[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	code[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	s.insn_count = n;
	return bpf_prog_new(&s, NULL, 0);
}

/* m->raw: what the kernel has. False: this kernel has no such programs. */
static bool reset_extremes(struct vm_map *m, const uint8_t *key)
{
	struct reset r = { 0 };
	const struct stb_stat *part;

	if (!m->reset_fd)
		m->reset_fd = new_reset(m);
	if (m->reset_fd < 0)
		return false;
	memcpy(r.key, key, m->table.key_size);
	for (r.cpu = 0; r.cpu < m->parts; r.cpu++) {
		part = (const void *)(m->raw + r.cpu * part_size(m) + m->seq);
		r.min = part->min;
		r.max = part->max;
		if ((r.min || r.max) &&
		    bpf_prog_run(m->reset_fd, &r, sizeof(r)) < 0)
			return false;
	}
	return true;
}

void vm_share_close(struct vm_map *m)
{
	if (m->reset_fd > 0)
		close(m->reset_fd);
}

/* --- deleting ------------------------------------------------------------------------ */

/* Of `now`, which the kernel has had, `known` is gone. Extremes of what is left
   are known to nobody in the kernel any more. */
static void keep_extremes(struct vm_map *m, struct entry *a, void *now,
			  const void *known)
{
	struct stb_stat *left = now, *own;

	stat_subtract(m->row, left, known);
	if (stat_count(m->row, left) <= 0)
		return;
	memset(own_of(m, a), 0, m->table.value_size);
	own = (struct stb_stat *)own_of(m, a);
	own->min = left->min;
	own->max = left->max;
	a->flags |= HAS_OWN;
}

/* Extremes as the kernel has them, so that it is seen when they change. */
static void copy_extremes(void *to, const void *from)
{
	((struct stb_stat *)to)->min = ((const struct stb_stat *)from)->min;
	((struct stb_stat *)to)->max = ((const struct stb_stat *)from)->max;
}

/* What the run has seen goes; what came since stays. */
static void leave_account(struct vm_map *m, struct entry *e, void *known)
{
	struct entry *a = table_find(&m->account, e->bytes);
	bool extremes = is_stat(m) && (m->row->stat_ops &
			(1u << STB_ST_MIN | 1u << STB_ST_MAX));

	recall(m, e, a, known);
	if (bpf_map_lookup(m->fd, e->bytes, m->raw)) {
		if (a)
			close_account(m, a);
		return;
	}
	extremes = extremes && reset_extremes(m, e->bytes);
	fold(m, m->raw, m->value);
	if (is_crowded(m) && same(m, m->value, known) &&
	    !take(m, e->bytes, known))
		return;
	a = account(m, e->bytes);
	memcpy(gone_of(m, a), known, m->table.value_size);
	a->flags = HAS_GONE;
	a->seq = now_ns();
	if (extremes) {
		keep_extremes(m, a, m->value, known);
		((struct stb_stat *)gone_of(m, a))->min = 0;
		((struct stb_stat *)gone_of(m, a))->max = 0;
	} else if (is_stat(m)) {
		fold(m, m->raw, m->value);
		copy_extremes(gone_of(m, a), m->value);
	}
}

void vm_share_delete(struct vm_map *m, struct entry *e)
{
	void *known = array(1, m->table.value_size);

	if (vm_has_account(m))
		leave_account(m, e, known);
	else
		bpf_map_delete(m->fd, e->bytes);
	free(known);
}
