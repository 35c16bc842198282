/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/hcb_test.h"

#include <time.h>

#include "bench/check.h"
#include "bench/history_db.h"
#include "bench/result.h"
#include "reports/check_parts.h"

static struct hcb_history memory(void)
{
	struct hcb_history h;
	struct hcb_err err = HCB_ERR_INIT;
	if (hcb_history_open(NULL, true, &h, &err))
		fail_msg("%s", err.msg);
	return h;
}

/* A few per cent from night to night, the same each time. */
static double wobble(int night, int metric)
{
	return 1 + 0.03 * ((((night + 3 * metric) * 7919) % 13) / 13.0 - 0.5);
}

struct one {
	const char *test;
	int metrics; /* how many */
	bool control, rerun, invalid;
	double factor;
};

#define BEGAN 1777602600 /* night 0 */

static json_t *metric(int i, double v, int samples)
{
	char name[32];
	json_t *all = json_array();
	snprintf(name, sizeof(name), "m%02d.p50", i);
	for (int k = 0; k < samples; k++)
		json_array_append_new(all, json_real(v));
	return json_pack("{sssssssfso}", "name", name, "unit", "ns", "direction", "lower",
	                 "value", v, "samples", all);
}

/* env: a fact of the environment, NULL: none. A night needs 5 samples. */
static void add_with(struct hcb_history *h, int night, struct one o, const char *env,
                     int samples)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_history_added a;
	char id[32], name[32], when[32];
	time_t began = BEGAN + 86400 * (time_t)night;
	struct tm tm;
	json_t *doc = hcb_json_document("measured", false), *metrics = json_array();
	snprintf(id, sizeof(id), "r%d%s%d", night, o.test, o.rerun);
	gmtime_r(&began, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_object_set_new(doc, "run", json_pack("{ssss}", "id", id, "started", when));
	if (o.invalid)
		json_object_set_new(doc, "validity",
		                    json_pack("{sss[s]}", "verdict", "INVALID", "reasons",
		                              "the bench was late"));
	for (int i = 0; i < o.metrics; i++)
		json_array_append_new(
		        metrics, metric(i, 1e6 * wobble(night, i) * o.factor, samples));
	json_object_set_new(doc, "metrics", metrics);
	snprintf(name, sizeof(name), "n%04d", night);
	struct hcb_history_how how = {
	        .night = name, .name = o.test, .control = o.control, .rerun = o.rerun};
	how.facts = env ? json_pack("{ss}", "env", env) : NULL;
	if (hcb_history_add(h, doc, "test", &how, &a, &err))
		fail_msg("%s", err.msg);
	json_decref(how.facts);
	json_decref(doc);
}

static void add_in(struct hcb_history *h, int night, struct one o, const char *env)
{
	add_with(h, night, o, env, 5);
}

static void add(struct hcb_history *h, int night, struct one o)
{
	add_with(h, night, o, NULL, 5);
}

static json_t *check_on(struct hcb_history *h, enum hcb_fail_on on)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_check_opts o = {.fail_on = on};
	json_t *doc = hcb_check(h, &o, &err);
	if (!doc)
		fail_msg("%s", err.msg);
	return doc;
}

static void expect(struct hcb_history *h, enum hcb_fail_on on, const char *verdict,
                   int code)
{
	json_t *doc = check_on(h, on);
	const char *v = json_string_value(json_object_get(doc, "verdict"));
	if (strcmp(v, verdict) != 0 || (int)hcb_check_exit(doc) != code) {
		char *text = json_dumps(json_object_get(doc, "series"), JSON_INDENT(1));
		fail_msg("%s with exit code %d, expected %s with %d: %s", v,
		         (int)hcb_check_exit(doc), verdict, code, text);
	}
	json_decref(doc);
}

static struct hcb_history quiet(int nights, int metrics, bool control)
{
	struct hcb_history h = memory();
	for (int n = 1; n <= nights; n++) {
		add(&h, n, (struct one){"db", metrics, false, false, false, 1});
		if (control)
			add(&h, n, (struct one){"disk", 1, true, false, false, 1});
	}
	return h;
}

