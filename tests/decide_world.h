/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Queues whose capacity is known, for the split decision to be held against: a disk is a
 * single server, first come first served, Poisson arrivals. The database's requests have
 * the objective that 99 of 100 are done within `slo` seconds; bulk has none.
 *
 *	shared  both classes in one queue
 *	split   the database alone, on a disk of another speed
 *	tuned   the shared one, faster
 *
 * A trial simulates `jobs` requests of the database after a tenth of warm-up (Lindley's
 * recursion), and is good if the 99th percentile of their response is within the
 * objective. It is what search.c asks for, and hcb_decide is given what search.c found.
 *
 * MM1: exponential service, the same for both classes. Response is exponential with the
 * rate mu - lambda, so capacity and p99 are closed forms. MG1: the database's service is
 * uniform in 0.5 to 1.5 of its mean, a bulk request takes 1.5 to 2.5 of it; capacity by
 * bisection on simulations of DECIDE_LONG requests, with the same chance at every load.
 */
#ifndef HCB_TESTS_DECIDE_WORLD_H
#define HCB_TESTS_DECIDE_WORLD_H

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/random.h"
#include "bench/decide.h"
#include "bench/effect.h"
#include "bench/search.h"

#define DECIDE_LONG     60000
#define DECIDE_MAX_JOBS 200000
#define DECIDE_PAIRS    5 /* of trials at the demand, shared and split */

enum { DECIDE_SHARED, DECIDE_SPLIT, DECIDE_TUNED, DECIDE_N };

struct decide_world {
	bool general;                        /* MG1 */
	double mu[DECIDE_N], bulk[DECIDE_N]; /* per second: service, arrivals of bulk */
	double slo;                          /* seconds */
	struct hcb_demand demand;
	double capacity[DECIDE_N]; /* the truth */
	double p99_ratio;          /* shared over split at the demand, the truth */
	struct hcb_random r;
};

static double decide_draw(struct decide_world *w, double lo, double hi)
{
	return lo * exp(log(hi / lo) * hcb_random_unit(&w->r));
}

/* The k-th smallest of n (Hoare's selection); reorders v. */
static double decide_select(double *v, unsigned n, unsigned k)
{
	long lo = 0, hi = (long)n - 1;
	while (lo < hi) {
		double pivot = v[(lo + hi) / 2];
		long i = lo, j = hi;
		while (i <= j) {
			while (v[i] < pivot)
				i++;
			while (v[j] > pivot)
				j--;
			if (i > j)
				break;
			double x = v[i];
			v[i++] = v[j];
			v[j--] = x;
		}
		if ((long)k <= j)
			hi = j;
		else if ((long)k >= i)
			lo = i;
		else
			break;
	}
	return v[k];
}

static double decide_service(const struct decide_world *w, unsigned l, bool bulk,
                             struct hcb_random *r)
{
	if (!w->general)
		return hcb_random_exp(r) / w->mu[l];
	double u = hcb_random_unit(r);
	return (bulk ? 1.5 + u : 0.5 + u) / w->mu[l];
}

/* p99 of the database's response, seconds. */
static double decide_p99(const struct decide_world *w, unsigned l, double load,
                         unsigned jobs, struct hcb_random *r)
{
	static double response[DECIDE_MAX_JOBS];
	double all = load + w->bulk[l], wait = 0;
	unsigned n = 0, skip = jobs / 10;
	if (jobs > DECIDE_MAX_JOBS)
		abort();
	while (n < jobs) {
		bool bulk = hcb_random_unit(r) * all >= load;
		double service = decide_service(w, l, bulk, r);
		double gap = hcb_random_exp(r) / all;
		if (!bulk && skip)
			skip--;
		else if (!bulk)
			response[n++] = wait + service;
		wait = fmax(0, wait + service - gap);
	}
	return decide_select(response, n, (unsigned)(0.99 * n));
}

/* The load whose p99 is just the objective; 0: none is. */
static double decide_truth(const struct decide_world *w, unsigned l)
{
	if (!w->general)
		return fmax(0, w->mu[l] - w->bulk[l] - log(100) / w->slo);
	double lo = 0, hi = w->mu[l];
	for (int i = 0; i < 10; i++) {
		struct hcb_random r;
		double mid = (lo + hi) / 2;
		hcb_random_init(&r, 4711, l);
		bool good = decide_p99(w, l, mid, DECIDE_LONG, &r) <= w->slo;
		*(good ? &lo : &hi) = mid;
	}
	return (lo + hi) / 2;
}

static double decide_true_ratio(const struct decide_world *w)
{
	struct hcb_random r[2];
	double load = w->demand.load, p99[2];
	for (unsigned l = 0; l < 2; l++) {
		double left = w->mu[l] - w->bulk[l] - load;
		hcb_random_init(&r[l], 815, l);
		if (!w->general)
			p99[l] = left > 0 ? log(100) / left : INFINITY;
		else
			p99[l] = decide_p99(w, l, load, DECIDE_LONG, &r[l]);
	}
	return p99[0] / p99[1];
}

