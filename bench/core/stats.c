/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/stats.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BATCH     5
#define MIN_KEPT  5     /* a few batches at the end may agree by chance */
#define MIN_TREND 50    /* seconds, where seconds are counted */
#define Z_99      2.576 /* two-sided 1 % of a normal distribution */

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

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Shell's sort with Knuth's gaps. */
void hcb_sort(double *y, size_t n)
{
	size_t gap = 1;
	while (gap < n / 3)
		gap = 3 * gap + 1;
	for (; gap; gap /= 3) {
		for (size_t i = gap; i < n; i++) {
			double v = y[i];
			size_t k = i;
			for (; k >= gap && y[k - gap] > v; k -= gap)
				y[k] = y[k - gap];
			y[k] = v;
		}
	}
}

double hcb_median(double *y, size_t n)
{
	if (!n)
		return 0;
	qsort(y, n, sizeof(*y), compare);
	return n % 2 ? y[n / 2] : (y[n / 2 - 1] + y[n / 2]) / 2;
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

/* --- has a series moved? ---------------------------------------------------------- */

struct ranked {
	double value, rank; /* rank from 1; of equal values their mean */
	size_t at;
};

static int by_value(const void *a, const void *b)
{
	return compare(&((const struct ranked *)a)->value,
	               &((const struct ranked *)b)->value);
}

static int by_place(const void *a, const void *b)
{
	size_t x = ((const struct ranked *)a)->at, y = ((const struct ranked *)b)->at;
	return (x > y) - (x < y);
}

static void rank(struct ranked *s, size_t n)
{
	qsort(s, n, sizeof(*s), by_value);
	for (size_t i = 0; i < n;) {
		size_t end = i + 1;
		while (end < n && !(s[end].value > s[i].value))
			end++;
		for (size_t k = i; k < end; k++)
			s[k].rank = (double)(i + 1 + end) / 2;
		i = end;
	}
	qsort(s, n, sizeof(*s), by_place);
}

/* Lag-1 autocorrelation of what is left when the straight line through y is taken off: a
   trend is what is looked for, and is no reason to doubt it. */
static double autocorr_about_line(double *y, size_t n)
{
	double mid = (double)(n - 1) / 2, m = hcb_mean(y, n), sxy = 0, sxx = 0;
	for (size_t i = 0; i < n; i++) {
		sxy += ((double)i - mid) * (y[i] - m);
		sxx += ((double)i - mid) * ((double)i - mid);
	}
	for (size_t i = 0; i < n; i++)
		y[i] -= m + sxy / sxx * ((double)i - mid);
	return hcb_autocorr1(y, n);
}

/* The rank sum's distance from what it would be by chance, in standard deviations. */
static double rank_sum_z(const struct ranked *s, double *y, size_t n)
{
	size_t half = n / 2;
	double sum = 0, h = (double)half, rest = (double)(n - half);
	for (size_t i = 0; i < n; i++) {
		sum += i < half ? s[i].rank : 0;
		y[i] = s[i].rank;
	}
	double r =
	        (autocorr_about_line(y, half) + autocorr_about_line(y + half, n - half)) /
	        2;
	double inflation = r > 0 ? (1 + r) / (1 - r) : 1;
	double var = h * rest * (double)(n + 1) / 12 * inflation;
	return (sum - h * (double)(n + 1) / 2) / sqrt(var);
}

bool hcb_drifts(const double *y, size_t n, double tolerance)
{
	if (n < MIN_TREND)
		return false;
	double *copy = malloc(n * sizeof(*copy));
	struct ranked *s = malloc(n * sizeof(*s));
	bool moved = true; /* what could not be ruled out */
	if (copy && s) {
		memcpy(copy, y, n * sizeof(*copy));
		double first = hcb_median(copy, n / 2);
		double second = hcb_median(copy + n / 2, n - n / 2);
		moved = fabs(second - first) > tolerance * fabs(hcb_median(copy, n));
	}
	if (copy && s && moved) {
		for (size_t i = 0; i < n; i++)
			s[i] = (struct ranked){y[i], 0, i};
		rank(s, n);
		moved = fabs(rank_sum_z(s, copy, n)) > Z_99;
	}
	free(copy);
	free(s);
	return moved;
}

/* --- how far apart are two distributions? ------------------------------------------ */

/* Both step functions change at multiples of 1/n_ref and 1/n_other: between two changes
   the distance is constant. Positions are counted in units of 1/(n_ref n_other). */
double hcb_demerit(const double *ref, size_t n_ref, const double *other, size_t n_other)
{
	double squares = 0;
	size_t i = 0, k = 0;
	double at = 0, all = (double)n_ref * (double)n_other;
	while (i < n_ref && k < n_other) {
		double end_i = (double)(i + 1) * (double)n_other;
		double end_k = (double)(k + 1) * (double)n_ref;
		double end = end_i < end_k ? end_i : end_k;
		double d = other[k] - ref[i];
		squares += (end - at) * d * d;
		at = end;
		i += end_i <= end;
		k += end_k <= end;
	}
	return sqrt(squares / all) / hcb_mean(ref, n_ref);
}

double hcb_demerit_quantiles(const double *q, const double *ref, const double *other,
                             size_t n)
{
	double squares = 0, area = 0;
	for (size_t i = 1; i < n; i++) {
		double a = other[i - 1] - ref[i - 1], b = other[i] - ref[i];
		/* The mean square of a straight line from a to b. */
		squares += (q[i] - q[i - 1]) * (a * a + a * b + b * b) / 3;
		area += (q[i] - q[i - 1]) * (ref[i - 1] + ref[i]) / 2;
	}
	double span = q[n - 1] - q[0];
	return sqrt(squares / span) / (area / span);
}