static void test_verdicts_and_exit_codes(void **state)
{
	(void)state;
	struct hcb_history h = quiet(10, 1, true);
	expect(&h, HCB_FAIL_REGRESSION, "LEARNING", 12);
	expect(&h, HCB_FAIL_NEVER, "LEARNING", 0);
	hcb_history_close(&h);

	h = quiet(40, 1, true);
	expect(&h, HCB_FAIL_INCONCLUSIVE, "OK", 0);
	add(&h, 41, (struct one){"db", 1, false, false, false, 1.5});
	add(&h, 41, (struct one){"disk", 1, true, false, false, 1});
	expect(&h, HCB_FAIL_REGRESSION, "SUSPECT", 0);
	expect(&h, HCB_FAIL_SUSPECT, "SUSPECT", 10);
	expect(&h, HCB_FAIL_INCONCLUSIVE, "SUSPECT", 10);
	for (int n = 42; n <= 46; n++) {
		add(&h, n, (struct one){"db", 1, false, false, false, 1.5});
		add(&h, n, (struct one){"disk", 1, true, false, false, 1});
	}
	expect(&h, HCB_FAIL_REGRESSION, "REGRESSION", 10);
	expect(&h, HCB_FAIL_NEVER, "REGRESSION", 0);
	/* A night that says nothing does not make it go away. */
	add(&h, 47, (struct one){"db", 1, false, false, true, 1});
	expect(&h, HCB_FAIL_REGRESSION, "REGRESSION", 10);
	hcb_history_close(&h);
}

static void test_a_night_that_is_not_valid_is_no_green_light(void **state)
{
	(void)state;
	struct hcb_history h = quiet(40, 2, false);
	add(&h, 41, (struct one){"db", 2, false, false, true, 1});
	expect(&h, HCB_FAIL_REGRESSION, "INVALID", 13);
	hcb_history_close(&h);
}

static void expect_last(struct hcb_history *h, int night)
{
	json_t *doc = check_on(h, HCB_FAIL_REGRESSION);
	assert_int_equal(json_integer_value(json_object_get(doc, "last_valid_run_s")),
	                 night < 0 ? 0 : BEGAN + 86400 * night);
	json_decref(doc);
}

/* What the age of the newest good night is read from. */
static void test_the_last_night_that_said_something(void **state)
{
	(void)state;
	struct hcb_history h = memory();
	const struct one db = {"db", 1, false, false, false, 1};
	add_with(&h, 1, db, NULL, 4);
	expect_last(&h, -1);
	add(&h, 2, db); /* learnt from */
	expect_last(&h, 2);
	for (int n = 3; n <= 20; n++)
		add(&h, n, db);
	/* Each run valid, and too few of them for a night. */
	for (int n = 21; n <= 23; n++)
		add_with(&h, n, db, NULL, 4);
	expect(&h, HCB_FAIL_REGRESSION, "INVALID", 13);
	expect_last(&h, 20);
	/* Controls, and INVALID runs, are nothing that is judged. */
	add(&h, 24, (struct one){"disk", 1, true, false, false, 1});
	add(&h, 24, (struct one){"db", 1, false, false, true, 1});
	expect_last(&h, 20);
	add(&h, 25, db);
	expect_last(&h, 25);
	hcb_history_close(&h);
}

/* A test that did not run tonight, beside one that did. */
static void test_a_silent_test_is_missed(void **state)
{
	(void)state;
	struct hcb_history h = quiet(40, 1, false);
	for (int n = 1; n <= 41; n++)
		add(&h, n, (struct one){"social", 1, false, false, false, 1});
	json_t *doc = check_on(&h, HCB_FAIL_REGRESSION), *s;
	bool missed = false;
	size_t i;
	json_array_foreach(json_object_get(doc, "series"), i, s) missed |=
	        strcmp(json_string_value(json_object_get(s, "label")), "db.m00.p50") ==
	                0 &&
	        strcmp(json_string_value(json_object_get(s, "state")), "MISSED") == 0;
	assert_true(missed);
	json_decref(doc);
	expect(&h, HCB_FAIL_REGRESSION, "OK", 0);
	expect(&h, HCB_FAIL_INCONCLUSIVE, "OK", 13);
	/* After a week it is no longer one of ours. */
	for (int n = 42; n <= 49; n++)
		add(&h, n, (struct one){"social", 1, false, false, false, 1});
	expect(&h, HCB_FAIL_INCONCLUSIVE, "OK", 0);
	hcb_history_close(&h);
}

