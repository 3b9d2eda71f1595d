/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sign.c - stb keygen, sign, digest, attach, detach: who made a bundle.
 *
 * What is signed is the file as pack wrote it; a signature that was attached
 * before is taken off first. For a signer that never sees the bundle: `digest`
 * writes the 64 bytes to sign with Ed25519, `digest --signature` what is to be
 * signed then (the signature with its comment), `attach` puts both behind it.
 */
#include "bundler/bundle.h"
#include "bundler/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

struct signing {		/* what the options of these verbs say */
	struct arena mem;
	const char *key, *pub, *comment, *out, *signature, *comment_signature;
	const char *file, *file2;
	bool detached, no_password;
};

static const struct option longs[] = {
	{ "key", required_argument, NULL, 'k' },
	{ "pub", required_argument, NULL, 'p' },
	{ "comment", required_argument, NULL, 'c' },
	{ "output", required_argument, NULL, 'o' },
	{ "signature", required_argument, NULL, 's' },
	{ "comment-signature", required_argument, NULL, 'S' },
	{ "detached", no_argument, NULL, 'd' },
	{ "no-password", no_argument, NULL, 'W' },
	{ 0 }
};

/* false: usage was told. */
static bool take(struct signing *s, int argc, char **argv, const char *allowed,
		 int files, const char *usage)
{
	bool ok = true;
	int c;

	while ((c = getopt_long(argc, argv, "o:", longs, NULL)) != -1)
		switch (strchr(allowed, c) ? c : '?') {
		case 'k': s->key = optarg; break;
		case 'p': s->pub = optarg; break;
		case 'c': s->comment = optarg; break;
		case 'o': s->out = optarg; break;
		case 's': s->signature = optarg; break;
		case 'S': s->comment_signature = optarg; break;
		case 'd': s->detached = true; break;
		case 'W': s->no_password = true; break;
		default: ok = false; break;
		}
	if (ok && argc - optind == files) {
		s->file = files ? argv[optind] : NULL;
		s->file2 = files > 1 ? argv[optind + 1] : NULL;
		return true;
	}
	fprintf(stderr, "usage: %s %s\n", argv0, usage);
	return false;
}

static int cannot_write(const char *file)
{
	wrong(file, 0, "%s", strerror(errno));
	return EXIT_CANT_WRITE;
}

/* The bundle without what is attached to it: its bytes, checked whole. */
static int read_bundle(struct signing *s, const char **data, size_t *size)
{
	struct bundle b;
	const char *text;
	size_t n;
	int status = 0;

	*data = read_file(&s->mem, s->file, size);
	if (!*data)
		return cannot_read(s->file);
	minisign_attached(*data, *size, &text, &n, size);
	if (!bundle_check(&s->mem, s->file, *data, *size, &b))
		status = EXIT_DATA;
	return status;
}

/* FILE with the signature behind it, or beside it as FILE.minisig. */
static int put_signature(struct signing *s, const char *data, size_t size,
			 const struct text *sig)
{
	struct stb_trailer t = { .size = (uint32_t)sig->n };
	struct text all = { .mem = &s->mem };
	const char *to = s->out ? s->out : s->detached ?
		arena_printf(&s->mem, "%s.minisig", s->file) : s->file;

	if (s->detached && same_file(to, s->file)) {
		fprintf(stderr, "%s: -o: %s is the bundle: wanted another file "
			"for the signature\n", argv0, to);
		return EXIT_USAGE;
	}
	if (s->detached)
		return write_file(to, sig->s, sig->n) ? 0 : cannot_write(to);
	memcpy(t.magic, STB_TRAILER_MAGIC, sizeof(t.magic));
	text_add(&all, data, size);
	text_add(&all, sig->s, sig->n);
	text_add(&all, (const char *)&t, sizeof(t));
	return write_file(to, all.s, all.n) ? 0 : cannot_write(to);
}

static bool comment_ok(const char *comment)
{
	return strlen(comment) <= 1024 && !strpbrk(comment, "\r\n");
}

static int bad_comment(void)
{
	fprintf(stderr, "%s: --comment: wanted one line of at most 1024 "
		"bytes\n", argv0);
	return EXIT_USAGE;
}

/* --- keygen ------------------------------------------------------------------- */

/* Never over a file that is there: it may be the only copy of a key. */
static bool write_new(const char *file, const struct text *t, int mode)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, t->s, t->n) == (ssize_t)t->n;
	ok = !close(fd) && ok;
	if (!ok)
		unlink(file);	/* our own, not whole */
	return ok;
}

