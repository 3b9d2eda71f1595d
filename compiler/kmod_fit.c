/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kmod_fit.c - does what is built here fit the kernel it is for? A kernel
 * refuses a module of other headers when it is too late to do anything about
 * it; its vmlinux, which the compiler has, tells beforehand.
 */
#include "kmod.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the compiler ------------------------------------------------------------- */

/* The first line of what `CC --version` says; NULL: it cannot be run. */
static const char *version_of(struct arena *mem, const char *cc)
{
	FILE *f = popen(arena_printf(mem, "LC_ALL=C %s --version 2>/dev/null",
				     cc), "r");
	char line[512] = "";

	if (!f)
		die("popen: %m");
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	while (fgetc(f) != EOF)
		continue;
	pclose(f);
	line[strcspn(line, "\n")] = 0;
	return *line ? arena_strdup(mem, line) : NULL;
}

/* Behind the name: "(Debian 12.2.0-14+deb12u1) 12.2.0". */
static const char *behind_name(const char *text)
{
	return text + strcspn(text, " ");
}

const char *kmod_compiler(struct job *j)
{
	const char *text = target_config(j->target, "CONFIG_CC_VERSION_TEXT");
	const char *cc, *have;

	if (!text)
		return "unknown";	/* kbuild's own choice, then */
	if (*text == '"')
		text = arena_strndup(&j->mem, text + 1, strlen(text) - 2);
	cc = arena_strndup(&j->mem, text, strcspn(text, " "));
	if (!kmod_plain_path(cc))
		return "unknown";
	have = version_of(&j->mem, cc);
	if (!have)
		die("kernel %s was built with %s, and there is no %s here: "
		    "install it, or compile with --engine=bpf",
		    j->kernel->name, text, cc);
	if (strcmp(behind_name(text), behind_name(have)))
		warn_at(j, (struct span){ 0 }, "kernel %s was built with %s, "
			"its modules are with %s", j->kernel->name, text, have);
	return have;
}

/* --- bytes of vmlinux ------------------------------------------------------------ */

/* n bytes at a link-time address; false: they are not in the file. */
static bool peek(const char *file, uint64_t addr, void *to, size_t n)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	bool ok = false;
	Elf64_Ehdr e;
	Elf64_Phdr p;
	unsigned i;

	if (fd < 0)
		die("%s: %m", file);
	if (pread(fd, &e, sizeof(e), 0) != sizeof(e) ||
	    e.e_phentsize != sizeof(p))
		e.e_phnum = 0;
	for (i = 0; i < e.e_phnum && !ok; i++)
		ok = pread(fd, &p, sizeof(p), (off_t)(e.e_phoff + i * sizeof(p)))
			== sizeof(p) && p.p_type == PT_LOAD &&
		     addr >= p.p_vaddr && addr - p.p_vaddr + n <= p.p_filesz &&
		     pread(fd, to, n, (off_t)(p.p_offset + addr - p.p_vaddr)) ==
			(ssize_t)n;
	close(fd);
	return ok;
}

/* n bytes at a symbol of the kernel; false: it is not known here. */
static bool peek_symbol(struct job *j, const char *name, void *to, size_t n)
{
	struct binary *k = target_kernel(j->target);
	uint64_t addr = target_symbol(j->target, k, name);

	return addr && k->debug && peek(k->debug, addr, to, n);
}

/* --- vermagic and CRCs -------------------------------------------------------- */

static bool other_headers(struct job *j, const char *what, const char *headers,
			  const char *kernel)
{
	return complain(j, (struct span){ 0 }, E_MANIFEST, "kernel %s: its "
			"headers in %s are of another build: %s is %s there, "
			"and %s in the kernel: name the headers of the same "
			"package version", j->kernel->name, j->kernel->headers,
			what, headers, kernel);
}

bool kmod_fits(struct job *j, const char *vermagic)
{
	const char *release = target_release(j->target);
	size_t n = strlen(release);
	char have[256] = "";

	if (strncmp(vermagic, release, n) || vermagic[n] != ' ')
		return other_headers(j, "the release", vermagic, release);
	if (!peek_symbol(j, "vermagic", have, strlen(vermagic) + 1))
		return true;
	have[sizeof(have) - 1] = 0;
	return !strcmp(have, vermagic) ||
	       other_headers(j, "vermagic", vermagic, have);
}

bool kmod_versions_fit(struct job *j, const char *mod_c)
{
	char *text = read_file(&j->mem, mod_c, NULL), *p, *end;
	const char *name, *symbol;
	unsigned long crc;
	uint32_t have;

	if (!text)
		die("%s: %m", mod_c);
	/* { 0x5b8239ca, "__x86_return_thunk" }, */
	for (p = text; (p = strstr(p, "\t{ 0x")); p = end) {
		crc = strtoul(p + 3, &end, 16);
		if (strncmp(end, ", \"", 3))
			continue;
		name = end + 3;
		end += 3 + strcspn(name, "\"");
		name = arena_strndup(&j->mem, name, (size_t)(end - name));
		symbol = arena_printf(&j->mem, "__crc_%s", name);
		if (peek_symbol(j, symbol, &have, sizeof(have)) && have != crc)
			return other_headers(j, arena_printf(&j->mem,
				"the version of %s", name),
				arena_printf(&j->mem, "0x%08lx", crc),
				arena_printf(&j->mem, "0x%08x", have));
	}
	return true;
}
