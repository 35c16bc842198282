/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/verify_read.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/core/units.h"

#define DEPTH      16u
#define CHUNK      ((uint32_t)HCB_MIB)
#define GAP        (128 * 1024u) /* read across: a disk passes over it anyway */
#define SAY_EACH   (10 * HCB_SEC)
#define GIVE_UP_NS (10 * HCB_SEC)
#define NAP_MS     20
#define MODEL_NAP  1 /* nothing wakes us */

/* A read out, and what is left of its span when that is read block by block. */
struct part {
	struct hcb_op op;
	uint64_t single_from, single_end; /* equal: nothing */
};

struct reading {
	const struct hcb_verify_reader *r;
	struct hcb_dev *dev;
	unsigned d;
	uint32_t grain, chunk;
	struct part part[DEPTH];
	struct part *free[DEPTH];
	unsigned n_free;
	unsigned char *priv, *buf;
	uint64_t next_off, last_progress, said;
	uint64_t done_bytes, all_bytes; /* gaps aside */
	int broken;
};

static int reading_init(struct reading *g, const struct hcb_verify_reader *r, unsigned d,
                        struct hcb_dev *dev)
{
	size_t priv = (dev->engine->op_size + 64) & ~(size_t)63;
	g->r = r;
	g->d = d;
	g->dev = dev;
	g->grain = hcb_verify_config(r->books)->grain;
	g->chunk = dev->max_len < CHUNK ? dev->max_len : CHUNK;
	g->priv = calloc(DEPTH, priv);
	g->buf = aligned_alloc(4096, (size_t)DEPTH * CHUNK);
	if (!g->priv || !g->buf)
		return -ENOMEM;
	g->all_bytes = hcb_verify_written_bytes(r->books, d);
	for (unsigned i = 0; i < DEPTH; i++) {
		g->part[i].op.index = i;
		g->part[i].op.priv = g->priv + i * priv;
		g->part[i].op.buf = g->buf + (size_t)i * CHUNK;
		g->free[g->n_free++] = &g->part[i];
	}
	return 0;
}

/* With reads out and unanswered, the engine still holds the buffers: they stay. */
static void reading_free(struct reading *g)
{
	if (g->n_free < DEPTH && g->priv && g->buf)
		return;
	free(g->priv);
	free(g->buf);
	free(g);
}

static bool submit_part(struct reading *g, struct part *p, uint64_t off, uint32_t len)
{
	struct hcb_op *op = &p->op;
	op->kind = HCB_READ;
	op->flags = 0;
	op->off = off;
	op->len = len;
	op->result = 0;
	op->submit_ns = op->due_ns = hcb_clock_now(g->r->clock);
	int took = g->dev->engine->submit(g->dev, &op, 1);
	if (took < 0)
		g->broken = took;
	return took == 1;
}

enum sent { SENT, FULL, NOTHING_LEFT };

/* Its next written block, of a part that reads them one by one. */
static bool next_single(struct reading *g, struct part *p, uint64_t *off, uint32_t *len)
{
	if (p->single_from < p->single_end &&
	    hcb_verify_span(g->r->books, g->d, p->single_from, g->grain, 0, off, len) &&
	    *off < p->single_end)
		return true;
	p->single_from = p->single_end;
	return false;
}

/* Sends what there is to send, with one of the free parts: one that reads block by block
   first. */
static enum sent send_one(struct reading *g)
{
	uint64_t off;
	uint32_t len;
	unsigned i = 0;
	while (i < g->n_free && !next_single(g, g->free[i], &off, &len))
		i++;
	bool single = i < g->n_free;
	if (!single) {
		i = g->n_free - 1;
		if (!hcb_verify_span(g->r->books, g->d, g->next_off, g->chunk, GAP, &off,
		                     &len))
			return NOTHING_LEFT;
	}
	struct part *p = g->free[i];
	if (!submit_part(g, p, off, len))
		return FULL;
	g->free[i] = g->free[--g->n_free];
	if (single)
		p->single_from = off + len;
	else
		g->next_off = off + len;
	return SENT;
}

static void take_one(struct reading *g, struct part *p)
{
	const struct hcb_op *op = &p->op;
	struct hcb_verify *v = g->r->books;
	g->free[g->n_free++] = p;
	if (!op->result) {
		hcb_verify_check(v, g->d, op->off, op->buf, op->len);
	} else if (op->len > g->grain) {
		/* Which of its blocks? This part goes on with them one by one. */
		p->single_from = op->off;
		p->single_end = op->off + op->len;
		return;
	} else {
		hcb_verify_unreadable(v, g->d, op->off, op->len, op->result);
	}
	g->done_bytes += op->len;
}

