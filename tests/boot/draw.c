/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * draw.c - draws places of a kernel by a seed and writes a script about them:
 *
 *	draw MANIFEST KERNEL SEED N vars	$$vars at N functions
 *	draw MANIFEST KERNEL SEED N chains	random chains of members at N points
 *	draw MANIFEST KERNEL SEED N values CALLED	$$vars, and a member behind an
 *		argument, at N functions of those in the file CALLED ("HITS NAME").
 *		"// NUMBER SYMBOL FETCH=SIZE..." says where a kprobe event finds what
 *		the lines "@NUMBER $$vars MEMBER" begin and end with
 *
 * What it draws can be probed, as target.h has it, and what it reads is there:
 * so whatever a compiler, a verifier or a kernel refuses is a fault.
 *
 * links: compiler -ldw -lelf -lbpf -lz -lcyaml -lyaml
 */
#include "compiler/stap.h"
#include "compiler/target.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TRIES = 2000000 };	/* there may be fewer than are wanted */

struct draw {
	struct job j;
	struct target *t;
	struct binary *kernel;
	uint64_t random;
	VEC(struct func *) copies;
	VEC(struct func *) inlined;
};

static uint64_t drawn(struct draw *d, uint64_t n)
{
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	return n ? d->random % n : 0;
}

/* --- opening ---------------------------------------------------------------- */

static void take(void *arg, struct func *f)
{
	struct draw *d = arg;

	if (f->is_inline_only)
		vec_push(&d->j.mem, &d->inlined, f);
	else if (!f->forbidden && f->file)
		vec_push(&d->j.mem, &d->copies, f);
}

static bool open_kernel(struct draw *d, const char *manifest, const char *name)
{
	static struct manifest m;
	size_t i;

	if (!manifest_read(&d->j, manifest, &m))
		return false;
	for (i = 0; i < m.kernels.n; i++)
		if (!strcmp(m.kernels.v[i]->name, name))
			d->t = target_open(&d->j, m.kernels.v[i], &m);
	if (!d->t)
		return false;
	d->kernel = target_kernel(d->t);
	target_functions(d->t, d->kernel, "*", take, d);
	return d->copies.n && d->inlined.n;
}

/* --- chains of members ------------------------------------------------------------ */

static bool is_name(const char *s)
{
	if (!s || !(isalpha((unsigned char)*s) || *s == '_'))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_')
			return false;
	return true;
}

/* A member of t, any; those of an unnamed one are its own. */
static bool draw_member(struct draw *d, struct ctype *t, struct member *out)
{
	struct member m;
	size_t n = 0, i;

	while (n < 200 && type_member_at(t, n, &m))
		n++;
	for (i = 0; n && i < 10; i++) {
		type_member_at(t, drawn(d, n), &m);
		if (!m.name && (m.type->kind == TY_STRUCT ||
				m.type->kind == TY_UNION)) {
			if (!draw_member(d, m.type, out))
				return false;
			out->offset += m.offset;
			return true;
		}
		if (is_name(m.name)) {
			*out = m;
			return true;
		}
	}
	return false;
}

static bool is_number(const struct ctype *t)
{
	bool kind = t->kind == TY_INT || t->kind == TY_BOOL ||
		t->kind == TY_CHAR || t->kind == TY_ENUM ||
		t->kind == TY_POINTER;

	return kind && (t->size == 1 || t->size == 2 || t->size == 4 ||
			t->size == 8);
}

static bool is_struct(const struct ctype *t)
{
	return t->kind == TY_STRUCT || t->kind == TY_UNION;
}

/*
 * "$p->a->b[3]" from a variable of type t: what it says is a number. false: it
 * did not come to one.
 */
