/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbols.c - sections of symbols: what a reader finds in them, as the loader
 * prints it, and what is refused. The bytes are written here by hand.
 *
 * links: bundler loader -lzstd -lsodium
 */
/* What the kernel says of an address is said below. */
#define kernel_name say_name
#include "loader/symbols.c"
#include "tests/bundle/make.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

const char *argv0 = "symbols";
static int failures;

#define EXPECT(what, got, want) do {					\
	long long got_ = (long long)(got), want_ = (long long)(want);	\
	if (got_ != want_) {						\
		printf("%s:%d: %s: got %lld, want %lld\n", __FILE__,	\
		       __LINE__, what, got_, want_);			\
		failures++;						\
	}								\
} while (0)

/* Two ranges, 0x1000 ... 0x1200 and 0x2000 ... 0x2100: first at 0x1000, second
   at 0x1080, third at 0x2010; lines from 0x1004 on, none from 0x1100 on. */
struct table {
	struct stb_sym_range ranges[2];
	uint8_t addrs[5];
	char names[20];
	char files[12];
	uint8_t lines[11];
};
static const struct table good = {
	.ranges = { { 0x1000, 0x200, 1, 0 }, { 0x2000, 0x100, 7, 0 } },
	.addrs = { 0, 0x80, 1, 0x90, 0x1f },
	.names = "first\0second\0third",
	.files = "a/b.c\0d/e.h",
	/* +4 file 1 line 10; +0x10 line 8; +0x20 file 0 line 300; +0xcc 0 */
	.lines = { 9, 1, 20, 0x20, 3, 0x41, 0, 0xc8, 4, 0x98, 3 },
};
static const uint8_t last_line[] = { 0xd7, 4 };	/* line -= 300 */

/* The section's tables, as they stand in a set that lives on. */
static struct stb_set set_of(const struct table *t, size_t naddrs,
			     size_t nnames, size_t nlines)
{
	static const char strings[] = "\0.text\0.data";
	uint8_t lines[16];
	struct made_table made[] = {
		{ STB_T_SYM_RANGES, sizeof(t->ranges[0]), t->ranges, 2 },
		{ STB_T_SYM_ADDRS, 1, t->addrs, (uint32_t)naddrs },
		{ STB_T_SYM_NAMES, 1, t->names, (uint32_t)nnames },
		{ STB_T_SYM_FILES, 1, t->files, sizeof(t->files) },
		{ STB_T_SYM_LINES, 1, lines, (uint32_t)nlines },
		BYTES(STB_T_STRINGS, strings), { 0 }
	};
	struct made_section s[2];
	struct stb_reader r;
	struct stb_set set;
	struct made m;
	size_t size;
	uint8_t *raw;

	memcpy(lines, t->lines, sizeof(t->lines));
	memcpy(lines + sizeof(t->lines), last_line, sizeof(last_line));
	raw = make_set(made, &size);
	s[0] = make_section(STB_SEC_INDEX, "\0\0\0\0\0\0\0", 8);
	s[1] = make_section(STB_SEC_SYMBOLS, raw, size);
	m = make_bundle(s, 2);
	EXPECT("open", stb_open(&r, m.data, m.size), true);
	EXPECT("read", stb_section_read(&r, 1, raw, size, &set), true);
	free(m.data);
	free((void *)(uintptr_t)s[0].stored);
	free((void *)(uintptr_t)s[1].stored);
	return set;
}

static bool is_valid(const struct table *t, size_t naddrs, size_t nnames,
		     size_t nlines)
{
	struct stb_set set = set_of(t, naddrs, nnames, nlines);
	struct stb_reader r = { 0 };
	bool ok = stb_validate_symbols(&r, &set, 1);

	EXPECT("error", r.error, ok ? STB_OK : STB_E_VALUE);
	free((void *)(uintptr_t)set.data);
	return ok;
}

enum { ALL_LINES = 13 };
#define REFUSED(change) do {						\
	struct table t = good;						\
	change;								\
	EXPECT(#change, is_valid(&t, 5, 19, ALL_LINES), false);		\
} while (0)

static void damage(void)
{
	EXPECT("good", is_valid(&good, 5, 19, ALL_LINES), true);
	EXPECT("no lines", is_valid(&good, 5, 19, 0), true);
	EXPECT("nothing", is_valid(&good, 0, 0, 0), true);
	EXPECT("an address cut", is_valid(&good, 4, 19, 0), false);
	EXPECT("an address less", is_valid(&good, 3, 19, 0), false);
	EXPECT("a name less", is_valid(&good, 5, 13, 0), false);
	EXPECT("a name cut", is_valid(&good, 5, 18, 0), false);
	EXPECT("no names", is_valid(&good, 5, 0, 0), false);
	EXPECT("a line cut", is_valid(&good, 5, 19, ALL_LINES - 1), false);
	REFUSED(t.ranges[0].size = 0);
	REFUSED(t.ranges[0].size = 0x1001);
	REFUSED(t.ranges[1].size = UINT64_MAX);
	REFUSED(t.ranges[1].addr = 0x1100);
	REFUSED(t.ranges[1].section = 99);
	REFUSED(t.addrs[4] = 0x30);	/* behind the end */
	REFUSED((t.addrs[1] = 0, t.addrs[2] = 0));	/* twice */
	REFUSED(t.lines[1] = 2);	/* no such file */
	REFUSED(t.lines[2] = 21);	/* line -11 */
	REFUSED(t.files[11] = 'x');
}

