/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "bench/core/units.h"
#include "bench/validity.h"

static struct hcb_evidence good(void)
{
	return (struct hcb_evidence){
	        .stop = HCB_STOP_DONE,
	        .stop_reason = "",
	        .lateness_n = 100000,
	        .lateness_p99_ns = 100 * HCB_US,
	        .service_p50_ns = 10 * HCB_MS,
	        .host_busy_worst10 = 0.5,
	        .offered_per_s = 40,
	        .achieved_per_s = 40,
	        .due = 2400,
	        .measured = true,
	        .has_cycles = true,
	        .whole_cycles = 2,
	};
}

static enum hcb_verdict verdict(const struct hcb_evidence *e, const char *reason)
{
	struct hcb_judgement j;
	hcb_judge(e, &j);
	if (reason) {
		assert_true(j.n > 0);
		if (!strstr(j.reasons[0], reason))
			fail_msg("\"%s\" is not in \"%s\"", reason, j.reasons[0]);
	} else {
		assert_int_equal(j.n, 0);
	}
	return j.verdict;
}

static void test_good_evidence_is_valid(void **state)
{
	(void)state;
	struct hcb_evidence e = good();
	assert_int_equal(verdict(&e, NULL), HCB_VALID);
}

static void test_clock_that_strays_counts(void **state)
{
	(void)state;
	struct hcb_evidence e = good();
	e.clock_error = -0.0009;
	assert_int_equal(verdict(&e, NULL), HCB_VALID);
	e.clock_error = -0.0011;
	assert_int_equal(verdict(&e, "-0.11 % from the kernel's clock"), HCB_INVALID);
	e.virtual_clock = true;
	assert_int_equal(verdict(&e, NULL), HCB_VALID);
}

static void test_a_machine_that_changed_counts(void **state)
{
	(void)state;
	struct hcb_evidence e = good();
	e.control_before_ns = 1000000;
	e.control_after_ns = 1300000;
	assert_int_equal(verdict(&e, NULL), HCB_VALID);
	e.control_after_ns = 1300001;
	assert_int_equal(verdict(&e, "took 1.00 ms before the run and 1.30 ms after"),
	                 HCB_INVALID);
	e.control_after_ns = 769230;
	assert_int_equal(verdict(&e, "the machine changed"), HCB_INVALID);
	e.virtual_clock = true;
	assert_int_equal(verdict(&e, NULL), HCB_VALID);
	e.virtual_clock = false;
	e.control_after_ns = 0; /* not measured */
	assert_int_equal(verdict(&e, NULL), HCB_VALID);
}

static void test_lateness_counts_above_1_ms_or_5_percent_of_service(void **state)
{
	(void)state;
	struct hcb_evidence e = good();
	e.lateness_p99_ns = 1 * HCB_MS;
	assert_int_equal(verdict(&e, NULL), HCB_VALID);
	e.lateness_p99_ns = 1 * HCB_MS + 1;
	assert_int_equal(verdict(&e, "late"), HCB_INVALID);
	e.service_p50_ns = 40 * HCB_MS; /* 5 % is 2 ms */
	assert_int_equal(verdict(&e, NULL), HCB_VALID);
	e.lateness_p99_ns = 2 * HCB_MS + 1;
	assert_int_equal(verdict(&e, "late"), HCB_INVALID);
	e.virtual_clock = true;
	assert_int_equal(verdict(&e, NULL), HCB_VALID);
}

static void test_a_bench_that_did_not_run_counts_whatever_the_ops_say(void **state)
{
	(void)state;
	struct hcb_evidence e = good();
	e.away = 0.01;
	assert_int_equal(verdict(&e, NULL), HCB_VALID);
	e.away = 0.011;
	assert_int_equal(verdict(&e, "did not run for 1.1 % of the time"), HCB_INVALID);
	e.virtual_clock = true;
	assert_int_equal(verdict(&e, NULL), HCB_VALID);
}

static void test_busy_machine_late_disk_or_failed_op_is_invalid(void **state)
{
	(void)state;
	struct hcb_evidence e = good();
	e.host_busy_worst10 = 0.86;
	assert_int_equal(verdict(&e, "86 % busy"), HCB_INVALID);
	e = good();
	e.disk_late_p99_ns = 501 * HCB_US;
	assert_int_equal(verdict(&e, NULL), HCB_VALID); /* no emulated disk there */
	e.disk_late_known = true;
	assert_int_equal(verdict(&e, "timer"), HCB_INVALID);
	e = good();
	e.op_errors = 1;
	assert_int_equal(verdict(&e, "1 operations failed"), HCB_INVALID);
	e = good();
	e.environment = "pool is recovering";
	assert_int_equal(verdict(&e, "recovering"), HCB_INVALID);
	e = good();
	e.disturbance = "scrub";
	assert_int_equal(verdict(&e, "scrub"), HCB_UNSTEADY);
}

static void test_growing_backlog_is_overload_but_a_passing_one_is_not(void **state)
{
	(void)state;
	struct hcb_judgement j;
	struct hcb_evidence e = good();
	e.backlog_end = 30; /* under a second's arrivals */
	assert_int_equal(verdict(&e, NULL), HCB_VALID);
	e.backlog_end = 600;
	e.achieved_per_s = 30;
	hcb_judge(&e, &j);
	assert_true(j.overload);
	assert_int_equal(j.verdict, HCB_UNSTEADY);
	e = good();
	e.unfinished = 3;
	hcb_judge(&e, &j);
	assert_true(j.overload);
	e.offered_per_s = 0; /* closed loop cannot be overloaded */
	hcb_judge(&e, &j);
	assert_false(j.overload);
}

