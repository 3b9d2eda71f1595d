/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * render.c - stb render, and stb show of a dump: what a flight recorder wrote
 * down (docs/dump.md), read where there is neither the host nor the bundle.
 * In: lines of JSON, which may be damaged or anybody's. Out: text.
 */
#include "bundler/bundle.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

struct dump {
	const char *file;
	const char *at, *end;	/* what was not read yet */
	unsigned line;
	json_t *head;
	bool whole;		/* its last line was seen */
};

static bool damaged(const struct dump *d, const char *why)
{
	return wrong(d->file, d->line, "not a whole line of a dump: %s", why);
}

/* The next line; NULL at the end, or when it is damaged (*ok false). */
static json_t *next_line(struct dump *d, bool *ok)
{
	const char *nl;
	json_error_t error;
	json_t *j;

	*ok = true;
	if (d->at == d->end)
		return NULL;
	nl = memchr(d->at, '\n', (size_t)(d->end - d->at));
	d->line++;
	if (!nl) {
		*ok = damaged(d, "it has no end");
		return NULL;
	}
	j = json_loadb(d->at, (size_t)(nl - d->at), 0, &error);
	d->at = nl + 1;
	if (!json_is_object(j)) {
		json_decref(j);
		*ok = damaged(d, j ? "no object" : error.text);
		return NULL;
	}
	return j;
}

static const char *text_of(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "?";
}

static json_int_t number_of(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

bool is_dump(const char *data, size_t size)
{
	return size && *data == '{';
}

/* Reads the first line; false: said why. */
static bool begin(struct dump *d)
{
	bool ok;

	d->head = next_line(d, &ok);
	if (!d->head)
		return ok ? damaged(d, "there is nothing in it") : false;
	if (!strncmp(text_of(d->head, "schema"), "stb-dump/1", 10))
		return true;
	return wrong(d->file, 1, "not a dump that this program reads: schema "
		     "\"%s\"", text_of(d->head, "schema"));
}

/* --- render ---------------------------------------------------------------------- */

static bool render_lines(struct dump *d)
{
	json_t *j, *text;
	bool ok;

	while ((j = next_line(d, &ok))) {
		text = json_object_get(j, "text");
		if (json_is_string(text))
			fwrite(json_string_value(text), 1,
			       json_string_length(text), stdout);
		d->whole |= json_is_true(json_object_get(j, "end"));
		json_decref(j);
	}
	return ok && (d->whole || damaged(d, "the dump is cut off here"));
}

/* --- show ---------------------------------------------------------------------------- */

static void show_time(const char *what, json_int_t t)
{
	time_t at = (time_t)t;
	char text[32];
	struct tm tm;

	if (strftime(text, sizeof(text), "%F %T UTC", gmtime_r(&at, &tm)))
		printf("  %s %s\n", what, text);
}

static void show_head(const json_t *h)
{
	printf("dump of bundle %s\n", text_of(h, "bundle"));
	printf("  script %s, generation %" JSON_INTEGER_FORMAT ", variant %s\n",
	       text_of(h, "script"), number_of(h, "generation"),
	       text_of(h, "variant"));
	printf("  host %s, kernel %s, build-id %s\n", text_of(h, "host"),
	       text_of(h, "kernel"), text_of(h, "kernel_build_id"));
	show_time("recording since", number_of(h, "since"));
	show_time("dumped", number_of(h, "now"));
	printf("  %" JSON_INTEGER_FORMAT " sites armed, %" JSON_INTEGER_FORMAT
	       " outputs, %" JSON_INTEGER_FORMAT " lost, errors: %"
	       JSON_INTEGER_FORMAT ", skipped probes: %" JSON_INTEGER_FORMAT
	       "\n", number_of(h, "armed"), number_of(h, "events"),
	       number_of(h, "lost"), number_of(h, "errors"),
	       number_of(h, "skipped"));
}

static void show_value(const json_t *j)
{
	char *text = json_dumps(json_object_get(j, "value"),
				JSON_ENCODE_ANY | JSON_COMPACT);

	printf("=%s\n", text ? text : "?");
	free(text);
}

static void show_line(const json_t *j, size_t *text, size_t *processes)
{
	char *key;

	if (json_object_get(j, "global")) {
		printf("  %s", text_of(j, "global"));
		show_value(j);
	} else if (json_object_get(j, "array")) {
		key = json_dumps(json_object_get(j, "key"), JSON_COMPACT);
		printf("  %s%s", text_of(j, "array"), key && strcmp(key, "[]") ?
		       key : "");
		free(key);
		show_value(j);
	}
	*text += json_string_length(json_object_get(j, "text"));
	*processes += json_object_get(j, "process") != NULL;
}

static bool show_lines(struct dump *d)
{
	size_t text = 0, processes = 0;
	json_t *j;
	bool ok;

	show_head(d->head);
	while ((j = next_line(d, &ok))) {
		show_line(j, &text, &processes);
		d->whole |= json_is_true(json_object_get(j, "end"));
		json_decref(j);
	}
	printf("  %zu bytes of output (stb render), %zu processes\n", text,
	       processes);
	return ok && (d->whole || damaged(d, "the dump is cut off here"));
}

/* --- both ------------------------------------------------------------------------------ */

static int with_dump(const char *file, const char *data, size_t size,
		     bool (*lines)(struct dump *d))
{
	struct dump d = { .file = file, .at = data, .end = data + size };
	bool ok = begin(&d) && lines(&d);

	json_decref(d.head);
	return ok ? 0 : EXIT_DATA;
}

int show_dump(const char *file, const char *data, size_t size)
{
	return with_dump(file, data, size, show_lines);
}

int verb_render(int argc, char **argv)
{
	struct arena mem = { 0 };
	const char *data;
	size_t size;
	int status;

	if (argc != 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: %s render DUMP\n", argv0);
		return EXIT_USAGE;
	}
	data = read_file(&mem, argv[1], &size);
	if (!data) {
		wrong(argv[1], 0, "%s", strerror(errno));
		status = EXIT_NO_INPUT;
	} else {
		status = with_dump(argv[1], data, size, render_lines);
	}
	arena_free(&mem);
	return status;
}