static void expect_text(const struct namer *n, uint64_t addr,
			enum stb_sym_style style, const char *want)
{
	char text[256] = "";
	struct sink to = { .buf = text, .cap = sizeof(text) - 1 };

	n->put(n, &to, addr, style);
	text[to.n] = 0;
	if (!strcmp(text, want))
		return;
	printf("%#llx in style %d: got \"%s\", want \"%s\"\n",
	       (unsigned long long)addr, style, text, want);
	failures++;
}

static void expect_user(const struct namer *n, uint64_t place,
			enum stb_sym_style style, const char *want)
{
	char text[256] = "";
	struct sink to = { .buf = text, .cap = sizeof(text) - 1 };

	n->put_user(n, &to, (struct stb_user_addr){ 0x7f001234, place }, style);
	text[to.n] = 0;
	if (!strcmp(text, want))
		return;
	printf("place %#llx in style %d: got \"%s\", want \"%s\"\n",
	       (unsigned long long)place, style, text, want);
	failures++;
}

/* Addresses of a process: the place says which table, and where in it. */
static void places(void)
{
	struct stb_set set = set_of(&good, 5, 19, ALL_LINES);
	const uint64_t first = 1ull << STB_PLACE_ADDR;
	static struct symbols *s;
	struct namer n;

	symbols_add(&s, "/bin/x", NULL, &set, 0, 1);
	n = symbols_namer(s, NULL);
	expect_text(&n, 0x1000, STB_SYM_NAME, "0x1000");	/* no kernel's */
	expect_user(&n, first + 0x1080, STB_SYM_NAME, "second");
	expect_user(&n, first + 0x1080, STB_SYM_DATA,
		    "second+0x0/0x180 [/bin/x]");
	expect_user(&n, first + 0x1080, STB_SYM_BRIEF, "second+0x0\n");
	expect_user(&n, first + 0x1084, STB_SYM_SIMPLE, "second+0x4 [x]\n");
	/* behind a call that ends a function: of what it is in */
	expect_user(&n, (first + 0x1080) | STB_PLACE_CALL, STB_SYM_FULL,
		    " 0x7f001234 : first+0x80/0x80 [/bin/x]\n");
	expect_user(&n, first + 0x9000, STB_SYM_DATA, "0x7f001234 [/bin/x]");
	expect_user(&n, 2 * first + 0x1080, STB_SYM_DATA, "0x7f001234");
	expect_user(&n, 0, STB_SYM_NAME, "0x7f001234");
	expect_user(&n, (uint64_t)STB_PLACE_PID << STB_PLACE_ADDR | UINT32_MAX,
		    STB_SYM_DATA, "0x7f001234");
	free((void *)(uintptr_t)set.data);
}

/* What handlers follow: rows that ascend and name rules that there are. */
static bool unwind_valid(struct stb_unwind_row *rows, uint32_t n,
			 struct stb_sym_load *loads, uint32_t nloads)
{
	static const struct stb_unwind_rule rules[2];
	struct made_table made[] = {
		{ STB_T_SYM_RANGES, sizeof(good.ranges[0]), good.ranges, 1 },
		{ STB_T_SYM_LOADS, sizeof(*loads), loads, nloads },
		{ STB_T_SYM_RULES, sizeof(rules[0]), rules, 2 },
		{ STB_T_SYM_UNWIND, sizeof(*rows), rows, n },
		BYTES(STB_T_STRINGS, "\0.text"), { 0 }
	};
	struct stb_reader r = { 0 };
	struct made_section s[2];
	struct stb_set set;
	struct made m;
	size_t size;
	uint8_t *raw = make_set(made, &size);
	bool ok;

	s[0] = make_section(STB_SEC_INDEX, "\0\0\0\0\0\0\0", 8);
	s[1] = make_section(STB_SEC_SYMBOLS, raw, size);
	m = make_bundle(s, 2);
	ok = stb_open(&r, m.data, m.size) &&
	     stb_section_read(&r, 1, raw, size, &set) &&
	     stb_validate_symbols(&r, &set, 1);
	free(m.data);
	free((void *)(uintptr_t)s[0].stored);
	free((void *)(uintptr_t)s[1].stored);
	free(raw);
	return ok;
}

