/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/monitor.h"
#include "loader/bpf.h"
#include "loader/json.h"
#include "loader/kmod.h"
#include "loader/vm.h"

#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { KEPT_OUTPUT = 65536, SCREEN = 65536, MOST_COUNTED = 10000 };
#define SECOND UINT64_C(1000000000)

enum order { BY_RATE, BY_HITS, BY_COST, BY_NAME, ORDERS };

struct row {			/* a program: a probe, or several alike */
	const char *name;
	uint32_t sites;
	uint64_t hits, ns, last_hits, last_ns;
	uint64_t rate, cost, share;	/* hits/s, ns a hit, parts of 1000 of a CPU */
};

struct monitor {
	struct termios was, raw;
	int stats;		/* holds the kernel's statistics; -1: none */
	struct row *rows;
	enum order order;
	bool paused;
	uint64_t begin, next, last;	/* last: when rates were taken */
	bool has_rates;		/* not in the first second */
	uint64_t last_events, events_rate;
	unsigned lines, columns;
	struct sink screen;
	unsigned used;		/* lines of it */
};

void monitor_prepare(struct loader *l)
{
	struct monitor *m;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		die(EXIT_USE, "--monitor: wanted a terminal");
	m = l->monitor = zalloc(sizeof(*m));
	m->stats = -1;
	m->screen = (struct sink){ zalloc(SCREEN), 0, SCREEN, NULL };
	/* what is printed, with -o only warnings, is shown below; the last of it */
	history_init(&l->history, KEPT_OUTPUT);
	if (!l->opt.output)
		l->out.history = &l->history;
}

/* From now on the screen is not the output's; before, it may have ended. */
static void take_screen(struct loader *l)
{
	output_flush(&l->out);
	if (l->opt.output) {
		if (isatty(STDERR_FILENO))
			l->out.warnings = &l->history;
		return;
	}
	l->out.fd = -1;
	l->out.detached = true;
}

static int by_order(const void *a, const void *b, void *arg)
{
	const struct row *p = a, *q = b;
	uint64_t x = 0, y = 0;

	switch (*(const enum order *)arg) {
	case BY_RATE:
		x = q->rate, y = p->rate;
		break;
	case BY_HITS:
		x = q->hits, y = p->hits;
		break;
	case BY_COST:
		x = q->cost, y = p->cost;
		break;
	case BY_NAME:
	case ORDERS:
		return strcmp(p->name, q->name);
	}
	return x < y ? -1 : x > y ? 1 : strcmp(p->name, q->name);
}

static volatile sig_atomic_t stop_asked;	/* ^Z */

static void on_stop(int sig)
{
	stop_asked = 1;
}

static void enter_screen(struct loader *l)
{
	static const char enter[] = "\033[?1049h\033[?25l\033[2J";

	tcsetattr(STDIN_FILENO, TCSANOW, &l->monitor->raw);
	if (write(STDOUT_FILENO, enter, sizeof(enter) - 1) < 0)
		l->stop_asked = true;
}

static void leave_screen(struct loader *l)
{
	static const char leave[] = "\033[?25h\033[?1049l";

	if (write(STDOUT_FILENO, leave, sizeof(leave) - 1) < 0)
		l->out.broken = true;
	tcsetattr(STDIN_FILENO, TCSANOW, &l->monitor->was);
}

