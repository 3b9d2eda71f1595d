/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_symbols.c - addresses of the kernel, their names, and its stack. Where
 * such text is only printed, the record has the addresses and the loader writes
 * the names: directives %A, %K and %H (runtime/abi.h, enum stb_sym_style). Where
 * a handler wants the text itself it is a call of the runtime.
 */
#include "lower.h"
#include "runtime/abi.h"

#include <ctype.h>
#include <string.h>

enum { MAX_BACKTRACE = 20, DWARF_RIP = 16 };

static bool is_builtin(const struct expr *e, const char *name)
{
	return e->kind == X_CALL && !e->fn && e->builtin &&
	       !strcmp(e->builtin->name, name);
}

/* Handlers in the kernel tell its own addresses from those of modules. */
static void needs_image(struct lower *l)
{
	struct target *t = l->j->target;
	const struct binary *k = target_kernel(t);
	uint64_t from = target_symbol(t, k, "_stext");
	uint64_t end = target_symbol(t, k, "_end");

	if (!from || end <= from)
		return;
	l->ir->image = from;
	l->ir->image_size = end - from;
	l->ir->needs_slide = true;
}

static void needs(struct lower *l, enum stb_sym_style style)
{
	bool lines = style == STB_SYM_FILE || style == STB_SYM_LINE ||
		     style == STB_SYM_FILELINE || style == STB_SYM_FULLER;

	l->ir->symbols |= IR_SYM_NAMES | (lines ? IR_SYM_LINES : 0);
}

/* --- functions of one address, and of text with addresses ---------------------- */

static const struct symbol_word of_address[] = {
	{ "symname", STB_SYM_NAME }, { "symdata", STB_SYM_DATA },
	{ "symfile", STB_SYM_FILE }, { "symline", STB_SYM_LINE },
	{ "symfileline", STB_SYM_FILELINE }, { 0 }
};
static const struct symbol_word of_text[] = {
	{ "sprint_syms", STB_SYM_DATA }, { "sprint_stack", STB_SYM_DATA },
	{ 0 }
};
static const struct symbol_word printing_text[] = {
	{ "print_syms", STB_SYM_DATA }, { "print_stack", STB_SYM_DATA },
	{ "print_syms_fileline", STB_SYM_FULLER }, { 0 }
};
static const struct symbol_word of_stack[] = {
	{ "backtrace", STB_SYM_HEX }, { "sprint_backtrace", STB_SYM_SIMPLE },
	{ 0 }
};
static const struct symbol_word printing_stack[] = {
	{ "print_backtrace", STB_SYM_FULL },
	{ "print_backtrace_fileline", STB_SYM_FULLER }, { 0 }
};

const struct symbol_word *symbol_word_of(const struct symbol_word *rows,
					 const struct expr *e)
{
	if (e->kind != X_CALL || e->fn || !e->builtin)
		return NULL;
	for (; rows->name; rows++)
		if (is_builtin(e, rows->name))
			return rows;
	return NULL;
}

static struct ir_opnd address_of_probe(struct lower *l, struct span at);

/* --- the stack -------------------------------------------------------------------- */

struct ir_stmt *lower_kernel_call(struct lower *l, struct span at,
				  const char *name, struct ir_slot *dst,
				  const struct ir_opnd *arg)
{
	struct ir_stmt *s = add_into(l, IR_CALL, at, dst);

	s->name = name;
	s->arg_types = arg ? "l" : "";
	s->where = IR_IN_KERNEL;
	if (!arg)
		return s;
	s->args = NEW(l->mem, struct ir_opnd);
	s->args[0] = *arg;
	s->nargs = 1;
	return s;
}

/* The addresses as they are: an argument of a record. */
static struct ir_opnd raw_stack(struct lower *l, const struct expr *e,
				struct ir_opnd way)
{
	struct ir_stmt *s = lower_kernel_call(l, e->at, "raw_stack",
				 new_slot(l, IR_STRING, "stack"), &way);

