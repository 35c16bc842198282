/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engines/blockdev.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define OPT(field) offsetof(struct hcb_blockdev_conf, field)
const struct hcb_opt hcb_blockdev_opts[] = {
        {.name = "make",
         .type = HCB_OPT_BOOL,
         .offset = OPT(make),
         .def = "off",
         .help = "make and mark the file if it does not exist"},
        {.name = "size",
         .type = HCB_OPT_SIZE,
         .offset = OPT(size_bytes),
         .def = "0",
         .max = 0x1p60,
         .help = "least size of a file that is made; else what the workload needs"},
        {.name = "fua",
         .type = HCB_OPT_BOOL,
         .offset = OPT(fua),
         .def = "off",
         .help = "offer native FUA (RWF_DSYNC); off: write, then flush"},
        {.name = "destroy",
         .type = HCB_OPT_STR,
         .offset = OPT(destroy),
         .size = sizeof(((struct hcb_blockdev_conf *)0)->destroy),
         .help = "the file's PATH once more: overwrite it although hcbench did not make "
                 "it"},
        {.name = NULL},
};

/* ---- opening ---- */

/* A mistyped device name must not become a file in memory. */
static int check_place(const char *path, struct hcb_err *err)
{
	if (strncmp(path, "/dev/", 5) == 0 && strncmp(path, "/dev/shm/", 9) != 0)
		return hcb_err_usage(err, "make %s: no file is made in /dev", path);
	return 0;
}

static int open_missing(struct hcb_dev *dev, struct hcb_guard *g, struct hcb_err *err)
{
	const struct hcb_blockdev_conf *conf = dev->conf;
	uint64_t bytes =
	        dev->want_bytes > conf->size_bytes ? dev->want_bytes : conf->size_bytes;
	if (!conf->make)
		return hcb_err_set(err, -ENOENT,
		                   "open %s: No such file or directory; make=on makes it",
		                   dev->address);
	int r = check_place(dev->address, err);
	return r ? r : hcb_guard_make_file(dev->address, bytes, g, err);
}

static int open_guarded(struct hcb_dev *dev, struct hcb_guard *g, struct hcb_err *err)
{
	const struct hcb_blockdev_conf *conf = dev->conf;
	unsigned flags = dev->read_only ? HCB_GUARD_READ_ONLY : 0;
	struct stat st;
	if (!*dev->address)
		return hcb_err_usage(err, "open %s: expected a file or block device",
		                     dev->target);
	if (stat(dev->address, &st)) {
		if (errno == ENOENT)
			return open_missing(dev, g, err);
		return hcb_err_sys(err, -errno, "open %s", dev->address);
	}
	if (S_ISBLK(st.st_mode)) {
		if (conf->destroy[0])
			return hcb_err_usage(err,
			                     "open %s: destroy= is for files; \"hcbench "
			                     "claim\" marks a device",
			                     dev->address);
		return hcb_guard_device(dev->address, flags, NULL, g, err);
	}
	if (conf->destroy[0] && strcmp(conf->destroy, dev->address) != 0)
		return hcb_err_refuse(err, "%s is not what destroy=%s names",
		                      dev->address, conf->destroy);
	return hcb_guard_file(dev->address,
	                      conf->destroy[0] ? flags | HCB_GUARD_UNMARKED : flags, g,
	                      err);
}

int hcb_blockdev_open(struct hcb_dev *dev, struct hcb_err *err)
{
	const struct hcb_blockdev_conf *conf = dev->conf;
	struct hcb_blockdev *b = dev->priv;
	int r = open_guarded(dev, &b->guard, err);
	if (r)
		return r;
	uint32_t n = 1;
	while (n < dev->depth)
		n *= 2;
	b->mask = n - 1;
	b->early = calloc(n, sizeof(struct hcb_op *));
	if (!b->early) {
		r = hcb_err_sys(err, -ENOMEM, "open %s", dev->target);
		hcb_blockdev_close(dev);
		return r;
	}
	dev->size_bytes = b->guard.size_bytes;
	dev->block_bytes = b->guard.block_bytes;
	dev->prefilled_bytes = b->guard.mark.prefilled_bytes;
	if (!conf->fua)
		dev->caps &= ~(uint32_t)HCB_CAP_FUA;
	if (dev->read_only)
		dev->caps &= HCB_CAP_READ | HCB_CAP_FLUSH | HCB_CAP_REAL | HCB_CAP_STORES;
	return 0;
}

