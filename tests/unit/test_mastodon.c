/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The workload mastodon in virtual time: each stream against what it was derived from. */
#include "hcb_test.h"

#include <errno.h>

#include "hcb_drive.h"
#include "workloads/mastodon_impl.h"
#include "workloads/registry.h"

static const struct hcb_workload *const wl = &hcb_workload_mastodon;

static const struct mst *mst_in(const struct drive *d)
{
	return d->state;
}

static struct mst_load load_of(const char *const *params)
{
	struct mst_conf c;
	struct hcb_err err = HCB_ERR_INIT;
	struct mst_load l;
	memset(&c, 0, sizeof(c));
	hcb_opt_defaults(wl->opts, &c);
	for (; *params; params++)
		assert_int_equal(hcb_opt_set_pair(wl->opts, &c, "test", *params, &err),
		                 0);
	mst_derive(&c, &l);
	return l;
}

/* --- the table ---------------------------------------------------------------------- */

/*
 * What the three sizes of instance were taken to do, docs/workloads.md. The tolerances:
 * the table is rounded to two digits (up to 5 %); its log and pages are of what comes in,
 * while requests write some too (6 % of the commits at 5000 users); then what chance
 * leaves of the seconds driven, 5 standard deviations.
 */
static const struct size {
	const char *users;
	double jobs_per_s, commits_per_s, wal_per_s, pages, files_per_s, media_per_s;
	uint64_t threads, files, rdb_bytes, seconds;
	double chance; /* 5 sd of what the jobs do in those seconds, as a share */
} sizes[] = {
        {"users=100", 0.35, 1.3, 14e3, 940, 0.23, 16e3, 10, 120, 30000000, 12000, 0.12},
        {"users=5000", 6.7, 26, 141e3, 14000, 4.5, 300e3, 60, 200, 500000000, 1800, 0.07},
        {"users=50000", 38, 152, 458e3, 57000, 26, 1700e3, 250, 400, 4000000000, 600,
         0.05},
};

static void expect_size(const struct size *z)
{
	const char *p[] = {z->users, NULL};
	struct drive *d = drive_new(wl, p, 3);
	const struct mst *m = mst_in(d);
	double s = (double)z->seconds;
	assert_int_equal(m->load.threads, z->threads);
	assert_int_equal(m->load.pg.files, z->files);
	assert_int_equal(m->load.rdb_bytes, z->rdb_bytes);
	assert_close(m->load.jobs_per_s, z->jobs_per_s, 0.02);
	assert_close(m->load.commits_per_s, z->commits_per_s, 0.04);
	d->latency_ns[HCB_FLUSH] = HCB_MS; /* nothing is to queue */
	drive_run(d, z->seconds * HCB_SEC, 0);
	assert_close((double)d->tx[PG_TX_COMMIT] / s, m->load.commits_per_s, z->chance);
	assert_close((double)d->tx[MST_TX_JOB] / s, z->jobs_per_s, 0.02 + z->chance);
	assert_close((double)m->pg.wal.insert / s, z->wal_per_s, 0.10 + z->chance);
	double cycles = (double)m->pg.ckpt.finished;
	assert_true(cycles >= 1);
	assert_int_equal(m->pg.ckpt.forced_by_wal, 0);
	assert_close((double)m->pg.ckpt.buffers / cycles, z->pages, 0.10 + z->chance);
	assert_close((double)m->media.files / s, z->files_per_s, 0.03 + z->chance);
	/* sizes are lognormal with a standard deviation of 2.5 means; whole blocks */
	double spread = 5 * 2.5 / sqrt((double)m->media.files);
	assert_close((double)m->media.bytes / s, z->media_per_s, 0.08 + spread);
	drive_free(d);
}

static void test_small_instance_does_what_the_table_says(void **state)
{
	(void)state;
	expect_size(&sizes[0]);
}

static void test_medium_instance_does_what_the_table_says(void **state)
{
	(void)state;
	expect_size(&sizes[1]);
}

