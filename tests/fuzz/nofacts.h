/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nofacts.h - the front of the compiler (text to typed AST) without a kernel:
 * what %( %) asks of a target is answered here, nothing else may ask.
 */
#ifndef NOFACTS_H
#define NOFACTS_H

#include "compiler/target.h"

#include <string.h>

const char *target_release(const struct target *t)
{
	return "6.1.0-56-cloud-amd64";
}

const char *target_config(struct target *t, const char *key)
{
	return strcmp(key, "CONFIG_SMP") ? NULL : "y";
}

#endif
