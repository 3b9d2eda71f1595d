/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bulk.h - -b: a file for each processor, FILE_0, FILE_1... Each message is one
 * frame, in the file of the processor that it came from; the loader's own are in
 * FILE_0. Frames of all files have numbers from 1, so that they can be merged:
 * stb merge does it, and so does SystemTap's stap-merge, whose format this is.
 *
 *	+------------+----------+----------------+
 *	| u32 number | u32 size | size bytes     |
 *	+------------+----------+----------------+
 */
#ifndef LOADER_BULK_H
#define LOADER_BULK_H

#include "loader/format.h"

struct bulk;
/* Opens the files, with what is in them; dies with EXIT_OUTPUT. */
struct bulk *bulk_open(const char *pattern, unsigned ncpus);
/* Empties them; false and errno. */
bool bulk_start(const struct bulk *b);
/* What a message or a line is put into, and then it is over: a frame. */
struct sink *bulk_line(struct bulk *b);
void bulk_end(struct output *o, const char *text, size_t n);
/* bulk_end of bulk_line. */
void bulk_line_end(struct output *o);
void bulk_flush(struct output *o);

#endif
