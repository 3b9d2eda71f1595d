/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine.h - what is asked of the module's engine, for kmod.c, which says what else
 * there is of it.
 */
#ifndef STB_TEST_ENGINE_H
#define STB_TEST_ENGINE_H

#include "runtime/kmod/strings.h"
#include "runtime/plain.h"

#endif