static void test_large_instance_does_what_the_table_says(void **state)
{
	(void)state;
	expect_size(&sizes[2]);
}

static void test_load_multiplies_what_comes_and_not_the_instance(void **state)
{
	const char *one[] = {"users=5000", NULL};
	const char *three[] = {"users=5000", "load=3", NULL};
	(void)state;
	struct mst_load a = load_of(one), b = load_of(three);
	assert_close(b.jobs_per_s, 3 * a.jobs_per_s, 1e-9);
	assert_close(b.requests_per_s, 3 * a.requests_per_s, 1e-9);
	assert_int_equal(a.threads, b.threads);
	assert_int_equal(a.rdb_bytes, b.rdb_bytes);
	assert_int_equal(a.db.heap_pages, b.db.heap_pages);
}

static void test_lognormal_sizes_have_median_mean_and_cap(void **state)
{
	const char *p[] = {"users=50000", "load=10", NULL};
	struct drive *d = drive_new(wl, p, 1);
	const struct mst_media *r = &mst_in(d)->media;
	uint64_t below = 0, n = 0;
	(void)state;
	d->latency_ns[HCB_FLUSH] = HCB_MS;
	for (uint64_t s = 5; s <= 400; s += 5) {
		drive_run(d, s * HCB_SEC - 1, 0);
		for (uint32_t i = r->tail; i != r->head; i++) {
			const struct mst_file *f = &r->ring[i % MST_FILES];
			if (f->born_ns < (s - 5) * HCB_SEC)
				continue;
			n++;
			below += f->bytes <= 28672;
			assert_true(f->bytes % 4096 == 0 && f->bytes <= 99000320);
		}
	}
	assert_true(n > 50000);
	/* below 28 672 B, whole blocks: normal distribution at ln(28672/25000) / 1.404 */
	assert_close((double)below / (double)n, 0.5389, 0.02); /* 5 sd of 50 000: 2 % */
	drive_free(d);
}

/* --- queues ------------------------------------------------------------------------- */

/* Of steady arrivals it is known how many come. */
static uint64_t arrivals_until(double per_s, uint64_t ns)
{
	uint64_t gap = (uint64_t)(1e9 / per_s);
	return (ns - 1) / gap;
}

static void
test_queue_grows_when_the_device_is_slow_and_every_arrival_counts(void **state)
{
	const char *p[] = {"users=5000", "threads=4", "arrivals=steady", NULL};
	struct drive *d = drive_new(wl, p, 1);
	const struct mst *m = mst_in(d);
	struct hcb_pending pend;
	(void)state;
	d->latency_ns[HCB_FLUSH] = 400 * HCB_MS; /* 4 threads: 10 commits a second */
	uint64_t before = 0;
	for (uint64_t t = 60; t <= 240; t += 60) {
		uint64_t at = t * HCB_SEC;
		drive_run(d, at, 0);
		wl->pending(d->state, at, &pend);
		uint64_t jobs = arrivals_until(m->load.jobs_per_s, at);
		uint64_t requests = arrivals_until(m->load.requests_per_s, at);
		uint64_t known = d->tx[MST_TX_JOB] + d->tx[MST_TX_REQUEST] + pend.others;
		/* cron's job is one more, if it has come */
		assert_in_range(known, jobs + requests, jobs + requests + 1);
		assert_true(pend.others > before + 100);
		assert_true(pend.count <= m->load.pg.clients);
		/* each waiting job wants 2 commits at least, 9 at most */
		assert_in_range(pend.to_come, pend.others, 9 * pend.others);
		assert_true(pend.oldest_due_ns < at);
		before = pend.others;
	}
	/* Closed above: no more than the threads' commits share a flush. */
	assert_true(m->pg.wal.group_max <= m->load.pg.clients);
	drive_free(d);
}

