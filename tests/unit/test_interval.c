/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intervals on blocks. The long grid is tests/accuracy/intervals.c. */
#include "hcb_test.h"

#include <errno.h>

#include "bench/core/interval.h"
#include "bench/core/student.h"
#include "noise.h"

static void test_few_blocks_have_student_s_interval_of_the_logarithms(void **state)
{
	double x[5];
	struct hcb_blocks b;
	(void)state;
	for (int i = 0; i < 5; i++) /* logarithms 4 6 8 10 12: mean 8, sd sqrt(10) */
		x[i] = exp(4 + 2 * i);
	assert_int_equal(hcb_blocks_interval(x, 5, 0.95, 1, &b), 0);
	assert_int_equal(b.method, HCB_BLOCKS_T);
	assert_close(log(b.value), 8, 1e-12);
	assert_close(log(b.hi), 8 + 2.7764451 * sqrt(2), 1e-7);
	assert_close(log(b.lo), 8 - 2.7764451 * sqrt(2), 1e-7);
	assert_close(b.cv, expm1(sqrt(10)), 1e-12);
	assert_close(b.autocorr1, 0.4, 1e-12); /* (8 + 0 + 0 + 8) / 40 */
}

static void test_what_has_no_logarithm_is_refused(void **state)
{
	double x[] = {1, 2, 3, 4};
	static double many[HCB_BLOCKS_MAX + 1];
	static const double bad[] = {0, -1, NAN, INFINITY};
	struct hcb_blocks b;
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		x[2] = bad[i];
		assert_int_equal(hcb_blocks_interval(x, 4, 0.95, 1, &b), -EINVAL);
	}
	assert_int_equal(hcb_blocks_interval(x, 0, 0.95, 1, &b), -EINVAL);
	assert_int_equal(hcb_blocks_interval(x, 2, 1, 1, &b), -EINVAL);
	for (size_t i = 0; i <= HCB_BLOCKS_MAX; i++)
		many[i] = 1 + (double)i;
	assert_int_equal(hcb_blocks_interval(many, HCB_BLOCKS_MAX + 1, 0.95, 1, &b),
	                 -EINVAL);
	assert_int_equal(hcb_blocks_interval(many, HCB_BLOCKS_MAX, 0.95, 1, &b), 0);
	assert_true(b.lo < b.value && b.value < b.hi);
}

static void test_one_block_has_no_interval_and_equal_blocks_one_of_no_width(void **state)
{
	double x[20];
	struct hcb_blocks b;
	(void)state;
	for (int i = 0; i < 20; i++)
		x[i] = 48.1;
	assert_int_equal(hcb_blocks_interval(x, 1, 0.95, 1, &b), 0);
	assert_int_equal(b.method, HCB_BLOCKS_NONE);
	assert_close(b.value, 48.1, 1e-12);
	assert_true(b.lo <= 0 && isinf(b.hi));
	assert_int_equal(hcb_blocks_interval(x, 20, 0.95, 1, &b), 0);
	assert_close(b.lo, 48.1, 1e-9);
	assert_close(b.hi, 48.1, 1e-9);
	/* One that differs: a third of the resamples are without it. */
	x[3] = 50;
	assert_int_equal(hcb_blocks_interval(x, 20, 0.95, 1, &b), 0);
	assert_true(isfinite(b.lo) && isfinite(b.hi) && b.lo < b.value && b.value < b.hi);
}

static void test_the_bootstrap_is_seeded_and_knows_no_unit(void **state)
{
	double x[20], y[20];
	struct noise z;
	struct hcb_blocks a, b;
	(void)state;
	noise_init(&z, NOISE_NORMAL, 4, 0);
	for (int i = 0; i < 20; i++) {
		x[i] = exp(0.3 * noise_draw(&z));
		y[i] = 1e6 * x[i];
	}
	assert_int_equal(hcb_blocks_interval(x, 14, 0.95, 1, &a), 0);
	assert_int_equal(a.method, HCB_BLOCKS_T);
	assert_int_equal(hcb_blocks_interval(x, 15, 0.95, 1, &a), 0);
	assert_int_equal(a.method, HCB_BLOCKS_BOOTSTRAP);
	assert_int_equal(hcb_blocks_interval(x, 20, 0.95, 1, &a), 0);
	assert_int_equal(hcb_blocks_interval(x, 20, 0.95, 1, &b), 0);
	assert_close(b.lo, a.lo, 0);
	assert_close(b.hi, a.hi, 0);
	assert_int_equal(hcb_blocks_interval(x, 20, 0.95, 2, &b), 0);
	assert_close(b.lo, a.lo, 0.05);
	assert_true(b.lo < a.lo || b.lo > a.lo);
	assert_int_equal(hcb_blocks_interval(y, 20, 0.95, 1, &b), 0);
	assert_close(b.lo, 1e6 * a.lo, 1e-9);
	assert_close(b.hi, 1e6 * a.hi, 1e-9);
	/* Less confidence, less width. */
	assert_int_equal(hcb_blocks_interval(x, 20, 0.5, 1, &b), 0);
	assert_true(b.lo > a.lo && b.hi < a.hi);
}

/* Blocks whose logarithms are exponential: skewed as few things are. Hall's sign: the
   long tail of the sample is the long side of the interval. */
static void test_the_bootstrap_leans_to_the_long_tail(void **state)
{
	double left = 0, right = 0;
	struct hcb_random r;
	struct hcb_blocks b;
	(void)state;
	hcb_random_init(&r, 6, 0);
	for (int k = 0; k < 50; k++) {
		double x[20];
		for (int i = 0; i < 20; i++)
			x[i] = exp(0.1 * hcb_random_exp(&r));
		assert_int_equal(hcb_blocks_interval(x, 20, 0.95, 1, &b), 0);
		left += log(b.value / b.lo);
		right += log(b.hi / b.value);
	}
	assert_true(right > 1.1 * left);
}

/* 600 samples a cell: 1.3 % is 1.5 standard deviations of counting. */
static void test_95_percent_intervals_hold_between_92_and_98(void **state)
{
	static const size_t sizes[] = {5, 10, 20};
	unsigned held[2][3] = {{0}};
	(void)state;
	for (uint64_t k = 0; k < 600; k++) {
		struct noise z;
		noise_init(&z, NOISE_NORMAL, 8, k);
		for (int shape = 0; shape < 2; shape++) {
			double x[20], truth = shape ? log(2) / 2 : 0;
			struct hcb_blocks b;
			for (int i = 0; i < 20; i++)
				x[i] = exp(0.2 * noise_draw(&z)) *
				       (shape && hcb_random_below(&z.r, 2) ? 2 : 1);
			for (int j = 0; j < 3; j++) {
				hcb_blocks_interval(x, sizes[j], 0.95, k, &b);
				held[shape][j] += log(b.lo) < truth && truth < log(b.hi);
			}
		}
	}
	for (int shape = 0; shape < 2; shape++)
		for (int j = 0; j < 3; j++)
			assert_between(held[shape][j] / 600.0, 0.92, 0.98);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                test_few_blocks_have_student_s_interval_of_the_logarithms),
	        cmocka_unit_test(test_what_has_no_logarithm_is_refused),
	        cmocka_unit_test(
	                test_one_block_has_no_interval_and_equal_blocks_one_of_no_width),
	        cmocka_unit_test(test_the_bootstrap_is_seeded_and_knows_no_unit),
	        cmocka_unit_test(test_the_bootstrap_leans_to_the_long_tail),
	        cmocka_unit_test(test_95_percent_intervals_hold_between_92_and_98),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
