/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wrong with a served disk: pure bookkeeping, no lock, no I/O.
 *
 *   fail   every request is answered with EIO, as by a drive that dropped off its bus
 *   hang   requests are taken and not answered until told to go on, as by firmware that
 *          is busy with itself
 *   bad    address ranges that give EIO. A range that fails reads only behaves as a
 *          drive's pending sectors do: what is written there is good again (the drive
 *          has put it elsewhere). One that fails writes stays until it is cleared.
 */
#ifndef HCB_LAB_DISK_FAULT_H
#define HCB_LAB_DISK_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/core/op.h"

#define DISK_BAD_RANGES 256 /* that can be given; writes may cut them up further */

struct disk_bad_range {
	uint64_t off, end; /* bytes */
	bool reads, writes;
};

struct disk_faults {
	bool fail, hang;
	unsigned n_bad;
	struct disk_bad_range bad[2 * DISK_BAD_RANGES];
};

/* 0; -EINVAL: empty, or neither reads nor writes; -ENOSPC: DISK_BAD_RANGES are there. */
int disk_fault_add(struct disk_faults *f, uint64_t off, uint64_t len, bool reads,
                   bool writes);
/* Makes [off, off + len) good, whatever it failed. */
void disk_fault_clear(struct disk_faults *f, uint64_t off, uint64_t len);
/* [off, off + len) was written: pending sectors in it are good. When there is no room for
   the rest of a range that is cut in two, the smaller rest becomes good as well. */
void disk_fault_written(struct disk_faults *f, uint64_t off, uint64_t len);
/* Does this request meet a bad range? */
bool disk_fault_hits(const struct disk_faults *f, enum hcb_op_kind kind, uint64_t off,
                     uint64_t len);
/* Bytes in all bad ranges; where two overlap, twice. */
uint64_t disk_fault_bytes(const struct disk_faults *f);

#endif
