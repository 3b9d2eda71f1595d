/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine.c - which engine a kernel gets. In: what the command asks for. For
 * `auto`, bpf is tried; where nothing is wrong with the script but that bpf
 * cannot do it, the module engine is, and why is said in one line.
 */
#include "driver.h"

#include <stdlib.h>
#include <unistd.h>

static bool has_runtime(const struct command *cmd)
{
	struct arena mem = { 0 };
	bool yes = cmd->opt.share_dir &&
		!access(arena_printf(&mem, "%s/runtime/kmod/engine.h",
				     cmd->opt.share_dir), R_OK);

	arena_free(&mem);
	return yes;
}

/* What a module is compiled with. */
static void want_headers(const struct command *cmd, const struct kernel_decl *k)
{
	if (!has_runtime(cmd))
		die("--engine=module: runtime/kmod is not there; --share DIR "
		    "tells where runtime/ is");
	if (!k->headers)
		die("--engine=module: kernel %s has no headers to compile a "
		    "module with: name them in the manifest (headers:), or a "
		    "sysroot that holds usr/src/linux-headers-%s", k->name,
		    k->release);
}

static int with(const struct command *cmd, const struct kernel_decl *k,
		const char *out_dir, enum engine engine, bool nul_messages)
{
	struct attempt a = { .engine = engine, .nul_messages = nul_messages };
	bool ok;

	if (engine == ENGINE_MODULE && !cmd->opt.listing)
		want_headers(cmd, k);
	ok = compile_once(cmd, k, out_dir, &a);
	free(a.cannot);
	return !ok;
}

static void say_why(const struct kernel_decl *k, const char *cannot,
		    bool nul_messages)
{
	fprintf(stderr, "NOTE: the module engine is taken: %s\n", cannot);
	if (nul_messages)
		fputc(0, stderr);
	fflush(stderr);
}

static int try_both(const struct command *cmd, const struct kernel_decl *k,
		    const char *out_dir, bool nul_messages)
{
	struct attempt a = { .engine = ENGINE_BPF,
			     .nul_messages = nul_messages };
	char *said = NULL;
	size_t size = 0;
	int status;

	a.messages = open_memstream(&said, &size);
	if (!a.messages)
		die("out of memory");
	status = !compile_once(cmd, k, out_dir, &a);
	fclose(a.messages);
	if (a.cannot) {
		say_why(k, a.cannot, nul_messages);
		status = with(cmd, k, out_dir, ENGINE_MODULE, nul_messages);
	} else {
		fwrite(said, 1, size, stderr);
	}
	free(a.cannot);
	free(said);
	return status;
}

int compile(const struct command *cmd, const struct kernel_decl *k,
	    const char *out_dir, enum engine engine, bool nul_messages)
{
	if (engine == ENGINE_AUTO && k->headers && has_runtime(cmd) &&
	    !cmd->opt.listing)
		return try_both(cmd, k, out_dir, nul_messages);
	return with(cmd, k, out_dir, engine == ENGINE_AUTO ? ENGINE_BPF :
		    engine, nul_messages);
}
