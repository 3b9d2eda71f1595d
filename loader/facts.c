/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/facts.h"
#include "loader/bpf.h"
#include "loader/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PMU "/sys/bus/event_source/devices/"
#define BTF "/sys/kernel/btf/vmlinux"
/* A function that is there to be attached to, and is never called otherwise. */
#define TRIED "bpf_fentry_test1"

/* --- what is written somewhere ------------------------------------------------- */

static void read_names(struct host *h)
{
	struct utsname uts;

	uname(&uts);
	snprintf(h->release, sizeof(h->release), "%.64s", uts.release);
	snprintf(h->machine, sizeof(h->machine), "%.64s", uts.machine);
	snprintf(h->name, sizeof(h->name), "%.64s", uts.nodename);
	snprintf(h->version, sizeof(h->version), "%.64s", uts.version);
	h->kernel.len = (uint8_t)kernel_build_id(h->kernel.bytes,
						 sizeof(h->kernel.bytes));
}

static void read_caps(struct host *h)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct d[2] = { 0 };

	if (syscall(SYS_capget, &head, d))
		die(EXIT_KERNEL, "capget: %s", strerror(errno));
	/* which rights_raise() takes up */
	h->caps = d[0].permitted | (uint64_t)d[1].permitted << 32;
	h->uid = (uint32_t)geteuid();
}

static void read_lockdown(struct host *h)
{
	char text[128], word[32];

	if (read_small("/sys/kernel/security/lockdown", text, sizeof(text)) < 0)
		return;
	for (int i = 0; i < 3; i++) {
		snprintf(word, sizeof(word), "[%s]", host_lockdown_names[i]);
		if (strstr(text, word))
			h->lockdown = (enum host_lockdown)i;
	}
}

static enum host_answer is_there(const char *path)
{
	return access(path, R_OK) ? HOST_NO : HOST_YES;
}

static void read_limits(struct host *h)
{
	struct rlimit r;

	if (!getrlimit(RLIMIT_NOFILE, &r)) {
		h->nofile = r.rlim_cur;
		h->nofile_max = r.rlim_max;
	}
	h->memory_kb = (uint64_t)sysconf(_SC_PHYS_PAGES) *
		       ((uint64_t)sysconf(_SC_PAGESIZE) / 1024);
	h->cpus = possible_cpus();
}

void facts_read(struct host *h)
{
	char text[8];

	memset(h, 0, sizeof(*h));
	read_names(h);
	read_caps(h);
	read_lockdown(h);
	read_limits(h);
	if (read_small("/sys/module/module/parameters/sig_enforce", text,
		       sizeof(text)) > 0)
		h->sig_enforce = *text == 'Y' ? HOST_YES : HOST_NO;
	h->loading = access("/proc/modules", F_OK) ? LOADING_NONE :
		read_number("/proc/sys/kernel/modules_disabled") == 1 ?
		LOADING_DISABLED : LOADING_ALLOWED;
	h->features[HOST_BTF] = is_there(BTF);
	h->features[HOST_KPROBES] = is_there(PMU "kprobe/type");
	h->features[HOST_UPROBES] = is_there(PMU "uprobe/type");
}

/* --- what is tried ---------------------------------------------------------------- */

/* A program that does nothing; -errno. */
static int nothing(uint32_t type, uint32_t attach_type, uint32_t btf_id)
{
	struct bpf_insn code[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0,
		     type == BPF_TYPE_NETFILTER),	/* the packet goes on */
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	struct bpf_prog_spec s = {
		.type = type, .attach_type = attach_type,
		.attach_btf_id = btf_id, .name = "stb_try", .insns = code,
		.insn_count = COUNT_OF(code), .btf_fd = -1,
	};

	return bpf_prog_new(&s, NULL, 0);
}

static enum host_answer close_both(int prog, int link)
{
	if (prog >= 0)
		close(prog);
	if (link >= 0)
		close(link);
	return link >= 0 ? HOST_YES : HOST_NO;
}

static enum host_answer try_kprobe_multi(void)
{
	static const char *const symbols[] = { TRIED };
	int prog = nothing(BPF_PROG_TYPE_KPROBE, BPF_AT_KPROBE_MULTI, 0);
	uint64_t cookie = 0;

	return close_both(prog, prog < 0 ? prog : bpf_link_kprobes(prog,
			  symbols, NULL, &cookie, 1, false));
}

/* Does a type of BTF begin at p? Bytes of what follows it, and its vlen. */
static size_t behind_type(uint32_t info)
{
	uint32_t kind = info >> 24 & 31, n = info & 0xffff;
	/* BTF_KIND_*: bytes, and bytes a member */
	static const struct { uint8_t fixed, each; } sizes[32] = {
		[1] = { 4, 0 }, [3] = { 12, 0 }, [4] = { 0, 12 },
		[5] = { 0, 12 }, [6] = { 0, 8 }, [13] = { 0, 8 },
		[14] = { 4, 0 }, [15] = { 0, 12 }, [17] = { 4, 0 },
		[19] = { 0, 12 },
	};

	return sizes[kind].fixed + (size_t)sizes[kind].each * n;
}

