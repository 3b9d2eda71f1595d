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

/* Of a character: 36 and more is none. */
RT_INLINE u64 rt_digit(u64 c)
{
	if (c - '0' < 10)
		return c - '0';
	c = (c | 0x20) - 'a';
	return c < 26 ? c + 10 : 36;
}

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
	digit = rt_digit(c[0]);
	if (digit >= base || digit >= 36)
		return 1;
	n->value = n->value * base + digit;
	return 0;
}

RT_OUTLINE i64 rt_strtol_of(u64 s, u64 base)
{
	struct rt_number n = { .at = s, .base = base };

	n.started = (u32)rt_some_zero();
	n.value = n.negative = n.started;
	bpf_loop(RT_STRING_LEN, rt_strtol_turn, &n, 0);
	return (i64)(n.negative ? -n.value : n.value);
}
#define rt_strtol(r, s, base) rt_strtol_of((u64)(s), (u64)(base))

/* --- changed through the frame's buffer, as rt_cat() does ------------------- */

struct rt_case {
	char *to;
	u64 first;		/* of 26 letters that are changed */
};

/* Eight at a time; 1 behind the NUL. */
RT_BODY rt_case_turn(u32 turn, struct rt_case *w)
{
	u64 ones = 0x0101010101010101, tops = ones << 7, v, low, hit;
	u64 at = turn * 8ul;

	rt_bound(at, RT_STRING_LEN - 8);
	v = *(u64 *)(w->to + at);
	low = v & ~tops;
	hit = (low + ones * (0x80 - w->first)) ^
	      (low + ones * (0x80 - w->first - 26));
	*(u64 *)(w->to + at) = v ^ (hit & ~v & tops) >> 2;
	return ((v - ones) & ~v & tops) != 0;
}

RT_OUTLINE long rt_case_of(char *to, u64 s, u64 first)
{
	struct rt_case w = { to, first };

	bpf_probe_read_kernel_str(to, RT_STRING_LEN, s);
	bpf_loop(RT_STRING_LEN / 8, rt_case_turn, &w, 0);
	return 0;
}
#define RT_CHANGE_CASE(r, dst, cap, s, first) do { \
	char *to_ = ((struct rt_frame *)(r)->frame)->cat; \
	rt_case_of(to_, (u64)(s), first); \
	bpf_probe_read_kernel_str(dst, cap, (u64)to_); \
} while (0)
#define rt_tolower(r, dst, cap, s) RT_CHANGE_CASE(r, dst, cap, s, 'A')
#define rt_toupper(r, dst, cap, s) RT_CHANGE_CASE(r, dst, cap, s, 'a')

/* Places in strings are of 32 bits: more is not added to an address. */
struct rt_replace {
	char *to;
	u64 s, old, new, n;
	u32 at, old_len, new_len;
};

/* What is at `at` is one more of `old`, or one character. */
RT_BODY rt_replace_turn(u32 turn, struct rt_replace *w)
{
	struct rt_find here = { w->s + w->at, w->old, w->old_len, 0, 0 };
	unsigned char c = 0;
	u64 n = w->n;

	bpf_loop(RT_STRING_LEN, rt_prefix_turn, &here, 0);
	rt_bound(n, RT_STRING_LEN - 1);
	if (here.found && w->old_len) {
		bpf_probe_read_kernel_str(w->to + n, RT_STRING_LEN, w->new);
		w->n = n + w->new_len;
		w->at += w->old_len;
	} else {
		bpf_probe_read_kernel(&c, 1, w->s + w->at);
		w->to[n] = (char)c;
		w->n = n + 1;
		w->at++;
		if (!c)
			return 1;
	}
	return w->n >= RT_STRING_LEN - 1;
}

RT_OUTLINE long rt_replace_of(char *to, u64 s, u64 old, u64 new)
{
	u64 zero = rt_some_zero();
	struct rt_replace w = { to, s, old, new, zero, (u32)zero,
				(u32)rt_strlen_of(old),
				(u32)rt_strlen_of(new) };

	bpf_loop(RT_STRING_LEN, rt_replace_turn, &w, 0);
	to[RT_STRING_LEN - 1] = 0;
	return 0;
}
#define rt_str_replace(r, dst, cap, s, old, new) do { \
	char *to_ = ((struct rt_frame *)(r)->frame)->cat; \
	rt_replace_of(to_, (u64)(s), (u64)(old), (u64)(new)); \
	bpf_probe_read_kernel_str(dst, cap, (u64)to_); \
} while (0)

/* --- tokens: a run keeps what is left of its string -------------------------- */

#ifdef RT_TOKENS
struct rt_token {
	struct rt_tokens *t;
	u64 from;
	u32 start, end, found;
};

RT_BODY rt_delim_turn(u32 turn, struct rt_token *w)
{
	unsigned char c = 0;
	u64 at;

	bpf_probe_read_kernel(&c, 1, w->from + turn);
	at = c >> 3;
	rt_bound(at, 31);
	w->t->delims[at] |= (unsigned char)(1 << (c & 7));
	return !c;
}

RT_BODY rt_token_turn(u32 turn, struct rt_token *w)
{
	unsigned char c = 0;
	u64 at, ends;

	bpf_probe_read_kernel(&c, 1, w->from + turn);
	at = c >> 3;
	rt_bound(at, 31);
	ends = w->t->delims[at] >> (c & 7) & 1;
	if (!w->found) {
		if (c && ends)
			return 0;
		w->start = turn;
		w->found = 1;
	}
	w->end = turn;
	return (int)ends;	/* NUL is among them */
}

RT_OUTLINE int rt_token_of(struct rt_tokens *t, char *dst, u32 cap, u64 s,
			   u64 delims)
{
	u32 zero = (u32)rt_some_zero(), length;
	struct rt_token w = { t, delims, zero, zero, zero };
	unsigned char c = 0;

	bpf_probe_read_kernel(&c, 1, s);
	if (c) {
		bpf_probe_read_kernel_str(t->text, RT_STRING_LEN, s);
		t->at = 1;
	}
	dst[0] = 0;
	if (!t->at)
		return 0;
	__builtin_memset(t->delims, 0, sizeof(t->delims));
	bpf_loop(RT_STRING_LEN, rt_delim_turn, &w, 0);
	w.from = (u64)t->text + (u32)t->at - 1;
	bpf_loop(RT_STRING_LEN, rt_token_turn, &w, 0);
	length = w.end - w.start;
	rt_load_str(dst, cap, (i64)length, w.from + w.start, 0);
	t->at = length ? (u32)t->at + w.end : 0;
	return 0;
}
/* With a string: its first token; without, or with "": the next. */
#define rt_tokenize(r, ...) \
	RT_PICK(__VA_ARGS__, , rt_token_first, rt_token_next, , ) \
	(r, __VA_ARGS__)
#define rt_token_next(r, dst, cap, delims) \
	rt_token_first(r, dst, cap, 0, delims)
#define rt_token_first(r, dst, cap, s, delims) \
	rt_token_of(&((struct rt_frame *)(r)->frame)->tokens, dst, cap, \
		    (u64)(s), (u64)(delims))
#endif

/* --- numbers with a point ------------------------------------------------------ */

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
