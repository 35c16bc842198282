/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mending whatever fault.c breaks, without asking what was broken: links up and at their
 * rate, disks powered, quick and honest, daemons running, OSDs in, ratios Ceph's own.
 * Then waiting until the cluster says it is well: how long that takes is the recovery
 * time.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/client.h"
#include "lab/peered.h"

#define WELL_WAIT (240 * HCB_SEC)

/* Ceph's defaults (mon_osd_nearfull_ratio and its like). */
static const struct {
	const char *which;
	double ratio;
} ratios[] = {{"full", 0.95}, {"backfillfull", 0.90}, {"nearfull", 0.85}};

static int heal_links(const struct hcb_lab_info *info, struct hcb_err *err)
{
	struct hcb_cluster *c = calloc(1, sizeof(*c));
	if (!c)
		return hcb_err_sys(err, -ENOMEM, "heal lab %s", info->name);
	int r = hcb_cluster_read(info->cluster_file, c, err);
	for (unsigned i = 0; r == 0 && i < info->n_hosts; i++) {
		r = lab_link_set(info, info->hosts[i].name, true, err);
		if (r == 0)
			r = lab_link_shape(info, info->hosts[i].name,
			                   c->hosts[i].port_bit_per_s, err);
	}
	free(c);
	return r;
}

static int heal_disks(const struct hcb_lab_info *info, struct hcb_err *err)
{
	static const char *const lines[] = {"power on\n", "hang off\n", "fail off\n",
	                                    "slow 1\n",   "lie off\n",  "error clear\n"};
	int r = 0;
	for (size_t i = 0; !info->ram && r == 0 && i < sizeof(lines) / sizeof(lines[0]);
	     i++)
		r = hcb_lab_disk_ctl(info, lines[i], err);
	return r;
}

/* What the daemons' start needs of a lab. */
static struct lab *lab_of(const struct hcb_lab_info *info)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	if (!lab)
		return NULL;
	snprintf(lab->name, sizeof(lab->name), "%s", info->name);
	snprintf(lab->dir, sizeof(lab->dir), "%s", info->dir);
	lab->cluster.n_hosts = info->n_hosts;
	lab->n_mons = info->n_hosts >= LAB_MAX_MONS ? LAB_MAX_MONS : 1;
	lab->n_osds = info->n_osds;
	for (unsigned i = 0; i < info->n_hosts; i++) {
		snprintf(lab->hosts[i].name, sizeof(lab->hosts[i].name), "%s",
		         info->hosts[i].name);
		snprintf(lab->hosts[i].netns, sizeof(lab->hosts[i].netns), "%s",
		         info->hosts[i].netns);
		snprintf(lab->hosts[i].vm_netns, sizeof(lab->hosts[i].vm_netns), "%s",
		         info->hosts[i].vm_netns);
	}
	for (unsigned i = 0; i < info->n_osds; i++) {
		lab->osds[i].id = info->osds[i].id;
		for (unsigned h = 0; h < info->n_hosts; h++)
			if (strcmp(info->hosts[h].name, info->osds[i].host) == 0)
				lab->osds[i].host = h;
	}
	return lab;
}

static int revive(const struct hcb_lab_info *info, const struct lab *lab,
                  const char *kind, unsigned i, struct hcb_err *err)
{
	char id[40];
	pid_t pid;
	if (strcmp(kind, "osd") == 0)
		snprintf(id, sizeof(id), "%u", lab->osds[i].id);
	else
		snprintf(id, sizeof(id), "%s", lab->hosts[i].name);
	pid = lab_daemon_pid(info, kind, id);
	if (pid > 0)
		return kill(pid, SIGCONT)
		               ? hcb_err_sys(err, -errno, "continue %s.%s", kind, id)
		               : 0;
	return lab_daemon_start(lab, kind, i, &pid, err);
}

