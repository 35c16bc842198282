/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/units.h"
#include "bench/counters.h"
#include "bench/record.h"
#include "bench/result.h"
#include "workloads/registry.h"

static struct hcb_record rec;

static int setup(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	return hcb_record_init(&rec, &hcb_workload_postgres, &err);
}

static int teardown(void **state)
{
	(void)state;
	hcb_record_free(&rec);
	return 0;
}

static void tx(uint64_t due_ms, uint64_t done_ms)
{
	rec.sink.tx(&rec.sink, 0, due_ms * HCB_MS, due_ms * HCB_MS, done_ms * HCB_MS,
	            false);
}

static void test_transaction_belongs_to_the_block_it_was_due_in(void **state)
{
	(void)state;
	tx(100, 200); /* before the window */
	hcb_record_measure(&rec, 1000 * HCB_MS);
	tx(900, 1100); /* due before, done inside: not of the window */
	tx(1500, 1600);
	hcb_record_block(&rec, 2000 * HCB_MS);
	tx(1900, 2500); /* due in the first block, done in the second */
	tx(2100, 2200);
	hcb_record_stop(&rec, 3000 * HCB_MS);
	tx(2900, 9000); /* due inside, done after the end */
	tx(3000, 3100); /* due at the end: outside */
	assert_int_equal(rec.blocks[0].tx[0].response.count, 2);
	assert_int_equal(rec.blocks[1].tx[0].response.count, 2);
	struct hcb_tx_record *all = malloc(sizeof(*all));
	hcb_record_merge_tx(&rec, 0, all);
	assert_int_equal(all->response.count, 4);
	assert_int_equal(all->response.max, 6100 * HCB_MS);
	free(all);
}

static void test_lateness_belongs_to_the_block_it_happened_in(void **state)
{
	(void)state;
	hcb_record_lateness(&rec, 1); /* warm-up: nobody's */
	hcb_record_measure(&rec, 1000 * HCB_MS);
	hcb_record_lateness(&rec, 10);
	hcb_record_lateness(&rec, 20);
	hcb_record_block(&rec, 2000 * HCB_MS);
	hcb_record_lateness(&rec, 30);
	hcb_record_block(&rec, 3000 * HCB_MS);
	hcb_record_lateness(&rec, 40);
	hcb_record_stop(&rec, 3500 * HCB_MS);
	hcb_record_lateness(&rec, 50); /* draining: nobody's */
	assert_int_equal(rec.blocks[0].lateness.count, 2);
	assert_int_equal(rec.blocks[1].lateness.max, 30);
	hcb_record_merge_lateness(&rec);
	assert_int_equal(rec.lateness.count, 4);
	assert_int_equal(rec.lateness.max, 40);
	hcb_record_drop_open_block(&rec);
	hcb_record_merge_lateness(&rec);
	assert_int_equal(rec.lateness.count, 3);
	assert_int_equal(rec.lateness.max, 30);
}

/* The loop finds out only afterwards that it was away. */
static void test_time_away_falls_to_the_blocks_that_it_lies_in(void **state)
{
	(void)state;
	hcb_record_away(&rec, 0, 5 * HCB_SEC); /* before the window: nothing */
	hcb_record_measure(&rec, 10 * HCB_SEC);
	hcb_record_away(&rec, 9 * HCB_SEC, 12 * HCB_SEC);
	hcb_record_block(&rec, 20 * HCB_SEC);
	hcb_record_block(&rec, 30 * HCB_SEC);
	hcb_record_away(&rec, 19 * HCB_SEC, 31 * HCB_SEC);
	hcb_record_stop(&rec, 40 * HCB_SEC);
	hcb_record_away(&rec, 39 * HCB_SEC, 60 * HCB_SEC);
	hcb_record_away(&rec, 41 * HCB_SEC, 60 * HCB_SEC);
	assert_int_equal(rec.blocks[0].away_ns, 3 * HCB_SEC);
	assert_int_equal(rec.blocks[1].away_ns, 10 * HCB_SEC);
	assert_int_equal(rec.blocks[2].away_ns, 2 * HCB_SEC);
	hcb_record_merge_lateness(&rec);
	assert_int_equal(rec.away_ns, 15 * HCB_SEC);
}

