/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_words_now.c - arguments of system calls in words as values: the handler
 * makes the text, a step for each name, number by number, as loader/words.c
 * would print it.
 */
#include "lower_words.h"
#include "syscalls.h"

#include <stdlib.h>
#include <string.h>

/* --- pieces ------------------------------------------------------------------------ */

struct ir_slot *new_text(struct lower *l, struct span at)
{
	struct ir_slot *to = new_slot(l, IR_STRING, "words");

	add_move(l, at, to, lit_opnd("", 0));
	return to;
}

static void append(struct lower *l, struct span at, struct ir_slot *to,
		   struct ir_opnd text)
{
	struct ir_stmt *s = add_into(l, IR_CAT, at, to);

	s->a = slot_opnd(to);
	s->b = text;
}

static void append_value(struct lower *l, struct span at, struct ir_slot *to,
			 const char *directive, struct ir_opnd v, char type)
{
	struct shape_of_text sh;

	shape_init(l, &sh);
	sh.early = true;
	shape_value(l, &sh, directive, v, type);
	append(l, at, to, shape_string(l, &sh, at, NULL));
}

/* Statements for where `a` is not 0. */
static struct block enter_if(struct lower *l, struct span at, struct ir_opnd a,
			     struct ir_stmt **s)
{
	*s = add(l, IR_IF, at);
	(*s)->a = a;
	return enter(l, &(*s)->body);
}

static struct ir_opnd is_zero(struct lower *l, struct span at,
			      struct ir_opnd v)
{
	return add_bin(l, at, IR_EQ, v, num_opnd(0));
}

struct ir_opnd pointer_now(struct lower *l, struct span at, struct ir_opnd v)
{
	struct ir_slot *to = new_slot(l, IR_STRING, "pointer");
	struct shape_of_text sh;
	struct ir_stmt *s;
	struct block back;

	add_move(l, at, to, lit_opnd("NULL", 4));
	back = enter_if(l, at, v, &s);
	shape_init(l, &sh);
	sh.early = true;
	shape_value(l, &sh, "0x%x", v, 'l');
	add_move(l, at, to, shape_string(l, &sh, at, to));
	leave(l, back);
	return slot_opnd(to);
}

void append_unless(struct lower *l, struct span at, struct ir_slot *to,
		   struct ir_slot *flag, const char *directive,
		   struct ir_opnd v)
{
	struct ir_stmt *s;
	struct block back = enter_if(l, at, is_zero(l, at, slot_opnd(flag)),
				     &s);

	append_value(l, at, to, directive, v, 's');
	leave(l, back);
}

struct choice begin_choice(struct lower *l, struct span at, struct ir_slot *to,
			   struct ir_slot *flag, struct ir_opnd a)
{
	struct choice c = { .to = to };
	struct ir_stmt *s;

	c.back = enter_if(l, at, slot_opnd(flag), &s);
	append(l, at, to, pointer_now(l, at, a));
	leave(l, c.back);
	c.back = enter(l, &s->other);
	shape_init(l, &c.now);
	c.now.early = true;
	return c;
}

void end_choice(struct lower *l, struct span at, struct choice *c)
{
	append(l, at, c->to, shape_string(l, &c->now, at, NULL));
	leave(l, c->back);
}

/* --- flags and names --------------------------------------------------------------- */

struct entry {
	uint64_t mask, value;
	bool has_mask;
	const char *name;
	size_t len;
};

static bool next_entry(const char **p, struct entry *e)
{
	char *end;

	if (!**p)
		return false;
	e->value = strtoull(*p, &end, 16);
	e->has_mask = *end == '/';
	if (e->has_mask) {
		e->mask = e->value;
		e->value = strtoull(end + 1, &end, 16);
	}
	e->name = *end == ' ' ? end + 1 : end;
	e->len = strcspn(e->name, ",");
	*p = e->name + e->len + (e->name[e->len] == ',');
	return true;
}

/* What no name stands for: of flags the rest, else the number. */
static void append_rest(struct lower *l, struct span at, struct ir_slot *to,
			struct ir_slot *v, struct ir_slot *any, char kind)
{
	const char *number = kind == 'd' ? "%d" : kind == 'o' ? "%#o" : "0x%x";
	struct ir_opnd want = is_zero(l, at, slot_opnd(any));
	struct block back, in;
	struct ir_stmt *s;

