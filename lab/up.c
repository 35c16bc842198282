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

/* Measured after the warm-up: 0.3 to 1 GiB of disk and 0.5 GiB of process. An OSD may
   grow to its memory target of 2 GiB, and images come on top. */
#define MEMORY_PER_OSD (3072ULL << 20)
#define MEMORY_BASE    (1024ULL << 20)
#define KILL_ENV                                                                         \
	"HCBENCH_LAB_KILL_AT" /* a test's seam: kill -9 ourselves at that step           \
	                       */

/* ---- before anything is built ---- */

static bool have_program(const char *name)
{
	static const char *const dirs[] = {"/usr/bin",       "/usr/sbin",
	                                   "/bin",           "/sbin",
	                                   "/usr/local/bin", "/usr/local/sbin"};
	char path[96];
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static int check_programs(struct hcb_err *err)
{
	static const struct {
		const char *program, *package;
	} need[] = {{"ceph-mon", "ceph-mon"}, {"ceph-mgr", "ceph-mgr"},
	            {"ceph-osd", "ceph-osd"}, {"monmaptool", "ceph-base"},
	            {"ip", "iproute2"},       {"tc", "iproute2"}};
	for (size_t i = 0; i < sizeof(need) / sizeof(need[0]); i++)
		if (!have_program(need[i].program))
			return hcb_err_set(
			        err, -ENOENT,
			        "find %s: not installed; \"apt install %s\" brings it",
			        need[i].program, need[i].package);
	static const char *const devices[] = {"/dev/loop-control", "/dev/fuse"};
	for (size_t i = 0; i < 2; i++)
		if (access(devices[i], R_OK | W_OK))
			return hcb_err_sys(err, -errno, "open %s", devices[i]);
	return 0;
}

/* Also divides what there is among the disks: a full disk must not take the machine. */
static int check_memory(struct lab *lab, struct hcb_err *err)
{
	char buf[4096];
	uint64_t need = MEMORY_BASE + lab->n_osds * MEMORY_PER_OSD;
	int n = lab_read_file("/proc/meminfo", buf, sizeof(buf));
	const char *p = n > 0 ? strstr(buf, "MemAvailable:") : NULL;
	if (!p)
		return hcb_err_set(err, -EIO, "read /proc/meminfo: no MemAvailable");
	uint64_t have = strtoull(p + 13, NULL, 10) * 1024;
	if (have < need)
		return hcb_err_set(
		        err, -ENOMEM,
		        "check memory: %u OSDs on served disks need %.1f GiB, %.1f are "
		        "available",
		        lab->n_osds, (double)need / (double)HCB_GIB,
		        (double)have / (double)HCB_GIB);
	return 0;
}

/* What the cluster file asks for and this lab can not give. */
static int check_cluster(const struct lab *lab, struct hcb_err *err)
{
	const struct hcb_cluster *c = &lab->cluster;
	if (c->public_net != HCB_NET_DIRECT || c->cluster_net != HCB_NET_DIRECT)
		return hcb_err_usage(err, "%s: the lab has direct links only so far",
		                     c->path);
	if (c->dilation != 1)
		return hcb_err_usage(err, "%s: the lab has no dilation so far", c->path);
	if (c->n_pools == 0 || lab->n_osds == 0)
		return hcb_err_usage(err, "%s: a lab needs an OSD and a pool", c->path);
	for (unsigned i = 0; i < c->n_hosts; i++)
		if (strchr(c->hosts[i].name, '-') ||
		    strcmp(c->hosts[i].name, LAB_SWITCH) == 0 ||
		    strlen(c->hosts[i].name) > 11)
			return hcb_err_usage(
			        err,
			        "%s: host \"%s\": a lab's hosts have names of at most "
			        "11 characters without \"-\", and not \"" LAB_SWITCH "\"",
			        c->path, c->hosts[i].name);
	for (unsigned i = 0; i < c->n_pools; i++) {
		unsigned places = 0;
		const struct hcb_pool_spec *p = &c->pools[i];
		for (unsigned h = 0, last = UINT32_MAX; h < lab->n_osds; h++) {
			if (strcmp(lab->osds[h].spec.crush_class, p->crush_class) != 0)
				continue;
			places += strcmp(p->domain, "osd") == 0 ||
			          lab->osds[h].host != last;
			last = lab->osds[h].host;
		}
		if (places < p->size)
			return hcb_err_usage(
			        err,
			        "%s: pool %s: size %u, but only %u %ss have an OSD of "
			        "class %s",
			        c->path, p->name, p->size, places, p->domain,
			        p->crush_class);
	}
	return 0;
}

static int plan(struct lab *lab, const struct hcb_lab_up_opts *o, struct hcb_err *err)
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
		r = lab_check_elsewhere(lab->name, lab->dir, err);
	if (r)
		return r;
	lab->cold = o->cold;
	lab->ram = o->ram;
	lab->recycle_wal = o->recycle_wal;
	const struct hcb_cluster *c = &lab->cluster;
	for (unsigned i = 0; i < c->n_hosts; i++) {
		snprintf(lab->hosts[i].name, sizeof(lab->hosts[i].name), "%s",
		         c->hosts[i].name);
		snprintf(lab->hosts[i].netns, sizeof(lab->hosts[i].netns), "hcb-%.32s-%s",
		         lab->name, c->hosts[i].name);
		for (unsigned k = 0; k < c->hosts[i].n_osds; k++) {
			if (lab->n_osds == HCB_LAB_MAX_OSDS)
				return hcb_err_usage(err, "%s: more than %d OSDs",
				                     c->path, HCB_LAB_MAX_OSDS);
			struct lab_osd *osd = &lab->osds[lab->n_osds];
			*osd = (struct lab_osd){.id = lab->n_osds++,
			                        .host = i,
			                        .spec = c->hosts[i].osds[k],
			                        .loop = -1};
		}
	}
	/* An even number of monitors is no better than one less. */
	lab->n_mons = c->n_hosts >= LAB_MAX_MONS ? LAB_MAX_MONS : 1;
	return check_cluster(lab, err);
}

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

static const struct step {
	const char *name, *text;
	int (*run)(struct lab *lab, struct hcb_err *err);
} steps[] = {
        {"state", "state directory", lab_state_make},
        {"network", "hosts and switch", lab_net_make},
        {"disks", "served disks and loop devices", lab_disks_start},
        {"conf", "ceph.conf, keys, monitor map", lab_conf_make},
        {"mkfs", "stores of monitors and OSDs", lab_mkfs},
        {"mgrs", "managers", lab_mgrs_start},
        {"map", "quorum, OSDs in the map", lab_cluster_configure},
        {"osds", "OSDs", lab_osds_start},
        {"pools", "pools", lab_pools_make},
        {"health", "HEALTH_OK, all placement groups active+clean", lab_health_wait},
        {"check", "OSDs see rotating disks", lab_check_osds},
        {"warm", "warm-up", do_warm},
        {"timing", "disks' timing on, links shaped", do_timing},
        {"finish", "monitors at Ceph's own pace, state written", do_finish},
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

static int build(struct lab *lab, struct hcb_err *err)
{
	umask(077);
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
	int r = plan(lab, opts, err);
	if (r == 0)
		r = check_programs(err);
	if (r == 0)
		r = lab_lock(lab->name, "up", &lock, &holder, err);
	if (r)
		goto out;
	r = look(lab, err);
	if (r == 1) {
		r = check_memory(lab, err);
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
