/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The books of --verify: what was written where, what of it the storage has promised to
 * keep, and whether what is read back is in keeping with that. No I/O and no clock but
 * for its own cost; the run loop says what it sent and what came back.
 *
 * WHAT IS PROMISED
 *
 * Writes to one target are numbered in the order they are handed to it. Of two writes to
 * one block the first is *before* the second if it had come back when the second was
 * sent; else they overlap, and either may be what remains, also sector by sector. A write
 * is
 *
 *   done      when it came back without an error,
 *   durable   when a flush that was sent after it was done came back without an error; at
 *             once if it was sent with FUA, or if the target says that done is durable.
 *
 * Each sector of a block must then hold a whole version of it: one of this run, written
 * to this very place, that is before no write that is durable. Where no write is durable,
 * what was there before the run is such a version too. A version before a durable one is
 * LOST. One that is before none that is durable, but before one that is done, is STALE: a
 * power cut may bring it back, nothing else may, so it is wrong unless power was lost or
 * may have been.
 *
 * Promises end early in two cases. An op that fails, of whatever kind, and a power cut
 * that the target tells of, end the hope of all that is done and not durable: the target
 * may have been without power, or dropped what a flush was to write, and no later flush
 * brings it back. And a write that failed, or never came back, may take effect at any
 * time or never: where it went, the promises made until then stand, and no later write
 * adds to them.
 *
 * HOW IT IS KEPT
 *
 * A number stands for a set of versions: all from that number on. The floor that a write
 * sets is the smallest number among the writes to its blocks that it overlaps, itself
 * included; all older ones are before it. Per block there are the durable floor, the
 * floor of what is done, and two floors that wait for a flush, each with the number of
 * the last flush sent before its write was done: flush N covers floors that wait with a
 * smaller number. Two, because then a block that is written all the time is still
 * promised, a flush or so later than strictly due. Where this is not exact it promises
 * too little, never too much: a loss that is reported is one.
 *
 * 32 bytes for each block (0.8 % of the volumes), taken before the first op, used when a
 * block is first written.
 */
#ifndef HCB_BENCH_VERIFY_H
#define HCB_BENCH_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/core/err.h"
#include "bench/core/op.h"
#include "workloads/workload.h"

#define HCB_VERIFY_BLOCK 4096u /* bytes; workloads write multiples of it */
#define HCB_VERIFY_FIRST 32    /* findings that are kept */

struct hcb_verify_region {
	char name[64];
	uint16_t dev;
	uint64_t base, bytes; /* on its target */
};

struct hcb_verify_target {
	char text[700]; /* as the user wrote it */
	uint64_t bytes; /* end of the last region on it */
	bool always_durable;
};

struct hcb_verify_config {
	uint64_t run;   /* no two runs have the same */
	uint32_t grain; /* bytes a block: offsets and lengths are multiples; at least a
	                   sector, at most 32 of them */
	uint32_t n_ops; /* op->index is below it; 0: only for reading back */
	uint32_t max_write_bytes;
	uint64_t seed; /* of the bodies' bytes */
	bool timed;    /* count what filling and checking cost */
	unsigned n_targets, n_regions;
	struct hcb_verify_target target[HCB_MAX_VOLUMES];
	struct hcb_verify_region region[2 * HCB_MAX_VOLUMES];
};

enum hcb_verify_kind {
	HCB_LOST,      /* an older version than the promised one */
	HCB_TORN,      /* some sectors right, some not; or a sector's bytes changed */
	HCB_MISPLACED, /* it holds what was written to another place */
	HCB_FOREIGN,   /* nothing of this run, although that was promised */
	HCB_UNREADABLE,
	HCB_STALE, /* a write that was done is not there, though power was never lost */
	HCB_VERIFY_KINDS,
};

enum hcb_verify_what {
	HCB_WHAT_NOTHING,
	HCB_WHAT_ZEROS,
	HCB_WHAT_OTHER_RUN,
	HCB_WHAT_BYTES
};

struct hcb_verify_finding {
	enum hcb_verify_kind kind;
	bool in_run;          /* by a read of the workload's, not by the read-back */
	uint16_t dev, region; /* region: n_regions if it lies in none */
	uint64_t off;         /* of the block on its target */
	uint32_t expected;    /* smallest number allowed; 0: anything */
	uint32_t found;       /* smallest number found, 0: none of this run */
	uint32_t bad_sectors;
	enum hcb_verify_what what; /* FOREIGN, TORN: the first strange sector */
	uint16_t found_dev;        /* MISPLACED: where that was written to */
	uint64_t found_off;
	int error; /* UNREADABLE: -errno */
};

