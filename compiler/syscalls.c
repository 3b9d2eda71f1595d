/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * syscalls.c - tapsets/syscalls.table to aliases. In: the table. Out: for each
 * call that a script asks for the text of two aliases, at a point of
 * points/syscall.c: their bodies set name, the variables of the arguments,
 * argstr, or retval and retstr. What a script does not use of them is elided,
 * and what it prints is formatted by the loader (lower_words.c).
 */
#include "syscalls.h"

#include <stdlib.h>
#include <string.h>

enum { ARGS = 6 };

/* --- reading the table ---------------------------------------------------------- */

struct reader {
	struct job *j;
	struct source *src;
	struct syscalls *all;
	const char *p;		/* in src->text */
};

/* The next word of the line; NULL: its end. */
static char *word(struct reader *r)
{
	const char *start;

	while (*r->p == ' ' || *r->p == '\t')
		r->p++;
	start = r->p;
	while (*r->p && !strchr(" \t\n", *r->p))
		r->p++;
	return r->p == start ? NULL : arena_strndup(&r->j->mem, start,
						    (size_t)(r->p - start));
}

static void wrong(struct reader *r, const char *what)
{
	struct span at = { .src = r->src,
			   .off = (uint32_t)(r->p - r->src->text) };
	unsigned line, col;

	span_line_col(at, &line, &col);
	die("%s:%u: %s", r->src->name, line, what);
}

/* "106,195" or "-" */
static void read_numbers(struct reader *r, struct syscall *c, int abi)
{
	char *s = word(r), *end;
	unsigned long n;

	if (!s)
		wrong(r, "a number is missing");
	while (strcmp(s, "-")) {
		n = strtoul(s, &end, 10);
		if (end == s || (*end && *end != ',') || n >= UINT16_MAX)
			wrong(r, "no number of a system call");
		vec_push(&r->j->mem, &c->numbers[abi], (uint16_t)n);
		if (!*end)
			return;
		s = end + 1;
	}
}

/* VARIABLE[/TEXT]:KIND[(OF)] */
static void read_arg(struct reader *r, struct syscall *c, char *s)
{
	struct syscall_arg a = { .var = s };
	char *colon = strchr(s, ':'), *slash, *paren;

	if (!colon || !colon[1])
		wrong(r, "an argument without a kind");
	*colon = 0;
	a.kind = colon + 1;
	slash = strchr(s, '/');
	if (slash) {
		*slash = 0;
		a.text = slash + 1;
	}
	paren = strchr(colon + 1, '(');
	if (paren) {
		*paren = 0;
		a.of = arena_strndup(&r->j->mem, paren + 1,
				     strcspn(paren + 1, ")"));
	}
	vec_push(&r->j->mem, &c->args, a);
}

static void read_call(struct reader *r)
{
	struct syscall *c = NEW(&r->j->mem, struct syscall);
	char *s = word(r), *by;

	if (!s)
		wrong(r, "a name is missing");
	c->alias = c->name = c->kernel = s;
	by = strpbrk(s, "=!");
	if (by && *by == '!') {
		*by = 0;
		c->name = c->kernel = by + 1;
		by = strchr(by + 1, '=');
	}
	if (by) {
		*by = 0;
		c->kernel = by + 1;
	}
	c->result = 'd';
	read_numbers(r, c, 0);
	read_numbers(r, c, 1);
	while ((s = word(r)) && strcmp(s, "="))
		read_arg(r, c, s);
	if (s) {
		s = word(r);
		if (!s || !strchr("xo-", *s))
			wrong(r, "a result is x, o or -");
		c->result = *s;
	}
	vec_push(&r->j->mem, &r->all->calls, c);
	c->id = (unsigned)r->all->calls.n;
}

/* The rest of the line, by name: of a table, or of a struct. */
static void read_rest(struct reader *r, struct dict *to)
{
	char *name = word(r);
	size_t n;

	if (!name)
		wrong(r, "a name is missing");
	r->p += strspn(r->p, " \t");
	n = strcspn(r->p, "\n");
	*dict_at(to, name) = arena_strndup(&r->j->mem, r->p, n);
	r->p += n;
}

/* "64 9 mmap,17 pread64": of an ABI numbers and names. */
static void read_names(struct reader *r)
{
	char *s = word(r), *end;
	struct syscall_name n;
	bool compat = s && !strcmp(s, "32");

	if (!s || (!compat && strcmp(s, "64")))
		wrong(r, "names are of 64 or of 32");
	while ((s = word(r))) {
		n.number = (uint16_t)strtoul(s, &end, 10);
		n.name = word(r);
		if (end == s || *end || !n.name)
			wrong(r, "no number and name of a system call");
		r->p -= strlen(n.name) - strcspn(n.name, ",");
		n.name = arena_strndup(&r->j->mem, n.name,
				       strcspn(n.name, ","));
		r->p += *r->p == ',';
		vec_push(&r->j->mem, &r->all->names[compat], n);
	}
}

