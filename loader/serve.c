/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * serve.c - files that handlers of ours read from and write to: pipes with names
 * in /run/stap-load/BUNDLE.files, and standard input, a character at a time. In: the
 * rows of FILES. Out: $value of the handlers' runs; nothing stays behind.
 *
 * A pipe to be read is open here, so that a reader gets in at once, which
 * inotify tells. Another pipe then takes its name, the handler runs, its text
 * goes into the old one, and that is closed here: the reader finds the text and
 * an end. A pipe to be written to is read when there is something in it.
 *
 * A pipe does not tell who opens it, so what is both read and written is a file with a
 * lease (F_SETLEASE): whoever opens it waits, SIGIO tells, and F_GETLEASE says
 * whether it is to read or to write. Again another file takes the name. A reader is
 * let in when the handler's text is there. What a writer writes, inotify tells.
 *
 * Where no other file can be made (no descriptor, no room), who opens it waits until
 * one can.
 */
#include "loader/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { PATH_SIZE = 512, WRITERS = 32,
	TURNS = 64,		/* runs for one file before others have theirs */
	RETRY_NS = 100000000,
};

struct file {
	const char *path;	/* below the folder */
	uint32_t mode, max_size;
	bool is_write, is_input;
	bool is_leased;		/* read and written */
	bool asked;		/* somebody waits to read it */
	int fd, watch;
};

struct writer {			/* of a leased file that has another's name now */
	struct file *file;	/* NULL: none */
	int fd, watch;
	off_t at;		/* where what is new begins */
	bool more;		/* there may be something new */
};

struct served {
	struct file *v;
	uint32_t n;
	char base[PATH_SIZE], folder[PATH_SIZE];
	int lock_fd;
	int watch_fd;		/* inotify; -1: no file is to be read */
	struct writer writers[WRITERS];
	struct pollfd *polled;
	struct termios before;	/* the terminal, if it was changed */
	bool is_raw;
	uint64_t retry;		/* when to try again to make one; 0: all are made */
	bool told;		/* that one cannot be made */
};

static const struct stb_handler *handler_at(const struct loader *l,
					    uint32_t i)
{
	return ROW(struct stb_handler, l->handlers, i);
}

static bool is_of_files(const struct stb_handler *h)
{
	return h->when == STB_READ || h->when == STB_WRITE;
}

static const struct stb_file *row_of(const struct loader *l,
				     const struct stb_handler *h)
{
	return ROW(struct stb_file, l->file_rows, h->file);
}

static const char *path_of(const struct loader *l, const struct stb_handler *h)
{
	return stb_string(&l->meta, row_of(l, h)->path);
}

/* --- the folder -------------------------------------------------------------------- */

/* Ours, and nobody else's to put things in our way. */
static bool make_folder(const char *path)
{
	struct stat st;

	if (mkdir(path, 0755) && errno != EEXIST)
		return false;
	if (lstat(path, &st))
		return false;
	errno = EEXIST;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & 022);
}

static void find_base(struct served *f)
{
	if (!rights_folder(f->base, sizeof(f->base)))
		die(EXIT_OUTPUT, "%s: wanted a folder of my own for the "
		    "script's files: %s: remove what is there", f->base,
		    strerror(errno));
}

/* Is it there by its name still? Who had it before may have removed it. */
static bool is_there(const struct served *f)
{
	struct stat ours, st;

	return !fstat(f->lock_fd, &ours) && !stat(f->folder, &st) &&
	       ours.st_dev == st.st_dev && ours.st_ino == st.st_ino;
}

/* The folder of that name, if no other session has it. */
static bool take_folder(struct served *f, const char *name)
{
	bool taken;

	snprintf(f->folder, sizeof(f->folder), "%.200s/%.200s.files", f->base,
		 name);
	if (!make_folder(f->folder))
		die(EXIT_OUTPUT, "%s: wanted a folder of my own for the "
		    "script's files: %s: remove what is there", f->folder,
		    strerror(errno));
	f->lock_fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->lock_fd < 0)
		return errno == ENOENT && take_folder(f, name);
	taken = !flock(f->lock_fd, LOCK_EX | LOCK_NB);
	if (taken && is_there(f))
		return true;
	close(f->lock_fd);
	return taken && take_folder(f, name);
}

