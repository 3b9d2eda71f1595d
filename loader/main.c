/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c - stap-load: runs a bundle on this host. docs/stap-load.md is its
 * manual. The pass list is at the end.
 */
#include "loader/bulk.h"
#include "loader/encode.h"
#include "loader/facts.h"
#include "loader/monitor.h"
#include "loader/record.h"
#include "loader/service.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *argv0;

static const char usage_text[] =
"usage: stap-load [option...] FILE.stb [variable=value...]\n"
"Runs the probes of a bundle on this host, until ^C or the script's exit().\n"
"  -c CMD      run CMD when all is attached, end with it; target() is its pid\n"
"  -x PID      target() is PID\n"
"  -o FILE     write output there\n"
"  -S MB[,N]   go on in a next file when one has that much; keep N files\n"
"  -b          a file for each processor, FILE_0, FILE_1...: see stb merge\n"
"  -F          go into the background when all is attached, and keep the last\n"
"              output (as much as -s says); then:\n"
"  --list, --attach NAME, --dump NAME, --stop NAME, all three [-o FILE],\n"
"              --rotate NAME\n"
"  --name NAME  of the recorder (the script's)\n"
"  --format F  text, ndjson, chrome (a trace), folded (stacks)\n"
"  -T SECONDS  end after that time\n"
"  -s MB       room for output on its way from the kernel, with -F for what\n"
	"              it keeps: 1, 2, 4... (4)\n"
"  --trust K   a public key whose bundles may run, as those of\n"
"              /etc/stap-load/trusted.d\n"
"  --signature SIG  the bundle's signature, if not in it or beside it\n"
"  --engine=E  of a bundle with both: bpf or module, not what fits first\n"
"  --unsigned  run a bundle without a signature where keys are trusted\n"
"  --service DIR  run each NAME.stb of a folder as recorder NAME, with the options\n"
"              in NAME.conf; --service-stop DIR ends them\n"
"  --check[=json]  say what is checked of this host, load nothing\n"
"  --dry-run   load, attach, and leave at once\n"
"  --describe [PROGRAM...]  what this host is, for stb check elsewhere\n"
"  --monitor   a live view in the terminal\n"
"  -G VARIABLE=VALUE  the same as behind the file\n"
"  -v          say what is done\n"
"  -h, --help, -V, --version  this text; the version\n"
"Exit: 0 the script ended, 1 a run-time error of the script, 64 usage,\n"
"65 damaged bundle, 66 no such file, 69 nothing in it for this host,\n"
"70 our fault, 71 the kernel refused, 73 cannot write, 75 try again,\n"
"77 privilege; of trust: 67 user in no group, 68 unknown signer, 72 recalled,\n"
"76 not signed or not as it was, 78 /etc/stap-load is wrong.\n";

_Noreturn static void usage(int status)
{
	if (write(status ? STDERR_FILENO : STDOUT_FILENO, usage_text,
		  sizeof(usage_text) - 1) < 0)
		status = EXIT_OUTPUT;
	_exit(status);
}

static double positive(const char *what, const char *text)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end || !(n > 0) || n > 1e9)
		die(EXIT_USE, "%s %s: wanted a number above 0", what, text);
	return n;
}

static void set_ring_size(struct options *o, const char *text)
{
	double mb = positive("-s", text);

	o->ring_size = 1u << 20;
	while (o->ring_size < mb * (1 << 20) && o->ring_size < 1u << 30)
		o->ring_size <<= 1;
	if (o->ring_size != mb * (1 << 20))
		die(EXIT_USE, "-s %s: wanted a power of two, at most 1024",
		    text);
}

static void add_argument(struct options *o, char *text)
{
	if (o->describe)
		o->vars[o->nvars++] = text;	/* a program */
	else if (!o->file)
		o->file = text;
	else if (strchr(text, '='))
		o->vars[o->nvars++] = text;
	else
		die(EXIT_USE, "%s: wanted variable=value (-h shows the usage)",
		    text);
}

enum { RING_SIZE = 4 << 20 };	/* bytes, where -s does not say */

