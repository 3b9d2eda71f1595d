/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit.c - IR to C, the same for every engine; what differs is in the
 * runtimes, under the contract of runtime/rt.h.
 *
 * In: a finished program. Out: the layout of memory that the plan tells the
 * loader, and one C file per engine: limits, the globals region, types of
 * arrays, frames, functions, handlers. docs/runtime.md shows one.
 */
#include "emit.h"

#include <inttypes.h>
#include <string.h>

/* Numbers wrap, structs are seen through other types, nothing is linked. */
const char *const emit_clang_flags[] = {
	"-target", "bpf", "-mcpu=v3", "-O2", "-g", "-std=gnu17",
	"-ffreestanding", "-fwrapv", "-fno-strict-aliasing",
	"-fno-stack-protector", "-fno-ident", "-fno-jump-tables",
	"-Wno-unknown-attributes", "-Wno-unused-label",
	"-Wno-tautological-compare", NULL
};

enum { FRAME_LEVELS = 4, RING_SIZE = 2 << 20 };

/* --- the layout -------------------------------------------------------------- */

static uint32_t width(const struct ir *ir, uint32_t cap)
{
	return emit_round(cap ? cap : ir->string_len);
}

static uint32_t stat_size(const struct ir_global *g)
{
	uint64_t buckets = 0;

	if (g->stat_ops >> STB_ST_HIST_LOG & 1)
		buckets = STB_LOG_BUCKETS;
	else if (g->stat_ops >> STB_ST_HIST_LINEAR & 1)
		buckets = (uint64_t)(g->hist_hi - g->hist_lo) /
			  (uint64_t)g->hist_step + 3;
	return (uint32_t)(sizeof(struct stb_stat) + 8 * buckets);
}

static bool in_kernel(const struct ir_global *g)
{
	return g->in_kernel || g->hidden;
}

/* An aggregate without keys is the one element of an array. */
static const char *map_type(const struct ir_global *g)
{
	if (!in_kernel(g))
		return "loader";
	if (g->value != IR_V_STAT)
		return "hash";
	return g->nkeys ? "percpu_hash" : "percpu_array";
}

static void lay_map(struct arena *mem, const struct ir *ir,
		    const struct ir_global *g, struct ir_layout *lay)
{
	struct text keys = { .mem = mem };
	uint32_t key = 0, value, w;
	size_t i;

	text_puts(&keys, "");
	for (i = 0; i < g->nkeys; i++) {
		w = 8;
		if (g->keys[i] == IR_STRING) {
			w = width(ir, g->key_caps ? g->key_caps[i] : 0);
			text_printf(&keys, "s%u", w);
		} else {
			text_putc(&keys, 'l');
		}
		key += w;
	}
	value = g->value == IR_V_LONG ? 8 : g->value == IR_V_STAT ?
		stat_size(g) : width(ir, g->value_cap);
	vec_push(mem, &lay->maps, ((struct ir_layout_map){
		.id = (uint32_t)g->index, .name = g->name,
		.type = map_type(g), .keys = keys.s ? keys.s : "",
		.value = "lsx"[g->value], .key_size = g->nkeys ? key : 4,
		.value_size = value + (g->hidden ? 0 : 8),
		.max_entries = g->nkeys ? (uint32_t)g->max_entries : 1,
		.flags = (g->hidden ? 1u : 0) | (g->wraps ? 2u : 0) |
			 (g->only_added ? 8u : 0) |
			 (g->filled == IR_FILLED_TASKS ? 16u : 0) |
			 (g->filled == IR_FILLED_FILES ? 32u : 0),
		.stat_ops = g->stat_ops, .hist_lo = g->hist_lo,
		.hist_hi = g->hist_hi, .hist_step = g->hist_step,
		.global = g }));
}

static void lay_globals(struct arena *mem, const struct ir *ir,
			struct ir_layout *lay)
{
	uint32_t at = sizeof(struct stb_shared) +
		      emit_round(4 * (uint32_t)ir->nlocks);
	const struct ir_global *g;
	uint32_t size;

	for (g = ir->globals; g; g = g->next) {
		if (g->nkeys || g->value == IR_V_STAT) {
			lay_map(mem, ir, g, lay);
			continue;
		}
		size = g->value == IR_V_LONG ? 8 : width(ir, 0);
		vec_push(mem, &lay->globals, ((struct ir_layout_global){
			.global = g, .offset = at, .size = size }));
		at += size;
	}
	lay->globals_size = at;
}

/* --- a program on its way ------------------------------------------------------ */

