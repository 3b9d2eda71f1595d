/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session.c - from begin probes to end probes.
 *
 *	begin probes -> attach -> RUNNING: records, timers -> stop: handlers
 *	settle -> what is left in the ring -> end or error probes -> report ->
 *	detach
 *
 * One thread, which sleeps in ppoll. Signals are blocked but there and while
 * output is written; what they leave is a flag.
 */
#include "loader/kmod.h"
#include "loader/encode.h"
#include "loader/loader.h"
#include "loader/monitor.h"
#include "loader/record.h"
#include "loader/serve.h"
#include "loader/vm.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* The one thing that a signal handler can reach. */
static volatile sig_atomic_t stop_signals, next_file_asked;

enum {
	TICK_MS = 250,		/* how long counters may go unseen */
	NAP_MS = 4,		/* while a busy ring fills again */
	NAP_FROM = 4096,	/* bytes that make a ring busy */
};

struct timer {
	uint32_t handler;
	uint64_t period, random, due;
};

struct session {
	struct loader *l;
	struct vm *vm;
	struct pollfd *polled;	/* what wait_for_work waits for */
	struct timer *timers;
	uint32_t ntimers;
	uint64_t end;		/* -T: when; UINT64_MAX never */
	uint64_t seed;
	pid_t child;		/* -c; 0: none or gone */
	int go;			/* closed, it lets the child run */
	sigset_t sleeping;	/* the mask while we wait */
	bool failed;		/* an error ended it */
	bool told_broken;	/* that output cannot be written */
	struct vm_value *value;	/* of the file whose handler runs, or NULL */
	uint64_t told_lost, told_skipped;	/* in lines of output */
	uint64_t user_errors;
};

static void on_signal(int sig)
{
	stop_signals++;
}

static void on_next_file(int sig)
{
	next_file_asked = 1;
}

static void on_child(int sig)
{
}

/* One that is blocked would stay. */
static void pass_over(int sig, sigset_t *blocked)
{
	sigdelset(blocked, sig);
	signal(sig, SIG_IGN);
}

static void catch_signals(struct session *s)
{
	struct sigaction a = { .sa_handler = on_signal }, hangup;
	sigset_t blocked, ends;

	sigaction(SIGHUP, NULL, &hangup);
	stop_signals_of(&ends);
	blocked = ends;
	for (int i = 1; i < 32; i++)
		if (sigismember(&ends, i))
			sigaction(i, &a, NULL);
	if (s->l->opt.command) {
		sigaddset(&blocked, SIGCHLD);
		a.sa_handler = on_child;
		sigaction(SIGCHLD, &a, NULL);
	}
	sigaddset(&blocked, SIGUSR2);
	a.sa_handler = on_next_file;
	sigaction(SIGUSR2, &a, NULL);
	a.sa_handler = SIG_IGN;
	if (s->l->recorder)	/* it is detached already */
		pass_over(SIGQUIT, &blocked);
	if (hangup.sa_handler == SIG_IGN)	/* nohup */
		pass_over(SIGHUP, &blocked);
	sigaction(SIGPIPE, &a, NULL);
	sigaction(SIGXFSZ, &a, NULL);	/* write() says so as well */
	sigprocmask(SIG_BLOCK, &blocked, &s->sleeping);
	for (int i = 1; i < 32; i++)
		if (sigismember(&ends, i))
			sigdelset(&s->sleeping, i);
	sigdelset(&s->sleeping, SIGCHLD);
	sigdelset(&s->sleeping, SIGUSR2);
	s->l->out.mask = &s->sleeping;
	s->l->out.stops = &stop_signals;
}

/* --- state ---------------------------------------------------------------- */

static uint32_t state_of(const struct session *s)
{
	return __atomic_load_n(&s->l->shared->state, __ATOMIC_ACQUIRE);
}

static void set_state(struct session *s, enum stb_state state)
{
	__atomic_store_n(&s->l->shared->state, state, __ATOMIC_SEQ_CST);
}

static uint64_t skipped(const struct session *s)
{
	const struct stb_shared *g = s->l->shared;

	return __atomic_load_n(&g->skipped_lock, __ATOMIC_RELAXED) +
	       __atomic_load_n(&g->skipped_frame, __ATOMIC_RELAXED);
}

