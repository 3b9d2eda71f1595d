/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ir_finish.c - what only the whole program tells: who touches which global,
 * which of them need a lock and who takes it, how long strings can get, who
 * needs a frame; and what the engine of a handler cannot do.
 *
 * In: IR as lower.c makes it. Out: the fields marked "by ir.c" in ir.h.
 * docs/ir.md has the rules and their reasons.
 */
#include "ir.h"

#include <stdlib.h>
#include <string.h>

extern const struct tag E_ENGINE[1];

/* What one handler does to globals, itself and through functions. */
struct tally {
	bool *reads, *writes;	/* by index of the global */
	int singles;		/* steps that do not commute with others */
	bool torn;		/* copies of strings, which are no single step */
};

struct finish {
	struct job *j;
	struct ir *ir;
	struct arena mem;
	size_t nglobals, nhandlers;
	struct tally *tallies;		/* by handler */
	bool *only_added;		/* by global */
	bool changed;			/* a fixpoint has not been reached */
	unsigned round;
};

struct walk {
	struct finish *f;
	struct ir_handler *h;
	struct tally *tally;
	bool counting;		/* singles, too: constants are known */
	int loops;		/* around the statement */
	VEC(struct ir_function *) calls;
};

static bool in_kernel(const struct finish *f, const struct ir_handler *h)
{
	return f->ir->module || h->prog != IR_LOADER;
}

/* begin, end and error probes never run beside others. */
static bool is_alone(const struct ir_handler *h)
{
	return h->when == IR_BEGIN || h->when == IR_END ||
	       h->when == IR_ERROR;
}

static bool calls_now(const struct walk *w, const struct ir_function *fn)
{
	size_t i;

	for (i = 0; i < w->calls.n; i++)
		if (w->calls.v[i] == fn)
			return true;
	return false;
}

bool ir_c_uses(const char *c, const char *macro, const char *global)
{
	size_t n = strlen(macro), len = strlen(global);

	for (; (c = strstr(c, macro)); c += n)
		if (!strncmp(c + n, global, len) &&
		    !(c[n + len] == '_' || (c[n + len] >= '0' &&
		      c[n + len] <= '9') || ((c[n + len] | 32) >= 'a' &&
		      (c[n + len] | 32) <= 'z')))
			return true;
	return false;
}

/* --- who touches what -------------------------------------------------------- */

enum { READS = 1, WRITES = 2, COMMUTES = 4, TEARS = 8 };

/* Into an array that wraps, where the oldest may have to go. */
static bool may_evict(const struct ir_stmt *s)
{
	return s->global && s->global->wraps &&
	       (s->kind == IR_MAP_SET || s->kind == IR_MAP_MODIFY ||
		s->kind == IR_MAP_CAT || s->kind == IR_STAT_ADD);
}

/* Goes over the array, in the kernel. */
static bool is_walk(const struct ir_stmt *s)
{
	return s->kind == IR_FOREACH || s->kind == IR_MAP_CLEAR || may_evict(s);
}

static bool is_sum(const struct ir_stmt *s)
{
	return s->op == IR_ADD || s->op == IR_SUB;
}

/* What a statement does to its global: a flat switch. */
static unsigned access_of(const struct ir_stmt *s)
{
	bool string = s->global && s->global->value == IR_V_STRING;

	switch (s->kind) {
	case IR_GET: case IR_MAP_GET:
		return READS | (string ? TEARS : 0);
	case IR_MAP_IN: case IR_STAT_GET: case IR_STAT_BUCKET:
	case IR_PRINT_HIST: case IR_FOREACH:
		return READS;
	case IR_SET: case IR_MAP_SET:
		return WRITES | (string ? TEARS : 0);
	case IR_MAP_DEL: case IR_MAP_CLEAR:
		return WRITES;
	case IR_MODIFY: case IR_MAP_MODIFY:
		if (s->dst)
			return READS | WRITES;
		return WRITES | (is_sum(s) ? COMMUTES : 0);
	case IR_MAP_CAT:
		return READS | WRITES | TEARS;
	case IR_STAT_ADD:
		return WRITES | COMMUTES;
	case IR_MOVE: case IR_UN: case IR_BIN: case IR_CAT: case IR_STRCMP:
	case IR_MATCH:
	case IR_LOAD: case IR_LOAD_STR: case IR_LOAD_MEM: case IR_REG:
	case IR_ARG:
	case IR_RETVAL: case IR_CTX: case IR_COOKIE: case IR_SITE_NAME:
	case IR_KADDR: case IR_CALL:
	case IR_CALL_FN: case IR_PRINT: case IR_FORMAT: case IR_WORDS: case IR_IF:
	case IR_LOOP: case IR_BREAK: case IR_CONTINUE: case IR_TRY:
	case IR_RAISE: case IR_RETURN: case IR_NEXT: case IR_EXIT:
	case IR_C: case IR_STORE: case IR_SET_REG:
		return 0;
	}
	bug("statement %d", s->kind);
}

