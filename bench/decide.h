/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * May the database share its disks, does a setting do, must it be split off? From what
 * was measured of each layout: the most load that keeps every objective, as an interval
 * (search.h). Pure: no clock, no I/O.
 *
 * The demand is not known either: lognormal about what was said, with a deviation sigma
 * of its logarithm (0.3 unless traces give it: a third more or less). P_ok of a layout is
 * the probability that the demand is within its capacity, in the worst of the states that
 * were asked for (healthy, one host down, ...), 0 if the data does not fit. The
 * capacity's interval makes it an interval: at its lower end the capacity's lower bound,
 * and so on.
 *
 * The rule, in this order; "holds" is P_ok >= 0.9 with its whole interval, "fails" is
 * < 0.9 with its whole interval:
 *   NEITHER       every layout fails, a split among them
 *   OPTIONAL      the shared layout holds, and a split one that holds too has a p99 at
 *                 the demand that is lower by a factor of 1.3 at least, interval and all
 *   KEEP SHARED   the shared layout holds
 *   TUNE          the shared layout fails, a setting makes it hold: the first listed of
 *                 those that give up least
 *   SPLIT         likewise a split layout: of those that give up least the one with the
 *                 fewest disks more, then the first listed
 *   INCONCLUSIVE  else
 */
#ifndef HCB_BENCH_DECIDE_H
#define HCB_BENCH_DECIDE_H

#include <stdbool.h>
#include <stddef.h>

#define HCB_DECIDE_P_OK    0.9
#define HCB_DECIDE_RATIO   1.3 /* of p99: less is not worth the disks */
#define HCB_DECIDE_LAYOUTS 16
#define HCB_DECIDE_STATES  4

enum hcb_layout_kind {
	HCB_LAYOUT_SHARED, /* exactly one */
	HCB_LAYOUT_TUNED,  /* the shared one with a setting changed, on the same disks */
	HCB_LAYOUT_SPLIT,  /* the database on disks of its own */
	HCB_LAYOUT_NONE, /* called a split, but on the same disks: shown, never chosen */
};

/* The most load that keeps the objectives, in the demand's unit; 0 <= lower <= upper,
   upper may be INFINITY: the greatest load tried still kept them. */
struct hcb_capacity {
	double lower, upper;
};

struct hcb_layout_evidence {
	const char *name;
	enum hcb_layout_kind kind;
	struct hcb_capacity capacity[HCB_DECIDE_STATES];
	unsigned n_states;   /* 0: not measured */
	bool space_known;    /* false: space takes no part */
	double space_ratio;  /* usable bytes, a host down, over bytes needed */
	unsigned disks_more; /* than the shared layout has, all hosts */
	double p99_ratio_lo; /* lower bound of p99 shared over p99 here, at the demand;
	                        NaN: not measured */
	unsigned gives_up;   /* durability, copies: 0 nothing; more is more */
};

struct hcb_demand {
	double load;  /* in the unit of the capacities; above 0 */
	double sigma; /* of its logarithm; 0: exactly known */
};

enum hcb_size_verdict {
	HCB_SIZE_INCONCLUSIVE,
	HCB_SIZE_KEEP_SHARED,
	HCB_SIZE_OPTIONAL,
	HCB_SIZE_TUNE,
	HCB_SIZE_SPLIT,
	HCB_SIZE_NEITHER,
};

struct hcb_p_ok {
	double lo, mid, hi;
};

struct hcb_decision {
	enum hcb_size_verdict verdict;
	size_t chosen; /* TUNE, SPLIT, OPTIONAL: which; else the shared one */
	size_t shared;
	struct hcb_p_ok p_ok[HCB_DECIDE_LAYOUTS];
	/* The demand at which the shared layout goes from holding to failing: between
	   these two it is neither. */
	double flip_lo, flip_hi;
};

const char *hcb_size_verdict_name(enum hcb_size_verdict v);
/* What a search found, as a capacity: an end that it does not believe is none, so the
   interval reaches to 0, or to INFINITY. lower, upper: NaN where there is none. */
struct hcb_capacity hcb_capacity_of(double lower, bool lower_believed, double upper,
                                    bool upper_believed);
/* -EINVAL: not exactly one shared layout, or numbers that are none. */
int hcb_decide(const struct hcb_layout_evidence *layouts, size_t n,
               const struct hcb_demand *demand, struct hcb_decision *out);
/* A split that holds too, of which it is not known whether it is faster than the shared
   layout: KEEP SHARED then says nothing of it. n: there is none. */
size_t hcb_decide_not_compared(const struct hcb_layout_evidence *layouts, size_t n,
                               const struct hcb_decision *d);
/* The demand at which a layout goes from holding to failing: between lo and hi it is
   neither. 0: its data does not fit; NaN: not measured. */
void hcb_layout_flip(const struct hcb_layout_evidence *layout,
                     const struct hcb_demand *demand, double *lo, double *hi);
/* P(demand <= capacity). */
double hcb_demand_within(const struct hcb_demand *d, double capacity);

#endif
