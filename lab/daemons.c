/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Ceph daemons, each made and run inside its host's network namespace: a monitor made
 * outside finds no address in its network. They run in the foreground of a session of
 * their own, so that their process number is known from the start.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lab/impl.h"

/*
 * While a lab is being built monitors propose changes up to 20 times a second and give an
 * election 2 s. lab_mons_settle sets both back to Ceph's own.
 */
static const char *const mon_hurry[] = {"--paxos-propose-interval=0.05",
                                        "--mon-election-timeout=2"};
static const struct {
	const char *key;
	double seconds; /* of lab time */
} mon_own[] = {{"paxos_propose_interval", 1}, {"mon_election_timeout", 5}};

struct daemon {
	const struct lab *lab;
	const struct lab_host *host;
	const char *kind; /* mon, mgr, osd */
	char id[32];
};

static struct hcb_child_opts child_opts(const struct daemon *d, const char *log,
                                        const char *const *env)
{
	return (struct hcb_child_opts){.netns = d->host->netns,
	                               .log_path = log,
	                               .env = env,
	                               .timeout_ns = 60 * HCB_SEC};
}

static void mark(const struct lab *lab, char *buf, size_t size)
{
	snprintf(buf, size, LAB_ENV "=%s", lab->name);
}

static int start(const struct daemon *d, const char *const extra[2], pid_t *pid,
                 struct hcb_err *err)
{
	char program[32], conf[128], log[192], env[64];
	const char *argv[] = {program, "-f", "-c", conf, "-i", d->id, NULL, NULL, NULL};
	const char *const envs[] = {env, NULL};
	for (int i = 0; extra && i < 2; i++)
		argv[6 + i] = extra[i];
	snprintf(program, sizeof(program), "ceph-%s", d->kind);
	snprintf(conf, sizeof(conf), "%s/ceph.conf", d->lab->dir);
	snprintf(log, sizeof(log), "%s/log/%s.%s.out", d->lab->dir, d->kind, d->id);
	mark(d->lab, env, sizeof(env));
	struct hcb_child_opts o = child_opts(d, log, envs);
	return hcb_child_daemon(argv, &o, pid, err);
}

static struct daemon mon_of(const struct lab *lab, const struct lab_host *h,
                            const char *kind)
{
	struct daemon d = {.lab = lab, .host = h, .kind = kind};
	snprintf(d.id, sizeof(d.id), "%s", h->name);
	return d;
}

static struct daemon osd_of(const struct lab *lab, const struct lab_osd *o)
{
	struct daemon d = {.lab = lab, .host = &lab->hosts[o->host], .kind = "osd"};
	snprintf(d.id, sizeof(d.id), "%u", o->id);
	return d;
}

/* ---- making their stores, all at once ---- */

struct mkfs_job {
	struct daemon d;
	const struct lab_osd *osd;
};

static int mkfs_mon(void *arg, struct hcb_err *err)
{
	const struct daemon *d = &((struct mkfs_job *)arg)->d;
	char conf[128], dir[160], monmap[128], keys[128], env[64];
	const char *const envs[] = {env, NULL};
	snprintf(conf, sizeof(conf), "%s/ceph.conf", d->lab->dir);
	snprintf(dir, sizeof(dir), "%s/mon/%s", d->lab->dir, d->id);
	snprintf(monmap, sizeof(monmap), "%s/monmap", d->lab->dir);
	snprintf(keys, sizeof(keys), "%s/key/all", d->lab->dir);
	mark(d->lab, env, sizeof(env));
	const char *const argv[] = {"ceph-mon",  "-c",  conf,       "--mkfs",
	                            "-i",        d->id, "--monmap", monmap,
	                            "--keyring", keys,  NULL};
	struct hcb_child_opts o = child_opts(d, NULL, envs);
	int r = lab_mkdirs(dir, err);
	return r ? r : hcb_child_run(argv, &o, NULL, err);
}

/*
 * --no-mon-config: it need not wait for monitors. No fsck after mkfs: it walks the free
 * list of the whole disk, 3 s of processor time that finds nothing on an empty store.
 */
