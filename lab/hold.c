/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tunnel held to what it is to cost. tincd takes of this machine what it takes; divided
 * by the dilation that may be less than on the hosts meant. A processor quota
 * (quota.c) of a share q makes a packet that costs c cost c / q, as long as the daemon is
 * the bottleneck: the quota holds throughput, and the wait of packets that queue for it.
 * A packet that comes alone still takes c, which is microseconds.
 *
 * What takes more than it is to cannot be held: it needs a greater dilation.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/impl.h"

#define PROBE_S   3    /* of each stream, lab time */
#define TOLERANCE 1.05 /* native cost above the aim by less than this is the aim */

static const enum lab_net nets[] = {LAB_NET_ADMIN, LAB_NET_VMLINK};
#define N_NETS (sizeof(nets) / sizeof(nets[0]))

/* Its group in the lab's. */
static void group_of(enum lab_net net, const char *host, char *buf, size_t size)
{
	snprintf(buf, size, "%s.%s", lab_net_kind(net)->name, host);
}

static pid_t daemon_of(const struct hcb_lab_info *info, enum lab_net net, unsigned host)
{
	char kind[32];
	snprintf(kind, sizeof(kind), "tinc-%s", lab_net_kind(net)->name);
	return lab_recorded_pid(info, kind, info->hosts[host].name, "tincd");
}

/* ---- every tunnel of a lab ---- */

/* share: of one processor; 1: not held. */
static int hold_all(const struct hcb_lab_info *info, double share, struct hcb_err *err)
{
	char group[64];
	int r = 0;
	for (unsigned i = 0; i < info->n_hosts; i++)
		for (size_t k = 0; r == 0 && k < N_NETS; k++) {
			pid_t pid = daemon_of(info, nets[k], i);
			group_of(nets[k], info->hosts[i].name, group, sizeof(group));
			if (pid > 0)
				r = lab_quota_set(info->name, group, share, pid, err);
		}
	return r;
}

int lab_hold_again(const struct hcb_lab_info *info, struct hcb_err *err)
{
	char group[64];
	int r = 0;
	for (unsigned i = 0; i < info->n_hosts; i++)
		for (size_t k = 0; r == 0 && k < N_NETS; k++) {
			pid_t pid = daemon_of(info, nets[k], i);
			group_of(nets[k], info->hosts[i].name, group, sizeof(group));
			if (pid > 0)
				r = lab_quota_join(info->name, group, pid, err);
		}
	return r;
}

bool lab_hold_throttled_ns(const struct hcb_lab_info *info, const char *host,
                           uint64_t *out)
{
	char group[64];
	group_of(LAB_NET_ADMIN, host, group, sizeof(group));
	return lab_quota_throttled_ns(info->name, group, out);
}

/* ---- what it is held to ---- */

static void note_path(const struct hcb_lab_info *info, char *buf, size_t size)
{
	snprintf(buf, size, "%s/run/tunnel.hold", info->dir);
}

double hcb_lab_held(const struct hcb_lab_info *info)
{
	char path[160], text[64];
	double us = 0;
	note_path(info, path, sizeof(path));
	if (lab_read_file(path, text, sizeof(text)) <= 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return hcb_parse_double(text, &us) ? 0 : us;
}

static int note(const struct hcb_lab_info *info, double us, struct hcb_err *err)
{
	char path[160], text[64];
	note_path(info, path, sizeof(path));
	if (us > 0) {
		snprintf(text, sizeof(text), "%.17g\n", us);
		return lab_write_file(path, text, err);
	}
	return unlink(path) && errno != ENOENT
	               ? hcb_err_sys(err, -errno, "remove %s", path)
	               : 0;
}

/* Mean of both ends of a stream between the first two hosts, lab time. */
static int cost(const struct hcb_lab_info *info, const char *key, json_t **path,
                double *us, struct hcb_err *err)
{
	const struct hcb_lab_path p = {.seconds = PROBE_S};
	char from[64], to[64];
	int r = hcb_lab_path(info->name, &p, path, err);
	if (r)
		return r;
	snprintf(from, sizeof(from), "%s_from", key);
	snprintf(to, sizeof(to), "%s_to", key);
	const json_t *a = json_object_get(*path, from), *b = json_object_get(*path, to);
	*us = (json_number_value(a) + json_number_value(b)) / 2;
	return json_is_number(a) && json_is_number(b)
	               ? 0
	               : hcb_err_set(err, -ENODATA,
	                             "lab tunnel: too few packets went through to tell "
	                             "what one costs");
}

/* What a packet cost at most: so many went through, one after the other. */
static double most(const json_t *path)
{
	double n = json_number_value(json_object_get(path, "tunnel_packets"));
	return json_number_value(json_object_get(path, "seconds")) * 1e6 / n;
}

static int aim(const struct hcb_lab_info *info, double native, double us,
               struct hcb_err *err)
{
	if (native <= us * TOLERANCE)
		return 0;
	return hcb_err_usage(err,
	                     "lab tunnel: a packet takes %.1f us of this machine at "
	                     "dilation %g; %g us need a dilation of %.1f or more",
	                     native, info->dilation, us,
	                     ceil(10 * info->dilation * native / us) / 10);
}

static int hold(const struct hcb_lab_info *info, double us, json_t **out,
                struct hcb_err *err)
{
	json_t *before = NULL, *after = NULL;
	double native = 0, achieved = 0;
	int r = hold_all(info, 1, err);
	r = r ? r : note(info, 0, err);
	r = r ? r : cost(info, "tunnel_us_per_packet", &before, &native, err);
	r = r ? r : aim(info, native, us, err);
	double share = fmin(1, native / us);
	r = r ? r : hold_all(info, share, err);
	r = r ? r : note(info, us, err);
	r = r ? r : cost(info, "tunnel_held_us_per_packet", &after, &achieved, err);
	if (r == 0)
		*out = json_pack("{sf sf sf s[ff] so so}", "aim_us_per_packet", us,
		                 "native_us_per_packet", native, "share", share,
		                 "achieved_us_per_packet", achieved, most(after),
		                 "path_before", json_incref(before), "path",
		                 json_incref(after));
	if (r) {
		hold_all(info, 1, NULL);
		note(info, 0, NULL);
	}
	json_decref(before);
	json_decref(after);
	return r;
}

int hcb_lab_hold(const char *name, double us, json_t **out, struct hcb_err *err)
{
	struct hcb_lab_info *info = calloc(1, sizeof(*info));
	*out = NULL;
	int r = info ? hcb_lab_find(name, info, err) : hcb_err_sys(err, -ENOMEM, "hold");
	if (!r && strcmp(info->public_net, "tinc") != 0 &&
	    strcmp(info->cluster_net, "tinc") != 0)
		r = hcb_err_usage(err,
		                  "lab tunnel: none of Ceph's networks in lab %s is "
		                  "a tunnel",
		                  info->name);
	if (!r && us > 0) {
		r = hold(info, us, out, err);
	} else if (!r) {
		if (lab_quota_there(info->name))
			r = hold_all(info, 1, err);
		r = r ? r : note(info, 0, err);
		*out = json_object();
	}
	free(info);
	return r;
}
