/* SPDX-License-Identifier: GPL-2.0-or-later */
/* perf events that an exec takes away: from 5.13 on. */
#include <linux/perf_event.h>

void stb_try(struct perf_event_attr *attr);
void stb_try(struct perf_event_attr *attr)
{
	attr->remove_on_exec = 1;
}