static int keygen(struct signing *s)
{
	struct text pub = { .mem = &s->mem }, secret = { .mem = &s->mem };
	const char *why;

	if (sodium_init() < 0)
		bug("libsodium does not start");
	if (!strcmp(s->pub, s->key)) {
		fprintf(stderr, "%s: --key and --pub: wanted two files, found "
			"%s twice\n", argv0, s->key);
		return EXIT_USAGE;
	}
	if (!access(s->pub, F_OK) || !access(s->key, F_OK)) {
		fprintf(stderr, "%s: %s is there already: move it away\n",
			argv0, access(s->pub, F_OK) ? s->key : s->pub);
		return EXIT_CANT_WRITE;
	}
	why = secret_make(!s->no_password, &pub, &secret);
	if (why) {
		fprintf(stderr, "%s: no key was made: %s\n", argv0, why);
		return EXIT_DATA;
	}
	if (!write_new(s->key, &secret, 0600))
		return cannot_write(s->key);
	if (!write_new(s->pub, &pub, 0666)) {
		cannot_write(s->pub);
		unlink(s->key);	/* nobody has signed with it */
		return EXIT_CANT_WRITE;
	}
	printf("%s", pub.s);
	return 0;
}

int verb_keygen(int argc, char **argv)
{
	struct signing s = { .key = "stb.key", .pub = "stb.pub" };
	int status = EXIT_USAGE;

	if (take(&s, argc, argv, "kpW", 0,
		 "keygen [--key K.key] [--pub K.pub] [--no-password]"))
		status = keygen(&s);
	arena_free(&s.mem);
	return status;
}

/* --- sign ----------------------------------------------------------------------- */

static int sign(struct signing *s)
{
	struct text sig = { .mem = &s->mem };
	const char *data, *why, *key;
	struct secret k;
	size_t size, n;
	int status = read_bundle(s, &data, &size);

	if (status)
		return status;
	key = read_file(&s->mem, s->key, &n);
	if (!key)
		return cannot_read(s->key);
	why = secret_read(key, n, &k);
	if (why) {
		sodium_memzero(&k, sizeof(k));
		wrong(s->key, 0, "%s", why);
		return EXIT_DATA;
	}
	secret_sign(&k, data, size, s->comment ? s->comment :
		    arena_printf(&s->mem, "bundle:%s", base_name(s->file)),
		    &sig);
	sodium_memzero(&k, sizeof(k));
	return put_signature(s, data, size, &sig);
}

int verb_sign(int argc, char **argv)
{
	struct signing s = { .key = NULL };
	int status = EXIT_USAGE;

	if (is_module_signing(argc, argv))
		return sign_modules(argc, argv);
	if (take(&s, argc, argv, "kcod", 1, "sign --key K.key [--detached] "
		 "[--comment TEXT] [-o OUT] FILE.stb")) {
		if (!s.key)
			fprintf(stderr, "%s: sign: wanted --key K.key\n",
				argv0);
		else
			status = s.comment && !comment_ok(s.comment) ?
				bad_comment() : sign(&s);
	}
	arena_free(&s.mem);
	return status;
}

/* --- digest, attach, detach --------------------------------------------------------- */

/* A raw signature of 64 bytes. */
static int read_raw(struct signing *s, const char *file, uint8_t *to)
{
	size_t n;
	const char *data = read_file(&s->mem, file, &n);

	if (!data)
		return cannot_read(file);
	if (n != MINISIGN_RAW) {
		wrong(file, 0, "wanted a raw Ed25519 signature of 64 bytes, "
		      "found %zu bytes", n);
		return EXIT_DATA;
	}
	memcpy(to, data, n);
	return 0;
}

static int digest(struct signing *s)
{
	struct text out = { .mem = &s->mem };
	uint8_t raw[MINISIGN_RAW];
	const char *data;
	size_t size;
	int status = read_bundle(s, &data, &size);

	if (!status && s->signature)
		status = read_raw(s, s->signature, raw);
	else if (!status)
		crypto_generichash(raw, sizeof(raw), (const uint8_t *)data,
				   size, NULL, 0);
	if (status)
		return status;
	text_add(&out, (const char *)raw, sizeof(raw));
	if (s->signature)
		text_puts(&out, s->comment);
	if (s->out)
		return write_file(s->out, out.s, out.n) ? 0 :
			cannot_write(s->out);
	fwrite(out.s, 1, out.n, stdout);
	return 0;
}