	s->cap = MAX_BACKTRACE * 8;
	return slot_opnd(s->dst);
}

/* Text of which a string would have room for MAXSTRINGLEN bytes only. */
static void shape_cut(struct lower *l, struct shape_of_text *sh,
		      const char *directive, struct ir_opnd v, char type)
{
	shape_value(l, sh, arena_printf(l->mem, "%%.%u(",
					l->ir->string_len - 1),
		    num_opnd(0), 'l');
	shape_value(l, sh, directive, v, type);
	text_puts(&sh->format, "%:%)");
}

bool shape_symbols(struct lower *l, struct shape_of_text *sh,
		   const struct expr *e)
{
	const struct symbol_word *n;

	if (sh->early)
		return false;
	if (shape_user_symbols(l, sh, e))
		return true;
	if (is_builtin(e, "probefunc") && l->prog == IR_PERF_EVENT) {
		n = of_address;
		shape_value(l, sh, "%.0A", address_of_probe(l, e->at), 'l');
	} else if ((n = symbol_word_of(of_address, e))) {
		shape_value(l, sh, arena_printf(l->mem, "%%.%dA", n->style),
			    lower_expr(l, e->args), 'l');
	} else if ((n = symbol_word_of(of_text, e))) {
		shape_cut(l, sh, arena_printf(l->mem, "%%.%dH", n->style),
			  lower_expr(l, e->args), 's');
	} else if ((n = symbol_word_of(of_stack, e))) {
		shape_cut(l, sh, arena_printf(l->mem, "%%.%dK", n->style),
			  raw_stack(l, e, lower_expr(l, e->args)), 'm');
	} else {
		return false;
	}
	if (n->style != STB_SYM_HEX)
		needs(l, n->style);
	return true;
}

bool shape_padded_symbol(struct lower *l, struct shape_of_text *sh,
			 const char *d, size_t n, const struct expr *e)
{
	const struct symbol_word *row = symbol_word_of(of_address, e);
	size_t i = 1 + (n > 1 && d[1] == '-');

	while (i < n && isdigit((unsigned char)d[i]))
		i++;
	if (!row || sh->early || i != n - 1 || d[i] != 's')
		return shape_padded_user_symbol(l, sh, d, n, e);
	shape_value(l, sh, arena_printf(l->mem, "%.*s.%dA", (int)i, d,
					row->style),
		    lower_expr(l, e->args), 'l');
	needs(l, row->style);
	return true;
}

/* Is it the way of a function's return? A system call's is a tracepoint. In
   functions of the script that is known only when they run. */
static struct ir_opnd is_return(struct lower *l, struct span at,
				struct ir_opnd way)
{
	if (l->site)
		return num_opnd(l->is_return && !l->at_entry &&
				l->prog != IR_SYSCALL);
	return add_bin(l, at, IR_GT, way, num_opnd(UINT32_MAX));
}

/* At a function's return there is a line for the function, too. */
static void print_stack(struct lower *l, const struct expr *e,
			enum stb_sym_style style)
{
	const char *line = arena_printf(l->mem, "Returning from: %%.%dA"
					"Returning to  : ", style);
	struct ir_opnd way = lower_expr(l, e->args);
	struct ir_opnd returns = is_return(l, e->at, way);
	struct shape_of_text sh;

	shape_init(l, &sh);
	if (returns.kind != IR_NUM || returns.num) {
		shape_value(l, &sh, "%(%:", returns, 'l');
		shape_value(l, &sh, line, add_bin(l, e->at, IR_OR, way,
			    num_opnd(IR_WAY_RETURN)), 'l');
		text_puts(&sh.format, "%)");
	}
	shape_value(l, &sh, arena_printf(l->mem, "%%.%dK", style),
		    raw_stack(l, e, way), 'm');
	needs(l, style);
	shape_out(l, &sh, e->at, IR_OUT);
}

/* --- where the probe is ------------------------------------------------------------- */

