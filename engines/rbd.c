/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rbd: an image in a Ceph pool through librbd, as QEMU uses it: asynchronous, with or
 * without librbd's cache. An op is stamped in librbd's callback, on librbd's thread, not
 * when the run loop gets round to collecting it.
 *
 * Opening, guarding and making images: rbd_image.c. Deadlines and health: ceph_conn.h.
 */
#include "config.h"

#include "engines/engine.h"
#include "engines/rbd_image.h"

static const char *const cache_names[] = {"none", "writeback", NULL};

static const struct hcb_opt rbd_opts[] = {
        HCB_CEPH_OPTS,
        {.name = "cache",
         .type = HCB_OPT_ENUM,
         .offset = offsetof(struct hcb_rbd_conf, cache),
         .names = cache_names,
         .def = "none",
         .help = "none or writeback, set as QEMU sets them (Proxmox VE's default is "
                 "none)"},
        {.name = "make",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct hcb_rbd_conf, make),
         .def = "off",
         .help = "make and mark the image if it does not exist, grow it if it is ours"},
        {.name = "size",
         .type = HCB_OPT_SIZE,
         .offset = offsetof(struct hcb_rbd_conf, size_bytes),
         .def = "0",
         .max = 0x1p50,
         .help = "least size of an image that is made; else what the workload needs"},
        {.name = "object-size",
         .type = HCB_OPT_SIZE,
         .offset = offsetof(struct hcb_rbd_conf, object_bytes),
         .def = "0",
         .max = 32.0 * 1024 * 1024,
         .help = "of an image that is made, a power of two; 0: the cluster's default "
                 "(4MiB)"},
        {.name = "fua",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct hcb_rbd_conf, fua),
         .def = "off",
         .help = "use librbd's FUA flag; off: write, then flush, as QEMU does"},
        {.name = "destroy",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct hcb_rbd_conf, destroy),
         .size = sizeof(((struct hcb_rbd_conf *)0)->destroy),
         .help = "POOL/IMAGE once more: overwrite it although hcbench did not make it"},
        {.name = NULL},
};

#ifdef HCB_HAVE_RBD
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rbd_dev {
	struct hcb_rbd_vol *vol;
	char trouble[512];
};

static int check_object_size(uint64_t n, struct hcb_err *err)
{
	if (n == 0 || (n >= 4096 && (n & (n - 1)) == 0))
		return 0;
	return hcb_err_usage(
	        err,
	        "engine rbd: object-size=%llu: expected a power of two from 4KiB to "
	        "32MiB",
	        (unsigned long long)n);
}

static void vol_free(struct hcb_rbd_vol *v)
{
	hcb_ceph_fini(&v->c);
	if (v->c.lost)
		return; /* a thread of librbd's may come back to it: leaked on purpose */
	hcb_ceph_queue_destroy(&v->q);
	json_decref(v->facts);
	free(v);
}

/* Takes the image away from librbd again; bounded. */
static void vol_close(struct hcb_rbd_vol *v)
{
	struct hcb_err err = HCB_ERR_INIT;
	if (v->c.cluster && !v->c.lost)
		hcb_ceph_timeouts(&v->c, true);
	if (v->image_open && !v->c.lost &&
	    hcb_ceph_job(&v->c, hcb_rbd_close_job, v, &err))
		hcb_warn("%s", err.msg);
	vol_free(v);
}

static int vol_new(struct hcb_dev *dev, struct hcb_rbd_vol **out, struct hcb_err *err)
{
	const struct hcb_rbd_conf *conf = dev->conf;
	struct hcb_ceph_addr addr;
	int r = hcb_ceph_parse_image(dev->address, &addr, err);
	if (r == 0)
		r = check_object_size(conf->object_bytes, err);
	if (r)
		return r;
	struct hcb_rbd_vol *v = calloc(1, sizeof(*v));
	if (!v)
		return hcb_err_sys(err, -ENOMEM, "open %s", dev->target);
	v->conf = *conf;
	v->want_bytes = dev->want_bytes;
	v->read_only = dev->read_only;
	v->facts = json_object();
	snprintf(v->what, sizeof(v->what), "%s", dev->address);
	r = hcb_ceph_init(&v->c, dev, &addr, err);
	if (r) {
		json_decref(v->facts);
		free(v);
		return r;
	}
	r = hcb_ceph_queue_init(&v->q, dev->depth, dev->clock);
	if (r) {
		hcb_err_sys(err, r, "open %s: make a queue", dev->target);
		vol_free(v);
		return r;
	}
	*out = v;
	return 0;
}

static int rbd_dev_open(struct hcb_dev *dev, struct hcb_err *err)
{
	struct rbd_dev *d = dev->priv;
	struct hcb_rbd_vol *v = NULL;
	int r = vol_new(dev, &v, err);
	if (r)
		return r;
	r = hcb_ceph_job(&v->c, hcb_rbd_open_job, v, err);
	if (r == 0)
		r = hcb_ceph_watch_start(&v->c, dev, &v->q, d->trouble,
		                         sizeof(d->trouble), err);
	if (r) {
		vol_close(v);
		return r;
	}
	d->vol = v;
	dev->size_bytes = v->size_bytes;
	dev->prefilled_bytes = v->prefilled_bytes;
	dev->block_bytes = 512;
	dev->wake_fd = v->q.efd;
	dev->wake_is_eventfd = true;
	if (v->cache_on)
		dev->caps &= ~(uint32_t)HCB_CAP_ALWAYS_DURABLE;
	if (!v->fua_native)
		dev->caps &= ~(uint32_t)HCB_CAP_FUA;
	if (v->read_only)
		dev->caps &= HCB_CAP_READ | HCB_CAP_FLUSH | HCB_CAP_REAL | HCB_CAP_STORES;
	return 0;
}

