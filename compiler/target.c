/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target.c - one kernel and the program builds declared with it: opens what
 * the manifest names, proves that files belong together, and hands questions
 * on to the index, to DWARF or, where there is no debuginfo, to BTF.
 */
#include "facts.h"
#include "stap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

const struct tag E_BINARY[1] = { { "binary", "target error" } };

struct target {
	struct job *j;
	struct arena *mem;
	const struct kernel_decl *decl;
	struct binary *kernel;
	VEC(struct binary *) programs;
	VEC(struct binary *) headers;	/* compiled here, for their types */
	struct modules *modules;	/* found when first asked for */
	bool any_program;	/* programs are taken as named: no manifest */
	struct btf_facts *btf;	/* of a kernel without debuginfo */
	struct dict config;
	bool has_config;
	struct kernel_features features;
	struct dict functions;	/* of the running kernel, by name */
	int64_t compat_status;	/* -1: not looked for yet */
};

struct arena *target_mem(struct target *t)
{
	return t->mem;
}

struct job *target_job(struct target *t)
{
	return t->j;
}

const struct kernel_decl *target_decl(const struct target *t)
{
	return t->decl;
}

struct modules **target_module_list(struct target *t)
{
	return &t->modules;
}

struct btf_facts *target_btf(struct target *t)
{
	return t->btf;
}

const char *target_name(const struct target *t)
{
	return t->decl->name;
}

const char *target_release(const struct target *t)
{
	return t->decl->release;
}

struct binary *target_kernel(struct target *t)
{
	return t->kernel;
}

static const struct span nowhere;

/* --- config ------------------------------------------------------------------- */

static void take_config_line(struct target *t, char *line)
{
	char *eq = strchr(line, '='), *value;
	size_t n;

	if (strncmp(line, "CONFIG_", 7) || !eq)
		return;
	*eq = 0;
	value = eq + 1;
	n = strcspn(value, "\n");
	if (n >= 2 && value[0] == '"') {
		value++;
		n -= 2;
	}
	*dict_at(&t->config, arena_strdup(t->mem, line)) =
		arena_strndup(t->mem, value, n);
	t->has_config = true;
}

/* /proc/config.gz or a plain file: zlib reads both. */
static void read_config(struct target *t, const char *path)
{
	gzFile f = gzopen(path, "rb");
	char line[4096];

	if (!f)
		return;
	while (gzgets(f, line, sizeof(line)))
		take_config_line(t, line);
	gzclose(f);
}

const char *target_config(struct target *t, const char *key)
{
	const char *v = dict_get(&t->config, key);

	return v ? v : dict_get(&t->config,
				arena_printf(t->mem, "CONFIG_%s", key));
}

static bool config_on(struct target *t, const char *key)
{
	const char *v = target_config(t, key);

	return v && (!strcmp(v, "y") || !strcmp(v, "m"));
}

const struct kernel_features *target_features(struct target *t)
{
	return &t->features;
}

/* A host that keeps its config to itself: the loader will find out. */
static void assume_features(struct kernel_features *k)
{
	k->kprobes = k->uprobes = k->perf_events = true;
	k->btf = k->fentry = !access("/sys/kernel/btf/vmlinux", R_OK);
}

/* The coarse clock moves by a tick at a time. */
static int running_hz(void)
{
	struct timespec ts;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &ts) || ts.tv_nsec <= 0)
		return 0;
	return (int)(1000000000 / ts.tv_nsec);
}

static void find_features(struct target *t)
{
	struct kernel_features *k = &t->features;
	const char *hz = target_config(t, "CONFIG_HZ");
	bool module = t->j->engine == ENGINE_MODULE;	/* or by way of perf */
	int64_t v;

	if (!t->has_config)
		assume_features(k);
	k->kprobes |= config_on(t, "CONFIG_KPROBES") &&
		(module || config_on(t, "CONFIG_KPROBE_EVENTS"));
	k->uprobes |= config_on(t, "CONFIG_UPROBES") &&
		(module || config_on(t, "CONFIG_UPROBE_EVENTS"));
	k->modules = config_on(t, "CONFIG_MODULES");
	k->btf |= config_on(t, "CONFIG_DEBUG_INFO_BTF");
	k->fentry |= k->btf &&
		config_on(t, "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS");
	k->perf_events |= config_on(t, "CONFIG_PERF_EVENTS") &&
		(module || config_on(t, "CONFIG_BPF_EVENTS"));
	k->netfilter = config_on(t, "CONFIG_NETFILTER_BPF_LINK") &&
		target_enum(t, t->kernel, "BPF_PROG_TYPE_NETFILTER", &v);
	/* an enumerator of the attach type came with the feature */
	k->fprobe_multi = config_on(t, "CONFIG_FPROBE") &&
		target_enum(t, t->kernel, "BPF_TRACE_KPROBE_MULTI", &v);
	k->uprobe_multi = k->uprobes &&
		target_enum(t, t->kernel, "BPF_TRACE_UPROBE_MULTI", &v);
	k->hz = hz ? atoi(hz) : t->decl->is_host ? running_hz() : 0;
}

