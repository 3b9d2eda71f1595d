/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stacks.h - addresses and stacks of the process that a probe fired in, for both
 * engines of the kernel. What a mapping of the process is, the build-id in its
 * memory tells; whoever declared that build has its tables here (runtime/abi.h,
 * struct stb_build), and so nothing has to be known of the process before.
 * RT_MM_... and their like are offsets in the target kernel's structs.
 *
 * All state is in the frame. What a process has is read where it is, and a stack
 * ends where something cannot be read.
 *
 * An engine gives (its user.h):
 *
 *	rt_user_word(address)		8 bytes of the kernel's, 0 where none are
 *	rt_user_read(dst, n, address)	bytes of the process; 0: read
 *	rt_user_regs_of(g)		where the task was in its program; 0: read
 *	rt_user_vma(w, address)		the mapping, into u->start, end, at
 *	rt_user_is_seen(u)		... that another handler left there
 *	rt_user_find(key)		a struct stb_build, or NULL
 *	rt_user_put(key, build)
 *	rt_user_page(number)		of the tables, or NULL
 *	RT_TURNS(n, body, w)		the body's turns, until it gives 1
 *	RT_USER_TEXT(dst, cap, format, types, ...)	how long it became
 *	rt_user_string(dst, cap, s)
 */
#ifndef STB_STACKS_H
#define STB_STACKS_H

enum { RT_DWARF_BX = 3, RT_DWARF_BP = 6, RT_DWARF_SP = 7, RT_DWARF_IP = 16,
       RT_USER_CS = 0x33 };

/* What a callback gets: on the stack, as the kernel wants it. */
struct rt_user_walk {
	struct rt_user *u;
	u64 zero;
};
#define rt_user_of(r) (&((struct rt_frame *)(r)->frame)->user)

/* --- which build a mapping is of ------------------------------------------------ */

/* Is it a build that has its build-id where the k-th says? */
RT_BODY rt_try_build(u32 k, struct rt_user_walk *w)
{
	struct rt_user *u = w->u;
	const struct stb_build *b;
	u64 linked, note;
	long error = 1;

	__builtin_memset(&u->key, 0, sizeof(u->key));
	u->key.at = u->at;
	u->key.kind = STB_BUILD_FILE + k;
	b = rt_user_find(&u->key);
	if (!b)
		return 1;
	linked = b->linked;
	note = u->start + (u64)b->note;
	u->key.at = 0;
	u->key.kind = STB_BUILD_ID;
	if (b->id_size == 20)
		error = rt_user_read(u->key.id, 20, note);
	else if (b->id_size == 16)
		error = rt_user_read(u->key.id, 16, note);
	else if (b->id_size == 8)
		error = rt_user_read(u->key.id, 8, note);
	b = error ? 0 : rt_user_find(&u->key);
	if (!b)
		return 0;
	__builtin_memcpy(&u->build, b, sizeof(*b));
	u->place = (u64)b->number << STB_PLACE_ADDR | linked;
	return 1;
}

/* For loader handlers, that get addresses and do not know of what process. */
#ifdef RT_USER_SEEN
RT_INLINE void rt_leave_mapping(struct rt_user *u)
{
	__builtin_memset(&u->key, 0, sizeof(u->key));
	u->key.at = u->start;
	u->key.pid = rt_user_pid();
	u->key.kind = STB_BUILD_SEEN;
	u->seen.end = u->end;
	u->seen.place = u->place;
	rt_user_put(&u->key, &u->seen);
}
#else
#define rt_leave_mapping(u) do { } while (0)
#endif

/* The mapping of an address into u; the address's place, 0 where it has none. */
RT_OUTLINE u64 rt_user_place(struct rt_user *u, u64 addr)
{
	struct rt_user_walk w = { u, 0 };

	if (!u)
		return 0;
	if (addr - u->start >= u->end - u->start) {
		u->start = u->end = u->place = 0;
		if (rt_user_vma(&w, addr) || !u->end)
			return 0;
		if (!rt_user_is_seen(u)) {
			RT_TURNS(64, rt_try_build, &w);
			if (u->place)
				rt_leave_mapping(u);
		}
	}
	if (u->place)
		return u->place + (addr - u->start);
	return STB_PLACE_PID << STB_PLACE_ADDR | rt_user_pid();
}
#define rt_is_known(place) ((place) && \
			    (place) >> STB_PLACE_ADDR != STB_PLACE_PID)
