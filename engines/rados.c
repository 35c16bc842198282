/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rados: objects in a Ceph pool through librados, without librbd: what the pool itself
 * does with a write. An op that crosses an object's edge is split, and done when its last
 * part is.
 *
 * A write librados calls done is on the stable storage of every acting replica. So done
 * means durable, a flush has nothing to wait for and completes at once, and FUA is what
 * every write is anyway.
 *
 * The address space and its guard: rados_space.h. Deadlines and health: ceph_conn.h.
 */
#include "config.h"

#include "engines/engine.h"
#include "engines/rados_space.h"

static const struct hcb_opt rados_opts[] = {
        HCB_CEPH_OPTS,
        {.name = "make",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct hcb_rados_conf, make),
         .def = "off",
         .help = "make and mark the address space if it does not exist, grow it if "
                 "needed"},
        {.name = "size",
         .type = HCB_OPT_SIZE,
         .offset = offsetof(struct hcb_rados_conf, size_bytes),
         .def = "0",
         .max = 0x1p50,
         .help = "least size of a space that is made; else what the workload needs"},
        {.name = "object-size",
         .type = HCB_OPT_SIZE,
         .offset = offsetof(struct hcb_rados_conf, object_bytes),
         .def = "0",
         .max = 32.0 * 1024 * 1024,
         .help = "a multiple of 4KiB; 0: as it was made, 4MiB when new"},
        {.name = "prefix",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct hcb_rados_conf, prefix),
         .size = sizeof(((struct hcb_rados_conf *)0)->prefix),
         .def = "hcbench.bench",
         .help = "objects are PREFIX.0000000000000000 and up, and PREFIX.mark"},
        {.name = NULL},
};

#ifdef HCB_HAVE_RADOS
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rados_dev {
	struct hcb_rados_vol *vol;
	char trouble[512];
};

static void vol_free(struct hcb_rados_vol *v)
{
	if (v->c.cluster && !v->c.lost)
		hcb_ceph_timeouts(&v->c, true);
	hcb_ceph_fini(&v->c);
	if (v->c.lost)
		return; /* a thread of librados' may come back to it: leaked on purpose */
	hcb_ceph_queue_destroy(&v->q);
	pthread_mutex_destroy(&v->cancel_lock);
	json_decref(v->facts);
	free(v->parts);
	free(v);
}

static int check_conf(const struct hcb_rados_conf *conf, struct hcb_err *err)
{
	if (!conf->prefix[0] || strchr(conf->prefix, '/'))
		return hcb_err_usage(err, "engine rados: prefix=%s: expected a word",
		                     conf->prefix);
	if (conf->object_bytes % 4096)
		return hcb_err_usage(
		        err,
		        "engine rados: object-size=%llu: expected a multiple of "
		        "4KiB",
		        (unsigned long long)conf->object_bytes);
	return 0;
}

