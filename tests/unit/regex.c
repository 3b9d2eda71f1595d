/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Regular expressions against the C library's, on tables and at random: is
 * there a match, and where. Groups are compared where POSIX and the rule
 * here (the first way that the expression prefers) are one, and with a table.
 *
 * links: compiler
 */
#include "compiler/regex.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

static int failed, compared;
static unsigned seed = 1;

static unsigned rnd(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

/* --- against the library ----------------------------------------------------- */

enum { GROUPS = 10 };

static void report(const char *re, const char *s, const int *got,
		   const regmatch_t *want, unsigned n)
{
	unsigned i;

	printf("\"%s\" on \"%s\":", re, s);
	for (i = 0; i < n; i++)
		printf(" (%d,%d) wanted (%d,%d)", got[2 * i], got[2 * i + 1],
		       (int)want[i].rm_so, (int)want[i].rm_eo);
	printf("\n");
	failed = 1;
}

struct both {
	struct arena mem;
	struct regex *plain, *tagged;
	regex_t libc;
};

/* false: nothing to compare. */
static bool make(struct both *b, const char *re)
{
	bool known = !regcomp(&b->libc, re, REG_EXTENDED);
	const char *why = NULL, *why_tagged = NULL;
	size_t at;

	b->plain = regex_make(&b->mem, re, strlen(re), false, &why, &at);
	b->tagged = regex_make(&b->mem, re, strlen(re), true, &why_tagged,
			       &at);
	compared += known && b->plain && b->tagged;
	if (!known == !b->plain && !b->plain == !b->tagged && known)
		return true;
	if (known && strncmp(why_tagged, "it", 2) &&	/* is too large */
	    !strstr(why_tagged, "too many groups")) {
		printf("\"%s\" refused: %s\n", re, why ? why : why_tagged);
		failed = 1;
	} else if (!known && (b->plain || b->tagged)) {
		printf("\"%s\" taken, the library refuses it\n", re);
		failed = 1;
	}
	if (known)
		regfree(&b->libc);
	return false;
}

static void compare(struct both *b, const char *s, unsigned ngroups)
{
	int tags[2 * REGEX_MAX_GROUPS];
	regmatch_t want[GROUPS];
	bool found = !regexec(&b->libc, s, GROUPS, want, 0);
	unsigned i;

	if (regex_match(b->plain, s, strlen(s), NULL) != found) {
		printf("\"%s\" on \"%s\": wanted %d\n", b->plain->text, s,
		       found);
		failed = 1;
	}
	if (regex_match(b->tagged, s, strlen(s), tags) != found) {
		printf("\"%s\" on \"%s\": tagged: wanted %d\n",
		       b->plain->text, s, found);
		failed = 1;
		return;
	}
	for (i = 0; found && i < ngroups; i++) {
		if (tags[2 * i] == want[i].rm_so &&
		    tags[2 * i + 1] == want[i].rm_eo)
			continue;
		report(b->plain->text, s, tags, want, ngroups);
		break;
	}
}

static void finish(struct both *b)
{
	regfree(&b->libc);
	arena_free(&b->mem);
}

static void random_text(char *s, unsigned max)
{
	unsigned n = rnd(max), i;

	for (i = 0; i < n; i++)
		s[i] = "abcd0 "[rnd(rnd(4) ? 3 : 6)];
	s[n] = 0;
}

/* --- patterns at random --------------------------------------------------------- */

struct writer {
	char s[400];
	size_t n;
};

static void out(struct writer *w, const char *s)
{
	size_t n = strlen(s);

	if (w->n + n < sizeof(w->s)) {
		memcpy(w->s + w->n, s, n + 1);
		w->n += n;
	}
}

static void write_atom(struct writer *w)
{
	static const char *const atoms[] = {
		"a", "b", "c", "ab", "a", "b", ".", "[ab]", "[^a]", "[a-c]",
		"[[:alpha:]]", "[[:digit:][:space:]]", "[]a-]", "\\.", "d",
	};

	out(w, atoms[rnd(sizeof(atoms) / sizeof(*atoms))]);
}

static void write_repeat(struct writer *w)
{
	static const char *const repeats[] = {
		"*", "+", "?", "{2}", "{1,2}", "{0,3}", "{2,}", "{0}",
	};

	if (!rnd(3))
		out(w, repeats[rnd(sizeof(repeats) / sizeof(*repeats))]);
}

enum { DEPTH = 3 };

static void write_choice(struct writer *w, int depth)
{
	unsigned choices = rnd(3) ? 1 : 2 + rnd(2), parts, i, k;

	for (i = 0; i < choices; i++) {
		out(w, i ? "|" : "");
		parts = 1 + rnd(3);
		for (k = 0; k < parts; k++) {
			if (depth == DEPTH && !rnd(14))	/* glibc does not */
				out(w, rnd(2) ? "^" : "$"); /* repeat them */
			if (depth && !rnd(3)) {
				out(w, "(");
				write_choice(w, depth - 1);
				out(w, ")");
			} else {
				write_atom(w);
			}
			write_repeat(w);
		}
	}
}

static void at_random(int rounds)
{
	struct writer w;
	struct both b;
	char s[24];
	int i;

	while (rounds--) {
		w.n = 0;
		write_choice(&w, DEPTH);
		b = (struct both){ 0 };
		if (!make(&b, w.s)) {
			arena_free(&b.mem);
			continue;
		}
		for (i = 0; i < 20; i++) {
			random_text(s, sizeof(s));
			compare(&b, s, 1);
		}
		finish(&b);
	}
}

/* Groups in a row, without choices: both rules say the longest first. */
static void groups_at_random(int rounds)
{
	static const char *const parts[] = {
		"(a*)", "(b+)", "([ab]*)", "(.?)", "(c)", "(a{1,3})", "b", ".*",
		"([^b]+)", "(ab)?", "a?", "(b)*", "((a)b)", "([a-c]{2,})",
	};
	struct writer w;
	struct both b;
	char s[24];
	int i, n;

	while (rounds--) {
		w.n = 0;
		for (n = 1 + (int)rnd(5); n; n--)
			out(&w, parts[rnd(sizeof(parts) / sizeof(*parts))]);
		b = (struct both){ 0 };
		if (!make(&b, w.s)) {
			arena_free(&b.mem);
			continue;
		}
		for (i = 0; i < 20; i++) {
			random_text(s, sizeof(s));
			compare(&b, s, b.tagged->ngroups);
		}
		finish(&b);
	}
}

/* --- tables ------------------------------------------------------------------------ */

static void fixed(void)
{
	static const struct { const char *re, *s; } v[] = {
		{ "", "" }, { "", "abc" }, { "^$", "" }, { "^$", "a" },
		{ "a", "ba" }, { "^a", "ba" }, { "a$", "aab" }, { "a$", "ba" },
		{ "a|bcd", "abcd" }, { "bcd|c", "abcd" }, { "(a|ab)(c|bcd)", "abcd" },
		{ "x*", "aaa" }, { "(a*)*", "b" }, { "(a*)+", "baa" },
		{ "(^a|b)c", "bac bc" }, { "(a$|b)", "aa" }, { "[]]", "]" },
		{ "[^]]", "]a" }, { "[a\\]", "\\" }, { "\\[x\\]", "a[x]" },
		{ "a\\|b", "a|b" }, { "(a)(b)?", "a" }, { "()", "x" },
		{ "(|a)b", "ab" }, { "a||b", "b" }, { "[[:upper:]]{3}", "abCDEf" },
		{ "[[:punct:]]+$", "a.b.,!" }, { "[[:xdigit:]]+", "xyz09afg" },
		{ "^([^:]*):([^:]*):", "root:x:0:0" }, { "a{3}", "aaaa" },
		{ "a{2,3}", "aaaa" }, { "(ab){1,2}", "abababab" }, { "a.c", "a\nc" },
		{ "[+-]?[0-9]+", "x = -42;" }, { "(.*)/([^/]*)$", "/usr/bin/env" },
		{ "sys_(open|openat)$", "sys_openat" }, { "^/(proc|sys)/", "/sys/x" },
		{ "\xc3\xa4+", "b\xc3\xa4" }, { "[^a]b", "\xff" "b" },
	};
	struct both b;
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(*v); i++) {
		b = (struct both){ 0 };
		if (make(&b, v[i].re)) {
			compare(&b, v[i].s, 1);
			finish(&b);
		} else {
			printf("\"%s\" was not compared\n", v[i].re);
			failed = 1;
		}
	}
}

