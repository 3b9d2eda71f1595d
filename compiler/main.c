/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c - stapc: options, and the passes in order. See driver.c for what
 * happens around them when there are several kernels.
 */
#include "driver.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define VERSION "0.1"

/* --- the passes ---------------------------------------------------------------- */

static void dump_untyped(struct job *j, FILE *out)
{
	dump_ast(j, out, false);
}

static void dump_typed(struct job *j, FILE *out)
{
	dump_ast(j, out, true);
}

static void dump_c(struct job *j, FILE *out)
{
	if (j->c_kernel.n)
		fprintf(out, "/* kernel */\n%s", j->c_kernel.s);
	if (j->c_user.n)
		fprintf(out, "/* user */\n%s", j->c_user.s);
}

static void dump_plan(struct job *j, FILE *out)
{
	char *path = arena_printf(&j->mem, "%s/plan", j->opt->out_dir);
	char *text = read_file(&j->mem, path, NULL);

	if (!text)
		die("%s: %m", path);
	fputs(text, out);
}

/* The program. A pass may have two names, its folder's in tests/ the second. */
static const struct pass {
	const char *dumps[2];
	bool (*run)(struct job *j);
	void (*dump)(struct job *j, FILE *out);
} passes[] = {
	{ { NULL },		load_target,	NULL },
	{ { "tokens", "lex" },	NULL,		dump_tokens },
	{ { "ast", "parse" },	parse_script,	dump_untyped },
	{ { "lib", "library" },	pull_library,	dump_untyped },
	{ { "sites" },		expand_points,	dump_sites },
	{ { "typed" },		check_types,	dump_typed },
	{ { "list" },		NULL,		dump_listing },
	{ { NULL },		refuse_guru,	NULL },
	{ { NULL },		prove_privilege, NULL },
	{ { "ir", "lower" },	lower_probes,	dump_ir },
	{ { "c", "emit" },	emit_sources,	dump_c },
	{ { NULL },		run_compilers,	NULL },
	{ { "plan" },		write_plan,	dump_plan },
};

