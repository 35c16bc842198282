/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What --verify writes. Each sector of 512 bytes says for itself whose it is: 48 bytes of
 * stamp, then 464 of incompressible body. 512 bytes is what a disk writes whole or not at
 * all, so a block that power was cut in the middle of can be read sector by sector, and
 * which version of it each sector holds is known.
 *
 * The body's hash lies in the stamp, and the stamp's own hash covers it. A body is kept
 * and only stamped anew for the next write, so that a write costs one short hash a
 * sector; nobody who deduplicates or compresses finds two sectors alike.
 *
 * Little-endian on the medium, XXH3 (64 bits), which gives the same on every machine.
 */
#ifndef HCB_BENCH_STAMP_H
#define HCB_BENCH_STAMP_H

#include <stdint.h>

#define HCB_STAMP_SECTOR 512u

struct hcb_stamp {
	uint64_t run; /* whose write: no two runs have the same */
	uint64_t off; /* bytes, of this sector on its target */
	uint32_t seq; /* of the write, 1 and up, ascending on each target */
	uint16_t dev, region;
};

enum hcb_stamp_state {
	HCB_STAMP_GOOD,
	HCB_STAMP_BAD_BODY, /* the stamp is whole, what follows it is not what was
	                       written */
	HCB_STAMP_NONE,     /* no stamp of anybody's */
};

/* Of the bytes after the stamp. */
uint64_t hcb_stamp_body_hash(const void *sector);
/* Writes the stamp; body is hcb_stamp_body_hash of what already lies there. */
void hcb_stamp_put(void *sector, const struct hcb_stamp *s, uint64_t body);
/* *s is set unless NONE. */
enum hcb_stamp_state hcb_stamp_get(const void *sector, struct hcb_stamp *s);

#endif