/* --- opening ------------------------------------------------------------------ */

struct binary *target_new_binary(struct target *t, enum binary_kind kind,
				 const char *name)
{
	struct binary *b = NEW(t->mem, struct binary);
	struct facts *f = NEW(t->mem, struct facts);

	b->kind = kind;
	b->name = name;
	b->impl = f;
	f->t = t;
	f->bin = b;
	f->main.fd = f->debug.fd = -1;
	return b;
}

/* Its DWARF, or the units that it names in .dwo files, which may be elsewhere. */
static void look_for_units(struct target *t, struct binary *b,
			   struct object *debug, struct text *looked)
{
	struct split_units u;

	b->has_dwarf = true;
	if (!debug->has_pool)
		return;
	dwarf_split_units(t->mem, debug, &u);
	debug->is_partial = u.missing > 0;
	if (!u.missing)
		return;
	b->has_dwarf = u.whole || u.missing < u.n;
	if (b->has_dwarf)
		warn_at(t->j, nowhere, "%s: of %zu units whose debuginfo is in "
			".dwo files %zu are not to be had, first %s: their "
			"functions have no variables", b->file, u.n, u.missing,
			u.first);
	else
		text_printf(looked, ", whose debuginfo is in .dwo files that "
			    "are not there or of another build, first %s%s%s",
			    u.first, u.package ? "; elfutils before 0.191 "
			    "does not read packages such as " : "",
			    u.package ? u.package : "");
	b->looked = looked->s;
}

/* Opens file and the file that holds its DWARF. */
bool target_open_files(struct target *t, struct binary *b, const char *file,
		       const char *debug)
{
	struct facts *f = b->impl;
	struct text looked = { .mem = t->mem };
	const char *why = object_open(t->mem, file, &f->main);
	const char *refused = NULL;

	if (why)
		return complain(t->j, nowhere, E_BINARY, "%s: %s", file, why);
	b->file = file;
	b->id = f->main.id;
	if (!b->id.len)
		return complain(t->j, nowhere, E_BINARY, "%s has no build-id: "
				"link it with -Wl,--build-id", file);
	b->debug = debug_find(t->mem, &f->main, debug, &looked, &refused);
	b->looked = looked.s;
	if (refused)
		return complain(t->j, nowhere, E_BINARY, "the debuginfo of %s "
				"is not to be had: %s (looked at %s)", file,
				refused, looked.s);
	if (!b->debug)
		return true;
	f->same_file = !strcmp(b->debug, file);
	if (!f->same_file) {
		why = object_open(t->mem, b->debug, &f->debug);
		if (why)
			return complain(t->j, nowhere, E_BINARY, "%s: %s",
					b->debug, why);
	}
	look_for_units(t, b, f->same_file ? &f->main : &f->debug, &looked);
	return true;
}

/* The index of a binary; NULL and a complaint where it cannot be made. */
struct index *index_of(struct binary *b)
{
	struct facts *f = b->impl;
	struct target *t = f->t;
	const char *why = NULL;

	if (!f->ix && b->file) {
		if (b->kind == BIN_MODULE && !target_reopen(b)) {
			complain(t->j, nowhere, E_BINARY, "%s: %s", b->file,
				 strerror(errno));
			return NULL;
		}
		f->ix = index_open(t->mem, b->kind, &f->main,
				   b->has_dwarf && !f->same_file ?
				   &f->debug : &f->main, &why);
		if (!f->ix)
			complain(t->j, nowhere, E_BINARY, "%s", why);
		if (b->kind == BIN_MODULE)
			target_close(b);
	}
	return f->ix;
}

/* The build-id in /sys/kernel/notes; GNU's note is not the first. */
static void running_id(struct arena *mem, struct build_id *id)
{
	size_t size, off = 0;
	char *p = read_file(mem, "/sys/kernel/notes", &size);

	while (p && off + 12 <= size) {
		uint32_t h[3], name, desc;

		memcpy(h, p + off, 12);
		name = (h[0] + 3) & ~3u;
		desc = (h[1] + 3) & ~3u;
		off += 12;
		if (name > size - off || desc > size - off - name)
			return;
		if (h[2] == 3 && h[0] == 4 && !memcmp(p + off, "GNU", 4) &&
		    h[1] && h[1] <= sizeof(id->bytes)) {
			memcpy(id->bytes, p + off + name, h[1]);
			id->len = (uint8_t)h[1];
			return;
		}
		off += name + desc;
	}
}

