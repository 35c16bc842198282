/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hdd_test.h"

#include "engines/hdd_internal.h"

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

/* The extents are the dirty sectors: in order, apart, each once in the order of age. */
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
		assert_int_equal(c.end[i], end);
		memset(seen + e->lba, 1, e->n);
		sectors += e->n;
		hdd_locate(&g, e->lba, &at);
		assert_int_equal(at.lba, e->at.lba);
		assert_int_equal(at.angle, e->at.angle);
	}
	assert_memory_equal(seen, dirty, SPACE);
	assert_int_equal(sectors, c.sectors);
	uint8_t there[CAP] = {0};
	uint64_t age = 0;
	for (uint32_t i = 0; i < c.n; i++)
		there[c.by_lba[i]] = 1;
	for (uint32_t i = 0; i < c.n; i++) {
		const struct hdd_aged *a = &c.by_age[i];
		const struct hdd_extent *e = &c.ext[a->i];
		assert_int_equal(there[a->i], 1);
		there[a->i] = 2;
		assert_true(e->age >= age);
		age = e->age;
		assert_int_equal(a->cyl, e->at.cyl);
		assert_int_equal(a->angle, e->at.angle);
	}
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
			const struct hdd_extent *e = &c.ext[c.by_age[0].i];
			uint64_t k2 = n < e->n ? n : e->n;
			struct hdd_place next;
			memset(dirty + e->lba, 0, k2);
			hdd_locate(&g, e->lba + k2, &next);
			hdd_cache_consume(&c, c.by_age[0].i, k2, &next);
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
	assert_int_equal(c.ext[c.by_age[0].i].lba, 100);
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

/* The extent destaged is of the oldest destage_window the one that is had soonest, of two
   the older: whatever shortcuts are taken to find it, as if each had been looked at. */
static void test_the_soonest_extent_is_picked(void **state)
{
	struct hdd *m = hdd_test_new(3, HDD_ON);
	struct hcb_random r;
	unsigned within = 0, past = 0, next_track = 0;
	(void)state;
	hcb_random_init(&r, 5, 0);
	for (int k = 0; k < 20000; k++) {
		uint64_t t = hcb_random_below(&r, 1000000000), cost, move;
		/* All over the disk, or within a few tracks, where the arm hardly moves.
		 */
		uint64_t span = k % 2 ? m->g.sectors : 20000;
		uint64_t n = 1 + hcb_random_below(&r, k % 3 ? 200 : 4);
		uint32_t best = HDD_NO_EXTENT;
		uint64_t soonest = UINT64_MAX, best_move = 0;
		struct hdd_place at;
		hdd_cache_clear(&m->cache);
		for (uint64_t i = 0; i < n; i++)
			hdd_cache_add(&m->cache, &m->g, hcb_random_below(&r, span), 1);
		hdd_locate(&m->g, hcb_random_below(&r, span), &at);
		m->cyl = at.cyl;
		m->head = at.head;
		m->track = at.track;
		for (uint32_t i = 0; i < m->cache.n && i < m->p.destage_window; i++) {
			uint32_t e = m->cache.by_age[i].i;
			uint64_t x =
			        hdd_position_ns(m, t, &m->cache.ext[e].at, true, &move);
			if (x < soonest) {
				soonest = x;
				best = e;
				best_move = move;
			}
		}
		assert_int_equal(hdd_pick_extent(m, t, &cost), best);
		assert_int_equal(cost, soonest);
		within += soonest < m->g.rev_ns;
		past += soonest >= m->g.rev_ns;
		next_track += best_move == m->g.skew_ns;
	}
	assert_true(within > 1000 && past > 100 && next_track > 100);
	hdd_free(m);
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
	        cmocka_unit_test(test_the_soonest_extent_is_picked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
