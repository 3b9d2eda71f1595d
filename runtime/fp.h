/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fp.h - IEEE 754 numbers of 64 bits, by their bits and with integers alone: the
 * same for all engines. Results are rounded to the nearest, of two to the even
 * one. Shaped for the verifier: loops
 * have fixed numbers of turns and no branches in them.
 *
 * Inside, a number that is not 0 is m times 2 to the power of e; the lowest bit
 * of m may stand for all that is below it.
 */
#ifndef STB_FP_H
#define STB_FP_H

#include "number.h"

/* Verified once, and not for each call again: functions that others could call. */
#ifdef __bpf__
#define RT_FP_GLOBAL __attribute__((__noinline__))
#else
#define RT_FP_GLOBAL RT_OUTLINE
#endif

#define RT_FP_SIGN 0x8000000000000000ul
#define RT_FP_INF 0x7ff0000000000000ul
#define RT_FP_NAN 0x7ff8000000000000ul
#define RT_FP_QUIET 0x0008000000000000ul
#define RT_FP_ONE 0x0010000000000000ul	/* the bit above the fraction's */

/* Nothing is known of x any more: no branch is made of what is done to it. */
#define RT_FP_HIDE(x) __asm__ volatile("" : "+r"(x))

RT_INLINE int rt_fp_is_nan(u64 a)
{
	return (a & ~RT_FP_SIGN) > RT_FP_INF;
}

/* One of them is none: the first, else the second. */
RT_INLINE u64 rt_fp_nan(u64 a, u64 b)
{
	return (rt_fp_is_nan(a) ? a : b) | RT_FP_QUIET;
}

RT_INLINE i64 rt_fp_exponent(u64 a)
{
	i64 e = (i64)(a >> 52 & 0x7ff);

	return (e ? e : 1) - 1075;
}

RT_INLINE u64 rt_fp_mantissa(u64 a)
{
	u64 m = a & (RT_FP_ONE - 1);

	return a & RT_FP_INF ? m | RT_FP_ONE : m;
}

/* m >> n, with what falls out in the lowest bit. */
RT_INLINE u64 rt_fp_shift(u64 m, u64 n)
{
	if (!n)
		return m;
	if (n > 63)
		return m != 0;
	return m >> n | (m << (64 - n) != 0);
}

/* m, not 0, with its highest bit at 63; e goes with it. */
RT_INLINE u64 rt_fp_high(u64 m, i64 *e)
{
	u64 n = 64 - rt_bits(m);

	*e -= (i64)n;
	return m << (n & 63);
}

/* The bits of a number, rounded; m is not 0. */
RT_FP_GLOBAL u64 rt_fp_pack(u64 sign, i64 e, u64 m)
{
	u64 low, r;
	i64 at;

	m = rt_fp_high(m, &e);
	at = e + 63 + 1023;
	if (at >= 2047)
		return sign | RT_FP_INF;
	if (at <= 0)
		m = rt_fp_shift(m, (u64)(1 - at));
	low = m & 0x7ff;
	r = m >> 11;
	r += low > 0x400 || (low == 0x400 && (r & 1));
	return sign | (r + (at > 0 ? (u64)(at - 1) << 52 : 0));
}

RT_FP_GLOBAL u64 rt_fp_add_of(u64 a, u64 b)
{
	u64 t, m, n, sign;
	i64 e;

	if (rt_fp_is_nan(a) || rt_fp_is_nan(b))
		return rt_fp_nan(a, b);
	if ((a & ~RT_FP_SIGN) < (b & ~RT_FP_SIGN))
		t = a, a = b, b = t;
	if ((a & RT_FP_INF) == RT_FP_INF)
		return a == (b ^ RT_FP_SIGN) ? RT_FP_NAN : a;
	sign = a & RT_FP_SIGN;
	e = rt_fp_exponent(a);
	m = rt_fp_mantissa(a) << 10;
	n = rt_fp_shift(rt_fp_mantissa(b) << 10, (u64)(e - rt_fp_exponent(b)));
	if (sign == (b & RT_FP_SIGN))
		m += n;
	else
		m -= n;
	if (m)
		return rt_fp_pack(sign, e - 10, m);
	return a & b & RT_FP_SIGN;	/* of zeroes; else they were equal */
}

/* The mantissa with bit 52 set, of small numbers too. */
RT_INLINE u64 rt_fp_normal(u64 a, i64 *e)
{
	*e = rt_fp_exponent(a) + 11;
	return rt_fp_high(rt_fp_mantissa(a), e) >> 11;
}

