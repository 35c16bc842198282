/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbd: an export of an NBD server through libnbd, over a Unix socket: what
 * qemu-storage-daemon, qemu-nbd and nbdkit serve, and so any disk image a hypervisor
 * knows.
 *
 * Who drives. libnbd has no thread: somebody has to tell it when its socket is ready. The
 * run loop does, through poll; wake_fd is an epoll descriptor over the socket and an
 * eventfd (for ops that never reached the server), so the loop sleeps until there is
 * something to read, or room for what is still to be sent. A thread of the engine's own
 * would stamp a reply a little sooner while the loop is busy with another target, but
 * every op would pay for two wake-ups instead of one, for a lock that two threads want,
 * and for a processor that the server, on the same machine, needs.
 *
 * Time. submit_ns was stamped before the request is written to the socket; done_ns is
 * stamped in libnbd's completion callback, once the reply is read: late by a wake-up of
 * the loop while it sleeps, by one turn while it works, as with uring.
 *
 * Memory. Ours is taken in open. libnbd itself allocates one command (some 130 bytes) per
 * op and frees it when the op is done.
 *
 * A connection that breaks completes what is out, once each, with ENOTCONN, as it does
 * every later op; then the target is in trouble, since nothing makes it whole again. It
 * is not opened anew: a server that lost its cache would be taken for one that kept it.
 */
#include "config.h"

#include "bench/core/guard.h"
#include "engines/engine.h"

struct nbd_conf {
	int make, fua;
	char export[256], destroy[512];
};

#define OPT(field) offsetof(struct nbd_conf, field)
static const struct hcb_opt nbd_opts[] = {
        {.name = "export",
         .type = HCB_OPT_STR,
         .offset = OPT(export),
         .size = sizeof(((struct nbd_conf *)0)->export),
         .help = "name of the export, of a unix:PATH; none: the server's default"},
        {.name = "make",
         .type = HCB_OPT_BOOL,
         .offset = OPT(make),
         .def = "off",
         .help = "mark the export as hcbench's if its first and last 4 MiB are zeros"},
        {.name = "fua",
         .type = HCB_OPT_BOOL,
         .offset = OPT(fua),
         .def = "off",
         .help = "use the server's FUA, where it has it; off: write, then flush"},
        {.name = "destroy",
         .type = HCB_OPT_STR,
         .offset = OPT(destroy),
         .size = sizeof(((struct nbd_conf *)0)->destroy),
         .help = "the address once more: overwrite it although it is not marked"},
        {.name = NULL},
};

#ifdef HCB_HAVE_NBD
#include <errno.h>
#include <inttypes.h>
#include <libnbd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engines/nbd_conn.h"

#define MAX_BLOCK 4096u /* what workloads write is a multiple of this */

struct nbd_dev {
	struct hcb_nbd_conn c;
	struct hcb_guard guard;
	struct hcb_guard_io io;
	struct hcb_op **ready; /* completed, for poll; oldest at tail */
	uint32_t head, tail, mask;
	uint32_t inflight; /* libnbd has them */
	int efd;           /* readable while ready holds something that poll left */
	bool kicked;       /* efd is */
	uint32_t armed;    /* what the epoll descriptor waits for at the socket */
	char trouble[512];
};

/* In op->priv: the callback is given the op alone. */
struct nbd_op {
	struct hcb_dev *dev;
	bool done;
};

/* ---- opening ---- */

static int check_address(const struct hcb_dev *dev, struct hcb_err *err)
{
	const struct nbd_conf *conf = dev->conf;
	bool path = strncmp(dev->address, "unix:", 5) == 0;
	if (!path && !strstr(dev->address, "://"))
		return hcb_err_usage(err,
		                     "open %s: expected nbd:unix:PATH or "
		                     "nbd:nbd+unix:///EXPORT?socket=PATH",
		                     dev->target);
	if (path && dev->address[5] != '/')
		return hcb_err_usage(err, "open %s: the socket's path begins with /",
		                     dev->target);
	if (!path && conf->export[0])
		return hcb_err_usage(
		        err,
		        "open %s: the URI names the export, not export=", dev->target);
	if (conf->destroy[0] && strcmp(conf->destroy, dev->address) != 0)
		return hcb_err_refuse(err, "%s is not what destroy=%s names",
		                      dev->address, conf->destroy);
	return 0;
}