static void test_phases_take_what_overlapped_them(void **state)
{
	(void)state;
	hcb_record_measure(&rec, 0);
	tx(10, 20); /* outside */
	rec.sink.phase(&rec.sink, 1, true, 100 * HCB_MS);
	tx(90, 110); /* while it goes on */
	rec.sink.phase(&rec.sink, 1, false, 200 * HCB_MS);
	tx(150, 250); /* due in it, done after it */
	tx(210, 260); /* due after it */
	assert_int_equal(rec.by_phase[1].count, 2);
	assert_int_equal(rec.by_phase[HCB_MAX_PHASES].count, 2);
}

static void test_intervals_hold_every_transaction_once(void **state)
{
	(void)state;
	hcb_record_measure(&rec, 0);
	for (uint64_t i = 0; i < 5000; i++)
		tx(i, i + i % 700);
	hcb_record_tick(&rec, 7 * HCB_SEC);
	assert_int_equal(rec.n_intervals, 7);
	uint64_t n = 0, pairs = 0;
	for (uint32_t i = 0; i < rec.n_intervals; i++) {
		n += rec.intervals[i].count;
		for (uint32_t k = 0; k < rec.intervals[i].n_pairs; k++)
			pairs += rec.pairs[rec.intervals[i].first_pair + k].count;
	}
	assert_int_equal(n, 5000);
	assert_int_equal(pairs, 5000);
	assert_int_equal(rec.lost_intervals, 0);
}

static void test_tail_that_is_no_cycle_is_dropped_but_never_the_only_block(void **state)
{
	(void)state;
	hcb_record_measure(&rec, 0);
	hcb_record_block(&rec, 10 * HCB_SEC);
	tx(11000, 11010);
	hcb_record_stop(&rec, 13 * HCB_SEC);
	hcb_record_drop_open_block(&rec);
	assert_int_equal(rec.n_blocks, 1);
	assert_int_equal(rec.measure_end_ns, 10 * HCB_SEC);
	hcb_record_drop_open_block(&rec);
	assert_int_equal(rec.n_blocks, 1);
}

static void test_percentile_the_sample_cannot_carry_is_null_with_the_need(void **state)
{
	(void)state;
	struct hcb_hist *h = malloc(sizeof(*h));
	json_t *why = json_object();
	hcb_hist_reset(h);
	for (uint64_t i = 1; i <= 367; i++)
		hcb_hist_record(h, i * 1000);
	json_t *l = hcb_json_latency(h, false, why);
	assert_true(json_is_integer(json_object_get(l, "p95")));
	assert_true(json_is_null(json_object_get(l, "p99")));
	assert_string_equal(json_string_value(json_object_get(why, "p99")),
	                    "367 samples, 368 needed");
	json_decref(l);
	hcb_hist_record(h, 1);
	l = hcb_json_latency(h, false, NULL);
	assert_true(json_is_integer(json_object_get(l, "p99")));
	json_decref(l);
	l = hcb_json_latency(h, true, why); /* overload */
	assert_true(json_is_null(json_object_get(l, "p50")));
	assert_true(json_is_integer(json_object_get(l, "max")));
	json_decref(l);
	json_decref(why);
	free(h);
}

