/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * minisign.h - signatures of bundles, in the format of minisign 0.11
 * (jedisct1/minisign): Ed25519 over the file's BLAKE2b-512 digest, or over the
 * file itself (its legacy form). A signature is a text of four lines, beside
 * the bundle (FILE.minisig) or behind it in the same file:
 *
 *	+----------------------+ 0
 *	| bundle               |  what is signed: `message` bytes
 *	+----------------------+
 *	| signature            |  `size` bytes of text
 *	+----------------------+
 *	| struct stb_trailer   |  the last 16 bytes of the file
 *	+----------------------+
 *
 * Nothing here allocates; texts may be hostile. Shared with the loader.
 */
#ifndef STB_MINISIGN_H
#define STB_MINISIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STB_TRAILER_MAGIC "STBSIG\r\n"
#define STB_MAX_SIGNATURE 4096	/* bytes of its text */

struct stb_trailer {
	uint32_t size;		/* of the text before it */
	uint32_t reserved;	/* 0 */
	uint8_t magic[8];
};
_Static_assert(sizeof(struct stb_trailer) == 16, "stb_trailer");

enum { MINISIGN_DIGEST = 64, MINISIGN_RAW = 64, MINISIGN_ID = 8 };

struct minisign_key {		/* a public key */
	uint8_t id[MINISIGN_ID];
	uint8_t key[32];
};

struct minisign_sig {
	bool hashed;		/* of the digest, else of the file */
	uint8_t key_id[MINISIGN_ID];
	uint8_t sig[MINISIGN_RAW];
	uint8_t comment_sig[MINISIGN_RAW];	/* of sig, then the comment */
	const char *comment;	/* the trusted one, in the text; no NUL */
	size_t comment_len;
};

/* A public key's file, or its one line of base64. false: it is none. */
bool minisign_read_key(const char *text, size_t n, struct minisign_key *out);
/* A signature's text. false: it is none. */
bool minisign_read_sig(const char *text, size_t n, struct minisign_sig *out);
/* Is s a signature by k of these bytes, its trusted comment included? */
bool minisign_verify(const struct minisign_sig *s, const struct minisign_key *k,
		     const void *message, size_t n);
/*
 * A signature behind a bundle: its text, and how many bytes are before it.
 * false: there is none, and the whole file is the message.
 */
bool minisign_attached(const void *file, size_t size, const char **text,
		       size_t *n, size_t *message);
/* Key ids as minisign prints them: 16 digits and NUL. */
const char *minisign_id(char to[17], const uint8_t id[MINISIGN_ID]);

#endif
