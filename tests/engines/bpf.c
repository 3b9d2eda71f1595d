// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bpf.c - the strings of the kernel's BPF engine, with what the kernel's helpers
 * do done here.
 */
#include "tests/engines/engines.h"

#include <stdbool.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused"
#pragma GCC diagnostic ignored "-Wunknown-attributes"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define RT_STRING_LEN ENGINE_STRING
#define RT_FP
#define RT_MAX_ACTION 1000
#define RT_MAX_ERRORS 0
#define RT_MAX_SKIPPED 100
#define RT_RING map_1
#define RT_FRAMES map_2
#define RT_LEVELS 1
#define RT_OUT_SIZE 0
#define RT_RAISE_SIZE 0
#define RT_CAT_SIZE (2 * ENGINE_STRING + RT_TEXT_ROOM)
#define RT_TOKENS
#define RT_KEY_SIZE 0
#define RT_VALUE_SIZE 0
extern char map_1, map_2;

/* What cannot be read is cleared. */
static long read_mem(void *dst, uint64_t size, uint64_t address)
{
	if (!address) {
		memset(dst, 0, size);
		return -14;
	}
	memcpy(dst, (const void *)address, size);
	return 0;
}

static long read_str(char *dst, uint64_t size, uint64_t address)
{
	const char *s = (const char *)address;
	uint64_t n;

	if (!size)
		return 0;
	for (n = 0; n + 1 < size && s[n]; n++)
		dst[n] = s[n];
	dst[n] = 0;
	return (long)n + 1;
}

/* The engine's own are pointers of these names: calls alone are taken for ours. */
#define bpf_loop(n, turn, w, flags) \
	({ for (u32 i_ = 0; i_ < (n) && !turn(i_, w); i_++) ; 0l; })
#define bpf_probe_read_kernel(dst, n, address) read_mem(dst, n, address)
#define bpf_probe_read_kernel_str(dst, n, address) \
	read_str((char *)(dst), n, address)

#include "runtime/rt.h"
#include "tests/engines/ask.h"

struct globals {
	struct stb_shared shared;
};
struct globals G;
struct frame {
	struct rt_frame rt;
};

ASK(ask_bpf)