const struct ir_layout_map *emit_map(struct emit *e, const struct ir_global *g)
{
	size_t i;

	for (i = 0; i < e->lay->maps.n; i++)
		if (e->lay->maps.v[i].global == g)
			return &e->lay->maps.v[i];
	bug("no layout of %s", g->name);
}

struct unit *emit_unit_of(struct emit *e, const struct ir_function *fn)
{
	size_t i;

	for (i = 0; i < e->nunits; i++)
		if (e->units[i].fn == fn)
			return &e->units[i];
	bug("function %s is not there", fn->name);
}

static void add_unit(struct emit *e, struct unit u, int nslots)
{
	u.slot = arena_alloc(e->mem, sizeof(*u.slot) * ((size_t)nslots + 1));
	u.bodies.mem = e->mem;
	e->units[e->nunits++] = u;
}

/* Buffers for keys and values that do not fit on a stack. */
static void size_buffers(struct emit *e)
{
	size_t i;

	e->need.key = e->kernel && !e->module ? 0 : 8;
	e->need.value = 0;
	for (i = 0; i < e->lay->maps.n; i++) {
		const struct ir_layout_map *m = &e->lay->maps.v[i];

		if ((!e->kernel || e->module || m->key_size > SMALL_KEY) &&
		    m->key_size > e->need.key)
			e->need.key = m->key_size;
		if (m->value == 's' && m->value_size + 8 > e->need.value)
			e->need.value = m->value_size + 8;
	}
	e->need.raise = emit_round(e->need.raise);
}

/* Functions come callees first, so that what they need is known. */
static void find_units(struct emit *e)
{
	const struct ir_function *fn;
	const struct ir_handler *h;
	size_t n = 0, i;

	for (fn = e->ir->functions; fn; fn = fn->next)
		n++;
	for (h = e->ir->handlers; h; h = h->next)
		n++;
	e->units = NEW_ARRAY(e->mem, struct unit, n + 1);
	for (fn = e->ir->functions; fn; fn = fn->next)
		if (e->module || (e->kernel ? fn->in_kernel : fn->in_loader))
			add_unit(e, (struct unit){
				.name = arena_printf(e->mem, "f_%s", fn->name),
				.fn = fn, .slots = fn->slots,
				.body = fn->body }, fn->nslots);
	for (h = e->ir->handlers; h; h = h->next)
		if (e->module || e->kernel == (h->prog != IR_LOADER))
			add_unit(e, (struct unit){
				.name = h->name, .h = h, .slots = h->slots,
				.body = h->body }, h->nslots);
	for (i = 0; i < e->nunits; i++)
		emit_place(e, &e->units[i]);
	size_buffers(e);
}

/* --- text ------------------------------------------------------------------------ */

static bool is_label(const char *s)
{
	s += strcspn(s, " :");
	return !strcmp(s, ":") || !strcmp(s, ": ;");
}

void emit_line(struct emit *e, const char *fmt, ...)
{
	const char *s;
	va_list ap;
	size_t n;
	int i = 0;

	va_start(ap, fmt);
	s = arena_vprintf(e->mem, fmt, ap);
	va_end(ap);
	n = strlen(s);
	if (is_label(s) && e->depth)
		i = 1;		/* labels stand out */
	for (; i < e->depth && n; i++)
		text_putc(&e->reg->code, '\t');
	text_puts(&e->reg->code, s);
	text_putc(&e->reg->code, '\n');
}

const char *emit_slot(struct emit *e, const struct ir_slot *s)
{
	if (e->u->fn || e->u->slot[s->number].place == IN_FRAME)
		return arena_printf(e->mem, "f->%s", s->name);
	return e->u->slot[s->number].as->name;
}

const char *emit_opnd(struct emit *e, const struct ir_opnd *o)
{
	struct text t = { .mem = e->mem };

	switch (o->kind) {
	case IR_NUM:
		if (o->num == INT64_MIN)
			return "INT64_MIN";
		return arena_printf(e->mem, o->num < 0 ? "(%" PRId64 ")" :
				    "%" PRId64, o->num);
	case IR_SLOT:
		return emit_slot(e, o->slot);
	case IR_LIT:
		text_quote(&t, o->lit, o->len);
		return t.s;
	case IR_NONE:
		break;
	}
	bug("operand of nothing");
}

