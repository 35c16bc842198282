/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's timers, the way of its events and completions to its parts, its life.
 * The model is told in postgres.c.
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

void pg_phase(struct pg *pg, enum pg_phase phase, bool begin, uint64_t now_ns)
{
	pg->sink->phase(pg->sink, pg->phase[phase], begin, now_ns);
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
	default:
		pg->app->event(pg, e);
		break;
	}
}

enum hcb_next pg_next(void *state, uint64_t now_ns, struct hcb_op *op, uint64_t *wait_ns)
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
	if (who >= PG_J_APP)
		pg->app->journal_done(pg, who, op);
}

void pg_done(void *state, const struct hcb_op *op)
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
	default:
		pg->app->op_done(pg, op);
		break;
	}
}

/* --- life ------------------------------------------------------------------------- */

void pg_close(struct pg *pg)
{
	hcb_events_free(&pg->ev);
	hcb_outq_free(&pg->out);
	hcb_bits_free(&pg->touched);
	hcb_bits_free(&pg->dirty);
	hcb_bits_free(&pg->ckpt.sweep.bits);
	hcb_bits_free(&pg->evictions.bits);
	free(pg->be);
	free(pg->wal.queue);
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
}

uint32_t pg_machine_ops(const struct pg_conf *c)
{
	uint32_t zero_fill = PG_SEGMENT / PG_MAX_WRITE;
	return (uint32_t)c->clients + 2 * (PG_SWEEP_INFLIGHT + PG_WRITEBACK) +
	       2 * zero_fill + 64;
}

int pg_open(struct pg *pg, const struct pg_setup *s, struct hcb_err *err)
{
	const struct pg_conf *c = s->conf;
	pg->app = s->app;
	pg->conf = c;
	pg->geo = s->geo;
	pg->sink = s->sink;
	pg->seed = s->seed;
	memcpy(pg->phase, s->phase, sizeof(pg->phase));
	pg->closed = s->closed;
	pg->never_idle = s->never_idle;
	hcb_random_init(&pg->pages, s->seed, 2);
	hcb_random_init(&pg->chance, s->seed, 3);
	pg->heap_pages = s->db->heap_pages;
	pg->history_at = s->db->heap_pages + s->db->hot_pages;
	pg->history_pages = s->db->history_pages;
	pg->n_pages = s->geo->regions[PG_VOL_DATA].bytes / PG_PAGE;
	pg->ckpt.sweep.stream = PG_S_CKPT_WRITE;
	pg->ckpt.sweep.token_type = PG_T_CKPT;
	pg->evictions.stream = PG_S_EVICT;
	pg->evictions.token_type = PG_T_EVICT;
	pg->be = calloc(c->clients, sizeof(*pg->be));
	int r = pg->be ? 0 : -ENOMEM;
	r = r ? r
	      : hcb_events_init(&pg->ev, (uint32_t)c->clients * 2 + 64 + s->app_events);
	r = r ? r : hcb_outq_init(&pg->out, pg_machine_ops(c) + s->app_ops);
	r = r ? r : hcb_bits_init(&pg->touched, pg->n_pages);
	r = r ? r : hcb_bits_init(&pg->dirty, pg->n_pages);
	r = r ? r : hcb_bits_init(&pg->ckpt.sweep.bits, pg->n_pages);
	r = r ? r : hcb_bits_init(&pg->evictions.bits, pg->n_pages);
	r = r ? r : pg_wal_init(pg);
	if (r)
		return hcb_err_sys(err, r, "PostgreSQL's model");
	init_journals(pg);
	init_shares(pg);
	start_timers(pg);
	return 0;
}

static double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

void pg_metrics(const void *state, struct hcb_kvs *out)
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
