/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/student.h"

#include <math.h>

/*
 * Continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), by
 * Lentz's method.
 */
static double beta_fraction(double a, double b, double x)
{
	const double tiny = 1e-300;
	double c = 1, d = 1 - (a + b) * x / (a + 1);
	d = 1 / (fabs(d) < tiny ? tiny : d);
	double h = d;
	for (int m = 1; m < 1000; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double before = h;
		for (int k = 0; k < 2; k++) {
			double e = k ? odd : even;
			d = 1 + e * d;
			d = 1 / (fabs(d) < tiny ? tiny : d);
			c = 1 + e / c;
			c = fabs(c) < tiny ? tiny : c;
			h *= d * c;
		}
		if (fabs(h - before) <= 1e-15 * fabs(h))
			break;
	}
	return h;
}

/* Regularised incomplete beta function I_x(a, b). */
static double beta_share(double a, double b, double x)
{
	if (x <= 0 || x >= 1)
		return x >= 1;
	double front =
	        exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* P(T < t) for t >= 0. */
static double t_below(double t, double df)
{
	return 1 - beta_share(df / 2, 0.5, df / (df + t * t)) / 2;
}

double hcb_t_quantile(double p, double df)
{
	if (!(p > 0 && p < 1 && df >= 1))
		return NAN;
	if (p < 0.5)
		return -hcb_t_quantile(1 - p, df);
	double lo = 0, hi = 1;
	while (t_below(hi, df) < p && hi < 1e300)
		hi *= 2;
	for (int i = 0; i < 200 && hi - lo > 1e-13 * hi; i++) {
		double mid = (lo + hi) / 2;
		if (t_below(mid, df) < p)
			lo = mid;
		else
			hi = mid;
	}
	return (lo + hi) / 2;
}

struct hcb_interval_of_mean hcb_interval_of_mean(const double *y, size_t n,
                                                 double confidence)
{
	struct hcb_interval_of_mean r = {0, 0, -INFINITY, INFINITY};
	double squares = 0;
	for (size_t i = 0; i < n; i++)
		r.mean += y[i] / (double)n;
	if (n < 2)
		return r;
	for (size_t i = 0; i < n; i++)
		squares += (y[i] - r.mean) * (y[i] - r.mean);
	r.sd = sqrt(squares / (double)(n - 1));
	double half = hcb_t_quantile((1 + confidence) / 2, (double)(n - 1)) * r.sd /
	              sqrt((double)n);
	r.lo = r.mean - half;
	r.hi = r.mean + half;
	return r;
}

struct hcb_interval_of_difference hcb_interval_of_difference(const double *a, size_t n,
                                                             const double *b, size_t m,
                                                             double confidence)
{
	struct hcb_interval_of_mean p = hcb_interval_of_mean(a, n, confidence);
	struct hcb_interval_of_mean q = hcb_interval_of_mean(b, m, confidence);
	struct hcb_interval_of_difference r = {q.mean - p.mean, 0, 0, -INFINITY,
	                                       INFINITY};
	if (n < 2 || m < 2)
		return r;
	double vp = p.sd * p.sd / (double)n, vq = q.sd * q.sd / (double)m, v = vp + vq;
	r.error = sqrt(v);
	r.df = v > 0 ? v * v / (vp * vp / (double)(n - 1) + vq * vq / (double)(m - 1))
	             : (double)(n + m - 2);
	double half = hcb_t_quantile((1 + confidence) / 2, r.df < 1 ? 1 : r.df) * r.error;
	r.lo = r.diff - half;
	r.hi = r.diff + half;
	return r;
}

/* Covariance of the two means: of one value with itself, its standard error squared. */
static double mean_covariance(const double *a, double ma, const double *b, double mb,
                              size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (a[i] - ma) * (b[i] - mb);
	return sum / ((double)n * (double)(n - 1));
}

/* The ratios r for which mean(a) - r mean(b) is within t standard errors of 0: between
   the roots of A r^2 - 2 B r + C. */
struct hcb_interval_of_ratio hcb_interval_of_ratio(const double *a, const double *b,
                                                   size_t n, double confidence)
{
	double ma = 0, mb = 0;
	for (size_t i = 0; i < n; i++) {
		ma += a[i] / (double)n;
		mb += b[i] / (double)n;
	}
	struct hcb_interval_of_ratio out = {ma / mb, -INFINITY, INFINITY};
	if (n < 2)
		return out;
	double t = hcb_t_quantile((1 + confidence) / 2, (double)(n - 1));
	double A = mb * mb - t * t * mean_covariance(b, mb, b, mb, n);
	double B = ma * mb - t * t * mean_covariance(a, ma, b, mb, n);
	double C = ma * ma - t * t * mean_covariance(a, ma, a, ma, n);
	if (A <= 0)
		return out;
	double d = B * B - A * C; /* below 0 by rounding only */
	double root = d > 0 ? sqrt(d) : 0;
	out.lo = (B - root) / A;
	out.hi = (B + root) / A;
	return out;
}
