/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/json.h"

#include <string.h>

size_t json_char(const char *text, size_t n)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 :
		s[0] >= 0xe0 && s[0] < 0xf0 ? 3 :
		s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

	if (!len || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

bool json_is_text(const char *s, size_t n)
{
	size_t len = 1;

	for (; n && len; s += len, n -= len)
		len = json_char(s, n);
	return !n;
}

size_t json_whole(const char *s, size_t n)
{
	size_t back = 1;

	while (back < 4 && back < n && (s[n - back] & 0xc0) == 0x80)
		back++;
	return n && (s[n - back] & 0xc0) == 0xc0 &&
	       !json_char(s + n - back, back) ? n - back : n;
}

/* A character that cannot stand for itself. */
static void put_special(struct sink *to, uint8_t c)
{
	char code[] = "\\u0000";

	if (c == '"' || c == '\\') {
		sink_put(to, "\\", 1);
		sink_put(to, (const char *)&c, 1);
	} else if (c == '\n') {
		sink_puts(to, "\\n");
	} else {
		hex(code + 4, &c, 1);
		sink_put(to, code, 6);
	}
}

static bool is_special(uint8_t c)
{
	return c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
}

static bool put_part(struct sink *to, const char *text, size_t n)
{
	const uint8_t *s = (const uint8_t *)text, *plain = s;
	bool whole = true;
	size_t len;

	for (; n; s += len, n -= len) {
		len = json_char((const char *)s, n);
		if (len && !is_special(*s))
			continue;
		sink_put(to, (const char *)plain, (size_t)(s - plain));
		if (len)
			put_special(to, *s);
		else
			sink_puts(to, "\\ufffd");
		whole &= len != 0;
		len = 1;
		plain = s + 1;
	}
	sink_put(to, (const char *)plain, (size_t)(s - plain));
	return whole;
}

/* Handlers may change the text meanwhile: what is looked at is a copy. */
bool json_quote(struct sink *to, const char *text, size_t n)
{
	bool whole = true;
	char part[256];
	size_t some;

	sink_put(to, "\"", 1);
	for (; n; text += some, n -= some) {
		some = n < sizeof(part) ? n : sizeof(part);
		memcpy(part, text, some);
		if (some < n)
			some = json_whole(part, some);
		whole &= put_part(to, part, some);
	}
	sink_put(to, "\"", 1);
	return whole;
}

void json_number(struct sink *to, int64_t n)
{
	char text[20];
	size_t at = sizeof(text);
	uint64_t u = n < 0 ? -(uint64_t)n : (uint64_t)n;

	do
		text[--at] = (char)('0' + u % 10);
	while (u /= 10);
	if (n < 0)
		sink_put(to, "-", 1);
	sink_put(to, text + at, sizeof(text) - at);
}

void json_key(struct sink *to, const char *name)
{
	sink_put(to, ",", 1);
	json_quote(to, name, strlen(name));
	sink_put(to, ":", 1);
}

void json_text(struct sink *to, const char *name, const char *text)
{
	json_key(to, name);
	json_quote(to, text, strlen(text));
}

void json_int(struct sink *to, const char *name, int64_t n)
{
	json_key(to, name);
	json_number(to, n);
}
