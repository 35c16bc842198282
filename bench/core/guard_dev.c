/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who uses a block device, as the kernel tells it: mountinfo (through libmount), swaps,
 * and sysfs for partitions, holders and what lies under what. And what its bytes say
 * (through libblkid).
 */
#include "bench/core/guard.h"

#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAX_PARTS 256

const char *hcb_guard_sys_root = "/sys";

struct device {
	char path[4096];
	dev_t all[MAX_PARTS + 1]; /* the device, then its partitions */
	size_t n;
	char part[64]; /* name of one partition, "" if none */
};

static bool covers(const struct device *d, dev_t dev)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->all[i] == dev)
			return true;
	return false;
}

static void sys_path(char *out, size_t size, dev_t dev, const char *rest)
{
	snprintf(out, size, "%s/dev/block/%u:%u/%s", hcb_guard_sys_root, major(dev),
	         minor(dev), rest);
}

static bool read_text(const char *path, char *out, size_t size)
{
	out[0] = '\0';
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	bool ok = fgets(out, (int)size, f) != NULL;
	fclose(f);
	out[strcspn(out, "\n")] = '\0';
	size_t n = strlen(out);
	while (n > 0 && out[n - 1] == ' ')
		out[--n] = '\0';
	return ok;
}

static bool read_dev(const char *path, dev_t *dev)
{
	char text[32];
	char *end;
	if (!read_text(path, text, sizeof(text)))
		return false;
	unsigned long ma = strtoul(text, &end, 10);
	if (end == text || *end != ':')
		return false;
	unsigned long mi = strtoul(end + 1, NULL, 10);
	*dev = makedev((unsigned)ma, (unsigned)mi);
	return true;
}

static void find_partitions(struct device *d)
{
	char dir[PATH_MAX], path[PATH_MAX + 300];
	sys_path(dir, sizeof(dir), d->all[0], "");
	DIR *s = opendir(dir);
	for (struct dirent *e; s && (e = readdir(s));) {
		snprintf(path, sizeof(path), "%s%s/partition", dir, e->d_name);
		if (e->d_name[0] == '.' || access(path, F_OK) != 0)
			continue;
		snprintf(d->part, sizeof(d->part), "%.60s", e->d_name);
		snprintf(path, sizeof(path), "%s%s/dev", dir, e->d_name);
		if (d->n <= MAX_PARTS && read_dev(path, &d->all[d->n]))
			d->n++;
	}
	if (s)
		closedir(s);
}

/* dm, md, bcache and the like: their names stand in holders/. */
static int check_holders(const struct device *d, struct hcb_err *err)
{
	for (size_t i = 0; i < d->n; i++) {
		char dir[PATH_MAX];
		int r = 0;
		sys_path(dir, sizeof(dir), d->all[i], "holders");
		DIR *s = opendir(dir);
		for (struct dirent *e; s && r == 0 && (e = readdir(s));)
			if (e->d_name[0] != '.')
				r = hcb_err_refuse(err, "%s is part of %s", d->path,
				                   e->d_name);
		if (s)
			closedir(s);
		if (r)
			return r;
	}
	return 0;
}

/* "/dev/sdb2 partition ..."; a swap file's own device is mounted and caught there. */
static int check_swap(const struct device *d, struct hcb_err *err)
{
	char line[4200];
	struct stat st;
	int r = 0;
	FILE *f = fopen("/proc/swaps", "re");
	while (f && r == 0 && fgets(line, sizeof(line), f)) {
		line[strcspn(line, " \t\n")] = '\0';
		if (stat(line, &st) == 0 && S_ISBLK(st.st_mode) && covers(d, st.st_rdev))
			r = hcb_err_refuse(err, "%s is in use as swap (%s)", d->path,
			                   line);
	}
	if (f)
		fclose(f);
	return r;
}

/* Does a file system's device lie on d: itself, or under dm, md or bcache? */
static bool lies_on(dev_t fs, const struct device *d, int depth)
{
	char dir[PATH_MAX], path[PATH_MAX + 300];
	dev_t below;
	bool yes = covers(d, fs);
	sys_path(dir, sizeof(dir), fs, "slaves/");
	DIR *s = yes || depth > 8 ? NULL : opendir(dir);
	for (struct dirent *e; s && !yes && (e = readdir(s));) {
		snprintf(path, sizeof(path), "%s%s/dev", dir, e->d_name);
		if (e->d_name[0] != '.' && read_dev(path, &below))
			yes = lies_on(below, d, depth + 1);
	}
	if (s)
		closedir(s);
	return yes;
}

