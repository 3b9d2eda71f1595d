/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * builtins.c - functions of strings on all three engines: BPF's and the module's
 * own sources (tests/engines), and the interpreter. They must say the same.
 *
 * An input is what is asked, the cap of the result, two numbers, and three strings,
 * each to its NUL.
 *
 * links: tests/engines loader bundler -lzstd -lsodium
 */
#include "tests/engines/engines.h"
#include "tests/loader/vm.h"

#include <stdio.h>
#include <stdlib.h>

const char *argv0 = "builtins";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

_Static_assert((int)STRING_LEN == ENGINE_STRING, "one MAXSTRINGLEN");

/* In the interpreter's globals: three strings, what they become, a character. */
enum { AT_STRINGS, AT_DST = 3 * ENGINE_STRING, AT_VALUE = AT_DST + ENGINE_STRING };
#define ADDRESS(offset) ((uint64_t)STB_REGION_GLOBALS << 32 | (uint64_t)(offset))

static uint64_t call(struct test *t, uint32_t service, uint64_t a, uint64_t b,
		     uint64_t c, uint64_t d, uint64_t e)
{
	uint64_t args[5] = { a, b, c, d, e };

	return vm_call_builtin(t->vm, service, args);
}

/* A service that makes a string. */
static uint64_t make(struct test *t, uint32_t service, const struct asked *a,
		     uint64_t c, uint64_t d, uint64_t e, char *to)
{
	uint64_t r = call(t, service, ADDRESS(AT_DST), a->cap, c, d, e);

	if (!r)
		strcpy(to, (char *)t->globals + AT_DST);
	return r;
}

/* By the services: a flat switch. */
static void ask_vm(struct test *t, const struct asked *a, struct answered *to)
{
	uint64_t s[3], n0 = (uint64_t)a->n[0], n1 = (uint64_t)a->n[1];
	char *text = to->text[0];

	for (int i = 0; i < 3; i++) {
		s[i] = ADDRESS(AT_STRINGS + i * ENGINE_STRING);
		memcpy((char *)t->globals + AT_STRINGS + i * ENGINE_STRING,
		       a->s[i], ENGINE_STRING);
	}
	memset((char *)t->globals + AT_DST, 0, ENGINE_STRING + 8);
	switch (a->what) {
	case ASK_STRLEN:
		to->n = (int64_t)call(t, STB_SVC_STRLEN, s[0], 0, 0, 0, 0);
		return;
	case ASK_SUBSTR:
		make(t, STB_SVC_SUBSTR, a, s[0], n0, n1, text);
		return;
	case ASK_STRINGAT:
		to->n = (int64_t)call(t, STB_SVC_STRINGAT, ADDRESS(AT_VALUE),
				      s[0], n0, 0, 0);
		memcpy(&to->value, (char *)t->globals + AT_VALUE, 8);
		return;
	case ASK_STRINGAT_RANGE:
		to->n = (int64_t)make(t, STB_SVC_STRINGAT_RANGE, a, s[0], n0,
				      n1, text);
		return;
	case ASK_STRPOS:
		to->n = (int64_t)call(t, STB_SVC_STRPOS, s[0], s[1], 0, 0, 0);
		return;
	case ASK_ISINSTR:
		to->n = (int64_t)call(t, STB_SVC_ISINSTR, s[0], s[1], 0, 0, 0);
		return;
	case ASK_STRTOL:
		to->n = (int64_t)call(t, STB_SVC_STRTOL, s[0], n0, 0, 0, 0);
		return;
	case ASK_STR_REPLACE:
		make(t, STB_SVC_STR_REPLACE, a, s[0], s[1], s[2], text);
		return;
	case ASK_TOLOWER:
		make(t, STB_SVC_TOLOWER, a, s[0], 0, 0, text);
		return;
	case ASK_TOUPPER:
		make(t, STB_SVC_TOUPPER, a, s[0], 0, 0, text);
		return;
	case ASK_TOKENIZE:
		make(t, STB_SVC_TOKENIZE, a, s[0], s[1], 0, text);
		make(t, STB_SVC_TOKENIZE_NEXT, a, s[1], 0, 0, to->text[1]);
		make(t, STB_SVC_TOKENIZE_NEXT, a, s[2], 0, 0, to->text[2]);
		make(t, STB_SVC_TOKENIZE_NEXT, a, s[1], 0, 0, to->text[3]);
		return;
	case ASK_CAT:
		make(t, STB_SVC_CAT, a, s[0], s[1], 0, text);
		return;
	case ASK_COPY:
		make(t, STB_SVC_COPY, a, s[0], 0, 0, text);
		return;
	case ASK_STRCMP:
		to->n = (int64_t)call(t, STB_SVC_STRCMP, s[0], s[1], 0, 0, 0);
		return;
	/* the module's own code, runtime/plain.h */
	case ASK_TO_FP:
	case ASK_TEXT:
		ask_kmod(a, to);
		return;
	case ASK_N:
		return;
	}
}

