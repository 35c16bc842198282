/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The books of --verify: one rule of verify.h a test, and what each fault is called. */
#include "verify_world.h"

#define BLOCK(n) ((uint64_t)(n)*GRAIN)

static struct hcb_op ops[SLOTS];
static unsigned char image[SLOTS][MAX_WRITE];
static uint32_t cuts; /* of the power, as the target tells with each call */

static struct hcb_op *send(struct hcb_verify *v, uint32_t slot, enum hcb_op_kind kind,
                           uint32_t block, uint32_t blocks)
{
	struct hcb_op *op = &ops[slot];
	*op = (struct hcb_op){.kind = kind, .index = slot, .buf = image[slot]};
	if (kind != HCB_FLUSH) {
		op->off = BLOCK(block);
		op->len = blocks * GRAIN;
	}
	if (kind == HCB_WRITE) {
		hcb_verify_fill(v, op);
		memcpy(image[slot], op->buf, op->len);
	}
	hcb_verify_sent(v, 0, &op, 1, cuts);
	return op;
}

static void back(struct hcb_verify *v, struct hcb_op *op, int result)
{
	op->result = result;
	hcb_verify_done(v, op);
}

static void write_now(struct hcb_verify *v, uint32_t block, unsigned char *keep)
{
	struct hcb_op *op = send(v, 0, HCB_WRITE, block, 1);
	back(v, op, 0);
	if (keep)
		memcpy(keep, image[0], GRAIN);
}

static void flush_now(struct hcb_verify *v, int result)
{
	back(v, send(v, 1, HCB_FLUSH, 0, 0), result);
}

static uint32_t durable(struct hcb_verify *v, uint32_t block)
{
	struct hcb_verify_entry e;
	hcb_verify_get(v, 0, BLOCK(block), &e);
	return e.durable;
}

/* What the next look is called; HCB_VERIFY_KINDS: nothing. */
static enum hcb_verify_kind look(struct hcb_verify *v, uint32_t block, const void *data)
{
	const struct hcb_verify_result *r = hcb_verify_result(v);
	struct hcb_verify_counts before = r->after;
	hcb_verify_check(v, 0, BLOCK(block), data, GRAIN);
	assert_int_equal(r->after.blocks, before.blocks + 1);
	for (enum hcb_verify_kind k = 0; k < HCB_VERIFY_KINDS; k++)
		if (r->after.kind[k] != before.kind[k])
			return k;
	return HCB_VERIFY_KINDS;
}

static const struct hcb_verify_finding *last(const struct hcb_verify *v)
{
	const struct hcb_verify_result *r = hcb_verify_result(v);
	assert_true(r->n_first > 0);
	return &r->first[r->n_first - 1];
}

/* --- what is promised --------------------------------------------------------------- */

static void test_a_flush_covers_what_was_done_when_it_was_sent(void **state)
{
	struct hcb_verify *v = new_books(false, SLOTS);
	(void)state;
	write_now(v, 0, NULL); /* 1 */
	assert_int_equal(durable(v, 0), 0);
	struct hcb_op *late = send(v, 2, HCB_WRITE, 1, 1); /* 2: out */
	struct hcb_op *flush = send(v, 1, HCB_FLUSH, 0, 0);
	back(v, late, 0);
	write_now(v, 0, NULL); /* 3: after the flush was sent */
	back(v, flush, 0);
	assert_int_equal(durable(v, 0), 1);
	assert_int_equal(durable(v, 1), 0);
	flush_now(v, 0);
	assert_int_equal(durable(v, 0), 3);
	assert_int_equal(durable(v, 1), 2);
	hcb_verify_free(v, false);
}

static void test_fua_and_durable_targets_promise_at_once(void **state)
{
	struct hcb_verify *v = new_books(false, SLOTS);
	(void)state;
	struct hcb_op *op = send(v, 0, HCB_WRITE, 0, 2);
	op->flags = HCB_OP_FUA;
	back(v, op, 0);
	assert_int_equal(durable(v, 0), 1);
	assert_int_equal(durable(v, 1), 1);
	hcb_verify_free(v, false);
	v = new_books(true, SLOTS);
	write_now(v, 5, NULL);
	assert_int_equal(durable(v, 5), 1);
	hcb_verify_free(v, false);
}

