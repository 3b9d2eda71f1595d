/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trust.c - who made this bundle, and does this host want it?
 *
 * Keys are the *.pub of TRUSTED and those of --trust. Where there are any, a
 * bundle runs only with a signature by one of them, which is verified over
 * bytes that nobody else can change, before any of them is looked at.
 * HOST_RECALLED_FILE names what was signed and shall not run any more. What lies
 * in SETTINGS counts only if root alone can change it.
 */
#include "loader/loader.h"
#include "bundler/host.h"
#include "bundler/minisign.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTINGS "/etc/stap-load"
#define TRUSTED SETTINGS "/trusted.d"

enum { MAX_KEYS = 256, MAX_KEY_FILE = 4096, MAX_RECALLED = 1 << 20 };

static void check_owner(const char *path, const struct stat *st,
			const char *what)
{
	if (st->st_uid || st->st_mode & 022)
		die(EXIT_SETTINGS, "%s: wanted a %s that root alone can "
		    "change: chown root, chmod go-w", path, what);
}

/* What the command line names may be a pipe, and somebody's. */
enum whose { NAMED, SETTING, BESIDE };

/* As read_small(), but nobody waits for who writes to a FIFO. */
static long read_text(const char *path, enum whose whose, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (whose == SETTING && !fstat(fd, &st))
		check_owner(path, &st, "file");
	if (whose == NAMED)
		fcntl(fd, F_SETFL, 0);
	return read_rest(fd, to, size);
}

static void add_key(struct loader *l, const char *path, enum whose whose)
{
	char text[MAX_KEY_FILE];
	long n = read_text(path, whose, text, sizeof(text));

	if (n < 0)
		die(whose == NAMED && n == -ENOENT ? EXIT_NO_FILE : EXIT_SETTINGS,
		    "%s: a trusted key cannot be read: %s", path,
		    strerror((int)-n));
	if (l->nkeys == MAX_KEYS)
		die(EXIT_SETTINGS, "%s: more than %d trusted keys", path,
		    MAX_KEYS);
	if (!minisign_read_key(text, (size_t)n, &l->keys[l->nkeys]))
		die(EXIT_SETTINGS, "%s: wanted a public key as minisign or stb "
		    "keygen writes it; mend or remove the file", path);
	l->nkeys++;
}

static bool is_key_file(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && *name != '.' && !strcmp(name + n - 4, ".pub");
}

static void add_trusted(struct loader *l)
{
	DIR *dir = opendir(TRUSTED);
	struct dirent *d;
	struct stat st;
	char path[sizeof(TRUSTED) + 1 + 256];

	if (!dir && errno != ENOENT)
		die(EXIT_SETTINGS, TRUSTED ": %s", strerror(errno));
	if (dir && !fstat(dirfd(dir), &st))
		check_owner(TRUSTED, &st, "folder");
	while (dir && (d = readdir(dir))) {
		if (!is_key_file(d->d_name))
			continue;
		strcpy(path, TRUSTED "/");
		strncat(path, d->d_name, 255);
		add_key(l, path, SETTING);
	}
	if (dir)
		closedir(dir);
}

void read_keys(struct loader *l)
{
	struct stat st;

	l->keys = array(MAX_KEYS, sizeof(*l->keys));
	if (!stat(SETTINGS, &st))
		check_owner(SETTINGS, &st, "folder");
	for (int i = 0; i < l->opt.ntrust; i++)
		add_key(l, l->opt.trust[i], NAMED);
	add_trusted(l);
}

/* --- signatures ------------------------------------------------------------ */

/* A signature's text out of its file; 0: there is no such file. */
static size_t read_signature(const char *path, enum whose whose, char *to)
{
	long n = read_text(path, whose, to, STB_MAX_SIGNATURE + 1);

	if (n == -ENOENT && whose == BESIDE)
		return 0;
	if (n < 0)
		die(n == -ENOENT ? EXIT_NO_FILE : EXIT_DENIED, "%s: %s", path,
		    strerror((int)-n));
	return (size_t)n;
}

static size_t find_signature(const struct loader *l, const void *data,
			     size_t size, char *to, size_t *message)
{
	char beside[4096 + 16];
	const char *text;
	size_t n;
	bool attached = minisign_attached(data, size, &text, &n, message);

	if (l->opt.signature)
		return read_signature(l->opt.signature, NAMED, to);
	if (attached) {
		memcpy(to, text, n);
		return n;
	}
	if (strlen(l->opt.file) > 4096)
		return 0;
	strcpy(beside, l->opt.file);
	strcat(beside, ".minisig");
	return read_signature(beside, BESIDE, to);
}

