/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * functions_in.h - what functions.c and callees.c share: one pattern looked up
 * in one binary.
 */
#ifndef STB_FUNCTIONS_IN_H
#define STB_FUNCTIONS_IN_H

#include "functions.h"

struct mark {
	struct row row;
	size_t rank;
};

struct find {			/* one pattern in one binary */
	struct job *j;
	const struct func_query *q;
	struct func_pattern p;
	struct func_list found;
	VEC(struct code) code;		/* of the functions found */
	VEC(struct mark) marks;		/* statements: rows asked for */
	size_t sites;
	const char *left;	/* the first place that cannot be probed */
	bool failed;
};

bool func_file_matches(struct job *j, const struct func_pattern *p,
		       const struct func *f);
/* A site at p; NULL: it cannot be probed, which is noted in f. */
struct site *func_site(struct find *f, struct place *p, const char *name);
/* What follows function(...) or callee(...) in the name of a site. */
const char *func_suffix(const struct func_query *q);

/* callees.c: sites of what the code found calls or has inlined. false:
   complained. */
bool callee_sites(struct find *f);

#endif
