/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Aggregates: struct stb_stat of runtime/abi.h and the buckets behind it. */
#include "loader/vm_in.h"
#include "runtime/number.h"
#include "runtime/stat.h"

static bool has(const struct stb_map *row, int what)
{
	return row->stat_ops >> what & 1;
}

uint32_t stat_buckets(const struct stb_map *row)
{
	if (has(row, STB_ST_HIST_LOG))
		return STB_LOG_BUCKETS;
	if (has(row, STB_ST_HIST_LINEAR))
		return (uint32_t)(((uint64_t)row->hist_hi -
				   (uint64_t)row->hist_lo) /
				  (uint64_t)row->hist_step + 3);
	return 0;
}

static uint64_t *buckets(const void *value)
{
	return (uint64_t *)((struct stb_stat *)value + 1);
}

uint64_t *stat_bucket(const void *value, uint32_t i)
{
	return buckets(value) + i;
}

static uint64_t bucket_of(const struct stb_map *row, int64_t v)
{
	return has(row, STB_ST_HIST_LOG) ? rt_log_bucket(v) :
	       rt_linear_bucket(v, row->hist_lo, row->hist_hi, row->hist_step);
}

/* A histogram's buckets say the count: see RT_STAT_ADD. */
int64_t stat_count(const struct stb_map *row, const void *value)
{
	const struct stb_stat *s = value;
	uint32_t n = stat_buckets(row);
	uint64_t count = 0;

	if (!n)
		return s->count;
	for (uint32_t i = 0; i < n; i++)
		count += buckets(value)[i];
	return (int64_t)count;
}

typedef unsigned __int128 wide;

static wide squares(const struct stb_stat *s)
{
	return (wide)s->sq_high << 64 | s->sq_low;
}

static void set_squares(struct stb_stat *s, wide v)
{
	s->sq_low = (uint64_t)v;
	s->sq_high = (uint64_t)(v >> 64);
}

int stat_get(const struct stb_map *row, const void *value, int what,
	     int64_t *to)
{
	struct stb_stat s = { 0 };

	if (value)
		rt_stat_join(&s, value, stat_buckets(row), ~0u);
	return (int)rt_stat_result(&s, (uint32_t)what, to);
}

void stat_enter(const struct stb_map *row, void *value, int64_t v)
{
	struct stb_stat *s = value;
	uint64_t min = (uint64_t)INT64_MAX - (uint64_t)v;
	uint64_t max = (uint64_t)v - (uint64_t)INT64_MIN;

	s->count = (int64_t)((uint64_t)s->count + 1);
	s->sum = (int64_t)((uint64_t)s->sum + (uint64_t)v);
	if (s->min < min)
		s->min = min;
	if (s->max < max)
		s->max = max;
	set_squares(s, squares(s) + (wide)((__int128)v * v));
	if (stat_buckets(row))
		buckets(value)[bucket_of(row, v)]++;
}

void stat_merge(const struct stb_map *row, void *to, const void *from)
{
	rt_stat_join(to, from, 0, ~0u);
	for (uint32_t i = 0; i < stat_buckets(row); i++)
		buckets(to)[i] += buckets(from)[i];
}

/*
 * Extremes cannot be taken apart. One that is the same as before is not what
 * is left's, which the mean is nearer to, where it is known.
 */
void stat_subtract(const struct stb_map *row, void *to, const void *seen)
{
	struct stb_stat *a = to;
	const struct stb_stat *b = seen;
	int64_t count;

	a->count = (int64_t)((uint64_t)a->count - (uint64_t)b->count);
	a->sum = (int64_t)((uint64_t)a->sum - (uint64_t)b->sum);
	set_squares(a, squares(a) - squares(b));
	for (uint32_t i = 0; i < stat_buckets(row); i++)
		buckets(to)[i] -= buckets(seen)[i];
	count = stat_count(row, to);
	if (!count)
		a->min = a->max = 0;
	if (count <= 0 || !(has(row, STB_ST_SUM) || has(row, STB_ST_AVG)))
		return;
	if (a->min == b->min)
		a->min = (uint64_t)INT64_MAX - (uint64_t)(a->sum / count);
	if (a->max == b->max)
		a->max = (uint64_t)(a->sum / count) - (uint64_t)INT64_MIN;
}
