/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bad ranges of a served disk: what they hit, how writing and clearing heal them. */
#include "hcb_test.h"

#include <errno.h>

#include "bench/core/random.h"
#include "lab/disk_fault.h"

#define SECTOR 512u

static bool bad(const struct disk_faults *f, enum hcb_op_kind kind, uint64_t s,
                uint64_t n)
{
	return disk_fault_hits(f, kind, s * SECTOR, n * SECTOR);
}

static int add(struct disk_faults *f, uint64_t s, uint64_t n, bool reads, bool writes)
{
	return disk_fault_add(f, s * SECTOR, n * SECTOR, reads, writes);
}

static void test_hits_what_it_covers(void **state)
{
	struct disk_faults f = {0};
	(void)state;
	assert_int_equal(add(&f, 100, 8, true, false), 0);
	assert_int_equal(add(&f, 200, 8, false, true), 0);
	assert_true(bad(&f, HCB_READ, 100, 1));
	assert_true(bad(&f, HCB_READ, 107, 1));
	assert_true(bad(&f, HCB_READ, 0, 101));
	assert_false(bad(&f, HCB_READ, 99, 1));
	assert_false(bad(&f, HCB_READ, 108, 1));
	assert_false(bad(&f, HCB_WRITE, 100, 8));
	assert_true(bad(&f, HCB_WRITE, 207, 100));
	assert_false(bad(&f, HCB_READ, 200, 8));
	assert_false(bad(&f, HCB_FLUSH, 0, 0));
	assert_int_equal(disk_fault_bytes(&f), 16 * SECTOR);
}

static void test_refuses_nonsense(void **state)
{
	struct disk_faults f = {0};
	(void)state;
	assert_int_equal(disk_fault_add(&f, 0, 0, true, true), -EINVAL);
	assert_int_equal(disk_fault_add(&f, 0, 512, false, false), -EINVAL);
	assert_int_equal(disk_fault_add(&f, 512, UINT64_MAX, true, true), -EINVAL);
	for (unsigned i = 0; i < DISK_BAD_RANGES; i++)
		assert_int_equal(add(&f, 2 * i, 1, true, false), 0);
	assert_int_equal(add(&f, 9999, 1, true, false), -ENOSPC);
}

static void test_a_write_heals_a_pending_sector_only(void **state)
{
	struct disk_faults f = {0};
	(void)state;
	add(&f, 100, 8, true, false);
	add(&f, 200, 8, true, true);
	disk_fault_written(&f, 102 * SECTOR, 2 * SECTOR);
	assert_true(bad(&f, HCB_READ, 101, 1));
	assert_false(bad(&f, HCB_READ, 102, 2));
	assert_true(bad(&f, HCB_READ, 104, 1));
	disk_fault_written(&f, 200 * SECTOR, 8 * SECTOR);
	assert_true(bad(&f, HCB_READ, 200, 8));
	disk_fault_clear(&f, 200 * SECTOR, 8 * SECTOR);
	assert_false(bad(&f, HCB_READ, 200, 8));
	disk_fault_clear(&f, 0, UINT64_MAX);
	assert_int_equal(f.n_bad, 0);
}

/* Without room for a second rest the smaller one becomes good; nothing else changes. */
static void test_full_table_keeps_the_larger_rest(void **state)
{
	struct disk_faults f = {0};
	unsigned i = 0;
	(void)state;
	for (; i < DISK_BAD_RANGES; i++)
		add(&f, 100 * i, 90, true, false);
	for (i = 0; i < DISK_BAD_RANGES; i++)
		disk_fault_written(&f, (100 * i + 50) * SECTOR, SECTOR);
	assert_int_equal(f.n_bad, 2 * DISK_BAD_RANGES);
	disk_fault_written(&f, 10 * SECTOR, SECTOR);
	assert_int_equal(f.n_bad, 2 * DISK_BAD_RANGES);
	assert_false(bad(&f, HCB_READ, 0, 11));
	assert_true(bad(&f, HCB_READ, 11, 39));
}

/* Against a plain array of sectors. */
static void test_agrees_with_an_array(void **state)
{
	enum { N = 300, READS = 1, WRITES = 2 };
	static struct disk_faults f;
	uint8_t want[N] = {0};
	struct hcb_random r;
	(void)state;
	hcb_random_init(&r, 7, 0);
	for (int step = 0; step < 4000; step++) {
		uint64_t s = hcb_random_below(&r, N - 20);
		uint64_t n = 1 + hcb_random_below(&r, 20);
		unsigned what = (unsigned)hcb_random_below(&r, 8);
		if (what == 0 && f.n_bad < 60) {
			/* Ranges that overlap would not be seen apart here. */
			disk_fault_clear(&f, s * SECTOR, n * SECTOR);
			unsigned rw = 1 + (unsigned)hcb_random_below(&r, 3);
			assert_int_equal(add(&f, s, n, rw & READS, rw & WRITES), 0);
			memset(want + s, (int)rw, n);
		} else if (what == 1) {
			disk_fault_clear(&f, s * SECTOR, n * SECTOR);
			memset(want + s, 0, n);
		} else {
			disk_fault_written(&f, s * SECTOR, n * SECTOR);
			for (uint64_t i = s; i < s + n; i++)
				want[i] = want[i] == READS ? 0 : want[i];
		}
		for (uint64_t i = 0; i < N; i++) {
			assert_int_equal(bad(&f, HCB_READ, i, 1), want[i] & READS);
			assert_int_equal(bad(&f, HCB_WRITE, i, 1), !!(want[i] & WRITES));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_hits_what_it_covers),
	        cmocka_unit_test(test_refuses_nonsense),
	        cmocka_unit_test(test_a_write_heals_a_pending_sector_only),
	        cmocka_unit_test(test_full_table_keeps_the_larger_rest),
	        cmocka_unit_test(test_agrees_with_an_array),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
