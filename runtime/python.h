/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * python.h - the line that a frame of Python 3.11 is in: a walk over the bytes of its
 * code's table (co_linetable), the same in both engines of the kernel. An entry begins
 * with a byte whose highest bit is set: a kind (4 bits) and how many units of code it
 * stands for (3); behind it come bytes without that bit, of which the first number, in
 * groups of 6 bits, is the line's difference where the kind is 13 or 14.
 */
#ifndef STB_PYTHON_WALK_H
#define STB_PYTHON_WALK_H

#define RT_MOST_TABLE 65536

struct rt_lines {
	u64 at;		/* the next byte */
	i64 unit;	/* that is looked for, from 0 */
	i64 ends;	/* the first unit behind this entry */
	i64 line;
	u64 number, shift, open;	/* open: its number goes on */
};

/* 1: the entry before has the unit. */
RT_INLINE long rt_lines_step(struct rt_lines *w, u64 byte)
{
	u64 kind = byte >> 3 & 15;

	if (byte & 128) {
		if (w->ends > w->unit)
			return 1;
		w->ends += (byte & 7) + 1;
		if (kind >= 10 && kind <= 12)
			w->line += kind - 10;
		w->open = kind == 13 || kind == 14;
		w->number = w->shift = 0;
	} else if (w->open) {
		w->number |= (byte & 63) << (w->shift & 63);
		w->shift += 6;
		w->open = byte >> 6 & 1;
		if (!w->open)
			w->line += w->number & 1 ? -(i64)(w->number >> 1) :
						   (i64)(w->number >> 1);
	}
	return 0;
}

#endif
