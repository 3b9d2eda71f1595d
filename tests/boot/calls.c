/* SPDX-License-Identifier: GPL-2.0-or-later */
/* calls: so many system calls of each, and no other of their kind */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int main(void)
{
	int zero = open("/dev/zero", O_RDONLY), dir = open("/", O_RDONLY);
	char byte, entries[32768];
	struct iovec one = { &byte, 1 };

	for (int i = 0; i < 1000; i++)
		if (pread(zero, &byte, 1, 0) != 1)
			return 1;
	for (int i = 0; i < 500; i++)
		if (preadv(zero, &one, 1, 0) != 1)
			return 1;
	for (int i = 0; i < 200; i++)
		if (lseek(zero, 0, SEEK_SET))
			return 1;
	for (int i = 0; i < 100; i++)
		if (syscall(SYS_getdents64, dir, entries, sizeof(entries)) < 0)
			return 1;
	return 0;
}
