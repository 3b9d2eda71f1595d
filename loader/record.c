/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/encode.h"
#include "loader/kmod.h"
#include "loader/record.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOK_MS = 200,		/* at where init's root is */
	DEAF_MS = 1000,		/* when no descriptor is left for a client */
	REQUEST = 64,		/* bytes of one, at most */
	REFILL = 65536,		/* bytes that are on their way to a reader */
	LAST_WORDS_MS = 2000,	/* for readers at the end, all together */
};

struct client {
	int fd;			/* -1: none */
	char request[REQUEST];
	size_t got;
	bool is_live;		/* gets output from `at` on */
	uint64_t at;
	char *reply;		/* what is on its way, malloc'ed; if it is not
				   live, it is closed then */
	size_t size, sent;
};

struct recorder {
	const char *name;
	int listener, ready;	/* ready: a byte says that probes are armed */
	int proc;		/* /proc, wherever it is moved to; -1: no need */
	uint64_t next_look;	/* at where init's root is */
	uint64_t deaf_until;	/* new clients wait until then */
	bool detached;
	bool ended;		/* by itself: it waits until it is asked to stop */
	int status;		/* ... and would have exited with that */
	uint64_t last_words;	/* of the history: what end probes said */
	time_t since;
	struct client clients[MAX_CLIENTS];
};

bool recorder_path(char *to, uint32_t size, const char *name)
{
	char dir[64];

	if (!rights_folder(dir, sizeof(dir)))
		die(EXIT_DENIED, "%s: wanted a folder of my own: %s", dir,
		    strerror(errno));
	return (uint32_t)snprintf(to, size, "%s/%s", dir, name) < size;
}

/* --- the root --------------------------------------------------------------------- */

/* Is init's root another one than ours? */
static bool root_moved(const struct recorder *r)
{
	struct stat init, ours;

	return !fstatat(r->proc, "1/root", &init, 0) && !stat("/", &ours) &&
	       (init.st_dev != ours.st_dev || init.st_ino != ours.st_ino);
}

static void open_proc(struct loader *l)
{
	struct recorder *r = l->recorder;

	r->proc = l->rights.raised || geteuid() ? -1 :
		open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->proc >= 0 && root_moved(r)) {	/* it is not init's now */
		close(r->proc);
		r->proc = -1;
	}
}

/* What begins in an initramfs stays in it when init goes on to the real root: there
   /proc, /run and the programs are that it asks for. */
static void follow_root(struct loader *l)
{
	struct recorder *r = l->recorder;
	uint64_t now = now_ns();
	int root;

	if (r->proc < 0 || now < r->next_look)
		return;
	r->next_look = now + LOOK_MS * 1000000ull;
	if (!root_moved(r))
		return;
	root = openat(r->proc, "1/root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return;
	if (fchdir(root) || chroot(".")) {
		close(r->proc);
		r->proc = -1;
	}
	close(root);
	if (l->watch_fd >= 0)
		attach_arrived(l);
}

/* --- the name ----------------------------------------------------------------- */

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

void record_clean(char *name)
{
	for (; *name; name++)
		if (is_control(*name))
			*name = '?';
}

static void address(struct sockaddr_un *a, const char *name)
{
	for (const char *p = name; *p; p++)
		if (is_control(*p))
			die(EXIT_USE, "--name: wanted a name without control "
			    "characters");
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!recorder_path(a->sun_path, sizeof(a->sun_path), name) ||
	    strchr(name, '/') || *name == '.' || !*name)
		die(EXIT_USE, "--name %s: wanted a short name without '/'",
		    name);
}

/* The script's, or of one from the command line the file's; without .stp, .stb. */
static const char *default_name(const struct loader *l)
{
	const struct stb_bundle *b = ROW(struct stb_bundle,
			rows_of(&l->index, STB_T_BUNDLE, STB_BUNDLE_FIRST), 0);
	const char *from = stb_string(&l->index, b->script);
	char *name, *dot;

	if (!*from || *from == '<') {
		from = strrchr(l->opt.file, '/');
		from = from ? from + 1 : l->opt.file;
	}
	name = strdup(from);
	dot = strrchr(name, '.');
	if (dot && (!strcmp(dot, ".stp") || !strcmp(dot, ".stb")))
		*dot = 0;
	record_clean(name);
	return *name ? name : "recorder";
}

