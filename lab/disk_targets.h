/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The targets of a disk's calibration: an experiment each, and what its result is held
 * against: a published figure (hdd_published.h), or what must hold by definition. 1 to 20
 * are those every profile should know; 21 and on are for drives of which more is known.
 */
#ifndef HCB_LAB_DISK_TARGETS_H
#define HCB_LAB_DISK_TARGETS_H

#include "lab/disk_experiments.h"

struct disk_target {
	const char *id, *name;
	const char *unit;
	int figure;     /* enum hdd_figure_id; -1: by definition only */
	bool mechanics; /* says nothing of a disk without any */
	double (*measure)(struct disk_bench *b, unsigned arg);
	unsigned arg;
	/* By definition: fills f for this bench, where no figure is given. NULL: none. */
	void (*define)(struct disk_bench *b, struct hdd_figure *f);
	/* Whatever moves this other target moves it too: the share of it counts (target
	   8a is by definition target 6). NULL: stands alone. */
	const char *share_of;
};

#define DISK_TARGETS 35
extern const struct disk_target disk_targets[DISK_TARGETS];

/* False: of mechanics, and the disk has none. */
bool disk_target_applies(const struct disk_target *t, const struct hdd_profile *p);
/* What the result is held against: false if there is nothing. */
bool disk_target_figure(const struct disk_target *t, struct disk_bench *b,
                        struct hdd_figure *f);

#endif
