/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dump.c - any bytes as a dump or as lines of output: stb show and stb render
 * end in every form.
 *
 * links: bundler compiler -lzstd -lsodium -ljansson -lelf
 */
#include "bundler/bundle.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const forms[] = { "text", "ndjson", "folded",
					     "chrome" };
	static FILE *nowhere;

	if (!nowhere)
		nowhere = stdout = stderr = fopen("/dev/null", "w");
	if (!size)
		return 0;
	show_dump("fuzz", (const char *)data, size);
	for (size_t i = 0; i < 4; i++)
		render_data("fuzz", (const char *)data, size, forms[i]);
	return 0;
}
