/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arm, the medium and the read segments. hdd_model.h has the rules in prose. */
#include <stdlib.h>

#include "engines/hdd_internal.h"

static void arm_at(struct hdd *m, const struct hdd_place *at)
{
	m->cyl = at->cyl;
	m->head = at->head;
	m->track = at->track;
}

static inline uint32_t cylinders_to(const struct hdd *m, uint32_t cyl)
{
	return (uint32_t)abs((int32_t)cyl - (int32_t)m->cyl);
}

static inline uint32_t move_ns(const struct hdd *m, const struct hdd_place *to,
                               bool write)
{
	if (to->track == m->track)
		return 0;
	if (to->track == m->track + 1)
		return m->g.skew_ns;
	uint32_t settle = write ? (uint32_t)m->p.write_settle_ns : 0;
	uint32_t d = cylinders_to(m, to->cyl);
	uint32_t t = d ? hdd_seek_ns(&m->g, d) : 0;
	if (to->head != m->head && t < m->g.skew_ns)
		t = m->g.skew_ns;
	return t + settle;
}

/* base: angle under the head now. */
static inline uint32_t wait_ns(const struct hdd *m, uint32_t base, uint32_t move,
                               const struct hdd_place *to)
{
	uint32_t angle = (base + move) % m->g.rev_ns;
	return to->angle >= angle ? to->angle - angle : to->angle + m->g.rev_ns - angle;
}

static uint32_t angle_now(const struct hdd *m, uint64_t t)
{
	return (uint32_t)((t + m->phase) % m->g.rev_ns);
}

uint64_t hdd_position_ns(const struct hdd *m, uint64_t t, const struct hdd_place *place,
                         bool write, uint64_t *move)
{
	uint32_t mv = move_ns(m, place, write);
	*move = mv;
	return mv + wait_ns(m, angle_now(m, t), mv, place);
}

#define MOST_AGED 62000u /* of 65536: its positioning still counts a fifth */

/*
 * The older a command, the less its positioning counts: times 1 - (age / limit)^4. Nearly
 * the pure shortest positioning for commands of ordinary age, and nothing falls off a
 * cliff at the limit (with a bare limit, depth 32 serves one command in eight out of
 * turn).
 */
static uint32_t aged_cost(const struct hdd *m, uint64_t age, uint32_t cost)
{
	uint64_t x = age * m->age_q40 >> 24; /* 65536 at the limit */
	if (x > MOST_AGED)
		x = MOST_AGED;
	x = x * x >> 16;
	x = x * x >> 16;
	return (uint32_t)(cost * (65536 - x) >> 16);
}

uint32_t hdd_pick_command(struct hdd *m, uint64_t t, uint64_t *cost)
{
	uint32_t base = angle_now(m, t);
	uint32_t best = HDD_NO_SLOT, best_cost = UINT32_MAX;
	if (m->flash) {
		*cost = 0;
		return 0;
	}
	uint32_t n =
	        m->n_pending < m->p.rpo_window ? m->n_pending : (uint32_t)m->p.rpo_window;
	for (uint32_t i = 0; i < n; i++) {
		const struct hdd_slot *s = &m->slot[m->pending[i]];
		bool write = s->req.kind == HCB_WRITE;
		if (s->follows != HDD_NO_SLOT)
			continue;
		if (!write && hdd_on_stream(m, s)) {
			best = i;
			best_cost = 0;
			break;
		}
		uint32_t c = move_ns(m, &s->at, write);
		c += wait_ns(m, base, c, &s->at);
		c = aged_cost(m, t - s->enter_ns, c);
		if (c < best_cost) {
			best_cost = c;
			best = i;
		}
	}
	*cost = best_cost;
	/* All of the window may follow commands outside it. */
	return best == HDD_NO_SLOT && n ? 0 : best;
}

uint32_t hdd_continuing(const struct hdd *m)
{
	if (m->flash)
		return HDD_NO_SLOT;
	uint32_t n =
	        m->n_pending < m->p.rpo_window ? m->n_pending : (uint32_t)m->p.rpo_window;
	for (uint32_t i = 0; i < n; i++) {
		const struct hdd_slot *s = &m->slot[m->pending[i]];
		if (s->piece[0].lba == m->next_lba)
			return i;
	}
	return HDD_NO_SLOT;
}

/*
 * The sector of an extent is under the head after a part of a turn, `pass`, and then each
 * turn; it is had at the first of these times by which the arm is there. So what can be
 * had within the turn is had at its pass, and of the others none is sooner. Whether the
 * arm may be there by then is first asked of a table (hdd_reach), which is never wrong
 * when it says no. Of two at the same time the older is taken.
 */
