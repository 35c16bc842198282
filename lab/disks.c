/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One disk per OSD: "hcbench disk serve" puts a model disk into a FUSE file, and a loop
 * device over that file is what the OSD opens. The loop is not decoration: on the bare
 * file a flush holds the inode, and a queued write then blocks inside io_submit.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

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

static int make_loop(struct lab *lab, struct lab_osd *o, const char *file,
                     struct hcb_err *err)
{
	char name[64];
	int fd = open(file, O_RDWR | O_CLOEXEC | O_DIRECT);
	if (fd < 0)
		return hcb_err_sys(err, -errno, "open %s", file);
	snprintf(name, sizeof(name), "hcb-%s-osd.%u", lab->name, o->id);
	int r = attach_loop(fd, name, &o->loop, err);
	close(fd);
	/* Before mkfs: BlueStore takes its defaults for hard disks from this. */
	if (r == 0)
		r = sysfs_set(o->loop, "rotational", "1", err);
	if (r == 0)
		r = sysfs_set(o->loop, "scheduler", "none", err);
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

static int serve_disk(const struct lab *lab, const struct lab_osd *o, const char *mnt,
                      struct hcb_err *err)
{
	char self[512], filled[32], seed[32], data[32], size[32], env[64];
	const char *argv[20] = {self,      "disk", "serve",    o->spec.profile,
	                        "--mount", mnt,    "--filled", filled,
	                        "--seed",  seed,   "--timing", "off",
	                        "--data",  data};
	if (o->spec.size_bytes) {
		snprintf(size, sizeof(size), "%llu",
		         (unsigned long long)o->spec.size_bytes);
		argv[14] = "--size";
		argv[15] = size;
	}
	int r = self_path(self, sizeof(self), err);
	if (r)
		return r;
	snprintf(filled, sizeof(filled), "%.6g%%", o->spec.filled * 100);
	snprintf(data, sizeof(data), "%llu", (unsigned long long)lab->data_bytes);
	/* Each spindle has its own speed and phase. */
	snprintf(seed, sizeof(seed), "%u", o->id + 1);
	snprintf(env, sizeof(env), LAB_ENV "=%s", lab->name);
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

struct disk_job {
	struct lab *lab;
	struct lab_osd *osd;
};

static int start_disk(void *arg, struct hcb_err *err)
{
	const struct disk_job *j = arg;
	char mnt[128], file[140];
	snprintf(mnt, sizeof(mnt), "%s/disk/%u", j->lab->dir, j->osd->id);
	snprintf(file, sizeof(file), "%s/disk", mnt);
	int r = lab_mkdirs(mnt, err);
	if (r == 0)
		r = j->lab->ram ? ram_disk(file, err)
		                : serve_disk(j->lab, j->osd, mnt, err);
	return r ? r : make_loop(j->lab, j->osd, file, err);
}

int lab_disks_start(struct lab *lab, struct hcb_err *err)
{
	struct lab_job jobs[HCB_LAB_MAX_OSDS];
	struct disk_job args[HCB_LAB_MAX_OSDS];
	uint64_t deadline = hcb_monotonic_ns() + 40 * HCB_SEC;
	unsigned n = 0;
	int r = 0;
	for (; r == 0 && n < lab->n_osds; n++) {
		args[n] = (struct disk_job){lab, &lab->osds[n]};
		r = lab_job_start(&jobs[n], "start a disk", NULL, start_disk, &args[n],
		                  err);
	}
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