enum { OPT_TRUST = 256, OPT_SIGNATURE, OPT_UNSIGNED, OPT_NAME,
       OPT_SERVICE, OPT_SERVICE_STOP,
       OPT_ENGINE,
       OPT_FORMAT, OPT_DESCRIBE, OPT_DRY, OPT_MONITOR,
       OPT_VERB };

/* SIZE[,N]: megabytes, files. */
static void set_file_size(struct options *o, const char *text)
{
	char *end;
	double mb = strtod(text, &end);
	unsigned long n = 0;

	if (*end == ',')
		n = strtoul(end + 1, &end, 10);
	if (*end || !(mb > 0) || mb > 1e6 || n > 100000 ||
	    (strchr(text, ',') && !n))
		die(EXIT_USE, "-S %s: wanted megabytes, or megabytes,files",
		    text);
	o->file_max = (uint64_t)(mb * (1 << 20));
	o->file_keep = (unsigned)n;
}

static void set_engine(struct options *o, const char *text)
{
	if (strcmp(text, "bpf") && strcmp(text, "module"))
		die(EXIT_USE, "--engine=%s: wanted bpf or module", text);
	o->engine = *text == 'b' ? ENGINE_BPF : ENGINE_MODULE;
}

_Noreturn static void die_not_alone(void)
{
	die(EXIT_USE, "--list, --attach, --dump, --stop, --rotate, --service, "
	    "--service-stop, --describe: wanted one of them, and no bundle to "
	    "run (they are no options of one in a NAME.conf)");
}

/* Of sessions alone, and not of verbs? */
static bool is_of_sessions(int c)
{
	return c != 'o' && c != OPT_TRUST && c != OPT_SERVICE &&
	       c != OPT_SERVICE_STOP && c != OPT_DESCRIBE && c <= OPT_VERB;
}

/* A verb takes few of them. */
static void check_verb(const struct options *o)
{
	bool writes = o->verb == VERB_ATTACH || o->verb == VERB_DUMP ||
		o->verb == VERB_STOP;
	const char *other = *o->other ? o->other :
		o->output && !writes ? "-o" :
		o->ntrust && !o->describe ? "--trust" :
		o->nvars && !o->describe ? o->vars[0] : NULL;

	if (!!o->verb + !!o->service + o->describe > 1 || o->record ||
	    (o->file && !o->self))
		die_not_alone();
	if (other)
		die(EXIT_USE, "%s: it is for a bundle that is run: --list, "
		    "--attach, --dump, --stop, --rotate, --service, "
		    "--service-stop and --describe take none but -o FILE, "
		    "with --attach, --dump and --stop, and --trust, with "
		    "--describe", other);
}