void hcb_blockdev_close(struct hcb_dev *dev)
{
	struct hcb_blockdev *b = dev->priv;
	free(b->early);
	b->early = NULL;
	if (!dev->abandoned)
		hcb_guard_close(&b->guard);
}

void hcb_blockdev_drain(struct hcb_dev *dev)
{
	struct hcb_blockdev *b = dev->priv;
	struct hcb_op *done[16];
	uint64_t until = hcb_monotonic_ns() + dev->deadline_ns;
	while (b->inflight) {
		if (dev->engine->poll(dev, done, 16))
			continue;
		if (hcb_monotonic_ns() >= until) {
			dev->abandoned = true;
			hcb_warn("close %s: %" PRIu32 " ops without an answer after "
			         "%" PRIu64 " s; abandoned",
			         dev->target, b->inflight,
			         dev->deadline_ns / 1000000000u);
			return;
		}
		struct pollfd p = {.fd = dev->wake_fd, .events = POLLIN};
		if (poll(&p, 1, 20) > 0)
			hcb_dev_woken(dev);
	}
}

/* ---- ops ---- */

uint32_t hcb_blockdev_room(const struct hcb_dev *dev)
{
	const struct hcb_blockdev *b = dev->priv;
	return dev->depth - b->inflight - (b->head - b->tail);
}

void hcb_blockdev_early(struct hcb_dev *dev, struct hcb_op *op, int result)
{
	struct hcb_blockdev *b = dev->priv;
	op->result = result;
	op->done_ns = hcb_clock_now(dev->clock);
	b->early[b->head++ & b->mask] = op; /* the next poll has it: no need to wake */
}

unsigned hcb_blockdev_poll_early(struct hcb_dev *dev, struct hcb_op **done, unsigned max)
{
	struct hcb_blockdev *b = dev->priv;
	unsigned n = 0;
	while (n < max && b->tail != b->head)
		done[n++] = b->early[b->tail++ & b->mask];
	return n;
}

void hcb_blockdev_finish(struct hcb_op *op, int64_t res, uint64_t now_ns)
{
	op->done_ns = now_ns;
	op->result = res < 0 ? (int)res : (uint64_t)res == op->len ? 0 : -EIO;
}

int hcb_blockdev_note_prefilled(struct hcb_dev *dev, uint64_t bytes, struct hcb_err *err)
{
	struct hcb_blockdev *b = dev->priv;
	return hcb_guard_note_prefilled(&b->guard, bytes, err);
}

/* ---- facts ---- */

/* "8:1 ... - ext4 /dev/sda1 ..." of mountinfo; "unknown" if the device is not there. */
static void fs_type(dev_t dev, char *out, size_t size)
{
	char line[4096], want[32];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	snprintf(out, size, "unknown");
	snprintf(want, sizeof(want), "%u:%u", major(dev), minor(dev));
	while (f && fgets(line, sizeof(line), f)) {
		char number[32] = "", type[64] = "";
		const char *dash = strstr(line, " - ");
		if (dash && sscanf(line, "%*d %*d %31s", number) == 1 &&
		    strcmp(number, want) == 0 && sscanf(dash, " - %63s", type) == 1)
			snprintf(out, size, "%s", type);
	}
	if (f)
		fclose(f);
}

