/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The micro workload, in virtual time, and Zipf's law, against arithmetic. */
#include "hcb_test.h"

#include <errno.h>

#include "bench/core/units.h"
#include "hcb_drive.h"
#include "workloads/registry.h"
#include "workloads/zipf.h"

static const struct hcb_workload *const wl = &hcb_workload_micro;

enum { TX_IO, TX_FLUSH, TX_DURABLE };
enum { S_READ, S_WRITE, S_FLUSH };

/* --- how ops follow each other ------------------------------------------------------ */

struct slots {
	unsigned out, max_out, out_of[32];
	uint64_t writes_of[32], flush_every;
};

static void watch_op(struct drive *d, const struct hcb_op *op)
{
	struct slots *w = d->arg;
	/* A slot waits for its op; so a flush covers all the slot's writes. */
	assert_int_equal(w->out_of[op->token]++, 0);
	if (op->kind == HCB_FLUSH) {
		assert_int_equal(w->writes_of[op->token], w->flush_every);
		w->writes_of[op->token] = 0;
	} else if (w->flush_every) {
		assert_true(w->writes_of[op->token] < w->flush_every);
	}
	w->out++;
	if (w->out > w->max_out)
		w->max_out = w->out;
}

static void watch_done(struct drive *d, const struct hcb_op *op)
{
	struct slots *w = d->arg;
	w->out--;
	w->out_of[op->token]--;
	w->writes_of[op->token] += op->kind == HCB_WRITE;
}

static struct drive *watched(const char *const *params, struct slots *w)
{
	struct drive *d = drive_new(wl, params, 1);
	d->arg = w;
	d->on_op = watch_op;
	d->on_done = watch_done;
	return d;
}

static void test_closed_loop_keeps_depth_ops_out(void **state)
{
	(void)state;
	const char *p[] = {"depth=8", NULL};
	struct slots w = {0};
	struct drive *d = watched(p, &w);
	drive_run(d, HCB_SEC, 0);
	assert_int_equal(w.max_out, 8);
	/* 8 slots, 100 us each; those of the last 100 us are still out. */
	assert_int_equal(d->tx[TX_IO], 8 * (10000 - 1));
	assert_int_equal(d->tx_max_ns[TX_IO], 100000);
	assert_int_equal(d->tx[TX_FLUSH], 0);
	assert_int_equal(d->tx[TX_DURABLE], 0);
	drive_free(d);
}

static void test_each_slot_flushes_after_its_own_writes(void **state)
{
	(void)state;
	const char *p[] = {"depth=4", "flush=3", NULL};
	struct slots w = {.flush_every = 3};
	struct drive *d = watched(p, &w);
	d->latency_ns[HCB_FLUSH] = 700000;
	drive_run(d, 10 * HCB_SEC, 0);
	/* A round of 3 x 100 us and one flush of 700 us: 1000 a second for each slot. */
	assert_close((double)d->tx[TX_FLUSH], 4 * 10000, 0.001);
	assert_close((double)d->tx[TX_IO], 4 * 30000, 0.001);
	assert_int_equal(d->tx_max_ns[TX_FLUSH], 700000);
	assert_int_equal(d->tx_max_ns[TX_IO], 100000);
	/* Three writes and their flush are one: 3 x 100 us and 700 us. */
	assert_int_equal(d->tx[TX_DURABLE], d->tx[TX_FLUSH]);
	assert_int_equal(d->tx_max_ns[TX_DURABLE], 1000000);
	assert_int_equal(w.max_out, 4);
	drive_free(d);
}

static void test_mixed_counts_only_writes_for_a_flush_and_keeps_the_mix(void **state)
{
	(void)state;
	const char *p[] = {"depth=2", "flush=5", "kind=mixed", "mix=25%", NULL};
	struct slots w = {.flush_every = 5};
	struct drive *d = watched(p, &w);
	d->latency_ns[HCB_READ] = 100000;
	d->latency_ns[HCB_FLUSH] = 100000;
	drive_run(d, 5 * HCB_SEC, 0);
	double reads = (double)d->op_count[S_READ], writes = (double)d->op_count[S_WRITE];
	/* About 80 000 draws: 5 standard deviations are 0.8 % of the share of 25 %. */
	assert_between(reads / (reads + writes), 0.242, 0.258);
	assert_close((double)d->op_count[S_FLUSH], writes / 5, 0.001);
	drive_free(d);
}

