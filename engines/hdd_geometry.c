/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engines/hdd_geometry.h"

#include <math.h>
#include <string.h>

/*
 * sqrt is correctly rounded by IEEE 754, so the tables are the same with every compiler.
 * t(1 track) is track_ns; square root up to the knee, straight from there.
 */
static uint32_t seek_curve(const struct hdd_profile *p, uint64_t tracks)
{
	if (tracks == 0)
		return 0;
	double d = (double)(tracks - 1) / (double)(p->tracks - 2);
	double t;
	if (d <= p->knee)
		t = (double)p->track_ns +
		    (double)(p->knee_ns - p->track_ns) * sqrt(d) / sqrt(p->knee);
	else
		t = (double)p->knee_ns +
		    (double)(p->full_ns - p->knee_ns) * (d - p->knee) / (1.0 - p->knee);
	return t < 4e9 ? (uint32_t)(t + 0.5) : 4000000000u; /* far past the stroke */
}

static void seek_table(struct hdd_geometry *g, const struct hdd_profile *p)
{
	uint32_t n = sizeof(g->seek) / sizeof(g->seek[0]);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t d = i;
		if (i >= (1u << HDD_SEEK_SUB)) {
			unsigned e = (i >> HDD_SEEK_SUB) - 1;
			d = (uint64_t)(i - (e << HDD_SEEK_SUB)) << e;
		}
		/* Points past the stroke are only ever interpolated towards. */
		g->seek[i] = seek_curve(p, d);
	}
}

/* Of each step's end, so that rounding ns down is on the safe side. The curve does not
   fall: the farthest distance is found by halving. */
static void reach_table(struct hdd_geometry *g)
{
	for (uint32_t k = 0; k < HDD_REACH_STEPS; k++) {
		uint64_t ns = (uint64_t)(k + 1) << HDD_REACH_SHIFT;
		uint32_t lo = 0, hi = g->cyls; /* seek(lo) < ns <= seek(hi), if at all */
		while (lo + 1 < hi) {
			uint32_t mid = lo + (hi - lo) / 2;
			if (hdd_seek_ns(g, mid) < ns)
				lo = mid;
			else
				hi = mid;
		}
		g->reach[k] = lo > g->band ? lo : g->band;
	}
}

static void zone_table(struct hdd_geometry *g, const struct hdd_profile *p)
{
	uint64_t lba = 0;
	uint32_t cyl = 0, track = 0;
	for (uint32_t z = 0; z < g->n_zones; z++) {
		uint32_t end = (uint32_t)(p->tracks * (z + 1) / p->zones);
		uint64_t fall = p->outer_sectors - p->inner_sectors;
		uint64_t steps = p->zones > 1 ? p->zones - 1 : 1;
		g->zone[z] = (struct hdd_zone){
		        .first_lba = lba,
		        .spt = (uint32_t)(p->outer_sectors -
		                          (fall * z + steps / 2) / steps),
		        .first_cyl = cyl,
		        .cyls = end - cyl,
		        .first_track = track,
		};
		lba += (uint64_t)(end - cyl) * g->heads * g->zone[z].spt;
		track += (end - cyl) * g->heads;
		cyl = end;
	}
	g->zone[g->n_zones] = (struct hdd_zone){
	        .first_lba = lba, .spt = 1, .first_cyl = cyl, .first_track = track};
	g->sectors = lba;
}

static void hint_table(struct hdd_geometry *g)
{
	while ((g->sectors >> g->hint_shift) >= HDD_ZONE_HINTS)
		g->hint_shift++;
	uint8_t z = 0;
	for (uint64_t i = 0; i < HDD_ZONE_HINTS; i++) {
		while (z + 1u < g->n_zones &&
		       g->zone[z + 1].first_lba <= i << g->hint_shift)
			z++;
		g->hint[i] = z;
	}
}

