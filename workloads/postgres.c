/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * postgres: what PostgreSQL 15 writes under a TPC-B-like load (pgbench), as ops.
 *
 * The model. `clients` backends run transactions. A transaction touches one page of the
 * accounts table, uniform over the database, and with probability kappa - 1 one more (a
 * page that a non-HOT update or the index adds), one hot page (tellers, branches) and the
 * tail of history. A touched page that memory does not hold is read first. A page touched
 * for the first time since the checkpoint began puts its full image into the log, so the
 * log per transaction is highest after a checkpoint and decays as pages repeat:
 * W0 + FPI * dD/dN with D(N) = P (1 - exp(-N/P)), which the bitmap of touched pages gives
 * by itself. The same bitmap is what the checkpoint writes. The backend then waits until
 * the log is flushed up to its record: that wait is one sample of the transaction
 * `commit`: WAL write plus flush (postgres_wal.c). The checkpointer and the kernel's
 * write-back are in postgres_checkpoint.c, the file system's journal in journal.c.
 *
 * Load. Without a rate: closed loop, each client starts its next transaction `think`
 * after the last. With rate=N/s: open, arrivals wait for a free client, and a commit is
 * due when its transaction arrived.
 *
 * Left out: autovacuum, the background writer (0 when buffers suffice), hint bits,
 * temporary files, standbys, wal_compression.
 *
 * Sources of the defaults: PostgreSQL 15 sources and postgresql.conf.sample (page,
 * segment, timeout, targets, pacing); W0 = 500 B, FPI = 8.2 KB and kappa from published
 * pgbench WAL measurements (edu.postgrespro.ru dba2_11 and dba2_10 labs); scale factors
 * from pgbench (1640 heap pages, 157 history rows a page). docs/workloads.md tells what
 * is derived and what assumed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "workloads/postgres_impl.h"
#define JBD2_NS         (5 * HCB_SEC)  /* commit=5, ext4's default */
#define WRITEBACK_NS    (30 * HCB_SEC) /* vm.dirty_expire_centisecs */
#define WALWRITER_NS    (200 * HCB_MS) /* wal_writer_delay */
#define METADATA_WRITES 4u             /* home locations rewritten each 30 s; assumed */

/* --- timers and glue -------------------------------------------------------------- */

/* The 5 s commit: time stamps of files written to, and whatever else is dirty. */
static void jbd2_timer(struct pg *pg, uint64_t now_ns)
{
	for (unsigned f = 0; f < pg->geo->n_fs; f++) {
		if (pg->active[f]) {
			hcb_journal_dirty(&pg->journal[f], PG_M_WAL | PG_M_DATA);
			hcb_journal_ask(&pg->journal[f], PG_J_TIMER, now_ns);
		}
		pg->active[f] = false;
	}
	hcb_events_push(&pg->ev, now_ns + JBD2_NS, PG_EV_JBD2, 0);
}

/* Metadata goes home: inode tables and bitmaps, a few places rewritten again and again.
 */
static void write_metadata(struct pg *pg, uint64_t now_ns)
{
	for (uint64_t i = 0; i < METADATA_WRITES; i++) {
		uint64_t place = hcb_mix64(pg->seed + i) % pg->heap_pages;
		struct hcb_want op = {
		        .kind = HCB_WRITE,
		        .len = HCB_JOURNAL_BLOCK,
		        .region = PG_VOL_DATA,
		        .stream = PG_S_METADATA,
		        .off = place * PG_PAGE,
		        .due_ns = now_ns,
		        .token = PG_TOKEN(PG_T_METADATA, 0),
		};
		hcb_outq_push(&pg->out, &op);
	}
}

/* One timer for all checkpoints: it fires a timeout after the last one's start. */
static void checkpoint_timer(struct pg *pg, uint64_t now_ns)
{
	uint64_t due = pg->ckpt.last_start_ns + pg->conf->checkpoint_timeout_ns;
	if (now_ns >= due) {
		due = now_ns + pg->conf->checkpoint_timeout_ns;
		pg_ckpt_due(pg, now_ns);
	}
	hcb_events_push(&pg->ev, due, PG_EV_CKPT_DUE, 0);
}

