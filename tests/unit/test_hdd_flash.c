/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The model with flash for a medium: sata-ssd and sata-ssd-plp. */
#include "hdd_test.h"

static struct hdd *new_ssd(const char *name, enum hdd_switch cache)
{
	struct hdd_profile p = hdd_test_profile(name);
	struct hdd_config cfg = {
	        .profile = &p, .seed = 1, .cache = cache, .depth = 256, .slow = 1};
	struct hdd *m = hdd_new(&cfg, NULL);
	assert_non_null(m);
	return m;
}

#define LINK_NS(bytes) ((bytes)*1000 / 550) /* 550 MB/s */

static void test_a_read_is_the_sum_of_its_parts(void **state)
{
	struct hdd *m = new_ssd("sata-ssd", HDD_ON);
	uint64_t now = HCB_SEC;
	(void)state;
	/* Array, decoding, link; the same anywhere, also a second time: no read-ahead. */
	for (int i = 0; i < 4; i++)
		assert_close((double)hdd_test_one(m, &now, HCB_READ,
		                                  (uint64_t)(i % 2) << 38, 4096),
		             66000 + 2800 + LINK_NS(4096), 1e-3);
	/* 8 pages: the link begins with the first and is the longer. */
	assert_close((double)hdd_test_one(m, &now, HCB_READ, 0, 131072),
	             66000 + 2800 + LINK_NS(131072), 1e-3);
	assert_int_equal(hdd_counters(m)->media_reads, 5);
	assert_int_equal(hdd_counters(m)->read_hits, 0);
	assert_int_equal(hdd_rev_ns(m), 0);
	hdd_free(m);
}

/* Reads that come at once: a channel each, and the link one after another. */
static void test_reads_overlap(void **state)
{
	struct hdd *m = new_ssd("sata-ssd", HDD_ON);
	uint64_t now = 0;
	(void)state;
	for (uintptr_t i = 0; i < 32; i++)
		hdd_test_submit(m, 0, HCB_READ, i << 30, 4096, i);
	for (uintptr_t i = 0; i < 32; i++)
		assert_int_equal((uintptr_t)hdd_test_next(m, &now).cookie, i);
	assert_close((double)now, 66000 + 32 * (2800 + LINK_NS(4096)), 1e-3);
	hdd_free(m);
}

static void test_a_flush_writes_out_and_costs(void **state)
{
	struct hdd *m = new_ssd("sata-ssd", HDD_ON);
	uint64_t now = 0;
	(void)state;
	hdd_test_one(m, &now, HCB_WRITE, 0, 4096);
	for (uint64_t i = 1; i < 64; i++)
		hdd_test_submit(m, now, HCB_WRITE, i << 30, 4096, 0);
	uint64_t begin = now;
	for (uint64_t i = 1; i < 64; i++)
		hdd_test_next(m, &now);
	hdd_test_one(m, &now, HCB_FLUSH, 0, 0);
	assert_int_equal(hdd_dirty_bytes(m), 0);
	assert_int_equal(hdd_counters(m)->destages, 64);
	/* 64 pieces of 83 us from the first one on, and 3.4 ms. */
	assert_close((double)(now - begin), 64 * 83e3 + 3.4e6, 0.02);
	/* Nothing to write out: only that. */
	assert_int_equal(hdd_test_one(m, &now, HCB_FLUSH, 0, 0), 3400000);
	hdd_free(m);
}

static void test_sequential_writes_merge_and_run_at_the_rate(void **state)
{
	struct hdd *m = new_ssd("sata-ssd", HDD_ON);
	uint64_t now = 0;
	(void)state;
	for (uint64_t i = 0; i < 500; i++)
		hdd_test_one(m, &now, HCB_WRITE, i * HCB_MIB, HCB_MIB);
	hdd_test_one(m, &now, HCB_FLUSH, 0, 0);
	assert_close(500 * (double)HCB_MIB * 1e3 / (double)now, 530, 0.02);
	/* Small ones merge while they wait: far more than 83 us each would let through.
	 */
	uint64_t begin = now;
	for (uint64_t i = 0; i < 10000; i++)
		hdd_test_one(m, &now, HCB_WRITE, HCB_GIB + i * 4096, 4096);
	assert_true(now - begin < 10000 * 60000ull);
	assert_true(hdd_counters(m)->write_merges > 5000);
	hdd_free(m);
}

