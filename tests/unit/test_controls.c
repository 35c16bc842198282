/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a night's controls document is made of: samples that become metrics as the history
 * takes them, and what Ceph's answers say.
 */
#include "hcb_test.h"

#include <jansson.h>
#include <string.h>

#include "bench/controls_metrics.h"
#include "bench/history_extract.h"
#include "config.h"
#include "engines/ceph_controls.h"

static struct hcb_controls c;

static int clear(void **state)
{
	(void)state;
	memset(&c, 0, sizeof(c));
	return 0;
}

static const json_t *metric(const json_t *all, const char *name)
{
	size_t i;
	json_t *m;
	json_array_foreach(all, i,
	                   m) if (strcmp(json_string_value(json_object_get(m, "name")),
	                                 name) == 0) return m;
	return NULL;
}

static double value_of(const json_t *m)
{
	return json_number_value(json_object_get(m, "value"));
}

static void test_samples_become_metrics(void **state)
{
	(void)state;
	const double rate[] = {100e6, 120e6, 90e6, 110e6, 500e6};
	for (size_t i = 0; i < 5; i++) {
		hcb_controls_add(&c, "osd.0", HCB_CONTROL_BENCH, rate[i]);
		hcb_controls_add(&c, "path.h2", HCB_CONTROL_RTT, 200e3 + (double)i);
	}
	json_t *all = hcb_controls_json(&c);
	assert_int_equal(json_array_size(all), 2);
	const json_t *m = metric(all, "osd.0.bench");
	assert_non_null(m);
	/* The median, and every sample as it came. */
	assert_close(value_of(m), 110, 1e-9);
	assert_string_equal(json_string_value(json_object_get(m, "unit")), "MB/s");
	assert_string_equal(json_string_value(json_object_get(m, "direction")), "higher");
	assert_int_equal(json_array_size(json_object_get(m, "samples")), 5);
	assert_close(json_number_value(json_array_get(json_object_get(m, "samples"), 4)),
	             500, 1e-9);
	m = metric(all, "path.h2.rtt");
	assert_non_null(m);
	assert_string_equal(json_string_value(json_object_get(m, "unit")), "ns");
	assert_string_equal(json_string_value(json_object_get(m, "direction")), "lower");
	json_decref(all);
}

static void test_what_was_not_measured_is_no_sample(void **state)
{
	(void)state;
	hcb_controls_add(&c, "osd.1", HCB_CONTROL_BENCH, 0);
	hcb_controls_add(&c, "osd.1", HCB_CONTROL_COMMIT, -1);
	hcb_controls_add(&c, "osd.1", HCB_CONTROL_COMMIT, (double)NAN);
	hcb_controls_add(&c, "osd.1", HCB_CONTROL_COMMIT, (double)INFINITY);
	assert_int_equal(c.n, 0);
	assert_int_equal(c.dropped, 0);
}

static void test_no_room_is_counted(void **state)
{
	char what[16];
	(void)state;
	for (int i = 0; i < HCB_CONTROLS_SAMPLES + 2; i++)
		hcb_controls_add(&c, "system", HCB_CONTROL_FSYNC, 1e6);
	assert_int_equal(c.metric[0].n, HCB_CONTROLS_SAMPLES);
	assert_int_equal(c.dropped, 2);
	for (int i = 0; i < HCB_CONTROLS_MAX; i++) {
		snprintf(what, sizeof(what), "osd.%d", i);
		hcb_controls_add(&c, what, HCB_CONTROL_BENCH, 1e6);
	}
	assert_int_equal(c.n, HCB_CONTROLS_MAX);
	assert_int_equal(c.dropped, 3);
}

