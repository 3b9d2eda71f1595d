/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/files.h"
#include "loader/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_NAME = sizeof(((struct files *)0)->next) };

/*
 * The pattern at this time; behind it the number, where files are numbered: all
 * of -S SIZE, and every one but the first otherwise. false and errno.
 */
static bool name_now(const struct files *f, char *to, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;
	size_t n = strlen(f->pattern);

	if (strchr(f->pattern, '%'))
		n = strftime(to, size, f->pattern, localtime_r(&now, &tm));
	else if (n < size)
		strcpy(to, f->pattern);
	/* a name that is too long begins with one that is not short */
	errno = n || strlen(f->pattern) > size / 64 ? ENAMETOOLONG :
		*f->pattern ? EINVAL : ENOENT;
	if (!n || n >= size)
		return false;
	return (!f->max && !f->number) ||
	       (size_t)snprintf(to + n, size - n, ".%u", f->number) < size - n;
}

_Noreturn static void die_unopened(const struct files *f)
{
	if (errno == EINVAL && strchr(f->pattern, '%'))
		die(EXIT_USE, "-o %s: what is behind %% is none of "
		    "strftime(3)'s: wanted %%%% for a %% itself", f->pattern);
	die(EXIT_OUTPUT, "-o %s: %s", f->pattern, strerror(errno));
}

static int open_new(const char *name, int truncate)
{
	return open(name, O_WRONLY | O_CREAT | truncate | O_CLOEXEC, 0666);
}

static int create(const struct files *f, char *name, int truncate)
{
	if (!name_now(f, name, MAX_NAME))
		return -1;
	return open_new(name, truncate);
}

/* The file is begun; the one before `keep` of them goes. */
static void begun(struct files *f, const char *name)
{
	char **place;

	f->written = f->size = f->lines = 0;
	if (f->keep) {
		place = &f->names[f->number % f->keep];
		if (*place && strcmp(*place, name))
			unlink(*place);
		free(*place);
		*place = strdup(name);
	}
	f->number++;
}

int files_open(struct files *f)
{
	char name[MAX_NAME];
	int fd;

	if (f->keep)
		f->names = array(f->keep, sizeof(*f->names));
	fd = create(f, name, 0);
	if (fd < 0)
		die_unopened(f);
	begun(f, name);
	return fd;
}

int files_open_part(const struct files *f, unsigned number)
{
	char name[MAX_NAME + 16];
	int fd = -1;

	if (name_now(f, name, MAX_NAME) &&
	    sprintf(name + strlen(name), "_%u", number) > 0)
		fd = open_new(name, 0);
	if (fd < 0)
		die_unopened(f);
	return fd;
}

int files_create(struct files *f)
{
	return create(f, f->next, O_TRUNC);
}

bool files_turn(struct files *f, int next, int fd)
{
	bool done = dup3(next, fd, O_CLOEXEC) >= 0;

	close(next);
	if (done)
		begun(f, f->next);
	return done;
}
