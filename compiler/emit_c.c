/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit_c.c - the script's own C in a module: blocks among its declarations,
 * functions, values. It stands where SystemTap would have it, and says
 * STAP_ARG_x, STAP_RETVALUE... (runtime/kmod/embedded.h has those that are the
 * same for all functions).
 */
#include "emit.h"

#include <string.h>

static void put_place(struct emit *e, struct span at)
{
	struct text t = { .mem = e->mem };
	unsigned line, col;

	if (!at.src)
		return;
	span_line_col(at, &line, &col);
	text_quote(&t, at.src->name, strlen(at.src->name));
	text_printf(&e->reg->code, "#line %u %s\n", line, t.s);
	e->line = 0;
}

void emit_c_blocks(struct emit *e)
{
	const struct ir_function *fn;
	bool any = e->ir->c.n;
	size_t i;

	for (fn = e->ir->functions; fn; fn = fn->next)
		any |= fn->c_body != NULL;
	if (any)
		emit_line(e, "#include \"embedded.h\"\n");
	for (i = 0; i < e->ir->c.n; i++) {
		put_place(e, e->ir->c.v[i].at);
		text_puts(&e->reg->code, e->ir->c.v[i].text);
		text_putc(&e->reg->code, '\n');
	}
}

void emit_c_value(struct emit *e, const struct ir_stmt *s)
{
	if (s->dst->type == IR_STRING)
		emit_line(e, "rt_copy(%s, %u, (%s));", emit_slot(e, s->dst),
			  s->dst->cap ? s->dst->cap : e->ir->string_len,
			  s->name);
	else
		emit_line(e, "%s = (i64)(%s);", emit_slot(e, s->dst), s->name);
}

/* --- globals -------------------------------------------------------------------- */

static void put_keys(struct emit *e, const struct ir_global *g,
		     struct text *names, struct text *fill)
{
	size_t i;

	for (i = 0; i < g->nkeys; i++) {
		text_printf(names, "%sk%zu_", i ? ", " : "", i);
		if (g->keys[i] == IR_LONG)
			text_printf(fill, "k_->k%zu = (k%zu_); ", i, i);
		else
			text_printf(fill, "rt_key_str(k_->k%zu, "
				    "sizeof(k_->k%zu), k%zu_); ", i, i, i);
	}
}

static void put_scalar(struct emit *e, const struct ir_global *g, bool set)
{
	if (g->value == IR_V_LONG && set)
		emit_line(e, "#define STAP_GLOBAL_SET_%s(v_) "
			  "(RT_VOLATILE(G.g_%s) = (v_))", g->name, g->name);
	else if (g->value == IR_V_LONG)
		emit_line(e, "#define STAP_GLOBAL_GET_%s() "
			  "RT_VOLATILE(G.g_%s)", g->name, g->name);
	else if (g->value == IR_V_STRING && set)
		emit_line(e, "#define STAP_GLOBAL_SET_%s(v_) "
			  "rt_copy(G.g_%s, RT_STRING_LEN, v_)", g->name,
			  g->name);
	else if (g->value == IR_V_STRING)
		emit_line(e, "#define STAP_GLOBAL_GET_%s() (G.g_%s)", g->name,
			  g->name);
}

/* Strings of an array are where the element has them. */
static void put_array(struct emit *e, const struct ir_global *g, bool set)
{
	struct text names = { .mem = e->mem }, fill = { .mem = e->mem };
	const char *value = g->value == IR_V_STRING ? "string" : "long";

	if (g->value == IR_V_STAT)
		return;
	put_keys(e, g, &names, &fill);
	emit_line(e, "#define STAP_GLOBAL_%s_%s(%s%s) ({ struct m%d_key *k_ = "
		  "RT_KEY_SPACE(r, struct m%d_key); %s"
		  "RT_C_%s_%s(%d, k_%s%s); })", set ? "SET" : "GET", g->name,
		  names.s, set ? ", v_" : "", g->index, g->index, fill.s,
		  set ? "SET" : "GET", value, g->index, set ? ", v_" : "",
		  set && g->value == IR_V_STRING ?
		  arena_printf(e->mem, ", %u", emit_map(e, g)->value_size - 8) :
		  "");
}

static void put_global(struct emit *e, const struct ir_global *g,
		       const char *c, bool set)
{
	if (!ir_c_uses(c, set ? "STAP_GLOBAL_SET_" : "STAP_GLOBAL_GET_",
		       g->name))
		return;
	if (g->nkeys)
		put_array(e, g, set);
	else
		put_scalar(e, g, set);
}

/* --- functions ------------------------------------------------------------------ */

static void define(struct emit *e, const struct ir_function *fn)
{
	const struct ir_global *g;
	size_t i;

	for (i = 0; i < fn->nparams; i++)
		emit_line(e, "#define STAP_ARG_%s (f->%s)",
			  fn->param_names[i], fn->params[i]->name);
	if (fn->has_result)
		emit_line(e, "#define STAP_RETVALUE (f->result)");
	emit_line(e, "#define STAP_RETURN(...) %s", !fn->has_result ?
		  "goto out" : fn->result == IR_LONG ?
		  "do { f->result = (i64)(__VA_ARGS__); goto out; } while (0)" :
		  "do { rt_copy(f->result, RT_STRING_LEN, __VA_ARGS__); "
		  "goto out; } while (0)");
	emit_line(e, "#define STAP_ERROR(...) do { rt_c_error(r, %d, "
		  "__VA_ARGS__); goto out; } while (0)", fn->c_err);
	for (g = e->ir->globals; g; g = g->next) {
		put_global(e, g, fn->c_body, false);
		put_global(e, g, fn->c_body, true);
	}
}

static void undefine(struct emit *e, const struct ir_function *fn)
{
	const struct ir_global *g;
	size_t i;

	for (i = 0; i < fn->nparams; i++)
		emit_line(e, "#undef STAP_ARG_%s", fn->param_names[i]);
	emit_line(e, "#undef STAP_RETVALUE");
	emit_line(e, "#undef STAP_RETURN");
	emit_line(e, "#undef STAP_ERROR");
	for (g = e->ir->globals; g; g = g->next) {
		emit_line(e, "#undef STAP_GLOBAL_GET_%s", g->name);
		emit_line(e, "#undef STAP_GLOBAL_SET_%s", g->name);
	}
}

void emit_c_body(struct emit *e, const struct unit *u)
{
	const struct ir_function *fn = u->fn;
	int depth = e->depth;

	e->depth = 0;
	define(e, fn);
	if (fn->has_result)
		emit_line(e, fn->result == IR_LONG ? "\tf->result = 0;" :
			  "\tf->result[0] = 0;");
	emit_line(e, "\t{");
	put_place(e, fn->c_at);
	text_puts(&e->reg->code, fn->c_body);
	emit_line(e, "\n\t}\n\tgoto out;");
	undefine(e, fn);
	e->depth = depth;
	e->u->out_used = true;
}