/* Declares the slots that are locals of this region. */
void emit_locals(struct emit *e, int region)
{
	const struct unit *u = e->u;
	const struct ir_slot *s;

	for (s = u->slots; s && !u->fn; s = s->next) {
		if (u->slot[s->number].place != IN_LOCAL ||
		    u->slot[s->number].region != region ||
		    u->slot[s->number].as != s)
			continue;
		if (s->type == IR_LONG)
			emit_line(e, "i64 %s = 0;", s->name);
		else
			emit_line(e, "RT_STR(%s, %u) = \"\";", s->name,
				  u->slot[s->number].room);
	}
}

/* Members of a frame; those of one pool share memory. */
static void declare_frame(struct emit *e, const struct unit *u)
{
	const struct ir_slot *s, *o;
	unsigned members;
	uint32_t room;

	for (s = u->slots; s; s = s->next) {
		if (!emit_first_of_pool(u, s, &room, &members))
			continue;
		if (s->type == IR_LONG) {
			emit_line(e, "i64 %s;", s->name);
			continue;
		}
		if (members > 1)
			emit_line(e, "union {");
		for (o = s; o; o = members > 1 ? o->next : NULL)
			if (o == s || (o->pool == s->pool && (u->fn ||
			    u->slot[o->number].place == IN_FRAME)))
				emit_line(e, "%sRT_STR(%s, %u);", members > 1 ?
					  "\t" : "", o->name,
					  emit_round(o->cap));
		if (members > 1)
			emit_line(e, "};");
	}
}

/* --- declarations ------------------------------------------------------------------ */

static void emit_globals(struct emit *e)
{
	const struct ir_layout *lay = e->lay;
	size_t i;

	emit_line(e, "struct globals {");
	emit_line(e, "\tstruct stb_shared shared;");
	if (e->ir->nlocks)
		emit_line(e, "\tu32 locks[%d];", (e->ir->nlocks + 1) & ~1);
	for (i = 0; i < lay->globals.n; i++)
		if (lay->globals.v[i].global->value == IR_V_LONG)
			emit_line(e, "\ti64 g_%s;",
				  lay->globals.v[i].global->name);
		else
			emit_line(e, "\tRT_STR(g_%s, RT_STRING_LEN);",
				  lay->globals.v[i].global->name);
	emit_line(e, e->module ? "} __attribute__((aligned(4096)));" : "};");
	emit_line(e, "struct globals G RT_GLOBALS = {");
	for (i = 0; i < lay->globals.n; i++) {
		const struct ir_global *g = lay->globals.v[i].global;
		struct ir_opnd init = { .kind = IR_NUM, .num = g->init_num };

		if (g->value == IR_V_STRING)
			init = (struct ir_opnd){ .kind = IR_LIT,
				.lit = g->init_str ? g->init_str : "",
				.len = g->init_str ? strlen(g->init_str) : 0 };
		emit_line(e, "\t.g_%s = %s,", g->name, emit_opnd(e, &init));
	}
	emit_line(e, "};");
	if (!e->module)
		emit_line(e, "_Static_assert(sizeof(struct globals) == %u, "
			  "\"the plan's\");", lay->globals_size);
	emit_line(e, "%s", "");
}

static void emit_map_types(struct emit *e, const struct ir_layout_map *m)
{
	const struct ir_global *g = m->global;
	uint32_t w, at = 0;
	size_t i;

	emit_line(e, "/* %s */", g->name);
	emit_line(e, "RT_MAP_DECL(%u);", m->id);
	if (g->nkeys) {
		emit_line(e, "struct m%u_key {", m->id);
		for (i = 0; i < g->nkeys; i++) {
			w = 8;
			if (g->keys[i] == IR_STRING) {
				w = width(e->ir, g->key_caps ?
					  g->key_caps[i] : 0);
				emit_line(e, "\tRT_STR(k%zu, %u);", i, w);
			} else {
				emit_line(e, "\ti64 k%zu;", i);
			}
			at += w;
		}
		emit_line(e, "};");
		if (at != m->key_size)
			bug("key of %s", g->name);
	}
	if (m->value == 'x' && e->kernel) {
		emit_line(e, "struct m%u_value {", m->id);
		if (!g->hidden)
			emit_line(e, "\tu64 seq;");
		emit_line(e, "\tstruct stb_stat stat;");
		if (stat_size(g) > sizeof(struct stb_stat))
			emit_line(e, "\tu64 buckets[%zu];", (stat_size(g) -
				  sizeof(struct stb_stat)) / 8);
		emit_line(e, "};");
	}
	if (m->value == 'x' && e->kernel && !e->module) {
		emit_line(e, "static const struct m%u_value m%u_none "
			  "RT_CONST = { 0 };", m->id, m->id);
		if (g->read_in_kernel)
			emit_line(e, "RT_STAT_READER(%u, %zu, 0x%x)", m->id,
				  (stat_size(g) - sizeof(struct stb_stat)) / 8,
				  g->stat_ops);
	}
	if (emit_walks(e))
		emit_each_types(e, g);
	emit_line(e, "%s", "");
}

