/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/fp.h, which has integers alone, and number.h, against the arithmetic of the machine:
 * edges with one another, and numbers drawn, the same each time.
 *
 * links: -lm
 */
#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RT_CONST
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#include "runtime/number.h"
#include "runtime/fp.h"

static unsigned failures;

static double number(u64 bits)
{
	double d;

	memcpy(&d, &bits, sizeof(d));
	return d;
}

static u64 bits(double d)
{
	u64 b;

	memcpy(&b, &d, sizeof(b));
	return b;
}

static void expect(const char *what, u64 a, u64 b, u64 got, double want)
{
	if (got == bits(want) || (isnan(want) && rt_fp_is_nan(got)))
		return;
	if (failures++ < 20)
		printf("%s(%a, %a): %a, not %a\n", what, number(a), number(b),
		       number(got), want);
}

static void expect_long(const char *what, u64 a, u64 b, i64 got, i64 want)
{
	if (got == want)
		return;
	if (failures++ < 20)
		printf("%s(%a, %a): %lld, not %lld\n", what, number(a),
		       number(b), (long long)got, (long long)want);
}

static void two(u64 a, u64 b)
{
	double x = number(a), y = number(b);

	expect("add", a, b, (u64)rt_fp_add(r, a, b), x + y);
	expect("sub", a, b, (u64)rt_fp_sub(r, a, b), x - y);
	expect("mul", a, b, (u64)rt_fp_mul(r, a, b), x * y);
	expect("div", a, b, (u64)rt_fp_div(r, a, b), x / y);
	expect("rem", a, b, (u64)rt_fp_rem(r, a, b), remainder(x, y));
	expect_long("eq", a, b, rt_fp_eq(r, a, b), x == y);
	expect_long("lt", a, b, rt_fp_lt(r, a, b), x < y);
	expect_long("le", a, b, rt_fp_le(r, a, b), x <= y);
}

/* What rt_fp_whole() says of it. */
static i64 clamped(double d)
{
	if (isnan(d))
		return 0;
	if (d >= 0x1p63)
		return INT64_MAX;
	return d < -0x1p63 ? INT64_MIN : (i64)d;
}

static void wholes(u64 a)
{
	double x = number(a), t = trunc(x);
	i64 odd = clamped(t);

	expect_long("even", a, 0, rt_fp_to_long(r, a, 0, 0),
		    clamped(nearbyint(x)));
	expect_long("cut", a, 0, rt_fp_to_long(r, a, 1, 0), clamped(t));
	expect_long("down", a, 0, rt_fp_to_long(r, a, 2, 0),
		    clamped(floor(x)));
	expect_long("up", a, 0, rt_fp_to_long(r, a, 3, 0), clamped(ceil(x)));
	expect_long("away", a, 0, rt_fp_to_long(r, a, 4, 0),
		    clamped(round(x)));
	if (t != x && !isnan(x) && !(odd & 1))
		odd += x < 0 ? -1 : 1;
	expect_long("odd", a, 0, rt_fp_to_long(r, a, 6, 0), odd);
}

static void one(u64 a)
{
	float f;

	expect("sqrt", a, 0, (u64)rt_fp_sqrt(r, a), sqrt(number(a)));
	expect("long", a, 0, (u64)rt_long_to_fp(r, (i64)a), (double)(i64)a);
	memcpy(&f, &a, sizeof(f));
	expect("32", a, 0, (u64)rt_fp32_to_fp64(r, a), (double)f);
	wholes(a);
}

/* As the functions of tapsets/floatingpoint.stp put it together. */
static void text(u64 a, int digits)
{
	char got[64], want[64], whole[1200];
	double x = fabs(number(a));
	size_t n;

	if (!(x < 0x1p64))
		return;
	a &= ~RT_FP_SIGN;
	snprintf(got, sizeof(got), "%llu.%s",
		 (unsigned long long)rt___fp_decimal(r, a, digits, 0), "");
	snprintf(want, sizeof(want), "%lld",
		 (long long)rt___fp_decimal(r, a, digits, 1));
	strcat(got, want + 1);
	snprintf(want, sizeof(want), "%.*f", digits, x);
	/* exactly half goes to the even digit there, up here */
	snprintf(whole, sizeof(whole), "%.1100f", x);
	n = strlen(want);
	if (!strcmp(got, want) ||
	    (whole[n] == '5' && strspn(whole + n + 1, "0") ==
	     strlen(whole + n + 1)))
		return;
	if (failures++ < 20)
		printf("text of %a, %d: %s, not %s\n", x, digits, got, want);
}

