/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ask.h - ASK: the function that answers, by the names that emitted C uses; what
 * it needs of a run is in `r`.
 */
#ifndef STB_TEST_ASK_H
#define STB_TEST_ASK_H

#define ASK(name) \
void name(const struct asked *a, struct answered *to) \
{ \
	const char *s = a->s[0], *t = a->s[1], *u = a->s[2]; \
	struct frame frame; \
	struct rt_run run = { .frame = &frame }, *r = &run; \
	char *dst = to->text[0]; \
	u32 cap = a->cap; \
 \
	memset(&frame, 0, sizeof(frame)); \
	switch (a->what) { \
	case ASK_STRLEN: to->n = rt_strlen(r, s); return; \
	case ASK_SUBSTR: \
		rt_substr(r, dst, cap, s, a->n[0], a->n[1]); \
		return; \
	case ASK_STRINGAT: \
		to->n = rt_stringat(r, &to->value, s, a->n[0]); \
		return; \
	case ASK_STRINGAT_RANGE: \
		to->n = rt_stringat(r, dst, cap, s, a->n[0], a->n[1]); \
		return; \
	case ASK_STRPOS: to->n = rt_strpos(r, s, t); return; \
	case ASK_ISINSTR: to->n = rt_isinstr(r, s, t); return; \
	case ASK_STRTOL: to->n = rt_strtol(r, s, a->n[0]); return; \
	case ASK_STR_REPLACE: rt_str_replace(r, dst, cap, s, t, u); return; \
	case ASK_TOLOWER: rt_tolower(r, dst, cap, s); return; \
	case ASK_TOUPPER: rt_toupper(r, dst, cap, s); return; \
	case ASK_TOKENIZE: \
		rt_tokenize(r, dst, cap, s, t); \
		rt_tokenize(r, to->text[1], cap, t); \
		rt_tokenize(r, to->text[2], cap, u); \
		rt_tokenize(r, to->text[3], cap, t); \
		return; \
	case ASK_CAT: rt_cat(r, dst, cap, s, t); return; \
	case ASK_COPY: rt_copy(dst, cap, s); return; \
	case ASK_STRCMP: to->n = RT_STRCMP(s, t); return; \
	case ASK_TO_FP: to->n = rt___string_to_fp(r, s); return; \
	case ASK_TEXT: \
		rt_text_strn(r, dst, cap, s, a->n[0], a->n[1]); \
		return; \
	case ASK_N: return; \
	} \
}

#endif
