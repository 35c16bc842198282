/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The backends: pages read and touched, and a transaction from its beginning to its
 * commit. Which pages it touches, and when it begins, is the application's.
 */
#include "workloads/postgres_impl.h"

/* --- pages ------------------------------------------------------------------------- */

/* The first dirty page after a random place goes to the kernel. */
static void evict_one(struct pg *pg)
{
	uint64_t page =
	        hcb_bits_next(&pg->dirty, hcb_random_below(&pg->chance, pg->heap_pages));
	if (page >= pg->dirty.n)
		page = hcb_bits_next(&pg->dirty, 0);
	if (page >= pg->dirty.n)
		return;
	hcb_bits_unset(&pg->dirty, page);
	pg->n_dirty--;
	hcb_bits_set(&pg->evictions.bits, page);
}

uint64_t pg_touch(struct pg *pg, uint64_t page)
{
	pg->n_dirty += !hcb_bits_set(&pg->dirty, page);
	/* No more pages can be dirty than there are buffers. */
	if (pg->n_dirty > pg->conf->shared_buffers_bytes / PG_PAGE)
		evict_one(pg);
	if (hcb_bits_set(&pg->touched, page) || !pg->conf->full_page_writes)
		return 0;
	pg->wal.fpi++;
	return pg_image_bytes(pg->conf);
}

uint64_t pg_touch_new(struct pg *pg, uint64_t page)
{
	hcb_journal_dirty(&pg->journal[pg->geo->regions[PG_VOL_DATA].fs],
	                  PG_M_HISTORY | PG_M_BITMAP | PG_M_GROUP);
	hcb_bits_set(&pg->touched, page);
	return pg_touch(pg, page);
}

void pg_touch_plain(struct pg *pg, uint64_t page)
{
	hcb_bits_set(&pg->touched, page);
	pg_touch(pg, page);
}

void pg_maybe_evict(struct pg *pg)
{
	if (pg->evict <= 0 || hcb_random_unit(&pg->chance) >= pg->evict)
		return;
	evict_one(pg);
}

/* --- backends --------------------------------------------------------------------- */

/* wal_buffers = -1: a 32nd of shared_buffers, 64 KiB at least, one segment at most. */
static uint64_t wal_buffers(const struct pg_conf *c)
{
	uint64_t b = c->shared_buffers_bytes / 32;
	return b > PG_SEGMENT ? PG_SEGMENT : b < 8 * PG_PAGE ? 8 * PG_PAGE : b;
}

void pg_commit_call(struct pg *pg, uint32_t b, uint64_t now_ns)
{
	struct pg_backend *be = &pg->be[b];
	pg->wal.insert += pg->app->log(pg, b);
	pg->xacts++;
	be->lsn = pg->wal.insert;
	be->start_ns = now_ns;
	if (pg->closed)
		be->due_ns = now_ns;
	pg_ckpt_wal_grew(pg, now_ns);
	uint64_t room = wal_buffers(pg->conf);
	/* Nobody waits for a flush, but for room in the log's buffers, full of what is
	   not written yet (AdvanceXLInsertBuffer): else memory would take any load. */
	if (!pg->conf->synchronous_commit && pg->wal.insert > pg->wal.flushed + room)
		be->lsn = pg->wal.insert - room;
	else if (!pg->conf->synchronous_commit)
		be->lsn = 0;
	if (be->lsn) {
		pg_wal_wait(pg, b, now_ns);
		return;
	}
	pg->wal.commits++;
	pg_backend_committed(pg, b, now_ns, false);
}

void pg_read_page(struct pg *pg, uint32_t b, uint64_t now_ns)
{
	struct hcb_want op = {
	        .kind = HCB_READ,
	        .len = PG_PAGE,
	        .region = PG_VOL_DATA,
	        .stream = PG_S_READ,
	        .off = hcb_random_below(&pg->chance, pg->heap_pages) * PG_PAGE,
	        .due_ns = now_ns,
	        .token = PG_TOKEN(PG_T_READ, b),
	};
	hcb_outq_push(&pg->out, &op);
}

void pg_begin_transaction(struct pg *pg, uint32_t b, uint64_t due_ns, uint64_t now_ns)
{
	struct pg_backend *be = &pg->be[b];
	/* Closed loop: a commit is due when it is called for, and not before. */
	be->due_ns = pg->closed ? UINT64_MAX : due_ns;
	be->busy = true;
	pg->n_busy++;
	be->failed = false;
	be->reads_left = 0;
	if (pg->miss > 0) {
		be->reads_left += hcb_random_unit(&pg->chance) < pg->miss;
		be->reads_left +=
		        hcb_random_unit(&pg->chance) < pg->miss * (pg->conf->kappa - 1);
	}
	/* now_ns may lie ahead: a client that thinks first */
	if (be->reads_left)
		hcb_events_push(&pg->ev, now_ns, PG_EV_READ, b);
	else
		hcb_events_push(&pg->ev, now_ns + pg->conf->cpu_ns, PG_EV_BACKEND, b);
}

void pg_read_done(struct pg *pg, uint32_t b, const struct hcb_op *op)
{
	struct pg_backend *be = &pg->be[b];
	be->failed |= op->result != 0;
	if (--be->reads_left)
		pg_read_page(pg, b, op->done_ns);
	else
		hcb_events_push(&pg->ev, op->done_ns + pg->conf->cpu_ns, PG_EV_BACKEND,
		                b);
}

void pg_backend_committed(struct pg *pg, uint32_t b, uint64_t done_ns, bool failed)
{
	struct pg_backend *be = &pg->be[b];
	be->busy = false;
	pg->n_busy--;
	pg->sink->tx(pg->sink, PG_TX_COMMIT, be->due_ns, be->start_ns, done_ns,
	             failed || be->failed);
	pg->app->committed(pg, b, done_ns, failed || be->failed);
}
