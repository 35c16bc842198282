/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running hcbench, fio and the tools beside them, and reading what they say. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/core/child.h"
#include "bench/core/units.h"
#include "perf/perf.h"

#define MAX_ARGS   40
#define ARG_CHARS  512
#define GRACE_NS   (120 * HCB_SEC) /* beyond the run: opening, closing, a busy machine */
#define STARTUPS   3               /* runs that only start and end; the median counts */
#define STARTUP_MS 1               /* the shortest run */

/* ---- arguments ---- */

struct args {
	char text[MAX_ARGS][ARG_CHARS];
	const char *argv[MAX_ARGS + 1];
	unsigned n;
};

static void arg(struct args *a, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));

static void arg(struct args *a, const char *fmt, ...)
{
	va_list ap;
	if (a->n == MAX_ARGS)
		abort(); /* a row has more than there is room for: a bug */
	va_start(ap, fmt);
	vsnprintf(a->text[a->n], ARG_CHARS, fmt, ap);
	va_end(ap);
	a->argv[a->n] = a->text[a->n];
	a->argv[++a->n] = NULL;
}

/* ---- running ---- */

static double children_cpu_s(void)
{
	struct rusage u;
	getrusage(RUSAGE_CHILDREN, &u);
	return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* A run of hcbench that is UNSTEADY or INVALID (a closed loop on null: keeps a processor
   busy, as it is meant to) has measured all the same. */
static bool good_exit(int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	return code == HCB_EXIT_OK || code == HCB_EXIT_UNSTEADY ||
	       code == HCB_EXIT_INVALID;
}

static const char *last_line(char *text)
{
	size_t n = text ? strlen(text) : 0;
	while (n && text[n - 1] == '\n')
		text[--n] = '\0';
	const char *nl = text ? strrchr(text, '\n') : NULL;
	return nl ? nl + 1 : text ? text : "";
}

int perf_exec(struct perf_ctx *c, const char *const *argv, double seconds, double *cpu_s,
              char **out, struct hcb_err *err)
{
	struct hcb_child_opts o = {
	        .netns = c->netns,
	        .env = c->env,
	        .timeout_ns = (uint64_t)(seconds * 1e9) + GRACE_NS,
	        .quiet_fail = true,
	};
	struct hcb_child_result res;
	double before = children_cpu_s();
	int r = hcb_child_run(argv, &o, &res, err);
	if (cpu_s)
		*cpu_s = children_cpu_s() - before;
	if (!r && !good_exit(res.status))
		r = hcb_err_set(err, -EIO, "%s: %s", argv[0], last_line(res.errout));
	if (!r && out) {
		*out = res.out;
		res.out = NULL;
	}
	hcb_child_result_free(&res);
	return r;
}

/* ---- hcbench ---- */

static double number(const json_t *doc, const char *path)
{
	char key[64];
	while (doc && *path) {
		size_t n = strcspn(path, "/");
		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		doc = json_is_array(doc) ? json_array_get(doc, (size_t)atoi(key))
		                         : json_object_get(doc, key);
		path += n + (path[n] == '/');
	}
	return json_is_number(doc) ? json_number_value(doc) : NAN;
}

static json_t *load(const char *path, struct hcb_err *err)
{
	json_error_t e;
	json_t *doc = json_load_file(path, 0, &e);
	if (!doc)
		hcb_err_set(err, -EIO, "read %s: %s", path, e.text);
	return doc;
}

int perf_hcbench(struct perf_ctx *c, const void *job, double seconds,
                 struct perf_run *out, struct hcb_err *err)
{
	const struct perf_job *j = job;
	struct args a = {.n = 0};
	arg(&a, "%s", c->hcbench);
	arg(&a, "run");
	arg(&a, "micro");
	arg(&a, "--on");
	arg(&a, "all=%s", j->target);
	arg(&a, "--set");
	arg(&a, "kind=%s", j->write ? "write" : "read");
	arg(&a, "--set");
	arg(&a, "depth=%u", j->depth);
	arg(&a, "--set");
	arg(&a, "flush=%u", j->flush);
	arg(&a, "--set");
	arg(&a, "size=%llu", (unsigned long long)j->span_bytes);
	if (j->rate_per_s > 0) {
		arg(&a, "--set");
		arg(&a, "rate=%.0f/s", j->rate_per_s);
		arg(&a, "--set");
		arg(&a, "arrivals=steady");
	}
	arg(&a, "--clock");
	arg(&a, "real");
	arg(&a, "--warmup");
	arg(&a, "%.0fms", seconds > 0 ? j->warmup_s * 1e3 : 0.0);
	arg(&a, "--duration");
	arg(&a, "%.0fms", seconds > 0 ? seconds * 1e3 : STARTUP_MS);
	arg(&a, "-q");
	arg(&a, "-o");
	arg(&a, "%s/hcbench.json", c->work);
	const char *doc_path = a.argv[a.n - 1];
	int r = perf_exec(c, a.argv, seconds, &out->cpu_s, NULL, err);
	json_t *doc = r ? NULL : load(doc_path, err);
	if (!doc)
		return r ? r : -EIO;
	out->ops = number(doc, j->write ? "totals/writes" : "totals/reads");
	out->rate_per_s = number(doc, "transactions/0/rate_per_s");
	out->p50_ns = number(doc, "transactions/0/service_ns/p50");
	out->late_p99_ns = number(doc, "validity/lateness_ns/p99");
	/* Not what it costs an op, and not the same each time. */
	out->cpu_s -= number(doc, "validity/control_ns/spent") / 1e9;
	json_decref(doc);
	return 0;
}

/* ---- fio ---- */

/* The same job. Buffers are not scrambled: hcbench does not touch what it writes either.
   Percentiles are of lat (from the call to submit) instead of clat, as service times are;
   one histogram either way. */
static void fio_args(const struct perf_ctx *c, const struct perf_job *j, double seconds,
                     struct args *a)
{
	/* As hcbench's loop has it where it may (bench/run.c). */
	if (geteuid() == 0) {
		arg(a, "nice");
		arg(a, "-n");
		arg(a, "-11");
	}
	arg(a, "fio");
	arg(a, "--name=perf");
	arg(a, "--ioengine=%s", j->ioengine);
	if (j->file && !j->replay)
		arg(a, "--filename=%s", j->file);
	if (!j->replay) {
		arg(a, "--rw=%s", j->write ? "randwrite" : "randread");
		arg(a, "--bs=4k");
		arg(a, "--size=%llu", (unsigned long long)j->span_bytes);
	}
	arg(a, "--iodepth=%u", j->depth);
	arg(a, "--direct=1");
	arg(a, "--norandommap");
	arg(a, "--scramble_buffers=0");
	arg(a, "--clat_percentiles=0");
	arg(a, "--lat_percentiles=1");
	if (j->flush)
		arg(a, "--fdatasync=%u", j->flush);
	for (unsigned i = 0; i < 4 && j->fio_extra[i]; i++)
		arg(a, "%s", j->fio_extra[i]);
	if (j->replay) {
		arg(a, "%s", j->replay);
	} else if (seconds > 0) {
		arg(a, "--time_based");
		arg(a, "--runtime=%.0fms", seconds * 1e3);
		arg(a, "--ramp_time=%.0fms", j->warmup_s * 1e3);
	} else {
		arg(a, "--io_size=4k");
	}
	arg(a, "--output-format=json");
	arg(a, "--output=%s/fio.json", c->work);
}

int perf_fio(struct perf_ctx *c, const void *job, double seconds, struct perf_run *out,
             struct hcb_err *err)
{
	const struct perf_job *j = job;
	struct args a = {.n = 0};
	char path[600], key[64];
	const char *kind = j->write ? "write" : "read";
	fio_args(c, j, seconds, &a);
	int r = perf_exec(c, a.argv, seconds, &out->cpu_s, NULL, err);
	snprintf(path, sizeof(path), "%s/fio.json", c->work);
	json_t *doc = r ? NULL : load(path, err);
	if (!doc)
		return r ? r : -EIO;
	const json_t *io =
	        json_object_get(json_array_get(json_object_get(doc, "jobs"), 0), kind);
	snprintf(key, sizeof(key), "lat_ns/percentile/50.000000");
	out->ops = number(io, "total_ios");
	out->rate_per_s = number(io, "iops");
	/* It does not count what it did in its ramp time, which cost as much. */
	if (seconds > 0)
		out->ops *= 1 + j->warmup_s / seconds;
	out->p50_ns = number(io, key);
	out->late_p99_ns = NAN;
	json_decref(doc);
	return 0;
}

/* ---- tools ---- */

int perf_tool(struct perf_ctx *c, const char *const *argv, double seconds,
              struct perf_run *out, struct hcb_err *err)
{
	char *text = NULL;
	json_error_t e;
	double cpu;
	int r = perf_exec(c, argv, seconds, &cpu, &text, err);
	if (r)
		return r;
	json_t *doc = json_loads(text, 0, &e);
	free(text);
	if (!doc)
		return hcb_err_set(err, -EIO, "%s: %s", argv[0], e.text);
	out->ops = number(doc, "ops");
	out->rate_per_s = out->ops / number(doc, "seconds");
	out->cpu_s = isnan(number(doc, "cpu_s")) ? cpu : number(doc, "cpu_s");
	out->p50_ns = out->late_p99_ns = NAN;
	json_decref(doc);
	return 0;
}

/* ---- in turns ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int measure_startup(struct perf_ctx *c, struct perf_program *p,
                           struct hcb_err *err)
{
	double cpu[STARTUPS];
	struct perf_run run;
	for (unsigned i = 0; i < STARTUPS; i++) {
		int r = p->run(c, p->arg, 0, &run, err);
		if (r)
			return r;
		cpu[i] = run.cpu_s;
	}
	qsort(cpu, STARTUPS, sizeof(cpu[0]), by_value);
	p->startup_cpu_s = cpu[STARTUPS / 2];
	return 0;
}

int perf_interleave(struct perf_ctx *c, const char *row, struct perf_program *p,
                    unsigned n, double seconds, struct perf_run (*runs)[PERF_MAX_BLOCKS],
                    struct hcb_err *err)
{
	int r = 0;
	for (unsigned i = 0; i < n && !r; i++)
		if (!p[i].counts_itself)
			r = measure_startup(c, &p[i], err);
	for (unsigned b = 0; b < c->blocks && !r; b++) {
		hcb_say("%s: block %u of %u", row, b + 1, c->blocks);
		for (unsigned k = 0; k < n && !r; k++) {
			unsigned i = b % 2 ? n - 1 - k : k;
			if (perf_stop)
				return hcb_err_set(err, -EINTR, "%s: interrupted", row);
			r = p[i].run(c, p[i].arg, seconds * c->scale, &runs[i][b], err);
			runs[i][b].cpu_s -= p[i].startup_cpu_s;
		}
	}
	return r;
}
