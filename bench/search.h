/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The most load that keeps an objective, by trials: a pure state machine. No clock, no
 * I/O, no chance, no allocation. The caller asks what to try, tries it, says what was
 * seen:
 *
 *	hcb_search_init(&s, &conf, &err);
 *	while (hcb_search_next(&s, &t) == HCB_SEARCH_TRIAL)
 *		hcb_search_observe(&s, try(t.load, t.length_s));
 *	hcb_search_result(&s, goal, &r);
 *
 * What is next follows from what was seen alone: the same observations, fed again, give
 * the same state. So a search that was cut off goes on from its list of trials.
 *
 * Loads lie on a geometric grid of 5 %, smaller first. In the manner of RFC 9971
 * (MLRsearch) a goal's trials at a load classify it: with a duration sum of 5 trials and
 * an exceed ratio of 0.5 a load is an upper bound when more than half of the sum was bad
 * whatever the trials still missing were to be, a lower bound when that could no longer
 * be. The relevant upper bound is the smallest upper bound, the relevant lower the
 * largest lower bound below it: where they contradict each other, the upper wins. Goals
 * share trials.
 *
 * Beyond the RFC, so that the interval holds the truth and not just the majority of five:
 *
 *   - While the bounds are far apart one trial a load is enough to choose a direction.
 *     Nothing rests on it alone: both ends are tried again before they are believed.
 *   - An end is believed when its trials leave under 10 % for its being on the other side
 *     (uniform prior on the share of bad trials: 3 of 3, 5 of 6, 6 of 8).
 *   - Trials that contradict each other, three of them whatever threshold is taken, are
 *     coarse: from mostly good to mostly bad it takes several loads. Load by load that
 *     would take dozens of trials. The share of bad ones grows with load, so all trials
 *     tell of all loads: the interval is then that of a fit to all of them
 *     (bench/search_curve.h), from the load below its 95 % to the one above. Trials go on
 *     at the upper end and, after bad ones, below the lower, until it is two steps long,
 *     more where trials are that coarse, or 60 of them lie near it.
 *   - A load above the lower bound is not tried again right after a bad trial: what that
 *     left behind would be held against it. The lower bound is tried in between, of
 *     coarse ones the load below that.
 *   - The lower bound has to hold in one long trial too; if it does not, the next load
 *     below it has to.
 *
 * The truth this is held against (make accuracy, docs/accuracy/search.md) is the load at
 * which a trial is good with probability one half.
 */
#ifndef HCB_BENCH_SEARCH_H
#define HCB_BENCH_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/core/err.h"

/* Of what is tried next and what an end rests on. One more with each change to it: a kept
   search of another rule cannot be gone on with. */
#define HCB_SEARCH_RULE 1

#define HCB_SEARCH_STEP  1.05 /* of the grid */
#define HCB_SEARCH_WIDTH 0.12 /* upper / lower - 1 that is aimed at */
#define HCB_SEARCH_WIDE  0.25 /* above it a result is not regular */

#define HCB_SEARCH_SUM     5   /* trials in the duration sum; RFC 9971's are seconds */
#define HCB_SEARCH_EXCEED  0.5 /* exceed ratio */
#define HCB_SEARCH_BELIEF  0.9
#define HCB_SEARCH_SPLIT   3     /* so many trials contradict the others: coarse */
#define HCB_SEARCH_TAIL    0.025 /* of coarse trials' fit, beyond either end */
/* Coarse trials are enough when their interval is two steps of the grid long, two more
   for each 5 % of spread (a whole 5 % takes some 20 trials for it), or when 60 lie within
   NEARBY of an end. Tuned on tests/search_world.h: half as long takes 1.5 times the
   trials. */
#define HCB_SEARCH_PER     0.05
#define HCB_SEARCH_ENOUGH  60
#define HCB_SEARCH_NEARBY  1.65
#define HCB_SEARCH_INVALID 3 /* invalid trials in a row that end a search */

#define HCB_SEARCH_MAX_GOALS  12
#define HCB_SEARCH_MAX_LOADS  512
#define HCB_SEARCH_MAX_TRIALS 512

struct hcb_search_conf {
	double from, to; /* least and greatest load, above 0 */
	double start;    /* first load; 0: from */
	bool whole;      /* only whole loads: clients, users */
	unsigned n_goals;
	uint32_t wanted; /* goals that are searched to their end, a bit each; the others
	                    take what these trials tell of them */
	double trial_s, verify_s; /* lengths; verify_s 0: nothing is verified */
	double cost_per_s; /* of a second of trial, in the budget's unit, until seen */
	double budget_s;   /* what all trials together may cost; 0: no limit */
};

