/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * confine.c - what a session may ask of the kernel once its probes are armed: it
 * goes on with what it does, and ends with 70 at the first call of another kind.
 * confine.test compiles it with loader/confine.c; a sanitizer would make calls of
 * its own.
 */
#include "loader/loader.h"

#include <assert.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void checked(const struct loader *l, const char *fmt, ...)
{
}

void say(const char *fmt, ...)
{
}

void die(enum exit_code code, const char *fmt, ...)
{
	_exit(code);
}

static void run_program(void)
{
	execl("/bin/true", "true", (char *)NULL);
}

static void connect_somewhere(void)
{
	socket(AF_INET, SOCK_STREAM, 0);
}

static void map_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	     0);
}

static void become_root(void)
{
	syscall(SYS_setresuid, 0, 0, 0);
}

static void look_at_others(void)
{
	syscall(SYS_ptrace, 16, 1, 0, 0);
}

static void load_module(void)
{
	syscall(SYS_init_module, "", 0, "");
}

static void unload_module(void)
{
	syscall(SYS_delete_module, "none", 0);
}

static void do_its_work(void)
{
	char byte;
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (fd < 0 || read(fd, &byte, 1) != 1 || p == MAP_FAILED ||
	    munmap(p, 4096) || close(fd))
		_exit(1);
}

/* The exit status of who is confined and does that, then would exit with 0. */
static int status_of(void (*what)(void))
{
	struct loader l = { 0 };
	int status;
	pid_t pid = fork();

	assert(pid >= 0);
	if (!pid) {
		confine(&l);
		what();
		_exit(0);
	}
	assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

int main(void)
{
	void (*const forbidden[])(void) = {
		run_program, connect_somewhere, map_code, become_root,
		look_at_others, load_module, unload_module,
	};

	assert(status_of(do_its_work) == 0);
	for (size_t i = 0; i < COUNT_OF(forbidden); i++)
		assert(status_of(forbidden[i]) == EXIT_OURS);
	return 0;
}