/* Names of sites, for the handlers that many share. */
static void emit_names(struct emit *e)
{
	size_t i, k;

	for (i = 0; i < e->ir->names.n; i++) {
		const struct ir_names *n = &e->ir->names.v[i];

		emit_line(e, "static const char names_%zu[%zu][%u] RT_NAMES = {",
			  i, n->v.n, emit_round(n->cap));
		for (k = 0; k < n->v.n; k++) {
			struct ir_opnd name = { .kind = IR_LIT,
				.lit = n->v.v[k], .len = strlen(n->v.v[k]) };

			emit_line(e, "\t%s,", emit_opnd(e, &name));
		}
		emit_line(e, "};");
	}
}

static bool has_no_address(const struct ir_trace *t)
{
	return !t->from[0] && !t->from[1] && !t->from[2];
}

/* What rt.h's RT_TRACES says of tracepoints. */
static void emit_traces(struct emit *e)
{
	size_t i;

	if (e->kernel && e->ir->image)
		emit_line(e, "#define RT_IMAGE 0x%" PRIx64 "\n#define "
			  "RT_IMAGE_SIZE 0x%" PRIx64, e->ir->image,
			  e->ir->image_size);
	if (!e->kernel || !e->ir->traces.n)
		return;
	if (has_no_address(&e->ir->traces.v[0])) {
		emit_line(e, "#define RT_TRACES_BY_NAME");
		return;
	}
	emit_line(e, "#define RT_TRACES \\");
	for (i = 0; i < e->ir->traces.n; i++) {
		const struct ir_trace *t = &e->ir->traces.v[i];

		emit_line(e, "\t{ 0x%" PRIx64 ", %" PRIu64 ", 0x%" PRIx64
			  ", %" PRIu64 ", 0x%" PRIx64 ", %" PRIu64 " },%s",
			  t->from[0], t->size[0], t->from[1], t->size[1],
			  t->from[2], t->size[2],
			  i + 1 < e->ir->traces.n ? " \\" : "");
	}
}

/* What tells whose a task is: rt_is_mine(). */
static void emit_own(struct emit *e)
{
	const struct ir_own *own = &e->ir->own;

	emit_line(e, "#define RT_OWN_CRED %" PRIu64, own->cred);
	emit_line(e, "#define RT_OWN_SUID %" PRIu64, own->suid);
	emit_line(e, "#define RT_OWN_EUID %" PRIu64, own->euid);
	emit_line(e, "#define RT_OWN_MM %" PRIu64, own->mm);
	emit_line(e, "#define RT_OWN_FLAGS %" PRIu64, own->flags);
}

/* Of what a handler finds that runs for another task than the current one. */
static void emit_task_members(struct emit *e)
{
	const struct ir_handler *h;

	for (h = e->ir->handlers; h && !h->task_arg; h = h->next)
		;
	if (!h || !e->kernel)
		return;
	emit_line(e, "#define RT_TASK_TID %lld", (long long)e->ir->task_tid);
	emit_line(e, "#define RT_TASK_PID %lld", (long long)e->ir->task_pid);
	emit_line(e, "#define RT_TASK_COMM %lld",
		  (long long)e->ir->task_comm);
}