static void tally_access(struct walk *w, const struct ir_stmt *s)
{
	unsigned how = access_of(s);
	struct ir_global *g = s->global;

	if (!how || g->hidden)
		return;
	if (in_kernel(w->f, w->h))
		g->in_kernel = true;
	else
		g->in_loader = true;
	if (in_kernel(w->f, w->h)) {
		g->read_in_kernel |= s->kind == IR_STAT_GET ||
			s->kind == IR_STAT_BUCKET ||
			(s->kind == IR_FOREACH && g->value == IR_V_STAT);
		g->walked_in_kernel |= s->kind == IR_FOREACH;
		g->cleared_in_kernel |= s->kind == IR_MAP_CLEAR;
		g->evicts_in_kernel |= may_evict(s);
	}
	if (s->peek)
		return;
	w->tally->reads[g->index] |= how & READS;
	w->tally->writes[g->index] |= (how & WRITES) != 0;
	if (in_kernel(w->f, w->h) && (how & WRITES) && s->kind != IR_STAT_ADD &&
	    !((s->kind == IR_MODIFY || s->kind == IR_MAP_MODIFY) && is_sum(s)))
		w->f->only_added[g->index] = false;
	/* of an array the loader keeps what it adds to itself: nobody else may
	   look */
	if (in_kernel(w->f, w->h) && ((how & READS) || is_walk(s)) && g->nkeys)
		w->f->only_added[g->index] = false;
	if (!w->counting || g->constant)
		return;
	if (how & TEARS)
		w->tally->torn = true;
	if (!(how & COMMUTES) || is_walk(s))
		w->tally->singles += w->loops || is_walk(s) ? 2 : 1;
}

static void tally_body(struct walk *w, const struct ir_stmt *s);

/* What C does to globals, it says by the names of macros. */
static void tally_c(struct walk *w, const struct ir_function *fn)
{
	bool reads, writes;
	struct ir_global *g;

	for (g = w->f->ir->globals; g && fn->c_body; g = g->next) {
		reads = ir_c_uses(fn->c_body, "STAP_GLOBAL_GET_", g->name);
		writes = ir_c_uses(fn->c_body, "STAP_GLOBAL_SET_", g->name);
		if (!reads && !writes)
			continue;
		g->in_kernel = true;
		w->tally->reads[g->index] |= reads;
		w->tally->writes[g->index] |= writes;
		w->tally->singles += 2;
	}
}

static void tally_call(struct walk *w, struct ir_function *fn)
{
	tally_c(w, fn);
	if (in_kernel(w->f, w->h))
		fn->in_kernel = true;
	else
		fn->in_loader = true;
	if (calls_now(w, fn))
		return;
	vec_push(&w->f->mem, &w->calls, fn);
	w->loops += fn->recursive;
	tally_body(w, fn->body);
	w->loops -= fn->recursive;
	w->calls.n--;
}

/* Of two ways, only one is gone. */
static void tally_either(struct walk *w, const struct ir_stmt *s)
{
	int before = w->tally->singles, most;

	tally_body(w, s->body);
	most = w->tally->singles;
	w->tally->singles = before;
	tally_body(w, s->other);
	if (w->tally->singles < most)
		w->tally->singles = most;
}

static void tally_body(struct walk *w, const struct ir_stmt *s)
{
	bool loops;

	for (; s; s = s->next) {
		tally_access(w, s);
		if (s->kind == IR_CALL_FN)
			tally_call(w, s->fn);
		if (s->kind == IR_IF) {
			tally_either(w, s);
			continue;
		}
		loops = s->kind == IR_LOOP || s->kind == IR_FOREACH;
		w->loops += loops;
		tally_body(w, s->body);
		tally_body(w, s->other);
		w->loops -= loops;
	}
}

