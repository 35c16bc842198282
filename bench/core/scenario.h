/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scenario files: workloads, targets and faults of one run. INI, dialect of design
 * section 6:
 *
 *	[scenario]                  [workload social]                  [fault 1]
 *	cluster = seed-tinc         type = mastodon                    at = 30s
 *	duration = 15m              users = 5000                       do = kill-host h2
 *	                            on = redis,media: rbd:main/media
 *
 * Only what every scenario has is checked here. Which keys a workload takes, which
 *volumes it has and which faults there are is known further up: parameters keep their
 *text and line, so that those checks can name them.
 */
#ifndef HCB_CORE_SCENARIO_H
#define HCB_CORE_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/core/err.h"

#define HCB_MAX_SCENARIO_WORKLOADS 8
#define HCB_MAX_SCENARIO_PARAMS    48
#define HCB_MAX_SCENARIO_ONS       8
#define HCB_MAX_FAULTS             16

/* A workload's own key, "users=5000", for hcb_opt_set_pair. */
struct hcb_scenario_param {
	char pair[256];
	int line;
};

/* One volume on one target; "on = redis,media: T" makes two of these. */
struct hcb_scenario_on {
	char volume[32];
	char target[512];
	int line;
};

struct hcb_scenario_workload {
	char name[32], type[32];
	int line;
	struct hcb_scenario_param params[HCB_MAX_SCENARIO_PARAMS];
	unsigned n_params;
	struct hcb_scenario_on ons[HCB_MAX_SCENARIO_ONS];
	unsigned n_ons;
};

struct hcb_fault {
	uint64_t at_ns; /* lab time since the run began */
	char verb[32];  /* "kill-host" */
	char args[200]; /* "h2"; "" if none */
	int line;       /* 0: from the command line */
};

enum hcb_scenario_clock { HCB_CLOCK_UNSAID, HCB_CLOCK_REAL, HCB_CLOCK_VIRTUAL };

/* Some 150 KiB: not for the stack of a thread. */
struct hcb_scenario {
	char path[512];
	char cluster[256];    /* name or path for hcb_cluster_find; "" unsaid */
	uint64_t duration_ns; /* 0: unsaid */
	bool warmup_said, warmup_auto;
	uint64_t warmup_ns; /* if said and not auto */
	bool seed_said;
	uint64_t seed;
	uint64_t repeat; /* 0: unsaid */
	enum hcb_scenario_clock clock;
	struct hcb_scenario_workload workloads[HCB_MAX_SCENARIO_WORKLOADS];
	unsigned n_workloads;
	struct hcb_fault faults[HCB_MAX_FAULTS]; /* in order of time, then of the file */
	unsigned n_faults;
};

/* Reads and checks a file. Errors name file and line; exit code 2. */
int hcb_scenario_read(const char *path, struct hcb_scenario *out, struct hcb_err *err);
int hcb_scenario_read_string(const char *text, const char *name, struct hcb_scenario *out,
                             struct hcb_err *err);
/* "at=30s kill-host h2", as --fault takes it. */
int hcb_fault_parse(const char *text, struct hcb_fault *out, struct hcb_err *err);

#endif