static const char *kernels_name(const struct syscalls *all, int abi,
				uint16_t number)
{
	size_t i;

	for (i = 0; i < all->names[abi].n; i++)
		if (all->names[abi].v[i].number == number)
			return all->names[abi].v[i].name;
	return NULL;
}

static struct syscall *add_part(struct job *j, struct syscall *c,
				const char *real, unsigned *id)
{
	struct syscall *part = NEW(&j->mem, struct syscall);

	*part = *c;
	part->real = real;
	part->id = ++*id;
	memset(part->numbers, 0, sizeof(part->numbers));
	memset(&part->parts, 0, sizeof(part->parts));
	vec_push(&j->mem, &c->parts, part);
	return part;
}

/* A call by the kernel's names: each number that has one of its own is a part, the
   rest is one. */
static void split_call(struct job *j, struct syscalls *all, struct syscall *c,
		       unsigned *id)
{
	struct syscall *rest = NULL, *part;
	size_t i;
	int abi;

	for (abi = 0; abi < 2; abi++)
		for (i = 0; i < c->numbers[abi].n; i++) {
			uint16_t number = c->numbers[abi].v[i];
			const char *real = kernels_name(all, abi, number);

			if (!real && !rest)
				rest = add_part(j, c, c->name, id);
			part = real ? add_part(j, c, real, id) : rest;
			vec_push(&j->mem, &part->numbers[abi], number);
		}
}

static void read_lines(struct reader *r)
{
	const char *what;

	while (*r->p) {
		what = word(r);
		if (!what || *what == '#')
			;
		else if (!strcmp(what, "call"))
			read_call(r);
		else if (!strcmp(what, "names"))
			read_names(r);
		else if (!strcmp(what, "table"))
			read_rest(r, &r->all->tables);
		else if (!strcmp(what, "struct"))
			read_rest(r, &r->all->structs);
		else
			wrong(r, "neither a call nor a table nor a struct");
		r->p += strcspn(r->p, "\n");
		r->p += *r->p == '\n';
	}
}

struct syscalls *syscalls_of(struct job *j)
{
	struct reader r = { .j = j };
	struct source *src;
	unsigned id;
	size_t i;

	if (j->syscalls)
		return j->syscalls;
	j->syscalls = NEW(&j->mem, struct syscalls);
	j->syscalls->tables.mem = j->syscalls->structs.mem = &j->mem;
	if (!j->opt->share_dir)
		return j->syscalls;
	r.src = src = NEW(&j->mem, struct source);
	src->name = arena_printf(&j->mem, "%s/tapsets/syscalls.table",
				 j->opt->share_dir);
	src->text = read_file(&j->mem, src->name, &src->size);
	if (!src->text)
		die("%s: %m", src->name);
	r.all = j->syscalls;
	r.p = src->text;
	read_lines(&r);
	id = (unsigned)j->syscalls->calls.n;
	for (i = 0; i < j->syscalls->calls.n; i++)
		split_call(j, j->syscalls, j->syscalls->calls.v[i], &id);
	return j->syscalls;
}

/* --- variables -------------------------------------------------------------------- */

/* A kind of number: the function that reads it, and how argstr shows it. */
static const struct kind {
	const char *name, *reader, *directive;
} kinds[] = {
	{ "i", "__arg_int", "%d" }, { "u", "__arg_uint", "%u" },
	{ "i16", "__arg_int16", "%d" }, { "l", "__arg_long", "%d" },
	{ "z", "__arg_ulong", "%u" }, { "ll", "__arg_pair", "%d" },
	{ "x", "__arg_ulong", "%#x" }, { "o", "__arg_uint", "%#o" },
	{ "dev", "__arg_uint", "%#x" }, { "mknod", "__arg_uint", "%#o" },
};

/* What an alias's body is made of. */
struct body {
	struct arena *mem;
	const struct syscall *call;
	struct text set;		/* assignments */
	struct text format, values;	/* of argstr */
	unsigned reg[ARGS + 1];		/* of the arguments */
};

static void show(struct body *b, const char *directive, const char *value)
{
	text_printf(&b->format, "%s%s", b->format.n ? ", " : "", directive);
	text_printf(&b->values, ", %s", value);
}