static void tally_all(struct finish *f, bool counting)
{
	struct ir_handler *h;
	size_t i = 0;

	for (h = f->ir->handlers; h; h = h->next, i++) {
		struct walk w = { .f = f, .h = h, .counting = counting,
				  .tally = &f->tallies[i] };

		tally_body(&w, h->body);
		if (in_kernel(f, h))
			f->ir->has_kernel = true;
		else
			f->ir->has_loader = true;
	}
}

static void find_constants(struct finish *f)
{
	struct ir_handler *h;
	struct ir_global *g;
	size_t i;

	for (g = f->ir->globals; g; g = g->next) {
		g->constant = !g->hidden;
		for (h = f->ir->handlers, i = 0; h; h = h->next, i++)
			if (f->tallies[i].writes[g->index] && !is_alone(h))
				g->constant = false;
	}
}

/* Hidden arrays belong to the engine of the handlers that use them. */
static void place_hidden(struct ir *ir)
{
	struct ir_global *g;

	for (g = ir->globals; g; g = g->next)
		if (g->hidden)
			g->in_kernel = true;
}

/* --- locks ------------------------------------------------------------------- */

static bool touches(const struct tally *t, const struct ir_global *g)
{
	return !g->hidden && !g->constant &&
	       (t->reads[g->index] || t->writes[g->index]);
}

static bool touches_locked(struct finish *f, const struct tally *t)
{
	struct ir_global *g;

	for (g = f->ir->globals; g; g = g->next)
		if (g->lock >= 0 && touches(t, g))
			return true;
	return false;
}

static void lock_global(struct finish *f, struct ir_global *g)
{
	if (g->lock < 0)
		f->changed = true;
	g->lock = 0;
}

/* Kernel handlers lock all they touch, or nothing. */
static void lock_kernel(struct finish *f, const struct tally *t)
{
	struct ir_global *g;

	if (!t->torn && t->singles <= 1 && !touches_locked(f, t))
		return;
	for (g = f->ir->globals; g; g = g->next)
		if (touches(t, g))
			lock_global(f, g);
}

/* A timer that reads and writes what the kernel stores into. */
static void lock_loader(struct finish *f, const struct tally *t)
{
	struct ir_global *g;

	for (g = f->ir->globals; g; g = g->next)
		if (touches(t, g) && g->in_kernel && !g->only_added &&
		    t->reads[g->index] && t->writes[g->index])
			lock_global(f, g);
}

static void take_locks(struct finish *f, struct ir_handler *h,
		       const struct tally *t)
{
	struct ir_global *g;

	if (is_alone(h))
		return;
	h->locks = NEW_ARRAY(f->ir->mem, struct ir_lock, f->nglobals + 1);
	for (g = f->ir->globals; g; g = g->next) {
		if (g->lock < 0 || !touches(t, g))
			continue;
		h->locks[h->nlocks++] = (struct ir_lock) {
			g, t->writes[g->index] ? IR_LOCK_WRITE : IR_LOCK_READ,
		};
	}
}

static void decide_locks(struct finish *f)
{
	struct ir_handler *h;
	struct ir_global *g;
	size_t i;

	for (g = f->ir->globals; g; g = g->next) {
		g->lock = -1;
		g->only_added = f->only_added[g->index] && g->in_kernel &&
				g->in_loader && !g->constant;
	}
	do {
		f->changed = false;
		for (h = f->ir->handlers, i = 0; h; h = h->next, i++) {
			if (is_alone(h))
				continue;
			if (in_kernel(f, h))
				lock_kernel(f, &f->tallies[i]);
			else
				lock_loader(f, &f->tallies[i]);
		}
	} while (f->changed);
	f->ir->nlocks = 0;
	for (g = f->ir->globals; g; g = g->next)
		if (g->lock >= 0)
			g->lock = f->ir->nlocks++;
	for (h = f->ir->handlers, i = 0; h; h = h->next, i++)
		take_locks(f, h, &f->tallies[i]);
	for (g = f->ir->globals; g; g = g->next)
		g->only_added &= g->lock < 0;
}

/* --- how long strings get ---------------------------------------------------- */