static void emit_limits(struct emit *e, const char *script_name)
{
	const struct ir *ir = e->ir;

	emit_line(e, "/* %s, by stapc: %s */", script_name, e->module ?
		  "all handlers, of a module" : e->kernel ?
		  "kernel handlers" : "loader handlers");
	emit_line(e, "#define RT_STRING_LEN %u", emit_round(ir->string_len));
	if (ir->has_points)
		emit_line(e, "#define RT_FP");
	emit_line(e, "#define RT_MAX_ACTION %" PRId64, e->module &&
		  ir->untimed ? INT64_MAX : e->kernel ? ir->max_action :
		  ir->max_action_user);
	if (e->kernel) {
		emit_line(e, "#define RT_MAX_ERRORS %" PRId64, ir->max_errors);
		emit_line(e, "#define RT_MAX_SKIPPED %" PRId64,
			  ir->max_skipped);
	}
	if (e->module) {
		emit_line(e, "#define RT_MAX_ACTION_TASK %" PRId64,
			  ir->untimed ? INT64_MAX : ir->max_action_user);
		emit_line(e, "#define RT_OVERLOAD_INTERVAL %" PRId64,
			  ir->overload_interval);
		emit_line(e, "#define RT_OVERLOAD_MOST %" PRId64,
			  ir->overload_most);
		emit_line(e, "#define RT_MAX_NESTING %" PRId64,
			  ir->max_nesting);
		emit_line(e, "#define RT_LEVELS %d", FRAME_LEVELS);
	} else if (e->kernel) {
		emit_line(e, "#define RT_RING map_%u", e->lay->maps.v[
			  e->lay->maps.n - (e->lay->frame_size ? 2 : 1)].id);
		emit_line(e, "extern char RT_RING __attribute__((nodebug));");
	}
	if (e->kernel && !e->module && e->lay->frame_size) {
		emit_line(e, "#define RT_FRAMES map_%u",
			  e->lay->maps.v[e->lay->maps.n - 1].id);
		emit_line(e, "extern char RT_FRAMES __attribute__((nodebug));");
		emit_line(e, "#define RT_LEVELS %u", e->lay->frame_levels);
	}
	emit_line(e, "#define RT_OUT_SIZE %u", e->need.out);
	emit_line(e, "#define RT_RAISE_SIZE %u", e->need.raise);
	emit_line(e, "#define RT_CAT_SIZE %u", e->need.cat);
	if (e->need.tokens)
		emit_line(e, "#define RT_TOKENS");
	emit_line(e, "#define RT_KEY_SIZE %u", e->need.key);
	emit_line(e, "#define RT_VALUE_SIZE %u", e->need.value);
	emit_match_room(e);
	if (e->kernel && emit_words_size(ir))
		emit_line(e, "#define RT_WORDS %u", emit_words_size(ir));
	if (e->kernel && emit_calls(e->ir, IR_AT_SYS_ENTER) +
	    emit_calls(e->ir, IR_AT_SYS_EXIT) == 1)
		emit_line(e, "#define RT_ONE_SYSCALL");
	if (e->kernel && ir->own.on)
		emit_own(e);
	emit_traces(e);
	emit_task_members(e);
	emit_user(e);
	emit_line(e, "#include \"rt.h\"\n");
	emit_c_blocks(e);
}

/* What loader handlers see of globals that the kernel adds to: see IR_GET. */
static void emit_snapshot(struct emit *e)
{
	size_t i;

	if (e->kernel)
		return;
	emit_line(e, "struct snapshot {");
	for (i = 0; i < e->lay->globals.n; i++)
		if (e->lay->globals.v[i].global->only_added)
			emit_line(e, "\ti64 g_%s;",
				  e->lay->globals.v[i].global->name);
	emit_line(e, "};\n");
}

/* Of a caught fault the loader's message without its place: a flat table. */
static void emit_caught_caps(struct emit *e)
{
	const struct ir *ir = e->ir;
	size_t i;

	if (e->kernel)
		return;
	emit_line(e, "RT_OUTLINE u64 rt_caught_cap(u32 id)\n{");
	emit_line(e, "\tswitch (id) {");
	for (i = 0; i < ir->formats.n; i++)
		if (ir->formats.v[i].caught_len)
			emit_line(e, "\tcase %zu: return %zu;", i,
				  ir->formats.v[i].caught_len + 1);
	emit_line(e, "\t}");
	emit_line(e, "\treturn ~0ul;\n}\n");
}

static void emit_frame_struct(struct emit *e, const struct unit *u)
{
	unsigned i;

	if (u->fn || u->slots_in_frame || u->neach || !e->kernel) {
		emit_line(e, "struct %s_frame {", u->name);
		if (!e->kernel && u->h) {
			emit_line(e, "\tstruct rt_frame rt;");
			emit_line(e, "\tstruct snapshot seen;");
		}
		e->depth++;
		declare_frame(e, u);
		for (i = 1; !emit_walks(e) && i <= u->neach; i++)
			emit_line(e, "u64 each%u;", i);
		emit_each_frame(e, u);
		if (u->fn && u->fn->has_result) {
			if (u->fn->result == IR_LONG)
				emit_line(e, "i64 result;");
			else
				emit_line(e, "RT_STR(result, %u);",
					  width(e->ir, u->fn->result_cap));
		}
		e->depth--;
		emit_line(e, "};");
	}
}

