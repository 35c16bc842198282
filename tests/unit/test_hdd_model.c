/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mechanics, buffer and cache of the model disk. Bounds of sampled means: each comment
   gives the deviation of the mean; the bound is at least five of them. */
#include "hdd_test.h"

#include "engines/hdd_internal.h"

#define REV 8333333.3 /* nominal; a spindle is within 0.2 % */

static void test_rotational_wait_is_half_a_turn(void **state)
{
	struct hdd *m = hdd_test_new(1, HDD_DEFAULT);
	struct hcb_random r;
	uint64_t now = 0;
	(void)state;
	hcb_random_init(&r, 1, 0);
	for (int i = 0; i < 20000; i++)
		hdd_test_one(m, &now, HCB_READ, hdd_test_block(&r, m), 4096);
	/* Uniform over a turn: deviation of the mean 0.289 / sqrt(20000) turns = 0.41 %.
	 */
	assert_close((double)hdd_counters(m)->rotate_ns / 20000, hdd_rev_ns(m) / 2.0,
	             0.021);
	assert_int_equal(hdd_counters(m)->media_reads, 20000);
	/* Nothing else takes time but the command overhead. */
	assert_int_equal(now, hdd_counters(m)->busy_ns + 20000 * 150000ull);
	hdd_free(m);
}

static double random_per_s(enum hcb_op_kind kind, enum hdd_switch cache)
{
	struct hdd *m = hdd_test_new(1, cache);
	struct hcb_random r;
	uint64_t now = 0;
	hcb_random_init(&r, 2, 0);
	for (int i = 0; i < 10000; i++)
		hdd_test_one(m, &now, kind, hdd_test_block(&r, m), 4096);
	hdd_free(m);
	return 10000 * 1e9 / (double)now;
}

/* An op deviates by about 4.5 of 13 ms: the mean of 10000 by 0.35 %. */
static void test_depth_1_rates_are_the_references(void **state)
{
	(void)state;
	assert_close(random_per_s(HCB_READ, HDD_DEFAULT), 78, 0.03);
	assert_close(random_per_s(HCB_WRITE, HDD_OFF), 73, 0.03);
}

/* Reading on at depth 1 never loses a turn: 100 MiB at the outermost zone's rate. */
static void test_sequential_read_runs_at_media_rate(void **state)
{
	struct hdd *m = hdd_test_new(1, HDD_DEFAULT);
	uint64_t now = 0;
	(void)state;
	for (uint64_t i = 0; i < 100; i++)
		hdd_test_one(m, &now, HCB_READ, i * HCB_MIB, HCB_MIB);
	double tracks = 100.0 * (double)HCB_MIB / (2792 * 512);
	/* The first seek and turn are the rest. */
	assert_between((double)now, tracks * (hdd_rev_ns(m) + 1.19e6),
	               tracks * (hdd_rev_ns(m) + 1.21e6) + 30e6);
	hdd_free(m);
}

/* The same for cached writes: the cache is written out as one stream. */
static void test_sequential_cached_write_runs_at_media_rate(void **state)
{
	struct hdd *m = hdd_test_new(1, HDD_ON);
	uint64_t now = 0;
	(void)state;
	for (uint64_t i = 0; i < 100; i++)
		hdd_test_one(m, &now, HCB_WRITE, i * HCB_MIB, HCB_MIB);
	hdd_test_one(m, &now, HCB_FLUSH, 0, 0);
	double tracks = 100.0 * (double)HCB_MIB / (2792 * 512);
	assert_between((double)now, tracks * (hdd_rev_ns(m) + 1.19e6),
	               tracks * (hdd_rev_ns(m) + 1.21e6) + 50e6);
	hdd_free(m);
}

