/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target_place.c - where probes go: entries and returns of functions, and
 * addresses within a function's code, which is its copy out of line or an
 * instance inlined elsewhere; lines, labels and calls there; the variables
 * that can be seen.
 */
#include "facts.h"

#include <limits.h>
#include <string.h>

/* --- places ------------------------------------------------------------------ */

struct place_facts {		/* place.impl */
	struct variable **v;
	size_t n;
	uint64_t die;			/* of the code */
	bool read;
	bool find_die;			/* what has the address; not yet known */
};

/*
 * A uprobe on endbr64 is single-stepped, seven times as dear as one on what
 * follows. A push or a change of the stack pointer behind it can be no target
 * of a jump within the function: there the probe fires once per call too.
 */
static uint64_t past_endbr(const struct facts *f, uint64_t addr)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	uint8_t c[8];
	bool push, sub;

	if (!object_read(&f->main, addr, c, sizeof(c)) ||
	    memcmp(c, endbr64, 4))
		return addr;
	push = (c[4] & 0xf8) == 0x50 || (c[4] == 0x41 && (c[5] & 0xf8) == 0x50);
	sub = c[4] == 0x48 && (c[5] == 0x83 || c[5] == 0x81) && c[6] == 0xec;
	return push || sub ? addr + 4 : addr;
}

static uint64_t die_of(const struct func *f)
{
	const struct ix_func *x = f->impl;

	return x ? x->die : 0;
}

static struct place *new_place(struct target *t, struct func *f,
			       enum place_when when, uint64_t addr,
			       uint64_t die)
{
	struct arena *mem = target_mem(t);
	struct place *p = NEW(mem, struct place);
	struct place_facts *pf = NEW(mem, struct place_facts);
	struct facts *fa = f->bin->impl;

	p->func = f;
	p->when = when;
	p->addr = addr;
	if (f->bin->kind == BIN_PROGRAM)
		p->file_offset = object_offset(&fa->main, addr);
	p->impl = pf;
	pf->die = die;
	return p;
}

struct place *target_place(struct target *t, struct func *f,
			   enum place_when when)
{
	uint64_t addr = f->addr;
	struct place *p;

	if (f->bin->kind == BIN_PROGRAM)
		addr = past_endbr(f->bin->impl, addr);
	p = new_place(t, f, when, addr, die_of(f));
	p->code = f;
	return p;
}

struct place *target_place_at(struct target *t, const struct code *c,
			      uint64_t addr)
{
	struct place *p;

	if (!c->is_inlined && addr == c->func->addr)
		return target_place(t, c->func, AT_ENTRY);
	p = new_place(t, c->func, AT_PC, addr, c->die);
	p->code = target_func_around(t, c->func->bin, addr);
	return p;
}

struct place *target_place_code(struct target *t, struct binary *b,
				uint64_t addr, const char *name)
{
	struct func *f = target_func_around(t, b, addr);
	struct place_facts *pf;
	struct place *p;

	if (!f) {
		f = NEW(target_mem(t), struct func);
		f->bin = b;
		f->name = f->linkage = name;
		f->addr = addr;
	}
	p = new_place(t, f, AT_PC, addr, 0);
	p->code = f->impl ? f : NULL;
	pf = p->impl;
	pf->find_die = true;
	return p;
}

/* --- code ---------------------------------------------------------------------- */

struct func *target_func_around(struct target *t, struct binary *b,
				uint64_t addr)
{
	const struct index *ix = index_of(b);
	const struct ix_func *x = ix ? index_func_around(ix, addr) : NULL;

	return x ? make_func(b, x) : NULL;
}

size_t target_code(struct target *t, struct func *f,
		   void (*each)(void *arg, const struct code *c), void *arg)
{
	const struct ix_func *x = f->impl;
	const struct index *ix;
	size_t i;

	if (!f->is_inline_only) {
		each(arg, &(struct code){ .func = f, .addr = f->addr,
					  .die = die_of(f) });
		return 1;
	}
	ix = index_of(f->bin);
	for (i = 0; i < x->ninst; i++) {
		const struct ix_inst *in = &ix->insts[x->first + i];

		each(arg, &(struct code){ .func = f, .addr = in->addr,
					  .die = in->die, .is_inlined = true });
	}
	return x->ninst;
}

size_t target_rows(struct target *t, const struct code *c, struct row **out)
{
	size_t n = 0;

	*out = NULL;
	if (c->func->bin->has_dwarf && c->die)
		*out = dwarf_rows(c->func->bin->impl, c->die, c->func->file,
				  &n);
	return n;
}

bool code_has(const struct code *c, uint64_t addr)
{
	if (!c->func->bin->has_dwarf || !c->die)
		return addr - c->addr < c->func->size;
	return dwarf_has_pc(c->func->bin->impl, c->die, addr);
}

void code_span(const struct code *c, uint64_t *low, uint64_t *high)
{
	*low = c->addr;
	*high = c->addr + c->func->size;
	if (c->func->bin->has_dwarf && c->die)
		dwarf_span(c->func->bin->impl, c->die, low, high);
}

unsigned target_next_line(struct target *t, struct binary *b,
			  const struct func *f)
{
	const struct ix_func *x = f->impl, *y;
	const struct index *ix = index_of(b);
	unsigned next = UINT_MAX;
	size_t i;

	for (i = 0; ix && x && i < ix->nfuncs; i++) {
		y = &ix->funcs[i];
		if (y->file == x->file && y->line > x->line && y->line < next)
			next = y->line;
	}
	return next;
}