static void test_whole_seconds_of_reading(void **state)
{
	(void)state;
	json_t *run = json_pack("{s[{sI}{sI}{sI}{sI}]}", "intervals", "read_bytes",
	                        (json_int_t)7, "read_bytes", (json_int_t)150000000,
	                        "read_bytes", (json_int_t)140000000, "read_bytes",
	                        (json_int_t)9);
	hcb_controls_add_seconds(&c, "system", run);
	json_t *all = hcb_controls_json(&c);
	const json_t *m = metric(all, "system.read");
	assert_int_equal(json_array_size(json_object_get(m, "samples")), 2);
	assert_close(value_of(m), 145, 1e-9);
	json_decref(all);
	json_decref(run);
	clear(NULL);
	hcb_controls_add_seconds(&c, "system", NULL);
	assert_int_equal(c.n, 0);
}

static json_t *perf(double osd0, double osd1)
{
	return json_pack("[{sI sf} {sI sf}]", "id", (json_int_t)0, "commit_ns", osd0,
	                 "id", (json_int_t)1, "commit_ns", osd1);
}

/* The manager repeats an OSD's last report until the next: that is one sample. */
static void test_a_report_counts_once(void **state)
{
	(void)state;
	json_t *a = perf(5e6, 0), *b = perf(5e6, 8e6), *d = perf(0, 8e6);
	hcb_controls_add_perf(&c, NULL, a, 2);
	hcb_controls_add_perf(&c, a, b, 2);
	hcb_controls_add_perf(&c, b, d, 2); /* no commits: no latency */
	json_t *all = hcb_controls_json(&c);
	const json_t *m = metric(all, "osd.0.commit");
	assert_int_equal(json_array_size(json_object_get(m, "samples")), 1);
	assert_close(value_of(m), 2.5e6, 1e-9); /* lab time */
	m = metric(all, "osd.1.commit");
	assert_int_equal(json_array_size(json_object_get(m, "samples")), 1);
	assert_close(value_of(m), 4e6, 1e-9);
	json_decref(all);
	json_decref(a);
	json_decref(b);
	json_decref(d);
}

/* The history takes it, and keeps out what it is told to. */
static void test_the_history_takes_it(void **state)
{
	struct hcb_history_doc d;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	for (int i = 0; i < 5; i++)
		hcb_controls_add(&c, "osd.0", HCB_CONTROL_BENCH, 1e8 + i);
	json_t *doc = json_pack("{si ss ss sb s{ss ss ss} so}", "schema", 1, "hcbench",
	                        "0", "kind", "controls", "partial", 0, "run", "id",
	                        "0123", "workload", "controls", "started",
	                        "2026-05-01T02:30:00Z", "metrics", hcb_controls_json(&c));
	assert_int_equal(hcb_history_extract(doc, "c.json", &d, &err), 0);
	assert_int_equal(d.n_metrics, 1);
	assert_string_equal(d.metric[0].name, "osd.0.bench");
	assert_int_equal(d.metric[0].n_blocks, 5);
	assert_true(d.metric[0].more_is_better);
	assert_string_equal(d.invalid, "");
	hcb_history_doc_free(&d);
	json_object_set_new(doc, "history",
	                    json_pack("{ss}", "invalid", "at the end a deep scrub"));
	assert_int_equal(hcb_history_extract(doc, "c.json", &d, &err), 0);
	assert_string_equal(d.invalid, "at the end a deep scrub");
	hcb_history_doc_free(&d);
	/* What the document says itself comes first. */
	json_object_set_new(doc, "partial", json_true());
	assert_int_equal(hcb_history_extract(doc, "c.json", &d, &err), 0);
	assert_string_equal(d.invalid, "partial");
	hcb_history_doc_free(&d);
	json_decref(doc);
}

#ifdef HCB_HAVE_RBD
static json_t *parse(const char *text)
{
	json_t *o = json_loads(text, 0, NULL);
	assert_non_null(o);
	return o;
}

