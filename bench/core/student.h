/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intervals for the mean of a few repetitions, or for a ratio of two, by Student's t. */
#ifndef HCB_CORE_STUDENT_H
#define HCB_CORE_STUDENT_H

#include <stddef.h>

/*
 * The quantile of Student's t with df degrees of freedom, 0 < p < 1, df >= 1: the value
 * that p of the distribution lies below. Within 1e-9 relative. NaN outside the domain.
 */
double hcb_t_quantile(double p, double df);

struct hcb_interval_of_mean {
	double mean, sd; /* sd: of the values, divisor n - 1 */
	double lo, hi;   /* two-sided; -inf and inf with fewer than 2 values */
};

/* confidence: 0.95 and the like. Values are taken as independent and about normal. */
struct hcb_interval_of_mean hcb_interval_of_mean(const double *y, size_t n,
                                                 double confidence);

/* mean(b) - mean(a) of two samples that have nothing to do with each other and need not
   have one variance (Welch, "The generalization of 'Student's' problem when several
   different population variances are involved", Biometrika 34, 1947). */
struct hcb_interval_of_difference {
	double diff, error, df; /* error: standard error; df: of its t distribution */
	double lo, hi;          /* -inf and inf with fewer than 2 values on a side */
};

struct hcb_interval_of_difference hcb_interval_of_difference(const double *a, size_t n,
                                                             const double *b, size_t m,
                                                             double confidence);

struct hcb_interval_of_ratio {
	double ratio, lo, hi; /* -inf and inf where the sample bounds nothing: fewer than
	                         2 pairs, or mean(b)'s own interval reaches 0 */
};

/*
 * mean(a) / mean(b) of n pairs, a[i] and b[i] measured beside each other, by Fieller
 * ("Some problems in interval estimation", J. R. Stat. Soc. B 16, 1954). What moves both
 * of a pair, a busier hour say, cancels. Unlike the ratio of logarithms it holds for
 * values that may be 0 or below, as differences are.
 */
struct hcb_interval_of_ratio hcb_interval_of_ratio(const double *a, const double *b,
                                                   size_t n, double confidence);

#endif
