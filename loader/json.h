/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json.h - JSON written into sinks. Whatever bytes a string has, what comes out
 * is valid UTF-8.
 */
#ifndef LOADER_JSON_H
#define LOADER_JSON_H

#include "loader/format.h"

/* Bytes of the UTF-8 character that text begins with; 0: it is none. */
size_t json_char(const char *s, size_t n);
bool json_is_text(const char *s, size_t n);	/* UTF-8 */
/* As many of its bytes as do not end in the middle of a character. */
size_t json_whole(const char *s, size_t n);
/* In quotes, what a string is at some moment; each byte that is no UTF-8 becomes
   U+FFFD. false: there were. */
bool json_quote(struct sink *to, const char *s, size_t n);
void json_number(struct sink *to, int64_t n);
/* A member behind another: ,"NAME": and then its value. */
void json_key(struct sink *to, const char *name);
void json_text(struct sink *to, const char *name, const char *text);
void json_int(struct sink *to, const char *name, int64_t n);

#endif
