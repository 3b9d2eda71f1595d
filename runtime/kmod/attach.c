// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attach.c - sites to places. In: what the loader asks for, one site a call.
 * Out: the kernel's own probes, whose handlers are the script's. All of it in
 * the loader's context, one call at a time, and may sleep.
 */
#include "kmod.h"
#include "core.h"

#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>

/* enum stb_attach of the bundle */
enum { AT_KPROBE = 1, AT_KRETPROBE, AT_FENTRY, AT_FEXIT, AT_RAW_TP, AT_UPROBE,
       AT_URETPROBE, AT_PERF_EVENT = 16, AT_NETFILTER, AT_TASKS = 32 };
enum { NAME_MOST = 512 };

static struct {
	struct stb_site **v;	/* by number; NULL: it is free */
	u32 n, room;
	u32 taken;		/* the numbers below are */
	u64 missed;		/* of those that are gone */
} sites;

/* --- kprobes ------------------------------------------------------------------- */

static int place(struct kprobe *kp, struct stb_site *s,
		 const struct stb_kmod_attach *a)
{
	if (a->flags & STB_KMOD_BY_ADDRESS) {
		kp->addr = (kprobe_opcode_t *)(a->address + a->offset);
		return 0;
	}
	s->symbol = strndup_user((const char __user *)a->symbol, NAME_MOST);
	if (IS_ERR(s->symbol)) {
		int error = (int)PTR_ERR(s->symbol);

		s->symbol = NULL;
		return error;
	}
	kp->symbol_name = s->symbol;
	kp->offset = (unsigned int)a->offset;
	return 0;
}

static int arm_kprobe(struct stb_site *s, const struct stb_kmod_attach *a)
{
	int error = place(&s->kp, s, a);

	if (error)
		return error;
	s->kp.pre_handler = s->prog->kprobe;
	return register_kprobe(&s->kp);
}

static int arm_kretprobe(struct stb_site *s, const struct stb_kmod_attach *a)
{
	int error = place(&s->rp.kp, s, a);

	if (error)
		return error;
	s->rp.handler = s->prog->kretprobe;
	s->rp.maxactive = a->maxactive;
	return register_kretprobe(&s->rp);
}

/* --- tracepoints ------------------------------------------------------------------ */

struct search {
	const char *name;
	struct tracepoint *found;
};

static void look(struct tracepoint *tp, void *arg)
{
	struct search *s = arg;

	if (!strcmp(tp->name, s->name))
		s->found = tp;
}

#ifdef CONFIG_MODULES
static int look_in(struct search *s)
{
	for_each_kernel_tracepoint(look, s);
	return s->found ? 0 : -ENOENT;
}
#endif

static int arm_raw_tp(struct stb_site *s, const struct stb_kmod_attach *a)
{
	struct search search = { 0 };
	char *name = strndup_user((const char __user *)a->symbol, NAME_MOST);
	int error;

	if (IS_ERR(name))
		return (int)PTR_ERR(name);
	search.name = strrchr(name, ':') ? strrchr(name, ':') + 1 : name;
	error = look_in(&search);
	kfree(name);
	if (error)
		return error;
	s->tp = search.found;
	return tracepoint_probe_register(s->tp, s->prog->raw_tp, s);
}

/* --- tasks ------------------------------------------------------------------------- */

/* As a fork calls it, for all that there are. */
static int each_task(struct stb_site *s)
{
	void (*run)(struct stb_site *site, u64 parent, u64 task) =
		s->prog->raw_tp;
	struct task_struct *p, *t;

	rcu_read_lock();
	for_each_process_thread(p, t)
		run(s, 0, (u64)t);
	rcu_read_unlock();
	return 0;
}

/* --- one site --------------------------------------------------------------------- */

static int arm(struct stb_site *s, const struct stb_kmod_attach *a)
{
	const struct stb_prog *p = s->prog;

	switch (a->attach) {
	case AT_KPROBE:
		return p->kprobe ? arm_kprobe(s, a) : -EINVAL;
	case AT_KRETPROBE:
		return p->kretprobe ? arm_kretprobe(s, a) : -EINVAL;
	case AT_RAW_TP:
		return p->raw_tp ? arm_raw_tp(s, a) : -EINVAL;
	case AT_TASKS:
		return p->raw_tp ? each_task(s) : -EINVAL;
	case AT_UPROBE:
	case AT_URETPROBE:
		return p->uprobe ? stb_uprobe_arm(s, a) : -EINVAL;
	case AT_PERF_EVENT:
		return p->perf_event ? stb_perf_arm(s, a) : -EINVAL;
	case AT_NETFILTER:
		return p->netfilter ? stb_netfilter_arm(s, a) : -EINVAL;
	default:
		return -EOPNOTSUPP;
	}
}

