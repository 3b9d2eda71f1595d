/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vm.c - runs BPF instructions of loader handlers.
 *
 * Code is not trusted: an address is a region and an offset, checked at each
 * access; a jump and a call are checked when they are taken; an instruction
 * that is none of BPF's ends the run. What ends in vm_break() is a broken
 * bundle or our fault, and is told as an error of the script's session.
 */
#include "loader/vm_in.h"

#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	GRACE_NS = 1000000000,	/* beyond -T, for a handler that runs then */
	CALL_WORK = 16,
	LOCK_WAIT_NS = 100000000, QUIET_NS = 1000000000,
};

struct frame_link {		/* what a call of a function keeps */
	uint64_t saved[4];	/* r6 ... r9 */
	uint32_t back;
};

struct run {
	struct vm *vm;
	uint64_t r[11];
	uint32_t pc, depth, max_depth;
	uint64_t jumps;
	struct frame_link *links;
};

static void end_run(struct vm *vm, const char *what, const char *fmt,
		    va_list ap)
{
	if (vm->broken)
		return;		/* the first is what matters */
	vm->broken = vm->failed = true;
	vm->message_len = (size_t)snprintf(vm->message, sizeof(vm->message),
					   "%s", what);
	vsnprintf(vm->message + vm->message_len,
		  sizeof(vm->message) - vm->message_len, fmt, ap);
	vm->message_len = strlen(vm->message);
}

void vm_break(struct vm *vm, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end_run(vm, "internal: a handler of the loader is wrong, please report "
		"it: ", fmt, ap);
	va_end(ap);
}

void vm_cannot(struct vm *vm, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end_run(vm, "", fmt, ap);
	va_end(ap);
}

/* --- memory ------------------------------------------------------------------- */

static uint8_t *region(struct vm *vm, uint32_t id, uint64_t *size)
{
	switch (id) {
	case STB_REGION_STACK:
		*size = vm->stack_size;
		return vm->stack;
	case STB_REGION_FRAMES:
		*size = vm->frames_size;
		return vm->frames;
	case STB_REGION_GLOBALS:
		*size = vm->globals_size;
		return vm->globals;
	case STB_REGION_RODATA:
		*size = vm->rodata_size;
		return (uint8_t *)vm->rodata;
	}
	*size = 0;
	return NULL;
}

void *vm_mem(struct vm *vm, uint64_t addr, uint64_t size)
{
	uint64_t end, at = (uint32_t)addr;
	uint8_t *base = region(vm, (uint32_t)(addr >> 32), &end);

	if (base && at <= end && size <= end - at)
		return base + at;
	vm_break(vm, "address %#llx", (unsigned long long)addr);
	return NULL;
}

void *vm_mem_write(struct vm *vm, uint64_t addr, uint64_t size)
{
	if (addr >> 32 != STB_REGION_RODATA)
		return vm_mem(vm, addr, size);
	vm_break(vm, "write to a literal");
	return NULL;
}

const char *vm_str(struct vm *vm, uint64_t addr, size_t *len)
{
	uint64_t end, at = (uint32_t)addr;
	uint8_t *base = region(vm, (uint32_t)(addr >> 32), &end);

	*len = 0;
	if (base && at < end) {
		*len = strnlen((char *)base + at, end - at);
		vm->work += vm_work(*len);
		if (*len < end - at)
			return (char *)base + at;
	}
	vm_break(vm, "no string at %#llx", (unsigned long long)addr);
	*len = 0;
	return "";
}

void vm_put(struct vm *vm, uint64_t addr, uint64_t cap, const char *s, size_t n)
{
	char *to = vm_mem_write(vm, addr, cap);

	vm->work += vm_work(n);
	if (!to || !cap)
		return;
	if (n > cap - 1)
		n = cap - 1;
	memmove(to, s, n);
	to[n] = 0;
}

/* --- instructions ---------------------------------------------------------------- */

static uint64_t swap_bytes(uint64_t v, int bits)
{
	if (bits == 16)
		return __builtin_bswap16((uint16_t)v);
	if (bits == 32)
		return __builtin_bswap32((uint32_t)v);
	return __builtin_bswap64(v);
}