static void differ(const struct asked *a, const struct answered *x,
		   const struct answered *y, const char *who)
{
	printf("what %d cap %u of \"%s\" \"%s\" \"%s\" %lld %lld\n", a->what,
	       a->cap, a->s[0], a->s[1], a->s[2], (long long)a->n[0],
	       (long long)a->n[1]);
	printf("module: %lld %lld \"%s\" \"%s\" \"%s\" \"%s\"\n", (long long)x->n,
	       (long long)x->value, x->text[0], x->text[1], x->text[2],
	       x->text[3]);
	printf("%s: %lld %lld \"%s\" \"%s\" \"%s\" \"%s\"\n", who, (long long)y->n,
	       (long long)y->value, y->text[0], y->text[1], y->text[2],
	       y->text[3]);
	fflush(stdout);
	abort();
}

/* What is behind a NUL is nobody's matter. */
static void compare(const struct asked *a, const struct answered *x,
		    const struct answered *y, const char *who)
{
	int64_t n = x->n, m = y->n;

	if (a->what == ASK_STRCMP) {
		n = (n > 0) - (n < 0);
		m = (m > 0) - (m < 0);
	}
	if (n != m || x->value != y->value)
		differ(a, x, y, who);
	for (int i = 0; i < 4; i++)
		if (strcmp(x->text[i], y->text[i]))
			differ(a, x, y, who);
}

/* Small ones, and the largest that there are. */
static int64_t number(uint8_t byte)
{
	return byte == 0x7f ? INT64_MAX : byte == 0x80 ? INT64_MIN :
	       (int8_t)byte;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answered kmod = { 0 }, bpf = { 0 }, vm = { 0 };
	char strings[3][ENGINE_ROOM] __attribute__((aligned(8)));
	struct asked a = { 0 };
	size_t n = 0, at = 4;
	struct test *t;

	if (size < 4)
		return 0;
	t = new_test(NULL, 0, map_rows, NULL, 1);
	a.what = data[0] % ASK_N;
	a.cap = 2 + data[1] % (ENGINE_STRING - 1);
	a.n[0] = number(data[2]);
	a.n[1] = number(data[3]);
	for (int i = 0; i < 3; i++, n = 0) {
		memset(strings[i], '~', ENGINE_ROOM);
		for (; n < ENGINE_STRING - 1 && at < size && data[at]; n++)
			strings[i][n] = (char)data[at++];
		strings[i][n] = 0;
		at++;
		a.s[i] = strings[i];
	}
	ask_kmod(&a, &kmod);
	ask_bpf(&a, &bpf);
	ask_vm(t, &a, &vm);
	end_test(t);
	compare(&a, &kmod, &bpf, "bpf");
	compare(&a, &kmod, &vm, "loader");
	return 0;
}
