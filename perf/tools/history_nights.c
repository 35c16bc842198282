/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long `hcbench check` takes over a long history: makes one of N nights (10 000),
 * T tests of three gated metrics each and C controls, in a new directory, and judges it.
 *
 *   history_nights DIR [N [T [C]]]
 *
 * The directory stays: `hcbench check --history DIR` judges it again, from outside.
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

int main(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_history h;
	int nights = argc > 2 ? atoi(argv[2]) : 10000,
	    tests = argc > 3 ? atoi(argv[3]) : 3, controls = argc > 4 ? atoi(argv[4]) : 1;
	if (argc < 2 || nights < 1 || tests < 1 || controls < 0) {
		fprintf(stderr,
		        "usage: history_nights DIR [NIGHTS [TESTS [CONTROLS]]]\n");
		return 2;
	}
	double t0 = now_s();
	int r = hcb_history_open(argv[1], true, &h, &err);
	if (!r) {
		r = fill(&h, nights, tests, controls, &err);
		hcb_history_close(&h);
	}
	double t1 = now_s();
	r = r ? r : hcb_history_open(argv[1], false, &h, &err);
	if (r) {
		fprintf(stderr, "history_nights: %s\n", err.msg);
		return 1;
	}
	struct hcb_check_opts o = {.fail_on = HCB_FAIL_REGRESSION};
	json_t *doc = hcb_check(&h, &o, &err);
	double t2 = now_s();
	printf("%d nights, %d tests, %d controls: made in %.1f s, judged in %.3f s: %s, "
	       "%zu "
	       "series\n",
	       nights, tests, controls, t1 - t0, t2 - t1,
	       doc ? json_string_value(json_object_get(doc, "verdict")) : err.msg,
	       json_array_size(json_object_get(doc, "series")));
	json_decref(doc);
	hcb_history_close(&h);
	return 0;
}
