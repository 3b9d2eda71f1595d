/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/rights.h"
#include "loader/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define RUN "/run/stap-load"
#define GROUPS "/etc/group"
#define SAFE_PATH "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

extern char **environ;

enum { MAX_GROUPS = 1024, MAX_GROUP_FILE = 4 << 20 };

/* --- capabilities --------------------------------------------------------------- */

static uint64_t bit(unsigned cap)
{
	return 1ull << cap;
}

/* What loading can take: CAP_SYS_ADMIN for events of perf, and before 5.8 for
   all. */
static uint64_t loading(void)
{
	return bit(CAP_BPF) | bit(CAP_PERFMON) | bit(CAP_SYSLOG) |
		bit(CAP_NET_ADMIN) | bit(CAP_SYS_RESOURCE) |
		bit(CAP_SYS_NICE) | bit(CAP_SYS_ADMIN);
}

struct caps {			/* two words, as the kernel has them */
	struct __user_cap_data_struct half[2];
};

static void get_caps(struct caps *c)
{
	struct __user_cap_header_struct h = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};

	memset(c, 0, sizeof(*c));
	if (syscall(SYS_capget, &h, c->half))
		die(EXIT_KERNEL, "capget: %s", strerror(errno));
}

static void set_caps(const struct caps *c)
{
	struct __user_cap_header_struct h = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};

	if (syscall(SYS_capset, &h, c->half))
		die(EXIT_KERNEL, "capset: %s", strerror(errno));
}

static uint64_t permitted(const struct caps *c)
{
	return c->half[0].permitted | (uint64_t)c->half[1].permitted << 32;
}

/* Of those there are, these stay to be taken up; none is in force. */
static void keep_caps(uint64_t caps)
{
	struct caps c;

	get_caps(&c);
	for (int i = 0; i < 2; i++) {
		c.half[i].permitted &= (uint32_t)(caps >> 32 * i);
		c.half[i].effective = c.half[i].inheritable = 0;
	}
	set_caps(&c);
}

bool rights_raise(void)
{
	bool more = false;
	struct caps c;

	get_caps(&c);
	for (int i = 0; i < 2; i++) {
		more |= c.half[i].effective != c.half[i].permitted;
		c.half[i].effective = c.half[i].permitted;
	}
	if (more)
		set_caps(&c);
	return more;
}

void rights_lower(bool raised)
{
	struct caps c;

	if (!raised)
		return;
	get_caps(&c);
	c.half[0].effective = c.half[1].effective = 0;
	set_caps(&c);
}

/* --- safe first ------------------------------------------------------------------- */

static void safe_environment(struct rights *r)
{
	static const char *const kept[] = { "TERM=", "TZ=" };
	char **safe = zalloc((COUNT_OF(kept) + 2) * sizeof(*safe));
	size_t n = 0;

	r->environ = environ;
	safe[n++] = (char *)SAFE_PATH;
	for (size_t i = 0; i < COUNT_OF(kept); i++)
		for (char **e = environ; e && *e; e++)
			if (!strncmp(*e, kept[i], strlen(kept[i]))) {
				safe[n++] = *e;
				break;
			}
	environ = safe;
}

/* 0, 1 and 2 are open: nothing of ours gets their numbers. */
static void standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd < 3);
	if (fd >= 0)
		close(fd);
	else if (fcntl(0, F_GETFD) < 0 || fcntl(1, F_GETFD) < 0 ||
		 fcntl(2, F_GETFD) < 0)
		_exit(EXIT_AGAIN);	/* a message would go to who knows */
}