static void rbd_dev_close(struct hcb_dev *dev)
{
	struct rbd_dev *d = dev->priv;
	struct hcb_rbd_vol *v = d->vol;
	hcb_ceph_watch_stop(&v->c);
	uint32_t left = hcb_ceph_queue_drain(&v->q, dev->deadline_ns);
	if (left) {
		/* librbd cannot take an op back, and closing would wait for it. */
		atomic_store(&v->q.deaf, true);
		v->c.lost = true;
		hcb_warn("close %s: %u ops without an answer after %llu s; abandoned",
		         v->c.name, left,
		         (unsigned long long)(dev->deadline_ns / 1000000000ULL));
	}
	dev->abandoned = v->c.lost;
	dev->wake_fd = -1;
	d->vol = NULL;
	vol_close(v);
}

static int rbd_dev_note_prefilled(struct hcb_dev *dev, uint64_t bytes,
                                  struct hcb_err *err)
{
	struct rbd_dev *d = dev->priv;
	d->vol->prefilled_bytes = bytes;
	return hcb_ceph_job(&d->vol->c, hcb_rbd_prefilled_job, d->vol, err);
}

static int rbd_dev_describe(const struct hcb_dev *dev, struct hcb_kvs *facts)
{
	const struct rbd_dev *d = dev->priv;
	json_object_update(facts->obj, d->vol->facts);
	hcb_kvs_str(facts, "ceph_conf", d->vol->c.files.conf);
	hcb_kvs_str(facts, "monitors", d->vol->c.mons);
	hcb_kvs_u64(facts, "stall_limit_ns", d->vol->conf.ceph.stall_ns);
	hcb_ceph_health_facts(&d->vol->c, facts);
	return 0;
}

/* On a thread of librbd's. */
static void on_done(rbd_completion_t c, void *arg)
{
	struct hcb_ceph_slot *s = arg;
	ssize_t r = rbd_aio_get_return_value(c);
	rbd_aio_release(c);
	hcb_ceph_slot_done(s, r < 0 ? (int)r : 0);
}

/* A read says how much it read. librbd checks the range, so short means broken. */
static void on_read(rbd_completion_t c, void *arg)
{
	struct hcb_ceph_slot *s = arg;
	ssize_t r = rbd_aio_get_return_value(c);
	rbd_aio_release(c);
	if (r >= 0)
		r = (size_t)r == (size_t)s->aux ? 0 : -EIO;
	hcb_ceph_slot_done(s, (int)r);
}

static int start(struct hcb_rbd_vol *v, const struct hcb_op *op, rbd_completion_t c)
{
	int flags = op->flags & HCB_OP_FUA ? LIBRADOS_OP_FLAG_FADVISE_FUA : 0;
	switch (op->kind) {
	case HCB_READ:
		return rbd_aio_read2(v->image, op->off, op->len, op->buf, c, 0);
	case HCB_WRITE:
		return rbd_aio_write2(v->image, op->off, op->len, op->buf, c, flags);
	case HCB_FLUSH:
		return rbd_aio_flush(v->image, c);
	case HCB_DISCARD:
		return rbd_aio_discard(v->image, op->off, op->len, c);
	case HCB_OP_KINDS:
		break;
	}
	return -EINVAL;
}

static int rbd_dev_submit(struct hcb_dev *dev, struct hcb_op *const *ops, unsigned n)
{
	struct hcb_rbd_vol *v = ((struct rbd_dev *)dev->priv)->vol;
	unsigned i;
	for (i = 0; i < n; i++) {
		struct hcb_op *op = ops[i];
		struct hcb_ceph_slot *s = hcb_ceph_slot_take(&v->q, op);
		if (!s)
			break;
		rbd_completion_t c = NULL;
		s->aux = op->len;
		int r = hcb_dev_check_op(dev, op);
		if (r == 0)
			r = rbd_aio_create_completion(
			        s, op->kind == HCB_READ ? on_read : on_done, &c);
		if (r == 0) {
			r = start(v, op, c);
			if (r < 0)
				rbd_aio_release(c);
		}
		if (r < 0)
			hcb_ceph_slot_done(s, r);
	}
	return (int)i;
}

static unsigned rbd_dev_poll(struct hcb_dev *dev, struct hcb_op **done, unsigned max)
{
	return hcb_ceph_queue_poll(&((struct rbd_dev *)dev->priv)->vol->q, done, max);
}

static json_t *rbd_dev_counters(struct hcb_dev *dev, struct hcb_err *err)
{
	return hcb_ceph_counters(&((struct rbd_dev *)dev->priv)->vol->c, err);
}
#endif

const struct hcb_engine hcb_engine_rbd = {
        .name = "rbd",
        .summary = "an image in a Ceph pool through librbd, as a virtual machine's disk",
        .address_help = "POOL[/NAMESPACE]/IMAGE",
        .opts = rbd_opts,
        .conf_size = sizeof(struct hcb_rbd_conf),
#ifdef HCB_HAVE_RBD
        .caps = HCB_CAP_READ | HCB_CAP_WRITE | HCB_CAP_FLUSH | HCB_CAP_FUA |
                HCB_CAP_DISCARD | HCB_CAP_ALWAYS_DURABLE | HCB_CAP_REAL | HCB_CAP_STORES,
        .dev_size = sizeof(struct rbd_dev),
        .open = rbd_dev_open,
        .close = rbd_dev_close,
        .describe = rbd_dev_describe,
        .submit = rbd_dev_submit,
        .poll = rbd_dev_poll,
        .counters = rbd_dev_counters,
        .note_prefilled = rbd_dev_note_prefilled,
#else
        .unavailable = "built without librbd",
#endif
};
