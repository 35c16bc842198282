/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a lab keeps what it knows: PARENT/NAME, a tmpfs, so that nothing stays after a
 * reboot and the machine's own disk is not in the measurement. PARENT/NAME.lock lies
 * beside it and is held while the lab is built or taken down.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/impl.h"

#define PARENT_DEFAULT "/run/hcbench/lab"
/* Admin sockets lie in the state directory, and a socket's path has 107 characters. */
#define DIR_MAX_LEN    72

void lab_parent_dir(char *buf, size_t size)
{
	const char *dir = getenv("HCBENCH_LAB_DIR");
	snprintf(buf, size, "%s", dir && *dir ? dir : PARENT_DEFAULT);
}

int lab_check_name(const char *name, struct hcb_err *err)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                        "0123456789-_");
	if (n == 0 || name[n] || n > 30 || name[0] == '-')
		return hcb_err_usage(err,
		                     "lab name \"%.60s\": letters, digits, - and _ only, "
		                     "at most 30",
		                     name);
	return 0;
}

int lab_dir(const char *name, char *buf, size_t size, struct hcb_err *err)
{
	char parent[512];
	int r = lab_check_name(name, err);
	if (r)
		return r;
	lab_parent_dir(parent, sizeof(parent));
	int n = snprintf(buf, size, "%s/%s", parent, name);
	if (parent[0] != '/' || n < 0 || (size_t)n >= size || n > DIR_MAX_LEN)
		return hcb_err_usage(
		        err,
		        "state directory %s/%s: must be absolute and at most %d "
		        "characters",
		        parent, name, DIR_MAX_LEN);
	return 0;
}

int lab_write_file(const char *path, const char *text, struct hcb_err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return hcb_err_sys(err, -errno, "open %s", path);
	size_t len = strlen(text);
	ssize_t n = write(fd, text, len);
	int code = n < 0 ? errno : EIO;
	close(fd);
	return n == (ssize_t)len ? 0 : hcb_err_sys(err, -code, "write %s", path);
}

/* Bytes read, terminated, or -errno. Says nothing: callers often may not care. */
int lab_read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	size_t len = 0;
	ssize_t n = 0;
	while (len + 1 < size && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	int code = n < 0 ? -errno : 0;
	buf[len] = '\0';
	close(fd);
	return code ? code : (int)len;
}

int lab_mkdirs(const char *path, struct hcb_err *err)
{
	char p[512];
	snprintf(p, sizeof(p), "%s", path);
	for (char *s = p + 1;; s++) {
		if (*s != '/' && *s != '\0')
			continue;
		char c = *s;
		*s = '\0';
		if (mkdir(p, 0700) && errno != EEXIST)
			return hcb_err_sys(err, -errno, "make directory %s", p);
		*s = c;
		if (c == '\0')
			return 0;
	}
}

