/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine.h - the loader's engine, see rt.h. Code for an interpreter of BPF
 * instructions (loader/vm.c): no verifier, so loops and functions are what
 * they look like. All slots are in frames; what is more than arithmetic is a
 * service of the loader (services.h).
 */
#ifndef STB_USER_ENGINE_H
#define STB_USER_ENGINE_H

#include "services.h"

#define RT_LOADER(name) __attribute__((used)) int name(void)
#define RT_MAP_DECL(n) struct rt_map_##n
#define RT_MAP(n) ((u64)(n))

/* The head of a handler's frame; what it sees of globals and slots follow. */
struct rt_frame {
	struct rt_state state;
	char key[RT_KEY_SIZE];
#ifdef RT_MATCH_TAGS
	struct rt_match match;
#endif
};
struct snapshot;

struct rt_run {
	void *ctx;
	struct rt_state *state;
	void *frame;			/* of the handler or function */
	struct rt_frame *base;		/* the handler's */
};

/* One service: its C name, its number, what it returns and takes. */
#define RT_SERVICE(name, number, result, ...) \
	static result (*const name)(__VA_ARGS__) = (void *)STB_SVC_##number

RT_SERVICE(rt_push, PUSH, void *, u64, u64);
RT_SERVICE(rt_pop, POP, long, void *);
RT_SERVICE(rt_lock, LOCK, long, u64, u64);
RT_SERVICE(rt_unlock, UNLOCK, long, u64, u64);
RT_SERVICE(rt_skip, SKIP, long, void);
RT_SERVICE(rt_exit, EXIT, long, void);
RT_SERVICE(rt_svc_raise, RAISE, long, u64);
RT_SERVICE(rt_svc_message, MESSAGE, long, u64, u64, u64);
RT_SERVICE(rt_svc_caught, CAUGHT, long, char *, u64);
RT_SERVICE(rt_svc_failed, FAILED, long, void);
RT_SERVICE(rt_arg_long, ARG_LONG, long, i64);
RT_SERVICE(rt_arg_string, ARG_STRING, long, const char *);
RT_SERVICE(rt_print, PRINT, long, u64);
RT_SERVICE(rt_format, FORMAT, long, char *, u64, u64);
RT_SERVICE(rt_print_hist, PRINT_HIST, long, u64, const void *);
RT_SERVICE(rt_format_hist, FORMAT_HIST, long, u64, const void *, char *, u64);
RT_SERVICE(rt_copy, COPY, long, char *, u64, const char *);
RT_SERVICE(rt_svc_cat, CAT, long, char *, u64, const char *, const char *);
RT_SERVICE(rt_strcmp, STRCMP, i64, const char *, const char *);
RT_SERVICE(rt_svc_get, GET, i64, u64, const void *);
RT_SERVICE(rt_svc_get_string, GET_STRING, long, u64, const void *, char *, u64);
RT_SERVICE(rt_svc_set, SET, long, u64, const void *, i64);
RT_SERVICE(rt_svc_set_string, SET_STRING, long, u64, const void *,
	   const char *);
RT_SERVICE(rt_svc_cat_string, CAT_STRING, long, u64, const void *,
	   const char *);