static void test_device_frozen_then_every_job_is_counted_and_done_after(void **state)
{
	const char *p[] = {"users=5000", "arrivals=steady", "checkpoint_timeout=1h",
	                   "web_threads=5", NULL};
	struct drive *d = drive_new(wl, p, 1);
	const struct mst *m = mst_in(d);
	struct hcb_pending pend;
	(void)state;
	d->latency_ns[HCB_FLUSH] = HCB_MS;
	d->freeze_from_ns = 10 * HCB_SEC;
	d->freeze_to_ns = 40 * HCB_SEC;
	drive_run(d, 39900 * HCB_MS, 0);
	wl->pending(d->state, 39900 * HCB_MS, &pend);
	double expected = 29.9 * (m->load.jobs_per_s + m->load.requests_per_s);
	assert_between((double)pend.others, expected - 2, expected + 8);
	assert_true(m->web.waits); /* 36 requests, 5 threads */
	assert_between((double)pend.oldest_due_ns, 9.5e9, 10.3e9);
	drive_run(d, 60 * HCB_SEC, 0);
	assert_true(d->tx_max_ns[MST_TX_JOB] >= 29 * HCB_SEC);
	/* A commit waits for the device, not for a thread. */
	assert_true(d->tx_max_ns[PG_TX_COMMIT] < 30100 * HCB_MS);
	uint64_t jobs = arrivals_until(m->load.jobs_per_s, 60 * HCB_SEC);
	assert_in_range(d->tx[MST_TX_JOB], jobs - 3, jobs + 1);
	drive_free(d);
}

static void test_requests_do_not_wait_behind_jobs(void **state)
{
	const char *p[] = {"users=5000", "threads=2", NULL};
	struct drive *d = drive_new(wl, p, 1);
	(void)state;
	d->latency_ns[HCB_FLUSH] = 200 * HCB_MS;
	drive_run(d, 120 * HCB_SEC, 0);
	assert_true(d->tx_max_ns[MST_TX_JOB] > 60 * HCB_SEC);
	assert_true(d->tx[MST_TX_REQUEST] > 100);
	assert_true(d->tx_max_ns[MST_TX_REQUEST] < 10 * HCB_SEC);
	drive_free(d);
}

/* A thread's next commit is asked for after its last was done, and the time between. */
static void test_a_threads_commits_are_serial(void **state)
{
	const char *p[] = {"users=100", "threads=1", "web_threads=1", "load=10", NULL};
	struct drive *d = drive_new(wl, p, 1);
	(void)state;
	drive_run(d, 600 * HCB_SEC, 0);
	/* never more than jobs, web, cron and removal have one each */
	assert_true(mst_in(d)->pg.wal.group_max <= 3);
	assert_true(d->tx_max_ns[MST_TX_JOB] >= 2 * (5 + 8) * HCB_MS);
	drive_free(d);
}

static void test_cron_comes_every_five_minutes(void **state)
{
	const char *p[] = {"users=100", "load=0.1", NULL};
	struct drive *d = drive_new(wl, p, 1);
	const struct mst *m = mst_in(d);
	(void)state;
	drive_run(d, 3000 * HCB_SEC, 0);
	assert_int_equal(d->tx[MST_TX_JOB] - m->jobs.done, 10);
	drive_free(d);
}

/* --- Redis -------------------------------------------------------------------------- */

struct rdb_watch {
	uint64_t out[2], chunk_of[2], bytes, flushes_since, writes, begun, most_chunks;
};

static void watch_rdb_op(struct drive *d, const struct hcb_op *op)
{
	struct rdb_watch *w = d->arg;
	w->flushes_since += op->stream == PG_S_JOURNAL_FLUSH;
	/* what fsync asks for comes when all of the file is on the device */
	if (mst_in(d)->redis.state >= MST_RDB_FSYNC)
		assert_true(w->out[0] == 0 && w->out[1] == 0);
	if (op->stream != MST_S_RDB)
		return;
	uint64_t base = mst_in(d)->redis.base, chunk = (op->off - base) / (4u << 20);
	/* one after the other, from the file's beginning */
	assert_int_equal(op->off - base, w->bytes);
	w->bytes += op->len;
	w->flushes_since = 0;
	w->writes++;
	assert_true(!w->out[chunk % 2] || w->chunk_of[chunk % 2] == chunk);
	w->chunk_of[chunk % 2] = chunk;
	w->out[chunk % 2]++;
	uint64_t chunks = (w->out[0] ? 1u : 0u) + (w->out[1] ? 1u : 0u);
	if (chunks > w->most_chunks)
		w->most_chunks = chunks;
}