static void raise_cap(struct finish *f, uint32_t *cap, uint64_t to)
{
	if (f->round > 8 && to > *cap)
		to = f->ir->string_len;	/* grows in a loop */
	if (to > f->ir->string_len)
		to = f->ir->string_len;
	if (to <= *cap)
		return;
	*cap = (uint32_t)to;
	f->changed = true;
}

static uint64_t cap_of(const struct ir_opnd *o)
{
	if (o->kind == IR_LIT)
		return o->len + 1;
	if (o->kind == IR_SLOT && o->slot->type == IR_STRING)
		return o->slot->cap ? o->slot->cap : 1;
	return 0;
}

/* Literal text and 24 bytes for a number, the width where that is more. */
static uint64_t cap_of_format(const struct ir *ir, const struct ir_stmt *s)
{
	const struct ir_format *form = &ir->formats.v[s->format];
	uint64_t cap = form->len + 1;
	size_t i;

	for (i = 0; i + 1 < form->len; i++) {
		if (form->text[i] != '%')
			continue;
		i += strspn(form->text + i + 1, "0 +-#") + 1;
		if (form->text[i] == '*' || form->text[i] == '.')
			return ir->string_len;
		cap += strtoul(form->text + i, NULL, 10) % 65536;
	}
	for (i = 0; i < s->nargs; i++)
		cap += s->arg_types[i] == 's' ? cap_of(&s->args[i]) : 24;
	return cap;
}

static void size_keys(struct finish *f, const struct ir_stmt *s)
{
	struct ir_global *g = s->global;
	size_t i;

	for (i = 0; i < s->nargs && i < g->nkeys; i++)
		if (g->keys[i] == IR_STRING)
			raise_cap(f, &g->key_caps[i], cap_of(&s->args[i]));
}

static void size_foreach(struct finish *f, const struct ir_stmt *s)
{
	struct ir_global *g = s->global;
	size_t i;

	if (s->each->over_buckets)
		return;
	for (i = 0; i < g->nkeys; i++)
		if (s->each->keys[i] && g->keys[i] == IR_STRING)
			raise_cap(f, &s->each->keys[i]->cap, g->key_caps[i]);
	if (s->each->value && g->value == IR_V_STRING)
		raise_cap(f, &s->each->value->cap, g->value_cap);
}

static void size_call(struct finish *f, const struct ir_stmt *s)
{
	size_t i;

	for (i = 0; i < s->nargs; i++)
		if (s->fn->params[i]->type == IR_STRING)
			raise_cap(f, &s->fn->params[i]->cap,
				  cap_of(&s->args[i]));
}

/* The most bytes a statement's string result can have. */
static uint64_t cap_of_result(struct finish *f, const struct ir_stmt *s)
{
	if (s->kind == IR_MOVE)
		return cap_of(&s->a);
	if (s->kind == IR_CAT)
		return cap_of(&s->a) + cap_of(&s->b) - 1;
	if (s->kind == IR_LOAD_STR && s->b.kind == IR_NUM && s->b.num >= 0)
		return (uint64_t)s->b.num + 1;
	if ((s->kind == IR_CALL && s->cap) || s->kind == IR_LOAD_MEM)
		return s->cap;
	if (s->kind == IR_CALL_FN)
		return s->fn->result_cap;
	if (s->kind == IR_SITE_NAME)
		return f->ir->names.v[s->num].cap;
	if (s->kind == IR_MAP_GET)
		return s->global->value_cap;
	if (s->kind == IR_FORMAT)
		return cap_of_format(f->ir, s);
	return f->ir->string_len;
}

/* C may write as much as there is room for, wherever it can. */
static void size_c(struct finish *f, struct ir_function *fn)
{
	uint32_t all = f->ir->string_len;
	struct ir_global *g;
	size_t i;

	if (!fn->c_body)
		return;
	raise_cap(f, &fn->result_cap, all);
	for (i = 0; i < fn->nparams; i++)
		if (fn->params[i]->type == IR_STRING)
			raise_cap(f, &fn->params[i]->cap, all);
	for (g = f->ir->globals; g; g = g->next) {
		if (!ir_c_uses(fn->c_body, "STAP_GLOBAL_SET_", g->name))
			continue;
		raise_cap(f, &g->value_cap, all);
		for (i = 0; i < g->nkeys; i++)
			if (g->keys[i] == IR_STRING)
				raise_cap(f, &g->key_caps[i], all);
	}
}

