/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * minisign.c - fuzzes what reads keys and signatures: all that they give out
 * lies inside of the input, and nothing that was made up verifies.
 *
 * links: bundler -lsodium
 */
#include "bundler/minisign.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* a heap copy, so that a byte read too many is seen */
	char *copy = malloc(size ? size : 1);
	struct minisign_key k = { .id = "" };
	struct minisign_sig s;
	const char *text;
	size_t n, message;

	memcpy(copy, data, size);
	minisign_read_key(copy, size, &k);
	if (minisign_attached(copy, size, &text, &n, &message)) {
		check(text == copy + message && message + n <= size);
		if (minisign_read_sig(text, n, &s))
			check(!minisign_verify(&s, &k, copy, message));
	} else {
		check(message == size);
	}
	if (minisign_read_sig(copy, size, &s)) {
		check(s.comment >= copy &&
		      s.comment + s.comment_len <= copy + size);
		memcpy(k.id, s.key_id, sizeof(k.id));
		check(!minisign_verify(&s, &k, "x", 1));
	}
	free(copy);
	return 0;
}
