/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The nightly check: the gate's rule over the history, for one night, as a document of
 * kind "check" (docs/results-format.md). Everything that is decided is decided here;
 * reports only write it down.
 */
#ifndef HCB_BENCH_CHECK_H
#define HCB_BENCH_CHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "bench/core/err.h"
#include "bench/history.h"

/* A false red in 1000 nights each (bench/gate.h): with ten of them one in a hundred. */
#define HCB_CHECK_MOST   10
/* What finds only larger changes is no gate. */
#define HCB_CHECK_MDE    0.30
/* A series that was measured within so many nights, and is not tonight, is missed. */
#define HCB_CHECK_MISSED 7

enum hcb_fail_on {
	HCB_FAIL_NEVER,
	HCB_FAIL_REGRESSION,   /* exit code 10; 11, 12, 13 if nothing could be judged */
	HCB_FAIL_SUSPECT,      /* 10 for SUSPECT too */
	HCB_FAIL_INCONCLUSIVE, /* and 11, 12, 13 if anything could not */
};

struct hcb_check_opts {
	const char *night;       /* NULL: the newest one */
	const char *const *gate; /* labels or keys; none: the default ones */
	size_t n_gate;
	enum hcb_fail_on fail_on;
	bool all;         /* the series that are not gated too */
	const char *also; /* a key: this one, however long ago it was measured */
};

/*
 * NULL and err: nothing to judge, or a --gate that cannot be one. Which are gated by
 * default: of each test's first transaction the rate (closed loop; of an open one what
 * was carried, its rate being what was asked for), p50 and p99 of the response, in this
 * order over all tests until there are HCB_CHECK_MOST. Not p95, p999 and the mean: they
 * move with these and would only add false alarms. A series whose smallest change found
 * is over HCB_CHECK_MDE is left out and said.
 */
json_t *hcb_check(struct hcb_history *h, const struct hcb_check_opts *o,
                  struct hcb_err *err);
/* One series on its newest (or the given) night, with its last 30 nights. */
json_t *hcb_explain(struct hcb_history *h, const struct hcb_history_series *s,
                    const char *night, struct hcb_err *err);
enum hcb_exit hcb_check_exit(const json_t *doc);

/* A series' nights as the gate has them, `until` a night (NULL: all). */
struct hcb_walked {
	struct hcb_history_night *night;
	struct hcb_gate_result *result;
	struct hcb_gate_night *gate;
	size_t n;
	struct hcb_gate_conf conf;
	bool calibrated;
};
int hcb_check_walk(struct hcb_history *h, const struct hcb_history_series *s,
                   const char *until, struct hcb_walked *w, struct hcb_err *err);
void hcb_walked_free(struct hcb_walked *w);

#endif
