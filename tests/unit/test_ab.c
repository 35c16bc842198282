/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Student's t against printed tables, and the verdict of interleaved pairs. */
#include "hcb_test.h"

#include "bench/ab.h"
#include "bench/core/random.h"
#include "bench/core/student.h"

/* Two-sided 5 % and 10 % points as printed in every table of the distribution. */
static void test_t_quantiles_are_those_of_the_tables(void **state)
{
	static const struct {
		double p, df, t;
	} rows[] = {
	        {0.975, 1, 12.706},  {0.975, 2, 4.303},  {0.975, 4, 2.776},
	        {0.975, 9, 2.262},   {0.975, 30, 2.042}, {0.975, 120, 1.980},
	        {0.95, 4, 2.132},    {0.95, 9, 1.833},   {0.995, 5, 4.032},
	        {0.9995, 3, 12.924}, {0.5, 7, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_between(hcb_t_quantile(rows[i].p, rows[i].df), rows[i].t - 6e-4,
		               rows[i].t + 6e-4);
		assert_between(hcb_t_quantile(1 - rows[i].p, rows[i].df),
		               -rows[i].t - 6e-4, -rows[i].t + 6e-4);
	}
	/* Closed forms: Cauchy for 1 degree of freedom. */
	assert_close(hcb_t_quantile(0.9, 1), 3.0776835371752527, 1e-9);
	assert_true(isnan(hcb_t_quantile(1, 5)) && isnan(hcb_t_quantile(0.5, 0)));
}

static void test_interval_of_a_known_sample(void **state)
{
	const double y[] = {4, 6, 8, 10, 12}; /* mean 8, sd sqrt(10) */
	(void)state;
	struct hcb_interval_of_mean r = hcb_interval_of_mean(y, 5, 0.95);
	assert_close(r.mean, 8, 1e-12);
	assert_close(r.sd, sqrt(10), 1e-12);
	assert_close(r.hi - r.mean, 2.7764451 * sqrt(10.0 / 5), 1e-6);
	r = hcb_interval_of_mean(y, 1, 0.95);
	assert_true(isinf(r.lo) && isinf(r.hi));
}

/* A normal draw: twelve uniforms less six. */
static double normal(struct hcb_random *r)
{
	double s = -6;
	for (int i = 0; i < 12; i++)
		s += hcb_random_unit(r);
	return s;
}

/* n pairs whose B is `ratio` times A, with noise of sd on the log of each pair; what
   drifts is shared and large. */
static enum hcb_effect_verdict judge(struct hcb_random *r, size_t n, double ratio,
                                     double sd, struct hcb_effect *m)
{
	double a[HCB_AB_MAX_PAIRS], b[HCB_AB_MAX_PAIRS];
	for (size_t i = 0; i < n; i++) {
		double drift = 1 + 0.5 * (double)i;
		a[i] = 100 * drift;
		b[i] = 100 * drift * ratio * exp(sd * normal(r));
	}
	hcb_effect_paired(a, b, n, false, m);
	return m->verdict;
}

/*
 * The error rates that the intervals promise, over 2000 simulated comparisons: no more
 * than 5 % of equal pairs called different (5 standard deviations of counting: 2.4 %
 * more), no more than 5 % of pairs at the margin called equivalent.
 */
static void test_verdicts_err_as_seldom_as_promised(void **state)
{
	struct hcb_random r;
	struct hcb_effect m;
	unsigned called = 0, equal = 0, found = 0;
	(void)state;
	hcb_random_init(&r, 11, 0);
	for (int i = 0; i < 2000; i++) {
		enum hcb_effect_verdict v = judge(&r, 6, 1, 0.10, &m);
		called += v == HCB_EFFECT_FASTER || v == HCB_EFFECT_SLOWER;
		equal += judge(&r, 10, 1.05, 0.03, &m) == HCB_EFFECT_EQUIVALENT;
		found += judge(&r, 8, 1.25, 0.10, &m) == HCB_EFFECT_SLOWER;
	}
	assert_between(called / 2000.0, 0.02, 0.075);
	assert_between(equal / 2000.0, 0.02, 0.075);
	assert_true(found > 2000 * 0.99);
}

static void test_drift_common_to_a_pair_does_not_matter(void **state)
{
	struct hcb_effect m;
	struct hcb_random r;
	(void)state;
	hcb_random_init(&r, 3, 0);
	assert_int_equal(judge(&r, 5, 1.2, 0.001, &m), HCB_EFFECT_SLOWER);
	assert_close(m.ratio, 1.2, 0.005);
	assert_true(m.lo < m.ratio && m.ratio < m.hi && m.hi < 1.21);
	assert_int_equal(judge(&r, 5, 1.0, 0.001, &m), HCB_EFFECT_EQUIVALENT);
	assert_int_equal(judge(&r, 5, 1.0, 0.3, &m), HCB_EFFECT_INCONCLUSIVE);
	assert_true(m.more > 5);
}

static void test_more_is_better_turns_the_verdict_and_nulls_give_none(void **state)
{
	const double a[] = {100, 101, 99, 100}, b[] = {150, 151, 149, 150};
	double c[] = {150, NAN, 149, 150};
	struct hcb_effect m;
	(void)state;
	hcb_effect_paired(a, b, 4, true, &m);
	assert_int_equal(m.verdict, HCB_EFFECT_FASTER);
	hcb_effect_paired(a, b, 4, false, &m);
	assert_int_equal(m.verdict, HCB_EFFECT_SLOWER);
	hcb_effect_paired(a, c, 4, true, &m);
	assert_int_equal(m.verdict, HCB_EFFECT_NONE);
	hcb_effect_paired(a, b, 1, true, &m);
	assert_int_equal(m.verdict, HCB_EFFECT_NONE);
}

/* Worked by hand: variances 2.5 / 5 and 16.667 / 4. */
static void test_difference_of_two_samples_apart(void **state)
{
	const double a[] = {3, 4, 5, 6, 7}, b[] = {1, 9, 2, 8};
	(void)state;
	struct hcb_interval_of_difference d =
	        hcb_interval_of_difference(a, 5, b, 4, 0.95);
	double va = 2.5 / 5, vb = 50.0 / 3 / 4;
	assert_close(d.diff, 0, 1e-12);
	assert_close(d.error, sqrt(va + vb), 1e-12);
	assert_close(d.df, (va + vb) * (va + vb) / (va * va / 4 + vb * vb / 3), 1e-9);
	assert_close(d.hi, hcb_t_quantile(0.975, d.df) * d.error, 1e-9);
	d = hcb_interval_of_difference(a, 5, b, 1, 0.95);
	assert_true(isinf(d.lo) && isinf(d.hi));
}

/* As of pairs, over 2000 comparisons of samples whose spreads differ by a factor of 3. */
static void test_verdicts_of_samples_apart_err_as_seldom(void **state)
{
	struct hcb_random r;
	unsigned called = 0, found = 0;
	(void)state;
	hcb_random_init(&r, 12, 0);
	for (int i = 0; i < 2000; i++) {
		double a[5], b[9], c[9];
		struct hcb_effect e;
		for (int k = 0; k < 5; k++)
			a[k] = exp(0.15 * normal(&r));
		for (int k = 0; k < 9; k++) {
			b[k] = exp(0.05 * normal(&r));
			c[k] = b[k] * 1.5;
		}
		hcb_effect_apart(a, 5, b, 9, false, &e);
		called +=
		        e.verdict == HCB_EFFECT_FASTER || e.verdict == HCB_EFFECT_SLOWER;
		hcb_effect_apart(a, 5, c, 9, false, &e);
		found += e.verdict == HCB_EFFECT_SLOWER;
	}
	assert_between(called / 2000.0, 0.02, 0.075);
	assert_true(found > 2000 * 0.95);
}

static void test_one_value_a_side_is_a_ratio_and_no_verdict(void **state)
{
	const double a[] = {10}, b[] = {12};
	struct hcb_effect e;
	(void)state;
	hcb_effect_apart(a, 1, b, 1, false, &e);
	assert_close(e.ratio, 1.2, 1e-12);
	assert_true(isnan(e.lo) && isnan(e.hi));
	assert_int_equal(e.verdict, HCB_EFFECT_NONE);
	hcb_effect_apart(a, 0, b, 1, false, &e);
	assert_true(isnan(e.ratio) && isnan(e.a));
}

static void test_a_side_s_path_is_the_median_of_its_probes(void **state)
{
	(void)state;
	json_t *log = json_loads(
	        "[{\"side\":\"a\",\"path\":{\"from\":\"h1\",\"rtt_ns\":50,\"x\":null}},"
	        " {\"side\":\"b\",\"path\":{\"from\":\"h9\",\"rtt_ns\":900,\"x\":1}},"
	        " {\"side\":\"a\"},"
	        " {\"side\":\"a\",\"path\":{\"from\":\"h1\",\"rtt_ns\":10,\"x\":null}},"
	        " {\"side\":\"a\",\"path\":{\"from\":\"h1\",\"rtt_ns\":20,\"x\":7}}]",
	        0, NULL);
	json_t *a = hcb_ab_path(log, "a"), *b = hcb_ab_path(log, "b");
	assert_int_equal(json_integer_value(json_object_get(a, "probes")), 3);
	assert_close(json_number_value(json_object_get(a, "rtt_ns")), 20, 1e-9);
	assert_close(json_number_value(json_object_get(a, "x")), 7, 1e-9);
	assert_string_equal(json_string_value(json_object_get(a, "from")), "h1");
	assert_close(json_number_value(json_object_get(b, "rtt_ns")), 900, 1e-9);
	assert_null(hcb_ab_path(log, "c"));
	json_decref(a);
	json_decref(b);
	json_decref(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_t_quantiles_are_those_of_the_tables),
	        cmocka_unit_test(test_interval_of_a_known_sample),
	        cmocka_unit_test(test_verdicts_err_as_seldom_as_promised),
	        cmocka_unit_test(test_drift_common_to_a_pair_does_not_matter),
	        cmocka_unit_test(test_difference_of_two_samples_apart),
	        cmocka_unit_test(test_verdicts_of_samples_apart_err_as_seldom),
	        cmocka_unit_test(test_one_value_a_side_is_a_ratio_and_no_verdict),
	        cmocka_unit_test(test_a_side_s_path_is_the_median_of_its_probes),
	        cmocka_unit_test(
	                test_more_is_better_turns_the_verdict_and_nulls_give_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
