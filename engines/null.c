/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * null: completes every op at once and stores nothing. It measures the bench itself, and
 * is the file to copy when writing an engine.
 */
#include <errno.h>
#include <stdlib.h>

#include "bench/core/units.h"
#include "engines/engine.h"

struct null_conf {
	uint64_t size_bytes;
};

struct null_dev {
	struct hcb_op **ring; /* completed ops, oldest at tail */
	uint32_t head, tail, mask;
};

static const struct hcb_opt null_opts[] = {
        {.name = "size",
         .type = HCB_OPT_SIZE,
         .offset = offsetof(struct null_conf, size_bytes),
         .def = "1TiB",
         .min = 4096,
         .max = 0x1p60,
         .help = "size it claims to have"},
        {.name = NULL},
};

static int null_open(struct hcb_dev *dev, struct hcb_err *err)
{
	const struct null_conf *conf = dev->conf;
	struct null_dev *d = dev->priv;
	uint32_t n = 1;
	while (n < dev->depth)
		n *= 2;
	d->ring = calloc(n, sizeof(struct hcb_op *));
	if (!d->ring)
		return hcb_err_sys(err, -ENOMEM, "open %s", dev->target);
	d->mask = n - 1;
	dev->size_bytes = conf->size_bytes;
	dev->block_bytes = 512;
	return 0;
}

static void null_close(struct hcb_dev *dev)
{
	struct null_dev *d = dev->priv;
	free(d->ring);
}

static int null_describe(const struct hcb_dev *dev, struct hcb_kvs *facts)
{
	(void)dev;
	hcb_kvs_str(facts, "durability", "none: stores nothing");
	return 0;
}

static int null_submit(struct hcb_dev *dev, struct hcb_op *const *ops, unsigned n)
{
	struct null_dev *d = dev->priv;
	unsigned i;
	for (i = 0; i < n && d->head - d->tail <= d->mask; i++) {
		struct hcb_op *op = ops[i];
		op->result = hcb_dev_check_op(dev, op);
		op->done_ns = hcb_clock_now(dev->clock);
		d->ring[d->head++ & d->mask] = op;
	}
	return (int)i;
}

static unsigned null_poll(struct hcb_dev *dev, struct hcb_op **done, unsigned max)
{
	struct null_dev *d = dev->priv;
	unsigned n = 0;
	while (n < max && d->tail != d->head)
		done[n++] = d->ring[d->tail++ & d->mask];
	return n;
}

static uint64_t null_next_ns(const struct hcb_dev *dev)
{
	const struct null_dev *d = dev->priv;
	return d->head != d->tail ? hcb_clock_now(dev->clock) : HCB_NEVER;
}

const struct hcb_engine hcb_engine_null = {
        .name = "null",
        .summary = "completes at once, stores nothing: the cost of the bench itself",
        .address_help = "(empty)",
        .opts = null_opts,
        .caps = HCB_CAP_READ | HCB_CAP_WRITE | HCB_CAP_FLUSH | HCB_CAP_FUA |
                HCB_CAP_DISCARD | HCB_CAP_ALWAYS_DURABLE | HCB_CAP_MODEL |
                HCB_CAP_ANONYMOUS,
        .conf_size = sizeof(struct null_conf),
        .dev_size = sizeof(struct null_dev),
        .open = null_open,
        .close = null_close,
        .describe = null_describe,
        .submit = null_submit,
        .poll = null_poll,
        .next_ns = null_next_ns,
};
