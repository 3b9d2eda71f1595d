/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kmod_kit.c - makes a kernel's kit, once, or finds it in the cache.
 *
 * kbuild builds a module of two empty parts from the kernel's headers, which
 * are used where they lie; its commands, as it wrote them down, compile and
 * link all else. So flags, objtool, modpost and linker scripts are those of
 * that kernel's kbuild, and nothing here knows them. Then the probes of
 * runtime/kmod/probe are tried, all at once, and the sources of runtime/kmod
 * are compiled. A second process that wants the same kit waits for the first.
 */
#include "kmod.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A kit made by other rules is another kit. */
#define KIT_RULES "1"

static char *in(struct arena *mem, const char *folder, const char *name)
{
	return arena_printf(mem, "%s/%s", folder, name);
}

/* --- digests ------------------------------------------------------------------ */

/* FNV-1a of 64 bits, twice, from different starts. */
void digest_init(struct digest *d)
{
	d->a = 0xcbf29ce484222325ull;
	d->b = 0x6c62272e07bb0142ull;
}

void digest_add(struct digest *d, const void *p, size_t n)
{
	const uint8_t *s = p;
	size_t i;

	for (i = 0; i < n; i++) {
		d->a = (d->a ^ s[i]) * 0x100000001b3ull;
		d->b = (d->b ^ s[i] ^ d->a >> 57) * 0x100000001b3ull;
	}
}

void digest_text(struct digest *d, const char *s)
{
	digest_add(d, s, strlen(s) + 1);
}

static void digest_file(struct digest *d, const char *path)
{
	struct arena mem = { 0 };
	size_t size;
	char *text = read_file(&mem, path, &size);

	if (!text)
		die("%s: %m", path);
	digest_text(d, base_name(path));
	digest_add(d, &size, sizeof(size));
	digest_add(d, text, size);
	arena_free(&mem);
}

/* --- commands ------------------------------------------------------------------ */

char *kmod_replace(struct arena *mem, const char *command, const char *from,
		   const char *to)
{
	struct text t = { .mem = mem };
	const char *hit;

	for (; (hit = strstr(command, from)); command = hit + strlen(from)) {
		text_add(&t, command, (size_t)(hit - command));
		text_puts(&t, to);
	}
	text_puts(&t, command);
	return t.s;
}

char *kmod_cc(struct arena *mem, const struct kit *k, const char *folder,
	      const char *name, const char *flags)
{
	char *s = kmod_replace(mem, k->cc, k->made_in, folder);

	s = kmod_replace(mem, s, "part0", name);
	return kmod_replace(mem, s, " -c -o ",
			    arena_printf(mem, " %s -c -o ", flags));
}

char *kmod_flags(struct job *j, const char *config_folder)
{
	char *share = realpath(j->opt->share_dir, NULL), *s;

	if (!share)
		die("%s: %m", j->opt->share_dir);
	s = arena_printf(&j->mem, "-I%s -I%s/runtime/kmod -I%s/runtime "
			 "-fmacro-prefix-map=%s/=", config_folder, share,
			 share, share);
	free(share);
	return s;
}

bool kmod_plain_path(const char *path)
{
	for (; *path; path++)
		if (!((*path >= 'a' && *path <= 'z') ||
		      (*path >= 'A' && *path <= 'Z') ||
		      (*path >= '0' && *path <= '9') ||
		      strchr("/._+-~", *path)))
			return false;
	return true;
}

/* What a make above us, or a developer's shell, would have kbuild do. */
static void clean_environment(void)
{
	static const char *const others[] = {
		"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MAKEFILES",
		"KCFLAGS", "KCPPFLAGS", "KBUILD_EXTMOD", "KBUILD_OUTPUT", "ARCH",
		"CROSS_COMPILE", "LLVM", "V", "O", "M", "W",
	};
	size_t i;

	for (i = 0; i < COUNT_OF(others); i++)
		unsetenv(others[i]);
	setenv("LC_ALL", "C", 1);
}

