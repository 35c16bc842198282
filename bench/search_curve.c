/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/search_curve.h"

#include <math.h>
#include <stdbool.h>

#include "bench/search.h"

#define FLOOR 0.02

/* Of the limit's logarithm: a quarter of a step of the grid, half a unit beyond where
   trials are in doubt, coarser if that is too many. */
#define FINE   0.0125
#define BEYOND 0.5
#define LIMITS 512

static const double spreads[] = {0.01,   0.0154, 0.0236, 0.0362,
                                 0.0556, 0.0854, 0.131,  0.2};
#define SPREADS (sizeof(spreads) / sizeof(spreads[0]))

unsigned hcb_search_contradictions(const struct hcb_search_count *count, unsigned n)
{
	unsigned now = 0;
	for (unsigned i = 0; i < n; i++)
		now += count[i].good; /* the threshold below all */
	unsigned least = now;
	for (unsigned i = 0; i < n; i++) {
		now = now + count[i].bad - count[i].good;
		least = now < least ? now : least;
	}
	return least;
}

/* From the least load that was bad to the greatest that was good, or the other way. */
struct span {
	double from, step;
	unsigned n;
};

static struct span doubtful(const double *load, const struct hcb_search_count *count,
                            unsigned n)
{
	double bad = 0, good = 0;
	for (unsigned i = 0; i < n; i++) {
		if (count[i].bad && bad <= 0)
			bad = load[i];
		if (count[i].good)
			good = load[i];
	}
	double from = log(fmin(bad, good)) - BEYOND, to = log(fmax(bad, good)) + BEYOND;
	double step = fmax(FINE, (to - from) / (LIMITS - 1));
	return (struct span){from, step, (unsigned)((to - from) / step) + 1};
}

/* Trials at one load. */
struct point {
	double log_load;
	unsigned good, bad;
};

static unsigned tried(const double *load, const struct hcb_search_count *count,
                      unsigned n, struct point *out)
{
	unsigned k = 0;
	for (unsigned i = 0; i < n; i++)
		if (count[i].good || count[i].bad)
			out[k++] =
			        (struct point){log(load[i]), count[i].good, count[i].bad};
	return k;
}

static double log_likelihood(const struct point *p, unsigned n, double limit,
                             double spread)
{
	double sum = 0;
	for (unsigned i = 0; i < n; i++) {
		double above = (p[i].log_load - limit) / spread;
		double share = FLOOR + (1 - 2 * FLOOR) / (1 + exp(-above));
		sum += p[i].bad * log(share) + p[i].good * log1p(-share);
	}
	return sum;
}

/* Where the cumulated weights reach share of their sum. */
static double quantile(const double *w, const struct span *s, double sum, double share)
{
	double below = 0;
	for (unsigned i = 0; i < s->n; i++) {
		if (below + w[i] >= share * sum)
			return s->from +
			       s->step * (i - 0.5 + (share * sum - below) / w[i]);
		below += w[i];
	}
	return s->from + s->step * (s->n - 1);
}

void hcb_search_fit(const double *load, const struct hcb_search_count *count, unsigned n,
                    double tail, struct hcb_search_curve *out)
{
	double l[SPREADS][LIMITS], w[LIMITS] = {0}, most = -INFINITY, sum = 0, mean = 0;
	struct point p[HCB_SEARCH_MAX_LOADS];
	struct span s = doubtful(load, count, n);
	unsigned points = tried(load, count, n, p);
	for (unsigned k = 0; k < SPREADS; k++)
		for (unsigned i = 0; i < s.n; i++) {
			l[k][i] = log_likelihood(p, points, s.from + s.step * i,
			                         spreads[k]);
			most = fmax(most, l[k][i]);
		}
	for (unsigned k = 0; k < SPREADS; k++)
		for (unsigned i = 0; i < s.n; i++) {
			double weight = exp(l[k][i] - most);
			w[i] += weight;
			sum += weight;
			mean += weight * log(spreads[k]);
		}
	*out = (struct hcb_search_curve){exp(quantile(w, &s, sum, tail)),
	                                 exp(quantile(w, &s, sum, 1 - tail)),
	                                 exp(mean / sum)};
}
