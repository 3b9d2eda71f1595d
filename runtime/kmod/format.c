// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * format.c - SystemTap's printf and charts in the kernel (../print.h), for
 * sprintf() and what catch gets.
 */
#include "kmod.h"
#include "core.h"

#include <linux/kallsyms.h>
#include <linux/string.h>

#include "../sink.h"

struct input {
	const char *p, *end;
	unsigned int depth;		/* of groups */
	const char *types;		/* "ls", as the arguments are */
	const u64 *args;
};

struct buckets {
	struct stb_map *map;
	const char *value;
};

#define PRINT_API static
enum { PRINT_GROUP = 256, PRINT_DEPTH = 8 };
#include "../print.h"

static struct arg take_arg(struct input *in)
{
	struct arg a = { 0 };

	if (!*in->types)
		return a;
	if (*in->types++ == 'l') {
		a.num = (s64)*in->args++;
	} else {
		a.s = (const char *)*in->args++;
		a.len = strlen(a.s);
	}
	return a;
}

static uint64_t bucket_count(const struct buckets *b, int i)
{
	return stb_stat_bucket_sum(b->map, b->value, (u32)i);
}

static void skip_own(char what, struct input *in)
{
}

/* An address. The kernel's own names: those of the bundle's tables are the
   loader's. */
static bool convert_own(struct sink *to, struct directive d, struct input *in)
{
	char text[KSYM_SYMBOL_LEN];
	u64 addr;

	if (d.what != 'A')
		return false;
	addr = (u64)take_arg(in).num;
	if (d.precision == STB_SYM_NAME)
		sprint_symbol_no_offset(text, addr);
	else
		sprint_symbol(text, addr);
	padded(to, d, text, (s64)strlen(text));
	return true;
}

u32 stb_format(char *dst, u32 cap, const char *format, const char *types,
	       const u64 *args)
{
	struct sink to = { .buf = dst, .cap = cap - 1 };
	struct input in = { .p = format, .end = format + strlen(format),
			    .types = types, .args = args };

	run(&to, &in);
	dst[to.n] = 0;
	return (u32)to.n;
}

/* --- charts ---------------------------------------------------------------------- */

struct parts {				/* of a chart, on their way out */
	struct sink sink;
	void (*put)(void *arg, const char *s, u32 n);
	void *arg;
	char text[256];
};

static void part_full(struct sink *s)
{
	struct parts *p = container_of(s, struct parts, sink);

	p->put(p->arg, s->buf, (u32)s->n);
	s->n = 0;
}

long stb_chart(struct stb_map *m, const char *value, char *dst, u32 cap,
	       void (*put)(void *arg, const char *s, u32 n), void *arg)
{
	struct chart c = {
		.from = { m, value }, .n = (int)stb_stat_buckets(m),
		.log = m->stat_ops >> STB_ST_HIST_LOG & 1,
		.lo = m->hist_lo, .step = m->hist_step,
	};
	struct parts p = { .put = put, .arg = arg };

	if (!value || !c.n || !stb_stat_count(m, value))
		return 1;
	p.sink = dst ? (struct sink){ .buf = dst, .cap = cap - 1 } :
		 (struct sink){ p.text, 0, sizeof(p.text), part_full };
	chart(&p.sink, &c);
	if (dst)
		dst[p.sink.n] = 0;
	else
		part_full(&p.sink);
	return 0;
}
