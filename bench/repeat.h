/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One load run several times: each metric's level over the runs, with its interval. The
 * unit is the run (core/interval.h): what is within one run, such as its blocks, says
 * nothing of how the next will differ. Pure: no clock, no I/O.
 */
#ifndef HCB_BENCH_REPEAT_H
#define HCB_BENCH_REPEAT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define HCB_REPEAT_MAX 100

/*
 * Every transaction of n run documents of one workload: [{"name", "metrics": [{"name",
 * "unit", "values", "value", "lo", "hi", "cv", "autocorr1", "method"}]}], as
 * docs/results-format.md has it. A metric that is null in some run has its values, null
 * among them, and no interval: a mean of the other runs would be of the good ones. seed:
 * of the bootstrap. Owned by the caller.
 */
json_t *hcb_repeat_transactions(json_t *const *docs, size_t n, uint64_t seed);

#endif
