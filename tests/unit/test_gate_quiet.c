/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which nights a calibration may be made of. */
#include "gate_nights.h"

/* How many, all within lo..hi. */
static size_t quiet_within(size_t n, double lo, double hi)
{
	double y[200];
	assert_true(n <= 200);
	walk(n);
	size_t many = hcb_gate_quiet(night, res, n, y);
	for (size_t i = 0; i < many; i++)
		assert_between(y[i], lo, hi);
	return many;
}

static void test_quiet_nights_are_of_the_newest_level(void **state)
{
	(void)state;
	level(0, 60, 3);
	night[20].valid = false;
	assert_int_equal(quiet_within(60, 2.9, 3.1), 59);
	assert_int_equal(quiet_within(0, 0, 0), 0);
	/* Not those of an episode that lasts, its first nights included. */
	level(40, 60, 3.2);
	assert_int_equal(quiet_within(60, 2.9, 3.1), 39);
	/* It is accepted: its nights are the level, and no others are. */
	night[50].ack = true;
	assert_int_equal(quiet_within(60, 3.15, 3.25), 20);
	assert_int_equal(res[50].segment, 40);
	assert_int_equal(res[49].segment, 0);
	/* An `ack` without an episode: what comes after it. */
	level(0, 60, 3);
	night[50].ack = true;
	assert_int_equal(quiet_within(60, 2.9, 3.1), 9);
	assert_int_equal(quiet_within(51, 2.9, 3.1), 0);
	/* An improvement that lasts is the level by itself. */
	level(0, 80, 3);
	level(40, 80, 2.8);
	assert_int_equal(quiet_within(80, 2.75, 2.85), 40);
}

static void test_an_episode_that_ended_by_itself_is_not_quiet(void **state)
{
	(void)state;
	level(0, 80, 3);
	level(40, 50, 3.2);
	walk(80);
	size_t back = 0;
	while (res[back].state != HCB_GATE_RECOVERED)
		back++;
	assert_between((double)back, 52, 60);
	assert_int_equal(quiet_within(80, 2.9, 3.1), 40 + 79 - back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_quiet_nights_are_of_the_newest_level),
	        cmocka_unit_test(test_an_episode_that_ended_by_itself_is_not_quiet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
