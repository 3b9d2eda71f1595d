/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dwarf_lines.c - which line of the source an address comes from: all rows of
 * a binary's .debug_line, one table after the other.
 */
#include "dwarf_in.h"

typedef void taker(void *arg, uint64_t addr, const char *file, unsigned line);

static void give(struct facts *f, Dwarf_CU *cu, Dwarf_Lines *lines, size_t n,
		 taker *each, void *arg)
{
	Dwarf_Die unit;
	bool known = cu && !dwarf_cu_info(cu, NULL, NULL, &unit, NULL, NULL,
					  NULL, NULL);
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
		if (file && known)
			file = dwarf_short_path(f, &unit, file);
		each(arg, addr, file, ends || !file || line < 0 ? 0 :
		     (unsigned)line);
	}
}

bool dwarf_lines(struct facts *f, taker *each, void *arg)
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
		give(f, cu, lines, nlines, each, arg);
		any = true;
		off = next;
	}
	dwarf_end(dw);
	return any;
}
