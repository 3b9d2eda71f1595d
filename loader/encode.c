/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/encode.h"
#include "loader/json.h"

#include <string.h>
#include <time.h>

static const char *const names[] = {
	[FORM_TEXT] = "text", [FORM_NDJSON] = "ndjson",
	[FORM_FOLDED] = "folded", [FORM_CHROME] = "chrome",
};

bool form_of(const char *name, enum form *to)
{
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (!strcmp(name, names[i])) {
			*to = (enum form)i;
			return true;
		}
	return false;
}

const char *form_name(enum form f)
{
	return names[f];
}

/* --- what each line begins with ----------------------------------------------- */

/* CLOCK_MONOTONIC: of the probe where it is known. */
static uint64_t time_of(const struct output *o)
{
	return o->from.known ? o->from.time : now_ns();
}

static void ndjson_begin(const struct output *o, struct sink *to,
			 const char *type)
{
	sink_puts(to, "{\"type\":\"");
	sink_puts(to, type);
	sink_puts(to, "\"");
	json_int(to, "time", (int64_t)time_of(o) + o->wall_offset);
	if (!o->from.known)
		return;
	json_int(to, "cpu", o->from.cpu);
	json_int(to, "pid", o->from.pid);
	json_int(to, "tid", o->from.tid);
}

/* Microseconds, with three digits behind the point. */
static void put_micros(struct sink *to, uint64_t ns)
{
	char rest[] = ".000";

	json_key(to, "ts");
	json_number(to, (int64_t)(ns / 1000));
	for (int i = 3, n = (int)(ns % 1000); i; i--, n /= 10)
		rest[i] = (char)('0' + n % 10);
	sink_puts(to, rest);
}

/* An instant event, up to its args' '{'; scope: t of its thread, g of all. */
static void chrome_begin(const struct output *o, struct sink *to,
			 const char *name, size_t n, const char *category,
			 const char *scope)
{
	sink_puts(to, "{\"name\":");
	json_quote(to, name, n);
	json_text(to, "cat", category);
	json_text(to, "ph", "i");
	json_text(to, "s", scope);
	put_micros(to, time_of(o));
	json_int(to, "pid", o->from.known ? o->from.pid : o->pid);
	json_int(to, "tid", o->from.known ? o->from.tid : o->pid);
	json_key(to, "args");
	/* so that each member has a comma before it */
	sink_puts(to, "{\"cpu\":");
	if (o->from.known)
		json_number(to, o->from.cpu);
	else
		sink_puts(to, "null");
}

/* A line of both kinds that is about the session. */
static void begin(const struct output *o, struct sink *to, const char *type)
{
	if (o->form == FORM_NDJSON)
		ndjson_begin(o, to, type);
	else
		chrome_begin(o, to, type, strlen(type), "session", "g");
}

static void finish(const struct output *o, struct sink *to)
{
	sink_puts(to, o->form == FORM_NDJSON ? "}\n" : "}},\n");
}

/* --- files ---------------------------------------------------------------------- */

/* Who is traced, for the viewer. */
static void chrome_name(const struct output *o, struct sink *to)
{
	sink_puts(to, "{\"name\":\"process_name\",\"ph\":\"M\"");
	json_int(to, "pid", o->pid);
	sink_puts(to, ",\"args\":{\"name\":\"stap-load\"}},\n");
}

void encode_head(const struct output *o, struct sink *to, unsigned file)
{
	if (o->form == FORM_TEXT || o->form == FORM_FOLDED)
		return;
	if (o->form == FORM_CHROME) {
		sink_puts(to, "[\n");
		chrome_name(o, to);
	}
	begin(o, to, "start");
	json_text(to, "schema", "stb-events/1");
	json_int(to, "file", file);
	if (o->identity)
		sink_puts(to, o->identity);
	finish(o, to);
}

/* A comma may not stand before the bracket, so this ends in an event. */
static void chrome_close(struct sink *to)
{
	sink_puts(to, "{\"name\":\"end of file\",\"ph\":\"M\",\"pid\":0}\n]\n");
}

