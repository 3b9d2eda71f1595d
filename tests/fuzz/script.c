/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * script.c - fuzzes lexer, macros and parser, then dumps what was parsed. Its
 * corpus, tests/fuzz/script, are scripts.
 *
 * links: compiler
 */
#include "compiler/parse.h"
#include "compiler/target.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const char *target_release(const struct target *t)
{
	return "6.1.0-56-cloud-amd64";
}

const char *target_config(struct target *t, const char *key)
{
	return strcmp(key, "CONFIG_SMP") ? NULL : "y";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *args[] = { "end", "1 + 2" };
	struct options opt = { .args = args, .nargs = 2 };
	struct job j = { .opt = &opt };
	struct source src = { .name = "fuzz.stp", .size = size };
	struct script script = { 0 };
	static FILE *null;

	if (!null)
		null = fopen("/dev/null", "w");
	j.messages = null;
	src.text = arena_strndup(&j.mem, (const char *)data, size);
	if (parse_source(&j, &src, &script)) {
		j.script = &script;
		dump_ast(&j, null, false);
	}
	arena_free(&j.mem);
	return 0;
}
