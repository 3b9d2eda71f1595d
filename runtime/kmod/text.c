// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * text.c - strings. They end with a NUL within their room, which is a multiple of
 * 8 bytes. tests/engines compiles this for a program, too.
 */
#include "kmod.h"
#include "core.h"

#include <linux/string.h>

u32 stb_copy(char *dst, u32 cap, const char *src)
{
	u32 n = (u32)strnlen(src, cap - 1);

	memmove(dst, src, n);
	dst[n] = 0;
	return n;
}

int stb_strcmp(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return (unsigned char)*a - (unsigned char)*b;
}

u32 stb_strlen(const char *s)
{
	return (u32)strlen(s);
}

s64 stb_find(const char *s, const char *what)
{
	const char *at = strstr(s, what);

	return at ? at - s : -1;
}

/* --- numbers ------------------------------------------------------------------ */

static u64 digit(char c)
{
	if (c >= '0' && c <= '9')
		return (u64)(c - '0');
	c |= 32;
	return c >= 'a' && c <= 'z' ? (u64)(c - 'a') + 10 : 99;
}

/* As the kernel's simple_strtol(): base 0 looks at the prefix, what is no digit
   ends the number, and what is too large wraps. */
s64 stb_strtol(const char *s, u64 base)
{
	bool minus = *s == '-', hex;
	u64 v = 0;

	s += minus;
	hex = s[0] == '0' && (s[1] | 32) == 'x' && digit(s[2]) < 16;
	if (base == 0)
		base = hex ? 16 : *s == '0' ? 8 : 10;
	if (base == 16 && hex)
		s += 2;
	while (digit(*s) < base && digit(*s) < 36)
		v = v * base + digit(*s++);
	return (s64)(minus ? -v : v);
}

/* --- making other strings -------------------------------------------------------- */

static u32 put(char *dst, u32 cap, u32 at, const char *s, u32 n)
{
	if (n > cap - 1 - at)
		n = cap - 1 - at;
	memcpy(dst + at, s, n);
	return at + n;
}

void stb_replace_in(char *to, u32 room, char *dst, u32 cap, const char *s,
		    const char *old, const char *new)
{
	u32 at = 0, old_len = (u32)strlen(old), new_len = (u32)strlen(new);
	const char *hit;

	while (old_len && (hit = strstr(s, old))) {
		at = put(to, room, at, s, (u32)(hit - s));
		at = put(to, room, at, new, new_len);
		s = hit + old_len;
	}
	at = put(to, room, at, s, (u32)strlen(s));
	to[at] = 0;
	stb_copy(dst, cap, to);
}

void stb_change_case(char *dst, u32 cap, const char *s, int upper)
{
	u32 i;

	for (i = 0; i + 1 < cap && s[i]; i++) {
		char c = s[i];

		if (upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z')
			c ^= 32;
		dst[i] = c;
	}
	dst[i] = 0;
}
