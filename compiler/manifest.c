/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * manifest.c - reads YAML manifests into struct manifest.
 *
 * In: files named by --manifest. Out: declared kernels and program builds
 * with absolute paths, what a sysroot holds found at the usual places.
 * Holds afterwards: each kernel's vmlinux and each program's file exists.
 * libcyaml checks the shape; a second look by libyaml gives the places that
 * later complaints point at. docs/manifest.md says what may be written.
 */
#include "target.h"
#include "stap.h"

#include <cyaml/cyaml.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <yaml.h>

const struct tag E_MANIFEST[1] = { { "manifest", "manifest error" } };

/* --- the schema ----------------------------------------------------------- */

struct kernel_yaml {
	char *name, *release, *sysroot;
	char *vmlinux, *modules, *headers, *config, *system_map;
};

struct program_yaml {
	char *path, *file, *debug;
};

struct manifest_yaml {
	struct kernel_yaml *kernels;
	struct program_yaml *programs;
	unsigned kernels_count, programs_count;
};

#define FIELD(type, member, flags) \
	CYAML_FIELD_STRING_PTR(#member, CYAML_FLAG_POINTER | (flags), \
			       struct type, member, 1, PATH_MAX)
#define WANTED(type, member)	FIELD(type, member, 0)
#define OPTIONAL(type, member)	FIELD(type, member, CYAML_FLAG_OPTIONAL)

static const cyaml_schema_field_t kernel_fields[] = {
	WANTED(kernel_yaml, name),
	WANTED(kernel_yaml, release),
	OPTIONAL(kernel_yaml, sysroot),
	OPTIONAL(kernel_yaml, vmlinux),
	OPTIONAL(kernel_yaml, modules),
	OPTIONAL(kernel_yaml, headers),
	OPTIONAL(kernel_yaml, config),
	OPTIONAL(kernel_yaml, system_map),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t program_fields[] = {
	WANTED(program_yaml, path),
	WANTED(program_yaml, file),
	OPTIONAL(program_yaml, debug),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t kernel_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct kernel_yaml,
			    kernel_fields)
};

static const cyaml_schema_value_t program_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct program_yaml,
			    program_fields)
};

static const cyaml_schema_field_t manifest_fields[] = {
	CYAML_FIELD_SEQUENCE("kernels",
			     CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			     struct manifest_yaml, kernels, &kernel_value,
			     0, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("programs",
			     CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			     struct manifest_yaml, programs, &program_value,
			     0, CYAML_UNLIMITED),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t manifest_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct manifest_yaml,
			    manifest_fields)
};

/* --- reading ---------------------------------------------------------------- */

struct reader {
	struct job *j;
	struct arena *mem;
	struct source *src;
	const char *folder;	/* that the manifest lies in, with '/' */
	yaml_document_t doc;
	bool ok;
	/* what libcyaml's log said */
	char message[512];
	size_t line, col;
};

static struct span span_at(const struct reader *r, size_t line, size_t col)
{
	struct span s = { .src = r->src, .len = 1 };
	const char *p = r->src->text, *nl;

	while (line > 1 && (nl = strchr(p, '\n'))) {
		p = nl + 1;
		line--;
	}
	s.off = (uint32_t)(p - r->src->text);
	while (col-- > 1 && *p && *p != '\n') {
		s.off++;
		p++;
	}
	s.len = (uint32_t)strcspn(p, " \t\n:,#");
	if (!s.len)
		s.len = 1;
	return s;
}

/*
 * libcyaml reports an error first and then the path to it, deepest step
 * first: keep the first of each.
 */
static void hear_log(cyaml_log_t level, void *ctx, const char *fmt, va_list ap)
{
	struct reader *r = ctx;
	char text[512], *at, *s = text;

	if (level < CYAML_LOG_ERROR)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = 0;
	at = strstr(text, "(line: ");
	if (at) {
		if (!r->line)
			sscanf(at, "(line: %zu, column: %zu)", &r->line,
			       &r->col);
		return;
	}
	if (!strncmp(s, "Load: ", 6))
		s += 6;
	if (!r->message[0] && !strstr(s, "Backtrace"))
		snprintf(r->message, sizeof(r->message), "%s", s);
}

