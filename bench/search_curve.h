/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The load at which trials are good as often as not, from all trials at once: for a
 * search whose trials contradict each other (search.h). The share of bad trials is taken
 * for
 *
 *	floor + (1 - 2 floor) / (1 + exp(-(ln load - ln limit) / spread))
 *
 * with a floor of 2 % for what no load explains; a limit anywhere from 0.6 times the
 * loads in doubt to 1.65 times, uniform in its logarithm (with the floor it would have
 * no end otherwise); and a spread from 1 % to 20 %, likewise. A Bayesian fit of a
 * psychometric function (Watson and Pelli 1983, QUEST; Kontsevich and Tyler 1999), of
 * which the spread is integrated out. Pure: no state, no allocation.
 */
#ifndef HCB_BENCH_SEARCH_CURVE_H
#define HCB_BENCH_SEARCH_CURVE_H

struct hcb_search_count;

/* Of the limit as much of the posterior lies below lo as above hi. spread: its geometric
   mean; 0.05 is 5 % of load from one half to 73 % bad. */
struct hcb_search_curve {
	double lo, hi;
	double spread;
};

/* Trials that a threshold leaves unexplained, at the best of thresholds: bad ones at
   loads below it and good ones above. load: ascending. */
unsigned hcb_search_contradictions(const struct hcb_search_count *count, unsigned n);

/* Of n loads, ascending, of which at least one has a good trial and one a bad one. tail:
   of the posterior at either end, above 0 and below one half. */
void hcb_search_fit(const double *load, const struct hcb_search_count *count, unsigned n,
                    double tail, struct hcb_search_curve *out);

#endif
