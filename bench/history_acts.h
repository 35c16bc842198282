/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a decision leaves behind: a small file that says what, who and when. */
#ifndef HCB_BENCH_HISTORY_ACTS_H
#define HCB_BENCH_HISTORY_ACTS_H

#include "bench/history.h"

/* of: a series, or NULL. */
json_t *hcb_history_act(const char *what, const struct hcb_history_series *of,
                        int64_t now);
/* DIR/acts/TIME-WHAT-SUBJECT.json, which sorts by time; none in memory. */
int hcb_history_act_write(struct hcb_history *h, json_t *act, const char *subject,
                          struct hcb_err *err);

#endif
