/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bundle.c - from a path to the tables of this kernel's variant.
 *
 * Only what is needed is decompressed: the index, then the sections of one
 * variant, which live until the end. They come out of a copy of the file, which
 * nobody can change or cut while it is read, and which goes when all is.
 */
#include "loader/bpf.h"
#include "loader/kmod.h"
#include "loader/loader.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define SELF "/proc/self/exe"

_Noreturn void die_damaged(struct loader *l)
{
	const struct stb_reader *r = &l->reader;

	if (r->error == STB_E_NEWER)
		die(EXIT_DAMAGED, "%s: %s (%s %llu): format %d.%d is the "
		    "newest this program reads: take a newer stap-load",
		    l->opt.file, stb_error_text(r->error), r->error_in,
		    (unsigned long long)r->error_at, STB_MAJOR, STB_MINOR);
	die(EXIT_DAMAGED, "%s: %s (%s %llu): nothing was loaded; get the "
	    "bundle again from where it was built", l->opt.file,
	    stb_error_text(r->error), r->error_in,
	    (unsigned long long)r->error_at);
}

static void read_section(struct loader *l, uint32_t section,
			 struct stb_set *set)
{
	size_t size = stb_section_size(&l->reader, section);

	if (!size || !stb_section_read(&l->reader, section, zalloc(size), size,
				       set))
		die_damaged(l);
}

bool runs_itself(void)
{
	struct stb_self t;
	struct stat st;
	int fd = open(SELF, O_RDONLY | O_CLOEXEC);
	bool yes = fd >= 0 && !fstat(fd, &st) &&
		pread(fd, &t, sizeof(t), st.st_size - (off_t)sizeof(t)) ==
			sizeof(t) &&
		!memcmp(t.magic, STB_SELF_MAGIC, sizeof(t.magic));

	if (fd >= 0)
		close(fd);
	return yes;
}

bool lost_bundle(void)
{
	struct stat st;
	Elf64_Ehdr e;
	int fd = open(SELF, O_RDONLY | O_CLOEXEC);
	bool yes = fd >= 0 && !fstat(fd, &st) &&
		pread(fd, &e, sizeof(e), 0) == sizeof(e) &&
		(uint64_t)st.st_size >
			e.e_shoff + (uint64_t)e.e_shnum * e.e_shentsize;

	if (fd >= 0)
		close(fd);
	return yes;
}

