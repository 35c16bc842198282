/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libaio: a file or block device through Linux's older asynchronous interface, opened
 * O_DIRECT: for kernels and containers without io_uring, and to compare with.
 *
 * A flush is IOCB_CMD_FDSYNC, which the kernel runs on a thread of its own for every file
 * that has fsync (since Linux 4.18). It is tried when a target is opened; a target where
 * it does not work has no flush.
 *
 * Time. io_submit may block: on a queue that is full, on a lock of the file's, on some
 * files for as long as a flush under way takes. submit_ns was stamped before, so that
 * time is the storage's. done_ns is stamped when poll reads the event, as uring does and
 * for the same reason.
 */
#include "config.h"

#include "engines/blockdev.h"

#ifdef HCB_HAVE_LIBAIO
#include <errno.h>
#include <libaio.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EVENTS 64u

struct libaio_dev {
	struct hcb_blockdev b; /* first */
	io_context_t ctx;
};

static int no_context(const struct hcb_dev *dev, int r, struct hcb_err *err)
{
	return hcb_err_set(err, r, "open %s: io_setup: %s%s", dev->target, strerror(-r),
	                   r == -EAGAIN ? " (sysctl fs.aio-max-nr is used up)" : "");
}

/* ---- requests that are never answered ---- */

static char heir_stack[16384] __attribute__((aligned(16)));

/* Shares the memory, thread-local variables included: system calls that cannot fail. */
static int heir(void *arg)
{
	const struct timespec nap = {0, 50000000};
	pid_t *parent = arg;
	syscall(SYS_close_range, 0u, ~0u, 0u);
	while (syscall(SYS_getppid) == *parent)
		syscall(SYS_nanosleep, &nap, NULL);
	syscall(SYS_exit, 0);
	return 0;
}

/*
 * The kernel lets nobody go whose requests it still has: a process that ends with some
 * out waits inside exit, deaf to every signal, until the device answers. What waits is
 * the last user of the memory they were submitted from. So one more user is made, which
 * has nothing else to do: we can end, and it ends when the device has answered.
 */