static void emit_frames(struct emit *e)
{
	size_t i;

	for (i = 0; i < e->nunits; i++)
		emit_frame_struct(e, &e->units[i]);
	if (!e->module && (!e->kernel || !e->lay->frame_size))
		return;
	emit_line(e, "struct frame {");
	emit_line(e, "\tstruct rt_frame rt;");
	for (i = 0; i < e->nunits; i++)
		if (e->units[i].fn && e->units[i].slots_in_frame)
			emit_line(e, "\tstruct %s_frame %s%s;",
				  e->units[i].name, e->units[i].name,
				  e->units[i].fn->recursive ?
				  "[RT_MAX_NESTING + 1]" : "");
	emit_line(e, "\tunion {");
	for (i = 0; i < e->nunits; i++)
		if (!e->units[i].fn && e->units[i].slots_in_frame)
			emit_line(e, "\t\tstruct %s_frame %s;",
				  e->units[i].name, e->units[i].name);
	emit_line(e, "\t};");
	emit_line(e, "};");
	if (!e->module)
		emit_line(e, "_Static_assert(sizeof(struct frame) == %u, "
		  "\"the plan's\");\n", e->lay->frame_size);
}

/* --- handlers and functions -------------------------------------------------------- */

static const char *handler_macro(const struct ir_handler *h)
{
	switch (h->prog) {
	case IR_LOADER: return "RT_LOADER";
	case IR_KPROBE: return "RT_KPROBE";
	case IR_FENTRY: return "RT_FENTRY";
	case IR_FEXIT: return "RT_FEXIT";
	case IR_RAW_TP: return "RT_RAW_TP";
	case IR_PERF_EVENT: return "RT_PERF_EVENT";
	case IR_NETFILTER: return "RT_NETFILTER";
	case IR_SYSCALL: return "RT_SYSCALL";
	}
	bug("handler of kind %d", h->prog);
}

static const char *lock_args(struct emit *e, const struct ir_lock *l)
{
	return arena_printf(e->mem, "%d, %s", l->global->lock,
			    l->mode == IR_LOCK_WRITE ? "RT_WRITE" : "RT_READ");
}

static void emit_seen(struct emit *e)
{
	size_t i;

	for (i = 0; !e->kernel && i < e->lay->globals.n; i++) {
		const struct ir_global *g = e->lay->globals.v[i].global;

		if (g->only_added)
			emit_line(e, "RT_SEEN(r)->g_%s = RT_VOLATILE(G.g_%s);",
				  g->name, g->name);
	}
}

void emit_locks(struct emit *e)
{
	const struct ir_handler *h = e->u->h;
	size_t i;

	e->u->locked = h->nlocks != 0;
	for (i = 0; i < h->nlocks; i++) {
		emit_line(e, "if (rt_lock(%s))", lock_args(e, &h->locks[i]));
		emit_line(e, "\tgoto busy%zu;", i);
	}
}

/* Before the statements: the run, its frame, its locks. */
static void emit_prologue(struct emit *e, struct unit *u)
{
	emit_line(e, "%s(%s);", u->h->is_early ? "RT_RUN_EARLY" :
		  emit_is_task(e, u->h) ? "RT_RUN_TASK" :
		  e->kernel && !u->needs_frame ? "RT_RUN" : "RT_RUN_FRAME",
		  u->name);
	if (u->h->task_arg)
		emit_line(e, e->module ? "r->other = (void *)ctx[%d];" :
			  emit_is_iterator(u->h) ?
			  "r->task = (u64)rt_ctx_number(r, %d);" :
			  "r->task = ctx[%d];", u->h->task_arg);
	/* bodies of loops read it, and are to believe nothing of it */
	if (u->h->prog == IR_SYSCALL)
		emit_line(e, "r->call = call%s;",
			  u->loops && !e->module ? " + rt_some_zero()" : "");
	if (u->slots_in_frame || !e->kernel)
		emit_line(e, "struct %s_frame *f = RT_FRAME_OF(r, %s);",
			  u->name, u->name);
	emit_locals(e, 0);
	emit_line(e, "%s", "");
	if (!u->h->lock_at)
		emit_locks(e);
	emit_seen(e);
}