/* Of a place: the address as tables count it. */
#define rt_in_tables(u, place) \
	(((place) & ((1ul << STB_PLACE_ADDR) - 1)) - (u)->build.base)

/* --- tables -------------------------------------------------------------------------- */

/* A row of `size` bytes; 0: there is none. */
RT_INLINE void *rt_table_row(u64 first, u64 row, u64 size)
{
	u32 page = (u32)(first + row * size / STB_TABLE_PAGE);
	char *p = rt_user_page(page);
	u64 at = row * size % STB_TABLE_PAGE;

	if (!p)
		return 0;
	rt_opaque(at);
	rt_bound(at, STB_TABLE_PAGE - size);
	return p + at;
}

/* One step: the last row, counted from 1, that is not behind `want`. */
#define RT_SEARCH(name, type, first, found) \
RT_BODY name(u32 turn, struct rt_user_walk *w) \
{ \
	struct rt_user *u = w->u; \
	u64 mid = (u->lo + u->hi) / 2; \
	const type *row; \
 \
	if (u->hi - u->lo <= 1 || u->hi < u->lo) \
		return 1; \
	row = rt_table_row(u->build.first, mid - 1, sizeof(type)); \
	if (!row) \
		return 1; \
	if (row->addr > u->want) { \
		u->hi = mid; \
	} else { \
		u->lo = mid; \
		found; \
	} \
	return 0; \
}

/* --- frames -------------------------------------------------------------------------- */

#ifdef RT_UNWIND
/* seen: what is in the rows, until the rule is there */
RT_SEARCH(rt_row_turn, struct stb_unwind_row, rows, u->symbol.name = row->rule)

/* The rule of the address at `place` into u->rule; 0: there is one. */
RT_INLINE int rt_find_rule(struct rt_user *u, struct rt_user_walk *w, u64 place)
{
	const struct stb_unwind_rule *rule;

	u->lo = 0;
	u->hi = (u64)u->build.nrows + 1;
	u->want = rt_in_tables(u, place);
	RT_TURNS(32, rt_row_turn, w);
	if (!u->lo)
		return 1;
	rule = rt_table_row(u->build.rules, u->symbol.name, sizeof(*rule));
	if (!rule)
		return 1;
	__builtin_memcpy(&u->rule, rule, sizeof(*rule));
	return 0;
}

/* A return address that a uretprobe put in place of the one at `slot`. */
#ifdef RT_RETURN_STACK
RT_BODY rt_return_turn(u32 turn, struct rt_user_walk *w)
{
	struct rt_user *u = w->u;
	u64 ri = u->lo;

	if (!ri)
		return 1;
	if (rt_user_word(ri + RT_RETURN_STACK) == u->want) {
		u->pc = rt_user_word(ri + RT_RETURN_ADDRESS);
		return 1;
	}
	u->lo = rt_user_word(ri + RT_RETURN_NEXT);
	return 0;
}

RT_INLINE void rt_undo_return(struct rt_user *u, struct rt_user_walk *w,
			      u64 slot)
{
	if (!u->trampoline || u->pc != u->trampoline)
		return;
	u->lo = u->returns;
	u->want = slot;
	RT_TURNS(256, rt_return_turn, w);
}

RT_INLINE void rt_user_returns(struct rt_user *u)
{
	u64 task = rt_user_task();
	u64 mm = rt_user_word(task + RT_TASK_MM);
	u64 area = mm ? rt_user_word(mm + RT_MM_XOL) : 0;
	u64 utask = rt_user_word(task + RT_TASK_UTASK);

	u->trampoline = area ? rt_user_word(area + RT_XOL_VADDR) : 0;
	u->returns = utask ? rt_user_word(utask + RT_UTASK_RETURNS) : 0;
}

/* The function that returns by this return address; 0: it is not known. */
RT_INLINE u64 rt_returning(const struct rt_user *u)
{
	u64 ri = u->returns;

	if (!ri || rt_user_word(ri + RT_RETURN_ADDRESS) != u->pc ||
	    rt_user_word(ri + RT_RETURN_STACK) + 8 != u->regs[RT_DWARF_SP])
		return 0;
	return rt_user_word(ri + RT_RETURN_FUNC);
}
#else
#define rt_undo_return(u, w, slot)
#define rt_user_returns(u)
#define rt_returning(u) 0
#endif