	if (kind == 'f')
		want = add_bin(l, at, IR_OR, want, add_bin(l, at, IR_NE,
			       slot_opnd(v), num_opnd(0)));
	back = enter_if(l, at, want, &s);
	if (kind == 'f') {
		in = enter_if(l, at, slot_opnd(any), &s);
		append(l, at, to, lit_opnd("|", 1));
		leave(l, in);
	}
	in = enter_if(l, at, slot_opnd(v), &s);
	append_value(l, at, to, number, slot_opnd(v), 'l');
	leave(l, in);
	in = enter(l, &s->other);
	append(l, at, to, lit_opnd("0", 1));
	leave(l, in);
	leave(l, back);
}

/* "[HUP INT]", "~[KILL]" where two thirds are set */
static struct ir_opnd bits_now(struct lower *l, struct span at, const char *p,
			       struct ir_slot *v)
{
	struct ir_slot *to = new_text(l, at);
	struct ir_slot *any = kept_slot(l, at, num_opnd(0));
	struct ir_slot *n = kept_slot(l, at, num_opnd(0));
	struct block back, in;
	struct ir_stmt *s;
	struct entry e;

	for (int i = 0; i < 64; i++)
		add_move(l, at, n, add_bin(l, at, IR_ADD, slot_opnd(n),
			 add_bin(l, at, IR_AND, add_bin(l, at, IR_USHR,
				 slot_opnd(v), num_opnd(i)), num_opnd(1))));
	back = enter_if(l, at, add_bin(l, at, IR_GE, slot_opnd(n),
				       num_opnd(64 * 2 / 3)), &s);
	append(l, at, to, lit_opnd("~", 1));
	add_move(l, at, v, add_bin(l, at, IR_XOR, slot_opnd(v), num_opnd(-1)));
	leave(l, back);
	append(l, at, to, lit_opnd("[", 1));
	while (next_entry(&p, &e)) {
		if (e.value > 63)
			continue;
		back = enter_if(l, at, add_bin(l, at, IR_AND, slot_opnd(v),
				num_opnd((int64_t)(1ull << e.value))), &s);
		in = enter_if(l, at, slot_opnd(any), &s);
		append(l, at, to, lit_opnd(" ", 1));
		leave(l, in);
		append(l, at, to, lit_opnd(e.name, e.len));
		add_move(l, at, any, num_opnd(1));
		leave(l, back);
	}
	append(l, at, to, lit_opnd("]", 1));
	return slot_opnd(to);
}

/* The names as the handler makes them: a step for each. */
struct ir_opnd words_now(struct lower *l, struct span at, const char *table,
			 struct ir_opnd number)
{
	struct ir_slot *v = kept_slot(l, at, number), *to, *any;
	bool flags = *table == 'f';
	const char *p = table + 1 + strspn(table + 1, " ");
	struct entry e;

	if (*table == 's')
		return bits_now(l, at, p, v);
	to = new_text(l, at);
	any = new_slot(l, IR_LONG, "any");
	add_move(l, at, any, num_opnd(0));
	while (next_entry(&p, &e)) {
		uint64_t mask = e.has_mask ? e.mask : flags ? e.value : ~0ull;
		struct ir_opnd is = mask == ~0ull ? slot_opnd(v) :
			add_bin(l, at, IR_AND, slot_opnd(v),
				num_opnd((int64_t)mask));
		struct block back, in;
		struct ir_stmt *s;

		if (flags && !e.value && !e.has_mask)
			continue;
		is = add_bin(l, at, IR_EQ, is, num_opnd((int64_t)e.value));
		s = add(l, IR_IF, at);
		s->a = is;
		back = enter(l, &s->body);
		if (flags) {
			s = add(l, IR_IF, at);
			s->a = slot_opnd(any);
			in = enter(l, &s->body);
			append(l, at, to, lit_opnd("|", 1));
			leave(l, in);
			add_move(l, at, v, add_bin(l, at, IR_AND, slot_opnd(v),
						   num_opnd((int64_t)~mask)));
		}
		append(l, at, to, lit_opnd(e.name, e.len));
		add_move(l, at, any, num_opnd(1));
		leave(l, back);
	}
	append_rest(l, at, to, v, any, *table);
	return slot_opnd(to);
}

/* --- octal ---------------------------------------------------------------------------- */

/* Digits `from` to `to` of v in octal, as those of a hexadecimal number. */
static struct ir_opnd octal_digits(struct lower *l, struct span at,
				   struct ir_opnd v, int from, int to)
{
	struct ir_opnd all = num_opnd(0), digit;

	for (int i = from; i < to; i++) {
		digit = add_bin(l, at, IR_AND, add_bin(l, at, IR_USHR, v,
				num_opnd(3 * i)), num_opnd(7));
		all = add_bin(l, at, IR_OR, all, add_bin(l, at, IR_SHL, digit,
			      num_opnd(4 * (i - from))));
	}
	return all;
}

