/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * family.h - a probe family is one file of this folder and one const struct:
 * the shapes of probe point it answers for, and how a matched point becomes
 * sites. Nothing outside a family's file asks which family it is.
 */
#ifndef STB_FAMILY_H
#define STB_FAMILY_H

#include "../stap.h"
#include "../target.h"

/* Where and how the kernel or the loader calls the handler. */
enum attach {
	AT_BEGIN, AT_END, AT_ERROR, AT_NEVER,	/* loader */
	AT_TIMER,				/* loader */
	AT_KPROBE, AT_KRETPROBE,		/* pt_regs */
	AT_FENTRY, AT_FEXIT,			/* arguments by number */
	AT_RAW_TP,				/* arguments by number */
	AT_TASKS,				/* each task there is, once */
	AT_UPROBE, AT_URETPROBE,		/* pt_regs of the task */
	AT_PERF_EVENT,				/* pt_regs of what was stopped */
	AT_FILE_READ, AT_FILE_WRITE,		/* loader */
	AT_NETFILTER,				/* arguments by number */
	AT_SYSCALL,				/* arguments by number */
};

struct site_event {		/* perf_event_open(2), on every CPU; or: */
	uint32_t type;		/* netfilter: family, */
	uint64_t config;	/*   hook, and in rate the priority */
	uint64_t rate;		/* events from one hit to the next, or: */
	bool per_second;	/* hits a second */
	bool of_target;		/* not every CPU: the process of -c or -x */
	/* type 5, a hardware breakpoint: */
	uint32_t access, length;	/* HW_BREAKPOINT_W..., bytes */
	uint64_t addr;
	bool is_linked;		/* addr is of where the kernel was linked */
	struct binary *of;	/* not the kernel's data: a program's */
};

/*
 * A way that a function was called: return addresses that lie on the stack
 * when the probe at its entry, or within it, fires.
 */
struct call_chain {
	VEC(struct call_frame {
		int reg;		/* DWARF number; address reg + off */
		int64_t off;
		uint64_t back;		/* link-time address that is there */
	}) frames;
};

struct site_file {		/* served by the loader */
	const char *path;
	uint32_t mode, max_size;
};

/* Variables that a kind of point has by itself: $arg1 of a marker. */
struct given {
	struct variable *v;
	size_t n;
	const char *name, *provider;	/* $$name, $$provider; or NULL */
};

/*
 * Of points of processes: in which ones the handler runs, where a session has a
 * target (-c, -x) in those of the target and its children alone.
 */
enum task_event {
	TASK_ANYWHERE,		/* a place in code, a system call: */
	TASK_CALLS = TASK_ANYWHERE,
	TASK_FORKED, TASK_EXECS,	/* a process begins */
	TASK_EXECED, TASK_EXITS,	/* ends */
	THREAD_FORKED, THREAD_EXITS,
	TASK_THERE, THREAD_THERE,	/* since before the session */
};
struct site_tasks {
	int64_t pid;		/* 0: any */
	const char *path;	/* that run this program; NULL: any */
	enum task_event event;
};

/* A string of the process that must fit, or the handler does not run. */
struct text_filter {
	const char *text, *length;	/* variables; length NULL: to its NUL */
	const char *regex;
};