static bool draw_chain(struct draw *d, struct text *s, struct ctype *t)
{
	unsigned steps = (unsigned)drawn(d, 5);
	struct member m;

	for (;;) {
		struct ctype *to = t->kind == TY_POINTER ? t->to : t;

		if (t->kind == TY_ARRAY) {
			if (!t->count)
				return false;
			text_printf(s, "[%ju]", (uintmax_t)drawn(d, t->count));
			t = t->to;
		} else if (to && is_struct(to) && (steps || is_struct(t))) {
			steps -= steps != 0;
			if (!draw_member(d, to, &m))
				return false;
			text_printf(s, "->%s", m.name);
			t = m.type;
		} else {
			return is_number(t);
		}
	}
}

static bool whole(const struct loc *l)
{
	size_t i;

	for (i = 0; i < l->nsteps; i++)
		if (l->steps[i].op == L_MOD)	/* refused */
			return false;
	for (i = 0; l->kind == LOC_PIECES && i < l->npieces; i++)
		if (!whole(l->pieces[i].loc))
			return false;
	return l->kind != LOC_ABSENT;
}

/* A chain that can be read at p; NULL: none was drawn. */
static const char *draw_value(struct draw *d, struct place *p)
{
	struct text s = { .mem = &d->j.mem };
	struct variable *v;
	size_t n = 0, i;

	while (place_variable_at(d->t, p, n))
		n++;
	for (i = 0; n && i < 10; i++) {
		v = place_variable_at(d->t, p, drawn(d, n));
		s.n = 0;
		if (!is_name(v->name) || !whole(&v->loc) || !v->type ||
		    place_variable(d->t, p, v->name) != v ||
		    (is_struct(v->type) && v->loc.kind == LOC_PIECES))
			continue;
		text_printf(&s, "$%s", v->name);
		if (draw_chain(d, &s, v->type))
			return s.s;
	}
	return NULL;
}

/* --- points -------------------------------------------------------------------------- */

static const char *place_of(struct draw *d, const struct func *f)
{
	return arena_printf(&d->j.mem, "%s@%s:%u", f->name, f->file, f->line);
}

/* Is there one function of that name there? Clones may differ. */
static void count(void *arg, struct func *f)
{
	++*(int *)arg;
}

static bool is_alone(struct draw *d, const struct func *f)
{
	int n = 0;

	target_functions(d->t, d->kernel, f->name, count, &n);
	return n == 1;
}

static void body(const char *point, const char *value)
{
	printf("probe %s { hits++; try { sum <<< %s } catch { faults++ } }\n",
	       point, value);
}

static bool draw_entry(struct draw *d)
{
	struct func *f = d->copies.v[drawn(d, d->copies.n)];
	bool ret = !drawn(d, 3);
	struct place *p = target_place(d->t, f, AT_ENTRY);
	const char *value = is_alone(d, f) ? draw_value(d, p) : NULL;

	if (!value)
		return false;
	body(arena_printf(&d->j.mem, "kernel.function(\"%s\").%s",
			  place_of(d, f), ret ? "return" : "call"),
	     ret ? arena_printf(&d->j.mem, "@entry(%s)", value) : value);
	return true;
}

static bool draw_return(struct draw *d)
{
	struct func *f = d->copies.v[drawn(d, d->copies.n)];
	struct place *p = target_place(d->t, f, AT_RETURN);
	struct variable *v = is_alone(d, f) ? place_return(d->t, p) : NULL;
	struct text s = { .mem = &d->j.mem };

	if (!v || !whole(&v->loc))
		return false;
	text_puts(&s, "$return");
	if (!draw_chain(d, &s, v->type))
		return false;
	body(arena_printf(&d->j.mem, "kernel.function(\"%s\").return",
			  place_of(d, f)), s.s);
	return true;
}

struct pick {
	struct draw *d;
	struct code code;
	uint64_t n;
};

static void pick_code(void *arg, const struct code *c)
{
	struct pick *p = arg;

	if (!drawn(p->d, ++p->n))
		p->code = *c;
}

static bool can_probe(struct draw *d, uint64_t addr)
{
	struct func *f = target_func_around(d->t, d->kernel, addr);

	return f && !f->forbidden && !target_why_not(d->t, d->kernel, addr);
}