static uint32_t within_turn(const struct hdd *m, uint32_t base, uint32_t n,
                            uint32_t *cost)
{
	int32_t settle = (int32_t)m->p.write_settle_ns;
	uint32_t best = HDD_NO_EXTENT, soonest = m->g.rev_ns;
	const struct hdd_aged *a = m->cache.by_age;
	for (const struct hdd_aged *end = a + n; a < end; a++) {
		uint32_t pass = a->angle - base + (a->angle < base ? m->g.rev_ns : 0);
		int32_t late = (int32_t)pass - settle + 1; /* a seek as long is */
		uint32_t reach = hdd_reach(&m->g, (uint32_t)(late > 0 ? late : 0));
		int64_t sooner = (int64_t)soonest - 1 - pass;
		int64_t nearer = (int64_t)reach - cylinders_to(m, a->cyl);
		/* Neither is negative. One branch, seldom taken; two are mispredicted. */
		if ((sooner | nearer) >= 0 &&
		    move_ns(m, &m->cache.ext[a->i].at, true) <= pass) {
			soonest = pass;
			best = a->i;
		}
	}
	*cost = soonest;
	return best;
}

static uint32_t past_turn(const struct hdd *m, uint32_t base, uint32_t n, uint32_t *cost)
{
	uint32_t best = HDD_NO_EXTENT;
	*cost = UINT32_MAX;
	for (uint32_t k = 0; k < n; k++) {
		uint32_t i = m->cache.by_age[k].i;
		const struct hdd_place *at = &m->cache.ext[i].at;
		uint32_t c = move_ns(m, at, true);
		c += wait_ns(m, base, c, at);
		if (c < *cost) {
			*cost = c;
			best = i;
		}
	}
	return best;
}

uint32_t hdd_pick_extent(const struct hdd *m, uint64_t t, uint64_t *cost)
{
	const struct hdd_cache *c = &m->cache;
	if (m->flash) {
		*cost = 0;
		return c->n ? c->by_age[0].i : HDD_NO_EXTENT;
	}
	uint32_t n = c->n < m->p.destage_window ? c->n : (uint32_t)m->p.destage_window;
	uint32_t base = angle_now(m, t), soonest;
	uint32_t best = within_turn(m, base, n, &soonest);
	if (best == HDD_NO_EXTENT)
		best = past_turn(m, base, n, &soonest);
	*cost = soonest;
	return best;
}

/* Positions, passes over n sectors, leaves the arm there; returns the time it took. */
static uint64_t visit(struct hdd *m, uint64_t t, struct hdd_place *at, uint64_t n,
                      bool write, struct hdd_place *last)
{
	uint64_t move, pos = hdd_position_ns(m, t, at, write, &move);
	uint64_t pass = hdd_transfer_ns(&m->g, at, n, last);
	m->c.seeks += move != 0;
	arm_at(m, last);
	m->next_lba = at->lba;
	m->c.seek_ns += move;
	m->c.rotate_ns += pos - move;
	m->c.transfer_ns += pass;
	if (write) {
		m->c.media_writes++;
		m->c.media_write_bytes += n * HDD_SECTOR;
	} else {
		m->c.media_reads++;
		m->c.media_read_bytes += n * HDD_SECTOR;
	}
	return pos + pass;
}

static void occupy(struct hdd *m, uint64_t t, uint64_t until)
{
	if (!m->busy || until > m->free_ns) {
		m->c.busy_ns += until - (m->busy && m->free_ns > t ? m->free_ns : t);
		m->free_ns = until;
	}
	m->busy = true;
}

void hdd_media_destage(struct hdd *m, uint64_t t, uint32_t extent)
{
	if (m->flash) {
		hdd_flash_destage(m, t, extent);
		return;
	}
	const struct hdd_extent *e = &m->cache.ext[extent];
	struct hdd_place at = e->at, last;
	uint64_t left = m->g.zone[at.zone].spt - at.sector;
	uint64_t n = e->n < left ? e->n : left;
	m->stream.active = false;
	m->destaging = n;
	m->destaging_cmds = n == e->n;
	hdd_tell_destaging(m, at.lba, n);
	uint64_t ns = visit(m, t, &at, n, true, &last);
	m->c.destages++;
	hdd_cache_consume(&m->cache, extent, n, &at);
	occupy(m, t, t + hdd_slowed(m, ns));
}

/* ---- read segments ---- */

