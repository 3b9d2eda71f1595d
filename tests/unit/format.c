/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SystemTap's printf and charts, as the loader writes them.
 *
 * links: loader bundler -lzstd -lsodium
 */
#include "loader/json.h"

#include <stdio.h>
#include <string.h>

const char *argv0 = "format";
static int failed;

static struct arg num(int64_t n)
{
	return (struct arg){ .num = n };
}

static struct arg str(const char *s)
{
	return (struct arg){ .s = s, .len = strlen(s) };
}

static void same(int line, const struct sink *s, const char *want, size_t n)
{
	if (s->n == n && !memcmp(s->buf, want, n))
		return;
	printf("format.c:%d: wanted \"%s\", got \"%.*s\"\n", line, want,
	       (int)s->n, s->buf);
	failed = 1;
}

static void check(int line, const char *want, size_t want_len,
		  const char *text, const struct arg *args, uint32_t n)
{
	char buf[512];
	struct sink s = { .buf = buf, .cap = sizeof(buf) };

	format_text(&s, NULL, text, strlen(text), args, n);
	same(line, &s, want, want_len);
}

#define IS(want, text, ...) do { \
	struct arg args[] = { __VA_ARGS__ }; \
	check(__LINE__, want, sizeof(want) - 1, text, args, COUNT_OF(args)); \
} while (0)

/* However wide a probe says that it is. */
static void widths(void)
{
	static const char *const texts[] = { "%*d", "%-*d", "%0*d", "%.*d", "%*s",
					     "%-*c", "%*b", "%*M", "%99999999d",
					     "%9999999999(%d%:%d%)" };
	static char buf[1 << 16];

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct sink s = { .buf = buf, .cap = sizeof(buf) };
		struct arg args[] = { num(INT32_MAX), str("x"), str("y") };

		format_text(&s, NULL, texts[i], strlen(texts[i]), args,
			    COUNT_OF(args));
		if (s.n == 8192)
			continue;
		printf("%s: %zu bytes\n", texts[i], s.n);
		failed = 1;
	}
}

static void groups(void)
{
	IS("[1 2] x", "[%(%d%:that %d %u%) %d] %s", num(0), num(1), num(7),
	   num(8), num(2), str("x"));
	IS("[that 7 8 2] x", "[%(%d%:that %d %u%) %d] %s", num(1), num(1),
	   num(7), num(8), num(2), str("x"));
	IS("\"a\" 0x5.", "%(%Q%:0x%x%) %(%Q%:0x%x%).", num(0),
	   str("a"), num(1), num(1), str(""), num(5));
	IS("{.a=\"b\"}|", "%({.a=%(%Q%:%x%)}%:ERROR%)|", num(0), num(0),
	   str("b"), num(1));
	IS("ERROR|9", "%({.a=%(%Q%:%x%)}%:ERROR%)|%d", num(1), num(0),
	   str("b"), num(1), num(9));
	IS("12345|9", "%.5(123%d%)|%d", num(0), num(4567), num(9));
	IS("100%|", "%(100%%%:%%)%)|", num(0));
	IS("%)|", "%(100%%%:%%)%)|", num(1));
	/* what is cut off is no reason to read on */
	IS("1", "%(%d", num(0), num(1));
	IS("", "%(%d", num(1), num(1));
	/* 16 of them may lie in each other */
	IS("1", "%(%(%(%(%(%d", num(0), num(0), num(0), num(0), num(0), num(1));
	IS("", "%(%(%(%(%(%(%(%(%(%(%(%(%(%(%(%(%(1", num(0), num(0), num(0));
	IS("%:)", "%%:)", num(1));
	IS("\"a\\\"'\\\\\\n\\001\\377\"", "%Q", str("a\"'\\\n\1\377"));
}

static struct arg bytes(const char *s, uint64_t n)
{
	return (struct arg){ .s = s, .len = n };
}

