/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/format.h"
#include "loader/bulk.h"
#include "loader/encode.h"
#include "loader/files.h"
#include "loader/history.h"
#include "loader/rights.h"
#include "loader/words.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* --- sinks --------------------------------------------------------------- */

void sink_put(struct sink *s, const char *text, size_t n)
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

void sink_puts(struct sink *s, const char *text)
{
	sink_put(s, text, strlen(text));
}

void sink_pad(struct sink *s, char c, int64_t n)
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

enum { LEFT = 1, PLUS = 2, SPACE = 4, SPECIAL = 8, ZERO = 16, INT = 32,
       UNSIGNED = 64 };

struct directive {
	unsigned flags;
	int64_t width, precision;	/* -1: not given */
	char what;
};

/* What printf still has to read. */
struct input {
	const char *p, *end;
	const struct arg *args;
	uint32_t nargs;
	unsigned depth;		/* of groups */
	const struct namer *names;
};

static struct arg next_arg(struct input *in)
{
	struct arg none = { 0 };

	if (!in->nargs)
		return none;
	in->nargs--;
	return *in->args++;
}

static int64_t width_of(struct input *in)
{
	int64_t n = 0;

	if (in->p < in->end && *in->p == '*') {
		in->p++;
		n = (int)next_arg(in).num;
		return n;
	}
	while (in->p < in->end && *in->p >= '0' && *in->p <= '9')
		if ((n = n * 10 + *in->p++ - '0') > INT32_MAX)
			n = INT32_MAX;
	return n;
}

