/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The nightly gate: has one series (one metric, one workload, one environment) moved?
 * Pure arithmetic over its nights: no clock, no I/O, no allocation. docs/statistics.md
 * says what it sees and what not, with figures measured through these functions.
 *
 * The datum of a night is y, the logarithm of the metric with the sign that makes larger
 * worse. What is compared is a window of the last m = 2..10 valid nights with the up to
 * 30 before it (winsorised windowed likelihood ratio, WGLR):
 *
 *   c, d  median of the baseline, and 1.4826 x its median absolute deviation; 0.33 x what
 *         its nights span without the best and the worst tenth, if that is more: nights
 *         may be at one of two levels
 *   mu, s mean and deviation of the baseline, clamped to c +- 2.5 d
 *   z     (mean of the window, clamped to mu +- 3.3 s, - mu) / (s sqrt(1/m + 1/n))
 *
 * and an alarm is z > h(n) for one of the windows whose median has moved by more than s
 * and than log(1 + delta). One bad night never is an alarm; it is SUSPECT.
 *
 * Over time a series is in one of these:
 *
 *   LEARNING --10 valid nights--> OK <--> SUSPECT (tonight alone is beyond what such
 *      ^                          |  ^    nights give once in 1000: run it again)
 *      |                    alarm |  |
 *      |                          v  | RECOVERED: the last 3 nights inside mu +- 2 s,
 *      |                          |  | their mean inside mu +- 1 s
 *      +-- ack (as soon as  REGRESSION, baseline frozen before the onset
 *          there are 10 nights since the onset: OK at once)
 *
 * IMPROVED is the mirror image, but for one thing: good news needs no acknowledgement.
 * When an improvement has lasted 10 nights its level is the baseline, so that losing it
 * again is a REGRESSION.
 */
#ifndef HCB_BENCH_GATE_H
#define HCB_BENCH_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HCB_GATE_MIN    10 /* valid nights that a baseline needs */
#define HCB_GATE_MAX    30 /* and has at most */
#define HCB_GATE_WINDOW 10 /* nights of the longest window */
#define HCB_GATE_NONE   SIZE_MAX

enum hcb_gate_state {
	HCB_GATE_INVALID,  /* the night was not valid: it is never used */
	HCB_GATE_LEARNING, /* fewer than HCB_GATE_MIN valid nights before this one */
	HCB_GATE_OK,
	HCB_GATE_SUSPECT,
	HCB_GATE_REGRESSION,
	HCB_GATE_IMPROVED,
	HCB_GATE_RECOVERED, /* the night on which an episode ended by itself */
};
const char *hcb_gate_state_name(enum hcb_gate_state s);

struct hcb_gate_night {
	double y;          /* hcb_gate_datum(); not looked at if the night is not valid */
	bool valid;        /* by the run's verdict and the environment's gate */
	bool ack;          /* acknowledged between this night and the next one */
	bool rerun_agrees; /* the test was run again this night, and was as bad (or good)
	                    */
};

enum hcb_gate_kind { HCB_GATE_THROUGHPUT, HCB_GATE_P50, HCB_GATE_P99 };

struct hcb_gate_conf {
	double h[4];  /* thresholds at n = 10, 14, 20, 30 baseline nights; between them
	                 linear in 1/n */
	double delta; /* the smallest relative change called one; about 0.6 of the change
	                 cared about, since a change of just this size is found half the
	                 time */
	double s_floor; /* in y: half the resolution of the metric, over 0: no series is
	                   quieter than that */
};

/* h of 6.2, 5.4, 4.9, 4.7; delta 3 % (throughput), 5 % (p50), 10 % (p99); s_floor of a
   histogram's buckets. */
struct hcb_gate_conf hcb_gate_defaults(enum hcb_gate_kind kind);

/* The night's y of a value over 0; NaN of any other value. And back: the relative change
   of the value (0.1: 10 % more) that a difference of two y means. */
double hcb_gate_datum(double value, bool more_is_better);
double hcb_gate_change(double difference, bool more_is_better);

struct hcb_gate_result {
	enum hcb_gate_state state;
	/* What is going on beside tonight's state, after an invalid or suspect night too:
	   REGRESSION, IMPROVED, or OK for neither. */
	enum hcb_gate_state episode;
	bool announce; /* the first night of an episode: say it once */
	bool fast;     /* announced by two nights far out, not by z (collapses) */
	bool confirm;  /* two nights far out: run again tonight, and if that agrees it is
	                  announced. Of few nights the second one alone need not be
	                  SUSPECT,  the first being among those it is held against */
	int outside;   /* tonight alone is beyond the bound: 1 worse, -1 better, 0 no */
	size_t onset;  /* of the episode, or of the one that recovered tonight: the first
	                  night at the new level; HCB_GATE_NONE without */

	/* Where the nights begin that the next one may be held against: 0, or since an
	   `ack` or a lasting improvement the first night of the level that was accepted;
	   past the end: it has none yet. */
	size_t segment;