static int check_blocks(const struct hcb_dev *dev, const struct hcb_nbd_conn *c,
                        struct hcb_err *err)
{
	if (c->min_block > MAX_BLOCK)
		return hcb_err_set(err, -ENOTSUP,
		                   "open %s: the server takes blocks of %" PRIu32
		                   " bytes at least, hcbench writes %u",
		                   dev->target, c->min_block, MAX_BLOCK);
	if (c->max_block && c->max_block < dev->max_len)
		return hcb_err_set(err, -ENOTSUP,
		                   "open %s: the server takes %" PRIu32
		                   " bytes at once at most, the run sends up to %" PRIu32,
		                   dev->target, c->max_block, dev->max_len);
	if (c->read_only && !dev->read_only)
		return hcb_err_set(err, -EROFS, "open %s: the server offers it read-only",
		                   dev->target);
	return 0;
}

/* With make=on: is the export one that nobody misses? */
static int take_blank(const struct hcb_dev *dev, struct hcb_guard *g, struct hcb_err *err)
{
	bool blank = false;
	int r = hcb_guard_blank(g, &blank, err);
	if (r)
		return r;
	if (!blank)
		return hcb_err_refuse(err,
		                      "%s holds data and was not made by hcbench; only "
		                      "destroy=%s overwrites it",
		                      dev->target, dev->address);
	return hcb_guard_mark(g, err);
}

static int guard_export(struct hcb_dev *dev, struct hcb_err *err)
{
	const struct nbd_conf *conf = dev->conf;
	struct nbd_dev *d = dev->priv;
	struct hcb_guard *g = &d->guard;
	unsigned flags = dev->read_only ? HCB_GUARD_READ_ONLY : 0;
	d->io = (struct hcb_guard_io){hcb_nbd_transfer, hcb_nbd_sync, &d->c};
	if (!dev->read_only) {
		int r = hcb_nbd_lock(&d->c, err);
		if (r)
			return r;
	}
	if (conf->make || conf->destroy[0])
		flags |= HCB_GUARD_UNMARKED;
	int r = hcb_guard_remote(dev->target, d->c.size_bytes, &d->io, flags, g, err);
	if (r || dev->read_only || hcb_guard_is_ours(g) || conf->destroy[0])
		return r;
	if (g->size_bytes < dev->want_bytes)
		return 0; /* too small, as hcb_target_open will say: not marked for that
		           */
	return take_blank(dev, g, err);
}

static int make_queue(struct hcb_dev *dev, struct hcb_err *err)
{
	struct nbd_dev *d = dev->priv;
	uint32_t n = 1;
	while (n < dev->depth)
		n *= 2;
	d->mask = n - 1;
	d->ready = calloc(n, sizeof(struct hcb_op *));
	d->efd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	dev->wake_fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event kick = {.events = EPOLLIN}, socket = {.events = EPOLLIN};
	d->armed = EPOLLIN;
	if (!d->ready || d->efd < 0 || dev->wake_fd < 0 ||
	    epoll_ctl(dev->wake_fd, EPOLL_CTL_ADD, d->efd, &kick) ||
	    epoll_ctl(dev->wake_fd, EPOLL_CTL_ADD, d->c.fd, &socket))
		return hcb_err_sys(err, d->ready ? -errno : -ENOMEM, "open %s",
		                   dev->target);
	return 0;
}

static void drop_queue(struct hcb_dev *dev)
{
	struct nbd_dev *d = dev->priv;
	free(d->ready);
	d->ready = NULL;
	if (d->efd >= 0)
		close(d->efd);
	if (dev->wake_fd >= 0)
		close(dev->wake_fd);
	d->efd = dev->wake_fd = -1;
}

static void set_caps(struct hcb_dev *dev)
{
	const struct nbd_conf *conf = dev->conf;
	const struct nbd_dev *d = dev->priv;
	uint32_t lacks = 0;
	if (!d->c.can_flush)
		lacks |= HCB_CAP_FLUSH;
	if (!d->c.can_fua || !conf->fua)
		lacks |= HCB_CAP_FUA;
	if (!d->c.can_trim)
		lacks |= HCB_CAP_DISCARD;
	dev->caps &= ~lacks;
	if (dev->read_only)
		dev->caps &= HCB_CAP_READ | HCB_CAP_FLUSH | HCB_CAP_REAL | HCB_CAP_STORES;
}

static int nbd_open(struct hcb_dev *dev, struct hcb_err *err)
{
	const struct nbd_conf *conf = dev->conf;
	struct nbd_dev *d = dev->priv;
	int r = check_address(dev, err);
	if (r)
		return r;
	d->efd = -1;
	d->c.name = dev->target;
	d->c.deadline_ns = dev->deadline_ns;
	r = hcb_nbd_connect(&d->c, dev->address, conf->export, err);
	if (r)
		return r;
	r = check_blocks(dev, &d->c, err);
	if (r == 0)
		r = guard_export(dev, err);
	if (r == 0)
		r = make_queue(dev, err);
	if (r) {
		drop_queue(dev);
		hcb_nbd_disconnect(&d->c, true);
		return r;
	}
	dev->size_bytes = d->guard.size_bytes;
	/* A server that says nothing is to be asked for 512 at least (NBD's doc/proto.md,
	   "Block size constraints"). */
	dev->block_bytes = d->c.min_block > 512 ? d->c.min_block : 512;
	dev->prefilled_bytes =
	        hcb_guard_is_ours(&d->guard) ? d->guard.mark.prefilled_bytes : 0;
	set_caps(dev);
	return 0;
}

