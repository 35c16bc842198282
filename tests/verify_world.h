/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A history of ops told to the books of --verify, and the same history kept in full
 * beside them: when each op was sent, came back and became durable. What the books say is
 * held against the definitions in verify.h, worked out from that by brute force.
 */
#ifndef HCB_TESTS_VERIFY_WORLD_H
#define HCB_TESTS_VERIFY_WORLD_H

#include "hcb_test.h"

#include <errno.h>

#include "bench/core/random.h"
#include "bench/stamp.h"
#include "bench/verify_internal.h"

#define GRAIN     1024u /* two sectors: a block can be torn one way */
#define BLOCKS    24u
#define SECTORS   (BLOCKS * GRAIN / HCB_STAMP_SECTOR)
#define SLOTS     10u
#define MAX_WRITE (4 * GRAIN)
#define MAX_EVENT 600u
#define NEVER     UINT32_MAX
#define RUN       0x1234567890abcdefULL

struct event {
	enum hcb_op_kind kind;
	bool failed, hopeless, done;
	uint32_t first, n; /* sectors */
	uint32_t begun, ended, durable;
	unsigned char data[MAX_WRITE];
};

struct world {
	struct hcb_verify *v;
	struct hcb_random r;
	struct event *ev;
	uint32_t n_ev, now, cuts;
	struct hcb_op op[SLOTS];
	struct event *of[SLOTS]; /* NULL: free */
	bool sent[SLOTS];
	uint32_t queue[SLOTS], n_queue; /* slots filled and not sent, in order */
	bool always_durable;
	/* what may happen */
	bool overlap, many_flushes, faults;
	unsigned char read_buf[SLOTS][MAX_WRITE];
};

static inline struct hcb_verify *new_books(bool always_durable, uint32_t n_ops)
{
	struct hcb_verify_config c = {
	        .run = RUN,
	        .grain = GRAIN,
	        .n_ops = n_ops,
	        .max_write_bytes = MAX_WRITE,
	        .seed = 1,
	        .n_targets = 1,
	        .n_regions = 2,
	        .target = {{"toy:", BLOCKS * GRAIN, always_durable}},
	        .region = {{"wal", 0, 0, 8 * GRAIN}, {"data", 0, 8 * GRAIN, 16 * GRAIN}},
	};
	struct hcb_verify *v;
	struct hcb_err err = HCB_ERR_INIT;
	assert_ok(hcb_verify_new(&v, &c, &err), &err);
	return v;
}

static inline struct world *new_world(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));
	w->ev = calloc(MAX_EVENT, sizeof(*w->ev));
	hcb_random_init(&w->r, seed, 3);
	w->always_durable = false;
	w->v = new_books(false, SLOTS);
	return w;
}

static inline void drop_world(struct world *w)
{
	hcb_verify_free(w->v, false);
	free(w->ev);
	free(w);
}

static inline uint32_t below(struct world *w, uint32_t n)
{
	return (uint32_t)hcb_random_below(&w->r, n);
}

static inline bool covers(const struct event *e, uint32_t sector)
{
	return e->kind == HCB_WRITE && e->begun && sector >= e->first &&
	       sector - e->first < e->n;
}

/* Was all of `a` (NULL: what was there before the run) over when `b` was sent? A write
   that failed is never over. */
static inline bool is_before(const struct event *a, const struct event *b)
{
	return !a || (a->done && a->ended < b->begun);
}

/* Is version a of the sector before one that is durable, or (durable false) done? */
static inline bool is_superseded(const struct world *w, const struct event *a,
                                 uint32_t sector, bool durable)
{
	for (uint32_t i = 0; i < w->n_ev; i++) {
		const struct event *b = &w->ev[i];
		if (b != a && covers(b, sector) && is_before(a, b) &&
		    (durable ? b->durable != NEVER : b->done))
			return true;
	}
	return false;
}

/* ---- what happens ---- */

static inline void enqueue(struct world *w, uint32_t s, enum hcb_op_kind kind, bool fua,
                           uint32_t block, uint32_t blocks)
{
	struct event *e = &w->ev[w->n_ev++];
	struct hcb_op *op = &w->op[s];
	assert_true(w->n_ev < MAX_EVENT);
	*e = (struct event){.kind = kind, .ended = NEVER, .durable = NEVER};
	*op = (struct hcb_op){.kind = kind, .index = s, .flags = fua ? HCB_OP_FUA : 0};
	if (kind != HCB_FLUSH) {
		e->first = block * GRAIN / HCB_STAMP_SECTOR;
		e->n = blocks * GRAIN / HCB_STAMP_SECTOR;
		op->off = (uint64_t)block * GRAIN;
		op->len = blocks * GRAIN;
		op->region = block >= 8;
		op->buf = w->read_buf[s];
	}
	if (kind == HCB_WRITE) {
		hcb_verify_fill(w->v, op);
		memcpy(e->data, op->buf, op->len);
	}
	w->of[s] = e;
	w->sent[s] = false;
	w->queue[w->n_queue++] = s;
}

static inline void send_some(struct world *w, uint32_t n)
{
	struct hcb_op *ops[SLOTS];
	for (uint32_t i = 0; i < n; i++) {
		uint32_t s = w->queue[i];
		ops[i] = &w->op[s];
		w->of[s]->begun = ++w->now;
		w->sent[s] = true;
	}
	hcb_verify_sent(w->v, 0, ops, n, w->cuts);
	w->n_queue -= n;
	memmove(w->queue, w->queue + n, w->n_queue * sizeof(w->queue[0]));
}

