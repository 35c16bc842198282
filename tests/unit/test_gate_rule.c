/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nightly gate's rule for one night, by hand; several series; calibration. */
#include "hcb_test.h"

#include <errno.h>

#include "bench/core/student.h"
#include "bench/gate_rule.h"
#include "noise.h"

static struct hcb_gate_conf conf_of(double delta)
{
	struct hcb_gate_conf c = hcb_gate_defaults(HCB_GATE_P50);
	c.delta = delta;
	c.s_floor = 0.001;
	return c;
}

static void test_a_night_s_datum_has_the_sign_that_makes_larger_worse(void **state)
{
	(void)state;
	assert_close(hcb_gate_datum(100, false), log(100), 1e-15);
	assert_close(hcb_gate_datum(100, true), -log(100), 1e-15);
	assert_true(isnan(hcb_gate_datum(0, false)) && isnan(hcb_gate_datum(-1, true)));
	assert_true(isnan(hcb_gate_datum(NAN, false)) &&
	            isnan(hcb_gate_datum(INFINITY, true)));
	/* A latency up by a quarter; a rate down by a fifth is as bad. */
	double worse = hcb_gate_datum(125, false) - hcb_gate_datum(100, false);
	assert_close(hcb_gate_change(worse, false), 0.25, 1e-12);
	assert_close(hcb_gate_change(worse, true), -0.2, 1e-12);
}

static void test_h_is_that_of_the_table_and_linear_in_1_over_n_between(void **state)
{
	struct hcb_gate_conf c = hcb_gate_defaults(HCB_GATE_P99);
	(void)state;
	assert_close(c.delta, 0.10, 0);
	assert_close(hcb_gate_h(&c, 10), 6.2, 1e-12);
	assert_close(hcb_gate_h(&c, 14), 5.4, 1e-12);
	assert_close(hcb_gate_h(&c, 20), 4.9, 1e-12);
	assert_close(hcb_gate_h(&c, 30), 4.7, 1e-12);
	/* 1/12 is 7/12 of the way from 1/10 to 1/14. */
	assert_close(hcb_gate_h(&c, 12), 6.2 - 0.8 * 7 / 12, 1e-12);
	assert_close(hcb_gate_h(&c, 24), 4.9 - 0.2 * 0.5, 1e-12);
}

static void test_a_baseline_is_winsorised_at_two_and_a_half_mad(void **state)
{
	/* Median 0; of the distances 0 0 0 0 1 1 1 1 2 10 the median is 1: d = 1.4826,
	   and 10 becomes 3.7065. */
	const double y[] = {0, 1, -1, 0, 10, -2, 0, 1, 0, -1};
	const double w[] = {0, 1, -1, 0, 3.7065, -2, 0, 1, 0, -1};
	struct hcb_interval_of_mean as_is = hcb_interval_of_mean(y, 10, 0.95);
	struct hcb_interval_of_mean clamped = hcb_interval_of_mean(w, 10, 0.95);
	struct hcb_gate_base b = hcb_gate_base_of(y, 10, 0.001);
	(void)state;
	assert_int_equal(b.n, 10);
	assert_close(b.median, 0, 0);
	assert_close(b.mu, clamped.mean, 1e-9);
	assert_close(b.s, 1.02 * clamped.sd, 1e-9);
	assert_close(b.mean, as_is.mean, 1e-12);
	assert_close(b.sd, as_is.sd, 1e-12);
}

static void test_no_baseline_is_quieter_than_its_floor_or_its_mad(void **state)
{
	double y[20];
	(void)state;
	for (int i = 0; i < 20; i++)
		y[i] = 3;
	struct hcb_gate_base b = hcb_gate_base_of(y, 20, 0.5);
	assert_close(b.s, 0.5, 1e-12);
	assert_close(b.mu, 3, 1e-12);
	/* Mostly one value: the other one, a resolution away, is not cut off. */
	for (int i = 0; i < 8; i++)
		y[i] = 4;
	b = hcb_gate_base_of(y, 20, 0.5);
	assert_close(b.mu, 3.4, 1e-12);
	/* Two values only: the deviation is 1.026, d is 1.4826, and 0.8 d is more. */
	for (int i = 0; i < 20; i++)
		y[i] = i % 2 ? 1 : -1;
	b = hcb_gate_base_of(y, 20, 0.001);
	assert_close(b.s, 0.8 * 1.4826, 1e-9);
}

/* Twenty nights at one level and ten at another, as a pool may be in one of two states:
   the median absolute deviation is the scatter about one of them. */
