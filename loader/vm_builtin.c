/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vm_builtin.c - strings, and the built-in functions of the language. Who runs
 * is the loader itself, as in SystemTap, where it is stapio.
 *
 * A string may lie in the globals region, where the kernel's handlers change it at
 * any time: what vm_str() measured holds, and nothing here looks for the NUL again.
 */
#include "loader/vm_in.h"

#include <ctype.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static void cat(struct vm *vm, const uint64_t a[5])
{
	size_t n, m, max = vm->limits->string_len;
	const char *s = vm_str(vm, a[2], &n), *t = vm_str(vm, a[3], &m);

	n = n < max ? n : max;
	m = m < max ? m : max;
	memcpy(vm->text, s, n);
	memcpy(vm->text + n, t, m);
	vm_put(vm, a[0], a[1], vm->text, n + m);
}

static void execname(struct vm *vm, const uint64_t a[5])
{
	char name[16] = "";

	prctl(PR_GET_NAME, name);
	vm_put(vm, a[0], a[1], name, strlen(name));
}

/* "Mon Nov 23 18:00:00 2026", in UTC, without the newline. */
static void make_ctime(struct vm *vm, const uint64_t a[5])
{
	time_t t = (time_t)a[2];
	struct tm tm;
	char text[64] = "";

	if (!gmtime_r(&t, &tm) ||
	    !strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &tm))
		strcpy(text, "<invalid time>");
	vm_put(vm, a[0], a[1], text, strlen(text));
}

/* By TZ or /etc/localtime of this host. */
static struct tm local_now(void)
{
	time_t now = time(NULL);
	struct tm tm = { 0 };

	localtime_r(&now, &tm);
	return tm;
}

static void zone_name(struct vm *vm, const uint64_t a[5])
{
	struct tm tm = local_now();
	char text[64] = "";

	strftime(text, sizeof(text), "%Z", &tm);
	vm_put(vm, a[0], a[1], text, strlen(text));
}

static uint64_t coarse_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/*
 * The kernel counts jiffies when it moves the coarse clock on, whose resolution
 * is a jiffy. What it counts from is in /proc/timer_list, for root; else it is
 * what kernels begin with: the lower 32 bits wrap after five minutes.
 */
static void learn_jiffies(struct vm *vm)
{
	enum { SIZE = 1 << 16 };
	const char *mark;
	struct timespec ts;
	char *text = array(1, SIZE);
	uint64_t now;

	clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
	vm->jiffy_ns = ts.tv_nsec > 0 ? (uint64_t)ts.tv_nsec : 1000000;
	vm->first_jiffy = (uint32_t)-(300 * (1000000000 /
					     (int64_t)vm->jiffy_ns));
	now = coarse_ns() / vm->jiffy_ns;
	if (read_small("/proc/timer_list", text, SIZE) > 0 &&
	    (mark = strstr(text, "\njiffies: ")))
		vm->first_jiffy = (int64_t)(strtoull(mark + 10, NULL, 10) - now);
	free(text);
}

static uint64_t jiffies(struct vm *vm)
{
	if (!vm->jiffy_ns)
		learn_jiffies(vm);
	return (uint64_t)vm->first_jiffy + coarse_ns() / vm->jiffy_ns;
}

static uint64_t random_below(struct vm *vm, int64_t n)
{
	vm->seed ^= vm->seed >> 12;	/* xorshift64* */
	vm->seed ^= vm->seed << 25;
	vm->seed ^= vm->seed >> 27;
	return n > 0 ? vm->seed * 0x2545f4914f6cdd1dull % (uint64_t)n : 0;
}

static void substr(struct vm *vm, const uint64_t a[5])
{
	int64_t start = (int64_t)a[3], length = (int64_t)a[4];
	size_t n;
	const char *s = vm_str(vm, a[2], &n);

	if (start < 0 || length <= 0 || (uint64_t)start >= n)
		n = 0;
	else if ((uint64_t)length < n - (uint64_t)start)
		n = (size_t)length;
	else
		n -= (size_t)start;
	vm_put(vm, a[0], a[1], n ? s + start : "", n);
}