static void choose_folder(const struct loader *l, struct served *f)
{
	const char *slash = strrchr(l->opt.file, '/');
	char name[128], other[160];
	size_t n;

	snprintf(name, sizeof(name), "%s", slash ? slash + 1 : l->opt.file);
	n = strlen(name);
	if (n > 4 && !strcmp(name + n - 4, ".stb"))
		name[n - 4] = 0;
	find_base(f);
	if (take_folder(f, name))
		return;
	snprintf(other, sizeof(other), "%s-%d", name, (int)getpid());
	if (!take_folder(f, other))
		die(EXIT_AGAIN, "%s is in use", f->folder);
	say("another session has the files of %s: mine are in %s", name,
	    f->folder);
}

/* Folders on the way to a file; gone again if `remove`. */
static void each_folder(const struct served *f, const char *path, bool remove)
{
	char at[PATH_SIZE];
	size_t from = (size_t)snprintf(at, sizeof(at), "%s/%s", f->folder,
				       path), top = strlen(f->folder);
	char *p;

	if (from >= sizeof(at))
		return;
	if (remove) {
		while ((p = strrchr(at + top + 1, '/'))) {
			*p = 0;
			rmdir(at);
		}
		return;
	}
	for (p = at + top + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		if (mkdir(at, 0755) && errno != EEXIST)
			die(EXIT_OUTPUT, "%s: %s", at, strerror(errno));
		*p = '/';
	}
}

/* --- pipes --------------------------------------------------------------------------- */

/* It has the file's name now; or what was begun is taken back: false and errno. */
static bool made(struct served *f, struct file *file, bool ok, int fd, int watch)
{
	char new[PATH_SIZE], path[PATH_SIZE];
	int error;

	snprintf(new, sizeof(new), "%.400s/.new", f->folder);
	snprintf(path, sizeof(path), "%.250s/%s", f->folder, file->path);
	if (ok && !rename(new, path)) {
		file->fd = fd;
		file->watch = watch;
		return true;
	}
	error = errno;
	if (watch >= 0)
		inotify_rm_watch(f->watch_fd, watch);
	if (fd >= 0)
		close(fd);
	unlink(new);
	errno = error;
	return false;
}