#define rt_restore(u, i, reg, base) ({ \
	long e_ = 0; \
	if ((u)->rule.saved[i] != STB_UNWIND_SAME) \
		e_ = rt_user_read(&(u)->regs[reg], 8, (base) + \
			(u64)((i64)(u)->rule.saved[i] * 8)); \
	e_; })

/* The caller's registers, by u->rule; 0: they are there. */
RT_INLINE int rt_leave_frame(struct rt_user *u, struct rt_user_walk *w)
{
	u64 sp = u->regs[RT_DWARF_SP], cfa, base, slot;
	u64 reg = u->rule.reg & 15;

	rt_opaque(reg);
	reg &= 15;
	cfa = u->regs[reg] + (u64)(i64)u->rule.off;
	if (u->rule.cfa == STB_CFA_PLT)
		cfa = sp + ((u->pc & 15) >= (u32)u->rule.off ? 16 : 8);
	else if (u->rule.cfa == STB_CFA_STORED) {
		base = cfa;
		if (rt_user_read(&cfa, 8, base))
			return 1;
		cfa += (u64)(i64)u->rule.more;
	} else if (u->rule.cfa != STB_CFA_REG) {
		return 1;
	}
	if (cfa <= sp && !(u->rule.flags & STB_UNWIND_SIGNAL))
		return 1;
	slot = (u->rule.flags & STB_UNWIND_RA_SP ? sp : cfa) +
	       (u64)(i64)u->rule.ra;
	base = u->rule.base == STB_BASE_SP ? sp :
	       u->rule.base == STB_BASE_FP ? u->regs[RT_DWARF_BP] : cfa;
	if (rt_user_read(&u->pc, 8, slot) ||
	    rt_restore(u, 0, RT_DWARF_BX, base) ||
	    rt_restore(u, 1, RT_DWARF_BP, base) ||
	    rt_restore(u, 2, 12, base) || rt_restore(u, 3, 13, base) ||
	    rt_restore(u, 4, 14, base) || rt_restore(u, 5, 15, base))
		return 1;
	u->regs[RT_DWARF_SP] = cfa;
	u->exact = u->rule.flags & STB_UNWIND_SIGNAL;
	rt_undo_return(u, w, slot);
	return 0;
}

RT_BODY rt_frame_turn(u32 turn, struct rt_user_walk *w)
{
	struct rt_user *u = w->u;
	u64 place, back, i = turn;

	if (!u->pc || i >= STB_STACK_MOST)
		return 1;
	back = u->exact ? 0 : 1;
	place = rt_user_place(u, u->pc - back);
	rt_bound(i, STB_STACK_MOST - 1);
	u->out[i].addr = u->pc;
	u->out[i].place = !rt_is_known(place) ? place :
			  back ? (place + 1) | STB_PLACE_CALL : place;
	u->n = i + 1;
	if (!rt_is_known(place))
		return 1;
	if (rt_find_rule(u, w, place))
		return 1;
	/* nobody called a signal's frame: it begins there */
	if (u->rule.flags & STB_UNWIND_SIGNAL)
		u->out[i].place &= ~STB_PLACE_CALL;
	return rt_leave_frame(u, w);
}
#endif

/* Where the task was in its program; 0: it has none. */
RT_OUTLINE int rt_user_regs(struct rt_user *u)
{
	struct rt_regs g;

	if (!u)
		return 0;
	u->start = u->end = u->n = u->pc = 0;
	if (rt_user_regs_of(&g) || g.cs != RT_USER_CS)
		return 0;
	u->regs[0] = g.ax;
	u->regs[1] = g.dx;
	u->regs[2] = g.cx;
	u->regs[3] = g.bx;
	u->regs[4] = g.si;
	u->regs[5] = g.di;
	u->regs[6] = g.bp;
	u->regs[7] = g.sp;
	u->regs[8] = g.r8;
	u->regs[9] = g.r9;
	u->regs[10] = g.r10;
	u->regs[11] = g.r11;
	u->regs[12] = g.r12;
	u->regs[13] = g.r13;
	u->regs[14] = g.r14;
	u->regs[15] = g.r15;
	u->pc = g.ip;
	u->exact = 1;
	return 1;
}

