/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target_module.c - the kernel's modules. In: the folder of the manifest. Out:
 * a binary for each build of each module, opened when a name asks for it, and
 * closed again once its index is there: there may be thousands.
 */
#include "facts.h"
#include "stap.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

struct module {
	const char *name, *path;
	struct binary *bin;		/* NULL: bad, or another file's build */
	bool is_opened, is_bad, has_traces;
};

struct modules {
	VEC(struct module) v;
	VEC(struct binary *) found;	/* of the last question */
};

static const struct span nowhere;

/* --- which there are ------------------------------------------------------------ */

/* "snd_pcm" of "snd-pcm.ko.xz"; NULL: no module. */
static const char *module_name(struct arena *mem, const char *file)
{
	static const char *const ends[] = {
		".ko", ".ko.debug", ".ko.xz", ".ko.gz", ".ko.zst",
	};
	size_t n = strlen(file), i, k;
	char *name, *p;

	for (i = 0; i < COUNT_OF(ends); i++) {
		k = strlen(ends[i]);
		if (n <= k || strcmp(file + n - k, ends[i]))
			continue;
		name = arena_strndup(mem, file, n - k);
		for (p = name; (p = strchr(p, '-')); p++)
			*p = '_';
		return name;
	}
	return NULL;
}

static int module_order(const void *a, const void *b)
{
	const struct module *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c ? c : strcmp(x->path, y->path);
}

static void find_modules(struct target *t, struct modules *m,
			 const char *folder)
{
	char *roots[] = { arena_strdup(target_mem(t), folder), NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW,
			    NULL);
	const char *name;
	FTSENT *e;

	while (fts && (e = fts_read(fts))) {
		if (e->fts_info == FTS_D && e->fts_level == 1 &&
		    (!strcmp(e->fts_name, "build") ||
		     !strcmp(e->fts_name, "source")))
			fts_set(fts, e, FTS_SKIP);
		name = e->fts_info == FTS_F || e->fts_info == FTS_SL ?
			module_name(target_mem(t), e->fts_name) : NULL;
		if (name)
			vec_push(target_mem(t), &m->v, ((struct module){
				.name = name,
				.path = arena_strdup(target_mem(t),
						     e->fts_path) }));
	}
	if (fts)
		fts_close(fts);
	if (m->v.n)
		qsort(m->v.v, m->v.n, sizeof(*m->v.v), module_order);
}

static struct modules *modules_of(struct target *t)
{
	struct modules **m = target_module_list(t);
	const char *folder = target_modules_folder(t);

	if (!*m) {
		*m = NEW(target_mem(t), struct modules);
		if (folder)
			find_modules(t, *m, folder);
	}
	return *m;
}

const char *target_modules_folder(const struct target *t)
{
	return target_decl(t)->modules;
}

/* --- opening them --------------------------------------------------------------- */

void target_close(struct binary *b)
{
	struct facts *f = b->impl;

	object_close(&f->main);
	if (!f->same_file)
		object_close(&f->debug);
}

bool target_reopen(struct binary *b)
{
	struct facts *f = b->impl;
	struct arena *mem = target_mem(f->t);

	if (b->kind != BIN_MODULE)
		return true;
	if (!f->main.elf && object_open(mem, b->file, &f->main))
		return false;
	object_relocate(&f->main);
	object_detach(&f->main);
	if (!b->has_dwarf || f->same_file)
		return true;
	if (!f->debug.elf && object_open(mem, b->debug, &f->debug))
		return false;
	object_relocate(&f->debug);
	object_detach(&f->debug);
	return true;
}

/* Another file of the same build? The one with DWARF is kept. */
static bool is_double(struct modules *m, size_t i, struct binary *b)
{
	size_t k;

	for (k = i; k-- > 0 && !strcmp(m->v.v[k].name, m->v.v[i].name);) {
		struct binary *other = m->v.v[k].bin;

		if (!other || !same_id(&other->id, &b->id))
			continue;
		if (b->has_dwarf && !other->has_dwarf)
			m->v.v[k].bin = b;
		return true;
	}
	return false;
}

/* Addresses of the two files are the same only if their sections are. */
static void agree(struct binary *b)
{
	struct facts *f = b->impl;
	size_t i;

	if (!b->has_dwarf || f->same_file)
		return;
	for (i = 1; i < 64; i++)
		if (object_symbol_base(&f->debug, i) &&
		    strcmp(object_section_at(&f->main, i << MODULE_SHIFT),
			   object_section_at(&f->debug, i << MODULE_SHIFT)))
			break;
	if (i == 64)
		return;
	object_close(&f->main);
	f->main = f->debug;
	b->file = b->debug;
	f->same_file = true;
}

