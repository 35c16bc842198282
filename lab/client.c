/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Talking to the cluster, through librados: a start of the "ceph" command costs up to a
 * second each. Always in a job inside the first host's network, always with a deadline.
 */
#include "lab/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engines/ceph_json.h"

#ifdef HCB_HAVE_RADOS

int lab_client_open(struct lab_client *c, const char *conf, const char *timeout_s,
                    struct hcb_err *err)
{
	static const char *const timeouts[] = {
	        "client_mount_timeout", "rados_mon_op_timeout", "rados_osd_op_timeout"};
	c->rados = NULL;
	int r = rados_create2(&c->rados, "ceph", "client.admin", 0);
	if (r == 0)
		r = rados_conf_read_file(c->rados, conf);
	for (size_t i = 0; r == 0 && i < 3; i++)
		r = rados_conf_set(c->rados, timeouts[i], timeout_s);
	if (r)
		return hcb_err_sys(err, r, "prepare a client of %s", conf);
	r = rados_connect(c->rados);
	if (r == 0)
		return 0;
	rados_shutdown(c->rados);
	return hcb_err_sys(err, r, "connect to the monitors (waited %s s for a quorum)",
	                   timeout_s);
}

void lab_client_close(struct lab_client *c)
{
	rados_shutdown(c->rados);
}

/* rados_mon_command and rados_mgr_command are alike. */
typedef int (*command_fn)(rados_t, const char **, size_t, const char *, size_t, char **,
                          size_t *, char **, size_t *);

/* Takes cmd. whom: for messages. */
static int command(struct lab_client *c, command_fn send, const char *whom, json_t *cmd,
                   json_t **out, struct hcb_err *err)
{
	char *text = cmd ? json_dumps(cmd, JSON_COMPACT) : NULL, *buf = NULL,
	     *status = NULL;
	const char *one[] = {text};
	size_t len = 0, status_len = 0;
	json_decref(cmd);
	if (!text)
		return hcb_err_sys(err, -ENOMEM, "build a %s command", whom);
	int r = send(c->rados, one, 1, NULL, 0, &buf, &len, &status, &status_len);
	if (r)
		hcb_err_set(err, r, "%s command %s: %.*s (%s)", whom, text,
		            (int)status_len, status ? status : "", strerror(-r));
	else if (out && !(*out = hcb_ceph_json(buf, len)))
		r = hcb_err_set(err, -EINVAL, "%s command %s: answer is not JSON", whom,
		                text);
	rados_buffer_free(buf);
	rados_buffer_free(status);
	free(text);
	return r;
}

int lab_mon_command(struct lab_client *c, json_t *cmd, json_t **out, struct hcb_err *err)
{
	return command(c, rados_mon_command, "monitor", cmd, out, err);
}

int lab_mgr_command(struct lab_client *c, json_t *cmd, json_t **out, struct hcb_err *err)
{
	return command(c, rados_mgr_command, "manager", cmd, out, err);
}

/* ---- OSDs in the map, under their hosts ---- */

static double weight_of(const struct lab_osd *o)
{
	char path[64], buf[32];
	snprintf(path, sizeof(path), "/sys/block/loop%d/size", o->loop);
	if (lab_read_file(path, buf, sizeof(buf)) <= 0)
		return 1;
	return strtod(buf, NULL) * 512 / (double)(1ULL << 40);
}

static int add_osd(struct lab_client *c, const struct lab *lab, const struct lab_osd *o,
                   struct hcb_err *err)
{
	char where[48], id[16];
	snprintf(where, sizeof(where), "host=%s", lab->hosts[o->host].name);
	snprintf(id, sizeof(id), "%u", o->id);
	int r = lab_mon_command(c,
	                        json_pack("{s:s,s:s,s:i}", "prefix", "osd new", "uuid",
	                                  o->uuid, "id", (int)o->id),
	                        NULL, err);
	if (r == 0)
		r = lab_mon_command(c,
		                    json_pack("{s:s,s:i,s:f,s:[ss]}", "prefix",
		                              "osd crush add", "id", (int)o->id, "weight",
		                              weight_of(o), "args", "root=default",
		                              where),
		                    NULL, err);
	if (r == 0)
		r = lab_mon_command(c,
		                    json_pack("{s:s,s:s,s:[s]}", "prefix",
		                              "osd crush set-device-class", "class",
		                              o->spec.crush_class, "ids", id),
		                    NULL, err);
	return r;
}

