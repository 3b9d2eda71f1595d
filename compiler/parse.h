/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parse.h - one source to AST. parse_script() of stap.h is this for the user's
 * script; library.c also asks it for tapsets.
 */
#ifndef STB_PARSE_H
#define STB_PARSE_H

#include "stap.h"

/*
 * Adds what src declares to the ends of out's lists. Complains of all the
 * mistakes it can find; after false the AST must not be walked.
 */
bool parse_source(struct job *j, const struct source *src, struct script *out);

#endif
