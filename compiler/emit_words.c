/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit_words.c - text of a system call's arguments as a value: the pieces, the
 * tables and the names that runtime/words.h makes it of, and the statement.
 */
#include "emit.h"

#include <inttypes.h>
#include <string.h>

enum { SIZE = 10 * 8 + 24 + 16 + 64 };	/* struct rt_words */

uint32_t emit_words_size(const struct ir *ir)
{
	return ir->words.pieces.n ? SIZE : 0;
}

static void put_texts(struct emit *e, const struct text *t)
{
	size_t i, n;

	if (!t->n) {
		emit_line(e, "static const char words_text[1] RT_CONST = \"\";");
		return;
	}
	emit_line(e, "static const char words_text[%zu] RT_CONST =", t->n);
	for (i = 0; i < t->n; i += n + 1) {
		struct text quoted = { .mem = e->mem };

		n = strlen(t->s + i);
		text_quote(&quoted, t->s + i, n);
		if (i + n + 1 < t->n)
			emit_line(e, "\t%s \"\\0\"", quoted.s);
		else
			emit_line(e, "\t%s;", quoted.s);
	}
}

static void put_piece(struct emit *e, const struct ir_piece *p)
{
	static const char *const kinds[] = {
		[IR_W_END] = "END", [IR_W_TEXT] = "TEXT",
		[IR_W_NUMBER] = "NUMBER", [IR_W_POINTER] = "POINTER",
		[IR_W_FLAGS] = "FLAGS", [IR_W_NAME] = "NAME",
		[IR_W_BITS] = "BITS", [IR_W_QUOTED] = "QUOTED",
		[IR_W_BUFFER] = "BUFFER", [IR_W_MODE] = "MODE",
		[IR_W_STRUCT] = "STRUCT", [IR_W_STRINGS] = "STRINGS",
		[IR_W_SOCKADDR] = "SOCKADDR", [IR_W_RESULT] = "RESULT",
	};

	emit_line(e, "\t{ RT_W_%s, %u, %u, %u, %u, %u, %u, %" PRIu32 ", %"
		  PRIu32 " },", kinds[p->kind], p->from, p->cut, p->how,
		  p->from2, p->cut2, p->offset, p->at, p->n);
}

void emit_word_tables(struct emit *e)
{
	const struct ir_words *w = &e->ir->words;
	size_t i;

	if (!e->kernel || !w->pieces.n)
		return;
	put_texts(e, &w->texts);
	emit_line(e, "static const struct rt_word words_table[%zu] RT_CONST = "
		  "{", w->table.n + 1);
	for (i = 0; i < w->table.n; i++)
		emit_line(e, "\t{ 0x%" PRIx64 ", 0x%" PRIx64 ", %" PRIu32 " },",
			  w->table.v[i].mask, w->table.v[i].value,
			  w->table.v[i].name);
	emit_line(e, "};");
	emit_line(e, "static const struct rt_words_piece words_pieces[%zu] RT_CONST "
		  "= {", w->pieces.n);
	for (i = 0; i < w->pieces.n; i++)
		put_piece(e, &w->pieces.v[i]);
	emit_line(e, "};\n");
}

void emit_words(struct emit *e, const struct ir_stmt *s)
{
	emit_line(e, "rt_words(r, %s, %u, (u64)&words_pieces[%s], "
		  "(u64)words_table, (u64)words_text, %s, %s);",
		  emit_slot(e, s->dst), s->dst->cap ? s->dst->cap :
		  e->ir->string_len, emit_format_id(e, s),
		  s->nargs > 0 ? emit_opnd(e, &s->args[0]) : "0",
		  s->nargs > 1 ? emit_opnd(e, &s->args[1]) : "0");
}
