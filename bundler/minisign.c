/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * minisign.c - reads and verifies. In: texts and bytes that anyone may have
 * written. Out: whether a key that the caller trusts has signed these bytes.
 */
#include "bundler/minisign.h"

#include <sodium/crypto_generichash_blake2b.h>
#include <sodium/crypto_sign_ed25519.h>
#include <sodium/utils.h>
#include <string.h>

struct line {
	const char *s;
	size_t n;
};

/* The next line without its end, \n or \r\n; false: there is none. */
static bool next_line(const char **p, const char *end, struct line *out)
{
	const char *nl;

	if (*p == end)
		return false;
	nl = memchr(*p, '\n', (size_t)(end - *p));
	*out = (struct line){ *p, (size_t)((nl ? nl : end) - *p) };
	*p = nl ? nl + 1 : end;
	if (out->n && out->s[out->n - 1] == '\r')
		out->n--;
	return true;
}

static bool begins(const struct line *l, const char *with)
{
	return l->n >= strlen(with) && !memcmp(l->s, with, strlen(with));
}

/* Exactly n bytes out of a line of base64. */
static bool decode(const struct line *l, void *to, size_t n)
{
	const char *end;
	size_t len;

	return !sodium_base642bin(to, n, l->s, l->n, NULL, &len, &end,
				  sodium_base64_VARIANT_ORIGINAL) &&
	       len == n && end == l->s + l->n;
}

bool minisign_read_key(const char *text, size_t n, struct minisign_key *out)
{
	const char *p = text, *end = text + n;
	uint8_t raw[2 + MINISIGN_ID + 32];
	struct line l;

	if (!next_line(&p, end, &l) ||
	    (begins(&l, "untrusted comment:") && !next_line(&p, end, &l)) ||
	    !decode(&l, raw, sizeof(raw)) || memcmp(raw, "Ed", 2))
		return false;
	memcpy(out->id, raw + 2, sizeof(out->id));
	memcpy(out->key, raw + 2 + MINISIGN_ID, sizeof(out->key));
	return true;
}

bool minisign_read_sig(const char *text, size_t n, struct minisign_sig *out)
{
	static const char trusted[] = "trusted comment: ";
	const char *p = text, *end = text + n;
	uint8_t raw[2 + MINISIGN_ID + MINISIGN_RAW];
	struct line untrusted, sig, comment, global;

	if (n > STB_MAX_SIGNATURE || !next_line(&p, end, &untrusted) ||
	    !begins(&untrusted, "untrusted comment:") ||
	    !next_line(&p, end, &sig) || !decode(&sig, raw, sizeof(raw)) ||
	    !next_line(&p, end, &comment) || !begins(&comment, trusted) ||
	    !next_line(&p, end, &global) ||
	    !decode(&global, out->comment_sig, sizeof(out->comment_sig)))
		return false;
	if (raw[0] != 'E' || (raw[1] != 'd' && raw[1] != 'D'))
		return false;
	out->hashed = raw[1] == 'D';
	memcpy(out->key_id, raw + 2, sizeof(out->key_id));
	memcpy(out->sig, raw + 2 + MINISIGN_ID, sizeof(out->sig));
	out->comment = comment.s + strlen(trusted);
	out->comment_len = comment.n - strlen(trusted);
	return true;
}

static bool verify_comment(const struct minisign_sig *s,
			   const struct minisign_key *k)
{
	uint8_t both[MINISIGN_RAW + STB_MAX_SIGNATURE];

	memcpy(both, s->sig, MINISIGN_RAW);
	memcpy(both + MINISIGN_RAW, s->comment, s->comment_len);
	return !crypto_sign_ed25519_verify_detached(s->comment_sig, both,
			MINISIGN_RAW + s->comment_len, k->key);
}

bool minisign_verify(const struct minisign_sig *s, const struct minisign_key *k,
		     const void *message, size_t n)
{
	uint8_t digest[MINISIGN_DIGEST];

	if (memcmp(s->key_id, k->id, sizeof(k->id)))
		return false;
	if (s->hashed) {
		crypto_generichash_blake2b(digest, sizeof(digest), message, n,
					   NULL, 0);
		message = digest;
		n = sizeof(digest);
	}
	return !crypto_sign_ed25519_verify_detached(s->sig, message, n,
						    k->key) &&
	       verify_comment(s, k);
}

bool minisign_attached(const void *file, size_t size, const char **text,
		       size_t *n, size_t *message)
{
	struct stb_trailer t;

	*message = size;
	if (size < sizeof(t))
		return false;
	memcpy(&t, (const uint8_t *)file + size - sizeof(t), sizeof(t));
	if (memcmp(t.magic, STB_TRAILER_MAGIC, sizeof(t.magic)) ||
	    t.size > size - sizeof(t) || t.size > STB_MAX_SIGNATURE)
		return false;
	*n = t.size;
	*message = size - sizeof(t) - t.size;
	*text = (const char *)file + *message;
	return true;
}

const char *minisign_id(char to[17], const uint8_t id[MINISIGN_ID])
{
	static const char digits[] = "0123456789ABCDEF";

	/* minisign shows them as a little-endian number */
	for (int i = 0; i < MINISIGN_ID; i++) {
		to[2 * i] = digits[id[MINISIGN_ID - 1 - i] >> 4];
		to[2 * i + 1] = digits[id[MINISIGN_ID - 1 - i] & 15];
	}
	to[16] = 0;
	return to;
}