/* A storage that keeps its word answers a read with any version of each sector that is
   not before one that was done when the read was sent. */
static inline void answer_read(struct world *w, uint32_t s)
{
	const struct event *read = w->of[s];
	for (uint32_t i = 0; i < read->n; i++) {
		unsigned char *to = w->read_buf[s] + i * HCB_STAMP_SECTOR;
		const struct event *may[MAX_EVENT];
		uint32_t n = 0;
		for (uint32_t k = 0; k <= w->n_ev; k++) {
			const struct event *a = k ? &w->ev[k - 1] : NULL;
			bool gone = a && !covers(a, read->first + i);
			for (uint32_t m = 0; m < w->n_ev && !gone; m++)
				gone = covers(&w->ev[m], read->first + i) &&
				       &w->ev[m] != a && w->ev[m].done &&
				       w->ev[m].ended < read->begun &&
				       is_before(a, &w->ev[m]);
			if (!gone)
				may[n++] = a;
		}
		assert_true(n > 0);
		const struct event *a = may[below(w, n)];
		if (a)
			memcpy(to,
			       a->data + (read->first + i - a->first) * HCB_STAMP_SECTOR,
			       HCB_STAMP_SECTOR);
		else
			memset(to, 0x5a, HCB_STAMP_SECTOR);
	}
}

static inline void come_back(struct world *w, uint32_t s, int result)
{
	struct event *e = w->of[s];
	struct hcb_op *op = &w->op[s];
	op->result = result;
	if (e->kind == HCB_READ && !result && !w->cuts)
		answer_read(w, s);
	else if (e->kind == HCB_READ)
		op->result = -EIO;
	hcb_verify_done(w->v, op);
	w->of[s] = NULL;
	e->ended = ++w->now;
	e->failed = result != 0;
	e->done = !result;
	if (e->kind == HCB_WRITE && !result &&
	    ((op->flags & HCB_OP_FUA) || w->always_durable))
		e->durable = e->ended;
	for (uint32_t i = 0; i < w->n_ev; i++) {
		struct event *o = &w->ev[i];
		if (o->kind != HCB_WRITE || !o->done || o->durable != NEVER)
			continue;
		if (op->result)
			o->hopeless = true;
		else if (e->kind == HCB_FLUSH && o->ended < e->begun && !o->hopeless)
			o->durable = e->ended;
	}
}

static inline void cut_power(struct world *w)
{
	w->cuts++;
	for (uint32_t i = 0; i < w->n_ev; i++) {
		struct event *o = &w->ev[i];
		o->hopeless |= o->kind == HCB_WRITE && o->done && o->durable == NEVER;
	}
	for (uint32_t s = 0; s < SLOTS; s++)
		if (w->of[s] && w->sent[s])
			come_back(w, s, -EIO);
	send_some(w, 0); /* the books hear of it with the next call */
}

static inline bool flush_is_out(const struct world *w)
{
	for (uint32_t s = 0; s < SLOTS; s++)
		if (w->of[s] && w->of[s]->kind == HCB_FLUSH)
			return true;
	return false;
}

static inline bool write_is_out(const struct world *w, uint32_t block, uint32_t blocks)
{
	uint32_t per = GRAIN / HCB_STAMP_SECTOR;
	for (uint32_t s = 0; s < SLOTS; s++)
		if (w->of[s] && w->of[s]->kind == HCB_WRITE &&
		    w->of[s]->first < (block + blocks) * per &&
		    block * per < w->of[s]->first + w->of[s]->n)
			return true;
	return false;
}

static inline void start_something(struct world *w, uint32_t s)
{
	uint32_t what = below(w, 10), block = below(w, BLOCKS), blocks;
	blocks = 1 + below(w, BLOCKS - block < 4 ? BLOCKS - block : 4);
	if (what == 0) {
		if (w->many_flushes || !flush_is_out(w))
			enqueue(w, s, HCB_FLUSH, false, 0, 0);
	} else if (what <= 2) {
		enqueue(w, s, HCB_READ, false, block, blocks);
	} else if (w->overlap || !write_is_out(w, block, blocks)) {
		enqueue(w, s, HCB_WRITE, below(w, 12) == 0, block, blocks);
	}
}

static inline void live(struct world *w, uint32_t steps)
{
	for (uint32_t i = 0; i < steps && w->n_ev + 2 < MAX_EVENT; i++) {
		uint32_t s = below(w, SLOTS);
		if (w->faults && below(w, 400) == 0)
			cut_power(w);
		else if (!w->of[s])
			start_something(w, s);
		else if (w->sent[s])
			come_back(w, s, w->faults && below(w, 40) == 0 ? -EIO : 0);
		else
			send_some(w, 1 + below(w, w->n_queue));
	}
}

/* The version as bytes, in place of the sector. */
static inline void put_version(unsigned char *to, const struct event *a, uint32_t sector)
{
	if (a)
		memcpy(to, a->data + (sector - a->first) * HCB_STAMP_SECTOR,
		       HCB_STAMP_SECTOR);
	else
		memset(to, 0x5a, HCB_STAMP_SECTOR);
}

#endif
