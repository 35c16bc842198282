/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The write-ahead log: PostgreSQL 15's XLogFlush and XLogWrite as a state machine.
 *
 * One flush runs at a time (WALWriteLock). Its leader writes everything inserted so far,
 * in whole 8 KiB pages from the page that holds the last flushed byte: that partial page
 * is written again. Backends that asked meanwhile wait; when the flush ends, those it
 * covered are done and one of the others leads the next. This is natural group commit.
 * A write stops at the end of a segment: the segment is flushed there and then. A new
 * segment is a recycled one, its blocks allocated and written before, so the flush costs
 * no journal commit; with probability new_segment it has to be made: zero-filled, and
 * four fsyncs, inside the commit path (XLogFileInitInternal, durable_rename).
 */
#include <errno.h>
#include <stdlib.h>

#include "workloads/postgres_impl.h"

#define NEW_SEGMENT_SYNCS 4u

int pg_wal_init(struct pg *pg)
{
	uint32_t n = 1;
	while (n < pg->conf->clients + 1)
		n *= 2;
	pg->wal.queue = calloc(n, sizeof(uint32_t));
	pg->wal.q_mask = n - 1;
	return pg->wal.queue ? 0 : -ENOMEM;
}

static uint64_t page_floor(uint64_t x)
{
	return x - x % PG_PAGE;
}

static uint64_t page_ceil(uint64_t x)
{
	return page_floor(x + PG_PAGE - 1);
}

static void push_writes(struct pg *pg, uint64_t from, uint64_t to, uint16_t stream,
                        uint64_t now_ns)
{
	struct pg_wal *w = &pg->wal;
	uint64_t ring = pg->conf->wal_segments * PG_SEGMENT;
	for (uint64_t at = from; at < to;) {
		uint32_t len =
		        (uint32_t)(to - at < PG_MAX_WRITE ? to - at : PG_MAX_WRITE);
		struct hcb_want op = {
		        .kind = HCB_WRITE,
		        .len = len,
		        .region = PG_VOL_WAL,
		        .stream = stream,
		        .off = at % ring,
		        .due_ns = now_ns,
		        .token = PG_TOKEN(PG_T_WAL, 0),
		};
		hcb_outq_push(&pg->out, &op);
		w->out++;
		w->bytes_written += len;
		at += len;
	}
	pg->active[pg->geo->regions[PG_VOL_WAL].fs] = true;
}

static void push_flush(struct pg *pg, uint16_t stream, uint64_t now_ns)
{
	struct hcb_want op = {
	        .kind = HCB_FLUSH,
	        .region = PG_VOL_WAL,
	        .stream = stream,
	        .due_ns = now_ns,
	        .token = PG_TOKEN(PG_T_WAL, 0),
	};
	hcb_outq_push(&pg->out, &op);
	pg->wal.out++;
}

static void write_chunk(struct pg *pg, uint64_t now_ns)
{
	struct pg_wal *w = &pg->wal;
	uint64_t seg_end = w->pos - w->pos % PG_SEGMENT + PG_SEGMENT;
	uint64_t end = page_ceil(w->target);
	w->chunk_end = end < seg_end ? end : seg_end;
	w->state = PG_WAL_WRITE;
	push_writes(pg, w->pos, w->chunk_end, PG_S_COMMIT_WRITE, now_ns);
}

static void begin_flush(struct pg *pg, uint64_t now_ns)
{
	struct pg_wal *w = &pg->wal;
	w->target = w->insert;
	w->pos = page_floor(w->flushed);
	w->failed = false;
	write_chunk(pg, now_ns);
}

/* Backends in a transaction now, the leader aside: commit_siblings counts them. */
static uint64_t active_siblings(const struct pg *pg)
{
	uint64_t active = pg->never_idle ? pg->conf->clients : pg->n_busy;
	return active ? active - 1 : 0; /* none: it is the checkpointer that flushes */
}

static bool someone_waits(const struct pg_wal *w)
{
	return w->q_head != w->q_tail || w->ckpt_lsn > w->flushed;
}

static void kick(struct pg *pg, uint64_t now_ns)
{
	struct pg_wal *w = &pg->wal;
	if (w->state != PG_WAL_IDLE || !someone_waits(w))
		return;
	if (pg->conf->commit_delay_ns &&
	    active_siblings(pg) >= pg->conf->commit_siblings) {
		w->state = PG_WAL_DELAY;
		hcb_events_push(&pg->ev, now_ns + pg->conf->commit_delay_ns,
		                PG_EV_COMMIT_DELAY, 0);
		return;
	}
	begin_flush(pg, now_ns);
}

