/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>

#include "hcb_drive.h"
#include "hcb_test.h"
#include "workloads/postgres_impl.h"
#include "workloads/registry.h"

static const struct hcb_workload *const wl = &hcb_workload_postgres;

static const struct pg *pg_of(const struct drive *d)
{
	return d->state;
}

static double wal_per_tx(const struct drive *d)
{
	return (double)pg_of(d)->wal.insert / (double)pg_of(d)->xacts;
}

/* edu.postgrespro.ru, dba2_11_wal_tuning_lab: scale 1, 14 047 transactions after a
   CHECKPOINT moved the LSN by 20 523 068 bytes: 1 461 a transaction. */
static void test_wal_per_transaction_matches_first_published_run(void **state)
{
	(void)state;
	const char *p[] = {"scale=1", "kappa=1", "clients=1", "checkpoint_timeout=1h",
	                   NULL};
	struct drive *d = drive_new(wl, p, 1);
	drive_run(d, UINT64_MAX, 14047);
	assert_close(wal_per_tx(d), 1461, 0.03);
	drive_free(d);
}

/* dba2_10_wal_checkpoint_lab: 8 checkpoints in 180 s, 17 838 transactions, 5 128 bytes
   each. W0 was not fitted to this one. */
static void test_wal_per_transaction_matches_second_published_run(void **state)
{
	(void)state;
	const char *p[] = {"scale=1",     "kappa=1",
	                   "rate=99.1/s", "arrivals=steady",
	                   "clients=8",   "checkpoint_timeout=22500ms",
	                   NULL};
	struct drive *d = drive_new(wl, p, 1);
	d->latency_ns[HCB_FLUSH] = 2000000;
	drive_run(d, 180 * HCB_SEC, 0);
	assert_close((double)pg_of(d)->xacts, 17838, 0.01);
	assert_close(wal_per_tx(d), 5128, 0.05);
	drive_free(d);
}

/* --- the log ----------------------------------------------------------------------- */

struct wal_watch {
	uint64_t writes_out, flushes_out, last_end, rewrites, writes, max_flushes_out;
	bool write_since_flush;
};

static void watch_wal_op(struct drive *d, const struct hcb_op *op)
{
	struct wal_watch *w = d->arg;
	if (op->stream == PG_S_COMMIT_FLUSH) {
		/* A flush covers only what completed before it: its write must be done.
		 */
		assert_int_equal(w->writes_out, 0);
		assert_true(w->write_since_flush);
		w->write_since_flush = false;
		w->flushes_out++;
		if (w->flushes_out > w->max_flushes_out)
			w->max_flushes_out = w->flushes_out;
	}
	if (op->stream == PG_S_COMMIT_WRITE) {
		assert_int_equal(w->flushes_out, 0);
		w->writes++;
		w->rewrites += w->last_end && op->off == w->last_end - PG_PAGE;
		assert_true(!w->last_end || op->off == w->last_end - PG_PAGE ||
		            op->off == w->last_end || op->off == 0);
		w->last_end = op->off + op->len;
		w->writes_out++;
		w->write_since_flush = true;
	}
}

static void watch_wal_done(struct drive *d, const struct hcb_op *op)
{
	struct wal_watch *w = d->arg;
	w->writes_out -= op->stream == PG_S_COMMIT_WRITE;
	w->flushes_out -= op->stream == PG_S_COMMIT_FLUSH;
}

static void test_commit_is_a_write_then_one_flush_never_two_at_once(void **state)
{
	(void)state;
	const char *p[] = {"clients=16", "checkpoint_timeout=30s", "scale=10", NULL};
	struct wal_watch w = {0};
	struct drive *d = drive_new(wl, p, 3);
	d->arg = &w;
	d->on_op = watch_wal_op;
	d->on_done = watch_wal_done;
	drive_run(d, 100 * HCB_SEC, 0);
	assert_int_equal(w.max_flushes_out, 1);
	/* A log record ends inside a page nearly always: that page is written again. */
	assert_true(w.rewrites > 0.95 * (double)w.writes);
	assert_true(d->tx[PG_TX_COMMIT] > 1000);
	drive_free(d);
}