/* As the run loop does it: one op, first the write comes back, then the flush. */
static void test_an_emulated_fua_write_is_durable_with_its_flush(void **state)
{
	struct hcb_verify *v = new_books(false, SLOTS);
	(void)state;
	struct hcb_op *op = send(v, 0, HCB_WRITE, 0, 1);
	op->flags = HCB_OP_FUA_EMULATED;
	back(v, op, 0);
	assert_int_equal(durable(v, 0), 0);
	op->kind = HCB_FLUSH;
	op->off = 0;
	op->len = 0;
	hcb_verify_sent(v, 0, &op, 1, 0);
	back(v, op, 0);
	assert_int_equal(durable(v, 0), 1);
	hcb_verify_free(v, false);
}

static void test_a_failure_ends_the_hope_of_what_is_not_covered(void **state)
{
	static const enum hcb_op_kind kinds[] = {HCB_FLUSH, HCB_READ, HCB_WRITE};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct hcb_verify *v = new_books(false, SLOTS);
		write_now(v, 0, NULL);
		flush_now(v, 0);
		write_now(v, 1, NULL);
		struct hcb_op *flush = send(v, 1, HCB_FLUSH, 0, 0);
		back(v, send(v, 2, kinds[i], 9, kinds[i] != HCB_FLUSH), -EIO);
		back(v, flush, 0); /* the target was away meanwhile */
		write_now(v, 2, NULL);
		flush_now(v, 0);
		assert_int_equal(durable(v, 0), 1);
		assert_int_equal(durable(v, 1), 0);
		assert_true(durable(v, 2) > 0);
		hcb_verify_free(v, false);
	}
}

/* Failures without end: what was covered stays so, as far as there is room to tell. */
static void test_many_failures_promise_less_and_never_more(void **state)
{
	struct hcb_verify *v = new_books(false, SLOTS);
	(void)state;
	for (uint32_t i = 0; i < 3 * VERIFY_GAPS; i++) {
		write_now(v, 0, NULL);
		flush_now(v, 0);
		write_now(v, 1, NULL);
		flush_now(v, -EIO);
		flush_now(v, -EIO);
		assert_int_equal(durable(v, 1), 0);
		assert_int_equal(durable(v, 0),
		                 i < VERIFY_GAPS ? 2 * i + 1 : durable(v, 0));
	}
	assert_int_equal(v->dev[0].n_gaps, VERIFY_GAPS);
	assert_true(durable(v, 0) >= 2 * VERIFY_GAPS - 1);
	hcb_verify_free(v, false);
}

static void test_a_power_cut_ends_the_hope_of_what_was_not_covered(void **state)
{
	struct hcb_verify *v = new_books(false, SLOTS);
	unsigned char old[GRAIN];
	(void)state;
	write_now(v, 0, old);
	flush_now(v, 0);
	write_now(v, 0, NULL);
	write_now(v, 1, NULL);
	cuts = 1;
	write_now(v, 2, NULL);
	flush_now(v, 0);
	assert_int_equal(durable(v, 0), 1);
	assert_int_equal(durable(v, 1), 0);
	assert_int_equal(durable(v, 2), 4);
	cuts = 0;
	/* The version that was flushed before it is good again, and told as such. */
	assert_int_equal(look(v, 0, old), HCB_VERIFY_KINDS);
	assert_int_equal(hcb_verify_result(v)->after.rolled_back, 1);
	assert_int_equal(hcb_verify_wrong(v), 0);
	hcb_verify_free(v, false);
}