/* ---- ops ---- */

static void put_ready(struct nbd_dev *d, struct hcb_op *op, int result, uint64_t now_ns)
{
	op->result = result;
	op->done_ns = now_ns;
	d->ready[d->head++ & d->mask] = op;
}

/* Called by libnbd, inside one of our calls into it. */
static int on_done(void *arg, int *error)
{
	struct hcb_op *op = arg;
	struct nbd_op *o = op->priv;
	struct hcb_dev *dev = o->dev;
	struct nbd_dev *d = dev->priv;
	o->done = true;
	d->inflight--;
	put_ready(d, op, -*error, hcb_clock_now(dev->clock));
	return 1; /* libnbd may forget the command */
}

static int64_t start(struct nbd_dev *d, struct hcb_op *op)
{
	struct nbd_handle *h = d->c.h;
	nbd_completion_callback done = {.callback = on_done, .user_data = op};
	uint32_t flags = op->flags & HCB_OP_FUA ? LIBNBD_CMD_FLAG_FUA : 0;
	switch (op->kind) {
	case HCB_READ:
		return nbd_aio_pread(h, op->buf, op->len, op->off, done, 0);
	case HCB_WRITE:
		return nbd_aio_pwrite(h, op->buf, op->len, op->off, done, flags);
	case HCB_FLUSH:
		return nbd_aio_flush(h, done, 0);
	case HCB_DISCARD:
		return nbd_aio_trim(h, op->len, op->off, done, 0);
	case HCB_OP_KINDS:
		break;
	}
	return -1;
}

/*
 * Of a connection found broken while the command is sent, libnbd calls the callback,
 * frees the command and then takes what it returns, the cookie, from there (1.14.2,
 * lib/rw.c): only the callback says that such an op is done.
 */
static int hand_over(struct hcb_dev *dev, struct hcb_op *op)
{
	struct nbd_dev *d = dev->priv;
	struct nbd_op *o = op->priv;
	*o = (struct nbd_op){.dev = dev};
	d->inflight++; /* before: on_done may come at once */
	if (start(d, op) >= 0 || o->done)
		return 0;
	d->inflight--;
	return nbd_get_errno() > 0 ? -nbd_get_errno() : -EIO;
}

/* The loop sleeps on what libnbd waits for, and not at all while poll has something. */
static void arm(struct hcb_dev *dev)
{
	struct nbd_dev *d = dev->priv;
	bool ready = d->head != d->tail;
	uint64_t n = 1;
	if (ready != d->kicked) {
		ssize_t r = ready ? write(d->efd, &n, sizeof(n))
		                  : read(d->efd, &n, sizeof(n));
		d->kicked = ready;
		(void)r; /* one write and one read by turns: neither can fail */
	}
	if (!hcb_nbd_look(&d->c))
		return; /* libnbd closed the socket, which took it out of the set */
	struct epoll_event e = {.events = EPOLLIN};
	if (nbd_aio_get_direction(d->c.h) & LIBNBD_AIO_DIRECTION_WRITE)
		e.events |= EPOLLOUT;
	if (e.events != d->armed &&
	    epoll_ctl(dev->wake_fd, EPOLL_CTL_MOD, d->c.fd, &e) == 0)
		d->armed = e.events;
}

static int nbd_submit(struct hcb_dev *dev, struct hcb_op *const *ops, unsigned n)
{
	struct nbd_dev *d = dev->priv;
	unsigned i;
	for (i = 0; i < n && d->inflight + (d->head - d->tail) < dev->depth; i++) {
		struct hcb_op *op = ops[i];
		int r = hcb_dev_check_op(dev, op);
		if (r == 0 && !hcb_nbd_look(&d->c))
			r = -ENOTCONN;
		if (r == 0)
			r = hand_over(dev, op);
		if (r)
			put_ready(d, op, r, hcb_clock_now(dev->clock));
	}
	arm(dev);
	return (int)i;
}

static unsigned take_ready(struct nbd_dev *d, struct hcb_op **done, unsigned max)
{
	unsigned n = 0;
	while (n < max && d->tail != d->head)
		done[n++] = d->ready[d->tail++ & d->mask];
	return n;
}

/* An op that failed ends a run and is named by it; a run that goes on past failed ops
   must still end when no op can succeed any more. */