/* A statement, of a copy or of an instance, at its address. */
static bool draw_statement(struct draw *d)
{
	bool inlined = drawn(d, 2);
	struct func *f = inlined ? d->inlined.v[drawn(d, d->inlined.n)] :
		d->copies.v[drawn(d, d->copies.n)];
	struct pick pick = { .d = d };
	const char *value;
	struct code in;
	struct row *rows;
	size_t n;

	if (!target_code(d->t, f, pick_code, &pick))
		return false;
	n = target_rows(d->t, &pick.code, &rows);
	if (!n)
		return false;
	rows += drawn(d, n);
	if (!can_probe(d, rows->addr) ||
	    !target_code_at(d->t, d->kernel, rows->addr, &in))
		return false;
	value = draw_value(d, target_place_at(d->t, &in, rows->addr));
	if (!value)
		return false;
	body(arena_printf(&d->j.mem, "kernel.statement(0x%jx)",
			  (uintmax_t)rows->addr), value);
	return true;
}

/* By name: every instance, and what cannot be read in one of them is 0. */
static bool draw_inlined(struct draw *d)
{
	struct func *f = d->inlined.v[drawn(d, d->inlined.n)];
	struct pick pick = { .d = d };
	const char *value;

	if (!f->file || !target_code(d->t, f, pick_code, &pick) || pick.n > 4 ||
	    !can_probe(d, pick.code.addr))
		return false;
	value = draw_value(d, target_place_at(d->t, &pick.code,
					      pick.code.addr));
	if (!value)
		return false;
	body(arena_printf(&d->j.mem, "kernel.function(\"%s\").inline",
			  place_of(d, f)),
	     arena_printf(&d->j.mem, "@choose_defined(%s, 0)", value));
	return true;
}

struct label_pick {
	struct draw *d;
	const struct code *c;
	bool done;
};

static void pick_label(void *arg, const char *name, unsigned line,
		       uint64_t addr)
{
	struct label_pick *l = arg;
	struct draw *d = l->d;
	const char *value;

	if (l->done || !is_name(name) || !can_probe(d, addr))
		return;
	value = draw_value(d, target_place_at(d->t, l->c, addr));
	if (!value)
		return;
	l->done = true;
	body(arena_printf(&d->j.mem, "kernel.function(\"%s\").label(\"%s\")",
			  place_of(d, l->c->func), name),
	     arena_printf(&d->j.mem, "@choose_defined(%s, 0)", value));
}

static bool draw_label(struct draw *d)
{
	struct func *f = d->copies.v[drawn(d, d->copies.n)];
	struct pick pick = { .d = d };
	struct label_pick l = { .d = d, .c = &pick.code };

	target_code(d->t, f, pick_code, &pick);
	target_labels(d->t, &pick.code, pick_label, &l);
	return l.done;
}

static bool draw_point(struct draw *d)
{
	switch (drawn(d, 8)) {
	case 0: case 1: return draw_entry(d);
	case 2: return draw_return(d);
	case 3: case 4: case 5: return draw_statement(d);
	case 6: return draw_inlined(d);
	}
	return draw_label(d);
}

/* --- arguments ------------------------------------------------------------------------ */

/* Only what is called is to be drawn, and not what is called all the time. */
static bool keep_called(struct draw *d, const char *file)
{
	enum { MOST_HITS = 500 };
	struct job *j = &d->j;
	struct dict called = { .mem = &j->mem };
	FILE *f = fopen(file, "r");
	char name[128];
	long hits;
	size_t i, n = 0;

	while (f && fscanf(f, "%ld %127s%*[^\n]", &hits, name) == 2)
		if (hits <= MOST_HITS)
			*dict_at(&called, arena_printf(&j->mem, "%s", name)) = d;
	for (i = 0; i < d->copies.n; i++)
		if (d->copies.v[i]->is_unique &&
		    dict_get(&called, d->copies.v[i]->linkage))
			d->copies.v[n++] = d->copies.v[i];
	d->copies.n = n;
	return f && !fclose(f) && n;
}