static bool open_running(struct target *t)
{
	struct binary *b = t->kernel;

	running_id(t->mem, &b->id);
	if (!b->id.len)
		return complain(t->j, nowhere, E_BINARY,
				"/sys/kernel/notes tells no build-id");
	t->btf = btf_open_host(t->mem);
	read_config(t, "/proc/config.gz");
	if (!t->has_config && t->decl->config)
		read_config(t, t->decl->config);
	return true;
}

static bool open_kernel(struct target *t)
{
	const struct kernel_decl *k = t->decl;
	struct build_id running = { .len = 0 };
	struct index *ix;

	t->kernel = target_new_binary(t, BIN_KERNEL, "kernel");
	if (k->is_host) {
		struct object o;

		running_id(t->mem, &running);
		if (!k->vmlinux || object_open(t->mem, k->vmlinux, &o))
			return open_running(t);
		object_close(&o);
		if (!same_id(&o.id, &running)) {
			warn_at(t->j, nowhere, "%s is not the kernel that "
				"runs: it is left alone", k->vmlinux);
			return open_running(t);
		}
	}
	if (!target_open_files(t, t->kernel, k->vmlinux, NULL))
		return false;
	if (!t->kernel->has_dwarf)
		return complain(t->j, nowhere, E_BINARY, "%s holds no DWARF",
				k->vmlinux);
	if (k->config)
		read_config(t, k->config);
	ix = index_of(t->kernel);
	if (!ix)
		return false;
	if (!ix->release[0])
		return complain(t->j, nowhere, E_BINARY, "%s is no vmlinux: "
				"it has no linux_banner", k->vmlinux);
	if (strcmp(ix->release, k->release))
		return complain(t->j, nowhere, E_BINARY, "kernel \"%s\" (%s): "
				"%s is of release %s, not %s", k->name,
				k->where, k->vmlinux, ix->release, k->release);
	return true;
}

static bool open_program(struct target *t, const char *path, const char *file,
			 const char *debug)
{
	struct binary *b = target_new_binary(t, BIN_PROGRAM, path);
	size_t i;

	if (!target_open_files(t, b, file, debug))
		return false;
	for (i = 0; i < t->programs.n; i++)
		if (!strcmp(t->programs.v[i]->name, path) &&
		    same_id(&t->programs.v[i]->id, &b->id))
			return true;
	vec_push(t->mem, &t->programs, b);
	return true;
}

struct target *target_open(struct job *j, const struct kernel_decl *k,
			   const struct manifest *m)
{
	struct target *t = NEW(&j->mem, struct target);
	bool ok;
	size_t i;

	t->j = j;
	t->mem = &j->mem;
	t->decl = k;
	t->config.mem = t->mem;
	t->any_program = k->is_host && !m->programs.n;
	t->compat_status = -1;
	ok = open_kernel(t);
	for (i = 0; i < m->programs.n; i++) {
		const struct program_decl *p = m->programs.v[i];

		ok &= open_program(t, p->path, p->file, p->debug);
	}
	if (!ok)
		return NULL;
	find_features(t);
	return t;
}

bool load_target(struct job *j)
{
	j->target = target_open(j, j->kernel, j->manifest);
	return j->target != NULL;
}

bool target_is_open(const struct target *t)
{
	return t->any_program;
}

size_t target_all_programs(struct target *t, struct binary ***out)
{
	*out = t->programs.v;
	return t->programs.n;
}

bool target_add_program(struct target *t, const char *path, const char *file)
{
	return open_program(t, path, file, NULL);
}

size_t target_programs(struct target *t, const char *path,
		       struct binary **out, size_t max)
{
	size_t i, n = 0;

	if (t->any_program)
		path = target_find_programs(t, path);
	for (i = 0; i < t->programs.n; i++)
		if (glob_match(path, t->programs.v[i]->name)) {
			if (n < max)
				out[n] = t->programs.v[i];
			n++;
		}
	return n < max ? n : max;
}

struct binary *target_opened_header(struct target *t, const char *header)
{
	size_t i;

	for (i = 0; i < t->headers.n; i++)
		if (!strcmp(t->headers.v[i]->name, header))
			return t->headers.v[i];
	return NULL;
}

struct binary *target_open_header(struct target *t, const char *header,
				  const char *file)
{
	struct binary *b = target_new_binary(t, BIN_PROGRAM, header);

	if (!target_open_files(t, b, file, NULL) || !b->has_dwarf || !index_of(b))
		return NULL;
	vec_push(t->mem, &t->headers, b);
	return b;
}

bool target_is_fixed(const struct binary *b)
{
	const struct facts *f = b->impl;

	return b->kind == BIN_PROGRAM && object_is_fixed(&f->main);
}

