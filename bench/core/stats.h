/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arithmetic on series of doubles: where a warm-up ends, how much neighbours depend on
 * each other, how far two distributions are apart. Nothing here reads a clock or decides
 * anything.
 */
#ifndef HCB_CORE_STATS_H
#define HCB_CORE_STATS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * MSER-5 (K. P. White, "An effective truncation heuristic for bias reduction in
 * simulation output", Simulation 69(6), 1997; White, Cobb and Spratt, "A comparison of
 * five steady-state truncation heuristics for simulation", WSC 2000). The series is cut
 * into batches of five; d batches are dropped, d chosen so that the squared standard
 * error of the mean of those kept, sum (y - mean)^2 / (n - d)^2, is smallest; ties go to
 * the smaller d. Two rules come from Hoad, Robinson and Davies, "Automating warm-up
 * length estimation", J. Oper. Res. Soc. 61, 2010: at least five batches are kept, since
 * a few at the end may agree by chance, and a cut in the second half means that the
 * series was too short to tell.
 */
struct hcb_mser {
	size_t cut;  /* the first value to keep, a multiple of 5 */
	bool steady; /* false: the cut falls in the second half, or fewer than 50 values
	              */
};

/* n values, oldest first. A tail of n % 5 values takes no part in the choice. */
struct hcb_mser hcb_mser5(const double *y, size_t n);

/*
 * Has the series moved? The medians of its two halves differ by more than `tolerance` of
 * the whole's, and by more than chance: Wilcoxon's rank-sum test of the halves at 1 %,
 * its variance enlarged by (1 + r) / (1 - r) for a lag-1 autocorrelation r > 0 within
 * the halves (their straight lines taken off). Ranks and medians, because a stall is no
 * drift. Fewer than 50 values: false, it cannot be told.
 *
 * Not MSER-5: a cut in the second half is seen in 5 to 20 % of stationary series of 60 to
 * 300 values and in nearly half of those with a stall now and then, and what it misses is
 * more (tests/unit/test_stats.c).
 */
bool hcb_drifts(const double *y, size_t n, double tolerance);

/*
 * Lag-1 autocorrelation, sum (y[i]-m)(y[i+1]-m) / sum (y[i]-m)^2 (Box and Jenkins, "Time
 * Series Analysis", 2.1.5, the estimate with divisor n for both). Between -1 and 1; 0 for
 * a constant series or fewer than 3 values. White noise: mean -1/n, deviation 1/sqrt(n).
 */
double hcb_autocorr1(const double *y, size_t n);

void hcb_sort(double *y, size_t n); /* ascending; qsort() may allocate, not this */
double hcb_mean(const double *y, size_t n); /* 0 if n is 0 */
/* Sorts y; of an even number the mean of the middle two; 0 if n is 0. */
double hcb_median(double *y, size_t n);

/*
 * Demerit (C. Ruemmler and J. Wilkes, "An introduction to disk drive modeling", IEEE
 * Computer 27(3), 1994): the root mean square of the horizontal distance between two
 * cumulative distributions of response time, here as a share of the first one's mean. 0:
 * the same distribution; 0.05: 5 %. Both ascending; any two sizes over 0; the mean of ref
 * over 0. Exact for the step functions that samples are. Two samples of n of one
 * distribution are about 2 deviations / sqrt(n) apart by chance.
 */
double hcb_demerit(const double *ref, size_t n_ref, const double *other, size_t n_other);

/*
 * The same where only quantiles are known: ref[i] and other[i] at q[i], ascending.
 * Straight lines between them; what lies outside q[0]..q[n-1] takes no part, also not in
 * the mean. n at least 2.
 */
double hcb_demerit_quantiles(const double *q, const double *ref, const double *other,
                             size_t n);

#endif