_Noreturn static void die_stranger(const struct loader *l,
				   const struct minisign_sig *s)
{
	char id[17];

	say("%s is signed with key %s, which is not trusted here; wanted one "
	    "of", l->opt.file, minisign_id(id, s->key_id));
	for (unsigned i = 0; i < l->nkeys; i++)
		say("  %s", minisign_id(id, l->keys[i].id));
	die(EXIT_STRANGER, "put that key's .pub into " TRUSTED ", or name it "
	    "with --trust");
}

/* --check tells it with the other checks. What nobody has proven is looked at only
   for those who may run it, with --unsigned. */
static bool tells_all(const struct loader *l)
{
	return l->opt.check && l->rights.level == STB_STAPDEV;
}

static void judge(struct loader *l, const struct minisign_sig *s,
		  const void *message, size_t n)
{
	char id[17];
	bool known = false;

	minisign_id(l->key_id, s->key_id);
	for (unsigned i = 0; i < l->nkeys; i++) {
		if (minisign_verify(s, &l->keys[i], message, n)) {
			checked(l, "signature: of key %s, which is trusted",
				minisign_id(id, s->key_id));
			l->signature = SIGNATURE_GOOD;
			return;
		}
		known |= !memcmp(l->keys[i].id, s->key_id, sizeof(s->key_id));
	}
	if (!known && tells_all(l)) {
		l->signature = SIGNATURE_STRANGER;
		return;
	}
	if (!known)
		die_stranger(l, s);
	die(EXIT_UNPROVEN, "%s: its signature with key %s does not hold: the "
	    "bundle or the signature was changed; get both again from where "
	    "they were made", l->opt.file, minisign_id(id, s->key_id));
}

static void tell_unsigned(const struct loader *l)
{
	checked(l, "signature: none asked for, there is no key in " TRUSTED
		": nobody has proven who made this");
}

size_t prove_signature(struct loader *l, const void *data, size_t size)
{
	char text[STB_MAX_SIGNATURE + 1];
	struct minisign_sig s;
	size_t n, message;

	if (!l->nkeys && l->rights.level != STB_STAPDEV)
		die(EXIT_UNPROVEN, "%s: this host trusts no key, so nobody but "
		    "root and members of stapdev may run bundles: wanted the "
		    ".pub of who signs them in " TRUSTED, l->opt.file);
	if (!l->nkeys && !l->opt.signature) {
		tell_unsigned(l);
		minisign_attached(data, size, (const char *[1]){ NULL }, &n,
				  &message);
		return message;
	}
	n = find_signature(l, data, size, text, &message);
	if ((n || !l->nkeys) && !minisign_read_sig(text, n, &s))
		die(EXIT_UNPROVEN, "%s: its signature is none of minisign's "
		    "format", l->opt.file);
	if (!l->nkeys) {
		say("--signature %s: no key is trusted here that could prove "
		    "it: wanted the .pub of who signs in " TRUSTED ", or "
		    "--trust", l->opt.signature);
	} else if (n) {
		judge(l, &s, data, message);
	} else if (l->opt.allow_unsigned) {
		checked(l, "signature: none, and --unsigned was given");
		l->signature = SIGNATURE_WAIVED;
	} else if (tells_all(l)) {
		l->signature = SIGNATURE_NONE;
	} else {
		die(EXIT_UNPROVEN, "%s is not signed, and this host has trusted "
		    "keys: wanted a signature in it or in %s.minisig (stb sign "
		    "makes one%s)", l->opt.file, l->opt.file,
		    l->rights.level == STB_STAPDEV ? "; --unsigned runs it "
		    "all the same" : "");
	}
	return message;
}

/* --- what was recalled ------------------------------------------------------- */

const char *read_recalled(void)
{
	char *text = zalloc(MAX_RECALLED);
	long n = read_text(HOST_RECALLED_FILE, SETTING, text, MAX_RECALLED);

	if (n < 0 && n != -ENOENT)
		die(EXIT_SETTINGS, HOST_RECALLED_FILE ": %s", strerror((int)-n));
	if (n >= MAX_RECALLED - 1)
		die(EXIT_SETTINGS, HOST_RECALLED_FILE ": larger than %d bytes",
		    MAX_RECALLED);
	if (n > 0 && strlen(text) != (size_t)n)
		die(EXIT_SETTINGS, HOST_RECALLED_FILE ": damaged: it holds a "
		    "byte that is zero: nothing runs until it is mended");
	return text;
}

void check_recalled(struct loader *l)
{
	struct host_bundle b = { .index = &l->index,
				 .id = l->reader.header->toc_digest };
	struct host_check c;
	char why[2048];

	l->recalled = read_recalled();
	if (l->opt.check)
		return;		/* told with the other checks */
	if (host_recalled(l->recalled, &b, &c)) {
		host_refusal(&c, why, sizeof(why));
		die((enum exit_code)c.code, "%s: %s", l->opt.file, why);
	}
	zfree((void *)l->recalled, MAX_RECALLED);
	l->recalled = NULL;
}
