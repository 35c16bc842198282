/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of `hcbench history` and `hcbench check` that have files of their own. */
#ifndef HCB_CMD_HISTORY_VERBS_H
#define HCB_CMD_HISTORY_VERBS_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/check.h"
#include "bench/core/err.h"
#include "bench/history.h"

struct history_conf {
	char history[400], night[64], name[HCB_HISTORY_NAME], why[400];
	int control, rerun, csv, json, compare, reset, force;
	double budget;
	uint64_t seed;
	const char *fact[32]; /* KEY=VALUE */
	size_t n_facts;
};

/* Each returns an exit code, 0 or -errno with err set. words: n of them, after the verb.
 */
int history_add(const struct history_conf *c, const char **words, int n,
                struct hcb_err *err);
int history_list(const struct history_conf *c, const char **words, int n,
                 struct hcb_err *err);
int history_show(const struct history_conf *c, const char **words, int n,
                 struct hcb_err *err);
int history_ack(const struct history_conf *c, const char **words, int n,
                struct hcb_err *err);
int history_link(const struct history_conf *c, const char **words, int n,
                 struct hcb_err *err);
int history_drop_night(const struct history_conf *c, const char **words, int n,
                       struct hcb_err *err);
int history_calibrate(const struct history_conf *c, const char **words, int n,
                      struct hcb_err *err);
int history_export(const struct history_conf *c, const char **words, int n,
                   struct hcb_err *err);
int history_where(const struct history_conf *c, const char **words, int n,
                  struct hcb_err *err);
int history_rebuild(const struct history_conf *c, const char **words, int n,
                    struct hcb_err *err);

int history_open(const struct history_conf *c, bool make, struct hcb_history *h,
                 struct hcb_err *err);

#endif
