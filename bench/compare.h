/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two results, or two sets of repeated ones, held against each other. First whether they
 * may be: what they ran, where, and how it was cached must be the same, or the difference
 * is of two things at once. Then each metric of each transaction, as effect.h has it.
 *
 * The unit is the run. A run's blocks lie minutes apart on the same disks in the same
 * state; between runs more changes than between blocks, so one run a side tells a ratio
 * and no verdict. Pure: no clock, no I/O.
 */
#ifndef HCB_BENCH_COMPARE_H
#define HCB_BENCH_COMPARE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum hcb_compare_class {
	HCB_COMPARE_WORKLOAD,    /* parameters, volumes, engines, faults */
	HCB_COMPARE_ENVIRONMENT, /* machine, versions, cluster, disks, clock, dilation */
	HCB_COMPARE_CACHE,       /* what "done" means: caches, FUA, direct IO */
	HCB_COMPARE_VALIDITY,    /* a run that is INVALID or partial */
	HCB_COMPARE_CLASSES,
};
const char *hcb_compare_class_name(enum hcb_compare_class c);

struct hcb_compare_side {
	const char *const *names; /* of the files */
	json_t *const *docs;      /* kind "run", schema 1 */
	size_t n;
};

/*
 * The document of kind "compare" (docs/results-format.md), the caller's. despite: bit N
 * set: a difference of class N is named and does not refuse. *refused: one did.
 */
json_t *hcb_compare(const struct hcb_compare_side *old,
                    const struct hcb_compare_side *new_, unsigned despite, bool *refused);

#endif
