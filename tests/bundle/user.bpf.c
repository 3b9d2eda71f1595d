/* SPDX-License-Identifier: GPL-2.0-or-later */
/* user.bpf.c - handlers that the loader would run; see prog.bpf.c. */
typedef unsigned long long u64;
typedef unsigned int u32;

#define SEC(x) __attribute__((section(x), used))

extern char map_3;
struct shared {
	u32 state;
	u64 hits, sum;
} shared SEC("globals") = { 1, 100, 0 };
u64 last SEC("globals") = 77;

static __attribute__((noinline)) u64 sub(u64 x)
{
	return x * 3;
}

u64 u0(void *c)
{
	return sub(last);
}

u64 u1(void *c)
{
	return sub((u64)"literal"[shared.hits & 7]);
}

u64 u_map(void *c)
{
	return (u64)&map_3;
}
