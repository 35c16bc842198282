/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uring: a file or block device through io_uring, opened O_DIRECT.
 *
 * An op is one submission entry: IORING_OP_READ, WRITE (with RWF_DSYNC for a FUA write),
 * or FSYNC with datasync for a flush, which gives exactly the contract: what completed
 * before it was submitted is durable. Without fixed buffers or registered files.
 *
 * Time. The run loop stamps submit_ns before it calls us, so whatever io_uring_submit
 * takes, a queue that is full or a lock of the file's included, is the storage's.
 * done_ns is stamped when poll reads the completion, once for all that are there: nothing
 * of ours runs at the moment a completion arrives, and a thread that waited for it would
 * take a processor from what is measured. The ring's descriptor wakes the loop, so while
 * it sleeps the stamp is late by one wake-up; while it works, by one turn.
 *
 * Entries that io_uring_submit leaves behind (-EAGAIN: the kernel is out of memory) stay
 * in the submission queue; poll offers them again.
 */
#include "config.h"

#include "engines/blockdev.h"

#ifdef HCB_HAVE_URING
#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_ENTRIES 32768u

struct uring_dev {
	struct hcb_blockdev b; /* first */
	struct io_uring ring;
	char trouble[128];
};

/* Completions are worked off when we enter the kernel anyway, instead of interrupting us;
   kernels before 5.19 do not know that. */
static int make_ring(struct io_uring *ring, uint32_t depth)
{
	struct io_uring_params p;
	memset(&p, 0, sizeof(p));
	p.flags = IORING_SETUP_CLAMP | IORING_SETUP_COOP_TASKRUN |
	          IORING_SETUP_TASKRUN_FLAG;
	int r = io_uring_queue_init_params(depth, ring, &p);
	if (r != -EINVAL)
		return r;
	memset(&p, 0, sizeof(p));
	p.flags = IORING_SETUP_CLAMP;
	return io_uring_queue_init_params(depth, ring, &p);
}

static int no_ring(const struct hcb_dev *dev, int r, struct hcb_err *err)
{
	const char *why = "";
	if (r == -EPERM || r == -EACCES)
		why = " (io_uring is forbidden here: sysctl kernel.io_uring_disabled, or "
		      "a "
		      "container's seccomp filter); libaio: works without it";
	else if (r == -ENOSYS)
		why = " (this kernel has no io_uring); libaio: works without it";
	else if (r == -ENOMEM)
		why = " (the limit on locked memory: ulimit -l)";
	return hcb_err_set(err, r, "open %s: io_uring_setup: %s%s", dev->target,
	                   strerror(-r), why);
}

static int uring_open(struct hcb_dev *dev, struct hcb_err *err)
{
	struct uring_dev *d = dev->priv;
	int r = hcb_blockdev_open(dev, err);
	if (r)
		return r;
	r = make_ring(&d->ring, dev->depth < MAX_ENTRIES ? dev->depth : MAX_ENTRIES);
	if (r) {
		no_ring(dev, r, err);
		hcb_blockdev_close(dev);
		return r;
	}
	dev->wake_fd = d->ring.ring_fd; /* readable while it has completions */
	return 0;
}

static void uring_close(struct hcb_dev *dev)
{
	struct uring_dev *d = dev->priv;
	hcb_blockdev_drain(dev);
	/* Taking a ring down waits for what is in it. */
	if (!dev->abandoned)
		io_uring_queue_exit(&d->ring);
	dev->wake_fd = -1;
	hcb_blockdev_close(dev);
}

static void prepare(const struct uring_dev *d, struct io_uring_sqe *sqe,
                    struct hcb_op *op)
{
	int fd = d->b.guard.fd;
	if (op->kind == HCB_READ) {
		io_uring_prep_read(sqe, fd, op->buf, op->len, op->off);
	} else if (op->kind == HCB_WRITE) {
		io_uring_prep_write(sqe, fd, op->buf, op->len, op->off);
		if (op->flags & HCB_OP_FUA)
			sqe->rw_flags = RWF_DSYNC;
	} else {
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
	}
	io_uring_sqe_set_data(sqe, op);
}

/* What the kernel does not take now it is offered again. What it will never take leaves
   the ring broken: the run has to end. */
static void push(struct hcb_dev *dev)
{
	struct uring_dev *d = dev->priv;
	int r = io_uring_submit(&d->ring);
	if (r >= 0 || r == -EAGAIN || r == -EBUSY || r == -EINTR || d->trouble[0])
		return;
	snprintf(d->trouble, sizeof(d->trouble), "io_uring_enter: %s", strerror(-r));
	atomic_store(&dev->trouble, d->trouble);
}

static int uring_submit(struct hcb_dev *dev, struct hcb_op *const *ops, unsigned n)
{
	struct uring_dev *d = dev->priv;
	unsigned i;
	for (i = 0; i < n && hcb_blockdev_room(dev); i++) {
		int r = hcb_dev_check_op(dev, ops[i]);
		if (r) {
			hcb_blockdev_early(dev, ops[i], r);
			continue;
		}
		struct io_uring_sqe *sqe = io_uring_get_sqe(&d->ring);
		if (!sqe)
			break;
		prepare(d, sqe, ops[i]);
		d->b.inflight++;
		if (io_uring_sq_ready(&d->ring) >= HCB_BLOCKDEV_BATCH)
			push(dev);
	}
	if (io_uring_sq_ready(&d->ring))
		push(dev);
	return (int)i;
}

static unsigned uring_poll(struct hcb_dev *dev, struct hcb_op **done, unsigned max)
{
	struct uring_dev *d = dev->priv;
	struct io_uring_cqe *cqe[64];
	unsigned n = hcb_blockdev_poll_early(dev, done, max);
	unsigned room = max - n < 64 ? max - n : 64;
	if (io_uring_sq_ready(&d->ring))
		push(dev);
	unsigned got = room ? io_uring_peek_batch_cqe(&d->ring, cqe, room) : 0;
	if (!got)
		return n;
	uint64_t now = hcb_clock_now(dev->clock);
	for (unsigned i = 0; i < got; i++) {
		struct hcb_op *op = io_uring_cqe_get_data(cqe[i]);
		hcb_blockdev_finish(op, cqe[i]->res, now);
		done[n++] = op;
	}
	io_uring_cq_advance(&d->ring, got);
	d->b.inflight -= got;
	return n;
}
#endif

const struct hcb_engine hcb_engine_uring = {
        .name = "uring",
        .summary = "a file or block device through io_uring, past the page cache",
        .address_help = "PATH",
        .opts = hcb_blockdev_opts,
        .conf_size = sizeof(struct hcb_blockdev_conf),
#ifdef HCB_HAVE_URING
        .caps = HCB_CAP_READ | HCB_CAP_WRITE | HCB_CAP_FLUSH | HCB_CAP_FUA |
                HCB_CAP_REAL | HCB_CAP_STORES,
        .dev_size = sizeof(struct uring_dev),
        .open = uring_open,
        .close = uring_close,
        .describe = hcb_blockdev_describe,
        .submit = uring_submit,
        .poll = uring_poll,
        .note_prefilled = hcb_blockdev_note_prefilled,
#else
        .unavailable = "built without liburing",
#endif
};
