/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rt.h - the contract between emitted C and the engines. emit.c writes one C
 * file for each engine; it includes this header, found with -I runtime, which
 * includes the engine's own, found with -I runtime/bpf or -I runtime/user.
 * docs/runtime.md shows an emitted file and tells what each engine does.
 *
 * Before the include, emitted C defines what the engine's structs depend on:
 *
 *	RT_STRING_LEN	MAXSTRINGLEN, a multiple of 8
 *	RT_MAX_ACTION	most script statements a run may take
 *	RT_MAX_ERRORS, RT_MAX_SKIPPED
 *	RT_MATCH_TAGS, RT_MATCH_REGS, if regular expressions have groups
 *	RT_FP		if there are numbers with a point
 * and for the kernel
 *	RT_RING		map_N, the ring
 *	RT_FRAMES	map_N, frames, if any handler has one
 *	RT_LEVELS	how many frames a CPU has
 *	RT_OUT_SIZE	bytes of the frame for records of a run
 *	RT_RAISE_SIZE	bytes of the frame for the record of an error()
 *	RT_CAT_SIZE	bytes of the frame for a concatenation, or for a text
 *			and RT_TEXT_ROOM bytes to make it
 *	RT_KEY_SIZE	bytes of the frame for a key with strings
 *	RT_VALUE_SIZE	bytes of the frame for a new string in an array
 *	RT_IMAGE, RT_IMAGE_SIZE	the kernel's link-time address and size, where
 *			it is known
 *	RT_TRACES	link-time address and size of the functions between
 *			tracepoint and program, three for each tracepoint whose
 *			stack is looked at
 *	RT_TRACES_BY_NAME	instead, where no address is known: names tell
 *
 * For a module, which has handlers of both kinds, also
 *	RT_MAX_ACTION_TASK	RT_MAX_ACTION of those in the loader's context
 *	RT_MAX_NESTING	calls of recursive functions that may go on at once
 *	RT_OVERLOAD_INTERVAL, RT_OVERLOAD_MOST	cycles, of which kernel handlers
 *			may take MOST; INTERVAL 0: as many as they like
 *
 * What an engine gives, besides the functions in its header:
 *
 *	struct rt_run	what a run has at hand; functions and bodies of loops
 *			get it as `r`
 *	struct rt_state	`s`: the fault, where control goes, actions taken
 *	RT_LOOP(r, f)	runs f(turn, r) again and again until it returns 1
 *	RT_MAP(n)	names map n in calls
 *	RT_REGEX(n, classes, size, first), RT_REGEX_TAGGED(n, groups, size,
 *	first, first_op)	what RT_MATCH(r, n, s) steps over the tables
 *			re##n##_classes and re##n##_next (compiler/regex.h)
 */
#ifndef STB_RT_H
#define STB_RT_H

#ifdef __KERNEL__
#include "kmod.h"
#pragma GCC diagnostic ignored "-Wdeclaration-after-statement"
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wunused-label"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#endif
#include "abi.h"

typedef int64_t i64;
typedef uint64_t u64;
typedef uint32_t u32;

#define RT_INLINE static inline __attribute__((__always_inline__, __unused__))
#define RT_OUTLINE static __attribute__((__noinline__, __unused__))
/* Functions of the script; recursive ones are not inlined, others as engines need
   it, and in a module as the compiler likes. */
#ifdef __KERNEL__
#define RT_FUNCTION static __attribute__((__unused__))
#else
#define RT_FUNCTION static inline __attribute__((__always_inline__, __unused__))
#endif
#define RT_RECURSIVE static __attribute__((__noinline__, __unused__))
/* Bodies of loops; 1 ends the loop. */
#define RT_BODY static __attribute__((__noinline__)) long

/* The shared state and the script's scalars: the section both objects have. */
struct globals;
#ifdef __KERNEL__	/* whole pages, which the loader maps */
#define RT_GLOBALS __attribute__((section("globals"), aligned(4096), used))
#define RT_CONST
#define RT_NAMES __attribute__((unused))
extern struct globals G;
#else
#define RT_GLOBALS __attribute__((section("globals"), nodebug, used))
#define RT_CONST __attribute__((nodebug))
#define RT_NAMES __attribute__((nodebug, unused))
extern struct globals G __attribute__((nodebug));
#endif
#define RT_SHARED ((struct stb_shared *)&G)
#define RT_STR(name, size) char name[size] __attribute__((aligned(8)))
/* For those that other handlers write at the same time. */
#define RT_VOLATILE(x) (*(volatile __typeof__(x) *)&(x))

