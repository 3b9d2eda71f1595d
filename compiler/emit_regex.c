/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit_regex.c - tables of regular expressions as C, see regex.h: what steps
 * them is the engine's, RT_REGEX and RT_REGEX_TAGGED. What happens to tags on
 * the way is a switch over numbers.
 */
#include "emit.h"
#include "regex.h"

/* Most tags and registers of all; both even, for the frame's sake. */
static void most_tags(struct emit *e, unsigned *tags, unsigned *regs)
{
	size_t i;

	*tags = *regs = 2;
	for (i = 0; i < e->ir->regexes.n; i++) {
		const struct regex *re = e->ir->regexes.v[i];

		if (*tags < 2 * re->ngroups)
			*tags = 2 * re->ngroups;
		if (*regs < re->nregs)
			*regs = (re->nregs + 1) & ~1u;
	}
}

/* struct rt_match of runtime/rt.h */
uint32_t emit_match_size(struct emit *e)
{
	unsigned tags, regs;

	if (!e->ir->keeps_matches)
		return 0;
	most_tags(e, &tags, &regs);
	return 8 + 4 * (tags + regs) + emit_round(e->ir->string_len);
}

void emit_match_room(struct emit *e)
{
	unsigned tags, regs;

	if (!e->ir->keeps_matches)
		return;
	most_tags(e, &tags, &regs);
	emit_line(e, "#define RT_MATCH_TAGS %u", tags);
	emit_line(e, "#define RT_MATCH_REGS %u", regs);
}

static void emit_numbers(struct emit *e, const char *type, size_t n,
			 const char *what, const void *v, size_t size, size_t len)
{
	struct text t = { .mem = e->mem };
	size_t i;

	emit_line(e, "static const %s re%zu_%s[%zu] RT_CONST = {", type, n,
		  what, len);
	for (i = 0; i < len; i++) {
		text_printf(&t, "%s%u,", i % 16 ? " " : i ? "\n\t" : "\t",
			    size == 1 ? ((const uint8_t *)v)[i] :
			    ((const uint16_t *)v)[i]);
	}
	emit_line(e, "%s\n};", t.s ? t.s : "");
}

static const char *source(struct emit *e, const struct regex_copy *c)
{
	if (c->src == REGEX_HERE)
		return "here";
	if (c->src == REGEX_UNSET)
		return "-1";
	return arena_printf(e->mem, "m->regs[%d]", c->src);
}

static void emit_ops(struct emit *e, size_t n, const struct regex *re)
{
	size_t i, k;

	emit_line(e, "RT_INLINE void re%zu_do(struct rt_match *m, u64 op, "
		  "int here)\n{", n);
	emit_line(e, "\tswitch (op) {");
	for (i = 1; i < re->ops.n; i++) {
		emit_line(e, "\tcase %zu:", i);
		for (k = 0; k < re->ops.v[i].n; k++) {
			const struct regex_copy *c = &re->ops.v[i].v[k];

			emit_line(e, "\t\tm->%s[%d] = %s;",
				  c->final ? "tags" : "regs", c->dst,
				  source(e, c));
		}
		emit_line(e, "\t\tbreak;");
	}
	emit_line(e, "\t}\n}");
}

static void emit_regex(struct emit *e, size_t n, const struct regex *re)
{
	emit_line(e, "/* regex %zu; %zu states */", n,
		  re->size / re->nclasses);
	emit_numbers(e, "unsigned char", n, "classes", re->classes, 1, 256);
	emit_numbers(e, "uint16_t", n, "next", re->next, 2, re->size);
	if (!re->tagged) {
		emit_line(e, "RT_REGEX(%zu, %u, %zu, %u)\n", n, re->nclasses,
			  re->size, re->first);
		return;
	}
	emit_numbers(e, "unsigned char", n, "op", re->op, 1, re->size);
	emit_ops(e, n, re);
	emit_line(e, "RT_REGEX_TAGGED(%zu, %u, %zu, %u, %u)\n", n,
		  re->ngroups, re->size, re->first, re->first_op);
}

void emit_regexes(struct emit *e)
{
	size_t i;

	for (i = 0; i < e->ir->regexes.n; i++)
		emit_regex(e, i, e->ir->regexes.v[i]);
}
