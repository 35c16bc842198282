/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Media files, their removal, and logs: what nobody fsyncs.
 *
 * A status brings pictures in two styles or the picture of a link; paperclip moves each
 * into a directory of its own (M config/initializers/paperclip.rb; kt-paperclip's
 * flush_writes: mkdir, mv, chmod, no fsync). The file lies in memory until the kernel's
 * flusher, which wakes every 5 s, finds it old enough and sends it off, in extents of 1
 * MiB at most. Its inode, directory and bitmaps are in the journal's next commit at once,
 * and go home, 4 KiB here and there, with the write-back.
 *
 * The nightly removal (M app/lib/vacuum): one worker, a file at a time, whose directory
 * and inode are cold as often as not, 1000 records to an UPDATE.
 */
#include <errno.h>
#include <stdlib.h>

#include "workloads/law.h"
#include "workloads/mastodon_impl.h"

#define BLOCK          4096u
#define FLUSHER_NS     (5 * HCB_SEC) /* dirty_writeback_centisecs [S] */
#define LOG_SECONDS    30.0
#define LOG_TICKS      6u              /* logs are one file: every 30 s [S] */
#define LOG_SYNC_TICKS 60u             /* journald's SyncIntervalSec, 5 min [S] */
#define LOG_BYTES      (64 * HCB_MIB)  /* a ring [A] */
#define LOG_MAX        (32u << 20)     /* written at once */
#define GROUP_BYTES    (128 * HCB_MIB) /* ext4's block group [S] */
#define TABLE_BLOCKS   512u            /* of inodes and maps, at its beginning [S] */
#define HOME_PER_FILE  2u              /* blocks written home [A] */
/* Lognormal: median 25 kB, mean 67 kB [A], so sigma = sqrt(2 ln(67 / 25)) = 1.404, here
   in powers of two: sigma / ln 2. Cap: Mastodon's limit on a video [S]. */
#define FILE_MEDIAN    25000.0
#define FILE_SIGMA2    2.0257
#define FILE_MAX       99000000.0
/* Of the statuses that come in, so many have an attachment (two files), so many a link's
   picture (one): 0.67 files a status or boost [D], the split [A]. */
#define ATTACHED       0.42
#define CARDS          0.277
#define POST_ATTACHED  0.25 /* of users' own posts [A] */
#define UNLINK_NS      (50 * HCB_US)
#define COLD           0.6   /* must be read first: 100 to 300 removals a second [A] */
#define BATCH_FILES    1600u /* of 1000 records [A] */

static unsigned media_fs(const struct mst *m)
{
	return m->pg.geo->regions[MST_VOL_MEDIA].fs;
}

static struct hcb_journal *journal(struct mst *m)
{
	return &m->pg.journal[media_fs(m)];
}

static void push(struct mst *m, enum hcb_op_kind kind, uint64_t off, uint32_t len,
                 uint16_t stream, enum mst_token_type type, uint64_t now_ns)
{
	struct hcb_want op = {
	        .kind = kind,
	        .len = len,
	        .region = MST_VOL_MEDIA,
	        .stream = stream,
	        .off = off,
	        .due_ns = now_ns,
	        .token = PG_TOKEN(type, 0),
	};
	hcb_outq_push(&m->pg.out, &op);
	m->pg.active[media_fs(m)] = true;
}

/* --- new files -----------------------------------------------------------------------
 */

/* Standard normal: the larger half from two exponentials by rejection, then a sign. */
static double normal(struct hcb_random *r)
{
	for (;;) {
		double x = hcb_random_exp(r), y = hcb_random_exp(r);
		if (y >= (x - 1) * (x - 1) / 2)
			return hcb_random_u64(r) >> 63 ? x : -x;
	}
}

static uint64_t draw_bytes(struct hcb_random *r)
{
	double bytes = FILE_MEDIAN * hcb_law_exp2(FILE_SIGMA2 * normal(r));
	if (bytes > FILE_MAX)
		bytes = FILE_MAX;
	return ((uint64_t)bytes + BLOCK) / BLOCK * BLOCK;
}

/* Each style's directories lie together and fill one after the other. */
static uint64_t allocate(struct mst_media *d, unsigned style, uint64_t bytes)
{
	if (d->cursor[style] + bytes > d->style_bytes)
		d->cursor[style] = 0;
	uint64_t at = style * d->style_bytes + d->cursor[style];
	d->cursor[style] += bytes;
	return at;
}