static void segment_end(struct hdd *m, struct hdd_segment *g, uint64_t end)
{
	g->end = end;
	if (g->end - g->lba > m->seg_sectors)
		g->lba = g->end - m->seg_sectors;
}

void hdd_segments_drop(struct hdd *m, uint64_t lba, uint64_t n)
{
	for (uint32_t i = 0; i < m->p.read_segments; i++) {
		struct hdd_segment *g = &m->seg[i];
		if (lba >= g->end || lba + n <= g->lba)
			continue;
		g->end = lba > g->lba ? lba : g->lba;
		if (m->stream.active && m->stream.seg == i)
			m->stream.active = false;
	}
}

/* The segment that ends where a read begins, else the least recently used, emptied. */
static uint32_t segment_for(struct hdd *m, uint64_t lba)
{
	uint32_t lru = 0;
	for (uint32_t i = 0; i < m->p.read_segments; i++) {
		if (m->seg[i].end == lba && m->seg[i].lba != lba) {
			lru = i;
			break;
		}
		if (m->seg[i].used < m->seg[lru].used)
			lru = i;
	}
	if (m->seg[lru].end != lba)
		m->seg[lru].lba = m->seg[lru].end = lba;
	m->seg[lru].used = ++m->seg_clock;
	return lru;
}

/* Reads on in the track at hand up to time t, or as far as the segment has room; false:
   not to the end of the track. */
static bool read_on(struct hdd *m, uint64_t t)
{
	struct hdd_stream *st = &m->stream;
	uint32_t spt = m->g.zone[st->at.zone].spt;
	uint32_t from = hdd_sector_angle(&m->g, spt, st->at.sector);
	uint64_t left = m->g.rev_ns - from, room = st->full_lba - st->at.lba;
	bool fits = spt - st->at.sector <= room;
	if (fits && st->t0 + left <= t) {
		st->t0 += left + m->g.skew_ns;
		st->active = hdd_next_track(&m->g, &st->at);
		return st->active;
	}
	uint64_t passed = from + (t - st->t0);
	uint64_t s = passed * spt / m->g.rev_ns;
	if (s >= st->at.sector + room) {
		s = st->at.sector + room;
		st->active = false;
	}
	if (s > st->at.sector) {
		uint32_t step = hdd_sector_angle(&m->g, spt, (uint32_t)s) - from;
		st->at.lba += s - st->at.sector;
		st->at.sector = (uint32_t)s;
		st->at.angle = (st->at.angle + step) % m->g.rev_ns;
		st->t0 += step;
	}
	return false;
}

void hdd_stream_settle(struct hdd *m, uint64_t t)
{
	struct hdd_stream *st = &m->stream;
	if (!st->active)
		return;
	while (st->active && st->t0 < t) {
		if (st->at.track > st->last_track) {
			st->active = false;
			break;
		}
		arm_at(m, &st->at);
		if (!read_on(m, t))
			break;
	}
	if (st->at.lba > m->seg[st->seg].end)
		segment_end(m, &m->seg[st->seg], st->at.lba);
}

bool hdd_on_stream(const struct hdd *m, const struct hdd_slot *s)
{
	const struct hdd_stream *st = &m->stream;
	return st->active && s->n_pieces == 1 && s->piece[0].lba >= m->seg[st->seg].lba &&
	       s->piece[0].lba <= st->at.lba;
}

/* Begins to read on after a read that ended at `end`, before the place at; the read began
   at lba. */
static void stream_begin(struct hdd *m, uint32_t seg, uint64_t lba, uint64_t end,
                         const struct hdd_place *at, const struct hdd_place *last)
{
	struct hdd_stream *st = &m->stream;
	st->active = at->lba < m->g.sectors;
	st->seg = seg;
	st->at = *at;
	st->promised_ns = end;
	st->t0 = end + (at->track != last->track ? m->g.skew_ns : 0);
	st->last_track = last->track + (uint32_t)m->p.read_ahead_tracks;
	st->full_lba = lba + m->seg_sectors;
	if (st->full_lba < at->lba)
		st->full_lba = at->lba; /* longer than a segment: nothing is read on */
	segment_end(m, &m->seg[seg], at->lba);
}

