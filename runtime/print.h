/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * print.h - SystemTap's printf and its charts: one source for the loader
 * (loader/format.c) and for modules (kmod/format.c), which include it with
 * sink.h, memcpy(), memchr(), strchr() and strlen() at hand. It allocates nothing.
 *
 * Who includes it says before
 *
 *	PRINT_API	how sink_put() and its like are declared: static, or not
 *	PRINT_GROUP	bytes of a part that is filled up with blanks
 *	PRINT_DEPTH	groups in groups
 *	struct input	what printf still has to read: p and end of its text,
 *			depth (0), and the arguments
 *	struct buckets	of a chart: where the counts come from
 *
 * and has behind
 *
 *	take_arg()	takes an argument, nothing where there is none
 *	convert_own()	the directives that only it has; false: it has not
 *	skip_own()	what there is to skip of one of those besides an argument
 *	bucket_count()	what is in a bucket
 */
#ifndef STB_PRINT_H
#define STB_PRINT_H

enum { LEFT = 1, PLUS = 2, SPACE = 4, SPECIAL = 8, ZERO = 16, INT = 32,
       UNSIGNED = 64 };

/* No width is more, and no number has more digits: SystemTap's STP_BUFFER_SIZE.
   A width that a probe read somewhere can be anything. */
enum { PRINT_WIDTH = 8192 };

struct directive {
	unsigned int flags;
	int64_t width, precision;	/* -1: not given */
	char what;
};

static struct arg take_arg(struct input *in);
static bool convert_own(struct sink *to, struct directive d, struct input *in);
static void skip_own(char what, struct input *in);
static uint64_t bucket_count(const struct buckets *b, int i);

/* --- sinks --------------------------------------------------------------- */

PRINT_API void sink_put(struct sink *s, const char *text, size_t n)
{
	while (n) {
		size_t part = s->cap - s->n;

		if (!part) {
			if (!s->full)
				return;
			s->full(s);
			continue;
		}
		if (part > n)
			part = n;
		memcpy(s->buf + s->n, text, part);
		s->n += part;
		text += part;
		n -= part;
	}
}

PRINT_API void sink_puts(struct sink *s, const char *text)
{
	sink_put(s, text, strlen(text));
}

PRINT_API void sink_pad(struct sink *s, char c, int64_t n)
{
	while (n-- > 0) {
		if (s->n == s->cap) {
			if (!s->full)
				return;
			s->full(s);
		}
		s->buf[s->n++] = c;
	}
}

/* --- printf -------------------------------------------------------------- */

