/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c - stb: packs bundles, shows, signs and verifies them. The verbs are below.
 */
#include "bundler/bundle.h"

#include <stdlib.h>
#include <string.h>

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage, *what;
} verbs[] = {
	{ "pack", verb_pack, "pack -o OUT.stb [--epoch=SECONDS] [--generation=N] "
	  "PLAN...", "make one bundle of the plans that stapc wrote" },
	{ "pack --self-running", NULL, "pack --self-running "
	  "[--loader=STAP-LOAD] -o OUT FILE.stb",
	  "make a bundle and a stap-load one program" },
	{ "show", verb_show, "show [--json | --script] FILE",
	  "say what is inside" },
	{ "render", verb_render, "render [--format=F] FILE",
	  "what a recorder kept or a session told" },
	{ "check", verb_check, "check [--json] --host FACTS.json FILE",
	  "would it run on the host of stap-load --describe?" },
	{ "merge", verb_merge, "merge [-o OUT] FILE_0 FILE_1...",
	  "files of stap-load -b as one, in order" },
	{ "verify", verb_verify, "verify [--pub K.pub [--signature SIG]] FILE...",
	  "check every digest and table, and who signed" },
	{ "keygen", verb_keygen, "keygen [--key K.key] [--pub K.pub] "
	  "[--no-password]", "make a pair of keys, as minisign has them" },
	{ "sign", verb_sign, "sign --key K.key [--detached] [--comment TEXT] "
	  "[-o OUT] FILE", "put a signature behind a bundle, or beside it" },
	{ "sign --module-key", NULL, "sign --module-key KEY --module-cert CERT "
	  "[-o OUT] FILE", "sign the kernel modules in a bundle" },
	{ "sign --module-out", NULL, "sign --module-out DIR FILE",
	  "write them into a folder, to be signed elsewhere" },
	{ "sign --module-in", NULL, "sign --module-in DIR [-o OUT] FILE",
	  "take them back from there" },
	{ "digest", verb_digest, "digest [-o OUT] [--signature RAW "
	  "[--comment TEXT]] FILE", "what a signer elsewhere has to sign" },
	{ "attach", verb_attach, "attach [--pub K.pub] [-o OUT] FILE SIG.minisig",
	  "put that signature behind a bundle" },
	{ "attach --signature", NULL, "attach --pub K.pub --signature RAW "
	  "--comment-signature RAW [--comment TEXT]\n             [--detached] "
	  "[-o OUT] FILE", "the same of what was signed elsewhere" },
	{ "detach", verb_detach, "detach [-o SIG.minisig] FILE",
	  "put a bundle's signature into FILE.minisig" },
	{ "sbom", verb_sbom, "sbom [-o OUT] FILE",
	  "what a bundle is made of, as SPDX" },
	{ "provenance", verb_provenance, "provenance [-o OUT] FILE",
	  "how it was made, as an in-toto statement" },
};

/* Of one verb, if that is not NULL. */
static void usage_of(FILE *out, const char *verb)
{
	size_t n = verb ? strlen(verb) : 0;

	fprintf(out, "usage:\n");
	for (size_t i = 0; i < COUNT_OF(verbs); i++)
		if (!verb || (!strncmp(verbs[i].usage, verb, n) &&
			      verbs[i].usage[n] == ' '))
			fprintf(out, "  stb %s\n        %s\n",
				verbs[i].usage, verbs[i].what);
}

static void usage(FILE *out)
{
	usage_of(out, NULL);
	fprintf(out, "  stb -h, --help | -V, --version\n"
		"        this; the version. Elsewhere -o is --output, too\n"
		"exit: 0 done, 64 usage, 65 damaged or wrong input, 66 no "
		"such file,\n      70 a bug, 73 cannot write\n");
}

/* Is one of a verb's words -h, and not what an option before it is to be? */
static bool wants_usage(int argc, char **argv)
{
	for (int i = 2; i < argc && strcmp(argv[i], "--"); i++)
		if ((!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) &&
		    (i == 2 || *argv[i - 1] != '-'))
			return true;
	return false;
}

static int run_verb(const struct verb *v, int argc, char **argv)
{
	if (wants_usage(argc, argv)) {
		usage_of(stdout, v->name);
		return 0;
	}
	argv[1] = (char *)argv0;	/* whose word getopt's complaints are */
	return v->run(argc - 1, argv + 1);
}

static int run(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")) {
		usage(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version")) {
		printf("stb 0.1 (bundle format %d.%d)\n", STB_MAJOR,
		       STB_MINOR);
		return 0;
	}
	for (size_t i = 0; i < COUNT_OF(verbs); i++)
		if (verbs[i].run && !strcmp(argv[1], verbs[i].name))
			return run_verb(&verbs[i], argc, argv);
	fprintf(stderr, "%s: no command \"%s\"; see stb -h\n", argv0, argv[1]);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	int status;

	argv0 = "stb";
	status = run(argc, argv);
	return written(status);
}