/* Nobody answers there: what is left of one that was killed. Of one that is stopped
   many may wait, and we do not. */
static bool is_stale(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool stale = fd >= 0 &&
		connect(fd, (const void *)a, sizeof(*a)) < 0 &&
		errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return stale;
}

static bool is_socket(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISSOCK(st.st_mode);
}

/* One at a time looks whether a name is free and takes it: held until closed. */
static int lock_names(void)
{
	char path[128];
	int fd;

	recorder_path(path, sizeof(path), ".lock");
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX))
		die(EXIT_DENIED, "%s: %s", path, strerror(errno));
	return fd;
}

static int listen_as(const char *name)
{
	struct sockaddr_un a;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int lock;

	address(&a, name);
	lock = lock_names();
	if (is_stale(&a))
		unlink(a.sun_path);
	mask = umask(077);
	if (fd < 0 || bind(fd, (const void *)&a, sizeof(a)) ||
	    listen(fd, MAX_CLIENTS)) {
		if (errno == EADDRINUSE && !is_socket(a.sun_path))
			die(EXIT_USE, "--name %s: %s is no recorder's: choose "
			    "another", name, a.sun_path);
		if (errno == EADDRINUSE)
			die(EXIT_AGAIN, "a recorder \"%s\" is running: end it "
			    "with --stop %s, or choose another --name", name,
			    name);
		die(EXIT_DENIED, "%s: %s", a.sun_path, strerror(errno));
	}
	umask(mask);
	close(lock);
	return fd;
}

/* Of one that did not begin, unless another has the name by now. */
static void give_name(const char *name)
{
	struct sockaddr_un a;
	int lock = lock_names();

	address(&a, name);
	if (is_stale(&a))
		unlink(a.sun_path);
	close(lock);
}

/* --- going into the background ----------------------------------------------------- */

static volatile sig_atomic_t told;

static void on_stop(int sig)
{
	told = 1;
}

/* Is the child ready? Who wants us to end wants it to. */
static bool is_ready(pid_t child, int ready)
{
	struct sigaction a = { .sa_handler = on_stop };
	struct pollfd word = { .fd = ready, .events = POLLIN };
	sigset_t stops, before;
	char byte;

	stop_signals_of(&stops);
	sigprocmask(SIG_BLOCK, &stops, &before);
	for (int i = 1; i < 32; i++)
		if (sigismember(&stops, i))
			sigaction(i, &a, NULL);
	while (ppoll(&word, 1, NULL, &before) < 0 && errno == EINTR) {
		if (told)
			kill(child, SIGTERM);
		told = 0;
	}
	return read(ready, &byte, 1) == 1;
}

/* Waits for the child's word, or its end. */
_Noreturn static void await_child(pid_t child, int ready, const char *name)
{
	int status;

	if (is_ready(child, ready)) {
		printf("%s: recording, process %d (stap-load --dump, --attach, "
		       "--stop %s)\n", name, (int)child, name);
		if (!fflush(stdout) && !ferror(stdout))
			_exit(0);
		say("stdout: %s; %s is recording, process %d", strerror(errno),
		    name, (int)child);
		_exit(EXIT_OUTPUT);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	give_name(name);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_OURS);
}

void record_claim(struct loader *l)
{
	struct recorder *r = zalloc(sizeof(*r));

	r->name = l->opt.name ? l->opt.name : default_name(l);
	r->listener = listen_as(r->name);
	r->since = time(NULL);
	for (int i = 0; i < MAX_CLIENTS; i++)
		r->clients[i].fd = -1;
	l->recorder = r;
	open_proc(l);
}

