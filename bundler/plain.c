/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plain.c - what somebody else wrote, fit for a terminal: names and times in
 * bundles and dumps may be anything.
 */
#include "bundler/bundle.h"

#include <ctype.h>
#include <time.h>

/* Bytes of the character at s; 1 where that has fewer than it says. */
static size_t bytes_at(const unsigned char *s)
{
	size_t all = *s < 0xc2 ? 1 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4, n = 1;

	while (n < all && (s[n] & 0xc0) == 0x80)
		n++;
	return n == all ? n : 1;
}

const char *plain(struct arena *mem, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	struct text t = { .mem = mem };
	size_t n;

	text_puts(&t, "");
	for (; *s; s += n) {
		n = bytes_at(s);
		/* no UTF-8, and control characters, to U+009F */
		if (iscntrl(*s) || (*s >= 0x80 && n == 1) ||
		    (*s == 0xc2 && s[1] < 0xa0))
			text_putc(&t, '?');
		else
			text_add(&t, (const char *)s, n);
	}
	return t.s;
}

const char *time_text(char *to, size_t size, const char *form, int64_t seconds)
{
	time_t at = (time_t)seconds;
	struct tm tm;

	return gmtime_r(&at, &tm) && strftime(to, size, form, &tm) ? to : NULL;
}