RT_FP_GLOBAL u64 rt_fp_mul_of(u64 a, u64 b)
{
	u64 sign = (a ^ b) & RT_FP_SIGN, m, n, low;
	i64 e, f;
	int zero = !(a & ~RT_FP_SIGN) || !(b & ~RT_FP_SIGN);

	if (rt_fp_is_nan(a) || rt_fp_is_nan(b))
		return rt_fp_nan(a, b);
	if ((a & RT_FP_INF) == RT_FP_INF || (b & RT_FP_INF) == RT_FP_INF)
		return zero ? RT_FP_NAN : sign | RT_FP_INF;
	if (zero)
		return sign;
	m = rt_fp_normal(a, &e);
	n = rt_fp_normal(b, &f);
	m = rt_product(m << 10, n << 11, &low);
	return rt_fp_pack(sign, e + f + 43, m | (low != 0));
}

RT_FP_GLOBAL u64 rt_fp_div_of(u64 a, u64 b)
{
	u64 sign = (a ^ b) & RT_FP_SIGN, m, n, q;
	i64 e, f;

	if (rt_fp_is_nan(a) || rt_fp_is_nan(b))
		return rt_fp_nan(a, b);
	a &= ~RT_FP_SIGN;
	b &= ~RT_FP_SIGN;
	if (a == b && (!a || a == RT_FP_INF))
		return RT_FP_NAN;
	if (!a || b == RT_FP_INF)
		return sign;
	if (!b || a == RT_FP_INF)
		return sign | RT_FP_INF;
	m = rt_fp_normal(a, &e);
	n = rt_fp_normal(b, &f);
	q = m / n;
	m %= n;
#pragma unroll
	for (int i = 0; i < 5; i++) {
		m <<= 11;
		q = q << 11 | m / n;
		m %= n;
	}
	return rt_fp_pack(sign, e - f - 55, q | (m != 0));
}

/* What is left when the nearest whole multiple of b is taken away. */
RT_FP_GLOBAL u64 rt_fp_rem_of(u64 a, u64 b)
{
	u64 sign = a & RT_FP_SIGN, m, n, q, was = a;
	i64 e, f, left, step;

	if (rt_fp_is_nan(a) || rt_fp_is_nan(b))
		return rt_fp_nan(a, b);
	a &= ~RT_FP_SIGN;
	b &= ~RT_FP_SIGN;
	if (a == RT_FP_INF || !b)
		return RT_FP_NAN;
	if (!a || b == RT_FP_INF)
		return was;
	m = rt_fp_normal(a, &e);
	n = rt_fp_normal(b, &f);
	if (e < f - 1)
		return was;
	if (e < f)
		n <<= 1, f--;
	q = m / n;
	m %= n;
	left = e - f;
	for (int i = 0; i < 192; i++) {
		step = left - 11;
		RT_FP_HIDE(step);
		step = (step & step >> 63) + 11;
		left -= step;
		m <<= step & 63;
		q = (q << (step & 63)) + m / n;
		m %= n;
	}
	if (2 * m > n || (2 * m == n && (q & 1))) {
		m = n - m;
		sign ^= RT_FP_SIGN;
	}
	return m ? rt_fp_pack(sign, f, m) : was & RT_FP_SIGN;
}

RT_FP_GLOBAL u64 rt_fp_sqrt_of(u64 a)
{
	u64 m, root = 0, rest = 0, trial, less;
	i64 e;

	if (rt_fp_is_nan(a))
		return a | RT_FP_QUIET;
	if (!(a & ~RT_FP_SIGN) || a == RT_FP_INF)
		return a;
	if (a & RT_FP_SIGN)
		return RT_FP_NAN;
	m = rt_fp_normal(a, &e);
	m <<= 10 + (e & 1);
	e -= e & 1;
	for (int i = 0; i < 55; i++) {
		rest = rest << 2 | m >> 62;
		m <<= 2;
		trial = root << 2 | 1;
		less = (u64)((i64)(rest - trial) >> 63);
		RT_FP_HIDE(less);
		rest -= trial & ~less;
		root = root << 1 | (~less & 1);
	}
	return rt_fp_pack(0, (e >> 1) - 28, root | (rest != 0));
}

/* -1, 0, 1; 2 where one is no number. */
RT_FP_GLOBAL i64 rt_fp_compare(u64 a, u64 b)
{
	if (rt_fp_is_nan(a) || rt_fp_is_nan(b))
		return 2;
	/* in the order of whole numbers, -0 being 0 */
	if (a & RT_FP_SIGN)
		a = RT_FP_SIGN - a;
	if (b & RT_FP_SIGN)
		b = RT_FP_SIGN - b;
	return (i64)a < (i64)b ? -1 : a != b;
}

