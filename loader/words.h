/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * words.h - numbers and bytes in words, as strace has them: flags and names of a
 * table in the format, error numbers, addresses of sockets, quoted strings.
 */
#ifndef STB_WORDS_H
#define STB_WORDS_H

#include "loader/format.h"

/*
 * %{TABLE%}: `v` by the table that begins at p, n bytes to the format's end.
 * Both give the length of the table with its "%}".
 *
 *	TABLE	KIND ENTRY,ENTRY ...
 *	KIND	f flags joined by '|'; e one of them, else hexadecimal; d the
 *		same, else decimal; o else octal; s the names of set bits,
 *		counted from 0, in brackets
 *	ENTRY	[MASK/]VALUE NAME	in hexadecimal; v & MASK is VALUE. Without a
 *					mask that is VALUE itself, of e and d ~0
 */
size_t format_table(struct sink *to, const char *p, size_t n, int64_t v);
size_t table_length(const char *p, size_t n);
/* %P: NULL, or hexadecimal */
void format_pointer(struct sink *to, int64_t v);
/* %E: a system call's result, -2 (ENOENT) */
void format_result(struct sink *to, int64_t v);
/* %S: the bytes of a struct sockaddr */
void format_sockaddr(struct sink *to, struct arg a);
/* %q: in quotes, octal as short as can be; %.9q: of that many bytes 32, and
   "..." behind where there are more */
void format_quoted(struct sink *to, struct arg a, int64_t most);

#endif
