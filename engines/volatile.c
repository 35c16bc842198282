/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engines/volatile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CACHE_BYTES (2ull * HCB_VOLATILE_MAX_LEN) /* holds one op wherever it begins */
#define MAX_WRITES  4096u
#define SECTOR      512u

struct hcb_volatile_write {
	uint64_t off, at; /* at: of its data in the cache */
	uint32_t len;
	bool live; /* neither kept nor lost yet */
	bool done;
	uint64_t before_flush; /* done: flushes with a larger number cover it */
};

static void *map_bytes(uint64_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

int hcb_volatile_init(struct hcb_volatile *v, uint64_t size_bytes, uint64_t seed)
{
	memset(v, 0, sizeof(*v));
	v->size_bytes = size_bytes;
	v->mask = MAX_WRITES - 1;
	v->ring = calloc(MAX_WRITES, sizeof(*v->ring));
	v->kept = map_bytes(size_bytes);
	v->seen = map_bytes(size_bytes);
	v->cache = map_bytes(CACHE_BYTES);
	hcb_random_init(&v->chance, seed, 1);
	if (v->ring && v->kept && v->seen && v->cache)
		return 0;
	hcb_volatile_free(v);
	return -ENOMEM;
}

void hcb_volatile_free(struct hcb_volatile *v)
{
	free(v->ring);
	if (v->kept)
		munmap(v->kept, v->size_bytes);
	if (v->seen)
		munmap(v->seen, v->size_bytes);
	if (v->cache)
		munmap(v->cache, CACHE_BYTES);
	memset(v, 0, sizeof(*v));
}

static void drop_dead(struct hcb_volatile *v)
{
	while (v->tail != v->head && !v->ring[v->tail & v->mask].live)
		v->tail++;
	v->cache_tail =
	        v->tail != v->head ? v->ring[v->tail & v->mask].at : v->cache_head;
}

static void keep(struct hcb_volatile *v, struct hcb_volatile_write *w)
{
	memcpy(v->kept + w->off, v->cache + w->at % CACHE_BYTES, w->len);
	w->live = false;
}

static bool has_room(const struct hcb_volatile *v, uint64_t until)
{
	return v->head - v->tail <= v->mask && until - v->cache_tail <= CACHE_BYTES;
}

/* The data of one write lies in one piece: what is left before the cache's end is skipped
   if it is too short. */
static void take_write(struct hcb_volatile *v, const struct hcb_op *op)
{
	struct hcb_volatile_op *o = op->priv;
	uint64_t at = v->cache_head;
	if (at % CACHE_BYTES + op->len > CACHE_BYTES)
		at += CACHE_BYTES - at % CACHE_BYTES;
	while (!has_room(v, at + op->len)) {
		keep(v, &v->ring[v->tail & v->mask]);
		drop_dead(v);
	}
	o->id = v->head++;
	v->ring[o->id & v->mask] = (struct hcb_volatile_write){
	        .off = op->off, .at = at, .len = op->len, .live = true};
	v->cache_head = at + op->len;
	drop_dead(v);
	memcpy(v->cache + at % CACHE_BYTES, op->buf, op->len);
	memcpy(v->seen + op->off, op->buf, op->len);
}

void hcb_volatile_begin(struct hcb_volatile *v, const struct hcb_op *op)
{
	struct hcb_volatile_op *o = op->priv;
	o->cuts = v->cuts;
	if (op->kind == HCB_WRITE)
		take_write(v, op);
	else if (op->kind == HCB_READ)
		memcpy(op->buf, v->seen + op->off, op->len);
	else if (op->kind == HCB_FLUSH)
		o->id = ++v->flushes;
}

/* Every write that is done and was so before this flush, in their order. */
static void flush_done(struct hcb_volatile *v, uint64_t number)
{
	for (uint64_t i = v->tail; i != v->head && !v->lies; i++) {
		struct hcb_volatile_write *w = &v->ring[i & v->mask];
		if (w->live && w->done && w->before_flush < number)
			keep(v, w);
	}
	drop_dead(v);
}

/* What was done earlier goes first, or it would come out on top later. */
static void write_durable(struct hcb_volatile *v, uint64_t id)
{
	for (uint64_t i = v->tail; i <= id && !v->lies; i++) {
		struct hcb_volatile_write *w = &v->ring[i & v->mask];
		if (w->live && w->done)
			keep(v, w);
	}
	drop_dead(v);
}

void hcb_volatile_end(struct hcb_volatile *v, struct hcb_op *op, bool durable)
{
	const struct hcb_volatile_op *o = op->priv;
	if (o->cuts != v->cuts)
		op->result = -EIO;
	if (op->result)
		return;
	if (op->kind == HCB_FLUSH)
		flush_done(v, o->id);
	if (op->kind != HCB_WRITE || o->id < v->tail)
		return; /* for want of room it is kept already */
	v->ring[o->id & v->mask].done = true;
	v->ring[o->id & v->mask].before_flush = v->flushes;
	if (durable || (op->flags & HCB_OP_FUA))
		write_durable(v, o->id);
}

/* --- the cut -------------------------------------------------------------------------
 */

static void tear(struct hcb_volatile *v, const struct hcb_volatile_write *w)
{
	for (uint32_t i = 0; i < w->len; i += SECTOR)
		if (hcb_random_below(&v->chance, 2))
			memcpy(v->kept + w->off + i, v->cache + w->at % CACHE_BYTES + i,
			       SECTOR);
}

static void cut(struct hcb_volatile *v)
{
	for (uint64_t i = v->tail; i != v->head; i++) {
		struct hcb_volatile_write *w = &v->ring[i & v->mask];
		if (!w->live)
			continue;
		uint64_t outcome = hcb_random_below(&v->chance, 3);
		if (outcome == 0)
			keep(v, w);
		else if (outcome == 1)
			tear(v, w);
	}
	for (uint64_t i = v->tail; i != v->head; i++) {
		struct hcb_volatile_write *w = &v->ring[i & v->mask];
		memcpy(v->seen + w->off, v->kept + w->off, w->len);
		w->live = false;
	}
	drop_dead(v);
	v->cuts++;
}

void hcb_volatile_tick(struct hcb_volatile *v, struct hcb_dev *dev)
{
	if (!v->cut_ns || v->cuts || hcb_clock_now(dev->clock) < v->cut_ns)
		return;
	cut(v);
	atomic_store(&dev->power_cuts, v->cuts);
}
