/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where sectors lie on the disk, and how long the head takes to get there. Tables are
 * computed once (exact IEEE operations only); everything after is integer.
 *
 * Layout: the stroke is cut into zones of equal track counts, outermost first, each with
 * its sectors per track. Inside a zone a band of `band_tracks` tracks is filled by head 0
 * inward, then by head 1 outward, and so on (serpentine); then comes the next band. The
 * n-th track in this order starts n times the skew later in the turn, so that reading on
 * costs exactly one skew per track.
 *
 * Angles are nanoseconds of one revolution of this spindle, 0 <= angle < rev_ns.
 */
#ifndef HCB_ENGINES_HDD_GEOMETRY_H
#define HCB_ENGINES_HDD_GEOMETRY_H

#include <stdint.h>

#include "engines/hdd_profile.h"

#define HDD_SEEK_SUB     6  /* 2^6 table points per octave of distance */
#define HDD_SEEK_OCTAVES 23 /* up to 2^22 tracks */
#define HDD_ZONE_HINTS   4096
#define HDD_REACH_SHIFT  16 /* 2^16 ns a step: 66 us */
#define HDD_REACH_STEPS  512

struct hdd_zone {
	uint64_t first_lba;
	uint32_t spt; /* sectors per track */
	uint32_t first_cyl, cyls;
	uint32_t first_track; /* in serpentine order, over the whole disk */
};

struct hdd_geometry {
	uint64_t sectors;
	uint32_t rev_ns, skew_ns;
	uint32_t heads, cyls, band, n_zones;
	unsigned hint_shift;
	uint8_t hint[HDD_ZONE_HINTS];
	struct hdd_zone zone[HDD_MAX_ZONES + 1]; /* the last is a sentinel */
	uint32_t seek[(HDD_SEEK_OCTAVES << HDD_SEEK_SUB) + 2];
	uint32_t reach[HDD_REACH_STEPS]; /* see hdd_reach */
};

/* One sector's place. */
struct hdd_place {
	uint64_t lba;
	uint32_t track; /* serpentine order */
	uint32_t cyl, head, zone;
	uint32_t sector; /* in its track */
	uint32_t angle;  /* of its beginning */
};

/* speed: this spindle's own, 1.0 = nominal. */
void hdd_geometry_init(struct hdd_geometry *g, const struct hdd_profile *p, double speed);
/* One zone, no seek, no turn: an SSD. */
void hdd_geometry_flat(struct hdd_geometry *g, const struct hdd_profile *p);
void hdd_locate(const struct hdd_geometry *g, uint64_t lba, struct hdd_place *at);
/* Moves *at to the first sector of the next track; false at the end of the disk. */
int hdd_next_track(const struct hdd_geometry *g, struct hdd_place *at);
/*
 * Time for n sectors to pass under the head from *at, track switches between them
 * included. *at becomes the sector after the last; *last_track the track of the last.
 */
uint64_t hdd_transfer_ns(const struct hdd_geometry *g, struct hdd_place *at, uint64_t n,
                         struct hdd_place *last);

/* Angle passed between the beginning of a track and of its sector s. */
static inline uint32_t hdd_sector_angle(const struct hdd_geometry *g, uint32_t spt,
                                        uint32_t s)
{
	return (uint32_t)((uint64_t)s * g->rev_ns / spt);
}

/* Seek over d tracks, d > 0: linear between the table's points. */
static inline uint32_t hdd_seek_ns(const struct hdd_geometry *g, uint32_t d)
{
	if (d < (1u << HDD_SEEK_SUB))
		return g->seek[d];
	unsigned e = 31u - (unsigned)__builtin_clz(d) - HDD_SEEK_SUB;
	uint32_t i = (e << HDD_SEEK_SUB) + (d >> e);
	uint32_t part = d & ((1u << e) - 1);
	uint64_t rise = g->seek[i + 1] - g->seek[i];
	return g->seek[i] + (uint32_t)((rise * part) >> e);
}

/*
 * A distance in cylinders beyond which getting to a track takes ns or longer, by the seek
 * alone: who looks for something sooner need not look there. It is no less than the
 * height of a band: the next track in layout order, to which the way is a skew however
 * far it is, lies nearer.
 */
static inline uint32_t hdd_reach(const struct hdd_geometry *g, uint32_t ns)
{
	uint32_t k = ns >> HDD_REACH_SHIFT;
	return k < HDD_REACH_STEPS ? g->reach[k] : UINT32_MAX;
}

#endif