/* What kbuild told its programs by variables: objtool wants some. */
static void set_environment(const struct kit *k)
{
	struct arena mem = { 0 };
	char *p = read_file(&mem, in(&mem, k->folder, "variables"), NULL), *end;

	for (; p && *p; p = end + 1) {
		end = strchr(p, '\n');
		if (!end)
			break;
		*end = 0;
		putenv(p);
	}
}

static _Noreturn void exec_task(const struct kit *k, const struct task *t)
{
	int fd = open(t->log, O_WRONLY | O_CREAT | O_TRUNC, 0666);

	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		die("%s: %m", t->log);
	if (chdir(k->headers))
		die("%s: %m", k->headers);
	clean_environment();
	set_environment(k);
	execl("/bin/sh", "sh", "-ec", t->command, (char *)NULL);
	_exit(127);
}

static void finish_one(struct task *t, size_t n)
{
	int status;
	pid_t pid;
	size_t i;

	do
		pid = wait(&status);
	while (pid < 0 && errno == EINTR);
	if (pid < 0)
		die("wait: %m");
	for (i = 0; i < n; i++)
		if (t[i].pid == pid) {
			t[i].pid = 0;
			t[i].status = status;
		}
}

void kmod_run(struct job *j, const struct kit *k, struct task *t, size_t n)
{
	long most = sysconf(_SC_NPROCESSORS_ONLN), running = 0;
	size_t next = 0;

	while (next < n || running) {
		if (next < n && running < (most > 1 ? most : 1)) {
			t[next].pid = fork_child();
			if (!t[next].pid)
				exec_task(k, &t[next]);
			next++;
			running++;
		} else {
			finish_one(t, next);
			running--;
		}
	}
}

void kmod_tell_log(struct job *j, const char *log)
{
	char *text = read_file(&j->mem, log, NULL);
	const char *slash = strrchr(log, '/');

	if (text && slash)	/* a temporary folder says nothing */
		text = kmod_replace(&j->mem, text, arena_strndup(&j->mem, log,
				    (size_t)(slash - log + 1)), "");
	fputs(text ? text : "", j->messages ? j->messages : stderr);
}

/* What kbuild wrote down of how it made NAME: NULL if it did not. */
static char *recorded(struct arena *mem, const char *folder, const char *name)
{
	char *text = read_file(mem, arena_printf(mem, "%s/.%s.cmd", folder,
						 name), NULL), *p;

	p = text ? strstr(text, ":= ") : NULL;
	if (!p)
		return NULL;
	p[strcspn(p, "\n")] = 0;
	p = kmod_replace(mem, p + 3, "$(pound)", "#");
	return kmod_replace(mem, p, "$$", "$");
}

/* --- the headers ------------------------------------------------------------- */

static bool is_there(struct arena *mem, const char *folder, const char *name)
{
	return !access(in(mem, folder, name), R_OK);
}

static const char *need_headers(struct job *j)
{
	static const char *const needed[] = {
		"Makefile", ".config", "Module.symvers",
		"include/generated/autoconf.h", "scripts/mod/modpost",
	};
	char *real = realpath(j->kernel->headers, NULL), *s;
	size_t i;

	if (!real)
		die("%s: %m", j->kernel->headers);
	s = arena_strdup(&j->mem, real);
	free(real);
	for (i = 0; i < COUNT_OF(needed); i++)
		if (!is_there(&j->mem, s, needed[i]))
			die("kernel %s: its headers in %s have no %s%s",
			    j->kernel->name, s, needed[i],
			    strncmp(needed[i], "scripts", 7) ? "" :
			    ": unpack the package of kbuild's programs "
			    "(linux-kbuild-...) beside them");
	if (!kmod_plain_path(s))
		die("%s: kbuild cannot work with such a path: move the headers",
		    s);
	return s;
}

/*
 * A folder of headers for one configuration may do no more than include the
 * Makefile of the common ones, by an absolute path: it is looked for beside,
 * so that nothing has to be installed. "" or "-f PATH".
 */
