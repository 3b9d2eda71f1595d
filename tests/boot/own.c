/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * own.c - own N: calls step() N times, one a millisecond; with a name behind, on
 * and on. setcap FILE is in it, too: gives the file the capabilities that a
 * loader for members of stapusr needs, so that none has to be root's.
 */
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

static volatile int sum;

__attribute__((noinline)) int step(int n)
{
	sum += n;
	return sum;
}

static int setcap(const char *file)
{
	const uint64_t caps = 1ull << CAP_BPF | 1ull << CAP_PERFMON |
		1ull << CAP_SYS_ADMIN;
	struct vfs_cap_data d = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data = { { (uint32_t)caps, 0 }, { caps >> 32, 0 } },
	};

	if (!setxattr(file, "security.capability", &d, sizeof(d), 0))
		return 0;
	perror(file);
	return 1;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0;

	if (argc > 2 && !strcmp(argv[1], "setcap"))
		return setcap(argv[2]);
	for (int i = 0; i < n || argc > 2; i++) {
		step(i);
		usleep(1000);
	}
	return 0;
}
