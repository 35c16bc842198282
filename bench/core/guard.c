/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/core/units.h"

void (*hcb_guard_test_pause)(void);

/* ---- the mark ---- */

static const char magic[16] = "hcbench mark 1\n";

/* Byte offsets inside the mark; numbers are little endian. */
enum {
	AT_MAGIC = 0,
	AT_SIZE = 16,
	AT_UUID = 24,
	AT_DATE = 64,
	AT_HOST = 96,
	AT_VERSION = 168,
	AT_PREFILLED = 184, /* 0 in marks of versions that did not keep it */
	AT_CRC = HCB_MARK_BYTES - 4,
};

/* Castagnoli's polynomial, reflected, a bit at a time: 4 KiB a run. */
uint32_t hcb_crc32c(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t crc = 0xffffffffu;
	while (len--) {
		crc ^= *p++;
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static void put_le(uint8_t *p, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t get_le(const uint8_t *p, int bytes)
{
	uint64_t v = 0;
	for (int i = 0; i < bytes; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

static void put_text(uint8_t *p, const char *s, size_t size)
{
	memcpy(p, s, strnlen(s, size - 1));
}

void hcb_mark_pack(const struct hcb_mark *m, uint8_t out[HCB_MARK_BYTES])
{
	memset(out, 0, HCB_MARK_BYTES);
	memcpy(out + AT_MAGIC, magic, sizeof(magic));
	put_le(out + AT_SIZE, m->size_bytes, 8);
	put_text(out + AT_UUID, m->uuid, sizeof(m->uuid));
	put_text(out + AT_DATE, m->date, sizeof(m->date));
	put_text(out + AT_HOST, m->host, sizeof(m->host));
	put_text(out + AT_VERSION, m->version, sizeof(m->version));
	put_le(out + AT_PREFILLED, m->prefilled_bytes, 8);
	put_le(out + AT_CRC, hcb_crc32c(out, AT_CRC), 4);
}

bool hcb_mark_unpack(const uint8_t in[HCB_MARK_BYTES], struct hcb_mark *m)
{
	memset(m, 0, sizeof(*m));
	if (memcmp(in + AT_MAGIC, magic, sizeof(magic)) != 0 ||
	    get_le(in + AT_CRC, 4) != hcb_crc32c(in, AT_CRC))
		return false;
	m->size_bytes = get_le(in + AT_SIZE, 8);
	memcpy(m->uuid, in + AT_UUID, sizeof(m->uuid) - 1);
	memcpy(m->date, in + AT_DATE, sizeof(m->date) - 1);
	memcpy(m->host, in + AT_HOST, sizeof(m->host) - 1);
	memcpy(m->version, in + AT_VERSION, sizeof(m->version) - 1);
	m->prefilled_bytes = get_le(in + AT_PREFILLED, 8);
	return true;
}

static void fill_mark(struct hcb_mark *m, uint64_t whole)
{
	time_t now = time(NULL);
	struct tm tm;
	memset(m, 0, sizeof(*m));
	FILE *f = fopen("/proc/sys/kernel/random/uuid", "re");
	if (f) {
		if (fgets(m->uuid, sizeof(m->uuid), f))
			m->uuid[strcspn(m->uuid, "\n")] = '\0';
		fclose(f);
	}
	strftime(m->date, sizeof(m->date), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	if (gethostname(m->host, sizeof(m->host) - 1))
		m->host[0] = '\0';
	snprintf(m->version, sizeof(m->version), "%s", HCB_VERSION);
	m->size_bytes = whole;
}

/* One aligned transfer, whole or failed. */
static int transfer(const struct hcb_guard *g, bool write, void *buf, size_t len,
                    uint64_t off)
{
	if (g->io)
		return g->io->transfer(g->io->arg, write, buf, len, off);
	ssize_t n = write ? pwrite(g->fd, buf, len, (off_t)off)
	                  : pread(g->fd, buf, len, (off_t)off);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

static int sync_data(const struct hcb_guard *g)
{
	if (g->io)
		return g->io->sync(g->io->arg);
	return fsync(g->fd) ? -errno : 0;
}

static int read_mark(struct hcb_guard *g, struct hcb_err *err)
{
	uint8_t *buf = aligned_alloc(4096, HCB_MARK_BYTES);
	int r = buf ? transfer(g, false, buf, HCB_MARK_BYTES, g->size_bytes) : -ENOMEM;
	if (r)
		hcb_err_sys(err, r, "read the mark of %s", g->path);
	else
		g->marked = hcb_mark_unpack(buf, &g->mark);
	free(buf);
	return r;
}

static int write_mark(struct hcb_guard *g, struct hcb_err *err)
{
	uint8_t *buf = aligned_alloc(4096, HCB_MARK_BYTES);
	if (!buf)
		return hcb_err_sys(err, -ENOMEM, "mark %s", g->path);
	hcb_mark_pack(&g->mark, buf);
	int r = transfer(g, true, buf, HCB_MARK_BYTES, g->size_bytes);
	r = r ? r : sync_data(g);
	free(buf);
	if (r)
		return hcb_err_sys(err, r, "mark %s", g->path);
	g->marked = true;
	return 0;
}

int hcb_guard_mark(struct hcb_guard *g, struct hcb_err *err)
{
	fill_mark(&g->mark, g->whole_bytes);
	return write_mark(g, err);
}

int hcb_guard_note_prefilled(struct hcb_guard *g, uint64_t bytes, struct hcb_err *err)
{
	if (!g->marked || g->mark.prefilled_bytes >= bytes)
		return 0;
	g->mark.prefilled_bytes = bytes;
	return write_mark(g, err);
}

bool hcb_guard_is_ours(const struct hcb_guard *g)
{
	return g->marked && g->mark.size_bytes == g->whole_bytes;
}

static int check_mark(struct hcb_guard *g, unsigned flags, struct hcb_err *err)
{
	int r = read_mark(g, err);
	if (r || (flags & (HCB_GUARD_READ_ONLY | HCB_GUARD_UNMARKED)))
		return r;
	if (!g->marked && g->is_device)
		return hcb_err_refuse(
		        err,
		        "%s was not claimed for hcbench and would be overwritten; "
		        "\"hcbench claim\" does that",
		        g->path);
	if (!g->marked)
		return hcb_err_refuse(
		        err, "%s was not made by hcbench and would be overwritten",
		        g->path);
	if (!hcb_guard_is_ours(g))
		return hcb_err_refuse(
		        err,
		        "%s has %llu bytes but was marked when it had %llu: not "
		        "what hcbench marked",
		        g->path, (unsigned long long)g->whole_bytes,
		        (unsigned long long)g->mark.size_bytes);
	return 0;
}

int hcb_guard_blank(const struct hcb_guard *g, bool *blank, struct hcb_err *err)
{
	const size_t step = HCB_MIB;
	uint64_t span = g->size_bytes < 8 * HCB_MIB ? g->size_bytes / 2 : 4 * HCB_MIB;
	uint8_t *buf = aligned_alloc(4096, step);
	int r = buf ? 0 : -ENOMEM;
	*blank = true;
	for (uint64_t done = 0; r == 0 && *blank && done < 2 * span; done += step) {
		uint64_t off = done < span ? done : g->size_bytes - 2 * span + done;
		uint64_t left = g->size_bytes - off;
		size_t len = left < step ? (size_t)left : step;
		r = transfer(g, false, buf, len, off);
		for (size_t i = 0; r == 0 && *blank && i < len; i++)
			*blank = buf[i] == 0;
	}
	free(buf);
	return r ? hcb_err_sys(err, r, "read %s", g->path) : 0;
}

/* ---- opening ---- */

static int resolve(const char *path, struct hcb_guard *g, struct hcb_err *err)
{
	memset(g, 0, sizeof(*g));
	g->fd = -1;
	if (!realpath(path, g->path))
		return hcb_err_sys(err, -errno, "open %s", path);
	return 0;
}

static int fail(struct hcb_guard *g, int r)
{
	hcb_guard_close(g);
	return r;
}

static int set_usable(struct hcb_guard *g, uint64_t whole, struct hcb_err *err)
{
	g->whole_bytes = whole;
	if (whole < 2ULL * HCB_MARK_BYTES)
		return hcb_err_set(err, -ENOSPC, "open %s: too small: %llu bytes",
		                   g->path, (unsigned long long)whole);
	g->size_bytes = whole / HCB_MARK_BYTES * HCB_MARK_BYTES - HCB_MARK_BYTES;
	return 0;
}

static int open_device(struct hcb_guard *g, unsigned flags, struct hcb_err *err)
{
	int mode = flags & HCB_GUARD_READ_ONLY ? O_RDONLY : O_RDWR | O_EXCL;
	/* The kernel takes a ring of a process that has ended apart in the background,
	   and its files with it: a second is given to that. */
	for (int i = 0; i < 20; i++) {
		g->fd = open(g->path, mode | O_DIRECT | O_CLOEXEC | O_NOFOLLOW);
		if (g->fd >= 0 || errno != EBUSY)
			break;
		usleep(50000);
	}
	if (g->fd < 0 && errno == EBUSY)
		return hcb_err_refuse(
		        err, "%s is held by the kernel or another program (O_EXCL)",
		        g->path);
	if (g->fd < 0)
		return hcb_err_sys(err, -errno, "open %s", g->path);
	uint64_t bytes = 0;
	int block = 0;
	if (ioctl(g->fd, BLKGETSIZE64, &bytes) || ioctl(g->fd, BLKSSZGET, &block))
		return hcb_err_sys(err, -errno, "measure %s", g->path);
	/* Linux opens such a device for writing, and fails each write with EPERM. */
	int locked = 0;
	if (mode != O_RDONLY && ioctl(g->fd, BLKROGET, &locked) == 0 && locked)
		return hcb_err_set(err, -EROFS, "open %s: the device is read-only",
		                   g->path);
	g->direct = true;
	g->block_bytes = (uint32_t)block;
	return set_usable(g, bytes, err);
}

/* With the descriptor held: is it the device that was checked, and still what path says?
 */
static int check_same(const struct hcb_guard *g, const char *path, struct hcb_err *err)
{
	struct stat held, named;
	if (hcb_guard_test_pause)
		hcb_guard_test_pause();
	if (fstat(g->fd, &held) || stat(path, &named))
		return hcb_err_sys(err, -errno, "look at %s again", path);
	if (held.st_rdev != g->rdev || named.st_rdev != g->rdev ||
	    !S_ISBLK(named.st_mode))
		return hcb_err_refuse(err, "%s changed while it was being checked", path);
	return 0;
}

/* libblkid reads into buffers of its own, which O_DIRECT would refuse. */
int hcb_guard_content(const struct hcb_guard *g, struct hcb_err *err)
{
	char self[32];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", g->fd);
	int fd = open(self, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return hcb_err_sys(err, -errno, "open %s to look for signatures",
		                   g->path);
	int r = hcb_guard_check_content(g->path, fd, err);
	close(fd);
	return r;
}

int hcb_guard_device(const char *path, unsigned flags, const char *results,
                     struct hcb_guard *g, struct hcb_err *err)
{
	struct stat st;
	int r = resolve(path, g, err);
	if (r)
		return r;
	if (stat(g->path, &st))
		return hcb_err_sys(err, -errno, "open %s", g->path);
	if (!S_ISBLK(st.st_mode))
		return hcb_err_set(err, -ENOTBLK, "open %s: not a block device", g->path);
	bool writes = !(flags & HCB_GUARD_READ_ONLY);
	g->is_device = true;
	g->rdev = st.st_rdev;
	/* Before opening too: O_EXCL alone would fail without saying why. */
	if (writes)
		r = hcb_guard_check_users(g->path, g->rdev, results, err);
	if (r == 0)
		r = hcb_guard_answers(g->path, err);
	if (r == 0)
		r = open_device(g, flags, err);
	if (r == 0 && writes)
		r = hcb_guard_check_users(g->path, g->rdev, results, err);
	if (r == 0 && writes)
		r = hcb_guard_content(g, err);
	if (r == 0)
		r = check_mark(g, flags, err);
	if (r == 0)
		r = check_same(g, path, err);
	if (r)
		return fail(g, r);
	hcb_guard_identify(g->rdev, g->model, g->serial, sizeof(g->model));
	return 0;
}

/* ---- files ---- */

static int setup_file(struct hcb_guard *g, struct hcb_err *err)
{
	struct stat st;
	if (fstat(g->fd, &st))
		return hcb_err_sys(err, -errno, "open %s", g->path);
	if (!S_ISREG(st.st_mode))
		return hcb_err_set(err, -EINVAL, "open %s: not a regular file", g->path);
	if (flock(g->fd, LOCK_EX | LOCK_NB))
		return hcb_err_refuse(err, "%s is in use by another program (flock)",
		                      g->path);
	int mode = fcntl(g->fd, F_GETFL);
	g->direct = mode >= 0 && fcntl(g->fd, F_SETFL, mode | O_DIRECT) == 0;
	g->block_bytes = g->direct ? 4096 : 512;
	return set_usable(g, (uint64_t)st.st_size, err);
}

int hcb_guard_file(const char *path, unsigned flags, struct hcb_guard *g,
                   struct hcb_err *err)
{
	int r = resolve(path, g, err);
	if (r)
		return r;
	int mode = flags & HCB_GUARD_READ_ONLY ? O_RDONLY : O_RDWR;
	/* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
	g->fd = open(g->path, mode | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (g->fd < 0)
		return hcb_err_sys(err, -errno, "open %s", g->path);
	r = setup_file(g, err);
	if (r == 0)
		r = check_mark(g, flags, err);
	return r ? fail(g, r) : 0;
}

int hcb_guard_make_file(const char *path, uint64_t usable, struct hcb_guard *g,
                        struct hcb_err *err)
{
	memset(g, 0, sizeof(*g));
	snprintf(g->path, sizeof(g->path), "%s", path);
	g->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (g->fd < 0 && errno == EEXIST)
		return hcb_err_refuse(err, "make %s: it exists already", path);
	if (g->fd < 0)
		return hcb_err_sys(err, -errno, "make %s", path);
	uint64_t whole = (usable + HCB_MARK_BYTES - 1) / HCB_MARK_BYTES * HCB_MARK_BYTES +
	                 HCB_MARK_BYTES;
	int e = posix_fallocate(g->fd, 0, (off_t)whole);
	int r = e ? hcb_err_sys(err, -e, "make %s of %llu bytes", path,
	                        (unsigned long long)whole)
	          : 0;
	if (r == 0)
		r = setup_file(g, err);
	if (r == 0)
		r = hcb_guard_mark(g, err);
	if (r)
		unlink(path); /* O_CREAT|O_EXCL: it is ours */
	return r ? fail(g, r) : 0;
}

int hcb_guard_remote(const char *name, uint64_t whole, const struct hcb_guard_io *io,
                     unsigned flags, struct hcb_guard *g, struct hcb_err *err)
{
	memset(g, 0, sizeof(*g));
	g->fd = -1;
	g->io = io;
	g->block_bytes = 4096;
	snprintf(g->path, sizeof(g->path), "%s", name);
	int r = set_usable(g, whole, err);
	return r ? r : check_mark(g, flags, err);
}

void hcb_guard_close(struct hcb_guard *g)
{
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
}
