/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One disk per OSD, and one per system disk that is served: "hcbench disk serve" puts a
 * model disk into a FUSE file, and a loop device over that file is what the OSD opens, or
 * what a file system is made on. The loop is not decoration: on the bare file a flush
 * holds the inode, and a queued write then blocks inside io_submit.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engines/hdd_profile.h"
#include "lab/impl.h"

#define LOOP_TRIES     20
/* With --ram: as large as the usual disk, sparse. */
#define RAM_DISK_BYTES 2000398934016LL

static int sysfs_set(int loop, const char *key, const char *value, struct hcb_err *err)
{
	char path[96];
	snprintf(path, sizeof(path), "/sys/block/loop%d/queue/%s", loop, key);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return hcb_err_sys(err, -errno, "open %s", path);
	ssize_t n = write(fd, value, strlen(value));
	int code = n < 0 ? -errno : 0;
	close(fd);
	return code ? hcb_err_sys(err, code, "write %s", path) : 0;
}

/* Containers and old udev-less systems may lack the node of a device just added. */
static int open_loop(int n)
{
	char path[32];
	snprintf(path, sizeof(path), "/dev/loop%d", n);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT &&
	    mknod(path, S_IFBLK | 0600, makedev(7, (unsigned)n)) == 0)
		fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Another program may take the free device first: then the next one. */
static int attach_loop(int file, const char *name, int *loop, struct hcb_err *err)
{
	int ctl = open("/dev/loop-control", O_RDWR | O_CLOEXEC), r = -EBUSY;
	if (ctl < 0)
		return hcb_err_sys(err, -errno, "open /dev/loop-control");
	struct loop_config c = {.fd = (unsigned)file,
	                        .info.lo_flags = LO_FLAGS_DIRECT_IO};
	snprintf((char *)c.info.lo_file_name, sizeof(c.info.lo_file_name), "%s", name);
	for (int i = 0; i < LOOP_TRIES && r == -EBUSY; i++) {
		int n = ioctl(ctl, LOOP_CTL_GET_FREE);
		int fd = n < 0 ? -errno : open_loop(n);
		if (fd < 0) {
			r = fd;
			break;
		}
		r = ioctl(fd, LOOP_CONFIGURE, &c) ? -errno : 0;
		close(fd);
		if (r == 0)
			*loop = n;
	}
	close(ctl);
	return r ? hcb_err_sys(err, r, "attach a loop device to %s", name) : 0;
}

/* One disk to be made, in a job of its own. */
struct disk {
	struct lab *lab;
	const struct hcb_disk_spec *spec;
	int *loop;      /* in shared memory */
	int system;     /* index of the host whose system disk it is, or -1 */
	unsigned seed;  /* each spindle has its own speed and phase */
	char owner[24]; /* osd.0, system.h1 */
	char dir[128];  /* where it is served */
};

int lab_disk_rotates(const struct hcb_disk_spec *spec, bool *yes, struct hcb_err *err)
{
	struct hdd_profile p;
	int r = hdd_profile_find(spec->profile, &p, err);
	*yes = !r && p.type == HDD_TYPE_HDD;
	return r;
}

static int make_loop(const struct disk *d, const char *file, struct hcb_err *err)
{
	char name[64]; /* as much as the kernel keeps */
	bool rotates;
	int r = lab_disk_rotates(d->spec, &rotates, err);
	if (r)
		return r;
	int fd = open(file, O_RDWR | O_CLOEXEC | O_DIRECT);
	if (fd < 0)
		return hcb_err_sys(err, -errno, "open %s", file);
	snprintf(name, sizeof(name), "hcb-%.30s-%s", d->lab->name, d->owner);
	r = attach_loop(fd, name, d->loop, err);
	close(fd);
	/* Before mkfs: BlueStore takes its defaults, for hard disks or not, from this. */
	if (r == 0)
		r = sysfs_set(*d->loop, "rotational", rotates ? "1" : "0", err);
	if (r == 0)
		r = sysfs_set(*d->loop, "scheduler", "none", err);
	return r;
}

/* The program this is, so that a build tree serves its own disks. */
static int self_path(char *buf, size_t size, struct hcb_err *err)
{
	ssize_t n = readlink("/proc/self/exe", buf, size - 1);
	if (n < 0)
		return hcb_err_sys(err, -errno, "read /proc/self/exe");
	buf[n] = '\0';
	return 0;
}