/* The stream goes on to `to`, for a read from lba; returns when it gets there. */
static uint64_t stream_extend(struct hdd *m, uint64_t t, uint64_t lba, uint64_t to)
{
	struct hdd_stream *st = &m->stream;
	if (to <= st->at.lba)
		return st->promised_ns > t ? st->promised_ns : t;
	struct hdd_place at = st->at, last;
	uint64_t n = to - at.lba;
	uint64_t begin = st->t0;
	uint64_t pass = hdd_transfer_ns(&m->g, &at, n, &last);
	m->c.media_read_bytes += n * HDD_SECTOR;
	m->c.transfer_ns += pass;
	uint64_t end = begin + hdd_slowed(m, pass);
	if (end < t)
		end = t;
	arm_at(m, &last);
	m->next_lba = to;
	stream_begin(m, st->seg, lba, end, &at, &last);
	occupy(m, t, end);
	return end;
}

/* A hit in what the stream has read already keeps it going; when the data is there. */
static uint64_t follow_stream(struct hdd *m, uint64_t t, uint64_t lba, uint64_t to)
{
	struct hdd_place at;
	hdd_locate(&m->g, to - 1, &at);
	uint32_t last = at.track + (uint32_t)m->p.read_ahead_tracks;
	if (last > m->stream.last_track)
		m->stream.last_track = last;
	if (lba + m->seg_sectors > m->stream.full_lba)
		m->stream.full_lba = lba + m->seg_sectors;
	return m->stream.promised_ns > t ? m->stream.promised_ns : t;
}

uint64_t hdd_buffer_read(struct hdd *m, uint64_t t, const struct hdd_slot *s,
                         bool may_extend)
{
	if (s->n_pieces != 1)
		return HDD_NOT_HERE;
	uint64_t a = s->piece[0].lba, b = a + s->piece[0].n;
	if (m->cache.n && hdd_cache_covers(&m->cache, a, b - a))
		return t;
	hdd_stream_settle(m, t);
	for (uint32_t i = 0; i < m->p.read_segments; i++) {
		struct hdd_segment *g = &m->seg[i];
		if (a < g->lba || b > g->end)
			continue;
		g->used = ++m->seg_clock;
		return m->stream.active && m->stream.seg == i ? follow_stream(m, t, a, b)
		                                              : t;
	}
	if (!may_extend || !hdd_on_stream(m, s))
		return HDD_NOT_HERE;
	m->seg[m->stream.seg].used = ++m->seg_clock;
	return stream_extend(m, t, a, b);
}

/* Part of the read may be in a segment already: only the rest is read. */
static uint64_t trimmed_start(const struct hdd *m, const struct hdd_piece *pc)
{
	for (uint32_t i = 0; i < m->p.read_segments; i++) {
		const struct hdd_segment *g = &m->seg[i];
		if (g->lba <= pc->lba && pc->lba < g->end && g->end < pc->lba + pc->n)
			return g->end;
	}
	return pc->lba;
}

static uint64_t media_read(struct hdd *m, uint64_t t, struct hdd_slot *s)
{
	hdd_stream_settle(m, t);
	if (hdd_on_stream(m, s))
		return stream_extend(m, t, s->piece[0].lba,
		                     s->piece[0].lba + s->piece[0].n);
	m->stream.active = false;
	uint64_t ns = 0;
	struct hdd_place at = s->at, last = at;
	uint32_t seg = 0;
	uint64_t lba = 0;
	for (unsigned i = 0; i < s->n_pieces; i++) {
		uint64_t to = s->piece[i].lba + s->piece[i].n;
		uint64_t from = trimmed_start(m, &s->piece[i]);
		if (i > 0 || from != at.lba)
			hdd_locate(&m->g, from, &at);
		seg = segment_for(m, from);
		ns += visit(m, t + ns, &at, to - from, false, &last);
		segment_end(m, &m->seg[seg], to);
		lba = s->piece[i].lba;
	}
	uint64_t end = t + hdd_slowed(m, ns);
	stream_begin(m, seg, lba, end, &at, &last);
	occupy(m, t, end);
	return end;
}

uint64_t hdd_media_command(struct hdd *m, uint64_t t, struct hdd_slot *s)
{
	if (m->flash)
		return hdd_flash_command(m, t, s);
	if (s->req.kind == HCB_READ)
		return media_read(m, t, s);
	hdd_stream_settle(m, t);
	m->stream.active = false;
	uint64_t ns = 0;
	struct hdd_place at = s->at, last;
	for (unsigned i = 0; i < s->n_pieces; i++) {
		const struct hdd_piece *pc = &s->piece[i];
		if (i > 0)
			hdd_locate(&m->g, pc->lba, &at);
		ns += visit(m, t + ns, &at, pc->n, true, &last);
		hdd_cache_punch(&m->cache, &m->g, pc->lba, pc->n);
	}
	uint64_t end = t + hdd_slowed(m, ns);
	occupy(m, t, end);
	return end;
}
