/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fold.h - stacks in what a script prints, as tools for flame graphs take them:
 * "root;outer;inner COUNT", a line each. docs/output.md says what is a stack.
 * Nothing here allocates; text may be anything. Shared with the loader.
 */
#ifndef STB_FOLD_H
#define STB_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FOLD_LINE = 2048, FOLD_FRAMES = 512, FOLD_NAMES = 32768 };

struct fold {
	/* gets each folded line, with its newline */
	void (*put)(void *arg, const char *line, size_t n);
	void *arg;
	char line[FOLD_LINE];	/* what came of a line; the rest is cut */
	size_t n;
	char root[FOLD_LINE];
	size_t root_n;
	char names[FOLD_NAMES];	/* of frames, innermost first */
	size_t names_n;
	struct { uint32_t at, n; } frames[FOLD_FRAMES];
	uint32_t nframes;
	bool ended;		/* no more frames belong to it */
};

void fold_init(struct fold *f, void (*put)(void *arg, const char *, size_t),
	       void *arg);
void fold_text(struct fold *f, const char *text, size_t n);
/* A message is over: the next frame begins another stack. */
void fold_border(struct fold *f);
/* All is over: what is left. */
void fold_end(struct fold *f);

#endif
