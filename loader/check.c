/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check.c - what a host must be, found out before anything is loaded: the
 * privileges, what the kernel offers, and that each program that is probed is
 * the build that was compiled for (a probe at a stale offset crashes it).
 */
#include "loader/bpf.h"
#include "loader/facts.h"
#include "loader/kernel.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void checked(const struct loader *l, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (!l->opt.verbose || l->opt.check)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	say("%s", line);
}

/* --- build-ids ------------------------------------------------------------ */

size_t find_build_id(const uint8_t *notes, size_t size, size_t align,
		     uint8_t *id, size_t max)
{
	size_t at = 0;

	while (at <= size && size - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr h;
		uint64_t name, desc, end;

		memcpy(&h, notes + at, sizeof(h));
		name = at + sizeof(h);
		desc = name + ((h.n_namesz + align - 1) & ~(align - 1));
		end = desc + h.n_descsz;
		if (end > size)
			return 0;
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 &&
		    !memcmp(notes + name, "GNU", 4) && h.n_descsz &&
		    h.n_descsz <= max) {
			memcpy(id, notes + desc, h.n_descsz);
			return h.n_descsz;
		}
		at = (end + align - 1) & ~(align - 1);
	}
	return 0;
}

static int notes_build_id(int fd, uint64_t offset, uint64_t size,
			  uint64_t align, uint8_t *id, size_t max)
{
	uint8_t notes[4096];
	ssize_t n = pread(fd, notes, size < sizeof(notes) ? size :
			  sizeof(notes), offset);

	return n <= 0 ? 0 : find_build_id(notes, n, align == 8 ? 8 : 4, id, max);
}

/* Of a section that is in no segment of notes, as Go's linker makes it. */
static int section_build_id(int fd, const Elf64_Ehdr *e, uint8_t *id, size_t max)
{
	Elf64_Shdr s;
	int result = 0;

	if (e->e_shentsize != sizeof(s))
		return 0;
	for (int i = 0; i < e->e_shnum && i < 256 && !result; i++) {
		if (pread(fd, &s, sizeof(s), e->e_shoff + i * sizeof(s)) !=
		    sizeof(s))
			return 0;
		if (s.sh_type == SHT_NOTE)
			result = notes_build_id(fd, s.sh_offset, s.sh_size,
						s.sh_addralign, id, max);
	}
	return result;
}

/* In the notes of an ELF file: its length, 0 when it has none. */
int file_build_id(int fd, uint8_t *id, size_t max)
{
	Elf64_Ehdr e;
	Elf64_Phdr p;
	int result = 0;

	if (pread(fd, &e, sizeof(e), 0) != sizeof(e) ||
	    memcmp(e.e_ident, ELFMAG, SELFMAG) ||
	    e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_phentsize != sizeof(p))
		return 0;
	for (int i = 0; i < e.e_phnum && i < 256 && !result; i++) {
		if (pread(fd, &p, sizeof(p), e.e_phoff + i * sizeof(p)) !=
		    sizeof(p))
			return 0;
		if (p.p_type == PT_NOTE)
			result = notes_build_id(fd, p.p_offset, p.p_filesz,
						p.p_align, id, max);
	}
	return result ? result : section_build_id(fd, &e, id, max);
}

static const struct stb_program_build *build_at(const struct loader *l,
						uint32_t i)
{
	return ROW(struct stb_program_build, l->builds, i);
}

static const char *build_path(const struct loader *l, uint32_t i)
{
	return stb_string(&l->meta, build_at(l, i)->path);
}

bool is_module(const struct loader *l, uint32_t row)
{
	return build_at(l, row)->kind == STB_BUILD_MODULE;
}

bool is_program(const struct loader *l, uint32_t row)
{
	return build_at(l, row)->kind == STB_BUILD_PROGRAM;
}

/* Is `row` that build of what row `of` is a build of? */
static bool is_build(const struct loader *l, uint32_t row, uint32_t of,
		     const uint8_t *id, int len)
{
	const struct stb_program_build *b = build_at(l, row);

	return len > 0 && b->id.len == len && !memcmp(b->id.bytes, id, len) &&
	       b->kind == build_at(l, of)->kind &&
	       !strcmp(build_path(l, row), build_path(l, of));
}

void say_mismatch(const struct loader *l, uint32_t row, const uint8_t *id,
		  int len)
{
	const char *path = build_path(l, row);
	char text[41];

	say("%s%s is another build than %s was compiled for: found build-id "
	    "%s; it has probes for", is_module(l, row) ? "module " : "", path,
	    l->opt.file, len > 0 ? hex(text, id, len) : "none");
	for (uint32_t i = 0; i < l->builds.n; i++)
		if (!strcmp(build_path(l, i), path) &&
		    build_at(l, i)->kind == build_at(l, row)->kind)
			say("  %s", hex(text, build_at(l, i)->id.bytes,
					build_at(l, i)->id.len));
}

enum build_state match_build(const struct loader *l, uint32_t row,
			     const uint8_t *id, int len)
{
	if (is_build(l, row, row, id, len))
		return BUILD_HERE;
	for (uint32_t i = 0; i < l->builds.n; i++)
		if (is_build(l, i, row, id, len))
			return BUILD_OTHER;
	return BUILD_UNKNOWN;
}

