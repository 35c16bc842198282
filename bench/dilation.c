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
	struct hcb_interval_of_mean p = hcb_interval_of_mean(a, n, 0.95);
	struct hcb_interval_of_mean q = hcb_interval_of_mean(b, m, 0.95);
	double vp = p.sd * p.sd / (double)n, vq = q.sd * q.sd / (double)m;
	double d = q.mean - p.mean, v = vp + vq;
	/* Welch and Satterthwaite's degrees of freedom. */
	double df =
	        v > 0 ? v * v / (vp * vp / (double)(n - 1) + vq * vq / (double)(m - 1))
	              : (double)(n + m - 2);
	double half = hcb_t_quantile(0.975, df < 1 ? 1 : df) * sqrt(v);
	double margin = log1p(HCB_DILATION_MARGIN);
	s.ratio = exp(d);
	s.lo = exp(d - half);
	s.hi = exp(d + half);
	s.told = true;
	s.same = (d - half <= 0 && d + half >= 0) ||
	         (d - half > -margin && d + half < margin);
	return s;
}