/* The nearest thing on the way up that exists: results may not be there yet. */
static bool dev_of(const char *path, dev_t *dev)
{
	char p[PATH_MAX];
	struct stat st;
	snprintf(p, sizeof(p), "%s", path);
	while (stat(p, &st)) {
		char *slash = strrchr(p, '/');
		if (!slash)
			strcpy(p, ".");
		else
			slash[slash == p] = '\0';
		if (!slash && stat(p, &st))
			return false;
	}
	*dev = st.st_dev;
	return true;
}

static int check_backs(const struct device *d, const char *what, const char *path,
                       struct hcb_err *err)
{
	dev_t fs;
	if (!path || !dev_of(path, &fs) || !lies_on(fs, d, 0))
		return 0;
	return hcb_err_refuse(err, "%s lies under %s (%s)", d->path, what, path);
}

#ifdef HCB_HAVE_MOUNT
#include <libmount/libmount.h>

/* By device number, and by source: btrfs and ZFS show a number of their own. */
static bool is_on(struct libmnt_fs *fs, const struct device *d)
{
	struct stat st;
	const char *src = mnt_fs_get_srcpath(fs);
	if (covers(d, mnt_fs_get_devno(fs)))
		return true;
	return src && src[0] == '/' && stat(src, &st) == 0 && S_ISBLK(st.st_mode) &&
	       covers(d, st.st_rdev);
}

static int check_mounts(const struct device *d, struct hcb_err *err)
{
	struct libmnt_table *t = mnt_new_table_from_file("/proc/self/mountinfo");
	struct libmnt_iter *it = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	int r = 0;
	if (!t || !it)
		r = hcb_err_set(err, -EIO, "check %s: cannot read /proc/self/mountinfo",
		                d->path);
	while (r == 0 && mnt_table_next_fs(t, it, &fs) == 0)
		if (is_on(fs, d))
			r = hcb_err_refuse(err, "%s is mounted on %s", d->path,
			                   mnt_fs_get_target(fs));
	mnt_free_iter(it);
	mnt_unref_table(t);
	return r;
}
#else
static int check_mounts(const struct device *d, struct hcb_err *err)
{
	return hcb_err_refuse(
	        err, "%s: built without libmount, so its mounts cannot be checked",
	        d->path);
}
#endif

int hcb_guard_check_users(const char *path, dev_t dev, const char *results,
                          struct hcb_err *err)
{
	struct device d = {.n = 1};
	d.all[0] = dev;
	snprintf(d.path, sizeof(d.path), "%s", path);
	find_partitions(&d);
	int r = check_mounts(&d, err);
	if (r == 0)
		r = check_swap(&d, err);
	if (r == 0)
		r = check_backs(&d, "the root file system", "/", err);
	if (r == 0)
		r = check_backs(&d, "the results", results, err);
	if (r == 0)
		r = check_holders(&d, err);
	if (r == 0 && d.part[0])
		r = hcb_err_refuse(err, "%s has partitions (%s)", path, d.part);
	return r;
}

#ifdef HCB_HAVE_BLKID
#include <blkid/blkid.h>

/* What the probe found: "ext4", "LVM2_member", or a partition table's "gpt". */
static int found(blkid_probe pr, const char *path, struct hcb_err *err)
{
	const char *type = NULL, *label = NULL;
	bool table = false;
	if (blkid_probe_lookup_value(pr, "TYPE", &type, NULL)) {
		table = true;
		if (blkid_probe_lookup_value(pr, "PTTYPE", &type, NULL))
			type = "unknown";
	}
	if (blkid_probe_lookup_value(pr, "LABEL", &label, NULL))
		label = NULL;
	return hcb_err_refuse(err, "%s carries a%s %s%s%s%s; \"wipefs\" shows it", path,
	                      table ? " partition table:" : " signature:", type,
	                      label ? " labelled \"" : "", label ? label : "",
	                      label ? "\"" : "");
}

/*
 * Ceph's label, or what is left of it: since Ceph 19 BlueStore keeps copies of its first
 * block further back, from which an OSD whose first one was lost is restored. libblkid
 * looks for the first only.
 */