static void watch_rdb_done(struct drive *d, const struct hcb_op *op)
{
	struct rdb_watch *w = d->arg;
	if (op->stream == MST_S_RDB)
		w->out[op->token & 1]--;
}

static void watch_rdb_tx(struct drive *d, unsigned tx)
{
	struct rdb_watch *w = d->arg;
	if (tx != MST_TX_SNAPSHOT)
		return;
	assert_true(w->out[0] == 0 && w->out[1] == 0);
	assert_in_range(w->bytes, mst_in(d)->load.rdb_bytes,
	                mst_in(d)->load.rdb_bytes + 4096);
	/* two journal commits of two flushes each, all after the last write */
	assert_true(w->flushes_since >= 4);
	w->bytes = 0;
	w->begun++;
}

static void
test_snapshot_has_two_chunks_in_flight_at_most_and_syncs_after_all(void **state)
{
	const char *p[] = {"users=5000", "load=2", NULL};
	struct rdb_watch w = {0};
	struct drive *d = drive_new(wl, p, 1);
	(void)state;
	d->arg = &w;
	d->on_op = watch_rdb_op;
	d->on_done = watch_rdb_done;
	d->on_tx = watch_rdb_tx;
	d->latency_ns[HCB_WRITE] = 90 * HCB_MS; /* a chunk takes longer than its making */
	d->spread_ns = HCB_MS;                  /* and its writes end out of order */
	drive_run(d, 300 * HCB_SEC, 0);
	assert_int_equal(w.most_chunks, 2);
	assert_true(w.begun >= 2 && w.begun == d->tx[MST_TX_SNAPSHOT]);
	/* 360 changes a second: the third rule, a minute after the last */
	assert_true(d->tx_max_ns[MST_TX_SNAPSHOT] >
	            119 / 2 * 90 * HCB_MS); /* two chunks at a time */
	drive_free(d);
}

static void test_snapshots_follow_redis_rules(void **state)
{
	/* 9 changes a second: 100 in 300 s, never 10 000 in 60 */
	const char *small[] = {"users=100", NULL};
	/* 1018 a second: 10 000 long before 60 s are over */
	const char *large[] = {"users=50000", "snapshot=30MiB", NULL};
	struct drive *a = drive_new(wl, small, 1), *b = drive_new(wl, large, 1);
	(void)state;
	drive_run(a, 3000 * HCB_SEC, 0);
	assert_in_range(a->tx[MST_TX_SNAPSHOT], 8, 9); /* each 301 s, and what it takes */
	drive_run(b, 620 * HCB_SEC, 0);
	assert_in_range(b->tx[MST_TX_SNAPSHOT], 9, 10);
	drive_free(a);
	drive_free(b);
}

static void test_aof_is_synced_each_second_and_waits_for_a_slow_device(void **state)
{
	const char *off[] = {"users=5000", "snapshot=1MiB", NULL};
	const char *on[] = {"users=5000", "snapshot=1MiB", "aof=on", NULL};
	struct drive *a = drive_new(wl, off, 1), *b = drive_new(wl, on, 1);
	const struct mst *m = mst_in(b);
	(void)state;
	drive_run(a, 100 * HCB_SEC, 0);
	drive_run(b, 100 * HCB_SEC, 0);
	assert_int_equal(a->op_count[MST_S_AOF], 0);
	assert_in_range(b->op_count[MST_S_AOF], 95, 110);
	/* one journal commit each */
	assert_true(m->pg.journal[0].commits >= mst_in(a)->pg.journal[0].commits + 75);
	/* 45 kB/s in the table */
	assert_close((double)m->redis.aof_pos / 100, 45e3, 0.15);
	assert_int_equal(m->redis.aof_delayed, 0);
	b->latency_ns[HCB_FLUSH] = 2 * HCB_SEC;
	drive_run(b, 160 * HCB_SEC, 0);
	assert_true(m->redis.aof_delayed > 20);
	drive_free(a);
	drive_free(b);
}