static void set(struct body *b, const char *var, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
static void set(struct body *b, const char *var, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_printf(&b->set, "\t%s = %s\n", var,
		    arena_vprintf(b->mem, fmt, ap));
	va_end(ap);
}

static char *join(struct body *b, const char *var, const char *end)
{
	return arena_printf(b->mem, "%s%s", var, end);
}

/* The register of the argument that `of` names, from 1. */
static unsigned reg_of(struct body *b, const struct syscall_arg *a)
{
	unsigned n = a->of ? (unsigned)atoi(a->of) : 0;

	return n && n <= ARGS ? b->reg[n - 1] : 0;
}

/* Flags and names: the number, and its words. */
static void put_words(struct body *b, const struct syscall_arg *a,
		      unsigned reg, const char *reader, const char *table)
{
	const char *text = a->text ? a->text : join(b, a->var, "_str");

	set(b, a->var, "%s(%u)", reader, reg);
	set(b, text, "__words(%s, \"%s\")", a->var, table);
	show(b, "%s", text);
}

/* Signals: their name goes by several names. */
static void put_signal(struct body *b, const struct syscall_arg *a,
		       unsigned reg)
{
	put_words(b, a, reg, "__arg_int", "signal");
	if (strcmp(a->text, "sig_name"))
		set(b, "sig_name", "%s", a->text);
	else
		set(b, "sig_str", "%s", a->text);
}

static void put_string(struct body *b, const struct syscall_arg *a,
		       unsigned reg)
{
	const char *at = a->text ? a->var : join(b, a->var, "_uaddr");
	const char *text = a->text ? a->text : a->var;

	set(b, at, "__arg_ulong(%u)", reg);
	set(b, text, "__quoted(%s)", at);
	set(b, join(b, text, "_unquoted"),
	    "user_string(%s, \"<unknown>\")", at);
	show(b, "%s", text);
}

static void put_buffer(struct body *b, const struct syscall_arg *a,
		       unsigned reg)
{
	const char *at = join(b, a->var, "_uaddr");
	const char *text = join(b, a->var, "_str");

	set(b, at, "__arg_ulong(%u)", reg);
	set(b, text, "__buffer(%s, __arg_ulong(%u))", at, reg_of(b, a));
	set(b, a->var, "%s", text);
	show(b, "%s", text);
}

/* What pointers lead to: a struct, an address, a list of strings. */
static void put_pointed(struct body *b, const struct syscall_arg *a,
			unsigned reg)
{
	const char *at = join(b, a->var, "_uaddr"), *kind = a->kind + 1;

	set(b, at, "__arg_ulong(%u)", reg);
	if (!strcmp(kind, "argv")) {
		set(b, a->var, "__strings(%s)", at);
		show(b, "%s", a->var);
	} else if (!strcmp(kind, "env")) {
		set(b, a->var, "__pointer(%s)", at);
		show(b, "%s", a->var);
	} else if (!strcmp(kind, "sa")) {
		set(b, a->text, "__sockaddr(%s, __arg_uint(%u))", at,
		    reg_of(b, a));
		set(b, "uaddr_af", "__words(user_uint16(%s), \"af\")", at);
		set(b, "uaddr_ip_port", "(user_uint8(%s + 2) << 8) + "
		    "user_uint8(%s + 3)", at, at);
		set(b, "uaddr_ip", "sprintf(\"%%d.%%d.%%d.%%d\", "
		    "user_uint8(%s + 4), user_uint8(%s + 5), "
		    "user_uint8(%s + 6), user_uint8(%s + 7))", at, at, at, at);
		show(b, "%s", a->text);
	} else {
		set(b, a->var, "%s", at);
		set(b, a->text, "__struct(%s, \"%s\")", at, kind);
		show(b, "%s", a->text);
	}
}

static bool put_number(struct body *b, const struct syscall_arg *a,
		       unsigned reg)
{
	size_t i;

	for (i = 0; i < COUNT_OF(kinds); i++) {
		if (strcmp(kinds[i].name, a->kind))
			continue;
		set(b, a->var, "%s(%u)", kinds[i].reader, reg);
		show(b, kinds[i].directive, a->var);
		return true;
	}
	return false;
}

static void put_arg(struct body *b, const struct syscall_arg *a, unsigned reg)
{
	if (put_number(b, a, reg) || !strcmp(a->kind, "h"))
		return;
	if (!strcmp(a->kind, "p")) {
		set(b, a->var, "__arg_ulong(%u)", reg);
		show(b, "%s", arena_printf(b->mem, "__pointer(%s)", a->var));
	} else if (!strcmp(a->kind, "at")) {
		put_words(b, a, reg, "__arg_int", "dirfd");
	} else if (!strcmp(a->kind, "f") || !strcmp(a->kind, "eu")) {
		put_words(b, a, reg, "__arg_uint", a->of);
	} else if (!strcmp(a->kind, "e")) {
		put_words(b, a, reg, "__arg_int", a->of);
	} else if (!strcmp(a->kind, "sig")) {
		put_signal(b, a, reg);
	} else if (!strcmp(a->kind, "s")) {
		put_string(b, a, reg);
	} else if (!strcmp(a->kind, "b")) {
		put_buffer(b, a, reg);
	} else if (!strcmp(a->kind, "mode")) {
		set(b, a->var, "__arg_uint(%u)", reg);
		text_puts(&b->format, "%s");
		text_printf(&b->values, ", __mode(__arg_uint(%u), %s)",
			    reg_of(b, a), a->var);
	} else if (*a->kind == 'k') {
		put_pointed(b, a, reg);
	} else {
		die("tapsets/syscalls.table: %s: no such kind: %s",
		    b->call->alias, a->kind);
	}
}

static void place_args(struct body *b)
{
	const struct syscall *c = b->call;
	unsigned reg = 0;
	size_t i;

	for (i = 0; i < c->args.n && i < ARGS; i++) {
		b->reg[i] = reg;
		reg += strcmp(c->args.v[i].kind, "ll") ? 1 : 2;
	}
}

static void put_args(struct body *b)
{
	const struct syscall *c = b->call;
	size_t i;

	place_args(b);
	text_puts(&b->set, "");
	text_puts(&b->format, "");
	text_puts(&b->values, "");
	for (i = 0; i < c->args.n && i < ARGS; i++)
		put_arg(b, &c->args.v[i], b->reg[i]);
}

static void put_entry(struct job *j, const struct syscall *c, const char *head,
		      struct text *out)
{
	struct body b = { .mem = &j->mem, .call = c, .set = { .mem = &j->mem },
			  .format = { .mem = &j->mem },
			  .values = { .mem = &j->mem } };

	put_args(&b);
	text_printf(out, "probe %s.%s = __syscall(%u) ? {\n"
		    "\tname = __syscall_name()\n%s", head, c->alias, c->id,
		    b.set.s);
	if (b.format.n)
		text_printf(out, "\targstr = sprintf(\"%s\"%s)\n}\n",
			    b.format.s, b.values.s);
	else
		text_puts(out, "\targstr = \"\"\n}\n");
}

/* At the return arguments are as they were at the entry: kept if they are asked
   for. What a pointer leads to is for the script to read, but for strings. */
static void keep_arg(struct body *b, const struct syscall_arg *a, unsigned reg)
{
	const char *words = !strcmp(a->kind, "at") ? "dirfd" :
		!strcmp(a->kind, "sig") ? "signal" : a->of;
	const char *reader = "__arg_ulong", *at = join(b, a->var, "_uaddr");
	size_t i;

	if (!strcmp(a->kind, "h"))
		return;
	if (*a->kind == 's' && !a->kind[1])
		set(b, a->var, "@entry(__quoted(__arg_ulong(%u)))", reg);
	if (strchr("sbk", *a->kind) && strcmp(a->kind, "sig")) {
		set(b, at, "@entry(__arg_ulong(%u))", reg);
		return;
	}
	for (i = 0; i < COUNT_OF(kinds); i++)
		if (!strcmp(kinds[i].name, a->kind))
			reader = kinds[i].reader;
	if (!strcmp(a->kind, "f") || !strcmp(a->kind, "eu") ||
	    !strcmp(a->kind, "mode"))
		reader = "__arg_uint";
	else if (words)
		reader = "__arg_int";
	set(b, a->var, "@entry(%s(%u))", reader, reg);
	if (words && strcmp(a->kind, "mode"))
		set(b, a->text ? a->text : join(b, a->var, "_str"),
		    "__words(%s, \"%s\")", a->var, words);
}

static void put_return(struct job *j, const struct syscall *c,
		       const char *head, struct text *out)
{
	struct body b = { .mem = &j->mem, .call = c, .set = { .mem = &j->mem } };
	size_t i;

	place_args(&b);
	text_puts(&b.set, "");
	for (i = 0; i < c->args.n && i < ARGS && c->result != '-'; i++)
		keep_arg(&b, &c->args.v[i], b.reg[i]);

	text_printf(out, "probe %s.%s.return = __syscall(%u).return ? {\n"
		    "\tname = __syscall_name()\n%s\tretval = __retval()\n"
		    "\tretstr = __result(retval, \"%c\")\n}\n", head, c->alias,
		    c->id, b.set.s, c->result);
}

char *syscalls_aliases(struct job *j, const char *head, const char *glob,
		       struct dict *made)
{
	const struct syscalls *all = syscalls_of(j);
	struct text t = { .mem = &j->mem };
	void **seen;
	size_t i;

	text_puts(&t, "");
	for (i = 0; i < all->calls.n; i++) {
		const struct syscall *c = all->calls.v[i];

		if (!glob_match(glob, c->alias))
			continue;
		seen = dict_at(made, arena_printf(&j->mem, "%s.%u", head,
						  c->id));
		if (*seen)
			continue;
		*seen = (void *)c;
		put_entry(j, c, head, &t);
		put_return(j, c, head, &t);
	}
	return t.s;
}