/* a flat switch */
static void take_option(struct options *o, int c)
{
	switch (c) {
	case 'c':
		o->command = optarg;
		break;
	case 'x':
		o->target = tasks_named(optarg);
		break;
	case 'o':
		o->output = optarg;
		break;
	case 'T':
		o->time_ns = (uint64_t)(positive("-T", optarg) * 1e9);
		break;
	case 's':
		set_ring_size(o, optarg);
		break;
	case 'G':
		if (!strchr(optarg, '='))
			die(EXIT_USE, "-G %s: wanted variable=value", optarg);
		o->vars[o->nvars++] = optarg;
		break;
	case 'v':
		o->verbose = true;
		break;
	case 'C':
		o->check = true;
		if (optarg && strcmp(optarg, "json"))
			die(EXIT_USE, "--check=%s: wanted json, or nothing",
			    optarg);
		o->check_json = optarg != NULL;
		break;
	case OPT_DESCRIBE:
		o->describe = true;
		break;
	case OPT_DRY:
		o->dry_run = true;
		break;
	case OPT_MONITOR:
		o->monitor = true;
		break;
	case 'S':
		set_file_size(o, optarg);
		break;
	case 'b':
		o->bulk = true;
		break;
	case 'F':
		o->record = true;
		break;
	case OPT_NAME:
		if (o->name)
			die(EXIT_USE, "--name %s: it is %s already", optarg,
			    o->name);
		o->name = optarg;
		break;
	case OPT_VERB + VERB_LIST:
	case OPT_VERB + VERB_ATTACH:
	case OPT_VERB + VERB_DUMP:
	case OPT_VERB + VERB_STOP:
	case OPT_VERB + VERB_ROTATE:
		if (o->verb)
			die_not_alone();
		o->verb = (enum verb)(c - OPT_VERB);
		o->recorder = optarg;
		break;
	case OPT_SERVICE:
	case OPT_SERVICE_STOP:
		o->service = optarg;
		o->stop_service = c == OPT_SERVICE_STOP;
		break;
	case OPT_ENGINE:
		set_engine(o, optarg);
		break;
	case OPT_FORMAT:
		if (!form_of(optarg, &o->form))
			die(EXIT_USE, "--format %s: wanted text, ndjson, "
			    "chrome or folded", optarg);
		break;
	case OPT_TRUST:
		o->trust[o->ntrust++] = optarg;
		break;
	case OPT_SIGNATURE:
		o->signature = optarg;
		break;
	case OPT_UNSIGNED:
		o->allow_unsigned = true;
		break;
	case 'V':
		printf("stap-load 0.1, bundle format %d.%d\n", STB_MAJOR,
		       STB_MINOR);
		exit(fflush(stdout) || ferror(stdout) ? EXIT_OUTPUT : 0);
	case 'h':
		usage(0);
	default:
		say("-h shows the usage");
		_exit(EXIT_USE);
	}
}

/* What options mean together. */
static void combine(struct options *o)
{
	o->keep_size = o->output ? 1u << 20 : o->ring_size;
	/* what a recorder keeps may be much, what is on its way to it need not */
	if (o->record && !o->output && o->ring_size > (uint32_t)RING_SIZE)
		o->ring_size = RING_SIZE;
	if (o->file_max && !o->output)
		die(EXIT_USE, "-S: wanted -o FILE with it");
	if (o->bulk && (!o->output || o->file_max || o->record ||
			o->form > FORM_NDJSON))
		die(EXIT_USE, "-b: wanted -o FILE with it, and none of -S, -F, "
		    "--format=chrome, --format=folded");
	if (o->record + o->check + o->monitor + o->dry_run > 1)
		die(EXIT_USE, "-F, --check, --dry-run, --monitor: wanted one "
		    "of them");
	if (o->monitor && o->form && !o->output)
		die(EXIT_USE, "--monitor, --format: wanted -o FILE with them");
	if (o->name && !o->record)
		die(EXIT_USE, "--name %s: wanted -F with it", o->name);
	if (!o->file && lost_bundle())
		die(EXIT_DAMAGED, "this program is damaged: what is behind it "
		    "is no bundle (any more): get it again from where it was "
		    "made");
	if (!o->file)
		die(EXIT_USE, "wanted a bundle (-h shows the usage)");
	if (o->command && o->target)
		die(EXIT_USE, "-c and -x: wanted one of them");
}

