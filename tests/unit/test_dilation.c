/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does a result still move between D and 2D? */
#include "hcb_test.h"

#include "bench/core/random.h"
#include "bench/dilation.h"

static double normal(struct hcb_random *r)
{
	double s = -6;
	for (int i = 0; i < 12; i++)
		s += hcb_random_unit(r);
	return s;
}

static void draw(struct hcb_random *r, double centre, double sd, double *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = centre * exp(sd * normal(r));
}

static void test_what_moved_is_told_from_what_did_not(void **state)
{
	struct hcb_random r;
	double y[4], z[4];
	unsigned moved = 0, false_alarms = 0;
	(void)state;
	hcb_random_init(&r, 5, 0);
	for (int i = 0; i < 1000; i++) {
		draw(&r, 20, 0.10, y, 4);
		draw(&r, 30, 0.10, z, 4); /* 5 standard deviations of a mean apart */
		moved += !hcb_dilation_compare(y, 4, z, 4).same;
		draw(&r, 20, 0.10, z, 4);
		false_alarms += !hcb_dilation_compare(y, 4, z, 4).same;
	}
	assert_true(moved > 950);
	/* 5 % are promised; 3 standard deviations of 1000 draws are 2 % more. */
	assert_true(false_alarms < 75);
}

static void test_a_difference_within_the_margin_is_none(void **state)
{
	const double y[] = {100, 100.1, 99.9, 100}, z[] = {103, 103.1, 102.9, 103};
	const double w[] = {108, 108.1, 107.9, 108};
	struct hcb_dilation_step s = hcb_dilation_compare(y, 4, z, 4);
	(void)state;
	assert_true(s.told && s.same);
	assert_close(s.ratio, 1.03, 1e-3);
	s = hcb_dilation_compare(y, 4, w, 4);
	assert_true(s.told && !s.same);
}

static void test_too_few_blocks_tell_nothing(void **state)
{
	const double y[] = {100}, z[] = {100, 101}, zero[] = {0, 0, 100};
	(void)state;
	assert_false(hcb_dilation_compare(y, 1, z, 2).told);
	assert_false(hcb_dilation_compare(zero, 3, z, 2).told);
	assert_false(hcb_dilation_compare(zero, 3, z, 2).same);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_what_moved_is_told_from_what_did_not),
	        cmocka_unit_test(test_a_difference_within_the_margin_is_none),
	        cmocka_unit_test(test_too_few_blocks_tell_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
