/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Latency histogram: log-linear buckets, 2^7 per octave, so that a value read back (the
 * bucket's midpoint) is within 0.4 % and its edge within 0.8 % of the truth. Values are
 * nanoseconds below 2^43 (2.4 hours); larger ones are counted in the last bucket and in
 * `saturated`. Histograms merge by adding buckets; percentiles are never averaged.
 *
 * Layout: values below 128 have a bucket each; bucket i of value v >= 128 is
 * (e << 7) + (v >> e) with e = floor(log2 v) - 7.
 */
#ifndef HCB_CORE_HISTOGRAM_H
#define HCB_CORE_HISTOGRAM_H

#include <stdint.h>

#define HCB_HIST_SUB_BITS 7
#define HCB_HIST_MAX_BITS 43
#define HCB_HIST_BUCKETS                                                                 \
	((HCB_HIST_MAX_BITS - HCB_HIST_SUB_BITS + 1) << HCB_HIST_SUB_BITS)

struct hcb_hist {
	uint64_t count, sum, min, max, saturated;
	uint32_t lo, hi; /* lowest and highest bucket in use; lo > hi when empty */
	uint64_t bucket[HCB_HIST_BUCKETS];
};

void hcb_hist_reset(struct hcb_hist *h);
void hcb_hist_merge(struct hcb_hist *into, const struct hcb_hist *from);

static inline uint32_t hcb_hist_index(uint64_t v)
{
	if (v >> HCB_HIST_MAX_BITS)
		return HCB_HIST_BUCKETS - 1;
	if (v < (1u << HCB_HIST_SUB_BITS))
		return (uint32_t)v;
	unsigned e = 63u - (unsigned)__builtin_clzll(v) - HCB_HIST_SUB_BITS;
	return (e << HCB_HIST_SUB_BITS) + (uint32_t)(v >> e);
}

/* Smallest value of bucket i, and how many values it holds. */
uint64_t hcb_hist_bucket_low(uint32_t i);
uint64_t hcb_hist_bucket_width(uint32_t i);

static inline void hcb_hist_record(struct hcb_hist *h, uint64_t v)
{
	uint32_t i = hcb_hist_index(v);
	h->bucket[i]++;
	h->count++;
	h->sum += v;
	if (v < h->min)
		h->min = v;
	if (v > h->max)
		h->max = v;
	if (i < h->lo)
		h->lo = i;
	if (i > h->hi)
		h->hi = i;
	h->saturated += v >> HCB_HIST_MAX_BITS != 0;
}

/*
 * The value at quantile q in (0, 1]: the bucket holding the ceil(q n)-th smallest value,
 * read at its midpoint, clamped to [min, max]. 0 if the histogram is empty.
 */
uint64_t hcb_hist_quantile(const struct hcb_hist *h, double q);
double hcb_hist_mean(const struct hcb_hist *h);

/*
 * How many independent samples an estimate of quantile q with a two-sided 95 % interval
 * needs at least: the smallest n for which [least, greatest sample] misses the quantile
 * by at most 2.5 % on either side, q^n <= 0.025 and (1-q)^n <= 0.025 (order statistics).
 * 6 for p50, 72 for p95, 368 for p99, 3688 for p99.9. UINT64_MAX for q <= 0 or q >= 1.
 */
uint64_t hcb_quantile_min_samples(double q);

#endif
