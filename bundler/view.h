/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * view.h - what a session told (docs/output.md), in one of the forms that
 * stap-load --format has, on stdout.
 */
#ifndef STB_VIEW_H
#define STB_VIEW_H

#include "bundler/fold.h"

#include <jansson.h>

enum view_form { VIEW_TEXT, VIEW_NDJSON, VIEW_FOLDED, VIEW_CHROME };

struct view {
	enum view_form form;
	json_int_t pid;		/* of the loader, once it is known */
	struct fold fold;
};

/* By name; false: there is none of that name. */
bool view_form_of(const char *name, enum view_form *to);
void view_begin(struct view *v, enum view_form form);
/* A line of output, as docs/output.md has them. */
void view_event(struct view *v, json_t *event);
void view_end(struct view *v);

#endif