static void size_body(struct finish *f, struct ir_function *fn,
		      const struct ir_stmt *s)
{
	for (; s; s = s->next) {
		if (s->global && s->args)
			size_keys(f, s);
		if (s->kind == IR_FOREACH)
			size_foreach(f, s);
		if (s->kind == IR_CALL_FN)
			size_call(f, s);
		if (s->kind == IR_RETURN && fn && fn->has_result &&
		    fn->result == IR_STRING)
			raise_cap(f, &fn->result_cap, cap_of(&s->a));
		if (s->kind == IR_MAP_SET && s->global->value == IR_V_STRING)
			raise_cap(f, &s->global->value_cap, cap_of(&s->a));
		if (s->kind == IR_MAP_CAT)
			raise_cap(f, &s->global->value_cap, f->ir->string_len);
		if (s->dst && s->dst->type == IR_STRING)
			raise_cap(f, &s->dst->cap, cap_of_result(f, s));
		size_body(f, fn, s->body);
		size_body(f, fn, s->other);
	}
}

/* Where nothing is ever stored, there is "" all the same. */
static void size_slots(struct ir_slot *s)
{
	for (; s; s = s->next)
		if (s->type == IR_STRING && !s->cap)
			s->cap = 1;
}

/* Keys and values of arrays, in eights. */
static uint32_t size_in_map(uint32_t cap)
{
	return cap ? (cap + 7) & ~7u : 8;
}

static void size_strings(struct finish *f)
{
	struct ir_function *fn;
	struct ir_handler *h;
	struct ir_global *g;
	size_t i;

	for (g = f->ir->globals; g; g = g->next)
		g->key_caps = NEW_ARRAY(f->ir->mem, uint32_t, g->nkeys + 1);
	f->round = 0;
	do {
		f->changed = false;
		for (fn = f->ir->functions; fn; fn = fn->next) {
			size_body(f, fn, fn->body);
			size_c(f, fn);
		}
		for (h = f->ir->handlers; h; h = h->next)
			size_body(f, NULL, h->body);
		f->round++;
	} while (f->changed);
	for (g = f->ir->globals; g; g = g->next) {
		for (i = 0; i < g->nkeys; i++)
			g->key_caps[i] = g->keys[i] == IR_LONG ? 0 :
				size_in_map(g->key_caps[i]);
		g->value_cap = g->value != IR_V_STRING ? 0 :
			       !g->nkeys ? f->ir->string_len :
			       size_in_map(g->value_cap);
	}
	for (fn = f->ir->functions; fn; fn = fn->next) {
		size_slots(fn->slots);
		if (!fn->result_cap)
			fn->result_cap = 1;
	}
	for (h = f->ir->handlers; h; h = h->next)
		size_slots(h->slots);
}

/* --- frames and output ------------------------------------------------------- */

static bool has_strings(const struct ir_slot *s)
{
	for (; s; s = s->next)
		if (s->type == IR_STRING)
			return true;
	return false;
}

/* A string key or value must be built somewhere before a map call. */
static bool body_needs_frame(const struct ir *ir, const struct ir_stmt *s)
{
	size_t i;

	for (; s; s = s->next) {
		if (s->kind == IR_LOOP || s->kind == IR_FOREACH ||
		    s->kind == IR_FORMAT)
			return true;
		if (ir->keeps_matches &&
		    (s->kind == IR_MATCH || s->kind == IR_CALL))
			return true;
		if (s->kind == IR_CALL_FN && s->fn->needs_frame)
			return true;
		if (s->kind == IR_CALL && s->in_process)
			return true;
		if (s->kind == IR_RAISE && s->nargs)
			return true;
		if (s->global && s->args && s->global->value == IR_V_STRING)
			return true;
		for (i = 0; s->global && i < s->nargs; i++)
			if (s->global->keys[i] == IR_STRING)
				return true;
		if (body_needs_frame(ir, s->body) ||
		    body_needs_frame(ir, s->other))
			return true;
	}
	return false;
}

static void decide_frames(struct ir *ir)
{
	struct ir_function *fn;
	struct ir_handler *h;
	bool changed;

	do {
		changed = false;
		for (fn = ir->functions; fn; fn = fn->next) {
			if (fn->needs_frame)
				continue;
			fn->needs_frame = has_strings(fn->slots) ||
					  body_needs_frame(ir, fn->body);
			changed |= fn->needs_frame;
		}
	} while (changed);
	for (h = ir->handlers; h; h = h->next)
		h->needs_frame = has_strings(h->slots) ||
				 body_needs_frame(ir, h->body);
}