/* Whole numbers, each in the register that has its place. */
static bool are_numbers(struct draw *d, struct place *p, size_t *n)
{
	struct variable *v;

	for (*n = 0; (v = place_variable_at(d->t, p, *n)) && v->is_param; ++*n)
		if (!is_name(v->name) || !is_number(v->type) ||
		    v->abi_arg != (int)*n || v->loc.kind != LOC_VALUE)
			return false;
	return *n && *n <= 6;
}

static const char *const registers[] = {
	"%di", "%si", "%dx", "%cx", "%r8", "%r9"
};

/* What the kernel changes of a task while it runs a BPF program. */
static bool is_handlers(const char *member)
{
	return !strcmp(member, "rcu_read_lock_nesting") ||
		!strcmp(member, "migration_disabled");
}

/* "$p->a->b", a number in memory, and in *fetch where it is: "+8(+16(%si))=4". */
static const char *draw_behind(struct draw *d, struct place *p, size_t n,
			       const char **fetch)
{
	size_t arg = drawn(d, n);
	struct variable *v = place_variable_at(d->t, p, arg);
	const char *value = arena_printf(&d->j.mem, "$%s", v->name);
	struct ctype *t = v->type;
	struct member m;

	*fetch = registers[arg];
	while (t->kind == TY_POINTER && t->to && is_struct(t->to)) {
		if (!draw_member(d, t->to, &m) || m.bit_size ||
		    is_handlers(m.name))
			return NULL;
		*fetch = arena_printf(&d->j.mem, "+%ju(%s)",
				      (uintmax_t)m.offset, *fetch);
		value = arena_printf(&d->j.mem, "%s->%s", value, m.name);
		t = m.type;
		if (is_number(t) && drawn(d, 3)) {
			*fetch = arena_printf(&d->j.mem, "%s=%ju", *fetch,
					      (uintmax_t)t->size);
			return value;
		}
	}
	return NULL;
}

static bool draw_arguments(struct draw *d, long number)
{
	struct func *f = d->copies.v[drawn(d, d->copies.n)];
	struct place *p = target_place(d->t, f, AT_ENTRY);
	const char *behind = NULL, *fetch;
	size_t n, i;

	if (!f->is_unique || !is_alone(d, f) || !are_numbers(d, p, &n))
		return false;
	for (i = 0; i < 20 && !behind; i++)
		behind = draw_behind(d, p, n, &fetch);
	printf("// %ld %s", number, f->linkage);
	for (i = 0; i < n; i++)
		printf(" %s=%ju", registers[i],
		       (uintmax_t)place_variable_at(d->t, p, i)->type->size);
	printf(" %s\nprobe kernel.function(\"%s\").call { try { "
	       "printf(\"@%ld %%s %%x\\n\", $$vars, %s) } catch { } }\n",
	       behind ? fetch : "", place_of(d, f), number,
	       behind ? behind : "0");
	f->is_unique = false;	/* once is enough */
	return true;
}

int main(int argc, char **argv)
{
	static struct options opt;
	struct draw d = { .j.opt = &opt };
	long n;

	if (argc < 6 || argc > 7 || !open_kernel(&d, argv[1], argv[2]) ||
	    (argc == 7 && !keep_called(&d, argv[6]))) {
		fprintf(stderr, "usage: draw MANIFEST KERNEL SEED N "
			"vars|chains|values [CALLED]\n");
		return 1;
	}
	d.random = 0x9e3779b97f4a7c15 ^ strtoull(argv[3], NULL, 0) << 1;
	n = atol(argv[4]);
	if (!strcmp(argv[5], "vars"))
		for (; n > 0; n--)
			printf("probe kernel.function(\"%s\").call "
			       "{ println($$vars) }\n", place_of(&d,
			       d.copies.v[drawn(&d, d.copies.n)]));
	else if (!strcmp(argv[5], "values"))
		for (long tries = 0; n > 0 && tries < MOST_TRIES; tries++)
			n -= draw_arguments(&d, n);
	else
		for (printf("global hits, faults, sum\n"); n > 0;)
			n -= draw_point(&d);
	return 0;
}
