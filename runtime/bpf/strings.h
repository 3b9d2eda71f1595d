/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * strings.h - built-in functions of strings, see engine.h.
 */
#ifndef STB_BPF_STRINGS_H
#define STB_BPF_STRINGS_H

/* Strings are walked by their addresses; a turn takes 8 bytes. */
struct rt_walk {
	u64 at, other;
	i64 result, count;
};

RT_BODY rt_strlen_turn(u32 turn, struct rt_walk *w)
{
	unsigned char s[8];

	bpf_probe_read_kernel(s, 8, w->at + turn * 8ul);
#pragma unroll
	for (int i = 0; i < 8; i++) {
		if (!s[i]) {
			w->result = (i64)turn * 8 + i;
			return 1;
		}
	}
	return 0;
}

RT_OUTLINE i64 rt_strlen_of(u64 s)
{
	struct rt_walk w = { .at = s };

	bpf_loop(RT_STRING_LEN / 8, rt_strlen_turn, &w, 0);
	return w.result;
}
#define rt_strlen(r, s) rt_strlen_of((u64)(s))

/* substr(): characters of s from start, at most length of them. */
RT_INLINE void rt_substr(struct rt_run *r, char *dst, u32 cap, const char *s,
			 i64 start, i64 length)
{
	i64 n = rt_strlen_of((u64)s);

	dst[0] = 0;
	if (start < 0 || length <= 0 || start >= n)
		return;
	rt_load_str(dst, cap, length, (u64)s + (u64)start, 0);
}

RT_OUTLINE i64 rt_char_of(u64 s, i64 i)
{
	unsigned char c = 0;

	if (i < 0 || i >= rt_strlen_of(s))
		return -1;
	bpf_probe_read_kernel(&c, 1, s + (u64)i);
	return c;
}

/* stringat(s, i) and stringat(s, from, to) */
#define RT_PICK(_1, _2, _3, _4, _5, name, ...) name
#define rt_stringat(r, ...) \
	RT_PICK(__VA_ARGS__, rt_stringat_range, , rt_stringat_one, , ) \
	(__VA_ARGS__)
RT_INLINE long rt_stringat_one(i64 *dst, const char *s, i64 i)
{
	i64 c = rt_char_of((u64)s, i);

	if (c < 0)
		return 1;
	*dst = c;
	return 0;
}

RT_INLINE long rt_stringat_range(char *dst, u32 cap, const char *s, i64 from,
				 i64 to)
{
	if (from < 0 || to < from || to >= rt_strlen_of((u64)s))
		return 1;
	return rt_load_str(dst, cap, to - from + 1, (u64)s + (u64)from, 0);
}

struct rt_find {
	u64 s, what, length;
	u32 found;
	i64 at;
};

RT_BODY rt_prefix_turn(u32 turn, struct rt_find *f)
{
	unsigned char a, b;

	if (turn >= f->length) {
		f->found = 1;
		return 1;
	}
	bpf_probe_read_kernel(&a, 1, f->s + turn);
	bpf_probe_read_kernel(&b, 1, f->what + turn);
	return a != b;
}

RT_BODY rt_find_turn(u32 turn, struct rt_find *f)
{
	struct rt_find here = { f->s + turn, f->what, f->length, 0, 0 };
	unsigned char c;

	bpf_loop(RT_STRING_LEN, rt_prefix_turn, &here, 0);
	f->found = here.found;
	f->at = turn;
	bpf_probe_read_kernel(&c, 1, f->s + turn);
	return here.found || !c;
}

RT_OUTLINE i64 rt_isinstr_of(u64 s, u64 what)
{
	struct rt_find f = { s, what, (u64)rt_strlen_of(what), 0, 0 };

	bpf_loop(RT_STRING_LEN, rt_find_turn, &f, 0);
	return f.found ? f.at + 1 : 0;
}
#define rt_strpos(r, s, what) (rt_isinstr_of((u64)(s), (u64)(what)) - 1)
#define rt_isinstr(r, s, what) (rt_isinstr_of((u64)(s), (u64)(what)) != 0)

struct rt_number {
	u64 at, base, value, index;
	u32 negative, started;
};

/* One character, as the kernel's simple_strtol() takes it: a minus, 0 and 0x as
   the base allows, digits. */
RT_BODY rt_strtol_turn(u32 turn, struct rt_number *n)
{
	unsigned char c[3] = { 0 };
	u64 digit, base = n->base;

	bpf_probe_read_kernel(c, 3, n->at + turn);
	if (!n->started) {
		n->started = 1;
		if (c[0] == '-') {
			n->negative = 1;
			return 0;
		}
	}
	if (n->started == 1) {
		n->started = 2;
		if (c[0] == '0' && (c[1] | 0x20) == 'x' &&
		    (base == 0 || base == 16)) {
			n->base = 16;
			n->started = 3;
			return 0;
		}
		if (base == 0) {
			n->base = base = c[0] == '0' ? 8 : 10;
		}
	} else if (n->started == 3) {	/* the x of 0x */
		n->started = 2;
		return 0;
	}
	digit = c[0] <= '9' ? c[0] - (u64)'0' : (c[0] | 0x20) - (u64)'a' + 10;
	if (digit >= base)
		return 1;
	n->value = n->value * base + digit;
	return 0;
}

RT_OUTLINE i64 rt_strtol_of(u64 s, u64 base)
{
	struct rt_number n = { .at = s, .base = base };

	n.started = (u32)rt_some_zero();
	n.value = n.negative = n.started;
	bpf_loop(72, rt_strtol_turn, &n, 0);
	return (i64)(n.negative ? -n.value : n.value);
}
#define rt_strtol(r, s, base) rt_strtol_of((u64)(s), (u64)(base))

#ifdef RT_FP
/* A text that is read a character a turn: see fp.h. */
struct rt_fp_walk {
	struct rt_fp_text text;
	u64 at;
};

RT_BODY rt_fp_turn(u32 turn, struct rt_fp_walk *w)
{
	unsigned char c = 0;

	bpf_probe_read_kernel(&c, 1, w->at + turn);
	return rt_fp_read(&w->text, c);
}

RT_OUTLINE i64 rt_fp_of_string(u64 s)
{
	u64 zero = rt_some_zero();
	struct rt_fp_walk w = {
		{ zero, zero, zero, (i64)zero, (i64)zero, zero }, s
	};

	bpf_loop(RT_STRING_LEN, rt_fp_turn, &w, 0);
	return (i64)rt_fp_of_text(&w.text);
}
#define rt___string_to_fp(r, s) rt_fp_of_string((u64)(s))
#endif

#endif