/* A line of /sys as a number or a text; null where the kernel says nothing. */
static void sys_fact(struct hcb_kvs *k, const char *key, dev_t dev, const char *rest)
{
	char text[256], *end;
	if (!hcb_guard_sys(dev, rest, text, sizeof(text)) || !*text) {
		hcb_kvs_json(k, key, json_null());
		return;
	}
	unsigned long long v = strtoull(text, &end, 10);
	if (*end == '\0')
		hcb_kvs_u64(k, key, v);
	else
		hcb_kvs_str(k, key, text);
}

static void sys_switch(struct hcb_kvs *k, const char *key, dev_t dev, const char *rest)
{
	char text[64];
	if (hcb_guard_sys(dev, rest, text, sizeof(text)) && *text)
		hcb_kvs_bool(k, key, text[0] != '0');
	else
		hcb_kvs_json(k, key, json_null());
}

/* What the kernel says of the disk under a device, a partition or a file system. */
static void device_facts(struct hcb_kvs *k, dev_t dev)
{
	char link[64], real[512], model[96] = "", serial[96] = "";
	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	ssize_t n = readlink(link, real, sizeof(real) - 1);
	real[n > 0 ? n : 0] = '\0';
	const char *name = strrchr(real, '/');
	hcb_kvs_str(k, "device", name ? name + 1 : NULL);
	hcb_guard_identify(dev, model, serial, sizeof(model));
	hcb_kvs_str(k, "device_model", *model ? model : NULL);
	hcb_kvs_str(k, "device_serial", *serial ? serial : NULL);
	sys_switch(k, "device_rotational", dev, "queue/rotational");
	sys_fact(k, "device_write_cache", dev, "queue/write_cache");
	sys_switch(k, "device_fua", dev, "queue/fua");
	sys_fact(k, "device_scheduler", dev, "queue/scheduler");
	sys_fact(k, "logical_block_bytes", dev, "queue/logical_block_size");
	sys_fact(k, "physical_block_bytes", dev, "queue/physical_block_size");
	sys_fact(k, "loop_file", dev, "loop/backing_file");
}

/* Of a device: what the run uses lies side by side from its beginning. Where a file lies
   only its file system knows. */
static void span_facts(const struct hcb_dev *dev, const struct hcb_guard *g,
                       struct hcb_kvs *k)
{
	char text[64];
	if (!g->is_device || dev->spread || dev->want_bytes == 0 ||
	    !hcb_guard_sys(g->rdev, "queue/rotational", text, sizeof(text)) ||
	    text[0] != '1')
		return;
	double span = (double)dev->want_bytes / (double)g->size_bytes;
	hcb_kvs_double(k, "span", span < 1 ? span : 1);
	if (span < HCB_MIN_SPAN)
		hcb_kvs_str(k, HCB_FACT_WARNING,
		            "the data lie on under 10 % of the disk, side by side: seeks "
		            "are shorter than on a disk in use");
}

int hcb_blockdev_describe(const struct hcb_dev *dev, struct hcb_kvs *facts)
{
	const struct hcb_blockdev *b = dev->priv;
	const struct hcb_guard *g = &b->guard;
	struct stat st;
	char type[64];
	if (fstat(g->fd, &st))
		return -errno;
	hcb_kvs_str(facts, "path", g->path);
	fs_type(st.st_dev, type, sizeof(type));
	hcb_kvs_str(facts, "file_system", g->is_device ? NULL : type);
	hcb_kvs_bool(facts, "o_direct", g->direct);
	hcb_kvs_u64(facts, "block_bytes", dev->block_bytes);
	device_facts(facts, g->is_device ? g->rdev : st.st_dev);
	span_facts(dev, g, facts);
	hcb_kvs_json(facts, "mark",
	             g->marked ? json_pack("{ssssss}", "uuid", g->mark.uuid, "date",
	                                   g->mark.date, "host", g->mark.host)
	                       : json_null());
	if (!g->direct)
		hcb_kvs_str(facts, HCB_FACT_NOT_AS_ASKED,
		            "the file system refuses O_DIRECT: the page cache answered");
	return 0;
}