/* Options may stand anywhere; what follows "--" are none. */
static void options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "engine", required_argument, NULL, OPT_ENGINE },
		{ "check", optional_argument, NULL, 'C' },
		{ "describe", no_argument, NULL, OPT_DESCRIBE },
		{ "dry-run", no_argument, NULL, OPT_DRY },
		{ "monitor", no_argument, NULL, OPT_MONITOR },
		{ "name", required_argument, NULL, OPT_NAME },
		{ "format", required_argument, NULL, OPT_FORMAT },
		{ "list", no_argument, NULL, OPT_VERB + VERB_LIST },
		{ "attach", required_argument, NULL, OPT_VERB + VERB_ATTACH },
		{ "dump", required_argument, NULL, OPT_VERB + VERB_DUMP },
		{ "stop", required_argument, NULL, OPT_VERB + VERB_STOP },
		{ "rotate", required_argument, NULL, OPT_VERB + VERB_ROTATE },
		{ "trust", required_argument, NULL, OPT_TRUST },
		{ "service", required_argument, NULL, OPT_SERVICE },
		{ "service-stop", required_argument, NULL, OPT_SERVICE_STOP },
		{ "signature", required_argument, NULL, OPT_SIGNATURE },
		{ "unsigned", no_argument, NULL, OPT_UNSIGNED },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c, at;

	o->ring_size = RING_SIZE;
	o->self = runs_itself();
	if (o->self)
		o->file = argv[0];
	o->vars = zalloc(argc * sizeof(*o->vars));
	o->trust = zalloc(argc * sizeof(*o->trust));
	while (optind < argc) {
		at = -1;
		c = getopt_long(argc, argv, "+bc:x:o:S:T:s:G:FvhV", longs, &at);
		if (c >= 0) {
			if (is_of_sessions(c) && at < 0)
				snprintf(o->other, sizeof(o->other), "-%c", c);
			else if (is_of_sessions(c))
				snprintf(o->other, sizeof(o->other), "--%s",
					 longs[at].name);
			take_option(o, c);
			continue;
		}
		if (optind > 1 && !strcmp(argv[optind - 1], "--")) {
			while (optind < argc)
				add_argument(o, argv[optind++]);
			break;
		}
		if (optind < argc)
			add_argument(o, argv[optind++]);
	}
	if (!o->verb && !o->service && !o->describe)
		combine(o);
	else
		check_verb(o);
}

static void open_output(struct loader *l)
{
	int fd = l->opt.record ? -1 : STDOUT_FILENO;

	l->files = (struct files){
		.pattern = l->opt.output, .max = l->opt.file_max,
		.keep = l->opt.file_keep,
	};
	if (l->opt.bulk || l->opt.dry_run)
		fd = -1;
	else if (l->opt.output)
		fd = files_open(&l->files);
	output_init(&l->out, fd);
	if (l->opt.dry_run)
		return;
	if (l->opt.bulk)
		l->out.bulk = bulk_open(l->opt.output, possible_cpus());
	output_form(&l->out, l->opt.form);
	if (l->opt.output && !l->opt.bulk)
		l->out.files = &l->files;
}

/* Recorders of root are elsewhere where others could take their names. */
static void tell_folder(void)
{
	char dir[64];

	if (!geteuid() && rights_folder(dir, sizeof(dir)) &&
	    strncmp(dir, "/run/", 5))
		say("/run/stap-load: wanted a folder that root alone can change: "
		    "recorders are looked for in %s", dir);
}

int main(int argc, char **argv)
{
	struct loader l = {
		.ring_fd = -1, .watch_fd = -1, .module_fd = -1,
		.builds_fd = -1,
	};

	argv0 = "stap-load";
	rights_start(&l.rights);
	options(&l.opt, argc, argv);
	rights_member(&l.rights);
	rights_options(&l);
	if (l.opt.verb || l.opt.service)
		rights_drop(&l.rights);
	if (l.opt.verb || l.opt.record)
		tell_folder();
	if (l.opt.verb)
		_exit(control(&l.opt));
	if (l.opt.service)
		_exit(l.opt.stop_service ? service_stop(l.opt.service) :
		      service_start(l.opt.service));
	read_keys(&l);
	if (l.opt.describe)
		_exit(describe_host(&l));
	open_bundle(&l);
	pick_variant(&l);
	if (l.variant)
		rights_bundle(&l);
	check_host(&l);
	rights_keep(&l, false);
	if (l.opt.record)
		record_claim(&l);
	open_output(&l);
	read_symbols(&l);
	close_bundle(&l);
	l.out.names = symbols_namer(l.symbols, kernel_names());
	l.out.names.builds = &l.builds_fd;
	if (l.opt.record)
		record_start(&l);
	l.out.pid = (int32_t)getpid();	/* which is another one now */
	if (output_has_lines(&l.out))
		l.out.identity = identity_of(&l);
	if (!l.opt.dry_run)
		l.out.shell = runner_start(&l);
	if (l.opt.monitor)
		monitor_prepare(&l);
	load_kernel(&l);
	if (l.opt.dry_run)
		_exit(dry_run(&l));
	set_globals(&l);
	_exit(run_session(&l));	/* memory is given back all at once */
}