static bool open_module(struct target *t, struct modules *m, size_t i)
{
	struct module *x = &m->v.v[i];
	uint64_t from, to;
	struct binary *b;
	bool is_there;

	if (x->is_opened)
		return !x->is_bad;
	x->is_opened = x->is_bad = true;
	b = target_new_binary(t, BIN_MODULE, x->name);
	if (!target_open_files(t, b, x->path, NULL))
		return false;
	if (!object_is_relocatable(&((struct facts *)b->impl)->main))
		return complain(target_job(t), nowhere, E_BINARY,
				"%s is no kernel module", x->path);
	agree(b);
	x->has_traces = object_section_range(&((struct facts *)b->impl)->main,
					     "__tracepoints", &from, &to,
					     &is_there);
	target_close(b);
	x->is_bad = false;
	x->bin = b;
	if (is_double(m, i, b))
		x->bin = NULL;
	return true;
}

/* '-' and '_' are the same in a module's name. */
static const char *by_underscores(struct target *t, const char *glob)
{
	char *s = arena_strdup(target_mem(t), glob), *p;
	bool in_set = false;

	for (p = s; *p; p++) {
		in_set = *p == '[' || (in_set && *p != ']');
		if (*p == '-' && !in_set)
			*p = '_';
	}
	return s;
}

size_t target_modules(struct target *t, const char *glob,
		      struct binary ***out, bool *bad)
{
	struct modules *m = modules_of(t);
	size_t i;

	*bad = false;
	glob = by_underscores(t, glob);
	m->found.n = 0;
	for (i = 0; i < m->v.n; i++)
		if (glob_match(glob, m->v.v[i].name))
			*bad |= !open_module(t, m, i);
	for (i = 0; i < m->v.n; i++)
		if (m->v.v[i].bin && glob_match(glob, m->v.v[i].name))
			vec_push(target_mem(t), &m->found, m->v.v[i].bin);
	*out = NEW_ARRAY(target_mem(t), struct binary *, m->found.n + 1);
	if (m->found.n)
		memcpy(*out, m->found.v, m->found.n * sizeof(**out));
	return m->found.n;
}

size_t target_tracing_modules(struct target *t, struct binary ***out)
{
	struct modules *m = modules_of(t);
	size_t i, n = 0;

	*out = NEW_ARRAY(target_mem(t), struct binary *, m->v.n + 1);
	for (i = 0; i < m->v.n; i++)
		if (open_module(t, m, i) && m->v.v[i].bin &&
		    m->v.v[i].has_traces)
			(*out)[n++] = m->v.v[i].bin;
	return n;
}

/* --- addresses -------------------------------------------------------------------- */

static bool is_only(const struct index *ix, size_t i)
{
	const struct ix_symbol *s = ix->symbols;

	return (!i || s[i - 1].name != s[i].name) &&
		(i + 1 == ix->nsymbols || s[i + 1].name != s[i].name);
}

bool target_anchor(struct target *t, struct binary *b, uint64_t addr,
		   const char **symbol, uint64_t *offset)
{
	const struct index *ix = index_of(b);
	const struct ix_symbol *best = NULL, *s;
	size_t i;

	for (i = 0; ix && i < ix->nsymbols; i++) {
		s = &ix->symbols[i];
		if (s->flags & 1 && s->addr <= addr &&
		    s->addr >> MODULE_SHIFT == addr >> MODULE_SHIFT &&
		    (!best || s->addr > best->addr) && is_only(ix, i))
			best = s;
	}
	if (!best)
		return false;
	*symbol = ix->str + best->name;
	*offset = addr - best->addr;
	return true;
}

bool target_code_pointer(struct target *t, struct binary *b, uint64_t code,
			 uint64_t addr, struct code_pointer *out)
{
	struct facts *f = b->impl;

	*out = (struct code_pointer){ .size = 0 };
	if (code >> MODULE_SHIFT == addr >> MODULE_SHIFT)
		return true;
	return target_reopen(b) &&
		object_code_pointer(&f->main, code, addr, out);
}

uint64_t target_text(struct target *t, struct binary *b)
{
	struct facts *f = b->impl;
	uint64_t from, to;
	bool is_there;

	return target_reopen(b) &&
		object_section_range(&f->main, ".text", &from, &to, &is_there) ?
		from : 0;
}

bool target_is_per_cpu_section(const struct binary *b, uint64_t addr)
{
	struct facts *f = b->impl;

	return target_reopen((struct binary *)b) &&
		!strncmp(object_section_at(&f->main, addr), ".data..percpu", 13);
}

uint64_t target_probe_ip(struct target *t, const struct place *p)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	struct binary *b = p->func->bin;
	const char *ibt = target_config(t, "CONFIG_X86_KERNEL_IBT");
	uint8_t code[4];

	/* the breakpoint; behind endbr64 where the kernel knows it */
	if (p->addr == p->func->addr && ibt && !strcmp(ibt, "y") &&
	    target_reopen(b) &&
	    object_read(&((struct facts *)b->impl)->main, p->addr, code,
			sizeof(code)) && !memcmp(code, endbr64, 4))
		return p->addr + 5;
	return p->addr + 1;
}
