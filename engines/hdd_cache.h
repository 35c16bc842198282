/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The write cache's dirty extents: disjoint and never adjacent (what touches is merged,
 * so a log that rewrites its last page and goes on stays one extent, and an overwrite
 * replaces what it covers), kept in LBA order for look-up and in order of age for
 * destaging. What is looked through for each write lies side by side: the ends in LBA
 * order, cylinders and angles in order of age. All memory is taken at init.
 */
#ifndef HCB_ENGINES_HDD_CACHE_H
#define HCB_ENGINES_HDD_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "engines/hdd_geometry.h"

#define HDD_NO_EXTENT UINT32_MAX

struct hdd_extent {
	uint64_t lba, n;
	uint64_t age;        /* order of the oldest write in it */
	struct hdd_place at; /* of lba */
};

/* One place in the order of age: the extent, and of at what decides how near it is. */
struct hdd_aged {
	uint32_t i, cyl, angle;
};

struct hdd_cache {
	struct hdd_extent *ext;
	uint32_t *by_lba;        /* n of them, ascending */
	uint64_t *end;           /* of by_lba's: lba + n */
	struct hdd_aged *by_age; /* n of them, the oldest first */
	uint32_t *unused;        /* stack of free ext slots */
	uint32_t n, cap;
	uint64_t sectors; /* in all extents */
	uint64_t ages;
};

/* 0 or -ENOMEM. */
int hdd_cache_init(struct hdd_cache *c, uint32_t cap);
void hdd_cache_free(struct hdd_cache *c);
void hdd_cache_clear(struct hdd_cache *c);
/* Adds [lba, lba + n). True if it merged with, or replaced part of, what was there. */
bool hdd_cache_add(struct hdd_cache *c, const struct hdd_geometry *g, uint64_t lba,
                   uint64_t n);
/* Forgets [lba, lba + n). A hole that would need a slot when none is left stays dirty:
   one write too many, never one too few. */
void hdd_cache_punch(struct hdd_cache *c, const struct hdd_geometry *g, uint64_t lba,
                     uint64_t n);
bool hdd_cache_covers(const struct hdd_cache *c, uint64_t lba, uint64_t n);
/* Does [lba, lba + n) overlap or touch an extent? */
bool hdd_cache_touches(const struct hdd_cache *c, uint64_t lba, uint64_t n);
/* Takes n sectors off the front of extent e (all of it: e is gone); next: place after. */
void hdd_cache_consume(struct hdd_cache *c, uint32_t e, uint64_t n,
                       const struct hdd_place *next);

#endif