int lab_state_make(struct lab *lab, struct hcb_err *err)
{
	static const char *const subdirs[] = {"mon",     "mgr",    "osd",  "run",
	                                      "log",     "key",    "disk", "crash",
	                                      "modules", "system", "tinc", "ovs"};
	char opts[64], path[160];
	int r = lab_mkdirs(lab->dir, err);
	if (r)
		return r;
	/* With --ram the disks' bytes lie here too. */
	snprintf(opts, sizeof(opts), "mode=0700,size=%s", lab->ram ? "75%" : "25%");
	if (mount(LAB_TMPFS, lab->dir, "tmpfs", MS_NOSUID | MS_NODEV, opts))
		return hcb_err_sys(err, -errno, "mount tmpfs on %s", lab->dir);
	for (size_t i = 0; i < sizeof(subdirs) / sizeof(subdirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", lab->dir, subdirs[i]);
		if ((r = lab_mkdirs(path, err)))
			return r;
	}
	return 0;
}

/* ---- the lock ---- */

static pid_t lock_holder(int fd)
{
	char buf[32] = "";
	if (pread(fd, buf, sizeof(buf) - 1, 0) <= 0)
		return 0;
	return (pid_t)strtol(buf, NULL, 10);
}

/* The file may have been removed between our open and our flock. */
static bool still_there(int fd, const char *path)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

int lab_lock(const char *name, const char *verb, struct lab_lock *l, pid_t *holder,
             struct hcb_err *err)
{
	char parent[512], line[64];
	lab_parent_dir(parent, sizeof(parent));
	int r = lab_mkdirs(parent, err);
	if (r)
		return r;
	snprintf(l->path, sizeof(l->path), "%.90s/%.30s.lock", parent, name);
	for (;;) {
		l->fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (l->fd < 0)
			return hcb_err_sys(err, -errno, "open %s", l->path);
		if (!lab_lock_is_ours(l->fd)) {
			close(l->fd);
			l->fd = -1;
			return hcb_err_refuse(err,
			                      "lab %s: %s was not made by a lab; it is "
			                      "not touched",
			                      name, l->path);
		}
		if (flock(l->fd, LOCK_EX | LOCK_NB)) {
			*holder = lock_holder(l->fd);
			close(l->fd);
			l->fd = -1;
			return hcb_err_set(err, -EBUSY,
			                   "lab %s: process %d is at work on it", name,
			                   (int)*holder);
		}
		if (still_there(l->fd, l->path))
			break;
		close(l->fd);
	}
	int n = snprintf(line, sizeof(line), "%d %s\n", (int)getpid(), verb);
	if (ftruncate(l->fd, 0) || pwrite(l->fd, line, (size_t)n, 0) != n)
		return hcb_err_sys(err, -errno, "write %s", l->path);
	return 0;
}

void lab_unlock(struct lab_lock *l, bool remove)
{
	if (l->fd < 0)
		return;
	if (remove) {
		unlink(l->path);
		/* Leave no empty folders either; another lab's presence stops this. */
		if (!getenv("HCBENCH_LAB_DIR") && rmdir(PARENT_DEFAULT) == 0)
			rmdir("/run/hcbench");
	}
	close(l->fd);
	l->fd = -1;
}

/* ---- lab.json ---- */

static void host_info(const struct lab *lab, unsigned i, struct hcb_lab_host_info *h)
{
	snprintf(h->name, sizeof(h->name), "%s", lab->hosts[i].name);
	snprintf(h->netns, sizeof(h->netns), "/run/netns/%s", lab->hosts[i].netns);
	const struct hcb_cluster *c = &lab->cluster;
	snprintf(h->address, sizeof(h->address), "%s", lab->hosts[i].address);
	lab_address(lab_net_of(c->cluster_net), i, h->cluster_address,
	            sizeof(h->cluster_address));
	lab_address(LAB_NET_LINK, i, h->link_address, sizeof(h->link_address));
	if (lab_has_net(c, LAB_NET_VM)) {
		lab_address(LAB_NET_VM, i, h->vm_address, sizeof(h->vm_address));
		snprintf(h->vm_netns, sizeof(h->vm_netns), "/run/netns/%s",
		         lab->hosts[i].vm_netns);
	}
	h->mon = lab->hosts[i].mon_pid;
	h->mgr = lab->hosts[i].mgr_pid;
	h->tinc = lab->hosts[i].tinc_pid[LAB_NET_ADMIN];
	h->tinc_vm = lab->hosts[i].tinc_pid[LAB_NET_VMLINK];
	if (!lab->hosts[i].has_system)
		return;
	if (!lab->ram)
		lab_system_disk(lab, i, h->system_dir, sizeof(h->system_dir));
	snprintf(h->system_loop, sizeof(h->system_loop), "/dev/loop%d",
	         lab->hosts[i].system_loop);
	lab_system_path(lab, i, h->system_fs, sizeof(h->system_fs));
}

void lab_info_from(const struct lab *lab, struct hcb_lab_info *out)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", lab->name);
	snprintf(out->cluster_name, sizeof(out->cluster_name), "%s", lab->cluster.name);
	snprintf(out->cluster_file, sizeof(out->cluster_file), "%s", lab->cluster.path);
	snprintf(out->dir, sizeof(out->dir), "%s", lab->dir);
	snprintf(out->conf, sizeof(out->conf), "%s/ceph.conf", lab->dir);
	snprintf(out->keyring, sizeof(out->keyring), "%s/key/client.admin", lab->dir);
	snprintf(out->fsid, sizeof(out->fsid), "%s", lab->fsid);
	out->dilation = lab->cluster.dilation;
	snprintf(out->public_net, sizeof(out->public_net), "%s",
	         lab_net_word(lab->cluster.public_net));
	snprintf(out->cluster_net, sizeof(out->cluster_net), "%s",
	         lab_net_word(lab->cluster.cluster_net));
	snprintf(out->vm_net, sizeof(out->vm_net), "%s",
	         lab_vm_word(lab->cluster.vm_net));
	out->ram = lab->ram;
	out->recycle_wal = lab->recycle_wal;
	out->warm = lab->warm;
	out->n_hosts = lab->cluster.n_hosts;
	for (unsigned i = 0; i < out->n_hosts; i++)
		host_info(lab, i, &out->hosts[i]);
	out->n_osds = lab->n_osds;
	for (unsigned i = 0; i < lab->n_osds; i++) {
		struct hcb_lab_osd_info *o = &out->osds[i];
		o->id = lab->osds[i].id;
		o->pid = lab->osds[i].pid;
		snprintf(o->host, sizeof(o->host), "%s",
		         lab->hosts[lab->osds[i].host].name);
		if (!lab->ram)
			snprintf(o->disk_dir, sizeof(o->disk_dir), "%s/disk/%u", lab->dir,
			         o->id);
		snprintf(o->loop, sizeof(o->loop), "/dev/loop%d", lab->osds[i].loop);
		snprintf(o->asok, sizeof(o->asok), "%.80s/run/osd.%u.asok", lab->dir,
		         o->id);
	}
	json_t *missing = lab_not_emulated(&lab->cluster), *text;
	size_t k;
	json_array_foreach(missing, k, text)
	        snprintf(out->not_emulated[out->n_not_emulated++],
	                 sizeof(out->not_emulated[0]), "%s", json_string_value(text));
	json_decref(missing);
	out->n_pools = lab->cluster.n_pools;
	for (unsigned i = 0; i < out->n_pools; i++)
		memcpy(out->pools[i], lab->cluster.pools[i].name, sizeof(out->pools[i]));
}

