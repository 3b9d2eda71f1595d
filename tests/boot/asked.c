/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asked.c - what the file of a module is asked that the loader does not ask it:
 * asked FILE. Its first probe is of perf.type(1). To be writable, what is not to be
 * written; a site again and again; and sites while a processor goes and comes.
 */
#include "../../runtime/kmod/uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, RING = 4 * PAGE, AT_PERF_EVENT = 16, TURNS = 30 };

static int attach(int fd)
{
	struct stb_kmod_attach a = {
		.attach = AT_PERF_EVENT, .fd = -1, .cpu = -1,
		.event_type = 1, .config = 2, .rate = 1 << 30,
	};
	int n = ioctl(fd, STB_KMOD_ATTACH, &a);

	return n < 0 ? -errno : n;
}

static int detach(int fd, int site)
{
	struct stb_kmod_detach d = { .site = (uint32_t)site };

	return ioctl(fd, STB_KMOD_DETACH, &d) ? -errno : 0;
}

static const char *can_be_written(int fd, off_t at, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, at);
	int refused;

	if (p == MAP_FAILED)
		return strerror(errno);
	refused = mprotect(p, size, PROT_READ | PROT_WRITE);
	munmap(p, size);
	return refused ? "no" : "yes";
}

static void numbers(int fd)
{
	int first = attach(fd), second = attach(fd), most = 0;

	for (int i = 0; i < 200; i++) {
		int n = attach(fd);

		if (n > most)
			most = n;
		detach(fd, n);
	}
	printf("sites %d %d, then %d, twice %d\n", first, second, most,
	       detach(fd, most));
	detach(fd, first);
	printf("again %d", attach(fd));
	printf(" %d\n", attach(fd));
}

static void toggle(void)
{
	static const char path[] = "/sys/devices/system/cpu/cpu1/online";

	for (int i = 0; i < TURNS; i++) {
		int fd = open(path, O_WRONLY);

		if (write(fd, i & 1 ? "1" : "0", 1) != 1)
			printf("%s: %s\n", path, strerror(errno));
		close(fd);
	}
}

/* Attaches until the other is done; who waits for ever cannot be killed. */
static void beside(int fd)
{
	pid_t toggles, attaches = fork();
	int status = 0, waited = 0;

	if (!attaches)
		for (;;) {
			int n = attach(fd);

			if (n < 0)
				printf("attach: %s\n", strerror(-n));
			detach(fd, n);
		}
	toggles = fork();
	if (!toggles) {
		toggle();
		_exit(0);
	}
	while (!waitpid(toggles, &status, WNOHANG) && ++waited < 600)
		usleep(50000);
	printf("a processor %s\n", waited < 600 ? "goes and comes" : "is stuck");
	kill(attaches, SIGKILL);
	if (waited < 600)
		waitpid(attaches, &status, 0);
}

int main(int argc, char **argv)
{
	struct stb_kmod_setup setup = { .ring_size = RING };
	int fd = argc > 1 ? open(argv[1], O_RDWR) : -1;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (fd < 0 || ioctl(fd, STB_KMOD_SETUP, &setup)) {
		perror("asked");
		return 1;
	}
	printf("written: consumer %s, ", can_be_written(fd, 0, PAGE));
	printf("producer %s, ", can_be_written(fd, PAGE, PAGE));
	printf("all %s, ", can_be_written(fd, 0, PAGE + PAGE + RING));
	printf("data %s, ", can_be_written(fd, 2 * PAGE, PAGE));
	printf("globals %s\n", can_be_written(fd, STB_KMOD_GLOBALS, PAGE));
	numbers(fd);
	beside(fd);
	return 0;
}