static void handle_event(struct pg *pg, const struct hcb_event *e)
{
	switch ((enum pg_event_type)e->type) {
	case PG_EV_ARRIVAL:
		pg_arrival(pg, e->at_ns);
		break;
	case PG_EV_READ:
		pg_read_page(pg, e->arg, e->at_ns);
		break;
	case PG_EV_BACKEND:
		pg_commit_call(pg, e->arg, e->at_ns);
		break;
	case PG_EV_COMMIT_DELAY:
		pg_wal_delay_over(pg, e->at_ns);
		break;
	case PG_EV_WALWRITER:
		pg_wal_writer(pg, e->at_ns);
		hcb_events_push(&pg->ev, e->at_ns + WALWRITER_NS, PG_EV_WALWRITER, 0);
		break;
	case PG_EV_CKPT_DUE:
		checkpoint_timer(pg, e->at_ns);
		break;
	case PG_EV_CKPT_TICK:
		pg_ckpt_tick(pg, e->at_ns);
		break;
	case PG_EV_JBD2:
		jbd2_timer(pg, e->at_ns);
		break;
	case PG_EV_WRITEBACK:
		pg_writeback(pg, e->at_ns);
		write_metadata(pg, e->at_ns);
		hcb_events_push(&pg->ev, e->at_ns + WRITEBACK_NS, PG_EV_WRITEBACK, 0);
		break;
	}
}

static enum hcb_next pg_next(void *state, uint64_t now_ns, struct hcb_op *op,
                             uint64_t *wait_ns)
{
	struct pg *pg = state;
	while (!hcb_outq_pop(&pg->out, op)) {
		uint64_t at = hcb_events_next(&pg->ev);
		if (at > now_ns) {
			*wait_ns = at;
			return HCB_NEXT_WAIT;
		}
		struct hcb_event e = hcb_events_pop(&pg->ev);
		handle_event(pg, &e);
	}
	return HCB_NEXT_OP;
}

static void journal_op_done(struct pg *pg, uint32_t fs, const struct hcb_op *op)
{
	uint32_t who = hcb_journal_done(&pg->journal[fs], op->done_ns);
	if (who & PG_J_WAL)
		pg_wal_journal_done(pg, op->done_ns);
	if (who & PG_J_CKPT)
		pg_ckpt_sync_done(pg, op->done_ns, op->result != 0);
}

static void pg_done(void *state, const struct hcb_op *op)
{
	struct pg *pg = state;
	uint32_t arg = (uint32_t)op->token;
	switch ((enum pg_token_type)(op->token >> 56)) {
	case PG_T_READ:
		pg_read_done(pg, arg, op);
		break;
	case PG_T_WAL:
		pg_wal_op_done(pg, op);
		break;
	case PG_T_CKPT:
		pg_ckpt_op_done(pg, op);
		break;
	case PG_T_CKPT_SYNC:
		pg_ckpt_sync_done(pg, op->done_ns, op->result != 0);
		break;
	case PG_T_EVICT:
		pg_evict_op_done(pg, op);
		break;
	case PG_T_METADATA:
		break;
	case PG_T_JOURNAL:
		journal_op_done(pg, arg, op);
		break;
	}
}

/* --- life ------------------------------------------------------------------------- */

static void pg_fini(void *state)
{
	struct pg *pg = state;
	hcb_events_free(&pg->ev);
	hcb_outq_free(&pg->out);
	hcb_bits_free(&pg->touched);
	hcb_bits_free(&pg->dirty);
	hcb_bits_free(&pg->ckpt.sweep.bits);
	hcb_bits_free(&pg->evictions.bits);
	free(pg->be);
	free(pg->free_be);
	free(pg->wal.queue);
	free(pg);
}

static void init_journals(struct pg *pg)
{
	for (unsigned f = 0; f < pg->geo->n_fs; f++) {
		pg->journal[f] = (struct hcb_journal){
		        .out = &pg->out,
		        .region = (uint16_t)(pg->geo->n_volumes + f),
		        .stream_write = PG_S_JOURNAL,
		        .stream_flush = PG_S_JOURNAL_FLUSH,
		        .token = PG_TOKEN(PG_T_JOURNAL, f),
		        .bytes = pg->geo->journal_bytes,
		        .fua = pg->geo->fua[f],
		};
	}
}

