/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control.c - --list, --attach, --dump, --stop, --rotate: talks to recorders,
 * as record.h has it.
 */
#include "loader/record.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 5 };

static volatile sig_atomic_t caught;

/* What it is too early to interrupt, a write to a reader who does not read, is
   interrupted a second later. */
static void on_signal(int sig)
{
	if (sig != SIGALRM)
		caught = sig;
	alarm(1);
}

/* Connected, and the request sent; -1 and errno. */
static int ask(const char *name, const char *request)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	char line[32];
	int n = snprintf(line, sizeof(line), "%s\n", request), error;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (!recorder_path(a.sun_path, sizeof(a.sun_path), name)) {
		close(fd);
		errno = ENOENT;
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (const void *)&a, sizeof(a)) &&
	    send(fd, line, (size_t)n, MSG_NOSIGNAL) == n)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* Why nothing came, by recv()'s result. */
static const char *why(ssize_t n)
{
	if (n == 0 || errno == ECONNRESET || errno == EPIPE)
		return "it closes the connection";
	return errno == EAGAIN ? "no answer in 5 seconds" : strerror(errno);
}

_Noreturn static void die_unheard(const char *name)
{
	if (errno == ENOENT || errno == ECONNREFUSED)
		die(EXIT_NO_FILE, "no recorder \"%s\" is running: --list tells "
		    "which are", name);
	die(errno == EACCES || errno == EPERM ? EXIT_DENIED : EXIT_AGAIN,
	    "recorder \"%s\": %s", name, why(-1));
}

/* --- --list --------------------------------------------------------------------- */

/* The value of a word NAME=VALUE of a status line; "?" if it has none. */
static const char *word(const char *line, const char *name, char *to,
			size_t size)
{
	const char *p = line;
	size_t n = strlen(name);

	for (; p; p = strchr(p, ' ')) {
		p += *p == ' ';
		if (!strncmp(p, name, n) && p[n] == '=')
			break;
	}
	if (!p)
		return "?";
	p += n + 1;
	n = strcspn(p, " \n");
	if (n >= size)
		n = size - 1;
	memcpy(to, p, n);
	to[n] = 0;
	return to;
}

