/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * own.c - own N: calls step() N times, one a millisecond; with a name behind, on
 * and on. In it are, too: setcap FILE HEX, which gives the file capabilities, so
 * that no loader has to be root's; and answer SOCKET TEXT, a recorder that says
 * TEXT and a newline to whoever asks.
 */
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

static volatile int sum;

__attribute__((noinline)) int step(int n)
{
	sum += n;
	return sum;
}

static int setcap(const char *file, uint64_t caps)
{
	struct vfs_cap_data d = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data = { { (uint32_t)caps, 0 }, { caps >> 32, 0 } },
	};

	if (!setxattr(file, "security.capability", &d, sizeof(d), 0))
		return 0;
	perror(file);
	return 1;
}

static int answer(const char *path, const char *text)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0), fd;
	char asked[64];

	strncpy(a.sun_path, path, sizeof(a.sun_path) - 1);
	if (s < 0 || bind(s, (void *)&a, sizeof(a)) || listen(s, 1)) {
		perror(path);
		return 1;
	}
	while ((fd = accept(s, NULL, NULL)) >= 0) {
		if (read(fd, asked, sizeof(asked)) > 0)
			dprintf(fd, "%s\n", text);
		close(fd);
	}
	return 1;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0;

	if (argc > 3 && !strcmp(argv[1], "setcap"))
		return setcap(argv[2], strtoull(argv[3], NULL, 16));
	if (argc > 3 && !strcmp(argv[1], "answer"))
		return answer(argv[2], argv[3]);
	for (int i = 0; i < n || argc > 2; i++) {
		step(i);
		usleep(1000);
	}
	return 0;
}
