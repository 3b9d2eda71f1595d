/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * driver.c - one compile per kernel, side by side, then one bundle. Each child
 * writes what it has to say into a file; when all are done, messages are told
 * once each, with the kernels they were about. Leaves OUT_DIR/KERNEL/plan (and
 * what it names) if an output folder was asked for, and the bundle.
 */
#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	const struct kernel_decl *kernel;
	enum engine engine;
	const char *label;	/* for messages */
	const char *dir;	/* of its objects and plan */
	const char *messages;	/* file; NULL: straight to our stderr */
	const char *listing;	/* file, -l: what it lists; NULL: stdout */
	pid_t pid;
	int status;
	bool said;		/* something, in messages */
};

struct message {
	const char *text;
	struct text kernels;	/* "debian-6.1, debian-6.12" */
};

/* Kernel labels name folders: what a path would take otherwise is '_'. */
static const char *folder_of(struct command *cmd, const char *name)
{
	char *s = arena_printf(&cmd->mem, "%s/%s", cmd->out_dir, name);
	char *p = s + strlen(cmd->out_dir) + 1;

	if (*p == '.')
		*p = '_';
	for (; *p; p++)
		if (*p == '/')
			*p = '_';
	return s;
}

static bool make_folder(const char *path)
{
	return mkdir(path, 0777) == 0 || errno == EEXIST;
}

static int remove_one(const char *path, const struct stat *st, int flag,
		      struct FTW *ftw)
{
	return remove(path);
}

static void remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void redirect(const char *path, int to)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0666);

	if (fd < 0)
		die("%s: %m", path);
	if (dup2(fd, to) < 0)
		die("dup2: %m");
	close(fd);
}

/* In the child: out and errors into its files, then the compile. */
static int child_main(struct command *cmd, struct child *c)
{
	if (!c->messages)
		return compile(cmd, c->kernel, c->dir, c->engine, false);
	redirect(c->messages, 2);
	if (c->listing)
		redirect(c->listing, 1);
	else if (dup2(2, 1) < 0)
		die("dup2: %m");
	return compile(cmd, c->kernel, c->dir, c->engine, true);
}

static void start(struct command *cmd, struct child *c)
{
	c->pid = fork_child();
	if (!c->pid) {
		int status = written(child_main(cmd, c));

		fflush(NULL);
		_exit(status);
	}
}

static void finish(struct child *c, int n)
{
	int status, i;
	pid_t pid;

	do
		pid = wait(&status);
	while (pid < 0 && errno == EINTR);
	if (pid < 0)
		die("wait: %m");
	for (i = 0; i < n && c[i].pid != pid; i++)
		;
	if (i == n)
		return;
	c[i].pid = 0;
	c[i].status = WIFEXITED(status) ? WEXITSTATUS(status) :
		128 + WTERMSIG(status);
}

static void run(struct command *cmd, struct child *c, int n)
{
	int next = 0, running = 0;

	while (next < n || running) {
		if (next < n && running < cmd->jobs) {
			start(cmd, &c[next++]);
			running++;
		} else {
			finish(c, next);
			running--;
		}
	}
}

/* --- messages ----------------------------------------------------------------- */

static void add_message(struct command *cmd, struct dict *seen, void *list,
			const char *text, const char *kernel)
{
	VEC(struct message *) *all = list;
	struct message **m = (struct message **)dict_at(seen, text);

	if (!*m) {
		*m = NEW(&cmd->mem, struct message);
		(*m)->text = text;
		(*m)->kernels.mem = &cmd->mem;
		vec_push(&cmd->mem, all, *m);
	}
	text_printf(&(*m)->kernels, "%s%s", (*m)->kernels.n ? ", " : "", kernel);
}

/* What the children said, the same thing once, in the order of the manifest. */
static void tell(struct command *cmd, struct child *c, int n)
{
	VEC(struct message *) all = { 0 };
	struct dict seen = { .mem = &cmd->mem };
	size_t size, k, len;
	const char *text;
	int i;

	for (i = 0; i < n; i++) {
		text = c[i].messages ?
			read_file(&cmd->mem, c[i].messages, &size) : NULL;
		for (k = 0; text && k < size; k += len + 1) {
			len = strlen(text + k);
			c[i].said |= len != 0;
			if (len)
				add_message(cmd, &seen, &all, text + k,
					    c[i].label);
		}
		if (c[i].status > 128 && c[i].status != 128 + SIGINT &&
		    c[i].status != 128 + SIGPIPE)
			add_message(cmd, &seen, &all,
				    arena_printf(&cmd->mem,
						 "%s: bug: killed by signal "
						 "%d\n", argv0,
						 c[i].status - 128),
				    c[i].label);
	}
	for (k = 0; k < all.n; k++) {
		len = strlen(all.v[k]->text);
		fprintf(stderr, "%s%s", all.v[k]->text,
			all.v[k]->text[len - 1] == '\n' ? "" : "\n");
		if (n > 1)
			fprintf(stderr, "    for: %s\n",
				all.v[k]->kernels.s);
	}
}