void target_labels(struct target *t, const struct code *c,
		   void (*each)(void *arg, const char *name, unsigned line,
				uint64_t addr), void *arg)
{
	if (c->func->bin->has_dwarf && c->die)
		dwarf_labels(c->func->bin->impl, c->die, each, arg);
}

bool target_is_row(struct target *t, struct binary *b, uint64_t addr,
		   uint64_t *near)
{
	*near = 0;
	return b->has_dwarf && dwarf_is_row(b->impl, addr, near);
}

struct wanted {
	const char *name, *file;
	unsigned line;
	bool inlined, anywhere;
	struct func *found;
};

static void want_func(void *arg, struct func *f)
{
	struct wanted *w = arg;

	if (f->is_inline_only == w->inlined && !w->found &&
	    (w->anywhere ? !f->is_static : f->line == w->line && f->file &&
	     w->file && !strcmp(f->file, w->file)))
		w->found = f;
}

static struct func *find_declared(struct target *t, struct binary *b,
				  struct wanted w)
{
	target_functions(t, b, w.name, want_func, &w);
	return w.found;
}

bool target_code_at(struct target *t, struct binary *b, uint64_t addr,
		    struct code *c)
{
	struct func *f = target_func_around(t, b, addr);
	struct call call;

	if (!f)
		return false;
	*c = (struct code){ .func = f, .addr = f->addr, .die = die_of(f) };
	if (!b->has_dwarf || !c->die ||
	    !dwarf_inlined_at(b->impl, c->die, addr, &call))
		return true;
	f = find_declared(t, b, (struct wanted){
		.name = call.name, .file = call.file, .line = call.line,
		.inlined = true });
	if (f)
		*c = (struct code){ .func = f, .die = call.die,
				    .addr = call.addr, .is_inlined = true };
	return true;
}

struct callee_walk {
	struct target *t;
	const struct code *from;
	void (*each)(void *arg, const struct callee *c);
	void *arg;
};

static void tell_callee(void *arg, const struct call *call)
{
	struct callee_walk *w = arg;
	struct binary *b = w->from->func->bin;
	struct wanted want = {
		.name = call->name, .file = call->file, .line = call->line,
		.inlined = call->is_inlined,
	};
	struct callee c = { .back = call->addr, .is_tail = call->is_tail };
	struct func *f = find_declared(w->t, b, want);

	if (!f && !call->is_inlined) {
		want.anywhere = true;
		f = find_declared(w->t, b, want);
	}
	if (!f)
		return;
	c.code = (struct code){ .func = f, .addr = call->addr,
				.die = call->die, .is_inlined = true };
	if (!call->is_inlined)
		c.code = (struct code){ .func = f, .addr = f->addr,
					.die = die_of(f) };
	w->each(w->arg, &c);
}

void target_callees(struct target *t, const struct code *c,
		    void (*each)(void *arg, const struct callee *c), void *arg)
{
	struct callee_walk w = { t, c, each, arg };

	if (c->func->bin->has_dwarf && c->die)
		dwarf_calls(c->func->bin->impl, c->die, tell_callee, &w);
}

bool target_return_at(struct target *t, struct binary *b, uint64_t addr,
		      int *reg, int64_t *off)
{
	if (!b->has_dwarf || !dwarf_cfa_at(b->impl, addr, reg, off))
		return false;
	*off -= 8;
	return true;
}

/* --- variables ------------------------------------------------------------------ */

static struct place_facts *variables_at(struct target *t, struct place *p)
{
	struct place_facts *pf = p->impl;
	struct binary *b = p->func->bin;
	struct btf_facts *btf = target_btf(t);
	struct code c;

	if (pf->read)
		return pf;
	pf->read = true;
	if (pf->find_die && target_code_at(t, b, p->addr, &c))
		pf->die = c.die;
	if (b->has_dwarf) {
		pf->v = dwarf_variables(b->impl, p, pf->die, &pf->n);
	} else if (btf && b->kind == BIN_KERNEL) {
		uint32_t id = (uint32_t)btf_func_id(btf, p->func->name);

		pf->v = btf_params_of(btf, b, id, &pf->n);
	}
	return pf;
}

uint32_t target_task_iterator(struct target *t)
{
	struct btf_facts *btf = target_btf(t);
	struct binary *k = target_kernel(t);
	const struct index *ix = btf ? NULL : index_of(k);
	size_t i, n;

	if (btf)
		return (uint32_t)btf_func_id(btf, "bpf_iter_task");
	for (i = 0, n = ix ? index_func_range(ix, "bpf_iter_task", &i) : 0;
	     i < n; i++)
		if (ix->funcs[ix->func_names[i]].btf_id)
			return ix->funcs[ix->func_names[i]].btf_id;
	return 0;
}

struct variable *place_variable_at(struct target *t, struct place *p, size_t i)
{
	struct place_facts *pf = variables_at(t, p);

	return i < pf->n ? pf->v[i] : NULL;
}

struct variable *place_variable(struct target *t, struct place *p,
				const char *name)
{
	struct place_facts *pf = variables_at(t, p);
	size_t i = pf->n;

	while (i-- > 0)		/* inner blocks come last */
		if (!strcmp(pf->v[i]->name, name))
			return pf->v[i];
	return NULL;
}

struct variable *place_return(struct target *t, struct place *p)
{
	struct binary *b = p->func->bin;
	struct btf_facts *btf = target_btf(t);

	if (b->has_dwarf && die_of(p->func))
		return dwarf_return(b->impl, die_of(p->func));
	if (btf && b->kind == BIN_KERNEL)
		return btf_return(btf, b, (uint32_t)
				  btf_func_id(btf, p->func->name));
	return NULL;
}

