// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * format.c - SystemTap's printf and charts in the kernel, for sprintf() and
 * what catch gets. It does what loader/format.c does, byte for byte; both are
 * tested with the same scripts (tests/lang).
 */
#include "kmod.h"
#include "core.h"

#include <linux/kallsyms.h>
#include <linux/string.h>

struct sink {			/* text on its way */
	char *buf;
	u32 n, cap;		/* without the NUL */
	void (*full)(void *arg, const char *s, u32 n);	/* NULL: it is cut */
	void *arg;
};

static void put(struct sink *s, const char *text, s64 n)
{
	while (n > 0) {
		s64 part = min_t(s64, n, s->cap - s->n);

		if (!part && !s->full)
			return;
		if (!part) {
			s->full(s->arg, s->buf, s->n);
			s->n = 0;
			continue;
		}
		memcpy(s->buf + s->n, text, (size_t)part);
		s->n += (u32)part;
		text += part;
		n -= part;
	}
}

static void put_text(struct sink *s, const char *text)
{
	put(s, text, (s64)strlen(text));
}

static void pad(struct sink *s, char c, s64 n)
{
	while (n-- > 0 && (s->full || s->n < s->cap))
		put(s, &c, 1);
}

/* --- printf -------------------------------------------------------------------- */

enum { LEFT = 1, PLUS = 2, SPACE = 4, SPECIAL = 8, ZERO = 16, INT = 32,
       UNSIGNED = 64 };

struct directive {
	unsigned int flags;
	s64 width, precision;	/* -1: not given */
	char what;
};

struct input {
	const char *p, *types;
	const u64 *args;
	unsigned int depth;	/* of groups */
};

static u64 take_arg(struct input *in)
{
	if (!*in->types)
		return 0;
	in->types++;
	return *in->args++;
}

/* The next argument, where it is a string. */
static const char *take_string(struct input *in)
{
	bool is_string = *in->types && *in->types != 'l';
	u64 a = take_arg(in);

	return is_string ? (const char *)a : "";
}

static s64 width_of(struct input *in)
{
	s64 n = 0;

	if (*in->p == '*') {
		in->p++;
		return (int)take_arg(in);
	}
	while (*in->p >= '0' && *in->p <= '9')
		n = min_t(s64, n * 10 + *in->p++ - '0', S32_MAX);
	return n;
}

static unsigned int flag_of(char c)
{
	switch (c) {
	case '-': return LEFT;
	case '+': return PLUS;
	case ' ': return SPACE;
	case '#': return SPECIAL;
	case '0': return ZERO;
	default: return 0;
	}
}

/* in->p behind the '%'. */
static struct directive directive(struct input *in)
{
	struct directive d = { .width = -1, .precision = -1 };
	unsigned int flag;

	while ((flag = flag_of(*in->p)))
		d.flags |= flag, in->p++;
	if (*in->p == '*' || (*in->p >= '1' && *in->p <= '9'))
		d.width = max_t(s64, width_of(in), 0);
	if (*in->p == '.') {
		in->p++;
		d.precision = max_t(s64, width_of(in), 0);
	}
	for (; *in->p && strchr("lhLWV", *in->p); in->p++)
		d.flags |= *in->p == 'W' ? INT : *in->p == 'V' ? UNSIGNED : 0;
	d.what = *in->p ? *in->p++ : '%';
	return d;
}

static s64 digits_of(char *text, u64 u, unsigned int base, const char *digits)
{
	s64 len = 0;

	do
		text[len++] = digits[u % base];
	while (u /= base);
	return len;
}

