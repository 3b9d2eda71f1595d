/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_words.c - arguments of system calls in words: names of flags, quoted
 * strings, what pointers lead to. In: the functions that compiler/syscalls.c
 * puts into aliases. Out: pieces of a format (loader/words.h), whose arguments
 * the handler reads and the loader makes text of. What cannot be read is shown
 * as its address. Where a value is wanted of the text, the handler makes it:
 * lower_words_now.c.
 *
 * And the variables of those aliases: nothing but names for what they were set
 * to, so that text stays text until it is printed.
 */
#include "lower_words.h"
#include "syscalls.h"

#include <stdlib.h>
#include <string.h>

enum { SOCKADDR_BYTES = 112 };

/* --- what the variables of an alias mean ------------------------------------------ */

struct meanings {
	const struct var *var;
	unsigned writes;
	bool steady;
};

static void count_writes(const struct expr *e, void *arg)
{
	struct meanings *m = arg;

	if ((e->kind == X_ASSIGN || e->kind == X_INCDEC) &&
	    e->a->kind == X_NAME && e->a->var == m->var)
		m->writes++;
}

/* Is it the same wherever in the handler it is asked for? */
static void look_for_change(const struct expr *e, void *arg)
{
	struct meanings *m = arg;

	if (e->kind == X_NAME)
		m->steady &= e->var && e->var->meaning;
	else if (e->kind == X_CALL)
		m->steady &= e->builtin && !(e->builtin->flags & BF_EFFECT);
	else
		m->steady &= e->kind == X_NUMBER || e->kind == X_ENTRY || e->kind == X_STRING ||
			e->kind == X_BINARY || e->kind == X_UNARY ||
			(e->kind == X_PRINT && e->print->to_string);
}

static void find_meaning(const struct stmt *s, const struct stmt *body)
{
	struct meanings m = { .steady = true };
	struct expr *e = s->e;

	if (s->kind != S_EXPR || e->kind != X_ASSIGN || e->op != OP_NONE ||
	    e->a->kind != X_NAME || !e->a->var || e->a->var->is_global ||
	    writes_loop_variable(body, e->a->var))
		return;
	m.var = e->a->var;
	walk_stmts(body, count_writes, &m);
	walk_expr(e->b, look_for_change, &m);
	if (m.writes == 1 && m.steady)
		e->a->var->meaning = e->b;
}

/* Of the alias's own statements, which stand first in a block of theirs. */
void find_meanings(const struct stmt *body)
{
	const struct stmt *s, *block;

	for (block = body; block; block = block->body)
		for (s = block->body; s; s = s->next)
			if (s->at.src && s->at.src->is_tapset)
				find_meaning(s, body);
}

bool sets_meaning(const struct expr *e)
{
	return e->kind == X_ASSIGN && e->a->kind == X_NAME && e->a->var &&
		e->a->var->meaning == e->b;
}

/* --- pieces ------------------------------------------------------------------------ */

/* Of pieces: they are equal wherever they come from. */
static const struct span nowhere;

static struct ir_opnd arg_value(struct lower *l, const struct expr *e,
				size_t n)
{
	const struct expr *a = e->args;

	while (n--)
		a = a->next;
	return lower_expr(l, a);
}

/* "NULL" or the number */
static void shape_pointer(struct lower *l, struct shape_of_text *sh,
			  struct ir_opnd v)
{
	shape_value(l, sh, "%P", v, 'l');
}

/* An argument that the loader may cut to its size: the register; *cut is how, 'W'
   for int, 'V' for unsigned int, 0 for all of it. False: it is another. */
static bool raw_argument(struct lower *l, const struct shape_of_text *sh,
			 const struct expr *e, struct ir_opnd *v, char *cut)
{
	const char *name;
	int64_t n;

	while (e->kind == X_NAME && e->var->meaning)
		e = e->var->meaning;
	if (sh->early || e->kind != X_CALL || !e->builtin || !l->site ||
	    l->prog != IR_SYSCALL || strncmp(e->builtin->name, "__arg_", 6))
		return false;
	name = e->builtin->name + 6;
	if (!strcmp(name, "int") || (!strcmp(name, "long") &&
				     l->site->is_compat))
		*cut = 'W';
	else if (!strcmp(name, "uint"))
		*cut = 'V';
	else if (!strcmp(name, "ulong") || !strcmp(name, "long"))
		*cut = 0;
	else
		return false;
	if (!fold(l, e->args, &n))
		return false;
	*v = read_call_arg(l, (struct span){ 0 }, n);
	return true;
}