/* Without a table of the kernel's symbols names will tell them: all zero. */
static struct ir_opnd trace_way(struct lower *l, const char *name, size_t nargs)
{
	struct target *t = l->j->target;
	struct binary *k = target_kernel(t);
	bool has_table = target_symbol(t, k, "_stext");
	const char *const called[] = {
		arena_printf(l->mem, "__traceiter_%s", name),
		arena_printf(l->mem, "__bpf_trace_%s", name),
		arena_printf(l->mem, "bpf_trace_run%zu", nargs),
	};
	struct ir_trace new = { 0 };
	size_t i;

	for (i = 0; has_table && i < COUNT_OF(called); i++) {
		new.from[i] = target_symbol(t, k, called[i]);
		new.size[i] = target_symbol_size(t, k, called[i]);
	}
	for (i = 0; i < l->ir->traces.n; i++)
		if (!memcmp(&l->ir->traces.v[i], &new, sizeof(new)))
			return num_opnd(IR_WAY_TRACE + (int64_t)i);
	vec_push(l->mem, &l->ir->traces, new);
	l->ir->needs_slide |= has_table;
	return num_opnd(IR_WAY_TRACE + (int64_t)i);
}

/* Inside of the function that it is in, where a breakpoint is the way. */
static bool fires_inside(const struct lower *l)
{
	const struct place *p = l->place;

	return p && p->when == AT_PC && !(p->code && p->code->addr == p->addr);
}

/* Registers tell best what is the probe's own of a stack: no fentry. */
static struct ir_opnd way_of_site(struct lower *l, struct span at)
{
	struct ir_stmt *s;

	if (l->prog == IR_LOADER || l->prog == IR_NETFILTER ||
	    l->space == IR_USER_MEM)
		return num_opnd(IR_WAY_NONE);
	if (l->site->tp)
		return trace_way(l, l->site->tp->name, l->site->tp->nargs);
	if (l->prog == IR_SYSCALL)
		return trace_way(l, l->is_return ? "sys_exit" : "sys_enter", 2);
	if (l->prog == IR_PERF_EVENT)
		return num_opnd(IR_WAY_REGS);
	l->needs_regs |= l->prog == IR_FENTRY || l->prog == IR_FEXIT;
	if (fires_inside(l))
		return num_opnd(IR_WAY_PC);
	s = lower_kernel_call(l, at, "func_ip", temp_slot(l, IR_LONG), NULL);
	if (!l->is_return || l->at_entry)
		return slot_opnd(s->dst);
	return add_bin(l, at, IR_AND, slot_opnd(s->dst),
		       num_opnd(~IR_WAY_RETURN));
}

/* The probed instruction; behind a breakpoint the kernel has it + 1. */
static struct ir_opnd address_of_probe(struct lower *l, struct span at)
{
	bool as_is = l->space == IR_USER_MEM || l->prog == IR_PERF_EVENT;
	struct ir_stmt *s;

	if (l->prog == IR_LOADER || l->prog == IR_RAW_TP ||
	    l->prog == IR_SYSCALL || l->prog == IR_NETFILTER)
		return num_opnd(0);
	if (!as_is && !fires_inside(l)) {
		s = lower_kernel_call(l, at, "func_ip", temp_slot(l, IR_LONG), NULL);
		return slot_opnd(s->dst);
	}
	l->needs_regs |= l->prog == IR_FENTRY || l->prog == IR_FEXIT;
	s = add_into(l, IR_REG, at, temp_slot(l, IR_LONG));
	s->num = DWARF_RIP;
	return as_is ? slot_opnd(s->dst) :
		       add_bin(l, at, IR_SUB, slot_opnd(s->dst), num_opnd(1));
}

/* --- calls ----------------------------------------------------------------------------- */

static const char no_module[] = "Cannot determine kernel module name";

/* Of an interrupted place it is known when the probe fires. */
static struct ir_opnd module_at(struct lower *l, const struct expr *e)
{
	struct ir_opnd at;
	struct ir_stmt *s;

