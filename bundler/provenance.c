/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * provenance.c - stb sbom and stb provenance: what a bundle is made of and how it
 * was made, for those who collect such statements: SPDX 2.3, and an in-toto
 * statement of SLSA provenance, both JSON. All that they say is in the bundle or
 * its bytes, so the same bundle gives the same text, wherever it is asked.
 */
#include "bundler/bundle.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define BUILD_TYPE "urn:stb:stapc:1"

struct facts {
	struct arena mem;
	struct bundle b;
	const char *file, *sha256, *id;
	const struct stb_bundle *row;
	const struct stb_set *index;
	json_t *packages, *relations;
};

/* JSON is UTF-8: other bytes become '?'. */
static json_t *text(struct facts *f, const char *s)
{
	json_t *j = json_string(s);
	char *copy;

	if (j)
		return j;
	copy = arena_strdup(&f->mem, s);
	for (char *p = copy; *p; p++)
		if (*p & 0x80)
			*p = '?';
	return json_string(copy);
}

static const char *sha256(struct facts *f, const void *data, size_t n)
{
	uint8_t sum[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(sum, data, n);
	return hex_text(&f->mem, sum, sizeof(sum));
}

static const void *rows(const struct stb_set *s, uint32_t kind, size_t size,
			uint32_t *n, uint32_t *stride)
{
	const void *p = stb_table(s, kind, size, n, stride);

	if (!p)
		*n = 0;
	return p;
}

/* The script's own text, of the first variant that has it. */
static const char *script_sum(struct facts *f)
{
	uint32_t n, stride, size, one;
	const void *v = rows(f->index, STB_T_VARIANTS,
			     sizeof(struct stb_variant), &n, &stride);

	for (uint32_t i = 0; i < n; i++) {
		const struct stb_variant *p = STB_ROW(struct stb_variant, v,
						      stride, i);
		const struct stb_set *set = bundle_set(&f->b, p->script);
		const void *s = set ? rows(set, STB_T_SOURCE, 1, &size, &one) :
			NULL;

		if (s)
			return sha256(f, s, size);
	}
	return NULL;
}

static const char *build_id(struct facts *f, const struct stb_build_id *id)
{
	return id->len ? hex_text(&f->mem, id->bytes, id->len) : NULL;
}

/* Calls each with name, version or NULL, and build-id or NULL, for kernels and
   for what else was declared and probed; the same once. */
static void each_input(struct facts *f, void (*each)(struct facts *f,
		       void *arg, const char *name, const char *version,
		       const char *id), void *arg)
{
	struct dict seen = { .mem = &f->mem };
	uint32_t n, stride, nb, bstride;
	const void *v = rows(f->index, STB_T_VARIANTS,
			     sizeof(struct stb_variant), &n, &stride);

	for (uint32_t i = 0; i < n; i++) {
		const struct stb_variant *p = STB_ROW(struct stb_variant, v,
						      stride, i);
		const struct stb_set *meta = bundle_set(&f->b, p->meta);
		const void *b = rows(meta, STB_T_BUILDS,
				     sizeof(struct stb_program_build), &nb,
				     &bstride);

		each(f, arg, "linux", stb_string(f->index, p->release),
		     build_id(f, &p->kernel));
		for (uint32_t k = 0; k < nb; k++) {
			const struct stb_program_build *one = STB_ROW(
				struct stb_program_build, b, bstride, k);
			const char *path = stb_string(meta, one->path);
			const char *id = build_id(f, &one->id);
			void **at = dict_at(&seen, arena_printf(&f->mem,
					    "%s %s", path, id ? id : ""));

			if (!*at)
				each(f, arg, path, NULL, id);
			*at = f;
		}
	}
}

/* Of the bundle's own epoch: 1970 where it has none, 9999 where it has more. */
static const char *created(struct facts *f)
{
	uint64_t t = f->row->epoch < LAST_EPOCH ? f->row->epoch : LAST_EPOCH;
	char *s = arena_alloc(&f->mem, 32);

	return time_text(s, 32, "%Y-%m-%dT%H:%M:%SZ", (int64_t)t);
}

/* --- SPDX ------------------------------------------------------------------------ */

static void relate(struct facts *f, const char *a, const char *how,
		   const char *b)
{
	json_array_append_new(f->relations, json_pack("{s:s, s:s, s:s}",
			      "spdxElementId", a, "relationshipType", how,
			      "relatedSpdxElement", b));
}

static json_t *package(struct facts *f, const char *ref, const char *name,
		       const char *version, const char *license)
{
	json_t *p = json_pack("{s:s, s:o, s:s, s:b, s:s, s:s, s:s}",
			      "SPDXID", ref, "name", text(f, name),
			      "downloadLocation", "NOASSERTION",
			      "filesAnalyzed", 0,
			      "licenseConcluded", "NOASSERTION",
			      "licenseDeclared", license,
			      "copyrightText", "NOASSERTION");

	if (version && *version)
		json_object_set_new(p, "versionInfo", text(f, version));
	json_array_append_new(f->packages, p);
	return p;
}

static void sum_of(json_t *p, const char *sum)
{
	json_object_set_new(p, "checksums", json_pack("[{s:s, s:s}]",
			    "algorithm", "SHA256", "checksumValue", sum));
}

static void add_input(struct facts *f, void *arg, const char *name,
		      const char *version, const char *id)
{
	const char *ref = arena_printf(&f->mem, "SPDXRef-Input-%zu",
				       json_array_size(f->packages));
	json_t *p = package(f, ref, name, version, "NOASSERTION");

	if (id)
		json_object_set_new(p, "comment", json_string(arena_printf(
				    &f->mem, "GNU build-id %s", id)));
	relate(f, ref, "PREREQUISITE_FOR", "SPDXRef-Bundle");
}

static json_t *spdx(struct facts *f)
{
	const char *script = stb_string(f->index, f->row->script);
	const char *compiler = stb_string(f->index, f->row->compiler);
	const char *sum = script_sum(f);
	json_t *p;

	f->packages = json_array();
	f->relations = json_array();
	p = package(f, "SPDXRef-Bundle", base_name(f->file), f->id,
		    "NOASSERTION");
	sum_of(p, f->sha256);
	relate(f, "SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Bundle");
	p = package(f, "SPDXRef-Script", script, NULL, "NOASSERTION");
	if (sum)
		sum_of(p, sum);
	relate(f, "SPDXRef-Bundle", "GENERATED_FROM", "SPDXRef-Script");
	package(f, "SPDXRef-Compiler", "stapc", strncmp(compiler, "stapc ", 6)
		? compiler : compiler + 6, "GPL-2.0-or-later");
	relate(f, "SPDXRef-Compiler", "BUILD_TOOL_OF", "SPDXRef-Bundle");
	each_input(f, add_input, NULL);
	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:{s:s, s:[o]}, s:o, s:o}",
			 "spdxVersion", "SPDX-2.3", "dataLicense", "CC0-1.0",
			 "SPDXID", "SPDXRef-DOCUMENT",
			 "name", text(f, base_name(f->file)),
			 "documentNamespace", arena_printf(&f->mem,
				"urn:stb:%s", f->id),
			 "creationInfo", "created", created(f), "creators",
			 text(f, arena_printf(&f->mem, "Tool: %s", compiler)),
			 "packages", f->packages, "relationships",
			 f->relations);
}