void record_start(struct loader *l)
{
	struct recorder *r = l->recorder;
	int ready[2];
	pid_t child;

	history_init(&l->history, l->opt.keep_size);
	l->out.history = &l->history;
	/* in one piece until it is known whether anyone is there to read it */
	if (!l->files.pattern)
		l->out.fd = memfd_create("begin", MFD_CLOEXEC);
	if (l->out.fd < 0)
		die(EXIT_AGAIN, "memfd_create: %s", strerror(errno));
	if (pipe2(ready, O_CLOEXEC))
		die(EXIT_AGAIN, "pipe: %s", strerror(errno));
	child = fork();
	if (child < 0)
		die(EXIT_AGAIN, "fork: %s", strerror(errno));
	if (child) {
		close(ready[1]);
		close(r->listener);
		await_child(child, ready[0], r->name);
	}
	close(ready[0]);
	r->ready = ready[1];
	setsid();
}

void record_ready(struct loader *l)
{
	struct recorder *r = l->recorder;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	output_flush(&l->out);
	if (!l->files.pattern) {
		close(l->out.fd);
		l->out.fd = -1;
	}
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	runner_detach(l->out.shell);
	/* no file system is kept busy, but the one that the files are in */
	if (!l->files.pattern)
		leave_folder();
	r->detached = l->out.detached = true;
	if (write(r->ready, "", 1) == 1)
		close(r->ready);
}

/* --- clients --------------------------------------------------------------------- */

static void drop(struct client *c)
{
	close(c->fd);
	free(c->reply);
	*c = (struct client){ .fd = -1 };
}

static void welcome(struct recorder *r)
{
	int fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (int i = 0; fd >= 0 && i < MAX_CLIENTS; i++) {
		if (r->clients[i].fd >= 0)
			continue;
		r->clients[i].fd = fd;
		return;
	}
	if (fd >= 0)
		close(fd);	/* too many at once */
	else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		r->deaf_until = now_ns() + DEAF_MS * 1000000ull;
}

static void reply_status(struct loader *l, struct client *c)
{
	const struct stb_shared *g = l->shared;
	char id[2 * STB_DIGEST_SIZE + 1];

	hex(id, l->reader.header->toc_digest, STB_DIGEST_SIZE);
	c->size = (size_t)asprintf(&c->reply, "name=%s pid=%d bundle=%s "
		"since=%lld ended=%d events=%llu lost=%llu errors=%llu skipped=%llu "
		"memory_kb=%lu%s%s\n", l->recorder->name, (int)getpid(), id,
		(long long)l->recorder->since,
		l->recorder->ended ? l->recorder->status : -1,
		(unsigned long long)l->out.messages,
		(unsigned long long)g->lost, (unsigned long long)g->errors,
		(unsigned long long)(g->skipped_lock + g->skipped_frame),
		memory_kb(l), l->out.stuck ? " output=" : "",
		l->out.stuck ? strerror(l->out.stuck) : "");
}

static void reply_text(struct client *c, const char *text)
{
	c->reply = strdup(text);
	c->size = strlen(text);
}

static void reply_rotate(struct loader *l, struct client *c)
{
	if (!l->files.pattern)
		reply_text(c, RECORD_NO_FILE "\n");
	else if (output_next_file(&l->out))
		reply_text(c, "ok\n");
	else
		c->size = (size_t)asprintf(&c->reply, "the next file cannot "
			"be opened: %s\n", strerror(errno));
}

/* --- output, in whole lines where its form has lines ------------------------------- */

/* A sink that grows, for what comes to a few pages. */
struct growing {
	struct sink sink;
	bool failed;
};

static void grow(struct sink *s)
{
	struct growing *g = (struct growing *)s;
	size_t cap = s->cap ? 2 * s->cap : 4096;
	char *buf = realloc(s->buf, cap);

	if (buf) {
		s->buf = buf;
		s->cap = cap;
	} else {
		g->failed = true;
		s->n = 0;
	}
}