/* ^Z is blocked but while we wait, unless nobody takes it. */
static void catch_stop(void)
{
	struct sigaction a = { .sa_handler = on_stop }, was;
	sigset_t set;

	sigaction(SIGTSTP, NULL, &was);
	if (was.sa_handler == SIG_IGN)
		return;
	sigaction(SIGTSTP, &a, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Probes go on meanwhile; what they print waits in the ring. */
static void stop_here(struct loader *l)
{
	sigset_t set;

	stop_asked = 0;
	leave_screen(l);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	signal(SIGTSTP, SIG_DFL);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);	/* it stops here */
	catch_stop();
	enter_screen(l);
	l->monitor->next = 0;
}

void monitor_open(struct loader *l)
{
	struct monitor *m = l->monitor;

	m->rows = array(l->progs.n, sizeof(*m->rows));
	for (uint32_t i = 0; i < l->progs.n; i++)
		m->rows[i].name = prog_probe(l, i);
	for (uint32_t i = 0; i < l->sites.n; i++)
		m->rows[ROW(struct stb_site, l->sites, i)->prog].sites++;
	m->stats = bpf_enable_stats();
	take_screen(l);
	m->begin = m->last = now_ns();
	tcgetattr(STDIN_FILENO, &m->was);
	m->raw = m->was;
	m->raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	m->raw.c_cc[VMIN] = 0;
	m->raw.c_cc[VTIME] = 0;
	catch_stop();
	enter_screen(l);
}

void monitor_close(struct loader *l)
{
	struct monitor *m = l->monitor;

	signal(SIGTSTP, SIG_DFL);
	leave_screen(l);
	if (m->stats >= 0)
		close(m->stats);
	output_flush(&l->out);
	l->out.warnings = NULL;
	if (l->opt.output)
		return;
	l->out.history = NULL;
	l->out.detached = false;
	l->out.fd = STDOUT_FILENO;
}

uint64_t monitor_due(const struct loader *l)
{
	return l->monitor->next;
}

/* --- numbers ------------------------------------------------------------------- */

static void read_row(struct loader *l, struct row *r, uint32_t prog,
		     uint64_t ns)
{
	uint64_t hits = 0, cost = 0;

	bpf_prog_stats(l->prog_fds[prog], &hits, &cost);
	r->hits = hits;
	r->ns = cost;
	r->cost = hits ? cost / hits : 0;
	if (!ns)
		return;
	r->rate = (hits - r->last_hits) * SECOND / ns;
	r->share = (cost - r->last_ns) * 1000 / ns;
	r->last_hits = hits;
	r->last_ns = cost;
}

/* --- drawing --------------------------------------------------------------------- */

/* What is not known yet is no number. */
static const char *rate_text(const struct monitor *m, char to[24], uint64_t n)
{
	if (m->has_rates)
		sprintf(to, "%llu", (unsigned long long)n);
	else
		strcpy(to, "-");
	return to;
}

/* Bytes of the character at s. One that is no text, or that a terminal obeys,
   becomes dots: of ASCII, and U+0080 to U+009F. */
static size_t plain_at(char *s)
{
	size_t len = json_char(s, strlen(s)), n = len ? len : 1;
	const uint8_t *c = (const uint8_t *)s;

	if (!len || *c < ' ' || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0))
		memset(s, '.', n);
	return n;
}

/* A line, cut at the screen's border, without what is no text. */
PRINTF_LIKE(2, 3)
static void draw_line(struct monitor *m, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	size_t n = 0, len;

	if (m->used >= m->lines)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	while (line[n] && n + (len = plain_at(line + n)) <= m->columns)
		n += len;
	if (m->used++)
		sink_puts(&m->screen, "\r\n");
	sink_put(&m->screen, line, n);
	sink_puts(&m->screen, "\033[K");
}

static void draw_head(struct loader *l, uint64_t now)
{
	static const char *const orders[] = { "rate", "hits", "cost", "name" };
	struct monitor *m = l->monitor;
	const struct stb_shared *g = l->shared;
	uint64_t up = (now - m->begin) / SECOND, events = l->out.messages;
	char rate[24];

	draw_line(m, "%s  up %llu:%02llu:%02llu%s", l->opt.file,
		  (unsigned long long)up / 3600,
		  (unsigned long long)up / 60 % 60,
		  (unsigned long long)up % 60,
		  m->paused ? "  PAUSED" : "");
	draw_line(m, "outputs %llu, %s/s  lost %llu  skipped %llu  errors "
		  "%llu  memory %lu KB", (unsigned long long)events,
		  rate_text(m, rate, m->events_rate),
		  (unsigned long long)g->lost,
		  (unsigned long long)(g->skipped_lock + g->skipped_frame),
		  (unsigned long long)g->errors, memory_kb(l));
	draw_line(m, "keys: q ends, p pauses the view, s sorts (by %s)",
		  orders[m->order]);
}

static void draw_rows(struct loader *l)
{
	struct monitor *m = l->monitor;
	struct row *sorted = array(l->progs.n, sizeof(*sorted));
	/* some of the screen is for globals and output */
	uint32_t most = m->lines / 2;

	if (l->progs.n)
		draw_line(m, "%12s %10s %8s %6s  %s", "HITS", "HITS/S",
			  m->stats < 0 ? "" : "NS/HIT",
			  m->stats < 0 ? "" : "CPU%", "PROBE");
	memcpy(sorted, m->rows, l->progs.n * sizeof(*sorted));
	qsort_r(sorted, l->progs.n, sizeof(*sorted), by_order, &m->order);
	for (uint32_t i = 0; i < l->progs.n && i < most; i++) {
		const struct row *r = &sorted[i];
		char rate[24], share[24] = "-";

		if (m->has_rates)
			sprintf(share, "%llu.%llu",
				(unsigned long long)r->share / 10,
				(unsigned long long)r->share % 10);
		draw_line(m, "%12llu %10s %8llu %6s  %s%s",
			  (unsigned long long)r->hits,
			  rate_text(m, rate, r->rate),
			  (unsigned long long)r->cost,
			  share, r->name,
			  r->sites > 1 ? ", and more like it" : "");
	}
	if (l->progs.n > most)
		draw_line(m, "... and %u more", l->progs.n - most);
	free(sorted);
}

