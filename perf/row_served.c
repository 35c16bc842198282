/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The emulated 7200 rpm disk behind FUSE and a loop device: what both programs measure
 * there must agree, since the disk decides it. 4 KiB random reads at depth 32, and
 * a log's 4 KiB writes with a flush after each.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/core/units.h"
#include "perf/perf.h"

/* fio leaves out what its ramp time had under way, and counts the time in which its queue
   runs empty. With 32 out that costs it 0.28 s of work in a run however long it is: seen,
   13.5 % of 2 s, 5.6 % of 5 s. */
#define SECONDS     15.0
#define LOG_SECONDS 6.0 /* at depth 1 there is no queue to run empty */
#define WARMUP      1.0
#define SPAN        (1 * HCB_GIB)

struct disk {
	char dir[600];  /* where it is served, "" if it is not */
	char loop[64];  /* its loop device, "" if there is none */
	char file[700]; /* behind the loop device */
};

struct load {
	const char *engine, *ioengine;
	bool log;
};

static const struct load uring_disk = {"uring", "io_uring", false},
                         libaio_disk = {"libaio", "libaio", false},
                         log_disk = {"uring", "io_uring", true};

static void missing(const struct perf_ctx *c, const struct perf_row *row, char *why,
                    size_t size)
{
	const struct load *l = row->arg;
	perf_needs_program(why, size, "fio");
	perf_needs_program(why, size, "losetup");
	perf_needs_program(why, size, "umount");
	perf_needs_engine(c, why, size, l->engine);
	perf_needs_root(why, size);
	if (access("/dev/fuse", R_OK | W_OK))
		perf_lacks(why, size, "/dev/fuse");
	if (access("/dev/loop-control", R_OK | W_OK))
		perf_lacks(why, size, "/dev/loop-control");
}

static int set(const char *loop, const char *key, const char *value, struct hcb_err *err)
{
	char path[128];
	snprintf(path, sizeof(path), "/sys/block/%s/queue/%s", loop + 5, key);
	FILE *f = fopen(path, "we");
	int r = f && fputs(value, f) >= 0 ? 0 : -errno;
	if (f && fclose(f))
		r = -errno;
	return r ? hcb_err_sys(err, r, "write %s", path) : 0;
}

static int attach(struct perf_ctx *c, struct disk *d, struct hcb_err *err)
{
	const char *argv[] = {"losetup", "-f", "--show", "--direct-io=on", d->file, NULL};
	char *out = NULL;
	int r = perf_exec(c, argv, 0, NULL, &out, err);
	if (r)
		return r;
	snprintf(d->loop, sizeof(d->loop), "%.*s", (int)strcspn(out, "\n"), out);
	free(out);
	r = set(d->loop, "rotational", "1", err);
	return r ? r : set(d->loop, "scheduler", "none", err);
}

static void end_disk(struct perf_ctx *c, const struct disk *d)
{
	struct hcb_err err = HCB_ERR_INIT;
	const char *detach[] = {"losetup", "-d", d->loop, NULL};
	const char *unmount[] = {"umount", d->dir, NULL};
	if (d->loop[0] && perf_exec(c, detach, 0, NULL, NULL, &err))
		hcb_warn("%s", err.msg);
	/* The server ends when it is unmounted. */
	if (d->dir[0] && perf_exec(c, unmount, 0, NULL, NULL, &err))
		hcb_warn("%s", err.msg);
	if (d->dir[0])
		rmdir(d->dir);
}

static int timing(struct perf_ctx *c, const struct disk *d, const char *line,
                  struct hcb_err *err)
{
	const char *argv[] = {c->hcbench, "disk", "ctl", d->dir, line, NULL};
	return perf_exec(c, argv, 0, NULL, NULL, err);
}

static int begin_disk(struct perf_ctx *c, struct disk *d, struct hcb_err *err)
{
	char dir[600];
	snprintf(dir, sizeof(dir), "%s/disk", c->work);
	const char *serve[] = {c->hcbench,     "disk",    "serve",
	                       "generic-7200", "--mount", dir,
	                       "--filled",     "60%",     NULL};
	if (mkdir(dir, 0700))
		return hcb_err_sys(err, -errno, "make %s", dir);
	int r = perf_exec(c, serve, 0, NULL, NULL, err);
	if (r) {
		rmdir(dir);
		return r;
	}
	snprintf(d->dir, sizeof(d->dir), "%s", dir);
	snprintf(d->file, sizeof(d->file), "%s/disk", dir);
	r = attach(c, d, err);
	const char *claim[] = {c->hcbench, "claim", d->loop, "--confirm", d->file, NULL};
	return r ? r : perf_exec(c, claim, 0, NULL, NULL, err);
}

static void add_figures(struct perf_ctx *c, const char *row, bool log,
                        struct perf_run (*runs)[PERF_MAX_BLOCKS])
{
	perf_add_ratio(c,
	               &(struct perf_goal){row, log ? "writes, each flushed" : "IOPS",
	                                   PERF_RATE, PERF_WITHIN, 0.03},
	               runs);
	/* With a flush after each write the write's own time is the cache's; the flush,
	   which fio counts apart, is in the rate. */
	if (!log)
		perf_add_ratio(
		        c, &(struct perf_goal){row, "p50", PERF_P50, PERF_WITHIN, 0.03},
		        runs);
	perf_add_ratio(c,
	               &(struct perf_goal){row, "processor time an op", PERF_CPU_PER_OP,
	                                   PERF_AT_MOST, 1},
	               runs);
}

static int compare(struct perf_ctx *c, const struct perf_row *row, const struct disk *d,
                   struct hcb_err *err)
{
	const struct load *l = row->arg;
	struct perf_run runs[2][PERF_MAX_BLOCKS];
	char target[128];
	snprintf(target, sizeof(target), "%s:%s", l->engine, d->loop);
	struct perf_job job = {
	        .target = target,
	        .ioengine = l->ioengine,
	        .file = d->loop,
	        .write = l->log,
	        .depth = l->log ? 1 : 32,
	        .flush = l->log ? 1 : 0,
	        .span_bytes = SPAN,
	        .warmup_s = WARMUP,
	};
	struct perf_program p[] = {{.run = perf_hcbench, .arg = &job},
	                           {.run = perf_fio, .arg = &job}};
	/* The first run writes the span full. */
	int r = timing(c, d, "timing off", err);
	r = r ? r : perf_hcbench(c, &job, 0, &runs[0][0], err);
	r = r ? r : timing(c, d, "timing on", err);
	r = r ? r
	      : perf_interleave(c, row->name, p, 2, l->log ? LOG_SECONDS : SECONDS, runs,
	                        err);
	if (!r)
		add_figures(c, row->name, l->log, runs);
	return r;
}

static int measure(struct perf_ctx *c, const struct perf_row *row, struct hcb_err *err)
{
	struct disk d = {"", "", ""};
	int r = begin_disk(c, &d, err);
	if (!r)
		r = compare(c, row, &d, err);
	end_disk(c, &d);
	return r;
}

#define ROW(ident, n, text)                                                              \
	const struct perf_row perf_row_##ident = {.name = n,                             \
	                                          .what = text,                          \
	                                          .missing = missing,                    \
	                                          .measure = measure,                    \
	                                          .arg = &(ident)}

ROW(uring_disk, "uring-disk",
    "io_uring, 4 KiB random reads at depth 32, emulated 7200 rpm disk");
ROW(libaio_disk, "libaio-disk", "the same through libaio");
ROW(log_disk, "log-disk",
    "io_uring, 4 KiB random writes at depth 1, a flush after each, same disk");