/* A new pipe takes the file's name; false and errno: all is as it was. */
static bool make_pipe(struct served *f, struct file *file)
{
	char new[PATH_SIZE];
	int fd = -1, watch = -1;
	bool ok;

	snprintf(new, sizeof(new), "%.400s/.new", f->folder);
	unlink(new);
	if (!mkfifo(new, 0600))
		fd = open(new, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ok = fd >= 0 && !chmod(new, file->mode);
	if (ok && file->max_size > 65536)
		fcntl(fd, F_SETPIPE_SZ, file->max_size);
	if (ok && !file->is_write) {
		watch = inotify_add_watch(f->watch_fd, new, IN_OPEN);
		ok = watch >= 0;
	}
	return made(f, file, ok, fd, watch);
}

/* The same of a file with a lease. */
static bool make_leased(struct served *f, struct file *file)
{
	char new[PATH_SIZE];
	int fd, watch = -1;
	bool ok;

	snprintf(new, sizeof(new), "%.400s/.new", f->folder);
	unlink(new);
	fd = open(new, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ok = fd >= 0 && !chmod(new, file->mode);
	if (ok) {
		watch = inotify_add_watch(f->watch_fd, new, IN_MODIFY |
					  IN_CLOSE_WRITE);
		ok = watch >= 0 && !fcntl(fd, F_SETLEASE, F_WRLCK);
	}
	return made(f, file, ok, fd, watch);
}

static bool make(struct served *f, struct file *file)
{
	if (file->is_leased ? make_leased(f, file) : make_pipe(f, file)) {
		f->told = false;
		return true;
	}
	return false;
}

/* The session goes on: who opens the file waits. */
static void try_later(struct served *f, const struct file *file)
{
	if (!f->told)
		say("%s/%s: %s: who opens it waits until there is room",
		    f->folder, file->path, strerror(errno));
	f->told = true;
	f->retry = now_ns() + RETRY_NS;
}

_Noreturn static void die_unmade(struct loader *l, const struct file *file)
{
	int error = errno;
	char folder[PATH_SIZE];

	strcpy(folder, l->served->folder);
	serve_close(l);
	if (file->is_leased)
		die(EXIT_OUTPUT, "%s/%s: %s: what is both read and written "
		    "takes a lease (fs.leases-enable): take two files", folder,
		    file->path, strerror(error));
	die(EXIT_OUTPUT, "%s/%s: %s: make room, or leave the probe out",
	    folder, file->path, strerror(error));
}

static void on_lease(int sig)
{
}

/* Comes while the session sleeps, and then only. */
static void await_leases(void)
{
	struct sigaction a = { .sa_handler = on_lease };
	sigset_t leases;

	sigaction(SIGIO, &a, NULL);
	sigemptyset(&leases);
	sigaddset(&leases, SIGIO);
	sigprocmask(SIG_BLOCK, &leases, NULL);
}

static struct file *find_file(struct served *f, const char *path)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (!strcmp(f->v[i].path, path))
			return &f->v[i];
	return NULL;
}

/* Characters as they come, and not shown; signals by keys stay. */
static void open_input(struct served *f)
{
	struct termios t;

	if (tcgetattr(0, &f->before) || tcgetpgrp(0) != getpgrp())
		return;
	t = f->before;
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	f->is_raw = !tcsetattr(0, TCSANOW, &t);
}

/* What all handlers of the file want of it. */
static void take_rows(const struct loader *l, struct file *file)
{
	for (uint32_t i = 0; i < l->handlers.n; i++) {
		const struct stb_handler *h = handler_at(l, i);

		if (!is_of_files(h) || strcmp(path_of(l, h), file->path))
			continue;
		file->is_leased |= (h->when == STB_WRITE) != file->is_write;
		file->mode |= row_of(l, h)->mode;
		if (file->max_size < row_of(l, h)->max_size)
			file->max_size = row_of(l, h)->max_size;
	}
}

static void add_file(struct loader *l, const struct stb_handler *h)
{
	struct served *f = l->served;
	const struct stb_file *row = row_of(l, h);
	const char *path = path_of(l, h);
	struct file *file;

	if (find_file(f, path))
		return;
	file = &f->v[f->n++];
	*file = (struct file){
		.path = path, .mode = row->mode, .max_size = row->max_size,
		.is_write = h->when == STB_WRITE,
		.is_input = !strcmp(path, STB_FILE_INPUT),
	};
	if (file->is_input)
		return;
	file->fd = -1;
	take_rows(l, file);
	if (!*f->folder)
		choose_folder(l, f);
	if ((!file->is_write || file->is_leased) && f->watch_fd < 0) {
		f->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		if (f->watch_fd < 0)
			die(EXIT_AGAIN, "inotify: %s", strerror(errno));
	}
	each_folder(f, path, false);
	if (file->is_leased)
		await_leases();
	if (!make(f, file))
		die_unmade(l, file);
	if (l->opt.verbose)
		say("file %s/%s", f->folder, path);
}

unsigned serve_open(struct loader *l)
{
	struct served *f;

	for (uint32_t i = 0; i < l->handlers.n; i++) {
		if (!is_of_files(handler_at(l, i)))
			continue;
		if (!l->served) {
			l->served = f = zalloc(sizeof(*f));
			f->v = array(l->handlers.n, sizeof(*f->v));
			f->watch_fd = f->lock_fd = -1;
		}
		add_file(l, handler_at(l, i));
	}
	/* at last: what dies before leaves the terminal as it is */
	if (l->served && find_file(l->served, STB_FILE_INPUT))
		open_input(l->served);
	return l->served ? l->served->n + 1 : 0;
}

void serve_close(struct loader *l)
{
	struct served *f = l->served;
	char path[PATH_SIZE];

	if (!f)
		return;
	if (f->is_raw)
		tcsetattr(0, TCSANOW, &f->before);
	for (uint32_t i = 0; i < f->n; i++) {
		if (f->v[i].is_input)
			continue;
		snprintf(path, sizeof(path), "%.250s/%s", f->folder,
			 f->v[i].path);
		unlink(path);
		close(f->v[i].fd);
		each_folder(f, f->v[i].path, true);
	}
	for (int i = 0; i < WRITERS; i++)
		if (f->writers[i].file)
			close(f->writers[i].fd);
	if (*f->folder) {
		rmdir(f->folder);
		close(f->lock_fd);
	}
	l->served = NULL;
}

/* --- serving --------------------------------------------------------------------------- */

/* Every such handler of the file; false: the session is over. */
static bool run_all(struct loader *l, const struct file *file, uint8_t when,
		    run_file *run, void *arg, struct vm_value *v)
{
	for (uint32_t i = 0; i < l->handlers.n; i++) {
		const struct stb_handler *h = handler_at(l, i);

		if (h->when == when && !strcmp(path_of(l, h), file->path) &&
		    !run(arg, i, v))
			return false;
	}
	return true;
}

static void serve_reader(struct loader *l, struct file *file, run_file *run,
			 void *arg)
{
	struct vm_value v = { .text = array(file->max_size, 1),
			      .cap = file->max_size };
	int old = file->fd, watch = file->watch;

	file->asked = !make(l->served, file);
	if (file->asked) {
		try_later(l->served, file);
		free(v.text);
		return;
	}
	inotify_rm_watch(l->served->watch_fd, watch);
	run_all(l, file, STB_READ, run, arg, &v);
	/* what does not fit is more than the kernel lets a pipe be */
	if (write(old, v.text, v.n) < (ssize_t)v.n)
		say("%s: not all of it could be given", file->path);
	close(old);
	free(v.text);
}

/* --- leases ------------------------------------------------------------------------------ */

/* What is new of a file that somebody writes to, as much as a string holds at a
   time. */
static void serve_written(struct loader *l, struct writer *w, run_file *run,
			  void *arg)
{
	size_t size = l->limits->string_len;
	struct vm_value v = { .text = array(size, 1), .cap = size };
	struct stat st;
	bool goes_on = true;

	if (!fstat(w->fd, &st) && st.st_size < w->at)
		w->at = 0;		/* it was cut: all is new */
	for (int turn = 0; turn < TURNS && goes_on; turn++) {
		ssize_t n = pread(w->fd, v.text, size - 1, w->at);

		w->more = n > 0;
		if (n <= 0)
			break;
		w->at += n;
		v.n = (size_t)n;
		goes_on = run_all(l, w->file, STB_WRITE, run, arg, &v);
	}
	free(v.text);
}

static void end_writer(struct served *f, struct writer *w)
{
	inotify_rm_watch(f->watch_fd, w->watch);
	close(w->fd);
	w->file = NULL;
}

/* Somebody opens it, and waits: to read, or to write. */
static void serve_opener(struct loader *l, struct file *file, int wants,
			 run_file *run, void *arg)
{
	struct served *f = l->served;
	struct writer *w = f->writers;
	int old = file->fd, watch = file->watch;

	if (wants == F_RDLCK) {
		serve_reader(l, file, run, arg);	/* closed: no lease */
		return;
	}
	if (!make(f, file)) {
		try_later(f, file);
		return;
	}
	while (w->file && w < f->writers + WRITERS - 1)
		w++;
	if (w->file)		/* more than are kept: the last is cut short */
		end_writer(f, w);
	*w = (struct writer){ .file = file, .fd = old, .watch = watch };
	fcntl(old, F_SETLEASE, F_UNLCK);
}

/* One is over when all is read and a lease can be had again: nobody else has the
   file open, or waits to. That is so at once where the opener would not wait. */
static void serve_writers(struct loader *l, run_file *run, void *arg)
{
	struct served *f = l->served;

	for (struct writer *w = f->writers; w < f->writers + WRITERS; w++) {
		bool alone = w->file && !fcntl(w->fd, F_SETLEASE, F_WRLCK);

		if (alone || (w->file && w->more))
			serve_written(l, w, run, arg);
		if (alone && !w->more)
			end_writer(f, w);
	}
}

static void serve_leases(struct loader *l, run_file *run, void *arg)
{
	for (uint32_t i = 0; i < l->served->n; i++) {
		struct file *file = &l->served->v[i];
		int wants = file->is_leased ? fcntl(file->fd, F_GETLEASE) :
					      F_WRLCK;

		if (wants == F_RDLCK || wants == F_UNLCK)
			serve_opener(l, file, wants, run, arg);
	}
}

/* What they are about. */
static void take_events(struct served *f)
{
	_Alignas(8) char events[4096];
	ssize_t n = read(f->watch_fd, events, sizeof(events));

	for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= n;) {
		const struct inotify_event *e = (const void *)(events + at);

		at += (ssize_t)(sizeof(*e) + e->len);
		for (int i = 0; i < WRITERS; i++)
			f->writers[i].more |= f->writers[i].watch == e->wd;
		for (uint32_t i = 0; i < f->n; i++)
			f->v[i].asked |= (e->mask & IN_OPEN) &&
				!f->v[i].is_write && !f->v[i].is_leased &&
				f->v[i].watch == e->wd;
	}
}