static bool was_told(const struct loader *l, const uint8_t *id)
{
	for (uint32_t i = 0; i < l->builds.n; i++)
		if (!memcmp(l->told_ids[i], id, sizeof(*l->told_ids)))
			return true;
	return false;
}

/* Which row's build is an open file? */
static enum build_state which_build(struct loader *l, uint32_t row, int fd,
				    bool loud)
{
	const char *path = build_path(l, row);
	uint8_t id[20] = { 0 };
	char text[41];
	int len = file_build_id(fd, id, sizeof(id));
	enum build_state state = match_build(l, row, id, len);

	if (state == BUILD_HERE)
		checked(l, "program: %s, build-id %s", path,
			hex(text, id, len));
	if (state != BUILD_UNKNOWN)
		return state;
	if (!loud && (len <= 0 || was_told(l, id)))
		return BUILD_UNKNOWN;	/* half written, perhaps; or told */
	say_mismatch(l, row, id, len);
	if (!loud) {
		memcpy(l->told_ids[row], id, sizeof(id));
		return BUILD_UNKNOWN;
	}
	die(EXIT_NO_MATCH, "add this build to the manifest and compile again, "
	    "or install one of these");
}

static enum build_state look_at_path(struct loader *l, uint32_t row,
				     const char *path, bool loud)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum build_state state;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return BUILD_ABSENT;
	if (fd < 0 && loud)
		die(errno == EACCES ? EXIT_DENIED : EXIT_NO_MATCH,
		    "%s: cannot read its build-id: %s", path, strerror(errno));
	if (fd < 0)
		return BUILD_UNKNOWN;
	state = which_build(l, row, fd, loud);
	if (state == BUILD_HERE)
		l->build_fds[row] = fd;
	else
		close(fd);
	return state;
}

/* Does the process see other files than we do? */
static bool has_own_root(long long pid)
{
	struct stat ours, its;
	char root[48];

	snprintf(root, sizeof(root), "/proc/%lld/%s/.", pid, "root");
	return !stat(root, &its) && !stat("/", &ours) &&
	       (its.st_dev != ours.st_dev || its.st_ino != ours.st_ino);
}

/* What the process has mapped from that path, which may be no more there. */
static enum build_state look_at_mapped(struct loader *l, uint32_t row,
				       long long pid)
{
	enum build_state state = BUILD_ABSENT;
	size_t n = strlen(build_path(l, row));
	char folder[48], entry[512], link[4096];
	struct dirent *e;
	ssize_t got;
	DIR *d;

	snprintf(folder, sizeof(folder), "/proc/%lld/map_files", pid);
	d = opendir(folder);
	while (d && state != BUILD_HERE && (e = readdir(d))) {
		snprintf(entry, sizeof(entry), "%s/%s", folder, e->d_name);
		got = readlink(entry, link, sizeof(link) - 1);
		link[got > 0 ? got : 0] = 0;
		if (!strncmp(link, build_path(l, row), n) &&
		    (!link[n] || !strcmp(link + n, " (deleted)")))
			state = look_at_path(l, row, entry, false);
	}
	if (d)
		closedir(d);
	return state;
}

/* As the process of -x has it. */
static enum build_state look_in_target(struct loader *l, uint32_t row)
{
	enum build_state state = BUILD_ABSENT;
	long long pid = l->opt.target;
	char path[4352];

	if (has_own_root(pid)) {
		snprintf(path, sizeof(path), "/proc/%lld/root%s", pid,
			 build_path(l, row));
		state = look_at_path(l, row, path, false);
	}
	return state == BUILD_HERE ? state : look_at_mapped(l, row, pid);
}

enum build_state look_at_build(struct loader *l, uint32_t row, bool loud)
{
	if (l->opt.target && look_in_target(l, row) == BUILD_HERE)
		return BUILD_HERE;
	return look_at_path(l, row, build_path(l, row), loud);
}

/* --- where the kernel is --------------------------------------------------- */

/* The run-time address of _stext; early in the list. 0: it is not shown. */
uint64_t stext_shown(void)
{
	bool raised = rights_raise();
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[256], name[128];
	unsigned long long addr = 0;

	rights_lower(raised);
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %*c %127s", &addr, name) == 2 &&
		    !strcmp(name, "_stext"))
			break;
		else
			addr = 0;
	fclose(f);
	return addr;
}

/* Do the kernel's notes lie at that address? */
static bool notes_are_at(int peeker, uint64_t addr, const uint8_t *notes,
			 size_t n)
{
	uint8_t there[KERNEL_PEEK];
	size_t part;

	for (size_t at = 0; at < n; at += part) {
		part = n - at < sizeof(there) ? n - at : sizeof(there);
		if (!kernel_peek(peeker, addr + at, there) ||
		    memcmp(there, notes + at, part))
			return false;
	}
	return true;
}