static void test_too_few_or_uneven_cycles_are_unsteady(void **state)
{
	(void)state;
	struct hcb_evidence e = good();
	e.whole_cycles = 1;
	assert_int_equal(verdict(&e, "1 whole"), HCB_UNSTEADY);
	e = good();
	e.cycle_rate_spread = 0.25;
	assert_int_equal(verdict(&e, NULL), HCB_VALID); /* open: the rate is ours */
	e.offered_per_s = 0;
	assert_int_equal(verdict(&e, "no steady state"), HCB_UNSTEADY);
	e.cycle_rate_noise = 0.06;
	assert_int_equal(verdict(&e, NULL), HCB_VALID);
	e = good();
	e.has_cycles = false;
	e.whole_cycles = 0;
	assert_int_equal(verdict(&e, NULL), HCB_VALID);
}

static void test_how_it_stopped_decides_first(void **state)
{
	(void)state;
	static const struct {
		enum hcb_stop stop;
		enum hcb_verdict verdict;
		const char *reason;
	} t[] = {
	        {HCB_STOP_SIGNAL, HCB_UNSTEADY, "interrupted"},
	        {HCB_STOP_TROUBLE, HCB_INVALID, "stopped: why"},
	        {HCB_STOP_ERROR, HCB_INVALID, "failed: why"},
	        {HCB_STOP_STALL, HCB_INVALID, "gave up: why"},
	        {HCB_STOP_STUCK, HCB_INVALID, "gave up: why"},
	        {HCB_STOP_BYTES, HCB_UNSTEADY, "cap on bytes"},
	        {HCB_STOP_END, HCB_VALID, NULL},
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct hcb_evidence e = good();
		e.stop = t[i].stop;
		e.stop_reason = "why";
		assert_int_equal(verdict(&e, t[i].reason), t[i].verdict);
	}
	/* What was out when it was interrupted is no reason of its own. */
	struct hcb_judgement j;
	struct hcb_evidence e = good();
	e.stop = HCB_STOP_SIGNAL;
	e.unfinished = 3;
	e.offered_per_s = 0;
	hcb_judge(&e, &j);
	assert_int_equal(j.n, 1);
	e.measured = false;
	assert_int_equal(verdict(&e, "in the warm-up: nothing was measured"),
	                 HCB_UNSTEADY);
}

static void test_a_block_is_judged_by_itself(void **state)
{
	(void)state;
	struct hcb_evidence run = good();
	struct hcb_block_evidence b = {.lateness_n = 1000,
	                               .lateness_p99_ns = 100 * HCB_US,
	                               .service_p50_ns = 10 * HCB_MS,
	                               .host_busy_worst10 = 0.3};
	assert_int_equal(hcb_judge_block(&run, &b), HCB_VALID);
	/* what happened in another block, or takes several to see */
	run.lateness_p99_ns = 9 * HCB_MS;
	run.away = 0.5;
	run.host_busy_worst10 = 0.99;
	run.op_errors = 3;
	run.whole_cycles = 1;
	run.drifting = true;
	assert_int_equal(hcb_judge_block(&run, &b), HCB_VALID);
	/* what happened in this one */
	b.lateness_p99_ns = 9 * HCB_MS;
	assert_int_equal(hcb_judge_block(&run, &b), HCB_INVALID);
	b.lateness_p99_ns = 0;
	b.away = 0.02;
	assert_int_equal(hcb_judge_block(&run, &b), HCB_INVALID);
	b.away = 0;
	b.host_busy_worst10 = 0.9;
	assert_int_equal(hcb_judge_block(&run, &b), HCB_INVALID);
	b.host_busy_worst10 = 0;
	b.op_errors = 1;
	assert_int_equal(hcb_judge_block(&run, &b), HCB_INVALID);
	b.op_errors = 0;
	/* what is known of the run only */
	run.disturbance = "scrub";
	assert_int_equal(hcb_judge_block(&run, &b), HCB_UNSTEADY);
	run.environment = "recovering";
	assert_int_equal(hcb_judge_block(&run, &b), HCB_INVALID);
	/* a whole block of a run that was cut short, and the part of one */
	run = good();
	run.stop = HCB_STOP_SIGNAL;
	assert_int_equal(hcb_judge_block(&run, &b), HCB_UNSTEADY);
	b.whole = true;
	assert_int_equal(hcb_judge_block(&run, &b), HCB_VALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_good_evidence_is_valid),
	        cmocka_unit_test(test_clock_that_strays_counts),
	        cmocka_unit_test(test_a_machine_that_changed_counts),
	        cmocka_unit_test(test_lateness_counts_above_1_ms_or_5_percent_of_service),
	        cmocka_unit_test(
	                test_a_bench_that_did_not_run_counts_whatever_the_ops_say),
	        cmocka_unit_test(test_busy_machine_late_disk_or_failed_op_is_invalid),
	        cmocka_unit_test(
	                test_growing_backlog_is_overload_but_a_passing_one_is_not),
	        cmocka_unit_test(test_too_few_or_uneven_cycles_are_unsteady),
	        cmocka_unit_test(test_how_it_stopped_decides_first),
	        cmocka_unit_test(test_a_block_is_judged_by_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
