/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Redis as Debian sets it: snapshots by the rules 3600/1, 300/100, 60/10000, and, if
 * asked for, an append-only file.
 *
 * A snapshot (rdb.c, rio.c of 7.0): a child writes the file from its beginning to its
 * end; after each 4 MiB it starts their write-back and waits until the 4 MiB before them
 * are on the device (rdb-save-incremental-fsync), so two such chunks are in flight at
 * most. Then fsync, which commits the journal as the file has grown, rename, and the
 * directory's fsync, which commits it again. The next one is written to another place:
 * the old file is there until the rename. The rules count seconds from a snapshot's end.
 *
 * The append-only file: what changed is appended once a second, and fsynced, which
 * commits the journal as the file grows. While that goes on nothing is appended. Its
 * rewriting is left out.
 */
#include "workloads/mastodon_impl.h"

#define CHUNK           (4u << 20)    /* REDIS_AUTOSYNC_BYTES [S] */
#define CHUNK_NS        (40 * HCB_MS) /* the child makes 100 MB/s of it [A] */
#define CHANGES_PER_JOB 8u   /* all jobs, of which those that commit are 0.3 [A] */
#define AOF_PER_CHANGE  250u /* bytes: 2, 45, 250 kB/s of 9, 179, 1018 changes/s [D] */
#define AOF_MAX_APPEND  (16u << 20) /* at once; the rest a second later */

static const struct rule {
	uint64_t seconds, changes;
} rules[] = {{3600, 1}, {300, 100}, {60, 10000}}; /* redis.conf [S] */

void mst_redis_init(struct mst *m)
{
	hcb_events_push(&m->pg.ev, HCB_SEC, MST_EV_REDIS, 0);
}

/* Each stands for the jobs without a commit too. */
void mst_redis_changed(struct mst *m, enum mst_kind k)
{
	struct mst_redis *r = &m->redis;
	if (k != MST_K_CREATE && k != MST_K_BOOST)
		return;
	r->changes += CHANGES_PER_JOB * 10; /* thirds: 8 / 0.3 changes */
	if (m->conf->aof)
		r->aof_due += CHANGES_PER_JOB * 10 * AOF_PER_CHANGE / 3;
}

static struct hcb_journal *journal(struct mst *m)
{
	return &m->pg.journal[m->pg.geo->regions[MST_VOL_REDIS].fs];
}

static void push_write(struct mst *m, uint64_t off, uint32_t len, uint16_t stream,
                       uint64_t token, uint64_t now_ns)
{
	struct hcb_want op = {
	        .kind = HCB_WRITE,
	        .len = len,
	        .region = MST_VOL_REDIS,
	        .stream = stream,
	        .off = off,
	        .due_ns = now_ns,
	        .token = token,
	};
	hcb_outq_push(&m->pg.out, &op);
	m->pg.active[m->pg.geo->regions[MST_VOL_REDIS].fs] = true;
}

/* --- snapshots ---------------------------------------------------------------------- */

static void begin_snapshot(struct mst *m, uint64_t now_ns)
{
	struct mst_redis *r = &m->redis;
	r->state = MST_RDB_WRITE;
	r->start_ns = now_ns;
	r->begun_with = r->changes;
	r->at = 0;
	r->chunk = 1; /* the first will be 0 */
	r->held = r->failed = false;
	m->pg.sink->phase(m->pg.sink, MST_PH_SNAPSHOT, true, now_ns);
	hcb_events_push(&m->pg.ev, now_ns + CHUNK_NS, MST_EV_CHUNK, 0);
}

static void sync_file(struct mst *m, uint64_t now_ns)
{
	m->redis.state = MST_RDB_FSYNC;
	hcb_journal_dirty(journal(m), MST_M_RDB | MST_M_RDB_MAPS);
	hcb_journal_ask(journal(m), MST_J_RDB, now_ns);
}

/* The next chunk is made once the one before the last is on the device. */
static void go_on(struct mst *m, uint64_t now_ns)
{
	struct mst_redis *r = &m->redis;
	bool all = r->at >= m->load.rdb_bytes;
	if (all && !r->out[0] && !r->out[1])
		sync_file(m, now_ns);
	r->held = !all && r->out[!r->chunk];
	if (!all && !r->held)
		hcb_events_push(&m->pg.ev, now_ns + CHUNK_NS, MST_EV_CHUNK, 0);
}