static void unwind(void)
{
	struct stb_unwind_row rows[] = { { 0, 1 }, { 4, 0 }, { 9, 1 } };
	struct stb_sym_load loads[] = { { 0x1000, 0x300, 0, 0x1010 },
					{ 0x2000, 0x100, 0x400, 0x1010 } };

	EXPECT("rows", unwind_valid(rows, 3, loads, 2), true);
	rows[2].addr = 4;
	EXPECT("an address twice", unwind_valid(rows, 3, loads, 2), false);
	rows[2].addr = 9;
	rows[0].rule = 2;
	EXPECT("no such rule", unwind_valid(rows, 3, loads, 2), false);
	rows[0].rule = 0;
	loads[1].addr = 0xfff;
	EXPECT("a load below", unwind_valid(rows, 3, loads, 2), false);
	loads[1].addr = 1ull << 47;
	loads[1].size = 1ull << 47;
	EXPECT("a load too high", unwind_valid(rows, 3, loads, 2), false);
}

static void names(void)
{
	struct stb_set set = set_of(&good, 5, 19, ALL_LINES);
	static struct symbols *s;	/* lives as long as a loader */
	struct namer n;
	char text[64];
	struct sink to = { .buf = text, .cap = 40 };

	symbols_add(&s, "kernel", NULL, &set, 0x10000, 0);
	n = symbols_namer(s, NULL);
	expect_text(&n, 0x11000, STB_SYM_NAME, "first");
	expect_text(&n, 0x1107f, STB_SYM_DATA, "first+0x7f/0x80 [kernel]");
	expect_text(&n, 0x11080, STB_SYM_DATA, "second+0x0/0x180 [kernel]");
	expect_text(&n, 0x111ff, STB_SYM_SIMPLE, "second+0x17f [kernel]\n");
	expect_text(&n, 0x11200, STB_SYM_DATA, "0x11200");	/* between */
	expect_text(&n, 0x12000, STB_SYM_DATA, "0x12000 [kernel]");
	expect_text(&n, 0x12010, STB_SYM_FULL,
		    " 0x12010 : third+0x0/0xf0 [kernel]\n");
	expect_text(&n, 0x12100, STB_SYM_FULL, " 0x12100\n");
	expect_text(&n, 0x10fff, STB_SYM_NAME, "0x10fff");
	expect_text(&n, 0, STB_SYM_NAME, "0x0");
	expect_text(&n, 0x11000, STB_SYM_FILELINE, "0x11000");
	expect_text(&n, 0x11004, STB_SYM_FILELINE, "d/e.h:10");
	expect_text(&n, 0x11013, STB_SYM_LINE, "10");
	expect_text(&n, 0x11014, STB_SYM_FILELINE, "d/e.h:8");
	expect_text(&n, 0x11034, STB_SYM_FILELINE, "a/b.c:300");
	expect_text(&n, 0x110ff, STB_SYM_FULLER,
		    " 0x110ff : second+0x7f/0x180 at a/b.c:300 [kernel]\n");
	expect_text(&n, 0x11000, STB_SYM_MODULE, "kernel");
	expect_text(&n, 0x1, STB_SYM_MODULE, "");
	/* whole lines only, where there is no more room */
	format_addresses(&to, &n, "0x11000 11080", 13, STB_SYM_DATA);
	text[to.n] = 0;
	EXPECT("a line", strcmp(text, " 0x11000 : first+0x0/0x80 [kernel]\n"),
	       0);
	free((void *)(uintptr_t)set.data);
}

char *kernel_name(struct kernel_names *k, uint64_t addr)
{
	(void)addr;
	return (char *)k;
}

/* A loaded module: its table may have no symbols. */
static void module(void)
{
	static const struct stb_build_id id = { 4, "abcd", "" };
	char folder[] = "/tmp/symbols.XXXXXX", path[64], name[32], said[128];
	struct stb_set set = set_of(&good, 5, 19, ALL_LINES);
	struct stb_set none = set_of(&good, 0, 0, ALL_LINES);
	static struct symbols *s[2];
	struct namer n;
	FILE *f;

	if (!mkdtemp(folder))
		abort();
	snprintf(name, sizeof(name), "../..%s", folder);
	snprintf(path, sizeof(path), "%s/notes", folder);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/notes/.note.gnu.build-id", folder);
	f = fopen(path, "w");
	fputs("abcd", f);
	fclose(f);
	for (int i = 0; i < 2; i++) {
		snprintf(said, sizeof(said), "first+0x4/0x80 [%s]", name);
		symbols_add(&s[i], name, &id, i ? &none : &set, 0, 0);
		n = symbols_namer(s[i], (void *)said);
		expect_text(&n, UINT64_MAX, STB_SYM_FILELINE,
			    i ? "0xffffffffffffffff" : "d/e.h:10");
	}
	unlink(path);
	snprintf(path, sizeof(path), "%s/notes", folder);
	rmdir(path);
	rmdir(folder);
	free((void *)(uintptr_t)set.data);
	free((void *)(uintptr_t)none.data);
}

int main(void)
{
	module();
	damage();
	names();
	places();
	unwind();
	return failures != 0;
}
