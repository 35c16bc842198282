/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan file half read: size_plan.c reads it, size_plan_check.c makes a plan of it. */
#ifndef HCB_CORE_SIZE_PLAN_RAW_H
#define HCB_CORE_SIZE_PLAN_RAW_H

#include "bench/core/size_plan.h"

struct size_raw_size {
	char demand[32], load[80], slo[HCB_PLAN_TEXT], states[64], warmup[32];
	char from[32], to[32];
	double sigma;
	uint64_t need, budget, duration, seed, pairs;
	int clock, interference;
};

struct size_raw_workload {
	char type[32];
	uint64_t need;
};

struct size_raw_layout {
	char lab[256], of[32], note[256];
	char on[HCB_PLAN_TEXT], set[256], osd[HCB_PLAN_TEXT];
	int kind, gives_up;
};

struct size_parser {
	struct hcb_size_plan *p;
	int kind; /* -1 before the first section */
	char where[80];
	uint64_t seen;
	bool had_size;
	int size_line, load_line, demand_line, states_line;
	struct size_raw_size raw;
	struct size_raw_workload workload;
	struct size_raw_layout layout[HCB_PLAN_LAYOUTS];
};

/* After the last line: names become numbers, and what is missing is said. */
int hcb_size_plan_finish(struct size_parser *ps, struct hcb_err *err);

#endif
