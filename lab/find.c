/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A lab that is up, for others: where everything is, its network, its disks' counters. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/impl.h"

static void get_str(const json_t *o, const char *key, char *out, size_t size)
{
	const char *s = json_string_value(json_object_get(o, key));
	snprintf(out, size, "%s", s ? s : "");
}

static double get_num(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static void read_lists(const json_t *root, struct hcb_lab_info *out)
{
	size_t n;
	json_t *v;
	json_array_foreach(json_object_get(root, "hosts"), n, v)
	{
		if (out->n_hosts == HCB_MAX_HOSTS)
			break;
		struct hcb_lab_host_info *h = &out->hosts[out->n_hosts++];
		get_str(v, "name", h->name, sizeof(h->name));
		get_str(v, "netns", h->netns, sizeof(h->netns));
		get_str(v, "address", h->address, sizeof(h->address));
		get_str(v, "cluster_address", h->cluster_address,
		        sizeof(h->cluster_address));
		get_str(v, "link_address", h->link_address, sizeof(h->link_address));
		get_str(v, "vm_address", h->vm_address, sizeof(h->vm_address));
		get_str(v, "vm_netns", h->vm_netns, sizeof(h->vm_netns));
		const json_t *pids = json_object_get(v, "pids");
		h->mon = (pid_t)get_num(pids, "mon");
		h->mgr = (pid_t)get_num(pids, "mgr");
		h->tinc = (pid_t)get_num(pids, "tinc");
		h->tinc_vm = (pid_t)get_num(pids, "tinc_vm");
		const json_t *sys = json_object_get(v, "system_disk");
		get_str(sys, "disk_dir", h->system_dir, sizeof(h->system_dir));
		get_str(sys, "loop", h->system_loop, sizeof(h->system_loop));
		get_str(sys, "mount", h->system_fs, sizeof(h->system_fs));
	}
	json_array_foreach(json_object_get(root, "osds"), n, v)
	{
		if (out->n_osds == HCB_LAB_MAX_OSDS)
			break;
		struct hcb_lab_osd_info *o = &out->osds[out->n_osds++];
		o->id = (unsigned)get_num(v, "id");
		o->pid = (pid_t)get_num(v, "pid");
		get_str(v, "host", o->host, sizeof(o->host));
		get_str(v, "disk_dir", o->disk_dir, sizeof(o->disk_dir));
		get_str(v, "loop", o->loop, sizeof(o->loop));
		get_str(v, "asok", o->asok, sizeof(o->asok));
	}
	json_array_foreach(json_object_get(root, "not_emulated"), n, v)
	{
		if (out->n_not_emulated < 4)
			snprintf(out->not_emulated[out->n_not_emulated++],
			         sizeof(out->not_emulated[0]), "%s",
			         json_string_value(v));
	}
	json_array_foreach(json_object_get(root, "pools"), n, v)
	{
		if (out->n_pools < HCB_MAX_POOLS)
			snprintf(out->pools[out->n_pools++], sizeof(out->pools[0]), "%s",
			         json_string_value(v));
	}
}

static void read_info(const json_t *root, struct hcb_lab_info *out)
{
	memset(out, 0, sizeof(*out));
	get_str(root, "name", out->name, sizeof(out->name));
	get_str(root, "cluster", out->cluster_name, sizeof(out->cluster_name));
	get_str(root, "cluster_file", out->cluster_file, sizeof(out->cluster_file));
	get_str(root, "dir", out->dir, sizeof(out->dir));
	get_str(root, "conf", out->conf, sizeof(out->conf));
	get_str(root, "keyring", out->keyring, sizeof(out->keyring));
	get_str(root, "fsid", out->fsid, sizeof(out->fsid));
	out->dilation = get_num(root, "dilation");
	const json_t *net = json_object_get(root, "network");
	get_str(net, "public", out->public_net, sizeof(out->public_net));
	get_str(net, "cluster", out->cluster_net, sizeof(out->cluster_net));
	get_str(net, "vm", out->vm_net, sizeof(out->vm_net));
	out->recycle_wal = json_is_true(json_object_get(root, "recycle_wal"));
	out->ram = json_is_true(json_object_get(root, "ram"));
	const json_t *w = json_object_get(root, "warm");
	out->warm.done = json_is_true(json_object_get(w, "done"));
	out->warm.recycles_wal = json_is_true(json_object_get(w, "recycles_wal"));
	out->warm.seconds = get_num(w, "seconds");
	out->warm.wal_bytes = (uint64_t)get_num(w, "wal_bytes");
	out->warm.kv_flush_ratio = get_num(w, "kv_flush_ratio");
	out->warm.kv_flush_ratio_at_start = get_num(w, "kv_flush_ratio_at_start");
	read_lists(root, out);
}

int hcb_lab_find(const char *name, struct hcb_lab_info *out, struct hcb_err *err)
{
	char dir[96], path[128];
	json_error_t je;
	int r = lab_dir(name, dir, sizeof(dir), err);
	if (r)
		return r;
	snprintf(path, sizeof(path), "%s/lab.json", dir);
	if (access(path, R_OK)) {
		if (errno == EACCES)
			return hcb_err_sys(err, -EACCES, "read %s", path);
		return hcb_err_set(err, -ENOENT,
		                   "lab %s: not up; \"hcbench lab up%s%s\" makes it",
		                   name, strcmp(name, HCB_LAB_DEFAULT) ? " " : "",
		                   strcmp(name, HCB_LAB_DEFAULT) ? name : "");
	}
	json_t *root = json_load_file(path, 0, &je);
	if (!root)
		return hcb_err_set(err, -EINVAL, "read %s: %s", path, je.text);
	read_info(root, out);
	json_decref(root);
	return 0;
}

const struct hcb_lab_host_info *lab_host_of(const struct hcb_lab_info *info,
                                            const char *name, struct hcb_err *err)
{
	for (unsigned i = 0; i < info->n_hosts; i++)
		if (strcmp(info->hosts[i].name, name) == 0)
			return &info->hosts[i];
	hcb_err_usage(err, "lab %s has no host \"%s\"", info->name, name);
	return NULL;
}

/* "h1", or "h1_vm" for its virtual machine. */
static const char *netns_of(const struct hcb_lab_host_info *h, const char *host)
{
	size_t n = strlen(h->name);
	if (strcmp(h->name, host) == 0)
		return h->netns;
	if (h->vm_netns[0] && strncmp(h->name, host, n) == 0 &&
	    strcmp(host + n, LAB_VM) == 0)
		return h->vm_netns;
	return NULL;
}

int hcb_lab_enter(const struct hcb_lab_info *info, const char *host, struct hcb_err *err)
{
	for (unsigned i = 0; i < info->n_hosts; i++) {
		const char *netns = netns_of(&info->hosts[i], host);
		if (!netns)
			continue;
		int fd = open(netns, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return hcb_err_sys(err, -errno, "open %s", netns);
		int r = setns(fd, CLONE_NEWNET) ? -errno : 0;
		close(fd);
		return r ? hcb_err_sys(err, r, "enter the network of host %s", host) : 0;
	}
	return hcb_err_usage(err, "lab %s has no host \"%s\"; its hosts are %s to %s",
	                     info->name, host, info->hosts[0].name,
	                     info->hosts[info->n_hosts ? info->n_hosts - 1 : 0].name);
}

/* ---- the served disks ---- */

/* The OSDs' disks first, then the hosts' system disks. "": that one is not served. */
static unsigned n_disks(const struct hcb_lab_info *info)
{
	return info->n_osds + info->n_hosts;
}

static const char *disk_dir(const struct hcb_lab_info *info, unsigned i)
{
	return i < info->n_osds ? info->osds[i].disk_dir
	                        : info->hosts[i - info->n_osds].system_dir;
}

struct disk_talk {
	const struct hcb_lab_info *info;
	unsigned from, to; /* which disks: the OSDs', then the system disks */
	const char *ctl;   /* a line for DIR/ctl, or NULL: read DIR/stat */
	char *text;        /* shared memory, one slot a disk */
};
#define STAT_SLOT ((size_t)65536)

/* In a job: a disk server that hangs must not hang its reader. */
static int talk_to_disks(void *arg, struct hcb_err *err)
{
	const struct disk_talk *t = arg;
	char path[192];
	for (unsigned i = t->from; i < t->to; i++) {
		const char *dir = disk_dir(t->info, i);
		if (!dir[0])
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, t->ctl ? "ctl" : "stat");
		if (!t->ctl) {
			int n = lab_read_file(path, t->text + i * STAT_SLOT, STAT_SLOT);
			if (n < 0)
				return hcb_err_sys(err, n, "read %s", path);
			continue;
		}
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			return hcb_err_sys(err, -errno, "open %s", path);
		ssize_t n = write(fd, t->ctl, strlen(t->ctl));
		int code = n < 0 ? errno : EIO;
		close(fd);
		if (n != (ssize_t)strlen(t->ctl))
			return hcb_err_sys(err, -code, "write %s", path);
	}
	return 0;
}

int hcb_lab_disk_timing(const struct hcb_lab_info *info, bool on, struct hcb_err *err)
{
	return hcb_lab_disk_ctl(info, on ? "timing on\n" : "timing off\n", err);
}

int hcb_lab_disk_ctl(const struct hcb_lab_info *info, const char *line,
                     struct hcb_err *err)
{
	struct disk_talk t = {.info = info, .to = n_disks(info), .ctl = line};
	return lab_job_run("tell the served disks", NULL, 15 * HCB_SEC, talk_to_disks, &t,
	                   err);
}

int hcb_lab_disk_ctl_one(const struct hcb_lab_info *info, unsigned i, const char *line,
                         struct hcb_err *err)
{
	struct disk_talk t = {.info = info, .from = i, .to = i + 1, .ctl = line};
	return lab_job_run("tell the served disk", NULL, 15 * HCB_SEC, talk_to_disks, &t,
	                   err);
}

int hcb_lab_disk_stats(const struct hcb_lab_info *info, json_t **out, struct hcb_err *err)
{
	size_t size = (size_t)n_disks(info) * STAT_SLOT;
	struct disk_talk t = {
	        .info = info, .to = n_disks(info), .text = lab_shared_alloc(size)};
	*out = NULL;
	if (!t.text)
		return hcb_err_sys(err, -ENOMEM, "read the disks' counters");
	int r = lab_job_run("read the disks' counters", NULL, 10 * HCB_SEC, talk_to_disks,
	                    &t, err);
	json_t *list = r ? NULL : json_array();
	for (unsigned i = 0; list && i < n_disks(info); i++) {
		if (!disk_dir(info, i)[0])
			continue;
		json_t *one = json_loads(t.text + i * STAT_SLOT, 0, NULL);
		if (!json_is_object(one)) {
			json_decref(one);
			r = hcb_err_set(err, -EINVAL, "read %s/stat: not a JSON object",
			                disk_dir(info, i));
			break;
		}
		if (i < info->n_osds)
			json_object_set_new(one, "osd",
			                    json_integer((json_int_t)info->osds[i].id));
		else
			json_object_set_new(
			        one, "system",
			        json_string(info->hosts[i - info->n_osds].name));
		json_array_append_new(list, one);
	}
	lab_shared_free(t.text, size);
	if (r)
		json_decref(list);
	else
		*out = list;
	return r;
}

int hcb_lab_osd_perf(const struct hcb_lab_info *info, json_t **out, struct hcb_err *err)
{
	json_t *list = json_array();
	int r = 0;
	for (unsigned i = 0; r == 0 && i < info->n_osds; i++) {
		json_t *perf = NULL;
		r = hcb_lab_asok(info->osds[i].asok, "perf dump", 5 * HCB_SEC, &perf,
		                 err);
		if (r == 0)
			json_array_append_new(list, json_pack("{s:i,s:o}", "osd",
			                                      (int)info->osds[i].id,
			                                      "perf", perf));
	}
	if (r) {
		json_decref(list);
		list = NULL;
	}
	*out = list;
	return r;
}