static const char *common_makefile(struct job *j, const char *headers)
{
	char *text = read_file(&j->mem, in(&j->mem, headers, "Makefile"), NULL);
	static const char word[] = "include ";
	const char *path, *slash;

	if (!text || strncmp(text, word, sizeof(word) - 1))
		return "";
	text[strcspn(text, "\n")] = 0;
	path = text + sizeof(word) - 1;
	slash = strrchr(path, '/');
	if (!slash)
		return "";
	path = arena_printf(&j->mem, "%s/../%s/Makefile", headers,
			    base_name(arena_strndup(&j->mem, path,
						    (size_t)(slash - path))));
	return access(path, R_OK) ? "" :
		arena_printf(&j->mem, "-f %s", path);
}

/* --- where it lies -------------------------------------------------------------- */

static bool make_folders(char *path)
{
	char *p;

	for (p = path + 1; *p; p++)
		if (*p == '/') {
			*p = 0;
			if (mkdir(path, 0777) && errno != EEXIST)
				return false;
			*p = '/';
		}
	return !mkdir(path, 0777) || errno == EEXIST;
}

static const char *cache_folder(struct arena *mem)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *s;

	if (xdg && *xdg == '/')
		s = arena_printf(mem, "%s/stb/modules", xdg);
	else
		s = arena_printf(mem, "%s/.cache/stb/modules",
				 home && *home == '/' ? home : "/tmp");
	if (!make_folders(s))
		die("%s: %m; XDG_CACHE_HOME tells where else to keep what "
		    "modules are built with", s);
	if (!kmod_plain_path(s))
		die("%s: kbuild cannot work with such a path; XDG_CACHE_HOME "
		    "tells where else to keep what modules are built with", s);
	return s;
}

/* The runtime's files that match, in order of their names. */
static void runtime_files(struct job *j, const char *pattern, glob_t *g)
{
	int error = glob(in(&j->mem, j->opt->share_dir, pattern), 0, NULL, g);

	if (error && error != GLOB_NOMATCH)
		die("%s/%s: %m", j->opt->share_dir, pattern);
}

/* All that decides what is in a kit. */
static const char *kit_name(struct job *j, const char *headers,
			    const char *compiler)
{
	static const char *const of_kernel[] = {
		".config", "Module.symvers", "include/generated/autoconf.h",
	};
	static const char *const of_runtime[] = {
		"runtime/*.h", "runtime/kmod/*.[ch]", "runtime/kmod/probe/*.c",
	};
	struct digest d;
	size_t i, k;

	digest_init(&d);
	digest_text(&d, KIT_RULES);
	digest_text(&d, headers);
	digest_text(&d, compiler);
	for (i = 0; i < COUNT_OF(of_kernel); i++)
		digest_file(&d, in(&j->mem, headers, of_kernel[i]));
	for (i = 0; i < COUNT_OF(of_runtime); i++) {
		glob_t g = { 0 };

		runtime_files(j, of_runtime[i], &g);
		for (k = 0; k < g.gl_pathc; k++)
			digest_file(&d, g.gl_pathv[k]);
		globfree(&g);
	}
	return arena_printf(&j->mem, "%s-%016" PRIx64 "%016" PRIx64,
			    j->kernel->release, d.a, d.b);
}

/* --- making one ------------------------------------------------------------------ */

static void put(struct job *j, const struct kit *k, const char *name,
		const char *text)
{
	char *path = in(&j->mem, k->folder, name);

	if (!write_file(path, text, strlen(text)))
		die("%s: %m", path);
}