/*
 * The most records that a run prints: `*most`; returns how many when it falls
 * through the end of the statements, -1 when it does not.
 */
static int prints_of(const struct ir_stmt *s, int n, int *most)
{
	int a, b;

	for (; s; s = s->next) {
		switch (s->kind) {
		case IR_PRINT:
			n++;
			break;
		case IR_PRINT_HIST: case IR_CALL_FN: case IR_TRY:
		case IR_LOOP: case IR_FOREACH:
			n += 2;	/* may be many: not looked into */
			break;
		case IR_IF:
			a = prints_of(s->body, n, most);
			b = prints_of(s->other, n, most);
			n = a > b ? a : b;
			break;
		case IR_NEXT: case IR_RETURN: case IR_RAISE:
			return -1;
		case IR_MOVE: case IR_UN: case IR_BIN: case IR_CAT:
		case IR_MATCH:
		case IR_STRCMP: case IR_LOAD: case IR_LOAD_STR:
		case IR_LOAD_MEM: case IR_REG:
		case IR_ARG: case IR_RETVAL: case IR_CTX: case IR_COOKIE:
		case IR_SITE_NAME: case IR_KADDR:
		case IR_CALL: case IR_GET: case IR_SET: case IR_MODIFY:
		case IR_MAP_GET: case IR_MAP_SET: case IR_MAP_MODIFY:
		case IR_MAP_CAT: case IR_MAP_IN: case IR_MAP_DEL:
		case IR_MAP_CLEAR: case IR_STAT_ADD: case IR_STAT_GET:
		case IR_STAT_BUCKET: case IR_FORMAT: case IR_WORDS: case IR_BREAK:
		case IR_CONTINUE: case IR_EXIT: case IR_C: case IR_STORE:
		case IR_SET_REG:
			break;
		}
		if (n < 0)
			return -1;
		if (n > *most)
			*most = n;
	}
	return n;
}

/* --- what an engine cannot do ------------------------------------------------ */

static bool refuse(struct walk *w, struct span at, const char *what)
{
	bool kernel = in_kernel(w->f, w->h);
	struct job *j = w->f->j;

	complain(j, at, E_ENGINE, w->f->ir->module ?
		 "%s cannot run in a module; the bpf engine has it in begin, "
		 "end, error and timer probes" : kernel ?
		 "%s cannot run in a kernel probe of the bpf engine; "
		 "move it to a timer or end probe, which the loader runs "
		 "(the module engine will do it where it stands)" :
		 "%s cannot run in a begin, end, error or timer probe, which "
		 "the loader runs; move it to a probe of the kernel or of a "
		 "process (the module engine will do it where it stands)",
		 what);
	if (w->calls.n)
		note_at(j, w->h->at, "called from the probe");
	return false;
}

/* Does the kernel's bpf_snprintf() know every directive? */
static const char *bad_directive(const struct ir_format *f, struct arena *mem)
{
	size_t i, start;
	int n = 0;

	for (i = 0; i < f->len; i++) {
		if (f->text[i] != '%')
			continue;
		start = i++;
		if (f->text[i] == '%')
			continue;
		i += strspn(f->text + i, "0 +-");
		while (f->text[i] >= '0' && f->text[i] <= '9')
			i++;
		while (f->text[i] == 'l')
			i++;
		if (i >= f->len || !strchr("diuxXcs", f->text[i])) {
			i += strspn(f->text + i, ".*#0123456789");
			return arena_printf(mem, "sprintf with %.*s",
					    (int)(i - start + (i < f->len)),
					    f->text + start);
		}
		if (++n > 12)
			return "sprintf of more than 12 values";
	}
	return NULL;
}

/* Do handlers in the loader change it while the kernel's run? What they add or
   take away is in an account of theirs. */
static bool loader_changes(const struct finish *f, const struct ir_global *g)
{
	const struct ir_handler *h;
	size_t i;

	for (h = f->ir->handlers, i = 0; h; h = h->next, i++)
		if (!in_kernel(f, h) && h->when != IR_END &&
		    h->when != IR_ERROR && f->tallies[i].writes[g->index])
			return true;
	return false;
}