static u64 missed_of(const struct stb_site *s)
{
	if (s->attach == AT_KPROBE)
		return s->kp.nmissed;
	if (s->attach == AT_KRETPROBE)
		return s->rp.nmissed + s->rp.kp.nmissed;
	return 0;
}

static void disarm(struct stb_site *s)
{
	switch (s->attach) {
	case AT_KPROBE:
		unregister_kprobe(&s->kp);
		break;
	case AT_KRETPROBE:
		unregister_kretprobe(&s->rp);
		break;
	case AT_RAW_TP:
		tracepoint_probe_unregister(s->tp, s->prog->raw_tp, s);
		tracepoint_synchronize_unregister();
		break;
	case AT_UPROBE:
	case AT_URETPROBE:
		stb_uprobe_disarm(s);
		stb_uprobe_settle();
		break;
	case AT_PERF_EVENT:
		stb_perf_disarm(s);
		break;
	case AT_NETFILTER:
		stb_netfilter_disarm(s);
		break;
	}
}

static void free_site(struct stb_site *s)
{
	sites.missed += missed_of(s);
	kfree(s->symbol);
	kfree(s);
}

/* --- all of them -------------------------------------------------------------------- */

static int make_room(void)
{
	u32 room = sites.room ? 2 * sites.room : 64;
	struct stb_site **v;

	while (sites.taken < sites.n && sites.v[sites.taken])
		sites.taken++;
	if (sites.taken < sites.room)
		return 0;
	v = kvcalloc(room, sizeof(*v), GFP_KERNEL);
	if (!v)
		return -ENOMEM;
	if (sites.n)
		memcpy(v, sites.v, sites.n * sizeof(*v));
	kvfree(sites.v);
	sites.v = v;
	sites.room = room;
	return 0;
}

int stb_attach(const struct stb_kmod_attach *a)
{
	struct stb_site *s;
	int error;

	if (a->prog >= stb_script.nprogs)
		return -EINVAL;
	if (make_room())
		return -ENOMEM;
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return -ENOMEM;
	s->cookie = a->cookie;
	s->prog = &stb_script.progs[a->prog];
	s->prog_number = a->prog;
	s->attach = a->attach;
	s->number = sites.taken;
	error = arm(s, a);
	if (error) {
		free_site(s);
		return error;
	}
	sites.v[s->number] = s;
	sites.n = max(sites.n, s->number + 1);
	return (int)s->number;
}

static void drop(u32 site)
{
	struct stb_site *s = sites.v[site];

	if (!s)
		return;
	disarm(s);
	free_site(s);
	sites.v[site] = NULL;
	sites.taken = min(sites.taken, site);
}

/* Kinds that can be are given back together, in one grace period. */
static long detach_all(void)
{
	struct kprobe **kps = kvcalloc(sites.n + 1, sizeof(*kps), GFP_KERNEL);
	struct kretprobe **rps = kvcalloc(sites.n + 1, sizeof(*rps),
					  GFP_KERNEL);
	int nk = 0, nr = 0;
	u32 i;

	for (i = 0; i < sites.n; i++) {
		struct stb_site *s = sites.v[i];

		if (s && s->attach == AT_KPROBE && kps)
			kps[nk++] = &s->kp;
		else if (s && s->attach == AT_KRETPROBE && rps)
			rps[nr++] = &s->rp;
		else
			drop(i);
	}
	if (nk)
		unregister_kprobes(kps, nk);
	if (nr)
		unregister_kretprobes(rps, nr);
	kvfree(kps);
	kvfree(rps);
	for (i = 0; i < sites.n; i++)
		if (sites.v[i])
			free_site(sites.v[i]);
	kvfree(sites.v);
	sites.v = NULL;
	sites.n = sites.room = sites.taken = 0;
	return 0;
}

long stb_detach(u32 site)
{
	if (site == STB_KMOD_ALL)
		return detach_all();
	if (site >= sites.n)
		return -EINVAL;
	drop(site);
	return 0;
}

long stb_counts(struct stb_kmod_counts *c)
{
	u32 i;

	if (c->site != STB_KMOD_ALL &&
	    (c->site >= sites.n || !sites.v[c->site]))
		return -EINVAL;
	c->missed = c->site == STB_KMOD_ALL ? sites.missed : 0;
	c->hits = 0;
	c->prog = c->site == STB_KMOD_ALL ? 0 :
		  sites.v[c->site]->prog_number;
	for (i = 0; i < sites.n; i++)
		if (sites.v[i] && (c->site == STB_KMOD_ALL || c->site == i))
			c->missed += missed_of(sites.v[i]);
	return 0;
}

/* No handler is in a run: all run with preemption off. */
void stb_settle(void)
{
	synchronize_rcu();
	tracepoint_synchronize_unregister();
}