static void test_after_a_failed_write_no_more_is_promised_there(void **state)
{
	struct hcb_verify *v = new_books(false, SLOTS);
	unsigned char second[GRAIN], third[GRAIN];
	(void)state;
	write_now(v, 0, NULL); /* 1 */
	flush_now(v, 0);
	struct hcb_op *op = send(v, 0, HCB_WRITE, 0, 1); /* 2 */
	memcpy(second, image[0], GRAIN);
	back(v, op, -EIO);
	write_now(v, 0, third); /* 3 */
	flush_now(v, 0);
	assert_int_equal(durable(v, 0), 1);
	assert_int_equal(look(v, 0, second), HCB_VERIFY_KINDS);
	assert_int_equal(look(v, 0, third), HCB_VERIFY_KINDS);
	memcpy(third, second, HCB_STAMP_SECTOR); /* and both */
	assert_int_equal(look(v, 0, third), HCB_VERIFY_KINDS);
	hcb_verify_free(v, false);
}

static void test_of_overlapping_writes_either_may_remain(void **state)
{
	struct hcb_verify *v = new_books(false, SLOTS);
	unsigned char before[GRAIN], a[GRAIN], b[GRAIN];
	(void)state;
	write_now(v, 3, before);                             /* 1 */
	struct hcb_op *first = send(v, 2, HCB_WRITE, 3, 1);  /* 2 */
	struct hcb_op *second = send(v, 3, HCB_WRITE, 2, 2); /* 3 */
	memcpy(a, image[2], GRAIN);
	memcpy(b, image[3] + GRAIN, GRAIN);
	back(v, second, 0);
	back(v, first, 0);
	flush_now(v, 0);
	assert_int_equal(durable(v, 3), 2);
	assert_int_equal(look(v, 3, a), HCB_VERIFY_KINDS);
	assert_int_equal(look(v, 3, b), HCB_VERIFY_KINDS);
	memcpy(b, a, HCB_STAMP_SECTOR);
	assert_int_equal(look(v, 3, b), HCB_VERIFY_KINDS);
	assert_int_equal(look(v, 3, before), HCB_LOST);
	assert_int_equal(last(v)->expected, 2);
	assert_int_equal(last(v)->found, 1);
	hcb_verify_free(v, false);
}

/* What is out at the end may be there or not, in part too. */
static void test_what_never_came_back_is_not_owed(void **state)
{
	struct hcb_verify *v = new_books(false, SLOTS);
	unsigned char old[GRAIN], new[GRAIN];
	(void)state;
	write_now(v, 0, old);
	flush_now(v, 0);
	send(v, 2, HCB_WRITE, 0, 1);
	memcpy(new, image[2], GRAIN);
	assert_int_equal(look(v, 0, new), HCB_VERIFY_KINDS);
	assert_int_equal(look(v, 0, old), HCB_VERIFY_KINDS);
	memcpy(new, old, HCB_STAMP_SECTOR);
	assert_int_equal(look(v, 0, new), HCB_VERIFY_KINDS);
	assert_int_equal(hcb_verify_result(v)->after.rolled_back, 0);
	hcb_verify_free(v, false);
}

/* --- what faults are called ----------------------------------------------------------
 */

