/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A served disk's requests, from the kernel to the engine. */
#include "config.h"

#ifdef HCB_HAVE_FUSE3

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lab/disk_internal.h"

static void fill(struct request *r, enum hcb_op_kind kind, uint64_t off, uint64_t len,
                 uint64_t now)
{
	r->kind = kind;
	r->arrive_ns = now;
	r->error = 0;
	/* The arm goes to a bad sector as it goes to read it, and comes back with
	 * nothing.
	 */
	r->op.kind = r->bad ? HCB_READ : kind;
	r->op.flags = 0;
	r->op.off = off;
	r->op.len = (uint32_t)len;
	r->op.result = 0;
}

/* A free request, or NULL after answering: a disk that fails does not touch its data. */
static struct request *take(struct serve *sv, fuse_req_t req, enum hcb_op_kind kind,
                            uint64_t off, uint64_t len)
{
	struct request *r = NULL, none = {.req = req};
	uint64_t now = hcb_clock_now(&sv->clock);
	fill(&none, kind, off, len, now);
	pthread_mutex_lock(&sv->lock);
	none.error = sv->faults.fail ? EIO : sv->unused ? 0 : EBUSY;
	if (none.error) {
		disk_account(sv, &none, now);
	} else {
		r = sv->unused;
		sv->unused = r->next;
		r->bad = disk_fault_hits(&sv->faults, kind, off, len);
		r->busy = true;
	}
	pthread_mutex_unlock(&sv->lock);
	if (!r) {
		fuse_reply_err(req, none.error);
		return NULL;
	}
	r->req = req;
	fill(r, kind, off, len, now);
	return r;
}

/* Any thread, without the lock. */
static void move_data(struct serve *sv, struct request *r, const char *buf)
{
	void *own = r->op.buf;
	if (sv->emulation && sv->emulation->transfer) {
		if (r->op.kind == HCB_WRITE)
			r->op.buf = (void *)(uintptr_t)buf;
		sv->emulation->transfer(sv->dev, &r->op);
		r->op.buf = own;
	} else if (r->op.kind == HCB_WRITE) {
		memcpy(own, buf, r->op.len);
	}
}

/* Under the lock. 1: the engine has it; 0: it is full; -errno: it is broken. */
static int hand_over(struct serve *sv, struct request *r)
{
	struct hcb_op *op = &r->op;
	r->op.submit_ns = hcb_clock_now(&sv->clock);
	int n = sv->dev->engine->submit(sv->dev, &op, 1);
	if (n < 0)
		r->error = -n;
	if (n <= 0)
		return n;
	if (r->op.kind == HCB_WRITE)
		disk_fault_written(&sv->faults, r->op.off, r->op.len);
	if (++sv->in_engine > sv->most_queued)
		sv->most_queued = sv->in_engine;
	disk_arm(sv);
	return n;
}

/* Under the lock, behind those that found the engine full. False: it is broken, and the
   request is done. */
static bool submit(struct serve *sv, struct request *r)
{
	int n = sv->pushed_back.head ? 0 : hand_over(sv, r);
	if (n == 0)
		disk_push(&sv->pushed_back, r);
	return n >= 0;
}

void disk_push_again(struct serve *sv)
{
	struct request *r;
	int n = 1;
	while (n && (r = sv->pushed_back.head)) {
		n = hand_over(sv, r);
		if (n)
			disk_pop(&sv->pushed_back);
		if (n < 0) {
			disk_push(&sv->ready, r);
			sv->n_held++;
		}
	}
}

/* Does the engine need no time? Then nobody has to wait for the timer thread. */
static bool done_at_once(const struct serve *sv)
{
	const struct hcb_engine *e = sv->dev->engine;
	if (!e->next_ns || (sv->emulation && sv->emulation->timing(sv->dev)))
		return false;
	return e->next_ns(sv->dev) <= hcb_clock_now(&sv->clock);
}

