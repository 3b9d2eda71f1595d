/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * regex.c - reads extended regular expressions, see regex.h. In: text. Out:
 * a tree, then a program for regex_dfa.c. Repetitions are unrolled; a group
 * that is repeated has the tags of its last turn.
 */
#include "regex_in.h"

#include <ctype.h>
#include <string.h>

enum node_kind { N_EMPTY, N_SET, N_LIST, N_CHOICE, N_REPEAT, N_GROUP, N_BEGIN,
		 N_END };

struct node {
	enum node_kind kind;
	struct node *next;	/* in a list, among choices */
	struct node *first;	/* what is below */
	const struct re_set *set;
	int min, max;		/* of a repetition; max -1: any number */
	unsigned group;
};

enum { MAX_DEPTH = 100, MAX_REPEAT = 255, MAX_WORK = 100000 };

struct reading {
	struct arena *mem;
	const char *start, *p, *end;
	const char *why;
	const char *why_at;
	unsigned groups;
	int depth;
};

static struct node *wrong(struct reading *r, const char *at, const char *why)
{
	if (!r->why) {
		r->why = why;
		r->why_at = at;
	}
	r->p = r->end;
	return NULL;
}

static struct node *new_node(struct reading *r, enum node_kind kind)
{
	struct node *n = NEW(r->mem, struct node);

	n->kind = kind;
	return n;
}

/* --- sets of bytes ----------------------------------------------------------- */

static void set_add(struct re_set *s, unsigned byte)
{
	s->bits[byte >> 3] |= (uint8_t)(1u << (byte & 7));
}

static struct node *one_byte(struct reading *r, unsigned char c)
{
	struct re_set *s = NEW(r->mem, struct re_set);
	struct node *n = new_node(r, N_SET);

	set_add(s, c);
	n->set = s;
	return n;
}

/* All but the NUL, which ends every text. */
static struct node *any_byte(struct reading *r)
{
	struct re_set *s = NEW(r->mem, struct re_set);
	struct node *n = new_node(r, N_SET);
	unsigned c;

	for (c = 1; c < 256; c++)
		set_add(s, c);
	n->set = s;
	return n;
}

static bool in_class(const char *name, size_t n, int c)
{
	static const struct {
		const char *name;
		int (*has)(int);
	} classes[] = {
		{ "alpha", isalpha }, { "digit", isdigit }, { "alnum", isalnum },
		{ "upper", isupper }, { "lower", islower }, { "space", isspace },
		{ "blank", isblank }, { "punct", ispunct }, { "print", isprint },
		{ "graph", isgraph }, { "cntrl", iscntrl },
		{ "xdigit", isxdigit },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(classes); i++)
		if (strlen(classes[i].name) == n &&
		    !memcmp(classes[i].name, name, n))
			return c < 0 || (c < 128 && classes[i].has(c));
	return false;
}

/* [:name:] at r->p; false: it is none. */
static bool read_class(struct reading *r, struct re_set *s)
{
	const char *name = r->p + 2, *q;
	int c;

	if (r->end - r->p < 4 || r->p[0] != '[' || r->p[1] != ':')
		return false;
	for (q = name; q + 1 < r->end && (q[0] != ':' || q[1] != ']'); q++)
		;
	if (q + 1 >= r->end) {
		wrong(r, r->p, "this [: has no end");
		return true;
	}
	if (!in_class(name, (size_t)(q - name), -1)) {
		wrong(r, r->p, "no character class of that name");
		return true;
	}
	for (c = 1; c < 256; c++)
		if (in_class(name, (size_t)(q - name), c))
			set_add(s, (unsigned)c);
	r->p = q + 2;
	return true;
}

static void read_range(struct reading *r, struct re_set *s)
{
	unsigned from = (unsigned char)*r->p, to = from;
	const char *at = r->p;

	if (*r->p == '[' && r->p + 1 < r->end &&
	    (r->p[1] == '.' || r->p[1] == '=')) {
		wrong(r, r->p, "collating symbols are not known here");
		return;
	}
	r->p++;
	if (r->end - r->p >= 2 && r->p[0] == '-' && r->p[1] != ']') {
		to = (unsigned char)r->p[1];
		r->p += 2;
		if (to == '[' && r->p < r->end && strchr(".=:", *r->p))
			wrong(r, at, "a range cannot end in a class");
	}
	if (to < from)
		wrong(r, at, "this range ends before it begins");
	for (; from <= to; from++)
		set_add(s, from);
}

