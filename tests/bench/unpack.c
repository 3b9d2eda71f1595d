/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unpack.c - unpack FILE: the least a program that starts from a compressed
 * file can do: open, decompress with zstd, print. What `stap-load` needs for a
 * script with only a begin probe is compared with it. Static musl, as that is.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

int main(int argc, char **argv)
{
	static char out[1 << 20];
	struct stat st;
	size_t n;
	void *in;
	int fd;

	fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;
	if (fd < 0 || fstat(fd, &st))
		return 66;
	in = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (in == MAP_FAILED)
		return 66;
	n = ZSTD_decompress(out, sizeof(out), in, (size_t)st.st_size);
	if (ZSTD_isError(n))
		return 65;
	if (write(1, out, 6) != 6)
		return 73;
	pause();	/* to be looked at */
	return 0;
}
