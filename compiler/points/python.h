/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STB_POINTS_PYTHON_H
#define STB_POINTS_PYTHON_H

#include "family.h"

enum { PYTHON_FACTS_MOST = 64 };	/* and the frame */

/* Adds what tapsets/python.stp asks of the interpreter b to g, which has room for
   PYTHON_FACTS_MOST more. Nothing where its debuginfo lacks one of them. */
void python_facts(struct job *j, struct binary *b, struct given *g);

#endif
