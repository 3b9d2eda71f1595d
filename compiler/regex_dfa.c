/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * regex_dfa.c - programs of regex.c to tables. A state is the list of all ways
 * that are still open, *threads*, the preferred first: by where they began,
 * then as the program prefers. Each thread has its tags in registers; a
 * transition copies registers only where two ways lead to one state and do
 * not agree on them. When a thread is done, those behind it that began later
 * are given up; those that began with it go on, since they may get longer.
 */
#include "regex_in.h"

#include <string.h>

enum { HASHES = 1024 };

struct thread {
	int pc;
	unsigned origin;	/* those that began together have one number */
	int16_t *tags;		/* a register, REGEX_HERE, REGEX_UNSET */
};

struct state {
	struct state *chain;	/* of equal hash */
	struct thread *v;
	size_t n;
	bool closed;		/* none begins any more */
	bool at_start;
	int done;		/* index of the thread at RE_MATCH, -1 */
	uint16_t row;
};

struct making {
	const struct re_program *p;
	struct arena *mem;
	struct regex *re;
	const char *why;
	size_t ntags;
	VEC(struct state *) states;	/* in order of their rows */
	struct state *hash[HASHES];
	/* the list being made */
	VEC(struct thread) list;
	int16_t *pool;			/* their tags, in order */
	unsigned *seen, now;		/* by pc */
	bool at_start, at_end;
	int done;
	unsigned origin;
	VEC(uint16_t) next;
	VEC(uint8_t) op;
};

static bool too_much(struct making *m, const char *why)
{
	if (!m->why)
		m->why = why;
	return false;
}

/* --- classes of bytes ----------------------------------------------------------- */

/* Bytes that no set tells apart are one class; the NUL is class 0. */
static void make_classes(struct making *m)
{
	struct regex *re = m->re;
	unsigned c, other, n = 1;
	size_t i;

	for (c = 1; c < 256; c++) {
		for (other = 1; other < c; other++) {
			for (i = 0; i < m->p->v.n; i++)
				if (m->p->v.v[i].step == RE_SET &&
				    re_has(m->p->v.v[i].set, c) !=
				    re_has(m->p->v.v[i].set, other))
					break;
			if (i == m->p->v.n)
				break;
		}
		re->classes[c] = (uint8_t)(other < c ? re->classes[other] :
					   n++);
	}
	re->nclasses = n;
}

static unsigned byte_of_class(const struct regex *re, unsigned class)
{
	unsigned c = 0;

	while (re->classes[c] != class)
		c++;
	return c;
}

/* --- lists of threads ------------------------------------------------------------ */

static int16_t *copy_tags(struct making *m, const int16_t *tags)
{
	int16_t *v;

	if (!m->ntags)
		return NULL;
	v = NEW_ARRAY(m->mem, int16_t, m->ntags);
	memcpy(v, tags, m->ntags * sizeof(*v));
	return v;
}

static void begin_list(struct making *m, bool at_start, bool at_end)
{
	m->list.n = 0;
	m->now++;
	m->at_start = at_start;
	m->at_end = at_end;
	m->done = -1;
}

/* All ways on from pc that take no byte; tags come back as they were. */
static void follow(struct making *m, int pc, int16_t *tags)
{
	const struct re_inst *in = &m->p->v.v[pc];
	struct thread t = { .pc = pc, .origin = m->origin };
	int16_t old;

	if (m->seen[pc] == m->now)
		return;
	m->seen[pc] = m->now;
	switch (in->step) {
	case RE_JUMP:
		follow(m, in->x, tags);
		return;
	case RE_SPLIT:
		follow(m, in->x, tags);
		follow(m, in->y, tags);
		return;
	case RE_TAG:
		old = tags[in->x];
		tags[in->x] = REGEX_HERE;
		follow(m, pc + 1, tags);
		tags[in->x] = old;
		return;
	case RE_BEGIN:
		if (m->at_start)
			follow(m, pc + 1, tags);
		return;
	case RE_END:
		if (m->at_end) {
			follow(m, pc + 1, tags);
			return;
		}
		break;
	case RE_MATCH:
		if (m->done < 0)
			m->done = (int)m->list.n;
		break;
	case RE_SET:
		break;
	}
	t.tags = m->pool + m->list.n * m->ntags;
	if (m->ntags)
		memcpy(t.tags, tags, m->ntags * sizeof(*tags));
	vec_push(m->mem, &m->list, t);
}

