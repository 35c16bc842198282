/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The books of --verify held against the definitions, on random histories. */
#include "verify_world.h"

/* One thread's arithmetic: the sanitizers see all of it in a tenth of the histories. */
#define PART (HCB_TEST_SLOW ? 10 : 1)

static uint64_t kinds(const struct hcb_verify_counts *c)
{
	uint64_t n = 0;
	for (unsigned k = 0; k < HCB_VERIFY_KINDS; k++)
		n += c->kind[k];
	return n;
}

/* Any of the versions of the sector that a storage which keeps its word may hold. */
static const struct event *pick(struct world *w, uint32_t sector, bool durable_only)
{
	const struct event *may[MAX_EVENT];
	uint32_t n = 0;
	for (uint32_t k = 0; k <= w->n_ev; k++) {
		const struct event *a = k ? &w->ev[k - 1] : NULL;
		if ((!a || covers(a, sector)) &&
		    !is_superseded(w, a, sector, durable_only))
			may[n++] = a;
	}
	assert_true(n > 0);
	return may[below(w, n)];
}

/* With everything that can happen: what is allowed is never reported. */
static void test_no_history_gives_a_false_alarm(void **state)
{
	static unsigned char disk[BLOCKS * GRAIN];
	uint64_t looked = 0, rolled = 0, read = 0, promised = 0;
	(void)state;
	for (uint64_t seed = 1; seed <= 250 / PART; seed++) {
		struct world *w = new_world(seed);
		w->overlap = seed % 4 != 0;
		w->many_flushes = seed % 3 != 0;
		w->faults = seed % 2 != 0;
		live(w, 200 + below(w, 1200));
		const struct hcb_verify_result *res = hcb_verify_result(w->v);
		assert_int_equal(kinds(&res->in_run), 0);
		read += res->in_run.blocks;
		/* Read at once: nothing before what is done. */
		for (uint32_t i = 0; i < SECTORS; i++)
			put_version(disk + i * HCB_STAMP_SECTOR, pick(w, i, w->cuts > 0),
			            i);
		hcb_verify_check(w->v, 0, 0, disk, sizeof(disk));
		assert_int_equal(kinds(&res->after), 0);
		/* After a crash: nothing before what is durable. */
		hcb_verify_allow_rollback(w->v);
		for (uint32_t i = 0; i < SECTORS; i++)
			put_version(disk + i * HCB_STAMP_SECTOR, pick(w, i, true), i);
		hcb_verify_check(w->v, 0, 0, disk, sizeof(disk));
		assert_int_equal(kinds(&res->after), 0);
		looked += res->after.blocks;
		promised += res->after.promised;
		rolled += res->after.rolled_back;
		drop_world(w);
	}
	assert_true(looked > 6000 / PART && promised > looked / 2 && rolled > 300 / PART);
	assert_true(read > 6000 / PART);
}

/* One block whose sectors all hold version a: what do the books call it? */
static enum hcb_verify_kind call_it(struct world *w, const struct event *a,
                                    uint32_t block)
{
	unsigned char data[GRAIN];
	uint32_t per = GRAIN / HCB_STAMP_SECTOR;
	struct hcb_verify_result before = *hcb_verify_result(w->v);
	for (uint32_t i = 0; i < per; i++)
		put_version(data + i * HCB_STAMP_SECTOR, a, block * per + i);
	hcb_verify_check(w->v, 0, (uint64_t)block * GRAIN, data, GRAIN);
	for (enum hcb_verify_kind k = 0; k < HCB_VERIFY_KINDS; k++)
		if (hcb_verify_result(w->v)->after.kind[k] != before.after.kind[k])
			return k;
	return HCB_VERIFY_KINDS;
}

struct score {
	uint64_t gone, reported;
};

/* Every version that each block ever had is offered. */
static void offer_all(struct world *w, bool exact, struct score *score)
{
	uint32_t per = GRAIN / HCB_STAMP_SECTOR;
	for (uint32_t b = 0; b < BLOCKS; b++) {
		struct hcb_verify_entry entry;
		hcb_verify_get(w->v, 0, (uint64_t)b * GRAIN, &entry);
		for (uint32_t k = 0; entry.issued && k <= w->n_ev; k++) {
			const struct event *a = k ? &w->ev[k - 1] : NULL;
			if (a && !covers(a, b * per))
				continue;
			enum hcb_verify_kind is = call_it(w, a, b);
			bool gone = is_superseded(w, a, b * per, true);
			bool old = is_superseded(w, a, b * per, false);
			bool called_gone = is == HCB_LOST || is == HCB_FOREIGN;
			score->gone += gone;
			score->reported += called_gone;
			assert_true(gone || !called_gone);
			if (!exact)
				continue;
			assert_int_equal(is == HCB_LOST, gone && a);
			assert_int_equal(is == HCB_FOREIGN, gone && !a);
			assert_int_equal(is == HCB_STALE, old && !gone);
		}
	}
}

/* One flush out at a time, no two writes to one block at once: the books are exact. */
static void test_without_overlap_every_loss_is_reported(void **state)
{
	struct score s = {0, 0};
	(void)state;
	for (uint64_t seed = 1; seed <= 150 / PART; seed++) {
		struct world *w = new_world(seed);
		live(w, 300 + below(w, 900));
		offer_all(w, true, &s);
		drop_world(w);
	}
	assert_int_equal(s.gone, s.reported);
	assert_true(s.gone > 10000 / PART);
}

/* Anything goes but faults: nearly every loss is. (With a failed write on nearly every
   block, as these small worlds have it, little would be promised.) */
static void test_with_overlap_nearly_every_loss_is_reported(void **state)
{
	struct score s = {0, 0};
	(void)state;
	for (uint64_t seed = 1; seed <= 150 / PART; seed++) {
		struct world *w = new_world(seed);
		w->overlap = w->many_flushes = true;
		live(w, 300 + below(w, 900));
		offer_all(w, false, &s);
		drop_world(w);
	}
	print_message("%llu of %llu lost versions reported\n",
	              (unsigned long long)s.reported, (unsigned long long)s.gone);
	assert_true(s.gone > 10000 / PART && s.reported > s.gone - s.gone / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_no_history_gives_a_false_alarm),
	        cmocka_unit_test(test_without_overlap_every_loss_is_reported),
	        cmocka_unit_test(test_with_overlap_nearly_every_loss_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