static void emit_epilogue(struct emit *e, struct unit *u)
{
	const char *end = emit_is_task(e, u->h) ? "RT_END_TASK" :
			  e->kernel && !u->needs_frame ? "RT_END" :
			  "RT_END_FRAME";
	size_t i;

	if (u->out_used)
		emit_line(e, "out:");
	for (i = u->h->nlocks; i-- > 0; )
		emit_line(e, "rt_unlock(%s);", lock_args(e, &u->h->locks[i]));
	if (u->early_used)
		emit_line(e, "early:");
	emit_line(e, "%s;", end);
	for (i = u->h->nlocks; i-- > 0; ) {
		emit_line(e, "busy%zu:", i);
		if (i)
			emit_line(e, "rt_unlock(%s);",
				  lock_args(e, &u->h->locks[i - 1]));
	}
	if (u->h->nlocks)
		emit_line(e, "%s;", emit_is_task(e, u->h) ?
			  "RT_END_BUSY_TASK" : e->kernel && !u->needs_frame ?
			  "RT_END_BUSY" : "RT_END_BUSY_FRAME");
}

static void emit_handler(struct emit *e, struct unit *u, struct text *out)
{
	struct region top = { .code.mem = e->mem };
	struct region head = { .code.mem = e->mem };

	e->u = u;
	e->reg = &top;
	e->depth = 1;
	e->line = 0;
	emit_body(e, u->body);
	emit_epilogue(e, u);
	e->reg = &head;
	e->depth = 0;
	emit_line(e, "%s(%s)\n{", handler_macro(u->h), u->name);
	e->depth = 1;
	emit_prologue(e, u);
	e->depth = 0;
	text_add(out, u->bodies.s ? u->bodies.s : "", u->bodies.n);
	text_puts(out, head.code.s);
	text_puts(out, top.code.s);
	text_puts(out, "}\n\n");
}

static void emit_function(struct emit *e, struct unit *u, struct text *out)
{
	struct region top = { .code.mem = e->mem };

	e->u = u;
	e->reg = &top;
	e->depth = 1;
	e->line = 0;
	text_puts(&top.code, "");
	if (u->fn->c_body)
		emit_c_body(e, u);
	else
		emit_body(e, u->body);
	e->depth = 0;
	text_add(out, u->bodies.s ? u->bodies.s : "", u->bodies.n);
	text_printf(out, "%s int %s(struct rt_run *%s, struct %s_frame *f)\n{\n",
		    u->fn->recursive ? "RT_RECURSIVE" : u->fn->c_body ?
		    "RT_OUTLINE" : "RT_FUNCTION", u->name, e->kernel ? "r" : "caller", u->name);
	text_puts(out, e->kernel ? "\tRT_IN_FUNCTION;\n" :
		  "\tRT_IN_FUNCTION(caller, f);\n");
	text_putc(out, '\n');
	text_add(out, top.code.s ? top.code.s : "", top.code.n);
	if (u->out_used)
		text_puts(out, "out:\n");
	text_puts(out, u->fn->c_body ? "\treturn s->err != 0;\n}\n\n" :
		  "\treturn 0;\n}\n\n");
}

/* Recursive functions call each other before they are defined. */
static void declare_functions(struct emit *e, struct text *out)
{
	size_t i;

	for (i = 0; i < e->nunits; i++)
		if (e->units[i].fn && e->units[i].fn->recursive)
			text_printf(out, "RT_RECURSIVE int %s(struct rt_run *, "
				    "struct %s_frame *);\n", e->units[i].name,
				    e->units[i].name);
}

static void emit_program(struct emit *e, const char *script_name,
			 struct text *out)
{
	struct region head = { .code.mem = e->mem };
	struct text code = { .mem = e->mem };
	size_t i;

	text_puts(&code, "");
	for (i = 0; i < e->nunits; i++)
		if (e->units[i].fn)
			emit_function(e, &e->units[i], &code);
		else
			emit_handler(e, &e->units[i], &code);
	emit_dispatch(e, IR_AT_SYS_ENTER, &code);
	emit_dispatch(e, IR_AT_SYS_EXIT, &code);
	if (e->module)
		emit_tables(e, &code);
	e->reg = &head;
	e->depth = 0;
	emit_limits(e, script_name);
	emit_globals(e);
	emit_names(e);
	emit_word_tables(e);
	emit_regexes(e);
	for (i = 0; i < e->lay->maps.n; i++)
		if (e->lay->maps.v[i].global && (!e->kernel || e->module ||
		    in_kernel(e->lay->maps.v[i].global)))
			emit_map_types(e, &e->lay->maps.v[i]);
	emit_snapshot(e);
	emit_frames(e);
	emit_caught_caps(e);
	text_puts(out, head.code.s);
	declare_functions(e, out);
	text_puts(out, code.s);
}

