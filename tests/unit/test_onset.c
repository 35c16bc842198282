/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/hcb_test.h"

#include <errno.h>

#include "bench/core/random.h"
#include "bench/onset.h"

static double noise(struct hcb_random *rng)
{
	double sum = -6;
	for (int i = 0; i < 12; i++)
		sum += hcb_random_unit(rng);
	return sum;
}

/* A step of 3 deviations: found where it is, give or take a night, and inside the range.
 */
static void test_finds_a_step(void **state)
{
	(void)state;
	struct hcb_random rng;
	unsigned near = 0, inside = 0;
	hcb_random_init(&rng, 7, 0);
	for (int k = 0; k < 100; k++) {
		double y[40];
		struct hcb_onset o;
		for (int i = 0; i < 40; i++)
			y[i] = noise(&rng) + (i >= 30 ? 3 : 0);
		assert_int_equal(hcb_onset(y, 40, 1, &o), 0);
		assert_true(o.from <= o.at && o.at <= o.to);
		near += o.at >= 29 && o.at <= 31;
		inside += o.from <= 30 && o.to >= 30;
	}
	assert_true(near >= 85);
	assert_true(inside >= 85);
}

static void test_one_bad_night_does_not_carry_it(void **state)
{
	(void)state;
	double y[20];
	struct hcb_onset o;
	for (int i = 0; i < 20; i++)
		y[i] = 0.1 * (i % 3) + (i >= 12 ? 2 : 0);
	y[3] = 9;
	assert_int_equal(hcb_onset(y, 20, 1, &o), 0);
	assert_int_equal(o.at, 12);
	assert_int_equal(hcb_onset(y, 3, 1, &o), -EINVAL);
	assert_int_equal(hcb_onset(y, HCB_ONSET_NIGHTS + 1, 1, &o), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_finds_a_step),
	        cmocka_unit_test(test_one_bad_night_does_not_carry_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
