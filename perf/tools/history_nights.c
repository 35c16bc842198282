/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long `hcbench check` takes over a long history: makes one of N nights (10 000),
 * T tests of three gated metrics each and C controls, in a new directory, and judges it.
 *
 *   history_nights DIR [N [T [C]]]
 *
 * The directory stays: `hcbench check --history DIR` judges it again, from outside. Exit
 * code 1 if one of the times is over the goal. `make accuracy` keeps what it prints.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/check.h"
#include "bench/core/random.h"
#include "bench/history.h"
#include "bench/history_db.h"
#include "bench/result.h"

#define GOAL_NIGHTS 10000
#define GOAL_S      1.0
#define TIMES       5

static double now_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* About normal: the sum of twelve. */
static double noise(struct hcb_random *rng)
{
	double sum = -6;
	for (int i = 0; i < 12; i++)
		sum += hcb_random_unit(rng);
	return sum;
}

static json_t *transactions(struct hcb_random *rng, double night)
{
	double x = exp(night + 0.02 * noise(rng));
	return json_pack("[{sssfs{sfsfsfsfsf}}]", "name", "commit", "rate_per_s", 100 / x,
	                 "response_ns", "p50", 9e6 * x, "p99",
	                 40e6 * x * exp(0.03 * noise(rng)), "p95", 30e6 * x, "p999",
	                 60e6 * x, "mean", 10e6 * x);
}

static json_t *night_of(int night, int test, bool control, struct hcb_random *rng)
{
	char id[32], name[32], when[32];
	time_t t = 946684800 + 86400 * (time_t)night;
	struct tm tm;
	double level = 0.04 * noise(rng);
	json_t *doc = hcb_json_document("run", false), *blocks = json_array();
	gmtime_r(&t, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	snprintf(id, sizeof(id), "%08d%04d%04d", night, test, control);
	snprintf(name, sizeof(name), "%s%d", control ? "control" : "test", test);
	json_object_set_new(doc, "run",
	                    json_pack("{sssssssssf}", "id", id, "workload", "postgres",
	                              "started", when, "loop", "closed", "duration_s",
	                              60.0));
	json_object_set_new(doc, "validity", json_pack("{ss}", "verdict", "VALID"));
	json_object_set_new(doc, "transactions", transactions(rng, level));
	for (int i = 0; i < HCB_HISTORY_REPS; i++)
		json_array_append_new(blocks, json_pack("{ssso}", "validity", "VALID",
		                                        "transactions",
		                                        transactions(rng, level)));
	json_object_set_new(doc, "blocks", blocks);
	strftime(when, sizeof(when), "%Y-%m-%d", &tm);
	json_object_set_new(doc, "history",
	                    json_pack("{sssssbsb}", "night", when, "name", name,
	                              "control", control, "rerun", 0));
	return doc;
}

static int fill(struct hcb_history *h, int nights, int tests, int controls,
                struct hcb_err *err)
{
	struct hcb_random rng;
	int r = hcb_db_exec(h->db, "PRAGMA synchronous=OFF", err);
	hcb_random_init(&rng, 1, 0);
	for (int n = 0; !r && n < nights; n++) {
		for (int t = 0; !r && t < tests + controls; t++) {
			char path[64];
			struct hcb_history_added added;
			json_t *doc = night_of(n, t, t >= tests, &rng);
			snprintf(path, sizeof(path), "results/none/%d-%d", n, t);
			r = hcb_history_insert(h, doc, path, &added, err);
			json_decref(doc);
		}
	}
	return r;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* As the command does it: opens the history, judges its newest night. */
static int judge(const char *dir, double *took_s, size_t *gated, struct hcb_err *err)
{
	struct hcb_history h;
	struct hcb_check_opts o = {.fail_on = HCB_FAIL_REGRESSION};
	double begin = now_s();
	int r = hcb_history_open(dir, false, &h, err);
	if (r)
		return r;
	json_t *doc = hcb_check(&h, &o, err), *counts = json_object_get(doc, "counts");
	*took_s = now_s() - begin;
	*gated = (size_t)json_integer_value(json_object_get(counts, "gated"));
	r = doc ? 0 : err->code;
	json_decref(doc);
	hcb_history_close(&h);
	return r;
}

/* Exit code 1 if it takes longer than the goal, which is of a history of GOAL_NIGHTS. */
static int report(const char *dir, int nights, struct hcb_err *err)
{
	double s[TIMES];
	size_t gated = 0;
	for (size_t i = 0; i < TIMES; i++)
		if (judge(dir, &s[i], &gated, err))
			return -1;
	qsort(s, TIMES, sizeof(s[0]), by_value);
	printf("check takes %.3f s (median of %d, %.3f to %.3f), %zu series gated: ",
	       s[TIMES / 2], TIMES, s[0], s[TIMES - 1], gated);
	if (nights < GOAL_NIGHTS) {
		printf("the goal is of %d nights\n", GOAL_NIGHTS);
		return 0;
	}
	printf("goal %.0f s, %s\n", GOAL_S, s[TIMES - 1] < GOAL_S ? "met" : "MISSED");
	return s[TIMES - 1] < GOAL_S ? 0 : 1;
}

static int make(const char *dir, int nights, int tests, int controls, struct hcb_err *err)
{
	struct hcb_history h;
	double begin = now_s();
	int r = hcb_history_open(dir, true, &h, err);
	if (r)
		return r;
	r = fill(&h, nights, tests, controls, err);
	hcb_history_close(&h);
	if (!r)
		printf("%d nights of %d tests and %d control tests, made in %.0f s\n",
		       nights, tests, controls, now_s() - begin);
	return r;
}

int main(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	int nights = argc > 2 ? atoi(argv[2]) : GOAL_NIGHTS,
	    tests = argc > 3 ? atoi(argv[3]) : 3, controls = argc > 4 ? atoi(argv[4]) : 1;
	if (argc < 2 || nights < 1 || tests < 1 || controls < 0) {
		fprintf(stderr,
		        "usage: history_nights DIR [NIGHTS [TESTS [CONTROLS]]]\n");
		return 2;
	}
	int r = make(argv[1], nights, tests, controls, &err);
	r = r ? r : report(argv[1], nights, &err);
	if (r < 0)
		fprintf(stderr, "history_nights: %s\n", err.msg);
	return r != 0;
}
