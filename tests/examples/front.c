/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * front.c - how far scripts come without facts about a kernel: parsed, names
 * known, types known. In: lines of NAME, FILE and script arguments, split by
 * tabs; "-g", "-G..." and "-I..." in front of FILE are options. Out: a line per script,
 * "NAME parses types REASON" with y or n; last, to stderr, how long parsing all
 * of them took.
 *
 * links: compiler
 */
#include "compiler/parse.h"
#include "tests/fuzz/nofacts.h"

#include <stdlib.h>
#include <time.h>

struct result {
	bool parses, types;
	char *why;		/* what was said first, or NULL */
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The first message that is no warning: without the places in it. */
static char *first_line(const char *said)
{
	const char *p = strstr(said, " error: ");
	size_t n;
	char *s;

	if (!p)
		return NULL;
	p += strlen(" error: ");
	n = strcspn(p, "\n");
	s = strndup(p, n);
	if (strstr(s, " at "))
		*strstr(s, " at ") = 0;
	return s;
}

static struct result try_script(struct options *opt, double *parsing)
{
	char kernel;		/* asked in nofacts.h only */
	struct job j = { .opt = opt, .target = (struct target *)&kernel };
	struct result r = { 0 };
	char *said = NULL;
	size_t size;
	double start;

	j.messages = open_memstream(&said, &size);
	start = now_ms();
	r.parses = parse_script(&j);
	*parsing += now_ms() - start;
	r.types = r.parses && pull_library(&j) && check_types(&j);
	fclose(j.messages);
	if (!r.types)
		r.why = first_line(said);
	free(said);
	arena_free(&j.mem);
	return r;
}

int main(void)
{
	char *line = NULL, *words[64], *save;
	double parsing = 0;
	size_t cap = 0, n;

	while (getline(&line, &cap, stdin) > 0) {
		struct options opt = { .share_dir = ".", .no_warnings = true };
		struct arena mem = { 0 };
		struct result r;
		size_t first = 1;

		line[strcspn(line, "\n")] = 0;
		n = 0;
		for (char *w = strtok_r(line, "\t", &save); w && n < 64;
		     w = strtok_r(NULL, "\t", &save))
			words[n++] = w;
		for (; first < n && words[first][0] == '-'; first++) {
			if (words[first][1] == 'G')
				vec_push(&mem, &opt.globals, words[first] + 2);
			if (words[first][1] == 'I')
				vec_push(&mem, &opt.tapset_dirs,
					 words[first] + 2);
			opt.guru |= words[first][1] == 'g';
		}
		if (first >= n)
			return 64;
		opt.script_name = words[first];
		opt.args = words + first + 1;
		opt.nargs = (int)(n - first - 1);
		r = try_script(&opt, &parsing);
		printf("%s %c %c %s\n", words[0], r.parses ? 'y' : 'n',
		       r.types ? 'y' : 'n', r.why ? r.why : "");
		free(r.why);
		arena_free(&mem);
	}
	free(line);
	fprintf(stderr, "parsing took %.0f ms\n", parsing);
	return 0;
}
