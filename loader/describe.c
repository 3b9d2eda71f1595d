/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * describe.c - facts of this host and what is judged of a bundle, on stdout: for
 * people, and as JSON (docs/preflight.md).
 */
#include "bundler/minisign.h"
#include "loader/facts.h"
#include "loader/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- stdout ------------------------------------------------------------------------ */

static void out_full(struct sink *s)
{
	for (size_t at = 0; at < s->n; ) {
		ssize_t n = write(STDOUT_FILENO, s->buf + at, s->n - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die(EXIT_OUTPUT, "cannot write: %s", strerror(errno));
		at += (size_t)n;
	}
	s->n = 0;
}

static struct sink out_sink(void)
{
	enum { SIZE = 8192 };

	signal(SIGPIPE, SIG_IGN);	/* write() says so as well */
	return (struct sink){ zalloc(SIZE), 0, SIZE, out_full };
}

static void put_id(struct sink *to, const char *name,
		   const struct stb_build_id *id)
{
	char text[41];

	if (id->len) {
		json_text(to, name, hex(text, id->bytes, id->len));
	} else {
		json_key(to, name);
		sink_puts(to, "null");
	}
}

/* --- facts ----------------------------------------------------------------------------- */

static void put_answer(struct sink *to, const char *name, enum host_answer a)
{
	json_key(to, name);
	sink_puts(to, a == HOST_YES ? "true" : a == HOST_NO ? "false" : "null");
}

static void put_features(struct sink *to, const struct host *h)
{
	json_key(to, "features");
	for (int i = 0; i < HOST_FEATURES; i++) {
		if (i) {
			put_answer(to, host_feature_names[i], h->features[i]);
			continue;
		}
		sink_puts(to, "{\"btf\":");
		sink_puts(to, h->features[i] == HOST_YES ? "true" : "false");
	}
	sink_puts(to, "}");
}

static void put_limits(struct sink *to, const struct host *h)
{
	sink_puts(to, ",\"limits\":{\"cpus\":");
	json_number(to, h->cpus);
	json_int(to, "nofile", (int64_t)h->nofile);
	json_int(to, "nofile_max", (int64_t)h->nofile_max);
	json_int(to, "memory_kb", (int64_t)h->memory_kb);
	sink_puts(to, "}");
}

static void put_keys(struct sink *to, const struct loader *l)
{
	char id[17], key[65];

	json_key(to, "keys");
	sink_puts(to, "[");
	for (unsigned i = 0; i < l->nkeys; i++) {
		sink_puts(to, i ? ",{\"id\":\"" : "{\"id\":\"");
		sink_puts(to, minisign_id(id, l->keys[i].id));
		sink_puts(to, "\"");
		json_text(to, "key", hex(key, l->keys[i].key, 32));
		sink_puts(to, "}");
	}
	sink_puts(to, "]");
}

static void put_modules(struct sink *to)
{
	DIR *dir = opendir("/sys/module");
	struct dirent *d;
	bool any = false;

	json_key(to, "modules");
	sink_puts(to, "[");
	while (dir && (d = readdir(dir))) {
		struct host_build b = { .path = d->d_name, .is_module = true };

		if (*d->d_name == '.')
			continue;
		facts_module(&b);
		if (b.state != BUILD_THERE)
			continue;	/* it is a part of the kernel */
		sink_puts(to, any ? ",{\"name\":" : "{\"name\":");
		json_quote(to, d->d_name, strlen(d->d_name));
		put_id(to, "build_id", &b.id);
		sink_puts(to, "}");
		any = true;
	}
	if (dir)
		closedir(dir);
	sink_puts(to, "]");
}

/* As bundles name them, which is from the root on; what is not there, too. */
static const char *whole_path(const char *path)
{
	char *cwd, *whole = *path == '/' ? NULL : realpath(path, NULL);

	if (*path == '/' || whole)
		return whole ? whole : path;
	while (!strncmp(path, "./", 2))
		path += 2;
	cwd = getcwd(NULL, 0);
	return cwd && asprintf(&whole, "%s/%s", cwd, path) > 0 ? whole : path;
}

static void put_programs(struct sink *to, char **paths, int n)
{
	static const char *const states[] = { "unknown", "absent", "unreadable",
					      "there" };

	json_key(to, "programs");
	sink_puts(to, "[");
	for (int i = 0; i < n; i++) {
		struct host_build b = { .path = whole_path(paths[i]) };

		facts_program(&b);
		sink_puts(to, i ? ",\n{\"path\":" : "\n{\"path\":");
		json_quote(to, b.path, strlen(b.path));
		json_text(to, "state", states[b.state]);
		put_id(to, "build_id", &b.id);
		sink_puts(to, "}");
	}
	sink_puts(to, "]");
}

int describe_host(struct loader *l)
{
	struct sink to = out_sink();
	char caps[24];
	struct host h;

	facts_read(&h);
	if (is_trusted_caller(l))
		facts_try(&h);
	sink_puts(&to, "{\"schema\":\"stb-host/1\"");
	json_text(&to, "host", h.name);
	json_text(&to, "machine", h.machine);
	json_text(&to, "release", h.release);
	json_text(&to, "version", h.version);
	put_id(&to, "kernel_build_id", &h.kernel);
	json_int(&to, "uid", h.uid);
	json_text(&to, "level", host_level_names[l->rights.level]);
	snprintf(caps, sizeof(caps), "%#llx", (unsigned long long)h.caps);
	json_text(&to, "capabilities", caps);
	json_text(&to, "lockdown", host_lockdown_names[h.lockdown]);
	put_answer(&to, "sig_enforce", h.sig_enforce);
	json_text(&to, "module_loading", host_loading_names[h.loading]);
	json_text(&to, "addresses", host_addresses_names[h.addresses]);
	sink_puts(&to, "\n");
	put_features(&to, &h);
	put_limits(&to, &h);
	put_keys(&to, l);
	json_text(&to, "recalled", read_recalled());
	sink_puts(&to, "\n");
	put_modules(&to);
	put_programs(&to, l->opt.vars, l->opt.nvars);
	sink_puts(&to, "}\n");
	out_full(&to);
	return 0;
}

/* --- --check ------------------------------------------------------------------------------- */

struct told {
	struct sink to;
	bool as_json;
	unsigned n;
};

static void tell_check(void *arg, const struct host_check *c)
{
	struct told *t = arg;
	char line[2048];

	if (!t->as_json) {
		sink_put(&t->to, line, host_line(c, line, sizeof(line)));
		sink_puts(&t->to, "\n");
		return;
	}
	sink_puts(&t->to, t->n++ ? ",\n{\"name\":" : "\n{\"name\":");
	json_quote(&t->to, c->name, strlen(c->name));
	json_text(&t->to, "result", host_result_name(c->result));
	json_text(&t->to, "subject", c->subject);
	json_text(&t->to, "wanted", c->wanted);
	json_text(&t->to, "found", c->found);
	json_text(&t->to, "todo", c->todo);
	json_int(&t->to, "code", c->code);
	sink_puts(&t->to, "}");
}

int check_told(struct loader *l, const struct host *h,
	       const struct host_bundle *b)
{
	struct told t = { .to = out_sink(), .as_json = l->opt.check_json };
	char id[2 * STB_DIGEST_SIZE + 1];
	int code;

	if (t.as_json) {
		sink_puts(&t.to, "{\"schema\":\"stb-check/1\"");
		json_text(&t.to, "bundle", hex(id,
			  l->reader.header->toc_digest, STB_DIGEST_SIZE));
		json_text(&t.to, "host", h->name);
		json_text(&t.to, "release", h->release);
		json_key(&t.to, "checks");
		sink_puts(&t.to, "[");
	}
	code = host_judge(h, b, tell_check, &t);
	if (t.as_json) {
		sink_puts(&t.to, "]");
		json_int(&t.to, "status", code);
		sink_puts(&t.to, "}\n");
	}
	out_full(&t.to);
	return code;
}