/* A backend that is done has its record on the disk: flushed, not only written. */
static void watch_durable(struct drive *d, unsigned tx)
{
	const struct pg *pg = pg_of(d);
	if (tx != PG_TX_COMMIT)
		return;
	for (uint64_t b = 0; b < pg->conf->clients; b++)
		if (!pg->be[b].busy)
			assert_true(pg->be[b].lsn <= pg->wal.flushed);
}

static void test_no_commit_is_done_before_its_record_is_flushed(void **state)
{
	(void)state;
	/* groups of megabytes: many writes each, done one after the other */
	const char *p[] = {"clients=400", "checkpoint_timeout=30s", NULL};
	struct wal_watch w = {0};
	struct drive *d = drive_new(wl, p, 3);
	d->arg = &w;
	d->on_tx = watch_durable;
	d->spread_ns = 1000; /* what is written together is not done together */
	d->on_op = watch_wal_op;
	d->on_done = watch_wal_done;
	drive_run(d, 20 * HCB_SEC, 0);
	assert_true(w.writes > 2 * pg_of(d)->wal.flushes);
	assert_true(d->tx[PG_TX_COMMIT] > 10000);
	drive_free(d);
}

static void test_group_commit_when_saturated_then_many_share_a_flush(void **state)
{
	(void)state;
	const char *one[] = {"clients=1", NULL}, *many[] = {"clients=16", NULL};
	struct drive *a = drive_new(wl, one, 1), *b = drive_new(wl, many, 1);
	drive_run(a, 20 * HCB_SEC, 0);
	drive_run(b, 20 * HCB_SEC, 0);
	double ga = (double)pg_of(a)->wal.commits / (double)pg_of(a)->wal.flushes;
	double gb = (double)pg_of(b)->wal.commits / (double)pg_of(b)->wal.flushes;
	assert_close(ga, 1, 0.001);
	/* All but the leader's own group wait for the next flush: between C/2 and C. */
	assert_true(gb >= 7.9 && gb <= 16);
	/* One client: a commit a flush of 8.43 ms and 0.2 ms of work. */
	assert_close((double)a->tx[0] / 20, 1 / 0.00863, 0.02);
	drive_free(a);
	drive_free(b);
}

static void test_commit_delay_when_siblings_are_active_then_groups_grow(void **state)
{
	(void)state;
	const char *p[] = {"clients=16", "commit_delay=4ms", "think=5ms", NULL};
	const char *q[] = {"clients=16", "think=5ms", NULL};
	struct drive *a = drive_new(wl, p, 1), *b = drive_new(wl, q, 1);
	drive_run(a, 20 * HCB_SEC, 0);
	drive_run(b, 20 * HCB_SEC, 0);
	assert_true(pg_of(a)->wal.commits * pg_of(b)->wal.flushes >
	            pg_of(b)->wal.commits * pg_of(a)->wal.flushes);
	drive_free(a);
	drive_free(b);
}

/* The checkpointer's flush too, when no backend is at work. */
static void test_commit_delay_without_siblings_then_nothing_waits(void **state)
{
	(void)state;
	const char *p[] = {"rate=2/s", "arrivals=steady", "checkpoint_timeout=20s",
	                   "commit_delay=50ms", NULL};
	const char *q[] = {"rate=2/s", "arrivals=steady", "checkpoint_timeout=20s", NULL};
	struct drive *a = drive_new(wl, p, 1), *b = drive_new(wl, q, 1);
	drive_run(a, 60 * HCB_SEC, 0);
	drive_run(b, 60 * HCB_SEC, 0);
	assert_true(pg_of(b)->ckpt.finished >= 2);
	assert_int_equal(a->hash, b->hash);
	drive_free(a);
	drive_free(b);
}