static uint64_t errors(const struct session *s)
{
	return __atomic_load_n(&s->l->shared->errors, __ATOMIC_RELAXED);
}

static void complain(struct session *s, const char *text)
{
	struct output *o = &s->l->out;

	sink_puts(output_begin(o, STB_ERROR), text);
	output_end(o, STB_ERROR);
}

/* SystemTap's words for what the module's guard saw. */
static void tell_overload(struct session *s)
{
	const struct stb_shared *g = s->l->shared;
	char text[160];

	snprintf(text, sizeof(text), "probe overhead (%llu cycles) exceeded "
		 "threshold (%llu cycles) in last %llu cycles",
		 (unsigned long long)g->overload,
		 (unsigned long long)g->overload_most,
		 (unsigned long long)g->overload_interval);
	complain(s, text);
	__atomic_fetch_add(&s->l->shared->errors, 1, __ATOMIC_RELAXED);
}

/* Has what handlers did ended the session? */
static bool over(struct session *s)
{
	const struct stb_limits *lim = s->l->limits;
	struct stb_shared *g = s->l->shared;

	if (!s->failed && state_of(s) == STB_FAILED && g->overload)
		tell_overload(s);
	if (errors(s) > lim->max_errors)
		s->failed = true;
	if (!s->failed && skipped(s) > lim->max_skipped) {
		complain(s, "Skipped too many probes, check MAXSKIPPED or try "
			 "again with stap -t for more details.");
		s->failed = true;
	}
	s->failed |= state_of(s) == STB_FAILED;
	if (s->failed)
		set_state(s, STB_FAILED);
	return s->failed || state_of(s) >= STB_STOPPING ||
	       __atomic_load_n(&g->exit_asked, __ATOMIC_RELAXED) ||
	       s->l->out.broken || s->l->stop_asked;
}

/* --- handlers of ours ----------------------------------------------------- */

static const struct stb_handler *handler_at(const struct session *s,
					    uint32_t i)
{
	return ROW(struct stb_handler, s->l->handlers, i);
}

static void run_handler(struct session *s, uint32_t i)
{
	if (in_kmod(s->l)) {
		kmod_run(s->l, i, s->value);
		return;
	}
	switch (vm_run(s->vm, i)) {
	case VM_DONE:
	case VM_SKIPPED:
		break;
	case VM_ERROR:
		complain(s, vm_message(s->vm));
		__atomic_fetch_add(&s->l->shared->errors, 1,
				   __ATOMIC_RELAXED);
		break;
	}
	s->l->next_condition = 0;	/* it may have changed */
}

/*
 * All of a kind, by order; equal orders as they stand. Begin probes stop when
 * the session is over, the others run to the last.
 */
static void run_all(struct session *s, enum stb_when when)
{
	int64_t last = INT64_MIN;
	bool first = true;

	for (;;) {
		int64_t next = INT64_MAX;
		bool found = false;

		for (uint32_t i = 0; i < s->l->handlers.n; i++) {
			const struct stb_handler *h = handler_at(s, i);

			if (h->when == when && (first || h->order > last) &&
			    h->order <= next) {
				next = h->order;
				found = true;
			}
		}
		if (!found)
			return;
		for (uint32_t i = 0; i < s->l->handlers.n; i++) {
			const struct stb_handler *h = handler_at(s, i);

			if (h->when != when || h->order != next)
				continue;
			if (when == STB_BEGIN && over(s))
				return;
			run_handler(s, i);
		}
		last = next;
		first = false;
	}
}

/* --- timers --------------------------------------------------------------- */

/* xorshift64* */
static uint64_t random_number(struct session *s)
{
	s->seed ^= s->seed >> 12;
	s->seed ^= s->seed << 25;
	s->seed ^= s->seed >> 27;
	return s->seed * 0x2545f4914f6cdd1dull;
}

static uint64_t interval(struct session *s, const struct timer *t)
{
	uint64_t n = t->period;

	if (t->random)
		n += random_number(s) % (2 * t->random + 1);
	return n > t->random ? n - t->random : 1;
}