static void test_two_levels_are_no_quiet_baseline(void **state)
{
	struct hcb_gate_conf c = hcb_gate_defaults(HCB_GATE_THROUGHPUT);
	double y[30];
	const double three[] = {1, 1, 1};
	(void)state;
	for (int i = 0; i < 30; i++)
		y[i] = (i % 3 == 2) + (i % 2 ? 0.01 : -0.01);
	struct hcb_gate_base b = hcb_gate_base_of(y, 30, 0.001);
	assert_true(b.s > 0.4 && b.s < 0.6);
	assert_false(hcb_gate_look_at(&b, three, 3, &c).alarm);
	assert_int_equal(hcb_gate_collapse(&b, three), 0);
}

/* A tenth of the nights, however bad, makes no noise of the others. */
static void test_few_bad_nights_leave_the_scale_alone(void **state)
{
	static const unsigned lengths[] = {10, 19, 20, 29, 30};
	(void)state;
	for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
		unsigned n = lengths[k];
		double y[30], bad[30];
		for (unsigned i = 0; i < n; i++) {
			y[i] = (double)(i * 7 % n) / n;
			bad[i] = i < n / 10 ? 50 : y[i];
		}
		struct hcb_gate_base quiet = hcb_gate_base_of(y, n, 0.001);
		struct hcb_gate_base b = hcb_gate_base_of(bad, n, 0.001);
		assert_true(b.s < 1.7 * quiet.s);
	}
}

/* mu 0, s 1, of 30 nights. */
static const struct hcb_gate_base unit = {.n = 30, .s = 1, .sd = 1};

static void test_windows_by_hand(void **state)
{
	const double three[] = {3, 3, 3}, far[] = {9, 9, 9}, mixed[] = {9, 1, 1};
	const double ten[] = {0, 2, 2, 2, 2, 2, 2, 2, 2, 2};
	struct hcb_gate_conf c = conf_of(0);
	(void)state;
	struct hcb_gate_look l = hcb_gate_look_at(&unit, three, 3, &c);
	assert_close(l.z, 3 / sqrt(1.0 / 3 + 1.0 / 30), 1e-12);
	assert_close(l.shift, 3, 1e-12);
	assert_close(l.h, 4.7, 1e-12);
	assert_true(l.alarm);
	/* Two nights, however far, are not enough by z: 3.3 / sqrt(1/2 + 1/30) = 4.5. */
	l = hcb_gate_look_at(&unit, far, 2, &c);
	assert_close(l.z, 3.3 / sqrt(1.0 / 2 + 1.0 / 30), 1e-12);
	assert_false(l.alarm);
	/* The median has to have moved by more than s: one night does not carry three. */
	l = hcb_gate_look_at(&unit, mixed, 3, &c);
	assert_close(l.z, (3.3 + 1 + 1) / 3 / sqrt(1.0 / 3 + 1.0 / 30), 1e-12);
	assert_close(l.shift, 1, 1e-12);
	assert_false(l.alarm);
	l = hcb_gate_look_at(&unit, ten, 10, &c);
	assert_close(l.z, 1.8 / sqrt(1.0 / 10 + 1.0 / 30), 1e-12);
	assert_true(l.alarm);
	/* The floor in percent: log(1 + e^2 - 1) is 2, which is not more than 2. */
	c.delta = expm1(2);
	assert_false(hcb_gate_look_at(&unit, ten, 10, &c).alarm);
	c.delta = expm1(1.99);
	assert_true(hcb_gate_look_at(&unit, ten, 10, &c).alarm);
}

static void test_two_nights_count_by_the_smaller_of_the_two(void **state)
{
	const double up[] = {3, 1.5}, down[] = {-1.5, -3};
	struct hcb_gate_conf c = conf_of(0);
	(void)state;
	c.h[3] = 3; /* as calibrated on quiet nights: two may now be enough */
	struct hcb_gate_look l = hcb_gate_look_at(&unit, up, 2, &c);
	assert_close(l.shift, 1.5, 1e-12);
	assert_true(l.alarm);
	l = hcb_gate_look_at(&unit, down, 2, &c);
	assert_close(l.shift, -1.5, 1e-12);
	assert_true(l.alarm && l.z < 0);
	const double one[] = {3, 0.9};
	assert_false(hcb_gate_look_at(&unit, one, 2, &c).alarm);
}

