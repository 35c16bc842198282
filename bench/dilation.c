/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/dilation.h"

#include <math.h>

#include "bench/core/student.h"

#define MAX_BLOCKS 256

static size_t logs(const double *y, size_t n, double *out)
{
	size_t k = 0;
	for (size_t i = 0; i < n && k < MAX_BLOCKS; i++)
		if (y[i] > 0)
			out[k++] = log(y[i]);
	return k;
}

struct hcb_dilation_step hcb_dilation_compare(const double *y, size_t n, const double *z,
                                              size_t m)
{
	double a[MAX_BLOCKS], b[MAX_BLOCKS];
	struct hcb_dilation_step s = {NAN, NAN, NAN, false, false};
	n = logs(y, n, a);
	m = logs(z, m, b);
	if (n < 2 || m < 2)
		return s;
	struct hcb_interval_of_difference d =
	        hcb_interval_of_difference(a, n, b, m, 0.95);
	double margin = log1p(HCB_DILATION_MARGIN);
	s.ratio = exp(d.diff);
	s.lo = exp(d.lo);
	s.hi = exp(d.hi);
	s.told = true;
	s.same = (d.lo <= 0 && d.hi >= 0) || (d.lo > -margin && d.hi < margin);
	return s;
}