static const char *cannot_read(struct walk *w, const struct ir_stmt *s)
{
	if (loader_changes(w->f, s->global))
		return "reading an aggregate that a begin or timer probe "
		       "changes";
	return NULL;
}

/* Functions of the kernel's that it does not give to programs at netfilter
   hooks: who runs has little to do with whose the packet is. */
static bool packets_cannot(const struct ir_stmt *s)
{
	static const char *const names[] = { "execname", "uid", "gid", "uaddr",
					     "stack", "raw_stack", "func_ip",
					     "uplace", "ustack", "raw_ustack",
					     "raw_ustack_from",
					     "ubacktrace", "ucallers",
					     "usymname", "usymdata", "umodname",
					     "sprint_ubacktrace" };
	size_t i;

	for (i = 0; i < COUNT_OF(names); i++)
		if (!strcmp(s->name, names[i]))
			return true;
	return false;
}

/* What needs the loader's tables of symbols, or its host's files. */
static const char *module_cannot(struct walk *w, const struct ir_stmt *s)
{
	static const char *const names[] = {
		"symfile", "symline", "symfileline", "sprint_syms",
		"sprint_stack", "__raise",
	};
	size_t i;

	for (i = 0; s->kind == IR_CALL && i < COUNT_OF(names); i++)
		if (!strcmp(s->name, names[i]))
			return arena_printf(w->f->ir->mem, "%s()", s->name);
	return NULL;
}

static const char *kernel_cannot(struct walk *w, const struct ir_stmt *s)
{
	struct ir *ir = w->f->ir;

	if (ir->module)
		return module_cannot(w, s);
	if (s->kind == IR_FOREACH && s->each->over_buckets)
		return "foreach over the buckets of a histogram";
	if ((s->kind == IR_FOREACH && s->global->value == IR_V_STAT) ||
	    s->kind == IR_STAT_GET || s->kind == IR_STAT_BUCKET)
		return cannot_read(w, s);
	if (s->kind == IR_PRINT_HIST)
		return "printing a histogram";
	if (is_walk(s) && s->global->value == IR_V_STAT &&
	    loader_changes(w->f, s->global))
		return s->kind == IR_MAP_CLEAR ?
		       "delete of an aggregate that a begin or timer probe "
		       "changes" : "making room in an array of aggregates "
		       "('%') that a begin or timer probe changes";
	if (s->kind == IR_FORMAT)
		return bad_directive(&ir->formats.v[s->format], ir->mem);
	if (s->kind == IR_CALL_FN && s->fn->recursive)
		return "a recursive function";
	if (s->kind == IR_CALL && !(s->where & IR_IN_KERNEL))
		return arena_printf(ir->mem, "%s()", s->name);
	if (s->kind == IR_CALL && w->h->prog == IR_NETFILTER &&
	    packets_cannot(s))
		return arena_printf(ir->mem, "%s() of a packet", s->name);
	return NULL;
}

static const char *loader_cannot(struct walk *w, const struct ir_stmt *s)
{
	if (s->kind == IR_LOAD || s->kind == IR_LOAD_STR ||
	    (s->kind == IR_CALL && !strcmp(s->name, "task_current")))
		w->f->ir->loader_reads = true;
	if (s->kind == IR_REG || s->kind == IR_ARG || s->kind == IR_RETVAL)
		return "reading registers";
	if (s->kind == IR_LOAD_MEM)
		return "printing memory (%m)";
	if (s->kind == IR_CALL && !(s->where & IR_IN_LOADER))
		return arena_printf(w->f->ir->mem, "%s()", s->name);
	return NULL;
}

static bool check_body(struct walk *w, const struct ir_stmt *s)
{
	const char *what;
	bool ok = true;

	for (; s; s = s->next) {
		what = in_kernel(w->f, w->h) ? kernel_cannot(w, s) :
					 loader_cannot(w, s);
		if (what)
			ok = refuse(w, s->at, what);
		if (!what && s->kind == IR_CALL_FN && !calls_now(w, s->fn)) {
			vec_push(&w->f->mem, &w->calls, s->fn);
			ok &= check_body(w, s->fn->body);
			w->calls.n--;
		}
		ok &= check_body(w, s->body);
		ok &= check_body(w, s->other);
	}
	return ok;
}