static int heal_daemons(const struct hcb_lab_info *info, struct hcb_err *err)
{
	static const char *const of_host[] = {"mon", "mgr"};
	struct lab *lab = lab_of(info);
	bool tunnels = false;
	int r = lab ? 0 : hcb_err_sys(err, -ENOMEM, "heal lab %s", info->name);
	lab_dying_wait(info);
	if (r == 0)
		r = lab_tunnels_revive(info, lab, &tunnels, err);
	if (r == 0)
		r = lab_vms_revive(info, lab, err);
	if (r == 0 && tunnels && info->hosts[0].tinc > 0)
		r = lab_tunnels_settle(lab, LAB_NET_ADMIN, LAB_NET_ADMIN, LAB_TUNNEL_WAIT,
		                       err);
	if (r == 0 && tunnels && info->hosts[0].tinc_vm > 0)
		r = lab_vms_reach(lab, err);
	for (size_t k = 0; k < 2; k++)
		for (unsigned i = 0; r == 0 && i < lab->n_mons; i++)
			r = revive(info, lab, of_host[k], i, err);
	for (unsigned i = 0; r == 0 && i < lab->n_osds; i++)
		r = revive(info, lab, "osd", i, err);
	free(lab);
	return r;
}

#ifdef HCB_HAVE_RADOS
static int settings(void *arg, struct hcb_err *err)
{
	const struct hcb_lab_info *info = arg;
	struct lab_client c;
	int r = lab_client_open(&c, info->conf, "60", err);
	if (r)
		return r;
	for (size_t i = 0; r == 0 && i < sizeof(ratios) / sizeof(ratios[0]); i++)
		r = lab_set_ratio(&c, ratios[i].which, ratios[i].ratio, err);
	for (unsigned i = 0; r == 0 && i < info->n_osds; i++) {
		char id[16];
		snprintf(id, sizeof(id), "%u", info->osds[i].id);
		r = lab_mon_command(
		        &c, json_pack("{s:s,s:[s]}", "prefix", "osd in", "ids", id), NULL,
		        err);
	}
	lab_client_close(&c);
	return r;
}

static bool well(const struct hcb_lab_info *info, const struct lab_cluster_state *st)
{
	unsigned mons = info->n_hosts >= LAB_MAX_MONS ? LAB_MAX_MONS : 1;
	return lab_cluster_recovered(st, info->n_osds, st->pgs, mons);
}

static bool well_now(const struct hcb_lab_info *info, const struct lab_peered *now)
{
	return now->osds == info->n_osds && now->pgs > 0 && now->pgs_unsettled == 0;
}

static int wait_well(const struct hcb_lab_info *info, struct hcb_err *err)
{
	uint64_t until = hcb_monotonic_ns() + WELL_WAIT;
	struct lab_cluster_state st = {.health = "?"};
	struct lab_peered now = {0};
	struct hcb_err why = HCB_ERR_INIT;
	do {
		/* Monitors that are just coming up may not answer yet. */
		if (lab_peered(info, &now, &why) == 0 &&
		    lab_cluster_state(info, &st, &why) == 0 && well_now(info, &now) &&
		    well(info, &st))
			return 0;
		usleep(250000);
	} while (hcb_monotonic_ns() < until);
	return hcb_err_set(
	        err, -ETIMEDOUT,
	        "heal lab %s: after %llu s still %s %s; %u of %u OSDs up, %u started "
	        "anew, %u of %u placement groups active+clean, %u not since",
	        info->name, (unsigned long long)(WELL_WAIT / HCB_SEC), st.health,
	        st.checks, st.osds_up, info->n_osds, now.osds, st.pgs_clean, st.pgs,
	        now.pgs_unsettled);
}

static int heal_cluster(const struct hcb_lab_info *info, struct hcb_err *err)
{
	union {
		const struct hcb_lab_info *in;
		void *out;
	} arg = {info}; /* a job only reads it */
	int r = lab_job_run("set the cluster's ratios back", info->hosts[0].netns,
	                    120 * HCB_SEC, settings, arg.out, err);
	return r ? r : wait_well(info, err);
}
#else
static int heal_cluster(const struct hcb_lab_info *info, struct hcb_err *err)
{
	(void)info;
	return hcb_err_set(err, -ENOSYS, "heal: built without librados");
}
#endif

int lab_heal(const struct hcb_lab_info *info, struct hcb_err *err)
{
	int r = heal_links(info, err);
	r = r ? r : heal_disks(info, err);
	r = r ? r : lab_carp_end(info, err);
	r = r ? r : heal_daemons(info, err);
	r = r ? r : lab_hold_again(info, err);
	r = r ? r : lab_carp_back(info, err);
	return r ? r : heal_cluster(info, err);
}
