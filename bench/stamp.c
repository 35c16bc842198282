/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/stamp.h"

#include <endian.h>
#include <string.h>

#define XXH_INLINE_ALL /* a 40-byte hash of known length is a few instructions */
#include <xxhash.h>

#define MAGIC 0x3159465642434842ULL /* "BHCBVFY1" */

struct on_disk {
	uint64_t magic, run, off;
	uint32_t seq;
	uint16_t dev, region;
	uint64_t body; /* hash of the rest of the sector */
	uint64_t hash; /* of everything above */
};

_Static_assert(sizeof(struct on_disk) == 48, "no padding");

uint64_t hcb_stamp_body_hash(const void *sector)
{
	return XXH3_64bits((const char *)sector + sizeof(struct on_disk),
	                   HCB_STAMP_SECTOR - sizeof(struct on_disk));
}

static uint64_t stamp_hash(const struct on_disk *d)
{
	return htole64(XXH3_64bits(d, offsetof(struct on_disk, hash)));
}

void hcb_stamp_put(void *sector, const struct hcb_stamp *s, uint64_t body)
{
	struct on_disk d = {
	        .magic = htole64(MAGIC),
	        .run = htole64(s->run),
	        .off = htole64(s->off),
	        .seq = htole32(s->seq),
	        .dev = htole16(s->dev),
	        .region = htole16(s->region),
	        .body = htole64(body),
	};
	d.hash = stamp_hash(&d);
	memcpy(sector, &d, sizeof(d));
}

enum hcb_stamp_state hcb_stamp_get(const void *sector, struct hcb_stamp *s)
{
	struct on_disk d;
	memcpy(&d, sector, sizeof(d));
	if (d.magic != htole64(MAGIC) || d.hash != stamp_hash(&d))
		return HCB_STAMP_NONE;
	*s = (struct hcb_stamp){
	        .run = le64toh(d.run),
	        .off = le64toh(d.off),
	        .seq = le32toh(d.seq),
	        .dev = le16toh(d.dev),
	        .region = le16toh(d.region),
	};
	return le64toh(d.body) == hcb_stamp_body_hash(sector) ? HCB_STAMP_GOOD
	                                                      : HCB_STAMP_BAD_BODY;
}
