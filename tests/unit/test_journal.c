/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "workloads/journal.h"

struct jig {
	struct hcb_outq out;
	struct hcb_journal j;
};

static struct jig make(bool fua)
{
	struct jig g;
	memset(&g, 0, sizeof(g));
	assert_int_equal(hcb_outq_init(&g.out, 64), 0);
	g.j = (struct hcb_journal){.region = 2,
	                           .stream_write = 7,
	                           .stream_flush = 8,
	                           .token = 99,
	                           .bytes = 1 << 20,
	                           .fua = fua};
	return g;
}

static void expect(struct jig *g, enum hcb_op_kind kind, uint32_t len, uint32_t flags)
{
	struct hcb_op op;
	memset(&op, 0, sizeof(op));
	g->j.out = &g->out;
	assert_true(hcb_outq_pop(&g->out, &op));
	assert_int_equal(op.kind, kind);
	assert_int_equal(op.len, len);
	assert_int_equal(op.flags, flags);
	assert_int_equal(op.region, 2);
	assert_int_equal(op.token, 99);
	assert_int_equal(op.stream, kind == HCB_FLUSH ? 8 : 7);
}

static void expect_nothing(struct jig *g)
{
	struct hcb_op op;
	assert_false(hcb_outq_pop(&g->out, &op));
}

static void test_commit_without_fua_is_log_flush_commit_flush(void **state)
{
	(void)state;
	struct jig g = make(false);
	g.j.out = &g.out;
	hcb_journal_dirty(&g.j, 1 | 4);
	hcb_journal_dirty(&g.j, 4 | 64); /* 4 again: still one block */
	expect_nothing(&g);              /* dirty is not committed */
	hcb_journal_ask(&g.j, 1, 10);
	expect(&g, HCB_WRITE, 4 * 4096, 0); /* descriptor and three blocks */
	expect_nothing(&g);                 /* the flush waits for the log */
	assert_int_equal(hcb_journal_done(&g.j, 20), 0);
	expect(&g, HCB_FLUSH, 0, 0);
	assert_int_equal(hcb_journal_done(&g.j, 30), 0);
	expect(&g, HCB_WRITE, 4096, 0);
	assert_int_equal(hcb_journal_done(&g.j, 40), 0);
	expect(&g, HCB_FLUSH, 0, 0);
	assert_int_equal(hcb_journal_done(&g.j, 50), 1);
	expect_nothing(&g);
	assert_int_equal(g.j.commits, 1);
	hcb_outq_free(&g.out);
}

static void test_commit_with_fua_saves_the_second_flush(void **state)
{
	(void)state;
	struct jig g = make(true);
	g.j.out = &g.out;
	hcb_journal_ask(&g.j, 4, 0);
	expect(&g, HCB_WRITE, 2 * 4096, 0);
	hcb_journal_done(&g.j, 1);
	expect(&g, HCB_FLUSH, 0, 0);
	hcb_journal_done(&g.j, 2);
	expect(&g, HCB_WRITE, 4096, HCB_OP_FUA);
	assert_int_equal(hcb_journal_done(&g.j, 3), 4);
	hcb_outq_free(&g.out);
}

static void test_who_asks_during_a_commit_shares_the_next_one(void **state)
{
	(void)state;
	struct jig g = make(true);
	struct hcb_op op;
	g.j.out = &g.out;
	hcb_journal_ask(&g.j, 1, 0);
	hcb_journal_ask(&g.j, 2, 1);
	hcb_journal_ask(&g.j, 4, 1);
	for (int step = 0; step < 2; step++) {
		assert_true(hcb_outq_pop(&g.out, &op));
		assert_int_equal(hcb_journal_done(&g.j, 5), 0);
	}
	assert_true(hcb_outq_pop(&g.out, &op));
	assert_int_equal(hcb_journal_done(&g.j, 6), 1); /* not 2 nor 4 */
	for (int step = 0; step < 2; step++) {
		assert_true(hcb_outq_pop(&g.out, &op));
		assert_int_equal(hcb_journal_done(&g.j, 7), 0);
	}
	assert_true(hcb_outq_pop(&g.out, &op));
	assert_int_equal(hcb_journal_done(&g.j, 8), 2 | 4);
	assert_int_equal(g.j.commits, 2);
	hcb_outq_free(&g.out);
}