/* --- functions ------------------------------------------------------------------ */

static const char *why_forbidden(struct target *t, const struct ix_func *f,
				 bool is_module)
{
	switch ((enum ix_why)(f->flags >> IXF_WHY)) {
	case WHY_INIT:
		return is_module ? "it is __init: over before a probe can be "
			"there" : "it is __init: gone after boot";
	case WHY_EXIT: return "it is __exit: never run in the kernel image";
	case WHY_BLACKLIST: return "the kernel's kprobe blacklist names it";
	case WHY_NOINSTR: return "it is noinstr";
	case WHY_ENTRY: return "it is in the kernel's entry code";
	case WHY_KPROBES: return "it is __kprobes";
	case WHY_NOT: break;
	}
	if (!(f->flags & (IXF_TRACEABLE | IXF_INLINE)) &&
	    config_on(t, "CONFIG_DYNAMIC_FTRACE") &&
	    !config_on(t, "CONFIG_KPROBE_EVENTS_ON_NOTRACE"))
		return "it is notrace";
	return NULL;
}

struct func *make_func(struct binary *b, const struct ix_func *x)
{
	struct facts *fa = b->impl;
	struct func *f = NEW(fa->t->mem, struct func);
	const char *str = fa->ix->str;

	f->bin = b;
	f->name = str + x->name;
	f->linkage = str + x->linkage;
	f->file = x->file ? str + x->file : NULL;
	f->line = x->line;
	f->addr = x->addr;
	f->size = x->size;
	f->is_exported = x->flags & IXF_EXPORTED;
	f->is_static = x->flags & IXF_STATIC;
	f->is_unique = x->flags & IXF_UNIQUE;
	f->is_inline_only = x->flags & IXF_INLINE;
	f->is_also_inlined = x->flags & IXF_INLINED;
	f->traceable = x->flags & IXF_TRACEABLE;
	f->btf_id = x->btf_id;
	f->btf_nargs = x->btf_nargs;
	f->impl = (void *)x;
	if (b->kind != BIN_PROGRAM)
		f->forbidden = why_forbidden(fa->t, x, b->kind == BIN_MODULE);
	else if (f->addr)
		f->file_offset = object_offset(&fa->main, f->addr);
	return f;
}

struct btf_match {
	struct target *t;
	struct binary *b;
	const char *glob;
	void (*each)(void *arg, struct func *f);
	void *arg;
	size_t n;
};

static void match_btf(void *arg, const char *name, uint32_t id, int nargs)
{
	struct btf_match *m = arg;
	struct func *f;

	if (!glob_match(m->glob, name))
		return;
	f = NEW(m->t->mem, struct func);
	f->bin = m->b;
	f->name = f->linkage = name;
	f->btf_id = id;
	f->btf_nargs = nargs;
	f->traceable = m->t->features.fentry;
	m->n++;
	m->each(m->arg, f);
}

/* The first function at an address or behind it. */
static size_t first_at(const struct index *ix, uint64_t addr)
{
	size_t low = 0, high = ix->nfuncs;

	while (low < high) {
		size_t at = low + (high - low) / 2;

		if (!(ix->funcs[at].flags & IXF_INLINE) &&
		    ix->funcs[at].addr < addr)
			low = at + 1;
		else
			high = at;
	}
	return low;
}

/* Of each function of a program: has a symbol at its address such a name? */
static bool *named_so(struct binary *b, const struct index *ix, const char *glob)
{
	struct facts *f = b->impl;
	bool *so = NEW_ARRAY(f->t->mem, bool, ix->nfuncs + 1);
	size_t i, at;

	for (i = 0; i < ix->nsymbols; i++) {
		const struct ix_symbol *s = &ix->symbols[i];
		const char *name = ix->str + s->name, *end = strchr(name, '@');

		if (end && end[1] != '@')
			continue;	/* an old version's */
		if (end)
			name = arena_strndup(f->t->mem, name, (size_t)(end - name));
		if (!s->addr || !glob_match(glob, name))
			continue;
		for (at = first_at(ix, s->addr); at < ix->nfuncs &&
		     ix->funcs[at].addr == s->addr; at++)
			so[at] = !(ix->funcs[at].flags & IXF_INLINE);
	}
	return so;
}

static size_t match_all(struct binary *b, const char *glob,
			void (*each)(void *arg, struct func *f), void *arg)
{
	const struct index *ix = index_of(b);
	bool *so = b->kind == BIN_PROGRAM && b->has_dwarf && strcmp(glob, "*") ?
		named_so(b, ix, glob) : NULL;
	size_t i, n = 0;

	for (i = 0; i < ix->nfuncs; i++) {
		const struct ix_func *x = &ix->funcs[i];

		/* what has no DWARF is found by its whole name */
		if ((x->flags & IXF_SYMBOL && b->has_dwarf) ||
		    !(glob_match(glob, ix->str + x->name) || (so && so[i])))
			continue;
		each(arg, make_func(b, x));
		n++;
	}
	return n;
}

