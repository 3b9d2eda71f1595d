/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check.c - stb check: would this bundle run on a host of which only the facts
 * are here (stap-load --describe)? The judge is the loader's (host.h). Facts may
 * be anybody's: what is missing in them is not known, what makes no sense ends
 * it.
 */
#include "bundler/bundle.h"
#include "bundler/host.h"
#include "bundler/minisign.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_KEYS = 256 };

/* --- facts ------------------------------------------------------------------------- */

struct facts {
	struct arena *mem;
	const char *file;
	json_t *json;
	struct host host;
	struct minisign_key keys[MAX_KEYS];
};

static int digit(char c)
{
	int low = c | 32;

	return c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ?
	       low - 'a' + 10 : -1;
}

/* Hexadecimal digits of n bytes at most: how many bytes; -1: it is none. */
static int unhex(const char *s, uint8_t *to, size_t n)
{
	size_t len = s ? strlen(s) : 1, i;

	if (len % 2 || len / 2 > n)
		return -1;
	for (i = 0; i < len / 2; i++) {
		if (digit(s[2 * i]) < 0 || digit(s[2 * i + 1]) < 0)
			return -1;
		to[i] = (uint8_t)(digit(s[2 * i]) << 4 | digit(s[2 * i + 1]));
	}
	return (int)(len / 2);
}

/* null or missing: none. */
static bool read_id(const struct facts *f, const json_t *j, const char *key,
		    struct stb_build_id *id)
{
	const json_t *v = json_object_get(j, key);
	int n;

	if (!v || json_is_null(v))
		return true;
	n = unhex(json_string_value(v), id->bytes, sizeof(id->bytes));
	if (n < 0)
		return wrong(f->file, 0, "%s: wanted hexadecimal digits of a "
			     "build-id", key);
	id->len = (uint8_t)n;
	return true;
}

static void read_text(const json_t *j, const char *key, char *to, size_t size)
{
	const char *s = json_string_value(json_object_get(j, key));

	snprintf(to, size, "%s", s ? s : "?");
}

static enum host_answer read_answer(const json_t *j, const char *key)
{
	const json_t *v = json_object_get(j, key);

	return json_is_true(v) ? HOST_YES : json_is_false(v) ? HOST_NO :
	       HOST_UNKNOWN;
}

static uint64_t read_number(const json_t *j, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(j, key));

	return n > 0 ? (uint64_t)n : 0;
}

/* Which of the names is it? 0: none. */
static int read_name(const json_t *j, const char *key, const char *const *names,
		     int n)
{
	const char *s = json_string_value(json_object_get(j, key));

	for (int i = 0; s && i < n; i++)
		if (!strcmp(s, names[i]))
			return i;
	return 0;
}

static bool read_keys(struct facts *f)
{
	json_t *key;
	size_t i;

	json_array_foreach(json_object_get(f->json, "keys"), i, key) {
		struct minisign_key *k = &f->keys[f->host.nkeys];
		uint8_t id[MINISIGN_ID];

		if (i == MAX_KEYS)
			return wrong(f->file, 0, "more than %d keys", MAX_KEYS);
		if (unhex(json_string_value(json_object_get(key, "id")), id,
			  sizeof(id)) != sizeof(id) ||
		    unhex(json_string_value(json_object_get(key, "key")),
			  k->key, sizeof(k->key)) != sizeof(k->key))
			return wrong(f->file, 0, "keys: wanted \"id\" and "
				     "\"key\" in hexadecimal");
		/* ids are printed from their last byte on */
		for (size_t b = 0; b < sizeof(id); b++)
			k->id[b] = id[sizeof(id) - 1 - b];
		f->host.nkeys++;
	}
	return true;
}

static bool read_builds(struct facts *f, const char *list, const char *name,
			bool is_module, struct host_build *to, uint32_t *n)
{
	static const char *const states[] = { "unknown", "absent", "unreadable",
					      "there" };
	json_t *j;
	size_t i;

	json_array_foreach(json_object_get(f->json, list), i, j) {
		struct host_build *b = &to[*n];

		b->path = json_string_value(json_object_get(j, name));
		if (!b->path)
			return wrong(f->file, 0, "%s: wanted \"%s\"", list,
				     name);
		b->is_module = is_module;
		b->state = is_module ? BUILD_THERE :
			   (enum host_state)read_name(j, "state", states, 4);
		if (!read_id(f, j, "build_id", &b->id))
			return false;
		++*n;
	}
	return true;
}

