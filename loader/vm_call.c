/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vm_call.c - the services that code of loader handlers calls. Arguments are
 * numbers or addresses in its memory; runtime/user/services.h says which.
 */
#include "loader/encode.h"
#include "loader/rights.h"
#include "loader/vm_in.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* --- frames --------------------------------------------------------------------- */

/* The compiler has counted what may be in use; MAXNESTING limits recursion. */
static uint64_t push(struct vm *vm, uint64_t size, bool recursive)
{
	uint32_t at = vm->frames_used;

	size = (size + 15) & ~15ull;
	if (recursive && vm->nesting >= vm->limits->max_nesting)
		return 0;
	if (size + 8 > vm->frames_size - at) {
		vm_break(vm, "%u bytes for frames are not enough",
			 vm->frames_size);
		return 0;
	}
	vm->nesting += recursive;
	vm->work += vm_work(size);
	memset(vm->frames + at, 0, size + 8);
	memcpy(vm->frames + at, &recursive, 1);
	vm->frames_used += (uint32_t)size + 8;
	return (uint64_t)STB_REGION_FRAMES << 32 | (at + 8);
}

static void pop(struct vm *vm, uint64_t frame)
{
	uint32_t at = (uint32_t)frame - 8;

	if (frame >> 32 != STB_REGION_FRAMES || at >= vm->frames_used) {
		vm_break(vm, "no frame at %#llx", (unsigned long long)frame);
		return;
	}
	vm->nesting -= vm->frames[at] && vm->nesting;
	vm->frames_used = at;
}

/* --- locks: see runtime/abi.h ------------------------------------------------------ */

enum { LOCK_SPINS = 200, LOCK_NAP_NS = 20000 };

static uint32_t *lock_word(struct vm *vm, uint64_t number)
{
	return vm_mem_write(vm, ((uint64_t)STB_REGION_GLOBALS << 32) +
			    sizeof(struct stb_shared) + 4 * (uint32_t)number, 4);
}

static bool lock_once(uint32_t *word, uint64_t mode)
{
	uint32_t free_word = 0;

	if (mode)
		return __atomic_compare_exchange_n(word, &free_word,
			STB_LOCK_WRITER, false, __ATOMIC_SEQ_CST,
			__ATOMIC_SEQ_CST);
	if (__atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST) < STB_LOCK_WRITER)
		return true;
	__atomic_fetch_sub(word, 1, __ATOMIC_SEQ_CST);
	return false;
}

/*
 * Handlers in the kernel wait for what we hold, and are skipped when that takes
 * long: nobody shall take the CPU from us before we are done. Without the right
 * to that it goes on as it is.
 */
static void hold(struct vm *vm, bool begin)
{
	struct stb_shared *g = vm->env.globals;
	struct sched_param p = { .sched_priority = begin };
	bool raised;

	if (!vm->is_shared)
		return;
	if (begin)
		vm->had_policy = (int)syscall(SYS_sched_getscheduler, 0);
	if (vm->had_policy == SCHED_OTHER) {
		raised = begin && rights_raise();
		syscall(SYS_sched_setscheduler, 0, begin ? SCHED_FIFO :
			SCHED_OTHER, &p);
		rights_lower(raised);
	}
	__atomic_store_n(&g->holder, begin ? (uint64_t)getpid() << 32 |
			 (uint64_t)gettid() : 0, __ATOMIC_SEQ_CST);
}

/* A handler in the kernel holds a lock for microseconds, so we can wait. */
static uint64_t lock(struct vm *vm, uint64_t number, uint64_t mode)
{
	struct timespec nap = { 0, LOCK_NAP_NS };
	uint32_t *word = lock_word(vm, number);
	uint64_t until = now_ns() + vm->lock_wait_ns;
	unsigned tries = 0;

	if (!word || vm->nheld == MAX_LOCKS) {
		vm_break(vm, "lock %llu", (unsigned long long)number);
		return 1;
	}
	if (!vm->nheld)
		hold(vm, true);
	while (!lock_once(word, mode)) {
		if (++tries < LOCK_SPINS)
			continue;
		if (now_ns() > until) {
			if (!vm->nheld)
				hold(vm, false);
			vm->work += VM_LOOK;
			return 1;
		}
		nanosleep(&nap, NULL);
	}
	vm->held[vm->nheld].number = (uint32_t)number;
	vm->held[vm->nheld++].mode = (uint32_t)mode;
	return 0;
}

static void unlock_last(struct vm *vm)
{
	uint32_t mode = vm->held[--vm->nheld].mode;
	uint32_t *word = lock_word(vm, vm->held[vm->nheld].number);

	__atomic_fetch_sub(word, mode ? STB_LOCK_WRITER : 1, __ATOMIC_SEQ_CST);
	if (!vm->nheld)
		hold(vm, false);
}