static uint64_t isinstr(struct vm *vm, const uint64_t a[5])
{
	size_t n, m;
	const char *s = vm_str(vm, a[0], &n), *what = vm_str(vm, a[1], &m);

	return memmem(s, n, what, m) != NULL;
}

static uint64_t strpos(struct vm *vm, const uint64_t a[5])
{
	size_t n, m;
	const char *s = vm_str(vm, a[0], &n), *what = vm_str(vm, a[1], &m);
	const char *at = memmem(s, n, what, m);

	return at ? (uint64_t)(at - s) : (uint64_t)-1;
}

static int64_t compare(struct vm *vm, const uint64_t a[5])
{
	size_t n, m;
	const char *s = vm_str(vm, a[0], &n), *t = vm_str(vm, a[1], &m);
	int c = memcmp(s, t, n < m ? n : m);

	return c ? c : (n > m) - (n < m);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

/* As the kernel's simple_strtol(): base 0 looks at the prefix, what is no digit
   ends the number, and what is too large wraps. */
static uint64_t number(const char *s, size_t n, uint64_t base)
{
	const char *end = s + n;
	bool minus = n && *s == '-', hex;
	uint64_t v = 0;

	s += minus;
	hex = end - s > 2 && s[0] == '0' && (s[1] | 32) == 'x' &&
	      digit(s[2]) < 16;
	if (base == 0)
		base = hex ? 16 : s < end && *s == '0' ? 8 : 10;
	if (base == 16 && hex)
		s += 2;
	for (int d; s < end && (d = digit(*s)) < 36 && (uint64_t)d < base; s++)
		v = v * base + (uint64_t)d;
	return minus ? -v : v;
}

static uint64_t stringat(struct vm *vm, const uint64_t a[5])
{
	size_t n;
	const char *s = vm_str(vm, a[1], &n);
	int64_t *dst = vm_mem_write(vm, a[0], 8), c;

	if (!dst || (int64_t)a[2] < 0 || a[2] >= n)
		return 1;
	c = (unsigned char)s[a[2]];
	memcpy(dst, &c, 8);
	return 0;
}

static uint64_t stringat_range(struct vm *vm, const uint64_t a[5])
{
	size_t n;
	const char *s = vm_str(vm, a[2], &n);

	if ((int64_t)a[3] < 0 || a[4] < a[3] || a[4] >= n)
		return 1;
	vm_put(vm, a[0], a[1], s + a[3], a[4] - a[3] + 1);
	return 0;
}

static void str_replace(struct vm *vm, const uint64_t a[5])
{
	struct sink to = { .buf = vm->text, .cap = vm->limits->string_len };
	size_t n, old_len, new_len;
	const char *s = vm_str(vm, a[2], &n), *end = s + n;
	const char *old = vm_str(vm, a[3], &old_len), *new, *hit;

	new = vm_str(vm, a[4], &new_len);
	while (old_len &&
	       (hit = memmem(s, (size_t)(end - s), old, old_len))) {
		sink_put(&to, s, (size_t)(hit - s));
		sink_put(&to, new, new_len);
		s = hit + old_len;
	}
	sink_put(&to, s, (size_t)(end - s));
	vm_put(vm, a[0], a[1], to.buf, to.n);
}

static void change_case(struct vm *vm, const uint64_t a[5], int (*to)(int))
{
	size_t n;
	const char *s = vm_str(vm, a[2], &n);

	if (n > vm->limits->string_len)
		n = vm->limits->string_len;
	for (size_t i = 0; i < n; i++)
		vm->text[i] = (char)to((unsigned char)s[i]);
	vm_put(vm, a[0], a[1], vm->text, n);
}

/* With a string: its first token, and the rest is kept; without, or with "": the
   next. */
static void tokenize(struct vm *vm, const uint64_t a[5], bool next)
{
	size_t n = 0, ndelims, max = vm->limits->string_len;
	const char *s = next ? "" : vm_str(vm, a[2], &n);
	const char *given = vm_str(vm, a[next ? 2 : 3], &ndelims);
	char *delims = vm->text, *from;

	ndelims = ndelims < max ? ndelims : max;
	memcpy(delims, given, ndelims);
	delims[ndelims] = 0;
	if (!vm->token_text)
		vm->token_text = array(1, max + 1);
	if (n) {
		n = n < max ? n : max;
		memcpy(vm->token_text, s, n);
		vm->token_text[n] = 0;
		vm->token = vm->token_text;
	}
	from = vm->token ? vm->token + strspn(vm->token, delims) : "";
	n = strcspn(from, delims);
	vm_put(vm, a[0], a[1], from, n);
	vm->token = n ? from + n : NULL;
}

/* One line into a file of the kernel's. 1: it cannot be written. */
static uint64_t tell_kernel(const char *path, const char *line, size_t n)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, line, n) == (ssize_t)n;

	if (fd >= 0)
		close(fd);
	return !ok;
}