static int mkfs_osd(void *arg, struct hcb_err *err)
{
	const struct mkfs_job *j = arg;
	const struct daemon *d = &j->d;
	char conf[128], dir[160], link[176], dev[32], env[64];
	const char *const envs[] = {env, NULL};
	snprintf(conf, sizeof(conf), "%s/ceph.conf", d->lab->dir);
	snprintf(dir, sizeof(dir), "%s/osd/%s", d->lab->dir, d->id);
	snprintf(link, sizeof(link), "%s/block", dir);
	snprintf(dev, sizeof(dev), "/dev/loop%d", j->osd->loop);
	mark(d->lab, env, sizeof(env));
	const char *const argv[] = {"ceph-osd",   "-c",
	                            conf,         "--no-mon-config",
	                            "-i",         d->id,
	                            "--mkfs",     "--osd-uuid",
	                            j->osd->uuid, "--bluestore-fsck-on-mkfs=false",
	                            NULL};
	struct hcb_child_opts o = child_opts(d, NULL, envs);
	int r = lab_mkdirs(dir, err);
	if (r == 0 && symlink(dev, link))
		r = hcb_err_sys(err, -errno, "link %s", link);
	return r ? r : hcb_child_run(argv, &o, NULL, err);
}

int lab_mkfs(struct lab *lab, struct hcb_err *err)
{
	struct lab_job jobs[HCB_LAB_MAX_OSDS + LAB_MAX_MONS];
	struct mkfs_job args[HCB_LAB_MAX_OSDS + LAB_MAX_MONS];
	uint64_t deadline = hcb_monotonic_ns() + 90 * HCB_SEC;
	unsigned n = 0, n_mons_done = 0;
	int r = 0;
	for (unsigned i = 0; r == 0 && i < lab->n_mons; i++, n++) {
		args[n].d = mon_of(lab, &lab->hosts[i], "mon");
		r = lab_job_start(&jobs[n], "make a monitor's store", NULL, mkfs_mon,
		                  &args[n], err);
	}
	for (unsigned i = 0; r == 0 && i < lab->n_osds; i++, n++) {
		args[n] = (struct mkfs_job){osd_of(lab, &lab->osds[i]), &lab->osds[i]};
		r = lab_job_start(&jobs[n], "make an OSD's store", NULL, mkfs_osd,
		                  &args[n], err);
	}
	for (unsigned i = 0; i < n; i++) {
		int r2 = lab_job_wait(&jobs[i], deadline, r ? NULL : err);
		r = r ? r : r2;
		/* The election takes seconds: let it begin while the OSDs' stores are
		 * made. */
		if (r == 0 && ++n_mons_done == lab->n_mons)
			r = lab_mons_start(lab, err);
	}
	return r;
}

/* ---- starting them ---- */

int lab_mons_start(struct lab *lab, struct hcb_err *err)
{
	int r = 0;
	for (unsigned i = 0; r == 0 && i < lab->n_mons; i++) {
		struct daemon d = mon_of(lab, &lab->hosts[i], "mon");
		r = start(&d, mon_hurry, &lab->hosts[i].mon_pid, err);
	}
	return r;
}

int lab_mgrs_start(struct lab *lab, struct hcb_err *err)
{
	int r = 0;
	for (unsigned i = 0; r == 0 && i < lab->n_mons; i++) {
		struct daemon d = mon_of(lab, &lab->hosts[i], "mgr");
		r = start(&d, NULL, &lab->hosts[i].mgr_pid, err);
	}
	return r;
}

int lab_osds_start(struct lab *lab, struct hcb_err *err)
{
	int r = 0;
	for (unsigned i = 0; r == 0 && i < lab->n_osds; i++) {
		struct daemon d = osd_of(lab, &lab->osds[i]);
		r = start(&d, NULL, &lab->osds[i].pid, err);
	}
	return r;
}

int lab_daemon_start(const struct lab *lab, const char *kind, unsigned i, pid_t *pid,
                     struct hcb_err *err)
{
	bool osd = strcmp(kind, "osd") == 0;
	struct daemon d =
	        osd ? osd_of(lab, &lab->osds[i]) : mon_of(lab, &lab->hosts[i], kind);
	return start(&d, NULL, pid, err);
}