/* The id of a function in raw BTF; 0: it has none. */
static uint32_t find_func(const uint8_t *btf, size_t size, const char *name)
{
	enum { FUNC = 12 };
	struct { uint32_t magic, head, types, types_len, text, text_len; } h;
	const uint8_t *p, *end;
	const char *names;
	uint32_t id = 1;

	if (size < sizeof(h))
		return 0;
	memcpy(&h, btf, sizeof(h));
	if (h.head > size || h.types > size - h.head ||
	    h.types_len > size - h.head - h.types ||
	    h.text > size - h.head || h.text_len > size - h.head - h.text ||
	    !h.text_len || btf[h.head + h.text + h.text_len - 1])
		return 0;
	p = btf + h.head + h.types;
	end = p + h.types_len;
	names = (const char *)btf + h.head + h.text;
	for (; end - p >= 12; id++) {
		uint32_t t[3];
		size_t more;

		memcpy(t, p, sizeof(t));
		more = behind_type(t[1]);
		if ((t[1] >> 24 & 31) == FUNC && t[0] < h.text_len &&
		    !strcmp(names + t[0], name))
			return id;
		if (more > (size_t)(end - p) - 12)
			return 0;
		p += 12 + more;
	}
	return 0;
}

static uint32_t tried_btf_id(void)
{
	enum { MOST = 64 << 20 };
	uint8_t *btf = zalloc(MOST);
	long n = read_small(BTF, btf, MOST);
	uint32_t id = n > 0 ? find_func(btf, (size_t)n, TRIED) : 0;

	zfree(btf, MOST);
	return id;
}

static enum host_answer try_fentry(void)
{
	uint32_t id = tried_btf_id();
	int prog = id ? nothing(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, id) :
		   -1;

	if (!id)
		return HOST_UNKNOWN;
	return close_both(prog, prog < 0 ? prog :
			  bpf_link_trace(prog, BPF_TRACE_FENTRY, 0));
}

static enum host_answer try_netfilter(void)
{
	int prog = nothing(BPF_TYPE_NETFILTER, BPF_AT_NETFILTER, 0);

	return close_both(-1, prog);
}

void facts_try(struct host *h)
{
	int peeker;

	if (stext_shown())
		h->addresses = ADDRESSES_SHOWN;
	if (!(h->caps >> CAP_SYS_ADMIN & 1) &&
	    (!(h->caps >> CAP_BPF & 1) || !(h->caps >> CAP_PERFMON & 1)))
		return;		/* it would tell of us, not of the kernel */
	h->features[HOST_KPROBE_MULTI] = try_kprobe_multi();
	h->features[HOST_UPROBE_MULTI] = bpf_has_uprobe_multi() ? HOST_YES :
								  HOST_NO;
	h->features[HOST_FENTRY] = try_fentry();
	h->features[HOST_NETFILTER] = try_netfilter();
	if (h->addresses)
		return;
	peeker = kernel_peeker();
	h->addresses = peeker >= 0 ? ADDRESSES_IN_MEMORY : ADDRESSES_HIDDEN;
	if (peeker >= 0)
		close(peeker);
}

/* --- builds ------------------------------------------------------------------------ */

void facts_program(struct host_build *b)
{
	int fd = open(b->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		b->state = errno == ENOENT || errno == ENOTDIR ? BUILD_GONE :
			   BUILD_UNREADABLE;
		return;
	}
	b->state = BUILD_THERE;
	b->id.len = (uint8_t)file_build_id(fd, b->id.bytes,
					   sizeof(b->id.bytes));
	close(fd);
}

void facts_module(struct host_build *b)
{
	char path[256];
	uint8_t notes[4096];
	long n;

	snprintf(path, sizeof(path), "/sys/module/%s/initstate", b->path);
	b->state = access(path, F_OK) ? BUILD_GONE : BUILD_THERE;
	snprintf(path, sizeof(path), "/sys/module/%s/notes/.note.gnu.build-id",
		 b->path);
	n = b->state == BUILD_THERE ? read_small(path, notes, sizeof(notes)) : 0;
	if (n > 0)
		b->id.len = (uint8_t)find_build_id(notes, (size_t)n, 4,
			b->id.bytes, sizeof(b->id.bytes));
}

void facts_builds(const struct loader *l, struct host *h)
{
	struct host_build *builds = array(l->builds.n, sizeof(*builds));

	for (uint32_t i = 0; i < l->builds.n; i++) {
		const struct stb_program_build *row =
			ROW(struct stb_program_build, l->builds, i);

		builds[i].path = stb_string(&l->meta, row->path);
		builds[i].is_module = row->kind == STB_BUILD_MODULE;
		if (builds[i].is_module)
			facts_module(&builds[i]);
		else
			facts_program(&builds[i]);
	}
	h->builds = builds;
	h->nbuilds = l->builds.n;
}