static void test_lost_torn_and_stale_are_told_apart(void **state)
{
	struct hcb_verify *v = new_books(false, SLOTS);
	unsigned char one[GRAIN], two[GRAIN], three[GRAIN], mix[GRAIN];
	(void)state;
	write_now(v, 9, one);
	write_now(v, 9, two);
	flush_now(v, 0);
	write_now(v, 9, three);
	assert_int_equal(look(v, 9, one), HCB_LOST);
	assert_int_equal(last(v)->off, BLOCK(9));
	assert_int_equal(last(v)->region, 1);
	assert_int_equal(last(v)->expected, 2);
	assert_int_equal(last(v)->found, 1);
	assert_int_equal(last(v)->bad_sectors, 2);
	memcpy(mix, three, GRAIN);
	memcpy(mix, one, HCB_STAMP_SECTOR);
	assert_int_equal(look(v, 9, mix), HCB_TORN);
	assert_int_equal(last(v)->found, 1);
	assert_int_equal(last(v)->bad_sectors, 1);
	assert_int_equal(look(v, 9, two), HCB_STALE);
	assert_int_equal(last(v)->expected, 3);
	memcpy(mix, three, GRAIN);
	mix[GRAIN - 1] ^= 1; /* a bit of the body */
	assert_int_equal(look(v, 9, mix), HCB_TORN);
	assert_int_equal(look(v, 9, three), HCB_VERIFY_KINDS);
	assert_int_equal(hcb_verify_wrong(v), 4);
	hcb_verify_allow_rollback(v);
	assert_int_equal(look(v, 9, two), HCB_VERIFY_KINDS);
	assert_int_equal(hcb_verify_result(v)->after.rolled_back, 1);
	memcpy(mix, three, GRAIN);
	memcpy(mix, two, HCB_STAMP_SECTOR); /* torn by a cut, of versions it may hold */
	assert_int_equal(look(v, 9, mix), HCB_VERIFY_KINDS);
	hcb_verify_free(v, false);
}

static void test_misplaced_tells_where_it_belongs(void **state)
{
	struct hcb_verify *v = new_books(false, SLOTS);
	unsigned char here[GRAIN], there[GRAIN];
	(void)state;
	write_now(v, 4, here);
	write_now(v, 20, there);
	/* Even where nothing is promised: nobody ever put this here. */
	assert_int_equal(look(v, 4, there), HCB_MISPLACED);
	assert_int_equal(last(v)->found_off, BLOCK(20));
	assert_int_equal(last(v)->found, 2);
	assert_int_equal(last(v)->region, 0);
	hcb_verify_free(v, false);
}

static void test_foreign_tells_what_it_looks_like(void **state)
{
	struct hcb_verify *v = new_books(false, SLOTS);
	unsigned char good[GRAIN], bad[GRAIN] = {0};
	struct hcb_stamp other = {.run = RUN + 1, .off = BLOCK(1), .seq = 1};
	(void)state;
	write_now(v, 1, good);
	assert_int_equal(look(v, 1, bad), HCB_STALE); /* done, and not there */
	flush_now(v, 0);
	assert_int_equal(look(v, 1, bad), HCB_FOREIGN);
	assert_int_equal(last(v)->what, HCB_WHAT_ZEROS);
	assert_int_equal(last(v)->found, 0);
	for (uint32_t i = 0; i < GRAIN; i += HCB_STAMP_SECTOR) {
		hcb_stamp_put(bad + i, &other, hcb_stamp_body_hash(bad + i));
		other.off += HCB_STAMP_SECTOR;
	}
	assert_int_equal(look(v, 1, bad), HCB_FOREIGN);
	assert_int_equal(last(v)->what, HCB_WHAT_OTHER_RUN);
	memset(bad, 'x', GRAIN);
	assert_int_equal(look(v, 1, bad), HCB_FOREIGN);
	assert_int_equal(last(v)->what, HCB_WHAT_BYTES);
	memcpy(bad, good, HCB_STAMP_SECTOR); /* half of it is right */
	assert_int_equal(look(v, 1, bad), HCB_TORN);
	assert_int_equal(last(v)->what, HCB_WHAT_BYTES);
	hcb_verify_free(v, false);
}

static void test_unreadable_is_told_of_written_blocks_only(void **state)
{
	struct hcb_verify *v = new_books(false, SLOTS);
	(void)state;
	write_now(v, 2, NULL);
	flush_now(v, 0);
	hcb_verify_unreadable(v, 0, BLOCK(1), 3 * GRAIN, -EIO);
	assert_int_equal(hcb_verify_result(v)->after.kind[HCB_UNREADABLE], 1);
	assert_int_equal(hcb_verify_result(v)->after.blocks, 1);
	assert_int_equal(last(v)->off, BLOCK(2));
	assert_int_equal(last(v)->error, -EIO);
	hcb_verify_free(v, false);
}

