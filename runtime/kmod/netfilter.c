// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * netfilter.c - sites at hooks that packets pass, of the first network
 * namespace. What a handler returns is the verdict: packets go on.
 */
#include "kmod.h"
#include "core.h"

#include <linux/netfilter.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#if IS_ENABLED(CONFIG_NETFILTER)
int stb_netfilter_arm(struct stb_site *s, const struct stb_kmod_attach *a)
{
	struct nf_hook_ops *ops = kzalloc(sizeof(*ops), GFP_KERNEL);
	int error;

	if (!ops)
		return -ENOMEM;
	ops->hook = (nf_hookfn *)s->prog->netfilter;
	ops->priv = s;
	ops->pf = (u_int8_t)a->event_type;
	ops->hooknum = (unsigned int)a->config;
	ops->priority = (int)a->rate;
	error = nf_register_net_hook(&init_net, ops);
	if (error)
		kfree(ops);
	else
		s->hook = ops;
	return error;
}

void stb_netfilter_disarm(struct stb_site *s)
{
	nf_unregister_net_hook(&init_net, s->hook);
	synchronize_net();
	kfree(s->hook);
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
