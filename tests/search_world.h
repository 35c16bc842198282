/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Systems whose limit is known, for the load search to find: a trial at a load is bad
 * with the probability
 *
 *	floor + (1 - 2 floor) / (1 + exp(-(ln load - ln limit) / spread))
 *
 * so that at the limit it is one half: that is the truth. A long trial has half the
 * spread (four times the samples) and the same limit. What the kinds add is said at each.
 */
#ifndef HCB_TESTS_SEARCH_WORLD_H
#define HCB_TESTS_SEARCH_WORLD_H

#include <math.h>
#include <stdbool.h>

#include "bench/core/random.h"
#include "bench/search.h"

enum world_kind {
	WORLD_CLEAN,   /* spread 0.5 % to 2 % */
	WORLD_NOISY,   /* spread 2 % to 5 % */
	WORLD_COARSE,  /* spread 5 % to 10 %: trials that are too short for what they ask
	                */
	WORLD_SKEWED,  /* as coarse, but no logistic curve: one side is twice as steep, as
	                  of the least or the greatest of many chances */
	WORLD_STALLS,  /* 4 % of all trials are bad whatever the load, as many good */
	WORLD_DRIFT,   /* the limit moves by up to 5 % either way within 40 trials; truth:
	                  its mean over the search */
	WORLD_BACKLOG, /* after a bad trial the next one finds the limit 3 % to 10 % lower
	                */
	WORLD_INVALID, /* one trial in ten is the environment's fault */
	WORLD_LEAST,   /* the limit is below the least load */
	WORLD_GREATEST, /* and above the greatest */
	WORLD_KINDS,
};

static const char *const world_names[WORLD_KINDS] = {
        "clean", "noisy",   "coarse",  "skewed",      "stalls",
        "drift", "backlog", "invalid", "least fails", "greatest passes"};

struct world {
	enum world_kind kind;
	double limit, spread, floor, drift, backlog;
	double from, to;
	struct hcb_random r;
	int skew; /* 1: bad trials come slowly and then all at once; -1: the other way */
	bool after_bad;
	unsigned tried;
	double sum_limit; /* of all trials */
};

static double world_draw(struct world *w, double lo, double hi)
{
	return lo * exp(log(hi / lo) * hcb_random_unit(&w->r));
}

static void world_make(struct world *w, enum world_kind kind, uint64_t seed)
{
	*w = (struct world){.kind = kind, .from = 5, .to = 5000};
	hcb_random_init(&w->r, seed, 1);
	w->limit = world_draw(w, 10, 2500);
	w->spread = kind == WORLD_NOISY ? world_draw(w, 0.02, 0.05)
	            : kind == WORLD_COARSE || kind == WORLD_SKEWED
	                    ? world_draw(w, 0.05, 0.1)
	                    : world_draw(w, 0.005, 0.02);
	if (kind == WORLD_SKEWED)
		w->skew = hcb_random_below(&w->r, 2) ? 1 : -1;
	if (kind == WORLD_STALLS)
		w->floor = 0.04;
	if (kind == WORLD_DRIFT)
		w->drift = 0.1 * hcb_random_unit(&w->r) - 0.05;
	if (kind == WORLD_BACKLOG)
		w->backlog = world_draw(w, 0.03, 0.1);
	if (kind == WORLD_LEAST)
		w->limit = w->from / world_draw(w, 1.15, 4);
	if (kind == WORLD_GREATEST)
		w->limit = w->to * world_draw(w, 1.15, 4);
}

/* The share of bad trials, one half at 0; above in spreads. */
static double world_share(const struct world *w, double above)
{
	if (!w->skew)
		return w->floor + (1 - 2 * w->floor) / (1 + exp(-above));
	double one_side = exp(-log(2) * exp(w->skew * above));
	return w->skew > 0 ? 1 - one_side : one_side;
}

static struct hcb_search_seen world_try(struct world *w, const struct hcb_search_ask *ask)
{
	struct hcb_search_seen seen = {.cost_s = ask->length_s};
	double limit = log(w->limit) + w->drift * w->tried / 40;
	w->tried++;
	w->sum_limit += limit;
	if (w->kind == WORLD_INVALID && hcb_random_below(&w->r, 10) == 0) {
		seen.invalid = true;
		return seen;
	}
	if (w->after_bad)
		limit -= w->backlog;
	double spread = ask->verify ? w->spread / 2 : w->spread;
	double share = world_share(w, (log(ask->load) - limit) / spread);
	seen.bad = hcb_random_unit(&w->r) < share;
	w->after_bad = seen.bad;
	return seen;
}

static double world_truth(const struct world *w)
{
	return w->tried ? exp(w->sum_limit / w->tried) : w->limit;
}

/* A whole search of one goal; holds: the interval has the truth in it. */
struct world_answer {
	struct hcb_search_result result;
	unsigned trials;
	bool holds;
	double width; /* 0: no two bounds */
};

static struct world_answer world_search(struct hcb_search *s, struct world *w)
{
	struct world_answer a = {0};
	const struct hcb_search_conf conf = {.from = w->from,
	                                     .to = w->to,
	                                     .n_goals = 1,
	                                     .wanted = 1,
	                                     .trial_s = 60,
	                                     .verify_s = 240,
	                                     .cost_per_s = 1};
	struct hcb_search_ask ask;
	struct hcb_err err = HCB_ERR_INIT;
	if (hcb_search_init(s, &conf, &err))
		return a;
	while (hcb_search_next(s, &ask) == HCB_SEARCH_TRIAL) {
		const struct hcb_search_seen seen = world_try(w, &ask);
		hcb_search_observe(s, &seen);
	}
	double truth = world_truth(w);
	hcb_search_result(s, 0, &a.result);
	a.trials = s->n_trials;
	const struct hcb_search_bound *lo = &a.result.lower, *hi = &a.result.upper;
	a.holds = (lo->known || hi->known) && (!lo->known || lo->load <= truth) &&
	          (!hi->known || truth <= hi->load);
	if (lo->known && hi->known)
		a.width = hi->load / lo->load - 1;
	return a;
}

#endif