static void *own_copy(const char *path, int fd, size_t size)
{
	uint8_t *data = zalloc(size);
	size_t n = 0;

	while (n < size) {
		ssize_t got = pread(fd, data + n, size - n, (off_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			die(EXIT_AGAIN, "%s: cannot read it: %s", path,
			    got ? strerror(errno) : "it became shorter");
		n += (size_t)got;
	}
	return data;
}

void open_bundle(struct loader *l)
{
	const char *path = l->opt.file;
	struct stat st;
	const void *data = l;		/* some address, of an empty file */
	size_t size;
	int fd = open(l->opt.self ? SELF : path, O_RDONLY | O_CLOEXEC |
		      O_NONBLOCK);

	if (fd < 0)
		die(errno == EACCES || errno == EPERM ? EXIT_DENIED :
		    EXIT_NO_FILE, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		die(EXIT_DAMAGED, "%s: not a bundle: wanted a regular file",
		    path);
	if (st.st_size > (off_t)STB_MAX_FILE_SIZE)
		die(EXIT_DAMAGED, "%s: larger than this program accepts",
		    path);
	size = (size_t)st.st_size;
	l->file_size = size;
	if (size)
		data = l->file = own_copy(path, fd, size);
	close(fd);
	stb_unwrap(&data, &size);
	size = prove_signature(l, data, size);
	if (!stb_open(&l->reader, data, size))
		die_damaged(l);
	read_section(l, 0, &l->index);
	if (!stb_validate_index(&l->reader, &l->index))
		die_damaged(l);
	check_recalled(l);
}

size_t kernel_build_id(uint8_t *id, size_t max)
{
	uint8_t notes[4096];
	long n = read_small("/sys/kernel/notes", notes, sizeof(notes));

	if (n < 0)
		die(EXIT_KERNEL, "wanted this kernel's build-id from "
		    "/sys/kernel/notes: %s: is /sys mounted?",
		    strerror((int)-n));
	return find_build_id(notes, n, 4, id, max);
}

_Noreturn static void die_no_variant(const struct loader *l,
				     const struct rows *variants,
				     const uint8_t *id, size_t len)
{
	struct utsname uts;
	char have[41];

	uname(&uts);
	say("%s has no probes for this kernel: wanted %s, build-id %s; it has",
	    l->opt.file, uts.release, len ? hex(have, id, len) : "unknown");
	for (uint32_t i = 0; i < variants->n; i++) {
		const struct stb_variant *v =
			ROW(struct stb_variant, *variants, i);

		say("  %s: %s, build-id %s", stb_string(&l->index, v->name),
		    stb_string(&l->index, v->release),
		    hex(have, v->kernel.bytes, v->kernel.len));
	}
	die(EXIT_NO_MATCH, "add this kernel to the manifest and compile "
	    "again, or boot one of these");
}

/* The tables of the variant and what holds between them. */
static void read_variant(struct loader *l)
{
	const struct stb_variant *v = l->variant;

	read_section(l, v->meta, &l->meta);
	if (v->kcode)
		read_section(l, v->kcode, &l->kcode);
	if (v->ucode)
		read_section(l, v->ucode, &l->ucode);
	if (v->module)
		read_section(l, v->module, &l->module);
	if (v->module && !stb_validate_module(&l->reader, &l->module,
					      v->module))
		die_damaged(l);
	if (!stb_validate(&l->reader, &l->meta, v->kcode ? &l->kcode : NULL,
			  v->ucode ? &l->ucode : NULL))
		die_damaged(l);
	l->limits = ROW(struct stb_limits,
			rows_of(&l->meta, STB_T_LIMITS,
				sizeof(struct stb_limits)), 0);
	if (!v->module != !(l->limits->needs & STB_NEEDS_MODULE))
		die(EXIT_DAMAGED, "%s: damaged: a module that is not there",
		    l->opt.file);
	if (l->limits->globals_size < sizeof(struct stb_shared))
		die(EXIT_DAMAGED, "%s: damaged: globals take %u bytes, "
		    "wanted %zu at least", l->opt.file,
		    l->limits->globals_size, sizeof(struct stb_shared));
#define ROWS(kind, type) rows_of(&l->meta, kind, sizeof(struct type))
	l->maps = ROWS(STB_T_MAPS, stb_map);
	l->globals = ROWS(STB_T_GLOBALS, stb_global);
	l->formats = ROWS(STB_T_FORMATS, stb_format);
	l->builds = ROWS(STB_T_BUILDS, stb_program_build);
	l->progs = ROWS(STB_T_PROGS, stb_prog);
	l->sites = ROWS(STB_T_SITES, stb_site);
	l->events = ROWS(STB_T_EVENTS, stb_event);
	l->file_rows = ROWS(STB_T_FILES, stb_file);
	l->handlers = ROWS(STB_T_HANDLERS, stb_handler);
	l->tables = ROWS(STB_T_SYMBOLS, stb_symbols);
#undef ROWS
}

/* Does the kernel take programs from us? An array is little to ask for. */
static const char *bpf_forbidden(void)
{
	int fd = bpf_map_new(BPF_MAP_TYPE_ARRAY, "stb", 4, 8, 1, 0);

	if (fd < 0)
		return fd == -ENOSYS ? "this kernel has no BPF" :
			"this kernel lets us load no BPF";
	close(fd);
	return NULL;
}

static void choose_engine(struct loader *l, const struct stb_variant *bpf,
			  const struct stb_variant *module)
{
	const char *why = NULL;

	if (l->opt.engine == ENGINE_BPF ? !bpf :
	    l->opt.engine == ENGINE_MODULE && !module)
		die(EXIT_NO_MATCH, "--engine=%s: %s has only the other for this "
		    "kernel", bpf ? "module" : "bpf", l->opt.file);
	l->variant = bpf ? bpf : module;
	if (l->opt.engine == ENGINE_MODULE)
		l->variant = module;
	if (l->opt.engine != ENGINE_ANY || !bpf || !module) {
		checked(l, "engine: %s, %s", l->variant->module ? "module" :
			"bpf", l->opt.engine != ENGINE_ANY ? "as asked for" :
			"the bundle has no other for this kernel");
		return;
	}
	why = bpf_forbidden();
	if (why && kmod_allowed()) {
		l->variant = module;
		say("engine: module: %s", why);
	} else {
		checked(l, "engine: bpf, the first that this host allows");
	}
}

void pick_variant(struct loader *l)
{
	struct rows variants = rows_of(&l->index, STB_T_VARIANTS,
				       sizeof(struct stb_variant));
	const struct stb_variant *of[2] = { NULL, NULL };
	uint8_t id[20];
	size_t len = kernel_build_id(id, sizeof(id));

	for (uint32_t i = 0; i < variants.n; i++) {
		const struct stb_variant *v =
			ROW(struct stb_variant, variants, i);

		if (len && v->kernel.len == len &&
		    !memcmp(v->kernel.bytes, id, len) && !of[!!v->module])
			of[!!v->module] = v;
	}
	if (!of[0] && !of[1] && l->opt.check)
		return;
	if (!of[0] && !of[1])
		die_no_variant(l, &variants, id, len);
	choose_engine(l, of[0], of[1]);
	checked(l, "kernel: %s", stb_string(&l->index, l->variant->name));
	read_variant(l);
}

void read_symbols(struct loader *l)
{
	l->table_sets = zalloc((l->tables.n + 1) * sizeof(*l->table_sets));
	for (uint32_t i = 0; i < l->tables.n; i++) {
		const struct stb_symbols *s =
			ROW(struct stb_symbols, l->tables, i);
		struct stb_set *set = &l->table_sets[i];
		bool program = s->kind == STB_BIN_PROGRAM;

		read_section(l, s->section, set);
		if (!stb_validate_symbols(&l->reader, set, s->section))
			die_damaged(l);
		symbols_add(&l->symbols, stb_string(&l->meta, s->name),
			    s->kind == STB_BIN_MODULE ? &s->id : NULL, set,
			    program ? 0 : l->slide, program ? i + 1 : 0);
	}
}

void close_bundle(struct loader *l)
{
	l->header = *l->reader.header;
	l->reader = (struct stb_reader){
		.data = (const uint8_t *)&l->header, .size = sizeof(l->header),
		.header = &l->header, .error = STB_E_SECTION,
		.error_in = "section",
	};
	zfree(l->file, l->file_size);
	l->file = NULL;
}

/* --- var=value ------------------------------------------------------------ */

_Noreturn static void die_no_global(const struct loader *l, const char *var,
				    size_t len)
{
	char names[1024];
	struct sink s = { .buf = names, .cap = sizeof(names) - 1 };

	for (uint32_t i = 0; i < l->globals.n; i++) {
		sink_puts(&s, i ? ", " : "it has ");
		sink_puts(&s, stb_string(&l->meta, ROW(struct stb_global,
				l->globals, i)->name));
	}
	names[s.n] = 0;
	die(EXIT_USE, "%s: no global variable \"%.*s\" can be set; %s",
	    l->opt.file, (int)len, var, s.n ? names : "it has none");
}

static const struct stb_global *find_global(const struct loader *l,
					    const char *var, size_t len)
{
	for (uint32_t i = 0; i < l->globals.n; i++) {
		const struct stb_global *g =
			ROW(struct stb_global, l->globals, i);
		const char *name = stb_string(&l->meta, g->name);

		if (strlen(name) == len && !memcmp(name, var, len))
			return g;
	}
	die_no_global(l, var, len);
}

static void set_global(struct loader *l, const char *var)
{
	size_t len = strcspn(var, "=");
	const char *value = var + len + 1;
	const struct stb_global *g = find_global(l, var, len);
	char *at = (char *)l->shared + g->offset, *end;
	long long n;

	if (g->type == 's') {
		if (strlen(value) >= g->size)
			die(EXIT_USE, "%s: wanted at most %u bytes", var,
			    g->size - 1);
		memset(at, 0, g->size);
		memcpy(at, value, strlen(value));
		return;
	}
	errno = 0;
	n = strtoll(value, &end, 0);
	if (errno == ERANGE && *value != '-') {
		errno = 0;
		n = (long long)strtoull(value, &end, 0);
	}
	if (errno || end == value || *end)
		die(EXIT_USE, "%s: wanted a number of 64 bits", var);
	memcpy(at, &n, sizeof(n));
}

void set_globals(struct loader *l)
{
	for (int i = 0; i < l->opt.nvars; i++)
		set_global(l, l->opt.vars[i]);
}
