/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor.h - --monitor: a live view of a session in the terminal.
 */
#ifndef LOADER_MONITOR_H
#define LOADER_MONITOR_H

#include "loader/loader.h"

/* Before anything is printed: is there a terminal? Dies if not. */
void monitor_prepare(struct loader *l);
/* The probes are armed: takes the screen. */
void monitor_open(struct loader *l);
/* When it wants to be called, at the latest. */
uint64_t monitor_due(const struct loader *l);
/* Draws, if it is time. */
void monitor_tick(struct loader *l);
/* Keys were pressed. */
void monitor_keys(struct loader *l);
/* Gives the screen back; output goes on to stdout. */
void monitor_close(struct loader *l);

#endif
