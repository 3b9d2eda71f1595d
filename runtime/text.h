/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text.h - strings as text that can be printed, one character a step, the same
 * for both engines: who has the memory does the reading and the writing.
 */
#ifndef STB_TEXT_H
#define STB_TEXT_H

#define RT_TEXT_ROOM 160

struct rt_text {
	u64 at;		/* what is read next */
	u64 n;		/* bytes written */
	i64 left;	/* bytes that may still be */
	i64 more;	/* bytes that may still be read */
	u64 esc, esc_len;	/* the first escape that a cut could hit */
	u64 last;	/* the last character; 0: it was the end */
};

struct rt_piece {	/* up to 10 bytes to write, up to 4 taken; of what */
	u64 low, high, len, taken, letter;
};

/* What was stored is read again: a verifier that follows each way to here then
   knows no more of one than of another. */
#define RT_FORGET() __asm__ volatile("" ::: "memory")

/* How many bytes the UTF-8 character at c has; 1 where it is none. */
RT_INLINE u64 rt_utf8_length(const unsigned char c[4])
{
	u64 n = (c[0] & 0xe0) == 0xc0 ? 2 : (c[0] & 0xf0) == 0xe0 ? 3 :
		(c[0] & 0xf8) == 0xf0 ? 4 : 1;

	if ((n > 1 && (c[1] & 0xc0) != 0x80) ||
	    (n > 2 && (c[2] & 0xc0) != 0x80) ||
	    (n > 3 && (c[3] & 0xc0) != 0x80))
		return 1;
	return n;
}

/* The character of n bytes at c; 0: there is no such. */
RT_INLINE u64 rt_utf8(const unsigned char c[4], u64 n)
{
	u64 a = c[1] & 0x3f, b = c[2] & 0x3f, v;

	if (n == 2)
		return c[0] & 0x1e ? (c[0] & 0x1ful) << 6 | a : 0;
	v = (c[0] & 0xful) << 12 | a << 6 | b;
	if (n == 3)
		return v < 0x800 || (v >= 0xd800 && v <= 0xdfff) ? 0 : v;
	v = (c[0] & 7ul) << 18 | a << 12 | b << 6 | (c[3] & 0x3f);
	return v < 0x10000 || v > 0x10ffff ? 0 : v;
}

RT_INLINE u64 rt_hex_digit(u64 v)
{
	v &= 15;
	return v + '0' + ((v + 6) >> 4) * ('a' - '0' - 10);
}

/* n hexadecimal digits of v, the first in the lowest byte. */
RT_INLINE u64 rt_hex_digits(u64 v, int n)
{
	u64 w = 0;

#pragma unroll
	for (int i = 0; i < 8; i++)
		if (i < n)
			w |= rt_hex_digit(v >> 4 * (n - 1 - i)) << 8 * i;
	return w;
}

/* The letter behind '\', or 0. */
RT_INLINE u64 rt_escape_letter(u64 c)
{
	static const u64 letters = 0x7266766e746261;	/* "abtnvfr" */

	if (c >= 7 && c <= 13)
		return letters >> 8 * (c - 7) & 0xff;
	return c == '"' || c == '\\' ? c : 0;
}

/* The character at c, into t->last, and how many bytes it has. */
RT_INLINE void rt_text_read(struct rt_text *t, const unsigned char c[4],
			    struct rt_piece *p)
{
	p->taken = rt_utf8_length(c);
	RT_FORGET();
	t->last = p->taken > 1 ? rt_utf8(c, p->taken) : c[0];
	RT_FORGET();
	if (p->taken > 1 && !t->last) {
		p->taken = 1;
		t->last = c[0];
	}
	RT_FORGET();
}

/* How it is written. */
RT_INLINE void rt_text_step(const struct rt_text *t, struct rt_piece *to)
{
	u64 w = t->last;

	to->high = 0;
	to->letter = rt_escape_letter(w);
	RT_FORGET();
	if (to->taken > 1 && w <= 0xffff) {
		to->len = 6;
		to->low = '\\' | (u64)'u' << 8 | rt_hex_digits(w, 4) << 16;
	} else if (to->taken > 1) {
		to->len = 10;
		w = rt_hex_digits(w, 8);
		to->low = '\\' | (u64)'U' << 8 | w << 16;
		to->high = w >> 48;
	} else if (to->letter) {
		to->len = 2;
		to->low = '\\' | to->letter << 8;
	} else if (w - ' ' < 127 - ' ') {
		to->len = 1;
		to->low = w;
	} else {
		to->len = 4;
		to->low = '\\' | ('0' + (w >> 6 & 3)) << 8 |
			  ('0' + (w >> 3 & 7)) << 16 | ('0' + (w & 7)) << 24;
	}
	RT_FORGET();
}

/* 1: there is nothing to write any more; else t->n is behind the step. */
RT_INLINE int rt_text_take(struct rt_text *t, const unsigned char c[4],
			   struct rt_piece *step)
{
	rt_text_read(t, c, step);
	if (!t->last || t->left <= 0)
		return 1;
	rt_text_step(t, step);
	t->at += step->taken;
	t->more -= (i64)step->taken;
	if (step->len > 1 && !t->esc_len && t->left - 3 < (i64)step->len) {
		t->esc = t->n;
		t->esc_len = step->len;
	}
	if (t->left < (i64)step->len)
		return 1;
	t->n += step->len;
	t->left -= (i64)step->len;
	return 0;
}

RT_INLINE void rt_text_start(struct rt_text *t, u64 at, i64 len, i64 quoted)
{
	if (len <= 0 || len > RT_STRING_LEN - 1)
		len = RT_STRING_LEN - 1;
	if (quoted)
		len = (len > 5 ? len : 5) - 2;
	*t = (struct rt_text){ .at = at, .left = len, .n = quoted != 0,
			       .more = RT_STRING_LEN - 1 };
	RT_FORGET();
}

/* Where what ends a quoted text goes, and what that is. */
RT_INLINE u64 rt_text_end(struct rt_text *t, struct rt_piece *step)
{
	u64 cut = t->n + (u64)t->left - 3;

	step->low = '"';
	step->len = 1;
	if (!t->last || t->more <= 0)
		return t->n;
	step->low = '"' | (u64)'.' << 8 | (u64)'.' << 16 | (u64)'.' << 24;
	step->len = 4;
	if (t->esc_len && t->esc < cut && cut < t->esc + t->esc_len)
		return t->esc;
	return cut;
}

#endif