static json_t *warm_to_json(const struct hcb_lab_warm_info *w)
{
	return json_pack("{s:b,s:f,s:I,s:f,s:f,s:b}", "done", w->done, "seconds",
	                 w->seconds, "wal_bytes", (json_int_t)w->wal_bytes,
	                 "kv_flush_ratio", w->kv_flush_ratio, "kv_flush_ratio_at_start",
	                 w->kv_flush_ratio_at_start, "recycles_wal", w->recycles_wal);
}

/* Where this cluster differs from what Ceph would do by itself: a result must say so. */
static json_t *changed_json(const struct hcb_lab_info *i)
{
	bool logs = i->n_hosts && i->hosts[0].system_fs[0];
	json_t *list = json_pack(
	        "[s,s,s,s]", "osd: bdev_enable_discard=true bdev_async_discard=true",
	        "osd: osd_memory_target=2147483648",
	        logs ? "osd, mgr: debug levels 0" : "all: debug levels 0",
	        "mgr: no Python modules, MGR_MODULE_ERROR muted");
	if (i->recycle_wal)
		json_array_append_new(
		        list,
		        json_string(
		                "osd: bluestore_rocksdb_options_annex=wal_recovery_mode="
		                "kTolerateCorruptedTailRecords"));
	return list;
}

