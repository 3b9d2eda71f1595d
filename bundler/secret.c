/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secret.c - secret keys, in minisign 0.11's format, and what is made with
 * them. A key's file is a comment line and one of base64, 158 bytes:
 *
 *	"Ed"  "Sc" or 0 0  "B2"  salt[32]  u64 ops  u64 memory
 *	key id[8]  secret key[64]  BLAKE2b-256("Ed", key id, secret key)
 *
 * With "Sc" the last 104 bytes are XORed with what scrypt makes of the
 * password, the salt and the two limits.
 */
#include "bundler/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

struct secret_file {
	uint8_t alg[2], kdf[2], sum_alg[2], salt[32];
	uint8_t ops[8], memory[8];
	struct secret_body {
		uint8_t id[MINISIGN_ID], key[64], sum[32];
	} body;
};
_Static_assert(sizeof(struct secret_file) == 158, "secret_file");
_Static_assert(sizeof(struct secret_body) == 104, "secret_body");

static uint64_t load64(const uint8_t b[8])
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | b[i];
	return v;
}

static void store64(uint8_t b[8], uint64_t v)
{
	for (int i = 0; i < 8; i++, v >>= 8)
		b[i] = (uint8_t)v;
}

static void checksum(const struct secret_file *f, uint8_t sum[32])
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, NULL, 0, 32);
	crypto_generichash_update(&st, f->alg, sizeof(f->alg));
	crypto_generichash_update(&st, f->body.id, sizeof(f->body.id));
	crypto_generichash_update(&st, f->body.key, sizeof(f->body.key));
	crypto_generichash_final(&st, sum, 32);
}

/* --- passwords ------------------------------------------------------------ */

static bool echo(int fd, bool on)
{
	struct termios t;

	if (tcgetattr(fd, &t))
		return false;
	if (on)
		t.c_lflag |= ECHO;
	else
		t.c_lflag &= ~(tcflag_t)ECHO;
	return !tcsetattr(fd, TCSAFLUSH, &t);
}

/*
 * A byte of stdin. A signal that would end or stop us with nothing shown on the
 * terminal is held back, and acts when that is put right.
 */
static bool next_byte(const sigset_t *held, int signals, char *c)
{
	struct pollfd p[] = { { .fd = STDIN_FILENO, .events = POLLIN },
			      { .fd = signals, .events = POLLIN } };

	while (poll(p, COUNT_OF(p), -1) >= 0 && p[1].revents) {
		echo(STDIN_FILENO, true);
		sigprocmask(SIG_UNBLOCK, held, NULL);
		sigprocmask(SIG_BLOCK, held, NULL);
		echo(STDIN_FILENO, false);	/* it was a stop */
	}
	return read(STDIN_FILENO, c, 1) == 1;
}

/*
 * One line of stdin, with nothing shown where it is a terminal. NULL, or what is
 * wrong: where there is none, not even an empty one, nobody gave a password.
 */
