/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kmod_build.c - a script's C to a kernel module. In: j->c_kernel, the kernel's
 * kit. Out: out_dir/k.ko; out_dir/module keeps what it was made from.
 *
 * Only the script's own C is compiled; the rest is linked. The module's bytes
 * depend on the script, the kernel's headers and the compiler, not on folders
 * or times, and its name is a digest of them: two that have the same name are
 * the same module.
 */
#include "kmod.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct make {			/* one module */
	struct job *j;
	struct kit *kit;
	const char *folder;	/* absolute */
};

static char *path_of(struct make *m, const char *name)
{
	return arena_printf(&m->j->mem, "%s/%s", m->folder, name);
}

static void put(struct make *m, const char *name, const char *s, size_t n)
{
	char *path = path_of(m, name);

	if (!write_file(path, s, n))
		die("%s: %m", path);
}

/* A file of the kit, with the paths in it those of here. */
static void take(struct make *m, const char *name)
{
	struct arena *mem = &m->j->mem;
	size_t size;
	char *from = arena_printf(mem, "%s/%s", m->kit->folder, name);
	char *text = read_file(mem, from, &size);

	if (!text && errno == ENOENT)
		return;
	if (!text)
		die("%s: %m", from);
	if (strlen(text) == size) {
		text = kmod_replace(mem, text, m->kit->made_in, m->folder);
		size = strlen(text);
	}
	put(m, name, text, size);
}

/* One of kbuild's commands, here; the log when it fails. */
static const char *run(struct make *m, const char *command, const char *log)
{
	struct task t = { .log = path_of(m, log) };

	t.command = kmod_replace(&m->j->mem, command, m->kit->made_in,
				 m->folder);
	kmod_run(m->j, m->kit, &t, 1);
	return t.status ? t.log : NULL;
}

static bool must(struct make *m, const char *log, const char *what)
{
	if (!log)
		return true;
	kmod_tell_log(m->j, log);
	bug("the module does not %s for kernel %s (stapc -k keeps it)", what,
	    m->j->kernel->name);
}

/* Has the script C of its own? */
static bool has_c(const struct job *j)
{
	const struct function *f;

	for (f = j->script->functions; f; f = f->next)
		if (f->c_body && f->is_used && !f->src->is_tapset)
			return true;
	return j->script->embedded;
}

/* What is wrong with C that is not ours is said in the words of whoever found
   it. log NULL: nothing is. */
static bool judge_c(struct make *m, const char *log, const char *what)
{
	if (!log)
		return true;
	if (!has_c(m->j))
		return must(m, log, what);
	kmod_tell_log(m->j, log);
	return complain(m->j, (struct span){ 0 }, E_EMBEDDED_C, "the script's "
			"C does not %s for kernel %s: see above", what,
			m->j->kernel->name);
}

static bool compile_script(struct make *m)
{
	struct arena *mem = &m->j->mem;
	struct task t = { .log = path_of(m, "script.log") };
	char *flags = kmod_flags(m->j, m->kit->folder);

	put(m, ".script.o.cmd", "", 0);	/* as in kmod_kit.c */
	put(m, "script.c", m->j->c_kernel.s, m->j->c_kernel.n);
	t.command = kmod_cc(mem, m->kit, m->folder, "script", flags);
	kmod_run(m->j, m->kit, &t, 1);
	return judge_c(m, t.status ? t.log : NULL, "compile");
}

static void list_parts(struct make *m)
{
	struct text t = { .mem = &m->j->mem };
	size_t i;

	text_printf(&t, "%s\n", path_of(m, "script.o"));
	for (i = 0; i < m->kit->parts.n; i++)
		text_printf(&t, "%s\n", m->kit->parts.v[i]);
	put(m, KMOD_NAME ".mod", t.s, t.n);
}

/* What modpost writes is compiled once for all modules that import the same;
   another process may do so at the same time. */
static bool compile_mod(struct make *m)
{
	struct arena *mem = &m->j->mem;
	struct digest d;
	size_t size;
	char *kept, *text;

	text = read_file(mem, path_of(m, KMOD_NAME ".mod.c"), &size);
	if (!text)
		bug("modpost left no %s", path_of(m, KMOD_NAME ".mod.c"));
	digest_init(&d);
	digest_add(&d, text, size);
	kept = arena_printf(mem, "%s/mod_%016" PRIx64 "%016" PRIx64 ".o",
			    m->kit->folder, d.a, d.b);
	text = read_file(mem, kept, &size);
	if (text) {
		put(m, KMOD_NAME ".mod.o", text, size);
		return true;
	}
	must(m, run(m, kmod_replace(mem, m->kit->cc_mod, " -c -o ",
				    " -g0 -c -o "), "mod.log"), "compile");
	text = read_file(mem, path_of(m, KMOD_NAME ".mod.o"), &size);
	if (text)
		write_file(kept, text, size);
	return true;
}

/* The name that it gets is as long as the one that it has. */
static void name_module(struct make *m)
{
	struct job *j = m->j;
	char *path = arena_printf(&j->mem, "%s/k.ko", j->opt->out_dir), *name;
	struct digest d;
	size_t size, i;
	char *ko = read_file(&j->mem, path_of(m, KMOD_NAME ".ko"), &size);

	if (!ko)
		bug("the linker left no %s", path_of(m, KMOD_NAME ".ko"));
	digest_init(&d);
	digest_add(&d, ko, size);
	name = arena_printf(&j->mem, "stb_%016" PRIx64, d.a ^ d.b);
	for (i = 0; i + KMOD_NAME_LEN <= size; i++)
		if (!memcmp(ko + i, KMOD_NAME, KMOD_NAME_LEN))
			memcpy(ko + i, name, KMOD_NAME_LEN);
	if (!write_file(path, ko, size))
		die("%s: %m", path);
}

static const char *work_folder(struct job *j)
{
	char *s = arena_printf(&j->mem, "%s/module", j->opt->out_dir), *real;

	if (mkdir(s, 0777) && errno != EEXIST)
		die("%s: %m", s);
	real = realpath(s, NULL);
	if (!real)
		die("%s: %m", s);
	s = arena_strdup(&j->mem, real);
	free(real);
	if (!kmod_plain_path(s))
		die("%s: kbuild cannot work with such a path: choose another "
		    "--out-dir, or TMPDIR", s);
	return s;
}

bool kmod_build(struct job *j)
{
	struct make m = { .j = j, .folder = work_folder(j) };
	const char *log;

	m.kit = kmod_kit(j);
	if (!m.kit)
		return false;
	if (!compile_script(&m))
		return false;
	list_parts(&m);
	take(&m, "modules.order");
	take(&m, ".module-common.o");
	must(&m, run(&m, m.kit->link, "link.log"), "link");
	log = run(&m, m.kit->modpost, "modpost.log");
	if (!judge_c(&m, log, "find what it calls exported"))
		return false;
	if (!kmod_versions_fit(j, path_of(&m, KMOD_NAME ".mod.c")))
		return false;
	compile_mod(&m);
	must(&m, run(&m, m.kit->final, "final.log"), "link");
	name_module(&m);
	return true;
}
