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
	uint64_t count, sum, min, max, saturated; /* empty: min UINT64_MAX, max 0 */
	uint64_t bucket[HCB_HIST_BUCKETS];
};

void hcb_hist_reset(struct hcb_hist *h);
void hcb_hist_merge(struct hcb_hist *into, const struct hcb_hist *from);

static inline uint32_t hcb_hist_index(uint64_t v)
{
	if (__builtin_expect(v >> HCB_HIST_MAX_BITS != 0, 0))
		return HCB_HIST_BUCKETS - 1;
	/* Below 128 e is 0 as it is up to 255, and the index is the value. */
	uint64_t at_least = v | (1u << HCB_HIST_SUB_BITS);
	unsigned e = 63u - (unsigned)__builtin_clzll(at_least) - HCB_HIST_SUB_BITS;
	return (e << HCB_HIST_SUB_BITS) + (uint32_t)(v >> e);
}

/* Lowest and highest bucket in use; lowest > highest when empty. */
static inline uint32_t hcb_hist_lowest(const struct hcb_hist *h)
{
	return hcb_hist_index(h->min);
}

static inline uint32_t hcb_hist_highest(const struct hcb_hist *h)
{
	return hcb_hist_index(h->max);
}

/* Smallest value of bucket i, and how many values it holds. */
uint64_t hcb_hist_bucket_low(uint32_t i);
uint64_t hcb_hist_bucket_width(uint32_t i);

/* i must be v's index: for a value that goes into several histograms. */
static inline void hcb_hist_record_at(struct hcb_hist *h, uint32_t i, uint64_t v)
{
	h->bucket[i]++;
	h->count++;
	h->sum += v;
	if (v < h->min)
		h->min = v;
	if (v > h->max)
		h->max = v;
	if (__builtin_expect(v >> HCB_HIST_MAX_BITS != 0, 0))
		h->saturated++;
}

static inline void hcb_hist_record(struct hcb_hist *h, uint64_t v)
{
	hcb_hist_record_at(h, hcb_hist_index(v), v);
}

/*
 * The value at quantile q in (0, 1]: the bucket holding the ceil(q n)-th smallest value,
 * read at its midpoint, clamped to [min, max]. 0 if the histogram is empty.
 */
uint64_t hcb_hist_quantile(const struct hcb_hist *h, double q);
double hcb_hist_mean(const struct hcb_hist *h);
/* stats.h's demerit of two histograms, neither empty, each value at its bucket's
   midpoint: 0.4 % off at worst where both have the same shape. */
double hcb_hist_demerit(const struct hcb_hist *ref, const struct hcb_hist *other);

/*
 * How many independent samples an estimate of quantile q with a two-sided 95 % interval
 * needs at least: the smallest n for which [least, greatest sample] misses the quantile
 * by at most 2.5 % on either side, q^n <= 0.025 and (1-q)^n <= 0.025 (order statistics).
 * 6 for p50, 72 for p95, 368 for p99, 3688 for p99.9. UINT64_MAX for q <= 0 or q >= 1.
 */
uint64_t hcb_quantile_min_samples(double q);

#endif
