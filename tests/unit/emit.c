/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit.c - a program by hand that has every statement of kernel handlers, as
 * C that clang takes; the layout that goes with it.
 *
 * links: compiler
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/ir.h"
#include "runtime/abi.h"

#define CHECK(x) do { if (!(x)) { fprintf(stderr, "%s:%d: %s\n", __FILE__, \
	__LINE__, #x); return 1; } } while (0)

static struct arena mem;

struct program {
	struct ir ir;
	struct ir_handler *h;
	struct ir_stmt **at;	/* where the next statement goes */
	struct ir_slot *last;
};

static struct ir_slot *slot(struct program *p, const char *name,
			    enum ir_type type, uint32_t cap)
{
	struct ir_slot *s = NEW(&mem, struct ir_slot);

	*s = (struct ir_slot){ .name = name, .type = type, .cap = cap,
			       .number = p->h->nslots++ };
	if (p->last)
		p->last->next = s;
	else
		p->h->slots = s;
	return p->last = s;
}

static void handler(struct program *p, const char *name, enum ir_prog prog)
{
	struct ir_handler *h = NEW(&mem, struct ir_handler), **to;

	h->name = name;
	h->prog = prog;
	for (to = &p->ir.handlers; *to; to = &(*to)->next)
		;
	*to = p->h = h;
	p->at = &h->body;
	p->last = NULL;
}

static struct ir_stmt *add(struct program *p, struct ir_stmt s)
{
	struct ir_stmt *n = NEW(&mem, struct ir_stmt);

	*n = s;
	*p->at = n;
	p->at = &n->next;
	return n;
}

static struct ir_opnd num(int64_t v)
{
	return (struct ir_opnd){ .kind = IR_NUM, .num = v };
}

static struct ir_opnd of(struct ir_slot *s)
{
	return (struct ir_opnd){ .kind = IR_SLOT, .slot = s };
}

static struct ir_opnd lit(const char *s)
{
	return (struct ir_opnd){ .kind = IR_LIT, .lit = s, .len = strlen(s) };
}

static struct ir_opnd *args(size_t n, const struct ir_opnd *from)
{
	struct ir_opnd *to = NEW_ARRAY(&mem, struct ir_opnd, n);

	memcpy(to, from, n * sizeof(*to));
	return to;
}
#define ARGS(...) \
	.args = args(sizeof((struct ir_opnd[]){ __VA_ARGS__ }) / \
		     sizeof(struct ir_opnd), (struct ir_opnd[]){ __VA_ARGS__ }), \
	.nargs = sizeof((struct ir_opnd[]){ __VA_ARGS__ }) / \
		 sizeof(struct ir_opnd)

static int format(struct program *p, const char *text, const char *types)
{
	vec_push(&mem, &p->ir.formats, ((struct ir_format){
		.text = text, .len = strlen(text), .args = types }));
	return (int)p->ir.formats.n - 1;
}

static struct ir_global *global(struct program *p, const char *name,
				enum ir_value value, const char *keys)
{
	struct ir_global *g = NEW(&mem, struct ir_global), **to;
	size_t i;

	g->name = name;
	g->value = value;
	g->nkeys = strlen(keys);
	g->keys = NEW_ARRAY(&mem, enum ir_type, g->nkeys + 1);
	g->key_caps = NEW_ARRAY(&mem, uint32_t, g->nkeys + 1);
	for (i = 0; i < g->nkeys; i++)
		g->keys[i] = keys[i] == 's' ? IR_STRING : IR_LONG;
	g->max_entries = 2048;
	g->in_kernel = true;
	g->lock = -1;
	for (to = &p->ir.globals; *to; to = &(*to)->next)
		g->index++;
	return *to = g;
}