/* Behind the '['. */
static struct node *read_bracket(struct reading *r)
{
	const char *open = r->p - 1;
	struct re_set *s = NEW(r->mem, struct re_set);
	struct node *n = new_node(r, N_SET);
	bool not = r->p < r->end && *r->p == '^';
	const char *first;
	size_t i;

	r->p += not;
	first = r->p;
	while (r->p < r->end && (*r->p != ']' || r->p == first))
		if (!read_class(r, s))
			read_range(r, s);
	if (r->why)
		return NULL;
	if (r->p >= r->end)
		return wrong(r, open, "this [ has no ]");
	r->p++;
	for (i = 0; not && i < sizeof(s->bits); i++)
		s->bits[i] = (uint8_t)~s->bits[i];
	s->bits[0] &= 0xfe;
	n->set = s;
	return n;
}

/* --- the grammar -------------------------------------------------------------- */

static struct node *read_choice(struct reading *r);

static struct node *read_group(struct reading *r)
{
	const char *open = r->p - 1;
	struct node *n = new_node(r, N_GROUP);

	n->group = ++r->groups;
	if (r->groups >= REGEX_MAX_GROUPS)
		return wrong(r, open, "too many groups (15 at most)");
	if (++r->depth > MAX_DEPTH)
		return wrong(r, open, "groups are nested too deep");
	n->first = read_choice(r);
	r->depth--;
	if (r->why)
		return NULL;
	if (r->p >= r->end)
		return wrong(r, open, "this ( has no )");
	r->p++;
	return n;
}

static struct node *read_escape(struct reading *r)
{
	const char *at = r->p - 1;

	if (r->p >= r->end)
		return wrong(r, at, "nothing behind the backslash");
	if (isdigit((unsigned char)*r->p))
		return wrong(r, at, "back-references are not known here");
	if (isalpha((unsigned char)*r->p))
		return wrong(r, at, "no escape of that name");
	return one_byte(r, (unsigned char)*r->p++);
}

static struct node *read_atom(struct reading *r)
{
	char c = *r->p++;

	switch (c) {
	case '(':
		return read_group(r);
	case '[':
		return read_bracket(r);
	case '.':
		return any_byte(r);
	case '^':
		return new_node(r, N_BEGIN);
	case '$':
		return new_node(r, N_END);
	case '\\':
		return read_escape(r);
	case '*': case '+': case '?': case '{':
		return wrong(r, r->p - 1, "nothing to repeat");
	}
	return one_byte(r, (unsigned char)c);
}

/* -1: no digits. */
static int read_count(struct reading *r)
{
	int n = -1;

	while (r->p < r->end && isdigit((unsigned char)*r->p)) {
		n = (n < 0 ? 0 : n) * 10 + *r->p++ - '0';
		if (n > MAX_REPEAT) {
			wrong(r, r->p - 1, "repeated too often (255 at most)");
			return 0;
		}
	}
	return n;
}

/* Behind the '{'. */
static bool read_bounds(struct reading *r, struct node *rep)
{
	const char *open = r->p - 1;

	rep->min = read_count(r);
	rep->max = rep->min;
	if (r->p < r->end && *r->p == ',') {
		r->p++;
		rep->max = read_count(r);
		if (rep->min < 0 && rep->max < 0)
			wrong(r, open, "how often? a number is missing");
		if (rep->min < 0)
			rep->min = 0;
	}
	if (!r->why && rep->min < 0)
		wrong(r, open, "how often? a number is missing");
	if (!r->why && (r->p >= r->end || *r->p != '}'))
		wrong(r, open, "this { has no }");
	if (!r->why && rep->max >= 0 && rep->max < rep->min)
		wrong(r, open, "at least more often than at most");
	r->p += !r->why;
	return !r->why;
}

static struct node *read_repeated(struct reading *r)
{
	struct node *n = read_atom(r), *rep;