static bool read_host(struct facts *f)
{
	struct host *h = &f->host;
	const json_t *j = f->json, *features, *limits;
	size_t n = json_array_size(json_object_get(j, "modules")) +
		   json_array_size(json_object_get(j, "programs"));
	struct host_build *builds = NEW_ARRAY(f->mem, struct host_build, n + 1);
	const char *caps = json_string_value(json_object_get(j, "capabilities"));

	read_text(j, "release", h->release, sizeof(h->release));
	read_text(j, "machine", h->machine, sizeof(h->machine));
	read_text(j, "host", h->name, sizeof(h->name));
	if (json_object_get(j, "version"))
		read_text(j, "version", h->version, sizeof(h->version));
	h->uid = (uint32_t)read_number(j, "uid");
	h->level = (uint32_t)read_name(j, "level", host_level_names, 3);
	h->caps = caps ? strtoull(caps, NULL, 0) : 0;
	h->lockdown = (enum host_lockdown)read_name(j, "lockdown",
						    host_lockdown_names, 3);
	h->addresses = (enum host_addresses)read_name(j, "addresses",
						      host_addresses_names, 4);
	h->sig_enforce = read_answer(j, "sig_enforce");
	h->loading = (enum host_loading)read_name(j, "module_loading",
						  host_loading_names, 4);
	h->recalled = json_string_value(json_object_get(j, "recalled"));
	features = json_object_get(j, "features");
	for (int i = 0; i < HOST_FEATURES; i++)
		h->features[i] = read_answer(features, host_feature_names[i]);
	limits = json_object_get(j, "limits");
	h->nofile = read_number(limits, "nofile");
	h->nofile_max = read_number(limits, "nofile_max");
	h->memory_kb = read_number(limits, "memory_kb");
	h->cpus = (uint32_t)read_number(limits, "cpus");
	h->builds = builds;
	return read_id(f, j, "kernel_build_id", &h->kernel) && read_keys(f) &&
	       read_builds(f, "modules", "name", true, builds, &h->nbuilds) &&
	       read_builds(f, "programs", "path", false, builds, &h->nbuilds);
}

static bool read_facts(struct facts *f, const char *data, size_t size)
{
	json_error_t error;
	const char *schema;

	f->json = json_loadb(data, size, 0, &error);
	if (!f->json)
		return wrong(f->file, (unsigned)error.line, "%s", error.text);
	schema = json_string_value(json_object_get(f->json, "schema"));
	if (!schema || strcmp(schema, "stb-host/1"))
		return wrong(f->file, 0, "no facts of a host that this program "
			     "reads: schema \"%s\"", schema ? schema : "");
	return read_host(f);
}

/* --- the bundle's signature ---------------------------------------------------------- */

static enum host_signature signature_of(const struct facts *f, const char *text,
					size_t n, const void *message,
					size_t size, char id[17])
{
	struct minisign_sig s;
	bool known = false;

	if (!n)
		return SIGNATURE_NONE;
	if (!minisign_read_sig(text, n, &s))
		return SIGNATURE_BROKEN;
	minisign_id(id, s.key_id);
	for (uint32_t i = 0; i < f->host.nkeys; i++) {
		if (minisign_verify(&s, &f->keys[i], message, size))
			return SIGNATURE_GOOD;
		known |= !memcmp(f->keys[i].id, s.key_id, sizeof(s.key_id));
	}
	return known ? SIGNATURE_BROKEN : SIGNATURE_STRANGER;
}

/* Of the bundle itself, or beside it, as the loader looks for it. */
static enum host_signature find_signature(struct facts *f, const char *file,
					  const void *data, size_t size,
					  char id[17])
{
	size_t n = 0, message = size;
	const char *text;

	if (!minisign_attached(data, size, &text, &n, &message))
		text = read_file(f->mem, arena_printf(f->mem, "%s.minisig",
						      file), &n);
	return signature_of(f, text, text ? n : 0, data, message, id);
}