RT_FP_GLOBAL u64 rt_fp_of_long(i64 v)
{
	if (!v)
		return 0;
	return rt_fp_pack((u64)v & RT_FP_SIGN, 0, rt_abs(v));
}

RT_FP_GLOBAL u64 rt_fp_of_32(u32 v)
{
	u64 sign = (u64)(v >> 31) << 63, m = v & 0x7fffff;
	i64 e = v >> 23 & 0xff;

	if (e == 0xff)
		return sign | RT_FP_INF | m << 29 | (m ? RT_FP_QUIET : 0);
	if (!e && !m)
		return sign;
	return rt_fp_pack(sign, (e ? e : 1) - 150, e ? m | 0x800000 : m);
}

/* SystemTap's roundingMode; 1 and all others take away what is behind the point. */
enum { RT_FP_EVEN, RT_FP_CUT, RT_FP_DOWN, RT_FP_UP, RT_FP_AWAY, RT_FP_ODD = 6 };

/* The largest or smallest where there is no such; 0 of what is no number. */
RT_FP_GLOBAL i64 rt_fp_whole(u64 a, i64 mode)
{
	u64 m = rt_fp_mantissa(a), rest = 0, up = 0, most = RT_FP_SIGN - 1;
	u64 negative = a >> 63;
	i64 e = rt_fp_exponent(a);

	most += negative;
	if (rt_fp_is_nan(a))
		return 0;
	if (e > 10)
		return (i64)most;
	if (e >= 0) {
		m <<= e & 63;
	} else {
		/* half: the highest bit of `rest` */
		rest = e < -63 ? m != 0 : m << (64 + e);
		m = e < -63 ? 0 : m >> -e;
	}
	if (mode == RT_FP_EVEN)
		up = rest > RT_FP_SIGN || (rest == RT_FP_SIGN && (m & 1));
	else if (mode == RT_FP_AWAY)
		up = rest >= RT_FP_SIGN;
	else if (mode == RT_FP_DOWN || mode == RT_FP_UP)
		up = rest && negative == (mode == RT_FP_DOWN);
	else if (mode == RT_FP_ODD && rest)
		m |= 1;
	m += up;
	if (m > most)
		m = most;
	return (i64)(negative ? -m : m);
}

/* --- text ------------------------------------------------------------------ */

enum { RT_FP_DIGITS = 18 };	/* behind the point, and read of a text */

RT_INLINE u64 rt_fp_ten(i64 n)
{
	u64 p = 1;

#pragma unroll
	for (int i = 0; i < RT_FP_DIGITS; i++)
		p *= i < n ? 10 : 1;
	return p;
}

/*
 * Of a number below 2 to the power of 64, rounded to `digits`, 1 to 18, behind
 * the point, half of one up: what stands before the point; with `part`, a 1 and
 * those digits.
 */
RT_FP_GLOBAL u64 rt_fp_decimal(u64 a, i64 digits, u64 part)
{
	u64 m = rt_fp_mantissa(a), whole, ten = rt_fp_ten(digits), low, high;
	u64 n = (u64)-rt_fp_exponent(a), half = 0, carry;

	if ((i64)n <= 0)
		return part ? ten : m << (-n & 63);
	whole = n > 63 ? 0 : m >> n;
	if (n <= 63)
		m -= whole << n;
	high = rt_product(m, ten, &low);
	if (n <= 64) {
		half = 1ul << ((n - 1) & 63);
		low += half;
		high += low < half;
	} else {
		high += n > 127 ? 0 : 1ul << ((n - 65) & 63);
	}
	if (n < 64)
		low = low >> n | high << (64 - n);
	else
		low = n > 127 ? 0 : high >> (n & 63);
	carry = low == ten;
	return part ? (carry ? ten : ten + low) : whole + carry;
}

/* A text on its way: what was read of it. */
struct rt_fp_text {
	u64 digits, negative, minus;
	i64 exponent, power;
	u64 state;
};
enum { RT_FP_FIRST, RT_FP_INTEGER, RT_FP_FRACTION, RT_FP_E, RT_FP_POWER,
       RT_FP_DONE, RT_FP_WRONG };

RT_INLINE void rt_fp_digit(struct rt_fp_text *t, u64 digit)
{
	if (t->state == RT_FP_POWER) {
		if (t->power < 10000)
			t->power = t->power * 10 + (i64)digit;
	} else if (t->digits < 100000000000000000ul) {
		t->digits = t->digits * 10 + digit;
		t->exponent -= t->state == RT_FP_FRACTION;
	} else {
		t->exponent += t->state != RT_FP_FRACTION;
	}
}