/* The series of that label in that state, and what its line says. */
static void expect_line(struct hcb_history *h, const char *label, const char *state,
                        const char *part)
{
	json_t *doc = check_on(h, HCB_FAIL_REGRESSION), *s;
	unsigned found = 0;
	size_t i;
	json_array_foreach(json_object_get(doc, "series"), i, s)
	{
		if (strcmp(json_string_value(json_object_get(s, "label")), label) != 0 ||
		    strcmp(json_string_value(json_object_get(s, "state")), state) != 0)
			continue;
		char *line = hcb_check_line_text(doc, s);
		assert_has(line, part);
		free(line);
		found++;
	}
	assert_int_equal(found, 1);
	json_decref(doc);
}

static void ack(struct hcb_history *h, const char *word)
{
	struct hcb_history_series s;
	struct hcb_err err = HCB_ERR_INIT;
	if (hcb_history_find(h, word, &s, &err) ||
	    hcb_history_ack(h, &s, "known", 1, &err))
		fail_msg("%s", err.msg);
}

/* The night is red until somebody says that it is known, measured or not. */
static void test_a_regression_does_not_go_away_unmeasured(void **state)
{
	(void)state;
	struct hcb_history h = quiet(40, 1, false);
	for (int n = 1; n <= 60; n++)
		add(&h, n, (struct one){"social", 1, false, false, false, 1});
	for (int n = 41; n <= 46; n++)
		add(&h, n, (struct one){"db", 1, false, false, false, 1.5});
	expect(&h, HCB_FAIL_REGRESSION, "REGRESSION", 10);
	expect_line(&h, "db.m00.p50", "MISSED", "not measured since night n0046");
	ack(&h, "db.m00.p50");
	expect(&h, HCB_FAIL_REGRESSION, "OK", 0);
	hcb_history_close(&h);
}

static void test_a_regression_does_not_go_away_replaced(void **state)
{
	(void)state;
	struct hcb_history h = quiet(40, 1, false);
	struct hcb_history_series old;
	struct hcb_err err = HCB_ERR_INIT;
	char part[64];
	for (int n = 41; n <= 46; n++)
		add(&h, n, (struct one){"db", 1, false, false, false, 1.5});
	assert_int_equal(hcb_history_find(&h, "db.m00.p50", &old, &err), 0);
	add_in(&h, 47, (struct one){"db", 1, false, false, false, 1.5}, "new");
	expect(&h, HCB_FAIL_REGRESSION, "REGRESSION", 10);
	for (int n = 48; n <= 70; n++)
		add_in(&h, n, (struct one){"db", 1, false, false, false, 1.5}, "new");
	expect(&h, HCB_FAIL_REGRESSION, "REGRESSION", 10);
	snprintf(part, sizeof(part), "until hcbench history ack %s", old.key);
	expect_line(&h, "db.m00.p50", "MISSED", part);
	expect_line(&h, "db.m00.p50", "OK", "check explain");
	ack(&h, old.key);
	expect(&h, HCB_FAIL_REGRESSION, "OK", 0);
	hcb_history_close(&h);

	/* What was in order, or is carried on, is not kept. */
	h = quiet(40, 1, false);
	add_in(&h, 41, (struct one){"db", 1, false, false, false, 1}, "new");
	expect(&h, HCB_FAIL_REGRESSION, "LEARNING", 12);
	hcb_history_close(&h);
}

