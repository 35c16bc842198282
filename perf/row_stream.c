/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A timed stream: 10 000 reads a second, one each 100 us, at depth 32, through libaio.
 * hcbench's micro makes it; fio replays it from a log (read_iolog, version 3). How late
 * each read went out is seen by the same witness in both: tools/submit_clock.c, preloaded
 * before libaio, which notes when io_submit was called. The schedule's origin is unknown
 * to it, so it is taken as what makes the earliest of all reads punctual; that favours
 * both alike.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/core/random.h"
#include "bench/core/units.h"
#include "perf/perf.h"
#include "perf/tools/submit_clock.h"

#define SECONDS 4.0
#define RATE    10000u
#define GAP_US  100u /* = 1 s / RATE */
#define SPAN    (64 * HCB_MIB)
#define RAM_DIR "/dev/shm"

struct stream {
	struct perf_job job;
	char clock_path[600], log_path[600], log_arg[700];
	const char *env[3];
	char env_preload[700], env_clock[700];
};

static void missing(const struct perf_ctx *c, const struct perf_row *row, char *why,
                    size_t size)
{
	char path[700];
	(void)row;
	perf_needs_program(why, size, "fio");
	perf_needs_engine(c, why, size, "libaio");
	snprintf(path, sizeof(path), "%s/submit_clock.so", c->tools);
	if (access(path, R_OK))
		perf_lacks(why, size, "submit_clock.so (built with libaio)");
}

static const char *directory(const struct perf_ctx *c)
{
	int fd = open(RAM_DIR, O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
	if (fd < 0)
		return c->dir;
	close(fd);
	return RAM_DIR;
}

/* ---- what the witness saw ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double late_p99(const struct perf_clock *k, uint64_t n)
{
	double *late = calloc(n, sizeof(*late)), least = INFINITY, p99 = NAN;
	for (uint64_t i = 0; late && i < n; i++) {
		late[i] = (double)(k->stamp_ns[i] - k->stamp_ns[0]) -
		          (double)i * GAP_US * 1e3;
		least = late[i] < least ? late[i] : least;
	}
	if (late && n) {
		qsort(late, n, sizeof(late[0]), by_value);
		p99 = late[(n * 99 + 99) / 100 - 1] - least;
	}
	free(late);
	return p99;
}

/* One run with an empty list of stamps, then what is in it. */
static int witnessed(struct perf_ctx *c, const struct stream *s, double seconds,
                     int (*run)(struct perf_ctx *, const void *, double,
                                struct perf_run *, struct hcb_err *),
                     struct perf_run *out, struct hcb_err *err)
{
	uint64_t want = (uint64_t)(seconds * RATE) + 1;
	size_t bytes = sizeof(struct perf_clock) + (want + 1024) * sizeof(uint64_t);
	int fd = open(s->clock_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)bytes)) {
		int r = hcb_err_sys(err, -errno, "make %s", s->clock_path);
		if (fd >= 0)
			close(fd);
		return r;
	}
	struct perf_clock *k = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (k == MAP_FAILED)
		return hcb_err_sys(err, -errno, "map %s", s->clock_path);
	c->env = s->env;
	int r = run(c, &s->job, seconds, out, err);
	c->env = NULL;
	uint64_t n = atomic_load(&k->n) < want - 1 ? atomic_load(&k->n) : want - 1;
	if (!r && seconds > 0 && n < want * 9 / 10)
		r = hcb_err_set(err, -EIO, "stream: %llu of %llu reads were seen",
		                (unsigned long long)n, (unsigned long long)want);
	if (!r)
		out->late_p99_ns = late_p99(k, n);
	munmap(k, bytes);
	return r;
}

/* ---- the two programs ---- */

