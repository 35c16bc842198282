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

/* By the counter, where it is sound, time is CLOCK_MONOTONIC's within what its
   calibration is good for, however long the machine keeps us waiting. */
static void test_counter_keeps_the_kernels_time(void **state)
{
	struct hcb_clock c;
	const struct timespec pause = {0, 50000000};
	(void)state;
	hcb_clock_init_real(&c, 1);
	if (!hcb_clock_use_counter(&c)) {
		print_message(
		        "the kernel does not keep time by the processor's counter\n");
		skip();
	}
	uint64_t from = hcb_monotonic_ns(), a = hcb_clock_now(&c);
	nanosleep(&pause, NULL);
	uint64_t b = hcb_clock_now(&c), to = hcb_monotonic_ns();
	assert_true((double)(b - a) <= (double)(to - from) * 1.001);
	assert_true((double)(b - a) >= 50000000 * 0.999);
	assert_between(hcb_clock_error(&c), -0.001, 0.001);
	/* a counter that runs 1 % too fast is found out */
	c.mult += c.mult / 100;
	assert_between(hcb_clock_error(&c), 0.009, 0.011);
}

static void test_counter_is_dilated_too(void **state)
{
	struct hcb_clock c;
	(void)state;
	hcb_clock_init_real(&c, 4);
	if (!hcb_clock_use_counter(&c))
		skip();
	const struct timespec pause = {0, 20000000};
	nanosleep(&pause, NULL);
	uint64_t now = hcb_clock_now(&c);
	double kernels = (double)(hcb_monotonic_ns() - c.base_ns) / 4;
	assert_between((double)now, 4990000, kernels * 1.001);
	assert_between(hcb_clock_error(&c), -0.001, 0.001);
	uint64_t wall = hcb_clock_wall_until(&c, now + 1000000000000ULL);
	assert_between((double)wall, 3940e9, 4000e9);
}

static void test_only_a_real_clock_takes_the_counter(void **state)
{
	struct hcb_clock c;
	(void)state;
	hcb_clock_init_virtual(&c);
	assert_false(hcb_clock_use_counter(&c));
	assert_int_equal(hcb_clock_now(&c), 0);
	assert_close(hcb_clock_error(&c), 0, 0);
	hcb_clock_init_real(&c, 1); /* CLOCK_MONOTONIC has no error against itself */
	assert_close(hcb_clock_error(&c), 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_virtual_stands_still_until_moved),
	        cmocka_unit_test(test_real_follows_monotonic),
	        cmocka_unit_test(test_dilated_time_runs_slower),
	        cmocka_unit_test(test_wall_until_past_and_never),
	        cmocka_unit_test(test_counter_keeps_the_kernels_time),
	        cmocka_unit_test(test_counter_is_dilated_too),
	        cmocka_unit_test(test_only_a_real_clock_takes_the_counter),
	};
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
