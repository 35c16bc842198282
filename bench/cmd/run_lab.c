/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/cmd/run_lab.h"

#include <stdio.h>
#include <string.h>

#include "bench/core/units.h"
#include "bench/counters.h"
#include "lab/lab.h"

static struct hcb_lab_info lab;
static struct hcb_surroundings around;

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* A file on one of the lab's system disks, "uring:DIR/system/h1/fs/db", or an image that
   "lab guest" exports, "nbd:unix:DIR/run/guest.POOL.IMAGE.sock". */
static bool of_the_lab(const char *target)
{
	char head[192];
	snprintf(head, sizeof(head), "nbd:unix:%s/run/guest.", lab.dir);
	if (begins(target, head))
		return true;
	const char *path = strchr(target, ':');
	for (unsigned i = 0; path && i < lab.n_hosts; i++) {
		snprintf(head, sizeof(head), "%s/", lab.hosts[i].system_fs);
		if (head[1] && begins(path + 1, head))
			return true;
	}
	return false;
}

static json_t *disk_stats(void);

/* All of the lab's disks that turn spread their data over enough of their stroke. */
static bool disks_spread(void)
{
	json_t *list = disk_stats(), *one;
	bool spread = true;
	size_t i;
	json_array_foreach(list, i, one)
	{
		bool turns = json_number_value(json_object_get(one, "rev_ns")) > 0;
		double filled = json_number_value(json_object_get(one, "filled"));
		spread &= !turns || filled >= HCB_MIN_SPAN;
	}
	json_decref(list);
	return spread;
}

/* Targets of the lab's cluster need no conf and no keyring, and images are made; so are
   files on its system disks, and exported images are marked. */
static int prepare(void *arg, struct hcb_dev *dev, struct hcb_err *err)
{
	const struct {
		const char *key, *value;
	} keys[] = {{"make", "on"}, {"conf", lab.conf}, {"keyring", lab.keyring}};
	(void)arg;
	const struct hcb_opt *conf = hcb_opt_find(dev->engine->opts, "conf");
	bool file = of_the_lab(dev->target);
	if (!file && (!conf || ((char *)dev->conf)[conf->offset]))
		return 0; /* no Ceph, or the user named a cluster: not the lab's to fill
		             in */
	dev->spread = disks_spread();
	for (size_t i = 0; i < (file ? 1 : sizeof(keys) / sizeof(keys[0])); i++) {
		const struct hcb_opt *o = hcb_opt_find(dev->engine->opts, keys[i].key);
		char said[16];
		snprintf(said, sizeof(said), ",%s=", keys[i].key);
		if (!o || strstr(dev->target, said))
			continue;
		int r = hcb_opt_set(dev->engine->opts, dev->conf, "lab", keys[i].key,
		                    keys[i].value, err);
		if (r)
			return r;
	}
	return 0;
}

static int prefilling(void *arg, bool begin, struct hcb_err *err)
{
	(void)arg;
	return hcb_lab_disk_timing(&lab, !begin, err);
}

static json_t *disk_stats(void)
{
	struct hcb_err err = HCB_ERR_INIT;
	json_t *list = NULL;
	if (hcb_lab_disk_stats(&lab, &list, &err))
		hcb_warn("%s", err.msg);
	return list;
}

/* The system disks' counters, for which "osd" has no place: first as a run begins, then
   their change as it ends. */
static json_t *system_start, *system_change;

static void note_system(json_t *now)
{
	if (!system_start) {
		system_start = now;
		return;
	}
	json_decref(system_change);
	system_change = hcb_counters_change(system_start, now);
	json_decref(system_start);
	json_decref(now);
	system_start = NULL;
}

/* [{"osd": 0, "disk": {...}}] -> {"osd": {"0": {"disk": {...}}}} */
static json_t *counters(void *arg)
{
	json_t *list = disk_stats(), *osds = json_object(), *system = json_object(), *one;
	size_t i;
	(void)arg;
	json_array_foreach(list, i, one)
	{
		char id[16];
		const char *host = json_string_value(json_object_get(one, "system"));
		if (host) {
			json_object_set(system, host, json_object_get(one, "disk"));
			continue;
		}
		snprintf(id, sizeof(id), "%d",
		         (int)json_integer_value(json_object_get(one, "osd")));
		json_object_set_new(
		        osds, id,
		        json_pack("{sO}", "disk", json_object_get(one, "disk")));
	}
	json_decref(list);
	note_system(system);
	return json_pack("{so}", "osd", osds);
}

