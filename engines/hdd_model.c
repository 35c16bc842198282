/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands, cache room, flush, events. hdd_model.h has the rules in prose. */
#include "engines/hdd_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engines/hdd_internal.h"

/* ---- completions, earliest first; ties by order of submission ---- */

static bool earlier(const struct hdd_event *a, const struct hdd_event *b)
{
	return a->t != b->t ? a->t < b->t : a->seq < b->seq;
}

static void complete_at(struct hdd *m, uint32_t slot, uint64_t t)
{
	struct hdd_slot *s = &m->slot[slot];
	struct hdd_event e = {.t = t, .seq = s->seq, .slot = slot};
	uint32_t i = m->n_heap++;
	s->done_ns = t;
	while (i > 0 && earlier(&e, &m->heap[(i - 1) / 2])) {
		m->heap[i] = m->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	m->heap[i] = e;
}

static uint32_t pop_completion(struct hdd *m)
{
	uint32_t slot = m->heap[0].slot, i = 0;
	struct hdd_event e = m->heap[--m->n_heap];
	for (;;) {
		uint32_t c = 2 * i + 1;
		if (c >= m->n_heap)
			break;
		if (c + 1 < m->n_heap && earlier(&m->heap[c + 1], &m->heap[c]))
			c++;
		if (!earlier(&m->heap[c], &e))
			break;
		m->heap[i] = m->heap[c];
		i = c;
	}
	m->heap[i] = e;
	return slot;
}

void hdd_hand_out(struct hdd *m, uint32_t slot)
{
	m->slot[slot].state = HDD_DONE;
	m->done[m->done_head++ & m->done_mask] = slot;
}

/* ---- commands in the drive ---- */

/* Decoding and the link are one server: when a command from the buffer is through. */
static uint64_t bus(struct hdd *m, uint64_t t, uint64_t bytes)
{
	uint64_t begin = t > m->bus_free_ns ? t : m->bus_free_ns;
	m->c.overhead_ns += m->p.hit_ns;
	m->bus_free_ns = begin + m->p.hit_ns + bytes * m->link_ps / 1000;
	return m->bus_free_ns;
}

/* Does b begin where a ends? */
static bool adjoins(const struct hdd_slot *a, const struct hdd_slot *b)
{
	const struct hdd_piece *end = &a->piece[a->n_pieces - 1];
	return end->lba + end->n == b->piece[0].lba && a->req.kind == b->req.kind;
}

static void want_arm(struct hdd *m, uint64_t t, uint32_t slot)
{
	struct hdd_slot *s = &m->slot[slot];
	s->state = HDD_PENDING;
	s->enter_ns = t;
	if (m->n_pending == 0 && !m->busy)
		m->gate_ns = t + m->p.overhead_ns;
	m->c.overhead_ns += m->p.overhead_ns;
	s->follows = HDD_NO_SLOT;
	for (uint32_t i = 0; i < m->n_pending; i++) {
		struct hdd_slot *o = &m->slot[m->pending[i]];
		if (adjoins(o, s))
			s->follows = m->pending[i];
		else if (adjoins(s, o))
			o->follows = slot;
	}
	m->pending[m->n_pending++] = slot;
	hdd_locate(&m->g, s->piece[0].lba, &s->at);
}

/* Must the cache be written out for room? Once it must, until it is half of that full. */
static bool forced(struct hdd *m)
{
	uint64_t sectors = m->cache.sectors + m->destaging + m->reserved_sectors;
	uint64_t cmds = m->cache.n + m->destaging_cmds + m->reserved_cmds;
	if (m->flash)
		return m->cache.n;
	if (m->n_blocked || sectors >= m->forced_sectors || cmds >= m->forced_cmds)
		m->making_room = true;
	else if (sectors <= m->forced_sectors / 2 && cmds <= m->forced_cmds / 2)
		m->making_room = false;
	return m->making_room;
}

/* Takes room in the cache for the write if there is any. */
static bool reserve(struct hdd *m, struct hdd_slot *s)
{
	uint64_t sectors = 0, cmds = m->cache.n + m->destaging_cmds + m->reserved_cmds;
	bool touches = false;
	for (unsigned i = 0; i < s->n_pieces; i++) {
		const struct hdd_piece *pc = &s->piece[i];
		bool near = hdd_cache_touches(&m->cache, pc->lba, pc->n);
		if (!near || !hdd_cache_covers(&m->cache, pc->lba, pc->n))
			sectors += pc->n;
		touches |= near;
	}
	/* What touches an extent will most likely merge: it may go over by a queue's
	   length, for which the cache has slots. */
	uint64_t limit = m->p.dirty_commands + (touches ? m->p.ncq_depth : 0);
	if (cmds + s->n_pieces > limit)
		return false;
	if (m->cache.sectors + m->destaging + m->reserved_sectors + sectors >
	    m->dirty_limit)
		return false;
	s->room = sectors;
	m->reserved_sectors += sectors;
	m->reserved_cmds += s->n_pieces;
	return true;
}

static void fill_cache(struct hdd *m, uint64_t t, uint32_t slot)
{
	struct hdd_slot *s = &m->slot[slot];
	s->state = HDD_FILLING;
	complete_at(m, slot, bus(m, t, s->req.len) + m->p.accept_ns);
}

/* A write that is not done before the medium has it. Where the cache is safe it always
   is in time. */
static bool goes_past_cache(const struct hdd *m, const struct hdd_slot *s)
{
	return ((!m->cache_on || s->req.fua) && !m->p.plp) ||
	       s->req.len / HDD_SECTOR > m->dirty_limit / 2;
}

static void enter_write(struct hdd *m, uint64_t t, uint32_t slot)
{
	struct hdd_slot *s = &m->slot[slot];
	for (unsigned i = 0; i < s->n_pieces; i++)
		hdd_segments_drop(m, s->piece[i].lba, s->piece[i].n);
	if (goes_past_cache(m, s)) {
		want_arm(m, t, slot);
		return;
	}
	s->enter_ns = t;
	if (m->n_blocked == 0 && reserve(m, s)) {
		fill_cache(m, t, slot);
		return;
	}
	m->c.room_waits++;
	s->state = HDD_BLOCKED;
	m->blocked[m->n_blocked++] = slot;
}

static void enter_read(struct hdd *m, uint64_t t, uint32_t slot)
{
	struct hdd_slot *s = &m->slot[slot];
	uint64_t there = hdd_buffer_read(m, t, s, m->n_pending == 0 && !forced(m));
	if (there == HDD_NOT_HERE) {
		want_arm(m, t, slot);
		return;
	}
	s->state = HDD_ENDING;
	m->c.read_hits++;
	uint64_t end = bus(m, t, s->req.len);
	complete_at(m, slot, there > end ? there : end);
}

/* Commands enter the drive in order; a FLUSH waits for the drive to be empty. */
static void admit(struct hdd *m, uint64_t t)
{
	while (m->host_head != m->host_tail && !m->flushing) {
		uint32_t slot = m->host[m->host_tail & m->host_mask];
		enum hcb_op_kind kind = m->slot[slot].req.kind;
		if (kind == HCB_FLUSH ? m->in_drive > 0 : m->in_drive >= m->p.ncq_depth)
			break;
		m->host_tail++;
		m->in_drive++;
		if (kind == HCB_FLUSH) {
			m->flushing = true;
			m->flush_slot = slot;
		} else if (kind == HCB_READ) {
			enter_read(m, t, slot);
		} else {
			enter_write(m, t, slot);
		}
	}
}

void hdd_finish(struct hdd *m, uint64_t t, uint32_t slot)
{
	struct hdd_slot *s = &m->slot[slot];
	if (s->state == HDD_FILLING) {
		m->reserved_sectors -= s->room;
		m->reserved_cmds -= s->n_pieces;
		for (unsigned i = 0; i < s->n_pieces; i++)
			m->c.write_merges += hdd_cache_add(
			        &m->cache, &m->g, s->piece[i].lba, s->piece[i].n);
	}
	if (s->req.kind == HCB_WRITE)
		hdd_tell_finished(m, s);
	if (s->req.kind == HCB_READ) {
		m->c.reads++;
		m->c.read_bytes += s->req.len;
	} else if (s->req.kind == HCB_WRITE) {
		m->c.writes++;
		m->c.write_bytes += s->req.len;
	} else {
		uint64_t took = t - s->arrive_ns;
		m->c.flushes++;
		m->c.flush_ns += took;
		if (took > m->c.flush_max_ns)
			m->c.flush_max_ns = took;
		m->flushing = m->flush_ending = false;
	}
	m->in_drive--;
	m->active--;
	m->last_host_ns = t;
	hdd_hand_out(m, slot);
}

/* ---- what the arm does next ---- */

static void flush_step(struct hdd *m, uint64_t t)
{
	uint64_t cost;
	uint32_t e = m->p.plp ? HDD_NO_EXTENT : hdd_pick_extent(m, t, &cost);
	if (e != HDD_NO_EXTENT) {
		hdd_media_destage(m, t, e);
	} else if (!m->flush_ending) {
		m->flush_ending = true;
		m->c.overhead_ns += m->p.flush_ns;
		complete_at(m, m->flush_slot, t + m->p.flush_ns);
	}
}

static bool idle_destage_due(const struct hdd *m, uint64_t t)
{
	return m->active == 0 && t >= m->last_host_ns + m->p.destage_idle_ns;
}

static void start_command(struct hdd *m, uint64_t t, uint32_t index)
{
	uint32_t slot = m->pending[index];
	m->n_pending--;
	memmove(&m->pending[index], &m->pending[index + 1],
	        (m->n_pending - index) * sizeof(m->pending[0]));
	for (uint32_t i = 0; i < m->n_pending; i++)
		if (m->slot[m->pending[i]].follows == slot)
			m->slot[m->pending[i]].follows = HDD_NO_SLOT;
	m->slot[slot].state = HDD_ENDING; /* unless the medium says otherwise */
	complete_at(m, slot, hdd_media_command(m, t, &m->slot[slot]));
}

static bool too_old(const struct hdd *m, uint64_t t, const uint32_t *list, uint32_t n)
{
	return n && t > m->slot[list[0]].enter_ns + m->p.age_limit_ns;
}

static void decide(struct hdd *m, uint64_t t)
{
	if (m->flushing && (!m->busy || m->p.plp)) {
		if (m->stream.active)
			hdd_stream_settle(m, t);
		flush_step(m, t);
		return;
	}
	if (m->busy)
		return;
	if (m->stream.active)
		hdd_stream_settle(m, t);
	uint64_t cost = UINT64_MAX, ext_cost = UINT64_MAX;
	uint32_t cmd = HDD_NO_SLOT, ext = HDD_NO_EXTENT;
	if (m->n_pending && t >= m->gate_ns) {
		bool old = too_old(m, t, m->pending, m->n_pending);
		m->aged_turn = old && !m->aged_turn;
		if (m->aged_turn) {
			m->c.aged++;
			start_command(m, t, 0);
			return;
		}
		cmd = hdd_pick_command(m, t, &cost);
	}
	if (m->cache.n && (forced(m) || idle_destage_due(m, t)))
		ext = hdd_pick_extent(m, t, &ext_cost);
	bool starved = too_old(m, t, m->blocked, m->n_blocked);
	if (ext != HDD_NO_EXTENT && (starved || ext_cost < cost))
		hdd_media_destage(m, t, ext);
	else if (cmd != HDD_NO_SLOT)
		start_command(m, t, cmd);
}

/* ---- events ---- */

static void arm_free(struct hdd *m, uint64_t t)
{
	m->busy = false;
	m->gate_ns = t + m->p.overhead_ns;
	uint32_t next = hdd_continuing(m);
	if (next == 0 ||
	    (next != HDD_NO_SLOT && !too_old(m, t, m->pending, m->n_pending)))
		start_command(m, t, next);
	if (m->destaging)
		hdd_tell_destaged(m);
	m->destaging = m->destaging_cmds = 0;
	while (m->n_blocked && reserve(m, &m->slot[m->blocked[0]])) {
		uint32_t slot = m->blocked[0];
		m->n_blocked--;
		memmove(&m->blocked[0], &m->blocked[1],
		        m->n_blocked * sizeof(m->blocked[0]));
		fill_cache(m, t, slot);
	}
}

static uint64_t next_event(const struct hdd *m)
{
	uint64_t t = m->n_heap ? m->heap[0].t : UINT64_MAX;
	if (m->busy)
		return m->free_ns < t ? m->free_ns : t;
	if (m->n_pending && m->gate_ns < t)
		t = m->gate_ns;
	if (m->cache.n && m->active == 0) {
		uint64_t idle = m->last_host_ns + m->p.destage_idle_ns;
		t = idle < t ? idle : t;
	}
	return t;
}

/* What slot waited for has happened at t. */
static void completion(struct hdd *m, uint64_t t, uint32_t slot)
{
	struct hdd_slot *s = &m->slot[slot];
	if (s->state == HDD_FETCHING) {
		uint64_t end = bus(m, t, s->req.len);
		s->state = HDD_ENDING;
		complete_at(m, slot, end > s->fetched_ns ? end : s->fetched_ns);
		return;
	}
	hdd_finish(m, t, slot);
	admit(m, t);
}

void hdd_run(struct hdd *m, uint64_t now)
{
	for (;;) {
		uint64_t t = next_event(m);
		if (t > now)
			break;
		if (m->n_heap && m->heap[0].t == t) {
			completion(m, t, pop_completion(m));
		} else if (m->busy && m->free_ns == t) {
			arm_free(m, t);
		}
		decide(m, t);
	}
	if (now > m->now_ns)
		m->now_ns = now;
}

/* ---- the outside ---- */

static void map_pieces(const struct hdd *m, struct hdd_slot *s)
{
	uint64_t lba = s->req.off / HDD_SECTOR, left = s->req.len / HDD_SECTOR;
	s->n_pieces = 0;
	while (left) {
		uint64_t sl = lba / HDD_SLICE_SECTORS, in = lba % HDD_SLICE_SECTORS;
		uint64_t n =
		        HDD_SLICE_SECTORS - in < left ? HDD_SLICE_SECTORS - in : left;
		uint64_t phys = sl < m->n_slices ? m->slice[sl] : sl;
		struct hdd_piece *prev = s->n_pieces ? &s->piece[s->n_pieces - 1] : NULL;
		phys = phys * HDD_SLICE_SECTORS + in;
		if (prev && prev->lba + prev->n == phys)
			prev->n += n;
		else
			s->piece[s->n_pieces++] = (struct hdd_piece){phys, n};
		lba += n;
		left -= n;
	}
}

static int check(const struct hdd *m, const struct hdd_req *r)
{
	if (r->kind == HCB_FLUSH)
		return 0;
	if (r->kind != HCB_READ && r->kind != HCB_WRITE)
		return -EOPNOTSUPP;
	if (r->len == 0 || r->len % HDD_SECTOR || r->off % HDD_SECTOR ||
	    r->len > HDD_MAX_REQUEST)
		return -EINVAL;
	return r->off > m->size_bytes || r->len > m->size_bytes - r->off ? -ENOSPC : 0;
}

/* Timing off: counted and done. */
static void pass_through(struct hdd *m, uint64_t t, uint32_t slot)
{
	m->slot[slot].done_ns = t;
	m->slot[slot].state = HDD_ENDING;
	m->in_drive++;
	hdd_finish(m, t, slot);
}

int hdd_submit(struct hdd *m, uint64_t now, const struct hdd_req *r)
{
	int e = check(m, r);
	if (e)
		return e;
	if (m->n_unused == 0)
		return -EAGAIN;
	if (now < m->now_ns)
		now = m->now_ns;
	hdd_run(m, now);
	uint32_t slot = m->unused[--m->n_unused];
	struct hdd_slot *s = &m->slot[slot];
	s->req = *r;
	s->seq = m->seqs++;
	s->arrive_ns = now;
	s->state = HDD_HOST;
	s->room = 0;
	s->cut = false;
	m->active++;
	m->last_host_ns = now;
	if (r->kind != HCB_FLUSH)
		map_pieces(m, s);
	if (m->timing_off) {
		pass_through(m, now, slot);
		return 0;
	}
	m->host[m->host_head++ & m->host_mask] = slot;
	admit(m, now);
	decide(m, now);
	return 0;
}

unsigned hdd_advance(struct hdd *m, uint64_t now, struct hdd_done *out, unsigned max)
{
	unsigned n = 0;
	hdd_run(m, now);
	while (n < max && m->done_tail != m->done_head) {
		uint32_t slot = m->done[m->done_tail++ & m->done_mask];
		struct hdd_slot *s = &m->slot[slot];
		out[n++] = (struct hdd_done){
		        .done_ns = s->done_ns, .cookie = s->req.cookie, .cut = s->cut};
		s->state = HDD_FREE;
		m->unused[m->n_unused++] = slot;
	}
	return n;
}

uint64_t hdd_next_ns(const struct hdd *m)
{
	if (m->done_tail != m->done_head)
		return m->slot[m->done[m->done_tail & m->done_mask]].done_ns;
	return m->active ? next_event(m) : UINT64_MAX;
}