/* What the compiler makes of system calls' arguments. */
static void words(void)
{
	IS("R|W|0x8 0 N", "%{f1 R,2 W%} %{f1 R%} %{fff/0 N,1 R%}", num(11),
	   num(0), num(0));
	IS("RO|C RW", "%{f3/0 RO,3/2 RW,40 C%} %{f3/0 RO,3/2 RW%}", num(64),
	   num(2));
	IS("SET 0x9 -9 011", "%{e0 SET,1 CUR%} %{e0 SET%} %{d0 A%} %{o0 A%}",
	   num(0), num(9), num(-9), num(9));
	IS("[INT] [] ~[HUP]", "%{s0 HUP,1 INT%} %{s%} %{s0 HUP,1 INT%}",
	   num(2), num(2), num(-2));
	IS("FD -1 4294967295 1", "%W{dffffffffffffff9c FD%} %Wd %Vu %d",
	   num(0xffffff9c), num(0xffffffff), num(-1), num(1));
	IS("NULL 0x10", "%P %P", num(0), num(16));
	IS("3 -2 (ENOENT) -9999 -512 (ERESTARTSYS)", "%E %E %E %E", num(3),
	   num(-2), num(-9999), num(-512));
	IS("\"\\0\\33\\0011\\n\\\"\"", "%q",
	   bytes("\0\33\0011\n\"", 6));
	IS("\"ab\" \"\"", "%.*q %.*q", num(2), str("abc"), num(0), str("x"));
	IS("\"01234567890123456789012345678901\"...", "%.*q", num(33),
	   str("012345678901234567890123456789012"));
	IS("{sa_family=AF_INET, sin_port=htons(9), "
	   "sin_addr=inet_addr(\"127.0.0.1\")}", "%.*S", num(16),
	   bytes("\2\0\0\11\177\0\0\1\0\0\0\0\0\0\0\0", 16));
	IS("{sa_family=AF_UNIX, sun_path=\"/s\"}", "%S",
	   bytes("\1\0/s\0junk", 9));
	IS("{sa_family=AF_UNIX, sun_path=@\"s\"}", "%S", bytes("\1\0\0s", 4));
	IS("{} {sa_family=77}", "%S %S", bytes("\1", 1), bytes("\115\0", 2));
	/* a part that is not printed is passed over with its table */
	IS("5|", "%(%{f1 R%:,2 W%}%:%d%)|", num(1), num(1), num(5));
	IS("   R|R   |R", "%4(%{f1 R%}%:%)|%-4(%{f1 R%}%:%)|%.1(%{f1 RRR%}%:%)",
	   num(0), num(1), num(0), num(1), num(0), num(1));
	/* a table without an end */
	IS("R", "%{f1 R", num(1));
	IS("0x1", "%{", num(1));
}

static void numbers(void)
{
	IS("5 -5 5", "%d %i %u", num(5), num(-5), num(5));
	IS("18446744073709551615", "%u", num(-1));
	IS("-9223372036854775808", "%d", num(INT64_MIN));
	IS("ff FF 0xff 0XFF", "%x %X %#x %#X", num(255), num(255), num(255),
	   num(255));
	IS("17 017 0 00", "%o %#o %o %#o", num(15), num(15), num(0), num(0));
	IS("0x0 0xffffffff81000000", "%p %p", num(0),
	   num((int64_t)0xffffffff81000000));
	IS("[    5][5    ][00005]", "[%5d][%-5d][%05d]", num(5), num(5),
	   num(5));
	IS("[+5][ 5][-5][+0005]", "[%+d][% d][%+d][%+05d]", num(5), num(5),
	   num(-5), num(5));
	IS("[00042][  042][042  ]", "[%.5d][%5.3d][%-5.3d]", num(42), num(42),
	   num(42));
	IS("[   42][42][0042]", "[%*d][%*d][%.*d]", num(5), num(42),
	   num(-5), num(42), num(4), num(42));
	IS("[  0xff][0x00ff][0xff  ]", "[%#6x][%#06x][%#-6x]", num(255),
	   num(255), num(255));
	IS("-00005", "%06d", num(-5));
	IS("5 5 5", "%ld %lld %hd", num(5), num(5), num(5));
}

static void texts(void)
{
	IS("a% b", "a%% %c", num('b'));
	IS("100%", "100%", num(0));
	IS("[hi][   hi][hi   ][h]", "[%s][%5s][%-5s][%.1s]", str("hi"),
	   str("hi"), str("hi"), str("hi"));
	IS("[   he]", "[%*.*s]", num(5), num(2), str("hello"));
	IS("[  c][c  ]", "[%3c][%-3c]", num('c'), num('c'));
	IS("\\n \\t \\a \\\\ \\' \" \\000 \\377 x",
	   "%#c %#c %#c %#c %#c %#c %#c %#c %#c", num('\n'), num('\t'),
	   num(7), num('\\'), num('\''), num('"'), num(0), num(255), num('x'));
	IS("[a\"b\n']", "[%#s]", str("a\"b\n'"));
	IS("[   a\0][a   \0]", "[%04s][%-04s]", str("a"), str("a"));
	IS("abc 6162", "%m %.2M", str("abc"), str("abc"));
	IS("[  6162][6162  ]", "[%6M][%-6M]", str("ab"), str("ab"));
	IS("%y", "%y", num(1));
}

static void binaries(void)
{
	IS("\1", "%1b", num(1));
	IS("\1\2", "%2b", num(0x0201));
	IS("\1\2\3\4", "%4b", num(0x04030201));
	IS("\1\0\0\0\0\0\0\0", "%b", num(1));
	IS("\1\0", "%.2b", num(1));
	IS("\0\0\1\0", "%4.2b", num(1));
	IS("\1\0\0\0", "%-4.2b", num(1));
	IS("\1\0\0\0\0\0\0\0", "%3b", num(1));
}

/* a sink that is full cuts; one with `full` gets it all */
static char all[64];
static size_t all_n;
static void collect(struct sink *s)
{
	memcpy(all + all_n, s->buf, s->n);
	all_n += s->n;
	s->n = 0;
}