/* NAME, or the default one of its versions, NAME@@VERSION. */
static const struct ix_symbol *find_symbol(const struct index *ix,
					   const char *name)
{
	const struct ix_symbol *s = index_symbol(ix, name);
	size_t i, n = strlen(name);

	for (i = 0; !s && i < ix->nsymbols; i++) {
		const char *other = ix->str + ix->symbols[i].name;

		if (!strncmp(other, name, n) && !strncmp(other + n, "@@", 2))
			s = &ix->symbols[i];
	}
	return s;
}

/*
 * The functions at the address of a program's symbol: DWARF knows free() of libc as
 * __libc_free, and the name that others call it by is a symbol alone.
 */
static size_t match_symbol(struct binary *b, const struct index *ix,
			   const char *name,
			   void (*each)(void *arg, struct func *f), void *arg)
{
	const struct ix_symbol *s = find_symbol(ix, name);
	struct facts *fa = b->impl;
	size_t i, n = 0;

	for (i = 0; s && s->addr && i < ix->nfuncs; i++) {
		struct func *f;

		if (ix->funcs[i].addr != s->addr ||
		    (ix->funcs[i].flags & IXF_INLINE))
			continue;
		f = make_func(b, &ix->funcs[i]);
		f->name = arena_strndup(fa->t->mem, name, strlen(name));
		each(arg, f);
		n++;
	}
	return n;
}

size_t target_functions(struct target *t, struct binary *b, const char *glob,
			void (*each)(void *arg, struct func *f), void *arg)
{
	const struct index *ix = index_of(b);
	size_t i, first, end;

	if (!ix) {
		struct btf_match m = { t, b, glob, each, arg, 0 };

		if (t->btf && b->kind == BIN_KERNEL)
			btf_each_func(t->btf, match_btf, &m);
		return m.n;
	}
	if (b->kind == BIN_PROGRAM && b->has_dwarf && strstr(glob, "::"))
		return target_scoped_functions(t, b, glob, each, arg);
	if (strpbrk(glob, "*?["))
		return match_all(b, glob, each, arg);
	end = index_func_range(ix, glob, &first);
	for (i = first; i < end; i++)
		each(arg, make_func(b, &ix->funcs[ix->func_names[i]]));
	if (end == first && b->kind == BIN_PROGRAM)
		return match_symbol(b, ix, glob, each, arg);
	return end - first;
}

/* Names alone are for everyone to read, whatever hides their addresses. */
static void read_functions(struct target *t)
{
	char *p = read_file(t->mem, "/proc/kallsyms", NULL), *name, *end;

	for (; p && (end = strchr(p, '\n')); p = end + 1) {
		*end = 0;
		name = strchr(p, ' ');
		name = name ? strchr(name + 1, ' ') : NULL;
		if (name && !strchr(name, '\t'))
			*dict_at(&t->functions, name + 1) = name + 1;
	}
}

static void take_btf_name(void *arg, const char *name, uint32_t id, int nargs)
{
	struct target *t = arg;

	*dict_at(&t->functions, name) = (void *)name;
}

bool target_has_function(struct target *t, const char *name)
{
	const struct index *ix = index_of(t->kernel);
	size_t first;

	if (ix)
		return index_symbol(ix, name) ||
			index_func_range(ix, name, &first) > first;
	if (!t->functions.mem) {
		t->functions.mem = t->mem;
		read_functions(t);
		if (!t->functions.n && t->btf)
			btf_each_func(t->btf, take_btf_name, t);
	}
	return dict_get(&t->functions, name) != NULL;
}

int64_t target_compat_status(struct target *t)
{
	struct ctype *task;
	struct member info, status;

	if (t->compat_status >= 0)
		return t->compat_status;
	t->compat_status = 0;
	task = target_type(t, t->kernel, "struct task_struct");
	if ((t->has_config && !config_on(t, "CONFIG_IA32_EMULATION")) ||
	    !task || !type_member(task, "thread_info", &info) ||
	    !type_member(info.type, "status", &status))
		return 0;
	t->compat_status = (int64_t)(info.offset + status.offset);
	return t->compat_status;
}

struct nearest {
	const char *name;
	const char **out;
	unsigned *far;
	size_t n, max;
};