/* To the kernel's log; what is no level is the default one. */
static uint64_t do_printk(struct vm *vm, const uint64_t a[5])
{
	size_t n;
	const char *s = vm_str(vm, a[1], &n);
	char *line = array(n + 8, 1);
	uint64_t failed;

	snprintf(line, n + 8, "<%d>%.*s\n", a[0] <= 7 ? (int)a[0] : 4, (int)n,
		 s);
	failed = tell_kernel("/dev/kmsg", line, strlen(line));
	free(line);
	return failed;
}

static uint64_t do_ftrace(struct vm *vm, const uint64_t a[5])
{
	size_t n;
	const char *s = vm_str(vm, a[0], &n);

	return n && tell_kernel("/sys/kernel/tracing/trace_marker", s, n) &&
	       tell_kernel("/sys/kernel/debug/tracing/trace_marker", s, n);
}

static uint64_t symbol(struct vm *vm, const uint64_t a[5])
{
	struct sink to = { .buf = vm->text, .cap = vm->limits->string_len };
	const struct namer *names = &vm->env.out->names;
	uint64_t style = a[3] & ~(uint64_t)STB_SYM_USER;
	bool known;

	if (style > STB_SYM_BRIEF) {
		vm_break(vm, "a style of addresses %llu",
			 (unsigned long long)a[3]);
		return 0;
	}
	if (a[3] & STB_SYM_USER)
		known = names->put_user && names->put_user(names, &to,
				(struct stb_user_addr){ .addr = a[2] },
				(enum stb_sym_style)style);
	else
		known = names->put && names->put(names, &to, a[2],
						 (enum stb_sym_style)style);
	vm->work += NAME_WORK;
	vm_put(vm, a[0], a[1], to.buf, to.n);
	return !known;
}

static void symbols(struct vm *vm, const uint64_t a[5])
{
	/* whole lines, and room for a NUL */
	struct sink to = { .buf = vm->text,
			   .cap = vm->limits->string_len - 1 };
	size_t n;
	const char *s = vm_str(vm, a[2], &n);

	vm->work += n / 2 * NAME_WORK;	/* "1 1 1..." */
	if (a[3] & STB_SYM_USER)
		format_user_addresses(&to, &vm->env.out->names, s, n, 0,
				      STB_SYM_DATA);
	else
		format_addresses(&to, &vm->env.out->names, s, n,
				 a[3] <= STB_SYM_MODULE ?
				 (enum stb_sym_style)a[3] : STB_SYM_DATA);
	vm_put(vm, a[0], a[1], to.buf, to.n);
}

/* $value: nothing where no file is served. */
static void give_value(struct vm *vm, const uint64_t a[5])
{
	const struct vm_value *v = vm->value;

	vm_put(vm, a[0], a[1], v ? v->text : "", v ? strnlen(v->text, v->n) :
	       0);
}

/* As much as the file may have. */
static void set_value(struct vm *vm, const uint64_t a[5], bool behind)
{
	struct vm_value *v = vm->value;
	const char *s;
	size_t n, at;

	s = vm_str(vm, a[2], &n);
	if (v) {
		at = behind ? v->n : 0;
		n = n < v->cap - at ? n : v->cap - at;
		memcpy(v->text + at, s, n);
		v->n = at + n;
	}
	give_value(vm, a);
}

