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
	uint64_t written;	/* bytes in this one, had it taken all */
	uint64_t size, lines;	/* bytes in it, and of its whole lines */
	bool told;		/* that there is no next one */
	char **names;		/* the last `keep`, by number */
	char next[4096];	/* name of the one that was just created */
};

/* Opens the first file, with what is in it: its descriptor. Dies with EXIT_OUTPUT. */
int files_open(struct files *f);
/* The same for one of -b's, whose names end in _NUMBER. */
int files_open_part(const struct files *f, unsigned number);
/* The next one; -1 and errno: it could not be opened. */
int files_create(struct files *f);
/* That one in place of fd; removes the one that is too many. false and errno:
   fd is as it was. */
bool files_turn(struct files *f, int next, int fd);

#endif
