/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target_header.c - the types of a header of this machine, for
 * @cast(p, "type", "<sys/types.h>"). In: the header's name. Out: a shared
 * object with DWARF of all that the header declares, to be taken away again.
 */
#include "facts.h"
#include "stap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void exec_cc(const char *cc, const char *from, const char *to)
{
	if (!freopen("/dev/null", "w", stderr))
		_exit(127);
	execlp(cc, cc, "-g", "-fno-eliminate-unused-debug-types", "-shared",
	       "-fPIC", "-nostdlib", "-Wl,--build-id", "-o", to, from,
	       (char *)NULL);
	_exit(127);
}

static bool run_cc(const char *cc, const char *from, const char *to)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork_child();
	if (!pid)
		exec_cc(cc, from, to);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid: %m");
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/*
 * "<a/b.h>", or several like it one behind the other, and nothing that a C
 * compiler could take for more, as lines to include them; NULL: it is not.
 */
static const char *includes(struct job *j, const char *s)
{
	struct text t = { .mem = &j->mem };
	size_t n;

	do {
		n = strspn(s + (*s == '<'), "abcdefghijklmnopqrstuvwxyz_"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./+-");
		if (*s != '<' || !n || s[n + 1] != '>')
			return NULL;
		text_printf(&t, "#include %.*s\n", (int)n + 2, s);
		s += n + 2;
	} while (*s);
	return t.s;
}

struct binary *target_header(struct target *t, const char *header,
			     const char **why)
{
	struct job *j = target_job(t);
	const char *tmp = getenv("TMPDIR"), *text, *c, *so;
	struct binary *b = target_opened_header(t, header);
	char *dir;

	if (b)
		return b;
	*why = arena_printf(&j->mem, "\"%s\" cannot be compiled here", header);
	dir = arena_printf(&j->mem, "%s/stapc-header.XXXXXX",
			   tmp && *tmp ? tmp : "/tmp");
	text = includes(j, header);
	if (!text || !mkdtemp(dir))
		return NULL;
	c = arena_printf(&j->mem, "%s/x.c", dir);
	so = arena_printf(&j->mem, "%s/x.so", dir);
	if (write_file(c, text, strlen(text)) &&
	    run_cc(j->opt->clang, c, so))
		b = target_open_header(t, header, so);
	unlink(c);
	unlink(so);
	rmdir(dir);
	return b;
}
