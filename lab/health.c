/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What state the cluster is in, and waiting until it is a good one. */
#include "lab/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef HCB_HAVE_RADOS

#define POLL_US     100000
#define HEALTH_WAIT (90 * HCB_SEC)

static json_t *at(const json_t *o, const char *a, const char *b)
{
	return json_object_get(json_object_get(o, a), b);
}

/* The checks that are not muted, by their codes. */
static void list_checks(json_t *checks, char *out, size_t size)
{
	const char *code;
	json_t *v;
	size_t len = 0;
	out[0] = '\0';
	json_object_foreach(checks, code, v)
	{
		if (json_is_true(json_object_get(v, "muted")) || len + 1 >= size)
			continue;
		int n = snprintf(out + len, size - len, "%s%s", len ? " " : "", code);
		len += n > 0 ? (size_t)n : 0;
	}
}

static void digest(const json_t *s, struct lab_cluster_state *st)
{
	const char *health = json_string_value(at(s, "health", "status"));
	json_t *v;
	size_t i;
	snprintf(st->health, sizeof(st->health), "%s", health ? health : "?");
	list_checks(at(s, "health", "checks"), st->checks, sizeof(st->checks));
	st->osds = (unsigned)json_integer_value(at(s, "osdmap", "num_osds"));
	st->osds_up = (unsigned)json_integer_value(at(s, "osdmap", "num_up_osds"));
	st->pgs = (unsigned)json_integer_value(at(s, "pgmap", "num_pgs"));
	st->mons = (unsigned)json_array_size(json_object_get(s, "quorum"));
	st->mgr = json_is_true(at(s, "mgrmap", "available"));
	st->pgs_clean = 0;
	json_array_foreach(at(s, "pgmap", "pgs_by_state"), i, v)
	{
		const char *name = json_string_value(json_object_get(v, "state_name"));
		if (name && strncmp(name, "active+clean", 12) == 0)
			st->pgs_clean +=
			        (unsigned)json_integer_value(json_object_get(v, "count"));
	}
}

static int read_state(struct lab_client *c, struct lab_cluster_state *st,
                      struct hcb_err *err)
{
	json_t *s = NULL;
	int r = lab_mon_command(
	        c, json_pack("{s:s,s:s}", "prefix", "status", "format", "json"), &s, err);
	if (r == 0)
		digest(s, st);
	json_decref(s);
	return r;
}

bool lab_cluster_good(const struct lab_cluster_state *st, unsigned osds, unsigned pgs,
                      unsigned mons)
{
	return strcmp(st->health, "HEALTH_OK") == 0 && st->osds_up == osds &&
	       st->pgs == pgs && st->pgs_clean == pgs && st->mons == mons && st->mgr;
}

/* Of nothing but heartbeats that were slow. */
static bool only_history(const char *checks)
{
	static const char slow[] = "OSD_SLOW_PING_TIME_";
	const char *p = checks;
	while (strncmp(p, slow, strlen(slow)) == 0) {
		p += strcspn(p, " ");
		p += strspn(p, " ");
	}
	return checks[0] && *p == '\0';
}

bool lab_cluster_recovered(const struct lab_cluster_state *st, unsigned osds,
                           unsigned pgs, unsigned mons)
{
	struct lab_cluster_state now = *st;
	if (only_history(st->checks))
		snprintf(now.health, sizeof(now.health), "HEALTH_OK");
	return lab_cluster_good(&now, osds, pgs, mons);
}

struct health_job {
	struct lab *lab;
	unsigned pgs;
	bool init_pools;
};

static int init_pool(struct lab_client *c, const char *pool, struct hcb_err *err)
{
#ifdef HCB_HAVE_RBD
	rados_ioctx_t io;
	int r = rados_ioctx_create(c->rados, pool, &io);
	if (r)
		return hcb_err_sys(err, r, "open pool %s", pool);
	r = rbd_pool_init(io, false);
	rados_ioctx_destroy(io);
	return r ? hcb_err_sys(err, r, "initialise pool %s for images", pool) : 0;
#else
	(void)c;
	(void)pool;
	(void)err;
	return 0;
#endif
}

