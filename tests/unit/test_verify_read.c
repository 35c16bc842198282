/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading back in virtual time, from a device whose every fault the test decides. */
#include "hcb_test.h"

#include <errno.h>

#include "bench/core/random.h"
#include "bench/core/units.h"
#include "bench/stamp.h"
#include "bench/verify_read.h"

#define GRAIN  4096u
#define BLOCKS 2048u
#define RUN    77u
#define DEPTH  8u

/* Answers in no order, after 1 ms; takes DEPTH at once; fails where `bad` says so. */
struct toy {
	unsigned char *data;
	bool bad[BLOCKS];
	struct hcb_op *out[DEPTH];
	unsigned n_out, most, reads;
	bool full; /* takes nothing */
	struct hcb_random r;
	uint64_t due_ns;
};

static int toy_submit(struct hcb_dev *dev, struct hcb_op *const *ops, unsigned n)
{
	struct toy *t = dev->priv;
	unsigned i;
	for (i = 0; i < n && t->n_out < DEPTH && !t->full; i++) {
		struct hcb_op *op = ops[i];
		uint64_t first = op->off / GRAIN, blocks = op->len / GRAIN;
		assert_int_equal(op->kind, HCB_READ);
		assert_true(op->len <= dev->max_len && (uintptr_t)op->buf % 4096 == 0);
		op->result = 0;
		for (uint64_t b = first; b < first + blocks; b++)
			if (t->bad[b])
				op->result = -EIO;
		if (!op->result)
			memcpy(op->buf, t->data + op->off, op->len);
		t->out[t->n_out++] = op;
		t->most = t->n_out > t->most ? t->n_out : t->most;
		t->reads++;
		t->due_ns = hcb_clock_now(dev->clock) + HCB_MS;
	}
	return (int)i;
}

static unsigned toy_poll(struct hcb_dev *dev, struct hcb_op **done, unsigned max)
{
	struct toy *t = dev->priv;
	unsigned n = 0;
	if (hcb_clock_now(dev->clock) < t->due_ns)
		return 0;
	while (n < max && t->n_out && n < 3) {
		unsigned i = (unsigned)hcb_random_below(&t->r, t->n_out);
		done[n++] = t->out[i];
		t->out[i] = t->out[--t->n_out];
	}
	return n;
}

static uint64_t toy_next(const struct hcb_dev *dev)
{
	const struct toy *t = dev->priv;
	return t->n_out ? t->due_ns : HCB_NEVER;
}

static const struct hcb_engine toy_engine = {
        .name = "toy", .submit = toy_submit, .poll = toy_poll, .next_ns = toy_next};

struct rig {
	struct toy toy;
	struct hcb_dev dev;
	struct hcb_clock clock;
	struct hcb_verify_reader reader;
	bool written[BLOCKS];
};

/* Every written block promised and there. Two regions of them and a far one. */
static struct rig *new_rig(void)
{
	struct rig *g = calloc(1, sizeof(*g));
	struct hcb_verify_config c = {.run = RUN, .grain = GRAIN, .n_targets = 1};
	struct hcb_err err = HCB_ERR_INIT;
	c.target[0] = (struct hcb_verify_target){"toy:", (uint64_t)BLOCKS * GRAIN, false};
	assert_ok(hcb_verify_new(&g->reader.books, &c, &err), &err);
	hcb_clock_init_virtual(&g->clock);
	hcb_random_init(&g->toy.r, 1, 1);
	g->reader.clock = &g->clock;
	g->toy.data = calloc(BLOCKS, GRAIN);
	g->dev = (struct hcb_dev){.engine = &toy_engine,
	                          .target = "toy:",
	                          .priv = &g->toy,
	                          .clock = &g->clock,
	                          .max_len = 1 << 20,
	                          .wake_fd = -1};
	for (uint32_t b = 0; b < BLOCKS; b++) {
		const struct hcb_verify_entry e = {b + 1, b + 1, b + 1};
		g->written[b] =
		        b < 600 ? b % 3 != 1 : (b >= 900 && b < 1100) || b == BLOCKS - 1;
		if (!g->written[b])
			continue;
		hcb_verify_set(g->reader.books, 0, (uint64_t)b * GRAIN, &e);
		for (uint32_t i = 0; i < GRAIN; i += HCB_STAMP_SECTOR) {
			unsigned char *at = g->toy.data + (size_t)b * GRAIN + i;
			struct hcb_stamp s = {
			        .run = RUN, .off = (uint64_t)b * GRAIN + i, .seq = b + 1};
			hcb_stamp_put(at, &s, hcb_stamp_body_hash(at));
		}
	}
	return g;
}