/* Writing out does not stop at every track for want of urgency. */
static void test_a_small_cache_keeps_the_stream(void **state)
{
	struct hdd_profile p = hdd_test_profile("generic-7200");
	struct hdd_config cfg = {
	        .profile = &p, .seed = 1, .cache = HDD_ON, .depth = 1, .slow = 1};
	uint64_t now = 0;
	(void)state;
	p.dirty_bytes = 4 * HCB_MIB;
	struct hdd *m = hdd_new(&cfg, NULL);
	assert_non_null(m);
	for (uint64_t i = 0; i < 200; i++)
		hdd_test_one(m, &now, HCB_WRITE, i * HCB_MIB, HCB_MIB);
	hdd_test_one(m, &now, HCB_FLUSH, 0, 0);
	assert_close(200 * (double)HCB_MIB * 1e3 / (double)now, 149.7, 0.03);
	hdd_free(m);
}

/* 4 KiB at a time the head stays just ahead: facts 6.1, target 19 asks for 85 %. */
static void test_small_sequential_reads_ride_the_stream(void **state)
{
	struct hdd *m = hdd_test_new(1, HDD_ON);
	uint64_t now = 0;
	(void)state;
	for (uint64_t i = 0; i < 5000; i++)
		hdd_test_one(m, &now, HCB_READ, i * 4096, 4096);
	assert_true(5000 * 4096 * 1e3 / (double)now > 0.85 * 149.7);
	hdd_free(m);
	/* A host a little slower than the medium: the head goes on before it, no turn
	 * lost. */
	m = hdd_test_new(1, HDD_ON);
	now = 0;
	for (uint64_t i = 0; i < 5000; i++) {
		hdd_test_one(m, &now, HCB_READ, i * 4096, 4096);
		now += 6000;
	}
	assert_between((double)now / 5000, 28400, 28400 / 0.9);
	hdd_free(m);
}

static void test_append_and_flush_is_one_revolution(void **state)
{
	struct hdd *m = hdd_test_new(4, HDD_ON);
	uint64_t now = 0;
	(void)state;
	hdd_test_one(m, &now, HCB_WRITE, 0, 4096);
	hdd_test_one(m, &now, HCB_FLUSH, 0, 0);
	uint64_t begin = now;
	for (uint64_t i = 1; i <= 300; i++) { /* within the first track: 349 pages */
		hdd_test_one(m, &now, HCB_WRITE, i * 4096, 4096);
		hdd_test_one(m, &now, HCB_FLUSH, 0, 0);
	}
	/* 300 turns and 300 pages, to the nanosecond per page of rounding. */
	double pages = 300.0 * 8 / 2792 * hdd_rev_ns(m);
	assert_close((double)(now - begin), 300.0 * hdd_rev_ns(m) + pages, 1e-6);
	hdd_free(m);
}

static void test_rewriting_a_page_and_flushing_is_one_revolution(void **state)
{
	struct hdd *m = hdd_test_new(4, HDD_ON);
	uint64_t now = 0;
	(void)state;
	hdd_test_one(m, &now, HCB_WRITE, 0, 4096);
	hdd_test_one(m, &now, HCB_FLUSH, 0, 0);
	uint64_t begin = now;
	for (int i = 0; i < 100; i++) {
		hdd_test_one(m, &now, HCB_WRITE, 0, 4096);
		hdd_test_one(m, &now, HCB_FLUSH, 0, 0);
	}
	assert_int_equal(now - begin, 100ull * hdd_rev_ns(m));
	hdd_free(m);
}

static void test_overwrites_cost_one_media_write(void **state)
{
	struct hdd *m = hdd_test_new(1, HDD_ON);
	uint64_t now = 0;
	(void)state;
	for (int i = 0; i < 100; i++)
		hdd_test_one(m, &now, HCB_WRITE, 40960, 8192);
	hdd_test_one(m, &now, HCB_FLUSH, 0, 0);
	assert_int_equal(hdd_counters(m)->writes, 100);
	assert_int_equal(hdd_counters(m)->write_merges, 99);
	assert_int_equal(hdd_counters(m)->media_writes, 1);
	assert_int_equal(hdd_counters(m)->media_write_bytes, 8192);
	hdd_free(m);
}