static void test_scattered_writes_are_bound_by_the_flash(void **state)
{
	struct hdd *m = new_ssd("sata-ssd", HDD_ON);
	struct hcb_random r;
	uint64_t now = 0;
	(void)state;
	hcb_random_init(&r, 1, 0);
	for (int i = 0; i < 20000; i++)
		hdd_test_one(m, &now, HCB_WRITE, hdd_test_block(&r, m), 4096);
	assert_close(20000 * 1e9 / (double)now, 1e9 / 83e3, 0.02);
	assert_true(hdd_counters(m)->room_waits > 10000);
	hdd_free(m);
}

static void test_a_dirty_extent_is_read_from_the_cache(void **state)
{
	struct hdd *m = new_ssd("sata-ssd", HDD_ON);
	uint64_t now = 0;
	(void)state;
	hdd_test_submit(m, now, HCB_WRITE, 0, 131072, 0);
	hdd_test_submit(m, now, HCB_WRITE, 1 << 30, 4096, 0);
	hdd_test_next(m, &now);
	hdd_test_next(m, &now); /* the first one is being written out */
	hdd_test_one(m, &now, HCB_READ, 1 << 30, 4096);
	assert_int_equal(hdd_counters(m)->read_hits, 1);
	hdd_free(m);
}

/* FUA, and any write with the cache off, pays for its own flush. */
static void test_durable_writes_cost_a_flush(void **state)
{
	(void)state;
	for (int off = 0; off < 2; off++) {
		struct hdd *m = new_ssd("sata-ssd", off ? HDD_OFF : HDD_ON);
		struct hdd_req w = {
		        .kind = HCB_WRITE, .fua = !off, .off = 1 << 30, .len = 4096};
		uint64_t now = 0;
		assert_int_equal(hdd_submit(m, now, &w), 0);
		hdd_test_next(m, &now);
		assert_int_equal(now, 83000 + 3400000);
		assert_int_equal(hdd_dirty_bytes(m), 0);
		hdd_free(m);
	}
}

static void test_power_loss_protection_makes_flushes_cheap(void **state)
{
	(void)state;
	for (int off = 0; off < 2; off++) {
		struct hdd *m = new_ssd("sata-ssd-plp", off ? HDD_OFF : HDD_ON);
		uint64_t now = 0;
		for (uint64_t i = 0; i < 32; i++)
			hdd_test_submit(m, now, HCB_WRITE, i << 30, 4096, 0);
		for (uint64_t i = 0; i < 32; i++)
			hdd_test_next(m, &now);
		/* All are in the cache long before they are on the flash. */
		assert_true(now < 32 * 15000 && hdd_dirty_bytes(m) > 16 * 4096);
		assert_int_equal(hdd_test_one(m, &now, HCB_FLUSH, 0, 0), 22000);
		assert_true(hdd_dirty_bytes(m) > 16 * 4096);
		struct hdd_req w = {
		        .kind = HCB_WRITE, .fua = true, .off = 1 << 20, .len = 4096};
		uint64_t begin = now;
		assert_int_equal(hdd_submit(m, now, &w), 0);
		hdd_test_next(m, &now);
		assert_close((double)(now - begin), 2800 + LINK_NS(4096) + 30000, 1e-3);
		/* And written out in the end. */
		struct hdd_done d;
		assert_int_equal(hdd_advance(m, now + HCB_SEC, &d, 1), 0);
		assert_int_equal(hdd_dirty_bytes(m), 0);
		hdd_free(m);
	}
}

static void test_a_read_behind_a_flush_waits(void **state)
{
	struct hdd *m = new_ssd("sata-ssd", HDD_ON);
	uint64_t now = 0;
	(void)state;
	hdd_test_one(m, &now, HCB_WRITE, 0, 4096);
	hdd_test_submit(m, now, HCB_FLUSH, 0, 0, 1);
	hdd_test_submit(m, now, HCB_READ, 1 << 30, 4096, 2);
	assert_int_equal((uintptr_t)hdd_test_next(m, &now).cookie, 1);
	uint64_t flushed = now;
	assert_int_equal((uintptr_t)hdd_test_next(m, &now).cookie, 2);
	assert_close((double)(now - flushed), 66000 + 2800 + LINK_NS(4096), 1e-3);
	hdd_free(m);
}

