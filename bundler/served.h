/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * served.h - the names and sizes of files that a session serves (procfs("PATH")), as the
 * compiler lets them through and the reader of bundles checks them again.
 */
#ifndef STB_SERVED_H
#define STB_SERVED_H

#include <stdbool.h>
#include <string.h>

enum { STB_MAX_FILE = 1 << 20, STB_MAX_FILE_PATH = 200 };	/* bytes */

/* Below the session's folder: no way out of it, and no names that are hidden. */
static inline bool served_path_ok(const char *p)
{
	size_t n;

	if (strlen(p) > STB_MAX_FILE_PATH)
		return false;
	for (;;) {
		n = strcspn(p, "/");
		if (!n || *p == '.')
			return false;
		if (!p[n])
			return true;
		p += n + 1;
	}
}

#endif
