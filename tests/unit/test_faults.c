/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults on a schedule, and what a run with faults is cut into. */
#include "hcb_test.h"

#include <errno.h>
#include <signal.h>

#include "bench/core/units.h"
#include "bench/drill.h"
#include "workloads/registry.h"

static int check(void *arg, const struct hcb_fault *f, struct hcb_err *err)
{
	(void)arg;
	if (strcmp(f->verb, "never") == 0)
		return hcb_err_usage(err, "unknown fault \"%s\"", f->verb);
	return 0;
}

/* A fault is a program: its verb is the program's name here. */
static void command(void *arg, const struct hcb_fault *f, const char **argv, char *buf,
                    size_t size)
{
	(void)arg;
	argv[0] = f->verb;
	snprintf(buf, size, "%s", f->args);
	argv[1] = *buf ? buf : NULL;
	argv[2] = NULL;
}

static const struct hcb_fault_source source = {NULL, check, command};

static void wait_all(struct hcb_faults *f, struct hcb_clock *c)
{
	hcb_faults_finish(f, c, 20 * HCB_SEC);
}

static void test_each_begins_when_due_and_its_end_and_words_are_kept(void **state)
{
	const struct hcb_fault list[] = {{1 * HCB_SEC, "echo", "pulled", 0},
	                                 {1 * HCB_SEC, "false", "", 0},
	                                 {5 * HCB_SEC, "no-such-program", "", 0},
	                                 {9 * HCB_SEC, "echo", "late", 0}};
	struct hcb_faults f;
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_clock c;
	(void)state;
	hcb_clock_init_virtual(&c);
	assert_ok(hcb_faults_init(&f, &source, list, 4, &err), &err);
	assert_int_equal(hcb_faults_next_ns(&f), 1 * HCB_SEC);
	hcb_faults_tick(&f, HCB_SEC - 1);
	assert_int_equal(f.started, 0);
	hcb_faults_tick(&f, HCB_SEC + 7);
	assert_int_equal(f.started, 2);
	assert_int_equal(hcb_faults_next_ns(&f), 5 * HCB_SEC);
	hcb_clock_advance(&c, 5 * HCB_SEC);
	hcb_faults_tick(&f, 5 * HCB_SEC);
	wait_all(&f, &c);
	json_t *j = hcb_faults_json(&f), *e = json_array_get(j, 0);
	assert_int_equal(json_array_size(j), 4);
	assert_string_equal(json_string_value(json_object_get(e, "do")), "echo pulled");
	assert_string_equal(json_string_value(json_object_get(e, "said")), "pulled");
	assert_int_equal(json_integer_value(json_object_get(e, "exit")), 0);
	assert_close(json_real_value(json_object_get(e, "started_s")), 1, 1e-6);
	e = json_array_get(j, 1);
	assert_int_equal(json_integer_value(json_object_get(e, "exit")), 1);
	e = json_array_get(j, 2);
	assert_true(json_is_null(json_object_get(e, "exit")));
	assert_has(json_string_value(json_object_get(e, "said")), "No such file");
	e = json_array_get(j, 3); /* the run ended before */
	assert_true(json_is_null(json_object_get(e, "started_s")));
	json_decref(j);
}

static void test_only_the_last_line_is_kept_however_long(void **state)
{
	char words[200] = "first\nsecond\n";
	struct hcb_fault f1 = {0, "printf", "", 0};
	struct hcb_faults f;
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_clock c;
	(void)state;
	snprintf(f1.args, sizeof(f1.args), "%s", words);
	hcb_clock_init_virtual(&c);
	assert_ok(hcb_faults_init(&f, &source, &f1, 1, &err), &err);
	hcb_faults_tick(&f, 0);
	wait_all(&f, &c);
	assert_string_equal(f.event[0].said, "second");
}

static void test_one_that_does_not_end_is_killed(void **state)
{
	const struct hcb_fault list[] = {{0, "sleep", "1000", 0}};
	struct hcb_faults f;
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_clock c;
	(void)state;
	hcb_clock_init_virtual(&c);
	assert_ok(hcb_faults_init(&f, &source, list, 1, &err), &err);
	hcb_faults_tick(&f, 0);
	pid_t pid = f.event[0].pid;
	assert_true(pid > 0);
	hcb_faults_finish(&f, &c, 0);
	assert_int_equal(kill(pid, 0), -1);
	json_t *j = hcb_faults_json(&f);
	assert_int_equal(
	        json_integer_value(json_object_get(json_array_get(j, 0), "exit")), 137);
	json_decref(j);
}