/* Count per pid; a histogram of latencies; a record: the hot paths. */
static void hot_paths(struct program *p)
{
	struct ir_global *count = global(p, "count", IR_V_LONG, "l");
	struct ir_global *start = global(p, "start", IR_V_LONG, "l");
	struct ir_global *spent = global(p, "spent", IR_V_STAT, "s");
	struct ir_global *total = global(p, "total", IR_V_LONG, "");
	struct ir_slot *a, *b, *c;
	int overflow = format(p, "Array overflow", "");

	start->hidden = true;
	spent->stat_ops = 1u << STB_ST_HIST_LOG | 1u << STB_ST_SUM;
	spent->key_caps[0] = 16;
	handler(p, "h0", IR_RAW_TP);
	a = slot(p, "s0", IR_LONG, 0);
	add(p, (struct ir_stmt){ .kind = IR_CALL, .name = "pid", .dst = a,
				 .err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_MAP_MODIFY, .op = IR_ADD,
		.global = count, ARGS(of(a)), .a = num(1), .err = overflow });
	add(p, (struct ir_stmt){ .kind = IR_MODIFY, .op = IR_ADD,
		.global = total, .a = num(1), .err = -1 });

	handler(p, "h1", IR_KPROBE);
	a = slot(p, "s0", IR_LONG, 0);
	b = slot(p, "s1", IR_LONG, 0);
	add(p, (struct ir_stmt){ .kind = IR_CALL, .name = "tid", .dst = a,
				 .err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_CALL, .name = "gettimeofday_ns",
				 .dst = b, .err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_MAP_SET, .global = start,
		ARGS(of(a)), .a = of(b), .err = overflow });

	handler(p, "h2", IR_KPROBE);
	a = slot(p, "s0", IR_LONG, 0);
	b = slot(p, "s1", IR_LONG, 0);
	c = slot(p, "s2", IR_STRING, 16);
	add(p, (struct ir_stmt){ .kind = IR_CALL, .name = "tid", .dst = a,
				 .err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_MAP_GET, .global = start,
		ARGS(of(a)), .dst = b, .err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_MAP_DEL, .global = start,
		ARGS(of(a)), .err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_CALL, .name = "execname",
				 .dst = c, .err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_STAT_ADD, .global = spent,
		ARGS(of(c)), .a = of(b), .err = overflow });
	add(p, (struct ir_stmt){ .kind = IR_PRINT,
		.format = format(p, "%s %d %s\n", "sls"),
		ARGS(of(c), of(b), lit("x")), .err = -1 });
}

/* What the slow paths work on. */
struct slow {
	struct ir_global *names, *sizes;
	struct ir_slot *i, *name, *path, *both, *v, *msg;
	int fault, actions, said;
};

static struct slow slow_globals(struct program *p)
{
	struct slow s = { .names = global(p, "names", IR_V_STRING, "ls"),
			  .sizes = global(p, "sizes", IR_V_STAT, "") };

	s.fault = format(p, "read fault at 0x%x", "l");
	s.actions = format(p, "MAXACTION exceeded", "");
	s.said = format(p, "%s: %d", "sl");
	s.names->key_caps[1] = 128;
	s.names->lock = 0;
	p->ir.nlocks = 1;
	s.sizes->stat_ops = 1u << STB_ST_MIN | 1u << STB_ST_MAX |
			    1u << STB_ST_VARIANCE | 1u << STB_ST_HIST_LINEAR;
	s.sizes->hist_hi = 1000;
	s.sizes->hist_step = 10;
	return s;
}

/* The body of the loop: reads, arrays, a record, comparisons, error(). */
static void slow_turn(struct program *p, const struct slow *s)
{
	struct ir_stmt *test;

	add(p, (struct ir_stmt){ .kind = IR_BIN, .op = IR_GE, .dst = s->v,
				 .a = of(s->i), .b = num(10), .err = -1 });
	test = add(p, (struct ir_stmt){ .kind = IR_IF, .a = of(s->v),
					.err = -1 });
	p->at = &test->body;
	add(p, (struct ir_stmt){ .kind = IR_BREAK, .err = -1 });
	p->at = &test->next;
	add(p, (struct ir_stmt){ .kind = IR_ARG, .num = 0, .dst = s->v,
				 .err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_LOAD_STR, .dst = s->path,
		.a = of(s->v), .b = num(64), .err = s->fault });
	add(p, (struct ir_stmt){ .kind = IR_CAT, .dst = s->both,
		.a = of(s->name), .b = of(s->path), .err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_MAP_SET, .global = s->names,
		ARGS(of(s->i), of(s->both)), .a = of(s->path), .err = 0 });
	add(p, (struct ir_stmt){ .kind = IR_MAP_CAT, .global = s->names,
		ARGS(of(s->i), of(s->both)), .a = lit("!"), .err = 0,
		.dst = s->path });
	add(p, (struct ir_stmt){ .kind = IR_STAT_ADD, .global = s->sizes,
		.a = of(s->i), .err = 0 });
	add(p, (struct ir_stmt){ .kind = IR_PRINT,
		.format = format(p, "%d %s\n", "ls"),
		ARGS(of(s->i), of(s->both)), .err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_STRCMP, .op = IR_EQ, .dst = s->v,
		.a = of(s->both), .b = lit("init"), .err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_STRCMP, .op = IR_LT, .dst = s->v,
		.a = of(s->both), .b = of(s->path), .err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_RAISE, .err = s->said,
		ARGS(of(s->both), of(s->i)) });
}