/* --- in-toto, SLSA ------------------------------------------------------------------- */

static void add_dependency(struct facts *f, void *list, const char *name,
			   const char *version, const char *id)
{
	json_t *d = json_object();

	json_object_set_new(d, "name", text(f, name));
	if (version && *version)
		json_object_set_new(d, "annotations", json_pack("{s:o}",
				    "release", text(f, version)));
	if (id)
		json_object_set_new(d, "digest", json_pack("{s:s}",
				    "gnuBuildId", id));
	json_array_append_new(list, d);
}

static json_t *statement(struct facts *f)
{
	static const char *const levels[] = { "stapdev", "stapsys", "stapusr" };
	const char *script = stb_string(f->index, f->row->script);
	const char *compiler = stb_string(f->index, f->row->compiler);
	const char *sum = script_sum(f);
	json_t *inputs = json_array(), *s = json_object();

	json_object_set_new(s, "name", text(f, script));
	if (sum)
		json_object_set_new(s, "digest", json_pack("{s:s}", "sha256",
				    sum));
	json_array_append_new(inputs, s);
	each_input(f, add_dependency, inputs);
	return json_pack("{s:s, s:[{s:o, s:{s:s}}], s:s, s:{s:{s:s, s:{s:o, "
			 "s:s, s:I}, s:o}, s:{s:{s:s, s:{s:o}}, s:{s:s}}}}",
		"_type", "https://in-toto.io/Statement/v1",
		"subject", "name", text(f, base_name(f->file)),
			"digest", "sha256", f->sha256,
		"predicateType", "https://slsa.dev/provenance/v1",
		"predicate",
		"buildDefinition", "buildType", BUILD_TYPE,
			"externalParameters",
				"script", text(f, script),
				"privilege", levels[stb_privilege(f->index)],
				"generation",
				(json_int_t)bundle_generation(&f->b),
			"resolvedDependencies", inputs,
		"runDetails", "builder", "id", BUILD_TYPE,
				"version", "stapc", text(f, compiler),
			"metadata", "invocationId", f->id);
}

/* --- the verbs -------------------------------------------------------------------------- */

static int write_json(struct facts *f, json_t *j, const char *out)
{
	char *text = json_dumps(j, JSON_INDENT(2));
	const char *s;
	int status = 0;

	json_decref(j);
	if (!text)
		bug("JSON that cannot be written");
	s = arena_printf(&f->mem, "%s\n", text);
	free(text);
	if (!out)
		fputs(s, stdout);
	else if (!write_file(out, s, strlen(s))) {
		wrong(out, 0, "%s", strerror(errno));
		status = EXIT_CANT_WRITE;
	}
	return status;
}

static int state(int argc, char **argv, const char *verb,
		 json_t *(*make)(struct facts *f))
{
	struct facts f = { 0 };
	const char *out = NULL;
	uint32_t n, stride;
	size_t size;
	char *data;
	int c, status;

	while ((c = getopt(argc, argv, "o:")) != -1)
		if (c != 'o')
			return EXIT_USAGE;
		else
			out = optarg;
	if (argc - optind != 1) {
		fprintf(stderr, "usage: %s %s [-o OUT] FILE\n", argv0, verb);
		return EXIT_USAGE;
	}
	f.file = argv[optind];
	status = bundle_load(&f.mem, f.file, &f.b);
	data = status ? NULL : read_file(&f.mem, f.file, &size);
	if (data) {
		f.index = &f.b.sets[0];
		f.row = rows(f.index, STB_T_BUNDLE, STB_BUNDLE_FIRST, &n,
			     &stride);
		f.sha256 = sha256(&f, data, size);
		f.id = bundle_id(&f.mem, &f.b);
		status = write_json(&f, make(&f), out);
	}
	arena_free(&f.mem);
	return status;
}

int verb_sbom(int argc, char **argv)
{
	return state(argc, argv, "sbom", spdx);
}

int verb_provenance(int argc, char **argv)
{
	return state(argc, argv, "provenance", statement);
}