static int vol_new(struct hcb_dev *dev, struct hcb_rados_vol **out, struct hcb_err *err)
{
	const struct hcb_rados_conf *conf = dev->conf;
	struct hcb_ceph_addr addr;
	int r = hcb_ceph_parse_pool(dev->address, &addr, err);
	if (r == 0)
		r = check_conf(conf, err);
	if (r)
		return r;
	if (!addr.ns[0])
		strcpy(addr.ns, HCB_RADOS_NAMESPACE);
	struct hcb_rados_vol *v = calloc(1, sizeof(*v));
	if (!v)
		return hcb_err_sys(err, -ENOMEM, "open %s", dev->target);
	v->conf = *conf;
	v->want_bytes = dev->want_bytes;
	v->read_only = dev->read_only;
	v->max_len = dev->max_len;
	v->facts = json_object();
	pthread_mutex_init(&v->cancel_lock, NULL);
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

/* Known only now that the object size is. */
static int make_parts(struct hcb_rados_vol *v, struct hcb_err *err)
{
	v->max_parts = (uint32_t)(v->max_len / v->object_bytes) + 2;
	v->parts = calloc((size_t)v->max_parts * v->q.n, sizeof(*v->parts));
	if (!v->parts)
		return hcb_err_sys(err, -ENOMEM, "open %s", v->c.name);
	return 0;
}

static int rados_dev_open(struct hcb_dev *dev, struct hcb_err *err)
{
	struct rados_dev *d = dev->priv;
	struct hcb_rados_vol *v = NULL;
	int r = vol_new(dev, &v, err);
	if (r)
		return r;
	r = hcb_ceph_job(&v->c, hcb_rados_open_job, v, err);
	if (r == 0)
		r = make_parts(v, err);
	if (r == 0)
		r = hcb_ceph_watch_start(&v->c, dev, &v->q, d->trouble,
		                         sizeof(d->trouble), err);
	if (r) {
		vol_free(v);
		return r;
	}
	d->vol = v;
	dev->size_bytes = v->size_bytes;
	dev->block_bytes = 512;
	dev->wake_fd = v->q.efd;
	dev->wake_is_eventfd = true;
	if (v->read_only)
		dev->caps &= ~(uint32_t)(HCB_CAP_WRITE | HCB_CAP_FUA);
	return 0;
}

/* Unlike librbd, librados can be told to give an op up. */
static void cancel_all(struct hcb_rados_vol *v)
{
	for (size_t i = 0; i < (size_t)v->max_parts * v->q.n; i++) {
		pthread_mutex_lock(&v->cancel_lock);
		if (v->parts[i].completion)
			rados_aio_cancel(v->c.io, v->parts[i].completion);
		pthread_mutex_unlock(&v->cancel_lock);
	}
}

static void rados_dev_close(struct hcb_dev *dev)
{
	struct rados_dev *d = dev->priv;
	struct hcb_rados_vol *v = d->vol;
	hcb_ceph_watch_stop(&v->c);
	uint32_t left = hcb_ceph_queue_drain(&v->q, dev->deadline_ns);
	if (left) {
		hcb_warn("close %s: %u ops without an answer after %llu s; cancelled",
		         v->c.name, left,
		         (unsigned long long)(dev->deadline_ns / 1000000000ULL));
		cancel_all(v);
		left = hcb_ceph_queue_drain(&v->q, 2000000000ULL);
	}
	if (left) {
		atomic_store(&v->q.deaf, true);
		v->c.lost = true;
	}
	dev->wake_fd = -1;
	d->vol = NULL;
	dev->abandoned = v->c.lost;
	vol_free(v);
}

static int rados_dev_describe(const struct hcb_dev *dev, struct hcb_kvs *facts)
{
	const struct rados_dev *d = dev->priv;
	json_object_update(facts->obj, d->vol->facts);
	hcb_kvs_str(facts, "ceph_conf", d->vol->c.files.conf);
	hcb_kvs_str(facts, "monitors", d->vol->c.mons);
	hcb_kvs_u64(facts, "stall_limit_ns", d->vol->conf.ceph.stall_ns);
	hcb_ceph_health_facts(&d->vol->c, facts);
	return 0;
}

static void part_done(struct hcb_ceph_slot *s, int result)
{
	if (result)
		atomic_store(&s->part_error, result);
	if (atomic_fetch_sub(&s->parts_left, 1) == 1)
		hcb_ceph_slot_done(s, atomic_load(&s->part_error));
}

/* What was never written reads as zeros, as on any thin disk. */
static int finish_read(const struct hcb_rados_part *p, int r)
{
	size_t got = r > 0 ? (size_t)r : 0;
	if (r < 0 && r != -ENOENT)
		return r;
	if (got < p->len && !atomic_load(&p->vol->q.deaf))
		memset(p->buf + got, 0, p->len - got);
	return 0;
}

/* On a thread of librados'. */
static void on_part(rados_completion_t c, void *arg)
{
	struct hcb_rados_part *p = arg;
	int r = rados_aio_get_return_value(c);
	pthread_mutex_lock(&p->vol->cancel_lock);
	p->completion = NULL;
	pthread_mutex_unlock(&p->vol->cancel_lock);
	rados_aio_release(c);
	if (p->read)
		r = finish_read(p, r);
	part_done(p->slot, r < 0 ? r : 0);
}

static int start_part(struct hcb_rados_vol *v, struct hcb_rados_part *p, uint64_t off)
{
	char name[96];
	snprintf(name, sizeof(name), "%s.%016llx", v->conf.prefix,
	         (unsigned long long)(off / v->object_bytes));
	uint64_t in = off % v->object_bytes;
	rados_completion_t c;
	int r = rados_aio_create_completion2(p, on_part, &c);
	if (r)
		return r;
	/* Before the op starts: it may be done, and the part another's, when that
	 * returns. */
	p->completion = c;
	r = p->read ? rados_aio_read(v->c.io, name, c, p->buf, p->len, in)
	            : rados_aio_write(v->c.io, name, c, p->buf, p->len, in);
	if (r < 0) {
		p->completion = NULL;
		rados_aio_release(c);
	}
	return r < 0 ? r : 0;
}

static void start(struct hcb_rados_vol *v, struct hcb_ceph_slot *s,
                  const struct hcb_op *op)
{
	uint64_t first = op->off / v->object_bytes;
	uint64_t last = (op->off + op->len - 1) / v->object_bytes;
	uint32_t n = (uint32_t)(last - first + 1);
	if (n > v->max_parts) {
		hcb_ceph_slot_done(s, -EMSGSIZE);
		return;
	}
	struct hcb_rados_part *parts = &v->parts[(size_t)s->index * v->max_parts];
	bool read = op->kind == HCB_READ;
	uint64_t off = op->off, end = op->off + op->len;
	char *buf = op->buf;
	/* From the last start_part on, op and slot may be anybody's. */
	atomic_store(&s->parts_left, n);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t edge = (off / v->object_bytes + 1) * v->object_bytes;
		size_t len = (size_t)((edge < end ? edge : end) - off);
		parts[i] = (struct hcb_rados_part){
		        .vol = v, .slot = s, .buf = buf, .len = len, .read = read};
		int r = start_part(v, &parts[i], off);
		if (r)
			part_done(s, r);
		off += len;
		buf += len;
	}
}

