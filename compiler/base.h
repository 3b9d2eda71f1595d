/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base.h - what every part of the compiler stands on: memory that is given
 * back all at once, growing text, spans of source, and the three ways to fail.
 *
 * Ownership: everything allocated from an arena lives until the arena is
 * freed; nodes are never freed singly. Out of memory dies in one place
 * (arena_alloc); STB_FAIL_ALLOC=N makes the Nth chunk allocation fail, for
 * tests.
 */
#ifndef STB_BASE_H
#define STB_BASE_H

#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a), nonnull(f)))
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

extern const char *argv0;	/* set by main, printed before messages */

/* --- memory ------------------------------------------------------------ */

struct arena {
	struct chunk *head;
	size_t nchunks;
};

void *arena_alloc(struct arena *a, size_t size); /* zeroed, 16-aligned */
void arena_free(struct arena *a);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
	PRINTF_LIKE(2, 0);

#define NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define NEW_ARRAY(a, type, n) ((type *)arena_alloc((a), (n) * sizeof(type)))

/*
 * Growing array of anything, storage in an arena:
 *	VEC(struct site *) sites;  vec_push(mem, &sites, s);  sites.v[i], sites.n
 */
#define VEC(type) struct { type *v; size_t n, cap; }
#define vec_push(mem, vec, item) \
	(vec_grow((mem), (void **)&(vec)->v, (vec)->n, &(vec)->cap, \
		  sizeof(*(vec)->v)), \
	 (vec)->v[(vec)->n++] = (item))
void vec_grow(struct arena *a, void **v, size_t n, size_t *cap, size_t size);

/* Growing text; `s` is always NUL-terminated once something was added. */
struct text {
	struct arena *mem;
	char *s;
	size_t n, cap;
};
void text_add(struct text *t, const char *s, size_t n);
void text_puts(struct text *t, const char *s);
void text_putc(struct text *t, char c);
void text_printf(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Appends s as a C string literal with quotes; n bytes, NULs allowed. */
void text_quote(struct text *t, const char *s, size_t n);

/* String-keyed hash map; keys are kept by pointer and must stay alive. */
struct dict {
	struct arena *mem;
	struct dict_slot *slots;
	size_t n, cap;
};
void **dict_at(struct dict *d, const char *key);  /* inserts NULL if absent */
void *dict_get(const struct dict *d, const char *key);	/* NULL if absent */
void *dict_nth(const struct dict *d, size_t i);	/* i < cap; NULL: no entry */

const char *base_name(const char *path);  /* behind its last '/' */
bool glob_match(const char *pattern, const char *s); /* * ? [..]; no paths */
/* Edit distance, capped; for "did you mean". */
unsigned edit_distance(const char *a, const char *b, unsigned cap);

/* Whole file into the arena, NUL after the end; NULL and errno on error, EFBIG
   of one of more than 2 GiB. */
char *read_file(struct arena *a, const char *path, size_t *size);
/* Written beside and renamed into place, of a link where it leads to, with the
   owner and the rights of what was there; a pipe or a device is written to. False
   and errno on error. */
bool write_file(const char *path, const void *data, size_t size);

/* --- source text and spans --------------------------------------------- */

struct source {
	const char *name;	/* as printed: "x.stp", "<input>" */
	const char *text;	/* NUL-terminated */
	size_t size;
	bool is_tapset;
};

struct span {
	const struct source *src;	/* NULL: no place */
	uint32_t off, len;
	const struct origin *via;	/* how it got here: macro, alias; or NULL */
};

struct origin {
	const char *what;	/* "in expansion of macro", "in alias" */
	struct span at;
};

void span_line_col(struct span s, unsigned *line, unsigned *col); /* 1-based */
/*
 * "operator '->' at FILE:LINE:COL", the file without its folders: for bundles,
 * which know nothing of the machine that made them; complain.c.
 */
void span_describe(struct text *t, struct span s);

/* --- failing ------------------------------------------------------------ */

/*
 * complain(): the script (or manifest) is wrong. Prints
 *	semantic error: MESSAGE: identifier 'x' at FILE:LINE:COL
 *	        source: the line
 *	                    ^
 * and note: lines, counts, returns false. Identical complaints print once.
 * `tag` is an E_* constant of stap.h; it is shown with -v and asserted by
 * tests/bad. die(): the machine is wrong (no file, no memory); exits 1 with
 * one line. bug(): we are wrong; prints file:line and exits 70.
 */
struct job;
struct tag {
	const char *name;	/* "unknown-function" */
	const char *kind;	/* "parse error" | "semantic error" */
};
bool complain(struct job *j, struct span at, const struct tag *tag,
	      const char *fmt, ...) PRINTF_LIKE(4, 5);
void warn_at(struct job *j, struct span at, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
void note_at(struct job *j, struct span at, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* How many were kept back for being like others. */
void complaints_end(struct job *j);
/* An exit status: this, or 73 and told when stdout cannot be written. */
int written(int status);
_Noreturn void die(const char *fmt, ...) PRINTF_LIKE(1, 2);
_Noreturn void bug_at(const char *file, int line, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
#define bug(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)

/* fork(), with what is buffered written before; the child dies when we do. */
pid_t fork_child(void);

#endif
