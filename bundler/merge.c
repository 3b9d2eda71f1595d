/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * merge.c - stb merge: the files of stap-load -b, a frame a message
 * (loader/bulk.h), or of SystemTap's bulk mode, as one, in the order of their
 * numbers. Numbers are of 32 bits and go round.
 */
#include "bundler/bundle.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

struct part {
	const char *file;
	const char *at, *end;
	uint32_t number, size;	/* of the next frame */
	bool has_one;
};

/* Reads the head of the next frame; false: it is not whole, and said so. */
static bool next_frame(struct part *p)
{
	uint32_t head[2];

	p->has_one = false;
	if (p->at == p->end)
		return true;
	if (p->end - p->at < (ptrdiff_t)sizeof(head))
		return wrong(p->file, 0, "cut off in the middle of a frame");
	memcpy(head, p->at, sizeof(head));
	p->at += sizeof(head);
	if (head[1] > (size_t)(p->end - p->at))
		return wrong(p->file, 0, "cut off in frame %u, or no file of "
			     "stap-load -b", head[0]);
	p->number = head[0];
	p->size = head[1];
	p->has_one = true;
	return true;
}

static bool is_before(const struct part *a, const struct part *b)
{
	return (int32_t)(a->number - b->number) < 0;
}

static struct part *first(struct part *parts, int n)
{
	struct part *best = NULL;

	for (int i = 0; i < n; i++)
		if (parts[i].has_one && (!best || is_before(&parts[i], best)))
			best = &parts[i];
	return best;
}

/* All that is whole is written, even if another file is cut off. */
static bool merge(struct part *parts, int n, FILE *out)
{
	struct part *p;
	bool ok = true;

	for (int i = 0; i < n; i++)
		ok &= next_frame(&parts[i]);
	while ((p = first(parts, n))) {
		fwrite(p->at, 1, p->size, out);
		p->at += p->size;
		ok &= next_frame(p);
	}
	return ok;
}

/* NULL: one cannot be read, and said so. */
static struct part *read_parts(struct arena *mem, char **files, int n)
{
	struct part *parts = NEW_ARRAY(mem, struct part, (size_t)n);

	for (int i = 0; i < n; i++) {
		size_t size;

		parts[i].file = files[i];
		parts[i].at = read_file(mem, files[i], &size);
		if (!parts[i].at) {
			wrong(files[i], 0, "%s", strerror(errno));
			return NULL;
		}
		parts[i].end = parts[i].at + size;
	}
	return parts;
}

/* What is there already stays until all is read that goes into it. */
static int merge_files(struct arena *mem, const char *name, char **files, int n)
{
	struct part *parts = read_parts(mem, files, n);
	FILE *out = stdout;
	int status;

	if (!parts)
		return EXIT_NO_INPUT;
	if (name)
		out = fopen(name, "w");
	if (!out) {
		wrong(name, 0, "%s", strerror(errno));
		return EXIT_CANT_WRITE;
	}
	status = merge(parts, n, out) ? 0 : EXIT_DATA;
	if (name && (ferror(out) | fclose(out))) {
		wrong(name, 0, "%s", strerror(errno));
		status = EXIT_CANT_WRITE;
	}
	return status;
}

int verb_merge(int argc, char **argv)
{
	struct arena mem = { 0 };
	const char *name = NULL;
	int c, status;

	while ((c = getopt(argc, argv, "o:")) == 'o')
		name = optarg;
	if (c != -1 || optind == argc) {
		fprintf(stderr, "usage: %s merge [-o OUT] FILE_0 FILE_1...\n",
			argv0);
		return EXIT_USAGE;
	}
	for (int i = optind; name && i < argc; i++) {
		if (!same_file(name, argv[i]))
			continue;
		fprintf(stderr, "%s: -o: %s is one of the files to merge\n",
			argv0, name);
		return EXIT_USAGE;
	}
	status = merge_files(&mem, name, argv + optind, argc - optind);
	arena_free(&mem);
	return status;
}