/* They are given back in the order opposite to that of taking. */
static void unlock(struct vm *vm, uint64_t number)
{
	if (vm->nheld && vm->held[vm->nheld - 1].number == number)
		unlock_last(vm);
	else
		vm_break(vm, "lock %llu is not held",
			 (unsigned long long)number);
}

void vm_locks_release(struct vm *vm)
{
	while (vm->nheld)
		unlock_last(vm);
}

static void skip(struct vm *vm)
{
	struct stb_shared *g = vm->env.globals;

	vm->skipped = true;
	__atomic_fetch_add(&g->skipped_lock, 1, __ATOMIC_RELAXED);
}

/* --- output, messages ---------------------------------------------------------------- */

static const struct stb_format *format_at(struct vm *vm, uint64_t id)
{
	if (id < vm->formats.n)
		return ROW(struct stb_format, vm->formats, id);
	vm_break(vm, "format %llu", (unsigned long long)id);
	return NULL;
}

static struct arg *next_arg(struct vm *vm)
{
	if (vm->nargs == MAX_ARGS)	/* the compiler allows fewer */
		vm_break(vm, "more than %d arguments", --vm->nargs);
	return &vm->args[vm->nargs++];
}

static void arg_string(struct vm *vm, uint64_t s)
{
	size_t n;
	const char *text = vm_str(vm, s, &n);

	*next_arg(vm) = (struct arg){ .s = text, .len = n };
}

static void print(struct vm *vm, uint64_t format)
{
	const struct stb_format *f = format_at(vm, format);

	if (f)
		output_print(vm->env.out, vm->env.meta, f, vm->args,
			     vm->nargs);
	vm->work += NAME_WORK;
	vm->nargs = 0;
}

/* Bytes of the text, which is cut at size. */
static size_t format_to(struct vm *vm, char *to, size_t size, uint64_t format)
{
	const struct stb_format *f = format_at(vm, format);
	struct sink sink = { .buf = to, .cap = size };

	if (f)
		format_text(&sink, &vm->env.out->names,
			    stb_string(vm->env.meta, f->text), f->text_len,
			    vm->args, vm->nargs);
	vm->nargs = 0;
	return sink.n;
}

static void sprint(struct vm *vm, uint64_t dst, uint64_t cap, uint64_t format)
{
	size_t n = format_to(vm, vm->text, vm->limits->string_len, format);

	vm_put(vm, dst, cap, vm->text, n);
}

static void message(struct vm *vm, uint64_t format)
{
	size_t n = format_to(vm, vm->text, vm->limits->string_len, format);

	if (vm->broken)		/* it says why */
		return;
	if (n > MESSAGE_SIZE - 1)
		n = MESSAGE_SIZE - 1;
	memcpy(vm->message, vm->text, n);
	vm->message[n] = 0;
	vm->message_len = n;
}

/* The chart of an element; 1: it is empty. */
static uint64_t draw(struct vm *vm, struct sink *sink, uint64_t map,
		     uint64_t key, struct charted *c)
{
	struct vm_map *m = vm_map_at(vm, map, "x");
	const uint8_t *k = m ? vm_key(vm, m, key) : NULL;
	struct entry *e = k ? vm_find(vm, m, k) : NULL;
	const struct stb_stat *s = e ? (const void *)vm_value(m, e) : NULL;
	uint32_t n = k ? stat_buckets(m->row) : 0;

	if (!s || !n || !stat_count(m->row, s))
		return 1;
	if (!sink)
		sink = output_begin(vm->env.out, STB_OUT);
	*c = (struct charted){
		.name = stb_string(vm->env.meta, m->row->name),
		.is_log = m->row->stat_ops >> STB_ST_HIST_LOG & 1,
		.lo = m->row->hist_lo, .step = m->row->hist_step,
		.buckets = (const uint64_t *)(s + 1), .n = n,
	};
	if (c->is_log)
		format_hist_log(sink, c->buckets, n);
	else
		format_hist_linear(sink, c->buckets, n, c->lo, c->step);
	return 0;
}

static uint64_t print_hist(struct vm *vm, uint64_t map, uint64_t key)
{
	struct charted c;

	if (draw(vm, NULL, map, key, &c))
		return 1;
	output_end_chart(vm->env.out, &c);
	return 0;
}

static uint64_t format_hist(struct vm *vm, const uint64_t a[5])
{
	struct sink sink = { .buf = vm->text, .cap = vm->limits->string_len };

	struct charted c;

	if (draw(vm, &sink, a[0], a[1], &c))
		return 1;
	vm_put(vm, a[2], a[3], vm->text, sink.n);
	return 0;
}

/* --- arrays ---------------------------------------------------------------------------- */