/* BPF_END: to little-endian cuts, to big-endian swaps. */
static uint64_t to_endian(const struct bpf_insn *i, uint64_t v)
{
	if (BPF_SRC(i->code) == BPF_TO_BE)
		return swap_bytes(v, i->imm);
	if (i->imm == 16)
		return (uint16_t)v;
	return i->imm == 32 ? (uint32_t)v : v;
}

/* What 32 and 64 bits have in common; a flat switch. */
static bool alu(struct run *r, const struct bpf_insn *i, uint64_t *d,
		uint64_t s, bool wide)
{
	unsigned shift = s & (wide ? 63 : 31);

	switch (BPF_OP(i->code)) {
	case BPF_ADD: *d += s; return true;
	case BPF_SUB: *d -= s; return true;
	case BPF_MUL: *d *= s; return true;
	case BPF_DIV: *d = s ? *d / s : 0; return true;
	case BPF_MOD: *d = s ? *d % s : *d; return true;
	case BPF_OR: *d |= s; return true;
	case BPF_AND: *d &= s; return true;
	case BPF_XOR: *d ^= s; return true;
	case BPF_LSH: *d <<= shift; return true;
	case BPF_RSH: *d >>= shift; return true;
	case BPF_NEG: *d = -*d; return true;
	case BPF_MOV: *d = s; return true;
	case BPF_ARSH:
		*d = wide ? (uint64_t)((int64_t)*d >> shift) :
			    (uint32_t)((int32_t)*d >> shift);
		return true;
	case BPF_END:
		*d = to_endian(i, *d);
		return true;
	}
	vm_break(r->vm, "instruction %#x", i->code);
	return false;
}

static bool do_alu(struct run *r, const struct bpf_insn *i)
{
	bool wide = BPF_CLASS(i->code) == BPF_ALU64;
	uint64_t s = BPF_SRC(i->code) == BPF_X &&
		BPF_OP(i->code) != BPF_END ? r->r[i->src_reg] :
		(uint64_t)(int64_t)i->imm;
	uint64_t *d = &r->r[i->dst_reg];

	/* instructions that have the same code, and are others */
	if (i->off || (BPF_OP(i->code) == BPF_END && wide)) {
		vm_break(r->vm, "instruction %#x", i->code);
		return false;
	}
	if (BPF_OP(i->code) == BPF_END)
		return alu(r, i, d, s, true);
	if (!wide) {
		*d = (uint32_t)*d;
		s = (uint32_t)s;
	}
	if (!alu(r, i, d, s, wide))
		return false;
	if (!wide)
		*d = (uint32_t)*d;
	return true;
}

/* A flat switch. */
static bool condition(struct run *r, const struct bpf_insn *i, bool *yes)
{
	bool wide = BPF_CLASS(i->code) == BPF_JMP;
	uint64_t d = r->r[i->dst_reg];
	uint64_t s = BPF_SRC(i->code) == BPF_X ? r->r[i->src_reg] :
		     (uint64_t)(int64_t)i->imm;
	int64_t sd = (int64_t)d, ss = (int64_t)s;

	if (!wide) {
		d = (uint32_t)d;
		s = (uint32_t)s;
		sd = (int32_t)d;
		ss = (int32_t)s;
	}
	switch (BPF_OP(i->code)) {
	case BPF_JEQ: *yes = d == s; return true;
	case BPF_JNE: *yes = d != s; return true;
	case BPF_JGT: *yes = d > s; return true;
	case BPF_JGE: *yes = d >= s; return true;
	case BPF_JLT: *yes = d < s; return true;
	case BPF_JLE: *yes = d <= s; return true;
	case BPF_JSET: *yes = d & s; return true;
	case BPF_JSGT: *yes = sd > ss; return true;
	case BPF_JSGE: *yes = sd >= ss; return true;
	case BPF_JSLT: *yes = sd < ss; return true;
	case BPF_JSLE: *yes = sd <= ss; return true;
	}
	vm_break(r->vm, "jump %#x", i->code);
	return false;
}