void encode_tail(const struct output *o, struct sink *to)
{
	if (o->form == FORM_NDJSON) {
		begin(o, to, "rotate");
		finish(o, to);
	} else if (o->form == FORM_CHROME) {
		chrome_close(to);
	}
}

/* --- messages -------------------------------------------------------------------- */

static const char *type_of(enum stb_channel channel)
{
	switch (channel) {
	case STB_ERROR:
		return "error";
	case STB_WARN:
		return "warning";
	case STB_LOG:
		return "log";
	case STB_OUT:
	case STB_VALUE:
	case STB_SYSTEM:
	case STB_SWITCH:
		break;
	}
	return "print";
}

/* All bytes of what is not whole as text, in hexadecimal. */
static void put_hex(struct sink *to, const char *s, size_t n)
{
	char two[3];

	sink_puts(to, "\"");
	for (size_t i = 0; i < n; i++)
		sink_puts(to, hex(two, (const uint8_t *)s + i, 1));
	sink_puts(to, "\"");
}

static void put_text(const struct output *o, struct sink *to)
{
	const struct sink *t = &o->text;
	bool cut = t->n == t->cap;
	size_t n = cut ? json_whole(t->buf, t->n - 1) : t->n;

	json_key(to, "text");
	if (!json_quote(to, t->buf, n)) {
		json_key(to, "hex");
		put_hex(to, t->buf, n);
	}
	if (cut)
		sink_puts(to, ",\"cut\":true");
}

/* Bytes that are no text, as a stack's addresses: {"hex": ...}. */
static void put_arg(struct sink *to, const struct arg *a)
{
	if (!a->s) {
		json_number(to, a->num);
	} else if (json_is_text(a->s, a->len)) {
		json_quote(to, a->s, a->len);
	} else {
		sink_puts(to, "{\"hex\":");
		put_hex(to, a->s, a->len);
		sink_puts(to, "}");
	}
}

static void put_list(struct sink *to, const char *key, const struct arg *args,
		     uint32_t n)
{
	json_key(to, key);
	sink_puts(to, "[");
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			sink_puts(to, ",");
		put_arg(to, &args[i]);
	}
	sink_puts(to, "]");
}

/* --- globals, as they are shown at the end: STB_VALUE ------------------------------ */

struct shown {
	size_t name;		/* bytes of it, at the front of the format */
	uint32_t keys;		/* so many of the arguments are */
	const char *rest;	/* of the format: the value */
};

static uint32_t directives(const char *s, size_t n)
{
	uint32_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += s[i] == '%';
	return count;
}

/* false: it is no such format, or has other arguments. */
static bool is_shown(const struct printed *p, struct shown *s)
{
	const char *end;

	s->name = strcspn(p->value, "[= ");
	s->rest = p->value + s->name;
	s->keys = 0;
	if (*s->rest == '[') {
		end = strchr(s->rest, ']');
		if (!end)
			return false;
		s->keys = directives(s->rest, (size_t)(end - s->rest));
		s->rest = end + 1;
	}
	return s->name && (*s->rest == '=' || !strncmp(s->rest, " @", 2)) &&
	       s->keys + directives(s->rest, strlen(s->rest)) == p->nargs &&
	       (*s->rest != '=' || s->keys + 1 == p->nargs);
}

/* An aggregate's: {"count":2,...}; one that is empty has no arguments. */
static void put_stats(struct sink *to, const char *ops, const struct arg *args,
		      uint32_t n)
{
	uint32_t i = 0;

	sink_puts(to, n ? "{" : "{\"count\":0");
	for (; i < n && (ops = strchr(ops, '@')); ops++) {
		if (i)
			sink_puts(to, ",");
		json_quote(to, ops + 1, strcspn(ops + 1, "="));
		sink_puts(to, ":");
		put_arg(to, &args[i++]);
	}
	sink_puts(to, "}");
}

static void put_value(struct sink *to, const struct printed *p,
		      const struct shown *s)
{
	json_key(to, "name");
	json_quote(to, p->value, s->name);
	if (s->keys)
		put_list(to, "key", p->args, s->keys);
	json_key(to, "value");
	if (*s->rest == '=')
		put_arg(to, &p->args[s->keys]);
	else
		put_stats(to, s->rest, p->args + s->keys, p->nargs - s->keys);
}