RT_SERVICE(rt_svc_modify, MODIFY, long, u64, const void *, u64, i64, i64 *);
RT_SERVICE(rt_map_in, IN, i64, u64, const void *);
RT_SERVICE(rt_map_del, DELETE, long, u64, const void *);
RT_SERVICE(rt_map_clear, CLEAR, long, u64);
RT_SERVICE(rt_svc_stat_add, STAT_ADD, long, u64, const void *, i64);
RT_SERVICE(rt_stat_get, STAT_GET, long, u64, const void *, u64, i64, i64 *);
RT_SERVICE(rt_stat_bucket, STAT_BUCKET, long, u64, const void *, i64, i64 *);
RT_SERVICE(rt_each, EACH, u64, u64, u64, i64, const void *);
RT_SERVICE(rt_each_bucket, EACH_BUCKET, u64, u64, const void *, i64);
RT_SERVICE(rt_each_next, NEXT, long, u64, void *);
RT_SERVICE(rt_each_value, VALUE, i64, u64);
RT_SERVICE(rt_each_string, VALUE_STRING, long, u64, char *, u64);
RT_SERVICE(rt_each_end, EACH_END, long, u64);
RT_SERVICE(rt_svc_pid, PID, i64, void);
RT_SERVICE(rt_svc_tid, TID, i64, void);
RT_SERVICE(rt_svc_ppid, PPID, i64, void);
RT_SERVICE(rt_svc_uid, UID, i64, void);
RT_SERVICE(rt_svc_euid, EUID, i64, void);
RT_SERVICE(rt_svc_gid, GID, i64, void);
RT_SERVICE(rt_svc_egid, EGID, i64, void);
RT_SERVICE(rt_svc_execname, EXECNAME, long, char *, u64);
RT_SERVICE(rt_svc_cpu, CPU, i64, void);
RT_SERVICE(rt_svc_target, TARGET, i64, void);
RT_SERVICE(rt_svc_wall, WALL, i64, void);
RT_SERVICE(rt_svc_jiffies, JIFFIES, i64, void);
RT_SERVICE(rt_svc_randint, RANDINT, i64, i64);
RT_SERVICE(rt_svc_strlen, STRLEN, i64, const char *);
RT_SERVICE(rt_svc_substr, SUBSTR, long, char *, u64, const char *, i64, i64);
RT_SERVICE(rt_svc_isinstr, ISINSTR, i64, const char *, const char *);
RT_SERVICE(rt_svc_strtol, STRTOL, i64, const char *, i64);
RT_SERVICE(rt_svc_stringat, STRINGAT, long, i64 *, const char *, i64);
RT_SERVICE(rt_svc_stringat_range, STRINGAT_RANGE, long, char *, u64,
	   const char *, i64, i64);
RT_SERVICE(rt_svc_str_replace, STR_REPLACE, long, char *, u64, const char *,
	   const char *, const char *);
RT_SERVICE(rt_svc_tolower, TOLOWER, long, char *, u64, const char *);
RT_SERVICE(rt_svc_toupper, TOUPPER, long, char *, u64, const char *);
RT_SERVICE(rt_svc_tokenize, TOKENIZE, long, char *, u64, const char *,
	   const char *);
RT_SERVICE(rt_svc_tokenize_next, TOKENIZE_NEXT, long, char *, u64,
	   const char *);

RT_SERVICE(rt_svc_printk, PRINTK, long, i64, const char *);
RT_SERVICE(rt_svc_ftrace, FTRACE, long, const char *);
RT_SERVICE(rt_svc_symbol, SYMBOL, long, char *, u64, i64, u64);
RT_SERVICE(rt_svc_symbols, SYMBOLS, long, char *, u64, const char *, u64);
RT_SERVICE(rt_svc_file_value, FILE_VALUE, long, char *, u64);
RT_SERVICE(rt_svc_file_set, FILE_SET, long, char *, u64, const char *);
RT_SERVICE(rt_svc_file_add, FILE_ADD, long, char *, u64, const char *);
RT_SERVICE(rt_svc_armed, ARMED, long, void);

RT_SERVICE(rt_svc_load, LOAD, long, u64, u64, u64 *);
RT_SERVICE(rt_load_str, LOAD_STR, long, char *, u64, i64, u64, u64);
RT_SERVICE(rt_svc_task, TASK, i64, void);
RT_SERVICE(rt_svc_strpos, STRPOS, i64, const char *, const char *);
RT_SERVICE(rt_svc_monotonic, MONOTONIC, i64, void);
RT_SERVICE(rt_svc_cycles, CYCLES, i64, void);
RT_SERVICE(rt_svc_tz_gmtoff, TZ_GMTOFF, i64, void);
RT_SERVICE(rt_svc_tz_name, TZ_NAME, long, char *, u64);

/* --- runs ----------------------------------------------------------------- */

#define RT_RUN_FRAME(name) \
	struct rt_frame *base_ = rt_push(sizeof(struct name##_frame), 0); \
	struct rt_run run_ = { 0, &base_->state, base_, base_ }, *r = &run_; \
	struct rt_state *s = &base_->state; \
	(void)s
#define RT_FRAME_OF(r, name) ((struct name##_frame *)(r)->frame)
#define RT_SEEN(r) ((struct snapshot *)((r)->base + 1))
#define RT_KEY_SPACE(r, type) ((type *)(r)->base->key)

#define RT_END_FRAME do { \
	if (s->err) \
		rt_failed(s); \
	rt_pop(r->frame); \
	return 0; \
} while (0)
#define RT_END_BUSY_FRAME do { \
	rt_skip(); \
	rt_pop(r->frame); \
	return 0; \
} while (0)

