/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Zipf's law: rank r of n (from 0) is drawn with probability proportional to
 * (r + 1)^-theta. A table made once, of 64 buckets for each doubling of the rank; ranks
 * below 128 have a bucket each and are exact, further out a bucket's ranks are alike, off
 * by at most theta / 128 of their share. Drawing is a search in the table: integers only.
 * Making it takes square roots and multiplications, which are exact to the last bit, so
 * the same seed gives the same ranks everywhere.
 */
#ifndef HCB_WORKLOADS_ZIPF_H
#define HCB_WORKLOADS_ZIPF_H

#include <stdint.h>

#include "bench/core/random.h"

struct hcb_zipf {
	uint64_t n;
	uint32_t n_buckets;
	uint64_t *first; /* [n_buckets + 1]: the first rank of each, then n */
	uint64_t *until; /* [n_buckets]: cumulated probability, 2^53 = 1 */
};

int hcb_zipf_init(struct hcb_zipf *z, uint64_t n, double theta); /* 0 or -ENOMEM */
void hcb_zipf_free(struct hcb_zipf *z);
uint64_t hcb_zipf_rank(const struct hcb_zipf *z, struct hcb_random *r);

#endif
