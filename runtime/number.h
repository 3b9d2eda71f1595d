/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * number.h - arithmetic that C or the machine leaves open; of rt.h, or by itself.
 */
#ifndef STB_NUMBER_H
#define STB_NUMBER_H

#ifndef RT_INLINE
#define RT_INLINE static inline __attribute__((__unused__))
#define RT_OUTLINE static __attribute__((__noinline__, __unused__))
typedef int64_t i64;
typedef uint64_t u64;
typedef uint32_t u32;
#endif

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
#ifdef __bpf__
	u64 n = 0, high;

	high = (v > 0xffffffff) << 5, v >>= high, n |= high;
	high = (v > 0xffff) << 4, v >>= high, n |= high;
	high = (v > 0xff) << 3, v >>= high, n |= high;
	high = (v > 0xf) << 2, v >>= high, n |= high;
	high = (v > 0x3) << 1, v >>= high, n |= high;
	return n + v - (v & v >> 1);	/* 0 1 2 2 for what is left */
#else
	return v ? 64 - (u64)__builtin_clzll(v) : 0;
#endif
}

/* Of 128 bits the upper 64. */
RT_INLINE u64 rt_product(u64 a, u64 b, u64 *low)
{
	u64 al = a & 0xffffffff, ah = a >> 32, bl = b & 0xffffffff;
	u64 bh = b >> 32, mid = ah * bl, other = al * bh, ll = al * bl;
	u64 carry = ((mid & 0xffffffff) + (other & 0xffffffff) + (ll >> 32)) >>
		    32;

	*low = a * b;
	return ah * bh + (mid >> 32) + (other >> 32) + carry;
}

/* The lower 64 bits of what a number of 128 bits is, divided by b, not 0. */
RT_OUTLINE u64 rt_quotient(u64 high, u64 low, u64 b)
{
	u64 q = 0, r = high % b, top, less;
	int i;

	for (i = 0; i < 64; i++) {
		top = r >> 63;
		r = r << 1 | low >> 63;
		low <<= 1;
		/* without a branch: the borrow of r - b */
		less = (((~r & b) | ((~r | b) & (r - b))) >> 63) & ~top;
		r -= b & (less - 1);
		q = q << 1 | (less ^ 1);
	}
	return q;
}

#endif
