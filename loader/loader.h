/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loader.h - a run of one bundle, from the file to the end probes. main.c has
 * the pass list; each pass fills its part of struct loader and dies with a
 * message when the host or the bundle is not right.
 */
#ifndef LOADER_LOADER_H
#define LOADER_LOADER_H

#include "bundler/host.h"
#include "loader/files.h"
#include "loader/format.h"
#include "loader/history.h"
#include "loader/rights.h"
#include "loader/symbols.h"
#include "loader/sys.h"
#include "runtime/abi.h"

#include <sys/resource.h>

enum verb { VERB_RUN = 0, VERB_LIST, VERB_ATTACH, VERB_DUMP, VERB_STOP,
	    VERB_ROTATE };

struct options {
	const char *file, *output, *command;
	char **vars;		/* "name=value" */
	int nvars;
	int64_t target;		/* -x; 0: none */
	uint64_t time_ns;	/* -T; 0: no end */
	uint32_t ring_size;	/* bytes, a power of two */
	bool verbose, check, check_json;
	bool describe, dry_run, monitor;
	enum verb verb;
	const char *recorder;	/* --attach NAME and its like */
	bool record;		/* -F */
	const char *name;	/* --name, or NULL */
	enum form form;		/* --format */
	bool bulk;		/* -b */
	uint64_t keep_size;	/* bytes of output that a recorder keeps */
	uint64_t file_max;	/* -S SIZE[,N]; 0: not given */
	unsigned file_keep;
	const char *service;	/* --service DIR, or NULL */
	bool stop_service;	/* --service-stop DIR */
	char other[16];		/* an option of sessions alone that was given */
	bool self;		/* the bundle is behind this program */
	char **trust;		/* --trust: files of public keys */
	int ntrust;
	const char *signature;	/* --signature, or NULL */
	bool allow_unsigned;	/* --unsigned */
	enum { ENGINE_ANY, ENGINE_BPF, ENGINE_MODULE } engine;	/* --engine */
};

/* The consumer's side of a BPF ring buffer; ring.c. */
struct ring {
	uint64_t *consumer;	/* NULL: there is none */
	const uint64_t *producer;
	const uint8_t *data;	/* mapped twice in a row */
	uint64_t size;
};

/* Is a program build of the bundle on this host? check.c */
enum build_state {
	BUILD_UNKNOWN = 0,
	BUILD_HERE,		/* that one */
	BUILD_OTHER,		/* another declared build of the path is */
	BUILD_ABSENT,		/* nothing at the path yet */
};

/* Are all sites of a program attached by one call? */
enum multi { MULTI_NO = 0, MULTI_UPROBES, MULTI_KPROBES };
enum {
	NOT_ATTACHED = -1,
	IN_GROUP = -2,		/* by another site's link */
	LEFT_OUT = -3,		/* it may be, and cannot be attached */
	ON_CPUS = -4,		/* by armed_events */
	IN_MODULE = -5,		/* by module_sites */
};

/* Of a site: one a possible CPU or a thread of the target's, < 0: none. */
struct events {
	size_t n;
	int fds[];
};

struct loader {
	struct options opt;
	struct rights rights;	/* rights.c */

	/* who may have made the bundle: trust.c */
	struct minisign_key *keys;
	unsigned nkeys;
	enum host_signature signature;
	char key_id[17];	/* by which */
	const char *recalled;	/* read_recalled()'s, for --check; or NULL */

	/* the bundle: bundle.c */
	void *file;		/* all of it, until close_bundle() */
	size_t file_size;
	struct stb_header header;	/* ... and from then on */
	struct stb_reader reader;
	struct stb_set index, meta, kcode, ucode;
	const struct stb_variant *variant;
	const struct stb_limits *limits;
	struct rows maps, globals, formats, builds, progs, sites, events,
		handlers, file_rows;
	struct rows tables;	/* of symbols */

	/* checked: check.c */
	uint8_t *build_state;	/* one a row of builds */
	uint8_t *told_modules;	/* of each row: its mismatch was told */
	uint64_t *module_nodes;	/* ... which of its loadings it is */
	int *build_fds;		/* of those HERE: the file that was looked at,
				   which is the one that is probed */
	uint8_t (*told_ids)[20];	/* one a row: of a build that came and
				   is none of them */
	uint8_t *told_builds;	/* one a row: how often it could not be armed */
	uint64_t slide;
	struct symbols *symbols;
	struct stb_set *table_sets;	/* one a row of tables */
	struct stb_build *user_builds;	/* ... as handlers know them */
	int builds_fd;		/* what they know: processes.h; -1: nothing */