static uint64_t n_written(const struct rig *g)
{
	uint64_t n = 0;
	for (uint32_t b = 0; b < BLOCKS; b++)
		n += g->written[b];
	return n;
}

static void drop(struct rig *g)
{
	hcb_verify_free(g->reader.books, false);
	free(g->toy.data);
	free(g);
}

static int read_back(struct rig *g, struct hcb_err *err)
{
	return hcb_verify_read(&g->reader, 0, &g->dev, err);
}

static const struct hcb_verify_result *result(const struct rig *g)
{
	return hcb_verify_result(g->reader.books);
}

static void test_every_written_block_is_read_once_in_large_pieces(void **state)
{
	struct rig *g = new_rig();
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_ok(read_back(g, &err), &err);
	assert_int_equal(result(g)->after.blocks, n_written(g));
	assert_int_equal(result(g)->after.promised, n_written(g));
	assert_int_equal(hcb_verify_wrong(g->reader.books), 0);
	assert_int_equal(g->toy.reads, 3 + 1 + 1); /* 600 of 256 at once, 200, 1 */
	assert_true(g->toy.most > 1 && g->toy.n_out == 0);
	drop(g);
}

static void test_of_a_piece_that_fails_the_bad_blocks_are_named(void **state)
{
	struct rig *g = new_rig();
	struct hcb_err err = HCB_ERR_INIT;
	static const uint32_t bad[] = {0, 5, 300, 599, 1000, BLOCKS - 1};
	(void)state;
	for (size_t i = 0; i < 6; i++)
		g->toy.bad[bad[i]] = true;
	g->toy.bad[1] = true; /* nobody wrote there */
	assert_ok(read_back(g, &err), &err);
	assert_int_equal(result(g)->after.blocks, n_written(g));
	assert_int_equal(result(g)->after.kind[HCB_UNREADABLE], 6);
	assert_int_equal(hcb_verify_wrong(g->reader.books), 6);
	for (size_t i = 0; i < 6; i++) {
		unsigned seen = 0;
		for (unsigned k = 0; k < result(g)->n_first; k++)
			seen += result(g)->first[k].off == (uint64_t)bad[i] * GRAIN;
		assert_int_equal(seen, 1);
	}
	drop(g);
}

static void test_one_changed_bit_is_found(void **state)
{
	struct rig *g = new_rig();
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	g->toy.data[1050u * GRAIN + 700] ^= 4;
	assert_ok(read_back(g, &err), &err);
	assert_int_equal(result(g)->after.kind[HCB_TORN], 1);
	assert_int_equal(result(g)->first[0].off, 1050u * GRAIN);
	drop(g);
}

static void test_a_device_that_never_answers_or_takes_nothing_is_left(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	struct rig *g = new_rig();
	g->toy.full = true;
	assert_true(read_back(g, &err) < 0);
	assert_has(err.msg, "toy:");
	drop(g);
	/* In real time: after stall_ns, not for ever. */
	g = new_rig();
	hcb_clock_init_real(&g->clock, 1);
	g->toy.full = true;
	g->reader.stall_ns = 20 * HCB_MS;
	assert_int_equal(read_back(g, &err), -ETIMEDOUT);
	assert_has(err.msg, "no completion");
	drop(g);
}

static void test_a_signal_and_trouble_end_it(void **state)
{
	static volatile sig_atomic_t sig = SIGINT;
	struct hcb_err err = HCB_ERR_INIT;
	struct rig *g = new_rig();
	(void)state;
	g->reader.signal_seen = &sig;
	assert_int_equal(read_back(g, &err), -EINTR);
	assert_has(err.msg, "interrupted");
	g->reader.signal_seen = NULL;
	atomic_store(&g->dev.trouble, "the cluster is full");
	assert_int_equal(read_back(g, &err), -EIO);
	assert_has(err.msg, "the cluster is full");
	drop(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_every_written_block_is_read_once_in_large_pieces),
	        cmocka_unit_test(test_of_a_piece_that_fails_the_bad_blocks_are_named),
	        cmocka_unit_test(test_one_changed_bit_is_found),
	        cmocka_unit_test(
	                test_a_device_that_never_answers_or_takes_nothing_is_left),
	        cmocka_unit_test(test_a_signal_and_trouble_end_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