bool shape_raw(struct lower *l, struct shape_of_text *sh, const char *d,
	       size_t n, const struct expr *e)
{
	struct ir_opnd v;
	char cut;

	if (n < 2 || !strchr("diuxX", d[n - 1]) || memchr(d, '*', n) ||
	    !raw_argument(l, sh, e, &v, &cut))
		return false;
	shape_value(l, sh, cut ? arena_printf(l->mem, "%.*s%c%c", (int)n - 1,
		    d, cut, d[n - 1]) : arena_strndup(l->mem, d, n), v, 'l');
	return true;
}

/* Statements of a piece, in a try: flag is 0 when they were all done, else those
   of `none` are 0 or "". */
struct trial {
	struct ir_slot *flag;
	struct ir_stmt *try;
	struct block back;
};

static struct trial begin_trial(struct lower *l, struct span at)
{
	struct trial t = { .flag = new_slot(l, IR_LONG, "no") };

	t.flag->in_frame = true;
	add_move(l, at, t.flag, num_opnd(0));
	t.try = add(l, IR_TRY, at);
	t.back = enter(l, &t.try->body);
	return t;
}

/* `none`: the slots that it makes, n of them. */
static void end_trial(struct lower *l, struct span at, struct trial *t,
		      struct ir_slot **none, size_t n)
{
	size_t i;

	leave(l, t->back);
	t->back = enter(l, &t->try->other);
	add_move(l, at, t->flag, num_opnd(1));
	for (i = 0; i < n; i++)
		add_move(l, at, none[i], none[i]->type == IR_LONG ?
			 num_opnd(0) : lit_opnd("", 0));
	leave(l, t->back);
}

/* A slot of its own for a value that a try makes. */
static struct ir_slot *kept_slot(struct lower *l, struct span at,
				 struct ir_opnd v)
{
	struct ir_slot *s = new_slot(l, IR_LONG, "v");

	s->in_frame = true;
	add_move(l, at, s, v);
	return s;
}

/* --- flags and names --------------------------------------------------------------- */

static void shape_table(struct lower *l, struct shape_of_text *sh,
			const char *name, struct ir_opnd v, char cut)
{
	const char *table = dict_get(&syscalls_of(l->j)->tables, name);

	if (!table)
		die("tapsets/syscalls.table has no table %s", name);
	shape_value(l, sh, arena_printf(l->mem, "%%%s{%s%%}", cut == 'W' ?
		    "W" : cut == 'V' ? "V" : "", table), v, 'l');
}

/* --- strings ------------------------------------------------------------------------ */

/* A string of the program in quotes, or its address. */
static void shape_quoted(struct lower *l, struct shape_of_text *sh,
			 const struct expr *e)
{
	struct ir_opnd a = arg_value(l, e, 0);
	struct ir_slot *s = new_slot(l, IR_STRING, "text");
	struct trial t = begin_trial(l, nowhere);

	load_string(l, nowhere, a, (struct ir_opnd){ 0 }, IR_USER_MEM, s);
	end_trial(l, nowhere, &t, &s, 1);
	shape_value(l, sh, "%(", slot_opnd(t.flag), 'l');
	shape_value(l, sh, "%q%:", slot_opnd(s), 's');
	shape_pointer(l, sh, a);
	text_puts(&sh->format, "%)");
}

/* v, but no more than `most` and no less than `least`. */
static struct ir_slot *bounded(struct lower *l, struct span at,
			       struct ir_opnd v, int64_t least, int64_t most)
{
	struct ir_slot *to = kept_slot(l, at, v);
	struct ir_opnd over = add_bin(l, at, IR_ULT, num_opnd(most), v);
	struct ir_stmt *s = add(l, IR_IF, at);
	struct block back;

	s->a = over;
	back = enter(l, &s->body);
	add_move(l, at, to, num_opnd(most));
	leave(l, back);
	if (!least)
		return to;
	over = add_bin(l, at, IR_ULT, v, num_opnd(least));
	s = add(l, IR_IF, at);
	s->a = over;
	back = enter(l, &s->body);
	add_move(l, at, to, num_opnd(least));
	leave(l, back);
	return to;
}

