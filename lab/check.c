/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "lab check": what a cluster file would become, as one document. Builds nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/impl.h"

const char *lab_net_word(enum hcb_net_kind kind)
{
	return kind == HCB_NET_TINC ? "tinc" : "direct";
}

const char *lab_vm_word(enum hcb_vm_net kind)
{
	return kind == HCB_VM_GRE ? "gre" : "none";
}

json_t *lab_addresses_json(const struct hcb_cluster *c, unsigned host)
{
	json_t *j = json_object();
	char addr[32];
	for (int n = 0; n < LAB_N_NETS; n++) {
		if (!lab_has_net(c, (enum lab_net)n))
			continue;
		lab_address((enum lab_net)n, host, addr, sizeof(addr));
		json_object_set_new(j, lab_net_kind((enum lab_net)n)->name,
		                    json_string(addr));
	}
	return j;
}

/* One text each; the lab's state and the results of its runs carry them too. */
json_t *lab_not_emulated(const struct hcb_cluster *c)
{
	json_t *list = json_array();
	if (c->rtt_ns)
		json_array_append_new(
		        list, json_sprintf("rtt = %g us: a link's delay needs netem; the "
		                           "round trip is what the links give",
		                           (double)c->rtt_ns / 1e3));
	if (c->tunnel_us_hi > 0)
		json_array_append_new(
		        list, json_sprintf("tunnel_us_per_packet = %g..%g: a packet "
		                           "costs what tincd takes of this machine, "
		                           "until \"lab tunnel\" holds it",
		                           c->tunnel_us_lo, c->tunnel_us_hi));
	for (unsigned i = 0; i < c->n_hosts; i++)
		if (c->hosts[i].system.profile[0] && !c->hosts[i].system_served) {
			json_array_append_new(
			        list,
			        json_string("system_disk without served=on: monitor "
			                    "stores and logs lie in memory"));
			break;
		}
	return list;
}

static json_t *disk_json(const struct hcb_disk_spec *d)
{
	return json_pack("{s:s,s:s,s:f,s:I}", "profile", d->profile, "cache", d->cache,
	                 "filled", d->filled, "size_bytes", (json_int_t)d->size_bytes);
}

static json_t *host_json(const struct lab *lab, unsigned i)
{
	const struct hcb_host_spec *h = &lab->cluster.hosts[i];
	json_t *osds = json_array();
	for (unsigned k = 0; k < lab->n_osds; k++) {
		const struct lab_osd *o = &lab->osds[k];
		if (o->host != i)
			continue;
		json_t *d = disk_json(&o->spec);
		json_object_set_new(d, "osd", json_integer(o->id));
		json_object_set_new(d, "class", json_string(o->spec.crush_class));
		json_array_append_new(osds, d);
	}
	json_t *j =
	        json_pack("{s:s,s:s,s:b,s:I,s:o,s:o}", "name", h->name, "netns",
	                  lab->hosts[i].netns, "monitor", lab->hosts[i].has_mon,
	                  "port_bit_per_s", (json_int_t)h->port_bit_per_s, "addresses",
	                  lab_addresses_json(&lab->cluster, i), "disks", osds);
	if (h->system.profile[0]) {
		json_t *d = disk_json(&h->system);
		json_object_set_new(d, "served", json_boolean(h->system_served));
		json_object_set_new(j, "system_disk", d);
	}
	return j;
}

static json_t *net_json(const struct hcb_cluster *c)
{
	json_t *tunnels = json_array();
	for (int n = 0; n < LAB_N_NETS; n++) {
		const struct lab_net_kind *k = lab_net_kind((enum lab_net)n);
		if (k->port && lab_has_net(c, (enum lab_net)n))
			json_array_append_new(
			        tunnels,
			        json_pack("{s:s,s:o,s:i}", "name", k->name, "network",
			                  json_sprintf("%s.0/24", k->prefix), "port",
			                  (int)k->port));
	}
	return json_pack("{s:s,s:s,s:s,s:o}", "public", lab_net_word(c->public_net),
	                 "cluster", lab_net_word(c->cluster_net), "vm",
	                 lab_vm_word(c->vm_net), "tunnels", tunnels);
}

