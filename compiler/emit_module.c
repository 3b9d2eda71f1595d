/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit_module.c - what only the module engine has: handlers that run in the
 * loader's context beside those of probes, frames of recursive functions, and
 * the tables at the end of the file (struct stb_script of runtime/kmod/kmod.h).
 */
#include "emit.h"

#include <inttypes.h>
#include <string.h>

bool emit_is_task(const struct emit *e, const struct ir_handler *h)
{
	return e->module && h && h->prog == IR_LOADER;
}

bool emit_is_iterator(const struct ir_handler *h)
{
	return h->sites && h->sites->attach == IR_AT_TASKS;
}

void emit_open_nested(struct emit *e, const struct ir_stmt *s,
		      const struct unit *callee)
{
	emit_line(e, "struct %s_frame *n = RT_NEST(r, %s);", callee->name,
		  callee->name);
	emit_line(e, "if (!n) {");
	e->depth++;
	emit_fault(e, s, NULL);
	e->depth--;
	emit_line(e, "}");
}

/* --- programs --------------------------------------------------------------- */

/* The member of struct stb_prog that a site of this kind calls. */
static const char *entry_of(enum ir_attach at)
{
	switch (at) {
	case IR_AT_KPROBE: return "kprobe";
	case IR_AT_KRETPROBE: return "kretprobe";
	case IR_AT_UPROBE: case IR_AT_URETPROBE: return "uprobe";
	case IR_AT_RAW_TP: case IR_AT_TASKS: return "raw_tp";
	case IR_AT_PERF_EVENT: return "perf_event";
	case IR_AT_NETFILTER: return "netfilter";
	case IR_AT_SYS_ENTER: case IR_AT_SYS_EXIT: return "raw_tp";
	case IR_AT_NONE: case IR_AT_FENTRY: case IR_AT_FEXIT:
		break;
	}
	bug("a module's site of kind %d", at);
}

static bool had_before(const struct ir_handler *h, const struct ir_site *s)
{
	const struct ir_site *o;

	for (o = h->sites; o != s; o = o->next)
		if (!strcmp(entry_of(o->attach), entry_of(s->attach)))
			return true;
	return false;
}

/* A handler's ways in, as C and as members of its row. */
static void put_prog(struct emit *e, const struct ir_handler *h,
		     struct text *rows)
{
	const struct ir_site *s;

	text_printf(rows, "\t{ .name = \"%s\"", h->name);
	for (s = h->sites; s; s = s->next) {
		if (had_before(h, s))
			continue;
		emit_line(e, "RT_ENTRY_%s(%s)", entry_of(s->attach), h->name);
		text_printf(rows, ", .%s = %s_%s", entry_of(s->attach),
			    h->name, entry_of(s->attach));
	}
	text_puts(rows, " },\n");
}

static unsigned put_calls(struct emit *e, enum ir_attach at, struct text *rows)
{
	const char *name;
	size_t part;

	for (part = 0; (name = emit_calls_name(e->mem, e->ir, at, part));
	     part++) {
		emit_line(e, "RT_ENTRY_raw_tp(%s)", name);
		text_printf(rows, "\t{ .name = \"%s\", .raw_tp = %s_raw_tp },\n",
			    name, name);
	}
	return (unsigned)part;
}

/* In the order of the plan's rows. */
static void put_progs(struct emit *e, unsigned *nprogs, unsigned *ntasks)
{
	struct text progs = { .mem = e->mem }, tasks = { .mem = e->mem };
	const struct ir_handler *h;

	*nprogs = *ntasks = 0;
	for (h = e->ir->handlers; h; h = h->next) {
		if (h->prog == IR_SYSCALL)
			continue;
		if (h->prog != IR_LOADER) {
			put_prog(e, h, &progs);
			++*nprogs;
			continue;
		}
		text_printf(&tasks, "\t{ .name = \"%s\", .task = %s_run%s },\n",
			    h->name, h->name, h->nlocks ? ", .locks = true" :
			    "");
		++*ntasks;
	}
	*nprogs += put_calls(e, IR_AT_SYS_ENTER, &progs);
	*nprogs += put_calls(e, IR_AT_SYS_EXIT, &progs);
	emit_line(e, "static const struct stb_prog progs_[] = {\n%s};",
		  progs.n ? progs.s : "\t{ 0 },\n");
	emit_line(e, "static const struct stb_prog tasks_[] = {\n%s};",
		  tasks.n ? tasks.s : "\t{ 0 },\n");
}

