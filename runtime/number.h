/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * number.h - arithmetic that C or the machine leaves open; of rt.h.
 */
#ifndef STB_NUMBER_H
#define STB_NUMBER_H

RT_INLINE u64 rt_abs(i64 v)
{
	return v < 0 ? -(u64)v : (u64)v;
}

/* By magnitude: BPF divides unsigned numbers. The divisor is not 0. */
RT_INLINE i64 rt_div(i64 a, i64 b)
{
	u64 q = rt_abs(a) / rt_abs(b);

	return (a < 0) != (b < 0) ? (i64)-q : (i64)q;
}

RT_INLINE i64 rt_mod(i64 a, i64 b)
{
	u64 m = rt_abs(a) % rt_abs(b);

	return a < 0 ? (i64)-m : (i64)m;
}

/* Number of the highest bit, from 1; 0 for 0. */
RT_INLINE u64 rt_bits(u64 v)
{
	u64 n = 0, high;

	high = (v > 0xffffffff) << 5, v >>= high, n |= high;
	high = (v > 0xffff) << 4, v >>= high, n |= high;
	high = (v > 0xff) << 3, v >>= high, n |= high;
	high = (v > 0xf) << 2, v >>= high, n |= high;
	high = (v > 0x3) << 1, v >>= high, n |= high;
	return n + v - (v & v >> 1);	/* 0 1 2 2 for what is left */
}

#endif