static void new_file(struct mst *m, unsigned style, uint64_t now_ns)
{
	struct mst_media *d = &m->media;
	uint64_t bytes = draw_bytes(&d->chance);
	d->files++;
	d->bytes += bytes;
	hcb_journal_dirty(journal(m), MST_M_MEDIA_MAPS | PG_M_BITMAP | PG_M_GROUP);
	/* 4 to 6 blocks with the two maps [A] */
	hcb_journal_dirty_more(journal(m), 2 + (uint32_t)hcb_random_below(&d->chance, 3));
	m->pg.active[media_fs(m)] = true;
	d->home_left += HOME_PER_FILE;
	if (d->head - d->tail == MST_FILES) { /* held up for hours: taken together */
		d->crowd += bytes;
		return;
	}
	d->ring[d->head++ % MST_FILES] =
	        (struct mst_file){now_ns, allocate(d, style, bytes), bytes};
}

void mst_media_of_job(struct mst *m, enum mst_kind k, uint64_t now_ns)
{
	struct hcb_random *r = &m->media.chance;
	double attached = k == MST_K_CREATE ? ATTACHED
	                  : k == MST_K_POST ? POST_ATTACHED
	                                    : 0;
	if (attached <= 0)
		return;
	if (hcb_random_unit(r) < attached) {
		new_file(m, 0, now_ns);
		new_file(m, 1, now_ns);
	}
	if (k == MST_K_CREATE && hcb_random_unit(r) < CARDS)
		new_file(m, 2, now_ns);
}

/* --- write-back ----------------------------------------------------------------------
 */

/* What did not fit into the ring is one long file of the last style. */
static void take_crowd(struct mst_media *d, uint64_t now_ns)
{
	uint64_t bytes = d->crowd < d->style_bytes ? d->crowd : d->style_bytes;
	if (!bytes || d->head - d->tail == MST_FILES)
		return;
	d->crowd -= bytes;
	d->ring[d->head++ % MST_FILES] =
	        (struct mst_file){now_ns, allocate(d, MST_STYLES - 1, bytes), bytes};
}

static bool room(const struct mst_media *d)
{
	return d->inflight < PG_SWEEP_INFLIGHT;
}

static void send_files(struct mst *m, uint64_t born_before_ns, uint64_t now_ns)
{
	struct mst_media *d = &m->media;
	while (d->tail != d->head && room(d)) {
		const struct mst_file *f = &d->ring[d->tail % MST_FILES];
		uint64_t left = f->bytes - d->sent;
		uint32_t len = (uint32_t)(left < MST_MAX_WRITE ? left : MST_MAX_WRITE);
		if (f->born_ns > born_before_ns)
			break;
		push(m, HCB_WRITE, f->off + d->sent, len, MST_S_MEDIA, MST_T_MEDIA,
		     now_ns);
		d->inflight++;
		d->sent += len;
		if (d->sent < f->bytes)
			continue;
		d->sent = 0;
		d->tail++;
		take_crowd(d, now_ns);
	}
}

static void send_home(struct mst *m, uint64_t now_ns)
{
	struct mst_media *d = &m->media;
	uint64_t groups = d->log_at / GROUP_BYTES;
	for (; d->home_left && room(d); d->home_left--) {
		uint64_t at = hcb_random_below(&d->chance, groups) * GROUP_BYTES +
		              hcb_random_below(&d->chance, TABLE_BLOCKS) * BLOCK;
		push(m, HCB_WRITE, at, BLOCK, PG_S_METADATA, MST_T_MEDIA, now_ns);
		d->inflight++;
	}
}

static void send_off(struct mst *m, uint64_t now_ns)
{
	struct mst_media *d = &m->media;
	send_files(m, d->born_before_ns, now_ns);
	send_home(m, now_ns);
	d->behind = !room(d);
}

void mst_media_op_done(struct mst *m, const struct hcb_op *op)
{
	struct mst_media *d = &m->media;
	d->inflight--;
	if (d->behind && d->inflight <= PG_SWEEP_INFLIGHT / 2)
		send_off(m, op->done_ns);
}

/* --- logs ----------------------------------------------------------------------------
 */

