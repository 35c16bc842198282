/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hcbench disk stat": looking at a served disk, once or all the time. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench/cmd/disk_verbs.h"
#include "bench/cmd/verb.h"
#include "bench/core/units.h"

struct stat_conf {
	int json, watch;
	uint64_t every_ns, count;
};

static const struct hcb_opt stat_opts[] = {
        {.name = "json",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct stat_conf, json),
         .def = "off",
         .help = "print the document; with --watch a line each"},
        {.name = "watch",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct stat_conf, watch),
         .def = "off",
         .help = "print what changed, again and again"},
        {.name = "every",
         .type = HCB_OPT_DURATION,
         .offset = offsetof(struct stat_conf, every_ns),
         .def = "1s",
         .min = 1e7,
         .max = 3.6e12,
         .help = "--watch: so often"},
        {.name = "count",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct stat_conf, count),
         .def = "0",
         .help = "--watch: end after so many lines; 0: never"},
        {.name = NULL},
};

static json_int_t number(const json_t *doc, const char *a, const char *b)
{
	const json_t *v = json_object_get(doc, a);
	return json_integer_value(b ? json_object_get(v, b) : v);
}

/* Nothing if all is well and was. */
static void print_faults(const json_t *f)
{
	if (json_is_true(json_object_get(f, "fail")))
		printf("FAILING: every request is answered with an error\n");
	if (json_is_true(json_object_get(f, "hang")))
		printf("HANGING: requests are taken and not answered\n");
	if (number(f, "bad_bytes", NULL))
		printf("BAD: %" JSON_INTEGER_FORMAT " bytes in %" JSON_INTEGER_FORMAT
		       " ranges\n",
		       number(f, "bad_bytes", NULL), number(f, "bad_ranges", NULL));
}

static void print_lateness(const json_t *doc)
{
	char late[3][32];
	static const char *const q[] = {"p50", "p99", "max"};
	for (int i = 0; i < 3; i++)
		hcb_fmt_ns(late[i], 32, (double)number(doc, "lateness_ns", q[i]));
	printf("timer lateness p50 %s, p99 %s, max %s (%s)\n", late[0], late[1], late[2],
	       json_is_true(json_object_get(doc, "timer_fifo")) ? "SCHED_FIFO"
	                                                        : "ordinary priority");
}

/* What was asked of it, of whatever kind it is. */
static void print_served(const json_t *served)
{
	static const char *const kinds[][2] = {
	        {"reads", "read_ns"}, {"writes", "write_ns"}, {"flushes", "flush_ns"}};
	for (size_t i = 0; i < 3; i++) {
		char mean[32];
		json_int_t n = number(served, kinds[i][0], NULL);
		hcb_fmt_ns(mean, 32,
		           n ? (double)number(served, kinds[i][1], NULL) / (double)n : 0);
		printf("%s%s %" JSON_INTEGER_FORMAT " (mean %s)", i ? ", " : "",
		       kinds[i][0], n, mean);
	}
	putchar('\n');
}

/* A model disk's own. */
static void print_disk(const json_t *doc)
{
	char busy[3][32], max[32];
	static const char *const part[] = {"seek_ns", "rotate_ns", "transfer_ns"};
	if (!json_object_get(doc, "disk"))
		return;
	for (int i = 0; i < 3; i++)
		hcb_fmt_ns(busy[i], 32, (double)number(doc, "disk", part[i]));
	hcb_fmt_ns(max, 32, (double)number(doc, "flush_max_ns", NULL));
	printf("%s: cache %s, timing %s\n",
	       json_string_value(json_object_get(doc, "profile")),
	       json_is_true(json_object_get(doc, "cache")) ? "on" : "off",
	       json_is_true(json_object_get(doc, "timing")) ? "on" : "off");
	printf("seeking %s, waiting for the sector %s, transferring %s, longest flush "
	       "%s\n",
	       busy[0], busy[1], busy[2], max);
	if (json_is_true(json_object_get(doc, "lie")))
		printf("LYING: flushes are acknowledged and do nothing\n");
	if (json_is_false(json_object_get(json_object_get(doc, "power"), "on")))
		printf("WITHOUT POWER\n");
}

static void print_stat(const json_t *doc)
{
	printf("%s, %" JSON_INTEGER_FORMAT " queued\n",
	       json_string_value(json_object_get(doc, "target")),
	       number(doc, "queued", NULL));
	print_served(json_object_get(doc, "served"));
	print_disk(doc);
	print_lateness(doc);
	print_faults(json_object_get(doc, "faults"));
	if (number(doc, "served", "failed"))
		printf("requests answered with an error: %" JSON_INTEGER_FORMAT "\n",
		       number(doc, "served", "failed"));
	const char *trouble = json_string_value(json_object_get(doc, "trouble"));
	if (trouble)
		printf("TROUBLE: %s\n", trouble);
}