/* Ceph's own pace again, as a cluster has it whose failures are watched. */
int lab_mons_settle(struct lab *lab, struct hcb_err *err)
{
	int r = 0;
	for (unsigned i = 0; r == 0 && i < 2 * lab->n_mons; i++) {
		char path[176], command[160];
		json_t *out = NULL;
		snprintf(path, sizeof(path), "%s/run/mon.%s.asok", lab->dir,
		         lab->hosts[i / 2].name);
		snprintf(command, sizeof(command),
		         "{\"prefix\":\"config set\",\"var\":\"%s\",\"val\":[\"%g\"]}",
		         mon_own[i % 2].key,
		         mon_own[i % 2].seconds * lab->cluster.dilation);
		r = hcb_lab_asok(path, command, 10 * HCB_SEC, &out, err);
		json_decref(out);
	}
	return r;
}

/* ---- when one is gone ---- */

bool lab_last_line(const char *path, char *out, size_t size)
{
	char buf[8192];
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	if (fseek(f, -(long)(sizeof(buf) - 1), SEEK_END))
		rewind(f);
	size_t n = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	while (n && (buf[n - 1] == '\n' || buf[n - 1] == ' '))
		n--;
	buf[n] = '\0';
	const char *line = strrchr(buf, '\n');
	snprintf(out, size, "%.250s", line ? line + 1 : buf);
	return n > 0;
}

static int gone(const struct daemon *d, struct hcb_err *err)
{
	char path[192], line[300];
	snprintf(path, sizeof(path), "%s/log/%s.%s.out", d->lab->dir, d->kind, d->id);
	if (!lab_last_line(path, line, sizeof(line))) {
		snprintf(path, sizeof(path), "%s/log/%s.%s.log", d->lab->dir, d->kind,
		         d->id);
		if (!lab_last_line(path, line, sizeof(line)))
			snprintf(line, sizeof(line), "it logged nothing");
	}
	return hcb_err_set(err, -ECHILD, "%s.%s: ended by itself; its last words: %s",
	                   d->kind, d->id, line);
}

static bool missing(pid_t pid)
{
	return pid > 0 && !hcb_process_alive(pid);
}

static int network_alive(const struct lab *lab, const struct lab_host *h,
                         struct hcb_err *err)
{
	static const char *const ovs[] = {
	        [LAB_OVS_DB] = "ovsdb-server", [LAB_OVS_SWITCH] = "ovs-vswitchd"};
	char kind[32];
	struct daemon d = mon_of(lab, h, kind);
	for (int n = 0; n < LAB_N_NETS; n++) {
		snprintf(kind, sizeof(kind), "tinc-%s",
		         lab_net_kind((enum lab_net)n)->name);
		if (missing(h->tinc_pid[n]))
			return gone(&d, err);
	}
	for (int n = 0; n < LAB_N_OVS; n++) {
		d.kind = ovs[n];
		if (missing(h->ovs_pid[n]))
			return gone(&d, err);
	}
	return 0;
}

int lab_daemons_alive(const struct lab *lab, struct hcb_err *err)
{
	for (unsigned i = 0; i < lab->n_mons; i++) {
		struct daemon mon = mon_of(lab, &lab->hosts[i], "mon");
		struct daemon mgr = mon_of(lab, &lab->hosts[i], "mgr");
		if (missing(lab->hosts[i].mon_pid))
			return gone(&mon, err);
		if (missing(lab->hosts[i].mgr_pid))
			return gone(&mgr, err);
	}
	for (unsigned i = 0; i < lab->cluster.n_hosts; i++) {
		int r = network_alive(lab, &lab->hosts[i], err);
		if (r)
			return r;
	}
	for (unsigned i = 0; i < lab->n_osds; i++) {
		struct daemon osd = osd_of(lab, &lab->osds[i]);
		if (missing(lab->osds[i].pid))
			return gone(&osd, err);
	}
	return 0;
}