/*
 * The mgr's Python modules are left out (conf.c). Ceph counts those it calls always-on as
 * failed; that one check is muted, so that HEALTH_OK can mean something.
 */
static int mute_modules(struct lab_client *c, struct hcb_err *err)
{
	return lab_mon_command(c,
	                       json_pack("{s:s,s:s,s:b}", "prefix", "health mute", "code",
	                                 "MGR_MODULE_ERROR", "sticky", 1),
	                       NULL, err);
}

static int configure(void *arg, struct hcb_err *err)
{
	struct lab *lab = arg;
	struct lab_client c;
	char conf[128];
	snprintf(conf, sizeof(conf), "%s/ceph.conf", lab->dir);
	int r = lab_client_open(&c, conf, "60", err);
	if (r)
		return r;
	r = mute_modules(&c, err);
	for (unsigned i = 0; r == 0 && i < lab->n_osds; i++)
		r = add_osd(&c, lab, &lab->osds[i], err);
	lab_client_close(&c);
	return r;
}

int lab_cluster_configure(struct lab *lab, struct hcb_err *err)
{
	return lab_job_run("add the OSDs to the cluster map", lab->hosts[0].netns,
	                   120 * HCB_SEC, configure, lab, err);
}

/* ---- pools ---- */

static int make_pool(struct lab_client *c, const struct hcb_pool_spec *p,
                     struct hcb_err *err)
{
	char num[16];
	int r = lab_mon_command(c,
	                        json_pack("{s:s,s:s,s:s,s:s,s:s}", "prefix",
	                                  "osd crush rule create-replicated", "name",
	                                  p->name, "root", "default", "type", p->domain,
	                                  "class", p->crush_class),
	                        NULL, err);
	if (r == 0)
		r = lab_mon_command(c,
		                    json_pack("{s:s,s:s,s:i,s:i,s:s,s:s,s:i}", "prefix",
		                              "osd pool create", "pool", p->name,
		                              "pg_num", (int)p->pg_num, "pgp_num",
		                              (int)p->pg_num, "pool_type", "replicated",
		                              "rule", p->name, "size", (int)p->size),
		                    NULL, err);
	snprintf(num, sizeof(num), "%u", p->min_size);
	if (r == 0)
		r = lab_mon_command(c,
		                    json_pack("{s:s,s:s,s:s,s:s}", "prefix",
		                              "osd pool set", "pool", p->name, "var",
		                              "min_size", "val", num),
		                    NULL, err);
	if (r == 0)
		r = lab_mon_command(c,
		                    json_pack("{s:s,s:s,s:s}", "prefix",
		                              "osd pool application enable", "pool",
		                              p->name, "app", "rbd"),
		                    NULL, err);
	return r;
}

static int make_pools(void *arg, struct hcb_err *err)
{
	struct lab *lab = arg;
	struct lab_client c;
	char conf[128];
	snprintf(conf, sizeof(conf), "%s/ceph.conf", lab->dir);
	int r = lab_client_open(&c, conf, "60", err);
	if (r)
		return r;
	for (unsigned i = 0; r == 0 && i < lab->cluster.n_pools; i++)
		r = make_pool(&c, &lab->cluster.pools[i], err);
	lab_client_close(&c);
	return r;
}

int lab_pools_make(struct lab *lab, struct hcb_err *err)
{
	return lab_job_run("make the pools", lab->hosts[0].netns, 90 * HCB_SEC,
	                   make_pools, lab, err);
}

#endif