/* Map and key of a service's first two arguments; kinds: see vm_map_at. */
static struct vm_map *element(struct vm *vm, const uint64_t a[5],
			      const char *kinds, const uint8_t **key)
{
	struct vm_map *m = vm_map_at(vm, a[0], kinds);

	*key = m ? vm_key(vm, m, a[1]) : NULL;
	return *key ? m : NULL;
}

static uint64_t get(struct vm *vm, const uint64_t a[5])
{
	const uint8_t *key;
	struct vm_map *m = element(vm, a, "l", &key);
	struct entry *e = m ? vm_find(vm, m, key) : NULL;

	return e ? *(uint64_t *)vm_value(m, e) : 0;
}

static const char *string_of(const struct vm_map *m, struct entry *e,
			     size_t *len)
{
	const char *s = e ? (const char *)vm_value(m, e) : "";

	*len = e ? strnlen(s, m->table.value_size) : 0;
	return s;
}

static void get_string(struct vm *vm, const uint64_t a[5])
{
	const uint8_t *key;
	struct vm_map *m = element(vm, a, "s", &key);
	const char *s;
	size_t n;

	if (!m)
		return;
	s = string_of(m, vm_find(vm, m, key), &n);
	vm_put(vm, a[2], a[3], s, n);
}

/* The old string, if it goes on, and the new; padded to the value's width. */
static uint64_t set_string(struct vm *vm, const uint64_t a[5], bool append)
{
	const uint8_t *key;
	struct vm_map *m = element(vm, a, "s", &key);
	size_t n, old = 0, room;
	const char *s;
	uint8_t *to;
	int full;

	if (!m)
		return 1;
	room = m->table.value_size - 1;
	to = array(1, room + 1);
	if (append) {
		s = string_of(m, vm_find(vm, m, key), &old);
		old = old < room ? old : room;	/* it may have no NUL */
		memcpy(to, s, old);
	}
	s = vm_str(vm, a[2], &n);
	if (n > room - old)
		n = room - old;
	memcpy(to + old, s, n);
	full = vm_store(vm, m, key, to);
	free(to);
	return (uint64_t)full;
}

/* enum rt_op of runtime/rt.h. */
enum { OP_ADD, OP_SUB, OP_AND, OP_OR, OP_XOR };

static uint64_t modify(struct vm *vm, const uint64_t a[5])
{
	const uint8_t *key;
	struct vm_map *m = element(vm, a, "l", &key);
	uint64_t *dst = vm_mem_write(vm, a[4], 8);
	uint64_t old = get(vm, a), now = old;
	int full;

	if (!m || !dst)
		return 1;
	switch (a[2] & 0xff) {
	case OP_ADD: now = old + a[3]; break;
	case OP_SUB: now = old - a[3]; break;
	case OP_AND: now = old & a[3]; break;
	case OP_OR: now = old | a[3]; break;
	case OP_XOR: now = old ^ a[3]; break;
	default: vm_break(vm, "operator"); return 1;
	}
	if ((a[2] & 0xff) <= OP_SUB)
		full = vm_add(vm, m, key, (int64_t)(now - old));
	else
		full = vm_store(vm, m, key, &now);
	if (!full)
		memcpy(dst, a[2] >> 8 ? &old : &now, 8);
	return (uint64_t)full;
}

static uint64_t stat_read(struct vm *vm, const uint64_t a[5])
{
	const uint8_t *key;
	struct vm_map *m = element(vm, a, "x", &key);
	struct entry *e = m ? vm_find(vm, m, key) : NULL;
	void *dst = vm_mem_write(vm, a[4], 8);
	int64_t v;
	int empty;

	if (!m || !dst)
		return 1;
	empty = stat_get(m->row, e ? vm_value(m, e) : NULL, (int)a[2], &v);
	memcpy(dst, &v, 8);
	return (uint64_t)empty;
}

static uint64_t bucket_read(struct vm *vm, const uint64_t a[5])
{
	const uint8_t *key;
	struct vm_map *m = element(vm, a, "x", &key);
	struct entry *e = m ? vm_find(vm, m, key) : NULL;
	void *dst = vm_mem_write(vm, a[3], 8);

	if (!dst)
		return 1;
	memset(dst, 0, 8);
	if (!e || !stat_count(m->row, vm_value(m, e)))
		return 1;
	if (a[2] < stat_buckets(m->row))
		memcpy(dst, stat_bucket(vm_value(m, e), (uint32_t)a[2]), 8);
	return 0;
}