static void note_near(struct nearest *q, const char *s)
{
	unsigned cap = (unsigned)strlen(q->name) / 3 + 1, d;
	size_t i;

	d = edit_distance(q->name, s, cap);
	if (!strncmp(s, q->name, strlen(q->name)) && d > cap)
		d = cap;		/* it goes on from there */
	if (d > cap)
		return;
	for (i = 0; i < q->n; i++)
		if (!strcmp(q->out[i], s))
			return;
	for (i = q->n; i > 0 && q->far[i - 1] > d; i--)
		if (i < q->max) {
			q->out[i] = q->out[i - 1];
			q->far[i] = q->far[i - 1];
		}
	if (i < q->max) {
		q->out[i] = s;
		q->far[i] = d;
		if (q->n < q->max)
			q->n++;
	}
}

static void near_btf(void *arg, const char *name, uint32_t id, int nargs)
{
	note_near(arg, name);
}

size_t target_similar(struct target *t, struct binary *b, const char *name,
		      const char **out, size_t max)
{
	const struct index *ix = index_of(b);
	struct nearest q = { .name = name, .out = out, .max = max };
	size_t i;

	q.far = NEW_ARRAY(t->mem, unsigned, max + 1);
	if (!ix && t->btf && b->kind == BIN_KERNEL)
		btf_each_func(t->btf, near_btf, &q);
	for (i = 0; ix && i < ix->nfuncs; i++)
		if (!(ix->funcs[i].flags & IXF_INLINE))
			note_near(&q, ix->str + ix->funcs[i].name);
	return q.n;
}

/* --- types -------------------------------------------------------------------- */

bool type_member_at(struct ctype *t, size_t i, struct member *out)
{
	return t->bin->has_dwarf ? dwarf_member_at(t, i, out) :
		btf_member_at(t, i, out);
}

static bool member_in(struct ctype *t, const char *name, struct member *out,
		      int depth)
{
	struct member m;
	size_t i;

	for (i = 0; depth < 16 && type_member_at(t, i, &m); i++) {
		if (m.name && !strcmp(m.name, name)) {
			*out = m;
			return true;
		}
		if (!m.name && member_in(m.type, name, out, depth + 1)) {
			out->offset += m.offset;
			out->in_anonymous = true;
			return true;
		}
	}
	return false;
}

bool type_member(struct ctype *t, const char *name, struct member *out)
{
	return member_in(t, name, out, 0);
}

bool type_enumerator_at(struct ctype *t, size_t i, const char **name,
			int64_t *value)
{
	return t->bin->has_dwarf ? dwarf_enumerator_at(t, i, name, value) :
		btf_enumerator_at(t, i, name, value);
}

const char *target_spell(struct target *t, struct ctype *type,
			 uint64_t spelled)
{
	if (!spelled)
		return type->name;
	return type->bin->has_dwarf ? dwarf_spell(type->bin->impl, spelled) :
		btf_spell(t->btf, (uint32_t)spelled);
}

/* As compilers spell them in DWARF and BTF. */
static const char *spelled(const char *name)
{
	static const char *const same[][2] = {
		{ "long", "long int" }, { "signed long", "long int" },
		{ "unsigned long", "long unsigned int" },
		{ "unsigned long int", "long unsigned int" },
		{ "short", "short int" },
		{ "unsigned short", "short unsigned int" },
		{ "unsigned short int", "short unsigned int" },
		{ "unsigned", "unsigned int" }, { "signed", "int" },
		{ "signed int", "int" }, { "long long", "long long int" },
		{ "unsigned long long", "long long unsigned int" },
		{ "unsigned long long int", "long long unsigned int" },
		{ "bool", "_Bool" },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(same); i++)
		if (!strcmp(name, same[i][0]))
			return same[i][1];
	return name;
}

/* "struct " and the like of *name, which moves behind it; else "". */
static const char *take_word(const char **name, uint32_t *kind)
{
	static const char *const words[] = { "struct ", "union ", "enum " };
	static const uint32_t kinds[] = { IXT_STRUCT, IXT_UNION, IXT_ENUM };
	size_t i;

	for (i = 0; i < COUNT_OF(words); i++)
		if (!strncmp(*name, words[i], strlen(words[i]))) {
			*name += strlen(words[i]);
			*kind = kinds[i];
			return words[i];
		}
	*kind = UINT32_MAX;
	return "";
}

static struct ctype *dwarf_named(struct binary *b, const char *name)
{
	const struct index *ix = index_of(b);
	const struct ix_type *best = NULL;
	uint32_t want;
	long at;

	take_word(&name, &want);
	at = index_type_find(ix, name);
	for (; at >= 0 && (size_t)at < ix->ntypes &&
	     !strcmp(ix->str + ix->types[at].name, name); at++) {
		const struct ix_type *x = &ix->types[at];

		if (want != UINT32_MAX ? x->kind == want :
		    !best || x->kind == IXT_TYPEDEF || x->kind == IXT_BASE)
			best = x;
	}
	return best ? dwarf_type_at(b->impl, best->die) : NULL;
}