static void start_timers(struct session *s)
{
	uint64_t now = now_ns();

	s->end = s->l->opt.time_ns ? now + s->l->opt.time_ns : UINT64_MAX;
	s->seed = now | 1;
	s->timers = zalloc(s->l->handlers.n * sizeof(*s->timers));
	for (uint32_t i = 0; i < s->l->handlers.n; i++) {
		const struct stb_handler *h = handler_at(s, i);
		struct timer *t = &s->timers[s->ntimers];

		if (h->when != STB_TIMER)
			continue;
		*t = (struct timer){
			.handler = i, .period = h->period_ns,
			.random = h->random_ns < h->period_ns ?
				h->random_ns : h->period_ns,
		};
		t->due = now + interval(s, t);
		s->ntimers++;
	}
}

static struct timer *next_timer(const struct session *s)
{
	struct timer *next = NULL;

	for (uint32_t i = 0; i < s->ntimers; i++)
		if (!next || s->timers[i].due < next->due)
			next = &s->timers[i];
	return next;
}

/* Those that are due, in order. One that is late by more than its period
   does not run twice to catch up. */
static void run_timers(struct session *s)
{
	uint64_t now = now_ns();
	struct timer *t;

	while ((t = next_timer(s)) && t->due <= now && !over(s)) {
		run_handler(s, t->handler);
		t->due += interval(s, t);
		if (t->due <= now)
			t->due = now + interval(s, t);
	}
}

/* --- -c CMD --------------------------------------------------------------- */

/* Plain words need no shell, which would stand between us and the command
   whose pid target() is. Goes on when there is no such program. */
static void exec_words(const char *command)
{
	char *line, **words;
	size_t n = 0;

	if (strpbrk(command, ";&|()<>{}$`\"'\\\n*?[]#~=!"))
		return;
	line = strdup(command);
	words = zalloc((strlen(command) + 2) * sizeof(*words));
	for (char *p = strtok(line, " \t"); p; p = strtok(NULL, " \t"))
		words[n++] = p;
	if (n)
		execvp(words[0], words);
}

_Noreturn static void child_main(struct session *s, int gate)
{
	char byte;

	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	sigprocmask(SIG_SETMASK, &s->sleeping, NULL);
	if (s->l->nofile.rlim_cur)
		setrlimit(RLIMIT_NOFILE, &s->l->nofile);
	close(s->go);
	environ = s->l->rights.environ;
	if (read(gate, &byte, 1) != 1)	/* the loader gave up */
		_exit(0);
	close(gate);
	exec_words(s->l->opt.command);
	execl("/bin/sh", "sh", "-c", s->l->opt.command, (char *)NULL);
	say("/bin/sh: %s", strerror(errno));
	_exit(127);
}

static void start_command(struct session *s)
{
	int gate[2];

	if (pipe(gate))
		die(EXIT_AGAIN, "pipe: %s", strerror(errno));
	s->go = gate[1];
	s->child = fork();
	if (s->child < 0)
		die(EXIT_AGAIN, "fork: %s", strerror(errno));
	if (!s->child)
		child_main(s, gate[0]);
	close(gate[0]);
	s->l->shared->target_pid = s->child;
}

static void release_command(struct session *s)
{
	if (!s->child)
		return;
	if (write(s->go, "", 1) != 1)	/* it ends, and the session with it */
		say("-c: it cannot be let run: %s", strerror(errno));
	close(s->go);
	s->go = -1;
}