enum rt_op { RT_ADD, RT_SUB, RT_AND, RT_OR, RT_XOR };
enum rt_lock_mode { RT_READ, RT_WRITE };
/* Where a time of insertion precedes a value, and where it does not. */
enum { RT_PLAIN = 0, RT_SEQ = 8 };

/*
 * How a probe fired, for what looks at the kernel's stack; also in compiler/ir.h.
 * Behind TRACE, the number of the tracepoint in RT_TRACES is added. From ADDRESS
 * on it is the address of a function: at its entry as it is, at its return with
 * its highest bit cleared.
 */
enum rt_way { RT_WAY_NONE, RT_WAY_PC, RT_WAY_REGS, RT_WAY_TRACE,
	      RT_WAY_ADDRESS = 4096 };

/* __traceiter_EVENT, __bpf_trace_EVENT, bpf_trace_run4: with RT_TRACES_BY_NAME, of
   a name in a room of 8 bytes at least. */
#define RT_EIGHT(s) ({ u64 w_; __builtin_memcpy(&w_, s, 8); w_; })
#define RT_IS_TRACE(name) (RT_EIGHT(name) == RT_EIGHT("__traceiter") || \
			   RT_EIGHT(name) == RT_EIGHT("__bpf_trace") || \
			   RT_EIGHT(name) == RT_EIGHT("bpf_trace_run"))

/* Why a body of a loop ended it, when it was no break and no fault. */
enum rt_leave { RT_STAY, RT_NEXT, RT_RETURN };

struct rt_state {
	u32 err;	/* format id + 1 of the fault; 0: none */
	u32 err_args;	/* 1: err_arg is the message's argument */
	u64 err_arg;
	u32 leave;	/* enum rt_leave */
	u32 raised;	/* bytes of the raise record, see RT_RAISE_SIZE */
	u64 actions;
	u64 out_n;	/* bytes of records gathered */
#ifdef __KERNEL__
	u64 max_actions;
#endif
};

#ifdef RT_MATCH_TAGS
/* The last match of a run; tags are -1 where unset. */
struct rt_match {
	i64 groups;	/* with the whole match; 0: nothing matched */
	int tags[RT_MATCH_TAGS];
	int regs[RT_MATCH_REGS];
	RT_STR(s, RT_STRING_LEN);	/* what it was matched with */
};
#endif

/* The fault of a statement, before control leaves it. */
#define RT_FAULT(id) (s->err = (id) + 1, s->err_args = 0)
#define RT_FAULT_ARG(id, value) \
	(s->err = (id) + 1, s->err_args = 1, s->err_arg = (u64)(value))

#include "number.h"

/* One atomic step. The compiler drops what nobody wants: an unused result
   makes an instruction that does not fetch. */
RT_INLINE i64 rt_modify(i64 *p, enum rt_op op, i64 a, int want_old)
{
	i64 old;

	switch (op) {
	case RT_ADD:
		old = __sync_fetch_and_add(p, a);
		return want_old ? old : old + a;
	case RT_SUB:
		old = __sync_fetch_and_add(p, -a);
		return want_old ? old : old - a;
	case RT_AND:
		old = __sync_fetch_and_and(p, a);
		return want_old ? old : (old & a);
	case RT_OR:
		old = __sync_fetch_and_or(p, a);
		return want_old ? old : (old | a);
	case RT_XOR:
		old = __sync_fetch_and_xor(p, a);
		return want_old ? old : (old ^ a);
	}
	return 0;
}

/* Of foreach: less than 0 is as good as none. */
#define RT_LIMIT(n) ((n) > 0 ? (n) : 0)

#ifdef RT_FP
#include "fp.h"
#endif
#include "text.h"
#include "engine.h"

#endif