void emit_c(struct arena *mem, const struct ir *ir, const struct ir_layout *lay,
	    bool kernel, const char *script_name, struct text *out)
{
	struct emit e = { .mem = mem, .ir = ir, .lay = lay, .kernel = kernel,
			  .module = ir->module };
	const struct ir_handler *h;

	for (h = ir->handlers; h; h = h->next)
		if (ir->module || kernel == (h->prog != IR_LOADER))
			break;
	if (!h)
		return;
	find_units(&e);
	emit_program(&e, script_name, out);
}

/* --- sizes of frames --------------------------------------------------------------- */

static uint32_t slots_size(const struct unit *u)
{
	uint32_t size = 8 * u->nregions;	/* foreach's, at most */
	const struct ir_slot *s;
	unsigned members;
	uint32_t room;

	for (s = u->slots; s; s = s->next)
		if (emit_first_of_pool(u, s, &room, &members))
			size += room;
	return size;
}

static uint32_t result_size(const struct emit *e, const struct unit *u)
{
	if (!u->fn || !u->fn->has_result)
		return 0;
	return u->fn->result == IR_LONG ? 8 :
	       width(e->ir, u->fn->result_cap);
}

/* RT_STAMPED of runtime/bpf. */
static uint32_t stamped(uint32_t size)
{
	return size ? size + sizeof(struct stb_stamp) : 0;
}

/* As struct frame: the head, functions' slots, the largest handler's. */
static uint32_t kernel_frame(struct emit *e)
{
	enum { HEAD = 8 + 40, TOKENS = 8 + 32 };  /* of runtime/bpf/engine.h */
	uint32_t size = HEAD + stamped(e->need.raise) + e->need.cat +
			e->need.key + e->need.value +
			emit_round(stamped(e->need.out)) + emit_match_size(e) +
			emit_user_size(e->ir) + emit_words_size(e->ir) +
			(e->need.tokens ? TOKENS +
			emit_round(e->ir->string_len) : 0);
	uint32_t handler = 0, n;
	bool any = false;
	size_t i;

	for (i = 0; i < e->nunits; i++) {
		const struct unit *u = &e->units[i];

		any |= u->needs_frame;
		if (!u->slots_in_frame)
			continue;
		n = slots_size(u) - 8 * u->nregions + u->each_size;
		if (u->fn)
			size += n + result_size(e, u);
		else if (handler < n)
			handler = n;
	}
	return any ? size + handler : 0;
}

/* Every frame that can be in use at once in the loader. */
static uint32_t user_frames(struct emit *e)
{
	uint64_t size = 0, largest = 0, n;
	size_t i;

	for (i = 0; i < e->nunits; i++) {
		const struct unit *u = &e->units[i];

		n = slots_size(u) + result_size(e, u) + 64;
		if (u->fn)
			size += u->fn->recursive ? n * ((uint64_t)
				e->ir->max_nesting + 1) : n;
		else if (largest < n)
			largest = n;
	}
	size += largest + 256 + e->need.key + emit_match_size(e) +
		8 * e->lay->globals.n;
	return size > 1u << 30 ? 1u << 30 : (uint32_t)size;
}

void emit_layout(struct arena *mem, const struct ir *ir, struct ir_layout *lay)
{
	struct emit e = { .mem = mem, .ir = ir, .lay = lay, .kernel = true,
			  .module = ir->module };
	uint32_t id = 0;
	const struct ir_global *g;

	lay_globals(mem, ir, lay);
	for (g = ir->globals; g; g = g->next)
		if (id <= (uint32_t)g->index)
			id = (uint32_t)g->index + 1;
	find_units(&e);
	if (ir->module)		/* it has its memory by itself */
		return;
	lay->frame_size = kernel_frame(&e);
	lay->frame_levels = lay->frame_size ? FRAME_LEVELS : 0;
	emit_user_maps(mem, ir, id + 2, lay);
	if (e.nunits)
		vec_push(mem, &lay->maps, ((struct ir_layout_map){
			.id = id, .name = "stb_ring", .type = "ringbuf",
			.keys = "", .max_entries = RING_SIZE, .flags = 4 }));
	if (lay->frame_size)
		vec_push(mem, &lay->maps, ((struct ir_layout_map){
			.id = id + 1, .name = "stb_frames",
			.type = "percpu_array", .keys = "", .key_size = 4,
			.value_size = lay->frame_size,
			.max_entries = FRAME_LEVELS, .flags = 4 }));
	e = (struct emit){ .mem = mem, .ir = ir, .lay = lay };
	find_units(&e);
	lay->user_stack = e.nunits ? user_frames(&e) : 0;
}
