/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walk.c - the least that libdw can be made to do with a file's debuginfo:
 * visit every DIE of every unit once and look at its tag and name. What
 * `stapc` needs to index the same file is compared with it.
 *
 * links: -ldw -lelf
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <stdio.h>

static unsigned long count, named;

static void visit(Dwarf_Die *die)
{
	Dwarf_Die child;
	Dwarf_Die *at = die;

	do {
		count++;
		if (dwarf_diename(at))
			named++;
		if (dwarf_child(at, &child) == 0)
			visit(&child);
	} while (dwarf_siblingof(at, at) == 0);
}

int main(int argc, char **argv)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Half version;
	Dwarf_Die die, sub;
	uint8_t type;
	Dwarf *dw;
	int fd;

	if (argc != 2)
		return 64;
	fd = open(argv[1], O_RDONLY);
	dw = fd < 0 ? NULL : dwarf_begin(fd, DWARF_C_READ);
	if (!dw) {
		fprintf(stderr, "walk: %s: no debuginfo\n", argv[1]);
		return 1;
	}
	while (dwarf_get_units(dw, cu, &cu, &version, &type, &die, &sub) == 0)
		visit(&die);
	printf("%lu DIEs, %lu named\n", count, named);
	return 0;
}
