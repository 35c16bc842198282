/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What uring and libaio share: a file or block device opened through the guard, its
 * facts, its keys, and the ops that never reach the kernel. It is the first member of
 * either engine's dev_size bytes.
 *
 * Both engines keep at most dev->depth ops: those the kernel has (inflight) and those
 * that were refused when they were submitted and wait for poll (early).
 */
#ifndef HCB_ENGINES_BLOCKDEV_H
#define HCB_ENGINES_BLOCKDEV_H

#include "bench/core/guard.h"
#include "engines/engine.h"

/*
 * Ops handed to the kernel in one call. Of a larger number it would hold back the first
 * until the last is prepared (block plugging), and the device stands idle meanwhile: with
 * 32 random 4 KiB writes out, single calls for all that are ready cost a fifth of the
 * IOPS of a virtio disk, calls for 4 nothing against calls for 1.
 */
#define HCB_BLOCKDEV_BATCH 4u

struct hcb_blockdev_conf {
	int make, fua;
	uint64_t size_bytes;
	char destroy[512];
};

extern const struct hcb_opt hcb_blockdev_opts[];

struct hcb_blockdev {
	struct hcb_guard guard;
	struct hcb_op **early; /* oldest at tail */
	uint32_t head, tail, mask;
	uint32_t inflight;
};

/*
 * Opens what dev->address names and sets sizes and caps. An existing file needs
 * our mark or destroy=, a device our mark; with make=on a file that is missing is made.
 */
int hcb_blockdev_open(struct hcb_dev *dev, struct hcb_err *err);
/* Gives up the file, unless dev->abandoned: then the kernel still uses it. */
void hcb_blockdev_close(struct hcb_dev *dev);
/* Polls until nothing is in flight; after dev->deadline_ns warns and sets abandoned. */
void hcb_blockdev_drain(struct hcb_dev *dev);
/* How many more ops there is room for. */
uint32_t hcb_blockdev_room(const struct hcb_dev *dev);
/* Completes an op with result, without the kernel. There was room. */
void hcb_blockdev_early(struct hcb_dev *dev, struct hcb_op *op, int result);
unsigned hcb_blockdev_poll_early(struct hcb_dev *dev, struct hcb_op **done, unsigned max);
/* What the kernel says of an op: bytes moved or -errno; short is -EIO. */
void hcb_blockdev_finish(struct hcb_op *op, int64_t res, uint64_t now_ns);

/* The slots of both. */
int hcb_blockdev_describe(const struct hcb_dev *dev, struct hcb_kvs *facts);
int hcb_blockdev_note_prefilled(struct hcb_dev *dev, uint64_t bytes, struct hcb_err *err);

#endif
