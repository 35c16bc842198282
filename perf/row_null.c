/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run loop and nothing below it: null: through the ordinary micro path. */
#include "bench/core/units.h"
#include "perf/perf.h"

#define SECONDS 2.0

static const struct perf_job jobs[] = {
        {.target = "null:",
         .ioengine = "null",
         .write = true,
         .depth = 1,
         .span_bytes = HCB_GIB},
        {.target = "null:",
         .ioengine = "null",
         .write = true,
         .depth = 32,
         .span_bytes = HCB_GIB},
};

static void missing(const struct perf_ctx *c, const struct perf_row *row, char *why,
                    size_t size)
{
	(void)c;
	(void)row;
	perf_needs_program(why, size, "fio");
}

static int measure(struct perf_ctx *c, const struct perf_row *row, struct hcb_err *err)
{
	struct perf_run runs[2][PERF_MAX_BLOCKS];
	struct perf_program p[] = {{.run = perf_hcbench, .arg = row->arg},
	                           {.run = perf_fio, .arg = row->arg}};
	int r = perf_interleave(c, row->name, p, 2, SECONDS, runs, err);
	if (!r)
		perf_add_ratio(c,
		               &(struct perf_goal){row->name, "ops", PERF_RATE_PER_CPU,
		                                   PERF_AT_LEAST, 1.5},
		               runs);
	return r;
}

const struct perf_row perf_row_null_1 = {
        .name = "null-1",
        .what = "null engine, depth 1: ops per second of processor time",
        .missing = missing,
        .measure = measure,
        .arg = &jobs[0],
};

const struct perf_row perf_row_null_32 = {
        .name = "null-32",
        .what = "the same at depth 32",
        .missing = missing,
        .measure = measure,
        .arg = &jobs[1],
};
