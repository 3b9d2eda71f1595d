/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * facts.c - any bytes as the facts of a host: stb check comes to an answer or
 * says what is wrong, in lines and as JSON.
 *
 * links: bundler compiler -lzstd -lsodium -ljansson -lelf
 */
#include "bundler/bundle.h"
#include "bundler/host.h"
#include "tests/bundle/make.h"

#include <jansson.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena forever;
static struct bundle bundle;
static struct made made;

static void make(void)
{
	struct example e = make_example();
	struct made_section s[5];
	uint8_t *raw[5];
	size_t size[5];

	example_raw(&e, raw, size);
	for (int i = 0; i < 5; i++)
		s[i] = make_section(example_kinds[i], raw[i], size[i]);
	made = make_bundle(s, 5);
	for (int i = 0; i < 5; i++) {
		free(raw[i]);
		free((void *)(uintptr_t)s[i].stored);
	}
	if (!bundle_check(&forever, "example", made.data, made.size, &bundle))
		abort();
	stdout = fopen("/dev/null", "w");
	stderr = fopen("/dev/null", "w");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena mem = { 0 };
	int line, json;

	if (!made.data)
		make();
	line = check_facts(&mem, &bundle, made.data, made.size, "facts",
			   (const char *)data, size, false);
	json = check_facts(&mem, &bundle, made.data, made.size, "facts",
			   (const char *)data, size, true);
	if (line != json)
		abort();
	arena_free(&mem);
	return 0;
}