static struct ctype *pointer_to(struct target *t, struct ctype *to)
{
	struct ctype *p = NEW(t->mem, struct ctype);

	p->kind = TY_POINTER;
	p->name = arena_printf(t->mem, "%s *", to->name);
	p->size = 8;
	p->to = to;
	p->bin = to->bin;
	return p;
}

struct ctype *target_type(struct target *t, struct binary *b, const char *name)
{
	size_t n = strlen(name), stars = 0;
	struct ctype *ty;

	while (!strncmp(name, "const ", 6)) {
		name += 6;
		n -= 6;
	}
	for (; n && (name[n - 1] == '*' || name[n - 1] == ' '); n--)
		stars += name[n - 1] == '*';
	name = arena_strndup(t->mem, name, n);
	if (b->has_dwarf && index_of(b)) {
		ty = dwarf_named(b, name);
		if (!ty)
			ty = dwarf_named(b, spelled(name));
	} else if (t->btf) {
		ty = btf_type_named(t->btf, t->kernel, name);
		if (!ty)
			ty = btf_type_named(t->btf, t->kernel, spelled(name));
	} else {
		return NULL;
	}
	while (ty && stars-- > 0)
		ty = pointer_to(t, ty);
	return ty;
}

size_t target_similar_types(struct target *t, struct binary *b,
			    const char *name, const char **out, size_t max)
{
	const struct index *ix = index_of(b);
	struct nearest q = { .name = name, .out = out, .max = max };
	const char *word;
	uint32_t kind;
	size_t i;

	word = take_word(&q.name, &kind);
	q.far = NEW_ARRAY(t->mem, unsigned, max + 1);
	for (i = 0; ix && i < ix->ntypes; i++)
		if (kind == UINT32_MAX || ix->types[i].kind == kind)
			note_near(&q, ix->str + ix->types[i].name);
	for (i = 0; i < q.n; i++)
		out[i] = arena_printf(t->mem, "%s%s", word, out[i]);
	return q.n;
}

size_t target_similar_globals(struct target *t, struct binary *b,
			      const char *name, const char **out, size_t max)
{
	const struct index *ix = index_of(b);
	struct nearest q = { .name = name, .out = out, .max = max };
	size_t i;

	q.far = NEW_ARRAY(t->mem, unsigned, max + 1);
	for (i = 0; ix && i < ix->nglobals; i++)
		note_near(&q, ix->str + ix->globals[i].name);
	return q.n;
}

bool target_enum(struct target *t, struct binary *b, const char *name,
		 int64_t *value)
{
	const struct index *ix = index_of(b);
	long i;

	if (!ix)
		return t->btf && b->kind == BIN_KERNEL &&
			btf_enum_named(t->btf, name, value);
	i = index_enum_find(ix, name);
	if (i >= 0)
		*value = ix->enums[i].value;
	return i >= 0;
}

struct variable *target_global(struct target *t, struct binary *b,
			       const char *name)
{
	const struct index *ix = index_of(b);
	const char *at = strchr(name, '@');
	const char *file, *below;
	long i;

	if (!ix || !b->has_dwarf)
		return NULL;
	below = at ? arena_printf(t->mem, "*/%s", at + 1) : NULL;
	if (at)
		name = arena_strndup(t->mem, name, (size_t)(at - name));
	i = index_global_find(ix, name);
	for (; i >= 0 && (size_t)i < ix->nglobals &&
	     !strcmp(ix->str + ix->globals[i].name, name); i++) {
		file = ix->str + ix->globals[i].file;
		if (!at || glob_match(at + 1, file) || glob_match(below, file))
			return dwarf_global(b->impl, ix->globals[i].die);
	}
	return NULL;
}

/* --- tracepoints ------------------------------------------------------------------ */

/*
 * "system:name", "name". A tracepoint whose system is not known (it may have
 * none) is found under any by its whole name.
 */
static bool trace_matches(const char *glob, const char *system,
			  const char *name)
{
	const char *colon = strchr(glob, ':');
	char part[256];

	if (!colon)
		return glob_match(glob, name);
	if (!glob_match(colon + 1, name))
		return false;
	snprintf(part, sizeof(part), "%.*s", (int)(colon - glob), glob);
	return *system ? glob_match(part, system) :
		!strpbrk(colon + 1, "*?[");
}

/* Arguments are those of __traceiter_NAME behind the first, its own data. */
static void dwarf_trace_args(struct tracepoint *tp)
{
	struct facts *f = tp->bin->impl;
	struct variable **v;
	size_t i, n, first, end;

	end = index_func_range(f->ix, arena_printf(f->t->mem, "__traceiter_%s",
						   tp->name), &first);
	if (end == first)
		return;
	v = dwarf_params(f, f->ix->funcs[f->ix->func_names[first]].die, &n);
	if (n < 1)
		return;
	tp->nargs = n - 1;
	tp->args = NEW_ARRAY(f->t->mem, struct tracearg, n);
	for (i = 1; i < n; i++) {
		tp->args[i - 1].name = v[i]->name;
		tp->args[i - 1].type = v[i]->type;
		tp->args[i - 1].spelled = v[i]->spelled;
	}
}

