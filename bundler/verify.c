/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verify.c - stb verify: is a bundle whole, and has the holder of a key signed
 * it? The signature is the one named, the one attached, or FILE.minisig.
 */
#include "bundler/bundle.h"
#include "bundler/minisign.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

struct question {
	struct arena mem;
	const char *file, *signature;
	const struct minisign_key *key;		/* NULL: nobody's */
	const char *data;
	size_t size;		/* without what is attached */
};

/* false: said why. *n 0: there is no signature. */
static bool find_signature(struct question *q, size_t whole, const char **text,
			   size_t *n)
{
	const char *beside = q->signature ? q->signature :
		arena_printf(&q->mem, "%s.minisig", q->file);
	bool attached = minisign_attached(q->data, whole, text, n, &q->size);

	if (attached && !q->signature)
		return true;
	*n = 0;
	if (!q->signature && access(beside, F_OK))
		return true;
	*text = read_file(&q->mem, beside, n);
	return *text || wrong(beside, 0, "%s", strerror(errno));
}

/* n 0: no signature. false: said why. */
static bool judge(const struct question *q, const char *text, size_t n,
		  struct minisign_sig *s)
{
	char signer[17];

	if (!n)
		return !q->key || wrong(q->file, 0, "not signed: wanted a "
			"signature in it or in %s.minisig", q->file);
	if (!minisign_read_sig(text, n, s))
		return wrong(q->file, 0, "its signature is none of "
			     "minisign's format");
	minisign_id(signer, s->key_id);
	return !q->key || minisign_verify(s, q->key, q->data, q->size) ||
	       wrong(q->file, 0, memcmp(s->key_id, q->key->id,
		     sizeof(s->key_id)) ? "signed with key %s, which is another" :
		     "its signature with key %s does not hold: the bundle or "
		     "the signature was changed", signer);
}

static void tell(const struct question *q, bool is_signed,
		 const struct minisign_sig *s, const char *id)
{
	char signer[17];

	if (!is_signed) {
		printf("%s: undamaged, not signed: %s\n", q->file, id);
		return;
	}
	minisign_id(signer, s->key_id);
	if (!q->key)
		printf("%s: undamaged, signed with key %s, which was not "
		       "checked (--pub K.pub): %s\n", q->file, signer, id);
	else
		printf("%s: undamaged, signed with key %s: %s\ntrusted comment: "
		       "%.*s\n", q->file, signer, id, (int)s->comment_len,
		       s->comment);
}

/* Nothing of the bundle is looked at before its signature holds. */
static int verify(struct question *q)
{
	struct minisign_sig s = { 0 };
	struct bundle b;
	const char *text;
	size_t whole, n;

	q->data = bundle_file(&q->mem, q->file, &whole);
	if (!q->data)
		return cannot_read(q->file);
	if (!find_signature(q, whole, &text, &n))
		return EXIT_NO_INPUT;
	if (!judge(q, text, n, &s) ||
	    !bundle_check(&q->mem, q->file, q->data, q->size, &b))
		return EXIT_DATA;
	tell(q, n, &s, bundle_id(&q->mem, &b));
	return 0;
}

static int read_key(struct arena *mem, const char *file, struct minisign_key *k)
{
	size_t n;
	const char *text = read_file(mem, file, &n);

	if (!text)
		return cannot_read(file);
	if (minisign_read_key(text, n, k))
		return 0;
	wrong(file, 0, "it is no public key of minisign's format");
	return EXIT_DATA;
}

int verb_verify(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "pub", required_argument, NULL, 'p' },
		{ "signature", required_argument, NULL, 's' },
		{ 0 }
	};
	const char *pub = NULL, *signature = NULL;
	struct arena mem = { 0 };
	struct minisign_key key;
	int c, status = 0;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (c == 'p')
			pub = optarg;
		else if (c == 's')
			signature = optarg;
		else
			return EXIT_USAGE;
	if (optind == argc || (signature && argc - optind > 1)) {
		fprintf(stderr, "usage: %s verify [--pub K.pub] FILE...\n"
			"       %s verify --pub K.pub --signature SIG FILE\n",
			argv0, argv0);
		return EXIT_USAGE;
	}
	if (pub)
		status = read_key(&mem, pub, &key);
	for (int i = optind; i < argc && (status == 0 || i > optind); i++) {
		struct question q = { .file = argv[i], .signature = signature,
				      .key = pub ? &key : NULL };
		int one = verify(&q);

		if (!status)
			status = one;
		arena_free(&q.mem);
	}
	arena_free(&mem);
	return status;
}
