/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_words_now.c - arguments of system calls in words as values. In: the
 * functions that compiler/syscalls.c puts into aliases, and the sprintf of their
 * argstr. Out: pieces (ir.h), which the handler does one after the other
 * (runtime/words.h), so that it is the same for every call. The text is the one
 * that loader/words.c prints.
 */
#include "lower_words.h"
#include "syscalls.h"

#include <stdlib.h>
#include <string.h>

struct maker {
	struct lower *l;
	VEC(struct ir_piece) v;
	struct ir_opnd args[2];
	size_t nargs;
	struct text text;	/* not put yet */
};

/* --- values ------------------------------------------------------------------------- */

static const struct expr *meant(const struct expr *e)
{
	while (e->kind == X_NAME && e->var && e->var->meaning)
		e = e->var->meaning;
	return e;
}

/* An argument of the call: its register, how much of it. False: it is another. */
static bool is_register(struct lower *l, const struct expr *e, uint8_t *from,
			uint8_t *cut)
{
	const char *name;
	int64_t n;
	bool compat;

	e = meant(e);
	if (e->kind != X_CALL || !e->builtin || !l->site ||
	    l->prog != IR_SYSCALL || strncmp(e->builtin->name, "__arg_", 6) ||
	    !fold(l, e->args, &n) || n < 0 || n > 6)
		return false;
	name = e->builtin->name + 6;
	compat = l->site->is_compat;
	*from = (uint8_t)n;
	*cut = !strcmp(name, "int") || (!strcmp(name, "long") && compat) ?
		IR_W_INT : !strcmp(name, "uint") ? IR_W_UINT :
		!strcmp(name, "int16") ? IR_W_INT16 :
		!strcmp(name, "pair") ? IR_W_PAIR : IR_W_ALL;
	return true;
}

static void take(struct maker *m, const struct expr *e, uint8_t *from,
		 uint8_t *cut)
{
	if (is_register(m->l, e, from, cut))
		return;
	if (m->nargs == COUNT_OF(m->args))
		bug("words of more than %zu values", m->nargs);
	*cut = IR_W_ALL;
	*from = (uint8_t)(IR_W_OPERAND + m->nargs);
	m->args[m->nargs++] = lower_expr(m->l, e);
}

/* --- tables ------------------------------------------------------------------------- */

static uint32_t put_name(struct maker *m, const char *s, size_t n)
{
	struct text *t = &m->l->ir->words.texts;
	uint32_t at;

	if (!t->n)
		text_putc(t, 0);
	at = (uint32_t)t->n;
	text_add(t, s, n);
	text_putc(t, 0);
	return at;
}

/* An entry of the text `p`, "40 O_CREAT" or "3/0 O_RDONLY", or of the list of
   errors a name; NULL: there is no more. */
static const char *put_entry(struct maker *m, const char *p, char kind,
			     uint64_t number)
{
	struct ir_word w = { ~0ull, number, 0 };
	bool has_mask = false;
	size_t n;
	char *end;

	if (kind != 'n') {
		w.value = strtoull(p, &end, 16);
		has_mask = *end == '/';
		if (has_mask) {
			w.mask = w.value;
			w.value = strtoull(end + 1, &end, 16);
		}
		p = end + (*end == ' ');
	}
	if (kind == 'f' && !has_mask)
		w.mask = w.value;
	if (kind == 's')
		w.mask = w.value = w.value < 64 ? 1ull << w.value : 0;
	n = strcspn(p, ",");
	if (n && (has_mask || kind == 'e' || kind == 'd' || kind == 'o' ||
		  kind == 'n' || w.value)) {
		w.name = put_name(m, p, n);
		vec_push(m->l->mem, &m->l->ir->words.table, w);
	}
	return p[n] ? p + n + 1 : NULL;
}

/* By value, equal ones as they stand: names are looked up. */
static void order(struct ir_word *w, size_t n)
{
	size_t i, k;

	for (i = 1; i < n; i++) {
		struct ir_word one = w[i];

		for (k = i; k && w[k - 1].value > one.value; k--)
			w[k] = w[k - 1];
		w[k] = one;
	}
}