static int wait_good(struct lab_client *c, const struct health_job *j,
                     struct hcb_err *err)
{
	uint64_t deadline = hcb_monotonic_ns() + HEALTH_WAIT;
	const struct lab *lab = j->lab;
	struct lab_cluster_state st = {0};
	for (;;) {
		int r = read_state(c, &st, err);
		if (r)
			return r;
		if (lab_cluster_good(&st, lab->n_osds, j->pgs, lab->n_mons))
			return 0;
		if ((r = lab_daemons_alive(lab, err)))
			return r;
		if (hcb_monotonic_ns() > deadline)
			break;
		usleep(POLL_US);
	}
	return hcb_err_set(
	        err, -ETIMEDOUT,
	        "wait for the cluster: %s %s; %u of %u OSDs up, %u of %u placement "
	        "groups active+clean, %u of %u monitors, mgr %s",
	        st.health, st.checks, st.osds_up, lab->n_osds, st.pgs_clean, j->pgs,
	        st.mons, lab->n_mons, st.mgr ? "there" : "missing");
}

static int health(void *arg, struct hcb_err *err)
{
	const struct health_job *j = arg;
	struct lab_client c;
	char conf[128];
	snprintf(conf, sizeof(conf), "%s/ceph.conf", j->lab->dir);
	int r = lab_client_open(&c, conf, "60", err);
	if (r)
		return r;
	r = wait_good(&c, j, err);
	for (unsigned i = 0; r == 0 && j->init_pools && i < j->lab->cluster.n_pools; i++)
		r = init_pool(&c, j->lab->cluster.pools[i].name, err);
	lab_client_close(&c);
	return r;
}

static unsigned all_pgs(const struct lab *lab)
{
	unsigned n = 0;
	for (unsigned i = 0; i < lab->cluster.n_pools; i++)
		n += lab->cluster.pools[i].pg_num;
	return n;
}

int lab_health_wait(struct lab *lab, struct hcb_err *err)
{
	struct health_job j = {lab, all_pgs(lab), true};
	return lab_job_run("wait for HEALTH_OK", lab->hosts[0].netns,
	                   HEALTH_WAIT + 60 * HCB_SEC, health, &j, err);
}

struct state_job {
	const struct hcb_lab_info *info;
	struct lab_cluster_state *st; /* shared */
};

static int state(void *arg, struct hcb_err *err)
{
	const struct state_job *j = arg;
	struct lab_client c;
	int r = lab_client_open(&c, j->info->conf, "10", err);
	if (r)
		return r;
	r = read_state(&c, j->st, err);
	lab_client_close(&c);
	return r;
}

int lab_cluster_state(const struct hcb_lab_info *info, struct lab_cluster_state *st,
                      struct hcb_err *err)
{
	struct state_job j = {info, lab_shared_alloc(sizeof(*st))};
	if (!j.st)
		return hcb_err_sys(err, -ENOMEM, "ask for the cluster's state");
	int r = lab_job_run("ask for the cluster's state", info->hosts[0].netns,
	                    25 * HCB_SEC, state, &j, err);
	*st = *j.st;
	lab_shared_free(j.st, sizeof(*st));
	return r;
}

/* ---- what the OSDs say about themselves ---- */

/* BlueStore takes the disk of osd.ID for what it is. */
static int check_one(const struct lab *lab, const json_t *meta, struct hcb_err *err)
{
	int id = (int)json_integer_value(json_object_get(meta, "id"));
	const char *rot =
	        json_string_value(json_object_get(meta, "bluestore_bdev_rotational"));
	bool rotates = true;
	for (unsigned i = 0; i < lab->n_osds; i++) {
		if ((int)lab->osds[i].id != id)
			continue;
		int r = lab_disk_rotates(&lab->osds[i].spec, &rotates, err);
		if (r)
			return r;
	}
	if (rot && strcmp(rot, rotates ? "1" : "0") == 0)
		return 0;
	return hcb_err_set(err, -EINVAL,
	                   "check osd.%d: BlueStore does not take its disk for %s", id,
	                   rotates ? "a rotating one" : "one that does not rotate");
}

static int check_rotational(void *arg, struct hcb_err *err)
{
	struct lab *lab = arg;
	struct lab_client c;
	char conf[128];
	json_t *all = NULL, *v;
	size_t i;
	snprintf(conf, sizeof(conf), "%s/ceph.conf", lab->dir);
	int r = lab_client_open(&c, conf, "30", err);
	if (r)
		return r;
	r = lab_mon_command(
	        &c, json_pack("{s:s,s:s}", "prefix", "osd metadata", "format", "json"),
	        &all, err);
	json_array_foreach(all, i, v) if (r == 0) r = check_one(lab, v, err);
	json_decref(all);
	lab_client_close(&c);
	return r;
}

int lab_check_osds(struct lab *lab, struct hcb_err *err)
{
	return lab_job_run("check the OSDs' disks", lab->hosts[0].netns, 45 * HCB_SEC,
	                   check_rotational, lab, err);
}

#endif