static unsigned access_size(const struct bpf_insn *i)
{
	switch (BPF_SIZE(i->code)) {
	case BPF_B: return 1;
	case BPF_H: return 2;
	case BPF_W: return 4;
	}
	return 8;
}

static bool do_load(struct run *r, const struct bpf_insn *i)
{
	unsigned size = access_size(i);
	uint64_t v = 0;
	const void *p = vm_mem(r->vm, r->r[i->src_reg] + (int64_t)i->off, size);

	if (!p || BPF_MODE(i->code) != BPF_MEM) {
		vm_break(r->vm, "load %#x", i->code);
		return false;
	}
	memcpy(&v, p, size);
	r->r[i->dst_reg] = v;
	return true;
}

#define FETCH(type, p, fn, operand) \
	((uint64_t)(type)__atomic_fetch_##fn((type *)(p), (type)(operand), \
					     __ATOMIC_SEQ_CST))
#define ATOMIC(type, p) do { \
	type expected = (type)r->r[0]; \
	switch (i->imm & ~BPF_FETCH) { \
	case BPF_ADD: old = FETCH(type, p, add, *s); break; \
	case BPF_AND: old = FETCH(type, p, and, *s); break; \
	case BPF_OR: old = FETCH(type, p, or, *s); break; \
	case BPF_XOR: old = FETCH(type, p, xor, *s); break; \
	case BPF_XCHG & ~BPF_FETCH: \
		old = __atomic_exchange_n((type *)(p), (type)*s, \
					  __ATOMIC_SEQ_CST); \
		break; \
	case BPF_CMPXCHG & ~BPF_FETCH: \
		__atomic_compare_exchange_n((type *)(p), &expected, (type)*s, \
			false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
		r->r[0] = expected; \
		return true; \
	default: \
		vm_break(r->vm, "atomic %#x", i->imm); \
		return false; \
	} \
} while (0)

/* A flat switch, twice. */
static bool do_atomic(struct run *r, const struct bpf_insn *i)
{
	unsigned size = access_size(i);
	uint64_t addr = r->r[i->dst_reg] + (int64_t)i->off, old = 0;
	uint64_t *s = &r->r[i->src_reg];
	void *p = vm_mem_write(r->vm, addr, size);

	if (!p)
		return false;
	if (size < 4 || addr % size) {
		vm_break(r->vm, "atomic access at %#llx",
			 (unsigned long long)addr);
		return false;
	}
	if (size == 4)
		ATOMIC(uint32_t, p);
	else
		ATOMIC(uint64_t, p);
	if (i->imm & BPF_FETCH)
		*s = old;
	return true;
}

static bool do_store(struct run *r, const struct bpf_insn *i)
{
	unsigned size = access_size(i);
	uint64_t v = BPF_CLASS(i->code) == BPF_STX ? r->r[i->src_reg] :
		     (uint64_t)(int64_t)i->imm;
	void *p;

	if (BPF_CLASS(i->code) == BPF_STX && BPF_MODE(i->code) == BPF_ATOMIC)
		return do_atomic(r, i);
	p = vm_mem_write(r->vm, r->r[i->dst_reg] + (int64_t)i->off, size);
	if (!p || BPF_MODE(i->code) != BPF_MEM) {
		vm_break(r->vm, "store %#x", i->code);
		return false;
	}
	memcpy(p, &v, size);
	return true;
}

/* --- control ------------------------------------------------------------------------ */

/* Does the session go on? It is looked at when there was some work. */
static bool goes_on(struct vm *vm)
{
	if (vm->work < VM_LOOK)
		return true;
	vm->work = 0;
	return !stop_pending() &&
	       (!vm->end || now_ns() < vm->end + GRACE_NS);
}

static bool jump(struct run *r, int64_t by)
{
	r->pc += (uint32_t)by;
	if (++r->jumps >= r->vm->patience) {
		vm_break(r->vm, "it does not end");
		return false;
	}
	r->vm->work++;
	return goes_on(r->vm);
}