/* The entries of a table of tapsets/syscalls.table, once; gives its kind. */
static char put_table(struct maker *m, const char *name, struct ir_piece *p)
{
	enum { LAST = 133, KERNELS = 512 };	/* errors: behind that, those */
	struct ir_words *words = &m->l->ir->words;
	const char *text = dict_get(&syscalls_of(m->l->j)->tables, name);
	struct ir_piece *known;
	void **slot;
	uint64_t i = 0;
	char kind;

	if (!text)
		die("tapsets/syscalls.table has no table %s", name);
	kind = *text;
	words->tables.mem = m->l->mem;
	slot = dict_at(&words->tables, name);
	known = *slot;
	if (!known) {
		*slot = known = NEW(m->l->mem, struct ir_piece);
		known->at = (uint32_t)words->table.n;
		for (text += 1 + strspn(text + 1, " "); text; i++)
			text = put_entry(m, text, kind, i > LAST ?
					 i + KERNELS - LAST - 1 : i);
		known->n = (uint32_t)words->table.n - known->at;
		if (!strchr("fs", kind))
			order(words->table.v + known->at, known->n);
	}
	p->at = known->at;
	p->n = known->n;
	return kind;
}

/* --- pieces ------------------------------------------------------------------------- */

static void flush(struct maker *m)
{
	struct ir_piece p = { .kind = IR_W_TEXT };
	struct ir_words *words = &m->l->ir->words;
	void **slot;

	if (!m->text.n)
		return;
	words->tables.mem = m->l->mem;
	slot = dict_at(&words->tables, arena_printf(m->l->mem, "\"%s",
						    m->text.s));
	if (!*slot)
		*slot = (void *)(uintptr_t)put_name(m, m->text.s, m->text.n);
	p.at = (uint32_t)(uintptr_t)*slot;
	vec_push(m->l->mem, &m->v, p);
	m->text = (struct text){ .mem = m->l->mem };
}

static void put(struct maker *m, struct ir_piece p)
{
	flush(m);
	vec_push(m->l->mem, &m->v, p);
}

static void put_named(struct maker *m, struct ir_piece p, const char *table)
{
	char kind = put_table(m, table, &p);

	p.kind = kind == 'f' ? IR_W_FLAGS : kind == 's' ? IR_W_BITS : IR_W_NAME;
	p.how = kind == 'd' ? 'd' : kind == 'o' ? 'o' : 'x';
	put(m, p);
}

static void put_struct(struct maker *m, struct ir_piece p, const char *name)
{
	const char *s = struct_text(m->l, name);
	struct words_member one;
	size_t head;

	p.kind = IR_W_STRUCT;
	put(m, p);
	head = m->v.n - 1;
	while (*s) {
		struct ir_piece q = { .kind = IR_W_NUMBER,
				      .from = IR_W_MEMBER };

		if (*s != '@') {
			text_putc(&m->text, *s++);
			continue;
		}
		s = next_member(m->l, s, &one);
		q.offset = (uint16_t)one.offset;
		q.cut = (uint8_t)(one.size | (one.how == 'd' ? IR_W_SIGNED : 0));
		q.how = (uint8_t)one.how;
		if (one.table)
			put_named(m, q, one.table);
		else
			put(m, q);
		if (m->v.v[head].offset < one.offset + one.size)
			m->v.v[head].offset = (uint16_t)(one.offset + one.size);
	}
	flush(m);
	m->v.v[head].n = (uint32_t)(m->v.n - head - 1);
}

static void put_words(struct maker *m, const struct expr *e)
{
	static const struct { const char *name; enum ir_piece_kind kind; } rows[] = {
		{ "__pointer", IR_W_POINTER }, { "__quoted", IR_W_QUOTED },
		{ "__buffer", IR_W_BUFFER }, { "__mode", IR_W_MODE },
		{ "__sockaddr", IR_W_SOCKADDR }, { "__strings", IR_W_STRINGS },
		{ "__result", IR_W_RESULT },
	};
	const char *name = e->builtin->name;
	struct ir_piece p = { 0 };
	bool mode = !strcmp(name, "__mode");
	size_t i;

	/* of a mode its flags stand first */
	take(m, mode ? e->args->next : e->args, &p.from, &p.cut);
	if (mode || !strcmp(name, "__buffer"))
		take(m, mode ? e->args : e->args->next, &p.from2, &p.cut2);
	if (!strcmp(name, "__words")) {
		put_named(m, p, e->args->next->str);
		return;
	}
	if (!strcmp(name, "__struct")) {
		put_struct(m, p, e->args->next->str);
		return;
	}
	for (i = 0; i < COUNT_OF(rows) && strcmp(rows[i].name, name); i++)
		;
	if (i == COUNT_OF(rows))
		bug("words of %s", name);
	p.kind = rows[i].kind;
	if (p.kind == IR_W_STRINGS)
		p.how = m->l->site && m->l->site->is_compat ? 4 : 8;
	if (p.kind == IR_W_RESULT) {
		put_table(m, "errors", &p);
		p.how = (uint8_t)*e->args->next->str;
	}
	put(m, p);
}

/* --- argstr ------------------------------------------------------------------------- */