static void test_a_control_that_moves(void **state)
{
	(void)state;
	struct hcb_history h = quiet(40, 1, true);
	for (int n = 41; n <= 46; n++) {
		add(&h, n, (struct one){"db", 1, false, false, false, 1.5});
		add(&h, n, (struct one){"disk", 1, true, false, false, 1.5});
	}
	expect(&h, HCB_FAIL_REGRESSION, "ENVIRONMENT", 11);
	hcb_history_close(&h);
}

static void test_tests_that_move_together(void **state)
{
	(void)state;
	struct hcb_history h = memory();
	static const char *const tests[] = {"db", "social", "bulk"};
	for (int n = 1; n <= 46; n++)
		for (int t = 0; t < 3; t++)
			add(&h, n,
			    (struct one){tests[t], 1, false, false, false,
			                 n > 40 ? 1.5 : 1});
	expect(&h, HCB_FAIL_REGRESSION, "ENVIRONMENT", 11);
	/* It stays: no environment any more after ten nights, but a regression. */
	for (int n = 47; n <= 56; n++)
		for (int t = 0; t < 3; t++)
			add(&h, n, (struct one){tests[t], 1, false, false, false, 1.5});
	expect(&h, HCB_FAIL_REGRESSION, "REGRESSION", 10);
	hcb_history_close(&h);
}

static void test_at_most_ten_are_gated(void **state)
{
	(void)state;
	struct hcb_history h = quiet(12, 12, false);
	json_t *doc = check_on(&h, HCB_FAIL_REGRESSION);
	assert_int_equal(json_integer_value(json_object_get(
	                         json_object_get(doc, "counts"), "gated")),
	                 HCB_CHECK_MOST);
	assert_int_equal(json_array_size(json_object_get(doc, "warnings")), 2);
	json_decref(doc);
	hcb_history_close(&h);
}

static void test_acknowledged_is_not_red(void **state)
{
	(void)state;
	struct hcb_history h = quiet(40, 1, false);
	struct hcb_history_series s;
	struct hcb_err err = HCB_ERR_INIT;
	for (int n = 41; n <= 50; n++)
		add(&h, n, (struct one){"db", 1, false, false, false, 1.5});
	expect(&h, HCB_FAIL_REGRESSION, "REGRESSION", 10);
	assert_int_equal(hcb_history_find(&h, "db.m00.p50", &s, &err), 0);
	assert_int_equal(hcb_history_ack(&h, &s, "known", 1, &err), 0);
	/* On that very night, too. */
	expect(&h, HCB_FAIL_REGRESSION, "OK", 0);
	add(&h, 51, (struct one){"db", 1, false, false, false, 1.5});
	json_t *doc = check_on(&h, HCB_FAIL_REGRESSION);
	assert_int_not_equal(hcb_check_exit(doc), 10);
	json_decref(doc);
	hcb_history_close(&h);
}

/* Two nights far out: red on the second only if the test run again says so too. */
static void test_a_rerun_confirms_a_collapse(void **state)
{
	(void)state;
	for (int agrees = 0; agrees < 2; agrees++) {
		struct hcb_history h = quiet(40, 1, false);
		for (int n = 41; n <= 42; n++) {
			add(&h, n, (struct one){"db", 1, false, false, false, 3});
			add(&h, n,
			    (struct one){"db", 1, false, true, false, agrees ? 2.9 : 1});
		}
		json_t *doc = check_on(&h, HCB_FAIL_REGRESSION);
		assert_int_equal(hcb_check_exit(doc), agrees ? 10 : 0);
		json_decref(doc);
		hcb_history_close(&h);
	}
}

static void test_asking_for_what_cannot_be(void **state)
{
	(void)state;
	struct hcb_history h = memory();
	struct hcb_err err = HCB_ERR_INIT;
	static const char *const gate[] = {"db.m00.p50"};
	struct hcb_check_opts o = {.gate = gate, .n_gate = 1};
	assert_null(hcb_check(&h, &o, &err));
	assert_int_equal(err.exit, HCB_EXIT_NO_HISTORY);
	for (int n = 1; n <= 20; n++)
		add(&h, n,
		    (struct one){"db", 1, false, false, false, 1 + (n * 37 % 11) / 11.0});
	assert_null(hcb_check(&h, &o, &err));
	assert_int_equal(err.exit, HCB_EXIT_USAGE);
	assert_has(err.msg, "no gate");
	hcb_history_close(&h);
}

