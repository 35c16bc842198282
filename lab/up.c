/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Building a lab: a table of steps, each one line of progress. Whatever fails, or a
 * signal, ends in the same cleaning that "lab down" does.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "lab/impl.h"

#ifdef HCB_HAVE_RADOS

#define KILL_ENV                                                                         \
	"HCBENCH_LAB_KILL_AT" /* a test's seam: kill -9 ourselves at that step           \
	                       */

/* ---- steps ---- */

static int do_timing(struct lab *lab, struct hcb_err *err)
{
	struct hcb_lab_info info;
	lab_info_from(lab, &info);
	int r = lab->ram ? 0 : hcb_lab_disk_timing(&info, true, err);
	return r ? r : lab_net_shape(lab, err);
}

static int do_warm(struct lab *lab, struct hcb_err *err)
{
	if (lab->cold)
		return 0;
	hcb_say("          warming up, half a minute or so");
	int r = lab_warm(lab, err);
	const struct hcb_lab_warm_info *w = &lab->warm;
	if (r)
		return r;
	hcb_say("warm-up: %.0f MiB of RocksDB log per OSD in %.1f s; flushes per kv "
	        "batch %.2f "
	        "(%.2f when fresh)",
	        (double)w->wal_bytes / (double)HCB_MIB, w->seconds, w->kv_flush_ratio,
	        w->kv_flush_ratio_at_start);
	if (!w->done)
		hcb_warn("the OSDs are not warm%s",
		         lab->recycle_wal ? ": RocksDB does not reuse its logs" : "");
	return 0;
}

static int do_finish(struct lab *lab, struct hcb_err *err)
{
	int r = lab_mons_settle(lab, err);
	if (r == 0)
		r = lab_daemons_alive(lab, err);
	return r ? r : lab_state_save(lab, err);
}

static bool has_admin(const struct lab *lab)
{
	return lab_has_net(&lab->cluster, LAB_NET_ADMIN);
}

static bool has_tunnels(const struct lab *lab)
{
	return lab_has_net(&lab->cluster, LAB_NET_ADMIN) ||
	       lab_has_net(&lab->cluster, LAB_NET_VMLINK);
}

static bool has_vms(const struct lab *lab)
{
	return lab_has_net(&lab->cluster, LAB_NET_VM);
}

static const struct step {
	const char *name, *text;
	int (*run)(struct lab *lab, struct hcb_err *err);
	bool (*wanted)(const struct lab *lab); /* NULL: always */
} steps[] = {
        {"state", "state directory", lab_state_make, NULL},
        {"network", "hosts and switch", lab_net_make, NULL},
        {"tunnels", "Tinc: keys and daemons", lab_tunnels_make, has_tunnels},
        {"vms", "virtual machines and their switches", lab_vms_make, has_vms},
        {"disks", "served disks and loop devices", lab_disks_start, NULL},
        {"conf", "ceph.conf, keys, monitor map", lab_conf_make, NULL},
        {"mkfs", "stores of monitors and OSDs", lab_mkfs, NULL},
        {"mgrs", "managers", lab_mgrs_start, NULL},
        {"map", "quorum, OSDs in the map", lab_cluster_configure, NULL},
        {"osds", "OSDs", lab_osds_start, NULL},
        {"pools", "pools", lab_pools_make, NULL},
        {"health", "HEALTH_OK, all placement groups active+clean", lab_health_wait, NULL},
        {"check", "OSDs take their disks for what they are", lab_check_osds, NULL},
        {"warm", "warm-up", do_warm, NULL},
        {"timing", "disks' timing on, links shaped", do_timing, NULL},
        {"tunnelled", "Ceph's traffic goes into the tunnel", lab_tunnels_use, has_admin},
        {"bridged", "virtual machines reach each other", lab_vms_reach, has_vms},
        {"finish", "monitors at Ceph's own pace, state written", do_finish, NULL},
};

static void on_signal(int sig)
{
	lab_stop_signal = sig;
}

static void watch_signals(bool on)
{
	struct sigaction sa = {.sa_handler = on ? on_signal : SIG_DFL};
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

static int run_steps(struct lab *lab, struct hcb_err *err)
{
	const char *kill_at = getenv(KILL_ENV);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const struct step *s = &steps[i];
		if (s->wanted && !s->wanted(lab))
			continue;
		if (kill_at && strcmp(kill_at, s->name) == 0)
			raise(SIGKILL);
		int r = s->run(lab, err);
		if (r == 0 && lab_stop_signal)
			r = hcb_err_set(err, -EINTR, "%s: interrupted", s->text);
		if (r) {
			/* A daemon that is gone explains more than what waited for it. */
			if (r != -EINTR && r != -ECHILD)
				lab_daemons_alive(lab, err);
			return r;
		}
		hcb_say("%6.1f s  %s", (double)(hcb_monotonic_ns() - lab->start_ns) / 1e9,
		        s->text);
	}
	return 0;
}