#define RT_IN_FUNCTION(caller, f) \
	struct rt_run run_ = { 0, (caller)->state, f, (caller)->base }; \
	struct rt_run *r = &run_; \
	struct rt_state *s = r->state; \
	(void)s
#define RT_IN_BODY struct rt_state *s = r->state; (void)s

#define RT_ACTIONS(s, cost) (((s)->actions += (cost)) > RT_MAX_ACTION)
#define RT_LOOP(r, body) do { \
	while (!body(0, r)) \
		; \
} while (0)

/* --- faults --------------------------------------------------------------- */

#define rt_raise(r, id) do { \
	RT_FAULT(id); \
	s->raised = 1; \
	rt_svc_raise(id); \
} while (0)

RT_INLINE void rt_message(struct rt_state *s)
{
	if (!s->raised)
		rt_svc_message(s->err - 1, s->err_args, s->err_arg);
}

/* In the emitted file: bytes of a fault's message, without its place, with a
   NUL. */
RT_OUTLINE u64 rt_caught_cap(u32 id);

RT_INLINE void rt_caught(struct rt_state *s, char *dst, u64 cap)
{
	u64 most = rt_caught_cap(s->err - 1);

	rt_message(s);
	if (cap > most)
		cap = most;
	rt_svc_caught(dst, cap);
}

RT_INLINE void rt_failed(struct rt_state *s)
{
	rt_message(s);
	rt_svc_failed();
}

/* --- strings and arrays ---------------------------------------------------- */

#define RT_COPY_LIT(dst, lit) __builtin_memcpy(dst, lit, sizeof(lit))
#define rt_cat(r, dst, cap, a, b) rt_svc_cat(dst, cap, a, b)
#define RT_STRCMP(a, b) rt_strcmp(a, b)

#define rt_space_kernel 0
#define rt_space_user 1
#define RT_LOAD(type, dst, address, space) ({ \
	u64 v_ = 0; \
	long e_ = rt_svc_load((u64)(address), sizeof(type) | \
			      rt_space_##space << 8, &v_); \
	(dst) = (i64)(type)v_; \
	e_; })

/* %m: ir.c has refused it here. */
#define rt_load_mem(dst, cap, n, address, user) 1

/* The interpreter pads: it knows the widths of keys. */
#define rt_key_str(dst, width, src) rt_copy(dst, width, src)
#define RT_KEY_LIT(dst, lit) rt_copy(dst, sizeof(dst), lit)

#define rt_map_get(map, key, at) rt_svc_get(map, key)
#define rt_map_get_str(map, key, at, dst, cap) \
	rt_svc_get_string(map, key, dst, cap)
#define rt_map_set(map, key, at, v) rt_svc_set(map, key, v)
#define rt_map_set_str(r, map, key, at, width, src) \
	rt_svc_set_string(map, key, src)
#define rt_map_cat(r, map, key, at, width, src) \
	rt_svc_cat_string(map, key, src)
#define RT_MAP_MODIFY(map, key, at, op, a, dst, want_old) \
	rt_svc_modify(map, key, (op) | (u64)(want_old) << 8, a, &(dst))
#define RT_STAT_ADD(map, key, type, none, at, v, ops, lo, hi, step) \
	rt_svc_stat_add(map, key, v)
RT_INLINE u64 rt_index(i64 i, u64 n)
{
	return (u64)i + 1 < n ? (u64)i + 1 : 0;
}

#define RT_EACH(dir, key, stat, mask) STB_EACH(dir, key, stat, mask)

/* --- built-in functions ---------------------------------------------------- */

#define rt_pid(r) rt_svc_pid()
#define rt_tid(r) rt_svc_tid()
#define rt_ppid(r) rt_svc_ppid()
#define rt_uid(r) rt_svc_uid()
#define rt_euid(r) rt_svc_euid()
#define rt_gid(r) rt_svc_gid()
#define rt_egid(r) rt_svc_egid()
#define rt_execname(r, dst, cap) rt_svc_execname(dst, cap)
#define rt_cpu(r) rt_svc_cpu()
#define rt_task_current(r) rt_svc_task()
#define rt_target(r) rt_svc_target()
#define rt_gettimeofday_ns(r) rt_svc_wall()
#define rt_gettimeofday_us(r) rt_div(rt_svc_wall(), 1000)
#define rt_gettimeofday_ms(r) rt_div(rt_svc_wall(), 1000000)
#define rt_gettimeofday_s(r) rt_div(rt_svc_wall(), 1000000000)
#define rt_jiffies(r) rt_svc_jiffies()
#define rt_ktime_get_ns(r) rt_svc_monotonic()
#define rt_get_cycles(r) rt_svc_cycles()
#define rt___tz_gmtoff(r) rt_svc_tz_gmtoff()
#define rt___tz_name(r, dst, cap) rt_svc_tz_name(dst, cap)
#define rt_strpos(r, s, what) rt_svc_strpos(s, what)
#define rt_randint(r, n) rt_svc_randint(n)
#define rt_strlen(r, s) rt_svc_strlen(s)
#define rt_substr(r, dst, cap, s, start, length) \
	rt_svc_substr(dst, cap, s, start, length)