enum hcb_search_why {
	HCB_SEARCH_BRACKET,  /* outwards: twice or half as much */
	HCB_SEARCH_MIDPOINT, /* between a bound from below and one from above */
	HCB_SEARCH_CONFIRM,  /* an end again, until it is believed or the fit is enough */
	HCB_SEARCH_STEP_OUT, /* below a load that did not hold in the long trial */
	HCB_SEARCH_REST, /* the lower one, of coarse trials the load below it, as a higher
	                    one would follow a bad trial */
	HCB_SEARCH_VERIFY, /* the lower bound, longer */
	HCB_SEARCH_REPEAT, /* the last one was invalid */
};

struct hcb_search_ask {
	double load, length_s;
	unsigned index; /* of the load */
	bool verify;
	enum hcb_search_why why;
};

/* What a trial showed. */
struct hcb_search_seen {
	bool invalid;  /* the environment's fault: nothing is learnt, tried again */
	uint32_t bad;  /* goals that were missed, a bit each */
	double cost_s; /* of the budget */
};

enum hcb_search_step { HCB_SEARCH_TRIAL, HCB_SEARCH_DONE };

enum hcb_search_end {
	HCB_SEARCH_GOES_ON,
	HCB_SEARCH_REGULAR,
	HCB_SEARCH_LEAST_FAILS,     /* even the least load is an upper bound */
	HCB_SEARCH_GREATEST_PASSES, /* even the greatest is a lower bound */
	HCB_SEARCH_TOO_WIDE,        /* trials are too coarse */
	HCB_SEARCH_LEAST_SHORT,     /* the least load holds in short trials only */
	HCB_SEARCH_GREATEST_SHORT,  /* the greatest likewise */
	HCB_SEARCH_NO_LOWER,        /* the least load is too near the truth to tell */
	HCB_SEARCH_NO_UPPER,        /* the greatest likewise */
	HCB_SEARCH_BUDGET,          /* ended before it was done */
	HCB_SEARCH_UNFIT,           /* too many invalid trials in a row */
	HCB_SEARCH_TRIALS,          /* HCB_SEARCH_MAX_TRIALS */
	HCB_SEARCH_ASIDE,           /* was not searched for: bounds are by the way */
};

struct hcb_search_bound {
	bool known, believed; /* what a fit gives is believed */
	double load;
	unsigned good, bad; /* its trials, those of verification aside */
	unsigned fit;       /* trials of the fit that it comes from; 0: from its own */
};

struct hcb_search_result {
	enum hcb_search_end end;
	bool regular;  /* both bounds believed, the lower verified, not too wide */
	bool verified; /* the lower bound held in a long trial */
	struct hcb_search_bound lower, upper;
};

struct hcb_search_count {
	uint16_t good, bad;          /* trials */
	uint8_t long_good, long_bad; /* of verification */
};

struct hcb_search {
	struct hcb_search_conf conf;
	unsigned n_loads, n_trials, n_counted, invalid_row;
	double load[HCB_SEARCH_MAX_LOADS];
	struct hcb_search_count count[HCB_SEARCH_MAX_GOALS][HCB_SEARCH_MAX_LOADS];
	uint32_t last_bad;       /* goals that the last counted trial missed */
	double spent_s, tried_s; /* cost of all trials, and their nominal length */
	struct hcb_search_ask asked;
	bool waiting; /* for the observation of asked */
	enum hcb_search_end end;
};

/* -EINVAL (exit 2): loads that are none, more than HCB_SEARCH_MAX_LOADS of them. */
int hcb_search_init(struct hcb_search *s, const struct hcb_search_conf *conf,
                    struct hcb_err *err);
enum hcb_search_step hcb_search_next(struct hcb_search *s, struct hcb_search_ask *ask);
/* Once for each trial that next asked for. */
void hcb_search_observe(struct hcb_search *s, const struct hcb_search_seen *seen);
/* At any time; before the end with what is known until then. */
void hcb_search_result(const struct hcb_search *s, unsigned goal,
                       struct hcb_search_result *out);

const char *hcb_search_why_text(enum hcb_search_why why);
const char *hcb_search_end_text(enum hcb_search_end end);

/* Appendix B's rule for trials of equal length, and the belief beside it. */
enum hcb_search_class { HCB_SEARCH_UNDECIDED, HCB_SEARCH_LOWER, HCB_SEARCH_UPPER };
enum hcb_search_class hcb_search_classify(unsigned good, unsigned bad);
/* The probability that under half of this load's trials are bad. */
double hcb_search_belief(unsigned good, unsigned bad);

/*
 * How long it may take, in trials: the least (bracketed at once, no contradiction) and
 * what a plan should allow for.
 */
void hcb_search_plan(const struct hcb_search *s, unsigned *least, unsigned *likely);

#endif