static void follow_start(struct making *m)
{
	int16_t tags[2 * REGEX_MAX_GROUPS];
	size_t i;

	for (i = 0; i < m->ntags; i++)
		tags[i] = REGEX_UNSET;
	follow(m, 0, tags);
}

/* The threads of `from` after the byte, into the list; tells whether no other
   may begin any more. */
static bool step_all(struct making *m, const struct state *from, unsigned byte)
{
	int16_t tags[2 * REGEX_MAX_GROUPS];
	size_t i;

	begin_list(m, false, false);
	m->origin = 0;
	for (i = 0; i < from->n; i++) {
		const struct thread *t = &from->v[i];
		const struct re_inst *in = &m->p->v.v[t->pc];

		if (i && t->origin != from->v[i - 1].origin) {
			if (m->done >= 0)
				return true;
			m->origin += m->list.n && m->list.v[m->list.n - 1]
				.origin == m->origin;
		}
		if (in->step != RE_SET || !re_has(in->set, byte))
			continue;
		if (m->ntags)
			memcpy(tags, t->tags, m->ntags * sizeof(*tags));
		follow(m, t->pc + 1, tags);
	}
	if (from->closed || m->done >= 0)
		return true;
	m->origin += m->list.n && m->list.v[m->list.n - 1].origin == m->origin;
	follow_start(m);
	return m->done >= 0;
}

/* --- states ------------------------------------------------------------------------ */

/* Untagged: the order says nothing. */
static void sort_list(struct making *m)
{
	size_t i, k;

	for (i = 1; i < m->list.n; i++) {
		struct thread t = m->list.v[i];

		for (k = i; k && m->list.v[k - 1].pc > t.pc; k--)
			m->list.v[k] = m->list.v[k - 1];
		m->list.v[k] = t;
	}
	for (i = 0; i < m->list.n; i++)
		m->list.v[i].origin = 0;
}

static unsigned hash_list(const struct making *m)
{
	unsigned h = 2166136261u;
	size_t i;

	for (i = 0; i < m->list.n; i++)
		h = (h ^ (unsigned)m->list.v[i].pc) * 16777619u;
	return h % HASHES;
}

static bool same_threads(const struct making *m, const struct state *s,
			 bool closed)
{
	size_t i;

	if (s->n != m->list.n || s->closed != closed ||
	    s->at_start != m->at_start)
		return false;
	for (i = 0; i < s->n; i++)
		if (s->v[i].pc != m->list.v[i].pc ||
		    s->v[i].origin != m->list.v[i].origin)
			return false;
	return true;
}

/* What each register of `s` must get so that the list is it; false: it cannot
   be. *cost: how many copies. */
static bool fits(const struct making *m, const struct state *s, int16_t *from,
		 size_t *cost)
{
	size_t i, k;

	for (i = 0; i < REGEX_MAX_REGS; i++)
		from[i] = REGEX_UNSET;
	*cost = 0;
	for (i = 0; i < s->n; i++) {
		for (k = 0; k < m->ntags; k++) {
			int16_t reg = s->v[i].tags[k];
			int16_t v = m->list.v[i].tags[k];

			if ((reg == REGEX_UNSET) != (v == REGEX_UNSET))
				return false;
			if (reg == REGEX_UNSET || from[reg] == v)
				continue;
			if (from[reg] != REGEX_UNSET)
				return false;
			from[reg] = v;
			*cost += reg != v;
		}
	}
	return true;
}

/* A new state takes the registers as they are; HERE gets a free one. */
static bool assign_registers(struct making *m, struct state *s, int16_t *from)
{
	bool used[REGEX_MAX_REGS] = { false };
	int16_t free_reg = 0, *tag;
	size_t i, k;

	for (i = 0; i < s->n; i++)
		for (k = 0; k < m->ntags; k++)
			if (s->v[i].tags[k] >= 0)
				used[s->v[i].tags[k]] = true;
	while (free_reg < REGEX_MAX_REGS && used[free_reg])
		free_reg++;
	for (i = 0; i < REGEX_MAX_REGS; i++)
		from[i] = used[i] ? (int16_t)i : REGEX_UNSET;
	for (i = 0; i < s->n; i++) {
		for (k = 0; k < m->ntags; k++) {
			tag = &s->v[i].tags[k];
			if (*tag != REGEX_HERE)
				continue;
			if (free_reg == REGEX_MAX_REGS)
				return too_much(m, "it needs too many "
						"registers");
			*tag = free_reg;
			from[free_reg] = REGEX_HERE;
			if (m->re->nregs <= (unsigned)free_reg)
				m->re->nregs = (unsigned)free_reg + 1;
		}
	}
	return true;
}