static void groups(void)
{
	static const struct { const char *re, *s; int tags[8]; } v[] = {
		{ "str(ing)", "an example string", { 11, 17, 14, 17 } },
		{ "a|(b)", "a", { 0, 1, -1, -1 } },
		{ "(a|ab)(c|bcd)(d*)", "abcd", { 0, 4, 0, 1, 1, 4, 4, 4 } },
		{ "(a(b)?)+", "aba", { 0, 3, 2, 3, 1, 2 } },
		{ "(ab|c)*", "abcab", { 0, 5, 3, 5 } },
		{ "(b*)$", "abb", { 1, 3, 1, 3 } },
		{ "(^|x)(a)", "bxa", { 1, 3, 1, 2, 2, 3 } },
		{ "(a*)(a*)", "aaa", { 0, 3, 0, 3, 3, 3 } },
	};
	int tags[2 * REGEX_MAX_GROUPS];
	struct arena mem = { 0 };
	struct regex *re;
	const char *why;
	size_t i, at;

	for (i = 0; i < sizeof(v) / sizeof(*v); i++) {
		re = regex_make(&mem, v[i].re, strlen(v[i].re), true, &why,
				&at);
		if (re && regex_match(re, v[i].s, strlen(v[i].s), tags) &&
		    !memcmp(tags, v[i].tags, 2 * re->ngroups * sizeof(int)))
			continue;
		printf("groups of \"%s\" on \"%s\"\n", v[i].re, v[i].s);
		failed = 1;
	}
	arena_free(&mem);
}

