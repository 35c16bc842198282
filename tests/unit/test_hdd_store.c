/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a power cut leaves in the data of a model disk, told step by step where it is. */
#include "hcb_test.h"

#include <errno.h>

#include "engines/hdd_store.h"

#define PAGE   4096u
#define SECTOR 512u
#define PAGES  64u

static struct hdd_store *st;

static int setup(void **state)
{
	const struct hdd_store_config cfg = {.size_bytes = PAGES * PAGE,
	                                     .cache_bytes = 16 * PAGE,
	                                     .cache_cmds = 16,
	                                     .depth = 8,
	                                     .max_len = 16 * PAGE};
	(void)state;
	return hdd_store_new(&st, &cfg);
}

static int teardown(void **state)
{
	(void)state;
	hdd_store_free(st);
	return 0;
}

/* A write of n sectors, each byte c, that flies. */
static struct hdd_store_op fly(uint64_t sector, unsigned n, int c)
{
	char buf[16 * PAGE];
	struct hdd_store_op o;
	memset(buf, c, n * SECTOR);
	assert_int_equal(hdd_store_write(st, sector * SECTOR, buf, n * SECTOR, &o), 0);
	assert_true(hdd_store_submitted(st, &o));
	return o;
}

static void cache(uint64_t sector, unsigned n, int c)
{
	struct hdd_store_op o = fly(sector, n, c);
	hdd_store_cached(st, &o);
}

static void destage(uint64_t sector, unsigned n)
{
	hdd_store_destaging(st, sector * SECTOR, n * SECTOR);
	hdd_store_destaged(st);
}

/* Cuts, comes back, and says what the sector has. */
static int after_cut(double keep, uint64_t sector)
{
	char buf[SECTOR];
	struct hdd_store_op o;
	assert_int_equal(hdd_store_power_cut(st, 1, keep), 0);
	assert_false(hdd_store_powered(st));
	assert_int_equal(hdd_store_read(st, 0, buf, SECTOR, &o), -EIO);
	assert_int_equal(hdd_store_write(st, 0, buf, SECTOR, &o), -EIO);
	hdd_store_power_on(st);
	assert_int_equal(hdd_store_read(st, sector * SECTOR, buf, SECTOR, &o), 0);
	for (unsigned i = 1; i < SECTOR; i++)
		assert_int_equal(buf[i], buf[0]);
	struct hdd_store_stat s;
	hdd_store_stat(st, &s);
	assert_int_equal(s.at_risk_bytes, 0);
	return buf[0];
}

static void test_cached_is_lost_or_kept(void **state)
{
	(void)state;
	cache(8, 8, 'a');
	assert_int_equal(after_cut(0, 8), 0);
	cache(8, 8, 'a');
	assert_int_equal(after_cut(1, 8), 'a');
	assert_int_equal(after_cut(0, 8), 'a');
}

static void test_destaged_and_written_stay(void **state)
{
	(void)state;
	cache(8, 8, 'a');
	destage(8, 8);
	cache(16, 8, 'b');
	destage(16, 4);
	struct hdd_store_op o = fly(32, 8, 'c');
	hdd_store_written(st, &o);
	assert_int_equal(after_cut(0, 8), 'a');
	assert_int_equal(after_cut(0, 32), 'c');
	assert_int_equal(after_cut(0, 19), 'b');
	assert_int_equal(after_cut(0, 20), 0);
}

static void test_in_flight_may_be_either(void **state)
{
	(void)state;
	fly(8, 8, 'a');
	assert_int_equal(after_cut(0, 8), 0);
	fly(8, 8, 'b');
	assert_int_equal(after_cut(1, 8), 'b');
}

/* What the model says of a write from before a cut means nothing for what came after. */
static void test_answers_from_before_the_cut(void **state)
{
	(void)state;
	struct hdd_store_op o = fly(8, 8, 'a');
	assert_int_equal(after_cut(0, 8), 0);
	fly(8, 8, 'b');
	hdd_store_written(st, &o);
	hdd_store_cached(st, &o);
	assert_int_equal(after_cut(0, 8), 0);
}

/* What the medium has is two writes back: the one between was only in the cache. */
static void test_overwritten_in_the_cache(void **state)
{
	(void)state;
	for (uint64_t s = 0; s < 32; s++) {
		cache(s, 1, 'a');
		destage(s, 1);
		cache(s, 1, 'b');
		cache(s, 1, 'c');
		assert_int_equal(after_cut(0, s), 'a');
	}
}

/* Two writes to one place at once: when the later one is on the medium, what was there
   before both is not. */
static void test_overlapping_in_flight(void **state)
{
	(void)state;
	for (uint64_t s = 0; s < 32; s++) {
		fly(s, 1, 'a');
		struct hdd_store_op o = fly(s, 1, 'b');
		if (s % 2) {
			hdd_store_written(st, &o);
		} else {
			hdd_store_cached(st, &o);
			destage(s, 1);
		}
		assert_int_equal(after_cut(0, s), 'b');
	}
}

/* Written over while the arm is at it: the medium gets the version before. */
static void test_overwritten_while_written_out(void **state)
{
	(void)state;
	cache(8, 8, 'a');
	hdd_store_destaging(st, 8 * SECTOR, 8 * SECTOR);
	struct hdd_store_op o = fly(8, 2, 'b');
	hdd_store_destaged(st);
	hdd_store_cached(st, &o);
	assert_int_equal(after_cut(0, 9), 'a');

	cache(8, 8, 'c');
	hdd_store_destaging(st, 8 * SECTOR, 8 * SECTOR);
	cache(8, 2, 'd');
	hdd_store_destaged(st);
	assert_int_equal(after_cut(0, 8), 'c');
	assert_int_equal(after_cut(0, 10), 'c');
}

