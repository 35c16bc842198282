/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hdd: the model disk of hdd_model.h as an engine, in virtual or real time. It keeps no
 * data unless store=on: writes are then kept in memory, taken over when submitted, and
 * what a power cut leaves of them is known (hdd_store.h). Without, a read leaves its
 * buffer as it was.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/random.h"
#include "bench/core/units.h"
#include "engines/hdd_engine.h"

static const char *const cache_names[] = {"default", "off", "on", NULL};

static const struct hcb_opt hdd_opts[] = {
        {.name = "cache",
         .type = HCB_OPT_ENUM,
         .offset = offsetof(struct hdd_conf, cache),
         .def = "default",
         .names = cache_names,
         .help = "volatile write cache; default: as the profile"},
        {.name = "data",
         .type = HCB_OPT_SIZE,
         .offset = offsetof(struct hdd_conf, data_bytes),
         .def = "0",
         .help = "store=on: most memory the data may take; 0: no limit"},
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
         .help = "store=on: acknowledge flushes and FUA, and do nothing for it"},
        {.name = "timing",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct hdd_conf, timing),
         .def = "on",
         .help = "off: ops are done when submitted"},
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

static void hdd_close(struct hcb_dev *dev)
{
	struct hdd_dev *d = dev->priv;
	hdd_free(d->disk);
	free(d->early);
	hdd_store_free(d->store);
}

static int check_conf(const struct hcb_dev *dev, struct hcb_err *err)
{
	const struct hdd_conf *conf = dev->conf;
	if (dev->max_len > HDD_MAX_REQUEST)
		return hcb_err_usage(err,
		                     "open %s: ops of %u bytes; the model takes 64 MiB",
		                     dev->target, dev->max_len);
	if ((conf->cut_ns || conf->lie) && !conf->store)
		return hcb_err_usage(err, "open %s: cut= and lie= need store=on",
		                     dev->target);
	return 0;
}

static int hdd_open(struct hcb_dev *dev, struct hcb_err *err)
{
	const struct hdd_conf *conf = dev->conf;
	struct hdd_dev *d = dev->priv;
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
	        .timing_off = !conf->timing,
	};
	uint32_t n = 1;
	while (n < dev->depth)
		n *= 2;
	d->mask = n - 1;
	d->early = calloc(n, sizeof(struct hcb_op *));
	if (!d->early)
		r = hcb_err_sys(err, -ENOMEM, "open %s", dev->target);
	else if (!(d->disk = hdd_new(&cfg, err)))
		r = err ? err->code : -EINVAL;
	if (!r) {
		dev->size_bytes = hdd_size_bytes(d->disk);
		dev->block_bytes = 512;
		if (!conf->fua)
			dev->caps &= ~(uint32_t)HCB_CAP_FUA;
		if (hdd_cache_on(d->disk) && !d->profile.plp)
			dev->caps &= ~(uint32_t)HCB_CAP_ALWAYS_DURABLE;
		if (!conf->store)
			dev->caps &= ~(uint32_t)(HCB_CAP_DISCARD | HCB_CAP_STORES);
		else
			r = hdd_data_open(dev, err);
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
	if (span < HCB_MIN_SPAN && d->profile.type == HDD_TYPE_HDD)
		hcb_kvs_str(facts, HCB_FACT_WARNING,
		            "the data lie on under 10 % of the stroke: seeks are shorter "
		            "than "
		            "on a disk in use; filled=60% spreads them");
	if (d->profile.type == HDD_TYPE_HDD)
		hcb_kvs_double(facts, "rpm", 60e9 / (double)hdd_rev_ns(d->disk));
	hcb_kvs_double(facts, "slow", conf->slow);
	hcb_kvs_bool(facts, "stores_data", conf->store);
	if (conf->cut_ns)
		hcb_kvs_u64(facts, "power_cuts", atomic_load(&dev->power_cuts));
	return 0;
}

/* Done as it comes: what is refused, and what takes no time. */
static void early(struct hcb_dev *dev, struct hcb_op *op, int result)
{
	struct hdd_dev *d = dev->priv;
	op->result = result;
	op->done_ns = hcb_clock_now(dev->clock);
	d->early[d->head++ & d->mask] = op;
}

/* 0: the model has it. 1: it is done. -errno: so it is. */
static int pass_on(struct hcb_dev *dev, struct hcb_op *op)
{
	struct hdd_dev *d = dev->priv;
	uint64_t now = hcb_clock_now(dev->clock);
	struct hdd_req r = {
	        .kind = op->kind,
	        .fua = (op->flags & HCB_OP_FUA) && !d->lies,
	        .off = op->off,
	        .len = op->len,
	        .cookie = op,
	};
	int e = op->flags & HCB_OP_MOVED ? op->result : 0;
	e = e ? e : hcb_dev_check_op(dev, op);
	if (!e && !(op->flags & HCB_OP_MOVED))
		e = hdd_data_move(d, op);
	e = e ? e : hdd_data_submitted(d, op);
	if (e)
		return e;
	op->result = 0;
	if (op->kind == HCB_DISCARD)
		hdd_discard(d->disk, now, op->off, op->len);
	if (op->kind == HCB_DISCARD || (op->kind == HCB_FLUSH && d->lies))
		return 1;
	return hdd_submit(d->disk, now, &r);
}

static int hdd_submit_ops(struct hcb_dev *dev, struct hcb_op *const *ops, unsigned n)
{
	struct hdd_dev *d = dev->priv;
	unsigned i;
	hdd_cut_when_due(dev);
	for (i = 0; i < n && d->head - d->tail <= d->mask && hdd_room(d->disk); i++) {
		int e = pass_on(dev, ops[i]);
		if (e)
			early(dev, ops[i], e < 0 ? e : 0);
	}
	return (int)i;
}

static unsigned hdd_poll(struct hcb_dev *dev, struct hcb_op **done, unsigned max)
{
	struct hdd_dev *d = dev->priv;
	struct hdd_done from[64];
	unsigned n = 0, got;
	hdd_cut_when_due(dev);
	while (n < max && d->tail != d->head)
		done[n++] = d->early[d->tail++ & d->mask];
	do {
		unsigned want = max - n < 64 ? max - n : 64;
		got = hdd_advance(d->disk, hcb_clock_now(dev->clock), from, want);
		for (unsigned i = 0; i < got; i++) {
			struct hcb_op *op = from[i].cookie;
			op->done_ns = from[i].done_ns;
			op->result = from[i].cut ? -EIO : 0;
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
                HCB_CAP_DISCARD | HCB_CAP_ALWAYS_DURABLE | HCB_CAP_MODEL |
                HCB_CAP_ANONYMOUS | HCB_CAP_STORES,
        .conf_size = sizeof(struct hdd_conf),
        .dev_size = sizeof(struct hdd_dev),
        .op_size = sizeof(struct hdd_op),
        .open = hdd_open,
        .close = hdd_close,
        .describe = hdd_describe,
        .submit = hdd_submit_ops,
        .poll = hdd_poll,
        .next_ns = hdd_next,
        .counters = hdd_count,
        .emulation = &hdd_emulation,
};