/* One character of it; 1: there is nothing to read any more. */
RT_INLINE int rt_fp_read(struct rt_fp_text *t, u64 c)
{
	u64 state = t->state, sign = c == '-' || c == '+';

	if (sign && state == RT_FP_FIRST) {
		t->negative = c == '-';
		t->state = RT_FP_INTEGER;
		return 0;
	}
	if (sign && state == RT_FP_E) {
		t->minus = c == '-';
		t->state = RT_FP_POWER;
		return 0;
	}
	if (state == RT_FP_FIRST || state == RT_FP_E)
		t->state = state + 1;
	if (c - '0' < 10) {
		rt_fp_digit(t, c - '0');
		return 0;
	}
	if (c == '.' && state <= RT_FP_INTEGER) {
		t->state = RT_FP_FRACTION;
		return 0;
	}
	if ((c | 0x20) == 'e' && state <= RT_FP_FRACTION) {
		t->state = RT_FP_E;
		return 0;
	}
	t->state = c ? RT_FP_WRONG : RT_FP_DONE;
	return 1;
}

RT_FP_GLOBAL u64 rt_fp_power(u64 n)
{
	static const u64 tens[] RT_CONST = {	/* 10, 100, 10000 ... 1e256 */
		0x4024000000000000, 0x4059000000000000, 0x40c3880000000000,
		0x4197d78400000000, 0x4341c37937e08000, 0x4693b8b5b5056e17,
		0x4d384f03e93ff9f5, 0x5a827748f9301d32, 0x75154fdd7f73bf3c,
	};
	u64 p = 0x3ff0000000000000;

#pragma unroll
	for (int i = 0; i < 9; i++)
		if (n >> i & 1)
			p = rt_fp_mul_of(p, tens[i]);
	return p;
}

/* digits times 10 to the power of e: the nearest number where there are up to 15
   digits and e is up to 22; else one a few units of the last place away. */
RT_FP_GLOBAL u64 rt_fp_scaled(u64 digits, i64 e)
{
	u64 v = rt_fp_of_long((i64)digits), n = rt_abs(e), half;

	if (n > 700)
		n = 700;
	half = n > 22 ? n / 2 : 0;
	if (e < 0)
		v = rt_fp_div_of(rt_fp_div_of(v, rt_fp_power(n - half)),
				 rt_fp_power(half));
	else if (v)
		v = rt_fp_mul_of(rt_fp_mul_of(v, rt_fp_power(n - half)),
				 rt_fp_power(half));
	return v;
}

/* What the text was; what is none gives no number. */
RT_INLINE u64 rt_fp_of_text(const struct rt_fp_text *t)
{
	u64 v = rt_fp_scaled(t->digits, t->exponent +
			     (t->minus ? -t->power : t->power));

	if (t->state != RT_FP_DONE)
		return RT_FP_NAN;
	return v | t->negative << 63;
}

/* The same of a text that can be read as it stands. */
RT_OUTLINE u64 rt_fp_of_chars(const char *s)
{
	struct rt_fp_text t = { 0 };

	while (!rt_fp_read(&t, (unsigned char)*s++))
		;
	return rt_fp_of_text(&t);
}

#define rt_fp_add(r, a, b) ((i64)rt_fp_add_of((u64)(a), (u64)(b)))
#define rt_fp_sub(r, a, b) \
	((i64)rt_fp_add_of((u64)(a), (u64)(b) ^ RT_FP_SIGN))
#define rt_fp_mul(r, a, b) ((i64)rt_fp_mul_of((u64)(a), (u64)(b)))
#define rt_fp_div(r, a, b) ((i64)rt_fp_div_of((u64)(a), (u64)(b)))
#define rt_fp_rem(r, a, b) ((i64)rt_fp_rem_of((u64)(a), (u64)(b)))
#define rt_fp_sqrt(r, a) ((i64)rt_fp_sqrt_of((u64)(a)))
#define rt_fp_eq(r, a, b) ((i64)(rt_fp_compare((u64)(a), (u64)(b)) == 0))
#define rt_fp_lt(r, a, b) ((i64)(rt_fp_compare((u64)(a), (u64)(b)) < 0))
#define rt_fp_le(r, a, b) ((i64)(rt_fp_compare((u64)(a), (u64)(b)) < 1))
#define rt_long_to_fp(r, a) ((i64)rt_fp_of_long(a))
#define rt_fp32_to_fp64(r, a) ((i64)rt_fp_of_32((u32)(a)))
#define rt_fp_to_long(r, a, mode, exact) rt_fp_whole((u64)(a), mode)
#define rt___fp_decimal(r, a, n, part) \
	((i64)rt_fp_decimal((u64)(a), n, (u64)(part)))

#endif