/* One goes into the cache while an earlier one waits for the arm, which then makes the
   cache drop it: what was there before both is gone. */
static void test_overtaken_in_flight(void **state)
{
	(void)state;
	struct hdd_store_op first = fly(8, 8, 'a');
	struct hdd_store_op second = fly(8, 4, 'b');
	hdd_store_written(st, &second);
	cache(8, 8, 'c');
	hdd_store_written(st, &first);
	assert_int_equal(after_cut(0, 8), 'c');
	assert_int_equal(after_cut(0, 12), 'c');
}

/* A write straight to the medium makes everything older of it meaningless. */
static void test_written_over_what_was_cached(void **state)
{
	(void)state;
	cache(8, 8, 'a');
	struct hdd_store_op o = fly(10, 2, 'b');
	hdd_store_written(st, &o);
	assert_int_equal(after_cut(0, 10), 'b');
	assert_int_equal(after_cut(0, 9), 0);
}

static void test_discarded_and_clean(void **state)
{
	struct hdd_store_op o;
	(void)state;
	cache(8, 24, 'a');
	destage(8, 24);
	cache(8, 24, 'b');
	assert_int_equal(hdd_store_discard(st, 8 * SECTOR, 8 * SECTOR, &o), 0);
	assert_true(hdd_store_submitted(st, &o));
	hdd_store_settle(st, 8 * SECTOR, 8 * SECTOR);
	assert_int_equal(after_cut(0, 8), 0);
	cache(8, 24, 'c');
	hdd_store_settle(st, 0, PAGES * PAGE); /* more pages than there are buckets */
	assert_int_equal(after_cut(0, 8), 'c');
	cache(8, 24, 'd');
	hdd_store_clean(st);
	assert_int_equal(after_cut(0, 31), 'd');
}

static void test_not_volatile(void **state)
{
	struct hdd_store_stat s;
	(void)state;
	hdd_store_set_volatile(st, false);
	cache(8, 8, 'a');
	hdd_store_stat(st, &s);
	assert_int_equal(s.at_risk_bytes, 0);
	assert_int_equal(after_cut(0, 8), 'a');
}

/* Half of 512 sectors: neither all nor none, and pages are torn. */
static void test_chance(void **state)
{
	char buf[PAGES * PAGE];
	struct hdd_store_op o;
	unsigned kept = 0, torn = 0;
	(void)state;
	for (unsigned i = 0; i < 4; i++)
		cache(i * 128, 128, 'a');
	assert_int_equal(hdd_store_power_cut(st, 12, 0.5), 0);
	hdd_store_power_on(st);
	assert_int_equal(hdd_store_read(st, 0, buf, sizeof(buf), &o), 0);
	for (unsigned p = 0; p < PAGES; p++) {
		unsigned n = 0;
		for (unsigned s = 0; s < 8; s++)
			n += buf[p * PAGE + s * SECTOR] == 'a';
		kept += n;
		torn += n % 8 != 0;
	}
	assert_between(kept, 100, 412);
	assert_true(torn > 0);
	struct hdd_store_stat s;
	hdd_store_stat(st, &s);
	assert_int_equal(s.sectors_kept, kept);
	assert_int_equal(s.sectors_lost, 512 - kept);
}

/* Moved before the cut, handed to the model after it: fails, and leaves no trace. */
static void test_cut_between_data_and_request(void **state)
{
	char buf[PAGE];
	struct hdd_store_op w, r;
	(void)state;
	memset(buf, 'a', PAGE);
	assert_int_equal(hdd_store_write(st, 0, buf, PAGE, &w), 0);
	assert_int_equal(hdd_store_read(st, 0, buf, PAGE, &r), 0);
	assert_int_equal(hdd_store_power_cut(st, 1, 0), 0);
	hdd_store_power_on(st);
	assert_false(hdd_store_submitted(st, &w));
	assert_false(hdd_store_submitted(st, &r));
	after_cut(0, 0);
}

static void test_limit_and_memory(void **state)
{
	const struct hdd_store_config cfg = {.size_bytes = PAGES * PAGE,
	                                     .data_bytes = 8 * PAGE,
	                                     .cache_bytes = 4 * PAGE,
	                                     .cache_cmds = 2,
	                                     .depth = 1,
	                                     .max_len = PAGE};
	struct hdd_store *small;
	struct hdd_store_op o;
	char buf[PAGE] = {1};
	int r = 0;
	unsigned n = 0;
	(void)state;
	assert_int_equal(hdd_store_new(&small, &cfg), 0);
	for (; n < PAGES && !r; n++) {
		r = hdd_store_write(small, n * PAGE, buf, PAGE, &o);
		if (!r && hdd_store_submitted(small, &o))
			hdd_store_written(small, &o);
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(n, 9);
	hdd_store_free(small);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	        T(test_cached_is_lost_or_kept),
	        T(test_destaged_and_written_stay),
	        T(test_in_flight_may_be_either),
	        T(test_answers_from_before_the_cut),
	        T(test_overwritten_in_the_cache),
	        T(test_overlapping_in_flight),
	        T(test_overtaken_in_flight),
	        T(test_overwritten_while_written_out),
	        T(test_written_over_what_was_cached),
	        T(test_discarded_and_clean),
	        T(test_not_volatile),
	        T(test_chance),
	        T(test_cut_between_data_and_request),
	        T(test_limit_and_memory),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