struct site {
	struct probe *probe;	/* whose body runs */
	struct point *point;	/* as written (for condition, span) */
	const struct family *family;
	const char *name;	/* canonical, what pp() gives:
				   kernel.function("vfs_read@fs/read_write.c:450") */
	enum attach attach;	/* lower.c may turn KPROBE into FENTRY etc.
				   where every variable used allows */
	bool is_user;		/* addresses read are user memory */
	bool is_return;		/* $return, @entry allowed */
	struct place *place;	/* functions; else NULL */
	struct tracepoint *tp;	/* AT_RAW_TP */
	/* what it has instead of the variables of a place or tracepoint, or
	   before those: */
	const struct given *given;
	const struct syscall *call;	/* AT_SYSCALL; NULL: all others */
	bool by_alias;		/* AT_SYSCALL: of an alias, with its name */
	bool is_compat;		/* of 32-bit programs */
	const struct site_tasks *tasks;	/* NULL: no point of processes */
	const struct text_filter *filters;
	size_t nfilters;
	const char *zero;	/* ... and this variable must be 0; or NULL */
	int64_t pid;		/* in that process alone; 0: in any */
	uint64_t semaphore;	/* AT_UPROBE: where in the file; 0: none */
	int64_t order;		/* begin(N) end(N) error(N) */
	uint64_t timer_ns, timer_random_ns;
	int64_t maxactive;	/* .maxactive(N), 0: default */
	const struct site_event *event;	/* AT_PERF_EVENT, AT_NETFILTER */
	uint64_t absolute;	/* an address of the running kernel, without a
				   place; 0: none */
	VEC(struct call_chain) chains;	/* .callee: it runs when one holds;
					   none: always */
	const struct site_file *file;	/* AT_FILE_... */
	bool no_variables;	/* kprobe.function: a kprobe, whatever else
				   would do, and no target variables */
};

/*
 * A component pattern, dot separated: "kernel.function(s).return";
 * (s) a string argument, (n) a number, (n?) optional.
 */
struct shape {
	const char *pattern;
	/* Makes sites for `pt`; args are the pattern's, in order. */
	bool (*expand)(struct job *j, struct probe *pr, struct point *pt,
		       const struct shape *shape, struct expr **args);
	int data;		/* for the family's own use */
};

struct family {
	const char *name;
	const struct shape *shapes;	/* ended by pattern NULL */
};

/* points.c: every family, ended by NULL. */
extern const struct family *const families[];

extern const struct family family_tasks;
extern const struct family family_data, family_procfs, family_perf,
	family_netfilter;
extern const struct family family_begin, family_timer, family_kernel,
	family_trace, family_process, family_syscall, family_module;
extern const struct family family_kprobe;
extern const struct family family_script;

/* points.c: adds a site of probe pr; zeroed but for these. */
struct site *site_new(struct job *j, struct probe *pr, struct point *pt,
		      const struct family *f, enum attach attach,
		      const char *name);

/* points.c: has the kernel perf events that run programs? Else complains. */
bool event_possible(struct job *j, const struct point *pt);

/*
 * points.c: what `pt` asks for is not there. Says nothing and returns true
 * where the point is optional, else complains (E_NO_MATCH), returns false.
 */
bool site_missing(struct job *j, const struct point *pt, struct span at,
		  const char *fmt, ...) PRINTF_LIKE(4, 5);

/* points.c: a place that a pattern fits cannot be probed; listings tell it. */
void site_left(struct job *j, const char *what, const char *why);

/*
 * functions.c: a function pattern, "NAME", "NAME@FILE", "NAME@FILE:LINES", as
 * kernel.function and process.function take it, looked up in one binary.
 */
struct line_range {
	unsigned from, to;
	bool relative;			/* to the function's line */
};
struct func_pattern {
	const char *name, *file;	/* globs; file may be NULL */
	VEC(struct line_range) ranges;
	bool all_lines;			/* ":*" */
	bool is_exact;			/* name without wildcards */
	struct expr *arg;		/* as written */
};
bool func_pattern(struct job *j, struct expr *arg, struct func_pattern *out);
/* Functions of b that match; forbidden ones are left out of v, and *left tells
   of the first that was. */
struct func_list {
	VEC(struct func *) v;		/* that can be probed */
	VEC(struct func *) inlined;	/* that stand for instances */
	const char *left;
};
void func_find(struct job *j, struct binary *b, const struct func_pattern *p,
	       struct func_list *out);
/* "vfs_read@fs/read_write.c:450" */
const char *func_place_name(struct job *j, const struct func *f);
/* " (similar: a, b)", or "": functions with names near p's. */
const char *func_similar(struct job *j, struct binary *b,
			 const struct func_pattern *p);

#endif
