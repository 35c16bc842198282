/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hcb_test.h"

#include "bench/core/clock.h"

static void test_virtual_stands_still_until_moved(void **state)
{
	struct hcb_clock c;
	(void)state;
	hcb_clock_init_virtual(&c);
	assert_true(c.is_virtual);
	assert_int_equal(hcb_clock_now(&c), 0);
	hcb_clock_advance(&c, 1000);
	assert_int_equal(hcb_clock_now(&c), 1000);
	hcb_clock_advance(&c, 999); /* back: ignored */
	assert_int_equal(hcb_clock_now(&c), 1000);
	assert_int_equal(hcb_clock_wall_until(&c, 5000), 0);
}

static void test_real_follows_monotonic(void **state)
{
	struct hcb_clock c;
	(void)state;
	uint64_t before = hcb_monotonic_ns();
	hcb_clock_init_real(&c, 1);
	uint64_t a = hcb_clock_now(&c), b = hcb_clock_now(&c);
	uint64_t after = hcb_monotonic_ns();
	assert_true(a <= b);
	assert_true(b <= after - before);
	hcb_clock_advance(&c, UINT64_MAX); /* only the virtual clock is moved */
	assert_int_equal(c.now_ns, 0);
	assert_true(hcb_clock_now(&c) < UINT64_MAX / 2);
}

/* Time is taken from base_ns, so a base in the past stands for a run that has lasted. */
static void test_dilated_time_runs_slower(void **state)
{
	struct hcb_clock c;
	(void)state;
	hcb_clock_init_real(&c, 4);
	c.base_ns -= 4000000000ULL;
	uint64_t now = hcb_clock_now(&c);
	assert_true(now >= 1000000000ULL && now < 60000000000ULL);
	uint64_t wall = hcb_clock_wall_until(&c, now + 1000000000ULL);
	assert_true(wall > 0 && wall <= 4000000000ULL);
	/* Less what passes between the two readings of the clock: at most a minute. */
	wall = hcb_clock_wall_until(&c, now + 1000000000000ULL);
	assert_between((double)wall, 3940e9, 4000e9);
}

static void test_wall_until_past_and_never(void **state)
{
	struct hcb_clock c;
	(void)state;
	hcb_clock_init_real(&c, 1);
	c.base_ns -= 1000;
	assert_int_equal(hcb_clock_wall_until(&c, 0), 0);
	assert_int_equal(hcb_clock_wall_until(&c, 1000), 0);
	assert_true(hcb_clock_wall_until(&c, HCB_NEVER) == HCB_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_virtual_stands_still_until_moved),
	        cmocka_unit_test(test_real_follows_monotonic),
	        cmocka_unit_test(test_dilated_time_runs_slower),
	        cmocka_unit_test(test_wall_until_past_and_never),
	};
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