static void test_histogram_survives_the_file(void **state)
{
	(void)state;
	struct hcb_hist *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));
	hcb_hist_reset(a);
	for (uint64_t i = 0; i < 10000; i++)
		hcb_hist_record(a, i * i * 37 + 5);
	json_t *j = hcb_json_histogram(a);
	assert_int_equal(hcb_histogram_from_json(j, b), 0);
	assert_memory_equal(a, b, sizeof(*a));
	/* Ends that do not fit the buckets are not believed: all buckets are seen. */
	json_object_set_new(j, "min", json_integer((json_int_t)(a->max / 2)));
	json_object_set_new(j, "max", json_integer((json_int_t)(a->max / 2 + 1)));
	assert_int_equal(hcb_histogram_from_json(j, b), 0);
	assert_int_equal(hcb_hist_lowest(b), hcb_hist_lowest(a));
	assert_int_equal(hcb_hist_highest(b), hcb_hist_highest(a));
	json_object_set_new(j, "sub_bits", json_integer(6));
	assert_true(hcb_histogram_from_json(j, b) < 0);
	json_decref(j);
	j = json_pack("{sis[[iI]]}", "sub_bits", HCB_HIST_SUB_BITS, "counts",
	              (int)HCB_HIST_BUCKETS, (json_int_t)1);
	assert_true(hcb_histogram_from_json(j, b) < 0);
	json_decref(j);
	free(a);
	free(b);
}

static void test_counters_change_leaf_by_leaf(void **state)
{
	(void)state;
	json_t *a = json_loads(
	        "{\"osd\":{\"0\":{\"n\":5,\"t\":1.5},\"1\":null},\"v\":\"x\"}", 0, NULL);
	json_t *b = json_loads(
	        "{\"osd\":{\"0\":{\"n\":9,\"t\":2.0,\"new\":3},\"1\":{\"n\":1}},"
	        "\"v\":\"y\"}",
	        0, NULL);
	json_t *d = hcb_counters_change(a, b);
	json_t *want = json_loads(
	        "{\"osd\":{\"0\":{\"n\":4,\"t\":0.5,\"new\":3},\"1\":{\"n\":1}},"
	        "\"v\":\"y\"}",
	        0, NULL);
	assert_true(json_equal(d, want));
	assert_null(hcb_counters_change(NULL, b));
	json_decref(a);
	json_decref(b);
	json_decref(d);
	json_decref(want);
}

/* An OSD that was restarted has counted from zero since: end less start says nothing. */
static void test_counters_of_another_process_are_not_subtracted(void **state)
{
	(void)state;
	json_t *a = json_loads("{\"0\":{\"instance\":7,\"g\":{\"n\":5}},"
	                       "\"1\":{\"instance\":8,\"g\":{\"n\":5}}}",
	                       0, NULL);
	json_t *b = json_loads("{\"0\":{\"instance\":9,\"g\":{\"n\":6}},"
	                       "\"1\":{\"instance\":8,\"g\":{\"n\":6}}}",
	                       0, NULL);
	json_t *want = json_loads("{\"0\":{\"instance\":9,\"g\":{\"n\":6},"
	                          "\"restarted\":true},"
	                          "\"1\":{\"instance\":8,\"g\":{\"n\":1}}}",
	                          0, NULL);
	json_t *d = hcb_counters_change(a, b);
	assert_true(json_equal(d, want));
	json_decref(a);
	json_decref(b);
	json_decref(d);
	json_decref(want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(
	                test_transaction_belongs_to_the_block_it_was_due_in, setup,
	                teardown),
	        cmocka_unit_test_setup_teardown(
	                test_lateness_belongs_to_the_block_it_happened_in, setup,
	                teardown),
	        cmocka_unit_test_setup_teardown(
	                test_time_away_falls_to_the_blocks_that_it_lies_in, setup,
	                teardown),
	        cmocka_unit_test_setup_teardown(test_phases_take_what_overlapped_them,
	                                        setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                test_intervals_hold_every_transaction_once, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                test_tail_that_is_no_cycle_is_dropped_but_never_the_only_block,
	                setup, teardown),
	        cmocka_unit_test(
	                test_percentile_the_sample_cannot_carry_is_null_with_the_need),
	        cmocka_unit_test(test_histogram_survives_the_file),
	        cmocka_unit_test(test_counters_change_leaf_by_leaf),
	        cmocka_unit_test(test_counters_of_another_process_are_not_subtracted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
