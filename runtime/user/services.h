/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * services.h - what the loader does for loader handlers: numbers of BPF call
 * instructions, and how addresses are made. Shared by runtime/user/engine.h
 * and the loader's interpreter.
 *
 * An address is region << 32 | offset. Strings end with a NUL; who writes one
 * gets its cap and cuts. Services that return 1 have met what the statement
 * makes a fault of.
 */
#ifndef STB_USER_SERVICES_H
#define STB_USER_SERVICES_H

enum stb_region {
	STB_REGION_STACK = 1,	/* 512 bytes a function */
	STB_REGION_FRAMES,	/* limits.user_stack bytes */
	STB_REGION_GLOBALS,	/* the globals region */
	STB_REGION_RODATA,	/* literals */
};

enum stb_service {
	STB_SVC_PUSH = 1,	/* (size, recursive) -> frame, zeroed; 0: no */
	STB_SVC_POP,		/* (frame) */
	STB_SVC_LOCK,		/* (number, mode) -> 1: did not get it */
	STB_SVC_UNLOCK,		/* (number, mode) */
	STB_SVC_SKIP,		/* () the run is one that was skipped */
	STB_SVC_EXIT,		/* () */
	/* faults */
	STB_SVC_RAISE,		/* (format) of the arguments passed */
	STB_SVC_MESSAGE,	/* (format, nargs, arg) of a simple fault */
	STB_SVC_CAUGHT,		/* (dst, cap) the message */
	STB_SVC_FAILED,		/* () nobody caught it */
	/* output: arguments are passed before, one by one */
	STB_SVC_ARG_LONG,	/* (value) */
	STB_SVC_ARG_STRING,	/* (string) */
	STB_SVC_PRINT,		/* (format) */
	STB_SVC_FORMAT,		/* (dst, cap, format) */
	STB_SVC_PRINT_HIST,	/* (map, key) -> 1: empty */
	STB_SVC_FORMAT_HIST,	/* (map, key, dst, cap) -> 1: empty */
	/* strings */
	STB_SVC_COPY,		/* (dst, cap, string) */
	STB_SVC_CAT,		/* (dst, cap, string, string) */
	STB_SVC_STRCMP,		/* (string, string) -> <0 0 >0 */
	/* arrays and aggregates; a key is its struct's address */
	STB_SVC_GET,		/* (map, key) -> value or 0 */
	STB_SVC_GET_STRING,	/* (map, key, dst, cap) */
	STB_SVC_SET,		/* (map, key, value) -> 1: full */
	STB_SVC_SET_STRING,	/* (map, key, string) -> 1: full */
	STB_SVC_CAT_STRING,	/* (map, key, string) -> 1: full */
	STB_SVC_MODIFY,		/* (map, key, op | want_old << 8, value, &dst)
				   -> 1: full */
	STB_SVC_IN,		/* (map, key) -> 0 1 */
	STB_SVC_DELETE,		/* (map, key) */
	STB_SVC_CLEAR,		/* (map) */
	STB_SVC_STAT_ADD,	/* (map, key, value) -> 1: full */
	STB_SVC_STAT_GET,	/* (map, key, STB_ST_*, shift, &dst)
				   -> 1: empty */
	STB_SVC_STAT_BUCKET,	/* (map, key, value, &dst) -> 1: empty */
	/* foreach */
	STB_SVC_EACH,		/* (map, flags, limit or -1, slice's key) ->
				   iterator */
	STB_SVC_EACH_BUCKET,	/* (map, key, limit or -1) -> iterator */
	STB_SVC_NEXT,		/* (iterator, key) -> 1, and the key; 0: end */
	STB_SVC_VALUE,		/* (iterator) -> value of the element */
	STB_SVC_VALUE_STRING,	/* (iterator, dst, cap) */
	STB_SVC_EACH_END,	/* (iterator) */
	/* built-in functions, by their names; strings: (dst, cap, ...) */
	STB_SVC_PID, STB_SVC_TID, STB_SVC_PPID, STB_SVC_UID, STB_SVC_EUID,
	STB_SVC_GID, STB_SVC_EGID, STB_SVC_EXECNAME, STB_SVC_CPU,
	STB_SVC_TARGET, STB_SVC_WALL,	/* ns since 1970 */
	STB_SVC_JIFFIES,
	STB_SVC_CTIME,		/* (dst, cap, seconds) */
	STB_SVC_RANDINT,	/* (n) */
	STB_SVC_STRLEN,		/* (string) */
	STB_SVC_SUBSTR,		/* (dst, cap, string, start, length) */
	STB_SVC_ISINSTR,	/* (string, string) */
	STB_SVC_STRTOL,		/* (string, base) */
	STB_SVC_STRINGAT,	/* (&dst, string, index) -> 1: outside */
	STB_SVC_STRINGAT_RANGE,	/* (dst, cap, string, from, to) -> 1 */
	STB_SVC_STR_REPLACE,	/* (dst, cap, string, old, new) */
	STB_SVC_TOLOWER,	/* (dst, cap, string) */
	STB_SVC_TOUPPER,
	STB_SVC_TOKENIZE,	/* (dst, cap, string, delimiters) */
	STB_SVC_TOKENIZE_NEXT,	/* (dst, cap, delimiters) */
	STB_SVC_PRINTK,		/* (level, string) -> 1: could not */
	STB_SVC_FTRACE,		/* (string) -> 1: could not */
	STB_SVC_SYMBOL,		/* (dst, cap, address, enum stb_sym_style)
				   -> 1: nothing is known */
	STB_SVC_SYMBOLS,	/* (dst, cap, string, enum stb_sym_style) */
	/* memory of the kernel, or of the loader as a task */
	STB_SVC_LOAD,		/* (address, size | user << 8, &dst) -> 1 */
	STB_SVC_LOAD_STR,	/* (dst, cap, most, address, user) -> 1 */
	STB_SVC_TASK,		/* () -> the kernel's struct of the loader */
	STB_SVC_STRPOS,		/* (string, string) -> index, -1 */
	STB_SVC_MONOTONIC,	/* ns since the boot */
	STB_SVC_CYCLES,		/* the processor's counter */
	STB_SVC_TZ_GMTOFF,	/* seconds west of UTC */
	STB_SVC_TZ_NAME,	/* (dst, cap) */
	/* $value of a file; the last two give it */
	STB_SVC_FILE_VALUE,	/* (dst, cap) */
	STB_SVC_FILE_SET,	/* (dst, cap, string) */
	STB_SVC_FILE_ADD,	/* (dst, cap, string) */
	STB_SVC_ARMED,		/* () the condition that was asked for holds */
};

/* flags of STB_SVC_EACH: direction + 1, key, STB_ST_*, mask of the slice */
#define STB_EACH(dir, key, stat, mask) \
	((uint64_t)((dir) + 1) | (uint64_t)(key) << 8 | \
	 (uint64_t)(stat) << 16 | (uint64_t)(mask) << 32)

#endif