int verb_digest(int argc, char **argv)
{
	struct signing s = { .comment = "" };
	int status = EXIT_USAGE;

	if (take(&s, argc, argv, "ocs", 1, "digest [-o OUT] [--signature RAW "
		 "[--comment TEXT]] FILE.stb"))
		status = comment_ok(s.comment) ? digest(&s) : bad_comment();
	arena_free(&s.mem);
	return status;
}

static int read_pub(struct signing *s, struct minisign_key *k)
{
	size_t n;
	const char *pub = read_file(&s->mem, s->pub, &n);

	if (!pub)
		return cannot_read(s->pub);
	if (minisign_read_key(pub, n, k))
		return 0;
	wrong(s->pub, 0, "it is no public key of minisign's format");
	return EXIT_DATA;
}

/* The two raw signatures of an external signer, as a text; proven with the
   public key, so that a mistake shows here. */
static int join(struct signing *s, const char *data, size_t size,
		struct text *out)
{
	uint8_t sig[MINISIGN_RAW], csig[MINISIGN_RAW];
	struct minisign_key k;
	struct minisign_sig whole;
	int status = read_pub(s, &k);

	if (!status)
		status = read_raw(s, s->signature, sig);
	if (!status)
		status = read_raw(s, s->comment_signature, csig);
	if (status)
		return status;
	signature_text(out, k.id, sig, s->comment, csig);
	if (minisign_read_sig(out->s, out->n, &whole) &&
	    minisign_verify(&whole, &k, data, size))
		return 0;
	wrong(s->signature, 0, "is not %s's signature of %s with the comment "
	      "\"%s\"", s->pub, s->file, s->comment);
	return EXIT_DATA;
}

/* A signature that lies beside; only a key tells of what it is. */
static int take_beside(struct signing *s, const char *data, size_t size,
		       struct text *out)
{
	struct minisign_sig sig;
	struct minisign_key k;
	size_t n;
	const char *text = read_file(&s->mem, s->file2, &n);
	int status;

	if (!text)
		return cannot_read(s->file2);
	if (!minisign_read_sig(text, n, &sig)) {
		wrong(s->file2, 0, "it is no signature of minisign's format");
		return EXIT_DATA;
	}
	text_add(out, text, n);
	if (!s->pub)
		return 0;
	status = read_pub(s, &k);
	if (status || minisign_verify(&sig, &k, data, size))
		return status;
	wrong(s->file2, 0, "is not %s's signature of %s", s->pub, s->file);
	return EXIT_DATA;
}

static int attach(struct signing *s)
{
	struct text sig = { .mem = &s->mem };
	const char *data;
	size_t size;
	int status = read_bundle(s, &data, &size);

	if (!status)
		status = s->signature ? join(s, data, size, &sig) :
			 take_beside(s, data, size, &sig);
	return status ? status : put_signature(s, data, size, &sig);
}

int verb_attach(int argc, char **argv)
{
	static const char usage[] = "attach [--pub K.pub] [-o OUT] FILE.stb "
		"FILE.minisig, or\n       stb attach --pub K.pub --signature RAW "
		"--comment-signature RAW\n                  [--comment TEXT] "
		"[--detached] [-o OUT] FILE.stb";
	struct signing s = { .comment = "" };
	bool raw = false;
	int status = EXIT_USAGE;

	for (int i = 1; i < argc; i++)
		raw |= !strncmp(argv[i], "--signature", 11);
	if (take(&s, argc, argv, raw ? "ocpsSd" : "op",
		 raw ? 1 : 2, usage)) {
		if (raw && (!s.pub || !s.comment_signature))
			fprintf(stderr, "usage: %s %s\n", argv0, usage);
		else
			status = comment_ok(s.comment) ? attach(&s) :
				bad_comment();
	}
	arena_free(&s.mem);
	return status;
}

static int detach(struct signing *s)
{
	struct text sig = { .mem = &s->mem };
	const char *data, *text;
	size_t size, n, message;
	int status;

	data = read_file(&s->mem, s->file, &size);
	if (!data)
		return cannot_read(s->file);
	if (!minisign_attached(data, size, &text, &n, &message)) {
		wrong(s->file, 0, "no signature is attached to it");
		return EXIT_DATA;
	}
	text_add(&sig, text, n);
	s->detached = true;
	status = put_signature(s, data, message, &sig);
	if (!status && !write_file(s->file, data, message))
		return cannot_write(s->file);
	return status;
}

int verb_detach(int argc, char **argv)
{
	struct signing s = { .key = NULL };
	int status = EXIT_USAGE;

	if (take(&s, argc, argv, "o", 1, "detach [-o FILE.minisig] FILE.stb"))
		status = detach(&s);
	arena_free(&s.mem);
	return status;
}