struct trace_match {
	struct target *t;
	const char *glob;
	void (*each)(void *arg, struct tracepoint *tp);
	void *arg;
	struct dict systems;
	size_t n;
};

static void match_btf_trace(void *arg, const char *name, uint32_t id)
{
	struct trace_match *m = arg;
	const char *system = dict_get(&m->systems, name);
	struct tracepoint *tp;

	if (!system)
		system = "";
	if (!trace_matches(m->glob, system, name))
		return;
	tp = NEW(m->t->mem, struct tracepoint);
	tp->system = system;
	tp->name = name;
	tp->bin = m->t->kernel;
	tp->args = btf_trace_args(m->t->btf, m->t->kernel, name, id,
				  &tp->nargs);
	m->n++;
	m->each(m->arg, tp);
}

/* "system:name" lines, where tracefs is mounted and we may read it. */
static void read_systems(struct target *t, struct dict *systems)
{
	char *p = read_file(t->mem, "/sys/kernel/tracing/available_events",
			    NULL);
	char *colon, *end;

	if (!p)
		p = read_file(t->mem,
			      "/sys/kernel/debug/tracing/available_events",
			      NULL);
	for (; p && *p; p = end + 1) {
		end = strchr(p, '\n');
		colon = strchr(p, ':');
		if (!end)
			break;
		*end = 0;
		if (!colon || colon > end)
			continue;
		*colon = 0;
		*dict_at(systems, colon + 1) = p;
	}
}

/* Those of one binary that has an index. */
static void match_traces(struct trace_match *m, struct binary *b)
{
	const struct index *ix = index_of(b);
	size_t i;

	for (i = 0; ix && i < ix->ntraces; i++) {
		struct tracepoint *tp;

		if (!trace_matches(m->glob, ix->str + ix->traces[i].system,
				   ix->str + ix->traces[i].name))
			continue;
		tp = NEW(m->t->mem, struct tracepoint);
		tp->system = ix->str + ix->traces[i].system;
		tp->name = ix->str + ix->traces[i].name;
		tp->bin = b;
		if (b->has_dwarf)
			dwarf_trace_args(tp);
		m->n++;
		m->each(m->arg, tp);
	}
}

size_t target_tracepoints(struct target *t, const char *glob,
			  void (*each)(void *arg, struct tracepoint *tp),
			  void *arg)
{
	const struct index *ix = index_of(t->kernel);
	struct trace_match m = { .t = t, .glob = glob, .each = each,
				 .arg = arg, .systems = { .mem = t->mem } };
	struct binary **b;
	size_t i, n;

	if (!ix) {
		read_systems(t, &m.systems);
		if (t->btf)
			btf_each_trace(t->btf, match_btf_trace, &m);
		return m.n;
	}
	match_traces(&m, t->kernel);
	if (m.n && !strpbrk(glob, "*?["))
		return m.n;
	n = target_tracing_modules(t, &b);
	for (i = 0; i < n; i++)
		match_traces(&m, b[i]);
	return m.n;
}

static const struct ix_symbol *symbol_named(const struct binary *b,
					    const char *name)
{
	const struct index *ix = index_of((struct binary *)b);

	return ix ? index_symbol(ix, name) : NULL;
}

uint64_t target_symbol(struct target *t, const struct binary *b,
		       const char *name)
{
	const struct ix_symbol *s = symbol_named(b, name);

	return s ? s->addr : 0;
}

uint64_t target_symbol_size(struct target *t, const struct binary *b,
			    const char *name)
{
	const struct ix_symbol *s = symbol_named(b, name);

	return s ? s->size : 0;
}

bool target_is_symbol(struct target *t, const struct binary *b, uint64_t addr)
{
	const struct index *ix = index_of((struct binary *)b);
	size_t i;

	for (i = 0; ix && i < ix->nsymbols; i++)
		if (ix->symbols[i].addr == addr)
			return true;
	return !ix || !ix->nsymbols;
}

bool target_is_per_cpu(struct target *t, const struct binary *b, uint64_t addr)
{
	uint64_t end;

	if (b->kind == BIN_MODULE)
		return target_is_per_cpu_section(b, addr);
	end = target_symbol(t, b, "__per_cpu_end");
	return b->kind == BIN_KERNEL && addr < end &&
		addr >= target_symbol(t, b, "__per_cpu_start");
}