/* --- the answer ------------------------------------------------------------------------- */

static void put_line(void *arg, const struct host_check *c)
{
	char line[2048];

	host_line(c, line, sizeof(line));
	puts(line);
}

/* What came out of facts may be anything: such bytes come out as '?'. */
static json_t *text_json(const char *s)
{
	json_t *j = json_string(s);
	char copy[1024];

	if (j)
		return j;
	snprintf(copy, sizeof(copy), "%s", s);
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p > 0x7e)
			*p = '?';
	return json_string(copy);
}

static void put_json(void *arg, const struct host_check *c)
{
	json_t *j = json_object();

	json_object_set_new(j, "name", text_json(c->name));
	json_object_set_new(j, "result", json_string(host_result_name(
							c->result)));
	json_object_set_new(j, "subject", text_json(c->subject));
	json_object_set_new(j, "wanted", text_json(c->wanted));
	json_object_set_new(j, "found", text_json(c->found));
	json_object_set_new(j, "todo", text_json(c->todo));
	json_object_set_new(j, "code", json_integer(c->code));
	json_array_append_new(arg, j);
}

static int answer_json(const struct facts *f, struct bundle *b,
		       const struct host_bundle *what)
{
	json_t *j = json_object(), *checks = json_array();
	int code = host_judge(&f->host, what, put_json, checks);

	json_object_set_new(j, "schema", json_string("stb-check/1"));
	json_object_set_new(j, "bundle", json_string(bundle_id(f->mem, b)));
	json_object_set_new(j, "host", text_json(f->host.name));
	json_object_set_new(j, "release", text_json(f->host.release));
	json_object_set_new(j, "checks", checks);
	json_object_set_new(j, "status", json_integer(code));
	json_dumpf(j, stdout, JSON_COMPACT);
	puts("");
	json_decref(j);
	return code;
}

int check_facts(struct arena *mem, struct bundle *b, const void *data,
		size_t size, const char *file, const char *facts,
		size_t facts_size, bool as_json)
{
	struct facts *f = NEW(mem, struct facts);
	char id[17] = "?";
	struct host_bundle what = { .index = &b->sets[0], .key_id = id,
				    .id = b->r.header->toc_digest };
	int code = EXIT_DATA;

	f->mem = mem;
	f->file = file;
	if (read_facts(f, facts, facts_size)) {
		what.signature = find_signature(f, b->file, data, size, id);
		what.variant = host_variant(what.index, &f->host.kernel);
		if (what.variant) {
			what.meta = bundle_set(b, what.variant->meta);
			what.kcode = bundle_set(b, what.variant->kcode);
			what.module = bundle_set(b, what.variant->module);
		}
		code = as_json ? answer_json(f, b, &what) :
		       host_judge(&f->host, &what, put_line, NULL);
	}
	json_decref(f->json);
	return code;
}

static int check_files(struct arena *mem, const char *file, const char *facts,
		       bool as_json)
{
	size_t size, facts_size;
	struct bundle b;
	int status = bundle_load(mem, file, &b);
	const char *data, *text;

	if (status)
		return status;
	data = bundle_file(mem, file, &size);
	text = read_file(mem, facts, &facts_size);
	if (!data || !text)
		return cannot_read(data ? facts : file);
	return check_facts(mem, &b, data, size, facts, text, facts_size,
			   as_json);
}

int verb_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "host", required_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 }
	};
	struct arena mem = { 0 };
	const char *facts = NULL;
	bool as_json = false;
	int c, status;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h')
			facts = optarg;
		as_json |= c == 'j';
		if (c == '?')
			return EXIT_USAGE;
	}
	if (!facts || optind != argc - 1) {
		fprintf(stderr, "usage: %s check [--json] --host FACTS.json "
			"FILE\n", argv0);
		return EXIT_USAGE;
	}
	status = check_files(&mem, argv[optind], facts, as_json);
	arena_free(&mem);
	return status;
}
