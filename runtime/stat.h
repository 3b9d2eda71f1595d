/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stat.h - aggregates (struct stb_stat of abi.h): a sample goes in, parts come
 * together, and what a script asks of them. One source for BPF, modules and the loader;
 * who includes it has number.h. Engines whose handlers put samples in have
 * rt_opaque(x), an x of which the compiler knows nothing, and, behind it,
 * rt_stat_raise(p, v), a larger unsigned number at p.
 */
#ifndef STB_STAT_H
#define STB_STAT_H

#define RT_HAS(ops, op) ((ops) >> (op) & 1)

RT_INLINE u64 rt_log_bucket(i64 v)
{
	u64 n = rt_bits(rt_abs(v));

	return v < 0 ? STB_LOG_ZERO - n : STB_LOG_ZERO + n;
}

RT_INLINE u64 rt_linear_bucket(i64 v, i64 lo, i64 hi, i64 step)
{
	u64 last = (u64)(hi - lo) / (u64)step + 2, i;

	if (v < lo)
		return 0;
	i = ((u64)v - (u64)lo) / (u64)step + 1;
	return i < last ? i : last;
}

/* --- a sample ---------------------------------------------------------------- */

#ifdef rt_opaque
RT_INLINE void rt_stat_raise(u64 *p, u64 v);

/* 64 bits times themselves, 128 bits. */
RT_INLINE void rt_stat_square(struct stb_stat *p, i64 v)
{
	u64 a = rt_abs(v), low = a & 0xffffffff, high = a >> 32;
	u64 mid = low * high, sq_low = low * low, old;
	u64 add = mid << 33;

	old = __sync_fetch_and_add(&p->sq_low, sq_low + add);
	__sync_fetch_and_add(&p->sq_high, high * high + (mid >> 31) +
			     (sq_low + add < add) +
			     (old + sq_low + add < old));
}

/*
 * What is constant folds: only the fields of `ops` are kept. A histogram's
 * buckets say the count.
 */
RT_INLINE void rt_stat_add(struct stb_stat *p, i64 v, u32 ops, i64 lo, i64 hi,
			   i64 step)
{
	u64 *buckets = (u64 *)(p + 1), i;

	if (RT_HAS(ops, STB_ST_HIST_LOG)) {
		i = rt_log_bucket(v);
		rt_opaque(i);
		if (i < STB_LOG_BUCKETS)
			__sync_fetch_and_add(&buckets[i], 1);
	} else if (RT_HAS(ops, STB_ST_HIST_LINEAR)) {
		i = rt_linear_bucket(v, lo, hi, step);
		rt_opaque(i);
		if (i <= (u64)(hi - lo) / (u64)step + 2)
			__sync_fetch_and_add(&buckets[i], 1);
	} else {
		__sync_fetch_and_add(&p->count, 1);
	}
	if (RT_HAS(ops, STB_ST_SUM) || RT_HAS(ops, STB_ST_AVG) ||
	    RT_HAS(ops, STB_ST_VARIANCE))
		__sync_fetch_and_add(&p->sum, v);
	if (RT_HAS(ops, STB_ST_MIN))
		rt_stat_raise(&p->min, (u64)INT64_MAX - (u64)v);
	if (RT_HAS(ops, STB_ST_MAX))
		rt_stat_raise(&p->max, (u64)v - (u64)INT64_MIN);
	if (RT_HAS(ops, STB_ST_VARIANCE))
		rt_stat_square(p, v);
}
#endif

/* --- parts ------------------------------------------------------------------- */

/* All but the buckets, which may say the count: 0 without them. */
RT_INLINE void rt_stat_join(struct stb_stat *to, const struct stb_stat *p,
			    u32 nbuckets, u32 ops)
{
	const u64 *buckets = (const u64 *)(p + 1);
	u64 n = nbuckets ? 0 : (u64)p->count;
	u32 i;

	for (i = 0; i < nbuckets; i++)
		n += buckets[i];
	if (RT_HAS(ops, STB_ST_VARIANCE)) {
		to->sq_low += p->sq_low;
		to->sq_high += p->sq_high + (to->sq_low < p->sq_low);
	}
	to->count = (i64)((u64)to->count + n);
	to->sum = (i64)((u64)to->sum + (u64)p->sum);
	if (to->min < p->min)
		to->min = p->min;
	if (to->max < p->max)
		to->max = p->max;
}

/* Of a sample: over count - 1, exactly, rounded to zero. */
RT_INLINE i64 rt_stat_variance(const struct stb_stat *s)
{
	u64 n = (u64)s->count, low, high = rt_product(rt_abs(s->sum),
						      rt_abs(s->sum), &low);
	u64 mean_low = rt_quotient(high, low, n), mean_high = high / n;

	if (n < 2)
		return 0;
	high = s->sq_high - mean_high - (s->sq_low < mean_low);
	return (i64)rt_quotient(high, s->sq_low - mean_low, n - 1);
}

/* Of all parts together, count included. 1: there is nothing in it. */
RT_INLINE long rt_stat_result(const struct stb_stat *s, u32 what, i64 *dst)
{
	*dst = 0;
	if (what == STB_ST_COUNT)
		*dst = s->count;
	else if (s->count <= 0)
		return 1;
	else if (what == STB_ST_SUM)
		*dst = s->sum;
	else if (what == STB_ST_AVG)
		*dst = rt_div(s->sum, s->count);
	else if (what == STB_ST_MIN)
		*dst = (i64)((u64)INT64_MAX - s->min);
	else if (what == STB_ST_VARIANCE)
		*dst = rt_stat_variance(s);
	else
		*dst = (i64)(s->max + (u64)INT64_MIN);
	return 0;
}

#endif