/* --- open load -----------------------------------------------------------------------
 */

static void watch_due(struct drive *d, const struct hcb_op *op)
{
	uint64_t *n = d->arg;
	uint64_t arrived = ++*n * HCB_MS;
	/* Four slots: those out in the freeze, and 100 us each to catch up afterwards. */
	if (arrived <= 2003 * HCB_MS || arrived > 3030 * HCB_MS)
		assert_int_equal(op->due_ns, arrived);
	else
		assert_true(op->due_ns >= 3 * HCB_SEC && op->due_ns >= arrived);
}

static void test_open_steady_then_an_op_is_due_at_its_arrival_or_with_a_slot(void **state)
{
	(void)state;
	const char *p[] = {"rate=1000/s", "arrivals=steady", "depth=4", NULL};
	uint64_t n = 0;
	struct drive *d = drive_new(wl, p, 1);
	d->arg = &n;
	d->on_op = watch_due;
	/* The storage freezes for a second: what arrived meanwhile was due meanwhile. */
	d->freeze_from_ns = 2 * HCB_SEC;
	d->freeze_to_ns = 3 * HCB_SEC;
	drive_run(d, 2900 * HCB_MS, 0);
	struct hcb_pending late;
	wl->pending(d->state, 2900 * HCB_MS, &late);
	assert_int_equal(late.count, 2899 - 1999); /* 1999 of 2899 are done */
	assert_int_equal(late.oldest_due_ns, 2000 * HCB_MS);
	wl->pending(d->state, 2000 * HCB_MS, &late);
	assert_int_equal(late.count, 0);
	drive_run(d, 10 * HCB_SEC, 0);
	assert_int_equal(d->tx[TX_IO], 9999);
	assert_between((double)d->tx_max_ns[TX_IO], 0.99e9, 1.01e9);
	assert_close(wl->offered_per_s(d->conf), 1000, 0);
	drive_free(d);
}

static void test_open_poisson_then_the_rate_holds_and_gaps_vary(void **state)
{
	(void)state;
	const char *p[] = {"rate=1000/s", "depth=64", NULL};
	struct drive *d = drive_new(wl, p, 1);
	drive_run(d, 100 * HCB_SEC, 0);
	/* 100 000 arrivals: 5 standard deviations are 1581. */
	assert_between((double)d->tx[TX_IO], 100000 - 1581, 100000 + 1581);
	assert_int_not_equal(d->tx[TX_IO], 100000);
	drive_free(d);
}

/* --- places --------------------------------------------------------------------------
 */

struct places {
	uint64_t next[2], n[64], unit, wraps;
};

static void watch_sequence(struct drive *d, const struct hcb_op *op)
{
	struct places *w = d->arg;
	bool write = op->kind == HCB_WRITE;
	assert_int_equal(op->off, w->next[write] * w->unit);
	assert_int_equal(op->len, w->unit);
	w->next[write] = (w->next[write] + 1) % 10;
	w->wraps += w->next[write] == 0;
}

static void test_sequence_wraps_at_the_span_and_reads_have_their_own(void **state)
{
	(void)state;
	const char *p[] = {"pattern=sequential", "kind=mixed", "bs=64KiB", "span=650KiB",
	                   "size=16MiB",         "depth=3",    NULL};
	struct places w = {.unit = 64 * HCB_KIB, .next = {5, 0}};
	struct drive *d = drive_new(wl, p, 1);
	d->arg = &w;
	d->on_op = watch_sequence;
	drive_run(d, UINT64_MAX, 1000);
	assert_true(w.wraps >= 90);
	drive_free(d);
}

static void watch_places(struct drive *d, const struct hcb_op *op)
{
	struct places *w = d->arg;
	assert_true(op->off / w->unit < 64);
	w->n[op->off / w->unit]++;
}

