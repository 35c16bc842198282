/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intervals for the mean of a few repetitions, by Student's t. */
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

#endif
