/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * python.h - __py_line(table, size, unit, first line)
 */
#ifndef STB_BPF_PYTHON_H
#define STB_BPF_PYTHON_H

#include "../python.h"

__attribute__((__unused__))
RT_BODY rt_lines_turn(u32 i, struct rt_lines *w)
{
	unsigned char byte = 0;

	if (bpf_probe_read_user(&byte, 1, w->at++))
		return 1;
	return rt_lines_step(w, byte);
}

RT_OUTLINE i64 rt_line_of(u64 table, u64 size, i64 unit, i64 first)
{
	struct rt_lines w = { .at = table };

	w.ends = w.number = w.shift = w.open = rt_some_zero();
	w.unit = unit + (i64)w.ends;
	w.line = first + (i64)w.ends;
	bpf_loop(size > RT_MOST_TABLE ? RT_MOST_TABLE : size, rt_lines_turn, &w, 0);
	return w.line;
}
#define rt___py_line(r, table, size, unit, first) \
	((unit) < 0 ? (i64)(first) : \
	 rt_line_of((u64)(table), (u64)(size), (i64)(unit), (i64)(first)))

#endif