static void reply_with(struct client *c, struct growing *g)
{
	if (g->failed || !g->sink.n) {
		free(g->sink.buf);
		return;
	}
	c->reply = g->sink.buf;
	c->size = g->sink.n;
	c->sent = 0;
}

static void reply_head(struct loader *l, struct client *c)
{
	struct growing g = { .sink.full = grow };

	encode_head(&l->out, &g.sink, 0);
	reply_with(c, &g);
}

/* Where what can be sent ends. */
static uint64_t last_byte(const struct loader *l)
{
	return output_has_lines(&l->out) ? history_last_line(&l->history) :
	       l->history.end;
}

/* Where lines lie, the first of those that are there still; what is before
   them may be the end of one. */
static uint64_t first_line(const struct loader *l)
{
	uint64_t begin = history_begin(&l->history);

	return begin && output_has_lines(&l->out) ?
	       history_line(&l->history, begin) : begin;
}

/* What is next for one that is live: what lies between is lost to it. */
static void refill(struct loader *l, struct client *c)
{
	struct growing g = { .sink.full = grow };
	uint64_t was = c->at, end = last_byte(l), begin = first_line(l);
	const char *p;
	size_t n;

	if (c->at < begin)
		c->at = begin;
	if (was && c->at > was && output_has_lines(&l->out))
		encode_gap(&l->out, &g.sink, c->at - was);
	if (end > c->at + REFILL)
		end = output_has_lines(&l->out) ?
		      history_line(&l->history, c->at + REFILL) :
		      c->at + REFILL;
	while (c->at < end && (n = history_read(&l->history, &c->at, &p))) {
		if (n > end - c->at)
			n = end - c->at;
		sink_put(&g.sink, p, n);
		c->at += n;
	}
	reply_with(c, &g);
}

static void answer(struct loader *l, struct client *c)
{
	output_flush(&l->out);
	if (!strcmp(c->request, "status")) {
		reply_status(l, c);
	} else if (!strcmp(c->request, "attach")) {
		c->is_live = true;
		reply_head(l, c);
		c->at = 0;
	} else if (!strcmp(c->request, "dump")) {
		c->reply = dump_session(l, &c->size);
	} else if (!strcmp(c->request, "rotate")) {
		reply_rotate(l, c);
	} else if (!strcmp(c->request, "stop")) {
		c->is_live = true;
		c->at = l->recorder->ended ? l->recorder->last_words :
			l->history.end;
		l->stop_asked = true;
	} else {
		reply_text(c, "no such request\n");
	}
}

static void listen_to(struct loader *l, struct client *c)
{
	ssize_t n = recv(c->fd, c->request + c->got, REQUEST - 1 - c->got, 0);
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || c->is_live || c->reply) {	/* nothing more is wanted */
		drop(c);
		return;
	}
	c->got += (size_t)n;
	end = memchr(c->request, '\n', c->got);
	if (end) {
		*end = 0;
		answer(l, c);
	} else if (c->got == REQUEST - 1) {
		drop(c);
	}
}