/* --- media -------------------------------------------------------------------------- */

struct media_watch {
	uint64_t n, bytes, flushes_on_media;
};

static void watch_media(struct drive *d, const struct hcb_op *op)
{
	struct media_watch *w = d->arg;
	const struct mst_media *r = &mst_in(d)->media;
	if (op->stream != MST_S_MEDIA)
		return;
	assert_true(op->len <= MST_MAX_WRITE);
	w->n++;
	w->bytes += op->len;
	/* The ring keeps what has gone out until it is overwritten. */
	for (uint32_t i = r->head; i-- > 0 && r->head - i < 4000;) {
		const struct mst_file *f = &r->ring[i % MST_FILES];
		if (op->off < f->off || op->off >= f->off + f->bytes)
			continue;
		assert_in_range(op->due_ns - f->born_ns, 24 * HCB_SEC, 30 * HCB_SEC);
		return;
	}
	fail_msg("a write of no file");
}

static void test_media_files_go_out_within_thirty_seconds_and_no_sync(void **state)
{
	const char *p[] = {"users=5000", "load=3", "media=16GiB", NULL};
	struct media_watch w = {0};
	struct drive *d = drive_new(wl, p, 1);
	const struct mst_media *r = &mst_in(d)->media;
	(void)state;
	d->arg = &w;
	d->on_op = watch_media;
	drive_run(d, 200 * HCB_SEC, 0);
	assert_true(w.n > 1500);
	/* nothing is lost: what came is out or dirty */
	uint64_t dirty = 0;
	for (uint32_t i = r->tail; i != r->head; i++)
		dirty += r->ring[i % MST_FILES].bytes;
	assert_int_equal(w.bytes + dirty - r->sent, r->bytes);
	drive_free(d);
}

static void count_media(struct drive *d, const struct hcb_op *op)
{
	struct media_watch *w = d->arg;
	w->bytes += op->stream == MST_S_MEDIA ? op->len : 0;
}

static uint64_t media_bytes_known(const struct drive *d, uint64_t out)
{
	const struct mst_media *r = &mst_in(d)->media;
	for (uint32_t i = r->tail; i != r->head; i++)
		out += r->ring[i % MST_FILES].bytes;
	return out - r->sent + r->crowd;
}

static void
test_media_device_frozen_then_no_byte_is_lost_and_few_are_in_flight(void **state)
{
	const char *p[] = {"users=50000", NULL};
	struct media_watch w = {0};
	struct drive *d = drive_new(wl, p, 1);
	const struct mst_media *r = &mst_in(d)->media;
	(void)state;
	d->arg = &w;
	d->on_op = count_media;
	d->freeze_from_ns = 60 * HCB_SEC;
	d->freeze_to_ns = 120 * HCB_SEC;
	for (uint64_t s = 1; s < 140; s++) {
		drive_run(d, s * HCB_SEC, 0);
		assert_true(r->inflight <= PG_SWEEP_INFLIGHT);
		assert_int_equal(media_bytes_known(d, w.bytes), r->bytes);
		/* files come with jobs, and those wait now: they stop coming */
		if (s > 80 && s < 120)
			assert_true(r->behind);
	}
	drive_free(d);
}

