/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_user.c - addresses of the process that a probe fires in, their names, and
 * its stack. Text that is only printed is addresses with their places in the
 * record (runtime/abi.h, struct stb_user_addr), of which the loader makes names:
 * directives %U (an address and its place), %Y (a stack) and %T (text with
 * hexadecimal numbers, and the process). Where a handler wants the text itself
 * it is a call of the runtime.
 */
#include "lower.h"
#include "runtime/abi.h"

#include <ctype.h>
#include <string.h>

static const struct symbol_word of_address[] = {
	{ "usymname", STB_SYM_NAME }, { "usymdata", STB_SYM_DATA },
	{ "usymfile", STB_SYM_FILE }, { "usymline", STB_SYM_LINE },
	{ "usymfileline", STB_SYM_FILELINE }, { 0 }
};
static const struct symbol_word of_text[] = {
	{ "sprint_usyms", STB_SYM_DATA }, { "sprint_ustack", STB_SYM_DATA },
	{ "print_usyms", STB_SYM_DATA }, { "print_ustack", STB_SYM_DATA },
	{ 0 }
};
static const struct symbol_word of_stack[] = {
	{ "ubacktrace", STB_SYM_HEX }, { "sprint_ubacktrace", STB_SYM_SIMPLE },
	{ "print_ubacktrace", STB_SYM_FULL },
	{ "print_ubacktrace_brief", STB_SYM_BRIEF },
	{ "print_ubacktrace_fileline", STB_SYM_FULLER }, { 0 }
};

/* A handler of the loader; functions may be called by both. */
static bool is_loader(const struct lower *l)
{
	return l->site && l->prog == IR_LOADER;
}

/* --- what of the kernel has to be known ------------------------------------------- */

static bool offset_of(struct lower *l, const char *type, const char *member,
		      int64_t *off)
{
	struct target *t = l->j->target;
	struct ctype *c = target_type(t, target_kernel(t), type);
	struct member m;

	if (!c || !type_member(c, member, &m))
		return false;
	*off = (int64_t)m.offset;
	return true;
}

static void needs(struct lower *l, struct span at, unsigned what)
{
	struct ir_user *u = &l->ir->in_kernel;
	int64_t state, xol;
	bool was = l->ir->user & IR_USER_PLACES;

	l->ir->user |= what | IR_USER_PLACES;
	if (was)
		return;
	if (!offset_of(l, "struct vm_area_struct", "vm_start", &u->vma_start) ||
	    !offset_of(l, "struct vm_area_struct", "vm_end", &u->vma_end) ||
	    !offset_of(l, "struct vm_area_struct", "vm_pgoff", &u->vma_pgoff))
		complain(l->j, at, E_UNSUPPORTED, "stacks and symbols of "
			 "programs: kernel %s does not tell what its struct "
			 "vm_area_struct is", target_name(l->j->target));
	u->has_returns =
		offset_of(l, "struct task_struct", "mm", &u->task_mm) &&
		offset_of(l, "struct mm_struct", "uprobes_state", &state) &&
		offset_of(l, "struct uprobes_state", "xol_area", &xol) &&
		offset_of(l, "struct xol_area", "vaddr", &u->xol_vaddr) &&
		offset_of(l, "struct task_struct", "utask", &u->task_utask) &&
		offset_of(l, "struct uprobe_task", "return_instances",
			  &u->utask_returns) &&
		offset_of(l, "struct return_instance", "next",
			  &u->return_next) &&
		offset_of(l, "struct return_instance", "stack",
			  &u->return_stack) &&
		offset_of(l, "struct return_instance", "orig_ret_vaddr",
			  &u->return_address) &&
		offset_of(l, "struct return_instance", "func",
			  &u->return_func);
	u->mm_xol = u->has_returns ? state + xol : 0;
}

/* The loader's tables have names where anything is printed, and lines. */
static void prints(struct lower *l, struct span at, enum stb_sym_style style)
{
	bool lines = style == STB_SYM_FILE || style == STB_SYM_LINE ||
		     style == STB_SYM_FILELINE || style == STB_SYM_FULLER;

	needs(l, at, lines ? IR_USER_LINES : 0);
}

/* --- calls of the runtime ---------------------------------------------------------------- */

