/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runner.c - system() of scripts. A session may run nothing (confine.c), and has
 * descriptors that no shell should get; so a process that is there before either
 * does it: a command comes in, and a byte goes back when its shell has been
 * started. It ends with the session.
 */
#include "loader/rights.h"
#include "loader/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

enum { COMMAND = 8192, SOCKET = 3 };

static void give_up_all(void)
{
	struct __user_cap_header_struct h = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	const struct __user_cap_data_struct none[2] = { 0 };

	if (syscall(SYS_capset, &h, none))
		_exit(1);
}

/* As its session does, see record_ready(). */
static void go_into_background(const struct loader *l)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	if (null > SOCKET)
		close(null);
	if (!l->files.pattern)
		leave_folder();
}

_Noreturn static void runner(const struct loader *l, int fd)
{
	char command[COMMAND];
	sigset_t all, none;
	ssize_t n;

	prctl(PR_SET_NAME, "stap-shell");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(fd, SOCKET);
	fcntl(SOCKET, F_SETFD, FD_CLOEXEC);
	close_from(SOCKET + 1);
	if (l->rights.raised)
		give_up_all();
	environ = l->rights.environ;
	sigfillset(&all);	/* ^C is the session's affair */
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&none);
	while ((n = recv(SOCKET, command, COMMAND - 1, 0)) > 0) {
		command[n] = 0;
		if (*command)
			run_shell(command, &none);
		else
			go_into_background(l);
		if (send(SOCKET, "", 1, MSG_NOSIGNAL) != 1)
			break;
	}
	_exit(0);
}

static bool is_wanted(const struct loader *l)
{
	for (uint32_t i = 0; i < l->formats.n; i++)
		if (ROW(struct stb_format, l->formats, i)->channel ==
		    STB_SYSTEM)
			return true;
	return false;
}

int runner_start(const struct loader *l)
{
	int fds[2];
	pid_t pid;

	if (!is_wanted(l))
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		die(EXIT_AGAIN, "socketpair: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die(EXIT_AGAIN, "fork: %s", strerror(errno));
	if (!pid)
		runner(l, fds[1]);
	close(fds[1]);
	return fds[0];
}

static void ask(int fd, const char *text, size_t n)
{
	char byte;

	if (send(fd, text, n, MSG_NOSIGNAL) != (ssize_t)n) {
		say("system(): %s", strerror(errno));
		return;
	}
	while (recv(fd, &byte, 1, 0) < 0 && errno == EINTR)
		continue;
}

void runner_detach(int fd)
{
	if (fd >= 0)
		ask(fd, "", 1);
}

void runner_run(int fd, const char *command)
{
	size_t n = strlen(command);

	if (n && fd >= 0)
		ask(fd, command, n < COMMAND - 1 ? n : COMMAND - 1);
}
