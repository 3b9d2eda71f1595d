/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * manifest.c - what a manifest may say, and where its complaints point.
 * links: compiler -lcyaml -lyaml
 */
#include "compiler/target.h"
#include "compiler/stap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failed;

#define CHECK(x) \
	((x) ? (void)0 : (void)(failed++, fprintf(stderr, "%d: %s\n", \
						   __LINE__, #x)))

static void put(const char *path, const char *text)
{
	if (!write_file(path, text, strlen(text)))
		die("cannot write %s", path);
}

/* What is complained of TEXT; "" if nothing is. */
static const char *complaint(struct arena *mem, const char *text)
{
	struct options opt = { 0 };
	struct job j = { .opt = &opt };
	struct manifest m = { 0 };
	char *said;
	int keep = dup(2);

	put("m.yaml", text);
	fflush(stderr);
	if (!freopen("said", "w", stderr))
		exit(2);
	CHECK(manifest_read(&j, "m.yaml", &m) == !j.errors);
	fflush(stderr);
	dup2(keep, 2);
	close(keep);
	said = read_file(mem, "said", NULL);
	arena_free(&j.mem);
	return said ? said : "";
}

static void expect(const char *text, const char *message, const char *place)
{
	struct arena mem = { 0 };
	const char *said = complaint(&mem, text);

	if (!strstr(said, message) || !strstr(said, place)) {
		fprintf(stderr, "wanted: %s ... %s\ngot: %s\n", message, place,
			said);
		failed++;
	}
	arena_free(&mem);
}

static void refusals(void)
{
	expect("kernels:\n  - name: a\n    relase: x\n",
	       "Unexpected key: relase", "m.yaml:3:5");
	expect("kernels:\n  - name: a\n", "Missing required mapping field: "
	       "release", "m.yaml:2:");
	expect("kernels:\n  - name: [a]\n    release: x\n",
	       "Expecting STRING", "m.yaml:2:11");
	expect("kernels: 5\n", "Expecting SEQUENCE", "m.yaml:1:10");
	expect("programs: [\n", "this is no YAML", "m.yaml:2:1");
	expect("kernels: []\n", "declares nothing", "m.yaml:1:1");
	expect("kernels:\n  - name: a\n    release: b\n    sysroot: gone\n",
	       "sysroot \"", "m.yaml:4:14");
	expect("kernels:\n  - name: a b\n    release: b\n    vmlinux: v\n",
	       "a kernel's name is made of", "m.yaml:2:11");
	expect("kernels:\n  - name: a\n    release: b\n    sysroot: root\n",
	       "has no vmlinux with debuginfo", "m.yaml:2:5");
	expect("programs:\n  - path: bin/x\n    file: v\n",
	       "must be absolute", "m.yaml:2:11");
	expect("programs:\n  - path: /bin/x\n    file: x\n",
	       "No such file", "m.yaml:3:11");
	expect("kernels:\n  - name: a\n    release: b\n    vmlinux: v\n"
	       "  - name: a\n    release: c\n    vmlinux: v\n",
	       "kernel \"a\" is declared already at m.yaml:2", "m.yaml:5:11");
}

static void places(void)
{
	struct options opt = { 0 };
	struct job j = { .opt = &opt };
	struct manifest m = { 0 };
	struct kernel_decl *k;

	if (system("mkdir -p root/boot root/usr/lib/debug/boot && "
		   "touch v root/boot/config-7 root/own-map "
		   "root/usr/lib/debug/boot/vmlinux-7"))
		exit(2);
	put("m.yaml", "kernels:\n  - name: a\n    release: 7\n"
	    "    sysroot: root\n    system_map: own-map\n"
	    "programs:\n  - {path: /x, file: v}\n  - {path: /x, file: v}\n");
	CHECK(manifest_read(&j, "m.yaml", &m));
	CHECK(m.kernels.n == 1 && m.programs.n == 2);
	if (failed)
		return;
	k = m.kernels.v[0];
	CHECK(k->vmlinux[0] == '/');
	CHECK(strstr(k->vmlinux, "root/usr/lib/debug/boot/vmlinux-7"));
	CHECK(strstr(k->config, "root/boot/config-7"));
	CHECK(strstr(k->system_map, "root/own-map"));
	CHECK(!k->headers && !k->modules);
	CHECK(!strcmp(m.programs.v[1]->where, "m.yaml:8"));
	arena_free(&j.mem);
}

int main(void)
{
	char dir[] = "/tmp/manifest.XXXXXX";

	if (!mkdtemp(dir) || chdir(dir) || system("mkdir root && touch v"))
		return 2;
	refusals();
	places();
	if (system("rm -rf root v m.yaml said") || rmdir(dir))
		return 2;
	return failed != 0;
}