static int serve_disk(const struct disk *d, struct hcb_err *err)
{
	char self[512], filled[32], seed[32], data[32], size[32], env[64], dilation[32];
	const char *argv[22] = {self,      "disk",        "serve",      d->spec->profile,
	                        "--mount", d->dir,        "--filled",   filled,
	                        "--seed",  seed,          "--timing",   "off",
	                        "--data",  data,          "--dilation", dilation,
	                        "--cache", d->spec->cache};
	if (d->spec->size_bytes) {
		snprintf(size, sizeof(size), "%llu",
		         (unsigned long long)d->spec->size_bytes);
		argv[18] = "--size";
		argv[19] = size;
	}
	int r = self_path(self, sizeof(self), err);
	if (r)
		return r;
	snprintf(filled, sizeof(filled), "%.6g%%", d->spec->filled * 100);
	snprintf(data, sizeof(data), "%llu", (unsigned long long)d->lab->data_bytes);
	snprintf(seed, sizeof(seed), "%u", d->seed);
	snprintf(dilation, sizeof(dilation), "%g", d->lab->cluster.dilation);
	snprintf(env, sizeof(env), LAB_ENV "=%s", d->lab->name);
	const char *const envs[] = {env, NULL};
	struct hcb_child_opts opts = {.env = envs, .timeout_ns = 20 * HCB_SEC};
	return hcb_child_run(argv, &opts, NULL, err);
}

static int ram_disk(const char *file, struct hcb_err *err)
{
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return hcb_err_sys(err, -errno, "open %s", file);
	int r = ftruncate(fd, RAM_DISK_BYTES) ? -errno : 0;
	close(fd);
	return r ? hcb_err_sys(err, r, "set the size of %s", file) : 0;
}

/* ---- a system disk: a file system with the monitor's store and the logs ---- */

void lab_system_path(const struct lab *lab, unsigned host, char *buf, size_t size)
{
	snprintf(buf, size, "%s/system/%s/fs", lab->dir, lab->hosts[host].name);
}

int hcb_lab_system_path(const char *name, const char *host, char *buf, size_t size,
                        struct hcb_err *err)
{
	char dir[96];
	int r = lab_dir(name, dir, sizeof(dir), err);
	if (r == 0)
		snprintf(buf, size, "%s/system/%s/fs", dir, host);
	return r;
}

void lab_system_disk(const struct lab *lab, unsigned host, char *buf, size_t size)
{
	snprintf(buf, size, "%s/disk/system-%s", lab->dir, lab->hosts[host].name);
}

/*
 * Nothing is put off until later: tables made lazily would be written while runs are
 * measured. The journal is smaller than mkfs would have it for so large a disk (1 GiB),
 * which is this machine's memory.
 */
static int make_fs(const struct disk *d, const char *fs, struct hcb_err *err)
{
	char dev[32], link[160];
	const char *const argv[] = {"mkfs.ext4",
	                            "-q",
	                            "-F",
	                            "-m",
	                            "0",
	                            "-E",
	                            "lazy_itable_init=1,lazy_journal_init=1,nodiscard",
	                            "-J",
	                            "size=128",
	                            dev,
	                            NULL};
	struct hcb_child_opts opts = {.timeout_ns = 30 * HCB_SEC};
	snprintf(dev, sizeof(dev), "/dev/loop%d", *d->loop);
	snprintf(link, sizeof(link), "%s/system/%s/block", d->lab->dir,
	         d->lab->hosts[d->system].name);
	int r = lab_mkdirs(fs, err);
	/* hunt.c finds by it whose device that is. */
	if (r == 0 && symlink(dev, link))
		r = hcb_err_sys(err, -errno, "link %s", link);
	if (r == 0)
		r = hcb_child_run(argv, &opts, NULL, err);
	if (r == 0 && mount(dev, fs, "ext4", MS_NOSUID | MS_NODEV, "noinit_itable"))
		r = hcb_err_sys(err, -errno, "mount %s on %s", dev, fs);
	return r;
}

/* Ceph is told the same paths on every lab; here they lead to the system disk. */
static int lead(const struct disk *d, const char *fs, const char *what, const char *name,
                struct hcb_err *err)
{
	char from[176], to[176];
	snprintf(from, sizeof(from), "%s/%s/%s", d->lab->dir, what, name);
	snprintf(to, sizeof(to), "%s/%s", fs, name);
	return symlink(to, from) ? hcb_err_sys(err, -errno, "link %s", from) : 0;
}