static void test_unknown_ones_and_nothing_to_break_are_usage_errors(void **state)
{
	const struct hcb_fault list[] = {{0, "never", "", 0}};
	struct hcb_faults f;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_fails(hcb_faults_init(&f, &source, list, 1, &err), &err, HCB_EXIT_USAGE,
	             "never");
	err = (struct hcb_err)HCB_ERR_INIT;
	assert_fails(hcb_faults_init(&f, NULL, list, 1, &err), &err, HCB_EXIT_USAGE,
	             "--lab");
	assert_ok(hcb_faults_init(&f, NULL, NULL, 0, &err), &err);
	assert_null(hcb_drill_json(NULL, &f));
}

/* ---- the drill ---- */

static double get(const json_t *d, const char *part, const char *key)
{
	return json_number_value(json_object_get(json_object_get(d, part), key));
}

static void test_before_during_after_and_the_stall(void **state)
{
	static const struct hcb_fault list[] = {{30 * HCB_SEC, "kill-host", "h2", 0},
	                                        {70 * HCB_SEC, "heal", "", 0}};
	struct hcb_record rec;
	struct hcb_faults f = {.n = 2, .started = 2};
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	f.event[0] = (struct hcb_fault_event){&list[0], 30 * HCB_SEC, 31 * HCB_SEC, 0, 0,
	                                      -1,       -1,           "",           0};
	f.event[1] = (struct hcb_fault_event){&list[1], 70 * HCB_SEC, 82 * HCB_SEC, 0, 0,
	                                      -1,       -1,           "",           0};
	assert_ok(hcb_record_init(&rec, &hcb_workload_micro, &err), &err);
	hcb_record_measure(&rec, 10 * HCB_SEC);
	/* 100/s; what is due from 30 to 57 s waits until then. */
	for (uint64_t t = 0; t < 120 * HCB_SEC; t += 10 * HCB_MS) {
		bool stalled = t >= 30 * HCB_SEC && t < 57 * HCB_SEC;
		if (!stalled)
			rec.sink.tx(&rec.sink, 0, t, t, t + 5 * HCB_MS, false);
		if (t == 57 * HCB_SEC)
			for (uint64_t due = 30 * HCB_SEC; due < t; due += 10 * HCB_MS)
				rec.sink.tx(&rec.sink, 0, due, due, t + 6 * HCB_MS,
				            false);
	}
	hcb_record_tick(&rec, 120 * HCB_SEC);
	hcb_record_stop(&rec, 120 * HCB_SEC);
	json_t *d = hcb_drill_json(&rec, &f);
	assert_close(get(d, "before", "from_s"), 10, 0);
	assert_close(get(d, "before", "to_s"), 30, 0);
	assert_close(get(d, "before", "count"), 2000, 0.001);
	assert_close(get(d, "during", "to_s"), 82, 0);
	assert_close(get(d, "during", "count"), 5200, 0.001);
	assert_close(get(d, "after", "count"), 3800, 0.001);
	assert_close(json_number_value(json_object_get(d, "longest_stall_s")), 27.01,
	             0.01);
	assert_close(json_number_value(json_object_get(d, "stall_s")), 27.01, 0.01);
	assert_close(json_number_value(json_object_get(d, "recovery_s")), 12, 0);
	const json_t *lat = json_object_get(json_object_get(d, "during"), "response_ns");
	assert_close(json_number_value(json_object_get(lat, "max")), 27e9, 0.01);
	lat = json_object_get(json_object_get(d, "after"), "response_ns");
	assert_close(json_number_value(json_object_get(lat, "p99")), 5e6, 0.01);
	json_decref(d);

	/* Nothing ever came back: during goes on to the window's end, and after is none.
	 */
	hcb_record_free(&rec);
	assert_ok(hcb_record_init(&rec, &hcb_workload_micro, &err), &err);
	hcb_record_measure(&rec, 0);
	for (uint64_t t = 0; t < 30 * HCB_SEC; t += 10 * HCB_MS)
		rec.sink.tx(&rec.sink, 0, t, t, t + HCB_MS, false);
	hcb_record_tick(&rec, 60 * HCB_SEC);
	rec.window_end_ns = 60 * HCB_SEC;
	hcb_record_stop(&rec, 60 * HCB_SEC);
	f.n = f.started = 1;
	d = hcb_drill_json(&rec, &f);
	assert_close(get(d, "during", "to_s"), 60, 0);
	assert_true(json_is_null(json_object_get(d, "after")));
	assert_true(json_is_null(json_object_get(d, "recovery_s")));
	json_decref(d);
	hcb_record_free(&rec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                test_each_begins_when_due_and_its_end_and_words_are_kept),
	        cmocka_unit_test(test_only_the_last_line_is_kept_however_long),
	        cmocka_unit_test(test_one_that_does_not_end_is_killed),
	        cmocka_unit_test(test_unknown_ones_and_nothing_to_break_are_usage_errors),
	        cmocka_unit_test(test_before_during_after_and_the_stall),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
