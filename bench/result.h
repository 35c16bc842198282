/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The result document (design section 7, docs/results-format.md): pieces shared by every
 * command that writes one.
 */
#ifndef HCB_BENCH_RESULT_H
#define HCB_BENCH_RESULT_H

#include <jansson.h>

#include "bench/core/histogram.h"
#include "bench/validity.h"

#define HCB_RESULT_SCHEMA 1

/*
 * {"min","mean","p50","p95","p99","p999","max"} in ns. A percentile the sample cannot
 * support is null and *reasons gets "KEY: n of N samples"; hide: all of them are, because
 * of overload.
 */
json_t *hcb_json_latency(const struct hcb_hist *h, bool hide, json_t *reasons);
json_t *hcb_json_histogram(const struct hcb_hist *h);
/* Reads a histogram back; -EINVAL if it is none. */
int hcb_histogram_from_json(const json_t *j, struct hcb_hist *out);
json_t *hcb_json_validity(const struct hcb_judgement *j, const struct hcb_hist *lateness,
                          uint64_t away_ns, double host_busy,
                          const uint64_t control_ns[3], bool virtual_clock);
/* "schema", "hcbench", "kind", "partial". */
json_t *hcb_json_document(const char *kind, bool partial);
/* Machine, kernel, libraries: what a real run ran on. host: a hash of its machine-id,
   null if it has none. */
json_t *hcb_json_machine(void);

#endif
