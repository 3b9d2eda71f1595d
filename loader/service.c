/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * service.c - a folder of bundles, each of which runs as a flight recorder of its
 * own: this program is started once more for each, and ends when its probes are
 * armed. What goes wrong with one is told, and the others go on.
 */
#include "loader/service.h"
#include "loader/sys.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SELF "/proc/self/exe"

enum { PATH_SIZE = 4096, CONF_SIZE = 8192, MAX_WORDS = 128 };

struct folder {
	const char *dir;
	struct dirent **entries;
	int n;
};

static int is_bundle(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 4 && *d->d_name != '.' &&
	       !strcmp(d->d_name + n - 4, ".stb");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static struct folder read_folder(const char *dir)
{
	struct folder f = { .dir = dir };

	f.n = scandir(dir, &f.entries, is_bundle, by_name);
	if (f.n < 0)
		die(errno == ENOENT ? EXIT_NO_FILE : errno == ENOTDIR ? EXIT_USE :
		    EXIT_DENIED, "%s: %s", dir, strerror(errno));
	return f;
}

/* NAME.stb without .stb, in place. */
static char *name_of(struct dirent *d)
{
	char *name = strdup(d->d_name);

	name[strlen(name) - 4] = 0;
	return name;
}

/* The words of a file, behind n others; it is taken apart. */
static int split(char *text, char **words, int n)
{
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		line[strcspn(line, "#")] = 0;
		for (char *w = strtok(line, " \t\r"); w;
		     w = strtok(NULL, " \t\r")) {
			if (n == MAX_WORDS - 2)
				return -1;
			words[n++] = w;
		}
	}
	return n;
}

/* Us, once more; its exit code. */
static int run(char **words)
{
	char path[PATH_SIZE];
	int status;
	ssize_t n;
	pid_t pid = fork();

	if (pid < 0)
		die(EXIT_AGAIN, "fork: %s", strerror(errno));
	if (!pid) {
		/* by its own name, which lists of processes show */
		n = readlink(SELF, path, sizeof(path) - 1);
		path[n > 0 ? n : 0] = 0;
		execv(path, words);
		execv(SELF, words);
		say(SELF ": %s", strerror(errno));
		_exit(EXIT_OURS);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_OURS;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_OURS;
}

static int start_one(const struct folder *f, char *name)
{
	char bundle[PATH_SIZE], conf[PATH_SIZE];
	char *words[MAX_WORDS] = { "stap-load", "-F", "--name", name, bundle };
	char *text = zalloc(CONF_SIZE);
	long got;
	int n, status = EXIT_SETTINGS;

	snprintf(bundle, sizeof(bundle), "%s/%s.stb", f->dir, name);
	snprintf(conf, sizeof(conf), "%s/%s.conf", f->dir, name);
	got = read_small(conf, text, CONF_SIZE);
	n = got > 0 ? split(text, words, 5) : 5;
	if (got < 0 && got != -ENOENT)
		say("%s: %s", conf, strerror((int)-got));
	else if (got >= CONF_SIZE - 1 || n < 0)
		say("%s: more than %d bytes, or %d words", conf, CONF_SIZE,
		    MAX_WORDS);
	else
		status = run(words);
	if (status)
		say("%s did not start: exit status %d%s%s", name, status,
		    got >= 0 ? ", with the options of " : "",
		    got >= 0 ? conf : "");
	zfree(text, CONF_SIZE);
	return status;
}

int service_start(const char *dir)
{
	struct folder f = read_folder(dir);
	int first = 0;

	signal(SIGPIPE, SIG_IGN);	/* who reads what is said may go away */
	for (int i = 0; i < f.n; i++) {
		int status = start_one(&f, name_of(f.entries[i]));

		if (!first)
			first = status;
	}
	return first;
}

int service_stop(const char *dir)
{
	struct folder f = read_folder(dir);
	int first = 0;

	for (int i = 0; i < f.n; i++) {
		char *words[] = { "stap-load", "--stop", name_of(f.entries[i]),
				  NULL };
		int status = run(words);

		/* it has said that there is none: it may have ended by itself */
		if (!first && status != EXIT_NO_FILE)
			first = status;
	}
	return first;
}