/* Loops, strings, faults, several records. */
static void slow_paths(struct program *p)
{
	struct slow s = slow_globals(p);
	struct ir_stmt *loop, *try;

	handler(p, "h3", IR_RAW_TP);
	p->h->locks = NEW(&mem, struct ir_lock);
	p->h->nlocks = 1;
	p->h->locks[0] = (struct ir_lock){ s.names, IR_LOCK_WRITE };
	s.i = slot(p, "i_0", IR_LONG, 0);
	s.name = slot(p, "s1", IR_STRING, 16);
	s.path = slot(p, "s2", IR_STRING, 512);
	s.both = slot(p, "s3", IR_STRING, 512);
	s.v = slot(p, "s4", IR_LONG, 0);
	s.msg = slot(p, "msg_5", IR_STRING, 512);
	add(p, (struct ir_stmt){ .kind = IR_MOVE, .dst = s.i, .a = num(0) });
	add(p, (struct ir_stmt){ .kind = IR_CALL, .name = "execname",
				 .dst = s.name, .err = -1 });
	try = add(p, (struct ir_stmt){ .kind = IR_TRY, .dst = s.msg,
				       .err = -1 });
	p->at = &try->body;
	loop = add(p, (struct ir_stmt){ .kind = IR_LOOP, .cost = 2,
					.err = s.actions });
	p->at = &loop->body;
	slow_turn(p, &s);
	p->at = &loop->other;
	add(p, (struct ir_stmt){ .kind = IR_BIN, .op = IR_ADD, .dst = s.i,
				 .a = of(s.i), .b = num(1), .err = -1 });
	p->at = &try->other;
	add(p, (struct ir_stmt){ .kind = IR_FORMAT, .dst = s.path,
		.format = format(p, "%s %-5d", "sl"),
		ARGS(of(s.msg), of(s.i)), .err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_PRINT,
		.format = format(p, "%s\n", "s"), ARGS(of(s.path)),
		.err = -1 });
	p->at = &try->next;
	add(p, (struct ir_stmt){ .kind = IR_BIN, .op = IR_MOD, .dst = s.v,
		.a = of(s.i), .b = of(s.i),
		.err = format(p, "division by 0", "") });
	add(p, (struct ir_stmt){ .kind = IR_EXIT, .err = -1 });
}

/* With a file name: the C is kept there, for people. */
int main(int argc, char **argv)
{
	struct program p = { .ir = { .string_len = 512, .max_action = 1000,
		.max_action_user = 10000, .max_nesting = 10, .max_errors = 0,
		.max_skipped = 100, .has_kernel = true } };
	struct text out = { .mem = &mem }, cmd = { .mem = &mem };
	char name[] = "/tmp/emit-XXXXXX.c";
	struct ir_layout lay = { 0 };
	const char *const *flag, *clang = getenv("CLANG");
	const char *file = argc > 1 ? argv[1] : name;

	hot_paths(&p);
	slow_paths(&p);
	emit_layout(&mem, &p.ir, &lay);
	CHECK(lay.globals_size == 128 + 8 + 8);
	CHECK(lay.maps.n == 7);
	CHECK(!strcmp(lay.maps.v[2].keys, "s16"));
	CHECK(!strcmp(lay.maps.v[2].type, "percpu_hash"));
	CHECK(lay.maps.v[1].value_size == 8);
	CHECK(lay.frame_size && lay.frame_size < 16384);
	emit_c(&mem, &p.ir, &lay, true, "test.stp", &out);
	if (argc < 2)
		close(mkstemps(name, 2));
	CHECK(write_file(file, out.s, out.n));
	text_printf(&cmd, "%s", clang ? clang : "clang-14");
	for (flag = emit_clang_flags; *flag; flag++)
		text_printf(&cmd, " %s", *flag);
	text_printf(&cmd, " -Werror -I runtime/bpf -I runtime -c %s -o %s.o",
		    file, file);
	CHECK(system(cmd.s) == 0);
	if (argc < 2) {
		unlink(name);
		unlink(arena_printf(&mem, "%s.o", name));
	}
	arena_free(&mem);
	return 0;
}
