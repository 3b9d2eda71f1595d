/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * strings.h - strings in a module, and the built-in functions of them. text.c has
 * what is not inline.
 */
#ifndef STB_KMOD_STRINGS_H
#define STB_KMOD_STRINGS_H

#define rt_copy(dst, cap, src) stb_copy(dst, cap, src)
#define RT_COPY_LIT(dst, lit) __builtin_memcpy(dst, lit, sizeof(lit))

#define rt_cat(r, dst, cap, a, b) rt_cat_in(RT_HEAD(r)->cat, dst, cap, a, b)
RT_INLINE void rt_cat_in(char *to, char *dst, u32 cap, const char *a,
			 const char *b)
{
	u32 n = stb_copy(to, RT_STRING_LEN, a);

	stb_copy(to + n, RT_STRING_LEN, b);
	stb_copy(dst, cap, to);
}

#define RT_STRCMP(a, b) ((i64)stb_strcmp(a, b))

/* Whether a string whose room is n bytes, in words, equals a literal. */
#define RT_EQUALS(s, lit) (!__builtin_memcmp(s, lit, sizeof(lit)))

/* A string part of a key, padded with zeroes to its width. */
RT_INLINE void rt_key_str(char *dst, u32 width, const char *src)
{
	u32 n = stb_copy(dst, width, src);

	__builtin_memset(dst + n, 0, width - n);
}

/* The same of a short string on the stack that has room for as many bytes: by
   words, which are cut behind their first zero byte. */
#define RT_KEY_SHORT(dst, src) rt_key_short((u64 *)(dst), \
					    (const u64 *)(src), sizeof(dst) / 8)
RT_INLINE void rt_key_short(u64 *dst, const u64 *src, u32 words)
{
	u64 more = ~0ul, zeros, w;
	u32 i;

	for (i = 0; i < words; i++) {
		w = src[i];
		zeros = (w - 0x0101010101010101) & ~w & 0x8080808080808080;
		dst[i] = w & ((zeros & -zeros) - 1) & more;
		more &= zeros ? 0 : ~0ul;
	}
}
#define RT_KEY_LIT(dst, lit) \
	(__builtin_memset(dst, 0, sizeof(dst)), \
	 __builtin_memcpy(dst, lit, sizeof(lit)))
#define RT_KEY_SPACE(r, type) ((type *)RT_HEAD(r)->key)

/* --- built-in functions -------------------------------------------------------- */

#define rt_strlen(r, s) ((i64)stb_strlen(s))
#define rt_strpos(r, s, what) ((i64)stb_find(s, what))
#define rt_isinstr(r, s, what) ((i64)(stb_find(s, what) >= 0))
#define rt_strtol(r, s, base) ((i64)stb_strtol(s, (u64)(base)))
#define rt___string_to_fp(r, s) ((i64)rt_fp_of_chars(s))
#define rt_str_replace(r, dst, cap, s, old, new) \
	stb_replace_in(RT_HEAD(r)->cat, RT_STRING_LEN, dst, cap, s, old, new)
#define rt_tolower(r, dst, cap, s) stb_change_case(dst, cap, s, 0)
#define rt_toupper(r, dst, cap, s) stb_change_case(dst, cap, s, 1)

/* substr(): characters of s from start, at most length of them. */
RT_OUTLINE int rt_substr_of(char *dst, u32 cap, const char *s, i64 start,
			    i64 length)
{
	if (start < 0 || length <= 0 || start >= (i64)stb_strlen(s)) {
		dst[0] = 0;
		return 0;
	}
	stb_copy(dst, (u64)length < cap ? (u32)length + 1 : cap, s + start);
	return 0;
}
#define rt_substr(r, dst, cap, s, start, length) \
	rt_substr_of(dst, cap, s, start, length)

/* stringat(s, i) and stringat(s, from, to) */
#define RT_PICK(_1, _2, _3, _4, _5, name, ...) name
#define rt_stringat(r, ...) \
	RT_PICK(__VA_ARGS__, rt_stringat_range, , rt_stringat_one, , ) \
	(__VA_ARGS__)
RT_INLINE long rt_stringat_one(i64 *dst, const char *s, i64 i)
{
	if (i < 0 || i >= (i64)stb_strlen(s))
		return 1;
	*dst = (unsigned char)s[i];
	return 0;
}

RT_INLINE long rt_stringat_range(char *dst, u32 cap, const char *s, i64 from,
				 i64 to)
{
	if (from < 0 || to < from || to >= (i64)stb_strlen(s))
		return 1;
	rt_substr_of(dst, cap, s, from, to - from + 1);
	return 0;
}

/* With a string: its first token, and the rest is kept; without, or with "": the
   next. What is kept is the frame's. */
#define rt_tokenize(r, ...) \
	RT_PICK(__VA_ARGS__, , rt_tokenize_first, rt_tokenize_next, , ) \
	(r, __VA_ARGS__)
#define rt_tokenize_next(r, dst, cap, delims) \
	rt_tokenize_first(r, dst, cap, "", delims)
RT_OUTLINE int rt_tokenize_first(struct rt_run *r, char *dst, u32 cap,
				 const char *s, const char *delims)
{
	struct rt_tokens *t = &RT_HEAD(r)->tokens;
	const char *from;
	u32 n;

	if (*s) {
		stb_copy(t->text, RT_STRING_LEN, s);
		t->at = 1;
	}
	from = t->at ? t->text + t->at - 1 : "";
	from += strspn(from, delims);
	n = (u32)strcspn(from, delims);
	t->at = n ? (u32)(from - t->text) + n + 1 : 0;
	stb_copy(dst, n < cap ? n + 1 : cap, from);
	return 0;
}

#endif