/* Of the loader, the host, the session; a flat switch. */
static bool call_who(struct vm *vm, uint32_t service, const uint64_t a[5],
		     uint64_t *r)
{
	const struct stb_shared *g = vm->env.globals;

	switch (service) {
	case STB_SVC_PID: *r = (uint64_t)getpid(); return true;
	case STB_SVC_TID: *r = (uint64_t)gettid(); return true;
	case STB_SVC_PPID: *r = (uint64_t)getppid(); return true;
	case STB_SVC_UID: *r = getuid(); return true;
	case STB_SVC_EUID: *r = geteuid(); return true;
	case STB_SVC_GID: *r = getgid(); return true;
	case STB_SVC_EGID: *r = getegid(); return true;
	case STB_SVC_EXECNAME: execname(vm, a); return true;
	case STB_SVC_CPU: *r = (uint64_t)sched_getcpu(); return true;
	case STB_SVC_TARGET: *r = (uint64_t)g->target_pid; return true;
	case STB_SVC_WALL:
		*r = now_ns() + (uint64_t)g->wall_offset;
		return true;
	case STB_SVC_JIFFIES: *r = jiffies(vm); return true;
	case STB_SVC_CTIME: make_ctime(vm, a); return true;
	case STB_SVC_RANDINT: *r = random_below(vm, (int64_t)a[0]); return true;
	default: return false;
	}
}

/* A flat switch. */
uint64_t vm_call_builtin(struct vm *vm, uint32_t service, const uint64_t a[5])
{
	uint64_t r = 0;
	const char *s;
	size_t n;

	if (call_who(vm, service, a, &r))
		return r;
	switch (service) {
	case STB_SVC_COPY:
		s = vm_str(vm, a[2], &n);
		vm_put(vm, a[0], a[1], s, n);
		return 0;
	case STB_SVC_CAT: cat(vm, a); return 0;
	case STB_SVC_STRCMP: return (uint64_t)compare(vm, a);
	case STB_SVC_STRLEN: vm_str(vm, a[0], &n); return n;
	case STB_SVC_SUBSTR: substr(vm, a); return 0;
	case STB_SVC_ISINSTR: return isinstr(vm, a);
	case STB_SVC_STRTOL:
		s = vm_str(vm, a[0], &n);
		return number(s, n, a[1]);
	case STB_SVC_STRINGAT: return stringat(vm, a);
	case STB_SVC_STRINGAT_RANGE: return stringat_range(vm, a);
	case STB_SVC_STR_REPLACE: str_replace(vm, a); return 0;
	case STB_SVC_TOLOWER: change_case(vm, a, tolower); return 0;
	case STB_SVC_TOUPPER: change_case(vm, a, toupper); return 0;
	case STB_SVC_TOKENIZE: tokenize(vm, a, false); return 0;
	case STB_SVC_TOKENIZE_NEXT: tokenize(vm, a, true); return 0;
	case STB_SVC_PRINTK: return do_printk(vm, a);
	case STB_SVC_FTRACE: return do_ftrace(vm, a);
	case STB_SVC_SYMBOL: return symbol(vm, a);
	case STB_SVC_SYMBOLS: symbols(vm, a); return 0;
	case STB_SVC_LOAD: return vm_peek(vm, a);
	case STB_SVC_LOAD_STR: return vm_peek_text(vm, a);
	case STB_SVC_TASK: return vm_current_task(vm);
	case STB_SVC_STRPOS: return strpos(vm, a);
	case STB_SVC_MONOTONIC: return now_ns();
	case STB_SVC_CYCLES: return __builtin_ia32_rdtsc();
	case STB_SVC_TZ_GMTOFF: return (uint64_t)-local_now().tm_gmtoff;
	case STB_SVC_TZ_NAME: zone_name(vm, a); return 0;
	case STB_SVC_FILE_VALUE: give_value(vm, a); return 0;
	case STB_SVC_FILE_SET: set_value(vm, a, false); return 0;
	case STB_SVC_FILE_ADD: set_value(vm, a, true); return 0;
	case STB_SVC_ARMED: vm->armed = true; return 0;
	default: break;
	}
	vm_break(vm, "service %u", service);
	return 0;
}