	/* The baseline that tonight is held against, in y; NaN while LEARNING and on
	   INVALID nights. */
	unsigned valid;   /* valid nights before tonight that could be in it */
	unsigned n;       /* nights in it */
	size_t base_from; /* its first and last night, HCB_GATE_NONE without */
	size_t base_to;
	double baseline; /* its median */
	double mu, s;
	double autocorr1; /* lag 1, of the baseline; over 0.4: calibrate, or gate on fewer
	                     nights */
	double mde;       /* smallest change found within 7 nights with 80 % power, as a
	                     share: 0.15 is 15 % worse */

	/* The window that speaks loudest, also if it is no alarm; in an episode the last
	   (at most 10) nights of it. */
	unsigned m;
	double z, h;  /* z below 0: better */
	double shift; /* of the medians, in y; over 0 worse */
	/* 95 % interval of shift, by block bootstrap. NaN outside of an episode, and in
	   it but on the nights with `announce` and the last night. */
	double lo, hi;
};

/*
 * Every night's result, oldest first; out has n places. 10 000 nights take under 0.1 s.
 * -EINVAL: a valid night's y is not finite, or conf makes no sense; out is then not
 * written to.
 */
int hcb_gate_walk(const struct hcb_gate_night *nights, size_t n,
                  const struct hcb_gate_conf *conf, struct hcb_gate_result *out);

/*
 * Drift: a rolling baseline follows what comes slowly. The same rule for the last nights
 * of `recent` (up to HCB_GATE_WINDOW) against a pinned baseline, such as the first nights
 * after commissioning: of `pinned` the first HCB_GATE_MAX. To be asked weekly. Only valid
 * nights, oldest first. Sets state (LEARNING: too few of either; OK, REGRESSION or
 * IMPROVED), n, baseline, mu, s, mde, m, z, h, shift with its interval. -EINVAL as above.
 */
int hcb_gate_drift(const double *pinned, size_t n_pinned, const double *recent,
                   size_t n_recent, const struct hcb_gate_conf *conf,
                   struct hcb_gate_result *out);

/* ---- across series ---- */

/* One series as it stands tonight. Metrics of one group are related (those of one
   workload are) and count once. */
struct hcb_gate_voice {
	int moves;   /* hcb_gate_moves() */
	bool judged; /* has a baseline and was valid tonight */
	unsigned group;
};

/*
 * Is the series moving on night t, whose result r is? 1 worse, -1 better: tonight is
 * outside, or the episode began within the last HCB_GATE_WINDOW nights. 0: no.
 */
int hcb_gate_moves(const struct hcb_gate_result *r, size_t t);
/* The voice of a series on night t. */
struct hcb_gate_voice hcb_gate_voice(const struct hcb_gate_result *r, size_t t,
                                     unsigned group);

enum hcb_gate_environment {
	HCB_GATE_STEADY,
	HCB_GATE_CONTROL,  /* a control moves, in either direction */
	HCB_GATE_TOGETHER, /* at least 2 groups, and more than 30 % of those judged, move
	                      in one direction */
};

/*
 * ENVIRONMENT is no state of one series: it is what to say instead of REGRESSION when
 * this is not STEADY. TOGETHER with steady controls may also be an upgrade that made
 * everything slower: it is to be shown, not swallowed.
 */
enum hcb_gate_environment hcb_gate_environment(const struct hcb_gate_voice *controls,
                                               size_t n_controls,
                                               const struct hcb_gate_voice *metrics,
                                               size_t n_metrics);

/* ---- calibration ---- */

/*
 * The y of the quiet nights of the newest level, oldest first, into y, which has n
 * places; how many. Only of the segment that the last night's `segment` says: across a
 * step that was accepted the nights are anything but quiet, and a calibration on them
 * would not see the next such step. Without nights of an episode (but the one whose level
 * was accepted: they are it), those from its onset to its announcement, and that of a
 * recovery.
 */
size_t hcb_gate_quiet(const struct hcb_gate_night *nights,
                      const struct hcb_gate_result *results, size_t n, double *y);

/*
 * Sets conf->h so that nights such as these give `budget` false REGRESSIONs per 100
 * nights (0.1: one in a thousand nights): 2000 histories of 100 judged nights, made of
 * moving blocks of 5 of the residuals. residuals: a quiet series' y, all of one level,
 * oldest first, without episodes (hcb_gate_quiet). Uses conf->s_floor; delta takes no
 * part. The same seed gives the same h. Takes some seconds. -EINVAL: fewer than 30
 * residuals, one not finite, or a budget outside (0, 10).
 *
 * h is only ever raised above the shipped one: from 60 quiet nights, calibrations both
 * ways gave series with one bad night in thirty six times the alarms
 * (docs/statistics.md).
 */
int hcb_gate_calibrate(const double *residuals, size_t n, double budget, uint64_t seed,
                       struct hcb_gate_conf *conf);

#endif