/* 255 files a second held for three minutes are more than are kept apart. */
static void test_more_dirty_files_than_are_kept_apart_then_no_byte_is_lost(void **state)
{
	const char *p[] = {"users=50000", "load=10", "writeback=180s", NULL};
	struct media_watch w = {0};
	struct drive *d = drive_new(wl, p, 1);
	const struct mst_media *r = &mst_in(d)->media;
	bool crowded = false;
	(void)state;
	d->latency_ns[HCB_FLUSH] = HCB_MS;
	d->arg = &w;
	d->on_op = count_media;
	for (uint64_t s = 20; s < 240; s += 20) {
		drive_run(d, s * HCB_SEC, 0);
		assert_int_equal(media_bytes_known(d, w.bytes), r->bytes);
		crowded |= r->crowd > 0;
	}
	assert_true(crowded);
	drive_free(d);
}

static void test_removal_is_one_worker_with_an_update_each_batch(void **state)
{
	const char *p[] = {"users=100", "load=0.1", "delete_at=10s", "delete_files=4000",
	                   NULL};
	struct drive *d = drive_new(wl, p, 1);
	const struct mst *m = mst_in(d);
	(void)state;
	drive_run(d, 12 * HCB_SEC, 0);
	uint64_t after_two = m->media.removed;
	/* 100 to 300 a second on a spindle: a read of 8 ms for 60 of 100 */
	assert_in_range(after_two, 200, 600);
	drive_run(d, 60 * HCB_SEC, 0);
	assert_int_equal(m->media.removed, 4000);
	/* 0.6 of them were cold: 5 sd are 155 */
	assert_in_range(d->op_count[MST_S_REMOVAL], 2400 - 155, 2400 + 155);
	/* three batches are three commits; they are no job's */
	const char *without[] = {"users=100", "load=0.1", NULL};
	struct drive *e = drive_new(wl, without, 1);
	drive_run(e, 60 * HCB_SEC, 0);
	assert_int_equal(d->tx[PG_TX_COMMIT], e->tx[PG_TX_COMMIT] + 3);
	assert_int_equal(d->tx[MST_TX_JOB], e->tx[MST_TX_JOB]);
	drive_free(e);
	/* two blocks of each in the journal, beside maps */
	assert_true(m->pg.journal[0].blocks_logged > 8000);
	drive_free(d);
}

static void test_logs_are_written_each_half_minute_and_synced_each_five(void **state)
{
	const char *p[] = {"users=5000", NULL};
	struct drive *d = drive_new(wl, p, 1);
	(void)state;
	drive_run(d, 3601 * HCB_SEC, 0);
	assert_in_range(d->op_count[MST_S_LOG], 120,
	                122); /* one more where the ring ends */
	assert_close((double)mst_in(d)->media.log_pos / 3600, 20e3, 0.001);
	drive_free(d);
}

/* --- file systems ------------------------------------------------------------------- */

/* As drive_new, but redis and media lie on a file system of their own. */
static struct drive *drive_apart(const char *const *params, uint64_t seed)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct drive *d = drive_new(wl, params, seed);
	wl->fini(d->state);
	d->geo.n_fs = 2;
	d->geo.regions[d->geo.n_volumes + 1] = d->geo.regions[d->geo.n_volumes];
	for (unsigned v = MST_VOL_REDIS; v < MST_VOLUMES; v++)
		d->geo.regions[v].fs = 1;
	assert_int_equal(wl->init(&d->state, d->conf, &d->geo, seed, &d->sink, &err), 0);
	return d;
}

static void test_volumes_on_one_file_system_share_its_journal(void **state)
{
	const char *p[] = {"users=5000", "aof=on", "new_segment=100%", NULL};
	struct drive *one = drive_new(wl, p, 1), *two = drive_apart(p, 1);
	(void)state;
	drive_run(one, 330 * HCB_SEC, 0);
	drive_run(two, 330 * HCB_SEC, 0);
	const struct hcb_journal *shared = mst_in(one)->pg.journal,
	                         *apart = mst_in(two)->pg.journal;
	assert_int_equal(shared[1].commits, 0);
	/* the database's and Redis' each have commits of their own */
	assert_true(apart[0].commits >= 60 && apart[1].commits >= 200);
	/* shared: who asks during a commit joins the next, so there are fewer */
	assert_true(shared[0].commits < apart[0].commits + apart[1].commits);
	assert_true(shared[0].commits > apart[1].commits);
	/* media's inodes are logged where the media lie */
	assert_true(apart[1].blocks_logged > 5 * apart[0].blocks_logged / 2);
	drive_free(one);
	drive_free(two);
}

