/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which targets of a disk's calibration each key of its profile moves. A key that moves
 * exactly one target, one that has a figure, is a screw for it: the model would have been
 * bent to it. One that moves several of which one has a figure is not called so, as the
 * others say what else it does; but it is counted, since nothing holds them.
 *
 * Each key is halved and doubled (less where the profile would not be one any more; a
 * switch is thrown; keys that must agree, as tracks and capacity do, follow) and the
 * targets are measured again, with the same seeds. A target is moved when the mean of its
 * relative change over the seeds is over `least` and differs from 0 at the 1 % level
 * (Student's t). Targets that share a number (5a and 5b) count as one; a target that is a
 * share of another by definition (8a of 6, 12 of 11a) counts by the share.
 */
#ifndef HCB_LAB_DISK_SENSITIVITY_H
#define HCB_LAB_DISK_SENSITIVITY_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/core/err.h"
#include "engines/hdd_profile.h"

struct disk_sensitivity_opts {
	uint64_t seed;    /* the first */
	unsigned seeds;   /* 2 to 8: how many */
	double length;    /* of the experiments, disk_experiments.h */
	double least;     /* a relative change that counts; 0.01 with length 1 */
	const char *only; /* this key; NULL: all */
};

/*
 * {"profile", "seeds", "keys": [{"section", "key", "value", "varied": [FROM, TO],
 * "moved": [{"id", "by", "held"}], "verdict": "several|one|unheld|none|fixed"}]}. `by` is
 * the largest mean relative change. unheld: it moves only targets without a figure, so
 * nothing can have been bent by it, and nothing says that it is right. fixed: no other
 * value makes a profile. NULL with err filled.
 */
json_t *disk_sensitivity(const struct hdd_profile *p,
                         const struct disk_sensitivity_opts *o, struct hcb_err *err);
/* The same document as a table; returns how many keys move exactly one target. */
unsigned disk_sensitivity_print(const json_t *doc, FILE *f);
unsigned disk_sensitivity_ones(const json_t *doc);

#endif