static int rados_dev_submit(struct hcb_dev *dev, struct hcb_op *const *ops, unsigned n)
{
	struct hcb_rados_vol *v = ((struct rados_dev *)dev->priv)->vol;
	unsigned i;
	for (i = 0; i < n; i++) {
		struct hcb_op *op = ops[i];
		struct hcb_ceph_slot *s = hcb_ceph_slot_take(&v->q, op);
		if (!s)
			break;
		int r = hcb_dev_check_op(dev, op);
		if (r || op->kind == HCB_FLUSH)
			hcb_ceph_slot_done(s, r);
		else
			start(v, s, op);
	}
	return (int)i;
}

static unsigned rados_dev_poll(struct hcb_dev *dev, struct hcb_op **done, unsigned max)
{
	return hcb_ceph_queue_poll(&((struct rados_dev *)dev->priv)->vol->q, done, max);
}

static json_t *rados_dev_counters(struct hcb_dev *dev, struct hcb_err *err)
{
	return hcb_ceph_counters(&((struct rados_dev *)dev->priv)->vol->c, err);
}
#endif

const struct hcb_engine hcb_engine_rados = {
        .name = "rados",
        .summary = "objects in a Ceph pool through librados: the pool without librbd",
        .address_help = "POOL[/NAMESPACE]",
        .opts = rados_opts,
        .conf_size = sizeof(struct hcb_rados_conf),
#ifdef HCB_HAVE_RADOS
        .caps = HCB_CAP_READ | HCB_CAP_WRITE | HCB_CAP_FLUSH | HCB_CAP_FUA |
                HCB_CAP_ALWAYS_DURABLE | HCB_CAP_REAL | HCB_CAP_STORES,
        .dev_size = sizeof(struct rados_dev),
        .open = rados_dev_open,
        .close = rados_dev_close,
        .describe = rados_dev_describe,
        .submit = rados_dev_submit,
        .poll = rados_dev_poll,
        .counters = rados_dev_counters,
#else
        .unavailable = "built without librados",
#endif
};