	while (!r->why && r->p < r->end && strchr("*+?{", *r->p) && *r->p) {
		rep = new_node(r, N_REPEAT);
		rep->first = n;
		rep->max = *r->p == '?' ? 1 : -1;
		rep->min = *r->p == '+';
		if (*r->p++ == '{' && !read_bounds(r, rep))
			return NULL;
		n = rep;
		if (++r->depth > MAX_DEPTH)
			return wrong(r, r->p - 1, "repeated too deep");
	}
	return n;
}

static struct node *read_list(struct reading *r)
{
	struct node *list = new_node(r, N_LIST), **tail = &list->first;
	int depth = r->depth;

	while (!r->why && r->p < r->end && *r->p != '|' && *r->p != ')') {
		*tail = read_repeated(r);
		if (*tail)
			tail = &(*tail)->next;
		r->depth = depth;
	}
	return list;
}

static struct node *read_choice(struct reading *r)
{
	struct node *choice = new_node(r, N_CHOICE), **tail = &choice->first;

	*tail = read_list(r);
	while (!r->why && r->p < r->end && *r->p == '|') {
		r->p++;
		tail = &(*tail)->next;
		*tail = read_list(r);
	}
	return choice;
}

/* --- the program --------------------------------------------------------------- */

static int put(struct re_program *p, enum re_step step, int x)
{
	struct re_inst in = { .step = step, .x = x };

	if (p->v.n <= REGEX_MAX_PROGRAM)
		vec_push(p->mem, &p->v, in);
	return (int)p->v.n - 1;
}

static int here(const struct re_program *p)
{
	return (int)p->v.n;
}

static bool may_be_empty(const struct node *n)
{
	const struct node *k;

	switch (n->kind) {
	case N_SET:
		return false;
	case N_EMPTY: case N_BEGIN: case N_END:
		return true;
	case N_LIST:
		for (k = n->first; k; k = k->next)
			if (!may_be_empty(k))
				return false;
		return true;
	case N_CHOICE:
		for (k = n->first; k; k = k->next)
			if (may_be_empty(k))
				return true;
		return false;
	case N_REPEAT:
		return !n->min || may_be_empty(n->first);
	case N_GROUP:
		return may_be_empty(n->first);
	}
	bug("node %d", n->kind);
}

static void compile(struct re_program *p, const struct node *n);

/* x+, and x* as it is where no turn can be empty. */
static void compile_many(struct re_program *p, const struct node *n)
{
	int start = here(p), split;

	compile(p, n);
	split = put(p, RE_SPLIT, start);
	p->v.v[split].y = here(p);
}

static void compile_maybe(struct re_program *p, const struct node *n, bool many)
{
	int split = put(p, RE_SPLIT, here(p) + 1);

	/* an empty turn is a turn: (a*)* has its group set */
	if (many && may_be_empty(n)) {
		compile_many(p, n);
	} else {
		compile(p, n);
		if (many)
			put(p, RE_JUMP, split);
	}
	p->v.v[split].y = here(p);
}

static void compile_repeat(struct re_program *p, const struct node *n)
{
	int i, nsplits = 0;
	int *splits = NEW_ARRAY(p->mem, int, MAX_REPEAT + 1);

	for (i = 0; i < n->min - (n->max < 0) && !p->too_long; i++)
		compile(p, n->first);
	if (n->max < 0 && n->min) {
		compile_many(p, n->first);
		return;
	}
	if (n->max < 0) {
		compile_maybe(p, n->first, true);
		return;
	}
	for (i = n->min; i < n->max && !p->too_long; i++) {
		splits[nsplits++] = put(p, RE_SPLIT, here(p) + 1);
		compile(p, n->first);
	}
	while (nsplits--)
		p->v.v[splits[nsplits]].y = here(p);
}

static void compile_choice(struct re_program *p, const struct node *n)
{
	const struct node *k;
	int split, last = -1, jump;

	for (k = n->first; k->next; k = k->next) {
		split = put(p, RE_SPLIT, here(p) + 1);
		compile(p, k);
		last = jump = put(p, RE_JUMP, last);	/* a chain of ends */
		p->v.v[split].y = here(p);
	}
	compile(p, k);
	while (last >= 0 && !p->too_long && p->v.n <= REGEX_MAX_PROGRAM) {
		jump = p->v.v[last].x;
		p->v.v[last].x = here(p);
		last = jump;
	}
}