static void test_buffer_serves_what_it_holds(void **state)
{
	struct hdd *m = hdd_test_new(1, HDD_ON);
	uint64_t now = 0;
	(void)state;
	assert_true(hdd_test_one(m, &now, HCB_READ, 1 << 20, 4096) > 100000);
	/* Decoding and the link: 15 us + 4096 bytes at 550 MB/s. */
	assert_between((double)hdd_test_one(m, &now, HCB_READ, 1 << 20, 4096), 22000,
	               22500);
	hdd_test_one(m, &now, HCB_WRITE, 1ull << 40, 4096);
	assert_between((double)hdd_test_one(m, &now, HCB_READ, 1ull << 40, 4096), 22000,
	               22500);
	/* Read-ahead: half a second later the rest of the track is there as well. */
	now += 40 * HCB_MS;
	assert_between((double)hdd_test_one(m, &now, HCB_READ, (1 << 20) + 65536, 4096),
	               22000, 22500);
	/* A write makes the segment forget. */
	hdd_test_one(m, &now, HCB_WRITE, 1 << 20, 4096);
	hdd_test_one(m, &now, HCB_FLUSH, 0, 0);
	assert_true(hdd_test_one(m, &now, HCB_READ, 1 << 20, 4096) > 100000);
	assert_int_equal(hdd_counters(m)->read_hits, 3);
	hdd_free(m);
}

/* Only what the segment lacks is read; and nothing is read ahead while the arm is away.
 */
static void test_segments_hold_what_was_read_and_no_more(void **state)
{
	struct hdd *m = hdd_test_new(1, HDD_ON);
	uint64_t now = 0;
	(void)state;
	hdd_test_one(m, &now, HCB_READ, 0, 4096);
	now += 40 * HCB_MS; /* to the end of the next track: sector 5584 */
	uint64_t before = hdd_counters(m)->media_read_bytes;
	hdd_test_one(m, &now, HCB_READ, 5000 * 512, HCB_MIB);
	assert_int_equal(hdd_counters(m)->media_read_bytes - before,
	                 (5000 + 2048 - 5584) * 512);
	hdd_test_one(m, &now, HCB_READ, 1ull << 39, 4096);
	hdd_test_one(m, &now, HCB_WRITE, 1ull << 40, 4096);
	hdd_test_one(m, &now, HCB_FLUSH, 0, 0);
	now += 40 * HCB_MS;
	before = hdd_counters(m)->read_hits;
	hdd_test_one(m, &now, HCB_READ, (1ull << 39) + 65536, 4096);
	assert_int_equal(hdd_counters(m)->read_hits, before);
	hdd_free(m);
}

/* A segment smaller than a track: reading ahead stops when it is full, and what was asked
   for last is still there. */
static void test_reading_ahead_stops_at_a_full_segment(void **state)
{
	struct hdd_profile p = hdd_test_profile("generic-7200");
	struct hdd_config cfg = {
	        .profile = &p, .seed = 1, .cache = HDD_ON, .depth = 1, .slow = 1};
	uint64_t now = 0;
	(void)state;
	p.buffer_bytes = p.dirty_bytes + p.read_segments * HCB_MIB;
	struct hdd *m = hdd_new(&cfg, NULL);
	assert_non_null(m);
	hdd_test_one(m, &now, HCB_READ, 0, 65536);
	now += 40 * HCB_MS;
	assert_true(hdd_test_one(m, &now, HCB_READ, 0, 65536) < HCB_MS);
	/* 1 MiB from where the last one began. */
	assert_true(hdd_test_one(m, &now, HCB_READ, HCB_MIB - 4096, 4096) < HCB_MS);
	assert_int_equal(hdd_counters(m)->media_reads, 1);
	assert_true(hdd_test_one(m, &now, HCB_READ, HCB_MIB, 4096) > HCB_MS);
	assert_int_equal(hdd_counters(m)->media_reads, 2);
	/* Longer than a segment: its end is kept, and nothing is read ahead. */
	hdd_test_one(m, &now, HCB_READ, 1ull << 35, 2 * HCB_MIB);
	now += 40 * HCB_MS;
	uint64_t hits = hdd_counters(m)->read_hits;
	hdd_test_one(m, &now, HCB_READ, (1ull << 35) + 2 * HCB_MIB - 4096, 4096);
	assert_int_equal(hdd_counters(m)->read_hits, hits + 1);
	hdd_test_one(m, &now, HCB_READ, (1ull << 35) + 2 * HCB_MIB, 4096);
	assert_int_equal(hdd_counters(m)->read_hits, hits + 1);
	hdd_free(m);
}