static json_t *pool_json(const struct lab *lab, const struct hcb_pool_spec *p)
{
	unsigned osds = 0;
	for (unsigned i = 0; i < lab->n_osds; i++)
		osds += strcmp(lab->osds[i].spec.crush_class, p->crush_class) == 0;
	return json_pack("{s:s,s:i,s:i,s:i,s:s,s:s,s:i}", "name", p->name, "size",
	                 (int)p->size, "min_size", (int)p->min_size, "pg_num",
	                 (int)p->pg_num, "class", p->crush_class, "domain", p->domain,
	                 "osds", (int)osds);
}

/* A class whose disks no pool uses: allowed, and surely not meant. */
static void warn_unused(const struct lab *lab, json_t *warnings)
{
	for (unsigned i = 0; i < lab->n_osds; i++)
		if (!lab_osd_used(lab, &lab->osds[i]))
			json_array_append_new(
			        warnings, json_sprintf("osd.%u: no pool lies on class %s",
			                               lab->osds[i].id,
			                               lab->osds[i].spec.crush_class));
}

static unsigned count_processes(const struct lab *lab)
{
	const struct hcb_cluster *c = &lab->cluster;
	unsigned n = 2 * lab->n_mons + 2 * lab->n_osds;
	for (unsigned i = 0; i < c->n_hosts; i++)
		n += lab->hosts[i].has_system;
	for (int k = 0; k < LAB_N_NETS; k++)
		if (lab_net_kind((enum lab_net)k)->port &&
		    lab_has_net(c, (enum lab_net)k))
			n += c->n_hosts;
	return n + (lab_has_net(c, LAB_NET_VM) ? 2 * c->n_hosts : 0);
}

static void add_machine(struct lab *lab, json_t *j, json_t *warnings)
{
	struct lab_memory m = {0, 0, 0};
	struct hcb_err lacks[8];
	json_t *list = json_array();
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = lab_lacks(lab, lacks, 8);
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, json_string(lacks[i].msg));
	if (lab_memory(lab, &m, NULL) == 0)
		json_object_set_new(j, "memory",
		                    json_pack("{s:I,s:I,s:I}", "need_bytes",
		                              (json_int_t)m.need, "available_bytes",
		                              (json_int_t)m.available, "disk_limit_bytes",
		                              (json_int_t)m.per_disk));
	json_object_set_new(j, "processors",
	                    json_pack("{s:i,s:i}", "online", (int)cpus, "processes",
	                              (int)count_processes(lab)));
	if (cpus < 2)
		json_array_append_new(warnings,
		                      json_string("one processor: the lab comes up, but "
		                                  "its runs will be INVALID (busy)"));
	json_object_set_new(j, "possible", json_boolean(n == 0));
	json_object_set_new(j, "lacks", list);
}

int hcb_lab_check(const char *target, json_t **out, struct hcb_err *err)
{
	struct lab *lab = lab_shared_alloc(sizeof(*lab));
	const struct hcb_lab_up_opts o = {.target = target};
	*out = NULL;
	if (!lab)
		return hcb_err_sys(err, -ENOMEM, "check a lab");
	int r = lab_plan(lab, &o, err);
	if (r)
		goto out;
	const struct hcb_cluster *c = &lab->cluster;
	json_t *hosts = json_array(), *pools = json_array(), *warnings = json_array();
	for (unsigned i = 0; i < c->n_hosts; i++)
		json_array_append_new(hosts, host_json(lab, i));
	for (unsigned i = 0; i < c->n_pools; i++)
		json_array_append_new(pools, pool_json(lab, &c->pools[i]));
	warn_unused(lab, warnings);
	json_t *j = json_pack("{s:s,s:s,s:f,s:o,s:o,s:o,s:o,s:O}", "name", lab->name,
	                      "cluster_file", c->path, "dilation", c->dilation, "hosts",
	                      hosts, "network", net_json(c), "pools", pools,
	                      "not_emulated", lab_not_emulated(c), "warnings", warnings);
	if (j)
		add_machine(lab, j, warnings);
	else
		r = hcb_err_sys(err, -ENOMEM, "check a lab");
	json_decref(warnings);
	*out = j;
out:
	lab_shared_free(lab, sizeof(*lab));
	return r;
}
