/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundler/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool view_form_of(const char *name, enum view_form *to)
{
	static const char *const names[] = { "text", "ndjson", "folded",
					     "chrome" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i])) {
			*to = (enum view_form)i;
			return true;
		}
	return false;
}

static void put_folded(void *arg, const char *line, size_t n)
{
	fwrite(line, 1, n, stdout);
}

/* A line of its own; takes the reference. */
static void put_json(json_t *j, const char *end)
{
	char *text = json_dumps(j, JSON_COMPACT);

	if (text)
		printf("%s%s\n", text, end);
	free(text);
	json_decref(j);
}

void view_begin(struct view *v, enum view_form form)
{
	v->form = form;
	v->pid = 0;
	fold_init(&v->fold, put_folded, NULL);
	if (form == VIEW_CHROME)
		printf("[\n");
}

void view_end(struct view *v)
{
	if (v->form == VIEW_FOLDED)
		fold_end(&v->fold);
	if (v->form == VIEW_CHROME)
		printf("{\"name\":\"end of file\",\"ph\":\"M\",\"pid\":0}\n]\n");
}

/* --- text ----------------------------------------------------------------------- */

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ?
	       c - 'a' + 10 : -1;
}

/* The very bytes of a message: of "hex", where "text" is not all; malloc'ed. */
static char *bytes_of(const json_t *event, size_t *n)
{
	const json_t *text = json_object_get(event, "text");
	const json_t *code = json_object_get(event, "hex");
	const char *s = json_string_value(code);
	size_t len = json_string_length(code) / 2, i;
	char *to = malloc(len + json_string_length(text) + 1);

	*n = 0;
	if (!to)
		return NULL;
	for (i = 0; i < len && digit(s[2 * i]) >= 0 &&
		    digit(s[2 * i + 1]) >= 0; i++)
		to[i] = (char)(digit(s[2 * i]) << 4 | digit(s[2 * i + 1]));
	if (s && i == len) {
		*n = len;
		return to;
	}
	*n = json_string_length(text);
	if (*n)
		memcpy(to, json_string_value(text), *n);
	return to;
}

static bool is_type(const json_t *event, const char *type)
{
	const char *s = json_string_value(json_object_get(event, "type"));

	return s && !strcmp(s, type);
}

/* Is its text what the script printed? */
static bool is_output(const json_t *event)
{
	return is_type(event, "print") || is_type(event, "log") ||
	       is_type(event, "histogram") || is_type(event, "value");
}

static void put_text(struct view *v, const json_t *event)
{
	bool error = is_type(event, "error"), line = is_type(event, "log");
	size_t n;
	char *s;

	if (!error && !is_type(event, "warning") && !is_output(event))
		return;
	s = bytes_of(event, &n);
	if (!s)
		return;
	if (v->form == VIEW_FOLDED && is_output(event)) {
		fold_text(&v->fold, s, n);
		if (line)
			fold_text(&v->fold, "\n", 1);
		fold_border(&v->fold);
	} else if (v->form == VIEW_TEXT) {
		if (!is_output(event))
			fputs(error ? "ERROR: " : "WARNING: ", stdout);
		fwrite(s, 1, n, stdout);
		if (line || (!is_output(event) && (!n || s[n - 1] != '\n')))
			putchar('\n');
	}
	free(s);
}

/* --- a trace ----------------------------------------------------------------------- */

/* The first line of its text, or its type. */
static json_t *name_of(const json_t *event, const char *type)
{
	const char *s = json_string_value(json_object_get(event, "text"));
	size_t n = s ? strcspn(s, "\n") : 0;
	json_t *j = n ? json_stringn(s, n) : NULL;

	return j ? j : json_string(type);
}

static json_t *member(const json_t *event, const char *key, json_int_t other)
{
	json_t *j = json_object_get(event, key);

	return json_is_integer(j) ? json_incref(j) : json_integer(other);
}

static void put_trace(struct view *v, json_t *event)
{
	json_t *args = json_copy(event), *j = json_object();
	const char *type = json_string_value(json_object_get(event, "type"));
	bool session = !is_output(event) && !is_type(event, "warning");

	if (!type)
		type = "?";
	json_object_set_new(j, "name", name_of(event, type));
	json_object_set_new(j, "cat", json_string(type));
	json_object_set_new(j, "ph", json_string("i"));
	json_object_set_new(j, "s", json_string(session ? "g" : "t"));
	json_object_set_new(j, "ts", json_real((double)json_integer_value(
			    json_object_get(event, "time")) / 1000));
	json_object_set_new(j, "pid", member(event, "pid", v->pid));
	json_object_set_new(j, "tid", member(event, "tid", v->pid));
	json_object_del(args, "type");
	json_object_set_new(j, "args", args);
	put_json(j, ",");
}

void view_event(struct view *v, json_t *event)
{
	if (is_type(event, "start"))
		v->pid = json_integer_value(json_object_get(event, "pid"));
	switch (v->form) {
	case VIEW_TEXT:
	case VIEW_FOLDED:
		put_text(v, event);
		break;
	case VIEW_NDJSON:
		put_json(json_incref(event), "");
		break;
	case VIEW_CHROME:
		put_trace(v, event);
		break;
	}
}