/* Memory of the program, of a length known only then, by a directive that takes
   its length as a precision; or its address. */
static void shape_bytes(struct lower *l, struct shape_of_text *sh,
			const struct expr *e, const char *directive,
			uint32_t cap)
{
	struct ir_opnd a = arg_value(l, e, 0), n = arg_value(l, e, 1);
	struct ir_slot *mem = new_slot(l, IR_STRING, "mem");
	struct ir_slot *len = bounded(l, e->at, n, 0, cap);
	struct ir_slot *read = bounded(l, e->at, n, 1, cap);
	struct trial t = begin_trial(l, nowhere);
	struct ir_stmt *s;

	s = add_into(l, IR_LOAD_MEM, e->at, mem);
	s->a = a;
	s->b = slot_opnd(read);
	s->cap = cap;
	s->space = IR_USER_MEM;
	s->err = fault(l, nowhere, "read fault [man error::fault] at 0x%x", "l");
	end_trial(l, nowhere, &t, &mem, 1);
	shape_value(l, sh, "%(%.*", slot_opnd(t.flag), 'l');
	shape_value(l, sh, directive, slot_opnd(len), 'l');
	text_putc(&sh->types, 'm');
	vec_push(l->mem, &sh->args, slot_opnd(mem));
	text_puts(&sh->format, "%:");
	shape_pointer(l, sh, a);
	text_puts(&sh->format, "%)");
}

/* argv: the first strings of a list that ends in a null pointer. */
static void shape_strings(struct lower *l, struct shape_of_text *sh,
			  const struct expr *e)
{
	bool compat = l->site && l->site->is_compat;
	struct ir_opnd a = arg_value(l, e, 0), p;
	struct ir_slot *s, *end = NULL;
	struct trial t;
	int i, size = compat ? 4 : 8;

	text_puts(&sh->format, "[");
	for (i = 0; i < SHOWN_STRINGS; i++) {
		s = new_slot(l, IR_STRING, "text");
		t = begin_trial(l, nowhere);
		p = load_number(l, nowhere, a, i * size, (unsigned)size, false,
				IR_USER_MEM);
		load_string(l, nowhere, p, num_opnd(STRING_BYTES - 1),
			    IR_USER_MEM, s);
		end_trial(l, nowhere, &t, &s, 1);
		if (end) {	/* what lies behind the end is no more of it */
			p = add_bin(l, e->at, IR_OR, slot_opnd(end),
				    slot_opnd(t.flag));
			add_move(l, e->at, t.flag, p);
		}
		end = t.flag;
		shape_value(l, sh, i ? "%(, " : "%(", slot_opnd(end), 'l');
		shape_value(l, sh, "%q%:%)", slot_opnd(s), 's');
	}
	shape_value(l, sh, "%(, ...%:%)]", slot_opnd(end), 'l');
}

/* --- structs ---------------------------------------------------------------------------- */

const char *struct_text(struct lower *l, const char *name)
{
	const char *s = dict_get(&syscalls_of(l->j)->structs, name);
	const char *other = s ? strstr(s, " | ") : NULL;

	if (!s)
		die("tapsets/syscalls.table has no struct %s", name);
	if (!other)
		return s;
	return l->site && l->site->is_compat ? other + 3 :
		arena_strndup(l->mem, s, (size_t)(other - s));
}

/* "@8.4d" or "@8.4:table" */
const char *next_member(struct lower *l, const char *s, struct words_member *m)
{
	char *end;
	size_t n;

	m->offset = (unsigned)strtoul(s + 1, &end, 10);
	m->size = (unsigned)strtoul(end + 1, &end, 10);
	m->how = *end;
	m->table = NULL;
	if (*end != ':')
		return end + 1;
	n = strspn(end + 1, "abcdefghijklmnopqrstuvwxyz0123456789");
	m->table = arena_strndup(l->mem, end + 1, n);
	return end + 1 + n;
}

static void shape_member(struct lower *l, struct shape_of_text *sh,
			 const struct words_member *m, struct ir_slot *v)
{
	char what[8] = "%d";

	if (m->table) {
		shape_table(l, sh, m->table, slot_opnd(v), 0);
		return;
	}
	if (m->how == 'x')
		strcpy(what, "0x%x");
	else if (m->size == 4 && m->how == 'd')
		strcpy(what, "%Wd");
	else
		what[1] = m->how;
	shape_value(l, sh, what, slot_opnd(v), 'l');
}

