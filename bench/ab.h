/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two things compared by interleaved pairs: A B, B A, A B, ... with one seed a pair, so
 * that whatever drifts on the machine meanwhile falls on both. The datum is log(B/A) of a
 * pair; the answer is the ratio B/A with its interval, never two means side by side.
 * What the verdicts mean: effect.h.
 * The pure part: no clock, no I/O.
 */
#ifndef HCB_BENCH_AB_H
#define HCB_BENCH_AB_H

#include <jansson.h>
#include <stddef.h>

#include "bench/effect.h"

#define HCB_AB_MAX_PAIRS HCB_EFFECT_MAX

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