static void test_new_segment_is_zero_filled_and_synced_four_times(void **state)
{
	(void)state;
	const char *p[] = {"clients=4", "new_segment=100%", "rate=100/s", NULL};
	struct drive *d = drive_new(wl, p, 1);
	drive_run(d, 120 * HCB_SEC, 0);
	uint64_t segs = pg_of(d)->wal.new_segments;
	assert_true(segs >= 3);
	assert_true(d->op_count[PG_S_SEGMENT] >=
	            (segs - 1) * (PG_SEGMENT / PG_MAX_WRITE));
	/* 4 syncs each, and the 5 s timer's */
	assert_true(pg_of(d)->journal[0].commits >= (segs - 1) * 4);
	drive_free(d);
}

static void test_synchronous_commit_off_then_nobody_waits(void **state)
{
	(void)state;
	const char *p[] = {"synchronous_commit=off", "rate=200/s", "arrivals=steady",
	                   NULL};
	struct drive *d = drive_new(wl, p, 1);
	drive_run(d, 20 * HCB_SEC, 0);
	assert_close((double)d->tx[0], 4000, 0.01);
	assert_true(d->tx_max_ns[0] <= HCB_MS);
	/* the walwriter: five flushes a second */
	assert_close((double)d->op_count[PG_S_COMMIT_FLUSH], 100, 0.05);
	drive_free(d);
}

/* The log's buffers are full long before the disk has taken what 16 clients can write:
   so much is written as the disk takes, not as memory does. */
static void test_synchronous_commit_off_then_full_log_buffers_hold_the_load(void **state)
{
	(void)state;
	const char *p[] = {"synchronous_commit=off", "full_page_writes=off",
	                   "wal_record=8KiB", NULL};
	struct drive *d = drive_new(wl, p, 1);
	d->latency_ns[HCB_WRITE] =
	        50 * HCB_MS; /* whatever the size, any number at once */
	d->latency_ns[HCB_FLUSH] = 50 * HCB_MS;
	drive_run(d, 20 * HCB_SEC, 0);
	const struct pg *pg = pg_of(d);
	assert_true(pg->wal.insert - pg->wal.flushed <= PG_SEGMENT + 16 * 8192);
	/* 2048 records in 16 MiB, which take 100 ms, twice that over a segment's end; by
	   their processor time alone they would be 80 000 a second */
	assert_in_range(d->tx[0], 20 * 5000, 20 * 20500);
	assert_true(d->tx_max_ns[0] >= 50 * HCB_MS);
	drive_free(d);
}

/* --- checkpoints ------------------------------------------------------------------- */

struct ckpt_watch {
	uint64_t last_off, writes, pages, last_write_ns, first_write_ns, flushes,
	        disorder;
	bool in_write, in_sync;
	uint64_t sync_began_inflight;
};

static void watch_ckpt(struct drive *d, const struct hcb_op *op)
{
	struct ckpt_watch *w = d->arg;
	if (op->stream == PG_S_CKPT_WRITE && w->in_write && d->cycles == 1) {
		const struct pg *pg = pg_of(d);
		if (op->off / PG_PAGE >= pg->n_pages - 16)
			return; /* clog */
		w->disorder += w->writes && op->off <= w->last_off;
		w->last_off = op->off;
		w->writes++;
		w->pages += op->len / PG_PAGE;
		if (!w->first_write_ns)
			w->first_write_ns = d->now_ns;
		w->last_write_ns = d->now_ns;
	}
	w->flushes += op->stream == PG_S_CKPT_FLUSH && w->in_sync;
}

static void watch_phase(struct drive *d, unsigned phase, bool begin)
{
	struct ckpt_watch *w = d->arg;
	if (phase == PG_PH_WRITE)
		w->in_write = begin;
	if (phase == PG_PH_SYNC)
		w->in_sync = begin;
}

