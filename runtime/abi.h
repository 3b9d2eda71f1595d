/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi.h - what crosses between a running probe and the loader: the shared
 * state at the head of the globals region, records in the ring, values of
 * aggregates. Included by the emitted C (clang -target bpf), by the runtimes,
 * and by the loader (musl). Fixed-width types only; little-endian.
 */
#ifndef STB_ABI_H
#define STB_ABI_H

#ifndef STB_ABI_NO_STDINT
#include <stdint.h>
#endif

/*
 * The globals region: one mmap-able BPF array of one element, the same bytes
 * for kernel handlers (section "globals"), loader handlers (the same section
 * of the user object) and the loader.
 *
 *	+---------------------+ 0
 *	| struct stb_shared   |
 *	+---------------------+ sizeof(struct stb_shared)
 *	| u32 locks[nlocks]   |  one a global that needs one: STB_LOCK_WRITER,
 *	|                     |  or how many readers there are
 *	+---------------------+ 8-aligned
 *	| scalars             |  long: 8 bytes; string: string_len bytes
 *	+---------------------+
 */
#define STB_LOCK_WRITER 0x80000000u
enum stb_state {
	STB_STARTING = 0,	/* begin probes; kernel handlers return */
	STB_RUNNING = 1,
	STB_STOPPING = 2,	/* exit() or ^C: handlers return at once */
	STB_FAILED = 3,		/* an error ended the session */
};

struct stb_shared {
	uint32_t state;		/* enum stb_state */
	uint32_t exit_asked;	/* exit() was called; the loader stops */
	uint64_t errors;	/* soft errors so far (all CPUs) */
	uint64_t skipped_lock;	/* handler runs skipped: no lock */
	uint64_t skipped_frame;	/* ... no frame at this nesting level */
	uint64_t lost;		/* samples that found no room in the ring */
	uint64_t slide;		/* KASLR: run address - link address */
	int64_t target_pid;	/* target() */
	int64_t wall_offset;	/* CLOCK_REALTIME - CLOCK_MONOTONIC, ns; the
				   loader sets it before the start, and anew
				   when the clock was set or stood still */
	/*
	 * Wake-ups. The loader stores 1 when it is about to sleep, looks at
	 * the ring once more, and sleeps. A handler that sends a sample takes
	 * the 1 away and wakes the loader; the others send without waking. So
	 * an idle loader hears of a record at once, and a busy one is left
	 * alone until it has drained the ring.
	 */
	uint32_t waiting;
	uint32_t stops;		/* times a handler went to STOPPING, FAILED */
	/*
	 * Who holds locks in the loader: its pid << 32 | tid, 0 nobody. What it
	 * does meanwhile may meet probes, which cannot get those locks: they
	 * neither wait nor count as skipped.
	 */
	uint64_t holder;
	/* Cycles that handlers of a module took of a processor, which were more
	   than `most` in `interval`: that ended the session. 0: they did not. */
	uint64_t overload, overload_most, overload_interval;
	int32_t west;		/* of UTC, s: the zone of the host at the start */
	char zone[8];		/* its name; tzdata has none of more than 6 */
	uint32_t reserved[1];	/* 0 */
	uint32_t owner;		/* real user id of who started the loader */
	uint32_t stamps;	/* not 0: samples end with struct stb_stamp */
};
_Static_assert(sizeof(struct stb_shared) == 128, "two cache lines");

/*
 * A ring sample is one or more records back to back, each padded to 8 bytes.
 * One sample is the whole output of one handler run, so that output of
 * handlers on different CPUs never interleaves inside a run.
 * Payload of a print: its format's arguments in order: long 8 bytes; string:
 * u32 length, u32 room, then room bytes (a multiple of 8, at least length), of
 * which the first length count. What is in the rest is of no meaning.
 */
enum stb_record_kind {
	STB_REC_PRINT = 1,	/* id: format, whose channel says where to */
	STB_REC_WAKE = 2,	/* exit() or error in a kernel handler: look at
				   the state now; no payload */
	STB_REC_TEXT = 3,	/* text for the output: id bytes of payload, of
				   a module alone */
	STB_REC_STAMP = 4,	/* struct stb_stamp, of the whole sample */
};
struct stb_record {
	uint32_t size;		/* with this header and padding */
	uint16_t kind;
	uint16_t id;
};

