/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dwarf_lines.c - which line of the source an address comes from: all rows of
 * a binary's .debug_line, one table after the other.
 */
#include "dwarf_in.h"

static void give(Dwarf_Lines *lines, size_t n, void (*each)(void *arg,
		 uint64_t addr, const char *file, unsigned line), void *arg)
{
	size_t i;

	for (i = 0; i < n; i++) {
		Dwarf_Line *row = dwarf_onesrcline(lines, i);
		const char *file;
		Dwarf_Addr addr;
		bool ends = false;
		int line = 0;

		if (!row || dwarf_lineaddr(row, &addr) ||
		    dwarf_lineendsequence(row, &ends) ||
		    dwarf_lineno(row, &line))
			continue;
		file = dwarf_linesrc(row, NULL, NULL);
		each(arg, addr, file, ends || !file || line < 0 ? 0 :
		     (unsigned)line);
	}
}

bool dwarf_lines(struct facts *f, void (*each)(void *arg, uint64_t addr,
		 const char *file, unsigned line), void *arg)
{
	Dwarf_Off off = 0, next;
	const char *why;
	/* its own handle, which the tables go away with */
	Dwarf *dw = dwarf_handle(target_mem(f->t), f->same_file ?
				 &f->main : &f->debug, &why);
	Dwarf_Files *files;
	Dwarf_Lines *lines;
	Dwarf_CU *cu = NULL;
	size_t nfiles, nlines;
	bool any = false;

	if (!dw)
		return false;
	while (!dwarf_next_lines(dw, off, &next, &cu, &files, &nfiles,
				 &lines, &nlines)) {
		give(lines, nlines, each, arg);
		any = true;
		off = next;
	}
	dwarf_end(dw);
	return any;
}
