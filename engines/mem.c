/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mem: storage in this process's memory, with real data. Completes every op when it is
 * submitted: the reference the conformance suite holds other engines against.
 *
 * With volatile=on what is written is lost at a power cut (cut=5s) unless it was flushed,
 * and with lie=on even then: for tests of --verify (volatile.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/core/units.h"
#include "engines/volatile.h"

#define PAGE 4096u

struct mem_conf {
	int is_volatile, lie;
	uint64_t cut_ns;
};

struct mem_dev {
	char *data; /* NULL: in the next */
	struct hcb_volatile vol;
	struct hcb_op **ring; /* completed ops, oldest at tail */
	uint32_t head, tail, mask;
};

#define OPT(field) offsetof(struct mem_conf, field)
static const struct hcb_opt mem_opts[] = {
        {.name = "volatile",
         .type = HCB_OPT_BOOL,
         .offset = OPT(is_volatile),
         .def = "off",
         .help = "what no flush covers is lost when power is cut; for tests of --verify"},
        {.name = "cut",
         .type = HCB_OPT_DURATION,
         .offset = OPT(cut_ns),
         .def = "0s",
         .help = "volatile: cut the power at this time of the run; 0s: never"},
        {.name = "lie",
         .type = HCB_OPT_BOOL,
         .offset = OPT(lie),
         .def = "off",
         .help = "volatile: acknowledge flushes and FUA, and keep nothing for it"},
        {.name = NULL},
};

/* Pages take memory when first written. */
static int make_data(struct hcb_dev *dev, uint64_t size)
{
	const struct mem_conf *conf = dev->conf;
	struct mem_dev *d = dev->priv;
	if (conf->is_volatile) {
		dev->caps &= ~(uint32_t)(HCB_CAP_ALWAYS_DURABLE | HCB_CAP_DISCARD);
		int r = hcb_volatile_init(&d->vol, size, dev->seed);
		d->vol.cut_ns = conf->cut_ns;
		d->vol.lies = conf->lie;
		return r;
	}
	d->data = mmap(NULL, size, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (d->data != MAP_FAILED)
		return 0;
	d->data = NULL;
	return -errno;
}

static int check_conf(const struct hcb_dev *dev, struct hcb_err *err)
{
	const struct mem_conf *conf = dev->conf;
	if ((conf->cut_ns || conf->lie) && !conf->is_volatile)
		return hcb_err_usage(err, "open %s: cut= and lie= need volatile=on",
		                     dev->target);
	if (conf->is_volatile && dev->max_len > HCB_VOLATILE_MAX_LEN)
		return hcb_err_usage(err,
		                     "open %s: ops of %u bytes; volatile takes 8 MiB",
		                     dev->target, dev->max_len);
	return 0;
}

static int mem_open(struct hcb_dev *dev, struct hcb_err *err)
{
	struct mem_dev *d = dev->priv;
	uint64_t size = dev->want_bytes;
	int code = check_conf(dev, err);
	if (code)
		return code;
	if (*dev->address && hcb_parse_size(dev->address, &size))
		return hcb_err_usage(err, "open %s: \"%s\" is not a size", dev->target,
		                     dev->address);
	size = (size + PAGE - 1) / PAGE * PAGE;
	if (size == 0 || size > 1ULL << 46)
		return hcb_err_usage(err,
		                     "open %s: size must be above 0 and at most 64 TiB",
		                     dev->target);
	uint32_t n = 1;
	while (n < dev->depth)
		n *= 2;
	d->ring = calloc(n, sizeof(struct hcb_op *));
	if (!d->ring)
		return hcb_err_sys(err, -ENOMEM, "open %s", dev->target);
	d->mask = n - 1;
	code = make_data(dev, size);
	if (code) {
		free(d->ring);
		return hcb_err_sys(err, code, "open %s", dev->target);
	}
	dev->size_bytes = size;
	dev->block_bytes = 512;
	return 0;
}

static void mem_close(struct hcb_dev *dev)
{
	struct mem_dev *d = dev->priv;
	if (d->data)
		munmap(d->data, dev->size_bytes);
	else
		hcb_volatile_free(&d->vol);
	free(d->ring);
}

static int mem_describe(const struct hcb_dev *dev, struct hcb_kvs *facts)
{
	const struct mem_dev *d = dev->priv;
	hcb_kvs_u64(facts, "size_bytes", dev->size_bytes);
	hcb_kvs_str(facts, "durability", "none: ends with the process");
	if (!d->data)
		hcb_kvs_u64(facts, "power_cuts", d->vol.cuts);
	return 0;
}

/* Whole pages are given back, the ends are cleared; either way zeros are read. */
static int discard(const struct mem_dev *d, uint64_t off, uint64_t len)
{
	uint64_t end = off + len;
	uint64_t first = (off + PAGE - 1) / PAGE * PAGE, last = end / PAGE * PAGE;
	if (first >= last) {
		memset(d->data + off, 0, len);
		return 0;
	}
	memset(d->data + off, 0, first - off);
	memset(d->data + last, 0, end - last);
	/* Locked memory (a served disk's) is not given back. */
	if (madvise(d->data + first, last - first, MADV_DONTNEED))
		memset(d->data + first, 0, last - first);
	return 0;
}

static int perform(struct mem_dev *d, const struct hcb_op *op)
{
	if (!d->data)
		hcb_volatile_begin(&d->vol, op);
	else if (op->kind == HCB_READ)
		memcpy(op->buf, d->data + op->off, op->len);
	else if (op->kind == HCB_WRITE)
		memcpy(d->data + op->off, op->buf, op->len);
	else if (op->kind == HCB_DISCARD)
		return discard(d, op->off, op->len);
	return 0;
}

static int mem_submit(struct hcb_dev *dev, struct hcb_op *const *ops, unsigned n)
{
	struct mem_dev *d = dev->priv;
	unsigned i;
	if (!d->data)
		hcb_volatile_tick(&d->vol, dev);
	for (i = 0; i < n && d->head - d->tail <= d->mask; i++) {
		struct hcb_op *op = ops[i];
		op->result = hcb_dev_check_op(dev, op);
		if (!op->result)
			op->result = perform(d, op);
		op->done_ns = hcb_clock_now(dev->clock);
		d->ring[d->head++ & d->mask] = op;
	}
	return (int)i;
}

static unsigned mem_poll(struct hcb_dev *dev, struct hcb_op **done, unsigned max)
{
	struct mem_dev *d = dev->priv;
	unsigned n = 0;
	if (!d->data)
		hcb_volatile_tick(&d->vol, dev);
	while (n < max && d->tail != d->head) {
		struct hcb_op *op = d->ring[d->tail++ & d->mask];
		if (!d->data && !op->result)
			hcb_volatile_end(&d->vol, op, false);
		done[n++] = op;
	}
	return n;
}

static uint64_t mem_next_ns(const struct hcb_dev *dev)
{
	const struct mem_dev *d = dev->priv;
	return d->head != d->tail ? hcb_clock_now(dev->clock) : HCB_NEVER;
}

const struct hcb_engine hcb_engine_mem = {
        .name = "mem",
        .summary = "memory of this process, with real data; completes at once",
        .address_help = "SIZE",
        .caps = HCB_CAP_READ | HCB_CAP_WRITE | HCB_CAP_FLUSH | HCB_CAP_FUA |
                HCB_CAP_DISCARD | HCB_CAP_ALWAYS_DURABLE | HCB_CAP_MODEL |
                HCB_CAP_ANONYMOUS | HCB_CAP_STORES,
        .opts = mem_opts,
        .conf_size = sizeof(struct mem_conf),
        .dev_size = sizeof(struct mem_dev),
        .op_size = sizeof(struct hcb_volatile_op),
        .open = mem_open,
        .close = mem_close,
        .describe = mem_describe,
        .submit = mem_submit,
        .poll = mem_poll,
        .next_ns = mem_next_ns,
};
