/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * examples.c - fuzzes the front of the compiler, text to typed AST, with what is
 * nearly a script: the scripts of systemtap-doc (where it is installed) and of
 * tests/lang, tests/parse, tests/typed, whose tokens are dropped, doubled,
 * swapped, replaced, put in from elsewhere and spliced with those of others.
 *
 * seconds: 60
 * links: compiler
 */
#include "compiler/parse.h"
#include "tests/fuzz/nofacts.h"

#include <ctype.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

enum { MAX_TOKENS = 20000, MAX_SCRIPTS = 1000, MAX_SIZE = 60000 };

static struct {
	char *text;
	size_t size;
} scripts[MAX_SCRIPTS];
static size_t nscripts;

/* --- the target ---------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *args[] = { "begin", "timer.s(1)", "\"x\"", "4" }, kernel;
	struct options opt = { .args = args, .nargs = 4, .guru = true,
		.share_dir = size % 8 ? NULL : "." };	/* slow to read */
	struct job j = { .opt = &opt, .target = (struct target *)&kernel };
	struct source src = { .name = "fuzz.stp", .size = size };
	static FILE *null;

	if (!null)
		null = fopen("/dev/null", "w");
	j.messages = null;
	j.script = NEW(&j.mem, struct script);
	src.text = arena_strndup(&j.mem, (const char *)data, size);
	if (parse_source(&j, &src, j.script)) {
		dump_ast(&j, null, false);
		if (pull_library(&j) && check_types(&j)) {
			dump_ast(&j, null, true);
			refuse_guru(&j);
		}
	}
	arena_free(&j.mem);
	return 0;
}

/* --- tokens, roughly ------------------------------------------------------------ */

struct bit {
	const char *s;
	size_t n;
};
struct bits {
	size_t n;
	struct bit v[MAX_TOKENS];
};

static bool is_word(int c)
{
	return isalnum(c) || c == '_' || c == '$' || c == '@';
}

/* What stands at s belongs together: a word, a string, blanks, an operator. */
static size_t bit_size(const char *s, size_t left)
{
	static const char *const ops[] = {
		">>>=", "<<<", ">>>", "<<=", ">>=", "%(", "%)", "%?", "%:",
		"%{", "%}", "<<", ">>", "->", "++", "--", "&&", "||", "==",
		"!=", "<=", ">=", "=~", "!~", "+=", "-=", "*=", "/=", "%=",
		".=",
	};
	size_t n = 1, i;

	if (is_word((unsigned char)*s)) {
		while (n < left && is_word((unsigned char)s[n]))
			n++;
		return n;
	}
	if (*s == '"') {
		while (n < left && s[n] != '"' && s[n] != '\n')
			n += s[n] == '\\' && n + 1 < left ? 2 : 1;
		return n < left ? n + 1 : left;
	}
	if (isspace((unsigned char)*s)) {
		while (n < left && isspace((unsigned char)s[n]))
			n++;
		return n;
	}
	for (i = 0; i < COUNT_OF(ops); i++)
		if (strlen(ops[i]) <= left &&
		    !memcmp(ops[i], s, strlen(ops[i])))
			return strlen(ops[i]);
	return n;
}

static void cut(const char *s, size_t size, struct bits *out)
{
	size_t at, n;

	out->n = 0;
	for (at = 0; at < size && out->n < MAX_TOKENS; at += n) {
		n = bit_size(s + at, size - at);
		out->v[out->n++] = (struct bit){ s + at, n };
	}
}

/* --- mutations ------------------------------------------------------------------ */