/* --- memory ----------------------------------------------------------------- */

static void put_map(struct emit *e, const struct ir_layout_map *m)
{
	bool scalar = !m->global->nkeys;

	emit_line(e, "static struct stb_map map_%u = {", m->id);
	emit_line(e, "\t.name = \"%s\", .keys = \"%s\", .value = '%c',",
		  m->name, m->keys, m->value);
	emit_line(e, "\t.key_size = %u, .value_size = %u, .max_entries = %u,",
		  scalar ? 0 : m->key_size, m->value_size, m->max_entries);
	emit_line(e, "\t.flags = %u, .stat_ops = 0x%x,",
		  (m->flags & 3) | (scalar ? 16u : 0), m->stat_ops);
	emit_line(e, "\t.hist_lo = %" PRId64 ", .hist_hi = %" PRId64
		  ", .hist_step = %" PRId64 ",", m->hist_lo, m->hist_hi,
		  m->hist_step);
	emit_line(e, "};");
}

static void put_maps(struct emit *e)
{
	size_t i;

	for (i = 0; i < e->lay->maps.n; i++)
		put_map(e, &e->lay->maps.v[i]);
	emit_line(e, "static struct stb_map *const maps_[] = {");
	for (i = 0; i < e->lay->maps.n; i++)
		emit_line(e, "\t&map_%u,", e->lay->maps.v[i].id);
	emit_line(e, "\tNULL\n};");
}

/* Loops over arrays that a run can be in at once, at most, and who has any. */
static unsigned count_each(const struct emit *e, bool *in_probes)
{
	unsigned n = 0, fns = 0, most = 0;
	size_t i;

	*in_probes = false;
	for (i = 0; i < e->nunits; i++) {
		const struct unit *u = &e->units[i];

		n = u->neach;
		if (u->fn && n) {
			fns += u->fn->recursive ? n * ((unsigned)
				e->ir->max_nesting + 1) : n;
			*in_probes = true;	/* it may be called there */
		} else if (u->h) {
			*in_probes |= n && u->h->prog != IR_LOADER;
			most = n > most ? n : most;
		}
	}
	return fns + most;
}

void emit_tables(struct emit *e, struct text *out)
{
	struct region code = { .code.mem = e->mem }, *was = e->reg;
	unsigned nprogs, ntasks, each;
	bool in_probes;

	e->reg = &code;
	e->depth = 0;
	put_progs(e, &nprogs, &ntasks);
	put_maps(e);
	each = count_each(e, &in_probes);
	emit_line(e, "const struct stb_script stb_script = {");
	emit_line(e, "\t.shared = RT_SHARED, .globals_size = %u,",
		  e->lay->globals_size);
	emit_line(e, "\t.frame_size = sizeof(struct frame), "
		  ".levels = RT_LEVELS,");
	emit_line(e, "\t.neach = %u, .each_in_probes = %d,", each, in_probes);
	emit_line(e, "\t.user = %u,", !e->ir->user ? 0 : e->ir->user &
		  IR_USER_NAMES ? 3 : 1);
	emit_line(e, "\t.progs = progs_, .nprogs = %u,", nprogs);
	emit_line(e, "\t.tasks = tasks_, .ntasks = %u,", ntasks);
	emit_line(e, "\t.maps = maps_, .nmaps = %zu,", e->lay->maps.n);
	emit_line(e, "};");
	text_puts(out, code.code.s);
	e->reg = was;
}