static void say_how_to_use(const struct lab *lab)
{
	char arg[64] = "";
	if (strcmp(lab->name, HCB_LAB_DEFAULT) != 0)
		snprintf(arg, sizeof(arg), " %s", lab->name);
	hcb_say("lab %s is up%s: %u OSDs on %u hosts, pool %s", lab->name,
	        lab->warm.done ? " and warm" : "", lab->n_osds, lab->cluster.n_hosts,
	        lab->cluster.pools[0].name);
	hcb_say("  hcbench run postgres --lab %s --on all=rbd:%s/db", lab->name,
	        lab->cluster.pools[0].name);
	hcb_say("  hcbench lab exec %s %s -- ceph -s", lab->name, lab->hosts[0].name);
	hcb_say("  hcbench lab down%s", arg);
}

static void say_what_is_missing(const struct lab *lab)
{
	json_t *list = lab_not_emulated(&lab->cluster), *v;
	size_t i;
	json_array_foreach(list, i, v) hcb_say("not emulated: %s", json_string_value(v));
	json_decref(list);
}

static int build(struct lab *lab, struct hcb_err *err)
{
	umask(077);
	say_what_is_missing(lab);
	watch_signals(true);
	int r = run_steps(lab, err);
	if (r) {
		struct hcb_err e2 = HCB_ERR_INIT;
		hcb_say("%s; cleaning up", r == -EINTR ? "interrupted" : "that failed");
		if (lab_clean(lab->name, lab->dir, &e2))
			hcb_warn("%s", e2.msg);
		if (r == -EINTR && err)
			err->exit = lab_stop_signal == SIGINT ? HCB_EXIT_SIGINT
			                                      : HCB_EXIT_SIGTERM;
	}
	watch_signals(false);
	return r;
}

/* 1: nothing of it is there. 0: up and well. Less: an error. */
static int look(const struct lab *lab, struct hcb_err *err)
{
	struct hcb_lab_info info;
	struct lab_cluster_state st;
	unsigned pgs = 0;
	if (access(lab->dir, F_OK) != 0 &&
	    !lab_hunt_netns(lab->name, (char[1][96]){""}, 1))
		return 1;
	const char *advice = strcmp(lab->name, HCB_LAB_DEFAULT) ? lab->name : "";
	if (hcb_lab_find(lab->name, &info, NULL))
		return hcb_err_set(
		        err, -EEXIST,
		        "lab %s: an unfinished one is there; \"hcbench lab down%s%s\" "
		        "removes it",
		        lab->name, *advice ? " " : "", advice);
	for (unsigned i = 0; i < lab->cluster.n_pools; i++)
		pgs += lab->cluster.pools[i].pg_num;
	int r = lab_cluster_state(&info, &st, err);
	if (r)
		return r;
	if (!lab_cluster_good(&st, lab->n_osds, pgs, lab->n_mons))
		return hcb_err_set(
		        err, -EEXIST,
		        "lab %s: is up, but not well: %s %s, %u of %u OSDs; \"hcbench "
		        "lab down%s%s\" removes it",
		        lab->name, st.health, st.checks, st.osds_up, lab->n_osds,
		        *advice ? " " : "", advice);
	hcb_say("lab %s is up already", lab->name);
	return 0;
}

int hcb_lab_up(const struct hcb_lab_up_opts *opts, struct hcb_err *err)
{
	struct lab_lock lock = {.fd = -1};
	pid_t holder = 0;
	struct lab *lab = lab_shared_alloc(sizeof(*lab));
	if (!lab)
		return hcb_err_sys(err, -ENOMEM, "make a lab");
	lab->start_ns = hcb_monotonic_ns();
	int r = lab_plan(lab, opts, err);
	if (r == 0)
		r = lab_check_elsewhere(lab->name, lab->dir, err);
	if (r == 0)
		r = lab_check_ground(lab->name, lab->dir, err);
	if (r == 0)
		r = lab_lock(lab->name, "up", &lock, &holder, err);
	if (r)
		goto out;
	r = look(lab, err);
	if (r == 1) {
		r = lab_need(lab, err);
		if (r == 0)
			r = build(lab, err);
		if (r == 0)
			say_how_to_use(lab);
		else
			lab_unlock(&lock, true);
	}
out:
	lab_unlock(&lock, false);
	lab_shared_free(lab, sizeof(*lab));
	return r;
}

#else

int hcb_lab_up(const struct hcb_lab_up_opts *opts, struct hcb_err *err)
{
	(void)opts;
	return hcb_err_set(err, -ENOSYS, "lab up: built without librados");
}

#endif