static void read_text(const char *s, int exact)
{
	double want = strtod(s, NULL), got = number(rt_fp_of_chars(s));
	u64 off = bits(got) - bits(want) + 8;

	if (off <= 16 && (!exact || off == 8))
		return;
	if (failures++ < 20)
		printf("\"%s\" is %a, not %a\n", s, got, want);
}

static u64 drawn = 88172645463325252;
static u64 draw(void)
{
	drawn ^= drawn << 13;
	drawn ^= drawn >> 7;
	drawn ^= drawn << 17;
	return drawn;
}

/* Of all sizes; with few bits; near to another. */
static u64 draw_number(u64 near)
{
	switch (draw() % 6) {
	case 0:	return draw();
	case 1:	return draw() & 0xfffff00000000000 >> draw() % 8;
	case 2:	return near ^ (draw() & 0xf);
	case 3:	return near ^ (draw() & 0x803f000000000000);
	case 4:	return (draw() & 0x800fffffffffffff) |
		       (1023 + draw() % 128 - 64) << 52;
	default: return bits((double)((i64)draw() >> draw() % 64));
	}
}

static void drawn_text(void)
{
	static const char *const forms[] = { "%llu.%llu", "-%llu.%llue%d",
		"%llu%lluE%+d", "+%llu.%llu" };
	char s[128];
	int k = (int)(draw() % 4), digits = (int)(draw() % 7);
	unsigned long long a = draw() % 10000000, b = draw() % 10000000;

	snprintf(s, sizeof(s), forms[k], a, b, (int)(draw() % 15) - digits);
	read_text(s, 1);
	snprintf(s, sizeof(s), "%.*e", 1 + digits * 3, number(draw() >> 2));
	read_text(s, 0);
}

static void wide(u64 high, u64 low, u64 b)
{
	unsigned __int128 n = (unsigned __int128)high << 64 | low;
	u64 got_low, got_high = rt_product(high, low, &got_low);

	b = b ? b : 1;
	expect_long("quotient", low, b, (i64)rt_quotient(high, low, b),
		    (i64)(u64)(n / b));
	n = (unsigned __int128)high * low;
	expect_long("product", high, low, (i64)got_high, (i64)(u64)(n >> 64));
	expect_long("product", high, low, (i64)got_low, (i64)(u64)n);
}

int main(void)
{
	static const u64 edges[] = {
		0, 1, 2, 3, 0xfffffffffffff, 0x10000000000000,
		0x10000000000001, 0x1fffffffffffff, 0x3fdfffffffffffff,
		0x3fe0000000000000, 0x3fe0000000000001, 0x3fefffffffffffff,
		0x3ff0000000000000, 0x3ff0000000000001, 0x3ff8000000000000,
		0x2000000000000000, 0x4002000000000000, 0x400921fb54442d18,
		0x4330000000000000, 0x4330000000000001, 0x433fffffffffffff,
		0x4320000000000000, 0x43dfffffffffffff, 0x43e0000000000000,
		0x43efffffffffffff, 0x43f0000000000000, 0x7fdfffffffffffff,
		0x7fe0000000000000, 0x7fefffffffffffff, 0x7ff0000000000000,
		0x7ff0000000000001, 0x7ff8000000000000, 0x7fffffffffffffff,
	};
	static const char *const wrong[] = { "x", "1 ", " 1", "1..2", "1e2.",
		"--1", "1e+-1", "0x1", "inf", "1e5e" };
	size_t n = sizeof(edges) / sizeof(*edges);
	u64 a, b = 0;

	for (size_t i = 0; i < 2 * n; i++) {
		a = edges[i / 2] | (u64)(i % 2) << 63;
		one(a);
		for (size_t k = 0; k < 2 * n; k++)
			two(a, edges[k / 2] | (u64)(k % 2) << 63);
		for (int d = 1; d <= RT_FP_DIGITS; d++)
			text(a, d);
	}
	for (int i = 0; i < 200000; i++) {
		a = draw_number(b);
		b = draw_number(a);
		one(a);
		two(a, b);
		wide(a, b, draw() >> draw() % 64);
		wide(a >> draw() % 64, b, b);
		text(a, 1 + i % RT_FP_DIGITS);
		if (i % 4 == 0)
			drawn_text();
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		expect(wrong[i], 0, 0, rt_fp_of_chars(wrong[i]), NAN);
	read_text("3.14", 1);
	read_text("", 1);
	read_text("1e400", 1);
	read_text("-1e-400", 1);
	read_text("4.9e-324", 0);
	read_text("1e22", 1);
	read_text("1e-22", 1);
	read_text("12345678901234567890123456789", 0);
	if (failures)
		printf("%u failures\n", failures);
	return failures != 0;
}