static struct state *new_state(struct making *m, bool closed, int16_t *from)
{
	struct state *s = NEW(m->mem, struct state);
	size_t row = m->states.n * m->re->nclasses, i;
	unsigned h = hash_list(m);

	s->v = NEW_ARRAY(m->mem, struct thread, m->list.n + 1);
	s->n = m->list.n;
	for (i = 0; i < s->n; i++) {
		s->v[i] = m->list.v[i];
		s->v[i].tags = copy_tags(m, m->list.v[i].tags);
	}
	s->closed = closed;
	s->at_start = m->at_start;
	s->done = m->done;
	if (row + m->re->nclasses > REGEX_MAX_SIZE) {
		too_much(m, "its table would have more than 60000 entries");
		return NULL;
	}
	s->row = (uint16_t)row;
	if (!assign_registers(m, s, from))
		return NULL;
	s->chain = m->hash[h];
	m->hash[h] = s;
	vec_push(m->mem, &m->states, s);
	return s;
}

/* The state that the list is; from: what its registers get. */
static struct state *state_of_list(struct making *m, bool closed, int16_t *from)
{
	struct state *s, *best = NULL;
	int16_t way[REGEX_MAX_REGS];
	size_t cost, least = SIZE_MAX;

	if (!m->ntags)
		sort_list(m);
	for (s = m->hash[hash_list(m)]; s; s = s->chain) {
		if (!same_threads(m, s, closed) || !fits(m, s, way, &cost) ||
		    cost >= least)
			continue;
		best = s;
		least = cost;
		memcpy(from, way, sizeof(way));
	}
	return best ? best : new_state(m, closed, from);
}

/* Can anything come of it but what is done already? */
static bool is_over(const struct making *m, bool closed)
{
	size_t i;

	for (i = 0; i < m->list.n; i++)
		if (m->p->v.v[m->list.v[i].pc].step != RE_MATCH)
			return false;
	return closed;
}

/* --- what happens to tags on the way -------------------------------------------------- */

struct copies {
	VEC(struct regex_copy) v;
};

static void copy(struct making *m, struct copies *c, bool final, int dst,
		 int src)
{
	struct regex_copy one = { final, (int16_t)dst, (int16_t)src };

	vec_push(m->mem, &c->v, one);
}

static bool is_source(const int16_t *from, int reg)
{
	int i;

	for (i = 0; i < REGEX_MAX_REGS; i++)
		if (from[i] == reg && i != reg)
			return true;
	return false;
}

/* All at once, as a sequence; register nregs breaks circles. */
static void copy_registers(struct making *m, struct copies *c, int16_t *from)
{
	const int spare = REGEX_MAX_REGS;
	bool left = true, moved;
	int i, k;

	while (left) {
		left = moved = false;
		for (i = 0; i < REGEX_MAX_REGS; i++) {
			if (from[i] == REGEX_UNSET || from[i] == i)
				continue;
			left = true;
			if (is_source(from, i))
				continue;
			copy(m, c, false, i, from[i]);
			from[i] = (int16_t)i;
			moved = true;
		}
		if (!left || moved)
			continue;
		for (i = 0; from[i] == REGEX_UNSET || from[i] == i; i++)
			;
		copy(m, c, false, spare, i);
		for (k = 0; k < REGEX_MAX_REGS; k++)
			if (from[k] == i)
				from[k] = (int16_t)spare;
	}
}

static bool same_copies(const struct regex_op *op, const struct copies *c)
{
	size_t i;

	if (op->n != c->v.n)
		return false;
	for (i = 0; i < op->n; i++)
		if (op->v[i].final != c->v.v[i].final ||
		    op->v[i].dst != c->v.v[i].dst ||
		    op->v[i].src != c->v.v[i].src)
			return false;
	return true;
}

static uint8_t op_of(struct making *m, const struct copies *c)
{
	struct regex_op op = { c->v.v, c->v.n };
	size_t i;

	for (i = 0; i < m->re->ops.n; i++)
		if (same_copies(&m->re->ops.v[i], c))
			return (uint8_t)i;
	if (i > REGEX_MAX_OPS) {
		too_much(m, "its groups need too many steps");
		return 0;
	}
	vec_push(m->mem, &m->re->ops, op);
	return (uint8_t)i;
}

