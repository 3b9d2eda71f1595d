/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * files.h - -o FILE: names that hold the time, and a next file when one is
 * full (-S SIZE[,N]) or when it is asked for (SIGUSR2, --rotate).
 */
#ifndef LOADER_FILES_H
#define LOADER_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct files {
	const char *pattern;	/* strftime's; NULL: there are no files */
	uint64_t max;		/* bytes that make one full, 0: none ever is */
	unsigned keep;		/* so many stay, 0: all */
	unsigned number;	/* of the next one */
	uint64_t written;	/* bytes in this one */
	char **names;		/* the last `keep`, by number */
};

/* Opens the first file: its descriptor. Dies with EXIT_OUTPUT. */
int files_open(struct files *f);
/*
 * Opens the next one in place of fd, and removes the one that is too many.
 * false and errno: it could not be opened, and fd is as it was.
 */
bool files_next(struct files *f, int fd);

#endif
