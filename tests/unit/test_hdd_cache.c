/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hdd_test.h"

#include "engines/hdd_cache.h"

#define SPACE 600u /* sectors of the small world the cache is checked in */
#define CAP   64u

static struct hdd_geometry g;
static struct hdd_cache c;
static uint8_t dirty[SPACE];

static int setup(void **state)
{
	struct hdd_profile p = hdd_test_profile("generic-7200");
	(void)state;
	hdd_geometry_init(&g, &p, 1.0);
	memset(dirty, 0, sizeof(dirty));
	return hdd_cache_init(&c, CAP);
}

static int teardown(void **state)
{
	(void)state;
	hdd_cache_free(&c);
	return 0;
}

/* The extents are the dirty sectors: in order, apart, all linked by age. */
static void check(void)
{
	uint8_t seen[SPACE] = {0};
	uint64_t sectors = 0, end = 0;
	for (uint32_t i = 0; i < c.n; i++) {
		const struct hdd_extent *e = &c.ext[c.by_lba[i]];
		struct hdd_place at;
		assert_true(e->n > 0);
		assert_true(i == 0 || e->lba > end); /* a gap: touching ones are merged */
		end = e->lba + e->n;
		assert_true(end <= SPACE);
		memset(seen + e->lba, 1, e->n);
		sectors += e->n;
		hdd_locate(&g, e->lba, &at);
		assert_int_equal(at.lba, e->at.lba);
		assert_int_equal(at.angle, e->at.angle);
	}
	assert_memory_equal(seen, dirty, SPACE);
	assert_int_equal(sectors, c.sectors);
	uint32_t n = 0;
	uint64_t age = 0;
	for (uint32_t i = c.oldest; i != HDD_NO_EXTENT; i = c.ext[i].newer, n++) {
		assert_true(n == 0 || c.ext[i].age >= age);
		age = c.ext[i].age;
		assert_true(n < c.n);
	}
	assert_int_equal(n, c.n);
}

static void test_random_history_matches_a_bitmap(void **state)
{
	struct hcb_random r;
	(void)state;
	hcb_random_init(&r, 9, 0);
	for (int k = 0; k < 200000; k++) {
		uint64_t n = 1 + hcb_random_below(&r, 12);
		uint64_t lba = hcb_random_below(&r, SPACE - n);
		uint64_t what = hcb_random_below(&r, 8);
		if (what < 4 && (c.n < CAP || hdd_cache_touches(&c, lba, n))) {
			hdd_cache_add(&c, &g, lba, n);
			memset(dirty + lba, 1, n);
		} else if (what < 7 && c.n < CAP) {
			hdd_cache_punch(&c, &g, lba, n);
			memset(dirty + lba, 0, n);
		} else if (c.n > 0) {
			const struct hdd_extent *e = &c.ext[c.oldest];
			uint64_t k2 = n < e->n ? n : e->n;
			struct hdd_place next;
			memset(dirty + e->lba, 0, k2);
			hdd_locate(&g, e->lba + k2, &next);
			hdd_cache_consume(&c, c.oldest, k2, &next);
		}
		bool all = true, any = false;
		for (uint64_t i = lba; i < lba + n; i++)
			all &= dirty[i];
		for (uint64_t i = lba ? lba - 1 : 0; i < lba + n + 1 && i < SPACE; i++)
			any |= dirty[i];
		assert_int_equal(hdd_cache_covers(&c, lba, n), all);
		assert_int_equal(hdd_cache_touches(&c, lba, n), any);
		check();
	}
}

/* A log that writes its last page again and goes on is one extent, as old as its start.
 */
static void test_log_stays_one_extent(void **state)
{
	(void)state;
	assert_false(hdd_cache_add(&c, &g, 100, 8));
	assert_false(hdd_cache_add(&c, &g, 500, 8));
	for (uint64_t p = 100; p < 180; p += 8)
		assert_true(hdd_cache_add(&c, &g, p, 16));
	assert_int_equal(c.n, 2);
	assert_int_equal(c.sectors, 88 + 8);
	assert_int_equal(c.ext[c.oldest].lba, 100);
}

/* With no slot left a hole cannot be cut: the extent stays dirty, nothing is lost. */
static void test_punch_without_a_slot_keeps_data_dirty(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < CAP; i++)
		hdd_cache_add(&c, &g, i * 8, 4);
	assert_int_equal(c.n, CAP);
	hdd_cache_punch(&c, &g, 9, 1);
	assert_true(hdd_cache_covers(&c, 8, 4));
	hdd_cache_punch(&c, &g, 8, 4);
	assert_int_equal(c.n, CAP - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_random_history_matches_a_bitmap,
	                                        setup, teardown),
	        cmocka_unit_test_setup_teardown(test_log_stays_one_extent, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(
	                test_punch_without_a_slot_keeps_data_dirty, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
