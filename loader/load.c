/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load.c - what a variant has in the kernel: maps, the globals region, and
 * programs. In: checked tables. Out: descriptors, and l->shared, which is
 * plain memory where nothing runs in the kernel. Everything that was made
 * goes away with this process.
 */
#include "loader/bpf.h"
#include "loader/kmod.h"
#include "loader/loader.h"
#include "loader/processes.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EACH_TASK = 4096 };

/* Descriptors that may be needed: a link a site, where one call is not enough
   for many, or one a task, and some for what is open otherwise. */
static uint32_t descriptors(const struct loader *l)
{
	uint32_t n = l->sites.n + 2 * l->progs.n + l->maps.n + l->builds.n + 64;

	for (uint32_t i = 0; i < l->sites.n; i++) {
		const struct stb_site *s = ROW(struct stb_site, l->sites, i);

		if (s->flags & STB_SITE_IN_TASKS || events_of_target(l, s))
			n += EACH_TASK;
	}
	return n;
}

void die_limit(const struct loader *l, int error)
{
	struct rlimit r = { 0 };

	getrlimit(RLIMIT_NOFILE, &r);
	output_flush((struct output *)&l->out);
	if (error == ENFILE)
		die(EXIT_AGAIN, "the system has no descriptors left: see "
		    "/proc/sys/fs/file-nr; raise fs.file-max");
	die(EXIT_AGAIN, "wanted up to %u descriptors, may have %llu, and not "
	    "raise that limit: \"ulimit -n %u\" before, or run with "
	    "CAP_SYS_RESOURCE", descriptors(l), (unsigned long long)r.rlim_cur,
	    descriptors(l));
}

_Noreturn static void die_refused(const struct loader *l, int error,
				  const char *what, const char *name)
{
	enum exit_code code = EXIT_KERNEL;
	const char *then = "see docs/stap-load.md, and the kernel's log";

	if (error == EMFILE || error == ENFILE)
		die_limit(l, error);
	if (error == EPERM) {
		code = EXIT_DENIED;
		then = "is this a container? Run it as root of the host";
	} else if (error == ENOMEM || error == EAGAIN) {
		code = EXIT_AGAIN;
		then = "try again when more memory is free";
	}
	die(code, "the kernel refused %s %s: %s: %s", what, name,
	    strerror(error), then);
}

/* --- maps ----------------------------------------------------------------- */

static int new_map(struct loader *l, const struct stb_map *m)
{
	const char *name = stb_string(&l->meta, m->name);

	switch ((enum stb_map_type)m->type) {
	case STB_MAP_HASH:
		return bpf_map_new(BPF_MAP_TYPE_HASH, name, m->key_size,
				   m->value_size, m->max_entries, 0);
	case STB_MAP_PERCPU_HASH:
		return bpf_map_new(BPF_MAP_TYPE_PERCPU_HASH, name,
				   m->key_size, m->value_size, m->max_entries,
				   0);
	case STB_MAP_PERCPU_ARRAY:
		return bpf_map_new(BPF_MAP_TYPE_PERCPU_ARRAY, name, 4,
				   m->value_size, m->max_entries, 0);
	case STB_MAP_RINGBUF:
		return bpf_map_new(BPF_MAP_TYPE_RINGBUF, name, 0, 0,
				   l->opt.ring_size, 0);
	case STB_MAP_GLOBALS:
		return bpf_map_new(BPF_MAP_TYPE_ARRAY, name, 4,
				   m->value_size, 1, BPF_F_MMAPABLE);
	case STB_MAP_RODATA:
		return bpf_map_new(BPF_MAP_TYPE_ARRAY, name, 4,
				   m->value_size, 1, BPF_F_RDONLY_PROG);
	case STB_MAP_PAGES:
		return processes_pages(l, name, m->flags & STB_MAPF_NAMES);
	case STB_MAP_LOADER:
		return -ENOENT;
	}
	return -EINVAL;
}

static void fill_rodata(const struct loader *l, int fd)
{
	struct rows data = rows_of(&l->kcode, STB_T_RODATA, 1);
	uint32_t zero = 0;
	int error = bpf_map_update(fd, &zero, data.base, 0);

	if (!error)
		error = bpf_map_freeze(fd);
	if (error)
		die_refused(l, -error, "the literals of", l->opt.file);
}

