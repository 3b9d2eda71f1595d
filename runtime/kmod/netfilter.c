// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * netfilter.c - sites at hooks that packets pass, of the first network
 * namespace. What a handler returns is the verdict: packets go on. Of several at
 * one priority each has the next that is free, as programs of BPF have: who came
 * first sees a packet first.
 */
#include "kmod.h"
#include "core.h"

#include <linux/list.h>
#include <linux/netfilter.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#if IS_ENABLED(CONFIG_NETFILTER)
struct hook {
	struct nf_hook_ops ops;
	struct list_head list;
};
static LIST_HEAD(hooks);	/* one call at a time: core.c */

static bool is_taken(const struct nf_hook_ops *ops)
{
	const struct hook *h;

	list_for_each_entry(h, &hooks, list)
		if (h->ops.pf == ops->pf && h->ops.hooknum == ops->hooknum &&
		    h->ops.priority == ops->priority)
			return true;
	return false;
}

int stb_netfilter_arm(struct stb_site *s, const struct stb_kmod_attach *a)
{
	struct hook *h = kzalloc(sizeof(*h), GFP_KERNEL);
	int error;

	if (!h)
		return -ENOMEM;
	h->ops.hook = (nf_hookfn *)s->prog->netfilter;
	h->ops.priv = s;
	h->ops.pf = (u_int8_t)a->event_type;
	h->ops.hooknum = (unsigned int)a->config;
	h->ops.priority = (int)a->rate;
	while (is_taken(&h->ops))
		h->ops.priority++;
	error = nf_register_net_hook(&init_net, &h->ops);
	if (error) {
		kfree(h);
		return error;
	}
	list_add(&h->list, &hooks);
	s->hook = h;
	return 0;
}

void stb_netfilter_disarm(struct stb_site *s)
{
	struct hook *h = s->hook;

	nf_unregister_net_hook(&init_net, &h->ops);
	synchronize_net();
	list_del(&h->list);
	kfree(h);
}
#else
int stb_netfilter_arm(struct stb_site *s, const struct stb_kmod_attach *a)
{
	return -EOPNOTSUPP;
}

void stb_netfilter_disarm(struct stb_site *s)
{
}
#endif