static int64_t width_of(struct input *in)
{
	int64_t n = 0;

	if (in->p < in->end && *in->p == '*') {
		in->p++;
		return (int)take_arg(in).num;
	}
	while (in->p < in->end && *in->p >= '0' && *in->p <= '9')
		if ((n = n * 10 + *in->p++ - '0') > 0x7fffffff)
			n = 0x7fffffff;
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

/* in->p behind the '%'. Less than 0 of '*' is 0, not C's '-'. */
static struct directive directive(struct input *in)
{
	struct directive d = { .width = -1, .precision = -1 };
	unsigned int flag;

	while (in->p < in->end && (flag = flag_of(*in->p)))
		d.flags |= flag, in->p++;
	if (in->p < in->end && (*in->p == '*' ||
				(*in->p >= '1' && *in->p <= '9'))) {
		d.width = width_of(in);
		if (d.width < 0)
			d.width = 0;
		if (d.width > PRINT_WIDTH)
			d.width = PRINT_WIDTH;
	}
	if (in->p < in->end && *in->p == '.') {
		in->p++;
		d.precision = width_of(in);
		if (d.precision < 0)
			d.precision = 0;
	}
	for (; in->p < in->end && *in->p && strchr("lhLWV", *in->p); in->p++)
		d.flags |= *in->p == 'W' ? INT : *in->p == 'V' ? UNSIGNED : 0;
	d.what = in->p < in->end ? *in->p++ : '%';
	return d;
}

static int64_t digits_of(char *text, uint64_t u, unsigned int base,
			 const char *digits)
{
	int64_t len = 0;

	do
		text[len++] = digits[u % base];
	while (u /= base);
	return len;
}

static void number(struct sink *to, struct directive d, unsigned int base,
		   bool is_signed, int64_t n)
{
	const char *digits = d.what == 'X' ? "0123456789ABCDEFX"
					   : "0123456789abcdefx";
	char text[66], sign = 0;
	uint64_t u = (uint64_t)n;
	int64_t len, room = d.width;

	if (is_signed) {
		sign = n < 0 ? '-' : d.flags & PLUS ? '+'
			: d.flags & SPACE ? ' ' : 0;
		if (n < 0)
			u = -u;
	}
	if (d.flags & LEFT)
		d.flags &= ~(unsigned int)ZERO;
	len = digits_of(text, u, base, digits);
	if (d.precision > PRINT_WIDTH)
		d.precision = PRINT_WIDTH;
	if (d.precision < len)
		d.precision = len;
	room -= d.precision + (sign != 0);
	if (d.flags & SPECIAL)
		room -= base == 16 ? 2 : base == 8 ? 1 : 0;
	if (!(d.flags & (ZERO | LEFT)))
		sink_pad(to, ' ', room);
	if (sign)
		sink_put(to, &sign, 1);
	if ((d.flags & SPECIAL) && base != 10)
		sink_put(to, "0", 1);
	if ((d.flags & SPECIAL) && base == 16)
		sink_put(to, digits + 16, 1);
	if (d.flags & ZERO)
		sink_pad(to, '0', room);
	sink_pad(to, '0', d.precision - len);
	while (len)
		sink_put(to, text + --len, 1);
	if (d.flags & LEFT)
		sink_pad(to, ' ', room);
}

/* A byte as C would write it between quotes; its length. */
static unsigned int escape(char *to, unsigned char c, char quote)
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

static void padded(struct sink *to, struct directive d, const char *s,
		   int64_t n)
{
	if (!(d.flags & LEFT))
		sink_pad(to, ' ', d.width - n);
	sink_put(to, s, (size_t)n);
	if (d.flags & LEFT)
		sink_pad(to, ' ', d.width - n);
}

static void character(struct sink *to, struct directive d, char c)
{
	char text[4] = { c };

	padded(to, d, text, d.flags & SPECIAL ?
	       escape(text, (unsigned char)c, '\'') : 1);
}

static int64_t cut(struct directive d, struct arg a)
{
	uint64_t n = a.s ? a.len : 0;

	if (d.precision >= 0 && (uint64_t)d.precision < n)
		n = (uint64_t)d.precision;
	return (int64_t)n;
}

/* '#' changes nothing: of %m and %M it says whose memory it is. With '0'
   there is a NUL behind, as SystemTap has it. */
static void string(struct sink *to, struct directive d, struct arg a)
{
	padded(to, d, a.s, cut(d, a));
	if (d.flags & ZERO)
		sink_put(to, "", 1);
}

/* %Q: as C would write it; the compiler's own, of $x$ */
static void quoted(struct sink *to, struct arg a)
{
	uint64_t n = a.s ? a.len : 0, i;
	char text[4];

	sink_put(to, "\"", 1);
	for (i = 0; i < n; i++)
		sink_put(to, text, escape(text, (unsigned char)a.s[i], '"'));
	sink_put(to, "\"", 1);
}

/* %M: memory in hexadecimal */
static void memory(struct sink *to, struct directive d, struct arg a)
{
	int64_t n = cut(d, a), i;

	if (!(d.flags & LEFT))
		sink_pad(to, ' ', d.width - 2 * n);
	for (i = 0; i < n; i++) {
		sink_put(to, &"0123456789abcdef"[(unsigned char)a.s[i] >> 4], 1);
		sink_put(to, &"0123456789abcdef"[a.s[i] & 15], 1);
	}
	if (d.flags & LEFT)
		sink_pad(to, ' ', d.width - 2 * n);
	if (d.flags & ZERO)
		sink_put(to, "", 1);
}

static int64_t binary_size(int64_t n)
{
	return n == 1 || n == 2 || n == 4 || n == 8 ? n : -1;
}

/* %b: the number's own bytes, as many as the precision or the width says,
   among zeroes */
static void binary(struct sink *to, struct directive d, int64_t n)
{
	int64_t size = binary_size(d.precision);

	if (size < 0)
		size = binary_size(d.width);
	if (size < 0)
		size = 8;
	if (!(d.flags & LEFT))
		sink_pad(to, 0, d.width - size);
	sink_put(to, (const char *)&n, (size_t)size);
	if (d.flags & LEFT)
		sink_pad(to, 0, d.width - size);
}

/* %Wd, %Vd: as int and unsigned int have it; the compiler's own. */
static int64_t number_of(struct directive d, struct input *in)
{
	int64_t n = take_arg(in).num;

	if (d.flags & INT)
		return (int32_t)n;
	return d.flags & UNSIGNED ? (uint32_t)n : n;
}

static void run(struct sink *to, struct input *in);

/* From one part of a group to the next, or its end: what lies there is not
   printed, its arguments are not wanted. */
static void skip_part(struct input *in, bool to_end)
{
	unsigned int depth = 0;
	char what;

	while ((in->p = memchr(in->p, '%', (size_t)(in->end - in->p)))) {
		in->p++;
		what = directive(in).what;
		if (what == ')' && !depth--)
			return;
		if (what == ':' && !depth && !to_end)
			return;
		if (what == '%' || what == ':' || what == ')')
			continue;
		depth += what == '(';
		skip_own(what, in);
		take_arg(in);
	}
	in->p = in->end;
}

/* %(this%:that%): by its argument, which is 0 for this. %.5( cuts it, where it
   lies if it can; %9( and %-9( fill it up with blanks. */
static void group(struct sink *to, struct directive d, struct input *in)
{
	char text[PRINT_GROUP];
	struct sink part = { .buf = text, .cap = sizeof(text) };
	size_t most = d.precision < 0 ? (size_t)-1 : (size_t)d.precision;
	size_t cap = to->cap;
	bool that = take_arg(in).num != 0;

	if (in->depth >= PRINT_DEPTH) {
		in->p = in->end;
		return;
	}
	if (that)
		skip_part(in, false);
	in->depth++;
	if (d.precision < 0 && d.width <= 0) {
		run(to, in);
	} else if (d.width <= 0 && !to->full) {
		if (most < cap - to->n)
			to->cap = to->n + most;
		run(to, in);
		to->cap = cap;
	} else {
		if (most < part.cap)
			part.cap = most;
		run(&part, in);
		padded(to, d, text, (int64_t)part.n);
	}
	in->depth--;
}

/* a flat switch */
static void convert(struct sink *to, struct directive d, struct input *in)
{
	switch (d.what) {
	case '%': sink_put(to, "%", 1); break;
	case 'b': binary(to, d, take_arg(in).num); break;
	case 'c': character(to, d, (char)take_arg(in).num); break;
	case 'd':
	case 'i': number(to, d, 10, true, number_of(d, in)); break;
	case 'u': number(to, d, 10, false, number_of(d, in)); break;
	case 'o': number(to, d, 8, false, number_of(d, in)); break;
	case 'p':
		d.flags |= SPECIAL;
		number(to, d, 16, false, take_arg(in).num);
		break;
	case 'x':
	case 'X': number(to, d, 16, false, number_of(d, in)); break;
	case 's':
	case 'm': string(to, d, take_arg(in)); break;
	case 'Q': quoted(to, take_arg(in)); break;
	case 'M': memory(to, d, take_arg(in)); break;
	default:
		if (convert_own(to, d, in))
			break;
		sink_put(to, "%", 1);
		sink_put(to, &d.what, 1);
	}
}

/* To the end of the text, or of the group. */
static void run(struct sink *to, struct input *in)
{
	while (in->p < in->end) {
		const char *percent = memchr(in->p, '%',
					     (size_t)(in->end - in->p));
		struct directive d;

		if (!percent)
			percent = in->end;
		sink_put(to, in->p, (size_t)(percent - in->p));
		in->p = percent;
		if (percent == in->end)
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

/* --- charts -------------------------------------------------------------- */

enum { CHART_WIDTH = 50, CHART_ELISION = 2 };

struct chart {
	struct buckets from;
	int n;
	bool log;
	int64_t lo, step;
	/* by measure() */
	int first, last;
	int64_t width;
	uint64_t max, scale;
};

static int64_t bucket_value(const struct chart *c, int i)
{
	if (c->log)
		return i == 64 ? 0 : i > 64 ? (int64_t)(1ull << (i - 65))
			: (int64_t)-(1ull << (63 - i));
	if (i == 0)
		return c->lo;
	if (i == c->n - 1)
		return c->lo + (i - 2) * c->step;
	return c->lo + (i - 1) * c->step;
}

static int64_t digits(int64_t n)
{
	char text[24];
	struct sink s = { .buf = text, .cap = sizeof(text) };
	struct directive d = { .width = -1, .precision = -1, .what = 'd' };

	number(&s, d, 10, true, n);
	return (int64_t)s.n;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Is i amid empty rows, so that it need not be shown? */
static bool elided(const struct chart *c, int i)
{
	int k = (int)larger(c->first, i - CHART_ELISION);

	for (; k <= c->last && k <= i + CHART_ELISION; k++)
		if (bucket_count(&c->from, k))
			return false;
	return true;
}

static void chart_row(struct sink *to, const struct chart *c, int i)
{
	struct directive d = { .width = c->width, .precision = -1,
			       .what = 'd' };
	uint64_t n = bucket_count(&c->from, i);
	int64_t value = bucket_value(c, i), bar = (int64_t)(n / c->scale);

	if (!c->log && (i == 0 || i == c->n - 1)) {
		sink_pad(to, ' ', c->width - digits(value) - 1);
		sink_put(to, i ? ">" : "<", 1);
		d.width = -1;
	}
	number(to, d, 10, true, value);
	sink_puts(to, " |");
	sink_pad(to, '@', bar);
	d.width = CHART_WIDTH - bar + 1 + digits((int64_t)c->max);
	number(to, d, 10, false, (int64_t)n);
	sink_put(to, "\n", 1);
}

/* Which rows are shown: up to two empty ones on either side; those of what lies
   outside the range of a linear one only when there is something. The width is
   that of all that could be shown up to there, and of one more. */
static void measure(struct chart *c)
{
	int i;

	c->first = -1;
	for (i = 0; i < c->n; i++) {
		uint64_t n = bucket_count(&c->from, i);

		if (n && c->first < 0)
			c->first = i;
		if (n)
			c->last = i;
		if (n > c->max)
			c->max = n;
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
		   (c->max - 1) / CHART_WIDTH + 1;
	if (c->log)
		c->width = larger(digits(bucket_value(c, c->first)),
				  digits(bucket_value(c, c->last)));
	else
		c->width = larger(digits(c->lo) + (c->first == 0),
				  digits(c->lo + c->last * c->step) +
				  (c->last == c->n - 1));
	c->width = larger(c->width, 5);
}

/* With an empty line behind; of c what is before measure(). */
static void chart(struct sink *to, struct chart *c)
{
	bool eliding = false;
	int i;

	measure(c);
	sink_pad(to, ' ', c->width - 5);
	sink_puts(to, "value |");
	sink_pad(to, '-', CHART_WIDTH);
	sink_puts(to, " count\n");
	for (i = c->first; i <= c->last; i++) {
		if (elided(c, i)) {
			eliding = true;
			continue;
		}
		if (eliding) {
			sink_pad(to, ' ', c->width);
			sink_puts(to, " ~\n");
			eliding = false;
		}
		chart_row(to, c, i);
	}
	sink_put(to, "\n", 1);
}

#endif