static void test_idle_disk_writes_out_after_50_ms(void **state)
{
	struct hdd *m = hdd_test_new(1, HDD_ON);
	struct hdd_done d;
	uint64_t now = 0;
	(void)state;
	hdd_test_one(m, &now, HCB_WRITE, 1ull << 40, 4096);
	assert_int_equal(hdd_advance(m, now + 49 * HCB_MS, &d, 1), 0);
	assert_int_equal(hdd_dirty_bytes(m), 4096);
	assert_int_equal(hdd_counters(m)->media_writes, 0);
	assert_int_equal(hdd_advance(m, now + 100 * HCB_MS, &d, 1), 0);
	assert_int_equal(hdd_dirty_bytes(m), 0);
	assert_int_equal(hdd_counters(m)->media_writes, 1);
	assert_true(hdd_next_ns(m) == UINT64_MAX);
	hdd_free(m);
}

static void test_dirty_limits_hold(void **state)
{
	struct hdd *m = hdd_test_new(1, HDD_ON);
	struct hcb_random r;
	uint64_t now = 0;
	uint32_t most = 0;
	(void)state;
	hcb_random_init(&r, 3, 0);
	for (int i = 0; i < 2000; i++) {
		hdd_test_one(m, &now, HCB_WRITE, hdd_test_block(&r, m), 4096);
		most = m->cache.n > most ? m->cache.n : most;
	}
	assert_in_range(most, 192, 256); /* forced at 192, full at 256 */
	assert_true(hdd_counters(m)->room_waits > 1000);
	for (uint64_t i = 0; i < 100; i++) {
		hdd_test_one(m, &now, HCB_WRITE, i * HCB_MIB, HCB_MIB);
		assert_true(hdd_dirty_bytes(m) <= 8 * HCB_MIB);
	}
	hdd_free(m);
}

static void test_fua_goes_past_the_cache(void **state)
{
	struct hdd *m = hdd_test_new(1, HDD_ON);
	struct hdd_req w = {.kind = HCB_WRITE, .fua = true, .off = 1 << 30, .len = 4096};
	uint64_t now = 0;
	(void)state;
	hdd_test_one(m, &now, HCB_WRITE, 1 << 30, 4096);
	assert_int_equal(hdd_submit(m, now, &w), 0);
	hdd_test_next(m, &now);
	assert_int_equal(hdd_counters(m)->media_writes, 1);
	/* It replaced what was dirty there: nothing is left to flush but the 0.2 ms. */
	assert_int_equal(hdd_test_one(m, &now, HCB_FLUSH, 0, 0), 200000);
	assert_int_equal(hdd_counters(m)->media_writes, 1);
	hdd_free(m);
}

static void test_discard_forgets_what_was_dirty(void **state)
{
	struct hdd *m = hdd_test_new(1, HDD_ON);
	uint64_t now = 0;
	(void)state;
	hdd_test_one(m, &now, HCB_WRITE, 1 << 30, 65536);
	hdd_discard(m, now, 1 << 30, 65536);
	assert_int_equal(hdd_dirty_bytes(m), 0);
	assert_int_equal(hdd_test_one(m, &now, HCB_FLUSH, 0, 0), 200000);
	hdd_free(m);
}

