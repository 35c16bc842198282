/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two things compared by interleaved pairs: A B, B A, A B, ... with one seed a pair, so
 * that whatever drifts on the machine meanwhile falls on both. The datum is log(B/A) of a
 * pair; the answer is the ratio B/A with its interval, never two means side by side.
 *
 * Verdict of a metric, at 95 %:
 *   EQUIVALENT    the ratio lies within 5 % of 1 (two one-sided tests: the 90 % interval)
 *   BETTER, WORSE B against A; the 95 % interval leaves 1 out
 *   INCONCLUSIVE  neither; `more` pairs would do, by the spread seen
 * The pure part: no clock, no I/O.
 */
#ifndef HCB_BENCH_AB_H
#define HCB_BENCH_AB_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define HCB_AB_MAX_PAIRS 64
#define HCB_AB_MARGIN    0.05

enum hcb_ab_verdict {
	HCB_AB_INCONCLUSIVE,
	HCB_AB_EQUIVALENT,
	HCB_AB_BETTER,
	HCB_AB_WORSE,
	HCB_AB_NONE, /* fewer than 2 pairs, or a value that is null or not above 0 */
};

struct hcb_ab_metric {
	double a, b;          /* geometric means */
	double ratio, lo, hi; /* B/A and its 95 % interval */
	enum hcb_ab_verdict verdict;
	unsigned more; /* INCONCLUSIVE: pairs still needed, at a guess; 0: cannot say */
};

/* NaN values make the metric NONE. more_is_better: rates; else times. */
void hcb_ab_judge(const double *a, const double *b, size_t n, bool more_is_better,
                  struct hcb_ab_metric *out);
const char *hcb_ab_verdict_name(enum hcb_ab_verdict v);

/*
 * The metrics of n pairs of run documents: [{"name", "unit", "a", "b", "ratio",
 * "ratio_lo", "ratio_hi", "verdict", "more_pairs"}], of the headline transaction: its
 * rate (of closed loops: an open one's is what was offered), and its response's mean,
 * p50, p95, p99. Owned by the caller.
 */
json_t *hcb_ab_metrics(json_t *const *a, json_t *const *b, size_t n);

/*
 * What was measured of one side's way of replication ("path" in the log's entries of that
 * side), each number's median: {"probes": n, ...as "lab path" has it...}. NULL: never.
 * Owned by the caller.
 */
json_t *hcb_ab_path(const json_t *log, const char *side);

#endif
