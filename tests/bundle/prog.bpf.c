/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prog.bpf.c - what flattening must cope with, in programs whose results
 * tests/unit/flatten.c knows: a map, the globals region, literals, a static and
 * a global subprogram, a callback that calls on. See the test for the sums.
 */
typedef unsigned long long u64;
typedef unsigned int u32;

#define SEC(x) __attribute__((section(x), used))
#define NOINLINE __attribute__((noinline))

static long (*bpf_loop)(u32, void *, void *, u64) = (void *)181;
static void *(*lookup)(void *map, const void *key) = (void *)1;

extern char map_3;
struct shared {
	u32 state;
	u64 hits, sum;
} shared SEC("globals") = { 1, 100, 0 };
u64 last SEC("globals") = 77;

static const u64 table[4] = { 5, 6, 7, 8 };

struct context {
	u64 args[2];
};
struct state {
	u64 *unused;
	u64 sum;
};

static NOINLINE u64 sub(u64 x)
{
	return x * 3 + table[x & 3];
}

NOINLINE u64 global_sub(u64 x)
{
	return sub(x) + 3;
}

static long callback(u64 i, struct state *s)
{
	s->sum += global_sub(i);
	return 0;
}

SEC("p/h0")
int h0(struct context *c)
{
	struct state s = { 0, 0 };
	u32 key = 0;
	u64 *v;

	bpf_loop(10, callback, &s, 0);
	v = lookup(&map_3, &key);
	if (v)
		*v += s.sum;
	shared.sum = s.sum;
	__sync_fetch_and_add(&shared.hits, sub(c->args[0]));
	return 0;
}

/* No function of this name, but a section with one function. */
SEC("h1")
int only(struct context *c)
{
	last = (u64)"literal"[c->args[0] & 7] + last;
	return 0;
}

SEC("bad/undefined")
int undefined(void *c)
{
	extern char stranger;

	return (int)(u64)&stranger;
}

static u64 elsewhere = 1;
SEC("bad/data")
int data(void *c)
{
	return (int)__sync_fetch_and_add(&elsewhere, 1);
}

SEC("bad/call")
int call(void *c)
{
	extern int not_here(void *);

	return not_here(c);
}

char _license[] SEC("license") = "GPL";