static void safe_signals(void)
{
	const struct itimerval never = { 0 };
	struct sigaction a = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		sigaction(i, &a, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setitimer(ITIMER_REAL, &never, NULL);
	setitimer(ITIMER_VIRTUAL, &never, NULL);
	setitimer(ITIMER_PROF, &never, NULL);
}

static void safe_limits(void)
{
	const struct rlimit no_core = { 0, 0 };

	umask(umask(077) | 022);
	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* With that mode, whatever the umask is: others are to use it, too. */
static int make_folder(const char *path, mode_t mode)
{
	mode_t was = umask(0);
	int failed = mkdir(path, mode), error = errno;

	umask(was);
	errno = error;
	return failed;
}

/* A folder in which this user's recorders listen: root alone can make it. */
static void make_run_folder(uid_t uid, gid_t gid)
{
	char path[64];

	make_folder(RUN, 0755);
	snprintf(path, sizeof(path), RUN "/u%u", (unsigned)uid);
	if (!make_folder(path, 0700) && lchown(path, uid, gid))
		rmdir(path);
}

/* The caller, with a few capabilities that can be taken up: files are opened and
   written as him, he can signal us, and there is no way back. */
static void become_caller(void)
{
	uid_t uid = getuid(), u[3];
	gid_t gid = getgid(), g[3];

	if (!geteuid())
		make_run_folder(uid, gid);
	prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	if (setresgid(gid, gid, gid) || setresuid(uid, uid, uid) ||
	    getresgid(&g[0], &g[1], &g[2]) || getresuid(&u[0], &u[1], &u[2]))
		die(EXIT_OURS, "cannot become user %u: %s", (unsigned)uid,
		    strerror(errno));
	prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	keep_caps(loading());
	for (int i = 0; i < 3; i++)
		if (u[i] != uid || g[i] != gid)
			die(EXIT_OURS, "user %u did not become himself",
			    (unsigned)uid);
	if (!setuid(0))
		die(EXIT_OURS, "user %u could become root", (unsigned)uid);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* --- groups -------------------------------------------------------------------------- */

/* The number of a group in /etc/group; -1: there is none of that name. */
static long group_number(const char *text, const char *name)
{
	size_t n = strlen(name);
	const char *p;

	for (p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, name, n) || p[n] != ':')
			continue;
		p += n + 1;
		p += strcspn(p, ":\n");
		return *p == ':' ? strtol(p + 1, NULL, 10) : -1;
	}
	return -1;
}

static bool in_group(const char *text, const char *name)
{
	gid_t groups[MAX_GROUPS];
	int n = getgroups(MAX_GROUPS, groups);
	long gid = group_number(text, name);

	if (gid < 0)
		return false;
	for (int i = 0; i < n; i++)
		if (groups[i] == (gid_t)gid)
			return true;
	return getgid() == (gid_t)gid;
}

static void find_level(struct rights *r)
{
	char *text = zalloc(MAX_GROUP_FILE);
	long n = read_small(GROUPS, text, MAX_GROUP_FILE);

	if (n < 0 && n != -ENOENT)
		die(n == -EMFILE || n == -ENFILE ? EXIT_AGAIN : EXIT_SETTINGS,
		    GROUPS ": %s", strerror((int)-n));
	if (n >= MAX_GROUP_FILE - 1)
		die(EXIT_SETTINGS, GROUPS ": larger than %d bytes",
		    MAX_GROUP_FILE);
	r->member = in_group(text, "stapusr");
	r->level = in_group(text, "stapdev") ? STB_STAPDEV :
		in_group(text, "stapsys") ? STB_STAPSYS : STB_STAPUSR;
	zfree(text, MAX_GROUP_FILE);
}

void rights_start(struct rights *r)
{
	r->level = STB_STAPDEV;
	r->environ = environ;
	standard_descriptors();
	signal(SIGCHLD, SIG_DFL);	/* we wait for those that we start */
	if (!getauxval(AT_SECURE) || !getuid())
		return;
	r->raised = true;
	safe_environment(r);
	close_from(3);	/* no other is open */
	safe_signals();
	safe_limits();
	become_caller();
	find_level(r);
}

/* --- what he may ------------------------------------------------------------------------ */

void rights_member(const struct rights *r)
{
	if (r->raised && !r->member)
		die(EXIT_NO_GROUP, "user %u is not in the group stapusr, whose "
		    "members may use this program: an administrator can add "
		    "him (and to stapsys or stapdev for more)",
		    (unsigned)getuid());
}

void rights_options(const struct loader *l)
{
	const char *option = l->opt.ntrust ? "--trust" :
		l->opt.allow_unsigned ? "--unsigned" : NULL;

	if (l->rights.level == STB_STAPDEV)
		return;
	if (option)
		die(EXIT_DENIED, "%s: whom to trust is for root and members of "
		    "stapdev to say; user %u is in %s alone", option,
		    (unsigned)getuid(), host_level_names[l->rights.level]);
}

/* The compiler's own, of what the target makes: it writes into a map. */
static bool keeps_track(const struct loader *l, const struct stb_site *s)
{
	const char *name = stb_string(&l->meta, s->symbol);

	return s->attach == STB_AT_RAW_TP && s->flags & STB_SITE_WITH_TARGET &&
	       (!strcmp(name, "sched_process_fork") ||
		!strcmp(name, "sched_process_exec") ||
		!strcmp(name, "sched_process_exit"));
}

/* A bundle of stapusr's probes programs and nothing else: its code asks at each
   hit whose they are. That is the compiler's word; this is not. */
static void check_own(const struct loader *l)
{
	if (l->variant->module)
		die(EXIT_DAMAGED, "%s: a bundle for members of stapusr has a "
		    "kernel module, which asks nobody whose a process is",
		    l->opt.file);
	for (uint32_t i = 0; i < l->sites.n; i++) {
		const struct stb_site *s = ROW(struct stb_site, l->sites, i);

		if (s->attach != STB_AT_UPROBE &&
		    s->attach != STB_AT_URETPROBE && !keeps_track(l, s))
			die(EXIT_DAMAGED, "%s: a bundle for members of stapusr "
			    "has the probe %s, which is none of processes",
			    l->opt.file, stb_string(&l->meta, s->name));
	}
}

void rights_bundle(struct loader *l)
{
	uint32_t level = stb_privilege(&l->index), mine = l->rights.level;

	if (level < mine && l->opt.check)
		return;		/* told with the other checks */
	if (level < mine)
		die(EXIT_DENIED, "%s is for members of %s, user %u is in %s%s: "
		    "compile it with --privilege=%s, or ask to be added to "
		    "the group %s", l->opt.file,
		    host_level_names[level],
		    (unsigned)getuid(), mine == STB_STAPSYS ? "stapusr and " :
		    "", host_level_names[mine], host_level_names[mine],
		    host_level_names[level]);
	if (level == STB_STAPUSR)
		check_own(l);
	if (l->rights.raised)
		checked(l, "privilege: a bundle for %s, and user %u is in %s",
			host_level_names[level], (unsigned)getuid(),
			host_level_names[mine]);
}

static bool attaches(const struct loader *l, enum stb_attach how)
{
	for (uint32_t i = 0; i < l->sites.n; i++)
		if (ROW(struct stb_site, l->sites, i)->attach == how)
			return true;
	return false;
}

/* Does CAP_SYS_ADMIN stand for what there is not of the two others, or are there
   sites that are attached each by itself, as events of perf, for which kernels may
   ask it? for_run: that are yet to come. */
static bool needs_admin(const struct loader *l, uint64_t mine, bool for_run)
{
	/* above 2 there is in Debian's kernels alone */
	long paranoid = read_number("/proc/sys/kernel/perf_event_paranoid");

	/* kernels before 5.8 have neither */
	if (~mine & (bit(CAP_BPF) | bit(CAP_PERFMON)))
		return true;
	for (uint32_t i = 0; i < l->sites.n; i++) {
		const struct stb_site *s = ROW(struct stb_site, l->sites, i);

		if (s->attach == STB_AT_PERF_EVENT && paranoid > 2)
			return true;	/* CPUs and threads come */
		if (s->attach != STB_AT_KPROBE &&
		    s->attach != STB_AT_KRETPROBE &&
		    s->attach != STB_AT_UPROBE &&
		    s->attach != STB_AT_URETPROBE)
			continue;
		if (!for_run || (!l->multi[s->prog] && (l->links[i] < 0 ||
		    s->flags & STB_SITE_IN_MODULE)))	/* it may come again */
			return true;
	}
	return false;
}

void rights_drop(const struct rights *r)
{
	if (r->raised)
		keep_caps(0);
}

void rights_keep(const struct loader *l, bool for_run)
{
	uint64_t caps = 0;
	struct caps c;

	if (!l->rights.raised)
		return;
	get_caps(&c);
	if (l->progs.n || l->limits->needs & STB_NEEDS_MEMORY)
		caps = loading() & ~bit(CAP_SYSLOG) & ~bit(CAP_NET_ADMIN);
	if (attaches(l, STB_AT_NETFILTER))
		caps |= bit(CAP_NET_ADMIN);
	/* where there are conditions, sites are attached anew */
	if (!needs_admin(l, permitted(&c), for_run && !l->off))
		caps &= ~bit(CAP_SYS_ADMIN);
	if (for_run)
		caps &= ~bit(CAP_SYS_RESOURCE) & ~bit(CAP_NET_ADMIN);
	keep_caps(caps);
}

/* --- folders ------------------------------------------------------------------------------- */

static bool is_own_folder(const char *path, mode_t mode)
{
	struct stat st;

	if (make_folder(path, mode) && errno != EEXIST)
		return false;
	if (lstat(path, &st))
		return false;
	errno = EEXIST;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & 022);
}

bool rights_folder(char *to, uint32_t size)
{
	unsigned uid = (unsigned)geteuid();

	snprintf(to, size, RUN);
	if (!uid && is_own_folder(to, 0755))
		return true;
	snprintf(to, size, RUN "/u%u", uid);
	if (uid && is_own_folder(to, 0700))
		return true;
	snprintf(to, size, "/var/tmp/stap-load-%u", uid);
	return is_own_folder(to, 0755);
}
