/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uapi.h - between a module of ours in the kernel and the loader: what the
 * file /proc/NAME of module NAME can be asked. Included by the module (gcc,
 * kbuild) and by the loader (musl). Fixed-width types only.
 *
 * A session, as the loader sees it:
 *
 *	open /proc/NAME O_RDWR	one opener at a time, EBUSY otherwise; the
 *				descriptor holds the module
 *	INFO			is it the module that the bundle means?
 *	SETUP			memory for the ring and the arrays
 *	mmap			the ring, the globals region
 *	RUN each begin handler, in the plan's order
 *	ATTACH each site	as for BPF: a site hits at once, and its
 *				handler returns unless state is STB_RUNNING
 *	state = STB_RUNNING	in the region; poll() and drain the ring; RUN
 *				timers when they are due, files when read
 *	state = STB_STOPPING	by the loader, or by a handler
 *	SETTLE			when it returns no handler is in a run
 *	RUN each end or error handler, drain
 *	DETACH all, close	close alone detaches, too, and has /sbin/rmmod
 *				called: the loader was killed
 *
 * What is mapped, by offset:
 *
 *	0		the ring, as a BPF ring buffer has it: one page with the
 *			consumer's position (the only one that may be written, or
 *			made so by mprotect()), one
 *			with the producer's, then the data twice. Each sample
 *			has a header of 8 bytes, its first word the length with
 *			BPF_RINGBUF_BUSY_BIT and _DISCARD_BIT.
 *	STB_KMOD_GLOBALS	the globals region (runtime/abi.h), whole pages.
 *			Initial values are there from the start; -G writes them
 *			before the first RUN.
 *
 * poll() says POLLIN while the ring is not empty. Handlers wake by `waiting`
 * of struct stb_shared, as on BPF.
 */
#ifndef STB_KMOD_UAPI_H
#define STB_KMOD_UAPI_H

#ifdef __KERNEL__
#include <linux/types.h>
#include <linux/ioctl.h>
#else
#include <stdint.h>
#include <sys/ioctl.h>
#endif

#define STB_KMOD_VERSION 2	/* 1: without MAP, PAGES, PLACE */
#define STB_KMOD_GLOBALS 0x100000000ull

struct stb_kmod_info {
	uint32_t version;	/* STB_KMOD_VERSION */
	uint32_t globals_size;	/* bytes of the region, as in the plan */
	uint32_t nprogs;	/* rows `prog` of the plan */
	uint32_t nhandlers;	/* rows `handler` */
	uint32_t nmaps;		/* arrays and aggregates */
	uint32_t user;		/* it looks at programs: STB_KMOD_PROGRAMS */
	uint32_t reserved[2];
};

enum {
	STB_KMOD_PROGRAMS = 1,	/* it wants builds and PAGES before ATTACH */
	STB_KMOD_NAMES = 2,	/* ... with the names of symbols */
};

enum {
	STB_KMOD_STAY = 1,	/* probes stay when the descriptor is closed:
				   the next opener finds them running */
};

struct stb_kmod_setup {
	uint32_t ring_size;	/* bytes, a power of two, at least a page */
	uint32_t flags;
	uint64_t reserved[3];
};

/*
 * RUN: a begin, end, error, timer, read or write handler, in the caller's
 * context, to its end. Output and messages of faults are samples in the ring;
 * errors, skipped_lock are counted in the region. When the ring is full while
 * it runs, what does not fit is kept and comes into the ring as that is
 * drained: drain until FLUSH (of which poll() says POLLIN, too) leaves nothing.
 */
enum {
	STB_KMOD_DONE = 0,
	STB_KMOD_FAULT = 1,	/* error() that nobody caught: in the ring and
				   counted already */
	STB_KMOD_SKIPPED = 2,	/* did not get its locks: counted */
};

struct stb_kmod_run {
	uint32_t handler;	/* row of the plan's `handler` */
	uint32_t result;	/* out: STB_KMOD_DONE... */
	uint64_t value;		/* address of $value of a file, 0: none */
	uint32_t value_len;	/* bytes of it; out: how many there are now */
	uint32_t value_cap;	/* bytes that there is room for */
	uint64_t reserved[2];
};

/* How a site is attached: the numbers of enum stb_attach (bundler/stb.h). */
enum {
	STB_KMOD_BY_ADDRESS = 1,	/* `address` + offset: it is slid */
	STB_KMOD_ALL_TASKS = 2,		/* a perf event of any task, on `cpu` */
};

