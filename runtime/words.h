/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * words.h - text of a system call's arguments as a value: pieces that the compiler
 * has made of it (compiler/ir.h, struct ir_piece), done one after the other, so
 * that a handler is the same whatever the call. In: an array that ends in
 * RT_W_END; tables and texts that pieces name by where they are in other arrays.
 * What is carried from piece to piece is in the frame, of which a verifier
 * believes nothing. An engine gives, besides what rt.h says:
 *
 *	RT_TURNS(n, f, arg)	f(turn, arg) until it returns 1, n times at most
 *	rt_get(dst, n, at, user)	0, or it cannot be read
 *	rt_get_str(dst, cap, at, user)	bytes without the NUL, or less than 0
 *	RT_SAY(dst, cap, format, ...)	bytes without the NUL, of numbers of 64 bits
 *	rt_words_at(r), rt_words_to(r)	the frame's struct rt_words, and its buffer
 */
#ifndef STB_WORDS_H
#define STB_WORDS_H

enum rt_piece_kind {
	RT_W_END, RT_W_TEXT, RT_W_NUMBER, RT_W_POINTER, RT_W_FLAGS, RT_W_NAME,
	RT_W_BITS, RT_W_QUOTED, RT_W_BUFFER, RT_W_MODE, RT_W_STRUCT,
	RT_W_STRINGS, RT_W_SOCKADDR, RT_W_RESULT,
};
enum { RT_W_OPERAND = 8, RT_W_MEMBER = 16 };	/* struct ir_piece, from */
enum { RT_W_ALL, RT_W_INT, RT_W_UINT, RT_W_INT16, RT_W_PAIR };
enum { RT_W_SIGNED = 0x80 };
enum { RT_W_SHOWN = 32, RT_W_STRINGS_SHOWN = 8, RT_W_STRING = 64,
       RT_W_PIECES = 256, RT_W_ENTRIES = 1024 };

struct rt_words_piece {
	unsigned char kind, from, cut, how, from2, cut2;
	uint16_t offset;
	u32 at, n;
};
struct rt_word {
	u64 mask, value, name;
};

struct rt_words {
	u64 n;			/* characters that are there */
	u64 next;		/* piece */
	u64 table, text;	/* arrays */
	u64 v;			/* of this piece: what is left of its value, */
	u64 any;		/* whether something was named, */
	u64 low, high;		/* entries to look among */
	u64 args[2];
	struct rt_word word;
	struct rt_words_piece piece;
	char mem[64];
};

struct rt_words_turn {
	struct rt_run *r;
	struct rt_words *w;
	char *to;
};

/* --- what is put behind the text ------------------------------------------------- */

RT_INLINE u64 rt_words_end(struct rt_words *w)
{
	u64 n = w->n;

	rt_bound(n, RT_STRING_LEN - 1);
	return n;
}

RT_INLINE long rt_words_more(struct rt_words *w, u64 n, long got)
{
	if (got < 0)
		return 1;
	n += (u64)got;
	w->n = n < RT_STRING_LEN ? n : RT_STRING_LEN - 1;
	return 0;
}

RT_OUTLINE long rt_words_text(struct rt_words_turn *t, u64 at)
{
	u64 n = rt_words_end(t->w);

	return rt_words_more(t->w, n, rt_get_str(t->to + n, RT_STRING_LEN, at,
						 0));
}
#define RT_WORDS_TEXT(t, text) rt_words_text(t, (u64)(text))

/* Of the program, `size` with the NUL at most; 1: it cannot be read. */
RT_OUTLINE long rt_words_user(struct rt_words_turn *t, u64 at, u64 size)
{
	u64 n = rt_words_end(t->w);

	rt_bound(size, RT_STRING_LEN);
	return rt_words_more(t->w, n, rt_get_str(t->to + n, size, at, 1));
}

