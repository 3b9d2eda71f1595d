/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kmod.c - a kernel module instead of BPF programs. In: a validated section of
 * the bundle. Out: the module in the kernel, from a memory file (nothing is on
 * disk), and its file /proc/NAME, of which ring and globals region are mapped.
 *
 * Who is killed leaves no probe: the module detaches all when its file is
 * closed. That it is unloaded then, too, is the work of a process of its own,
 * which waits for our end.
 */
#include "loader/kmod.h"
#include "loader/facts.h"
#include "loader/processes.h"
#include "runtime/kmod/uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	NOT_SIGNED = 129,	/* EKEYREJECTED; ENOKEY is 126 */
	UNLOAD_TRIES = 200,	/* of 50 ms: grace periods of many sites */
	SESSIONS = 16,		/* of one script at once */
	KEPT_SIZE = 4096,	/* of a name that the keeper sees */
};

static const struct stb_module *row_of(const struct loader *l)
{
	return ROW(struct stb_module, rows_of(&l->module, STB_T_MODULE,
					      sizeof(struct stb_module)), 0);
}

/* As it is in the bundle; a second session of the script has another. */
static const char *name_of(const struct loader *l)
{
	return l->module_name ? l->module_name :
		stb_string(&l->module, row_of(l)->name);
}

bool kmod_allowed(void)
{
	struct host h;

	facts_read(&h);
	return h.caps >> CAP_SYS_MODULE & 1 && h.loading == LOADING_ALLOWED;
}

static bool is_signed(const struct loader *l)
{
	static const char mark[] = "~Module signature appended~\n";
	struct rows o = rows_of(&l->module, STB_T_OBJECT, 1);
	size_t n = sizeof(mark) - 1;

	return o.n > n && !memcmp(o.base + o.n - n, mark, n);
}

/* --- who unloads it ----------------------------------------------------------- */

static int unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? errno : 0;
}

/* While its file is still being closed it is in use. */
static int unload_soon(const char *name)
{
	const struct timespec nap = { 0, 50000000 };
	int error = unload(name);

	for (int i = 0; i < UNLOAD_TRIES && (error == EWOULDBLOCK ||
					     error == EBUSY); i++) {
		nanosleep(&nap, NULL);
		error = unload(name);
	}
	return error;
}

/* Waits until it is asked, or its parent is no more. It is the one that may
   unload modules: what a session may do is confined (confine.c). */
_Noreturn static void keeper(const char *name, pid_t parent)
{
	sigset_t asked;

	sigemptyset(&asked);
	sigaddset(&asked, SIGUSR1);
	leave_folder();
	close_from(0);		/* a recorder's socket and files, too */
	prctl(PR_SET_NAME, "stap-keeper");
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
	if (getppid() == parent)
		sigwaitinfo(&asked, NULL);
	_exit(*name ? unload_soon(name) : 0);
}

/* To be there before the module is, which it may be when a signal ends us while
   it is inserted. */
static void keep_module(struct loader *l)
{
	pid_t self = getpid(), pid;
	sigset_t all, was;

	l->module_kept = mmap(NULL, KEPT_SIZE, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (l->module_kept == MAP_FAILED)
		die(EXIT_AGAIN, "wanted memory, got none: try again when more "
		    "is free");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &was);
	pid = fork();
	if (!pid)
		keeper(l->module_kept, self);
	sigprocmask(SIG_SETMASK, &was, NULL);
	if (pid < 0)
		die(EXIT_AGAIN, "fork: %s", strerror(errno));
	l->module_keeper = pid;
}

/* --- loading -------------------------------------------------------------------- */

_Noreturn static void die_refused(const struct loader *l, int error)
{
	const char *name = name_of(l), *then = "see the kernel's log";
	enum exit_code code = EXIT_KERNEL;

	if (error == EEXIST)
		die(EXIT_AGAIN, "module %s is loaded: this script is run here "
		    "already%s; end that first (or \"rmmod %s\", if it is of "
		    "nobody)", name, is_signed(l) ? ", and what is signed has "
		    "one name" : "", name);
	if (error == NOT_SIGNED || error == ENOKEY) {
		code = EXIT_DENIED;
		then = "the key that signed it is none that this kernel "
		       "trusts: sign it with one of those";
	} else if (error == EPERM) {
		code = EXIT_DENIED;
		then = "lockdown, a security module or a container forbids it";
	} else if (error == ENOEXEC || error == EINVAL) {
		then = "it does not fit this kernel; see its log, and report "
		       "it";
	} else if (error == ENOMEM) {
		code = EXIT_AGAIN;
		then = "try again when more memory is free";
	}
	die(code, "the kernel refused module %s: %s: %s", name,
	    error == NOT_SIGNED ? "its signature" : strerror(error), then);
}