static void enqueue(struct serve *sv, struct request *r)
{
	bool taken = true, at_once = false;
	pthread_mutex_lock(&sv->lock);
	if (sv->faults.hang) {
		disk_push(&sv->held, r);
		sv->n_held++;
	} else {
		taken = submit(sv, r);
		at_once = taken && done_at_once(sv);
	}
	pthread_mutex_unlock(&sv->lock);
	if (!taken)
		disk_answer(sv, r);
	else if (at_once)
		disk_pump(sv, false);
}

/* Under the lock: the next one that was kept back, or NULL. What was done first. */
static struct request *kept_back(struct serve *sv, bool *done)
{
	if (sv->faults.hang)
		return NULL;
	struct request *r = disk_pop(&sv->ready);
	*done = r;
	if (!r)
		r = disk_pop(&sv->held);
	sv->n_held -= r != NULL;
	return r;
}

void disk_release(struct serve *sv)
{
	struct request *r;
	do {
		bool done = false;
		pthread_mutex_lock(&sv->lock);
		r = kept_back(sv, &done);
		if (r && !done && sv->faults.fail) {
			r->error = EIO;
			done = true;
		} else if (r && !done) {
			done = !submit(sv, r);
		}
		pthread_mutex_unlock(&sv->lock);
		if (done)
			disk_answer(sv, r);
	} while (r);
}

static bool in_range(const struct serve *sv, off_t off, uint64_t len)
{
	uint64_t size = sv->dev->size_bytes;
	return off >= 0 && (uint64_t)off <= size && len <= size - (uint64_t)off;
}

static bool aligned(const struct serve *sv, off_t off, uint64_t len)
{
	return (uint64_t)off % sv->dev->block_bytes == 0 &&
	       len % sv->dev->block_bytes == 0;
}

void disk_read(struct serve *sv, fuse_req_t req, size_t len, off_t off)
{
	uint64_t size = sv->dev->size_bytes;
	if (off < 0 || (uint64_t)off >= size) {
		fuse_reply_buf(req, NULL, 0);
		return;
	}
	if (len > size - (uint64_t)off)
		len = (size_t)(size - (uint64_t)off);
	if (len == 0 || len > MAX_IO || !aligned(sv, off, len)) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	struct request *r = take(sv, req, HCB_READ, (uint64_t)off, len);
	if (!r)
		return;
	move_data(sv, r, NULL);
	enqueue(sv, r);
}

void disk_write(struct serve *sv, fuse_req_t req, const char *buf, size_t len, off_t off)
{
	if (len == 0 || len > MAX_IO || !aligned(sv, off, len)) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	if (!in_range(sv, off, len)) {
		fuse_reply_err(req, ENOSPC);
		return;
	}
	struct request *r = take(sv, req, HCB_WRITE, (uint64_t)off, len);
	if (!r)
		return;
	move_data(sv, r, buf);
	enqueue(sv, r);
}

void disk_flush(struct serve *sv, fuse_req_t req)
{
	struct request *r = take(sv, req, HCB_FLUSH, 0, 0);
	if (!r)
		return;
	move_data(sv, r, NULL);
	if (sv->dev->caps & HCB_CAP_FLUSH)
		enqueue(sv, r);
	else
		disk_answer(sv, r); /* done is durable */
}

void disk_discard(struct serve *sv, fuse_req_t req, int mode, off_t off, off_t len)
{
	int want = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	int zero = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
	int m = mode | FALLOC_FL_KEEP_SIZE, error = 0;
	if ((m != want && m != zero) || !(sv->dev->caps & HCB_CAP_DISCARD))
		error = EOPNOTSUPP;
	else if (len <= 0 || !in_range(sv, off, (uint64_t)len) ||
	         !aligned(sv, off, (uint64_t)len))
		error = EINVAL;
	else if (len > UINT32_MAX) /* the block layer never asks for so much */
		error = EFBIG;
	if (error) {
		fuse_reply_err(req, error);
		return;
	}
	struct request *r = take(sv, req, HCB_DISCARD, (uint64_t)off, (uint64_t)len);
	if (!r)
		return;
	move_data(sv, r, NULL);
	enqueue(sv, r);
}

#endif