static void note_lost(struct hcb_dev *dev)
{
	struct nbd_dev *d = dev->priv;
	if (d->trouble[0])
		return;
	snprintf(d->trouble, sizeof(d->trouble), "%s: the connection is lost: %s",
	         dev->target, d->c.lost);
	atomic_store(&dev->trouble, d->trouble);
}

static unsigned nbd_poll_dev(struct hcb_dev *dev, struct hcb_op **done, unsigned max)
{
	struct nbd_dev *d = dev->priv;
	unsigned n = take_ready(d, done, max);
	for (int r = 1; r > 0 && n < max && d->inflight;) {
		r = hcb_nbd_step(&d->c, 0);
		n += take_ready(d, done + n, max - n);
	}
	arm(dev);
	if (n && d->c.fd < 0)
		note_lost(dev);
	return n;
}

/* ---- the rest of its life ---- */

static void nbd_close_dev(struct hcb_dev *dev)
{
	struct nbd_dev *d = dev->priv;
	struct hcb_op *done[16];
	uint64_t until = hcb_monotonic_ns() + dev->deadline_ns;
	while (d->inflight && d->c.fd >= 0 && hcb_monotonic_ns() < until) {
		hcb_nbd_step(&d->c, 20);
		while (take_ready(d, done, 16))
			;
	}
	if (d->inflight)
		hcb_warn("close %s: %" PRIu32 " ops without an answer after %" PRIu64
		         " s; the connection is cut",
		         dev->target, d->inflight, dev->deadline_ns / 1000000000u);
	hcb_nbd_disconnect(&d->c, d->inflight == 0);
	drop_queue(dev);
}

static int nbd_note_prefilled(struct hcb_dev *dev, uint64_t bytes, struct hcb_err *err)
{
	struct nbd_dev *d = dev->priv;
	return hcb_guard_note_prefilled(&d->guard, bytes, err);
}

static void said_or_null(struct hcb_kvs *k, const char *key, uint32_t value)
{
	if (value)
		hcb_kvs_u64(k, key, value);
	else
		hcb_kvs_json(k, key, json_null());
}

static int nbd_describe(const struct hcb_dev *dev, struct hcb_kvs *facts)
{
	const struct nbd_conf *conf = dev->conf;
	const struct nbd_dev *d = dev->priv;
	const struct hcb_nbd_conn *c = &d->c;
	const char *version = nbd_get_version(c->h);
	hcb_kvs_str(facts, "libnbd_version", version);
	hcb_kvs_str(facts, "protocol", c->protocol);
	hcb_kvs_u64(facts, "export_bytes", c->size_bytes);
	hcb_kvs_u64(facts, "block_bytes", dev->block_bytes);
	said_or_null(facts, "server_min_block_bytes", c->min_block);
	said_or_null(facts, "server_preferred_block_bytes", c->preferred_block);
	said_or_null(facts, "server_max_block_bytes", c->max_block);
	hcb_kvs_bool(facts, "server_flush", c->can_flush);
	hcb_kvs_bool(facts, "server_fua", c->can_fua);
	hcb_kvs_bool(facts, "server_trim", c->can_trim);
	hcb_kvs_bool(facts, "server_multi_conn", c->can_multi_conn);
	hcb_kvs_bool(facts, "server_rotational", c->rotational);
	hcb_kvs_str(facts, "fua",
	            conf->fua && c->can_fua ? "native" : "write, then flush");
	hcb_kvs_json(facts, "mark",
	             d->guard.marked
	                     ? json_pack("{ssssss}", "uuid", d->guard.mark.uuid, "date",
	                                 d->guard.mark.date, "host", d->guard.mark.host)
	                     : json_null());
	return 0;
}
#endif

const struct hcb_engine hcb_engine_nbd = {
        .name = "nbd",
        .summary = "an NBD server's export through libnbd, over a Unix socket",
        .address_help = "unix:PATH or nbd+unix:///EXPORT?socket=PATH",
        .opts = nbd_opts,
        .conf_size = sizeof(struct nbd_conf),
#ifdef HCB_HAVE_NBD
        .caps = HCB_CAP_READ | HCB_CAP_WRITE | HCB_CAP_FLUSH | HCB_CAP_FUA |
                HCB_CAP_DISCARD | HCB_CAP_REAL | HCB_CAP_STORES,
        .dev_size = sizeof(struct nbd_dev),
        .op_size = sizeof(struct nbd_op),
        .open = nbd_open,
        .close = nbd_close_dev,
        .describe = nbd_describe,
        .submit = nbd_submit,
        .poll = nbd_poll_dev,
        .note_prefilled = nbd_note_prefilled,
#else
        .unavailable = "built without libnbd",
#endif
};