static json_t *read_stat(const char *dir, struct hcb_err *err)
{
	char path[600];
	json_error_t je;
	snprintf(path, sizeof(path), "%s/stat", dir);
	FILE *f = fopen(path, "re");
	if (!f) {
		hcb_err_sys(err, -errno, "open %s", path);
		return NULL;
	}
	json_t *doc = json_loadf(f, 0, &je);
	fclose(f);
	if (!doc)
		hcb_err_set(err, -EIO, "read %s: not a served disk's: %s", path, je.text);
	return doc;
}

/* ---- watching ---- */

/* How much a number of two documents grew, per second of the disk's time. */
static double rate(const json_t *a, const json_t *b, const char *key)
{
	double ns = (double)(number(b, "time_ns", NULL) - number(a, "time_ns", NULL));
	double by = (double)(number(b, "served", key) - number(a, "served", key));
	return ns > 0 ? by / ns * 1e9 : 0;
}

/* Mean response of what was answered between them. */
static const char *mean(const json_t *a, const json_t *b, const char *count,
                        const char *ns, char *buf)
{
	json_int_t n = number(b, "served", count) - number(a, "served", count);
	json_int_t sum = number(b, "served", ns) - number(a, "served", ns);
	return n > 0 ? hcb_fmt_ns(buf, 32, (double)sum / (double)n) : "-";
}

static double busy_share(const json_t *a, const json_t *b)
{
	double ns = (double)(number(b, "time_ns", NULL) - number(a, "time_ns", NULL));
	double by = (double)(number(b, "disk", "busy_ns") - number(a, "disk", "busy_ns"));
	return ns > 0 ? by / ns * 100 : 0;
}

static void print_change(const json_t *a, const json_t *b, uint64_t line)
{
	char r[32], w[32], f[32], late[32];
	if (line % 20 == 0)
		printf("%8s %8s %8s | %8s %8s | %9s %9s %9s | %6s %5s %10s %9s\n",
		       "reads/s", "writes/s", "flush/s", "rd MiB/s", "wr MiB/s", "read",
		       "write", "flush", "queued", "busy", "dirty KiB", "late p99");
	hcb_fmt_ns(late, sizeof(late), (double)number(b, "lateness_ns", "p99"));
	printf("%8.0f %8.0f %8.0f | %8.2f %8.2f | %9s %9s %9s | %6" JSON_INTEGER_FORMAT
	       " %4.0f%% %10" JSON_INTEGER_FORMAT " %9s\n",
	       rate(a, b, "reads"), rate(a, b, "writes"), rate(a, b, "flushes"),
	       rate(a, b, "read_bytes") / 1048576, rate(a, b, "write_bytes") / 1048576,
	       mean(a, b, "reads", "read_ns", r), mean(a, b, "writes", "write_ns", w),
	       mean(a, b, "flushes", "flush_ns", f), number(b, "queued", NULL),
	       busy_share(a, b), number(b, "dirty_bytes", NULL) / 1024, late);
	fflush(stdout);
}

static void print_line(const json_t *doc)
{
	json_dumpf(doc, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
}

/* Until the disk is gone, which is an error, or count lines are out. */
static int watch(const char *dir, const struct stat_conf *c, struct hcb_err *err)
{
	struct timespec ts = {(time_t)(c->every_ns / HCB_SEC),
	                      (long)(c->every_ns % HCB_SEC)};
	json_t *last = read_stat(dir, err);
	for (uint64_t n = 0; last && (!c->count || n < c->count); n++) {
		nanosleep(&ts, NULL);
		json_t *doc = read_stat(dir, err);
		if (doc && c->json)
			print_line(doc);
		else if (doc)
			print_change(last, doc, n);
		json_decref(last);
		last = doc;
	}
	json_decref(last);
	return err->code;
}

int hcb_disk_stat(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct stat_conf c;
	const char *dir;
	memset(&c, 0, sizeof(c));
	hcb_opt_defaults(stat_opts, &c);
	if (hcb_disk_args(stat_opts, &c, argc, argv, &dir, 1, &err))
		return hcb_fail(&err);
	if (c.watch)
		return watch(dir, &c, &err) ? hcb_fail(&err) : HCB_EXIT_OK;
	json_t *doc = read_stat(dir, &err);
	if (!doc)
		return hcb_fail(&err);
	if (c.json)
		json_dumpf(doc, stdout, JSON_INDENT(1)), putchar('\n');
	else
		print_stat(doc);
	json_decref(doc);
	return HCB_EXIT_OK;
}
