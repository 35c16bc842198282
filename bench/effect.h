/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much B differs from A, as the ratio B/A with its interval, never two means side by
 * side. Logarithms throughout: what is twice and what is half are equally far from 1.
 *
 * Verdict, at 95 %:
 *   EQUIVALENT       the ratio lies within 5 % of 1 (two one-sided tests at 5 %: the
 *                    whole 90 % interval does)
 *   FASTER, SLOWER   B against A; the 95 % interval leaves 1 out. Of rates more is
 *                    faster, of times less
 *   INCONCLUSIVE     neither; `more` would do, by the spread seen
 *   N/A              too few values, or one that is null or not above 0
 * Pure: no clock, no I/O.
 */
#ifndef HCB_BENCH_EFFECT_H
#define HCB_BENCH_EFFECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define HCB_EFFECT_MARGIN 0.05
#define HCB_EFFECT_MAX    64 /* values on a side; more make it N/A */

enum hcb_effect_verdict {
	HCB_EFFECT_INCONCLUSIVE,
	HCB_EFFECT_EQUIVALENT,
	HCB_EFFECT_FASTER,
	HCB_EFFECT_SLOWER,
	HCB_EFFECT_NONE,
};

struct hcb_effect {
	double a, b;          /* geometric means; NaN: none */
	double ratio, lo, hi; /* B/A and its 95 % interval; one value on a side: the
	                         ratio alone, lo and hi NaN */
	enum hcb_effect_verdict verdict;
	unsigned more; /* INCONCLUSIVE: pairs, or values a side, still needed, at a
	                  guess; 0: cannot say */
};

/*
 * One number of a run or a night, found in a result's transaction: its rate (open: what
 * was offered, no result) or a key of its response_ns.
 */
struct hcb_metric {
	const char *key, *name, *unit;
	bool more_is_better;
};
extern const struct hcb_metric hcb_metrics[]; /* ends with a NULL key */
/* NaN: null, or not there. */
double hcb_metric_of(const json_t *transaction, const struct hcb_metric *m);

/* A run document's rate is what was offered, no result. */
bool hcb_metric_offered(const json_t *doc);

/* n pairs, each measured side by side: what moves both of a pair cancels. */
void hcb_effect_paired(const double *a, const double *b, size_t n, bool more_is_better,
                       struct hcb_effect *out);
/* Two samples measured apart (Welch). */
void hcb_effect_apart(const double *a, size_t n, const double *b, size_t m,
                      bool more_is_better, struct hcb_effect *out);
const char *hcb_effect_verdict_name(enum hcb_effect_verdict v);

/* {"name", "unit", "a", "b", "ratio", "ratio_lo", "ratio_hi", "verdict", MORE}, what is
   not known null; `more` is the name of the last. Owned by the caller. */
json_t *hcb_effect_json(const struct hcb_metric *m, const struct hcb_effect *e,
                        const char *more);

#endif