/* Does the directive of argstr at s show the value in pieces? Its end. */
static const char *directive(const char *s, char *how)
{
	bool special = s[1] == '#';

	s += 1 + special;
	*how = !strchr("sduxo", *s) || (!special && strchr("xo", *s)) ? 0 : *s;
	return s + 1;
}

static bool can_take(struct lower *l, const struct expr *e, char how)
{
	uint8_t from, cut;

	e = meant(e);
	if (how != 's')
		return is_register(l, e, &from, &cut);
	for (const struct expr *a = is_words(e) ? e->args : NULL; a; a = a->next)
		if (a->kind != X_STRING && !is_register(l, a, &from, &cut))
			return false;
	return is_words(e);
}

/* A sprintf of an alias whose values are all the call's. */
static bool is_argstr(struct lower *l, const struct expr *e)
{
	const struct expr *a = e->args;
	const char *s, *end;
	char how;

	if (e->kind != X_PRINT || !e->print->to_string ||
	    e->print->kind != PR_PRINTF || l->prog != IR_SYSCALL || !a ||
	    !e->at.src || !e->at.src->is_tapset)
		return false;
	s = e->print->format;
	for (end = s + e->print->format_len; s < end; a = a->next) {
		s += strcspn(s, "%");
		if (s >= end)
			break;
		s = directive(s, &how);
		if (!a || !how || !can_take(l, a, how))
			return false;
	}
	return !a;
}

static void put_argstr(struct maker *m, const struct expr *e)
{
	const struct expr *a = e->args;
	const char *s = e->print->format, *end = s + e->print->format_len;
	size_t n;
	char how;

	while (s < end) {
		struct ir_piece p = { .kind = IR_W_NUMBER };

		n = strcspn(s, "%");
		text_add(&m->text, s, n);
		s += n;
		if (s >= end)
			break;
		s = directive(s, &how);
		if (how == 's') {
			put_words(m, meant(a));
		} else {
			p.how = (uint8_t)how;
			take(m, a, &p.from, &p.cut);
			put(m, p);
		}
		a = a->next;
	}
}

/* --- the statement ------------------------------------------------------------------- */

/* The first of the pieces; equal ones are there once. */
static int put_pieces(struct maker *m)
{
	struct ir_words *words = &m->l->ir->words;
	struct text key = { .mem = m->l->mem };
	struct ir_piece end = { .kind = IR_W_END };
	void **slot;
	size_t i;

	put(m, end);
	text_puts(&key, "");
	for (i = 0; i < m->v.n; i++) {
		const struct ir_piece *p = &m->v.v[i];

		text_printf(&key, "%d %u %u %u %u %u %u %u %u,", p->kind,
			    p->from, p->cut, p->how, p->from2, p->cut2,
			    p->offset, p->at, p->n);
	}
	words->known.mem = m->l->mem;
	slot = dict_at(&words->known, key.s);
	if (!*slot) {
		if (!words->pieces.n)
			vec_push(m->l->mem, &words->pieces, end);
		*slot = (void *)(uintptr_t)words->pieces.n;
		for (i = 0; i < m->v.n; i++)
			vec_push(m->l->mem, &words->pieces, m->v.v[i]);
	}
	return (int)(uintptr_t)*slot;
}

static struct ir_opnd add_words(struct maker *m, struct span at,
				struct ir_slot *want)
{
	struct ir_stmt *s = add_into(m->l, IR_WORDS, at, want && want->type ==
				     IR_STRING ? want : temp_slot(m->l,
								  IR_STRING));

	s->format = put_pieces(m);
	s->args = NEW_ARRAY(m->l->mem, struct ir_opnd, COUNT_OF(m->args));
	s->nargs = m->nargs;
	memcpy(s->args, m->args, sizeof(m->args));
	return slot_opnd(s->dst);
}

static struct maker begin(struct lower *l)
{
	l->ir->words.texts.mem = l->mem;
	return (struct maker){ .l = l, .text = { .mem = l->mem } };
}

bool is_words_now(struct lower *l, const struct expr *e)
{
	return is_words(e) || is_argstr(l, e);
}

struct ir_opnd words_now(struct lower *l, const struct expr *e,
			 struct ir_slot *want)
{
	struct maker m = begin(l);

	if (is_words(e))
		put_words(&m, e);
	else
		put_argstr(&m, e);
	return add_words(&m, e->at, want);
}

/* The kernel's snprintf has no octal. */
struct ir_opnd octal_now(struct lower *l, struct span at, struct ir_opnd v,
			 bool begins_with_0)
{
	struct maker m = begin(l);
	struct ir_piece p = { .kind = IR_W_NUMBER, .from = IR_W_OPERAND,
			      .how = begins_with_0 ? 'o' : 'O' };

	m.args[m.nargs++] = v;
	put(&m, p);
	return add_words(&m, at, NULL);
}