static void test_ring_wraps_and_never_passes_its_end(void **state)
{
	(void)state;
	struct jig g = make(true);
	struct hcb_op op;
	uint64_t last = 0, wraps = 0;
	g.j.out = &g.out;
	for (int i = 0; i < 300; i++) {
		hcb_journal_dirty(&g.j, UINT32_MAX);
		hcb_journal_ask(&g.j, 1, 0);
		while (hcb_outq_pop(&g.out, &op)) {
			assert_true(op.off + op.len <= g.j.bytes);
			assert_true(op.len <= 33 * 4096);
			if (op.kind == HCB_WRITE) {
				wraps += op.off < last;
				last = op.off;
			}
			hcb_journal_done(&g.j, 0);
		}
	}
	assert_true(wraps >= 35);
	hcb_outq_free(&g.out);
}

/* 130 new files' blocks and an inode: three writes, and the flush waits for all. */
static void test_large_transaction_takes_several_writes_and_one_commit(void **state)
{
	(void)state;
	struct jig g = make(true);
	g.j.out = &g.out;
	hcb_journal_dirty(&g.j, 1);
	hcb_journal_dirty_more(&g.j, 100);
	hcb_journal_dirty_more(&g.j, 30);
	hcb_journal_ask(&g.j, 1, 0);
	expect(&g, HCB_WRITE, 63 * 4096, 0);
	expect(&g, HCB_WRITE, 63 * 4096, 0);
	expect(&g, HCB_WRITE, 8 * 4096, 0); /* 131 - 2 * 62, and a descriptor */
	expect_nothing(&g);
	assert_int_equal(hcb_journal_done(&g.j, 1), 0);
	assert_int_equal(hcb_journal_done(&g.j, 2), 0);
	expect_nothing(&g);
	assert_int_equal(hcb_journal_done(&g.j, 3), 0);
	expect(&g, HCB_FLUSH, 0, 0);
	hcb_journal_done(&g.j, 4);
	expect(&g, HCB_WRITE, 4096, HCB_OP_FUA);
	assert_int_equal(hcb_journal_done(&g.j, 5), 1);
	expect_nothing(&g);
	assert_int_equal(g.j.blocks_logged, 131 + 3 + 1);
	hcb_outq_free(&g.out);
}

/* More than one transaction holds: the rest is committed next, without being asked for as
   long as it fills one, and never more is in flight than promised. */
static void test_full_transaction_commits_by_itself(void **state)
{
	(void)state;
	struct jig g = make(true);
	struct hcb_op op;
	uint32_t most = 0, out = 0;
	g.j.out = &g.out;
	hcb_journal_dirty_more(&g.j, 2 * HCB_JOURNAL_MAX_TX + 5);
	hcb_journal_ask(&g.j, 2, 0);
	uint32_t who = 0;
	for (int i = 0; i < 1000; i++) {
		for (; hcb_outq_pop(&g.out, &op); out++)
			;
		most = out > most ? out : most;
		if (!out)
			break;
		out--;
		who |= hcb_journal_done(&g.j, 1);
	}
	assert_int_equal(who, 2);
	assert_int_equal(g.j.commits, 2);
	assert_int_equal(g.j.more, 5); /* until somebody asks */
	assert_true(most > 30 && most <= HCB_JOURNAL_MAX_OPS);
	hcb_outq_free(&g.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_commit_without_fua_is_log_flush_commit_flush),
	        cmocka_unit_test(test_commit_with_fua_saves_the_second_flush),
	        cmocka_unit_test(test_who_asks_during_a_commit_shares_the_next_one),
	        cmocka_unit_test(test_ring_wraps_and_never_passes_its_end),
	        cmocka_unit_test(
	                test_large_transaction_takes_several_writes_and_one_commit),
	        cmocka_unit_test(test_full_transaction_commits_by_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
