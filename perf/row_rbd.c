/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * librbd: 4 KiB random reads at depth 32 from an image in a lab whose disks are plain
 * memory, so that clients and OSDs are all there is. Besides fio and hcbench a bare loop
 * on librbd runs (tools/rbd_bare.c): most of an op's processor time is librbd's, and only
 * what is above the bare loop is the benchmark's own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/core/units.h"
#include "lab/lab.h"
#include "perf/perf.h"

#define SECONDS 12.0
#define SPAN    (256 * HCB_MIB)
#define DEPTH   32
#define POOL    "main"
#define IMAGE   "perf"

static void missing(const struct perf_ctx *c, const struct perf_row *row, char *why,
                    size_t size)
{
	struct hcb_err err = HCB_ERR_INIT;
	json_t *check = NULL, *one;
	char path[700];
	size_t i;
	(void)row;
	perf_needs_program(why, size, "fio");
	perf_needs_engine(c, why, size, "rbd");
	snprintf(path, sizeof(path), "%s/rbd_bare", c->tools);
	if (access(path, X_OK))
		perf_lacks(why, size, "rbd_bare (built with librbd)");
	if (hcb_lab_check(HCB_LAB_DEFAULT, &check, &err)) {
		perf_lacks(why, size, err.msg);
		return;
	}
	json_array_foreach(json_object_get(check, "lacks"), i, one)
	{
		perf_lacks(why, size, json_string_value(one));
	}
	json_decref(check);
}

static int run_bare(struct perf_ctx *c, const void *arg, double seconds,
                    struct perf_run *out, struct hcb_err *err)
{
	char path[700], depth[16], span[32], s[32];
	(void)arg;
	snprintf(path, sizeof(path), "%s/rbd_bare", c->tools);
	snprintf(depth, sizeof(depth), "%d", DEPTH);
	snprintf(span, sizeof(span), "%llu", (unsigned long long)SPAN);
	snprintf(s, sizeof(s), "%.3f", seconds);
	const char *argv[] = {path, POOL, IMAGE, depth, span, s, NULL};
	return perf_tool(c, argv, seconds, out, err);
}

/* What is above the bare loop, and hcbench's share of fio's. */
static void add_overhead(struct perf_ctx *c, const char *row,
                         struct perf_run (*runs)[PERF_MAX_BLOCKS])
{
	double ours[PERF_MAX_BLOCKS], theirs[PERF_MAX_BLOCKS];
	for (unsigned b = 0; b < c->blocks; b++) {
		double bare = perf_get(&runs[2][b], PERF_CPU_PER_OP);
		ours[b] = perf_get(&runs[0][b], PERF_CPU_PER_OP) - bare;
		theirs[b] = perf_get(&runs[1][b], PERF_CPU_PER_OP) - bare;
	}
	perf_add_ratio_of(c,
	                  &(struct perf_goal){row, "processor time above a bare loop",
	                                      PERF_OTHER, PERF_AT_MOST, 0.5},
	                  "us", ours, theirs);
}

static int compare(struct perf_ctx *c, const struct perf_row *row,
                   const struct hcb_lab_info *lab, struct hcb_err *err)
{
	struct perf_run runs[3][PERF_MAX_BLOCKS];
	char target[512], ceph_conf[160];
	const char *env[] = {ceph_conf, NULL};
	snprintf(ceph_conf, sizeof(ceph_conf), "CEPH_CONF=%s", lab->conf);
	snprintf(target, sizeof(target),
	         "rbd:" POOL "/" IMAGE ",conf=%s,keyring=%s,make=on", lab->conf,
	         lab->keyring);
	struct perf_job job = {
	        .target = target,
	        .ioengine = "rbd",
	        .fio_extra = {"--clientname=admin", "--pool=" POOL, "--rbdname=" IMAGE},
	        .depth = DEPTH,
	        .span_bytes = SPAN,
	};
	struct perf_program p[] = {{.run = perf_hcbench, .arg = &job},
	                           {.run = perf_fio, .arg = &job},
	                           {.run = run_bare}};
	c->netns = lab->hosts[0].netns;
	c->env = env;
	/* The first run makes the image and writes it full. */
	int r = perf_hcbench(c, &job, 0, &runs[0][0], err);
	r = r ? r : perf_interleave(c, row->name, p, 3, SECONDS, runs, err);
	c->netns = NULL;
	c->env = NULL;
	if (r)
		return r;
	perf_add_ratio(
	        c, &(struct perf_goal){row->name, "IOPS", PERF_RATE, PERF_AT_LEAST, 1},
	        runs);
	perf_add_ratio(c,
	               &(struct perf_goal){row->name, "processor time an op",
	                                   PERF_CPU_PER_OP, PERF_SHOWN, 0},
	               runs);
	add_overhead(c, row->name, runs);
	return 0;
}

/* The lab is this run's own: the default cluster under a name that nobody else uses. */
static int copy_cluster(const struct perf_ctx *c, char *path, size_t n,
                        struct hcb_err *err)
{
	char from[512], *text = NULL;
	size_t len = 0;
	int r = hcb_cluster_find(HCB_LAB_DEFAULT, from, sizeof(from), err);
	if (r)
		return r;
	snprintf(path, n, "%s/perf%d.ini", c->work, (int)getpid());
	FILE *in = fopen(from, "re"), *out = fopen(path, "we");
	if (!in || !out)
		r = hcb_err_sys(err, -errno, "copy %s to %s", from, path);
	while (!r && getline(&text, &len, in) > 0)
		fputs(text, out);
	if (in)
		fclose(in);
	if (out && fclose(out) && !r)
		r = hcb_err_sys(err, -errno, "write %s", path);
	free(text);
	return r;
}

static int measure(struct perf_ctx *c, const struct perf_row *row, struct hcb_err *err)
{
	struct hcb_lab_info *lab = calloc(1, sizeof(*lab));
	char file[600], name[48];
	int r = lab ? copy_cluster(c, file, sizeof(file), err)
	            : hcb_err_sys(err, -ENOMEM, "lab");
	if (r) {
		free(lab);
		return r;
	}
	const char *up[] = {c->hcbench, "lab", "up", file, "--ram", "--cold", NULL};
	r = hcb_lab_name(file, name, sizeof(name), err);
	r = r ? r : perf_exec(c, up, 300, NULL, NULL, err);
	r = r ? r : hcb_lab_find(name, lab, err);
	r = r ? r : compare(c, row, lab, err);
	const char *down[] = {c->hcbench, "lab", "down", name, NULL};
	struct hcb_err late = HCB_ERR_INIT;
	if (perf_exec(c, down, 60, NULL, NULL, &late))
		hcb_warn("%s", late.msg);
	free(lab);
	return r;
}

const struct perf_row perf_row_rbd = {
        .name = "rbd",
        .what = "librbd, 4 KiB random reads at depth 32, a lab on memory",
        .missing = missing,
        .measure = measure,
};