/* Octal digits from `from` on, 16 at most, as those of a hexadecimal number. */
RT_INLINE u64 rt_words_octal(u64 v, int from)
{
	u64 all = 0;

#pragma unroll
	for (int i = 0; i < 16; i++)
		if (3 * (from + i) < 64)
			all |= (v >> 3 * (from + i) & 7) << 4 * i;
	return all;
}

RT_OUTLINE long rt_words_number(struct rt_words_turn *t, u32 how, u64 v)
{
	u64 n, high;
	char *to;
	long got;

	if (how == 'o')
		RT_WORDS_TEXT(t, "0");
	n = rt_words_end(t->w);
	to = t->to + n;
	if (how == 'd') {
		got = RT_SAY(to, RT_STRING_LEN, "%lld", v);
	} else if (how == 'u') {
		got = RT_SAY(to, RT_STRING_LEN, "%llu", v);
	} else if (how == 'x') {
		got = RT_SAY(to, RT_STRING_LEN, "0x%llx", v);
	} else {	/* octal */
		high = rt_words_octal(v, 16);
		v = rt_words_octal(v, 0);
		got = high ? RT_SAY(to, RT_STRING_LEN, "%llx%016llx", high, v) :
			     RT_SAY(to, RT_STRING_LEN, "%llx", v);
	}
	return rt_words_more(t->w, n, got);
}

RT_INLINE long rt_words_pointer(struct rt_words_turn *t, u64 v)
{
	return v ? rt_words_number(t, 'x', v) : RT_WORDS_TEXT(t, "NULL");
}

/* --- values ------------------------------------------------------------------------- */

RT_OUTLINE u64 rt_words_value(struct rt_words_turn *t, u64 from, u64 cut)
{
	struct rt_words *w = t->w;
	u64 v = 0;

	if (from < RT_W_OPERAND) {
		rt_bound(from, 6);
		v = (u64)rt_call_arg(t->r, (u32)from);
		if (cut == RT_W_PAIR && from < 6)
			v = (u32)v | (u64)rt_call_arg(t->r, (u32)from + 1) << 32;
	} else if (from < RT_W_MEMBER) {
		from -= RT_W_OPERAND;
		v = from ? w->args[1] : w->args[0];
	}
	return cut == RT_W_INT ? (u64)(i64)(int32_t)v : cut == RT_W_UINT ?
		(u32)v : cut == RT_W_INT16 ? (u64)(i64)(int16_t)v : v;
}

/* Of the struct that was read. */
RT_OUTLINE u64 rt_words_member(struct rt_words_turn *t, u64 cut)
{
	struct rt_words *w = t->w;
	u64 size = cut & 15, shift;

	rt_bound(size, 8);
	w->v = 0;
	rt_get(&w->v, size, (u64)w->mem + w->piece.offset, 0);
	shift = 64 - 8 * size;
	if (!(cut & RT_W_SIGNED) || shift > 63)
		return w->v;
	return (u64)((i64)(w->v << shift) >> shift);
}

/* --- tables -------------------------------------------------------------------------- */

RT_BODY rt_words_flag(u32 turn, struct rt_words_turn *t)
{
	struct rt_words *w = t->w;
	u64 v = w->v;

	rt_get(&w->word, sizeof(w->word), w->table +
	       (w->piece.at + turn) * sizeof(struct rt_word), 0);
	if ((v & w->word.mask) != w->word.value ||
	    (!w->word.value && w->any && !v))
		return 0;
	if (w->any) {
		if (w->piece.kind == RT_W_BITS)
			RT_WORDS_TEXT(t, " ");
		else
			RT_WORDS_TEXT(t, "|");
	}
	w->v = v & ~w->word.mask;
	w->any = 1;
	rt_words_text(t, w->text + w->word.name);
	return 0;
}

RT_OUTLINE long rt_words_flags(struct rt_words_turn *t)
{
	struct rt_words *w = t->w;
	u32 n = w->piece.n;

	w->any = 0;
	if (n > RT_W_ENTRIES)
		n = RT_W_ENTRIES;
	RT_TURNS(n, rt_words_flag, t);
	if (w->piece.kind == RT_W_BITS || (w->any && !w->v))
		return 0;
	if (w->any)
		RT_WORDS_TEXT(t, "|");
	if (w->v)
		return rt_words_number(t, 'x', w->v);
	return RT_WORDS_TEXT(t, "0");
}

