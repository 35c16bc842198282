/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hcbench search" in its parts: what it was told, its document, its trials. */
#ifndef HCB_CMD_SEARCH_PARTS_H
#define HCB_CMD_SEARCH_PARTS_H

#include <jansson.h>

#include "bench/cmd/run_args.h"
#include "bench/search.h"
#include "bench/slo.h"

#define SEARCH_MAX_PASSED 64
#define SEARCH_VERIFY     4 /* the long trial measures so many times as long */
#define SEARCH_BUDGET     (7200 * HCB_SEC) /* unless told; in virtual time none */

struct search {
	const char *what;                          /* workload or scenario */
	const char *passed[2 * SEARCH_MAX_PASSED]; /* options that are run's */
	size_t n_passed;
	const char *slo_text[HCB_MAX_SLOS];
	struct hcb_slo slo[HCB_MAX_SLOS];
	unsigned n_slos;
	const char *load; /* key of the workload: "rate" */
	const struct hcb_opt *load_opt;
	char headline[80]; /* transaction that comes at the load's rate */
	const char *from_text, *to_text, *out;
	uint64_t seed, budget_ns, limit_ns; /* 0: by default */
	uint64_t most;                      /* trials of this process; 0: no limit */
	bool seed_said, budget_said, json, quiet, resume, each;
	struct hcb_run_args args; /* of a trial, without load */
	double dilation;
	uint64_t measured_ns, long_ns; /* a trial, and the long one */
	char command[33000];

	struct hcb_search state;
	json_t *trials, *targets, *facts;
	char dir[64]; /* of the trials' own results */
};

/* ---- search_args.c ---- */

/* What cannot be searched is said here, before anything is run. */
int search_parse(int argc, char **argv, struct search *s, struct hcb_err *err);

/* ---- search_plan.c ---- */

/* Loads, lengths and limits of what was told, and the machine at its beginning. */
int search_set_up(struct search *s, struct hcb_err *err);
/* "40/s", "12": as --set takes it. */
void search_load_text(const struct search *s, double load, char *buf, size_t size);
/* Goal 0 is all objectives together; with several, goal 1 + i is objective i. */
unsigned search_goals(const struct search *s);
void search_say_plan(const struct search *s);

/* ---- search_document.c ---- */

json_t *search_document(const struct search *s);
/* Takes up what the document in s->out tells; refuses that of another search. */
int search_resume(struct search *s, struct hcb_err *err);

#endif