static void decide_make(struct decide_world *w, bool general, uint64_t seed)
{
	*w = (struct decide_world){.general = general};
	hcb_random_init(&w->r, seed, 1);
	w->slo = decide_draw(w, 0.1, 0.4);
	w->mu[DECIDE_SHARED] = 100;
	w->mu[DECIDE_SPLIT] = 100 * decide_draw(w, 0.85, 1.5);
	w->mu[DECIDE_TUNED] = 100 * decide_draw(w, 1, 1.4);
	w->bulk[DECIDE_SHARED] = decide_draw(w, 2, general ? 15 : 35);
	w->bulk[DECIDE_TUNED] = w->bulk[DECIDE_SHARED];
	for (unsigned l = 0; l < DECIDE_N; l++)
		w->capacity[l] = decide_truth(w, l);
	/* From a fifth of what the shared disk carries to twice of it. */
	w->demand = (struct hcb_demand){
	        fmax(1, w->capacity[DECIDE_SHARED]) * decide_draw(w, 0.2, 2), 0.3};
	w->p99_ratio = decide_true_ratio(w);
}

static void decide_evidence(struct hcb_layout_evidence l[DECIDE_N])
{
	static const struct hcb_layout_evidence kinds[DECIDE_N] = {
	        [DECIDE_SHARED] = {.name = "shared", .kind = HCB_LAYOUT_SHARED},
	        [DECIDE_SPLIT] = {.name = "split",
	                          .kind = HCB_LAYOUT_SPLIT,
	                          .disks_more = 3},
	        [DECIDE_TUNED] = {.name = "tuned", .kind = HCB_LAYOUT_TUNED},
	};
	memcpy(l, kinds, sizeof(kinds));
	for (unsigned i = 0; i < DECIDE_N; i++) {
		l[i].n_states = 1;
		l[i].p99_ratio_lo = NAN;
	}
}

/* What the rule says of the truth. */
static struct hcb_decision decide_right(const struct decide_world *w)
{
	struct hcb_layout_evidence l[DECIDE_N];
	struct hcb_decision d;
	decide_evidence(l);
	for (unsigned i = 0; i < DECIDE_N; i++)
		l[i].capacity[0] = (struct hcb_capacity){w->capacity[i], w->capacity[i]};
	l[DECIDE_SPLIT].p99_ratio_lo = w->p99_ratio;
	if (hcb_decide(l, DECIDE_N, &w->demand, &d))
		abort();
	return d;
}

static struct hcb_capacity decide_search(struct decide_world *w, unsigned l,
                                         unsigned jobs, unsigned max_trials,
                                         unsigned *trials)
{
	static struct hcb_search s;
	const struct hcb_search_conf conf = {.from = 2,
	                                     .to = 200,
	                                     .n_goals = 1,
	                                     .wanted = 1,
	                                     .trial_s = 1,
	                                     .verify_s = 4,
	                                     .cost_per_s = 1,
	                                     .budget_s = max_trials};
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_search_ask ask;
	struct hcb_search_result r;
	if (hcb_search_init(&s, &conf, &err))
		abort();
	while (hcb_search_next(&s, &ask) == HCB_SEARCH_TRIAL) {
		unsigned n = ask.verify ? 4 * jobs : jobs;
		const struct hcb_search_seen seen = {
		        .bad = decide_p99(w, l, ask.load, n, &w->r) > w->slo,
		        .cost_s = ask.length_s};
		hcb_search_observe(&s, &seen);
	}
	hcb_search_result(&s, 0, &r);
	*trials += s.n_trials;
	return hcb_capacity_of(r.lower.known ? r.lower.load : NAN, r.lower.believed,
	                       r.upper.known ? r.upper.load : NAN, r.upper.believed);
}

/* As "hcbench size" does: is the split worth having where sharing is good enough? Where
   the first pairs leave HCB_DECIDE_RATIO within their interval, three times as many
   others decide. */
static double decide_ratio(struct decide_world *w, unsigned jobs, unsigned *trials)
{
	double a[3 * DECIDE_PAIRS], b[3 * DECIDE_PAIRS];
	struct hcb_effect e = {0};
	for (unsigned n = DECIDE_PAIRS; n <= 3 * DECIDE_PAIRS; n *= 3) {
		for (unsigned i = 0; i < n; i++) {
			a[i] = decide_p99(w, DECIDE_SPLIT, w->demand.load, jobs, &w->r);
			b[i] = decide_p99(w, DECIDE_SHARED, w->demand.load, jobs, &w->r);
		}
		*trials += 2 * n;
		hcb_effect_paired(a, b, n, false, &e);
		if (e.lo >= HCB_DECIDE_RATIO || e.hi < HCB_DECIDE_RATIO)
			break;
	}
	return e.lo;
}

/* A decision from trials; max_trials of each layout, 0: as many as it takes. */
static struct hcb_decision decide_measured(struct decide_world *w, unsigned jobs,
                                           unsigned max_trials, unsigned *trials)
{
	struct hcb_layout_evidence l[DECIDE_N];
	struct hcb_decision d;
	*trials = 0;
	decide_evidence(l);
	for (unsigned i = 0; i < DECIDE_N; i++)
		l[i].capacity[0] = decide_search(w, i, jobs, max_trials, trials);
	if (hcb_decide(l, DECIDE_N, &w->demand, &d))
		abort();
	if (d.verdict != HCB_SIZE_KEEP_SHARED)
		return d;
	l[DECIDE_SPLIT].p99_ratio_lo = decide_ratio(w, jobs, trials);
	if (hcb_decide(l, DECIDE_N, &w->demand, &d))
		abort();
	return d;
}

#endif