/* Sets of which two thirds are there tell what is not. */
RT_OUTLINE long rt_words_bits(struct rt_words_turn *t)
{
	u64 n = t->w->v;

	n -= n >> 1 & 0x5555555555555555;
	n = (n & 0x3333333333333333) + (n >> 2 & 0x3333333333333333);
	n = (n + (n >> 4)) & 0x0f0f0f0f0f0f0f0f;
	if (n * 0x0101010101010101 >> 56 >= 64 * 2 / 3) {
		t->w->v = ~t->w->v;
		RT_WORDS_TEXT(t, "~");
	}
	RT_WORDS_TEXT(t, "[");
	rt_words_flags(t);
	return RT_WORDS_TEXT(t, "]");
}

/* Entries stand by their values. */
RT_BODY rt_words_half(u32 turn, struct rt_words_turn *t)
{
	struct rt_words *w = t->w;
	u64 low = w->low, high = w->high, half = (low + high) / 2;

	if (low >= high)
		return 1;
	rt_get(&w->word, sizeof(w->word), w->table +
	       half * sizeof(struct rt_word), 0);
	if (w->word.value == w->v) {
		w->any = 1;
		return 1;
	}
	if (w->word.value < w->v)
		w->low = half + 1;
	else
		w->high = half;
	return 0;
}

/* Is there a name of w->v? */
RT_INLINE u64 rt_words_find(struct rt_words_turn *t)
{
	struct rt_words *w = t->w;

	w->any = 0;
	w->low = w->piece.at;
	w->high = w->low + w->piece.n;
	RT_TURNS(12, rt_words_half, t);
	return w->any;
}

RT_OUTLINE long rt_words_name(struct rt_words_turn *t)
{
	struct rt_words *w = t->w;

	if (rt_words_find(t))
		return rt_words_text(t, w->text + w->word.name);
	if (w->v)
		return rt_words_number(t, w->piece.how, w->v);
	return RT_WORDS_TEXT(t, "0");
}

RT_OUTLINE long rt_words_result(struct rt_words_turn *t)
{
	struct rt_words *w = t->w;
	u64 v = w->v;

	if (w->piece.how == 'o')
		return rt_words_number(t, 'o', v);
	if (w->piece.how == 'x' && v < (u64)-4095)
		return rt_words_number(t, 'x', v);
	rt_words_number(t, 'd', v);
	w->v = -v;
	if (!rt_words_find(t))
		return 0;
	RT_WORDS_TEXT(t, " (");
	rt_words_text(t, w->text + w->word.name);
	return RT_WORDS_TEXT(t, ")");
}

/* --- what pointers lead to --------------------------------------------------------------- */

RT_OUTLINE long rt_words_quoted(struct rt_words_turn *t, u64 size)
{
	u64 was = t->w->n;

	RT_WORDS_TEXT(t, "\"");
	if (!rt_words_user(t, t->w->v, size))
		return RT_WORDS_TEXT(t, "\"");
	t->w->n = was;
	return rt_words_pointer(t, t->w->v);
}

RT_OUTLINE long rt_words_buffer(struct rt_words_turn *t)
{
	struct rt_words_piece *p = &t->w->piece;
	u64 n = rt_words_value(t, p->from2, p->cut2);

	rt_words_quoted(t, n < RT_W_SHOWN ? n + 1 : RT_W_SHOWN + 1);
	return n > RT_W_SHOWN ? RT_WORDS_TEXT(t, "...") : 0;
}

/* open()'s mode: there when a file may be made. */
RT_OUTLINE long rt_words_mode(struct rt_words_turn *t)
{
	enum { O_CREAT_ = 0x40, O_TMPFILE_ = 0x400000 };
	struct rt_words_piece *p = &t->w->piece;

	if (!(rt_words_value(t, p->from2, p->cut2) & (O_CREAT_ | O_TMPFILE_)))
		return 0;
	RT_WORDS_TEXT(t, ", ");
	return rt_words_number(t, 'o', t->w->v);
}

