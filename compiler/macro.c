/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * macro.c - between lexer and parser: script arguments ($1 @1 $# @#), @define
 * macros and %( condition %? then %: else %). In: the tokens of a source as
 * written. Out: the tokens to parse; those that a macro made say so in their
 * span's `via`.
 */
#include "lex.h"
#include "target.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

struct macro {
	const char *name;	/* with the '@' */
	struct span at;
	const char **params;	/* with the '@' */
	size_t nparams;
	bool has_params, is_library;
	struct tokens body;
};

struct pp {
	struct job *j;
	struct dict macros;
	struct tokens *out;
	bool library_read, in_library;	/* *.stpm; being read */
	size_t made;		/* tokens put out by macros, to stop a bomb */
	bool stopped;		/* told that it is one */
};

/* What an expansion stands in: its macro's arguments, its depth. */
struct frame {
	const struct macro *macro;
	const struct frame *outer;
	struct tokens *args;
	unsigned depth;
};

struct range {			/* tokens i .. n - 1; behind them, a TK_END */
	const struct token *v;
	size_t i, n;
	struct token end;
};

enum { MAX_DEPTH = 64, MAX_MADE = 1 << 18 };

static void expand(struct pp *pp, struct range r, const struct frame *f);

static const struct token *peek(struct range *r)
{
	return r->i < r->n ? &r->v[r->i] : &r->end;
}

static const struct token *take(struct range *r)
{
	return r->i < r->n ? &r->v[r->i++] : &r->end;
}

static bool is_op(const struct token *t, const char *s)
{
	return token_is(t, TK_OP, s);
}

/* What ends a range looks like no token of it. */
static struct token end_at(const struct token *t)
{
	struct token end = *t;

	end.kind = TK_END;
	return end;
}

/*
 * Tokens up to the op `a` (or b, c) of this nesting level of %( %); r is left
 * at it, or at its end.
 */
static struct range until(struct range *r, const char *a, const char *b)
{
	struct range got = *r;
	int depth = 0;

	for (; r->i < r->n; r->i++) {
		const struct token *t = peek(r);

		if (!depth && (is_op(t, a) || (b && is_op(t, b))))
			break;
		if (is_op(t, "%("))
			depth++;
		if (is_op(t, "%)") && depth)
			depth--;
	}
	got.n = r->i;
	got.end = end_at(peek(r));
	return got;
}

/* --- conditions ------------------------------------------------------------ */

/*
 * What is compared: literals as they are, words with patterns, versions by their
 * numbers, too. Words that are neither have no order.
 */
enum value_kind { V_NONE, V_NUMBER, V_LITERAL, V_VERSION, V_WORD, V_CONFIG };

struct value {
	enum value_kind kind;
	int64_t num;
	const char *str;
};

static const char *version_of(struct pp *pp, const char *release)
{
	return arena_strndup(&pp->j->mem, release, strcspn(release, "-"));
}

static struct value word_of(enum value_kind kind, const char *s)
{
	return (struct value){ .kind = kind, .str = s };
}

/* Value of a word in a condition; V_NONE: no such word. */
static struct value word_value(struct pp *pp, const char *name)
{
	struct target *t = pp->j->target;
	const char *release, *s;
	struct utsname host;

	if (uname(&host) < 0)
		die("uname: %m");
	release = t ? target_release(t) :
		arena_strdup(&pp->j->mem, host.release);
	if (!strcmp(name, "kernel_vr"))
		return word_of(V_VERSION, release);
	if (!strcmp(name, "kernel_v"))
		return word_of(V_VERSION, version_of(pp, release));
	if (!strcmp(name, "arch"))
		return word_of(V_WORD, arena_strdup(&pp->j->mem, host.machine));
	if (!strcmp(name, "systemtap_v"))
		return word_of(V_VERSION, "4.8");
	if (!strcmp(name, "systemtap_privilege"))
		return word_of(V_WORD,
			       privilege_names[pp->j->opt ? pp->j->opt->privilege :
					       PRIVILEGE_STAPDEV]);
	if (!strcmp(name, "runtime"))
		return word_of(V_WORD, "kernel");
	if (!strcmp(name, "guru_mode"))
		return (struct value){ .kind = V_NUMBER,
			.num = pp->j->opt && pp->j->opt->guru };
	if (!strncmp(name, "CONFIG_", 7)) {
		s = t ? target_config(t, name) : NULL;
		return word_of(V_CONFIG, s ? s : "");
	}
	return (struct value){ 0 };
}

static bool operand(struct pp *pp, struct range *r, struct value *v)
{
	const struct token *t = peek(r);
	bool minus = is_op(t, "-");

	*v = (struct value){ 0 };
	if (minus) {
		take(r);
		t = peek(r);
	}
	if (t->kind == TK_NUMBER) {
		v->kind = V_NUMBER;
		v->num = minus ? (int64_t)-(uint64_t)t->num : t->num;
	} else if (t->kind == TK_STRING && !minus) {
		*v = word_of(V_LITERAL, t->s);
	} else if (t->kind == TK_NAME && !minus) {
		*v = word_value(pp, t->s);
		if (v->kind == V_NONE)
			return complain(pp->j, t->at, E_CONDITION,
				"expected kernel_v, kernel_vr, arch, runtime, "
				"systemtap_v, guru_mode, CONFIG_* or a literal");
	} else {
		return complain(pp->j, t->at, E_CONDITION,
				"expected an operand of a condition");
	}
	take(r);
	return true;
}

static bool holds(const char *op, int cmp)
{
	if (!strcmp(op, "=="))
		return cmp == 0;
	if (!strcmp(op, "!="))
		return cmp != 0;
	if (!strcmp(op, "<"))
		return cmp < 0;
	if (!strcmp(op, "<="))
		return cmp <= 0;
	return !strcmp(op, ">") ? cmp > 0 : cmp >= 0;
}

static int compare(const struct value *a, const struct value *b, bool equality)
{
	if (a->kind == V_NUMBER)
		return a->num < b->num ? -1 : a->num > b->num;
	if (a->kind == V_LITERAL && b->kind == V_LITERAL)
		return strcmp(a->str, b->str);
	if (equality)
		return glob_match(b->str, a->str) ? 0 : 1;
	return strverscmp(a->str, b->str);
}

static struct value config_number(struct value v)
{
	char *end = NULL;
	int64_t n;

	if (v.kind != V_CONFIG)
		return v;
	n = strtoll(v.str, &end, 0);
	return *end ? v : (struct value){ .kind = V_NUMBER, .num = n };
}

/* CONFIG_HZ >= 250: options are numbers if both sides are; one not set is 0. */
static void config_numbers(struct value *a, struct value *b)
{
	struct value x = config_number(*a), y = config_number(*b);

	if (x.kind != V_NUMBER || y.kind != V_NUMBER)
		return;
	*a = x;
	*b = y;
}

/* NULL: a and b can be compared by op. */
static const char *incomparable(const struct value *a, const struct value *b,
				bool equality)
{
	if (a->kind == V_CONFIG && b->kind == V_NUMBER)
		return "the value of that option is not a number";
	if ((a->kind == V_NUMBER) != (b->kind == V_NUMBER))
		return "cannot compare a number with a string";
	if (equality || a->kind == V_NUMBER)
		return NULL;
	if (a->kind == V_WORD || a->kind == V_CONFIG)
		return "expected '==' or '!='";
	return a->kind == V_VERSION && strpbrk(b->str, "*?[") ?
		"a pattern has no order: expected '==' or '!='" : NULL;
}

static bool comparison(struct pp *pp, struct range *r, bool *yes)
{
	static const char *const ops[] = { "==", "!=", "<=", ">=", "<", ">" };
	const struct token *op;
	struct value a, b;
	const char *why;
	size_t i;

	if (!operand(pp, r, &a))
		return false;
	op = take(r);
	for (i = 0; i < COUNT_OF(ops) && !is_op(op, ops[i]); i++)
		;
	if (i == COUNT_OF(ops))
		return complain(pp->j, op->at, E_CONDITION,
				"expected a comparison operator");
	if (!operand(pp, r, &b))
		return false;
	config_numbers(&a, &b);
	why = incomparable(&a, &b, i < 2);
	if (why)
		return complain(pp->j, op->at, E_CONDITION, "%s", why);
	*yes = holds(ops[i], compare(&a, &b, i < 2));
	return true;
}

/* && binds closer than ||; every operand must make sense. */
static bool condition(struct pp *pp, struct range *r, bool *yes)
{
	bool any = false, all = true, one = false;

	for (;;) {
		if (!comparison(pp, r, &one))
			return false;
		all = all && one;
		if (is_op(peek(r), "&&")) {
			take(r);
			continue;
		}
		any = any || all;
		all = true;
		if (!is_op(peek(r), "||"))
			break;
		take(r);
	}
	*yes = any;
	if (peek(r)->kind != TK_END && r->i < r->n)
		return complain(pp->j, peek(r)->at, E_CONDITION,
				"expected '%%?' behind the condition");
	return true;
}

/* After '%(': chooses a branch; an undecided one leaves both out. */
static void conditional(struct pp *pp, struct range *r, struct span at,
			const struct frame *f)
{
	struct range cond = until(r, "%?", "%)"), yes, no = { .i = 0, .n = 0 };
	struct tokens words = { 0 }, *out = pp->out;
	bool chosen, ok;

	if (!is_op(take(r), "%?")) {
		complain(pp->j, at, E_CONDITION,
			 "expected '%%( condition %%? tokens %%)'");
		return;
	}
	yes = until(r, "%:", "%)");
	if (is_op(peek(r), "%:")) {
		take(r);
		no = until(r, "%)", NULL);
	}
	if (!is_op(take(r), "%)"))
		complain(pp->j, at, E_CONDITION, "'%%(' without '%%)'");
	pp->out = &words;
	expand(pp, cond, f);
	pp->out = out;
	cond = (struct range){ words.t.v, 0, words.t.n, cond.end };
	ok = condition(pp, &cond, &chosen);
	if (ok)
		expand(pp, chosen ? yes : no, f);
}

/* --- script arguments ------------------------------------------------------ */

/* $# @# $N @N; false if the name is none of them. */
static bool script_arg(struct pp *pp, const struct token *t)
{
	struct job *j = pp->j;
	bool count = t->len == 2 && t->s[1] == '#';
	const struct options *opt = j->opt;
	long n = strtol(t->s + 1, NULL, 10), have = opt ? opt->nargs : 0;
	struct token got = *t;
	struct source *src;
	struct tokens raw = { 0 };
	struct origin *via;
	size_t i;

	if (t->len < 2 || (!count && !isdigit((unsigned char)t->s[1])))
		return false;
	if (!count && strspn(t->s + 1, "0123456789") + 1 < t->len)
		return !complain(j, t->at, E_SCRIPT_ARG,
				 "expected a number of a script argument");
	if (!count && (n < 1 || n > have))
		return !complain(j, t->at, E_SCRIPT_ARG,
				 "script argument %s is not there, %ld given",
				 t->s, have);
	if (t->s[0] == '@' || count) {
		got.kind = t->s[0] == '@' ? TK_STRING : TK_NUMBER;
		got.num = have;
		got.s = count ? arena_printf(&j->mem, "%ld", have) :
			opt->args[n - 1];
		got.len = strlen(got.s);
		vec_push(&j->mem, &pp->out->t, got);
		return true;
	}
	src = NEW(&j->mem, struct source);
	src->name = arena_printf(&j->mem, "<argument %ld>", n);
	src->text = opt->args[n - 1];
	src->size = strlen(src->text);
	via = NEW(&j->mem, struct origin);
	*via = (struct origin){ "in script argument", t->at };
	lex_source(j, src, &raw);
	for (i = 0; i + 1 < raw.t.n; i++) {
		raw.t.v[i].at.via = via;
		vec_push(&j->mem, &pp->out->t, raw.t.v[i]);
	}
	return true;
}

/* --- macros ---------------------------------------------------------------- */

static bool is_at_word(const char *s)
{
	static const char *const words[] = {
		"@cast", "@defined", "@probewrite", "@entry", "@perf", "@var",
		"@avg", "@count", "@sum", "@min", "@max", "@variance",
		"@hist_linear", "@hist_log", "@const", "@kregister",
		"@uregister", "@kderef", "@uderef", "@enum",
	};
	size_t i;

	for (i = 0; i < COUNT_OF(words); i++)
		if (!strcmp(s, words[i]))
			return true;
	return false;
}

/* (@a, b): parameter names, kept with '@' as they are used. */
static bool define_params(struct pp *pp, struct range *r, struct macro *m)
{
	VEC(const char *) names = { 0 };
	const struct token *t = take(r);

	m->has_params = true;
	while (!is_op(t, ")")) {
		t = take(r);
		if (t->kind != TK_NAME && t->kind != TK_KEYWORD)
			return complain(pp->j, t->at, E_MACRO,
					"expected a macro parameter");
		vec_push(&pp->j->mem, &names, t->s[0] == '@' ? t->s :
			 arena_printf(&pp->j->mem, "@%s", t->s));
		t = take(r);
		if (!is_op(t, ",") && !is_op(t, ")"))
			return complain(pp->j, t->at, E_MACRO,
					"expected ',' or ')'");
	}
	m->params = names.v;
	m->nparams = names.n;
	return true;
}

/* After '@define'. */
static bool define(struct pp *pp, struct range *r)
{
	const struct token *t = take(r);
	struct macro *m = NEW(&pp->j->mem, struct macro), **slot;
	struct range body;

	if (t->kind != TK_NAME && t->kind != TK_KEYWORD)
		return complain(pp->j, t->at, E_MACRO, "expected a macro name");
	m->at = t->at;
	m->name = t->s[0] == '@' ? t->s : arena_printf(&pp->j->mem, "@%s", t->s);
	if (is_at_word(m->name))
		warn_at(pp->j, t->at, "macro redefines built-in operator '%s'",
			m->name);
	if (is_op(peek(r), "(") && !define_params(pp, r, m))
		return false;
	if (!is_op(peek(r), "%("))
		return complain(pp->j, peek(r)->at, E_MACRO, "expected '%%('");
	take(r);
	body = until(r, "%)", NULL);
	if (!is_op(take(r), "%)"))
		return complain(pp->j, t->at, E_MACRO,
				"macro body without '%%)'");
	while (body.i < body.n)
		vec_push(&pp->j->mem, &m->body.t, *take(&body));
	if (!strcmp(m->name, "@define"))
		return complain(pp->j, t->at, E_MACRO,
				"attempt to redefine '@define'");
	slot = (struct macro **)dict_at(&pp->macros, m->name);
	m->is_library = pp->in_library;
	if (*slot && m->is_library && !(*slot)->is_library)
		return true;		/* the script's own stays */
	if (*slot && m->is_library == (*slot)->is_library) {
		complain(pp->j, m->at, E_MACRO,
			 "attempt to redefine macro '%s'", m->name);
		note_at(pp->j, (*slot)->at, "first defined");
		return false;
	}
	*slot = m;
	return true;
}

/* One argument: tokens to ',' or ')' outside of brackets. */
static struct range argument(struct range *r)
{
	struct range got = *r;
	int depth = 0;

	for (; r->i < r->n; r->i++) {
		const struct token *t = peek(r);

		if (!depth && (is_op(t, ",") || is_op(t, ")")))
			break;
		if (is_op(t, "(") || is_op(t, "[") || is_op(t, "{"))
			depth++;
		if (is_op(t, ")") || is_op(t, "]") || is_op(t, "}"))
			depth--;
	}
	got.n = r->i;
	got.end = end_at(peek(r));
	return got;
}

/* The arguments of a use, each expanded where it stands. */
static bool macro_args(struct pp *pp, struct range *r, const struct token *use,
		       const struct macro *m, const struct frame *f,
		       struct tokens *args)
{
	struct tokens *out = pp->out, surplus = { 0 };
	const struct token *t = peek(r);
	size_t n = 0;

	if (!is_op(t, "("))
		return complain(pp->j, t->at, E_MACRO,
				"expected '(' behind macro '%s'", m->name);
	do {
		take(r);
		pp->out = n < m->nparams ? &args[n] : &surplus;
		n++;
		expand(pp, argument(r), f);
		pp->out = out;
	} while (is_op(peek(r), ","));
	if (!is_op(take(r), ")"))
		return complain(pp->j, use->at, E_MACRO,
				"'(' without ')' behind macro '%s'", m->name);
	if (m->nparams == 0 && n == 1)
		n = 0;
	if (n != m->nparams)
		return complain(pp->j, use->at, E_MACRO,
				"macro '%s' wants %zu argument%s, got %zu",
				m->name, m->nparams, m->nparams == 1 ? "" : "s",
				n);
	return true;
}

static void read_library(struct pp *pp);

static const struct macro *find_macro(struct pp *pp, const char *name)
{
	const struct macro *m = dict_get(&pp->macros, name);

	if (!m && !pp->library_read) {
		pp->library_read = true;
		read_library(pp);
		m = dict_get(&pp->macros, name);
	}
	return m;
}

static void no_macro(struct pp *pp, const struct token *t)
{
	const char *best = NULL;
	unsigned d, near = 3;
	size_t i;

	for (i = 0; i < pp->macros.cap; i++) {
		const struct macro *m = dict_nth(&pp->macros, i);

		d = m ? edit_distance(t->s, m->name, near) : near + 1;
		if (d < near) {
			near = d;
			best = m->name;
		}
	}
	complain(pp->j, t->at, E_MACRO, "unknown macro '%s'%s%s%s", t->s,
		 best ? " (similar: " : "", best ? best : "", best ? ")" : "");
}

/* A macro within itself, or too many. Told once. */
static bool grows(struct pp *pp, const struct token *t, const struct macro *m,
		  const struct frame *f)
{
	const struct frame *o;

	for (o = f; o && o->macro != m; o = o->outer)
		;
	if (!o && f->depth < MAX_DEPTH && pp->made <= MAX_MADE)
		return false;
	if (!pp->stopped)
		complain(pp->j, t->at, E_MACRO, o ?
			 "macro '%s' uses itself" :
			 "macro '%s' grows too large", m->name);
	pp->stopped = true;
	return true;
}

static void use_macro(struct pp *pp, struct range *r, const struct token *t,
		      const struct frame *f)
{
	const struct macro *m = find_macro(pp, t->s);
	struct tokens body = { 0 }, *args = NULL;
	struct origin *via;
	struct frame inner;
	size_t i;

	if (!m) {
		no_macro(pp, t);
		return;
	}
	args = NEW_ARRAY(&pp->j->mem, struct tokens, m->nparams + 1);
	if (m->has_params && !macro_args(pp, r, t, m, f, args))
		return;
	if (grows(pp, t, m, f))
		return;
	via = NEW(&pp->j->mem, struct origin);
	*via = (struct origin){
		arena_printf(&pp->j->mem, "in expansion of macro '%s'",
			     m->name), t->at };
	for (i = 0; i < m->body.t.n; i++) {
		struct token copy = m->body.t.v[i];

		copy.at.via = via;
		vec_push(&pp->j->mem, &body.t, copy);
	}
	pp->made += body.t.n + 1;
	inner = (struct frame){ m, f, args, f->depth + 1 };
	expand(pp, (struct range){ body.t.v, 0, body.t.n, end_at(t) }, &inner);
}

/* A parameter of the macro being expanded: its argument goes out. */
static bool use_param(struct pp *pp, const struct token *t,
		      const struct frame *f)
{
	size_t i, k;

	for (i = 0; f->macro && i < f->macro->nparams; i++) {
		if (strcmp(t->s, f->macro->params[i]))
			continue;
		for (k = 0; k < f->args[i].t.n && pp->made <= MAX_MADE; k++) {
			pp->made++;
			vec_push(&pp->j->mem, &pp->out->t, f->args[i].t.v[k]);
		}
		return true;
	}
	return false;
}

static void expand(struct pp *pp, struct range r, const struct frame *f)
{
	const struct token *t;

	while (r.i < r.n) {
		t = take(&r);
		if (t->kind == TK_NAME && !strcmp(t->s, "@define") &&
		    !f->macro) {
			define(pp, &r);
		} else if (is_op(t, "%(")) {
			conditional(pp, &r, t->at, f);
		} else if (t->kind == TK_NAME &&
			   (t->s[0] == '@' || t->s[0] == '$')) {
			if (use_param(pp, t, f) || script_arg(pp, t))
				continue;
			if (t->s[0] == '$' || (is_at_word(t->s) &&
					       !dict_get(&pp->macros, t->s)))
				vec_push(&pp->j->mem, &pp->out->t, *t);
			else
				use_macro(pp, &r, t, f);
		} else {
			vec_push(&pp->j->mem, &pp->out->t, *t);
		}
	}
}

static void read_folder(struct pp *pp, const char *dir)
{
	struct job *j = pp->j;
	struct dirent **names;
	int i, n = scandir(dir, &names, NULL, alphasort);

	for (i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.' &&
		    glob_match("*.stpm", names[i]->d_name)) {
			struct source *s = NEW(&j->mem, struct source);
			struct tokens raw = { 0 };

			s->name = arena_printf(&j->mem, "%s/%s", dir,
					       names[i]->d_name);
			s->is_tapset = true;
			s->text = read_file(&j->mem, s->name, &s->size);
			if (!s->text)
				die("%s: %m", s->name);
			lex_source(j, s, &raw);
			expand(pp, (struct range){ raw.t.v, 0, raw.t.n - 1,
				raw.t.v[raw.t.n - 1] },
			       &(struct frame){ 0 });
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

/* Macros of tapsets, *.stpm of -I and share_dir, read when first missed. */
static void read_library(struct pp *pp)
{
	const struct options *opt = pp->j->opt;
	struct tokens *out = pp->out, nowhere = { 0 };
	size_t i;

	pp->out = &nowhere;
	pp->in_library = true;
	for (i = 0; opt && i < opt->tapset_dirs.n; i++)
		read_folder(pp, opt->tapset_dirs.v[i]);
	if (opt && opt->share_dir)
		read_folder(pp, arena_printf(&pp->j->mem, "%s/tapsets",
					     opt->share_dir));
	pp->out = out;
	pp->in_library = false;
}

void expand_source(struct job *j, const struct source *src, struct tokens *out)
{
	struct pp pp = { .j = j, .macros.mem = &j->mem, .out = out };
	struct tokens raw = { 0 };
	struct token *end;

	lex_source(j, src, &raw);
	end = &raw.t.v[raw.t.n - 1];
	expand(&pp, (struct range){ raw.t.v, 0, raw.t.n - 1, *end },
	       &(struct frame){ 0 });
	vec_push(&j->mem, &out->t, *end);
}
