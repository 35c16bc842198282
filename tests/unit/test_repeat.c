/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One load run several times: what its metrics' means and intervals are made of. */
#include "hcb_test.h"

#include <math.h>

#include "bench/repeat.h"

static json_t *run(const char *loop, double rate, json_t *p99)
{
	return json_pack("{s:{s:s},s:[{s:s,s:f,s:{s:f,s:f,s:f,s:o}}]}", "run", "loop",
	                 loop, "transactions", "name", "commit", "rate_per_s", rate,
	                 "response_ns", "mean", 1e6, "p50", 1e6, "p95", 2e6, "p99", p99);
}

static const json_t *metric(const json_t *txs, const char *name)
{
	const json_t *list = json_object_get(json_array_get(txs, 0), "metrics");
	size_t i;
	json_t *m;
	json_array_foreach(list, i,
	                   m) if (strcmp(json_string_value(json_object_get(m, "name")),
	                                 name) == 0) return m;
	return NULL;
}

static double of(const json_t *m, const char *key)
{
	return json_number_value(json_object_get(m, key));
}

static json_t *three(json_t *last)
{
	json_t *docs[3] = {run("closed", 10, json_real(4e6)),
	                   run("closed", 20, json_real(9e6)), run("closed", 40, last)};
	json_t *txs = hcb_repeat_transactions(docs, 3, 1);
	for (int i = 0; i < 3; i++)
		json_decref(docs[i]);
	return txs;
}

static void test_mean_and_interval_are_of_the_logarithms(void **state)
{
	(void)state;
	json_t *txs = three(json_real(6e6));
	const json_t *rate = metric(txs, "rate"), *p99 = metric(txs, "response p99");
	assert_non_null(rate);
	assert_float_equal(of(rate, "value"), 20, 1e-9);
	/* log 10, 20, 40: sd ln 2; t(0.975, 2) = 4.30265273 */
	double half = exp(4.30265273 * log(2) / sqrt(3));
	assert_true(fabs(of(rate, "lo") * half / 20 - 1) < 1e-6);
	assert_true(fabs(of(rate, "hi") / half / 20 - 1) < 1e-6);
	assert_float_equal(of(rate, "cv"), 1, 1e-9);
	assert_string_equal(json_string_value(json_object_get(rate, "method")),
	                    "t on logarithms");
	assert_float_equal(of(p99, "value"), 6e6, 1);
	assert_int_equal(json_array_size(json_object_get(p99, "values")), 3);
	json_decref(txs);
}

/* The two runs that could tell a p99 are not "the runs". */
static void test_a_value_that_one_run_lacks_has_no_mean(void **state)
{
	(void)state;
	json_t *txs = three(json_null());
	const json_t *p99 = metric(txs, "response p99");
	assert_true(json_is_null(json_object_get(p99, "value")));
	assert_true(json_is_null(json_object_get(p99, "lo")));
	assert_true(json_is_null(json_object_get(p99, "method")));
	assert_true(json_is_null(json_array_get(json_object_get(p99, "values"), 2)));
	assert_true(json_is_number(json_object_get(metric(txs, "rate"), "value")));
	json_decref(txs);
}

static void test_one_run_has_no_interval_and_an_offered_rate_is_no_result(void **state)
{
	(void)state;
	json_t *doc = run("open", 10, json_real(4e6));
	json_t *txs = hcb_repeat_transactions(&doc, 1, 1);
	const json_t *p99 = metric(txs, "response p99");
	assert_null(metric(txs, "rate"));
	assert_float_equal(of(p99, "value"), 4e6, 1);
	assert_true(json_is_null(json_object_get(p99, "lo")));
	assert_true(json_is_null(json_object_get(p99, "hi")));
	assert_true(json_is_null(json_object_get(p99, "cv")));
	json_decref(txs);
	txs = hcb_repeat_transactions(&doc, 0, 1);
	assert_int_equal(json_array_size(txs), 0);
	json_decref(txs);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_mean_and_interval_are_of_the_logarithms),
	        cmocka_unit_test(test_a_value_that_one_run_lacks_has_no_mean),
	        cmocka_unit_test(
	                test_one_run_has_no_interval_and_an_offered_rate_is_no_result),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