static void init_shares(struct pg *pg)
{
	const struct pg_conf *c = pg->conf;
	double db = (double)pg->heap_pages * PG_PAGE;
	double held = (double)c->cache_bytes / db;
	double buffered = (double)c->shared_buffers_bytes / db;
	pg->miss = held < 1 ? 1 - held : 0;
	pg->evict = buffered < 1 ? (1 - buffered) * 0.5
	                         : 0; /* half of the victims are dirty: assumed */
}

static void start_timers(struct pg *pg)
{
	const struct pg_conf *c = pg->conf;
	hcb_events_push(&pg->ev, c->checkpoint_timeout_ns, PG_EV_CKPT_DUE, 0);
	hcb_events_push(&pg->ev, JBD2_NS, PG_EV_JBD2, 0);
	hcb_events_push(&pg->ev, WRITEBACK_NS, PG_EV_WRITEBACK, 0);
	if (!c->synchronous_commit)
		hcb_events_push(&pg->ev, WALWRITER_NS, PG_EV_WALWRITER, 0);
	if (c->rate_per_s > 0) {
		for (uint32_t b = (uint32_t)c->clients; b-- > 0;)
			pg->free_be[pg->n_free++] = b;
		pg_draw_arrival(pg);
		hcb_events_push(&pg->ev, pg->next_arrival, PG_EV_ARRIVAL, 0);
		return;
	}
	/* Clients connect over the first 100 ms, as pgbench's do, not in the same
	 * instant. */
	for (uint32_t b = 0; b < c->clients; b++)
		pg_begin_transaction(pg, b, 0,
		                     hcb_random_below(&pg->chance, 100 * HCB_MS));
}

static uint32_t pg_max_ops(const void *conf)
{
	const struct pg_conf *c = conf;
	uint32_t zero_fill = PG_SEGMENT / PG_MAX_WRITE;
	return (uint32_t)c->clients + 2 * (PG_SWEEP_INFLIGHT + PG_WRITEBACK) +
	       2 * zero_fill + 64;
}

static int pg_init(void **state, const void *conf, const struct hcb_geometry *geo,
                   uint64_t seed, struct hcb_sink *sink, struct hcb_err *err)
{
	const struct pg_conf *c = conf;
	struct pg *pg = calloc(1, sizeof(*pg));
	if (!pg)
		return hcb_err_sys(err, -ENOMEM, "workload postgres");
	pg->conf = c;
	pg->geo = geo;
	pg->sink = sink;
	pg->seed = seed;
	hcb_random_init(&pg->arrivals, seed, 1);
	hcb_random_init(&pg->pages, seed, 2);
	hcb_random_init(&pg->chance, seed, 3);
	pg->heap_pages = pg_heap_pages(c);
	pg->history_at = pg->heap_pages + pg_hot_pages(c);
	pg->n_pages = geo->regions[PG_VOL_DATA].bytes / PG_PAGE;
	pg->ckpt.sweep.stream = PG_S_CKPT_WRITE;
	pg->ckpt.sweep.token_type = PG_T_CKPT;
	pg->evictions.stream = PG_S_EVICT;
	pg->evictions.token_type = PG_T_EVICT;
	pg->be = calloc(c->clients, sizeof(*pg->be));
	pg->free_be = calloc(c->clients, sizeof(*pg->free_be));
	int r = pg->be && pg->free_be ? 0 : -ENOMEM;
	r = r ? r : hcb_events_init(&pg->ev, (uint32_t)c->clients * 2 + 64);
	r = r ? r : hcb_outq_init(&pg->out, pg_max_ops(conf));
	r = r ? r : hcb_bits_init(&pg->touched, pg->n_pages);
	r = r ? r : hcb_bits_init(&pg->dirty, pg->n_pages);
	r = r ? r : hcb_bits_init(&pg->ckpt.sweep.bits, pg->n_pages);
	r = r ? r : hcb_bits_init(&pg->evictions.bits, pg->n_pages);
	r = r ? r : pg_wal_init(pg);
	if (r) {
		pg_fini(pg);
		return hcb_err_sys(err, r, "workload postgres");
	}
	init_journals(pg);
	init_shares(pg);
	start_timers(pg);
	*state = pg;
	return 0;
}

