/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/histogram.h"

#include <math.h>
#include <string.h>

void hcb_hist_reset(struct hcb_hist *h)
{
	memset(h, 0, sizeof(*h));
	h->min = UINT64_MAX;
}

void hcb_hist_merge(struct hcb_hist *into, const struct hcb_hist *from)
{
	if (!from->count)
		return;
	uint32_t highest = hcb_hist_highest(from);
	for (uint32_t i = hcb_hist_lowest(from); i <= highest; i++)
		into->bucket[i] += from->bucket[i];
	into->count += from->count;
	into->sum += from->sum;
	into->saturated += from->saturated;
	if (from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
}

static unsigned bucket_shift(uint32_t i)
{
	return i < (2u << HCB_HIST_SUB_BITS) ? 0 : (i >> HCB_HIST_SUB_BITS) - 1;
}

uint64_t hcb_hist_bucket_width(uint32_t i)
{
	return (uint64_t)1 << bucket_shift(i);
}

uint64_t hcb_hist_bucket_low(uint32_t i)
{
	unsigned e = bucket_shift(i);
	return ((uint64_t)i - ((uint64_t)e << HCB_HIST_SUB_BITS)) << e;
}

uint64_t hcb_hist_quantile(const struct hcb_hist *h, double q)
{
	if (!h->count)
		return 0;
	uint64_t rank = (uint64_t)ceil(q * (double)h->count);
	if (rank < 1)
		rank = 1;
	if (rank >= h->count)
		return h->max;
	uint64_t seen = 0;
	for (uint32_t i = hcb_hist_lowest(h); i <= hcb_hist_highest(h); i++) {
		seen += h->bucket[i];
		if (seen < rank)
			continue;
		uint64_t v = hcb_hist_bucket_low(i) + (hcb_hist_bucket_width(i) - 1) / 2;
		return v < h->min ? h->min : v > h->max ? h->max : v;
	}
	return h->max;
}

double hcb_hist_mean(const struct hcb_hist *h)
{
	return h->count ? (double)h->sum / (double)h->count : 0;
}

struct hist_step {
	const struct hcb_hist *h;
	uint32_t i;
	uint64_t seen; /* values up to and in bucket i */
};

static double step_value(const struct hist_step *s)
{
	uint64_t v = hcb_hist_bucket_low(s->i) + (hcb_hist_bucket_width(s->i) - 1) / 2;
	return (double)(v < s->h->min ? s->h->min : v > s->h->max ? s->h->max : v);
}

static void step_on(struct hist_step *s)
{
	while (s->i < hcb_hist_highest(s->h) && !s->h->bucket[++s->i])
		;
	s->seen += s->h->bucket[s->i];
}

double hcb_hist_demerit(const struct hcb_hist *ref, const struct hcb_hist *other)
{
	uint32_t i = hcb_hist_lowest(ref), k = hcb_hist_lowest(other);
	struct hist_step a = {ref, i, ref->bucket[i]};
	struct hist_step b = {other, k, other->bucket[k]};
	double squares = 0, at = 0;
	for (;;) {
		double end_a = (double)a.seen / (double)ref->count;
		double end_b = (double)b.seen / (double)other->count;
		double end = end_a < end_b ? end_a : end_b;
		double d = step_value(&b) - step_value(&a);
		squares += (end - at) * d * d;
		at = end;
		if (a.seen == ref->count && b.seen == other->count)
			break;
		if (end_a <= end && a.seen < ref->count)
			step_on(&a);
		if (end_b <= end && b.seen < other->count)
			step_on(&b);
	}
	return sqrt(squares) / hcb_hist_mean(ref);
}

uint64_t hcb_quantile_min_samples(double q)
{
	double tail = q > 0.5 ? q : 1 - q;
	if (!(q > 0 && q < 1))
		return UINT64_MAX;
	return (uint64_t)ceil(log(0.025) / log(tail));
}
