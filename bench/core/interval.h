/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interval of a metric from blocks: repetitions that are independent of each other
 * and each give one value (a block's p99, p50, mean, rate). Never from the ops inside one
 * block: those are neighbours in time and depend on each other.
 *
 * The estimand is the geometric mean of what blocks of this length give, exp(E log x):
 * the level that such blocks scatter about, which is what one run is compared with
 * another by. It is not quite the same quantile of all ops: the p99 of a short block is
 * biased, by the same amount in both runs.
 *
 * Below HCB_BLOCKS_MANY blocks: Student's t on the logarithms. From there: the
 * bootstrap of their mean, its quantiles widened from the normal distribution's to t's,
 * as plain percentiles are too close by 9 % with 20 blocks (T. Hesterberg, "What teachers
 * should know about the bootstrap", Am. Stat. 69, 2015: the expanded percentile
 * interval). Its sides are as uneven as the sample. The studentised bootstrap was tried:
 * where a block is at one of two levels, as the p99 of ops of two kinds may be, its
 * intervals are wide enough for 99.7 %. docs/accuracy.md has the coverage.
 *
 * No interval helps against blocks that depend on each other; autocorr1 tells.
 */
#ifndef HCB_CORE_INTERVAL_H
#define HCB_CORE_INTERVAL_H

#include <stddef.h>
#include <stdint.h>

#define HCB_BLOCKS_MANY 15
#define HCB_BLOCKS_MAX  256

enum hcb_blocks_method {
	HCB_BLOCKS_NONE, /* no interval: fewer than 2 blocks */
	HCB_BLOCKS_T,
	HCB_BLOCKS_BOOTSTRAP,
};

struct hcb_blocks {
	double value;     /* geometric mean */
	double lo, hi;    /* 0 and inf without an interval */
	double cv;        /* of a block: exp(sd of the logarithms) - 1 */
	double autocorr1; /* lag 1, of the logarithms in the order given */
	enum hcb_blocks_method method;
};

/*
 * x[0..n-1]: the blocks' values in the order they were taken. confidence: 0.95 and the
 * like, in (0, 1). seed: of the resampling; the same blocks and seed give the same
 * interval. 0, or -EINVAL: n is 0 or above HCB_BLOCKS_MAX, or a value is not finite and
 * above 0 (a block without the metric: leave it out, or say that there is none). No
 * allocation.
 */
int hcb_blocks_interval(const double *x, size_t n, double confidence, uint64_t seed,
                        struct hcb_blocks *out);

const char *hcb_blocks_method_name(enum hcb_blocks_method m);

#endif
