/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The checkpointer, and the kernel's write-back of pages that backends evicted.
 *
 * Write phase (BufferSync): the buffers dirty at the start, in ascending block order.
 * After each buffer CheckpointWriteDelay sleeps 100 ms if the share written times
 * checkpoint_completion_target is ahead of both the share of checkpoint_timeout gone by
 * and the share of checkpoint_segments of log written since. Every 32 buffers
 * sync_file_range pushes them to the disk, neighbours merged; nobody waits for it, but
 * write-back stops while a block queue's worth of it is in flight.
 * Sync phase (ProcessSyncRequests): fsync of every file touched, back to back, not paced.
 * The first finds a dirty inode and costs a journal commit, which takes the others'
 * along; they cost a flush each. Then pg_control, the checkpoint record, and the renames
 * that recycle old segments (durable_rename: flush, journal commit, flush).
 */
#include "workloads/postgres_impl.h"

#define TICK_NS             (100 * HCB_MS) /* CheckpointWriteDelay: pg_usleep(100000L) */
#define XACTS_PER_CLOG_PAGE 32768u

/* --- the sweep ------------------------------------------------------------------- */

static void sweep_push(struct pg *pg, struct pg_sweep *s, uint64_t page, uint32_t n,
                       uint64_t now_ns)
{
	struct hcb_want op = {
	        .kind = HCB_WRITE,
	        .len = n * PG_PAGE,
	        .region = PG_VOL_DATA,
	        .stream = s->stream,
	        .off = page * PG_PAGE,
	        .due_ns = now_ns,
	        .token = PG_TOKEN(s->token_type, 0),
	};
	hcb_outq_push(&pg->out, &op);
	s->inflight++;
	pg->active[pg->geo->regions[PG_VOL_DATA].fs] = true;
}

/* Pushes the batch to the device; it is in ascending order already. */
static void sweep_flush_batch(struct pg *pg, struct pg_sweep *s, uint64_t now_ns)
{
	uint32_t i = 0;
	while (i < s->n_batch) {
		uint32_t run = 1;
		while (i + run < s->n_batch && s->batch[i + run] == s->batch[i] + run &&
		       run < PG_MAX_WRITE / PG_PAGE)
			run++;
		sweep_push(pg, s, s->batch[i], run, now_ns);
		i += run;
	}
	s->n_batch = 0;
}

/* Takes the next set bit into the batch. False if there is none, or no room in flight. */
static bool sweep_one(struct pg *pg, struct pg_sweep *s, uint64_t now_ns)
{
	if (s->n_batch == PG_WRITEBACK) {
		if (s->inflight >= PG_SWEEP_INFLIGHT)
			return false;
		sweep_flush_batch(pg, s, now_ns);
	}
	uint64_t page = hcb_bits_next(&s->bits, s->cursor);
	if (page >= s->bits.n)
		return false;
	hcb_bits_unset(&s->bits, page);
	s->cursor = page + 1;
	s->batch[s->n_batch++] = page;
	return true;
}

/*
 * fsync writes what the kernel still holds of the files, as fast as it goes: the
 * checkpoint's last batch and every page evicted since. The fsyncs begin when both are
 * on the device.
 */
static void drain(struct pg *pg, uint64_t now_ns)
{
	struct pg_sweep *s = &pg->evictions;
	while (sweep_one(pg, s, now_ns))
		;
	if (s->inflight < PG_SWEEP_INFLIGHT)
		sweep_flush_batch(pg, s, now_ns);
	if (s->inflight || s->n_batch || pg->ckpt.sweep.inflight)
		return;
	s->cursor = 0;
	pg_ckpt_sync_done(pg, now_ns, false);
}

/* --- kernel write-back of evicted pages ------------------------------------------- */

/* Every 30 s (dirty_expire_centisecs) what was evicted goes out, in file order. */
void pg_writeback(struct pg *pg, uint64_t now_ns)
{
	struct pg_sweep *s = &pg->evictions;
	if (pg->ckpt.state == PG_CK_DRAIN)
		return; /* an fsync is at it */
	while (sweep_one(pg, s, now_ns))
		;
	if (s->inflight < PG_SWEEP_INFLIGHT)
		sweep_flush_batch(pg, s, now_ns);
	if (hcb_bits_next(&s->bits, s->cursor) >= s->bits.n)
		s->cursor = 0;
}

void pg_evict_op_done(struct pg *pg, const struct hcb_op *op)
{
	pg->evictions.inflight--;
	if (pg->ckpt.state == PG_CK_DRAIN) {
		drain(pg, op->done_ns);
		return;
	}
	if (pg->evictions.inflight == PG_SWEEP_INFLIGHT / 2 && pg->evictions.cursor)
		pg_writeback(pg, op->done_ns);
}

/* --- checkpoints ------------------------------------------------------------------ */