static int check_bluestore(const char *path, int fd, struct hcb_err *err)
{
	static const char label[] = "bluestore block device\n";
	static const uint64_t at_gib[] = {0, 1, 10, 100, 1000};
	char found[sizeof(label) - 1];
	for (size_t i = 0; i < sizeof(at_gib) / sizeof(at_gib[0]); i++) {
		ssize_t n = pread(fd, found, sizeof(found), (off_t)(at_gib[i] << 30));
		if (n == (ssize_t)sizeof(found) &&
		    memcmp(found, label, sizeof(found)) == 0)
			return hcb_err_refuse(
			        err,
			        "%s carries a signature: ceph_bluestore, at %llu GiB",
			        path, (unsigned long long)at_gib[i]);
		if (n < 0)
			return hcb_err_sys(err, -errno, "look for signatures on %s",
			                   path);
	}
	return 0;
}

int hcb_guard_check_content(const char *path, int fd, struct hcb_err *err)
{
	int bluestore = check_bluestore(path, fd, err);
	if (bluestore)
		return bluestore;
	blkid_probe pr = blkid_new_probe();
	if (!pr || blkid_probe_set_device(pr, fd, 0, 0)) {
		blkid_free_probe(pr);
		return hcb_err_set(err, -EIO,
		                   "look for signatures on %s: libblkid cannot", path);
	}
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(
	        pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE | BLKID_SUBLKS_LABEL |
	                    BLKID_SUBLKS_MAGIC | BLKID_SUBLKS_BADCSUM);
	blkid_probe_enable_partitions(pr, 1);
	blkid_probe_set_partitions_flags(pr, BLKID_PARTS_MAGIC | BLKID_PARTS_FORCE_GPT);
	int r = blkid_do_safeprobe(pr); /* 0: found, 1: nothing, -2: several */
	int result = 0;
	if (r == 0)
		result = found(pr, path, err);
	else if (r == -2)
		result = hcb_err_refuse(err,
		                        "%s carries signatures of several kinds at once; "
		                        "\"wipefs\" shows them",
		                        path);
	else if (r != 1)
		result = hcb_err_set(err, -EIO, "look for signatures on %s: read error",
		                     path);
	blkid_free_probe(pr);
	return result;
}
#else
int hcb_guard_check_content(const char *path, int fd, struct hcb_err *err)
{
	(void)fd;
	return hcb_err_refuse(
	        err, "%s: built without libblkid, so what lies on it cannot be checked",
	        path);
}
#endif

bool hcb_guard_sys(dev_t dev, const char *rest, char *out, size_t size)
{
	char path[PATH_MAX], of_disk[128];
	sys_path(path, sizeof(path), dev, rest);
	if (read_text(path, out, size))
		return true;
	/* A partition has no queue and no model: its disk, one level up, does. */
	snprintf(of_disk, sizeof(of_disk), "../%s", rest);
	sys_path(path, sizeof(path), dev, of_disk);
	return read_text(path, out, size);
}

void hcb_guard_vpd_serial(const uint8_t *page, size_t len, char *out, size_t size)
{
	out[0] = '\0';
	if (len < 4 || page[1] != 0x80)
		return;
	size_t n = (size_t)page[2] << 8 | page[3];
	const uint8_t *p = page + 4;
	n = n < len - 4 ? n : len - 4;
	while (n > 0 && *p == ' ')
		p++, n--;
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\0'))
		n--;
	snprintf(out, size, "%.*s", (int)n, (const char *)p);
}

/* SCSI and SATA disks keep their serial in page 0x80 of the vital product data. */
static void vpd_serial(dev_t dev, char *out, size_t size)
{
	uint8_t page[256];
	char path[PATH_MAX];
	sys_path(path, sizeof(path), dev, "device/vpd_pg80");
	FILE *f = fopen(path, "re");
	if (!f) {
		sys_path(path, sizeof(path), dev, "../device/vpd_pg80");
		f = fopen(path, "re");
	}
	if (!f)
		return;
	hcb_guard_vpd_serial(page, fread(page, 1, sizeof(page), f), out, size);
	fclose(f);
}

void hcb_guard_identify(dev_t dev, char *model, char *serial, size_t size)
{
	hcb_guard_sys(dev, "device/model", model, size);
	if (!hcb_guard_sys(dev, "device/serial", serial, size) &&
	    !hcb_guard_sys(dev, "serial", serial, size))
		vpd_serial(dev, serial, size);
}
