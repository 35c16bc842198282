/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The backends: arrivals and think time, pages touched and read, the log a transaction
 * writes, and the wait for it.
 */
#include "workloads/postgres_impl.h"

#define HISTORY_ROWS_PER_PAGE 157u

/* --- the log and the pages -------------------------------------------------------- */

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

/* Marks the page; returns the log its first touch since the checkpoint costs. */
static uint64_t touch(struct pg *pg, uint64_t page)
{
	pg->n_dirty += !hcb_bits_set(&pg->dirty, page);
	/* No more pages can be dirty than there are buffers. */
	if (pg->n_dirty > pg->conf->shared_buffers_bytes / PG_PAGE)
		evict_one(pg);
	if (hcb_bits_set(&pg->touched, page) || !pg->conf->full_page_writes)
		return 0;
	pg->wal.fpi++;
	return pg->conf->fpi_bytes;
}

/* A buffer is needed: now and then the victim is dirty and goes to the kernel. */
static void maybe_evict(struct pg *pg)
{
	if (pg->evict <= 0 || hcb_random_unit(&pg->chance) >= pg->evict)
		return;
	evict_one(pg);
}

/* History grows: a page is extended (written zeroed, inode and bitmap dirty). */
static uint64_t append_history(struct pg *pg)
{
	uint64_t page = pg->history_at +
	                pg->history_rows / HISTORY_ROWS_PER_PAGE % PG_HISTORY_PAGES;
	if (pg->history_rows++ % HISTORY_ROWS_PER_PAGE == 0) {
		hcb_journal_dirty(&pg->journal[pg->geo->regions[PG_VOL_DATA].fs],
		                  PG_M_HISTORY | PG_M_BITMAP | PG_M_GROUP);
		/* A new page is initialised by its first insert: no image of it is
		 * logged. */
		hcb_bits_set(&pg->touched, page);
	}
	return touch(pg, page);
}

static uint64_t transaction_log(struct pg *pg)
{
	const struct pg_conf *c = pg->conf;
	uint64_t bytes = c->wal_record_bytes;
	/* HOT update: the account's own heap page. Non-HOT: another page or the index
	 * too. */
	bytes += touch(pg,
	               hcb_random_below(&pg->pages, c->scale * PG_HEAP_PAGES_PER_SCALE));
	if (hcb_random_unit(&pg->pages) < c->kappa - 1)
		bytes += touch(pg, hcb_random_below(&pg->pages, pg->heap_pages));
	bytes +=
	        touch(pg, pg->heap_pages + hcb_random_below(&pg->pages, pg_hot_pages(c)));
	bytes += append_history(pg);
	maybe_evict(pg);
	return bytes;
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
	pg->wal.insert += transaction_log(pg);
	pg->xacts++;
	be->lsn = pg->wal.insert;
	be->start_ns = now_ns;
	if (pg->conf->rate_per_s <= 0)
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
	be->due_ns = pg->conf->rate_per_s > 0 ? due_ns : UINT64_MAX;
	be->busy = true;
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

/*
 * b-model: the load of each half of an interval is b or 1-b of the whole's, which half
 * has more being a coin's choice, from an hour (2^12 s) down to one second.
 */
static double burst(const struct pg *pg, uint64_t now_ns)
{
	const double more = 2 * 0.65, less = 2 * (1 - 0.65);
	uint64_t s = now_ns / HCB_SEC;
	double f = 1;
	for (uint64_t level = 0; level < 12; level++) {
		uint64_t half = s >> level & 1;
		uint64_t coin =
		        hcb_mix64(pg->seed ^ hcb_mix64((s >> (level + 1)) * 16 + level)) &
		        1;
		f *= half == coin ? more : less;
	}
	return f;
}

void pg_draw_arrival(struct pg *pg)
{
	double mean_ns = 1e9 / pg->conf->rate_per_s;
	double gap = mean_ns;
	if (pg->conf->arrivals != PG_STEADY)
		gap *= hcb_random_exp(&pg->arrivals);
	if (pg->conf->arrivals == PG_BURSTY)
		gap /= burst(pg, pg->next_arrival);
	pg->next_arrival += gap < 1 ? 1 : (uint64_t)gap;
}

/* The arrival at next_arrival is served by a free backend at now, or has to wait. */
void pg_arrival(struct pg *pg, uint64_t now_ns)
{
	if (!pg->n_free) {
		pg->arrival_waits = true;
		return;
	}
	pg->arrival_waits = false;
	uint32_t b = pg->free_be[--pg->n_free];
	uint64_t due = pg->next_arrival;
	pg_draw_arrival(pg);
	pg_begin_transaction(pg, b, due, now_ns > due ? now_ns : due);
	if (pg->next_arrival <= now_ns)
		pg_arrival(pg, now_ns);
	else
		hcb_events_push(&pg->ev, pg->next_arrival, PG_EV_ARRIVAL, 0);
}

void pg_backend_committed(struct pg *pg, uint32_t b, uint64_t done_ns, bool failed)
{
	struct pg_backend *be = &pg->be[b];
	be->busy = false;
	pg->sink->tx(pg->sink, PG_TX_COMMIT, be->due_ns, be->start_ns, done_ns,
	             failed || be->failed);
	if (pg->conf->rate_per_s <= 0) {
		uint64_t next = done_ns + pg->conf->think_ns;
		pg_begin_transaction(pg, b, next, next);
		return;
	}
	pg->free_be[pg->n_free++] = b;
	if (pg->arrival_waits)
		pg_arrival(pg, done_ns);
}