static bool ir_check(struct finish *f)
{
	struct ir_handler *h;
	bool ok = true;

	for (h = f->ir->handlers; h; h = h->next) {
		struct walk w = { .f = f, .h = h };

		ok &= check_body(&w, h->body);
	}
	return ok;
}

/* --- is it IR? ----------------------------------------------------------------- */

static bool has_type(const struct ir_opnd *o, bool string)
{
	if (o->kind == IR_SLOT)
		return (o->slot->type == IR_STRING) == string;
	return o->kind == IR_NONE || (o->kind == IR_LIT) == string;
}

static bool is_sound(const struct ir_stmt *s)
{
	size_t i;

	for (i = 0; s->arg_types && i < s->nargs; i++)
		if (!has_type(&s->args[i], s->arg_types[i] != 'l'))
			return false;
	for (i = 0; s->global && i < s->nargs; i++)
		if (!has_type(&s->args[i], s->global->keys[i] == IR_STRING))
			return false;
	for (i = 0; s->kind == IR_CALL_FN && i < s->nargs; i++)
		if (!has_type(&s->args[i], s->fn->params[i]->type == IR_STRING))
			return false;
	if (s->kind == IR_MOVE)
		return has_type(&s->a, s->dst->type == IR_STRING);
	if (s->kind == IR_SET || s->kind == IR_MAP_SET)
		return has_type(&s->a, s->global->value == IR_V_STRING);
	if (s->kind == IR_IF || s->kind == IR_BIN || s->kind == IR_LOAD ||
	    s->kind == IR_MODIFY || s->kind == IR_STAT_ADD)
		return has_type(&s->a, false) && has_type(&s->b, false);
	if (s->kind == IR_CAT || s->kind == IR_STRCMP)
		return has_type(&s->a, true) && has_type(&s->b, true);
	return true;
}

/* A fault of lower.c's is found here, not by a reader of records. */
static void verify(const struct ir_stmt *s)
{
	struct arena mem = { 0 };
	struct text t = { .mem = &mem };

	for (; s; s = s->next) {
		if (!is_sound(s)) {
			ir_print_body(s, &t);
			bug("types of IR:\n%s", t.s);
		}
		verify(s->body);
		verify(s->other);
	}
}

/* --- all together ------------------------------------------------------------ */

/* Maps get the first numbers, so that those of maps have no gaps. */
static size_t number_globals(struct ir *ir)
{
	struct ir_global *g;
	int n = 0, maps;

	for (maps = 1; maps >= 0; maps--)
		for (g = ir->globals; g; g = g->next)
			if ((g->nkeys || g->value == IR_V_STAT) == maps)
				g->index = n++;
	return (size_t)n;
}

static void new_tallies(struct finish *f)
{
	struct ir_handler *h;
	size_t i;

	for (h = f->ir->handlers; h; h = h->next)
		f->nhandlers++;
	f->tallies = NEW_ARRAY(&f->mem, struct tally, f->nhandlers + 1);
	for (i = 0; i < f->nhandlers; i++) {
		f->tallies[i].reads = NEW_ARRAY(&f->mem, bool, f->nglobals + 1);
		f->tallies[i].writes = NEW_ARRAY(&f->mem, bool,
						 f->nglobals + 1);
	}
	f->only_added = NEW_ARRAY(&f->mem, bool, f->nglobals + 1);
	for (i = 0; i < f->nglobals; i++)
		f->only_added[i] = true;
}

bool ir_finish(struct job *j, struct ir *ir)
{
	struct finish f = { .j = j, .ir = ir };
	struct ir_function *fn;
	struct ir_handler *h;
	bool ok;

	for (fn = ir->functions; fn; fn = fn->next)
		verify(fn->body);
	for (h = ir->handlers; h; h = h->next)
		verify(h->body);
	f.nglobals = number_globals(ir);
	new_tallies(&f);
	place_hidden(ir);
	tally_all(&f, false);
	find_constants(&f);
	tally_all(&f, true);
	decide_locks(&f);
	ir_sink_locks(ir);
	size_strings(&f);
	decide_frames(ir);
	for (h = ir->handlers; h; h = h->next) {
		int most = 0;

		prints_of(h->body, 0, &most);
		h->one_print = most == 1;
	}
	ok = ir_check(&f);
	if (ir->own.on)
		ok &= ir_own_check(j, ir);
	arena_free(&f.mem);
	return ok;
}