static void test_explain_has_its_nights(void **state)
{
	(void)state;
	struct hcb_history h = quiet(40, 1, true);
	struct hcb_history_series s;
	struct hcb_err err = HCB_ERR_INIT;
	for (int n = 41; n <= 46; n++)
		add(&h, n, (struct one){"db", 1, false, false, false, 1.5});
	assert_int_equal(hcb_history_find(&h, "db.m00.p50", &s, &err), 0);
	json_t *doc = hcb_explain(&h, &s, NULL, &err);
	assert_non_null(doc);
	json_t *one = json_array_get(json_object_get(doc, "series"), 0),
	       *onset = json_object_get(one, "onset");
	assert_int_equal(json_array_size(json_object_get(doc, "explain")), 30);
	assert_int_equal(json_array_size(json_object_get(doc, "series")), 1);
	assert_string_equal(json_string_value(json_object_get(onset, "night")), "n0041");
	assert_between(json_number_value(json_object_get(one, "effect")), 0.45, 0.55);
	assert_true(json_number_value(json_object_get(one, "effect_lo")) <
	            json_number_value(json_object_get(one, "effect_hi")));
	json_decref(doc);
	hcb_history_close(&h);
}

static void test_without_sqlite(void **state)
{
	(void)state;
	print_message("%s\n", hcb_db_unavailable);
	skip();
}

/* A twelfth of a per cent a night: no ten nights are worse than the thirty before. */
static void test_drift_is_told_once_a_week(void **state)
{
	struct hcb_history h = memory();
	unsigned told = 0, first = 0;
	(void)state;
	for (int i = 0; i < 130; i++) {
		double factor = i < 30 ? 1 : 1 + 0.0008 * (i - 30);
		add(&h, i, (struct one){"slow", 1, .factor = factor});
		json_t *doc = check_on(&h, HCB_FAIL_REGRESSION), *v;
		const char *verdict = json_string_value(json_object_get(doc, "verdict"));
		size_t k;
		assert_string_not_equal(verdict, "REGRESSION");
		json_array_foreach(json_object_get(doc, "warnings"), k, v)
		{
			const char *text = json_string_value(v);
			if (!strstr(text, "DRIFT slow.m00.p50: the last"))
				continue;
			assert_non_null(strstr(text, "than its first 30 by"));
			assert_int_equal((i + 1 - 30) % 7, 0);
			told++;
			first = first ? first : (unsigned)i;
		}
		json_decref(doc);
	}
	/* Over the 5 % that count in a median from about night 90 on, asked each seventh.
	 */
	assert_in_range(first, 85, 115);
	assert_in_range(told, 2, 7);
	hcb_history_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_drift_is_told_once_a_week),
	        cmocka_unit_test(test_verdicts_and_exit_codes),
	        cmocka_unit_test(test_a_night_that_is_not_valid_is_no_green_light),
	        cmocka_unit_test(test_the_last_night_that_said_something),
	        cmocka_unit_test(test_a_silent_test_is_missed),
	        cmocka_unit_test(test_a_regression_does_not_go_away_unmeasured),
	        cmocka_unit_test(test_a_regression_does_not_go_away_replaced),
	        cmocka_unit_test(test_a_control_that_moves),
	        cmocka_unit_test(test_tests_that_move_together),
	        cmocka_unit_test(test_at_most_ten_are_gated),
	        cmocka_unit_test(test_acknowledged_is_not_red),
	        cmocka_unit_test(test_a_rerun_confirms_a_collapse),
	        cmocka_unit_test(test_asking_for_what_cannot_be),
	        cmocka_unit_test(test_explain_has_its_nights),
	};
	const struct CMUnitTest none[] = {cmocka_unit_test(test_without_sqlite)};
	if (hcb_db_unavailable)
		return cmocka_run_group_tests(none, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
