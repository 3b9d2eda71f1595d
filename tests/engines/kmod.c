// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod.c - the strings of the module's engine.
 */
#include "tests/engines/engines.h"

#include <stdbool.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused"

#define RT_STRING_LEN ENGINE_STRING
#define RT_FP

/* what the generic part has for the script's */
#define STB_KMOD_H
#define STB_KMOD_CORE_H
typedef int64_t s64;
uint32_t stb_copy(char *dst, uint32_t cap, const char *src);
int stb_strcmp(const char *a, const char *b);
uint32_t stb_strlen(const char *s);
s64 stb_find(const char *s, const char *what);
s64 stb_strtol(const char *s, uint64_t base);
void stb_replace_in(char *to, uint32_t room, char *dst, uint32_t cap,
		    const char *s, const char *old, const char *new);
void stb_change_case(char *dst, uint32_t cap, const char *s, int upper);

struct rt_frame {
	char cat[2 * ENGINE_STRING];
	struct rt_tokens {
		uint32_t at;
		char text[ENGINE_STRING];
	} tokens;
};
struct frame {
	struct rt_frame rt;
};
struct rt_run {
	struct frame *frame;
};
#define RT_HEAD(r) (&(r)->frame->rt)

#include "runtime/rt.h"
#include "runtime/kmod/text.c"
#include "tests/engines/ask.h"

ASK(ask_kmod)
