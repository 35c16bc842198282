/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/prefill.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/core/random.h"
#include "bench/core/units.h"

#define CHUNK ((uint32_t)(1 * HCB_MIB))
#define DEPTH 16u

struct filler {
	struct hcb_dev *dev;
	const struct hcb_clock *clock;
	struct hcb_op op[DEPTH];
	unsigned char *priv, *buf;
	struct hcb_op *free[DEPTH];
	unsigned n_free;
	uint64_t at, end, done_bytes, last_progress;
	int failed; /* the first error, and of which write: */
	uint64_t failed_off;
	uint32_t failed_len;
};

static int filler_init(struct filler *f, struct hcb_dev *dev,
                       const struct hcb_clock *clock)
{
	memset(f, 0, sizeof(*f));
	f->dev = dev;
	f->clock = clock;
	f->priv = calloc(DEPTH, dev->engine->op_size + 64);
	f->buf = aligned_alloc(4096, CHUNK);
	if (!f->priv || !f->buf)
		return -ENOMEM;
	struct hcb_random r;
	hcb_random_init(&r, dev->seed, 5);
	for (uint32_t i = 0; i < CHUNK; i += 8) {
		uint64_t v = hcb_random_u64(&r);
		memcpy(f->buf + i, &v, 8);
	}
	for (unsigned i = 0; i < DEPTH; i++) {
		f->op[i].priv = f->priv + i * (dev->engine->op_size + 64);
		f->op[i].buf = f->buf;
		f->free[f->n_free++] = &f->op[i];
	}
	return 0;
}

/* With ops out and unanswered, the engine still holds the buffers: they are left to it.
 */
static void filler_free(struct filler *f)
{
	if (f->n_free < DEPTH && f->priv && f->buf)
		return;
	free(f->priv);
	free(f->buf);
	free(f);
}

/* How many ops came back. */
static unsigned collect(struct filler *f)
{
	struct hcb_op *done[DEPTH];
	unsigned n = f->dev->engine->poll(f->dev, done, DEPTH);
	for (unsigned i = 0; i < n; i++) {
		if (done[i]->result && !f->failed) {
			f->failed = done[i]->result;
			f->failed_off = done[i]->off;
			f->failed_len = done[i]->len;
		}
		f->done_bytes += done[i]->len;
		f->free[f->n_free++] = done[i];
		f->last_progress = hcb_monotonic_ns();
	}
	return n;
}

static void put(struct filler *f, enum hcb_op_kind kind, uint64_t off, uint32_t len)
{
	struct hcb_op *op = f->free[f->n_free - 1];
	op->kind = kind;
	op->off = off;
	op->len = len;
	op->flags = 0;
	op->result = 0;
	op->submit_ns = op->due_ns = hcb_clock_now(f->clock);
	int took = f->dev->engine->submit(f->dev, &op, 1);
	if (took < 0)
		f->failed = took;
	if (took == 1) {
		f->n_free--;
		f->at += len;
	}
}

static void nap(const struct filler *f)
{
	struct pollfd p = {f->dev->wake_fd, POLLIN, 0};
	if (poll(&p, f->dev->wake_fd >= 0, f->dev->wake_fd >= 0 ? 20 : 1) > 0)
		hcb_dev_woken(f->dev);
}

/* True while there is reason to go on. */
static bool alive(const struct filler *f, uint64_t deadline_ns,
                  const volatile sig_atomic_t *sig)
{
	return !f->failed && !(sig && *sig) && !atomic_load(&f->dev->trouble) &&
	       hcb_monotonic_ns() - f->last_progress < deadline_ns;
}

static int outcome(const struct filler *f, const char *what,
                   const volatile sig_atomic_t *sig, struct hcb_err *err)
{
	const char *trouble = atomic_load(&f->dev->trouble);
	if (f->failed && f->failed_len)
		return hcb_err_sys(err, f->failed, "%s %s: write of %u bytes at %llu",
		                   what, f->dev->target, f->failed_len,
		                   (unsigned long long)f->failed_off);
	if (f->failed)
		return hcb_err_sys(err, f->failed, "%s %s", what, f->dev->target);
	if (sig && *sig)
		return hcb_err_set(err, -EINTR, "%s %s: interrupted", what,
		                   f->dev->target);
	if (trouble)
		return hcb_err_invalid(err, "%s %s: %s", what, f->dev->target, trouble);
	return hcb_err_set(err, -ETIMEDOUT, "%s %s: no completion within the deadline",
	                   what, f->dev->target);
}