void hdd_geometry_init(struct hdd_geometry *g, const struct hdd_profile *p, double speed)
{
	memset(g, 0, sizeof(*g));
	g->rev_ns = (uint32_t)(60e9 / (p->rpm * speed) + 0.5);
	/* Skew is an angle in the format: on a faster spindle it takes less time. */
	g->skew_ns = (uint32_t)((double)p->skew_ns / speed + 0.5);
	g->heads = (uint32_t)p->heads;
	g->cyls = (uint32_t)p->tracks;
	g->band = (uint32_t)p->band_tracks;
	g->n_zones = (uint32_t)p->zones;
	zone_table(g, p);
	hint_table(g);
	seek_table(g, p);
	reach_table(g);
}

void hdd_geometry_flat(struct hdd_geometry *g, const struct hdd_profile *p)
{
	const uint32_t spt = 1u << 20;
	memset(g, 0, sizeof(*g));
	g->rev_ns = 1;
	g->heads = g->n_zones = 1;
	g->cyls = (uint32_t)(p->sectors / spt) + 1;
	g->band = g->cyls;
	g->zone[0] = (struct hdd_zone){.spt = spt, .cyls = g->cyls};
	g->sectors = (uint64_t)g->cyls * spt;
	g->zone[1] = (struct hdd_zone){.first_lba = g->sectors,
	                               .spt = 1,
	                               .first_cyl = g->cyls,
	                               .first_track = g->cyls};
	hint_table(g);
}

static uint32_t track_start(const struct hdd_geometry *g, uint32_t track)
{
	return (uint32_t)((uint64_t)track * g->skew_ns % g->rev_ns);
}

/* Cylinder and head of the k-th track of a zone. */
static void place_track(const struct hdd_geometry *g, const struct hdd_zone *z,
                        uint32_t k, struct hdd_place *at)
{
	uint32_t per_band = g->band * g->heads;
	uint32_t band = k / per_band, rest = k - band * per_band;
	uint32_t left = z->cyls - band * g->band;
	uint32_t height = left < g->band ? left : g->band;
	uint32_t head = rest / height, row = rest - head * height;
	at->head = head;
	at->cyl = z->first_cyl + band * g->band + (head & 1 ? height - 1 - row : row);
}

void hdd_locate(const struct hdd_geometry *g, uint64_t lba, struct hdd_place *at)
{
	uint32_t zi = g->hint[lba >> g->hint_shift];
	while (lba >= g->zone[zi + 1].first_lba && zi + 1 < g->n_zones)
		zi++;
	const struct hdd_zone *z = &g->zone[zi];
	uint64_t off = lba - z->first_lba;
	uint32_t k = (uint32_t)(off / z->spt);
	at->lba = lba;
	at->zone = zi;
	at->sector = (uint32_t)(off - (uint64_t)k * z->spt);
	at->track = z->first_track + k;
	place_track(g, z, k, at);
	uint32_t a = track_start(g, at->track) + hdd_sector_angle(g, z->spt, at->sector);
	at->angle = a >= g->rev_ns ? a - g->rev_ns : a;
}

int hdd_next_track(const struct hdd_geometry *g, struct hdd_place *at)
{
	at->lba += g->zone[at->zone].spt - at->sector;
	at->sector = 0;
	at->track++;
	if (at->track >= g->zone[at->zone + 1].first_track) {
		if (at->zone + 1 >= g->n_zones)
			return 0;
		at->zone++;
	}
	const struct hdd_zone *z = &g->zone[at->zone];
	place_track(g, z, at->track - z->first_track, at);
	at->angle = track_start(g, at->track);
	return 1;
}

uint64_t hdd_transfer_ns(const struct hdd_geometry *g, struct hdd_place *at, uint64_t n,
                         struct hdd_place *last)
{
	uint64_t t = 0;
	for (;;) {
		uint32_t spt = g->zone[at->zone].spt;
		uint32_t from = hdd_sector_angle(g, spt, at->sector);
		uint64_t left = spt - at->sector;
		*last = *at;
		if (n < left) {
			uint32_t to = hdd_sector_angle(g, spt, at->sector + (uint32_t)n);
			uint32_t a = at->angle + (to - from);
			at->sector += (uint32_t)n;
			at->lba += n;
			at->angle = a >= g->rev_ns ? a - g->rev_ns : a;
			return t + (to - from);
		}
		t += g->rev_ns - from;
		n -= left;
		if (!hdd_next_track(g, at) || n == 0)
			return t;
		t += g->skew_ns;
	}
}
