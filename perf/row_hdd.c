/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model disk in virtual time, 4 KiB random over a disk filled to 60 %: called
 * directly, and reads through workload, run loop, record and engine. A write that goes
 * into the cache leaves the disk as many extents to choose from as destage_window says
 * (64), at whatever depth the host writes; it is held to the goal of its depth as reads
 * and writes past the cache are.
 */
#include <stdio.h>
#include <string.h>

#include "bench/core/units.h"
#include "perf/perf.h"

#define SECONDS 1.5
#define PROFILE "generic-7200"
#define TARGET  "hdd:generic-7200,filled=60%"

struct load {
	unsigned depth;
	double virtual_s; /* of the disk's time, for each second of ours */
	double goal;
};

static const struct load depth_1 = {1, 15000, 2e6}, depth_32 = {32, 2500, 0.5e6};

static void missing(const struct perf_ctx *c, const struct perf_row *row, char *why,
                    size_t size)
{
	(void)c;
	(void)row;
	(void)why;
	(void)size;
}

struct direct {
	const char *kind;
	unsigned depth;
};

static int run_direct(struct perf_ctx *c, const void *arg, double seconds,
                      struct perf_run *out, struct hcb_err *err)
{
	const struct direct *d = arg;
	char path[700], depth[16], s[32];
	snprintf(path, sizeof(path), "%s/hdd_direct", c->tools);
	snprintf(depth, sizeof(depth), "%u", d->depth);
	snprintf(s, sizeof(s), "%.3f", seconds);
	const char *argv[] = {path, PROFILE, "60%", d->kind, depth, s, NULL};
	return perf_tool(c, argv, seconds, out, err);
}

static int run_loop(struct perf_ctx *c, const void *arg, double seconds,
                    struct perf_run *out, struct hcb_err *err)
{
	const struct load *l = arg;
	char path[700], depth[32], s[32];
	snprintf(path, sizeof(path), "%s/loop_direct", c->tools);
	snprintf(depth, sizeof(depth), "depth=%u", l->depth);
	snprintf(s, sizeof(s), "%.0f", l->virtual_s * seconds);
	const char *argv[] = {path,  "micro",     TARGET,         s,
	                      depth, "kind=read", "size=1000GiB", NULL};
	return perf_tool(c, argv, seconds, out, err);
}

static int measure(struct perf_ctx *c, const struct perf_row *row, struct hcb_err *err)
{
	const struct load *l = row->arg;
	struct perf_run runs[4][PERF_MAX_BLOCKS];
	struct direct rd = {"read", l->depth}, wr = {"write", l->depth},
	              cached = {"cached-write", l->depth};
	struct perf_program p[] = {
	        {.run = run_direct, .arg = &rd, .counts_itself = true},
	        {.run = run_direct, .arg = &wr, .counts_itself = true},
	        {.run = run_direct, .arg = &cached, .counts_itself = true},
	        {.run = run_loop, .arg = l, .counts_itself = true},
	};
	static const char *const names[] = {"model, reads", "model, uncached writes",
	                                    "model, cached writes", "run loop, reads"};
	int r = perf_interleave(c, row->name, p, 4, SECONDS, runs, err);
	for (unsigned i = 0; i < 4 && !r; i++)
		perf_add_value(c,
		               &(struct perf_goal){row->name, names[i], PERF_RATE_PER_CPU,
		                                   PERF_AT_LEAST, l->goal},
		               runs + i, false);
	return r;
}

const struct perf_row perf_row_hdd_1 = {
        .name = "hdd-1",
        .what = "model disk in virtual time, depth 1: requests per second",
        .missing = missing,
        .measure = measure,
        .arg = &depth_1,
};

const struct perf_row perf_row_hdd_32 = {
        .name = "hdd-32",
        .what = "the same at depth 32",
        .missing = missing,
        .measure = measure,
        .arg = &depth_32,
};