static const struct pass *find_dump(const char *name)
{
	size_t i, k;

	for (i = 0; i < COUNT_OF(passes); i++)
		for (k = 0; k < 2 && passes[i].dumps[k]; k++)
			if (!strcmp(passes[i].dumps[k], name))
				return &passes[i];
	return NULL;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* What stands before the first dump of the language alone needs no kernel. */
static bool needs_target(const struct job *j, const struct pass *last)
{
	return !last || last > find_dump("lib") || !j->kernel->is_host;
}

static bool run_passes(struct job *j)
{
	const struct pass *p, *last = NULL;
	double start;

	if (j->opt->dump)
		last = find_dump(j->opt->dump);
	else if (j->opt->cover_sites)
		last = find_dump("ir");
	for (p = passes; p < passes + COUNT_OF(passes); p++) {
		start = now_ms();
		if (p->run && (p->run != load_target || needs_target(j, last))
		    && !p->run(j))
			return false;
		if (p->run && j->opt->verbose > 1)
			fprintf(stderr, "%s: %s: pass %zu %.1f ms\n", argv0,
				j->kernel->name, (size_t)(p - passes),
				now_ms() - start);
		if (j->nul_messages && j->opt->verbose > 1)
			fputc(0, stderr);
		if (p == last) {
			if (j->opt->dump)
				p->dump(j, stdout);
			break;
		}
	}
	if (j->warnings && j->opt->warnings_fail)
		return complain(j, (struct span){ 0 }, E_WARNINGS,
				"warnings are errors (-W)");
	return !j->errors;
}

/* A listing of the language alone needs no kernel but for its version. */
static bool run_listing(struct job *j)
{
	bool named = j->opt->listing == LIST_POINTS ||
		j->opt->listing == LIST_VARIABLES;

	return (!named && j->kernel->is_host) || load_target(j) ?
		list_wanted(j, stdout) : false;
}

bool compile_once(const struct command *cmd, const struct kernel_decl *k,
		  const char *out_dir, struct attempt *a)
{
	struct options opt = cmd->opt;
	struct job j = { .opt = &opt, .manifest = &cmd->manifest, .kernel = k,
			 .engine = a->engine, .messages = a->messages,
			 .nul_messages = a->nul_messages };
	bool ok;

	opt.out_dir = out_dir;
	ok = opt.listing ? run_listing(&j) : run_passes(&j);
	if (opt.cover)
		cover_write(&j, ok);
	complaints_end(&j);
	fflush(stdout);
	if (!ok && j.cannot && !j.otherwise_wrong)
		a->cannot = strdup(j.cannot);
	arena_free(&j.mem);
	return ok;
}

/* --- options ------------------------------------------------------------------- */

static const char usage_text[] =
"Usage: stapc [options] SCRIPT.stp [ARGUMENT...]\n"
"       stapc [options] -e TEXT [ARGUMENT...]\n"
"       stapc [options] -l POINT | -L POINT | --dump-...\n"
"Compiles a SystemTap script for every kernel of a manifest into one bundle.\n"
"\n"
"  -e TEXT              the script itself\n"
"  -o FILE.stb          the bundle (default: the script's name with .stb)\n"
"  -m, --manifest FILE  kernels and programs to compile for; may be repeated;\n"
"                       without one, the running kernel\n"
"  -j N                 compile for N kernels at a time (default: CPUs)\n"
"  -D NAME=VALUE        set a limit: MAXSTRINGLEN MAXACTION MAXNESTING\n"
"                       MAXMAPENTRIES MAXERRORS MAXSKIPPED\n"
"  -G NAME=VALUE        set a global variable of the script\n"
"  -g                   guru mode: the script may hold C and write to target\n"
"                       variables\n"
"  -I FOLDER            tapsets: functions, aliases and macros of *.stp, *.stpm\n"
"  -c CMD, -x PID       whose program `process` without a path is, here\n"
"  -d MODULE            put the symbols of a module, or of the program or library\n"
"                       of that path, into the bundle, for stacks (\"kernel\" and\n"
"                       what is probed are there where the script needs them)\n"
"  --ldd                those of the libraries that these programs want, too\n"
"  --all-modules        those of all modules and declared programs\n"
"  --engine=ENGINE      what runs the kernel's probes: bpf, module, both; auto:\n"
"                       bpf for the kernels where that can do the script\n"
"  --no-global-var-display\n"
"                       do not show at the end what is written, never read\n"
"  --dump=PASS          stop behind a pass and print what it made: tokens ast\n"
"                       lib sites typed list ir c plan\n"
"  -p 1|2|3|4           stop behind SystemTap's pass and print: the script parsed;\n"
"                       its globals, functions and probes; C; the bundle's name\n"
"  --coverage[=FILE]    what became of each probe point for each kernel: a\n"
"                       table; to FILE as JSON\n"
"  --suppress-time-limits\n"
"                       with -g: no MAXACTION, no guard against overload\n"
"  --missing=WHAT       what a point is that a kernel has not: error, warn, ignore\n"
"  --compare A B        what changes for the script from kernel A to B\n"
"  -l POINT             list the probe points that match; -L: and the variables\n"
"                       that are there, with their types\n"
"  --dump-probe-types   the kinds of probe point that there are\n"
"  --dump-probe-aliases the tapsets' names for probe points\n"
"  --dump-functions     the functions, and where built-in ones can be called\n"
"  --privilege=LEVEL    who is to be able to run it: stapdev (all is allowed),\n"
"                       stapsys (no guru mode), stapusr (own processes only)\n"
"  --unprivileged       --privilege=stapusr\n"
"  --generation N       number the bundle, so that hosts can refuse older ones\n"
"  --sbom               write FILE.stb.spdx.json: what it is made of\n"
"  --provenance         write FILE.stb.intoto.json: how it was made\n"
"  --out-dir DIR        keep objects and plans, in DIR/KERNEL\n"
"  -k                   keep the temporary folder with objects and plans\n"
"  --target-only NAME   compile for this kernel only and pack nothing\n"
"  --share DIR          where runtime/ and tapsets/ lie\n"
"  --clang PROGRAM      compiler for BPF (default: clang-14 or clang)\n"
"  -P, --prologue-searching[=WHEN]\n"
"                       taken without effect: parameters are read where the\n"
"                       calling convention has them\n"
"  -v                   tell more; twice: how long passes took\n"
"  -u                   keep what a script does for nothing\n"
"  -w                   no warnings\n"
"  -W                   warnings are errors\n"
"  -h, --help           this\n"
"  -V, --version        version\n"
"\n"
"Exit status: 0 compiled, or something to list; 1 nothing was to list, or the\n"
"script is wrong or the build failed; 3 --compare found changes; 64 wrong usage, 66 no such file, 70 a fault of stapc itself.\n";

static _Noreturn void usage(const char *fmt, ...) PRINTF_LIKE(1, 2);
static _Noreturn void usage(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", argv0);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "; `%s --help` tells more\n", argv0);
	exit(64);
}

static int64_t number(const char *what, const char *s, int64_t min, int64_t max)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(s, &end, 0);
	if (errno || end == s || *end || n < min || n > max)
		usage("%s: \"%s\" is not a number from %lld to %lld", what, s,
		      (long long)min, (long long)max);
	return n;
}

