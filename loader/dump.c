/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dump.c - what a running recorder knows, as lines of JSON: docs/dump.md.
 * Nothing of the session changes.
 */
#include "loader/encode.h"
#include "loader/json.h"
#include "loader/kmod.h"
#include "loader/record.h"
#include "loader/vm.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum {
	TEXT_CHUNK = 32768,
	MAX_PROCESSES = 8192,
	MAX_MAPS = 8 << 20,	/* bytes of lines of processes, together */
	MAX_READ = 256 << 20,	/* ... and of what the kernel says for that */
	DRAIN_EACH = 256,	/* steps, while handlers go on to print */
};

/* --- strings ---------------------------------------------------------------------- */

struct chunk {
	struct sink sink;
	FILE *f;
};

static void chunk_full(struct sink *s)
{
	fwrite(s->buf, 1, s->n, ((struct chunk *)s)->f);
	s->n = 0;
}

static void put_string(FILE *f, const char *text, size_t n)
{
	struct chunk c = {
		.sink = { (char[512]){ 0 }, 0, 512, chunk_full }, .f = f,
	};

	json_quote(&c.sink, text, n);
	chunk_full(&c.sink);
}

static void put_text(FILE *f, const char *name, const char *text)
{
	fprintf(f, ",\"%s\":", name);
	put_string(f, text, strlen(text));
}

/* --- the session --------------------------------------------------------------------- */

/* What runs where. */
static void put_identity(FILE *f, const struct loader *l)
{
	const struct stb_bundle *b = ROW(struct stb_bundle,
			rows_of(&l->index, STB_T_BUNDLE, STB_BUNDLE_FIRST), 0);
	char id[2 * STB_DIGEST_SIZE + 1], kernel[41];
	struct utsname uts;

	uname(&uts);
	put_text(f, "bundle", hex(id, l->reader.header->toc_digest,
				  STB_DIGEST_SIZE));
	put_text(f, "script", stb_string(&l->index, b->script));
	fprintf(f, ",\"generation\":%u", stb_generation(&l->index));
	put_text(f, "variant", stb_string(&l->index, l->variant->name));
	put_text(f, "kernel", uts.release);
	put_text(f, "kernel_build_id", hex(kernel, l->variant->kernel.bytes,
					   l->variant->kernel.len));
	put_text(f, "host", uts.nodename);
	fprintf(f, ",\"pid\":%d", (int)getpid());
}

const char *identity_of(const struct loader *l)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (f)
		put_identity(f, l);
	if (!f || fclose(f))
		die(EXIT_AGAIN, "wanted some memory, got none: try again when "
		    "more is free");
	return text;
}

static void put_head(FILE *f, const struct loader *l)
{
	const struct stb_shared *g = l->shared;
	int status;

	fprintf(f, "{\"schema\":\"stb-dump/1\"");
	put_identity(f, l);
	put_text(f, "format", form_name(l->out.form));
	fprintf(f, ",\"since\":%lld,\"now\":%lld,\"armed\":%llu,"
		"\"events\":%llu,\"errors\":%llu,\"skipped\":%llu,\"lost\":%llu,"
		"\"text_gone\":%llu",
		(long long)record_since(l), (long long)time(NULL),
		(unsigned long long)l->armed,
		(unsigned long long)l->out.messages,
		(unsigned long long)g->errors,
		(unsigned long long)(g->skipped_lock + g->skipped_frame),
		(unsigned long long)g->lost,
		(unsigned long long)history_begin(&l->history));
	if (record_has_ended(l, &status))
		fprintf(f, ",\"ended\":%d", status);
	if (l->out.stuck)
		put_text(f, "output_error", strerror(l->out.stuck));
	fputs("}\n", f);
}

static void put_scalars(FILE *f, const struct loader *l)
{
	for (uint32_t i = 0; i < l->globals.n; i++) {
		const struct stb_global *g =
			ROW(struct stb_global, l->globals, i);
		const char *at = (const char *)l->shared + g->offset;
		int64_t n;

		fputs("{\"global\":", f);
		put_string(f, stb_string(&l->meta, g->name),
			   strlen(stb_string(&l->meta, g->name)));
		fputs(",\"value\":", f);
		if (g->type == 's') {
			put_string(f, at, strnlen(at, g->size));
		} else {
			memcpy(&n, at, sizeof(n));
			fprintf(f, "%lld", (long long)n);
		}
		fputs("}\n", f);
	}
}

static void put_key(FILE *f, const struct loader *l, const struct stb_map *m,
		    const uint8_t *key)
{
	const char *keys = stb_string(&l->meta, m->keys);
	const char *comma = "";

	fputs(",\"key\":[", f);
	while (*keys) {
		bool string = *keys++ == 's';
		uint32_t width = string ? l->limits->string_len : 8;
		int64_t n;

		if (string && isdigit((unsigned char)*keys))
			width = (uint32_t)strtoul(keys, (char **)&keys, 10);
		fputs(comma, f);
		comma = ",";
		if (string) {
			put_string(f, (const char *)key,
				   strnlen((const char *)key, width));
		} else {
			memcpy(&n, key, sizeof(n));
			fprintf(f, "%lld", (long long)n);
		}
		key += width;
	}
	putc(']', f);
}

