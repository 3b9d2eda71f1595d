/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * each.h - arrays that a handler in the kernel goes over: foreach, `delete a`,
 * and the oldest element of an array that wraps; see engine.h. The kernel has no
 * order of elements but its hash's, so each of them walks over all. What holds:
 *
 * - Who does so has the array's lock, or nobody writes to it: nothing comes or
 *   goes in a walk but what the walk itself takes out.
 * - What the turns of a walk leave is in the frame, or is a number that the
 *   verifier does not know from the start.
 */
#ifndef STB_BPF_EACH_H
#define STB_BPF_EACH_H

static long (*const bpf_for_each_map_elem)(void *, void *, void *, u64) =
	(void *)164;

#define RT_TURN static __attribute__((noinline, unused)) long

/* --- clearing -------------------------------------------------------------- */

RT_TURN rt_clear_turn(void *map, const void *key, void *value, void *none)
{
	bpf_map_delete_elem(map, key);
	return 0;
}
#define rt_map_clear(map) bpf_for_each_map_elem(map, rt_clear_turn, 0, 0)

/* An aggregate without keys: the part of each CPU. */
#define RT_STAT_CLEARER(n) \
RT_TURN m##n##_clear_turn(u32 cpu, u32 *key) \
{ \
	char *p = bpf_map_lookup_percpu_elem(RT_MAP(n), key, cpu); \
 \
	if (!p) \
		return 1; \
	bpf_probe_read_kernel(p, sizeof(struct m##n##_value), 0); \
	return 0; \
} \
RT_OUTLINE long m##n##_clear(void) \
{ \
	u32 key = 0; \
 \
	bpf_loop(RT_MOST_CPUS, m##n##_clear_turn, &key, 0); \
	return 0; \
}

/* --- times of insertion ------------------------------------------------------ */

/* Of an aggregate the part of the CPU that made it has it, the others 0. */
struct rt_stat_seq {
	const void *key;
	u64 seq;
};

#define RT_SEQ_OF(n, key, value) (*(u64 *)(value))
#define RT_STAT_SEQ_OF(n, key, value) m##n##_seq(key)
#define RT_STAT_SEQ(n) \
RT_TURN m##n##_seq_turn(u32 cpu, struct rt_stat_seq *w) \
{ \
	char *p = bpf_map_lookup_percpu_elem(RT_MAP(n), w->key, cpu); \
 \
	if (!p) \
		return 1; \
	if (w->seq < *(u64 *)p) \
		w->seq = *(u64 *)p; \
	return 0; \
} \
RT_OUTLINE u64 m##n##_seq(const void *key) \
{ \
	struct rt_stat_seq w = { key, rt_some_zero() }; \
 \
	bpf_loop(RT_MOST_CPUS, m##n##_seq_turn, &w, 0); \
	return w.seq; \
}

/* --- the oldest goes --------------------------------------------------------- */

struct rt_oldest {
	u64 seq, key;		/* its address; 0: none yet */
};

/* `seq_of`: one of the two above. */
#define RT_EVICTER(n, seq_of) \
RT_TURN m##n##_oldest_turn(void *map, const void *key, char *value, \
			   struct rt_oldest *o) \
{ \
	u64 seq = seq_of(n, key, value); \
 \
	if (!o->key || seq < o->seq) { \
		o->seq = seq; \
		o->key = (u64)key; \
	} \
	return 0; \
} \
RT_TURN m##n##_evict_turn(void *map, const void *key, char *value, \
			  struct rt_oldest *o) \
{ \
	if ((u64)key != o->key) \
		return 0; \
	bpf_map_delete_elem(map, key); \
	return 1; \
} \
RT_OUTLINE long m##n##_evict(void) \
{ \
	struct rt_oldest o = { rt_some_zero(), rt_some_zero() }; \
 \
	bpf_for_each_map_elem(RT_MAP(n), m##n##_oldest_turn, &o, 0); \
	bpf_for_each_map_elem(RT_MAP(n), m##n##_evict_turn, &o, 0); \
	return 1; \
}
/* A store, once more when the oldest has made room. */
#define RT_WRAP(n, store) ((store) && m##n##_evict() && (store))

/* --- foreach ------------------------------------------------------------------- */

/*
 * A walk gathers the next few elements in order: of those behind the last one
 * that was gathered before, the first. In the end each was gathered once,
 * wherever it lies. Equal ones go by time of insertion, then by address.
 */
enum { RT_EACH_FEW = 16 };
enum rt_each_how { RT_EACH_OLDEST, RT_EACH_UP, RT_EACH_DOWN, RT_EACH_STR_UP,
		   RT_EACH_STR_DOWN };

struct rt_each_one {
	i64 rank;		/* what is sorted by; of a string, its address */
	u64 seq, key, value;	/* the last two addresses */
};

struct rt_each {
	u64 n, at;		/* gathered, and of those gone over */
	u64 walked;		/* `last` is one */
	u64 left;		/* as many turns more */
	struct rt_each_one last, one[RT_EACH_FEW];
};

RT_INLINE void rt_each_start(struct rt_each *it, i64 limit)
{
	it->n = it->at = it->walked = 0;
	it->left = limit > 0 ? (u64)limit : 0;
}

RT_INLINE int rt_each_before(const struct rt_each_one *a,
			     const struct rt_each_one *b, enum rt_each_how how)
{
	i64 c = 0;

	if (how == RT_EACH_STR_UP || how == RT_EACH_STR_DOWN)
		c = rt_strcmp((u64)a->rank, (u64)b->rank);
	else if (how != RT_EACH_OLDEST)
		c = a->rank < b->rank ? -1 : a->rank > b->rank;
	if (c)
		return (c < 0) == (how == RT_EACH_UP || how == RT_EACH_STR_UP);
	if (a->seq != b->seq)
		return a->seq < b->seq;
	return a->key < b->key;
}

/* Into its place among those gathered, the last of which falls out. */
RT_INLINE void rt_each_offer(struct rt_each *it, const struct rt_each_one *o,
			     enum rt_each_how how)
{
	u64 n = it->n;

	if (it->walked && !rt_each_before(&it->last, o, how))
		return;
	if (n >= RT_EACH_FEW &&
	    !rt_each_before(o, &it->one[RT_EACH_FEW - 1], how))
		return;
	if (n < RT_EACH_FEW)
		it->n = n + 1;
#pragma unroll
	for (int i = RT_EACH_FEW - 1; i > 0; i--) {
		if ((u64)i > n)
			continue;
		if (!rt_each_before(o, &it->one[i - 1], how)) {
			it->one[i] = *o;
			return;
		}
		it->one[i] = it->one[i - 1];
	}
	it->one[0] = *o;
}

/* Are those gathered before used up, and may there be more? */
RT_INLINE int rt_each_walk(struct rt_each *it)
{
	if (it->at < it->n || (it->walked && it->n < RT_EACH_FEW))
		return 0;
	if (it->walked)
		it->last = it->one[RT_EACH_FEW - 1];
	it->n = it->at = 0;
	return 1;
}

/* 1: there is no more. */
RT_INLINE long rt_each_take(struct rt_each *it, struct rt_each_one *o)
{
	u64 i = it->at;

	if (i >= it->n || !it->left)
		return 1;
	it->left--;
	it->at = i + 1;
	rt_bound(i, RT_EACH_FEW - 1);
	*o = it->one[i];
	return 0;
}

#define RT_EACH_NEXT(r, it, map, turn, o) ({ \
	if ((it)->left && rt_each_walk(it)) { \
		bpf_for_each_map_elem(map, turn, r, 0); \
		(it)->walked = 1; \
	} \
	rt_each_take(it, o); })

RT_INLINE i64 rt_each_long(u64 address)
{
	i64 v = 0;

	bpf_probe_read_kernel(&v, sizeof(v), address);
	return v;
}

/* A part of a slice: equal up to its NUL. */
#define RT_EACH_SAME(a, b) (!rt_strcmp((u64)(a), (u64)(b)))

#endif