void pg_wal_delay_over(struct pg *pg, uint64_t now_ns)
{
	begin_flush(pg, now_ns);
}

void pg_wal_wait(struct pg *pg, uint32_t backend, uint64_t now_ns)
{
	struct pg_wal *w = &pg->wal;
	w->queue[w->q_head++ & w->q_mask] = backend;
	kick(pg, now_ns);
}

void pg_wal_flush_for_checkpoint(struct pg *pg, uint64_t now_ns)
{
	pg->wal.ckpt_lsn = pg->wal.insert;
	kick(pg, now_ns);
}

void pg_wal_writer(struct pg *pg, uint64_t now_ns)
{
	struct pg_wal *w = &pg->wal;
	if (w->state == PG_WAL_IDLE && w->insert > w->flushed)
		begin_flush(pg, now_ns);
}

static void flushed(struct pg *pg, uint64_t done_ns)
{
	struct pg_wal *w = &pg->wal;
	uint64_t group = 0;
	w->flushed = w->target;
	w->state = PG_WAL_IDLE;
	w->flushes++;
	while (w->q_tail != w->q_head) {
		uint32_t b = w->queue[w->q_tail & w->q_mask];
		if (pg->be[b].lsn > w->flushed)
			break;
		w->q_tail++;
		group++;
		w->commits++;
		pg_backend_committed(pg, b, done_ns, w->failed);
	}
	if (group > w->group_max)
		w->group_max = group;
	if (w->ckpt_lsn && w->ckpt_lsn <= w->flushed) {
		w->ckpt_lsn = 0;
		pg_ckpt_record_flushed(pg, done_ns);
	}
	kick(pg, done_ns);
}

/* The next segment: recycled at no cost, or made. */
static void next_segment(struct pg *pg, uint64_t done_ns)
{
	struct pg_wal *w = &pg->wal;
	w->segments++;
	if (hcb_random_unit(&pg->chance) >= pg->conf->new_segment) {
		if (w->pos < w->target)
			write_chunk(pg, done_ns);
		else
			flushed(pg, done_ns);
		return;
	}
	w->new_segments++;
	w->state = PG_WAL_ZERO;
	push_writes(pg, w->pos, w->pos + PG_SEGMENT, PG_S_SEGMENT, done_ns);
}

static void chunk_flushed(struct pg *pg, uint64_t done_ns)
{
	struct pg_wal *w = &pg->wal;
	w->pos = w->chunk_end;
	if (w->pos % PG_SEGMENT == 0)
		next_segment(pg, done_ns);
	else
		flushed(pg, done_ns);
}

static void new_segment_sync(struct pg *pg, uint64_t now_ns)
{
	struct hcb_journal *j = &pg->journal[pg->geo->regions[PG_VOL_WAL].fs];
	hcb_journal_dirty(j, PG_M_NEW_WAL | PG_M_BITMAP | PG_M_DIRECTORY);
	hcb_journal_ask(j, PG_J_WAL, now_ns);
}

void pg_wal_journal_done(struct pg *pg, uint64_t done_ns)
{
	struct pg_wal *w = &pg->wal;
	if (w->state != PG_WAL_ZERO_SYNC)
		return;
	if (--w->syncs_left)
		new_segment_sync(pg, done_ns);
	else if (w->pos < w->target)
		write_chunk(pg, done_ns);
	else
		flushed(pg, done_ns);
}

void pg_wal_op_done(struct pg *pg, const struct hcb_op *op)
{
	struct pg_wal *w = &pg->wal;
	if (op->result)
		w->failed = true;
	if (--w->out)
		return;
	switch (w->state) {
	case PG_WAL_WRITE:
		w->state = PG_WAL_FLUSH;
		push_flush(pg, PG_S_COMMIT_FLUSH, op->done_ns);
		break;
	case PG_WAL_FLUSH:
		chunk_flushed(pg, op->done_ns);
		break;
	case PG_WAL_ZERO:
		w->state = PG_WAL_ZERO_SYNC;
		w->syncs_left = NEW_SEGMENT_SYNCS;
		new_segment_sync(pg, op->done_ns);
		break;
	case PG_WAL_IDLE:
	case PG_WAL_DELAY:
	case PG_WAL_ZERO_SYNC:
		break;
	}
}
