/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * facts.c - builds tests/fixtures/shapes.c in many ways, stops it at every
 * place that target.h answers, computes variables there as target.h says, and
 * compares with what the program was called with.
 *
 * links: compiler -ldw -lelf -lbpf -lz -lcyaml -lyaml
 */
#include "compiler/stap.h"
#include "compiler/target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed;
static const char *how;		/* the build at hand */

static void fail(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void fail(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", how);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	failed++;
}

static void sh(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void sh(const char *fmt, ...)
{
	char cmd[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	if (system(cmd)) {
		fprintf(stderr, "failed: %s\n", cmd);
		exit(2);
	}
}

/* --- what holds where -------------------------------------------------------- */

/*
 * Paths: $var.member.2.member; pointers are followed. A '?' in front: the
 * optimiser may drop it.
 */
static const struct want {
	const char *func, *path;
	int64_t value;
} wants[] = {
	{ "six", "a", -3 }, { "six", "b", 65000 }, { "six", "c", -70000 },
	{ "six", "d", INT64_C(1) << 40 }, { "six", "e.0", 'e' },
	{ "six", "f", 1 }, { "six", "return", -1003 },
	{ "eight", "a", 1 }, { "eight", "f", 6 }, { "eight", "g", 77 },
	{ "eight", "h", -88 }, { "eight", "return", -77 },
	{ "floats", "a", 11 }, { "floats", "b", 12 },
	{ "floats", "return", 211 },
	{ "by_value", "?p.a", 21 }, { "by_value", "?p.b", -22 },
	{ "by_value", "after", 23 }, { "by_value", "return", 21 },
	{ "in_memory", "b.v.1", 32 }, { "in_memory", "b.v.4", 35 },
	{ "in_memory", "after", 36 }, { "in_memory", "return", 35 },
	{ "make_pair", "a", 51 }, { "make_pair", "return.a", 52 },
	{ "make_pair", "return.b", -2 },
	{ "make_big", "a", 61 }, { "make_big", "b", 62 },
	{ "make_big", "return.v.4", 62 }, { "make_big", "return.v.3", 3 },
	{ "make_double", "k", 72 },
	{ "walk", "s.kind", 5 }, { "walk", "s.delta", -7 },
	{ "walk", "s.wide", 654321 }, { "walk", "s.id", -12345678901 },
	{ "walk", "s.low", 17 }, { "walk", "s.high", -18 },
	{ "walk", "s.number", (int64_t)((uint64_t)-18 << 32 | 17) },
	{ "walk", "s.points.2.x", -5 }, { "walk", "s.points.1.y", 4 },
	{ "walk", "s.grid.1.2", 15 }, { "walk", "s.grid.0.1", 11 },
	{ "walk", "s.next.id", 99 },
	{ "walk", "s.next.next.next.next.delta", -7 },
	{ "walk", "s.label.4", 'l' }, { "walk", "s.color", 6 },
	{ "walk", "s.mood", -1 }, { "walk", "s.small", 250 },
	{ "walk", "s.yes", 1 }, { "walk", "s.negative", -3 },
	{ "walk", "s.name.3", 'e' }, { "walk", "s.mask", 0xabcdef0123 },
	{ "walk", "s.rest", 0x456789 }, { "walk", "s.nibbles.first", 3 },
	{ "walk", "s.nibbles.second", 12 }, { "walk", "o", 0 },
	{ "walk", "return.id", 99 },
	{ "nothing", "m", 1 }, { "nothing", "c", 5 },
	{ "stack", "n", 5 }, { "twice", "n", 81 }, { "twice", "?ignored", 3 },
};

/* --- the program, stopped ------------------------------------------------------ */

struct stopped {
	pid_t pid;
	struct user_regs_struct regs;
	bool fault;
};

static uint64_t peek(struct stopped *p, uint64_t addr, size_t size)
{
	uint64_t v = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)p->pid);
	f = fopen(path, "rb");
	if (!f || fseek(f, (long)addr, SEEK_SET) || size > 8 ||
	    fread(&v, 1, size, f) != size)
		p->fault = true;
	if (f)
		fclose(f);
	return v;
}

static uint64_t reg(const struct stopped *p, int64_t n)
{
	const struct user_regs_struct *r = &p->regs;
	const uint64_t v[] = { r->rax, r->rdx, r->rcx, r->rbx, r->rsi, r->rdi,
			       r->rbp, r->rsp, r->r8, r->r9, r->r10, r->r11,
			       r->r12, r->r13, r->r14, r->r15, r->rip };

	return n >= 0 && n < (int64_t)COUNT_OF(v) ? v[n] : 0;
}

static uint64_t apply(int op, uint64_t a, uint64_t b)
{
	switch (op) {
	case L_PLUS: return a + b;
	case L_MINUS: return a - b;
	case L_AND: return a & b;
	case L_SHL: return a << b;
	case L_SHR: return a >> b;
	case L_SHRA: return (uint64_t)((int64_t)a >> (b & 63));
	}
	fail("operation %d", op);
	return 0;
}

static uint64_t evaluate(struct stopped *p, const struct loc *l)
{
	uint64_t stack[16] = { 0 };
	size_t n = 0, i;

	for (i = 0; i < l->nsteps; i++) {
		const struct locstep *s = &l->steps[i];

		if (s->op == L_REG)
			stack[n++] = reg(p, s->n);
		else if (s->op == L_NUM || s->op == L_ADDR)
			stack[n++] = (uint64_t)s->n;
		else if (s->op == L_LOAD && n)
			stack[n - 1] = peek(p, stack[n - 1], (size_t)s->n);
		else if (n > 1)
			n--, stack[n - 1] = apply((int)s->op, stack[n - 1],
						  stack[n]);
	}
	if (n != 1)
		fail("a location leaves %zu numbers", n);
	return stack[0];
}

/* Where a value is: bytes of its own, or at an address. */
struct value {
	struct ctype *type;
	bool in_memory;
	uint64_t addr;
	uint8_t bytes[32];
	uint64_t off;
	unsigned bit_offset, bit_size;
};

static void put_piece(struct stopped *p, const struct loc *l, uint8_t *to,
		      size_t n)
{
	uint64_t v = 0;

	if (l->kind == LOC_VALUE)
		v = evaluate(p, l);
	else if (l->kind == LOC_MEMORY)
		v = peek(p, evaluate(p, l), n < 8 ? n : 8);
	memcpy(to, &v, n < 8 ? n : 8);
}

static bool start(struct stopped *p, const struct variable *v,
		  struct value *out)
{
	size_t i, at = 0;

	*out = (struct value){ .type = v->type };
	switch (v->loc.kind) {
	case LOC_ABSENT:
		return false;
	case LOC_VALUE:
		put_piece(p, &v->loc, out->bytes, 8);
		return true;
	case LOC_MEMORY:
		out->in_memory = true;
		out->addr = evaluate(p, &v->loc);
		return true;
	case LOC_PIECES:
		for (i = 0; i < v->loc.npieces && at < 24; i++) {
			put_piece(p, v->loc.pieces[i].loc, out->bytes + at,
				  v->loc.pieces[i].bits / 8);
			at += v->loc.pieces[i].bits / 8;
		}
		return true;
	}
	return false;
}

static int64_t number(struct stopped *p, const struct value *v)
{
	size_t size = v->bit_size ? (v->bit_offset + v->bit_size + 7) / 8 :
		v->type->size;
	unsigned bits = v->bit_size ? v->bit_size : (unsigned)size * 8;
	uint64_t n = 0;

	if (size > 8)
		size = 8;
	if (v->in_memory)
		n = peek(p, v->addr, size);
	else
		memcpy(&n, v->bytes + v->off, size);
	n >>= v->bit_offset;
	if (bits < 64) {
		n &= (UINT64_C(1) << bits) - 1;
		if (v->type->is_signed && n >> (bits - 1))
			n |= ~UINT64_C(0) << bits;
	}
	return (int64_t)n;
}

static bool go(struct stopped *p, struct value *v, const char *part)
{
	struct member m;
	uint64_t off;

	if (v->type->kind == TY_POINTER) {
		v->addr = (uint64_t)number(p, v);
		v->in_memory = true;
		v->type = v->type->to;
		if (part[0] >= '0' && part[0] <= '9') {
			v->addr += strtoull(part, NULL, 10) * v->type->size;
			return true;
		}
	}
	if (v->type->kind == TY_ARRAY) {
		off = strtoull(part, NULL, 10) * v->type->to->size;
		v->type = v->type->to;
	} else if (type_member(v->type, part, &m)) {
		off = m.offset;
		v->type = m.type;
		v->bit_offset = m.bit_offset;
		v->bit_size = m.bit_size;
	} else {
		return false;
	}
	v->addr += off;
	v->off += off;
	return true;
}

static void check(struct target *t, struct stopped *p, struct place *pl,
		  const struct want *w)
{
	bool may_miss = w->path[0] == '?';
	char path[128], *part, *rest = path;
	struct variable *v;
	struct value at;
	int64_t got;

	snprintf(path, sizeof(path), "%s", w->path + may_miss);
	part = strsep(&rest, ".");
	v = strcmp(part, "return") ? place_variable(t, pl, part) :
		place_return(t, pl);
	if (!v) {
		if (!may_miss)
			fail("%s: no $%s", w->func, part);
		return;
	}
	if (!start(p, v, &at)) {
		if (!may_miss)
			fail("%s: $%s is absent", w->func, part);
		return;
	}
	while ((part = strsep(&rest, ".")))
		if (!go(p, &at, part)) {
			fail("%s: $%s: no %s in %s", w->func, w->path, part,
			     at.type->name);
			return;
		}
	got = number(p, &at);
	if (p->fault || got != w->value)
		fail("%s: $%s is %jd, not %jd%s", w->func, w->path,
		     (intmax_t)got, (intmax_t)w->value,
		     p->fault ? " (fault)" : "");
	p->fault = false;
}

/* --- running to places ----------------------------------------------------------- */

static long set_break(pid_t pid, uint64_t addr)
{
	long old = ptrace(PTRACE_PEEKTEXT, pid, (void *)addr, NULL);

	ptrace(PTRACE_POKETEXT, pid, (void *)addr,
	       (void *)((old & ~0xffL) | 0xcc));
	return old;
}

static bool run_to(struct stopped *p, uint64_t addr)
{
	long old = set_break(p->pid, addr);
	int status;

	ptrace(PTRACE_CONT, p->pid, NULL, NULL);
	if (waitpid(p->pid, &status, 0) < 0 || !WIFSTOPPED(status) ||
	    WSTOPSIG(status) != SIGTRAP)
		return false;
	ptrace(PTRACE_GETREGS, p->pid, NULL, &p->regs);
	p->regs.rip--;
	ptrace(PTRACE_SETREGS, p->pid, NULL, &p->regs);
	ptrace(PTRACE_POKETEXT, p->pid, (void *)addr, (void *)old);
	return p->regs.rip == addr;
}

struct catch {
	struct func *f;
	int n;
};

static void catch(void *arg, struct func *f)
{
	struct catch *c = arg;

	if (f->is_inline_only)
		return;
	c->f = f;
	c->n++;
}

static struct func *find(struct target *t, struct binary *b, const char *name)
{
	struct catch c = { NULL, 0 };

	target_functions(t, b, name, catch, &c);
	if (c.n != 1)
		fail("%d functions %s", c.n, name);
	return c.n == 1 ? c.f : NULL;
}

static void stop_at(struct target *t, struct binary *b, struct stopped *p,
		    size_t *i)
{
	const char *name = wants[*i].func;
	struct func *f = find(t, b, name);
	struct place *in = f ? target_place(t, f, AT_ENTRY) : NULL;
	struct place *out = f ? target_place(t, f, AT_RETURN) : NULL;
	bool here = f && run_to(p, in->addr);
	uint64_t back = 0;

	if (f && !here)
		fail("%s is not reached at %jx", name, (uintmax_t)in->addr);
	if (here)
		back = peek(p, p->regs.rsp, 8);
	for (; *i < COUNT_OF(wants) && !strcmp(wants[*i].func, name); ++*i) {
		bool at_return = !strncmp(wants[*i].path, "return", 6);

		if (at_return && here)
			here = run_to(p, back);
		if (here)
			check(t, p, at_return ? out : in, &wants[*i]);
	}
}

static void run(struct target *t, struct binary *b, const char *file)
{
	struct stopped p = { .pid = fork() };
	int status;
	size_t i;

	if (!p.pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execl(file, file, NULL);
		_exit(127);
	}
	waitpid(p.pid, &status, 0);
	for (i = 0; i < COUNT_OF(wants);)
		stop_at(t, b, &p, &i);
	kill(p.pid, SIGKILL);
	waitpid(p.pid, &status, 0);
}

/* --- facts that need no running -------------------------------------------------- */

static void check_static(struct target *t, struct binary *b)
{
	struct variable *v;
	struct ctype *ty;
	struct member m;
	int64_t n;

	v = target_global(t, b, "counter");
	if (!v || v->loc.kind != LOC_MEMORY || v->loc.nsteps != 1 ||
	    v->loc.steps[0].op != L_ADDR)
		fail("counter is not at an address");
	v = target_global(t, b, "origin@shapes.c");
	if (!v || strcmp(v->type->name, "struct inner"))
		fail("no origin in shapes.c");
	if (target_global(t, b, "origin@other.c"))
		fail("origin in other.c");
	if (!target_enum(t, b, "GREEN", &n) || n != 5 ||
	    !target_enum(t, b, "SAD", &n) || n != -1 ||
	    target_enum(t, b, "PURPLE", &n))
		fail("enumerators");
	ty = target_type(t, b, "struct shape");
	if (!ty || !type_member(ty, "high", &m) || !m.in_anonymous ||
	    m.offset != 20)
		fail("struct shape has no high at 20");
	ty = target_type(t, b, "inner_t");
	if (!ty || ty->size != 8)
		fail("inner_t");
	ty = target_type(t, b, "unsigned long");
	if (!ty || ty->size != 8 || ty->is_signed)
		fail("unsigned long");
	ty = target_type(t, b, "struct shape *");
	if (!ty || ty->kind != TY_POINTER || ty->to->kind != TY_STRUCT)
		fail("struct shape *");
}

static void inlined(void *arg, struct func *f)
{
	*(int *)arg += f->is_inline_only ? 1 : 100;
}

/* --- builds ------------------------------------------------------------------------ */

static struct target *open_build(struct job *j, struct manifest *m,
				 const char *file, const char *debug)
{
	struct program_decl *p = NEW(&j->mem, struct program_decl);

	manifest_host(j, m);
	*p = (struct program_decl){ "/usr/bin/shapes", file, debug, "here" };
	vec_push(&j->mem, &m->programs, p);
	return target_open(j, m->kernels.v[0], m);
}

static void test_build(const char *file, const char *debug, bool optimised)
{
	struct options opt = { 0 };
	struct job j = { .opt = &opt };
	struct manifest m = { 0 };
	struct target *t = open_build(&j, &m, file, debug);
	struct binary *b;
	int n = 0;

	if (!t || target_programs(t, "/usr/bin/s*", &b, 1) != 1) {
		fail("no target");
		return;
	}
	run(t, b, file);
	check_static(t, b);
	target_functions(t, b, "squared", inlined, &n);
	if (n != 1)
		fail("squared is not inlined");
	n = 0;
	target_functions(t, b, "w?lk", inlined, &n);
	if (n != 100)
		fail("w?lk");
	(void)optimised;
	arena_free(&j.mem);
}

static void refused(const char *file, const char *debug, const char *message)
{
	struct options opt = { 0 };
	struct job j = { .opt = &opt };
	struct manifest m = { 0 };
	struct binary *b;
	struct target *t;
	char *said;
	int keep = dup(2);

	fflush(stderr);
	if (!freopen("said", "w", stderr))
		exit(2);
	t = open_build(&j, &m, file, debug);
	if (t && target_programs(t, "/usr/bin/shapes", &b, 1))
		target_functions(t, b, "walk", inlined, &(int){ 0 });
	fflush(stderr);
	dup2(keep, 2);
	close(keep);
	said = read_file(&j.mem, "said", NULL);
	if (!said || !strstr(said, message))
		fail("wanted: %s\ngot: %s", message, said ? said : "");
	arena_free(&j.mem);
}

static void builds(const char *source)
{
	static const struct {
		const char *name, *flags;
		bool optimised;
	} v[] = {
		{ "-O2", "-O2 -gdwarf-5", true },
		{ "-O0", "-O0 -gdwarf-5", false },
		{ "-O2, DWARF 4", "-O2 -gdwarf-4", true },
		{ "-O1, DWARF 3", "-O1 -gdwarf-3", true },
		{ "-O2, no endbr64", "-O2 -g -fcf-protection=none", true },
		{ "-O2, endbr64", "-O2 -g -fcf-protection=full", true },
		{ "-O0, endbr64", "-O0 -g -fcf-protection=full", false },
		{ "-Os, no frames", "-Os -g -fomit-frame-pointer", true },
		{ "link-time optimised", "-O2 -g -flto", true },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(v); i++) {
		how = v[i].name;
		sh("gcc %s -no-pie -o p%zu %s", v[i].flags, i, source);
		test_build(arena_printf(&(struct arena){ 0 }, "./p%zu", i),
			   NULL, v[i].optimised);
	}
}

/* Where debuginfo may lie, and what is wrong with it. */
static void debug_files(const char *source)
{
	how = "named debug file";
	sh("gcc -O2 -g -no-pie -o full %s", source);
	sh("objcopy --only-keep-debug full p.debug && strip -o p full");
	test_build("./p", "p.debug", true);

	how = ".gnu_debuglink";
	sh("objcopy --add-gnu-debuglink=p.debug p && mkdir .debug && "
	   "mv p.debug .debug");
	test_build("./p", NULL, true);

	how = ".build-id";
	sh("strip -o p full; id=$(readelf -n full | sed -n "
	   "'s/.*Build ID: //p'); mkdir -p .build-id/${id%%${id#??}} && "
	   "mv .debug/p.debug .build-id/${id%%${id#??}}/${id#??}.debug");
	test_build("./p", NULL, true);

	how = "zlib";
	sh("objcopy --compress-debug-sections=zlib full z");
	test_build("./z", NULL, true);
	how = "zlib-gnu";
	sh("objcopy --compress-debug-sections=zlib-gnu full zg");
	test_build("./zg", NULL, true);

	how = "another build's debug file";
	sh("gcc -O1 -g -no-pie -o other %s", source);
	refused("./full", "other", "has build-id");
	refused("./full", "gone", "gone: no such file");
	how = "no build-id";
	sh("gcc -g -Wl,--build-id=none -o noid %s", source);
	refused("./noid", NULL, "noid has no build-id");
	how = "no ELF file";
	refused("said", NULL, "said: not an ELF file");
	how = "zstd";
	if (!system("objcopy --compress-debug-sections=zstd full zs "
		    "2>/dev/null")) {
		sh("rm -rf cache");
		refused("./zs", NULL, "compressed with zstd");
	}
	how = "dwz";
	if (!system("command -v dwz >/dev/null")) {
		sh("cp full d1 && cp other d2 && dwz -m common.alt d1 d2");
		sh("rm -rf cache");
		test_build("./d1", NULL, true);
		sh("mv common.alt away && rm -rf cache");
		refused("./d1", NULL, "common.alt (build-id");
	}
}

/* A damaged or foreign index is made again. */
static void damaged_index(void)
{
	how = "index cut short";
	sh("rm -rf cache");
	test_build("./full", NULL, true);
	sh("for f in cache/stb/index/*; do truncate -s -9 $f; done");
	test_build("./full", NULL, true);
	how = "index with a flipped byte";
	sh("for f in cache/stb/index/*; do printf '\\377' | dd of=$f bs=1 "
	   "seek=5000 conv=notrunc status=none; done");
	test_build("./full", NULL, true);
	how = "index of another version";
	sh("for f in cache/stb/index/*; do printf '\\377' | dd of=$f bs=1 "
	   "seek=8 conv=notrunc status=none; done");
	test_build("./full", NULL, true);
	how = "no cache to be written";
	sh("rm -rf cache && touch cache");
	test_build("./full", NULL, true);
	sh("rm -f cache");
}

int main(void)
{
	char dir[] = "/tmp/facts.XXXXXX", cwd[4096], source[4200];

	if (!getcwd(cwd, sizeof(cwd)) || !mkdtemp(dir) || chdir(dir))
		return 2;
	snprintf(source, sizeof(source), "'%s/tests/fixtures/shapes.c'", cwd);
	setenv("XDG_CACHE_HOME", arena_printf(&(struct arena){ 0 },
					      "%s/cache", dir), 1);
	builds(source);
	debug_files(source);
	damaged_index();
	if (!failed && (chdir("/") ||
			execlp("rm", "rm", "-rf", dir, NULL)))
		return 2;
	return 1;
}