static void put_stat(FILE *f, const struct stb_map *m, const void *value)
{
	static const char *const names[] = { "count", "sum", "min", "max",
					     "avg" };
	uint32_t n = vm_stat_buckets(m), i;
	const char *comma = "";
	int64_t v;

	fputs(",\"value\":{", f);
	for (i = 0; i < COUNT_OF(names); i++) {
		if (!vm_stat(m, value, (int)i, &v))
			continue;
		fprintf(f, "%s\"%s\":%lld", comma, names[i], (long long)v);
		comma = ",";
	}
	if (n) {
		fprintf(f, "%s\"buckets\":[", comma);
		for (i = 0; i < n; i++)
			fprintf(f, "%s%llu", i ? "," : "", (unsigned long long)
				vm_stat_bucket(value, i));
		putc(']', f);
	}
	putc('}', f);
}

struct put {
	FILE *f;
	struct loader *l;
	uint64_t steps;
	long most;		/* where processes end in f */
	size_t to_read;		/* of their maps */
};

/* One of many that may take long. */
static void step(struct put *p)
{
	if (!(++p->steps % DRAIN_EACH))
		ring_drain(p->l);
}

static void put_element(void *arg, const struct stb_map *m, const uint8_t *key,
			const void *value)
{
	struct put *p = arg;
	const char *name = stb_string(&p->l->meta, m->name);
	int64_t n;

	step(p);

	fputs("{\"array\":", p->f);
	put_string(p->f, name, strlen(name));
	put_key(p->f, p->l, m, key);
	if (m->value == 'x') {
		put_stat(p->f, m, value);
	} else if (m->value == 's') {
		fputs(",\"value\":", p->f);
		put_string(p->f, value, strnlen(value, m->value_size - 8));
	} else {
		memcpy(&n, value, sizeof(n));
		fprintf(p->f, ",\"value\":%lld", (long long)n);
	}
	fputs("}\n", p->f);
}

/* A part of what is kept, from where *at moves to behind it; how much. */
static size_t next_part(const struct history *h, uint64_t *at, char *to)
{
	size_t n = 0, some;
	const char *p;

	while (n < TEXT_CHUNK && (some = history_read(h, at, &p))) {
		if (some > TEXT_CHUNK - n)
			some = TEXT_CHUNK - n;
		memcpy(to + n, p, some);
		n += some;
		*at += some;
	}
	return n;
}

static void put_history(FILE *f, const struct loader *l)
{
	uint64_t at = history_begin(&l->history);
	char part[TEXT_CHUNK];
	size_t n, whole;

	while ((n = next_part(&l->history, &at, part))) {
		/* not in the middle of a character, unless that is the end */
		whole = at < l->history.end ? json_whole(part, n) : n;
		at -= n - whole;
		fputs("{\"text\":", f);
		put_string(f, part, whole);
		fputs("}\n", f);
	}
}

/* --- processes ------------------------------------------------------------------------ */

/* Is there no room for more of processes? */
static bool is_full(const struct put *p)
{
	return ftell(p->f) >= p->most || !p->to_read;
}

/* Code that is mapped from files: "START-END OFFSET PATH". */
static void put_maps(struct put *p, const char *pid)
{
	char path[64], line[4352], perms[8], file[4096];
	unsigned long long start, end, offset;
	const char *comma = "";
	FILE *maps;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
	maps = fopen(path, "re");
	fputs(",\"maps\":[", p->f);
	while (maps && !is_full(p) && fgets(line, sizeof(line), maps)) {
		step(p);
		n = strlen(line);
		p->to_read -= n < p->to_read ? n : p->to_read;
		if (sscanf(line, "%llx-%llx %7s %llx %*s %*s %4095[^\n]",
			   &start, &end, perms, &offset, file) != 5 ||
		    perms[2] != 'x' || file[0] != '/')
			continue;
		fprintf(p->f, "%s[%llu,%llu,%llu,", comma, start, end, offset);
		put_string(p->f, file, strlen(file));
		putc(']', p->f);
		comma = ",";
	}
	putc(']', p->f);
	if (maps)
		fclose(maps);
}

/* false: it is gone. */
static bool put_process(struct put *p, const char *pid)
{
	char path[64], name[64];

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	if (read_small(path, name, sizeof(name)) <= 0)
		return false;
	fprintf(p->f, "{\"process\":%s", pid);
	name[strcspn(name, "\n")] = 0;
	put_text(p->f, "name", name);
	put_maps(p, pid);
	fputs("}\n", p->f);
	return true;
}

static void put_processes(struct put *p)
{
	DIR *proc = opendir("/proc");
	struct dirent *d = NULL;
	unsigned n = 0;

	p->most = ftell(p->f) + MAX_MAPS;
	p->to_read = MAX_READ;
	while (proc && n < MAX_PROCESSES && !is_full(p) &&
	       (d = readdir(proc))) {
		if (isdigit((unsigned char)d->d_name[0]))
			n += put_process(p, d->d_name);
		step(p);
	}
	if (d)
		fputs("{\"processes_cut\":true}\n", p->f);
	if (proc)
		closedir(proc);
}

char *dump_session(struct loader *l, size_t *size)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, size);
	struct put p = { .f = f, .l = l };
	bool whole = true;

	if (!f)
		return NULL;
	put_head(f, l);
	put_history(f, l);	/* before any more comes to it */
	put_scalars(f, l);
	if (in_kmod(l))
		whole = kmod_each_element(l, put_element, &p);
	else if (l->vm)
		vm_each_element(l->vm, put_element, &p);
	put_processes(&p);
	fputs(END_OF_DUMP, f);
	if (fclose(f) || !whole) {	/* no memory */
		free(text);
		*size = 0;
		return NULL;
	}
	return text;
}