static double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static void pg_metrics(const void *state, struct hcb_kvs *out)
{
	const struct pg *pg = state;
	const struct pg_wal *w = &pg->wal;
	const struct pg_ckpt *c = &pg->ckpt;
	double n = (double)c->finished;
	uint64_t journal = 0;
	for (unsigned f = 0; f < pg->geo->n_fs; f++)
		journal += pg->journal[f].commits;
	hcb_kvs_u64(out, "commits", w->commits);
	hcb_kvs_double(out, "commits_per_wal_flush",
	               ratio((double)w->commits, (double)w->flushes));
	hcb_kvs_u64(out, "largest_commit_group", w->group_max);
	hcb_kvs_double(out, "wal_bytes_per_commit",
	               ratio((double)w->insert, (double)pg->xacts));
	hcb_kvs_double(out, "wal_written_per_wal_byte",
	               ratio((double)w->bytes_written, (double)w->insert));
	hcb_kvs_double(out, "full_page_images_per_commit",
	               ratio((double)w->fpi, (double)pg->xacts));
	hcb_kvs_u64(out, "wal_segments", w->segments);
	hcb_kvs_u64(out, "wal_segments_made", w->new_segments);
	hcb_kvs_u64(out, "journal_commits", journal);
	hcb_kvs_u64(out, "checkpoints", c->count);
	hcb_kvs_u64(out, "checkpoints_forced_by_wal", c->forced_by_wal);
	hcb_kvs_double(out, "checkpoint_buffers_mean", ratio((double)c->buffers, n));
	hcb_kvs_double(out, "checkpoint_write_mean_s",
	               ratio((double)c->write_ns / 1e9, n));
	hcb_kvs_double(out, "checkpoint_sync_mean_s", ratio((double)c->sync_ns / 1e9, n));
	hcb_kvs_double(out, "checkpoint_sync_max_s", (double)c->sync_max_ns / 1e9);
	hcb_kvs_u64(out, "checkpoint_files", pg->conf->files);
	hcb_kvs_u64(out, "segments_recycled", c->recycled);
}

static struct hcb_cycles pg_cycles(const void *conf)
{
	const struct pg_conf *c = conf;
	return (struct hcb_cycles){c->checkpoint_timeout_ns, (unsigned)c->checkpoints};
}

/* Waiting arrivals are not stored: the generator is run on from where it stands. */
static void pg_pending(const void *state, uint64_t before_ns, struct hcb_pending *out)
{
	struct pg pg = *(const struct pg *)state;
	*out = (struct hcb_pending){0, UINT64_MAX};
	for (uint64_t b = 0; b < pg.conf->clients; b++) {
		const struct pg_backend *be = &pg.be[b];
		if (!be->busy || be->due_ns >= before_ns)
			continue;
		out->count++;
		if (be->due_ns < out->oldest_due_ns)
			out->oldest_due_ns = be->due_ns;
	}
	if (pg.conf->rate_per_s <= 0)
		return;
	if (pg.next_arrival < before_ns && pg.next_arrival < out->oldest_due_ns)
		out->oldest_due_ns = pg.next_arrival;
	for (; pg.next_arrival < before_ns; pg_draw_arrival(&pg))
		out->count++;
}

static double pg_offered(const void *conf)
{
	return ((const struct pg_conf *)conf)->rate_per_s;
}

const struct hcb_workload hcb_workload_postgres = {
        .name = "postgres",
        .summary = "PostgreSQL 15 under a TPC-B-like load: commits, checkpoints, journal",
        .opts = pg_opts,
        .conf_size = sizeof(struct pg_conf),
        .streams = pg_streams,
        .n_streams = PG_STREAMS,
        .txs = pg_txs,
        .n_txs = PG_TXS,
        .phases = pg_phases,
        .plan = pg_plan,
        .init = pg_init,
        .fini = pg_fini,
        .next = pg_next,
        .done = pg_done,
        .pending = pg_pending,
        .metrics = pg_metrics,
        .cycles = pg_cycles,
        .offered_per_s = pg_offered,
        .max_ops = pg_max_ops,
        .max_write_bytes = PG_MAX_WRITE,
        .max_read_bytes = PG_PAGE,
};
