/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * selfrun.c - a bundle and its loader as one program, for hosts where there is
 * no stap-load: stb pack --self-running -o OUT FILE.stb.
 */
#include "bundler/bundle.h"
#include "bundler/minisign.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096 };

/* stap-load beside this program. */
static const char *own_loader(struct arena *mem)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	if (n < 0)
		return "stap-load";
	exe[n] = 0;
	slash = strrchr(exe, '/');
	*slash = 0;
	return arena_printf(mem, "%s/stap-load", exe);
}

static int no_file(const char *file)
{
	wrong(file, 0, "%s", strerror(errno));
	return EXIT_NO_INPUT;
}

static int pack_into(struct arena *mem, const char *out, const char *file,
		     const char *loader)
{
	struct text all = { .mem = mem };
	struct stb_self self = { .magic = STB_SELF_MAGIC };
	const char *program, *data;
	struct bundle b;
	size_t n, size;
	int status = bundle_load(mem, file, &b);

	if (status)
		return status;
	data = bundle_file(mem, file, &size);
	program = read_file(mem, loader, &n);
	if (!data || !program)
		return no_file(data ? loader : file);
	if (n < SELFMAG || memcmp(program, ELFMAG, SELFMAG)) {
		wrong(loader, 0, "is no program: wanted a stap-load");
		return EXIT_DATA;
	}
	text_add(&all, program, n);
	while (all.n % PAGE)
		text_putc(&all, 0);
	self.offset = all.n;
	text_add(&all, data, size);
	text_add(&all, (const char *)&self, sizeof(self));
	if (write_file(out, all.s, all.n) && !chmod(out, 0755))
		return 0;
	wrong(out, 0, "%s", strerror(errno));
	return EXIT_CANT_WRITE;
}

int pack_self_running(const char *out, const char *file, const char *loader)
{
	struct arena mem = { 0 };
	int status = pack_into(&mem, out, file, loader ? loader :
			       own_loader(&mem));

	arena_free(&mem);
	return status;
}