static const char *ask_password(const char *prompt, char *to, size_t size)
{
	static const int deadly[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
	bool tty = isatty(STDIN_FILENO);
	int signals = -1;
	sigset_t held;
	size_t n = 0;
	char c = 0;

	sigemptyset(&held);
	for (size_t i = 0; i < COUNT_OF(deadly); i++)
		sigaddset(&held, deadly[i]);
	if (tty) {
		fprintf(stderr, "%s: ", prompt);
		signals = signalfd(-1, &held, SFD_CLOEXEC);
		sigprocmask(SIG_BLOCK, &held, NULL);
		echo(STDIN_FILENO, false);
	}
	while (next_byte(&held, signals, &c) && c != '\n')
		if (n + 1 < size)
			to[n++] = c;
		else
			break;
	to[n] = 0;
	if (tty) {
		echo(STDIN_FILENO, true);
		sigprocmask(SIG_UNBLOCK, &held, NULL);
		close(signals);
		fputc('\n', stderr);
	}
	if (!n && c != '\n')
		return "wanted a password on stdin, which is at its end";
	return n + 1 < size ? NULL : "that password is too long";
}

/* Locks or unlocks the body: both are one XOR. */
static const char *with_password(struct secret_file *f, const char *password)
{
	uint8_t stream[sizeof(f->body)], *body = (uint8_t *)&f->body;

	if (load64(f->memory) > (UINT64_C(4) << 30))
		return "it wants more than 4 GiB of memory to be unlocked";
	if (crypto_pwhash_scryptsalsa208sha256(stream, sizeof(stream),
			password, strlen(password), f->salt, load64(f->ops),
			load64(f->memory)))
		return "not enough memory to unlock it";
	for (size_t i = 0; i < sizeof(stream); i++)
		body[i] ^= stream[i];
	sodium_memzero(stream, sizeof(stream));
	return NULL;
}

/* --- reading ---------------------------------------------------------------- */

static bool decode_file(const char *text, size_t n, struct secret_file *f)
{
	const char *nl = memchr(text, '\n', n), *line, *end;
	size_t len;

	if (!nl || strncmp(text, "untrusted comment:", 18))
		return false;
	line = nl + 1;
	nl = memchr(line, '\n', n - (size_t)(line - text));
	len = (nl ? (size_t)(nl - text) : n) - (size_t)(line - text);
	return !sodium_base642bin((uint8_t *)f, sizeof(*f), line, len, "\r",
				  &len, &end, sodium_base64_VARIANT_ORIGINAL) &&
	       len == sizeof(*f) && !memcmp(f->alg, "Ed", 2) &&
	       !memcmp(f->sum_alg, "B2", 2);
}

static const char *unlock(struct secret_file *f)
{
	static const uint8_t none[2];
	char password[1024];
	const char *why;

	if (!memcmp(f->kdf, none, 2))
		return NULL;
	if (memcmp(f->kdf, "Sc", 2))
		return "it is locked in a way that this program does not know";
	why = ask_password("password of the key", password, sizeof(password));
	if (!why)
		why = with_password(f, password);
	sodium_memzero(password, sizeof(password));
	return why;
}

const char *secret_read(const char *text, size_t n, struct secret *out)
{
	struct secret_file f;
	const char *why;
	uint8_t sum[32];

	if (!decode_file(text, n, &f))
		return "it is no secret key of minisign's format";
	why = unlock(&f);
	if (!why) {
		checksum(&f, sum);
		if (memcmp(sum, f.body.sum, sizeof(sum)))
			why = memcmp(f.kdf, "Sc", 2) ? "it is damaged" :
				"wrong password, or the key is damaged";
	}
	memcpy(out->id, f.body.id, sizeof(out->id));
	memcpy(out->key, f.body.key, sizeof(out->key));
	sodium_memzero(&f, sizeof(f));
	return why;
}

/* --- making ------------------------------------------------------------------- */

static void add_base64(struct text *t, const void *p, size_t n)
{
	char line[512];

	sodium_bin2base64(line, sizeof(line), p, n,
			  sodium_base64_VARIANT_ORIGINAL);
	text_printf(t, "%s\n", line);
}

static const char *lock(struct secret_file *f)
{
	char password[1024], again[1024] = "";
	const char *why;

	store64(f->ops, crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_SENSITIVE);
	store64(f->memory,
		crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_SENSITIVE);
	memcpy(f->kdf, "Sc", 2);
	why = ask_password("new password", password, sizeof(password));
	if (!why && !*password)
		why = "wanted a password; --no-password makes a key without one";
	if (!why)
		why = ask_password("once more", again, sizeof(again));
	if (!why && strcmp(password, again))
		why = "the two passwords differ";
	if (!why)
		why = with_password(f, password);
	sodium_memzero(password, sizeof(password));
	sodium_memzero(again, sizeof(again));
	return why;
}

const char *secret_make(bool with_lock, struct text *pub, struct text *secret)
{
	struct secret_file f = { .alg = "Ed", .sum_alg = "B2" };
	struct { uint8_t alg[2], id[MINISIGN_ID], key[32]; } p = { .alg = "Ed" };
	const char *why = NULL;
	char id[17];

	randombytes_buf(f.salt, sizeof(f.salt));
	randombytes_buf(f.body.id, sizeof(f.body.id));
	crypto_sign_ed25519_keypair(p.key, f.body.key);
	memcpy(p.id, f.body.id, sizeof(p.id));
	checksum(&f, f.body.sum);
	if (with_lock)
		why = lock(&f);
	minisign_id(id, p.id);
	text_printf(pub, "untrusted comment: stb public key %s\n", id);
	add_base64(pub, &p, sizeof(p));
	text_printf(secret, "untrusted comment: stb secret key %s\n", id);
	add_base64(secret, &f, sizeof(f));
	sodium_memzero(&f, sizeof(f));
	return why;
}

void signature_text(struct text *t, const uint8_t id[MINISIGN_ID],
		    const uint8_t sig[MINISIGN_RAW], const char *comment,
		    const uint8_t comment_sig[MINISIGN_RAW])
{
	struct { uint8_t alg[2], id[MINISIGN_ID], sig[MINISIGN_RAW]; } s =
		{ .alg = "ED" };

	memcpy(s.id, id, sizeof(s.id));
	memcpy(s.sig, sig, sizeof(s.sig));
	text_puts(t, "untrusted comment: signature of a bundle of stb\n");
	add_base64(t, &s, sizeof(s));
	text_printf(t, "trusted comment: %s\n", comment);
	add_base64(t, comment_sig, MINISIGN_RAW);
}

void secret_sign(const struct secret *k, const void *message, size_t n,
		 const char *comment, struct text *out)
{
	uint8_t digest[MINISIGN_DIGEST], sig[MINISIGN_RAW], csig[MINISIGN_RAW];
	struct text both = { .mem = out->mem };

	crypto_generichash(digest, sizeof(digest), message, n, NULL, 0);
	crypto_sign_ed25519_detached(sig, NULL, digest, sizeof(digest), k->key);
	text_add(&both, (const char *)sig, sizeof(sig));
	text_puts(&both, comment);
	crypto_sign_ed25519_detached(csig, NULL, (const uint8_t *)both.s,
				     both.n, k->key);
	signature_text(out, k->id, sig, comment, csig);
}