static void test_a_read_of_the_run_is_looked_at_unless_a_write_came_between(void **state)
{
	struct hcb_verify *v = new_books(false, SLOTS);
	unsigned char one[GRAIN], two[GRAIN];
	(void)state;
	write_now(v, 0, one);
	write_now(v, 0, two);
	struct hcb_op *r = send(v, 4, HCB_READ, 0, 1);
	memcpy(image[4], one, GRAIN);
	back(v, r, 0);
	assert_int_equal(hcb_verify_result(v)->in_run.kind[HCB_STALE], 1);
	assert_true(last(v)->in_run);
	r = send(v, 4, HCB_READ, 0, 1);
	struct hcb_op *w = send(v, 2, HCB_WRITE, 0, 1);
	back(v, r, 0); /* whatever it is */
	r = send(v, 4, HCB_READ, 0, 1);
	back(v, w, 0);
	back(v, r, 0);
	assert_int_equal(hcb_verify_result(v)->in_run.blocks, 1);
	hcb_verify_free(v, false);
}

/* --- the rest ------------------------------------------------------------------------
 */

static void test_spans_go_over_what_was_written(void **state)
{
	struct hcb_verify_config c = {.run = 1, .grain = 512, .n_targets = 1};
	struct hcb_verify *v;
	struct hcb_err err = HCB_ERR_INIT;
	const uint64_t n = 300000;
	(void)state;
	c.target[0].bytes = n * 512;
	assert_ok(hcb_verify_new(&v, &c, &err), &err);
	struct hcb_random r;
	hcb_random_init(&r, 1, 1);
	unsigned char *there = calloc(1, n);
	const struct hcb_verify_entry e = {1, 1, 0};
	uint64_t written = 0;
	for (uint64_t i = 0; i < n;
	     i += 1 + hcb_random_below(&r, i % 7 == 0 ? 20000 : 4)) {
		there[i] = 1;
		written++;
		hcb_verify_set(v, 0, i * 512, &e);
	}
	there[n - 1] = 1;
	hcb_verify_set(v, 0, (n - 1) * 512, &e);
	uint64_t from = 0, off, seen = 0, last_end = 0;
	uint32_t len;
	while (hcb_verify_span(v, 0, from, 64 * 512, 2 * 512, &off, &len)) {
		assert_true(off >= from && len > 0 && len <= 64 * 512);
		assert_true(there[off / 512] && there[(off + len) / 512 - 1]);
		for (uint64_t i = last_end; i < off / 512; i++)
			assert_false(there[i]);
		uint32_t gap = 0;
		for (uint64_t i = off / 512; i < (off + len) / 512; i++) {
			gap = there[i] ? 0 : gap + 1;
			assert_true(gap <= 2);
			seen += there[i];
		}
		from = off + len;
		last_end = from / 512;
	}
	written += seen == written + 1; /* the last block, if it was new */
	assert_int_equal(seen, written);
	assert_int_equal(hcb_verify_written_bytes(v, 0), seen * 512);
	free(there);
	hcb_verify_free(v, false);
}

static void test_a_stamp_notices_every_changed_byte(void **state)
{
	unsigned char s[HCB_STAMP_SECTOR];
	const struct hcb_stamp put = {
	        .run = RUN, .off = 1ull << 40, .seq = UINT32_MAX, .dev = 7, .region = 15};
	struct hcb_stamp got;
	(void)state;
	for (uint32_t i = 0; i < sizeof(s); i++)
		s[i] = (unsigned char)(i * 31);
	hcb_stamp_put(s, &put, hcb_stamp_body_hash(s));
	assert_int_equal(hcb_stamp_get(s, &got), HCB_STAMP_GOOD);
	assert_true(got.run == put.run && got.off == put.off && got.seq == put.seq);
	assert_true(got.dev == put.dev && got.region == put.region);
	for (uint32_t i = 0; i < sizeof(s); i++) {
		s[i] ^= 1;
		enum hcb_stamp_state is = hcb_stamp_get(s, &got);
		assert_int_equal(is, i < 48 ? HCB_STAMP_NONE : HCB_STAMP_BAD_BODY);
		s[i] ^= 1;
	}
}