	/* in the kernel: bpf.c, attach.c */
	struct rlimit nofile;	/* what it was; zero: it was not raised */
	int *map_fds;		/* one a row of maps, -1: not there */
	int *prog_fds;
	int *plain_fds;		/* see plain_prog; 0: not needed yet */
	uint8_t *multi;		/* one a program: enum multi */
	int *links;		/* one a row of sites, or NOT_ATTACHED...;
				   shared with the keeper */
	int *jumps;		/* a switch of the kernel that is off, or -1 */
	uint32_t *closed;	/* how many of them detach.c has closed */
	pid_t keeper;		/* who detaches when we cannot; 0: nobody */
	uint64_t armed;		/* how many sites are */
	uint8_t *off;		/* one a program: 1, its condition does not
				   hold; NULL: none has one */
	uint64_t next_condition;	/* when to look */
	struct watches *watches;	/* watch.c; NULL: nothing to watch */
	struct events **armed_events;	/* one a row of sites, NULL: none; events.c */
	char online[4096];	/* CPUs, as the kernel lists them */
	uint64_t next_look;	/* at them */
	int ring_fd;		/* -1: none */
	int watch_fd;		/* inotify, -1: nothing to wait for */
	uint64_t next_arrival;	/* when to look for it anyway; 0: the same */
	int module_fd;		/* uevents, -1: no module is probed */
	int tasks_fd, files_fd;		/* maps of tasks.c, 0: none; in a module
					   their rows + 1 */
	struct known_file *known;	/* one a row of builds: tasks.c */
	int kprobe_pmu, uprobe_pmu;	/* perf event types; 0: not read yet */

	/* instead of both, where the variant is a module: kmod.c */
	struct stb_set module;
	int module_file;
	uint32_t *module_sites;	/* one a row of sites: its number there */
	pid_t module_keeper;	/* who unloads it when we cannot */
	char *module_kept;	/* the name of what it shall unload, or "";
				   both see it */
	uint32_t module_user;	/* STB_KMOD_PROGRAMS... */
	char *module_name;	/* not the bundle's: a second session */

	/* running: session.c, ring.c */
	struct stb_shared *shared;	/* head of the globals region */
	unsigned ncpus;
	struct ring ring;
	struct output out;
	struct vm *vm;
	struct served *served;	/* serve.c; NULL: none */
	uint64_t bad_records;

	/* -F and -o: record.c, files.c */
	struct recorder *recorder;	/* NULL: no -F */
	struct monitor *monitor;	/* NULL: no --monitor */
	struct history history;
	struct files files;
	bool stop_asked;
};

/* trust.c: the keys that are trusted here. */
void read_keys(struct loader *l);
/* Dies unless one of them signed these bytes, where there are any. How many
   bytes are the bundle, without what is attached. */
size_t prove_signature(struct loader *l, const void *data, size_t size);
/* The rules of what was recalled here; never NULL. */
const char *read_recalled(void);
/* Dies when they say that the bundle shall not run. */
void check_recalled(struct loader *l);

/* bundle.c: is there a bundle behind this program, in its own file? */
bool runs_itself(void);
/* ... or something that is none, or none any more? */
bool lost_bundle(void);
/* reads the file, finds this kernel's variant, reads its tables.
   The kernel's code is read by read_kcode, once it is known to be needed. */
void open_bundle(struct loader *l);
void pick_variant(struct loader *l);
/* Tables of symbols; the slide is known. */
void read_symbols(struct loader *l);
/* No section is read any more: the file goes, its header and id stay. */
void close_bundle(struct loader *l);
/* "name=value" into the globals region */
void set_globals(struct loader *l);
_Noreturn void die_damaged(struct loader *l);
/* Of the kernel that runs; its length, 0 when it has none. */
size_t kernel_build_id(uint8_t *id, size_t max);

/* check.c: everything that can be refused before something is loaded; with
   --check it ends there. */
void check_host(struct loader *l);
/* The build-id among ELF notes: its length, 0 when there is none. */
size_t find_build_id(const uint8_t *notes, size_t size, size_t align,
		     uint8_t *id, size_t max);
/* What is at the path of builds' row now; when it is none of the declared
   builds: dies (loud), or says so once, and BUILD_UNKNOWN. */
enum build_state look_at_build(struct loader *l, uint32_t row, bool loud);
/* Which build is it that has this id? UNKNOWN: none that is declared. */
enum build_state match_build(const struct loader *l, uint32_t row,
			     const uint8_t *id, int len);
void say_mismatch(const struct loader *l, uint32_t row, const uint8_t *id,
		  int len);