/*
 * ATTACH returns the number of the site, from 0, by which DETACH and COUNTS
 * know it; or an error of the kernel's, as errno. What DETACH gives back, its
 * number too, goes to the next.
 */
struct stb_kmod_attach {
	uint32_t prog;		/* row of the plan's `prog` */
	uint16_t attach;	/* enum stb_attach */
	uint16_t flags;
	uint64_t symbol;	/* address of its NUL-terminated name, "MODULE:NAME"
				   in a module; raw_tp: of the tracepoint. */
	uint64_t address;	/* as it runs; BY_ADDRESS */
	uint64_t offset;	/* behind symbol or address; in the file */
	uint64_t cookie;
	int32_t fd;		/* uprobes: the file; others -1 */
	int32_t maxactive;	/* kretprobes; 0: the kernel's default */
	/* perf_event and netfilter: as EVENTS of the bundle */
	uint32_t event_type, event_flags;
	uint64_t config, rate;
	uint32_t access, length;
	int32_t cpu, pid;	/* perf_event: where; -1: all CPUs that are
				   online now; 0 or a task */
	uint64_t semaphore;	/* uprobes: of a marker, in the file; 0: none */
	uint64_t reserved[2];
};

#define STB_KMOD_ALL 0xffffffffu

/*
 * MAP: one element of an array that is the compiler's own, which the loader
 * fills. -ENOENT of GET: it is not there; -EEXIST of ADD: it is.
 */
#define STB_KMOD_BUILDS 0xfffffffeu	/* what is known of programs */
enum { STB_KMOD_GET, STB_KMOD_SET, STB_KMOD_ADD };
struct stb_kmod_map {
	uint32_t map;		/* row `map` of the plan */
	uint32_t what;
	uint64_t key, value;	/* addresses: as many bytes as the row says */
};

struct stb_kmod_detach {
	uint32_t site;		/* or STB_KMOD_ALL */
	uint32_t reserved;
};

struct stb_kmod_counts {
	uint32_t site;		/* or STB_KMOD_ALL */
	uint32_t prog;		/* out, of one */
	uint64_t missed;	/* out: hits that the kernel did not tell of */
	uint64_t hits;		/* out: how often it called us, of kprobes
				   and uprobes 0 */
};

/* PAGES: the tables that builds name pages of (runtime/abi.h, struct stb_build). */
struct stb_kmod_pages {
	uint64_t address;
	uint32_t n, reserved;
};

/* PLACE: of an address that a handler looked at, in process `pid` (0: in any). */
struct stb_kmod_place {
	uint64_t addr;
	uint32_t pid, reserved;
	uint64_t place;		/* out; 0: it is not known */
};

/*
 * NEXT: the first element from number `node` on, in no order: its key and its value
 * as the plan has them, seq first where there is one, of aggregates all processors
 * together. Returns the number behind it; 0: there are no more.
 */
struct stb_kmod_next {
	uint32_t map, node;	/* map: row of the plan */
	uint64_t key, value;	/* addresses */
};

#define STB_KMOD_INFO _IOR('S', 1, struct stb_kmod_info)
#define STB_KMOD_SETUP _IOW('S', 2, struct stb_kmod_setup)
#define STB_KMOD_RUN _IOWR('S', 3, struct stb_kmod_run)
#define STB_KMOD_ATTACH _IOW('S', 4, struct stb_kmod_attach)
#define STB_KMOD_DETACH _IOW('S', 5, struct stb_kmod_detach)
#define STB_KMOD_COUNTS _IOWR('S', 6, struct stb_kmod_counts)
#define STB_KMOD_SETTLE _IO('S', 7)
/* Moves what was kept into the ring: bytes that are still kept. */
#define STB_KMOD_FLUSH _IO('S', 8)
#define STB_KMOD_PAGES _IOW('S', 10, struct stb_kmod_pages)
#define STB_KMOD_NEXT _IOW('S', 12, struct stb_kmod_next)
#define STB_KMOD_PLACE _IOWR('S', 11, struct stb_kmod_place)
#define STB_KMOD_MAP _IOW('S', 9, struct stb_kmod_map)

_Static_assert(sizeof(struct stb_kmod_attach) == 112, "the module's, too");
_Static_assert(sizeof(struct stb_kmod_run) == 40, "the module's, too");

#endif
