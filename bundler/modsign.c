/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * modsign.c - signatures of the kernel modules in a bundle, as a kernel under
 * module.sig_enforce or lockdown wants them: PKCS#7 (CMS), detached, without
 * certificates and attributes, behind the module's bytes. `openssl` makes them
 * with a key; or the modules are written out, and come back signed from
 * elsewhere. The bundle is another then: sign it afterwards.
 */
#include "bundler/bundle.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARK "~Module signature appended~\n"
enum { MARK_LEN = sizeof(MARK) - 1, PKCS7 = 2 };

/* struct module_signature of the kernel: before the mark */
struct trailer {
	uint8_t algo, hash, id_type, signer_len, key_id_len, pad[3];
	uint8_t size[4];	/* big-endian, of the signature before this */
};
_Static_assert(sizeof(struct trailer) == 12, "module_signature");

struct signing {
	struct arena mem;
	const char *file, *out;
	const char *key, *cert;		/* sign here */
	const char *to, *from;		/* folders of modules: go, come back */
	const char *tmp;
	struct bundle b;
	struct text *objects;	/* by section: signed; s NULL: none there */
};

/* The module's bytes, without a signature that it may have. */
static struct text bare(struct arena *mem, const char *s, size_t n)
{
	struct text t = { .mem = mem };
	struct trailer end;
	size_t cut = n, size;

	if (n > MARK_LEN + sizeof(end) &&
	    !memcmp(s + n - MARK_LEN, MARK, MARK_LEN)) {
		memcpy(&end, s + n - MARK_LEN - sizeof(end), sizeof(end));
		size = (size_t)end.size[0] << 24 | (size_t)end.size[1] << 16 |
			(size_t)end.size[2] << 8 | end.size[3];
		if (size < n - MARK_LEN - sizeof(end))
			cut = n - MARK_LEN - sizeof(end) - size;
	}
	text_add(&t, s, cut);
	return t;
}

static void append(struct text *t, const char *sig, size_t n)
{
	struct trailer end = { .id_type = PKCS7 };
	int i;

	for (i = 0; i < 4; i++)
		end.size[i] = (uint8_t)(n >> (24 - 8 * i));
	text_add(t, sig, n);
	text_add(t, (const char *)&end, sizeof(end));
	text_puts(t, MARK);
}

static struct text object_of(struct signing *s, uint32_t section)
{
	uint32_t n, stride;
	const char *p = stb_table(bundle_set(&s->b, section), STB_T_OBJECT, 1,
				  &n, &stride);

	return bare(&s->mem, p, n);
}

static const char *name_of(struct signing *s, uint32_t section)
{
	const struct stb_set *set = bundle_set(&s->b, section);
	uint32_t n, stride;
	const struct stb_module *m = stb_table(set, STB_T_MODULE, sizeof(*m),
					       &n, &stride);

	return stb_string(set, m->name);
}

/* --- with a key --------------------------------------------------------------- */