static void test_of_two_windows_an_alarm_is_louder(void **state)
{
	struct hcb_gate_look quiet = {.m = 3, .z = 4, .h = 4.6};
	struct hcb_gate_look alarm = {.m = 4, .z = -4.7, .h = 4.6, .alarm = true};
	struct hcb_gate_look short_base = {.m = 5, .z = 5, .h = 6.2}, none = {0};
	(void)state;
	assert_int_equal(hcb_gate_louder(quiet, alarm).m, 4);
	assert_int_equal(hcb_gate_louder(alarm, quiet).m, 4);
	assert_int_equal(hcb_gate_louder(quiet, short_base).m, 3); /* by z / h */
	assert_int_equal(hcb_gate_louder(none, quiet).m, 3);
	assert_int_equal(hcb_gate_louder(quiet, none).m, 3);
}

static void test_one_night_is_outside_beyond_t(void **state)
{
	double reach = hcb_t_quantile(0.999, 29) * sqrt(1 + 1.0 / 30);
	(void)state;
	assert_close(hcb_gate_bound(30), reach, 1e-12);
	assert_between(reach, 3.44, 3.46); /* 3.396 x 1.0165 */
	assert_int_equal(hcb_gate_outside(&unit, reach + 1e-6, reach, 0.001), 1);
	assert_int_equal(hcb_gate_outside(&unit, reach - 1e-6, reach, 0.001), 0);
	assert_int_equal(hcb_gate_outside(&unit, -reach - 1e-6, reach, 0.001), -1);
	assert_int_equal(hcb_gate_outside(&unit, reach + 1e-6, reach, 2), 0);
	/* By the deviation of the nights as they are, bad ones and all. */
	const struct hcb_gate_base wide = {.n = 30, .s = 1, .sd = 2, .mean = 1};
	assert_int_equal(hcb_gate_outside(&wide, 1.9 * reach, reach, 0.001), 0);
	assert_int_equal(hcb_gate_outside(&wide, 2.1 * reach + 1, reach, 0.001), 1);
}

static void test_a_collapse_is_two_nights_beyond_6_s_and_by_a_quarter(void **state)
{
	struct hcb_gate_base b = {.n = 30, .s = 0.05, .sd = 0.05};
	const double both[] = {0.31, 0.4}, one[] = {0.31, 0.29}, up[] = {-0.31, -0.31};
	(void)state;
	assert_int_equal(hcb_gate_collapse(&b, both), 1);
	assert_int_equal(hcb_gate_collapse(&b, one), 0);
	assert_int_equal(hcb_gate_collapse(&b, up), -1);
	b.s = 0.01; /* 31 s, but log(1.25) is 0.223 */
	const double small[] = {0.22, 0.4};
	assert_int_equal(hcb_gate_collapse(&b, small), 0);
	b.s = 0.06;
	assert_int_equal(hcb_gate_collapse(&b, both), 0); /* 5.2 s */
}

/* The step of a series with normal noise, as medians have it; 300 series: 1.5 % is one
   standard deviation of counting. */
static void test_a_shift_s_interval_holds_it(void **state)
{
	unsigned held = 0;
	(void)state;
	for (uint64_t k = 0; k < 300; k++) {
		double y[40], lo, hi, lo2, hi2;
		struct noise z;
		noise_init(&z, NOISE_NORMAL, 5, k);
		for (int i = 0; i < 40; i++)
			y[i] = noise_draw(&z) + (i >= 30 ? 4 : 0);
		hcb_gate_interval(y, 30, y + 30, 10, 1, &lo, &hi);
		hcb_gate_interval(y, 30, y + 30, 10, 1, &lo2, &hi2);
		assert_true(lo < hi && !(lo < lo2) && !(lo > lo2) && !(hi < hi2));
		held += lo < 4 && 4 < hi;
	}
	assert_between(held / 300.0, 0.90, 0.99);
}

/* ---- drift ---- */