static struct ir_stmt *call(struct lower *l, struct span at, const char *name,
			    struct ir_slot *dst, const struct ir_opnd *arg)
{
	struct ir_stmt *s = lower_kernel_call(l, at, name, dst, arg);

	s->in_process = true;
	return s;
}

static struct ir_opnd call_both(struct lower *l, struct span at,
				const char *name, const struct ir_opnd *arg)
{
	struct ir_stmt *s = call(l, at, name, temp_slot(l, IR_LONG), arg);

	s->where |= IR_IN_LOADER;
	return slot_opnd(s->dst);
}

/* The addresses as they are: an argument of a record. */
static struct ir_opnd raw_stack(struct lower *l, struct span at,
				struct ir_opnd way)
{
	struct ir_stmt *s = call(l, at, "raw_ustack",
				 new_slot(l, IR_STRING, "ustack"), &way);

	needs(l, at, IR_USER_UNWIND);
	s->cap = STB_STACK_MOST * sizeof(struct stb_user_addr);
	return slot_opnd(s->dst);
}

static void shape_address(struct lower *l, struct shape_of_text *sh,
			  const char *directive, const struct expr *e)
{
	struct ir_opnd a = lower_expr(l, e->args);
	struct ir_slot *kept;

	/* it is used twice, and may be a variable */
	if (a.kind == IR_SLOT) {
		kept = temp_slot(l, IR_LONG);
		add_move(l, e->at, kept, a);
		a = slot_opnd(kept);
	}
	shape_value(l, sh, directive, a, 'l');
	shape_value(l, sh, "", call_both(l, e->at, "uplace", &a), 'l');
}

static void shape_text_of(struct lower *l, struct shape_of_text *sh,
			  const char *directive, const struct expr *e)
{
	shape_value(l, sh, directive, lower_expr(l, e->args), 's');
	shape_value(l, sh, "", call_both(l, e->at, "upid", NULL), 'l');
	needs(l, e->at, IR_USER_SEEN);
}

/* A string would have room for MAXSTRINGLEN bytes only. */
static void cut(struct lower *l, struct shape_of_text *sh)
{
	shape_value(l, sh, arena_printf(l->mem, "%%.%u(",
					l->ir->string_len - 1),
		    num_opnd(0), 'l');
}

bool shape_user_symbols(struct lower *l, struct shape_of_text *sh,
			const struct expr *e)
{
	const struct symbol_word *n;

	if (sh->early)
		return false;
	if ((n = symbol_word_of(of_address, e))) {
		shape_address(l, sh, arena_printf(l->mem, "%%.%dU", n->style),
			      e);
	} else if ((n = symbol_word_of(of_text, e))) {
		cut(l, sh);
		shape_text_of(l, sh, arena_printf(l->mem, "%%.%dT", n->style),
			      e);
		text_puts(&sh->format, "%:%)");
	} else if ((n = symbol_word_of(of_stack, e)) && !is_loader(l)) {
		cut(l, sh);
		shape_value(l, sh, arena_printf(l->mem, "%%.%dY", n->style),
			    raw_stack(l, e->at, lower_expr(l, e->args)), 'm');
		text_puts(&sh->format, "%:%)");
	} else {
		return false;
	}
	prints(l, e->at, n->style);
	return true;
}

bool shape_padded_user_symbol(struct lower *l, struct shape_of_text *sh,
			      const char *d, size_t n, const struct expr *e)
{
	const struct symbol_word *row = symbol_word_of(of_address, e);
	size_t i = 1 + (n > 1 && d[1] == '-');

	while (i < n && isdigit((unsigned char)d[i]))
		i++;
	if (!row || sh->early || i != n - 1 || d[i] != 's')
		return false;
	shape_address(l, sh, arena_printf(l->mem, "%.*s.%dU", (int)i, d,
					  row->style), e);
	prints(l, e->at, row->style);
	return true;
}

/* From the registers that a script gives: pc, sp, fp. */
static struct ir_opnd raw_stack_from(struct lower *l, const struct expr *e)
{
	struct ir_opnd *args = NEW_ARRAY(l->mem, struct ir_opnd, 3);
	const struct expr *a;
	struct ir_stmt *s;
	size_t n = 0;