	if (l->prog != IR_PERF_EVENT) {
		s = add(l, IR_RAISE, e->at);
		s->err = fault(l, e->at, no_module, "");
		return lit_opnd("", 0);
	}
	at = address_of_probe(l, e->at);
	needs_image(l);
	s = lower_kernel_call(l, e->at, "modname",
			      new_slot(l, IR_STRING, "module"), &at);
	s->cap = 72;
	s->err = fault(l, e->at, no_module, "");
	return slot_opnd(s->dst);
}

static struct ir_opnd symbol_at(struct lower *l, const struct expr *e)
{
	struct ir_opnd at = address_of_probe(l, e->at);
	struct ir_stmt *s = lower_kernel_call(l, e->at, "symname",
				 new_slot(l, IR_STRING, "symbol"), &at);

	needs_image(l);
	s->cap = 128;
	return slot_opnd(s->dst);
}

/* "stap_" and the script's name, as far as it may be in a module's. */
static struct ir_opnd module_name(struct lower *l)
{
	const char *name = base_name(l->j->opt->script_name);
	struct text t = { .mem = l->mem };

	text_puts(&t, "stap_");
	for (; *name && strcmp(name, ".stp"); name++)
		text_putc(&t, isalnum((unsigned char)*name) ?
			  (char)tolower((unsigned char)*name) : '_');
	return text_opnd(l, t.s, t.n);
}

static void user_stack(struct lower *l, const struct expr *e)
{
	complain(l->j, e->at, E_UNSUPPORTED, "%s() in a probe of a process: "
		 "the kernel's stack is not looked at there",
		 e->builtin->name);
}

static void print_text_of(struct lower *l, const struct expr *e,
			  enum stb_sym_style style)
{
	struct shape_of_text sh;

	shape_init(l, &sh);
	shape_value(l, &sh, arena_printf(l->mem, "%%.%dH", style),
		    lower_expr(l, e->args), 's');
	needs(l, style);
	shape_out(l, &sh, e->at, IR_OUT);
}

/* What probes alone are asked, directly or for their functions. */
static bool lower_of_site(struct lower *l, const struct expr *e,
			  struct ir_opnd *v)
{
	if (is_builtin(e, "__way")) {
		*v = way_of_site(l, e->at);
	} else if (is_builtin(e, "__uway")) {
		*v = user_way(l, e->at);
	} else if (is_builtin(e, "addr")) {
		*v = address_of_probe(l, e->at);
	} else if (is_builtin(e, "probemod")) {
		*v = module_at(l, e);
	} else if (is_builtin(e, "probefunc")) {
		*v = symbol_at(l, e);
	} else {
		return false;
	}
	return true;
}

bool lower_symbols(struct lower *l, const struct expr *e, struct ir_opnd *v)
{
	const struct symbol_word *n;

	if (l->site && lower_of_site(l, e, v))
		return true;
	if (lower_user(l, e))
		return true;
	if (l->site && l->space == IR_USER_MEM &&
	    e->builtin->flags & BF_INTERNAL &&
	    !(e->builtin->flags & BF_PROCESS)) {
		user_stack(l, e);
		return true;
	}
	if ((n = symbol_word_of(printing_text, e))) {
		print_text_of(l, e, n->style);
	} else if ((n = symbol_word_of(printing_stack, e))) {
		print_stack(l, e, n->style);
	} else if (is_builtin(e, "module_name")) {
		*v = module_name(l);
	} else {
		n = symbol_word_of(of_address, e);
		n = n ? n : symbol_word_of(of_text, e);
		if (!n && !is_builtin(e, "modname"))
			return false;
		needs(l, n ? n->style : STB_SYM_NAME);
		needs_image(l);
		return false;
	}
	return true;
}

const char *symbol_failure(const struct builtin *b, const char **args)
{
	*args = "";
	if (b->flags & BF_PROCESS)
		return user_failure(b, args);
	if (!strcmp(b->name, "modname"))
		return no_module;
	if (strcmp(b->name, "stack") && strcmp(b->name, "callers"))
		return NULL;
	*args = "l";
	return "reached end of stack before unwinding to level %d";
}