static void test_random_is_uniform_over_the_span(void **state)
{
	(void)state;
	const char *p[] = {"kind=read", "bs=8KiB", "span=50%", "size=1MiB", NULL};
	struct places w = {.unit = 8 * HCB_KIB};
	struct drive *d = drive_new(wl, p, 1);
	d->arg = &w;
	d->on_op = watch_places;
	d->latency_ns[HCB_READ] = 1000;
	drive_run(d, UINT64_MAX, 64000);
	/* 1000 each; 5 standard deviations. */
	for (int i = 0; i < 64; i++)
		assert_between((double)w.n[i], 1000 - 158, 1000 + 158);
	drive_free(d);
}

/* --- zipf ----------------------------------------------------------------------------
 */

#define RANKS 100000u
#define DRAWS 2000000u

/* Every rank below 10 alone, then in groups, against the sum with libm's pow. */
static void check_zipf(double theta)
{
	static uint32_t seen[RANKS];
	struct hcb_zipf z;
	struct hcb_random r;
	memset(seen, 0, sizeof(seen));
	assert_int_equal(hcb_zipf_init(&z, RANKS, theta), 0);
	hcb_random_init(&r, 9, 9);
	for (uint32_t i = 0; i < DRAWS; i++) {
		uint64_t k = hcb_zipf_rank(&z, &r);
		assert_true(k < RANKS);
		seen[k]++;
	}
	double sum = 0;
	for (uint32_t k = 0; k < RANKS; k++)
		sum += pow(k + 1, -theta);
	for (uint32_t from = 0, to = 1; from < RANKS; from = to) {
		double p = 0, n = 0;
		to = from < 10 ? from + 1 : from * 2 < RANKS ? from * 2 : RANKS;
		for (uint32_t k = from; k < to; k++) {
			p += pow(k + 1, -theta) / sum;
			n += seen[k];
		}
		double expected = p * DRAWS;
		assert_between(n, expected - 5 * sqrt(expected) - 1,
		               expected + 5 * sqrt(expected) + 1);
	}
	hcb_zipf_free(&z);
}

static void test_zipf_ranks_follow_the_law(void **state)
{
	(void)state;
	check_zipf(1.1);
	check_zipf(0.6);
	check_zipf(2.5);
	check_zipf(0); /* uniform */
}

static void test_zipf_few_and_very_many_ranks(void **state)
{
	(void)state;
	struct hcb_random r;
	hcb_random_init(&r, 1, 1);
	static const uint64_t counts[] = {1, 2, 127, 128, 129, 255, 257, 1ull << 38};
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct hcb_zipf z;
		uint64_t max = 0;
		assert_int_equal(hcb_zipf_init(&z, counts[i], 0.0), 0);
		assert_int_equal(z.first[z.n_buckets], counts[i]);
		for (uint32_t k = 0; k < z.n_buckets; k++)
			assert_true(z.first[k] < z.first[k + 1]);
		for (int k = 0; k < 3000; k++) {
			uint64_t at = hcb_zipf_rank(&z, &r);
			max = at > max ? at : max;
		}
		assert_true(max < counts[i]);
		assert_true((double)max >= 0.95 * (double)(counts[i] - 1));
		hcb_zipf_free(&z);
	}
}

/* The most frequent places are the law's first ranks, wherever they lie. */
static void test_zipf_places_are_scattered(void **state)
{
	(void)state;
	const char *p[] = {"pattern=zipf", "theta=1.2",  "bs=4KiB",
	                   "size=256KiB",  "kind=write", NULL};
	struct places w = {.unit = 4 * HCB_KIB};
	struct drive *d = drive_new(wl, p, 1);
	d->arg = &w;
	d->on_op = watch_places;
	d->latency_ns[HCB_WRITE] = 1000;
	drive_run(d, UINT64_MAX, 100000);
	double sum = 0;
	for (int k = 1; k <= 64; k++)
		sum += pow(k, -1.2);
	unsigned first = 0, second = 0;
	for (unsigned i = 0; i < 64; i++)
		first = w.n[i] > w.n[first] ? i : first;
	second = first == 0;
	for (unsigned i = 0; i < 64; i++)
		second = i != first && w.n[i] > w.n[second] ? i : second;
	/* Drawn 100 000 times: 5 standard deviations are 1.3 % and 2.2 % of these. */
	assert_close((double)w.n[first], 100000 / sum, 0.013);
	assert_close((double)w.n[second], 100000 * pow(2, -1.2) / sum, 0.022);
	assert_false(first == 0 && second == 1);
	drive_free(d);
}