/* What SystemTap's module needs and nothing here has: taken, without effect. */
static bool is_idle_limit(const char *arg, size_t n)
{
	static const char *const names[] = {
		"INTERRUPTIBLE", "KRETACTIVE", "MAPHASHBIAS", "MAXTRYLOCK",
		"MAXUPROBES", "MINSTACKSPACE", "STP_MAXMEMORY", "TRYLOCKDELAY",
	};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strlen(names[i]) == n && !memcmp(names[i], arg, n))
			return true;
	return false;
}

/* -D NAME=VALUE */
static void set_limit(struct options *opt, const char *arg)
{
	struct limits *l = &opt->limits;
	const struct {
		const char *name;
		int64_t *value, min, max;
	} known[] = {
		{ "MAXSTRINGLEN", &l->maxstringlen, 8, 4096 },
		{ "MAXACTION", &l->maxaction, 1, 1 << 20 },
		{ "MAXACTION_INTERRUPTIBLE", &l->maxaction_user, 1, 1 << 24 },
		{ "MAXNESTING", &l->maxnesting, 1, 1000 },
		{ "MAXMAPENTRIES", &l->maxmapentries, 1, 1 << 24 },
		{ "MAXERRORS", &l->maxerrors, 0, INT32_MAX },
		{ "MAXSKIPPED", &l->maxskipped, 0, INT32_MAX },
		{ "STP_OVERLOAD_INTERVAL", &l->overload_interval, 1, 1ll << 48 },
		{ "STP_OVERLOAD_THRESHOLD", &l->overload_most, 1, 1ll << 48 },
	};
	size_t n = strcspn(arg, "="), i;

	if (!strcmp(arg, "STP_NO_OVERLOAD") || !strcmp(arg, "STP_NO_OVERLOAD=1")) {
		l->overload_interval = 0;
		return;
	}
	for (i = 0; i < COUNT_OF(known); i++)
		if (strlen(known[i].name) == n && !memcmp(known[i].name, arg, n))
			break;
	if (i == COUNT_OF(known) && is_idle_limit(arg, n))
		return;
	if (i == COUNT_OF(known))
		usage("-D %s: the limits that can be set are MAXSTRINGLEN, "
		      "MAXACTION, MAXACTION_INTERRUPTIBLE, MAXNESTING, "
		      "MAXMAPENTRIES, MAXERRORS and MAXSKIPPED", arg);
	*known[i].value = number(known[i].name, arg[n] ? arg + n + 1 : "",
				 known[i].min, known[i].max);
}

static void must_read(const char *path)
{
	if (!access(path, R_OK))
		return;
	fprintf(stderr, "%s: %s: %m\n", argv0, path);
	exit(66);
}

static void read_manifest(struct command *cmd, const char *path)
{
	must_read(path);
	if (!manifest_read(&cmd->setup, path, &cmd->manifest))
		exit(1);
}

enum { OPT_ENGINE = 256, OPT_DUMP, OPT_OUT_DIR, OPT_ONLY, OPT_SHARE, OPT_CLANG,
       OPT_NO_DISPLAY, OPT_GENERATION, OPT_TYPES, OPT_ALIASES,
       OPT_FUNCTIONS, OPT_ALL_MODULES, OPT_LDD,
       OPT_COVERAGE, OPT_COMPARE, OPT_MISSING,
       OPT_PRIVILEGE, OPT_SBOM, OPT_PROVENANCE, OPT_UNTIMED };

