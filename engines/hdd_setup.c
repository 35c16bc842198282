/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making and freeing a model, its switches, its counters. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/random.h"
#include "engines/hdd_internal.h"

enum { STREAM_SPINDLE = 1, STREAM_FILLED = 2 }; /* of the seed's chance */

static uint32_t power_of_two(uint32_t n)
{
	uint32_t p = 1;
	while (p < n)
		p *= 2;
	return p;
}

static int allocate(struct hdd *m)
{
	uint32_t ring = power_of_two(m->depth);
	m->slot = calloc(m->depth, sizeof(*m->slot));
	m->unused = calloc(m->depth, sizeof(*m->unused));
	m->heap = calloc(m->depth, sizeof(*m->heap));
	m->host = calloc(ring, sizeof(*m->host));
	m->done = calloc(ring, sizeof(*m->done));
	m->slice = calloc(m->n_slices + 1, sizeof(*m->slice));
	m->logical = calloc(m->n_slices + 1, sizeof(*m->logical));
	if (!m->slot || !m->unused || !m->heap || !m->host || !m->done || !m->slice ||
	    !m->logical)
		return -ENOMEM;
	m->host_mask = m->done_mask = ring - 1;
	for (uint32_t i = 0; i < m->depth; i++)
		m->unused[m->n_unused++] = m->depth - 1 - i;
	/* Room for the limit, for what may go over it by touching (a queue's length), and
	   for the second pieces of writes across a slice's edge. */
	uint32_t extents = (uint32_t)(m->p.dirty_commands + 2 * m->p.ncq_depth + 8);
	return hdd_cache_init(&m->cache, extents);
}

static void spread(struct hdd *m, double filled, uint64_t seed)
{
	uint64_t part = (uint64_t)(filled * (double)m->n_slices);
	uint64_t key = hcb_mix64(seed + STREAM_FILLED);
	for (uint64_t i = 0; i < m->n_slices; i++) {
		m->slice[i] = (uint32_t)(i < part ? hcb_permute(i, part, key) : i);
		m->logical[m->slice[i]] = (uint32_t)i;
	}
}

static int check_config(const struct hdd_config *cfg, struct hcb_err *err)
{
	uint64_t all = cfg->profile->sectors * HDD_SECTOR;
	if (cfg->size_bytes > all)
		return hcb_err_usage(
		        err,
		        "disk %s: size of %llu bytes is more than the profile's "
		        "%llu",
		        cfg->profile->name, (unsigned long long)cfg->size_bytes,
		        (unsigned long long)all);
	if (cfg->size_bytes % 4096)
		return hcb_err_usage(err, "disk %s: size is not a multiple of 4096",
		                     cfg->profile->name);
	if (!(cfg->slow >= 1.0 && cfg->slow <= 1000.0))
		return hcb_err_usage(err, "disk %s: slow must be between 1 and 1000",
		                     cfg->profile->name);
	return 0;
}

static void fill_limits(struct hdd *m)
{
	const struct hdd_profile *p = &m->p;
	m->age_q40 = (1ULL << 40) / p->age_limit_ns;
	m->link_ps = 1000000000000ULL / p->link_bytes;
	m->dirty_limit = p->dirty_bytes / HDD_SECTOR;
	m->forced_sectors = (uint64_t)((double)m->dirty_limit * p->destage_forced);
	m->forced_cmds = (uint64_t)((double)p->dirty_commands * p->destage_forced);
	if (p->read_segments)
		m->seg_sectors = (p->buffer_bytes - p->dirty_bytes) / p->read_segments /
		                 HDD_SECTOR;
	m->n_slices = p->sectors / HDD_SLICE_SECTORS;
}

struct hdd *hdd_new(const struct hdd_config *cfg, struct hcb_err *err)
{
	if (check_config(cfg, err))
		return NULL;
	struct hdd *m = calloc(1, sizeof(*m));
	if (!m) {
		hcb_err_sys(err, -ENOMEM, "disk %s", cfg->profile->name);
		return NULL;
	}
	struct hcb_random r;
	hcb_random_init(&r, cfg->seed, STREAM_SPINDLE);
	m->p = *cfg->profile;
	m->depth = cfg->depth ? cfg->depth : 1;
	m->cache_on = cfg->cache == HDD_DEFAULT ? m->p.write_cache : cfg->cache == HDD_ON;
	m->timing_off = cfg->timing_off;
	m->slow_q16 = (uint64_t)(cfg->slow * 65536.0);
	m->size_bytes = cfg->size_bytes ? cfg->size_bytes
	                                : m->p.sectors * HDD_SECTOR / 4096 * 4096;
	double speed = 1.0 + m->p.rpm_tolerance * (2.0 * hcb_random_unit(&r) - 1.0);
	m->flash = m->p.type == HDD_TYPE_SSD;
	if (m->flash)
		hdd_geometry_flat(&m->g, &m->p);
	else
		hdd_geometry_init(&m->g, &m->p, speed);
	m->phase = hcb_random_below(&r, m->g.rev_ns);
	fill_limits(m);
	if (allocate(m)) {
		hcb_err_sys(err, -ENOMEM, "disk %s", m->p.name);
		hdd_free(m);
		return NULL;
	}
	spread(m, cfg->filled, cfg->seed);
	return m;
}

void hdd_free(struct hdd *m)
{
	if (!m)
		return;
	hdd_cache_free(&m->cache);
	free(m->slot);
	free(m->unused);
	free(m->heap);
	free(m->host);
	free(m->done);
	free(m->slice);
	free(m->logical);
	free(m);
}