/* The result, where a thread is done. */
static void copy_result(struct making *m, struct copies *c,
			const int16_t *tags)
{
	size_t i;

	for (i = 0; i < m->ntags; i++)
		copy(m, c, true, (int)i, tags[i]);
}

/* --- transitions --------------------------------------------------------------------- */

/* The list becomes a state: its row, and the op on the way there. */
static uint16_t enter_list(struct making *m, bool closed, uint8_t *op)
{
	int16_t from[REGEX_MAX_REGS];
	struct copies c = { 0 };
	struct state *s;

	*op = 0;
	if (!m->ntags && m->done >= 0)
		return (uint16_t)m->re->nclasses;
	if (is_over(m, closed)) {
		if (m->done >= 0)
			copy_result(m, &c, m->list.v[m->done].tags);
		*op = op_of(m, &c);
		return 0;
	}
	s = state_of_list(m, closed, from);
	if (!s)
		return 0;
	if (!m->ntags)
		return s->row;
	copy_registers(m, &c, from);
	if (s->done >= 0)
		copy_result(m, &c, s->v[s->done].tags);
	*op = op_of(m, &c);
	return s->row;
}

/* At the end of the text: the first thread for which that is a match. */
static uint16_t end_of(struct making *m, const struct state *s, uint8_t *op)
{
	int16_t tags[2 * REGEX_MAX_GROUPS];
	struct copies c = { 0 };
	size_t i;

	*op = 0;
	begin_list(m, s->at_start, true);
	for (i = 0; i < s->n && m->done < 0; i++) {
		if ((int)i == s->done)
			return 0;	/* told on the way here */
		if (m->p->v.v[s->v[i].pc].step != RE_END)
			continue;
		if (m->ntags)
			memcpy(tags, s->v[i].tags, m->ntags * sizeof(*tags));
		follow(m, s->v[i].pc, tags);
	}
	if (m->done < 0)
		return 0;
	copy_result(m, &c, m->list.v[m->done].tags);
	*op = m->ntags ? op_of(m, &c) : 0;
	return m->ntags ? 0 : (uint16_t)m->re->nclasses;
}

static void put_row(struct making *m, const struct state *s)
{
	unsigned class;
	uint16_t next;
	uint8_t op;
	bool closed;

	for (class = 0; class < m->re->nclasses; class++) {
		if (!s) {
			next = op = 0;
		} else if (!class) {
			next = end_of(m, s, &op);
		} else {
			closed = step_all(m, s, byte_of_class(m->re, class));
			next = enter_list(m, closed, &op);
		}
		vec_push(m->mem, &m->next, next);
		vec_push(m->mem, &m->op, op);
	}
}

static void make_tables(struct making *m)
{
	struct copies none = { 0 };
	size_t i;
	uint8_t op;

	vec_push(m->mem, &m->states, NULL);	/* rows 0 and 1 */
	vec_push(m->mem, &m->states, NULL);
	op_of(m, &none);
	begin_list(m, true, false);
	follow_start(m);
	m->re->first = enter_list(m, m->done >= 0, &op);
	m->re->first_op = op;
	for (i = 0; i < m->states.n && !m->why; i++)
		put_row(m, m->states.v[i]);
}

/* Register REGEX_MAX_REGS, which breaks circles, becomes the last in use. */
static void number_spare(struct regex *re)
{
	struct regex_copy *c;
	size_t i, k;
	bool used = false;

	for (i = 0; i < re->ops.n; i++) {
		for (k = 0; k < re->ops.v[i].n; k++) {
			c = (struct regex_copy *)&re->ops.v[i].v[k];
			if (!c->final && c->dst == REGEX_MAX_REGS)
				c->dst = (int16_t)re->nregs, used = true;
			if (c->src == REGEX_MAX_REGS)
				c->src = (int16_t)re->nregs;
		}
	}
	re->nregs += used;
}

bool regex_tables(const struct re_program *p, struct regex *re,
		  const char **why)
{
	struct making m = { .p = p, .mem = p->mem, .re = re };

	m.ntags = p->tagged ? 2 * p->ngroups : 0;
	m.seen = NEW_ARRAY(p->mem, unsigned, p->v.n + 1);
	m.pool = NEW_ARRAY(p->mem, int16_t, (p->v.n + 1) * (m.ntags + 1));
	make_classes(&m);
	make_tables(&m);
	*why = m.why;
	if (m.why)
		return false;
	number_spare(re);
	re->next = m.next.v;
	re->size = m.next.n;
	re->op = m.op.v;
	return true;
}