#ifdef RT_UNWIND
/* The stack into u->out. */
RT_OUTLINE int rt_user_stack(struct rt_user *u, u64 way)
{
	struct rt_user_walk w = { u, 0 };

	if (!u || !rt_user_regs(u))
		return 0;
	rt_user_returns(u);
	u->exact = !rt_user_returns_by(way);
	RT_TURNS(STB_STACK_MOST, rt_frame_turn, &w);
	return 0;
}

/* The same from a place that the script knows; the other registers are those that
   the task has. */
RT_OUTLINE int rt_user_stack_from(struct rt_user *u, u64 pc, u64 sp, u64 fp)
{
	struct rt_user_walk w = { u, 0 };

	if (!u || !rt_user_regs(u))
		return 0;
	rt_user_returns(u);
	u->pc = pc;
	u->regs[RT_DWARF_SP] = sp;
	u->regs[RT_DWARF_BP] = fp;
	RT_TURNS(STB_STACK_MOST, rt_frame_turn, &w);
	return 0;
}

#define rt_raw_ustack_from(r, dst, cap, pc, sp, fp) do { \
	struct rt_user *u_ = rt_user_of(r); \
	rt_zero((char *)u_->out, sizeof(u_->out)); \
	rt_user_stack_from(u_, (u64)(pc), (u64)(sp), (u64)(fp)); \
	rt_user_move(dst, cap, u_->out); \
} while (0)

/* As bytes; behind the last comes a 0. */
#define rt_raw_ustack(r, dst, cap, way) \
	rt_raw_ustack_of(rt_user_of(r), dst, cap, (u64)(way))
RT_INLINE void rt_raw_ustack_of(struct rt_user *u, char *dst, u32 cap, u64 way)
{
	rt_zero((char *)u->out, sizeof(u->out));
	rt_user_stack(u, way);
	rt_user_move(dst, cap, u->out);
}

/* Address n; 1: there are not so many. */
#define rt_ustack(r, dst, n, way) \
	rt_ustack_of(rt_user_of(r), dst, (u64)(n), (u64)(way))
RT_INLINE long rt_ustack_of(struct rt_user *u, i64 *dst, u64 n, u64 way)
{
	rt_user_stack(u, way);
	if (n >= u->n)
		return 1;
	rt_bound(n, STB_STACK_MOST - 1);
	*dst = (i64)u->out[n].addr;
	return 0;
}

/* As text; how many there are. */
RT_INLINE u64 rt_ustack_text(struct rt_user *u, char *dst, u32 cap, u64 way)
{
	u64 count = 0;

	dst[0] = 0;
	rt_user_stack(u, way);
#pragma unroll
	for (u32 i = 0; i < STB_STACK_MOST; i++) {
		if (i >= u->n || (i + 1) * RT_ADDRESS_TEXT + 1 > cap)
			break;
		rt_put_address(dst + i * RT_ADDRESS_TEXT, u->out[i].addr);
		dst[(i + 1) * RT_ADDRESS_TEXT] = 0;
		count++;
	}
	return count;
}
#define rt_ubacktrace(r, dst, cap, way) \
	rt_ustack_text(rt_user_of(r), dst, cap, (u64)(way))
#define rt_ucallers(r, dst, cap, n, way) ({ \
	u64 count_ = rt_ustack_text(rt_user_of(r), dst, cap, (u64)(way)); \
	rt_cut_callers(dst, cap, count_, n); })
#endif

/* --- names ---------------------------------------------------------------------------- */

#define rt_uplace(r, a) ({ \
	struct rt_user *u_ = rt_user_of(r); \
	u_->start = u_->end = 0; \
	(i64)rt_user_place(u_, (u64)(a)); })

RT_SEARCH(rt_symbol_turn, struct stb_build_symbol, symbols,
	  __builtin_memcpy(&u->symbol, row, sizeof(*row)))

/* The symbol of an address into u->symbol: where its name is; 0: it has none. */
RT_OUTLINE u64 rt_user_symbol(struct rt_user *u, u64 a)
{
	struct rt_user_walk w = { u, 0 };
	char *name;
	u64 place;

	if (!u)
		return 0;
	u->start = u->end = 0;
	place = rt_user_place(u, a);
	if (!rt_is_known(place))
		return 0;
	u->lo = 0;
	u->hi = (u64)u->build.nsymbols + 1;
	u->want = rt_in_tables(u, place);
	RT_TURNS(32, rt_symbol_turn, &w);
	if (!u->lo || u->want - u->symbol.addr >= u->symbol.size)
		return 0;
	name = rt_table_row(u->build.names, u->symbol.name, 1);
	return (u64)name;
}