static void map_globals(struct loader *l, int fd)
{
	void *p = mmap(NULL, l->limits->globals_size, PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		die_refused(l, errno, "to share the globals of", l->opt.file);
	l->shared = p;
}

static bool set_limit(int which, const struct rlimit *r)
{
	bool raised = rights_raise(), done = !setrlimit(which, r);

	rights_lower(raised);
	return done;
}

/* Kernels before 5.11 count maps as locked memory. */
static void raise_locked(void)
{
	set_limit(RLIMIT_MEMLOCK,
		  &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
}

/* What -c starts gets the limits there were: see child_main. */
static void raise_descriptors(struct loader *l)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur >= descriptors(l))
		return;
	l->nofile = r;
	r.rlim_cur = descriptors(l);
	if (r.rlim_max < r.rlim_cur)
		r.rlim_max = r.rlim_cur;
	if (set_limit(RLIMIT_NOFILE, &r))
		return;
	r.rlim_cur = r.rlim_max = l->nofile.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

static void load_maps(struct loader *l)
{
	int error = 0;

	for (uint32_t i = 0; i < l->maps.n; i++) {
		const struct stb_map *m = ROW(struct stb_map, l->maps, i);
		int fd;

		l->map_fds[i] = -1;
		if (m->type == STB_MAP_LOADER || !l->progs.n)
			continue;
		fd = new_map(l, m);
		if (fd == -EPERM) {
			raise_locked();
			fd = new_map(l, m);
		}
		if (fd < 0)
			die_refused(l, -fd, "map",
				    stb_string(&l->meta, m->name));
		l->map_fds[i] = fd;
		if (m->type == STB_MAP_RODATA)
			fill_rodata(l, fd);
		if (m->type == STB_MAP_GLOBALS)
			map_globals(l, fd);
		if (m->type == STB_MAP_RINGBUF)
			l->ring_fd = fd;
		if (m->flags & STB_MAPF_TASKS)
			l->tasks_fd = fd;
		if (m->flags & STB_MAPF_FILES)
			l->files_fd = fd;
		if (m->flags & STB_MAPF_BUILDS)
			l->builds_fd = fd;
	}
	if (l->builds_fd >= 0 && l->user_builds)
		error = processes_builds(l, l->builds_fd);
	if (error)
		die_refused(l, -error, "what is known of programs in",
			    l->opt.file);
}

/* --- programs ------------------------------------------------------------- */

const char *prog_probe(const struct loader *l, uint32_t prog)
{
	for (uint32_t i = 0; i < l->sites.n; i++) {
		const struct stb_site *s = ROW(struct stb_site, l->sites, i);

		if (s->prog == prog)
			return stb_string(&l->meta, s->name);
	}
	return stb_string(&l->meta,
			  ROW(struct stb_prog, l->progs, prog)->name);
}

static int map_fd_of(const struct loader *l, uint32_t id)
{
	for (uint32_t i = 0; i < l->maps.n; i++)
		if (ROW(struct stb_map, l->maps, i)->id == id)
			return l->map_fds[i];
	return -1;
}

/* In place: what was decompressed is ours. stb_validate has checked that each
   lies inside its program and names a map. */
static void relocate(const struct loader *l, struct bpf_insn *code,
		     const struct stb_prog *p)
{
	struct rows relocs = rows_of(&l->kcode, STB_T_RELOCS,
				     sizeof(struct stb_reloc));

	for (uint32_t i = 0; i < p->reloc_count; i++) {
		const struct stb_reloc *r =
			ROW(struct stb_reloc, relocs, p->reloc_first + i);
		struct bpf_insn *in = code + r->insn;

		in->src_reg = r->kind == STB_REL_MAP ? BPF_PSEUDO_MAP_FD :
			BPF_PSEUDO_MAP_VALUE;
		in[0].imm = map_fd_of(l, r->target);
		in[1].imm = r->kind == STB_REL_MAP ? 0 : (int)r->addend;
	}
}

static void prog_spec(const struct loader *l, const struct stb_prog *p,
		      int btf_fd, enum multi multi, struct bpf_prog_spec *s)
{
	struct rows insns = rows_of(&l->kcode, STB_T_INSNS, 8);
	struct rows funcs = rows_of(&l->kcode, STB_T_FUNC_INFO, 8);

	*s = (struct bpf_prog_spec){
		.name = stb_string(&l->meta, p->name),
		.insns = ROW(void, insns, p->insn_first),
		.insn_count = p->insn_count,
		.btf_fd = p->func_count ? btf_fd : -1,
		.func_count = p->func_count,
	};
	if (p->func_count)
		s->funcs = ROW(void, funcs, p->func_first);
	switch ((enum stb_prog_type)p->type) {
	case STB_PROG_KPROBE:
		s->type = BPF_PROG_TYPE_KPROBE;
		s->attach_type = multi == MULTI_UPROBES ?
			BPF_AT_UPROBE_MULTI : multi == MULTI_KPROBES ?
			BPF_AT_KPROBE_MULTI : 0;
		break;
	case STB_PROG_FENTRY:
	case STB_PROG_FEXIT:
		s->type = BPF_PROG_TYPE_TRACING;
		s->attach_type = p->type == STB_PROG_FENTRY ?
			BPF_TRACE_FENTRY : BPF_TRACE_FEXIT;
		s->attach_btf_id = p->btf_id;
		break;
	case STB_PROG_RAW_TP:
		s->type = BPF_PROG_TYPE_RAW_TRACEPOINT;
		break;
	case STB_PROG_PERF_EVENT:
		s->type = BPF_PROG_TYPE_PERF_EVENT;
		break;
	case STB_PROG_TASKS:
		s->type = BPF_PROG_TYPE_TRACING;
		s->attach_type = BPF_TRACE_ITER;
		s->attach_btf_id = p->btf_id;
		break;
	case STB_PROG_NETFILTER:
		s->type = BPF_TYPE_NETFILTER;
		s->attach_type = BPF_AT_NETFILTER;
		break;
	}
}

/* Why, in the verifier's words: the last line, with -v the last sixty. */
static void say_log(const struct loader *l, const struct bpf_prog_spec *s)
{
	uint32_t size = 1 << 24;
	char *log = zalloc(size), *p;
	int lines = l->opt.verbose ? 60 : 3;

	bpf_prog_new(s, log, size);
	for (p = log + strlen(log); p > log; p--)
		if (p[-1] == '\n' && !lines--)
			break;
	if (*p)
		say("the verifier says:\n%s", p);
}

_Noreturn static void die_prog(const struct loader *l, uint32_t i,
			       const struct bpf_prog_spec *s, int error)
{
	const char *probe = prog_probe(l, i);

	if (error == EPERM && s->attach_btf_id)
		die(EXIT_KERNEL, "the kernel refused %s: it lets nobody trace "
		    "functions by fentry: compile for it without, or probe "
		    "a tracepoint", probe);
	if (error != EACCES && error != EINVAL && error != E2BIG &&
	    error != EFAULT)	/* which is what old verifiers say of themselves */
		die_refused(l, error, "the program of", probe);
	say_log(l, s);
	die(EXIT_OURS, "the kernel refused the program of %s: %s: it should "
	    "not have been built so: please report it%s", probe,
	    strerror(error), l->opt.verbose ? "" : " with the output of -v");
}

/*
 * One call can attach all sites of a program that are uprobes, where the
 * kernel can; and all that are at the entry or return of kernel functions.
 * Whether it will is seen when it is tried.
 */
static enum multi choose_multi(const struct loader *l, uint32_t prog)
{
	uint32_t uprobes = 0, kprobes = 0;
	bool by_address = false, addresses = true;

	for (uint32_t i = 0; i < l->sites.n; i++) {
		const struct stb_site *s = ROW(struct stb_site, l->sites, i);

		if (s->prog != prog)
			continue;
		if (s->flags & STB_SITE_IN_MODULE)
			return MULTI_NO;	/* it would keep the module */
		if (s->attach == STB_AT_UPROBE || s->attach == STB_AT_URETPROBE)
			uprobes++;
		else if (s->offset || s->flags & STB_SITE_ABSOLUTE)
			continue;	/* see plain_prog */
		else
			kprobes++;
		by_address = by_address || s->flags & STB_SITE_BY_ADDRESS;
		addresses = addresses && s->addr;
	}
	if (by_address && !addresses)
		return MULTI_NO;
	if (uprobes && !kprobes)
		return MULTI_UPROBES;
	return kprobes > 1 && !uprobes ? MULTI_KPROBES : MULTI_NO;
}

static void choose_all(struct loader *l)
{
	enum { UNKNOWN, YES, NO } has = UNKNOWN;

	for (uint32_t i = 0; i < l->progs.n; i++) {
		if (ROW(struct stb_prog, l->progs, i)->type != STB_PROG_KPROBE)
			continue;
		l->multi[i] = choose_multi(l, i);
		if (l->multi[i] != MULTI_UPROBES)
			continue;
		if (has == UNKNOWN)
			has = bpf_has_uprobe_multi() ? YES : NO;
		if (has == NO)
			l->multi[i] = MULTI_NO;
	}
}

static int load_types(const struct loader *l)
{
	struct rows btf = rows_of(&l->kcode, STB_T_BTF, 1);
	int fd;

	if (!btf.n)
		return -1;
	fd = bpf_btf_new(btf.base, btf.n);
	if (fd < 0)
		die_refused(l, -fd, "the types of", l->opt.file);
	return fd;
}

static void load_progs(struct loader *l)
{
	int btf_fd = load_types(l);

	choose_all(l);
	for (uint32_t i = 0; i < l->progs.n; i++) {
		const struct stb_prog *p = ROW(struct stb_prog, l->progs, i);
		struct bpf_prog_spec s;

		prog_spec(l, p, btf_fd, l->multi[i], &s);
		relocate(l, (struct bpf_insn *)s.insns, p);
		l->prog_fds[i] = bpf_prog_new(&s, NULL, 0);
		if (l->prog_fds[i] < 0 && l->multi[i] == MULTI_KPROBES) {
			l->multi[i] = MULTI_NO;
			prog_spec(l, p, btf_fd, MULTI_NO, &s);
			l->prog_fds[i] = bpf_prog_new(&s, NULL, 0);
		}
		if (l->prog_fds[i] < 0)
			die_prog(l, i, &s, -l->prog_fds[i]);
	}
	if (btf_fd >= 0)
		close(btf_fd);
}

int plain_prog(struct loader *l, uint32_t prog)
{
	struct bpf_prog_spec s;
	int btf_fd, fd;

	if (!l->multi[prog])
		return l->prog_fds[prog];
	if (l->plain_fds[prog] > 0)
		return l->plain_fds[prog];
	btf_fd = load_types(l);
	prog_spec(l, ROW(struct stb_prog, l->progs, prog), btf_fd, MULTI_NO,
		  &s);
	fd = bpf_prog_new(&s, NULL, 0);
	if (btf_fd >= 0)
		close(btf_fd);
	if (fd > 0)
		l->plain_fds[prog] = fd;
	return fd;
}

int reload_prog(struct loader *l, uint32_t prog)
{
	int fd = plain_prog(l, prog);

	if (fd < 0)
		return -fd;
	close(l->prog_fds[prog]);
	l->prog_fds[prog] = fd;
	l->plain_fds[prog] = 0;
	l->multi[prog] = MULTI_NO;
	return 0;
}

void load_kernel(struct loader *l)
{
	struct rows image = rows_of(&l->meta, STB_T_GLOBALS_IMAGE, 1);

	if (in_kmod(l)) {
		kmod_load(l);
		return;
	}
	l->map_fds = zalloc(l->maps.n * sizeof(int));
	l->prog_fds = zalloc(l->progs.n * sizeof(int));
	l->plain_fds = zalloc(l->progs.n * sizeof(int));
	l->multi = zalloc(l->progs.n);
	if (l->progs.n)
		raise_descriptors(l);
	load_maps(l);
	if (!l->shared)
		l->shared = zalloc(l->limits->globals_size);
	if (image.n)
		memcpy(l->shared, image.base, image.n);
	l->shared->slide = l->slide;
	l->shared->owner = getuid();
	if (l->progs.n)
		load_progs(l);
}

uint64_t missed_runs(const struct loader *l)
{
	uint64_t n = 0;

	if (in_kmod(l))
		return l->shared ? kmod_missed(l) : 0;
	for (uint32_t i = 0; i < l->progs.n; i++)
		n += bpf_prog_misses(l->prog_fds[i]) +
		     (l->plain_fds[i] ? bpf_prog_misses(l->plain_fds[i]) : 0);
	for (uint32_t i = 0; l->links && i < l->sites.n; i++)
		if (l->links[i] >= 0)
			n += bpf_link_misses(l->links[i]);
	return n;
}
