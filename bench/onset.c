/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/onset.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/random.h"
#include "bench/core/stats.h"

#define LEAST     2
#define RESAMPLES 300

static double median_of(const double *y, size_t n)
{
	double v[HCB_ONSET_NIGHTS];
	memcpy(v, y, n * sizeof(*v));
	return hcb_median(v, n);
}

static double spread(const double *y, size_t n)
{
	double m = median_of(y, n), sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += fabs(y[i] - m);
	return sum;
}

static size_t split(const double *y, size_t n)
{
	size_t best = LEAST;
	double least = INFINITY;
	for (size_t k = LEAST; k + LEAST <= n; k++) {
		double s = spread(y, k) + spread(y + k, n - k);
		if (s < least) {
			least = s;
			best = k;
		}
	}
	return best;
}

static int by_size(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return (x > y) - (x < y);
}

static void resample(const double *y, size_t n, size_t at, struct hcb_random *rng,
                     double *out)
{
	double low = median_of(y, at), high = median_of(y + at, n - at);
	for (size_t i = 0; i < n; i++) {
		double level = i < at ? low : high;
		size_t k = i < at ? hcb_random_below(rng, at)
		                  : at + hcb_random_below(rng, n - at);
		out[i] = level + y[k] - (k < at ? low : high);
	}
}

int hcb_onset(const double *y, size_t n, uint64_t seed, struct hcb_onset *out)
{
	size_t found[RESAMPLES];
	double again[HCB_ONSET_NIGHTS];
	struct hcb_random rng;
	if (n < 2 * LEAST || n > HCB_ONSET_NIGHTS)
		return -EINVAL;
	out->at = split(y, n);
	hcb_random_init(&rng, seed, 0);
	for (size_t i = 0; i < RESAMPLES; i++) {
		resample(y, n, out->at, &rng, again);
		found[i] = split(again, n);
	}
	qsort(found, RESAMPLES, sizeof(found[0]), by_size);
	out->from = found[RESAMPLES * 25 / 1000];
	out->to = found[RESAMPLES - 1 - RESAMPLES * 25 / 1000];
	/* The one found is one of those that may be. */
	out->from = out->from < out->at ? out->from : out->at;
	out->to = out->to > out->at ? out->to : out->at;
	return 0;
}