static void test_status(void **state)
{
	(void)state;
	json_t *s =
	        parse("{\"health\":{\"status\":\"HEALTH_OK\",\"checks\":{}},"
	              "\"osdmap\":{\"num_up_osds\":3,\"num_in_osds\":3},"
	              "\"pgmap\":{\"pgs_by_state\":["
	              "{\"state_name\":\"active+clean\",\"count\":127},"
	              "{\"state_name\":\"active+clean+scrubbing+deep\",\"count\":1}]}}");
	json_t *d = hcb_ceph_status_digest(s);
	assert_string_equal(json_string_value(json_object_get(d, "status")), "HEALTH_OK");
	assert_true(json_is_true(json_object_get(d, "deep_scrub")));
	assert_true(json_is_true(json_object_get(d, "scrub")));
	assert_true(json_is_false(json_object_get(d, "recovery")));
	assert_int_equal(json_integer_value(json_object_get(d, "osds_up")), 3);
	json_decref(d);
	json_decref(s);
	s = parse(
	        "{\"health\":{\"status\":\"HEALTH_WARN\",\"checks\":{\"PG_DEGRADED\":{}}}"
	        ","
	        "\"pgmap\":{\"pgs_by_state\":["
	        "{\"state_name\":\"active+undersized+degraded+remapped+backfill_wait\"},"
	        "{\"state_name\":\"active+clean+scrubbing\"}]}}");
	d = hcb_ceph_status_digest(s);
	assert_true(json_is_false(json_object_get(d, "deep_scrub")));
	assert_true(json_is_true(json_object_get(d, "recovery")));
	assert_true(json_is_true(json_object_get(d, "degraded")));
	assert_string_equal(json_string_value(json_object_get(d, "checks")),
	                    "PG_DEGRADED");
	json_decref(d);
	json_decref(s);
}

static void expect_perf(const char *text, double osd0, double osd1)
{
	json_t *a = parse(text), *l = hcb_ceph_osd_perf_list(a);
	assert_int_equal(json_array_size(l), 2);
	assert_close(
	        json_number_value(json_object_get(json_array_get(l, 0), "commit_ns")),
	        osd0, 1e-9);
	assert_close(
	        json_number_value(json_object_get(json_array_get(l, 1), "commit_ns")),
	        osd1, 1e-9);
	json_decref(l);
	json_decref(a);
}

static void test_osd_perf(void **state)
{
	(void)state;
	expect_perf("{\"osdstats\":{\"osd_perf_infos\":["
	            "{\"id\":0,\"perf_stats\":{\"commit_latency_ms\":12,"
	            "\"commit_latency_ns\":12345678}},"
	            "{\"id\":1,\"perf_stats\":{\"commit_latency_ms\":0,"
	            "\"commit_latency_ns\":0}}]}}",
	            12345678, 0);
	/* Before Nautilus: no ns, one level less. */
	expect_perf("{\"osd_perf_infos\":["
	            "{\"id\":0,\"perf_stats\":{\"commit_latency_ms\":12}},"
	            "{\"id\":4,\"perf_stats\":{\"commit_latency_ms\":7}}]}",
	            12e6, 7e6);
	json_t *none = hcb_ceph_osd_perf_list(NULL);
	assert_int_equal(json_array_size(none), 0);
	json_decref(none);
}

static void test_bench_answer(void **state)
{
	(void)state;
	json_t *a = parse("{\"bytes_written\":33554432,\"blocksize\":4194304,"
	                  "\"elapsed_sec\":0.25,\"bytes_per_sec\":134217728.0,"
	                  "\"iops\":32.0}");
	assert_close(hcb_ceph_bench_rate(a), 134217728, 1e-12);
	json_object_set_new(a, "elapsed_sec", json_real(0));
	assert_true(hcb_ceph_bench_rate(a) <= 0);
	assert_true(hcb_ceph_bench_rate(NULL) <= 0);
	json_decref(a);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(test_samples_become_metrics, clear),
	        cmocka_unit_test_setup(test_what_was_not_measured_is_no_sample, clear),
	        cmocka_unit_test_setup(test_no_room_is_counted, clear),
	        cmocka_unit_test_setup(test_whole_seconds_of_reading, clear),
	        cmocka_unit_test_setup(test_a_report_counts_once, clear),
	        cmocka_unit_test_setup(test_the_history_takes_it, clear),
#ifdef HCB_HAVE_RBD
	        cmocka_unit_test(test_status),
	        cmocka_unit_test(test_osd_perf),
	        cmocka_unit_test(test_bench_answer),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