/* A struct is read as a whole; its pieces follow, or are left out. */
RT_OUTLINE long rt_words_struct(struct rt_words_turn *t)
{
	struct rt_words *w = t->w;
	u64 size = w->piece.offset;

	rt_bound(size, sizeof(w->mem));
	if (!rt_get(w->mem, size, w->v, 1))
		return 0;
	w->next += w->piece.n * sizeof(struct rt_words_piece);
	return rt_words_pointer(t, w->v);
}

/* One string of a list that ends in a null pointer. */
RT_BODY rt_words_string(u32 turn, struct rt_words_turn *t)
{
	struct rt_words *w = t->w;
	u64 size = w->piece.how, was = w->n;

	rt_bound(size, 8);
	w->low = 0;
	if (rt_get(&w->low, size, w->v + turn * size, 1) || !w->low)
		return 1;
	if (turn >= RT_W_STRINGS_SHOWN) {
		RT_WORDS_TEXT(t, ", ...");
		return 1;
	}
	if (turn)
		RT_WORDS_TEXT(t, ", \"");
	else
		RT_WORDS_TEXT(t, "\"");
	if (rt_words_user(t, w->low, RT_W_STRING)) {
		w->n = was;
		return 1;
	}
	RT_WORDS_TEXT(t, "\"");
	return 0;
}

RT_OUTLINE long rt_words_strings(struct rt_words_turn *t)
{
	RT_WORDS_TEXT(t, "[");
	RT_TURNS(RT_W_STRINGS_SHOWN + 1, rt_words_string, t);
	return RT_WORDS_TEXT(t, "]");
}

/* --- addresses of sockets ------------------------------------------------------------------ */

#define RT_BYTE(w, n) ((u64)(unsigned char)(w)->mem[n])
#define RT_PAIR(w, n) (RT_BYTE(w, n) << 8 | RT_BYTE(w, (n) + 1))

RT_OUTLINE long rt_words_inet(struct rt_words_turn *t)
{
	struct rt_words *w = t->w;
	u64 n = rt_words_end(w);

	return rt_words_more(w, n, RT_SAY(t->to + n, RT_STRING_LEN,
		"{sa_family=AF_INET, sin_port=htons(%llu), "
		"sin_addr=inet_addr(\"%llu.%llu.%llu.%llu\")}", RT_PAIR(w, 2),
		RT_BYTE(w, 4), RT_BYTE(w, 5), RT_BYTE(w, 6), RT_BYTE(w, 7)));
}

/* Its address in full: nobody looks for the longest run of zeroes. */
RT_OUTLINE long rt_words_inet6(struct rt_words_turn *t)
{
	struct rt_words *w = t->w;
	u64 n = rt_words_end(w);

	return rt_words_more(w, n, RT_SAY(t->to + n, RT_STRING_LEN,
		"{sa_family=AF_INET6, sin6_port=htons(%llu), "
		"sin6_flowinfo=htonl(%llu), inet_pton(AF_INET6, \""
		"%llx:%llx:%llx:%llx:%llx:%llx:%llx:%llx\", &sin6_addr), "
		"sin6_scope_id=%llu}", RT_PAIR(w, 2),
		RT_PAIR(w, 4) << 16 | RT_PAIR(w, 6), RT_PAIR(w, 8),
		RT_PAIR(w, 10), RT_PAIR(w, 12), RT_PAIR(w, 14),
		RT_PAIR(w, 16), RT_PAIR(w, 18), RT_PAIR(w, 20),
		RT_PAIR(w, 22), (u64)*(u32 *)(w->mem + 24)));
}