static void shape_struct(struct lower *l, struct shape_of_text *sh,
			 const struct expr *e)
{
	const char *text = struct_text(l, e->args->next->str), *s;
	struct ir_opnd a = arg_value(l, e, 0);
	struct ir_slot *members[8];
	struct words_member m[COUNT_OF(members)];
	struct trial t;
	size_t n = 0;

	t = begin_trial(l, nowhere);
	for (s = text; (s = strchr(s, '@')) && n < COUNT_OF(members); n++) {
		s = next_member(l, s, &m[n]);
		members[n] = kept_slot(l, nowhere, load_number(l, nowhere, a,
				       m[n].offset, m[n].size, false,
				       IR_USER_MEM));
	}
	end_trial(l, nowhere, &t, members, n);
	shape_value(l, sh, "%(", slot_opnd(t.flag), 'l');
	for (s = text, n = 0; *s; )
		if (*s == '@' && n < COUNT_OF(members)) {
			s = next_member(l, s, &m[n]);
			shape_member(l, sh, &m[n], members[n]);
			n++;
		} else {
			text_putc(&sh->format, *s++);
		}
	text_puts(&sh->format, "%:");
	shape_pointer(l, sh, a);
	text_puts(&sh->format, "%)");
}

/* --- all of them -------------------------------------------------------------------------- */

/* A call's result: a number and the error's name, an address, a mode. */
static void shape_result(struct lower *l, struct shape_of_text *sh,
			 const struct expr *e)
{
	struct ir_opnd v = arg_value(l, e, 0);
	char what = *e->args->next->str;

	if (what != 'x') {
		shape_value(l, sh, what == 'o' ? "%#o" : "%E", v, 'l');
		return;
	}
	shape_value(l, sh, "%(", add_bin(l, e->at, IR_ULE, num_opnd(-4095), v),
		    'l');
	shape_value(l, sh, "0x%x%:", v, 'l');
	shape_value(l, sh, "%E%)", v, 'l');
}

/* open()'s mode: there when a file may be made. */
static void shape_mode(struct lower *l, struct shape_of_text *sh,
		       const struct expr *e)
{
	enum { O_CREAT = 0x40, O_TMPFILE = 0x400000 };
	struct ir_opnd flags = arg_value(l, e, 0), mode = arg_value(l, e, 1);

	flags = add_bin(l, e->at, IR_AND, flags, num_opnd(O_CREAT | O_TMPFILE));
	shape_value(l, sh, "%(%:, ", flags, 'l');
	shape_value(l, sh, "%#o%)", mode, 'l');
}

bool is_words(const struct expr *e)
{
	static const char *const names[] = {
		"__pointer", "__words", "__quoted", "__buffer", "__mode",
		"__struct", "__sockaddr", "__strings", "__result",
	};
	size_t i;

	for (i = 0; e->kind == X_CALL && e->builtin && i < COUNT_OF(names);
	     i++)
		if (!strcmp(e->builtin->name, names[i]))
			return true;
	return false;
}

void shape_words(struct lower *l, struct shape_of_text *sh,
		 const struct expr *e)
{
	const char *name = e->builtin->name;
	struct ir_opnd v;
	char cut = 0;

	if (!strcmp(name, "__pointer"))
		shape_pointer(l, sh, arg_value(l, e, 0));
	else if (!strcmp(name, "__words"))
		shape_table(l, sh, e->args->next->str, raw_argument(l, sh,
			    e->args, &v, &cut) ? v : arg_value(l, e, 0), cut);
	else if (!strcmp(name, "__quoted"))
		shape_quoted(l, sh, e);
	else if (!strcmp(name, "__buffer"))
		shape_bytes(l, sh, e, "q", SHOWN_BYTES + 1);
	else if (!strcmp(name, "__mode"))
		shape_mode(l, sh, e);
	else if (!strcmp(name, "__struct"))
		shape_struct(l, sh, e);
	else if (!strcmp(name, "__result"))
		shape_result(l, sh, e);
	else if (!strcmp(name, "__sockaddr"))
		shape_bytes(l, sh, e, "S", SOCKADDR_BYTES);
	else
		shape_strings(l, sh, e);
}
