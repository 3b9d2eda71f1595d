/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hand.c - kernel handlers written by hand, as small as can be, for tests of
 * the loader alone: what a site's cookie is, who hit it, counters that end a
 * session. Compiled by tests/loader/lib for clang's -target bpf.
 */
#define STB_ABI_NO_STDINT
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef short int16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
typedef long long int64_t;
#include "runtime/abi.h"

#define SEC(name) __attribute__((section(name), used))

static uint64_t (*pid_tgid)(void) = (void *)14;
static long (*comm)(void *to, uint32_t size) = (void *)16;
static void *(*reserve)(void *ring, uint64_t size, uint64_t flags) =
	(void *)131;
static void (*submit)(void *sample, uint64_t flags) = (void *)132;
static uint64_t (*cookie)(void *ctx) = (void *)174;

extern char map_0[];

struct globals {
	struct stb_shared s;
	int64_t only;		/* a pid; -1: all */
	int64_t hits;
	int64_t many;		/* samples a hit */
	char name[16];
};
SEC("globals") struct globals g = { .only = -1, .many = 1, .name = "hello" };

struct sample {
	struct stb_record head;
	int64_t number;
	uint32_t len, room;
	char comm[16];
	struct stb_record wake;
};

static __attribute__((always_inline)) int print(int format, int64_t number)
{
	struct sample *p;
	uint64_t flags = 1;	/* nobody is woken */

	if (g.s.state != STB_RUNNING ||
	    (g.only >= 0 && pid_tgid() >> 32 != (uint64_t)g.only))
		return 0;
	__sync_fetch_and_add(&g.hits, 1);
	p = reserve(map_0, sizeof(*p), 0);
	if (!p) {
		__sync_fetch_and_add(&g.s.lost, 1);
		return 0;
	}
	*p = (struct sample){
		.head = { sizeof(*p) - 8, STB_REC_PRINT, format },
		.number = number, .len = 3, .room = 16,
		.wake = { 8, STB_REC_WAKE, 0 },
	};
	comm(p->comm, sizeof(p->comm));
	if (g.s.waiting) {
		g.s.waiting = 0;
		flags = 2;
	}
	submit(p, flags);
	return 0;
}

/* the cookie of the site, for kprobes and uprobes */
SEC("p/h_cookie") int h_cookie(void *ctx)
{
	return print(0, cookie(ctx));
}

/* every system call: how many so far */
SEC("p/h_count") int h_count(void *ctx)
{
	return print(0, g.hits);
}

/* two errors, and what they say */
SEC("p/h_error") int h_error(void *ctx)
{
	if (g.s.state != STB_RUNNING)
		return 0;
	print(1, 7);
	__sync_fetch_and_add(&g.s.errors, 1);
	return 0;
}

SEC("p/h_exit") int h_exit(void *ctx)
{
	if (g.s.state == STB_RUNNING)
		g.s.exit_asked = 1;
	return print(0, 1);
}

SEC("p/h_skip") int h_skip(void *ctx)
{
	if (g.s.state == STB_RUNNING)
		__sync_fetch_and_add(&g.s.skipped_lock, 60);
	return 0;
}

/* the verifier refuses it: a word that is not there */
SEC("p/h_bad") int h_bad(uint64_t *ctx)
{
	return *(int *)(ctx[0] + 8);
}

char gpl[] SEC("license") = "GPL";