static void reset_lateness(void *arg)
{
	struct hcb_err err = HCB_ERR_INIT;
	(void)arg;
	if (hcb_lab_disk_ctl(&lab, "reset-lateness\n", &err))
		hcb_warn("%s", err.msg);
}

static bool disk_lateness(void *arg, uint64_t *p99_ns)
{
	json_t *list = disk_stats(), *one;
	bool any = false;
	size_t i;
	(void)arg;
	*p99_ns = 0;
	json_array_foreach(list, i, one)
	{
		const json_t *late = json_object_get(one, "lateness_ns");
		uint64_t v = (uint64_t)json_integer_value(json_object_get(late, "p99"));
		any |= json_is_object(late);
		*p99_ns = v > *p99_ns ? v : *p99_ns;
	}
	json_decref(list);
	return any;
}

static void describe(void *arg, struct hcb_kvs *facts)
{
	json_t *disks = json_array(), *list = disk_stats(), *one;
	size_t i;
	(void)arg;
	json_array_foreach(list, i, one)
	{
		json_t *d = json_object();
		static const char *const keys[] = {
		        "osd",        "system",     "profile", "cache",
		        "filled",     "size_bytes", "rev_ns",  "stored_bytes",
		        "timer_fifo", "lateness_ns"};
		const char *host = json_string_value(json_object_get(one, "system"));
		if (host && json_object_get(system_change, host))
			json_object_set(d, "disk", json_object_get(system_change, host));
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			if (json_object_get(one, keys[k]))
				json_object_set(d, keys[k],
				                json_object_get(one, keys[k]));
		json_array_append_new(disks, d);
	}
	json_decref(list);
	json_t *departures = hcb_lab_departures(&lab);
	json_t *known = json_pack(
	        "{sssss{ssssss}sfsbsfsfsisO}", "name", lab.name, "cluster",
	        lab.cluster_name, "network", "public", lab.public_net, "cluster",
	        lab.cluster_net, "vm", lab.vm_net, "dilation", lab.dilation, "warm",
	        lab.warm.done, "warm_s", lab.warm.seconds, "flushes_per_kv_batch",
	        lab.warm.kv_flush_ratio, "hosts", (int)lab.n_hosts, "disks", disks);
	json_object_update(known, departures);
	if (hcb_lab_held(&lab) > 0)
		json_object_set_new(known, "tunnel_held_to_us_per_packet",
		                    json_real(hcb_lab_held(&lab)));
	json_decref(departures);
	hcb_kvs_json(facts, "lab", known);
	json_decref(disks);
}

static int check_fault(void *arg, const struct hcb_fault *f, struct hcb_err *err)
{
	(void)arg;
	return hcb_lab_fault_check(&lab, f->verb, f->args, err);
}

/* "hcbench lab fault NAME VERB ARGS...": argv[0] is this very program. */
static void fault_command(void *arg, const struct hcb_fault *f, const char **argv,
                          char *buf, size_t size)
{
	(void)arg;
	const char *const head[] = {"/proc/self/exe", "lab", "fault", lab.name, f->verb};
	size_t n = 0;
	char *save = NULL;
	for (; n < sizeof(head) / sizeof(head[0]); n++)
		argv[n] = head[n];
	snprintf(buf, size, "%s", f->args);
	for (char *w = strtok_r(buf, " ", &save); w && n + 1 < HCB_FAULT_ARGS;
	     w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	argv[n] = NULL;
}

static const struct hcb_fault_source faults = {NULL, check_fault, fault_command};

int hcb_run_lab_enter(const char *name, const char *host, struct hcb_run *run,
                      struct hcb_err *err)
{
	int r = hcb_lab_find(name, &lab, err);
	r = r ? r : hcb_lab_enter(&lab, host ? host : lab.hosts[0].name, err);
	if (r)
		return r;
	around = (struct hcb_surroundings){
	        .prepare = prepare,
	        .prefilling = prefilling,
	        .counters = counters,
	        .reset_lateness = reset_lateness,
	        .disk_lateness = disk_lateness,
	        .faults = &faults,
	        .describe = describe,
	};
	if (lab.ram)
		around.prefilling = NULL, around.disk_lateness = NULL;
	run->around = &around;
	run->dilation = lab.dilation;
	return 0;
}