static bool run_openssl(struct signing *s, const char *in, const char *out)
{
	const char *argv[] = {
		"openssl", "cms", "-sign", "-binary", "-noattr", "-nocerts",
		"-nosmimecap", "-md", "sha256", "-outform", "DER", "-inkey",
		s->key, "-signer", s->cert, "-in", in, "-out", out, NULL
	};
	pid_t pid = fork_child();
	int status;

	if (!pid) {
		execvp(argv[0], (char **)argv);
		fprintf(stderr, "%s: openssl: %m\n", argv0);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("wait: %m");
	return !status || wrong(s->file, 0, "openssl cms did not sign with %s "
				"and %s", s->key, s->cert);
}

static bool sign_one(struct signing *s, uint32_t section)
{
	char *in = arena_printf(&s->mem, "%s/module", s->tmp), *sig;
	char *out = arena_printf(&s->mem, "%s/signature", s->tmp);
	struct text t = object_of(s, section);
	bool ok;
	size_t n;

	if (!write_file(in, t.s, t.n))
		die("%s: %m", in);
	ok = run_openssl(s, in, out);
	if (ok) {
		sig = read_file(&s->mem, out, &n);
		if (!sig)
			die("%s: %m", out);
		append(&t, sig, n);
		s->objects[section] = t;
	}
	unlink(in);
	unlink(out);
	return ok;
}

/* --- elsewhere ------------------------------------------------------------------ */

static bool give(struct signing *s, uint32_t section)
{
	char *path = arena_printf(&s->mem, "%s/%s.ko", s->to,
				  name_of(s, section));
	struct text t = object_of(s, section);

	return write_file(path, t.s, t.n) ||
	       wrong(path, 0, "%s", strerror(errno));
}

/* NAME.ko with its signature behind it, or NAME.p7s, the signature alone. */
static bool take_back(struct signing *s, uint32_t section)
{
	const char *name = name_of(s, section);
	char *ko = arena_printf(&s->mem, "%s/%s.ko", s->from, name);
	char *p7s = arena_printf(&s->mem, "%s/%s.p7s", s->from, name), *text;
	struct text t = object_of(s, section), was = t, all = t;
	size_t n;

	all.s = NULL;
	all.n = all.cap = 0;
	text = read_file(&s->mem, p7s, &n);
	if (text) {
		append(&t, text, n);
		s->objects[section] = t;
		return true;
	}
	text = read_file(&s->mem, ko, &n);
	if (!text)
		return wrong(ko, 0, "%s, and there is no %s", strerror(errno),
			     p7s);
	t = bare(&s->mem, text, n);
	if (t.n == n || t.n != was.n || memcmp(t.s, was.s, t.n))
		return wrong(ko, 0, "is not the module of %s with a signature "
			     "behind it", s->file);
	text_add(&all, text, n);
	s->objects[section] = all;
	return true;
}

/* --- all of them ----------------------------------------------------------------- */

static bool each_module(struct signing *s,
			bool (*one)(struct signing *s, uint32_t section))
{
	uint32_t i, n = stb_toc_count(&s->b.r), found = 0;

	for (i = 0; i < n; i++) {
		if (stb_toc_at(&s->b.r, i)->kind != STB_SEC_MODULE)
			continue;
		found++;
		if (!one(s, i))
			return false;
	}
	return found || wrong(s->file, 0, "there is no kernel module in it");
}

static int sign_all(struct signing *s)
{
	char tmp[] = "/tmp/stb.XXXXXX";
	int status = bundle_load(&s->mem, s->file, &s->b);
	bool ok;

	if (status)
		return status;
	s->objects = NEW_ARRAY(&s->mem, struct text,
			       stb_toc_count(&s->b.r) + 1);
	if (s->to)
		return each_module(s, give) ? 0 : EXIT_DATA;
	if (!mkdtemp(tmp))
		die("%s: %m", tmp);
	s->tmp = tmp;
	ok = each_module(s, s->from ? take_back : sign_one);
	rmdir(tmp);
	return ok ? pack_again(&s->mem, &s->b, s->objects,
			       s->out ? s->out : s->file) : EXIT_DATA;
}

bool is_module_signing(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], "--module-", 9))
			return true;
	return false;
}

int sign_modules(int argc, char **argv)
{
	static const struct option options[] = {
		{ "module-key", required_argument, NULL, 'k' },
		{ "module-cert", required_argument, NULL, 'c' },
		{ "module-out", required_argument, NULL, 't' },
		{ "module-in", required_argument, NULL, 'f' },
		{ "output", required_argument, NULL, 'o' },
		{ 0 }
	};
	struct signing s = { .key = NULL };
	int c, status = EXIT_USAGE;
	bool bad = false;

	while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		const char **to = c == 'k' ? &s.key : c == 'c' ? &s.cert :
			c == 't' ? &s.to : c == 'f' ? &s.from : &s.out;

		bad |= c == '?';
		*to = optarg;
	}
	if (optind < argc)
		s.file = argv[optind];
	if (bad || argc - optind != 1 || !s.key != !s.cert ||
	    !!s.key + !!s.to + !!s.from != 1)
		fprintf(stderr, "usage: %s sign --module-key KEY.pem "
			"--module-cert CERT.pem [-o OUT] FILE.stb\n"
			"       %s sign --module-out DIR FILE.stb\n"
			"       %s sign --module-in DIR [-o OUT] FILE.stb\n",
			argv0, argv0, argv0);
	else
		status = sign_all(&s);
	arena_free(&s.mem);
	return status;
}