/* [low, high, count] of what has a count; null: no limit. */
static void put_bucket(struct sink *to, const struct charted *c, uint32_t i)
{
	int64_t from = 0, to_value = 0;
	bool has_from = true, has_to = true;

	if (c->is_log) {
		int n = (int)i - STB_LOG_ZERO;
		uint64_t low = n ? 1ull << ((n < 0 ? -n : n) - 1) : 0;
		uint64_t high = n == -64 ? low : n ? 2 * low - 1 : 0;

		from = (int64_t)(n < 0 ? 0 - high : low);
		to_value = (int64_t)(n < 0 ? 0 - low : high);
	} else {
		has_from = i > 0;
		has_to = i + 1 < c->n;
		from = c->lo + ((int64_t)i - 1) * c->step;
		to_value = c->lo + (int64_t)i * c->step - 1;
	}
	sink_puts(to, "[");
	if (has_from)
		json_number(to, from);
	else
		sink_puts(to, "null");
	sink_puts(to, ",");
	if (has_to)
		json_number(to, to_value);
	else
		sink_puts(to, "null");
	sink_puts(to, ",");
	json_number(to, (int64_t)c->buckets[i]);
	sink_puts(to, "]");
}

static void put_chart(struct sink *to, const struct charted *c)
{
	bool any = false;

	json_text(to, "name", c->name);
	json_text(to, "scale", c->is_log ? "log" : "linear");
	json_key(to, "buckets");
	sink_puts(to, "[");
	for (uint32_t i = 0; i < c->n; i++) {
		if (!c->buckets[i])
			continue;
		if (any)
			sink_puts(to, ",");
		put_bucket(to, c, i);
		any = true;
	}
	sink_puts(to, "]");
}

/* What an event is called: the first line of its text. */
static void chrome_message(const struct output *o, struct sink *to,
			   const char *type, bool global)
{
	enum { MOST = 120 };
	const struct sink *t = &o->text;
	size_t n = 0;

	while (n < t->n && n < MOST && t->buf[n] != '\n')
		n++;
	chrome_begin(o, to, n ? t->buf : type, n ? n : strlen(type), type,
		     global ? "g" : "t");
}

void encode_message(struct output *o, struct sink *to, enum stb_channel channel,
		    const struct printed *p, const struct charted *c)
{
	struct shown shown;
	bool value = p && p->value && is_shown(p, &shown);
	const char *type = c ? "histogram" : value ? "value" :
			   type_of(channel);

	if (o->form == FORM_FOLDED) {
		fold_text(o->fold, o->text.buf, o->text.n);
		if (channel == STB_LOG)
			fold_text(o->fold, "\n", 1);
		fold_border(o->fold);
		return;
	}
	if (o->form == FORM_NDJSON)
		ndjson_begin(o, to, type);
	else
		chrome_message(o, to, type, channel == STB_ERROR);
	put_text(o, to);
	if (value)
		put_value(to, p, &shown);
	else if (p)
		put_list(to, "args", p->args, p->nargs);
	if (c)
		put_chart(to, c);
	finish(o, to);
}

/* --- the session ------------------------------------------------------------------- */

void encode_count(const struct output *o, struct sink *to, const char *what,
		  uint64_t more, uint64_t all)
{
	begin(o, to, what);
	json_int(to, "count", (int64_t)more);
	json_int(to, "total", (int64_t)all);
	finish(o, to);
}

void encode_gap(const struct output *o, struct sink *to, uint64_t bytes)
{
	begin(o, to, "gap");
	json_int(to, "bytes", (int64_t)bytes);
	finish(o, to);
}

void encode_end(const struct output *o, struct sink *to, const struct tally *t)
{
	begin(o, to, "end");
	json_int(to, "status", t->status);
	json_int(to, "events", (int64_t)t->events);
	json_int(to, "errors", (int64_t)t->errors);
	json_int(to, "skipped", (int64_t)t->skipped);
	json_int(to, "lost", (int64_t)t->lost);
	json_int(to, "bad", (int64_t)t->bad);
	finish(o, to);
	if (o->form == FORM_CHROME)
		chrome_close(to);
}