/* Where and when a sample came from, where the loader asks for it: `stamps`. */
struct stb_stamp {
	struct stb_record record;
	uint64_t time;		/* CLOCK_MONOTONIC, ns */
	uint64_t task;		/* its process id << 32 | thread id */
	uint32_t cpu, reserved;
};
_Static_assert(sizeof(struct stb_stamp) == 32, "stb_stamp");

/*
 * How an address is printed: the precision of the compiler's own directives
 * %A (an address), %K (addresses of 8 bytes each as they lie in a string, to the
 * first that is 0) and %H (hexadecimal numbers in a string). What is not known is
 * left out; a name that is not known is the address.
 */
enum stb_sym_style {
	STB_SYM_NAME,		/* vfs_read */
	STB_SYM_DATA,		/* vfs_read+0x12/0x190 [kernel] */
	STB_SYM_FILE,		/* fs/read_write.c */
	STB_SYM_LINE,		/* 450 */
	STB_SYM_FILELINE,	/* fs/read_write.c:450 */
	STB_SYM_SIMPLE,		/* a line: vfs_read+0x12 [kernel] */
	STB_SYM_FULL,		/* a line:  0xffffffff81... : as DATA */
	STB_SYM_FULLER,		/* the same, with " at " FILELINE */
	STB_SYM_HEX,		/* 0xffffffff81..., and a blank */
	STB_SYM_MODULE,		/* kernel, or a module's name; nothing */
	STB_SYM_BRIEF,		/* a line: vfs_read+0x12 */
};
#define STB_SYM_USER 256	/* with a style, where loader handlers ask: of a
				   process */

/*
 * --- programs ---------------------------------------------------------------
 * Where an address of a process is was found out when the probe fired: the
 * number of a row of the bundle's SYMBOLS, + 1, above the link-time address.
 * PLACE_PID: it is in none of them, and the rest is the process. 0: nothing is
 * there.
 */
#define STB_PLACE_ADDR 48
#define STB_PLACE_PID 0x7ffful
#define STB_PLACE_MOST 0x7ffe	/* rows of SYMBOLS that have numbers */
/* Behind a call, whose instruction tells what is there: in stacks. */
#define STB_PLACE_CALL (1ull << 63)
struct stb_user_addr {
	uint64_t addr, place;
};
enum { STB_STACK_MOST = 20 };	/* addresses of a stack */

/*
 * The value of a task in the array of tasks: is it the target's or of a process that
 * the target made; did the session see it begin, where anybody asks; did it execute
 * the program that it runs, or was there, and not a task that does. From bit PROGRAM
 * on the row of BUILDS that has the program, + 1. A file's value in the array of
 * files is a task's from bit FILE on.
 */
enum { STB_TASK_FOLLOWED = 1, STB_TASK_SEEN = 2, STB_TASK_EXECED = 4,
       STB_TASK_PROGRAM = 3, STB_TASK_FILE = 2 };

/*
 * How a frame is left (x86-64; registers as DWARF numbers them): the rule that
 * holds from one address of the code to the next.
 */