/* --- the rest ----------------------------------------------------------------------- */

static uint64_t hash_of(const char *arrivals, uint64_t seed)
{
	const char *p[] = {"users=5000", "checkpoint_timeout=30s",
	                   "aof=on",     "delete_at=20s",
	                   arrivals,     NULL};
	struct drive *d = drive_new(wl, p, seed);
	drive_run(d, 100 * HCB_SEC, 0);
	uint64_t h = d->hash;
	drive_free(d);
	return h;
}

static void test_same_seed_same_ops_other_seed_other_ops(void **state)
{
	(void)state;
	uint64_t a = hash_of("arrivals=daily", 7);
	assert_true(a == hash_of("arrivals=daily", 7));
	assert_true(a != hash_of("arrivals=daily", 8));
	assert_true(a != hash_of("arrivals=poisson", 7));
}

static void bad(const char *pair, const char *text)
{
	struct mst_conf c;
	struct hcb_geometry geo = {0};
	struct hcb_err err = HCB_ERR_INIT;
	memset(&c, 0, sizeof(c));
	hcb_opt_defaults(wl->opts, &c);
	int r = hcb_opt_set_pair(wl->opts, &c, "workload mastodon", pair, &err);
	r = r ? r : wl->plan(&c, &geo, &err);
	assert_int_equal(r, -EINVAL);
	assert_int_equal(err.exit, HCB_EXIT_USAGE);
	assert_has(err.msg, text);
}

static void test_what_cannot_be_is_refused_by_name(void **state)
{
	(void)state;
	bad("users=99", "users");
	bad("users=50001", "users");
	bad("database=1MiB", "database");
	bad("delete_files=10", "delete_at");
	bad("load=0", "load");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_small_instance_does_what_the_table_says),
	        cmocka_unit_test(test_medium_instance_does_what_the_table_says),
	        cmocka_unit_test(test_large_instance_does_what_the_table_says),
	        cmocka_unit_test(test_load_multiplies_what_comes_and_not_the_instance),
	        cmocka_unit_test(test_lognormal_sizes_have_median_mean_and_cap),
	        cmocka_unit_test(
	                test_queue_grows_when_the_device_is_slow_and_every_arrival_counts),
	        cmocka_unit_test(
	                test_device_frozen_then_every_job_is_counted_and_done_after),
	        cmocka_unit_test(test_requests_do_not_wait_behind_jobs),
	        cmocka_unit_test(test_a_threads_commits_are_serial),
	        cmocka_unit_test(test_cron_comes_every_five_minutes),
	        cmocka_unit_test(
	                test_snapshot_has_two_chunks_in_flight_at_most_and_syncs_after_all),
	        cmocka_unit_test(test_snapshots_follow_redis_rules),
	        cmocka_unit_test(
	                test_aof_is_synced_each_second_and_waits_for_a_slow_device),
	        cmocka_unit_test(
	                test_media_files_go_out_within_thirty_seconds_and_no_sync),
	        cmocka_unit_test(
	                test_media_device_frozen_then_no_byte_is_lost_and_few_are_in_flight),
	        cmocka_unit_test(
	                test_more_dirty_files_than_are_kept_apart_then_no_byte_is_lost),
	        cmocka_unit_test(test_removal_is_one_worker_with_an_update_each_batch),
	        cmocka_unit_test(
	                test_logs_are_written_each_half_minute_and_synced_each_five),
	        cmocka_unit_test(test_volumes_on_one_file_system_share_its_journal),
	        cmocka_unit_test(test_same_seed_same_ops_other_seed_other_ops),
	        cmocka_unit_test(test_what_cannot_be_is_refused_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