static void test_filled_is_a_permutation_of_its_share(void **state)
{
	struct hdd_profile p = hdd_test_profile("generic-7200");
	struct hdd_config cfg = {
	        .profile = &p, .seed = 8, .depth = 1, .slow = 1, .filled = 0.6};
	struct hdd *m = hdd_new(&cfg, NULL);
	(void)state;
	assert_non_null(m);
	uint64_t part = (uint64_t)(0.6 * (double)m->n_slices), moved = 0;
	uint8_t *seen = calloc(m->n_slices, 1);
	assert_non_null(seen);
	for (uint64_t i = 0; i < m->n_slices; i++) {
		assert_true(m->slice[i] < m->n_slices);
		assert_int_equal(seen[m->slice[i]]++, 0);
		assert_true(i < part ? m->slice[i] < part : m->slice[i] == i);
		moved += m->slice[i] != i;
	}
	assert_true(moved > part * 9 / 10);
	free(seen);
	hdd_free(m);
}

/* 1 GiB of live data: packed it is a short stroke, filled=60% it is not. */
static void test_filled_makes_small_data_seek(void **state)
{
	struct hdd_profile p = hdd_test_profile("generic-7200");
	double ms[2];
	(void)state;
	for (int f = 0; f < 2; f++) {
		struct hdd_config cfg = {.profile = &p,
		                         .seed = 8,
		                         .depth = 1,
		                         .slow = 1,
		                         .size_bytes = HCB_GIB,
		                         .filled = f * 0.6};
		struct hdd *m = hdd_new(&cfg, NULL);
		struct hcb_random r;
		uint64_t now = 0;
		assert_non_null(m);
		hcb_random_init(&r, 1, 0);
		for (int i = 0; i < 4000; i++)
			hdd_test_one(m, &now, HCB_READ, hdd_test_block(&r, m), 4096);
		ms[f] = (double)now / 4000 / 1e6;
		hdd_free(m);
	}
	assert_between(ms[0], 5, 6.5); /* half a turn, a short seek, 0.15 */
	assert_between(ms[1], 10, 12.5);
}

static void test_two_spindles_differ_and_a_seed_repeats(void **state)
{
	struct hdd *a = hdd_test_new(1, HDD_ON), *b = hdd_test_new(2, HDD_ON);
	struct hdd *c = hdd_test_new(1, HDD_ON);
	(void)state;
	assert_true(a->phase != b->phase && a->g.rev_ns != b->g.rev_ns);
	assert_true(a->phase == c->phase && a->g.rev_ns == c->g.rev_ns);
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct hdd *m = hdd_test_new(seed, HDD_ON);
		assert_close(hdd_rev_ns(m), REV, 0.00201);
		hdd_free(m);
	}
	hdd_free(a);
	hdd_free(b);
	hdd_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_rotational_wait_is_half_a_turn),
	        cmocka_unit_test(test_depth_1_rates_are_the_references),
	        cmocka_unit_test(test_sequential_read_runs_at_media_rate),
	        cmocka_unit_test(test_sequential_cached_write_runs_at_media_rate),
	        cmocka_unit_test(test_a_small_cache_keeps_the_stream),
	        cmocka_unit_test(test_small_sequential_reads_ride_the_stream),
	        cmocka_unit_test(test_append_and_flush_is_one_revolution),
	        cmocka_unit_test(test_rewriting_a_page_and_flushing_is_one_revolution),
	        cmocka_unit_test(test_overwrites_cost_one_media_write),
	        cmocka_unit_test(test_buffer_serves_what_it_holds),
	        cmocka_unit_test(test_segments_hold_what_was_read_and_no_more),
	        cmocka_unit_test(test_reading_ahead_stops_at_a_full_segment),
	        cmocka_unit_test(test_idle_disk_writes_out_after_50_ms),
	        cmocka_unit_test(test_dirty_limits_hold),
	        cmocka_unit_test(test_fua_goes_past_the_cache),
	        cmocka_unit_test(test_discard_forgets_what_was_dirty),
	        cmocka_unit_test(test_filled_is_a_permutation_of_its_share),
	        cmocka_unit_test(test_filled_makes_small_data_seek),
	        cmocka_unit_test(test_two_spindles_differ_and_a_seed_repeats),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
