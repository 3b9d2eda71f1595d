/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control.c - --list, --attach, --dump, --stop, --rotate: talks to recorders,
 * as record.h has it.
 */
#include "loader/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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

static void on_signal(int sig)
{
	caught = sig;
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
	if (!connect(fd, (const void *)&a, sizeof(a)) &&
	    send(fd, line, (size_t)n, MSG_NOSIGNAL) == n)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

_Noreturn static void die_unheard(const char *name)
{
	if (errno == ENOENT || errno == ECONNREFUSED)
		die(EXIT_NO_FILE, "no recorder \"%s\" is running: --list tells "
		    "which are", name);
	die(errno == EACCES || errno == EPERM ? EXIT_DENIED : EXIT_AGAIN,
	    "recorder \"%s\": %s", name, strerror(errno));
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

static void list_one(const char *name)
{
	char line[1024], v[7][32], since[32] = "?";
	int fd = ask(name, "status");
	ssize_t n = fd < 0 ? -1 : recv(fd, line, sizeof(line) - 1, MSG_WAITALL);
	time_t t;
	struct tm tm;

	if (fd >= 0)
		close(fd);
	if (n <= 0 && errno == ECONNREFUSED)
		return;		/* left by one that was killed */
	if (n <= 0) {
		printf("%-16s does not answer: %s\n", name, strerror(errno));
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

static void write_out(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR && !caught)
			continue;
		if (done < 0)
			die(EXIT_OUTPUT, "%s", strerror(errno));
		p += done;
		n -= (size_t)done;
	}
}

/* All that comes, until the other side closes: 0, or the signal that came. */
static int copy(int from, int to, bool patient)
{
	char buf[16384];
	ssize_t n;

	while ((n = recv(from, buf, sizeof(buf), 0)) != 0) {
		if (n < 0 && caught)
			return caught;
		if (n < 0 && (errno == EINTR ||
			      (errno == EAGAIN && patient)))
			continue;
		if (n < 0)
			die(EXIT_AGAIN, "the recorder does not answer: %s",
			    strerror(errno));
		write_out(to, buf, (size_t)n);
	}
	return 0;
}

static int simple(const char *name, const char *request, int to)
{
	int fd = ask(name, request);

	if (fd < 0)
		die_unheard(name);
	copy(fd, to, !strcmp(request, "stop"));
	close(fd);
	return 0;
}

static int rotate(const char *name)
{
	char line[256];
	int fd = ask(name, "rotate");
	ssize_t n = fd < 0 ? -1 : recv(fd, line, sizeof(line) - 1, MSG_WAITALL);

	if (n < 0)
		die_unheard(name);
	close(fd);
	line[n] = 0;
	line[strcspn(line, "\n")] = 0;
	if (!strcmp(line, "ok"))
		return 0;
	die(EXIT_USE, "recorder \"%s\": %s", name, line);
}

/* ^C ends the recorder and shows its last words; ^\ leaves it running. */
static int attach(const char *name)
{
	struct sigaction a = { .sa_handler = on_signal };
	int fd = ask(name, "attach"), sig;

	if (fd < 0)
		die_unheard(name);
	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
	sigaction(SIGHUP, &a, NULL);
	sigaction(SIGQUIT, &a, NULL);
	sig = copy(fd, STDOUT_FILENO, true);
	if (sig == SIGINT || sig == SIGTERM) {
		caught = 0;
		close(ask(name, "stop"));
		copy(fd, STDOUT_FILENO, true);
	} else if (sig) {
		say("disconnected from %s, which goes on; to reconnect: "
		    "--attach %s", name, name);
	}
	close(fd);
	return 0;
}

static int dump(const struct options *o)
{
	int to = STDOUT_FILENO, status;

	if (o->output)
		to = open(o->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			  0666);
	if (to < 0)
		die(EXIT_OUTPUT, "-o %s: %s", o->output, strerror(errno));
	status = simple(o->recorder, "dump", to);
	if (close(to))
		die(EXIT_OUTPUT, "-o %s: %s", o->output ? o->output : "stdout",
		    strerror(errno));
	return status;
}

int control(const struct options *o)
{
	switch (o->verb) {
	case VERB_RUN:
		break;
	case VERB_LIST:
		return list();
	case VERB_ATTACH:
		return attach(o->recorder);
	case VERB_DUMP:
		return dump(o);
	case VERB_STOP:
		return simple(o->recorder, "stop", STDOUT_FILENO);
	case VERB_ROTATE:
		return rotate(o->recorder);
	}
	return EXIT_OURS;
}