/* The module of nothing, whose commands are wanted. */
static void run_kbuild(struct job *j, struct kit *k)
{
	struct task t = { .log = in(&j->mem, k->folder, "kbuild.log") };

	put(j, k, "part0.c", "#include <linux/module.h>\n"
	    "MODULE_LICENSE(\"GPL\");\n");
	put(j, k, "part1.c", "int stb_part1(void);\n"
	    "int stb_part1(void) { return 0; }\n");
	put(j, k, "Kbuild", "obj-m := " KMOD_NAME ".o\n"
	    KMOD_NAME "-y := part0.o part1.o\n"
	    "$(obj)/part0.o: $(obj)/env\n"
	    "$(obj)/env:\n\tenv >$@\n");
	/* BTF of a module is of no use here, and needs a program more */
	t.command = arena_printf(&j->mem, "make -C %s %s M=%s KCFLAGS=-g0 "
				 "CONFIG_DEBUG_INFO_BTF_MODULES= modules",
				 k->headers, common_makefile(j, k->headers),
				 k->folder);
	kmod_run(j, k, &t, 1);
	if (!t.status)
		return;
	kmod_tell_log(j, t.log);
	die("kernel %s: its kbuild in %s cannot build a module", j->kernel->name,
	    k->headers);
}

/* Of what kbuild's environment was, all that is not ours and not make's. */
static void keep_variables(struct job *j, const struct kit *k)
{
	char *p = read_file(&j->mem, in(&j->mem, k->folder, "env"), NULL), *end;
	struct text t = { .mem = &j->mem };

	text_puts(&t, "");
	for (; p && *p; p = end + 1) {
		const char *name = arena_strndup(&j->mem, p, strcspn(p, "=\n"));

		end = strchr(p, '\n');
		if (!end)
			break;
		if (strcmp(name, "PWD") && strcmp(name, "_") &&
		    strncmp(name, "MAKE", 4) && strcmp(name, "MFLAGS") &&
		    !getenv(name))
			text_add(&t, p, (size_t)(end + 1 - p));
	}
	put(j, k, "variables", t.s);
}

static bool is_complete(const struct kit *k)
{
	return k->cc && k->link && k->modpost && k->cc_mod && k->final;
}

static void read_commands(struct job *j, struct kit *k, const char *folder)
{
	struct arena *mem = &j->mem;

	k->cc = recorded(mem, folder, "part0.o");
	k->link = recorded(mem, folder, KMOD_NAME ".o");
	k->modpost = recorded(mem, folder, "Module.symvers");
	k->cc_mod = recorded(mem, folder, KMOD_NAME ".mod.o");
	k->final = recorded(mem, folder, KMOD_NAME ".ko");
}

static const char *capitals(struct arena *mem, const char *name)
{
	char *s = arena_strdup(mem, name), *p;

	for (p = s; *p; p++)
		if (*p == '.')
			*p = 0;
		else if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	return s;
}

/* Each of the runtime's files, copied into the kit and compiled, as PREFIX and
   its name. */
static struct task *compile_files(struct job *j, const struct kit *k,
				  const char *prefix, const glob_t *g,
				  const char *flags)
{
	struct task *t = NEW_ARRAY(&j->mem, struct task, g->gl_pathc + 1);
	size_t i, size;

	for (i = 0; i < g->gl_pathc; i++) {
		const char *base = base_name(g->gl_pathv[i]);
		char *text = read_file(&j->mem, g->gl_pathv[i], &size);
		char *name = arena_printf(&j->mem, "%s%.*s", prefix,
					  (int)strlen(base) - 2, base);

		if (!text)
			die("%s: %m", g->gl_pathv[i]);
		put(j, k, arena_printf(&j->mem, "%s.c", name), text);
		/* modpost of 6.1 wants to see it */
		put(j, k, arena_printf(&j->mem, ".%s.o.cmd", name), "");
		t[i].command = kmod_cc(&j->mem, k, k->folder, name, flags);
		t[i].log = arena_printf(&j->mem, "%s/%s.log", k->folder, name);
	}
	kmod_run(j, k, t, g->gl_pathc);
	return t;
}