static void test_checkpoint_is_a_paced_ascending_sweep_of_what_was_dirty(void **state)
{
	(void)state;
	const char *p[] = {"scale=100", "rate=100/s", "kappa=1", "arrivals=steady", NULL};
	struct ckpt_watch w = {0};
	struct drive *d = drive_new(wl, p, 1);
	d->arg = &w;
	d->on_op = watch_ckpt;
	d->on_phase = watch_phase;
	drive_run(d, 599 * HCB_SEC, 0);
	assert_int_equal(d->cycles, 1);
	assert_int_equal(w.disorder, 0);
	/* D(N) = P (1 - exp(-N/P)): 30 000 touches of 164 000 pages, the few hot and
	   history pages besides. */
	double P = 100 * 1640.0, D = P * (1 - exp(-30000 / P));
	assert_close((double)w.pages, D + 14 + 30000 / 157.0, 0.01);
	/* Paced to completion_target 0.9 of 300 s. */
	assert_close((double)(w.last_write_ns - w.first_write_ns) / 1e9, 270, 0.01);
	drive_free(d);
}

static void test_checkpoint_sync_flushes_every_file_unpaced(void **state)
{
	(void)state;
	const char *p[] = {"scale=10", "rate=50/s", "files=40", "checkpoint_timeout=30s",
	                   NULL};
	struct ckpt_watch w = {0};
	struct drive *d = drive_new(wl, p, 1);
	d->arg = &w;
	d->on_op = watch_ckpt;
	d->on_phase = watch_phase;
	drive_run(d, 59 * HCB_SEC, 0);
	assert_int_equal(pg_of(d)->ckpt.finished, 1);
	/* the first file's fsync is a journal commit, the other 39 a flush each */
	assert_int_equal(w.flushes, 39);
	double s = (double)pg_of(d)->ckpt.sync_ns / 1e9;
	assert_true(s > 39 * 0.0083 && s < 41 * 0.0083 + 0.1);
	drive_free(d);
}

static void test_checkpoint_comes_early_when_the_log_grows(void **state)
{
	(void)state;
	const char *p[] = {"max_wal_size=64MiB", "rate=200/s", "clients=64", NULL};
	struct drive *d = drive_new(wl, p, 1);
	drive_run(d, 100 * HCB_SEC, 0);
	/* 2 segments of log at 11 kB a transaction and 200/s: every 15 s */
	assert_true(pg_of(d)->ckpt.forced_by_wal >= 5);
	/* what lies before a checkpoint is recycled: two segments each, one more now and
	 * then */
	assert_true(pg_of(d)->ckpt.recycled >= 2 * (pg_of(d)->ckpt.finished - 1));
	assert_true(pg_of(d)->ckpt.recycled <= pg_of(d)->wal.segments);
	drive_free(d);
}

static void test_full_page_images_decay_after_a_checkpoint(void **state)
{
	(void)state;
	const char *p[] = {"scale=1", "rate=100/s", "kappa=1", "checkpoint_timeout=120s",
	                   NULL};
	struct drive *d = drive_new(wl, p, 1);
	drive_run(d, 120 * HCB_SEC + HCB_MS, 0);
	uint64_t at[4], x[4];
	for (int i = 0; i < 4; i++) {
		at[i] = pg_of(d)->wal.insert;
		x[i] = pg_of(d)->xacts;
		drive_run(d, (120 + 10 * (uint64_t)(i + 1)) * HCB_SEC, 0);
	}
	double first = (double)(at[1] - at[0]) / (double)(x[1] - x[0]);
	double third = (double)(at[3] - at[2]) / (double)(x[3] - x[2]);
	/* 8.2 kB exp(-N/P), P = 1640, N from 0 to 1000 and from 2000 to 3000 */
	assert_close(first, 500 + 8200 * 1.640 * (1 - exp(-1000 / 1640.0)), 0.06);
	assert_close(third,
	             500 + 8200 * 1.640 * (exp(-2000 / 1640.0) - exp(-3000 / 1640.0)),
	             0.08);
	drive_free(d);
}

