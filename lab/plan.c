/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a cluster file to what is going to be built: who is where, and is called what.
 * Nothing is touched yet. What this machine must have for it is need.c's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lab/impl.h"

/* Each /24. In the article's cluster the two tunnels have these numbers and ports. */
static const struct lab_net_kind nets[LAB_N_NETS] = {
        [LAB_NET_LINK] = {"link", "10.99.0", 0},
        [LAB_NET_ADMIN] = {"admin", "10.1.0", 655},
        [LAB_NET_VMLINK] = {"vmlink", "10.2.0", 656},
        [LAB_NET_VM] = {"vm", "10.3.0", 0},
};

const struct lab_net_kind *lab_net_kind(enum lab_net net)
{
	return &nets[net];
}

void lab_address(enum lab_net net, unsigned host, char *buf, size_t size)
{
	snprintf(buf, size, "%s.%u", nets[net].prefix, host + 1);
}

bool lab_has_net(const struct hcb_cluster *c, enum lab_net net)
{
	switch (net) {
	case LAB_NET_ADMIN:
		return c->public_net == HCB_NET_TINC || c->cluster_net == HCB_NET_TINC;
	case LAB_NET_VMLINK:
	case LAB_NET_VM:
		return c->vm_net == HCB_VM_GRE;
	default:
		return true;
	}
}

enum lab_net lab_net_of(enum hcb_net_kind kind)
{
	return kind == HCB_NET_TINC ? LAB_NET_ADMIN : LAB_NET_LINK;
}

bool lab_osd_used(const struct lab *lab, const struct lab_osd *o)
{
	for (unsigned i = 0; i < lab->cluster.n_pools; i++)
		if (strcmp(lab->cluster.pools[i].crush_class, o->spec.crush_class) == 0)
			return true;
	return false;
}

/* Names of interfaces, namespaces and Tinc's hosts are made of a host's name. */
static int check_names(const struct hcb_cluster *c, struct hcb_err *err)
{
	for (unsigned i = 0; i < c->n_hosts; i++)
		if (strchr(c->hosts[i].name, '-') ||
		    strcmp(c->hosts[i].name, LAB_SWITCH) == 0 ||
		    strlen(c->hosts[i].name) > 11)
			return hcb_err_usage(
			        err,
			        "%s: host \"%s\": a lab's hosts have names of at most "
			        "11 characters without \"-\", and not \"" LAB_SWITCH "\"",
			        c->path, c->hosts[i].name);
	return 0;
}

static void plan_host(struct lab *lab, unsigned i)
{
	const struct hcb_cluster *c = &lab->cluster;
	struct lab_host *h = &lab->hosts[i];
	snprintf(h->name, sizeof(h->name), "%s", c->hosts[i].name);
	snprintf(h->netns, sizeof(h->netns), "hcb-%.32s-%s", lab->name, h->name);
	snprintf(h->vm_netns, sizeof(h->vm_netns), "hcb-%.32s-%s" LAB_VM, lab->name,
	         h->name);
	lab_address(lab_net_of(c->public_net), i, h->address, sizeof(h->address));
	h->has_system = c->hosts[i].system_served;
	h->system_loop = -1;
}

static int plan_osds(struct lab *lab, unsigned host, struct hcb_err *err)
{
	const struct hcb_host_spec *h = &lab->cluster.hosts[host];
	for (unsigned k = 0; k < h->n_osds; k++) {
		if (lab->n_osds == HCB_LAB_MAX_OSDS)
			return hcb_err_usage(err, "%s: more than %d OSDs",
			                     lab->cluster.path, HCB_LAB_MAX_OSDS);
		lab->osds[lab->n_osds] = (struct lab_osd){
		        .id = lab->n_osds, .host = host, .spec = h->osds[k], .loop = -1};
		lab->n_osds++;
	}
	return 0;
}

int lab_plan(struct lab *lab, const struct hcb_lab_up_opts *o, struct hcb_err *err)
{
	char path[512];
	bool def = !o->target || strcmp(o->target, HCB_LAB_DEFAULT) == 0;
	int r = hcb_cluster_find(def ? HCB_LAB_DEFAULT : o->target, path, sizeof(path),
	                         err);
	if (r == 0)
		r = hcb_cluster_read(path, &lab->cluster, err);
	if (r == 0)
		r = hcb_lab_name(o->target, lab->name, sizeof(lab->name), err);
	if (r == 0)
		r = lab_dir(lab->name, lab->dir, sizeof(lab->dir), err);
	if (r == 0)
		r = check_names(&lab->cluster, err);
	if (r)
		return r;
	lab->cold = o->cold;
	lab->ram = o->ram;
	lab->recycle_wal = o->recycle_wal;
	if (o->dilation > 0)
		lab->cluster.dilation = o->dilation;
	const struct hcb_cluster *c = &lab->cluster;
	for (unsigned i = 0; r == 0 && i < c->n_hosts; i++) {
		plan_host(lab, i);
		r = plan_osds(lab, i, err);
	}
	/* An even number of monitors is no better than one less. */
	lab->n_mons = c->n_hosts >= LAB_MAX_MONS ? LAB_MAX_MONS : 1;
	for (unsigned i = 0; i < lab->n_mons; i++)
		lab->hosts[i].has_mon = true;
	return r;
}