static bool collect(struct reading *g)
{
	struct hcb_op *done[DEPTH];
	unsigned n = g->dev->engine->poll(g->dev, done, DEPTH);
	for (unsigned i = 0; i < n; i++)
		take_one(g, &g->part[done[i]->index]);
	return n > 0;
}

/* A model's clock is moved to its next event; others are waited for. */
static void let_time_pass(struct reading *g)
{
	const struct hcb_dev *dev = g->dev;
	if (g->r->clock->is_virtual) {
		uint64_t t = dev->engine->next_ns(dev);
		if (t == HCB_NEVER)
			g->broken = -EIO;
		else
			hcb_clock_advance(g->r->clock, t);
		return;
	}
	struct pollfd p = {dev->wake_fd, POLLIN, 0};
	bool wakes = dev->wake_fd >= 0;
	if (poll(&p, wakes, wakes ? NAP_MS : MODEL_NAP) > 0)
		hcb_dev_woken(dev);
}

static void say_progress(struct reading *g)
{
	uint64_t now = hcb_monotonic_ns();
	if (!g->r->progress || g->r->clock->is_virtual || now - g->said < SAY_EACH)
		return;
	g->said = now;
	hcb_say("reading back %s: %" PRIu64 " MiB of %" PRIu64 " MiB written, and gaps",
	        g->dev->target, g->done_bytes / HCB_MIB, g->all_bytes / HCB_MIB);
}

static bool stalled(const struct reading *g)
{
	return g->r->stall_ns && !g->r->clock->is_virtual &&
	       hcb_monotonic_ns() - g->last_progress > g->r->stall_ns;
}

static bool interrupted(const struct reading *g)
{
	return g->r->signal_seen && *g->r->signal_seen;
}

static int why_not(const struct reading *g, struct hcb_err *err)
{
	const char *trouble = atomic_load(&g->dev->trouble);
	if (interrupted(g))
		return hcb_err_set(err, -EINTR, "read back %s: interrupted",
		                   g->dev->target);
	if (g->broken)
		return hcb_err_sys(err, g->broken, "read back %s", g->dev->target);
	if (trouble)
		return hcb_err_set(err, -EIO, "read back %s: %s", g->dev->target,
		                   trouble);
	return hcb_err_set(err, -ETIMEDOUT,
	                   "read back %s: no completion for %" PRIu64 " s",
	                   g->dev->target, g->r->stall_ns / HCB_SEC);
}

/* True while reads may still be sent and waited for. */
static bool may_go_on(const struct reading *g)
{
	return !g->broken && !interrupted(g) && !atomic_load(&g->dev->trouble) &&
	       !stalled(g);
}

static void read_all(struct reading *g)
{
	while (may_go_on(g)) {
		enum sent sent = FULL;
		bool any = false;
		while (g->n_free && (sent = send_one(g)) == SENT)
			any = true;
		any |= collect(g);
		if (sent == NOTHING_LEFT && g->n_free == DEPTH && !any)
			return;
		if (any)
			g->last_progress = hcb_monotonic_ns();
		else
			let_time_pass(g);
		say_progress(g);
	}
}

/* What is out comes home, unless it takes too long. */
static void give_up(struct reading *g)
{
	uint64_t until = hcb_monotonic_ns() + GIVE_UP_NS;
	while (g->n_free < DEPTH && !g->broken && hcb_monotonic_ns() < until)
		if (!collect(g))
			let_time_pass(g);
}

int hcb_verify_read(const struct hcb_verify_reader *r, unsigned d, struct hcb_dev *dev,
                    struct hcb_err *err)
{
	struct reading *g = calloc(1, sizeof(*g));
	int code = g ? reading_init(g, r, d, dev) : -ENOMEM;
	if (code) {
		if (g)
			reading_free(g);
		return hcb_err_sys(err, code, "read back %s", dev->target);
	}
	g->last_progress = g->said = hcb_monotonic_ns();
	read_all(g);
	if (!may_go_on(g)) {
		code = why_not(g, err);
		give_up(g);
	}
	reading_free(g);
	return code;
}