static void number(struct sink *to, struct directive d, unsigned int base,
		   bool is_signed, s64 n)
{
	const char *digits = d.what == 'X' ? "0123456789ABCDEFX"
					   : "0123456789abcdefx";
	char text[66], sign = 0;
	u64 u = (u64)n;
	s64 len, room = d.width;

	if (is_signed) {
		sign = n < 0 ? '-' : d.flags & PLUS ? '+'
			: d.flags & SPACE ? ' ' : 0;
		if (n < 0)
			u = -u;
	}
	if (d.flags & LEFT)
		d.flags &= ~ZERO;
	len = digits_of(text, u, base, digits);
	if (d.precision < len)
		d.precision = len;
	room -= d.precision + (sign != 0);
	if (d.flags & SPECIAL)
		room -= base == 16 ? 2 : base == 8 ? 1 : 0;
	if (!(d.flags & (ZERO | LEFT)))
		pad(to, ' ', room);
	if (sign)
		put(to, &sign, 1);
	if ((d.flags & SPECIAL) && base != 10)
		put(to, "0", 1);
	if ((d.flags & SPECIAL) && base == 16)
		put(to, digits + 16, 1);
	if (d.flags & ZERO)
		pad(to, '0', room);
	pad(to, '0', d.precision - len);
	while (len)
		put(to, text + --len, 1);
	if (d.flags & LEFT)
		pad(to, ' ', room);
}

/* A byte as C would write it between quotes; its length. */
static u32 escape(char *to, unsigned char c, char quote)
{
	static const char names[] = "abtnvfr";	/* 7 .. 13 */

	to[0] = '\\';
	if (c >= 7 && c <= 13) {
		to[1] = names[c - 7];
		return 2;
	}
	if (c == '\\' || c == (unsigned char)quote) {
		to[1] = (char)c;
		return 2;
	}
	if (c >= ' ' && c < 127) {
		to[0] = (char)c;
		return 1;
	}
	to[1] = (char)('0' + (c >> 6));
	to[2] = (char)('0' + ((c >> 3) & 7));
	to[3] = (char)('0' + (c & 7));
	return 4;
}

static void padded(struct sink *to, struct directive d, const char *s, s64 n)
{
	if (!(d.flags & LEFT))
		pad(to, ' ', d.width - n);
	put(to, s, n);
	if (d.flags & LEFT)
		pad(to, ' ', d.width - n);
}

static void character(struct sink *to, struct directive d, char c)
{
	char text[4] = { c };

	padded(to, d, text, d.flags & SPECIAL ?
	       escape(text, (unsigned char)c, '\'') : 1);
}

static s64 cut(struct directive d, const char *s)
{
	s64 n = (s64)strlen(s);

	return d.precision >= 0 && d.precision < n ? d.precision : n;
}

static void quoted(struct sink *to, const char *s)
{
	char text[4];

	put(to, "\"", 1);
	for (; *s; s++)
		put(to, text, escape(text, (unsigned char)*s, '"'));
	put(to, "\"", 1);
}

static s64 binary_size(s64 n)
{
	return n == 1 || n == 2 || n == 4 || n == 8 ? n : -1;
}

static void binary(struct sink *to, struct directive d, s64 n)
{
	s64 size = binary_size(d.precision);

	if (size < 0)
		size = binary_size(d.width);
	if (size < 0)
		size = 8;
	if (!(d.flags & LEFT))
		pad(to, 0, d.width - size);
	put(to, (const char *)&n, size);
	if (d.flags & LEFT)
		pad(to, 0, d.width - size);
}

/* %M: memory in hexadecimal */
static void memory(struct sink *to, struct directive d, const char *s)
{
	s64 n = cut(d, s), i;
	char two[2];

	if (!(d.flags & LEFT))
		pad(to, ' ', d.width - 2 * n);
	for (i = 0; i < n; i++) {
		two[0] = "0123456789abcdef"[(unsigned char)s[i] >> 4];
		two[1] = "0123456789abcdef"[s[i] & 15];
		put(to, two, 2);
	}
	if (d.flags & LEFT)
		pad(to, ' ', d.width - 2 * n);
}

/* The kernel's own names: those of the bundle's tables are the loader's. */
static void address(struct sink *to, struct directive d, u64 addr)
{
	char text[KSYM_SYMBOL_LEN];

	if (d.precision == STB_SYM_NAME)
		sprint_symbol_no_offset(text, addr);
	else
		sprint_symbol(text, addr);
	d.precision = -1;
	padded(to, d, text, (s64)strlen(text));
}

static s64 number_of(struct directive d, struct input *in)
{
	s64 n = (s64)take_arg(in);

	if (d.flags & INT)
		return (s32)n;
	return d.flags & UNSIGNED ? (u32)n : n;
}

static void run(struct sink *to, struct input *in);

/* From one part of a group to the next, or its end: what lies there is not
   printed, its arguments are not wanted. */
