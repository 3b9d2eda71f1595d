/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * byhand.c - byhand OBJECT PROGRAM... [-- CMD...]: load these programs of
 * byhand.bpf.o with libbpf, attach them, and run CMD to its end; without CMD
 * print what comes out of the ring until interrupted. A uprobe is on the
 * function probed() of CMD.
 *
 * links: -lbpf -lelf
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

/* A probed() of this name at this file, or what its section says. */
static struct bpf_link *attach(struct bpf_program *p, const char *file)
{
	LIBBPF_OPTS(bpf_uprobe_opts, o, .func_name = "probed");

	if (strncmp(bpf_program__name(p), "uprobe", 6))
		return bpf_program__attach(p);
	o.retprobe = !!strstr(bpf_program__name(p), "leave");
	return bpf_program__attach_uprobe_opts(p, -1, file, 0, &o);
}

static int say(void *ctx, void *data, size_t size)
{
	printf("hit by %llu\n", *(unsigned long long *)data);
	fflush(stdout);
	return 0;
}

static int wanted(const char *name, char **names)
{
	for (; *names && strcmp(*names, "--"); names++)
		if (!strcmp(*names, name))
			return 1;
	return 0;
}

static int run(char **cmd)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		execvp(cmd[0], cmd);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return status ? fail(cmd[0]) : 0;
}

int main(int argc, char **argv)
{
	struct ring_buffer *ring;
	struct bpf_program *p;
	struct bpf_object *o;
	char **cmd = NULL;
	int i;

	for (i = 2; i < argc; i++)
		if (!strcmp(argv[i], "--"))
			cmd = argv + i + 1;
	o = argc < 3 ? NULL : bpf_object__open(argv[1]);
	if (!o)
		return fail("open");
	bpf_object__for_each_program(p, o)
		bpf_program__set_autoload(
			p, wanted(bpf_program__name(p), argv + 2));
	if (bpf_object__load(o))
		return fail("load");
	bpf_object__for_each_program(p, o)
		if (bpf_program__autoload(p) &&
		    !attach(p, cmd ? cmd[0] : NULL))
			return fail("attach");
	if (cmd)
		return run(cmd);
	ring = ring_buffer__new(bpf_object__find_map_fd_by_name(o, "ring"), say,
				NULL, NULL);
	while (ring && ring_buffer__poll(ring, -1) >= 0)
		;
	return 0;
}
