/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What "hcbench run" was told, from the command line or from a scenario file. */
#ifndef HCB_CMD_RUN_ARGS_H
#define HCB_CMD_RUN_ARGS_H

#include "bench/core/scenario.h"
#include "bench/run.h"

#define HCB_MAX_SETS 64

enum hcb_clock_choice { HCB_CHOOSE_AUTO, HCB_CHOOSE_REAL, HCB_CHOOSE_VIRTUAL };

struct hcb_run_args {
	const struct hcb_workload *wl;
	void *conf;
	struct hcb_binding on[2 * HCB_MAX_VOLUMES];
	unsigned n_on;
	const char *sets[HCB_MAX_SETS]; /* the scenario's first: the command line's win */
	unsigned n_sets;
	struct hcb_fault faults[HCB_MAX_FAULTS]; /* by time */
	unsigned n_faults;
	const char *out, *lab, *lab_host;
	bool json, quiet;
	bool seed_said, warmup_said; /* on the command line, which beats the scenario */
	uint64_t repeat;             /* 0: unsaid; else 1 or more */
	enum hcb_clock_choice clock;
	struct hcb_run run;
	struct hcb_scenario *scenario; /* NULL: from the command line alone */
	struct hcb_mix *mix;           /* the scenario's workloads; NULL: there is one */
	char command[32768];           /* canonical: what repeats this run, without -o */
};

/* argv[0] is the verb. Fills everything but run.around and run.signal_seen. */
int hcb_run_args_parse(int argc, char **argv, struct hcb_run_args *a,
                       struct hcb_err *err);
/* A scenario file; what the command line said already beats it (run_scenario.c). */
int hcb_run_take_scenario(struct hcb_run_args *a, const char *path, struct hcb_err *err);
void hcb_run_args_free(struct hcb_run_args *a);

#endif