static void serve_readers(struct loader *l, run_file *run, void *arg)
{
	for (uint32_t i = 0; i < l->served->n; i++)
		if (l->served->v[i].asked)
			serve_reader(l, &l->served->v[i], run, arg);
}

/* What was written, as much as a string holds at a time. */
static void serve_writer(struct loader *l, struct file *file, run_file *run,
			 void *arg)
{
	size_t size = l->limits->string_len;
	struct vm_value v = { .text = array(size, 1), .cap = size };
	ssize_t n = 0;
	bool goes_on = true;

	for (int turn = 0; turn < TURNS && goes_on; turn++) {
		n = read(file->fd, v.text, size - 1);
		if (n <= 0)
			break;
		v.n = (size_t)n;
		goes_on = run_all(l, file, STB_WRITE, run, arg, &v);
	}
	free(v.text);
}

static void serve_input(struct loader *l, struct file *file, run_file *run,
			void *arg)
{
	char bytes[256], one[2] = "";
	struct vm_value v = { .text = one, .cap = sizeof(one) };
	ssize_t n = read(0, bytes, sizeof(bytes));

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		file->fd = -1;		/* its end */
	for (ssize_t i = 0; i < n; i++) {
		one[0] = bytes[i];
		v.n = 1;
		if (!run_all(l, file, STB_WRITE, run, arg, &v))
			return;
	}
}

