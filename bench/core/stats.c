/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/stats.h"

#include <float.h>
#include <math.h>

#define BATCH    5
#define MIN_KEPT 5 /* a few batches at the end may agree by chance */

double hcb_mean(const double *y, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += y[i];
	return n ? sum / (double)n : 0;
}

/* From the last batch back: Welford's update, so that no large sums are subtracted. */
struct hcb_mser hcb_mser5(const double *y, size_t n)
{
	struct hcb_mser best = {.cut = 0, .steady = false};
	size_t batches = n / BATCH, kept = 0;
	double mean = 0, squares = 0, least = 0;
	bool any = false;
	for (size_t d = batches; d-- > 0;) {
		double v = hcb_mean(y + d * BATCH, BATCH);
		double delta = v - mean;
		kept++;
		mean += delta / (double)kept;
		squares += delta * (v - mean);
		if (kept < MIN_KEPT)
			continue;
		double error = squares / ((double)kept * (double)kept);
		if (!any || error <= least) {
			any = true;
			least = error;
			best.cut = d * BATCH;
		}
	}
	best.steady = batches >= 2 * MIN_KEPT && best.cut / BATCH <= batches / 2;
	return best;
}

double hcb_autocorr1(const double *y, size_t n)
{
	double m = hcb_mean(y, n), num = 0, den = 0;
	/* The mean of a constant series is off by rounding: that is not variation. */
	double noise = fabs(m) * (double)n * DBL_EPSILON;
	if (n < 3)
		return 0;
	for (size_t i = 0; i < n; i++)
		den += (y[i] - m) * (y[i] - m);
	for (size_t i = 0; i + 1 < n; i++)
		num += (y[i] - m) * (y[i + 1] - m);
	return den > (double)n * noise * noise ? num / den : 0;
}
