/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a pool may hold, by hand. */
#include "hcb_test.h"

#include "bench/space.h"

static void test_as_many_hosts_as_copies_the_smallest_binds(void **state)
{
	const double three[] = {2e12, 1e12, 4e12};
	(void)state;
	assert_close(hcb_space_usable(three, 3, 3, false), 0.85e12, 1);
	/* A host that is gone leaves nowhere to heal to, and takes no room either. */
	assert_close(hcb_space_usable(three, 3, 3, true), 0.85e12, 1);
	assert_true(hcb_space_usable(three, 2, 3, false) == 0);
}

static void test_more_hosts_than_copies_heal(void **state)
{
	const double four[] = {1e12, 1e12, 1e12, 1e12};
	const double large[] = {1e12, 1e12, 1e12, 9e12};
	(void)state;
	assert_close(hcb_space_usable(four, 4, 3, false), 0.85e12 * 4 / 3, 1);
	assert_close(hcb_space_usable(four, 4, 3, true), 0.85e12, 1);
	/* The large one holds one copy of everything and no more: the other two copies
	   share 3 TB. */
	assert_close(hcb_space_usable(large, 4, 3, false), 0.85e12 * 3 / 2, 1);
	assert_close(hcb_space_usable(large, 4, 3, true), 0.85e12, 1);
}

/* Against a search of D itself, over domains of any size. */
static void test_the_most_is_the_most(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed < 200; seed++) {
		double b[6];
		size_t n = 3 + seed % 4;
		for (size_t i = 0; i < n; i++)
			b[i] = 1 + (seed * 7919u * (unsigned)(i + 3)) % 97;
		double lo = 0, hi = 1000;
		for (int k = 0; k < 60; k++) {
			double d = (lo + hi) / 2, sum = 0;
			for (size_t i = 0; i < n; i++)
				sum += b[i] < d ? b[i] : d;
			*(sum >= 3 * d ? &lo : &hi) = d;
		}
		assert_close(hcb_space_usable(b, n, 3, false), 0.85 * lo, 1e-6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_as_many_hosts_as_copies_the_smallest_binds),
	        cmocka_unit_test(test_more_hosts_than_copies_heal),
	        cmocka_unit_test(test_the_most_is_the_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