/* The kernel's snprintf has no octal. */
struct ir_opnd octal_now(struct lower *l, struct span at, struct ir_opnd v,
			 bool begins_with_0)
{
	enum { LOW = 16, ALL = 22 };
	struct ir_slot *low = kept_slot(l, at, octal_digits(l, at, v, 0, LOW));
	struct ir_slot *high = kept_slot(l, at, octal_digits(l, at, v, LOW,
							     ALL));
	struct ir_slot *to = new_text(l, at);
	struct ir_stmt *s;
	struct block back;

	if (begins_with_0)
		append(l, at, to, lit_opnd("0", 1));
	back = enter_if(l, at, slot_opnd(high), &s);
	append_value(l, at, to, "%x", slot_opnd(high), 'l');
	append_value(l, at, to, "%016x", slot_opnd(low), 'l');
	leave(l, back);
	back = enter(l, &s->other);
	append_value(l, at, to, "%x", slot_opnd(low), 'l');
	leave(l, back);
	return slot_opnd(to);
}

/* --- what is not always there ------------------------------------------------------- */

struct ir_opnd mode_now(struct lower *l, struct span at, struct ir_opnd is_there,
			struct ir_opnd mode)
{
	struct ir_slot *to = new_text(l, at);
	struct ir_stmt *s;
	struct block back = enter_if(l, at, is_there, &s);

	append_value(l, at, to, ", %#o", mode, 'l');
	leave(l, back);
	return slot_opnd(to);
}

/* " (ENOENT)" for each name of the table */
static const char *errors_in_brackets(struct lower *l)
{
	const char *p = dict_get(&syscalls_of(l->j)->tables, "errors");
	struct text s = { .mem = l->mem };
	size_t n;

	if (!p)
		die("tapsets/syscalls.table has no table errors");
	for (p += 1 + strspn(p + 1, " ");; p += n + 1) {
		n = strcspn(p, ",");
		if (n)
			text_printf(&s, " (%.*s)", (int)n, p);
		if (!p[n])
			return s.s;
		text_putc(&s, ',');
	}
}

static void append_error(struct lower *l, struct span at, struct ir_slot *to,
			 struct ir_opnd v)
{
	enum { LAST = 133, KERNELS = 512 };	/* behind that in the table */
	struct ir_slot *n = kept_slot(l, at, add_bin(l, at, IR_SUB,
						     num_opnd(0), v));
	struct ir_stmt *s;
	struct block back;

	back = enter_if(l, at, add_bin(l, at, IR_GT, slot_opnd(n),
				       num_opnd(LAST)), &s);
	add_move(l, at, n, add_bin(l, at, IR_SUB, slot_opnd(n),
				   num_opnd(KERNELS - LAST - 1)));
	leave(l, back);
	append(l, at, to, listed_name(l, at, slot_opnd(n),
				      errors_in_brackets(l)));
}

struct ir_opnd result_now(struct lower *l, struct span at, struct ir_opnd v,
			  char what)
{
	struct ir_slot *to = new_text(l, at);
	struct ir_stmt *s;
	struct block back;

	if (what == 'o') {
		append_value(l, at, to, "%#o", v, 'l');
		return slot_opnd(to);
	}
	if (what != 'x') {
		append_value(l, at, to, "%d", v, 'l');
		append_error(l, at, to, v);
		return slot_opnd(to);
	}
	back = enter_if(l, at, add_bin(l, at, IR_ULE, num_opnd(-4095), v), &s);
	append_value(l, at, to, "%d", v, 'l');
	append_error(l, at, to, v);
	leave(l, back);
	back = enter(l, &s->other);
	append_value(l, at, to, "0x%x", v, 'l');
	leave(l, back);
	return slot_opnd(to);
}

/* --- addresses of sockets ------------------------------------------------------------ */

enum { FAMILY, PORT = 2, WORD = 4, PATH = 2, ADDRESS6 = 8, SCOPE = 24 };

static struct ir_opnd swapped(struct lower *l, struct span at, struct ir_opnd v)
{
	struct ir_opnd high = add_bin(l, at, IR_AND, add_bin(l, at, IR_SHL, v,
				      num_opnd(8)), num_opnd(0xff00));

	return add_bin(l, at, IR_OR, high, add_bin(l, at, IR_USHR, v,
						   num_opnd(8)));
}

static struct ir_opnd swapped4(struct lower *l, struct span at,
			       struct ir_opnd v)
{
	struct ir_opnd low = add_bin(l, at, IR_AND, v, num_opnd(0xffff));

	v = swapped(l, at, add_bin(l, at, IR_USHR, v, num_opnd(16)));
	return add_bin(l, at, IR_OR, v, add_bin(l, at, IR_SHL, swapped(l, at,
			low), num_opnd(16)));
}