/* The family is there. Names that begin with a zero are none of files. */
RT_OUTLINE long rt_words_unix(struct rt_words_turn *t)
{
	struct rt_words *w = t->w;
	u64 was = w->n, skip = 0;

	w->low = 1;
	if (rt_get(&w->low, 1, w->v + 2, 1))
		return 1;
	RT_WORDS_TEXT(t, "{sa_family=AF_UNIX, sun_path=");
	if (!w->low) {
		RT_WORDS_TEXT(t, "@");
		skip = 1;
	}
	RT_WORDS_TEXT(t, "\"");
	if (rt_words_user(t, w->v + 2 + skip, 108)) {
		w->n = was;
		return 1;
	}
	return RT_WORDS_TEXT(t, "\"}");
}

RT_OUTLINE long rt_words_sockaddr(struct rt_words_turn *t)
{
	struct rt_words *w = t->w;
	u64 family;

	if (rt_get(w->mem, 2, w->v, 1))
		return rt_words_pointer(t, w->v);
	family = *(uint16_t *)w->mem;
	if (family == 2 && !rt_get(w->mem, 8, w->v, 1))
		return rt_words_inet(t);
	if (family == 10 && !rt_get(w->mem, 28, w->v, 1))
		return rt_words_inet6(t);
	if (family == 1 && !rt_words_unix(t))
		return 0;
	if (family == 1 || family == 2 || family == 10)
		return rt_words_pointer(t, w->v);
	RT_WORDS_TEXT(t, "{sa_family=");
	rt_words_number(t, 'u', family);
	return RT_WORDS_TEXT(t, "}");
}

/* --- all of them ------------------------------------------------------------------------------ */

RT_BODY rt_words_turn(u32 turn, struct rt_words_turn *t)
{
	struct rt_words *w = t->w;
	u64 kind;

	rt_get(&w->piece, sizeof(w->piece), w->next, 0);
	w->next += sizeof(w->piece);
	kind = w->piece.kind;
	if (kind == RT_W_END)
		return 1;
	if (kind == RT_W_TEXT) {
		rt_words_text(t, w->text + w->piece.at);
		return 0;
	}
	if (w->piece.from == RT_W_MEMBER)
		w->v = rt_words_member(t, w->piece.cut);
	else
		w->v = rt_words_value(t, w->piece.from, w->piece.cut);
	if (kind == RT_W_NUMBER)
		rt_words_number(t, w->piece.how, w->v);
	else if (kind == RT_W_POINTER)
		rt_words_pointer(t, w->v);
	else if (kind == RT_W_FLAGS)
		rt_words_flags(t);
	else if (kind == RT_W_NAME)
		rt_words_name(t);
	else if (kind == RT_W_BITS)
		rt_words_bits(t);
	else if (kind == RT_W_QUOTED)
		rt_words_quoted(t, RT_STRING_LEN);
	else if (kind == RT_W_BUFFER)
		rt_words_buffer(t);
	else if (kind == RT_W_MODE)
		rt_words_mode(t);
	else if (kind == RT_W_STRUCT)
		rt_words_struct(t);
	else if (kind == RT_W_STRINGS)
		rt_words_strings(t);
	else if (kind == RT_W_SOCKADDR)
		rt_words_sockaddr(t);
	else if (kind == RT_W_RESULT)
		rt_words_result(t);
	return 0;
}

RT_OUTLINE int rt_words_of(struct rt_run *r, u64 pieces, u64 table, u64 text)
{
	struct rt_words_turn t = { r, rt_words_at(r), rt_words_to(r) };

	t.w->n = 0;
	t.w->next = pieces;
	t.w->table = table;
	t.w->text = text;
	t.to[0] = 0;
	RT_TURNS(RT_W_PIECES, rt_words_turn, &t);
	return 0;
}

RT_INLINE void rt_words(struct rt_run *r, char *dst, u32 cap, u64 pieces,
			u64 table, u64 text, u64 a, u64 b)
{
	rt_words_at(r)->args[0] = a;
	rt_words_at(r)->args[1] = b;
	rt_words_of(r, pieces, table, text);
	rt_copy(dst, cap, rt_words_to(r));
}

#endif