unsigned serve_poll(struct loader *l, struct pollfd *fds)
{
	struct served *f = l->served;
	unsigned n = 0;

	if (!f)
		return 0;
	for (uint32_t i = 0; i < f->n; i++)
		fds[n++] = (struct pollfd){ f->v[i].is_write &&
			!f->v[i].is_leased ? f->v[i].fd : -1, POLLIN, 0 };
	fds[n++] = (struct pollfd){ f->watch_fd, POLLIN, 0 };
	return n;
}

void serve_ready(struct loader *l, const struct pollfd *fds, run_file *run,
		 void *arg)
{
	struct served *f = l->served;

	if (!f)
		return;
	for (uint32_t i = 0; i < f->n; i++) {
		if (!fds[i].revents)
			continue;
		if (f->v[i].is_input)
			serve_input(l, &f->v[i], run, arg);
		else
			serve_writer(l, &f->v[i], run, arg);
	}
	if (fds[f->n].revents)
		take_events(f);
	if (!f->retry || now_ns() >= f->retry) {
		f->retry = 0;
		serve_readers(l, run, arg);
		serve_leases(l, run, arg);
	}
	serve_writers(l, run, arg);
}

uint64_t serve_due(const struct loader *l)
{
	const struct served *f = l->served;

	for (int i = 0; f && i < WRITERS; i++)
		if (f->writers[i].file && f->writers[i].more)
			return 0;
	return f && f->retry ? f->retry : UINT64_MAX;
}