/* Readers that never stop, and a cache that is full: neither starves the other. */
static void test_reads_and_writes_take_turns(void **state)
{
	enum { READER, WRITER, READERS = 16 };
	struct hdd *m = new_ssd("sata-ssd", HDD_ON);
	struct hcb_random r;
	uint64_t now = 0, begin = 0, done[2] = {0, 0};
	(void)state;
	hcb_random_init(&r, 1, 0);
	for (int i = 0; i < 600; i++) /* past both limits of the cache */
		hdd_test_one(m, &now, HCB_WRITE, hdd_test_block(&r, m), 4096);
	begin = now;
	for (int i = 0; i < READERS; i++) {
		hdd_test_submit(m, now, HCB_READ, hdd_test_block(&r, m), 4096, READER);
		hdd_test_submit(m, now, HCB_WRITE, hdd_test_block(&r, m), 4096, WRITER);
	}
	while (now < begin + HCB_SEC) {
		uintptr_t who = (uintptr_t)hdd_test_next(m, &now).cookie;
		done[who]++;
		hdd_test_submit(m, now, who == READER ? HCB_READ : HCB_WRITE,
		                hdd_test_block(&r, m), 4096, who);
	}
	/* In turns of 83 and 8 us each: 11000/s of both; a good part of it for either. */
	assert_true(done[READER] > 5000);
	assert_true(done[WRITER] > 5000);
	hdd_free(m);
}

/* Where data is, as a store that outlives power cuts is told. */
struct heard {
	unsigned cached, written, destaging, destaged;
};

static void heard_cached(void *arg, void *cookie)
{
	(void)cookie;
	((struct heard *)arg)->cached++;
}

static void heard_written(void *arg, void *cookie)
{
	(void)cookie;
	((struct heard *)arg)->written++;
}

static void heard_destaging(void *arg, uint64_t off, uint64_t len)
{
	assert_int_equal(off, 1 << 30);
	assert_int_equal(len, 4096);
	((struct heard *)arg)->destaging++;
}

static void heard_destaged(void *arg)
{
	((struct heard *)arg)->destaged++;
}

static void test_what_a_power_cut_takes(void **state)
{
	(void)state;
	for (int plp = 0; plp < 2; plp++) {
		struct hdd *m = new_ssd(plp ? "sata-ssd-plp" : "sata-ssd", HDD_ON);
		struct heard h = {0, 0, 0, 0};
		uint64_t now = 0;
		hdd_watch(m, &(struct hdd_watch){.arg = &h,
		                                 .cached = heard_cached,
		                                 .written = heard_written,
		                                 .destaging = heard_destaging,
		                                 .destaged = heard_destaged});
		hdd_test_one(m, &now, HCB_WRITE, 1 << 30, 4096);
		assert_int_equal(h.cached, !plp);
		assert_int_equal(h.written, plp);
		hdd_test_one(m, &now, HCB_FLUSH, 0, 0);
		struct hdd_done d;
		hdd_advance(m, now + HCB_SEC, &d, 1);
		assert_int_equal(h.destaging, 1);
		assert_int_equal(h.destaged, 1);
		hdd_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_read_is_the_sum_of_its_parts),
	        cmocka_unit_test(test_reads_overlap),
	        cmocka_unit_test(test_a_flush_writes_out_and_costs),
	        cmocka_unit_test(test_sequential_writes_merge_and_run_at_the_rate),
	        cmocka_unit_test(test_scattered_writes_are_bound_by_the_flash),
	        cmocka_unit_test(test_a_dirty_extent_is_read_from_the_cache),
	        cmocka_unit_test(test_durable_writes_cost_a_flush),
	        cmocka_unit_test(test_power_loss_protection_makes_flushes_cheap),
	        cmocka_unit_test(test_a_read_behind_a_flush_waits),
	        cmocka_unit_test(test_reads_and_writes_take_turns),
	        cmocka_unit_test(test_what_a_power_cut_takes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