static void skip_part(struct input *in, bool to_end)
{
	unsigned int depth = 0;

	while ((in->p = strchr(in->p, '%'))) {
		in->p++;
		switch (directive(in).what) {
		case '(':
			take_arg(in);
			depth++;
			break;
		case ')':
			if (!depth--)
				return;
			break;
		case ':':
			if (!depth && !to_end)
				return;
			break;
		case '%':
			break;
		default:
			take_arg(in);
		}
	}
	in->p = "";
}

/* %(this%:that%): by its argument, which is 0 for this. %.5( cuts it, %9( and
   %-9( fill it up with blanks. */
static void group(struct sink *to, struct directive d, struct input *in)
{
	char text[256];
	struct sink part = { .buf = text, .cap = sizeof(text) };
	bool cuts = d.precision >= 0 || d.width > 0;
	u32 from = to->n;
	bool that = take_arg(in) != 0;

	if (in->depth >= 8) {
		in->p = "";
		return;
	}
	if (that)
		skip_part(in, false);
	in->depth++;
	if (!cuts) {
		run(to, in);
	} else if (d.width <= 0 && !to->full) {	/* cut where it lies */
		u32 cap = to->cap;

		to->cap = (u32)min_t(s64, cap, from + d.precision);
		run(to, in);
		to->cap = cap;
	} else {
		if (d.precision >= 0)
			part.cap = (u32)min_t(s64, part.cap, d.precision);
		run(&part, in);
		padded(to, d, text, part.n);
	}
	in->depth--;
}

/* a flat switch */
static void convert(struct sink *to, struct directive d, struct input *in)
{
	const char *s;

	switch (d.what) {
	case '%': put(to, "%", 1); break;
	case 'A': address(to, d, take_arg(in)); break;
	case 'b': binary(to, d, (s64)take_arg(in)); break;
	case 'c': character(to, d, (char)take_arg(in)); break;
	case 'd':
	case 'i': number(to, d, 10, true, number_of(d, in)); break;
	case 'u': number(to, d, 10, false, number_of(d, in)); break;
	case 'o': number(to, d, 8, false, number_of(d, in)); break;
	case 'p':
		d.flags |= SPECIAL;
		number(to, d, 16, false, (s64)take_arg(in));
		break;
	case 'x':
	case 'X': number(to, d, 16, false, number_of(d, in)); break;
	case 's':
	case 'm':
		s = take_string(in);
		padded(to, d, s, cut(d, s));
		if (d.flags & ZERO)
			put(to, "", 1);
		break;
	case 'Q': quoted(to, take_string(in)); break;
	case 'M': memory(to, d, take_string(in)); break;
	default:
		put(to, "%", 1);
		put(to, &d.what, 1);
	}
}

/* To the end of the text, or of the group. */
static void run(struct sink *to, struct input *in)
{
	while (*in->p) {
		const char *percent = strchrnul(in->p, '%');
		struct directive d;

		put(to, in->p, percent - in->p);
		in->p = percent;
		if (!*percent)
			return;
		in->p++;
		d = directive(in);
		if (in->depth && d.what == ':')
			skip_part(in, true);
		if (in->depth && (d.what == ':' || d.what == ')'))
			return;
		if (d.what == '(')
			group(to, d, in);
		else
			convert(to, d, in);
	}
}

u32 stb_format(char *dst, u32 cap, const char *format, const char *types,
	       const u64 *args)
{
	struct sink to = { .buf = dst, .cap = cap - 1 };
	struct input in = { .p = format, .types = types, .args = args };

	run(&to, &in);
	dst[to.n] = 0;
	return to.n;
}

/* --- charts ---------------------------------------------------------------------- */

enum { CHART_WIDTH = 50, CHART_ELISION = 2 };

struct chart {
	struct stb_map *map;
	const char *value;
	int n, first, last;
	bool log;
	s64 lo, step, width;
	u64 max, scale;
};

static u64 count_of(const struct chart *c, int i)
{
	return stb_stat_bucket_sum(c->map, c->value, (u32)i);
}

