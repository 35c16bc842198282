/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The data of hdd:...,store=on, and what the model tells of it. */
#include <errno.h>

#include "engines/hdd_engine.h"

static struct hdd_store_op *store_op(void *op)
{
	return &((struct hdd_op *)((struct hcb_op *)op)->priv)->st;
}

static void cached(void *dev, void *op)
{
	hdd_store_cached(((struct hdd_dev *)dev)->store, store_op(op));
}

static void written(void *dev, void *op)
{
	hdd_store_written(((struct hdd_dev *)dev)->store, store_op(op));
}

static void destaging(void *dev, uint64_t off, uint64_t len)
{
	hdd_store_destaging(((struct hdd_dev *)dev)->store, off, len);
}

static void destaged(void *dev)
{
	hdd_store_destaged(((struct hdd_dev *)dev)->store);
}

static void clean(void *dev)
{
	hdd_store_clean(((struct hdd_dev *)dev)->store);
}

int hdd_data_open(struct hcb_dev *dev, struct hcb_err *err)
{
	const struct hdd_conf *conf = dev->conf;
	struct hdd_dev *d = dev->priv;
	const struct hdd_store_config cfg = {
	        .size_bytes = dev->size_bytes,
	        .data_bytes = conf->data_bytes,
	        .cache_bytes = d->profile.dirty_bytes,
	        .cache_cmds = d->profile.dirty_commands + 2 * d->profile.ncq_depth,
	        .depth = dev->depth,
	        .max_len = dev->max_len,
	};
	const struct hdd_watch w = {
	        .arg = d,
	        .cached = cached,
	        .written = written,
	        .destaging = destaging,
	        .destaged = destaged,
	        .clean = clean,
	};
	int r = hdd_store_new(&d->store, &cfg);
	if (r)
		return hcb_err_sys(err, r, "open %s: make its data", dev->target);
	hdd_store_set_volatile(d->store, conf->timing);
	d->lies = conf->lie;
	hdd_watch(d->disk, &w);
	return 0;
}

int hdd_data_move(const struct hdd_dev *d, struct hcb_op *op)
{
	if (!d->store)
		return 0;
	if (op->kind == HCB_WRITE)
		return hdd_store_write(d->store, op->off, op->buf, op->len, store_op(op));
	if (op->kind == HCB_READ)
		return hdd_store_read(d->store, op->off, op->buf, op->len, store_op(op));
	if (op->kind == HCB_DISCARD)
		return hdd_store_discard(d->store, op->off, op->len, store_op(op));
	return hdd_store_touch(d->store, store_op(op));
}

int hdd_data_submitted(const struct hdd_dev *d, struct hcb_op *op)
{
	if (!d->store)
		return 0;
	if (!hdd_store_submitted(d->store, store_op(op)))
		return -EIO;
	if (op->kind == HCB_DISCARD)
		hdd_store_settle(d->store, op->off, op->len);
	return 0;
}