static int drain(struct filler *f, const char *what, uint64_t deadline_ns,
                 const volatile sig_atomic_t *sig, struct hcb_err *err)
{
	while (f->n_free < DEPTH && alive(f, deadline_ns, sig)) {
		if (!collect(f))
			nap(f);
	}
	return f->n_free == DEPTH && !f->failed ? 0 : outcome(f, what, sig, err);
}

static int fill_device(struct filler *f, uint64_t rate, uint64_t deadline_ns,
                       const volatile sig_atomic_t *sig, bool progress,
                       struct hcb_err *err)
{
	uint64_t start = hcb_monotonic_ns(), said = start, from = f->at;
	f->last_progress = start;
	while (f->at < f->end && alive(f, deadline_ns, sig)) {
		uint64_t now = hcb_monotonic_ns();
		double allowed = rate ? (double)rate * (double)(now - start) / 1e9 + CHUNK
		                      : 0x1p63;
		bool may_put = f->n_free && (double)(f->at - from) < allowed;
		if (may_put) {
			uint64_t left = f->end - f->at;
			put(f, HCB_WRITE, f->at, left < CHUNK ? (uint32_t)left : CHUNK);
		}
		if (f->n_free == DEPTH)
			f->last_progress = now; /* nothing is out: nobody is late */
		if (!collect(f) && !may_put)
			nap(f);
		if (progress && now - said > 10 * HCB_SEC) {
			hcb_say("prefilling %s: %llu of %llu MiB", f->dev->target,
			        (unsigned long long)(f->done_bytes / HCB_MIB),
			        (unsigned long long)((f->end - from) / HCB_MIB));
			said = now;
		}
	}
	return drain(f, "prefill", deadline_ns, sig, err);
}

static int prefill_one(struct hcb_dev *dev, uint64_t used, const struct hcb_clock *clock,
                       uint64_t rate, uint64_t deadline_ns,
                       const volatile sig_atomic_t *sig, bool progress, uint64_t *written,
                       struct hcb_err *err)
{
	struct filler *f = malloc(sizeof(*f));
	if (!f)
		return hcb_err_sys(err, -ENOMEM, "prefill %s", dev->target);
	int r = filler_init(f, dev, clock);
	if (r) {
		r = hcb_err_sys(err, r, "prefill %s", dev->target);
		goto out;
	}
	f->at = dev->prefilled_bytes;
	f->end = used;
	if (progress)
		hcb_say("prefilling %s: %llu MiB", dev->target,
		        (unsigned long long)((f->end - f->at) / HCB_MIB));
	r = fill_device(f, rate, deadline_ns, sig, progress, err);
	*written += f->done_bytes;
	if (!r)
		r = hcb_flush_once(dev, clock, deadline_ns, err);
	if (!r && dev->engine->note_prefilled)
		r = dev->engine->note_prefilled(dev, used, err);
out:
	filler_free(f);
	return r;
}

static bool needs_it(const struct hcb_layout *l, unsigned d)
{
	return (l->devs[d]->caps & HCB_CAP_REAL) &&
	       l->devs[d]->prefilled_bytes < l->used_bytes[d];
}

uint64_t hcb_prefill_bytes(const struct hcb_layout *l)
{
	uint64_t n = 0;
	for (unsigned d = 0; d < l->n_devs; d++)
		n += needs_it(l, d) ? l->used_bytes[d] - l->devs[d]->prefilled_bytes : 0;
	return n;
}

int hcb_prefill(struct hcb_layout *l, const struct hcb_clock *clock, uint64_t rate,
                uint64_t deadline_ns, const volatile sig_atomic_t *signal_seen,
                bool progress, uint64_t *written, struct hcb_err *err)
{
	*written = 0;
	for (unsigned d = 0; d < l->n_devs; d++) {
		struct hcb_dev *dev = l->devs[d];
		if (!needs_it(l, d))
			continue;
		int r = prefill_one(dev, l->used_bytes[d], clock, rate, deadline_ns,
		                    signal_seen, progress, written, err);
		if (r)
			return r;
	}
	return 0;
}

int hcb_flush_once(struct hcb_dev *dev, const struct hcb_clock *clock,
                   uint64_t deadline_ns, struct hcb_err *err)
{
	struct filler *f = malloc(sizeof(*f));
	if (!f)
		return hcb_err_sys(err, -ENOMEM, "flush %s", dev->target);
	int r = filler_init(f, dev, clock);
	if (r) {
		r = hcb_err_sys(err, r, "flush %s", dev->target);
	} else if (dev->caps & HCB_CAP_FLUSH) {
		f->last_progress = hcb_monotonic_ns();
		while (f->n_free == DEPTH && alive(f, deadline_ns, NULL))
			put(f, HCB_FLUSH, 0, 0);
		r = drain(f, "flush", deadline_ns, NULL, err);
	}
	filler_free(f);
	return r;
}