static uint64_t stack_top(const struct run *r)
{
	return (uint64_t)STB_REGION_STACK << 32 |
	       (r->depth + 1) * FRAME_BYTES;
}

static bool call_function(struct run *r, int32_t by)
{
	struct frame_link *l;

	if (r->depth + 1 >= r->max_depth) {
		vm_break(r->vm, "%u nested calls", r->depth);
		return false;
	}
	l = &r->links[r->depth++];
	memcpy(l->saved, &r->r[6], sizeof(l->saved));
	l->back = r->pc;
	r->r[10] = stack_top(r);
	return jump(r, by);
}

/* False: that was the handler's own. */
static bool leave_function(struct run *r)
{
	struct frame_link *l;

	if (!r->depth)
		return false;
	l = &r->links[--r->depth];
	memcpy(&r->r[6], l->saved, sizeof(l->saved));
	r->pc = l->back;
	r->r[10] = stack_top(r);
	return true;
}

static bool do_jump(struct run *r, const struct bpf_insn *i)
{
	bool yes;

	switch (BPF_OP(i->code)) {
	case BPF_JA:
		return jump(r, BPF_CLASS(i->code) == BPF_JMP32 ? i->imm :
			    i->off);
	case BPF_EXIT:
		return leave_function(r);
	case BPF_CALL:
		if (i->src_reg == BPF_PSEUDO_CALL)
			return call_function(r, i->imm);
		if (i->src_reg)
			break;		/* none of ours */
		r->r[0] = vm_call(r->vm, (uint32_t)i->imm, &r->r[1]);
		r->vm->work += CALL_WORK;
		return !r->vm->broken && goes_on(r->vm);
	}
	if (!condition(r, i, &yes))
		return false;
	return !yes || jump(r, i->off);
}

static bool load_immediate(struct run *r, const struct bpf_insn *i)
{
	if (i->code != (BPF_LD | BPF_IMM | BPF_DW) ||
	    r->pc >= r->vm->ninsns) {
		vm_break(r->vm, "instruction %#x", i->code);
		return false;
	}
	r->r[i->dst_reg] = (uint32_t)i->imm | (uint64_t)i[1].imm << 32;
	r->pc++;
	return true;
}

static bool step(struct run *r)
{
	const struct bpf_insn *i;

	if (r->pc >= r->vm->ninsns) {
		vm_break(r->vm, "no instruction %u", r->pc);
		return false;
	}
	i = &r->vm->insns[r->pc++];
	if (i->dst_reg > 10 || i->src_reg > 10) {
		vm_break(r->vm, "register");
		return false;
	}
	switch (BPF_CLASS(i->code)) {
	case BPF_LD: return load_immediate(r, i);
	case BPF_LDX: return do_load(r, i);
	case BPF_ST: case BPF_STX: return do_store(r, i);
	case BPF_ALU: case BPF_ALU64: return do_alu(r, i);
	}
	return do_jump(r, i);
}

/* --- a bundle's code ------------------------------------------------------------------ */

/* Addresses of globals and literals into the code, which is ours from here. */
static void relocate(struct vm *vm, struct bpf_insn *insns)
{
	struct rows relocs = rows_of(vm->env.ucode, STB_T_RELOCS,
				     sizeof(struct stb_reloc));

	for (uint32_t i = 0; i < relocs.n; i++) {
		const struct stb_reloc *r = ROW(struct stb_reloc, relocs, i);

		if (r->insn + 1 >= vm->ninsns)
			continue;	/* stb_validate() has looked */
		insns[r->insn].src_reg = 0;
		insns[r->insn].imm = (int32_t)r->addend;
		insns[r->insn + 1].imm = r->target == STB_MAP_ID_RODATA ?
			STB_REGION_RODATA : STB_REGION_GLOBALS;
	}
}

