/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundler/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_LINE = 512, MIN_DIGITS = 16, MAX_NUMBER = 9 };

struct recall {
	const struct host_bundle *b;
	struct host_check *c;
	unsigned line, rules;
};

#define FIND(r, ...) snprintf((r)->c->found, sizeof((r)->c->found), __VA_ARGS__)

static char *next_word(char **p)
{
	char *s = *p + strspn(*p, " \t\r");
	size_t n = strcspn(s, " \t\r");

	*p = s + n;
	if (**p)
		*(*p)++ = 0;
	return s;
}

static bool refused(struct recall *r)
{
	r->c->result = CHECK_NO;
	r->c->code = HOST_RECALLED;
	snprintf(r->c->todo, sizeof(r->c->todo), "take a newer one");
	return false;
}

static bool no_rule(struct recall *r)
{
	r->c->result = CHECK_NO;
	r->c->code = HOST_SETTINGS;
	snprintf(r->c->wanted, sizeof(r->c->wanted), "\"id DIGITS\" or \"script "
		 "NAME generation N\" on each line of " HOST_RECALLED_FILE);
	FIND(r, "neither on line %u", r->line);
	snprintf(r->c->todo, sizeof(r->c->todo), "mend that line: nothing runs "
		 "until then");
	return false;
}

static bool apply_id(struct recall *r, const char *digits)
{
	char id[2 * STB_DIGEST_SIZE + 1];
	size_t n = strlen(digits);

	if (n < MIN_DIGITS || n >= sizeof(id) ||
	    digits[strspn(digits, "0123456789abcdefABCDEF")])
		return no_rule(r);
	for (unsigned i = 0; i < STB_DIGEST_SIZE; i++)
		snprintf(id + 2 * i, 3, "%02x", r->b->id[i]);
	if (strncasecmp(id, digits, n))
		return true;
	FIND(r, "its id, %s, on line %u", id, r->line);
	return refused(r);
}

static bool apply_generation(struct recall *r, const char *script,
			     const char *word, const char *wanted)
{
	uint32_t n, stride, have = stb_generation(r->b->index);
	const uint8_t *t = stb_table(r->b->index, STB_T_BUNDLE,
				     STB_BUNDLE_FIRST, &n, &stride);
	unsigned long least = strtoul(wanted, NULL, 10);

	if (strcmp(word, "generation") || !*wanted ||
	    strlen(wanted) > MAX_NUMBER ||
	    wanted[strspn(wanted, "0123456789")])
		return no_rule(r);
	if (!n || have >= least ||
	    strcmp(script, stb_string(r->b->index,
			STB_ROW(struct stb_bundle, t, stride, 0)->script)))
		return true;
	FIND(r, "generation %u of %s, where line %u wants %lu at least", have,
	     script, r->line, least);
	return refused(r);
}

static bool apply_line(struct recall *r, char *line)
{
	char *word, *name, *key = "", *number = "";

	line[strcspn(line, "#")] = 0;
	word = next_word(&line);
	name = next_word(&line);
	if (!*word)
		return true;
	r->rules++;
	if (!strcmp(word, "script")) {
		key = next_word(&line);
		number = next_word(&line);
	} else if (strcmp(word, "id")) {
		return no_rule(r);
	}
	if (*next_word(&line))		/* what more is said is not known */
		return no_rule(r);
	return *word == 'i' ? apply_id(r, name) :
	       apply_generation(r, name, key, number);
}

bool host_recalled(const char *rules, const struct host_bundle *b,
		   struct host_check *c)
{
	struct recall r = { .b = b, .c = c };
	char line[MAX_LINE];
	size_t n;

	memset(c, 0, sizeof(*c));
	snprintf(c->name, sizeof(c->name), "recall");
	snprintf(c->wanted, sizeof(c->wanted), "no rule of " HOST_RECALLED_FILE
		 " against it");
	for (; *rules; rules += n + (rules[n] == '\n')) {
		n = strcspn(rules, "\n");
		r.line++;
		if (n >= sizeof(line))
			return !no_rule(&r);
		memcpy(line, rules, n);
		line[n] = 0;
		if (!apply_line(&r, line))
			return true;
	}
	FIND(&r, "none among %u", r.rules);
	return false;
}