static void test_drift_is_seen_against_a_pinned_baseline(void **state)
{
	double y[130];
	struct noise z;
	struct hcb_gate_conf c = conf_of(0.05);
	struct hcb_gate_result r;
	(void)state;
	/* Slower by 0.15 % each night; a night strays by 2 %. */
	noise_init(&z, NOISE_NORMAL, 3, 1);
	for (int t = 0; t < 130; t++)
		y[t] = 0.02 * noise_draw(&z) + 0.0015 * t;
	assert_int_equal(hcb_gate_drift(y, 30, y + 30, 100, &c, &r), 0);
	assert_int_equal(r.state, HCB_GATE_REGRESSION);
	assert_between(r.shift, 0.12, 0.20);
	assert_true(r.lo < r.shift && r.shift < r.hi && r.n == 30);
	/* More pinned nights than are used: the first ones count. */
	assert_int_equal(hcb_gate_drift(y, 120, y + 120, 10, &c, &r), 0);
	assert_int_equal(r.n, 30);
	assert_int_equal(r.state, HCB_GATE_REGRESSION);
	for (int t = 0; t < 130; t++)
		y[t] = -y[t];
	assert_int_equal(hcb_gate_drift(y, 30, y + 30, 100, &c, &r), 0);
	assert_int_equal(r.state, HCB_GATE_IMPROVED);
	assert_int_equal(hcb_gate_drift(y, 30, y + 25, 5, &c, &r), 0);
	assert_int_equal(r.state, HCB_GATE_OK);
	assert_int_equal(hcb_gate_drift(y, 9, y + 9, 10, &c, &r), 0);
	assert_int_equal(r.state, HCB_GATE_LEARNING);
	assert_int_equal(hcb_gate_drift(y, 30, y + 30, 1, &c, &r), 0);
	assert_int_equal(r.state, HCB_GATE_LEARNING);
	y[35] = NAN;
	assert_int_equal(hcb_gate_drift(y, 30, y + 30, 6, &c, &r), -EINVAL);
	assert_int_equal(hcb_gate_drift(y + 30, 30, y + 60, 6, &c, &r), -EINVAL);
}

/* ---- across series ---- */

static struct hcb_gate_voice voice(int moves, unsigned group)
{
	return (struct hcb_gate_voice){moves, true, group};
}

static void test_a_control_that_moves_is_the_environment(void **state)
{
	struct hcb_gate_voice control[2] = {voice(0, 0), voice(0, 1)};
	struct hcb_gate_voice metric[1] = {voice(1, 0)};
	(void)state;
	assert_int_equal(hcb_gate_environment(control, 2, metric, 1), HCB_GATE_STEADY);
	control[1].moves = 1;
	assert_int_equal(hcb_gate_environment(control, 2, metric, 1), HCB_GATE_CONTROL);
	control[1].moves = -1;
	assert_int_equal(hcb_gate_environment(control, 2, metric, 1), HCB_GATE_CONTROL);
	control[1].judged = false;
	assert_int_equal(hcb_gate_environment(control, 2, metric, 1), HCB_GATE_STEADY);
	assert_int_equal(hcb_gate_environment(NULL, 0, NULL, 0), HCB_GATE_STEADY);
}

static void test_unrelated_metrics_that_move_together_are_the_environment(void **state)
{
	struct hcb_gate_voice v[10];
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		v[i] = voice(i < 3, i);
	/* 3 of 10 is 30 %, not more. */
	assert_int_equal(hcb_gate_environment(NULL, 0, v, 10), HCB_GATE_STEADY);
	assert_int_equal(hcb_gate_environment(NULL, 0, v, 9), HCB_GATE_TOGETHER);
	v[3].moves = 1;
	assert_int_equal(hcb_gate_environment(NULL, 0, v, 10), HCB_GATE_TOGETHER);
	v[3].moves = -1; /* another direction is not together */
	assert_int_equal(hcb_gate_environment(NULL, 0, v, 10), HCB_GATE_STEADY);
	v[3].moves = 1;
	v[3].judged = false; /* 3 of 9 judged */
	assert_int_equal(hcb_gate_environment(NULL, 0, v, 10), HCB_GATE_TOGETHER);
	/* The p50, p99 and rate of one workload are one. */
	v[0].group = v[1].group = v[2].group = 7;
	v[3].judged = true;
	v[3].moves = 0;
	assert_int_equal(hcb_gate_environment(NULL, 0, v, 10), HCB_GATE_STEADY);
	/* One of two is half of them, and still alone. */
	assert_int_equal(hcb_gate_environment(NULL, 0, v + 2, 2), HCB_GATE_STEADY);
}

static void test_a_series_moves_when_it_is_outside_or_newly_at_another_level(void **state)
{
	struct hcb_gate_result r = {.state = HCB_GATE_OK, .episode = HCB_GATE_OK};
	(void)state;
	assert_int_equal(hcb_gate_moves(&r, 50), 0);
	assert_true(hcb_gate_voice(&r, 50, 4).judged);
	assert_int_equal(hcb_gate_voice(&r, 50, 4).group, 4);
	r.outside = -1;
	assert_int_equal(hcb_gate_moves(&r, 50), -1);
	r.outside = 0;
	r.state = r.episode = HCB_GATE_REGRESSION;
	r.onset = 41;
	assert_int_equal(hcb_gate_moves(&r, 50), 1);
	assert_int_equal(hcb_gate_moves(&r, 51), 0); /* old news */
	r.episode = HCB_GATE_IMPROVED;
	assert_int_equal(hcb_gate_moves(&r, 50), -1);
	r.state = HCB_GATE_INVALID;
	assert_int_equal(hcb_gate_moves(&r, 50), 0);
	assert_false(hcb_gate_voice(&r, 50, 0).judged);
	r.state = HCB_GATE_LEARNING;
	assert_false(hcb_gate_voice(&r, 50, 0).judged);
}

