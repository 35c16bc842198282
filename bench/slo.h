/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objectives of service, "commit.p99=50ms": what is asked of one figure of one
 * transaction's response, and whether a run kept it. Pure: from text and from documents.
 */
#ifndef HCB_BENCH_SLO_H
#define HCB_BENCH_SLO_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/core/err.h"
#include "workloads/workload.h"

#define HCB_MAX_SLOS 11

struct hcb_slo {
	char name[80];      /* "commit.p99", of a scenario's several "db.commit.p99" */
	const char *tx;     /* the workload's */
	const char *figure; /* key of response_ns: "mean", "p50", "p95", "p99", "p999",
	                       "max" */
	uint64_t limit_ns;
	uint64_t need; /* samples without which the figure is null */
};

/* A transaction or figure that there is none of, a limit without a unit: exit code 2. */
int hcb_slo_parse(const char *text, const struct hcb_workload *wl, struct hcb_slo *out,
                  struct hcb_err *err);

struct hcb_slo_verdict {
	bool invalid;  /* nothing can be said: the run's verdict, or too few samples */
	bool few;      /* invalid: a figure has far too few samples, and will have */
	bool overload; /* more was offered than was carried: all are missed, no figures */
	uint32_t missed;  /* a bit each */
	char reason[200]; /* why invalid or missed; empty: all were kept */
	/* The figures, NaN where there is none; limits as they were asked. */
	double value_ns[HCB_MAX_SLOS];
};

/* doc: of kind "run". An INVALID or partial run says nothing; transactions that failed,
   and overload, miss every objective. */
void hcb_slo_judge(const json_t *doc, const struct hcb_slo *slos, unsigned n,
                   struct hcb_slo_verdict *out);

/* [{"name", "transaction", "figure", "limit_ns"}] */
json_t *hcb_slo_json(const struct hcb_slo *slos, unsigned n);

#endif