static void draw_scalars(struct loader *l)
{
	for (uint32_t i = 0; i < l->globals.n; i++) {
		const struct stb_global *g =
			ROW(struct stb_global, l->globals, i);
		const char *at = (const char *)l->shared + g->offset;
		int64_t n;

		memcpy(&n, at, sizeof(n));
		if (g->type == 's')
			draw_line(l->monitor, "%s=\"%.*s\"",
				  stb_string(&l->meta, g->name),
				  (int)strnlen(at, g->size), at);
		else
			draw_line(l->monitor, "%s=%lld",
				  stb_string(&l->meta, g->name), (long long)n);
	}
}

struct counted {
	struct loader *l;
	uint64_t n;
	const struct stb_map *row;
};

static void draw_count(struct counted *c)
{
	if (c->row)
		draw_line(c->l->monitor, "%s: %llu element%s",
			  stb_string(&c->l->meta, c->row->name),
			  (unsigned long long)c->n, c->n == 1 ? "" : "s");
}

/* Elements come array by array. */
static void count_element(void *arg, const struct stb_map *row,
			  const uint8_t *key, const void *value)
{
	struct counted *c = arg;

	if (row != c->row) {
		draw_count(c);
		c->row = row;
		c->n = 0;
	}
	c->n++;
}

/* Not where that would take long. */
static void draw_arrays(struct loader *l)
{
	struct counted c = { .l = l };
	uint64_t most = 0;

	for (uint32_t i = 0; i < l->maps.n; i++) {
		const struct stb_map *m = ROW(struct stb_map, l->maps, i);

		if (m->value)
			most += m->max_entries;
	}
	if (l->vm && most <= MOST_COUNTED) {
		vm_each_element(l->vm, count_element, &c);
		draw_count(&c);
	}
}

/* The last lines of output, as many as there is room for. */
static void draw_output(struct loader *l)
{
	struct monitor *m = l->monitor;
	const struct history *h = &l->history;
	uint64_t at, begin;
	unsigned room = m->lines - m->used;

	if (!h->size || room < 2)
		return;
	draw_line(m, "%s", "");
	begin = history_begin(h);
	for (at = h->end, room--; at > begin; at--)
		if (h->data[(at - 1) & (h->size - 1)] == '\n' &&
		    at < h->end && !--room)
			break;
	while (at < h->end) {
		char line[512];
		size_t n = 0;
		char c;

		while (at < h->end &&
		       (c = h->data[at++ & (h->size - 1)]) != '\n')
			if (n < sizeof(line) - 1)
				line[n++] = c;
		line[n] = 0;
		draw_line(m, "%s", line);
	}
}

static void size_of_screen(struct monitor *m)
{
	struct winsize w = { 0 };

	m->lines = 24;
	m->columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_row || !w.ws_col)
		return;
	m->lines = w.ws_row;
	m->columns = w.ws_col;
}

static void put_screen(struct loader *l)
{
	const struct sink *s = &l->monitor->screen;

	for (size_t at = 0; at < s->n; ) {
		ssize_t n = write(STDOUT_FILENO, s->buf + at, s->n - at);

		if (n < 0 && errno == EINTR)
			return;
		if (n < 0) {
			l->stop_asked = true;
			return;
		}
		at += (size_t)n;
	}
}

static void draw(struct loader *l, uint64_t now)
{
	struct monitor *m = l->monitor;
	uint64_t ns = now - m->last, events = l->out.messages;

	if (ns >= SECOND) {
		m->events_rate = (events - m->last_events) * SECOND / ns;
		m->last_events = events;
		m->last = now;
		m->has_rates = true;
	} else {
		ns = 0;		/* too little to tell a rate from */
	}
	/* a module has no programs that the kernel counts */
	for (uint32_t i = 0; !in_kmod(l) && i < l->progs.n; i++)
		read_row(l, &m->rows[i], i, ns);
	size_of_screen(m);
	output_flush(&l->out);
	m->screen.n = m->used = 0;
	sink_puts(&m->screen, "\033[H");
	draw_head(l, now);
	draw_rows(l);
	draw_scalars(l);
	draw_arrays(l);
	draw_output(l);
	sink_puts(&m->screen, "\033[J");
	put_screen(l);
}

void monitor_tick(struct loader *l)
{
	struct monitor *m = l->monitor;
	uint64_t now = now_ns();
	sigset_t pending;

	/* one who always has something to do does not sleep */
	sigpending(&pending);
	if (stop_asked || sigismember(&pending, SIGTSTP))
		stop_here(l);
	if (now < m->next)
		return;
	m->next = now + SECOND;
	if (!m->paused)
		draw(l, now);
}

void monitor_keys(struct loader *l)
{
	struct monitor *m = l->monitor;
	char keys[16];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
		l->stop_asked = true;	/* the terminal is gone */
	for (ssize_t i = 0; i < n; i++) {
		if (keys[i] == 'q')
			l->stop_asked = true;
		if (keys[i] == 's')
			m->order = (m->order + 1) % ORDERS;
		if (keys[i] == 'p')
			m->paused = !m->paused;
	}
	if (n > 0 && !l->stop_asked)
		draw(l, now_ns());
}