static void leave_behind(struct hcb_dev *dev)
{
	static pid_t parent;
	sigset_t all, before;
	dev->abandoned = true;
	if (parent == getpid())
		return; /* one is enough */
	parent = getpid();
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* it must not run our handlers */
	if (clone(heir, heir_stack + sizeof(heir_stack), CLONE_VM, &parent) < 0)
		hcb_warn("%s: this process cannot end before the device answers",
		         dev->target);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- opening and closing ---- */

/* Does a flush work here? -ETIMEDOUT: it did not come back. */
static int try_flush(struct hcb_dev *dev, struct hcb_err *err)
{
	struct libaio_dev *d = dev->priv;
	struct iocb cb, *list[1] = {&cb};
	struct io_event ev;
	struct timespec limit = {(time_t)(dev->deadline_ns / 1000000000u),
	                         (long)(dev->deadline_ns % 1000000000u)};
	io_prep_fdsync(&cb, d->b.guard.fd);
	int r = io_submit(d->ctx, 1, list);
	if (r == -EINVAL)
		dev->caps &= ~(uint32_t)HCB_CAP_FLUSH;
	if (r != 1)
		return 0;
	do
		r = io_getevents(d->ctx, 1, 1, &ev, &limit);
	while (r == -EINTR);
	if (r != 1)
		return hcb_err_set(err, -ETIMEDOUT,
		                   "flush %s: no answer within the deadline",
		                   dev->target);
	if ((long)ev.res < 0)
		return hcb_err_sys(err, (int)(long)ev.res, "flush %s", dev->target);
	return 0;
}

static void close_wake(struct hcb_dev *dev)
{
	if (dev->wake_fd >= 0)
		close(dev->wake_fd);
	dev->wake_fd = -1;
}

static int libaio_open(struct hcb_dev *dev, struct hcb_err *err)
{
	struct libaio_dev *d = dev->priv;
	int r = hcb_blockdev_open(dev, err);
	if (r)
		return r;
	r = io_setup((int)dev->depth, &d->ctx);
	if (r) {
		no_context(dev, r, err);
		hcb_blockdev_close(dev);
		return r;
	}
	dev->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	dev->wake_is_eventfd = true;
	if (dev->wake_fd < 0)
		r = hcb_err_sys(err, -errno, "open %s: make an eventfd", dev->target);
	else
		r = try_flush(dev, err);
	if (!r)
		return 0;
	close_wake(dev);
	if (r == -ETIMEDOUT)
		leave_behind(dev); /* io_destroy would wait for it */
	else
		io_destroy(d->ctx);
	hcb_blockdev_close(dev);
	return r;
}

static void libaio_close(struct hcb_dev *dev)
{
	struct libaio_dev *d = dev->priv;
	hcb_blockdev_drain(dev);
	if (dev->abandoned) {
		leave_behind(dev);
		dev->wake_fd = -1; /* the kernel may still write it */
	} else {
		io_destroy(d->ctx);
		close_wake(dev);
	}
	hcb_blockdev_close(dev);
}

/* op->priv may hold another device's leavings: all of it is written. */
static struct iocb *prepare(const struct hcb_dev *dev, struct hcb_op *op)
{
	const struct libaio_dev *d = dev->priv;
	struct iocb *cb = op->priv;
	int fd = d->b.guard.fd;
	if (op->kind == HCB_READ) {
		io_prep_pread(cb, fd, op->buf, op->len, (long long)op->off);
	} else if (op->kind == HCB_WRITE) {
		io_prep_pwrite(cb, fd, op->buf, op->len, (long long)op->off);
		if (op->flags & HCB_OP_FUA)
			cb->aio_rw_flags = RWF_DSYNC;
	} else {
		io_prep_fdsync(cb, fd);
	}
	io_set_eventfd(cb, dev->wake_fd);
	cb->data = op;
	return cb;
}

/* How many of the n the kernel has or refused for good; fewer: it has no room now. */
static unsigned push(struct hcb_dev *dev, struct hcb_op *const *ops, struct iocb **cb,
                     unsigned n)
{
	struct libaio_dev *d = dev->priv;
	unsigned at = 0;
	while (at < n) {
		int r = io_submit(d->ctx, (long)(n - at), cb + at);
		if (r > 0) {
			at += (unsigned)r;
			d->b.inflight += (uint32_t)r;
		} else if (r == 0 || r == -EAGAIN || r == -EINTR) {
			break;
		} else {
			hcb_blockdev_early(dev, ops[at++], r);
		}
	}
	return at;
}

static int libaio_submit(struct hcb_dev *dev, struct hcb_op *const *ops, unsigned n)
{
	struct iocb *cb[HCB_BLOCKDEV_BATCH];
	uint32_t room = hcb_blockdev_room(dev);
	unsigned first = 0, k = 0; /* ops[first..first+k) wait in cb */
	n = n < room ? n : room;
	for (unsigned i = 0; i < n; i++) {
		int bad = hcb_dev_check_op(dev, ops[i]);
		if (!bad)
			cb[k++] = prepare(dev, ops[i]);
		if (k && (bad || k == HCB_BLOCKDEV_BATCH || i + 1 == n)) {
			unsigned took = push(dev, ops + first, cb, k);
			if (took < k)
				return (int)(first + took);
			k = 0;
		}
		if (bad)
			hcb_blockdev_early(dev, ops[i], bad);
		if (!k)
			first = i + 1;
	}
	return (int)n;
}

static unsigned libaio_poll(struct hcb_dev *dev, struct hcb_op **done, unsigned max)
{
	struct libaio_dev *d = dev->priv;
	struct io_event ev[EVENTS];
	struct timespec at_once = {0, 0};
	unsigned n = hcb_blockdev_poll_early(dev, done, max);
	unsigned room = max - n < EVENTS ? max - n : EVENTS;
	int got = room && d->b.inflight
	                  ? io_getevents(d->ctx, 0, (long)room, ev, &at_once)
	                  : 0;
	if (got <= 0)
		return n;
	uint64_t now = hcb_clock_now(dev->clock);
	for (int i = 0; i < got; i++) {
		struct hcb_op *op = ev[i].data;
		hcb_blockdev_finish(op, (long)ev[i].res, now);
		done[n++] = op;
	}
	d->b.inflight -= (uint32_t)got;
	return n;
}
#endif

const struct hcb_engine hcb_engine_libaio = {
        .name = "libaio",
        .summary = "a file or block device through libaio, past the page cache",
        .address_help = "PATH",
        .opts = hcb_blockdev_opts,
        .conf_size = sizeof(struct hcb_blockdev_conf),
#ifdef HCB_HAVE_LIBAIO
        .caps = HCB_CAP_READ | HCB_CAP_WRITE | HCB_CAP_FLUSH | HCB_CAP_FUA |
                HCB_CAP_REAL | HCB_CAP_STORES,
        .dev_size = sizeof(struct libaio_dev),
        .op_size = sizeof(struct iocb),
        .open = libaio_open,
        .close = libaio_close,
        .describe = hcb_blockdev_describe,
        .submit = libaio_submit,
        .poll = libaio_poll,
        .note_prefilled = hcb_blockdev_note_prefilled,
#else
        .unavailable = "built without libaio",
#endif
};
