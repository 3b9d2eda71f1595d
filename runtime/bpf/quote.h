/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quote.h - text that can be printed, see ../text.h: made in the frame, where
 * the verifier knows nothing of what a turn leaves for the next.
 */
#ifndef STB_BPF_QUOTE_H
#define STB_BPF_QUOTE_H

/*
 * A text of which the kernel's snprintf can make a piece at a time only. What it says is
 * as long as the whole would be, and below 0 where it could not.
 */
#define RT_PIECES(r) { \
	char *to_ = ((struct rt_frame *)(r)->frame)->cat; \
	u64 n_ = 0
#define RT_PIECE(format, ...) ({ \
	static const char f_[] __attribute__((nodebug)) = format; \
	u64 a_[] = { __VA_ARGS__ }; \
	long got_ = bpf_snprintf(to_ + n_, RT_STRING_LEN, f_, a_, sizeof(a_)); \
	n_ += got_ > 0 ? got_ - 1 : 0; \
	if (n_ > RT_STRING_LEN - 1) \
		n_ = RT_STRING_LEN - 1; \
	rt_bound(n_, RT_STRING_LEN - 1); })
#define RT_PIECES_DONE(dst, cap) \
	to_[n_] = 0; \
	rt_copy(dst, cap, to_); }

#if RT_CAT_SIZE > RT_TEXT_ROOM + RT_STRING_LEN
struct rt_texting {
	char *to;		/* RT_CAT_SIZE bytes: the text, and behind it: */
};
struct rt_text_work {
	struct rt_text t;
	struct rt_piece p;
	unsigned char c[4];
};
#define RT_TEXT_WORK(to) ((struct rt_text_work *)((to) + RT_CAT_SIZE - \
						  RT_TEXT_ROOM))
_Static_assert(sizeof(struct rt_text_work) <= RT_TEXT_ROOM, "room for text");

RT_BODY rt_text_turn(u32 turn, struct rt_texting *w)
{
	struct rt_text_work *work = RT_TEXT_WORK(w->to);
	u64 n = work->t.n;

	if (bpf_probe_read_kernel(work->c, 4, work->t.at))
		bpf_probe_read_kernel(work->c, 1, work->t.at);
	if (rt_text_take(&work->t, work->c, &work->p))
		return 1;
	rt_bound(n, RT_STRING_LEN);
	*(u64 *)(w->to + n) = work->p.low;
	*(uint16_t *)(w->to + n + 8) = (uint16_t)work->p.high;
	return work->t.more <= 0;
}

RT_OUTLINE long rt_text_into(char *to, u64 s, i64 len, i64 quoted)
{
	struct rt_text_work *work = RT_TEXT_WORK(to);
	struct rt_texting w = { to };
	u64 n;

	rt_text_start(&work->t, s, len, quoted);
	if (quoted)
		to[0] = '"';
	bpf_loop(RT_STRING_LEN, rt_text_turn, &w, 0);
	work->p.low = work->p.len = 0;
	n = quoted ? rt_text_end(&work->t, &work->p) : work->t.n;
	rt_bound(n, RT_STRING_LEN);
	*(u32 *)(to + n) = (u32)work->p.low;
	n += work->p.len;
	rt_bound(n, RT_STRING_LEN + 4);
	to[n] = 0;
	return 0;
}

#define rt_text_strn(r, dst, cap, s, len, quoted) do { \
	char *to_ = ((struct rt_frame *)(r)->frame)->cat; \
	rt_text_into(to_, (u64)(s), len, quoted); \
	bpf_probe_read_kernel_str(dst, cap, (u64)to_); \
} while (0)
#endif

#endif