static struct ir_opnd user_number(struct lower *l, struct span at,
				  struct ir_opnd a, int64_t offset, unsigned n)
{
	return load_number(l, at, a, offset, n, false, IR_USER_MEM);
}

static void shape_port(struct lower *l, struct span at, struct shape_of_text *sh,
		       struct ir_opnd a, const char *text)
{
	shape_value(l, sh, text, swapped(l, at, user_number(l, at, a, PORT,
								 2)), 'l');
}

static void shape_inet(struct lower *l, struct span at, struct shape_of_text *sh,
		       struct ir_opnd a)
{
	shape_port(l, at, sh, a, "{sa_family=AF_INET, sin_port=htons(%d), ");
	for (int i = 0; i < 4; i++)
		shape_value(l, sh, i ? ".%d" : "sin_addr=inet_addr(\"%d",
			    user_number(l, at, a, WORD + i, 1), 'l');
	shape_text(sh, "\")}", 3);
}

/* Its address in full: a handler does not look for the longest run of zeroes. */
static void shape_inet6(struct lower *l, struct span at, struct shape_of_text *sh,
			struct ir_opnd a)
{
	shape_port(l, at, sh, a, "{sa_family=AF_INET6, sin6_port=htons(%d), ");
	shape_value(l, sh, "sin6_flowinfo=htonl(%d), ",
		    swapped4(l, at, user_number(l, at, a, WORD, 4)), 'l');
	for (int i = 0; i < 8; i++)
		shape_value(l, sh, i ? ":%x" :
			    "inet_pton(AF_INET6, \"%x", swapped(l, at,
			    user_number(l, at, a, ADDRESS6 + 2 * i, 2)), 'l');
	shape_value(l, sh, "\", &sin6_addr), sin6_scope_id=%d}",
		    user_number(l, at, a, SCOPE, 4), 'l');
}

static void shape_unix(struct lower *l, struct span at,
		       struct shape_of_text *sh, struct ir_opnd a)
{
	struct ir_slot *named = kept_slot(l, at, user_number(l, at, a, PATH, 1));
	struct ir_slot *mark = new_text(l, at);
	struct ir_opnd from = add_bin(l, at, IR_ADD, a, num_opnd(PATH));

	append_unless(l, at, mark, named, "%s", lit_opnd("@", 1));
	from = add_bin(l, at, IR_ADD, from, is_zero(l, at, slot_opnd(named)));
	shape_value(l, sh, "{sa_family=AF_UNIX, sun_path=%s", slot_opnd(mark),
		    's');
	shape_value(l, sh, "\"%s", load_string(l, at, from, num_opnd(107),
						IR_USER_MEM, NULL), 's');
	shape_value(l, sh, "%s", lit_opnd("\"}", 2), 's');
}

static void shape_other(struct lower *l, struct span at,
			struct shape_of_text *sh, struct ir_opnd a)
{
	shape_value(l, sh, "{sa_family=%d}", user_number(l, at, a, FAMILY, 2),
		    'l');
}

struct ir_opnd sockaddr_now(struct lower *l, struct span at, struct ir_opnd a)
{
	static const struct {
		int64_t number;
		void (*shape)(struct lower *l, struct span at,
			      struct shape_of_text *sh, struct ir_opnd a);
	} known[] = { { 2, shape_inet }, { 10, shape_inet6 },
		      { 1, shape_unix }, { -1, shape_other } };
	struct ir_slot *to = new_text(l, at), *family;
	struct trial t = begin_trial(l, at);
	struct block back, others[COUNT_OF(known)];
	struct shape_of_text sh;
	struct ir_stmt *s = NULL;
	size_t i;

	family = kept_slot(l, at, user_number(l, at, a, FAMILY, 2));
	for (i = 0; i < COUNT_OF(known); i++) {
		bool last = i == COUNT_OF(known) - 1;

		if (!last)
			back = enter_if(l, at, add_bin(l, at, IR_EQ,
				slot_opnd(family), num_opnd(known[i].number)),
				&s);
		shape_init(l, &sh);
		sh.early = true;
		known[i].shape(l, at, &sh, a);
		append(l, at, to, shape_string(l, &sh, at, NULL));
		if (last)
			break;
		leave(l, back);
		others[i] = enter(l, &s->other);
	}
	while (i--)
		leave(l, others[i]);
	end_trial(l, at, &t, &to, 1);
	back = enter_if(l, at, slot_opnd(t.flag), &s);
	append(l, at, to, pointer_now(l, at, a));
	leave(l, back);
	return slot_opnd(to);
}