static void test_no_full_page_images_when_switched_off(void **state)
{
	(void)state;
	const char *p[] = {"full_page_writes=off", "clients=2", NULL};
	struct drive *d = drive_new(wl, p, 1);
	drive_run(d, 10 * HCB_SEC, 0);
	assert_close(wal_per_tx(d), 500, 0.001);
	drive_free(d);
}

/* --- load and memory --------------------------------------------------------------- */

static void
test_open_load_when_storage_freezes_then_every_commit_is_still_counted(void **state)
{
	(void)state;
	const char *p[] = {"rate=40/s", "arrivals=steady", "clients=8", NULL};
	struct drive *d = drive_new(wl, p, 1);
	struct hcb_pending pend;
	d->freeze_from_ns = 10 * HCB_SEC;
	d->freeze_to_ns = 13 * HCB_SEC;
	drive_run(d, 12900 * HCB_MS, 0);
	wl->pending(d->state, 12900 * HCB_MS, &pend);
	/* 2.9 s at 40/s wait, though there are but 8 clients to wait */
	assert_true(pend.count >= 114 && pend.count <= 118);
	assert_true(pend.oldest_due_ns >= 9900 * HCB_MS &&
	            pend.oldest_due_ns <= 10100 * HCB_MS);
	drive_run(d, 20 * HCB_SEC, 0);
	assert_true(d->tx_max_ns[0] >= 2900 * HCB_MS);
	assert_true(d->tx[0] >= 799 && d->tx[0] <= 800);
	drive_free(d);
}

static void test_closed_load_when_storage_freezes_then_only_clients_wait(void **state)
{
	(void)state;
	const char *p[] = {"clients=8", NULL};
	struct drive *d = drive_new(wl, p, 1);
	struct hcb_pending pend;
	d->freeze_from_ns = 10 * HCB_SEC;
	d->freeze_to_ns = 13 * HCB_SEC;
	drive_run(d, 12900 * HCB_MS, 0);
	wl->pending(d->state, 12900 * HCB_MS, &pend);
	assert_int_equal(pend.count, 8);
	drive_free(d);
}

static void test_poisson_arrivals_have_the_rate_and_the_spread(void **state)
{
	(void)state;
	const char *p[] = {"rate=500/s", "clients=200", "scale=1", NULL};
	struct drive *d = drive_new(wl, p, 5);
	d->latency_ns[HCB_FLUSH] = 1000000;
	drive_run(d, 100 * HCB_SEC, 0);
	/* 50 000 expected, sd 224: 5 sd */
	assert_true(fabs((double)d->tx[0] - 50000) < 1120);
	drive_free(d);
}

static void test_bursty_arrivals_are_not_poisson(void **state)
{
	(void)state;
	const char *p[] = {"rate=100/s", "clients=500", "scale=1", "arrivals=bursty",
	                   NULL};
	struct drive *d = drive_new(wl, p, 5);
	d->latency_ns[HCB_FLUSH] = 1000000;
	double sum = 0, sq = 0;
	uint64_t before = 0;
	for (int s = 1; s <= 512; s++) {
		drive_run(d, (uint64_t)s * HCB_SEC, 0);
		double n = (double)(d->tx[0] - before);
		before = d->tx[0];
		sum += n;
		sq += n * n;
	}
	double mean = sum / 512, var = sq / 512 - mean * mean;
	assert_true(var / mean > 3); /* Poisson: 1 */
	drive_free(d);
}

static void test_cache_smaller_than_database_then_pages_are_read_first(void **state)
{
	(void)state;
	const char *p[] = {"scale=100",    "shared_buffers=128MiB",
	                   "cache=748MiB", "kappa=1",
	                   "clients=8",    NULL};
	struct drive *d = drive_new(wl, p, 1);
	drive_run(d, 60 * HCB_SEC, 0);
	/* 748 of 1495 MiB held: half of the touches miss */
	double reads = (double)d->op_count[PG_S_READ] / (double)d->tx[0];
	assert_close(reads, 0.5, 0.06);
	/* and evicted pages reach the disk by write-back */
	assert_true(d->op_count[PG_S_EVICT] > 0);
	drive_free(d);
}