static unsigned flag_of(char c)
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
	unsigned flag;

	while (in->p < in->end && (flag = flag_of(*in->p)))
		d.flags |= flag, in->p++;
	if (in->p < in->end && (*in->p == '*' ||
				(*in->p >= '1' && *in->p <= '9'))) {
		d.width = width_of(in);
		if (d.width < 0)	/* of '*': not C's '-' */
			d.width = 0;
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

static void number(struct sink *to, struct directive d, unsigned base,
		   bool is_signed, int64_t n)
{
	const char *digits = d.what == 'X' ? "0123456789ABCDEFX"
					   : "0123456789abcdefx";
	char text[66], sign = 0;
	uint64_t u = n;
	int64_t len = 0, pad = d.width;

	if (is_signed) {
		sign = n < 0 ? '-' : d.flags & PLUS ? '+'
			: d.flags & SPACE ? ' ' : 0;
		if (n < 0)
			u = -u;
	}
	if (d.flags & LEFT)
		d.flags &= ~ZERO;
	do
		text[len++] = digits[u % base];
	while (u /= base);
	if (d.precision < len)
		d.precision = len;
	pad -= d.precision + (sign != 0);
	if (d.flags & SPECIAL)
		pad -= base == 16 ? 2 : base == 8 ? 1 : 0;
	if (!(d.flags & (ZERO | LEFT)))
		sink_pad(to, ' ', pad);
	if (sign)
		sink_put(to, &sign, 1);
	if ((d.flags & SPECIAL) && base != 10)
		sink_put(to, "0", 1);
	if ((d.flags & SPECIAL) && base == 16)
		sink_put(to, digits + 16, 1);
	if (d.flags & ZERO)
		sink_pad(to, '0', pad);
	sink_pad(to, '0', d.precision - len);
	while (len)
		sink_put(to, text + --len, 1);
	if (d.flags & LEFT)
		sink_pad(to, ' ', pad);
}

/* A byte as C would write it between quotes; its length. */
static unsigned escape(char *to, unsigned char c, char quote)
{
	static const char names[] = "abtnvfr";	/* 7 .. 13 */

	to[0] = '\\';
	if (c >= 7 && c <= 13) {
		to[1] = names[c - 7];
		return 2;
	}
	if (c == '\\' || c == (unsigned char)quote) {
		to[1] = c;
		return 2;
	}
	if (c >= ' ' && c < 127) {
		to[0] = c;
		return 1;
	}
	to[1] = '0' + (c >> 6);
	to[2] = '0' + ((c >> 3) & 7);
	to[3] = '0' + (c & 7);
	return 4;
}

static void padded(struct sink *to, struct directive d, const char *s,
		   int64_t n)
{
	if (!(d.flags & LEFT))
		sink_pad(to, ' ', d.width - n);
	sink_put(to, s, n);
	if (d.flags & LEFT)
		sink_pad(to, ' ', d.width - n);
}

static void character(struct sink *to, struct directive d, char c)
{
	char text[4] = { c };

	padded(to, d, text, d.flags & SPECIAL ? escape(text, c, '\'') : 1);
}

static int64_t cut(struct directive d, struct arg a)
{
	uint64_t n = a.s ? a.len : 0;

	if (d.precision >= 0 && (uint64_t)d.precision < n)
		n = d.precision;
	return n;
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
	uint64_t n = a.s ? a.len : 0;
	char text[4];

	sink_put(to, "\"", 1);
	for (uint64_t i = 0; i < n; i++)
		sink_put(to, text, escape(text, a.s[i], '"'));
	sink_put(to, "\"", 1);
}

/* %M: memory in hexadecimal */
static void memory(struct sink *to, struct directive d, struct arg a)
{
	int64_t n = cut(d, a);
	char two[3];

	if (!(d.flags & LEFT))
		sink_pad(to, ' ', d.width - 2 * n);
	for (int64_t i = 0; i < n; i++)
		sink_put(to, hex(two, (const uint8_t *)a.s + i, 1), 2);
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
	sink_put(to, (const char *)&n, size);
	if (d.flags & LEFT)
		sink_pad(to, 0, d.width - size);
}

/* --- addresses ------------------------------------------------------------- */

enum { ADDRESS_TEXT = 1024 };

static enum stb_sym_style style_of(struct directive d)
{
	return d.precision >= 0 && d.precision <= STB_SYM_BRIEF ?
		(enum stb_sym_style)d.precision : STB_SYM_DATA;
}

/* Where nobody knows any names. */
static bool put_number(const struct namer *n, struct sink *to, uint64_t addr,
		       enum stb_sym_style style)
{
	struct directive d = { .flags = SPECIAL, .width = -1, .precision = -1,
			       .what = 'x' };

	if (style == STB_SYM_MODULE)
		return false;
	number(to, d, 16, false, (int64_t)addr);
	return true;
}

static bool put_user_number(const struct namer *n, struct sink *to,
			    struct stb_user_addr at, enum stb_sym_style style)
{
	return put_number(n, to, at.addr, style);
}

static const struct namer *sure(const struct namer *names)
{
	static const struct namer numbers = { .put = put_number,
					      .put_user = put_user_number };

	return names && names->put ? names : &numbers;
}

/* %A */
static void address(struct sink *to, const struct namer *names,
		    struct directive d, uint64_t addr)
{
	struct sink text = { .buf = (char[ADDRESS_TEXT]){ 0 },
			     .cap = ADDRESS_TEXT };

	names->put(names, &text, addr, style_of(d));
	d.precision = -1;
	padded(to, d, text.buf, (int64_t)text.n);
}

/* %K: from a record, so at any address */
static void stack(struct sink *to, const struct namer *names,
		  struct directive d, struct arg a)
{
	uint64_t addr;

	for (uint64_t i = 0; a.s && a.len - i >= 8 && i < a.len; i += 8) {
		memcpy(&addr, a.s + i, 8);
		if (!addr)
			return;
		names->put(names, to, addr, style_of(d));
	}
}

/* %U: an address and its place */
static void user_address(struct sink *to, const struct namer *names,
			 struct directive d, uint64_t addr, uint64_t place)
{
	struct sink text = { .buf = (char[ADDRESS_TEXT]){ 0 },
			     .cap = ADDRESS_TEXT };

	names->put_user(names, &text, (struct stb_user_addr){ addr, place },
			style_of(d));
	d.precision = -1;
	padded(to, d, text.buf, (int64_t)text.n);
}

/* %Y */
static void user_stack(struct sink *to, const struct namer *names,
		       struct directive d, struct arg a)
{
	struct stb_user_addr at;

	for (uint64_t i = 0; a.s && a.len - i >= sizeof(at) && i < a.len;
	     i += sizeof(at)) {
		memcpy(&at, a.s + i, sizeof(at));
		if (!at.addr)
			return;
		names->put_user(names, to, at, style_of(d));
	}
}

static uint64_t hexadecimal(const char *s, size_t n)
{
	uint64_t v = 0;
	size_t i = n > 2 && s[0] == '0' && (s[1] | 32) == 'x' ? 2 : 0;

	for (; i < n; i++) {
		char c = s[i] | 32;

		if (s[i] >= '0' && s[i] <= '9')
			v = v << 4 | (uint64_t)(s[i] - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	return v;
}

static const char *next_word(const char *p, const char *end, size_t *n)
{
	while (p < end && *p == ' ')
		p++;
	for (*n = 0; p + *n < end && p[*n] != ' ';)
		++*n;
	return p;
}

/* Each number by put(). */
static void each_address(struct sink *to, const char *s, size_t n,
			 void (*put)(void *arg, struct sink *to, uint64_t addr),
			 void *arg)
{
	struct sink line = { .buf = (char[ADDRESS_TEXT]){ 0 },
			     .cap = ADDRESS_TEXT };
	const char *end = s + n;

	for (s = next_word(s, end, &n); n; s = next_word(s + n, end, &n)) {
		line.n = 0;
		sink_puts(&line, " ");
		sink_put(&line, s, n);
		sink_puts(&line, " : ");
		put(arg, &line, hexadecimal(s, n));
		sink_puts(&line, "\n");
		if (!to->full && to->cap - to->n < line.n)
			return;
		sink_put(to, line.buf, line.n);
	}
}

struct naming {
	const struct namer *names;
	enum stb_sym_style style;
	uint64_t place;		/* of a process's addresses */
};

static void name_address(void *arg, struct sink *to, uint64_t addr)
{
	const struct naming *n = arg;

	n->names->put(n->names, to, addr, n->style);
}

void format_addresses(struct sink *to, const struct namer *names,
		      const char *s, size_t n, enum stb_sym_style style)
{
	struct naming how = { sure(names), style, 0 };

	each_address(to, s, n, name_address, &how);
}

static void name_user_address(void *arg, struct sink *to, uint64_t addr)
{
	const struct naming *n = arg;

	n->names->put_user(n->names, to, (struct stb_user_addr){ addr,
			   n->place }, n->style);
}

void format_user_addresses(struct sink *to, const struct namer *names,
			   const char *s, size_t n, int64_t pid,
			   enum stb_sym_style style)
{
	struct naming how = { sure(names), style, pid ?
		(uint64_t)STB_PLACE_PID << STB_PLACE_ADDR | (uint32_t)pid : 0 };

	each_address(to, s, n, name_user_address, &how);
}

/* %Wd, %Vd: as int and unsigned int have it; the compiler's own. */
static int64_t number_of(struct directive d, struct input *in)
{
	int64_t n = next_arg(in).num;

	if (d.flags & INT)
		return (int32_t)n;
	return d.flags & UNSIGNED ? (uint32_t)n : n;
}

static void run(struct sink *to, struct input *in);

/* From one part of a group to the next, or its end: what lies there is not
   printed, its arguments are not wanted. */
static void skip_part(struct input *in, bool to_end)
{
	unsigned depth = 0;

	while ((in->p = memchr(in->p, '%', in->end - in->p))) {
		in->p++;
		switch (directive(in).what) {
		case '(':
			next_arg(in);
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
		case '{':
			in->p += table_length(in->p, in->end - in->p);
			next_arg(in);
			break;
		case 'U':
		case 'T':
			next_arg(in);
			/* fall through */
		default:
			next_arg(in);
		}
	}
	in->p = in->end;
}

/* %(this%:that%): by its argument, which is 0 for this. %.5( cuts it, %9( and
   %-9( fill it up with blanks. */
static void group(struct sink *to, struct directive d, struct input *in)
{
	char text[2048];
	struct sink cut = { .buf = text, .cap = sizeof(text) };
	bool cuts = d.precision >= 0 || d.width > 0;
	bool that = next_arg(in).num != 0;

	if (in->depth >= 16) {
		in->p = in->end;
		return;
	}
	if (d.precision >= 0 && (uint64_t)d.precision < cut.cap)
		cut.cap = d.precision;
	if (that)
		skip_part(in, false);
	in->depth++;
	run(cuts ? &cut : to, in);
	in->depth--;
	if (cuts)
		padded(to, d, text, cut.n);
}

/* a flat switch */
static void convert(struct sink *to, struct directive d, struct input *in)
{
	struct arg arg;

	switch (d.what) {
	case '%':
		sink_put(to, "%", 1);
		break;
	case 'A':
		address(to, in->names, d, (uint64_t)next_arg(in).num);
		break;
	case 'K':
		stack(to, in->names, d, next_arg(in));
		break;
	case 'H': {
		struct arg a = next_arg(in);

		format_addresses(to, in->names, a.s ? a.s : "",
				 a.s ? a.len : 0, style_of(d));
		break;
	}
	case 'U':
		arg = next_arg(in);
		user_address(to, in->names, d, (uint64_t)arg.num,
			     (uint64_t)next_arg(in).num);
		break;
	case 'Y':
		user_stack(to, in->names, d, next_arg(in));
		break;
	case 'T':
		arg = next_arg(in);
		format_user_addresses(to, in->names, arg.s ? arg.s : "",
				      arg.s ? arg.len : 0, next_arg(in).num,
				      style_of(d));
		break;
	case '{':
		in->p += format_table(to, in->p, in->end - in->p,
				      number_of(d, in));
		break;
	case 'P':
		format_pointer(to, next_arg(in).num);
		break;
	case 'E':
		format_result(to, next_arg(in).num);
		break;
	case 'S':
		arg = next_arg(in);
		arg.len = (uint64_t)cut(d, arg);
		format_sockaddr(to, arg);
		break;
	case 'q':
		format_quoted(to, next_arg(in), d.precision);
		break;
	case 'b':
		binary(to, d, next_arg(in).num);
		break;
	case 'c':
		character(to, d, next_arg(in).num);
		break;
	case 'd':
	case 'i':
		number(to, d, 10, true, number_of(d, in));
		break;
	case 'u':
		number(to, d, 10, false, number_of(d, in));
		break;
	case 'o':
		number(to, d, 8, false, number_of(d, in));
		break;
	case 'p':
		d.flags |= SPECIAL;
		number(to, d, 16, false, next_arg(in).num);
		break;
	case 'x':
	case 'X':
		number(to, d, 16, false, number_of(d, in));
		break;
	case 's':
	case 'm':
		string(to, d, next_arg(in));
		break;
	case 'Q':
		quoted(to, next_arg(in));
		break;
	case 'M':
		memory(to, d, next_arg(in));
		break;
	default:
		sink_put(to, "%", 1);
		sink_put(to, &d.what, 1);
	}
}

/* To the end of the text, or of the group. */
static void run(struct sink *to, struct input *in)
{
	while (in->p < in->end) {
		const char *percent = memchr(in->p, '%', in->end - in->p);
		struct directive d;

		if (!percent)
			percent = in->end;
		sink_put(to, in->p, percent - in->p);
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

void format_text(struct sink *to, const struct namer *names, const char *text,
		 size_t text_len, const struct arg *args, uint32_t nargs)
{
	struct input in = { text, text + text_len, args, nargs, 0,
			    sure(names) };

	run(to, &in);
}

/* --- charts -------------------------------------------------------------- */

enum { CHART_WIDTH = 50, CHART_ELISION = 2 };

struct chart {
	const uint64_t *buckets;
	int n;
	bool log;
	int64_t lo, step;
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
	struct sink s = { .buf = (char[24]){ 0 }, .cap = 24 };
	struct directive d = { .width = -1, .precision = -1, .what = 'd' };

	number(&s, d, 10, true, n);
	return s.n;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Is i amid empty rows, so that it need not be shown? */
static bool elided(const struct chart *c, int i, int first, int last)
{
	if (i - CHART_ELISION > first)
		first = i - CHART_ELISION;
	if (i + CHART_ELISION < last)
		last = i + CHART_ELISION;
	for (int k = first; k <= last; k++)
		if (c->buckets[k])
			return false;
	return true;
}

static void chart_row(struct sink *to, const struct chart *c, int i,
		      int64_t width, uint64_t scale, int64_t count_width)
{
	struct directive d = { .width = width, .precision = -1, .what = 'd' };
	uint64_t bar = c->buckets[i] / scale;
	int64_t value = bucket_value(c, i);

	if (!c->log && (i == 0 || i == c->n - 1)) {
		sink_pad(to, ' ', width - digits(value) - 1);
		sink_put(to, i ? ">" : "<", 1);
		d.width = -1;
	}
	number(to, d, 10, true, value);
	sink_puts(to, " |");
	sink_pad(to, '@', bar);
	d.width = CHART_WIDTH - bar + 1 + count_width;
	number(to, d, 10, false, c->buckets[i]);
	sink_put(to, "\n", 1);
}

static void chart(struct sink *to, const struct chart *c)
{
	int first = -1, last = 0;
	uint64_t max = 0, scale;
	int64_t width;
	bool eliding = false;

	for (int i = 0; i < c->n; i++) {
		if (c->buckets[i] && first < 0)
			first = i;
		if (c->buckets[i])
			last = i;
		if (c->buckets[i] > max)
			max = c->buckets[i];
	}
	if (first < 0)
		first = c->log ? 64 : 1;
	/* up to two empty rows on either side; the rows of what lies outside
	   the range of a linear one only when there is something */
	for (int i = 0; i < 2; i++) {
		if (c->log ? first > 0 && first != 64 : first > 1)
			first--;
		if (last < c->n - (c->log ? 1 : 2))
			last++;
	}
	scale = max <= CHART_WIDTH ? 1 : (max + CHART_WIDTH - 1) / CHART_WIDTH;
	if (c->log)
		width = larger(digits(bucket_value(c, first)),
			       digits(bucket_value(c, last)));
	else	/* of all that could be shown up to there, and one more */
		width = larger(digits(c->lo) + (first == 0),
			       digits(c->lo + last * c->step) +
				       (last == c->n - 1));
	width = larger(width, 5);
	sink_pad(to, ' ', width - 5);
	sink_puts(to, "value |");
	sink_pad(to, '-', CHART_WIDTH);
	sink_puts(to, " count\n");
	for (int i = first; i <= last; i++) {
		if (elided(c, i, first, last)) {
			eliding = true;
			continue;
		}
		if (eliding) {
			sink_pad(to, ' ', width);
			sink_puts(to, " ~\n");
			eliding = false;
		}
		chart_row(to, c, i, width, scale, digits(max));
	}
	sink_put(to, "\n", 1);
}

void format_hist_log(struct sink *to, const uint64_t *buckets, uint32_t n)
{
	struct chart c = { .buckets = buckets, .n = n, .log = true };

	chart(to, &c);
}

void format_hist_linear(struct sink *to, const uint64_t *buckets, uint32_t n,
			int64_t lo, int64_t step)
{
	struct chart c = { .buckets = buckets, .n = n, .lo = lo, .step = step };

	chart(to, &c);
}

/* --- output -------------------------------------------------------------- */

static bool in_a_hurry(const struct output *o)
{
	return o->stops && *o->stops > 1;
}

/* write(2), interrupted by what the session lets interrupt it. In a hurry only
   what there is room for: a signal may have come just before. */
static ssize_t write_some(struct output *o, int fd, const char *p, size_t n)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	sigset_t old;
	ssize_t done;

	if (o->mask)
		sigprocmask(SIG_SETMASK, o->mask, &old);
	if (in_a_hurry(o) && n > PIPE_BUF)
		n = PIPE_BUF;
	if (in_a_hurry(o) && poll(&room, 1, 0) <= 0) {
		errno = EINTR;
		done = -1;
	} else {
		done = write(fd, p, n);
	}
	if (o->mask) {
		int error = errno;

		sigprocmask(SIG_SETMASK, &old, NULL);
		errno = error;
	}
	return done;
}

/* Is that failure one to try again after? */
static bool passing(struct output *o, int fd, int error)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };

	if (error == EAGAIN && !in_a_hurry(o)) {
		ppoll(&wait, 1, NULL, o->mask);
		return true;
	}
	return error == EINTR && !in_a_hurry(o);
}

void output_write(struct output *o, int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write_some(o, fd, p, n);

		if (done < 0 && passing(o, fd, errno))
			continue;
		if (done < 0) {
			if (fd != STDERR_FILENO && !o->broken) {
				o->broken = true;
				o->error = errno;
			}
			return;
		}
		p += done;
		n -= done;
	}
}

static void out_full(struct sink *s)
{
	struct output *o = (struct output *)s;

	if (o->history)
		history_put(o->history, s->buf, s->n);
	if (!o->broken && o->fd >= 0)
		output_write(o, o->fd, s->buf, s->n);
	if (o->files)
		o->files->written += s->n;
	s->n = 0;
}

static void err_full(struct sink *s)
{
	struct output *o = (void *)((char *)s - offsetof(struct output, err));

	if (o->history)
		history_put(o->history, s->buf, s->n);
	if (!o->detached)
		output_write(o, STDERR_FILENO, s->buf, s->n);
	else if (!o->broken && o->fd >= 0)
		output_write(o, o->fd, s->buf, s->n);
	s->n = 0;
}

/* MESSAGE_SIZE: what is longer is cut, and said to be. */
enum { COMMAND_SIZE = 4096, HEAD_SIZE = 1024, MESSAGE_SIZE = 1 << 20 };

static void folded_line(void *arg, const char *line, size_t n)
{
	sink_put(&((struct output *)arg)->out, line, n);
}

void output_form(struct output *o, enum form form)
{
	o->form = form;
	o->pid = (int32_t)getpid();
	if (form == FORM_TEXT && !o->bulk)
		return;
	o->text = (struct sink){ zalloc(MESSAGE_SIZE), 0, MESSAGE_SIZE, NULL };
	if (form != FORM_FOLDED)
		return;
	o->fold = zalloc(sizeof(*o->fold));
	fold_init(o->fold, folded_line, o);
}

/* To the file alone: what a recorder keeps has no heads. */
static void head_full(struct sink *s)
{
	struct output *o = (void *)((char *)s - offsetof(struct output, head));

	if (!o->broken && o->fd >= 0)
		output_write(o, o->fd, s->buf, s->n);
	if (o->files)
		o->files->written += s->n;
	s->n = 0;
}

void output_init(struct output *o, int fd)
{
	*o = (struct output){
		.out = { zalloc(32768), 0, 32768, out_full },
		.err = { zalloc(1024), 0, 1024, err_full },
		.command = { zalloc(COMMAND_SIZE), 0, COMMAND_SIZE - 1, NULL },
		.head = { zalloc(HEAD_SIZE), 0, HEAD_SIZE, head_full },
		.fd = fd,
	};
}

void output_start(struct output *o)
{
	if (o->bulk && o->form == FORM_NDJSON) {
		encode_head(o, output_line(o), 0);
		output_line_end(o);
		return;
	}
	encode_head(o, &o->head, o->files ? o->files->number - 1 : 0);
	head_full(&o->head);
}

/* Ends the present file and begins the next. */
static bool next_file(struct output *o)
{
	int next = files_create(o->files);

	if (next < 0)
		return false;
	encode_tail(o, &o->head);
	head_full(&o->head);
	if (!files_turn(o->files, next, o->fd))
		return false;
	output_start(o);
	return true;
}

bool output_next_file(struct output *o)
{
	if (o->out.n)
		out_full(&o->out);
	return o->files && next_file(o);
}

struct sink *output_line(struct output *o)
{
	return o->bulk ? bulk_line(o->bulk) : &o->out;
}

void output_line_end(struct output *o)
{
	if (o->bulk)
		bulk_line_end(o);
}

void output_flush(struct output *o)
{
	if (o->bulk)
		bulk_flush(o);
	if (o->out.n)
		out_full(&o->out);
	if (o->files && o->files->max && o->files->written >= o->files->max &&
	    !next_file(o))
		o->files->written = 0;	/* it will be tried again */
}

/* Does what comes out of that channel go through the encoder? */
static bool is_encoded(const struct output *o, enum stb_channel channel)
{
	switch (channel) {
	case STB_OUT:
	case STB_LOG:
		return o->form != FORM_TEXT || o->bulk;
	case STB_ERROR:
	case STB_WARN:
		return output_has_lines(o);
	case STB_SYSTEM:
	case STB_SWITCH:
		break;
	}
	return false;
}

struct sink *output_begin(struct output *o, enum stb_channel channel)
{
	if (is_encoded(o, channel)) {
		o->text.n = 0;
		return &o->text;
	}
	if (channel == STB_OUT || channel == STB_LOG)
		return &o->out;
	output_flush(o);
	if (channel == STB_SYSTEM || channel == STB_SWITCH) {
		o->command.n = 0;
		return &o->command;
	}
	if (channel == STB_ERROR)
		sink_puts(&o->err, "ERROR: ");
	if (channel == STB_WARN)
		sink_puts(&o->err, "WARNING: ");
	return &o->err;
}

/* STB_SYSTEM and STB_SWITCH are no output. */
static void act(struct output *o, enum stb_channel channel)
{
	if (channel == STB_SYSTEM) {
		o->command.buf[o->command.n < COMMAND_SIZE ? o->command.n :
			       COMMAND_SIZE - 1] = 0;
		runner_run(o->shell, o->command.buf);
	} else if (o->files && !output_next_file(o)) {
		say("the next file of output: %s", strerror(errno));
	}
}

static void end_message(struct output *o, enum stb_channel channel,
			const struct printed *p, const struct charted *c)
{
	struct sink *s = &o->err;

	o->messages++;
	if (channel == STB_SYSTEM || channel == STB_SWITCH) {
		act(o, channel);
		return;
	}
	if (is_encoded(o, channel) && o->form == FORM_TEXT) {
		if (channel == STB_LOG)
			sink_put(&o->text, "\n", 1);
		bulk_end(o, o->text.buf, o->text.n);
		return;
	}
	if (is_encoded(o, channel)) {
		encode_message(o, output_line(o), channel, p, c);
		output_line_end(o);
		return;
	}
	if (channel == STB_LOG)
		sink_put(&o->out, "\n", 1);
	if (channel == STB_OUT || channel == STB_LOG)
		return;
	if (!s->n || s->buf[s->n - 1] != '\n')
		sink_put(s, "\n", 1);
	err_full(s);
}

void output_end(struct output *o, enum stb_channel channel)
{
	end_message(o, channel, NULL, NULL);
}

void output_end_chart(struct output *o, const struct charted *c)
{
	end_message(o, STB_OUT, NULL, c);
}

void output_print(struct output *o, const struct stb_set *meta,
		  const struct stb_format *f, const struct arg *args,
		  uint32_t nargs)
{
	struct printed p = { args, nargs };

	format_text(output_begin(o, f->channel), &o->names,
		    stb_string(meta, f->text), f->text_len, args, nargs);
	end_message(o, f->channel, &p, NULL);
}