static uint64_t wal_trigger_bytes(const struct pg *pg)
{
	/* CalculateCheckpointSegments: max_wal_size / (1 + completion target), whole
	 * segments */
	double t = (double)pg->conf->max_wal_bytes / (1 + pg->conf->completion_target);
	uint64_t segs = (uint64_t)(t / PG_SEGMENT);
	return (segs ? segs : 1) * PG_SEGMENT;
}

static void schedule_tick(struct pg *pg, uint64_t at_ns)
{
	if (pg->ckpt.ticking)
		return;
	pg->ckpt.ticking = true;
	hcb_events_push(&pg->ev, at_ns, PG_EV_CKPT_TICK, 0);
}

/* SLRU pages are written before the buffers (CheckPointGuts): the last page and any new.
 */
static void write_clog(struct pg *pg, uint64_t now_ns)
{
	uint64_t pages = 1 + (pg->xacts - pg->xacts_at_ckpt) / XACTS_PER_CLOG_PAGE;
	pg->xacts_at_ckpt = pg->xacts;
	if (pages > 8)
		pages = 8;
	sweep_push(pg, &pg->ckpt.sweep, pg->n_pages - 16, (uint32_t)pages, now_ns);
}

static void begin(struct pg *pg, uint64_t now_ns)
{
	struct pg_ckpt *c = &pg->ckpt;
	c->state = PG_CK_WRITE;
	c->due = false;
	c->failed = false;
	c->start_ns = now_ns;
	c->last_start_ns = now_ns;
	c->wal_start = pg->wal.insert;
	hcb_bits_swap(&c->sweep.bits, &pg->dirty);
	pg->n_dirty = 0;
	hcb_bits_clear(&pg->touched);
	c->sweep.cursor = 0;
	c->written = 0;
	c->total = 0;
	for (uint64_t i = 0; i < (c->sweep.bits.n + 63) / 64; i++)
		c->total += (uint64_t)__builtin_popcountll(c->sweep.bits.word[i]);
	c->count++;
	pg->sink->cycle(pg->sink, now_ns);
	pg_phase(pg, PG_PH_WRITE, true, now_ns);
	write_clog(pg, now_ns);
	schedule_tick(pg, now_ns);
}

static void maybe_begin(struct pg *pg, uint64_t now_ns)
{
	if (pg->ckpt.state == PG_CK_IDLE && pg->ckpt.due)
		begin(pg, now_ns);
}

void pg_ckpt_due(struct pg *pg, uint64_t now_ns)
{
	pg->ckpt.due = true;
	maybe_begin(pg, now_ns);
}

void pg_ckpt_wal_grew(struct pg *pg, uint64_t now_ns)
{
	struct pg_ckpt *c = &pg->ckpt;
	if (c->due || pg->wal.insert - c->wal_start < wal_trigger_bytes(pg))
		return;
	c->due = true;
	c->forced_by_wal++;
	maybe_begin(pg, now_ns);
}

/* IsCheckpointOnSchedule */
static bool on_schedule(const struct pg *pg, uint64_t now_ns)
{
	const struct pg_ckpt *c = &pg->ckpt;
	double done = (double)c->written / (double)c->total * pg->conf->completion_target;
	double wal =
	        (double)(pg->wal.insert - c->wal_start) / (double)wal_trigger_bytes(pg);
	double time =
	        (double)(now_ns - c->start_ns) / (double)pg->conf->checkpoint_timeout_ns;
	return done >= wal && done >= time;
}

static void write_phase_over(struct pg *pg, uint64_t now_ns)
{
	struct pg_ckpt *c = &pg->ckpt;
	sweep_flush_batch(pg, &c->sweep, now_ns);
	c->state = PG_CK_DRAIN;
	c->write_end_ns = now_ns;
	pg_phase(pg, PG_PH_WRITE, false, now_ns);
	pg_phase(pg, PG_PH_SYNC, true, now_ns);
}

void pg_ckpt_tick(struct pg *pg, uint64_t now_ns)
{
	struct pg_ckpt *c = &pg->ckpt;
	c->ticking = false;
	if (c->state != PG_CK_WRITE)
		return;
	while (c->written < c->total) {
		if (!sweep_one(pg, &c->sweep, now_ns))
			return; /* queue congested: goes on when a write is done */
		c->written++;
		if (c->written < c->total && on_schedule(pg, now_ns)) {
			schedule_tick(pg, now_ns + TICK_NS);
			return;
		}
	}
	write_phase_over(pg, now_ns);
	pg->evictions.cursor = 0;
	drain(pg, now_ns);
}

void pg_ckpt_op_done(struct pg *pg, const struct hcb_op *op)
{
	struct pg_ckpt *c = &pg->ckpt;
	c->sweep.inflight--;
	c->failed |= op->result != 0;
	if (c->state == PG_CK_CONTROL)
		pg_ckpt_sync_done(pg, op->done_ns, op->result != 0);
	else if (c->state == PG_CK_DRAIN)
		drain(pg, op->done_ns);
	else if (c->state == PG_CK_WRITE && c->sweep.n_batch == PG_WRITEBACK)
		schedule_tick(pg, op->done_ns);
}