/* The path of the mapping looked at last. */
RT_INLINE u64 rt_user_path(const struct rt_user *u)
{
	return u->place ? (u64)rt_table_row(u->build.names, 0, 1) : 0;
}

#define rt_usymname(r, dst, cap, a) do { \
	u64 name_ = rt_user_symbol(rt_user_of(r), (u64)(a)); \
	if (name_) \
		rt_user_string(dst, cap, name_); \
	else \
		RT_USER_TEXT(dst, cap, "0x%llx", "l", (u64)(a)); \
} while (0)

#define rt_usymdata(r, dst, cap, a) do { \
	struct rt_user *u_ = rt_user_of(r); \
	u64 name_ = rt_user_symbol(u_, (u64)(a)), path_ = rt_user_path(u_); \
	if (name_ && path_) \
		RT_USER_TEXT(dst, cap, "%s+0x%llx/0x%llx [%s]", "slls", name_, \
			     u_->want - u_->symbol.addr, u_->symbol.size, \
			     path_); \
	else if (path_) \
		RT_USER_TEXT(dst, cap, "0x%llx [%s]", "ls", (u64)(a), path_); \
	else \
		RT_USER_TEXT(dst, cap, "0x%llx", "l", (u64)(a)); \
} while (0)

/* 1: nothing is known. */
#define rt_umodname(r, dst, cap, a) ({ \
	struct rt_user *u_ = rt_user_of(r); \
	u64 path_; \
	u_->start = u_->end = 0; \
	rt_user_place(u_, (u64)(a)); \
	path_ = rt_user_path(u_); \
	if (path_) \
		rt_user_string(dst, cap, path_); \
	!path_; })

/* --- a stack with names, as text --------------------------------------------------- */

#ifdef RT_UNWIND
enum { RT_NAMED_LINE = 160 };	/* bytes that a line is cut to */

struct rt_naming {
	struct rt_user *u;
	char *dst;
	u64 cap, at;
};

/* One frame's line behind those before, while there is room. */
RT_BODY rt_naming_turn(u32 turn, struct rt_naming *w)
{
	struct rt_user *u = w->u;
	u64 i = turn, a, call, name, path = 0, at = w->at;
	long n;

	if (i >= u->n || i >= STB_STACK_MOST)
		return 1;
	rt_bound(i, STB_STACK_MOST - 1);
	a = u->out[i].addr;
	call = u->out[i].place >> 63;
	name = rt_user_symbol(u, a - call);
	if (u->place)
		path = (u64)rt_table_row(u->build.names, u->build.short_name, 1);
	if (at + RT_NAMED_LINE > RT_STRING_LEN)
		return 1;
	rt_bound(at, RT_STRING_LEN - RT_NAMED_LINE);
	if (name && path)
		n = RT_USER_TEXT(w->dst + at, RT_NAMED_LINE, "%s+0x%llx [%s]\n",
				 "sls", name, u->want - u->symbol.addr + call,
				 path);
	else if (path)
		n = RT_USER_TEXT(w->dst + at, RT_NAMED_LINE, "0x%llx [%s]\n",
				 "ls", a, path);
	else
		n = RT_USER_TEXT(w->dst + at, RT_NAMED_LINE, "0x%llx\n", "l",
				 a);
	w->at = at + (n > 0 ? (u64)n : 0);
	return 0;
}

#define rt_sprint_ubacktrace(r, dst, cap, way) do { \
	_Static_assert((cap) >= RT_STRING_LEN, "a whole string"); \
	rt_sprint_ustack_of(rt_user_of(r), dst, (u64)(way)); \
} while (0)
RT_OUTLINE int rt_sprint_ustack_of(struct rt_user *u, char *dst, u64 way)
{
	struct rt_naming w = { u, dst, RT_STRING_LEN, rt_some_zero() };

	if (!u || !dst)
		return 0;
	dst[0] = 0;
	rt_user_stack(u, way);
	RT_TURNS(STB_STACK_MOST, rt_naming_turn, &w);
	return 0;
}
#endif

#endif
