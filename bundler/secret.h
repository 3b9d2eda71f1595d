/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secret.h - secret keys and what is signed with them: the half of
 * minisign.h's format that only who signs needs. No loader has it.
 */
#ifndef STB_SECRET_H
#define STB_SECRET_H

#include "bundler/minisign.h"
#include "compiler/base.h"

struct secret {			/* wipe it with sodium_memzero() */
	uint8_t id[MINISIGN_ID], key[64];
};

/* A secret key's file; asks for its password. NULL, or what is wrong. */
const char *secret_read(const char *text, size_t n, struct secret *out);
/* A new pair as two files' texts; with_lock asks for a password. NULL, or
   what is wrong. */
const char *secret_make(bool with_lock, struct text *pub, struct text *secret);
/* The signature of a message as a text; the comment is one line. */
void secret_sign(const struct secret *k, const void *message, size_t n,
		 const char *comment, struct text *out);
/* The same of signatures that were made elsewhere. */
void signature_text(struct text *t, const uint8_t id[MINISIGN_ID],
		    const uint8_t sig[MINISIGN_RAW], const char *comment,
		    const uint8_t comment_sig[MINISIGN_RAW]);

#endif
