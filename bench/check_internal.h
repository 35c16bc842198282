/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between check.c (what is gated, what the night is) and check_series.c (one series). */
#ifndef HCB_BENCH_CHECK_INTERNAL_H
#define HCB_BENCH_CHECK_INTERNAL_H

#include "bench/check.h"

struct hcb_check_one {
	struct hcb_history_series s;
	struct hcb_walked w;
	bool gated, tonight; /* measured on the night that is judged */
	bool suppressed;     /* moves together with a control or the others */
	bool gone; /* no longer one of ours, but for a regression that nobody has
	              acknowledged: not measured for HCB_CHECK_MISSED nights, or */
	char successor[HCB_HISTORY_HASH]; /* this series has its place; empty: none */
	char state[16];
};

/* The result that stands: tonight's, else the newest. NULL without nights. */
const struct hcb_gate_result *hcb_check_last(const struct hcb_check_one *c);
/* What goes on and has not been acknowledged since, whatever became of tonight:
   HCB_GATE_REGRESSION, HCB_GATE_IMPROVED, or HCB_GATE_OK for neither. */
enum hcb_gate_state hcb_check_episode(const struct hcb_check_one *c);
/* A regression of that kind, and not held back as the environment's. */
bool hcb_check_red(const struct hcb_check_one *c);
/*
 * Worse than the level's first nights, of which the rolling baseline has lost sight.
 * Asked once in seven valid nights: asked every night it would find something by chance.
 */
struct hcb_check_drift {
	size_t pinned; /* so many first nights */
	struct hcb_gate_result result;
};
bool hcb_check_drifted(const struct hcb_check_one *c, struct hcb_check_drift *out);
json_t *hcb_check_series_json(struct hcb_history *h, const struct hcb_check_one *c,
                              const struct hcb_history_series *all, size_t n_all,
                              struct hcb_err *err);
json_t *hcb_check_nights_json(const struct hcb_walked *w, size_t most);

#endif
