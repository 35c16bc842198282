/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The medium of an SSD, in place of hdd_arm.c's. hdd_model.h has the rules in prose. */
#include "engines/hdd_internal.h"

#define PAGE_BYTES  16384u         /* what one channel reads at once */
#define PIECE_BYTES (128u * 1024u) /* written out at once: reads wait for no more */

static void occupy(struct hdd *m, uint64_t t, uint64_t ns)
{
	m->busy = true;
	m->free_ns = t + ns;
	m->c.busy_ns += ns;
	m->c.transfer_ns += ns;
}

/* How long writing n bytes in `pieces` pieces keeps the channels. */
static uint64_t program_ns(const struct hdd *m, uint64_t bytes, unsigned pieces)
{
	uint64_t by_rate = (uint64_t)((double)bytes * 1e9 / (double)m->p.write_bytes);
	uint64_t by_piece = pieces * m->p.write_ns;
	return hdd_slowed(m, by_rate > by_piece ? by_rate : by_piece);
}

uint64_t hdd_flash_command(struct hdd *m, uint64_t t, struct hdd_slot *s)
{
	if (s->req.kind == HCB_READ) {
		uint64_t pages = (s->req.len + PAGE_BYTES - 1) / PAGE_BYTES;
		uint64_t slot_ns = hdd_slowed(m, m->p.read_ns) / m->p.read_channels;
		uint64_t first = t + hdd_slowed(m, m->p.read_ns);
		occupy(m, t, pages * slot_ns);
		m->c.media_reads++;
		m->c.media_read_bytes += s->req.len;
		s->state = HDD_FETCHING;
		s->fetched_ns = first + (pages - 1) * slot_ns;
		return first;
	}
	uint64_t ns = program_ns(m, s->req.len, s->n_pieces);
	occupy(m, t, ns);
	m->c.media_writes++;
	m->c.media_write_bytes += s->req.len;
	for (unsigned i = 0; i < s->n_pieces; i++)
		hdd_cache_punch(&m->cache, &m->g, s->piece[i].lba, s->piece[i].n);
	return t + ns + (m->p.plp ? m->p.accept_ns : m->p.flush_ns);
}

void hdd_flash_destage(struct hdd *m, uint64_t t, uint32_t extent)
{
	const struct hdd_extent *e = &m->cache.ext[extent];
	struct hdd_place next;
	uint64_t n = PIECE_BYTES / HDD_SECTOR;
	if (n >= e->n)
		n = e->n;
	m->destaging = n;
	m->destaging_cmds = n == e->n;
	hdd_tell_destaging(m, e->lba, n);
	m->c.destages++;
	m->c.media_writes++;
	m->c.media_write_bytes += n * HDD_SECTOR;
	occupy(m, t, program_ns(m, n * HDD_SECTOR, 1));
	if (n < e->n)
		hdd_locate(&m->g, e->lba + n, &next);
	hdd_cache_consume(&m->cache, extent, n, &next);
}
