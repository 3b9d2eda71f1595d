/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf.h - bpf(2) by itself. Functions return -errno where they return int.
 */
#ifndef LOADER_BPF_H
#define LOADER_BPF_H

#include "loader/sys.h"

/* --- elements of maps, for the interpreter's services ------------------- */

/* Per-CPU maps: `value` is one part a possible CPU, each padded to 8 bytes. */
int bpf_map_lookup(int fd, const void *key, void *value);
int bpf_map_update(int fd, const void *key, const void *value, uint64_t flags);
int bpf_map_delete(int fd, const void *key);
int bpf_map_next_key(int fd, const void *key, void *next);
/*
 * Up to *count elements from behind *cursor, which holds 8 bytes or a key,
 * whichever is longer; first: from the start. -ENOENT: those were the last.
 */
int bpf_map_lookup_batch(int fd, bool first, void *cursor, void *keys,
			 void *values, uint32_t *count);

#endif