/* Did the command end? */
static bool command_ended(struct session *s)
{
	int status;

	if (!s->child || waitpid(s->child, &status, WNOHANG) != s->child)
		return false;
	s->child = 0;
	if (WIFSIGNALED(status))
		say("the command was ended by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		say("the command ended with status %d", WEXITSTATUS(status));
	return true;
}

static void end_command(struct session *s)
{
	if (!s->child)
		return;
	if (s->go >= 0)
		close(s->go);
	kill(s->child, SIGTERM);
}

/* --- losses, where they happen ---------------------------------------------- */

static uint64_t lost(const struct session *s)
{
	return __atomic_load_n(&s->l->shared->lost, __ATOMIC_RELAXED);
}

static void tell(struct session *s, const char *what, uint64_t all,
		 uint64_t *told)
{
	if (all == *told)
		return;
	encode_count(&s->l->out, output_line(&s->l->out), what, all - *told,
		     all);
	output_line_end(&s->l->out);
	*told = all;
}

static void tell_losses(struct session *s)
{
	if (!output_has_lines(&s->l->out))
		return;
	tell(s, "lost", lost(s), &s->told_lost);
	tell(s, "skipped", skipped(s), &s->told_skipped);
}

/* --- clocks ---------------------------------------------------------------- */

enum { STEP_NS = 1000000 };	/* less is no other time, but how we read it */

/* For handlers. The clock may be set while they run, and stands still for
   CLOCK_MONOTONIC while the machine sleeps. */
static void follow_clock(const struct loader *l)
{
	int64_t from = (int64_t)now_ns(), offset, change, took;
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	took = (int64_t)now_ns() - from;
	offset = ts.tv_sec * 1000000000ll + ts.tv_nsec - from;
	change = offset - l->shared->wall_offset;
	if (change > took + STEP_NS || change < -STEP_NS)
		__atomic_store_n(&l->shared->wall_offset, offset,
				 __ATOMIC_RELAXED);
}

/* --- the loop ------------------------------------------------------------- */

/* When there will be something to do at the latest. */
static uint64_t due(const struct session *s, uint64_t now, bool nap)
{
	const struct timer *t = next_timer(s);
	uint64_t until = s->end, tick = now + TICK_MS * 1000000ull;

	if (t && t->due < until)
		until = t->due;
	if (s->l->monitor && monitor_due(s->l) < until)
		until = monitor_due(s->l);
	if (serve_due(s->l) < until)
		until = serve_due(s->l);
	if (record_due(s->l) < until)
		until = record_due(s->l);
	if (nap)
		tick = now + NAP_MS * 1000000ull;
	if (watches_due(s->l) < tick)
		tick = watches_due(s->l);
	if (conditions_due(s->l) < tick)
		tick = conditions_due(s->l);
	return s->l->progs.n && tick < until ? tick : until;
}

static bool run_for_file(void *arg, uint32_t handler, struct vm_value *v)
{
	struct session *s = arg;

	if (over(s) || stop_signals)
		return false;
	if (s->vm)
		vm_set_value(s->vm, v);
	s->value = v;
	run_handler(s, handler);
	s->value = NULL;
	if (s->vm)
		vm_set_value(s->vm, NULL);
	return true;
}

/* Sleeps until there is something to do; nap: a little, ring or not, and no
   handler is asked to wake us. */
static void wait_for_work(struct session *s, bool nap)
{
	struct loader *l = s->l;
	uint64_t now = now_ns(), until = due(s, now, nap);
	uint64_t left = until > now ? until - now : 0;
	struct timespec ts = { left / 1000000000, left % 1000000000 };
	struct pollfd *fds = s->polled;
	int n = record_poll(l, fds), ours = n, watch = -1, module = -1, files;
	int keys = -1;

	if (l->ring.consumer && !nap) {
		fds[n++] = (struct pollfd){ l->ring_fd, POLLIN, 0 };
		__atomic_store_n(&l->shared->waiting, 1, __ATOMIC_SEQ_CST);
		if (!ring_is_empty(&l->ring))
			ts = (struct timespec){ 0 };
	}
	if (l->watch_fd >= 0)
		fds[watch = n++] = (struct pollfd){ l->watch_fd, POLLIN, 0 };
	if (l->module_fd >= 0)
		fds[module = n++] = (struct pollfd){ l->module_fd, POLLIN, 0 };
	if (l->monitor)
		fds[keys = n++] = (struct pollfd){ STDIN_FILENO, POLLIN, 0 };
	files = (int)serve_poll(l, fds + n);
	ppoll(fds, n + files, until == UINT64_MAX ? NULL : &ts,
	      &s->sleeping);
	if (watch >= 0 && fds[watch].revents)
		attach_arrived(l);
	if (module >= 0 && fds[module].revents)
		modules_changed(l);
	if (keys >= 0 && fds[keys].revents)
		monitor_keys(l);
	serve_ready(l, fds + n, run_for_file, s);
	record_serve(l, fds, ours);
}

/* Those that are blocked: one who always has something to do does not sleep. */
static void take_signals(void)
{
	const struct timespec now = { 0 };
	sigset_t set;
	int sig;

	stop_signals_of(&set);
	sigaddset(&set, SIGUSR2);
	while ((sig = sigtimedwait(&set, NULL, &now)) > 0)
		if (sig == SIGUSR2)
			next_file_asked = 1;
		else
			stop_signals++;
}

static void main_loop(struct session *s)
{
	struct loader *l = s->l;
	bool nap = false;

	while (!over(s) && !stop_signals) {
		uint64_t got;

		wait_for_work(s, nap);
		take_signals();
		follow_clock(l);
		events_tick(l);
		tasks_tick(l);
		await_tick(l);
		watches_tick(l);
		got = ring_drain(l);
		tell_losses(s);
		nap = got >= NAP_FROM && got < l->ring.size / 4;
		if (stop_signals || command_ended(s) || now_ns() >= s->end)
			break;
		run_timers(s);
		conditions_tick(l);
		if (next_file_asked) {
			next_file_asked = 0;
			if (!output_next_file(&l->out) && l->files.pattern)
				say("the next file of output: %s",
				    strerror(errno));
		}
		output_flush(&l->out);
		if (l->monitor)
			monitor_tick(l);
	}
	if (l->monitor)
		monitor_close(l);
}

/* --- report --------------------------------------------------------------- */

PRINTF_LIKE(2, 3)
static void warning(struct loader *l, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	sink_puts(output_begin(&l->out, STB_WARN), line);
	output_end(&l->out, STB_WARN);
}

static void report(struct session *s)
{
	struct loader *l = s->l;
	uint64_t missed = skipped(s) + missed_runs(l);

	if (l->out.fold)
		fold_end(l->out.fold);
	tell_losses(s);
	output_flush(&l->out);
	if (errors(s) || missed)
		warning(l, "Number of errors: %llu, skipped probes: %llu",
		    (unsigned long long)errors(s), (unsigned long long)missed);
	if (lost(s))
		warning(l, "%llu outputs of probes were lost, the ring of "
		    "%u MB was full: try again with a larger -s%s",
		    (unsigned long long)lost(s), l->opt.ring_size >> 20,
		    l->recorder && !l->opt.output ? " and -o FILE" : "");
	if (l->bad_records)
		warning(l, "%llu outputs of probes made no sense: please "
		    "report it", (unsigned long long)l->bad_records);
	if (l->opt.verbose && l->progs.n)
		say("errors %llu, skipped: %llu no lock, %llu no frame, %llu "
		    "by the kernel; lost %llu",
		    (unsigned long long)errors(s),
		    (unsigned long long)l->shared->skipped_lock,
		    (unsigned long long)l->shared->skipped_frame,
		    (unsigned long long)missed_runs(l),
		    (unsigned long long)lost(s));
}

static int exit_code(struct session *s)
{
	struct output *o = &s->l->out;

	if (o->broken && o->error != EPIPE && !s->told_broken)
		say("cannot write output: %s: make room or choose another "
		    "-o FILE", strerror(o->error));
	s->told_broken = o->broken;
	if (o->broken || o->stuck)
		return EXIT_OUTPUT;
	return s->failed || errors(s) > s->l->limits->max_errors ?
		EXIT_SCRIPT_ERROR : EXIT_DONE;
}

/* The last line, where there are lines. */
static void tell_end(struct session *s, int status)
{
	struct output *o = &s->l->out;
	struct tally t = {
		.status = status, .events = o->messages, .errors = errors(s),
		.skipped = skipped(s) + missed_runs(s->l), .lost = lost(s),
		.bad = s->l->bad_records,
	};

	if (output_has_lines(o) && !o->broken) {
		encode_end(o, output_line(o), &t);
		output_line_end(o);
	}
	output_flush(o);
}

static void start(struct session *s)
{
	struct loader *l = s->l;

	run_all(s, STB_BEGIN);
	output_flush(&l->out);
	take_signals();
	if (over(s) || stop_signals)
		return;
	if (l->ring_fd >= 0 && !l->ring.consumer)
		ring_open(&l->ring, l->ring_fd, l->opt.ring_size);
	if (l->progs.n) {
		if (!attach_all(l)) {
			take_signals();
			return;
		}
		tasks_begin(l);
		watches_begin(l);
		await_builds(l);
		await_modules(l);
		conditions_open(l);
	}
	start_timers(s);
	if (s->vm && l->opt.time_ns)
		vm_set_end(s->vm, s->end);
	s->polled = array(4 + MAX_CLIENTS + 1 + serve_open(l),
			  sizeof(*s->polled));
	if (l->monitor)
		monitor_open(l);
	rights_keep(l, true);
	confine(l);
	set_state(s, STB_RUNNING);
	checked(l, "probes are on");
	visit_tasks(l);
	release_command(s);
	take_signals();
	if (l->recorder && !stop_signals)
		record_ready(l);
	main_loop(s);
}

/*
 * After this no handler is in the middle of a run: new ones see the state and
 * return, and old ones are over after one grace period, which this barrier
 * waits for. To detach takes several for each probe, so it comes last.
 */
static void settle(struct loader *l)
{
	watches_end(l);
	if (in_kmod(l)) {
		kmod_settle(l);
		return;
	}
	if (l->armed && syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		detach_all(l);
}

/* By TZ or /etc/localtime of this host; the loader's own handlers ask vm_builtin.c. */
static void set_zone(struct stb_shared *g)
{
	struct tm tm = { 0 };
	time_t now = time(NULL);

	localtime_r(&now, &tm);
	g->west = (int32_t)-tm.tm_gmtoff;
	if (tm.tm_zone)
		snprintf(g->zone, sizeof(g->zone), "%s", tm.tm_zone);
}

int run_session(struct loader *l)
{
	struct session s = { .l = l, .go = -1 };
	struct vm_env env = {
		.meta = &l->meta, .ucode = l->variant->ucode ? &l->ucode : NULL,
		.globals = l->shared, .map_fds = l->map_fds,
		.out = &l->out,
	};

	int code;

	env.ncpus = l->ncpus = l->progs.n ? possible_cpus() : 1;
	catch_signals(&s);
	follow_clock(l);
	l->out.wall_offset = l->shared->wall_offset;
	set_zone(l->shared);
	l->shared->stamps = output_has_lines(&l->out) || l->out.bulk;
	output_start(&l->out);
	l->shared->target_pid = l->opt.target;
	if (l->opt.command)
		start_command(&s);
	if (!in_kmod(l))
		s.vm = l->vm = vm_new(&env);
	start(&s);
	serve_close(l);
	if (!s.failed)
		set_state(&s, STB_STOPPING);
	settle(l);
	while (ring_drain(l))
		continue;
	if (in_kmod(l))
		kmod_drain(l);
	over(&s);	/* errors that came last */
	if (l->recorder)
		record_last_words(l);
	if (s.vm)
		vm_set_end(s.vm, 0);
	run_all(&s, s.failed ? STB_ON_ERROR : STB_END);
	end_command(&s);
	report(&s);
	code = exit_code(&s);
	tell_end(&s, code);
	if (l->recorder)
		record_end(l, code);
	code = exit_code(&s);
	detach_all(l);
	return code;
}

int dry_run(struct loader *l)
{
	struct session s = { .l = l, .go = -1 };

	int code = EXIT_DONE;

	catch_signals(&s);
	l->ncpus = l->progs.n ? possible_cpus() : 1;
	l->shared->target_pid = l->opt.target;
	if (l->opt.command)
		start_command(&s);	/* which is not let run */
	if (l->progs.n && !attach_all(l)) {
		say("a signal came before all were attached");
		code = EXIT_AGAIN;
	}
	say("%u programs loaded, %llu of %u sites attached; nothing ran",
	    l->progs.n, (unsigned long long)l->armed, l->sites.n);
	detach_all(l);
	return code;
}