#define rt_isinstr(r, s, what) rt_svc_isinstr(s, what)
#define rt_strtol(r, s, base) rt_svc_strtol(s, base)
#define rt___string_to_fp(r, s) ((i64)rt_fp_of_chars(s))
#define RT_PICK(_1, _2, _3, _4, _5, name, ...) name
#define rt_stringat(r, ...) \
	RT_PICK(__VA_ARGS__, rt_svc_stringat_range, , rt_svc_stringat, , ) \
	(__VA_ARGS__)
#define rt_str_replace(r, dst, cap, s, old, new) \
	rt_svc_str_replace(dst, cap, s, old, new)
#define rt_printk(r, level, s) rt_svc_printk(level, s)
#define rt_ftrace(r, s) rt_svc_ftrace(s)
#define rt_symname(r, dst, cap, a) rt_svc_symbol(dst, cap, a, STB_SYM_NAME)
#define rt_symdata(r, dst, cap, a) rt_svc_symbol(dst, cap, a, STB_SYM_DATA)
#define rt_symfile(r, dst, cap, a) rt_svc_symbol(dst, cap, a, STB_SYM_FILE)
#define rt_symline(r, dst, cap, a) rt_svc_symbol(dst, cap, a, STB_SYM_LINE)
#define rt_symfileline(r, dst, cap, a) \
	rt_svc_symbol(dst, cap, a, STB_SYM_FILELINE)
#define rt_modname(r, dst, cap, a) rt_svc_symbol(dst, cap, a, STB_SYM_MODULE)
#define rt_sprint_syms(r, dst, cap, s) \
	rt_svc_symbols(dst, cap, s, STB_SYM_DATA)
#define rt_sprint_stack(r, dst, cap, s) rt_sprint_syms(r, dst, cap, s)
#define rt_usymbol(dst, cap, a, style) \
	rt_svc_symbol(dst, cap, a, STB_SYM_USER | (style))
#define rt_usymname(r, dst, cap, a) rt_usymbol(dst, cap, a, STB_SYM_NAME)
#define rt_usymdata(r, dst, cap, a) rt_usymbol(dst, cap, a, STB_SYM_DATA)
#define rt_usymfile(r, dst, cap, a) rt_usymbol(dst, cap, a, STB_SYM_FILE)
#define rt_usymline(r, dst, cap, a) rt_usymbol(dst, cap, a, STB_SYM_LINE)
#define rt_usymfileline(r, dst, cap, a) \
	rt_usymbol(dst, cap, a, STB_SYM_FILELINE)
#define rt_umodname(r, dst, cap, a) rt_usymbol(dst, cap, a, STB_SYM_MODULE)
#define rt_sprint_usyms(r, dst, cap, s) \
	rt_svc_symbols(dst, cap, s, STB_SYM_USER | STB_SYM_DATA)
#define rt_sprint_ustack(r, dst, cap, s) rt_sprint_usyms(r, dst, cap, s)
/* What handlers have seen tells of which process it is. */
#define rt_uplace(r, a) 0
#define rt_upid(r) 0
#define rt___file_value(r, dst, cap) rt_svc_file_value(dst, cap)
#define rt___file_set(r, dst, cap, s) rt_svc_file_set(dst, cap, s)
#define rt___file_add(r, dst, cap, s) rt_svc_file_add(dst, cap, s)
#define rt_armed(r) rt_svc_armed()
#define rt_tolower(r, dst, cap, s) rt_svc_tolower(dst, cap, s)
#define rt_toupper(r, dst, cap, s) rt_svc_toupper(dst, cap, s)
#define rt_tokenize(r, ...) \
	RT_PICK(__VA_ARGS__, , rt_svc_tokenize, rt_svc_tokenize_next, , ) \
	(__VA_ARGS__)

#define rt_match_of(r) (&(r)->base->match)
#include "../plain.h"

#endif