/* ---- calibration ---- */

static void test_calibration_refuses_what_it_cannot_use(void **state)
{
	double e[40] = {0};
	struct hcb_gate_conf c = conf_of(0);
	(void)state;
	assert_int_equal(hcb_gate_calibrate(e, 29, 0.1, 1, &c), -EINVAL);
	assert_int_equal(hcb_gate_calibrate(e, 40, 0, 1, &c), -EINVAL);
	assert_int_equal(hcb_gate_calibrate(e, 40, NAN, 1, &c), -EINVAL);
	e[7] = NAN;
	assert_int_equal(hcb_gate_calibrate(e, 40, 0.1, 1, &c), -EINVAL);
	e[7] = 0;
	c.s_floor = 0;
	assert_int_equal(hcb_gate_calibrate(e, 40, 0.1, 1, &c), -EINVAL);
	assert_close(c.h[3], 4.7, 1e-12); /* as it was */
	/* A constant series raises no alarm of itself. */
	c.s_floor = 0.001;
	assert_int_equal(hcb_gate_calibrate(e, 40, 0.1, 1, &c), 0);
	assert_close(c.h[0], 6.2, 1e-12);
	assert_close(c.h[3], 4.7, 1e-12);
}

static void test_calibration_asks_more_of_series_that_depend_on_themselves(void **state)
{
	double e[200];
	struct hcb_gate_conf c[3];
	static const enum noise_kind kind[3] = {NOISE_NORMAL, NOISE_AR6, NOISE_AR6};
	static const double budget[3] = {0.1, 0.1, 0.5};
	(void)state;
	if (HCB_TEST_SLOW)
		return; /* pure arithmetic, and seconds of it */
	for (int k = 0; k < 3; k++) {
		struct noise z;
		noise_init(&z, kind[k], 9, kind[k]);
		for (int i = 0; i < 200; i++)
			e[i] = 7 + 0.05 * noise_draw(&z);
		c[k] = conf_of(0.05);
		assert_int_equal(hcb_gate_calibrate(e, 200, budget[k], 2, &c[k]), 0);
		for (int i = 0; i < 3; i++)
			assert_true(c[k].h[i] >= c[k].h[i + 1]);
		assert_close(c[k].delta, 0.05, 0);
	}
	/* Never below what is shipped. */
	assert_close(c[0].h[3], 4.7, 1e-12);
	assert_true(c[1].h[3] > 5.2);
	assert_true(c[2].h[3] < c[1].h[3]);
	assert_int_equal(hcb_gate_calibrate(e, 200, 0.5, 2, &c[0]), 0);
	assert_memory_equal(c[0].h, c[2].h, sizeof(c[0].h)); /* same seed */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                test_a_night_s_datum_has_the_sign_that_makes_larger_worse),
	        cmocka_unit_test(
	                test_h_is_that_of_the_table_and_linear_in_1_over_n_between),
	        cmocka_unit_test(test_a_baseline_is_winsorised_at_two_and_a_half_mad),
	        cmocka_unit_test(test_no_baseline_is_quieter_than_its_floor_or_its_mad),
	        cmocka_unit_test(test_two_levels_are_no_quiet_baseline),
	        cmocka_unit_test(test_few_bad_nights_leave_the_scale_alone),
	        cmocka_unit_test(test_windows_by_hand),
	        cmocka_unit_test(test_two_nights_count_by_the_smaller_of_the_two),
	        cmocka_unit_test(test_of_two_windows_an_alarm_is_louder),
	        cmocka_unit_test(test_one_night_is_outside_beyond_t),
	        cmocka_unit_test(
	                test_a_collapse_is_two_nights_beyond_6_s_and_by_a_quarter),
	        cmocka_unit_test(test_a_shift_s_interval_holds_it),
	        cmocka_unit_test(test_drift_is_seen_against_a_pinned_baseline),
	        cmocka_unit_test(test_a_control_that_moves_is_the_environment),
	        cmocka_unit_test(
	                test_unrelated_metrics_that_move_together_are_the_environment),
	        cmocka_unit_test(
	                test_a_series_moves_when_it_is_outside_or_newly_at_another_level),
	        cmocka_unit_test(test_calibration_refuses_what_it_cannot_use),
	        cmocka_unit_test(
	                test_calibration_asks_more_of_series_that_depend_on_themselves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
