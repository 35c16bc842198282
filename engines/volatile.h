/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Data that a power cut can take away: the least a device with a volatile write cache has
 * to keep, and no more. For models without a medium (mem: volatile=on); what --verify is
 * tested on. The model disk has hdd_store.h.
 *
 * A write is seen by reads from when it is submitted, and is volatile until it is
 * covered: by a flush that was submitted after the write was done and is done itself; at
 * once, if the write was FUA. Beyond that only what the cache has no room for is kept,
 * oldest first.
 *
 * At the cut, each volatile write is by chance kept whole, lost whole, or torn: then each
 * of its sectors of 512 bytes is kept or lost by itself. Ops that are out fail with -EIO,
 * and so are not acknowledged; their writes are volatile ones like others. Then the power
 * is back. A liar acknowledges flushes and FUA and keeps nothing for it.
 */
#ifndef HCB_ENGINES_VOLATILE_H
#define HCB_ENGINES_VOLATILE_H

#include "bench/core/random.h"
#include "engines/engine.h"

#define HCB_VOLATILE_MAX_LEN (8u << 20) /* of one op, bytes */

struct hcb_volatile_op { /* in op->priv */
	uint64_t id;     /* of a write; of a flush */
	uint32_t cuts;   /* until it began */
};

struct hcb_volatile_write;

struct hcb_volatile {
	unsigned char *kept, *seen; /* after a cut; by reads */
	uint64_t size_bytes;
	struct hcb_volatile_write *ring; /* volatile writes, oldest at tail */
	uint64_t head, tail, mask;
	unsigned char *cache; /* their data */
	uint64_t cache_head, cache_tail;
	uint64_t flushes;
	uint32_t cuts;
	uint64_t cut_ns; /* 0: never */
	bool lies;
	struct hcb_random chance;
};

/* Takes all memory; pages are used when first written. 0 or -errno. */
int hcb_volatile_init(struct hcb_volatile *v, uint64_t size_bytes, uint64_t seed);
void hcb_volatile_free(struct hcb_volatile *v);
/* First thing in submit and poll: has the time of the cut come? */
void hcb_volatile_tick(struct hcb_volatile *v, struct hcb_dev *dev);
/* An op is taken (it was checked): data moves. */
void hcb_volatile_begin(struct hcb_volatile *v, const struct hcb_op *op);
/* An op is handed back. durable: done means durable here. May set op->result. */
void hcb_volatile_end(struct hcb_volatile *v, struct hcb_op *op, bool durable);

#endif
