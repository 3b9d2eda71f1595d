/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit_user.c - for kernel handlers that look at the process they run in: the
 * maps that the loader fills with what is known of builds, and where in the
 * kernel's structs mappings and uretprobes are. See runtime/stacks.h.
 */
#include "emit.h"

#include <inttypes.h>
#include <string.h>

enum { MOST_BUILDS = 16384, USER_SIZE = 712 };

uint32_t emit_user_size(const struct ir *ir)
{
	return ir->user ? USER_SIZE : 0;
}

/* How many pages there are the loader finds out. */
void emit_user_maps(struct arena *mem, const struct ir *ir, uint32_t id,
		    struct ir_layout *lay)
{
	if (!ir->user)
		return;
	vec_push(mem, &lay->maps, ((struct ir_layout_map){
		.id = id, .name = "stb_builds", .type = "hash", .keys = "",
		.key_size = sizeof(struct stb_build_key),
		.value_size = sizeof(struct stb_build),
		.max_entries = MOST_BUILDS, .flags = 4 | 64 }));
	vec_push(mem, &lay->maps, ((struct ir_layout_map){
		.id = id + 1, .name = "stb_pages", .type = "pages", .keys = "",
		.key_size = 4, .value_size = STB_TABLE_PAGE, .max_entries = 1,
		.flags = 4 | (ir->user & IR_USER_NAMES ? 128 : 0) }));
}

static void offset(struct emit *e, const char *name, int64_t n)
{
	emit_line(e, "#define RT_%s %" PRId64, name, n);
}

static void map(struct emit *e, const char *name, const char *of)
{
	size_t i;

	for (i = 0; i < e->lay->maps.n; i++)
		if (!strcmp(e->lay->maps.v[i].name, of) &&
		    !e->lay->maps.v[i].global)
			emit_line(e, "#define %s map_%u\nextern char %s "
				  "__attribute__((nodebug));", name,
				  e->lay->maps.v[i].id, name);
}

void emit_user(struct emit *e)
{
	const struct ir_user *u = &e->ir->in_kernel;

	if (!e->kernel || !e->ir->user)
		return;
	emit_line(e, "#define RT_USER\n#define RT_USER_SIZE %u", USER_SIZE);
	if (e->ir->user & IR_USER_UNWIND)
		emit_line(e, "#define RT_UNWIND");
	if (e->ir->user & IR_USER_SEEN)
		emit_line(e, "#define RT_USER_SEEN");
	map(e, "RT_BUILDS", "stb_builds");
	map(e, "RT_PAGES", "stb_pages");
	offset(e, "VMA_START", u->vma_start);
	offset(e, "VMA_END", u->vma_end);
	offset(e, "VMA_PGOFF", u->vma_pgoff);
	if (!u->has_returns)
		return;
	offset(e, "TASK_MM", u->task_mm);
	offset(e, "MM_XOL", u->mm_xol);
	offset(e, "XOL_VADDR", u->xol_vaddr);
	offset(e, "TASK_UTASK", u->task_utask);
	offset(e, "UTASK_RETURNS", u->utask_returns);
	offset(e, "RETURN_NEXT", u->return_next);
	offset(e, "RETURN_STACK", u->return_stack);
	offset(e, "RETURN_ADDRESS", u->return_address);
	offset(e, "RETURN_FUNC", u->return_func);
}
