/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/interval.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "bench/core/random.h"
#include "bench/core/stats.h"
#include "bench/core/student.h"

/* Odd multiples of 1000 less one: the quantiles of 95 and 90 % are members of the sample.
 */
#define RESAMPLES 1999

const char *hcb_blocks_method_name(enum hcb_blocks_method m)
{
	static const char *const names[] = {
	        [HCB_BLOCKS_NONE] = "none",
	        [HCB_BLOCKS_T] = "t on logarithms",
	        [HCB_BLOCKS_BOOTSTRAP] = "bootstrap of logarithms",
	};
	return names[m];
}

/* P(Z < z) of a normal distribution. */
static double normal_below(double z)
{
	return erfc(-z / sqrt(2)) / 2;
}

static void bootstrap(const double *y, size_t n, double confidence, uint64_t seed,
                      struct hcb_blocks *out)
{
	double mean[RESAMPLES], all = (double)n;
	struct hcb_random r;
	hcb_random_init(&r, seed, 0);
	for (size_t k = 0; k < RESAMPLES; k++) {
		double sum = 0;
		for (size_t i = 0; i < n; i++)
			sum += y[hcb_random_below(&r, n)];
		mean[k] = sum / all;
	}
	hcb_sort(mean, RESAMPLES);
	double t = hcb_t_quantile((1 - confidence) / 2, all - 1);
	double outside = normal_below(t * sqrt(all / (all - 1))) * (RESAMPLES + 1);
	size_t rank = outside < 1 ? 1 : (size_t)(outside + 0.5);
	out->lo = exp(mean[rank - 1]);
	out->hi = exp(mean[RESAMPLES - rank]);
	out->method = HCB_BLOCKS_BOOTSTRAP;
}

int hcb_blocks_interval(const double *x, size_t n, double confidence, uint64_t seed,
                        struct hcb_blocks *out)
{
	double y[HCB_BLOCKS_MAX];
	if (!n || n > HCB_BLOCKS_MAX || !(confidence > 0 && confidence < 1))
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (!(isfinite(x[i]) && x[i] > 0))
			return -EINVAL;
		y[i] = log(x[i]);
	}
	struct hcb_interval_of_mean m = hcb_interval_of_mean(y, n, confidence);
	*out = (struct hcb_blocks){
	        .value = exp(m.mean),
	        .lo = exp(m.lo),
	        .hi = exp(m.hi),
	        .cv = expm1(m.sd),
	        .autocorr1 = hcb_autocorr1(y, n),
	        .method = n < 2 ? HCB_BLOCKS_NONE : HCB_BLOCKS_T,
	};
	/* All alike but for rounding: there is nothing to resample. */
	if (n >= HCB_BLOCKS_MANY && m.sd > 1e-12 * fmax(1, fabs(m.mean)))
		bootstrap(y, n, confidence, seed, out);
	return 0;
}