static void sinks(void)
{
	char buf[4];
	struct arg a = str("world");
	struct sink s = { .buf = buf, .cap = 4 };
	struct sink t = { .buf = buf, .cap = 4, .full = collect };

	format_text(&s, NULL, "hello %s", 8, &a, 1);
	same(__LINE__, &s, "hell", 4);
	format_text(&t, NULL, "hello %8s", 9, &a, 1);
	collect(&t);
	s = (struct sink){ .buf = all, .n = all_n };
	same(__LINE__, &s, "hello    world", 14);
}

#define RULE "--------------------------------------------------"
#define BLANK "                                                  "

static void charts(void)
{
	char buf[8192];
	struct sink s = { .buf = buf, .cap = sizeof(buf) };
	uint64_t log[128] = { [64] = 1, [66] = 3, [75] = 150 };
	uint64_t lin[13] = { [0] = 2, [3] = 5, [12] = 1 };
	static const char log_want[] =
		"value |" RULE " count\n"
		"    0 |" BLANK "   1\n"
		"    1 |" BLANK "   0\n"
		"    2 |@" BLANK "  3\n"
		"    4 |" BLANK "   0\n"
		"    8 |" BLANK "   0\n"
		"      ~\n"
		"  256 |" BLANK "   0\n"
		"  512 |" BLANK "   0\n"
		" 1024 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"
		" 150\n"
		" 2048 |" BLANK "   0\n"
		" 4096 |" BLANK "   0\n\n";
	static const char lin_want[] =
		"value |" RULE " count\n"
		"   <0 |@@" "                                               "
		"  2\n"
		"    0 |" BLANK " 0\n"
		"   10 |" BLANK " 0\n"
		"   20 |@@@@@" "                                            "
		"  5\n"
		"   30 |" BLANK " 0\n"
		"   40 |" BLANK " 0\n"
		"      ~\n"
		"   90 |" BLANK " 0\n"
		"  100 |" BLANK " 0\n"
		" >100 |@" BLANK "1\n\n";

	format_hist_log(&s, log, 128);
	/* what follows a bar ends in the same column as behind no bar */
	same(__LINE__, &s, log_want, sizeof(log_want) - 1);
	s.n = 0;
	format_hist_linear(&s, lin, 13, 0, 10);
	same(__LINE__, &s, lin_want, sizeof(lin_want) - 1);
}

/* The more there are, the fewer are a mark: no count is too many. */
static void many(void)
{
	uint64_t log[128] = { [70] = UINT64_MAX, [71] = UINT64_MAX / 2 };
	char buf[1024];
	struct sink s = { .buf = buf, .cap = sizeof(buf) };
	size_t marks = 0;

	format_hist_log(&s, log, 128);
	for (size_t i = 0; i < s.n; i++)
		marks += buf[i] == '@';
	if (marks < 70 || marks > 80) {
		printf("%zu marks of large counts:\n%.*s", marks, (int)s.n, buf);
		failed = 1;
	}
}

/* A handler changes the string while it is quoted. */
struct changing {
	struct sink sink;
	char buf[40], text[600], out[2048];
	size_t n;
};

static void change(struct sink *s)
{
	struct changing *c = (struct changing *)s;

	memcpy(c->out + c->n, s->buf, s->n);
	c->n += s->n;
	s->n = 0;
	memset(c->text, c->n % 80 ? '"' : '\n', sizeof(c->text));
}

static void quotes(void)
{
	static struct changing c;
	bool quoted = true;

	c.sink = (struct sink){ c.buf, 0, sizeof(c.buf), change };
	memset(c.text, 'a', sizeof(c.text));
	json_quote(&c.sink, c.text, sizeof(c.text));
	change(&c.sink);
	for (size_t i = 1; i < c.n - 1; i++) {
		quoted &= c.out[i] != '"' && c.out[i] != '\n';
		i += c.out[i] == '\\';
	}
	if (!quoted || c.out[0] != '"' || c.out[c.n - 1] != '"') {
		printf("no JSON: %.*s\n", (int)c.n, c.out);
		failed = 1;
	}
	/* a character where two looks meet */
	c.n = 0;
	memset(c.text, 'a', sizeof(c.text));
	memcpy(c.text + 254, "\xe2\x82\xac", 3);
	c.sink = (struct sink){ c.out, 0, sizeof(c.out), NULL };
	if (!json_quote(&c.sink, c.text, sizeof(c.text)) ||
	    c.sink.n != sizeof(c.text) + 2 ||
	    memcmp(c.out + 1, c.text, sizeof(c.text))) {
		printf("cut: %.*s\n", (int)c.sink.n, c.out);
		failed = 1;
	}
}

int main(void)
{
	many();
	quotes();
	numbers();
	groups();
	widths();
	words();
	texts();
	binaries();
	sinks();
	charts();
	return failed;
}