static const struct option long_options[] = {
	{ "manifest", required_argument, NULL, 'm' },
	{ "engine", required_argument, NULL, OPT_ENGINE },
	{ "dump", required_argument, NULL, OPT_DUMP },
	{ "out-dir", required_argument, NULL, OPT_OUT_DIR },
	{ "generation", required_argument, NULL, OPT_GENERATION },
	{ "target-only", required_argument, NULL, OPT_ONLY },
	{ "share", required_argument, NULL, OPT_SHARE },
	{ "privilege", required_argument, NULL, OPT_PRIVILEGE },
	{ "unprivileged", no_argument, NULL, OPT_PRIVILEGE },
	{ "sbom", no_argument, NULL, OPT_SBOM },
	{ "provenance", no_argument, NULL, OPT_PROVENANCE },
	{ "clang", required_argument, NULL, OPT_CLANG },
	{ "no-global-var-display", no_argument, NULL, OPT_NO_DISPLAY },
	{ "coverage", optional_argument, NULL, OPT_COVERAGE },
	{ "compare", required_argument, NULL, OPT_COMPARE },
	{ "missing", required_argument, NULL, OPT_MISSING },
	{ "dump-probe-types", no_argument, NULL, OPT_TYPES },
	{ "dump-probe-aliases", no_argument, NULL, OPT_ALIASES },
	{ "dump-functions", no_argument, NULL, OPT_FUNCTIONS },
	{ "all-modules", no_argument, NULL, OPT_ALL_MODULES },
	{ "ldd", no_argument, NULL, OPT_LDD },
	{ "suppress-time-limits", no_argument, NULL, OPT_UNTIMED },
	{ "prologue-searching", optional_argument, NULL, 'P' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static void set_engine(struct options *opt, const char *arg)
{
	static const char *const words[] = { "auto", "bpf", "module", "both" };
	size_t i;

	for (i = 0; i < COUNT_OF(words) && strcmp(words[i], arg); i++)
		;
	if (i == COUNT_OF(words))
		usage("--engine=%s: auto, bpf, module or both", arg);
	opt->engine = (enum engine)i;
}

/* -p1 ... -p4 */
static void set_pass(struct command *cmd, const char *arg)
{
	static const char *const dumps[] = { "ast", "list", "c" };

	if (!strcmp(arg, "5"))
		usage("-p5: scripts are run by stap-load");
	if (!*arg || !strchr("1234", *arg) || arg[1])
		usage("-p%s: 1, 2, 3 or 4", arg);
	cmd->tell = *arg == '4';
	cmd->opt.dump = cmd->tell ? NULL : dumps[*arg - '1'];
}

/* A listing takes the place of a script; point: what of -l, or NULL. */
static void set_listing(struct command *cmd, enum listing what,
			const char *point)
{
	struct options *opt = &cmd->opt;

	if (opt->listing || opt->script_text)
		usage("one of -l, -L and the --dump options, and no script");
	opt->listing = what;
	opt->unoptimized = opt->no_warnings = true;
	opt->script_name = "<input>";
	opt->script_text = point ? arena_printf(&cmd->mem, "probe %s {}",
						point) : "";
}

/* --compare A B: the second is the next argument. */
static void set_compare(struct command *cmd, const char *a, const char *b)
{
	if (!b || !strcmp(a, b))
		usage("--compare wants two kernels of the manifest");
	cmd->compare[0] = a;
	cmd->compare[1] = b;
	cmd->opt.cover = cmd->opt.cover_sites = true;
	cmd->opt.missing = MISSING_IGNORE;
	cmd->opt.no_warnings = true;
}

static void set_missing(struct options *opt, const char *arg)
{
	static const char *const words[] = { "error", "warn", "ignore" };
	size_t i;

	for (i = 0; i < COUNT_OF(words) && strcmp(words[i], arg); i++)
		;
	if (i == COUNT_OF(words))
		usage("--missing=%s: error, warn or ignore", arg);
	opt->missing = (enum missing)i;
}

/* arg: NULL of --unprivileged */
static void set_privilege(struct options *opt, const char *arg)
{
	int i = PRIVILEGE_STAPUSR;

	while (arg && i >= 0 && strcmp(arg, privilege_names[i]))
		i--;
	if (i < 0)
		usage("--privilege=%s: stapdev, stapsys or stapusr", arg);
	opt->privilege = (enum privilege)i;
}

/* One option; a flat switch */
static void option(struct command *cmd, int c, char *arg)
{
	struct options *opt = &cmd->opt;

	switch (c) {
	case 'e':
		if (opt->listing)
			usage("-e: a listing has no script");
		opt->script_text = arg;
		opt->script_name = "<input>";
		break;
	case 'o':
		cmd->out = arg;
		break;
	case 'm':
		read_manifest(cmd, arg);
		break;
	case 'j':
		cmd->jobs = (int)number("-j", arg, 1, 4096);
		break;
	case 'D':
		set_limit(opt, arg);
		break;
	case 'G':
		vec_push(&cmd->mem, &opt->globals, arg);
		break;
	case 'g':
		opt->guru = true;
		break;
	case 'I':
		vec_push(&cmd->mem, &opt->tapset_dirs, arg);
		break;
	case 'c':
		opt->command = arg;
		break;
	case 'x':
		opt->target_pid = number("-x", arg, 1, INT32_MAX);
		break;
	case 'd':
		vec_push(&cmd->mem, &opt->symbols, arg);
		break;
	case OPT_ALL_MODULES:
		opt->all_modules = true;
		break;
	case OPT_UNTIMED:
		opt->limits.untimed = true;
		break;
	case OPT_LDD:
		opt->ldd = true;
		break;
	case 'k':
		cmd->keep = true;
		break;
	case 'P':	/* parameters are read before the prologue moves them */
		if (arg && strcmp(arg, "never") && strcmp(arg, "always") &&
		    strcmp(arg, "auto"))
			usage("--prologue-searching is never, always or auto");
		break;
	case 'v':
		opt->verbose++;
		break;
	case 'u':
		opt->unoptimized = true;
		break;
	case 'w':
		opt->no_warnings = true;
		break;
	case 'W':
		opt->warnings_fail = true;
		break;
	case OPT_ENGINE:
		set_engine(opt, arg);
		break;
	case 'p':
		set_pass(cmd, arg);
		break;
	case OPT_DUMP:
		if (!find_dump(arg))
			usage("--dump=%s: tokens, ast, lib, sites, typed, list, "
			      "ir, c or plan", arg);
		opt->dump = arg;
		break;
	case OPT_SBOM:
		cmd->sbom = true;
		break;
	case OPT_PROVENANCE:
		cmd->provenance = true;
		break;
	case OPT_PRIVILEGE:
		set_privilege(opt, arg);
		break;
	case OPT_GENERATION:
		cmd->generation = arg;
		break;
	case OPT_OUT_DIR:
		cmd->out_dir = arg;
		break;
	case OPT_ONLY:
		cmd->only = arg;
		break;
	case OPT_SHARE:
		opt->share_dir = arg;
		break;
	case OPT_CLANG:
		opt->clang = arg;
		break;
	case OPT_NO_DISPLAY:
		opt->no_global_display = true;
		break;
	case 'l':
		set_listing(cmd, LIST_POINTS, arg);
		break;
	case 'L':
		set_listing(cmd, LIST_VARIABLES, arg);
		break;
	case OPT_COVERAGE:
		opt->cover = true;
		cmd->table |= !arg;
		cmd->json = arg ? arg : cmd->json;
		break;
	case OPT_MISSING:
		set_missing(opt, arg);
		break;
	case OPT_TYPES:
		set_listing(cmd, LIST_TYPES, NULL);
		break;
	case OPT_ALIASES:
		set_listing(cmd, LIST_ALIASES, NULL);
		break;
	case OPT_FUNCTIONS:
		set_listing(cmd, LIST_FUNCTIONS, NULL);
		break;
	case 'h':
		fputs(usage_text, stdout);
		exit(written(0));
	case 'V':
		puts("stapc " VERSION);
		exit(written(0));
	default:
		usage("wrong option");
	}
}

/* --- where things lie ------------------------------------------------------------ */

static const char *own_folder(struct arena *mem)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		die("/proc/self/exe: %m");
	path[n] = 0;
	*strrchr(path, '/') = 0;
	return arena_strdup(mem, path);
}

/* In the tree, or where `make install` puts it. */
static const char *find_share(struct command *cmd)
{
	static const char *const places[] = { "..", "../share/stb", "../.." };
	char *dir, real[PATH_MAX];
	size_t i;

	for (i = 0; i < COUNT_OF(places); i++) {
		dir = arena_printf(&cmd->mem, "%s/%s", cmd->exe_dir, places[i]);
		if (!access(arena_printf(&cmd->mem, "%s/runtime/abi.h", dir),
			    R_OK))
			return realpath(dir, real) ?
				arena_strdup(&cmd->mem, real) : dir;
	}
	return NULL;
}

static bool in_path(struct arena *mem, const char *program)
{
	const char *p = getenv("PATH");
	size_t n;

	for (; p && *p; p += n + (p[n] == ':')) {
		n = strcspn(p, ":");
		if (!access(arena_printf(mem, "%.*s/%s", (int)n, p, program),
			    X_OK))
			return true;
	}
	return false;
}

static const char *find_clang(struct arena *mem)
{
	static const char *const names[] = {
		"clang-14", "clang", "clang-19", "clang-18", "clang-17",
		"clang-16", "clang-15",
	};
	size_t i;

	for (i = 0; i < COUNT_OF(names); i++)
		if (in_path(mem, names[i]))
			return names[i];
	return names[0];
}

/* x.stp -> x.stb, in the folder we are in. */
static const char *bundle_name(struct command *cmd)
{
	const char *name = base_name(cmd->opt.script_name), *dot;

	if (cmd->opt.script_text)
		return "stap.stb";
	dot = strrchr(name, '.');
	return arena_printf(&cmd->mem, "%.*s.stb",
			    dot ? (int)(dot - name) : (int)strlen(name), name);
}

static void defaults(struct command *cmd)
{
	struct options *opt = &cmd->opt;

	cmd->exe_dir = own_folder(&cmd->mem);
	cmd->jobs = (int)sysconf(_SC_NPROCESSORS_ONLN);
	if (cmd->jobs < 1)
		cmd->jobs = 1;
	cmd->setup.opt = opt;
	opt->limits = (struct limits){
		.maxstringlen = 512, .maxaction = 1000, .maxnesting = 0,
		.maxmapentries = 2048, .maxerrors = 0, .maxskipped = 100,
		.overload_interval = 1000000000, .overload_most = 500000000,
	};
}

static void arguments(struct command *cmd, int argc, char **argv)
{
	struct options *opt = &cmd->opt;
	int c;

	while ((c = getopt_long(argc, argv, "+:c:x:d:e:o:m:j:D:G:gI:kl:L:Pp:uvwWhV", long_options,
				NULL)) != -1) {
		if (c == ':')
			usage("%s wants a value", argv[optind - 1]);
		if (c == '?')
			usage("unknown option \"%s\"", argv[optind - 1]);
		if (c == OPT_COMPARE)
			set_compare(cmd, optarg, argv[optind] ?
				    argv[optind++] : NULL);
		else
			option(cmd, c, optarg);
	}
	if (!opt->script_text) {
		if (optind >= argc)
			usage("no script");
		opt->script_name = argv[optind++];
		if (!strcmp(opt->script_name, "-"))
			opt->script_name = "/dev/stdin";
		else
			must_read(opt->script_name);
	}
	if (opt->engine == ENGINE_BOTH && opt->dump)
		usage("--engine=both: a dump is of one of them");
	if (opt->limits.untimed && !opt->guru)
		usage("--suppress-time-limits is for guru mode: wanted -g");
	if (opt->guru && opt->privilege)
		usage("-g: guru mode is for --privilege=stapdev");
	if (opt->privilege == PRIVILEGE_STAPUSR && opt->engine > ENGINE_BPF)
		usage("--privilege=stapusr: a module is not for one's own "
		      "processes; wanted --engine=bpf");
	if (opt->privilege == PRIVILEGE_STAPUSR)
		opt->engine = ENGINE_BPF;
	if (opt->listing && (optind < argc || opt->dump || cmd->tell))
		usage("a listing has no script and no passes");
	opt->args = argv + optind;
	opt->nargs = argc - optind;
	/* strings end on a multiple of 8, see runtime/rt.h */
	opt->limits.maxstringlen = (opt->limits.maxstringlen + 7) & ~7;
	if (!cmd->out)
		cmd->out = bundle_name(cmd);
	if (!opt->share_dir)
		opt->share_dir = find_share(cmd);
	if (!opt->clang)
		opt->clang = find_clang(&cmd->mem);
	if (!cmd->manifest.kernels.n)
		manifest_host(&cmd->setup, &cmd->manifest);
	if (!opt->share_dir && !opt->dump && !opt->listing)
		die("runtime/ is not found beside %s; --share DIR tells where "
		    "it is", cmd->exe_dir);
}

/* What is the same for all kernels, or meant to look at one. */
static bool one_is_enough(const struct options *opt)
{
	return opt->dump || (opt->listing && opt->listing != LIST_POINTS &&
			     opt->listing != LIST_VARIABLES);
}

int main(int argc, char **argv)
{
	struct command cmd = { 0 };
	int status;

	argv0 = "stapc";
	defaults(&cmd);
	arguments(&cmd, argc, argv);
	if (one_is_enough(&cmd.opt) && !cmd.only)
		cmd.only = cmd.manifest.kernels.v[0]->name;
	status = drive(&cmd);
	arena_free(&cmd.setup.mem);
	arena_free(&cmd.mem);
	return status;
}