/* What this kernel's headers have: the file that says so. */
static void try_probes(struct job *j, const struct kit *k)
{
	struct text t = { .mem = &j->mem };
	struct task *tried;
	glob_t g = { 0 };
	size_t i;

	runtime_files(j, "runtime/kmod/probe/*.c", &g);
	tried = compile_files(j, k, "probe_", &g, "-Werror");
	text_puts(&t, "/* what the headers of this kernel have */\n");
	for (i = 0; i < g.gl_pathc; i++)
		if (!tried[i].status)
			text_printf(&t, "#define STB_HAVE_%s 1\n",
				    capitals(&j->mem,
					     base_name(g.gl_pathv[i])));
	put(j, k, "stb_config.h", t.s);
	globfree(&g);
}

static void compile_parts(struct job *j, const struct kit *k)
{
	struct task *t;
	glob_t g = { 0 };
	size_t i;

	runtime_files(j, "runtime/kmod/*.c", &g);
	t = compile_files(j, k, "core_", &g, kmod_flags(j, k->folder));
	for (i = 0; i < g.gl_pathc; i++)
		if (t[i].status) {
			kmod_tell_log(j, t[i].log);
			bug("%s does not compile for kernel %s (%s)",
			    g.gl_pathv[i], j->kernel->name, t[i].log);
		}
	globfree(&g);
}

/* "vermagic=..." among the strings of the finished module of nothing. */
static const char *read_vermagic(struct job *j, const char *folder)
{
	static const char word[] = "vermagic=";
	size_t size, i;
	char *ko = read_file(&j->mem, in(&j->mem, folder, KMOD_NAME ".ko"),
			     &size);

	for (i = 1; ko && i + sizeof(word) < size; i++)
		if (!ko[i - 1] && !memcmp(ko + i, word, sizeof(word) - 1))
			return ko + i + sizeof(word) - 1;
	die("%s/" KMOD_NAME ".ko has no vermagic", folder);
}

static void make_kit(struct job *j, struct kit *k, const char *final)
{
	struct text made = { .mem = &j->mem };

	run_kbuild(j, k);
	keep_variables(j, k);
	k->made_in = k->folder;
	read_commands(j, k, k->folder);
	if (!is_complete(k))
		die("kernel %s: its kbuild in %s wrote down no commands that "
		    "are known here (%s)", j->kernel->name, k->headers,
		    k->folder);
	try_probes(j, k);
	compile_parts(j, k);
	text_puts(&made, k->folder);
	put(j, k, "made_in", made.s);
	if (rename(k->folder, final))
		die("%s: %m", final);
	k->folder = final;
}

/* One of several that want it makes it; the lock goes with the descriptor. */
static int lock(struct job *j, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		die("%s: %m", path);
	while (flock(fd, LOCK_EX))
		if (errno != EINTR)
			die("%s: %m", path);
	return fd;
}

static void find_parts(struct job *j, struct kit *k)
{
	glob_t g = { 0 };
	size_t i;

	glob(in(&j->mem, k->folder, "core_*.o"), 0, NULL, &g);
	for (i = 0; i < g.gl_pathc; i++)
		vec_push(&j->mem, &k->parts,
			 arena_strdup(&j->mem, g.gl_pathv[i]));
	globfree(&g);
}

struct kit *kmod_kit(struct job *j)
{
	struct kit *k = NEW(&j->mem, struct kit);
	const char *cache = cache_folder(&j->mem), *name, *final;
	int fd;

	k->headers = need_headers(j);
	name = kit_name(j, k->headers, kmod_compiler(j));
	final = in(&j->mem, cache, name);
	fd = lock(j, arena_printf(&j->mem, "%s/.lock-%s", cache, name));
	k->folder = final;
	if (access(final, R_OK)) {
		k->folder = arena_printf(&j->mem, "%s/.making-XXXXXX", cache);
		if (!mkdtemp((char *)k->folder))
			die("%s: %m", k->folder);
		make_kit(j, k, final);
	}
	close(fd);
	k->made_in = read_file(&j->mem, in(&j->mem, final, "made_in"), NULL);
	read_commands(j, k, final);
	if (!k->made_in || !is_complete(k))
		die("%s: not whole; remove it", final);
	k->vermagic = read_vermagic(j, final);
	find_parts(j, k);
	return kmod_fits(j, k->vermagic) ? k : NULL;
}
