/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history calibrate: thresholds from a series' own quiet nights, and the shipped ones
   again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/cmd/history_verbs.h"

#define LEAST 30 /* quiet nights (hcb_gate_calibrate) */

/* 1: done, 0: there was nothing to do it with; else -errno. */
typedef int one_series(struct hcb_history *h, const struct history_conf *c,
                       const struct hcb_history_series *s, struct hcb_err *err);

static int take_over(struct hcb_history *h, const struct history_conf *c,
                     const struct hcb_history_series *s, const double *y, size_t n,
                     struct hcb_err *err)
{
	struct hcb_gate_conf conf =
	        hcb_gate_defaults(hcb_history_kind(s->metric, s->more_is_better));
	int r = hcb_gate_calibrate(y, n, c->budget, c->seed, &conf);
	if (r)
		return hcb_err_sys(err, r, "calibrate %s", s->label);
	r = hcb_history_calibrated(h, s, &conf, c->budget, c->seed, n,
	                           (int64_t)time(NULL), err);
	if (r)
		return r;
	printf("%-32s  h %.2f %.2f %.2f %.2f at 10, 14, 20, 30 nights (from %zu, seed "
	       "%llu)\n",
	       s->label, conf.h[0], conf.h[1], conf.h[2], conf.h[3], n,
	       (unsigned long long)c->seed);
	return 1;
}

static void say_too_few(const struct hcb_history_series *s, const struct hcb_walked *w,
                        size_t n)
{
	size_t from = w->n ? w->result[w->n - 1].segment : 0;
	printf("%-32s  %zu quiet nights", s->label, n);
	/* Those before were of another level, and say nothing of this one. */
	if (from && from < w->n)
		printf(" of its level, which it has since night %s",
		       w->night[from].night);
	else if (from)
		printf(" since its last acknowledgement");
	printf(", %d needed: left as it is%s\n", LEAST,
	       w->calibrated ? ", calibrated" : "");
}

static int calibrate_one(struct hcb_history *h, const struct history_conf *c,
                         const struct hcb_history_series *s, struct hcb_err *err)
{
	struct hcb_walked w;
	int r = hcb_check_walk(h, s, NULL, &w, err);
	if (r)
		return r;
	double *y = calloc(w.n + 1, sizeof(*y));
	size_t n = y ? hcb_gate_quiet(w.gate, w.result, w.n, y) : 0;
	if (!y)
		r = hcb_err_sys(err, -ENOMEM, "calibrate %s", s->label);
	else if (n < LEAST)
		say_too_few(s, &w, n);
	else
		r = take_over(h, c, s, y, n, err);
	free(y);
	hcb_walked_free(&w);
	return r;
}

static int reset_one(struct hcb_history *h, const struct history_conf *c,
                     const struct hcb_history_series *s, struct hcb_err *err)
{
	struct hcb_gate_conf conf;
	(void)c;
	if (!hcb_history_conf(h, s, &conf)) {
		printf("%-32s  is not calibrated\n", s->label);
		return 1;
	}
	int r = hcb_history_uncalibrated(h, s, (int64_t)time(NULL), err);
	if (!r)
		printf("%-32s  has the shipped thresholds again\n", s->label);
	return r ? r : 1;
}

static int named(struct hcb_history *h, const struct history_conf *c, one_series *one,
                 const char **words, int n, int *done, struct hcb_err *err)
{
	int r = 0;
	for (int i = 0; r >= 0 && i < n; i++) {
		struct hcb_history_series s;
		r = hcb_history_find(h, words[i], &s, err);
		r = r ? r : one(h, c, &s, err);
		*done += r == 1;
	}
	return r < 0 ? r : 0;
}

static int calibrate_all(struct hcb_history *h, const struct history_conf *c, int *done,
                         struct hcb_err *err)
{
	struct hcb_history_series *all;
	size_t n;
	int r = hcb_history_all(h, &all, &n, err);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		if (all[i].carried || (all[i].rank < 0 && !all[i].control))
			continue;
		r = calibrate_one(h, c, &all[i], err);
		*done += r == 1;
	}
	free(all);
	return r < 0 ? r : 0;
}

int history_calibrate(const struct history_conf *c, const char **words, int n,
                      struct hcb_err *err)
{
	struct hcb_history h;
	int done = 0;
	if (c->reset && !n)
		return hcb_err_usage(err,
		                     "history calibrate --reset: expected SERIES...");
	int r = history_open(c, false, &h, err);
	if (r)
		return r;
	r = n ? named(&h, c, c->reset ? reset_one : calibrate_one, words, n, &done, err)
	      : calibrate_all(&h, c, &done, err);
	hcb_history_close(&h);
	return r ? r : done ? HCB_EXIT_OK : HCB_EXIT_NO_HISTORY;
}
