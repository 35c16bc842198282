/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hdd: the model disk of hdd_model.h as an engine, in virtual or real time. It keeps no
 * data unless store=on: writes are then kept in a sparse file in memory, taken over when
 * submitted. Without, a read leaves its buffer as it was.
 *
 * With cut= the data, not the model's state, is what volatile.h says of a power cut: an
 * adversary, who keeps no more than a flush obliges him to, in the model's time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/core/random.h"
#include "bench/core/units.h"
#include "engines/hdd_model.h"
#include "engines/volatile.h"

struct hdd_conf {
	uint64_t size_bytes, seed, cut_ns;
	double filled, slow;
	int cache, fua, store, lie;
};

struct hdd_dev {
	struct hdd_profile profile;
	struct hdd *disk;
	int data_fd;
	bool can_cut; /* then the data lies in the next */
	struct hcb_volatile vol;
	uint64_t seed;
	struct hcb_op **bad; /* ops refused at submit, oldest at tail */
	uint32_t head, tail, mask;
};

static const char *const cache_names[] = {"default", "off", "on", NULL};

static const struct hcb_opt hdd_opts[] = {
        {.name = "cache",
         .type = HCB_OPT_ENUM,
         .offset = offsetof(struct hdd_conf, cache),
         .def = "default",
         .names = cache_names,
         .help = "volatile write cache; default: as the profile"},
        {.name = "filled",
         .type = HCB_OPT_SHARE,
         .offset = offsetof(struct hdd_conf, filled),
         .def = "0",
         .min = 0,
         .max = 1,
         .help = "share of the stroke live data is spread over; 0: packed outermost"},
        {.name = "fua",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct hdd_conf, fua),
         .def = "off",
         .help = "native FUA writes (libata has them off)"},
        {.name = "seed",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct hdd_conf, seed),
         .def = "0",
         .help = "speed, phase and layout of the spindle; 0: from the run's seed"},
        {.name = "size",
         .type = HCB_OPT_SIZE,
         .offset = offsetof(struct hdd_conf, size_bytes),
         .def = "0",
         .help = "size it claims to have; 0: as the profile"},
        {.name = "slow",
         .type = HCB_OPT_DOUBLE,
         .offset = offsetof(struct hdd_conf, slow),
         .def = "1",
         .min = 1,
         .max = 1000,
         .help = "each visit to the medium takes so many times as long"},
        {.name = "store",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct hdd_conf, store),
         .def = "off",
         .help = "keep the data (in memory), so that reads give what was written"},
        {.name = "cut",
         .type = HCB_OPT_DURATION,
         .offset = offsetof(struct hdd_conf, cut_ns),
         .def = "0s",
         .help = "store=on: cut the power at this time of the run; 0s: never"},
        {.name = "lie",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct hdd_conf, lie),
         .def = "off",
         .help = "cut=: what is flushed is lost too"},
        {.name = NULL},
};

/* "PROFILE@NAME" -> "PROFILE" */
static int find_profile(struct hdd_dev *d, const char *address, struct hcb_err *err)
{
	char name[512];
	int n = snprintf(name, sizeof(name), "%s", address);
	if (n < 0 || (size_t)n >= sizeof(name))
		return hcb_err_usage(err, "open hdd:%.40s...: name too long", address);
	char *at = strrchr(name, '@');
	if (at)
		*at = '\0';
	return hdd_profile_find(name, &d->profile, err);
}

static uint64_t own_seed(const struct hcb_dev *dev)
{
	const struct hdd_conf *conf = dev->conf;
	uint64_t h = hcb_mix64(dev->seed + 1);
	if (conf->seed)
		return conf->seed;
	for (const char *c = dev->address; *c; c++)
		h = hcb_mix64(h ^ (unsigned char)*c);
	return h;
}

static int open_store(struct hcb_dev *dev, struct hcb_err *err)
{
	const struct hdd_conf *conf = dev->conf;
	struct hdd_dev *d = dev->priv;
	if (conf->cut_ns) {
		int r = hcb_volatile_init(&d->vol, dev->size_bytes, d->seed);
		if (r)
			return hcb_err_sys(err, r, "open %s: make its data", dev->target);
		d->can_cut = true;
		d->vol.cut_ns = conf->cut_ns;
		d->vol.lies = conf->lie;
		return 0;
	}
	d->data_fd = memfd_create("hcb-hdd", MFD_CLOEXEC);
	if (d->data_fd < 0 || ftruncate(d->data_fd, (off_t)dev->size_bytes) != 0)
		return hcb_err_sys(err, -errno, "open %s: make its data", dev->target);
	return 0;
}

