/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scaling laws without libm: powers and logarithms from multiplications and square roots
 * only, which IEEE 754 rounds correctly, so that the same parameters give the same load
 * with every compiler and C library. Right to about 1e-12; a few dozen operations each.
 */
#ifndef HCB_WORKLOADS_LAW_H
#define HCB_WORKLOADS_LAW_H

#include <stddef.h>

double hcb_law_log2(double x); /* x > 0, finite */
double hcb_law_exp2(double x); /* |x| < 1000 */
double hcb_law_pow(double x, double y);

struct hcb_law_point {
	double x, y; /* both > 0 */
};

/* Through the points (ascending x, at least two), a power law between neighbours; beyond
   the ends the last law goes on. */
double hcb_law_through(const struct hcb_law_point *p, size_t n, double x);

#endif
