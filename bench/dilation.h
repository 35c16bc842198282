/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From which dilation on does a result stop moving? What is measured at D is compared, in
 * lab time, with what is measured at 2D: as long as the two differ, this machine's
 * processors had a share in it. Pure arithmetic.
 */
#ifndef HCB_BENCH_DILATION_H
#define HCB_BENCH_DILATION_H

#include <stdbool.h>
#include <stddef.h>

#define HCB_DILATION_MARGIN 0.05 /* closer than this is the same */

/*
 * y: values of n runs at D, z: of m runs at 2D, all above 0. The difference of their
 * logarithms' means with its 95 % interval (Welch); same: the interval holds 0, or the
 * whole of it lies within the margin. With fewer than 2 values on a side nothing can be
 * told: told is false.
 */
struct hcb_dilation_step {
	double ratio, lo, hi; /* z over y */
	bool told, same;
};

struct hcb_dilation_step hcb_dilation_compare(const double *y, size_t n, const double *z,
                                              size_t m);

#endif