/* Nothing that compresses or deduplicates: no two sectors of many writes are alike. */
static void test_no_two_sectors_are_alike(void **state)
{
	struct hcb_verify *v = new_books(false, SLOTS);
	static unsigned char seen[400][HCB_STAMP_SECTOR];
	uint32_t n = 0;
	(void)state;
	for (uint32_t i = 0; n + 8 <= 400; i++) {
		struct hcb_op *op = send(v, i % SLOTS, HCB_WRITE, i % 8, 4);
		back(v, op, 0);
		for (uint32_t k = 0; k < op->len; k += HCB_STAMP_SECTOR)
			memcpy(seen[n++], (unsigned char *)op->buf + k, HCB_STAMP_SECTOR);
	}
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < i; k++)
			assert_memory_not_equal(seen[i], seen[k], HCB_STAMP_SECTOR);
	hcb_verify_free(v, false);
}

static void test_trouble_is_told_before_numbers_repeat(void **state)
{
	struct hcb_verify *v = new_books(false, SLOTS);
	(void)state;
	write_now(v, 0, NULL);
	assert_null(hcb_verify_trouble(v));
	v->dev[0].numbers = UINT32_MAX - 2 * (1u << 20);
	write_now(v, 0, NULL);
	assert_null(hcb_verify_trouble(v));
	v->dev[0].numbers = UINT32_MAX - (1u << 20) - 1;
	write_now(v, 0, NULL);
	assert_has(hcb_verify_trouble(v), "numbered");
	hcb_verify_free(v, false);
	v = new_books(false, SLOTS);
	struct hcb_op op = {.kind = HCB_WRITE, .off = 512, .len = GRAIN};
	hcb_verify_fill(v, &op);
	assert_has(hcb_verify_trouble(v), "1024 bytes at 512 is not of whole blocks");
	hcb_verify_free(v, false);
}

static void test_the_books_cost_what_is_said(void **state)
{
	struct hcb_verify_config c = {.grain = 4096, .n_targets = 2};
	(void)state;
	c.target[0].bytes = 100ull << 30;
	c.target[1].bytes = 28ull << 30;
	assert_close((double)hcb_verify_need_bytes(&c), 1.0 * (1u << 30), 0.001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_flush_covers_what_was_done_when_it_was_sent),
	        cmocka_unit_test(test_fua_and_durable_targets_promise_at_once),
	        cmocka_unit_test(test_an_emulated_fua_write_is_durable_with_its_flush),
	        cmocka_unit_test(test_a_failure_ends_the_hope_of_what_is_not_covered),
	        cmocka_unit_test(test_many_failures_promise_less_and_never_more),
	        cmocka_unit_test(test_a_power_cut_ends_the_hope_of_what_was_not_covered),
	        cmocka_unit_test(test_after_a_failed_write_no_more_is_promised_there),
	        cmocka_unit_test(test_of_overlapping_writes_either_may_remain),
	        cmocka_unit_test(test_what_never_came_back_is_not_owed),
	        cmocka_unit_test(test_lost_torn_and_stale_are_told_apart),
	        cmocka_unit_test(test_misplaced_tells_where_it_belongs),
	        cmocka_unit_test(test_foreign_tells_what_it_looks_like),
	        cmocka_unit_test(test_unreadable_is_told_of_written_blocks_only),
	        cmocka_unit_test(
	                test_a_read_of_the_run_is_looked_at_unless_a_write_came_between),
	        cmocka_unit_test(test_spans_go_over_what_was_written),
	        cmocka_unit_test(test_a_stamp_notices_every_changed_byte),
	        cmocka_unit_test(test_no_two_sectors_are_alike),
	        cmocka_unit_test(test_trouble_is_told_before_numbers_repeat),
	        cmocka_unit_test(test_the_books_cost_what_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