/* --- the bundle --------------------------------------------------------------- */

/* stb of the same build, else of PATH, with these words, NULL behind the last. */
static int run_stb(struct command *cmd, char **words)
{
	char *own = arena_printf(&cmd->mem, "%s/stb", cmd->exe_dir);
	pid_t pid;
	int status;

	words[0] = access(own, X_OK) ? "stb" : own;
	pid = fork_child();
	if (!pid) {
		execvp(words[0], words);
		fprintf(stderr, "%s: %s: %m\n", argv0, words[0]);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("wait: %m");
	return WIFEXITED(status) && WEXITSTATUS(status) < 126 ?
		WEXITSTATUS(status) : 1;
}

/* What stands beside the bundle. */
static int state(struct command *cmd, char *verb, const char *ending)
{
	char *words[] = { NULL, verb, "-o", arena_printf(&cmd->mem, "%s.%s",
			  cmd->out, ending), (char *)cmd->out, NULL };

	return run_stb(cmd, words);
}

static int pack(struct command *cmd, struct child *c, int n)
{
	VEC(char *) argv = { 0 };
	int status, i;

	vec_push(&cmd->mem, &argv, NULL);
	vec_push(&cmd->mem, &argv, "pack");
	vec_push(&cmd->mem, &argv, "-o");
	vec_push(&cmd->mem, &argv, (char *)cmd->out);
	if (cmd->generation)
		vec_push(&cmd->mem, &argv, arena_printf(&cmd->mem,
			 "--generation=%s", cmd->generation));
	for (i = 0; i < n; i++)
		vec_push(&cmd->mem, &argv,
			 arena_printf(&cmd->mem, "%s/plan", c[i].dir));
	vec_push(&cmd->mem, &argv, NULL);
	status = run_stb(cmd, argv.v);
	if (!status && cmd->sbom)
		status = state(cmd, "sbom", "spdx.json");
	if (!status && cmd->provenance)
		status = state(cmd, "provenance", "intoto.json");
	return status;
}

static bool is_asked_for(const struct command *cmd, const char *kernel)
{
	if (cmd->compare[0])
		return !strcmp(cmd->compare[0], kernel) ||
			!strcmp(cmd->compare[1], kernel);
	return !cmd->only || !strcmp(cmd->only, kernel);
}

static void new_child(struct command *cmd, struct child *c,
		      const struct kernel_decl *k, enum engine engine)
{
	const char *suffix = cmd->opt.engine == ENGINE_BOTH ?
		engine == ENGINE_BPF ? ".bpf" : ".module" : "";

	*c = (struct child){ .kernel = k, .engine = engine };
	c->label = arena_printf(&cmd->mem, "%s%s", k->name, suffix);
	c->dir = folder_of(cmd, c->label);
	c->messages = arena_printf(&cmd->mem, "%s/messages", c->dir);
	if (cmd->opt.listing)
		c->listing = arena_printf(&cmd->mem, "%s/listing", c->dir);
	if (!make_folder(c->dir))
		die("%s: %m", c->dir);
}

/* A single child has nobody to interleave with. */
static struct child *children(struct command *cmd, int *n)
{
	struct child *c = NEW_ARRAY(&cmd->mem, struct child,
				    2 * cmd->manifest.kernels.n + 1);
	enum engine engine = cmd->opt.engine;
	bool both = engine == ENGINE_BOTH && !cmd->opt.listing;
	size_t i;

	*n = 0;
	for (i = 0; i < cmd->manifest.kernels.n; i++) {
		const struct kernel_decl *k = cmd->manifest.kernels.v[i];

		if (!is_asked_for(cmd, k->name))
			continue;
		new_child(cmd, &c[(*n)++], k, both ? ENGINE_BPF : engine);
		if (both)
			new_child(cmd, &c[(*n)++], k, ENGINE_MODULE);
	}
	if (*n == 1)
		c[0].messages = NULL;
	return c;
}

/* Each kernel's under its name; something for one of them is enough. */
static int show_listings(struct command *cmd, struct child *c, int n)
{
	int i, best = 1;
	char *text;

	for (i = 0; i < n; i++) {
		text = read_file(&cmd->mem, c[i].listing, NULL);
		printf("%s# %s %s\n%s", i ? "\n" : "", c[i].kernel->name,
		       c[i].kernel->release, text ? text : "");
		unlink(c[i].listing);
		if (c[i].status > 1)
			return c[i].status;
		if (!c[i].status)
			best = 0;
	}
	return best;
}

/* What is there of it, whether all was built or not. */
static void report(struct command *cmd, const struct child *c, int n)
{
	struct target_dir *t = NEW_ARRAY(&cmd->mem, struct target_dir,
					 (size_t)n);
	int i;

	for (i = 0; i < n; i++)
		t[i] = (struct target_dir){ c[i].kernel, c[i].dir };
	if (cmd->table)
		report_table(&cmd->mem, t, n, stdout);
	if (cmd->json)
		report_json(&cmd->mem, cmd->opt.script_name, t, n, cmd->json);
}

/* 0: nothing changes, 3: something; 1: wrong by itself, and told. */
static int compare(struct command *cmd, const struct child *c, int n)
{
	struct target_dir t[2];
	int i, k;

	for (i = 0; i < 2; i++) {
		for (k = 0; k < n && strcmp(c[k].kernel->name,
					    cmd->compare[i]); k++)
			;
		if (k == n) {
			fprintf(stderr, "%s: the manifest has no kernel "
				"\"%s\"\n", argv0, cmd->compare[i]);
			return 64;
		}
		if (c[k].status > 1 || (c[k].status == 1 && c[k].said))
			return c[k].status;
		t[i] = (struct target_dir){ c[k].kernel, c[k].dir };
	}
	return report_compare(&cmd->mem, t, stdout) ? 3 : 0;
}

static int compile_all(struct command *cmd)
{
	struct child *c;
	int n, i, worst = 0;

	c = children(cmd, &n);
	if (!n) {
		fprintf(stderr, "%s: the manifest has no kernel \"%s\"\n",
			argv0, cmd->only ? cmd->only : "");
		return 64;
	}
	run(cmd, c, n);
	tell(cmd, c, n);
	for (i = 0; i < n; i++) {
		if (c[i].messages)
			unlink(c[i].messages);
		if (c[i].status > 128)
			c[i].status = c[i].status == 128 + SIGINT ? 1 : 70;
		if (c[i].status > worst)
			worst = c[i].status;
	}
	if (cmd->opt.cover)
		report(cmd, c, n);
	if (cmd->compare[0])
		return compare(cmd, c, n);
	if (cmd->opt.listing && n > 1)
		return show_listings(cmd, c, n);
	if (worst || cmd->only || cmd->opt.listing)
		return worst;
	worst = pack(cmd, c, n);
	if (!worst && cmd->tell)
		puts(cmd->out);
	return worst;
}

/*
 * compile_all() in a process of its own, with all temporary files in our folder,
 * so that we are there to remove it, whatever ends the compile. All that it
 * started is gone, too, when we come back.
 */
static int watched(struct command *cmd, int *got)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
	int status, sig = 0;
	sigset_t set, old;
	size_t i;
	pid_t pid;

	sigemptyset(&set);
	for (i = 0; i < COUNT_OF(ends); i++)
		sigaddset(&set, ends[i]);
	sigprocmask(SIG_BLOCK, &set, &old);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork_child();
	if (!pid) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		setenv("TMPDIR", cmd->out_dir, 1);
		status = written(compile_all(cmd));
		fflush(NULL);
		_exit(status);
	}
	while (waitpid(pid, &status, WNOHANG) != pid) {
		sigwait(&set, &sig);
		if (sig != SIGCHLD) {
			*got = sig;
			kill(pid, SIGKILL);
		}
	}
	while (wait(NULL) > 0)
		;
	sigprocmask(SIG_SETMASK, &old, NULL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 70;
}

int drive(struct command *cmd)
{
	const char *tmp = getenv("TMPDIR");
	bool keep = cmd->out_dir || cmd->keep;
	int status, signal_got = 0;

	if (cmd->out_dir) {
		if (!make_folder(cmd->out_dir))
			die("%s: %m", cmd->out_dir);
	} else {
		char *dir = arena_printf(&cmd->mem, "%s/stapc.XXXXXX",
					 tmp && *tmp ? tmp : "/tmp");

		cmd->out_dir = mkdtemp(dir);
		if (!cmd->out_dir)
			die("%s: %m", dir);
		if (keep)
			fprintf(stderr, "%s: keeping %s\n", argv0, dir);
	}
	status = keep ? written(compile_all(cmd)) : watched(cmd, &signal_got);
	if (!keep)
		remove_tree(cmd->out_dir);
	if (signal_got) {
		signal(signal_got, SIG_DFL);
		raise(signal_got);
	}
	return status;
}