static int write_log(const struct stream *s, uint64_t n, struct hcb_err *err)
{
	struct hcb_random r;
	hcb_random_init(&r, 1, 0);
	FILE *f = fopen(s->log_path, "we");
	if (!f)
		return hcb_err_sys(err, -errno, "make %s", s->log_path);
	fprintf(f, "fio version 3 iolog\n1 %s add\n1 %s open\n", s->job.file,
	        s->job.file);
	/* A stamp of 0 would switch the next delay off. */
	for (uint64_t i = 0; i < n; i++) {
		uint64_t block = hcb_random_below(&r, SPAN / 4096);
		fprintf(f, "%" PRIu64 " %s read %" PRIu64 " 4096\n", 1 + i * GAP_US,
		        s->job.file, block * 4096);
	}
	fprintf(f, "%" PRIu64 " %s close\n", 1 + n * GAP_US, s->job.file);
	if (fclose(f))
		return hcb_err_sys(err, -errno, "write %s", s->log_path);
	return 0;
}

static int run_hcbench(struct perf_ctx *c, const void *arg, double seconds,
                       struct perf_run *out, struct hcb_err *err)
{
	return witnessed(c, arg, seconds, perf_hcbench, out, err);
}

static int run_fio(struct perf_ctx *c, const void *arg, double seconds,
                   struct perf_run *out, struct hcb_err *err)
{
	const struct stream *s = arg;
	uint64_t n = seconds > 0 ? (uint64_t)(seconds * RATE) : 1;
	int r = write_log(s, n, err);
	return r ? r : witnessed(c, s, seconds, perf_fio, out, err);
}

static void set_up(const struct perf_ctx *c, struct stream *s, const char *file,
                   const char *target)
{
	snprintf(s->clock_path, sizeof(s->clock_path), "%s/stamps", c->work);
	snprintf(s->log_path, sizeof(s->log_path), "%s/iolog", c->work);
	snprintf(s->log_arg, sizeof(s->log_arg), "--read_iolog=%s", s->log_path);
	snprintf(s->env_preload, sizeof(s->env_preload), "LD_PRELOAD=%s/submit_clock.so",
	         c->tools);
	snprintf(s->env_clock, sizeof(s->env_clock), PERF_CLOCK_ENV "=%s", s->clock_path);
	s->env[0] = s->env_preload;
	s->env[1] = s->env_clock;
	s->job = (struct perf_job){
	        .target = target,
	        .ioengine = "libaio",
	        .file = file,
	        .replay = s->log_arg,
	        .depth = 32,
	        .span_bytes = SPAN,
	        .rate_per_s = RATE,
	};
}

static void add_figures(struct perf_ctx *c, const char *row,
                        struct perf_run (*runs)[PERF_MAX_BLOCKS])
{
	perf_add_value(
	        c,
	        &(struct perf_goal){row, "lateness p99", PERF_LATE_P99, PERF_AT_MOST, 50},
	        runs, true);
	perf_add_ratio(
	        c,
	        &(struct perf_goal){row, "processor time", PERF_CPU_SHARE, PERF_SHOWN, 0},
	        runs);
}

static int measure(struct perf_ctx *c, const struct perf_row *row, struct hcb_err *err)
{
	struct perf_run runs[2][PERF_MAX_BLOCKS];
	struct stream s = {.env = {NULL}};
	char file[600], target[700];
	snprintf(file, sizeof(file), "%s/hcb-perf.%d", directory(c), (int)getpid());
	snprintf(target, sizeof(target), "libaio:%s,make=on", file);
	set_up(c, &s, file, target);
	struct perf_program p[] = {{.run = run_hcbench, .arg = &s},
	                           {.run = run_fio, .arg = &s}};
	int r = perf_hcbench(c, &s.job, 0, &runs[0][0], err);
	r = r ? r : perf_interleave(c, row->name, p, 2, SECONDS, runs, err);
	if (!r)
		add_figures(c, row->name, runs);
	unlink(file);
	return r;
}

const struct perf_row perf_row_stream = {
        .name = "stream",
        .what = "10 000 timed reads a second at depth 32: how late they go out",
        .missing = missing,
        .measure = measure,
};