/* 0, or what the kernel says. */
static int insert_file(const struct loader *l, const uint8_t *p, size_t size)
{
	int fd = memfd_create(name_of(l), MFD_CLOEXEC), error;
	size_t done = 0;

	while (fd >= 0 && done < size) {
		ssize_t n = write(fd, p + done, size - done);

		if (n < 0 && errno != EINTR)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	if (fd < 0 || done < size)
		die(EXIT_AGAIN, "wanted %zu bytes of memory for the module: %s",
		    size, strerror(errno));
	snprintf(l->module_kept, KEPT_SIZE, "%s", name_of(l));
	error = syscall(SYS_finit_module, fd, "", 0) ? errno : 0;
	if (error)
		*l->module_kept = 0;
	close(fd);
	return error;
}

/* The next name, which is as long: of another last digit. */
static void rename_module(struct loader *l, uint8_t *p, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = strlen(l->module_name);
	const char *was = strchr(digits, l->module_name[n - 1]);
	char last = digits[was ? (was - digits + 1) % 16 : 0];
	uint8_t *at = p;

	while ((at = memmem(at, size - (size_t)(at - p), l->module_name, n))) {
		at[n - 1] = (uint8_t)last;
		at += n;
	}
	l->module_name[n - 1] = last;
}

/* Sessions of one script may run beside each other, but for signed modules. */
static void insert(struct loader *l)
{
	struct rows o = rows_of(&l->module, STB_T_OBJECT, 1);
	int error = insert_file(l, o.base, o.n);
	uint8_t *copy;

	if (error == EEXIST && !is_signed(l)) {
		copy = zalloc(o.n);
		memcpy(copy, o.base, o.n);
		l->module_name = strdup(name_of(l));
		for (int i = 1; l->module_name && i < SESSIONS &&
		     error == EEXIST; i++) {
			rename_module(l, copy, o.n);
			error = insert_file(l, copy, o.n);
		}
		zfree(copy, o.n);
	}
	if (error)
		die_refused(l, error);
}

static int ask(const struct loader *l, unsigned long what, void *arg)
{
	long r = ioctl(l->module_file, (int)what, arg);

	return r < 0 ? -errno : (int)r;
}

static void open_file(struct loader *l)
{
	char path[80];
	struct stb_kmod_info i = { 0 };
	int error;

	snprintf(path, sizeof(path), "/proc/%s", name_of(l));
	l->module_file = open(path, O_RDWR | O_CLOEXEC);
	if (l->module_file < 0)
		die(EXIT_KERNEL, "%s: %s: is /proc mounted?", path,
		    strerror(errno));
	error = ask(l, STB_KMOD_INFO, &i);
	if (error < 0 || !i.version || i.version > STB_KMOD_VERSION ||
	    i.globals_size != l->limits->globals_size ||
	    i.nprogs != l->progs.n || i.nhandlers != l->handlers.n)
		die(EXIT_DAMAGED, "%s: the module %s is not of this bundle: %s",
		    l->opt.file, name_of(l), error < 0 ? strerror(-error) :
		    "it has other probes, or is of another version");
	l->module_user = i.user;
}

/* The arrays that tasks.c fills. */
static void find_arrays(struct loader *l)
{
	for (uint32_t i = 0; i < l->maps.n; i++) {
		const struct stb_map *m = ROW(struct stb_map, l->maps, i);

		if (m->flags & STB_MAPF_TASKS)
			l->tasks_fd = (int)i + 1;
		if (m->flags & STB_MAPF_FILES)
			l->files_fd = (int)i + 1;
	}
}

static void map_region(struct loader *l)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = (l->limits->globals_size + page - 1) & ~(page - 1);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       l->module_file, (off_t)STB_KMOD_GLOBALS);

	if (p == MAP_FAILED)
		die(EXIT_KERNEL, "cannot map the globals of module %s: %s",
		    name_of(l), strerror(errno));
	l->shared = p;
	l->shared->slide = l->slide;
}