static uint32_t next(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static size_t below(uint32_t *seed, size_t n)
{
	return n ? next(seed) % n : 0;
}

/* Takes out `drop` pieces at `at` and puts in n of v. */
static void replace(struct bits *p, size_t at, size_t drop,
		    const struct bit *v, size_t n)
{
	struct bit put[64];

	n = n < COUNT_OF(put) ? n : COUNT_OF(put);
	if (at + drop > p->n)
		drop = p->n - at;
	if (p->n - drop + n > MAX_TOKENS)
		return;
	if (n)				/* v may lie in p */
		memcpy(put, v, n * sizeof(*v));
	memmove(&p->v[at + n], &p->v[at + drop],
		(p->n - at - drop) * sizeof(*v));
	memcpy(&p->v[at], put, n * sizeof(*v));
	p->n += n - drop;
}

static const struct bit *spice(uint32_t *seed)
{
	static const char *const words[] = {
		"(", ")", "{", "}", "[", "]", ",", ";", "*", "-", "%(", "%)",
		"%?", "%:", "\"", "\"%d %s\"", "0", "-9223372036854775808",
		"@entry(", "@defined(", "@cast(", "@var(\"x\")", "$x", "$$vars",
		"@count(", "@hist_log(", "@define m(a) %(", "@m(", "$1", "@1",
		"global", "probe", "function", "foreach", "in", "limit", "next",
		"return", "delete", "try", "catch", "private", "<<<", "?", ":",
		"!", "=", "+=", "if", "string", "long", "->", "&", "begin",
		"sprint", "printf(", "probe a = a, b.c", "probe b.c = a {}",
	};
	static struct bit p;

	p.s = words[below(seed, COUNT_OF(words))];
	p.n = strlen(p.s);
	return &p;
}

static void mutate_once(struct bits *p, struct bits *other, uint32_t *seed)
{
	size_t at = below(seed, p->n), n = 1 + below(seed, 8);
	size_t from = below(seed, p->n), theirs = below(seed, other->n);
	struct bit swap;

	if (!p->n || !other->n)
		return;
	if (n > p->n - from)
		n = p->n - from;
	switch (below(seed, 8)) {
	case 0:		/* without some */
		replace(p, at, n, NULL, 0);
		break;
	case 1:		/* some twice */
		replace(p, at, 0, &p->v[from], n);
		break;
	case 2:
		swap = p->v[at];
		p->v[at] = p->v[from];
		p->v[from] = swap;
		break;
	case 3:		/* one of its own for another */
		replace(p, at, 1, &p->v[from], 1);
		break;
	case 4:
		replace(p, at, below(seed, 2), spice(seed), 1);
		break;
	case 5:		/* one of another script */
		replace(p, at, 1, &other->v[theirs], 1);
		break;
	case 6:		/* some of another script */
		n = below(seed, 64);
		if (n > other->n - theirs)
			n = other->n - theirs;
		replace(p, at, below(seed, 2) * n, &other->v[theirs], n);
		break;
	case 7:		/* another's end */
		n = other->n - theirs;
		if (n > MAX_TOKENS - at)
			n = MAX_TOKENS - at;
		memcpy(&p->v[at], &other->v[theirs], n * sizeof(p->v[0]));
		p->n = at + n;
		break;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned seed)
{
	static struct bits p, other;
	static char text[MAX_SIZE];
	uint32_t random = seed ? seed : 1;
	size_t i, n = 0, rounds, which;

	if (below(&random, 20) == 0 || !nscripts)
		return LLVMFuzzerMutate(data, size, max);
	which = below(&random, nscripts);
	cut(scripts[which].text, scripts[which].size, &other);
	cut((char *)data, size, &p);
	for (rounds = 1 + below(&random, 6); rounds; rounds--)
		mutate_once(&p, &other, &random);
	for (i = 0; i < p.n; i++) {
		if (n + p.v[i].n > max || n + p.v[i].n > sizeof(text))
			break;
		memcpy(text + n, p.v[i].s, p.v[i].n);
		n += p.v[i].n;
	}
	memcpy(data, text, n);
	return n;
}

/* --- the scripts to begin with ---------------------------------------------------- */

static void add_scripts(const char *pattern, struct arena *mem)
{
	glob_t found;
	size_t i, size;
	char *text;

	if (glob(pattern, 0, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc && nscripts < MAX_SCRIPTS; i++) {
		text = read_file(mem, found.gl_pathv[i], &size);
		if (!text || size > MAX_SIZE)
			continue;
		scripts[nscripts].text = text;
		scripts[nscripts++].size = size;
	}
	globfree(&found);
}

/* Into the corpus: the folder among the arguments. */
static void write_seeds(const char *folder)
{
	char path[4096];
	size_t i;

	for (i = 0; i < nscripts; i++) {
		snprintf(path, sizeof(path), "%s/seed-%zu", folder, i);
		if (!write_file(path, scripts[i].text, scripts[i].size))
			return;
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct arena mem;
	struct stat st;
	int i;

	add_scripts("tests/lang/*.stp", &mem);
	add_scripts("tests/parse/*.stp", &mem);
	add_scripts("tests/typed/*.stp", &mem);
	add_scripts("/usr/share/systemtap/examples/*/*.stp", &mem);
	for (i = 1; i < *argc; i++)
		if (!stat((*argv)[i], &st) && S_ISDIR(st.st_mode)) {
			write_seeds((*argv)[i]);
			break;
		}
	return 0;
}