/* A line of it, or none. */
static void list_one(char *name)
{
	char line[1024], v[7][32], since[32] = "?";
	const char *failure, *ended;
	int fd = ask(name, "status"), error;
	ssize_t n = fd < 0 ? -1 : recv(fd, line, sizeof(line) - 1, MSG_WAITALL);
	time_t t;
	struct tm tm;

	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	if (fd < 0 && errno == ECONNREFUSED)
		return;		/* left by one that was killed */
	record_clean(name);	/* any file's is printed */
	if (n <= 0) {
		printf("%-16s %s\n", name, why(n));
		return;
	}
	line[n] = 0;
	t = (time_t)strtoll(word(line, "since", v[0], 32), NULL, 10);
	strftime(since, sizeof(since), "%F %T", localtime_r(&t, &tm));
	printf("%-16s %7s  %.12s  %s %10s %8s %8s KB\n", name,
	       word(line, "pid", v[1], 32), word(line, "bundle", v[2], 32),
	       since, word(line, "events", v[3], 32),
	       word(line, "lost", v[4], 32),
	       word(line, "memory_kb", v[5], 32));
	ended = word(line, "ended", v[6], 32);
	if (*ended != '-' && *ended != '?')
		printf("%-16s it has ended, with status %s: --dump and --attach "
		       "have what it kept, --stop lets it go\n", "", ended);
	failure = strstr(line, " output=");
	if (failure)
		printf("%-16s its file takes no output: %.*s: it goes on in "
		       "memory until the next file (--rotate)\n", "",
		       (int)strcspn(failure + 8, "\n"), failure + 8);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int list(void)
{
	struct dirent **names = NULL;
	char dir[128];
	int n;

	recorder_path(dir, sizeof(dir), "");
	n = scandir(dir, &names, NULL, by_name);
	if (n < 0 && errno != ENOENT)
		die(EXIT_DENIED, "%s: %s", dir, strerror(errno));
	printf("%-16s %7s  %-12s  %-19s %10s %8s %8s\n", "NAME", "PID",
	       "BUNDLE", "SINCE", "EVENTS", "LOST", "MEMORY");
	for (int i = 0; i < n; i++)
		if (names[i]->d_name[0] != '.')
			list_one(names[i]->d_name);
	fflush(stdout);
	return ferror(stdout) ? EXIT_OUTPUT : 0;
}

/* --- the others -------------------------------------------------------------------- */

/* What comes from a recorder, and is on its way to a reader. */
struct copy {
	int from, to;
	const char *file;	/* to's name; NULL: standard output */
	bool patient;
	const char *waits_for;	/* a recorder to end, until that is told; NULL */
	size_t at, n;		/* of buf: what is not written yet */
	char buf[16384];
	char last[sizeof(END_OF_DUMP) - 1];	/* bytes of all that came */
};

/* Writes what is there; a signal may leave some. */
static void write_out(struct copy *c)
{
	while (c->at < c->n && !caught) {
		ssize_t done = write(c->to, c->buf + c->at, c->n - c->at);

		if (done < 0 && errno == EPIPE)
			_exit(EXIT_OUTPUT);
		if (done < 0 && errno != EINTR)
			die(EXIT_OUTPUT, "cannot write %s: %s", c->file ?
			    c->file : "output", strerror(errno));
		if (done > 0)
			c->at += (size_t)done;
	}
}

static void keep_last(struct copy *c, size_t n)
{
	size_t room = sizeof(c->last), new = n < room ? n : room;

	memmove(c->last, c->last + new, room - new);
	memcpy(c->last + room - new, c->buf + n - new, new);
}

/* All that comes, until the other side closes: 0, or the signal that came. */
static int copy(struct copy *c)
{
	for (;;) {
		ssize_t n;

		write_out(c);
		if (caught)
			return caught;
		n = recv(c->from, c->buf, sizeof(c->buf), 0);
		if (!n)
			return 0;
		if (n < 0 && errno != EINTR && (errno != EAGAIN || !c->patient))
			die(EXIT_AGAIN, "the recorder does not answer: %s",
			    why(n));
		if (n < 0 && errno == EAGAIN && c->waits_for) {
			say("recorder \"%s\" has not ended yet: it is asked to",
			    c->waits_for);
			c->waits_for = NULL;
		}
		if (n < 0)
			continue;
		c->at = 0;
		c->n = (size_t)n;
		keep_last(c, c->n);
	}
}

/* Waits for something to come; false: nothing will. */
static bool comes(int fd)
{
	ssize_t n;
	char byte;

	do
		n = recv(fd, &byte, 1, MSG_PEEK);
	while (n < 0 && (errno == EAGAIN || (errno == EINTR && !caught)));
	return n == 1;
}

/* Opens -o FILE; it is kept until there is something instead. */
static void open_file(struct copy *c, const char *pattern)
{
	struct files f = { .pattern = pattern };

	if (!pattern || !comes(c->from))
		return;
	c->to = files_open(&f);
	c->file = pattern;
	if (ftruncate(c->to, 0) && errno != EINVAL)
		die(EXIT_OUTPUT, "-o %s: %s", pattern, strerror(errno));
}

static void close_file(struct copy *c)
{
	close(c->from);
	if (close(c->to))
		die(EXIT_OUTPUT, "cannot write %s: %s", c->file ? c->file :
		    "output", strerror(errno));
}

/* Dies where it does not answer: what it is asked next may take its time. */
static void await_answer(const char *name)
{
	int fd = ask(name, "status");
	char byte;
	ssize_t n = fd < 0 ? -1 : recv(fd, &byte, 1, 0);

	if (n < 0)
		die_unheard(name);
	if (!n)
		die(EXIT_AGAIN, "recorder \"%s\": %s", name, why(n));
	close(fd);
}

/* Its last words, for which it takes the time it needs. */
static int stop(const struct options *o)
{
	const char *name = o->recorder;
	struct copy c = { .from = ask(name, "stop"), .to = STDOUT_FILENO,
			  .patient = true, .waits_for = name };

	if (c.from < 0)
		die_unheard(name);
	open_file(&c, o->output);
	copy(&c);
	close_file(&c);
	return 0;
}

static int rotate(const char *name)
{
	char line[256];
	int fd = ask(name, "rotate");
	ssize_t n = fd < 0 ? -1 : recv(fd, line, sizeof(line) - 1, MSG_WAITALL);

	if (n < 0)
		die_unheard(name);
	if (!n)
		die(EXIT_AGAIN, "recorder \"%s\": %s", name, why(n));
	close(fd);
	line[n] = 0;
	line[strcspn(line, "\n")] = 0;
	if (!strcmp(line, "ok"))
		return 0;
	die(!strcmp(line, RECORD_NO_FILE) ? EXIT_USE : EXIT_OUTPUT,
	    "recorder \"%s\": %s", name, line);
}

/* ^C ends the recorder and shows its last words; what else ends us leaves it
   running. */
static int attach(const struct options *o)
{
	struct sigaction a = { .sa_handler = on_signal };
	const char *name = o->recorder;
	struct copy c = { .to = STDOUT_FILENO, .patient = true };
	int sig;

	await_answer(name);
	c.from = ask(name, "attach");
	if (c.from < 0)
		die_unheard(name);
	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
	sigaction(SIGHUP, &a, NULL);
	sigaction(SIGQUIT, &a, NULL);
	sigaction(SIGALRM, &a, NULL);
	open_file(&c, o->output);
	sig = copy(&c);
	if (sig == SIGINT) {
		caught = 0;
		close(ask(name, "stop"));
		if (!c.file)
			open_file(&c, o->output);
		copy(&c);
	} else if (sig) {
		say("disconnected from %s, which goes on; to reconnect: "
		    "--attach %s", name, name);
	}
	close_file(&c);
	return 0;
}

static int dump(const struct options *o)
{
	struct copy c = { .to = STDOUT_FILENO, .patient = true };

	await_answer(o->recorder);
	c.from = ask(o->recorder, "dump");
	if (c.from < 0)
		die_unheard(o->recorder);
	open_file(&c, o->output);
	copy(&c);
	close_file(&c);
	if (memcmp(c.last, END_OF_DUMP, sizeof(c.last)))
		die(EXIT_AGAIN, "recorder \"%s\": the dump has no end: it was "
		    "ended meanwhile, or is short of memory", o->recorder);
	return 0;
}

int control(const struct options *o)
{
	signal(SIGPIPE, SIG_IGN);	/* write() says so as well */
	switch (o->verb) {
	case VERB_RUN:
		break;
	case VERB_LIST:
		return list();
	case VERB_ATTACH:
		return attach(o);
	case VERB_DUMP:
		return dump(o);
	case VERB_STOP:
		return stop(o);
	case VERB_ROTATE:
		return rotate(o->recorder);
	}
	return EXIT_OURS;
}