static void compile(struct re_program *p, const struct node *n)
{
	const struct node *k;
	int i;

	p->too_long |= p->v.n > REGEX_MAX_PROGRAM || ++p->work > MAX_WORK;
	if (p->too_long)
		return;
	switch (n->kind) {
	case N_EMPTY:
		return;
	case N_SET:
		i = put(p, RE_SET, 0);
		p->v.v[i].set = n->set;
		return;
	case N_LIST:
		for (k = n->first; k; k = k->next)
			compile(p, k);
		return;
	case N_CHOICE:
		compile_choice(p, n);
		return;
	case N_REPEAT:
		compile_repeat(p, n);
		return;
	case N_GROUP:
		if (p->tagged)
			put(p, RE_TAG, (int)n->group * 2);
		compile(p, n->first);
		if (p->tagged)
			put(p, RE_TAG, (int)n->group * 2 + 1);
		return;
	case N_BEGIN:
		put(p, RE_BEGIN, 0);
		return;
	case N_END:
		put(p, RE_END, 0);
		return;
	}
	bug("node %d", n->kind);
}

static void compile_all(struct re_program *p, const struct node *n)
{
	if (p->tagged)
		put(p, RE_TAG, 0);
	compile(p, n);
	if (p->tagged)
		put(p, RE_TAG, 1);
	put(p, RE_MATCH, 0);
}

struct regex *regex_make(struct arena *mem, const char *text, size_t len,
			 bool tagged, const char **why, size_t *at)
{
	struct reading r = { .mem = mem, .start = text, .p = text,
			     .end = text + len };
	struct re_program p = { .mem = mem, .tagged = tagged };
	struct regex *re = NEW(mem, struct regex);
	struct node *n = read_choice(&r);

	if (!r.why && r.p < r.end)
		wrong(&r, r.p, "this ) has no (");
	*at = r.why ? (size_t)(r.why_at - text) : 0;
	*why = r.why;
	if (r.why)
		return NULL;
	re->text = text;
	re->len = len;
	re->tagged = tagged;
	re->ngroups = p.ngroups = r.groups + 1;
	compile_all(&p, n);
	if (p.too_long || p.v.n > REGEX_MAX_PROGRAM) {
		*why = "it is too long";
		return NULL;
	}
	return regex_tables(&p, re, why) ? re : NULL;
}

/* --- matching ------------------------------------------------------------------- */

static void take_op(const struct regex_op *op, int *regs, int *tags, int pos)
{
	size_t i;

	for (i = 0; i < op->n; i++) {
		const struct regex_copy *c = &op->v[i];
		int v = c->src == REGEX_HERE ? pos :
			c->src == REGEX_UNSET ? -1 : regs[c->src];

		if (c->final)
			tags[c->dst] = v;
		else
			regs[c->dst] = v;
	}
}

static bool match_tagged(const struct regex *re, const char *s, size_t n,
			 int *tags)
{
	int regs[REGEX_MAX_REGS + 1];
	size_t at = re->first, i;

	for (i = 0; i < 2 * re->ngroups; i++)
		tags[i] = -1;
	take_op(&re->ops.v[re->first_op], regs, tags, 0);
	for (i = 0; at && i <= n; i++) {
		at += re->classes[i < n ? (unsigned char)s[i] : 0];
		take_op(&re->ops.v[re->op[at]], regs, tags,
			(int)(i < n ? i + 1 : n));
		at = re->next[at];
	}
	return tags[1] >= 0;
}

bool regex_match(const struct regex *re, const char *s, size_t n, int *tags)
{
	int own[2 * REGEX_MAX_GROUPS];
	size_t at = re->first, i;

	if (re->tagged)
		return match_tagged(re, s, n, tags ? tags : own);
	for (i = 0; at > re->nclasses && i <= n; i++)
		at = re->next[at + re->classes[i < n ? (unsigned char)s[i] :
					       0]];
	return at == re->nclasses;
}