/*
 * Where kallsyms shows nothing (kptr_restrict=2, or no CAP_SYSLOG): a kernel is
 * moved by a multiple of 2 MB, at most 1 GB, and its notes, which /sys shows
 * too, are there then.
 */
static uint64_t stext_by_notes(const struct loader *l)
{
	enum { STEP = 2 << 20, MOST = 1 << 30 };
	uint64_t at = l->variant->stext + l->variant->notes, slide;
	uint8_t notes[4096];
	long n = read_small("/sys/kernel/notes", notes, sizeof(notes));
	int peeker;

	if (!l->variant->notes || n < KERNEL_PEEK)
		return 0;
	peeker = kernel_peeker();
	if (peeker < 0)
		return 0;
	for (slide = 0; slide <= MOST; slide += STEP)
		if (notes_are_at(peeker, at + slide, notes, (size_t)n))
			break;
	close(peeker);
	return slide <= MOST ? l->variant->stext + slide : 0;
}

static bool needs_slide(const struct loader *l)
{
	if (l->limits->needs & STB_NEEDS_SLIDE)
		return true;
	for (uint32_t i = 0; i < l->tables.n; i++)
		if (ROW(struct stb_symbols, l->tables, i)->kind ==
		    STB_BIN_KERNEL)
			return true;
	for (uint32_t i = 0; i < l->sites.n; i++)
		if (ROW(struct stb_site, l->sites, i)->flags &
		    STB_SITE_BY_ADDRESS)
			return true;
	return false;
}

static void check_slide(struct loader *l)
{
	uint64_t stext;

	if (!needs_slide(l))
		return;
	stext = stext_shown();
	if (!stext)
		stext = stext_by_notes(l);
	if (!stext)
		die(EXIT_DENIED, "wanted the address of _stext: "
		    "/proc/kallsyms shows none (needs CAP_SYSLOG, or sysctl "
		    "kernel.kptr_restrict=0), and the kernel's notes are "
		    "not found in its memory");
	l->slide = stext - l->variant->stext;
	checked(l, "addresses: _stext is known");
}

/* --- all ------------------------------------------------------------------ */

/* What is no failure is told by those who look at it. */
static void die_refused(void *arg, const struct host_check *c)
{
	char text[2048];

	if (c->result != CHECK_NO)
		return;
	host_refusal(c, text, sizeof(text));
	die((enum exit_code)c->code, "%s", text);
}

/* What the process of -x has at the paths is what counts, and not what we have. */
static void facts_in_target(struct loader *l, struct host *h)
{
	struct host_build *b = (struct host_build *)h->builds;

	for (uint32_t i = 0; l->opt.target && i < l->builds.n; i++) {
		if (!is_program(l, i) || look_in_target(l, i) != BUILD_HERE)
			continue;
		for (uint32_t k = 0; k < l->builds.n; k++) {
			if (is_module(l, k) ||
			    strcmp(build_path(l, k), build_path(l, i)))
				continue;
			b[k].state = BUILD_THERE;
			b[k].id = build_at(l, i)->id;
		}
	}
}

/* Judged as a whole, nothing is changed; --check is all of it. */
static void judge(struct loader *l)
{
	struct host_bundle b = {
		.index = &l->index, .variant = l->variant,
		.signature = l->signature,
		.key_id = l->key_id, .id = l->reader.header->toc_digest,
	};
	struct host h;

	facts_read(&h);
	h.nkeys = l->nkeys;
	h.level = l->rights.level;
	h.recalled = l->recalled;	/* NULL: it was looked at */
	if (l->variant) {
		b.meta = &l->meta;
		b.kcode = l->variant->kcode ? &l->kcode : NULL;
		b.module = l->variant->module ? &l->module : NULL;
	}
	/* what needs it is refused where the caller may not do all */
	if (!l->opt.check && !(h.caps >> CAP_SYS_ADMIN & 1))
		h.features[HOST_UPROBE_MULTI] = bpf_has_uprobe_multi() ?
			HOST_YES : HOST_NO;
	if (!l->opt.check) {
		host_judge(&h, &b, die_refused, NULL);
		return;
	}
	if (is_trusted_caller(l))
		facts_try(&h);
	if (l->variant) {
		facts_builds(l, &h);
		facts_in_target(l, &h);
		if (h.addresses == ADDRESSES_IN_MEMORY && !stext_by_notes(l))
			h.addresses = ADDRESSES_HIDDEN;
	}
	_exit(check_told(l, &h, &b));
}

void check_host(struct loader *l)
{
	l->build_state = zalloc(l->builds.n);
	l->build_fds = zalloc(l->builds.n * sizeof(*l->build_fds));
	l->told_ids = zalloc(l->builds.n * sizeof(*l->told_ids));
	l->told_builds = zalloc(l->builds.n);
	judge(l);
	check_slide(l);
	tasks_check(l);
	check_modules(l);
	for (uint32_t i = 0; i < l->builds.n; i++) {
		if (!is_program(l, i))
			continue;
		l->build_state[i] = look_at_build(l, i, true);
		if (l->build_state[i] == BUILD_ABSENT)
			say("%s is not there: its probes are armed when it "
			    "comes", build_path(l, i));
	}
}
