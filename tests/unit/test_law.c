/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Powers without libm, held against libm's; arrivals against their rates. */
#include "hcb_test.h"

#include "bench/core/units.h"
#include "workloads/arrivals.h"
#include "workloads/law.h"

static void test_logarithm_and_power_are_libms(void **state)
{
	(void)state;
	for (double x = 1e-3; x < 1e12; x *= 1.37) {
		assert_true(fabs(hcb_law_log2(x) - log2(x)) <
		            1e-12 * (1 + fabs(log2(x))));
		assert_close(hcb_law_pow(x, 0.755), pow(x, 0.755), 1e-11);
		assert_close(hcb_law_pow(x, -1.5), pow(x, -1.5), 1e-11);
	}
	for (double x = -20; x < 40; x += 0.173)
		assert_close(hcb_law_exp2(x), exp2(x), 1e-12);
	assert_true(hcb_law_exp2(3) == 8 && hcb_law_log2(8) == 3);
}

static void test_law_goes_through_its_points_and_is_a_power_between(void **state)
{
	static const struct hcb_law_point p[] = {{100, 9}, {5000, 7}, {50000, 5}};
	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_close(hcb_law_through(p, 3, p[i].x), p[i].y, 1e-11);
	/* halfway in logarithms: the geometric mean */
	assert_close(hcb_law_through(p, 3, sqrt(100 * 5000.0)), sqrt(9 * 7.0), 1e-11);
	assert_close(hcb_law_through(p, 3, sqrt(5000 * 50000.0)), sqrt(7 * 5.0), 1e-11);
}

/* Arrivals of each second, and their mean and index of dispersion. */
static double dispersion(enum hcb_arrivals_kind kind, double rate, uint64_t seconds,
                         double *mean)
{
	struct hcb_arrivals a;
	double sum = 0, squares = 0;
	hcb_arrivals_init(&a, kind, rate, 5, 1);
	hcb_arrivals_draw(&a);
	for (uint64_t s = 1; s <= seconds; s++) {
		double n = 0;
		for (; a.next_ns < s * HCB_SEC; hcb_arrivals_draw(&a))
			n++;
		sum += n;
		squares += n * n;
	}
	*mean = sum / (double)seconds;
	return (squares / (double)seconds - *mean * *mean) / *mean;
}

static void test_arrivals_keep_their_rate_and_differ_in_spread(void **state)
{
	double mean;
	(void)state;
	assert_true(dispersion(HCB_ARRIVALS_STEADY, 40, 4096, &mean) < 0.01);
	assert_close(mean, 40, 0.001);
	/* Poisson: 1; of 4096 seconds the standard deviation is 0.022 */
	assert_close(dispersion(HCB_ARRIVALS_POISSON, 40, 4096, &mean), 1, 0.11);
	assert_close(mean, 40, 0.013); /* 5 sd of 163 840 arrivals */
	/* b-model over its whole span of 2^12 s: the mean is kept but for gaps that reach
	   from a quiet second into a busy one */
	assert_true(dispersion(HCB_ARRIVALS_BURSTY, 40, 4096, &mean) > 5);
	assert_close(mean, 40, 0.05);
}

static void test_the_time_of_day_swings_by_sixty_percent_about_the_mean(void **state)
{
	double mean, hour[24];
	(void)state;
	struct hcb_arrivals a;
	double sum = 0;
	hcb_arrivals_init(&a, HCB_ARRIVALS_DIURNAL, 1, 5, 1);
	hcb_arrivals_draw(&a);
	for (uint64_t h = 0; h < 24; h++) {
		hour[h] = 0;
		for (; a.next_ns < (h + 1) * 3600 * HCB_SEC; hcb_arrivals_draw(&a))
			hour[h]++;
		sum += hour[h];
	}
	mean = sum / 24;
	assert_close(mean, 3600, 0.02); /* 5 sd of 86 400: 1.7 % */
	assert_close(hour[5] + hour[6], 2 * 1.6 * 3600, 0.05);
	assert_close(hour[17] + hour[18], 2 * 0.4 * 3600, 0.09);
}

static void test_same_seed_same_arrivals(void **state)
{
	struct hcb_arrivals a, b, c;
	(void)state;
	hcb_arrivals_init(&a, HCB_ARRIVALS_DAILY, 10, 5, 1);
	hcb_arrivals_init(&b, HCB_ARRIVALS_DAILY, 10, 5, 1);
	hcb_arrivals_init(&c, HCB_ARRIVALS_DAILY, 10, 6, 1);
	for (int i = 0; i < 1000; i++) {
		hcb_arrivals_draw(&a);
		hcb_arrivals_draw(&b);
		hcb_arrivals_draw(&c);
		assert_true(a.next_ns == b.next_ns);
	}
	assert_true(a.next_ns != c.next_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_logarithm_and_power_are_libms),
	        cmocka_unit_test(test_law_goes_through_its_points_and_is_a_power_between),
	        cmocka_unit_test(test_arrivals_keep_their_rate_and_differ_in_spread),
	        cmocka_unit_test(
	                test_the_time_of_day_swings_by_sixty_percent_about_the_mean),
	        cmocka_unit_test(test_same_seed_same_arrivals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