static void test_everything_cached_then_nothing_is_read_or_evicted(void **state)
{
	(void)state;
	struct drive *d = drive_new(wl, NULL, 1);
	drive_run(d, 60 * HCB_SEC, 0);
	assert_int_equal(d->op_count[PG_S_READ], 0);
	assert_int_equal(d->op_count[PG_S_EVICT], 0);
	drive_free(d);
}

static uint64_t hash_of(uint64_t seed)
{
	const char *p[] = {"rate=60/s", "checkpoint_timeout=30s", NULL};
	struct drive *d = drive_new(wl, p, seed);
	drive_run(d, 100 * HCB_SEC, 0);
	uint64_t h = d->hash;
	drive_free(d);
	return h;
}

static void test_same_seed_same_ops_other_seed_other_ops(void **state)
{
	(void)state;
	uint64_t a = hash_of(7);
	assert_true(a == hash_of(7));
	assert_true(a != hash_of(8));
}

static void test_plan_when_cache_is_below_shared_buffers_then_usage_error(void **state)
{
	(void)state;
	struct pg_conf c;
	struct hcb_geometry geo = {0};
	struct hcb_err err = HCB_ERR_INIT;
	memset(&c, 0, sizeof(c));
	hcb_opt_defaults(wl->opts, &c);
	c.cache_bytes = HCB_GIB;
	assert_int_equal(wl->plan(&c, &geo, &err), -EINVAL);
	assert_int_equal(err.exit, HCB_EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_wal_per_transaction_matches_first_published_run),
	        cmocka_unit_test(test_wal_per_transaction_matches_second_published_run),
	        cmocka_unit_test(test_commit_is_a_write_then_one_flush_never_two_at_once),
	        cmocka_unit_test(test_no_commit_is_done_before_its_record_is_flushed),
	        cmocka_unit_test(
	                test_group_commit_when_saturated_then_many_share_a_flush),
	        cmocka_unit_test(
	                test_commit_delay_when_siblings_are_active_then_groups_grow),
	        cmocka_unit_test(test_commit_delay_without_siblings_then_nothing_waits),
	        cmocka_unit_test(test_new_segment_is_zero_filled_and_synced_four_times),
	        cmocka_unit_test(test_synchronous_commit_off_then_nobody_waits),
	        cmocka_unit_test(
	                test_synchronous_commit_off_then_full_log_buffers_hold_the_load),
	        cmocka_unit_test(
	                test_checkpoint_is_a_paced_ascending_sweep_of_what_was_dirty),
	        cmocka_unit_test(test_checkpoint_sync_flushes_every_file_unpaced),
	        cmocka_unit_test(test_checkpoint_comes_early_when_the_log_grows),
	        cmocka_unit_test(test_full_page_images_decay_after_a_checkpoint),
	        cmocka_unit_test(test_no_full_page_images_when_switched_off),
	        cmocka_unit_test(
	                test_open_load_when_storage_freezes_then_every_commit_is_still_counted),
	        cmocka_unit_test(
	                test_closed_load_when_storage_freezes_then_only_clients_wait),
	        cmocka_unit_test(test_poisson_arrivals_have_the_rate_and_the_spread),
	        cmocka_unit_test(test_bursty_arrivals_are_not_poisson),
	        cmocka_unit_test(
	                test_cache_smaller_than_database_then_pages_are_read_first),
	        cmocka_unit_test(test_everything_cached_then_nothing_is_read_or_evicted),
	        cmocka_unit_test(test_same_seed_same_ops_other_seed_other_ops),
	        cmocka_unit_test(
	                test_plan_when_cache_is_below_shared_buffers_then_usage_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
