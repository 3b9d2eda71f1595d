/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * serve.h - files that handlers of the loader's serve while a session runs.
 */
#ifndef LOADER_SERVE_H
#define LOADER_SERVE_H

#include "loader/loader.h"
#include "loader/vm.h"

struct pollfd;

/* A handler's run with $value; false: the session is over. */
typedef bool run_file(void *arg, uint32_t handler, struct vm_value *v);

/* Makes them; how many descriptors serve_poll may ask for. */
unsigned serve_open(struct loader *l);
/* What to wait for: fills fds, returns how many. */
unsigned serve_poll(struct loader *l, struct pollfd *fds);
/* The same fds, after the wait. */
void serve_ready(struct loader *l, const struct pollfd *fds, run_file *run,
		 void *arg);
/* When there is something to do that no descriptor tells; UINT64_MAX: never. */
uint64_t serve_due(const struct loader *l);
void serve_close(struct loader *l);

#endif