static void refused(void)
{
	static const struct { const char *re; size_t at; const char *why; } v[] = {
		{ "*a", 0, "nothing to repeat" },
		{ "a|+", 2, "nothing to repeat" },
		{ "ab(c", 2, "this ( has no )" },
		{ "ab)c", 2, "this ) has no (" },
		{ "x[a-", 1, "this [ has no ]" },
		{ "[[:foo:]]", 1, "no character class of that name" },
		{ "[z-a]", 1, "this range ends before it begins" },
		{ "a{3,2}", 1, "at least more often than at most" },
		{ "a{", 1, "how often? a number is missing" },
		{ "a{2", 1, "this { has no }" },
		{ "a{999}", 4, "repeated too often (255 at most)" },
		{ "(a)\\1", 3, "back-references are not known here" },
		{ "a\\", 1, "nothing behind the backslash" },
		{ "\\d", 0, "no escape of that name" },
		{ "[[.a.]]", 1, "collating symbols are not known here" },
		{ "(a{200}){200}", 0, "it is too long" },
		{ "((((((){255}){255}){255}){255}){255}){255}", 0,
		  "it is too long" },
		{ "(a|b)*a(a|b){20}", 0,
		  "its table would have more than 60000 entries" },
	};
	struct arena mem = { 0 };
	const char *why;
	size_t i, at;

	for (i = 0; i < sizeof(v) / sizeof(*v); i++) {
		if (!regex_make(&mem, v[i].re, strlen(v[i].re), false, &why,
				&at) &&
		    at == v[i].at && !strcmp(why, v[i].why))
			continue;
		printf("\"%s\" not refused as it should: %s at %zu\n", v[i].re,
		       why ? why : "taken", at);
		failed = 1;
	}
	arena_free(&mem);
}

/* Whatever bytes: no crash, and what is taken can be stepped. */
static void noise(int rounds)
{
	static const char bytes[] = "ab()[]{}|*+?^$.\\:,-12=";
	char re[20], s[24];
	struct arena mem;
	struct regex *r;
	const char *why;
	size_t at, n, i;

	while (rounds--) {
		n = rnd(sizeof(re));
		for (i = 0; i < n; i++)
			re[i] = bytes[rnd(sizeof(bytes) - 1)];
		mem = (struct arena){ 0 };
		r = regex_make(&mem, re, n, rnd(2), &why, &at);
		random_text(s, sizeof(s));
		if (r)
			regex_match(r, s, strlen(s), NULL);
		else if (at > n)
			failed = 1;
		arena_free(&mem);
	}
}

int main(void)
{
	fixed();
	groups();
	refused();
	at_random(700);
	groups_at_random(200);
	noise(3000);
	if (compared < 800) {
		printf("%d expressions compared\n", compared);
		failed = 1;
	}
	return failed;
}
