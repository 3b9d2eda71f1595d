/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit.c - a program by hand that has every statement of kernel handlers, as
 * C that clang takes; the layout that goes with it.
 *
 * links: compiler/emit.c compiler/emit_place.c compiler/emit_stmt.c compiler/emit_out.c compiler/base.c compiler/complain.c
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

	*s = (struct ir_slot){ name, type, p->h->nslots++, cap, NULL };
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
		text, strlen(text), types, 0 }));
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

static struct ir_stmt *body_of(struct program *p, struct ir_stmt *s)
{
	p->at = &s->body;
	return s;
}

/* What follows the loop of slow_paths: its catch, then the end of the run. */
static void slow_end(struct program *p, struct ir_stmt *try, struct ir_slot *i,
		     struct ir_slot *msg, struct ir_slot *path,
		     struct ir_slot *v)
{
	p->at = &try->other;
	add(p, (struct ir_stmt){ .kind = IR_FORMAT, .dst = path,
		.format = format(p, "%s %-5d", "sl"), ARGS(of(msg), of(i)),
		.err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_PRINT,
		.format = format(p, "%s\n", "s"), ARGS(of(path)), .err = -1 });
	p->at = &try->next;
	add(p, (struct ir_stmt){ .kind = IR_BIN, .op = IR_MOD, .dst = v,
		.a = of(i), .b = of(i), .err = format(p, "division by 0", "") });
	add(p, (struct ir_stmt){ .kind = IR_EXIT, .err = -1 });
}

/* An array with a lock, which the handler takes, and a linear histogram. */
static void slow_globals(struct program *p, struct ir_global *names,
			 struct ir_global *sizes)
{
	names->key_caps[1] = 128;
	names->lock = 0;
	p->ir.nlocks = 1;
	sizes->stat_ops = 1u << STB_ST_MIN | 1u << STB_ST_MAX |
			  1u << STB_ST_VARIANCE | 1u << STB_ST_HIST_LINEAR;
	sizes->hist_hi = 1000;
	sizes->hist_step = 10;
	handler(p, "h3", IR_RAW_TP);
	p->h->locks = NEW(&mem, struct ir_lock);
	p->h->nlocks = 1;
	p->h->locks[0] = (struct ir_lock){ names, IR_LOCK_WRITE };
}

/* Loops, strings, faults, several records. */
static void slow_paths(struct program *p)
{
	struct ir_global *names = global(p, "names", IR_V_STRING, "ls");
	struct ir_global *sizes = global(p, "sizes", IR_V_STAT, "");
	struct ir_slot *i, *name, *path, *both, *v, *msg;
	struct ir_stmt *loop, *test, *try;
	int fault = format(p, "read fault at 0x%x", "l");
	int actions = format(p, "MAXACTION exceeded", "");
	int said = format(p, "%s: %d", "sl");

	slow_globals(p, names, sizes);
	i = slot(p, "i_0", IR_LONG, 0);
	name = slot(p, "s1", IR_STRING, 16);
	path = slot(p, "s2", IR_STRING, 512);
	both = slot(p, "s3", IR_STRING, 512);
	v = slot(p, "s4", IR_LONG, 0);
	msg = slot(p, "msg_5", IR_STRING, 512);
	add(p, (struct ir_stmt){ .kind = IR_MOVE, .dst = i, .a = num(0) });
	add(p, (struct ir_stmt){ .kind = IR_CALL, .name = "execname",
				 .dst = name, .err = -1 });
	try = add(p, (struct ir_stmt){ .kind = IR_TRY, .dst = msg,
				       .err = -1 });
	p->at = &try->body;
	loop = add(p, (struct ir_stmt){ .kind = IR_LOOP, .cost = 2,
					.err = actions });
	p->at = &loop->body;
	add(p, (struct ir_stmt){ .kind = IR_BIN, .op = IR_GE, .dst = v,
				 .a = of(i), .b = num(10), .err = -1 });
	test = add(p, (struct ir_stmt){ .kind = IR_IF, .a = of(v), .err = -1 });
	body_of(p, test);
	add(p, (struct ir_stmt){ .kind = IR_BREAK, .err = -1 });
	p->at = &test->next;
	add(p, (struct ir_stmt){ .kind = IR_ARG, .num = 0, .dst = v,
				 .err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_LOAD_STR, .dst = path,
		.a = of(v), .b = num(64), .err = fault });
	add(p, (struct ir_stmt){ .kind = IR_CAT, .dst = both, .a = of(name),
				 .b = of(path), .err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_MAP_SET, .global = names,
		ARGS(of(i), of(both)), .a = of(path), .err = 0 });
	add(p, (struct ir_stmt){ .kind = IR_MAP_CAT, .global = names,
		ARGS(of(i), of(both)), .a = lit("!"), .err = 0,
		.dst = path });
	add(p, (struct ir_stmt){ .kind = IR_STAT_ADD, .global = sizes,
		.a = of(i), .err = 0 });
	add(p, (struct ir_stmt){ .kind = IR_PRINT,
		.format = format(p, "%d %s\n", "ls"), ARGS(of(i), of(both)),
		.err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_STRCMP, .op = IR_EQ, .dst = v,
		.a = of(both), .b = lit("init"), .err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_STRCMP, .op = IR_LT, .dst = v,
		.a = of(both), .b = of(path), .err = -1 });
	add(p, (struct ir_stmt){ .kind = IR_RAISE, .err = said,
		ARGS(of(both), of(i)) });
	p->at = &loop->other;
	add(p, (struct ir_stmt){ .kind = IR_BIN, .op = IR_ADD, .dst = i,
				 .a = of(i), .b = num(1), .err = -1 });
	slow_end(p, try, i, msg, path, v);
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
