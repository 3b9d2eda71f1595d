/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plain.h - what engines have in common that look at strings as they are, through
 * pointers: the module's and the loader's. Behind their built-ins; they give
 * rt_match_of(r), rt_copy() and rt_substr().
 */
#ifndef STB_PLAIN_H
#define STB_PLAIN_H

/* --- regular expressions: see compiler/regex.h ----------------------------- */

#define RT_REGEX(n, nclasses, size, first) \
RT_OUTLINE i64 re##n##_of(const unsigned char *s) \
{ \
	u64 at = first; \
 \
	for (; at > nclasses; s++) \
		at = re##n##_next[at + re##n##_classes[*s]]; \
	return at == nclasses; \
}

#ifndef RT_MATCH_TAGS
#define RT_MATCH(r, n, s) re##n##_of((const unsigned char *)(s))
#else
#define RT_REGEX_TAGGED(n, ngroups, size, first, first_op) \
RT_OUTLINE i64 re##n##_of(struct rt_match *m, const char *s) \
{ \
	u64 at = first; \
	unsigned char c; \
	int i; \
 \
	m->groups = 0; \
	rt_copy(m->s, RT_STRING_LEN, s); \
	for (i = 0; i < 2 * ngroups; i++) \
		m->tags[i] = -1; \
	re##n##_do(m, first_op, 0); \
	for (i = 0; at; i++) { \
		c = (unsigned char)m->s[i]; \
		at += re##n##_classes[c]; \
		re##n##_do(m, re##n##_op[at], i + (c != 0)); \
		at = re##n##_next[at]; \
	} \
	if (m->tags[1] < 0) \
		return 0; \
	m->groups = ngroups; \
	return 1; \
}
#define RT_MATCH(r, n, s) re##n##_of(rt_match_of(r), s)
#define rt_ngroups(r) (rt_match_of(r)->groups)

RT_OUTLINE void rt_group(struct rt_match *m, char *dst, u32 cap, i64 n)
{
	i64 from, to;

	dst[0] = 0;
	if ((u64)n >= RT_MATCH_TAGS / 2)
		return;
	from = m->tags[2 * n];
	to = m->tags[2 * n + 1];
	if (from >= 0 && from < to)
		rt_substr(0, dst, cap, m->s, from, to - from);
}
#define rt_matched(r, dst, cap, n) rt_group(rt_match_of(r), dst, cap, n)
#endif

/* --- text that can be printed: see text.h ----------------------------------- */

RT_INLINE void rt_text_put(char *to, u64 cap, u64 n, const struct rt_piece *p)
{
	u64 i;

	for (i = 0; i < p->len && n + i + 1 < cap; i++)
		to[n + i] = (char)(i < 8 ? p->low >> 8 * i :
					   p->high >> 8 * (i - 8));
}

RT_OUTLINE int rt_text_into(char *to, u64 cap, const char *s, i64 len,
			    i64 quoted)
{
	struct rt_piece p = { .low = '"', .len = 1 };
	struct rt_text t;
	unsigned char c[4];
	u64 n;

	rt_text_start(&t, (u64)s, len, quoted);
	if (quoted)
		rt_text_put(to, cap, 0, &p);
	do {
		s = (const char *)t.at;
		for (n = 0; n < 4; n++)
			c[n] = n && !c[n - 1] ? 0 : (unsigned char)s[n];
		n = t.n;
		if (rt_text_take(&t, c, &p))
			break;
		rt_text_put(to, cap, n, &p);
	} while (t.more > 0);
	n = t.n;
	if (quoted) {
		n = rt_text_end(&t, &p);
		rt_text_put(to, cap, n, &p);
		n += p.len;
	}
	to[n < cap ? n : cap - 1] = 0;
	return 0;
}
#define rt_text_strn(r, dst, cap, s, len, quoted) \
	rt_text_into(dst, cap, s, len, quoted)

#endif