static json_t *not_emulated_json(const struct hcb_lab_info *i)
{
	json_t *list = json_array();
	for (unsigned n = 0; n < i->n_not_emulated; n++)
		json_array_append_new(list, json_string(i->not_emulated[n]));
	return list;
}

json_t *hcb_lab_departures(const struct hcb_lab_info *info)
{
	return json_pack("{s:o,s:o}", "changed", changed_json(info), "not_emulated",
	                 not_emulated_json(info));
}

static json_t *host_to_json(const struct hcb_lab_host_info *h)
{
	json_t *j = json_pack(
	        "{s:s,s:s,s:s,s:s,s:s,s:{s:i,s:i,s:i,s:i}}", "name", h->name, "netns",
	        h->netns, "address", h->address, "cluster_address", h->cluster_address,
	        "link_address", h->link_address, "pids", "mon", (int)h->mon, "mgr",
	        (int)h->mgr, "tinc", (int)h->tinc, "tinc_vm", (int)h->tinc_vm);
	if (h->vm_address[0]) {
		json_object_set_new(j, "vm_address", json_string(h->vm_address));
		json_object_set_new(j, "vm_netns", json_string(h->vm_netns));
	}
	if (h->system_fs[0])
		json_object_set_new(j, "system_disk",
		                    json_pack("{s:s,s:s,s:s,s:o}", "disk_dir",
		                              h->system_dir, "loop", h->system_loop,
		                              "mount", h->system_fs, "target",
		                              json_sprintf("uring:%s/db", h->system_fs)));
	return j;
}

json_t *hcb_lab_info_json(const struct hcb_lab_info *i)
{
	json_t *hosts = json_array(), *osds = json_array(), *pools = json_array();
	for (unsigned n = 0; n < i->n_hosts; n++)
		json_array_append_new(hosts, host_to_json(&i->hosts[n]));
	for (unsigned n = 0; n < i->n_osds; n++) {
		const struct hcb_lab_osd_info *o = &i->osds[n];
		json_array_append_new(
		        osds, json_pack("{s:i,s:s,s:s,s:s,s:s,s:i}", "id", (int)o->id,
		                        "host", o->host, "disk_dir", o->disk_dir, "loop",
		                        o->loop, "asok", o->asok, "pid", (int)o->pid));
	}
	for (unsigned n = 0; n < i->n_pools; n++)
		json_array_append_new(pools, json_string(i->pools[n]));
	json_t *j = json_pack(
	        "{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:f,s:{s:s,s:s,s:s},s:b,s:b,s:o,s:o,s:o,"
	        "s:o}",
	        "name", i->name, "cluster", i->cluster_name, "cluster_file",
	        i->cluster_file, "dir", i->dir, "conf", i->conf, "keyring", i->keyring,
	        "fsid", i->fsid, "dilation", i->dilation, "network", "public",
	        i->public_net, "cluster", i->cluster_net, "vm", i->vm_net, "ram", i->ram,
	        "recycle_wal", i->recycle_wal, "warm", warm_to_json(&i->warm), "hosts",
	        hosts, "osds", osds, "pools", pools);
	json_t *departures = hcb_lab_departures(i);
	json_object_update(j, departures);
	json_decref(departures);
	return j;
}

int lab_state_save(const struct lab *lab, struct hcb_err *err)
{
	struct hcb_lab_info info;
	char path[160], tmp[164];
	lab_info_from(lab, &info);
	json_t *j = hcb_lab_info_json(&info);
	char *text = j ? json_dumps(j, JSON_INDENT(1)) : NULL;
	json_decref(j);
	if (!text)
		return hcb_err_sys(err, -ENOMEM, "write the lab's state");
	snprintf(path, sizeof(path), "%s/lab.json", lab->dir);
	snprintf(tmp, sizeof(tmp), "%s.new", path);
	int r = lab_write_file(tmp, text, err);
	free(text);
	if (r == 0 && rename(tmp, path))
		r = hcb_err_sys(err, -errno, "rename %s", tmp);
	return r;
}