static void hdd_close(struct hcb_dev *dev)
{
	struct hdd_dev *d = dev->priv;
	hdd_free(d->disk);
	free(d->bad);
	if (d->can_cut)
		hcb_volatile_free(&d->vol);
	if (d->data_fd >= 0)
		close(d->data_fd);
}

static int check_conf(const struct hcb_dev *dev, struct hcb_err *err)
{
	const struct hdd_conf *conf = dev->conf;
	uint32_t most = conf->cut_ns ? HCB_VOLATILE_MAX_LEN : HDD_MAX_REQUEST;
	if (dev->max_len > most)
		return hcb_err_usage(err, "open %s: ops of %u bytes; the model takes %u",
		                     dev->target, dev->max_len, most);
	if (conf->cut_ns && !conf->store)
		return hcb_err_usage(err, "open %s: cut= needs store=on", dev->target);
	if (conf->lie && !conf->cut_ns)
		return hcb_err_usage(err, "open %s: lie= needs cut=", dev->target);
	return 0;
}

static int hdd_open(struct hcb_dev *dev, struct hcb_err *err)
{
	const struct hdd_conf *conf = dev->conf;
	struct hdd_dev *d = dev->priv;
	d->data_fd = -1;
	int r = check_conf(dev, err);
	r = r ? r : find_profile(d, dev->address, err);
	if (r)
		return r;
	d->seed = own_seed(dev);
	struct hdd_config cfg = {
	        .profile = &d->profile,
	        .seed = d->seed,
	        .filled = conf->filled,
	        .cache = (enum hdd_switch)(conf->cache - 1),
	        .size_bytes = conf->size_bytes,
	        .depth = dev->depth,
	        .slow = conf->slow,
	};
	uint32_t n = 1;
	while (n < dev->depth)
		n *= 2;
	d->mask = n - 1;
	d->bad = calloc(n, sizeof(struct hcb_op *));
	if (!d->bad)
		r = hcb_err_sys(err, -ENOMEM, "open %s", dev->target);
	else if (!(d->disk = hdd_new(&cfg, err)))
		r = err ? err->code : -EINVAL;
	if (!r) {
		dev->size_bytes = hdd_size_bytes(d->disk);
		dev->block_bytes = 512;
		if (!conf->fua)
			dev->caps &= ~(uint32_t)HCB_CAP_FUA;
		if (hdd_cache_on(d->disk))
			dev->caps &= ~(uint32_t)HCB_CAP_ALWAYS_DURABLE;
		if (conf->store)
			r = open_store(dev, err);
		else
			dev->caps &= ~(uint32_t)HCB_CAP_STORES;
	}
	if (r)
		hdd_close(dev);
	return r;
}

static int hdd_describe(const struct hcb_dev *dev, struct hcb_kvs *facts)
{
	const struct hdd_conf *conf = dev->conf;
	const struct hdd_dev *d = dev->priv;
	uint64_t all = d->profile.sectors * 512;
	/* What the run uses lies side by side unless `filled` spreads it. */
	double packed = (double)(dev->want_bytes ? dev->want_bytes : dev->size_bytes) /
	                (double)all;
	double span = packed > conf->filled ? packed : conf->filled;
	hcb_kvs_str(facts, "profile", d->profile.name);
	hcb_kvs_str(facts, "description", d->profile.description);
	hcb_kvs_str(facts, "cache", hdd_cache_on(d->disk) ? "on" : "off");
	hcb_kvs_bool(facts, "fua", conf->fua);
	hcb_kvs_double(facts, "filled", conf->filled);
	hcb_kvs_double(facts, "span", span);
	if (span < HCB_MIN_SPAN)
		hcb_kvs_str(facts, HCB_FACT_WARNING,
		            "the data lie on under 10 % of the stroke: seeks are shorter "
		            "than "
		            "on a disk in use; filled=60% spreads them");
	hcb_kvs_double(facts, "rpm", 60e9 / (double)hdd_rev_ns(d->disk));
	hcb_kvs_double(facts, "slow", conf->slow);
	hcb_kvs_bool(facts, "stores_data", conf->store);
	if (d->can_cut)
		hcb_kvs_u64(facts, "power_cuts", d->vol.cuts);
	return 0;
}