void kmod_load(struct loader *l)
{
	struct stb_kmod_setup s = { .ring_size = l->opt.ring_size };
	int error;

	l->multi = zalloc(l->progs.n);
	l->module_sites = zalloc(l->sites.n * sizeof(*l->module_sites));
	keep_module(l);
	insert(l);
	open_file(l);
	error = ask(l, STB_KMOD_SETUP, &s);
	if (error < 0)
		die(EXIT_AGAIN, "module %s cannot be set up: %s: try a smaller "
		    "-s, or again when more memory is free", name_of(l),
		    strerror(-error));
	if (l->module_user) {
		l->builds_fd = l->module_file;
		error = processes_module(l, l->module_user & STB_KMOD_NAMES);
	}
	if (error < 0)
		die(EXIT_AGAIN, "what is known of programs does not get into "
		    "module %s: %s", name_of(l), strerror(-error));
	map_region(l);
	find_arrays(l);
	l->ring_fd = l->module_file;
	ring_open(&l->ring, l->ring_fd, l->opt.ring_size);
}

/* --- sites ------------------------------------------------------------------------ */

/* "vfs_read"; "ext4:ext4_file_open" of a module. */
static const char *symbol_of(const struct loader *l, const struct stb_site *s,
			     char *to, size_t size)
{
	const struct stb_program_build *b;

	if (!(s->flags & STB_SITE_IN_MODULE))
		return stb_string(&l->meta, s->symbol);
	b = ROW(struct stb_program_build, l->builds, s->build);
	snprintf(to, size, "%s:%s", stb_string(&l->meta, b->path),
		 stb_string(&l->meta, s->symbol));
	return to;
}

static void add_event(const struct loader *l, const struct stb_site *s,
		      struct stb_kmod_attach *a)
{
	const struct stb_event *e = ROW(struct stb_event, l->events, s->event);

	a->event_type = e->type;
	a->event_flags = e->flags;
	a->config = e->config;
	a->rate = e->rate;
	a->access = e->access;
	a->length = e->length;
	a->cpu = -1;
}

int kmod_arm(struct loader *l, uint32_t site)
{
	const struct stb_site *s = ROW(struct stb_site, l->sites, site);
	bool by_address = s->flags & STB_SITE_BY_ADDRESS;
	bool user = s->attach == STB_AT_UPROBE || s->attach == STB_AT_URETPROBE;
	char symbol[640];
	struct stb_kmod_attach a = {
		.prog = s->prog, .attach = (uint16_t)s->attach,
		.flags = by_address ? STB_KMOD_BY_ADDRESS : 0,
		.symbol = (uintptr_t)symbol_of(l, s, symbol, sizeof(symbol)),
		.address = s->addr, .offset = s->offset, .cookie = s->cookie,
		.fd = user ? l->build_fds[s->build] : -1,
		.maxactive = (int32_t)s->maxactive,
	};
	int n;

	if (by_address && !(s->flags & STB_SITE_ABSOLUTE))
		a.address += l->slide;
	if (s->flags & STB_SITE_SEMAPHORE) {
		a.semaphore = s->maxactive;
		a.maxactive = 0;
	}
	if (s->attach == STB_AT_PERF_EVENT || s->attach == STB_AT_NETFILTER)
		add_event(l, s, &a);
	n = ask(l, STB_KMOD_ATTACH, &a);
	if (n < 0)
		return -n;
	l->module_sites[site] = (uint32_t)n;
	return 0;
}

int kmod_watch(struct loader *l, uint32_t site, pid_t tid, uint64_t addr)
{
	const struct stb_site *s = ROW(struct stb_site, l->sites, site);
	struct stb_kmod_attach a = {
		.prog = s->prog, .attach = (uint16_t)s->attach,
		.cookie = s->cookie, .fd = -1,
	};

	add_event(l, s, &a);
	a.address = addr;
	a.pid = tid;
	return ask(l, STB_KMOD_ATTACH, &a);
}

void kmod_unwatch(struct loader *l, int number)
{
	struct stb_kmod_detach d = { .site = (uint32_t)number };

	ask(l, STB_KMOD_DETACH, &d);
}

uint32_t kmod_next(const struct loader *l, uint32_t map, uint32_t node,
		   uint64_t *key, uint64_t *value)
{
	struct stb_kmod_next n = { .map = map, .node = node,
		.key = (uintptr_t)key, .value = (uintptr_t)value };
	int got = ask(l, STB_KMOD_NEXT, &n);

	return got > 0 ? (uint32_t)got : 0;
}

void kmod_disarm(struct loader *l, uint32_t site)
{
	struct stb_kmod_detach d = { .site = l->module_sites[site] };

	ask(l, STB_KMOD_DETACH, &d);
}