static void write_logs(struct mst *m, uint64_t now_ns)
{
	struct mst_media *d = &m->media;
	double bytes = m->load.log_bytes_per_s * LOG_SECONDS;
	uint64_t n = bytes < LOG_MAX ? (uint64_t)bytes : LOG_MAX;
	uint64_t at = d->log_pos / BLOCK * BLOCK;
	uint64_t end = (d->log_pos + n + BLOCK - 1) / BLOCK * BLOCK;
	if (d->log_out)
		return; /* the device is far behind; some is lost, as is logs' way */
	d->log_pos += n;
	hcb_journal_dirty(journal(m), MST_M_LOG | PG_M_BITMAP);
	while (at < end) {
		uint64_t left = LOG_BYTES - at % LOG_BYTES;
		uint64_t len = end - at < MST_MAX_WRITE ? end - at : MST_MAX_WRITE;
		len = len < left ? len : left;
		push(m, HCB_WRITE, d->log_at + at % LOG_BYTES, (uint32_t)len, MST_S_LOG,
		     MST_T_LOG, now_ns);
		d->log_out++;
		at += len;
	}
}

void mst_log_op_done(struct mst *m)
{
	m->media.log_out--;
}

void mst_flusher(struct mst *m, uint64_t now_ns)
{
	struct mst_media *d = &m->media;
	/* so that what is too young now is not too old the next time */
	uint64_t age = m->conf->writeback_ns - FLUSHER_NS;
	hcb_events_push(&m->pg.ev, now_ns + FLUSHER_NS, MST_EV_FLUSHER, 0);
	d->born_before_ns = now_ns > age ? now_ns - age : 0;
	send_off(m, now_ns);
	d->ticks++;
	if (d->ticks % LOG_TICKS == 0)
		write_logs(m, now_ns);
	if (d->ticks % LOG_SYNC_TICKS == 0)
		hcb_journal_ask(journal(m), MST_J_LOG, now_ns);
}

/* --- removal -------------------------------------------------------------------------
 */

static void removed_one(struct mst *m, uint64_t now_ns)
{
	struct mst_media *d = &m->media;
	d->removed++;
	d->remove_left--;
	d->home_left += 1; /* inodes of an age lie together [A] */
	hcb_journal_dirty(journal(m), MST_M_MEDIA_MAPS | PG_M_BITMAP | PG_M_GROUP);
	hcb_journal_dirty_more(journal(m), 2); /* its directory and the one above [A] */
	m->pg.active[media_fs(m)] = true;
	if (++d->of_batch == BATCH_FILES || !d->remove_left) {
		d->of_batch = 0;
		mst_removal_commit(m, now_ns);
		return;
	}
	hcb_events_push(&m->pg.ev, now_ns + UNLINK_NS, MST_EV_REMOVE, 0);
}

void mst_remove_next(struct mst *m, uint64_t now_ns)
{
	struct mst_media *d = &m->media;
	if (hcb_random_unit(&d->chance) >= COLD) {
		removed_one(m, now_ns);
		return;
	}
	uint64_t at = hcb_random_below(&d->chance, d->log_at / BLOCK) * BLOCK;
	push(m, HCB_READ, at, BLOCK, MST_S_REMOVAL, MST_T_REMOVAL, now_ns);
}

void mst_removal_op_done(struct mst *m, const struct hcb_op *op)
{
	removed_one(m, op->done_ns);
}

void mst_removal_committed(struct mst *m, uint64_t done_ns)
{
	if (m->media.remove_left)
		hcb_events_push(&m->pg.ev, done_ns + UNLINK_NS, MST_EV_REMOVE, 0);
}

/* --- life ----------------------------------------------------------------------------
 */

int mst_media_init(struct mst *m)
{
	struct mst_media *d = &m->media;
	d->ring = calloc(MST_FILES, sizeof(*d->ring));
	if (!d->ring)
		return -ENOMEM;
	d->log_at = m->pg.geo->regions[MST_VOL_MEDIA].bytes - LOG_BYTES;
	d->style_bytes = d->log_at / MST_STYLES / BLOCK * BLOCK;
	d->remove_left = m->load.delete_files;
	hcb_random_init(&d->chance, m->pg.seed, 16);
	hcb_events_push(&m->pg.ev, FLUSHER_NS, MST_EV_FLUSHER, 0);
	if (m->conf->delete_at_ns)
		hcb_events_push(&m->pg.ev, m->conf->delete_at_ns, MST_EV_REMOVE, 0);
	return 0;
}

void mst_media_free(struct mst *m)
{
	free(m->media.ring);
}