/* Data moves when the op is submitted; only its time comes from the model. */
static int move_data(const struct hdd_dev *d, const struct hcb_op *op)
{
	ssize_t n = op->len;
	if (op->kind == HCB_WRITE)
		n = pwrite(d->data_fd, op->buf, op->len, (off_t)op->off);
	else if (op->kind == HCB_READ)
		n = pread(d->data_fd, op->buf, op->len, (off_t)op->off);
	return n == (ssize_t)op->len ? 0 : n < 0 ? -errno : -EIO;
}

static int hdd_submit_ops(struct hcb_dev *dev, struct hcb_op *const *ops, unsigned n)
{
	struct hdd_dev *d = dev->priv;
	uint64_t now = hcb_clock_now(dev->clock);
	unsigned i;
	if (d->can_cut)
		hcb_volatile_tick(&d->vol, dev);
	for (i = 0; i < n && d->head - d->tail <= d->mask; i++) {
		struct hcb_op *op = ops[i];
		struct hdd_req r = {
		        .kind = op->kind,
		        .fua = op->flags & HCB_OP_FUA,
		        .off = op->off,
		        .len = op->len,
		        .cookie = op,
		};
		op->result = hcb_dev_check_op(dev, op);
		if (!op->result && d->data_fd >= 0)
			op->result = move_data(d, op);
		int e = op->result ? op->result : hdd_submit(d->disk, now, &r);
		if (!e && d->can_cut)
			hcb_volatile_begin(&d->vol, op);
		if (e == -EAGAIN)
			break;
		if (e) {
			op->result = e;
			op->done_ns = now;
			d->bad[d->head++ & d->mask] = op;
		}
	}
	return (int)i;
}

static unsigned hdd_poll(struct hcb_dev *dev, struct hcb_op **done, unsigned max)
{
	struct hdd_dev *d = dev->priv;
	struct hdd_done from[64];
	unsigned n = 0, got;
	bool durable = dev->caps & HCB_CAP_ALWAYS_DURABLE;
	if (d->can_cut)
		hcb_volatile_tick(&d->vol, dev);
	while (n < max && d->tail != d->head)
		done[n++] = d->bad[d->tail++ & d->mask];
	do {
		unsigned want = max - n < 64 ? max - n : 64;
		got = hdd_advance(d->disk, hcb_clock_now(dev->clock), from, want);
		for (unsigned i = 0; i < got; i++) {
			struct hcb_op *op = from[i].cookie;
			op->done_ns = from[i].done_ns;
			if (d->can_cut)
				hcb_volatile_end(&d->vol, op, durable);
			done[n++] = op;
		}
	} while (got == 64 && n < max);
	return n;
}

static uint64_t hdd_next(const struct hcb_dev *dev)
{
	const struct hdd_dev *d = dev->priv;
	return d->head != d->tail ? hcb_clock_now(dev->clock) : hdd_next_ns(d->disk);
}

static json_t *hdd_count(struct hcb_dev *dev, struct hcb_err *err)
{
	struct hdd_dev *d = dev->priv;
	json_t *doc = json_pack("{s:o}", "disk", hdd_counters_json(d->disk));
	if (!doc)
		hcb_err_sys(err, -ENOMEM, "count %s", dev->target);
	return doc;
}

const struct hcb_engine hcb_engine_hdd = {
        .name = "hdd",
        .summary = "a model of one hard disk, in virtual or real time",
        .address_help = "PROFILE[@NAME]",
        .opts = hdd_opts,
        .caps = HCB_CAP_READ | HCB_CAP_WRITE | HCB_CAP_FLUSH | HCB_CAP_FUA |
                HCB_CAP_ALWAYS_DURABLE | HCB_CAP_MODEL | HCB_CAP_ANONYMOUS |
                HCB_CAP_STORES,
        .conf_size = sizeof(struct hdd_conf),
        .dev_size = sizeof(struct hdd_dev),
        .op_size = sizeof(struct hcb_volatile_op),
        .open = hdd_open,
        .close = hdd_close,
        .describe = hdd_describe,
        .submit = hdd_submit_ops,
        .poll = hdd_poll,
        .next_ns = hdd_next,
        .counters = hdd_count,
};
