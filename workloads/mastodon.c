/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mastodon: what a Mastodon server with so many active users writes: its PostgreSQL, its
 * Redis, its media files and logs. A first form: most of its numbers are assumed, none is
 * measured; docs/workloads.md has each with its mark.
 *
 * The model. Statuses and boosts come in from other servers and become jobs of Sidekiq;
 * users post, favourite and read, and become requests of Puma. Both arrive whether or not
 * there is a thread for them. A thread works through one at a time: media files are
 * written, then each of its commits is asked for after the last was done. That is open
 * load above and a closed loop below, as on a real server: when the storage is slow, what
 * grows is the queue, and commits are asked for no faster than threads can wait for them.
 *
 * PostgreSQL is the machine of the workload postgres (postgres_machine.c): write-ahead
 * log, group commit, checkpoints, journal. Only the pages a commit touches differ: pages
 * of indexes anywhere in the database, pages at tables' ends, the few hot pages of read
 * markers. Beside it run Redis' snapshots (mastodon_redis.c) and files and logs
 * (mastodon_media.c), each on the file system its volume lies on. Volumes on one target
 * share its journal.
 *
 * Left out: autovacuum, cache misses, jobs that do not commit, preview and avatar caches'
 * own sizes, AOF rewriting, PostgreSQL's temporary files; ordered data: a journal commit
 * does not wait for other files' write-back on the same file system.
 */
#include <errno.h>
#include <stdlib.h>

#include "workloads/mastodon_impl.h"

static void event(struct pg *pg, const struct hcb_event *e)
{
	struct mst *m = mst_of(pg);
	switch ((enum mst_event_type)e->type) {
	case MST_EV_JOB:
		mst_arrival(m, &m->jobs, e->at_ns);
		break;
	case MST_EV_REQUEST:
		mst_arrival(m, &m->web, e->at_ns);
		break;
	case MST_EV_CRON:
		mst_cron(m, e->at_ns);
		break;
	case MST_EV_REDIS:
		mst_redis_tick(m, e->at_ns);
		break;
	case MST_EV_CHUNK:
		mst_rdb_chunk(m, e->at_ns);
		break;
	case MST_EV_FLUSHER:
		mst_flusher(m, e->at_ns);
		break;
	case MST_EV_REMOVE:
		mst_remove_next(m, e->at_ns);
		break;
	}
}

static void op_done(struct pg *pg, const struct hcb_op *op)
{
	struct mst *m = mst_of(pg);
	switch ((enum mst_token_type)(op->token >> 56)) {
	case MST_T_RDB:
		mst_rdb_op_done(m, op);
		break;
	case MST_T_AOF:
		mst_aof_op_done(m, op);
		break;
	case MST_T_MEDIA:
		mst_media_op_done(m, op);
		break;
	case MST_T_LOG:
		mst_log_op_done(m);
		break;
	case MST_T_REMOVAL:
		mst_removal_op_done(m, op);
		break;
	}
}

static void journal_done(struct pg *pg, uint32_t who, const struct hcb_op *op)
{
	struct mst *m = mst_of(pg);
	if (who & MST_J_RDB)
		mst_rdb_journal_done(m, op);
	if (who & MST_J_AOF)
		mst_aof_journal_done(m);
	/* journald waits for nothing else */
}

static const struct pg_app app = {
        .log = mst_log,
        .committed = mst_committed,
        .event = event,
        .op_done = op_done,
        .journal_done = journal_done,
};

/* --- life --------------------------------------------------------------------------- */

static void mst_fini(void *state)
{
	struct mst *m = state;
	pg_close(&m->pg);
	mst_jobs_free(m);
	mst_media_free(m);
	free(m);
}

static int mst_init(void **state, const void *conf, const struct hcb_geometry *geo,
                    uint64_t seed, struct hcb_sink *sink, struct hcb_err *err)
{
	struct mst *m = calloc(1, sizeof(*m));
	if (!m)
		return hcb_err_sys(err, -ENOMEM, "workload mastodon");
	m->conf = conf;
	mst_derive(m->conf, &m->load);
	struct pg_setup s = {
	        .app = &app,
	        .conf = &m->load.pg,
	        .db = &m->load.db,
	        .geo = geo,
	        .sink = sink,
	        .seed = seed,
	        .phase = {MST_PH_WRITE, MST_PH_SYNC, MST_PH_FINISH},
	        .app_ops = mst_max_ops(conf),
	        .app_events = 32,
	        .closed = true, /* a commit is due when its thread asks for it */
	};
	int r = pg_open(&m->pg, &s, err);
	if (!r && ((r = mst_jobs_init(m)) || (r = mst_media_init(m))))
		hcb_err_sys(err, r, "workload mastodon");
	if (r) {
		mst_fini(m);
		return r;
	}
	mst_redis_init(m);
	*state = m;
	return 0;
}

static void mst_metrics(const void *state, struct hcb_kvs *out)
{
	const struct mst *m = state;
	const struct mst_redis *r = &m->redis;
	double n = r->snapshots ? (double)r->snapshots : 1;
	pg_metrics(&m->pg, out);
	hcb_kvs_u64(out, "users", m->conf->users);
	hcb_kvs_u64(out, "sidekiq_threads", m->load.threads);
	hcb_kvs_u64(out, "puma_threads", m->load.web_threads);
	hcb_kvs_double(out, "jobs_offered_per_s", m->load.jobs_per_s);
	hcb_kvs_double(out, "requests_offered_per_s", m->load.requests_per_s);
	hcb_kvs_u64(out, "jobs", m->jobs.done);
	hcb_kvs_u64(out, "requests", m->web.done);
	hcb_kvs_u64(out, "snapshots", r->snapshots);
	hcb_kvs_u64(out, "snapshot_bytes", m->load.rdb_bytes);
	hcb_kvs_double(out, "snapshot_mean_s", (double)r->snapshot_ns / 1e9 / n);
	hcb_kvs_double(out, "snapshot_max_s", (double)r->snapshot_max_ns / 1e9);
	hcb_kvs_u64(out, "aof_delayed", r->aof_delayed);
	hcb_kvs_u64(out, "media_files", m->media.files);
	hcb_kvs_u64(out, "media_bytes", m->media.bytes);
	hcb_kvs_u64(out, "media_files_removed", m->media.removed);
}

static struct hcb_cycles mst_cycles(const void *conf)
{
	const struct mst_conf *c = conf;
	return (struct hcb_cycles){c->pg.checkpoint_timeout_ns,
	                           (unsigned)c->pg.checkpoints};
}

static double mst_offered(const void *conf)
{
	struct mst_load l;
	mst_derive(conf, &l);
	return l.commits_per_s;
}

const struct hcb_workload hcb_workload_mastodon = {
        .name = "mastodon",
        .summary = "a Mastodon server: PostgreSQL, Redis snapshots, media files, by its "
                   "users (first form)",
        .opts = mst_opts,
        .conf_size = sizeof(struct mst_conf),
        .streams = mst_streams,
        .n_streams = MST_STREAMS,
        .txs = mst_txs,
        .n_txs = MST_TXS,
        .phases = mst_phases,
        .plan = mst_plan,
        .init = mst_init,
        .fini = mst_fini,
        .next = pg_next,
        .done = pg_done,
        .pending = mst_pending,
        .metrics = mst_metrics,
        .cycles = mst_cycles,
        .offered_per_s = mst_offered,
        .max_ops = mst_max_ops,
        .max_write_bytes = MST_MAX_WRITE,
        .max_read_bytes = PG_PAGE,
};