/* Services of arrays; a flat switch. */
static uint64_t call_map(struct vm *vm, uint32_t service, const uint64_t a[5])
{
	const uint8_t *key = NULL;
	struct vm_map *m;

	if (service == STB_SVC_GET)
		return get(vm, a);
	if (service == STB_SVC_MODIFY)
		return modify(vm, a);
	if (service == STB_SVC_CLEAR) {
		m = vm_map_at(vm, a[0], "lsx");
		if (m)
			vm_clear(vm, m);
		return 0;
	}
	m = element(vm, a, service == STB_SVC_SET ? "l" :
		    service == STB_SVC_STAT_ADD ? "x" : "lsx", &key);
	if (!m)
		return 1;
	switch (service) {
	case STB_SVC_GET_STRING: get_string(vm, a); return 0;
	case STB_SVC_SET: return (uint64_t)vm_store(vm, m, key, &a[2]);
	case STB_SVC_SET_STRING: return set_string(vm, a, false);
	case STB_SVC_CAT_STRING: return set_string(vm, a, true);
	case STB_SVC_IN: return vm_find(vm, m, key) != NULL;
	case STB_SVC_DELETE: vm_delete(vm, m, key); return 0;
	case STB_SVC_STAT_ADD:
		return (uint64_t)vm_stat_add(vm, m, key, (int64_t)a[2]);
	case STB_SVC_STAT_GET: return stat_read(vm, a);
	case STB_SVC_STAT_BUCKET: return bucket_read(vm, a);
	}
	vm_break(vm, "service %u", service);
	return 0;
}

/* Services of foreach. */
static uint64_t call_each(struct vm *vm, uint32_t service, const uint64_t a[5])
{
	struct iterator *it;
	struct entry *e;
	const char *s;
	int64_t v = 0;
	size_t n;

	if (service == STB_SVC_EACH)
		return vm_each(vm, a[0], a[1], (int64_t)a[2], a[3]);
	if (service == STB_SVC_EACH_BUCKET)
		return vm_each_bucket(vm, a[0], a[1], (int64_t)a[2]);
	if (service == STB_SVC_NEXT)
		return vm_next(vm, a[0], a[1]);
	if (service == STB_SVC_EACH_END) {
		vm_each_end(vm, a[0]);
		return 0;
	}
	e = vm_element(vm, a[0], &it);
	if (!e && it && it->buckets && it->at)
		return it->buckets[it->at - 1];
	if (!e)
		return 0;
	if (service == STB_SVC_VALUE_STRING) {
		s = string_of(it->map, e, &n);
		vm_put(vm, a[1], a[2], s, n);
		return 0;
	}
	if (it->map->row->value == 'x')
		stat_get(it->map->row, vm_value(it->map, e), STB_ST_COUNT, &v);
	else
		memcpy(&v, vm_value(it->map, e), 8);
	return (uint64_t)v;
}

/* Frames, locks, messages, output; a flat switch. */
static uint64_t call_run(struct vm *vm, uint32_t service, const uint64_t a[5])
{
	struct stb_shared *g = vm->env.globals;

	switch (service) {
	case STB_SVC_PUSH: return push(vm, a[0], a[1]);
	case STB_SVC_POP: pop(vm, a[0]); return 0;
	case STB_SVC_LOCK: return lock(vm, a[0], a[1]);
	case STB_SVC_UNLOCK: unlock(vm, a[0]); return 0;
	case STB_SVC_SKIP: skip(vm); return 0;
	case STB_SVC_EXIT:
		__atomic_store_n(&g->exit_asked, 1, __ATOMIC_SEQ_CST);
		return 0;
	case STB_SVC_RAISE: message(vm, a[0]); return 0;
	case STB_SVC_MESSAGE:
		vm->nargs = 0;
		if (a[1])
			*next_arg(vm) = (struct arg){ .num = (int64_t)a[2] };
		message(vm, a[0]);
		return 0;
	case STB_SVC_CAUGHT:
		vm_put(vm, a[0], a[1], vm->message, vm->message_len);
		return 0;
	case STB_SVC_FAILED: vm->failed = true; return 0;
	case STB_SVC_ARG_LONG:
		*next_arg(vm) = (struct arg){ .num = (int64_t)a[0] };
		return 0;
	case STB_SVC_ARG_STRING: arg_string(vm, a[0]); return 0;
	case STB_SVC_PRINT: print(vm, a[0]); return 0;
	case STB_SVC_FORMAT: sprint(vm, a[0], a[1], a[2]); return 0;
	case STB_SVC_PRINT_HIST: return print_hist(vm, a[0], a[1]);
	case STB_SVC_FORMAT_HIST: return format_hist(vm, a);
	default: break;
	}
	vm_break(vm, "service %u", service);
	return 0;
}

uint64_t vm_call(struct vm *vm, uint32_t service, const uint64_t a[5])
{
	if (service >= STB_SVC_PUSH && service <= STB_SVC_FORMAT_HIST)
		return call_run(vm, service, a);
	if (service >= STB_SVC_GET && service <= STB_SVC_STAT_BUCKET)
		return call_map(vm, service, a);
	if (service >= STB_SVC_EACH && service <= STB_SVC_EACH_END)
		return call_each(vm, service, a);
	return vm_call_builtin(vm, service, a);
}
