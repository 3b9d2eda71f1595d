/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lower_share.c - sites whose handlers do the same share one. In: a handler with
 * its site. Out: it is in the program, or its site is one of an equal handler's.
 * Those of system calls may differ in the formats of what they print, and in the words
 * of their arguments.
 */
#include "lower.h"

#include <string.h>

struct prints {
	VEC(struct ir_stmt *) v;
};

static void find_prints(struct lowering *all, struct ir_stmt *s,
			struct prints *out)
{
	for (; s; s = s->next) {
		if (s->kind == IR_PRINT || s->kind == IR_WORDS)
			vec_push(all->mem, &out->v, s);
		find_prints(all, s->body, out);
		find_prints(all, s->other, out);
	}
}

/* The body as text. Of a system call's handler without its formats: sites that
   differ in nothing else share it, and each has formats of its own. */
static void print_handler(struct lowering *all, struct ir_handler *h)
{
	struct text t = { .mem = all->mem };
	struct prints p = { { 0 } };
	int *formats;
	size_t i;

	if (h->prog == IR_SYSCALL)
		find_prints(all, h->body, &p);
	formats = NEW_ARRAY(all->mem, int, p.v.n + 1);
	for (i = 0; i < p.v.n; i++) {
		formats[i] = p.v.v[i]->format;
		p.v.v[i]->format = -1;
	}
	text_puts(&t, "");
	ir_print_body(h->body, &t);
	for (i = 0; i < p.v.n; i++)
		p.v.v[i]->format = formats[i];
	h->printed = t.s;
	h->nprinted = t.n;
}

static int format_at(const struct ir_stmt *print, uint64_t cookie)
{
	const struct ir_formats *f = print->by_site;

	if (!f)
		return print->format;
	return cookie < f->v.n ? f->v.v[cookie] : -1;
}

static void set_format(struct lowering *all, struct ir_formats *f,
		       uint64_t cookie, int id)
{
	while (f->v.n <= cookie)
		vec_push(all->mem, &f->v, -1);
	f->v.v[cookie] = id;
}

static bool has_site(const struct ir_handler *h, uint64_t cookie)
{
	const struct ir_site *s;

	for (s = h->sites; s && s->cookie != cookie; s = s->next)
		;
	return s != NULL;
}

/* Formats of `new`, whose body is h's but for them, to h's; false: a site of the
   same number has others. */
static bool share_formats(struct lowering *all, struct ir_handler *h,
			  struct ir_handler *new)
{
	uint64_t cookie = new->sites->cookie;
	struct prints to = { { 0 } }, from = { { 0 } };
	const struct ir_site *s;
	struct ir_stmt *p;
	size_t i;

	if (h->prog != IR_SYSCALL)
		return true;
	find_prints(all, h->body, &to);
	find_prints(all, new->body, &from);
	for (i = 0; i < to.v.n; i++)
		if (has_site(h, cookie) && format_at(to.v.v[i], cookie) !=
					   from.v.v[i]->format)
			return false;
	for (i = 0; i < to.v.n; i++) {
		p = to.v.v[i];
		if (!p->by_site && p->format == from.v.v[i]->format)
			continue;
		if (!p->by_site) {
			p->by_site = NEW(all->mem, struct ir_formats);
			for (s = h->sites; s; s = s->next)
				set_format(all, p->by_site, s->cookie,
					   p->format);
		}
		set_format(all, p->by_site, cookie, from.v.v[i]->format);
	}
	return true;
}

static struct ir_handler *find_equal(struct lowering *all,
				     struct ir_handler *new)
{
	struct ir_handler *h;

	if (new->prog == IR_LOADER)
		return NULL;
	print_handler(all, new);
	for (h = all->ir->handlers; h; h = h->next) {
		if (h->prog != new->prog || h->btf_id != new->btf_id ||
		    h->user_regs != new->user_regs ||
		    h->at.src != new->at.src || h->at.off != new->at.off)
			continue;
		if (h->nslots != new->nslots || !h->sites ||
		    h->sites->attach != new->sites->attach ||
		    h->sites->within != new->sites->within)
			continue;
		if (h->nprinted == new->nprinted &&
		    !memcmp(h->printed, new->printed, h->nprinted) &&
		    share_formats(all, h, new))
			return h;
	}
	return NULL;
}

struct ir_handler *keep_shared(struct lowering *all, struct ir_handler *h)
{
	struct ir_handler *same = find_equal(all, h);

	if (same) {
		*same->sites_tail = h->sites;
		same->sites_tail = &h->sites->next;
		return same;
	}
	h->name = arena_printf(all->mem, "h%d", all->nhandlers++);
	*all->handlers_tail = h;
	all->handlers_tail = &h->next;
	return h;
}