/* Sends what its socket takes; the connection ends with the reply. */
static void send_some(struct loader *l, struct client *c)
{
	ssize_t done;

	if (!c->reply && c->is_live)
		refill(l, c);
	if (!c->reply && c->is_live)
		return;
	done = c->reply ? send(c->fd, c->reply + c->sent, c->size - c->sent,
			       MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
	if (done < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (done >= 0 && c->is_live) {
		c->sent += (size_t)done;
		if (c->sent < c->size)
			return;
		free(c->reply);
		c->reply = NULL;
		return;
	}
	if (done < 0 || c->sent + (size_t)done == c->size) {
		drop(c);
		return;
	}
	c->sent += (size_t)done;
}

static bool wants_to_send(const struct loader *l, const struct client *c)
{
	return c->reply || (c->is_live && c->at < last_byte(l));
}

uint64_t record_due(const struct loader *l)
{
	const struct recorder *r = l->recorder;

	return r && r->deaf_until > now_ns() ? r->deaf_until : UINT64_MAX;
}

int record_poll(const struct loader *l, struct pollfd *fds)
{
	const struct recorder *r = l->recorder;
	int n = 0;

	if (!r || !r->detached)
		return 0;
	fds[n++] = (struct pollfd){ record_due(l) == UINT64_MAX ?
				    r->listener : -1, POLLIN, 0 };
	for (int i = 0; i < MAX_CLIENTS; i++) {
		const struct client *c = &r->clients[i];

		if (c->fd >= 0)
			fds[n++] = (struct pollfd){ c->fd, (short)(POLLIN |
				(wants_to_send(l, c) ? POLLOUT : 0)), 0 };
	}
	return n;
}

static struct client *client_of(struct recorder *r, int fd)
{
	for (int i = 0; i < MAX_CLIENTS; i++)
		if (r->clients[i].fd == fd)
			return &r->clients[i];
	return NULL;
}

void record_serve(struct loader *l, const struct pollfd *fds, int n)
{
	struct recorder *r = l->recorder;

	if (n)
		follow_root(l);
	for (int i = 1; i < n; i++) {
		struct client *c = client_of(r, fds[i].fd);

		if (c && fds[i].revents & POLLOUT)
			send_some(l, c);
		if (c && c->fd >= 0 &&
		    fds[i].revents & (POLLIN | POLLHUP | POLLERR))
			listen_to(l, c);
	}
	if (n && fds[0].revents)
		welcome(r);
}

/* It ended before anyone was sent away: all its output. */
static void pass_on(struct loader *l)
{
	char part[16384];
	off_t at = 0;
	ssize_t n;

	while (!l->out.broken &&
	       (n = pread(l->out.fd, part, sizeof(part), at)) > 0) {
		output_write(&l->out, STDOUT_FILENO, part, (size_t)n);
		at += n;
	}
}

void record_last_words(struct loader *l)
{
	output_flush(&l->out);
	l->recorder->last_words = l->history.end;
}

/* What it kept is nowhere else: its probes are gone, and it stays until somebody
   has it stop. */
static void linger(struct loader *l, int status)
{
	struct recorder *r = l->recorder;
	struct pollfd fds[MAX_CLIENTS + 1];

	r->ended = true;
	r->status = status;
	if (in_kmod(l))
		kmod_detach(l);
	else
		detach_all(l);
	while (!l->stop_asked && !*l->out.stops) {
		const struct timespec deaf = { .tv_sec = DEAF_MS / 1000 };
		int n = record_poll(l, fds);

		if (ppoll(fds, (nfds_t)n, r->deaf_until ? &deaf : NULL,
			  l->out.mask) > 0)
			record_serve(l, fds, n);
	}
}

void record_end(struct loader *l, int status)
{
	struct recorder *r = l->recorder;
	struct pollfd fds[MAX_CLIENTS + 1];
	struct sockaddr_un a;
	uint64_t until;

	output_flush(&l->out);
	if (r->detached && !l->files.pattern && !l->stop_asked && !*l->out.stops)
		linger(l, status);
	until = now_ns() + LAST_WORDS_MS * 1000000ull;
	address(&a, r->name);
	unlink(a.sun_path);
	close(r->listener);
	if (!r->detached) {
		if (!l->files.pattern)
			pass_on(l);
		return;
	}
	for (;;) {
		uint64_t now = now_ns();
		int m = record_poll(l, fds), wanted = 0;

		for (int i = 1; i < m; i++)
			wanted += (fds[i].events & POLLOUT) != 0;
		if (!wanted || now >= until)
			return;
		poll(fds + 1, (nfds_t)m - 1, (int)((until - now) / 1000000) + 1);
		record_serve(l, fds, m);
	}
}

void record_forsake(const struct loader *l)
{
	if (l->recorder)
		close(l->recorder->listener);
}

bool record_has_ended(const struct loader *l, int *status)
{
	*status = l->recorder->status;
	return l->recorder->ended;
}

time_t record_since(const struct loader *l)
{
	return l->recorder->since;
}