/* --- the rest ------------------------------------------------------------------------
 */

static void test_same_seed_same_ops(void **state)
{
	(void)state;
	const char *p[] = {"pattern=zipf", "kind=mixed", "flush=2",
	                   "rate=500/s",   "depth=16",   NULL};
	uint64_t hash[3];
	for (unsigned i = 0; i < 3; i++) {
		struct drive *d = drive_new(wl, p, i == 2 ? 8 : 7);
		drive_run(d, 20 * HCB_SEC, 0);
		hash[i] = d->hash;
		drive_free(d);
	}
	assert_int_equal(hash[0], hash[1]);
	assert_int_not_equal(hash[0], hash[2]);
}

static void test_no_cycles(void **state)
{
	(void)state;
	const char *p[] = {NULL};
	struct drive *d = drive_new(wl, p, 1);
	drive_run(d, HCB_SEC, 0);
	assert_int_equal(wl->cycles(d->conf).length_ns, 0);
	assert_int_equal(d->cycles, 0);
	assert_null(wl->phases);
	drive_free(d);
}

static void refused(const char *a, const char *b, const char *text)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_geometry geo;
	void *conf = calloc(1, wl->conf_size);
	hcb_opt_defaults(wl->opts, conf);
	int r = hcb_opt_set_pair(wl->opts, conf, "test", a, &err);
	if (!r && b)
		r = hcb_opt_set_pair(wl->opts, conf, "test", b, &err);
	if (!r)
		r = wl->plan(conf, &geo, &err);
	free(conf);
	assert_fails(r, &err, HCB_EXIT_USAGE, text);
}

static void test_parameters_that_cannot_be(void **state)
{
	(void)state;
	refused("bs=6KiB", NULL, "multiple of 4KiB");
	refused("bs=2MiB", NULL, "bs=2MiB");
	refused("depth=0", NULL, "depth=0");
	refused("kind=read", "flush=1", "flush belongs to writes");
	refused("span=0%", NULL, "span=0%");
	refused("span=101%", NULL, "span=101%");
	refused("span=half", NULL, "span=half");
	refused("span=2GiB", NULL, "up to that of the volume");
	refused("span=4KiB", "bs=8KiB", "smaller than bs");
	refused("patern=zipf", NULL, "did you mean \"pattern\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_closed_loop_keeps_depth_ops_out),
	        cmocka_unit_test(test_each_slot_flushes_after_its_own_writes),
	        cmocka_unit_test(
	                test_mixed_counts_only_writes_for_a_flush_and_keeps_the_mix),
	        cmocka_unit_test(
	                test_open_steady_then_an_op_is_due_at_its_arrival_or_with_a_slot),
	        cmocka_unit_test(test_open_poisson_then_the_rate_holds_and_gaps_vary),
	        cmocka_unit_test(
	                test_sequence_wraps_at_the_span_and_reads_have_their_own),
	        cmocka_unit_test(test_random_is_uniform_over_the_span),
	        cmocka_unit_test(test_zipf_ranks_follow_the_law),
	        cmocka_unit_test(test_zipf_few_and_very_many_ranks),
	        cmocka_unit_test(test_zipf_places_are_scattered),
	        cmocka_unit_test(test_same_seed_same_ops),
	        cmocka_unit_test(test_no_cycles),
	        cmocka_unit_test(test_parameters_that_cannot_be),
	};
	return cmocka_run_group_tests_name("micro", tests, NULL, NULL);
}
