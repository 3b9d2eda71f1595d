/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recall.c - the list of recalled bundles: a rule holds or it is none, and one
 * that is misspelt stops everything.
 *
 * links: bundler -lsodium -lzstd
 */
#include "bundler/host.h"
#include "tests/bundle/make.h"

#include <stdio.h>

static const struct stb_bundle bundle = { .script = 1, .generation = 3 };
static const char strings[] = "\0x.stp";

/* The bundle's id is 00112233445566778899aabbccddeeff, twice. */
static const struct { const char *rules; int code; } cases[] = {
	{ "", 0 },
	{ "# nothing\n\n  \t\n", 0 },
	{ "id 0011223344556677", HOST_RECALLED },
	{ "id 0011223344556677\n", HOST_RECALLED },
	{ "id 0011223344556677\r\n", HOST_RECALLED },
	{ "\tid  0011223344556677 \t# why\n", HOST_RECALLED },
	{ "id 00112233445566778899AABBCCDDEEFF", HOST_RECALLED },
	{ "id 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
	  HOST_RECALLED },
	{ "id 0011223344556678", 0 },
	/* misspelt */
	{ "id", HOST_SETTINGS },
	{ "id 001122334455667", HOST_SETTINGS },
	{ "id 0011223344556677,", HOST_SETTINGS },
	{ "id 0011223344556677 0011223344556678", HOST_SETTINGS },
	{ "id 0011223344556677g", HOST_SETTINGS },
	{ "id 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0",
	  HOST_SETTINGS },
	{ "id \xef\xbb\xbf""0011223344556677", HOST_SETTINGS },
	{ "ids 0011223344556677", HOST_SETTINGS },
	{ "0011223344556677", HOST_SETTINGS },
	/* generations */
	{ "script x.stp generation 4", HOST_RECALLED },
	{ "script x.stp generation 4\r\n", HOST_RECALLED },
	{ "script x.stp generation 3", 0 },
	{ "script y.stp generation 4", 0 },
	{ "script x.stp generation 4 please", HOST_SETTINGS },
	{ "script x.stp generation", HOST_SETTINGS },
	{ "script x.stp generation +4", HOST_SETTINGS },
	{ "script x.stp generation -4", HOST_SETTINGS },
	{ "script x.stp generation 4a", HOST_SETTINGS },
	{ "script x.stp generation 99999999999999999999", HOST_SETTINGS },
	{ "script x.stp generations 4", HOST_SETTINGS },
	/* the first that is against it, or is none, counts */
	{ "script y.stp generation 4\nid 0011223344556677", HOST_RECALLED },
	{ "script y.stp generation 4\noops\n", HOST_SETTINGS },
};

int main(void)
{
	uint8_t id[STB_DIGEST_SIZE];
	struct stb_set index = { 0 };
	struct host_bundle b = { .index = &index, .id = id };
	uint32_t n, stride;
	unsigned failures = 0;
	size_t size;

	for (uint32_t i = 0; i < sizeof(id); i++)
		id[i] = (uint8_t)(i % 16 * 0x11);
	index.data = make_set((struct made_table[]){
		ONE(STB_T_BUNDLE, bundle), BYTES(STB_T_STRINGS, strings),
		{ 0 } }, &size);
	index.size = size;
	index.count = 2;
	index.tables = (const struct stb_table *)(index.data + 8);
	index.strings = stb_table(&index, STB_T_STRINGS, 1, &n, &stride);
	index.strings_size = n;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct host_check c;
		int code = host_recalled(cases[i].rules, &b, &c) ? c.code : 0;

		if (code == cases[i].code)
			continue;
		printf("\"%s\": %d, not %d\n", cases[i].rules, code,
		       cases[i].code);
		failures++;
	}
	free((void *)(uintptr_t)index.data);
	return failures != 0;
}
