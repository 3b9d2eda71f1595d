/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * render.c - stb render, and stb show of a dump: what a flight recorder wrote
 * down (docs/dump.md), or what a session told (docs/output.md), read where there
 * is neither the host nor the bundle. In: lines of JSON, which may be damaged or
 * anybody's. Out: text, or what --format says.
 */
#include "bundler/bundle.h"
#include "bundler/view.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct dump {
	const char *file;
	const char *at, *end;	/* what was not read yet */
	unsigned line;
	json_t *head;
	bool whole;		/* its last line was seen */
	struct arena *mem;	/* of words that are being shown */
	const char *form;	/* render: --format */
};

/* What it says, fit for a terminal. */
static const char *shown(struct dump *d, const char *s)
{
	return plain(d->mem, s);
}

static bool damaged(struct dump *d, const char *why)
{
	return wrong(d->file, d->line, "not a whole line of a dump: %s",
		     shown(d, why));
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
	j = json_loadb(d->at, (size_t)(nl - d->at), JSON_ALLOW_NUL, &error);
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

/* Reads the first line; false: said why. events: output with --format=ndjson
   will do, too. */
static bool begin(struct dump *d, bool events)
{
	const char *schema;

	bool ok;

	d->head = next_line(d, &ok);
	if (!d->head)
		return ok ? damaged(d, "there is nothing in it") : false;
	schema = text_of(d->head, "schema");
	if (!strcmp(schema, "stb-dump/1") ||
	    (events && !strcmp(schema, "stb-events/1")))
		return true;
	return wrong(d->file, 1, "not a dump that this program reads: schema "
		     "\"%s\"", shown(d, schema));
}

/* --- render ---------------------------------------------------------------------- */

/* What a recorder kept and knows, gathered from all lines. */
struct kept {
	struct text text;	/* output, as it was */
	json_t *values;		/* events */
};

/* A global or an element as an event; a reference, or NULL. */
static json_t *value_event(const json_t *j)
{
	json_t *name = json_object_get(j, "global"), *e;

	if (!name)
		name = json_object_get(j, "array");
	if (!name)
		return NULL;
	e = json_object();
	json_object_set_new(e, "type", json_string("value"));
	json_object_set(e, "name", name);
	json_object_set(e, "key", json_object_get(j, "key"));
	json_object_set(e, "value", json_object_get(j, "value"));
	return e;
}

static bool gather(struct dump *d, struct kept *k)
{
	json_t *j, *text, *value;
	bool ok;

	while ((j = next_line(d, &ok))) {
		text = json_object_get(j, "text");
		if (json_is_string(text))
			text_add(&k->text, json_string_value(text),
				 json_string_length(text));
		value = value_event(j);
		if (value)
			json_array_append_new(k->values, value);
		d->whole |= json_is_true(json_object_get(j, "end"));
		json_decref(j);
	}
	return ok;
}

/* A number of seconds may be any: it wraps. */
static json_t *nanoseconds(const json_t *head, const char *key)
{
	return json_integer((json_int_t)((uint64_t)number_of(head, key) *
					 1000000000));
}

/* "start" of the dump's first line, which has more than it. */
static json_t *start_event(const json_t *head)
{
	static const char *const keys[] = {
		"bundle", "script", "generation", "variant", "kernel",
		"kernel_build_id", "host", "pid", "text_gone",
	};
	json_t *e = json_object();

	json_object_set_new(e, "type", json_string("start"));
	json_object_set_new(e, "time", nanoseconds(head, "since"));
	json_object_set_new(e, "schema", json_string("stb-events/1"));
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		json_object_set(e, keys[i], json_object_get(head, keys[i]));
	return e;
}

static json_t *end_event(const json_t *head)
{
	static const char *const keys[] = { "events", "errors", "skipped",
					    "lost" };
	json_t *e = json_object();

	json_object_set_new(e, "type", json_string("end"));
	json_object_set_new(e, "time", nanoseconds(head, "now"));
	json_object_set_new(e, "status", json_null());
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		json_object_set(e, keys[i], json_object_get(head, keys[i]));
	return e;
}

static void show_event(struct view *v, json_t *e)
{
	view_event(v, e);
	json_decref(e);
}

/* Text has no times: its lines are events without any. */
static void view_lines(struct view *v, const char *s, size_t n)
{
	while (n) {
		const char *nl = memchr(s, '\n', n);
		size_t len = nl ? (size_t)(nl - s) + 1 : n;

		show_event(v, json_pack("{s:s, s:s%}", "type", "print", "text",
					s, len));
		s += len;
		n -= len;
	}
}

/* Lines of a session that ran with --format=ndjson; the first may be what is
   left of one. */
static bool view_events(struct view *v, struct dump *d, bool cut)
{
	const char *nl;
	json_t *j;
	bool ok;

	if (cut) {
		nl = memchr(d->at, '\n', (size_t)(d->end - d->at));
		d->at = nl ? nl + 1 : d->end;
	}
	while ((j = next_line(d, &ok)))
		show_event(v, j);
	return ok;
}

static bool view_dump(struct view *v, struct dump *d, const struct kept *k,
		      bool is_events)
{
	const char *s = k->text.n ? k->text.s : "";
	struct dump lines = { .file = "the output in it", .at = s,
			      .end = s + k->text.n, .mem = d->mem };
	json_t *value;
	size_t i;
	bool ok = true;

	show_event(v, start_event(d->head));
	if (is_events)
		ok = view_events(v, &lines, number_of(d->head, "text_gone") > 0);
	else if (v->form == VIEW_FOLDED)
		fold_text(&v->fold, s, k->text.n);
	else
		view_lines(v, s, k->text.n);
	json_array_foreach(k->values, i, value)
		view_event(v, value);
	show_event(v, end_event(d->head));
	return ok;
}

static bool render_kept(struct dump *d, struct view *v, const char *kept_as,
			const struct kept *k)
{
	bool is_events = !strcmp(kept_as, "ndjson"), ok;

	/* nothing to make of it: as it is */
	if (v->form == VIEW_TEXT ? !is_events :
	    strcmp(kept_as, "text") && !is_events) {
		if (v->form != VIEW_TEXT && strcmp(kept_as, d->form))
			return wrong(d->file, 0, "it kept %s, which cannot be "
				     "made %s: record with --format=ndjson",
				     shown(d, kept_as), d->form);
		fwrite(k->text.s, 1, k->text.n, stdout);
		return true;
	}
	if (v->form == VIEW_CHROME && !is_events)
		return wrong(d->file, 0, "it kept text, which has no times: "
			     "record with --format=ndjson");
	view_begin(v, v->form);
	ok = view_dump(v, d, k, is_events);
	view_end(v);
	return ok;
}

static bool render_dump(struct dump *d, struct view *v)
{
	struct arena mem = { 0 };
	struct kept k = { .text.mem = &mem, .values = json_array() };
	const char *kept_as = text_of(d->head, "format");
	bool ok = gather(d, &k);

	if (!strcmp(kept_as, "?"))	/* of before there were others */
		kept_as = "text";
	ok = render_kept(d, v, kept_as, &k) && ok;
	json_decref(k.values);
	arena_free(&mem);
	return ok && (d->whole || damaged(d, "the dump is cut off here"));
}

static bool render(struct dump *d, struct view *v)
{
	bool ok;

	if (!strcmp(text_of(d->head, "schema"), "stb-dump/1"))
		return render_dump(d, v);
	view_begin(v, v->form);
	view_event(v, d->head);
	ok = view_events(v, d, false);
	view_end(v);
	return ok;
}

/* --- show ---------------------------------------------------------------------------- */

static const char *shown_of(struct dump *d, const json_t *j, const char *key)
{
	return shown(d, text_of(j, key));
}

static void show_time(const char *what, json_int_t t)
{
	char text[32];

	if (time_text(text, sizeof(text), "%F %T UTC", t))
		printf("  %s %s\n", what, text);
}

static void show_head(struct dump *d)
{
	const json_t *h = d->head;

	printf("dump of bundle %s\n", shown_of(d, h, "bundle"));
	printf("  script %s, generation %" JSON_INTEGER_FORMAT ", variant %s\n",
	       shown_of(d, h, "script"), number_of(h, "generation"),
	       shown_of(d, h, "variant"));
	printf("  host %s, kernel %s, build-id %s\n", shown_of(d, h, "host"),
	       shown_of(d, h, "kernel"), shown_of(d, h, "kernel_build_id"));
	show_time("recording since", number_of(h, "since"));
	show_time("dumped", number_of(h, "now"));
	printf("  %" JSON_INTEGER_FORMAT " sites armed, %" JSON_INTEGER_FORMAT
	       " outputs, %" JSON_INTEGER_FORMAT " lost, errors: %"
	       JSON_INTEGER_FORMAT ", skipped probes: %" JSON_INTEGER_FORMAT
	       "\n", number_of(h, "armed"), number_of(h, "events"),
	       number_of(h, "lost"), number_of(h, "errors"),
	       number_of(h, "skipped"));
}

/* Of a histogram's buckets those that are not empty, by their numbers. */
static void drop_empty(json_t *value)
{
	json_t *buckets = json_object_get(value, "buckets"), *n, *left;
	char number[24];
	size_t i;

	if (!json_is_array(buckets))
		return;
	left = json_object();
	json_array_foreach(buckets, i, n) {
		snprintf(number, sizeof(number), "%zu", i);
		if (json_integer_value(n))
			json_object_set(left, number, n);
	}
	json_object_set_new(value, "buckets", left);
}

/* A value as it stands in the file; "": there is none. */
static const char *json_of(struct dump *d, const json_t *j, const char *key)
{
	char *text = json_dumps(json_object_get(j, key),
				JSON_ENCODE_ANY | JSON_COMPACT);
	const char *s = shown(d, text ? text : "");

	free(text);
	return s;
}

static void show_line(struct dump *d, const json_t *j)
{
	bool scalar = json_object_get(j, "global");
	const char *name = scalar ? "global" : "array", *key;

	if (!json_object_get(j, name))
		return;
	drop_empty(json_object_get(j, "value"));
	key = scalar ? "" : json_of(d, j, "key");
	printf("  %s%s=%s\n", shown_of(d, j, name), strcmp(key, "[]") ? key :
	       "", json_of(d, j, "value"));
}

static bool show_lines(struct dump *d)
{
	size_t text = 0, processes = 0;
	json_t *j;
	bool ok;

	show_head(d);
	while ((j = next_line(d, &ok))) {
		show_line(d, j);
		arena_free(d->mem);
		text += json_string_length(json_object_get(j, "text"));
		processes += json_object_get(j, "process") != NULL;
		d->whole |= json_is_true(json_object_get(j, "end"));
		json_decref(j);
	}
	printf("  %zu bytes of output (stb render), %zu processes\n", text,
	       processes);
	return ok && (d->whole || damaged(d, "the dump is cut off here"));
}

/* --- both ------------------------------------------------------------------------------ */

int show_dump(const char *file, const char *data, size_t size)
{
	struct arena mem = { 0 };
	struct dump d = { .file = file, .at = data, .end = data + size,
			  .mem = &mem };
	bool ok = begin(&d, false) && show_lines(&d);

	json_decref(d.head);
	arena_free(&mem);
	return ok ? 0 : EXIT_DATA;
}

int render_data(const char *file, const char *data, size_t size,
		const char *form)
{
	struct arena mem = { 0 };
	struct dump d = { .file = file, .at = data, .end = data + size,
			  .form = form, .mem = &mem };
	struct view *v = calloc(1, sizeof(*v));
	bool ok = v && view_form_of(form, &v->form) && begin(&d, true) &&
		  render(&d, v);

	json_decref(d.head);
	arena_free(&mem);
	free(v);
	return ok ? 0 : EXIT_DATA;
}

int verb_render(int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' }, { 0 }
	};
	struct arena mem = { 0 };
	const char *data, *form = "text";
	enum view_form known;
	size_t size;
	int c, status;

	while ((c = getopt_long(argc, argv, "", options, NULL)) == 'f')
		form = optarg;
	if (c != -1 || optind != argc - 1 || !view_form_of(form, &known)) {
		fprintf(stderr, "usage: %s render [--format=text|ndjson|chrome|"
			"folded] FILE\n", argv0);
		return EXIT_USAGE;
	}
	data = read_file(&mem, argv[optind], &size);
	status = data ? render_data(argv[optind], data, size, form) :
		 cannot_read(argv[optind]);
	arena_free(&mem);
	return status;
}