/* Is that row of builds one of a kernel module? */
bool is_module(const struct loader *l, uint32_t row);
/* ... of a program in which there are places? */
bool is_program(const struct loader *l, uint32_t row);
void checked(const struct loader *l, const char *fmt, ...)
	PRINTF_LIKE(2, 3);	/* a line of -v */

/* load.c: maps, globals region and programs into the kernel. */
void load_kernel(struct loader *l);
/* The program for sites that no call for many takes, as those inside of a
   function: another than for the rest, if that is loaded for one. */
int plain_prog(struct loader *l, uint32_t prog);
/* Once more, for sites that are attached one by one: its error. */
int reload_prog(struct loader *l, uint32_t prog);
/* There was no descriptor left: says which limit, and what to do. */
_Noreturn void die_limit(const struct loader *l, int error);
uint64_t missed_runs(const struct loader *l);
const char *prog_probe(const struct loader *l, uint32_t prog);

/* attach.c */
/* What is on this host; false: a signal came meanwhile, some are not. */
bool attach_all(struct loader *l);
bool await_builds(struct loader *l);	/* watches for those not here yet */
void attach_arrived(struct loader *l);	/* watch_fd became readable */
void await_tick(struct loader *l);	/* it may have come unnoticed */

/* detach.c: where there are many sites, a process that detaches them, however
   we end; to be there before the first is attached. */
void keep_links(struct loader *l);
void links_kept(struct loader *l);	/* all are, or as many as will be */
/* A signal lets it go on without us. */
void detach_all(struct loader *l);

/* events.c: 0 or an errno. */
int events_arm(struct loader *l, uint32_t site);
void events_disarm(struct loader *l, uint32_t site);
/* Is it one of the target, and events.c's in a module, too? */
bool events_of_target(const struct loader *l, const struct stb_site *s);
void events_tick(struct loader *l);	/* CPUs may have come or gone */
/* Arms the sites of a module that is there, and is one of the builds. */
void arm_module(struct loader *l, uint32_t build);
/* ... and takes the links of one that went, which waits. */
void disarm_build(struct loader *l, uint32_t build);

/* conditions.c: looks at conditions of probe points, at all of them now and as
   often as is due. */
void conditions_open(struct loader *l);
void conditions_look(struct loader *l);
void conditions_tick(struct loader *l);
uint64_t conditions_due(const struct loader *l);	/* or UINT64_MAX */
/* attach.c, detach.c: all sites of a program that are on this host. */
void arm_prog(struct loader *l, uint32_t prog);
void disarm_prog(struct loader *l, uint32_t prog);

/* attach.c: runs handlers for the tasks that there are: of probes of their
   beginning. */
void visit_tasks(struct loader *l);

/* tasks.c: which tasks are whose: see STB_MAPF_TASKS. */
void tasks_check(const struct loader *l);	/* dies where nothing tells */
/* The process of -x, by its number; dies when it is none. */
int64_t tasks_named(const char *text);
/* The threads of the target and of what it made: *n, to free. */
pid_t *tasks_of_target(const struct loader *l, size_t *n);
void tasks_begin(struct loader *l);	/* of those there are now */
void tasks_tick(struct loader *l);	/* a program may have been replaced */
/* Each task that runs a program of the script's; is_new: it executed it, or was
   there, and this has not been told yet. */
void tasks_each(struct loader *l, void (*each)(struct loader *l, pid_t tid,
		uint32_t build, bool is_new));

/* watch.c: breakpoints in processes */
void watches_begin(struct loader *l);
void watches_tick(struct loader *l);
uint64_t watches_due(const struct loader *l);
void watches_end(struct loader *l);

/* modules.c: kernel modules that are loaded, come and go. */
void check_modules(struct loader *l);	/* looks at all of them */
void await_modules(struct loader *l);	/* from now on the kernel tells */
void modules_changed(struct loader *l);	/* module_fd became readable */

/* ring.c */
void ring_open(struct ring *r, int fd, uint64_t size);
/* Prints what is there; bytes consumed. */
uint64_t ring_drain(struct loader *l);
bool ring_is_empty(const struct ring *r);
/* What is ours, and the ring, which is mapped twice, once. */
unsigned long memory_kb(const struct loader *l);

/* dump.c: what ran where, as members of JSON behind others. */
const char *identity_of(const struct loader *l);

/* session.c: begin to end; the exit code. */
int run_session(struct loader *l);
/* --dry-run: arms the probes, which do nothing, and takes them away. */
int dry_run(struct loader *l);

#endif
