/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hcb_test.h"

#include "bench/core/random.h"
#include "bench/core/student.h"

/* Sum of 12 uniforms less 6: near enough normal, mean 0, variance 1. */
static double noise(struct hcb_random *r)
{
	double s = -6;
	for (int i = 0; i < 12; i++)
		s += hcb_random_unit(r);
	return s;
}

/* Mass of Student's t between -x and x, by Simpson's rule over the density. */
static double t_mass(double df, double x)
{
	enum { STEPS = 4000 };
	double c = exp(lgamma((df + 1) / 2) - lgamma(df / 2)) / sqrt(df * M_PI), sum = 0;
	for (int i = 0; i <= STEPS; i++) {
		double u = x * i / STEPS, f = c * pow(1 + u * u / df, -(df + 1) / 2);
		sum += f * (i == 0 || i == STEPS ? 1 : i % 2 ? 4 : 2);
	}
	return 2 * sum * x / STEPS / 3;
}

static void test_t_is_students(void **state)
{
	(void)state;
	assert_true(isnan(hcb_t_quantile(0.975, 0)));
	for (int df = 1; df <= 200; df++)
		assert_close(t_mass(df, hcb_t_quantile(0.975, df)), 0.95, 1e-7);
	assert_close(hcb_t_quantile(0.975, 1e6), 1.959964, 1e-5);
}

static void test_interval_of_known_means(void **state)
{
	/* mean 3, standard error sqrt(2.5 / 5), t(4) = 2.7764451 */
	static const double x[] = {1, 2, 3, 4, 5};
	(void)state;
	struct hcb_interval_of_mean m = hcb_interval_of_mean(x, 5, 0.95);
	assert_close(m.mean, 3, 1e-12);
	assert_close(m.lo, 3 - 2.7764451 * sqrt(0.5), 1e-6);
	assert_close(m.hi, 3 + 2.7764451 * sqrt(0.5), 1e-6);
	m = hcb_interval_of_mean(x, 1, 0.95);
	assert_close(m.mean, 1, 0);
	assert_true(isinf(m.lo) && isinf(m.hi));
}

static void test_ratio_against_a_constant_is_the_means_interval(void **state)
{
	static const double a[] = {1, 2, 3, 4, 5}, two[] = {2, 2, 2, 2, 2};
	(void)state;
	struct hcb_interval_of_mean m = hcb_interval_of_mean(a, 5, 0.95);
	struct hcb_interval_of_ratio r = hcb_interval_of_ratio(a, two, 5, 0.95);
	assert_close(r.ratio, m.mean / 2, 1e-12);
	assert_close(r.lo, m.lo / 2, 1e-9);
	assert_close(r.hi, m.hi / 2, 1e-9);
}

/* The other way round it is the reciprocal; what moves both of a pair cancels. */
static void test_ratio_of_pairs(void **state)
{
	static const double a[] = {10, 20, 31, 9, 15}, b[] = {5, 10, 15, 5, 7};
	double a3[5], b3[5];
	(void)state;
	struct hcb_interval_of_ratio r = hcb_interval_of_ratio(a, b, 5, 0.95);
	struct hcb_interval_of_ratio s = hcb_interval_of_ratio(b, a, 5, 0.95);
	assert_close(r.lo * s.hi, 1, 1e-9);
	assert_close(r.hi * s.lo, 1, 1e-9);
	assert_true(r.lo < 2.0 && r.hi > 2.0 && r.hi - r.lo < 0.5);
	for (int i = 0; i < 5; i++) {
		a3[i] = 2 * b[i];
		b3[i] = b[i];
	}
	r = hcb_interval_of_ratio(a3, b3, 5, 0.95);
	assert_close(r.lo, 2, 1e-6);
	assert_close(r.hi, 2, 1e-6);
	/* the same values, paired otherwise */
	a3[0] = 2 * b[2], a3[2] = 2 * b[0];
	r = hcb_interval_of_ratio(a3, b3, 5, 0.95);
	assert_true(r.hi - r.lo > 1);
}

static void test_ratio_that_cannot_be_bounded(void **state)
{
	static const double a[] = {1, 2, 3}, about_0[] = {-1, 0, 1.5};
	(void)state;
	struct hcb_interval_of_ratio r = hcb_interval_of_ratio(a, about_0, 3, 0.95);
	assert_true(isinf(r.lo) && isinf(r.hi));
	r = hcb_interval_of_ratio(a, a, 1, 0.95);
	assert_close(r.ratio, 1, 0);
	assert_true(isinf(r.lo) && isinf(r.hi));
}

/* Nineteen of twenty intervals hold the truth: 2000 draws, 4 standard deviations. */
static void test_intervals_cover(void **state)
{
	unsigned means = 0, ratios = 0;
	(void)state;
	for (uint64_t seed = 0; seed < 2000; seed++) {
		struct hcb_random r;
		double a[6], b[6];
		hcb_random_init(&r, seed, 3);
		for (int i = 0; i < 6; i++) {
			double both = noise(&r); /* of the pair */
			a[i] = 30 + 3 * both + noise(&r);
			b[i] = 20 + 2 * both + noise(&r);
		}
		struct hcb_interval_of_mean m = hcb_interval_of_mean(a, 6, 0.95);
		struct hcb_interval_of_ratio q = hcb_interval_of_ratio(a, b, 6, 0.95);
		means += m.lo <= 30 && 30 <= m.hi;
		ratios += q.lo <= 1.5 && 1.5 <= q.hi;
	}
	assert_between(means, 1900 - 39, 1900 + 39);
	assert_between(ratios, 1900 - 39, 1900 + 39);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_t_is_students),
	        cmocka_unit_test(test_interval_of_known_means),
	        cmocka_unit_test(test_ratio_against_a_constant_is_the_means_interval),
	        cmocka_unit_test(test_ratio_of_pairs),
	        cmocka_unit_test(test_ratio_that_cannot_be_bounded),
	        cmocka_unit_test(test_intervals_cover),
	};
	return cmocka_run_group_tests_name("student", tests, NULL, NULL);
}