	for (a = e->args; a; a = a->next) {
		struct ir_slot *kept = temp_slot(l, IR_LONG);

		add_move(l, e->at, kept, lower_expr(l, a));
		args[n++] = slot_opnd(kept);
	}
	s = call(l, e->at, "raw_ustack_from",
		 new_slot(l, IR_STRING, "ustack"), NULL);
	s->args = args;
	s->nargs = n;
	s->arg_types = "lll";
	needs(l, e->at, IR_USER_UNWIND);
	s->cap = STB_STACK_MOST * sizeof(struct stb_user_addr);
	return slot_opnd(s->dst);
}

static void print_stack_from(struct lower *l, const struct expr *e,
			     enum stb_sym_style style)
{
	struct shape_of_text sh;

	shape_init(l, &sh);
	shape_value(l, &sh, arena_printf(l->mem, "%%.%dY", style),
		    raw_stack_from(l, e), 'm');
	prints(l, e->at, style);
	shape_out(l, &sh, e->at, IR_OUT);
}

/* Where a function of a program returns there is a line for it, too. */
static void print_stack(struct lower *l, const struct expr *e,
			enum stb_sym_style style)
{
	struct ir_opnd way = lower_expr(l, e->args), from;
	struct shape_of_text sh;

	shape_init(l, &sh);
	if (style != STB_SYM_BRIEF && way.kind != IR_NUM) {
		from = add_bin(l, e->at, IR_AND, way, num_opnd(INT64_MAX));
		shape_value(l, &sh, "%(%:", from, 'l');
		shape_value(l, &sh, arena_printf(l->mem, "Returning from: "
						 "%%.%dU", style), from, 'l');
		shape_value(l, &sh, "", call_both(l, e->at, "uplace", &from),
			    'l');
		text_puts(&sh.format, "Returning to  : %)");
	}
	shape_value(l, &sh, arena_printf(l->mem, "%%.%dY", style),
		    raw_stack(l, e->at, way), 'm');
	prints(l, e->at, style);
	shape_out(l, &sh, e->at, IR_OUT);
}

struct ir_opnd user_way(struct lower *l, struct span at)
{
	struct ir_stmt *s;

	if (l->prog != IR_KPROBE || l->space != IR_USER_MEM || !l->is_return ||
	    l->at_entry)
		return num_opnd(0);
	needs(l, at, IR_USER_UNWIND);
	s = call(l, at, "ufunc_ip", temp_slot(l, IR_LONG), NULL);
	return add_bin(l, at, IR_OR, slot_opnd(s->dst),
		       num_opnd(IR_WAY_RETURN));
}

static void print_text_of(struct lower *l, const struct expr *e,
			  enum stb_sym_style style)
{
	struct shape_of_text sh;

	shape_init(l, &sh);
	shape_text_of(l, &sh, arena_printf(l->mem, "%%.%dT", style), e);
	prints(l, e->at, style);
	shape_out(l, &sh, e->at, IR_OUT);
}

bool lower_user(struct lower *l, const struct expr *e)
{
	const char *name = e->builtin->name;
	const struct symbol_word *n;
	bool stack;

	if (!(e->builtin->flags & BF_PROCESS))
		return false;
	if ((n = symbol_word_of(of_text, e)) && !strncmp(name, "print", 5)) {
		print_text_of(l, e, n->style);
		return true;
	}
	if ((n = symbol_word_of(of_stack, e)) && e->nargs == 3) {
		print_stack_from(l, e, n->style);
		return true;
	}
	if ((n = symbol_word_of(of_stack, e)) && !strncmp(name, "print", 5)) {
		print_stack(l, e, n->style);
		return true;
	}
	stack = symbol_word_of(of_stack, e) || !strcmp(name, "ustack") ||
		!strcmp(name, "ucallers");
	if (stack)
		needs(l, e->at, IR_USER_UNWIND);
	if ((!stack || !strcmp(name, "sprint_ubacktrace")) && !is_loader(l))
		needs(l, e->at, IR_USER_NAMES);
	if (!stack && (!l->site || is_loader(l)))
		needs(l, e->at, IR_USER_SEEN | IR_USER_LINES);
	return false;
}

const char *user_failure(const struct builtin *b, const char **args)
{
	*args = "";
	if (!strcmp(b->name, "umodname"))
		return "module cannot be found";
	if (!(b->flags & BF_PROCESS) || !b->args[0])
		return NULL;
	*args = "l";
	return "reached end of stack before unwinding to level %d";
}