static void push_flush(struct pg *pg, uint16_t region, uint64_t now_ns)
{
	struct hcb_want op = {
	        .kind = HCB_FLUSH,
	        .region = region,
	        .stream = PG_S_CKPT_FLUSH,
	        .due_ns = now_ns,
	        .token = PG_TOKEN(PG_T_CKPT_SYNC, 0),
	};
	hcb_outq_push(&pg->out, &op);
}

static void ask_journal(struct pg *pg, enum pg_volume v, uint32_t mask, uint64_t now_ns)
{
	struct hcb_journal *j = &pg->journal[pg->geo->regions[v].fs];
	hcb_journal_dirty(j, mask);
	hcb_journal_ask(j, PG_J_CKPT, now_ns);
}

static void finish(struct pg *pg, uint64_t now_ns)
{
	struct pg_ckpt *c = &pg->ckpt;
	c->state = PG_CK_IDLE;
	c->finished++;
	c->buffers += c->total;
	c->write_ns += c->write_end_ns - c->start_ns;
	c->sync_ns += c->sync_end_ns - c->write_end_ns;
	if (c->sync_end_ns - c->write_end_ns > c->sync_max_ns)
		c->sync_max_ns = c->sync_end_ns - c->write_end_ns;
	c->total_ns += now_ns - c->start_ns;
	pg_phase(pg, PG_PH_FINISH, false, now_ns);
	pg->sink->tx(pg->sink, PG_TX_CHECKPOINT, c->start_ns, c->start_ns, now_ns,
	             c->failed);
	maybe_begin(pg, now_ns);
}

/* durable_rename of one segment: fsync(old), rename, fsync(new), fsync(directory). */
static void recycle_next(struct pg *pg, uint64_t now_ns)
{
	struct pg_ckpt *c = &pg->ckpt;
	if (!c->recycle_left) {
		finish(pg, now_ns);
		return;
	}
	if (c->recycle_step == 1)
		ask_journal(pg, PG_VOL_WAL, PG_M_WAL | PG_M_DIRECTORY, now_ns);
	else
		push_flush(pg, PG_VOL_WAL, now_ns);
	if (++c->recycle_step == 3) {
		c->recycle_step = 0;
		c->recycle_left--;
		c->recycled++;
	}
}

void pg_ckpt_record_flushed(struct pg *pg, uint64_t done_ns)
{
	struct pg_ckpt *c = &pg->ckpt;
	if (c->state != PG_CK_RECORD)
		return;
	c->state = PG_CK_RECYCLE;
	c->recycle_left = (c->wal_start - c->last_wal) / PG_SEGMENT;
	c->last_wal = c->wal_start - (c->wal_start - c->last_wal) % PG_SEGMENT;
	c->recycle_step = 0;
	recycle_next(pg, done_ns);
}

static void next_fsync(struct pg *pg, uint64_t now_ns)
{
	struct pg_ckpt *c = &pg->ckpt;
	if (c->fsyncs_left == 0) {
		c->sync_end_ns = now_ns;
		pg_phase(pg, PG_PH_SYNC, false, now_ns);
		pg_phase(pg, PG_PH_FINISH, true, now_ns);
		c->state = PG_CK_CONTROL; /* pg_control: 8 KiB and an fsync */
		sweep_push(pg, &c->sweep, pg->n_pages - 1, 1, now_ns);
		return;
	}
	if (c->fsyncs_left-- == pg->conf->files)
		ask_journal(pg, PG_VOL_DATA, PG_M_DATA, now_ns);
	else
		push_flush(pg, PG_VOL_DATA, now_ns);
}

/* A flush or a journal commit of the checkpointer is done, or the data has drained. */
void pg_ckpt_sync_done(struct pg *pg, uint64_t done_ns, bool failed)
{
	struct pg_ckpt *c = &pg->ckpt;
	c->failed |= failed;
	switch (c->state) {
	case PG_CK_DRAIN:
		c->state = PG_CK_FSYNC;
		c->fsyncs_left = pg->conf->files;
		next_fsync(pg, done_ns);
		break;
	case PG_CK_FSYNC:
		next_fsync(pg, done_ns);
		break;
	case PG_CK_CONTROL:
		c->state = PG_CK_CONTROL_SYNC;
		ask_journal(pg, PG_VOL_DATA, PG_M_CONTROL, done_ns);
		break;
	case PG_CK_CONTROL_SYNC:
		c->state = PG_CK_RECORD;
		pg->wal.insert +=
		        120; /* XLOG_CHECKPOINT_ONLINE record: 114 bytes, aligned */
		pg_wal_flush_for_checkpoint(pg, done_ns);
		break;
	case PG_CK_RECYCLE:
		recycle_next(pg, done_ns);
		break;
	case PG_CK_IDLE:
	case PG_CK_WRITE:
	case PG_CK_RECORD:
		break;
	}
}