enum { STB_UNWIND_SAVED = 6 };	/* rbx rbp r12 r13 r14 r15 */
enum { STB_UNWIND_SAME = 0x7fff };
enum stb_cfa {			/* the canonical frame address */
	STB_CFA_NONE,		/* nobody knows: the stack ends here */
	STB_CFA_END,		/* nobody called: it ends here */
	STB_CFA_REG,		/* reg + off */
	STB_CFA_STORED,		/* what is stored at reg + off, + more */
	STB_CFA_PLT,		/* rsp + 8, and 8 more from the byte `off` of
				   each 16 bytes of code on */
};
enum stb_base { STB_BASE_CFA, STB_BASE_SP, STB_BASE_FP };
enum {
	STB_UNWIND_SIGNAL = 1,	/* a signal's frame: what it interrupted is at
				   an instruction, not behind a call */
	STB_UNWIND_RA_SP = 2,	/* the return address is at ra of rsp, not of
				   the CFA */
};
struct stb_unwind_rule {
	uint8_t cfa, reg, base, flags;	/* base: of saved */
	int32_t off;
	int32_t ra;
	int16_t saved[STB_UNWIND_SAVED];	/* 8 bytes each; or SAME */
	int32_t more;		/* CFA_STORED: what is stored, and this */
	uint32_t reserved;
};
_Static_assert(sizeof(struct stb_unwind_rule) == 32, "stb_unwind_rule");
/*
 * What handlers look up, filled by the loader. Keys of STB_BUILD_ID give a build;
 * those of STB_BUILD_FILE + n, at the offset in its file that a mapping begins at,
 * say where in memory the build-id is then, and where the mapping is linked to be:
 * for all builds that have such a mapping, n counts from 0. STB_BUILD_SEEN: a
 * mapping of a process, which handlers leave for the loader.
 */
enum { STB_BUILD_ID, STB_BUILD_SEEN, STB_BUILD_FILE };
struct stb_build_key {
	union {
		struct {
			uint32_t kind;
			uint8_t id[20];		/* ID */
		};
		struct {
			uint32_t kind_too, pid;	/* SEEN */
			uint64_t at;		/* FILE: offset; SEEN: address */
			uint64_t unused;
		};
	};
};
_Static_assert(sizeof(struct stb_build_key) == 24, "stb_build_key");
/* Tables are in pages of 4096 bytes, no row across two; they are named by the
   number of their first page. */
enum { STB_TABLE_PAGE = 4096 };
struct stb_build {
	union {
		struct {		/* STB_BUILD_ID */
			uint32_t number;	/* of SYMBOLS, + 1 */
			uint32_t rows, nrows, rules, nrules;
			uint32_t symbols, nsymbols;
			uint32_t names;		/* first the build's own */
			uint32_t short_name;	/* without its folder: there */
		};
		struct {		/* STB_BUILD_FILE */
			int64_t note;	/* from the mapping's start */
			uint64_t linked;	/* address of the start */
			uint32_t id_size, reserved;
		};
		struct {		/* STB_BUILD_SEEN */
			uint64_t end, place;
		};
		uint64_t words[5];
	};
	uint64_t base;		/* ID: lowest address, which those in tables
				   are counted from */
};
_Static_assert(sizeof(struct stb_build) == 48, "stb_build");
struct stb_build_symbol {
	uint32_t addr, size, name, reserved;	/* name: offset from `names` */
};
_Static_assert(sizeof(struct stb_build_symbol) == 16, "stb_build_symbol");
struct stb_unwind_row {
	uint32_t addr;		/* link-time, less the lowest that is loaded */
	uint32_t rule;
};
_Static_assert(sizeof(struct stb_unwind_row) == 8, "stb_unwind_row");

/* Aggregates: bits of stat_ops, as enum stat_op of the compiler. */
enum {
	STB_ST_COUNT, STB_ST_SUM, STB_ST_MIN, STB_ST_MAX, STB_ST_AVG,
	STB_ST_VARIANCE, STB_ST_HIST_LOG, STB_ST_HIST_LINEAR,
};
/*
 * One CPU's part of an aggregate. All zero is the empty one, whatever CPU or
 * handler comes first: min and max are kept so that they merge by the larger
 * unsigned number. Merging adds count, sum, squares (128 bits) and buckets.
 *
 * Histogram buckets (u64) follow when there is one. Log: STB_LOG_BUCKETS, zero
 * in the middle; bucket 64 + n holds 2^(n-1) <= v < 2^n, 64 - n the same for
 * -v. Linear: one for v < lo, then (hi - lo) / step + 1 of width step, then
 * one for what is above.
 */
struct stb_stat {
	int64_t count, sum;
	uint64_t min;		/* INT64_MAX - minimum */
	uint64_t max;		/* maximum - INT64_MIN */
	uint64_t sq_low, sq_high;
};
_Static_assert(sizeof(struct stb_stat) == 48, "stb_stat");
#define STB_LOG_BUCKETS 128
#define STB_LOG_ZERO 64

#endif