int kmod_map(const struct loader *l, uint32_t map, uint32_t what,
	     const void *key, void *value)
{
	struct stb_kmod_map m = { .map = map, .what = what,
		.key = (uintptr_t)key, .value = (uintptr_t)value };

	return ask(l, STB_KMOD_MAP, &m);
}

static int by_insertion(const void *a, const void *b)
{
	const struct { uint64_t seq; } *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* They come in no order, as rows of value (its time first) and key. */
static bool each_of_array(const struct loader *l, uint32_t map,
			  void (*element)(void *arg, const struct stb_map *row,
					  const uint8_t *key, const void *value),
			  void *arg)
{
	const struct stb_map *m = ROW(struct stb_map, l->maps, map);
	size_t size = (m->value_size + m->key_size + 7) & ~7ul, n = 0;
	struct stb_kmod_next next = { .map = map };
	uint8_t *rows = calloc(m->max_entries + 1ull, size), *p;
	int r;

	if (!rows)
		return false;
	for (p = rows; n < m->max_entries; p += size, n++) {
		next.key = (uintptr_t)p + m->value_size;
		next.value = (uintptr_t)p;
		r = ask(l, STB_KMOD_NEXT, &next);
		if (r <= 0)
			break;
		next.node = (uint32_t)r;
	}
	qsort(rows, n, size, by_insertion);
	for (p = rows; n--; p += size)
		element(arg, m, p + m->value_size, p + sizeof(uint64_t));
	free(rows);
	return true;
}

bool kmod_each_element(const struct loader *l,
		       void (*element)(void *arg, const struct stb_map *row,
				       const uint8_t *key, const void *value),
		       void *arg)
{
	for (uint32_t i = 0; i < l->maps.n; i++) {
		const struct stb_map *m = ROW(struct stb_map, l->maps, i);

		if (m->value &&
		    !(m->flags & (STB_MAPF_HIDDEN | STB_MAPF_INTERNAL)) &&
		    !each_of_array(l, i, element, arg))
			return false;
	}
	return true;
}

int kmod_pages(const struct loader *l, const void *pages, uint32_t n)
{
	struct stb_kmod_pages p = { .address = (uintptr_t)pages, .n = n };

	return ask(l, STB_KMOD_PAGES, &p);
}

uint64_t kmod_missed(const struct loader *l)
{
	struct stb_kmod_counts c = { .site = STB_KMOD_ALL };

	return ask(l, STB_KMOD_COUNTS, &c) < 0 ? 0 : c.missed;
}

/* --- handlers ---------------------------------------------------------------------- */

/* Not until the ring is empty: others fill it, and we do with each call. */
void kmod_drain(struct loader *l)
{
	do
		ring_drain(l);
	while (ask(l, STB_KMOD_FLUSH, NULL) > 0 && !stop_pending());
	ring_drain(l);
}

void kmod_run(struct loader *l, uint32_t handler, struct vm_value *value)
{
	struct stb_kmod_run r = { .handler = handler };
	int error;

	if (value) {
		r.value = (uintptr_t)value->text;
		r.value_len = (uint32_t)value->n;
		r.value_cap = (uint32_t)value->cap;
	}
	error = ask(l, STB_KMOD_RUN, &r);
	if (error < 0)
		say("handler %s did not run: %s", stb_string(&l->meta,
		    ROW(struct stb_handler, l->handlers, handler)->name),
		    strerror(-error));
	else if (value)
		value->n = r.value_len;
	kmod_drain(l);
}

void kmod_settle(const struct loader *l)
{
	ask(l, STB_KMOD_SETTLE, NULL);
}

void kmod_detach(struct loader *l)
{
	struct stb_kmod_detach d = { .site = STB_KMOD_ALL };

	ask(l, STB_KMOD_DETACH, &d);
}

void kmod_end(struct loader *l)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int status = 0;

	kmod_detach(l);
	/* the mappings hold the file */
	munmap(l->shared, (l->limits->globals_size + page - 1) & ~(page - 1));
	munmap(l->ring.consumer, page);
	munmap((void *)(uintptr_t)l->ring.producer, page + 2 * l->ring.size);
	l->shared = NULL;
	l->ring.consumer = NULL;
	close(l->module_file);
	l->module_file = l->ring_fd = l->builds_fd = -1;
	kill(l->module_keeper, SIGUSR1);
	while (waitpid(l->module_keeper, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFEXITED(status) && WEXITSTATUS(status) &&
	    WEXITSTATUS(status) != ENOENT)
		say("module %s cannot be unloaded: %s: its probes are gone",
		    name_of(l), strerror(WEXITSTATUS(status)));
}