struct hcb_verify_counts {
	uint64_t blocks; /* looked at */
	uint64_t kind[HCB_VERIFY_KINDS];
	uint64_t rolled_back; /* as STALE, but power was or may have been lost */
	uint64_t promised;    /* of blocks: some write to it is durable */
};

struct hcb_verify_volume {
	uint64_t blocks, promised; /* read back */
	uint64_t wrong;            /* in the run and after, all kinds */
};

struct hcb_verify_result {
	struct hcb_verify_counts in_run, after;
	struct hcb_verify_volume volume[2 * HCB_MAX_VOLUMES]; /* [region] */
	unsigned n_first;
	struct hcb_verify_finding first[HCB_VERIFY_FIRST];
	uint64_t fills, fill_ns;   /* writes stamped, wall time it took */
	uint64_t checks, check_ns; /* reads of the run looked at, wall time it took */
};

struct hcb_verify;

/* Memory that hcb_verify_new takes for its books (not all of it will be used). */
uint64_t hcb_verify_need_bytes(const struct hcb_verify_config *c);
int hcb_verify_new(struct hcb_verify **out, const struct hcb_verify_config *c,
                   struct hcb_err *err);
/* abandoned: somebody may still read the ops' buffers; they stay. */
void hcb_verify_free(struct hcb_verify *v, bool abandoned);
const struct hcb_verify_config *hcb_verify_config(const struct hcb_verify *v);

/* --- the run loop --------------------------------------------------------------------
 */

/* A write is about to be queued (dev, absolute off and len are set): gives it its number
   and sets op->buf to stamped bytes. Queued first, sent first. */
void hcb_verify_fill(struct hcb_verify *v, struct hcb_op *op);
/* The target took these, in this order. power_cuts: what it says of how often its power
   has been cut by now; all that is sent here was sent after. */
void hcb_verify_sent(struct hcb_verify *v, unsigned dev, struct hcb_op *const *ops,
                     unsigned n, uint32_t power_cuts);
/* An op came back. Of an emulated FUA write first the write, then the flush. A read is
   looked at, where no write came in between. */
void hcb_verify_done(struct hcb_verify *v, const struct hcb_op *op);
/* Why the run cannot go on, or NULL: no number is left, a write was no whole block. */
const char *hcb_verify_trouble(struct hcb_verify *v);

/* --- reading back --------------------------------------------------------------------
 */

/* The target goes by another text now; false: too long. */
bool hcb_verify_rename(struct hcb_verify *v, unsigned dev, const char *text);
/* Power may have been lost since: what no flush covered may be gone. */
void hcb_verify_allow_rollback(struct hcb_verify *v);
/*
 * The next blocks to read, from block `from` on: a run of written ones of at most
 * max_bytes, across gaps of at most gap_bytes. Both ends are written blocks. Offsets in
 * bytes; false: there is none.
 */
bool hcb_verify_span(const struct hcb_verify *v, unsigned dev, uint64_t from_off,
                     uint32_t max_bytes, uint32_t gap_bytes, uint64_t *off,
                     uint32_t *len);
/* Bytes that hcb_verify_span will go over in all, gaps aside. */
uint64_t hcb_verify_written_bytes(const struct hcb_verify *v, unsigned dev);
/* Looks at what [off, off + len) was read as; blocks never written are passed over. */
void hcb_verify_check(struct hcb_verify *v, unsigned dev, uint64_t off, const void *buf,
                      uint32_t len);
/* Reading [off, off + len) failed: its written blocks are unreadable. */
void hcb_verify_unreadable(struct hcb_verify *v, unsigned dev, uint64_t off, uint32_t len,
                           int error);

const struct hcb_verify_result *hcb_verify_result(const struct hcb_verify *v);
/* Blocks that are not as promised, in the run and after. */
uint64_t hcb_verify_wrong(const struct hcb_verify *v);
const char *hcb_verify_kind_name(enum hcb_verify_kind k);

/* --- for keeping the books (verify_log.c) ---------------------------------------------
 */

struct hcb_verify_entry {
	uint32_t issued;        /* newest number sent; 0: never written */
	uint32_t done, durable; /* floors */
};
void hcb_verify_get(struct hcb_verify *v, unsigned dev, uint64_t off,
                    struct hcb_verify_entry *out);
void hcb_verify_set(struct hcb_verify *v, unsigned dev, uint64_t off,
                    const struct hcb_verify_entry *e);

#endif
