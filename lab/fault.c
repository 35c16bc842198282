/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Breaking a lab on purpose, each fault as it happens to a real cluster:
 *
 *  - a host that dies sends no resets: its link goes first, its daemons after. Killed
 * with the link up, the peers would see closed connections and know at once (measured: 2
 * s of stall instead of 26).
 *  - pools are not filled byte by byte (that many the lab's memory cannot hold): the
 * ratios that Ceph calls nearfull and full are moved below what the OSDs hold.
 *
 * heal.c mends everything.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/core/opt.h"
#include "lab/client.h"

#define DEATH_WAIT (10 * HCB_SEC)

enum arg { ARG_NONE, ARG_OSD, ARG_HOST, ARG_OSDS, ARG_OSD_FACTOR, ARG_HOST_RATE };

struct order {
	const struct hcb_lab_info *info;
	unsigned osd, host; /* indices into info */
	bool all;           /* ARG_OSDS: every one, not osd */
	double factor;
	uint64_t bit_per_s;
	json_t **told; /* what there is to say of it */
};

/* ---- processes ---- */

pid_t lab_daemon_pid(const struct hcb_lab_info *info, const char *kind, const char *id)
{
	char name[32];
	snprintf(name, sizeof(name), "ceph-%s", kind);
	return lab_recorded_pid(info, kind, id, name);
}

pid_t lab_recorded_pid(const struct hcb_lab_info *info, const char *kind, const char *id,
                       const char *name)
{
	char path[192], buf[32], comm[32], want[32];
	snprintf(path, sizeof(path), "%s/run/%s.%s.pid", info->dir, kind, id);
	if (lab_read_file(path, buf, sizeof(buf)) <= 0)
		return -1;
	pid_t pid = (pid_t)strtol(buf, NULL, 10);
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	snprintf(want, sizeof(want), "%s\n", name);
	/* The number may be somebody else's by now. */
	if (pid <= 1 || lab_read_file(path, comm, sizeof(comm)) <= 0 ||
	    strcmp(comm, want) != 0 || !hcb_process_alive(pid))
		return -1;
	return pid;
}

/* A process that is on its way out, or will be as soon as its disk answers. */
static bool dying(pid_t pid)
{
	static const char pending[] = "\nShdPnd:";
	char path[64], buf[4096];
	unsigned long flags = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (!hcb_process_alive(pid) || lab_read_file(path, buf, sizeof(buf)) <= 0)
		return false;
	/* proc(5): after the name in brackets state, ppid, pgrp, session, tty, tpgid and
	   the kernel's flags, of which 4 is PF_EXITING. */
	const char *p = strrchr(buf, ')');
	if (p && sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %lu", &flags) == 1 && flags & 4)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (lab_read_file(path, buf, sizeof(buf)) <= 0)
		return false;
	p = strstr(buf, pending);
	return p && strtoull(p + strlen(pending), NULL, 16) & 1ULL << (SIGKILL - 1);
}

static bool any_dying(const char *dir)
{
	char path[512], buf[32];
	bool found = false;
	DIR *d = opendir(dir);
	for (struct dirent *e; d && !found && (e = readdir(d));) {
		size_t len = strlen(e->d_name);
		if (len < 4 || strcmp(e->d_name + len - 4, ".pid") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (lab_read_file(path, buf, sizeof(buf)) > 0)
			found = dying((pid_t)strtol(buf, NULL, 10));
	}
	if (d)
		closedir(d);
	return found;
}

void lab_dying_wait(const struct hcb_lab_info *info)
{
	char dir[160];
	snprintf(dir, sizeof(dir), "%s/run", info->dir);
	uint64_t end = hcb_monotonic_ns() + DEATH_WAIT;
	while (any_dying(dir) && hcb_monotonic_ns() < end)
		usleep(20000);
}

static int signal_daemon(const struct hcb_lab_info *info, const char *kind,
                         const char *id, int sig, struct hcb_err *err)
{
	pid_t pid = lab_daemon_pid(info, kind, id);
	if (pid < 0)
		return hcb_err_set(err, -ESRCH, "%s.%s: is not running", kind, id);
	return kill(pid, sig) ? hcb_err_sys(err, -errno, "signal %s.%s", kind, id) : 0;
}

static int signal_osd(const struct order *o, int sig, struct hcb_err *err)
{
	char id[16];
	snprintf(id, sizeof(id), "%u", o->info->osds[o->osd].id);
	return signal_daemon(o->info, "osd", id, sig, err);
}

/* Of a dead machine nothing goes on. Clients of ours in its network are left alone. */
static bool dies_with_host(pid_t pid, ino_t netns)
{
	static const char *const comms[] = {
	        "ceph-osd\n",     "ceph-mon\n",     "ceph-mgr\n",       "tincd\n",
	        "ovs-vswitchd\n", "ovsdb-server\n", "qemu-storage-da\n"};
	char path[64], comm[32];
	struct stat st;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	if (stat(path, &st) || st.st_ino != netns)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (lab_read_file(path, comm, sizeof(comm)) <= 0)
		return false;
	for (size_t i = 0; i < sizeof(comms) / sizeof(comms[0]); i++)
		if (strcmp(comm, comms[i]) == 0)
			return true;
	return false;
}

static int kill_all_of_host(const struct order *o, const char *only, struct hcb_err *err)
{
	static struct lab_proc procs[LAB_MAX_PROCS];
	const struct hcb_lab_host_info *h = &o->info->hosts[o->host];
	struct stat ns;
	char path[64], comm[32];
	unsigned killed = 0;
	if (stat(h->netns, &ns))
		return hcb_err_sys(err, -errno, "look at %s", h->netns);
	unsigned n = lab_hunt_procs(o->info->name, o->info->dir, procs);
	for (unsigned i = 0; i < n; i++) {
		if (!dies_with_host(procs[i].pid, ns.st_ino))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/comm", (int)procs[i].pid);
		if (only && (lab_read_file(path, comm, sizeof(comm)) <= 0 ||
		             strcmp(comm, only) != 0))
			continue;
		killed += kill(procs[i].pid, SIGKILL) == 0;
	}
	return killed ? 0
	              : hcb_err_set(err, -ESRCH, "host %s: nothing of it is running",
	                            h->name);
}

/* ---- links: the switch's end of the host's cable ---- */

/* Whose link is down is remembered, so that nobody tries to reach the cluster from there.
 */
static void link_mark(const struct hcb_lab_info *info, const char *host, char *buf,
                      size_t size)
{
	snprintf(buf, size, "%s/run/link.%s.down", info->dir, host);
}

int lab_link_set(const struct hcb_lab_info *info, const char *host, bool up,
                 struct hcb_err *err)
{
	char ns[80], dev[48], mark[160];
	snprintf(ns, sizeof(ns), "hcb-%s-" LAB_SWITCH, info->name);
	snprintf(dev, sizeof(dev), "hcb-%s", host);
	const char *const argv[] = {
	        "ip", "-n", ns, "link", "set", dev, up ? "up" : "down", NULL};
	struct hcb_child_opts c = {.timeout_ns = 10 * HCB_SEC};
	int r = hcb_child_run(argv, &c, NULL, err);
	link_mark(info, host, mark, sizeof(mark));
	if (!r && up)
		unlink(mark);
	else if (!r)
		r = lab_write_file(mark, "", err);
	return r;
}

const char *lab_host_with_link(const struct hcb_lab_info *info)
{
	char mark[160];
	for (unsigned i = 0; i < info->n_hosts; i++) {
		link_mark(info, info->hosts[i].name, mark, sizeof(mark));
		if (access(mark, F_OK))
			return info->hosts[i].netns;
	}
	return info->hosts[0].netns;
}

int lab_link_shape(const struct hcb_lab_info *info, const char *host, uint64_t bit_per_s,
                   struct hcb_err *err)
{
	return lab_net_shape_host(info->name, host, bit_per_s, info->dilation, err);
}

/* ---- the cluster's own commands, from a host whose link is up ---- */

#ifdef HCB_HAVE_RADOS
struct mon_job {
	const struct hcb_lab_info *info;
	int (*fn)(struct lab_client *c, const struct order *o, struct hcb_err *err);
	const struct order *order;
};

static int mon_job(void *arg, struct hcb_err *err)
{
	const struct mon_job *j = arg;
	struct lab_client c;
	int r = lab_client_open(&c, j->info->conf, "20", err);
	if (r)
		return r;
	r = j->fn(&c, j->order, err);
	lab_client_close(&c);
	return r;
}

static int with_cluster(const struct order *o,
                        int (*fn)(struct lab_client *, const struct order *,
                                  struct hcb_err *),
                        struct hcb_err *err)
{
	struct mon_job j = {o->info, fn, o};
	return lab_job_run("ask the cluster", lab_host_with_link(o->info), 60 * HCB_SEC,
	                   mon_job, &j, err);
}

static int osd_in_out(struct lab_client *c, const struct order *o, const char *prefix,
                      struct hcb_err *err)
{
	char id[16];
	snprintf(id, sizeof(id), "%u", o->info->osds[o->osd].id);
	return lab_mon_command(c, json_pack("{s:s,s:[s]}", "prefix", prefix, "ids", id),
	                       NULL, err);
}

static int out_cmd(struct lab_client *c, const struct order *o, struct hcb_err *err)
{
	return osd_in_out(c, o, "osd out", err);
}

static int in_cmd(struct lab_client *c, const struct order *o, struct hcb_err *err)
{
	return osd_in_out(c, o, "osd in", err);
}

static int scrub_cmd(struct lab_client *c, const struct order *o, struct hcb_err *err)
{
	(void)o;
	return lab_mon_command(
	        c, json_pack("{s:s,s:s}", "prefix", "osd deep-scrub", "who", "all"), NULL,
	        err);
}

int lab_set_ratio(struct lab_client *c, const char *which, double ratio,
                  struct hcb_err *err)
{
	char prefix[48];
	snprintf(prefix, sizeof(prefix), "osd set-%s-ratio", which);
	return lab_mon_command(
	        c, json_pack("{s:s,s:f}", "prefix", prefix, "ratio", ratio), NULL, err);
}

/* How full the fullest OSD is, 0 to 1. */
static int fullest(struct lab_client *c, double *share, struct hcb_err *err)
{
	json_t *df = NULL, *v;
	size_t i;
	int r = lab_mon_command(
	        c, json_pack("{s:s,s:s}", "prefix", "osd df", "format", "json"), &df,
	        err);
	*share = 0;
	json_array_foreach(json_object_get(df, "nodes"), i, v)
	{
		double u = json_number_value(json_object_get(v, "utilization")) / 100;
		*share = u > *share ? u : *share;
	}
	json_decref(df);
	if (!r && *share <= 0)
		r = hcb_err_set(err, -ENODATA, "osd df: every OSD is empty");
	return r;
}

static int nearfull_cmd(struct lab_client *c, const struct order *o, struct hcb_err *err)
{
	double share;
	(void)o;
	int r = fullest(c, &share, err);
	return r ? r : lab_set_ratio(c, "nearfull", share / 2, err);
}

/* In this order, or Ceph finds the three out of order and says HEALTH_ERR for that. */
static int full_cmd(struct lab_client *c, const struct order *o, struct hcb_err *err)
{
	double share;
	(void)o;
	int r = fullest(c, &share, err);
	r = r ? r : lab_set_ratio(c, "nearfull", share / 8, err);
	r = r ? r : lab_set_ratio(c, "backfillfull", share / 4, err);
	return r ? r : lab_set_ratio(c, "full", share / 2, err);
}

#define CLUSTER_FAULT(name)                                                              \
	static int name(const struct order *o, struct hcb_err *err)                      \
	{                                                                                \
		return with_cluster(o, name##_cmd, err);                                 \
	}
#else
#define CLUSTER_FAULT(name)                                                              \
	static int name(const struct order *o, struct hcb_err *err)                      \
	{                                                                                \
		(void)o;                                                                 \
		return hcb_err_set(err, -ENOSYS, "lab fault: built without librados");   \
	}
#endif
CLUSTER_FAULT(out)
CLUSTER_FAULT(in)
CLUSTER_FAULT(scrub)
CLUSTER_FAULT(nearfull)
CLUSTER_FAULT(full)

/* ---- the faults ---- */

static int kill_osd(const struct order *o, struct hcb_err *err)
{
	return signal_osd(o, SIGKILL, err);
}

static int stop_osd(const struct order *o, struct hcb_err *err)
{
	return signal_osd(o, SIGSTOP, err);
}

static int cont_osd(const struct order *o, struct hcb_err *err)
{
	return signal_osd(o, SIGCONT, err);
}

static int cut_link(const struct order *o, struct hcb_err *err)
{
	return lab_link_set(o->info, o->info->hosts[o->host].name, false, err);
}

static int slow_link(const struct order *o, struct hcb_err *err)
{
	return lab_link_shape(o->info, o->info->hosts[o->host].name, o->bit_per_s, err);
}

static int kill_host(const struct order *o, struct hcb_err *err)
{
	int r = cut_link(o, err);
	return r ? r : kill_all_of_host(o, NULL, err);
}

static int kill_tincd(const struct order *o, struct hcb_err *err)
{
	return kill_all_of_host(o, "tincd\n", err);
}

static int kill_mon(const struct order *o, struct hcb_err *err)
{
	return signal_daemon(o->info, "mon", o->info->hosts[o->host].name, SIGKILL, err);
}

/* The first monitor stays: alone it is no majority. */
static int lose_quorum(const struct order *o, struct hcb_err *err)
{
	int r = 0;
	for (unsigned i = 1; r == 0 && i < o->info->n_hosts && i < LAB_MAX_MONS; i++)
		r = signal_daemon(o->info, "mon", o->info->hosts[i].name, SIGKILL, err);
	return r;
}

static int disk_line(const struct order *o, const char *line, struct hcb_err *err)
{
	return hcb_lab_disk_ctl_one(o->info, o->osd, line, err);
}

static int slow_disk(const struct order *o, struct hcb_err *err)
{
	char line[48];
	snprintf(line, sizeof(line), "slow %g\n", o->factor);
	return disk_line(o, line, err);
}

static int fail_disk(const struct order *o, struct hcb_err *err)
{
	return disk_line(o, "fail on\n", err);
}

static int hang_disk(const struct order *o, struct hcb_err *err)
{
	return disk_line(o, "hang on\n", err);
}

/* One after the other, within a few milliseconds. */
static int each_disk(const struct order *o, const char *line, struct hcb_err *err)
{
	int r = 0;
	if (!o->all)
		return disk_line(o, line, err);
	for (unsigned i = 0; r == 0 && i < o->info->n_osds; i++)
		r = hcb_lab_disk_ctl_one(o->info, i, line, err);
	return r;
}

static int lie_disk(const struct order *o, struct hcb_err *err)
{
	return each_disk(o, "lie on\n", err);
}

/* The OSD may have found out already, and ended. */
static int kill_powerless(const struct hcb_lab_info *info, unsigned osd,
                          struct hcb_err *err)
{
	char id[16];
	snprintf(id, sizeof(id), "%u", info->osds[osd].id);
	pid_t pid = lab_daemon_pid(info, "osd", id);
	return pid > 0 && kill(pid, SIGKILL) && errno != ESRCH
	               ? hcb_err_sys(err, -errno, "kill osd.%s", id)
	               : 0;
}

static int power_cut(const struct order *o, struct hcb_err *err)
{
	int r = each_disk(o, "power cut\n", err);
	if (!o->all)
		return r ? r : kill_powerless(o->info, o->osd, err);
	for (unsigned i = 0; r == 0 && i < o->info->n_osds; i++)
		r = kill_powerless(o->info, i, err);
	return r;
}

static int kill_carp(const struct order *o, struct hcb_err *err)
{
	return lab_carp_kill(o->info, o->told, err);
}

static int heal(const struct order *o, struct hcb_err *err)
{
	return lab_heal(o->info, err);
}

static const struct fault {
	const char *name;
	enum arg arg;
	int (*run)(const struct order *o, struct hcb_err *err);
	const char *help;
} faults[] = {
        {"kill-osd", ARG_OSD, kill_osd, "kill -9: its peers see closed connections"},
        {"stop-osd", ARG_OSD, stop_osd, "SIGSTOP: it hangs, its connections stay"},
        {"cont-osd", ARG_OSD, cont_osd, "SIGCONT"},
        {"kill-host", ARG_HOST, kill_host,
         "link down, then every daemon of it: a dead machine sends no resets"},
        {"cut-link", ARG_HOST, cut_link, "the host's cable is pulled"},
        {"slow-link", ARG_HOST_RATE, slow_link, "its port, each way, e.g. 10Mbit"},
        {"kill-tincd", ARG_HOST, kill_tincd, "kill -9 of the host's tunnels"},
        {"kill-mon", ARG_HOST, kill_mon, "kill -9 of its monitor"},
        {"lose-quorum", ARG_NONE, lose_quorum, "kill -9 of all monitors but the first"},
        {"kill-carp", ARG_NONE, kill_carp,
         "of two virtual machines that share an address, the one that has it"},
        {"slow-disk", ARG_OSD_FACTOR, slow_disk,
         "its disk takes that many times as long"},
        {"fail-disk", ARG_OSD, fail_disk, "every request of its disk fails"},
        {"hang-disk", ARG_OSD, hang_disk, "its disk answers nothing"},
        {"lie-disk", ARG_OSDS, lie_disk,
         "its disk acknowledges flushes and does nothing"},
        {"power-cut", ARG_OSDS, power_cut,
         "its disk loses what it had not written; the OSD dies with it"},
        {"out-osd", ARG_OSD, out, "out of the data map: its data moves elsewhere"},
        {"in-osd", ARG_OSD, in, "back in"},
        {"deep-scrub", ARG_NONE, scrub, "of every OSD"},
        {"nearfull", ARG_NONE, nearfull, "the ratio goes below what the OSDs hold"},
        {"full", ARG_NONE, full, "likewise: Ceph stops writes"},
        {"heal", ARG_NONE, heal,
         "mend all of this and wait for HEALTH_OK, all placement groups clean"},
};
#define N_FAULTS (sizeof(faults) / sizeof(faults[0]))

static const char *const arg_names[] = {"",         " OSD",        " HOST",
                                        " OSD|all", " OSD FACTOR", " HOST RATE"};

void hcb_lab_fault_list(FILE *f)
{
	for (size_t i = 0; i < N_FAULTS; i++) {
		char left[48];
		snprintf(left, sizeof(left), "%s%s", faults[i].name,
		         arg_names[faults[i].arg]);
		fprintf(f, "  %-22s %s\n", left, faults[i].help);
	}
}

static const struct fault *find_fault(const char *verb, struct hcb_err *err)
{
	const char *names[N_FAULTS];
	for (size_t i = 0; i < N_FAULTS; i++) {
		names[i] = faults[i].name;
		if (strcmp(verb, names[i]) == 0)
			return &faults[i];
	}
	const char *near = hcb_nearest(verb, names, N_FAULTS);
	hcb_err_usage(err, "unknown fault \"%s\"; %s%s%s", verb,
	              near ? "did you mean \""
	                   : "\"hcbench lab fault --list\" shows them",
	              near ? near : "", near ? "\"?" : "");
	return NULL;
}

static int parse_osd(struct order *o, const char *word, struct hcb_err *err)
{
	uint64_t id;
	if (strncmp(word, "osd.", 4) == 0)
		word += 4;
	for (o->osd = 0; hcb_parse_u64(word, &id) == 0 && o->osd < o->info->n_osds;
	     o->osd++)
		if (o->info->osds[o->osd].id == id)
			return 0;
	return hcb_err_usage(err, "lab %s has no OSD \"%s\"; it has 0 to %u",
	                     o->info->name, word, o->info->n_osds - 1);
}

static int parse_host(struct order *o, const char *word, struct hcb_err *err)
{
	for (o->host = 0; o->host < o->info->n_hosts; o->host++)
		if (strcmp(o->info->hosts[o->host].name, word) == 0)
			return 0;
	return hcb_err_usage(err, "lab %s has no host \"%s\"; its hosts are %s to %s",
	                     o->info->name, word, o->info->hosts[0].name,
	                     o->info->hosts[o->info->n_hosts - 1].name);
}

static int parse(const struct fault *f, const char *args, struct order *o,
                 struct hcb_err *err)
{
	char buf[200], *save = NULL;
	const char *word[3] = {NULL};
	size_t n = 0;
	snprintf(buf, sizeof(buf), "%s", args);
	for (char *w = strtok_r(buf, " ", &save); w && n < 3;
	     w = strtok_r(NULL, " ", &save))
		word[n++] = w;
	size_t want = f->arg == ARG_NONE ? 0 : f->arg >= ARG_OSD_FACTOR ? 2 : 1;
	if (n != want)
		return hcb_err_usage(err, "fault %s \"%s\": expected %s%s", f->name, args,
		                     f->name, arg_names[f->arg]);
	if (want == 0)
		return 0;
	bool osd = f->arg == ARG_OSD || f->arg == ARG_OSDS || f->arg == ARG_OSD_FACTOR;
	o->all = f->arg == ARG_OSDS && strcmp(word[0], "all") == 0;
	if (o->all)
		return 0;
	int r = osd ? parse_osd(o, word[0], err) : parse_host(o, word[0], err);
	if (!r && f->arg == ARG_OSD_FACTOR &&
	    (hcb_parse_double(word[1], &o->factor) ||
	     !(o->factor >= 1 && o->factor <= 1000)))
		r = hcb_err_usage(err, "fault %s: %s: expected a factor from 1 to 1000",
		                  f->name, word[1]);
	if (!r && f->arg == ARG_HOST_RATE &&
	    (hcb_parse_bitrate(word[1], &o->bit_per_s) || o->bit_per_s < 100000))
		r = hcb_err_usage(err, "fault %s: %s: expected a rate such as 10Mbit",
		                  f->name, word[1]);
	return r;
}

int hcb_lab_fault_check(const struct hcb_lab_info *info, const char *verb,
                        const char *args, struct hcb_err *err)
{
	struct order o = {.info = info};
	const struct fault *f = find_fault(verb, err);
	return f ? parse(f, args, &o, err) : -EINVAL;
}

int hcb_lab_fault(const struct hcb_lab_info *info, const char *verb, const char *args,
                  json_t **told, struct hcb_err *err)
{
	struct order o = {.info = info, .told = told};
	*told = NULL;
	const struct fault *f = find_fault(verb, err);
	int r = f ? parse(f, args, &o, err) : -EINVAL;
	return r ? r : f->run(&o, err);
}