void hdd_discard(struct hdd *m, uint64_t now, uint64_t off, uint64_t len)
{
	hdd_run(m, now);
	uint64_t lba = off / HDD_SECTOR, left = len / HDD_SECTOR;
	while (left) {
		uint64_t sl = lba / HDD_SLICE_SECTORS, in = lba % HDD_SLICE_SECTORS;
		uint64_t n =
		        HDD_SLICE_SECTORS - in < left ? HDD_SLICE_SECTORS - in : left;
		uint64_t phys =
		        (sl < m->n_slices ? m->slice[sl] : sl) * HDD_SLICE_SECTORS + in;
		hdd_cache_punch(&m->cache, &m->g, phys, n);
		hdd_segments_drop(m, phys, n);
		lba += n;
		left -= n;
	}
}

/* The oldest request that is not done, or HDD_NO_SLOT. */
static uint32_t oldest_outstanding(const struct hdd *m)
{
	uint32_t first = HDD_NO_SLOT;
	for (uint32_t i = 0; i < m->depth; i++) {
		const struct hdd_slot *s = &m->slot[i];
		if (s->state == HDD_FREE || s->state == HDD_DONE)
			continue;
		if (first == HDD_NO_SLOT || s->seq < m->slot[first].seq)
			first = i;
	}
	return first;
}

/* Nothing is outstanding any more, and the cache is empty. */
static void be_idle(struct hdd *m, uint64_t now)
{
	hdd_cache_clear(&m->cache);
	m->stream.active = m->busy = m->flushing = m->flush_ending = false;
	m->making_room = false;
	m->destaging = m->destaging_cmds = 0;
	m->reserved_sectors = m->reserved_cmds = 0;
	m->n_heap = m->n_pending = m->n_blocked = m->in_drive = 0;
	m->host_tail = m->host_head;
	m->bus_free_ns = now;
}

/* Everything outstanding ends now, in the order it came; the cache is clean. */
static void end_all(struct hdd *m, uint64_t now)
{
	uint32_t slot;
	while ((slot = oldest_outstanding(m)) != HDD_NO_SLOT) {
		m->slot[slot].done_ns = now;
		hdd_finish(m, now, slot);
	}
	be_idle(m, now);
	if (m->watch.clean)
		m->watch.clean(m->watch.arg);
}

void hdd_power_cut(struct hdd *m, uint64_t now)
{
	uint32_t slot;
	hdd_run(m, now);
	while ((slot = oldest_outstanding(m)) != HDD_NO_SLOT) {
		m->slot[slot].done_ns = now;
		m->slot[slot].cut = true;
		m->active--;
		hdd_hand_out(m, slot);
	}
	be_idle(m, now);
	for (uint32_t i = 0; i < m->p.read_segments; i++)
		m->seg[i].lba = m->seg[i].end = 0;
}

void hdd_set_timing(struct hdd *m, uint64_t now, bool on)
{
	hdd_run(m, now);
	if (!on && !m->timing_off)
		end_all(m, now);
	m->timing_off = !on;
}

void hdd_set_slow(struct hdd *m, uint64_t now, double slow)
{
	hdd_run(m, now);
	m->slow_q16 = (uint64_t)(slow * 65536.0);
}

uint64_t hdd_size_bytes(const struct hdd *m)
{
	return m->size_bytes;
}

uint32_t hdd_rev_ns(const struct hdd *m)
{
	return m->flash ? 0 : m->g.rev_ns;
}

bool hdd_cache_on(const struct hdd *m)
{
	return m->cache_on;
}

bool hdd_timing(const struct hdd *m)
{
	return !m->timing_off;
}

double hdd_slow(const struct hdd *m)
{
	return (double)m->slow_q16 / 65536.0;
}

uint32_t hdd_outstanding(const struct hdd *m)
{
	return m->active;
}

uint32_t hdd_room(const struct hdd *m)
{
	return m->n_unused;
}

uint64_t hdd_dirty_bytes(const struct hdd *m)
{
	return (m->cache.sectors + m->destaging) * HDD_SECTOR;
}

const struct hdd_counters *hdd_counters(const struct hdd *m)
{
	return &m->c;
}

json_t *hdd_counters_json(const struct hdd *m)
{
	/* Sums only: readers subtract one snapshot from another. */
#define C(f)                                                                             \
	{                                                                                \
#f, offsetof(struct hdd_counters, f)                                     \
	}
	static const struct {
		const char *name;
		size_t offset;
	} fields[] = {
	        C(reads),
	        C(writes),
	        C(flushes),
	        C(read_bytes),
	        C(write_bytes),
	        C(read_hits),
	        C(write_merges),
	        C(media_reads),
	        C(media_writes),
	        C(media_read_bytes),
	        C(media_write_bytes),
	        C(destages),
	        C(seeks),
	        C(busy_ns),
	        C(seek_ns),
	        C(rotate_ns),
	        C(transfer_ns),
	        C(overhead_ns),
	        C(flush_ns),
	        C(room_waits),
	        C(aged),
	};
#undef C
	json_t *obj = json_object();
	for (size_t i = 0; obj && i < sizeof(fields) / sizeof(fields[0]); i++) {
		const uint64_t *v =
		        (const void *)((const char *)&m->c + fields[i].offset);
		json_object_set_new(obj, fields[i].name, json_integer((json_int_t)*v));
	}
	return obj;
}