void mst_rdb_chunk(struct mst *m, uint64_t now_ns)
{
	struct mst_redis *r = &m->redis;
	uint64_t left = m->load.rdb_bytes - r->at;
	uint64_t end = r->at + (left < CHUNK ? left : CHUNK);
	r->chunk = !r->chunk;
	while (r->at < end) {
		uint64_t n = end - r->at < MST_MAX_WRITE ? end - r->at : MST_MAX_WRITE;
		uint32_t len = (uint32_t)(n + 4095) / 4096 * 4096;
		push_write(m, r->base + r->at, len, MST_S_RDB,
		           PG_TOKEN(MST_T_RDB, r->chunk), now_ns);
		r->out[r->chunk]++;
		r->at += n;
	}
	go_on(m, now_ns);
}

void mst_rdb_op_done(struct mst *m, const struct hcb_op *op)
{
	struct mst_redis *r = &m->redis;
	uint32_t chunk = (uint32_t)op->token;
	r->failed |= op->result != 0;
	if (--r->out[chunk])
		return;
	if ((r->held && chunk != r->chunk) || r->at >= m->load.rdb_bytes)
		go_on(m, op->done_ns);
}

static void end_snapshot(struct mst *m, uint64_t done_ns)
{
	struct mst_redis *r = &m->redis;
	uint64_t took = done_ns - r->start_ns;
	r->state = MST_RDB_IDLE;
	r->changes -= r->begun_with;
	r->last_save_ns = done_ns;
	r->base = r->base ? 0 : m->load.aof_at / 2;
	r->snapshots++;
	r->snapshot_ns += took;
	if (took > r->snapshot_max_ns)
		r->snapshot_max_ns = took;
	m->pg.sink->phase(m->pg.sink, MST_PH_SNAPSHOT, false, done_ns);
	m->pg.sink->tx(m->pg.sink, MST_TX_SNAPSHOT, r->start_ns, r->start_ns, done_ns,
	               r->failed);
}

void mst_rdb_journal_done(struct mst *m, const struct hcb_op *op)
{
	struct mst_redis *r = &m->redis;
	r->failed |= op->result != 0;
	if (r->state == MST_RDB_RENAME) {
		end_snapshot(m, op->done_ns);
		return;
	}
	r->state = MST_RDB_RENAME;
	hcb_journal_dirty(journal(m), MST_M_RDB | MST_M_RDB_DIR);
	hcb_journal_ask(journal(m), MST_J_RDB, op->done_ns);
}

/* --- the append-only file ------------------------------------------------------------
 */

static void append(struct mst *m, uint64_t now_ns)
{
	struct mst_redis *r = &m->redis;
	uint64_t ring = m->pg.geo->regions[MST_VOL_REDIS].bytes - m->load.aof_at;
	uint64_t n = r->aof_due < AOF_MAX_APPEND ? r->aof_due : AOF_MAX_APPEND;
	if (r->aof_busy) {
		r->aof_delayed++;
		return;
	}
	if (!n)
		return;
	/* whole pages, the last one's beginning again */
	uint64_t at = r->aof_pos / 4096 * 4096;
	uint64_t end = (r->aof_pos + n + 4095) / 4096 * 4096;
	r->aof_busy = true;
	r->aof_pos += n;
	r->aof_due -= n;
	while (at < end) {
		uint64_t room = ring - at % ring;
		uint64_t len = end - at < MST_MAX_WRITE ? end - at : MST_MAX_WRITE;
		len = len < room ? len : room;
		push_write(m, m->load.aof_at + at % ring, (uint32_t)len, MST_S_AOF,
		           PG_TOKEN(MST_T_AOF, 0), now_ns);
		r->aof_out++;
		at += len;
	}
}

void mst_aof_op_done(struct mst *m, const struct hcb_op *op)
{
	if (--m->redis.aof_out)
		return;
	hcb_journal_dirty(journal(m), MST_M_AOF | PG_M_BITMAP);
	hcb_journal_ask(journal(m), MST_J_AOF, op->done_ns);
}

void mst_aof_journal_done(struct mst *m)
{
	m->redis.aof_busy = false;
}

/* --- each second ---------------------------------------------------------------------
 */

void mst_redis_tick(struct mst *m, uint64_t now_ns)
{
	struct mst_redis *r = &m->redis;
	uint64_t seconds = (now_ns - r->last_save_ns) / HCB_SEC;
	hcb_events_push(&m->pg.ev, now_ns + HCB_SEC, MST_EV_REDIS, 0);
	append(m, now_ns);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (r->state != MST_RDB_IDLE || seconds <= rules[i].seconds ||
		    r->changes < 3 * rules[i].changes)
			continue;
		begin_snapshot(m, now_ns);
	}
}