static void load_code(struct vm *vm)
{
	struct rows insns = rows_of(vm->env.ucode, STB_T_INSNS, 8);
	struct rows rodata = rows_of(vm->env.ucode, STB_T_RODATA, 1);
	struct bpf_insn *code = zalloc((insns.n + 1) * sizeof(*code));

	memcpy(code, insns.base, insns.n * sizeof(*code));
	vm->insns = code;
	vm->ninsns = insns.n;
	vm->rodata = rodata.base;
	vm->rodata_size = rodata.n;
	relocate(vm, code);
}

static size_t links_size(const struct vm *vm)
{
	return vm->stack_size / FRAME_BYTES * sizeof(*vm->links);
}

static size_t text_size(const struct vm *vm)
{
	return 2 * (size_t)vm->limits->string_len + 16;
}

struct vm *vm_new(const struct vm_env *env)
{
	struct vm *vm = zalloc(sizeof(*vm));
	struct rows limits = rows_of(env->meta, STB_T_LIMITS,
				     sizeof(struct stb_limits));

	vm->env = *env;
	vm->limits = ROW(struct stb_limits, limits, 0);
	vm->handlers = rows_of(env->meta, STB_T_HANDLERS,
			       sizeof(struct stb_handler));
	vm->formats = rows_of(env->meta, STB_T_FORMATS,
			      sizeof(struct stb_format));
	vm->globals = env->globals;
	vm->globals_size = vm->limits->globals_size;
	vm->frames_size = vm->limits->user_stack;
	vm->seed = now_ns() | 1;
	vm_maps_open(vm);
	if (!env->ucode)
		return vm;
	load_code(vm);
	vm->stack_size = (8 * vm->limits->max_nesting + 64) * FRAME_BYTES;
	vm->stack = zalloc(vm->stack_size);
	vm->links = zalloc(links_size(vm));
	vm->frames = zalloc(vm->frames_size + 8ull);
	vm->text = zalloc(text_size(vm));
	/* no action takes more jumps than there is code, by far */
	vm->patience = (1ull << 32) + (uint64_t)vm->ninsns *
		       vm->limits->max_action_user;
	vm->lock_wait_ns = LOCK_WAIT_NS;
	vm->quiet_ns = QUIET_NS;
	return vm;
}

/* What a run leaves behind in the interpreter. */
static void clean(struct vm *vm)
{
	vm_locks_release(vm);
	for (uint32_t i = 0; vm->niterating && i < MAX_ITERATORS; i++)
		if (vm->iterators[i].used)
			vm_each_end(vm, i);
	vm_maps_forget(vm);
}

void vm_free(struct vm *vm)
{
	clean(vm);
	vm_maps_close(vm);
	vm_peek_close(vm);
	zfree((void *)vm->insns, (vm->ninsns + 1) * sizeof(*vm->insns));
	zfree(vm->stack, vm->stack_size);
	zfree(vm->links, links_size(vm));
	zfree(vm->frames, vm->frames_size + 8ull);
	zfree(vm->text, text_size(vm));
	free(vm->token_text);
	zfree(vm, sizeof(*vm));
}

enum vm_end vm_run(struct vm *vm, uint32_t handler)
{
	struct run r = { .vm = vm };

	vm->failed = vm->skipped = vm->broken = vm->armed = false;
	vm->nargs = vm->frames_used = vm->nesting = 0;
	vm->message_len = 0;
	vm->message[0] = 0;
	if (handler >= vm->handlers.n || !vm->insns) {
		vm_break(vm, "no handler %u", handler);
		return VM_ERROR;
	}
	r.pc = ROW(struct stb_handler, vm->handlers, handler)->entry;
	r.max_depth = vm->stack_size / FRAME_BYTES;
	r.links = vm->links;
	r.r[10] = stack_top(&r);
	while (step(&r))
		;
	clean(vm);
	if (vm->skipped)
		return VM_SKIPPED;
	return vm->failed ? VM_ERROR : VM_DONE;
}

void vm_set_end(struct vm *vm, uint64_t ns)
{
	vm->end = ns;
}

void vm_set_value(struct vm *vm, struct vm_value *v)
{
	vm->value = v;
}

bool vm_armed(const struct vm *vm)
{
	return vm->armed;
}

const char *vm_message(const struct vm *vm)
{
	return vm->message;
}