static s64 bucket_value(const struct chart *c, int i)
{
	if (c->log)
		return i == 64 ? 0 : i > 64 ? (s64)(1ull << (i - 65))
			: (s64)-(1ull << (63 - i));
	if (i == 0)
		return c->lo;
	if (i == c->n - 1)
		return c->lo + (i - 2) * c->step;
	return c->lo + (i - 1) * c->step;
}

static s64 digits(s64 n)
{
	char text[24];
	struct sink s = { .buf = text, .cap = sizeof(text) };
	struct directive d = { .width = -1, .precision = -1, .what = 'd' };

	number(&s, d, 10, true, n);
	return s.n;
}

/* Is i amid empty rows, so that it need not be shown? */
static bool elided(const struct chart *c, int i)
{
	int first = max(c->first, i - CHART_ELISION);
	int last = min(c->last, i + CHART_ELISION), k;

	for (k = first; k <= last; k++)
		if (count_of(c, k))
			return false;
	return true;
}

static void chart_row(struct sink *to, const struct chart *c, int i)
{
	struct directive d = { .width = c->width, .precision = -1,
			       .what = 'd' };
	u64 n = count_of(c, i), bar = n / c->scale;
	s64 value = bucket_value(c, i);

	if (!c->log && (i == 0 || i == c->n - 1)) {
		pad(to, ' ', c->width - digits(value) - 1);
		put(to, i ? ">" : "<", 1);
		d.width = -1;
	}
	number(to, d, 10, true, value);
	put_text(to, " |");
	pad(to, '@', (s64)bar);
	d.width = CHART_WIDTH - (s64)bar + 1 + digits((s64)c->max);
	number(to, d, 10, false, (s64)n);
	put(to, "\n", 1);
}

/* Which rows are shown: up to two empty ones on either side; those of what lies
   outside the range of a linear one only when there is something. */
static void measure(struct chart *c)
{
	int i;

	c->first = -1;
	for (i = 0; i < c->n; i++) {
		u64 n = count_of(c, i);

		if (n && c->first < 0)
			c->first = i;
		if (n)
			c->last = i;
		c->max = max(c->max, n);
	}
	if (c->first < 0)
		c->first = c->log ? 64 : 1;
	for (i = 0; i < 2; i++) {
		if (c->log ? c->first > 0 && c->first != 64 : c->first > 1)
			c->first--;
		if (c->last < c->n - (c->log ? 1 : 2))
			c->last++;
	}
	c->scale = c->max <= CHART_WIDTH ? 1 :
		   (c->max + CHART_WIDTH - 1) / CHART_WIDTH;
	if (c->log)
		c->width = max(digits(bucket_value(c, c->first)),
			       digits(bucket_value(c, c->last)));
	else
		c->width = max(digits(c->lo) + (c->first == 0),
			       digits(c->lo + c->last * c->step) +
			       (c->last == c->n - 1));
	c->width = max_t(s64, c->width, 5);
}

static void draw(struct sink *to, struct chart *c)
{
	bool eliding = false;
	int i;

	measure(c);
	pad(to, ' ', c->width - 5);
	put_text(to, "value |");
	pad(to, '-', CHART_WIDTH);
	put_text(to, " count\n");
	for (i = c->first; i <= c->last; i++) {
		if (elided(c, i)) {
			eliding = true;
			continue;
		}
		if (eliding) {
			pad(to, ' ', c->width);
			put_text(to, " ~\n");
			eliding = false;
		}
		chart_row(to, c, i);
	}
	put(to, "\n", 1);
}

long stb_chart(struct stb_map *m, const char *value, char *dst, u32 cap,
	       void (*full)(void *arg, const char *s, u32 n), void *arg)
{
	struct chart c = {
		.map = m, .value = value, .n = (int)stb_stat_buckets(m),
		.log = m->stat_ops >> STB_ST_HIST_LOG & 1,
		.lo = m->hist_lo, .step = m->hist_step,
	};
	char part[256];
	struct sink to = { .buf = dst ? dst : part,
			   .cap = dst ? cap - 1 : sizeof(part),
			   .full = full, .arg = arg };

	if (!value || !c.n || !stb_stat_count(m, value))
		return 1;
	draw(&to, &c);
	if (dst)
		dst[to.n] = 0;
	else
		full(arg, to.buf, to.n);
	return 0;
}