static bool refuse(struct reader *r, struct span at, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
static bool refuse(struct reader *r, struct span at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(r->j, at, E_MANIFEST, "%s", arena_vprintf(r->mem, fmt, ap));
	va_end(ap);
	r->ok = false;
	return false;
}

static yaml_node_t *child(struct reader *r, yaml_node_t *n, const char *key)
{
	yaml_node_pair_t *p;

	if (!n || n->type != YAML_MAPPING_NODE)
		return NULL;
	for (p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *k = yaml_document_get_node(&r->doc, p->key);

		if (k->type == YAML_SCALAR_NODE &&
		    !strcmp((char *)k->data.scalar.value, key))
			return yaml_document_get_node(&r->doc, p->value);
	}
	return NULL;
}

/* Where the i-th entry of LIST, or its KEY, is written. */
static struct span place_of(struct reader *r, const char *list, unsigned i,
			    const char *key)
{
	yaml_node_t *n, *v;

	n = child(r, yaml_document_get_root_node(&r->doc), list);
	if (!n || n->type != YAML_SEQUENCE_NODE)
		return span_at(r, 1, 1);
	n = yaml_document_get_node(&r->doc,
				   n->data.sequence.items.start[i]);
	v = key ? child(r, n, key) : NULL;
	if (v)
		n = v;
	return span_at(r, n->start_mark.line + 1, n->start_mark.column + 1);
}

static const char *where(struct reader *r, const char *list, unsigned i)
{
	unsigned line, col;

	span_line_col(place_of(r, list, i, NULL), &line, &col);
	return arena_printf(r->mem, "%s:%u", r->src->name, line);
}

/* --- paths -------------------------------------------------------------- */

static const char *under(struct reader *r, const char *base, const char *path)
{
	if (path[0] == '/')
		return arena_strdup(r->mem, path);
	return arena_printf(r->mem, "%s/%s", base, path);
}

/* base without the slash at its end; "." for none; absolute. */
static const char *absolute(struct arena *mem, const char *path)
{
	char *real = realpath(path, NULL);
	const char *s = real ? arena_strdup(mem, real) : path;

	free(real);
	return s;
}

static bool is_there(const char *path)
{
	return access(path, R_OK) == 0;
}

/* The first of the usual places that is there; %s in them is the release. */
static const char *usual(struct arena *mem, const char *root,
			 const char *release, const char *const *places)
{
	for (; *places; places++) {
		struct text t = { .mem = mem };
		const char *p = *places;

		text_printf(&t, "%s/", root);
		for (; *p; p++)
			if (p[0] == '%' && p[1] == 's') {
				text_puts(&t, release);
				p++;
			} else {
				text_putc(&t, *p);
			}
		if (is_there(t.s))
			return t.s;
	}
	return NULL;
}

static const char *const vmlinux_places[] = {
	"usr/lib/debug/boot/vmlinux-%s",
	"usr/lib/debug/lib/modules/%s/vmlinux",
	"usr/lib/debug/vmlinux-%s",
	"lib/modules/%s/build/vmlinux",
	"vmlinux",
	NULL
};
static const char *const module_places[] = {
	"usr/lib/debug/lib/modules/%s", "lib/modules/%s",
	"usr/lib/modules/%s", NULL
};
static const char *const header_places[] = {
	"usr/src/linux-headers-%s", "usr/src/kernels/%s",
	"lib/modules/%s/build", NULL
};
static const char *const config_places[] = {
	"boot/config-%s", "lib/modules/%s/config",
	"usr/src/linux-headers-%s/.config", NULL
};
static const char *const map_places[] = {
	"usr/lib/debug/boot/System.map-%s", "boot/System.map-%s",
	"lib/modules/%s/System.map", NULL
};

static void find_usual(struct arena *mem, struct kernel_decl *k,
		       const char *root)
{
	const char *v = k->release;

	if (!k->vmlinux)
		k->vmlinux = usual(mem, root, v, vmlinux_places);
	if (!k->modules)
		k->modules = usual(mem, root, v, module_places);
	if (!k->headers)
		k->headers = usual(mem, root, v, header_places);
	if (!k->config)
		k->config = usual(mem, root, v, config_places);
	if (!k->system_map)
		k->system_map = usual(mem, root, v, map_places);
}

/* --- entries ------------------------------------------------------------ */

/* A named path: absolute, and there; NULL if it was not named. */
static const char *named(struct reader *r, const char *list, unsigned i,
			 const char *key, const char *base, const char *path)
{
	const char *full;

	if (!path)
		return NULL;
	full = under(r, base, path);
	if (!is_there(full))
		refuse(r, place_of(r, list, i, key), "%s \"%s\": %s", key,
		       full, strerror(errno));
	return full;
}

static void add_kernel(struct reader *r, struct manifest *m, unsigned i,
		       const struct kernel_yaml *y)
{
	struct kernel_decl *k = NEW(r->mem, struct kernel_decl);
	const char *root = r->folder, *p;
	size_t o;

	k->name = arena_strdup(r->mem, y->name);
	k->release = arena_strdup(r->mem, y->release);
	k->where = where(r, "kernels", i);
	for (p = k->name; isalnum((unsigned char)*p) || strchr("._+-", *p); p++)
		if (!*p)
			break;
	if (*p || k->name[0] == '.')
		refuse(r, place_of(r, "kernels", i, "name"),
		       "a kernel's name is made of letters, digits, '.', '_', "
		       "'+' and '-', not \"%s\"", k->name);
	for (o = 0; o < m->kernels.n; o++)
		if (!strcmp(m->kernels.v[o]->name, k->name))
			refuse(r, place_of(r, "kernels", i, "name"),
			       "kernel \"%s\" is declared already at %s",
			       k->name, m->kernels.v[o]->where);
	if (y->sysroot)
		root = named(r, "kernels", i, "sysroot", root, y->sysroot);
	k->vmlinux = named(r, "kernels", i, "vmlinux", root, y->vmlinux);
	k->modules = named(r, "kernels", i, "modules", root, y->modules);
	k->headers = named(r, "kernels", i, "headers", root, y->headers);
	k->config = named(r, "kernels", i, "config", root, y->config);
	k->system_map = named(r, "kernels", i, "system_map", root,
			      y->system_map);
	if (y->sysroot)
		find_usual(r->mem, k, root);
	if (!k->vmlinux && r->ok)
		refuse(r, place_of(r, "kernels", i, NULL),
		       "kernel \"%s\" has no vmlinux with debuginfo: name it, "
		       "or a sysroot that holds "
		       "usr/lib/debug/boot/vmlinux-%s%s%s", k->name,
		       k->release, y->sysroot ? "; looked in " : "",
		       y->sysroot ? root : "");
	vec_push(r->mem, &m->kernels, k);
}

static void add_program(struct reader *r, struct manifest *m, unsigned i,
			const struct program_yaml *y)
{
	struct program_decl *p = NEW(r->mem, struct program_decl);

	p->path = arena_strdup(r->mem, y->path);
	p->where = where(r, "programs", i);
	if (p->path[0] != '/')
		refuse(r, place_of(r, "programs", i, "path"),
		       "the path on the target must be absolute, not \"%s\"",
		       p->path);
	p->file = named(r, "programs", i, "file", r->folder, y->file);
	p->debug = named(r, "programs", i, "debug", r->folder, y->debug);
	vec_push(r->mem, &m->programs, p);
}

/* --- a file --------------------------------------------------------------- */

/* libcyaml tells where the entry before an unknown key is: look for the key. */
static struct span blamed(struct reader *r)
{
	static const char unexpected[] = "Unexpected key: ";
	const char *key = r->message + sizeof(unexpected) - 1;
	yaml_node_t *n;

	if (!strncmp(r->message, unexpected, sizeof(unexpected) - 1))
		for (n = r->doc.nodes.start; n < r->doc.nodes.top; n++)
			if (n->type == YAML_SCALAR_NODE &&
			    n->start_mark.line + 1 >= r->line &&
			    !strcmp((char *)n->data.scalar.value, key))
				return span_at(r, n->start_mark.line + 1,
					       n->start_mark.column + 1);
	return r->line ? span_at(r, r->line, r->col) : span_at(r, 1, 1);
}

static struct manifest_yaml *load_yaml(struct reader *r,
				       const cyaml_config_t *config)
{
	struct manifest_yaml *y = NULL;
	cyaml_err_t err;

	err = cyaml_load_data((const uint8_t *)r->src->text, r->src->size,
			      config, &manifest_value, (cyaml_data_t **)&y,
			      NULL);
	if (err == CYAML_OK && y)
		return y;
	refuse(r, blamed(r), "%s", r->message[0] ?
	       r->message : err == CYAML_OK ? "the manifest is empty" :
	       cyaml_strerror(err));
	return NULL;
}

/* Text that is no YAML at all: libyaml says where, libcyaml does not. */
static bool load_places(struct reader *r)
{
	yaml_parser_t parser;
	bool ok;

	if (!yaml_parser_initialize(&parser))
		die("out of memory");
	yaml_parser_set_input_string(&parser,
				     (const unsigned char *)r->src->text,
				     r->src->size);
	ok = yaml_parser_load(&parser, &r->doc);
	if (!ok)
		refuse(r, span_at(r, parser.problem_mark.line + 1,
				  parser.problem_mark.column + 1),
		       "this is no YAML: %s", parser.problem ?
		       parser.problem : "unreadable");
	yaml_parser_delete(&parser);
	return ok;
}

static const char *folder_of(struct arena *mem, const char *file)
{
	const char *slash = strrchr(file, '/');

	if (!slash)
		return absolute(mem, ".");
	return absolute(mem, arena_strndup(mem, file,
					   (size_t)(slash - file) + 1));
}

bool manifest_read(struct job *j, const char *file, struct manifest *m)
{
	struct reader r = { .j = j, .mem = &j->mem, .ok = true };
	cyaml_config_t config = {
		.log_fn = hear_log, .log_ctx = &r, .mem_fn = cyaml_mem,
		.log_level = CYAML_LOG_ERROR,
	};
	struct manifest_yaml *y;
	unsigned i;

	r.src = NEW(r.mem, struct source);
	r.src->name = file;
	r.src->text = read_file(r.mem, file, &r.src->size);
	if (!r.src->text)
		die("cannot read manifest %s: %s", file, strerror(errno));
	r.folder = folder_of(r.mem, file);
	if (!load_places(&r))
		return false;
	y = load_yaml(&r, &config);
	if (y) {
		for (i = 0; i < y->kernels_count; i++)
			add_kernel(&r, m, i, &y->kernels[i]);
		for (i = 0; i < y->programs_count; i++)
			add_program(&r, m, i, &y->programs[i]);
		if (!y->kernels_count && !y->programs_count)
			refuse(&r, span_at(&r, 1, 1),
			       "the manifest declares nothing");
		cyaml_free(&config, &manifest_value, y, 0);
	}
	yaml_document_delete(&r.doc);
	return r.ok;
}

void manifest_host(struct job *j, struct manifest *m)
{
	struct kernel_decl *k = NEW(&j->mem, struct kernel_decl);
	struct utsname u;

	if (uname(&u) < 0)
		die("uname: %s", strerror(errno));
	k->name = "host";
	k->release = arena_strdup(&j->mem, u.release);
	k->is_host = true;
	k->where = "this host";
	find_usual(&j->mem, k, "");
	vec_push(&j->mem, &m->kernels, k);
}
