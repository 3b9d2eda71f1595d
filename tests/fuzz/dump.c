/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dump.c - any bytes as a dump or as lines of output: stb show and stb render
 * end in every form, and what stb show prints is fit for a terminal.
 *
 * links: bundler compiler -lzstd -lsodium -ljansson -lelf
 */
#include "bundler/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned seed);

/* Instead of a number, what bytes that change seldom come to; instead of a
   letter, what a terminal obeys. */
static const char *const numbers[] = {
	"9223372036854775807", "-9223372036854775808", "67768036191676800",
	"-67768040609740801", "253402300800", "18446744073709551615", "-1",
	"0", "1e308", "-0.5", "null", "[]", "{}", "\"x\"", "true",
}, *const letters[] = {
	"\\u001b]0;", "\\u009b31m", "\x7f", "\xc2\x9b", "\\u0000", "\xff",
	"\\ud800", "\xe2\x82\xac", "\\u202e", "",
};

static size_t replace(uint8_t *data, size_t size, size_t max, size_t at,
		      size_t was, const char *with)
{
	size_t n = strlen(with);

	if (size - was + n > max)
		return size;
	memmove(data + at + n, data + at + was, size - at - was);
	memcpy(data + at, with, n);
	return size - was + n;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned seed)
{
	size_t at = size ? seed / 16 % size : 0, n = 0;
	unsigned which = seed / 64 + seed % 64;

	if (!size || seed % 4)
		return LLVMFuzzerMutate(data, size, max);
	if (seed % 8) {
		while (at < size && (data[at] | 0x20) - 'a' > 25u)
			at++;
		return at == size ? size : replace(data, size, max, at, 1,
				letters[which % COUNT_OF(letters)]);
	}
	while (at < size && !(is_digit(data[at]) && at && data[at - 1] == ':'))
		at++;
	while (at + n < size && is_digit(data[at + n]))
		n++;
	return replace(data, size, max, at, n,
		       numbers[which % COUNT_OF(numbers)]);
}

/* No bytes but lines of text, which a terminal only shows. */
static void must_be_plain(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)s[i] < ' ' && s[i] != '\n') ||
		    s[i] == 0x7f || (i && (unsigned char)s[i - 1] == 0xc2 &&
				     (unsigned char)s[i] < 0xa0))
			abort();
}

static void show(const uint8_t *data, size_t size, FILE *nowhere)
{
	char *text = NULL;
	size_t n;

	stdout = stderr = open_memstream(&text, &n);
	show_dump("fuzz", (const char *)data, size);
	fclose(stdout);
	stdout = stderr = nowhere;
	must_be_plain(text, n);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const forms[] = { "text", "ndjson", "folded",
					     "chrome" };
	static FILE *nowhere;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	if (!size)
		return 0;
	show(data, size, nowhere);
	for (size_t i = 0; i < 4; i++)
		render_data("fuzz", (const char *)data, size, forms[i]);
	return 0;
}