static int lead_all(const struct disk *d, const char *fs, struct hcb_err *err)
{
	static const struct {
		const char *before, *after;
	} logs[] = {{"mon.", ".log"},
	            {"mon.", ".cluster.log"},
	            {"mon.", ".audit.log"},
	            {"mgr.", ".log"}};
	const struct lab_host *h = &d->lab->hosts[d->system];
	char name[64], store[200];
	int r = 0;
	for (size_t i = 0; r == 0 && h->has_mon && i < sizeof(logs) / sizeof(logs[0]);
	     i++) {
		snprintf(name, sizeof(name), "%s%s%s", logs[i].before, h->name,
		         logs[i].after);
		r = lead(d, fs, "log", name, err);
	}
	for (unsigned i = 0; r == 0 && i < d->lab->n_osds; i++) {
		if (d->lab->osds[i].host != (unsigned)d->system)
			continue;
		snprintf(name, sizeof(name), "osd.%u.log", i);
		r = lead(d, fs, "log", name, err);
	}
	if (r || !h->has_mon)
		return r;
	snprintf(store, sizeof(store), "%s/%s", fs, h->name);
	r = lab_mkdirs(store, err);
	return r ? r : lead(d, fs, "mon", h->name, err);
}

static int make_system(const struct disk *d, struct hcb_err *err)
{
	char fs[160];
	lab_system_path(d->lab, (unsigned)d->system, fs, sizeof(fs));
	int r = make_fs(d, fs, err);
	return r ? r : lead_all(d, fs, err);
}

/* ---- all of them at once ---- */

static int start_disk(void *arg, struct hcb_err *err)
{
	const struct disk *d = arg;
	char file[140];
	snprintf(file, sizeof(file), "%s/disk", d->dir);
	int r = lab_mkdirs(d->dir, err);
	if (r == 0)
		r = d->lab->ram ? ram_disk(file, err) : serve_disk(d, err);
	if (r == 0)
		r = make_loop(d, file, err);
	return r || d->system < 0 ? r : make_system(d, err);
}

static unsigned list_disks(struct lab *lab, struct disk *out)
{
	unsigned n = 0;
	for (unsigned i = 0; i < lab->n_osds; i++) {
		struct lab_osd *o = &lab->osds[i];
		struct disk *d = &out[n++];
		*d = (struct disk){.lab = lab,
		                   .spec = &o->spec,
		                   .seed = i + 1,
		                   .loop = &o->loop,
		                   .system = -1};
		snprintf(d->owner, sizeof(d->owner), "osd.%u", i);
		snprintf(d->dir, sizeof(d->dir), "%s/disk/%u", lab->dir, i);
	}
	for (unsigned i = 0; i < lab->cluster.n_hosts; i++) {
		struct lab_host *h = &lab->hosts[i];
		if (!h->has_system)
			continue;
		struct disk *d = &out[n++];
		*d = (struct disk){.lab = lab,
		                   .spec = &lab->cluster.hosts[i].system,
		                   .seed = HCB_LAB_MAX_OSDS + i + 1,
		                   .loop = &h->system_loop,
		                   .system = (int)i};
		snprintf(d->owner, sizeof(d->owner), "system.%.12s", h->name);
		lab_system_disk(lab, i, d->dir, sizeof(d->dir));
	}
	return n;
}

#define MAX_DISKS (HCB_LAB_MAX_OSDS + HCB_MAX_HOSTS)

int lab_disks_start(struct lab *lab, struct hcb_err *err)
{
	struct lab_job jobs[MAX_DISKS];
	struct disk disks[MAX_DISKS];
	uint64_t deadline = hcb_monotonic_ns() + 60 * HCB_SEC;
	unsigned all = list_disks(lab, disks), n = 0;
	int r = 0;
	for (; r == 0 && n < all; n++)
		r = lab_job_start(&jobs[n], "start a disk", NULL, start_disk, &disks[n],
		                  err);
	for (unsigned i = 0; i < n; i++) {
		int r2 = lab_job_wait(&jobs[i], deadline, r ? NULL : err);
		r = r ? r : r2;
	}
	return r;
}

int lab_loop_flushes(const char *dev, uint64_t *n)
{
	char path[96], buf[512];
	const char *base = strrchr(dev, '/');
	snprintf(path, sizeof(path), "/sys/block/%.60s/stat", base ? base + 1 : dev);
	int r = lab_read_file(path, buf, sizeof(buf));
	if (r < 0)
		return r;
	/* Documentation/block/stat.rst: the 16th number is flush requests completed. */
	char *p = buf;
	for (int i = 0; i < 16; i++)
		*n = strtoull(p, &p, 10);
	return 0;
}
