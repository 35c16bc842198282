/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When did a series move? For the report only; the gate (bench/gate.h) decides whether it
 * did. Pure arithmetic.
 */
#ifndef HCB_BENCH_ONSET_H
#define HCB_BENCH_ONSET_H

#include <stddef.h>
#include <stdint.h>

#define HCB_ONSET_NIGHTS 60 /* more are not looked at */

struct hcb_onset {
	size_t at;       /* first value at the new level */
	size_t from, to; /* 95 % of where resampled series have theirs */
};

/*
 * The split of y that leaves the smallest sum of absolute distances to the medians of its
 * two sides (one bad night cannot carry it), at least 2 values on each. The range is by
 * 300 series made of both sides' residuals, drawn with replacement. n 4 to
 * HCB_ONSET_NIGHTS; -EINVAL otherwise.
 */
int hcb_onset(const double *y, size_t n, uint64_t seed, struct hcb_onset *out);

#endif
